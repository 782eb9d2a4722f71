"""Rules with proven rates on smooth convex costs: eta is 1/L, and kappa is L/mu."""

from __future__ import annotations

import sympy as sp

from symopt.frontend.valuation import valuation
from symopt.optim.ranges import published
from symopt.rules.hyperparameters import NOT_NEGATIVE
from symopt.rules.symbols import theta0


@published(m=0)
def heavy_ball(theta, m, *, grad, let, eta=0.01, kappa=100.0):
    """Momentum with Polyak's optimal parameters for quadratics (Polyak 1964).

    m <- beta*m - alpha*g;  theta <- theta + m, with alpha = 4/(sqrt(L) + sqrt(mu))**2 and
    beta = ((sqrt(kappa) - 1)/(sqrt(kappa) + 1))**2; here eta = 1/L and kappa = L/mu. On a quadratic
    the distance falls by sqrt(beta) a step, in the end; on other costs it may cycle (Lessard,
    Recht and Packard 2016).

    References
    ----------
    Polyak, Some methods of speeding up the convergence of iteration methods, 1964,
    doi:10.1016/0041-5553(64)90137-5; Lessard, Recht and Packard, Analysis and design of
    optimization algorithms via integral quadratic constraints, 2016, arXiv:1408.3595.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("(x^2 + 100*y^2)/2")
    >>> so.minimize(J, so.heavy_ball(eta=0.01, kappa=100), start=[1.0, 1.0], steps=200).loss < 1e-28
    True
    """
    root = sp.sqrt(kappa)
    alpha, beta = (
        let("alpha", 4 * eta / (1 + 1 / root) ** 2),
        let("beta", ((root - 1) / (root + 1)) ** 2),
    )
    m = beta * m - alpha * grad(theta)
    return theta + m, m


@published(xi=theta0, before=theta0)
def triple_momentum(theta, xi, before, *, grad, let, eta=0.01, kappa=100.0):
    """Triple momentum (Van Scoy, Freeman and Lynch 2018).

    With rho = 1 - 1/sqrt(kappa) and y = (1 + gamma)*xi - gamma*before:
    xi_next = (1 + beta)*xi - beta*before - alpha*grad J(y);
    theta <- (1 + delta)*xi_next - delta*xi;  before <- xi;  xi <- xi_next, where
    alpha = (1 + rho)*eta, beta = rho**2/(2 - rho), gamma = rho**2/((1 + rho)*(2 - rho)) and
    delta = rho**2/(1 - rho**2); eta = 1/L, kappa = L/mu. After the first step theta comes closer by
    the factor rho a step, on every smooth strongly convex cost.

    References
    ----------
    Van Scoy, Freeman and Lynch, The fastest known globally convergent first-order method for
    minimizing strongly convex functions, 2018, doi:10.1109/LCSYS.2017.2722406.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("(x^2 + 100*y^2)/2")
    >>> rule = so.triple_momentum(eta=0.01, kappa=100)
    >>> so.minimize(J, rule, start=[1.0, 1.0], steps=300).loss < 1e-18
    True
    """
    rho = let("rho", 1 - 1 / sp.sqrt(kappa))
    alpha, beta = let("alpha", (1 + rho) * eta), let("beta", rho**2 / (2 - rho))
    gamma, delta = (
        let("gamma", rho**2 / ((1 + rho) * (2 - rho))),
        let("delta", rho**2 / (1 - rho**2)),
    )
    y = let("y", (1 + gamma) * xi - gamma * before)
    new = (1 + beta) * xi - beta * before - alpha * grad(y)
    return (1 + delta) * new - delta * xi, new, xi


@published(y=theta0, lam=1)
def ogm(theta, y, lam, *, grad, t, T, eta=0.01):
    """The optimized gradient method (Kim and Fessler 2016; its bound is attained, Drori 2017).

    y_next = theta - eta*grad J(theta);  lam_next = (1 + sqrt(1 + 4*lam**2))/2, and (1 + sqrt(1 +
    8*lam**2))/2 in the last step T; theta <- y_next + (lam - 1)/lam_next*(y_next - y) +
    lam/lam_next*(y_next - theta). With eta = 1/L, J(theta_T) - J* <= L*|theta_0 -
    theta*|**2/(2*lam_T**2): half of Nesterov's bound. The last step makes that so: a run of more
    steps passes through other points.

    References
    ----------
    Kim and Fessler, Optimized first-order methods for smooth convex minimization, 2016,
    arXiv:1406.5468; Drori, The exact information-based complexity of smooth convex
    minimization, 2017, arXiv:1606.01424.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("(x^2 + 100*y^2)/2")
    >>> so.minimize(J, so.ogm(eta=0.01), start=[1.0, 1.0], steps=100).loss < 0.02
    True
    """
    new = theta - eta * grad(theta)
    following = (1 + sp.sqrt(1 + sp.Piecewise((4, t < T), (8, True)) * lam**2)) / 2
    ahead = (lam - 1) / following * (new - y) + lam / following * (new - theta)
    return new + ahead, new, following


@published()
def silver(theta, *, grad, t, eta=0.01):
    """Gradient descent with silver steps (Altschuler and Parrilo 2023).

    theta <- theta - eta*(1 + (1 + sqrt(2))**(nu(t) - 1))*g, with nu(t) the exponent of 2 in t, and
    eta = 1/L. After n = 2**k - 1 steps on a smooth convex cost
    J - J* <= L*|theta_0 - theta*|**2/(1 + sqrt(4*(1 + sqrt(2))**(2*k) - 3)), about n**-1.27, though
    single steps go far beyond the stability limit 2/L.

    References
    ----------
    Altschuler and Parrilo, Acceleration by stepsize hedging II: silver stepsize schedule for
    smooth convex optimization, 2023, arXiv:2309.16530.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("(x^2 + 100*y^2)/2")
    >>> so.minimize(J, so.silver(eta=0.01), start=[1.0, 1.0], steps=127).loss < 1e-3
    True
    """
    return theta - eta * (1 + (1 + sp.sqrt(2)) ** (valuation(t) - 1)) * grad(theta)


@published(ranges={"eta": NOT_NEGATIVE}, needs=("optimal_value",))
def polyak_step(theta, *, grad, value, dot, optimal_value, eta=1.0):
    """Gradient descent with Polyak's step, for a known smallest value J* (Polyak 1969).

    theta <- theta - eta*(J(theta) - J*)/|g|**2*g, with eta = 1 in the paper; theta stays where g =
    0. J* is given to the cost: ``so.Cost(J, optimal_value=0.0)``.

    References
    ----------
    Polyak, Minimization of unsmooth functionals, 1969; Hazan and Kakade, Revisiting the Polyak step
    size, 2019, arXiv:1905.00313.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.Cost(so.parse("abs(x) + 2*abs(y)"), optimal_value=0.0)
    >>> so.minimize(J, so.polyak_step(), start=[3.0, 0.0], steps=1).theta
    array([0., 0.])
    """
    g = grad(theta)
    square = dot(g, g)
    step = sp.Piecewise(((value(theta) - optimal_value) / square, square > 0), (0, True))
    return theta - eta * step * g
