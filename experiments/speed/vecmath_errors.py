"""The largest error of every function and slope, against mpmath.

Prints the table of ``docs/functions.md``. A function is what ``Cost(f(x))`` computes for f of
SymPy, or an operation that a cost is brought to (softplus for log(1 + exp(x))); its slope is the
derivative that symopt takes of it. Points: all binades of both signs, the middle, and next to the
edges, from 0 ulp up. Outside the domain both must be NaN, and count as infinitely wrong if not.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import mpmath as mp
import numpy as np
import sympy as sp

sys.path.insert(0, str(Path(__file__).parents[2]))  # for a checkout that is not installed
import symopt as so
from symopt.autodiff.reverse import gradient
from symopt.compiler.codegen.pointwise_function import Function
from symopt.ir.program import Graph

BITS = 300  # of mpmath, and as many more as the argument has before the point
TINY, LARGEST = 5e-324, 1.7976931348623157e308
Exact = Callable[[mp.mpf], mp.mpf]
inf, nan = mp.inf, mp.nan


@dataclass(frozen=True)
class Case:
    """A function: its exact value and slope, and the points where something happens."""

    value: Exact
    slope: Exact
    edges: Sequence[float] = ()
    made: sp.Expr | None = None
    above: float = -math.inf  # where it is measured
    slope_unit: Exact | None = None  # what the slope is a difference of, where that has zeros

    def compiled(self, name: str) -> Function:
        """Return what computes the value "J" and the slope ("g", 0), as a cost does."""
        graph, key = Graph(), ("x", 0)
        if self.made is None:
            program = gradient(graph.program({"J": graph.op(name, graph.input(key))}), [key])
        else:
            program = so.Cost(self.made, params=[x]).program.only(["J", ("g", 0)])
        return Function(program, {key: "x0"}, {key: "x"})


def from_(low: float, f: Exact, at_low: mp.mpf | None = None) -> Exact:
    """Return f above ``low``, and NaN below it."""
    return lambda x: f(x) if x > low else (f(x) if at_low is None else at_low) if x == low else nan


def within_one(f: Exact, at_one: Exact) -> Exact:
    """Return f for |x| < 1, another function where |x| = 1, and NaN outside."""
    return lambda x: f(x) if abs(x) < 1 else (at_one(x) if abs(x) == 1 else nan)


def logistic(x: mp.mpf) -> mp.mpf:
    """Return 1/(1 + e**-x)."""
    return 1 / (1 + mp.exp(-x))


def erfcx(x: mp.mpf) -> mp.mpf:
    """Return e**(x**2)*erfc(x); far out by its asymptotic series."""
    if x < 1e10:
        return mp.exp(x * x) * mp.erfc(x)
    return (
        (1 - 1 / (2 * x**2) + 3 / (4 * x**4) - 15 / (8 * x**6) + 105 / (16 * x**8))
        / x
        / mp.sqrt(mp.pi)
    )


def erfcx_slope(x: mp.mpf) -> mp.mpf:
    """Return the derivative of erfcx."""
    if x < 1e10:
        return 2 * x * erfcx(x) - 2 / mp.sqrt(mp.pi)
    return -(1 / x**2 - 3 / (2 * x**4) + 15 / (4 * x**6) - 105 / (8 * x**8)) / mp.sqrt(mp.pi)


def remainder(y: float) -> Exact:
    """Return x modulo y, exactly."""
    return lambda x: x - y * mp.floor(x / y)


def power(y: float) -> Exact:
    """Return x**y for x >= 0."""
    return lambda x: mp.power(x, y) if x > 0 else ((mp.mpf(0) if y > 0 else inf) if x == 0 else nan)


def gauss(x: mp.mpf) -> mp.mpf:
    """Return e**(-x**2)."""
    return mp.exp(-x * x)


def no_slope(_: mp.mpf) -> mp.mpf:
    """Return the slope of a step."""
    return mp.mpf(0)


def log1mexp(x: mp.mpf) -> mp.mpf:
    """Return ln(1 - e**x)."""
    return mp.log(-mp.expm1(x)) if x > -1 else mp.log1p(-mp.exp(x))


def at_pole(f: Exact) -> Exact:
    """Return f with a pole at 0."""
    return lambda x: f(x) if x else inf


def below_zero(f: Exact) -> Exact:
    """Return f for x < 0, -inf at 0 and NaN beyond."""
    return lambda x: f(x) if x < 0 else (nan if x else -inf)


def by_root(x: mp.mpf) -> mp.mpf:
    """Return 1/sqrt(1 - x**2)."""
    return 1 / mp.sqrt((1 - x) * (1 + x))


def log_erfc(x: mp.mpf) -> mp.mpf:
    """Return ln(erfc(x))."""
    return mp.log(erfcx(x)) - x * x if x > 1 else mp.log1p(-mp.erf(x))


def power_case(y: float) -> Case:
    """Return the case of x**y; an infinite slope at 0 counts as 0, as that of sqrt."""
    exponent = mp.mpf(y)
    slope = lambda x: exponent * power(exponent - 1)(x) if x or not 0 < y < 1 else mp.mpf(0)  # noqa: E731
    return Case(power(exponent), slope, (1.0,), x ** sp.Float(y, 17))


def log_cosh(x: mp.mpf) -> mp.mpf:
    """Return ln(cosh(x))."""
    return (
        mp.log1p(2 * mp.sinh(x / 2) ** 2)
        if abs(x) < 1
        else abs(x) - mp.log(2) + mp.log1p(mp.exp(-2 * abs(x)))
    )


x = sp.Symbol("x")
LN2, BY_E = math.log(2), math.exp(-1)
OVERFLOW = (709.782712893384, -708.3964185322641, -745.1332191019412)
HYPERBOLIC = (710.4758600739439, 708.3964185322641, 745.1332191019412, 372.6, 354.2, 300.0, 22.0)
QUARTERS = (
    *(float(k * mp.pi / 4) for k in (1, 2, 3, 4, 6, 355, 1e6, 2.0**46)),
    2.0**48,
    1e15,
    1e300,
)
GAUSSIAN = (1.0, 6.0, 26.0, 26.543, 26.6287, 27.2, 27.3, 27.4)


def sinc_slope(x: mp.mpf) -> mp.mpf:
    """Return the slope of sin(x)/x."""
    with mp.workprec(4000):
        return (mp.cos(x) - mp.sin(x) / x) / x if x else mp.mpf(0)


FACTORIAL = (1.0, 1.25, 1.4616321449683622, 2.0, 2.5, 3.0, 18.0, 171.6243769563027)


def above(case: Case, least: float) -> Case:
    """Return a case that is measured above a number only."""
    return replace(case, above=least)


def sympy(
    function: Callable[..., sp.Expr], value: Exact, slope: Exact, edges: Sequence[float] = ()
) -> Case:
    """Return the case of a function of SymPy."""
    return Case(value, slope, edges, function(x))


CASES: dict[str, Case] = {
    "exp": sympy(sp.exp, mp.exp, mp.exp, OVERFLOW),
    "log": sympy(sp.log, from_(0, mp.log, -inf), from_(0, lambda x: 1 / x, inf), (1.0, 0.5)),
    "sin": sympy(sp.sin, mp.sin, mp.cos, QUARTERS),
    "cos": sympy(sp.cos, mp.cos, lambda x: -mp.sin(x), QUARTERS),
    "tan": sympy(sp.tan, mp.tan, lambda x: mp.sec(x) ** 2, QUARTERS),
    "sec": sympy(sp.sec, mp.sec, lambda x: mp.sin(x) / mp.cos(x) ** 2, QUARTERS),
    "csc": sympy(sp.csc, at_pole(mp.csc), at_pole(lambda x: -mp.cos(x) / mp.sin(x) ** 2), QUARTERS),
    "cot": sympy(sp.cot, at_pole(mp.cot), at_pole(lambda x: -1 / mp.sin(x) ** 2), QUARTERS),
    "asin": sympy(sp.asin, within_one(mp.asin, mp.asin), within_one(by_root, lambda _: inf), (1.0, 0.5)),
    "acos": sympy(sp.acos, within_one(mp.acos, mp.acos), within_one(lambda x: -by_root(x), lambda _: -inf), (1.0, 0.5)),
    "atan": sympy(sp.atan, mp.atan, lambda x: 1 / (1 + x * x), (0.41421356, 2.41421356, 1e100, 1.34e154)),
    "sinh": sympy(sp.sinh, mp.sinh, mp.cosh, HYPERBOLIC),
    "cosh": sympy(sp.cosh, mp.cosh, mp.sinh, HYPERBOLIC),
    "tanh": sympy(sp.tanh, mp.tanh, lambda x: mp.sech(x) ** 2, HYPERBOLIC),
    "sech": sympy(sp.sech, mp.sech, lambda x: -mp.sinh(x) * mp.sech(x) ** 2, HYPERBOLIC),
    "csch": sympy(sp.csch, at_pole(mp.csch), at_pole(lambda x: -mp.cosh(x) * mp.csch(x) ** 2), HYPERBOLIC),
    "coth": sympy(sp.coth, at_pole(mp.coth), at_pole(lambda x: -(mp.csch(x) ** 2)), HYPERBOLIC),
    "asinh": sympy(sp.asinh, mp.asinh, lambda x: 1 / mp.sqrt(1 + x * x), (268435456.0, 1e100, 1e200)),
    "acosh": sympy(
        sp.acosh,
        from_(1, mp.acosh),
        from_(1, lambda x: 1 / mp.sqrt((x - 1) * (x + 1)), inf),
        (1.0, 268435456.0, 1e100, 1e200),
    ),
    "atanh": sympy(
        sp.atanh,
        within_one(mp.atanh, lambda x: x * inf),
        within_one(lambda x: 1 / ((1 - x) * (1 + x)), lambda _: inf),
        (1.0,),
    ),
    "erf": sympy(sp.erf, mp.erf, lambda x: 2 / mp.sqrt(mp.pi) * gauss(x), GAUSSIAN),
    "erfc": sympy(
        sp.erfc, lambda x: mp.erfc(x) if x < 50 else mp.mpf(0), lambda x: -2 / mp.sqrt(mp.pi) * gauss(x), GAUSSIAN
    ),
    "sinc": replace(
        sympy(sp.sinc, mp.sinc, sinc_slope, (*QUARTERS, 1.5, 4.493409457909064)),
        slope_unit=lambda x: 1 / abs(x) if abs(x) > 1.5 else mp.mpf(0),
    ),
    "gamma": above(sympy(sp.gamma, mp.gamma, lambda x: mp.gamma(x) * mp.digamma(x), FACTORIAL), 1e-300),
    "loggamma": above(sympy(sp.loggamma, mp.loggamma, mp.digamma, FACTORIAL), 1e-300),
    "digamma": above(sympy(sp.digamma, mp.digamma, lambda x: mp.psi(1, x), FACTORIAL), 1e-150),
    "trigamma": above(sympy(sp.trigamma, lambda x: mp.psi(1, x), lambda x: mp.psi(2, x), FACTORIAL), 1e-100),
    "Abs": sympy(sp.Abs, abs, mp.sign),
    "sign": sympy(sp.sign, mp.sign, no_slope),
    "floor": sympy(sp.floor, mp.floor, no_slope, (1.0, 3.0, 2.0**52)),
    "ceiling": sympy(sp.ceiling, mp.ceil, no_slope, (1.0, 3.0, 2.0**52)),
    "Heaviside": sympy(sp.Heaviside, lambda x: (mp.sign(x) + 1) / 2, lambda x: mp.mpf(0) if x else nan),
    "Mod": sympy(lambda x: sp.Mod(x, 3), remainder(3), lambda _: mp.mpf(1), (3.0, 6.0, 2.0**54, 1e17)),
    "sqrt": sympy(sp.sqrt, from_(0, mp.sqrt), from_(0, lambda x: 0.5 / mp.sqrt(x), mp.mpf(0))),
    "expm1": Case(mp.expm1, mp.exp, OVERFLOW),
    "log1p": Case(from_(-1, mp.log1p, -inf), from_(-1, lambda x: 1 / (1 + x), inf), (1.0,)),
    "log1mexp": Case(below_zero(log1mexp), below_zero(lambda x: mp.exp(x) / mp.expm1(x)), (-LN2, *OVERFLOW)),
    "softplus": Case(lambda x: max(x, mp.mpf(0)) + mp.log1p(mp.exp(-abs(x))), logistic, OVERFLOW),
    "sigmoid": Case(logistic, lambda x: logistic(x) * logistic(-x), OVERFLOW),
    "xlogx": Case(
        from_(0, lambda x: x * mp.log(x), mp.mpf(0)), from_(0, lambda x: 1 + mp.log(x), -inf), (1.0, BY_E, 2.5e305)
    ),
    "log_cosh": Case(log_cosh, mp.tanh, (1.0,)),
    "gauss": Case(gauss, lambda x: -2 * x * gauss(x), GAUSSIAN),
    "erfcx": Case(erfcx, erfcx_slope, GAUSSIAN),
    "log_erfc": Case(log_erfc, lambda x: -2 / mp.sqrt(mp.pi) / erfcx(x), GAUSSIAN),
}  # fmt: skip
"""By name; powers are a family, and measured as ``x**2.3`` and the like."""
CASES |= {f"x**{y:.3g}": power_case(y) for y in (2.3, -2.7, 1 / 3)}


def points(case: Case, count: int, seed: int = 0) -> np.ndarray:
    """Return about ``count`` points: binades, the middle, and around 0 and every edge."""
    rng = np.random.default_rng(seed)
    share = count // 5
    binades = np.exp2(rng.uniform(-1074, 1023.99, share))
    middle = np.exp2(rng.uniform(-10, 10, share))
    edges = np.array([-1.0, 0.0, *case.edges, *(-edge for edge in case.edges)])
    next_to = rng.choice(edges, share)
    towards, steps = rng.choice([-np.inf, np.inf], share), rng.integers(0, 5, share)
    for k in range(4):
        next_to = np.where(steps > k, np.nextafter(next_to, towards), next_to)
    near = rng.choice(edges, share) + np.exp2(rng.uniform(-80, 0, share)) * rng.choice(
        [-1.0, 1.0], share
    )
    signed = np.concatenate([binades, middle]) * rng.choice([-1.0, 1.0], 2 * share)
    special = np.array(
        [0.0, -0.0, TINY, -TINY, 2.0**-1022, LARGEST, -LARGEST, 1.0, -1.0, *case.edges]
    )
    found = np.concatenate([signed, rng.uniform(-4, 4, share), next_to, near, special])
    return np.where(found > case.above, found, np.abs(found) + max(case.above, TINY))


def error(exact: mp.mpf, got: float, unit: mp.mpf | None = None) -> float:
    """Return |got - exact| in ulp of the exact value, or of ``unit``; overflow is 2**1024."""
    if mp.isnan(exact):
        return 0.0 if math.isnan(got) else math.inf
    if math.isnan(got):
        return math.inf
    end = mp.ldexp(1, 1024)
    exact = max(min(exact, end), -end)
    rounded = mp.mpf(got) if math.isfinite(got) else mp.sign(got) * end
    size = max(abs(exact), unit or 0)
    exponent = mp.frexp(size)[1] - 1 if size else -1022
    return float(abs(rounded - exact) / mp.ldexp(1, min(max(exponent, -1022), 1023) - 52))


@cache
def compiled(name: str) -> Function:
    """Return the compiled value and slope of a function."""
    return CASES[name].compiled(name)


def largest(name: str, count: int, seed: int = 0) -> list[tuple[float, float]]:
    """Return the largest error of the value and of the slope, each with its place."""
    case = CASES[name]
    at = points(case, count, seed)
    made = compiled(name)({("x", 0): at})
    found = []
    for exact, got, unit in (
        (case.value, made["J"], None),
        (case.slope, made["g", 0], case.slope_unit),
    ):
        errors = [
            _error_at(exact, float(point), float(value), unit=unit)
            for point, value in zip(at, got, strict=True)
        ]
        worst = int(np.argmax(errors))
        found.append((errors[worst], float(at[worst])))
    return found


def _error_at(exact: Exact, point: float, got: float, unit: Exact | None = None) -> float:
    with mp.workprec(BITS + max(math.frexp(point)[1], 0)):
        wanted = exact(mp.mpf(point))
        if point == 0.0 and mp.isinf(wanted):
            return 0.0 if math.isinf(got) else math.inf  # a pole at 0: the sign is that of the zero
        return error(wanted, got, unit(mp.mpf(point)) if unit else None)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="Print the largest errors of all functions and slopes, in ulp."
    )
    parser.add_argument("--points", type=int, default=10_000, help="how many points a function")
    parser.add_argument("names", nargs="*", help="the functions (default: all)")
    given = parser.parse_args()
    print("| function | value, ulp | at | slope, ulp | at |\n|---|---:|---:|---:|---:|")
    for name in given.names or CASES:
        (value, place), (slope, slope_place) = largest(name, given.points)
        where = [
            f"{at:.6g}" if error else "–" for error, at in ((value, place), (slope, slope_place))
        ]
        print(f"| `{name}` | {value:.2f} | {where[0]} | {slope:.2f} | {where[1]} |", flush=True)
