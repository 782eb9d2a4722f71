"""A cost at one point: its programs worked out there, in an arithmetic that is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from symopt.diagnosis.interpreter import Interpreter
from symopt.diagnosis.looks import Run
from symopt.ir.program import Key, Name, Node, Program
from symopt.validation import Array


def runner(cost: Any, point: Array, sizes: Any, constants: Mapping[str, float]) -> Run:
    """Return what makes interpreters at the point."""

    def run(program: Program, operation: Callable[[Node, list[Any]], Any], watch: Any) -> Interpreter:
        def lift(value: float) -> Any:
            return operation(Node("const", (), float(value)), [])

        given: dict[Key, Any] = {("c", name): lift(value) for name, value in constants.items()}
        if sizes is None:
            given |= {("x", k): lift(value) for k, value in enumerate(point.tolist())}
            return Interpreter(program, operation, given, watch=watch)
        arrays: dict[Name, Any] = {("x", name): Lifted(array, lift) for name, array in sizes.split(point).items()}
        arrays |= {("data", name): Lifted(array, lift) for name, array in cost.data.items()}
        return Interpreter(program, operation, given, arrays, sizes.sizes, watch)

    return run


def names(cost: Any) -> dict[Key, str]:
    """Return what the inputs of a cost's programs are called."""
    return {("x", k): p.name for k, p in enumerate(cost.params)} if cost.sums is None else {}


class Lifted:
    """An array whose entries are taken into an arithmetic when they are read; whole numbers stay what they are."""

    def __init__(self, array: npt.NDArray[Any], lift: Callable[[float], Any]) -> None:
        self.array, self.lift, self.shape = array, lift, array.shape

    def __getitem__(self, at: tuple[int, ...]) -> Any:
        entry = self.array[at]
        return entry if isinstance(entry, np.integer) else self.lift(float(entry))
