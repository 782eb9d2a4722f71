"""Reads expressions that hold matrices: what they need of them, as sums over indices.

A matrix is read by its entries: entry (i, j) of A*X is the sum of A[i, k]*X[k, j] over k. The
entries of a product that are needed more than once are stored as a named intermediate, so that a
chain of products costs what it costs in linear algebra.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain, count
from typing import Any, NamedTuple

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixElement

from symopt.errors import CostError
from symopt.frontend.eliminated import DeterminantOf, Eliminated, InverseOf
from symopt.frontend.matrices.chain import contract
from symopt.frontend.sums import logsumexp

RANGED = (sp.Sum, sp.Product, logsumexp)
LETTERS = "ijklpqrs"
LONGEST = 40  # letters of a matrix in a message


class At(NamedTuple):
    """Where an entry of a matrix is, and how many sums over indices of ours are around."""

    row: sp.Expr
    column: sp.Expr
    depth: int

    def on(self, row: sp.Expr, column: sp.Expr) -> At:
        """Return another place inside the same sums."""
        return At(row, column, self.depth)


EntryRule = Callable[["MatrixReader", Any, At], sp.Expr]
NumberRule = Callable[["MatrixReader", Any, int], sp.Expr]
ENTRIES: dict[type, EntryRule] = {}
NUMBERS: dict[type, NumberRule] = {}


def entries_of(*kinds: type) -> Callable[[EntryRule], EntryRule]:
    """Register how the entries of these kinds of matrices are read."""

    def register(rule: EntryRule) -> EntryRule:
        ENTRIES.update(dict.fromkeys(kinds, rule))
        return rule

    return register


def numbers_of(*kinds: type) -> Callable[[NumberRule], NumberRule]:
    """Register how the numbers that these kinds of expressions are, are read."""

    def register(rule: NumberRule) -> NumberRule:
        NUMBERS.update(dict.fromkeys(kinds, rule))
        return rule

    return register


def _rule_for(rules: Mapping[type, Any], part: object) -> Any:
    """Return the rule of the nearest kind that a part is of, None where there is none."""
    return next((rules[kind] for kind in type(part).__mro__ if kind in rules), None)


class MatrixReader:
    """Turns matrices into arrays with indices.

    Parameters
    ----------
    taken
        Names that the cost uses already.

    Attributes
    ----------
    where
        The intermediates that are stored: an array at indices, its expression and their ranges.
    numbers
        The matrices of numbers that stand in the expression, by their new names.
    """

    def __init__(self, taken: Iterable[str]) -> None:
        self.taken = set(taken)
        self.where: dict[sp.Indexed, tuple[sp.Basic, ...]] = {}
        self.numbers: dict[str, sp.ImmutableDenseMatrix] = {}
        self._letters: list[sp.Symbol] = []
        self._around: list[sp.Basic] = []
        self._arrays: dict[sp.Basic, sp.IndexedBase] = {}

    # Names

    def index(self, depth: int) -> sp.Symbol:
        """Return the index of a sum at a depth: the same one for all, so that loops are shared."""
        while len(self._letters) <= depth:
            letter = LETTERS[len(self._letters) % len(LETTERS)]
            self._letters.append(sp.Symbol(self._free_name(letter, separator=""), integer=True))
        return self._letters[depth]

    def _free_name(self, name: str, separator: str = " ") -> str:
        """Return a name that nothing has, and keep it."""
        numbered = (f"{name}{separator}{number}" for number in count(1))
        found = next(one for one in chain([name], numbered) if one not in self.taken)
        self.taken.add(found)
        return found

    # Numbers

    def scalar(self, part: sp.Basic, depth: int = 0) -> sp.Expr:
        """Return an expression with entries of arrays in the place of matrices."""
        if isinstance(part, MatrixElement):
            row, column = (self.scalar(index, depth) for index in part.indices)
            return self.entry(part.parent, At(row, column, depth))
        if isinstance(part, sp.MatrixBase | sp.MatrixExpr):
            _refuse_matrix(part)
            return self.entry(part, At(sp.S.Zero, sp.S.Zero, depth))
        if isinstance(part, RANGED):
            return self._ranged(part, depth)
        rule = _rule_for(NUMBERS, part)
        if rule is not None:
            return rule(self, part, depth)
        return self.arguments(part, depth)

    def arguments(self, part: sp.Basic, depth: int) -> sp.Expr:
        """Read the arguments of what is made of numbers."""
        args = [self.scalar(arg, depth) for arg in part.args]
        if all(one is other for one, other in zip(args, part.args, strict=True)):
            return part
        return part.func(*args)

    def _ranged(self, part: sp.Expr, depth: int) -> sp.Expr:
        """Read a sum; indices that SymPy made up are called as ours are."""
        limits: list[tuple[sp.Basic, ...]] = []
        new: dict[sp.Basic, sp.Basic] = {}
        for symbol, *bounds in reversed(part.limits):
            if isinstance(symbol, sp.Dummy):
                new[symbol] = self.index(depth)
                depth += 1
            ends = [self.scalar(bound.xreplace(new), depth) for bound in bounds]
            limits.append((new.get(symbol, symbol), *ends))
        self._around += [limit[0] for limit in limits]
        body = self.scalar(part.function.xreplace(new), depth)
        del self._around[-len(limits) :]
        if isinstance(part, sp.Sum) and len(new) == len(limits):  # SymPy's entry of a product
            return contract(body, limits[::-1])
        return part.func(body, *reversed(limits))

    def total(
        self, term: Callable[[sp.Expr, int], sp.Expr], extent: sp.Expr, depth: int
    ) -> sp.Expr:
        """Return the sum of a term over an index from 0 to ``extent`` - 1."""
        if extent == 1:
            return term(sp.S.Zero, depth)
        index = self.index(depth)
        return sp.Sum(term(index, depth + 1), (index, 0, extent - 1))

    # Entries

    def entry(self, matrix: Any, at: At) -> sp.Expr:
        """Return an entry of a matrix.

        Raises
        ------
        CostError
            If it is of a kind whose entries are not known.
        """
        rule = _rule_for(ENTRIES, matrix)
        if rule is None:
            raise CostError(
                f"{short(matrix)} is a {type(matrix).__name__}, whose entries are not known; "
                "expected sums and products of matrices, transposes, inverses, HadamardProduct, "
                "applyfunc and slices; or write it with indices, as in "
                "sympy.Sum(A[i, k]*X[k, j], (k, 0, n - 1))"
            )
        return rule(self, matrix, at)

    def array(self, symbol: sp.MatrixSymbol, at: At) -> sp.Expr:
        """Return an entry of a matrix symbol; an axis of length 1 has no index."""
        axes = _axes(symbol)
        if not axes:
            return sp.Symbol(symbol.name, real=True)
        base = sp.IndexedBase(symbol.name, shape=tuple(symbol.shape[axis] for axis in axes))
        return base[tuple(at[axis] for axis in axes)]

    def number(self, matrix: sp.MatrixBase, at: At) -> sp.Expr:
        """Return an entry of a matrix of numbers, which becomes data."""
        key = sp.ImmutableDenseMatrix(matrix)
        axes = _axes(key)
        if key not in self._arrays:
            name = self._free_name("matrix")
            self.numbers[name] = key
            self._arrays[key] = sp.IndexedBase(name, shape=tuple(key.shape[axis] for axis in axes))
        return self._arrays[key][tuple(at[axis] for axis in axes)]

    # What is stored

    def can_be_stored(self, matrix: Any) -> bool:
        """Tell whether a matrix has an axis, and is the same in all terms of the sums around it."""
        return bool(_axes(matrix)) and not matrix.free_symbols & set(self._around)

    def stored(self, matrix: Any, at: At) -> sp.Expr:
        """Return an entry of a matrix that is computed once and kept."""
        if isinstance(matrix, sp.MatrixSymbol):
            return self.array(matrix, at)
        if isinstance(matrix, sp.Transpose):
            return self.stored(matrix.arg, at.on(at.column, at.row))
        transposed = sp.Transpose(matrix).doit()
        if transposed in self._arrays:
            return self.stored(transposed, at.on(at.column, at.row))
        axes = _axes(matrix)
        if matrix not in self._arrays:
            self._arrays[matrix] = self._store(matrix, axes)
        return self._arrays[matrix][tuple(at[axis] for axis in axes)]

    def _store(self, matrix: Any, axes: list[int]) -> sp.IndexedBase:
        place = [sp.S.Zero, sp.S.Zero]
        for depth, axis in enumerate(axes):
            place[axis] = self.index(depth)
        around, self._around = self._around, []
        value = self.entry(matrix, At(place[0], place[1], len(axes)))
        self._around = around
        return self._define(short(matrix), value, [matrix.shape[axis] for axis in axes])

    def eliminated(self, kind: type[Eliminated], matrix: Any) -> sp.IndexedBase:
        """Return the array of an inverse or of a determinant.

        Raises
        ------
        CostError
            If the matrix is another one in each term of a sum.
        """
        if matrix.free_symbols & set(self._around):
            raise CostError(
                f"the {WORDS[kind]} {short(matrix)} is another one in each term of a sum; expected "
                "one matrix for all terms"
            )
        key = kind(matrix, matrix.rows)
        if key not in self._arrays:
            last = matrix.rows - 1
            value = kind(self.stored(matrix, At(last, last, 0)), matrix.rows)
            name = f"{WORDS[kind]} {short(matrix)}"
            self._arrays[key] = self._define(name, value, [value.rows, matrix.rows])
        return self._arrays[key]

    def _define(self, name: str, value: sp.Expr, extents: list[sp.Expr]) -> sp.IndexedBase:
        base = sp.IndexedBase(self._free_name(name))
        indices = [self.index(depth) for depth in range(len(extents))]
        ranges = [(one, 0, extent - 1) for one, extent in zip(indices, extents, strict=True)]
        self.where[base[tuple(indices)]] = (value, *ranges)
        return base


WORDS: dict[type[Eliminated], str] = {InverseOf: "inverse of", DeterminantOf: "determinant of"}


def _axes(matrix: Any) -> list[int]:
    """Return the axes that are not of length 1."""
    return [axis for axis, extent in enumerate(matrix.shape) if extent != 1]


def _refuse_matrix(matrix: Any) -> None:
    if matrix.shape != (1, 1):
        raise CostError(
            f"{short(matrix)} is a matrix of shape {matrix.shape} where a number is expected: its "
            "trace, as sympy.Trace(R.T*R), an entry, as R[0, 0], or a product such as x.T*A*x"
        )


def short(matrix: Any) -> str:
    """Return the text of a matrix, cut where it is long."""
    text = str(matrix)
    if len(text) > LONGEST:
        return f"{text[: LONGEST - 3]}..."
    return text
