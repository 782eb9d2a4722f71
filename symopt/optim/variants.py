"""Says how the options of a rule depart from its paper."""

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
        "epsilon/sqrt(1 - beta2**t), "
        "larger in the first steps"
    ),
    "epsilon_root": lambda value: (
        f"{short(value)} is added under the root, besides epsilon outside"
    ),
    "epsilon_in_maximum": lambda inside: (
        "epsilon is added to |g| within the maximum"
        if inside
        else "epsilon is added to u after the maximum"
    ),
    "initial_accumulator": lambda value: f"the accumulators start at {short(value)}",
    "shifted": lambda _: (
        "theta is the point looked ahead to, at which the gradient is taken: the same trajectory "
        "while beta and eta "
        "are constant, read the share beta of a step further on"
    ),
    "eta_inside": lambda _: (
        "the buffer is kept without eta, which multiplies it afterwards: the same while eta is "
        "constant"
    ),
    "dampening": lambda value: (
        f"from the second step on the gradient enters the buffer times 1 - {value}"
    ),
    "momentum": lambda value: (
        f"the steps are collected with the factor {value} before they are taken"
    ),
    "nesterov": lambda _: "the collected steps are taken with Nesterov's look-ahead",
    "centered": lambda _: "the squared mean of g is taken off the mean of g*g (the variance)",
    "bias_correction": lambda on: (
        "the averages are corrected for starting at 0"
        if on
        else "the averages are not corrected for starting at 0"
    ),
    "mean_correction": lambda on: (
        f"the average of g is {'' if on else 'not '}corrected for starting at 0"
    ),
    "maximum_of": lambda which: f"the maximum is taken of the {which} average of g*g",
    "momentum_schedule": lambda on: (
        "mu_t follows a schedule"
        if on
        else "mu_t = beta1 is constant: there is no momentum schedule"
    ),
    "momentum_decay": lambda value: (
        f"the momentum schedule is beta1*(1 - 0.96**({short(value)}*t)/2), with 0.004 in the "
        "paper: the larger, the "
        "sooner it is at beta1"
    ),
    "corrected_epsilon": lambda corrected: (
        "epsilon stands beside the corrected root"
        if corrected
        else "epsilon stands beside the uncorrected root: it acts as epsilon/sqrt(1 - beta2**t)"
    ),
    "rectify": lambda on: "the step is rectified as RAdam's" if on else "the step is not rectified",
    "threshold": lambda value: f"steps are rectified where rho_t is above {short(value)}",
    "at_threshold": lambda _: "a rho_t equal to the threshold is rectified too",
    "before_rectified": lambda which: (
        "no step is made before the average can be rectified"
        if which == "nothing"
        else "a momentum step is made before the average can be rectified"
    ),
    "difference_weight": lambda _: (
        "the difference of gradients is weighted by 1 - beta2 where the paper has beta2 (in this "
        "notation): an error "
        "of that library"
    ),
    "first_step": lambda _: "the first step only remembers its gradient: averages and theta stay",
    "proximal": lambda on: (
        "weight decay divides by 1 + eta*weight_decay"
        if on
        else "weight decay is subtracted, eta*weight_decay*theta"
    ),
    "delayed": lambda _: (
        "each move is made one step late, and the first step does not move: an error of that "
        "library"
    ),
    "weighting": lambda _: "every step has the same weight in the average, whatever the warm-up",
    "decay_of": lambda _: "weight decay acts on y alone, and through y on x; z does not decay",
    "decoupling": lambda value: (
        f"the share of the new z in the average is scaled by (1 - beta1)*{short(value)}"
    ),
    "late_warmup": lambda _: (
        "z moves with the warm-up of the step before, so that the first step does not move it"
    ),
}
"""What is said of a value that is not the default."""


def departures(rule: Rule) -> list[str]:
    """Return how the options of a published rule depart from the paper's equations, in words."""
    changed = {
        name: value for name, value in rule.values.items() if not same(value, rule.defaults[name])
    }
    words = [WORDS[name](value) for name, value in changed.items() if name in WORDS]
    if rule.averages and rule.iterate == "theta":
        return [*words, STORED]
    return words
