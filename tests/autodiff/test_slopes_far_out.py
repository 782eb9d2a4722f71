"""Slopes and curvatures far out and close to 0, where their parts cancel or leave the doubles, against 900 digits."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from properties.fuzz import PlainCost

import symopt as so

x, y, K, V = sp.symbols("x y K V", real=True)
FAR = [1e3, -1e8, 1e100, -1e150, 1e-8, 1e-150]
LEVELS_OFF = [
    x / sp.sqrt(1 + x**2),  # and its slope is that of the pseudo-Huber loss
    x**2 / (1 + x**2),  # Geman and McClure
    x / (3 + x),
    2 * x**3 / (1 + 5 * x**3),
    1 / (1 + 1 / (1 + x**2)),
]
CURVED = [
    sp.sqrt(1 + x**2),
    sp.log(1 + x**2),
    (4 * x**2 + 1) ** sp.Rational(1, 10),
    (x**2 + 1) ** sp.Rational(1, 3),
    1 / sp.sqrt(1 + x**2),
    x / (x**2 + 1),
    sp.atan(x),
    sp.asinh(x),
]
OF_TWO = [
    V * x / (K + x),  # Michaelis and Menten
    (x**2 + y**2) / (1 + x**2 + y**2),
    y / sp.sqrt(1 + x**2 * y**2),
    sp.asinh(x * y),
    sp.log(1 + x**2 * y**2),
    sp.sqrt(x**2 + y**2),
    x * y / (1 + x * y),
    x / (x**2 + y**2),
]


def right(cost, symbols, point, v):
    """Return gradient and Hessian-vector product in many digits."""
    with mp.workdps(900):
        at, slopes = list(map(mp.mpf, point)), [cost.diff(s) for s in symbols]
        curves = [
            sum(slope.diff(s) * sp.Rational(d) for s, d in zip(symbols, v, strict=True))
            for slope in slopes
        ]
        return [sp.lambdify(symbols, part, "mpmath")(*at) for part in slopes + curves]


def check(expression, point, v, digits=13):
    symbols = sorted(expression.free_symbols, key=str)
    cost = PlainCost(expression, params=symbols)
    found = [*cost.grad(point), *cost.hvp(point, v)]
    for got, want in zip(found, right(expression, symbols, point, v), strict=True):
        assert abs(mp.mpf(float(got)) - want) <= abs(want) * mp.mpf(10) ** -digits + mp.mpf(
            "1e-305"
        ), (point, found)


@pytest.mark.parametrize("expression", LEVELS_OFF + CURVED, ids=str)
def test_one_parameter(expression):
    for point in FAR:
        if not (expression.has(x**3) and abs(point) > 1e99):  # x**3 is beyond the doubles
            check(expression, [point], [1.0])


@pytest.mark.parametrize("expression", OF_TWO, ids=str)
def test_several_parameters(expression):
    symbols = sorted(expression.free_symbols, key=str)
    for far in (1e3, -1e8, 1e60, 1e-8):
        check(expression, [1.5, -0.75, far][-len(symbols) :], [0.5, 1.0, -2.0][: len(symbols)])


def test_at_zero_a_product_that_levels_off_has_its_slope():
    assert so.parse("x/sqrt(1 + x^2)").grad([0.0]) == [1.0]
    assert so.parse("x^2/(1 + x^2)").hessian([0.0]) == [[2.0]]
    np.testing.assert_array_equal(so.parse("V*x/(K + x)").grad([3.0, 2.0, 0.0]), [0.0, 0.0, 2 / 3])


def test_descent_moves_a_residual_that_is_an_outlier():
    """The gradient of x^2/(1 + x^2) at 1e8 is 2e-24, not the rounding of a difference of ones."""
    run = so.minimize(so.parse("x^2/(1 + x^2)"), so.gd(eta=1e30), [1e8], 1)
    assert run.theta[0] == pytest.approx(1e8 - 2e6, rel=1e-14)


@pytest.mark.parametrize(
    ("text", "at"),
    [("exp(-exp(cosh(x)))", 20.0), ("exp(-1/x^2)", 1e-200), ("tanh(exp(x))", 800.0), ("1/(1 + exp(-exp(x)))", 800.0), ("erfc(x^3/exp(-x))", 600.0)],
)  # fmt: skip
def test_what_is_level_is_level_whatever_grows_below(text, at):
    assert so.parse(text).grad([at]) == [0.0]
    assert so.minimize(so.parse(text), so.gd(eta=1e-3), [at], 1).theta[0] == at


def test_a_root_below_the_line_far_out():
    """Of 1e-152, the quotient by 1e150, half a reciprocal root and twice a square's base, the product is 0.02."""
    slope = so.parse("2/(100*(sqrt(1/x^2 + 1) + log(x)^2))").grad([1e-150])
    assert slope == pytest.approx([0.02], rel=1e-14, abs=0)
