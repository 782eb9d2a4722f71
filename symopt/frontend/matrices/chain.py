"""In which order products are multiplied and summed: with the fewest multiplications.

The order of a chain of matrices is found by dynamic programming (Godbole 1973,
doi:10.1109/TC.1973.5009182). A length that is a symbol counts as 100.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import sympy as sp

ASSUMED = 100
"""What a length that is no number counts as."""


def best_split(factors: Sequence[sp.MatrixExpr], traced: bool = False) -> int:
    """Return after how many factors a product is split into two that are multiplied last.

    ``traced`` says that only the diagonal of the product is wanted. Of equal ones it is the middle:
    the halves of P'*P are the same.
    """
    lengths = (*(_length(one.rows) for one in factors), _length(factors[-1].cols))
    last = len(factors)
    width = lengths[last]
    if traced:
        width = 1

    def total(split: int) -> tuple[int, int]:
        halves = _cost(lengths[: split + 1]) + _cost(lengths[split:])
        return halves + lengths[0] * lengths[split] * width, abs(2 * split - last)

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


def _length(length: sp.Expr | int) -> int:
    if sp.sympify(length).is_Integer:
        return int(length)
    return ASSUMED


def contract(terms: sp.Expr, limits: Sequence[tuple[sp.Basic, ...]]) -> sp.Expr:
    """Return the sum of a product over some indices, innermost first, as sums of shorter products.

    The sum of x[i]*A[j, i]*A[j, k]*x[k] over i, j and k takes n**3 terms; with the sums over i and
    k inside, 2*n**2.
    """
    left = {limit[0]: limit for limit in limits}
    factors = list(sp.Mul.make_args(terms))
    for index, limit in list(left.items()):
        inside = [factor for factor in factors if index in factor.free_symbols]
        others = {one for one in left for factor in inside if one in factor.free_symbols} - {index}
        if len(left) > 1 and len(others) == 1 and len(inside) < len(factors):
            factors = [factor for factor in factors if factor not in inside]
            factors.append(sp.Sum(sp.Mul(*inside), limit))
            del left[index]
    return sp.Sum(sp.Mul(*factors), *left.values())
