"""Derivatives by their definition for costs with sums, at points where compiled code has none."""

import numpy as np
import pytest
import sympy as sp

import symopt as so
from symopt.errors import SymoptWarning

i, j, k, n, m = sp.symbols("i j k n m", integer=True)
th, X, c, H = sp.IndexedBase("th"), sp.IndexedBase("X"), sp.IndexedBase("c"), sp.IndexedBase("H")
a = sp.Symbol("a")


def test_even_powers_of_absolute_values_in_a_sum():
    cost = so.Cost(sp.Sum(sp.Abs(th[i]) ** 2, (i, 0, n - 1)), params=th)
    np.testing.assert_array_equal(cost.hessian([0.0, 1.0, -2.0]), 2 * np.eye(3))
    cubes = so.Cost(sp.Sum(sp.Abs(th[i]) ** 3, (i, 0, n - 1)), params=th)
    np.testing.assert_allclose(cubes.hessian([0.0, 1.0, -2.0]), np.diag([0.0, 6.0, 12.0]))
    np.testing.assert_allclose(cubes.hvp([0.0, 1.0, -2.0], [1.0, 1.0, 1.0]), [0.0, 6.0, 12.0])


def test_a_kink_in_a_sum_is_nan_and_says_so():
    cost = so.Cost(sp.Sum(sp.Abs(th[i]) + th[i] ** 2, (i, 0, n - 1)), params=th)
    with pytest.warns(SymoptWarning, match="not twice differentiable as written at this point"):
        found = cost.hessian([0.0, 1.0])
    np.testing.assert_array_equal(found, [[np.nan, 0.0], [0.0, 2.0]])


def test_a_function_of_the_norm_of_an_array():
    norm = sp.sqrt(sp.Sum(th[i] ** 2, (i, 0, n - 1)))
    cost = so.Cost(-sp.cos(3 * norm), params=th)
    np.testing.assert_allclose(cost.hessian([0.0, 0.0, 0.0]), 9 * np.eye(3), atol=1e-14)
    np.testing.assert_allclose(
        cost.hvp({"th": [0.0, 0.0]}, {"th": [1.0, 2.0]}), [9.0, 18.0], rtol=1e-14
    )


def test_data_constants_and_named_intermediates_are_read():
    hidden = {H[k]: sp.Abs(X[k] * th[0] - a) ** 3}
    cost = so.Cost(
        sp.Sum(H[k] * th[c[k]], (k, 0, m - 1)),
        params=th,
        where=hidden,
        data={X: [1.0, 2.0], c: [1, 0]},
    )
    point = [2.0, 5.0]
    # 5*|t - 2|**3 + t*|2*t - 2|**3 at t = 2: the first has a kink in its third derivative only
    step = 1e-7
    slope = lambda t: cost.grad([t, 5.0], a=2.0)[0]
    want = (slope(2 + step) - slope(2 - step)) / (2 * step)
    assert cost.hessian(point, a=2.0)[0, 0] == pytest.approx(want, rel=1e-5)


def test_whole_data_in_an_index_and_as_a_number():
    entries = sp.Abs(th[c[i]]) * sp.Abs(th[c[i]]) + c[i] * th[i] ** c[i]
    cost = so.Cost(sp.Sum(entries, (i, 0, 2)), params=th, data={c: np.array([0, 1, 2])})
    np.testing.assert_array_equal(cost.hvp([0.0, 0.0, 0.0], [1.0, 2.0, 3.0]), [2.0, 4.0, 18.0])
    assert cost.check([0.0, 0.5, 0.0]).ok


def test_a_tie_above_the_least_of_three_is_no_kink():
    x, y, z = sp.symbols("x y z", real=True)
    cost = so.Cost(sp.Min(0, x * sp.exp(y), z * sp.exp(z)), params=(x, y, z))
    np.testing.assert_allclose(
        cost.hvp([0.0, 0.5, -0.5], [1.0, 1.0, 1.0]), [0, 0, 1.5 * np.exp(-0.5)], rtol=1e-15
    )
    terms = sp.Min(0, H[i] * th[i], th[i + n] / (th[i] ** 2 + 1))
    cost = so.Cost(
        sp.Sum(terms, (i, 0, n - 1)), params=th, where={H[i]: (th[i + n] ** 2, (i, 0, n - 1))}
    )
    np.testing.assert_allclose(cost.hvp([0.0, -0.5], [1.0, 1.0], n=1), [1.0, 0.0])
