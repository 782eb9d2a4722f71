"""The share of runs that have not arrived yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from matplotlib.axes import Axes

from symopt.errors import RunError
from symopt.plot._inputs import Predicted, for_each, values_of
from symopt.plot._quantiles import scale_steps
from symopt.plot._style import BAND, PREDICTED, drawn_on, grid, legend, limits_kept, line_style

if TYPE_CHECKING:
    import xarray as xr

    from symopt.measure import Survival

OneCurve: TypeAlias = "Survival | xr.Dataset"
Curves: TypeAlias = "OneCurve | Iterable[OneCurve] | Mapping[str, OneCurve]"
"""Survival curves, or the times that they are made of: one, a list, or by name."""


def survival(curves: Curves, ax: Axes | None = None, predicted: Predicted = None) -> Axes:
    """Draw how many runs have not arrived yet, over the steps.

    Parameters
    ----------
    curves
        A Survival, or a list or mapping of them. What ``hitting``, ``plateau`` or ``saddle_escape``
        return may stand in place of each: ``so.measure.survival`` of it is drawn.
    ax
        Where to draw; a new figure if left out.
    predicted
        P(T > step): a function of an array of steps, a SymPy expression in one symbol, or a mapping
        from the names of curves to such.

    Returns
    -------
    matplotlib.axes.Axes
        The Kaplan-Meier curves as steps with their bands; a stroke marks where runs were lost from
        sight without having arrived, mostly at the end of their budget. Predicted curves are
        dashed. The steps are logarithmic where the arrivals span decades.

    Raises
    ------
    RunError
        If ``curves`` holds none, or ``predicted`` does not fit.

    Examples
    --------
    >>> import numpy as np, symopt as so
    >>> J = so.parse("x^2/2 - y^2/2 + y^4/4")
    >>> start = so.uniform([0.0, -0.1], [0.0, 0.1], 50, rng=0)
    >>> study = so.sweep(J, so.gd(eta=0.1), start, 100, record=True)
    >>> times = so.measure.saddle_escape(study["gd"], [0, 0], radius=0.5, cost=J)
    >>> ax = so.plot.survival(times, predicted=lambda k: np.minimum(1, 5 * 1.1**-k))
    >>> ax.get_ylabel()
    'share of runs that have not arrived'
    """
    named = _by_name(curves)
    forecasts = for_each(predicted, named)
    with drawn_on(ax) as axes:
        for k, (name, curve) in enumerate(named.items()):
            _draw(axes, line_style(k), name, curve=curve)
        axes.set_ylim(-0.02, 1.04)
        _scale(axes, list(named.values()))
        _predict(axes, forecasts)
        axes.set_xlabel("step")
        axes.set_ylabel("share of runs that have not arrived")
        grid(axes)
        legend(axes)
    return axes


def _by_name(curves: Any) -> dict[str, Survival]:
    import xarray as xr

    from symopt.measure import Survival

    if isinstance(curves, Survival | xr.Dataset):
        return {"": _one(curves)}
    if isinstance(curves, Mapping) and curves:
        return {str(name): _one(curve) for name, curve in curves.items()}
    if (
        isinstance(curves, Iterable)
        and not isinstance(curves, str | Mapping)
        and (listed := list(curves))
    ):
        return {str(k): _one(curve) for k, curve in enumerate(listed, 1)}
    raise _unknown(curves)


def _one(curve: Any) -> Survival:
    import xarray as xr

    from symopt import measure

    if isinstance(curve, xr.Dataset):
        return measure.survival(curve)
    if not isinstance(curve, measure.Survival):
        raise _unknown(curve)
    return curve


def _unknown(given: Any) -> RunError:
    return RunError(
        "survival was given "
        f"{'nothing' if isinstance(given, Mapping | list) else type(given).__name__}; "
        "expected so.measure.survival(times), or a list or mapping of them"
    )


def _draw(ax: Axes, look: dict[str, Any], name: str, curve: Survival) -> None:
    counts = f"{curve.events} of {curve.n} arrived"
    ax.step(
        curve.step,
        curve.share,
        where="post",
        label=f"{name} ({counts})" if name else counts,
        **look,
    )
    ax.fill_between(
        curve.step, curve.low, curve.high, step="post", color=look["color"], alpha=BAND, linewidth=0
    )
    lost = _lost(curve)
    if lost.any():
        ax.plot(
            curve.step[lost],
            curve.share[lost],
            "|",
            color=look["color"],
            markersize=9,
            markeredgewidth=1.4,
        )


def _lost(curve: Survival) -> Any:
    """Return where runs were censored: entries of the curve without a fall."""
    still = np.concatenate([[False], np.diff(curve.share) == 0])
    still[-1] |= curve.share[-1] > 0
    return still


def _scale(ax: Axes, curves: list[Survival]) -> None:
    """Choose the axis of steps by when runs arrived; it begins at 0."""
    arrivals = [
        float(curve.step[1:][np.diff(curve.share) < 0].min(initial=np.inf)) for curve in curves
    ]
    first, last = max(1.0, min(arrivals)), max(float(curve.step[-1]) for curve in curves)
    if np.isfinite(first):
        scale_steps(ax, last, 10.0 ** np.floor(np.log10(first)))  # no tick between it and 0
    ax.set_xlim(0, 1.03 * last)


def _predict(ax: Axes, forecasts: Mapping[str, Any]) -> None:
    """Draw the predicted curves, with one label for all of them."""
    label: str | None = "predicted"
    with limits_kept(ax):
        right = ax.get_xlim()[1]
        x = np.concatenate([[0.0], np.geomspace(min(0.01, right), right, 400)])
        for name, formula in forecasts.items():
            ax.plot(x, values_of(formula, x, f"predicted {name}".strip()), label=label, **PREDICTED)
            label = None
