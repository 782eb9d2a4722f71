"""What a type checker, and so an editor, sees of the public names."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")

SEEN = """
from collections.abc import Callable
from typing import assert_type

import xarray as xr
from matplotlib.axes import Axes

import symopt as so
from symopt.interop.scipy import SciPyRun
from symopt.problems import Problem


@so.rule(m=0)
def with_state(theta, m, *, grad, eta=0.1):  # type: ignore[no-untyped-def]
    return theta - eta * grad(theta), m


@so.rule
def bare(theta, *, grad, eta=0.1):  # type: ignore[no-untyped-def]
    return theta - eta * grad(theta)


assert_type(with_state, so.Rule)
assert_type(bare, so.Rule)
assert_type(with_state(eta=0.2), so.Rule)
assert_type(so.adam, so.Rule)
assert_type(so.optimizers["adam"], so.Rule)
assert_type(so.lookahead(so.adam), so.Rule)
assert_type(so.like("torch.optim.Adam"), so.Rule)

J = so.parse("x^2")
run = so.minimize(J, "adam", [1.0], rng=(1, 2))
study = so.sweep(J, [so.adam, "gd"], so.uniform(-1, 1, 5))
assert_type(J, so.Cost)
assert_type(run, so.Run)
assert_type(run.history, xr.Dataset)
assert_type(study, so.Study)
assert_type(study["gd"], xr.Dataset)
assert_type(so.scipy(J, start={"x": 1.0}), SciPyRun)

assert_type(so.measure.hitting(run, 0.1), xr.Dataset)
assert_type(so.measure.success(3, 4), so.measure.Share)
assert_type(so.measure.rate(run), so.measure.Rate)
assert_type(so.plot.convergence(study), Axes)
assert_type(so.theory.rate(so.gd, [1.0]), float)
assert_type(so.problems.NAMED, dict[str, Callable[..., Problem]])
so.minimize(so.problems.learning.iris_softmax(), so.gd(eta=so.schedules.cosine(0.1)), [0.0])
"""

REFUSED = """
import symopt as so

J = so.parse("x^2")
so.adamm
so.minimize(J, 3, [1.0])
so.minimize(J, "gd", [1.0], record="all")
so.sweep(J, "gd", [1.0], rng="a")
so.measure.hittings
so.plot.convergence(3)
"""


def checked(text, path):
    file = path / "snippet.py"
    file.write_text(text)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(file)]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, check=False, cwd=root, capture_output=True, text=True)
    return done.stdout.splitlines()


@pytest.mark.slow
def test_public_names_have_their_types(tmp_path):
    assert checked(SEEN, tmp_path) == []


@pytest.mark.slow
def test_what_fits_no_type_is_marked(tmp_path):
    marked = [int(line.split(":")[1]) for line in checked(REFUSED, tmp_path) if "error:" in line]
    assert marked == [number for number, line in enumerate(REFUSED.splitlines(), 1) if number > 4]
