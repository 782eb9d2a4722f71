"""SciPy's methods between bounds: at the constrained minimum, converged by the projected gradient."""

import numpy as np
import pytest
import sympy as sp
from scipy import optimize

import symopt as so

ROSENBROCK = so.parse("100*(y - x^2)^2 + (1 - x)^2")
BOUNDED = ["L-BFGS-B", "TNC", "Nelder-Mead"]


@pytest.mark.parametrize("method", BOUNDED)
def test_the_minimum_of_rosenbrock_s_valley_at_a_wall(method):
    """With x <= 1/2 the valley y = x^2 ends at (1/2, 1/4)."""
    run = so.scipy(ROSENBROCK, method, [-1.2, 0.5], bounds={"x": (None, 0.5)}, tolerance=1e-9)
    np.testing.assert_allclose(run.theta, [0.5, 0.25], atol=1e-6)
    assert run.status == "converged"
    assert "on the bound: x = 0.5" in run.reason
    assert (run.history["theta"].values[:, 0] <= 0.5).all()


FORMS = {
    "a pair": ((-2, 0.5), [0.5, 0.25]),
    "pairs": ([(None, 0.5), (0.3, None)], [0.5, 0.3]),
    "by name": ({"y": (0.3, None), "x": (-np.inf, 0.5)}, [0.5, 0.3]),
    "by symbol": ({sp.Symbol("x"): (-1, 0.25)}, [0.25, 0.0625]),
    "SciPy's": (optimize.Bounds([-2, -1], [0.5, np.inf]), [0.5, 0.25]),
    "open": ((None, None), [1.0, 1.0]),
}


@pytest.mark.parametrize("form", FORMS)
def test_bounds_as_people_give_them(form):
    bounds, want = FORMS[form]
    run = so.scipy(ROSENBROCK, "L-BFGS-B", [0.2, 0.5], bounds=bounds, tolerance=1e-8)
    np.testing.assert_allclose(run.theta, want, atol=1e-6)
    assert run.status == "converged"
    assert ("on the bound" in run.reason) == (form != "open")
    assert "projected gradient" in run.reason


def test_without_a_tolerance_converged_still_means_the_projected_gradient():
    """The wall's own slope is 3; along it J is flat, and a free run is not."""
    cost = so.parse("3*x + (y - 1)^2 + x*y^3")
    for method in ("L-BFGS-B", "TNC"):
        run = so.scipy(cost, method, [0.5, 0.0], bounds={"x": (0, None)})
        assert run.status == "converged"
        np.testing.assert_allclose(run.theta, [0.0, 1.0], atol=1e-7)
        assert abs(cost.grad(run.theta)[0]) > 3


def test_least_squares_over_data_in_a_box_is_scipy_s_own():
    i, k, m, n = sp.symbols("i k m n", integer=True)
    A, b, th = sp.IndexedBase("A"), sp.IndexedBase("b"), sp.IndexedBase("theta")
    rng = np.random.default_rng(3)
    matrix, right = rng.normal(size=(30, 8)), rng.normal(size=30)
    residual = sp.Sum(A[k, i] * th[i], (i, 0, n - 1)) - b[k]
    cost = so.Cost(sp.Sum(residual**2, (k, 0, m - 1)) / 2, params=th, data={A: matrix, b: right})
    want = optimize.lsq_linear(matrix, right, (-0.05, 0.1), tol=1e-14).x
    run = so.scipy(cost, "L-BFGS-B", np.zeros(8), bounds=(-0.05, 0.1), tolerance=1e-10)
    np.testing.assert_allclose(run.theta, want, atol=1e-8)
    assert run.status == "converged"


def test_a_run_that_spends_its_budget_on_a_bound_says_so():
    run = so.scipy(ROSENBROCK, "L-BFGS-B", [0.5, 3.0], steps=1, bounds={"x": (0.5, 2)})
    assert run.reason.startswith("all 1 steps made")
    assert ("on the bound: x = 0.5" in run.reason) == (run.theta[0] == 0.5)


REFUSED = {
    "BFGS": ("BFGS", (0, 1), "BFGS takes no bounds; expected one of L-BFGS-B, TNC, Nelder-Mead"),
    "a number": ("TNC", 5, "bounds=5; expected a pair (low, high), with None for an open side"),
    "triples": ("TNC", [(1, 2, 3), (0, 1, 2)], "bounds of 0=(1, 2, 3); expected a pair"),
    "half a pair": ("TNC", {"x": 1}, "bounds of x=1; expected a pair"),
    "a name": ("TNC", {"z": (0, 1)}, "bounds, low: 'z' is no parameter"),
    "too many": ("TNC", [(0, 1)] * 3, "bounds, low has shape (3,); expected one number, or (2,)"),
    "crossed": ("TNC", (1, -1), "the bounds of x are 1 and -1"),
    "outside": ("TNC", (0.6, 2), "x = 0.5 is outside of its bounds, from 0.6 to 2"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bounds_that_are_none_are_refused(case):
    method, bounds, words = REFUSED[case]
    with pytest.raises(so.RunError) as error:
        so.scipy(ROSENBROCK, method, [0.5, 0.7], bounds=bounds)
    assert words in str(error.value)
