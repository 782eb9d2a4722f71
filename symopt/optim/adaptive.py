"""A learning rate for each coordinate: AdaGrad, AdaDelta, RMSProp, Rprop."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symopt.optim.ranges import published
from symopt.rules.hyperparameters import NOT_NEGATIVE, POSITIVE, SHARE


@published(s="initial_accumulator")
def adagrad(
    theta, s, *, grad, eta=0.01, epsilon=1e-8, initial_accumulator=0.0, epsilon_inside=True
):
    """AdaGrad (Duchi, Hazan and Singer 2011).

    s <- s + g*g;  theta <- theta - eta*g/sqrt(s + epsilon), element by element: every coordinate
    has its own learning rate, which only ever falls.

    The paper adds its delta to the root (``epsilon_inside=False``); ``initial_accumulator`` is the
    square of the b_0 of Ward, Wu and Bottou (2019).

    Libraries: keras and optax are this rule with ``initial_accumulator=0.1`` and epsilon 1e-7;
    torch has epsilon 1e-10 outside the root, its ``lr_decay`` d is the schedule
    ``eta=eta0/(1 + d*(so.t - 1))``.

    References
    ----------
    Duchi, Hazan and Singer, Adaptive subgradient methods for online learning and stochastic
    optimization, JMLR 2011, jmlr.org/papers/v12/duchi11a.html.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.adagrad(eta=1.0), start=[1.0], steps=1).theta.round(6)
    array([2.])
    """
    g = grad(theta)
    s = s + g**2
    if epsilon_inside:
        root = sp.sqrt(s + epsilon)
    else:
        root = sp.sqrt(s) + epsilon
    return theta - eta * g / root, s


@published(s="initial_accumulator")
def adagrad_norm(theta, s, *, grad, dot, eta=0.01, epsilon=1e-8, initial_accumulator=0.0):
    """AdaGrad-Norm: one adaptive rate for all coordinates (Ward, Wu and Bottou 2019).

    s <- s + |g|**2;  theta <- theta - eta*g/sqrt(s + epsilon).

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("(x-3)^2 + (y-4)^2")
    >>> so.minimize(J, so.adagrad_norm(eta=2.5), start=[0.0, 0.0], steps=1).theta.round(6)
    array([1.5, 2. ])
    """
    g = grad(theta)
    s = s + dot(g, g)
    return theta - eta * g / sp.sqrt(s + epsilon), s


@published(v=0, d=0)
def adadelta(theta, v, d, *, grad, eta=1.0, rho=0.9, epsilon=1e-6):
    """AdaDelta (Zeiler 2012).

    v <- rho*v + (1 - rho)*g*g;  u = g*sqrt(d + epsilon)/sqrt(v + epsilon);
    d <- rho*d + (1 - rho)*u*u;  theta <- theta - eta*u: steps in the unit of theta. The paper has
    no eta.

    Libraries: torch, optax and keras are this rule; keras has eta 0.001, which all but stops it.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.adadelta(), start=[1.0], steps=1).theta.round(6)
    array([1.003162])
    """
    g = grad(theta)
    v = rho * v + (1 - rho) * g**2
    u = sp.sqrt(d + epsilon) / sp.sqrt(v + epsilon) * g
    return theta - eta * u, v, rho * d + (1 - rho) * u**2


@published(v=0, a=0, m=0)
def rmsprop(
    theta, v, a, m, *, grad, eta=0.001, rho=0.9, epsilon=1e-8, momentum=None, centered=False
):
    """RMSProp (Tieleman and Hinton 2012, lecture 6.5; centred form Graves 2013).

    v <- rho*v + (1 - rho)*g*g;  theta <- theta - eta*g/sqrt(v + epsilon): AdaGrad that forgets,
    with the decay rho. As Graves has it, ``momentum`` mu collects the steps,
    m <- mu*m + eta*g/root, theta <- theta - m, and ``centered`` takes v - a*a under the root, where
    a averages g.

    Libraries: keras is this rule with epsilon 1e-7; optax too, unless ``eps_in_sqrt=False``; torch
    has epsilon outside the root, with rho 0.99 and eta 0.01, and keeps m without eta.

    References
    ----------
    Tieleman and Hinton, Lecture 6.5, COURSERA: neural networks for machine learning, 2012,
    www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf; Graves, Generating sequences
    with recurrent neural networks, 2013, arXiv:1308.0850.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.rmsprop(eta=0.1), start=[1.0], steps=1).theta.round(6)
    array([1.316228])
    """
    g = grad(theta)
    v = rho * v + (1 - rho) * g**2
    a = rho * a + (1 - rho) * g
    spread = v
    if centered:
        spread = v - a**2
    step = eta * g / sp.sqrt(spread + epsilon)
    if momentum is None:
        return theta - step, v, a, m
    m = momentum * m + step
    return theta - m, v, a, m


STEPS = {
    "shrink": SHARE,
    "grow": POSITIVE,
    "smallest": NOT_NEGATIVE,
    "largest": POSITIVE,
    "eta": NOT_NEGATIVE,
}


@published(step="eta", last=0, ranges=STEPS)
def rprop(theta, step, last, *, grad, eta=0.01, shrink=0.5, grow=1.2, smallest=1e-6, largest=50.0):
    """Rprop (Riedmiller and Braun 1993; as iRprop-, Igel and Huesken 2000).

    With q = sign(g*last): step <- step*(grow where q > 0, shrink where q < 0), within
    [smallest, largest]; g <- 0 where q < 0; theta <- theta - step*sign(g); last <- g. Every
    coordinate has its own step, which starts at eta; only signs of gradients count.

    Libraries: torch is this rule. optax 0.2.8 makes each move one step late, an error of its own.

    References
    ----------
    Riedmiller and Braun, A direct adaptive method for faster backpropagation learning: the RPROP
    algorithm, 1993, doi:10.1109/ICNN.1993.298623; Igel and Huesken, Improving the Rprop learning
    algorithm, 2000.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.rprop(eta=0.5), start=[1.0], steps=3).theta
    array([2.82])
    """
    g, step = resilient_step(grad(theta), last, step, (shrink, grow), (smallest, largest))
    return theta - step * sp.sign(g), step, g


def resilient_step(
    g: Any, last: Any, step: Any, factors: tuple[Any, Any], bounds: tuple[Any, Any]
) -> tuple[Any, Any]:
    """Return the gradient, 0 where its sign has turned, and the next step of each coordinate."""
    (shrink, grow), (smallest, largest) = factors, bounds
    q = sp.sign(g) * sp.sign(last)
    factor = sp.Piecewise((shrink, q < 0), (grow, q > 0), (1, True))
    changed = sp.Max(sp.Min(step * factor, largest), smallest)
    return sp.Piecewise((0, q < 0), (g, True)), changed
