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


def equals(theta, *, grad, t, eta=0.1):
    if t == 1:
        return theta - eta * grad(theta)
    return theta


def equals_inside(theta, m, *, grad, t, eta=0.1):
    first = grad(theta)
    return theta - eta * sp.Piecewise((first, first == 0), (m, True)), m


def true_or_not(theta, m, *, grad, eta=0.1):
    step = eta * grad(theta) if m else theta
    return theta - step, m


def either(theta, *, grad, eta=0.1):
    return theta - (grad(theta) * eta or 1)


def member(theta, *, grad, t, eta=0.1):
    k = t + 1
    assert eta
    return theta - eta * grad(theta) * (2 if k in (1, 2) else 1)


def options(theta, m, *, grad, t, eta=0.1, kind="one", flag=True, maybe=None):
    """What may be asked: options, and symbols where Python does not decide."""
    if kind == "one" and flag and maybe is None and kind not in ("two", "three"):
        eta = 2 * eta
    g = grad(theta) if maybe is None else grad(theta) + maybe * theta
    return theta - eta * sp.Piecewise((g, sp.Eq(t, 1)), (m, t > 5), (0, True)), m


WRONG = {  # the function, its states, the line that is wrong, and words
    "forgets a state": (
        forgets,
        {"m": 0},
        "return theta + m",
        "returns 1 value(s); expected 2, the next theta, m",
    ),
    "a value too many": (
        one_too_many,
        {},
        "return theta, grad(theta)",
        "returns 2 value(s); expected 1, the next theta",
    ),
    "an if on a symbol": (branches, {}, "if g > 0:", "use sp.Piecewise, sp.Max or sp.Min"),
    "an ==": (equals, {}, "if t == 1:", "t == 1 holds symbols, so that it is decided once"),
    "an == in a Piecewise": (
        equals_inside,
        {"m": 0},
        "return theta - eta * sp.Piecewise((first, first == 0), (m, True)), m",
        "sp.Eq(t, 1)",
    ),
    "a symbol as a test": (
        true_or_not,
        {"m": 0},
        "step = eta * grad(theta) if m else theta",
        "m holds symbols",
    ),
    "an or": (
        either,
        {},
        "return theta - (grad(theta) * eta or 1)",
        "grad(theta) * eta holds symbols",
    ),
    "an assertion": (member, {}, "assert eta", "eta holds symbols"),
    "math": (
        with_math,
        {},
        "return theta - eta * g / math.sqrt(g * g + 1)",
        "use SymPy's functions",
    ),
    "numpy": (with_numpy, {}, "return theta - eta * np.sqrt(g)", "use SymPy's functions"),
    "a name that is none": (
        misspelt,
        {},
        "return theta - etta * grad(theta)  # noqa: F821",
        "'etta' is not defined",
    ),
    "nothing": (
        returns_nothing,
        {},
        "def returns_nothing(theta, *, grad, eta=0.1):",
        "returns nothing as the next theta",
    ),
    "a list": (
        lists,
        {"m": 0},
        "return [theta - eta * grad(theta), m]",
        "returns a list; expected a tuple",
    ),
    "a state without an argument": (
        no_state,
        {"m": 0},
        "def no_state(theta, *, grad, eta=0.1):",
        "expected theta and then",
    ),
    "no default": (
        no_default,
        {},
        "def no_default(theta, *, grad, eta):",
        "eta needs a default, as in eta=0.9",
    ),
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
    refused(
        lambda: so.minimize(so.parse("x^2"), so.rule(**states)(function), [1.0]),
        so.RuleError,
        re.escape(words),
    )
    with pytest.raises(so.RuleError) as error:
        so.rule(**states)(function).update
    assert f"line {number}, {line!r}" in str(error.value)
    assert str(error.value).startswith(f"rule {function.__name__}")


def test_options_may_be_asked():
    assert so.rule(m=0)(options).update.gradients == 1


def test_a_rule_without_a_source_has_a_message_too():
    namespace = {}
    exec("def bare(theta, m, *, grad):\n    return theta", namespace)
    with pytest.raises(so.RuleError, match=r"rule bare: returns 1 value\(s\); expected 2"):
        so.rule(m=0)(namespace["bare"]).update


BETAS = [
    (name, key)
    for name, rule in so.optimizers.items()
    for key in rule.hyperparameters
    if key.startswith("beta")
]


@pytest.mark.parametrize(("name", "key"), BETAS)
@pytest.mark.parametrize("value", [1.0, 1.5, -0.1, [0.5, 1.0]])
def test_a_beta_outside_0_to_1_is_refused_in_every_rule(name, key, value):
    with pytest.raises(so.RuleError) as error:
        so.optimizers[name](**{key: value})
    assert f"{name}({key}=" in str(error.value)
    assert f"expected {key} in [0, 1)" in str(error.value)


@pytest.mark.parametrize(
    "name", [name for name, rule in so.optimizers.items() if "epsilon" in rule.hyperparameters]
)
def test_an_epsilon_below_0_is_refused(name):
    with pytest.raises(so.RuleError, match="expected epsilon at least 0"):
        so.optimizers[name](epsilon=-1e-8)


def test_a_schedule_is_looked_at_when_the_steps_are_known(refused):
    bowl = so.parse("x^2")
    for wrong in (
        so.momentum(beta=so.t / 4),
        so.momentum(beta=2 - 1.5 / so.t),
        so.adam(epsilon=-so.t),
    ):
        refused(
            lambda rule=wrong: so.minimize(bowl, rule, [1.0], 10),
            so.RuleError,
            r"step \d+: .*expected (beta|epsilon)",
        )
    with pytest.warns(so.SymoptWarning, match=r"step \d+: gd.*climbs J"):
        so.minimize(bowl, so.gd(eta=-0.1 / so.t), [1.0], 10)
    so.minimize(bowl, so.nesterov(eta=0.1, beta=so.schedules.nesterov_beta(so.t - 1)), [1.0], 10)


KINDS = {
    "a rule that is called by position": (
        lambda: so.adam(0.1),
        "takes its values by name, as in adam(eta=0.1)",
    ),
    "no function": (lambda: so.rule()(3), "expected a function made by def"),
    "a range for nothing": (
        lambda: so.rule(ranges={"et": so.Range(0)})(no_state),
        "'et', which is no hyperparameter",
    ),
    "no range": (
        lambda: so.rule(ranges={"eta": (0, 1)})(no_state),
        "expected so.Range(0, 1), or a tuple of texts",
    ),
    "no mapping of ranges": (lambda: so.rule(ranges=[1])(no_state), "expected a mapping"),
    "bounds in the wrong order": (lambda: so.Range(1, 0), "expected two numbers, the lower first"),
    "no bound": (lambda: so.Range("a", 0), "expected two numbers"),
    "needs of a wrong kind": (lambda: so.rule(needs=3)(no_state), "needs=3"),
    "iterate of a wrong kind": (lambda: so.rule(iterate=3)(no_state), "iterate=3 is not a state"),
    "a huge start": (lambda: so.rule(m=10**400)(forgets), "starts at 1000"),
    "a name of the results": (
        lambda: so.rule()(named_as_results),
        "steps is what the results of a sweep call something",
    ),
    "a misspelt grad": (lambda: so.rule()(gard), "did you mean 'grad'"),
    "not a whole number": (
        lambda: so.lookahead(so.gd, k=2.5),
        "expected k a whole number at least 1",
    ),
    "a schedule for a count": (
        lambda: so.lookahead(so.gd, k=so.t),
        "a schedule; expected k a whole number",
    ),
    "climbing towards the smallest value": (
        lambda: so.ascend(so.polyak_step).equations,
        "changes the cost that polyak_step sees",
    ),
    "a matrix that is not called": (
        lambda: so.rule()(uncalled).update,
        "expected solve(hessian(theta), v)",
    ),
    "identity outside": (lambda: so.rule()(alone).update, "identity stands outside of solve"),
    "a t of one's own": (lambda: so.rule()(own_t).update, "a symbol t of your own"),
}


def named_as_results(theta, *, grad, steps=3.0):
    return theta - steps * grad(theta)


def gard(theta, *, gard, eta=0.1):
    return theta - eta * gard(theta)


def uncalled(theta, *, grad, hessian, solve):
    return theta - solve(hessian, grad(theta))


def alone(theta, *, grad, identity):
    return theta - identity * grad(theta)


def own_t(theta, *, grad, eta=0.1):
    return theta - eta * grad(theta) / sp.Symbol("t")


@pytest.mark.parametrize("case", KINDS)
def test_things_of_a_wrong_kind(case):
    wrong, words = KINDS[case]
    with pytest.raises(so.RuleError) as error:
        wrong()
    assert words in str(error.value)


def test_the_decorator_works_without_parentheses():
    @so.rule
    def plain(theta, *, grad, eta=0.1):
        return theta - eta * grad(theta)

    assert so.minimize(so.parse("x^2"), plain, [1.0], 1).theta[0] == 0.8


def test_numbers_of_any_kind_may_start_a_state_or_be_returned():
    @so.rule(a=np.float32(0.5), b=sp.Rational(1, 4), c=np.int8(2))
    def counted(theta, a, b, c, *, grad, eta=0.1):
        return (
            theta - eta * (a + b + c) * grad(theta),
            np.float32(0.5),
            sp.Rational(1, 4),
            np.int64(2),
        )

    assert so.minimize(so.parse("x"), counted, [0.0], 2).theta[0] == pytest.approx(-0.55)


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
    assert so.minimize(so.parse("-x^2"), so.momentum(eta=-0.1), [1.0], 200).theta[
        0
    ] == pytest.approx(0, abs=1e-4)


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
