"""The cost as SciPy asks for it: counted, with every step recorded and looked at."""

from __future__ import annotations

from threading import Event
from typing import Final, NamedTuple

import numpy as np

from symopt.costs.cost import Cost
from symopt.costs.nonfinite import why_value
from symopt.costs.objective import BoundObjective
from symopt.runs import termination
from symopt.runs.boxes import Box
from symopt.runs.options import RECORD_PATHS
from symopt.runs.termination import LIMIT, Status
from symopt.validation import Array

COUNTED: Final = ("value", "gradient", "hvp", "hessian")


class End(NamedTuple):
    """How a run ended, as a word, and why, as a sentence."""

    status: Status
    reason: str


class StopRun(Exception):  # noqa: N818  it is no error
    """Ends SciPy's work from inside: all there is to tell has been recorded."""

    def __init__(self, end: End) -> None:
        self.end = end


class RecordingObjective:
    """The cost as SciPy asks for it: counted, with every step recorded and looked at.

    Attributes
    ----------
    counts
        How often SciPy asked for each of ``COUNTED``.
    theta, losses, paths
        The last step's theta, J at all steps, and theta at all steps (None where too long).
    evaluations
        ``counts`` at each step.
    largest
        The largest |theta| of all steps, by component.
    not_finite, not_finite_at
        What was no finite number since the last step, and where J was none.
    """

    def __init__(
        self,
        cost: Cost,
        bound: BoundObjective,
        *,
        budget: int,
        tolerance: float | None,
        stop: Event,
        box: Box | None = None,
    ) -> None:
        self.cost, self.bound = cost, bound
        self.budget, self.stop, self.box = budget, stop, box
        self.tolerance = tolerance  # where SciPy has no test of its gradient
        self.counts = dict.fromkeys(COUNTED, 0)
        self.paths: list[Array] | None = []
        self.losses: list[float] = []
        self.evaluations: list[list[int]] = []
        self.theta = self.best_theta = self.largest = np.zeros(0)
        self.best_loss = np.nan
        self.last_value_at, self.last_value = np.zeros(0), np.nan
        self.last_gradient_at = self.last_gradient = np.zeros(0)
        self.not_finite = ""
        self.not_finite_at = np.zeros(0)

    @property
    def steps(self) -> int:
        """How many steps SciPy has made."""
        return len(self.losses) - 1

    # What SciPy calls

    def value(self, x: Array) -> float:
        self._count("value")
        self.last_value_at, self.last_value = x.copy(), float(self.cost.value(x))
        if not self.losses:  # every method begins with J at the start
            self.step(x)
        if not np.isfinite(self.last_value):
            self.not_finite, self.not_finite_at = f"J is {self.last_value}", self.last_value_at
        return self.last_value

    def gradient(self, x: Array) -> Array:
        self._count("gradient")
        self.last_gradient_at = x.copy()
        self.last_gradient = self._note_nonfinite("the gradient", self.cost.grad(x))
        return self.last_gradient.copy()

    def hvp(self, x: Array, v: Array) -> Array:
        self._count("hvp")
        return self._note_nonfinite("the Hessian times a vector", self.cost.hvp(x, v))

    def hessian(self, x: Array) -> Array:
        self._count("hessian")
        return self._note_nonfinite("the Hessian", self.cost.hessian(x))

    def step(self, x: Array) -> None:
        """Record where a step led, and end the run if it is to end there."""
        theta = np.array(x, dtype=np.float64)
        inside = bool((np.abs(theta) <= LIMIT).all())
        if not inside and self.losses:
            raise StopRun(self._end_outside(theta))
        loss = self._loss_at(theta)
        self._record(theta, loss)
        position = self.position()
        end = self._end_at_loss(loss, position)
        if not inside:
            reason = f"a component of theta is beyond the limit {LIMIT:g} {position}"
            end = end or End(Status.DIVERGED, reason)
        end = end or self._end_by_rule()
        if end:
            raise StopRun(end)

    def gradient_here(self) -> Array:
        """The gradient at theta: the last that SciPy asked for, or one that does not count."""
        if np.array_equal(self.last_gradient_at, self.theta):
            return self.last_gradient
        return self.cost.grad(self.theta)

    def projected_gradient(self) -> Array:
        """The gradient at theta, without what points out of the box."""
        slope = self.gradient_here()
        if self.box is None:
            return slope
        return self.box.projected(self.theta, slope)

    # What it does with that

    def _count(self, what: str) -> None:
        if self.stop.is_set():
            raise StopRun(self._end_interrupted())
        self.counts[what] += 1

    def _note_nonfinite(self, what: str, numbers: Array) -> Array:
        if not np.isfinite(numbers).all() and not self.not_finite:
            self.not_finite = f"{what} is not finite"
        return numbers

    def _loss_at(self, theta: Array) -> float:
        """Take J where SciPy asked for it last, as most methods do; else evaluate it."""
        if np.array_equal(theta, self.last_value_at):
            return self.last_value
        return float(self.cost.value(theta))

    def _record(self, theta: Array, loss: float) -> None:
        if not self.losses:
            self.best_theta, self.best_loss = theta, loss
            self.largest = np.abs(theta)
        if loss < self.best_loss:
            self.best_theta, self.best_loss = theta, loss
        self.largest = np.maximum(self.largest, np.abs(theta))
        self.theta, self.not_finite = theta, ""
        self.losses.append(loss)
        self.evaluations.append(list(self.counts.values()))
        if self.paths is not None:
            self.paths.append(theta)
        if len(self.losses) * len(theta) > RECORD_PATHS:
            self.paths = None

    # How it ends

    def _end_interrupted(self) -> End:
        reason = termination.describe_interruption(max(self.steps, 0), self.budget)
        return End(Status.INTERRUPTED, reason)

    def _end_at_loss(self, loss: float, position: str) -> End | None:
        """End at a loss that is no finite number, or beyond the limit."""
        if not np.isfinite(loss):
            why = self.why(self.theta)
            return End(Status.NONFINITE, termination.loss_not_finite(loss, position, why))
        if abs(loss) > LIMIT:
            return End(Status.DIVERGED, termination.loss_beyond(loss, LIMIT, position))
        return None

    def _end_by_rule(self) -> End | None:
        """End by a small gradient, or by the budget."""
        if self.tolerance is not None and self.steps and self._slope() <= self.tolerance:
            return self.end_converged(self.tolerance)
        if self.steps == self.budget:
            return End(Status.BUDGET, termination.budget_spent(self.steps))
        return None

    def end_converged(self, tolerance: float) -> End:
        """End by a small gradient."""
        projected = self.box is not None
        reason = termination.gradient_within(tolerance, self.steps, projected=projected)
        return End(Status.CONVERGED, reason)

    def _end_outside(self, theta: Array) -> End:
        """End by a step that led beyond the limit, or to no finite number."""
        step, position = self.steps + 1, self.position()
        finite = np.isfinite(theta)
        if not finite.all():
            k = int(np.argmin(finite))
            reason = termination.not_finite_in_step(self.label(k), theta[k], step, position)
            return End(Status.NONFINITE, reason)
        k = int(np.argmin(np.abs(theta) <= LIMIT))
        reason = termination.beyond_in_step(self.label(k), theta[k], LIMIT, step, position)
        return End(Status.DIVERGED, reason)

    def _slope(self) -> float:
        """The largest component of the gradient at theta."""
        return float(np.abs(self.projected_gradient()).max())

    # Words

    def label(self, k: int) -> str:
        return self.bound.sizes.labels()[k]

    def why(self, theta: Array) -> str:
        """Name the function of J that has no finite value at a point."""
        constants = {name: float(value) for name, value in self.bound.given.constants.items()}
        return why_value(self.bound, theta, constants)

    def position(self) -> str:
        """Say where the run stands."""
        few = self.bound.sizes.labels(termination.MOST_SHOWN)
        return termination.describe_place(self.theta, few, self.steps)
