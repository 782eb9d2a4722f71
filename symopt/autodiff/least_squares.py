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
    return square_domains(value) is not None


def square_domains(value: Program) -> list[Domain] | None:
    """Return the loops of each square that J is the sum of, None where it is no such sum."""
    graph = Graph()
    squares = find_squares(graph, graph.inline(value, graph.input)["J"])
    if squares is None:
        return None
    return [square.domain for square in squares]


def find_squares(graph: Graph, top: int) -> list[Square] | None:
    """Return the squares that a node is the sum of, None where it is no sum of squares."""
    try:
        return list(_Squares(graph).of(top, graph.const(1.0), frozenset()))
    except _NoSquareError:
        return None


class _NoSquareError(Exception):
    """A term is no square."""


class _Squares:
    """Looks for squares below sums, differences and constant factors."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.moving = graph, Moving(graph)

    def of(self, number: int, factor: int, domain: Domain) -> Iterator[Square]:
        """Give the squares that a node is the sum of, each times ``factor``."""
        op, args, payload = self.graph.nodes[number]
        if number not in self.moving:
            return  # a constant term has no slope
        if op == "sum" and isinstance(payload, Loop):
            yield from self.of(args[0], factor, domain | {payload})
        elif op in ("add", "sub"):
            yield from self.of(args[0], factor, domain)
            yield from self.of(args[1], self._negated(factor, op == "sub"), domain)
        elif op == "neg":
            yield from self.of(args[0], self._negated(factor, True), domain)
        elif op == "div" and args[1] not in self.moving:
            yield from self.of(args[0], self.graph.op("div", factor, args[1]), domain)
        elif op == "mul":
            yield from self._product(args, factor, domain)
        elif op == "pow":
            yield self._power(args, factor, domain)
        else:
            raise _NoSquareError

    def _product(self, args: tuple[int, ...], factor: int, domain: Domain) -> Iterator[Square]:
        one, other = args
        if one == other:
            yield Square(factor, one, domain)
        elif one not in self.moving:
            yield from self.of(other, self.graph.op("mul", factor, one), domain)
        elif other not in self.moving:
            yield from self.of(one, self.graph.op("mul", factor, other), domain)
        else:
            raise _NoSquareError

    def _power(self, args: tuple[int, ...], factor: int, domain: Domain) -> Square:
        base, exponent = args
        power = self.graph.value(exponent)
        if power is None or power <= 0 or power % 2:
            raise _NoSquareError
        if power == 2:
            return Square(factor, base, domain)
        return Square(factor, self.graph.op("pow", base, self.graph.const(power / 2)), domain)

    def _negated(self, factor: int, negated: bool) -> int:
        if negated:
            return self.graph.op("neg", factor)
        return factor


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
