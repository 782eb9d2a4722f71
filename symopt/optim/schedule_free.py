"""Schedule-free rules: they take gradients at y, move z, and report the average x."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symopt.optim.moments import root
from symopt.optim.ranges import published
from symopt.rules.hyperparameters import NOT_NEGATIVE, POSITIVE, Ranges
from symopt.rules.symbols import theta0

OWN: Ranges = {
    **dict.fromkeys(("r", "weight_power", "eta", "decoupling"), NOT_NEGATIVE),
    "warmup": POSITIVE,
    "maximum_of": ("nothing", "corrected"),
}


def _rates(t: Any, eta: Any, warmup: Any, late_warmup: bool) -> tuple[Any, Any]:
    """Return the rates by which z moves and by which it is weighted, after a warm-up."""
    if warmup is None:
        return eta, eta
    moves = t
    if late_warmup:
        moves = t - 1
    return eta * sp.Min(1, moves / warmup), eta * sp.Min(1, t / warmup)


def _mean(x: Any, z: Any, weight: Any, total: Any, scale: Any = None) -> tuple[Any, Any]:
    """Return the weighted mean of all z so far, and the sum of their weights."""
    total = total + weight
    if scale is None:
        share = weight / total
    else:
        share = sp.Min(1, scale * weight / total)
    return (1 - share) * x + share * z, total


@published(z=theta0, x=theta0, total=0, peak=0, ranges=OWN, iterate="x")
def schedule_free_sgd(
    theta,
    z,
    x,
    total,
    peak,
    *,
    grad,
    t,
    eta=1.0,
    beta=0.9,
    warmup=None,
    r=0.0,
    weight_power=2.0,
    weight_decay=0.0,
    late_warmup=False,
):
    """Schedule-free SGD (Defazio et al. 2024).

    theta is y, where the gradient is taken; x is the average that is reported. z <- z - eta_t*(g +
    weight_decay*y), with eta_t = eta*min(1, t/warmup); x <- (1 - C)*x + C*z with C = w_t/(w_1 + ...
    + w_t), w_t = t**r*(largest eta so far)**weight_power; y <- (1 - beta)*z + beta*x.

    Libraries: schedulefree and pytorch_optimizer are this rule, optax too, but for the warm-up of
    z, which is a step late (``late_warmup=True``). All keep y in their parameters.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.schedule_free_sgd(eta=0.25), start=[1.0], steps=2).theta
    array([2.25])
    """
    moves, weighs = _rates(t, eta, warmup, late_warmup)
    z = z - moves * (grad(theta) + weight_decay * theta)
    peak = sp.Max(peak, weighs)
    x, total = _mean(x, z, t**r * peak**weight_power, total)
    return (1 - beta) * z + beta * x, z, x, total, peak


@published(z=theta0, x=theta0, v=0, top=0, total=0, peak=0, ranges=OWN, iterate="x")
def schedule_free_adamw(
    theta,
    z,
    x,
    v,
    top,
    total,
    peak,
    *,
    grad,
    t,
    eta=0.0025,
    beta1=0.9,
    beta2=0.999,
    epsilon=1e-8,
    warmup=None,
    r=0.0,
    weight_power=2.0,
    weight_decay=0.0,
    epsilon_root=None,
    maximum_of="nothing",
    decoupling=None,
    weighting="by eta",
    decay_of="z",
    late_warmup=False,
):
    """Schedule-free AdamW (Defazio et al. 2024).

    v as in Adam; x, y = theta, z and their weights as in schedule-free SGD, with
    z <- z - eta_t*(g/(sqrt(v/(1 - beta2**t)) + epsilon) + weight_decay*y) and
    y <- (1 - beta1)*z + beta1*x.

    Libraries: schedulefree is this rule; pytorch_optimizer adds 1e-15 under the root
    (``epsilon_root``), and can scale C (``decoupling``); optax has the warm-up of z a step late
    (``late_warmup=True``); keras weighs all steps alike (``weighting="equal"``) and applies weight
    decay to y alone (``decay_of="y"``). All keep y in their parameters.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("(x-3)^2")
    >>> so.minimize(J, so.schedule_free_adamw(eta=0.1), start=[1.0], steps=2).theta.round(3)
    array([1.149])
    """
    g = grad(theta)
    v = beta2 * v + (1 - beta2) * g**2
    v_hat = v / (1 - beta2**t)
    top = sp.Max(top, v_hat)
    spread = top
    if maximum_of == "nothing":
        spread = v_hat
    direction = g / root(spread, epsilon, epsilon_root)
    moves, weighs = _rates(t, eta, warmup, late_warmup)
    if decay_of == "y":
        x = x - eta * weight_decay * theta / beta1
    else:
        direction = direction + weight_decay * theta
    z = z - moves * direction
    peak = sp.Max(peak, weighs)
    if weighting == "equal":
        weight = sp.Integer(1)
    else:
        weight = t**r * peak**weight_power
    x, total = _mean(x, z, weight, total, None if decoupling is None else (1 - beta1) * decoupling)
    return (1 - beta1) * z + beta1 * x, z, x, v, top, total, peak
