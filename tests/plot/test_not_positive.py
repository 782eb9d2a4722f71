"""Zeros, differences below 0, and data without spread: drawn on the axis that suits the rest, and told of."""

import numpy as np
import pytest

import symopt as so
from symopt.plot._quantiles import LOWEST, QuantileBand, raise_to_level

BOWL = so.parse("x^2")
RATES = np.array([0.01, 0.1, 0.25, 0.5, 1.0, 2.0])


def swept(cost=BOWL, rates=RATES, start=([1.0], [2.0]), steps=20):
    return so.sweep(
        cost, so.gd(eta=rates), start=[list(one) for one in start], steps=steps, record=5
    )


def line(ax, k=0):
    return ax.lines[k].get_ydata()


def test_a_loss_of_zero_lies_on_a_dotted_line():
    ax = so.plot.sensitivity(swept())
    assert ax.get_yscale() == "log"
    assert ax.get_ylabel() == "J after 20 steps\n(dotted: 0)"
    losses = line(ax)
    level = losses[3]
    assert 0 < level < np.nanmin(np.delete(losses, 3))
    assert ax.get_ylim()[0] < level
    assert any(
        other.get_linestyle() == ":" and set(other.get_ydata()) == {level} for other in ax.lines
    )


@pytest.mark.parametrize("of", ["loss", "best_loss"])
def test_nothing_but_zeros_is_drawn_without_a_warning(of):
    ax = so.plot.sensitivity(swept(start=([0.0],)), of=of)
    assert ax.get_yscale() == "linear"
    assert not np.any(line(ax))


def test_zero_at_the_smallest_rate_is_no_division_by_zero():
    """The height of the picture is measured from there."""
    study = so.sweep(
        so.parse("x^2"), so.newton(eta=np.array([1.0, 1.5, 1.9])), start=[[1.0]], steps=10
    )
    ax = so.plot.sensitivity(study)
    assert ax.get_yscale() == "log"
    assert "dotted: 0" in ax.get_ylabel()


def test_an_optimum_that_is_slightly_too_large_is_told():
    run = so.minimize(BOWL, so.gd(eta=0.1), [1.0], 200, record=True)
    for ax in (so.plot.convergence(run, optimum=1e-6), so.plot.sensitivity(swept(), optimum=1e-6)):
        assert ax.get_yscale() == "log"
        assert "(dotted: at most 1e-06; J* is above the lowest J)" in ax.get_ylabel()
        assert np.nanmin(line(ax)) == pytest.approx(1e-6)


def test_an_optimum_that_is_far_too_large_is_told_too():
    run = so.minimize(BOWL, so.gd(eta=0.1), [1.0], 200, record=True)
    ax = so.plot.convergence(run, optimum=0.5)
    assert ax.get_yscale() == "linear"
    assert ax.get_ylabel() == "J − J*\n(J* is above the lowest J, by 0.5)"
    assert line(ax).min() == pytest.approx(-0.5)


def test_a_right_optimum_and_plain_losses_are_not_told_of():
    run = so.minimize(BOWL, so.gd(eta=0.1), [1.0], 50, record=True)
    assert so.plot.convergence(run, optimum=0.0).get_ylabel() == "J − J*"
    below = so.minimize(so.parse("x^2 - 5"), so.gd(eta=0.1), [1.0], 50, record=True)
    assert so.plot.convergence(below).get_ylabel() == "J"
    assert so.plot.convergence(below, optimum=-5.0).get_ylabel().startswith("J − J*")


def test_a_prediction_goes_through_what_is_above_the_line():
    run = so.minimize(BOWL, so.gd(eta=0.1), [1.0], 200, record=True)
    ax = so.plot.convergence(run, optimum=1e-6, predicted=0.64)
    dashed = next(one for one in ax.lines if one.get_label() == "predicted")
    x, y = dashed.get_data()
    assert np.interp(10, x, np.log(y)) == pytest.approx(20 * np.log(0.8), abs=0.3)


def test_steps_that_end_are_drawn():
    run = so.minimize(so.parse("(x-3)^2 + 25*y^2"), so.gd(eta=0.03), [1.0, 1.0], 3000, record=True)
    ax = so.plot.velocity(run)
    assert ax.get_yscale() == "log"
    assert "dotted:" in ax.get_ylabel()


@pytest.mark.parametrize("start", [0.0, 3.0])
def test_one_learning_rate_and_constant_losses(start):
    cost = so.parse("x^2") if not start else so.parse("3 + 0*x", ["x"])
    ax = so.plot.sensitivity(swept(cost, rates=np.array([0.1]), start=([start],)))
    assert ax.get_xlim() == (0.05, 0.2)
    assert (
        so.plot.convergence(so.minimize(cost, so.gd, [start], 20, record=True)).get_yscale()
        == "linear"
    )


def spread(*values):
    y = np.array(values, dtype=float)
    return {"one": QuantileBand(np.arange(len(y)), y, y, y, 1)}


def test_what_is_raised_and_what_is_not():
    same, level, words = raise_to_level(spread(1.0, 1e-5, np.nan), 10.0)
    assert np.isnan(level)
    assert words == ""
    np.testing.assert_array_equal(same["one"].middle, [1.0, 1e-5, np.nan])
    raised, level, words = raise_to_level(spread(1.0, 1e-5, 0.0, np.nan), 10.0)
    np.testing.assert_array_equal(raised["one"].middle, [1.0, 1e-5, level, np.nan])
    assert (level, words) == (pytest.approx(1e-6), "dotted: 0")
    raised, level, words = raise_to_level(spread(1.0, 1e-200, 0.0), 10.0)
    assert (level, words) == (10 * LOWEST, "dotted: at most 1e-19")
    for values in ((1.0, 0.5, 0.0), (1.0, -0.5), (0.0, 0.0), (-1.0, -2.0), (np.nan, np.nan)):
        kept, level, words = raise_to_level(spread(*values), 10.0)
        assert np.isnan(level)
        assert words == ""
        np.testing.assert_array_equal(kept["one"].middle, values)


def test_no_run_that_lasts_is_refused(refused):
    study = swept(rates=np.array([10.0, 20.0]), steps=400)
    refused(lambda: so.plot.sensitivity(study), so.RunError, "at every eta the median run diverged")
