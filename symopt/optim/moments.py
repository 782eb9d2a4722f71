"""Averages of the gradient and its square, corrected for starting at 0."""

from __future__ import annotations

from typing import Any

import sympy as sp


def averages(m: Any, v: Any, g: Any, beta1: Any, beta2: Any) -> tuple[Any, Any]:
    """Return the next averages of g and of g*g."""
    return beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2


def root(v_hat: Any, epsilon: Any, epsilon_root: Any = None) -> Any:
    """Return what a step is divided by."""
    return sp.sqrt(v_hat if epsilon_root is None else v_hat + epsilon_root) + epsilon


def adam_direction(
    m: Any,
    v: Any,
    t: Any,
    beta1: Any,
    beta2: Any,
    epsilon: Any,
    epsilon_root: Any,
    epsilon_hat: bool,
) -> Any:
    """Return m_hat/(sqrt(v_hat) + epsilon), or the paper's second form with epsilon hat."""
    if epsilon_hat:
        return sp.sqrt(1 - beta2**t) / (1 - beta1**t) * m / root(v, epsilon, epsilon_root)
    return m / (1 - beta1**t) / root(v / (1 - beta2**t), epsilon, epsilon_root)


def ahead(m: Any, g: Any, t: Any, beta1: Any) -> Any:
    """Return Nesterov's look-ahead with mu = beta1: what m_hat will be, with g once more."""
    return beta1 * m / (1 - beta1 ** (t + 1)) + (1 - beta1) * g / (1 - beta1**t)


def nadam_look(
    m: Any,
    g: Any,
    P: Any,
    t: Any,
    beta1: Any,
    momentum_decay: Any,
    momentum_schedule: bool,
    let: Any,
) -> tuple[Any, Any]:
    """Return Nadam's look-ahead, and the product of mu so far."""
    mu, after = (
        beta1 * (1 - 0.96 ** (momentum_decay * step) / 2) if momentum_schedule else beta1
        for step in (t, t + 1)
    )
    mu, after = let("mu", mu), let("mu_next", after)
    P = P * mu
    return let("look", after * m / (1 - P * after) + (1 - mu) * g / (1 - P)), P


def rectified(t: Any, beta2: Any, threshold: Any, at_threshold: bool, let: Any) -> tuple[Any, Any]:
    """Return RAdam's factor r_t, and whether the average is long enough for it."""
    longest = let("rho_inf", 2 / (1 - beta2) - 1)
    length = let("rho_t", longest - 2 * t * beta2**t / (1 - beta2**t))
    if at_threshold:
        enough = length >= threshold
    else:
        enough = length > threshold
    factor = sp.sqrt(
        (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
    )
    return let("r_t", factor), enough
