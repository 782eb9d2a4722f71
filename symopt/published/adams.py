"""Adam and what followed from it: averages of the gradient and of its square, corrected for starting at 0."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symopt.hyper import Range, Ranges
from symopt.published.ranges import published


def _averages(m: Any, v: Any, g: Any, beta1: Any, beta2: Any) -> tuple[Any, Any]:
    """Return the next averages of g and of g*g."""
    return beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2


def _root(v_hat: Any, epsilon: Any, epsilon_root: Any = None) -> Any:
    """Return what a step is divided by."""
    return sp.sqrt(v_hat if epsilon_root is None else v_hat + epsilon_root) + epsilon


def _adam_direction(
    m: Any, v: Any, t: Any, beta1: Any, beta2: Any, epsilon: Any, epsilon_root: Any, epsilon_hat: bool
) -> Any:
    """Return m_hat/(sqrt(v_hat) + epsilon), or the paper's second form with epsilon hat."""
    if epsilon_hat:
        return sp.sqrt(1 - beta2**t) / (1 - beta1**t) * m / _root(v, epsilon, epsilon_root)
    return m / (1 - beta1**t) / _root(v / (1 - beta2**t), epsilon, epsilon_root)


def _ahead(m: Any, g: Any, t: Any, beta1: Any) -> Any:
    """Return Nesterov's look-ahead with a constant mu = beta1: what m_hat will be, with g once more."""
    return beta1 * m / (1 - beta1 ** (t + 1)) + (1 - beta1) * g / (1 - beta1**t)


@published(m=0, v=0)
def adam(
    theta, m, v, *, grad, t, eta=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, epsilon_root=None, epsilon_hat=False
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
    m, v = _averages(m, v, grad(theta), beta1, beta2)
    return theta - eta * _adam_direction(m, v, t, beta1, beta2, epsilon, epsilon_root, epsilon_hat), m, v


@published(m=0, v=0)
def adamw(
    theta, m, v, *, grad, t, eta=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.01, epsilon_root=None,
    epsilon_hat=False,
):  # fmt: skip
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
    m, v = _averages(m, v, grad(theta), beta1, beta2)
    direction = _adam_direction(m, v, t, beta1, beta2, epsilon, epsilon_root, epsilon_hat)
    return theta - eta * (direction + weight_decay * theta), m, v


@published(m=0, v=0, top=0, ranges={"maximum_of": ("uncorrected", "corrected")})
def amsgrad(
    theta, m, v, top, *, grad, t, eta=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, epsilon_root=None,
    mean_correction=False, bias_correction=False, maximum_of="uncorrected", epsilon_hat=False,
):  # fmt: skip
    """AMSGrad: Adam whose denominator never falls (Reddi, Kale and Kumar 2018).

    m and v as in Adam;  top <- max(top, v);  theta <- theta - eta*m/(sqrt(top) + epsilon), without
    bias correction.

    Libraries: torch and keras correct m and top (``mean_correction=True, bias_correction=True``),
    keras with epsilon beside the uncorrected root (``epsilon_hat=True``); optax takes the maximum of
    the corrected v (``maximum_of="corrected"``).

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.amsgrad(eta=0.1), start=[1.0], steps=1).theta.round(6)
    array([1.316228])
    """
    m, v = _averages(m, v, grad(theta), beta1, beta2)
    correction = 1 - beta2**t if bias_correction else 1
    top = sp.Max(top, v / correction if maximum_of == "corrected" else v)
    rest = 1 if maximum_of == "corrected" else correction
    m_hat = m / (1 - beta1**t) if mean_correction else m
    if epsilon_hat:
        return theta - eta * sp.sqrt(rest) * m_hat / _root(top, epsilon, epsilon_root), m, v, top
    return theta - eta * m_hat / _root(top / rest, epsilon, epsilon_root), m, v, top


@published(m=0, u=0)
def adamax(theta, m, u, *, grad, t, eta=0.002, beta1=0.9, beta2=0.999, epsilon=1e-8, epsilon_in_maximum=True):
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


def _look(m: Any, g: Any, P: Any, t: Any, beta1: Any, momentum_decay: Any, momentum_schedule: bool) -> tuple[Any, Any]:
    """Return Nadam's look-ahead, and the product of mu so far."""
    mu, mu_next = (
        beta1 * (1 - 0.96 ** (momentum_decay * step) / 2) if momentum_schedule else beta1 for step in (t, t + 1)
    )
    P = P * mu
    return mu_next * m / (1 - P * mu_next) + (1 - mu) * g / (1 - P), P


@published(m=0, v=0, P=1)
def nadam(
    theta, m, v, P, *, grad, t, eta=0.002, beta1=0.9, beta2=0.999, epsilon=1e-8, momentum_decay=0.004,
    momentum_schedule=True, epsilon_root=None,
):  # fmt: skip
    """Nadam: Adam with Nesterov's look-ahead (Dozat 2016).

    m and v as in Adam. With mu_t = beta1*(1 - 0.96**(momentum_decay*t)/2) and P_t = mu_1*...*mu_t,
    theta <- theta - eta*look/(sqrt(v/(1 - beta2**t)) + epsilon), where
    look = mu_{t+1}*m/(1 - P_{t+1}) + (1 - mu_t)*g/(1 - P_t).

    Libraries: torch ``NAdam`` is this rule, with the paper's ``momentum_decay=0.004``. keras has
    1 and epsilon 1e-7. optax has a constant mu = beta1 (``momentum_schedule=False``), and ``eps_root``
    within the root (``epsilon_root``).

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.nadam(eta=0.1), start=[1.0], steps=1).theta.round(3)
    array([1.106])
    """
    g = grad(theta)
    m, v = _averages(m, v, g, beta1, beta2)
    look, P = _look(m, g, P, t, beta1, momentum_decay, momentum_schedule)
    return theta - eta * look / _root(v / (1 - beta2**t), epsilon, epsilon_root), m, v, P


@published(m=0, v=0, P=1)
def nadamw(
    theta, m, v, P, *, grad, t, eta=0.002, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.01,
    momentum_decay=0.004, momentum_schedule=True, epsilon_root=None,
):  # fmt: skip
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
    m, v = _averages(m, v, g, beta1, beta2)
    look, P = _look(m, g, P, t, beta1, momentum_decay, momentum_schedule)
    direction = look / _root(v / (1 - beta2**t), epsilon, epsilon_root)
    return theta - eta * (direction + weight_decay * theta), m, v, P


def _rectified(t: Any, beta2: Any, threshold: Any, at_threshold: bool) -> tuple[Any, Any]:
    """Return RAdam's factor r_t, and whether the average is long enough for it."""
    longest = 2 / (1 - beta2) - 1
    length = longest - 2 * t * beta2**t / (1 - beta2**t)
    enough = length >= threshold if at_threshold else length > threshold
    return sp.sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)), enough


RECTIFIED: Ranges = {"threshold": Range(4), "maximum_of": ("nothing", "uncorrected")}


@published(m=0, v=0, ranges=RECTIFIED)
def radam(
    theta, m, v, *, grad, t, eta=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, threshold=4.0, at_threshold=False,
    before_rectified="momentum", corrected_epsilon=True, epsilon_root=None, nesterov=False, weight_decay=None,
):  # fmt: skip
    """RAdam: rectified Adam (Liu et al. 2019).

    m and v as in Adam. With rho_inf = 2/(1 - beta2) - 1, rho_t = rho_inf - 2*t*beta2**t/(1 - beta2**t)
    and r_t = sqrt((rho_t - 4)(rho_t - 2)rho_inf/((rho_inf - 4)(rho_inf - 2)rho_t)):
    theta <- theta - eta*r_t*m_hat/(sqrt(v_hat) + epsilon) where rho_t > 4, else theta - eta*m_hat.

    Options: ``weight_decay`` is decoupled, in steps that move.

    Libraries: torch rectifies where rho_t > 5, optax and pytorch_optimizer where rho_t >= 5
    (``threshold``, ``at_threshold``); torch and pytorch_optimizer have epsilon beside the uncorrected
    root (``corrected_epsilon=False``); pytorch_optimizer does not move before
    (``before_rectified="nothing"``).

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.radam(eta=0.1), start=[1.0], steps=1).theta.round(6)
    array([1.4])
    """
    g = grad(theta)
    m, v = _averages(m, v, g, beta1, beta2)
    m_hat = _ahead(m, g, t, beta1) if nesterov else m / (1 - beta1**t)
    c2 = 1 - beta2**t
    root = _root(v / c2, epsilon, epsilon_root) if corrected_epsilon else _root(v, epsilon) / sp.sqrt(c2)
    factor, enough = _rectified(t, beta2, threshold, at_threshold)
    decay = 0 if weight_decay is None else weight_decay * theta
    before = 0 if before_rectified == "nothing" else m_hat + decay
    return theta - eta * sp.Piecewise((factor * m_hat / root + decay, enough), (before, True)), m, v


@published(m=0, s=0, top=0, ranges=RECTIFIED)
def adabelief(
    theta, m, s, top, *, grad, t, eta=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, epsilon_root=1e-16,
    maximum_of="nothing", rectify=False, threshold=5.0, before_rectified="momentum", nesterov=False,
):  # fmt: skip
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
    spread = s if maximum_of == "nothing" else top
    m_hat = _ahead(m, g, t, beta1) if nesterov else m / (1 - beta1**t)
    c2 = 1 - beta2**t
    if not rectify:
        return theta - eta * m_hat / _root(spread / c2, epsilon), m, s, top
    factor, enough = _rectified(t, beta2, threshold, True)
    before = 0 if before_rectified == "nothing" else m_hat
    step = sp.Piecewise((factor * sp.sqrt(c2) * m_hat / _root(spread, epsilon), enough), (before, True))
    return theta - eta * step, m, s, top


@published(m="initial_accumulator", v="initial_accumulator")
def yogi(theta, m, v, *, grad, t, eta=0.01, beta1=0.9, beta2=0.999, epsilon=1e-3, initial_accumulator=1e-6):
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
    return theta - eta * (m / (1 - beta1**t)) / _root(v / (1 - beta2**t), epsilon), m, v


@published(m=0, v=0)
def qhadam(theta, m, v, *, grad, t, eta=0.001, beta1=0.9, beta2=0.999, nu1=0.7, nu2=1.0, epsilon=1e-8):
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
    m, v = _averages(m, v, g, beta1, beta2)
    m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
    return theta - eta * ((1 - nu1) * g + nu1 * m_hat) / _root((1 - nu2) * g**2 + nu2 * v_hat, epsilon), m, v


@published(last=0, m=0, v=0, n_=0)
def adan(
    theta, last, m, v, n_, *, grad, t, eta=0.001, beta1=0.98, beta2=0.92, beta3=0.99, epsilon=1e-8, weight_decay=0.0,
    epsilon_root=None, proximal=True, difference_weight="beta2", first_step="as the others",
):  # fmt: skip
    """Adan, adaptive Nesterov momentum (Xie et al. 2022), here with the share of the old average as beta.

    With d = g - last, 0 in the first step: m <- beta1*m + (1 - beta1)*g; v <- beta2*v + (1 - beta2)*d;
    n <- beta3*n + (1 - beta3)*(g + beta2*d)**2;
    theta <- (theta - eta*(m_hat + beta2*v_hat)/(sqrt(n_hat) + epsilon))/(1 + eta*weight_decay);
    last <- g. The averages are corrected for starting at 0, as the libraries have it. The state
    ``n_`` is the paper's n; the paper's betas are 1 minus these.

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
    weight = beta2 if difference_weight == "beta2" else 1 - beta2
    later = t > 1
    d = sp.Piecewise((g - last, later), (0, True))
    averages = (
        beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * d, beta3 * n_ + (1 - beta3) * (g + weight * d) ** 2,
    )  # fmt: skip
    if first_step == "remembers":
        averages = tuple(sp.Piecewise((new, later), (0, True)) for new in averages)
    m, v, n_ = averages
    direction = m / (1 - beta1**t) + weight * v / (1 - beta2**t)
    step = eta * direction / _root(n_ / (1 - beta3**t), epsilon, epsilon_root)
    if proximal:
        return (theta - step) / (1 + eta * weight_decay), g, m, v, n_
    return theta - step - eta * weight_decay * theta, g, m, v, n_
