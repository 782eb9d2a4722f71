"""Ranges of the hyperparameters, by name: one name means one thing in all rules."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

from symopt.optim.variants import departures
from symopt.rules.hyperparameters import AVERAGE, NOT_NEGATIVE, SHARE, Range, Ranges
from symopt.rules.rule import Rule, rule

RANGES: Ranges = {
    "eta": Range(0, ascent=True),
    **dict.fromkeys(("beta", "beta1", "beta2", "beta3", "rho", "momentum"), AVERAGE),
    **dict.fromkeys(("nu", "nu1", "nu2"), SHARE),
    **dict.fromkeys(
        ("epsilon", "epsilon_root", "initial_accumulator", "weight_decay", "momentum_decay"),
        NOT_NEGATIVE,
    ),
    "kappa": Range(1),
}


def published(
    *, ranges: Ranges | None = None, **options: Any
) -> Callable[[Callable[..., Any]], Rule]:
    """Make a rule whose hyperparameters have these ranges; ``ranges`` has other names."""

    def make(function: Callable[..., Any]) -> Rule:
        known = {**RANGES, **(ranges or {})}
        own = {
            name: known[name] for name in inspect.signature(function).parameters if name in known
        }
        made: Rule = rule(ranges=own, **options)(function)
        return dataclasses.replace(made, told=departures)

    return make
