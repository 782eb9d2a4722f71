"""What the loops of a cost with sums are made of: what is shared, stored, read back, and done in one pass."""

import re

import numpy as np
import pytest
import sympy as sp

import symopt as so

i, j, k, n, m, d, h = sp.symbols("i j k n m d h", integer=True)
x, X, t, W, v, H = (sp.IndexedBase(name) for name in ("x", "X", "t", "W", "v", "H"))
RNG = np.random.default_rng(0)
DATA = {X: RNG.normal(size=(40, 3)), t: RNG.choice([-1.0, 1.0], size=40)}
RESIDUAL, LEAP = 100 * (x[i + 1] - x[i] ** 2) ** 2, (1 - x[i]) ** 2


def own_lines(source: str) -> str:
    """Return the part of a kernel's source that is not a copied helper."""
    return source[source.index("def one(") :]


def test_a_seed_that_is_known_shares_the_loop_of_the_value():
    z = sp.Sum(X[k, j] * x[j], (j, 0, d - 1))
    J = so.Cost(sp.Sum(sp.log(1 + sp.exp(-t[k] * z)), (k, 0, m - 1)) / m, params=x, data=DATA)
    lines = own_lines(J.source)
    assert len(re.findall(r"= softplus\(|= fma\(.*softplus\(", lines)) == 1
    assert lines.count("sigmoid(") == 1
    assert lines.count("_strip in range") == 1
    # under a root the value has to be known first: two loops
    J = so.Cost(sp.sqrt(sp.Sum(sp.exp(z), (k, 0, m - 1))), params=x, data={X: DATA[X]})
    assert own_lines(J.source).count("_strip in range") == 2


def test_what_is_stored_is_read_back():
    """The slope of tanh is stored beside it: one tanh for value and gradient, whose argument is not summed again."""
    layer = sp.tanh(sp.Sum(W[j, i] * X[k, i], (i, 0, d - 1)))
    loss = sp.Sum((sp.Sum(H[k, j] * v[j], (j, 0, h - 1)) - t[k]) ** 2, (k, 0, m - 1)) / m
    J = so.Cost(loss, params=(W, v), data=DATA, where={H[k, j]: layer})
    assert own_lines(J.source).count("tanh(") == own_lines(J.source).count("sech2(") == 1
    nested = so.Cost(loss.xreplace({H[k, j]: layer}), params=(W, v), data=DATA)
    point = RNG.normal(size=4 * (3 + 1))
    shapes = {W: point[:12].reshape(4, 3), v: point[12:]}
    np.testing.assert_allclose(J.grad(shapes), nested.grad(shapes), rtol=1e-12)
    assert own_lines(nested.source).count("tanh(") > 1


ONE_PASS = {
    "chain": sp.Sum(RESIDUAL + LEAP, (i, 0, n - 2)),
    "its terms the other way round": sp.Sum(sp.Add(LEAP, RESIDUAL, evaluate=False), (i, 0, n - 2)),
    "mean": sp.Sum((x[i + 1] - x[i]) ** 2, (i, 0, n - 2)) / n,
    "stencil": sp.Sum((x[i + 2] - 2 * x[i + 1] ** 2 + x[i]) ** 2, (i, 0, n - 3)),
    "separable": sp.Sum((i + 1) * x[i] ** 4, (i, 0, n - 1)),
}
TWO_PASSES = {
    "ends": sp.Sum((x[i + 1] - x[i]) ** 2, (i, 0, n - 2)) + x[0] ** 2 + x[n - 1] ** 4,
    "logarithm": sp.log(1 + sp.Sum((x[i + 1] - x[i]) ** 2, (i, 0, n - 2))),
    "nested": sp.Sum(sp.Sum((x[i] - x[j]) ** 2, (j, 0, i)), (i, 0, n - 1)),
}


@pytest.mark.parametrize("name", [*ONE_PASS, *TWO_PASSES])
@pytest.mark.parametrize("size", [3, 40, 100])
def test_a_step_is_along_the_gradient_whatever_the_passes(name, size):
    J = so.Cost({**ONE_PASS, **TWO_PASSES}[name], params=x)
    start = np.random.default_rng(size).uniform(-1, 1, size)
    run = so.minimize(J, so.gd(eta=2.0**-12), start, 1)
    slope = (start - run.theta) * 2.0**12
    np.testing.assert_allclose(slope, J.grad(start), rtol=1e-9, atol=1e-10)
    assert ("def iterate(" in run.source) == (name in ONE_PASS)


def test_texts_in_any_order_of_terms_are_one_pass_too():
    for text in ("100*(x[i+1]-x[i]^2)^2 + (1-x[i])^2", "(1-x[i])^2 + 100*(x[i+1]-x[i]^2)^2"):
        J = so.parse(f"sum({text}, i, 0, n-2)")
        start = np.linspace(-1, 1, 50)
        run = so.minimize(J, so.gd(eta=2.0**-12), start, 1)
        assert "def iterate(" in run.source
        np.testing.assert_allclose(
            (start - run.theta) * 2.0**12, J.grad(start), rtol=1e-9, atol=1e-10
        )


def test_a_failed_step_leaves_the_last_finite_theta_in_one_pass_and_in_two():
    for expression in (ONE_PASS["chain"], TWO_PASSES["ends"]):
        J = so.Cost(expression, params=x)
        start = np.full(50, 2.0)
        run = so.minimize(J, so.momentum(eta=5.0), start, 50, limit=1e6)
        assert run.status == "diverged"
        path = run.history["theta"].values
        np.testing.assert_array_equal(path[run.steps], run.theta)
        alone = so.minimize(J, so.momentum(eta=5.0), start, run.steps, limit=1e300)
        np.testing.assert_array_equal(alone.theta, run.theta)
        assert run.loss == alone.loss == J.value(run.theta)


def test_the_bytes_of_a_run_do_not_depend_on_where_its_arrays_begin():
    """Sizes that are no multiple of a cache line, and starts in other places of memory."""
    J = so.Cost(ONE_PASS["chain"], params=x)
    for size in (31, 32, 33, 63, 64, 65, 97):
        start = np.random.default_rng(1).uniform(-1, 1, size + 3)
        runs = [
            so.minimize(J, so.adam(eta=0.01), start[shift : shift + size], 20) for shift in range(3)
        ]
        again = [
            so.minimize(J, so.adam(eta=0.01), start[shift : shift + size].copy(), 20)
            for shift in range(3)
        ]
        for one, other in zip(runs, again, strict=True):
            np.testing.assert_array_equal(one.theta, other.theta)
