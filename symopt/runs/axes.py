"""The axes of a sweep: every combination of hyperparameters, constants and starts as one run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from symopt._typing import ConstantLike
from symopt.errors import RunError
from symopt.rules.rule import Rule
from symopt.runs.memory_check import check_memory
from symopt.runs.options import RunOptions
from symopt.validation import Array

if TYPE_CHECKING:
    import xarray as xr

RESERVED = {"param", "step", "target"}
"""Dimensions of the results, which no axis may be called."""
OF_COST = "cost."
"""The prefix of a constant that is an axis."""


@dataclass(frozen=True, kw_only=True)
class Axes:
    """Every combination of the axes, laid out as N runs.

    Attributes
    ----------
    shape
        Zeros over the axes.
    start
        Where each run starts, shape (N, n).
    hypers, constants
        The value of each, for all runs or one a run.
    streams
        The stream of random numbers that each run takes its noise from: the number of its start.
    """

    shape: xr.DataArray
    start: Array
    hypers: dict[str, Any]
    constants: dict[str, Any]
    streams: Array

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return len(self.start)


def lay_out(
    rule: Rule, constants: Mapping[str, Any], starts: xr.DataArray, settings: RunOptions
) -> Axes:
    """Lay out every combination of a rule's hyperparameters, constants and starts.

    Raises
    ------
    RunError
        If axes share a dimension and do not fit, or the runs do not fit into memory.
    """
    swept = _read_axes(rule.hyperparameters) | _read_axes(constants, OF_COST)
    first_entries = starts.isel(param=0, drop=True)
    shape = _combine([*swept.values(), first_entries], starts, rule, settings=settings)
    numbers = np.arange(first_entries.size, dtype=np.float64).reshape(first_entries.shape)
    streams = _spread_axis(first_entries.copy(data=numbers), shape)
    rows = starts.transpose(*first_entries.dims, "param").values.reshape(first_entries.size, -1)
    spread = {name: _spread_axis(values, shape) for name, values in swept.items()}
    return Axes(
        shape=shape,
        start=rows[streams.astype(np.int64)],
        hypers={name: spread.get(name, value) for name, value in rule.hyperparameters.items()},
        constants={name: spread.get(OF_COST + name, value) for name, value in constants.items()},
        streams=streams,
    )


def _read_axes(values: Mapping[str, Any], prefix: str = "") -> dict[str, xr.DataArray]:
    return {
        prefix + name: read_axis(prefix + name, value)
        for name, value in values.items()
        if np.ndim(value)
    }


def _combine(
    axes: list[xr.DataArray], starts: xr.DataArray, rule: Rule, settings: RunOptions
) -> xr.DataArray:
    """Make zeros over all dimensions of the axes, as far as that many runs fit into memory."""
    import xarray as xr

    try:
        aligned = xr.align(*axes, join="exact")
    except ValueError as error:
        raise RunError(f"axes that share a dimension do not fit together: {error}") from None
    sizes = dict(chain.from_iterable(axis.sizes.items() for axis in aligned))
    runs = math.prod(sizes.values())
    check_memory(runs, starts.sizes["param"], settings, states=len(rule.update.states))
    return xr.broadcast(*aligned)[0] * 0.0


def _spread_axis(values: xr.DataArray, shape: xr.DataArray) -> Array:
    """Give each run its value of an axis."""
    over_all = values.broadcast_like(shape).transpose(*shape.dims)
    return over_all.values.ravel().astype(np.float64)


def read_axis(name: str, value: ConstantLike) -> xr.DataArray:
    """Read the values of one axis, with a name for its dimension."""
    import xarray as xr

    if isinstance(value, xr.DataArray):
        taken = RESERVED & set(value.dims)
        if taken:
            raise RunError(
                f"{name} has the dimension {taken.pop()!r}, which the results use; call it "
                "something else"
            )
        if not value.size:
            raise RunError(f"{name} is empty; expected at least one value")
        return value
    array = np.asarray(value, dtype=np.float64)
    if array.ndim != 1 or not array.size:
        raise RunError(
            f"{name} has shape {array.shape}; expected a number, a list of numbers, "
            "or an xarray.DataArray with named dimensions"
        )
    return xr.DataArray(array, dims=name, coords={name: array})
