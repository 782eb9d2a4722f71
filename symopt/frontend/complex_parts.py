"""Real and imaginary parts of an expression in which every symbol and array entry is real."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import sympy as sp

Parts = tuple[sp.Expr, sp.Expr]
"""The real and the imaginary part."""
COMPLEX = (sp.re, sp.im, sp.conjugate, sp.arg, sp.Abs)
LARGEST_POWER = 8  # of a sum that is multiplied out
ZERO = sp.S.Zero


def of_real_symbols(part: sp.Function) -> sp.Expr:
    """Return a modulus, an argument, a conjugate or a part of z, by the two parts of z.

    Examples
    --------
    >>> x, y = sp.symbols("x y", real=True)
    >>> of_real_symbols(sp.Abs(x + sp.I*y, evaluate=False))
    sqrt(x**2 + y**2)
    """
    (z,) = part.args
    plain = isinstance(part, sp.Abs) and not z.has(sp.I)
    if plain:
        return part
    return OF_PARTS[type(part)](*parts_of(z))


def real_value(expression: sp.Expr) -> sp.Expr:
    """Return an expression without I where its imaginary part cancels, else as it is."""
    real, imaginary = parts_of(expression)
    if imaginary == 0 or sp.expand(imaginary) == 0:
        return real
    return expression


def parts_of(z: sp.Expr) -> Parts:
    """Return the parts of z = u + i*v."""
    if z == sp.I:
        return ZERO, sp.S.One
    if not z.has(sp.I):
        return _of_real(z)
    for kind, rule in RULES.items():
        if isinstance(z, kind):
            return rule(z)
    return _of_other(z)


def _of_real(z: sp.Expr) -> Parts:
    """Return the parts of what has no I: only SymPy may know better, as of sqrt(-2)."""
    if z.is_number and z.is_real is False:
        return z.as_real_imag()  # type: ignore[no-any-return]
    return z, ZERO


def _modulus(u: sp.Expr, v: sp.Expr) -> sp.Expr:
    return sp.sqrt(u**2 + v**2)


def _angle(u: sp.Expr, v: sp.Expr) -> sp.Expr:
    return sp.atan2(v, u)


def _of_sum(z: sp.Add) -> Parts:
    pairs = [parts_of(term) for term in z.args]
    return sp.Add(*(u for u, _ in pairs)), sp.Add(*(v for _, v in pairs))


def _times(one: Parts, other: Parts) -> Parts:
    (a, b), (c, d) = one, other
    return a * c - b * d, a * d + b * c


def _of_product(z: sp.Mul) -> Parts:
    return reduce(_times, map(parts_of, z.args))


def _of_exponential(z: sp.exp) -> Parts:
    u, v = parts_of(z.args[0])
    return sp.exp(u) * sp.cos(v), sp.exp(u) * sp.sin(v)


def _of_power(z: sp.Pow) -> Parts:
    base, exponent = z.args
    if not exponent.is_Integer or abs(exponent) > LARGEST_POWER:
        return _of_other(z)
    power = reduce(_times, [parts_of(base)] * abs(int(exponent)))
    if exponent > 0:
        return power
    u, v = power
    size = u**2 + v**2
    return u / size, -v / size


def _of_range(z: sp.Sum) -> Parts:
    u, v = parts_of(z.function)
    return _over(z, u), _over(z, v)


def _over(z: sp.Sum, part: sp.Expr) -> sp.Expr:
    if part == 0:
        return ZERO
    return sp.Sum(part, *z.limits)


def _of_other(z: sp.Expr) -> Parts:
    """Ask SymPy, with real numbers in the place of array entries."""
    stands = {entry: sp.Dummy(real=True) for entry in z.atoms(sp.Indexed)}
    back = {stand: entry for entry, stand in stands.items()}
    return tuple(part.xreplace(back) for part in z.xreplace(stands).as_real_imag())


OF_PARTS: dict[type, Callable[[sp.Expr, sp.Expr], sp.Expr]] = {
    sp.re: lambda u, _: u,
    sp.im: lambda _, v: v,
    sp.conjugate: lambda u, v: u - sp.I * v,
    sp.arg: _angle,
    sp.Abs: _modulus,
}
RULES: dict[type, Callable[..., Parts]] = {
    sp.Add: _of_sum,
    sp.Mul: _of_product,
    sp.exp: _of_exponential,
    sp.Pow: _of_power,
    sp.Sum: _of_range,
}
"""By kind; what is not here is SymPy's own affair."""
