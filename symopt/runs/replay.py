"""Why a run ended, in a sentence: a step that failed is taken again to name what failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from symopt.compiler.runtime.executor import Blocks, Outcome
from symopt.compiler.runtime.interpreter import evaluate
from symopt.costs.nonfinite import why_slope, why_value
from symopt.costs.objective import BoundObjective
from symopt.ir.program import Key, Program
from symopt.ir.update import Stage, Update
from symopt.rules.fault import fault
from symopt.runs.termination import (
    Status,
    beyond_in_step,
    budget_spent,
    gradient_within,
    interrupted,
    loss_beyond,
    loss_not_finite,
    not_finite_in_step,
    place,
)
from symopt.validation import Array

MOST_REPLAYED = 2000  # coordinates of a step that is done again in plain Python


def explain_end(
    status: str, run: int, blocks: Blocks, outcome: Outcome, bound: BoundObjective
) -> str:
    """Say why a run ended; a failed step is replayed in plain Python to name what failed."""
    steps = int(outcome.steps[run])
    if status == Status.BUDGET:
        return budget_spent(steps)
    if status == Status.INTERRUPTED:
        return interrupted(steps, blocks.job.steps)
    if status == Status.CONVERGED:
        return gradient_within(blocks.job.tolerance, steps)
    return _Replay(run, blocks, outcome, bound).sentence()


class _Replay:
    """One step of one run, in plain Python, from where the run stopped."""

    def __init__(self, run: int, blocks: Blocks, outcome: Outcome, bound: BoundObjective) -> None:
        self.run = run
        self.blocks = blocks
        self.outcome = outcome
        self.bound = bound
        self.names = bound.sizes.labels()
        self.update: Update = blocks.kernel.update
        self.step = int(outcome.steps[run]) + 1
        self.programs: dict[Key, Program] = {}
        self.faults: dict[str, Callable[[], str]] = {}  # why a quantity is not finite, by its name
        self.constants = {key: _one(value, run) for key, value in blocks.job.given.items()}
        self.of_cost = {key[1]: value for key, value in self.constants.items() if key[0] == "c"}

    def sentence(self) -> str:
        """Say what ended the run."""
        limit = self.blocks.job.limit
        loss = float(self.outcome.loss[self.run])
        theta = self.outcome.iterate[self.run]
        where = place(theta, self.names, self.step - 1)
        if not np.isfinite(loss):
            return loss_not_finite(loss, where, why_value(self.bound, theta, self.of_cost))
        if abs(loss) > limit:
            return loss_beyond(loss, limit, where)
        if len(self.names) > MOST_REPLAYED or self._is_drawn():
            what = "the gradient or theta"
            if self.update.states:
                what = "the gradient, a state or theta"
            return f"{what} is no finite number or beyond the limit {limit:g} in step {self.step}, {where}"
        return self._fault_of_step(limit, where)

    def _fault_of_step(self, limit: float, where: str) -> str:
        values = self._values()
        for what, value in values:
            if not np.isfinite(value):
                why = ""
                if what in self.faults:
                    why = self.faults[what]()
                return not_finite_in_step(what, value, self.step, where, why)
        for name, value in values[-len(self.names) :]:  # the new theta
            if not abs(value) <= limit:
                return beyond_in_step(name, value, limit, self.step, where)
        return f"a state left the finite numbers {where}"

    def _is_drawn(self) -> bool:
        """Return whether the step holds what was drawn, which is not drawn again here."""
        job = self.blocks.job
        return job.noise > 0 or job.batches is not None or self.update.draws > 0

    def _values(self) -> list[tuple[str, float]]:
        """Return the step's quantities in the order of computing, each with its name."""
        found: list[tuple[str, float]] = []
        own = self._inputs()
        for stage in self.update.stages:
            named = getattr(self, f"_{stage.kind}")(stage, own)
            found += named
            for inputs, (_, value) in zip(
                own, named * (len(own) if len(named) == 1 else 1), strict=True
            ):
                inputs[stage.kind, stage.number] = value
        for state in self._states():
            for name, inputs in zip(self.names, own, strict=True):
                if state == "theta":
                    what = name
                else:
                    what = f"{state} of {name}"
                found.append((what, self._output(("new", state), inputs)))
                self.faults[what] = partial(fault, self.update.program, ("new", state), inputs)
        return found

    def _output(self, key: Key, inputs: Mapping[Key, float]) -> float:
        if key not in self.programs:
            self.programs[key] = self.update.program.only([key])
        return float(evaluate(self.programs[key], inputs)[key])

    def _grad(self, stage: Stage, own: Sequence[dict[Key, float]]) -> list[tuple[str, float]]:
        point = np.array([self._output(("point", stage.number), inputs) for inputs in own])
        slopes = self.bound.exact_gradient(point, self.of_cost)
        named = [
            (f"dJ/d{name}", float(slope)) for name, slope in zip(self.names, slopes, strict=True)
        ]
        whys = {what: partial(self._why_slope, point, k) for k, (what, _) in enumerate(named)}
        self.faults = whys | self.faults
        return named

    def _why_slope(self, point: Array, entry: int) -> str:
        return (
            why_slope(self.bound, point, self.of_cost, entry)
            or "J is not differentiable there as it is written"
        )

    def _value(self, stage: Stage, own: Sequence[dict[Key, float]]) -> list[tuple[str, float]]:
        point = np.array([self._output(("place", stage.number), inputs) for inputs in own])
        return [("J", self.bound.exact_value(point, self.of_cost))]

    def _sum(self, stage: Stage, own: Sequence[dict[Key, float]]) -> list[tuple[str, float]]:
        what, output = "a sum over the parameters", ("summand", stage.number)
        parts = [self._output(output, inputs) for inputs in own]
        self._explain(what, output, own, parts)
        return [(what, sum(parts))]

    def _solve(self, stage: Stage, own: Sequence[dict[Key, float]]) -> list[tuple[str, float]]:
        """Solve the linear equations of the step; where they are singular, nothing in the solution is a number."""
        corner, right = (
            np.array([self._output((what, stage.number), inputs) for inputs in own])
            for what in ("corner", "right")
        )
        scale, shift = (self._output((what, stage.number), own[0]) for what in ("scale", "shift"))
        matrix = scale * self.bound.exact_matrix(
            stage.matrix, corner, self.of_cost
        ) + shift * np.eye(len(own))
        solution, why = _solved(matrix, right, self.names)
        named = [
            (f"the step of {name} by linear equations", float(u))
            for name, u in zip(self.names, solution, strict=True)
        ]
        self.faults |= {what: lambda: why for what, _ in named}
        return named

    def _explain(
        self, what: str, output: Key, own: Sequence[dict[Key, float]], parts: Sequence[float]
    ) -> None:
        """Keep why a sum is not finite: its first summand that is not."""
        k = next((k for k, part in enumerate(parts) if not np.isfinite(part)), None)
        if k is not None and what not in self.faults:
            self.faults[what] = partial(fault, self.update.program, output, dict(own[k]))

    def _states(self) -> list[str]:
        return [*(s.name for s in self.update.states), "theta"]

    def _inputs(self) -> list[dict[Key, float]]:
        """Return, for each coordinate, the inputs of the rule's program that are known before the step."""
        before = self.blocks.scalars_before(self.run, self.step)
        shared: dict[Key, float] = {
            "t": self.step,
            "T": self.blocks.job.steps,
            "n": len(self.names),
            **self.constants,
            **before,
        }
        shared |= {
            ("power", k): before["power", k] * before["factor", k]
            for k in range(self.update.powers)
        }
        shared |= {
            ("hyper", key[1]): value for key, value in self.constants.items() if key[0] == "given"
        }
        shared |= {
            key: value
            for key, value in evaluate(self.update.hypers, shared).items()
            if key[0] == "hyper"
        }
        result = []
        for k in range(len(self.names)):
            inputs: dict[Key, float] = {**shared, "theta": self.outcome.theta[self.run, k]}
            for state in self.update.states:
                if state.vector:
                    inputs["state", state.name] = self.outcome.states[state.name][self.run, k]
            result.append(inputs)
        return result


def _one(value: npt.ArrayLike, run: int) -> float:
    array = np.asarray(value, dtype=np.float64)
    return float(array[run] if array.ndim else array)


def _solved(matrix: Array, right: Array, names: Sequence[str]) -> tuple[Array, str]:
    """Return the solution of linear equations, NaN where the matrix is singular, and why."""
    lost = np.argwhere(~np.isfinite(matrix))
    if len(lost):
        i, j = lost[0]
        words = f"the entry of {names[i]} and {names[j]} in their matrix is {matrix[i, j]}"
        undefined = ""
        if np.isnan(matrix[i, j]):
            undefined = "; J is not twice differentiable there as it is written"
        return np.full(len(right), np.nan), words + undefined
    sizes = np.abs(np.linalg.eigvalsh(matrix))
    if sizes.min() <= len(right) * 2.0**-52 * sizes.max():
        words = f"their matrix is singular: its eigenvalues are {sizes.min():.3g} to {sizes.max():.3g} in size"
        return np.full(len(right), np.nan), words
    return np.asarray(np.linalg.solve(matrix, right), dtype=np.float64), ""
