"""What in a step depends on inputs of some kinds; products of what does not, joined."""

from __future__ import annotations

from symopt.ir.keys import (
    CostValue,
    GlobalSum,
    Gradient,
    HessianProduct,
    Key,
    NewState,
    Normal,
    OldState,
    Solution,
    TypedKey,
)
from symopt.ir.program import Graph, Node, Program
from symopt.ir.update import Initial

Kinds = tuple[type[TypedKey] | str, ...]

VECTOR: Kinds = ("theta", Gradient, Solution, HessianProduct, Normal)
"""Inputs that differ from coordinate to coordinate."""

LATE: Kinds = (*VECTOR, GlobalSum, CostValue)
"""Inputs that are not known before the cost is evaluated."""


def find_dependent_nodes(program: Program, states: set[str], kinds: Kinds) -> list[bool]:
    """Return, for each node, whether it depends on inputs of these kinds or on these states."""
    result: list[bool] = []
    for node in program.nodes:
        result.append(
            _depends_directly(node.payload, states, kinds)  # type: ignore[arg-type]
            if node.op == "input"
            else any(result[arg] for arg in node.args)
        )
    return result


def _depends_directly(key: Key, states: set[str], kinds: Kinds) -> bool:
    if isinstance(key, OldState) and key.which in states:
        return True
    return key in kinds or type(key) in kinds


def find_dependent_states(program: Program, initial: dict[str, Initial], kinds: Kinds) -> set[str]:
    """Return the states that inputs of these kinds reach, now or through other states."""
    found = {name for name, start in initial.items() if start in ("theta0", "grad0")}
    while True:
        nodes = find_dependent_nodes(program, found, kinds)
        more = found | {name for name in initial if nodes[program.outputs[NewState(name)]]}
        if more == found:
            return found
        found = more


def reassociate(program: Program, late_states: set[str]) -> Program:
    """Return the program with each product's early factors joined into one.

    Early is what is known once a step: eta*m/(1 - beta**t) becomes (eta/(1 - beta**t))*m, whose
    quotient serves all coordinates and lanes.
    """
    late = find_dependent_nodes(program, late_states, LATE)

    def build(graph: Graph, number: int, node: Node, args: tuple[int, ...]) -> int | None:  # noqa: ARG001
        if node.op not in PRODUCTS or not late[number]:
            return None
        return _product(graph, _factors(program, late, number), late, made=made)

    made: dict[int, int] = {}
    return program.rewrite(build, made)


PRODUCTS = ("mul", "div", "neg")

Factors = tuple[list[int], list[int], bool]


def _factors(program: Program, late: list[bool], root: int) -> Factors:
    """Return what is multiplied, what it is divided by, and whether the sign changes."""
    above: list[int] = []
    below: list[int] = []
    negative = False
    stack = [(root, False)]
    while stack:
        number, divides = stack.pop()
        op, args, _ = program.nodes[number]
        if op not in PRODUCTS or not late[number]:
            (below if divides else above).append(number)
        elif op == "neg":
            negative = not negative
            stack.append((args[0], divides))
        else:
            stack += [(args[1], divides != (op == "div")), (args[0], divides)]
    return above, below, negative


def _product(graph: Graph, factors: Factors, late: list[bool], made: dict[int, int]) -> int:
    above, below, negative = factors

    def joined(numbers: list[int], start: int | None = None) -> int | None:
        for number in numbers:
            if start is None:
                start = made[number]
            else:
                start = graph.op("mul", start, made[number])
        return start

    scale = joined([number for number in above if not late[number]])
    divisor = joined([number for number in below if not late[number]])
    if divisor is not None:
        scale = graph.op("div", graph.const(1.0) if scale is None else scale, divisor)
    if negative:
        if scale is None:
            scale = graph.const(-1.0)
        else:
            scale = graph.op("neg", scale)
    product = joined([number for number in above if late[number]], scale)
    if product is None:
        product = graph.const(1.0)
    quotient = joined([number for number in below if late[number]])
    if quotient is None:
        return product
    return graph.op("div", product, quotient)
