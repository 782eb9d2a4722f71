"""Adam with Nesterov's look-ahead: Nadam, NadamW and Adan."""

from __future__ import annotations

import sympy as sp

from symopt.optim.moments import averages, nadam_look, root
from symopt.optim.ranges import published


@published(m=0, v=0, P=1)
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
    momentum_decay=0.004,
    momentum_schedule=True,
    epsilon_root=None,
):
    """Nadam: Adam with Nesterov's look-ahead (Dozat 2016).

    m and v as in Adam. With mu_t = beta1*(1 - 0.96**(momentum_decay*t)/2) and P_t = mu_1*...*mu_t,
    theta <- theta - eta*look/(sqrt(v/(1 - beta2**t)) + epsilon), where
    look = mu_{t+1}*m/(1 - P_{t+1}) + (1 - mu_t)*g/(1 - P_t).

    Libraries: torch ``NAdam`` is this rule, with the paper's ``momentum_decay=0.004``. keras has 1
    and epsilon 1e-7. optax has a constant mu = beta1 (``momentum_schedule=False``), and
    ``eps_root`` within the root (``epsilon_root``).

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.nadam(eta=0.1), start=[1.0], steps=1).theta.round(3)
    array([1.106])
    """
    g = grad(theta)
    m, v = averages(m, v, g, beta1, beta2)
    look, P = nadam_look(m, g, P, t, beta1, momentum_decay, momentum_schedule, let)
    return theta - eta * look / root(v / (1 - beta2**t), epsilon, epsilon_root), m, v, P


@published(m=0, v=0, P=1)
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
    momentum_decay=0.004,
    momentum_schedule=True,
    epsilon_root=None,
):
    """NadamW: Nadam with decoupled weight decay (Dozat 2016; Loshchilov and Hutter 2017).

    look, m, v and P as in Nadam;
    theta <- theta - eta*(look/(sqrt(v/(1 - beta2**t)) + epsilon) + weight_decay*theta).

    Libraries: torch ``NAdam(decoupled_weight_decay=True)`` is this rule; optax ``nadamw`` has a
    constant mu = beta1 (``momentum_schedule=False``).

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.nadamw(eta=0.1), start=[1.0], steps=1).theta.round(3)
    array([1.105])
    """
    g = grad(theta)
    m, v = averages(m, v, g, beta1, beta2)
    look, P = nadam_look(m, g, P, t, beta1, momentum_decay, momentum_schedule, let)
    direction = look / root(v / (1 - beta2**t), epsilon, epsilon_root)
    return theta - eta * (direction + weight_decay * theta), m, v, P


@published(last=0, m=0, v=0, n_=0)
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
    proximal=True,
    difference_weight="beta2",
    first_step="as the others",
):
    """Adan, adaptive Nesterov momentum (Xie et al. 2022).

    Its betas are the shares of the old average.

    With d = g - last, 0 in the first step: m <- beta1*m + (1 - beta1)*g; v <- beta2*v + (1 -
    beta2)*d; n <- beta3*n + (1 - beta3)*(g + beta2*d)**2; theta <- (theta - eta*(m_hat +
    beta2*v_hat)/(sqrt(n_hat) + epsilon))/(1 + eta*weight_decay); last <- g. The averages are
    corrected for starting at 0, as the libraries have it. The state ``n_`` is the paper's n; the
    paper's betas are 1 minus these.

    Libraries: pytorch_optimizer is this rule; adan-pytorch (with the paper's small betas) only
    remembers its gradient in the first step (``first_step="remembers"``); optax 0.2.8 weights d by
    1 - beta2, an error of its own (``difference_weight="1 - beta2"``), and subtracts the decay
    (``proximal=False``).

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.adan(eta=0.1), start=[1.0], steps=1).theta.round(6)
    array([1.1])
    """
    g = grad(theta)
    if difference_weight == "beta2":
        weight = beta2
    else:
        weight = 1 - beta2
    later = t > 1
    d = sp.Piecewise((g - last, later), (0, True))
    averages = (
        beta1 * m + (1 - beta1) * g,
        beta2 * v + (1 - beta2) * d,
        beta3 * n_ + (1 - beta3) * (g + weight * d) ** 2,
    )
    if first_step == "remembers":
        averages = tuple(sp.Piecewise((new, later), (0, True)) for new in averages)
    m, v, n_ = averages
    direction = m / (1 - beta1**t) + weight * v / (1 - beta2**t)
    step = eta * direction / root(n_ / (1 - beta3**t), epsilon, epsilon_root)
    if proximal:
        return (theta - step) / (1 + eta * weight_decay), g, m, v, n_
    return theta - step - eta * weight_decay * theta, g, m, v, n_
