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
            f"{rule.name} needs {matrix_too_large(n)}; see so.scipy(J, 'Newton-CG', ...)"
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
