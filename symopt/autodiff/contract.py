"""Fused multiply-add: a*b + c as one operation, rounded once.

Formed after the derivatives (before them, fma(-x, x, y) would hide the square) and by the shape
of a node alone, never by how often it is used: so a value computed alone, beside its gradient or
inside a run has the same bits.
"""

from __future__ import annotations

from symopt.autodiff.partials import expanded_others
from symopt.autodiff.program import Graph, Node, Over, Program

LATE_INPUT = 1_000  # a gradient is known long after the states it is added to


def contracted(program: Program) -> Program:
    """Return the program with every sum of a product and another term as an ``fma``.

    Of two products the deeper one is fused, so that the shallower is ready before it.
    """
    program = program.rebuilt(_written_out)
    depth: list[int] = []
    for node in program.nodes:
        late = isinstance(node.payload, tuple) and node.payload[0] == "grad"
        depth.append(LATE_INPUT if late else max((depth[arg] + 1 for arg in node.args), default=0))

    def build(graph: Graph, _: int, node: Node, args: tuple[int, ...]) -> int | None:
        if node.op not in ("add", "sub"):
            return None
        first, second = node.args
        return _fused(graph, node.op, args[0], args[1], depth[first] >= depth[second])

    return program.rebuilt(build)


def _written_out(graph: Graph, _: int, node: Node, args: tuple[int, ...]) -> int | None:
    """Return the operations that ``others`` stands for: derivatives know it as a whole, machine code does not."""
    if not isinstance(node.payload, Over):
        return None
    return expanded_others(graph, args[0], node.payload.loop)


def _fused(graph: Graph, op: str, a: int, b: int, first_is_deeper: bool) -> int | None:
    first, second = _product(graph, a), _product(graph, b)
    if first and (first_is_deeper or not second):
        return graph.op("fma", *first, b if op == "add" else graph.op("neg", b))
    if second:
        x, y = second
        return graph.op("fma", x if op == "add" else graph.op("neg", x), y, a)
    return None


def _product(graph: Graph, number: int) -> tuple[int, int] | None:
    """Return the factors of a product, the sign of a negated one with the first."""
    node = graph.nodes[number]
    inner = graph.nodes[node.args[0]] if node.op == "neg" else node
    if inner.op != "mul":
        return None
    x, y = inner.args
    return (graph.op("neg", x) if node.op == "neg" else x), y
