"""A program worked out in plain Python, node by node: the reference for its machine code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from symopt.compiler.codegen.wide_range import everywhere
from symopt.compiler.library import elementary, primitives
from symopt.ir.program import Key, Program

OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "div": lambda a, b: a / b,
    "neg": lambda a: -a, "fma": primitives.fma, "sqrt": primitives.sqrt, "abs": primitives.fabs,
    "floor": primitives.floor,
    "lt": lambda a, b: a < b, "le": lambda a, b: a <= b, "eq": lambda a, b: a == b, "ne": lambda a, b: a != b,
    "and": lambda a, b: a & b, "or": lambda a, b: a | b, "select": lambda c, a, b: a if c else b,
}  # fmt: skip


def evaluate(program: Program, given: Mapping[Key, float]) -> dict[Key, float]:
    """Return every output, with the same bits as the compiled program gives."""
    values = _evaluate(program, given)
    slow = everywhere(program) if any(value != value for value in values.values()) else None
    return values if slow is None else _evaluate(slow, given)


def _evaluate(program: Program, given: Mapping[Key, float]) -> dict[Key, float]:
    values: list[Any] = []
    with np.errstate(all="ignore"):
        for node in program.nodes:
            if node.op == "const":
                values.append(np.float64(node.payload))  # type: ignore[arg-type]
            elif node.op == "input":
                values.append(np.float64(given[node.payload]))  # type: ignore[index]
            else:
                function = OPERATIONS.get(node.op) or getattr(elementary, node.op)
                values.append(function(*(values[arg] for arg in node.args)))
    return {key: values[number] for key, number in program.outputs.items()}
