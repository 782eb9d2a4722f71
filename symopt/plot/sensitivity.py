"""How much a result depends on the learning rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from symopt.errors import RunError
from symopt.floats import Array
from symopt.plot.style import axes_or_new, legend, line_style
from symopt.study import Study

if TYPE_CHECKING:
    import xarray as xr

FACTOR = 2.0  # of the best median: what still counts as good
LOWEST = 1e-16  # of the largest gap: what is drawn of smaller ones


def sensitivity(
    result: Study | Mapping[str, xr.Dataset], ax: Axes | None = None, *, optimum: float = 0.0,
    target: float | None = None, along: str = "eta", runs: str = "start",
) -> Axes:  # fmt: skip
    """Draw the final gap, or the steps to a target, against a hyperparameter.

    Parameters
    ----------
    result
        A study, or Datasets of it by name, with the axis ``along``.
    ax
        Where to draw; a new figure if left out.
    optimum
        J*, which is taken off the loss.
    target
        One of the sweep's targets: then the steps to it are drawn, where most runs arrive.
    along
        The hyperparameter.
    runs
        The dimension of the runs: the line is their median, the band reaches from the 10th to the
        90th percentile.

    Returns
    -------
    matplotlib.axes.Axes
        A bar at the foot marks where each rule's median is within a factor 2 of its best: the
        tolerance width in decades, which stands in the legend.

    Raises
    ------
    RunError
        If the axis or the target is not there, or every run diverged.

    Examples
    --------
    >>> import numpy as np, symopt as so
    >>> starts = so.uniform(1, 2, size=5, rng=0)
    >>> study = so.sweep(so.parse("x^2"), so.gd(eta=np.geomspace(0.01, 0.9, 9)), starts, steps=9)
    >>> so.plot.sensitivity(study).get_xlabel()
    'eta'
    """
    ax = axes_or_new(ax)
    if not len(result):
        raise RunError("the study is empty; expected at least one rule")
    for k, (name, dataset) in enumerate(result.items()):
        values = _values(dataset, name, along, runs, optimum, target)
        curves = np.percentile(values, (10, 50, 90), axis=1, method="nearest")
        worst = dataset.attrs["steps"] if target is not None else float(np.max(values[np.isfinite(values)]))
        _one(ax, dataset[along].values, curves, worst, name, k)
    what = "J" if optimum == 0 else "J − J*"
    ax.set(xscale="log", yscale="log", xlabel=along)
    ax.set_ylabel(f"{what} at the end" if target is None else f"steps to J = {target:g}")
    low, high = ax.get_ylim()
    ax.set_ylim(low * (low / high) ** (0.03 * len(result)), high)  # room for the bars
    ax.grid(alpha=0.25)
    legend(ax)
    return ax


def _values(dataset: xr.Dataset, name: str, along: str, runs: str, optimum: float, target: float | None) -> Array:
    """Return what is drawn, over (along, runs); inf where there is none."""
    if along not in dataset.dims:
        raise RunError(
            f"{name} has the axes {', '.join(map(str, dataset.dims))}; expected {along!r}: an array of values"
        )
    if target is None:
        chosen = dataset["loss"] - optimum
    elif "target" in dataset.coords and np.isclose(dataset["target"], target, rtol=1e-12, atol=0).any():
        place = int(np.abs(dataset["target"].values - target).argmin())
        chosen = dataset["hit"].isel(target=place)
    else:
        raise RunError(f"target={target:g} is none of the sweep's; give it, as in sweep(..., targets=[{target:g}])")
    chosen = chosen if target is not None else chosen.where(~dataset["status"].isin(["diverged", "non-finite"]))
    others = [dim for dim in chosen.dims if dim not in (along, runs)]
    if others:
        raise RunError(f"{name} has the axis {others[0]} too; choose one value, as in .sel({others[0]}=...)")
    values: Array = (chosen.expand_dims(runs) if runs not in chosen.dims else chosen).transpose(along, runs).values
    if not np.isfinite(values).any() and target is None:
        raise RunError(f"every run of {name} diverged; there is nothing to draw: try smaller values of {along}")
    return np.where(np.isfinite(values), values, np.inf)


def _one(ax: Axes, x: Array, curves: Array, worst: float, name: str, k: int) -> None:
    """Draw the band and the median of one rule, as far as it is finite, and the bar of its tolerance."""
    style = line_style(k)
    low, middle, high = np.clip(curves, LOWEST * worst, None)
    seen = np.isfinite(middle)
    good = _around(middle)
    width = f"{np.log10(x[good][-1] / x[good][0]):.1f} decades" if good.any() else "never"
    ax.plot(x, np.where(seen, middle, np.nan), linewidth=1.6, label=f"{name} ({width})", **style)
    reached = np.isfinite(low).tolist()
    ax.fill_between(x, low, np.minimum(high, worst), where=reached, color=style["color"], alpha=0.12, linewidth=0)
    if good.any():
        height = 0.012 + 0.02 * k
        ax.plot(
            x[good][[0, -1]], [height, height], "|-", color=style["color"], linewidth=3, markersize=6,
            transform=ax.get_xaxis_transform(), label="_tolerance",
        )  # fmt: skip


def _around(middle: Array) -> npt.NDArray[np.bool_]:
    """Return where a curve is within the factor of its least value, without a gap in between."""
    good = np.isfinite(middle) & (middle <= FACTOR * middle.min())
    best = int(np.argmin(middle))
    left, right = np.logical_and.accumulate(good[best::-1])[::-1], np.logical_and.accumulate(good[best:])
    result = np.zeros(len(good), dtype=np.bool_)
    result[: best + 1], result[best:] = left, right
    return result
