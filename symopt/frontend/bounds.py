"""Sums from Max(...) to Min(...): over a plain range, with conditions on the index.

The terms of j from Max(0, i - 2) to Min(n - 1, i + 2) are those of j from i - 2 to i + 2 for which
0 <= j and j <= n - 1. Any choice of the plain range is right. The shortest of known length takes
the least time; it is taken where the lengths of the arrays follow from other indices, as from i in
x[i] - x[j], or from IndexedBase("x", shape=(n,)). Else the range is from 0 to n - 1, which says n.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from itertools import product
from typing import Any

import sympy as sp

EXTREMES = (sp.Max, sp.Min)
NOTHING = {sp.Sum: sp.S.Zero, sp.Product: sp.S.One}
"""What a term or factor outside of the conditions counts as."""


def within_affine_bounds(part: Any, indices: Collection[sp.Basic] = ()) -> Any:
    """Return a sum or product whose bounds hold neither Max below nor Min above.

    Parameters
    ----------
    part
        A ``sympy.Sum`` or ``sympy.Product``.
    indices
        The indices of the sums around it.

    Examples
    --------
    >>> i, j, n = sp.symbols("i j n", integer=True)
    >>> x = sp.IndexedBase("x")
    >>> within_affine_bounds(sp.Sum(x[j], (j, sp.Max(0, i - 1), sp.Min(n - 1, i + 1))), [i])
    Sum(Piecewise((x[j], (j >= i - 1) & (j <= i + 1)), (0, True)), (j, 0, n - 1))
    """
    conditions: list[Any] = []
    outer = {limit[0] for limit in part.limits}.union(indices)
    limits = [_plain(limit, part.function, outer, conditions=conditions) for limit in part.limits]
    if not conditions:
        return part
    inside = sp.Piecewise((part.function, sp.And(*conditions)), (NOTHING[type(part)], True))
    return part.func(inside, *limits)


def _plain(
    limit: sp.Tuple, function: sp.Expr, outer: set[sp.Basic], conditions: list[Any]
) -> sp.Tuple:
    """Return a limit with one of the lower and one of the upper bounds; the rest are conditions."""
    if len(limit) != 3:
        return limit
    symbol, low, high = limit
    lows, highs = _pieces(low, sp.Max), _pieces(high, sp.Min)
    order: Callable[..., Any] = _known_length
    if not _lengths_follow(function, symbol):
        order = partial(_number_of_indices, outer)
    first, last = min(product(lows, highs), key=order)
    conditions += [symbol >= one for one in lows if one != first]
    conditions += [symbol <= one for one in highs if one != last]
    return sp.Tuple(symbol, first, last)


def _pieces(bound: sp.Expr, kind: Any) -> list[sp.Expr]:
    """Return the pieces of a bound, as a and b of Max(a, b), or of Max(a, b) + 1."""
    if isinstance(bound, kind):
        return list(bound.args)
    if isinstance(bound, sp.Add):
        inner = [term for term in bound.args if isinstance(term, kind)]
        if len(inner) == 1:
            return [one + bound - inner[0] for one in inner[0].args]
    return [bound]


def _lengths_follow(function: sp.Expr, symbol: sp.Symbol) -> bool:
    """Return whether the arrays that are read at an index have a length by other means."""
    entries = function.atoms(sp.Indexed)
    return all(
        entry.base.shape is not None or _is_read_elsewhere(entry, axis, entries)
        for entry in entries
        for axis, index in enumerate(entry.indices)
        if index.has(symbol)
    )


def _is_read_elsewhere(entry: sp.Indexed, axis: int, entries: set[sp.Indexed]) -> bool:
    """Return whether another entry of the same array has a plain index along an axis."""
    others = {other.indices[axis] for other in entries if other.base == entry.base}
    return any(index.is_Symbol and not entry.indices[axis].has(index) for index in others)


def _known_length(pair: tuple[sp.Expr, sp.Expr]) -> tuple[bool, float, str]:
    """Return what orders ranges: known lengths first, the shortest of these first."""
    low, high = pair
    length = sp.expand(high - low)
    if length.is_number:
        return False, float(length), ""
    return True, 0.0, str(pair)


def _number_of_indices(
    outer: set[sp.Basic], pair: tuple[sp.Expr, sp.Expr]
) -> tuple[int, int, bool, float, str]:
    """Return what orders ranges: the fewest outer indices first, then the most sizes."""
    low, high = pair
    symbols = low.free_symbols | high.free_symbols
    return (len(symbols & outer), -len(symbols - outer), *_known_length(pair))
