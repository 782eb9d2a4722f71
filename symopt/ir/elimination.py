"""Where an inverse and a determinant lie in the arrays that elimination fills.

A statement "inverse" fills an array of 2*n rows: the inverse, and n rows of work space. One of
"determinant" fills 2*n + 3 rows: work space, and the first entries of the last three rows, which
are the determinant, the logarithm of its size, and its sign.
"""

from __future__ import annotations

from symopt.ir.index import Affine, constant, plus, times

INVERSE, DETERMINANT = "inverse", "determinant"
KINDS = (INVERSE, DETERMINANT)
RESULTS = 3


def order_of(at: tuple[Affine, ...]) -> Affine:
    """Return n for the last entry of an array that elimination fills."""
    return plus(at[1], constant(1))


def result_row(n: Affine, number: int) -> Affine:
    """Return the row of a result of a determinant: 0 itself, 1 its logarithm, 2 its sign."""
    return plus(times(n, 2), constant(number))
