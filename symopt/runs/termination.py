"""How runs end, those of kernels and of SciPy alike: limits, statuses, and the sentences."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from symopt.compiler.codegen.layout import CONVERGED, DIVERGED, NONFINITE, RUNNING
from symopt.compiler.runtime.job import Outcome
from symopt.validation import Array

LIMIT = 1e20
"""Of |J| and of the components of theta: a run beyond it has diverged."""
MOST_SHOWN = 8  # coordinates of theta in a sentence


class Status(StrEnum):
    """How a run ended; only a method of SciPy stalls, where it finds no way down."""

    BUDGET = "budget spent"
    CONVERGED = "converged"
    DIVERGED = "diverged"
    NONFINITE = "non-finite"
    INTERRUPTED = "interrupted"
    STALLED = "stalled"


STATUS_OF_CODE = {
    CONVERGED: Status.CONVERGED,
    DIVERGED: Status.DIVERGED,
    NONFINITE: Status.NONFINITE,
}
"""By the numbers that kernels write."""


def classify_runs(outcome: Outcome, budget: int, limit: float) -> npt.NDArray[np.str_]:
    """Give each run of a kernel its status."""
    running = outcome.status == RUNNING
    result = np.full(len(outcome.loss), Status.BUDGET.value, dtype="<U12")
    result[running & (outcome.steps < budget)] = Status.INTERRUPTED
    for code, word in STATUS_OF_CODE.items():
        result[outcome.status == code] = word
    # the last theta was observed, but no step was tried from it
    result[running & ~(np.abs(outcome.loss) <= limit)] = Status.DIVERGED
    finite = np.isfinite(outcome.loss)
    for state in outcome.states.values():
        if state.size:
            finite &= np.isfinite(state).all(axis=1)
    result[running & ~finite] = Status.NONFINITE
    return result


# Sentences


def describe_place(theta: Array, labels: Sequence[str], steps: int) -> str:
    """Say where a run is: after how many steps, and its first coordinates."""
    known = [f"{name} = {value:g}" for name, value in zip(labels, theta[:MOST_SHOWN], strict=False)]
    if len(theta) > MOST_SHOWN:
        known.append("...")
    return f"after {steps} steps, at {', '.join(known)}"


def budget_spent(steps: int) -> str:
    """Say that all steps were made."""
    return f"all {steps} steps made"


def describe_interruption(steps: int, budget: int) -> str:
    """Say that a run was interrupted."""
    return f"interrupted after {steps} of {budget} steps"


def gradient_within(tolerance: float, steps: int, projected: bool = False) -> str:
    """Say that the gradient is small, or what of it does not point out of a box."""
    what = "the projected gradient" if projected else "the gradient"
    return f"every component of {what} is at most {tolerance:g} after {steps} steps"


def loss_not_finite(loss: float, where: str, why: str = "") -> str:
    """Say that J is not finite, and why, where that is known."""
    return f"J is {loss} {where}" + (f": {why}" if why else "")


def loss_beyond(loss: float, limit: float, where: str) -> str:
    """Say that J is beyond the limit."""
    return f"|J| = {abs(loss):g} is beyond the limit {limit:g} {where}"


def not_finite_in_step(what: str, value: float, step: int, where: str, why: str = "") -> str:
    """Say which quantity of a step is not finite, and why, where that is known."""
    return f"{what} is {value} in step {step}, {where}" + (f": {why}" if why else "")


def beyond_in_step(name: str, value: float, limit: float, step: int, where: str) -> str:
    """Say which coordinate of a step is beyond the limit."""
    return f"|{name}| = {abs(value):g} is beyond the limit {limit:g} in step {step}, {where}"
