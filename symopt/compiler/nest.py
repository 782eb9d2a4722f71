"""A program with sums printed as nested loops, for one run or for a block of lanes.

Inside a loop stand segments (straight code) and inner loops. In a block of lanes a segment is a
loop over the lanes; alone, the turns of a loop with inner loops are taken in strips of W, and a
segment is a loop over the strip: either way its elementary functions run on vector units. What
one segment computes and another needs is kept in a buffer as wide as the lanes or the strip.

A sum is W partial sums, term number k in partial sum k mod W, added in a fixed tree: W = 32 for
sums that stand in no loop, else 8. So sums vectorise too, and have the same bits in every kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

from symopt.autodiff.index import Affine, Loop, variable
from symopt.autodiff.program import COMPARISONS, LOGIC, Graph, Key, Name, Read, Statement
from symopt.compiler.printer import CONSTANT, LANE, Printer, indented, literal, loop
from symopt.compiler.schedule import Frame, Scheduler, Task

OUTER, INNER = 5, 3  # the logarithms of W
EIGHT = 8  # turns of a strip that share a loop
START = {"sum": "0.0", "prod": "1.0", "peak": literal(float("-inf"))[0]}
Texts = dict[int, tuple[str, int]]


class Places(Protocol):
    """Where arrays lie and how indices are spelled."""

    def place(self, array: Name, at: tuple[Affine, ...], near: bool) -> str:
        """Return the text of an entry."""

    def index(self, index: Affine) -> str:
        """Return the text of an index."""

    def open(self, loops: Iterable[Loop], variable: str) -> None:
        """Call the variables of loops by one name from here on."""


class Axis(NamedTuple):
    """What a segment loops over: a variable, its end, the width of buffers, and what each turn begins with."""

    variable: str
    end: str
    width: int
    before: tuple[str, ...] = ()


class Nest:
    """Prints the loops of one evaluation.

    Attributes
    ----------
    buffers
        The statements that make buffers and partial sums.
    after
        What follows the updates of a turn, given the text of the first.
    """

    def __init__(self, printer: Printer, places: Places, constants: list[str], step: list[str], lanes: int) -> None:
        self.printer, self.places, self.lanes = printer, places, lanes
        self.graph: Graph = printer.graph
        self.constants, self.step = constants, step
        self.scheduler = Scheduler(self.graph)
        self.slots: dict[int, str] = {}
        self.buffers = constants
        self.after: Callable[[str], list[str]] = lambda _: []

    def write(self, statements: Iterable[Statement], nodes: Mapping[Key, int], wanted: Iterable[int]) -> list[str]:
        """Return the loops of statements and of ``wanted``, whose texts can be asked for afterwards."""
        tasks = [Task(s.kind, nodes[s.key], s.loops, s.array, s.at, s.near) for s in statements]
        self.known: Texts = {}
        axis = Axis("i", str(self.lanes), self.lanes) if self.lanes > 1 else None
        return self._block(tasks, list(wanted), frozenset(), self.known, axis)

    def text(self, node: int) -> str:
        """Return the text of a node that was wanted, after the loops."""
        return self._text(node, self.known)

    def _name(self, letter: str) -> str:
        return self.printer.fresh(letter)

    # What stands inside a loop

    def _block(
        self, tasks: list[Task], wanted: list[int], around: frozenset[Loop], known: Texts, axis: Axis | None
    ) -> list[str]:
        plan = self.scheduler.schedule(tasks, wanted, around, known)
        lines: list[str] = []
        for number, now in enumerate(plan.between):
            later = [*plan.between[number + 1 :], *(frame.tasks for frame in plan.frames[number:])]
            unwritten = {task.array for tasks in later for task in tasks if task.kind != "reduce"}
            ahead = self._ahead(plan.frames[number:], wanted, around, known, unwritten)
            lines += self._segment(now, ahead, known, axis)
            if number < len(plan.frames):
                lines += self._framed(plan.frames[number], around, known, axis)
        return lines

    def _ahead(
        self, frames: list[Frame], wanted: list[int], around: frozenset[Loop], known: Texts, unwritten: set[Name]
    ) -> list[int]:
        """Return what later frames need of this place and can be computed now: the uppermost such nodes."""
        found: dict[int, None] = {}
        stack = [*reversed([root for frame in frames for task in frame.tasks for root in self.scheduler.roots(task)])]
        stack = [*wanted, *stack]
        seen: set[int] = set()
        while stack:
            number = stack.pop()
            if number in seen or number in known:
                continue
            seen.add(number)
            op = self.graph.nodes[number].op
            if op in COMPARISONS or op in LOGIC:  # buffers hold numbers: truth is found again where it is needed
                stack.extend(self.graph.nodes[number].args)
            elif self.graph.loops(number) <= around and self._is_ready(number, known, unwritten):
                if op != "const" and self.printer.level(number) != CONSTANT:
                    found[number] = None
            else:
                stack.extend(self.graph.nodes[number].args)
        return list(found)

    def _is_ready(self, number: int, known: Texts, unwritten: set[Name]) -> bool:
        """Return whether a node needs no loop, and nothing of an array, that is still to come."""
        below = [self.graph.nodes[n].payload for n in self.scheduler.below(Task("define", number, ()), known)]
        return not any(isinstance(p, Loop) or (isinstance(p, Read) and p.array in unwritten) for p in below)

    def _segment(self, tasks: list[Task], ahead: list[int], known: Texts, axis: Axis | None) -> list[str]:
        """Return straight code that does ``tasks`` and computes ``ahead``, whose texts are added to ``known``."""
        if not tasks and not ahead:
            return []
        shared: list[str] = []
        body: list[str] = []
        texts = dict(known) if axis else known
        scopes = (self.constants, self.step, shared if axis else body, body)
        updates = [task for task in tasks if task.kind == "update"]
        for task in (task for task in tasks if task.kind != "update"):  # what one stores, the next may read
            body += self._done(task, scopes, texts)
        if updates:
            new = self.printer.write([task.node for task in updates], scopes, texts)
            body += [f"{self._place(task)} = {text}" for task, text in zip(updates, new, strict=True)]
            body += self.after(new[0])
        self.printer.write(ahead, scopes, texts)
        for node in ahead if axis else ():
            known[node] = self._kept(node, texts, body, axis) if node in texts else self.printer.outer[node]  # type: ignore[arg-type]
        if axis is None or not body:
            return shared + body
        return shared + loop(
            axis.variable, axis.end, [*axis.before, *body], turns="abreast" if self.lanes > 1 else "range"
        )

    def _text(self, node: int, texts: Texts) -> str:
        return (texts.get(node) or self.printer.outer[node])[0]

    def _kept(self, node: int, texts: Texts, body: list[str], axis: Axis) -> tuple[str, int]:
        """Return the text of a node outside its segment: a buffer, if it differs along the axis."""
        if self.lanes > 1 and self.printer.level(node) < LANE:
            return texts[node]
        name = self._name("b")
        self.buffers.append(f"{name} = empty({axis.width})")
        body.append(f"{name}[{axis.variable}] = {texts[node][0]}")
        return f"{name}[{axis.variable}]", 4

    def _terms(self, node: int) -> list[tuple[int, ...]]:
        """Return what is added one after the other to a sum: products, which are added by fma, and what remains."""
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
        op = self.graph.nodes[task.node].op if task.kind == "reduce" else "sum"
        place = self.slots[task.node] if task.kind == "reduce" else self._place(task)
        if task.kind == "define" or op != "sum":
            (text,) = self.printer.write([root], scopes, texts)
            return [f"{place} = {text}" if task.kind == "define" else _combined(op, place, [text])]
        terms = self._terms(root)
        operands = iter(self.printer.write([node for term in terms for node in term], scopes, texts))
        return [_combined("sum", place, [next(operands) for _ in term]) for term in terms]

    # Loops

    def _framed(self, frame: Frame, around: frozenset[Loop], known: Texts, axis: Axis | None) -> list[str]:
        """Return a loop and what follows it; in a strip, one loop for each turn of the strip."""
        if axis is None or self.lanes > 1:
            return self._frame(frame, around, known, axis)
        turn = _Turn(self, frame, around, known, None)
        if turn.can_be_shared(axis):
            return turn.shared(axis)
        inside = dict(known)
        lines = self._frame(frame, around, inside, None)
        for task in frame.tasks:
            if task.kind == "reduce":
                name = self._name("b")
                self.buffers.append(f"{name} = empty({axis.width})")
                lines.append(f"{name}[{axis.variable}] = {inside[task.node][0]}")
                known[task.node] = (f"{name}[{axis.variable}]", 4)
        return loop(axis.variable, axis.end, [*axis.before, *lines])

    def _frame(self, frame: Frame, around: frozenset[Loop], known: Texts, axis: Axis | None) -> list[str]:
        turn = _Turn(self, frame, around, known, axis)
        return [*turn.begin(), *turn.loops(), *turn.end()]


class _Turn:
    """One frame being printed."""

    def __init__(self, nest: Nest, frame: Frame, around: frozenset[Loop], known: Texts, axis: Axis | None) -> None:
        self.nest, self.frame, self.around, self.known, self.axis = nest, frame, around, known, axis
        self.shift = INNER if around else OUTER
        self.width, self.lanes = 1 << self.shift, nest.lanes
        self.sums = [task for task in frame.tasks if task.kind == "reduce"]
        self.arrays = {task.node: nest._name("a") for task in self.sums}
        self.variable, self.bounds = nest._name("k"), nest._name("h")
        index = nest.places.index
        self.ranges = {one: (index(one.low), index(one.high)) for one in frame.loops}
        self.is_single = len(set(self.ranges.values())) == 1
        self.is_straight = all(nest.scheduler.is_straight(task, around, known) for task in frame.tasks)

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
        for node, name in self.arrays.items():
            op, half = self.nest.graph.nodes[node].op, self.width // 2
            while half:
                lines += loop(
                    "r", half * self.lanes, [_combined(op, f"{name}[r]", [f"{name}[r + {half * self.lanes}]"])]
                )
                half //= 2
            self.known[node] = (f"{name}[{self.axis.variable if self.axis else 0}]", 4)
            if self.axis is None:
                result = self.nest._name("t")
                lines.append(f"{result} = {name}[0]")
                self.known[node] = (result, 4)
        return lines

    # The loop itself

    def loops(self) -> list[str]:
        """Return the loop, or loops: edges and whole blocks, where a run alone adds in vectors."""
        if self.lanes > 1:
            return self._plainly(self.axis)
        if not self.is_straight:
            return self._strips()
        if self.sums:
            return self._blocks()
        return self._plainly(None) if self.is_single else self._edges()

    def _plainly(self, axis: Axis | None) -> list[str]:
        """Return one loop over all turns; a range that is shorter than others is asked for in each."""
        first, last = self._outermost()
        return [*self._lowest_and_highest(), *loop(self.variable, f"{last} + 1", self._guarded(axis), first)]

    def _outermost(self) -> tuple[str, str]:
        if self.is_single:
            return next(iter(self.ranges.values()))
        return f"{self.bounds}_least", f"{self.bounds}_most"

    def _lowest_and_highest(self) -> list[str]:
        """Return the statements that find where the first range begins and the last ends, if there are several."""
        if self.is_single:
            return []
        lows, highs = zip(*self.ranges.values(), strict=True)
        return [
            *_chosen(f"{self.bounds}_least", lows, "<"), *_chosen(f"{self.bounds}_most", highs, ">"),
            *_chosen(f"{self.bounds}_from", lows, ">"), *_chosen(f"{self.bounds}_to", highs, "<"),
            # where no turn is in all ranges, all turns come before it
            f"{self.bounds}_none = {self.bounds}_from > {self.bounds}_to",
            f"{self.bounds}_from = {self.bounds}_most + 1 if {self.bounds}_none else {self.bounds}_from",
            f"{self.bounds}_to = {self.bounds}_most if {self.bounds}_none else {self.bounds}_to",
        ]  # fmt: skip

    def _guarded(self, axis: Axis | None) -> list[str]:
        """Return a turn in which each range is asked whether it holds the variable."""
        self._slots(f"(({self.variable} - ({self._low()})) & {self.width - 1})")
        if self.is_single:
            return self._body(self.frame.tasks, axis)
        lines: list[str] = []
        for one, (low, high) in self.ranges.items():
            tasks = [task for task in self.frame.tasks if task.loops[0] == one]
            test = f"if ({self.variable} >= {low}) & ({self.variable} <= {high}):"
            lines += [test, *indented(self._body(tasks, axis))]
        return lines

    def _low(self) -> str:
        """Return where the sums begin."""
        return self.nest.places.index(self.sums[0].loops[0].low) if self.sums else "0"

    def _slots(self, partial: str) -> None:
        """Say in which partial sum a turn adds."""
        for node, name in self.arrays.items():
            self.nest.slots[node] = f"{name}[{partial}]" if self.lanes == 1 else f"{name}[{partial}*{self.lanes} + i]"

    def _body(self, tasks: list[Task], axis: Axis | None) -> list[str]:
        self.nest.places.open(self.frame.loops, self.variable)
        inner = [task._replace(loops=task.loops[1:]) for task in tasks]
        around = self.around | frozenset(self.frame.loops)
        return self.nest._block(inner, [], around, dict(self.known), axis)

    def _blocks(self) -> list[str]:
        """Return whole blocks of W turns in which all ranges are met, and what lies before and after them.

        A block that is not whole is a loop over a part of the partial sums: it vectorises too.
        """
        h = self.bounds
        self._slots("r")
        low, high = self._outermost() if self.is_single else (f"{h}_from", f"{h}_to")
        turns = "abreast" if self.shift == INNER else "range"
        base = f"{h}_first + (q << {self.shift})"
        whole = loop("q", f"{h}_count", self._block_turns("0", str(self.width), base, turns))
        if self.is_single:
            count = f"({high} + 1 - ({low})) >> {self.shift}"
            lines = [f"{h}_first = {low}", *_chosen(f"{h}_count", ["0", count], ">")]
            lines.append(f"{h}_end = {h}_first + ({h}_count << {self.shift})")
            return [*lines, *whole, *self._block_turns("0", f"{high} + 1 - {h}_end", f"{h}_end")]
        parts = [
            f"{h}_base = {self._aligned(low)} if part == 1 else {h}_end",
            f"{h}_begin = {low} - {h}_base if part == 1 else 0",
            f"{h}_stop = {h}_first - {h}_base if part == 1 else ({high} + 1 - {h}_end if part == 2 else 0)",
            *self._block_turns(f"{h}_begin", f"{h}_stop", f"{h}_base"),
            "if part == 1:",
            *indented(whole),
        ]
        return [*self._lowest_and_highest(), *self._ends_of_blocks(low, high), *self._with_edges(4, parts)]

    def _block_turns(self, begin: str, stop: str, base: str, turns: str = "range") -> list[str]:
        body = self._body(self.frame.tasks, None)
        return loop("r", stop, [f"{self.variable} = {base} + r", *body], begin, turns)

    def _aligned(self, index: str) -> str:
        """Return where the block of a turn begins, counted from the first term of the sums."""
        return f"{self._low()} + (({index} - ({self._low()})) >> {self.shift} << {self.shift})"

    def _ends_of_blocks(self, low: str, high: str) -> list[str]:
        """Return the statements that find where whole blocks begin and end, between the turns that all ranges meet."""
        h = self.bounds
        return [
            f"{h}_first = {self._aligned(f'{low} + {self.width - 1}')}",
            f"{h}_first = {h}_first if {h}_first < {high} + 1 else {high} + 1",
            f"{h}_count = ({high} + 1 - {h}_first) >> {self.shift}",
            f"{h}_end = {h}_first + ({h}_count << {self.shift})",
        ]

    def _edges(self) -> list[str]:
        """Return the turns that all ranges meet as one loop, and those before and after it."""
        h = self.bounds
        inside = loop(self.variable, f"{h}_to + 1", self._body(self.frame.tasks, None), f"{h}_from")
        return [*self._lowest_and_highest(), *self._with_edges(2, ["if part == 0:", *indented(inside)])]

    def _with_edges(self, parts: int, inside: list[str]) -> list[str]:
        """Return ``inside`` for every part, where the first part begins, and the last ends, with turns that ask."""
        h = self.bounds
        edges = [
            f"{h}_begin = {h}_least if part == 0 else ({h}_to + 1 if part == {parts - 1} else {h}_most + 1)",
            f"{h}_stop = {h}_from if part == 0 else {h}_most + 1",
            *loop(self.variable, f"{h}_stop", self._guarded(None), f"{h}_begin"),
        ]
        return loop("part", parts, [*edges, *inside])

    def can_be_shared(self, axis: Axis) -> bool:
        """Return whether eight turns of a strip can share the loop: each entry is still added to in order."""
        adds = all(task.kind == "add" and variable(task.loops[0]) in task.at for task in self.frame.tasks)
        fixed = not any(axis.variable in text for text in self._bounds_in_strip(axis))
        return adds and fixed and self.is_single and self.is_straight and axis.width >= EIGHT

    def _bounds_in_strip(self, axis: Axis) -> list[str]:
        """Return the bounds of the loop, in terms of the turn of a strip."""
        turn = axis.before[0].split(" = ")[0]
        return [text.replace(turn, axis.variable) for text in self._outermost()]

    def shared(self, axis: Axis) -> list[str]:
        """Return the loop for eight turns of a strip at a time, and for each of the rest."""
        first, last = self._outermost()
        body, group = self._body(self.frame.tasks, None), f"{self.bounds}_group"
        turn = [f"{axis.variable} = ({group} << 3) + eighth", *axis.before, *body]
        eight = loop(self.variable, f"{last} + 1", loop("eighth", EIGHT, turn), first)
        rest = loop(self.variable, f"{last} + 1", self._body(self.frame.tasks, None), first)
        return [
            *loop(group, f"{axis.end} >> 3", eight),
            *loop(axis.variable, axis.end, [*axis.before, *rest], f"{axis.end} >> 3 << 3"),
        ]

    def _strips(self) -> list[str]:
        """Return a loop over strips of W turns, each of them done segment by segment."""
        (low, high), h = self._outermost(), self.bounds
        axis = Axis(f"{h}_r", f"{h}_rows", self.width, (f"{self.variable} = {h}_base + {h}_r",))
        self._slots(axis.variable)
        inside = [
            f"{h}_base = {low} + ({h}_strip << {self.shift})",
            f"{h}_rows = {high} + 1 - {h}_base",
            f"{h}_rows = {h}_rows if {h}_rows < {self.width} else {self.width}",
            *self._body(self.frame.tasks, axis),
        ]
        return loop(f"{h}_strip", f"({high} + {self.width} - ({low})) >> {self.shift}", inside)


def _combined(op: str, place: str, texts: list[str]) -> str:
    """Return the statement that takes something into a partial sum, product or maximum."""
    if op == "sum":
        return (
            f"{place} = fma({texts[0]}, {texts[1]}, {place})" if len(texts) == 2 else f"{place} = {place} + {texts[0]}"
        )
    if op == "prod":
        return f"{place} = {place}*({texts[0]})"
    return f"{place} = {place} if ({place} >= {texts[0]}) | ({place} != {place}) else {texts[0]}"


def _chosen(name: str, texts: Iterable[str], sign: str) -> list[str]:
    """Return the statements that take the least (<) or greatest (>) of some whole numbers."""
    first, *rest = texts
    return [f"{name} = {first}", *(f"{name} = {text} if {text} {sign} {name} else {name}" for text in rest)]
