"""Interprets a program with its loops in any arithmetic: floats, 50 digits, series.

It is slow and plain: the reference for compiled code, and the way to look at every value on the
way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from symopt.diagnosis.elimination import Eliminator
from symopt.ir.elimination import KINDS, order_of
from symopt.ir.index import Affine, Atom, IndirectIndex, Loop, Size, evaluate_index
from symopt.ir.keys import Key
from symopt.ir.program import (
    Graph,
    IndexValue,
    Load,
    LoopOf,
    Name,
    Node,
    Program,
    Statement,
    demand_order,
)

Place = Mapping[Loop, int]
"""Where the loops stand."""
Operation = Callable[[Node, list[Any]], Any]
"""The value of a node from those of its arguments."""
Watch = Callable[[int, list[Any], Any, Place], None]
"""Told of each node: its number, its arguments' values, its own, and the loops' places."""


@dataclass
class Interpreter:
    """Works out a program.

    Attributes
    ----------
    program
        What is worked out.
    operation
        The arithmetic; it is asked for the constants too.
    inputs
        The values of inputs that are no entries of arrays.
    arrays
        The arrays that are read: of objects, each of the shape that indices expect.
    sizes
        The number that each size symbol stands for.
    watch
        Told of every node.
    """

    program: Program
    operation: Operation
    inputs: Mapping[Key, Any]
    arrays: Mapping[Name, npt.NDArray[Any]] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    watch: Watch | None = None

    def __post_init__(self) -> None:
        self.stored: dict[tuple[Name, tuple[int, ...]], Any] = {}
        self._graph = Graph()
        self._outputs = self._graph.inline(self.program, self._graph.input)
        self._done = False

    @property
    def nodes(self) -> list[Node]:
        """The nodes, by the numbers that ``watch`` is told."""
        return self._graph.nodes

    def output(self, key: Key) -> Any:
        """Return an output that depends on no loop, after all statements."""
        self.carry_out()
        return self._values([self._outputs[key]], {}, {})[self._outputs[key]]

    def carry_out(self) -> None:
        """Carry out the statements, once; ``stored`` has their entries by array and indices."""
        if self._done:
            return
        self._done = True
        for statement in self.program.statements:
            if statement.kind in KINDS:
                self._eliminate(statement)
                continue
            for place in self._places(statement.loops):
                node = self._outputs[statement.key]
                self._put(statement, place, self._values([node], place, {})[node])

    def _eliminate(self, statement: Statement) -> None:
        """Store an inverse or a determinant."""
        read = self._graph.nodes[self._outputs[statement.key]].payload
        assert isinstance(read, Load)
        every = range(self._whole(order_of(statement.at), {}))
        matrix = [[self._at(read, (i, j)) for j in every] for i in every]
        eliminator = Eliminator(self._apply, self._number)
        for place, value in eliminator.entries(statement.kind, matrix).items():
            self.stored[statement.array, place] = value

    def _number(self, value: float) -> Any:
        return self.operation(Node("const", (), value), [])

    def _put(self, statement: Statement, place: Place, value: Any) -> None:
        at = (statement.array, self._indices(statement.at, place))
        if statement.kind == "add" and at in self.stored:
            value = self._apply("add", [self.stored[at], value])
        self.stored[at] = value

    def _places(self, loops: Sequence[Loop]) -> Iterable[Place]:
        """Give every stand of nested loops, the outermost first."""
        places: list[dict[Loop, int]] = [{}]
        for loop in loops:
            places = [{**place, loop: k} for place in places for k in self._range(loop, place)]
        return places

    def _range(self, loop: Loop, place: Place) -> range:
        return range(self._whole(loop.low, place), self._whole(loop.high, place) + 1)

    def _values(
        self, wanted: Sequence[int], place: Place, known: Mapping[int, Any]
    ) -> dict[int, Any]:
        """Return the values of nodes, and of all below them that depend on no other loops."""
        values, own = (
            dict(known),
            frozenset().union(*(self._graph.loops(number) for number in wanted)),
        )
        # an inner sum may run over an index of the place anew: what stands in it is not asked for
        # where that is
        place = {loop: at for loop, at in place.items() if loop in own}
        for number in demand_order(self._graph.nodes, wanted, known):
            if self._graph.loops(number) <= place.keys():
                values[number] = self._value(number, place, values)
        return values

    def _value(self, number: int, place: Place, values: Mapping[int, Any]) -> Any:
        node = self._graph.nodes[number]
        args: list[Any] = []
        if node.op == "input":
            return self._input(node.payload, place)  # type: ignore[arg-type]
        if isinstance(node.payload, Loop):
            value = self._reduced(node, place, values)
        elif isinstance(node.payload, LoopOf):
            value = self._others(node, node.payload.loop, place, values)
        else:
            args = [values[arg] for arg in node.args]
            value = self.operation(node, args)
        if self.watch is not None:
            self.watch(number, args, value, place)
        return value

    def _reduced(self, node: Node, place: Place, values: Mapping[int, Any]) -> Any:
        """Return a sum, a product or the largest of the values of a node over a loop."""
        (body,), loop = node.args, node.payload
        assert isinstance(loop, Loop)
        total, known = None, self._without(loop, values)
        for k in self._range(loop, place):
            term = self._values([body], {**place, loop: k}, known)[body]
            if total is None:
                total = term
            else:
                total = self._join(node.op, total, term)
        start = {"sum": 0.0, "prod": 1.0, "peak": -np.inf}[node.op]
        if total is None:
            return self._number(start)
        return total

    def _others(self, node: Node, loop: Loop, place: Place, values: Mapping[int, Any]) -> Any:
        """Return the product of all factors over a loop but the one where it stands."""
        (body,) = node.args
        known = self._without(loop, values)
        total = self._number(1.0)
        for k in self._range(loop, place):
            if k != place[loop]:
                factor = self._values([body], {**place, loop: k}, known)[body]
                total = self._apply("mul", [total, factor])
        return total

    def _without(self, loop: Loop, values: Mapping[int, Any]) -> dict[int, Any]:
        """Forget values that depend on a loop: an inner sum may run over the same index."""
        return {
            number: value
            for number, value in values.items()
            if loop not in self._graph.loops(number)
        }

    def _join(self, op: str, one: Any, other: Any) -> Any:
        if op == "peak":
            return self._apply("select", [self._apply("lt", [one, other]), other, one])
        return self._apply({"sum": "add", "prod": "mul"}[op], [one, other])

    def _apply(self, op: str, args: list[Any]) -> Any:
        return self.operation(Node(op), args)

    # Inputs and indices

    def _input(self, key: Key, place: Place) -> Any:
        if isinstance(key, IndexValue):
            return self._number(float(self._whole(key.value, place)))
        if isinstance(key, Load):
            return self._entry(key, place)
        if key in self.inputs:
            return self.inputs[key]
        return self._number(float(self.sizes[str(key[1])]))

    def _entry(self, read: Load, place: Place) -> Any:
        return self._at(read, self._indices(read.at, place))

    def _at(self, read: Load, at: tuple[int, ...]) -> Any:
        """Return the entry of an array at an index."""
        if (read.array, at) in self.stored:
            return self.stored[read.array, at]
        array = self.arrays[read.array]
        if read.near and not all(
            0 <= index < length for index, length in zip(at, array.shape, strict=True)
        ):
            return self._number(float("nan"))  # beside the array, as in a branch not taken
        entry = array[at]
        if isinstance(entry, np.integer):  # of data that choose entries, read as a number
            return self._number(float(entry))
        return entry

    def _indices(self, at: Sequence[Affine], place: Place) -> tuple[int, ...]:
        return tuple(self._whole(index, place) for index in at)

    def _whole(self, index: Affine, place: Place) -> int:
        def value(atom: Atom) -> int:
            if isinstance(atom, Loop):
                return place[atom]
            if isinstance(atom, Size):
                return self.sizes[atom.size]
            assert isinstance(atom, IndirectIndex)
            return int(self.arrays[atom.array][self._indices(atom.at, place)])

        return evaluate_index(index, value)
