"""Interpreters of a cost's programs at one point, in any arithmetic: exact, in series, watched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from symopt.diagnosis.interpreter import Interpreter
from symopt.diagnosis.looks import Run
from symopt.ir.keys import Constant, Key, Parameter
from symopt.ir.program import Name, Node, Program
from symopt.validation import Array

Operation = Callable[[Node, list[Any]], Any]


def scalar_interpreters(point: Array, constants: Mapping[str, float]) -> Run:
    """Give a maker of interpreters of a closed form's programs at one point."""

    def run(program: Program, operation: Operation, watch: Any) -> Interpreter:
        lift = _lifting(operation)
        given = _constants(constants, lift)
        given |= {Parameter(k): lift(value) for k, value in enumerate(point.tolist())}
        return Interpreter(program, operation, given, watch=watch)

    return run


def array_interpreters(
    arrays: Mapping[Name, npt.NDArray[Any]],
    sizes: Mapping[str, int],
    constants: Mapping[str, float],
) -> Run:
    """Give a maker of interpreters of programs with loops over arrays."""

    def run(program: Program, operation: Operation, watch: Any) -> Interpreter:
        lift = _lifting(operation)
        lifted: Any = {name: Lifted(array, lift) for name, array in arrays.items()}
        given = _constants(constants, lift)
        return Interpreter(program, operation, given, arrays=lifted, sizes=sizes, watch=watch)

    return run


def _lifting(operation: Operation) -> Callable[[float], Any]:
    return lambda value: operation(Node("const", (), float(value)), [])


def _constants(constants: Mapping[str, float], lift: Callable[[float], Any]) -> dict[Key, Any]:
    return {Constant(name): lift(value) for name, value in constants.items()}


class Lifted:
    """An array whose entries enter an arithmetic when they are read; whole numbers stay such."""

    def __init__(self, array: npt.NDArray[Any], lift: Callable[[float], Any]) -> None:
        self.array = array
        self.lift = lift
        self.shape = array.shape

    def __getitem__(self, at: tuple[int, ...]) -> Any:
        entry = self.array[at]
        if isinstance(entry, np.integer):
            return entry
        return self.lift(float(entry))
