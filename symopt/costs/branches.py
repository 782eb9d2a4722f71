"""Refuses branches of a Piecewise that may be taken and read beside an array.

The condition of a Piecewise on an index keeps a branch from entries that are not there, as in
``Piecewise((x[i + 1], i < n - 1), (0, True))``: whether it does is found by going through the
indices of the sums, with every condition on indices and data decided and every other one left open.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from symopt.costs.shape_inference import Solver
from symopt.errors import CostError
from symopt.ir.index import Affine, Atom, IndirectIndex, Loop, bounds_of, extreme
from symopt.ir.keys import SizeValue
from symopt.ir.program import Graph, IndexValue, Load, Name, Program

LARGEST = (
    4_000_000  # turns of several loops that are all looked at; of more, those at the ends of each
)
ENDS = 64
Flags = Any
"""Truth by turn: an array, or one value for all turns."""


def refuse_reads_beside(
    program: Program, solver: Solver, data: Mapping[str, npt.NDArray[Any]]
) -> None:
    """Refuse a cost in which a branch that may be taken reads an entry that its array has not.

    Raises
    ------
    CostError
        At the first such entry, with the indices at which it is read.
    """
    doubtful = [read for read in _choosing(program) if _leaves(read, solver)]
    if not doubtful:
        return
    graph = Graph()
    roots = list(graph.inline(program, graph.input).values())
    for read in doubtful:
        _refuse(graph, roots, graph.input(read), solver=solver, data=data)


def _choosing(program: Program) -> Iterator[Load]:
    return (key for key in program.inputs if isinstance(key, Load) and key.near)


def _leaves(read: Load, solver: Solver) -> list[int]:
    """Return the axes along which an index leaves its array anywhere in the ranges of its loops."""
    found = []
    for axis, index in enumerate(read.at):
        first, last = solver.inside(read.array, axis)
        if extreme(index, -1, solver.value) < first or extreme(index, 1, solver.value) > last:
            found.append(axis)
    return found


def _refuse(
    graph: Graph,
    roots: Iterable[int],
    number: int,
    solver: Solver,
    data: Mapping[str, npt.NDArray[Any]],
) -> None:
    read = graph.nodes[number].payload
    assert isinstance(read, Load)
    above = _above(graph, number)
    turns = _Turns(graph.loops(number) | _condition_loops(graph, above), solver, data)
    taken = _Taken(graph, turns).of(number, roots, above)
    for axis in _leaves(read, solver):
        first, last = solver.inside(read.array, axis)
        index = turns.of(read.at[axis])
        bad = np.flatnonzero(taken & ((index < first) | (index > last)))
        if bad.size:
            here = ", ".join(
                f"{loop.name} = {values[bad[0]]}" for loop, values in turns.values.items()
            )
            raise _error(
                read,
                axis,
                f" at {here}" if here else "",
                index=index[bad[0]],
                known=f"{first} to {last}",
            )


def _error(read: Load, axis: int, here: str, index: int, known: str) -> CostError:
    along = ""
    if len(read.at) > 1:
        along = f" along axis {axis}"
    return CostError(
        f"a branch of a Piecewise that may be taken{here} reads {read.array[1]} at index "
        f"{index}{along}, of {known}; "
        "expected a range or a condition on the index that keeps it inside, as in "
        "Piecewise((x[i + 1], i < n - 1), (0, True))"
    )


class _Turns:
    """Every combination of the variables of some loops, or those near the ends of many.

    Attributes
    ----------
    values
        The variable of each loop, by turn.
    count
        How many turns there are.
    """

    def __init__(
        self, loops: Iterable[Loop], solver: Solver, data: Mapping[str, npt.NDArray[Any]]
    ) -> None:
        self.solver, self.data = solver, data
        self.values: dict[Loop, npt.NDArray[np.int64]] = {}
        self.count = 1
        own = set(loops)
        needed = sorted(own.union(*map(bounds_of, own)))
        few = len(needed) > 1 and _are_many(needed, solver)
        for loop in needed:
            low = self.of(loop.low)
            self._extend(loop, low, np.maximum(self.of(loop.high) - low + 1, 0), few)

    def _extend(
        self, loop: Loop, low: npt.NDArray[Any], lengths: npt.NDArray[Any], few: bool
    ) -> None:
        """Add the variable of a loop to the turns of those around it."""
        counts = lengths
        if few:
            counts = np.minimum(lengths, 2 * ENDS)
        rows = np.repeat(np.arange(len(counts)), counts)
        step = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        jump = np.where(step < ENDS, 0, (lengths - counts)[rows])
        self.values = {outer: values[rows] for outer, values in self.values.items()}
        self.values[loop] = low[rows] + step + jump
        self.count = len(rows)

    def of(self, index: Affine) -> npt.NDArray[Any]:
        """Return an index at each turn."""
        result = np.full(self.count, index.const)
        for atom, factor in index.terms:
            result = result + factor * self._atom(atom)
        return result

    def _atom(self, atom: Atom) -> Any:
        if isinstance(atom, Loop):
            return self.values[atom]
        if isinstance(atom, IndirectIndex):
            return self.entries(*atom)
        return self.solver.sizes[atom.size]

    def entries(self, array: Name, at: tuple[Affine, ...]) -> npt.NDArray[Any]:
        """Return the entry of data at each turn, the nearest one beside it."""
        values: npt.NDArray[Any] = self.data[array[1]]
        places = zip(at, values.shape, strict=True)
        found: npt.NDArray[Any] = values[
            tuple(np.clip(self.of(index), 0, length - 1) for index, length in places)
        ]
        return found


def _are_many(loops: Iterable[Loop], solver: Solver) -> bool:
    count = 1
    for loop in loops:
        count *= max(
            extreme(loop.high, 1, solver.value) - extreme(loop.low, -1, solver.value) + 1, 0
        )
    return count > LARGEST


# Conditions


class _Truth(NamedTuple):
    """Whether a condition can hold, and whether it can fail, at each turn."""

    can_hold: Flags
    can_fail: Flags


OPEN = _Truth(np.True_, np.True_)
COMPARED = {"lt": np.less, "le": np.less_equal, "eq": np.equal, "ne": np.not_equal}
COUNTED = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "neg": np.negative, "abs": np.abs}


class _Taken:
    """Finds at which turns an entry is asked for."""

    def __init__(self, graph: Graph, turns: _Turns) -> None:
        self.graph, self.turns = graph, turns

    def of(self, number: int, roots: Iterable[int], above: set[int]) -> Flags:
        """Return the turns at which a node may be needed, from the outputs down to it."""
        needed: dict[int, Flags] = {root: np.True_ for root in roots if root in above}
        for user in sorted(above - {number}, reverse=True):
            for place, arg in enumerate(self.graph.nodes[user].args):
                if arg in above:
                    here = needed.get(user, np.False_) & self._chosen(user, place)
                    needed[arg] = needed.get(arg, np.False_) | here
        return needed.get(number, np.False_)

    def _chosen(self, number: int, place: int) -> Flags:
        """Return at which turns an argument of a node is what counts."""
        node = self.graph.nodes[number]
        if node.op != "select" or place == 0:
            return np.True_
        truth = self._truth(node.args[0])
        if place == 1:
            return truth.can_hold
        return truth.can_fail

    def _truth(self, number: int) -> _Truth:
        node = self.graph.nodes[number]
        if node.op in COMPARED:
            return self._compared(node.op, *node.args)
        if node.op not in ("and", "or"):
            return OPEN
        one, other = map(self._truth, node.args)
        if node.op == "and":
            return _Truth(one.can_hold & other.can_hold, one.can_fail | other.can_fail)
        return _Truth(one.can_hold | other.can_hold, one.can_fail & other.can_fail)

    def _compared(self, op: str, left: int, right: int) -> _Truth:
        a, b = self._number(left), self._number(right)
        if a is None or b is None:
            return OPEN
        holds = COMPARED[op](a, b)
        return _Truth(holds, ~holds)

    def _number(self, number: int) -> Any:
        """Return a node of indices, sizes, data and numbers at each turn, None of another."""
        node = self.graph.nodes[number]
        key = node.payload
        if node.op == "const":
            return np.float64(key)  # type: ignore[arg-type]
        if isinstance(key, IndexValue):
            return self.turns.of(key.value)
        if isinstance(key, Load):
            if key.array[0] == "data":
                return self.turns.entries(key.array, key.at)
            return None
        if isinstance(key, SizeValue):
            return np.int64(self.turns.solver.sizes[str(key.which)])
        if node.op in COUNTED:
            values = [self._number(arg) for arg in node.args]
        else:
            values = [None]
        if any(value is None for value in values):
            return None
        return COUNTED[node.op](*values)


def _above(graph: Graph, number: int) -> set[int]:
    """Return the nodes that need a node, itself included."""
    found = {number}
    for user in range(number + 1, len(graph.nodes)):
        if not found.isdisjoint(graph.nodes[user].args):
            found.add(user)
    return found


def _condition_loops(graph: Graph, above: set[int]) -> set[Loop]:
    """Return the loops of the conditions under which a node stands."""
    found: set[Loop] = set()
    for number in above:
        node = graph.nodes[number]
        if node.op == "select":
            found |= graph.loops(node.args[0])
    return found
