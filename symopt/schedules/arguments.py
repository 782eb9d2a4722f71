"""Numbers that schedules are made of: checked, and as SymPy has them."""

from __future__ import annotations

from numbers import Integral, Rational
from typing import Any, TypeAlias

import sympy as sp

from symopt.errors import RuleError
from symopt.rules.symbols import T
from symopt.validation import is_real_number

Number: TypeAlias = float | sp.Expr
"""A number, or an expression in ``so.T``."""


def schedule_numbers(function: str, **given: Number) -> list[sp.Expr]:
    """Return what was given as SymPy, of numbers or expressions in T."""
    return [real_number(function, name, value, allowed={T}) for name, value in given.items()]


def positive_numbers(function: str, **given: Number) -> list[sp.Expr]:
    """Return what was given as SymPy, and refuse what is not above 0 for any number of steps."""
    values = schedule_numbers(function, **given)
    for name, value in zip(given, values, strict=True):
        if is_above_zero(value) is False:
            raise RuleError(
                f"schedules.{function}({name}={given[name]}): expected a number above 0, or an "
                "expression in so.T "
                "that is, as so.T/10"
            )
    return values


def is_above_zero(value: sp.Expr) -> bool | None:
    """Return whether a value is above 0 for every T from 1 on; None if that is not found."""
    more = sp.Dummy(nonnegative=True)
    above: bool | None = sp.expand(value.xreplace({T: 1 + more})).is_positive
    below: bool | None = sp.expand(value.xreplace({T: 1 + more})).is_nonpositive
    if above:
        return True
    if below:
        return False
    return None


def real_number(function: str, name: str, value: Number, allowed: set[sp.Symbol]) -> sp.Expr:
    """Return a real number or expression as SymPy: decimal ones as Float, whole ones as Integer."""
    where = f"schedules.{function}({name}={value!r})"
    kind = "an expression in " + " and ".join(
        f"so.{symbol}" for symbol in sorted(allowed, key=str, reverse=True)
    )
    if is_real_number(value) and not isinstance(value, sp.Expr):
        value = _as_sympy(value)
    if not isinstance(value, sp.Expr):
        raise RuleError(f"{where}: a {type(value).__name__}; expected a number, or {kind}")
    for symbol in sorted(value.free_symbols - allowed, key=str):
        own = symbol
        if symbol.name in map(str, allowed):
            own = f"a symbol {symbol} of your own: write so.{symbol}"
        raise RuleError(f"{where}: holds {own}; expected a number, or {kind}")
    if value.has(sp.I, sp.zoo, sp.nan, sp.oo, -sp.oo):
        raise RuleError(f"{where}: not real and finite; expected a number, or {kind}")
    return value


def _as_sympy(value: Any) -> sp.Expr:
    """Return a number of Python or NumPy as SymPy's of its kind."""
    if isinstance(value, Integral):
        return sp.Integer(int(value))
    if isinstance(value, Rational):
        return sp.Rational(int(value.numerator), int(value.denominator))
    return sp.Float(float(value))
