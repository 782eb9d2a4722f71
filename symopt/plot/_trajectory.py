"""The way of theta over the contours of a cost of two parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from symopt.costs.cost import Cost
from symopt.costs.points import Flat
from symopt.errors import RunError
from symopt.plot._inputs import FAILED, Runs, check_recorded, runs_by_name
from symopt.plot._style import drawn_on, legend, line_style
from symopt.runs.result import Run

GRID = 240  # points along each side of the contour plot
LEVELS = 24
MARGIN = 0.15

Window = tuple[float, float, float, float]


def trajectory(result: Runs, ax: Axes | None = None) -> Axes:
    """Draw the paths of runs over the contours of their cost.

    Parameters
    ----------
    result
        A run, or a list or mapping of runs, of one cost of two parameters.
    ax
        Where to draw; a new figure if left out.

    Returns
    -------
    matplotlib.axes.Axes
        The start is a ring, the last theta a dot. Contours are spaced by the logarithm of the
        height above the lowest point of the picture.

    Raises
    ------
    RunError
        If the cost has not two parameters, or no path was recorded.

    Examples
    --------
    >>> import symopt as so
    >>> run = so.minimize(so.parse("x^2 + 4*y^2"), so.gd(eta=0.1), start=[2, 1], steps=50)
    >>> so.plot.trajectory(run).get_ylabel()
    'y'
    """
    runs = runs_by_name(result)
    first = next(iter(runs.values()))
    cost, size = first.cost, len(first.theta)
    if size != 2:
        raise RunError(f"a trajectory is drawn for two parameters; this cost has {size}")
    paths = {name: recorded_path(run, name) for name, run in runs.items()}
    window = _window(list(runs.values()), list(paths.values()))
    with drawn_on(ax) as axes:
        contours(cost, window, axes)
        for k, (name, path) in enumerate(paths.items()):
            _path(path, name, line_style(k), ax=axes)
        axes.set_xlim(window[0], window[1])
        axes.set_ylim(window[2], window[3])
        axes.set_xlabel(first.labels[0])
        axes.set_ylabel(first.labels[1])
        legend(axes)
    return axes


def recorded_path(run: Run, name: str) -> npt.NDArray[np.float64]:
    """Return theta over (step, param)."""
    history = check_recorded(run, name).history
    if "theta" not in history:
        raise RunError(
            f"the run of {name} recorded no theta; ask for it, as in minimize(..., paths=True)"
        )
    return history["theta"].values


def _path(path: npt.NDArray[Any], name: str, style: dict[str, Any], ax: Axes) -> None:
    seen = path[np.isfinite(path).all(axis=1)]
    ax.plot(seen[:, 0], seen[:, 1], label=name, linewidth=1.3, **style)
    ax.plot(*seen[0], "o", markerfacecolor="white", markeredgecolor=style["color"], zorder=5)
    ax.plot(*seen[-1], "o", color=style["color"], markersize=4, zorder=6)


def _window(runs: list[Run], paths: list[npt.NDArray[Any]]) -> Window:
    """Return the part of the plane to show: where runs were that did not fly away."""
    kept = [path for run, path in zip(runs, paths, strict=True) if run.status not in FAILED]
    seen = np.concatenate([*(kept or [path[:2] for path in paths]), *(path[:1] for path in paths)])
    seen = seen[np.isfinite(seen).all(axis=1)]
    low, high = seen.min(axis=0), seen.max(axis=0)
    room = MARGIN * np.maximum(high - low, 0.2 * np.max(high - low) + 1e-3)
    (left, bottom), (right, top) = low - room, high + room
    return left, right, bottom, top


def contours(cost: Cost, window: Window, ax: Axes, colour: str = "0.72", zorder: float = 0) -> None:
    """Draw contours of a cost in a window, spaced by the logarithm of the height."""
    x, y = np.linspace(window[0], window[1], GRID), np.linspace(window[2], window[3], GRID)
    values = cost.value(Flat(np.stack(np.meshgrid(x, y), axis=-1)))
    finite = values[np.isfinite(values)]
    if not len(finite) or finite.min() == finite.max():
        return
    height = values - finite.min()
    lowest = max(
        float(np.percentile(height[height > 0], 0.1)),
        float(height[np.isfinite(height)].max()) * 1e-8,
    )
    levels = np.geomspace(lowest, float(height[np.isfinite(height)].max()), LEVELS)
    height = np.where(np.isfinite(height), height, np.nan)
    ax.contour(x, y, height, levels=levels, colors=colour, linewidths=0.6, zorder=zorder)
