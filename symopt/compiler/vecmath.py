"""Elementary functions in the kernel language: branch-free, so that a loop over lanes vectorises.

Every function is a polynomial between a reduction of its argument and a reconstruction by bit
operations, made of correctly rounded steps only: the same bits on every processor and in plain
Python. ``ULP`` holds the largest error of each, in units in the last place, as
``tests/compiler/test_vecmath.py`` measures it against mpmath. ``experiments/speed/vecmath_fit.py``
made the coefficients. Sines are NaN beyond |x| = 2**48, where neighbouring floats are 0.06
rad apart; all other functions have their full range.

``helpers`` copies what a kernel needs, with the functions that it calls, into the kernel's file.
"""

from __future__ import annotations

from symopt.compiler.language import bits, fabs, float64, floor, fma, from_bits, sqrt

ULP = {
    "exp": 1.1, "expm1": 2.0, "log": 1.0, "log1p": 1.5, "sin": 2.0, "cos": 2.0, "tan": 3.0,
    "sinh": 2.7, "cosh": 2.7, "tanh": 2.6, "asin": 2.7, "acos": 1.5, "atan": 2.0, "erf": 2.0,
    "pow": 2.0, "softplus": 2.0, "sigmoid": 2.5, "xlogx": 2.0, "sign": 0.0,
}  # fmt: skip
"""Largest error of each function that kernels can call, in ulp."""


def expm1_reduced(r: float) -> float:
    """e**r - 1 for |r| <= ln(2)/2 by its Taylor series to r**13, in pairs side by side."""
    s = r * r
    s4 = s * s
    a = fma(0.16666666666666666, r, 0.5)
    b = fma(0.008333333333333333, r, 0.041666666666666664)
    c = fma(0.0001984126984126984, r, 0.001388888888888889)
    d = fma(2.7557319223985893e-06, r, 2.48015873015873e-05)
    e = fma(2.505210838544172e-08, r, 2.755731922398589e-07)
    f = fma(1.6059043836821613e-10, r, 2.08767569878681e-09)
    upper = fma(fma(f, s, e), s4, fma(d, s, c))
    return fma(fma(upper, s4, fma(b, s, a)), s, r)


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
    """Return x * 2**k with k in the low bits of q, in two halves, so that both ends of the range are right."""
    k = bits(q) - 4843621399236968448
    half = k >> 1
    return x * from_bits((half + 1023) << 52) * from_bits((k - half + 1023) << 52)


def expm1(x: float) -> float:
    """2**k * (e**r - 1) + (2**k - 1), kept at half size so that 2**1024 is never needed."""
    low = -40.0 if x < -40.0 else x
    y = 710.0 if low > 710.0 else low
    q = fma(y, 1.4426950408889634, 6755399441055744.0)
    n = q - 6755399441055744.0
    series = expm1_reduced(modulo_ln2(y, n))
    scale = from_bits((bits(q) - 4843621399236968448 + 1022) << 52)
    value = series if n == 0.0 else fma(scale, series, scale - 0.5) * 2.0
    return x if x == 0.0 else value


def atanh_tail(z: float) -> float:
    """(atanh(s) - s - s**3/3)/s**5 as a function of z = s**2, for |s| <= 3 - 2*sqrt(2)."""
    w = z * z
    odd = fma(fma(0.06550360691751746, w, 0.07693145267329496), w, 0.1111111120027388)
    even = fma(fma(fma(0.06633709298237442, w, 0.090908973504489), w, 0.14285714285382226), z, 0.2000000000000047)
    return fma(odd, w, even)


def log(x: float) -> float:
    """e*ln(2) + 2*atanh(s) with s = (m - 1)/(m + 1), where x = m * 2**e and m is near 1."""
    tiny = x < 2.2250738585072014e-308
    y = x * 18014398509481984.0 if tiny else x
    shifted = bits(y) - 4604544271217802189
    e = shifted >> 52
    m = from_bits(bits(y) - (e << 52))
    n = float64(e) - (54.0 if tiny else 0.0)
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    rest = 2.0 * z * fma(atanh_tail(z), z, 0.3333333333333333)
    square = 0.5 * f * f
    # 2*atanh(s) = f - (square - s*(square + rest)); f and n*ln(2) are exact to the last bit
    tail = fma(n, 2.3190468138462996e-17, fma(s, square + rest, -square))
    big = n * 0.6931471805599453
    head = big + f
    result = head + ((f - (head - big)) + fma(n, 0.6931471805599453, -big) + tail)
    finite = result if x < from_bits(9218868437227405312) else x
    positive = finite if x > 0.0 else from_bits(9221120237041090560)
    return from_bits(-4503599627370496) if x == 0.0 else (x if x != x else positive)


def log1p(x: float) -> float:
    """ln(u) at u = 1 + x, and what the rounding of u lost."""
    u = 1.0 + x
    lost = x - (u - 1.0) if fabs(x) < 1.0 else 1.0 - (u - x)
    inside = (u > 0.0) & (u < 1e300)
    value = log(u) + (lost / u if inside else 0.0)
    return x if x == 0.0 else value


def sin_reduced(r: float) -> float:
    """The sine of |r| <= pi/4."""
    z = r * r
    p = fma(fma(1.5916726193889336e-10, z, -2.5051112272573243e-08), z, 2.755731600817155e-06)
    return fma(r * z, fma(fma(fma(p, z, -0.0001984126983657571), z, 0.008333333333330827), z, -0.16666666666666666), r)


def cos_reduced(r: float) -> float:
    """The cosine of |r| <= pi/4; the part that 1 - z/2 rounds away is added back."""
    z = r * r
    p = fma(fma(-1.1381754653662937e-11, z, 2.0876134024090145e-09), z, -2.755731721268659e-07)
    p = fma(fma(fma(p, z, 2.4801587298651292e-05), z, -0.0013888888888887322), z, 0.041666666666666664)
    half = 0.5 * z
    w = 1.0 - half
    return w + fma(z * z, p, (1.0 - w) - half)


def quadrant(x: float) -> float:
    """x*2/pi rounded, in the low bits of a float; NaN where x is too large for that."""
    inside = fabs(x) <= 281474976710656.0
    return fma(x, 0.6366197723675814, 6755399441055744.0) if inside else from_bits(9221120237041090560)


def modulo_half_pi(x: float, n: float) -> float:
    """X - n*pi/2, with pi/2 in three doubles; the first product and difference are exact."""
    return fma(-n, -1.4973849048591698e-33, fma(-n, 6.123233995736766e-17, fma(-n, 1.5707963267948966, x)))


def sin(x: float) -> float:
    """Sine or cosine of the rest modulo pi/2, by the quadrant."""
    q = quadrant(x)
    n = q - 6755399441055744.0
    r = modulo_half_pi(x, n)
    k = bits(q)
    size = sin_reduced(r) if (k & 1) == 0 else cos_reduced(r)
    value = size if (k & 2) == 0 else -size
    return (x if x == 0.0 else value) if q == q else q - q


def cos(x: float) -> float:
    """Cosine or sine of the rest modulo pi/2, by the quadrant."""
    q = quadrant(x)
    n = q - 6755399441055744.0
    r = modulo_half_pi(x, n)
    k = bits(q)
    size = cos_reduced(r) if (k & 1) == 0 else sin_reduced(r)
    value = size if ((k + 1) & 2) == 0 else -size
    return value if q == q else q - q


def tan(x: float) -> float:
    """sin/cos; the two share their reduction once they are inlined."""
    return sin(x) / cos(x)


def sinh(x: float) -> float:
    """(E + E/(E + 1))/2 with E = expm1|x|; by e**(|x|/2) squared where E would overflow."""
    a = fabs(x)
    e = expm1(a)
    half = exp(0.5 * a)
    size = half * 0.5 * half if a > 700.0 else 0.5 * (e + e / (e + 1.0))
    return -size if x < 0.0 else (x if x == 0.0 else size)


def cosh(x: float) -> float:
    """(E + 1/E)/2 with E = e**|x|; by e**(|x|/2) squared where E would overflow."""
    a = fabs(x)
    e = exp(a)
    half = exp(0.5 * a)
    return half * 0.5 * half if a > 700.0 else fma(0.5, e, 0.5 / e)


def tanh(x: float) -> float:
    """E/(E + 2) with E = expm1(2|x|); 1 to the last bit beyond 22."""
    a = fabs(x)
    e = expm1(2.0 * (22.0 if a > 22.0 else a))
    size = e / (e + 2.0)
    return -size if x < 0.0 else (x if x == 0.0 else size)


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
    even = fma(fma(fma(-0.0191659065063043, w, -0.05085139148706638), w, -0.06664504610032648), w, -0.09090904557214267)
    even = fma(fma(even, w, -0.1428571428466014), w, -0.3333333333333333)
    odd = fma(fma(0.03922268882347632, w, 0.05858089538610203), w, 0.0769218270524632)
    odd = fma(fma(odd, w, 0.11111111014741562), w, 0.1999999999999549)
    size = start + (s + fma(s * z, fma(odd, z, even), tail))
    return -size if x < 0.0 else (x if x == 0.0 else size)


def asin_rest(z: float) -> float:
    """(asin(s) - s)/s**3 as a function of z = s**2 <= 1/4."""
    w = z * z
    even = fma(fma(-0.010773195325585554, w, 0.0077986264075622334), w, 0.013929545950485803)
    even = fma(fma(fma(even, w, 0.022372047201808885), w, 0.04464285710323956), w, 0.1666666666666665)
    odd = fma(fma(0.028187667142318098, w, 0.016049124584949316), w, 0.011876344296279416)
    odd = fma(fma(fma(odd, w, 0.01735526856395352), w, 0.030381947379559158), w, 0.07500000000020869)
    return fma(odd, z, even)


def asin(x: float) -> float:
    """By its series to 1/2, beyond it as pi/2 - 2*asin(sqrt((1 - |x|)/2))."""
    a = fabs(x)
    far = a > 0.5
    z = (1.0 - a) * 0.5 if far else a * a
    s = sqrt(z) if far else a
    value = fma(s * z, asin_rest(z), s)
    size = 1.5707963267948966 - (2.0 * value - 6.123233995736766e-17) if far else value
    return -size if x < 0.0 else (x if x == 0.0 else size)


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


def erf(x: float) -> float:
    """A polynomial to 1; then 1 - exp(-x**2) * erfcx(x), which is 1 to the last bit beyond 6."""
    a = fabs(x)
    z = a * a
    p = fma(fma(-7.795898827002142e-10, z, 1.3720064546777686e-08), z, -1.6208483801871705e-07)
    p = fma(fma(fma(p, z, 1.6447424703317362e-06), z, -1.492473690741966e-05), z, 0.00012055294904839707)
    p = fma(fma(fma(p, z, -0.0008548325975389692), z, 0.0052239776071164225), z, -0.02686617064323777)
    p = fma(fma(fma(p, z, 0.11283791670945006), z, -0.37612638903183543), z, 1.1283791670955126)
    b = 6.0 if a > 6.0 else a
    u = (b - 2.0) / (b + 2.0)
    c = fma(fma(-1.1352571477273627e-06, u, 1.272567661840228e-06), u, 4.011749647325067e-06)
    c = fma(fma(fma(c, u, 1.3058577122278017e-06), u, -1.3998283772784976e-05), u, -2.7562209161129353e-05)
    c = fma(fma(fma(c, u, 2.7527175557227246e-05), u, 0.00017435947400205157), u, 4.355558686575482e-05)
    c = fma(fma(fma(c, u, -0.0009819769411038642), u, -0.00084714325299195), u, 0.006997461736971578)
    c = fma(fma(fma(c, u, 0.0037328924043978336), u, -0.07897858101570611), u, 0.24165819424246585)
    c = fma(fma(c, u, -0.4271858474139585), u, 0.25539567631050575)
    size = p * a if a < 1.0 else fma(-exp(-b * b), c, 1.0)
    value = size if a == a else x
    return -value if x < 0.0 else (x if x == 0.0 else value)


def pow(x: float, y: float) -> float:
    """e**(y*ln|x|) with the logarithm and the product in two doubles; the sign for integer y."""
    a = fabs(x)
    tiny = a < 2.2250738585072014e-308
    b = a * 18014398509481984.0 if tiny else a
    e = (bits(b) - 4604544271217802189) >> 52
    m = from_bits(bits(b) - (e << 52))
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
    less = fma(cube, 0.3333333333333333, -third) + fma(cube, 1.850371707708594e-17, lost * 0.3333333333333333)
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
    tail = fma(y, less, fma(y, high, -product)) if inside else 0.0
    below = -746.0 if product < -746.0 else product
    x2 = 710.0 if below > 710.0 else below
    q = fma(x2, 1.4426950408889634, 6755399441055744.0)
    size = scaled(expm1_reduced(modulo_ln2(x2, q - 6755399441055744.0) + tail) + 1.0, q)
    whole = floor(y) == y
    even_power = floor(0.5 * y) * 2.0 == y
    signed = size if even_power else -size
    nan = from_bits(9221120237041090560)
    value = size if x > 0.0 else (signed if whole else nan)
    infinite = from_bits(9218868437227405312)
    at_zero = 0.0 if y > 0.0 else infinite
    at_infinity = infinite if y > 0.0 else 0.0
    edge = at_zero if a == 0.0 else at_infinity
    edge = -edge if (bits(x) < 0) & whole & (even_power ^ whole) else edge
    value = edge if (a == 0.0) | (a == infinite) else value
    value = x + y if (x != x) | (y != y) else value
    one = (y == 0.0) | (x == 1.0) | ((a == 1.0) & (fabs(y) == infinite))
    return 1.0 if one else value


def sigmoid(x: float) -> float:
    """1/(1 + e**-x), from the side on which the exponential is small."""
    e = exp(-fabs(x))
    return (1.0 if x >= 0.0 else e) / (1.0 + e)


def softplus(x: float) -> float:
    """ln(1 + e**x) = max(x, 0) + ln(1 + e**-|x|)."""
    above = 0.0 if x < 0.0 else x
    return above + log1p(exp(-fabs(x)))


def xlogx(x: float) -> float:
    """x*ln(x), 0 at 0."""
    return 0.0 if x == 0.0 else x * log(x)


def sign(x: float) -> float:
    """-1, 0 or 1; NaN of NaN."""
    return 1.0 if x > 0.0 else (-1.0 if x < 0.0 else x)
