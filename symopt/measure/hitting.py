"""Hitting times: when J first came within a gap of its smallest value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symopt.errors import RunError
from symopt.measure.paths import first, times
from symopt.run import Run
from symopt.status import Status
from symopt.study import Study

if TYPE_CHECKING:
    import xarray as xr


def hitting(x: Any, target: float, *, optimum: float = 0.0) -> xr.Dataset:
    """Return when each run first had J - J* at or below a target, T = min{k : J(theta_k) <= J* + target}.

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
        ``time`` in steps, and whether it was ``observed``. A run that did not arrive was watched to
        the last step: one that diverged too, as it is not lost from sight but never arrives; one
        that was interrupted to where it stopped. Between recorded steps nothing is seen.

    Raises
    ------
    RunError
        If no losses were recorded.

    Examples
    --------
    >>> import symopt as so
    >>> run = so.minimize(so.parse("x^2"), so.gd(eta=0.25), start=[1.0], steps=20)  # J = 4**-k
    >>> so.measure.hitting(run, 1e-3)["time"].item()
    5.0
    """
    import xarray as xr

    if isinstance(x, Study):
        raise RunError(f'a Study was given; give one rule\'s Dataset: study["{next(iter(x), "adam")}"]')
    if not (np.ndim(target) == 0 and np.isfinite(target) and np.isfinite(optimum)):
        raise RunError(f"target={target!r}, optimum={optimum!r}; expected two finite numbers")
    if isinstance(x, Run):
        stopped = x.steps if x.status == Status.INTERRUPTED else None
        return _of_losses(_recorded(x.history, "loss"), target + optimum, stopped)
    if isinstance(x, xr.Dataset):
        until = np.where(x["status"].values == Status.INTERRUPTED, x["steps"].values, x.attrs["steps"])
        if "target" in x.coords and np.isclose(x["target"], target + optimum, rtol=1e-12, atol=0).any():
            hit = x["hit"].isel(target=int(np.abs(x["target"].values - target - optimum).argmin()), drop=True)
            return times(hit.values, until, hit)
        return _of_losses(_recorded(x, "history_loss"), target + optimum, until)
    if isinstance(x, xr.DataArray) and "step" in x.dims and x.size:
        return _of_losses(x, target + optimum, None)
    raise RunError(f"hitting was given {type(x).__name__}; expected a Run, a study's Dataset, or losses over step")


def _recorded(dataset: xr.Dataset, name: str) -> xr.DataArray:
    if name not in dataset or not dataset.sizes.get("step"):
        raise RunError("no losses were recorded; give targets= to the sweep, or record=True")
    return dataset[name]


def _of_losses(losses: xr.DataArray, level: float, until: Any) -> xr.Dataset:
    turned = losses.transpose(..., "step")
    when = first(turned.values <= level, turned["step"].values)
    last = turned["step"].values[-1] if until is None else until
    return times(when, last, turned.isel(step=0, drop=True))
