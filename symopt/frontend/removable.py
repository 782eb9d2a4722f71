"""Removable points, as of Piecewise((sin(x)/x, Ne(x, 0)), (1, True)), with their slopes.

Where the first piece has a Taylor series whose constant is the value of the second, that piece is
replaced by the beginning of the series: value, slope and curvature are then right at the point.
"""

from __future__ import annotations

import sympy as sp
from sympy.concrete.expr_with_limits import ExprWithLimits

TERMS = 4  # of the series: value, slope, curvature, and one that the gradient's tangent touches
LARGEST = 40  # operations of a piece that SymPy expands in a moment
SMOOTH = (
    sp.exp,
    sp.log,
    sp.sin,
    sp.cos,
    sp.tan,
    sp.sinh,
    sp.cosh,
    sp.tanh,
    sp.asin,
    sp.atan,
    sp.asinh,
    sp.atanh,
    sp.erf,
)


def continued_piece(part: sp.Piecewise) -> tuple[sp.Expr, sp.Expr, sp.Expr] | None:
    """Return u, the piece for u != 0, and a polynomial that continues it; or None."""
    if len(part.args) != 2 or part.args[1][1] not in (sp.true, True):
        return None
    (first, condition), (second, _) = part.args
    if isinstance(condition, sp.Eq):
        first, second = second, first
    elif not isinstance(condition, sp.Ne):
        return None
    gap = condition.lhs - condition.rhs
    series = _series(first, condition.lhs, condition.rhs)
    if series is None or sp.expand(series.subs(_GAP, 0) - second) != 0:
        return None
    return gap, first, series.subs(_GAP, gap)


_GAP = sp.Dummy("gap", real=True)


def _series(piece: sp.Expr, u: sp.Expr, at: sp.Expr) -> sp.Expr | None:
    """Return a piece as a polynomial in the distance of u from a number."""
    if piece.has(ExprWithLimits):  # u may be the index that a sum binds
        return None
    moved = piece
    if at.is_number:
        moved = piece.xreplace({u: _GAP + at})
    if any(entry.has(_GAP) for entry in moved.atoms(sp.Indexed)):
        return None
    functions = moved.atoms(sp.Function)
    if u.free_symbols & moved.free_symbols or not moved.has(_GAP) or moved.count_ops() > LARGEST:
        return None
    if not all(isinstance(function, SMOOTH) for function in functions):
        return None
    try:
        series = moved.series(_GAP, 0, TERMS).removeO()
    except (ValueError, NotImplementedError, TypeError, sp.PoleError):
        return None
    if series.is_polynomial(_GAP):
        return series
    return None
