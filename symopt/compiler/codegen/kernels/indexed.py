"""Kernels of a cost with sums: the cost is loops, and any number of parameters is served.

What has a row for each parameter, and what a cost stores, are arrays of their own: the entry takes
them from the block and calls ``steps``, in which LLVM knows that no two of them overlap.
"""

from __future__ import annotations

from symopt.compiler.codegen.kernels.base import PROBED
from symopt.compiler.codegen.kernels.coordinate_loop import Looped
from symopt.compiler.codegen.layout import RUNNING, Kernel, LoopCost, Options
from symopt.compiler.codegen.loop_nest import Nest
from symopt.compiler.codegen.memory import Arrays, Memory
from symopt.compiler.codegen.printer import LANE, UNIFORM, function_source, indented, label, loop, module_source
from symopt.ir.program import Counter, Key, Name, Program, Read
from symopt.ir.update import Stage, Update
from symopt.passes.minibatch import BATCH, BATCH_SIZE


class Summed(Looped):
    """Writes the evaluations of the cost as loops."""

    def __init__(self, cost: LoopCost, update: Update, options: Options) -> None:
        super().__init__(cost.constants, update, None, options)
        self.cost = cost
        self.program = cost.batch if options.batch and cost.batch is not None else cost.gradient
        self.whole = "whole" if options.batch else ""
        programs = [cost.gradient, self.program]
        self.stored: list[Name] = list(
            dict.fromkeys(s.array for one in programs for s in one.statements if s.array[0] != "g")
        )
        self.data = dict(cost.data) | ({BATCH: "i"} if options.batch else {})
        self.arrays = Arrays(self._memory(), options.lanes)
        self.parts: list[str] = []  # functions of the kernel besides its steps

    rerun = False
    """Whether a step that fails has to be undone by the driver."""

    # Memory

    def _argument(self, key: Key) -> str:
        """Return what a wide part of the block is called as an argument."""
        return self._variable(key)

    def _variable(self, key: Key) -> str:
        """Return the name of a wide part of the block."""
        return key if isinstance(key, str) else f"w{self.layout.wide.index(key)}"

    def _memory(self) -> dict[Name, Memory]:
        """Return where each array lies; those of parameters are called after the rows they lie in."""
        memory: dict[Name, Memory] = {}
        for key in self.layout.wide:
            for like in self.cost.arrays:
                memory[kind_of(key), like[1]] = Memory(self._variable(key), like=like, offset=True)
        memory |= {name: Memory(f"s{k}", like=("where", name[1])) for k, name in enumerate(self.stored)}
        for k, (name, kind) in enumerate(self.data.items()):
            memory[name] = Memory("batch" if name == BATCH else f"d{k}", laned=False, whole=kind == "i")
        return memory

    def _level(self, key: Key) -> int:
        if isinstance(key, Counter) or (isinstance(key, Read) and not self.arrays.memory[key.array].laned):
            return LANE if self.options.lanes == 1 else UNIFORM
        return LANE if isinstance(key, Read) else super()._level(key)

    def _leaf(self, key: Key) -> str:
        if key[0] == "each":
            return f"{self._variable(key[1])}[row + i]"
        return self.arrays.input(key) or super()._leaf(key)

    def _cell(self, key: Key) -> str:
        return f"cells[{self.layout.cells[key]}]"

    def _count(self) -> str:
        return self.arrays.integer("n")

    def _numbers(self) -> tuple[str, str]:
        lanes = self.options.lanes
        return self._count() if lanes == 1 else f"{self._count()}*{lanes}", f"{self._variable(self._iterate)}[i]"

    def _header(self) -> str:
        return "header"

    # The source

    def kernel(self) -> Kernel:
        """Write the whole kernel."""
        body = self._advance()
        if self.draws:
            body.insert(0, f"seed = {self.arrays.integer('seed')}")
        inside = self.arrays.loads(3)
        first = [f"# d{k}: {label(name)}" for k, name in enumerate(self.data)] + ["header = plan[2]"]
        wide: dict[str, Key] = {self._argument(key): ("rows", key) for key in self.layout.wide}
        wide |= {"cells": ("cells",)} | {f"s{k}": ("stored", name) for k, name in enumerate(self.stored)}
        data = [f"d{k}" for k in range(len(self.data))]
        steps = function_source("steps", ["block", "plan", "out", *wide, *data], [*first, *inside, *body])
        parts = [f"part(block, plan[{k + 3 + len(inside)}])" for k in range(len(wide))]
        call = f"steps({', '.join(['block', 'plan', 'out', *parts, *data])})"
        source = module_source(
            "advance", [call], self.printer.functions, [*self.parts, steps], "".join(self.data.values())
        )
        integers = (*self.arrays.integers, *wide.values())
        return Kernel(source, self.layout, self.update, self.options, None, integers, tuple(self.stored), self.rerun)

    def _begin(self) -> list[str]:
        """Return the test of whether any lane is still running: blocks at their end cost nothing more."""
        test = f"live = 1.0 if {self._at('status')} == {RUNNING} else live"
        return ["live = 0.0", *loop("i", self.options.lanes, [test])]

    def _steps(self) -> list[str]:
        return self._with_batch(["if live == 1.0:", *indented(super()._steps())])

    def _with_batch(self, lines: list[str]) -> list[str]:
        """Return the statements of a step, after those that say where its samples are."""
        if not self.options.batch:
            return lines
        draws = f"d{list(self.data).index(BATCH)}"
        cell = self._cell_name("T")
        probed = [PROBED] if self.options.tolerance else []  # where a run may end, its loss is that of all samples
        return [
            f"batch = part({draws}, (step - first)*{self.arrays.integer('size', BATCH_SIZE)})",
            f"whole = {' | '.join(['kept', *probed, f'(t > {cell})'])}",
            *lines,
        ]

    # Evaluations

    def _evaluated(self, point: Key, value: bool, stage: Stage | None) -> tuple[list[str], list[str], str]:
        lines, text = self._loops(self.program, point, value, stage)
        if not (value and self.options.batch):
            return lines, [], text
        name = self.printer.fresh("f")
        self.constants.append(f"{name} = empty({self.options.lanes})")
        whole, of_all = self._loops(self.cost.gradient, point, True, None)
        lane = "i" if self.options.lanes > 1 else "0"
        keep = [f"{name}[{lane}] = {of_all}"]
        whole += loop("i", self.options.lanes, keep) if self.options.lanes > 1 else keep
        return [*lines, "if whole:", *indented(whole)], [], f"({name}[{lane}] if whole else {text})"

    def _value(self, point: Key) -> tuple[list[str], list[str], str]:
        lines, text = self._loops(self.program, point, True, None)
        return lines, [], text

    def _loops(self, program: Program, point: Key, value: bool, stage: Stage | None) -> tuple[list[str], str]:
        """Return the loops that evaluate a program at rows of points, and the text of its value."""

        def given(key: Key) -> int:
            if isinstance(key, Read) and key.array[0] == "x":
                key = key._replace(array=(kind_of(point), key.array[1]))
            return self.graph.input(key)

        nodes = self.graph.splice(program, given)
        statements = [
            s._replace(array=(kind_of(("grad", stage.number)), s.array[1])) if stage and s.array[0] == "g" else s
            for s in program.statements
            if stage or s.array[0] == "where"
        ]
        nest = Nest(self.printer, self.arrays, self.constants, self.step, self.options.lanes)
        lines = nest.write(statements, nodes, [nodes["J"]] if value else [])
        return lines, nest.text(nodes["J"]) if value else ""

    def _is_flat(self) -> tuple[list[str], list[str], str]:
        stage = next(stage for stage in self.update.stages if stage.kind == "grad")
        lines, _ = self._loops(self.cost.gradient, self._iterate, False, stage)
        self.constants.append(f"flat = empty({self.options.lanes})")
        slope = self._each(("grad", stage.number))
        lines += loop("i", self.options.lanes, ["flat[i] = 1.0"])
        lines += self._coordinates([f"flat[i] = flat[i] if fabs({slope}) <= {self._cell_name('tolerance')} else 0.0"])
        return lines, [], "(flat[i] == 1.0)"


def kind_of(key: Key) -> str:
    """Return what the arrays that lie in some rows are called."""
    return key if isinstance(key, str) else " ".join(str(part) for part in key)
