"""What all pictures share: an axes to draw on, colours that colour-blind readers tell apart, runs by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from symopt.errors import RunError
from symopt.run import Run

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31")
"""The palette of Okabe and Ito (2008), its yellow replaced by a brown that shows on white."""
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)))
CROWDED = 5  # labels from which the legend stands outside


def style() -> AbstractContextManager[None]:
    """Return a context in which figures are drawn in the package's style.

    Examples
    --------
    >>> import symopt as so
    >>> with so.plot.style():
    ...     from matplotlib.figure import Figure
    ...     Figure().subplots().spines["top"].get_visible()
    False
    """
    return rc_context(fname=Path(__file__).with_name("symopt.mplstyle"))


def axes_or_new(ax: Axes | None, width: float = 6.4, height: float = 4.4) -> Axes:
    """Return the axes given, or one on a figure of its own."""
    if ax is not None:
        return ax
    with style():
        return Figure(figsize=(width, height), layout="constrained").subplots()


def line_style(k: int) -> dict[str, Any]:
    """Return colour and dashes of the k-th line; both change, so that a grey print can be read."""
    return {"color": COLOURS[k % len(COLOURS)], "linestyle": DASHES[(k // len(COLOURS)) % len(DASHES)]}


def legend(ax: Axes) -> None:
    """Add a legend: inside where there is room, else beside the axes."""
    labels = ax.get_legend_handles_labels()[1]
    if len(labels) > CROWDED:
        ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    elif labels:
        ax.legend(frameon=False)


def recorded(run: Run, name: str) -> Run:
    """Return a run that recorded steps."""
    if not len(run.recorded):
        raise RunError(f"the run of {name} recorded no steps; ask for them, as in minimize(..., record=True)")
    return run


def runs_by_name(result: Any) -> dict[str, Run]:
    """Return one run, a list of runs or a mapping of runs as a mapping from names."""
    if isinstance(result, Run):
        return {result.rule.name: result}
    if isinstance(result, Mapping) and all(isinstance(run, Run) for run in result.values()):
        return {str(name): run for name, run in result.items()}
    if isinstance(result, Iterable) and not isinstance(result, str | Mapping):
        runs = list(result)
        if runs and all(isinstance(run, Run) for run in runs):
            names = [run.rule.name for run in runs]
            return {
                name if names.count(name) == 1 else repr(run.rule): run for name, run in zip(names, runs, strict=True)
            }
    raise RunError(
        f"a {type(result).__name__} cannot be drawn here; "
        "expected a run of so.minimize, a list of runs, or a mapping of them"
    )
