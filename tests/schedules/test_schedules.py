"""Schedules: closed forms, the definitions of torch and keras, what a run does with them, and refusals."""

import math
from fractions import Fraction
from functools import cache

import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

import symopt as so
from symopt import schedules
from symopt.schedules.decay import SHAPES

T = 120
STEPS = range(1, T + 1)


def at(schedule, steps=STEPS, total=T):
    """Return the values of a schedule to 40 digits, its decimal numbers taken as the doubles they are."""
    exact = schedule.xreplace(
        {number: sp.Rational(float(number)) for number in schedule.atoms(sp.Float)}
    )
    return [
        float(sp.N(exact.xreplace({so.t: sp.Integer(k), so.T: sp.Integer(total)}), 40))
        for k in steps
    ]


def followed(schedule, steps=T, total=T):
    """Return the values of a schedule as a run has them: gd on theta goes down by eta_t each step."""
    run = so.minimize(so.parse("x"), so.gd(eta=schedule), [0.0], total, record=True)
    return -np.diff(run.history["theta"].values[:, 0])[:steps]


# The definitions of torch.optim.lr_scheduler and keras.optimizers.schedules, for k = t - 1 steps made


def step_lr(k):
    return 0.5 * 0.1 ** (k // 30)


def exponential_lr(k):
    return 0.5 * 0.97**k


def polynomial_lr(k):
    return 0.5 * (1 - min(k, 100) / 100) ** 2


def polynomial_decay(k):
    return (0.5 - 0.01) * (1 - min(k, 100) / 100) ** 0.5 + 0.01


def inverse_time_decay(k):
    return 0.5 / (1 + 0.02 * k)


def cosine_annealing_lr(k, T_max=T - 1):
    return 0.001 + (0.5 - 0.001) * (1 + math.cos(math.pi * k / T_max)) / 2


def cosine_annealing_warm_restarts(k, T_0=25):
    return 0.001 + (0.5 - 0.001) * (1 + math.cos(math.pi * (k % T_0) / T_0)) / 2


def one_cycle_lr(k, cosine=True, share=0.3):
    """torch's phases end at share*total - 1 and total - 1."""

    def between(first, last, part):
        return (
            last + (first - last) / 2 * (1 + math.cos(math.pi * part))
            if cosine
            else first + (last - first) * part
        )

    start, peak = 0.5 / 25, share * T - 1
    if k <= peak:
        return between(start, 0.5, k / peak)
    return between(0.5, start / 1e4, (k - peak) / (T - 1 - peak))


def wsd(k):
    t = k + 1
    return 0.5 * t / 10 if t < 10 else 0.5 if t <= T - 24 else 0.5 * (T - t) / 24


LIBRARIES = {
    "step": (schedules.step(0.5, every=30), step_lr),
    "exponential": (schedules.exponential(0.5, 0.97), exponential_lr),
    "polynomial": (schedules.polynomial(0.5, power=2, over=101), polynomial_lr),
    "polynomial to an end": (schedules.polynomial(0.5, 0.01, 0.5, over=101), polynomial_decay),
    "inverse_time": (schedules.inverse_time(0.5, 0.02), inverse_time_decay),
    "cosine": (schedules.cosine(0.5, 0.001), cosine_annealing_lr),
    "restarts": (schedules.cosine(0.5, 0.001, restarts=25), cosine_annealing_warm_restarts),
    "restarts in T": (schedules.cosine(0.5, 0.001, restarts=so.T / 4), lambda k: cosine_annealing_warm_restarts(k, 30)),
    "one_cycle": (schedules.one_cycle(0.5), one_cycle_lr),
    "linear one_cycle": (schedules.one_cycle(0.5, shape="linear"), lambda k: one_cycle_lr(k, cosine=False)),
    "one_cycle of a number": (schedules.one_cycle(0.5, over=T), one_cycle_lr),
    "wsd": (schedules.wsd(0.5, warmup=10, decay=so.T / 5), wsd),
    "warm-up": (schedules.warmup(schedules.cosine(0.5, 0.001), 40), lambda k: min(1, (k + 1) / 40) * cosine_annealing_lr(k)),
    "nesterov": (schedules.nesterov_beta(), lambda k: k / (k + 3)),
}  # fmt: skip


@cache
def exact(name):
    """Return the values of a schedule of the libraries, worked out once."""
    return at(LIBRARIES[name][0])


@pytest.mark.parametrize("name", LIBRARIES)
def test_schedules_equal_the_definitions(name):
    definition = LIBRARIES[name][1]
    np.testing.assert_allclose(
        exact(name), [definition(t - 1) for t in STEPS], rtol=1e-12, atol=1e-15
    )


@pytest.mark.usefixtures("in_python")
@pytest.mark.parametrize("name", LIBRARIES)
def test_a_run_has_the_values_of_the_expression(name):
    schedule, _ = LIBRARIES[name]
    np.testing.assert_allclose(followed(schedule), exact(name), rtol=1e-13, atol=3e-14)


@pytest.mark.usefixtures("in_python")
@pytest.mark.parametrize("name", LIBRARIES)
def test_gradient_descent_follows_the_product(name):
    schedule, _ = LIBRARIES[name]
    run = so.minimize(so.parse("x^2/2"), so.gd(eta=schedule), [1.0], T)
    with mpmath.workdps(30):
        want = mpmath.fprod(1 - mpmath.mpf(eta) for eta in exact(name))
    assert run.theta[0] == pytest.approx(float(want), rel=1e-13, abs=1e-300)


@given(st.integers(1, 10**6), st.integers(1, 5000), st.data())
def test_steps_and_restarts_come_at_the_very_step(every, periods, data):
    """Where a quotient rounds to the wrong side of a whole number, a step comes one late."""
    t = every * periods + data.draw(st.sampled_from([0, 1]))
    graph_value = lowered(schedules.step(1, 2, every) / 2 ** (periods - 1), t)
    assert graph_value == (1.0 if t == every * periods else 2.0) or periods > 1000
    if every > 1:
        want = 1.0 if t > every * periods else math.sin(math.pi / (2 * every)) ** 2
        assert lowered(schedules.cosine(1, restarts=every), t) == pytest.approx(want, rel=1e-3)


def lowered(schedule, t, total=T):
    """Return a schedule at a step by the operations of a run."""
    from symopt.compiler.runtime.interpreter import evaluate
    from symopt.frontend.expressions import lower
    from symopt.ir.program import Graph

    graph = Graph()
    program = graph.program(
        {"value": lower(graph, schedule, lambda symbol: graph.input(str(symbol)))}
    )
    return evaluate(program, {"t": float(t), "T": float(total)})["value"]


ENDS = {
    "polynomial": lambda end, over: schedules.polynomial(0.3, end, 0.5, over),
    "cosine": lambda end, over: schedules.cosine(0.3, end, over),
    **{f"wsd {s}": lambda end, over, s=s: schedules.wsd(0.3, end, 5, 7, s, over) for s in SHAPES},
}


@pytest.mark.parametrize("end", [0, 1e-9])
@pytest.mark.parametrize("name", ENDS)
def test_the_end_is_exact_and_stays(name, end):
    for over in [49, 98, 103]:  # 49*(1/49) is not 1 in floats
        for schedule in (ENDS[name](end, over), ENDS[name](end, so.T)):
            values = [lowered(schedule, t, over) for t in (over - 1, over, over + 1, 10 * over)]
            assert values[1:] == [end] * 3
            assert values[0] > end


def test_cosine_begins_with_the_value_and_is_half_way_in_the_middle():
    assert at(schedules.cosine(0.5, 0.25), [1, 51, 101, 500], 101) == [0.5, 0.375, 0.25, 0.25]


@pytest.mark.parametrize("period", [7, so.T / 5])
def test_warm_restarts_have_their_period(period):
    values = at(schedules.cosine(0.5, restarts=period), range(1, 29), 35)
    np.testing.assert_allclose(values, values[:7] * 4)
    assert values[0] == values[7] == max(values) == 0.5
    assert all(np.diff(values[:7]) < 0)


RTOL = {"cosine": 1e-15, "linear": 1e-15, "sqrt": 1e-8}  # a root begins with an infinite slope


@pytest.mark.parametrize("shape", SHAPES)
def test_one_cycle_has_its_peak_and_its_ends(shape):
    schedule = schedules.one_cycle(0.5, start_factor=10, final_factor=100, share=0.25, shape=shape)
    values = at(schedule)
    np.testing.assert_allclose(
        [values[0], max(values), values[-1]], [0.05, 0.5, 0.0005], rtol=RTOL[shape]
    )
    assert values.index(max(values)) + 1 == 30
    assert all(np.diff(values[:30]) > 0)
    assert all(np.diff(values[29:]) < 0)


def test_one_cycle_of_a_momentum_goes_the_other_way():
    values = at(schedules.one_cycle(0.85, start_factor=0.85 / 0.95, final_factor=1))
    np.testing.assert_allclose([values[0], min(values), values[-1]], [0.95, 0.85, 0.95])


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 10])
def test_short_runs_are_finite(steps):
    for name, (schedule, _) in LIBRARIES.items():
        assert np.isfinite(followed(schedule, total=steps)).all(), name


@pytest.mark.parametrize("shape", SHAPES)
def test_wsd_is_flat_between_warm_up_and_decay(shape):
    values = np.array(at(schedules.wsd(0.5, 0.1, warmup=20, decay=so.T / 4, shape=shape)))
    np.testing.assert_allclose(values[:20], 0.5 * np.arange(1, 21) / 20)
    assert set(values[19:90]) == {0.5}
    assert values[-1] == 0.1
    assert all(np.diff(values[89:]) < 0)


def test_warm_up_grows_to_the_schedule():
    whole = schedules.exponential(0.5, 0.99)
    values, plain = at(schedules.warmup(whole, so.T / 6)), at(whole)
    assert values[0] == pytest.approx(0.5 / 20)
    np.testing.assert_allclose(values[19:], plain[19:])
    np.testing.assert_allclose(values[:20], np.arange(1, 21) / 20 * plain[:20])


def test_nesterov_with_the_paper_s_beta_makes_the_paper_s_iterates():
    """x_k = y_(k-1) - s grad(y_(k-1)), y_k = x_k + (k-1)/(k+2) (x_k - x_(k-1)) from y_0 = x_0."""
    scale, eta = np.array([1.0, 10.0]), 0.09
    x = y = np.array([1.0, -2.0])
    for k in range(1, 51):
        new = y - eta * scale * y
        x, y = new, new + (k - 1) / (k + 2) * (new - x)
    rule = so.nesterov(eta=eta, beta=schedules.nesterov_beta(so.t - 1))
    run = so.minimize(so.parse("x^2/2 + 5*y^2"), rule, [1.0, -2.0], 50)
    np.testing.assert_allclose(run.theta, x, rtol=1e-12, atol=1e-15)


def test_nesterov_s_own_sequence_is_near_the_closed_form():
    one, beta = 1.0, schedules.nesterov_beta()
    for _ in range(1000):
        following = (1 + math.sqrt(1 + 4 * one * one)) / 2
        own, one = (one - 1) / following, following
    assert own == pytest.approx(at(beta, [1000])[0], abs=2e-5)


OTHERS = {
    "step": lambda a: schedules.step(a, a / 5, 100),
    "exponential": lambda a: schedules.exponential(a, 0.9 + a / 10),
    "polynomial": lambda a: schedules.polynomial(a, a / 7, 1 + a),
    "inverse_time": lambda a: schedules.inverse_time(a, a / 100),
    "cosine": lambda a: schedules.cosine(a, a / 100),
    "restarts": lambda a: schedules.cosine(a, a / 100, restarts=50),
    "warm-up": lambda a: schedules.warmup(schedules.cosine(a), so.T / 10),
    "one_cycle": schedules.one_cycle,
    "wsd": lambda a: schedules.wsd(a, a / 100),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_decimal_numbers_are_the_same_update(name):
    """The reader numbers them by size, so that their order has to be the same."""
    rules = [so.gd(eta=OTHERS[name](a)) for a in (0.11, 0.13, 0.17)]
    assert len({id(rule.update) for rule in rules}) == 1
    ends = {float(so.minimize(so.parse("x^2/2"), rule, [1.0], 20).theta[0]) for rule in rules}
    assert len(ends) == 3


def test_a_power_of_the_step_is_a_running_product():
    assert so.gd(eta=schedules.exponential(0.1, 0.99)).update.powers == 1
    assert so.gd(eta=schedules.warmup(schedules.exponential(0.1, 0.99), 10)).update.powers == 1


def test_numbers_keep_their_kind():
    assert isinstance(schedules.constant(2.0), sp.Float)
    assert schedules.constant(np.float32(0.5)) == sp.Float(0.5)
    for whole in (2, np.int64(2), sp.Integer(2)):
        assert schedules.constant(whole) is sp.Integer(2)
    assert schedules.constant(Fraction(1, 3)) == sp.Rational(1, 3)
    assert schedules.constant(1 / so.T) == 1 / so.T
    assert so.gd(eta=schedules.constant(0.25)).hyperparameters["eta"] == 0.25


def test_schedules_can_be_joined():
    both = schedules.warmup(schedules.step(0.5, 0.5, 10), 4) + schedules.cosine(0.25)
    assert at(both, [1, 20], 20) == [0.125 + 0.25, 0.25]


X = sp.Symbol("x")
REFUSED = {
    "a negative length": (lambda: schedules.cosine(0.1, over=-3), "over=-3", "above 0"),
    "a negative share of T": (lambda: schedules.polynomial(0.1, over=-so.T / 2), "over=-T/2", "above 0"),
    "no power": (lambda: schedules.polynomial(0.1, power=0), "power=0", "above 0"),
    "a negative period": (lambda: schedules.cosine(0.1, restarts=-1), "restarts=-1", "above 0"),
    "no period": (lambda: schedules.step(0.1, every=0), "every=0", "above 0"),
    "a negative factor": (lambda: schedules.step(0.1, factor=-0.1), "factor=-0.1", "above 0"),
    "a negative decay": (lambda: schedules.exponential(0.1, decay=-0.5), "decay=-0.5", "above 0"),
    "a negative rate": (lambda: schedules.inverse_time(0.1, rate=-1), "rate=-1", "above 0"),
    "no warm-up": (lambda: schedules.warmup(0.1, 0), r"warmup\(over=0\)", "above 0"),
    "a length and a period": (lambda: schedules.cosine(0.1, over=10, restarts=5), "expected one of them"),
    "a share above 1": (lambda: schedules.one_cycle(0.1, share=1.5), "share=1.5", "between 0 and 1"),
    "a share below 0": (lambda: schedules.one_cycle(0.1, share=-0.5), "share=-0.5", "above 0"),
    "a shape": (lambda: schedules.wsd(0.1, shape="lin"), "shape='lin'", "did you mean 'linear'"),
    "too long phases": (lambda: schedules.wsd(0.1, warmup=60, decay=50, over=100), "of at most over"),
    "too long phases in T": (lambda: schedules.wsd(0.1, warmup=so.T, decay=so.T / 10), "of at most over"),
    "a foreign symbol": (lambda: schedules.warmup(X * so.t, 10), r"schedule=t\*x", "holds x", "so.t and so.T"),
    "an own t": (lambda: schedules.warmup(sp.Symbol("t"), 10), "of your own: write so.t"),
    "a step as a value": (lambda: schedules.cosine(so.t), "value=t", "expression in so.T"),
    "a text": (lambda: schedules.cosine("0.1"), "value='0.1'", "a str", "expected a number"),
    "a truth value": (lambda: schedules.constant(True), "value=True", "a bool"),
    "nothing": (lambda: schedules.warmup(None, 10), "schedule=None", "a NoneType"),
    "an array": (lambda: schedules.constant(np.ones(2)), "a ndarray"),
    "infinity": (lambda: schedules.constant(math.inf), "value=inf", "not real and finite"),
    "not a number": (lambda: schedules.constant(math.nan), "value=nan", "not real and finite"),
    "a complex number": (lambda: schedules.constant(sp.I), "not real and finite"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name, refused):
    call, *words = REFUSED[name]
    refused(call, so.RuleError, *words)
