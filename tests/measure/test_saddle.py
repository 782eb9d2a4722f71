"""Escape from saddles against the growth of the unstable direction."""

import dataclasses
import re

import numpy as np
import pytest
import xarray as xr

import symopt as so
from symopt.measure import saddle_escape, survival

RADIUS, ETA = 0.1, 0.1


def saddle(gamma):
    return so.parse(f"(x^2 - {gamma}*y^2)/2")


@pytest.mark.parametrize("gamma", [0.1, 1.0, 3.0])
@pytest.mark.parametrize("y", [1e-2, -1e-6, 1e-12])
def test_gradient_descent_takes_the_logarithm_of_the_distance(gamma, y):
    run = so.minimize(saddle(gamma), so.gd(eta=ETA), start=[0.05, y], steps=4000)
    found = saddle_escape(run, [0, 0], radius=RADIUS)
    assert found["observed"].item()
    assert found["entry"].item() == 0
    assert found["time"].item() == np.ceil(np.log(RADIUS / abs(y)) / np.log(1 + ETA * gamma))


def test_steps_are_counted_from_the_entry():
    J = saddle(1.0)
    run = so.minimize(J, so.gd(eta=ETA), start=[0.5, 1e-6], steps=300)
    found = saddle_escape(run, [0, 0], radius=RADIUS)
    entry = np.ceil(np.log(RADIUS / 0.5) / np.log(1 - ETA))
    out = np.ceil(np.log(RADIUS / 1e-6) / np.log(1 + ETA))
    assert (found["entry"].item(), found["time"].item()) == (entry, out - entry)


def test_distribution_of_escape_times_is_the_shifted_exponential():
    a, growth, n = 0.01, 1.1, 400
    starts = np.stack([np.zeros(n), np.random.default_rng(0).uniform(-a, a, n)], axis=1)
    data = so.sweep(saddle(1.0), so.gd(eta=ETA), start=starts, steps=200, record=True)["gd"]
    found = survival(saddle_escape(data, [0, 0], radius=RADIUS, cost=saddle(1.0)))
    for t in (30, 40, 50):
        share, low, high = found.at(t)
        assert low <= RADIUS / a * growth**-t <= high
        assert share == pytest.approx(RADIUS / a * growth**-t, abs=0.1)
    low, high = found.median_interval
    assert low <= np.log(2 * RADIUS / a) / np.log(growth) + 0.5 <= high


def test_the_fall_is_half_of_what_a_parabola_falls_to_the_radius():
    J = saddle(2.0)
    path = xr.DataArray([[0, 0], [0.12, 0.0], [0.12, 0.125], [0.12, 0.135]], dims=("step", "param"))
    # J falls by |lambda| r^2/4 = 0.005: J = 0.0072 - y^2 comes to that at y = 0.1105
    assert saddle_escape(path, [0, 0], radius=0.1, cost=J)["time"].item() == 2
    assert saddle_escape(path, [0, 0], radius=0.1, drop=0.01, cost=J)["time"].item() == 3
    assert not saddle_escape(path, [0, 0], radius=0.1, drop=0.1, cost=J)["observed"].item()


def test_low_before_the_entry_is_no_escape():
    path = xr.DataArray([[0, 2.0], [0, 0.01], [0, 0.05], [0, 1.0]], dims=("step", "param"))
    found = saddle_escape(path, [0, 0], cost=saddle(1.0))
    assert (found["entry"].item(), found["time"].item()) == (1, 2)


class TestNotObserved:
    def test_the_stable_manifold_is_never_left(self):
        found = saddle_escape(
            so.minimize(saddle(1.0), so.gd(eta=ETA), start=[0.5, 0.0], steps=300), [0, 0]
        )
        assert found["entered"].item()
        assert not found["observed"].item()
        assert found["time"].item() == 300 - found["entry"].item()

    def test_a_run_that_was_never_near(self):
        data = so.sweep(
            saddle(1.0), so.gd(eta=ETA), start=[[0.5, 1.0], [0.05, 1e-3]], steps=100, record=True
        )["gd"]
        found = saddle_escape(data, [0, 0], cost=saddle(1.0))
        assert found["entered"].values.tolist() == [False, True]
        assert np.isnan(found["time"].values).tolist() == [True, False]
        assert np.isnan(found["entry"].values).tolist() == [True, False]
        estimate = survival(found)
        assert (estimate.n, estimate.events, estimate.left_out) == (1, 1, 1)
        assert "1 left out" in repr(estimate)

    def test_leaving_upwards_is_no_escape(self):
        path = xr.DataArray([[0, 0], [3.0, 0], [0, 0.05], [0, 4.0]], dims=("step", "param"))
        found = saddle_escape(path, [0, 0], cost=saddle(1.0))
        assert (found["time"].item(), found["observed"].item()) == (3, True)

    def test_watching_ends_where_a_run_was_interrupted_not_where_it_came_to_rest(self):
        run = so.minimize(saddle(1.0), so.gd(eta=ETA), start=[0.05, 0.0], steps=300, tolerance=1e-6)
        assert run.status == so.Status.CONVERGED
        assert saddle_escape(run, [0, 0])["time"].item() == 300
        stopped = dataclasses.replace(run, status=so.Status.INTERRUPTED)
        assert saddle_escape(stopped, [0, 0])["time"].item() == run.steps


class TestBadInput:
    run = property(lambda self: so.minimize(self.J, so.gd(eta=ETA), start=[0.05, 0.01], steps=5))
    J = so.parse("(x^2 - 1)^2 + y^2")

    def test_a_minimum(self):
        with pytest.raises(so.RunError, match="no curvature there is negative"):
            saddle_escape(self.run, [1, 0])

    def test_a_flat_place(self):
        run = so.minimize(so.parse("x^4 + y^2"), so.gd(eta=ETA), start=[0.05, 0.01], steps=5)
        with pytest.raises(so.RunError, match="no curvature there is negative"):
            saddle_escape(run, [0, 0])

    def test_a_slope_and_the_point_that_the_message_names_has_none(self):
        with pytest.raises(
            so.RunError, match=r"gradient there has the norm 0.04; .*by Newton's step"
        ) as caught:
            saddle_escape(self.run, [0.01, 0])
        named = [float(x) for x in re.search(r"about \[(.*)\]", str(caught.value))[1].split(",")]
        assert saddle_escape(self.run, np.round(named, 5))["entered"].item()

    def test_no_number_there(self):
        run = so.minimize(so.parse("log(x) - y^2"), so.gd(eta=ETA), start=[0.5, 0.01], steps=1)
        with pytest.raises(so.RunError, match="not finite"):
            saddle_escape(run, [-1, 0])

    @pytest.mark.parametrize("point", [[0], [0, 0, 0], [0, np.nan], 0.0, [[0, 0]]])
    def test_points(self, point):
        with pytest.raises(so.RunError, match="expected 2 finite numbers"):
            saddle_escape(self.run, point)

    def test_a_maximum_has_directions_down_too(self):
        assert saddle_escape(
            so.minimize(so.parse("-x^2"), so.gd(eta=ETA), start=[0.05], steps=9), [0]
        )["observed"]

    @pytest.mark.parametrize(
        "wrong", [{"radius": 0}, {"radius": np.inf}, {"drop": -1.0}, {"drop": "a"}]
    )
    def test_numbers(self, wrong):
        with pytest.raises(so.RunError, match="expected a finite number"):
            saddle_escape(self.run, [0, 0], **wrong)
