"""Checks of what a user gives: numbers, whole numbers, arrays of numbers, seeds; comparisons.

Each raises an error of the class that it is told, with what was given and what is expected.
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Mapping
from dataclasses import fields
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt

from symopt.errors import RunError, SymoptError

Array = npt.NDArray[np.float64]

MOST_SHOWN = 80  # characters of a value in a message


class NotNumbersError(ValueError):
    """What was given is not an array of real, finite float64 numbers; the message says why."""


# Checks, which raise what a user sees


def check_number(
    value: Any,
    what: str,
    expected: str = "",
    *,
    error: type[SymoptError] = RunError,
    least: float = -math.inf,
    most: float = math.inf,
    above: float = -math.inf,
) -> float:
    """Check one finite number and give it as a float.

    Parameters
    ----------
    value, what
        What was given, and its name in the message.
    expected
        What the message asks for; by default a finite number within the bounds.
    error
        The class of what is raised.
    least, most, above
        Bounds: the number is from ``least`` to ``most``, and above ``above``.

    Examples
    --------
    >>> check_number(np.int64(3), "limit", "a positive number", above=0)
    3.0
    >>> check_number(-1, "drop", least=0)
    Traceback (most recent call last):
    symopt.errors.RunError: drop=-1; expected a finite number, at least 0
    """
    expected = expected or f"a finite number{_bounds_in_words(least, above)}"
    try:
        number = as_floats(value)
    except NotNumbersError as reason:
        raise error(f"{what}={reason}; expected {expected}") from None
    if number.ndim or not least <= number <= most or number <= above:
        raise error(f"{what}={_shorten(repr(value))}; expected {expected}")
    return float(number)


def _bounds_in_words(least: float, above: float) -> str:
    if above > -math.inf:
        return f" above {above:g}"
    if least > -math.inf:
        return f", at least {least:g}"
    return ""


def check_whole_number(
    value: Any,
    what: str,
    expected: str,
    *,
    error: type[SymoptError] = RunError,
    least: int = 0,
    below: int = 1 << 62,
) -> int:
    """Check a whole number from ``least`` to below ``below`` and give it as an int.

    Examples
    --------
    >>> check_whole_number(np.int64(3), "batch", "how many samples to draw", least=1)
    3
    >>> check_whole_number(3.0, "batch", "how many samples to draw", least=1)
    Traceback (most recent call last):
    symopt.errors.RunError: batch=3.0; expected how many samples to draw
    """
    number = whole_number(value, least, below)
    if number is None:
        raise error(f"{what}={_shorten(repr(value))}; expected {expected}")
    return number


def read_numbers(
    value: Any,
    what: str,
    expected: str,
    *,
    error: type[SymoptError] = RunError,
    finite: bool = True,
) -> Array:
    """Read an array of real numbers as a new float64 array of the same shape.

    Parameters
    ----------
    value, what, expected
        What was given, how the message calls it, and what it asks for.
    error
        The class of what is raised.
    finite
        Whether NaN and infinity are refused too.

    Examples
    --------
    >>> read_numbers(["a"], "the times", "steps")
    Traceback (most recent call last):
    symopt.errors.RunError: the times: ['a'] is not made of real numbers; expected steps
    """
    try:
        return as_floats(value, finite)
    except NotNumbersError as reason:
        raise error(f"{what}: {reason}; expected {expected}") from None


def read_generator(rng: Any, error: type[SymoptError] = RunError) -> np.random.Generator:
    """Take a Generator as it is, or make one: from a seed, or an arbitrary one for None."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise error(f"rng={rng!r}; expected a seed (a whole number), a Generator or None") from None


# Conversions


def as_floats(value: Any, finite: bool = True) -> Array:
    """Convert to a new float64 array, or say why there is none.

    Integers, fractions, decimals and SymPy's numbers become the nearest floats; truth values,
    texts, None, complex numbers, ragged lists, masked entries, numbers with units and numbers
    beyond float64 are refused, and so are NaN and infinity unless ``finite`` is False.

    Raises
    ------
    NotNumbersError
        With the value and what is wrong with it; :func:`read_numbers` makes a user's error of it.
    """
    try:
        return _convert(value, finite)
    except NotNumbersError as reason:
        raise NotNumbersError(f"{_shorten(repr(value))} {reason}") from None


def _convert(value: Any, finite: bool) -> Array:
    if hasattr(value, "mask") and np.ma.is_masked(
        value
    ):  # lists have none: numpy.ma stays unloaded
        raise NotNumbersError(
            "has masked entries; expected numbers everywhere, as .filled(0) makes them"
        )
    if unit := _unit(value):
        raise NotNumbersError(f"has the unit {unit}; take the number alone, in one unit everywhere")
    try:
        _refuse_truth_values(value)
        result = np.array(_as_numeric(np.asarray(value)), dtype=np.float64)
    except OverflowError:
        raise NotNumbersError("is beyond float64 (1.8e308)") from None
    except (TypeError, ValueError):
        raise NotNumbersError("is not made of real numbers") from None
    if finite and not np.isfinite(result).all():
        raise NotNumbersError("is not finite")
    return result


def _shorten(text: str) -> str:
    if len(text) < MOST_SHOWN:
        return text
    return text[:MOST_SHOWN] + "..."


def _as_numeric(raw: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if raw.dtype.kind == "O":  # SymPy's numbers, and integers of any length
        return np.array([_as_float(part) for part in raw.ravel()]).reshape(raw.shape)
    if raw.dtype.kind not in "iuf":
        raise TypeError
    return raw


def _as_float(part: Any) -> float:
    if isinstance(part, bool | np.bool_ | str | bytes | np.ndarray):  # float() would read them
        raise TypeError
    return float(part)


def _refuse_truth_values(value: Any) -> None:
    """Refuse lists with truth values among numbers, which NumPy would make numbers too."""
    stack = [value]
    while stack:
        part = stack.pop()
        if not isinstance(part, list | tuple):
            continue
        kinds = set(map(type, part))
        if bool in kinds or np.bool_ in kinds:
            raise TypeError
        if kinds & {list, tuple}:
            stack.extend(part)


def _unit(value: Any) -> str:
    """Give the unit of a quantity, or of the first of several; NumPy would drop it."""
    candidates = [value]
    if isinstance(value, list | tuple):
        candidates += value[:1]
    for one in candidates:
        if hasattr(one, "units") and hasattr(one, "magnitude"):  # pint
            return str(one.units)
        if hasattr(one, "unit") and hasattr(one, "value"):  # astropy
            return str(one.unit)
    return ""


def whole_number(value: Any, least: int = 0, below: int = 1 << 62) -> int | None:
    """Give a whole number from ``least`` to below ``below`` as an int, and None for all else.

    A truth value is none, and neither is a float: 1e4 may have been meant as a learning rate.

    Examples
    --------
    >>> whole_number(np.int64(3)), whole_number(3.0), whole_number(True), whole_number(0, least=1)
    (3, None, None, None)
    """
    if isinstance(value, bool | np.bool_):
        return None
    try:
        number = operator.index(value)
    except TypeError:
        return None
    if least <= number < below:
        return number
    return None


def is_real_number(value: Any) -> bool:
    """Tell whether a value is one real number, of Python, NumPy or SymPy; a truth value is none.

    Examples
    --------
    >>> is_real_number(1), is_real_number(np.float64(1)), is_real_number(True), is_real_number("1")
    (True, True, False, False)
    """
    return isinstance(value, Real) and not isinstance(value, bool)


def finite_or_none(value: float | None) -> float | None:
    """Give a number as JSON can hold it: None for what is not finite."""
    if value is None or not math.isfinite(value):
        return None
    return float(value)


# Comparisons


def equal(one: Any, other: Any) -> bool:
    """Tell whether two values are equal, and so is everything in them; NaN equals NaN.

    Examples
    --------
    >>> equal({"a": np.array([1.0, np.nan])}, {"a": np.array([1.0, np.nan])})
    True
    >>> equal([1.0, np.zeros(2)], [1.0, np.zeros(3)])
    False
    """
    if one is other:
        return True
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return list(one) == list(other) and all(equal(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple) and type(one) is type(other):
        return len(one) == len(other) and all(map(equal, one, other))
    if _is_labelled(one):
        return type(one) is type(other) and bool(one.identical(other))
    if hasattr(one, "__array__") or hasattr(other, "__array__"):
        return _equal_arrays(np.asarray(one), np.asarray(other))
    return bool(one == other) or bool(one != one and other != other)


class ComparedByParts:
    """A dataclass whose parts may be arrays; fields with ``compare=False`` do not count."""

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        names = [one.name for one in fields(self) if one.compare]  # type: ignore[arg-type]
        return all(equal(getattr(self, name), getattr(other, name)) for name in names)

    def __hash__(self) -> int:
        return hash(type(self))


def _is_labelled(value: Any) -> bool:
    xarray = sys.modules.get("xarray")  # where it was never imported there is none
    return xarray is not None and isinstance(value, xarray.DataArray | xarray.Dataset)


def _equal_arrays(one: Any, other: Any) -> bool:
    numbers = one.dtype.kind in "fc" and other.dtype.kind in "fc"
    return bool(np.array_equal(one, other, equal_nan=numbers))
