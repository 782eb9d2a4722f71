"""Pictures: what is drawn, and that nothing is left behind."""

import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

import symopt as so

matplotlib.use("Agg")
J = so.parse("100*(y-x^2)^2 + (1-x)^2")
START = [-1.2, 1.0]
RUNS = {name: so.minimize(J, so.optimizers[name](eta=1e-3), START, 500) for name in ("momentum", "adam", "gd")}


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_convergence_draws_every_run():
    ax = so.plot.convergence(RUNS)
    assert labels(ax) == ["momentum", "adam", "gd"]
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), RUNS["momentum"].history["loss"])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "J")
    assert ax.get_yscale() == "log"


def test_convergence_above_an_optimum():
    ax = so.plot.convergence(RUNS["adam"], optimum=-1.0)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), RUNS["adam"].history["loss"] + 1.0)
    assert ax.get_ylabel() == "J − J*"


def test_a_narrow_range_and_negative_values_stay_linear():
    assert so.plot.convergence(so.minimize(so.parse("x^2 + 5"), "gd", [1.0], 20)).get_yscale() == "linear"
    assert so.plot.convergence(so.minimize(so.parse("x^2 - 5"), so.gd(eta=0.1), [10.0], 500)).get_yscale() == "linear"


def test_a_diverged_run_gets_a_cross_and_does_not_hide_the_rest():
    ax = so.plot.convergence({**RUNS, "wild": so.minimize(J, so.gd(eta=1.0), START, 500)})
    assert ax.lines[-1].get_marker() == "x"
    assert ax.get_ylim()[1] < 1e4


def test_a_study_is_drawn_with_its_band():
    study = so.sweep(J, [so.adam(eta=0.02), so.momentum(eta=1e-3)], so.uniform(-1, 1, 40, rng=0), 200, record=20)
    ax = so.plot.convergence(study)
    assert labels(ax) == ["adam (median of 40)", "momentum (median of 40)"]
    assert len(ax.collections) == 2
    middle = np.nanpercentile(study["adam"]["history_loss"], 50, axis=0, method="nearest")
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), middle)


def test_trajectory_draws_paths_over_contours():
    ax = so.plot.trajectory(RUNS)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "y")
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), RUNS["momentum"].history["theta"][:, 0])
    assert len(ax.collections) >= 1
    left, right = ax.get_xlim()
    assert left < START[0] < right


def test_a_run_that_flies_away_does_not_set_the_window():
    wild = so.minimize(J, so.gd(eta=1.0), START, 50)
    ax = so.plot.trajectory({**RUNS, "wild": wild})
    assert ax.get_xlim()[1] - ax.get_xlim()[0] < 10
    assert np.ptp(so.plot.trajectory(wild).get_xlim()) > 0


@pytest.mark.parametrize("draw", [so.plot.convergence, so.plot.trajectory])
def test_given_axes_are_used(draw):
    ax = Figure().subplots()
    assert draw(RUNS["adam"], ax=ax) is ax
    assert len(ax.lines) >= 1


def test_no_pyplot_state_is_left():
    before = dict(matplotlib.rcParams)
    so.plot.convergence(RUNS)
    so.plot.trajectory(RUNS)
    assert dict(matplotlib.rcParams) == before
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or pyplot.get_fignums() == []


def test_constants_and_a_crowded_legend():
    cost = so.parse("x^2 + 1 + 0*y + y^2")
    runs = {str(k): so.minimize(cost, so.gd(eta=0.01 * (k + 1)), [1.0, 1.0], 50) for k in range(9)}
    legend = so.plot.convergence(runs).get_legend()
    assert legend.get_bbox_to_anchor() is not None
    assert len({(line.get_color(), str(line.get_linestyle())) for line in so.plot.convergence(runs).lines}) == 9


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: so.plot.convergence(3), "a int cannot be drawn"),
        (lambda: so.plot.convergence(so.minimize(J, "gd", START, 5, record=None)), "recorded no steps"),
        (lambda: so.plot.convergence(so.sweep(J, "gd", [START], 5)), "record=50"),
        (lambda: so.plot.trajectory(so.minimize(so.parse("x^2"), "gd", [1.0], 5)), "two parameters; this cost has 1"),
        (lambda: so.plot.trajectory(so.minimize(J, "gd", START, 5, record=None)), "recorded no steps"),
    ],
    ids=["a number", "no steps", "study without steps", "one parameter", "no path"],
)
def test_what_cannot_be_drawn_is_said(call, words):
    with pytest.raises(so.SymoptError, match=words):
        call()
