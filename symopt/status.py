"""How a run ended, as a word, and why, as a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from symopt.autodiff.program import Key
from symopt.autodiff.update import Update
from symopt.compiler.drive import Blocks, Outcome
from symopt.compiler.layout import CONVERGED, DIVERGED, NONFINITE, RUNNING
from symopt.compiler.plain import evaluate
from symopt.floats import Array


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


Gradient = Callable[[Array, Mapping[str, float]], Array]
MOST_SHOWN = 8  # coordinates of theta in a sentence
MOST_REPLAYED = 2000  # coordinates of a step that is done again in plain Python


def reason(
    status: str, run: int, blocks: Blocks, outcome: Outcome, gradient: Gradient, names: Callable[[], list[str]]
) -> str:
    """Return why a run ended; a failed step is replayed in plain Python to name what failed."""
    steps = int(outcome.steps[run])
    if status == Status.BUDGET:
        return f"all {steps} steps made"
    if status == Status.INTERRUPTED:
        return f"interrupted after {steps} of {blocks.job.steps} steps"
    if status == Status.CONVERGED:
        return f"every component of the gradient is at most {blocks.job.tolerance:g} after {steps} steps"
    return _Replay(run, blocks, outcome, gradient, names()).sentence()


class _Replay:
    """One step of one run, in plain Python, from where the run stopped."""

    def __init__(self, run: int, blocks: Blocks, outcome: Outcome, gradient: Gradient, names: Sequence[str]) -> None:
        self.run, self.blocks, self.outcome, self.gradient, self.names = run, blocks, outcome, gradient, names
        self.update: Update = blocks.kernel.update
        self.step = int(outcome.steps[run]) + 1
        self.constants = {key: _one(value, run) for key, value in blocks.job.given.items()}

    def sentence(self) -> str:
        limit = self.blocks.job.limit
        loss = float(self.outcome.loss[self.run])
        pairs = list(zip(self.names, self.outcome.iterate[self.run], strict=True))
        place = ", ".join(f"{name} = {value:g}" for name, value in pairs[:MOST_SHOWN])
        place += ", ..." if len(pairs) > MOST_SHOWN else ""
        after = f"after {self.step - 1} steps, at {place}"
        if not np.isfinite(loss):
            return f"J is {loss} {after}"
        if abs(loss) > limit:
            return f"|J| = {abs(loss):g} is beyond the limit {limit:g} {after}"
        if len(pairs) > MOST_REPLAYED or self._is_special():  # too long to take again, or with another gradient
            return f"the gradient or theta went beyond the limit {limit:g} in step {self.step}, {after}"
        values = self._values()
        for what, value in values:
            if not np.isfinite(value):
                return f"{what} is {value} in step {self.step}, {after}"
        for name, value in values[-len(self.names) :]:  # the new theta
            if not abs(value) <= limit:
                return f"|{name}| = {abs(value):g} is beyond the limit {limit:g} in step {self.step}, {after}"
        return f"a state left the finite numbers {after}"

    def _is_special(self) -> bool:
        """Return whether the step holds what is not taken again here: what was drawn, values, linear equations."""
        job = self.blocks.job
        kinds = {stage.kind for stage in self.update.stages}
        return job.noise > 0 or job.batches is not None or self.update.draws > 0 or bool(kinds & {"value", "solve"})

    def _values(self) -> list[tuple[str, float]]:
        """Return the step's quantities in the order of computing, each with its name."""
        found: list[tuple[str, float]] = []
        own = self._inputs()
        n = len(self.names)
        for stage in self.update.stages:
            output: Key = ("point" if stage.kind == "grad" else "summand", stage.number)
            parts = [float(evaluate(self.update.program.only([output]), inputs)[output]) for inputs in own]
            if stage.kind == "grad":
                values = self._gradient(parts)
                found += [(f"dJ/d{name}", value) for name, value in zip(self.names, values, strict=True)]
            else:
                values = [sum(parts)] * n
                found.append(("a sum over the parameters", values[0]))
            for inputs, value in zip(own, values, strict=True):
                inputs[stage.kind, stage.number] = value
        new = [evaluate(self.update.program.only([("new", s) for s in self._states()]), inputs) for inputs in own]
        for state in self._states():
            named = zip(self.names, new, strict=True)
            found += [
                (name if state == "theta" else f"{state} of {name}", float(values["new", state]))
                for name, values in named
            ]
        return found

    def _states(self) -> list[str]:
        return [*(s.name for s in self.update.states), "theta"]

    def _gradient(self, point: Sequence[float]) -> list[float]:
        constants = {key[1]: value for key, value in self.constants.items() if key[0] == "c"}
        return [float(slope) for slope in self.gradient(np.array(point), constants)]

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
