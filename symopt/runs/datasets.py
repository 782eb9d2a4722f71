"""Labelled results over runs: values, the run first, laid over the dimensions of the runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy.typing as npt

if TYPE_CHECKING:
    import xarray as xr

Variable = tuple[tuple[Any, ...], npt.NDArray[Any]]
"""A variable as ``xarray.Dataset`` takes it: its dimensions and its values."""


def over_runs(runs: xr.DataArray, values: npt.NDArray[Any], *more: str) -> Variable:
    """Lay values over the dimensions of ``runs``, and what each run has of them over ``more``.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> runs = xr.DataArray(np.zeros((2, 3)), dims=("eta", "start"))
    >>> dims, values = over_runs(runs, np.zeros((6, 4)), "param")
    >>> dims, values.shape
    (('eta', 'start', 'param'), (2, 3, 4))
    """
    of_each = values.shape[values.ndim - len(more) :]
    return (*runs.dims, *more), values.reshape((*runs.shape, *of_each))
