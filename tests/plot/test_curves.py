"""Pictures: what is drawn, and that nothing is left behind."""

import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from pictured import dashed, labels

import symopt as so

J = so.parse("100*(y-x^2)^2 + (1-x)^2")
START = [-1.2, 1.0]
RUNS = {
    name: so.minimize(J, so.optimizers[name](eta=1e-3), START, 500)
    for name in ("momentum", "adam", "gd")
}


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
    assert (
        so.plot.convergence(so.minimize(so.parse("x^2 + 5"), "gd", [1.0], 20)).get_yscale()
        == "linear"
    )
    assert (
        so.plot.convergence(
            so.minimize(so.parse("x^2 - 5"), so.gd(eta=0.1), [10.0], 500)
        ).get_yscale()
        == "linear"
    )


def test_a_diverged_run_gets_a_cross_and_does_not_hide_the_rest():
    ax = so.plot.convergence({**RUNS, "wild": so.minimize(J, so.gd(eta=1.0), START, 500)})
    assert ax.lines[-1].get_marker() == "x"
    assert ax.get_ylim()[1] < 1e4


def test_a_study_is_drawn_with_its_band():
    study = so.sweep(
        J, [so.adam(eta=0.02), so.momentum(eta=1e-3)], so.uniform(-1, 1, 40, rng=0), 200, record=20
    )
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
    assert (
        len(
            {
                (line.get_color(), str(line.get_linestyle()))
                for line in so.plot.convergence(runs).lines
            }
        )
        == 9
    )


QUADRATIC = so.parse("x^2 + 100*y^2")


def slope(line):
    """Decades per step of a line on a logarithmic axis."""
    x, y = line.get_xdata(), np.log10(line.get_ydata())
    return (y[-1] - y[0]) / (x[-1] - x[0])


def test_the_predicted_line_has_the_slope_and_lies_on_the_curve():
    rule = so.gd(eta=0.009)
    run = so.minimize(QUADRATIC, rule, [1.0, 1.0], 800)
    factor = so.theory.predict(QUADRATIC, rule, at=[0, 0]).rate ** 2  # of J
    ax = so.plot.convergence(run, optimum=0.0, predicted=factor)
    (line,) = dashed(ax)
    assert slope(line) == pytest.approx(np.log10(factor), rel=1e-9)
    late = (line.get_xdata() > 200) & (line.get_xdata() < 700)
    losses = np.interp(line.get_xdata()[late], run.recorded, np.log(run.history["loss"]))
    np.testing.assert_allclose(np.log(line.get_ydata()[late]), losses, atol=0.01)
    assert ax.get_xscale() == "linear"
    assert labels(ax) == ["gd", "predicted"]


def test_the_predicted_line_lies_on_the_crests_of_an_oscillation():
    run = so.minimize(so.parse("x^2"), so.momentum(eta=0.05, beta=0.95), [1.0], 1000)
    (line,) = dashed(so.plot.convergence(run, optimum=0.0, predicted=0.95))
    x, y = line.get_xdata(), line.get_ydata()
    above = np.interp(run.recorded, x, np.log(y)) - np.log(run.history["loss"].values)
    inside = (run.recorded > 20) & (run.recorded < x[-1])
    assert above[inside].min() > -0.5
    assert above[inside].min() < 0.1


def test_predictions_by_name_take_one_entry_of_the_legend_and_leave_the_limits():
    bare = so.plot.convergence(RUNS)
    ax = so.plot.convergence(RUNS, predicted={"gd": 0.999, "momentum": 1.01})
    assert labels(ax) == ["momentum", "adam", "gd", "predicted"]
    assert len(dashed(ax)) == 2
    assert ax.get_ylim() == bare.get_ylim()
    (low, high) = ax.get_ylim()
    for line in dashed(ax):
        assert ((line.get_ydata() >= low) & (line.get_ydata() <= high)).all()


def test_datasets_of_a_study_are_drawn_as_the_study_is():
    study = so.sweep(
        J, [so.adam(eta=0.02), so.momentum(eta=1e-3)], so.uniform(-1, 1, 10, rng=0), 50, record=20
    )
    both = so.plot.convergence(study)
    one = so.plot.convergence(study["momentum"])
    assert labels(one) == ["momentum (median of 10)"]
    np.testing.assert_array_equal(one.lines[0].get_ydata(), both.lines[1].get_ydata())
    named = so.plot.convergence({"slow": study["momentum"]})
    assert labels(named) == ["slow (median of 10)"]


def test_the_band_reaches_out_of_the_picture_where_runs_diverged():
    starts = np.array([[0.1]] * 6 + [[30.0]] * 4)
    study = so.sweep(so.parse("x^4"), so.gd(eta=0.01), starts, 30, record=True)
    ax = so.plot.convergence(study)
    outline = ax.collections[0].get_paths()[0].vertices
    assert np.isfinite(outline).all()
    assert outline[:, 1].max() > ax.get_ylim()[1]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: so.plot.convergence(3), "a int cannot be drawn"),
        (
            lambda: so.plot.convergence(so.minimize(J, "gd", START, 5, record=None)),
            "recorded no steps",
        ),
        (lambda: so.plot.convergence(so.sweep(J, "gd", [START], 5)), "record=50"),
        (
            lambda: so.plot.trajectory(so.minimize(so.parse("x^2"), "gd", [1.0], 5)),
            "two parameters; this cost has 1",
        ),
        (
            lambda: so.plot.trajectory(so.minimize(J, "gd", START, 5, record=None)),
            "recorded no steps",
        ),
        (
            lambda: so.plot.trajectory(so.minimize(J, "gd", START, 5, paths=False)),
            "recorded no theta",
        ),
        (lambda: so.plot.convergence([]), "a list cannot be drawn"),
        (
            lambda: so.plot.convergence(RUNS, predicted={"adma": 0.9}),
            "'adma', which is not drawn .*'adam'",
        ),
        (
            lambda: so.plot.convergence(RUNS, predicted=-0.5),
            "predicted=-0.5 for momentum; expected a factor",
        ),
        (lambda: so.plot.convergence(RUNS, predicted="fast"), "expected a factor per step above 0"),
        (
            lambda: so.plot.convergence(
                so.sweep(J, "gd", [START], 5, record=True)["gd"].isel(start=[])
            ),
            "the study of gd is empty along start",
        ),
    ],
    ids=[
        "a number",
        "no steps",
        "study without steps",
        "one parameter",
        "no path",
        "no theta",
        "no runs",
        "unknown name",
        "negative factor",
        "a text",
        "an empty selection",
    ],
)
def test_what_cannot_be_drawn_is_said(call, words):
    with pytest.raises(so.SymoptError, match=words):
        call()
