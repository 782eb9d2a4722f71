"""How fast runs move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes

from symopt.errors import RunError
from symopt.plot._inputs import Predicted, for_each, not_empty, values_of
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
from symopt.plot._style import PREDICTED, drawn_on, grid, legend
from symopt.runs.result import Run
from symopt.validation import Array

if TYPE_CHECKING:
    import xarray as xr

Moved: TypeAlias = "Run | xr.Dataset | xr.DataArray | Mapping[str, Run | xr.Dataset | xr.DataArray]"
"""What has a velocity: paths, or what ``speed_along`` returns of them; one, or by name."""


def velocity(result: Moved, ax: Axes | None = None, predicted: Predicted = None) -> Axes:
    """Draw the length of each step, |theta_k - theta_{k-1}|, over the steps.

    Parameters
    ----------
    result
        A run or a study's dataset with recorded theta; what ``so.measure.speed_along`` returns, or
        its ``step_length``; or a mapping of these, such as a study. Over many runs the median is
        drawn, with the band from the 10th to the 90th percentile.
    ax
        Where to draw; a new figure if left out.
    predicted
        A number, such as the terminal velocity; a SymPy expression in ``so.t``; a function of an
        array of steps; or a mapping from names to such. Its absolute value is drawn.

    Returns
    -------
    matplotlib.axes.Axes
        Predicted velocities are dashed. Axes are logarithmic where the data span decades; curves of
        runs that diverged leave them.

    Raises
    ------
    RunError
        If no theta was recorded, no step is finite, or ``predicted`` does not fit.

    Examples
    --------
    >>> import symopt as so
    >>> rule = so.momentum(eta=0.5, beta=0.5)
    >>> run = so.minimize(so.parse("3*x"), rule, start=[0.0], steps=40)
    >>> end = so.theory.evaluate(so.theory.terminal_velocity(rule), rule, g=3.0)
    >>> ax = so.plot.velocity(run, predicted=end)
    >>> float(ax.lines[1].get_ydata()[0])
    3.0
    """
    curves = {name: _curve(name, one) for name, one in _by_name(result).items()}
    forecasts = for_each(predicted, curves)
    top = 10 * max(float(np.nanmax(curve.middle)) for curve in _lasting(curves))
    shown, level, words = raise_to_level(curves, top)
    with drawn_on(ax) as axes:
        draw_medians(axes, shown)
        draw_level(axes, level)
        scale_values(axes, _lasting(shown), top)
        scale_steps(axes, max(float(curve.x[-1]) for curve in curves.values()))
        draw_bands(axes, shown)
        _predict(axes, curves, forecasts)
        axes.set_xlabel("step")
        axes.set_ylabel(with_words("step length |Δθ|", words))
        grid(axes)
        legend(axes)
    return axes


def _lasting(curves: Mapping[str, QuantileBand]) -> list[QuantileBand]:
    """Return the curves of what did not diverge, or all."""
    return [curve for curve in curves.values() if np.isfinite(curve.middle[-1])] or list(
        curves.values()
    )


def _by_name(result: Any) -> dict[str, Any]:
    if isinstance(result, Run):
        return {result.rule.name: result}
    if isinstance(result, Mapping) and not hasattr(result, "data_vars") and result:
        return {str(name): one for name, one in result.items()}
    return {str(getattr(result, "attrs", {}).get("rule", "velocity")).partition("(")[0]: result}


def _curve(name: str, one: Any) -> QuantileBand:
    lengths = _lengths(one)
    not_empty(lengths, f"the velocity of {name}")
    values = lengths.transpose(..., "step").values.reshape(-1, lengths.sizes["step"])
    curve = QuantileBand.of(lengths["step"].values, values)
    if not np.isfinite(curve.middle).any():
        raise RunError(
            f"no step of {name} is finite in most runs; expected runs that do not diverge at once"
        )
    return curve


def _lengths(one: Any) -> xr.DataArray:
    import xarray as xr

    from symopt.measure import speed_along

    if isinstance(one, xr.DataArray) and "step" in one.dims and "param" not in one.dims:
        return one
    if isinstance(one, xr.Dataset) and "step_length" in one:
        found = one
    else:
        found = speed_along(one)
    lengths: xr.DataArray = found["step_length"]
    return lengths


def _predict(ax: Axes, curves: Mapping[str, QuantileBand], forecasts: Mapping[str, Any]) -> None:
    """Draw the predicted velocities, in sight wherever they lie, with one label."""
    label: str | None = "predicted"
    for name, formula in forecasts.items():
        first, last = float(curves[name].x[0]), float(curves[name].x[-1])
        x = np.geomspace(max(first, 1.0), last, 200)
        y = np.abs(values_of(formula, x, f"predicted {name}", "t"))
        ax.plot(x, y, label=label, **PREDICTED)
        _show(ax, y[np.isfinite(y)])
        label = None


def _show(ax: Axes, y: Array) -> None:
    """Widen the vertical axis to values that lie beyond it."""
    bottom, top = ax.get_ylim()
    if ax.get_yscale() == "log":
        bottom, top = (
            min(bottom, 0.7 * y[y > 0].min(initial=bottom)),
            max(top, 1.4 * y.max(initial=0.0)),
        )
    else:
        room = 0.05 * (max(top, y.max(initial=top)) - min(bottom, y.min(initial=bottom)))
        bottom, top = (
            min(bottom, y.min(initial=bottom + room) - room),
            max(top, y.max(initial=top - room) + room),
        )
    ax.set_ylim(bottom, top)
