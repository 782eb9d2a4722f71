"""Recorded trajectories, and first times along them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from symopt.costs.cost import Cost
from symopt.costs.points import Flat
from symopt.errors import CostError, RunError
from symopt.runs.datasets import over_runs
from symopt.runs.result import Run
from symopt.runs.study import Study
from symopt.runs.termination import Status
from symopt.validation import Array, read_numbers

if TYPE_CHECKING:
    import xarray as xr

Paths: TypeAlias = "Run | xr.Dataset | xr.DataArray"
"""What paths are in: a run, a dataset of a study, or theta over (..., step, param)."""
Times: TypeAlias = "xr.Dataset | tuple[npt.ArrayLike, npt.ArrayLike]"
"""Times as ``hitting`` gives them, or a pair (time, observed)."""


def refuse_study(x: Any) -> None:
    """Refuse a whole study, where the results of one rule are asked for."""
    if isinstance(x, Study):
        raise RunError(
            f'a Study was given; give the results of one rule: study["{next(iter(x), "adam")}"]'
        )


def paths_of(x: Paths) -> xr.DataArray:
    """Return theta over (..., step, param).

    Parameters
    ----------
    x
        A Run; a study's Dataset with ``history_theta``; or a DataArray over step and param.

    Raises
    ------
    RunError
        If no theta was recorded.
    """
    import xarray as xr

    refuse_study(x)
    if isinstance(x, Run):
        x = x.history
    if isinstance(x, xr.Dataset):
        found = [
            x[name] for name in ("theta", "history_theta") if name in x and "step" in x[name].dims
        ]
        if not found:
            raise RunError(
                "no theta was recorded; ask for it, as in minimize(..., record=True, paths=True)"
            )
        x = found[0]
    if not isinstance(x, xr.DataArray) or not {"step", "param"} <= set(x.dims):
        dims = x.dims if isinstance(x, xr.DataArray) else type(x).__name__
        raise RunError(
            f"paths over {dims} were given; expected a Run, or a DataArray over (..., step, param)"
        )
    if not x.size:
        raise RunError(
            "the paths are empty; expected at least one run with at least one recorded step"
        )
    return x.transpose(..., "step", "param")


def paths_and_cost(x: Paths, cost: Cost | None) -> tuple[xr.DataArray, Cost]:
    """Return theta over (..., step, param), and the cost it moves on: a Run knows its own.

    Raises
    ------
    RunError
        If no theta was recorded, or the cost is not known or has other parameters.
    """
    paths = paths_of(x)
    if cost is None and isinstance(x, Run):
        cost = x.cost
    if not isinstance(cost, Cost):
        raise RunError(
            f"cost={cost!r}; the paths of a study do not know their cost: give it, as in cost=J"
        )
    check_size(paths, cost)
    return paths, cost


def check_size(theta: xr.DataArray, cost: Cost) -> None:
    """Refuse points that have not as many coordinates as the cost has parameters."""
    count = theta.sizes["param"]
    try:
        cost.points(Flat(np.zeros(count)))
    except CostError:
        names = ", ".join(parameter.name for parameter in cost.params)
        raise RunError(f"points of {count} number(s) for a cost of {cost.size}, {names}") from None


def along(cost: Cost, paths: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Return J and the norm of its gradient along paths; NaN where theta is."""
    theta = paths.values
    known = np.isfinite(theta).all(axis=-1)
    loss, slope = np.full(known.shape, np.nan), np.full(known.shape, np.nan)
    loss[known] = cost.value(Flat(theta[known]))
    slope[known] = np.linalg.norm(cost.grad(Flat(theta[known])), axis=-1)
    shape = paths.isel(param=0, drop=True)
    return shape.copy(data=loss), shape.copy(data=slope)


def censoring_times(x: Paths, last: float, like: xr.DataArray) -> Array:
    """Return until which step each run was watched, over the dimensions of ``like``.

    That is the last step, also for a run that ended before: one that diverged or came to rest is
    not lost from sight, what it has not done it never does, and to take it out of those at risk
    would make the others look faster. Only a run that was interrupted might have done it
    afterwards: it was watched to where it stopped. A DataArray does not say how its runs ended.
    """
    import xarray as xr

    until: Any = last
    if isinstance(x, Run) and x.status == Status.INTERRUPTED:
        until = x.steps
    elif isinstance(x, xr.Dataset) and {"status", "steps"} <= set(x.data_vars):
        status, steps = (x[name].transpose(*like.dims).values for name in ("status", "steps"))
        until = np.where(status == Status.INTERRUPTED.value, steps, last)
    return np.broadcast_to(np.minimum(until, last).astype(np.float64), like.shape)


def point_of(value: Any, paths: xr.DataArray, name: str) -> Array:
    """Return a point given by hand, shape (n,), checked against the paths."""
    what = f"{name}={value!r}"
    point = read_numbers(value, what, "one number per parameter", finite=False)
    if point.shape != (paths.sizes["param"],) or not np.isfinite(point).all():
        raise RunError(
            f"{name} has shape {point.shape}; expected {paths.sizes['param']} finite numbers, one "
            "per parameter"
        )
    return point


def first(event: npt.NDArray[np.bool_], steps: npt.NDArray[Any]) -> Array:
    """Return the first step at which an event holds, along the last axis; else NaN."""
    place = event.argmax(axis=-1)
    return np.where(event.any(axis=-1), steps[place].astype(np.float64), np.nan)


def times(when: Array, until: Array, like: xr.DataArray, **more: npt.NDArray[Any]) -> xr.Dataset:
    """Return times as a Dataset: ``time``, and whether it was ``observed`` or censored.

    Parameters
    ----------
    when
        The times, NaN where the event did not happen.
    until
        Until when each run was watched.
    like
        A DataArray over the runs.
    **more
        Further variables over the runs.
    """
    import xarray as xr

    observed = np.isfinite(when)
    variables = {"time": np.where(observed, when, until), "observed": observed, **more}
    return xr.Dataset(
        {name: over_runs(like, np.asarray(value)) for name, value in variables.items()},
        coords=like.coords,
    )
