"""Equality of what holds arrays: of values and labels, with NaN equal to NaN."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np


def equal(one: Any, other: Any) -> bool:
    """Tell whether two values are equal, and so is everything in them.

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


def _is_labelled(value: Any) -> bool:
    xarray = sys.modules.get("xarray")  # where it was never imported there is none
    return xarray is not None and isinstance(value, xarray.DataArray | xarray.Dataset)


def _equal_arrays(one: Any, other: Any) -> bool:
    numbers = one.dtype.kind in "fc" and other.dtype.kind in "fc"
    return bool(np.array_equal(one, other, equal_nan=numbers))
