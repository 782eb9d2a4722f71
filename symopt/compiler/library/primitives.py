"""The primitives of a kernel, as plain Python.

A generated kernel is valid Python: run as it stands, on float64 arrays, it gives the same bits
as its machine code, because every primitive is correctly rounded in both. These are the meanings
of the names that ``llvm`` maps to single instructions.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt


def fma(a: float, b: float, c: float) -> float:
    """Return a*b + c, rounded once: in exact rationals, with IEEE's rules for the rest.

    >>> float(fma(0.1, 10.0, -1.0))
    5.551115123125783e-17
    """
    if not (math.isfinite(a) and math.isfinite(b)):
        return np.float64(a) * np.float64(b) + np.float64(c)
    if not math.isfinite(c):
        return np.float64(c)
    exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    if exact == 0:
        return np.float64(a) * np.float64(b) + np.float64(c)  # the sign of zero
    try:
        return np.float64(exact.numerator / exact.denominator)
    except OverflowError:
        return np.float64(math.inf if exact > 0 else -math.inf)


def sqrt(a: float) -> float:
    """Return the correctly rounded square root, NaN of a negative number."""
    return np.float64(np.sqrt(np.float64(a)))


def fabs(a: float) -> float:
    """Return the absolute value."""
    return np.float64(np.fabs(np.float64(a)))


def floor(a: float) -> float:
    """Return the largest integer that is not above ``a``."""
    return np.float64(np.floor(np.float64(a)))


def bitcast_to_int(a: float) -> int:
    """Return the 64 bits of a float64 as an integer."""
    return np.float64(a).view(np.int64)  # type: ignore[return-value]  # wraps, as machine integers do


def bitcast_to_float(a: int) -> float:
    """Return the float64 that has these 64 bits."""
    return np.int64(a).view(np.float64)


def float64(a: int) -> float:
    """Return an integer as a float64."""
    return np.float64(a)


def view(a: npt.NDArray[Any], start: int) -> npt.NDArray[Any]:
    """Return an array from one of its entries on, without a copy."""
    return a[start:]


def vector_range(low: int, high: int) -> range:
    """Return a range whose iterations are taken side by side on vector units."""
    return range(low, high)


def empty(size: int) -> npt.NDArray[np.float64]:
    """Return a new array; its entries are written before they are read."""
    return np.full(size, np.nan)
