"""The published rules, each as its paper writes it; where libraries differ, a named option.

A function added here is a public name, in ``symopt show``, in the race and in the common tests.
Every docstring holds the equations and symbols, the paper, and which libraries differ and how.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sympy as sp

from symopt.errors import RuleError, did_you_mean
from symopt.rule import Rule, rule


def _slope(grad: Any, point: Any, weight_decay: Any) -> Any:
    """Return the gradient at a point, with that of weight_decay*|point|**2/2 where it is given (L2)."""
    return grad(point) if weight_decay is None else grad(point) + weight_decay * point


@rule()
def gd(theta, *, grad, eta=0.01, weight_decay=None):
    """Gradient descent (Cauchy 1847).

    theta <- theta - eta*g, with g = grad J(theta) and the learning rate eta.

    Libraries: torch, keras and optax ``SGD``/``sgd`` without momentum are this rule. torch's
    ``weight_decay`` adds weight_decay*theta to g, as here.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.gd(eta=0.25), start=[1.0], steps=3).theta
    array([2.75])
    """
    return theta - eta * _slope(grad, theta, weight_decay)


@rule(m=0)
def momentum(theta, m, *, grad, t, eta=0.01, beta=0.9, dampening=None, weight_decay=None):
    """Momentum, the heavy ball (Polyak 1964).

    m <- beta*m - eta*g;  theta <- theta + m, with g = grad J(theta); beta is the share of the last
    step that is kept.

    Libraries: keras ``SGD(momentum)`` is this rule. torch and optax keep the sum without eta,
    B <- beta*B + g, theta <- theta - eta*B: the same while eta is constant. torch's ``dampening``
    multiplies g by 1 - dampening from the second step on.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.momentum(eta=0.25), start=[1.0], steps=2).theta
    array([3.4])
    """
    g = _slope(grad, theta, weight_decay)
    if dampening is not None:
        g = g * sp.Piecewise((1, t <= 1), (1 - dampening, True))
    m = beta * m - eta * g
    return theta + m, m


@rule(m=0)
def nesterov(theta, m, *, grad, eta=0.01, beta=0.9, shifted=False, weight_decay=None):
    """Nesterov accelerated gradient (Nesterov 1983; in this form Sutskever et al. 2013).

    m <- beta*m - eta*grad J(theta + beta*m);  theta <- theta + m: momentum whose gradient is
    taken where the momentum is about to lead.

    Libraries: torch, keras and optax store the point looked ahead to, phi = theta + beta*m. One
    trajectory read at two points: with ``shifted=True`` theta is phi, as in their parameters.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.nesterov(eta=0.25), start=[1.0], steps=2).theta
    array([2.95])
    """
    if shifted:
        step = eta * _slope(grad, theta, weight_decay)
        m = beta * m - step
        return theta + beta * m - step, m
    m = beta * m - eta * _slope(grad, theta + beta * m, weight_decay)
    return theta + m, m


@rule(s="initial_accumulator")
def adagrad(theta, s, *, grad, eta=0.01, epsilon=1e-8, initial_accumulator=0.0, epsilon_inside=True, weight_decay=None):
    """AdaGrad (Duchi, Hazan and Singer 2011).

    s <- s + g*g;  theta <- theta - eta*g/sqrt(s + epsilon), element by element: every coordinate
    has its own learning rate, which only ever falls.

    Libraries: keras and optax are this rule with ``initial_accumulator=0.1`` and epsilon 1e-7.
    torch divides by sqrt(s) + epsilon (``epsilon_inside=False``), with epsilon 1e-10; its
    ``lr_decay`` d is the schedule ``eta=eta0/(1 + d*(so.t - 1))``.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.adagrad(eta=1.0), start=[1.0], steps=1).theta.round(6)
    array([2.])
    """
    g = _slope(grad, theta, weight_decay)
    s = s + g**2
    root = sp.sqrt(s + epsilon) if epsilon_inside else sp.sqrt(s) + epsilon
    return theta - eta * g / root, s


@rule(v="initial_accumulator", a=0, m=0)
def rmsprop(
    theta, v, a, m, *, grad, t, eta=0.001, rho=0.9, epsilon=1e-8, initial_accumulator=0.0, momentum=None,
    centered=False, nesterov=False, bias_correction=False, epsilon_inside=True, weight_decay=None,
):  # fmt: skip
    """RMSProp (Tieleman and Hinton 2012, lecture 6.5; centred form Graves 2013).

    v <- rho*v + (1 - rho)*g*g;  theta <- theta - eta*g/sqrt(v + epsilon): AdaGrad that forgets,
    with the decay rho.

    Options: ``momentum`` mu collects the steps, m <- mu*m + eta*g/root, theta <- theta - m
    (with ``nesterov`` theta <- theta - mu*m - eta*g/root); ``centered`` takes v - a*a under the
    root, where a averages g; ``bias_correction`` divides the averages by 1 - rho**t.

    Libraries: keras has epsilon 1e-7 within the root, as here; optax too, unless
    ``eps_in_sqrt=False``; torch has it outside (``epsilon_inside=False``), with rho 0.99 and
    eta 0.01, and keeps m without eta, which is the same while eta is constant.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.rmsprop(eta=0.1), start=[1.0], steps=1).theta.round(6)
    array([1.316228])
    """
    g = _slope(grad, theta, weight_decay)
    v = rho * v + (1 - rho) * g**2
    a = rho * a + (1 - rho) * g
    correction = 1 - rho**t if bias_correction else 1
    spread = v / correction - (a / correction) ** 2 if centered else v / correction
    step = eta * g / (sp.sqrt(spread + epsilon) if epsilon_inside else sp.sqrt(spread) + epsilon)
    if momentum is None:
        return theta - step, v, a, m
    m = momentum * m + step
    return theta - (momentum * m + step if nesterov else m), v, a, m


@rule(m=0, v=0)
def adam(
    theta, m, v, *, grad, t, eta=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8, epsilon_root=None,
    epsilon_hat=False, weight_decay=None,
):  # fmt: skip
    """Adam (Kingma and Ba 2014).

    m <- beta1*m + (1 - beta1)*g;  v <- beta2*v + (1 - beta2)*g*g;
    theta <- theta - eta*m_hat/(sqrt(v_hat) + epsilon) with m_hat = m/(1 - beta1**t) and
    v_hat = v/(1 - beta2**t): momentum on steps of RMSProp's size, both corrected for starting at 0.

    Libraries: torch is this rule. optax adds ``eps_root`` to v_hat within the root
    (``epsilon_root``). keras has epsilon 1e-7 beside the uncorrected root, the paper's
    "epsilon hat" (``epsilon_hat=True``): larger by 1/sqrt(1 - beta2**t). torch's ``weight_decay``
    is added to g, as here.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.adam(eta=0.1), start=[1.0], steps=1).theta.round(6)
    array([1.1])
    """
    g = _slope(grad, theta, weight_decay)
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    if epsilon_hat:
        return theta - eta * sp.sqrt(1 - beta2**t) / (1 - beta1**t) * m / (sp.sqrt(v) + epsilon), m, v
    v_hat = v / (1 - beta2**t)
    root = sp.sqrt(v_hat) if epsilon_root is None else sp.sqrt(v_hat + epsilon_root)
    return theta - eta * (m / (1 - beta1**t)) / (root + epsilon), m, v


@rule(m=0, v=0, P=1)
def nadam(
    theta, m, v, P, *, grad, t, eta=0.002, beta1=0.9, beta2=0.999, epsilon=1e-8, momentum_decay=0.004,
    momentum_schedule=True, epsilon_root=None, weight_decay=None,
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
    array([1.146])
    """
    g = _slope(grad, theta, weight_decay)
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    mu, mu_next = (
        beta1 * (1 - 0.96 ** (momentum_decay * step) / 2) if momentum_schedule else beta1 for step in (t, t + 1)
    )
    P = P * mu
    look = mu_next * m / (1 - P * mu_next) + (1 - mu) * g / (1 - P)
    v_hat = v / (1 - beta2**t)
    root = sp.sqrt(v_hat) if epsilon_root is None else sp.sqrt(v_hat + epsilon_root)
    return theta - eta * look / (root + epsilon), m, v, P


class Registry(Mapping[str, Rule]):
    """The rules by name: iterate over the names, get one by ``[name]`` or as an attribute."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._rules = dict(rules)

    def __getitem__(self, name: str) -> Rule:
        try:
            return self._rules[name]
        except KeyError:
            raise RuleError(f"there is no optimizer {name!r}{did_you_mean(name, self._rules)}") from None

    def __getattr__(self, name: str) -> Rule:
        if name.startswith("_") or name not in self._rules:
            raise AttributeError(name)
        return self._rules[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def __contains__(self, name: object) -> bool:
        return name in self._rules

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._rules]

    def __repr__(self) -> str:
        return f"optimizers: {', '.join(self._rules)}"


RULES = Registry({name: value for name, value in list(globals().items()) if isinstance(value, Rule)})
"""Every rule of this module, by its name."""
__all__ = list(RULES)
