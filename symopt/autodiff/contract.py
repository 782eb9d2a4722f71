"""Fused multiply-add: a*b + c as one operation, rounded once.

Formed after the derivatives (before them, fma(-x, x, y) would hide the square) and by the shape
of a node alone, never by how often it is used: so a value computed alone, beside its gradient or
inside a run has the same bits.
"""

from __future__ import annotations

from symopt.autodiff.program import Graph, Program


def contracted(program: Program) -> Program:
    """Return the program with every sum of a product and another term as an ``fma``."""
    return program.rebuilt(lambda graph, _, node, args: _fused(graph, node.op, *args))


def _fused(graph: Graph, op: str, *args: int) -> int | None:
    if op not in ("add", "sub"):
        return None
    a, b = args
    if graph.nodes[a].op == "mul":
        return graph.op("fma", *graph.nodes[a].args, b if op == "add" else graph.op("neg", b))
    if graph.nodes[b].op == "mul":
        x, y = graph.nodes[b].args
        return graph.op("fma", x if op == "add" else graph.op("neg", x), y, a)
    return None
