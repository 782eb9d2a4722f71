"""Where J jumps: at the steps of floor, Mod and sign it has no second derivative, whatever its slopes say."""

from __future__ import annotations

from symopt.autodiff.moving import Moving
from symopt.autodiff.program import Graph
from symopt.autodiff.terms import added

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
            parts.append(graph.op("select", AT_STEP[node.op](graph, number), graph.const(float("nan")), zero))
        if node.op == "select" and parts:
            condition, yes, no = node.args
            parts = [graph.op("select", condition, jumps.get(yes, zero), jumps.get(no, zero))]
        if parts:
            jumps[number] = added(graph, parts)
    return jumps.get(top)
