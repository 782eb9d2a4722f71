"""In which order a product of matrices is multiplied: the fewest multiplications.

The order is found by dynamic programming (Godbole 1973, doi:10.1109/TC.1973.5009182). A length that
is a symbol counts as 100.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import sympy as sp

ASSUMED = 100
"""What a length that is no number counts as."""


def best_split(factors: Sequence[sp.MatrixExpr], traced: bool = False) -> int:
    """Return after how many factors a product is split into two that are multiplied last.

    ``traced`` says that only the diagonal of the product is wanted.
    """
    lengths = (*(_length(one.rows) for one in factors), _length(factors[-1].cols))
    last = len(factors)
    width = lengths[last]
    if traced:
        width = 1

    def total(split: int) -> int:
        halves = _cost(lengths[: split + 1]) + _cost(lengths[split:])
        return halves + lengths[0] * lengths[split] * width

    return min(range(1, last), key=total)


@cache
def _cost(lengths: tuple[int, ...]) -> int:
    """Return the fewest multiplications of a product whose factors have these lengths."""
    last = len(lengths) - 1
    if last < 2:
        return 0
    return min(
        _cost(lengths[: split + 1])
        + _cost(lengths[split:])
        + lengths[0] * lengths[split] * lengths[last]
        for split in range(1, last)
    )


def _length(length: sp.Expr) -> int:
    if length.is_Integer:
        return int(length)
    return ASSUMED
