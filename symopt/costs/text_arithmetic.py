"""Parts of a text as SymPy has them: joined as they are written, their numbers worked out.

SymPy simplifies nothing here. Only numbers are worked out, as exact fractions while they are short,
else as floats, so that 9^9^9 never becomes a million digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import sympy as sp
from sympy.logic.boolalg import Boolean

from symopt.errors import ParseError

LARGEST_EXPONENT = 1_000
MOST_DIGITS = 400  # of an exact number


class Part(NamedTuple):
    """A part of the cost: its expression, and its value where it is a number."""

    expression: Any  # sp.Expr, or a condition
    value: float | None = None

    @property
    def is_condition(self) -> bool:
        """Whether it is true or false, and no number."""
        return isinstance(self.expression, Boolean) and not self.expression.is_Symbol


def number(value: object) -> Part:
    """Return a number as it is written."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        hint = ""
        if isinstance(value, str):
            hint = "; leave the quotation marks out"
        raise ParseError(f"{str(value)[:40]!r} is not a real number{hint}")
    if isinstance(value, int) and value.bit_length() > MOST_DIGITS * 3.33:
        raise ParseError(
            f"a number of {value.bit_length() * 0.30103:.0f} digits; at most {MOST_DIGITS} are read"
        )
    if isinstance(value, int):
        return exact(sp.Integer(value))
    return exact(sp.Float(value))


def exact(number: sp.Expr) -> Part:
    """Return a number with its value, refused beyond the doubles."""
    try:
        if number.is_Rational:
            value = int(number.p) / int(number.q)
        else:
            value = float(number)
    except OverflowError:
        value = math.inf
    return check_value(value, number)


def check_value(value: complex, form: sp.Expr | None = None) -> Part:
    """Return the value of a number, which must be real and finite."""
    if isinstance(value, int):
        value = work_out(partial(float, value))
    if isinstance(value, complex) or not math.isfinite(value):
        raise ParseError(
            "a number in the cost is infinite, beyond 1.8e308, or not real, as log(0) or sqrt(-1) "
            "are"
        )
    if form is None:
        if value == int(value) and abs(value) < 2**53:
            form = sp.Integer(int(value))
        else:
            form = sp.Float(value)
    return Part(form, value)


def _short(number: sp.Expr) -> bool:
    return max(int(number.p).bit_length(), int(number.q).bit_length()) < MOST_DIGITS * 1.66


def _join(
    parts: list[Part], join: Callable[..., sp.Expr], neutral: int, value: Callable[[], float]
) -> Part:
    """Join terms or factors: the numbers among them become one, the rest stays as it is written."""
    numbers = [part for part in parts if part.value is not None]
    rest = [part.expression for part in parts if part.value is None]
    if not numbers:
        return Part(join(*rest, evaluate=False))
    number = _join_numbers(numbers, join, value)
    if not rest:
        return number
    if number.expression == neutral:
        kept = []
    else:
        kept = [number.expression]
    if len(kept) + len(rest) == 1:
        return Part(rest[0])
    return Part(join(*kept, *rest, evaluate=False))


def _join_numbers(
    numbers: list[Part], join: Callable[..., sp.Expr], value: Callable[[], float]
) -> Part:
    """Join numbers: exactly while they are short fractions, else by their values."""
    if not all(number.expression.is_Rational for number in numbers):
        form = None
        if 1 < len(numbers) < 4:
            form = join(*(number.expression for number in numbers), evaluate=False)
        if len(numbers) == 1:
            return numbers[0]
        return check_value(value(), form)
    total = numbers[0].expression
    for number in numbers[1:]:
        total = join(total, number.expression)
        if not _short(total):
            return check_value(value())
    return exact(total)


def total(parts: list[Part], inverse: list[bool]) -> Part:
    """Return a sum; which terms are subtracted says ``inverse``."""
    terms = [negative(part) if minus else part for part, minus in zip(parts, inverse, strict=True)]
    return _join(
        terms,
        sp.Add,
        0,
        value=lambda: _total([term.value for term in terms if term.value is not None]),
    )


def _total(values: list[float]) -> float:
    """Return the sum of numbers, rounded once; infinite where it is too large."""
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):  # on the way, or of infinite numbers
        return sum(values)


def negative(part: Part) -> Part:
    """Return minus a part, less a minus sign that it has."""
    if part.expression.is_Number:
        return Part(-part.expression, -(part.value or 0.0))
    if part.expression.is_Mul and part.expression.args[0] == -1:
        rest = part.expression.args[1:]
        return Part(
            rest[0] if len(rest) == 1 else sp.Mul(*rest, evaluate=False), part.value and -part.value
        )
    return Part(
        sp.Mul(sp.S.NegativeOne, part.expression, evaluate=False), part.value and -part.value
    )


def product(parts: list[Part], inverse: list[bool]) -> Part:
    """Return a product; which factors stand below the line says ``inverse``."""
    factors = [
        inverted(part) if below else part for part, below in zip(parts, inverse, strict=True)
    ]
    return _join(
        factors,
        sp.Mul,
        1,
        value=lambda: math.prod(part.value for part in factors if part.value is not None),
    )


def inverted(part: Part) -> Part:
    """Return 1 over a part."""
    if part.value == 0:
        raise ParseError(f"division by zero, by {part.expression}")
    if part.expression.is_Rational:
        return exact(1 / part.expression)
    if part.value is None:
        value = None
    else:
        value = 1 / part.value
    return Part(sp.Pow(part.expression, sp.S.NegativeOne, evaluate=False), value)


def applied(
    function: Callable[..., sp.Expr], of_number: Callable[[float], Any], argument: Part
) -> Part:
    """Return a function of one argument, worked out where that is a number."""
    value = argument.value
    if value is None:
        return Part(function(argument.expression, evaluate=False))
    return check_value(work_out(lambda: of_number(value)))


def power(base: Part, exponent: Part) -> Part:
    """Return a power; of e, the exponential function."""
    if exponent.value is not None and abs(exponent.value) > LARGEST_EXPONENT:
        raise ParseError(f"the exponent {exponent.value:.6g} is larger than {LARGEST_EXPONENT}")
    if base.value == 0 and exponent.value is not None and exponent.value < 0:
        raise ParseError(f"division by zero, in 0^{exponent.value:g}")
    if base.expression == sp.E:
        return applied(sp.exp, math.exp, exponent)
    if base.value is None or exponent.value is None:
        return Part(sp.Pow(base.expression, exponent.expression, evaluate=False))
    if base.expression.is_Rational and exponent.expression.is_Integer:
        bits = max(int(base.expression.p).bit_length(), int(base.expression.q).bit_length())
        if bits * abs(int(exponent.expression)) < MOST_DIGITS * 3.33:
            return exact(base.expression**exponent.expression)
    return check_value(work_out(lambda: base.value**exponent.value))  # type: ignore[operator]


def real_root(base: Part, root: Part) -> Part:
    """Build a root of odd degree, of negative numbers too, as sympy.real_root writes it."""
    degree = root.expression
    if not (degree.is_Integer and degree.is_odd and 0 < degree <= LARGEST_EXPONENT):
        raise ParseError(
            f"real_root(u, {degree}): expected an odd whole number from 1, as in real_root(u, 3)"
        )
    if base.value is not None:
        return check_value(math.copysign(abs(base.value) ** (1 / int(degree)), base.value))
    size = sp.Pow(sp.Abs(base.expression, evaluate=False), sp.Rational(1, degree), evaluate=False)
    return Part(sp.Mul(sp.sign(base.expression, evaluate=False), size, evaluate=False))


def work_out(work: Callable[[], Any]) -> complex:
    """Work a number out; what has no value is infinite."""
    try:
        result: complex = work()
    except (ValueError, OverflowError, ZeroDivisionError):
        return math.inf
    return result
