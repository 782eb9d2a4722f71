"""The error function and its kin in the kernel language; ``elementary`` lists all functions."""

from __future__ import annotations

from symopt.compiler.library.exponential import (
    exp,
    expm1_reduced,
    log,
    modulo_ln2,
    scaled,
    with_sign,
)
from symopt.compiler.library.primitives import fabs, fma


def erf(x: float) -> float:
    """A polynomial to 1; then 1 - exp(-x**2) * erfcx(x), which is 1 to the last bit beyond 6."""
    a = fabs(x)
    z = a * a
    p = fma(fma(-7.795898827002142e-10, z, 1.3720064546777686e-08), z, -1.6208483801871705e-07)
    p = fma(
        fma(fma(p, z, 1.6447424703317362e-06), z, -1.492473690741966e-05), z, 0.00012055294904839707
    )
    p = fma(
        fma(fma(p, z, -0.0008548325975389692), z, 0.0052239776071164225), z, -0.02686617064323777
    )
    p = fma(fma(fma(p, z, 0.11283791670945006), z, -0.37612638903183543), z, 1.1283791670955126)
    b = 6.0 if a > 6.0 else a
    u = (b - 2.0) / (b + 2.0)
    c = fma(fma(-1.1352571477273627e-06, u, 1.272567661840228e-06), u, 4.011749647325067e-06)
    c = fma(
        fma(fma(c, u, 1.3058577122278017e-06), u, -1.3998283772784976e-05),
        u,
        -2.7562209161129353e-05,
    )
    c = fma(
        fma(fma(c, u, 2.7527175557227246e-05), u, 0.00017435947400205157), u, 4.355558686575482e-05
    )
    c = fma(
        fma(fma(c, u, -0.0009819769411038642), u, -0.00084714325299195), u, 0.006997461736971578
    )
    c = fma(fma(fma(c, u, 0.0037328924043978336), u, -0.07897858101570611), u, 0.24165819424246585)
    c = fma(fma(c, u, -0.4271858474139585), u, 0.25539567631050575)
    size = p * a if a < 1.0 else fma(-exp(-b * b), c, 1.0)
    value = size if a == a else x
    return with_sign(value, x)


def times_exp_square(c: float, x: float, sign: float) -> float:
    """c*e**(sign*x**2) with the square in two doubles, for sign = 1 or -1."""
    a = fabs(x)
    b = 27.4 if a > 27.4 else a
    square = b * b
    y = sign * square
    q = fma(y, 1.4426950408889634, 6755399441055744.0)
    r = fma(sign, fma(b, b, -square), modulo_ln2(y, q - 6755399441055744.0))
    return scaled(fma(c, expm1_reduced(r), c), q)


def gauss(x: float) -> float:
    """e**(-x**2)."""
    return times_exp_square(1.0, x, -1.0)


def gauss_slope(x: float) -> float:
    """-2*x*e**(-x**2)."""
    right = 28.0 if x > 28.0 else x
    return times_exp_square(-2.0 * (-28.0 if right < -28.0 else right), x, -1.0)


def erfcx_variable(a: float) -> float:
    """T = (a - 3.75)/(a + 3.75), which takes a >= 0 to -1 <= t <= 1."""
    b = 1e20 if a > 1e20 else a
    return (b - 3.75) * (1.0 / (b + 3.75))


def erfcx_variable_lost(a: float) -> float:
    """What the rounding of t lost."""
    b = 1e20 if a > 1e20 else a
    above = b - 3.75
    below = b + 3.75
    inverse = 1.0 / below
    t = above * inverse
    above_lost = (b - (above - (above - b))) + (-3.75 - (above - b))
    below_lost = (b - (below - (below - b))) + (3.75 - (below - b))
    return (fma(-t, below, above) + fma(-t, below_lost, above_lost)) * inverse


def erfcx_top_rest(a: float) -> float:
    """(a + 1/2)*erfcx(a) - 0.62 for a >= 0 as a polynomial in t (Shepherd and Laframboise 1981)."""
    t = erfcx_variable(a)
    w = t * t
    even = fma(
        fma(fma(2.217479683763785e-10, w, -2.6421435679728203e-09), w, 1.94827264523235e-08),
        w,
        -1.295534846194663e-07,
    )
    even = fma(
        fma(fma(even, w, 8.760289852684574e-07), w, -5.722206219682832e-06),
        w,
        2.5824605695384495e-05,
    )
    even = fma(
        fma(fma(even, w, 0.00014685681714249687), w, -0.00487328977625212), w, -0.029346699295106183
    )
    even = fma(fma(even, w, -0.054401965070858926), w, 0.0017927077427318874)
    odd = fma(
        fma(fma(1.5551555083850117e-10, w, -1.8717840948201768e-09), w, 1.1630956815827894e-08),
        w,
        -2.8607986509135225e-08,
    )
    odd = fma(
        fma(fma(odd, w, -4.867809505742004e-07), w, 1.119212015701544e-05),
        w,
        -0.00014507704048973057,
    )
    odd = fma(
        fma(fma(odd, w, 0.0008778129265008557), w, 0.014181138709470333), w, 0.04615216058018938
    )
    odd = fma(fma(odd, w, 0.04113836924507258), w, -0.07012029929277348)
    slope = fma(fma(fma(-0.23166, t, 0.39048), t, -0.19709), t, 0.06247)
    slope = fma(fma(slope, t, 0.00245), t, -0.06672)
    return fma(odd, t, fma(even, w, slope * erfcx_variable_lost(a)))


def erfcx_slope_top_rest(a: float) -> float:
    """-(a + 1/2)**2*erfcx'(a) - 0.66 for a >= 0 as a polynomial in t."""
    t = erfcx_variable(a)
    w = t * t
    even = fma(
        fma(fma(-3.708837559260041e-10, w, 4.905832130651322e-09), w, -3.6480423438137856e-08),
        w,
        2.0136641092132963e-07,
    )
    even = fma(
        fma(fma(even, w, -7.89476219240804e-07), w, -1.3393956919082757e-07),
        w,
        5.077799167841756e-05,
    )
    even = fma(
        fma(fma(even, w, -0.0007068368055025217), w, 0.004670449463411532), w, 0.02846780935165492
    )
    even = fma(
        fma(fma(even, w, -0.009079561027366786), w, -0.16070092140032127), w, -0.0980499276027033
    )
    odd = fma(
        fma(fma(2.350438706773691e-09, w, -2.7794396875581433e-08), w, 1.9513318705968408e-07),
        w,
        -1.1906930047265945e-06,
    )
    odd = fma(
        fma(fma(odd, w, 7.301991268090286e-06), w, -4.411765682124287e-05),
        w,
        0.00021027578465895085,
    )
    odd = fma(
        fma(fma(odd, w, 0.00010291559525165011), w, -0.01579507143845313), w, -0.02679230300623053
    )
    odd = fma(fma(fma(odd, w, 0.0824023057805175), w, 0.18245851781409653), w, -0.08150140797357291)
    slope = fma(fma(fma(0.35254, t, -0.10357), t, -0.80184), t, 0.76535)
    slope = fma(fma(slope, t, -0.1872), t, -0.09385)
    return fma(odd, t, fma(even, w, slope * erfcx_variable_lost(a)))


def erfcx_positive(a: float) -> float:
    """erfcx(a) for a >= 0, the quotient with its remainder."""
    part = erfcx_top_rest(a)
    top = 0.6187563154189137 + part
    below = a + 0.5
    inverse = 1.0 / below
    near = top * inverse
    lost = (a - (below - (below - a))) + (0.5 - (below - a))
    rest = fma(-near, below, top) + fma(-near, lost, (0.6187563154189137 - top) + part)
    value = fma(rest, inverse, near) if a < 1e300 else near
    return 1.0 if a == 0.0 else value


def erfc(x: float) -> float:
    """e**(-x**2)*erfcx(x); 2 minus that of -x on the left."""
    a = fabs(x)
    value = times_exp_square(erfcx_positive(a), a, -1.0)
    return 2.0 - value if x < 0.0 else value


def erfcx(x: float) -> float:
    """e**(x**2)*erfc(x), which is 2*e**(x**2) - erfcx(-x) on the left."""
    value = erfcx_positive(fabs(x))
    return times_exp_square(2.0, x, 1.0) - value if x < 0.0 else value


def erfcx_slope(x: float) -> float:
    """2*x*erfcx(x) - 2/sqrt(pi), without its cancellation on the right."""
    a = fabs(x)
    part = erfcx_slope_top_rest(a)
    top = 0.6584911516848188 + part
    below = a + 0.5
    square = below * below
    lost = (a - (below - (below - a))) + (0.5 - (below - a))
    lost = (
        fma(2.0 * below, lost, fma(below, below, -square)) / square
        - ((0.6584911516848188 - top) + part) / top
    )
    right = top / square if a < 1e150 else top / below / below
    return (
        fma(2.0 * x, erfcx(x), -1.1283791670955126)
        if x < 0.0
        else fma(right, lost if a < 1e150 else 0.0, -right)
    )


def log_erfc_rest(x: float) -> float:
    """ln(erfc(x))/x for |x| <= 1."""
    w = x * x
    even = fma(
        fma(fma(-3.180170086616014e-11, w, -2.7961546863253923e-10), w, 5.888603368911191e-09),
        w,
        -2.5839024992673217e-08,
    )
    even = fma(
        fma(fma(even, w, -1.109580040356529e-07), w, 1.6771847745137435e-06),
        w,
        -3.4887232407918117e-06,
    )
    even = fma(
        fma(fma(even, w, -6.451834678193179e-05), w, 0.0005901230565949646),
        w,
        0.00020919464028871956,
    )
    even = fma(fma(even, w, -0.10277260330193945), w, -1.1283791670955126)
    odd = fma(
        fma(fma(-2.334365188612648e-11, w, 3.780060795045928e-10), w, -1.9854558343404153e-09),
        w,
        -3.4777385483339197e-09,
    )
    odd = fma(
        fma(fma(odd, w, 9.652423820016143e-08), w, -3.191810742469275e-07),
        w,
        -2.7460825184245123e-06,
    )
    odd = fma(
        fma(fma(odd, w, 2.9778046023329775e-05), w, -2.586903561209967e-05),
        w,
        -0.0016962059315687042,
    )
    odd = fma(fma(odd, w, 0.019128447009036365), w, -0.6366197723675814)
    return fma(odd, x, even)


def log_erfc(x: float) -> float:
    """ln(erfc(x)) as ln(erfcx(x)) - x**2 on the right: it never underflows."""
    a = fabs(x)
    scaled_value = erfcx_positive(a)
    left = x < 0.0
    value = log(2.0 - times_exp_square(scaled_value, a, -1.0) if left else scaled_value)
    far = value if left else fma(-x, x, value)
    return x * log_erfc_rest(x) if a <= 1.0 else far


def log_erfc_slope(x: float) -> float:
    """-2/sqrt(pi)*e**(-x**2)/erfc(x), which is -2/sqrt(pi)/erfcx(x) on the right."""
    a = fabs(x)
    value = times_exp_square(erfcx_positive(a), a, -1.0)
    left = times_exp_square(-1.1283791670955126 / (2.0 - value), a, -1.0)
    part = erfcx_top_rest(a)
    top = 0.6187563154189137 + part
    below = a + 0.5
    right = -1.1283791670955126 * below / top
    lost = (a - (below - (below - a))) + (0.5 - (below - a))
    lost = (lost if a < 1e300 else 0.0) / below - ((0.6187563154189137 - top) + part) / top
    return left if x < 0.0 else (fma(right, lost, right) if a < 1e300 else right)


def log_erfc_curvature(x: float) -> float:
    """The second derivative of log_erfc, -m*(2*x + m), m its slope, without cancelling."""
    a = fabs(x)
    value = times_exp_square(erfcx_positive(a), a, -1.0)
    rate = 1.1283791670955126 * fma(2.0, x, log_erfc_slope(x))
    left = times_exp_square(rate, a, -1.0) / (2.0 - value)
    part = erfcx_top_rest(a)
    top = 0.6187563154189137 + part
    square = top * top
    lost = fma(2.0 * top, (0.6187563154189137 - top) + part, fma(top, top, -square)) / square
    right = -1.1283791670955126 * (0.6584911516848188 + erfcx_slope_top_rest(a)) / square
    return left if x < 0.0 else fma(-right, lost, right)
