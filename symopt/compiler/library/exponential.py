"""Exponentials, logarithms and powers in the kernel language."""

from __future__ import annotations

from symopt.compiler.library.primitives import (
    bitcast_to_float,
    bitcast_to_int,
    fabs,
    float64,
    floor,
    fma,
    sqrt,
)


def expm1_tail(r: float) -> float:
    """(e**r - 1 - r)/r**2 for |r| <= ln(2)/2, by its Taylor series in pairs."""
    s = r * r
    s4 = s * s
    a = fma(0.16666666666666666, r, 0.5)
    b = fma(0.008333333333333333, r, 0.041666666666666664)
    c = fma(0.0001984126984126984, r, 0.001388888888888889)
    d = fma(2.7557319223985893e-06, r, 2.48015873015873e-05)
    e = fma(2.505210838544172e-08, r, 2.755731922398589e-07)
    f = fma(1.6059043836821613e-10, r, 2.08767569878681e-09)
    upper = fma(fma(f, s, e), s4, fma(d, s, c))
    return fma(upper, s4, fma(b, s, a))


def expm1_reduced(r: float) -> float:
    """e**r - 1 for |r| <= ln(2)/2."""
    return fma(expm1_tail(r), r * r, r)


def modulo_ln2(x: float, n: float) -> float:
    """X - n*ln(2), with ln(2) in two doubles."""
    return fma(-n, 2.3190468138462996e-17, fma(-n, 0.6931471805599453, x))


def exp(x: float) -> float:
    """2**k * e**r."""
    low = -746.0 if x < -746.0 else x
    y = 710.0 if low > 710.0 else low
    q = fma(y, 1.4426950408889634, 6755399441055744.0)
    return scaled(expm1_reduced(modulo_ln2(y, q - 6755399441055744.0)) + 1.0, q)


def scaled(x: float, q: float) -> float:
    """Return x * 2**k, k in the low bits of q, in two halves for both ends of the range."""
    k = bitcast_to_int(q) - 4843621399236968448
    half = k >> 1
    return x * bitcast_to_float((half + 1023) << 52) * bitcast_to_float((k - half + 1023) << 52)


def expm1(x: float) -> float:
    """2**k * (e**r - 1) + (2**k - 1), kept at half size so that 2**1024 is never needed."""
    low = -40.0 if x < -40.0 else x
    y = 710.0 if low > 710.0 else low
    q = fma(y, 1.4426950408889634, 6755399441055744.0)
    n = q - 6755399441055744.0
    series = expm1_reduced(modulo_ln2(y, n))
    scale = bitcast_to_float((bitcast_to_int(q) - 4843621399236968448 + 1022) << 52)
    value = series if n == 0.0 else fma(scale, series, scale - 0.5) * 2.0
    return x if x == 0.0 else value


def atanh_tail(z: float) -> float:
    """(atanh(s) - s - s**3/3)/s**5 as a function of z = s**2, for |s| <= 3 - 2*sqrt(2)."""
    w = z * z
    odd = fma(fma(0.06550360691751746, w, 0.07693145267329496), w, 0.1111111120027388)
    even = fma(
        fma(fma(0.06633709298237442, w, 0.090908973504489), w, 0.14285714285382226),
        z,
        0.2000000000000047,
    )
    return fma(odd, w, even)


def log_normal(x: float) -> float:
    """X, or x * 2**54 where x is subnormal."""
    return x * 18014398509481984.0 if x < 2.2250738585072014e-308 else x


def log_binade(x: float) -> float:
    """The e of x = m * 2**e with m in [sqrt(1/2), sqrt(2)]."""
    e = (bitcast_to_int(log_normal(x)) - 4604544271217802189) >> 52
    return float64(e) - (54.0 if x < 2.2250738585072014e-308 else 0.0)


def log_fraction(x: float) -> float:
    """M - 1 of x = m * 2**e."""
    y = log_normal(x)
    e = (bitcast_to_int(y) - 4604544271217802189) >> 52
    return bitcast_to_float(bitcast_to_int(y) - (e << 52)) - 1.0


def log_rest(n: float, f: float) -> float:
    """What n*ln(2) + f lacks to n*ln(2) + ln(1 + f), by 2*atanh(s), s = f/(2 + f)."""
    s = f / (2.0 + f)
    z = s * s
    rest = 2.0 * z * fma(atanh_tail(z), z, 0.3333333333333333)
    square = 0.5 * f * f
    # 2*atanh(s) = f - (square - s*(square + rest)); f and n*ln(2) are exact to the last bit
    tail = fma(n, 2.3190468138462996e-17, fma(s, square + rest, -square))
    big = n * 0.6931471805599453
    head = big + f
    return (f - (head - big)) + fma(n, 0.6931471805599453, -big) + tail


def log(x: float) -> float:
    """e*ln(2) + ln(m), where x = m * 2**e and m is near 1."""
    n = log_binade(x)
    f = log_fraction(x)
    result = (n * 0.6931471805599453 + f) + log_rest(n, f)
    finite = result if x < bitcast_to_float(9218868437227405312) else x
    positive = finite if x > 0.0 else bitcast_to_float(9221120237041090560)
    return bitcast_to_float(-4503599627370496) if x == 0.0 else positive


def log1p(x: float) -> float:
    """ln(u) at u = 1 + x, and what the rounding of u lost."""
    u = 1.0 + x
    lost = x - (u - 1.0) if fabs(x) < 1.0 else 1.0 - (u - x)
    inside = (u > 0.0) & (u < 1e300)
    value = log(u) + (lost / u if inside else 0.0)
    return x if x == 0.0 else value


def pow(x: float, y: float) -> float:
    """x**y."""
    return pow_of_sum(x, y, 0.0)


def pow_less(x: float, y: float) -> float:
    """x**(y - 1), also where y - 1 is no double: x**(1/3 - 1) at 1e-300 would lose two digits."""
    power = y - 1.0
    return pow_of_sum(x, power, (y - (power - (power - y))) - (1.0 + (power - y)))


def pow_of_sum(x: float, y: float, rest: float) -> float:
    """e**((y + rest)*ln|x|) in two doubles, with the sign for whole exponents."""
    a = fabs(x)
    tiny = a < 2.2250738585072014e-308
    b = a * 18014398509481984.0 if tiny else a
    e = (bitcast_to_int(b) - 4604544271217802189) >> 52
    m = bitcast_to_float(bitcast_to_int(b) - (e << 52))
    n = float64(e) - (54.0 if tiny else 0.0)
    f = m - 1.0
    g = m + 1.0
    s = f / g
    low = (fma(-s, g, f) - s * (m - (g - 1.0))) / g
    # ln(m) = 2*(s + s**3/3 + s**5*...): the first two terms in two doubles
    z = s * s
    twice = 2.0 * s
    cube = twice * z
    lost = fma(twice, z, -cube) + fma(twice, fma(s, s, -z), 6.0 * z * low)
    third = cube * 0.3333333333333333
    less = fma(cube, 0.3333333333333333, -third) + fma(
        cube, 1.850371707708594e-17, lost * 0.3333333333333333
    )
    big = n * 0.6931471805599453
    less = less + fma(n, 2.3190468138462996e-17, fma(n, 0.6931471805599453, -big)) + 2.0 * low
    sum2 = big + twice
    part = sum2 - big
    head = sum2 + third
    less = less + ((big - (sum2 - part)) + (twice - part)) + (third - (head - sum2))
    less = fma(cube * z, atanh_tail(z), less)
    high = head + less
    less = less - (high - head)
    product = y * high
    inside = fabs(product) < 800.0
    tail = fma(rest, high, fma(y, less, fma(y, high, -product))) if inside else 0.0
    below = -746.0 if product < -746.0 else product
    x2 = 710.0 if below > 710.0 else below
    q = fma(x2, 1.4426950408889634, 6755399441055744.0)
    size = scaled(expm1_reduced(modulo_ln2(x2, q - 6755399441055744.0) + tail) + 1.0, q)
    whole = (floor(y) == y) & (rest == 0.0)
    even_power = floor(0.5 * y) * 2.0 == y
    signed = size if even_power else -size
    nan = bitcast_to_float(9221120237041090560)
    value = size if x > 0.0 else (signed if whole else nan)
    infinite = bitcast_to_float(9218868437227405312)
    at_zero = 0.0 if y > 0.0 else infinite
    at_infinity = infinite if y > 0.0 else 0.0
    edge = at_zero if a == 0.0 else at_infinity
    edge = -edge if (bitcast_to_int(x) < 0) & whole & (even_power ^ whole) else edge
    value = edge if (a == 0.0) | (a == infinite) else value
    value = x + y if (x != x) | (y != y) else value
    one = (y == 0.0) | (x == 1.0) | ((a == 1.0) & (fabs(y) == infinite))
    return 1.0 if one else value


def sigmoid_left(x: float) -> float:
    """The sigmoid of -|x|."""
    e = exp(-fabs(x))
    return e / (1.0 + e)


def sigmoid(x: float) -> float:
    """1/(1 + e**-x), from the side on which the exponential is small."""
    s = sigmoid_left(x)
    return 1.0 - s if x >= 0.0 else s


def sigmoid_slope(x: float) -> float:
    """s*(1 - s) with s the sigmoid of -|x|: no digits are lost on either side."""
    s = sigmoid_left(x)
    return fma(-s, s, s)


def softplus(x: float) -> float:
    """ln(1 + e**x) = max(x, 0) + ln(1 + e**-|x|)."""
    above = 0.0 if x < 0.0 else x
    return above + log1p(exp(-fabs(x)))


def xlogx(x: float) -> float:
    """x*ln(x), 0 at 0."""
    return 0.0 if x == 0.0 else x * log(x)


def expm1_lost(x: float) -> float:
    """What expm1(x) rounds away, for x <= 0: the two together are right to a fifth of an ulp."""
    y = -40.0 if x < -40.0 else x
    q = fma(y, 1.4426950408889634, 6755399441055744.0)
    n = q - 6755399441055744.0
    first = fma(-n, 0.6931471805599453, y)
    r = fma(-n, 2.3190468138462996e-17, first)
    series = expm1_reduced(r)
    lost = fma(expm1_tail(r), r * r, r - series)
    lost = fma(fma(-n, 2.3190468138462996e-17, first - r), series + 1.0, lost)
    scale = bitcast_to_float((bitcast_to_int(q) - 4843621399236968448 + 1023) << 52)
    sum2 = fma(scale, series, scale - 1.0)
    return fma(scale, lost, fma(scale, series, (scale - 1.0) - sum2))


def exp_lost(x: float) -> float:
    """What exp(x) rounds away, as a part of it."""
    low = -746.0 if x < -746.0 else x
    y = 710.0 if low > 710.0 else low
    q = fma(y, 1.4426950408889634, 6755399441055744.0)
    n = q - 6755399441055744.0
    first = fma(-n, 0.6931471805599453, y)
    r = fma(-n, 2.3190468138462996e-17, first)
    series = expm1_reduced(r)
    value = series + 1.0
    lost = fma(expm1_tail(r), r * r, r - series) + (series - (value - 1.0))
    return fma(fma(-n, 2.3190468138462996e-17, first - r), value, lost) * (1.0 - series)


def log_slope(x: float) -> float:
    """1/x in the domain of the logarithm."""
    return 1.0 / (
        x if x > 0.0 else (fabs(x) if x == 0.0 else bitcast_to_float(9221120237041090560))
    )


def log1p_slope(x: float) -> float:
    """1/(1 + x) in the domain of log1p."""
    return log_slope(1.0 + x)


def xlogx_slope(x: float) -> float:
    """1 + ln(x); near its zero 1/e by the series of ln(1 + t), t = e*x - 1."""
    n = log_binade(x)
    f = log_fraction(x)
    head = n * 0.6931471805599453 + f
    far = (1.0 + head) + log_rest(n, f) if fabs(head + 1.0) < 0.5 else 1.0 + log(x)
    t = fma(2.718281828459045, x, -1.0) + 1.4456468917292502e-16 * x
    series = fma(fma(fma(-0.125, t, 0.14285714285714285), t, -0.16666666666666666), t, 0.2)
    series = fma(fma(fma(series, t, -0.25), t, 0.3333333333333333), t, -0.5)
    return fma(series, t * t, t) if fabs(t) < 0.015 else far


def log1mexp(x: float) -> float:
    """ln(1 - e**x) for x <= 0, as ln(-expm1(x)) near 0 and log1p(-e**x) far from it."""
    e = exp(x)
    far = x < -0.6931471805599453
    inside = 1.0 - e if far else -expm1(x)
    return log(inside) + (((1.0 - inside) - e) / inside if far else 0.0)


def log1mexp_slope(x: float) -> float:
    """-e**x/(1 - e**x) for x <= 0, right down to the underflow."""
    nan = bitcast_to_float(9221120237041090560)
    return -exp(x) / (fabs(expm1(x)) if x <= 0.0 else nan)


def root_less(x: float, y: float) -> float:
    """sqrt(x + y) - sqrt(y) as x/(sqrt(x + y) + sqrt(y)); 0 of two zeros."""
    both = sqrt(x + y) + sqrt(y)
    return both if both == 0.0 else (x if x > 1.7976931348623157e308 else x / both)


def with_sign(size: float, x: float) -> float:
    """A number that is not negative, with the sign of x, also of a zero."""
    return bitcast_to_float(bitcast_to_int(size) | (bitcast_to_int(x) & bitcast_to_int(-0.0)))


def sign(x: float) -> float:
    """-1, 0 or 1; NaN of NaN."""
    return 1.0 if x > 0.0 else (-1.0 if x < 0.0 else x)


def mod_signed(size: float, x: float, y: float) -> float:
    """The remainder with the sign of y, from that of |x| by |y|."""
    signed = with_sign(size, x)
    moved = signed + y if (signed < 0.0) ^ (y < 0.0) else signed
    return with_sign(0.0, y) if signed == 0.0 else moved


def mod(x: float, y: float) -> float:
    """X - y*floor(x/y) as Python's ``%``; NaN for x/y from 2**53 on.

    It is exact but for the last sum where signs differ.
    """
    a = fabs(x)
    b = fabs(y)
    quotient = a / b
    rest = fma(-floor(quotient), b, a)
    size = a if a < b else (rest + b if rest < 0.0 else rest)
    return mod_signed(
        size if quotient < 9007199254740992.0 else bitcast_to_float(9221120237041090560), x, y
    )
