"""Costs of gamma functions, factorials and binomial coefficients: values, slopes, curvatures and what is refused."""

import math

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import symopt as so

pytestmark = pytest.mark.usefixtures("in_python")

x, y = sp.symbols("x y")
i, k, n = sp.symbols("i k n", integer=True)
X, c = sp.IndexedBase("X"), sp.IndexedBase("c")
CLOSED = {
    "gamma": (sp.gamma(x), [[0.3], [4.7], [-2.5], [60.1]]), "loggamma": (sp.loggamma(x), [[0.3], [4.7], [1e5]]),
    "digamma": (sp.digamma(x) ** 2, [[0.3], [4.7], [-1.3]]), "trigamma": (sp.trigamma(x) ** 2, [[0.3], [4.7], [-1.3]]),
    "factorial": (sp.factorial(x), [[0.3], [4.7]]), "harmonic": (sp.harmonic(x), [[0.3], [4.7]]), "catalan": (sp.catalan(x), [[2.5]]),
    "beta": (sp.beta(x, y), [[0.7, 2.3], [40.0, 21.5]]), "binomial": (sp.binomial(x, y), [[7.5, 2.3], [90.1, 40.6]]),
    "binomial of a small number": (sp.binomial(x, 3), [[-1.5], [2.25], [7.3]]), "rising": (sp.rf(x, y), [[1.7, 2.2]]), "falling": (sp.ff(x, y), [[7.7, 2.2]]),
    "log of gamma": (sp.log(sp.gamma(x)), [[300.0], [-1.5]]), "log of a ratio": (sp.log(sp.gamma(x + 0.5) / sp.gamma(x) / y), [[300.0, 2.0]]),
    "log of a beta": (sp.log(sp.beta(x, y)), [[3000.5, 2000.2], [0.2, 3.0]]), "log of a binomial": (sp.log(sp.binomial(x + y, x)), [[3000.5, 2000.2], [3.0, 2.0]]),
}  # fmt: skip


@pytest.mark.parametrize("name", CLOSED)
def test_value_gradient_and_hessian_are_those_of_many_digits(name):
    expression, points = CLOSED[name]
    J = so.Cost(expression)
    symbols = sp.symbols([p.name for p in J.params])
    function = sp.lambdify(symbols, expression.rewrite(sp.gamma), "mpmath")
    for point in points:
        with mp.workdps(60):
            exact = mp.mpf(function(*map(mp.mpf, point)).real)
            slopes = [
                mp.diff(function, tuple(map(mp.mpf, point)), order).real
                for order in np.eye(len(point), dtype=int).tolist()
            ]
        assert J.value(point) == pytest.approx(float(exact), rel=1e-13)
        np.testing.assert_allclose(J.grad(point), [float(slope) for slope in slopes], rtol=1e-12)
        assert name.startswith("log of a") or J.check(point, digits=11).ok


def test_factorials_and_binomial_coefficients_of_indices():
    J = so.Cost(sp.Sum(x**k / sp.factorial(k), (k, 0, 40)))
    assert J.value([1.3]) == pytest.approx(math.exp(1.3), rel=1e-15)
    root = so.Cost(sp.Sum(sp.binomial(sp.Rational(1, 2), k) * x**k, (k, 0, 60)))
    assert root.value([0.3]) == pytest.approx(math.sqrt(1.3), rel=1e-14)
    assert root.grad([0.3]) == pytest.approx(0.5 / math.sqrt(1.3), rel=1e-13)


def test_a_bernstein_polynomial():
    weights = sp.binomial(n - 1, k) * y**k * (1 - y) ** (n - 1 - k)
    J = so.Cost(sp.Sum(X[k] * weights, (k, 0, n - 1)), params=[X, y])
    heights = [1.0, 2.0, 0.5, 0.3]
    exact = sum(h * math.comb(3, a) * 0.4**a * 0.6 ** (3 - a) for a, h in enumerate(heights))
    assert J.value([*heights, 0.4]) == pytest.approx(exact, rel=1e-14)
    assert J.check([*heights, 0.4]).ok


def test_a_poisson_likelihood_of_large_counts():
    term = x - c[i] * sp.log(x) + sp.log(sp.factorial(c[i]))
    J = so.Cost(sp.Sum(term, (i, 0, n - 1)), params=x, data={c: np.array([1.0, 200.0, 3.0])})
    exact = 7.5 - 204 * math.log(2.5) + math.lgamma(2) + math.lgamma(201) + math.lgamma(4)
    assert J.value([2.5]) == pytest.approx(exact, rel=1e-14)
    assert J.grad([2.5]) == pytest.approx(3 - 204 / 2.5)


@pytest.mark.parametrize(
    ("expression", "point", "words"),
    [
        (sp.gamma(x), [-2.0], "gamma of -2, which is infinite"), (sp.loggamma(x), [-0.5], "loggamma of -0.5"),
        (sp.digamma(x), [0.0], "digamma of 0"), (sp.binomial(x, y), [0.5, 1.5], "binomial of 0.5 and 1.5"),
    ],
)  # fmt: skip
def test_where_there_is_no_value_the_reason_is_said(expression, point, words):
    J = so.Cost(expression)
    assert not np.isfinite([J.value(point), *J.grad(point)]).any()
    assert words in so.minimize(J, so.gd(eta=0.1), point, 3).reason


def test_higher_polygamma_functions_are_refused(refused):
    refused(lambda: so.Cost(sp.polygamma(2, x)), so.UnsupportedError, "order 2", "trigamma")
