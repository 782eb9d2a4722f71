"""Operations in forms that neither overflow nor cancel, as an expression is built.

Every operation of an expression is made here, so that a form is known whatever it was written as:
numbers are compared by value, sums and products as terms and factors. ``logarithms``,
``complements`` (1 - f) and ``quotients`` (of exponentials) know the forms; here are powers, roots
and even functions, and u*log(u).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

from symopt.frontend.complements import without_cancellation
from symopt.frontend.logarithms import log_of
from symopt.frontend.moving import Moving
from symopt.frontend.quotients import without_overflow
from symopt.frontend.terms import Terms, add, multiply, scale, split_scale, sum_of, terms_of
from symopt.ir.program import Graph

ODD = (
    "sin",
    "tan",
    "sinh",
    "tanh",
    "asin",
    "atan",
    "asinh",
    "atanh",
    "erf",
    "csc",
    "cot",
    "csch",
    "coth",
    "sign",
)
LOGARITHMS = ("log", "log1p")


def operation(graph: Graph, name: str, *args: int) -> int:
    """Return an operation on nodes in its stable form."""
    build = FORMS.get(name)
    if build is None:
        return graph.op(name, *args)
    return build(graph, *args)


def total(graph: Graph, nodes: Sequence[int]) -> int:
    """Return a sum of nodes, from left to right unless it cancels."""
    stable = without_cancellation(graph, nodes)
    if stable is None:
        return add(graph, nodes)
    return stable


def product(
    graph: Graph, coefficient: float, above: Sequence[int], below: Sequence[int], moving: Moving
) -> int:
    """Return coefficient*above/below, the factors from left to right, with one division."""
    constant, above, below = without_overflow(graph, above, below)
    node = multiply(graph, _with_logarithms(graph, _with_signs(graph, above), moving))
    node = graph.op("mul", graph.const(coefficient * constant), node)
    if below:
        return graph.op("div", node, multiply(graph, below))
    return node


def _with_signs(graph: Graph, factors: list[int]) -> list[int]:
    """Return factors with u*sign(u) as |u|, and |u|*sign(u) as u."""
    for sign in factors:
        if graph.nodes[sign].op != "sign":
            continue
        (argument,) = graph.nodes[sign].args
        size = operation(graph, "abs", argument)
        for one, other in ((argument, size), (size, argument)):
            if one in factors:
                return [*(factor for factor in factors if factor not in (sign, one)), other]
    return factors


def _with_logarithms(graph: Graph, factors: list[int], moving: Moving) -> list[int]:
    """Return factors with a logarithm that vanishes where its own factors do, as u*log(u)."""
    for place, log in enumerate(factors):
        constant, node = split_scale(graph, log) or (1.0, log)
        if graph.nodes[node].op not in LOGARITHMS or len(factors) == 1:
            continue
        rest = [*factors[:place], *factors[place + 1 :]]
        if not any(factor in moving for factor in rest) or _shares_base(graph, node, rest):
            return [
                graph.op(
                    "mul", graph.const(constant), _vanishing(graph, multiply(graph, rest), node)
                )
            ]
    return factors


def _vanishing(graph: Graph, factor: int, log: int) -> int:
    if graph.nodes[log].op == "log" and graph.nodes[log].args[0] == factor:
        return graph.op("xlogx", factor)
    return graph.op("vanishing", factor, log)


def _shares_base(graph: Graph, log: int, factors: Sequence[int]) -> bool:
    """Return whether a factor is zero where the argument of a logarithm is."""
    argument = graph.nodes[log].args[0]
    if graph.nodes[log].op == "log1p":
        argument = graph.op("add", graph.const(1.0), argument)
    return _base(graph, argument) in {_base(graph, factor) for factor in factors}


def _base(graph: Graph, number: int) -> int:
    """Return u of powers, roots and absolute values of u."""
    while graph.nodes[number].op in ("pow", "abs", "sqrt"):
        number = graph.nodes[number].args[0]
    return number


def _even(name: str) -> Callable[[Graph, int], int]:
    """Return the form of an even function: the sign of its argument does not count."""

    def build(graph: Graph, u: int) -> int:
        factor, inner = split_scale(graph, u) or (1.0, u)
        if graph.nodes[inner].op == "abs":
            (inner,) = graph.nodes[inner].args
        return graph.op(name, graph.op("mul", graph.const(abs(factor)), inner))

    return build


def _odd(name: str, graph: Graph, u: int) -> int:
    """Return an odd function, the sign of its argument before it."""
    factor, inner = split_scale(graph, u) or (1.0, u)
    node = graph.op(name, graph.op("mul", graph.const(abs(factor)), inner))
    if factor > 0.0:
        return node
    return graph.op("neg", node)


def _absolute(graph: Graph, u: int) -> int:
    if _is_even_power(graph, u):
        return u
    return _even("abs")(graph, u)


def _is_even_power(graph: Graph, number: int) -> bool:
    op, args, _ = graph.nodes[number]
    power = None
    if op == "pow":
        power = graph.value(args[1])
    return power is not None and power % 2.0 == 0.0


def _root(graph: Graph, u: int) -> int:
    """Return sqrt(c*v**(2*k)) as sqrt(c)*|v|**k."""
    factor, even = split_scale(graph, u) or (1.0, u)
    if factor <= 0.0 or not _is_even_power(graph, even):
        return graph.op("sqrt", u)
    base, power = graph.nodes[even].args
    half = graph.const(0.5 * (graph.value(power) or 0.0))
    return scale(graph, math.sqrt(factor), _power(graph, _absolute(graph, base), half))


def _power(graph: Graph, base: int, exponent: int) -> int:
    """Return a power; an even one of |u| or sqrt(u) is one of u, and (u**2)**p is |u|**(2*p)."""
    power = graph.value(exponent)
    if power is None:
        return graph.op("pow", base, exponent)
    op, args, _ = graph.nodes[base]
    if power % 2.0 == 0.0 and op in ("abs", "neg"):
        return _power(graph, args[0], exponent)
    if power % 2.0 == 0.0 and op == "sqrt":
        return _power(graph, args[0], graph.const(0.5 * power))
    if power != int(power) and _is_even_power(graph, base):
        return _power(graph, _absolute(graph, args[0]), graph.op("mul", exponent, args[1]))
    if op == "exp":
        return graph.op("exp", graph.op("mul", exponent, args[0]))
    if power == 0.5:
        return _root(graph, base)
    return graph.op("pow", base, exponent)


def _acosh(graph: Graph, u: int) -> int:
    """Return acosh(1 + t) as 2*asinh(sqrt(t/2)), which keeps the digits of a small t."""
    op, args, _ = graph.nodes[u]
    terms = None
    if op in ("add", "sub"):
        terms = terms_of(graph, [u])
    if op == "exp":
        small = graph.op("expm1", args[0])
    elif terms is not None and terms.constant == 1.0:
        small = sum_of(graph, Terms(0.0, terms.parts))
    else:
        return graph.op("acosh", u)
    root = operation(graph, "sqrt", scale(graph, 0.5, small))
    return scale(graph, 2.0, operation(graph, "asinh", root))


def _undone(inner: str, otherwise: Callable[[Graph, int], int]) -> Callable[[Graph, int], int]:
    """Return the form of an inverse function: of the function itself it is the argument."""

    def build(graph: Graph, u: int) -> int:
        op, args, _ = graph.nodes[u]
        if op == inner:
            return args[0]
        return otherwise(graph, u)

    return build


FORMS: dict[str, Callable[..., int]] = {
    "log": log_of,
    "pow": _power,
    "sqrt": _root,
    "abs": _absolute,
    "cos": _even("cos"),
    "cosh": _even("cosh"),
    "sinc": _even("sinc"),
    **{name: partial(_odd, name) for name in ODD},
    "acosh": _acosh,
    "asinh": _undone("sinh", partial(_odd, "asinh")),
    "atanh": _undone("tanh", partial(_odd, "atanh")),
}
