"""Gradients at other points, and noise: extragradient, SAM, perturbed gd."""

from __future__ import annotations

import sympy as sp

from symopt.optim.ranges import published
from symopt.rules.hyperparameters import NOT_NEGATIVE


@published()
def extragradient(theta, *, grad, eta=0.01):
    """Extragradient (Korpelevich 1976).

    theta <- theta - eta*grad J(theta - eta*grad J(theta)): the step is taken with the gradient that
    waits at its end.

    References
    ----------
    Korpelevich, The extragradient method for finding saddle points and other problems, Matecon
    12, 1976.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.extragradient(eta=0.25), start=[1.0], steps=1).theta
    array([1.5])
    """
    return theta - eta * grad(theta - eta * grad(theta))


@published(ranges={"rho": NOT_NEGATIVE})
def sam(theta, *, grad, norm, eta=0.01, rho=0.05):
    """Sharpness-aware minimization (Foret et al. 2021).

    theta <- theta - eta*grad J(theta + rho*g/|g|): the gradient at the worst point nearby, to first
    order; at theta itself where g = 0.

    References
    ----------
    Foret, Kleiner, Mobahi and Neyshabur, Sharpness-aware minimization for efficiently improving
    generalization, 2021, arXiv:2010.01412.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.sam(eta=0.25, rho=1.0), start=[1.0], steps=1).theta
    array([2.5])
    """
    g = grad(theta)
    size = norm(g)
    worst = theta + rho * sp.Piecewise((g / size, size > 0), (0, True))
    return theta - eta * grad(worst)


@published(
    quiet="patience",
    ranges={"radius": NOT_NEGATIVE, "gradient_threshold": NOT_NEGATIVE, "patience": NOT_NEGATIVE},
)
def perturbed_gd(
    theta,
    quiet,
    *,
    grad,
    norm,
    normal,
    n,
    eta=0.01,
    radius=0.01,
    gradient_threshold=0.001,
    patience=100.0,
):
    """Perturbed gradient descent, which leaves saddles (Jin et al. 2017; 2021).

    theta <- theta - eta*g + radius*xi/sqrt(n), with xi standard normal, where |g| <=
    gradient_threshold and no noise was added in the last ``patience`` steps; else theta - eta*g.

    References
    ----------
    Jin, Ge, Netrapalli, Kakade and Jordan, How to escape saddle points efficiently, 2017,
    arXiv:1703.00887; Jin, Netrapalli, Ge, Kakade and Jordan, On nonconvex optimization for
    machine learning, 2021, arXiv:1902.04811.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("x^2 - y^2 + y^4")
    >>> stuck = so.minimize(J, so.gd(eta=0.05), start=[1.0, 0.0], steps=1000)
    >>> free = so.minimize(J, so.perturbed_gd(eta=0.05), start=[1.0, 0.0], steps=1000)
    >>> round(stuck.loss, 3), round(free.loss, 3)
    (0.0, -0.25)
    """
    g = grad(theta)
    now = sp.And(norm(g) <= gradient_threshold, quiet >= patience)
    noise = sp.Piecewise((radius / sp.sqrt(n) * normal(), now), (0, True))
    return theta - eta * g + noise, sp.Piecewise((0, now), (quiet + 1, True))
