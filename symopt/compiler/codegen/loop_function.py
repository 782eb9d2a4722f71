"""A program with sums as a compiled function of many points at once.

A point is a record of theta, a direction and the cost's constants; what comes back is a record
of the value and of the gradient. Stored arrays lie behind the points and serve one after another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from symopt.compiler.codegen.loop_nest import Nest
from symopt.compiler.codegen.memory import Arrays, Memory
from symopt.compiler.codegen.printer import (
    CONSTANT,
    LANE,
    Printer,
    function_source,
    label,
    loop,
    module_source,
)
from symopt.compiler.codegen.wide_range import everywhere
from symopt.compiler.jit import cache
from symopt.ir.keys import Constant, Key
from symopt.ir.program import Graph, IndexValue, Load, Name, Program
from symopt.lazy import cached_property
from symopt.validation import Array


@dataclass(frozen=True)
class LoopFunction:
    """A compiled program with sums.

    Attributes
    ----------
    program
        Its output ``"J"``, if there is one, and its statements are computed.
    arrays
        The parameter arrays ("x", name), in the order of theta.
    constants
        The names of constants, in order.
    data
        The data arrays ("data", name) and their kinds: f for numbers, i for integers.
    """

    program: Program
    arrays: Sequence[Name]
    constants: Sequence[str]
    data: Mapping[Name, str]

    @cached_property
    def stored(self) -> list[Name]:
        """The arrays that are stored on the way."""
        return list(dict.fromkeys(s.array for s in self.program.statements if s.array[0] != "g"))

    @cached_property
    def _printed(self) -> tuple[str, dict[Key, str]]:
        places = self._places()
        graph = Graph()
        nodes = graph.inline(self.program, graph.input)
        cells = {Constant(name): f"c[{k}]" for k, name in enumerate(self.constants)}
        level = lambda key: LANE if isinstance(key, Load | IndexValue) else CONSTANT  # noqa: E731
        printer = Printer(graph, level, lambda key: places.input(key) or cells[key])  # type: ignore[index]
        constants: list[str] = []
        nest = Nest(printer, places, constants, constants, lanes=1)
        wanted = []
        if "J" in nodes:
            wanted = [nodes["J"]]
        body = nest.write(self.program.statements, nodes, wanted)
        body += [f"value[0] = {nest.text(node)}" for node in wanted]
        names = [f"w{k}" for k in range(len(self.stored))]
        data = [f"d{k}" for k in range(len(self.data))]
        inside = ["theta", "v", "c", "value", "g", "plan", *names, *data]
        loads = [
            *(f"# {name}: {label(key)}" for name, key in zip(data, self.data, strict=True)),
            *places.loads(4),
        ]
        one = function_source("one", inside, [*loads, *constants, *body])
        parts = ["view(block, at)", "view(block, at + plan[1])", "view(block, at + 2*plan[1])"]
        parts += ["view(out, to)", "view(out, to + 1)", "plan"]
        first = 4 + len(places.integers)
        parts += [f"view(block, plan[{first + k}])" for k in range(len(names))] + data
        lines = ["at = point*plan[2]", "to = point*plan[3]", f"one({', '.join(parts)})"]
        kinds = "".join(self.data.values())
        source = module_source(
            "evaluate", loop("point", "plan[0]", lines), printer.functions, parts=[one], data=kinds
        )
        return source, places.integers

    def _places(self) -> Arrays:
        kinds = {"x": "theta", "v": "v", "g": "g"}
        memory = {
            (kind, array[1]): Memory(variable, like=array, offset=True)
            for kind, variable in kinds.items()
            for array in self.arrays
        }
        memory |= {
            name: Memory(f"w{k}", like=("where", name[1])) for k, name in enumerate(self.stored)
        }
        memory |= {
            name: Memory(f"d{k}", laned=False, whole=kind == "i")
            for k, (name, kind) in enumerate(self.data.items())
        }
        return Arrays(memory, lanes=1)

    @property
    def source(self) -> str:
        """The generated Python."""
        return self._printed[0]

    @property
    def integers(self) -> list[Key]:
        """The integers that it is given when it runs."""
        return list(self._printed[1])

    @cached_property
    def everywhere(self) -> LoopFunction | None:
        """The function for points beyond the fast sines and remainders, if it has any."""
        program = everywhere(self.program)
        if program is None:
            return None
        return replace(self, program=program)

    def __call__(
        self,
        points: Array,
        direction: Array | None,
        constants: Array,
        *,
        integers: Mapping[Key, int],
        stored: Mapping[Name, int],
        data: Sequence[npt.NDArray[np.generic]],
    ) -> tuple[Array, Array]:
        """Return the values, shape (N,), and gradients, shape (N, P), at points of shape (N, P).

        ``constants`` has shape (N, C); ``integers`` gives sizes, offsets and strides, ``stored``
        how many numbers each stored array holds.
        """
        count, width = points.shape
        moved = np.zeros_like(points) if direction is None else direction
        records = np.concatenate([points, moved, constants], axis=1)
        plan = [
            count,
            width,
            records.shape[1],
            width + 1,
            *(integers[key] for key in self._printed[1]),
        ]
        place = records.size
        for name in self.stored:
            plan.append(place)
            place += stored[name]
        block = np.zeros(max(place, 1))
        block[: records.size] = records.ravel()
        out = np.zeros((count, width + 1))
        cache.kernel(self.source)(block, np.array(plan), out.reshape(-1), *data)
        lost = np.isnan(out).any(axis=1) if self.everywhere else np.zeros(0, dtype=bool)
        if self.everywhere and lost.any():
            value, slopes = self.everywhere(
                points[lost],
                moved[lost],
                constants[lost],
                integers=integers,
                stored=stored,
                data=data,
            )
            out[lost] = np.column_stack([value, slopes])
        return out[:, 0], out[:, 1:] + 0.0  # sums begin at -0.0
