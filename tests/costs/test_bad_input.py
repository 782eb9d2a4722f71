"""What cannot be run is refused before anything is compiled, in words that name the culprit; odd input that can,
works."""

import io
import math
import re
import tokenize

import numpy as np
import pytest
import sympy as sp
import xarray as xr
from sympy.physics.mechanics import dynamicsymbols
from sympy.tensor.array.expressions import ArraySymbol

import symopt as so

x, y, k = sp.symbols("x y k")
f = sp.Function("f")
NAN, INF = math.nan, math.inf
PLAIN = so.Cost(x**2 + 3 * y**2)
WITH_CONSTANT = so.Cost(x**2 + k * y**2, params=[x, y])


def real(name):
    return sp.Symbol(name, real=True)


def minimize(**changes):
    """Run a good call with some of its arguments changed."""
    arguments = {"cost": PLAIN, "rule": "gd", "start": [1.0, 2.0], "steps": 3, **changes}
    return so.minimize(**arguments)


def sweep(**changes):
    arguments = {"cost": PLAIN, "rules": "gd", "start": [1.0, 2.0], "steps": 3, **changes}
    return so.sweep(**arguments)


# Costs


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (5, "5.*int"), (2.5, "float"), (np.float64(5), "float64"), (1j, "complex"), (True, "bool"), (None, "None"),
        ("x**2", r"x\*\*2.*so\.parse"), ([x], r"\[x\].*list"), ((x, y), "tuple"), ({x}, "set"),
        (np.array([x]), "ndarray"),
        (sp.Matrix([x, y]), "Matrix"), (x < 1, "x < 1"), (sp.Eq(x, 1), "Eq"), (sp.true, "Boolean"), (so.gd, "Rule"),
        (sp.And(x > 0, y > 0), "And"), (lambda x: x, "function"), (sp.S(5), "5 has no symbols"),
        (sp.pi, "pi has no symbols"),
    ],
)  # fmt: skip
def test_a_cost_that_is_no_expression(refused, value, words):
    refused(lambda: so.Cost(value), so.CostError, words)
    refused(lambda: minimize(cost=value), so.CostError, words)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ([x, y], "'y' does not occur"), (["tehta"], "'tehta' does not occur.*did you mean 'theta'"),
        ([x, x], "'x' .*twice"),
        (["x", x], "'x' .*twice"), ([], "empty"), ([5], "5 is a int"), (5, "5"), ([None], "None"),
        ([x**2], r"x\*\*2 is a Pow"),
        ([sp.Symbol("x", positive=True)], "'x'.*assumptions"), ("x y", "'y' does not occur"),
    ],
)  # fmt: skip
def test_parameters_that_do_not_fit(refused, params, words):
    refused(lambda: so.Cost(x**2 + sp.Symbol("theta"), params=params), so.CostError, words)


@pytest.mark.parametrize(
    "pair",
    [
        (sp.Symbol("q", positive=True), sp.Symbol("q")), (real("q"), sp.Symbol("q")),
        (sp.Symbol("q", integer=True), real("q")),
        (sp.Dummy("q"), sp.Dummy("q")), (sp.Dummy("q"), sp.Symbol("q")),
    ],
)  # fmt: skip
def test_symbols_that_share_a_name(refused, pair):
    refused(lambda: so.Cost(pair[0] ** 2 + pair[1]), so.CostError, "'q'", "assumptions")


@pytest.mark.parametrize(
    ("expression", "word"),
    [
        (sp.I * x, "imaginary"), (x + sp.sqrt(-1), "imaginary"), (x * (1 + 2 * sp.I), "imaginary"),
        (sp.exp(sp.I * x), "imaginary"),
        (1j * x, "imaginary"), (x + sp.log(-2), "imaginary"), (sp.root(-1, 3) * x, "real"), (x * sp.asin(2), "real"),
        (x + sp.acosh(sp.Rational(1, 2)), "imaginary"), (sp.zoo * x, "zoo"), (x + 1 / sp.S(0), "zoo"),
        (sp.oo * x, "oo"),
        (x * y - sp.oo, "oo"), (x * INF, "oo"), (sp.Float("inf") * x, "oo"),
        (sp.Piecewise((x, x > 0), (sp.nan, True)), "nan"),
        (x * sp.Add(sp.nan, y, evaluate=False), "nan"), (10**400 * x, "beyond"), (sp.Float("1e400") * x, "beyond"),
        (x ** sp.Float("1e400"), "beyond"), (sp.sqrt(10**400 + 1) * x, "beyond|not real|infinite"),
    ],
)  # fmt: skip
def test_numbers_that_are_not_real_or_not_finite(refused, expression, word):
    refused(lambda: so.Cost(expression), so.CostError, word)


@pytest.mark.parametrize("number", [sp.I, sp.zoo, sp.oo, -sp.oo])
def test_numbers_that_are_not_real_or_not_finite_beside_symbols_that_are_real(refused, number):
    refused(
        lambda: so.Cost(real("x") ** 2 + number * real("y")),
        so.CostError,
        str(abs(number)) if number != sp.I else "I",
    )


def test_a_cost_that_sympy_turned_into_nan(refused):
    refused(lambda: so.Cost(sp.nan * x), so.CostError, "nan")


@pytest.mark.parametrize(
    ("expression", "place", "cure"),
    [
        (y + sp.besselj(0, x), r"besselj\(0, x\)", r"Sum\(.*factorial"), (sp.DiracDelta(x) + y, r"DiracDelta\(x\)", "supported"),
        (x * f(x + y), r"f\(x \+ y\)", "formula"), (f(x), r"f\(x\)", "formula"), (sp.LambertW(x), r"LambertW\(x\)", "Newton"),
        (sp.Function("arcsin")(x), r"arcsin\(x\)", r"sympy\.asin\(x\)"), (sp.Function("sinhh")(x), "sinhh", r"did you mean sympy\.sinh"),
        (dynamicsymbols("q") ** 2, r"q\(t\)", r"subs\(q\(t\), sympy\.Symbol\('q'\)\)"),
        (dynamicsymbols("q", 1) ** 2, r"Derivative\(q\(t\), t\)", "q_dot"), (sp.Derivative(f(x), x) + y, r"Derivative\(f\(x\), x\)", "formula|symbol"),
        (ArraySymbol("A", (2, 3))[0, 1] ** 2, "ArraySymbol", r"IndexedBase\('A', shape=\(2, 3\)\)"),
        (sp.Si(x) + y, r"Si\(x\)", "leggauss"), (sp.zeta(x), r"zeta\(x\)", "series"), (sp.jn(1, x), r"jn\(1, x\)", r"sin\(x\)/x\*\*2"),
        (sp.Integral(sp.exp(sp.sin(x) * y), (x, 0, y)), "Integral", "leggauss"), (sp.Subs(f(x), x, y), "Subs|f", "formula"),
        (sp.Piecewise((x, sp.Symbol("b")), (y, True)), "b", "condition"), (x + sp.O(x**2), "O", "x"),
    ],
)  # fmt: skip
def test_functions_without_machine_code(refused, expression, place, cure):
    refused(lambda: so.Cost(expression), so.UnsupportedError, place, cure)


ASK = {
    "value": lambda J, **c: J.value([1, 2], **c),
    "minimize": lambda J, **c: minimize(cost=J, **c),
    "sweep": lambda J, **c: sweep(cost=J, **c),
}


@pytest.mark.parametrize("ask", ASK)
@pytest.mark.parametrize(
    ("constants", "words"),
    [
        ({}, ["missing: k", "k=1.0"]), ({"k": 1, "kappa": 1}, ["'kappa'"]),
        ({"K": 1}, ["'K'", "did you mean 'k'|known: k"]),
        ({"k": NAN}, ["k", "nan", "finite"]), ({"k": -INF}, ["k", "inf", "finite"]),
        ({"k": "fast"}, ["k", "'fast'", "number"]),
        ({"k": None}, ["k", "None", "number"]), ({"k": 1j}, ["k", "1j"]), ({"k": x}, ["k", "x"]),
        ({"k": [1, NAN]}, ["k", "finite"]),
        ({"k": 10**400}, ["k"]), ({"k": [[1], [1, 2]]}, ["k"]), ({"k": np.array([1j])}, ["k", "j"]),
    ],
)  # fmt: skip
def test_constants_that_do_not_fit(refused, ask, constants, words):
    refused(lambda: ASK[ask](WITH_CONSTANT, **constants), so.CostError, *words)


def test_an_unknown_constant_is_refused_when_it_is_bound(refused):
    refused(lambda: WITH_CONSTANT(kk=1), so.CostError, "'kk'", "did you mean 'k'")


def test_the_remedy_for_a_missing_constant_is_one_that_works():
    with pytest.raises(so.CostError) as caught:
        WITH_CONSTANT.value([1, 2])
    remedies = re.findall(r"J(?:\.value)?\([^)]*\)", str(caught.value))
    assert remedies
    for remedy in remedies:
        eval(remedy, {"J": WITH_CONSTANT, "theta": [1, 2]})


@pytest.mark.parametrize(
    ("theta", "words"),
    [
        ([1, 2, 3], [r"\(3,\)", "x, y"]), (1.0, [r"\(\)", "x, y"]), ([], ["x, y"]), ("ab", ["'ab'"]),
        ({x: 1}, ["x", "y"]),
        ({"x": 1, "z": 2}, ["z"]), ({x: "a", y: 1}, ["'a'"]), ([[1], [1, 2]], ["x, y"]), (None, ["None"]),
        ([1j, 1], ["1j"]),
        (np.array([1j, 1]), ["j"]), ([10**400, 1], ["x, y"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["value", "grad", "hessian"])
def test_points_that_do_not_fit(refused, method, theta, words):
    refused(lambda: getattr(PLAIN, method)(theta), so.CostError, *words)


def test_points_and_constants_of_different_shapes(refused):
    refused(lambda: WITH_CONSTANT.value(np.ones((3, 2)), k=np.ones(4)), so.CostError, "3", "4", "k")


# Rules and their hyperparameters


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("adm", "'adm'.*did you mean 'adam'"), ("Adam", "did you mean 'adam'"), ("qqqq", "'qqqq'.*known: gd"),
        ("", "known: gd"),
        (5, "5 is a int"), (None, "None"), (so.Rule, "Rule"), (lambda theta: theta, "function"), (["adm"], "adm"),
    ],
)  # fmt: skip
def test_rules_that_are_not_known(refused, given, words):
    refused(lambda: minimize(rule=given), so.RuleError, words)
    refused(lambda: sweep(rules=given), so.RuleError, words)


def test_a_name_that_is_not_among_the_optimizers(refused):
    refused(lambda: so.optimizers["adm"], so.RuleError, "'adm'", "did you mean 'adam'")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"lr": 0.1}, ["adam", "'lr'", "did you mean 'eta'"]), ({"betta1": 0.9}, ["'betta1'", "did you mean 'beta1'"]),
        ({"eta": NAN}, ["adam", "eta", "nan"]), ({"eta": INF}, ["eta", "inf"]),
        ({"beta1": [0.9, NAN]}, ["beta1", "finite"]),
        ({"eta": np.array(NAN)}, ["eta", "finite"]), ({"eta": sp.nan}, ["eta", "nan"]),
        ({"eta": sp.oo}, ["eta", "oo|inf"]),
        ({"eta": sp.zoo}, ["eta", "zoo"]), ({"eta": sp.I}, ["eta", "I"]), ({"eta": so.t * sp.zoo}, ["eta", "zoo"]),
        ({"eta": so.t * sp.I}, ["eta", "I|imaginary"]), ({"eta": 1j}, ["eta", "1j"]),
        ({"eta": object()}, ["eta", "object"]),
        ({"eta": "fast"}, ["eta", "'fast'"]), ({"eta": None}, ["eta", "None"]), ({"eta": True}, ["eta", "True"]),
        ({"eta": lambda t: 1 / t}, ["eta", "function"]), ({"eta": so.t < 3}, ["eta", "t < 3"]),
        ({"eta": [so.t]}, ["eta", "t"]),
        ({"eta": sp.Matrix([so.t])}, ["eta", "Matrix"]), ({"eta": x / so.t}, ["eta", "x"]),
        ({"eta": 1 / sp.Symbol("t")}, ["eta", r"so\.t"]),
        ({"eta": real("beta1") / so.t}, ["eta", "beta1"]), ({"eta": real("theta")}, ["eta", "theta"]),
        ({"eta": sp.besselj(0, so.t)}, ["besselj"]), ({"eta": f(so.t)}, [r"f\(t\)"]), ({"eta": 10**400}, ["eta"]),
        ({"epsilon_hat": "no"}, ["epsilon_hat", "'no'"]), ({"epsilon_hat": 2}, ["epsilon_hat", "2"]),
    ],
)  # fmt: skip
def test_hyperparameters_that_do_not_fit(refused, values, words):
    refused(lambda: minimize(rule=so.adam(**values)), so.SymoptError, *words)


@pytest.mark.parametrize("off", [False, 0, 0.0, np.False_])
def test_an_option_that_is_off_in_any_spelling_is_off_or_refused(off):
    try:
        switched = so.nesterov(eta=0.1, shifted=off)
        got = minimize(rule=switched).theta
    except so.RuleError:
        return
    np.testing.assert_array_equal(got, minimize(rule=so.nesterov(eta=0.1, shifted=False)).theta)


@pytest.mark.parametrize(
    "value", [[0.1, 0.2], [0.1], np.array([0.1]), xr.DataArray([0.1, 0.2], dims="a")]
)
def test_an_array_where_minimize_takes_a_number(refused, value):
    refused(lambda: minimize(rule=so.gd(eta=value)), so.RuleError, "eta", r"so\.sweep")
    refused(lambda: minimize(cost=WITH_CONSTANT, k=value), so.SymoptError, "k", r"so\.sweep")
    refused(lambda: minimize(cost=WITH_CONSTANT(k=value)), so.SymoptError, "k", r"so\.sweep")


def test_a_state_that_starts_at_a_schedule(refused):
    refused(
        lambda: minimize(rule=so.adagrad(initial_accumulator=1 / so.t)),
        so.RuleError,
        "adagrad",
        "initial_accumulator",
    )


# Functions that make no rule


def missing_state(theta, *, grad):
    return theta


def extra_state(theta, m, q, *, grad):
    return theta, m


def star(theta, m, *args):
    return theta, m


def keywords(theta, m, **kw):
    return theta, m


def no_theta(w, m, *, grad):
    return w, m


def swapped(m, theta):
    return theta, m


def no_default(theta, m, *, grad, eta):
    return theta - eta * grad(theta), m


NOTHING = object()


def object_default(theta, m, *, grad, eta=NOTHING):
    return theta - eta * grad(theta), m


def nan_default(theta, m, *, grad, eta=NAN):
    return theta - eta * grad(theta), m


def too_few(theta, m, *, grad):
    return theta - grad(theta)


def too_many(theta, m, *, grad):
    return theta - grad(theta), m, m


def no_return(theta, m, *, grad):
    theta = theta - grad(theta)


def branches(theta, m, *, grad):
    if grad(theta) > 0:
        return theta - 1, m
    return theta + 1, m


def python_max(theta, m, *, grad):
    return theta - max(grad(theta), m), m


def numpy_root(theta, m, *, grad):
    return theta - np.sqrt(grad(theta)), m


def gradient_itself(theta, m, *, grad):
    return theta - 0.1 * grad, m


def gradient_of_nothing(theta, m, *, grad):
    return theta - 0.1 * grad(), m


def divides_by_zero(theta, m, *, grad, eta=0.1):
    return theta - eta / 0 * grad(theta), m


def imaginary(theta, m, *, grad):
    return theta - sp.I * grad(theta), m


def stranger(theta, m, *, grad):
    return theta - sp.Symbol("zz") * grad(theta), m


def unsupported(theta, m, *, grad):
    return theta - sp.besselj(0, grad(theta)), m


def text(theta, m, *, grad):
    return "theta - 1", m


def truth(theta, m, *, grad):
    return True, m


def relation(theta, m, *, grad):
    return theta < 1, m


def matrix(theta, m, *, grad):
    return sp.Matrix([theta]), m


def raises(theta, m, *, grad):
    raise KeyError("own trouble")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (missing_state, ["theta, m"]), (extra_state, ["theta, m, q"]), (star, [r"\*args"]), (keywords, [r"\*\*kw"]),
        (no_theta, ["w, m"]),
        (swapped, ["m, theta"]), (no_default, ["eta", "default"]), (object_default, ["eta", "object"]),
        (nan_default, ["eta", "nan"]),
        (too_few, ["returns 1", "2", "theta, m"]), (too_many, ["returns 3", "2", "theta, m"]),
        (no_return, ["returns", "None|nothing"]),
        (branches, ["line", r"if grad\(theta\) > 0"]), (python_max, ["line", r"max\(grad\(theta\), m\)"]),
        (numpy_root, ["line", r"np\.sqrt"]), (gradient_itself, ["line", r"0\.1 \* grad"]),
        (gradient_of_nothing, [r"grad"]),
        (divides_by_zero, ["zoo|zero"]), (imaginary, ["imaginary|I|real"]), (stranger, ["zz"]),
        (unsupported, ["besselj"]),
        (text, ["theta - 1"]), (truth, ["True"]), (relation, ["theta < 1"]), (matrix, ["Matrix"]),
        (raises, ["line", "raise", "own trouble"]),
    ],
)  # fmt: skip
def test_functions_that_make_no_rule(refused, function, words):
    refused(
        lambda: minimize(rule=so.rule(m=0)(function)), so.SymoptError, function.__name__, *words
    )


@pytest.mark.parametrize("start", ["foo", True, NAN, INF, None, [0.0], 1j, x])
def test_states_that_start_nowhere(refused, start):
    def fine(theta, m, *, grad, eta=0.1):
        return theta - eta * m, grad(theta)

    refused(
        lambda: minimize(rule=so.rule(m=start)(fine)),
        so.RuleError,
        "fine",
        "state m",
        re.escape(repr(start)),
    )


def test_an_iterate_that_is_no_state(refused):
    def fine(theta, mean, *, grad):
        return theta - grad(theta), mean

    refused(
        lambda: so.rule(mean=0, iterate="maen")(fine), so.RuleError, "'maen'", "did you mean 'mean'"
    )


def test_a_rule_s_text_is_never_evaluated(tmp_path):
    target = tmp_path / "pwned"

    def evil(theta, *, grad):
        return f"__import__('pathlib').Path({str(target)!r}).touch()"

    with pytest.raises(so.SymoptError):
        minimize(rule=so.rule()(evil))
    assert not target.exists()


# Starts, steps and the other settings


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ([1, 2, 3], [r"\(3,\)", r"\(2,\)", "x, y"]), ([1], [r"\(1,\)"]), (1.0, [r"\(\)"]), ([], [r"\(0,\)"]),
        ([[1, 2]], [r"\(1, 2\)"]),
        ([1, NAN], ["nan", "finite"]), ([INF, 1], ["inf", "finite"]), ([1, -INF], ["inf"]), ("ab", ["'ab'"]),
        (None, ["start is missing"]),
        ([1, 1j], ["1j"]), (np.array([1, 1j]), ["j"]), ([x, 1], ["x"]), ({x: 1}, ["x, y"]),
        ({x: 1, y: 2, "z": 3}, ["z"]),
        ({x: "a", y: 1}, ["'a'"]), ([10**400, 1], ["x, y"]), ([[1], [1, 2]], ["x, y"]), ({1, 2}, ["x, y"]),
        ({x: [1, 2], y: 1}, [r"\(2, 2\)"]),
    ],
)  # fmt: skip
def test_starts_that_do_not_fit(refused, start, words):
    refused(lambda: minimize(start=start), so.SymoptError, *words)


@pytest.mark.parametrize(
    "steps", [-1, 1.5, 10.0, True, False, None, "10", [10], np.float64(3), NAN]
)
def test_steps_that_are_no_number_of_steps(refused, steps):
    refused(lambda: minimize(steps=steps), so.RunError, re.escape(f"steps={steps!r}"))
    refused(lambda: sweep(steps=steps), so.RunError, re.escape(f"steps={steps!r}"))


BAD_SETTINGS = [
    *[("tolerance", value) for value in (-1, -1e-300, NAN, INF, "a", True, [1e-3], 1j)],
    *[("limit", value) for value in (0, -1, NAN, INF, None, "a", True, [1])],
    *[
        ("record", value)
        for value in (
            0,
            -1,
            1.5,
            "all",
            "none",
            [0, 4],
            [-1, 2],
            [0.5],
            [[1]],
            {},
            [None],
            [True, False],
            [[1], [1, 2]],
        )
    ],
]
BAD_SWEEPS = [
    *[("targets", value) for value in ([NAN], [[1.0]], "a", ["a"], None, [1j], [[1], [1, 2]])],
    *[("threads", value) for value in (0, -1, 1.5, "a")],
]


@pytest.mark.parametrize(("name", "value"), BAD_SETTINGS)
def test_settings_out_of_range(refused, name, value):
    refused(lambda: minimize(**{name: value}), so.RunError, f"{name}={re.escape(repr(value))}")


@pytest.mark.parametrize(("name", "value"), [*BAD_SETTINGS, *BAD_SWEEPS])
def test_settings_of_a_sweep_out_of_range(refused, name, value):
    refused(lambda: sweep(**{name: value}), so.RunError, f"{name}={re.escape(repr(value))}")


def test_a_history_that_does_not_fit_into_memory(refused):
    refused(lambda: minimize(steps=10**12, record=True), so.RunError, "record", "GiB")
    refused(
        lambda: sweep(start=np.ones((10**6, 2)), steps=10**6, record=True),
        so.RunError,
        "record",
        "GiB",
    )


def test_recording_more_steps_than_there_are_records_all():
    assert minimize(steps=5, record=10**6).recorded.tolist() == [0, 1, 2, 3, 4, 5]


# Sweeps


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ([so.gd, so.gd(eta=0.1)], ["gd", "twice"]), (["adam", "gd", so.adam], ["adam", "twice"]), ([], ["no rule"]),
        ({}, ["no rule"]),
        ([so.gd, "adm"], ["'adm'", "adam"]), ({"slow": 5}, ["5"]), (None, ["None"]), (5, ["5"]),
    ],
)  # fmt: skip
def test_lists_of_rules_that_do_not_fit(refused, rules, words):
    refused(lambda: sweep(rules=rules), so.RuleError, *words)


ROWS = np.ones((3, 2))


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (np.zeros((0, 2)), ["empty"]), ([], [r"\(0,\)"]), (np.zeros((1, 1, 2)), [r"\(1, 1, 2\)"]),
        (np.ones((2, 3)), [r"\(2, 3\)"]),
        ([[1, NAN]], ["finite"]), ([[1, 2], [INF, 1]], ["finite"]), ("ab", ["'ab'"]),
        ({x: [1, 2], y: [1, 2, 3]}, ["x, y|shape"]),
        (xr.DataArray(ROWS, dims=("a", "b")), ["param"]),
        (xr.DataArray(np.ones((2, 3)), dims=("a", "param")), [r"\(2, 3\)|3"]),
        (xr.DataArray(np.ones((0, 2)), dims=("a", "param")), ["empty"]),
        (xr.DataArray([[1, NAN]], dims=("a", "param")), ["finite"]),
        (so.uniform([0, 0, 0], 1, 4), ["uniform|low|shape|3"]), (so.uniform(0, 1, 4, rng="a"), ["rng|'a'"]),
    ],
)  # fmt: skip
def test_starts_of_a_sweep_that_do_not_fit(refused, start, words):
    refused(lambda: sweep(start=start), so.RunError, *words)


@pytest.mark.parametrize(
    ("low", "high", "size", "words"),
    [
        (0, 1, 0, "size=0"), (0, 1, -1, "size=-1"), (0, 1, 2.5, r"size=2\.5"), (0, 1, True, "size=True"),
        (1, 0, 3, "low=1.*high=0"),
        ([0, 2], [1, 1], 3, "low"), (NAN, 1, 3, "nan"), (-INF, INF, 3, "inf"), (0, INF, 3, "inf"),
        ("a", "b", 3, "'a'"), (None, 1, 3, "None"),
    ],
)  # fmt: skip
def test_boxes_that_are_none(refused, low, high, size, words):
    refused(lambda: so.uniform(low, high, size), so.RunError, words)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([[0.1, 0.2]], [r"\(1, 2\)"]), (np.full((2, 2), 0.1), [r"\(2, 2\)"]), ([], [r"\(0,\)"]),
        (xr.DataArray(np.zeros(0), dims="a"), ["empty|0"]),
        (xr.DataArray([0.1, 0.2], dims="param"), ["param"]), (xr.DataArray([0.1, 0.2], dims="step"), ["step"]),
        (xr.DataArray([0.1, 0.2], dims="target"), ["target"]),
        (xr.DataArray([0.1, 0.2], dims="start"), ["start", "2", "3"]),
    ],
)  # fmt: skip
def test_axes_that_do_not_fit(refused, value, words):
    refused(
        lambda: sweep(rules=so.gd(eta=value), start=ROWS, record=True, targets=[1.0]),
        so.RunError,
        *words,
    )
    refused(
        lambda: sweep(cost=WITH_CONSTANT, k=value, start=ROWS, record=True, targets=[1.0]),
        so.RunError,
        *words,
    )


@pytest.mark.parametrize(
    "values", [[0.1, NAN], [0.1, INF], ["fast", "slow"], [1j, 0.1], [None, 0.1], [True, False]]
)
@pytest.mark.parametrize("labelled", [False, True])
def test_axes_whose_values_are_no_finite_numbers(refused, labelled, values):
    value = xr.DataArray(values, dims="a") if labelled else values
    refused(lambda: sweep(rules=so.gd(eta=value)), so.SymoptError, "eta")
    refused(lambda: sweep(cost=WITH_CONSTANT, k=value), so.SymoptError, "k")


def test_axes_whose_coordinates_differ(refused):
    eta = xr.DataArray([0.1, 0.2], dims="a", coords={"a": [0, 1]})
    start = xr.DataArray(np.ones((2, 2)), dims=("a", "param"), coords={"a": [5, 6]})
    refused(lambda: sweep(rules=so.gd(eta=eta), start=start), so.RunError, "a")


def test_a_start_whose_parameters_are_named_goes_by_the_names():
    start = xr.DataArray([[2.0, 1.0]], dims=("a", "param"), coords={"param": ["y", "x"]})
    try:
        got = sweep(start=start, steps=0)["gd"]["theta"].values
    except so.RunError:
        return
    np.testing.assert_array_equal(got, [[1.0, 2.0]])


# What must work


@pytest.mark.parametrize(
    "start",
    [[10], np.array([10]), np.array([10], dtype=np.int8), (10,), {"q": 10}, {sp.Symbol("q"): 10}],
)
def test_an_integer_start_is_a_float(start):
    q = sp.Symbol("q")
    run = so.minimize(so.Cost(q**20), so.gd(eta=0.0), start, 1, limit=1e30)
    assert run.loss == 1e20
    assert so.Cost(q**20).value(start) == 1e20
    assert run.theta.dtype == np.float64


def read_only(values):
    array = np.array(values)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    "start",
    [np.array([1.0, 2.0]), np.ones((4, 2)), read_only([1.0, 2.0]), read_only([[1.0, 2.0]] * 4)],
)
def test_the_user_s_start_is_never_changed(start):
    before = start.copy()
    study = so.sweep(PLAIN, so.adam(eta=0.1), start, 20)
    if start.ndim == 1:
        run = so.minimize(PLAIN, so.adam(eta=0.1), start, 20)
        assert not np.shares_memory(run.theta, start)
        assert (run.theta != start).all()
    np.testing.assert_array_equal(start, before)
    assert (study["adam"]["theta"].values != start).all()


def test_the_user_s_other_arrays_are_never_changed():
    eta, k_values = read_only([0.01, 0.02]), read_only([1.0, 2.0, 3.0])
    labelled = xr.DataArray(read_only([[1.0, 2.0]]), dims=("a", "param"))
    study = so.sweep(
        WITH_CONSTANT, so.gd(eta=eta), labelled, 5, k=k_values, targets=read_only([1.0, 0.5])
    )
    assert study["gd"].sizes["eta"] == 2
    assert study["gd"].sizes["cost.k"] == 3


HOSTILE = [
    "lambda", "sin", "x y", "__import__('os').system('touch pwned')", "x\nimport os\nos.system('touch pwned')",
    "a\r\nb", "a\u2028b", "a\x0cb",
    "'''", '"""', "\\", "#", "{0}", "%s", "return", "block", "out", "plan", "i", "count", "t0", "x0", "c0", "fma",
    "None", "", " ", "π²", "nan", "0",
    "*/ //", "</script>", "J", "self", "theta", "start", "steps", "record", "rule", "cost", "limit", "constants", "v",
    "params",
]  # fmt: skip


def words(source):
    """Return the names and texts in a source, without its comments."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.string for token in tokens if token.type in (tokenize.NAME, tokenize.STRING)}


@pytest.mark.usefixtures("in_python")
@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_symbol_may_have_any_name(monkeypatch, tmp_path, name):
    """It is only a name: the numbers are those of a plain one, the code holds nothing of it, and nothing happens."""
    monkeypatch.chdir(tmp_path)
    odd, other, constant = sp.Symbol(name), sp.Symbol("q_other"), sp.Symbol(f"{name}!")
    plain = so.Cost((x - 3) ** 2 * k + x * y + y**4, params=[x, y])(k=1.5)
    cost = so.Cost((odd - 3) ** 2 * constant + odd * other + other**4, params=[odd, other])(
        **{constant.name: 1.5}
    )
    point = [0.7, -1.3]
    run, wanted = (so.minimize(J, so.adam(eta=0.1), point, 10) for J in (cost, plain))
    np.testing.assert_allclose(cost.value(point), plain.value(point), rtol=1e-14)
    np.testing.assert_allclose(cost.grad(point), plain.grad(point), rtol=1e-14)
    np.testing.assert_allclose(run.theta, wanted.theta, rtol=1e-12)
    for source, usual in ((cost.source, plain.source), (run.source, wanted.source)):
        strange = {
            word for word in words(source) - words(usual) if not re.fullmatch(r"[a-z]+_?\d+", word)
        }
        assert not strange
    assert all((repr(cost), repr(run), cost.latex(), cost._repr_html_(), run.history.attrs))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name", ["theta", "self", "v", "start", "cost", "constants", "direction", "values"]
)
def test_a_constant_may_be_called_like_an_argument(name):
    cost = so.Cost(x**2 * sp.Symbol(name), params=[x])
    assert cost.value([3.0], **{name: 2.0}) == 18.0
    assert cost.grad([3.0], **{name: 2.0}) == 12.0
    assert cost.hvp([3.0], [1.0], **{name: 2.0}) == 4.0
    assert cost(**{name: 2.0}).value([3.0]) == 18.0


def test_a_cost_of_a_cost_keeps_its_parameters_and_constants():
    cost = so.Cost(WITH_CONSTANT(k=2.0))
    assert cost.params == WITH_CONSTANT.params
    assert cost.value([1.0, 3.0]) == 19.0
