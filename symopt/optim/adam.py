"""Adam and its variants: AdamW, AMSGrad, AdaMax, Yogi, QHAdam."""

from __future__ import annotations

import sympy as sp

from symopt.optim.moments import adam_direction, averages, root
from symopt.optim.ranges import published


@published(m=0, v=0)
def adam(
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
    epsilon_root=None,
    epsilon_hat=False,
):
    """Adam (Kingma and Ba 2014).

    m <- beta1*m + (1 - beta1)*g;  v <- beta2*v + (1 - beta2)*g*g;
    theta <- theta - eta*m_hat/(sqrt(v_hat) + epsilon) with m_hat = m/(1 - beta1**t) and
    v_hat = v/(1 - beta2**t): momentum on steps of RMSProp's size, both corrected for starting at 0.

    Libraries: torch is this rule. optax adds ``eps_root`` to v_hat within the root
    (``epsilon_root``). keras has epsilon 1e-7 beside the uncorrected root, the paper's
    "epsilon hat" (``epsilon_hat=True``): larger by 1/sqrt(1 - beta2**t). torch's ``weight_decay``
    is ``so.weight_decay(so.adam(...), 0.01)``.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.adam(eta=0.1), start=[1.0], steps=1).theta.round(6)
    array([1.1])
    """
    m, v = averages(m, v, grad(theta), beta1, beta2)
    return (
        theta - eta * adam_direction(m, v, t, beta1, beta2, epsilon, epsilon_root, epsilon_hat),
        m,
        v,
    )


@published(m=0, v=0)
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
    epsilon_hat=False,
):
    """AdamW: Adam with decoupled weight decay (Loshchilov and Hutter 2017).

    m and v as in Adam;  theta <- theta - eta*(m_hat/(sqrt(v_hat) + epsilon) + weight_decay*theta).

    Libraries: torch is this rule, with weight_decay 0.01; optax has 0.0001, keras 0.004 and
    ``epsilon_hat=True``.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.adamw(eta=0.1), start=[1.0], steps=1).theta.round(6)
    array([1.099])
    """
    m, v = averages(m, v, grad(theta), beta1, beta2)
    direction = adam_direction(m, v, t, beta1, beta2, epsilon, epsilon_root, epsilon_hat)
    return theta - eta * (direction + weight_decay * theta), m, v


@published(m=0, v=0, top=0, ranges={"maximum_of": ("uncorrected", "corrected")})
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
    bias_correction=False,
    maximum_of="uncorrected",
    epsilon_hat=False,
):
    """AMSGrad: Adam whose denominator never falls (Reddi, Kale and Kumar 2018).

    m and v as in Adam;  top <- max(top, v);  theta <- theta - eta*m/(sqrt(top) + epsilon), without
    bias correction.

    Libraries: torch and keras correct m and top (``mean_correction=True, bias_correction=True``),
    keras with epsilon beside the uncorrected root (``epsilon_hat=True``); optax takes the maximum
    of the corrected v (``maximum_of="corrected"``).

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.amsgrad(eta=0.1), start=[1.0], steps=1).theta.round(6)
    array([1.316228])
    """
    m, v = averages(m, v, grad(theta), beta1, beta2)
    correction = 1
    if bias_correction:
        correction = 1 - beta2**t
    top = sp.Max(top, v / correction if maximum_of == "corrected" else v)
    rest = correction
    if maximum_of == "corrected":
        rest = 1
    m_hat = m
    if mean_correction:
        m_hat = m / (1 - beta1**t)
    if epsilon_hat:
        return theta - eta * sp.sqrt(rest) * m_hat / root(top, epsilon, epsilon_root), m, v, top
    return theta - eta * m_hat / root(top / rest, epsilon, epsilon_root), m, v, top


@published(m=0, u=0)
def adamax(
    theta,
    m,
    u,
    *,
    grad,
    t,
    eta=0.002,
    beta1=0.9,
    beta2=0.999,
    epsilon=1e-8,
    epsilon_in_maximum=True,
):
    """AdaMax: Adam with the largest gradient for the mean square (Kingma and Ba 2014, section 7).

    m as in Adam;  u <- max(beta2*u, |g| + epsilon);  theta <- theta - eta*m_hat/u. The paper has no
    epsilon.

    Libraries: torch and optax are this rule; keras adds epsilon to u after the maximum
    (``epsilon_in_maximum=False``).

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.adamax(eta=0.1), start=[1.0], steps=1).theta.round(6)
    array([1.1])
    """
    g = grad(theta)
    m = beta1 * m + (1 - beta1) * g
    u = sp.Max(beta2 * u, sp.Abs(g) + epsilon if epsilon_in_maximum else sp.Abs(g))
    return theta - eta * (m / (1 - beta1**t)) / (u if epsilon_in_maximum else u + epsilon), m, u


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

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.yogi(eta=0.1), start=[1.0], steps=1).theta.round(3)
    array([1.1])
    """
    g = grad(theta)
    m = beta1 * m + (1 - beta1) * g
    v = v - (1 - beta2) * sp.sign(v - g**2) * g**2
    return theta - eta * (m / (1 - beta1**t)) / root(v / (1 - beta2**t), epsilon), m, v


@published(m=0, v=0)
def qhadam(
    theta, m, v, *, grad, t, eta=0.001, beta1=0.9, beta2=0.999, nu1=0.7, nu2=1.0, epsilon=1e-8
):
    """QHAdam: quasi-hyperbolic Adam (Ma and Yarats 2018).

    m and v as in Adam;
    theta <- theta - eta*((1 - nu1)*g + nu1*m_hat)/(sqrt((1 - nu2)*g*g + nu2*v_hat) + epsilon).

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.qhadam(eta=0.1), start=[1.0], steps=1).theta.round(6)
    array([1.1])
    """
    g = grad(theta)
    m, v = averages(m, v, g, beta1, beta2)
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return (
        theta - eta * ((1 - nu1) * g + nu1 * m_hat) / root((1 - nu2) * g**2 + nu2 * v_hat, epsilon),
        m,
        v,
    )
