"""Adam with Nesterov's look-ahead: Nadam, NadamW and Adan."""

from __future__ import annotations

import sympy as sp

from symopt.optim.moments import averages, nadam_look_ahead, nadam_momenta
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
):
    """Nadam: Adam with Nesterov's look-ahead (Dozat 2016).

    m and v as in Adam. With mu_t = beta1*(1 - 0.96**(momentum_decay*t)/2) and P_t = mu_1*...*mu_t,
    theta <- theta - eta*look/(sqrt(v/(1 - beta2**t)) + epsilon), where
    look = mu_{t+1}*m/(1 - P_{t+1}) + (1 - mu_t)*g/(1 - P_t). The paper takes any sequence mu_t:
    with ``momentum_schedule=False`` it is beta1.

    Libraries: torch ``NAdam`` is this rule, with the paper's ``momentum_decay=0.004``. keras has
    1 and epsilon 1e-7. optax has the constant mu, and ``eps_root`` within the root.

    References
    ----------
    Dozat, Incorporating Nesterov momentum into Adam, ICLR 2016 workshop.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.nadam(eta=0.1), start=[1.0], steps=1).theta.round(3)
    array([1.106])
    """
    g = grad(theta)
    m, v = averages(m, v, g, beta1, beta2)
    mu = nadam_momenta(beta1, momentum_decay, t, momentum_schedule)
    look, P = nadam_look_ahead(m, g, P, mu, let)
    return theta - eta * look / (sp.sqrt(v / (1 - beta2**t)) + epsilon), m, v, P


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
):
    """NadamW: Nadam with decoupled weight decay (Dozat 2016; Loshchilov and Hutter 2017).

    look, m, v and P as in Nadam;
    theta <- theta - eta*(look/(sqrt(v/(1 - beta2**t)) + epsilon) + weight_decay*theta).

    Libraries: torch ``NAdam(decoupled_weight_decay=True)`` is this rule; optax ``nadamw`` has a
    constant mu = beta1.

    References
    ----------
    Dozat, Incorporating Nesterov momentum into Adam, ICLR 2016 workshop; Loshchilov and Hutter,
    Decoupled weight decay regularization, 2017, arXiv:1711.05101.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.nadamw(eta=0.1), start=[1.0], steps=1).theta.round(3)
    array([1.105])
    """
    g = grad(theta)
    m, v = averages(m, v, g, beta1, beta2)
    mu = nadam_momenta(beta1, momentum_decay, t, momentum_schedule)
    look, P = nadam_look_ahead(m, g, P, mu, let)
    step = look / (sp.sqrt(v / (1 - beta2**t)) + epsilon) + weight_decay * theta
    return theta - eta * step, m, v, P


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
):
    """Adan, adaptive Nesterov momentum (Xie et al. 2022).

    Its betas are the shares of the old average; the paper's are 1 minus these. With d = g - last,
    0 in the first step: m <- beta1*m + (1 - beta1)*g; v <- beta2*v + (1 - beta2)*d;
    n <- beta3*n + (1 - beta3)*(g + beta2*d)**2;
    theta <- (theta - eta*(m_hat + beta2*v_hat)/(sqrt(n_hat) + epsilon))/(1 + eta*weight_decay);
    last <- g. The averages are corrected for starting at 0, as the libraries have it. The state
    ``n_`` is the paper's n.

    Libraries: pytorch_optimizer is this rule; adan-pytorch only remembers its gradient in the first
    step; optax 0.2.8 weights d by 1 - beta2, an error of its own, and subtracts the decay.

    References
    ----------
    Xie et al., Adan: adaptive Nesterov momentum algorithm for faster optimizing deep models, 2022,
    arXiv:2208.06677.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.adan(eta=0.1), start=[1.0], steps=1).theta.round(6)
    array([1.1])
    """
    g = grad(theta)
    d = sp.Piecewise((g - last, t > 1), (0, True))
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * d
    n_ = beta3 * n_ + (1 - beta3) * (g + beta2 * d) ** 2
    top = m / (1 - beta1**t) + beta2 * v / (1 - beta2**t)
    step = eta * top / (sp.sqrt(n_ / (1 - beta3**t)) + epsilon)
    return (theta - step) / (1 + eta * weight_decay), g, m, v, n_
