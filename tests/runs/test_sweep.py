"""sweep: axes, labels, targets, and what is told of every run."""

import numpy as np
import pytest
import sympy as sp
import xarray as xr

import symopt as so

J = so.parse("100*(y-x^2)^2 + (1-x)^2")
x, y, kappa = sp.symbols("x y kappa")
BOWL = so.Cost((x**2 + kappa * y**2) / 2, params=(x, y))


def test_axes_multiply_in_order():
    study = so.sweep(
        BOWL,
        so.momentum(eta=[0.01, 0.02], beta=[0.5, 0.9, 0.99]),
        [[1, 1], [2, 2], [3, 3], [4, 4]],
        20,
        kappa=[1.0, 5.0],
    )
    dataset = study["momentum"]
    assert dataset["loss"].dims == ("eta", "beta", "cost.kappa", "start")
    assert dataset["loss"].shape == (2, 3, 2, 4)
    assert dataset["theta"].dims == ("eta", "beta", "cost.kappa", "start", "param")
    assert dataset["param"].values.tolist() == ["x", "y"]
    one = so.minimize(BOWL, so.momentum(eta=0.02, beta=0.9), [3, 3], 20, kappa=5.0)
    np.testing.assert_array_equal(
        dataset["theta"].sel({"eta": 0.02, "beta": 0.9, "cost.kappa": 5.0}).isel(start=2), one.theta
    )


def test_a_constant_given_beforehand_may_be_an_axis():
    one = so.sweep(BOWL(kappa=[1.0, 2.0]), so.gd(), [1, 1], 3)["gd"]
    xr.testing.assert_identical(
        one["theta"], so.sweep(BOWL, so.gd(), [1, 1], 3, kappa=[1.0, 2.0])["gd"]["theta"]
    )


def test_arrays_that_share_a_dimension_go_together():
    eta = xr.DataArray([0.01, 0.1, 0.2], dims="case", coords={"case": ["a", "b", "c"]})
    start = xr.DataArray([[1.0, 1], [2, 2], [3, 3]], dims=("case", "param"))
    dataset = so.sweep(BOWL, so.gd(eta=eta), start, 10, kappa=2.0)["gd"]
    assert dataset["loss"].dims == ("case",)
    for k, name in enumerate("abc"):
        one = so.minimize(BOWL, so.gd(eta=float(eta[k])), start.values[k], 10, kappa=2.0)
        np.testing.assert_array_equal(dataset["theta"].sel(case=name), one.theta)


def test_one_run_has_no_axes():
    dataset = so.sweep(J, "gd", [0, 0], 3)["gd"]
    assert dataset["loss"].dims == ()
    assert dataset["theta"].dims == ("param",)


def test_several_rules_and_names():
    study = so.sweep(J, {"fast": so.adam(eta=0.1), "slow": so.adam(eta=0.01)}, [-1.2, 1], 50)
    assert list(study) == ["fast", "slow"]
    assert study["fast"]["loss"] != study["slow"]["loss"]
    assert set(study.tree.children) == {"fast", "slow"}
    assert "fast: one run; 1 budget spent" in repr(study)
    assert list(so.sweep(J, ["gd", so.momentum()], [0, 0], 3)) == ["gd", "momentum"]


def test_targets_give_the_first_step_at_or_below():
    targets = [24.2, 1.0, 1e-3, 1e-30]
    study = so.sweep(J, so.adam(eta=[0.02, 0.1]), [[-1.2, 1], [0, 0]], 3000, targets=targets)[
        "adam"
    ]
    assert study["hit"].dims == ("eta", "start", "target")
    for i, eta in enumerate([0.02, 0.1]):
        for k, start in enumerate([[-1.2, 1], [0, 0]]):
            losses = so.minimize(J, so.adam(eta=eta), start, 3000).history["loss"].values
            want = [
                np.argmax(losses <= target) if (losses <= target).any() else np.nan
                for target in targets
            ]
            np.testing.assert_array_equal(study["hit"][i, k], want)
    assert study["hit"].isel(eta=0, start=0).values[0] == 0.0


def test_recorded_steps():
    dataset = so.sweep(J, so.gd(eta=[1e-3, 10.0]), [-1.2, 1], 100, record=[0, 2, 50, 100])["gd"]
    assert dataset["history_loss"].dims == ("eta", "step")
    assert dataset["history_theta"].dims == ("eta", "step", "param")
    np.testing.assert_array_equal(dataset["history_theta"].isel(eta=0, step=0), [-1.2, 1])
    assert dataset["steps"].values.tolist()[0] == 100
    assert np.isnan(dataset["history_loss"].isel(eta=1, step=[2, 3])).all()


def test_without_the_best_the_last_stands_there():
    dataset = so.sweep(
        so.parse("x^2"), so.momentum(eta=0.3, beta=0.95), [[1.0], [2.0]], 8, best=False
    )["momentum"]
    np.testing.assert_array_equal(dataset["best_loss"], dataset["loss"])


def test_every_run_has_a_status_and_a_reason():
    study = so.sweep(J, so.gd(eta=[1e-3, 1.0]), [[-1.2, 1], [1, 1]], 100, tolerance=1e-9)
    assert study["gd"]["status"].values.tolist() == [
        ["budget spent", "converged"],
        ["diverged", "converged"],
    ]
    assert "beyond the limit" in study.reason("gd", eta=1, start=0)
    assert "gradient" in study.reason("gd", eta=0, start=1)
    assert study["gd"]["gradient_evaluations"].values[0].tolist() == [100, 0]


def test_a_failed_run_deep_in_a_sweep_is_explained():
    """The step is replayed with the powers and scalar states of that very step."""
    cost = so.parse("x^2/2 + (2 + tanh(300*(x - 5)))*0 + sqrt(10 - x)")
    with pytest.warns(so.SymoptWarning, match="nadam.*climbs J"):
        climbing = so.nadam(eta=[-0.05, 0.01])
    study = so.sweep(cost, climbing, np.linspace(0, 4, 200)[:, None], 500)
    bad = np.argwhere(study["nadam"]["status"].values == "non-finite")
    assert len(bad) > 50
    for eta, start in bad[::40]:
        assert "J is nan" in study.reason("nadam", eta=int(eta), start=int(start))


def test_uniform_starts():
    one, two = (so.uniform([-1, 0], [1, 5], 1000, rng=3).draw(2) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert one.shape == (1000, 2)
    assert (one.min(axis=0) >= [-1, 0]).all()
    assert (one.max(axis=0) <= [1, 5]).all()
    assert one[:, 1].max() > 4.5


def test_more_runs_than_lanes_and_fewer():
    for count in (1, 2, 127, 128, 129, 300):
        starts = so.uniform(-1, 1, count, rng=0).draw(2)
        dataset = so.sweep(J, so.adam(), starts, 5)["adam"]
        assert dataset.sizes["start"] == count
        np.testing.assert_array_equal(
            dataset["theta"][-1], so.minimize(J, so.adam(), starts[-1], 5).theta
        )


@pytest.mark.parametrize("n", [3, 30])
def test_best_theta_is_where_the_best_loss_was(n):
    z = sp.symbols(f"z:{n}")
    cost = so.Cost(sum((s - 1) ** 2 * (k + 1) for k, s in enumerate(z)), params=z)
    dataset = so.sweep(cost, so.momentum(eta=0.02, beta=0.97), so.uniform(-2, 2, 50, rng=1), 100)[
        "momentum"
    ]
    np.testing.assert_array_equal(cost.value(dataset["best_theta"].values), dataset["best_loss"])
    assert (dataset["best_loss"] <= dataset["loss"]).all()


def test_without_the_best_the_last_iterate_stands_there():
    study = so.sweep(
        so.parse("x^2 + 10*y^2"), so.average(so.gd(eta=0.05)), [[1.0, 1.0]], 5, best=False
    )
    dataset = study["average(gd)"]
    np.testing.assert_array_equal(dataset["best_theta"], dataset["theta"])


def test_an_axis_that_only_starts_a_state():
    @so.rule(s="first")
    def fading(theta, s, *, grad, eta=0.1, first=1.0):
        return theta - eta * s * grad(theta), 0.9 * s

    cost = so.parse("x^2 + 10*y^2")
    together = so.sweep(cost, fading(eta=0.01, first=[0.5, 1.0]), [1.0, 1.0], 5)["fading"]
    for first in (0.5, 1.0):
        alone = so.minimize(cost, fading(eta=0.01, first=first), [1.0, 1.0], 5)
        np.testing.assert_array_equal(together["theta"].sel(first=first), alone.theta)
