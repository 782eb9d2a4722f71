"""Kernels of one run in which gradient and update are one pass over memory.

That is so where every entry of the gradient is complete in one turn of one loop: the update is
part of that turn, and the entry itself is never stored. The new theta goes to another buffer,
since the neighbours still need the old one. Three buffers take turns as the theta of this step,
of the next, and the best so far, which so costs no copy.
"""

from __future__ import annotations

import ast

from symopt.compiler.codegen.kernels.indexed import kind_of
from symopt.compiler.codegen.kernels.single_run import Alone
from symopt.compiler.codegen.layout import LoopCost, Options
from symopt.compiler.codegen.loop_fusion import Scheduler, Task
from symopt.compiler.codegen.loop_nest import Nest
from symopt.compiler.codegen.memory import Memory
from symopt.compiler.codegen.printer import function_source, indented
from symopt.ir.index import Affine, variable
from symopt.ir.program import Graph, Key, Program, Read, Statement
from symopt.ir.update import Update

BUFFERS = ("theta", "next", "best")
"""The rows that take turns."""


def can_fuse(cost: LoopCost, update: Update, options: Options) -> bool:
    """Return whether a rule's one gradient, at theta, is complete entry by entry in one loop over one array."""
    adds = [s for s in cost.gradient.statements if s.kind == "add"]
    plain = [update.program.outputs["point", 0]] if ("point", 0) in update.program.outputs else []
    return (
        not (options.batch or options.noise or options.tolerance or update.draws)
        and update.iterate == "theta"
        and [stage.kind for stage in update.stages] == ["grad"]
        and update.program.nodes[plain[0]].payload == "theta"
        and all(s.array[0] == "g" and len(s.at) == 1 for s in cost.gradient.statements)
        and len(cost.arrays) == 1
        and all(not s.near and len(s.loops) == 1 and s.at == (variable(s.loops[0]),) for s in adds)
        and _is_one_pass(cost.gradient)
    )


def _is_one_pass(program: Program) -> bool:
    """Return whether the value and all of the gradient are found in one loop."""
    graph = Graph()
    nodes = graph.splice(program, graph.input)
    tasks = [Task(s.kind, nodes[s.key], s.loops, s.array, s.at) for s in program.statements]
    return len(Scheduler(graph).schedule(tasks, [nodes["J"]], frozenset(), {}).frames) == 1


class Fused(Alone):
    """Writes the kernel of a single run with the update in the loop of the gradient."""

    def __init__(self, cost: LoopCost, update: Update, options: Options) -> None:
        super().__init__(cost, update, options)
        (self.array,) = cost.arrays
        self.arrays.memory[kind_of(("grad", 0)), self.array[1]] = Memory("slope", single=True)
        self.arrays.memory["next", self.array[1]] = Memory("next", like=self.array, offset=True)
        self.constants += ["now = 0", "held = 2"]

    def _argument(self, key: Key) -> str:
        return f"{key}_buffer" if key in BUFFERS else super()._argument(key)

    def _begin(self) -> list[str]:
        """Return the choice of the buffers of a step: its theta, the next, and the best."""
        live = super()._begin()
        if not self.options.best:
            return [*live, _buffer("theta", "now", 2), "next = next_buffer if now == 0 else theta_buffer"]
        return [
            *live,
            "free = 3 - now - held if now != held else (now + 1 if now < 2 else 0)",
            *(_buffer(name, number, 3) for name, number in (("theta", "now"), ("next", "free"), ("best", "held"))),
        ]

    def _evaluation(self) -> tuple[list[str], str]:
        only, text = self._loops(self.cost.gradient, "theta", True, None)
        turn = self._turn()
        self.constants.append("result = empty(2)")
        lines = [f"if t <= {self._cell_name('T')}:", *indented([turn]), "else:"]
        return [*lines, *indented([*only, f"result[0] = {text}"])], "result[0]"

    def _turn(self) -> str:
        """Write the function that evaluates cost and gradient and updates, and return its call."""
        program, name = self.cost.gradient, self.array[1]

        def given(key: Key) -> int:
            return self.graph.input(
                key._replace(array=("theta", name)) if isinstance(key, Read) and key.array[0] == "x" else key
            )

        nodes = self.graph.splice(program, given)
        slope = kind_of(("grad", 0))
        statements = [s._replace(array=(slope, name)) for s in program.statements]
        zero = next(s for s in statements if s.kind == "define")
        ends = zero.loops[0]._replace(name="end")
        statements += self._updates(nodes, variable(ends), Statement("update", (slope, name), (), (ends,), "J"))
        nest = Nest(self.printer, self.arrays, self.constants, self.step, 1)
        nest.buffers, nest.after = [], self._tests
        lines = nest.write(statements, nodes, [nodes["J"]])
        body = ["worst = 0", *nest.buffers, *lines, f"result[0] = {nest.text(nodes['J'])}"]
        body += ["result[1] = from_bits(worst)"]
        names = free_names(body)
        self.parts.append(function_source("turn", names, body))
        return f"turn({', '.join(names)})"

    def _updates(self, nodes: dict[Key, int], at: Affine, like: Statement) -> list[Statement]:
        """Return what gives theta and the states of a coordinate their next values, as statements of its turn."""
        name = self.array[1]
        own: dict[Key, int] = {("grad", 0): self.graph.input(Read((kind_of(("grad", 0)), name), (at,)))}
        rows: dict[str, Key] = {"theta": "theta"} | {s.name: ("state", s.name) for s in self.update.states if s.vector}
        for row in rows.values():
            own[row] = self.graph.input(Read((kind_of(row), name), (at,)))
        nodes |= self._update([("new", one) for one in rows], own)
        targets = {one: ("next" if one == "theta" else kind_of(row), name) for one, row in rows.items()}
        return [like._replace(array=target, at=(at,), key=("new", one)) for one, target in targets.items()]

    def _keep_best(self) -> list[str]:
        return ["held = now"]

    def _updating(self) -> list[str]:
        now = "free" if self.options.best else "1 - now"
        return ["worst = bits(result[1])", f"now = {now}"]

    def _end(self) -> list[str]:
        """Return the end of a call: every buffer holds again what it is called after."""
        if not self.options.best:
            return ["if now != 0:", *indented(self._coordinates(["theta_buffer[k] = next_buffer[k]"]))]
        chosen = [_buffer("theta", "now", 3), _buffer("best", "held", 3)]
        swap = [
            "last_theta = theta[k]",
            "last_best = best[k]",
            "theta_buffer[k] = last_theta",
            "best_buffer[k] = last_best",
        ]
        return [*chosen, *self._coordinates(swap)]


def _buffer(name: str, number: str, count: int) -> str:
    """Return the statement that calls a buffer by its role."""
    last = f"{BUFFERS[1]}_buffer" if count == 2 else f"({BUFFERS[1]}_buffer if {number} == 1 else {BUFFERS[2]}_buffer)"
    return f"{name} = {BUFFERS[0]}_buffer if {number} == 0 else {last}"


def free_names(lines: list[str]) -> list[str]:
    """Return the variables that some statements need from outside, in the order of their first use."""
    tree = ast.parse("\n".join(lines))
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    stored = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    loaded = sorted((node for node in names if isinstance(node.ctx, ast.Load)), key=lambda n: (n.lineno, n.col_offset))
    return list(dict.fromkeys(node.id for node in loaded if node.id not in stored | called))
