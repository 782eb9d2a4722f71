"""Logarithms of products of gamma functions and binomial coefficients, which overflow early.

log(gamma(x)/gamma(y)) is loggamma(x) - loggamma(y) where both arguments are above 0; elsewhere it
is the logarithm of what the quotient is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from symopt.frontend.terms import Factors, add, multiply, scale
from symopt.ir.program import Graph

GAMMAS = ("gamma", "binomial")
LARGE = 1e300
"""A binomial coefficient beyond which its logarithm is a difference of others."""
LogOf = Callable[[Graph, int], int]


def log_of_gammas(graph: Graph, node: int, factors: Factors, log_of: LogOf) -> int | None:
    """Return the logarithm of a product that has gamma functions in it, or None."""
    gammas = [part for part in factors.parts if graph.nodes[part[0]].op in GAMMAS]
    if not gammas:
        return None
    logs = [scale(graph, power, _log(graph, base)) for base, power in gammas]
    rest = _rest(graph, factors)
    if rest is not None:
        logs.append(log_of(graph, rest))
    return _where(graph, [base for base, _ in gammas], add(graph, logs), node)


def _rest(graph: Graph, factors: Factors) -> int | None:
    """Return the product of the other factors, or None where there are none."""
    others = [part for part in factors.parts if graph.nodes[part[0]].op not in GAMMAS]
    if not others and not factors.powers and factors.constant == 1.0:
        return None
    nodes = [graph.op("pow", base, graph.const(power)) for base, power in others]
    nodes += [graph.op("pow", base, exponent) for base, exponent in factors.powers]
    return multiply(graph, [graph.const(factors.constant), *nodes])


def _arguments(graph: Graph, node: int) -> list[int]:
    """Return the arguments of the gamma functions that a node is made of."""
    op, args, _ = graph.nodes[node]
    if op == "gamma":
        return [args[0]]
    n, k = args
    one = graph.const(1.0)
    return [graph.op("add", part, one) for part in (n, k, graph.op("sub", n, k))]


def _log(graph: Graph, node: int) -> int:
    """Return the logarithm of gamma(u), u > 0, or of a binomial coefficient."""
    logs = [graph.op("loggamma", argument) for argument in _arguments(graph, node)]
    if len(logs) == 1:
        return logs[0]
    far = graph.op("sub", graph.op("sub", logs[0], logs[1]), logs[2])
    near = graph.op("lt", node, graph.const(LARGE))
    return graph.op("select", near, graph.op("log", node), far)


def _where(graph: Graph, bases: Sequence[int], stable: int, node: int) -> int:
    """Return the stable form where every gamma function is above 0, else the logarithm itself."""
    condition: int | None = None
    for base in bases:
        for argument in _arguments(graph, base):
            above = graph.op("lt", graph.const(0.0), argument)
            if condition is None:
                condition = above
            else:
                condition = graph.op("and", condition, above)
    assert condition is not None
    return graph.op("select", condition, stable, graph.op("log", node))
