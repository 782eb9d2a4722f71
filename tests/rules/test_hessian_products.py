"""hvp(point, v) in a rule: the Hessian times a vector, in every kind of kernel and beside NumPy."""

import numpy as np
import pytest
import sympy as sp

import symopt as so

i, n, k, m = sp.symbols("i n k m", integer=True)
th, X = sp.IndexedBase("theta"), sp.IndexedBase("X")
CHAIN = so.Cost(
    sp.Sum(100 * (th[i + 1] - th[i] ** 2) ** 2 + (1 - th[i]) ** 2, (i, 0, n - 2)), params=th
)


def written(size):
    z = sp.symbols(f"z:{size}")
    return so.Cost(
        sum(100 * (z[k + 1] - z[k] ** 2) ** 2 + (1 - z[k]) ** 2 for k in range(size - 1)), params=z
    )


@so.rule
def exact_line_search(theta, *, grad, hvp, dot):
    g = grad(theta)
    return theta - dot(g, g) / dot(g, hvp(theta, g)) * g


@so.rule
def newton_cg(theta, *, grad, hvp, dot):
    """Three steps of conjugate gradients on H*p = -g."""
    g = grad(theta)
    p, r, d = 0, -g, -g
    for _ in range(3):
        bent = hvp(theta, d)
        a = dot(r, r) / dot(d, bent)
        p, after = p + a * d, r - a * bent
        r, d = after, after + dot(after, after) / dot(r, r) * d
    return theta + p


def line_search_in_numpy(cost, theta):
    g = cost.grad(theta)
    return theta - g @ g / (g @ cost.hvp(theta, g)) * g


def newton_cg_in_numpy(cost, theta):
    g = cost.grad(theta)
    p, r, d = 0, -g, -g
    for _ in range(3):
        bent = cost.hvp(theta, d)
        a = (r @ r) / (d @ bent)
        p, after = p + a * d, r - a * bent
        r, d = after, after + (after @ after) / (r @ r) * d
    return theta + p


RULES = [(exact_line_search, line_search_in_numpy), (newton_cg, newton_cg_in_numpy)]


@pytest.mark.usefixtures("in_python")
@pytest.mark.parametrize(("rule", "step"), RULES, ids=["line search", "Newton-CG"])
@pytest.mark.parametrize(
    ("cost", "size"), [(written(4), 4), (written(7), 7), (CHAIN, 7)], ids=["4", "7", "sum"]
)
def test_alone_and_in_lanes_the_steps_are_those_of_numpy(cost, size, rule, step):
    starts = np.linspace(0.2, 0.8, size) + np.array([[0.0], [0.1], [0.3]])
    want = starts[1]
    for _ in range(3):
        want = step(cost, want)
    alone = so.minimize(cost, rule, starts[1], 3)
    np.testing.assert_allclose(alone.theta, want, rtol=1e-9)
    together = so.sweep(cost, rule, starts, 3)[rule.name]
    np.testing.assert_array_equal(together["theta"][1], alone.theta)


def test_machine_code_has_the_bits_of_its_source_in_plain_python():
    from properties.rule_cost_bits import in_plain_python

    for cost, size in ((written(3), 3), (written(6), 6), (CHAIN, 6), (CHAIN, 501)):
        start = np.linspace(0.2, 0.8, size)
        compiled = so.minimize(cost, exact_line_search, start, 3)
        with in_plain_python():
            plain = so.minimize(cost, exact_line_search, start, 3)
        np.testing.assert_array_equal(compiled.theta, plain.theta)
        assert not np.array_equal(compiled.theta, start)


@pytest.mark.usefixtures("in_python")
def test_conjugate_gradients_solve_a_quadratic_of_three_parameters_in_one_step():
    cost = so.parse("x^2 + 5*y^2 + 30*z^2 + x*y + y*z - 3*x + z")
    theta = so.minimize(cost, newton_cg, [1.0, -2.0, 3.0], 1).theta
    np.testing.assert_allclose(cost.grad(theta), 0, atol=1e-10)


@pytest.mark.usefixtures("in_python")
def test_hutchinson_s_estimate_is_the_diagonal_of_a_separable_cost():
    """xi*(H xi) is diag(H) where H is diagonal and xi holds signs: a step is Newton's."""

    @so.rule
    def sophia_like(theta, *, grad, hvp, normal, eta=0.5):
        xi = sp.sign(normal())
        return theta - eta * grad(theta) / (xi * hvp(theta, xi))

    cost, start = so.parse("cosh(x) + exp(2*y) - y + z^4"), np.array([1.0, 0.5, 2.0])
    want = start - 0.5 * cost.grad(start) / np.diag(cost.hessian(start))
    moved = so.minimize(cost, sophia_like, start, 1, rng=4).theta
    np.testing.assert_allclose(moved, want, rtol=1e-13)


@pytest.mark.usefixtures("in_python")
def test_a_mini_batch_shows_its_own_hessian():
    """An epoch of batches has the Hessian of all samples as its mean."""
    y = sp.Symbol("y")
    data = 2.0 ** np.arange(8)
    cost = so.Cost(sp.Sum(X[k] * y**2 / 2, (k, 0, m - 1)), params=y, data={X: data}, samples=k)

    @so.rule
    def curved(theta, *, hvp, grad):
        return theta - hvp(theta, 1) + 0 * grad(theta)

    run = so.minimize(cost, curved, [0.0], 4, batch=2, record=True, rng=1)
    seen = -np.diff(run.history["theta"].values[:, 0])
    assert len(set(seen)) == 4
    assert seen.mean() == pytest.approx(data.sum())


@pytest.mark.usefixtures("in_python")
def test_wrappers_that_change_the_cost_change_its_hessian():
    hill, bowl = so.parse("-cosh(x) - x*y - 3*y^2"), so.parse("cosh(x) + x*y + 3*y^2")
    decayed = so.parse("cosh(x) + x*y + 3*y^2 + 0.35*(x^2 + y^2)")
    cases = [
        (bowl, so.weight_decay(exact_line_search, 0.7), decayed),
        (hill, so.ascend(exact_line_search), bowl),
    ]
    for cost, wrapped, other in cases:
        found = so.minimize(cost, wrapped, [1.0, -0.5], 2).theta
        want = so.minimize(other, exact_line_search, [1.0, -0.5], 2).theta
        np.testing.assert_allclose(found, want, rtol=1e-12)


def test_where_there_is_no_second_derivative_the_run_says_so():
    run = so.minimize(so.parse("abs(x)*y + x^2 + y^2"), exact_line_search, [0.0, 1.0], 3)
    assert run.status == "non-finite"
    assert "in a Hessian times a vector is nan" in run.reason
    assert "not twice differentiable" in run.reason


def test_its_linear_theory_has_the_curvature_in_it():
    @so.rule
    def curved(theta, *, grad, hvp, eta=0.1):
        return theta - eta * hvp(theta, grad(theta))

    eta, lam = sp.symbols("eta lambda")
    assert sp.expand(so.theory.linearize(curved)[0] - (1 - eta * lam**2)) == 0
    assert so.theory.velocity(curved) == 0
    with pytest.raises(so.RuleError, match="divides by what is 0 there, as the curvature is"):
        so.theory.velocity(exact_line_search)


def test_a_vector_that_is_a_function_is_refused_with_the_call():
    @so.rule
    def wrong(theta, *, grad, hvp):
        return theta - hvp(theta, grad)

    with pytest.raises(so.RuleError, match=r"expected hvp\(theta, grad\(theta\)\)"):
        so.inspect(wrong, "expression")
