"""Costs of atan2, hypot and sinc: values, slopes and curvatures far out, near 0 and at kinks."""

import math

import numpy as np
import pytest
import sympy as sp
from sympy.codegen.cfunctions import hypot

import symopt as so

pytestmark = pytest.mark.usefixtures("in_python")

x, y = sp.symbols("x y")
k, n = sp.symbols("k n", integer=True)
X, Y = sp.IndexedBase("X"), sp.IndexedBase("Y")
ANGLE, LENGTH = so.Cost(sp.atan2(y, x)), so.Cost(hypot(x, y))
PLANE = [
    [3.0, 4.0],
    [-3.0, 4.0],
    [-3.0, -4.0],
    [3.0, -4.0],
    [0.0, 2.0],
    [0.0, -2.0],
    [2.0, 0.0],
    [1e-9, 1.0],
    [-1.0, 1e-9],
]


@pytest.mark.parametrize("point", PLANE, ids=str)
def test_the_angle_of_a_point(point):
    a, b = point
    square = a * a + b * b
    assert ANGLE.value(point) == pytest.approx(math.atan2(b, a), rel=1e-15)
    np.testing.assert_allclose(ANGLE.grad(point), [-b / square, a / square], rtol=1e-14)
    cross = (b * b - a * a) / square**2
    np.testing.assert_allclose(
        ANGLE.hessian(point),
        [[2 * a * b / square**2, cross], [cross, -2 * a * b / square**2]],
        rtol=1e-13,
        atol=1e-15,
    )
    assert ANGLE.check(point).ok


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200, 1e300])
def test_neither_angle_nor_length_leaves_the_doubles(scale):
    point = [3 * scale, 4 * scale]
    assert ANGLE.value(point) == pytest.approx(math.atan2(4, 3), rel=1e-15)
    np.testing.assert_allclose(ANGLE.grad(point), [-0.16 / scale, 0.12 / scale], rtol=1e-14)
    assert LENGTH.value(point) == pytest.approx(5 * scale, rel=1e-15)
    np.testing.assert_allclose(LENGTH.grad(point), [0.6, 0.8], rtol=1e-15)


def test_the_left_half_of_the_axis_has_the_angle_pi():
    assert ANGLE.value([-1.0, 0.0]) == ANGLE.value([-1.0, -0.0]) == math.pi


def test_the_origin_has_no_angle_and_a_subgradient_of_its_length():
    assert np.isnan(ANGLE.value([0.0, 0.0]))
    assert "atan2 of 0 and 0" in so.minimize(ANGLE, so.gd(eta=0.1), [0.0, 0.0], 3).reason
    assert LENGTH.value([0.0, 0.0]) == 0
    assert LENGTH.grad([0.0, 0.0]).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("at", [0.0, 1e-300, 1e-9, 1e-4, 0.3, 1.4999, 1.5, 4.0, 700.0, 1e16, -2.0])
def test_sinc_has_its_digits_near_zero_and_far_out(at):
    J = so.Cost(sp.sinc(x))
    assert J.check([at]).ok
    if not at:
        assert (J.value([at]), J.grad([at])[0], J.hessian([at])[0, 0]) == (1, 0, -1 / 3)


def test_angles_and_sincs_within_sums():
    J = so.Cost(
        sp.Sum(sp.atan2(Y[k] - y, X[k] - x) ** 2 + sp.sinc(X[k] * x), (k, 0, n - 1)),
        params=[x, y],
        data={X: [3.0, 1.0], Y: [0.5, 2.0]},
    )
    exact = sum(
        math.atan2(b - 0.2, a - 0.1) ** 2 + math.sin(a * 0.1) / (a * 0.1)
        for a, b in ((3.0, 0.5), (1.0, 2.0))
    )
    assert J.value([0.1, 0.2]) == pytest.approx(exact, rel=1e-14)
    assert J.check([0.1, 0.2]).ok
