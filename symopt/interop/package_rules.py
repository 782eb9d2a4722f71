"""What packages for torch write in their own way."""

from __future__ import annotations

import sympy as sp

from symopt.interop.library_rule import BESIDE_UNCORRECTED, library_rule
from symopt.optim.moments import averages, rectification
from symopt.optim.schedule_free import OWN, warmed_up, weighted_mean
from symopt.rules.hyperparameters import NOT_NEGATIVE, Range
from symopt.rules.symbols import theta0

THRESHOLD = {"threshold": Range(4)}


@library_rule(
    "a rho_t equal to the threshold is rectified too",
    BESIDE_UNCORRECTED,
    m=0,
    v=0,
    ranges=THRESHOLD,
)
def radam(
    theta,
    m,
    v,
    *,
    grad,
    let,
    t,
    eta=0.001,
    beta1=0.9,
    beta2=0.999,
    epsilon=1e-8,
    threshold=5.0,
    moves_before=False,
    weight_decay=None,
):
    """RAdam that rectifies where rho_t >= threshold, with a decoupled decay in steps that move."""
    m, v = averages(m, v, grad(theta), beta1, beta2)
    m_hat = m / (1 - beta1**t)
    below = (sp.sqrt(v) + epsilon) / sp.sqrt(1 - beta2**t)
    factor, length = rectification(t, beta2, let)
    decay = 0
    if weight_decay is not None:
        decay = weight_decay * theta
    before = 0
    if moves_before:
        before = m_hat + decay
    step = sp.Piecewise((factor * m_hat / below + decay, length >= threshold), (before, True))
    return theta - eta * step, m, v


@library_rule(m=0, s=0, top=0, ranges=THRESHOLD)
def adabelief(
    theta,
    m,
    s,
    top,
    *,
    grad,
    let,
    t,
    eta=0.001,
    beta1=0.9,
    beta2=0.999,
    epsilon=1e-8,
    epsilon_root=1e-8,
    largest=False,
    rectify=False,
    threshold=5.0,
    moves_before=True,
):
    """AdaBelief with the largest s so far, or rectified as RAdam.

    Rectified steps have epsilon beside the uncorrected root.
    """
    g = grad(theta)
    m = beta1 * m + (1 - beta1) * g
    s = beta2 * s + (1 - beta2) * (g - m) ** 2 + epsilon_root
    top = sp.Max(top, s)
    spread = s
    if largest:
        spread = top
    m_hat = m / (1 - beta1**t)
    c2 = 1 - beta2**t
    if not rectify:
        return theta - eta * m_hat / (sp.sqrt(spread / c2) + epsilon), m, s, top
    factor, length = rectification(t, beta2, let)
    before = 0
    if moves_before:
        before = m_hat
    rectified = factor * sp.sqrt(c2) * m_hat / (sp.sqrt(spread) + epsilon)
    step = sp.Piecewise((rectified, length >= threshold), (before, True))
    return theta - eta * step, m, s, top


@library_rule("weight decay is subtracted, eta*weight_decay*theta", last=0, m=0, v=0, n_=0)
def adan_decoupled(
    theta,
    last,
    m,
    v,
    n_,
    *,
    grad,
    t,
    eta=0.001,
    beta1=0.98,
    beta2=0.92,
    beta3=0.99,
    epsilon=1e-8,
    weight_decay=0.0,
):
    """Adan whose decay is subtracted instead of proximal."""
    g = grad(theta)
    d = sp.Piecewise((g - last, t > 1), (0, True))
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * d
    n_ = beta3 * n_ + (1 - beta3) * (g + beta2 * d) ** 2
    direction = m / (1 - beta1**t) + beta2 * v / (1 - beta2**t)
    step = eta * direction / (sp.sqrt(n_ / (1 - beta3**t)) + epsilon)
    return theta - step - eta * weight_decay * theta, g, m, v, n_


@library_rule(
    "the first step only remembers its gradient, and decays: the averages stay 0",
    last=0,
    m=0,
    v=0,
    n_=0,
)
def adan_remembering(
    theta,
    last,
    m,
    v,
    n_,
    *,
    grad,
    t,
    eta=0.001,
    beta1=0.98,
    beta2=0.92,
    beta3=0.99,
    epsilon=1e-8,
    weight_decay=0.0,
):
    """Adan whose first step only remembers its gradient."""
    g = grad(theta)
    later = t > 1
    d = sp.Piecewise((g - last, later), (0, True))
    m = sp.Piecewise((beta1 * m + (1 - beta1) * g, later), (0, True))
    v = sp.Piecewise((beta2 * v + (1 - beta2) * d, later), (0, True))
    n_ = sp.Piecewise((beta3 * n_ + (1 - beta3) * (g + beta2 * d) ** 2, later), (0, True))
    direction = m / (1 - beta1**t) + beta2 * v / (1 - beta2**t)
    step = eta * direction / (sp.sqrt(n_ / (1 - beta3**t)) + epsilon)
    return (theta - step) / (1 + eta * weight_decay), g, m, v, n_


@library_rule(
    "1e-15 is added under the root, besides epsilon outside",
    z=theta0,
    x=theta0,
    v=0,
    top=0,
    total=0,
    peak=0,
    ranges={**OWN, "decoupling": NOT_NEGATIVE},
    iterate="x",
)
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
    largest=False,
    decoupling=None,
):
    """Schedule-free AdamW with 1e-15 under the root, the largest v, or a scaled share of z."""
    g = grad(theta)
    v = beta2 * v + (1 - beta2) * g**2
    v_hat = v / (1 - beta2**t)
    top = sp.Max(top, v_hat)
    spread = v_hat
    if largest:
        spread = top
    direction = g / (sp.sqrt(spread + 1e-15) + epsilon) + weight_decay * theta
    rate = warmed_up(t, eta, warmup)
    z = z - rate * direction
    peak = sp.Max(peak, rate)
    scale = None
    if decoupling is not None:
        scale = (1 - beta1) * decoupling
    x, total = weighted_mean(x, z, t**r * peak**weight_power, total, scale)
    return (1 - beta1) * z + beta1 * x, z, x, v, top, total, peak
