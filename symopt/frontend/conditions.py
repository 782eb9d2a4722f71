"""Conditions of a select: the comparisons that they are made of, and when they say nothing."""

from __future__ import annotations

from symopt.ir.ops import COMPARISONS, LOGIC
from symopt.ir.program import Graph

PARTLY = {
    "div",
    "sqrt",
    "log",
    "log1p",
    "log1mexp",
    "xlogx",
    "asin",
    "acos",
    "acosh",
    "atanh",
    "mod",
    "sin",
    "cos",
    "tan",
    "sec",
    "csc",
    "cot",
    "root_less",
    "sinc",
    "atan2",
    "gamma",
    "loggamma",
    "digamma",
    "trigamma",
    "binomial",
}
"""Operations that may be NaN of a finite argument, powers apart."""


def comparisons(graph: Graph, condition: int) -> list[tuple[str, int, int]]:
    """Return the comparisons of a condition, less those that ask for NaN."""
    found, stack = [], [condition]
    while stack:
        node = graph.nodes[stack.pop()]
        if node.op in COMPARISONS and node.args[0] != node.args[1]:
            found.append((node.op, node.args[0], node.args[1]))
        elif node.op in LOGIC:
            stack += node.args
    return found


def nan_condition(graph: Graph, condition: int) -> int | None:
    """Return the condition that a comparison is of NaN, or None where none can be."""
    unknown: int | None = None
    for side in dict.fromkeys(
        side for _, *sides in comparisons(graph, condition) for side in sides
    ):
        if any(node.op in PARTLY or node.op == "pow" for node in graph.reachable(side)):
            is_nan = graph.op("ne", side, side)
            if unknown is None:
                unknown = is_nan
            else:
                unknown = graph.op("or", unknown, is_nan)
    return unknown
