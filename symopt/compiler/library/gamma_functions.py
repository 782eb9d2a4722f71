"""The gamma function and its kin in the kernel language; ``elementary`` lists all functions.

Beyond 2 they are what Stirling's formula leaves to a polynomial in 1 - 6/(x + 1), which goes from
-1 at x = 2 to 1 at infinity. Below 2 the recurrence leads there, below 0 the reflection (Abramowitz
and Stegun 1964, 6.1.15, 6.1.17, 6.4.6, 6.4.7).
"""

from __future__ import annotations

from symopt.compiler.library.exponential import (
    expm1,
    log,
    log_binade,
    log_fraction,
    log_rest,
    pow,
)
from symopt.compiler.library.primitives import bitcast_to_float, fabs, floor, fma, sqrt
from symopt.compiler.library.trigonometric import cos_reduced, sin_reduced


def nearest_rest(x: float) -> float:
    """X less the nearest whole number, from -1/2 to 1/2; exact."""
    return x - floor(x + 0.5)


def parity(n: float) -> float:
    """1 of an odd number, 0 of an even one."""
    return n - 2.0 * floor(0.5 * n)


def sin_pi_rest(r: float) -> float:
    """The sine of pi*r for |r| <= 1/2."""
    a = fabs(r)
    near = a <= 0.25
    s = a if near else 0.5 - a
    p = 3.141592653589793 * s
    lost = fma(3.141592653589793, s, -p) + 1.2246467991473532e-16 * s
    c = cos_reduced(p)
    b = sin_reduced(p)
    size = fma(lost, c, b) if near else fma(-lost, b, c)
    return -size if r < 0.0 else size


def cos_pi_rest(r: float) -> float:
    """The cosine of pi*r for |r| <= 1/2."""
    return sin_pi_rest(0.5 - fabs(r))


def sin_pi(x: float) -> float:
    """The sine of pi*x for |x| < 2**52."""
    size = sin_pi_rest(nearest_rest(x))
    return -size if parity(floor(x + 0.5)) == 1.0 else size


def beyond_two(z: float) -> float:
    """Z + 2, z + 1 or z, which is 2 or more for z > 0."""
    return z + 2.0 if z < 1.0 else (z + 1.0 if z < 2.0 else z)


def stirling_variable(w: float) -> float:
    """What goes from -1 at w = 2 to 1 at infinity."""
    return 1.0 - 6.0 / (w + 1.0)


def gamma_ratio(w: float) -> float:
    """gamma(w)/(w/e)**(w - 1/2) for w >= 2."""
    u = stirling_variable(w)
    p = fma(
        fma(fma(6.626544596092682e-13, u, -3.418535671416651e-12), u, 1.484066996343781e-11),
        u,
        -7.620444304612601e-11,
    )
    p = fma(
        fma(fma(p, u, 3.9953460065359566e-10), u, -2.0771781737264168e-09),
        u,
        1.0775319095457177e-08,
    )
    p = fma(
        fma(fma(p, u, -5.6245927944832674e-08), u, 2.953758438045141e-07), u, -1.552923445056352e-06
    )
    p = fma(
        fma(fma(p, u, 8.213129329504285e-06), u, -4.3954864998014195e-05), u, 0.00023588151096922026
    )
    p = fma(
        fma(fma(p, u, -0.0012432848227302104), u, 0.006322850620931214), u, -0.030795881654377116
    )
    return fma(p, u, 1.5458643819071296)


def over_e(w: float) -> float:
    """w/e."""
    return w * 0.36787944117144233


def over_e_part(w: float) -> float:
    """What over_e(w) rounds away, as a part of it."""
    q = w * 0.36787944117144233
    return (fma(w, 0.36787944117144233, -q) + w * -1.2428753672788363e-17) / q


def gamma_size(x: float) -> float:
    """gamma(x) for x > 0; for x < 0 what is left of it beside a sine, as large numbers over it."""
    left = x < 0.0
    a = fabs(x)
    z = 190.0 if a > 190.0 else a
    w = beyond_two(z)
    far = left & (z > 160.0)
    y = w - 0.5
    half = -0.5 * y if far else (-y if left else y)
    power = pow(over_e(w), half)
    shifted = 2.0 if z < 1.0 else (1.0 if z < 2.0 else 0.0)
    lost = (z - (w - shifted)) * fma(0.5, w - 2.0, 0.4227843350984671)  # times about digamma(w)
    lost = -lost if left else lost
    whole_power = fma(power, fma(half, over_e_part(w), lost), power)
    power = whole_power if power < 1.5e308 else power
    ratio = gamma_ratio(w)
    below = z * (z + 1.0) if z < 1.0 else (z if z < 2.0 else 1.0)
    right = ratio * power / below
    shift = z + 1.0 if z < 1.0 else (1.0 if z < 2.0 else 1.0 / z)
    sine = sin_pi_rest(nearest_rest(a))
    signed = sine if parity(floor(a + 0.5)) == 1.0 else -sine
    other = 3.141592653589793 * shift / (signed * ratio) * power
    other = other * power if far else other
    return other if left else right


def gamma(x: float) -> float:
    """The gamma function; whole numbers have whole values as far as these are doubles."""
    size = gamma_size(x)
    whole = floor(x) == x
    value = floor(size + 0.5) if whole & (x < 18.5) else size
    pole = whole & (x <= 0.0)
    value = bitcast_to_float(9221120237041090560) if pole else value
    return value if fabs(x) > 1e-17 else 1.0 / x


def log_gamma_near_rest(u: float) -> float:
    """ln(gamma(z))/((z - 1)*(z - 2)) as a polynomial in (z - 1.75)/0.75."""
    p = fma(
        fma(fma(-3.787828154087421e-11, u, 9.143682917890837e-11), u, 2.5215536388338304e-11),
        u,
        -5.952408778281115e-11,
    )
    p = fma(
        fma(fma(p, u, -5.674980881192704e-10), u, 1.3782723016329488e-09),
        u,
        -2.1683527417392036e-09,
    )
    p = fma(
        fma(fma(p, u, 5.31351787129863e-09), u, -1.4332415345052e-08), u, 3.5243804953707984e-08
    )
    p = fma(
        fma(fma(p, u, -8.599150343491496e-08), u, 2.128528278332521e-07), u, -5.29357270408102e-07
    )
    p = fma(
        fma(fma(p, u, 1.3211017738262858e-06), u, -3.313839454530334e-06), u, 8.363494055733349e-06
    )
    p = fma(
        fma(fma(p, u, -2.1263279589044827e-05), u, 5.45512273212868e-05), u, -0.00014156848180520504
    )
    p = fma(
        fma(fma(p, u, 0.0003729600092684007), u, -0.0010028956763677617), u, 0.0027768984548730818
    )
    p = fma(fma(fma(p, u, -0.008038388459635627), u, 0.02504275154916154), u, -0.08961118996893205)
    return fma(p, u, 0.4501393121092563)


def log_gamma_near(z: float, less_two: float) -> float:
    """ln(gamma(z)) for 1 <= z <= 2.5, with z - 2 as it is."""
    u = (z - 1.75) * 1.3333333333333333
    return less_two * (less_two + 1.0) * log_gamma_near_rest(u)


def log_gamma_far_rest(u: float) -> float:
    """ln(gamma(x)) - (x - 1/2)*(ln(x) - 1) as a polynomial."""
    p = fma(
        fma(fma(1.0740491036616596e-14, u, -7.065107982412589e-14), u, 4.0557102676948276e-13),
        u,
        -2.542998251341426e-12,
    )
    p = fma(
        fma(fma(p, u, 1.65628178798635e-11), u, -1.0745208244306805e-10), u, 6.929716320890842e-10
    )
    p = fma(
        fma(fma(p, u, -4.537662759427252e-09), u, 2.999779794474804e-08), u, -1.9846121704179373e-07
    )
    p = fma(
        fma(fma(p, u, 1.328627575319828e-06), u, -9.061510965976565e-06), u, 6.191639380737277e-05
    )
    p = fma(
        fma(fma(p, u, -0.0004128998996082714), u, 0.002642032207765997), u, -0.01615927224044836
    )
    return fma(p, u, 0.4328146620277435)


def log_gamma_far(x: float) -> float:
    """(x - 1/2)*(ln(x) - 1) and the rest, for x >= 2.5."""
    u = 1.0 - 7.0 / (x + 1.0)
    n = log_binade(x)
    f = log_fraction(x)
    head = n * 0.6931471805599453 + f
    above = head - 1.0
    lost = (head - (above + 1.0)) + log_rest(n, f)
    return fma(x - 0.5, above, fma(x - 0.5, lost, log_gamma_far_rest(u)))


def loggamma(x: float) -> float:
    """ln(gamma(x)) for x > 0: about its zeros 1 and 2 by a polynomial, beyond by Stirling."""
    first = x < 1.25
    z = x + 1.0 if first else x
    near = log_gamma_near(z, x - 1.0 if first else x - 2.0)
    near = near - log(x) if first else near
    b = 2.5 if x < 2.5 else x
    value = near if x < 2.5 else log_gamma_far(b)
    infinite = bitcast_to_float(9218868437227405312)
    value = infinite if (x == 0.0) | (x >= 3e305) else value
    return bitcast_to_float(9221120237041090560) if x < 0.0 else value


def digamma_near_rest(u: float) -> float:
    """digamma(1 + s)/(s - s0) as a polynomial in 2*s - 1."""
    p = fma(
        fma(fma(2.832706668021759e-11, u, -8.498137230186096e-11), u, 9.206434499177992e-11),
        u,
        -2.7619635330317715e-10,
    )
    p = fma(
        fma(fma(p, u, 1.2358072433984831e-09), u, -3.7075072647122386e-09),
        u,
        1.0542687624027994e-08,
    )
    p = fma(
        fma(fma(p, u, -3.163020268955334e-08), u, 9.542050972688906e-08), u, -2.86315275846934e-07
    )
    p = fma(
        fma(fma(p, u, 8.589127353033379e-07), u, -2.57809436305308e-06), u, 7.741232223504057e-06
    )
    p = fma(
        fma(fma(p, u, -2.325824239445257e-05), u, 6.995018873950506e-05), u, -0.00021074841140458636
    )
    p = fma(
        fma(fma(p, u, 0.0006368880303257201), u, -0.0019350666648590097), u, 0.005936795278305649
    )
    p = fma(fma(fma(p, u, -0.018550615381735115), u, 0.060135621060196744), u, -0.2118137106407303)
    return fma(p, u, 0.9510558760318328)


def digamma_near(s: float) -> float:
    """The slope of ln(gamma) at 1 + s for 0 <= s < 1: its zero, in two doubles, times a rest."""
    u = 2.0 * s - 1.0
    return ((s - 0.46163214496836236) + 1.5522348162858677e-17) * digamma_near_rest(u)


def digamma_far_rest(u: float) -> float:
    """(digamma(x) - ln(x))*x as a polynomial."""
    p = fma(
        fma(fma(-1.7340761500906613e-14, u, 2.887159530304982e-14), u, -1.1226516919162012e-12),
        u,
        3.956212841604044e-12,
    )
    p = fma(
        fma(fma(p, u, -1.5617061356584644e-11), u, 1.5542423100187748e-10), u, -8.26996762346032e-10
    )
    p = fma(
        fma(fma(p, u, 4.328682665674752e-09), u, -3.219703535388987e-08), u, 2.0799125815902076e-07
    )
    p = fma(
        fma(fma(p, u, -1.2304471820761448e-06), u, 9.21560756525719e-06), u, -7.8074537514771e-05
    )
    p = fma(
        fma(fma(p, u, 0.0005862092749024271), u, -0.0036822874244926435), u, 0.019767208099660344
    )
    return fma(p, u, -0.5166012200114996)


def digamma_far(x: float) -> float:
    """ln(x) and the rest over x, for x >= 2."""
    return log(x) + digamma_far_rest(stirling_variable(x)) / x


def digamma(x: float) -> float:
    """The slope of ln(gamma); below 0 that of 1 - x, less pi*cot(pi*x)."""
    left = x < 0.0
    z = 1.0 - x if left else x
    s = z if z < 1.0 else z - 1.0
    near = digamma_near(s)
    near = near - 1.0 / z if z < 1.0 else near
    value = near if z < 2.0 else digamma_far(2.0 if z < 2.0 else z)
    r = nearest_rest(x)
    turned = value - 3.141592653589793 * cos_pi_rest(r) / sin_pi_rest(r)
    pole = (floor(x) == x) & (x <= 0.0)
    turned = turned if left else value
    return bitcast_to_float(9221120237041090560) if pole else turned


def trigamma_rest(u: float) -> float:
    """trigamma(w)*w as a polynomial."""
    p = fma(
        fma(fma(3.968201699071666e-13, u, -1.938775224520336e-12), u, 7.398698054099542e-12),
        u,
        -3.905084641829018e-11,
    )
    p = fma(
        fma(fma(p, u, 1.9893153332776694e-10), u, -9.714912764477089e-10), u, 4.932893490863855e-09
    )
    p = fma(
        fma(fma(p, u, -2.4692070793816266e-08), u, 1.2211945155965985e-07),
        u,
        -6.150630544363137e-07,
    )
    p = fma(
        fma(fma(p, u, 3.0873273349544705e-06), u, -1.5280096215165537e-05), u, 7.655181933932374e-05
    )
    p = fma(
        fma(fma(p, u, -0.0003890364078333968), u, 0.0019195781638115079), u, -0.00877487664582879
    )
    return fma(fma(fma(p, u, 0.03631994359309192), u, -0.13575423293074296), u, 1.1066147786855767)


def trigamma_positive(z: float) -> float:
    """The slope of digamma for z > 0: what the recurrence adds, and the rest over w."""
    w = beyond_two(z)
    y = z + 1.0
    far = trigamma_rest(stirling_variable(w)) / w
    second = far + 1.0 / (y * y) if z < 1.0 else far
    return second + 1.0 / (z * z) if z < 2.0 else far


def trigamma(x: float) -> float:
    """The slope of digamma; below 0 (pi/sin(pi*x))**2 less that of 1 - x."""
    left = x < 0.0
    value = trigamma_positive(1.0 - x if left else x)
    q = 3.141592653589793 / sin_pi_rest(nearest_rest(x))
    turned = fma(q, q, -value) if left else value
    return bitcast_to_float(9218868437227405312) if x == 0.0 else turned


def tetragamma_rest(u: float) -> float:
    """-tetragamma(w)*w**2 as a polynomial."""
    p = fma(
        fma(fma(7.51565760552964e-13, u, -5.037030744225152e-12), u, 1.1548251149178815e-11),
        u,
        -7.311336498769291e-11,
    )
    p = fma(
        fma(fma(p, u, 4.469824983374572e-10), u, -1.8374542858282438e-09), u, 9.644053179227765e-09
    )
    p = fma(
        fma(fma(p, u, -5.156863958168528e-08), u, 2.4000274388661154e-07),
        u,
        -1.2066654304490433e-06,
    )
    p = fma(
        fma(fma(p, u, 6.339265760862122e-06), u, -3.061757507695922e-05), u, 0.0001476959849989984
    )
    p = fma(
        fma(fma(p, u, -0.0007888647547388393), u, 0.004271999977012116), u, -0.02061657595249518
    )
    return fma(fma(fma(p, u, 0.08405802117666336), u, -0.28679029420639146), u, 1.2197433061278624)


def tetragamma_positive(z: float) -> float:
    """The slope of trigamma for z > 0."""
    w = beyond_two(z)
    y = z + 1.0
    far = tetragamma_rest(stirling_variable(w)) / w / w
    second = far + 2.0 / (y * y * y) if z < 1.0 else far
    return -(second + 2.0 / (z * z * z)) if z < 2.0 else -far


def tetragamma(x: float) -> float:
    """The slope of trigamma; below 0 that of 1 - x, less 2*pi**3*cos(pi*x)/sin(pi*x)**3."""
    left = x < 0.0
    value = tetragamma_positive(1.0 - x if left else x)
    r = nearest_rest(x)
    q = 3.141592653589793 / sin_pi_rest(r)
    turned = fma(-2.0 * cos_pi_rest(r) * q, q * q, value) if left else value
    return bitcast_to_float(9221120237041090560) if (r == 0.0) & (x <= 0.0) else turned


def pentagamma_rest(u: float) -> float:
    """pentagamma(w)*w**3 as a polynomial."""
    p = fma(
        fma(fma(-3.0616349244802323e-12, u, -3.7592444778429255e-11), u, 3.2068832163552164e-11),
        u,
        -7.132415242401388e-12,
    )
    p = fma(
        fma(fma(p, u, 2.003200670799324e-09), u, -5.5071658605398155e-09), u, 2.179968910144152e-08
    )
    p = fma(
        fma(fma(p, u, -1.7775466402277515e-07), u, 7.427402258577916e-07), u, -3.200987868583836e-06
    )
    p = fma(
        fma(fma(p, u, 1.9817434792217705e-05), u, -9.868295477354508e-05), u, 0.00040739113575227135
    )
    p = fma(
        fma(fma(p, u, -0.0020977586321656054), u, 0.012914648394547474), u, -0.06868696334113805
    )
    return fma(fma(fma(p, u, 0.28393646143571744), u, -0.9048708198448161), u, 2.6784785240943845)


def pentagamma_positive(z: float) -> float:
    """The slope of tetragamma for z > 0."""
    w = beyond_two(z)
    y = z + 1.0
    far = pentagamma_rest(stirling_variable(w)) / w / w / w
    second = far + 6.0 / (y * y * y * y) if z < 1.0 else far
    return second + 6.0 / (z * z * z * z) if z < 2.0 else far


def pentagamma(x: float) -> float:
    """The slope of tetragamma; below 0 2*pi**4*(3 - 2*s**2)/s**4 less that of 1 - x, s the sine."""
    left = x < 0.0
    value = pentagamma_positive(1.0 - x if left else x)
    s = sin_pi_rest(nearest_rest(x))
    q = 3.141592653589793 / s
    square = q * q
    turned = 2.0 * fma(-2.0 * s, s, 3.0) * square * square - value if left else value
    return bitcast_to_float(9218868437227405312) if x == 0.0 else turned


def choices(n: float, k: float) -> float:
    """The number n over k for 0 <= k <= n, by gamma(n + 2)/(gamma(k + 2)*gamma(n - k + 2))."""
    m = n - k
    a = n + 2.0
    b = k + 2.0
    c = m + 2.0
    by_b = a / b
    by_c = a / c
    power_b = b - 0.5
    power_c = c - 0.5
    value = 4.4816890703380645 * (k + 1.0) * ((m + 1.0) / (n + 1.0)) / (a * sqrt(a))
    value = value * gamma_ratio(a) / (gamma_ratio(b) * gamma_ratio(c))
    value = value * pow(by_b, power_b) * pow(by_c, power_c)
    # what the quotients and the sums above have rounded away, as a part of the value
    part = fma(-by_b, b, a) / a * power_b + fma(-by_c, c, a) / a * power_c
    back = n - m
    lost_m = (n - (m + back)) + (back - k)
    lost = (n - (a - 2.0)) + (k - (b - 2.0)) * (log(by_b) - 1.0)
    lost = lost + ((m - (c - 2.0)) + lost_m) * (log(by_c) - 1.0)
    return fma(value, expm1(part + lost), value) if value < 1e308 else value


def binomial(n: float, k: float) -> float:
    """The number n over k: for real n of whole k, and for real 0 <= k <= n."""
    whole = floor(k) == k
    turned = (n < 0.0) & whole  # (-1)**k times k - n - 1 over k
    m = (k - n) - 1.0 if turned else n
    inside = k <= m
    gap = n + 1.0 if turned else k - n
    # m over k is m over m - k, which has all its digits where m is rounded
    below = (-gap if turned else k) if inside else (gap if turned else n)
    size = choices(m if inside else k, below)
    exact = whole & (floor(m) == m) & (size < 1e14)
    size = floor(size + 0.5) if exact else size
    odd = parity(k) == 1.0
    sine = sin_pi(n)
    signed = sine if odd else -sine
    outside = signed / (3.141592653589793 * gap) / size
    inner = -size if odd & turned else size
    value = inner if inside else outside
    value = 0.0 if whole & (k < 0.0) else value
    known = (n == n) & (whole | ((k >= 0.0) & inside))
    return value if known else bitcast_to_float(9221120237041090560)
