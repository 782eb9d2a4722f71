"""Speed and heading against motions in closed form."""

import numpy as np
import pytest
import xarray as xr

import symopt as so
from symopt.measure import heading, speed_along

SLOPE = 3.0
LINE = so.parse("3*x")


def path(*points, steps=None):
    coords = {} if steps is None else {"step": steps}
    return xr.DataArray(np.array(points, dtype=float), dims=("step", "param"), coords=coords)


class TestSpeed:
    @pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
    def test_momentum_on_a_slope_comes_to_its_terminal_velocity(self, beta):
        eta, steps = 0.1, 60
        found = speed_along(
            so.minimize(LINE, so.momentum(eta=eta, beta=beta), start=[0.0], steps=steps)
        )
        k = np.arange(1, steps + 1)
        expected = eta * SLOPE * (1 - beta**k) / (1 - beta)  # to eta g/(1 - beta)
        np.testing.assert_allclose(found["step_length"], expected, rtol=1e-12)
        np.testing.assert_allclose(found["velocity"].sel(param="x"), -expected, rtol=1e-12)
        np.testing.assert_array_equal(found["step"], k)

    def test_is_a_step_where_not_every_step_was_recorded(self):
        run = so.minimize(LINE, so.gd(eta=0.1), start=[0.0], steps=1000, record=30)
        assert np.diff(run.recorded).max() > 100
        np.testing.assert_allclose(speed_along(run)["step_length"], 0.1 * SLOPE, rtol=1e-12)

    def test_in_the_plane(self):
        found = speed_along(path([0, 0], [3, 4], [3, 4]))
        assert found["step_length"].values.tolist() == [5, 0]
        assert found["velocity"].values.tolist() == [[3, 4], [0, 0]]

    def test_over_a_study(self):
        data = so.sweep(
            LINE, so.gd(eta=[0.1, 0.2]), start=[[0.0], [1.0], [2.0]], steps=4, record=True
        )["gd"]
        found = speed_along(data)
        assert found["step_length"].dims == ("eta", "start", "step")
        np.testing.assert_allclose(found["step_length"].sel(eta=0.2), 0.6)
        xr.testing.assert_identical(found, speed_along(data["history_theta"]))

    def test_is_not_known_after_a_run_diverged(self):
        found = speed_along(so.minimize(so.parse("x^2"), so.gd(eta=1.5), start=[1.0], steps=200))
        assert np.isfinite(found["step_length"][0])
        assert np.isnan(found["step_length"][-1])


class TestHeading:
    def test_straight_to_the_minimum_and_away(self):
        toward = so.minimize(so.parse("x^2 + y^2"), so.gd(eta=0.1), start=[1.0, 2.0], steps=20)
        np.testing.assert_allclose(heading(toward, [0, 0]), 0, atol=1e-7)
        away = so.minimize(so.parse("-x^2 - y^2"), so.gd(eta=0.1), start=[1.0, 2.0], steps=20)
        np.testing.assert_allclose(heading(away, [0, 0]), np.pi, atol=1e-7)

    def test_overshooting_past_it_turns_it_round(self):
        found = heading(path([2, 0], [-1, 0], [-3, 0]), [0, 0])
        assert found.values.tolist() == [0, np.pi]

    @pytest.mark.parametrize("angle", [1e-12, 1e-9, 0.3, np.pi / 2, 2.0])
    @pytest.mark.parametrize("length", [1e-150, 1.0, 1e150])
    def test_any_angle_at_any_length(self, angle, length):
        there = length * np.array([np.cos(angle), np.sin(angle)])
        assert heading(path([0, 0], there), [length, 0]).item() == pytest.approx(angle, rel=1e-12)

    def test_gradient_descent_on_an_ellipse(self):
        # at (1, 1) on (x^2 + k y^2)/2 the step goes along (1, k), the minimum lies along (1, 1)
        run = so.minimize(so.parse("(x^2 + 100*y^2)/2"), so.gd(eta=1e-3), start=[1.0, 1.0], steps=1)
        assert heading(run, [0, 0]).item() == pytest.approx(np.arctan(100) - np.pi / 4)

    def test_is_not_known_for_a_step_without_length_or_from_the_minimum(self):
        found = heading(path([1, 0], [1, 0], [0, 0], [1, 1]), [0, 0])
        assert np.isnan(found.values).tolist() == [True, False, True]

    def test_over_a_study(self):
        J = so.parse("x^2 + y^2")
        data = so.sweep(
            J, so.gd(eta=[0.1, 0.2]), start=[[1.0, 2.0], [3.0, 1.0]], steps=4, record=True
        )["gd"]
        found = heading(data, [0, 0])
        assert (found.dims, found.attrs["units"]) == (("eta", "start", "step"), "rad")
        assert found["step"].values.tolist() == [1, 2, 3, 4]
        xr.testing.assert_allclose(
            found, heading(data["history_theta"].transpose("step", ...), [0, 0])
        )


@pytest.mark.parametrize("measured", [speed_along, lambda x: heading(x, [0.0])])
class TestBadInput:
    def test_one_step(self, measured):
        with pytest.raises(so.RunError, match="1 step was recorded; expected two or more"):
            measured(path([1.0]))

    def test_nothing_recorded(self, measured):
        with pytest.raises(so.RunError, match="no theta was recorded"):
            measured(so.sweep(LINE, so.gd(eta=0.1), start=[1.0], steps=3)["gd"])

    def test_a_study(self, measured):
        with pytest.raises(so.RunError, match="a Study was given"):
            measured(so.sweep(LINE, so.gd(eta=0.1), start=[1.0], steps=3))

    def test_losses(self, measured):
        run = so.minimize(LINE, so.gd(eta=0.1), start=[1.0], steps=3)
        with pytest.raises(so.RunError, match=r"paths over \('step',\)"):
            measured(run.history["loss"])


def test_a_minimum_that_does_not_fit():
    with pytest.raises(so.RunError, match=r"minimum has shape .1,.; expected 2 finite numbers"):
        heading(path([1, 1], [2, 2]), [0])
