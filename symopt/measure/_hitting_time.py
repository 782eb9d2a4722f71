"""Hitting times: when J first came within a gap of its smallest value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symopt.errors import RunError
from symopt.measure._trajectories import Paths, censoring_times, first, refuse_study, times
from symopt.runs.result import Run
from symopt.validation import check_number

if TYPE_CHECKING:
    import xarray as xr

SAME = 1e-12  # relative: the rounding of J* + target, beside a target of the sweep


def hitting(x: Paths, target: float, *, optimum: float = 0.0) -> xr.Dataset:
    """Return when each run first had J - J* <= target: T = min{k : J(theta_k) <= J* + target}.

    Parameters
    ----------
    x
        A Run; a study's Dataset, whose exact ``hit`` is taken where the sweep had ``targets`` that
        hold J* + target, and its recorded losses else; or a DataArray of losses over ``step``.
    target
        The gap Delta.
    optimum
        J*.

    Returns
    -------
    xarray.Dataset
        Over the runs ``time`` in steps, and whether it was ``observed``. A run that did not arrive
        was watched to the last step, the budget where recording went so far: one that diverged or
        converged elsewhere too, as it is not lost from sight but never arrives; one that was
        interrupted to where it stopped. Between recorded steps nothing is seen, so that a time is
        the first recorded step at or after the true one.

    Raises
    ------
    RunError
        If no losses were recorded, or a number is not finite.

    Examples
    --------
    >>> import symopt as so
    >>> run = so.minimize(so.parse("x^2"), so.gd(eta=0.25), start=[1.0], steps=20)  # J = 4**-k
    >>> so.measure.hitting(run, 1e-3)["time"].item()
    5.0
    """
    import xarray as xr

    refuse_study(x)
    level = check_number(target, "target") + check_number(optimum, "optimum")
    if isinstance(x, xr.Dataset) and (hit := _exact(x, level)) is not None:
        return times(hit.values, censoring_times(x, x.attrs["steps"], hit), hit)
    losses = _losses(x, level)
    steps = losses["step"].values
    like = losses.isel(step=0, drop=True)
    return times(first(losses.values <= level, steps), censoring_times(x, steps[-1], like), like)


def _exact(dataset: xr.Dataset, level: float) -> xr.DataArray | None:
    """Return the hits that the sweep itself saw, if the level was among its targets."""
    if "hit" not in dataset or "target" not in dataset["hit"].dims or "steps" not in dataset.attrs:
        return None
    away = np.abs(dataset["target"].values - level)
    nearest = int(away.argmin())
    if away[nearest] <= SAME * abs(level):
        return dataset["hit"].isel(target=nearest, drop=True)
    return None


def _losses(x: Any, level: float) -> xr.DataArray:
    import xarray as xr

    found = x
    if isinstance(x, Run):
        found = x.history["loss"]
    elif isinstance(x, xr.Dataset):
        found = x.get("history_loss")
        if found is None:
            targets = ""
            if "target" in x.coords:
                targets = f"; its targets are {x['target'].values.tolist()}"
            raise RunError(
                f"no losses were recorded{targets}; give targets=[{level:g}] to the sweep, or "
                "record=True"
            )
    if not isinstance(found, xr.DataArray) or "step" not in found.dims:
        if isinstance(found, xr.DataArray):
            given = f"losses over {found.dims}"
        else:
            given = type(found).__name__
        raise RunError(
            f"hitting was given {given}; expected a Run, a study's Dataset, or losses over step"
        )
    if "param" in found.dims:
        raise RunError(
            "hitting was given theta over param; expected losses: J of each point, as in "
            "cost.value(theta)"
        )
    if not found.size:
        raise RunError(
            "no losses were recorded; expected at least one run with at least one recorded step"
        )
    return found.transpose(..., "step")
