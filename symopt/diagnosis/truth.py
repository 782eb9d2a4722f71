"""A user's own expression in 50 digits: the reference that shares nothing with compiled programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mpmath as mp
import sympy as sp

DIGITS = 50
Values = Mapping[sp.Basic, Any]
"""The number that each symbol stands for."""


def _in(low: float, high: float, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function that has no value outside a range."""
    return lambda u: function(u) if low <= u <= high else None


def _log(u: Any) -> Any:
    return mp.log(u) if u > 0 else None


def _power(base: Any, exponent: Any) -> Any:
    whole = exponent == mp.floor(exponent)
    if (base == 0 and exponent < 0) or (base < 0 and not whole):
        return None
    return mp.power(base, exponent)


def _heaviside(u: Any, at_zero: Any = None) -> Any:
    return at_zero if u == 0 else mp.mpf(int(u > 0))


def _delta(u: Any, *_: Any) -> Any:
    return None if u == 0 else mp.mpf(0)


INF = float("inf")
FUNCTIONS: dict[type, Callable[..., Any]] = {
    sp.Add: lambda *terms: mp.fsum(terms), sp.Mul: lambda *factors: mp.fprod(factors), sp.Pow: _power,
    sp.exp: mp.exp, sp.log: _log, sp.sin: mp.sin, sp.cos: mp.cos, sp.tan: mp.tan, sp.sec: mp.sec, sp.csc: mp.csc,
    sp.cot: mp.cot, sp.sinh: mp.sinh, sp.cosh: mp.cosh, sp.tanh: mp.tanh, sp.sech: mp.sech, sp.csch: mp.csch,
    sp.coth: mp.coth, sp.asin: _in(-1, 1, mp.asin), sp.acos: _in(-1, 1, mp.acos), sp.atan: mp.atan,
    sp.asinh: mp.asinh, sp.acosh: _in(1, INF, mp.acosh), sp.atanh: _in(-1, 1, mp.atanh), sp.erf: mp.erf,
    sp.erfc: mp.erfc, sp.Abs: abs, sp.sign: mp.sign, sp.floor: mp.floor, sp.ceiling: mp.ceil, sp.Max: max, sp.Min: min,
    sp.Mod: lambda a, b: a - b * mp.floor(a / b), sp.Heaviside: _heaviside, sp.DiracDelta: _delta,
    sp.StrictLessThan: lambda a, b: a < b, sp.LessThan: lambda a, b: a <= b, sp.StrictGreaterThan: lambda a, b: a > b,
    sp.GreaterThan: lambda a, b: a >= b, sp.Equality: lambda a, b: a == b, sp.Unequality: lambda a, b: a != b,
    sp.And: lambda *parts: all(parts), sp.Or: lambda *parts: any(parts), sp.Not: lambda part: not part,
}  # fmt: skip
"""By what SymPy calls it; None where there is no real value."""


def truth(expression: sp.Basic, values: Values) -> Any:
    """Return an expression in 50 digits, NaN where it has no real value.

    Parts without a value do no harm in a piece that is not taken. Nothing recurses.
    """
    with mp.workdps(DIGITS):
        known: dict[sp.Basic, Any] = dict(values)
        stack = [(expression, False)]
        while stack:
            part, ready = stack.pop()
            if part in known:
                continue
            if ready or not part.args:
                known[part] = _value(part, known)
            else:
                stack.append((part, True))
                stack.extend((arg, False) for arg in part.args)
        result = known[expression]
        return mp.nan if result is None or not mp.isfinite(result) else mp.mpf(result)


def _value(part: sp.Basic, known: Mapping[sp.Basic, Any]) -> Any:
    if part.is_Number or part.is_NumberSymbol:
        return _number(part)
    if part in (sp.true, sp.false):
        return bool(part)
    if isinstance(part, sp.functions.elementary.piecewise.ExprCondPair | sp.Tuple):
        return False  # looked at by what holds it
    if isinstance(part, sp.Piecewise):
        return next((known[piece] for piece, condition in part.args if known[condition]), None)
    args = [known[arg] for arg in part.args]
    function = FUNCTIONS.get(type(part))
    if function is None or any(arg is None for arg in args):
        return None
    try:
        result = function(*args)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return None if isinstance(result, mp.mpc) else result


def _number(part: sp.Basic) -> Any:
    if part.is_Rational:
        return mp.mpf(int(part.p)) / int(part.q)
    if part.is_Float:
        return mp.mpf(float(part))  # the double that code is made of
    value = part.evalf(DIGITS)
    return mp.mpf(str(value)) if value.is_Float else None
