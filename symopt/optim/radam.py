"""RAdam, Adam whose first steps are rectified; and AdaBelief."""

from __future__ import annotations

import sympy as sp

from symopt.optim.moments import averages, rectification
from symopt.optim.ranges import published


@published(m=0, v=0)
def radam(theta, m, v, *, grad, let, t, eta=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """RAdam: rectified Adam (Liu et al. 2019).

    m and v as in Adam. With rho_inf = 2/(1 - beta2) - 1,
    rho_t = rho_inf - 2*t*beta2**t/(1 - beta2**t) and
    r_t = sqrt((rho_t - 4)(rho_t - 2)rho_inf/((rho_inf - 4)(rho_inf - 2)rho_t)):
    theta <- theta - eta*r_t*m_hat/(sqrt(v_hat) + epsilon) where rho_t > 4, else theta - eta*m_hat.

    Libraries: torch rectifies where rho_t > 5, optax and pytorch_optimizer where rho_t >= 5; torch
    and pytorch_optimizer have epsilon beside the uncorrected root; pytorch_optimizer does not move
    before.

    References
    ----------
    Liu et al., On the variance of the adaptive learning rate and beyond, 2019, arXiv:1908.03265.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.radam(eta=0.1), start=[1.0], steps=1).theta.round(6)
    array([1.4])
    """
    m, v = averages(m, v, grad(theta), beta1, beta2)
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    factor, length = rectification(t, beta2, let)
    rectified = factor * m_hat / (sp.sqrt(v_hat) + epsilon)
    return theta - eta * sp.Piecewise((rectified, length > 4), (m_hat, True)), m, v


@published(m=0, s=0)
def adabelief(
    theta, m, s, *, grad, t, eta=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, epsilon_root=1e-16
):
    """AdaBelief: steps by the belief in the gradient (Zhuang et al. 2020).

    m as in Adam;  s <- beta2*s + (1 - beta2)*(g - m)**2 + epsilon_root;
    theta <- theta - eta*m_hat/(sqrt(s/(1 - beta2**t)) + epsilon): long steps where g is as its
    average says. The paper has one epsilon in both places.

    Libraries: optax is this rule with both epsilons 1e-16; adabelief-pytorch and pytorch_optimizer
    have one epsilon in both places, and may rectify the step.

    References
    ----------
    Zhuang et al., AdaBelief optimizer: adapting stepsizes by the belief in observed gradients,
    2020, arXiv:2010.07468.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.adabelief(eta=0.1), start=[1.0], steps=1).theta.round(3)
    array([1.111])
    """
    g = grad(theta)
    m = beta1 * m + (1 - beta1) * g
    s = beta2 * s + (1 - beta2) * (g - m) ** 2 + epsilon_root
    m_hat = m / (1 - beta1**t)
    return theta - eta * m_hat / (sp.sqrt(s / (1 - beta2**t)) + epsilon), m, s
