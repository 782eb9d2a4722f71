"""Gaussian elimination with partial pivoting, printed for all lanes at once.

Rows are exchanged by a comparison in each lane, so that all lanes do the same operations and each
has the bits it would have alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from symopt.compiler.codegen.printer import loop

Lines = list[str]


@dataclass(frozen=True)
class Equations:
    """Equations A u = v for each lane, in place: v becomes u, and A is used up.

    Attributes
    ----------
    n
        The text of the number of unknowns.
    lanes
        How many such equations stand side by side.
    entry
        The text of an entry of A, by those of its row and its column.
    side
        The text of an entry of v, by that of its row; in a loop over ``side`` where v has columns.
    sides
        The text of the number of columns of v; "1" for one, "0" for none.
    room
        The text of a number a lane for what is in hand.
    parity
        The text of a number a lane that changes its sign where rows are exchanged; "" for none.
    """

    n: str
    lanes: int
    entry: Callable[[str, str], str]
    side: Callable[[str], str]
    sides: str
    room: str
    parity: str = ""

    def triangularize(self) -> Lines:
        """Return the statements that make A an upper triangle."""
        down = [
            *loop("below", self.n, self._exchange_rows(), low="pivot + 1"),
            *loop("below", self.n, self._subtract_row(), low="pivot + 1"),
        ]
        return loop("pivot", self.n, down)

    def substitute_back(self) -> Lines:
        """Return the statements that solve the equations of a triangle, from the last on."""
        known = _less(self.side("pivot"), self.entry("pivot", "column"), self.side("column"))
        quotient = f"{self.side('pivot')} = {self.side('pivot')}/{self.entry('pivot', 'pivot')}"
        back = [
            f"pivot = {self.n} - 1 - last",
            *loop("column", self.n, self._each_side([known]), low="pivot + 1"),
            *self._each_side([quotient]),
        ]
        return loop("last", self.n, back)

    def _exchange_rows(self) -> Lines:
        """Bring the larger of two entries of the pivot's column up, with its row."""
        larger = f"fabs({self.entry('below', 'pivot')}) > fabs({self.entry('pivot', 'pivot')})"
        entries = _exchange(self.room, self.entry("pivot", "column"), self.entry("below", "column"))
        sides = _exchange(self.room, self.side("pivot"), self.side("below"))
        lines = self._lanes([f"{self.room} = 1.0 if {larger} else 0.0"])
        lines += loop("column", self.n, self._lanes(entries), low="pivot")
        lines += self._each_side(sides)
        if self.parity:
            turned = f"-{self.parity} if {self.room} == 1.0 else {self.parity}"
            lines += self._lanes([f"{self.parity} = {turned}"])
        return lines

    def _subtract_row(self) -> Lines:
        """Subtract the multiple of the pivot's row that makes the entry below it 0."""
        below, pivot = self.entry("below", "pivot"), self.entry("pivot", "pivot")
        factor = f"{below}/{pivot}"
        if self.parity:  # the determinant of a singular matrix is 0, without 0/0 on the way
            factor = f"0.0 if {below} == 0.0 else {factor}"
        entries = _less(self.entry("below", "column"), self.room, self.entry("pivot", "column"))
        return [
            *self._lanes([f"{self.room} = {factor}"]),
            *loop("column", self.n, self._lanes([entries]), low="pivot + 1"),
            *self._each_side([_less(self.side("below"), self.room, self.side("pivot"))]),
        ]

    def _each_side(self, body: Lines) -> Lines:
        if self.sides == "0":
            return []
        if self.sides == "1":
            return self._lanes(body)
        return loop("side", self.sides, self._lanes(body))

    def _lanes(self, body: Lines) -> Lines:
        return loop("i", self.lanes, body)


def _exchange(test: str, above: str, below: str) -> Lines:
    """Return the statements that exchange two numbers where the test is 1."""
    return [
        f"swaps = ({test} == 1.0)",
        f"upper = {above}",
        f"lower = {below}",
        f"{above} = lower if swaps else upper",
        f"{below} = upper if swaps else lower",
    ]


def _less(place: str, factor: str, other: str) -> str:
    """Return the statement that subtracts a product, rounded once."""
    return f"{place} = fma(-{factor}, {other}, {place})"
