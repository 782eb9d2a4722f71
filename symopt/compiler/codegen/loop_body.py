"""One loop of a nest: its partial sums, its blocks, its edges, its strips.

A run alone adds in vectors: whole blocks of W iterations, in which the ranges of all tasks are met,
and around them the iterations that only some ranges hold. A loop that holds loops is taken in
strips.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from symopt.compiler.codegen.loop_fusion import FusedLoop, Task
from symopt.compiler.codegen.printer import indent, literal, loop
from symopt.ir.index import Loop, bounds_of, variable

if TYPE_CHECKING:
    from symopt.compiler.codegen.loop_nest import Nest

OUTER, INNER = 5, 3  # the logarithms of W
EIGHT = 8  # iterations of a strip that share a loop
START = {"sum": "0.0", "prod": "1.0", "peak": literal(float("-inf"))[0]}
Texts = dict[int, tuple[str, int]]


class Axis(NamedTuple):
    """The loop around a segment: its variable, end, width of buffers, and how it begins."""

    variable: str
    end: str
    width: int
    before: tuple[str, ...] = ()


class FusedLoopWriter:
    """Prints one fused loop."""

    def __init__(
        self, nest: Nest, fused: FusedLoop, around: frozenset[Loop], known: Texts, axis: Axis | None
    ) -> None:
        self.nest, self.fused, self.around, self.known, self.axis = nest, fused, around, known, axis
        if around:
            self.shift = INNER
        else:
            self.shift = OUTER
        self.width, self.lanes = 1 << self.shift, nest.lanes
        self.sums = [task for task in fused.tasks if task.kind == "reduce"]
        self.arrays = {task.node: nest.fresh("a") for task in self.sums}
        self.variable, self.bounds = nest.fresh("k"), nest.fresh("h")
        index = nest.places.index
        self.ranges = {one: (index(one.low), index(one.high)) for one in fused.loops}
        self.is_single = len(set(self.ranges.values())) == 1
        self.is_straight = all(
            nest.scheduler.is_straight(task, around, known) for task in fused.tasks
        )

    # Before and after

    def begin(self) -> list[str]:
        """Return the statements that start the partial sums."""
        lines = []
        for node, name in self.arrays.items():
            size = self.width * self.lanes
            self.nest.buffers.append(f"{name} = empty({size})")
            lines += loop("r", size, [f"{name}[r] = {START[self.nest.graph.nodes[node].op]}"])
        return lines

    def end(self) -> list[str]:
        """Return the statements that fold the partial sums, halving their number each time."""
        lines = []
        for node, array in self.arrays.items():
            op, half = self.nest.graph.nodes[node].op, self.width // 2
            name, rotation = self._rotate_partials(array)
            lines += rotation
            while half:
                lines += loop(
                    "r",
                    half * self.lanes,
                    [combine(op, f"{name}[r]", [f"{name}[r + {half * self.lanes}]"])],
                )
                half //= 2
            self.known[node] = (f"{name}[{self.axis.variable if self.axis else 0}]", 4)
            if self.axis is None:
                result = self.nest.fresh("t")
                lines.append(f"{result} = {name}[0]")
                self.known[node] = (result, 4)
        return lines

    # The loop itself

    def loops(self) -> list[str]:
        """Return the loop, or loops: edges and whole blocks, where a run alone adds in vectors."""
        if self.lanes > 1:
            return self._union_loop(self.axis)
        if not self.is_straight:
            return self._strip_loop()
        if self.sums:
            return self._blocks()
        if self.is_single:
            return self._union_loop(None)
        return self._loop_with_edges()

    def _union_loop(self, axis: Axis | None) -> list[str]:
        """Emit one loop over the union of the ranges; guard each task by its own range."""
        first, last = self._outermost()
        return [
            *self._lowest_and_highest(),
            *loop(self.variable, f"{last} + 1", self._guarded_body(axis), low=first),
        ]

    def _outermost(self) -> tuple[str, str]:
        if self.is_single:
            return next(iter(self.ranges.values()))
        return f"{self.bounds}_least", f"{self.bounds}_most"

    def _lowest_and_highest(self) -> list[str]:
        """Emit the first begin and the last end of several ranges."""
        if self.is_single:
            return []
        lows, highs = zip(*self.ranges.values(), strict=True)
        none, start, most = (f"{self.bounds}_{name}" for name in ("none", "from", "most"))
        return [
            *_chosen(f"{self.bounds}_least", lows, "<"),
            *_chosen(f"{self.bounds}_most", highs, ">"),
            *_chosen(f"{self.bounds}_from", lows, ">"),
            *_chosen(f"{self.bounds}_to", highs, "<"),
            # where no iteration is in all ranges, all iterations come before it
            f"{self.bounds}_none = {self.bounds}_from > {self.bounds}_to",
            f"{start} = {most} + 1 if {none} else {start}",
            f"{self.bounds}_to = {self.bounds}_most if {self.bounds}_none else {self.bounds}_to",
        ]

    def _guarded_body(self, axis: Axis | None) -> list[str]:
        """Return an iteration in which each range is asked whether it holds the variable."""
        self._set_slots(f"(({self.variable} - ({self._origin})) & {self.width - 1})")
        if self.is_single:
            return self._body(self.fused.tasks, axis)
        lines: list[str] = []
        for one, (low, high) in self.ranges.items():
            tasks = [task for task in self.fused.tasks if task.loops[0] == one]
            test = f"if ({self.variable} >= {low}) & ({self.variable} <= {high}):"
            lines += [test, *indent(self._body(tasks, axis))]
        return lines

    @property
    def _low(self) -> str:
        """Where the sums begin: the place of term 0."""
        if self.sums:
            return self.nest.places.index(self.sums[0].loops[0].low)
        return "0"

    @property
    def _origin(self) -> str:
        """The iteration that adds to the first element of the partial sums: where blocks begin."""
        if self.lanes > 1 or self.is_single:
            return self._low
        return f"{self.bounds}_from"

    def _rotate_partials(self, name: str) -> tuple[str, list[str]]:
        """Emit the partial sums in the order of the terms."""
        if self._origin == self._low:
            return name, []
        rotated = self.nest.fresh("a")
        self.nest.buffers.append(f"{rotated} = empty({self.width})")
        place = f"(r + {self._origin} - ({self._low})) & {self.width - 1}"
        return rotated, loop("r", self.width, [f"{rotated}[{place}] = {name}[r]"])

    def _set_slots(self, partial: str) -> None:
        """Say in which partial sum an iteration adds."""
        for node, name in self.arrays.items():
            if self.lanes == 1:
                self.nest.slots[node] = f"{name}[{partial}]"
            else:
                self.nest.slots[node] = f"{name}[{partial}*{self.lanes} + i]"

    def _body(self, tasks: list[Task], axis: Axis | None) -> list[str]:
        self.nest.places.open(self.fused.loops, self.variable)
        inner = [task._replace(loops=task.loops[1:]) for task in tasks]
        around = self.around | frozenset(self.fused.loops)
        return self.nest.block(inner, [], around, dict(self.known), axis)

    def _blocks(self) -> list[str]:
        """Emit the common range as full blocks of W iterations and a remainder.

        Before and after it stand a guarded prologue and epilogue.

        The rest is a loop over the first of the partial sums: it vectorises too.
        """
        h = self.bounds
        self._set_slots("r")
        if self.is_single:
            low, high = self._outermost()
        else:
            low, high = (f"{h}_from", f"{h}_to")
        iterator = "range"
        if self.shift == INNER:
            iterator = "vector_range"
        blocks = [
            *_chosen(f"{h}_count", ["0", f"({high} + 1 - ({low})) >> {self.shift}"], ">"),
            f"{h}_end = {low} + ({h}_count << {self.shift})",
            *loop(
                "q",
                f"{h}_count",
                self._block_loop(str(self.width), f"{low} + (q << {self.shift})", iterator),
            ),
            *self._block_loop(f"{high} + 1 - ({h}_end)", f"{h}_end"),
        ]
        if self.is_single:
            return blocks
        return self._with_edges(blocks)

    def _block_loop(self, stop: str, base: str, iterator: str = "range") -> list[str]:
        body = self._body(self.fused.tasks, None)
        return loop("r", stop, [f"{self.variable} = {base} + r", *body], iterator=iterator)

    def _loop_with_edges(self) -> list[str]:
        """Return the iterations that all ranges meet as one loop, and those before and after it."""
        h = self.bounds
        return self._with_edges(
            loop(self.variable, f"{h}_to + 1", self._body(self.fused.tasks, None), low=f"{h}_from")
        )

    def _with_edges(self, inside: list[str]) -> list[str]:
        """Put a guarded prologue and epilogue around the common range."""
        h = self.bounds
        edges = [
            f"{h}_begin = {h}_least if side == 0 else {h}_to + 1",
            f"{h}_stop = {h}_from if side == 0 else {h}_most + 1",
            *loop(self.variable, f"{h}_stop", self._guarded_body(None), low=f"{h}_begin"),
        ]
        sides = loop("side", 2, [*edges, "if side == 0:", *indent(inside)])
        return [*self._lowest_and_highest(), *sides]

    def can_be_shared(self, axis: Axis) -> bool:
        """Return whether eight iterations can share the loop, additions still in order."""
        adds = all(
            task.kind == "add" and variable(task.loops[0]) in task.at for task in self.fused.tasks
        )
        fixed = not any(bounds_of(one) for one in self.fused.loops)
        return adds and fixed and self.is_single and self.is_straight and axis.width >= EIGHT

    def shared(self, axis: Axis) -> list[str]:
        """Return the loop for eight iterations of a strip at a time, and for each of the rest."""
        first, last = self._outermost()
        body, group = self._body(self.fused.tasks, None), f"{self.bounds}_group"
        iteration = [f"{axis.variable} = ({group} << 3) + eighth", *axis.before, *body]
        eight = loop(self.variable, f"{last} + 1", loop("eighth", EIGHT, iteration), low=first)
        rest = loop(self.variable, f"{last} + 1", self._body(self.fused.tasks, None), low=first)
        return [
            *loop(group, f"{axis.end} >> 3", eight),
            *loop(axis.variable, axis.end, [*axis.before, *rest], low=f"{axis.end} >> 3 << 3"),
        ]

    def _strip_loop(self) -> list[str]:
        """Return a loop over strips of W iterations, each of them done segment by segment."""
        (low, high), h = self._outermost(), self.bounds
        axis = Axis(f"{h}_r", f"{h}_rows", self.width, (f"{self.variable} = {h}_base + {h}_r",))
        self._set_slots(axis.variable)
        inside = [
            f"{h}_base = {low} + ({h}_strip << {self.shift})",
            f"{h}_rows = {high} + 1 - {h}_base",
            f"{h}_rows = {h}_rows if {h}_rows < {self.width} else {self.width}",
            *self._body(self.fused.tasks, axis),
        ]
        return loop(f"{h}_strip", f"({high} + {self.width} - ({low})) >> {self.shift}", inside)


def combine(op: str, place: str, texts: list[str]) -> str:
    """Return the statement that takes something into a partial sum, product or maximum."""
    if op == "sum":
        if len(texts) == 2:
            return f"{place} = fma({texts[0]}, {texts[1]}, {place})"
        return f"{place} = {place} + {texts[0]}"
    if op == "prod":
        return f"{place} = {place}*({texts[0]})"
    return f"{place} = {place} if ({place} >= {texts[0]}) | ({place} != {place}) else {texts[0]}"


def _chosen(name: str, texts: Iterable[str], sign: str) -> list[str]:
    """Return the statements that take the least (<) or greatest (>) of some whole numbers."""
    first, *rest = texts
    return [
        f"{name} = {first}",
        *(f"{name} = {text} if {text} {sign} {name} else {name}" for text in rest),
    ]
