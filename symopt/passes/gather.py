"""Gathering: additions to neighbouring entries, shifted to meet at one index.

``g[i] += a(i); g[i+1] += b(i)`` in a loop over i adds to an entry in two turns, which no vector
unit can do. As ``g[i] += a(i)`` and, for i from low + 1 to high + 1, ``g[i] += b(i - 1)``, both are
done in the same turn, and an entry is complete when the loop has passed it.
"""

from __future__ import annotations

from collections.abc import Sequence

from symopt.ir.index import Affine, Loop, constant, plus, substitute, variable
from symopt.ir.keys import Key
from symopt.ir.program import Graph, IndexValue, Load, LoopOf, Program, Statement, demand_order


def gather_additions(program: Program) -> Program:
    """Return the program with the shifts between the additions to an array undone.

    An addition is shifted along its innermost loop, where its node holds no sum over another loop
    (which would be computed once more for each shift).
    """
    graph = Graph()
    outputs = graph.inline(program, graph.input)
    anchors = _anchors(graph, outputs, program.statements)
    statements, moved = [], []
    for statement in program.statements:
        shift = _offset(graph, outputs, statement)
        if shift is None:
            by = 0
        else:
            by = shift - anchors[_family(statement, shift)]
        if by:
            new, outputs[statement.key] = _shift_addition(
                graph, statement, outputs[statement.key], by=by
            )
            moved.append(new)
        else:
            statements.append(statement)
    for statement in moved:
        _insert(statements, statement)
    return graph.program(outputs, statements)


def _insert(statements: list[Statement], late: Statement) -> None:
    """Insert an addition behind all others to its array."""
    place = max(number for number, one in enumerate(statements) if one.array == late.array)
    statements.insert(place + 1, late)


def _anchors(
    graph: Graph, outputs: dict[Key, int], statements: Sequence[Statement]
) -> dict[object, int]:
    """Return the offset that each family of additions is brought to: 0, or the least."""
    offsets: dict[object, set[int]] = {}
    for statement in statements:
        offset = _offset(graph, outputs, statement)
        if offset is not None:
            offsets.setdefault(_family(statement, offset), set()).add(offset)
    return {family: 0 if 0 in found else min(found) for family, found in offsets.items()}


def _family(statement: Statement, offset: int) -> object:
    """Return what additions share that differ in their offsets along the innermost loop alone."""
    loop = statement.loops[-1]
    at = tuple(
        plus(index, constant(-offset)) if _uses(index, loop) else index for index in statement.at
    )
    return statement.array, at, statement.loops


def _uses(index: Affine, loop: Loop) -> bool:
    return any(atom == loop for atom, _ in index.terms)


def _offset(graph: Graph, outputs: dict[Key, int], statement: Statement) -> int | None:
    """Return c where a statement adds to [.., loop + c, ..] and can be shifted."""
    if statement.kind != "add" or not statement.loops or statement.near:
        return None
    loop = statement.loops[-1]
    using = [index for index in statement.at if _uses(index, loop)]
    if len(using) != 1 or using[0].terms != ((loop, 1),):
        return None
    below = demand_order(graph.nodes, [outputs[statement.key]])
    if any(_ties(graph, number, loop) for number in below):
        return None
    return using[0].const


def _ties(graph: Graph, number: int, loop: Loop) -> bool:
    """Return whether a node is tied to a loop by a sum or a product over it."""
    payload = graph.nodes[number].payload
    if isinstance(payload, LoopOf):
        return payload.loop == loop
    return isinstance(payload, Loop) and loop in graph.loops(number)


def _shift_addition(
    graph: Graph, statement: Statement, node: int, by: int
) -> tuple[Statement, int]:
    """Shift the innermost loop i of an addition to i - ``by``, with its range."""
    loop = statement.loops[-1]
    moved = Loop(
        loop.order,
        f"{loop.name}{by:+d}",
        plus(loop.low, constant(by)),
        plus(loop.high, constant(by)),
    )
    new = {loop: plus(variable(moved), constant(-by))}
    at = tuple(substitute(index, new) for index in statement.at)
    shifted = statement._replace(loops=(*statement.loops[:-1], moved), at=at)
    return shifted, with_indices(graph, node, new)


def with_indices(graph: Graph, node: int, new: dict[Loop, Affine]) -> int:
    """Return a node with loop variables replaced in all that it reads.

    A sum over such a loop has a variable of its own, and stays as it is.
    """
    below = demand_order(graph.nodes, [node])
    bound = {number: number for number in below if graph.loops(number).isdisjoint(new)}

    def leaf(key: Key) -> int:
        if isinstance(key, Load):
            return graph.input(key._replace(at=tuple(substitute(index, new) for index in key.at)))
        if isinstance(key, IndexValue):
            return graph.input(IndexValue(substitute(key.value, new)))
        return graph.input(key)

    return graph.substitute([node], bound, leaf)[node]
