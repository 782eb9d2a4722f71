"""What theory derives from a rule's equations, against formulas of the papers, against runs, and against eigenvalues."""

import dataclasses

import numpy as np
import pytest
import sympy as sp
from spread import spread

import symopt as so
from symopt import theory
from symopt.interop import torch_rules

eta, beta, lam, g, gamma, rho = sp.symbols("eta beta lambda g gamma rho")
beta1, epsilon, v = sp.symbols("beta1 epsilon v")


@so.rule(m=0)
def quasi_hyperbolic(theta, m, *, grad, eta=0.01, beta=0.9, nu=0.7):
    """QHM (Ma and Yarats 2018)."""
    m = beta * m + (1 - beta) * grad(theta)
    return theta - eta * ((1 - nu) * grad(theta) + nu * m), m


@so.rule(m=0, u=0)
def smoothed_twice(theta, m, u, *, grad, eta=0.01, beta=0.9, rho=0.5):
    """Momentum of momentum: three roots."""
    m = beta * m + grad(theta)
    u = rho * u + m
    return theta - eta * u, m, u


@so.rule()
def extragradient(theta, *, grad, eta=0.01):
    """Extragradient (Korpelevich 1976)."""
    return theta - eta * grad(theta - eta * grad(theta))


@so.rule()
def clipped(theta, *, grad, eta=0.01, c=1.0):
    """Gradient descent with each component clipped."""
    return theta - eta * sp.Max(-c, sp.Min(c, grad(theta)))


@so.rule()
def sign_descent(theta, *, grad, eta=0.01):
    """Sign descent."""
    return theta - eta * sp.sign(grad(theta))


@so.rule()
def normalised(theta, *, grad, norm, eta=0.01):
    """Normalised gradient descent."""
    return theta - eta * grad(theta) / (1 + norm(grad(theta)))


LINEAR = [
    so.gd,
    so.momentum,
    so.nesterov,
    so.nesterov(shifted=True),
    quasi_hyperbolic,
    smoothed_twice,
    extragradient,
]
ALL = [*LINEAR, clipped]
FILLED = so.adagrad(initial_accumulator=0.3)
anywhere = lambda rule: dataclasses.replace(
    rule, ranges={}
)  # hyperparameters that the paper excludes, too
names = lambda rules: [
    f"{rule.name}{'-shifted' * bool(rule.values.get('shifted'))}" for rule in rules
]


def same(left, right):
    return sp.simplify(left - right) == 0


# the papers' formulas


@pytest.mark.parametrize(
    ("rule", "limit"),
    [
        (so.gd, 2 / lam),
        (so.momentum, 2 * (1 + beta) / lam),
        (so.nesterov, 2 * (1 + beta) / ((1 + 2 * beta) * lam)),
        (so.nesterov(shifted=True), 2 * (1 + beta) / ((1 + 2 * beta) * lam)),
        (extragradient, 1 / lam),
        (clipped, 2 / lam),
        (so.weight_decay(so.momentum, 0.1), 2 * (1 + beta) / (lam + sp.Symbol("weight_decay"))),
    ],
)
def test_stability_limit_is_the_papers(rule, limit):
    assert same(theory.stability_limit(rule), limit)


@pytest.mark.parametrize(
    ("rule", "state", "limit"),
    [
        (so.adam, "v", 2 * (1 + beta1) / (1 - beta1)),
        (so.nadam, "v", 2 * (1 + beta1) / ((1 - beta1) * (1 + 2 * beta1))),
        (so.rmsprop, "v", 2),
        (so.adagrad, "s", 2),
    ],
)
def test_stability_limit_with_a_preconditioner_that_is_held(rule, state, limit):
    """eta*lambda over the preconditioner: 38 for Adam, 13.571 for Nadam at beta1 = 0.9 (Cohen et al. 2022)."""
    x = sp.Symbol(state)
    preconditioner = (
        epsilon + sp.sqrt(x) if rule.name in ("adam", "nadam") else sp.sqrt(epsilon + x)
    )
    assert same(theory.stability_limit(rule, held=state), limit * preconditioner / lam)


def test_held_limits_at_the_usual_settings():
    values = {"eigenvalue": 1.0, "held": {"v": 1.0}}
    assert theory.stability_limit(so.adam(epsilon=0.0), **values) == pytest.approx(38)
    assert theory.stability_limit(so.nadam(epsilon=0.0), **values) == pytest.approx(13.571428571)


def test_a_held_state_has_the_value_given():
    assert theory.stability_limit(so.adam(epsilon=0.0), 1.0, held={"v": 0.25}) == pytest.approx(19)
    assert theory.rate(so.rmsprop(eta=0.5, epsilon=0.0), 1.0, held={"v": 4.0}) == pytest.approx(
        0.75
    )
    assert theory.escape(so.rmsprop(eta=0.5, epsilon=0.0), 1.0, held={"v": 4.0}) == pytest.approx(
        1.25
    )


def test_rate_is_goh_s_and_lessard_s():
    """Heavy ball (Polyak 1964; Goh 2017) and Nesterov (Lessard, Recht and Packard 2016), at random parameters."""
    rng = np.random.default_rng(0)
    for a, b, curvature in zip(
        rng.uniform(0, 2, 50), rng.uniform(0, 1, 50), rng.uniform(0, 2, 50), strict=True
    ):
        for rule, sum_, product in (
            (so.momentum, 1 + b - a * curvature, b),
            (so.nesterov, (1 + b) * (1 - a * curvature), b * (1 - a * curvature)),
        ):
            root = sum_**2 - 4 * product
            expected = np.sqrt(product) if root < 0 else (abs(sum_) + np.sqrt(root)) / 2
            assert theory.rate(rule(eta=a, beta=b), curvature) == pytest.approx(expected, rel=1e-7)


def test_rates_at_the_optimal_parameters():
    kappa = 100.0
    root = np.sqrt(kappa)
    spectrum = np.geomspace(1, kappa, 30)
    wide = np.sqrt(3 * kappa + 1)
    # a double root is known to the square root of the rounding only
    assert theory.rate(so.gd(eta=2 / (1 + kappa)), spectrum) == pytest.approx(99 / 101)
    best = so.momentum(eta=4 / (root + 1) ** 2, beta=((root - 1) / (root + 1)) ** 2)
    assert theory.rate(best, spectrum) == pytest.approx(9 / 11, abs=1e-7)
    standard = so.nesterov(eta=1 / kappa, beta=(root - 1) / (root + 1))
    assert theory.rate(standard, spectrum) == pytest.approx(1 - 1 / root, abs=1e-7)
    quadratic = so.nesterov(eta=4 / (3 * kappa + 1), beta=(wide - 2) / (wide + 2))
    assert theory.rate(quadratic, spectrum) == pytest.approx(1 - 2 / wide, abs=1e-7)
    assert 1 - 2 / wide == pytest.approx(0.884722, abs=1e-6)


def test_terminal_velocities():
    velocity = theory.terminal_velocity
    assert same(velocity(so.gd), -eta * g)
    assert same(velocity(so.momentum), -eta * g / (1 - beta))
    assert same(velocity(so.nesterov), -eta * g / (1 - beta))
    assert same(
        velocity(torch_rules.momentum(dampening=0.5)),
        -eta * g * (1 - sp.Symbol("dampening")) / (1 - beta),
    )
    for rule in (so.rmsprop, so.adam, so.nadam, sign_descent):
        assert velocity(rule) == -eta * sp.sign(g)
    assert velocity(so.adagrad) == 0
    assert velocity(so.adam, epsilon=None) == -eta * g / (epsilon + sp.Abs(g))
    assert same(velocity(smoothed_twice), -eta * g / ((1 - beta) * (1 - rho)))


def test_escape_is_the_largest_root():
    for rule, polynomial in (
        (so.gd, lambda x: x - 1 - eta * gamma),
        (so.momentum, lambda x: x**2 - (1 + beta + eta * gamma) * x + beta),
        (
            so.nesterov,
            lambda x: x**2 - (1 + beta) * (1 + eta * gamma) * x + beta * (1 + eta * gamma),
        ),
    ):
        growth = theory.escape(rule)
        assert same(sp.expand(polynomial(growth)), 0)
        assert theory.evaluate(growth, rule(eta=0.01), gamma=3.0) > 1
        assert theory.evaluate(growth, rule(eta=0.01), gamma=3.0) == pytest.approx(
            theory.escape(rule(eta=0.01), 3.0)
        )


# against runs of the compiled rule


@pytest.mark.parametrize("rule", LINEAR, ids=names(LINEAR))
def test_the_matrix_makes_the_run(rule):
    """A run on a quadratic is powers of the matrix, step by step."""
    chosen = rule(eta=0.11)
    matrix = theory.linearize(chosen)
    numbers = {sp.Symbol(name): value for name, value in chosen.hyperparameters.items()}
    step = np.array(matrix.subs({**numbers, lam: 1.7}).tolist(), dtype=float)
    run = so.minimize(so.parse("1.7*x^2/2"), chosen, [2.0], 40)
    state = np.array([2.0, *[0.0] * (len(step) - 1)])
    for expected in run.history["theta"].values[:, 0]:
        assert state[0] == pytest.approx(expected, rel=1e-12, abs=1e-12)
        state = step @ state


@pytest.mark.parametrize(
    "rule", [*(r for r in ALL if r is not smoothed_twice), so.adagrad, so.rmsprop, so.adam, FILLED]
)
@pytest.mark.parametrize("slope", [3.0, -0.02])
def test_velocity_is_the_run_s(rule, slope):
    chosen = rule(eta=0.02)
    run = so.minimize(so.parse("a*x", ["x"])(a=slope), chosen, [1.0], 60)
    steps = np.diff(run.history["theta"].values[:, 0])
    formula = theory.velocity(chosen, epsilon=None)
    expected = [theory.evaluate(formula, chosen, g=slope, t=k) for k in range(1, 61)]
    np.testing.assert_allclose(steps, expected, rtol=1e-9)


@pytest.mark.parametrize("rule", [*ALL, so.rmsprop, so.adam, so.nadam, so.rmsprop(momentum=0.5)])
def test_terminal_velocity_is_what_a_run_tends_to(rule):
    chosen = rule(eta=0.02)
    run = so.minimize(so.parse("3*x"), chosen, [1.0], 20_000, record=[19_999, 20_000])
    step = float(np.diff(run.history["theta"].values[:, 0])[0])
    assert step == pytest.approx(
        theory.evaluate(theory.terminal_velocity(chosen), chosen, g=3.0), rel=1e-5
    )


@pytest.mark.parametrize("rule", ALL, ids=names(ALL))
def test_stability_is_lost_at_the_limit(rule):
    """Runs just below the limit stay, runs just above leave: for several beta."""
    rng = np.random.default_rng(1)
    for _ in range(3):
        values = {
            n: x
            for n, x in zip(("beta", "rho", "nu"), rng.uniform(0.1, 0.9, 3), strict=True)
            if n in rule.values
        }
        limit = theory.stability_limit(rule(**values), 2.0)
        for share, inside in ((0.98, True), (1.02, False)):
            run = so.minimize(so.parse("x^2"), rule(eta=share * limit, **values), [1e-3], 4000)
            small = run.best_loss <= abs(run.loss) < 1e-6
            assert small == inside, (rule.name, values, share)


def test_escape_takes_a_symbol_too():
    c = sp.Symbol("c", positive=True)
    assert theory.escape(so.gd, c) == 1 + eta * c


@pytest.mark.parametrize("rule", LINEAR, ids=names(LINEAR))
def test_escape_is_the_growth_of_a_run(rule):
    chosen = rule(eta=0.05)
    run = so.minimize(so.parse("-x^2"), chosen, [1e-9], 400, limit=1e300)
    path = np.abs(run.history["theta"].values[:, 0])
    assert path[-1] / path[-2] == pytest.approx(theory.escape(chosen, 2.0), rel=1e-9)


def test_the_limit_holds_for_any_rule():
    """Random two-state rules: the formula is where the spectral radius crosses 1."""
    limit = theory.stability_limit(smoothed_twice)
    rng = np.random.default_rng(2)
    for b, r in rng.uniform(0.05, 0.95, (20, 2)):
        chosen = smoothed_twice(beta=b, rho=r)
        value = theory.evaluate(limit, chosen, **{"lambda": 1.0})
        assert (
            theory.rate(chosen(eta=value * 0.9999), 1.0)
            < 1
            < theory.rate(chosen(eta=value * 1.0001), 1.0)
        )


def test_predict_on_rosenbrock():
    J = so.parse("100*(y-x^2)^2 + (1-x)^2")
    found = theory.predict(J, so.gd(eta=1e-3), at=[1, 1])
    assert found.kind == "minimum"
    np.testing.assert_allclose(found.eigenvalues, [0.399361, 1001.6006], rtol=1e-6)
    assert found.condition == pytest.approx(2508.01, abs=0.01)
    assert found.limit == pytest.approx(0.00199680, abs=1e-8)
    assert theory.predict(
        J, so.gd(eta=2 / found.eigenvalues.sum()), at=[1, 1]
    ).rate == pytest.approx(0.9992029, abs=1e-7)
    assert found.per_decade == pytest.approx(-np.log(10) / np.log(found.rate))
    assert "condition 2508.01" in repr(found)


def test_predict_says_what_it_cannot():
    J = so.parse("x^2 - k*y^2", ["x", "y"])(k=3.0)
    saddle = theory.predict(J, so.gd(eta=0.1), at=[0, 0])
    assert (saddle.kind, saddle.escape) == ("saddle", pytest.approx(1.6))
    assert np.isnan(saddle.rate)
    adam = theory.predict(J, so.adam, at=[0, 0])
    assert "not differentiable" in adam.reason
    np.testing.assert_allclose(adam.eigenvalues, [-6, 2])
    assert theory.predict(so.parse("x^4 + y^2"), so.gd, at=[0, 0]).kind == "degenerate"
    assert theory.predict(J, so.adam, at=[0, 0], held={"v": 0.25}).escape > 1


# what is returned


def test_symbols_have_no_assumptions():
    for formula in (
        theory.stability_limit(so.nesterov),
        theory.terminal_velocity(so.momentum),
        theory.escape(so.momentum),
    ):
        assert formula.free_symbols <= {eta, beta, lam, g, gamma}
    assert theory.linearize(so.momentum).free_symbols == {eta, beta, lam}
    assert theory.velocity(so.momentum).free_symbols == {eta, beta, g, so.t}
    assert theory.characteristic(so.gd).as_expr().free_symbols == {eta, lam, sp.Symbol("z")}


# refusals


@pytest.mark.parametrize("ask", [theory.linearize, theory.stability_limit, theory.escape])
def test_adam_is_not_differentiable(ask, refused):
    refused(lambda: ask(so.adam), so.RuleError, "not differentiable", r"sqrt\(.*v", 'held="v"')
    refused(lambda: ask(sign_descent), so.RuleError, "not differentiable", "sign")
    refused(lambda: ask(normalised), so.RuleError, "all parameters together")
    refused(lambda: ask(so.adam, held="w"), so.RuleError, "no state 'w'")


def test_what_does_not_settle_is_refused(refused):
    @so.rule()
    def annealed(theta, *, grad, t, eta=0.01):
        return theta - eta / t * grad(theta)

    refused(lambda: theory.stability_limit(annealed), so.RuleError, "depends on the step t")
    refused(
        lambda: theory.velocity(smoothed_twice),
        so.RuleError,
        "u has no closed form",
        "terminal_velocity",
    )
    refused(
        lambda: theory.velocity(so.nadam), so.RuleError, "P has no closed form", "terminal_velocity"
    )
    refused(
        lambda: theory.terminal_velocity(so.weight_decay(so.gd, 0.1)),
        so.RuleError,
        "depends on theta itself",
    )


def test_numbers_are_asked_for_by_name(refused):
    refused(
        lambda: theory.rate(so.gd(eta=[0.1, 0.2]), 1.0),
        so.RuleError,
        "eta is an array",
        "one number",
    )
    refused(lambda: theory.rate(so.gd(eta=1 / so.t), 1.0), so.RuleError, "eta is a schedule")
    refused(lambda: theory.rate(so.gd, []), so.RuleError, "eigenvalues")
    refused(lambda: theory.rate(so.gd, "high"), so.RuleError, "eigenvalues='high'")
    refused(lambda: theory.escape(so.gd, -1.0), so.RuleError, "curvature=-1", "above 0")
    refused(lambda: theory.escape(smoothed_twice), so.RuleError, "no short closed form")
    refused(
        lambda: theory.stability_limit(so.gd, wrt="beta"), so.RuleError, "no hyperparameter 'beta'"
    )
    refused(
        lambda: theory.evaluate(theory.terminal_velocity(so.gd), so.gd),
        so.RuleError,
        "g has no value",
    )


def test_names_of_the_theory_are_not_the_rule_s(refused):
    @so.rule(g=0)
    def averaged(theta, g, *, grad, eta=0.01, gamma=0.5):
        g = gamma * g + (1 - gamma) * grad(theta)
        return theta - eta * g, g

    @so.rule
    def scaled(theta, *, grad, g=0.01):
        return theta - g * grad(theta)

    refused(lambda: theory.velocity(scaled), so.RuleError, "a g of its own")
    assert same(theory.velocity(averaged), -eta * g * (1 - gamma**so.t))
    assert same(theory.stability_limit(averaged), 2 * (1 + gamma) / (lam * (1 - gamma)))


def test_a_rule_with_a_gamma_of_its_own_escapes_by_a_formula_in_another_name():
    """The growth is the larger root of x^2 - (1 + gamma + eta*c*(1 - gamma))*x + gamma, with c for the curvature."""

    @so.rule(m=0)
    def averaged(theta, m, *, grad, eta=0.01, gamma=0.5):
        m = gamma * m + (1 - gamma) * grad(theta)
        return theta - eta * m, m

    growth = theory.escape(averaged)
    assert growth.free_symbols == {eta, gamma, sp.Symbol("gamma_1")}
    for size in (0.3, 2.0, 50.0):
        want = np.roots([1, -(1 + 0.5 + 0.01 * size * 0.5), 0.5]).max()
        assert theory.evaluate(growth, averaged, gamma_1=size) == pytest.approx(want)
        assert theory.escape(averaged, size) == pytest.approx(want)
    renamed = theory.escape(averaged, sp.Symbol("c"))
    assert same(renamed, growth.subs(sp.Symbol("gamma_1"), sp.Symbol("c")))


@so.rule(m=0)
def agreeing(theta, m, *, grad, eta=0.01, beta=0.5):
    """Steps along the gradient where the momentum agrees with it, as cautious optimizers do."""
    slope = grad(theta)
    m = beta * m + (1 - beta) * slope
    return theta - eta * (1 + sp.sign(m * slope)) * m, m


@so.rule(m=0, s=1)
def rate_of_signs(theta, m, s, *, grad, eta=0.01, beta=0.5, rho=0.5):
    slope = grad(theta)
    s = rho * s + (1 - rho) * (2 + sp.sign(m * slope))
    return theta - eta * s * slope, beta * m + (1 - beta) * slope, s


@so.rule(m=0)
def kept_by_its_sign(theta, m, *, grad, eta=0.01, beta=0.5):
    m = beta * m * sp.sign(m * grad(theta)) + (1 - beta) * grad(theta)
    return theta - eta * m, m


@so.rule(m=0, s=1)
def growing_by_signs(theta, m, s, *, grad, eta=0.01, beta=0.5, up=1.1):
    slope = grad(theta)
    s = s * sp.Piecewise((up, m * slope > 0), (1 / up, True))
    return theta - eta * s * slope, beta * m + (1 - beta) * slope, s


def test_a_sign_of_momentum_times_gradient_settles_or_is_refused(refused):
    for rule, want in ((agreeing, -2 * eta * g), (rate_of_signs, -3 * eta * g)):
        assert same(theory.terminal_velocity(rule), want)
        for slope in (2.0, -2.0):
            path = so.minimize(so.parse(f"{slope}*x"), rule, [0.0], 200).history["theta"].values
            ends = theory.evaluate(theory.terminal_velocity(rule), rule, g=slope)
            assert np.diff(path[:, 0])[-1] == pytest.approx(ends, rel=1e-12)
    ask = theory.terminal_velocity
    refused(lambda: ask(kept_by_its_sign), so.RuleError, "no linear recurrence")
    refused(lambda: theory.velocity(kept_by_its_sign), so.RuleError, "no closed form")
    refused(lambda: ask(growing_by_signs), so.RuleError, "s does not come to rest")


# what is hard: decimals, several boundaries, parameters out of the usual range, periods, growing states


@so.rule(m=0)
def with_decimals(theta, m, *, grad, eta=0.01, beta=0.9):
    m = beta * m + 0.1 * grad(theta)
    return theta - 1.5 * eta * m - 0.3 * eta * grad(theta), m


@so.rule()
def proximal(theta, *, grad, eta=0.01):
    return theta - eta * grad(theta) / (1 + eta)


@so.rule(m=0)
def alternating(theta, m, *, grad, eta=0.01, beta=0.5):
    m = -beta * m - eta * grad(theta - beta * m)
    return theta + m, m


@so.rule()
def two_steps(theta, *, grad, eta=0.01, w=0.5):
    y = theta - eta * grad(theta)
    return y - w * eta * grad(y)


@so.rule(m=0)
def rooted(theta, m, *, grad, eta=0.01, a=0.3):
    m = (1 - a * sp.sqrt(eta)) * m - eta * grad(theta)
    return theta + m, m


@so.rule(m=0, u=0, w=0)
def averaged_thrice(theta, m, u, w, *, grad, eta=0.01, beta=0.9, nu=0.5, mu=0.7):
    m = beta * m + (1 - beta) * grad(theta)
    u = nu * u + (1 - nu) * m
    w = mu * w + (1 - mu) * u
    return theta - eta * w, m, u, w


def first_unstable(rule, eigenvalue):
    """Return where the spectral radius first crosses 1, by scanning and bisection."""
    etas = np.geomspace(1e-6, 1e4, 2000)
    k = next(
        (k for k, eta in enumerate(etas) if theory.rate(rule(eta=eta), eigenvalue) > 1 + 1e-12),
        None,
    )
    if k is None:
        return np.inf
    low, high = (0.0, etas[0]) if k == 0 else (etas[k - 1], etas[k])
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (
            (low, middle) if theory.rate(rule(eta=middle), eigenvalue) > 1 else (middle, high)
        )
    return high


@pytest.mark.parametrize(
    "rule",
    [
        with_decimals, proximal, alternating, alternating(beta=0.731), two_steps, rooted, averaged_thrice,
        anywhere(so.nesterov)(beta=-0.4), anywhere(so.nesterov)(beta=-0.9), smoothed_twice, so.weight_decay(so.momentum(beta=0.3), 0.2),
    ],
    ids=lambda rule: repr(rule),
)  # fmt: skip
@pytest.mark.parametrize("eigenvalue", spread([3.502, 0.4, 60.0], every=3))
def test_the_limit_of_a_number_is_found_by_bisection_too(rule, eigenvalue):
    expected = first_unstable(rule, eigenvalue)
    assert theory.stability_limit(rule, eigenvalue) == pytest.approx(expected, rel=1e-4)


def test_no_learning_rate_is_stable_beyond_beta_1():
    assert theory.stability_limit(anywhere(so.momentum)(beta=1.5), 1.0) == 0
    assert theory.stability_limit(anywhere(so.momentum)(beta=-1.5), 1.0) == 0


def test_decimals_are_exact_in_formulas():
    assert same(theory.stability_limit(with_decimals), 40 * (1 + beta) / (3 * lam * (3 + 2 * beta)))


def test_formulas_that_are_not_one_are_refused(refused):
    refused(
        lambda: theory.stability_limit(proximal),
        so.RuleError,
        "no one formula",
        "give the eigenvalue",
    )
    refused(
        lambda: theory.stability_limit(so.radam, held="v"), so.RuleError, "decide between cases"
    )
    refused(
        lambda: theory.stability_limit(so.momentum, -1.0), so.RuleError, "eigenvalue=-1", "above 0"
    )
    refused(
        lambda: theory.stability_limit(so.momentum, "big"), so.RuleError, "eigenvalue", "one number"
    )
    refused(
        lambda: theory.stability_limit("momentum"),
        so.RuleError,
        "'momentum' is a str",
        "expected a rule",
    )
    refused(
        lambda: theory.rate(so.adam, 1.0, held={"v": -1}),
        so.RuleError,
        r"held\['v'\]",
        "at least 0",
    )
    refused(lambda: theory.rate(so.adam, 1.0, held=3), so.RuleError, "held=3")


def test_what_never_settles_is_refused_however_it_is_written(refused):
    @so.rule(m=0)
    def restarted(theta, m, *, grad, t, eta=0.01, beta=0.9):
        m = sp.Piecewise((0, sp.Eq(t, 10 * sp.floor(t / 10))), (beta * m, True)) + grad(theta)
        return theta - eta * m, m

    refused(lambda: theory.rate(restarted, 1.0), so.RuleError, "depends on the step t for ever")
    refused(
        lambda: theory.terminal_velocity(restarted), so.RuleError, "depends on the step t for ever"
    )


def test_states_that_grow_or_run_away(refused):
    @so.rule(s=0, k=0)
    def mean_adagrad(theta, s, k, *, grad, eta=0.01):
        s, k = s + grad(theta) ** 2, k + 1
        return theta - eta * grad(theta) / sp.sqrt(s / k), s, k

    @so.rule(m=0)
    def runaway(theta, m, *, grad, eta=0.01):
        m = 2 * m + grad(theta)
        return theta - eta * m, m

    @so.rule(m=0)
    def summed(theta, m, *, grad, eta=0.01):
        m = m + grad(theta)
        return theta - eta * m, m

    @so.rule(s=0)
    def saturated(theta, s, *, grad, eta=0.01):
        s = s + grad(theta)
        return theta - eta * sp.tanh(s), s

    assert theory.terminal_velocity(mean_adagrad) == -eta * sp.sign(g)
    assert theory.terminal_velocity(saturated) == -eta * sp.sign(g)
    refused(
        lambda: theory.terminal_velocity(runaway), so.RuleError, "m does not come to rest", "by 2"
    )
    refused(lambda: theory.terminal_velocity(summed), so.RuleError, "no limit")
    refused(
        lambda: theory.terminal_velocity(anywhere(so.momentum)(beta=1.5)),
        so.RuleError,
        "does not come to rest",
    )


def test_predict_wants_a_point_at_rest(refused):
    J = so.parse("100*(y-x^2)^2 + (1-x)^2")
    far = theory.predict(J, so.gd(eta=1e-3), at=[3, 3])
    assert far.kind == "not at rest"
    assert np.isnan([far.rate, far.limit, far.escape]).all()
    assert "gradient is not 0" in repr(far)
    refused(lambda: theory.predict(J, so.gd, at=[1, float("nan")]), so.RuleError, "at=", "finite")
    refused(lambda: theory.predict(J, so.gd, at="here"), so.RuleError, "at='here'")
    refused(lambda: theory.predict(J, so.gd, at=[[1, 1]]), so.RuleError, r"shape \(1, 2\)")


def test_evaluate_names_what_it_does_not_know(refused):
    velocity = theory.terminal_velocity(so.momentum)
    refused(
        lambda: theory.evaluate(velocity, so.momentum, g=1, q=2),
        so.RuleError,
        "holds no q",
        "beta, eta, g",
    )
    refused(lambda: theory.evaluate(velocity, so.momentum, g="a"), so.RuleError, "g", "one number")
    refused(
        lambda: theory.evaluate(theory.linearize(so.gd), so.gd), so.RuleError, "expected a formula"
    )
    refused(lambda: theory.evaluate(sp.sqrt(-eta), so.gd), so.RuleError, "no real number")


def test_a_state_may_be_called_z():
    @so.rule(z=0)
    def also(theta, z, *, grad, eta=0.01, beta=0.9):
        z = beta * z + grad(theta)
        return theta - eta * z, z

    assert same(theory.stability_limit(also), 2 * (1 + beta) / lam)


def test_the_number_of_steps_has_no_value_in_a_limit(refused):
    @so.rule()
    def by_budget(theta, *, grad, T, eta=0.01):
        return theta - eta * grad(theta) / sp.sqrt(T)

    assert same(theory.stability_limit(by_budget), 2 * sp.sqrt(sp.Symbol("T")) / lam)
    for ask in (
        lambda: theory.stability_limit(by_budget, 2.0),
        lambda: theory.rate(by_budget, 2.0),
    ):
        refused(ask, so.RuleError, "T has no value here")
