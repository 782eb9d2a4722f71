"""Additions that are shifted along their loop: sums over the same index below them keep their own."""

import numpy as np
import pytest
import sympy as sp
from spread import spread

import symopt as so

pytestmark = pytest.mark.usefixtures("in_python")

i, j, n = sp.symbols("i j n", integer=True)
x = sp.IndexedBase("x")
S = sp.Sum(x[j] * x[j + 1], (j, 0, n - 2))
FUNCTIONS = {
    "square": S**2,
    "square root": sp.sqrt(1 + S**2),
    "logarithm": sp.log(20 + S),
    "exponential": sp.exp(S / 20),
    "tanh": sp.tanh(S / 10),
    "product of two": S * sp.Sum(x[j] ** 2 * x[j + 1], (j, 0, n - 2)),
    "product": sp.Product(x[j] + x[j + 1], (j, 0, n - 2)),
    "square of a product": sp.Product(x[j] + 2 * x[j + 1], (j, 0, n - 2)) ** 2,
    "logsumexp": so.logsumexp(x[j] * x[j + 1], (j, 0, n - 2)),
    "square of a logsumexp": so.logsumexp(x[j] * x[j + 1], (j, 0, n - 2)) ** 2,
    "same index within and without": sp.Sum(x[j] * x[j + 1] * S, (j, 0, n - 2)),
    "three offsets": sp.Sum(x[j] * x[j + 1] * x[j + 2], (j, 0, n - 3)) ** 2,
    "triangle": sp.Sum(sp.Sum(x[j] * x[j + 1], (j, 0, i)) ** 2, (i, 0, n - 2)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("size", spread([5, 3], every=2))
def test_functions_of_sums_with_two_offsets(name, size):
    cost = so.Cost(FUNCTIONS[name], params=x)
    point = np.array([1.0, 2.0, 3.0, -4.0, 0.5])[:size] / 2
    z = sp.symbols(f"z:{size}", real=True)
    written = FUNCTIONS[name].subs(n, size).doit().xreplace({x[k]: z[k] for k in range(size)})
    at = dict(zip(z, map(sp.Float, point), strict=True))
    gradient = [float(written.diff(s).subs(at)) for s in z]
    hessian = [[float(written.diff(s, t).subs(at)) for s in z] for t in z]
    scale = np.abs(gradient).max()
    assert cost.value(point) == pytest.approx(float(written.subs(at)), rel=1e-13)
    np.testing.assert_allclose(cost.grad(point), gradient, rtol=1e-12, atol=1e-13 * scale)
    np.testing.assert_allclose(
        cost.hessian(point), hessian, rtol=1e-11, atol=1e-12 * np.abs(hessian).max()
    )
    step = so.minimize(cost, so.gd(eta=1e-3), start=point, steps=1).theta
    np.testing.assert_allclose(step, point - 1e-3 * np.array(gradient), rtol=1e-13)


def test_a_squared_sum_of_neighbours():
    cost = so.parse("sum(x[j]*x[j+1], j, 0, n-2)^2")
    assert cost.grad([1, 2, 3, 4]).tolist() == [80, 160, 240, 120]
