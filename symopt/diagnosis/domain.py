"""Where the functions of a cost have values, in words, with what to write instead."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple

LARGEST_ROOT = 99  # of a real root that is recognised in the exponent of a power
BEYOND = "beyond 1.8e308"
SMALLER = "take smaller steps or another start, or scale J or its parameters"
NOT_BELOW = "keep {0} at 0 or above, as Max({0}, 0) or Abs({0}) in its place is"
ABOVE = "keep {0} above 0, as exp({0}) in its place is"
APART = "keep {1} away from 0"
BETWEEN = "keep {0} from -1 to 1, as Max(-1, Min(1, {0})) in its place is"


class Case(NamedTuple):
    """An operation outside of its domain: when, what is said of it, and the cure."""

    holds: Callable[..., bool]
    words: str
    cure: str


def _is_pole(u: float) -> bool:
    """Return whether gamma is infinite: at 0 and at the negative whole numbers."""
    return u <= 0 and u == math.floor(u)


CASES: dict[str, list[Case]] = {
    "sqrt": [Case(lambda u: u < 0, "the root of {0:g}", NOT_BELOW)],
    "log": [Case(lambda u: u <= 0, "log of {0:g}", ABOVE)],
    "xlogx": [Case(lambda u: u < 0, "u*log(u) of {0:g}", NOT_BELOW)],
    "log1p": [Case(lambda u: u <= -1, "log of 1 + ({0:g})", "keep {0} above -1")],
    "log1mexp": [Case(lambda u: u >= 0, "log of 1 - exp({0:g})", "keep {0} below 0")],
    "asin": [Case(lambda u: abs(u) > 1, "asin of {0:g}", BETWEEN)],
    "acos": [Case(lambda u: abs(u) > 1, "acos of {0:g}", BETWEEN)],
    "acosh": [
        Case(
            lambda u: u < 1,
            "acosh of {0:g}",
            "keep {0} at 1 or above, as Max(1, {0}) in its place is",
        )
    ],
    "atanh": [
        Case(
            lambda u: abs(u) >= 1,
            "atanh of {0:g}",
            "keep {0} between -1 and 1, as tanh({0}) in its place is",
        )
    ],
    "div": [
        Case(lambda u, v: u == v == 0, "0 divided by 0", APART),
        Case(lambda _, v: v == 0, "{0:g} divided by 0", APART),
        Case(lambda *_: True, "{0:g} divided by {1:g} is " + BEYOND, SMALLER),
    ],
    "pow": [
        Case(
            lambda u, p: u < 0 and p != math.floor(p),
            "({0:g})^{1:.6g} is a root of a negative number",
            NOT_BELOW,
        ),
        Case(
            lambda u, p: u == 0 and p < 0, "{0:g}^{1:g} is a division by 0", "keep {0} away from 0"
        ),
        Case(lambda *_: True, "{0:g}^{1:g} is " + BEYOND, SMALLER),
    ],
    "loggamma": [
        Case(lambda u: u < 0, "loggamma of {0:g}", ABOVE),
        Case(lambda u: u == 0, "loggamma of 0, which is infinite", ABOVE),
    ],
    "atan2": [
        Case(lambda *_: True, "atan2 of 0 and 0, which has no direction", "keep {1} away from 0")
    ],
    "binomial": [
        Case(
            lambda *_: True,
            "binomial of {0:g} and {1:g}",
            "keep {1} whole, or from 0 to {0}",
        )
    ],
    **{
        name: [Case(_is_pole, name + " of {0:g}, which is infinite", ABOVE)]
        for name in ("gamma", "digamma", "trigamma", "tetragamma", "pentagamma")
    },
    "mod": [Case(lambda _, v: v == 0, "the remainder of {0:g} divided by 0", APART)],
    "mul": [Case(lambda *_: True, "{0:g} times {1:g} is " + BEYOND, SMALLER)],
    "add": [Case(lambda *_: True, "{0:g} plus {1:g} is " + BEYOND, SMALLER)],
    "sub": [Case(lambda *_: True, "{0:g} minus {1:g} is " + BEYOND, SMALLER)],
    "fma": [Case(lambda *_: True, "{0:g} times {1:g} plus {2:g} is " + BEYOND, SMALLER)],
    **{
        name: [Case(lambda u: u == 0, name + " of 0, which is infinite", "keep {0} away from 0")]
        for name in ("csch", "coth", "csc", "cot")
    },
}
"""By operation; the first case that holds is what is said. What is not here is too large."""


def describe_failure(op: str, args: Sequence[float], value: float = math.nan) -> str:
    """Say what went wrong where an operation on numbers has no finite value.

    Examples
    --------
    >>> describe_failure("acos", [1.2])
    'acos of 1.2'
    >>> describe_failure("exp", [1000.0], math.inf)
    'exp of 1000 is beyond 1.8e308'
    >>> describe_failure("pow", [-8.0, 1 / 3])
    '(-8)^0.333333 is a root of a negative number'
    """
    case = _case(op, args)
    if case is not None:
        return case.words.format(*args)
    words = f"{op} of {', '.join(f'{arg:g}' for arg in args)}"
    if math.isnan(value):
        return words
    return f"{words} is {BEYOND}"


def cure(op: str, args: Sequence[float], names: Sequence[str] = ("u", "v", "w")) -> str:
    """Say what to write instead, with names for the arguments.

    Examples
    --------
    >>> cure("pow", [-8.0, 2 / 3], ["x", "2/3"])
    'for the real root write real_root(x, 3)**2'
    """
    root = ""
    if op == "pow" and args[0] < 0:
        root = _real_root(args, names[0])
    if root:
        return root
    case = _case(op, args)
    if case is None:
        return SMALLER
    return case.cure.format(*names)


def _case(op: str, args: Sequence[float]) -> Case | None:
    known = []
    if all(map(math.isfinite, args)):
        known = CASES.get(op, [])
    return next((case for case in known if case.holds(*args)), None)


def _real_root(args: Sequence[float], name: str) -> str:
    """Return how a power with a fraction of odd denominator is written for negative numbers too."""
    power = Fraction(args[1]).limit_denominator(LARGEST_ROOT)
    root, times = power.denominator, power.numerator
    if root % 2 == 0 or root == 1 or float(power) != args[1]:
        return ""
    words = f"for the real root write real_root({name}, {root})"
    if times == 1:
        return words
    return f"{words}**{times}"
