"""The kernels' elementary functions: against mpmath, at special values, and machine code against plain Python."""

import math
from fractions import Fraction
from functools import cache

import mpmath as mp
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from symopt.compiler.codegen.pointwise_function import Function
from symopt.compiler.library import catalogue, primitives
from symopt.compiler.library import elementary as V
from symopt.compiler.runtime.interpreter import evaluate
from symopt.ir.program import Graph

COUNT = 300  # points of a range
BITS = 250  # of mpmath
INF, NAN = math.inf, math.nan
TINY, SMALLEST_NORMAL, LARGEST = 5e-324, 2.0**-1022, 1.7976931348623157e308
PI_2, PI, LN2 = math.pi / 2, math.pi, 0.6931471805599453
ARITY = {
    "atan2": 2,
    "hypot": 2,
    "binomial": 2,
    "pow": 2,
    "pow_less": 2,
    "root_less": 2,
    "mod": 2,
    "fma": 3,
}

# Points. A range is a function of a generator; it returns the points of each argument.


def linear(low, high):
    return lambda rng: (rng.uniform(low, high, COUNT),)


def positive(low, high):
    return lambda rng: (np.exp2(rng.uniform(np.log2(low), np.log2(high), COUNT)),)


def both_signs(low, high):
    return lambda rng: (positive(low, high)(rng)[0] * rng.choice([-1.0, 1.0], COUNT),)


def around(center, low, high):
    return lambda rng: (center + both_signs(low, high)(rng)[0],)


def around_above(center, low, high):
    return lambda rng: (center + positive(low, high)(rng)[0],)


def negative(low, high):
    return lambda rng: (-positive(low, high)(rng)[0],)


def inside_of(center, low, high):
    return lambda rng: (center - math.copysign(1, center) * positive(low, high)(rng)[0],)


def subnormal(rng):
    return (rng.integers(1, 2**52, COUNT).view(np.float64),)


def halves_of_ln2(rng):
    return ((rng.integers(-30, 30, COUNT) + 0.5) * LN2 + rng.normal(size=COUNT) * 1e-6,)


def multiples(of, low, high):
    """Return the doubles nearest to (k + of)*pi/2 for k from low to high, spread over the binades."""

    def draw(rng):
        with mp.workprec(BITS):
            whole = np.exp2(rng.uniform(np.log2(low), np.log2(high), COUNT)).round()
            return (np.array([float((mp.mpf(k) + of) * mp.pi / 2) for k in whole]),)

    return draw


def nearest_multiples(_rng):
    """Return, for each exponent, the doubles m*2**e that come nearest of all to a multiple of pi/2."""
    found = []
    with mp.workprec(400):
        for e in range(-52, -4):
            numerator, denominator, rest = (1, 0), (0, 1), mp.pi / 2 / mp.mpf(2) ** e
            while numerator[0] < 2**53:
                digit = int(mp.floor(rest))
                numerator = (digit * numerator[0] + numerator[1], numerator[0])
                denominator = (digit * denominator[0] + denominator[1], denominator[0])
                times = -(-(2**52) // numerator[0])
                found += (
                    [math.ldexp(times * numerator[0], e)] if times * numerator[0] < 2**53 else []
                )
                rest = 1 / (rest - digit)
    return (np.array(found),)


def exponents(bases, low, high):
    """Return pairs x, y with x from ``bases`` and x**y from 2**low to 2**high."""

    def draw(rng):
        (x,) = bases(rng)
        return x, rng.uniform(low, high, len(x)) / np.log2(x)

    return draw


def pairs(bases, powers):
    return lambda rng: (bases(rng)[0], powers(rng)[0])


def whole(largest, more=0.0):
    return lambda rng: (rng.integers(-largest, largest, COUNT) + more,)


def whole_from(low, high):
    return lambda rng: (np.floor(rng.uniform(low, high, COUNT)),)


def next_to_whole(low, nearest):
    return lambda rng: (
        rng.integers(low, 0, COUNT)
        + rng.choice([-1.0, 1.0], COUNT) * rng.uniform(nearest, 0.1, COUNT),
    )


def parts_of(wholes):
    """Return pairs n, k with 0 <= k <= n."""

    def draw(rng):
        (n,) = wholes(rng)
        return n, n * rng.uniform(0, 1, COUNT)

    return draw


FACTORIAL = {
    "tiny": positive(1e-60, 1e-5), "first": linear(0, 1), "second": linear(1, 2), "third": linear(2, 3), "middle": linear(3, 20),
    "one": around(1, 1e-16, 0.3), "two": around(2, 1e-16, 0.3),
}  # fmt: skip
TRIGONOMETRIC = {
    "tiny": both_signs(TINY, 1e-3), "first": linear(-1, 1), "turns": linear(-10, 10), "to 1e6": both_signs(10, 1e6),
    "to 2**47": both_signs(1e6, 2.0**47), "to 2**48": linear(2.0**47, 2.0**48),
    "zeros": multiples(0, 1, 1000), "zeros to 2**48": multiples(0, 1, 2.0**47), "nearest zeros": nearest_multiples,
    "between": multiples(0.5, 1, 1000), "between to 2**48": multiples(0.5, 2.0**45, 2.0**47.34),
}  # fmt: skip
HYPERBOLIC = {
    "tiny": both_signs(TINY, 1e-5), "small": both_signs(1e-5, 1), "first": linear(-1, 1), "middle": linear(-40, 40),
    "whole": linear(-710.4, 710.4), "largest": linear(699, 711),
}  # fmt: skip
SIGMOIDAL = {
    "tiny": both_signs(TINY, 1e-5), "first": linear(-1, 1), "middle": linear(-40, 40), "left": linear(-745, 0),
    "underflow": linear(-746, -707), "large": positive(1, 1e300),
}  # fmt: skip
WIDE = {
    "tiny": both_signs(TINY, 1e-5),
    "small": both_signs(1e-5, 1),
    "large": both_signs(1, LARGEST),
}
WIDE_ABOVE = {"small": positive(1e-5, 1), "large": positive(1, LARGEST)}
GAUSSIAN = {
    "tiny": both_signs(TINY, 1e-5), "small": both_signs(1e-5, 1), "first": linear(-1, 1), "middle": linear(-6, 6),
    "whole": linear(-26, 28),
}  # fmt: skip
INVERSE_SINES = {
    "tiny": both_signs(TINY, 1e-5), "small": both_signs(1e-5, 1), "whole": linear(-1, 1),
    "half": around(0.5, 1e-16, 0.05), "minus half": around(-0.5, 1e-16, 0.05), "one": inside_of(1, 1e-16, 0.1),
    "minus one": inside_of(-1, 1e-16, 0.1),
}  # fmt: skip
RANGES = {
    "exp": {
        "tiny": both_signs(1e-300, 1e-10), "first": linear(-1, 1), "middle": linear(-40, 40),
        "whole": linear(-745, 709.7), "underflow": linear(-746, -707), "overflow": linear(709, 710),
        "between": halves_of_ln2,
    },
    "expm1": {
        "tiny": both_signs(TINY, 1e-10), "small": both_signs(1e-10, 0.01), "first": linear(-1, 1),
        "middle": linear(-45, 45), "whole": linear(0, 709.7), "overflow": linear(709, 710), "between": halves_of_ln2,
        "k = 0 to 1": linear(0.3, 0.4), "k = 0 to -1": linear(-0.4, -0.3),
    },
    "log": {
        "subnormal": subnormal, "whole": positive(SMALLEST_NORMAL, LARGEST), "middle": positive(0.01, 100),
        "first": linear(0.5, 2), "one": around(1, 1e-16, 0.1), "between": linear(0.69, 0.73),
        "above": linear(1.38, 1.45),
    },
    "log1p": {
        "tiny": both_signs(TINY, 1e-10), "small": both_signs(1e-10, 0.1), "first": linear(-0.9999, 1),
        "minus one": inside_of(-1, 1e-16, 1), "above": linear(1, 10), "whole": positive(1, LARGEST),
        "1e300": positive(1e299, 1e301),
    },
    "sin": {**TRIGONOMETRIC, "huge": both_signs(2.0**48, LARGEST)}, "cos": TRIGONOMETRIC, "tan": TRIGONOMETRIC,
    "sinh": HYPERBOLIC, "cosh": HYPERBOLIC,
    "tanh": {
        "tiny": both_signs(TINY, 1e-5), "small": both_signs(1e-5, 1), "first": linear(-1, 1), "middle": linear(-23, 23),
        "quarter": linear(0.1, 0.4), "near one": linear(17, 23), "large": both_signs(20, LARGEST),
    },
    "asin": INVERSE_SINES, "acos": INVERSE_SINES,
    "atan": {
        "tiny": both_signs(TINY, 1e-5), "small": both_signs(1e-5, 1), "first": linear(-3, 3),
        "tan(pi/8)": linear(0.4, 0.45), "1/tan(pi/8)": linear(2.3, 2.5), "whole": both_signs(1, LARGEST),
    },
    "erf": {
        "tiny": both_signs(TINY, 1e-5), "small": both_signs(1e-5, 1), "first": linear(-1, 1), "one": linear(0.9, 1.1),
        "above": linear(1, 6), "six": linear(5.5, 6.5), "large": both_signs(5, LARGEST),
    },
    "pow": {
        "whole": exponents(positive(TINY, LARGEST), -1100, 1100), "subnormal": pairs(subnormal, linear(-1, 1.1)),
        "middle": pairs(positive(0.01, 100), linear(-20, 20)), "halves": pairs(positive(1e-3, 1e3), whole(99, 0.5)),
        "near one": pairs(around(1, 1e-15, 1e-8), both_signs(1e5, 1e10)),
        "one to the much": exponents(positive(1.0001, 1.01), -1074, 1023),
        "small exponents": pairs(positive(1e-300, 1e300), both_signs(1e-20, 1)),
        "whole numbers": pairs(positive(0.01, 100), whole(150)), "negative": pairs(linear(-100, 0), whole(150)),
        "below sqrt(2)": exponents(linear(1.40, 1.414), -1074, 1023),
        "above sqrt(1/2)": exponents(linear(0.708, 0.72), -1074, 1023),
        "underflow": exponents(linear(1.1, 10), -1076, -1020), "overflow": exponents(linear(1.1, 10), 1020, 1030),
        "far beyond": exponents(positive(1.1, 1e300), 1023, 1100),
    },
    "softplus": SIGMOIDAL, "sigmoid": SIGMOIDAL,
    "xlogx": {
        "subnormal": subnormal, "whole": positive(SMALLEST_NORMAL, 2.5e305), "middle": positive(0.01, 100),
        "first": linear(0.5, 2), "one": around(1, 1e-16, 0.1), "overflow": linear(2.4e305, 2.6e305),
    },
    "sign": {"whole": both_signs(TINY, LARGEST)},
    "log1mexp": {
        "tiny": negative(TINY, 1e-5), "first": linear(-1, 0), "ln 2": around(-LN2, 1e-16, 0.1), "middle": linear(-40, 0),
        "whole": linear(-745, 0),
    },
    "sec": TRIGONOMETRIC, "csc": TRIGONOMETRIC, "cot": TRIGONOMETRIC,
    "sech": HYPERBOLIC, "csch": HYPERBOLIC, "coth": HYPERBOLIC, "sech2": HYPERBOLIC,
    "asinh": {**WIDE, "first": linear(-3, 3)}, "acosh": {"one": around_above(1, 1e-16, 1), "above": positive(1, LARGEST)},
    "atanh": INVERSE_SINES,
    "erfc": GAUSSIAN, "erfcx": {**GAUSSIAN, "right": positive(1, LARGEST)}, "gauss": GAUSSIAN, "gauss_slope": GAUSSIAN,
    "log_erfc": {**GAUSSIAN, "right": positive(1, 1e150)},
    "log_erfc_slope": {**GAUSSIAN, "right": positive(1, 8e307)}, "erfcx_slope": {**GAUSSIAN, "right": positive(1, 1e140)},
    "log_erfc_curvature": {"right": positive(0.5, 1e8), "middle": linear(-5, 5)},
    "log_cosh": {**WIDE, "first": linear(-1, 1), "middle": linear(-40, 40)},
    "pow_less": {
        "whole": exponents(positive(TINY, LARGEST), -1000, 1000), "third": pairs(positive(TINY, LARGEST), whole(1, 1 / 3)),
        "small exponents": pairs(positive(1e-300, 1e300), both_signs(1e-20, 1)),
    },
    "root_less": {
        "whole": pairs(positive(1e-300, 1e300), positive(1e-300, 1e300)), "small": pairs(both_signs(1e-300, 0.9), positive(1, 1e300)),
    },
    "log_slope": {"whole": positive(6e-309, LARGEST)}, "log1p_slope": {**WIDE_ABOVE, "minus one": inside_of(-1, 1e-16, 1)},
    "xlogx_slope": {"whole": positive(TINY, LARGEST), "1/e": around(1 / math.e, 1e-17, 0.1), "middle": positive(0.01, 100)},
    "sigmoid_slope": SIGMOIDAL, "log1mexp_slope": {"tiny": negative(1e-300, 1e-5), "first": linear(-1, 0), "whole": linear(-745, 0)},
    "tan_slope": TRIGONOMETRIC, "cot_slope": TRIGONOMETRIC, "sec_slope": TRIGONOMETRIC, "csc_slope": TRIGONOMETRIC,
    "asin_slope": INVERSE_SINES, "atanh_slope": INVERSE_SINES, "atan_slope": WIDE, "asinh_slope": WIDE,
    "acosh_slope": {"one": around_above(1, 1e-16, 1), "above": positive(1.001, LARGEST)},
    "sech_slope": HYPERBOLIC, "csch_slope": HYPERBOLIC, "coth_slope": HYPERBOLIC,
    "atan2": {
        "wide": pairs(both_signs(TINY, LARGEST), both_signs(TINY, LARGEST)), "middle": pairs(linear(-3, 3), linear(-3, 3)),
        "flat": pairs(both_signs(1e-9, 1e-3), linear(-3, 3)), "steep": pairs(linear(-3, 3), both_signs(1e-9, 1e-3)),
        "diagonal": lambda rng: (lambda u: (u, u * rng.choice([-1.0, 1.0], COUNT) * (1 + rng.normal(size=COUNT) * 1e-9)))(linear(-3, 3)(rng)[0]),
    },
    "hypot": {
        "wide": pairs(both_signs(TINY, LARGEST), both_signs(TINY, LARGEST)), "middle": pairs(linear(-3, 3), linear(-3, 3)),
        "large": pairs(linear(-8e307, 8e307), linear(-8e307, 8e307)), "small": pairs(linear(-1e-300, 1e-300), linear(-1e-300, 1e-300)),
    },
    "sinc": {**TRIGONOMETRIC, "huge": both_signs(2.0**48, 1e300)},
    "sinc_slope": {"tiny": both_signs(1e-300, 1e-3), "first": linear(-1.5, 1.5), "second": linear(1.5, 4.2), "peaks": around(6.1, 1e-3, 0.5)},
    "sinc_curvature": {"tiny": both_signs(1e-300, 1e-3), "first": linear(-1.5, 1.5), "second": linear(2.5, 5.5)},
    "gamma": {
        **FACTORIAL, "largest": linear(20, 171.6), "left": linear(-5, 0), "far left": linear(-170, -5), "underflow": linear(-180, -170),
        "poles": next_to_whole(-150, 1e-13),
    },
    "loggamma": {**FACTORIAL, "large": positive(1, 2.5e305)}, "digamma": {**FACTORIAL, "zero": around(1.4616321449683622, 1e-16, 0.3), "large": positive(1, LARGEST)},
    "trigamma": {**FACTORIAL, "large": positive(1, 1e307), "left": linear(-5, 0), "poles": next_to_whole(-150, 1e-13)},
    "tetragamma": {**FACTORIAL, "large": positive(1, 1e150)}, "pentagamma": {**FACTORIAL, "large": positive(1, 1e100), "left": linear(-5, 0)},
    "binomial": {
        "small": pairs(whole_from(0, 60), whole_from(0, 60)), "large": pairs(whole_from(100, 1e15), whole_from(0, 8)),
        "middle": pairs(whole_from(500, 1029), whole_from(0, 500)), "real": parts_of(positive(0.1, 1000)),
        "real below": pairs(linear(-5, 20), whole_from(0, 30)), "of a root": pairs(lambda rng: (np.full(COUNT, 0.5),), whole_from(0, 300)),
    },
}  # fmt: skip
CASES = [(op, name) for op, ranges in RANGES.items() for name in ranges]
WORST = {
    "exp": [20.44784255641779], "cosh": [702.0447522694083, 706.26542401472], "sinh": [706.2337519265458],
    "tan": [14.922566035004522, 16.493359918116262, -574081.2979574582, 485884057079.51855],
    "tanh": [0.2028861565567015], "asin": [-0.5077381458726287, 0.5080865391442994],
    "atan": [0.41794410780114627, 0.42413910370878266, 0.4174783590605691], "log1p": [5e-324],

    "pow": [(0.708787248228382, -1975.36354202827), (-0.3526046816686829, 143.0), (1.372339808625572, -2236.690594605),
            (1.402471149853633, 2057.4959111411545), (0.7042146667851222, -1975.9104360033587)],
}  # fmt: skip
"""Where searches of 60 000 points a range found the largest errors."""


def points(op, name):
    """Return the points of a range, always the same."""
    return RANGES[op][name](np.random.default_rng([7, *map(ord, op + name)]))


# Evaluation, exact values and errors


@cache
def made(op):
    """Return an operation as a function of arrays, and its program."""
    graph, keys = Graph(), [("x", k) for k in range(ARITY.get(op, 1))]
    program = graph.program({"J": graph.op(op, *map(graph.input, keys))})
    return Function(
        program, {key: f"x{key[1]}" for key in keys}, {key: f"x{key[1]}" for key in keys}
    )


def compiled(op):
    """Return an operation as machine code that takes arrays."""
    return lambda *xs: made(op)(dict(zip(made(op).inputs, xs, strict=True)))["J"]


def plain(op, *xs):
    """Return an operation in plain Python at each point."""
    rows = zip(*map(np.atleast_1d, xs), strict=True)
    return np.array(
        [
            evaluate(made(op).program, dict(zip(made(op).inputs, point, strict=True)))["J"]
            for point in rows
        ]
    )


def bitcast_to_int(values):
    """Return the bits of floats, the same for every NaN."""
    values = np.asarray(values, dtype=np.float64)
    return np.where(np.isnan(values), -1, values.view(np.int64))


def exact_erfcx(x):
    if x < 1e10:
        return mp.exp(x * x) * mp.erfc(x)
    return (
        (1 - 1 / (2 * x**2) + 3 / (4 * x**4) - 15 / (8 * x**6) + 105 / (16 * x**8))
        / x
        / mp.sqrt(mp.pi)
    )


def exact_erfcx_slope(x):
    if x < 1e10:
        return 2 * x * exact_erfcx(x) - 2 / mp.sqrt(mp.pi)
    return -(1 / x**2 - 3 / (2 * x**4) + 15 / (4 * x**6) - 105 / (8 * x**8)) / mp.sqrt(mp.pi)


def exact_log_erfc(x):
    return mp.log(exact_erfcx(x)) - x * x if x > 1 else mp.log1p(-mp.erf(x))


def sinc_slope(x):
    with mp.workprec(3000):
        return (mp.cos(x) - mp.sin(x) / x) / x


def sinc_curvature(x):
    with mp.workprec(4000):
        return -(mp.sin(x) + 2 * sinc_slope(x)) / x


EXACT = {
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "softplus": lambda x: max(x, mp.mpf(0)) + mp.log1p(mp.exp(-abs(x))),
    "xlogx": lambda x: x * mp.log(x),
    "pow": mp.power, "pow_less": lambda x, y: mp.power(x, y - 1),
    "root_less": lambda x, y: x / (mp.sqrt(x + y) + mp.sqrt(y)),
    "log_cosh": lambda x: abs(x) - mp.log(2) + mp.log1p(mp.exp(-2 * abs(x))) if abs(x) > 1 else mp.log1p(2 * mp.sinh(x / 2) ** 2),
    "log1mexp": lambda x: mp.log(-mp.expm1(x)) if x > -1 else mp.log1p(-mp.exp(x)),
    "gauss": lambda x: mp.exp(-x * x), "gauss_slope": lambda x: -2 * x * mp.exp(-x * x),
    "erfcx": exact_erfcx, "erfcx_slope": exact_erfcx_slope, "log_erfc": exact_log_erfc,
    "log_erfc_slope": lambda x: -2 / mp.sqrt(mp.pi) / exact_erfcx(x),
    "log_erfc_curvature": lambda x: 2 / mp.sqrt(mp.pi) * exact_erfcx_slope(x) / exact_erfcx(x) ** 2,
    "log_slope": lambda x: 1 / x, "log1p_slope": lambda x: 1 / (1 + x), "xlogx_slope": lambda x: 1 + mp.log(x),
    "sigmoid_slope": lambda x: mp.exp(-abs(x)) / (1 + mp.exp(-abs(x))) ** 2,
    "log1mexp_slope": lambda x: -mp.exp(x) / -mp.expm1(x),
    "sech2": lambda x: mp.sech(x) ** 2,
    "sech_slope": lambda x: -mp.sech(x) * mp.tanh(x), "csch_slope": lambda x: -mp.csch(x) * mp.coth(x),
    "coth_slope": lambda x: -(mp.csch(x) ** 2),
    "tan_slope": lambda x: mp.sec(x) ** 2, "cot_slope": lambda x: -(mp.csc(x) ** 2),
    "sec_slope": lambda x: mp.sec(x) * mp.tan(x), "csc_slope": lambda x: -mp.csc(x) * mp.cot(x),
    "asin_slope": lambda x: 1 / mp.sqrt(1 - x * x) if abs(x) < 1 else mp.inf,
    "atanh_slope": lambda x: 1 / (1 - x * x) if abs(x) < 1 else mp.inf,
    "atan_slope": lambda x: 1 / (1 + x * x), "asinh_slope": lambda x: 1 / mp.sqrt(1 + x * x),
    "acosh_slope": lambda x: 1 / mp.sqrt(x * x - 1) if x > 1 else mp.inf,
    "sinc_slope": sinc_slope, "sinc_curvature": sinc_curvature,
    "digamma": mp.digamma, "trigamma": lambda x: mp.psi(1, x), "tetragamma": lambda x: mp.psi(2, x), "pentagamma": lambda x: mp.psi(3, x),
}  # fmt: skip


def error(op, point, got):
    """Return |got - exact| in units in the last place of the exact value; an overflow counts as 2**1024."""
    with mp.workprec(BITS + max(0, *(math.frexp(x)[1] for x in point))):
        end = mp.ldexp(1, 1024)
        exact = EXACT.get(op, getattr(mp, op, None))(*(mp.mpf(float(x)) for x in point))
        exact = max(min(exact, end), -end)
        if math.isnan(got):
            return INF
        got = mp.mpf(float(got)) if math.isfinite(got) else mp.sign(got) * end
        exponent = mp.frexp(exact)[1] - 1 if exact else -1022
        return float(abs(got - exact) / mp.ldexp(1, min(max(exponent, -1022), 1023) - 52))


def worst(op, columns):
    """Return the largest error over points, and where it is."""
    errors = [
        error(op, point, got) for *point, got in zip(*columns, compiled(op)(*columns), strict=True)
    ]
    k = int(np.argmax(errors))
    return errors[k], [float(column[k]) for column in columns]


@pytest.mark.parametrize(("op", "name"), CASES)
def test_error_is_within_the_stated_ulp(op, name):
    largest, place = worst(op, [column[:100] for column in points(op, name)])
    assert largest <= V.ULP[op], f"{op} is {largest:.3f} ulp off at {place!r}"


@pytest.mark.slow
@pytest.mark.parametrize(("op", "name"), CASES)
def test_error_is_within_the_stated_ulp_at_all_points(op, name):
    largest, place = worst(op, points(op, name))
    assert largest <= V.ULP[op], f"{op} is {largest:.3f} ulp off at {place!r}"


@pytest.mark.parametrize("op", WORST)
def test_error_is_within_the_stated_ulp_at_the_worst_points_known(op):
    largest, place = worst(op, np.atleast_2d(np.array(WORST[op]).T))
    assert largest <= V.ULP[op], f"{op} is {largest:.3f} ulp off at {place!r}"


def test_every_stated_function_is_tested_and_callable_from_kernels():
    assert set(RANGES) == set(V.ULP)
    assert all(compiled(op)(*[1.0] * ARITY.get(op, 1)).shape == () for op in V.ULP)


# Machine code and plain Python

EDGES = [
    0.0,
    -0.0,
    TINY,
    -TINY,
    SMALLEST_NORMAL,
    1e-300,
    0.5,
    1.0,
    -1.0,
    1.5,
    -2.0,
    3.0,
    22.0,
    40.0,
    709.78,
    710.0,
]
EDGES += [
    -745.2,
    -746.0,
    1e15,
    2.0**48,
    -(2.0**48),
    2.0**50,
    2.0**51,
    2.0**53,
    1e300,
    LARGEST,
    -LARGEST,
    INF,
    -INF,
    NAN,
]


def edges(op):
    """Return the special arguments, or every pair or triple of them."""
    grids = (
        np.meshgrid(*[EDGES] * ARITY.get(op, 1)) if op != "fma" else np.meshgrid(*[EDGES[::2]] * 3)
    )
    return [grid.ravel() for grid in grids]


@pytest.mark.parametrize(("op", "name"), CASES)
def test_machine_code_has_the_bits_of_plain_python(op, name):
    columns = [column[:50] for column in points(op, name)]
    np.testing.assert_array_equal(
        bitcast_to_int(compiled(op)(*columns)), bitcast_to_int(plain(op, *columns))
    )


@pytest.mark.slow
@pytest.mark.parametrize(("op", "name"), CASES)
def test_machine_code_has_the_bits_of_plain_python_at_all_points(op, name):
    columns = points(op, name)
    np.testing.assert_array_equal(
        bitcast_to_int(compiled(op)(*columns)), bitcast_to_int(plain(op, *columns))
    )


@pytest.mark.parametrize("op", [*V.ULP, "fma"])
def test_machine_code_has_the_bits_of_plain_python_at_special_values(op):
    columns = edges(op)
    np.testing.assert_array_equal(
        bitcast_to_int(compiled(op)(*columns)), bitcast_to_int(plain(op, *columns))
    )


@pytest.mark.parametrize("op", V.ULP)
def test_a_value_has_the_same_bits_alone_and_among_others(op):
    columns = [column[:37] for column in points(op, next(iter(RANGES[op])))]
    alone = [compiled(op)(*point) for point in zip(*columns, strict=True)]
    np.testing.assert_array_equal(bitcast_to_int(compiled(op)(*columns)), bitcast_to_int(alone))


@pytest.mark.parametrize("op", V.ULP)
def test_copied_source_needs_the_primitives_alone(op):
    names = ("bitcast_to_int", "fabs", "float64", "floor", "fma", "bitcast_to_float", "sqrt")
    namespace = {name: getattr(primitives, name) for name in names}
    exec(catalogue.source([op]), namespace)
    columns = [column[:20] for column in points(op, next(iter(RANGES[op])))]
    with np.errstate(all="ignore"):
        copied = [namespace[op](*point) for point in zip(*columns, strict=True)]
    np.testing.assert_array_equal(bitcast_to_int(copied), bitcast_to_int(plain(op, *columns)))


# Special values

ODD_NAN = [(NAN, NAN)]
ODD = [(0.0, 0.0), (-0.0, -0.0), (TINY, TINY), (-TINY, -TINY), *ODD_NAN]
NO_SINE = [(INF, NAN), (-INF, NAN), (NAN, NAN)]
ABOVE = math.nextafter(1, INF)
OUTSIDE_ONE = [(ABOVE, NAN), (-ABOVE, NAN), (LARGEST, NAN), (INF, NAN), (-INF, NAN), (NAN, NAN)]
SPECIAL = {
    "exp": [
        (0.0, 1.0), (-0.0, 1.0), (TINY, 1.0), (-TINY, 1.0), (INF, INF), (-INF, 0.0), (NAN, NAN), (710.0, INF),
        (LARGEST, INF), (-746.0, 0.0), (-LARGEST, 0.0), (709.782712893384, 1.7976931348622732e308),
        (-745.1332191019411, TINY),
    ],
    "expm1": [*ODD, (INF, INF), (-INF, -1.0), (-40.0, -1.0), (-LARGEST, -1.0), (710.0, INF), (LARGEST, INF)],
    "log": [
        (1.0, 0.0), (0.0, -INF), (-0.0, -INF), (INF, INF), (NAN, NAN), (-TINY, NAN), (-1.0, NAN), (-LARGEST, NAN),
        (-INF, NAN), (TINY, -744.4400719213812), (SMALLEST_NORMAL, -708.3964185322641), (LARGEST, 709.782712893384),
        (2.0, LN2),
    ],
    "log1p": [*ODD, (-1.0, -INF), (-ABOVE, NAN), (-INF, NAN), (INF, INF), (LARGEST, 709.782712893384), (1.0, LN2)],
    "sin": [*ODD, *NO_SINE], "tan": [*ODD, *NO_SINE], "cos": [(0.0, 1.0), (-0.0, 1.0), (TINY, 1.0), *NO_SINE],
    "sinh": [*ODD, (INF, INF), (-INF, -INF), (711.0, INF), (-LARGEST, -INF)],
    "cosh": [(0.0, 1.0), (-0.0, 1.0), (TINY, 1.0), (INF, INF), (-INF, INF), (711.0, INF), (-LARGEST, INF), (NAN, NAN)],
    "tanh": [*ODD, (INF, 1.0), (-INF, -1.0), (22.0, 1.0), (-LARGEST, -1.0)],
    "asin": [*ODD, (1.0, PI_2), (-1.0, -PI_2), *OUTSIDE_ONE],
    "acos": [(1.0, 0.0), (-1.0, PI), (0.0, PI_2), (-0.0, PI_2), (TINY, PI_2), *OUTSIDE_ONE],
    "atan": [*ODD, (INF, PI_2), (-INF, -PI_2), (LARGEST, PI_2), (-LARGEST, -PI_2), (1.0, PI / 4)],
    "sec": [(0.0, 1.0), *NO_SINE], "csc": [(0.0, INF), (-0.0, -INF), *NO_SINE], "cot": [(0.0, INF), (-0.0, -INF), *NO_SINE],
    "sech": [(0.0, 1.0), (INF, 0.0), (-INF, 0.0), (NAN, NAN)], "sech2": [(0.0, 1.0), (INF, 0.0), (-INF, 0.0), (NAN, NAN)],
    "csch": [(0.0, INF), (-0.0, -INF), (TINY, INF), (INF, 0.0), (-INF, -0.0), (NAN, NAN)],
    "coth": [(0.0, INF), (-0.0, -INF), (TINY, INF), (INF, 1.0), (-INF, -1.0), (NAN, NAN)],
    "asinh": [*ODD, (INF, INF), (-INF, -INF), (LARGEST, 710.4758600739439)],
    "acosh": [(1.0, 0.0), (INF, INF), (LARGEST, 710.4758600739439), (1 - 2**-53, NAN), (0.0, NAN), (-2.0, NAN), (-LARGEST, NAN), (-INF, NAN), (NAN, NAN)],
    "atanh": [*ODD, (1.0, INF), (-1.0, -INF), *OUTSIDE_ONE],
    "erfc": [(0.0, 1.0), (-0.0, 1.0), (INF, 0.0), (-INF, 2.0), (NAN, NAN), (6.0, 2.1519736712498913e-17), (27.3, 0.0), (27.2, 1.0e-323)],
    "erfcx": [(0.0, 1.0), (INF, 0.0), (-INF, INF), (NAN, NAN), (-27.0, INF)],
    "gauss": [(0.0, 1.0), (INF, 0.0), (-INF, 0.0), (NAN, NAN)],
    "log_erfc": [(0.0, -0.0), (INF, -INF), (-INF, LN2), (NAN, NAN), (6.0, -38.377561173223388)],
    "log_erfc_slope": [(INF, -INF), (-INF, -0.0), (NAN, NAN), (6.0, -12.162329280400098)],
    "log1mexp": [(0.0, -INF), (-0.0, -INF), (TINY, NAN), (INF, NAN), (-INF, 0.0), (NAN, NAN)],
    "log_slope": [(0.0, INF), (INF, 0.0), (-1.0, NAN), (-INF, NAN), (NAN, NAN)],
    "erf": [*ODD, (INF, 1.0), (-INF, -1.0), (6.0, 1.0), (-LARGEST, -1.0)],
    "softplus": [
        (0.0, LN2), (-0.0, LN2), (INF, INF), (-INF, 0.0), (NAN, NAN), (1000.0, 1000.0), (-1000.0, 0.0),
        (LARGEST, LARGEST),
    ],
    "sigmoid": [(0.0, 0.5), (-0.0, 0.5), (TINY, 0.5), (INF, 1.0), (-INF, 0.0), (NAN, NAN), (LARGEST, 1.0), (-800.0, 0.0)],
    "xlogx": [
        (0.0, 0.0), (-0.0, 0.0), (1.0, 0.0), (INF, INF), (NAN, NAN), (-TINY, NAN), (-1.0, NAN), (-INF, NAN),
        (LARGEST, INF),
    ],
    "gamma": [
        (0.0, INF), (-0.0, -INF), (1.0, 1.0), (2.0, 1.0), (3.0, 2.0), (13.0, 479001600.0), (18.0, 355687428096000.0), (INF, INF),
        (-1.0, NAN), (-2.0, NAN), (-1e300, NAN), (-INF, NAN), (NAN, NAN), (172.0, INF), (LARGEST, INF), (TINY, INF),
    ],
    "sinc": [(0.0, 1.0), (-0.0, 1.0), (TINY, 1.0), *NO_SINE], "sinc_slope": [(0.0, -0.0), *NO_SINE], "sinc_curvature": [(0.0, -1 / 3), *NO_SINE],
    "loggamma": [(0.0, INF), (1.0, 0.0), (2.0, 0.0), (INF, INF), (-1.0, NAN), (-0.5, NAN), (NAN, NAN), (LARGEST, INF)],
    "digamma": [(0.0, NAN), (-1.0, NAN), (INF, INF), (-INF, NAN), (NAN, NAN), (1.0, -0.5772156649015329)],
    "trigamma": [(0.0, INF), (-3.0, INF), (INF, 0.0), (NAN, NAN)],
    "sign": [(0.0, 0.0), (TINY, 1.0), (-TINY, -1.0), (INF, 1.0), (-INF, -1.0), (NAN, NAN)],
}  # fmt: skip
EVEN, ODD_POWERS, BETWEEN = (
    [2.0, 4.0, 2.0**53, 1e300],
    [1.0, 3.0, 2.0**53 - 1],
    [0.5, 1.5, 2.0**52 - 0.5],
)
POW = [
    *[(x, y, 1.0) for x in EDGES for y in (0.0, -0.0)],
    *[(1.0, y, 1.0) for y in EDGES],
    *[(0.0, y, 0.0) for y in (*EVEN, *ODD_POWERS, *BETWEEN, TINY, INF)],
    *[(0.0, -y, INF) for y in (*EVEN, *ODD_POWERS, *BETWEEN, TINY, INF)],
    *[(-0.0, y, 0.0) for y in (*EVEN, *BETWEEN, INF)], *[(-0.0, -y, INF) for y in (*EVEN, *BETWEEN, INF)],
    *[(-0.0, y, -0.0) for y in ODD_POWERS], *[(-0.0, -y, -INF) for y in ODD_POWERS],
    *[(INF, y, INF) for y in (*EVEN, *ODD_POWERS, *BETWEEN, TINY, INF)],
    *[(INF, -y, 0.0) for y in (*EVEN, *ODD_POWERS, *BETWEEN, TINY, INF)],
    *[(-INF, y, INF) for y in (*EVEN, *BETWEEN, INF)], *[(-INF, -y, 0.0) for y in (*EVEN, *BETWEEN, INF)],
    *[(-INF, y, -INF) for y in ODD_POWERS], *[(-INF, -y, -0.0) for y in ODD_POWERS],
    *[(x, INF, 0.0) for x in (TINY, -TINY, 0.5, -0.5)], *[(x, -INF, INF) for x in (TINY, -TINY, 0.5, -0.5)],
    *[(x, INF, INF) for x in (1.5, -1.5, LARGEST, -LARGEST)],
    *[(x, -INF, 0.0) for x in (1.5, -1.5, LARGEST, -LARGEST)],
    (-1.0, INF, 1.0), (-1.0, -INF, 1.0),
    *[(-1.0, y, 1.0) for y in EVEN], *[(-1.0, y, -1.0) for y in ODD_POWERS],
    *[(x, y, NAN) for x in (-TINY, -0.5, -1.0, -2.0, -LARGEST) for y in (*BETWEEN, -0.5, TINY)],
    *[(NAN, y, NAN) for y in (1.0, -1.0, 0.5, INF, -INF, NAN)],
    *[(x, NAN, NAN) for x in (0.0, -0.0, -1.0, 2.0, INF, -INF)],
    (10.0, 308.0, 1e308), (10.0, 309.0, INF), (10.0, 400.0, INF), (-10.0, 310.0, INF), (-10.0, 309.0, -INF),
    (-10.0, 401.0, -INF), (LARGEST, 2.0, INF), (-LARGEST, 3.0, -INF), (TINY, -1.0, INF), (-TINY, -1.0, -INF),
    (10.0, -400.0, 0.0), (-10.0, -401.0, -0.0), (TINY, 2.0, 0.0), (-TINY, 3.0, -0.0),
    (2.0, 1024.0, INF), (2.0, 1040.0, INF), (-2.0, 1025.0, -INF), (2.0, -1080.0, 0.0), (-2.0, -1081.0, -0.0),
    (2.0, 10.0, 1024.0), (-2.0, 3.0, -8.0), (4.0, 0.5, 2.0), (4.0, -0.5, 0.5), (-2.0, -1.0, -0.5),
    (LARGEST, 1.0, LARGEST),
]  # fmt: skip
"""C11's table (F.10.4.4), and where results leave the floats."""


@pytest.mark.parametrize("op", SPECIAL)
def test_special_values(op):
    table = [(x, wanted, float(compiled(op)(x))) for x, wanted in SPECIAL[op]]
    wrong = [row for row in table if bitcast_to_int(row[1]) != bitcast_to_int(row[2])]
    assert not wrong, f"(argument, expected, got): {wrong}"


def test_pow_at_special_values():
    table = [(x, y, wanted, float(compiled("pow")(x, y))) for x, y, wanted in POW]
    wrong = [row for row in table if bitcast_to_int(row[2]) != bitcast_to_int(row[3])]
    assert not wrong, f"(x, y, expected, got): {wrong}"


def test_pow_is_never_nan_where_the_base_is_positive():
    x, y = (
        grid.ravel()
        for grid in np.meshgrid([1.5, 2.0, 3.0, 10.0, 1e10, 1e300], np.arange(-2000.0, 2000.0))
    )
    got = compiled("pow")(x, y)
    place = np.flatnonzero(np.isnan(got))
    assert not place.size, f"{place.size} NaNs, the first of {x[place[0]]}**{y[place[0]]}"


@pytest.mark.parametrize(
    ("op", "x", "wanted"),
    [
        ("sin", 1e15, 0.85827279317023584), ("cos", 1e15, -0.5131937377869703), ("sin", 1e300, -0.8178819121159085),
        ("cos", 1e300, -0.5753861119575491), ("tan", -1e22, 1.6287782256068988), ("sin", LARGEST, 0.004961954789184062),
        ("cos", 6381956970095103 * 2.0**797, -4.687165924254628e-19), ("sin", 2.0**1000, -0.15920170308624243),
    ],
)  # fmt: skip
def test_sines_of_every_finite_argument(op, x, wanted):
    np.testing.assert_array_max_ulp(compiled(op)(x), np.float64(wanted), maxulp=1)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (0.3, 0.1),
        (1e17, 3.0),
        (-0.3, 0.1),
        (0.3, -0.1),
        (1e300, 7.0),
        (LARGEST, TINY),
        (LARGEST, 0.7),
        (5.0, INF),
        (-5.0, INF),
    ],
)
def test_the_remainder_is_that_of_python(x, y):
    assert bitcast_to_int(compiled("mod")(x, y)) == bitcast_to_int(x % y)


@given(st.floats(allow_infinity=False), st.floats(allow_infinity=False).filter(bool))
def test_the_remainder_of_any_numbers_is_that_of_python(x, y):
    assert (
        bitcast_to_int(compiled("mod")(x, y))
        == bitcast_to_int(x % y)
        == bitcast_to_int(plain("mod", x, y)[0])
    )


@pytest.mark.parametrize(
    "op", ["sin", "tan", "expm1", "sinh", "tanh", "asin", "atan", "erf", "log1p"]
)
def test_the_smallest_numbers_are_their_own_values(op):
    """f(x) = x + O(x**2), so below 2**-60 the result is x, but for erf = 2x/sqrt(pi)."""
    x = np.concatenate(
        [positive(TINY, 2.0**-60)(np.random.default_rng(0))[0], [TINY, SMALLEST_NORMAL]]
    )
    wanted = x * 1.1283791670955126 if op == "erf" else x
    np.testing.assert_array_max_ulp(
        compiled(op)(x), wanted, maxulp=1 if op in ("erf", "tan") else 0
    )


@pytest.mark.parametrize("op", ["sin", "tan", "sinh", "tanh", "asin", "atan", "erf", "sign"])
def test_odd_functions_are_odd_to_the_bit(op):
    x = np.concatenate([*(points(op, name)[0] for name in RANGES[op]), [INF, NAN]])
    np.testing.assert_array_equal(
        bitcast_to_int(compiled(op)(-x)), bitcast_to_int(-compiled(op)(x))
    )


@pytest.mark.parametrize("op", ["cos", "cosh"])
def test_even_functions_are_even_to_the_bit(op):
    x = np.concatenate([*(points(op, name)[0] for name in RANGES[op]), [0.0, INF, NAN]])
    np.testing.assert_array_equal(bitcast_to_int(compiled(op)(-x)), bitcast_to_int(compiled(op)(x)))


@pytest.mark.parametrize(
    ("y", "x", "wanted"),
    [
        (0.0, 1.0, 0.0), (0.0, -1.0, PI), (-0.0, -1.0, PI), (1.0, 0.0, PI_2), (-1.0, 0.0, -PI_2), (1.0, 1.0, PI / 4),
        (-1.0, -1.0, -3 * PI / 4), (0.0, 0.0, NAN), (1.0, INF, 0.0), (1.0, -INF, PI), (INF, 1.0, PI_2), (NAN, 1.0, NAN), (1.0, NAN, NAN),
    ],
)  # fmt: skip
def test_atan2_at_special_values(y, x, wanted):
    assert bitcast_to_int(compiled("atan2")(y, x)) == bitcast_to_int(wanted)


def test_whole_numbers_have_whole_factorials():
    n = np.arange(1.0, 19.0)
    np.testing.assert_array_equal(compiled("gamma")(n), [math.factorial(int(k) - 1) for k in n])


def test_small_binomial_coefficients_are_exact():
    n, k = (grid.ravel() for grid in np.meshgrid(np.arange(48.0), np.arange(-2.0, 50.0)))
    wanted = [math.comb(int(a), int(b)) if b >= 0 else 0 for a, b in zip(n, k, strict=True)]
    np.testing.assert_array_equal(compiled("binomial")(n, k), wanted)


@pytest.mark.parametrize(("n", "k"), [(0.5, 1.5), (-0.5, 0.25), (2.0, 2.5), (NAN, 1.0), (1.0, NAN)])
def test_a_binomial_coefficient_between_whole_numbers_is_nan_outside(n, k):
    assert np.isnan(compiled("binomial")(n, k))


@pytest.mark.parametrize(("op", "order"), [("digamma", 0), ("tetragamma", 2)])
def test_a_polygamma_function_with_zeros_on_the_left_is_right_to_its_larger_part(op, order):
    x = np.concatenate(
        [
            linear(-5, 0)(np.random.default_rng(0))[0],
            next_to_whole(-90, 1e-9)(np.random.default_rng(1))[0],
        ]
    )
    with mp.workdps(60):
        exact = [mp.psi(order, mp.mpf(float(a))) for a in x]
        scale = [
            abs(mp.psi(order, 1 - mp.mpf(float(a)))) + abs(e) for a, e in zip(x, exact, strict=True)
        ]
        errors = [
            abs(float((got - e) / size))
            for got, e, size in zip(compiled(op)(x).tolist(), exact, scale, strict=True)
        ]
    assert max(errors) < 12 * 2.0**-53


IMAGE = {
    "tanh": (-1, 1),
    "erf": (-1, 1),
    "sigmoid": (0, 1),
    "sin": (-1, 1),
    "cos": (-1, 1),
    "softplus": (0, INF),
}


@pytest.mark.parametrize("op", IMAGE)
def test_values_stay_in_the_image(op):
    low, high = IMAGE[op]
    x = np.concatenate([points(op, name)[0] for name in RANGES[op]])
    values = compiled(op)(x)
    assert ((values >= low) & (values <= high)).all()


# fma

FINITE = st.floats(allow_nan=False, allow_infinity=False)
HALF_WAY = Fraction(2**1024 - 2**970)  # to 2**1024, from the largest double


def is_nearest(value, exact):
    """Return whether a double is the one nearest to a rational, ties to even, and of its sign."""
    if not math.isfinite(value):
        return abs(exact) >= HALF_WAY and (value > 0) == (exact > 0)
    if exact and math.copysign(1, value) != (1 if exact > 0 else -1):
        return False
    distance = abs(Fraction(value) - exact)
    even = int(np.float64(value).view(np.int64)) % 2 == 0
    for other in (math.nextafter(value, INF), math.nextafter(value, -INF)):
        there = (
            Fraction(other)
            if math.isfinite(other)
            else Fraction(2**1024) * (1 if other > 0 else -1)
        )
        if distance > abs(there - exact) or (distance == abs(there - exact) and not even):
            return False
    return True


@given(FINITE, FINITE, FINITE)
@example(0.1, 10.0, -1.0)
@example(LARGEST, 2.0, -LARGEST)
@example(LARGEST, 1.0, 2.0**970)
@example(LARGEST, 1.0, math.nextafter(2.0**970, 0))
@example(TINY, 0.5, 0.0)
@example(TINY, 0.5, TINY)
@example(-TINY, 0.75, 0.0)
@example(1 + 2.0**-52, 1 - 2.0**-53, -1.0)
@example(2.0**-537, 2.0**-538, 2.0**-1022)
def test_fma_rounds_the_exact_value_once(a, b, c):
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    with np.errstate(all="ignore"):
        assert is_nearest(float(primitives.fma(a, b, c)), exact)


@given(
    st.floats(0.5, 2),
    st.floats(0.5, 2),
    st.integers(-60, 60),
    st.sampled_from([-1074, -1030, 0, 900]),
)
def test_fma_rounds_once_where_the_product_nearly_cancels(a, b, gap, exponent):
    scale = math.ldexp(1.0, exponent // 2)
    a, b = a * scale, b * scale
    c = -(a * b) + math.ldexp(gap, max(exponent - 100, -1074))
    with np.errstate(all="ignore"):
        got = float(primitives.fma(a, b, c))
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    assert is_nearest(got, exact)
    assert bitcast_to_int(compiled("fma")(a, b, c)) == bitcast_to_int(got)


@pytest.mark.parametrize(
    ("a", "b", "c", "wanted"),
    [
        (0.0, 1.0, 0.0, 0.0), (-0.0, 1.0, -0.0, -0.0), (0.0, 1.0, -0.0, 0.0), (-0.0, 1.0, 0.0, 0.0),
        (-0.0, -0.0, -0.0, 0.0), (1.0, 1.0, -1.0, 0.0), (-1.0, 1.0, 1.0, 0.0), (0.0, -5.0, -0.0, -0.0),
        (TINY, 0.25, 0.0, 0.0), (-TINY, 0.25, 0.0, -0.0), (-TINY, 0.25, -0.0, -0.0), (TINY, -TINY, 0.0, -0.0),
        (LARGEST, 2.0, 0.0, INF), (-LARGEST, 2.0, 0.0, -INF), (LARGEST, 2.0, -LARGEST, LARGEST),
        (LARGEST, 2.0, -INF, -INF), (LARGEST, LARGEST, -LARGEST, INF), (INF, 1.0, 1.0, INF), (INF, -1.0, 1.0, -INF),
        (INF, INF, INF, INF), (INF, 1.0, -INF, NAN), (-INF, 1.0, INF, NAN), (INF, 0.0, 1.0, NAN), (-0.0, INF, 1.0, NAN),
        (INF, 0.0, NAN, NAN), (NAN, 1.0, 1.0, NAN), (1.0, NAN, 1.0, NAN), (1.0, 1.0, NAN, NAN), (NAN, 0.0, INF, NAN),
        (1.0, 1.0, INF, INF),
    ],
)  # fmt: skip
def test_fma_at_special_values(a, b, c, wanted):
    with np.errstate(all="ignore"):
        assert bitcast_to_int(primitives.fma(a, b, c)) == bitcast_to_int(wanted)
    assert bitcast_to_int(compiled("fma")(a, b, c)) == bitcast_to_int(wanted)
