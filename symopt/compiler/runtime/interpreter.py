"""A program worked out in plain Python, node by node: the reference for its machine code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from symopt.compiler.codegen.wide_range import everywhere
from symopt.compiler.library import elementary, primitives
from symopt.ir.keys import Key
from symopt.ir.ops import OPERATIONS
from symopt.ir.program import Program

PRIMITIVES: dict[str, Callable[..., Any]] = {
    "fma": primitives.fma,
    "sqrt": primitives.sqrt,
    "abs": primitives.fabs,
    "floor": primitives.floor,
}
"""Single instructions whose value in Python the library gives."""


def value_of(op: str) -> Callable[..., Any]:
    """Return what gives the value of an operation: the table, an instruction, or the library."""
    own = OPERATIONS[op].evaluate or PRIMITIVES.get(op)
    return own or getattr(elementary, op)


def evaluate(program: Program, given: Mapping[Key, float]) -> dict[Key, float]:
    """Return every output, with the same bits as the compiled program gives."""
    values = _evaluate(program, given)
    slow = None
    if any(value != value for value in values.values()):
        slow = everywhere(program)
    if slow is None:
        return values
    return _evaluate(slow, given)


def _evaluate(program: Program, given: Mapping[Key, float]) -> dict[Key, float]:
    values: list[Any] = []
    with np.errstate(all="ignore"):
        for node in program.nodes:
            if node.op == "const":
                values.append(np.float64(node.payload))  # type: ignore[arg-type]
            elif node.op == "input":
                values.append(np.float64(given[node.payload]))  # type: ignore[index]
            else:
                values.append(value_of(node.op)(*(values[arg] for arg in node.args)))
    return {key: values[number] for key, number in program.outputs.items()}
