"""Rules of one's own: against NumPy, their states, their schedules, and how they are shown."""

import numpy as np
import pytest
import sympy as sp

import symopt as so

J = so.parse("100*(y-x^2)^2 + (1-x)^2")
START = np.array([-1.2, 1.0])


def slope(theta):
    x, y = theta
    return np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])


@so.rule(m=0, v="floor")
def clipped(theta, m, v, *, grad, t, T, norm, dot, mean, eta=0.05, beta=0.9, clip=1.0, floor=0.5):
    """Heavy ball on clipped gradients, its step scaled by an average of their size, fading out."""
    g = grad(theta)
    g = g * sp.Min(1, clip / norm(g))
    v = beta * v + (1 - beta) * mean(g**2)
    m = beta * m - eta * (1 - t / T) * g / sp.sqrt(v) - eta * dot(g, m) * sp.sign(m)
    return theta + m, m, v


@pytest.mark.parametrize("n", [2, 4, 5, 40])
def test_a_rule_of_one_s_own_equals_its_numpy_version(n):
    weights = np.arange(1, n + 1) / n
    z = sp.symbols(f"z:{n}")
    cost = so.Cost(sum(float(w) * (s - 1) ** 4 for w, s in zip(weights, z, strict=True)), params=z)
    theta, m, v, T = np.linspace(-1, 2.5, n), np.zeros(n), 0.5, 60
    run = so.minimize(cost, clipped(eta=0.1), theta, T)
    for t in range(1, T + 1):
        g = 4 * weights * (theta - 1) ** 3
        g = g * min(1, 1.0 / np.linalg.norm(g))
        v = 0.9 * v + 0.1 * np.mean(g**2)
        m = 0.9 * m - 0.1 * (1 - t / T) * g / np.sqrt(v) - 0.1 * np.dot(g, m) * np.sign(m)
        theta = theta + m
    np.testing.assert_allclose(run.theta, theta, rtol=1e-9, atol=1e-12)


def test_gradients_at_several_points_and_starting_states():
    @so.rule(prev=so.theta0, g0=so.grad0, k=3)
    def extra(theta, prev, g0, k, *, grad, eta=0.01):
        half = theta - eta * grad(theta)
        new = theta - eta * grad(half) + 0.1 * (theta - prev) - 0.001 * g0 / k
        return new, theta, grad(theta), k + 1

    theta, prev, g0, k = START, START, slope(START), 3
    for _ in range(20):
        new = (
            theta
            - 1e-4 * slope(theta - 1e-4 * slope(theta))
            + 0.1 * (theta - prev)
            - 0.001 * g0 / k
        )
        theta, prev, g0, k = new, theta, slope(theta), k + 1
    run = so.minimize(J, extra(eta=1e-4), START, 20)
    np.testing.assert_allclose(run.theta, theta, rtol=1e-12)
    assert run.gradient_evaluations == 2 * 20 + 1


def test_an_averaging_rule_reports_its_average():
    @so.rule(iterate="x", x=so.theta0)
    def averaged(theta, x, *, grad, t, eta=0.01):
        theta = theta - eta * grad(theta)
        return theta, x + (theta - x) / (t + 1)

    run = so.minimize(so.parse("x^2 + 3*y^2"), averaged(eta=0.1), [1.0, -1.0], 10)
    plain = (
        so.minimize(so.parse("x^2 + 3*y^2"), so.gd(eta=0.1), [1.0, -1.0], 10)
        .history["theta"]
        .values
    )
    np.testing.assert_allclose(run.theta, plain.mean(axis=0), rtol=1e-13)
    assert run.loss == pytest.approx(run.theta[0] ** 2 + 3 * run.theta[1] ** 2)
    np.testing.assert_allclose(run.history["theta"].values[-1], run.theta)


def test_a_schedule_is_evaluated_each_step():
    run = so.minimize(so.parse("x"), so.gd(eta=0.1 / sp.sqrt(so.t) * (1 - so.t / so.T)), [0.0], 10)
    want = -sum(0.1 / np.sqrt(t) * (1 - t / 10) for t in range(1, 11))
    assert run.theta[0] == pytest.approx(want, rel=1e-14)


def test_powers_of_the_step_are_running_products():
    source = so.minimize(J, so.nadam(eta=0.1 * 0.96 ** (so.t / 250)), START, 1).source
    assert "pow(" not in source
    assert "exp(" not in source


def test_a_state_that_no_gradient_touches_is_one_number():
    update = so.nadam.update
    assert {state.name: state.vector for state in update.states} == {
        "m": True,
        "v": True,
        "P": False,
    }


def test_states_of_unused_options_are_dropped():
    names = lambda rule: [state.name for state in rule.update.states]
    assert names(so.rmsprop) == ["v"]
    assert names(so.rmsprop(centered=True)) == ["v", "a"]
    assert names(so.rmsprop(momentum=0.9)) == ["v", "m"]


def test_the_equations_are_shown_as_they_were_written():
    assert (
        r"m' &\leftarrow \beta\,m - \eta\,\nabla J\left(\beta\,m + \theta\right)"
        in so.nesterov.latex()
    )
    assert so.nesterov._repr_latex_().startswith("$\\displaystyle \\begin{aligned}")
    theta, m = sp.Symbol("theta'", real=True), sp.Symbol("m'", real=True)
    assert so.nesterov.equations[theta] == sp.Symbol("theta", real=True) + m
    assert repr(so.nesterov(eta=0.5)) == "nesterov(eta=0.5, beta=0.9, shifted=False)"


def test_names_of_the_equations_are_not_hyperparameters():
    """They would be taken for the number of parameters, the step, the mean."""

    def averaged(theta, *, grad, n=0.9):
        return theta - n * grad(theta)

    def stepped(theta, *, grad, t=0.9):
        return theta - t * grad(theta)

    def counted(theta, n, *, grad):
        return theta - n * grad(theta), n

    for function, states in ((averaged, {}), (stepped, {}), (counted, {"n": 0})):
        with pytest.raises(so.RuleError, match="is what symopt's own equations call something"):
            so.rule(**states)(function)
