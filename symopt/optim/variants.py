"""Says how the options of a rule depart from its equations as they stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symopt.rules.hyperparameters import short
from symopt.rules.rule import Rule, same

STORED = "theta is y, where the gradient is taken; the average to be evaluated is the state x"
WORDS: dict[str, Callable[[Any], str]] = {
    "epsilon_inside": lambda inside: (
        "epsilon is added to the average of g*g, under the root"
        if inside
        else "epsilon is added to the root, not under it"
    ),
    "epsilon_hat": lambda _: (
        "epsilon stands beside the uncorrected root, the paper's epsilon hat: it acts as "
        "epsilon/sqrt(1 - beta2**t), larger in the first steps"
    ),
    "epsilon_root": lambda value: (
        f"{short(value)} is added under the root, besides epsilon outside"
    ),
    "initial_accumulator": lambda value: f"the accumulators start at {short(value)}",
    "shifted": lambda _: (
        "theta is the point looked ahead to, at which the gradient is taken: the same trajectory "
        "while beta and eta are constant, read the share beta of a step further on"
    ),
    "momentum": lambda value: (
        f"the steps are collected with the factor {value} before they are taken"
    ),
    "centered": lambda _: "the squared mean of g is taken off the mean of g*g (the variance)",
    "momentum_schedule": lambda on: (
        "mu_t follows a schedule"
        if on
        else "mu_t = beta1 is constant: there is no momentum schedule"
    ),
    "momentum_decay": lambda value: (
        f"the momentum schedule is beta1*(1 - 0.96**({short(value)}*t)/2), with 0.004 in the "
        "paper: the larger, the sooner it is at beta1"
    ),
}
"""What is said of a value that is not the default."""


def departures(rule: Rule, words: dict[str, Callable[[Any], str]] = WORDS) -> list[str]:
    """Return how the options of a rule depart from its equations, in words."""
    found = [
        words[name](value)
        for name, value in rule.values.items()
        if name in words and not same(value, rule.defaults[name])
    ]
    if rule.averages and rule.iterate == "theta":
        found.append(STORED)
    return found
