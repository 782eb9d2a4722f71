"""Steps scaled by norms of layers, for large batches; all parameters are one layer here."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symopt.optim.moments import averages, direction
from symopt.optim.ranges import published
from symopt.rules.hyperparameters import NOT_NEGATIVE


def _ratio(above: Any, below: Any, norms: tuple[Any, Any]) -> Any:
    """Return a ratio of norms, 1 where one of them is 0."""
    return sp.Piecewise((above / below, sp.And(norms[0] > 0, norms[1] > 0)), (1, True))


@published(m=0, ranges={"trust": NOT_NEGATIVE})
def lars(theta, m, *, grad, norm, eta=1.0, beta=0.9, trust=0.001, weight_decay=0.0):
    """LARS, layer-wise adaptive rate scaling (You, Gitman and Ginsburg 2017).

    local = trust*|theta|/(|g| + weight_decay*|theta|), 1 where a norm is 0;
    m <- beta*m + eta*local*(g + weight_decay*theta);  theta <- theta - m.

    References
    ----------
    You, Gitman and Ginsburg, Large batch training of convolutional networks, 2017,
    arXiv:1708.03888.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.lars(trust=0.1), start=[1.0], steps=1).theta
    array([1.1])
    """
    g = grad(theta)
    size, slope = norm(theta), norm(g)
    local = _ratio(trust * size, slope + weight_decay * size, (size, slope))
    m = beta * m + eta * local * (g + weight_decay * theta)
    return theta - m, m


@published(m=0, v=0)
def lamb(
    theta, m, v, *, grad, norm, t, eta=0.01, beta1=0.9, beta2=0.999, epsilon=1e-6, weight_decay=0.0
):
    """LAMB: Adam's direction with a layer-wise rate (You et al. 2020).

    u = m_hat/(sqrt(v_hat) + epsilon) + weight_decay*theta;
    theta <- theta - eta*u*|theta|/|u|, and theta - eta*u where a norm is 0.

    References
    ----------
    You et al., Large batch optimization for deep learning: training BERT in 76 minutes, 2020,
    arXiv:1904.00962.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.lamb(eta=0.1), start=[1.0], steps=1).theta.round(6)
    array([1.1])
    """
    m, v = averages(m, v, grad(theta), beta1, beta2)
    u = direction(m, v, t, beta1, beta2, epsilon=epsilon) + weight_decay * theta
    return theta - eta * _ratio(norm(theta), norm(u), (norm(theta), norm(u))) * u, m, v
