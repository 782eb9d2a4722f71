"""What torch writes in its own way; optax shares the buffers without eta."""

from __future__ import annotations

import sympy as sp

from symopt.interop.library_rule import BESIDE_UNCORRECTED, WITHOUT_ETA, library_rule
from symopt.optim.moments import averages, rectification
from symopt.optim.ranges import RANGES

SHIFTED = (
    "theta is the point looked ahead to, at which the gradient is taken: the same trajectory while "
    "beta and eta are constant, read the share beta of a step further on"
)
OUTSIDE = "epsilon is added to the root, not under it"


@library_rule(WITHOUT_ETA, B=0)
def momentum(theta, B, *, grad, t, eta=0.01, beta=0.9, dampening=None):
    """Momentum whose buffer lacks eta: B <- beta*B + g; theta <- theta - eta*B.

    ``dampening`` multiplies g by 1 - dampening from the second step on.
    """
    g = grad(theta)
    if dampening is not None:
        g = g * sp.Piecewise((1, t <= 1), (1 - dampening, True))
    B = beta * B + g
    return theta - eta * B, B


@library_rule(SHIFTED, WITHOUT_ETA, B=0)
def nesterov(theta, B, *, grad, eta=0.01, beta=0.9):
    """Nesterov's rule at the point looked ahead to, with a buffer that lacks eta.

    B <- beta*B + g; theta <- theta - eta*(beta*B + g).
    """
    g = grad(theta)
    B = beta * B + g
    return theta - eta * (beta * B + g), B


@library_rule(OUTSIDE, v=0, a=0, B=0, ranges=RANGES)
def rmsprop(
    theta, v, a, B, *, grad, eta=0.01, rho=0.99, epsilon=1e-8, momentum=None, centered=False
):
    """RMSProp with epsilon outside the root: theta <- theta - eta*g/(sqrt(v) + epsilon).

    ``momentum`` collects g/root in a buffer that lacks eta.
    """
    g = grad(theta)
    v = rho * v + (1 - rho) * g**2
    a = rho * a + (1 - rho) * g
    spread = v
    if centered:
        spread = v - a**2
    step = g / (sp.sqrt(spread) + epsilon)
    if momentum is None:
        return theta - eta * step, v, a, B
    B = momentum * B + step
    return theta - eta * B, v, a, B


@library_rule("the averages of g and g*g are corrected for starting at 0", m=0, v=0, top=0)
def amsgrad(theta, m, v, top, *, grad, t, eta=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """AMSGrad with both averages corrected for starting at 0.

    top <- max(top, v); theta <- theta - eta*m_hat/(sqrt(top/(1 - beta2**t)) + epsilon).
    """
    m, v = averages(m, v, grad(theta), beta1, beta2)
    top = sp.Max(top, v)
    m_hat = m / (1 - beta1**t)
    return theta - eta * m_hat / (sp.sqrt(top / (1 - beta2**t)) + epsilon), m, v, top


@library_rule("steps are rectified where rho_t is above 5", BESIDE_UNCORRECTED, m=0, v=0)
def radam(theta, m, v, *, grad, let, t, eta=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """RAdam that rectifies where rho_t > 5, with epsilon beside the uncorrected root."""
    m, v = averages(m, v, grad(theta), beta1, beta2)
    m_hat = m / (1 - beta1**t)
    below = (sp.sqrt(v) + epsilon) / sp.sqrt(1 - beta2**t)
    factor, length = rectification(t, beta2, let)
    step = sp.Piecewise((factor * m_hat / below, length > 5), (m_hat, True))
    return theta - eta * step, m, v
