"""The recorded ways of runs, and first times along them: what the measures of times have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from symopt.cost import Cost
from symopt.errors import RunError
from symopt.floats import Array
from symopt.run import Run
from symopt.study import Study

if TYPE_CHECKING:
    import xarray as xr


def paths_of(x: Any, cost: Cost | None = None, *, needs_cost: bool = False) -> tuple[xr.DataArray, Cost | None]:
    """Return theta over (..., step, param), and the cost it moves on.

    Parameters
    ----------
    x
        A Run; a study's Dataset with ``history_theta``; or a DataArray over step and param.
    cost
        J, where x does not know it; its constants given.
    needs_cost
        Whether it is an error not to know it.

    Raises
    ------
    RunError
        If no theta was recorded, or the cost is needed and not given.
    """
    import xarray as xr

    if isinstance(x, Study):
        raise RunError(f'a Study was given; give the paths of one rule: study["{next(iter(x), "adam")}"]')
    if isinstance(x, Run):
        cost = cost or x.cost
        x = x.history
    if isinstance(x, xr.Dataset):
        found = [x[name] for name in ("theta", "history_theta") if name in x and "step" in x[name].dims]
        if not found:
            raise RunError("no theta was recorded; ask for it, as in minimize(..., record=True, paths=True)")
        x = found[0]
    if not isinstance(x, xr.DataArray) or not {"step", "param"} <= set(x.dims):
        dims = x.dims if isinstance(x, xr.DataArray) else type(x).__name__
        raise RunError(f"paths over {dims} were given; expected a Run, or a DataArray over (..., step, param)")
    if not x.size:
        raise RunError("the paths are empty; expected at least one recorded step")
    if needs_cost and not isinstance(cost, Cost):
        raise RunError(f"cost={cost!r}; a DataArray does not know its cost: give it, as in cost=J")
    return x.transpose(..., "step", "param"), cost


def along(cost: Cost, paths: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Return J and the norm of its gradient along paths; NaN where theta is."""
    theta = paths.values
    known = np.isfinite(theta).all(axis=-1)
    points = np.where(known[..., None], theta, 0.0)
    shape = paths.isel(param=0, drop=True)
    loss = np.where(known, cost.value(points), np.nan)
    slope = np.where(known, np.linalg.norm(cost.grad(points), axis=-1), np.nan)
    return shape.copy(data=loss), shape.copy(data=slope)


def point_of(value: Any, paths: xr.DataArray, name: str) -> Array:
    """Return a point given by hand, shape (n,), checked against the paths."""
    point = np.asarray(value, dtype=np.float64)
    if point.shape != (paths.sizes["param"],) or not np.isfinite(point).all():
        raise RunError(
            f"{name} has shape {point.shape}; expected {paths.sizes['param']} finite numbers, one per parameter"
        )
    return point


def first(event: npt.NDArray[np.bool_], steps: npt.NDArray[Any]) -> Array:
    """Return the first of the steps, the last axis, at which an event holds; NaN where it never does."""
    place = event.argmax(axis=-1)
    return np.where(event.any(axis=-1), steps[place].astype(np.float64), np.nan)


def times(when: Array, until: Any, like: xr.DataArray, **more: npt.NDArray[Any]) -> xr.Dataset:
    """Return the common form of times: ``time``, and whether it was ``observed`` or is where watching ended.

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
    observed = np.isfinite(when)
    variables = {"time": np.where(observed, when, until), "observed": observed, **more}
    dims = like.dims
    import xarray as xr

    return xr.Dataset({name: (dims, np.asarray(value)) for name, value in variables.items()}, coords=like.coords)
