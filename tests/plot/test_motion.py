"""Velocity: step lengths, bands, terminal velocities."""

import numpy as np
import pytest
import sympy as sp
from pictured import dashed, labels, saved

import symopt as so

SLOPE = so.parse("x/2")
RULE = so.momentum(eta=0.01, beta=0.8)
RUN = so.minimize(SLOPE, RULE, [0.0], 60)
END = so.theory.evaluate(so.theory.terminal_velocity(RULE), RULE, g=0.5)
STUDY = so.sweep(
    so.parse("x^2 + 3*y^2"), [RULE, so.adam(eta=0.01)], so.uniform(-1, 1, 9, rng=0), 40, record=True
)


def test_the_curve_goes_to_the_dashed_terminal_velocity():
    ax = so.plot.velocity(RUN, predicted=END)
    np.testing.assert_allclose(
        ax.lines[0].get_ydata(), 0.005 * (1 - 0.8 ** np.arange(1, 61)) / 0.2, rtol=1e-9
    )
    (line,) = dashed(ax)
    np.testing.assert_allclose(line.get_ydata(), 0.025, rtol=1e-12)
    assert labels(ax) == ["momentum", "predicted"]
    low, high = ax.get_ylim()
    assert low < 0.025 < high
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "step length |Δθ|")


def test_a_formula_in_the_step_is_drawn_along_the_curve():
    formula = so.theory.velocity(RULE).subs({"eta": 0.01, "beta": 0.8, "g": 0.5})
    (line,) = dashed(so.plot.velocity(RUN, predicted=formula))
    np.testing.assert_allclose(line.get_ydata(), 0.025 * (1 - 0.8 ** line.get_xdata()), rtol=1e-9)


def test_whatever_holds_the_same_speeds_draws_the_same_line():
    speeds = so.measure.speed_along(RUN)
    drawn = [
        so.plot.velocity(one).lines[0].get_ydata()
        for one in (RUN, speeds, speeds["step_length"], RUN.history)
    ]
    for other in drawn[1:]:
        np.testing.assert_array_equal(drawn[0], other)
    assert labels(so.plot.velocity({"mine": speeds["step_length"]})) == ["mine"]


def test_a_study_is_drawn_with_its_bands():
    ax = so.plot.velocity(STUDY, predicted={"adam": 0.01 * 2**0.5})
    assert labels(ax) == ["momentum (median of 9)", "adam (median of 9)", "predicted"]
    speeds = so.measure.speed_along(STUDY["adam"])["step_length"]
    np.testing.assert_array_equal(
        ax.lines[1].get_ydata(), np.percentile(speeds, 50, axis=0, method="nearest")
    )
    assert len(ax.collections) == 2
    assert labels(so.plot.velocity(STUDY["adam"])) == ["adam (median of 9)"]


def test_a_predicted_velocity_outside_the_data_is_in_the_picture():
    ax = so.plot.velocity(RUN, predicted=0.05)
    assert ax.get_ylim()[1] > 0.05


def test_runs_that_stand_still_are_drawn():
    ax = so.plot.velocity(so.minimize(so.parse("x^2 + 0*y"), "gd", [0.0, 0.0], 20))
    assert saved(ax)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: so.plot.velocity(3), "int"),
        (
            lambda: so.plot.velocity(so.minimize(SLOPE, RULE, [0.0], 9, record=None)),
            "no theta|recorded",
        ),
        (lambda: so.plot.velocity(so.sweep(SLOPE, RULE, [[0.0]], 9)), "no theta was recorded"),
        (
            lambda: so.plot.velocity(so.measure.speed_along(STUDY["adam"]).isel(start=[])),
            "empty along start",
        ),
        (lambda: so.plot.velocity(RUN, predicted={"adam": 1.0}), "'adam', which is not drawn"),
        (
            lambda: so.plot.velocity(RUN, predicted=so.theory.terminal_velocity(RULE)),
            "beta, eta, g; expected t alone",
        ),
        (
            lambda: so.plot.velocity(RUN, predicted=2 * sp.Symbol("g")),
            "has the symbols g; expected t alone",
        ),
        (
            lambda: so.plot.velocity(so.measure.speed_along(RUN)["step_length"] * np.nan),
            "no step of velocity is finite",
        ),
    ],
    ids=[
        "number",
        "no steps",
        "no record",
        "empty",
        "unknown",
        "symbols",
        "another symbol",
        "diverged",
    ],
)
def test_what_cannot_be_drawn_is_said(call, words):
    with pytest.raises(so.RunError, match=words):
        call()


def test_a_run_that_diverges_does_not_hide_the_rest():
    wild = so.minimize(so.parse("x^2"), so.gd(eta=30.0), [1.0], 60)
    ax = so.plot.velocity({"calm": RUN, "wild": wild})
    assert ax.get_ylim()[1] < 1
    assert np.nanmax(ax.lines[1].get_ydata()) > 1e10
