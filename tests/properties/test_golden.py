"""so.like against trajectories of torch, optax, keras and packages for torch, straight from their arguments."""

import inspect

import golden
import mpmath as mp
import numpy as np
import pytest
from spread import spread

import symopt as so
from symopt.interop.counterpart import LIBRARIES

pytestmark = pytest.mark.usefixtures("in_python")

RUNS = golden.runs()
TOLERANCE = 1e-11
CHAOTIC = {f"{library}/rmsprop/a/rosenbrock" for library in ("torch", "optax", "keras")}
"""Runs that amplify any rounding about 2.4-fold a step from step 80 on: see the test that shows it."""


def deviation(run, rule, array):
    """Return the largest deviation at each step, relative to max(1, |theta|)."""
    want = golden.trajectory(run, array)
    got = (
        so.minimize(so.parse(run["formula"]), rule, run["start"], len(want) - 1, limit=1e300)
        .history["theta"]
        .values
    )
    return np.max(np.abs(got - want) / np.maximum(1, np.abs(want)), axis=1)


def like(run, **more):
    """Return the rule for a run's class and its keyword arguments, straight from the index."""
    return so.like(run["class"], **run["kwargs"], **more)


@pytest.mark.parametrize(
    "name", spread([n for n, run in sorted(RUNS.items()) if "note" not in run], every=2)
)
def test_a_class_and_its_arguments_give_the_library_s_trajectory(name):
    last = 100 if name in CHAOTIC else 200
    assert deviation(RUNS[name], like(RUNS[name]), "params")[: last + 1].max() <= TOLERANCE


@pytest.mark.parametrize("name", [name for name, run in sorted(RUNS.items()) if "note" in run])
def test_a_known_error_of_a_library_is_reproduced_and_named(name):
    assert deviation(RUNS[name], like(RUNS[name]), "params").max() <= TOLERANCE
    assert "error of that library" in str(like(RUNS[name]))


@pytest.mark.parametrize("name", [name for name, run in sorted(RUNS.items()) if "note" in run])
def test_the_library_named_in_the_note_is_the_paper_s(name):
    """The run that the note points to has the same settings; its class gives its trajectory, the other does not."""
    other = name.replace("optax/rprop", "torch/rprop").replace(
        "optax/adan", "pytorch_optimizer/adan"
    )
    assert deviation(RUNS[other], like(RUNS[other]), "params").max() <= TOLERANCE
    assert deviation(RUNS[other], like(RUNS[name]), "params").max() > 1e-7


@pytest.mark.parametrize(
    "name", [name for name, run in sorted(RUNS.items()) if "textbook" in run["arrays"]]
)
def test_nesterov_s_look_ahead_form_is_the_textbook_s(name):
    given = RUNS[name]["hyperparameters"]
    eta, beta = given.get("lr", given.get("learning_rate")), given["momentum"]
    assert deviation(RUNS[name], so.nesterov(eta=eta, beta=beta), "textbook").max() <= TOLERANCE


@pytest.mark.parametrize(
    "name", [name for name, run in sorted(RUNS.items()) if "x" in run["arrays"]]
)
def test_the_average_of_a_schedule_free_run_is_the_library_s(name):
    assert deviation(RUNS[name], like(RUNS[name]).reporting("x"), "x").max() <= TOLERANCE


def exact_rmsprop(eta, rho, epsilon, steps):
    """Return RMSProp (epsilon outside) on Rosenbrock from (-1.2, 1) in 50 digits."""
    with mp.workdps(50):
        eta, rho, epsilon = map(mp.mpf, (eta, rho, epsilon))
        theta, v, path = [mp.mpf(-1.2), mp.mpf(1)], [mp.mpf(0)] * 2, []
        for _ in range(steps + 1):
            path.append([float(c) for c in theta])
            x, y = theta
            g = [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)]
            v = [rho * a + (1 - rho) * b * b for a, b in zip(v, g, strict=True)]
            theta = [
                c - eta * b / (mp.sqrt(a) + epsilon) for c, a, b in zip(theta, v, g, strict=True)
            ]
        return np.array(path)


def test_the_chaotic_runs_are_decided_by_rounding():
    """torch's own float64 trajectory leaves the exact one: no other rounding can follow it to the end."""
    want = golden.trajectory(RUNS["torch/rmsprop/a/rosenbrock"], "params")
    away = np.abs(exact_rmsprop(0.005, 0.9, 0.01, 200) - want).max(axis=1)
    assert away[:101].max() < 1e-13
    assert away[130:].max() > 1e-2


MORE = golden.more_runs()


@pytest.mark.filterwarnings("ignore:.*climbs J")
@pytest.mark.parametrize("name", spread(MORE, every=2))
def test_arguments_beyond_the_defaults_give_the_library_s_trajectory(name):
    run, want = MORE[name], MORE[name]["trajectory"]
    cost = so.parse(run["formula"], params=run["params"])
    got = (
        so.minimize(cost, like(run), run["start"], run["steps"], limit=1e300)
        .history["theta"]
        .values
    )
    assert (np.abs(got - want) / np.maximum(1, np.abs(want))).max() <= TOLERANCE


@pytest.mark.parametrize("name", golden.signatures())
def test_arguments_and_defaults_are_the_library_s(name):
    theirs, ours = golden.signatures()[name], LIBRARIES[name]
    defaults = {
        key: value for key, value in ours.arguments.items() if value is not inspect.Parameter.empty
    }
    known = {**ours.fixed, **defaults}
    listed = {
        key: list(value) if isinstance(value, tuple) else value for key, value in known.items()
    }
    required = set(ours.arguments) - set(defaults)
    assert required == {key for key, value in theirs.items() if value == "<required>"}
    assert {key: listed[key] for key in theirs if key not in required} == {
        key: value for key, value in theirs.items() if key not in required
    }


def test_every_class_of_the_index_is_known():
    assert len(RUNS) == 249
    assert {run["class"] for run in RUNS.values()} <= set(LIBRARIES)
