"""The values of a schedule at steps, as a run has them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
import sympy as sp

from symopt.compiler.runtime.interpreter import evaluate
from symopt.frontend.expressions import lower
from symopt.ir.program import Graph, Program
from symopt.passes.fma import write_out_powers
from symopt.validation import Array


def values_of(schedule: sp.Expr, at: npt.ArrayLike, steps: int) -> Array:
    """Return a schedule at some steps of a run, by the operations that the run has."""
    program = _program(schedule)
    return np.array(
        [
            evaluate(program, {"t": float(step), "T": float(steps)})["value"]
            for step in np.asarray(at)
        ]
    )


@lru_cache(maxsize=1024)
def _program(schedule: sp.Expr) -> Program:
    graph = Graph()
    value = lower(graph, schedule, lambda symbol: graph.input(str(symbol)))
    return write_out_powers(graph.program({"value": value}))
