"""Runs of costs with sums: one kernel for all sizes and data, memory, labels, statuses, starts."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
import sympy as sp
import xarray as xr

import symopt as so
from symopt.compiler.jit import cache
from symopt.costs import indexed

i, j, k, m, n, d, r = sp.symbols("i j k m n d r", integer=True)
X, t, theta, U, V, R = map(sp.IndexedBase, ("X", "t", "theta", "U", "V", "R"))
a, s = sp.symbols("a s")
CHAIN = so.Cost(
    sp.Sum(a * (theta[i + 1] - theta[i] ** 2) ** 2 + (1 - theta[i]) ** 2, (i, 0, n - 2)),
    params=theta,
)(a=100.0)
Z = sp.Sum(X[k, j] * theta[j], (j, 0, d - 1))
LOSS = sp.Sum(sp.log(1 + sp.exp(-t[k] * Z)), (k, 0, m - 1)) / m
LARGE = 10**6


def samples(count: int, features: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {"X": rng.normal(size=(count, features)), "t": rng.choice([-1.0, 1.0], count)}


def logistic(count: int, features: int, seed: int = 0) -> so.Cost:
    given = samples(count, features, seed)
    return so.Cost(LOSS, params=theta, data={X: given["X"], t: given["t"]}, samples=k)


# One kernel for all


def everything(J: so.Cost, point: np.ndarray, steps: int = 5, **how: Any) -> None:
    J.value(point)
    J.grad(point)
    J.hvp(point, point)
    so.minimize(J, so.adam(eta=1e-3), point, steps, record=[0, steps], **how)
    so.sweep(
        J, so.gd(eta=[1e-6]), point, steps, paths=False, targets=[1.0]
    )  # one run is in no block of lanes


def test_a_chain_of_a_million_is_not_compiled_again():
    everything(CHAIN, np.linspace(-1, 1, 10), paths=False)
    before = cache.compiled
    everything(CHAIN, np.linspace(-1, 1, LARGE), paths=False)
    everything(CHAIN, np.linspace(-1, 1, 11), paths=False)
    assert cache.compiled == before


def test_other_data_are_not_compiled_again():
    everything(logistic(7, 3), np.ones(3), batch=2)
    everything(logistic(7, 3), np.ones(3))
    before = cache.compiled
    for J, size in ((logistic(50, 12, 1), 12), (logistic(7, 3)(**samples(4, 2, 2)), 2)):
        everything(J, np.ones(size), batch=3)
        everything(J, np.ones(size), batch=4, rng=5)
        everything(J, np.ones(size))
    assert cache.compiled == before


def test_other_values_are_not_compiled_again():
    point = np.linspace(-1, 1, 10)
    run = lambda J, eta, **how: so.minimize(J, so.momentum(eta=eta), point, record=True, **how)
    run(CHAIN, 0.001, steps=5)
    run(CHAIN, 0.001, steps=5, noise=0.1)
    before = cache.compiled
    run(CHAIN, 0.0002, steps=7, limit=1e9)
    run(CHAIN(a=3.0), 0.0002, steps=7)
    run(CHAIN, 0.0001, steps=7, a=2.0)
    run(CHAIN, 0.0001, steps=7, noise=0.3, rng=(4, 4))
    so.minimize(CHAIN, so.momentum(eta=0.0001, beta=0.5), point[:4], 3, record=[1])
    CHAIN.value(point)
    CHAIN.value(point, a=5.0)
    assert cache.compiled <= before + 1  # J.value itself, where nothing compiled it before


def test_the_code_does_not_grow():
    lines = {
        len(CHAIN.source.splitlines()) for _ in (CHAIN.grad(np.ones(5)), CHAIN.grad(np.ones(LARGE)))
    }
    assert len(lines) == 1
    one, other = logistic(5, 2), logistic(400, 30)
    assert (one.statements, one.source) == (other.statements, other.source)
    short, long = (so.minimize(CHAIN, so.gd(eta=1e-5), np.zeros(size), 3) for size in (5, 5000))
    assert short.source == long.source
    assert CHAIN.statements < 60


def test_memory_is_a_few_times_theta():
    """24 n numbers at most while it starts (Adam takes 22: all rows are laid out, then copied), 4 n when it is done."""
    start = np.linspace(-1, 1, LARGE)
    so.minimize(CHAIN, so.adam(eta=1e-3), start[:10], 5, record=[0, 5], paths=False)
    tracemalloc.start()
    run = so.minimize(CHAIN, so.adam(eta=1e-3), start, 5, record=[0, 5], paths=False)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert run.steps == 5
    assert run.loss < CHAIN.value(start)
    assert peak < 24 * 8 * LARGE
    assert kept < 4 * 8 * LARGE  # what a run keeps: its last and its best theta


def test_a_run_over_many_samples_keeps_nothing_of_their_number():
    J = logistic(200_000, 3)
    so.minimize(J, so.gd(), np.zeros(3), 2)
    tracemalloc.start()
    so.minimize(J, so.gd(), np.zeros(3), 2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200_000


# Data


def test_contiguous_floats_are_used_where_they_lie():
    given = samples(7, 3)
    J = so.Cost(LOSS, params=theta, data={X: given["X"], t: given["t"]}, samples=k)
    for bound in (J, J(X=given["X"]), J(**samples(7, 3))(**given)):
        assert np.shares_memory(bound.data["X"], given["X"])
        assert np.shares_memory(bound.data["t"], given["t"])


@pytest.mark.parametrize("change", [
    lambda x: x.astype(np.float32), lambda x: np.asfortranarray(x), lambda x: x.tolist(), lambda x: x[:, ::-1],
    lambda x: (8 * x).astype(int),
], ids=["float32", "columns first", "list", "reversed", "integers"])  # fmt: skip
def test_other_data_are_copied_and_read_right(change):
    given = samples(7, 3)
    X_ = change(given["X"])
    J = so.Cost(LOSS, params=theta, data={X: X_, t: given["t"]}, samples=k)
    assert J.data["X"].dtype == np.float64
    assert J.data["X"].flags.c_contiguous
    assert not np.shares_memory(J.data["X"], X_)
    np.testing.assert_array_equal(J.data["X"], np.asarray(X_, dtype=np.float64))
    at = np.array([0.3, -0.2, 0.5])
    assert J.value(at) == pytest.approx(
        np.mean(np.logaddexp(0, -given["t"] * (np.asarray(X_) @ at))), rel=1e-13
    )


def test_data_are_never_written():
    given = samples(7, 3)
    for array in given.values():
        array.flags.writeable = False
    J = so.Cost(LOSS, params=theta, data={X: given["X"], t: given["t"]}, samples=k)
    J.grad(np.zeros(3))
    assert so.minimize(J, so.gd(), np.zeros(3), 4, batch=2).steps == 4


# What a run tells

FACTORS = so.Cost(
    sp.Sum(
        (R[i, k] - sp.Sum(U[i, j] * V[k, j], (j, 0, r - 1)) - s) ** 2, (i, 0, m - 1), (k, 0, n - 1)
    ),
    params=(U, s, V),
    data={R: np.arange(6.0).reshape(2, 3)},
)
PARTS = {"U": np.ones((2, 1)), "s": 0.5, "V": np.arange(3.0)[:, None]}


def test_arrays_and_labels():
    run = so.minimize(FACTORS, so.gd(eta=0.01), PARTS, 5)
    assert run.labels == ["U[0,0]", "U[1,0]", "s", "V[0,0]", "V[1,0]", "V[2,0]"]
    assert run.history["param"].values.tolist() == run.labels
    assert {name: array.shape for name, array in run.arrays.items()} == {
        "U": (2, 1),
        "s": (),
        "V": (3, 1),
    }
    flat = np.concatenate([run.arrays[name].ravel() for name in ("U", "s", "V")])
    np.testing.assert_array_equal(flat, run.theta)
    assert FACTORS.value(run.arrays) == run.loss
    assert "U[0,0]=" in repr(run)
    two = so.minimize(
        FACTORS, so.gd(eta=0.001), {**PARTS, "U": np.ones((2, 2)), "V": np.ones((3, 2))}, 5
    )
    assert two.arrays["V"].shape == (3, 2)
    assert len(repr(so.minimize(CHAIN, so.gd(eta=1e-5), np.zeros(5000), 1))) < 300


def test_history_with_and_without_paths():
    start = np.linspace(-1, 1, 9)
    with_paths = so.minimize(CHAIN, so.gd(eta=1e-3), start, 30)
    without = so.minimize(CHAIN, so.gd(eta=1e-3), start, 30, paths=False)
    assert set(with_paths.history) == {"loss", "theta"}
    assert set(without.history) == {"loss"}
    np.testing.assert_array_equal(with_paths.history["loss"], without.history["loss"])
    np.testing.assert_array_equal(with_paths.history["theta"][0], start)
    np.testing.assert_array_equal(with_paths.history["theta"][-1], with_paths.theta)
    np.testing.assert_array_equal(without.theta, with_paths.theta)
    assert with_paths.history["loss"][-1] == with_paths.loss == CHAIN.value(with_paths.theta)
    study = so.sweep(CHAIN, so.gd(eta=1e-3), [start, start], 30, record=3, paths=False)["gd"]
    assert "history_theta" not in study
    np.testing.assert_array_equal(
        study["history_loss"][0], with_paths.history["loss"].sel(step=study["step"])
    )


def test_what_is_recorded_unless_asked_otherwise(monkeypatch):
    small = so.minimize(CHAIN, so.gd(eta=1e-5), np.zeros(9), 50)
    assert small.recorded.tolist() == list(range(51))
    many = so.minimize(CHAIN, so.gd(eta=1e-5), np.zeros(5000), 1500)
    assert len(many.recorded) <= 1000
    assert (many.recorded[0], many.recorded[-1]) == (0, 1500)
    wide = so.minimize(CHAIN, so.gd(eta=1e-5), np.zeros(LARGE), 9)
    assert "theta" not in wide.history
    assert len(wide.history["loss"]) == 10


# How a run ends


@pytest.mark.parametrize("size", [5, 5000])
def test_a_diverging_run_tells_what_happened(size):
    run = so.minimize(CHAIN, so.gd(eta=1.0), np.full(size, 2.0), 50)
    assert run.status == "diverged"
    assert "limit 1e+20" in run.reason
    assert f"after {run.steps} steps, at theta[0] = " in run.reason
    assert run.loss == CHAIN.value(run.theta)
    assert np.isfinite(run.theta).all()
    assert len(run.reason) < 400
    assert np.isnan(run.history["loss"].values[run.steps + 1 :]).all()


@pytest.mark.parametrize("size", [5, 5000])
def test_a_component_that_leaves_the_limit_is_told(size):
    slope = so.Cost(sp.Sum(-theta[i] * (i + 1), (i, 0, n - 1)), params=theta)
    run = so.minimize(slope, so.gd(eta=1.0), np.zeros(size), 5000, limit=1e3, paths=False)
    assert run.status == "diverged"
    assert "limit 1000" in run.reason
    assert np.abs(run.theta).max() <= 1000
    gone = so.minimize(CHAIN, so.gd(eta=1e30), np.full(size, 1.1), 5)
    assert (gone.status, gone.steps) == ("diverged", 0)
    np.testing.assert_array_equal(gone.theta, 1.1)
    if size == 5:
        assert "|theta[" in gone.reason
        assert "in step 1" in gone.reason


@pytest.mark.parametrize("size", [5, 5000])
def test_what_is_no_number_is_told(size):
    root = so.Cost(sp.Sum(sp.sqrt(theta[i]), (i, 0, n - 1)), params=theta)
    run = so.minimize(root, so.gd(eta=1.0), np.full(size, 0.1), 5)
    assert run.status == "non-finite"
    assert "J is nan after 1 steps, at theta[0] = " in run.reason
    start = so.minimize(root, so.gd(), np.full(size, -1.0), 5)
    assert (start.status, start.steps) == ("non-finite", 0)

    steep = so.Cost(sp.Sum(sp.log(theta[i] ** 2), (i, 0, n - 1)), params=theta)
    zero = so.minimize(steep, so.gd(), np.zeros(size), 5)
    assert zero.status == "non-finite"
    assert "J is -inf" in zero.reason


def test_a_state_that_is_no_number_is_named():
    @so.rule(v=0)
    def rooted(theta, v, *, grad):
        return theta - grad(theta), v + sp.sqrt(grad(theta) - 1)

    run = so.minimize(BALL, rooted, [1.0, 0.25, 1.0, 1.0, 1.0], 5)
    if run.status == "non-finite":
        assert "v of theta[1] is nan" in run.reason


BALL = so.Cost(sp.Sum(theta[i] ** 2, (i, 0, n - 1)), params=theta)


@pytest.mark.parametrize("size", [5, 600])
def test_a_converged_run_tells_the_loss_where_it_ended(size):
    """Also where it has converged before its first step."""
    for start in (np.ones(size), np.full(size, 0.01)):
        run = so.minimize(BALL, so.gd(eta=0.1), start, 200, tolerance=0.05)
        assert run.status == "converged"
        assert "every component of the gradient is at most 0.05" in run.reason
        assert run.loss == run.best_loss == BALL.value(run.theta)
        np.testing.assert_array_equal(run.best_theta, run.theta)
        assert run.history["loss"][run.steps] == run.loss
    assert run.steps == 0


def test_runs_of_a_block_that_converge_one_after_the_other():
    starts = np.ones((40, 5)) * 10.0 ** -np.arange(40)[:, None]
    how = {"record": True, "tolerance": 0.05, "targets": [1e-1, 1e-70]}
    study = so.sweep(BALL, so.gd(eta=0.1), starts, 200, **how)["gd"]
    assert set(study["status"].values) == {"converged"}
    np.testing.assert_array_equal(study["loss"], BALL.value(study["theta"].values))
    np.testing.assert_array_equal(study["best_loss"], study["loss"])
    ends = study["history_loss"].values[np.arange(40), study["steps"].values]
    np.testing.assert_array_equal(ends, study["loss"])
    reached = BALL.value(starts) <= 1e-70
    np.testing.assert_array_equal(study["hit"].isel(target=1).values[reached], 0)


def test_no_steps():
    run = so.minimize(CHAIN, "adam", np.zeros(7), 0)
    assert (run.steps, run.loss, run.status) == (0, CHAIN.value(np.zeros(7)), "budget spent")


# Starts


def test_starts_as_a_mapping_with_a_leading_axis():
    starts = {
        "U": np.arange(8.0).reshape(4, 2, 1) / 8,
        "s": np.arange(4.0) / 4,
        "V": np.ones((4, 3, 1)),
    }
    study = so.sweep(FACTORS, so.gd(eta=[0.001, 0.01]), starts, 6)["gd"]
    assert study["theta"].dims == ("eta", "start", "param")
    assert study["theta"].shape == (2, 4, 6)
    for e, eta in enumerate((0.001, 0.01)):
        for row in range(4):
            alone = so.minimize(
                FACTORS, so.gd(eta=eta), {name: array[row] for name, array in starts.items()}, 6
            )
            np.testing.assert_array_equal(alone.theta, study["theta"][e, row])
    one = so.sweep(FACTORS, so.gd(eta=0.01), {**PARTS, "s": np.arange(3.0)}, 6)["gd"]
    assert one["theta"].shape == (3, 6)
    np.testing.assert_array_equal(
        so.minimize(FACTORS, so.gd(eta=0.01), {**PARTS, "s": 2.0}, 6).theta, one["theta"][2]
    )
    by_symbol = so.minimize(FACTORS, so.gd(eta=0.01), {V: PARTS["V"], U: PARTS["U"], s: 2.0}, 6)
    np.testing.assert_array_equal(by_symbol.theta, one["theta"][2])


def test_axes_of_a_sweep():
    eta = xr.DataArray([1e-4, 1e-3], dims="case", coords={"case": ["small", "large"]})
    starts = xr.DataArray(
        np.random.default_rng(0).normal(size=(2, 3, 6)), dims=("case", "draw", "param")
    )
    study = so.sweep(CHAIN, so.momentum(eta=eta, beta=[0.5, 0.9]), starts, 12, a=[1.0, 10.0])[
        "momentum"
    ]
    assert set(study["loss"].dims) == {"case", "beta", "cost.a", "draw"}
    assert study["param"].values.tolist() == [f"theta[{k}]" for k in range(6)]
    place = {"beta": 1, "cost.a": 1, "draw": 2}
    alone = so.minimize(CHAIN, so.momentum(eta=1e-3, beta=0.9), starts.values[1, 2], 12, a=10.0)
    np.testing.assert_array_equal(study["theta"].sel(case="large").isel(place), alone.theta)
    assert so.sweep(CHAIN, so.gd(eta=1e-4), np.zeros(6), 3)["gd"]["theta"].dims == ("param",)


def test_uniform_starts():
    study = so.sweep(CHAIN, so.gd(eta=1e-4), so.uniform(-np.ones(6), 1, size=5, rng=0), 4)["gd"]
    assert study["theta"].shape == (5, 6)
    again = so.sweep(CHAIN, so.gd(eta=1e-4), so.uniform(-1, np.ones(6), size=5, rng=0), 4)["gd"]
    np.testing.assert_array_equal(study["theta"], again["theta"])
    known = so.sweep(logistic(7, 3), so.gd(), so.uniform(-1, 1, size=5, rng=0), 4)["gd"]
    assert known["theta"].shape == (5, 3)
    sized = so.sweep(CHAIN(n=8), so.gd(eta=1e-4), so.uniform(-1, 1, size=5, rng=0), 4)["gd"]
    assert sized["theta"].shape == (5, 8)
    before = cache.compiled
    with pytest.raises(so.RunError, match="low or high one number for each parameter"):
        so.sweep(CHAIN, "gd", so.uniform(-1, 1, size=5), 4)
    assert cache.compiled == before


def test_the_start_is_never_changed():
    for size in (5, indexed.LARGEST_IN_LANES + 1):
        start = np.linspace(-1, 1, size)
        kept = start.copy()
        run = so.minimize(CHAIN, so.adam(eta=0.1), start, 20)
        so.sweep(CHAIN, so.adam(eta=0.1), start, 20)
        so.sweep(CHAIN, so.adam(eta=[0.1, 0.2]), start[None], 20)
        np.testing.assert_array_equal(start, kept)
        assert not np.shares_memory(run.theta, start)
        assert not np.shares_memory(run.best_theta, start)
        assert not np.array_equal(run.theta, start)
    parts = {name: np.array(value) for name, value in PARTS.items()}
    so.minimize(FACTORS, so.gd(eta=0.01), parts, 5)
    for name, value in parts.items():
        np.testing.assert_array_equal(value, PARTS[name])
    frozen = np.linspace(-1, 1, 6)
    frozen.flags.writeable = False
    assert so.minimize(CHAIN, so.gd(eta=1e-4), frozen, 3).steps == 3


@pytest.mark.parametrize(("start", "words"), [
    ([1.0], "theta"), (np.zeros((2, 2, 6)), "shape"), ([np.nan] * 6, "not finite"), ("ones", "numbers"),
    ({"theta": np.zeros(6), "x": 0.0}, "x"),
], ids=["short", "axes", "nan", "text", "unknown"])  # fmt: skip
def test_starts_that_do_not_fit_are_refused(start, words):
    before = cache.compiled
    with pytest.raises(so.RunError, match=words) as caught:
        so.sweep(CHAIN(n=6), "gd", start, 3)
    assert str(caught.value).startswith("start")
    assert cache.compiled == before
