"""Second-order steps, as a reference: linear equations with the cost's curvature."""

from __future__ import annotations

import sympy as sp

from symopt.optim.ranges import published
from symopt.rules.hyperparameters import NOT_NEGATIVE, Range

OVER_ONE = Range(1, open_below=True)
DAMPED = {"eta": NOT_NEGATIVE, "damping": NOT_NEGATIVE}


@published(ranges=DAMPED, needs=("hessian",))
def newton(theta, *, grad, hessian, solve, eta=1.0):
    """Newton's method (Newton 1669, Raphson 1690).

    theta <- theta - eta*H**-1*g, with H the Hessian of J at theta: one step on a quadratic, errors
    squared near a minimum; it goes to saddles and maxima as well.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("(x^2 + 100*y^2)/2 + x*y")
    >>> so.minimize(J, so.newton(), start=[1.0, 1.0], steps=1).theta.round(12)
    array([0., 0.])
    """
    return theta - eta * solve(hessian(theta), grad(theta))


@published(ranges=DAMPED, needs=("hessian",))
def damped_newton(theta, *, grad, hessian, solve, identity, eta=1.0, damping=1.0):
    """Newton's method with a damped Hessian (Goldfeld, Quandt and Trotter 1966).

    theta <- theta - eta*(H + damping*I)**-1*g: from Newton's step at damping 0 to a short step
    along -g; downhill wherever damping is above -(the smallest eigenvalue of H).

    References
    ----------
    Goldfeld, Quandt and Trotter, Maximization by quadratic hill-climbing, 1966,
    doi:10.2307/1909768.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.damped_newton(damping=2.0), start=[1.0], steps=1).theta
    array([2.])
    """
    return theta - eta * solve(hessian(theta) + damping * identity, grad(theta))


@published(ranges=DAMPED, needs=("gauss_newton",))
def gauss_newton(theta, *, grad, gauss_newton, solve, identity, eta=1.0, damping=0.0):
    """The Gauss-Newton method (Gauss 1809), damped as by Levenberg (1944).

    For costs that are written as sums of c*r**2: theta <- theta - eta*(G + damping*I)**-1*g, with
    G = sum(2*c*r' r'^T), the Hessian without the second derivatives of r.

    References
    ----------
    Levenberg, A method for the solution of certain non-linear problems in least squares, 1944,
    doi:10.1090/qam/10666.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("(1-x)^2 + 100*(y-x^2)^2")
    >>> so.minimize(J, so.gauss_newton(), start=[-1.2, 1.0], steps=2).theta
    array([1., 1.])
    """
    return theta - eta * solve(gauss_newton(theta) + damping * identity, grad(theta))


@published(
    mu=1,
    ranges={"damping": NOT_NEGATIVE, "shrink": OVER_ONE, "grow": OVER_ONE},
    needs=("gauss_newton",),
)
def levenberg_marquardt(
    theta,
    mu,
    *,
    grad,
    gauss_newton,
    value,
    solve,
    diagonal,
    identity,
    eta=1.0,
    damping=1e-3,
    shrink=10.0,
    grow=10.0,
):
    """The Levenberg-Marquardt method (Levenberg 1944, Marquardt 1963).

    For costs that are written as sums of c*r**2: u <- theta - eta*(G + damping*mu*D)**-1*g, with
    G = sum(2*c*r' r'^T) and D its diagonal, so that the units of theta do not matter; to D is added
    1e-12*J, for a coordinate on which no r depends at theta. Where J(u) is at most J(theta):
    theta <- u, mu <- mu/shrink; else theta stays and mu <- grow*mu, from 1e-20 to 1e20. mu begins
    at 1.

    References
    ----------
    Levenberg, A method for the solution of certain non-linear problems in least squares, 1944,
    doi:10.1090/qam/10666; Marquardt, An algorithm for least-squares estimation of nonlinear
    parameters, 1963, doi:10.1137/0111030.

    Examples
    --------
    >>> import symopt as so
    >>> fit = so.parse(
    ...     "sum((a*exp(-b*x[k]) - y[k])^2, k, 0, m-1)",
    ...     data={"x": [0.0, 1.0, 2.0, 3.0], "y": [8.0, 4.0, 2.0, 1.0]},
    ... )
    >>> so.minimize(fit, so.levenberg_marquardt(), start=[1.0, 2.0], steps=30).theta.round(6)
    array([8.      , 0.693147])
    """
    floor = 1e-12 * value(theta) * identity  # where no residual depends on a coordinate
    matrix = gauss_newton(theta) + damping * mu * (diagonal + floor)
    u = theta - eta * solve(matrix, grad(theta))
    falls = value(u) <= value(theta)
    damped = sp.Piecewise((sp.Max(mu / shrink, 1e-20), falls), (sp.Min(grow * mu, 1e20), True))
    return sp.Piecewise((u, falls), (theta, True)), damped
