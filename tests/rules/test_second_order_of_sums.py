"""Newton's and Gauss-Newton's steps on costs over sums, beside NumPy's own linear algebra."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from properties.test_sum_bits import both

import symopt as so

k, i, m, n = sp.symbols("k i m n", integer=True)
x, y, w, th = map(sp.IndexedBase, ("x", "y", "w", "th"))
a, b, c = sp.symbols("a b c")
RNG = np.random.default_rng(4)
TIMES = np.linspace(0.0, 3.0, 40)
DECAY = 2.5 * np.exp(-1.3 * TIMES) + 0.4 + 0.01 * RNG.normal(size=40)
WEIGHTS = RNG.uniform(0.5, 2.0, 40)
residual = a * sp.exp(-b * x[k]) + c - y[k]
FIT = so.Cost(
    sp.Sum(w[k] * residual**2, (k, 0, m - 1)) / m + (b**2 - a**4 / 50) / 7,
    params=[a, b, c],
    data={x: TIMES, y: DECAY, w: WEIGHTS},
)
CHAIN = so.Cost(
    sp.Sum(100 * (th[i + 1] - th[i] ** 2) ** 2 + (1 - th[i]) ** 2, (i, 0, n - 2)), params=th
)
AT = np.array([2.0, 1.0, 0.1])


def right_gauss_newton(theta: np.ndarray) -> np.ndarray:
    """Return the sum of 2*c*r' r'^T, with the squares b**2/7 and -(a**2)**2/350."""
    a, b, _ = theta
    fall = np.exp(-b * TIMES)
    slopes = np.column_stack([fall, -a * TIMES * fall, np.ones(40)])
    return 2 * slopes.T @ (WEIGHTS[:, None] * slopes) / 40 + np.diag([-8 * a**2 / 350, 2 / 7, 0])


def test_the_gauss_newton_matrix_has_no_second_derivatives_of_residuals():
    found = FIT.bind(AT).exact_matrix("gauss_newton", AT, {})
    np.testing.assert_allclose(found, right_gauss_newton(AT), rtol=1e-12, atol=1e-14)


def test_a_square_of_a_product_is_one():
    """SymPy writes (a*b)**2 as a**2*b**2, and (a*exp(-b*x))**2 as a**2*exp(-2*b*x)."""
    J = so.Cost(
        sp.Sum((a * sp.exp(-b * x[k])) ** 2, (k, 0, m - 1)) + (a * b) ** 2,
        params=[a, b],
        data={x: TIMES[:5]},
    )
    at = np.array([1.5, 0.7])
    fall = np.exp(-at[1] * TIMES[:5])
    slopes = np.vstack([np.column_stack([fall, -at[0] * TIMES[:5] * fall]), [[at[1], at[0]]]])
    found = J.bind(at).exact_matrix("gauss_newton", at, {})
    np.testing.assert_allclose(found, 2 * slopes.T @ slopes, rtol=1e-12)


def test_a_step_solves_the_equations():
    step = AT - np.linalg.solve(right_gauss_newton(AT) + 0.3 * np.eye(3), FIT.grad(AT))
    run = so.minimize(FIT, so.gauss_newton(damping=0.3), AT, steps=1)
    np.testing.assert_allclose(run.theta, step, rtol=1e-12)
    newton = AT - np.linalg.solve(FIT.hessian(AT), FIT.grad(AT))
    np.testing.assert_allclose(so.minimize(FIT, so.newton(), AT, steps=1).theta, newton, rtol=1e-12)


def test_newton_reaches_the_minimum_of_a_chain_in_a_few_steps():
    run = so.minimize(CHAIN, so.newton(), np.full(40, 1.1), steps=9)
    np.testing.assert_allclose(run.theta, 1.0, rtol=1e-12)


@pytest.mark.parametrize("lanes", [1, 3])
def test_the_bits_are_those_of_plain_python(lanes, monkeypatch):
    starts = AT + 0.1 * RNG.normal(size=(4, 3))
    rule = so.damped_newton(eta=0.7, damping=0.01)
    assert both(monkeypatch, lanes, FIT, rule, starts, steps=3).all()


def test_a_run_alone_and_among_others_has_the_same_bits():
    starts, rule = AT + 0.1 * RNG.normal(size=(20, 3)), so.gauss_newton(damping=1e-3)
    together = so.sweep(FIT, rule, starts, steps=4)["gauss_newton"]["theta"]
    for number in (0, 7, 19):
        alone = so.minimize(FIT, rule, starts[number], steps=4)
        np.testing.assert_array_equal(alone.theta, together[number])


def test_a_mini_batch_has_its_own_matrix():
    """Of one sample the Gauss-Newton matrix is that of its own residual."""
    line = so.Cost(
        sp.Sum((a * x[k] + b - y[k]) ** 2, (k, 0, m - 1)),
        data={x: [1.0, 1.0], y: [2.0, 2.0]},
        samples=k,
    )
    rule = so.gauss_newton(damping=1e-3)
    one = so.minimize(line, rule, [0.0, 0.0], steps=1, batch=1, rng=0)
    np.testing.assert_allclose(
        one.theta, so.minimize(line, rule, [0.0, 0.0], steps=1).theta, rtol=1e-12
    )


def test_what_has_no_matrix_says_so():
    bowl = so.Cost(sp.Sum(sp.log(1 + th[i] ** 2), (i, 0, n - 1)), params=th)
    with pytest.raises(so.RuleError, match=r"sum of squares"):
        so.minimize(bowl, so.gauss_newton(), np.ones(3), steps=1)
    with pytest.raises(so.RuleError, match=r"101 x 101.*at most 100"):
        so.minimize(CHAIN, so.newton(), np.ones(101), steps=1)


def test_a_step_that_fails_is_explained():
    flat = so.Cost(sp.Sum(th[i] * x[i], (i, 0, n - 1)), params=th, data={x: [1.0, 2.0]})
    run = so.minimize(flat, so.newton(), [1.0, 1.0], steps=2)
    assert run.status == "non-finite"
    assert "matrix is singular" in run.reason
