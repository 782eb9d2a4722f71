"""What a user gives, as float64: real numbers and nothing else."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import numpy.typing as npt

from symopt.errors import RunError, SymoptError

Array = npt.NDArray[np.float64]


class NotNumbersError(ValueError):
    """What was given is not an array of real, finite float64 numbers; the message says why."""


def as_floats(value: Any, finite: bool = True) -> Array:
    """Return a new float64 array, or say why there is none.

    Integers, fractions, decimals and SymPy's numbers become the nearest floats; truth values,
    texts, None, complex numbers, ragged lists, masked entries, numbers with units and numbers
    beyond float64 are refused, and so are NaN and infinity unless ``finite`` is False.
    """
    if np.ma.is_masked(value):
        raise NotNumbersError(
            f"{_shown(value)} has masked entries; expected numbers everywhere, as .filled(0) makes "
            "them"
        )
    if unit := _unit(value):
        raise NotNumbersError(
            f"{_shown(value)} has the unit {unit}; take the number alone, in one unit everywhere"
        )
    try:
        _refuse_truth_values(value)
        raw = np.asarray(value)
        result = np.array(_converted(raw), dtype=np.float64)
    except OverflowError:
        raise NotNumbersError(f"{_shown(value)} is beyond float64 (1.8e308)") from None
    except (TypeError, ValueError):
        raise NotNumbersError(f"{_shown(value)} is not made of real numbers") from None
    if finite and not np.isfinite(result).all():
        raise NotNumbersError(f"{_shown(value)} is not finite")
    return result


def _shown(value: Any) -> str:
    text = repr(value)
    if len(text) < 80:
        return text
    return text[:80] + "..."


def _converted(raw: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if raw.dtype.kind == "O":  # SymPy's numbers, and integers of any length
        return np.array([_float(part) for part in raw.ravel()]).reshape(raw.shape)
    if raw.dtype.kind not in "iuf":
        raise TypeError
    return raw


def _float(part: Any) -> float:
    if isinstance(part, bool | np.bool_ | str | bytes | np.ndarray):  # float() would read them
        raise TypeError
    return float(part)


def _refuse_truth_values(value: Any) -> None:
    """Refuse lists with truth values among numbers, which NumPy would make numbers too."""
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, list | tuple):
            kinds = set(map(type, part))
            if bool in kinds or np.bool_ in kinds:
                raise TypeError
            stack.extend(part if kinds & {list, tuple} else ())


def _unit(value: Any) -> str:
    """Return the unit of a quantity, or of the first of several; nothing if it has none."""
    first = value
    if isinstance(value, list | tuple) and value:
        first = value[0]
    for one in (value, first):
        for unit, number in (("units", "magnitude"), ("unit", "value")):  # pint, astropy
            if hasattr(one, unit) and hasattr(one, number):
                return str(getattr(one, unit))
    return ""


def whole_number(value: Any, least: int = 0, below: int = 1 << 62) -> int | None:
    """Return a whole number from ``least`` to below ``below``; None for anything else.

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


def read_numbers(
    value: Any,
    what: str,
    expected: str,
    *,
    error: type[SymoptError] = RunError,
    finite: bool = True,
) -> Array:
    """Return a new float64 array, or raise an error in the caller's words.

    Parameters
    ----------
    value
        As the user gives it.
    what
        What it is called.
    expected
        What is expected, in words.
    error
        The kind of error.
    finite
        Whether NaN and infinity are refused too.
    """
    try:
        return as_floats(value, finite)
    except NotNumbersError as reason:
        raise error(f"{what}: {reason}; expected {expected}") from None


def check_number(
    value: Any,
    what: str,
    expected: str,
    *,
    error: type[SymoptError] = RunError,
    least: float = -math.inf,
    most: float = math.inf,
    above: float = -math.inf,
) -> float:
    """Return one finite number, from ``least`` to ``most`` and above ``above``, or raise an error.

    Examples
    --------
    >>> check_number(np.int64(3), "limit", "a positive number", above=0)
    3.0
    """
    try:
        number = as_floats(value)
    except NotNumbersError:
        raise error(f"{what}={_shown(value)}; expected {expected}") from None
    if number.ndim or not least <= number <= most or number <= above:
        raise error(f"{what}={_shown(value)}; expected {expected}")
    return float(number)


def check_whole_number(
    value: Any,
    what: str,
    expected: str,
    *,
    error: type[SymoptError] = RunError,
    least: int = 0,
    below: int = 1 << 62,
) -> int:
    """Return a whole number from ``least`` to below ``below``, or raise an error.

    Examples
    --------
    >>> check_whole_number(np.int64(3), "batch", "how many samples to draw", least=1)
    3
    """
    number = whole_number(value, least, below)
    if number is None:
        raise error(f"{what}={_shown(value)}; expected {expected}")
    return number


def read_generator(rng: Any) -> np.random.Generator:
    """Return the random numbers of a seed or a Generator.

    Raises
    ------
    RunError
        If it is neither.
    """
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise RunError(
            f"rng={rng!r}; expected a seed (a whole number), a Generator or None"
        ) from None


def finite_or_none(value: float | None) -> float | None:
    """Return a number as JSON can hold it: None for what is not finite."""
    if value is not None and math.isfinite(value):
        return float(value)
    return None
