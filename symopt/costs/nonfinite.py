"""Why J, or a slope of it, is no finite number at a point: which function, at which argument, and the cure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from symopt.compiler.codegen.wide_range import everywhere
from symopt.costs.at_point import names, runner
from symopt.diagnosis.interpreter import Interpreter
from symopt.diagnosis.origin import why
from symopt.ir.program import Name, Program
from symopt.passes.fma import contracted
from symopt.validation import Array

Constants = Mapping[str, float]


def why_value(cost: Any, point: Array, sizes: Any, constants: Constants) -> str:
    """Return why J is not finite at a point; empty where that is not known."""
    return _why(contracted(cost._value), lambda interpreter: interpreter.output("J"), cost, point, sizes, constants)


def why_slope(cost: Any, point: Array, sizes: Any, constants: Constants, entry: int) -> str:
    """Return why an entry of the gradient is not finite; empty where that is not known."""

    def wanted(interpreter: Interpreter) -> Any:
        if sizes is None:
            return interpreter.output(("g", entry))
        interpreter.output("J")  # and with it the statements
        return interpreter.stored[_entry(sizes, entry)]

    return _why(cost.program, wanted, cost, point, sizes, constants)


def _entry(sizes: Any, entry: int) -> tuple[Name, tuple[int, ...]]:
    """Return where an entry of the gradient is kept: its array and indices."""
    name, (first, shape) = [part for part in sizes.parts().items() if part[1][0] <= entry][-1]
    return ("g", name), tuple(map(int, np.unravel_index(entry - first, shape))) if shape else ()


def _why(
    program: Program,
    wanted: Callable[[Interpreter], Any],
    cost: Any,
    point: Array,
    sizes: Any,
    constants: Constants,
) -> str:
    reaching = everywhere(program) or program  # where the fast functions have no value, compiled code has one too
    return why(reaching, wanted, runner(cost, point, sizes, constants), names(cost))
