"""The cost as SciPy asks for it: counted, with every step recorded and looked at."""

from __future__ import annotations

from threading import Event
from typing import Final

import numpy as np

from symopt.costs.cost import Cost
from symopt.costs.nonfinite import why_value
from symopt.costs.objective import BoundObjective
from symopt.runs import termination
from symopt.runs.options import RECORD_PATHS
from symopt.runs.termination import LIMIT, Status
from symopt.validation import Array

COUNTED: Final = ("value", "gradient", "hvp", "hessian")


class EndError(Exception):
    """Ends SciPy's work from inside: all there is to tell has been recorded."""

    def __init__(self, status: Status, reason: str) -> None:
        self.status, self.reason = status, reason


class Watch:
    """The cost as SciPy asks for it: counted, with every step recorded and looked at."""

    def __init__(
        self, cost: Cost, bound: BoundObjective, budget: int, tolerance: float | None, stop: Event
    ) -> None:
        self.cost, self.bound, self.budget, self.stop = cost, bound, budget, stop
        self.tolerance = tolerance  # where SciPy has no test of its gradient
        self.counts = dict.fromkeys(COUNTED, 0)
        self.paths: list[Array] | None = []  # None once they are too long to keep
        self.losses: list[float] = []
        self.tallies: list[list[int]] = []
        self.theta = self.best_theta = self.size = self.seen = self.sloped = self.slope = np.zeros(
            0
        )
        self.best_loss = self.seen_loss = (
            np.nan
        )  # J at the last point where it was asked for; as slope at sloped
        self.outside = ""  # what was not finite since the last step
        self.lost = np.zeros(0)  # where J was not finite

    @property
    def steps(self) -> int:
        return len(self.losses) - 1

    # What SciPy calls

    def value(self, x: Array) -> float:
        self._count("value")
        self.seen, self.seen_loss = x.copy(), float(self.cost.value(x))
        if not self.losses:  # every method begins with J at the start
            self.step(x)
        if not np.isfinite(self.seen_loss):
            self.outside, self.lost = f"J is {self.seen_loss}", self.seen
        return self.seen_loss

    def gradient(self, x: Array) -> Array:
        self._count("gradient")
        self.sloped, self.slope = x.copy(), self._noted("the gradient", self.cost.grad(x))
        return self.slope.copy()

    def hvp(self, x: Array, v: Array) -> Array:
        self._count("hvp")
        return self._noted("the Hessian times a vector", self.cost.hvp(x, v))

    def hessian(self, x: Array) -> Array:
        self._count("hessian")
        return self._noted("the Hessian", self.cost.hessian(x))

    def step(self, x: Array) -> None:
        """Record where a step led, and end the run if it is to end there."""
        theta = np.array(x, dtype=np.float64)
        inside = bool((np.abs(theta) <= LIMIT).all())
        if not inside and self.losses:
            raise self._left(theta)
        # in most methods the point that was asked for last; else J is looked up for the record
        if np.array_equal(theta, self.seen):
            loss = self.seen_loss
        else:
            loss = float(self.cost.value(theta))
        self._record(theta, loss)
        if not np.isfinite(loss):
            raise EndError(
                Status.NONFINITE, termination.loss_not_finite(loss, self.where(), self.why(theta))
            )
        if not inside:
            raise EndError(
                Status.DIVERGED,
                f"a component of theta is beyond the limit {LIMIT:g} {self.where()}",
            )
        if abs(loss) > LIMIT:
            raise EndError(Status.DIVERGED, termination.loss_beyond(loss, LIMIT, self.where()))
        if (
            self.tolerance is not None
            and self.steps
            and np.abs(self.slope_here()).max() <= self.tolerance
        ):
            raise EndError(Status.CONVERGED, self.flat(self.tolerance))
        if self.steps == self.budget:
            raise EndError(Status.BUDGET, termination.budget_spent(self.steps))

    def slope_here(self) -> Array:
        """Return the gradient at theta: the last that was asked for, or one that does not count."""
        if np.array_equal(self.sloped, self.theta):
            return self.slope
        return self.cost.grad(self.theta)

    # What it does with that

    def _count(self, what: str) -> None:
        if self.stop.is_set():
            raise EndError(
                Status.INTERRUPTED, termination.interrupted(max(self.steps, 0), self.budget)
            )
        self.counts[what] += 1

    def _noted(self, what: str, numbers: Array) -> Array:
        if not np.isfinite(numbers).all() and not self.outside:
            self.outside = f"{what} is not finite"
        return numbers

    def _record(self, theta: Array, loss: float) -> None:
        if not self.losses or loss < self.best_loss:
            self.best_theta, self.best_loss = theta, loss
        if self.losses:
            self.size = np.maximum(self.size, np.abs(theta))
        else:
            self.size = np.abs(theta)
        self.theta, self.outside = theta, ""
        self.losses.append(loss)
        self.tallies.append(list(self.counts.values()))
        if self.paths is not None:
            self.paths.append(theta)
            if len(self.losses) * len(theta) <= RECORD_PATHS:
                self.paths = self.paths
            else:
                self.paths = None

    def _left(self, theta: Array) -> EndError:
        k = int(np.argmin(np.abs(theta) <= LIMIT))
        step = self.steps + 1
        if not np.isfinite(theta).all():
            k = int(np.argmin(np.isfinite(theta)))
            words = termination.not_finite_in_step(self.label(k), theta[k], step, self.where())
            return EndError(Status.NONFINITE, words)
        words = termination.beyond_in_step(self.label(k), theta[k], LIMIT, step, self.where())
        return EndError(Status.DIVERGED, words)

    # Words

    def label(self, k: int) -> str:
        return self.bound.sizes.labels()[k]

    def flat(self, tolerance: float) -> str:
        return termination.gradient_within(tolerance, self.steps)

    def why(self, theta: Array) -> str:
        """Return which function of J has no finite value at a point."""
        constants = {name: float(value) for name, value in self.bound.given.constants.items()}
        return why_value(self.bound, theta, constants)

    def where(self) -> str:
        few = self.bound.sizes.labels(termination.MOST_SHOWN)
        return termination.place(self.theta, few, self.steps)
