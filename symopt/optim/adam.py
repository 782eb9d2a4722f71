"""Adam and its variants: AdamW, AMSGrad, AdaMax, Yogi, QHAdam."""

from __future__ import annotations

import sympy as sp

from symopt.optim.moments import averages, direction, direction_with_hat
from symopt.optim.ranges import published


@published(m=0, v=0)
def adam(
    theta, m, v, *, grad, t, eta=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, epsilon_hat=False
):
    """Adam (Kingma and Ba 2014).

    m <- beta1*m + (1 - beta1)*g;  v <- beta2*v + (1 - beta2)*g*g;
    theta <- theta - eta*m_hat/(sqrt(v_hat) + epsilon) with m_hat = m/(1 - beta1**t) and
    v_hat = v/(1 - beta2**t): momentum on steps of RMSProp's size, both corrected for starting at 0.
    With ``epsilon_hat=True`` the second form of the paper's section 2: epsilon stands beside the
    uncorrected root, and acts as epsilon/sqrt(1 - beta2**t).

    Libraries: torch is this rule, keras with epsilon hat 1e-7; optax adds ``eps_root`` within the
    root. torch's ``weight_decay`` is ``so.weight_decay(so.adam(...), 0.01)``.

    References
    ----------
    Kingma and Ba, Adam: a method for stochastic optimization, 2014, arXiv:1412.6980.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.adam(eta=0.1), start=[1.0], steps=1).theta.round(6)
    array([1.1])
    """
    m, v = averages(m, v, grad(theta), beta1, beta2)
    if epsilon_hat:
        return theta - eta * direction_with_hat(m, v, t, beta1, beta2, epsilon=epsilon), m, v
    return theta - eta * direction(m, v, t, beta1, beta2, epsilon=epsilon), m, v


@published(m=0, v=0)
def adamw(
    theta, m, v, *, grad, t, eta=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.01
):
    """AdamW: Adam with decoupled weight decay (Loshchilov and Hutter 2017).

    m and v as in Adam;  theta <- theta - eta*(m_hat/(sqrt(v_hat) + epsilon) + weight_decay*theta).

    Libraries: torch is this rule, with weight_decay 0.01; optax has 0.0001 and ``eps_root``, keras
    0.004 and epsilon hat.

    References
    ----------
    Loshchilov and Hutter, Decoupled weight decay regularization, 2017, arXiv:1711.05101.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.adamw(eta=0.1), start=[1.0], steps=1).theta.round(6)
    array([1.099])
    """
    m, v = averages(m, v, grad(theta), beta1, beta2)
    step = direction(m, v, t, beta1, beta2, epsilon=epsilon) + weight_decay * theta
    return theta - eta * step, m, v


@published(m=0, v=0, top=0)
def amsgrad(theta, m, v, top, *, grad, eta=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """AMSGrad: Adam whose denominator never falls (Reddi, Kale and Kumar 2018).

    m and v as in Adam;  top <- max(top, v);  theta <- theta - eta*m/(sqrt(top) + epsilon), without
    bias correction.

    Libraries: all of them correct m and top for starting at 0; keras has epsilon hat, optax takes
    the maximum of the corrected v.

    References
    ----------
    Reddi, Kale and Kumar, On the convergence of Adam and beyond, 2018, arXiv:1904.09237.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.amsgrad(eta=0.1), start=[1.0], steps=1).theta.round(6)
    array([1.316228])
    """
    m, v = averages(m, v, grad(theta), beta1, beta2)
    top = sp.Max(top, v)
    return theta - eta * m / (sp.sqrt(top) + epsilon), m, v, top


@published(m=0, u=0)
def adamax(theta, m, u, *, grad, t, eta=0.002, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """AdaMax: Adam with the largest gradient for the mean square (Kingma and Ba 2014, section 7).

    m as in Adam;  u <- max(beta2*u, |g| + epsilon);  theta <- theta - eta*m_hat/u. The paper has no
    epsilon.

    Libraries: torch and optax are this rule; keras adds epsilon to u after the maximum.

    References
    ----------
    Kingma and Ba, Adam: a method for stochastic optimization, 2014, arXiv:1412.6980.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.adamax(eta=0.1), start=[1.0], steps=1).theta.round(6)
    array([1.1])
    """
    g = grad(theta)
    m = beta1 * m + (1 - beta1) * g
    u = sp.Max(beta2 * u, sp.Abs(g) + epsilon)
    return theta - eta * (m / (1 - beta1**t)) / u, m, u


@published(m="initial_accumulator", v="initial_accumulator")
def yogi(
    theta,
    m,
    v,
    *,
    grad,
    t,
    eta=0.01,
    beta1=0.9,
    beta2=0.999,
    epsilon=1e-3,
    initial_accumulator=1e-6,
):
    """Yogi: Adam whose average of squares changes by at most g*g (Zaheer et al. 2018).

    m as in Adam;  v <- v - (1 - beta2)*sign(v - g*g)*g*g;
    theta <- theta - eta*m_hat/(sqrt(v/(1 - beta2**t)) + epsilon). Both m and v start at
    initial_accumulator.

    Libraries: optax and pytorch_optimizer are this rule.

    References
    ----------
    Zaheer, Reddi, Sachan, Kale and Kumar, Adaptive methods for nonconvex optimization, NeurIPS
    2018.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.yogi(eta=0.1), start=[1.0], steps=1).theta.round(3)
    array([1.1])
    """
    g = grad(theta)
    m = beta1 * m + (1 - beta1) * g
    v = v - (1 - beta2) * sp.sign(v - g**2) * g**2
    root = sp.sqrt(v / (1 - beta2**t)) + epsilon
    return theta - eta * (m / (1 - beta1**t)) / root, m, v


@published(m=0, v=0)
def qhadam(
    theta,
    m,
    v,
    *,
    grad,
    t,
    eta=0.001,
    beta1=0.9,
    beta2=0.999,
    nu1=0.7,
    nu2=1.0,
    epsilon=1e-8,
):
    """QHAdam: quasi-hyperbolic Adam (Ma and Yarats 2018).

    m and v as in Adam;
    theta <- theta - eta*((1 - nu1)*g + nu1*m_hat)/(sqrt((1 - nu2)*g*g + nu2*v_hat) + epsilon).

    References
    ----------
    Ma and Yarats, Quasi-hyperbolic momentum and Adam for deep learning, 2018, arXiv:1810.06801.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.qhadam(eta=0.1), start=[1.0], steps=1).theta.round(6)
    array([1.1])
    """
    g = grad(theta)
    m, v = averages(m, v, g, beta1, beta2)
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    root = sp.sqrt((1 - nu2) * g**2 + nu2 * v_hat) + epsilon
    return theta - eta * ((1 - nu1) * g + nu1 * m_hat) / root, m, v
