"""Fused multiply-add: a*b + c as one operation, rounded once.

Formed after the derivatives (before them, fma(-x, x, y) would hide the square) and by the shape
of a node alone, never by how often it is used: so a value computed alone, beside its gradient or
inside a run has the same bits.
"""

from __future__ import annotations

import math

from symopt.autodiff.partials import expand_others
from symopt.ir.keys import Gradient
from symopt.ir.program import Graph, LoopOf, Node, Program

LARGEST_PRODUCT = 64  # a whole power up to this is a product by repeated squaring
LATE_INPUT = 1_000  # a gradient is known long after the states it is added to


def form_fma(program: Program) -> Program:
    """Return the program with every sum of a product and another term as an ``fma``.

    Of two products the deeper one is fused, so that the shallower is ready before it.
    """
    program = program.rewrite(_write_out)
    depth: list[int] = []
    for node in program.nodes:
        late = isinstance(node.payload, Gradient)
        depth.append(LATE_INPUT if late else max((depth[arg] + 1 for arg in node.args), default=0))

    def build(graph: Graph, _: int, node: Node, args: tuple[int, ...]) -> int | None:
        if node.op not in ("add", "sub"):
            return None
        first, second = node.args
        return _fuse(
            graph, node.op, args[0], b=args[1], first_is_deeper=depth[first] >= depth[second]
        )

    return program.rewrite(build)


def _write_out(graph: Graph, _: int, node: Node, args: tuple[int, ...]) -> int | None:
    """Write out a node that derivatives know as a whole, and machine code does not."""
    if isinstance(node.payload, LoopOf):
        return expand_others(graph, args[0], node.payload.loop)
    if node.op == "vanishing":
        return _nothing_of_nothing(graph, args[0], graph.op("mul", *args))
    if node.op in ("guarded", "steep"):
        return _nothing_of_nothing(graph, *args)
    if node.op == "logaddexp":
        return _log_of_two(graph, *args)
    if node.op == "pow":
        return power_of(graph, *args)
    return None


def _log_of_two(graph: Graph, a: int, b: int) -> int:
    """Return log(e**a + e**b) as the larger and log(1 + e**-|a - b|)."""
    larger = graph.op("select", graph.op("lt", a, b), b, a)
    gap = graph.op("neg", graph.op("abs", graph.op("sub", a, b)))
    return graph.op("add", larger, graph.op("softplus", gap))


def _nothing_of_nothing(graph: Graph, factor: int, product: int) -> int:
    zero = graph.const(0.0)
    return graph.op("select", graph.op("eq", factor, zero), zero, product)


def write_out_powers(program: Program) -> Program:
    """Return the program with fixed whole and half powers as products, roots and quotients."""
    return program.rewrite(
        lambda graph, _, node, args: power_of(graph, *args) if node.op == "pow" else None
    )


def power_of(graph: Graph, base: int, exponent: int) -> int | None:
    """Return a power with a fixed whole or half exponent, by repeated squaring; else None."""
    power = graph.value(exponent)
    if power is None or not abs(power) <= LARGEST_PRODUCT or 2.0 * power != math.floor(2.0 * power):
        return None
    whole = math.floor(abs(power))
    factors = []
    if whole:
        factors = [_product_of(graph, base, whole)]
    factors += [graph.op("sqrt", base)] if abs(power) != whole else []
    if len(factors) == 1:
        product = factors[0]
    else:
        product = graph.op("mul", *factors)
    if power < 0.0:
        return graph.op("div", graph.const(1.0), product)
    return product


def _product_of(graph: Graph, base: int, times: int) -> int:
    result, square = None, base
    while times:
        if times & 1:
            if result is None:
                result = square
            else:
                result = graph.op("mul", result, square)
        times >>= 1
        if times:
            square = graph.op("mul", square, square)
    assert result is not None
    return result


def _fuse(graph: Graph, op: str, a: int, b: int, first_is_deeper: bool) -> int | None:
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
    inner = node
    if node.op == "neg":
        inner = graph.nodes[node.args[0]]
    if inner.op != "mul":
        return None
    x, y = inner.args
    return (graph.op("neg", x) if node.op == "neg" else x), y
