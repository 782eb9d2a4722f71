"""A learning rate for each coordinate: AdaGrad, AdaDelta, RMSProp, Rprop."""

from __future__ import annotations

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

    Libraries: keras and optax are this rule with ``initial_accumulator=0.1`` and epsilon 1e-7.
    torch divides by sqrt(s) + epsilon (``epsilon_inside=False``), with epsilon 1e-10; its
    ``lr_decay`` d is the schedule ``eta=eta0/(1 + d*(so.t - 1))``.

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


@published(v="initial_accumulator", a=0, m=0)
def rmsprop(
    theta,
    v,
    a,
    m,
    *,
    grad,
    t,
    eta=0.001,
    rho=0.9,
    epsilon=1e-8,
    initial_accumulator=0.0,
    momentum=None,
    centered=False,
    nesterov=False,
    bias_correction=False,
    epsilon_inside=True,
    eta_inside=True,
):
    """RMSProp (Tieleman and Hinton 2012, lecture 6.5; centred form Graves 2013).

    v <- rho*v + (1 - rho)*g*g;  theta <- theta - eta*g/sqrt(v + epsilon): AdaGrad that forgets,
    with the decay rho.

    Options: ``momentum`` mu collects the steps, m <- mu*m + eta*g/root, theta <- theta - m
    (with ``nesterov`` theta <- theta - mu*m - eta*g/root); ``centered`` takes v - a*a under the
    root, where a averages g; ``bias_correction`` divides the averages by 1 - rho**t.

    Libraries: keras has epsilon 1e-7 within the root, as here; optax too, unless
    ``eps_in_sqrt=False``; torch has it outside (``epsilon_inside=False``), with rho 0.99 and
    eta 0.01, and keeps m without eta (``eta_inside=False``), the same while eta is constant.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.rmsprop(eta=0.1), start=[1.0], steps=1).theta.round(6)
    array([1.316228])
    """
    g = grad(theta)
    v = rho * v + (1 - rho) * g**2
    a = rho * a + (1 - rho) * g
    correction = 1
    if bias_correction:
        correction = 1 - rho**t
    if centered:
        spread = v / correction - (a / correction) ** 2
    else:
        spread = v / correction
    step = g / (sp.sqrt(spread + epsilon) if epsilon_inside else sp.sqrt(spread) + epsilon)
    if eta_inside:
        inside, outside = (eta, 1)
    else:
        inside, outside = (1, eta)
    if momentum is None:
        return theta - eta * step, v, a, m
    m = momentum * m + inside * step
    return theta - outside * (momentum * m + inside * step if nesterov else m), v, a, m


STEPS = {
    "shrink": SHARE,
    "grow": POSITIVE,
    "smallest": NOT_NEGATIVE,
    "largest": POSITIVE,
    "eta": NOT_NEGATIVE,
}


@published(step="eta", last=0, move=0, ranges=STEPS)
def rprop(
    theta,
    step,
    last,
    move,
    *,
    grad,
    eta=0.01,
    shrink=0.5,
    grow=1.2,
    smallest=1e-6,
    largest=50.0,
    delayed=False,
):
    """Rprop (Riedmiller and Braun 1993; as iRprop-, Igel and Huesken 2000).

    With q = sign(g*last): step <- step*(grow where q > 0, shrink where q < 0), within
    [smallest, largest]; g <- 0 where q < 0; theta <- theta - step*sign(g); last <- g. Every
    coordinate has its own step, which starts at eta; only signs of gradients count.

    Libraries: torch is this rule. optax 0.2.8 makes each move one step late (``delayed=True``), an
    error of its own.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.rprop(eta=0.5), start=[1.0], steps=3).theta
    array([2.82])
    """
    g = grad(theta)
    q = sp.sign(g) * sp.sign(last)
    turned = q < 0
    changed = sp.Max(
        sp.Min(step * sp.Piecewise((shrink, turned), (grow, q > 0), (1, True)), largest), smallest
    )
    step = sp.Piecewise((step, sp.And(sp.Eq(q, 0), delayed)), (changed, True))
    g = sp.Piecewise((0, turned), (g, True))
    if delayed:
        return theta - sp.Piecewise((0, turned), (move, True)), step, g, step * sp.sign(g)
    return theta - step * sp.sign(g), step, g, move
