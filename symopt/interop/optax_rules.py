"""What optax writes in its own way: ``eps_root`` within roots, constant mu, errors of 0.2.8."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symopt.interop.library_rule import library_rule
from symopt.optim.adaptive import STEPS, resilient_step
from symopt.optim.moments import averages, look_ahead, nadam_look_ahead, rectification
from symopt.optim.schedule_free import OWN, warmed_up, weighted_mean
from symopt.optim.variants import WORDS
from symopt.rules.hyperparameters import Range
from symopt.rules.symbols import theta0

CONSTANT = WORDS["momentum_schedule"](False)
LATE = "z moves with the warm-up of the step before, so that the first step does not move it"


def rooted(square: Any, epsilon: Any, epsilon_root: Any) -> Any:
    """Return sqrt(square + epsilon_root) + epsilon; None for no epsilon under the root."""
    if epsilon_root is None:
        return sp.sqrt(square) + epsilon
    return sp.sqrt(square + epsilon_root) + epsilon


@library_rule(v="initial_accumulator", a=0, m=0)
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
):
    """RMSProp with what optax adds: Nesterov's look-ahead, bias correction, epsilon outside."""
    g = grad(theta)
    v = rho * v + (1 - rho) * g**2
    a = rho * a + (1 - rho) * g
    correction = 1
    if bias_correction:
        correction = 1 - rho**t
    spread = v / correction
    if centered:
        spread = v / correction - (a / correction) ** 2
    root = sp.sqrt(spread) + epsilon
    if epsilon_inside:
        root = sp.sqrt(spread + epsilon)
    step = eta * (g / root)
    if momentum is None:
        return theta - step, v, a, m
    m = momentum * m + step
    if nesterov:
        return theta - (momentum * m + step), v, a, m
    return theta - m, v, a, m


@library_rule(m=0, v=0)
def adam(
    theta, m, v, *, grad, t, eta=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, epsilon_root=None
):
    """Adam with a second epsilon within the root."""
    m, v = averages(m, v, grad(theta), beta1, beta2)
    below = rooted(v / (1 - beta2**t), epsilon, epsilon_root)
    return theta - eta * (m / (1 - beta1**t) / below), m, v


@library_rule(m=0, v=0)
def adamw(
    theta,
    m,
    v,
    *,
    grad,
    t,
    eta=0.001,
    beta1=0.9,
    beta2=0.999,
    epsilon=1e-8,
    weight_decay=0.01,
    epsilon_root=None,
):
    """AdamW with a second epsilon within the root."""
    m, v = averages(m, v, grad(theta), beta1, beta2)
    below = rooted(v / (1 - beta2**t), epsilon, epsilon_root)
    return theta - eta * (m / (1 - beta1**t) / below + weight_decay * theta), m, v


@library_rule("the maximum is taken of the corrected average of g*g", m=0, v=0, top=0)
def amsgrad(
    theta,
    m,
    v,
    top,
    *,
    grad,
    t,
    eta=0.001,
    beta1=0.9,
    beta2=0.999,
    epsilon=1e-8,
    epsilon_root=None,
    mean_correction=False,
    square_correction=False,
):
    """AMSGrad with the maximum of the corrected average: top <- max(top, v/(1 - beta2**t))."""
    m, v = averages(m, v, grad(theta), beta1, beta2)
    v_hat = v
    if square_correction:
        v_hat = v / (1 - beta2**t)
    top = sp.Max(top, v_hat)
    m_hat = m
    if mean_correction:
        m_hat = m / (1 - beta1**t)
    return theta - eta * m_hat / rooted(top, epsilon, epsilon_root), m, v, top


@library_rule(CONSTANT, m=0, v=0, P=1)
def nadam(
    theta,
    m,
    v,
    P,
    *,
    grad,
    let,
    t,
    eta=0.002,
    beta1=0.9,
    beta2=0.999,
    epsilon=1e-8,
    epsilon_root=None,
):
    """Nadam with the constant mu = beta1, and a second epsilon within the root."""
    g = grad(theta)
    m, v = averages(m, v, g, beta1, beta2)
    look, P = nadam_look_ahead(m, g, P, (beta1, beta1), let)
    return theta - eta * look / rooted(v / (1 - beta2**t), epsilon, epsilon_root), m, v, P


@library_rule(CONSTANT, m=0, v=0, P=1)
def nadamw(
    theta,
    m,
    v,
    P,
    *,
    grad,
    let,
    t,
    eta=0.002,
    beta1=0.9,
    beta2=0.999,
    epsilon=1e-8,
    weight_decay=0.01,
    epsilon_root=None,
):
    """NadamW with the constant mu = beta1, and a second epsilon within the root."""
    g = grad(theta)
    m, v = averages(m, v, g, beta1, beta2)
    look, P = nadam_look_ahead(m, g, P, (beta1, beta1), let)
    direction = look / rooted(v / (1 - beta2**t), epsilon, epsilon_root)
    return theta - eta * (direction + weight_decay * theta), m, v, P


@library_rule(
    "the difference of gradients is weighted by 1 - beta2 where the paper has beta2 (in this "
    "notation): an error of that library",
    "weight decay is subtracted, eta*weight_decay*theta",
    last=0,
    m=0,
    v=0,
    n_=0,
)
def adan(
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
    epsilon_root=None,
):
    """Adan as optax 0.2.8 has it: differences weighted by 1 - beta2, decay subtracted."""
    g = grad(theta)
    weight = 1 - beta2
    d = sp.Piecewise((g - last, t > 1), (0, True))
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * d
    n_ = beta3 * n_ + (1 - beta3) * (g + weight * d) ** 2
    direction = m / (1 - beta1**t) + weight * v / (1 - beta2**t)
    step = eta * direction / rooted(n_ / (1 - beta3**t), epsilon, epsilon_root)
    return theta - step - eta * weight_decay * theta, g, m, v, n_


@library_rule(
    "a rho_t equal to the threshold is rectified too", m=0, v=0, ranges={"threshold": Range(4)}
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
    epsilon_root=None,
    nesterov=False,
):
    """RAdam that rectifies where rho_t >= threshold."""
    g = grad(theta)
    m, v = averages(m, v, g, beta1, beta2)
    m_hat = m / (1 - beta1**t)
    if nesterov:
        m_hat = look_ahead(m, g, t, beta1)
    below = rooted(v / (1 - beta2**t), epsilon, epsilon_root)
    factor, length = rectification(t, beta2, let)
    step = sp.Piecewise((factor * m_hat / below, length >= threshold), (m_hat, True))
    return theta - eta * step, m, v


@library_rule("the steps are taken with Nesterov's look-ahead", m=0, s=0)
def adabelief_nesterov(
    theta, m, s, *, grad, t, eta=0.001, beta1=0.9, beta2=0.999, epsilon=1e-16, epsilon_root=1e-16
):
    """AdaBelief with Nesterov's look-ahead."""
    g = grad(theta)
    m = beta1 * m + (1 - beta1) * g
    s = beta2 * s + (1 - beta2) * (g - m) ** 2 + epsilon_root
    m_hat = look_ahead(m, g, t, beta1)
    return theta - eta * m_hat / (sp.sqrt(s / (1 - beta2**t)) + epsilon), m, s


@library_rule(
    "each move is made one step late, and the first step does not move: an error of that library",
    step="eta",
    last=0,
    move=0,
    ranges=STEPS,
)
def rprop(
    theta, step, last, move, *, grad, eta=0.01, shrink=0.5, grow=1.2, smallest=1e-6, largest=50.0
):
    """Rprop as optax 0.2.8 has it, a step late."""
    g = grad(theta)
    q = sp.sign(g) * sp.sign(last)
    g, changed = resilient_step(g, last, step, (shrink, grow), (smallest, largest))
    step = sp.Piecewise((step, sp.Eq(q, 0)), (changed, True))
    return theta - sp.Piecewise((0, q < 0), (move, True)), step, g, step * sp.sign(g)


@library_rule(LATE, z=theta0, x=theta0, total=0, peak=0, ranges=OWN, iterate="x")
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
    warmup=100,
    weight_power=2.0,
    weight_decay=0.0,
):
    """Schedule-free SGD whose z moves with the warm-up of the step before."""
    z = z - warmed_up(t - 1, eta, warmup) * (grad(theta) + weight_decay * theta)
    peak = sp.Max(peak, warmed_up(t, eta, warmup))
    x, total = weighted_mean(x, z, peak**weight_power, total)
    return (1 - beta) * z + beta * x, z, x, total, peak


@library_rule(LATE, z=theta0, x=theta0, v=0, total=0, peak=0, ranges=OWN, iterate="x")
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
    warmup=100,
    weight_power=2.0,
    weight_decay=0.0,
):
    """Schedule-free AdamW whose z moves with the warm-up of the step before."""
    g = grad(theta)
    v = beta2 * v + (1 - beta2) * g**2
    direction = g / (sp.sqrt(v / (1 - beta2**t)) + epsilon)
    z = z - warmed_up(t - 1, eta, warmup) * (direction + weight_decay * theta)
    peak = sp.Max(peak, warmed_up(t, eta, warmup))
    x, total = weighted_mean(x, z, peak**weight_power, total)
    return (1 - beta1) * z + beta1 * x, z, x, v, total, peak
