"""The inverse and the determinant of an array, printed.

Where they lie in the arrays that are filled, :mod:`symopt.ir.elimination` says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from symopt.compiler.codegen.elimination import Equations, Lines
from symopt.compiler.codegen.printer import loop
from symopt.ir.elimination import INVERSE, RESULTS, order_of, result_row
from symopt.ir.index import Affine, Loop, constant, plus, variable
from symopt.ir.program import Name

ROW, COLUMN = (Loop(number, "", constant(0), constant(0)) for number in (-5, -4))
"""Stand for what the rows and columns of an entry are called."""


class Places(Protocol):
    """Where arrays lie."""

    def place(self, array: Name, at: tuple[Affine, ...], near: bool) -> str:
        """Return the text of an entry."""

    def index(self, index: Affine) -> str:
        """Return the text of an index."""

    def open(self, loops: list[Loop], variable: str) -> None:
        """Call the variables of loops by one name from here on."""


@dataclass(frozen=True, kw_only=True)
class ArrayElimination:
    """Prints a statement "inverse" or "determinant".

    Attributes
    ----------
    places
        Where arrays lie.
    source, array, at
        What is read, what is filled, and the last entry of that.
    lanes, room
        How many lanes there are, and the text of a number for each.
    """

    places: Places
    source: Name
    array: Name
    at: tuple[Affine, ...]
    lanes: int
    room: str

    @property
    def order(self) -> Affine:
        """How many rows and columns the source has."""
        return order_of(self.at)

    @property
    def n(self) -> str:
        """The text of the order."""
        return self.places.index(self.order)

    def write(self, kind: str) -> Lines:
        """Return the statements."""
        if kind == INVERSE:
            return self._inverse()
        return self._determinant()

    def _inverse(self) -> Lines:
        """Copy the source behind a unit matrix, which its elimination makes the inverse."""

        def entry(row: str, column: str) -> str:
            return self._entry(self.array, row, column, first=self.order)

        def side(row: str) -> str:
            return self._entry(self.array, row, "side")

        equations = Equations(self.n, self.lanes, entry, side=side, sides=self.n, room=self.room)
        unit = f"{self._entry(self.array, 'row', 'column')} = 1.0 if row == column else 0.0"
        return [
            *self._for_each_entry([self._copy(entry), unit]),
            *equations.triangularize(),
            *equations.substitute_back(),
        ]

    def _determinant(self) -> Lines:
        """Copy the source, make it a triangle, and multiply the entries of its diagonal."""

        def entry(row: str, column: str) -> str:
            return self._entry(self.array, row, column)

        value, logarithm, sign = (self._result(number) for number in range(RESULTS))
        equations = Equations(
            self.n, self.lanes, entry, side=str, sides="0", room=self.room, parity=sign
        )
        pivot = entry("pivot", "pivot")
        gather = [
            f"{value} = {value}*{pivot}",
            f"{logarithm} = {logarithm} + log(fabs({pivot}))",
            f"{sign} = -{sign} if {pivot} < 0.0 else ({sign} if {pivot} > 0.0 else 0.0*{pivot})",
        ]
        return [
            *self._for_each_entry([self._copy(entry)]),
            *self._lanes([f"{sign} = 1.0"]),
            *equations.triangularize(),
            *self._lanes([f"{value} = {sign}", f"{logarithm} = 0.0"]),
            *loop("pivot", self.n, self._lanes(gather)),
        ]

    def _copy(self, entry: Callable[[str, str], str]) -> str:
        return f"{entry('row', 'column')} = {self._entry(self.source, 'row', 'column')}"

    def _lanes(self, body: Lines) -> Lines:
        return loop("i", self.lanes, body)

    def _for_each_entry(self, body: Lines) -> Lines:
        return loop("row", self.n, loop("column", self.n, self._lanes(body)))

    def _entry(self, array: Name, row: str, column: str, first: Affine = constant(0)) -> str:  # noqa: B008  a tuple
        self.places.open([ROW], row)
        self.places.open([COLUMN], column)
        return self.places.place(array, (plus(variable(ROW), first), variable(COLUMN)), near=False)

    def _result(self, number: int) -> str:
        return self.places.place(
            self.array, (result_row(self.order, number), constant(0)), near=False
        )
