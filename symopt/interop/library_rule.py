"""Makes the rules that only a library has: its equations, and how they depart from the paper's."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

from symopt.optim.ranges import published
from symopt.optim.variants import WORDS as OF_PAPERS
from symopt.optim.variants import departures
from symopt.rules.hyperparameters import Ranges
from symopt.rules.rule import Rule

WITHOUT_ETA = (
    "the buffer is kept without eta, which multiplies it afterwards: the same while eta is constant"
)
BESIDE_UNCORRECTED = (
    "epsilon stands beside the uncorrected root: it acts as epsilon/sqrt(1 - beta2**t)"
)
CORRECTED = ("the average of g is corrected for starting at 0", "the averages are corrected too")

WORDS: dict[str, Callable[[Any], str]] = {
    **OF_PAPERS,
    "dampening": lambda value: (
        f"from the second step on the gradient enters the buffer times 1 - {value}"
    ),
    "nesterov": lambda _: "the steps are taken with Nesterov's look-ahead",
    "bias_correction": lambda _: "the averages of g and g*g are corrected for starting at 0",
    "mean_correction": lambda on: (
        f"the average of g is {'' if on else 'not '}corrected for starting at 0"
    ),
    "square_correction": lambda on: (
        f"the largest average of g*g is {'' if on else 'not '}corrected for starting at 0"
    ),
    "rectify": lambda on: f"the step is {'' if on else 'not '}rectified as RAdam's",
    "largest": lambda _: "the denominator is the largest so far, as AMSGrad's",
    "moves_before": lambda on: (
        f"{'a momentum' if on else 'no'} step is made before the average can be rectified"
    ),
    "decoupling": lambda value: (
        f"the share of the new z in the average is scaled by (1 - beta1)*{value}"
    ),
}
"""What is said of the options of libraries, where they are not at their default."""


def library_rule(
    *always: str, ranges: Ranges | None = None, **options: Any
) -> Callable[[Callable[..., Any]], Rule]:
    """Make a rule of a library's; ``always`` says how it departs from the paper's."""

    def make(function: Callable[..., Any]) -> Rule:
        made = published(ranges=ranges, **options)(function)
        return dataclasses.replace(made, told=partial(_told, always))

    return make


def _told(always: tuple[str, ...], rule: Rule) -> list[str]:
    return [*always, *departures(rule, WORDS)]
