"""Wrappers: their laws, and the paths they make against plain Python."""

import numpy as np
import pytest
import sympy as sp
from spread import spread

import symopt as so
from symopt.optim.wrappers import WRAPPERS

VALLEY = so.Cost(so.parse("100*(y-x^2)^2 + (1-x)^2"), optimal_value=0.0)
BOWL = so.parse("x^2 + 10*y^2 + x*y")
START = np.array([-1.2, 1.0])
KINDS = (  # steps along the gradient, at other points, by signs, norms and roots, with schedules, averages, kinks
    "gd", "nesterov", "rmsprop", "adam", "nadamw", "radam", "rprop", "lamb", "sam", "ogm", "schedule_free_sgd",
    "perturbed_gd",
)  # fmt: skip
INNER = {name: so.optimizers[name](eta=1e-4) for name in KINDS}


def path(rule, cost=VALLEY, start=START, steps=60, **more):
    return so.minimize(cost, rule, start, steps, **more).history["theta"].values


NEUTRAL = {
    "clip_norm above the largest norm": lambda rule: so.clip_norm(rule, 1e12),
    "clip_value above the largest component": lambda rule: so.clip_value(rule, 1e12),
    "no weight decay": lambda rule: so.weight_decay(rule, 0.0),
    "no decoupled decay": lambda rule: so.weight_decay(rule, 0.0, decoupled=True),
    "no noise": lambda rule: so.noisy(rule, 0.0),
    "climbing twice": lambda rule: so.ascend(so.ascend(rule)),
    "slow weights never reached": lambda rule: so.lookahead(rule, k=10_000),
    "an average on the side": lambda rule: so.average(rule).reporting("theta"),
}


@pytest.mark.usefixtures("in_python")
@pytest.mark.parametrize("law", NEUTRAL)
@pytest.mark.parametrize("name", INNER)
def test_what_changes_nothing_changes_no_bit(law, name):
    wrapped = NEUTRAL[law](INNER[name])
    iterate = INNER[name].iterate if law.startswith("an average") else wrapped.iterate
    wrapped = wrapped.reporting(iterate)
    np.testing.assert_array_equal(path(wrapped, steps=30), path(INNER[name], steps=30))


@pytest.mark.parametrize("wrap", spread(WRAPPERS.values(), every=2))
def test_a_fixed_point_stays_and_its_average_is_the_point(wrap):
    rule = wrap(so.adam(eta=0.1))
    rule = rule(sigma=0.0) if wrap is so.noisy else rule
    cost = so.parse("(x-3)^2 + (y+0.5)^2")
    want = [0.0, 0.0] if wrap is so.weight_decay else [3.0, -0.5]
    cost = so.parse("x^2 + y^2") if wrap is so.weight_decay else cost
    assert so.minimize(cost, rule, want, 50).theta.tolist() == want


def in_python(grad, theta, steps, change):
    """Follow momentum on gradients that ``change(g, theta)`` has changed."""
    m, points = np.zeros_like(theta), [theta]
    for _ in range(steps):
        m = 0.9 * m - 1e-4 * change(grad(theta), theta)
        theta = theta + m
        points.append(theta)
    return np.array(points)


CHANGED = {
    "clip_norm": (lambda r: so.clip_norm(r, 20.0), lambda g, _: g * min(1, 20 / np.linalg.norm(g))),
    "clip_value": (lambda r: so.clip_value(r, 20.0), lambda g, _: np.clip(g, -20, 20)),
    "weight_decay": (lambda r: so.weight_decay(r, 3.0), lambda g, theta: g + 3 * theta),
    "centralize": (so.centralize, lambda g, _: g - g.mean()),
    "ascend": (so.ascend, lambda g, _: -g),
    "both": (
        lambda r: so.clip_norm(so.weight_decay(r, 3.0), 20.0),
        lambda g, theta: g * min(1, 20 / np.linalg.norm(g)) + 3 * theta,
    ),
    "both the other way": (
        lambda r: so.weight_decay(so.clip_norm(r, 20.0), 3.0),
        lambda g, theta: (g + 3 * theta) * min(1, 20 / np.linalg.norm(g + 3 * theta)),
    ),
    "twice": (lambda r: so.clip_value(so.clip_value(r, 5.0), 20.0), lambda g, _: np.clip(g, -5, 5)),
}


@pytest.mark.parametrize("name", CHANGED)
def test_what_a_wrapper_makes_of_the_gradient(name):
    """The outermost wrapper changes the gradient first."""
    wrap, change = CHANGED[name]
    steps = 6 if name == "ascend" else 60  # uphill it is soon far away
    want = in_python(VALLEY.grad, START, steps, change)
    np.testing.assert_allclose(path(wrap(so.momentum(eta=1e-4)), steps=steps), want, rtol=1e-11)


def test_decoupled_decay_is_adamw_and_nadamw():
    given = {"eta": 0.01, "weight_decay": 0.3}
    for plain, whole in ((so.adam, so.adamw), (so.nadam, so.nadamw)):
        wrapped = so.weight_decay(plain(eta=0.01), 0.3, decoupled=True)
        np.testing.assert_allclose(path(wrapped), path(whole(**given)), rtol=1e-12)
    free = so.weight_decay(so.gd(eta=0.01), 0.3, decoupled=True, times_eta=False)
    np.testing.assert_allclose(
        path(free, BOWL, steps=1)[1], 0.7 * START - 0.01 * BOWL.grad(START), rtol=1e-15
    )


@pytest.mark.parametrize("name", ["newton", "damped_newton", "gauss_newton"])
def test_matrices_and_values_are_those_of_the_other_cost(name):
    """Newton on -J and on J + w|theta|^2/2, against the rule on a cost that is so written."""
    x, y = sp.symbols("x y", real=True)
    squares = (1 - x) ** 2 + 3 * (y - x**2) ** 2
    wrapped = so.weight_decay(so.optimizers[name], 0.7)
    np.testing.assert_allclose(
        path(wrapped, so.Cost(squares), steps=8),
        path(so.optimizers[name], so.Cost(squares + sp.Rational(7, 20) * (x**2 + y**2)), steps=8),
        rtol=1e-10, atol=1e-12,
    )  # fmt: skip
    cost = so.Cost(squares)
    turned = so.Cost(-squares)
    np.testing.assert_allclose(
        path(so.ascend(so.optimizers[name]), turned, steps=8), path(so.optimizers[name], cost, steps=8), rtol=1e-10,
        atol=1e-12,
    )  # fmt: skip
    valued = so.restart(so.nesterov(eta=0.05), on="value")
    np.testing.assert_allclose(path(so.ascend(valued), turned), path(valued, cost), rtol=1e-12)


def test_lookahead_in_python():
    theta = slow = START
    for t in range(1, 32):
        theta = theta - 0.01 * BOWL.grad(theta)
        if t % 7 == 0:
            theta = slow = slow + 0.3 * (theta - slow)
    np.testing.assert_allclose(
        path(so.lookahead(so.gd(eta=0.01), 7, 0.3), BOWL, steps=31)[-1], theta, rtol=1e-13
    )


def test_averages_in_python():
    points = path(so.gd(eta=0.05), BOWL, steps=40)
    np.testing.assert_allclose(
        path(so.average(so.gd(eta=0.05)), BOWL, steps=40)[-1], points[1:].mean(0), rtol=1e-12
    )
    late = path(so.average(so.gd(eta=0.05), after=10), BOWL, steps=40)
    np.testing.assert_allclose(late[-1], points[11:].mean(0), rtol=1e-12)
    mean = START
    for point in points[1:]:
        mean = 0.9 * mean + 0.1 * point
    np.testing.assert_allclose(
        path(so.average(so.gd(eta=0.05), decay=0.9), BOWL, steps=40)[-1], mean, rtol=1e-12
    )


def restarted_in_python(eta, steps, on):
    """Adam that forgets all it knows, its count of steps too."""
    theta, m, v, t, last, count = START, 0.0, 0.0, 0, np.inf, 0
    for _ in range(steps):
        now = VALLEY.value(theta)
        if on == "value" and now > last:
            m, v, t, count = 0.0, 0.0, 0, count + 1
        last, t, g = now, t + 1, VALLEY.grad(theta)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        new = theta - eta * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        if on == "gradient" and g @ (new - theta) > 0:
            m, v, t, count = 0.0, 0.0, 0, count + 1
        theta = new
    return theta, count


@pytest.mark.parametrize("on", ["gradient", "value"])
def test_a_restart_forgets_the_states_and_the_count_of_steps(on):
    want, count = restarted_in_python(0.05, 80, on)
    assert count > 2
    np.testing.assert_allclose(
        path(so.restart(so.adam(eta=0.05), on), steps=80)[-1], want, rtol=1e-9
    )


def test_a_restart_goes_back_to_where_theta_is():
    """States that begin at theta begin there again."""
    z = x = theta = START
    total = restarts = 0
    for _ in range(40):
        g = BOWL.grad(theta)
        z, total = z - 0.15 * g, total + 1
        x = (1 - 1 / total) * x + z / total
        new = 0.5 * z + 0.5 * x
        if g @ (new - theta) > 0:
            z, x, total, restarts = new, new, 0, restarts + 1
        theta = new
    assert restarts > 1
    rule = so.restart(so.schedule_free_sgd(eta=0.15, beta=0.5).reporting("theta"))
    np.testing.assert_allclose(path(rule, BOWL, steps=40)[-1], theta, rtol=1e-9, atol=1e-12)


def test_noise_has_its_mean_and_spread_and_follows_the_seed():
    rule = so.noisy(so.gd(eta=1.0), sigma=2.0)
    flat = so.Cost(sum(0 * s + s for s in sp.symbols("z:6")))
    steps = np.diff(path(rule, flat, np.zeros(6), 4000, rng=3), axis=0) + 1
    assert abs(steps.mean()) < 4 * 2 / np.sqrt(steps.size)
    assert steps.std() == pytest.approx(2.0, rel=0.02)
    again, other = (path(rule, flat, np.zeros(6), 4000, rng=k) for k in (3, 4))
    np.testing.assert_array_equal(np.diff(again, axis=0) + 1, steps)
    assert not np.array_equal(again, other)
    assert abs(np.corrcoef(steps.T) - np.eye(6)).max() < 0.08


def test_two_noises_are_independent_and_every_gradient_has_its_own():
    twice = so.noisy(so.noisy(so.gd(eta=1.0), 1.0), 1.0)
    steps = np.diff(path(twice, so.parse("x"), [0.0], 8000), axis=0) + 1
    assert steps.std() == pytest.approx(np.sqrt(2), rel=0.03)
    two = so.noisy(so.extragradient(eta=1.0), 1.0)
    assert two.update.draws == 2


def test_a_wrapped_rule_compiles_once_for_all_its_values():
    cost = so.parse("x^2 + 3*y^2")
    one = so.clip_norm(so.lookahead(so.adam(eta=0.01), k=4), 1.0)
    so.minimize(cost, one, [1.0, 1.0], 5)
    kernels = len(cost.objective.kernels)
    so.minimize(
        cost,
        so.clip_norm(so.lookahead(so.adam(eta=0.2, beta1=0.5), k=9, alpha=0.1), 7.0),
        [1.0, 1.0],
        5,
    )
    assert len(cost.objective.kernels) == kernels == 1


def test_axes_of_a_wrapper_and_of_the_rule_inside():
    norms, etas = [0.5, 1.0, 1e9], [0.01, 0.1]
    study = so.sweep(BOWL, so.clip_norm(so.gd(eta=etas), norms), START, 20)["clip_norm(gd)"]
    assert study["theta"].sizes == {"eta": 2, "max_norm": 3, "param": 2}
    alone = so.minimize(BOWL, so.clip_norm(so.gd(eta=0.1), 0.5), START, 20).theta
    np.testing.assert_array_equal(study["theta"].sel(eta=0.1, max_norm=0.5), alone)


def test_its_latex_and_repr_show_the_whole():
    rule = so.clip_norm(so.adam(eta=0.01), 1.0)
    text = rule.latex()
    assert r"\text{max\_norm} < \sqrt" in text
    assert r"\sqrt{v'" in text or r"\sqrt{\frac{v'}" in text
    assert repr(rule).startswith("clip_norm(adam(eta=0.01, beta1=0.9")
    assert repr(rule).endswith("), max_norm=1)")
    assert repr(rule(eta=0.5, max_norm=3)).startswith("clip_norm(adam(eta=0.5")


def test_names_that_occur_twice_are_numbered():
    rule = so.weight_decay(so.adamw(weight_decay=0.1), 0.2)
    assert {"weight_decay": 0.1, "weight_decay_2": 0.2}.items() <= rule.values.items()
    double = so.average(so.average(so.gd(eta=0.1)))
    assert set(double.states) == {"mean", "mean_2"}
    assert double.iterate == "mean_2"


def test_needs_and_ranges_are_those_of_both():
    rule = so.clip_norm(so.polyak_step(), 1.0)
    assert rule.needs == ("optimal_value",)
    with pytest.raises(so.RuleError, match="needs the smallest value"):
        so.minimize(BOWL, rule, START)
    for wrong in (
        lambda: rule(max_norm=-1.0),
        lambda: rule(eta=-1.0),
        lambda: so.lookahead(so.gd, alpha=1.5),
    ):
        with pytest.raises(so.RuleError, match=r"expected (max_norm|eta|alpha)"):
            wrong()


def test_names_of_a_wrapper_s_states_and_of_the_rule_s_values_stay_apart():
    @so.rule(k=0)
    def counting(theta, k, *, grad, slow=0.1):
        return theta - slow * grad(theta) * (1 + k), k + 1

    theta = slow = START
    for t in range(1, 5):
        theta = theta - 0.01 * BOWL.grad(theta) * t
        if t % 2 == 0:
            theta = slow = slow + 0.5 * (theta - slow)
    rule = so.lookahead(counting(slow=0.01), k=2)
    assert {"k": "k_2", "slow": "slow_2"}.items() <= {
        "k": list(rule.values)[1],
        "slow": list(rule.states)[1],
    }.items()
    np.testing.assert_allclose(path(rule, BOWL, steps=4)[-1], theta, rtol=1e-13)


def test_a_gradient_that_is_asked_for_twice_has_one_noise():
    @so.rule()
    def twice(theta, *, grad, eta=1.0):
        return theta - eta * (grad(theta) - 0.5 * grad(theta))

    steps = np.diff(path(so.noisy(twice, 1.0), so.parse("1e-300*x"), [0.0], 4000), axis=0)
    assert steps.std() == pytest.approx(0.5, rel=0.04)


def test_wrappers_add_a_few_equations_each():
    """Values have names, so that what stands around a gradient many times is written once."""
    rule, sizes = so.sam(eta=0.1), []
    for _ in range(6):
        rule = so.restart(so.clip_norm(so.weight_decay(rule)))
        sizes.append(sum(value.count_ops() for value in rule.equations.values()))
    assert sizes[5] - sizes[4] < 2 * (sizes[1] - sizes[0])
    assert so.minimize(BOWL, rule, START, 3).steps == 3


def test_mistakes_of_the_inner_rule_show_with_its_own_lines():
    @so.rule()
    def first_only(theta, *, grad, t, eta=0.1):
        return theta - eta * grad(theta) if t == 1 else theta

    with pytest.raises(so.RuleError, match=r"rule first_only, line .*t == 1 holds symbols"):
        so.clip_norm(first_only(eta=0.5), 1.0)


def test_what_an_inner_rule_sees_may_be_a_symbol():
    @so.wrapper(k=0)
    def own_count(step, theta, k, *, t):
        return step(theta, t=k), k + 1

    @so.rule()
    def counted(theta, *, t, grad):
        return theta + t + 0 * grad(theta)

    assert path(own_count(counted), so.parse("x"), [0.0], 4)[:, 0].tolist() == [
        0.0,
        0.0,
        1.0,
        3.0,
        6.0,
    ]


MISTAKES = {
    "restart without a gradient": (
        lambda: so.restart(no_gradient).equations,
        "takes none; expected on='value'",
    ),
    "no rule": (lambda: so.clip_norm(1.0), "expected a rule, as in so.clip_norm"),
    "a rule's name": (lambda: so.clip_norm("adam"), "expected a rule"),
    "too many values": (lambda: so.clip_norm(so.gd, 1.0, 2.0), "takes a rule and 1 value"),
    "an unknown name": (
        lambda: so.clip_norm(so.gd, norm=1.0),
        "no hyperparameter 'norm'; beside a rule it takes max_norm",
    ),
    "twice": (lambda: so.clip_norm(so.gd, 1.0, max_norm=2.0), "max_norm is given twice"),
    "no eta": (
        lambda: so.weight_decay(free, 0.1, decoupled=True).equations,
        "multiplies by eta, which free does not have",
    ),
    "restart on what": (
        lambda: so.restart(so.gd, on="loss").equations,
        "expected 'gradient' or 'value'",
    ),
    "a state from a gradient": (
        lambda: so.restart(from_grad).equations,
        "a restart would have to take anew",
    ),
}


@so.rule()
def free(theta, *, grad, rate=0.1):
    return theta - rate * grad(theta)


@so.rule()
def no_gradient(theta, *, eta=0.1):
    return theta * (1 - eta)


@so.rule(m=so.grad0)
def from_grad(theta, m, *, grad, eta=0.1):
    m = 0.9 * m + 0.1 * grad(theta)
    return theta - eta * m, m


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes(mistake):
    wrong, words = MISTAKES[mistake]
    with pytest.raises(so.RuleError) as error:
        wrong()
    assert words in str(error.value)
