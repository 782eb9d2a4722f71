"""The gradient of a program with sums: what is stored and what is added to arrays, loop by loop.

``where`` arrays are computed first. Then what J passes on is added to the gradient ("g") and to
the adjoints of the stored arrays ("adjoint"), whose definitions pass it on in turn, the last first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence

from symopt.autodiff.elimination import Elimination, Filled, beside
from symopt.autodiff.forward import forward
from symopt.autodiff.partials import partials
from symopt.autodiff.reverse import NOWHERE, Adjoints, reverse
from symopt.ir.elimination import DETERMINANT, KINDS
from symopt.ir.index import Affine, Loop, all_loops, constant, plus, variable
from symopt.ir.keys import Key
from symopt.ir.program import Graph, Load, Name, Program, Statement

Shape = tuple[Affine, ...]


def loop_gradient(value: Program, shapes: Mapping[Name, Shape]) -> Program:
    """Return the program of ``"J"`` whose statements leave the gradient in the arrays ("g", name).

    Parameters
    ----------
    value
        A program with the output ``"J"``, whose statements store ``where`` arrays.
    shapes
        The shape of each parameter array ("x", name).
    """
    graph = Graph()
    outputs = graph.inline(value, graph.input)
    sweep = Sweep(graph, value, outputs)
    sweep.begin(shapes)
    sweep.add(reverse(graph, outputs["J"], {NOWHERE: graph.const(1.0)}))
    sweep.pass_back()
    return graph.program(sweep.outputs, [*sweep.forward, *sweep.used()])


def _slope_array(stored: Statement) -> Name:
    """Return the array that keeps the slope of what is stored."""
    return ("slope", stored.array[1])


def _slope(graph: Graph, number: int) -> int | None:
    """Return the slope of a function of a sum where its argument is at hand already."""
    node = graph.nodes[number]
    if len(node.args) != 1 or node.op in PLAIN or isinstance(node.payload, Loop):
        return None
    if not any(isinstance(below.payload, Loop) for below in graph.reachable(node.args[0])):
        return None
    (slope,) = partials(graph, number)
    return slope


def _adjoint(stored: Statement) -> Load:
    return Load(("adjoint", stored.array[1]), stored.at)


def coordinates(shape: Shape) -> tuple[Loop, ...]:
    """Return loops over all entries of an array, which come before all others."""
    return tuple(
        Loop(-1 - len(shape) + axis, f"at{axis}", constant(0), plus(length, constant(-1)))
        for axis, length in enumerate(shape)
    )


class Sweep:
    """The statements of a gradient, as they come.

    Parameters
    ----------
    graph, outputs
        Where the value stands, and its outputs there.
    value
        The program of J.

    Attributes
    ----------
    forward
        What is stored on the way to J, and beside it for the way back.
    """

    def __init__(self, graph: Graph, value: Program, outputs: Mapping[Key, int]) -> None:
        self.graph, self.value, self.outputs = graph, value, dict(outputs)
        self.statements: list[Statement] = []
        self.forward: list[Statement] = []
        self._slopes: dict[Statement, int] = {}

    def begin(self, shapes: Mapping[Name, Shape]) -> None:
        """Store what the way back needs, and begin the gradient and all adjoints."""
        for stored in self.value.statements:
            self._store(stored, self.outputs[stored.key])
        for (_, name), shape in shapes.items():
            loops = coordinates(shape)
            self.zero(("g", name), tuple(variable(loop) for loop in loops), loops)
        for stored in self.value.statements:
            self._zero_adjoint(stored, self.outputs[stored.key])

    def _store(self, stored: Statement, node: int) -> None:
        """Add a statement of the value, after the inverse or before the slope that it needs."""
        if stored.kind == DETERMINANT:
            self._put_forward(beside(stored), node)
        self.forward.append(stored)
        slope = _slope(self.graph, node)
        if slope is not None:
            self._slopes[stored] = slope
            kept = stored._replace(array=_slope_array(stored), key=("slope", stored.key))
            self._put_forward(kept, slope)

    def _put_forward(self, statement: Statement, node: int) -> None:
        self.forward.append(statement)
        self.outputs[statement.key] = node

    def pass_back(self) -> None:
        """Pass the adjoints of what is stored on to what it is made from, the last first."""
        for stored in reversed(self.value.statements):
            adjoint = ("adjoint", stored.array[1])
            if any(done.array == adjoint and done.kind == "add" for done in self.statements):
                self._pass_on(stored, self.outputs[stored.key])

    def _pass_on(self, stored: Statement, node: int) -> None:
        if stored.kind in KINDS:
            self._pass_elimination(stored, node)
            return
        seed = {all_loops(stored.at) | frozenset(stored.loops): self.graph.input(_adjoint(stored))}
        kept = {node: self.graph.input(Load(stored.array, stored.at))}
        if stored in self._slopes:
            read = Load(_slope_array(stored), stored.at)
            kept[self._slopes[stored]] = self.graph.input(read)
        self.add(reverse(self.graph, node, seed, kept=kept))

    def zero(self, array: Name, at: tuple[Affine, ...], loops: tuple[Loop, ...]) -> None:
        """Begin an array with -0.0, which added to changes nothing, so that it costs nothing."""
        zero = self.graph.const(-0.0)
        self._put(zero, Statement("define", array, at, loops, self._next_key()))

    def _zero_adjoint(self, stored: Statement, node: int) -> None:
        """Begin the adjoint of a stored array."""
        adjoint = ("adjoint", stored.array[1])
        if stored.kind in KINDS:
            self._fill(self._elimination(stored, node).zeros(adjoint))
        else:
            self.zero(adjoint, stored.at, stored.loops)

    def _pass_elimination(self, stored: Statement, node: int) -> None:
        """Pass the adjoint of an inverse or a determinant on to the array it is made from."""
        elimination = self._elimination(stored, node)
        kind, name = elimination.source
        if kind in TARGETS:
            target = (TARGETS[kind], name)
            self._fill(elimination.adjoints(("adjoint", stored.array[1]), target))

    def _elimination(self, stored: Statement, node: int) -> Elimination:
        return Elimination(self.graph, stored, array_read(self.graph, node))

    def _fill(self, entries: Iterable[Filled]) -> None:
        for one in entries:
            statement = Statement(one.kind, one.array, one.at, one.loops, self._next_key())
            self._put(one.node, statement)

    def add(self, adjoints: Adjoints) -> None:
        """Add the adjoint of every entry that is read to its place."""
        for number in sorted(adjoints):
            read = self.graph.nodes[number].payload
            if isinstance(read, Load) and read.array[0] in TARGETS:
                for domain, node in adjoints[number].items():
                    self._add(read, tuple(sorted(domain)), node)

    def _add(self, read: Load, loops: tuple[Loop, ...], node: int) -> None:
        target = (TARGETS[read.array[0]], read.array[1])
        statement = Statement("add", target, read.at, loops, self._next_key())
        self._put(node, statement._replace(near=read.near))

    def _next_key(self) -> Key:
        return ("to", len(self.statements))

    def _put(self, node: int, statement: Statement) -> None:
        self.statements.append(statement)
        self.outputs[statement.key] = node

    def used(self) -> list[Statement]:
        """Return the statements, less the zeros of adjoints that nothing is added to."""
        added = {statement.array for statement in self.statements if statement.kind == "add"}
        return [s for s in self.statements if s.array in added or s.array[0] != "adjoint"]


def array_read(graph: Graph, node: int) -> Name:
    """Return the array that an inverse or a determinant is made from."""
    read = graph.nodes[node].payload
    assert isinstance(read, Load)
    return read.array


TARGETS = {"x": "g", "where": "adjoint"}
"""Where the adjoint of an entry of an array goes, by the kinds of the two."""
PLAIN = {"neg", "abs", "sqrt", "exp"}
"""Functions whose slope needs no more than their value."""
MOVING = {
    "x": "v",
    **{kind: f"dot {kind}" for kind in ("where", "slope", "adjoint", "inverse", "product")},
}
"""What moves along a direction v, and where its change is kept."""


def loop_tangent(gradient: Program, names: Sequence[Name]) -> Program:
    """Return the program that leaves H*v, for the direction ("v", name), in ("g", name).

    Parameters
    ----------
    gradient
        What :func:`loop_gradient` returned.
    names
        The parameter arrays.
    """
    graph = Graph()
    outputs = graph.inline(gradient, graph.input)
    arrays = {*names, *(s.array for s in gradient.statements if s.array[0] != "g")}
    dots = forward(graph, {array: (MOVING[array[0]], array[1]) for array in arrays})
    statements, wanted = [], {}
    for statement in gradient.statements:
        if statement.array[0] == "g":
            moved = statement._replace(key=("dot", statement.key))
            wanted[moved.key] = dots.get(outputs[statement.key], graph.const(0.0))
            statements.append(moved)
        else:
            wanted[statement.key] = outputs[statement.key]
            statements += [statement, *tangents_of(graph, statement, dots, wanted)]
    return graph.program(wanted, statements)


def tangents_of(
    graph: Graph,
    statement: Statement,
    dots: Mapping[int, int],
    outputs: MutableMapping[Key, int],
) -> Iterator[Statement]:
    """Give the statements that fill the tangent of a stored array; ``outputs`` gets their nodes."""
    node = outputs[statement.key]
    if statement.kind in KINDS:
        yield from _moved_elimination(graph, statement, array_read(graph, node), outputs)
        return
    kind, name = statement.array
    moved = statement._replace(key=("dot", statement.key), array=(MOVING[kind], name))
    outputs[moved.key] = dots.get(node, graph.const(0.0))
    yield moved


def _moved_elimination(
    graph: Graph, statement: Statement, source: Name, wanted: MutableMapping[Key, int]
) -> Iterator[Statement]:
    """Give the statements that fill the tangent of an inverse or a determinant."""
    kind, name = statement.array
    moving = None
    if source[0] in MOVING:
        moving = (MOVING[source[0]], source[1])
    elimination = Elimination(graph, statement, source)
    for number, one in enumerate(elimination.tangents((MOVING[kind], name), moving)):
        key = ("dot", (statement.key, number))
        wanted[key] = one.node
        yield Statement(one.kind, one.array, one.at, one.loops, key)
