"""Functions that are others in disguise: each as an expression of those that programs know."""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp
from sympy.codegen import cfunctions, numpy_nodes

MOST_FACTORS = 8  # of a binomial coefficient that is written as a polynomial


def _truncated_remainder(x: sp.Expr, y: sp.Expr) -> sp.Expr:
    """Return x - y*trunc(x/y), the remainder with the sign of x, as C has it."""
    return sp.sign(x) * sp.Mod(sp.Abs(x), sp.Abs(y))


def _delta(one: sp.Expr, other: sp.Expr, *_: sp.Basic) -> sp.Expr:
    """Return 1 where two indices or numbers are the same, else 0."""
    return sp.Piecewise((1, sp.Eq(one, other)), (0, True))


def _orientation(*indices: sp.Expr) -> sp.Expr:
    """Return the sign of a permutation of 0, 1, ..., 0 where two indices are the same."""
    signs = [sp.sign(b - a) for k, a in enumerate(indices) for b in indices[k + 1 :]]
    return sp.Mul(*signs)


def _binomial(n: sp.Expr, k: sp.Expr) -> sp.Expr:
    """Return n over a small number k as a polynomial of n; else as it is."""
    if k.is_Integer and 0 <= k <= MOST_FACTORS:
        return sp.expand_func(sp.binomial(n, k))
    return sp.binomial(n, k)


def _beta(x: sp.Expr, y: sp.Expr) -> sp.Expr:
    """Return gamma(x)*gamma(y)/gamma(x + y), neither of which has to be a double."""
    return (x + y) / (x * y * sp.binomial(x + y, x))


def _rising(x: sp.Expr, k: sp.Expr) -> sp.Expr:
    return sp.gamma(x + k) / sp.gamma(x)


def _falling(x: sp.Expr, k: sp.Expr) -> sp.Expr:
    return sp.gamma(x + 1) / sp.gamma(x - k + 1)


def _acot(x: sp.Expr) -> sp.Expr:
    """Return atan(1/x), pi/2 of 0, without the division by a small x."""
    near = sp.Piecewise((-sp.pi / 2, x < 0), (sp.pi / 2, True)) - sp.atan(x)
    return sp.Piecewise((sp.atan(1 / x), sp.Abs(x) > 1), (near, True))


def _asech(x: sp.Expr) -> sp.Expr:
    return sp.acosh(1 / x)


REWRITTEN: dict[type, Callable[..., sp.Basic]] = {
    sp.acot: _acot,
    sp.asec: lambda x: sp.acos(1 / x),
    sp.acsc: lambda x: sp.asin(1 / x),
    sp.asech: _asech,
    sp.acsch: lambda x: sp.asinh(1 / x),
    sp.acoth: lambda x: sp.atanh(1 / x),
    sp.factorial: lambda x: sp.gamma(x + 1),
    sp.beta: _beta,
    sp.RisingFactorial: _rising,
    sp.FallingFactorial: _falling,
    sp.harmonic: lambda x, order=sp.S.One: sp.harmonic(x, order).rewrite(sp.polygamma),
    sp.catalan: lambda n: sp.binomial(2 * n, n) / (n + 1),
    sp.frac: lambda x: x - sp.floor(x),
    sp.Rem: _truncated_remainder,
    sp.erf2: lambda x, y: sp.erf(y) - sp.erf(x),
    sp.KroneckerDelta: _delta,
    sp.LeviCivita: _orientation,
    cfunctions.Cbrt: lambda x: sp.sign(x) * sp.Abs(x) ** sp.Rational(1, 3),
    cfunctions.Sqrt: sp.sqrt,
    cfunctions.exp2: lambda x: 2**x,
    cfunctions.expm1: lambda x: sp.exp(x) - 1,
    cfunctions.log1p: lambda x: sp.log(1 + x),
    cfunctions.log2: lambda x: sp.log(x) / sp.log(2),
    cfunctions.log10: lambda x: sp.log(x) / sp.log(10),
    cfunctions.fma: lambda x, y, z: x * y + z,
    numpy_nodes.logaddexp: lambda x, y: sp.log(sp.exp(x) + sp.exp(y)),
}
"""By kind; each of the arguments as they stand."""
