"""Adam whose first steps are rectified, RAdam; and AdaBelief, which may be."""

from __future__ import annotations

import sympy as sp

from symopt.optim.moments import ahead, averages, rectified, root
from symopt.optim.ranges import published
from symopt.rules.hyperparameters import Range, Ranges

RECTIFIED: Ranges = {"threshold": Range(4), "maximum_of": ("nothing", "uncorrected")}


@published(m=0, v=0, ranges=RECTIFIED)
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
    threshold=4.0,
    at_threshold=False,
    before_rectified="momentum",
    corrected_epsilon=True,
    epsilon_root=None,
    nesterov=False,
    weight_decay=None,
):
    """RAdam: rectified Adam (Liu et al. 2019).

    m and v as in Adam. With rho_inf = 2/(1 - beta2) - 1, rho_t = rho_inf - 2*t*beta2**t/(1 -
    beta2**t) and r_t = sqrt((rho_t - 4)(rho_t - 2)rho_inf/((rho_inf - 4)(rho_inf - 2)rho_t)): theta
    <- theta - eta*r_t*m_hat/(sqrt(v_hat) + epsilon) where rho_t > 4, else theta - eta*m_hat.

    Options: ``weight_decay`` is decoupled, in steps that move.

    Libraries: torch rectifies where rho_t > 5, optax and pytorch_optimizer where rho_t >= 5
    (``threshold``, ``at_threshold``); torch and pytorch_optimizer have epsilon beside the
    uncorrected root (``corrected_epsilon=False``); pytorch_optimizer does not move before
    (``before_rectified="nothing"``).

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.radam(eta=0.1), start=[1.0], steps=1).theta.round(6)
    array([1.4])
    """
    g = grad(theta)
    m, v = averages(m, v, g, beta1, beta2)
    if nesterov:
        m_hat = ahead(m, g, t, beta1)
    else:
        m_hat = m / (1 - beta1**t)
    c2 = 1 - beta2**t
    if corrected_epsilon:
        below = root(v / c2, epsilon, epsilon_root)
    else:
        below = root(v, epsilon) / sp.sqrt(c2)
    factor, enough = rectified(t, beta2, threshold, at_threshold, let)
    if weight_decay is None:
        decay = 0
    else:
        decay = weight_decay * theta
    if before_rectified == "nothing":
        before = 0
    else:
        before = m_hat + decay
    return (
        theta - eta * sp.Piecewise((factor * m_hat / below + decay, enough), (before, True)),
        m,
        v,
    )


@published(m=0, s=0, top=0, ranges=RECTIFIED)
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
    epsilon_root=1e-16,
    maximum_of="nothing",
    rectify=False,
    threshold=5.0,
    before_rectified="momentum",
    nesterov=False,
):
    """AdaBelief: steps by the belief in the gradient (Zhuang et al. 2020).

    m as in Adam;  s <- beta2*s + (1 - beta2)*(g - m)**2 + epsilon_root;
    theta <- theta - eta*m_hat/(sqrt(s/(1 - beta2**t)) + epsilon): long steps where g is as its
    average says.

    Options: ``rectify`` as in RAdam, where rho_t >= 5, with epsilon beside the uncorrected root;
    ``maximum_of="uncorrected"`` takes the largest s so far, as AMSGrad.

    Libraries: optax is this rule with both epsilons 1e-16; adabelief-pytorch and pytorch_optimizer
    have one epsilon in both places; adabelief-pytorch rectifies unless told not to.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.adabelief(eta=0.1), start=[1.0], steps=1).theta.round(3)
    array([1.111])
    """
    g = grad(theta)
    m = beta1 * m + (1 - beta1) * g
    s = beta2 * s + (1 - beta2) * (g - m) ** 2 + epsilon_root
    top = sp.Max(top, s)
    spread = top
    if maximum_of == "nothing":
        spread = s
    if nesterov:
        m_hat = ahead(m, g, t, beta1)
    else:
        m_hat = m / (1 - beta1**t)
    c2 = 1 - beta2**t
    if not rectify:
        return theta - eta * m_hat / root(spread / c2, epsilon), m, s, top
    factor, enough = rectified(t, beta2, threshold, True, let)
    before = m_hat
    if before_rectified == "nothing":
        before = 0
    step = sp.Piecewise(
        (factor * sp.sqrt(c2) * m_hat / root(spread, epsilon), enough), (before, True)
    )
    return theta - eta * step, m, s, top
