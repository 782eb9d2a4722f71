"""Which nodes are above zero whatever the parameters are, in doubles too (NaN aside)."""

from __future__ import annotations

from symopt.ir.program import Graph

DEEPEST = 12  # nodes in nodes; below that nothing is known
NOT_NEGATIVE = {"abs", "sqrt", "exp", "cosh", "sigmoid", "softplus"}


def is_positive(graph: Graph, number: int, depth: int = DEEPEST) -> bool:
    """Return whether a node is a positive number, or a sum of one and of what is not negative."""
    op, args, _ = graph.nodes[number]
    value = graph.value(number)
    if value is not None:
        return value > 0.0
    if op == "cosh":
        return True
    if op != "add" or not depth:
        return op == "sqrt" and depth > 0 and is_positive(graph, args[0], depth - 1)
    pairs = (args, args[::-1])
    return any(
        is_positive(graph, a, depth - 1) and is_not_negative(graph, b, depth - 1) for a, b in pairs
    )


def is_not_negative(graph: Graph, number: int, depth: int = DEEPEST) -> bool:
    """Return whether a node is never below zero: an even power, and sums and products of such."""
    op, args, _ = graph.nodes[number]
    value, power = graph.value(number), graph.value(args[1]) if op == "pow" else None
    if value is not None:
        return value >= 0.0
    if op in NOT_NEGATIVE or (power is not None and power % 2.0 == 0.0):
        return True
    if op not in ("add", "mul", "div", "pow") or not depth:
        return False
    return all(
        is_not_negative(graph, arg, depth - 1) for arg in (args[:1] if op == "pow" else args)
    )
