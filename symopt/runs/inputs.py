"""Costs and rules as users give them: as such, by name, as expressions, as problems."""

from __future__ import annotations

import sympy as sp

from symopt._typing import CostLike, RuleLike
from symopt.costs.cost import Cost
from symopt.errors import RuleError
from symopt.optim.registry import RULES
from symopt.rules.rule import Rule


def as_cost(value: CostLike) -> Cost:
    """Take a cost as such, a SymPy expression, or the cost of a problem."""
    if not isinstance(value, sp.Basic):
        value = getattr(value, "cost", value)
    if isinstance(value, Cost):
        return value
    return Cost(value)


def as_rule(value: RuleLike) -> Rule:
    """Take a rule as such or by its name; mistakes in its equations show here."""
    if isinstance(value, str):
        return RULES[value]
    if isinstance(value, Rule):
        for state in value.update.states:
            if state.initial in value.schedules:
                raise RuleError(
                    f"{value.name}: {state.name} starts at {state.initial}, which then cannot be a "
                    "schedule"
                )
        return value
    raise RuleError(
        f"{value!r} is a {type(value).__name__}; expected a rule such as so.adam(eta=0.02), or the "
        "name of one"
    )
