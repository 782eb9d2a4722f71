"""Pictures of schedules."""

import numpy as np
import pytest
import sympy as sp
from matplotlib.figure import Figure
from pictured import labels, saved

import symopt as so
from symopt import schedules
from symopt.plot._schedule import MOST, schedule


def test_a_schedule_is_drawn_at_every_step():
    ax = schedule(0.5 / so.t + so.t / so.T, steps=100)
    t = np.arange(1, 101)
    (line,) = ax.lines
    np.testing.assert_array_equal(line.get_xdata(), t)
    np.testing.assert_allclose(line.get_ydata(), 0.5 / t + t / 100, rtol=1e-15)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "value")
    assert ax.get_legend() is None
    assert (ax.get_xlim()[0], ax.get_ylim()[0]) == (0, 0)


def test_a_rule_draws_its_scheduled_hyperparameters():
    rule = so.adam(
        eta=schedules.cosine(0.1), beta1=schedules.one_cycle(0.85, 0.85 / 0.95, 1), beta2=0.9
    )
    ax = schedule(rule, steps=50)
    assert labels(ax) == ["eta", "beta1"]
    np.testing.assert_allclose([line.get_ydata()[0] for line in ax.lines], [0.1, 0.95])
    assert ax.get_ylabel() == "value"
    assert schedule(so.gd(eta=schedules.cosine(0.1)), steps=50).get_ylabel() == "eta"


def test_what_is_drawn_is_what_a_run_has():
    eta = schedules.warmup(schedules.cosine(0.1), 10)
    run = so.minimize(so.parse("x"), so.gd(eta=eta), [0.0], 60, record=True)
    (line,) = schedule(eta, steps=60).lines
    np.testing.assert_allclose(
        line.get_ydata(), -np.diff(run.history["theta"].values[:, 0]), atol=1e-15
    )


def test_a_mapping_draws_schedules_and_numbers():
    ax = schedule(
        {"constant": 0.1, "integer": sp.Integer(1), "step": schedules.step(0.1, every=10)}, steps=20
    )
    assert labels(ax) == ["constant", "integer", "step"]
    np.testing.assert_allclose([line.get_ydata()[-1] for line in ax.lines], [0.1, 1, 0.01])
    assert saved(ax)


def test_long_runs_are_drawn_at_some_steps():
    (line,) = schedule(schedules.exponential(0.1), steps=10**6).lines
    x = line.get_xdata()
    assert (len(x), x[0], x[-1]) == (MOST, 1, 10**6)


def test_one_step_is_a_dot_and_gaps_are_left():
    assert schedule(0.1, steps=1).lines[-1].get_marker() == "."
    ax = schedule(1 / (so.t - 3), steps=5)
    assert np.isnan(ax.lines[0].get_ydata()).tolist() == [False, False, True, False, False]
    assert ax.get_ylim()[0] < 0


def test_given_axes_are_used():
    ax = Figure().subplots()
    assert schedule(0.1, ax=ax) is ax


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: schedule(so.gd()), ["gd", "has no schedule", "schedules.cosine"]),
        (lambda: schedule({}), ["empty mapping", "expected"]),
        (lambda: schedule("cosine"), ["cosine", "expected an expression"]),
        (lambda: schedule({"a": [1.0, 2.0]}), ["schedule a is an array", "each label"]),
        (lambda: schedule({"a": sp.Symbol("x")}), ["schedule a holds x", "so.t and so.T"]),
        (lambda: schedule(sp.sqrt(-so.t)), ["finite at no step"]),
        (lambda: schedule(0.1, steps=0), ["steps=0", "at least 1"]),
        (lambda: schedule(0.1, steps=1.5), ["steps=1.5", "whole number"]),
    ],
)
def test_refusals(call, words, refused):
    refused(call, so.RunError, *words)
