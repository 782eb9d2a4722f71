"""Barrier, local optimum, long bowl and AdaGrad: the derived rows agree, the claims can fail, the pictures show what they should."""

import numpy as np
import pytest
from experiment_runs import loaded, quick, rows

import symopt as so


def test_balls_clear_the_barriers_that_their_energy_allows():
    found = rows("barrier", "highest barrier")
    assert {row.verdict for row in found} == {"agrees"}
    assert found[-1].measured > 20 * found[0].measured
    assert all(row.high - row.low < 0.03 * row.measured for row in found)


def test_with_little_friction_the_highest_barrier_has_a_closed_form():
    module = loaded("barrier")
    mass, friction = module.ball(0.9995)
    assert module.highest(0.9995) == pytest.approx(
        mass / 2 * (np.pi / (2 * friction)) ** 2, rel=2e-3
    )
    assert module.highest(0.99) == pytest.approx(1 / np.pi)


def test_the_energy_law_is_the_motion_it_comes_from():
    module = loaded("barrier")
    height, beta = 3.0, 0.998
    start = module.top(height) + module.ASIDE
    run = so.minimize(
        module.J,
        so.momentum(eta=1e-6, beta=1 - 0.002 * 0.1**0.5),
        [start],
        10_000,
        h=height,
    )
    theta = run.history["theta"].values[:, 0]
    speed, places = np.diff(theta) / 1e-3, (theta[1:] + theta[:-1]) / 2
    on = (places > start + 0.1) & (places < 1.4)
    K = module.kinetic(height, beta, np.concatenate([[start], places[on]]))[1:]
    assert on.sum() > 50
    assert np.allclose(speed[on] ** 2 / 2, K, rtol=0.005)


def test_shares_of_the_smallest_learning_rate_are_those_of_the_ball():
    found = rows("local_optimum", ": share of", "in the global basin")
    derived = [row for row in found if row.relation == "="]
    assert {row.verdict for row in derived} == {"agrees"}
    assert len({row.predicted for row in derived}) == len(derived)
    assert {row.relation for row in found} == {"=", ">="}


def test_momentum_helps_in_the_double_well_and_default_momentum_hardly_in_rastrigin():
    assert all(
        row.verdict == "agrees"
        for row in rows("local_optimum", "double well, momentum", "less gd's")
    )
    assert [
        row.verdict for row in rows("local_optimum", "10-D, momentum, beta = 0.9,", "less gd's")
    ] == ["failed"]


def test_the_global_basin_is_the_one_that_polishing_finds():
    module = loaded("local_optimum")
    land, theta = (
        module.LANDSCAPES["Rastrigin, 2-D"],
        quick("local_optimum").data["studies"]["Rastrigin, 2-D"],
    )
    ends = theta["momentum"]["theta"].sel(beta=0.99).isel(eta=0)
    label = so.measure.basin(land.J(n=2), ends)["label"]
    found = module.inside(ends, land).all("param")
    assert found.any()
    assert np.array_equal(label.values == 0, found.values)


def test_first_steps_on_the_bowl_have_the_predicted_angles():
    found = rows("long_bowl", "first step")
    assert {row.verdict for row in found} == {"agrees"}
    assert found[0].measured > found[1].measured


def test_adagrad_settles_at_the_rate_that_is_derived_and_slows_down():
    for words in (
        ["effective rate"],
        ["slope of length"],
        ["adagrad: share of x left"],
        ["steps to 1 %"],
        ["gd's steps"],
    ):
        assert {row.verdict for row in rows("adagrad_slows", *words)} == {"agrees"}
    long, short = rows("adagrad_slows", "slope of length")
    assert long.measured > 10 * short.measured


@pytest.mark.parametrize("w0", [50.0, 300.0])
def test_adagrads_invariant_leaves_half_a_logarithm(w0):
    w, s, k = w0, 0.0, 0
    while w > 1e-8 * w0:
        s, k = s + w * w, k + (w > 0.01 * w0)
        w -= w / np.sqrt(s)
    bowl = loaded("adagrad_slows")
    assert 0 < bowl.rest(w0) - np.sqrt(s) < np.log(w0) / 2
    assert abs(bowl.steps_to(0.01, w0) - k) < np.log(w0) * np.log(100)


def test_the_curvature_drops_out_of_adagrad():
    bowl = loaded("adagrad_slows")
    study = so.sweep(
        bowl.BOWL, so.adagrad(eta=0.1, epsilon=0), [5.0, 5.0], 500, kappa=[4.0, 1024.0]
    )
    ends = study["adagrad"]["theta"].values
    assert np.allclose(ends, ends[0, 0], rtol=1e-12)


def test_which_mean_of_the_heading_decides_the_claim():
    found = rows("long_bowl", "mean", "than gd, 1/κ")
    assert {row.quantity.split(":")[0]: row.verdict for row in found} == {
        "mean over steps": "failed", "mean along the path": "agrees",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "panels"),
    [("barrier", 2), ("local_optimum", 3), ("long_bowl", 3), ("adagrad_slows", 2)],
)
def test_pictures_name_their_axes_and_what_is_predicted(name, panels):
    drawn = loaded(name).plot(quick(name))
    assert [len(figure.axes) for figure in drawn.values()] == [panels]
    for figure in drawn.values():
        assert all(ax.get_xlabel() and ax.get_ylabel() for ax in figure.axes)
        dashed = [
            line
            for ax in figure.axes
            for line in ax.lines
            if line.get_linestyle() == "--" and len(line.get_xdata())
        ]
        assert dashed
