"""Survival curves: the share of runs that have not arrived yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from symopt.errors import RunError
from symopt.measure import Survival
from symopt.plot.style import axes_or_new, legend, line_style

Curve = Callable[[Any], Any]


def survival(
    curves: Survival | Mapping[str, Survival],
    ax: Axes | None = None,
    predicted: Curve | Mapping[str, Curve] | None = None,
) -> Axes:
    """Draw Kaplan-Meier curves with their bands.

    Parameters
    ----------
    curves
        What ``so.measure.survival`` returns, or several by name.
    ax
        Where to draw; a new figure if left out.
    predicted
        S(t) as a function of an array of steps, or one by name for some of the curves; drawn dashed.

    Returns
    -------
    matplotlib.axes.Axes
        A tick at the end of a curve marks runs that had not arrived when watching ended.

    Raises
    ------
    RunError
        If there is nothing to draw, or a prediction belongs to no curve.

    Examples
    --------
    >>> import symopt as so
    >>> found = so.measure.survival(([2, 3, 5], [True, True, False]))
    >>> so.plot.survival(found).get_ylabel()
    'share not arrived yet'
    """
    named = {"": curves} if isinstance(curves, Survival) else dict(curves)
    if not named or not all(isinstance(one, Survival) for one in named.values()):
        raise RunError("survival was given no curves; expected what so.measure.survival returns, or several by name")
    expected = (
        predicted if isinstance(predicted, Mapping) else {} if predicted is None else {next(iter(named)): predicted}
    )
    if unknown := set(expected) - set(named):
        raise RunError(f"predicted names {', '.join(sorted(unknown))}, which is none of the curves {', '.join(named)}")
    ax = axes_or_new(ax)
    for k, (name, curve) in enumerate(named.items()):
        _one(curve, name, k, ax)
        if name in expected:
            steps = np.linspace(0, curve.horizon, 400)
            ax.plot(steps, expected[name](steps), "--", color=line_style(k)["color"], linewidth=1.2, zorder=3)
    ax.set(xlabel="step", ylabel="share not arrived yet", ylim=(0, 1.03), xlim=(0, None))
    legend(ax)
    return ax


def _one(curve: Survival, name: str, k: int, ax: Axes) -> None:
    style = line_style(k)
    step, share, low, high = (np.append(a, a[-1]) for a in (curve.step, curve.share, curve.low, curve.high))
    step[-1] = max(curve.horizon, step[-1])
    label = f"{name} ({curve.events} of {curve.n})" if name else f"{curve.events} of {curve.n} arrived"
    ax.plot(step, share, drawstyle="steps-post", linewidth=1.6, label=label, **style)
    ax.fill_between(step, low, high, step="post", color=style["color"], alpha=0.15, linewidth=0)
    if curve.events < curve.n:
        ax.plot(step[-1], share[-1], "|", color=style["color"], markersize=10, markeredgewidth=1.6, clip_on=False)
