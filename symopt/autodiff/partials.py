"""Local derivatives: what each operation passes on to its arguments.

The derivative of an elementary function is asked of SymPy (``fdiff``) and built in the same
graph, where the value is met again: tanh' = 1 - tanh**2 costs one operation. At a kink the
subgradient is fixed: sign(0) = 0 is the slope of abs at 0, the slope of sqrt at 0 is 0 (so that
sqrt(x**2 + y**2) has gradient 0 at the origin), a tie of Max or Min belongs to the first, and
the steps of floor and sign have slope 0.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import sympy as sp

from symopt.autodiff.index import Loop
from symopt.autodiff.lower import FUNCTIONS, lower
from symopt.autodiff.program import COMPARISONS, LOGIC, Graph, Node, Over

Partial = Callable[[Graph, int], list[int | None]]
"""Given a node, the derivative of it by each argument: a node, or None for zero everywhere."""


def partials(graph: Graph, number: int) -> list[int | None]:
    """Return the partial derivatives of a node by its arguments."""
    op = graph.nodes[number].op
    if op in COMPARISONS or op in LOGIC or op in ("sign", "floor"):
        return [None] * len(graph.nodes[number].args)
    if op in LOCAL:
        return LOCAL[op](graph, number)
    argument = graph.nodes[number].args[0]
    return [lower(graph, _slope(op), lambda _: argument)]


def expanded_others(graph: Graph, factor: int, loop: Loop) -> int:
    """Return the product over a loop of all factors but one.

    That is the quotient where no factor is zero; else the product of the others if this is the
    only zero, and 0 otherwise.
    """
    zero, one = graph.const(0.0), graph.const(1.0)
    is_zero, zeros, product, divisor = _zeros(graph, factor, loop)
    quotient = graph.op("div", product, divisor)
    alone = graph.op("and", is_zero, graph.op("eq", zeros, one))
    some = graph.op("select", alone, product, zero)
    return graph.op("select", graph.op("eq", zeros, zero), quotient, some)


def _zeros(graph: Graph, factor: int, loop: Loop) -> tuple[int, int, int, int]:
    """Return whether a factor is zero, how many are, the product of the rest, and the factor or 1 for zero."""
    zero, one = graph.const(0.0), graph.const(1.0)
    is_zero = graph.op("eq", factor, zero)
    divisor = graph.op("select", is_zero, one, factor)
    zeros = graph.reduce("sum", loop, graph.op("select", is_zero, one, zero))
    return is_zero, zeros, graph.reduce("prod", loop, divisor), divisor


def others_tangent(graph: Graph, node: Node, dot: int) -> int:
    """Return the change of the product of all factors but one, whose factors change by ``dot``.

    The sum over another factor of its change times the product of all but the two: of these the
    zeros must be all that there are.
    """
    assert isinstance(node.payload, Over)
    (factor,), loop = node.args, node.payload.loop
    zero, op = graph.const(0.0), graph.op
    is_zero, zeros, product, divisor = _zeros(graph, factor, loop)
    rate = op("div", dot, divisor)
    of_zeros = graph.reduce("sum", loop, op("select", is_zero, dot, zero))
    of_rest = graph.reduce("sum", loop, op("select", is_zero, zero, rate))
    count = [op("eq", zeros, graph.const(float(k))) for k in range(3)]
    two = op("select", op("and", count[2], is_zero), op("sub", of_zeros, dot), zero)
    one = op("select", count[1], op("select", is_zero, of_rest, of_zeros), two)
    change = op("select", count[0], op("sub", of_rest, rate), one)
    return op("mul", op("div", product, divisor), change)


@cache
def _slope(op: str) -> sp.Basic:
    """Return f'(z) as SymPy knows it."""
    function = {name: kind for kind, name in FUNCTIONS.items()}[op]
    return function(sp.Symbol("z", real=True)).fdiff(1)


def _args(graph: Graph, number: int) -> tuple[int, ...]:
    return graph.nodes[number].args


def _mul(graph: Graph, number: int) -> list[int | None]:
    a, b = _args(graph, number)
    return [graph.op("mul", graph.const(2.0), a), None] if a == b else [b, a]


def _div(graph: Graph, number: int) -> list[int | None]:
    _, b = _args(graph, number)
    inverse = graph.op("div", graph.const(1.0), b)
    return [inverse, graph.op("neg", graph.op("div", number, b))]


def _sqrt(graph: Graph, number: int) -> list[int | None]:
    slope = graph.op("div", graph.const(0.5), number)
    at_zero = graph.op("eq", number, graph.const(0.0))
    return [graph.op("select", at_zero, graph.const(0.0), slope)]


def _pow(graph: Graph, number: int) -> list[int | None]:
    base, exponent = _args(graph, number)
    lower_power = graph.op("pow", base, graph.op("sub", exponent, graph.const(1.0)))
    by_base = graph.op("mul", exponent, lower_power)
    growth = graph.op("mul", number, graph.op("log", base))
    at_zero = graph.op("eq", base, graph.const(0.0))
    return [by_base, graph.op("select", at_zero, graph.const(0.0), growth)]


def _sigmoid(graph: Graph, number: int) -> list[int | None]:
    (a,) = _args(graph, number)
    # 1 - sigmoid(u) = sigmoid(-u), without cancellation
    return [graph.op("mul", number, graph.op("sigmoid", graph.op("neg", a)))]


def _log1p(graph: Graph, number: int) -> list[int | None]:
    one = graph.const(1.0)
    return [graph.op("div", one, graph.op("add", one, *_args(graph, number)))]


LOCAL: dict[str, Partial] = {
    "add": lambda g, _: [g.const(1.0), g.const(1.0)],
    "sub": lambda g, _: [g.const(1.0), g.const(-1.0)],
    "neg": lambda g, _: [g.const(-1.0)],
    "mul": _mul,
    "div": _div,
    "sqrt": _sqrt,
    "pow": _pow,
    "abs": lambda g, n: [g.op("sign", *_args(g, n))],
    "softplus": lambda g, n: [g.op("sigmoid", *_args(g, n))],
    "sigmoid": _sigmoid,
    "log1p": _log1p,
    "expm1": lambda g, n: [g.op("exp", *_args(g, n))],
    "xlogx": lambda g, n: [g.op("add", g.op("log", *_args(g, n)), g.const(1.0))],
}
