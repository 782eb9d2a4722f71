"""Curves of one run or of many: the median with its band, and the axes that suit them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from symopt.plot._style import BAND, limits_kept, line_style
from symopt.validation import Array

DECADES_FOR_LOG = 1.5
STEPS_FOR_LOG = 100
LOWEST = 1e-20  # of the largest loss; below, differences of losses are rounding
SMALL = (
    1e-3  # of the largest: how far below 0 differences may lie that are still drawn on a log axis
)
FAR = 10.0  # times what the medians span: how far a band may stretch the picture


@dataclass(frozen=True)
class QuantileBand:
    """The 10th, 50th and 90th percentile over runs; what is not finite lies above all.

    ``middle`` is NaN where it is not finite.
    """

    x: npt.NDArray[Any]
    low: Array
    middle: Array
    high: Array
    runs: int

    @classmethod
    def of(cls, x: npt.NDArray[Any], values: Array) -> QuantileBand:
        """Return the spread of values over (run, x)."""
        known = np.where(np.isfinite(values), values, np.inf)
        low, middle, high = np.percentile(known, (10, 50, 90), axis=0, method="nearest")
        return cls(x, low, np.where(np.isfinite(middle), middle, np.nan), high, len(values))

    def above(self, level: float) -> QuantileBand:
        """Return the same with what lies below a level raised to it."""
        low, middle, high = (np.maximum(part, level) for part in (self.low, self.middle, self.high))
        return replace(self, low=low, middle=middle, high=high)


def draw_medians(ax: Axes, spreads: Mapping[str, QuantileBand], **options: Any) -> None:
    """Draw the medians, with dots where a line has no length."""
    for k, (name, one) in enumerate(spreads.items()):
        label = name
        if one.runs > 1:
            label = f"{name} (median of {one.runs})"
        ax.plot(one.x, one.middle, label=label, linewidth=1.6, **{**line_style(k), **options})
        alone = _alone(np.isfinite(one.middle))
        if alone.any():
            ax.plot(one.x[alone], one.middle[alone], ".", color=line_style(k)["color"])


def _alone(known: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return which points have no neighbour."""
    wide = np.concatenate([[False], known, [False]])
    alone: npt.NDArray[np.bool_] = known & ~wide[:-2] & ~wide[2:]
    return alone


def draw_bands(ax: Axes, spreads: Mapping[str, QuantileBand]) -> None:
    """Fill between the 10th and the 90th percentile."""
    with limits_kept(ax):
        bottom, top = ax.get_ylim()
        if ax.get_yscale() == "log":
            above = top * top / bottom
        else:
            above = top + (top - bottom)
        for k, one in enumerate(spreads.values()):
            if one.runs > 1:
                low, high = np.minimum(one.low, above), np.minimum(one.high, above)
                colour = line_style(k)["color"]
                ax.fill_between(
                    one.x,
                    low,
                    high,
                    where=np.isfinite(one.low).tolist(),
                    color=colour,
                    alpha=BAND,
                    lw=0,
                )


def scale_steps(ax: Axes, last: float, linear_to: float = 1.0) -> None:
    """Begin an axis of steps at 0, logarithmic from ``linear_to`` on if it is long."""
    if last >= STEPS_FOR_LOG * linear_to:
        ax.set_xscale("symlog", linthresh=linear_to, linscale=0.3)
    ax.set_xlim(left=0)


def raise_to_level(
    curves: Mapping[str, QuantileBand], top: float, gap: bool = False
) -> tuple[dict[str, QuantileBand], float, str]:
    """Raise what a log axis cannot show to a level that it can, where the medians span decades.

    Parameters
    ----------
    curves
        What is to be drawn.
    top
        The height beyond which nothing is shown.
    gap
        Whether differences from a smallest loss are drawn: if they are a little below 0, that loss
        is too large, and nothing below the size of that is known.

    Returns
    -------
    tuple
        The curves; the level, NaN where nothing was raised; and what to say of it beside the axis.
    """
    middles = np.concatenate([one.middle for one in curves.values()])
    finite = middles[np.isfinite(middles)]
    positive, below = finite[finite > 0], float(finite.min(initial=np.inf))
    if below > 0:
        return dict(curves), np.nan, ""
    wrong = gap and below < 0
    level = max(float(positive.min(initial=np.inf)) / 10 if below == 0 else -below, LOWEST * top)
    small = below >= (-SMALL * positive.max(initial=0.0) if gap else 0)
    if not small or not _span_decades(positive, top, level):
        return dict(curves), np.nan, f"J* is above the lowest J, by {-below:.2g}" if wrong else ""
    raised = {name: one.above(level) for name, one in curves.items()}
    what = "0"
    if (positive < level).any() or wrong:
        what = f"at most {level:.1g}"
    return raised, level, f"dotted: {what}{'; J* is above the lowest J' if wrong else ''}"


def with_words(label: str, words: str) -> str:
    """Return a label with what is to be said beside it on a line of its own."""
    if words:
        return f"{label}\n({words})"
    return label


def draw_level(ax: Axes, level: float) -> None:
    """Draw the level to which values were raised."""
    if np.isfinite(level):
        ax.axhline(level, color="0.45", linestyle=":", linewidth=1.0, zorder=1)


def _span_decades(positive: Array, top: float, level: float) -> bool:
    """Tell whether values up to ``top`` ask for a log axis."""
    high, low = (
        min(top, float(positive.max(initial=0.0))),
        max(level, float(positive.min(initial=np.inf))),
    )
    return bool(high > 0 and np.isfinite(low) and np.log10(high / low) > DECADES_FOR_LOG)


def scale_values(ax: Axes, spreads: Iterable[QuantileBand], top: float) -> None:
    """Make the vertical axis logarithmic where medians span decades, and set its limits."""
    every = list(spreads)
    middles = np.concatenate([one.middle for one in every])
    finite = middles[np.isfinite(middles)]
    positive = finite[finite > 0]
    if len(positive) and not np.any(finite < 0):
        bottom = max(float(positive.min()), LOWEST * top)
        if len(positive) == len(finite) and _span_decades(positive, top, bottom):
            ax.set_yscale("log")
            ax.set_ylim(bottom / 3, min(top, 3 * float(positive.max())))
            return
    sides = np.concatenate([finite, *(one.low for one in every), *(one.high for one in every)])
    room = FAR * np.ptp(finite)
    low, high = max(np.nanmin(sides), finite.min() - room), finite.max() + room
    high = min(float(sides[np.isfinite(sides)].max()), high)
    if high > low:
        ax.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
