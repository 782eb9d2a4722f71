"""Why a run of a kernel ended: a step that failed is replayed, quantity by quantity."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from symopt.compiler.runtime.blocks import BlockBatch
from symopt.compiler.runtime.interpreter import evaluate
from symopt.compiler.runtime.job import Outcome
from symopt.costs.nonfinite import why_slope, why_value
from symopt.costs.objective import BoundObjective
from symopt.ir.keys import (
    BasePoint,
    Constant,
    Corner,
    Direction,
    Factor,
    Given,
    Hyper,
    Key,
    NewState,
    OldState,
    Place,
    Point,
    Power,
    RightSide,
    Scale,
    Shift,
    Stretch,
    Summand,
)
from symopt.ir.update import Stage, Update
from symopt.rules.fault import fault
from symopt.runs.boxes import Box
from symopt.runs.termination import (
    Status,
    beyond_in_step,
    budget_spent,
    describe_interruption,
    describe_place,
    gradient_within,
    loss_beyond,
    loss_not_finite,
    not_finite_in_step,
)
from symopt.validation import Array

MOST_REPLAYED = 2000  # coordinates of a step that is taken again in plain Python
ROUNDING = 2.0**-52
NOT_TWICE = "J is not twice differentiable there as it is written"

Inputs = dict[Key, float]


class Quantity(NamedTuple):
    """A number that a step computes, with its name and what explains it where it is not finite."""

    name: str
    value: float
    why: Callable[[], str]


def explain_end(
    status: str, run: int, blocks: BlockBatch, outcome: Outcome, bound: BoundObjective
) -> str:
    """Say why a run ended; a failed step is replayed to name what failed."""
    steps = int(outcome.steps[run])
    box = box_of_run(run, blocks, outcome)
    ends = {
        Status.BUDGET: lambda: budget_spent(steps),
        Status.INTERRUPTED: lambda: describe_interruption(steps, blocks.job.steps),
        Status.CONVERGED: lambda: gradient_within(
            blocks.job.tolerance, steps, projected=box is not None
        ),
    }
    if status in ends:
        place = box.describe(outcome.iterate[run], bound.sizes) if box else ""
        return ", ".join(filter(None, (ends[Status(status)](), place)))
    labels = bound.sizes.labels()
    replay = Replay(run=run, blocks=blocks, outcome=outcome, bound=bound, labels=labels)
    return replay.explain()


def box_of_run(run: int, blocks: BlockBatch, outcome: Outcome) -> Box | None:
    """Return the bounds of theta in a run, if it has any."""
    names = blocks.kernel.update.box
    if names is None:
        return None
    low, high = (outcome.states[name][run] for name in names)
    return Box(low, high)


@dataclass(frozen=True, kw_only=True)
class Replay:
    """One step of one run, quantity by quantity, from where the run stopped.

    The interpreter of programs evaluates the equations of the rule, coordinate by coordinate; the
    cost gives what each stage takes from it. (The kernel itself cannot be asked: it names no
    quantity, and in plain Python its sums over data take minutes.)
    """

    run: int
    blocks: BlockBatch
    outcome: Outcome
    bound: BoundObjective
    labels: Sequence[str]

    @property
    def update(self) -> Update:
        """The step that the kernel makes."""
        return self.blocks.kernel.update

    @property
    def step(self) -> int:
        """The number of the step that failed."""
        return int(self.outcome.steps[self.run]) + 1

    @property
    def constants(self) -> dict[str, float]:
        """The constants of the cost in this run."""
        given = self.blocks.job.given
        return {
            key.which: of_run(value, self.run)
            for key, value in given.items()
            if isinstance(key, Constant)
        }

    def explain(self) -> str:
        """Say what left the finite numbers, or the limit, first."""
        limit = self.blocks.job.limit
        iterate = self.outcome.iterate[self.run]
        where = describe_place(iterate, self.labels, self.step - 1)
        loss = float(self.outcome.loss[self.run])
        if not np.isfinite(loss):
            return loss_not_finite(loss, where, why_value(self.bound, iterate, self.constants))
        if abs(loss) > limit:
            return loss_beyond(loss, limit, where)
        if len(iterate) > MOST_REPLAYED or self._is_random():
            return self._leave_unexplained(where)
        return self._explain_step(where)

    def _explain_step(self, where: str) -> str:
        limit = self.blocks.job.limit
        quantities = self.quantities()
        for name, value, why in quantities:
            if not np.isfinite(value):
                return not_finite_in_step(name, value, self.step, where=where, why=why())
        for name, value, _ in quantities[-len(self.labels) :]:  # the new theta
            if not abs(value) <= limit:
                return beyond_in_step(name, value, limit, step=self.step, where=where)
        return f"a state left the finite numbers {where}"

    def _is_random(self) -> bool:
        """Tell whether the step holds what was drawn, which is not drawn again here."""
        job = self.blocks.job
        return job.noise > 0 or job.batches is not None or self.update.draws > 0

    def _leave_unexplained(self, where: str) -> str:
        """Say that a step failed which is too long to take again, or random."""
        what = "the gradient or theta"
        if self.update.states:
            what = "the gradient, a state or theta"
        limit = f"{self.blocks.job.limit:g}"
        return (
            f"{what} is no finite number or beyond the limit {limit} in step {self.step}, {where}"
        )

    def quantities(self) -> list[Quantity]:
        """Take the step, and list what it computes in the order of computing; theta last."""
        found: list[Quantity] = []
        coordinates = self._inputs()
        take = {
            "grad": self._gradient,
            "value": self._value,
            "sum": self._sum,
            "solve": self._solve,
            "hvp": self._product,
        }
        for stage in self.update.stages:
            results = take[stage.kind](stage, coordinates)
            found += results
            for k, inputs in enumerate(coordinates):
                inputs[stage.key] = results[k if stage.per_coordinate else 0].value
        names = [state.name for state in self.update.states]
        for name in (*names, "theta"):
            found += self._new_values(name, coordinates)
        return found

    def _new_values(self, state: str, coordinates: Sequence[Inputs]) -> Iterator[Quantity]:
        """Yield the next value of a state for each coordinate."""
        key = NewState(state)
        values = self._outputs(key, coordinates)
        for label, inputs, value in zip(self.labels, coordinates, values, strict=True):
            name = label if state == "theta" else f"{state} of {label}"
            why = partial(fault, self.update.program, key, inputs)
            yield Quantity(name, float(value), why)

    def _outputs(self, key: Key, coordinates: Sequence[Inputs]) -> Array:
        """Evaluate an output of the rule's program for each coordinate."""
        program = self.update.program.only([key])
        return np.array(
            [evaluate(program, inputs)[key] for inputs in coordinates], dtype=np.float64
        )

    def _gradient(self, stage: Stage, coordinates: Sequence[Inputs]) -> list[Quantity]:
        point = self._outputs(Point(stage.number), coordinates)
        slopes = self.bound.exact_gradient(point, self.constants)
        return [
            Quantity(f"dJ/d{label}", float(slope), partial(self._why_slope, point, k))
            for k, (label, slope) in enumerate(zip(self.labels, slopes, strict=True))
        ]

    def _why_slope(self, point: Array, entry: int) -> str:
        why = why_slope(self.bound, point, self.constants, entry=entry)
        return why or "J is not differentiable there as it is written"

    def _value(self, stage: Stage, coordinates: Sequence[Inputs]) -> list[Quantity]:
        point = self._outputs(Place(stage.number), coordinates)
        return [Quantity("J", self.bound.exact_value(point, self.constants), _no_reason)]

    def _sum(self, stage: Stage, coordinates: Sequence[Inputs]) -> list[Quantity]:
        """Sum over the parameters; its first summand that is not finite explains it."""
        key = Summand(stage.number)
        parts = self._outputs(key, coordinates)
        why: Callable[[], str] = _no_reason
        lost = np.flatnonzero(~np.isfinite(parts))
        if len(lost):
            why = partial(fault, self.update.program, key, dict(coordinates[lost[0]]))
        return [Quantity("a sum over the parameters", sum(parts.tolist()), why)]

    def _solve(self, stage: Stage, coordinates: Sequence[Inputs]) -> list[Quantity]:
        """Solve the linear equations of the step."""
        corner = self._outputs(Corner(stage.number), coordinates)
        right = self._outputs(RightSide(stage.number), coordinates)
        scale = self._outputs(Scale(stage.number), coordinates[:1])[0]
        shift = self._outputs(Shift(stage.number), coordinates[:1])[0]
        stretch = self._outputs(Stretch(stage.number), coordinates[:1])[0]
        curvature = self.bound.exact_matrix(stage.matrix, corner, self.constants)
        matrix = scale * curvature + shift * np.eye(len(right))
        matrix += stretch * np.diag(np.diag(curvature))
        solution, why = solve(matrix, right, self.labels)
        return [
            Quantity(f"the step of {label} by linear equations", float(entry), lambda: why)
            for label, entry in zip(self.labels, solution, strict=True)
        ]

    def _product(self, stage: Stage, coordinates: Sequence[Inputs]) -> list[Quantity]:
        """Multiply the Hessian at a point by a vector."""
        point = self._outputs(BasePoint(stage.number), coordinates)
        direction = self._outputs(Direction(stage.number), coordinates)
        why = self._why_product(Direction(stage.number), direction, coordinates)
        products = self.bound.exact_product(point, direction, self.constants)
        return [
            Quantity(f"the entry of {label} in a Hessian times a vector", float(entry), why)
            for label, entry in zip(self.labels, products, strict=True)
        ]

    def _why_product(
        self, key: Key, direction: Array, coordinates: Sequence[Inputs]
    ) -> Callable[[], str]:
        """Explain a product by the first entry of its vector that is not finite, else by J."""
        lost = np.flatnonzero(~np.isfinite(direction))
        if not len(lost):
            return lambda: NOT_TWICE
        return partial(fault, self.update.program, key, dict(coordinates[lost[0]]))

    def _inputs(self) -> list[Inputs]:
        """List, for each coordinate, what the rule's program knows before the step."""
        shared = self._shared_inputs()
        theta = self.outcome.theta[self.run]
        vectors = [state.name for state in self.update.states if state.vector]
        coordinates: list[Inputs] = []
        for k in range(len(self.labels)):
            states: Inputs = {
                OldState(name): self.outcome.states[name][self.run, k] for name in vectors
            }
            coordinates.append({**shared, "theta": theta[k], **states})
        return coordinates

    def _shared_inputs(self) -> Inputs:
        """List what all coordinates share: time, powers, scalar states, hyperparameters."""
        given = {key: of_run(value, self.run) for key, value in self.blocks.job.given.items()}
        before = self._scalars_before()
        time: Inputs = {"t": self.step, "T": self.blocks.job.steps, "n": len(self.labels)}
        shared: Inputs = {**time, **given, **before}
        for k in range(self.update.powers):
            shared[Power(k)] = before[Power(k)] * before[Factor(k)]
        for key, value in given.items():
            if isinstance(key, Given):
                shared[Hyper(key.which)] = value
        computed = evaluate(self.update.hypers, shared)
        return shared | {key: value for key, value in computed.items() if isinstance(key, Hyper)}

    def _scalars_before(self) -> Inputs:
        """List the powers and the scalar states; those of one run stand where it stopped."""
        found: Inputs = dict(self.blocks.replay_scalars(self.run, self.step))
        for state in self.update.states:
            stopped = self.outcome.states[state.name]
            if not state.vector and stopped.size:
                found[OldState(state.name)] = float(stopped[self.run, 0])
        return found


def _no_reason() -> str:
    return ""


def of_run(value: npt.ArrayLike, run: int) -> float:
    """Give one run's value of a number that all share, or of one a run."""
    array = np.asarray(value, dtype=np.float64)
    if array.ndim:
        array = array[run]
    return float(array)


def solve(matrix: Array, right: Array, labels: Sequence[str]) -> tuple[Array, str]:
    """Solve linear equations; give NaN and a reason where the matrix is singular."""
    nowhere = np.full(len(right), np.nan)
    lost = np.argwhere(~np.isfinite(matrix))
    if len(lost):
        row, column = lost[0]
        return nowhere, _bad_entry(matrix, row, column, labels=labels)
    sizes = np.abs(np.linalg.eigvalsh(matrix))
    if sizes.min() <= len(right) * ROUNDING * sizes.max():
        between = f"{sizes.min():.3g} to {sizes.max():.3g}"
        return nowhere, f"their matrix is singular: its eigenvalues are {between} in size"
    return np.asarray(np.linalg.solve(matrix, right), dtype=np.float64), ""


def _bad_entry(matrix: Array, row: int, column: int, labels: Sequence[str]) -> str:
    entry = matrix[row, column]
    words = f"the entry of {labels[row]} and {labels[column]} in their matrix is {entry}"
    if np.isnan(entry):
        words += f"; {NOT_TWICE}"
    return words
