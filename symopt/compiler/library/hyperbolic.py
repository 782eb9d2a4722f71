"""Hyperbolic functions and their inverses in the kernel language."""

from __future__ import annotations

from symopt.compiler.library.exponential import (
    exp,
    exp_lost,
    expm1,
    expm1_lost,
    expm1_reduced,
    log,
    log1p,
    modulo_ln2,
    with_sign,
)
from symopt.compiler.library.primitives import bitcast_to_float, bitcast_to_int, fabs, fma, sqrt


def sinh(x: float) -> float:
    """(E + E/(E + 1))/2 with E = expm1|x|; by e**(|x|/2) squared where E would overflow."""
    a = fabs(x)
    e = expm1(a)
    half = exp(0.5 * a)
    size = half * 0.5 * half if a > 700.0 else 0.5 * (e + e / (e + 1.0))
    return with_sign(size, x)


def cosh(x: float) -> float:
    """(E + 1/E)/2 with E = e**|x|; by e**(|x|/2) squared where E would overflow."""
    a = fabs(x)
    e = exp(a)
    half = exp(0.5 * a)
    return half * 0.5 * half if a > 700.0 else fma(0.5, e, 0.5 / e)


def tanh_parts(x: float) -> float:
    """expm1(2|x|); beyond 300 that of |x| - 256, so that the slope keeps its digits."""
    a = fabs(x)
    b = a - 256.0 if a > 300.0 else a
    return expm1_positive(2.0 * (300.0 if b > 300.0 else b))


def expm1_positive(x: float) -> float:
    """expm1(x) for 0 <= x <= 700, in the bits of expm1."""
    q = fma(x, 1.4426950408889634, 6755399441055744.0)
    series = expm1_reduced(modulo_ln2(x, q - 6755399441055744.0))
    scale = bitcast_to_float((bitcast_to_int(q) - 4843621399236968448 + 1023) << 52)
    return fma(scale, series, scale - 1.0)


def tanh(x: float) -> float:
    """E/(E + 2) with E = expm1(2|x|), by the reciprocal that the slope needs."""
    e = tanh_parts(x)
    below = e + 2.0
    inverse = 1.0 / below
    near = e * inverse
    size = fma(fma(-near, below, e), inverse, near)
    return with_sign(size, x)


def sech2(x: float) -> float:
    """1 - tanh(x)**2 = 4*w*(1 - w) with w = 1/(E + 2), which tanh has too."""
    inverse = 1.0 / (tanh_parts(x) + 2.0)
    scale = 1.7509964148212205e-222 if fabs(x) > 300.0 else 4.0
    return fma(-inverse, inverse, inverse) * scale


def sech(x: float) -> float:
    """2*g/(1 + g**2) with g = e**-|x|."""
    g = exp(-fabs(x))
    return 2.0 * g / fma(g, g, 1.0)


def sech_slope(x: float) -> float:
    """-sinh/cosh**2 = 2*g*t/(2 + t)**2 with g = e**-|x|, t = expm1(-2|x|)."""
    a = fabs(x)
    t = expm1(-2.0 * a)
    below = 2.0 + t
    square = below * below
    below_lost = (t - (below - 2.0)) + expm1_lost(-2.0 * a)
    lost = fma(2.0 * below, below_lost, fma(below, below, -square)) / square
    size = 2.0 * (exp(-a) * (t / square))
    size = fma(size, exp_lost(-a) + expm1_lost(-2.0 * a) / t - lost, size) if a > 1e-290 else -a
    return size if x > 0.0 else -size


def expm1_part(y: float) -> float:
    """What expm1(y) rounds away, as a part of it, for y <= 0."""
    return expm1_lost(y) / expm1(y) if y < -1e-290 else 0.0


def csch(x: float) -> float:
    """1/sinh = -2*g/t with g = e**-|x|, t = expm1(-2|x|) in two doubles."""
    a = fabs(x)
    size = 2.0 * exp(-a) / -expm1(-2.0 * a)
    size = fma(size, -expm1_part(-2.0 * a), size) if size < 1e300 else size
    return with_sign(size, x)


def csch_slope(x: float) -> float:
    """-cosh/sinh**2 = -2*g*(2 + t)/t**2 with g = e**-|x|, t = expm1(-2|x|) in two doubles."""
    a = fabs(x)
    t = expm1(-2.0 * a)
    square = t * t
    size = 2.0 * exp(-a) * ((2.0 + t) / square)
    lost = fma(t, t, -square) / square + 2.0 * expm1_part(-2.0 * a)
    lost = exp_lost(-a) + ((t - ((2.0 + t) - 2.0)) + expm1_lost(-2.0 * a)) / (2.0 + t) - lost
    return -(fma(size, lost, size) if size < 1e300 else size)


def coth(x: float) -> float:
    """-(2 + t)/t with t = expm1(-2|x|)."""
    t = expm1(-2.0 * fabs(x))
    size = (2.0 + t) / -t
    return with_sign(size, x)


def coth_slope(x: float) -> float:
    """-1/sinh**2 = -4*e**(-2|x|)/t**2 with t = expm1(-2|x|) in two doubles."""
    y = -2.0 * fabs(x)
    t = expm1(y)
    square = t * t
    size = 4.0 * exp(y) / square
    lost = exp_lost(y) - (fma(t, t, -square) / square + 2.0 * expm1_part(y))
    return -(fma(size, lost, size) if size < 1e300 else size)


def asinh(x: float) -> float:
    """log1p(a + a**2/(1 + sqrt(1 + a**2))), a = |x|, in two doubles; ln(2a) far out."""
    a = fabs(x)
    far = a > 268435456.0
    b = 0.0 if far else a
    z = b * b / (1.0 + sqrt(fma(b, b, 1.0)))
    y = b + z
    u = a if far else 1.0 + y
    lost = log1p_lost(y, u) + (z - (y - b))
    size = log(u) + (0.6931471805599453 if far else lost / u)
    return with_sign(size, x)


def log1p_lost(y: float, u: float) -> float:
    """What the rounding of u = 1 + y lost, for y >= 0."""
    return y - (u - 1.0) if y < 1.0 else 1.0 - (u - y)


def cosh_m1_lost(a: float, y: float) -> float:
    """What y = t**2/(2*(1 + t)), with t = expm1(-a), lacks to cosh(a) - 1, for 0 <= a <= 1."""
    t = expm1(-a)
    below = 1.0 + t
    square = t * t
    t_lost = expm1_lost(-a)
    part = fma(t, t, -square) / square + 2.0 * (t_lost / t) - (((1.0 - below) + t) + t_lost) / below
    rest = fma(-2.0 * y, below, square) / (2.0 * below)
    return fma(y, part, rest) if a > 1e-140 else 0.0


def log_cosh(x: float) -> float:
    """log1p(cosh(x) - 1) to 1, and |x| - ln(2) + log1p(e**(-2|x|)) beyond."""
    a = fabs(x)
    b = 1.0 if a > 1.0 else a
    t = expm1(-b)
    y = t * t / (2.0 * (1.0 + t))
    u = 1.0 + y
    near = log(u) + (log1p_lost(y, u) + cosh_m1_lost(b, y)) / u
    far = a - 0.6931471805599453 + log1p(exp(-2.0 * a))
    return far if a > 1.0 else near


def acosh(x: float) -> float:
    """log1p(t + sqrt(t*(t + 2))) with t = x - 1 and the sum in two doubles; ln(2x) far out."""
    far = x > 268435456.0
    t = (0.0 if far else x - 1.0) if x >= 1.0 else bitcast_to_float(9221120237041090560)
    root = sqrt(fma(t, t, 2.0 * t))
    y = root + t
    u = x if far else 1.0 + y
    lost = log1p_lost(y, u) + (t - (y - root))
    return log(u) + (0.6931471805599453 if far else lost / u)


def atanh(x: float) -> float:
    """log1p(2a/(1 - a))/2 with a = |x|, the quotient with its remainder."""
    a = fabs(x)
    below = 1.0 - a
    y = 2.0 * a / below
    u = 1.0 + y
    rest = (fma(-y, below, 2.0 * a) - y * ((1.0 - below) - a)) / below
    lost = (log1p_lost(y, u) + rest) / u if a < 1.0 else 0.0
    size = 0.5 * (log(u) + lost)
    return with_sign(size, x)


def asinh_slope(x: float) -> float:
    """1/sqrt(1 + x**2); far out of x * 2**-512, beside which the 1 is nothing."""
    scale = 7.458340731200207e-155 if fabs(x) > 1e100 else 1.0
    return 1.0 / sqrt(fma(x * scale, x * scale, scale)) * scale


def acosh_slope(x: float) -> float:
    """1/sqrt((x - 1)*(x + 1)) for x >= 1; 1/x far out."""
    below = x if x > 1e100 else sqrt((x - 1.0) * (x + 1.0))
    return 1.0 / (below if x >= 1.0 else bitcast_to_float(9221120237041090560))


def atanh_slope(x: float) -> float:
    """1/((1 - x)*(1 + x)) for |x| <= 1."""
    product = (1.0 - x) * (1.0 + x)
    return 1.0 / (fabs(product) if product >= 0.0 else bitcast_to_float(9221120237041090560))
