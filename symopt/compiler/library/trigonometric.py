"""Sines, their kin and their inverses in the kernel language."""

from __future__ import annotations

from symopt.compiler.library.exponential import with_sign
from symopt.compiler.library.primitives import bitcast_to_float, bitcast_to_int, fabs, fma, sqrt


def sin_reduced(r: float) -> float:
    """The sine of |r| <= pi/4."""
    z = r * r
    p = fma(fma(1.5916726193889336e-10, z, -2.5051112272573243e-08), z, 2.755731600817155e-06)
    return fma(
        r * z,
        fma(
            fma(fma(p, z, -0.0001984126983657571), z, 0.008333333333330827), z, -0.16666666666666666
        ),
        r,
    )


def cos_reduced(r: float) -> float:
    """The cosine of |r| <= pi/4; the part that 1 - z/2 rounds away is added back."""
    z = r * r
    p = fma(fma(-1.1381754653662937e-11, z, 2.0876134024090145e-09), z, -2.755731721268659e-07)
    p = fma(
        fma(fma(p, z, 2.4801587298651292e-05), z, -0.0013888888888887322), z, 0.041666666666666664
    )
    half = 0.5 * z
    w = 1.0 - half
    return w + fma(z * z, p, (1.0 - w) - half)


def quadrant(x: float) -> float:
    """x*2/pi rounded, in the low bits of a float; NaN where x is too large for that."""
    inside = fabs(x) <= 281474976710656.0
    return (
        fma(x, 0.6366197723675814, 6755399441055744.0)
        if inside
        else bitcast_to_float(9221120237041090560)
    )


def modulo_half_pi(x: float, n: float) -> float:
    """X - n*pi/2, with pi/2 in three doubles; the first product and difference are exact."""
    return fma(
        -n, -1.4973849048591698e-33, fma(-n, 6.123233995736766e-17, fma(-n, 1.5707963267948966, x))
    )


def sin(x: float) -> float:
    """Sine or cosine of the rest modulo pi/2, by the quadrant."""
    q = quadrant(x)
    n = q - 6755399441055744.0
    r = modulo_half_pi(x, n)
    k = bitcast_to_int(q)
    size = sin_reduced(r) if (k & 1) == 0 else cos_reduced(r)
    value = size if (k & 2) == 0 else -size
    return (x if x == 0.0 else value) if q == q else q - q


def cos(x: float) -> float:
    """Cosine or sine of the rest modulo pi/2, by the quadrant."""
    q = quadrant(x)
    n = q - 6755399441055744.0
    r = modulo_half_pi(x, n)
    k = bitcast_to_int(q)
    size = cos_reduced(r) if (k & 1) == 0 else sin_reduced(r)
    value = size if ((k + 1) & 2) == 0 else -size
    return value if q == q else q - q


def half_pi_lost(x: float, n: float) -> float:
    """What modulo_half_pi(x, n) rounds away."""
    first = fma(-n, 1.5707963267948966, x)
    product = n * 6.123233995736766e-17
    second = fma(-n, 6.123233995736766e-17, first)
    third = fma(-n, -1.4973849048591698e-33, second)
    near = first - product
    lost = (first - (near - (near - first))) - (product + (near - first))
    lost = (near - second) + (lost - fma(n, 6.123233995736766e-17, -product))
    return lost + fma(-n, -1.4973849048591698e-33, second - third)


def sin_reduced_lost(r: float, rest: float) -> float:
    """What sin_reduced(r) lacks to the sine of r + rest."""
    z = r * r
    p = fma(fma(1.5916726193889336e-10, z, -2.5051112272573243e-08), z, 2.755731600817155e-06)
    p = fma(
        fma(fma(p, z, -0.0001984126983657571), z, 0.008333333333330827), z, -0.16666666666666666
    )
    return fma(r * z, p, r - sin_reduced(r)) + rest * cos_reduced(r)


def cos_reduced_lost(r: float, rest: float) -> float:
    """What cos_reduced(r) lacks to the cosine of r + rest."""
    z = r * r
    p = fma(fma(-1.1381754653662937e-11, z, 2.0876134024090145e-09), z, -2.755731721268659e-07)
    p = fma(
        fma(fma(p, z, 2.4801587298651292e-05), z, -0.0013888888888887322), z, 0.041666666666666664
    )
    half = 0.5 * z
    w = 1.0 - half
    lost = (w - cos_reduced(r)) + fma(z * z, p, (1.0 - w) - half)
    return lost - fma(rest, sin_reduced(r), 0.5 * fma(r, r, -z))


def tan(x: float) -> float:
    """sin/cos; the two share their reduction once they are inlined."""
    return sin(x) / cos(x)


def atan(x: float) -> float:
    """atan(z) for |z| <= tan(pi/8), plus 0, pi/4 or pi/2."""
    a = fabs(x)
    far = a > 2.414213562373095
    mid = a > 0.4142135623730951
    above = -1.0 if far else (a - 1.0 if mid else a)
    below = a if far else (a + 1.0 if mid else 1.0)
    s = above / below
    start = 1.5707963267948966 if far else (0.7853981633974483 if mid else 0.0)
    tail = 6.123233995736766e-17 if far else (3.061616997868383e-17 if mid else 0.0)
    z = s * s
    w = z * z
    even = fma(
        fma(fma(-0.0191659065063043, w, -0.05085139148706638), w, -0.06664504610032648),
        w,
        -0.09090904557214267,
    )
    even = fma(fma(even, w, -0.1428571428466014), w, -0.3333333333333333)
    odd = fma(fma(0.03922268882347632, w, 0.05858089538610203), w, 0.0769218270524632)
    odd = fma(fma(odd, w, 0.11111111014741562), w, 0.1999999999999549)
    size = start + (s + fma(s * z, fma(odd, z, even), tail))
    return with_sign(size, x)


def asin_rest(z: float) -> float:
    """(asin(s) - s)/s**3 as a function of z = s**2 <= 1/4."""
    w = z * z
    even = fma(fma(-0.010773195325585554, w, 0.0077986264075622334), w, 0.013929545950485803)
    even = fma(
        fma(fma(even, w, 0.022372047201808885), w, 0.04464285710323956), w, 0.1666666666666665
    )
    odd = fma(fma(0.028187667142318098, w, 0.016049124584949316), w, 0.011876344296279416)
    odd = fma(
        fma(fma(odd, w, 0.01735526856395352), w, 0.030381947379559158), w, 0.07500000000020869
    )
    return fma(odd, z, even)


def asin(x: float) -> float:
    """By its series to 1/2, beyond it as pi/2 - 2*asin(sqrt((1 - |x|)/2))."""
    a = fabs(x)
    far = a > 0.5
    z = (1.0 - a) * 0.5 if far else a * a
    s = sqrt(z) if far else a
    value = fma(s * z, asin_rest(z), s)
    size = 1.5707963267948966 - (2.0 * value - 6.123233995736766e-17) if far else value
    return with_sign(size, x)


def acos(x: float) -> float:
    """pi/2 - asin(x) in the middle, 2*asin(sqrt((1 - |x|)/2)) or pi minus that at the ends."""
    a = fabs(x)
    far = a > 0.5
    z = (1.0 - a) * 0.5 if far else a * a
    s = sqrt(z) if far else x
    value = fma(s * z, asin_rest(z), s)
    middle = 1.5707963267948966 - (value - 6.123233995736766e-17)
    left = 3.141592653589793 - (2.0 * value - 1.2246467991473532e-16)
    return (2.0 * value if x > 0.0 else left) if far else middle


def asin_slope(x: float) -> float:
    """1/sqrt((1 - x)*(1 + x))."""
    return 1.0 / sqrt((1.0 - x) * (1.0 + x))


def atan_slope(x: float) -> float:
    """1/(1 + x**2); far out of x * 2**-512, beside which the 1 is nothing."""
    scale = 7.458340731200207e-155 if fabs(x) > 1e100 else 1.0
    return 1.0 / fma(x * scale, x * scale, scale) * (scale * scale)


def sec(x: float) -> float:
    """1/cos."""
    return 1.0 / cos(x)


def csc(x: float) -> float:
    """1/sin."""
    return 1.0 / sin(x)


def cot(x: float) -> float:
    """cos/sin."""
    return cos(x) / sin(x)


def sin_part(x: float) -> float:
    """What sin(x) rounds away, as a part of it."""
    q = quadrant(x)
    n = q - 6755399441055744.0
    r = modulo_half_pi(x, n)
    rest = half_pi_lost(x, n)
    straight = (bitcast_to_int(q) & 1) == 0
    size = sin_reduced(r) if straight else cos_reduced(r)
    return (sin_reduced_lost(r, rest) if straight else cos_reduced_lost(r, rest)) / size


def cos_part(x: float) -> float:
    """What cos(x) rounds away, as a part of it."""
    q = quadrant(x)
    n = q - 6755399441055744.0
    r = modulo_half_pi(x, n)
    rest = half_pi_lost(x, n)
    straight = (bitcast_to_int(q) & 1) == 0
    size = cos_reduced(r) if straight else sin_reduced(r)
    return (cos_reduced_lost(r, rest) if straight else sin_reduced_lost(r, rest)) / size


def square_part(s: float) -> float:
    """What the rounding of s*s lost, as a part of it."""
    square = s * s
    return fma(s, s, -square) / square


def tan_slope(x: float) -> float:
    """1/cos**2."""
    c = cos(x)
    size = 1.0 / (c * c)
    return fma(-size, fma(2.0, cos_part(x), square_part(c)), size)


def cot_slope(x: float) -> float:
    """-1/sin**2."""
    s = sin(x)
    size = 1.0 / (s * s)
    return fma(size, fma(2.0, sin_part(x), square_part(s)), -size) if size < 1e300 else -size


def sec_slope(x: float) -> float:
    """sin/cos**2."""
    c = cos(x)
    size = sin(x) / (c * c)
    lost = sin_part(x) - fma(2.0, cos_part(x), square_part(c))
    return fma(size, lost, size) if fabs(x) > 1e-290 else x


def csc_slope(x: float) -> float:
    """-cos/sin**2."""
    s = sin(x)
    size = cos(x) / (s * s)
    lost = cos_part(x) - fma(2.0, sin_part(x), square_part(s))
    return -(fma(size, lost, size) if fabs(size) < 1e300 else size)


def sinc(x: float) -> float:
    """sin(x)/x, 1 at 0."""
    return 1.0 if x == 0.0 else sin(x) / x


def sinc_slope(x: float) -> float:
    """(cos(x) - sin(x)/x)/x; about 0 its series, for there the difference cancels."""
    z = x * x
    p = fma(
        fma(fma(-8.509974375387505e-22, z, 3.9145882126782523e-19), z, -1.4797143443923793e-16),
        z,
        4.498331606952833e-14,
    )
    p = fma(
        fma(fma(p, z, -1.0706029224547743e-11), z, 1.9270852604185937e-09),
        z,
        -2.505210838544172e-07,
    )
    p = fma(
        fma(fma(p, z, 2.2045855379188714e-05), z, -0.0011904761904761906), z, 0.03333333333333333
    )
    p = fma(p, z, -0.3333333333333333)
    return p * x if fabs(x) < 1.5 else (cos(x) - sin(x) / x) / x


def sinc_curvature(x: float) -> float:
    """-(sin(x) + 2*slope)/x; about 0 its series."""
    z = x * x
    p = fma(
        fma(fma(-1.787094618831376e-20, z, 7.437717604088679e-18), z, -2.515514385467045e-15),
        z,
        6.74749741042925e-13,
    )
    p = fma(
        fma(fma(p, z, -1.3917837991912066e-10), z, 2.1197937864604532e-08),
        z,
        -2.2546897546897547e-06,
    )
    p = fma(fma(fma(p, z, 0.00015432098765432098), z, -0.005952380952380952), z, 0.1)
    p = fma(p, z, -0.3333333333333333)
    slope = (cos(x) - sin(x) / x) / x
    return p if fabs(x) < 1.5 else -(sin(x) + 2.0 * slope) / x


def hypot(x: float, y: float) -> float:
    """sqrt(x**2 + y**2) of both times a power of two, where their squares leave the doubles."""
    a = fabs(x)
    b = fabs(y)
    high = a if a > b else b
    big = high > 1e150
    small = high < 1e-150
    down = 2.409919865102884e-181 if big else (4.149515568880993e180 if small else 1.0)
    up = 4.149515568880993e180 if big else (2.409919865102884e-181 if small else 1.0)
    c = a * down
    d = b * down
    return sqrt(fma(c, c, d * d)) * up


def atan2(y: float, x: float) -> float:
    """The angle of a point, by the smaller over the larger; NaN of the origin."""
    a = fabs(x)
    b = fabs(y)
    steep = b > a
    low = a if steep else b
    high = b if steep else a
    q = low / high
    inside = (high < 1e300) & (high > 1e-280)
    lost = fma(-q, high, low) / high / fma(q, q, 1.0) if inside else 0.0
    near = atan(q) + lost
    up = 1.5707963267948966 - (near - 6.123233995736766e-17) if steep else near
    left = 3.141592653589793 - (up - 1.2246467991473532e-16) if x < 0.0 else up
    return -left if y < 0.0 else left
