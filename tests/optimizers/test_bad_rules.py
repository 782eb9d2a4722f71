"""Wrong rules and wrong values: refused before anything is compiled, with the line that is wrong."""

import inspect
import math
import re

import numpy as np
import pytest
import sympy as sp

import symopt as so


def forgets(theta, m, *, grad, eta=0.1):
    m = 0.9 * m - eta * grad(theta)
    return theta + m


def one_too_many(theta, *, grad, eta=0.1):
    if eta is None:
        return theta
    return theta, grad(theta)


def branches(theta, *, grad, eta=0.1):
    g = grad(theta)
    if g > 0:
        g = 2 * g
    return theta - eta * g


def with_math(theta, *, grad, eta=0.1):
    g = grad(theta)
    return theta - eta * g / math.sqrt(g * g + 1)


def with_numpy(theta, *, grad, eta=0.1):
    g = grad(theta)
    return theta - eta * np.sqrt(g)


def misspelt(theta, *, grad, eta=0.1):
    return theta - etta * grad(theta)  # noqa: F821


def returns_nothing(theta, *, grad, eta=0.1):
    grad(theta)


def lists(theta, m, *, grad, eta=0.1):
    return [theta - eta * grad(theta), m]


def no_state(theta, *, grad, eta=0.1):
    return theta - eta * grad(theta)


def no_default(theta, *, grad, eta):
    return theta - eta * grad(theta)


def star(theta, *rest, grad, eta=0.1):
    return theta - eta * grad(theta)


WRONG = {  # the function, its states, the line that is wrong, and words
    "forgets a state": (forgets, {"m": 0}, "return theta + m", "returns 1 value(s); expected 2, the next theta, m"),
    "a value too many": (
        one_too_many,
        {},
        "return theta, grad(theta)",
        "returns 2 value(s); expected 1, the next theta",
    ),
    "an if on a symbol": (branches, {}, "if g > 0:", "use sp.Piecewise, sp.Max or sp.Min"),
    "math": (with_math, {}, "return theta - eta * g / math.sqrt(g * g + 1)", "use SymPy's functions"),
    "numpy": (with_numpy, {}, "return theta - eta * np.sqrt(g)", "use SymPy's functions"),
    "a name that is none": (misspelt, {}, "return theta - etta * grad(theta)  # noqa: F821", "'etta' is not defined"),
    "nothing": (
        returns_nothing,
        {},
        "def returns_nothing(theta, *, grad, eta=0.1):",
        "returns nothing as the next theta",
    ),
    "a list": (lists, {"m": 0}, "return [theta - eta * grad(theta), m]", "returns a list; expected a tuple"),
    "a state without an argument": (
        no_state,
        {"m": 0},
        "def no_state(theta, *, grad, eta=0.1):",
        "expected theta and then",
    ),
    "no default": (no_default, {}, "def no_default(theta, *, grad, eta):", "eta needs a default, as in eta=0.9"),
    "any number of arguments": (
        star,
        {},
        "def star(theta, *rest, grad, eta=0.1):",
        "*args and **kwargs are not allowed",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_the_offending_line_is_shown_with_its_number(case, refused):
    function, states, line, words = WRONG[case]
    source, first = inspect.getsourcelines(function)
    number = first + next(k for k, text in enumerate(source) if text.strip() == line)
    refused(lambda: so.minimize(so.parse("x^2"), so.rule(**states)(function), [1.0]), so.RuleError, re.escape(words))
    with pytest.raises(so.RuleError) as error:
        so.rule(**states)(function).update
    assert f"line {number}, {line!r}" in str(error.value)
    assert str(error.value).startswith(f"rule {function.__name__}")


def test_a_rule_without_a_source_has_a_message_too():
    namespace = {}
    exec("def bare(theta, m, *, grad):\n    return theta", namespace)
    with pytest.raises(so.RuleError, match=r"rule bare: returns 1 value\(s\); expected 2"):
        so.rule(m=0)(namespace["bare"]).update


BETAS = [(name, key) for name, rule in so.optimizers.items() for key in rule.hyperparameters if key.startswith("beta")]


@pytest.mark.parametrize(("name", "key"), BETAS)
@pytest.mark.parametrize("value", [1.0, 1.5, -0.1, [0.5, 1.0]])
def test_a_beta_outside_0_to_1_is_refused_in_every_rule(name, key, value):
    with pytest.raises(so.RuleError) as error:
        so.optimizers[name](**{key: value})
    assert f"{name}({key}=" in str(error.value)
    assert f"expected {key} in [0, 1)" in str(error.value)


@pytest.mark.parametrize("name", [name for name, rule in so.optimizers.items() if "epsilon" in rule.hyperparameters])
def test_an_epsilon_below_0_is_refused(name):
    with pytest.raises(so.RuleError, match="expected epsilon at least 0"):
        so.optimizers[name](epsilon=-1e-8)


NO_ASCENT = {
    "rprop",
    "polyak_step",
    "newton",
    "damped_newton",
    "gauss_newton",
    "schedule_free_sgd",
    "schedule_free_adamw",
}


@pytest.mark.parametrize("name", so.optimizers)
def test_a_negative_eta_warns_where_ascent_makes_sense_and_is_refused_elsewhere(name):
    if name in NO_ASCENT:
        with pytest.raises(so.RuleError, match="expected eta at least 0"):
            so.optimizers[name](eta=-0.1)
    else:
        with pytest.warns(so.SymoptWarning, match="a negative eta climbs J"):
            rule = so.optimizers[name](eta=-0.1)
        assert rule.values["eta"] == -0.1


@pytest.mark.filterwarnings("ignore:.*climbs J")
def test_ascent_climbs():
    assert so.minimize(so.parse("-x^2"), so.momentum(eta=-0.1), [1.0], 200).theta[0] == pytest.approx(0, abs=1e-4)


SCHEDULES = {
    "a foreign symbol": (0.1 * sp.Symbol("k"), "holds so.t and so.T only, not k"),
    "a t of one's own": (0.1 / sp.Symbol("t"), "a symbol t of your own: write so.t"),
    "a text": ("0.1/t", "expected a number, a schedule in so.t"),
    "an imaginary number": (sp.I * so.t, "is not real and finite"),
    "a condition": (so.t > 3, "expected a scalar expression"),
}


@pytest.mark.parametrize("case", SCHEDULES)
def test_schedules_that_are_none(case):
    value, words = SCHEDULES[case]
    with pytest.raises(so.RuleError) as error:
        so.adam(eta=value)
    assert words in str(error.value)
    assert "adam(eta=" in str(error.value)


def test_ranges_are_for_the_published_rules_and_whoever_states_them():
    @so.rule(ranges={"alpha": so.Range(1, 2, open_below=True)})
    def own(theta, *, grad, alpha=1.5, beta=7.0):
        return theta - alpha * grad(theta) / beta

    assert own(beta=-3.0).values["beta"] == -3.0
    for wrong in (1.0, 2.5):
        with pytest.raises(so.RuleError, match=r"own\(alpha=.*expected alpha in \(1, 2\]"):
            own(alpha=wrong)
    with pytest.raises(so.RuleError, match=r"expected alpha in \(1, 2\]"):
        own(alpha=0.5)
    with pytest.raises(so.RuleError, match=r"own\(alpha=1.5\): expected alpha in \[2, 3\]"):
        so.rule(ranges={"alpha": so.Range(2, 3)})(own.function)


@pytest.mark.parametrize("name", so.optimizers)
def test_options_are_one_of_those_that_mean_something(name):
    """A text that no equation asks for would silently choose the default."""
    rule = so.optimizers[name]
    for key, value in rule.defaults.items():
        if isinstance(value, str):
            with pytest.raises(so.RuleError, match=f"{key}='nonsense'.*expected"):
                rule(**{key: "nonsense"})
