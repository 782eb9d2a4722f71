"""Power series along a ray, t -> 0+, where slopes are not numbers.

A series is a finite sum of c * t**e * log(t)**k with rational exponents, negative and broken ones
too, known up to t**order. It goes where a Taylor series does not: sqrt(t**2) = t, sin(t)/t = 1 -
t**2/6 + ..., t**2*log(t**2) = 2*t**2*log(t). Numbers have 50 digits and any exponent.

What cannot be expanded (a difference whose known terms all cancel, an essential singularity) raises
``NoSeriesError``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import mpmath as mp

from symopt.diagnosis import taylor

DIGITS = 50
REACH = 8  # how far beyond its leading exponent a series is followed
MOST_POWERS = 24  # of a series within a function: its terms may be close, as those of x**0.1
LARGEST = (
    1 << 14
)  # binary exponent of a coefficient: doubles end at 2**10, and larger numbers take their time
FARTHEST = 1e9  # where a Taylor series is taken
Place = tuple[Fraction, int]
"""The exponents of t and of log(t)."""
ALWAYS = Fraction(10**9)
"""The order of a series that is known completely."""


class NoSeriesError(ArithmeticError):
    """There is no expansion of this kind."""


class Series(NamedTuple):
    """Terms by their place, and the exponent of t from which on they are unknown."""

    terms: Mapping[Place, Any]
    order: Fraction = ALWAYS

    @property
    def lead(self) -> Place:
        """The place of the largest term as t -> 0: the least power, the most logarithms."""
        if not self.terms:
            raise NoSeriesError
        return min(self.terms, key=lambda place: (place[0], -place[1]))

    @property
    def value(self) -> Any:
        """The constant term."""
        return self.terms.get((Fraction(0), 0), mp.mpf(0))

    def until(self, exponent: int) -> list[Place]:
        """Return the places of the terms that are not smaller than t**exponent."""
        return [place for place in self.terms if place[0] <= exponent]


def constant(value: Any) -> Series:
    """Return a number as a series."""
    return _kept({(Fraction(0), 0): mp.mpf(value)}, ALWAYS)


def ray(start: float, direction: float) -> Series:
    """Return start + direction*t."""
    return _kept({(Fraction(0), 0): mp.mpf(start), (Fraction(1), 0): mp.mpf(direction)}, ALWAYS)


def _kept(terms: Mapping[Place, Any], order: Fraction) -> Series:
    """Return a series without zeros and without what lies beyond its order and its reach."""
    alive = {place: value for place, value in terms.items() if value != 0 and place[0] < order}
    if any(not mp.isfinite(value) or abs(mp.mag(value)) > LARGEST for value in alive.values()):
        raise NoSeriesError
    if not alive:
        return Series({}, order)
    end = min(place[0] for place in alive) + REACH
    if all(place[0] < end for place in alive):
        return Series(alive, order)
    return Series(
        {place: value for place, value in alive.items() if place[0] < end}, min(order, end)
    )


def add(a: Series, b: Series) -> Series:
    """Return a + b; what cancels to the last digits is zero."""
    order, terms = min(a.order, b.order), dict(a.terms)
    for place, value in b.terms.items():
        total = terms.get(place, mp.mpf(0)) + value
        negligible = abs(total) <= mp.mpf(10) ** (5 - DIGITS) * abs(value)
        if negligible:
            terms[place] = mp.mpf(0)
        else:
            terms[place] = total
    return _kept(terms, order)


def neg(a: Series) -> Series:
    """Return -a."""
    return Series({place: -value for place, value in a.terms.items()}, a.order)


def sub(a: Series, b: Series) -> Series:
    """Return a - b."""
    return add(a, neg(b))


def mul(a: Series, b: Series) -> Series:
    """Return a*b."""
    if _is_nothing(a) or _is_nothing(b):
        return Series({})
    order = min(a.order + _least(b), b.order + _least(a))
    terms: dict[Place, Any] = {}
    for (e, k), value in a.terms.items():
        for (f, m), other in b.terms.items():
            place = (e + f, k + m)
            terms[place] = terms.get(place, mp.mpf(0)) + value * other
    return _kept(terms, order)


def _is_nothing(a: Series) -> bool:
    return not a.terms and a.order == ALWAYS


def _least(a: Series) -> Fraction:
    return min((place[0] for place in a.terms), default=a.order)


def _split(a: Series) -> tuple[Fraction, Any, Series]:
    """Return e, c and r of a = c*t**e*(1 + r)."""
    exponent, logs = a.lead
    if logs:
        raise NoSeriesError
    leading = a.terms[exponent, 0]
    scaled = {
        (e - exponent, k): value / leading
        for (e, k), value in a.terms.items()
        if (e, k) != (exponent, 0)
    }
    order = ALWAYS
    if a.order < ALWAYS:
        order = a.order - exponent
    return exponent, leading, Series(scaled, order)


def _count(rest: Series) -> int:
    """Return how many powers of a series that vanishes at t = 0 are formed."""
    if _least(rest) <= 0:
        raise NoSeriesError
    return min(int(REACH / _least(rest)) + 1, MOST_POWERS)


def _composed(coefficients: Callable[[int], Any], rest: Series) -> Series:
    """Return sum c_n*rest**n of a series that vanishes at t = 0."""
    if _is_nothing(rest):
        return constant(coefficients(0))
    count = _count(rest)
    total, power = constant(coefficients(0)), constant(1)
    for n in range(1, count + 1):
        power = mul(power, rest)
        total = add(total, mul(constant(coefficients(n)), power))
    return Series(total.terms, min(total.order, (count + 1) * _least(rest)))


def power(a: Series, exponent: Series) -> Series:
    """Return a**exponent; 0 to a power that stays above 0 is 0."""
    if _is_nothing(a) and _limit(exponent)[0] > 0:
        return Series({})
    if set(exponent.terms) - {(Fraction(0), 0)} or exponent.order < ALWAYS:
        return exp(mul(exponent, log(a)))
    p = _rational(exponent.terms.get((Fraction(0), 0), 0))
    if _is_nothing(a):
        return _power_of_nothing(p)
    e, c, rest = _split(a)
    if c < 0 and p.denominator != 1:
        raise NoSeriesError
    if p.denominator == 1:
        scale = c ** int(p)
    else:
        scale = c ** _number(p)
    binomial = _composed(lambda n: mp.binomial(_number(p), n), rest)
    return mul(Series({(e * p, 0): scale}), binomial)


def _power_of_nothing(p: Fraction) -> Series:
    if p < 0:
        raise NoSeriesError
    if p == 0:
        return constant(1)
    return Series({})


def _rational(value: Any) -> Fraction:
    """Return an exponent; a double next to a simple fraction stands for it, as 0.333... for 1/3."""
    exact = Fraction(float(value))
    simple = exact.limit_denominator(64)
    if abs(exact - simple) <= abs(exact) * Fraction(1, 2**51):
        return simple
    return exact


def _number(p: Fraction) -> Any:
    return mp.mpf(p.numerator) / p.denominator


def div(a: Series, b: Series) -> Series:
    """Return a/b."""
    return mul(a, power(b, constant(-1)))


def sqrt(a: Series) -> Series:
    """Return the square root."""
    return power(a, constant(0.5))


def log(a: Series) -> Series:
    """Return log(a) = log(c) + e*log(t) + log(1 + r)."""
    e, c, rest = _split(a)
    if c <= 0:
        raise NoSeriesError
    leading = add(constant(mp.log(c)), Series({(Fraction(0), 1): _number(e)}))
    return add(leading, _composed(_coefficient_of_log1p, rest))


def _coefficient_of_log1p(n: int) -> Any:
    if n == 0:
        return mp.mpf(0)
    return -mp.mpf((-1) ** n) / n


def exp(a: Series) -> Series:
    """Return exp(a); of what falls without end, nothing."""
    if a.terms:
        e, k = a.lead
    else:
        e, k = (Fraction(0), 0)
    if e < 0:
        if a.terms[e, k] * (-1) ** k > 0:
            raise NoSeriesError
        return Series({})
    if (Fraction(0), 1) not in a.terms:
        return exponential(a)
    q = _rational(a.terms[Fraction(0), 1])
    rest = {place: value for place, value in a.terms.items() if place != (Fraction(0), 1)}
    return mul(Series({(q, 0): mp.mpf(1)}), exponential(Series(rest, a.order)))


def _limit(a: Series) -> tuple[Any, Series]:
    """Return the value at t = 0 and the rest."""
    if a.order <= 0 or any(e < 0 or (e == 0 and k) for e, k in a.terms):
        raise NoSeriesError
    rest = {place: value for place, value in a.terms.items() if place != (Fraction(0), 0)}
    return a.terms.get((Fraction(0), 0), mp.mpf(0)), Series(rest, a.order)


class Flat(NamedTuple):
    """Where a function has come to its limits, left and right, or None."""

    beyond: Any
    left: int | None
    right: int | None


NEVER = Flat(mp.inf, None, None)


def analytic(function: Callable[[Any], Any], flat: Flat = NEVER) -> Callable[[Series], Series]:
    """Return a function that has a Taylor series at every point it is asked at, for series."""
    return _taylor(function, lambda center, count: mp.taylor(function, center, count), flat)


def _taylor(
    function: Callable[[Any], Any], coefficients: Callable[[Any, int], Sequence[Any]], flat: Flat
) -> Callable[[Series], Series]:
    """Return a function of series by its Taylor coefficients; far out by its limits."""

    def build(a: Series) -> Series:
        center, rest = _limit(a)
        if abs(center) > flat.beyond:
            return _far(flat, center)
        if abs(center) > FARTHEST:
            raise NoSeriesError
        if _is_nothing(rest):
            return constant(function(center))
        count = _count(rest)
        with mp.workdps(2 * DIGITS):
            found = coefficients(center, count)
        return _composed(lambda n: mp.mpf(found[n].real), rest)

    return build


def _far(flat: Flat, center: Any) -> Series:
    """Give the limit on the side of a point far out."""
    limit = flat.left
    if center > 0:
        limit = flat.right
    if limit is None:
        raise NoSeriesError
    return constant(limit)


def sign_of(a: Series) -> int:
    """Return the sign for small t > 0."""
    if _is_nothing(a):
        return 0
    e, k = a.lead
    sign = int(mp.sign(a.terms[e, k]))
    if k % 2:
        return -sign
    return sign


def absolute(a: Series) -> Series:
    """Return |a|."""
    if sign_of(a) < 0:
        return neg(a)
    return a


def floor(a: Series) -> Series:
    """Return the largest whole number below."""
    value, rest = _limit(a)
    whole = mp.floor(value)
    falls = value == whole and sign_of(rest) < 0
    if falls:
        whole -= 1
    return constant(whole)


def _half_angle(inverse: Callable[[Any], Any], sign: int) -> Callable[[Series], Series]:
    """Return acos and acosh with the root that they have at 1."""
    return lambda u: mul(
        constant(2), analytic(inverse)(sqrt(mul(constant(0.5 * sign), sub(u, constant(1)))))
    )


acosh = _half_angle(mp.asinh, 1)


def acos(u: Series) -> Series:
    """Return acos(u), about -1 as pi - acos(-u)."""
    near = _half_angle(mp.asin, -1)
    if _limit(u)[0] >= 0:
        return near(u)
    return sub(constant(mp.pi), near(neg(u)))


def asin(u: Series) -> Series:
    """Return pi/2 - acos(u)."""
    return sub(constant(mp.pi / 2), acos(u))


def atanh(u: Series) -> Series:
    """Return log((1 + u)/(1 - u))/2."""
    return mul(constant(0.5), log(div(add(constant(1), u), sub(constant(1), u))))


def vanishing(a: Series, log_of: Series) -> Series:
    """Return a*log_of."""
    return mul(a, log_of)


def xlogx(a: Series) -> Series:
    """Return a*log(a), 0 of 0."""
    if _is_nothing(a):
        return a
    return mul(a, log(a))


def fma(a: Series, b: Series, c: Series) -> Series:
    """Return a*b + c."""
    return add(mul(a, b), c)


def mod(a: Series, b: Series) -> Series:
    """Return the rest of a by b, with the sign of b."""
    return sub(a, mul(b, floor(div(a, b))))


FAR = 1e5  # where exp has come to its limit, by 10**-43429
exponential = _taylor(
    mp.exp,
    lambda center, count: [mp.exp(center) / mp.factorial(n) for n in range(count + 1)],
    Flat(mp.mpf(10) ** 300, 0, None),
)
erfc = _taylor(taylor.at_erfc, taylor.erfc, Flat(100, 2, 0))


atan = analytic(mp.atan)


def atan2(y: Series, x: Series) -> Series:
    """Return the angle of a point that moves."""
    side, height = sign_of(x), sign_of(y)
    if side == height == 0:
        raise NoSeriesError
    if abs(_limit(x)[0]) > abs(_limit(y)[0]):
        angle = atan(div(y, x))
        if side > 0:
            return angle
        turn = mp.pi * (height or 1)
        return add(constant(turn), angle)
    angle = atan(div(x, y))
    return sub(constant(mp.pi / 2 * height), angle)


def loggamma(a: Series) -> Series:
    """Return log(gamma(a)) above 0."""
    if _limit(a)[0] <= 0:
        raise NoSeriesError
    return analytic(mp.loggamma)(a)


def no_series(*_: Series) -> Series:
    """Refuse a function that is not expanded."""
    raise NoSeriesError


def _softplus(u: Any) -> Any:
    return mp.log(1 + mp.exp(u))


def _comparison(holds: Callable[[int], bool]) -> Callable[[Series, Series], bool]:
    return lambda a, b: holds(sign_of(sub(a, b)))


OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": add,
    "sub": sub,
    "mul": mul,
    "div": div,
    "neg": neg,
    "fma": fma,
    "sqrt": sqrt,
    "pow": power,
    "abs": absolute,
    "floor": floor,
    "sign": lambda a: constant(sign_of(a)),
    "mod": mod,
    "root_less": lambda a, b: sub(sqrt(add(a, b)), sqrt(b)),
    "lt": _comparison(lambda s: s < 0),
    "le": _comparison(lambda s: s <= 0),
    "eq": _comparison(lambda s: s == 0),
    "ne": _comparison(lambda s: s != 0),
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "exp": exp,
    "log": log,
    "log1p": lambda a: log(add(constant(1), a)),
    "vanishing": vanishing,
    "xlogx": xlogx,
    "logaddexp": lambda a, b: log(add(exp(a), exp(b))),
    "asin": asin,
    "acos": acos,
    "acosh": acosh,
    "atanh": atanh,
    "log1mexp": lambda a: log(neg(analytic(mp.expm1, Flat(FAR, -1, None))(a))),
    "sin": analytic(mp.sin),
    "cos": analytic(mp.cos),
    "tan": lambda a: div(analytic(mp.sin)(a), analytic(mp.cos)(a)),
    "sec": lambda a: div(constant(1), analytic(mp.cos)(a)),
    "csc": lambda a: div(constant(1), analytic(mp.sin)(a)),
    "cot": lambda a: div(analytic(mp.cos)(a), analytic(mp.sin)(a)),
    "sech": analytic(mp.sech, Flat(FAR, 0, 0)),
    "csch": lambda a: div(constant(1), analytic(mp.sinh)(a)),
    "coth": lambda a: div(analytic(mp.cosh)(a), analytic(mp.sinh)(a)),
    "sinh": analytic(mp.sinh, Flat(FAR, None, None)),
    "cosh": analytic(mp.cosh, Flat(FAR, None, None)),
    "tanh": analytic(mp.tanh, Flat(FAR, -1, 1)),
    "atan": atan,
    "asinh": analytic(mp.asinh),
    "erf": _taylor(mp.erf, taylor.erf, Flat(100, -1, 1)),
    "erfc": erfc,
    "sinc": analytic(mp.sinc),
    "hypot": lambda a, b: sqrt(add(mul(a, a), mul(b, b))),
    "atan2": atan2,
    "gamma": analytic(mp.gamma),
    "loggamma": loggamma,
    "binomial": no_series,
    "digamma": analytic(lambda u: mp.psi(0, u)),
    "trigamma": analytic(lambda u: mp.psi(1, u)),
    "expm1": analytic(mp.expm1, Flat(FAR, -1, None)),
    "log_erfc": lambda a: log(erfc(a)),
    "erfcx": _taylor(
        lambda u: mp.exp(u * u) * taylor.at_erfc(u), taylor.erfcx, Flat(100, None, None)
    ),
    "gauss": _taylor(lambda u: mp.exp(-u * u), taylor.gauss, Flat(1e4, 0, 0)),
    "sech2": analytic(lambda u: mp.sech(u) ** 2, Flat(FAR, 0, 0)),
    "log_cosh": analytic(lambda u: mp.log(mp.cosh(u)), Flat(FAR, None, None)),
    "sigmoid": analytic(lambda u: 1 / (1 + mp.exp(-u)), Flat(FAR, 0, 1)),
    "softplus": analytic(_softplus, Flat(FAR, 0, None)),
}
"""By operation; ``select`` is the caller's, for only the branch taken has a series."""
