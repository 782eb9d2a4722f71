"""A program as a compiled function of many points at once.

Points go in as rows of ``count`` numbers, one row for each input; outputs come back as rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from symopt.compiler.codegen.printer import LANE, Printer, loop, module_source
from symopt.compiler.codegen.wide_range import everywhere
from symopt.compiler.jit import cache
from symopt.ir.keys import Key
from symopt.ir.program import Graph, Program
from symopt.lazy import cached_property
from symopt.validation import Array


@dataclass(frozen=True)
class Function:
    """A compiled program.

    Attributes
    ----------
    program
        What is computed; its outputs are the rows of the result, in order.
    inputs
        The keys of the inputs, in order, and how each is called in the source.
    labels
        How the user calls them; they stand in comments, escaped.
    """

    program: Program
    inputs: Mapping[Key, str]
    labels: Mapping[Key, str]

    @cached_property
    def source(self) -> str:
        """The generated Python."""
        graph = Graph()
        outputs = graph.inline(self.program, graph.input)
        printer = Printer(graph, lambda _: LANE, lambda key: self.inputs[key])
        lines: list[str] = []
        constants: list[str] = []
        texts = printer.write(outputs.values(), (constants, [], lines, lines), {})
        loads = [
            f"{name} = block[{_place(k)}]  # {ascii(self.labels[key])[1:-1]}"
            for k, (key, name) in enumerate(self.inputs.items())
        ]
        stores = [
            f"out[{_place(k)}] = {text}  # {_label(key, self.labels)}"
            for k, (key, text) in enumerate(zip(self.program.outputs, texts, strict=True))
        ]
        body = ["count = plan[0]", *constants, *loop("i", "count", [*loads, *lines, *stores])]
        return module_source("evaluate", body, printer.functions)

    @cached_property
    def everywhere(self) -> Function | None:
        """The function for points beyond the fast sines and remainders, if it has any."""
        program = everywhere(self.program)
        if program is None:
            return None
        return replace(self, program=program)

    def __call__(self, values: Mapping[Key, npt.ArrayLike]) -> dict[Key, Array]:
        """Evaluate at points; the inputs are broadcast against each other."""
        arrays = np.broadcast_arrays(
            *(np.asarray(values[key], dtype=np.float64) for key in self.inputs)
        ) or [np.zeros(())]
        shape = arrays[0].shape
        block = np.ascontiguousarray(np.stack([array.ravel() for array in arrays]).ravel())
        count = int(np.prod(shape))
        out = np.empty((max(len(self.program.outputs), 1), count))
        cache.kernel(self.source)(block, np.array([count]), out.reshape(-1))
        if self.everywhere:
            lost = np.isnan(out).any(axis=0)
        else:
            lost = np.zeros(0, dtype=bool)
        if self.everywhere and lost.any():
            again = self.everywhere(
                {key: array.ravel()[lost] for key, array in zip(self.inputs, arrays, strict=True)}
            )
            out[:, lost] = list(again.values())
        return {key: row.reshape(shape) for key, row in zip(self.program.outputs, out, strict=True)}


def _place(k: int) -> str:
    if k == 0:
        return "i"
    if k == 1:
        return "count + i"
    return f"{k}*count + i"


def _label(key: Key, labels: Mapping[Key, str]) -> str:
    """Return what an output is, in words for a comment."""
    if isinstance(key, str):
        return key
    along = " d".join(ascii(labels["x", k])[1:-1] for k in key[1:])
    return f"{'dJ' if len(key) == 2 else 'd2J'}/d{along}"
