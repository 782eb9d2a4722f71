"""Loss against step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from symopt.errors import RunError
from symopt.plot._inputs import (
    FAILED,
    Drawable,
    Predicted,
    check_recorded,
    datasets_by_name,
    for_each,
    not_empty,
    runs_by_name,
)
from symopt.plot._quantiles import (
    QuantileBand,
    draw_bands,
    draw_level,
    draw_medians,
    raise_to_level,
    scale_steps,
    scale_values,
    with_words,
)
from symopt.plot._style import PREDICTED, drawn_on, grid, legend, limits_kept, line_style
from symopt.runs.result import Run

if TYPE_CHECKING:
    import xarray as xr

FALLEN = 0.75


def convergence(
    result: Drawable,
    ax: Axes | None = None,
    optimum: float | None = None,
    predicted: Predicted = None,
) -> Axes:
    """Draw the loss over the steps.

    Parameters
    ----------
    result
        A run, a list or mapping of runs; or a study with recorded steps, one of its datasets or a
        mapping of them (median over the runs, with the band from the 10th to the 90th percentile).
    ax
        Where to draw; a new figure if left out (``ax.figure`` is it).
    optimum
        The smallest loss there is: then J minus it is drawn.
    predicted
        The factor per step by which what is drawn should fall, or a mapping from names to factors.
        J - J* falls by rho**2 where theta tends to the minimum by rho, as ``so.theory.rate`` has
        it.

    Returns
    -------
    matplotlib.axes.Axes
        Axes are logarithmic where the data span decades. What is not positive then lies on a dotted
        line, which the label of the axis tells of; it also tells of an ``optimum`` that is above
        the lowest loss. A cross marks a run that diverged or left the finite numbers. Predicted
        factors are dashed lines through the curve where it has fallen three quarters of its
        decades, on the crest of an oscillation; the steps are then not logarithmic, so that a
        factor is a slope.

    Raises
    ------
    RunError
        If no steps were recorded, no loss is finite, or ``predicted`` does not fit.

    Examples
    --------
    >>> import symopt as so
    >>> run = so.minimize(so.parse("x^2"), so.gd(eta=0.1), start=[1.0], steps=100)
    >>> ax = so.plot.convergence(run, predicted=0.8**2)
    >>> ax.get_xlabel(), [line.get_label() for line in ax.lines]
    ('step', ['gd', 'predicted'])
    """
    datasets = datasets_by_name(result)
    if datasets:
        runs = {}
    else:
        runs = runs_by_name(result)
    curves = {name: _of_study(name, one, optimum or 0.0) for name, one in (datasets or {}).items()}
    curves |= {name: _of_run(name, run, optimum or 0.0) for name, run in runs.items()}
    factors = {name: _factor(name, value) for name, value in for_each(predicted, curves).items()}
    top = _top(list(curves.values()))
    shown, level, words = raise_to_level(curves, top, gap=optimum is not None)
    with drawn_on(ax) as axes:
        draw_medians(axes, shown)
        draw_level(axes, level)
        _scale(axes, list(shown.values()), top, linear_steps=bool(factors))
        draw_bands(axes, shown)
        _mark_ends(axes, runs, optimum or 0.0)
        _predict(axes, curves, factors)
        axes.set_xlabel("step")
        axes.set_ylabel(with_words("J" if optimum is None else "J − J*", words))
        grid(axes)
        legend(axes)
    return axes


def _of_run(name: str, run: Run, optimum: float) -> QuantileBand:
    losses = check_recorded(run, name).history["loss"].values - optimum
    return _some_finite(name, QuantileBand.of(run.recorded, losses[None, :]))


def _of_study(name: str, dataset: xr.Dataset, optimum: float) -> QuantileBand:
    if "history_loss" not in dataset:
        raise RunError(
            f"the study of {name} recorded no steps; ask for them, as in sweep(..., record=50)"
        )
    history = dataset["history_loss"].transpose(..., "step")
    not_empty(history, f"the study of {name}")
    losses = history.values.reshape(-1, history.sizes["step"]) - optimum
    return _some_finite(name, QuantileBand.of(history["step"].values, losses))


def _some_finite(name: str, curve: QuantileBand) -> QuantileBand:
    if not np.isfinite(curve.middle).any():
        raise RunError(
            f"no loss of {name} is finite in most runs; expected starts at which J is finite"
        )
    return curve


def _mark_ends(ax: Axes, runs: Mapping[str, Run], optimum: float) -> None:
    """Put a cross where a run failed; at the upper edge where it left the picture."""
    for k, run in enumerate(runs.values()):
        losses = run.history["loss"].values - optimum
        last = np.flatnonzero(np.isfinite(losses))[-1]
        if run.status in FAILED:
            height = float(np.clip(losses[last], *ax.get_ylim()))
            ax.plot(run.recorded[last], height, "x", color=line_style(k)["color"], clip_on=False)


def _top(curves: list[QuantileBand]) -> float:
    """Return the height beyond which nothing is shown, so that divergence hides nothing."""
    finite = [curve.middle[np.isfinite(curve.middle)] for curve in curves]
    first = max(float(middle[0]) for middle in finite)
    if first > 0:
        return 10 * first
    return max(float(middle.max()) for middle in finite)


def _scale(ax: Axes, curves: list[QuantileBand], top: float, *, linear_steps: bool) -> None:
    """Choose log axes where the data span decades."""
    scale_values(ax, curves, top)
    short = linear_steps or any((curve.middle < 0).any() for curve in curves)
    scale_steps(ax, 0 if short else max(int(curve.x[-1]) for curve in curves))


def _factor(name: str, value: Any) -> float:
    try:
        factor = float(value)
    except (TypeError, ValueError):
        factor = np.nan
    if not 0 < factor < np.inf:
        raise RunError(
            f"predicted={value!r} for {name}; expected a factor per step above 0, such as "
            "so.theory.rate(...)**2"
        )
    return factor


def _predict(ax: Axes, curves: Mapping[str, QuantileBand], factors: Mapping[str, float]) -> None:
    """Draw the predicted falls, with one label for all of them."""
    label: str | None = "predicted"
    with limits_kept(ax):
        bottom, top = ax.get_ylim()
        for name, factor in factors.items():
            place, height = _anchor(curves[name], bottom)
            x = np.linspace(0, curves[name].x[-1], 400)
            with np.errstate(over="ignore"):
                y = height * factor ** (x - place)
            seen = (y >= bottom) & (y <= top)
            ax.plot(x[seen], y[seen], label=label, **PREDICTED)
            label = None


def _anchor(curve: QuantileBand, bottom: float) -> tuple[float, float]:
    """Return the crest of a curve behind three quarters of its fall in sight.

    Early on a run has not found its rate yet; at the very end it may have met the rounding.
    """
    seen = np.where(curve.middle > max(bottom, 0.0), curve.middle, 0.0)
    if not seen.any():
        return float(curve.x[0]), float(curve.middle[0])
    crest = np.maximum.accumulate(seen[::-1])[::-1]
    height = crest[0] ** (1 - FALLEN) * seen[seen > 0].min() ** FALLEN
    k = min(int((crest > height).sum()), int(np.flatnonzero(seen)[-1]))
    k += int(seen[k:].argmax())
    return float(curve.x[k]), float(seen[k])
