"""Simplifications while a graph is built: each returns the simpler node or None.

They are exact for every finite value; 0*x is 0 also where x is infinite or NaN, as SymPy has it:
a term that is absent stays absent.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from symopt.ir.program import Graph


def _add(g: Graph, a: int, b: int) -> int | None:
    if g.value(a) == 0.0:
        return b
    if g.value(b) == 0.0:
        return a
    if g.nodes[b].op == "neg":
        return g.op("sub", a, g.nodes[b].args[0])
    if g.nodes[a].op == "neg":
        return g.op("sub", b, g.nodes[a].args[0])
    return _fold(g, lambda x, y: x + y, a, b)


def _sub(g: Graph, a: int, b: int) -> int | None:
    if g.value(b) == 0.0:
        return a
    if g.value(a) == 0.0:
        return g.op("neg", b)
    if g.nodes[b].op == "neg":
        return g.op("add", a, g.nodes[b].args[0])
    return _fold(g, lambda x, y: x - y, a, b)


def _mul(g: Graph, a: int, b: int) -> int | None:
    for x, y in ((a, b), (b, a)):
        if g.value(x) == 0.0:
            return g.const(0.0)
        if g.value(x) == 1.0:
            return y
        if g.value(x) == -1.0:
            return g.op("neg", y)
    for x, y in ((a, b), (b, a)):
        factor = g.value(x)
        if factor is not None and g.nodes[y].op == "mul":
            for inner, rest in (g.nodes[y].args, g.nodes[y].args[::-1]):
                # exact, because multiplying by a power of two only moves the exponent
                if _is_power_of_two(g.value(inner)) or (
                    g.value(inner) is not None and _is_power_of_two(factor)
                ):
                    return g.op("mul", g.const(factor * g.value(inner)), rest)  # type: ignore[operator]
    for x, y in ((a, b), (b, a)):
        scaled, plain = _scale(g, x), _scale(g, y)
        if scaled and plain and _is_power_of_two(scaled[0]):
            return g.op("mul", g.op("mul", g.const(scaled[0] * plain[0]), plain[1]), scaled[1])
    for x, y in ((a, b), (b, a)):
        if g.nodes[x].op == "neg" and g.value(y) is None:
            return g.op("neg", g.op("mul", g.nodes[x].args[0], y))
    return _fold(g, lambda x, y: x * y, a, b)


def _scale(g: Graph, number: int) -> tuple[float, int] | None:
    """Return the constant factor of a product, and the other factor."""
    node = g.nodes[number]
    for factor, rest in (node.args, node.args[::-1]) if node.op == "mul" else ():
        value = g.value(factor)
        if value is not None:
            return value, rest
    return None


def _is_power_of_two(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and abs(math.frexp(value)[0]) == 0.5


def _div(g: Graph, a: int, b: int) -> int | None:
    if g.value(a) == 0.0:
        return g.const(0.0)
    if g.value(b) == 1.0:
        return a
    if g.value(b) == 0.0:
        return None
    if g.nodes[a].op == "neg":
        return g.op("neg", g.op("div", g.nodes[a].args[0], b))
    return _fold(g, lambda x, y: x / y, a, b)


def _neg(g: Graph, a: int) -> int | None:
    if g.nodes[a].op == "neg":
        return g.nodes[a].args[0]
    return _fold(g, lambda x: -x, a)


def _pow(g: Graph, base: int, exponent: int) -> int | None:
    power = g.value(exponent)
    if power == 0.0:
        return g.const(1.0)
    if power == 1.0:
        return base
    if power == 0.5:
        return g.op("sqrt", base)
    inner = g.nodes[base]
    if inner.op == "pow" and _is_whole(power) and _is_whole(g.value(inner.args[1])):
        return g.op("pow", inner.args[0], g.op("mul", inner.args[1], exponent))
    return None


def _is_whole(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and value == math.floor(value)


def _select(g: Graph, condition: int, a: int, b: int) -> int | None:
    truth = g.value(condition)
    if truth is not None:
        if truth:
            return a
        return b
    if a == b:
        return a
    return None


def _sqrt(g: Graph, a: int) -> int | None:
    value = g.value(a)
    if value is not None and value >= 0:
        return g.const(math.sqrt(value))
    return None


def _and(g: Graph, a: int, b: int) -> int | None:
    for x, y in ((a, b), (b, a)):
        if g.value(x) is not None:
            if g.value(x):
                return y
            return x
    return None


def _or(g: Graph, a: int, b: int) -> int | None:
    for x, y in ((a, b), (b, a)):
        if g.value(x) is not None:
            if g.value(x):
                return x
            return y
    return None


def _fold(g: Graph, function: Callable[..., float], *args: int) -> int | None:
    values = [g.value(arg) for arg in args]
    if any(value is None for value in values):
        return None
    result = function(*values)
    if math.isfinite(result):
        return g.const(result)
    return None


SIMPLIFY: dict[str, Callable[..., int | None]] = {
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "div": _div,
    "neg": _neg,
    "sqrt": _sqrt,
    "pow": _pow,
    "select": _select,
    "and": _and,
    "or": _or,
    "abs": lambda g, a: _fold(g, abs, a),
    "lt": lambda g, a, b: _fold(g, lambda x, y: float(x < y), a, b),
    "le": lambda g, a, b: _fold(g, lambda x, y: float(x <= y), a, b),
}
