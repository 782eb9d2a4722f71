"""Rules: the textbook's against ten lines of NumPy, the user's own, and what every rule must do."""

import numpy as np
import pytest
import sympy as sp

import symopt as so

J = so.parse("100*(y-x^2)^2 + (1-x)^2")
START = np.array([-1.2, 1.0])


def slope(theta):
    x, y = theta
    return np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])


def numpy_path(step, steps, *state):
    """Follow step(theta, t, *state) -> (theta, *state) from the start."""
    theta, path = START.copy(), [START.copy()]
    for t in range(1, steps + 1):
        theta, *state = step(theta, t, *state)
        path.append(theta)
    return np.array(path)


def textbook(eta):
    """Return each rule as a step in NumPy, with its initial state."""
    zero = np.zeros(2)

    def momentum(theta, t, m, at=0.0):
        m = 0.9 * m - eta * slope(theta + at * m)
        return theta + m, m

    def adam(theta, t, m, v):
        g = slope(theta)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        return theta - eta * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v

    def nadam(theta, t, m, v, P):
        g = slope(theta)
        mu, following = (0.9 * (1 - 0.5 * 0.96 ** (0.004 * k)) for k in (t, t + 1))
        m, v, P = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g, P * mu
        look = following * m / (1 - P * following) + (1 - mu) * g / (1 - P)
        return theta - eta * look / (np.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v, P

    def adagrad(theta, t, s):
        s = s + slope(theta) ** 2
        return theta - eta * slope(theta) / np.sqrt(s + 1e-8), s

    def rmsprop(theta, t, v):
        v = 0.9 * v + 0.1 * slope(theta) ** 2
        return theta - eta * slope(theta) / np.sqrt(v + 1e-8), v

    return {
        "gd": (lambda theta, t: (theta - eta * slope(theta),),),
        "momentum": (momentum, zero),
        "nesterov": (lambda theta, t, m: momentum(theta, t, m, at=0.9), zero),
        "adagrad": (adagrad, zero),
        "rmsprop": (rmsprop, zero),
        "adam": (adam, zero, zero),
        "nadam": (nadam, zero, zero, 1.0),
    }


@pytest.mark.parametrize("name", textbook(0.1))
def test_the_textbook_in_numpy(name):
    eta = 2e-4 if name in ("gd", "momentum", "nesterov") else 1e-3
    step, *state = textbook(eta)[name]
    want = numpy_path(step, 100, *state)
    got = so.minimize(J, so.optimizers[name](eta=eta), START, 100).history["theta"].values
    np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-11)


def test_every_textbook_rule_is_compared():
    assert set(textbook(0.1)) == set(so.optimizers)


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
        new = theta - 1e-4 * slope(theta - 1e-4 * slope(theta)) + 0.1 * (theta - prev) - 0.001 * g0 / k
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
    plain = so.minimize(so.parse("x^2 + 3*y^2"), so.gd(eta=0.1), [1.0, -1.0], 10).history["theta"].values
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
    assert {state.name: state.vector for state in update.states} == {"m": True, "v": True, "P": False}


def test_states_of_unused_options_are_dropped():
    names = lambda rule: [state.name for state in rule.update.states]
    assert names(so.rmsprop) == ["v"]
    assert names(so.rmsprop(centered=True)) == ["v", "a"]
    assert names(so.rmsprop(momentum=0.9)) == ["v", "m"]


def test_the_equations_are_shown_as_they_were_written():
    assert r"m' &\leftarrow \beta m - \eta \nabla J\left(\beta m + \theta\right)" in so.nesterov.latex()
    assert so.nesterov._repr_latex_().startswith("$\\displaystyle \\begin{aligned}")
    theta, m = sp.Symbol("theta'", real=True), sp.Symbol("m'", real=True)
    assert so.nesterov.equations[theta] == sp.Symbol("theta", real=True) + m
    assert repr(so.nesterov(eta=0.5)) == "nesterov(eta=0.5, beta=0.9, shifted=False, weight_decay=None)"


COMMON = {name: so.optimizers[name] for name in so.optimizers}


@pytest.mark.parametrize("name", COMMON)
def test_converges_on_a_quadratic_and_on_rosenbrock_at_some_eta(name):
    grid = np.geomspace(1e-4, 1, 25)
    quadratic = so.sweep(so.parse("x^2 + 10*y^2"), COMMON[name](eta=grid), [1.0, -1.0], 2000, best=True)[name]
    assert float(quadratic["best_loss"].min()) < 1e-4
    valley = so.sweep(J, COMMON[name](eta=grid), START, 20_000)[name]
    assert float(valley["best_loss"].min()) < 1e-2


@pytest.mark.parametrize("name", COMMON)
def test_a_stationary_point_is_not_left(name):
    run = so.minimize(so.parse("x^2 + 10*y^2"), COMMON[name], [0.0, 0.0], 50)
    assert run.theta.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("name", COMMON)
def test_coordinates_may_be_exchanged(name):
    one = so.minimize(so.parse("x^4 + 10*y^2 + x*y", params=["x", "y"]), COMMON[name], [1.0, 2.0], 50).theta
    other = so.minimize(so.parse("x^4 + 10*y^2 + x*y", params=["y", "x"]), COMMON[name], [2.0, 1.0], 50).theta
    np.testing.assert_array_equal(one, other[::-1])


@pytest.mark.parametrize("name", COMMON)
@pytest.mark.parametrize("n", [1, 2, 100])
def test_any_number_of_parameters(name, n):
    z = sp.symbols(f"z:{n}")
    run = so.minimize(so.Cost(sum(s**2 for s in z), params=z), COMMON[name](eta=1e-3), np.ones(n), 20)
    assert run.theta.shape == (n,)
    assert run.loss < n
    np.testing.assert_array_equal(run.theta, run.theta[0])


@pytest.mark.parametrize("name", ["adagrad", "rmsprop", "adam", "nadam"])
def test_scaling_the_cost_by_a_power_of_two_changes_no_bit(name):
    rule = COMMON[name](epsilon=0.0)
    one = so.minimize(J, rule, START, 200).theta
    other = so.minimize(so.Cost(2**20 * J.expression), rule, START, 200).theta
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", COMMON)
def test_the_docstring_says_what_the_issue_of_conventions_needs(name):
    doc = COMMON[name].doc
    assert "Libraries:" in doc
    assert "theta <-" in doc
    assert any(str(year) in doc.splitlines()[0] for year in range(1847, 2027))


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
