"""Schedule-free rules: they take gradients at y, move z, and report the average x."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symopt.optim.ranges import published
from symopt.rules.hyperparameters import NOT_NEGATIVE, POSITIVE, Ranges
from symopt.rules.symbols import theta0

OWN: Ranges = {
    **dict.fromkeys(("r", "weight_power", "eta"), NOT_NEGATIVE),
    "warmup": POSITIVE,
}


def warmed_up(t: Any, eta: Any, warmup: Any) -> Any:
    """Return eta after a linear warm-up, if there is one."""
    if warmup is None:
        return eta
    return eta * sp.Min(1, t / warmup)


def weighted_mean(x: Any, z: Any, weight: Any, total: Any, scale: Any = None) -> tuple[Any, Any]:
    """Return the weighted mean of all z so far, and the sum of their weights."""
    total = total + weight
    share = weight / total
    if scale is not None:
        share = sp.Min(1, scale * share)
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
):
    """Schedule-free SGD (Defazio et al. 2024).

    theta is y, where the gradient is taken; x is the average that is reported.
    z <- z - eta_t*(g + weight_decay*y), with eta_t = eta*min(1, t/warmup);
    x <- (1 - C)*x + C*z with C = w_t/(w_1 + ... + w_t),
    w_t = t**r*(largest eta so far)**weight_power;
    y <- (1 - beta)*z + beta*x.

    Libraries: schedulefree and pytorch_optimizer are this rule, optax too, but for the warm-up of
    z, which is a step late. All keep y in their parameters.

    References
    ----------
    Defazio et al., The road less scheduled, 2024, arXiv:2405.15682.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.schedule_free_sgd(eta=0.25), start=[1.0], steps=2).theta
    array([2.25])
    """
    rate = warmed_up(t, eta, warmup)
    z = z - rate * (grad(theta) + weight_decay * theta)
    peak = sp.Max(peak, rate)
    x, total = weighted_mean(x, z, t**r * peak**weight_power, total)
    return (1 - beta) * z + beta * x, z, x, total, peak


@published(z=theta0, x=theta0, v=0, total=0, peak=0, ranges=OWN, iterate="x")
def schedule_free_adamw(
    theta,
    z,
    x,
    v,
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
):
    """Schedule-free AdamW (Defazio et al. 2024).

    v as in Adam; x, y = theta, z and their weights as in schedule-free SGD, with
    z <- z - eta_t*(g/(sqrt(v/(1 - beta2**t)) + epsilon) + weight_decay*y) and
    y <- (1 - beta1)*z + beta1*x.

    Libraries: schedulefree is this rule; pytorch_optimizer adds 1e-15 under the root, and can scale
    C; optax has the warm-up of z a step late; keras weighs all steps alike and applies weight decay
    to y alone. All keep y in their parameters.

    References
    ----------
    Defazio et al., The road less scheduled, 2024, arXiv:2405.15682.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("(x-3)^2")
    >>> so.minimize(J, so.schedule_free_adamw(eta=0.1), start=[1.0], steps=2).theta.round(3)
    array([1.149])
    """
    g = grad(theta)
    v = beta2 * v + (1 - beta2) * g**2
    direction = g / (sp.sqrt(v / (1 - beta2**t)) + epsilon)
    rate = warmed_up(t, eta, warmup)
    z = z - rate * (direction + weight_decay * theta)
    peak = sp.Max(peak, rate)
    x, total = weighted_mean(x, z, t**r * peak**weight_power, total)
    return (1 - beta1) * z + beta1 * x, z, x, v, total, peak
