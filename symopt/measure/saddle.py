"""Saddles: how long a run stayed near one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from symopt.cost import Cost
from symopt.errors import RunError
from symopt.measure.paths import along, first, paths_of, point_of, times

if TYPE_CHECKING:
    import xarray as xr

FLAT = 1e-6  # of the largest eigenvalue: a larger slope at the point given is none of a saddle's


def saddle_escape(
    x: Any, saddle: npt.ArrayLike, *, radius: float = 0.1, drop: float | None = None, cost: Cost | None = None
) -> xr.Dataset:
    """Return how long each run stayed near a saddle.

    It enters at the first step with |theta - saddle| <= radius, and escapes at the first later one
    with |theta - saddle| > radius and J <= J(saddle) - drop (after Jin et al. 2017 and Du et al.
    2017).

    Parameters
    ----------
    x
        A Run, a study's Dataset or a DataArray over (..., step, param).
    saddle
        The point, shape (n,): no slope, and a direction of negative curvature.
    radius
        What is near.
    drop
        How far J has to fall; |lambda_min|*radius**2/4 if left out, with lambda_min the smallest
        eigenvalue of the Hessian at the saddle: half of what it falls straight down to the radius.
    cost
        J, where x does not know it.

    Returns
    -------
    xarray.Dataset
        ``time`` from ``entry`` to escape, in steps; ``observed``, false where a run had not escaped
        when watching ended, as on the stable manifold; ``entered``, false where it was never near
        (then ``time`` is NaN, and survival leaves it out).

    Raises
    ------
    RunError
        If the point is no saddle, or no theta was recorded.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("(x^2 - y^2)/2 + y^4/4")
    >>> run = so.minimize(J, so.gd(eta=0.1), start=[0.05, 1e-6], steps=300)  # y grows 1.1-fold a step
    >>> so.measure.saddle_escape(run, [0, 0])["time"].item()
    121.0
    """
    paths, known = paths_of(x, cost, needs_cost=True)
    assert known is not None
    point = point_of(saddle, paths, "saddle")
    smallest = _check(known, point)
    fall = abs(smallest) * radius**2 / 4 if drop is None else drop
    loss, _ = along(known, paths)
    distance = np.linalg.norm(paths.values - point, axis=-1)
    steps = paths["step"].values
    near = distance <= radius
    entry = first(near, steps)
    after = np.logical_or.accumulate(near, axis=-1)
    escape = first(after & ~near & (loss.values <= float(known.value(point)) - fall), steps)
    like = loss.isel(step=0, drop=True)
    return times(escape - entry, steps[-1] - entry, like, entry=entry, entered=np.isfinite(entry))


def _check(cost: Cost, point: npt.NDArray[np.float64]) -> float:
    """Return the smallest eigenvalue at a saddle; refuse what is none."""
    eigenvalues = np.linalg.eigvalsh(cost.hessian(point))
    slope = float(np.linalg.norm(cost.grad(point)))
    if slope > FLAT * np.abs(eigenvalues).max():
        raise RunError(
            f"saddle={point.tolist()}: the gradient there has the norm {slope:.3g}; expected a point without slope"
        )
    if eigenvalues[0] >= 0:
        raise RunError(
            f"saddle={point.tolist()}: no curvature there is negative (the smallest is {eigenvalues[0]:.3g})"
        )
    return float(eigenvalues[0])
