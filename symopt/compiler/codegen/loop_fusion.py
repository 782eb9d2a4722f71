"""Which loops a program with sums is made of: what shares a loop, and what has to come first.

Every reduction, and every statement that stores to an array or adds to it, is a task: something
done in a loop, or once. Tasks over the same range share a loop where none needs what another has
only when its loop is over. A reduction is done in the outermost loop that it can stand in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from symopt.ir.index import Affine, Loop, variable
from symopt.ir.program import Graph, Load, Name, demand_order

NEAR = 16  # ranges whose ends differ by no more are run through in one loop
RANK = {"define": 0, "inverse": 0, "determinant": 0, "reduce": 1, "add": 2, "update": 3}


class Task(NamedTuple):
    """What is done with a node, and the loops still around it.

    ``kind`` is "reduce", "update" or that of a statement.

    Updates of one iteration are done together: each is computed before any is stored.
    """

    kind: str
    node: int
    loops: tuple[Loop, ...]
    array: Name = ("", "")
    at: tuple[Affine, ...] = ()
    near: bool = False


@dataclass
class FusedLoop:
    """Tasks that share a loop."""

    tasks: list[Task] = field(default_factory=list)

    @property
    def loops(self) -> list[Loop]:
        """The ranges of the tasks, each once."""
        return list(dict.fromkeys(task.loops[0] for task in self.tasks))


@dataclass
class Schedule:
    """Fused loops in their order, and what is done once before, between and after them."""

    fused_loops: list[FusedLoop]
    between: list[list[Task]]


class Scheduler:
    """Makes schedules for the tasks of one graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def below(self, task: Task, known: Iterable[int] = ()) -> list[int]:
        """Return what a task needs beyond what is known."""
        return demand_order(self.graph.nodes, self.roots(task), known)

    def roots(self, task: Task) -> tuple[int, ...]:
        """Return what a task itself needs."""
        if task.kind == "reduce":
            return self.graph.nodes[task.node].args
        return (task.node,)

    def reductions(self, numbers: Iterable[int], around: frozenset[Loop]) -> list[int]:
        """Return those reductions among nodes that can be done inside these loops alone."""
        return [
            n
            for n in numbers
            if isinstance(self.graph.nodes[n].payload, Loop) and self.graph.loops(n) <= around
        ]

    def is_straight(self, task: Task, around: frozenset[Loop], known: Mapping[int, object]) -> bool:
        """Return whether a task has one loop and nothing looped in it."""
        inner = {
            n for n in self.below(task, known) if isinstance(self.graph.nodes[n].payload, Loop)
        }
        return len(task.loops) == 1 and inner <= set(self.reductions(inner, around))

    def schedule(
        self,
        tasks: list[Task],
        wanted: Iterable[int],
        around: frozenset[Loop],
        known: Mapping[int, object],
    ) -> Schedule:
        """Order tasks inside the loops ``around``, with the reductions that they need."""
        everything = self._with_reductions(tasks, wanted, around, known)
        needs = {task: self._needs(task, everything, around, known) for task in everything}
        fused_loops: list[FusedLoop] = []
        between: list[list[Task]] = [[]]
        place: dict[Task, int] = {}
        for task in self._ordered(everything, needs):
            if task.loops:
                place[task] = self._fused_loop(task, needs[task], place, fused_loops, around, known)
                between += [[] for _ in range(len(fused_loops) + 1 - len(between))]
            else:
                first = max(
                    (place[other] + (1 if other.loops else 0) for other in needs[task]), default=0
                )
                place[task] = first
                between[first].append(task)
        for fused in fused_loops:
            order = fused.loops
            fused.tasks.sort(key=lambda task: order.index(task.loops[0]))
        return Schedule(fused_loops, between)

    def _with_reductions(
        self,
        tasks: list[Task],
        wanted: Iterable[int],
        around: frozenset[Loop],
        known: Mapping[int, object],
    ) -> list[Task]:
        roots = list(chain.from_iterable(map(self.roots, tasks)))
        found = self.reductions(demand_order(self.graph.nodes, [*roots, *wanted], known), around)
        return [*tasks, *map(self._reduction, found)]

    def _reduction(self, number: int) -> Task:
        loop = self.graph.nodes[number].payload
        assert isinstance(loop, Loop)
        return Task("reduce", number, (loop,))

    def _needs(
        self, task: Task, tasks: list[Task], around: frozenset[Loop], known: Mapping[int, object]
    ) -> dict[Task, bool]:
        """Return the tasks that must come first, and whether sharing a loop with them suffices."""
        below = self.below(task, known)
        first = {self._reduction(n): False for n in self.reductions(below, around)}
        reads: dict[Name, list[tuple[Affine, ...]]] = {}
        for n in below:
            key = self.graph.nodes[n].payload
            if isinstance(key, Load):
                reads.setdefault(key.array, []).append(key.at)
        earlier = True
        for other in tasks:
            earlier = earlier and other != task
            seen = list(reads.get(other.array, []))
            if other.array == task.array and earlier:
                seen.append(task.at)
            together = task.kind == other.kind == "update"
            if other.kind != "reduce" and other != task and seen and not together:
                first[other] = _same_iteration(task, other, seen)
        return first

    def _ordered(self, tasks: list[Task], needs: Mapping[Task, Mapping[Task, bool]]) -> list[Task]:
        """Return the tasks so that each comes after what it needs; zeros first, additions late."""
        waiting = sorted(tasks, key=lambda task: RANK[task.kind])
        order: list[Task] = []
        done: set[Task] = set()
        while waiting:
            task = next(task for task in waiting if needs[task].keys() <= done)
            waiting.remove(task)
            done.add(task)
            order.append(task)
        return order

    def _fused_loop(
        self,
        task: Task,
        needs: Mapping[Task, bool],
        place: Mapping[Task, int],
        fused_loops: list[FusedLoop],
        around: frozenset[Loop],
        known: Mapping[int, object],
    ) -> int:
        """Put a task into the last loop that it can share, or a new one; return which."""
        earliest = 0
        for other, shared in needs.items():
            earliest = max(earliest, place[other] + (0 if shared or not other.loops else 1))
        for number in range(len(fused_loops) - 1, earliest - 1, -1):
            inside = [other for other in needs if other.loops and place[other] == number]
            if self._fits(task, fused_loops[number], around, known) and _comes_after(
                task, inside, fused_loops[number]
            ):
                fused_loops[number].tasks.append(task)
                return number
        fused_loops.append(FusedLoop([task]))
        return len(fused_loops) - 1

    def _fits(
        self, task: Task, fused: FusedLoop, around: frozenset[Loop], known: Mapping[int, object]
    ) -> bool:
        loop = task.loops[0]
        if not all(_near(loop, other) for other in fused.loops):
            return False
        sums = [other.loops[0] for other in [*fused.tasks, task] if other.kind == "reduce"]
        if any(other.low != sums[0].low for other in sums):
            return False
        same = all(_range(loop) == _range(other) for other in fused.loops)
        return same or all(self.is_straight(one, around, known) for one in [*fused.tasks, task])


def _comes_after(task: Task, needs: list[Task], fused: FusedLoop) -> bool:
    """Return whether one iteration reaches this task after those it depends on.

    The fused loop takes its tasks one after the other.
    """
    order = [*fused.loops, task.loops[0]]
    return all(order.index(other.loops[0]) <= order.index(task.loops[0]) for other in needs)


def _range(loop: Loop) -> tuple[Affine, Affine]:
    return loop.low, loop.high


def _near(one: Loop, other: Loop) -> bool:
    """Return whether two ranges are the same but for a few iterations at their ends."""
    pairs = zip(_range(one), _range(other), strict=True)
    return all(a.terms == b.terms and abs(a.const - b.const) <= NEAR for a, b in pairs)


def _same_iteration(task: Task, other: Task, seen: list[tuple[Affine, ...]]) -> bool:
    """Return whether a task meets what another stores only in the same iteration."""
    if not (task.loops and other.loops):
        return False
    mine, its = variable(task.loops[0]), variable(other.loops[0])
    return any(
        index == its and all(at[axis] == mine for at in seen) for axis, index in enumerate(other.at)
    )
