"""Curves that are fitted: parameters and standard errors beside SciPy's curve_fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import curve_fit
from support.spread import spread

import symopt as so

k, m = sp.symbols("k m", integer=True)
x, y, s = map(sp.IndexedBase, "xys")
P = sp.symbols("p0:5")


class Curve(NamedTuple):
    """A model of x, by SymPy's or NumPy's functions, and how its data are made."""

    model: Callable[..., Any]
    true: list[float]
    start: list[float]
    span: tuple[float, float]
    noise: float


CURVES = {
    "decay": Curve(lambda f, x, a, b, c: a * f.exp(-b * x) + c, [2.5, 1.3, 0.4], [1, 1, 0], (0, 4), 0.02),
    "two decays": Curve(
        lambda f, x, a, b, c, d: a * f.exp(-b * x) + c * f.exp(-d * x), [3, 5, 1, 0.5], [2, 4, 2, 1], (0, 4), 0.005
    ),
    "a peak": Curve(lambda f, x, a, b, c: a * f.exp(-(((x - b) / c) ** 2)), [4, 1.2, 0.6], [2, 1, 1], (-2, 4), 0.05),
    "a peak on a slope": Curve(
        lambda f, x, a, b, c, d, e: a / (1 + ((x - b) / c) ** 2) + d + e * x, [3, 0.5, 0.4, 1, 0.2], [2, 0.3, 1, 0, 0], (-3, 3), 0.03
    ),
    "logistic growth": Curve(lambda f, x, a, b, c: a / (1 + f.exp(-b * (x - c))), [10, 1.5, 3], [8, 1, 2], (0, 6), 0.1),
    "saturation": Curve(lambda f, x, a, b: a * x / (b + x), [7, 2], [3, 1], (0.1, 10), 0.05),
    "an oscillation": Curve(
        lambda f, x, a, b, c, d: a * f.exp(-b * x) * f.cos(c * x + d), [2, 0.3, 4, 0.5], [1.5, 0.2, 3.9, 0.3], (0, 5), 0.02
    ),
    "a power law": Curve(lambda f, x, a, b: a * x**b, [0.3, 1.7], [1, 1], (0.5, 8), 0.02),
    "large and small units": Curve(
        lambda f, x, a, b, c: a * f.exp(-b * x) + c, [2.5e8, 1.3e-5, 4e6], [1e8, 1e-5, 0], (0, 4e5), 2e6
    ),
    "a line": Curve(lambda f, x, a, b: a * x + b, [2, -1], [0, 0], (0, 5), 0.1),
}  # fmt: skip


def data_of(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    points = np.linspace(*curve.span, 40)
    noise = np.random.default_rng(7).normal(size=40) * curve.noise
    return points, curve.model(np, points, *curve.true) + noise


@pytest.mark.parametrize("name", spread(CURVES, every=4))
def test_parameters_and_errors_are_those_of_curve_fit(name: str):
    curve = CURVES[name]
    points, values = data_of(curve)
    params = P[: len(curve.true)]
    J = so.Cost(
        sp.Sum((curve.model(sp, x[k], *params) - y[k]) ** 2, (k, 0, m - 1)) / 2,
        params=params,
        data={x: points, y: values},
    )
    run = so.minimize(J, so.levenberg_marquardt(), np.array(curve.start, float), steps=100)
    right, covariance = curve_fit(
        lambda u, *p: curve.model(np, u, *p), points, values, p0=curve.start, xtol=1e-15, ftol=1e-15, gtol=1e-15, maxfev=9999
    )  # fmt: skip
    found = so.measure.standard_errors(run)
    np.testing.assert_allclose(run.theta, right, rtol=1e-6)
    np.testing.assert_allclose(found["standard_error"], np.sqrt(np.diag(covariance)), rtol=1e-4)
    assert int(found["degrees_of_freedom"]) == 40 - len(params)


def test_weights_and_a_mean_change_no_standard_error_that_they_should_not():
    """Those of curve_fit with sigma, for a cost that is a weighted mean."""
    curve = CURVES["decay"]
    points, values = data_of(curve)
    sigma = np.linspace(0.5, 2.0, 40)
    residual = (curve.model(sp, x[k], *P[:3]) - y[k]) / s[k]
    J = so.Cost(
        sp.Sum(residual**2, (k, 0, m - 1)) / m, params=P[:3], data={x: points, y: values, s: sigma}
    )
    run = so.minimize(J, so.levenberg_marquardt(), curve.start, steps=60)
    _, covariance = curve_fit(
        lambda u, *p: curve.model(np, u, *p), points, values, p0=curve.start, sigma=sigma
    )
    found = so.measure.standard_errors(run)["standard_error"]
    np.testing.assert_allclose(found, np.sqrt(np.diag(covariance)), rtol=1e-4)


def test_a_cost_that_is_written_out_has_the_errors_of_the_sum():
    points, values = data_of(CURVES["a line"])
    a, b = P[:2]
    written = so.Cost(
        sum((a * u + b - v) ** 2 for u, v in zip(points, values, strict=True)), params=[a, b]
    )
    errors = so.measure.standard_errors(
        so.minimize(written, so.gauss_newton(), [0.0, 0.0], steps=2)
    )
    _, covariance = np.polyfit(points, values, 1, cov=True)
    np.testing.assert_allclose(errors["covariance"], covariance, rtol=1e-9)


def test_the_steps_are_those_of_the_method():
    """Damped by the diagonal: kept where J falls, else theta stays and the damping grows."""
    J = so.parse("(1 - x)^2 + 100*(y - x^2)^2")
    theta, mu = np.array([-1.2, 1.0]), 1.0
    run = so.minimize(J, so.levenberg_marquardt(damping=0.01, shrink=3, grow=5), theta, steps=15)
    for _ in range(15):
        u, _ = theta
        slopes = np.array([[-1.0, 0.0], [-20 * u, 10.0]])
        G = 2 * slopes.T @ slopes
        trial = theta - np.linalg.solve(G + 0.01 * mu * np.diag(np.diag(G)), J.grad(theta))
        falls = J.value(trial) <= J.value(theta)
        theta, mu = (trial, mu / 3) if falls else (theta, mu * 5)
    np.testing.assert_allclose(run.theta, theta, rtol=1e-9)


def line(expression: sp.Expr, steps: int = 3) -> so.Run:
    params = sorted(expression.free_symbols & set(P), key=str)
    J = so.Cost(expression, params=params, data={x: [0.0, 1.0, 2.0, 3.0], y: [1.0, 2.0, 2.5, 2.7]})
    return so.minimize(J, so.damped_newton(damping=1e-3), np.ones(len(params)), steps=steps)


def total(residual: sp.Expr) -> sp.Expr:
    return sp.Sum(residual, (k, 0, m - 1))


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        (total(sp.exp(P[0] * x[k] - y[k])), "sum of squares"),
        (total((P[0] * x[k] - y[k]) ** 2) + 5, "without parameters"),
        (total((P[0] * x[k] - y[k]) ** 2) - (P[0] - 1) ** 2 / 9, "subtracted"),
        (total((P[0] + P[1] + P[2] * x[k] - y[k]) ** 2), "do not determine p0, p1"),
        (total((P[0] + P[1] * x[k] + P[2] * x[k] ** 2 + P[3] * sp.sin(x[k]) - y[k]) ** 2), "no degree of freedom"),
    ],
)  # fmt: skip
def test_what_has_no_standard_errors_says_why(expression: sp.Expr, words: str):
    with pytest.raises(so.RunError, match=words):
        so.measure.standard_errors(line(expression))


def test_a_weight_of_zero_is_no_measurement():
    points, values = data_of(CURVES["a line"])
    mask = np.arange(40) % 4 > 0
    errors = []
    for weights, rows in ((mask.astype(float), slice(None)), (np.ones(30), mask)):
        J = so.Cost(
            sp.Sum(s[k] * (P[0] * x[k] + P[1] - y[k]) ** 2, (k, 0, m - 1)),
            params=P[:2],
            data={x: points[rows], y: values[rows], s: weights},
        )
        run = so.minimize(J, so.gauss_newton(), [0.0, 0.0], steps=2)
        errors.append(so.measure.standard_errors(run)["standard_error"].values)
    np.testing.assert_allclose(*errors, rtol=1e-9)


def test_it_leaves_a_point_where_a_parameter_has_no_slope():
    """At a = 0 no residual of a*exp(-b*x) depends on b."""
    J = so.parse(
        "sum((a*exp(-b*t[i]) - y[i])^2, i, 0, n-1)",
        params="a, b",
        data={"t": [0.0, 1.0, 2.0], "y": [4.0, 2.0, 1.0]},
    )
    run = so.minimize(J, so.levenberg_marquardt(), [0.0, 1.0], steps=40)
    np.testing.assert_allclose(run.theta, [4.0, np.log(2)], rtol=1e-6)


def test_one_run_is_expected():
    study = so.sweep(so.parse("x^2 + y^2"), so.gd(eta=0.1), [[1.0, 2.0]], steps=1)
    with pytest.raises(so.RunError, match="expected one run"):
        so.measure.standard_errors(study)


def test_a_run_that_is_not_at_a_minimum_is_warned_of():
    run = line(total((P[0] * x[k] + P[1] - y[k]) ** 2), steps=0)
    with pytest.warns(so.SymoptWarning, match="not at a minimum"):
        so.measure.standard_errors(run)
