"""What keras writes in its own way."""

from __future__ import annotations

import sympy as sp

from symopt.interop.library_rule import library_rule
from symopt.optim.moments import averages
from symopt.optim.schedule_free import OWN, warmed_up, weighted_mean
from symopt.optim.variants import WORDS
from symopt.rules.symbols import theta0

HAT = WORDS["epsilon_hat"](True)


@library_rule("the averages of g and g*g are corrected for starting at 0", HAT, m=0, v=0, top=0)
def amsgrad(theta, m, v, top, *, grad, t, eta=0.001, beta1=0.9, beta2=0.999, epsilon=1e-7):
    """AMSGrad with both averages corrected, and epsilon hat.

    top <- max(top, v); theta <- theta - eta*sqrt(1 - beta2**t)*m_hat/(sqrt(top) + epsilon).
    """
    m, v = averages(m, v, grad(theta), beta1, beta2)
    top = sp.Max(top, v)
    m_hat = m / (1 - beta1**t)
    return theta - eta * sp.sqrt(1 - beta2**t) * m_hat / (sp.sqrt(top) + epsilon), m, v, top


@library_rule("epsilon is added to u after the maximum", m=0, u=0)
def adamax(theta, m, u, *, grad, t, eta=0.001, beta1=0.9, beta2=0.999, epsilon=1e-7):
    """AdaMax with epsilon behind the maximum: u <- max(beta2*u, |g|); eta*m_hat/(u + epsilon)."""
    g = grad(theta)
    m = beta1 * m + (1 - beta1) * g
    u = sp.Max(beta2 * u, sp.Abs(g))
    return theta - eta * (m / (1 - beta1**t)) / (u + epsilon), m, u


@library_rule(
    "every step has the same weight in the average, whatever the warm-up",
    "weight decay acts on y alone, and through y on x; z does not decay",
    z=theta0,
    x=theta0,
    v=0,
    total=0,
    iterate="x",
    ranges=OWN,
)
def schedule_free_adamw(
    theta,
    z,
    x,
    v,
    total,
    *,
    grad,
    t,
    eta=0.0025,
    beta1=0.9,
    beta2=0.999,
    epsilon=1e-8,
    warmup=None,
    weight_decay=0.0,
):
    """Schedule-free AdamW with equal weights, whose decay acts on y.

    x <- x - eta*weight_decay*y/beta1 before the mean is taken; z <- z - eta_t*g/root.
    """
    g = grad(theta)
    v = beta2 * v + (1 - beta2) * g**2
    direction = g / (sp.sqrt(v / (1 - beta2**t)) + epsilon)
    x = x - eta * weight_decay * theta / beta1
    z = z - warmed_up(t, eta, warmup) * direction
    x, total = weighted_mean(x, z, sp.Integer(1), total)
    return (1 - beta1) * z + beta1 * x, z, x, v, total
