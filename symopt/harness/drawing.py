"""What the pictures of experiments share: panels, marks for the measured, dashes for theory."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from symopt.plot import PREDICTED, line_style

MARKS = "osD^vP"


def panels(columns: int, size: tuple[float, float], **options: Any) -> tuple[Figure, Any]:
    """Return a figure of a size in inches and its axes side by side.

    Examples
    --------
    >>> figure, (left, right) = panels(2, (11, 4.2))
    >>> len(figure.axes)
    2
    """
    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(ncols=columns, **options)


def draw_measured(ax: Axes, x: Any, y: Any, rule: int, label: str = "", **look: Any) -> None:
    """Draw what was measured as marks, in the colour and with the mark of the rule's number."""
    colour, mark = line_style(rule)["color"], MARKS[rule % len(MARKS)]
    given: dict[str, Any] = {"ms": 4, "linestyle": "none", "color": colour, "marker": mark}
    ax.plot(x, y, label=label or None, **given | look)


def draw_predicted(ax: Axes, x: Any, y: Any, label: str = "") -> None:
    """Draw what theory says: dashed, near black."""
    ax.plot(x, y, label=label or None, **PREDICTED)


def name_below(figure: Figure, ax: Axes, columns: int) -> None:
    """Put one legend for all panels below them, with the labels of one."""
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)
