"""Ensembles of starts: drawn from a box, in rows, or over the dimensions of a labelled array."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from symopt._typing import PointLike, RandomLike
from symopt.costs.cost import Cost
from symopt.costs.labels import parameter_dimension, read_labels
from symopt.errors import CostError, RunError
from symopt.runs.keywords import refuse_words_of_others
from symopt.runs.memory_check import check_memory
from symopt.runs.starts import read_start
from symopt.validation import (
    Array,
    ComparedByParts,
    check_whole_number,
    read_generator,
    read_numbers,
)

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, eq=False)
class Uniform(ComparedByParts):
    """Starts drawn uniformly from a box, made by :func:`uniform`."""

    low: Any
    high: Any
    size: int
    rng: RandomLike

    def of(self, cost: Cost) -> Uniform:
        """Return the same box with numbers where its corners have the names of parameters."""
        low, high = (_corner(bound, cost) for bound in (self.low, self.high))
        return uniform(low, high, self.size, self.rng)

    def draw(self, dimensions: int) -> Array:
        """Draw the starts, shape (size, dimensions)."""
        check_memory(self.size, dimensions)
        for name, bound in (("low", self.low), ("high", self.high)):
            if bound.shape not in ((), (dimensions,)):
                raise RunError(
                    f"uniform: {name} has shape {bound.shape}; expected a number or "
                    f"{dimensions} of them"
                )
        return read_generator(self.rng).uniform(self.low, self.high, (self.size, dimensions))

    def dimensions(self, cost: Cost) -> int:
        """Count the parameters of a start, from the cost or the box."""
        corner = max(self.low, self.high, key=lambda bound: bound.ndim)
        if corner.ndim == 1 and cost.objective.size_symbols:
            return len(corner)
        try:
            return cost.size
        except CostError as error:
            raise RunError(
                f"uniform: {error}; or give low or high one number for each parameter"
            ) from None


def _corner(bound: Any, cost: Cost) -> Any:
    if read_labels(bound) is None:
        return bound
    return cost.points(bound)[0]


def uniform(
    low: PointLike, high: PointLike, size: int, rng: RandomLike = None, **others: Any
) -> Uniform:
    """Draw ``size`` random starts in the box from ``low`` to ``high``.

    Parameters
    ----------
    low, high
        Two corners: a number for all parameters, one for each, or by the names of parameters.
    size
        How many starts.
    rng
        A seed, a Generator, or None for an arbitrary seed.
    **others
        Refused, with the argument that is meant.

    Raises
    ------
    RunError
        If the corners are no numbers or in the wrong order, or an argument is unknown.

    Examples
    --------
    >>> import symopt as so
    >>> starts = so.uniform(-2, 2, size=5, rng=0)
    >>> study = so.sweep(so.parse("x^2 + y^2"), "gd", starts, steps=10)
    >>> study["gd"].sizes["start"]
    5
    >>> box = so.uniform({"x": -1, "y": 2}, {"x": 1, "y": 3}, size=5, rng=0)
    """
    refuse_words_of_others(uniform, others)
    count = check_whole_number(size, "size", "how many starts to draw", least=1)
    check_memory(count, 1)  # as far as can be known here: the number of parameters is not
    if read_labels(low) is not None or read_labels(high) is not None:
        return Uniform(low, high, count, rng)
    expected = "a number, or one for each parameter"
    lowest, highest = read_numbers(low, "low", expected), read_numbers(high, "high", expected)
    shapes = {lowest.shape, highest.shape} - {()}
    if len(shapes) > 1 or any(len(shape) > 1 for shape in shapes):
        raise RunError(
            f"uniform: low has shape {lowest.shape} and high {highest.shape}; expected {expected}"
        )
    if not (lowest <= highest).all():
        raise RunError(f"low={low!r} is above high={high!r}")
    return Uniform(lowest, highest, count, rng)


def read_starts(cost: Cost, start: PointLike | Uniform) -> tuple[Cost, xr.DataArray]:
    """Read starts, ``param`` last, and the cost with the sizes that they give it."""
    import xarray as xr

    if isinstance(start, Uniform):
        box = start.of(cost)
        start = box.draw(box.dimensions(cost))
    joined = _as_one_array(cost, start)
    if isinstance(joined, xr.DataArray):
        return _read_labelled(cost, joined)
    cost, array = read_start(cost, start, (1, 2), constants={})
    _refuse_none(array)
    return cost, xr.DataArray(array, dims=("start", "param")[-array.ndim :])


def _as_one_array(cost: Cost, start: Any) -> Any:
    """Return a Dataset, or DataArrays and numbers by name, as one array over their dimensions.

    What does not fit together, or is for arrays of parameters, is left as it is.
    """
    import xarray as xr

    if not isinstance(start, Mapping) or not all(p.is_Symbol for p in cost.params):
        return start
    parts = read_labels(start) or {}
    labelled = [one for one in parts.values() if isinstance(one, xr.DataArray)]
    numbers = [one for one in parts.values() if not isinstance(one, xr.DataArray)]
    if not labelled or any(map(np.ndim, numbers)):
        return start
    try:
        xr.align(*labelled, join="exact")
    except ValueError:
        return start
    return xr.Dataset(parts).to_dataarray("param")


def _read_labelled(cost: Cost, start: xr.DataArray) -> tuple[Cost, xr.DataArray]:
    """Read a start over any dimensions, each an axis of the sweep, and ``param``."""
    import xarray as xr

    dim = parameter_dimension(start)
    if dim is None:
        raise RunError(f"the start has the dimensions {start.dims}; one must be 'param'")
    if dim != "param":
        start = start.rename({dim: "param"})
    start = start.transpose(..., "param")
    _refuse_none(start)
    labels = {name: start[name] for name in ("param",) if name in start.coords}
    rows = start.values.reshape(-1, start.sizes["param"])
    cost, array = read_start(
        cost, xr.DataArray(rows, labels, ("start", "param")), (2,), constants={}
    )
    unlabelled = start.drop_vars("param", errors="ignore")
    return cost, unlabelled.copy(data=array.reshape(start.shape))


def _refuse_none(starts: Array | xr.DataArray) -> None:
    if not starts.size:
        raise RunError("start is empty; expected at least one start")
