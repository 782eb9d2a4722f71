"""Values of hyperparameters: numbers, schedules, arrays in a range; or options."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from symopt.errors import RuleError, SymoptWarning, did_you_mean
from symopt.rules.bounds import Bound
from symopt.rules.counts import check_count
from symopt.rules.symbols import T, t
from symopt.validation import is_real_number, read_numbers


@dataclass(frozen=True)
class Range:
    """Where a hyperparameter may lie.

    Attributes
    ----------
    low, high
        The bounds.
    open_below, open_above
        Whether a bound itself is excluded.
    ascent
        Whether a negative value makes sense, as a step uphill: it is then allowed, with a warning.
    whole
        Whether it is a count: a whole number, and no schedule.

    Examples
    --------
    >>> import symopt as so
    >>> print(so.Range(0, 1, open_above=True))
    in [0, 1)
    """

    low: float = 0.0
    high: float = float("inf")
    open_below: bool = False
    open_above: bool = False
    ascent: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        """Refuse bounds that are none.

        Raises
        ------
        RuleError
            If they are no numbers, or in the wrong order.
        """
        bounds = (self.low, self.high)
        if not all(map(is_real_number, bounds)) or not self.low <= self.high:
            raise RuleError(
                f"Range({self.low!r}, {self.high!r}): expected two numbers, the lower first"
            )

    def __str__(self) -> str:
        number = ""
        if self.whole:
            number = "a whole number "
        if self.high == float("inf"):
            return f"{number}{'above' if self.open_below else 'at least'} {self.low:g}"
        left = "(" if self.open_below else "["
        right = ")" if self.open_above else "]"
        return f"{number}in {left}{self.low:g}, {self.high:g}{right}"

    def holds(self, values: Any) -> bool:
        """Return whether all values lie inside."""
        if self.open_below:
            above = values > self.low
        else:
            above = values >= self.low
        if self.open_above:
            below = values < self.high
        else:
            below = values <= self.high
        return bool(
            np.all(above & below) and (not self.whole or np.all(values == np.floor(values)))
        )


AVERAGE = Range(0, 1, open_above=True)
"""The share of an old average that is kept."""
POSITIVE, NOT_NEGATIVE, SHARE = Range(0, open_below=True), Range(0), Range(0, 1)
Ranges = Mapping[str, Range | tuple[str, ...]]
"""Where hyperparameters may lie, and which texts an option may be, by name."""


def check_ranges(ranges: Ranges, names: Iterable[str], rule: str) -> Ranges:
    """Return ranges by the names of hyperparameters.

    Raises
    ------
    RuleError
        If one is for no hyperparameter, or is no range.
    """
    if not isinstance(ranges, Mapping):
        raise RuleError(
            f"rule {rule}: ranges={ranges!r}; expected a mapping, as in {{'beta': so.Range(0, 1)}}"
        )
    for name, place in ranges.items():
        if name not in names:
            raise RuleError(
                f"rule {rule}: ranges has {name!r}, which is no "
                f"hyperparameter{did_you_mean(name, names)}"
            )
        if not isinstance(place, Range) and not (
            isinstance(place, tuple) and all(isinstance(p, str) for p in place)
        ):
            raise RuleError(
                f"rule {rule}: the range of {name} is {place!r}; expected so.Range(0, 1), or a "
                "tuple of texts"
            )
    return ranges


def in_range(rule: str, name: str, value: Any, ranges: Ranges) -> Any:
    """Return a value, after a look at its range; a schedule is not known before it runs.

    Raises
    ------
    RuleError
        If it lies outside.
    """
    wanted = ranges.get(name)
    if isinstance(wanted, tuple) and value not in wanted:
        raise RuleError(f"{rule}({name}={value!r}): expected {' or '.join(map(repr, wanted))}")
    if not isinstance(wanted, Range) or (is_option(value) and not is_count(value)):
        return value
    if isinstance(value, sp.Expr):
        if wanted.whole:
            raise RuleError(f"{rule}({name}={value}): a schedule; expected {name} {wanted}")
        return value
    numbers = np.asarray(value, dtype=np.float64)
    if wanted.holds(numbers):
        return value
    if wanted.ascent and (numbers < 0).any():
        climbs = f"{rule}({name}={short(value)}): a negative {name} climbs J instead of going down"
        warnings.warn(climbs, SymoptWarning, stacklevel=4)
        return value
    raise RuleError(f"{rule}({name}={short(value)}): expected {name} {wanted}")


def is_option(value: Any) -> bool:
    """Return whether a value is an option."""
    return value is None or isinstance(value, bool | str | int | Bound)


def is_count(value: Any) -> bool:
    """Return whether a value is a whole number that chooses among equations."""
    return isinstance(value, int) and not isinstance(value, bool)


def check_hyperparameter(rule: str, name: str, value: Any, default: Any) -> Any:
    """Check a value against its default: an option, or a number, schedule or array."""
    where = f"{rule}({name}={short(value)})"
    if isinstance(default, Bound):
        return default.read(where, value)
    if isinstance(default, bool | str):
        kind = bool if isinstance(default, bool) else str
        value = bool(value) if isinstance(value, np.bool_) else value
        if not isinstance(value, kind):
            raise RuleError(f"{where}: expected {'True or False' if kind is bool else 'a text'}")
        return value
    if isinstance(default, int):
        return check_count(where, value)
    if default is None and value is None:
        return None
    if isinstance(value, sp.Basic) and getattr(value, "free_symbols", None):
        return _check_schedule(where, value)
    expected = "a number, a schedule in so.t, or an array of numbers"
    array = read_numbers(value, where, expected, error=RuleError)
    return float(array) if array.ndim == 0 else value


def _check_schedule(where: str, value: sp.Basic) -> sp.Expr:
    if not isinstance(value, sp.Expr):
        raise RuleError(
            f"{where}: a {type(value).__name__}; expected a scalar expression in so.t and so.T"
        )
    for symbol in sorted(value.free_symbols - {t, T}, key=str):
        own = symbol
        if symbol.name in ("t", "T"):
            own = f"a symbol {symbol} of your own: write so.{symbol}"
        raise RuleError(f"{where}: a schedule holds so.t and so.T only, not {own}")
    if value.has(sp.I, sp.zoo, sp.nan, sp.oo):
        raise RuleError(f"{where}: {value} is not real and finite")
    return value


def short(value: Any) -> str:
    """Return a value for a message or a repr."""
    if isinstance(value, np.ndarray):
        if value.ndim:
            return f"<{' x '.join(map(str, value.shape))} values>"
        return str(value)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, str):
        return repr(value)
    return str(value)
