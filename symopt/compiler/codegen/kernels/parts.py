"""The parts that a kernel is put together from: what each of them answers.

A *cost emitter* evaluates the cost, a *step emitter* observes and updates, and *rows* say where a
number lies and how loops over lanes and coordinates are written.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from symopt.ir.keys import Key
from symopt.ir.update import Stage


class Evaluation(NamedTuple):
    """Statements that evaluate the cost: before and inside the loop over lanes, and the result."""

    outside: list[str]
    inside: list[str]
    text: str


class Rows(Protocol):
    """Where the numbers of a block lie, spelled in the kernel language."""

    header: str
    """How many integers of the plan come before the steps to record."""

    def at(self, key: Key, k: int = 0) -> str:
        """Return the text of row k of a key, in the lane of the loop around."""

    def each(self, key: Key) -> str:
        """Return the text of a row in the coordinate and the lane of the loops around."""

    def cell(self, key: Key) -> str:
        """Return the text of a number that all lanes share."""

    def count(self) -> str:
        """Return the text of the number of coordinates."""

    def numbers(self, iterate: Key) -> tuple[str, str]:
        """Return how many numbers the iterate holds, and the text of its number i."""

    def coordinates(self, body: list[str]) -> list[str]:
        """Write a loop over coordinates and lanes."""

    def input(self, key: Key) -> str | None:
        """Return the text of an input that is an entry of an array or a size, else None."""

    def binding_time(self, key: Key) -> int | None:
        """Return when such an input is known, else None."""


class CostEmitter(Protocol):
    """Writes evaluations of the cost."""

    whole: str
    """The test of whether the loss is of all samples, where it can be of a batch."""

    def evaluate(self, point: Key, value: bool, stage: Stage | None) -> Evaluation:
        """Evaluate at rows of points: the value, and the gradient for a stage."""

    def value_for_rule(self, point: Key) -> Evaluation:
        """Evaluate the value that the rule sees, which may be of a batch."""

    def flatness(self) -> Evaluation:
        """Test whether no component of the gradient is beyond the tolerance."""

    def prelude(self) -> list[str]:
        """Write what a step begins with, such as where its samples are."""

    def product(self, stage: Stage) -> Evaluation:
        """Evaluate the Hessian at rows of points, times rows of directions, for a stage."""

    def solve(self, stage: Stage) -> list[str]:
        """Solve the linear equations of a stage, with a matrix of the cost."""


class StepEmitter(Protocol):
    """Writes one step: the loss is observed, then theta and the states are updated."""

    def begin(self) -> list[str]:
        """Write what every step begins with."""

    def step(self) -> list[str]:
        """Observe and update all lanes once."""

    def end(self) -> list[str]:
        """Write what every call of the kernel ends with."""
