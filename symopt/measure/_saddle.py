"""Saddles: how long a run stayed near one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from symopt.costs.cost import Cost
from symopt.errors import RunError
from symopt.measure._trajectories import (
    Paths,
    along,
    censoring_times,
    first,
    paths_and_cost,
    point_of,
    times,
)
from symopt.validation import Array, check_number

if TYPE_CHECKING:
    import xarray as xr

FLAT = 1e-6  # of the largest curvature: a larger slope at the point given is none of a saddle's
ROUND = 1e-10  # of the largest curvature: a smaller one is 0 to rounding


def saddle_escape(
    x: Paths,
    saddle: npt.ArrayLike,
    *,
    radius: float = 0.1,
    drop: float | None = None,
    cost: Cost | None = None,
) -> xr.Dataset:
    """Return how long each run stayed near a saddle.

    It enters at k_in, the first step with |theta_k - saddle| <= radius, and escapes at the first
    k > k_in with |theta_k - saddle| > radius and J(theta_k) <= J(saddle) - drop: there is no
    standard definition, this one follows Jin et al. (2017) and Du et al. (2017).

    Parameters
    ----------
    x
        A Run, a study's Dataset or a DataArray over (..., step, param).
    saddle
        The point, shape (n,): no slope, and a direction of negative curvature.
    radius
        What is near, in the units of theta. The default takes costs whose saddles are some units
        from their minima; it should be small beside that distance.
    drop
        How far J has to fall; |lambda_min|*radius**2/4 if left out, with lambda_min the smallest
        eigenvalue of the Hessian at the saddle: half of what it falls straight down to the radius.
    cost
        J, where x does not know it.

    Returns
    -------
    xarray.Dataset
        Over the runs ``time``, T - k_in in steps; ``observed``, false where a run had not escaped
        when watching ended, as on the stable manifold; ``entry``, k_in; ``entered``, false where
        it was never near: then ``time`` and ``entry`` are NaN, and ``survival`` leaves the run out,
        as it was never at risk. A run that passes through the ball between two steps never
        entered; one that diverged or came to rest inside never escapes, and was watched to the
        last recorded step.

    Raises
    ------
    RunError
        If the point is no saddle, no theta was recorded, or the cost is not known.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("(x^2 - y^2)/2 + y^4/4")
    >>> run = so.minimize(J, so.gd(eta=0.1), start=[0.05, 1e-6], steps=300)
    >>> so.measure.saddle_escape(run, [0, 0])["time"].item()
    121.0
    """
    near_by = check_number(radius, "radius", above=0)
    paths, known = paths_and_cost(x, cost)
    point = point_of(saddle, paths, "saddle")
    curvature = _negative_curvature(known, point)
    if drop is None:
        fall = abs(curvature) * near_by**2 / 4
    else:
        fall = check_number(drop, "drop", least=0)
    loss, _ = along(known, paths)
    near = np.linalg.norm(paths.values - point, axis=-1) <= near_by
    after = np.logical_or.accumulate(near, axis=-1) & ~near
    steps = paths["step"].values
    entry = first(near, steps)
    escape = first(after & (loss.values <= float(known.value(point)) - fall), steps)
    like = loss.isel(step=0, drop=True)
    return times(
        escape - entry,
        censoring_times(x, steps[-1], like) - entry,
        like,
        entry=entry,
        entered=np.isfinite(entry),
    )


def _negative_curvature(cost: Cost, point: Array) -> float:
    """Return the smallest eigenvalue at a saddle; refuse what is none."""
    place = f"saddle={point.tolist()}"
    gradient, hessian = cost.grad(point), cost.hessian(point)
    if not all(np.isfinite(values).all() for values in (cost.value(point), gradient, hessian)):
        raise RunError(
            f"{place}: J, its gradient or its Hessian there is not finite; expected a saddle"
        )
    eigenvalues, slope = np.linalg.eigvalsh(hessian), float(np.linalg.norm(gradient))
    scale = float(np.abs(eigenvalues).max())
    if slope > FLAT * scale:
        newton = point - np.linalg.lstsq(hessian, gradient)[0]
        raise RunError(
            f"{place}: the gradient there has the norm {slope:.3g}; expected a point without "
            "slope. "
            f"If one is near, it is about {newton.tolist()}, by Newton's step"
        )
    if eigenvalues[0] >= -ROUND * scale:
        raise RunError(
            f"{place}: no curvature there is negative (the smallest eigenvalue is "
            f"{eigenvalues[0]:.3g}); "
            "expected a saddle or a maximum"
        )
    return float(eigenvalues[0])
