"""Schedules against the step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import sympy as sp
from matplotlib.axes import Axes

from symopt.errors import RunError
from symopt.plot._quantiles import QuantileBand, draw_medians
from symopt.plot._style import drawn_on, grid, legend
from symopt.rules.rule import Rule
from symopt.rules.symbols import T, t
from symopt.schedules.values import values_of
from symopt.validation import Array, check_whole_number, read_numbers

MOST = 2000  # points of a line: more than a picture has

Schedule: TypeAlias = "sp.Expr | float"
"""A schedule: an expression in ``so.t`` and ``so.T``, or a number."""


def schedule(
    result: Rule | Schedule | Mapping[str, Schedule], steps: int = 1000, ax: Axes | None = None
) -> Axes:
    """Draw schedules over the steps of a run.

    Parameters
    ----------
    result
        A schedule (an expression in ``so.t`` and ``so.T``) or a number; a rule, whose scheduled
        hyperparameters are drawn; or a mapping from labels to schedules.
    steps
        The number of steps of the run, T.
    ax
        Where to draw; a new figure if left out (``ax.figure`` is it).

    Returns
    -------
    matplotlib.axes.Axes
        A line for each schedule, at every step, or at 2000 of them if there are more. Where a
        schedule is not finite there is a gap.

    Raises
    ------
    RunError
        If there is nothing to draw: no schedule, other symbols, no step, no finite value.

    Examples
    --------
    >>> import symopt as so
    >>> eta = so.schedules.warmup(so.schedules.cosine(0.1), over=50)
    >>> ax = so.plot.schedule(so.adam(eta=eta), steps=500)
    >>> ax.get_ylabel(), ax.lines[0].get_xydata()[0].round(6).tolist()
    ('eta', [1.0, 0.002])
    """
    schedules = _by_name(result)
    steps = check_whole_number(steps, "steps", "a whole number of steps, at least 1", least=1)
    x = np.unique(np.linspace(1, int(steps), min(int(steps), MOST)).round().astype(np.int64))
    curves = {
        name: QuantileBand.of(x, _values(name, one, x, steps=int(steps))[None, :])
        for name, one in schedules.items()
    }
    with drawn_on(ax) as axes:
        draw_medians(axes, curves)
        axes.set_xlim(left=0)
        if all(np.nanmin(curve.middle) >= 0 for curve in curves.values()):
            axes.set_ylim(bottom=0)
        axes.set_xlabel("step")
        axes.set_ylabel(
            next(iter(schedules)) if isinstance(result, Rule) and len(schedules) == 1 else "value"
        )
        grid(axes)
        legend(axes)
    return axes


def _by_name(result: Any) -> dict[str, Any]:
    """Return what is to be drawn by its label; a schedule alone has none."""
    found = result
    if isinstance(result, Rule):
        found = result.schedules
    if isinstance(found, Mapping) and found:
        return {str(name): one for name, one in found.items()}
    if isinstance(result, Rule):
        raise RunError(
            f"{result!r} has no schedule; give it one, as in eta=so.schedules.cosine(0.1)"
        )
    if isinstance(found, Mapping):
        raise RunError("an empty mapping cannot be drawn; expected one from labels to schedules")
    return {"": result}


def _values(name: str, one: Any, x: npt.NDArray[np.int64], steps: int) -> Array:
    """Return a schedule at the steps x, by the operations that a run has."""
    where = "the schedule"
    if name:
        where = f"the schedule {name}"
    if not isinstance(one, sp.Expr) or not one.free_symbols:
        return np.full(len(x), _number(where, one))
    if others := sorted(one.free_symbols - {t, T}, key=str):
        raise RunError(f"{where} holds {others[0]}; expected so.t and so.T only")
    values = values_of(one, x, steps)
    if not np.isfinite(values).any():
        raise RunError(f"{where} is finite at no step from 1 to {steps}; expected one that is")
    return values


def _number(where: str, one: Any) -> float:
    array = read_numbers(one, where, "an expression in so.t and so.T, a number, or a rule")
    if array.ndim:
        raise RunError(f"{where} is an array; expected one schedule for each label")
    return float(array)
