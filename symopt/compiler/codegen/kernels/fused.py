"""One run in which gradient and update are one pass over memory.

That is so where every entry of the gradient is complete in one iteration of one loop: the update
is part of that iteration, and the entry itself is never stored. The new theta goes to another
buffer, since the neighbours still need the old one. Three buffers take turns as the theta of this
step, of the next, and the best so far, which so costs no copy.
"""

from __future__ import annotations

import ast

from symopt.compiler.codegen.kernel_spec import LoopCost, Options
from symopt.compiler.codegen.kernels.context import KernelContext
from symopt.compiler.codegen.kernels.coordinate_update import CoordinateUpdate
from symopt.compiler.codegen.kernels.loops import Loops
from symopt.compiler.codegen.kernels.rows import array_kind
from symopt.compiler.codegen.kernels.single_run import track_largest
from symopt.compiler.codegen.loop_fusion import Scheduler, Task
from symopt.compiler.codegen.memory import Memory
from symopt.compiler.codegen.printer import function_source, indent
from symopt.ir.index import Affine, variable
from symopt.ir.keys import Gradient, Key, NewState, OldState, Point
from symopt.ir.program import Graph, Load, Program, Statement
from symopt.ir.update import Update

BUFFERS = ("theta", "next", "best")
"""The rows that take turns."""
SLOPE = array_kind(Gradient(0))
"""What the arrays of the one gradient are called."""


def can_fuse(cost: LoopCost, update: Update, options: Options) -> bool:
    """Return whether the rule's one gradient, at theta, is complete entry by entry in one loop."""
    if options.batch or options.noise or options.tolerance or update.draws:
        return False
    if [stage.kind for stage in update.stages] != ["grad"] or update.iterate != "theta":
        return False
    point = update.program.outputs[Point(0)]
    if update.program.nodes[point].payload != "theta":
        return False
    return _is_one_array(cost) and _is_complete_by_entry(cost.gradient) and _is_one_pass(cost)


def _is_one_array(cost: LoopCost) -> bool:
    """Return whether the cost has one parameter array, of one index, and stores nothing."""
    statements = cost.gradient.statements
    return len(cost.arrays) == 1 and all(s.array[0] == "g" and len(s.at) == 1 for s in statements)


def _is_complete_by_entry(gradient: Program) -> bool:
    """Return whether whatever adds to an entry does so in the iteration of that entry."""
    adds = [s for s in gradient.statements if s.kind == "add"]
    return all(not s.near and len(s.loops) == 1 and s.at == (variable(s.loops[0]),) for s in adds)


def _is_one_pass(cost: LoopCost) -> bool:
    """Return whether the value and all of the gradient are found in one loop."""
    program = cost.gradient
    graph = Graph()
    nodes = graph.inline(program, graph.input)
    tasks = [Task(s.kind, nodes[s.key], s.loops, s.array, s.at) for s in program.statements]
    return len(Scheduler(graph).schedule(tasks, [nodes["J"]], frozenset(), {}).fused_loops) == 1


class FusedPass:
    """Evaluation and update in the loop of the gradient."""

    def __init__(self, context: KernelContext, cost: Loops) -> None:
        self.context = context
        self.rows = context.rows
        self.cost = cost
        self.update = CoordinateUpdate(context, cost)
        self.functions: list[str] = []  # of the kernel besides its steps
        ((_, self.name),) = cost.cost.arrays
        memory = cost.wide.arrays.memory
        memory[SLOPE, self.name] = Memory("slope", single=True)
        memory["next", self.name] = Memory("next", like=("x", self.name), offset=True)
        context.constants += ["now = 0", "held = 2"]

    def begin(self) -> list[str]:
        """Choose the buffers of a step: its theta, the next, and the best."""
        if not self.context.options.best:
            return [
                _choose_of_two("theta", "now"),
                "next = next_buffer if now == 0 else theta_buffer",
            ]
        return [
            "free = 3 - now - held if now != held else (now + 1 if now < 2 else 0)",
            _choose_of_three("theta", "now"),
            _choose_of_three("next", "free"),
            _choose_of_three("best", "held"),
        ]

    def end(self) -> list[str]:
        """Swap the buffers back under their names."""
        if not self.context.options.best:
            copy = self.rows.coordinates(["theta_buffer[k] = next_buffer[k]"])
            return ["if now != 0:", *indent(copy)]
        swap = [
            "last_theta = theta[k]",
            "last_best = best[k]",
            "theta_buffer[k] = last_theta",
            "best_buffer[k] = last_best",
        ]
        return [
            _choose_of_three("theta", "now"),
            _choose_of_three("best", "held"),
            *self.rows.coordinates(swap),
        ]

    def evaluate(self) -> tuple[list[str], str]:
        """Call the function that evaluates and updates; the step after the last only evaluates."""
        only, text = self.cost.loops(self.cost.cost.gradient, "theta", True, None)
        call = self._write_pass()
        self.context.constants.append("result = empty(2)")
        lines = [
            f"if t <= {self.context.cell_name('T')}:",
            *indent([call]),
            "else:",
            *indent([*only, f"result[0] = {text}"]),
        ]
        return lines, "result[0]"

    def keep_best(self) -> list[str]:
        """Hold the buffer of theta as the best."""
        return ["held = now"]

    def advance(self) -> list[str]:
        """Go on to the buffer that the pass has filled."""
        now = "1 - now"
        if self.context.options.best:
            now = "free"
        return ["worst = bitcast_to_int(result[1])", f"now = {now}"]

    def _write_pass(self) -> str:
        """Write the function that evaluates cost and gradient and updates; return its call."""
        context = self.context
        nodes = context.graph.inline(self.cost.cost.gradient, self.cost.inputs_at("theta"))
        statements = self._slopes() + self._updates(nodes)
        nest = self.cost.nest()
        nest.buffers, nest.after = [], track_largest
        lines = nest.write(statements, nodes, [nodes["J"]])
        body = ["worst = 0", *nest.buffers, *lines, f"result[0] = {nest.text(nodes['J'])}"]
        body += ["result[1] = bitcast_to_float(worst)"]
        names = free_names(body)
        self.functions.append(function_source("iterate", names, body))
        return f"iterate({', '.join(names)})"

    def _slopes(self) -> list[Statement]:
        """Return the statements of the gradient, each entry a number of its iteration."""
        statements = self.cost.cost.gradient.statements
        return [s._replace(array=(SLOPE, self.name)) for s in statements]

    def _updates(self, nodes: dict[Key, int]) -> list[Statement]:
        """Return statements that give theta and the states of a coordinate their next values."""
        context = self.context
        zero = next(s for s in self._slopes() if s.kind == "define")
        end = zero.loops[0]._replace(name="end")
        at = (variable(end),)
        rows: dict[str, Key] = {"theta": "theta"}
        rows |= {s.name: OldState(s.name) for s in context.update.states if s.vector}
        own: dict[Key, int] = {Gradient(0): self._read(SLOPE, at)}
        for row in rows.values():
            own[row] = self._read(array_kind(row), at)
        nodes |= context.build_update([NewState(name) for name in rows], own)
        targets = {name: array_kind(row) for name, row in rows.items()} | {"theta": "next"}
        return [
            Statement("update", (kind, self.name), at, (end,), NewState(name))
            for name, kind in targets.items()
        ]

    def _read(self, kind: str, at: tuple[Affine, ...]) -> int:
        return self.context.graph.input(Load((kind, self.name), at))


def _choose_of_two(name: str, number: str) -> str:
    """Call one of two buffers by its role."""
    first, second, _ = BUFFERS
    return f"{name} = {first}_buffer if {number} == 0 else {second}_buffer"


def _choose_of_three(name: str, number: str) -> str:
    """Call one of three buffers by its role."""
    first, second, third = BUFFERS
    last = f"({second}_buffer if {number} == 1 else {third}_buffer)"
    return f"{name} = {first}_buffer if {number} == 0 else {last}"


def free_names(lines: list[str]) -> list[str]:
    """Return the variables that statements need from outside, in the order of their first use."""
    tree = ast.parse("\n".join(lines))
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    known = {function.id for function in calls if isinstance(function, ast.Name)}
    known |= {node.id for node in names if isinstance(node.ctx, ast.Store)}
    loaded = [node for node in names if isinstance(node.ctx, ast.Load)]
    loaded.sort(key=lambda node: (node.lineno, node.col_offset))
    return list(dict.fromkeys(node.id for node in loaded if node.id not in known))
