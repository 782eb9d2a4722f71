"""SymPy's functions in mpmath: a reference that shares nothing with programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import mpmath as mp
import sympy as sp
from sympy.codegen.cfunctions import hypot

DIGITS = 50
LARGEST = mp.mpf(10) ** 400  # argument of an exponential or a trigonometric function
Values = Mapping[sp.Basic, Any]
"""The number that each symbol stands for."""


def _in(low: float, high: float, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function that has no value outside a range."""

    def limited(u: Any) -> Any:
        if low <= u <= high:
            return function(u)
        return None

    return limited


def below(function: Callable[[Any], Any], beyond: Any = None) -> Callable[[Any], Any]:
    """Refuse arguments with thousands of digits, of which a function would take for ever."""

    def limited(u: Any) -> Any:
        if abs(u) < LARGEST:
            return function(u)
        return beyond

    return limited


def exp(u: Any) -> Any:
    """Return exp(u), 0 or infinite far out."""
    if u <= -LARGEST:
        return mp.mpf(0)
    return below(mp.exp, mp.inf)(u)


def _log(u: Any) -> Any:
    if u > 0:
        return mp.log(u)
    return None


def _power(base: Any, exponent: Any) -> Any:
    whole = exponent == mp.floor(exponent)
    if (base == 0 and exponent < 0) or (base < 0 and not whole):
        return None
    return mp.power(base, exponent)


def _heaviside(u: Any, at_zero: Any = None) -> Any:
    if u == 0:
        return at_zero
    return mp.mpf(int(u > 0))


def _delta(u: Any, *_: Any) -> Any:
    if u == 0:
        return None
    return mp.mpf(0)


def real_loggamma(u: Any) -> Any:
    """Return log(gamma(u)) above 0; below, it is complex."""
    if u > 0:
        return mp.loggamma(u)
    return None


def atan2(y: Any, x: Any) -> Any:
    """Return the angle of a point; that of the origin does not exist."""
    if x == y == 0:
        return None
    return mp.atan2(y, x)


def sinc_slope(u: Any) -> Any:
    """Return the slope of sin(u)/u, with the digits that its difference cancels."""
    if u == 0:
        return mp.mpf(0)
    with mp.extradps(10 + max(0, -2 * int(mp.log10(abs(u))))):
        return (mp.cos(u) - mp.sin(u) / u) / u


def sinc_curvature(u: Any) -> Any:
    """Return the second derivative of sin(u)/u."""
    if u == 0:
        return -mp.mpf(1) / 3
    with mp.extradps(10 + max(0, -3 * int(mp.log10(abs(u))))):
        return -(mp.sin(u) + 2 * (mp.cos(u) - mp.sin(u) / u) / u) / u


INF = float("inf")
FUNCTIONS: dict[type, Callable[..., Any]] = {
    sp.Add: lambda *terms: mp.fsum(terms),
    sp.Mul: lambda *factors: mp.fprod(factors),
    sp.Pow: _power,
    sp.exp: exp,
    sp.log: _log,
    sp.sin: below(mp.sin),
    sp.cos: below(mp.cos),
    sp.tan: below(mp.tan),
    sp.sec: below(mp.sec),
    sp.csc: below(mp.csc),
    sp.cot: below(mp.cot),
    sp.sinh: below(mp.sinh),
    sp.cosh: below(mp.cosh),
    sp.tanh: mp.tanh,
    sp.sech: below(mp.sech, mp.mpf(0)),
    sp.csch: below(mp.csch, mp.mpf(0)),
    sp.coth: mp.coth,
    sp.asin: _in(-1, 1, mp.asin),
    sp.acos: _in(-1, 1, mp.acos),
    sp.atan: mp.atan,
    sp.asinh: mp.asinh,
    sp.acosh: _in(1, INF, mp.acosh),
    sp.atanh: _in(-1, 1, mp.atanh),
    sp.erf: mp.erf,
    sp.erfc: mp.erfc,
    sp.sinc: below(mp.sinc),
    sp.atan2: atan2,
    hypot: mp.hypot,
    sp.gamma: mp.gamma,
    sp.loggamma: real_loggamma,
    sp.polygamma: lambda n, u: mp.psi(int(n), u),
    sp.binomial: mp.binomial,
    sp.Abs: abs,
    sp.sign: mp.sign,
    sp.floor: mp.floor,
    sp.ceiling: mp.ceil,
    sp.Max: max,
    sp.Min: min,
    sp.Mod: lambda a, b: a - b * mp.floor(a / b),
    sp.Heaviside: _heaviside,
    sp.DiracDelta: _delta,
    sp.StrictLessThan: lambda a, b: a < b,
    sp.LessThan: lambda a, b: a <= b,
    sp.StrictGreaterThan: lambda a, b: a > b,
    sp.GreaterThan: lambda a, b: a >= b,
    sp.Equality: lambda a, b: a == b,
    sp.Unequality: lambda a, b: a != b,
    sp.And: lambda *parts: all(parts),
    sp.Or: lambda *parts: any(parts),
    sp.Not: lambda part: not part,
}
"""By what SymPy calls it; None where there is no real value."""


def apply(kind: type, args: list[Any]) -> Any:
    """Return a function of numbers, None where it has no real value."""
    function = FUNCTIONS.get(kind)
    if function is None or None in args:
        return None
    try:
        result = function(*args)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    if isinstance(result, mp.mpc):
        return None
    return result


def number(part: sp.Basic) -> Any:
    """Return a number of SymPy's, None if it is not a real one."""
    if part in (sp.true, sp.false):
        return bool(part)
    if part.is_Rational:
        return mp.mpf(int(part.p)) / int(part.q)
    if part.is_Float:
        return mp.mpf(float(part))  # the double that code is made of
    if part.is_NumberSymbol:
        return mp.mpf(part._as_mpf_val(mp.mp.prec + 10))
    if part.is_number:  # as gamma(1/3)
        return mp.mpf(part.evalf(mp.mp.dps + 5)._mpf_)
    return None


def truth(expression: sp.Basic, values: Values) -> Any:
    """Return the value of an expression, or None; ``values`` has parts that are known."""
    known: dict[sp.Basic, Any] = dict(values)
    for part in _ordered(expression):
        if part not in known:
            if part.args:
                known[part] = apply(type(part), [known[arg] for arg in part.args])
            else:
                known[part] = number(part)
    return known[expression]


@cache
def _ordered(expression: sp.Basic) -> list[sp.Basic]:
    """Return the parts of an expression, each behind its arguments."""
    return list(dict.fromkeys(sp.postorder_traversal(expression)))
