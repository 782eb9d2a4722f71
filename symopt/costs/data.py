"""The values of data arrays: read, checked, and laid out as kernels take them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symopt.costs.labels import check_rows
from symopt.costs.sizes import LARGEST
from symopt.errors import CostError
from symopt.validation import read_numbers

Data = dict[str, npt.NDArray[Any]]


def read_data(data: Mapping[Any, Any], indices: Mapping[str, int], integer: frozenset[str]) -> Data:
    """Return data as contiguous arrays of float64, or of int64 where they choose entries.

    Raises
    ------
    CostError
        If an array has another number of axes, another kind of numbers, or NaN.
    """
    result: Data = {}
    check_rows(
        {base_name(key, "data"): values for key, values in data.items()},
        "expected the same rows in each",
    )
    for key, values in data.items():
        name = base_name(key, "data")
        if name in integer:
            result[name] = _integers(name, values)
        else:
            result[name] = _numbers(name, values)
        if result[name].ndim != indices[name]:
            raise CostError(
                f"data {name} has shape {result[name].shape}; the cost uses it with "
                f"{indices[name]} index(es): "
                f"expected {indices[name]} axis(es)"
            )
        if not result[name].size:
            raise CostError(
                f"data {name} is empty, of shape {result[name].shape}; expected at least one entry"
            )
    return result


def _numbers(name: str, values: Any) -> npt.NDArray[Any]:
    if (
        type(values) is np.ndarray
        and values.dtype == np.float64
        and values.flags.c_contiguous
        and values.flags.aligned
    ):
        if not np.isfinite(values).all():
            raise CostError(f"data {name} holds NaN or infinity; expected finite numbers")
        return values
    numbers = read_numbers(values, f"data {name}", "an array of numbers", error=CostError)
    return np.asarray(numbers, order="C")


def _integers(name: str, values: Any) -> npt.NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError:
        raise CostError(
            f"data {name} has rows of different lengths; it chooses entries: expected an array"
        ) from None
    if array.dtype.kind not in "iu" and array.size:
        raise CostError(
            f"data {name} has dtype {array.dtype}; it chooses entries: expected whole numbers, as "
            f"{name}.astype(int)"
        )
    expected = "whole numbers, since it chooses entries"
    read_numbers(values, f"data {name}", expected, error=CostError)  # refuses masked entries
    if array.size and int(array.max()) > LARGEST:
        raise CostError(
            f"data {name} holds {array.max()}; it chooses entries: expected at most {LARGEST}"
        )
    return np.asarray(array, dtype=np.int64, order="C")


def base_name(key: Any, what: str) -> str:
    """Return the name of an array that is given as such or by its name."""
    if isinstance(key, sp.IndexedBase):
        return str(key.label)
    if isinstance(key, str | sp.Symbol | sp.MatrixSymbol):
        return str(key)
    raise CostError(
        f"{what}: {key!r} is a {type(key).__name__}; expected a sympy.IndexedBase or its name"
    )
