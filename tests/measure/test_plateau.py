"""Plateaus against shelves whose width and slope are known."""

import numpy as np
import pytest
import xarray as xr

import symopt as so
from symopt.measure import plateau

# a bowl 5 x^2 up to x = 1, then a shelf of slope 0.01
SHELF = so.parse("min(5*x^2, x/100 + 4.99)")
LIMITS = {"slope": 0.05, "drop": 0.1, "optimum": 0.0}


def stay(run, **more):
    return {name: float(value) for name, value in plateau(run, **(LIMITS | more)).items()}


@pytest.mark.parametrize("width", [0.0505, 0.2505])
def test_gradient_descent_crosses_a_shelf_in_width_over_eta_times_slope(width):
    run = so.minimize(SHELF, so.gd(eta=0.1), start=[1 + width], steps=400)
    steps = np.ceil(width / (0.1 * 0.01))
    assert stay(run) == {"time": steps, "observed": 1, "entry": 0, "exit": steps, "met": 1}


def test_momentum_crosses_it_faster_by_one_over_one_minus_beta():
    run = so.minimize(SHELF, so.momentum(eta=0.1, beta=0.9), start=[3.0], steps=4000)
    found = stay(run)
    assert found["observed"] == 1
    assert found["time"] == pytest.approx(
        2 / (0.1 * 0.01 / (1 - 0.9)) + 9, abs=2
    )  # + beta/(1 - beta) to get going


def test_a_study_over_starts():
    data = so.sweep(
        SHELF, so.gd(eta=0.1), start=[[1.0505], [1.1005], [0.5], [1.5]], steps=200, record=True
    )["gd"]
    found = plateau(data, cost=SHELF, **LIMITS)
    assert found["time"].dims == ("start",)
    assert found["time"].values.tolist() == [51, 101, 0, 200]
    assert found["observed"].values.tolist() == [True, True, True, False]
    assert found["met"].values.tolist() == [True, True, False, True]
    assert np.isnan(found["entry"].values).tolist() == [False, False, True, False]
    xr.testing.assert_equal(
        found,
        plateau(data["history_theta"].transpose("step", "param", "start"), cost=SHELF, **LIMITS),
    )


def test_recording_less_resolves_less():
    run = so.minimize(
        SHELF, so.gd(eta=0.1), start=[1.0505], steps=400, record=list(range(0, 401, 20))
    )
    assert stay(run) == {"time": 60, "observed": 1, "entry": 0, "exit": 60, "met": 1}


class TestCensored:
    def test_still_there(self):
        run = so.minimize(SHELF, so.gd(eta=0.1), start=[3.0], steps=400)
        assert stay(run) == {"time": 400, "observed": 0, "entry": 0, "exit": 400, "met": 1}

    def test_come_to_rest_there(self):
        run = so.minimize(SHELF, so.gd(eta=0.1), start=[3.0], steps=400, tolerance=0.02)
        assert run.steps < 400
        assert stay(run) == {
            "time": run.steps,
            "observed": 0,
            "entry": 0,
            "exit": run.steps,
            "met": 1,
        }

    def test_climbing_off_is_no_escape(self):
        theta = xr.DataArray([[2.0], [1.9], [-1.5]], dims=("step", "param"))  # to 5*1.5**2
        steep = so.parse("x^2/100 + exp(-9*x)")
        found = plateau(theta, slope=0.05, drop=0.0, optimum=-1.0, cost=steep)
        assert (found["time"].item(), found["observed"].item(), found["exit"].item()) == (
            2,
            False,
            2,
        )


def path(*x, steps=None):
    coords = {} if steps is None else {"step": steps}
    return xr.DataArray(np.array(x, dtype=float)[:, None], dims=("step", "param"), coords=coords)


class TestLongest:
    def test_of_two_stays_the_longer_and_of_equal_ones_the_first(self):
        assert stay(path(2, 0.9, 2, 1.9, 0.5), cost=SHELF)["entry"] == 2
        assert stay(path(2, 0.9, 2, 0.9), cost=SHELF)["entry"] == 0

    def test_is_longest_in_steps_not_in_records(self):
        found = stay(path(2, 1.9, 1.8, 0.9, 2, 0.5, steps=[0, 1, 2, 3, 4, 100]), cost=SHELF)
        assert (found["entry"], found["time"]) == (4, 96)

    def test_none(self):
        assert stay(path(0.9, 0.8), cost=SHELF)["time"] == 0

    def test_arrived_runs_are_on_no_plateau(self):
        assert stay(so.minimize(SHELF, so.gd(eta=0.1), start=[0.5], steps=400))["met"] == 0

    def test_unknown_points_end_a_stay(self):
        found = stay(path(2, 1.9, np.nan, np.nan), cost=SHELF)
        assert (found["time"], found["observed"], found["exit"]) == (1, 0, 1)
        assert stay(path(np.nan, np.nan), cost=SHELF)["met"] == 0


class TestBadInput:
    def test_the_optimum_is_needed(self):
        with pytest.raises(so.RunError, match=r"needs optimum=J\*"):
            plateau(path(2.0, 1.9), 0.1, 0.1, cost=SHELF)

    def test_the_cost_is_needed(self):
        with pytest.raises(so.RunError, match=r"do not know their cost: give it, as in cost=J"):
            plateau(path(2.0, 1.9), **LIMITS)

    def test_another_cost(self):
        with pytest.raises(so.RunError, match=r"points of 1 number\(s\) for a cost of 2, x, y"):
            plateau(path(2.0, 1.9), cost=so.parse("x^2 + y^2"), **LIMITS)

    @pytest.mark.parametrize(
        "wrong", [{"slope": -1}, {"drop": np.nan}, {"slope": None}, {"optimum": "0"}]
    )
    def test_numbers(self, wrong):
        with pytest.raises(so.RunError, match="expected a finite number"):
            plateau(path(2.0, 1.9), cost=SHELF, **(LIMITS | wrong))

    def test_no_paths(self):
        with pytest.raises(so.RunError, match="no theta was recorded; ask for it"):
            plateau(so.minimize(SHELF, so.gd(eta=0.1), start=[2.0], steps=5, paths=False), **LIMITS)
        with pytest.raises(so.RunError, match="empty"):
            plateau(so.minimize(SHELF, so.gd(eta=0.1), start=[2.0], steps=5, record=None), **LIMITS)
        with pytest.raises(so.RunError, match=r"paths over \('start',\)"):
            plateau(xr.DataArray([1.0], dims="start"), cost=SHELF, **LIMITS)
