"""Averages of the gradient and its square, corrected for starting at 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp


def averages(m: Any, v: Any, g: Any, beta1: Any, beta2: Any) -> tuple[Any, Any]:
    """Return the next averages of g and of g*g."""
    return beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2


def direction(m: Any, v: Any, t: Any, beta1: Any, beta2: Any, *, epsilon: Any) -> Any:
    """Return Adam's direction m_hat/(sqrt(v_hat) + epsilon)."""
    return m / (1 - beta1**t) / (sp.sqrt(v / (1 - beta2**t)) + epsilon)


def direction_with_hat(m: Any, v: Any, t: Any, beta1: Any, beta2: Any, *, epsilon: Any) -> Any:
    """Return Adam's direction with epsilon hat, beside the uncorrected root."""
    return sp.sqrt(1 - beta2**t) / (1 - beta1**t) * m / (sp.sqrt(v) + epsilon)


def look_ahead(m: Any, g: Any, t: Any, beta1: Any) -> Any:
    """Return Nesterov's look-ahead with mu = beta1: what m_hat will be, with g once more."""
    return beta1 * m / (1 - beta1 ** (t + 1)) + (1 - beta1) * g / (1 - beta1**t)


def nadam_look_ahead(
    m: Any, g: Any, P: Any, mu: tuple[Any, Any], let: Callable[..., Any]
) -> tuple[Any, Any]:
    """Return Nadam's look-ahead and the product of mu; ``mu`` is this step's and the next."""
    now, following = let("mu", mu[0]), let("mu_next", mu[1])
    P = P * now
    return let("look", following * m / (1 - P * following) + (1 - now) * g / (1 - P)), P


def nadam_momenta(
    beta1: Any, momentum_decay: Any, t: Any, scheduled: bool = True
) -> tuple[Any, Any]:
    """Return mu of a step and of the next: beta1*(1 - 0.96**(momentum_decay*t)/2), or beta1."""
    if not scheduled:
        return beta1, beta1
    now, following = (beta1 * (1 - 0.96 ** (momentum_decay * k) / 2) for k in (t, t + 1))
    return now, following


def rectification(t: Any, beta2: Any, let: Callable[..., Any]) -> tuple[Any, Any]:
    """Return RAdam's factor r_t, and rho_t, the length of the average that it follows from."""
    longest = let("rho_inf", 2 / (1 - beta2) - 1)
    length = let("rho_t", longest - 2 * t * beta2**t / (1 - beta2**t))
    above = (length - 4) * (length - 2) * longest
    below = (longest - 4) * (longest - 2) * length
    return let("r_t", sp.sqrt(above / below)), length
