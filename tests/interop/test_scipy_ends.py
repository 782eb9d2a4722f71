"""SciPy's methods say "converged" only where J cannot fall: also where parameters are unlike in size."""

import numpy as np
import pytest
import sympy as sp

import symopt as so
from symopt.interop.scipy import predicted_fall
from symopt.interop.scipy.methods import METHODS
from symopt.runs.termination import Status

TIMES = 45 + 5 * np.arange(1, 17)
VOLTAGES = [
    34780,
    28610,
    23650,
    19630,
    16370,
    13720,
    11540,
    9744,
    8261,
    7030,
    6005,
    5147,
    4427,
    3820,
    3307,
    2872,
]
MEYER = 87.945855170


def meyer(scales=(1.0, 1.0, 1.0)):
    """Meyer's function (Moré, Garbow and Hillstrom 1981, number 10), its parameters in other units, and its start."""
    a, b, c = (p * s for p, s in zip(sp.symbols("a b c"), scales, strict=True))
    residuals = [
        a * sp.exp(b / (sp.Float(float(t)) + c)) - y for t, y in zip(TIMES, VOLTAGES, strict=True)
    ]
    cost = so.Cost(sum(r**2 for r in residuals), params=sp.symbols("a b c"))
    return cost, np.array([0.02, 4000.0, 250.0]) / scales


@pytest.mark.parametrize("scales", [(1.0, 1.0, 1.0), (1e6, 1.0, 1e-6)])
def test_meyer_is_converged_at_its_minimum_alone(scales):
    cost, start = meyer(scales)
    ends = {
        name: so.scipy(cost, name, start, steps=900)
        for name in ("BFGS", "L-BFGS-B", "CG", "Newton-CG")
    }
    for name, run in ends.items():
        if run.status == Status.CONVERGED:
            assert run.loss == pytest.approx(MEYER, rel=1e-9), name
    assert ends["BFGS"].status == Status.CONVERGED
    assert ends["L-BFGS-B"].status == Status.CONVERGED or ends["L-BFGS-B"].loss > MEYER * (1 + 1e-9)
    assert any(run.status == Status.STALLED for run in ends.values())


BADLY_SCALED = {
    "Powell": ("(1e4*x*y - 1)^2 + (exp(-x) + exp(-y) - 1.0001)^2", [0.0, 1.0], 0.0),
    "Brown": ("(x - 1e6)^2 + (y - 2e-6)^2 + (x*y - 2)^2", [1.0, 1.0], 0.0),
    "bowl": ("x^2 + 1e8*y^2 + x*y + 3", [1.0, 1.0], 3.0),
    "three sizes": ("x^2 + 1e8*y^2 + 1e-8*z^2 + x*y + 3", [1.0, 1.0, 1.0], 3.0),
    "high": ("1e6 + (x - 1)^2 + 1e-6*(y - 2)^2", [5.0, -5.0], 1e6),
    "Rosenbrock in other units": ("(1 - 1e6*x)^2 + 100*(1e-3*y - 1e12*x^2)^2", [-1.2e-6, 1e3], 0.0),
}


@pytest.mark.parametrize("name", BADLY_SCALED)
def test_no_method_converges_away_from_a_minimum(name):
    text, start, least = BADLY_SCALED[name]
    J = so.parse(text)
    ends = {method: so.scipy(J, method, start, steps=200) for method in METHODS}
    for method, run in ends.items():
        if run.status == Status.CONVERGED:
            assert run.loss - least <= 1e-12 * max(1.0, abs(least)), method
        elif run.status == Status.STALLED:
            assert run.loss - least > 0, method
    assert any(run.status == Status.CONVERGED for run in ends.values())


def test_the_reason_says_what_is_left():
    run = so.scipy(so.parse("x^2 + 1e8*y^2 + 1e-8*z^2 + x*y + 3"), "L-BFGS-B", [1.0, 1.0, 1.0])
    assert run.status == Status.STALLED
    assert "by Newton's step about 1e-08" in run.reason


def test_what_is_left_does_not_depend_on_units():
    for scales in ((1.0, 1.0), (1e6, 1e-6), (1e-3, 1e5)):
        x, y = (p * s for p, s in zip(sp.symbols("x y"), scales, strict=True))
        J = so.Cost((x - 1) ** 2 + 1e-6 * (y + x - 2) ** 2, params=sp.symbols("x y"))
        theta = np.array([0.5, 4.0]) / scales
        assert predicted_fall.by_newton(J, theta, J.grad(theta)) == pytest.approx(
            0.25 + 1e-6 * 2.5**2, rel=1e-6
        )


def test_many_parameters_have_a_lower_bound(monkeypatch):
    n, i = sp.symbols("n i", integer=True)
    x = sp.IndexedBase("x")
    J = so.Cost(sp.Sum((i + 1) * (x[i] - 1) ** 2, (i, 0, n - 1)), params=x)
    theta = np.zeros(60)
    exact = predicted_fall.by_newton(J, theta, J.grad(theta))
    assert exact == pytest.approx(J.value(theta))
    monkeypatch.setattr(predicted_fall, "LARGEST_MATRIX", 10)
    assert predicted_fall.by_newton(J, theta, J.grad(theta)) == pytest.approx(exact, rel=1e-9)
    monkeypatch.setattr(predicted_fall, "PRODUCTS", 3)
    assert 0 < predicted_fall.by_newton(J, theta, J.grad(theta)) < exact
