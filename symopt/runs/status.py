"""How a run ended, as a word, and why, as a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from symopt.compiler.codegen.layout import CONVERGED, DIVERGED, NONFINITE, RUNNING
from symopt.compiler.runtime.executor import Blocks, Outcome
from symopt.compiler.runtime.interpreter import evaluate
from symopt.ir.program import Key, Program
from symopt.ir.update import Stage, Update
from symopt.rules.fault import fault
from symopt.validation import Array


class Status(StrEnum):
    """How a run ended; only a method of SciPy stalls, where it finds no way down."""

    BUDGET = "budget spent"
    CONVERGED = "converged"
    DIVERGED = "diverged"
    NONFINITE = "non-finite"
    INTERRUPTED = "interrupted"
    STALLED = "stalled"


WORDS = {CONVERGED: Status.CONVERGED, DIVERGED: Status.DIVERGED, NONFINITE: Status.NONFINITE}


def statuses(outcome: Outcome, budget: int, limit: float) -> npt.NDArray[np.str_]:
    """Return the status of every run."""
    result = np.full(len(outcome.loss), Status.BUDGET.value, dtype="<U12")
    result[(outcome.status == RUNNING) & (outcome.steps < budget)] = Status.INTERRUPTED
    for code, word in WORDS.items():
        result[outcome.status == code] = word
    # the last theta was looked at, but no step was tried from it
    running = outcome.status == RUNNING
    result[running & ~(np.abs(outcome.loss) <= limit)] = Status.DIVERGED
    held = [np.isfinite(state).all(axis=1) for state in outcome.states.values() if state.size]
    finite = np.isfinite(outcome.loss) & np.logical_and.reduce(held or [np.isfinite(outcome.loss)])
    result[running & ~finite] = Status.NONFINITE
    return result


Constants = Mapping[str, float]


class AtPoint(NamedTuple):
    """A cost at one point: its gradient, its value, its matrices by their names, and why they are no numbers."""

    gradient: Callable[[Array, Constants], Array]
    value: Callable[[Array, Constants], float]
    matrix: Callable[[str, Array, Constants], Array]
    why_value: Callable[[Array, Constants], str]
    why_slope: Callable[[Array, Constants, int], str]


MOST_SHOWN = 8  # coordinates of theta in a sentence
MOST_REPLAYED = 2000  # coordinates of a step that is done again in plain Python


def reason(
    status: str, run: int, blocks: Blocks, outcome: Outcome, cost: AtPoint, names: Callable[[], list[str]]
) -> str:
    """Return why a run ended; a failed step is replayed in plain Python to name what failed."""
    steps = int(outcome.steps[run])
    if status == Status.BUDGET:
        return f"all {steps} steps made"
    if status == Status.INTERRUPTED:
        return f"interrupted after {steps} of {blocks.job.steps} steps"
    if status == Status.CONVERGED:
        return f"every component of the gradient is at most {blocks.job.tolerance:g} after {steps} steps"
    return _Replay(run, blocks, outcome, cost, names()).sentence()


class _Replay:
    """One step of one run, in plain Python, from where the run stopped."""

    def __init__(self, run: int, blocks: Blocks, outcome: Outcome, cost: AtPoint, names: Sequence[str]) -> None:
        self.run, self.blocks, self.outcome, self.cost, self.names = run, blocks, outcome, cost, names
        self.update: Update = blocks.kernel.update
        self.step = int(outcome.steps[run]) + 1
        self.programs: dict[Key, Program] = {}
        self.faults: dict[str, Callable[[], str]] = {}  # why a quantity is not finite, by its name
        self.constants = {key: _one(value, run) for key, value in blocks.job.given.items()}
        self.of_cost = {key[1]: value for key, value in self.constants.items() if key[0] == "c"}

    def sentence(self) -> str:
        limit = self.blocks.job.limit
        loss = float(self.outcome.loss[self.run])
        pairs = list(zip(self.names, self.outcome.iterate[self.run], strict=True))
        place = ", ".join(f"{name} = {value:g}" for name, value in pairs[:MOST_SHOWN])
        place += ", ..." if len(pairs) > MOST_SHOWN else ""
        after = f"after {self.step - 1} steps, at {place}"
        if not np.isfinite(loss):
            why = self.cost.why_value(self.outcome.iterate[self.run], self.of_cost)
            return f"J is {loss} {after}" + (f": {why}" if why else "")
        if abs(loss) > limit:
            return f"|J| = {abs(loss):g} is beyond the limit {limit:g} {after}"
        if len(pairs) > MOST_REPLAYED or self._is_special():  # too long to take again, or drawn
            what = "the gradient, a state or theta" if self.update.states else "the gradient or theta"
            return f"{what} is no finite number or beyond the limit {limit:g} in step {self.step}, {after}"
        values = self._values()
        for what, value in values:
            if not np.isfinite(value):
                because = f": {self.faults[what]()}" if what in self.faults else ""
                return f"{what} is {value} in step {self.step}, {after}{because}"
        for name, value in values[-len(self.names) :]:  # the new theta
            if not abs(value) <= limit:
                return f"|{name}| = {abs(value):g} is beyond the limit {limit:g} in step {self.step}, {after}"
        return f"a state left the finite numbers {after}"

    def _is_special(self) -> bool:
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
            for inputs, (_, value) in zip(own, named * (len(own) if len(named) == 1 else 1), strict=True):
                inputs[stage.kind, stage.number] = value
        for state in self._states():
            for name, inputs in zip(self.names, own, strict=True):
                what = name if state == "theta" else f"{state} of {name}"
                found.append((what, self._output(("new", state), inputs)))
                self.faults[what] = partial(fault, self.update.program, ("new", state), inputs)
        return found

    def _output(self, key: Key, inputs: Mapping[Key, float]) -> float:
        if key not in self.programs:
            self.programs[key] = self.update.program.only([key])
        return float(evaluate(self.programs[key], inputs)[key])

    def _grad(self, stage: Stage, own: Sequence[dict[Key, float]]) -> list[tuple[str, float]]:
        point = np.array([self._output(("point", stage.number), inputs) for inputs in own])
        slopes = self.cost.gradient(point, self.of_cost)
        named = [(f"dJ/d{name}", float(slope)) for name, slope in zip(self.names, slopes, strict=True)]
        whys = {what: partial(self._why_slope, point, k) for k, (what, _) in enumerate(named)}
        self.faults = whys | self.faults
        return named

    def _why_slope(self, point: Array, entry: int) -> str:
        return self.cost.why_slope(point, self.of_cost, entry) or "J is not differentiable there as it is written"

    def _value(self, stage: Stage, own: Sequence[dict[Key, float]]) -> list[tuple[str, float]]:
        point = np.array([self._output(("place", stage.number), inputs) for inputs in own])
        return [("J", self.cost.value(point, self.of_cost))]

    def _sum(self, stage: Stage, own: Sequence[dict[Key, float]]) -> list[tuple[str, float]]:
        what, output = "a sum over the parameters", ("summand", stage.number)
        parts = [self._output(output, inputs) for inputs in own]
        self._explain(what, output, own, parts)
        return [(what, sum(parts))]

    def _solve(self, stage: Stage, own: Sequence[dict[Key, float]]) -> list[tuple[str, float]]:
        """Solve the linear equations of the step; where they are singular, nothing in the solution is a number."""
        corner, right = (
            np.array([self._output((what, stage.number), inputs) for inputs in own]) for what in ("corner", "right")
        )
        scale, shift = (self._output((what, stage.number), own[0]) for what in ("scale", "shift"))
        matrix = scale * self.cost.matrix(stage.matrix, corner, self.of_cost) + shift * np.eye(len(own))
        solution, why = _solved(matrix, right, self.names)
        named = [
            (f"the step of {name} by linear equations", float(u)) for name, u in zip(self.names, solution, strict=True)
        ]
        self.faults |= {what: lambda: why for what, _ in named}
        return named

    def _explain(self, what: str, output: Key, own: Sequence[dict[Key, float]], parts: Sequence[float]) -> None:
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
        shared |= {("power", k): before["power", k] * before["factor", k] for k in range(self.update.powers)}
        shared |= {("hyper", key[1]): value for key, value in self.constants.items() if key[0] == "given"}
        shared |= {key: value for key, value in evaluate(self.update.hypers, shared).items() if key[0] == "hyper"}
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
        undefined = "; J is not twice differentiable there as it is written" if np.isnan(matrix[i, j]) else ""
        return np.full(len(right), np.nan), words + undefined
    sizes = np.abs(np.linalg.eigvalsh(matrix))
    if sizes.min() <= len(right) * 2.0**-52 * sizes.max():
        words = f"their matrix is singular: its eigenvalues are {sizes.min():.3g} to {sizes.max():.3g} in size"
        return np.full(len(right), np.nan), words
    return np.asarray(np.linalg.solve(matrix, right), dtype=np.float64), ""
