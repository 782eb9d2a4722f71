"""The operation of a program that loses most digits: doubles beside 50 digits, node by node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import mpmath as mp
import numpy as np

from symopt.diagnosis.interpreter import Place
from symopt.diagnosis.looks import Run, text_of
from symopt.diagnosis.precisely import both
from symopt.ir.index import Loop
from symopt.ir.keys import Key
from symopt.ir.program import Node, Program

T = TypeVar("T")
ROUNDING = 2.0**-53
LEAST = 1.0  # digits: what loses less is not worth a word


@dataclass(frozen=True)
class Loss:
    """The operation that loses most digits.

    Attributes
    ----------
    text
        The operation as an expression.
    values
        The values of its arguments.
    digits
        How many decimal digits its own result has lost beyond its arguments.
    place
        Where the sums around it stand, as "i = 3".
    """

    text: str
    values: tuple[float, ...]
    digits: float
    place: str = ""

    def __str__(self) -> str:
        values = ""
        if self.values:
            values = f", at {', '.join(f'{value:.6g}' for value in self.values)}"
        term = ""
        if self.place:
            term = f", in the term {self.place}"
        return f"{self.text} loses {self.digits:.1f} digits{values}{term}"


def largest_loss(program: Program, run: Run, names: Mapping[Key, str]) -> Loss | None:
    """Return the operation that loses most digits beyond those of its arguments, if one does."""
    watching = _Watching(program)
    interpreter = run(program, both, watching)
    interpreter.carry_out()
    for key in watching.values:
        interpreter.output(key)
    return watching.loss(names)


class _Watching:
    """Told of every node in both arithmetics."""

    def __init__(self, program: Program) -> None:
        self.nodes, self.outputs = list(program.nodes), list(program.outputs.values())
        stored = {statement.key for statement in program.statements}
        self.values = [key for key in program.outputs if key not in stored]
        self._errors: dict[int, float] = {}
        self._lost: dict[int, tuple[float, list[Any], Place]] = {}
        self._taken: dict[int, set[int]] = {}

    def __call__(self, number: int, args: list[Any], value: Any, place: Place) -> None:
        if isinstance(value[0], bool | np.bool_):
            return
        error, node = _error(value), self.nodes[number]
        if place:
            self._errors[number] = max(error, self._errors.get(number, 0.0))
        else:
            self._errors[number] = error
        if node.op == "select":
            self._taken.setdefault(number, set()).add(_chosen(node.args, args[0][0]))
        before = max([ROUNDING, *self._before(node, args)])
        lost = float(np.log10(max(error, ROUNDING) / before))
        if lost > self._lost.get(number, (LEAST,))[0]:
            self._lost[number] = lost, args, dict(place)

    def _before(self, node: Node, args: list[Any]) -> list[float]:
        """Return the errors of the arguments that count: of terms, or of the chosen branch."""
        if isinstance(node.payload, Loop):
            return [self._errors.get(node.args[0], 0.0)]
        if node.op == "select":
            args = [_chosen(args, args[0][0])]
        return [_error(arg) for arg in args if not isinstance(arg[0], bool | np.bool_)]

    def loss(self, names: Mapping[Key, str]) -> Loss | None:
        """Return the operation that lost most, of those that results are made of."""
        candidates = [number for number in self._used() if number in self._lost]
        if not candidates:
            return None
        number = max(candidates, key=lambda one: (self._lost[one][0], -one))
        lost, args, place = self._lost[number]
        where = ", ".join(f"{loop.name} = {k}" for loop, k in place.items())
        return Loss(
            text_of(self.nodes, number, names), tuple(float(arg[0]) for arg in args), lost, where
        )

    def _used(self) -> set[int]:
        """Return the nodes that outputs are made of; a branch that is never taken is not."""
        used, stack = set(self.outputs), list(self.outputs)
        while stack:
            number = stack.pop()
            new = (self._taken.get(number) or set(self.nodes[number].args)) - used
            used |= new
            stack += new
        return used


def _chosen(args: Sequence[T], condition: Any) -> T:
    """Give the argument of a select that its condition takes."""
    _, yes, no = args
    if condition:
        return yes
    return no


def _error(pair: tuple[Any, Any]) -> float:
    """Return the relative error of a double, at most 1."""
    value, exact = float(pair[0]), pair[1]
    if not mp.isfinite(exact) or value == float(exact):
        return 0.0
    if exact == 0 or not np.isfinite(value):
        return 1.0
    return min(1.0, float(abs(mp.mpf(value) - exact) / abs(exact)))
