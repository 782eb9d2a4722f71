"""Elimination in any arithmetic: the operations of a kernel, in its order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from symopt.ir.elimination import INVERSE

Apply = Callable[[str, list[Any]], Any]
Rows = list[list[Any]]
Entries = dict[tuple[int, int], Any]


@dataclass
class Eliminator:
    """Works out inverses and determinants.

    Attributes
    ----------
    apply
        The result of an operation by its name and its arguments.
    number
        A number of the arithmetic.
    """

    apply: Apply
    number: Callable[[float], Any]

    def entries(self, kind: str, matrix: Sequence[Sequence[Any]]) -> Entries:
        """Return the entries that a statement of a kind fills, but for its work space."""
        if kind == INVERSE:
            return dict(self._inverse(matrix))
        return self._determinant(matrix)

    def _inverse(self, matrix: Sequence[Sequence[Any]]) -> Iterator[tuple[tuple[int, int], Any]]:
        n = len(matrix)
        unit = [[self.number(float(i == j)) for j in range(n)] for i in range(n)]
        rows = [[*row, *side] for row, side in zip(matrix, unit, strict=True)]
        self._triangularize(rows)
        for pivot in reversed(range(n)):
            for column in range(pivot + 1, n):
                factor = rows[pivot][column]
                self._subtract(rows[pivot], factor, rows[column], first=n)
            for side in range(n, 2 * n):
                rows[pivot][side] = self.apply("div", [rows[pivot][side], rows[pivot][pivot]])
                yield (pivot, side - n), rows[pivot][side]

    def _determinant(self, matrix: Sequence[Sequence[Any]]) -> Entries:
        rows = [list(row) for row in matrix]
        n = len(rows)
        value = sign = self._triangularize(rows)
        logarithm = self.number(0.0)
        for k in range(n):
            pivot = rows[k][k]
            value = self.apply("mul", [value, pivot])
            size = self.apply("log", [self.apply("abs", [pivot])])
            logarithm = self.apply("add", [logarithm, size])
            sign = self.apply("mul", [sign, self.apply("sign", [pivot])])
        return {(2 * n, 0): value, (2 * n + 1, 0): logarithm, (2 * n + 2, 0): sign}

    def _triangularize(self, rows: Rows) -> Any:
        """Make the left square an upper triangle; return the sign of the exchanges of rows."""
        parity, zero = self.number(1.0), self.number(0.0)
        n = len(rows)
        for pivot in range(n):
            for below in range(pivot + 1, n):
                sizes = [self.apply("abs", [rows[one][pivot]]) for one in (pivot, below)]
                larger = self.apply("lt", sizes)
                rows[pivot], rows[below] = self._exchange(larger, rows[pivot], rows[below])
                parity = self.apply("select", [larger, self.apply("neg", [parity]), parity])
            for below in range(pivot + 1, n):
                entry = rows[below][pivot]
                quotient = self.apply("div", [entry, rows[pivot][pivot]])
                is_zero = self.apply("eq", [entry, zero])
                factor = self.apply("select", [is_zero, zero, quotient])
                self._subtract(rows[below], factor, rows[pivot], first=pivot + 1)
        return parity

    def _exchange(
        self, test: Any, upper: Sequence[Any], lower: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        pairs = list(zip(upper, lower, strict=True))
        above = [self.apply("select", [test, other, one]) for one, other in pairs]
        below = [self.apply("select", [test, one, other]) for one, other in pairs]
        return above, below

    def _subtract(self, row: list[Any], factor: Any, other: Sequence[Any], first: int) -> None:
        for column in range(first, len(row)):
            product = self.apply("mul", [factor, other[column]])
            row[column] = self.apply("sub", [row[column], product])
