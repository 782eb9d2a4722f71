"""The experiments on rates: what their papers prove agrees with what is measured; their pictures show it."""

import runpy
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "experiments"
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="tested without the checkout")


@pytest.fixture(scope="module", params=["valley", "nesterov", "counterexamples"])
def experiment(request):
    module = runpy.run_path(str(FOLDER / f"{request.param}.py"))
    return module, module["run"](quick=True)


def test_every_row_agrees(experiment):
    _, outcome = experiment
    assert len(outcome.rows) > 10
    assert [row.quantity for row in outcome.rows if row.verdict != "agrees"] == []


def test_predictions_are_not_the_measurements(experiment):
    _, outcome = experiment
    assert any(row.predicted != row.measured for row in outcome.rows)
    assert all(row.low <= row.measured <= row.high for row in outcome.rows)


def test_the_pictures_show_data_and_predictions(experiment):
    module, outcome = experiment
    for figure in module["plot"](outcome).values():
        assert all(ax.get_xlabel() for ax in figure.axes if not hasattr(ax, "_colorbar"))
        lines = [line for ax in figure.axes for line in ax.lines]
        assert any(line.get_linestyle() == "--" for line in lines)
        assert all(any(len(np.ravel(line.get_xdata())) for line in ax.lines) for ax in figure.axes if ax.lines)


def test_the_cycle_is_lessard_s():
    module = runpy.run_path(str(FOLDER / "counterexamples.py"))
    assert sorted(float(1225 * point) for point in module["cycle"]()) == [-2208, 792, 2592]


def test_the_bounds_are_nesterov_s():
    """k = 100, n = 201: 6.14e-4 <= 1.98e-3 <= 1.31e-2, and gradient descent at 9.3e-3 (re-computed)."""
    module = runpy.run_path(str(FOLDER / "counterexamples.py"))
    found, rows = module["worst_rows"]()
    assert [row.predicted for row in rows[-2:]] == pytest.approx([6.14e-4, 1.31e-2], rel=0.01)
    assert float(found["gaps"]["nesterov"][-1]) == pytest.approx(1.98e-3, rel=0.01)
    assert float(found["gaps"]["gd"][-1]) == pytest.approx(9.3e-3, rel=0.01)
