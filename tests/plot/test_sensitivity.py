"""Sensitivity to the learning rate: medians, bands, bars of tolerance."""

import numpy as np
import pytest
from pictured import labels, legend_is_on_the_figure, legend_is_outside, saved, solid

import symopt as so
from symopt.plot._sensitivity import tolerance

J = so.parse("x^2 + 10*y^2")
ETAS = np.geomspace(1e-3, 0.5, 25)
STUDY = so.sweep(
    J,
    [so.gd(eta=ETAS), so.adam(eta=ETAS)],
    so.uniform(-1, 1, 30, rng=0),
    100,
    targets=[1e-3],
    record=[0, 50, 100],
)


def bars(ax):
    """The bars of tolerance: colour, and from where to where."""
    return [(line.get_color(), *line.get_xdata()) for line in ax.lines if line.get_marker() == "|"]


def test_the_line_is_the_median_and_ends_where_the_median_run_diverges():
    ax = so.plot.sensitivity(STUDY)
    for line, name in zip(solid(ax), STUDY, strict=True):
        dataset = STUDY[name]
        losses = np.where(
            dataset["status"].isin(["diverged", "non-finite"]), np.inf, dataset["loss"]
        )
        median = np.percentile(losses, 50, axis=1, method="nearest")
        known = np.isfinite(median)
        drawn = line.get_ydata()
        np.testing.assert_array_equal(np.isfinite(drawn), known)
        high = known & (median > 1e-18)
        np.testing.assert_array_equal(drawn[high], median[high])
    assert not np.isfinite(solid(ax)[0].get_ydata()[-1])
    assert labels(ax) == ["gd (median of 30)", "adam (median of 30)"]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("learning rate η", "J after 100 steps")


def test_a_cross_at_the_upper_edge_marks_where_runs_diverge():
    ax = so.plot.sensitivity(STUDY)
    crosses = [line for line in ax.lines if line.get_marker() == "x"]
    assert len(crosses) == 1
    first = ETAS[~np.isfinite(solid(ax)[0].get_ydata())][0]
    assert crosses[0].get_xdata()[0] == first > 0.1  # 2/lambda = 0.1
    assert crosses[0].get_ydata()[0] == ax.get_ylim()[1]


def test_steps_to_a_target_are_exact_where_the_sweep_had_it():
    ax = so.plot.sensitivity(STUDY, target=1e-3)
    hits = STUDY["adam"]["hit"].isel(target=0).fillna(np.inf)
    median = np.percentile(hits, 50, axis=1, method="nearest")
    drawn = solid(ax)[1].get_ydata()
    np.testing.assert_array_equal(drawn[np.isfinite(median)], median[np.isfinite(median)])
    assert np.isnan(drawn[~np.isfinite(median)]).all()
    assert ax.get_ylabel() == "steps to J ≤ 0.001"
    assert (
        so.plot.sensitivity(STUDY, target=1e-3, optimum=0.0).get_ylabel()
        == "steps to J − J* ≤ 0.001"
    )


def test_the_best_loss_and_the_gap_are_named():
    assert (
        so.plot.sensitivity(STUDY, optimum=0.0, of="best_loss").get_ylabel()
        == "best J − J* within 100 steps"
    )


def test_the_bar_is_where_the_median_is_within_a_factor_2():
    ax = so.plot.sensitivity(STUDY, target=1e-3)
    for line, (colour, left, right) in zip(solid(ax), bars(ax), strict=True):
        assert line.get_color() == colour
        known = np.isfinite(line.get_ydata())
        heights = np.interp(
            np.log([left, right]), np.log(ETAS[known]), np.log(line.get_ydata()[known])
        )
        best = np.log(np.nanmin(line.get_ydata()))
        assert (heights <= best + np.log(2) + 1e-9).all()
        assert left < ETAS[np.nanargmin(line.get_ydata())] <= right


def test_tolerance_of_a_parabola_in_logs():
    eta = np.geomspace(1e-3, 1e3, 2001)
    (interval,) = tolerance(eta, np.exp(np.log(eta) ** 2))
    np.testing.assert_allclose(np.log(interval), [-(np.log(2) ** 0.5), np.log(2) ** 0.5], rtol=1e-4)


def test_tolerance_has_a_part_for_every_valley_and_stops_before_divergence():
    eta = np.array([1.0, 2, 4, 8, 16, 32])
    found = tolerance(eta, np.array([1.0, 4, 1, 1, np.nan, np.nan]))
    np.testing.assert_allclose(found, [(1.0, 2**0.5), (4 / 2**0.5, 8.0)])
    assert tolerance(eta, np.full(6, np.nan)) == []
    assert tolerance(eta, np.array([1.0, 0, 1, 1, 1, 1])) == []


def test_the_number_says_where_a_bar_is_cut_off_by_the_grid():
    flat = so.sweep(so.parse("x^2 + 1"), so.gd(eta=np.geomspace(1e-3, 1e-1, 9)), [[0.5]], 30)
    texts = [text.get_text() for text in so.plot.sensitivity(flat).texts]
    assert "> 2.00" in texts
    assert any("factor 2" in text for text in texts)


def test_bars_lie_below_the_curves():
    ax = so.plot.sensitivity(STUDY)
    ax.figure.draw_without_rendering()
    lowest = min(np.nanmin(ax.transData.transform(line.get_xydata())[:, 1]) for line in solid(ax))
    heights = [
        line.get_transform().transform(line.get_xydata())[0, 1]
        for line in ax.lines
        if line.get_marker() == "|"
    ]
    assert max(heights) < lowest
    assert min(ax.get_yticks()) * 10 > np.nanmin(solid(ax)[0].get_ydata())


def test_everything_below_the_floor_is_the_best():
    sharp = so.sweep(J, so.gd(eta=np.geomspace(1e-3, 0.09, 25)), [[1.0, 1.0]], 5000)
    drawn = solid(so.plot.sensitivity(sharp))[0].get_ydata()
    assert drawn.min() == pytest.approx(10 * 1e-20 * drawn[0])
    assert (drawn == drawn.min()).sum() > 3


def test_other_hyperparameters_and_other_dimensions():
    study = so.sweep(
        J, so.momentum(eta=0.01, beta=[0.1, 0.5, 0.9]), so.uniform(-1, 1, 5, rng=0), 50
    )
    ax = so.plot.sensitivity(study, along="beta")
    assert ax.get_xlabel() == "beta"
    np.testing.assert_array_equal(solid(ax)[0].get_xdata(), [0.1, 0.5, 0.9])
    both = so.sweep(
        J, so.momentum(eta=[0.001, 0.01], beta=[0.1, 0.5]), so.uniform(-1, 1, 5, rng=0), 50
    )
    assert labels(so.plot.sensitivity(both, runs=["start", "beta"])) == ["momentum (median of 10)"]


def test_rates_in_any_order_are_drawn_in_order():
    dataset = STUDY["adam"].isel(eta=np.random.default_rng(0).permutation(len(ETAS)))
    line = solid(so.plot.sensitivity({"adam": dataset}))[0]
    np.testing.assert_array_equal(line.get_xdata(), ETAS)


def test_a_crowd_has_its_legend_beside_the_picture():
    ax = so.plot.sensitivity({f"rule {k}": STUDY["adam"] for k in range(8)})
    assert legend_is_outside(ax)
    assert legend_is_on_the_figure(ax)
    assert len({line.get_color() for line in solid(ax)}) == 8
    assert saved(ax)


DIVERGED = so.sweep(J, so.gd(eta=[1.0, 2.0]), [[1.0, 1.0]], 200)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: so.plot.sensitivity(3), "a int; expected a study"),
        (lambda: so.plot.sensitivity({}), "a dict; expected a study"),
        (
            lambda: so.plot.sensitivity(DIVERGED),
            "the median run diverged; expected smaller values of eta",
        ),
        (lambda: so.plot.sensitivity(STUDY, target=-1.0), "fewer than half of the runs reached -1"),
        (
            lambda: so.plot.sensitivity(STUDY, along="beta"),
            r"no dimension 'beta' .*sweep it, as in so.gd\(beta=",
        ),
        (lambda: so.plot.sensitivity(so.sweep(J, "gd", [[1.0, 1.0]], 9)), "no dimension 'eta'"),
        (
            lambda: so.plot.sensitivity(STUDY, runs="seed"),
            "the dimension 'start' too; choose one place",
        ),
        (lambda: so.plot.sensitivity(STUDY, of="los"), r"of='los' \(did you mean 'loss'"),
        (lambda: so.plot.sensitivity(STUDY["gd"].drop_vars("status")), "has no loss and status"),
        (lambda: so.plot.sensitivity(STUDY["gd"].isel(start=[])), "empty along start"),
        (
            lambda: so.plot.sensitivity(DIVERGED, target=1e-9),
            "no losses were recorded; give targets",
        ),
    ],
    ids=[
        "number",
        "nothing",
        "diverged",
        "target",
        "along",
        "not swept",
        "runs",
        "of",
        "no status",
        "empty",
        "no record",
    ],
)
def test_what_cannot_be_drawn_is_said(call, words):
    with pytest.raises(so.RunError, match=words):
        call()
