"""Loss against step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from symopt.errors import RunError
from symopt.plot.style import axes_or_new, legend, line_style, recorded, runs_by_name
from symopt.status import Status
from symopt.study import Study

DECADES_FOR_LOG = 1.5
LOWEST = 1e-20  # below, differences of losses are rounding
Curve = tuple[npt.NDArray[Any], npt.NDArray[np.float64]]


def convergence(
    result: Any,
    ax: Axes | None = None,
    optimum: float | None = None,
    predicted: float | Mapping[str, float] | None = None,
) -> Axes:
    """Draw the loss over the steps.

    Parameters
    ----------
    result
        A run, a list or mapping of runs, or a study with recorded steps (median over its runs,
        with the band from the 10th to the 90th percentile).
    ax
        Where to draw; a new figure if left out (``ax.figure`` is it).
    optimum
        The smallest loss there is: then J minus it is drawn.
    predicted
        The factor per step of theta that theory predicts, as ``so.theory.rate`` gives it, or one by
        name: J - J* falls by its square. A dashed line of that slope ends where the curve does.

    Returns
    -------
    matplotlib.axes.Axes
        Axes are logarithmic where the data span decades. A cross marks a run that diverged or
        left the finite numbers.

    Examples
    --------
    >>> import symopt as so
    >>> run = so.minimize(so.parse("x^2"), so.gd(eta=0.1), start=[1.0], steps=100)
    >>> so.plot.convergence(run).get_xlabel()
    'step'
    """
    ax = axes_or_new(ax)
    drawn = _of_study(result, ax, optimum or 0.0) if isinstance(result, Study) else _of_runs(result, ax, optimum or 0.0)
    _scale(ax, drawn)
    if predicted is not None:
        _slopes(ax, drawn, list(result) if isinstance(result, Study) else list(runs_by_name(result)), predicted)
    if not isinstance(result, Study):
        _mark_ends(result, ax, optimum or 0.0)
    ax.set_xlabel("step")
    ax.set_ylabel("J" if optimum is None else "J − J*")
    ax.grid(alpha=0.25)
    legend(ax)
    return ax


def _slopes(ax: Axes, drawn: list[Curve], names: list[str], predicted: float | Mapping[str, float]) -> None:
    """Draw lines of the predicted slope through where each curve ends, above the smallest loss in sight."""
    factors = predicted if isinstance(predicted, Mapping) else dict.fromkeys(names, predicted)
    if unknown := set(factors) - set(names):
        raise RunError(f"predicted names {', '.join(sorted(unknown))}, which is none of {', '.join(names)}")
    for k, (name, (steps, losses)) in enumerate(zip(names, drawn, strict=True)):
        seen = np.flatnonzero(np.isfinite(losses) & (losses > ax.get_ylim()[0] * 10))
        if name not in factors or not len(seen):
            continue
        last, anchor = steps[seen[-1]], losses[seen[-1]]
        with np.errstate(over="ignore"):
            line = anchor * factors[name] ** (2.0 * (steps - last))
        colour = line_style(k)["color"]
        ax.plot(steps, line, "--", color=colour, linewidth=1, scaley=False, zorder=1, label="_predicted")


def _of_runs(result: Any, ax: Axes, optimum: float) -> list[Curve]:
    drawn = []
    for k, (name, run) in enumerate(runs_by_name(result).items()):
        steps, losses = recorded(run, name).recorded, run.history["loss"].values - optimum
        ax.plot(steps, losses, label=name, linewidth=1.6, **line_style(k))
        drawn.append((steps, losses))
    return drawn


def _mark_ends(result: Any, ax: Axes, optimum: float) -> None:
    """Put a cross where a run failed; at the upper edge where it left the picture."""
    for k, run in enumerate(runs_by_name(result).values()):
        losses = run.history["loss"].values - optimum
        finite = np.flatnonzero(np.isfinite(losses))
        if run.status in (Status.DIVERGED, Status.NONFINITE) and len(finite):
            height = min(float(losses[finite[-1]]), ax.get_ylim()[1])
            ax.plot(run.recorded[finite[-1]], height, "x", color=line_style(k)["color"], clip_on=False)


def _of_study(study: Study, ax: Axes, optimum: float) -> list[Curve]:
    drawn = []
    for k, (name, dataset) in enumerate(study.items()):
        if "history_loss" not in dataset:
            raise RunError("the study recorded no steps; ask for them, as in sweep(..., record=50)")
        losses = dataset["history_loss"].values.reshape(-1, dataset.sizes["step"]) - optimum
        low, middle, high = np.nanpercentile(
            np.where(np.isfinite(losses), losses, np.inf), (10, 50, 90), axis=0, method="nearest"
        )
        steps = dataset["step"].values
        ax.plot(steps, middle, label=f"{name} (median of {len(losses)})", linewidth=1.6, **line_style(k))
        ax.fill_between(steps, low, high, color=line_style(k)["color"], alpha=0.15, linewidth=0)
        drawn.append((steps, middle))
    return drawn


def _scale(ax: Axes, drawn: list[Curve]) -> None:
    """Choose log axes where the data span decades, and keep what diverges from hiding the rest."""
    losses = np.concatenate([curve for _, curve in drawn])
    positive = losses[np.isfinite(losses) & (losses > 0)]
    if np.any(losses < 0) or not len(positive):
        return
    top = 10 * max(float(curve[0]) for _, curve in drawn if np.isfinite(curve[0]))
    bottom = max(float(positive.min()), LOWEST * top)
    if np.log10(min(top, float(positive.max())) / bottom) > DECADES_FOR_LOG:
        ax.set_yscale("log")
        ax.set_ylim(bottom / 3, min(top, 3 * float(positive.max())))
    if max(int(steps[-1]) for steps, _ in drawn) >= 100:
        ax.set_xscale("symlog", linthresh=1, linscale=0.3)
        ax.set_xlim(left=0)
