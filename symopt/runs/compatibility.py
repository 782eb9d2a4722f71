"""Checks that a rule fits a cost and the options of a run, before anything is compiled."""

from __future__ import annotations

import numpy as np

from symopt.costs.cost import Cost
from symopt.costs.objective import LARGEST_MATRIX, matrix_too_large
from symopt.errors import RuleError, RunError
from symopt.rules.hyperparameters import Range, in_range
from symopt.rules.rule import Rule
from symopt.runs.options import RunOptions
from symopt.schedules.values import values_of


def check_fit(rule: Rule, cost: Cost, settings: RunOptions) -> None:
    """Refuse what cannot run together.

    Raises
    ------
    RuleError
        If the cost lacks what the rule needs, or a schedule leaves the range of its hyperparameter.
    RunError
        If a tolerance is asked for where no gradient is taken.
    """
    _check_needs(cost, rule)
    for name in rule.schedules:
        _check_schedule(rule, name, settings.steps)
    _check_climb(rule, settings.tolerance)
    probed = rule.update.gradients or cost.objective.probes_gradient
    if settings.tolerance is not None and not probed:
        raise RunError(
            f"tolerance={settings.tolerance:g}: {rule.name} takes no gradient that could be looked "
            "at"
        )


def check_matrix(rule: Rule, n: int) -> None:
    """Refuse a rule that makes a matrix of too many parameters.

    Raises
    ------
    RuleError
        With their number.
    """
    if n > LARGEST_MATRIX and rule.update.curvature & {"hessian", "gauss_newton"}:
        raise RuleError(
            f'{rule.name} needs {matrix_too_large(n)}; see so.scipy(J, "Newton-CG", ...)'
        )


def _check_climb(rule: Rule, tolerance: float | None) -> None:
    """Refuse to test the projected gradient of a rule that climbs: it would point the other way."""
    if tolerance is None or rule.box is None:
        return
    inner, names = rule, [rule.name]
    while inner.inner is not None:
        inner = inner.inner
        names.append(inner.name)
    uphill = np.any(np.asarray(rule.hyperparameters.get("eta", 0.0), dtype=object) < 0)
    if uphill or any(name.startswith("ascend(") for name in names):
        raise RunError(
            f"tolerance={tolerance:g}: {rule.name} climbs between bounds, and the projected "
            "gradient is that of a way down; expected -J as the cost, and a rule that goes down"
        )


def _check_schedule(rule: Rule, name: str, steps: int) -> None:
    """Check a schedule against its range, in the first steps, half way and the last."""
    place = rule.ranges.get(name)
    if not isinstance(place, Range):
        return
    at = np.unique([1, min(2, steps), max(steps // 2, 1), max(steps, 1)])
    for step, value in zip(at, values_of(rule.schedules[name], at, steps), strict=True):
        if np.isfinite(value) and not place.holds(value):
            in_range(f"step {step}: {rule.name}", name, float(value), ranges=rule.ranges)
            return  # it may go on with a warning: one is enough


def _check_needs(cost: Cost, rule: Rule) -> None:
    """Refuse a rule that needs what the cost does not have.

    Raises
    ------
    RuleError
        With what is missing, and how to give it.
    """
    for need in rule.needs:
        if reason := cost.lacks(need):
            raise RuleError(f"{rule.name} needs {reason}")
