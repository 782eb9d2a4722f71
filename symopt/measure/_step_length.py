"""Motion along a path: how long the steps are, and where they point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from symopt.errors import RunError
from symopt.measure._trajectories import Paths, paths_of, point_of

if TYPE_CHECKING:
    import xarray as xr


def speed_along(x: Paths) -> xr.Dataset:
    """Return the velocity along paths, theta_k - theta_{k-1}, and its length.

    Parameters
    ----------
    x
        A Run, a study's Dataset or a DataArray over (..., step, param).

    Returns
    -------
    xarray.Dataset
        ``step_length`` over (..., step) and ``velocity`` over (..., step, param), per step: where
        not every step was recorded, the mean over the steps between. ``step`` is k.

    Raises
    ------
    RunError
        If fewer than two steps of theta were recorded.

    Examples
    --------
    >>> import symopt as so
    >>> run = so.minimize(so.parse("3*x"), so.momentum(eta=0.5, beta=0.5), start=[0.0], steps=40)
    >>> so.measure.speed_along(run)["step_length"].values[[0, 1, -1]].round(6)
    array([1.5 , 2.25, 3.  ])
    """
    import xarray as xr

    paths = _two(x)
    moved = paths.diff("step") / paths["step"].diff("step")
    length = moved.isel(param=0, drop=True).copy(data=np.linalg.norm(moved.values, axis=-1))
    return xr.Dataset({"step_length": length, "velocity": moved})


def heading(x: Paths, minimum: npt.ArrayLike) -> xr.DataArray:
    """Return the angle between each step and the direction to the minimum.

    Parameters
    ----------
    x
        A Run, a study's Dataset or a DataArray over (..., step, param).
    minimum
        theta*, shape (n,).

    Returns
    -------
    xarray.DataArray
        Over (..., step), in radians from 0, straight at it, to pi, straight away; NaN where a step
        has no length. ``step`` is where the step ends.

    Raises
    ------
    RunError
        If fewer than two steps of theta were recorded, or the minimum does not fit.

    Examples
    --------
    >>> import symopt as so
    >>> run = so.minimize(so.parse("x^2 + y^2"), so.gd(eta=0.1), start=[1, 2], steps=3)
    >>> so.measure.heading(run, [0, 0]).values.round(6)
    array([0., 0., 0.])
    """
    paths = _two(x)
    point = point_of(minimum, paths, "minimum")
    step = np.diff(paths.values, axis=-2)
    wanted = point - paths.values[..., :-1, :]
    with np.errstate(invalid="ignore", divide="ignore"):
        u, v = (w / np.linalg.norm(w, axis=-1, keepdims=True) for w in (step, wanted))
        # the half-angle form keeps small angles, of which the cosine is 1 to rounding (Kahan 2006)
        angle = 2 * np.arctan2(np.linalg.norm(u - v, axis=-1), np.linalg.norm(u + v, axis=-1))
    result = paths.isel(param=0, drop=True).isel(step=slice(1, None)).copy(data=angle)
    return result.rename("heading").assign_attrs(units="rad")


def _two(x: Any) -> xr.DataArray:
    paths = paths_of(x)
    if paths.sizes["step"] < 2:
        raise RunError(
            f"{paths.sizes['step']} step was recorded; expected two or more: record=True"
        )
    return paths
