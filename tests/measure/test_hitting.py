"""Hitting times against trajectories in closed form, and what happens to runs that never arrive."""

import dataclasses

import numpy as np
import pytest
import xarray as xr

import symopt as so
from symopt.measure import hitting

J = so.parse("x^2")
ETAS = [0.05, 0.1, 0.25, 0.45]


def closed_form(eta, target, start=1.0):
    """Return the first k with start**2 * (1 - 2 eta)**(2 k) <= target."""
    return np.ceil(np.log(target / start**2) / (2 * np.log(1 - 2 * eta)))


@pytest.mark.parametrize("eta", ETAS)
@pytest.mark.parametrize("target", [0.3, 1e-3, 1e-9])
def test_gradient_descent_arrives_when_its_closed_form_says(eta, target):
    found = hitting(so.minimize(J, so.gd(eta=eta), start=[1.0], steps=300), target)
    assert found["observed"].item()
    assert found["time"].item() == closed_form(eta, target)


def test_run_hits_history_and_losses_agree():
    study = so.sweep(
        J, so.gd(eta=ETAS), start=[[1.0], [3.0]], steps=60, record=True, targets=[1e-3, 1e-6]
    )
    data = study["gd"]
    exact, seen = hitting(data, 1e-3), hitting(data.drop_vars("hit"), 1e-3)
    by_hand = hitting(data["history_loss"], 1e-3)
    assert exact["time"].dims == ("eta", "start")
    xr.testing.assert_identical(exact, seen)
    xr.testing.assert_identical(exact, by_hand)
    alone = hitting(so.minimize(J, so.gd(eta=ETAS[1]), start=[3.0], steps=60), 1e-3)
    assert exact["time"].sel(eta=ETAS[1], start=1).item() == alone["time"].item()


def test_the_order_of_dimensions_does_not_matter():
    data = so.sweep(J, so.gd(eta=ETAS), start=[[1.0], [3.0]], steps=60, record=True)["gd"]
    turned = data.transpose("step", "param", "start", "eta")
    turned["status"] = turned["status"].transpose("eta", "start")  # need not follow the losses
    xr.testing.assert_equal(hitting(data, 1e-3), hitting(turned, 1e-3).transpose("eta", "start"))


def test_a_target_of_the_sweep_is_found_but_for_rounding():
    study = so.sweep(so.parse("x^2 + 1/10"), so.gd(eta=0.25), start=[1.0], steps=60, targets=[0.3])
    assert 0.1 + 0.2 != 0.3
    assert hitting(study["gd"], 0.2, optimum=0.1)["time"].item() == closed_form(0.25, 0.2)


def test_at_the_start():
    assert hitting(so.minimize(J, so.gd(eta=0.1), start=[1.0], steps=5), 1.0)["time"].item() == 0
    assert (
        hitting(so.sweep(J, so.gd(eta=0.1), start=[1.0], steps=5, targets=[1.0])["gd"], 1.0)[
            "time"
        ].item()
        == 0
    )


def test_the_gap_is_above_the_optimum():
    run = so.minimize(so.parse("x^2 - 7"), so.gd(eta=0.25), start=[1.0], steps=60)
    assert hitting(run, 1e-3, optimum=-7)["time"].item() == closed_form(0.25, 1e-3)


class TestCensored:
    def test_a_run_out_of_budget(self):
        found = hitting(so.minimize(J, so.gd(eta=0.01), start=[1.0], steps=20), 1e-6)
        assert (found["time"].item(), found["observed"].item()) == (20, False)

    @pytest.mark.parametrize("eta", [1.5, 1e30])  # beyond the limit; not a number
    @pytest.mark.parametrize("targets", [(), (1e-3,)])
    def test_a_run_that_diverged_is_watched_for_the_whole_budget(self, eta, targets):
        cost = so.parse("x^4 - log(2 + x)") if eta > 2 else J
        data = so.sweep(cost, so.gd(eta=eta), start=[1.0], steps=500, record=True, targets=targets)[
            "gd"
        ]
        assert data["status"].item() in {"diverged", "non-finite"}
        found = hitting(data, 1e-3 if eta < 2 else -9)
        assert (found["time"].item(), found["observed"].item()) == (500, False)

    def test_a_run_that_came_to_rest_elsewhere_too(self):
        cost = so.parse("(x^2 - 1)^2 + x/5")
        run = so.minimize(cost, so.gd(eta=0.05), start=[1.2], steps=5000, tolerance=1e-6)
        assert run.status == so.Status.CONVERGED
        found = hitting(run, 0.01, optimum=-0.2026)
        assert (found["time"].item(), found["observed"].item()) == (5000, False)

    def test_a_run_that_was_interrupted_is_watched_to_where_it_stopped(self):
        run = so.minimize(J, so.gd(eta=0.01), start=[1.0], steps=20)
        stopped = dataclasses.replace(run, status=so.Status.INTERRUPTED, steps=7)
        assert hitting(stopped, 1e-6)["time"].item() == 7
        for targets in ((), (1e-6,)):
            data = so.sweep(
                J, so.gd(eta=[0.01, 0.02]), start=[1.0], steps=20, record=True, targets=targets
            )["gd"]
            data["status"].values[1], data["steps"].values[1] = "interrupted", 7
            assert hitting(data, 1e-6)["time"].values.tolist() == [20, 7]

    def test_nothing_is_known_after_the_last_recorded_step(self):
        data = so.sweep(J, so.gd(eta=0.01), start=[1.0], steps=1000, record=[0, 5, 10])["gd"]
        assert hitting(data, 1e-6)["time"].item() == 10
        data["status"].values[()], data["steps"].values[()] = "interrupted", 500
        assert hitting(data, 1e-6)["time"].item() == 10


class TestBadInput:
    data = property(
        lambda self: so.sweep(J, so.gd(eta=0.1), start=[1.0], steps=5, targets=[0.5])["gd"]
    )

    def test_no_losses(self):
        with pytest.raises(
            so.RunError,
            match=r"no losses were recorded; its targets are \[0.5\]; give targets=\[0.1\]",
        ):
            hitting(self.data, 0.1)
        with pytest.raises(so.RunError, match="at least one recorded step"):
            hitting(so.minimize(J, so.gd(eta=0.1), start=[1.0], steps=5, record=None), 0.1)
        with pytest.raises(so.RunError, match="at least one run"):
            hitting(xr.DataArray(np.empty((0, 3)), dims=("start", "step")), 0.1)

    @pytest.mark.parametrize(
        ("target", "optimum"), [(np.nan, 0), ([1, 2], 0), ("1", 0), (1, np.inf), (True, 0)]
    )
    def test_numbers(self, target, optimum):
        with pytest.raises(so.RunError, match="expected a finite number"):
            hitting(self.data, target, optimum=optimum)

    def test_other_things(self):
        with pytest.raises(so.RunError, match=r'a Study was given.*study\["gd"\]'):
            hitting(so.sweep(J, so.gd(eta=0.1), start=[1.0], steps=5), 0.1)
        with pytest.raises(so.RunError, match=r"list; expected a Run"):
            hitting([1.0, 0.5], 0.1)
        with pytest.raises(so.RunError, match=r"losses over \('start',\)"):
            hitting(xr.DataArray(np.ones(3), dims="start"), 0.1)
