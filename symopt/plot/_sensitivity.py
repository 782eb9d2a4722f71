"""What a rule reaches, against its learning rate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from symopt.errors import RunError, did_you_mean
from symopt.plot._inputs import FAILED, datasets_by_name, not_empty
from symopt.plot._quantiles import (
    LOWEST,
    QuantileBand,
    draw_bands,
    draw_level,
    draw_medians,
    raise_to_level,
    scale_values,
    with_words,
)
from symopt.plot._style import drawn_on, grid, legend, limits_kept, line_style
from symopt.validation import Array

if TYPE_CHECKING:
    import xarray as xr

NEAR = 2.0  # the factor of the best within which a learning rate is good
ROW = 0.045  # height of a bar with its number, as a share of the axes
Interval = tuple[float, float]


def sensitivity(
    result: Mapping[str, xr.Dataset] | xr.Dataset,
    ax: Axes | None = None,
    *,
    optimum: float | None = None,
    target: float | None = None,
    along: str = "eta",
    runs: str | Iterable[str] = "start",
    of: str = "loss",
) -> Axes:
    """Draw the final loss, or the steps to a target, against the learning rate.

    Parameters
    ----------
    result
        A study, one of its datasets, or a mapping of them, with the dimension ``along``; a line for
        each rule.
    ax
        Where to draw; a new figure if left out.
    optimum
        The smallest loss there is: then J minus it is drawn.
    target
        Draw the steps to J - J* <= target instead of the loss; J* is 0 if ``optimum`` is left out.
        The steps are exact where the sweep had ``targets``, else as fine as its ``record``.
    along
        The hyperparameter along the horizontal axis.
    runs
        The dimension, or dimensions, of the starts, over which the median is taken.
    of
        The loss that is drawn: ``"loss"``, the last one, or ``"best_loss"``.

    Returns
    -------
    matplotlib.axes.Axes
        The median over the starts and the band from the 10th to the 90th percentile, on log axes
        where the data span decades; what is not positive then lies on a dotted line, which the
        label of the axis tells of. A cross at the upper edge is where the median run diverges; a
        line of steps ends where fewer than half of the runs arrive. Bars below the curves are the
        tolerance width: the learning rates at which the median is within a factor 2 of its best,
        between grid points on the straight line, with their decades; ">" where a bar ends at the
        last learning rate that was tried. There are none where the best is not positive.

    Raises
    ------
    RunError
        If the study has no such dimension or has others too, if all runs diverged, or if none
        reached the target.

    Examples
    --------
    >>> import numpy as np, symopt as so
    >>> J = so.parse("x^2 + 10*y^2")
    >>> rules = [so.gd(eta=np.geomspace(1e-3, 0.2, 20)), so.adam(eta=np.geomspace(1e-3, 1, 20))]
    >>> study = so.sweep(J, rules,
    ...                  start=so.uniform(-1, 1, 30, rng=0), steps=100)
    >>> ax = so.plot.sensitivity(study)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('learning rate η', 'J after 100 steps')
    """
    datasets = datasets_by_name(result)
    if datasets is None:
        raise RunError(
            f"sensitivity was given a {type(result).__name__}; expected a study of so.sweep, or "
            "its datasets"
        )
    over = (runs,) if isinstance(runs, str) else tuple(runs)
    curves = {
        n: _curve(n, along, over, scores=_scores(n, d, optimum, target=target, of=of))
        for n, d in datasets.items()
    }
    if not any(np.isfinite(curve.middle).any() for curve in curves.values()):
        raise RunError(_nothing(along, target))
    top = _top(list(curves.values()), target)
    curves, level, words = raise_to_level(curves, top, gap=optimum is not None and target is None)
    if all(not (curve.middle <= 0).any() for curve in curves.values()):
        curves = {name: curve.above(LOWEST * top) for name, curve in curves.items()}
    with drawn_on(ax, 7.2, 5.0) as axes:
        few = max(len(curve.x) for curve in curves.values()) < 12
        draw_medians(axes, curves, marker="." if few else "")
        draw_level(axes, level)
        _scale_rates(axes, list(curves.values()))
        scale_values(axes, curves.values(), top)
        _bars(axes, list(curves.values()))
        draw_bands(axes, curves)
        _mark_failures(axes, list(curves.values()) if target is None else [])
        axes.set_xlabel("learning rate η" if along == "eta" else along)
        axes.set_ylabel(with_words(_label(list(datasets.values()), optimum, target, of=of), words))
        grid(axes)
        legend(axes)
    return axes


def _scores(
    name: str, dataset: xr.Dataset, optimum: float | None, target: float | None, of: str
) -> xr.DataArray:
    """Return the loss or the steps of every run, infinite where it failed."""
    if target is not None:
        from symopt.measure import hitting

        found = hitting(dataset, target, optimum=optimum or 0.0)
        return found["time"].where(found["observed"], np.inf)
    if of not in ("loss", "best_loss"):
        raise RunError(f"of={of!r}{did_you_mean(of, ('loss', 'best_loss'))}")
    if of not in dataset or "status" not in dataset:
        raise RunError(
            f"the dataset of {name} has no {of} and status; expected one of a study of so.sweep"
        )
    losses: xr.DataArray = dataset[of] - (optimum or 0.0)
    return losses.where(~dataset["status"].isin([str(status) for status in FAILED]), np.inf)


def _curve(name: str, along: str, over: tuple[str, ...], scores: xr.DataArray) -> QuantileBand:
    if along not in scores.dims:
        raise RunError(
            f"the study of {name} has no dimension {along!r} (its are "
            f"{', '.join(map(str, scores.dims)) or 'none'}); "
            f"sweep it, as in so.{name}({along}=np.geomspace(1e-4, 1, 31))"
        )
    other = [str(dim) for dim in scores.dims if dim not in (along, *over)]
    if other:
        raise RunError(
            f"the study of {name} has the dimension {other[0]!r} too; choose one place along it, "
            "as in "
            f"study[{name!r}].isel({{{other[0]!r}: 0}}), or count it to the starts: "
            f"runs={[*over, *other]}"
        )
    not_empty(scores, f"the study of {name}")
    table = scores.sortby(along).transpose(..., along)
    values = table.values.reshape(-1, table.sizes[along])
    return QuantileBand.of(table[along].values.astype(np.float64), values)


def _nothing(along: str, target: float | None) -> str:
    if target is None:
        return f"at every {along} the median run diverged; expected smaller values of {along}"
    return (
        f"at every {along} fewer than half of the runs reached {target:g}; expected a higher "
        "target or more steps"
    )


def _label(datasets: list[xr.Dataset], optimum: float | None, target: float | None, of: str) -> str:
    gap = "J − J*"
    if optimum is None:
        gap = "J"
    if target is not None:
        return f"steps to {gap} ≤ {target:g}"
    steps = {int(dataset.attrs.get("steps", 0)) for dataset in datasets}
    when = "the last step"
    if len(steps) == 1 and steps != {0}:
        when = f"{steps.pop()} steps"
    if of == "best_loss":
        return f"best {gap} within {when}"
    return f"{gap} after {when}"


def _top(curves: list[QuantileBand], target: float | None) -> float:
    """Return the height beyond which nothing is shown: 10 times the first losses."""
    starts = [float(curve.middle[0]) for curve in curves if np.isfinite(curve.middle[0])]
    if target is None and max(starts, default=0.0) > 0:
        return 10 * max(starts)
    return max(
        float(curve.middle[np.isfinite(curve.middle)].max(initial=-np.inf)) for curve in curves
    )


def _scale_rates(ax: Axes, curves: list[QuantileBand]) -> None:
    """Show all learning rates that were tried, those without a median too."""
    low, high = min(curve.x[0] for curve in curves), max(curve.x[-1] for curve in curves)
    if low > 0:
        ax.set_xscale("log")
    # beside one learning rate alone
    room = 1.0
    if low == high > 0:
        room = 2.0
    if high * room > low / room:
        ax.set_xlim(low / room, high * room)


def tolerance(eta: Array, middle: Array) -> list[Interval]:
    """Return the intervals of learning rates at which a median is within a factor 2 of its best.

    Between two learning rates it is taken to be straight in the logarithms; it is not followed to
    where it is not finite. Where the best is not positive there are none.

    Examples
    --------
    >>> tolerance(np.array([0.1, 1.0, 10.0]), np.array([8.0, 1.0, 1.0]))
    [(0.46415888336127786, 10.0)]
    """
    finite = np.isfinite(middle)
    if not finite.any() or middle[finite].min() <= 0 or eta[0] <= 0:
        return []
    heights = np.log(np.where(finite, middle, np.inf))
    limit = heights.min() + np.log(NEAR)
    good = np.flatnonzero(heights <= limit)
    groups = np.split(good, np.flatnonzero(np.diff(good) > 1) + 1)
    return [
        (
            _crossing(eta, heights, int(group[0]), step=-1, limit=limit),
            _crossing(eta, heights, int(group[-1]), step=1, limit=limit),
        )
        for group in groups
    ]


def _crossing(eta: Array, heights: Array, inside: int, step: int, limit: float) -> float:
    """Return where the line from a good learning rate to its neighbour rises above the limit."""
    outside = inside + step
    if not 0 <= outside < len(eta) or not np.isfinite(heights[outside]):
        return float(eta[inside])
    share = (limit - heights[inside]) / (heights[outside] - heights[inside])
    return float(eta[inside] * (eta[outside] / eta[inside]) ** share)


def _bars(ax: Axes, curves: list[QuantileBand]) -> None:
    """Draw the tolerance widths in rows of their own at the lower edge, with room made for them."""
    rows = [(k, curve, tolerance(curve.x, curve.middle)) for k, curve in enumerate(curves)]
    rows = [row for row in rows if row[2]]
    if not rows:
        return
    _reserve_bottom(ax, ROW * (len(rows) + 1.4))
    title = f"decades of learning rate within a factor {NEAR:g} of the best"
    style: dict[str, Any] = {
        "xycoords": "axes fraction",
        "va": "center",
        "fontsize": 7.5,
        "zorder": 4,
    }
    ax.annotate(title, (0.01, ROW * (len(rows) + 0.65)), color="0.3", **style)
    with limits_kept(ax):
        for row, (k, curve, intervals) in enumerate(rows):
            _bar(
                ax,
                ROW * (len(rows) - row - 0.3),
                intervals,
                width=_width(curve, intervals),
                colour=line_style(k)["color"],
            )


def _bar(ax: Axes, height: float, intervals: list[Interval], width: str, colour: str) -> None:
    """Draw one row: the bars and their number."""
    across = ax.get_xaxis_transform()
    look: dict[str, Any] = {
        "color": colour,
        "linewidth": 4,
        "solid_capstyle": "butt",
        "marker": "|",
        "markersize": 6,
    }
    for interval in intervals:
        ax.plot(interval, [height, height], transform=across, zorder=4, **look)
    place, shift, side = _beside(ax, intervals[0][0], intervals[-1][1])
    ax.annotate(
        width,
        (place, height),
        xycoords=across,
        xytext=(shift, 0),
        textcoords="offset points",
        ha=side,
        va="center",
        fontsize=7.5,
        color=colour,
        zorder=5,
        bbox={"facecolor": ax.get_facecolor(), "edgecolor": "none", "pad": 1},
    )


def _beside(ax: Axes, left: float, right: float) -> tuple[float, int, str]:
    """Return where a number has room beside its bar: the shift in points, the side."""
    first, last = (
        float((ax.transData - ax.transAxes).transform((end, 1.0))[0]) for end in (left, right)
    )
    if last < 0.9:
        return right, 5, "left"
    if first > 0.1:
        return (left, -5, "right")
    return (right, -5, "right")


def _width(curve: QuantileBand, intervals: list[Interval]) -> str:
    width = sum(float(np.log10(right / left)) for left, right in intervals)
    open_ended = intervals[0][0] <= curve.x[0] * (1 + 1e-9) or intervals[-1][1] >= curve.x[-1] * (
        1 - 1e-9
    )
    return f"{'> ' if open_ended else ''}{width:.2f}"


def _reserve_bottom(ax: Axes, share: float) -> None:
    """Lower the lower limit so that a share of the axes lies below what was drawn."""
    bottom, top = ax.get_ylim()
    if ax.get_yscale() == "log":
        ax.set_ylim(bottom / (top / bottom) ** (share / (1 - share)), top)
    else:
        ax.set_ylim(bottom - (top - bottom) * share / (1 - share), top)
    shown = {
        minor: [y for y in ax.get_yticks(minor=minor) if bottom <= y <= top]
        for minor in (False, True)
    }
    for minor, places in shown.items():  # a number beside the bars would be taken for theirs
        ax.set_yticks(places, minor=minor)
    ground = Rectangle(
        (0, 0), 1, share, transform=ax.transAxes, facecolor=ax.get_facecolor(), zorder=3
    )
    ax.add_patch(ground)  # covers what bands and grid would draw there


def _mark_failures(ax: Axes, curves: list[QuantileBand]) -> None:
    """Put a cross at the upper edge at the first learning rate at which the median run diverges."""
    with limits_kept(ax):
        top = ax.get_ylim()[1]
        for k, curve in enumerate(curves):
            failed = curve.x[~np.isfinite(curve.middle)]
            if len(failed):
                ax.plot(failed[0], top, "x", color=line_style(k)["color"], clip_on=False, zorder=6)
