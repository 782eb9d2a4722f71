"""A cost along a ray, as a series: its program worked out in power series, branch by branch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import mpmath as mp
import numpy as np
import numpy.typing as npt

from symopt.diagnosis.interpreter import Interpreter
from symopt.diagnosis.rays import Expansion
from symopt.diagnosis.series import DIGITS, OPERATIONS, NoSeriesError, Series, constant, ray
from symopt.ir.keys import Constant, Key, Parameter
from symopt.ir.program import Name, Node, Program
from symopt.validation import Array


class Sizes(Protocol):
    """What is asked of the sizes of a call."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """The number that each size symbol stands for."""

    def split(self, theta: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        """Return theta as arrays by name."""


def expand_closed_form(value: Program, point: Array, constants: Mapping[str, float]) -> Expansion:
    """Return the series along rays from a point of a cost that is written out."""
    given = _constants(constants)

    def along(direction: Array) -> Series:
        moving: dict[Key, Series] = {
            Parameter(k): one for k, one in enumerate(_rays(point, direction))
        }
        return _series(Interpreter(value, operation, {**given, **moving}))

    return along


def expand_sums(
    value: Program,
    point: Array,
    constants: Mapping[str, float],
    sizes: Sizes,
    data: Mapping[str, npt.NDArray[Any]],
) -> Expansion:
    """Return the series along rays from a point of a cost with sums."""
    given = _constants(constants)
    with mp.workdps(DIGITS):
        fixed: dict[Name, npt.NDArray[Any]] = {
            ("data", name): _constants_of(array) for name, array in data.items()
        }

    def along(direction: Array) -> Series:
        entries = np.empty(len(point), dtype=object)
        entries[:] = _rays(point, direction)
        arrays = {("x", name): array for name, array in sizes.split(entries).items()}
        return _series(Interpreter(value, operation, given, {**fixed, **arrays}, sizes.sizes))

    return along


def _constants_of(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if array.dtype.kind == "i":
        return array
    made = np.empty(array.shape, dtype=object)
    made.reshape(-1)[:] = [constant(float(number)) for number in array.reshape(-1)]
    return made


def _constants(constants: Mapping[str, float]) -> dict[Key, Series]:
    return {Constant(name): constant(float(number)) for name, number in constants.items()}


def _rays(point: Array, direction: Array) -> list[Series]:
    return [ray(float(start), float(step)) for start, step in zip(point, direction, strict=True)]


def _series(interpreter: Interpreter) -> Series:
    """Return J as a series.

    Raises
    ------
    NoSeriesError
        If it has none.
    """
    result = interpreter.output("J")
    if result is None:
        raise NoSeriesError
    assert isinstance(result, Series)
    return result


def operation(node: Node, args: list[Any]) -> Any:
    """Return a series or a truth value, or None where there is none."""
    try:
        with mp.workdps(DIGITS):
            return _operation(node, args)
    except (NoSeriesError, ArithmeticError, ValueError):
        return None


def _operation(node: Node, args: list[Any]) -> Any:
    if node.op == "const":
        return constant(node.payload)
    if node.op == "select":
        condition, yes, no = args
        if condition is None:
            return None
        if condition:
            return yes
        return no
    if node.op == "ne" and args[0] is args[1] and args[0] is not None:
        return False  # asked of each argument of Max and Min: a series is never NaN
    if node.op == "vanishing" and args[0] == Series({}):
        return args[0]
    if None in args:
        return None
    return OPERATIONS[node.op](*args)
