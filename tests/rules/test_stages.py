"""What a rule may ask of all parameters at once: values, matrices, random numbers; in every kind of kernel."""

import numpy as np
import pytest
import sympy as sp

import symopt as so

i, n = sp.symbols("i n", integer=True)
th = sp.IndexedBase("theta")
CHAIN = so.Cost(
    sp.Sum(100 * (th[i + 1] - th[i] ** 2) ** 2 + (1 - th[i]) ** 2, (i, 0, n - 2)),
    params=th,
    optimal_value=0.0,
)
START = np.linspace(0.2, 0.8, 7)


def written(size):
    z = sp.symbols(f"z:{size}")
    terms = [100 * (z[k + 1] - z[k] ** 2) ** 2 + (1 - z[k]) ** 2 for k in range(size - 1)]
    return so.Cost(sum(terms), params=z, optimal_value=0.0)


@so.rule(last=0)
def by_value(theta, last, *, grad, value, optimal_value, eta=1e-4, share=0.5):
    """Asks for J where it is looked at anyway, ahead, and for the smallest J."""
    g = grad(theta)
    ahead = value(theta - share * eta * g)
    return theta - eta * g * (1 + ahead / (1 + value(theta)) - optimal_value) + 0 * last, ahead


def by_value_in_python(cost, theta, steps, eta=1e-4, share=0.5):
    for _ in range(steps):
        g = cost.grad(theta)
        theta = theta - eta * g * (
            1 + cost.value(theta - share * eta * g) / (1 + cost.value(theta))
        )
    return theta


@pytest.mark.parametrize(
    "cost", [written(2), written(4), written(7), CHAIN], ids=["2", "4", "7", "sum"]
)
def test_the_value_of_the_cost_at_any_point(cost):
    start = START[: cost.size] if cost is not CHAIN else START
    want = by_value_in_python(cost, start, 40)
    alone = so.minimize(cost, by_value(), start, 40)
    np.testing.assert_allclose(alone.theta, want, rtol=1e-12)
    many = so.sweep(cost, by_value(eta=[1e-5, 1e-4]), np.array([start, start + 0.1]), 40)[
        "by_value"
    ]
    np.testing.assert_array_equal(many["theta"].sel(eta=1e-4, start=0), alone.theta)


def test_a_mini_batch_shows_its_own_value():
    """theta - value(theta): the value of the batch at hand, whether or not the loss of all samples is recorded."""
    k, m, y = *sp.symbols("k m", integer=True), sp.Symbol("y")
    X = sp.IndexedBase("X")
    data = np.arange(1.0, 9.0)
    cost = so.Cost(sp.Sum(X[k] + 1e-300 * y, (k, 0, m - 1)), params=y, data={X: data}, samples=k)

    @so.rule()
    def seen(theta, *, value, grad):
        return theta - value(theta) + 0 * grad(theta)

    every = so.minimize(cost, seen, [0.0], 40, batch=2, record=True, rng=1)
    some = so.minimize(cost, seen, [0.0], 40, batch=2, record=[40], rng=1)
    np.testing.assert_array_equal(every.theta, some.theta)
    values = -np.diff(every.history["theta"].values[:, 0])
    assert len(set(values)) > 5
    assert values[:4].sum() == pytest.approx(
        4 * data.sum()
    )  # an epoch of four batches, each times m/B


@pytest.mark.usefixtures("in_python")
@pytest.mark.parametrize("size", [1, 2, 5, pytest.param(9, marks=pytest.mark.slow)])
def test_newton_s_step_solves_the_equations(size):
    z = sp.symbols(f"z:{size}")
    weights = np.random.default_rng(size).normal(size=(size, size))
    inner = [sum(float(w) * s for w, s in zip(row, z, strict=True)) for row in weights]
    cost = so.Cost(sum(sp.cosh(u) + u**3 / 5 for u in inner), params=z)
    start = np.random.default_rng(0).normal(size=(6, size))
    for rule, damping in ((so.newton(eta=0.5), 0.0), (so.damped_newton(eta=0.5, damping=2.0), 2.0)):
        moved = so.sweep(cost, rule, start, 1)[rule.name]["theta"].values
        matrices = cost.hessian(start) + damping * np.eye(size)
        want = start - 0.5 * np.linalg.solve(matrices, cost.grad(start)[..., None])[..., 0]
        np.testing.assert_allclose(moved, want, rtol=1e-8, atol=1e-8)


def test_rows_are_exchanged_where_a_pivot_is_zero():
    cost = so.parse("x*y + (x-1)*z + z^2/2 + x + 2*y")
    want = [1.0, 1.0, 1.0] - np.linalg.solve(cost.hessian([1, 1, 1]), cost.grad([1, 1, 1]))
    np.testing.assert_allclose(
        so.minimize(cost, so.newton(), [1.0, 1.0, 1.0], 1).theta, want, rtol=1e-14
    )


def test_a_singular_matrix_is_a_status():
    run = so.minimize(so.parse("(x+y)^2"), so.newton(), [1.0, 2.0], 10)
    assert run.status == "non-finite"
    assert run.theta.tolist() == [1.0, 2.0]


def test_gauss_newton_against_least_squares():
    cost = so.parse("3*(exp(a*x) - y)^2 + (a - x*y)^2/2 + (a*y)^4 + 7", params=["x", "y", "a"])
    start = np.array([0.3, -0.4, 0.8])
    x, y, a = start
    e = np.exp(a * x)
    residuals = np.sqrt([3, 0.5, 1]) * [e - y, a - x * y, (a * y) ** 2]
    slopes = np.sqrt([3, 0.5, 1])[:, None] * np.array([
        [a * e, -1, x * e], [-y, -x, 1], [0, 2 * a * y * a, 2 * a * y * y],
    ])  # fmt: skip
    want = start - np.linalg.lstsq(slopes, residuals, rcond=None)[0]
    np.testing.assert_allclose(
        so.minimize(cost, so.gauss_newton(), start, 1).theta, want, rtol=1e-10
    )


_i, _n, _th = *sp.symbols("i n", integer=True), sp.IndexedBase("th")
LOG_BOWL = so.Cost(sp.Sum(sp.log(1 + _th[_i] ** 2), (_i, 0, _n - 1)), params=_th)
NEEDS = {
    "a sum of no squares": (
        LOG_BOWL,
        so.gauss_newton,
        "a cost that is written as a sum of squares, as in sympy.Sum",
    ),
    "no squares": (
        so.parse("x^4 + exp(y)"),
        so.gauss_newton,
        "gauss_newton needs a cost that is written as a sum of squares",
    ),
    "too many": (
        written(101),
        so.newton,
        "a matrix of 101 x 101 numbers; expected at most 100 parameters",
    ),
    "no optimum": (
        so.parse("x^2 + y^2"),
        so.polyak_step,
        "polyak_step needs the smallest value of J: give it to the cost",
    ),
}


@pytest.mark.filterwarnings("ignore:the cost has")
@pytest.mark.parametrize("case", NEEDS)
def test_a_rule_says_what_the_cost_lacks(case):
    cost, rule, words = NEEDS[case]
    start = np.ones(101 if case == "too many" else 2)
    for run in (so.minimize, so.sweep):
        with pytest.raises(so.RuleError) as error:
            run(cost, rule, start, 5)
        assert words in str(error.value)


def test_squares_are_found_or_not_but_soon():
    found = lambda text: len(so.parse(text).squares)
    assert found("(1-x)^2/3 + 100*(y-x^2)^4 - 7") == 2
    assert found("(x-1)^2*(y+2)^2") == 1
    assert found("sqrt(x^2+1)^2 + (x*y)^2") == 2
    assert found("x^3 + y^2") == found("(x-1)^2 + y") == 0
    assert found("*".join(f"(x{k} + 1 + x{k + 1}*y)" for k in range(14))) == 0


def test_a_tolerance_without_a_gradient_is_refused_over_sums():
    @so.rule()
    def drift(theta, *, eta=0.1):
        return theta * (1 - eta)

    with pytest.raises(so.RunError, match="drift takes no gradient"):
        so.minimize(CHAIN, drift(), START, 50, tolerance=1e-3)
    assert so.minimize(CHAIN, drift(), START, 50).steps == 50


def test_asking_for_it_is_stating_it():
    @so.rule()
    def own(theta, *, grad, hessian, solve):
        return theta - solve(2 * hessian(theta), grad(theta))

    assert own.needs == ("hessian",)
    np.testing.assert_allclose(so.minimize(so.parse("x^2"), own, [1.0], 1).theta, 0.5)


def test_a_need_may_be_stated_without_being_used():
    @so.rule(needs=("optimal_value",))
    def own(theta, *, grad, eta=0.1):
        return theta - eta * grad(theta)

    with pytest.raises(so.RuleError, match="needs the smallest value"):
        so.minimize(so.parse("x^2"), own, [1.0])
    with pytest.raises(so.RuleError, match=r"needs='hesian'.*did you mean 'hessian'"):
        so.rule(needs="hesian")(own.function)


SOLVES = {
    "two matrices": lambda hessian, theta, m: hessian(theta) + hessian(m),
    "a square": lambda hessian, theta, m: hessian(theta) ** 2,
    "no matrix": lambda hessian, theta, m: theta,
    "a number without identity": lambda hessian, theta, m: hessian(theta) + 1,
    "a factor for each coordinate": lambda hessian, theta, m: hessian(theta) * theta,
}


@pytest.mark.parametrize("case", SOLVES)
def test_equations_that_cannot_be_solved_here(case):
    def own(theta, m, *, grad, hessian, solve):
        return theta - solve(SOLVES[case](hessian, theta, m), grad(theta)), m

    with pytest.raises(
        so.RuleError, match=r"expected a multiple of hessian|differ from coordinate to coordinate"
    ):
        so.rule(m=0)(own).update


@pytest.mark.parametrize("size", [1, 4, 7])
def test_random_numbers_of_a_rule(size):
    @so.rule()
    def walk(theta, *, normal, grad):
        return theta + normal() + 0 * grad(theta)

    z = sp.symbols(f"z:{size}")
    flat = so.Cost(sum(s * 1e-300 for s in z), params=z)
    steps = np.diff(so.minimize(flat, walk, np.zeros(size), 3000, rng=5).history["theta"], axis=0)
    assert abs(steps.mean()) < 4 / np.sqrt(steps.size)
    assert steps.std() == pytest.approx(1.0, abs=0.04)
    many = so.sweep(flat, walk, np.zeros((3, size)), 50, rng=5)["walk"]["theta"].values
    for k in range(3):
        np.testing.assert_array_equal(
            many[k], so.minimize(flat, walk, np.zeros(size), 50, rng=(5, k)).theta
        )
    assert len({tuple(row) for row in many}) == 3


def test_random_numbers_over_sums_and_beside_the_noise_of_the_gradient():
    @so.rule()
    def walk(theta, *, normal, grad, eta=1.0):
        return theta + normal() - eta * grad(theta)

    flat = so.Cost(sp.Sum(1e-300 * th[i], (i, 0, n - 1)), params=th)
    one = np.diff(
        so.minimize(flat, walk, np.zeros(9), 2000, noise=1.0, record=True).history["theta"], axis=0
    )
    assert one.std() == pytest.approx(np.sqrt(2), abs=0.05)
    assert abs(np.corrcoef(one.T) - np.eye(9)).max() < 0.1


def test_perturbed_gd_leaves_a_saddle_and_waits():
    cost = so.parse("x^2 - y^2 + y^4")
    rule = so.perturbed_gd(eta=0.05, radius=0.01, gradient_threshold=0.001, patience=50)
    run = so.minimize(cost, rule, [0.0, 0.0], 400)
    assert run.loss == pytest.approx(-0.25, abs=1e-3)
    quiet = so.minimize(cost, rule(radius=0.0), [0.0, 0.0], 400)
    assert quiet.theta.tolist() == [0.0, 0.0]
    points = so.minimize(so.parse("x^2"), rule, [0.0], 200).history["theta"].values[:, 0]
    added = np.flatnonzero(
        ~np.isclose(points[1:], 0.9 * points[:-1], rtol=1e-9)
    )  # else a step only shrinks
    assert added.tolist() == [0, 51, 102, 153]


def test_the_valuation_of_the_step():
    from symopt.frontend.valuation import valuation

    cost = so.parse("x")
    steps = -np.diff(
        so.minimize(cost, so.gd(eta=valuation(so.t)), [0.0], 4096).history["theta"].values[:, 0]
    )
    want = [(k & -k).bit_length() - 1 for k in range(1, 4097)]
    np.testing.assert_allclose(steps, want, atol=1e-9)
