"""Plateaus: how long a run stood where the gradient is small and J is not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from symopt.costs.cost import Cost
from symopt.errors import RunError
from symopt.measure._trajectories import Paths, along, paths_and_cost, times
from symopt.validation import Array, check_number

if TYPE_CHECKING:
    import xarray as xr


def plateau(
    x: Paths, slope: float, drop: float, *, optimum: float | None = None, cost: Cost | None = None
) -> xr.Dataset:
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
        Over the runs the longest stay, the first of those as long: ``entry``, its first recorded
        step; ``exit``, the first one after it, or where the path ends; ``time``, the dwell
        exit - entry in steps; ``observed``, whether it ended by descent, to a J below the one at
        entry (else the dwell is at least so long: the path ended, or climbed off); and whether a
        plateau was ``met``. Where none was, the dwell is 0: leave such runs out, by
        ``stay.where(stay.met, drop=True)``, where the question is how long a plateau holds.

    Raises
    ------
    RunError
        If no theta was recorded, or J* or the cost is not known.

    Notes
    -----
    There is no standard definition; this one follows those of saddle escape (Jin et al. 2017). A
    ball that rolls back and forth leaves a plateau whenever the slope is larger between: the stays
    are not added up.

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
            "plateau needs optimum=J*, the smallest value of the cost: a run that has arrived is "
            "on no plateau"
        )
    largest, fall = check_number(slope, "slope", least=0), check_number(drop, "drop", least=0)
    smallest = check_number(optimum, "optimum")
    paths, known = paths_and_cost(x, cost)
    loss, gradient = along(known, paths)
    flat = (gradient.values <= largest) & (loss.values - smallest > fall)
    steps, values = paths["step"].values, loss.values
    rows = zip(flat.reshape(-1, len(steps)), values.reshape(-1, len(steps)), strict=True)
    stays = np.array([_longest(row, j, steps) for row, j in rows]).reshape(*flat.shape[:-1], 4)
    entry, exit_ = stays[..., 0], stays[..., 1]
    descended, met = stays[..., 2] == 1, stays[..., 3] == 1
    dwell = np.where(met, exit_ - entry, 0.0)
    return times(
        np.where(descended | ~met, dwell, np.nan),
        dwell,
        loss.isel(step=0, drop=True),
        entry=entry,
        exit=exit_,
        met=met,
    )


def _longest(
    flat: npt.NDArray[np.bool_], loss: Array, steps: npt.NDArray[Any]
) -> tuple[float, float, bool, bool]:
    """Return the longest stretch, whether J was lower after it, and whether there is one."""
    edges = np.flatnonzero(np.diff(flat.astype(np.int8), prepend=0, append=0))
    if not len(edges):
        return math.nan, math.nan, False, False
    begins, ends = edges[::2], edges[1::2]
    last = int(np.flatnonzero(np.isfinite(loss))[-1])  # the step to which the path is known
    exits = np.minimum(ends, last)
    k = int((steps[exits] - steps[begins]).argmax())
    descended = ends[k] <= last and bool(loss[ends[k]] < loss[begins[k]])
    return float(steps[begins[k]]), float(steps[exits[k]]), descended, True
