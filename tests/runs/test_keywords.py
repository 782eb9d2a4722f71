"""Words of other libraries are answered with the argument that is meant; problems bring their start."""

import numpy as np
import pytest
import sympy as sp
import xarray as xr

import symopt as so
from symopt.problems import Problem

J = so.parse("x^2 + 3*y^2")
MEANT = {
    "tol": "tolerance", "gtol": "tolerance", "maxiter": "steps", "max_iter": "steps", "n_steps": "steps", "iterations": "steps",
    "seed": "rng", "random_state": "rng", "x0": "start", "verbose": "progress", "batch_size": "batch", "optimizer": "rule",
}  # fmt: skip
INSTEAD = {
    "bounds": r"so\.project", "callback": r"record=True.*run\.history", "jac": "derived from the cost", "hess": "derived from the cost",
    "method": r"so\.scipy", "args": "by their names", "options": "tolerance=", "lr": r"so\.gd\(eta=0\.1\)", "eta": r"so\.gd\(eta=\.\.\.\)",
    "x": "x is a parameter.*start=", "tolerence": "did you mean 'tolerance'", "step": "did you mean 'steps'", "kapa": "no constant 'kapa'",
}  # fmt: skip


@pytest.mark.parametrize("word", MEANT)
@pytest.mark.parametrize("call", [so.minimize, so.sweep])
def test_words_of_other_libraries_are_answered_with_the_argument(refused, call, word):
    words = f"has no argument '{word}': it is called {MEANT[word]}s? here"
    refused(lambda: call(J, "gd", **{word: 1}), so.RunError, call.__name__, words)


@pytest.mark.parametrize("word", INSTEAD)
def test_what_is_no_argument_is_answered_with_what_to_write(refused, word):
    refused(lambda: so.minimize(J, "gd", [1, 1], **{word: 1}), so.SymoptError, INSTEAD[word])


@pytest.mark.parametrize("word", ["tol", "maxiter", "x0", "jac", "callback"])
def test_scipy_answers_too(refused, word):
    refused(
        lambda: so.scipy(J, "BFGS", **{word: 1}), so.RunError, f"scipy has no argument '{word}': "
    )


def test_a_constant_of_that_name_is_the_constant(in_python):
    scaled = so.parse("tol*(x - seed)^2", params="x")
    assert so.minimize(scaled, so.gd(eta=0.25), [5.0], 1, tol=2, seed=3).theta.tolist() == [3]


@pytest.mark.parametrize("start", [np.array([2.0, 1.0]), {"y": 1.0, "x": 2.0}])
def test_a_problem_brings_its_start(in_python, start):
    problem = Problem("bowl", J, start, "a textbook")
    assert so.minimize(problem, "gd", steps=0).theta.tolist() == [2, 1]
    assert so.minimize(problem, "gd", [3.0, 3.0], steps=0).theta.tolist() == [3, 3]
    assert so.sweep(problem, ["gd", "adam"], steps=0)["adam"]["theta"].values.tolist() == [2, 1]
    assert so.scipy(problem, "CG", steps=0).theta.tolist() == [2, 1]


@pytest.mark.parametrize("cost", [J, sp.Symbol("x") ** 2])
def test_a_cost_without_a_start_asks_for_one(refused, cost):
    refused(lambda: so.minimize(cost, "gd"), so.RunError, r"start is missing.*so\.minimize\(")
    refused(lambda: so.sweep(cost, "gd"), so.RunError, r"start is missing.*so\.sweep\(")
    refused(lambda: so.scipy(cost, "CG"), so.RunError, r"start is missing.*so\.scipy\(J, 'CG'")


@pytest.mark.parametrize(("word", "meant"), [("seed", "rng"), ("n", "size"), ("lower", "low")])
def test_a_box_of_starts_answers_too(refused, word, meant):
    words = f"uniform has no argument '{word}': it is called {meant} here"
    refused(lambda: so.uniform(-1, 1, 5, **{word: 1}), so.RunError, words)
    refused(lambda: so.uniform(-1, 1, 5, shade=1), so.RunError, "expected low, high, size, rng")


def test_a_box_may_have_the_names_of_parameters(in_python, refused):
    named = so.uniform({"y": 2, "x": -1}, {"x": 1, "y": 2.5}, size=5, rng=0)
    plain = so.uniform([-1, 2], [1, 2.5], size=5, rng=0)
    starts = [so.sweep(J, "gd", box, 0)["gd"]["theta"].values for box in (named, plain)]
    assert np.array_equal(*starts)
    wrong = so.uniform({"y": 2, "z": -1}, 3, size=5)
    refused(lambda: so.sweep(J, "gd", wrong, 0), so.CostError, "'z' is no parameter")
    refused(lambda: so.sweep(J, "gd", so.uniform({"x": 1, "y": 2}, 1, 5), 0), so.RunError, "above")


def test_dimensions_of_labelled_starts_are_axes(in_python, refused):
    across = xr.DataArray([1.0, 2.0, 3.0], dims="across", coords={"across": [1, 2, 3]})
    up = xr.DataArray([4.0, 5.0], dims="up")
    for start in ({"x": across, "y": up}, xr.Dataset({"y": up, "x": across})):
        found = so.sweep(J, so.gd(eta=[0.1, 0.2]), start, 0)["gd"]
        assert dict(found.sizes) == {"eta": 2, "across": 3, "up": 2, "param": 2}
        assert found["theta"].sel(param="x", across=2).values.ravel().tolist() == [2.0] * 4
    one = so.sweep(J, "gd", {"x": across, "y": 1.0}, 0)["gd"]
    assert one["theta"].sel(param="y").values.tolist() == [1, 1, 1]
    other = across.assign_coords(across=[1, 2, 4])
    words = "does not fit together"
    refused(lambda: so.sweep(J, "gd", {"x": across, "y": other}, 0), so.RunError, words)
