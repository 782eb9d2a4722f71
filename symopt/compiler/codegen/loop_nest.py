"""A program with sums printed as nested loops, for one run or for a block of lanes.

Inside a loop stand segments (straight code) and inner loops. In a block of lanes a segment is a
loop over the lanes; alone, the iterations of a loop with inner loops are taken in strips of W,
and a segment is a loop over the strip: either way its elementary functions run on vector units.
What one segment computes and another needs is kept in a buffer as wide as the lanes or the strip.

A sum is W partial sums, term number k in partial sum k mod W, added in a fixed tree: W = 32 for
sums that stand in no loop, else 8. So sums vectorise too, and have the same bits in every kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Protocol

from symopt.compiler.codegen.array_elimination import ArrayElimination
from symopt.compiler.codegen.loop_body import Axis, FusedLoopWriter, Texts, combine
from symopt.compiler.codegen.loop_fusion import FusedLoop, Scheduler, Task
from symopt.compiler.codegen.printer import CONSTANT, LANE, Printer, loop
from symopt.ir.elimination import DETERMINANT, KINDS
from symopt.ir.index import Affine, Loop
from symopt.ir.keys import Key
from symopt.ir.ops import OPERATIONS
from symopt.ir.program import Graph, Load, Name, Statement


class Addresses(Protocol):
    """Where arrays lie and how indices are spelled."""

    def place(self, array: Name, at: tuple[Affine, ...], near: bool) -> str:
        """Return the text of an entry."""

    def index(self, index: Affine) -> str:
        """Return the text of an index."""

    def open(self, loops: Iterable[Loop], variable: str) -> None:
        """Call the variables of loops by one name from here on."""


class Nest:
    """Prints the loops of one evaluation.

    Attributes
    ----------
    buffers
        The statements that make buffers and partial sums.
    after
        What follows the updates of an iteration, given the text of the first.
    """

    def __init__(
        self, printer: Printer, places: Addresses, constants: list[str], step: list[str], lanes: int
    ) -> None:
        self.printer, self.places, self.lanes = printer, places, lanes
        self.graph: Graph = printer.graph
        self.constants, self.step = constants, step
        self.scheduler = Scheduler(self.graph)
        self.slots: dict[int, str] = {}
        self.buffers = constants
        self.after: Callable[[str], list[str]] = lambda _: []

    def write(
        self, statements: Iterable[Statement], nodes: Mapping[Key, int], wanted: Iterable[int]
    ) -> list[str]:
        """Emit the loops of statements and of ``wanted``; texts can be asked for afterwards."""
        tasks = [
            Task(s.kind, nodes[s.key], s.loops, array=s.array, at=s.at, near=s.near)
            for s in statements
        ]
        self.known: Texts = {}
        axis = None
        if self.lanes > 1:
            axis = Axis("i", str(self.lanes), self.lanes)
        return self.block(tasks, list(wanted), frozenset(), self.known, axis)

    def text(self, node: int) -> str:
        """Return the text of a node that was wanted, after the loops."""
        return self._text(node, self.known)

    def fresh(self, letter: str) -> str:
        return self.printer.fresh(letter)

    # What stands inside a loop

    def block(
        self,
        tasks: list[Task],
        wanted: list[int],
        around: frozenset[Loop],
        known: Texts,
        axis: Axis | None,
    ) -> list[str]:
        plan = self.scheduler.schedule(tasks, wanted, around, known)
        lines: list[str] = []
        for number, now in enumerate(plan.between):
            later = [
                *plan.between[number + 1 :],
                *(fused.tasks for fused in plan.fused_loops[number:]),
            ]
            stores = [task for task in chain.from_iterable(later) if task.kind != "reduce"]
            unwritten = {task.array for task in stores}
            ahead = self._ahead(plan.fused_loops[number:], wanted, around, known, unwritten)
            lines += self._segments(now, ahead, known, axis)
            if number < len(plan.fused_loops):
                lines += self._loop_or_strip(plan.fused_loops[number], around, known, axis)
        return lines

    def _ahead(
        self,
        fused_loops: list[FusedLoop],
        wanted: list[int],
        around: frozenset[Loop],
        known: Texts,
        unwritten: set[Name],
    ) -> list[int]:
        """Return the outermost nodes that later loops use and that can be hoisted to here."""
        found: dict[int, None] = {}
        tasks = chain.from_iterable(fused.tasks for fused in fused_loops)
        roots = list(chain.from_iterable(map(self.scheduler.roots, tasks)))
        stack = [*wanted, *reversed(roots)]
        seen: set[int] = set()
        while stack:
            number = stack.pop()
            if number in seen or number in known:
                continue
            seen.add(number)
            op = self.graph.nodes[number].op
            # buffers hold numbers: truth is found again where it is needed
            if op in OPERATIONS and OPERATIONS[op].truth:
                stack.extend(self.graph.nodes[number].args)
            elif self.graph.loops(number) <= around and self._is_ready(number, known, unwritten):
                if op != "const" and self.printer.level(number) != CONSTANT:
                    found[number] = None
            else:
                stack.extend(self.graph.nodes[number].args)
        return list(found)

    def _is_ready(self, number: int, known: Texts, unwritten: set[Name]) -> bool:
        """Return whether a node needs no loop, and nothing of an array, that is still to come."""
        below = [
            self.graph.nodes[n].payload
            for n in self.scheduler.below(Task("define", number, ()), known)
        ]
        return not any(
            isinstance(p, Loop) or (isinstance(p, Load) and p.array in unwritten) for p in below
        )

    def _segments(
        self, tasks: list[Task], ahead: list[int], known: Texts, axis: Axis | None
    ) -> list[str]:
        """Emit what stands between two loops: straight code, and eliminations with their loops."""
        lines: list[str] = []
        straight: list[Task] = []
        for task in tasks:
            if task.kind in KINDS:
                lines += self._segment(straight, [], known, axis)
                lines += self._eliminate(task)
                straight = []
            else:
                straight.append(task)
        return [*lines, *self._segment(straight, ahead, known, axis)]

    def _eliminate(self, task: Task) -> list[str]:
        """Emit an inverse or a determinant, for all lanes."""
        read = self.graph.nodes[task.node].payload
        assert isinstance(read, Load)
        room = self.fresh("b")
        self.buffers.append(f"{room} = empty({self.lanes})")
        if task.kind == DETERMINANT:
            self.printer.functions.add("log")
        elimination = ArrayElimination(
            places=self.places,
            source=read.array,
            array=task.array,
            at=task.at,
            lanes=self.lanes,
            room=f"{room}[i]",
        )
        return elimination.write(task.kind)

    def _segment(
        self, tasks: list[Task], ahead: list[int], known: Texts, axis: Axis | None
    ) -> list[str]:
        """Emit straight code for ``tasks`` and ``ahead``, and add their texts to ``known``."""
        if not tasks and not ahead:
            return []
        shared: list[str] = []
        body: list[str] = []
        texts = dict(known) if axis else known
        scopes = (self.constants, self.step, shared if axis else body, body)
        updates = [task for task in tasks if task.kind == "update"]
        for task in tasks:
            if task.kind != "update":  # what one stores, the next may read
                body += self._done(task, scopes, texts)
        if updates:
            new = self.printer.write([task.node for task in updates], scopes, texts)
            body += [
                f"{self._place(task)} = {text}" for task, text in zip(updates, new, strict=True)
            ]
            body += self.after(new[0])
        self.printer.write(ahead, scopes, texts)
        if axis is None:
            return shared + body
        for node in ahead:
            if node in texts:
                known[node] = self._kept(node, texts, body, axis)
            else:
                known[node] = self.printer.outer[node]
        if not body:
            return shared
        return shared + loop(
            axis.variable,
            axis.end,
            [*axis.before, *body],
            iterator="vector_range" if self.lanes > 1 else "range",
        )

    def _text(self, node: int, texts: Texts) -> str:
        return (texts.get(node) or self.printer.outer[node])[0]

    def _kept(self, node: int, texts: Texts, body: list[str], axis: Axis) -> tuple[str, int]:
        """Return the text of a node outside its segment: a buffer, if it differs along the axis."""
        if self.lanes > 1 and self.printer.level(node) < LANE:
            return texts[node]
        name = self.fresh("b")
        self.buffers.append(f"{name} = empty({axis.width})")
        body.append(f"{name}[{axis.variable}] = {texts[node][0]}")
        return f"{name}[{axis.variable}]", 4

    def _terms(self, node: int) -> list[tuple[int, ...]]:
        """Return the terms of a sum: products, which are added by fma, and what remains."""
        made = self.graph.nodes[node]
        if made.op == "fma":
            return [*self._terms(made.args[2]), made.args[:2]]
        if made.op == "neg" and self.graph.nodes[made.args[0]].op == "mul":
            x, y = self.graph.nodes[made.args[0]].args
            return [(self.graph.op("neg", x), y)]
        return [made.args if made.op == "mul" else (node,)]

    def _place(self, task: Task) -> str:
        return self.places.place(task.array, task.at, task.near)

    def _done(self, task: Task, scopes: tuple[list[str], ...], texts: Texts) -> list[str]:
        """Return the statements that do a task whose loops are all open."""
        (root,) = self.scheduler.roots(task)
        op = "sum"
        if task.kind == "reduce":
            op = self.graph.nodes[task.node].op
        if task.kind == "reduce":
            place = self.slots[task.node]
        else:
            place = self._place(task)
        if task.kind == "define" or op != "sum":
            (text,) = self.printer.write([root], scopes, texts)
            return [f"{place} = {text}" if task.kind == "define" else combine(op, place, [text])]
        terms = self._terms(root)
        operands = iter(
            self.printer.write([node for term in terms for node in term], scopes, texts)
        )
        return [combine("sum", place, [next(operands) for _ in term]) for term in terms]

    # Loops

    def _loop_or_strip(
        self, fused: FusedLoop, around: frozenset[Loop], known: Texts, axis: Axis | None
    ) -> list[str]:
        """Return a loop and what follows it; in a strip, one loop for each iteration."""
        if axis is None or self.lanes > 1:
            return self._fused_loop(fused, around, known, axis)
        writer = FusedLoopWriter(self, fused, around, known, None)
        if writer.can_be_shared(axis):
            return writer.shared(axis)
        inside = dict(known)
        lines = self._fused_loop(fused, around, inside, None)
        for task in fused.tasks:
            if task.kind == "reduce":
                name = self.fresh("b")
                self.buffers.append(f"{name} = empty({axis.width})")
                lines.append(f"{name}[{axis.variable}] = {inside[task.node][0]}")
                known[task.node] = (f"{name}[{axis.variable}]", 4)
        return loop(axis.variable, axis.end, [*axis.before, *lines])

    def _fused_loop(
        self, fused: FusedLoop, around: frozenset[Loop], known: Texts, axis: Axis | None
    ) -> list[str]:
        writer = FusedLoopWriter(self, fused, around, known, axis)
        return [*writer.begin(), *writer.loops(), *writer.end()]
