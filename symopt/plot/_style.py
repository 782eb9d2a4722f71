"""What all pictures share: style, axes, colours for colour-blind readers, legends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

SHEET = Path(__file__).with_name("symopt.mplstyle")
COLOURS: tuple[str, ...] = tuple(
    mpl.rc_params_from_file(SHEET, use_default_template=False)["axes.prop_cycle"].by_key()["color"]
)
"""The palette of the style sheet."""
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)))
PREDICTED: dict[str, Any] = {
    "color": "0.1",
    "linestyle": (0, (4, 3)),
    "linewidth": 1.1,
    "zorder": 4,
}
"""How what theory says is drawn in every picture: dashed, near black, above what was measured."""
BAND = 0.15  # opacity of the band from the 10th to the 90th percentile
CROWDED = 5  # labels from which the legend stands outside


def style() -> AbstractContextManager[None]:
    """Return a context with the package's style, ``symopt/plot/symopt.mplstyle``.

    It lies over Matplotlib's defaults, not over the user's settings, so that pictures are the same
    everywhere; those come back at its end. Functions that make a figure of their own use it; axes
    that are given keep the settings that they were made with.

    Examples
    --------
    >>> import symopt as so
    >>> from matplotlib.figure import Figure
    >>> with so.plot.style():
    ...     left, right = Figure(figsize=(11, 4)).subplots(1, 2)
    >>> left.spines["top"].get_visible()
    False
    """
    return mpl.rc_context(fname=SHEET)


@contextmanager
def drawn_on(ax: Axes | None, width: float = 6.4, height: float = 4.4) -> Iterator[Axes]:
    """Yield the axes given, or, in the package's style, those of a figure of its own."""
    if ax is not None:
        yield ax
        return
    with style():
        yield Figure(figsize=(width, height), layout="constrained").subplots()


@contextmanager
def limits_kept(ax: Axes) -> Iterator[None]:
    """Draw something that the limits of the axes are not to follow."""
    x, y = ax.get_xlim(), ax.get_ylim()
    yield
    ax.set_xlim(x)
    ax.set_ylim(y)


def line_style(k: int) -> dict[str, Any]:
    """Return colour and dashes of the k-th line; both change, so that a grey print can be read."""
    return {
        "color": COLOURS[k % len(COLOURS)],
        "linestyle": DASHES[(k // len(COLOURS)) % len(DASHES)],
    }


def lighten(colour: str, share: float = 0.45) -> tuple[float, ...]:
    """Return a colour mixed with white, for areas on which marks of the colour itself are to show.

    Examples
    --------
    >>> lighten("#000000", 0.5)
    (0.5, 0.5, 0.5)
    """
    return tuple(1 - (1 - part) * (1 - share) for part in mpl.colors.to_rgb(colour))


def grid(ax: Axes) -> None:
    """Draw a faint grid now, since ticks are made after a style has ended."""
    ax.grid(alpha=0.25)


def legend(ax: Axes, *, beside: bool = False) -> None:
    """Add a legend: inside where there is room, else beside the axes."""
    labels = ax.get_legend_handles_labels()[1]
    if labels and (beside or len(labels) > CROWDED):
        ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    elif labels:
        ax.legend(frameon=False)
