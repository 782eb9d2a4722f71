"""Jumps of J, at steps and between branches: it has no second derivative there."""

from __future__ import annotations

from symopt.frontend.conditions import comparisons
from symopt.frontend.moving import Moving
from symopt.frontend.terms import add
from symopt.ir.program import Graph

AT_STEP = {
    "floor": lambda graph, number: graph.op("eq", number, *graph.nodes[number].args),
    "mod": lambda graph, number: graph.op("eq", number, graph.const(0.0)),
    "sign": lambda graph, number: graph.op("eq", *graph.nodes[number].args, graph.const(0.0)),
}
"""The condition under which a function jumps."""


def nan_at_jumps(graph: Graph, top: int) -> int | None:
    """Return a node that is NaN where ``top`` jumps and 0 elsewhere; None where it never does.

    A branch of a select that is not taken does not jump.
    """
    moving, zero = Moving(graph), graph.const(0.0)
    jumps: dict[int, int] = {}
    for number in range(top + 1):
        node = graph.nodes[number]
        parts = [jumps[arg] for arg in dict.fromkeys(node.args) if arg in jumps]
        if node.op in AT_STEP and number in moving:
            parts.append(
                graph.op("select", AT_STEP[node.op](graph, number), graph.const(float("nan")), zero)
            )
        if node.op == "select" and parts:
            condition, yes, no = node.args
            parts = [graph.op("select", condition, jumps.get(yes, zero), jumps.get(no, zero))]
        if node.op == "select":
            parts += _between_branches(graph, number, moving)
        if parts:
            jumps[number] = add(graph, parts)
    return jumps.get(top)


def _between_branches(graph: Graph, number: int, moving: Moving) -> list[int]:
    """Return NaN where the sides of an inequality are equal and the branches are not."""
    condition, yes, no = graph.nodes[number].args
    apart, nan, zero = graph.op("ne", yes, no), graph.const(float("nan")), graph.const(0.0)
    sides = [(a, b) for op, a, b in comparisons(graph, condition) if op in ("lt", "le")]
    tied = [graph.op("eq", a, b) for a, b in sides if a in moving or b in moving]
    return [graph.op("select", graph.op("and", tie, apart), nan, zero) for tie in tied]
