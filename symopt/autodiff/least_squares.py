"""The Gauss-Newton matrix of a cost with loops, times a direction.

Of J = sum(c*r**2), the Hessian is the sum of 2*c*(r' r'^T + r*r''). The Gauss-Newton matrix is what
is left without r''; times v, it is the adjoint pass of r with the seed 2*c*(r'.v).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from symopt.autodiff.forward import forward
from symopt.autodiff.loops import MOVING, Shape, Sweep, tangents_of
from symopt.autodiff.reverse import Domain, reverse
from symopt.frontend.moving import Moving
from symopt.ir.index import Loop
from symopt.ir.program import Graph, Name, Program


class Square(NamedTuple):
    """A term factor*base**2 of J, inside the loops that it is summed over."""

    factor: int
    base: int
    domain: Domain


def has_squares(value: Program) -> bool:
    """Return whether J is a sum of c*r**2, with c free of parameters."""
    graph = Graph()
    return find_squares(graph, graph.inline(value, graph.input)["J"]) is not None


def find_squares(graph: Graph, top: int) -> list[Square] | None:
    """Return the squares that a node is the sum of, None where it is no sum of squares."""
    try:
        return list(_Squares(graph).of(top, graph.const(1.0), frozenset()))
    except _NoSquareError:
        return None


class _NoSquareError(Exception):
    """A term is no square."""


class _Squares:
    """Looks for squares below sums, differences and constant factors.

    Attributes
    ----------
    has_constant
        Whether a term was met that no parameter moves.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph, self.moving = graph, Moving(graph)
        self.has_constant = False

    def of(self, number: int, factor: int, domain: Domain) -> Iterator[Square]:
        """Give the squares that a node is the sum of, each times ``factor``."""
        op, args, payload = self.graph.nodes[number]
        if number not in self.moving:
            self.has_constant = True  # it has no slope
        elif op == "sum" and isinstance(payload, Loop):
            yield from self.of(args[0], factor, domain | {payload})
        elif op in ("add", "sub"):
            yield from self.of(args[0], factor, domain)
            yield from self.of(args[1], self._negated(factor, op == "sub"), domain)
        elif op == "neg":
            yield from self.of(args[0], self._negated(factor, True), domain)
        elif op == "div" and args[1] not in self.moving:
            yield from self.of(args[0], self.graph.op("div", factor, args[1]), domain)
        elif op == "mul" and self._still(args) is not None:
            still, rest = self._still(args) or args
            yield from self.of(rest, self.graph.op("mul", factor, still), domain)
        elif op == "exp":
            raise _NoSquareError  # of a half of its argument, but nobody means that
        else:
            yield Square(factor, self._root(number), domain)

    def _still(self, args: tuple[int, ...]) -> tuple[int, int] | None:
        """Return the factor of a product that no parameter moves, and the other one."""
        one, other = args
        if one not in self.moving:
            return one, other
        if other not in self.moving:
            return other, one
        return None

    def _root(self, number: int) -> int:
        """Return what a node is the square of, up to its sign.

        Raises
        ------
        _NoSquareError
            If its form does not show it.
        """
        op, args, _ = self.graph.nodes[number]
        if op == "mul" and args[0] == args[1]:
            return args[0]
        if op in ("mul", "div"):  # SymPy writes (a*b)**2 as a**2*b**2
            return self.graph.op(op, *map(self._root, args))
        if op == "exp":
            return self.graph.op("exp", self.graph.op("mul", self.graph.const(0.5), args[0]))
        power = self.graph.value(args[1]) if op == "pow" else None
        if power is None or power % 2:
            raise _NoSquareError
        if abs(power) == 2:
            return self._inverted(args[0], power < 0)
        return self.graph.op("pow", args[0], self.graph.const(power / 2))

    def _inverted(self, number: int, inverted: bool) -> int:
        if inverted:
            return self.graph.op("div", self.graph.const(1.0), number)
        return number

    def _negated(self, factor: int, negated: bool) -> int:
        if negated:
            return self.graph.op("neg", factor)
        return factor


def count_program(value: Program) -> Program | None:
    """Return the program of how many squares J is the sum of; None where it is no such sum alone.

    A square with the factor 0 does not count; one that is subtracted makes the number NaN.
    """
    graph = Graph()
    outputs = graph.inline(value, graph.input)
    found = _Squares(graph)
    try:
        squares = list(found.of(outputs["J"], graph.const(1.0), frozenset()))
    except _NoSquareError:
        return None
    if found.has_constant:
        return None
    total = graph.const(0.0)
    for factor, _, domain in squares:
        total = graph.op("add", total, _count(graph, factor, domain))
    return graph.program({"J": total})


def _count(graph: Graph, factor: int, domain: Domain) -> int:
    """Return how often a factor is above 0 in its loops, NaN where it is below."""
    zero, one, nan = (graph.const(number) for number in (0.0, 1.0, float("nan")))
    below = graph.op("select", graph.op("lt", factor, zero), nan, zero)
    node = graph.op("select", graph.op("lt", zero, factor), one, below)
    for loop in sorted(domain, reverse=True):
        node = graph.reduce("sum", loop, node)
    return node


def loop_gauss_newton(value: Program, shapes: Mapping[Name, Shape]) -> Program:
    """Return the program that leaves G*v, for the direction ("v", name), in ("g", name).

    Parameters
    ----------
    value
        A program with the output ``"J"``, a sum of squares.
    shapes
        The shape of each parameter array ("x", name).
    """
    graph = Graph()
    outputs = graph.inline(value, graph.input)
    squares = find_squares(graph, outputs["J"])
    assert squares is not None
    arrays = {*shapes, *(stored.array for stored in value.statements)}
    dots = forward(graph, {array: (MOVING[array[0]], array[1]) for array in arrays})
    sweep = Sweep(graph, value, outputs)
    sweep.begin(shapes)
    begun = list(sweep.forward)
    for stored in sweep.forward:
        if stored.array[0] != "slope":
            begun += tangents_of(graph, stored, dots, sweep.outputs)
    for factor, base, domain in squares:
        change = dots.get(base, graph.const(0.0))
        twice = graph.op("mul", graph.const(2.0), factor)
        sweep.add(reverse(graph, base, {domain: graph.op("mul", twice, change)}))
    sweep.pass_back()
    return graph.program(sweep.outputs, [*begun, *sweep.used()])
