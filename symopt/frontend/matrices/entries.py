"""How the entries of each kind of matrix are read, and the numbers that are made of matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sympy as sp
from sympy.matrices import expressions as kinds
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf
from sympy.matrices.expressions.slice import MatrixSlice

from symopt.errors import CostError
from symopt.frontend.eliminated import DeterminantOf, InverseOf
from symopt.frontend.matrices.chain import best_split
from symopt.frontend.matrices.reader import (
    At,
    MatrixReader,
    entries_of,
    numbers_of,
    short,
)

LARGEST_POWER = 64
DIAGONAL = (kinds.Identity, DiagMatrix, DiagonalMatrix)
CHEAP = (
    kinds.MatAdd,
    kinds.Transpose,
    kinds.HadamardProduct,
    MatrixSlice,
    kinds.ZeroMatrix,
    kinds.OneMatrix,
    *DIAGONAL,
)
"""Kinds whose entries cost what the entries of their arguments cost."""

# Products


@entries_of(kinds.MatMul)
def _product(reader: MatrixReader, matrix: Any, at: At) -> sp.Expr:
    coefficient, factors = matrix.as_coeff_matrices()
    return reader.scalar(coefficient, at.depth) * _product_of(reader, factors, at)


def _product_of(reader: MatrixReader, factors: Sequence[Any], at: At) -> sp.Expr:
    if len(factors) == 1:
        return reader.entry(factors[0], at)
    split = best_split(factors)
    left, right = _join(factors[:split]), _join(factors[split:])
    if isinstance(left, DIAGONAL):
        return reader.entry(left, at.on(at.row, at.row)) * reader.entry(right, at)
    if isinstance(right, DIAGONAL):
        return reader.entry(left, at) * reader.entry(right, at.on(at.column, at.column))
    one = _entries(reader, left, once=right.cols == 1)
    other = _entries(reader, right, once=left.rows == 1)

    def term(k: sp.Expr, depth: int) -> sp.Expr:
        return one(At(at.row, k, depth)) * other(At(k, at.column, depth))

    return reader.total(term, left.cols, at.depth)


def _join(factors: Sequence[Any]) -> Any:
    if len(factors) == 1:
        return factors[0]
    return kinds.MatMul(*factors)


def _entries(reader: MatrixReader, matrix: Any, once: bool) -> Callable[[At], sp.Expr]:
    """Return the entries of a factor: stored, if each costs a sum and is used more than once."""
    if once or _is_cheap(matrix) or not reader.can_be_stored(matrix):
        return lambda at: reader.entry(matrix, at)
    return lambda at: reader.stored(matrix, at)


def _is_cheap(matrix: Any) -> bool:
    """Tell whether an entry takes no sum and no elementary function."""
    if isinstance(matrix, kinds.MatMul):
        _, factors = matrix.as_coeff_matrices()
        outer = all(one.cols == 1 for one in factors[:-1])
        return outer and all(map(_is_cheap, factors))
    if isinstance(matrix, CHEAP):
        return all(_is_cheap(arg) for arg in matrix.args if isinstance(arg, sp.MatrixExpr))
    return isinstance(matrix, kinds.MatrixSymbol | kinds.Inverse | sp.MatrixBase)


@entries_of(kinds.MatPow)
def _power(reader: MatrixReader, matrix: Any, at: At) -> sp.Expr:
    base, exponent = matrix.args
    if base.shape == (1, 1):
        return reader.entry(base, at) ** reader.scalar(exponent, at.depth)
    if not exponent.is_Integer or abs(exponent) > LARGEST_POWER:
        raise CostError(
            f"{short(matrix)} is a power of a matrix; expected a whole exponent of at most "
            f"{LARGEST_POWER} in size. Of each entry it is "
            f"({short(base)}).applyfunc(lambda u: u**{exponent})"
        )
    times = abs(int(exponent))
    if exponent < 0:
        base = kinds.Inverse(base)
    if times == 1:
        return reader.entry(base, at)
    halves = [_repeat(base, times // 2), _repeat(base, times - times // 2)]
    return _product_of(reader, halves, at)


def _repeat(base: Any, times: int) -> Any:
    if times == 1:
        return base
    return kinds.MatPow(base, times)


@numbers_of(kinds.Trace)
def _trace(reader: MatrixReader, part: Any, depth: int) -> sp.Expr:
    return _sum_of_diagonal(reader, part.arg, depth)


def _sum_of_diagonal(reader: MatrixReader, matrix: Any, depth: int) -> sp.Expr:
    if isinstance(matrix, kinds.MatAdd):
        return sp.Add(*(_sum_of_diagonal(reader, term, depth) for term in matrix.args))
    if isinstance(matrix, kinds.Transpose):
        return _sum_of_diagonal(reader, matrix.arg, depth)
    if isinstance(matrix, kinds.MatMul):
        coefficient, factors = matrix.as_coeff_matrices()
        return reader.scalar(coefficient, depth) * _trace_of_product(reader, factors, depth)
    return reader.total(lambda k, inner: reader.entry(matrix, At(k, k, inner)), matrix.rows, depth)


def _trace_of_product(reader: MatrixReader, factors: Sequence[Any], depth: int) -> sp.Expr:
    """Return the sum of A[i, k]*B[k, i], where no entry is used more than once."""
    if len(factors) == 1:
        return _sum_of_diagonal(reader, factors[0], depth)
    split = best_split(factors, traced=True)
    left, right = _join(factors[:split]), _join(factors[split:])

    def row(i: sp.Expr, outer: int) -> sp.Expr:
        def term(k: sp.Expr, inner: int) -> sp.Expr:
            return reader.entry(left, At(i, k, inner)) * reader.entry(right, At(k, i, inner))

        return reader.total(term, left.cols, outer)

    return reader.total(row, left.rows, depth)


@numbers_of(kinds.DotProduct)
def _dot(reader: MatrixReader, part: Any, depth: int) -> sp.Expr:
    def term(k: sp.Expr, inner: int) -> sp.Expr:
        return sp.Mul(*(reader.entry(one, _along(one, k, inner)) for one in part.args))

    return reader.total(term, part.args[0].rows * part.args[0].cols, depth)


def _along(vector: Any, k: sp.Expr, depth: int) -> At:
    """Return where entry k of a row or of a column is."""
    if vector.cols == 1:
        return At(k, sp.S.Zero, depth)
    return At(sp.S.Zero, k, depth)


# Inverses and determinants


@entries_of(kinds.Inverse)
def _inverse(reader: MatrixReader, matrix: Any, at: At) -> sp.Expr:
    if matrix.shape == (1, 1):
        return 1 / reader.entry(matrix.arg, at)
    return reader.eliminated(InverseOf, matrix.arg)[at.row, at.column]


@numbers_of(kinds.Determinant)
def _determinant(reader: MatrixReader, part: Any, depth: int) -> sp.Expr:
    if part.arg.shape == (1, 1):
        return reader.scalar(part.arg, depth)
    return reader.eliminated(DeterminantOf, part.arg)[2 * part.arg.rows, 0]


@numbers_of(sp.log)
def _log(reader: MatrixReader, part: Any, depth: int) -> sp.Expr:
    """Read a logarithm of determinants by theirs, which neither over- nor underflow."""
    logarithm, rest = sp.S.Zero, sp.S.One
    for factor in sp.Mul.make_args(part.args[0]):
        base, exponent = factor.as_base_exp()
        if isinstance(base, kinds.Determinant) and base.arg.shape != (1, 1) and exponent.is_Integer:
            parts, row = reader.eliminated(DeterminantOf, base.arg), 2 * base.arg.rows
            logarithm += exponent * parts[row + 1, 0]
            rest *= parts[row + 2, 0] ** exponent
        else:
            rest *= factor
    if logarithm == 0:
        return _function_of_number(reader, part, depth)
    return logarithm + sp.log(reader.scalar(rest, depth))


# Entry by entry


@entries_of(kinds.MatrixSymbol)
def _symbol(reader: MatrixReader, matrix: Any, at: At) -> sp.Expr:
    return reader.array(matrix, at)


@entries_of(kinds.MatAdd)
def _sum(reader: MatrixReader, matrix: Any, at: At) -> sp.Expr:
    return sp.Add(*(reader.entry(term, at) for term in matrix.args))


@entries_of(kinds.Transpose, kinds.Adjoint)
def _transpose(reader: MatrixReader, matrix: Any, at: At) -> sp.Expr:
    return reader.entry(matrix.arg, at.on(at.column, at.row))


@entries_of(kinds.HadamardProduct)
def _hadamard(reader: MatrixReader, matrix: Any, at: At) -> sp.Expr:
    return sp.Mul(*(reader.entry(factor, at) for factor in matrix.args))


@entries_of(kinds.HadamardPower)
def _hadamard_power(reader: MatrixReader, matrix: Any, at: At) -> sp.Expr:
    if isinstance(matrix.exp, sp.MatrixExpr | sp.MatrixBase):
        return reader.entry(matrix.base, at) ** reader.entry(matrix.exp, at)
    return reader.entry(matrix.base, at) ** reader.scalar(matrix.exp, at.depth)


@entries_of(ElementwiseApplyFunction)
def _apply(reader: MatrixReader, matrix: Any, at: At) -> sp.Expr:
    return reader.scalar(matrix.function(reader.entry(matrix.expr, at)), at.depth)


@entries_of(MatrixSlice)
def _slice(reader: MatrixReader, matrix: Any, at: At) -> sp.Expr:
    (top, _, down), (left, _, right) = matrix.rowslice, matrix.colslice
    return reader.entry(matrix.parent, at.on(top + down * at.row, left + right * at.column))


@entries_of(kinds.ZeroMatrix)
def _zero(*_: Any) -> sp.Expr:
    return sp.S.Zero


@entries_of(kinds.OneMatrix)
def _one(*_: Any) -> sp.Expr:
    return sp.S.One


@entries_of(kinds.Identity)
def _identity(_: MatrixReader, __: Any, at: At) -> sp.Expr:
    return _where_equal(sp.S.One, at)


@entries_of(DiagMatrix)
def _diagonal(reader: MatrixReader, matrix: Any, at: At) -> sp.Expr:
    vector = matrix.args[0]
    return _where_equal(reader.entry(vector, _along(vector, at.row, at.depth)), at)


@entries_of(DiagonalMatrix)
def _diagonal_part(reader: MatrixReader, matrix: Any, at: At) -> sp.Expr:
    return _where_equal(reader.entry(matrix.arg, at.on(at.row, at.row)), at)


def _where_equal(value: sp.Expr, at: At) -> sp.Expr:
    """Return a value on the diagonal, 0 beside it."""
    equal = sp.Eq(at.row, at.column)
    if equal == sp.true:
        return value
    if equal == sp.false:
        return sp.S.Zero
    return sp.Piecewise((value, equal), (sp.S.Zero, True))


@entries_of(DiagonalOf)
def _diagonal_of(reader: MatrixReader, matrix: Any, at: At) -> sp.Expr:
    return reader.entry(matrix.arg, at.on(at.row, at.row))


@entries_of(kinds.FunctionMatrix)
def _function_matrix(reader: MatrixReader, matrix: Any, at: At) -> sp.Expr:
    return reader.scalar(matrix.lamda(at.row, at.column), at.depth)


@entries_of(kinds.BlockMatrix)
def _blocks(reader: MatrixReader, matrix: Any, at: At) -> sp.Expr:
    """Return an entry of a matrix of matrices: of the first block that reaches so far."""
    cases: list[tuple[sp.Expr, sp.Basic]] = []
    top = sp.S.Zero
    for i in range(matrix.blockshape[0]):
        left = sp.S.Zero
        for j in range(matrix.blockshape[1]):
            block = matrix.blocks[i, j]
            value = reader.entry(block, at.on(at.row - top, at.column - left))
            reached = sp.And(at.row < top + block.rows, at.column < left + block.cols)
            cases.append((value, reached))
            left += block.cols
        top += block.rows
    return _first(cases)


@entries_of(sp.MatrixBase)
def _explicit(reader: MatrixReader, matrix: Any, at: At) -> sp.Expr:
    """Return an entry of a matrix that is written out; numbers at an index become data."""
    if matrix.rows == 1:
        at = at.on(sp.S.Zero, at.column)
    if matrix.cols == 1:
        at = at.on(at.row, sp.S.Zero)
    if at.row.is_Integer and at.column.is_Integer:
        return reader.scalar(matrix[int(at.row), int(at.column)], at.depth)
    if all(number.is_number for number in matrix):
        return reader.number(matrix, at)
    entries = [(i, j) for i in range(matrix.rows) for j in range(matrix.cols)]
    return _first(
        [
            (reader.scalar(matrix[i, j], at.depth), sp.And(sp.Eq(at.row, i), sp.Eq(at.column, j)))
            for i, j in entries
        ]
    )


def _first(cases: Sequence[tuple[sp.Expr, sp.Basic]]) -> sp.Expr:
    """Return the first case that holds; the last one where no other does."""
    *before, (last, _) = cases
    return sp.Piecewise(*before, (last, True))


# Functions of numbers


@numbers_of(sp.Function)
def _function_of_number(reader: MatrixReader, part: Any, depth: int) -> sp.Expr:
    """Read a function; of a matrix it would be another one than of its entries."""
    for arg in part.args:
        if isinstance(arg, sp.MatrixExpr | sp.MatrixBase) and arg.shape != (1, 1):
            name = type(part).__name__
            raise CostError(
                f"{name} is taken of {short(arg)}, a matrix of shape {arg.shape}; of each entry it "
                f"is ({short(arg)}).applyfunc(sympy.{name})"
            )
    return reader.arguments(part, depth)
