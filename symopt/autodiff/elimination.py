"""Derivatives of inverses and determinants.

With W the inverse of S, dW = -W dS W and d log|det S| = trace(W dS) (Giles 2008, Collected matrix
derivative results for forward and reverse mode, doi:10.1007/978-3-540-68942-3_4). An adjoint A of W
passes -W' A W' on to S, and an adjoint a of log|det S| passes a*W'.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from symopt.ir.elimination import DETERMINANT, INVERSE, RESULTS, order_of, result_row
from symopt.ir.index import Affine, Loop, constant, plus, variable
from symopt.ir.program import Graph, Load, Name, Statement

INSIDE = -1
"""The order of a sum inside the loops over all entries of an array."""


class Filled(NamedTuple):
    """What is done at entries of an array, for all indices of some loops."""

    kind: str
    array: Name
    at: tuple[Affine, ...]
    loops: tuple[Loop, ...]
    node: int


def beside(stored: Statement) -> Statement:
    """Return the inverse that the derivative of a determinant needs, as a statement of its own."""
    n = order_of(stored.at)
    last = (result_row(n, -1), stored.at[1])
    array = ("inverse", stored.array[1])
    return stored._replace(kind=INVERSE, array=array, at=last, key=("inverse", stored.key))


class Elimination:
    """The derivatives of one statement.

    Parameters
    ----------
    graph
        Where nodes are built.
    stored
        The statement, of kind "inverse" or "determinant".
    source
        The array that it reads.
    """

    def __init__(self, graph: Graph, stored: Statement, source: Name) -> None:
        self.graph, self.stored, self.source = graph, stored, source
        self.n = order_of(stored.at)
        last = plus(self.n, constant(-1))
        self.row, self.column, self.inner = (
            Loop(order, name, constant(0), last)
            for order, name in ((INSIDE - 2, "at0"), (INSIDE - 1, "at1"), (INSIDE, "at2"))
        )
        self.inverse = stored.array
        if stored.kind == DETERMINANT:
            self.inverse = ("inverse", stored.array[1])

    def zeros(self, array: Name) -> Iterator[Filled]:
        """Set the entries that are results to -0.0, which added to changes nothing."""
        zero = self.graph.const(-0.0)
        if self.stored.kind == INVERSE:
            yield self._everywhere("define", array, zero)
            return
        for number in range(RESULTS):
            yield Filled("define", array, self._result(number), (), zero)

    def adjoints(self, adjoint: Name, target: Name) -> Iterator[Filled]:
        """Add to the adjoint of the source what the adjoint of the results passes on."""
        if self.stored.kind == DETERMINANT:
            yield self._everywhere("add", target, self._times_transposed(adjoint))
            return
        product: Name = ("product", self.stored.array[1])
        left = self._sum(
            self._read(self.inverse, self.inner, self.row),
            self._read(adjoint, self.inner, self.column),
        )
        yield self._everywhere("define", product, left)
        both = self._sum(
            self._read(product, self.row, self.inner),
            self._read(self.inverse, self.column, self.inner),
        )
        yield self._everywhere("add", target, self.graph.op("neg", both))

    def _times_transposed(self, adjoint: Name) -> int:
        """Return (a*det + b)*W[j, i], with a and b the adjoints of det and of log|det|."""
        graph = self.graph
        value = graph.input(Load(self.stored.array, self._result(0)))
        of_value, of_logarithm = (
            graph.input(Load(adjoint, self._result(number))) for number in (0, 1)
        )
        factor = graph.op("add", graph.op("mul", of_value, value), of_logarithm)
        return graph.op("mul", factor, self._read(self.inverse, self.column, self.row))

    def tangents(self, moving: Name, source: Name | None) -> Iterator[Filled]:
        """Fill the tangent of the results, given that of the source; None where it stands still."""
        if source is None:
            yield from self.zeros(moving)
        elif self.stored.kind == DETERMINANT:
            yield from self._tangents_of_determinant(moving, source)
        else:
            yield from self._tangent_of_inverse(moving, source)

    def _tangent_of_inverse(self, moving: Name, source: Name) -> Iterator[Filled]:
        product: Name = ("moved product", self.stored.array[1])
        left = self._sum(
            self._read(self.inverse, self.row, self.inner),
            self._read(source, self.inner, self.column),
        )
        yield self._everywhere("define", product, left)
        both = self._sum(
            self._read(product, self.row, self.inner),
            self._read(self.inverse, self.inner, self.column),
        )
        yield self._everywhere("define", moving, self.graph.op("neg", both))

    def _tangents_of_determinant(self, moving: Name, source: Name) -> Iterator[Filled]:
        graph = self.graph
        term = graph.op(
            "mul",
            self._read(self.inverse, self.row, self.column),
            self._read(source, self.column, self.row),
        )
        trace = graph.reduce("sum", self.row, graph.reduce("sum", self.column, term))
        value = graph.input(Load(self.stored.array, self._result(0)))
        changes = (graph.op("mul", value, trace), trace, graph.const(0.0))
        for number, change in enumerate(changes):
            yield Filled("define", moving, self._result(number), (), change)

    def _everywhere(self, kind: str, array: Name, node: int) -> Filled:
        at = (variable(self.row), variable(self.column))
        return Filled(kind, array, at, (self.row, self.column), node)

    def _result(self, number: int) -> tuple[Affine, Affine]:
        return result_row(self.n, number), constant(0)

    def _read(self, array: Name, row: Loop, column: Loop) -> int:
        return self.graph.input(Load(array, (variable(row), variable(column))))

    def _sum(self, one: int, other: int) -> int:
        return self.graph.reduce("sum", self.inner, self.graph.op("mul", one, other))
