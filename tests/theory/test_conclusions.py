"""What theory concludes is so: rates to the last digits, formulas only where they hold, a held state as it is given."""

import dataclasses
import warnings

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import symopt as so
from symopt import theory

ROSENBROCK = so.parse("(1-x)^2 + 100*(y-x^2)^2")
anywhere = lambda rule: dataclasses.replace(rule, ranges={})


@so.rule(i=0, last=0)
def pid(theta, i, last, *, grad, eta=0.1, kp=1.0, ki=0.1, kd=0.1):
    g = grad(theta)
    i = i + g
    return theta - eta * (kp * g + ki * i + kd * (g - last)), i, g


@so.rule(m=0, last=0)
def differenced(theta, m, last, *, grad, eta=0.1, beta=0.9, kd=0.1):
    g = grad(theta)
    m = beta * m - eta * g
    return theta + m - kd * eta * (g - last), m, g


@so.rule(m=0, u=0)
def smoothed_twice(theta, m, u, *, grad, eta=0.01, beta=0.9, rho=0.5):
    m = beta * m + grad(theta)
    u = rho * u + m
    return theta - eta * u, m, u


# roots that lie together


@pytest.mark.parametrize("kappa", [1.5, 2.0, 25.0, 100.0, 146.7, 1234.5, 1e6])
def test_a_double_root_keeps_its_digits(kappa):
    root = np.sqrt(kappa)
    share = (root - 1) / (root + 1)
    polyak = so.momentum(eta=4 / (root + 1) ** 2, beta=share**2)
    wide = np.sqrt(3 * kappa + 1)
    for rule, exact in (
        (so.heavy_ball(eta=1 / kappa, kappa=kappa), share),
        (polyak, share),
        (so.nesterov(eta=1 / kappa, beta=share), 1 - 1 / root),
        (so.nesterov(eta=4 / (3 * kappa + 1), beta=(wide - 2) / (wide + 2)), 1 - 2 / wide),
        (so.triple_momentum(eta=1 / kappa, kappa=kappa), 1 - 1 / root),
    ):
        assert theory.rate(rule, [1.0, kappa]) == pytest.approx(exact, rel=1e-13), rule


def test_optimal_heavy_ball_has_two_thirds():
    rule = so.heavy_ball(eta=1 / 25, kappa=25)
    assert theory.rate(rule, [1, 25]) == pytest.approx(2 / 3, rel=1e-15)
    J = so.parse("(x^2 + 25*y^2)/2")
    assert theory.predict(J, rule, at=[0, 0]).rate == pytest.approx(2 / 3, rel=1e-15)


def test_a_triple_root_keeps_its_digits():
    """(z - a)**3 in a rule with three states, and (z - a)**4 in one with four."""
    third = lambda a: smoothed_twice(eta=(1 - a) ** 3, beta=_others(a)[0], rho=_others(a)[1])
    for a in (0.5, 0.9):
        assert theory.rate(third(a), 1.0) == pytest.approx(_radius(third(a)), rel=1e-12)

    @so.rule(m=0, u=0, w=0)
    def four(theta, m, u, w, *, grad, eta=0.0625, beta=0.5):
        m = grad(theta)
        u = beta * u + m
        return theta - eta * u, m, u, beta * w + u

    assert theory.rate(four, 1.0) == pytest.approx(_radius(four), rel=1e-12)


def _others(a):
    """Return beta and rho with which smoothed_twice has all but one of its roots at a."""
    sum_, product = 3 * a - 1 + (1 - a) ** 3, a**3
    root = np.sqrt(max(sum_**2 - 4 * product, 0.0))
    return (sum_ + root) / 2, (sum_ - root) / 2


def _radius(rule, eigenvalue=1.0):
    """Return the spectral radius by 60 digits, from the matrix in symbols."""
    with mp.workdps(60):
        values = {sp.Symbol(n): mp.mpf(v) for n, v in rule.hyperparameters.items()} | {
            sp.Symbol("lambda"): eigenvalue
        }
        entries = theory.linearize(rule).applyfunc(lambda e: sp.N(e.subs(values), 60))
        roots = mp.eig(mp.matrix(entries.tolist()), left=False, right=False)
        return float(max(abs(root) for root in roots))


@pytest.mark.parametrize(
    "rule", [so.momentum, so.nesterov, so.qhm, smoothed_twice, differenced, pid]
)
def test_a_rate_is_that_of_60_digits(rule):
    rng = np.random.default_rng(1)
    for _ in range(10):
        values = {name: float(rng.uniform(0.05, 0.9)) for name in rule.hyperparameters}
        assert theory.rate(rule(**values), 1.3) == pytest.approx(
            _radius(rule(**values), 1.3), rel=1e-11
        )


def test_an_average_that_fades_beside_theta_has_no_part_in_its_rate():
    """AdaDelta's v and d end by rho; theta does not see them where they are 0."""
    rule = so.adadelta(eta=0.3, rho=0.99)
    assert theory.rate(rule, 2.0) == pytest.approx(0.4)
    assert theory.rate(so.rmsprop(eta=1e-5, rho=0.9, epsilon=1e-8), 2.0) == pytest.approx(0.8)


# a state that is held


@pytest.mark.parametrize(
    ("rule", "state"),
    [(so.adam, "v"), (so.rmsprop, "v"), (so.nadam, "v"), (so.adabelief, "s"), (so.adamax, "u")],
)
def test_a_held_state_is_worth_what_it_is_given_and_never_one(rule, state, refused):
    for ask in (
        lambda held: theory.rate(rule, 1.0, held=held),
        lambda held: theory.escape(rule, 1.0, held=held),
        lambda held: theory.stability_limit(rule, 1.0, held=held),
    ):
        refused(
            lambda ask=ask: ask(state), so.RuleError, f"{state} is held and has no value", "held={"
        )
        assert np.isfinite(ask({state: 0.25}))
    found = theory.predict(ROSENBROCK, rule(eta=0.05), at=[1, 1], held=state)
    assert np.isnan([found.rate, found.limit]).all()
    assert "no value" in repr(found)
    assert theory.predict(ROSENBROCK, rule(eta=0.05), at=[1, 1], held={state: 1.0}).rate > 0


def test_a_formula_with_a_held_state_needs_no_value():
    epsilon, v, d, lam = sp.symbols("epsilon v d lambda")
    limits = [theory.stability_limit(so.adadelta, held=held) for held in ("v", "d", ("v", "d"))]
    exact = [
        sp.sqrt((epsilon + v) / epsilon),
        sp.sqrt(epsilon / (d + epsilon)),
        sp.sqrt((epsilon + v) / (d + epsilon)),
    ]
    values = {epsilon: 0.3, v: 2.0, d: 0.7, lam: 5.0}
    for limit, right in zip(limits, exact, strict=True):
        assert float(limit.subs(values)) == pytest.approx(float((2 * right / lam).subs(values)))


def test_what_adagrad_has_gathered_is_not_nothing(refused):
    refused(lambda: theory.rate(so.adagrad, 1.0), so.RuleError, "s keeps for ever", "held={")
    refused(lambda: theory.stability_limit(so.adagrad), so.RuleError, "s keeps for ever")
    assert "s keeps for ever" in theory.predict(ROSENBROCK, so.adagrad, at=[1, 1]).reason
    assert theory.rate(so.adagrad(eta=0.5, epsilon=0.0), 1.0, held={"s": 4.0}) == pytest.approx(
        0.75
    )


def test_no_error_of_sympy_s_comes_out(refused):
    refused(lambda: theory.stability_limit(so.radam, held="m"), so.RuleError, "not differentiable")
    refused(
        lambda: theory.rate(so.adam(epsilon=0.0), 1.0, held={"v": 0.0}),
        so.RuleError,
        "no finite slope",
    )
    refused(lambda: theory.rate(so.gd(eta=1e308), 1e10), so.RuleError, "no finite slope")


# formulas beside numbers


@pytest.mark.parametrize("rule", [so.damped_newton, so.gauss_newton])
def test_growth_is_a_modulus_by_formula_and_by_number(rule):
    formula = theory.escape(rule)
    for eta, damping, gamma in ((1.5, 0.5, 2.0), (1.0, 0.1, 3.0), (0.3, 2.0, 0.7), (2.5, 0.9, 1.0)):
        chosen = rule(eta=eta, damping=damping)
        by_number = theory.escape(chosen, gamma)
        assert theory.evaluate(formula, chosen, gamma=gamma) == pytest.approx(by_number)
        assert by_number == pytest.approx(abs(1 - eta * gamma / (gamma - damping)))
    assert theory.evaluate(theory.escape(so.newton), so.newton(eta=2.5)) == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("rule", "outside"),
    [
        (pid, {"kd": -1.0}),
        (pid, {"kd": -0.6, "ki": 0.3}),
        (differenced, {"kd": -1.0}),
        (anywhere(so.momentum), {"beta": 1.5}),
        (anywhere(so.qhm), {"nu": 3.0}),
    ],
)
def test_a_limit_is_not_evaluated_where_it_does_not_hold(rule, outside, refused):
    formula = theory.stability_limit(rule)
    for ask in (
        lambda: theory.evaluate(formula, rule(**outside), **{"lambda": 1.0}),
        lambda: theory.stability_limit(rule(**outside)),
    ):
        refused(ask, so.RuleError, "does not hold", "right is", "stability_limit")
    limit = theory.stability_limit(rule(**outside), 1.0)
    if limit:
        low, high = (
            theory.rate(rule(**outside)(eta=share * limit), 1.0) for share in (0.999, 1.001)
        )
        assert low < 1 < high


def test_a_limit_is_evaluated_where_it_holds():
    for rule in (
        pid,
        differenced,
        so.momentum,
        so.triple_momentum,
        so.heavy_ball,
        so.weight_decay(so.nesterov, 0.1),
    ):
        by_formula = theory.evaluate(theory.stability_limit(rule), rule, **{"lambda": 2.0})
        assert by_formula == pytest.approx(theory.stability_limit(rule, 2.0))


def test_other_formulas_say_where_they_do_not_hold_too(refused):
    velocity = theory.terminal_velocity(so.momentum)
    refused(
        lambda: theory.evaluate(velocity, anywhere(so.momentum)(beta=1.5), g=1.0),
        so.RuleError,
        "come to rest",
    )
    growth = theory.escape(so.gd)
    refused(
        lambda: theory.evaluate(growth, anywhere(so.gd)(eta=-3.0), gamma=1.0),
        so.RuleError,
        "does not hold",
    )
    assert theory.evaluate(
        theory.velocity(so.silver), so.silver(eta=1.0), g=1.0, t=2
    ) == pytest.approx(-2.0)


# at a point


def test_gauss_newton_is_predicted_with_the_matrix_of_the_cost():
    J = so.parse("(x+1)^2 + (-1.5*x^2 + x - 1)^2")
    found = theory.predict(J, so.gauss_newton, at=[0])
    assert found.rate == pytest.approx(1.5)  # G = 4, H = 10
    assert found.limit == pytest.approx(0.8)
    path = so.minimize(J, so.gauss_newton, [1e-7], 12).history["theta"].values[:, 0]
    assert path[11] / path[10] == pytest.approx(-1.5, abs=1e-3)


@pytest.mark.parametrize("damping", [0.0, 0.7, 5.0])
def test_gauss_newton_s_rate_is_that_of_a_run(damping):
    """A least-squares cost with residuals that do not vanish, where G and H do not share eigenvectors."""
    J = so.parse("(x + y - 1)^2 + (x*y - 2)^2 + (x^2 - y + 1)^2")
    at = so.minimize(J, so.newton, [1.0, 1.0], 60).theta
    rule = so.gauss_newton(eta=0.8, damping=damping)
    found = theory.predict(J, rule, at=at)
    path = (
        so.minimize(J, rule, at + np.array([1e-3, -2e-3]), 60, record=True).history["theta"].values
        - at
    )
    size = np.linalg.norm(path, axis=1)
    last = int(np.flatnonzero(size > 1e-11)[-1])
    assert size[last] / size[last - 1] == pytest.approx(found.rate, rel=2e-2)
    newton = theory.predict(J, so.damped_newton(eta=0.8, damping=damping), at=at).rate
    assert abs(newton - found.rate) > 1e-3


def test_gauss_newton_where_nothing_can_be_said(refused):
    J = so.parse("(x+1)^2 + (-1.5*x^2 + x - 1)^2")
    decayed = theory.predict(J, so.weight_decay(so.gauss_newton(damping=0.1), 0.3), at=[0])
    assert np.isnan(decayed.rate)
    assert "do not part" in decayed.reason
    flat = theory.predict(so.parse("(x^2 - 1)^2 + y^2"), so.gauss_newton, at=[0, 0])
    assert "singular" in flat.reason
    assert (
        "sum of squares" in theory.predict(so.parse("exp(x) - x"), so.gauss_newton, at=[0]).reason
    )


def test_weight_decay_does_not_rest_at_a_minimum_elsewhere():
    for rule in (so.weight_decay(so.gd, 0.1), so.weight_decay(so.momentum, 0.1, decoupled=True)):
        found = theory.predict(ROSENBROCK, rule, at=[1, 1])
        assert np.isnan(found.rate)
        assert "does not rest" in found.reason
        assert theory.predict(so.parse("x^2 + y^2"), rule, at=[0, 0]).rate > 0
    assert theory.predict(ROSENBROCK, so.triple_momentum(eta=1e-3, kappa=2508), at=[1, 1]).rate < 1


def test_growth_at_a_saddle_is_the_largest_of_its_directions():
    """Damped Newton's is next to the pole at lambda = -damping, not at the most negative eigenvalue."""
    J = so.parse("x^2 - y^2 - 0.3*z^2")
    assert theory.predict(
        J, so.damped_newton(eta=1.5, damping=0.5), at=[0, 0, 0]
    ).escape == pytest.approx(8.0)


@pytest.mark.parametrize("text", ["x^4 + y^2", "x^4 + y^4", "x^3 - y^2", "(x - y)^2"])
def test_a_degenerate_point_says_what_is_missing(text):
    found = theory.predict(so.parse(text), so.gd, at=[0, 0])
    assert found.kind == "degenerate"
    assert np.isnan(found.rate)
    assert "an eigenvalue of the Hessian is 0" in repr(found)


def test_what_can_be_said_is_said():
    """One number that is not known does not take the others with it."""
    found = theory.predict(ROSENBROCK, so.nesterov(eta=1e308), at=[1, 1])
    assert found.limit == pytest.approx(2 * 1.9 / (2.8 * 1001.6), rel=1e-4)
    assert "no finite slope" in found.reason


@pytest.mark.parametrize("entry", [np.nan, np.inf])
def test_no_rate_where_j_is_not_twice_differentiable(entry, monkeypatch):
    """Such a Hessian is warned of; here it is an error."""

    def hessian(*_):
        warnings.warn(
            "not twice differentiable as written at this point",
            so.errors.SymoptWarning,
            stacklevel=2,
        )
        return np.array([[entry]])

    monkeypatch.setattr(so.Cost, "hessian", hessian)
    with pytest.raises(so.RuleError, match="not twice differentiable as written at this point"):
        theory.predict(so.parse("x^2"), so.gd, at=[0.0])


def test_no_rate_where_j_has_no_slope():
    with pytest.raises(so.RuleError, match="no finite slope"):
        theory.predict(so.parse("log(x)"), so.gd, at=[0.0])
