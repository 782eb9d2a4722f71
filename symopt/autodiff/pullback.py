"""What a node passes on to its arguments in reverse mode, in an order that stays within the doubles.

Most operations pass on seed*slope. A quotient a/b does not: its slope -a/b**2 may leave the
doubles although seed*a/b, the change of J by the logarithm of b, is an ordinary number. So the
product seed*(a/b) is formed first, and then divided. Powers below the line pass on to their base
at once, as (1/x**3)' = -3*(1/x**3)/x, where x**3 may be infinite.
"""

from __future__ import annotations

from symopt.autodiff.moving import Moving
from symopt.autodiff.partials import partials
from symopt.autodiff.program import Graph

Passed = tuple[int, int]
"""An argument, or a node below it, and what it is passed."""


def passed_on(graph: Graph, number: int, seed: int, moving: Moving) -> list[Passed]:
    """Return what a node of known slopes passes on to those below it that depend on parameters."""
    node = graph.nodes[number]
    if node.op == "div" and node.args[1] in moving:
        return _of_quotient(graph, number, seed, moving)
    if node.op == "pow" and _is_reciprocal(graph, node.args[1]):
        return [(node.args[0], _by_base(graph, number, node.args[0], node.args[1], seed))]
    slopes = zip(node.args, partials(graph, number), strict=True)
    return [(arg, graph.op("mul", seed, slope)) for arg, slope in slopes if slope is not None and arg in moving]


def _of_quotient(graph: Graph, number: int, seed: int, moving: Moving) -> list[Passed]:
    a, b = graph.nodes[number].args
    base, power = _power(graph, b)
    passed = []
    quotient = graph.op("div", seed, b)
    if a in moving:
        passed.append((a, quotient))
    if a in moving and base == b:
        # the quotient is there already: no second division
        return [*passed, (b, graph.op("neg", graph.op("mul", number, quotient)))]
    return [*passed, (base, _by_base(graph, number, base, graph.op("neg", power), seed))]


def _by_base(graph: Graph, number: int, base: int, power: int, seed: int) -> int:
    """Return seed*power*node/base, the change by the base of a node that is a multiple of base**power."""
    change = graph.op("mul", graph.op("mul", seed, number), power)
    inverse = graph.nodes[number]
    if inverse.op == "div" and graph.value(inverse.args[0]) == 1.0 and inverse.args[1] == base:
        return graph.op("mul", change, number)
    return graph.op("div", change, base)


def _power(graph: Graph, number: int) -> tuple[int, int]:
    """Return base and exponent of a fixed power, or the node itself and 1."""
    node = graph.nodes[number]
    if node.op == "pow" and graph.value(node.args[1]) is not None:
        return node.args[0], node.args[1]
    return number, graph.const(1.0)


def _is_reciprocal(graph: Graph, exponent: int) -> bool:
    power = graph.value(exponent)
    return power is not None and power < 0.0
