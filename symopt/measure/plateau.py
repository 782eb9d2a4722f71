"""Plateaus: how long a run stood where the gradient is small and J is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from symopt.cost import Cost
from symopt.errors import RunError
from symopt.measure.paths import along, paths_of, times

if TYPE_CHECKING:
    import xarray as xr


def plateau(x: Any, slope: float, drop: float, *, optimum: float | None = None, cost: Cost | None = None) -> xr.Dataset:
    """Return the longest stay on a plateau: |grad J| <= slope while J - J* > drop.

    Parameters
    ----------
    x
        A Run, a study's Dataset or a DataArray over (..., step, param).
    slope
        The largest norm of the gradient on a plateau.
    drop
        The smallest J - J* on a plateau: below it the run has arrived.
    optimum
        J*.
    cost
        J, where x does not know it.

    Returns
    -------
    xarray.Dataset
        ``time``, the dwell in steps, from the ``entry`` to the first step off the plateau;
        ``observed``, whether it left downhill while it was watched; and whether one was ``met``
        (else the dwell is 0).

    Raises
    ------
    RunError
        If no theta was recorded, or J* or the cost is not known.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("log(1 + x^2)/2")   # flat far out: the slope is about 1/x
    >>> run = so.minimize(J, so.gd(eta=1.0), start=[20.0], steps=400)
    >>> so.measure.plateau(run, slope=0.2, drop=0.1, optimum=0.0)["time"].item()
    191.0
    """
    if optimum is None:
        raise RunError(
            "plateau needs optimum=J*, the smallest value of the cost: a run that has arrived is on no plateau"
        )
    paths, known = paths_of(x, cost, needs_cost=True)
    assert known is not None
    loss, gradient = along(known, paths)
    flat = (gradient.values <= slope) & (loss.values - optimum > drop)
    runs = [_longest(f, j) for f, j in zip(*(a.reshape(-1, a.shape[-1]) for a in (flat, loss.values)), strict=True)]
    begin, end, left = (np.array(part).reshape(flat.shape[:-1]) for part in zip(*runs, strict=True))
    steps = paths["step"].values
    exit_ = steps[np.minimum(end, len(steps) - 1)]
    dwell = (exit_ - steps[begin]).astype(np.float64)
    like = loss.isel(step=0, drop=True)
    met = end > begin
    return times(np.where(left | ~met, dwell, np.nan), dwell, like, entry=steps[begin], exit=exit_, met=met)


def _longest(flat: npt.NDArray[np.bool_], loss: npt.NDArray[np.float64]) -> tuple[int, int, bool]:
    """Return where the longest stretch begins and ends, and whether J was lower after it than before."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flat, [False]]).astype(np.int8)))
    if not len(edges):
        return 0, 0, False
    begins, ends = edges[::2], edges[1::2]
    k = int((ends - begins).argmax())
    left = ends[k] < len(flat) and bool(loss[ends[k]] < loss[begins[k]])
    return int(begins[k]), int(ends[k]), left
