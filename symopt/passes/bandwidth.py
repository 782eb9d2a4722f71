"""The sparsity of chains: how far apart two parameters can be that meet in one term of a sum."""

from __future__ import annotations

from symopt.ir.index import Loop
from symopt.ir.program import Load, Program, demand_order

LINEAR = {"add", "sub", "neg"}


def half_width(value: Program) -> int | None:
    """Return b such that the Hessian is 0 where |row - column| > b, or None.

    It is known where J is a linear combination of sums over one loop each, whose terms read the
    one parameter array at the loop's variable plus constants.
    """
    if value.statements:
        return None
    widths = [0]
    stack = [value.outputs["J"]]
    while stack:
        node = value.nodes[stack.pop()]
        if node.op in LINEAR or (
            node.op in ("mul", "div") and any(_is_fixed(value, arg) for arg in node.args)
        ):
            stack.extend(node.args)
        elif isinstance(node.payload, Loop) and node.op == "sum":
            width = _spread(value, node.args[0], node.payload)
            if width is None:
                return None
            widths.append(width)
        elif not _is_fixed(value, *node.args) or isinstance(node.payload, Load):
            if isinstance(node.payload, Loop):
                width = None
            else:
                width = _spread_of_entries(value, node.args)
            if width is None:
                return None
            widths.append(width)
    return max(widths)


def _is_fixed(value: Program, *roots: int) -> bool:
    """Return whether nodes hold no parameter."""
    return not any(
        isinstance(value.nodes[n].payload, Load) and value.nodes[n].payload.array[0] == "x"  # type: ignore[union-attr]
        for n in demand_order(value.nodes, roots)
    )


def _spread(value: Program, body: int, loop: Loop) -> int | None:
    offsets = set()
    for number in demand_order(value.nodes, [body]):
        payload = value.nodes[number].payload
        if isinstance(payload, Loop):
            return None
        if isinstance(payload, Load) and payload.array[0] == "x":
            if len(payload.at) != 1 or payload.at[0].terms != ((loop, 1),):
                return None
            offsets.add(payload.at[0].const)
    if offsets:
        return max(offsets) - min(offsets)
    return 0


def _spread_of_entries(value: Program, roots: tuple[int, ...]) -> int | None:
    """Return the spread of a term outside all sums: known where it reads one entry only."""
    entries = set()
    for number in demand_order(value.nodes, roots):
        payload = value.nodes[number].payload
        if isinstance(payload, Loop):
            return None
        if isinstance(payload, Load) and payload.array[0] == "x":
            entries.add(payload.at)
    if len(entries) <= 1:
        return 0
    return None
