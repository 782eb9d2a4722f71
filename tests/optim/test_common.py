"""What every registered rule must do: a new one is tested here without a line of its own."""

import inspect

import numpy as np
import pytest
import sympy as sp
import textbook
from spread import spread

import symopt as so
from symopt.optim.registry import is_published

START = np.array([-1.2, 1.0])
VALLEY = so.Cost(so.parse("100*(y-x^2)^2 + (1-x)^2"), optimal_value=0.0)
BOWL = so.Cost(so.parse("x^2 + 10*y^2"), optimal_value=0.0)
RULES = dict(so.optimizers)
GRID = np.geomspace(1e-4, 1, 25)
GRIDS = {"adadelta": 100 * GRID}  # its steps have the unit of theta, and begin with sqrt(epsilon)
STEEP = dict.fromkeys(
    ("gd", "momentum", "nesterov", "qhm", "extragradient", "sam", "schedule_free_sgd", "ogm", "silver", "heavy_ball",
     "triple_momentum", "radam"), 1e-4,
)  # fmt: skip
"""Rates for rules whose steps grow with the gradient."""


def test_every_rule_has_a_textbook_version_or_a_test_of_its_own():
    own = {"perturbed_gd", "newton", "damped_newton", "gauss_newton", "levenberg_marquardt"}
    published = {name for name, rule in RULES.items() if is_published(rule)}
    assert published == set(textbook.RULES) | own


@pytest.mark.usefixtures("in_python")
@pytest.mark.parametrize("name", textbook.RULES)
def test_equals_its_numpy_version(name):
    """On the valley, and for Polyak's step, which is chaotic there, on the bowl."""
    cost, start = (BOWL, np.array([1.0, -1.0])) if name == "polyak_step" else (VALLEY, START)
    given = {"eta": STEEP[name]} if name in STEEP else {}
    more = {"value": cost.value} if name == "polyak_step" else {}
    want = textbook.RULES[name](cost.grad, start, 100, **given, **more)
    got = so.minimize(cost, RULES[name](**given), start, 100).history["theta"].values
    np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", textbook.RULES)
def test_has_the_defaults_of_its_numpy_version(name):
    theirs = {
        key: p.default for key, p in inspect.signature(textbook.RULES[name]).parameters.items()
    }
    ours = RULES[name].hyperparameters
    assert {key: theirs[key] for key in ours if key in theirs} == {
        key: ours[key] for key in ours if key in theirs
    }


@pytest.mark.parametrize("name", spread(RULES, every=3))
def test_converges_on_a_quadratic_and_on_rosenbrock_at_some_eta(name):
    rule = RULES[name](eta=GRIDS.get(name, GRID))
    quadratic = so.sweep(BOWL, rule, [1.0, -1.0], 2000)[name]
    assert float(quadratic["best_loss"].min()) < 1e-4
    rule = (
        rule(rho=0.005) if name == "sam" else rule
    )  # which keeps that far from the floor of a narrow valley
    valley = so.sweep(VALLEY, rule, START, 20_000)[name]
    assert float(valley["best_loss"].min()) < 1e-2


@pytest.mark.usefixtures("in_python")
@pytest.mark.parametrize(
    "name", [name for name in RULES if name != "perturbed_gd"]
)  # which leaves it on purpose
def test_a_stationary_point_is_not_left(name):
    rule = (
        RULES[name](initial_accumulator=0.0) if name == "yogi" else RULES[name]
    )  # whose m starts at 1e-6
    run = so.minimize(BOWL, rule, [0.0, 0.0], 50)
    assert run.theta.tolist() == [0.0, 0.0]


@pytest.mark.usefixtures("in_python")
@pytest.mark.parametrize("name", RULES)
def test_coordinates_may_be_exchanged(name):
    text = "x^4 + 10*y^2" if "gauss_newton" in RULES[name].needs else "x^4 + 10*y^2 + x*y"
    first, second = (
        so.Cost(so.parse(text, params=list(names)), optimal_value=-1.0) for names in ("xy", "yx")
    )
    one = so.minimize(first, RULES[name], [1.0, 2.0], 50).theta
    other = so.minimize(second, RULES[name], [2.0, 1.0], 50).theta
    if {"hessian", "gauss_newton"} & set(RULES[name].needs):  # the order of elimination is another
        np.testing.assert_allclose(one, other[::-1], rtol=1e-12, atol=1e-12)
    else:
        np.testing.assert_array_equal(one, other[::-1])


@pytest.mark.usefixtures("in_python")
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("n", [1, 2, 15, pytest.param(100, marks=pytest.mark.slow)])
def test_any_number_of_parameters(name, n):
    z = sp.symbols(f"z:{n}")
    cost = so.Cost(sum(s**2 for s in z), params=z, optimal_value=0.0)
    run = so.minimize(cost, RULES[name](eta=1e-3), np.ones(n), 20)
    assert run.theta.shape == (n,)
    assert run.loss < n
    np.testing.assert_array_equal(run.theta, run.theta[0])


INVARIANT = [  # whose steps do not depend on the unit of J
    "adagrad", "adagrad_norm", "rmsprop", "rprop", "adam", "adamw", "amsgrad", "adamax", "nadam", "nadamw", "adabelief",
    "yogi", "qhadam", "adan", "lion", "signsgd", "lars", "lamb", "schedule_free_adamw", "polyak_step", "newton",
    "gauss_newton", "damped_newton", "levenberg_marquardt",
]  # fmt: skip
ZERO = ("epsilon", "epsilon_root", "initial_accumulator", "damping")


@pytest.mark.usefixtures("in_python")
@pytest.mark.parametrize("name", INVARIANT)
def test_scaling_the_cost_by_a_power_of_two_changes_no_bit(name):
    rule = RULES[name]
    if name != "levenberg_marquardt":  # whose damping has the unit of J
        rule = rule(**{key: 0.0 for key in ZERO if key in rule.hyperparameters})
    scaled = so.Cost(2**20 * VALLEY.expression, optimal_value=0.0)
    one, other = (so.minimize(cost, rule, START, 200) for cost in (VALLEY, scaled))
    np.testing.assert_array_equal(one.history["theta"], other.history["theta"])
    assert one.steps > 3
    assert not np.array_equal(one.theta, START)


@pytest.mark.parametrize("name", RULES)
def test_the_docstring_has_equations_paper_year_and_an_example(name):
    doc = RULES[name].doc
    assert "<-" in doc
    assert "so.minimize(" in doc
    assert any(str(year) in doc.splitlines()[0] for year in range(1600, 2027))


@pytest.mark.parametrize("name", RULES)
def test_every_option_that_can_be_chosen_says_what_it_changes(name):
    """So that a rule of another library can be described in words."""
    from symopt.optim.variants import WORDS

    options = {
        key
        for key, value in RULES[name].defaults.items()
        if value is None or isinstance(value, bool | str)
    }
    assert options - {"warmup", "weight_decay"} <= set(WORDS)  # which are read off the values
