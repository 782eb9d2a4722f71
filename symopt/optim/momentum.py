"""Steps along the gradient: gradient descent, momentum, and signs."""

from __future__ import annotations

import sympy as sp

from symopt.optim.ranges import published


@published()
def gd(theta, *, grad, eta=0.01):
    """Gradient descent (Cauchy 1847).

    theta <- theta - eta*g, with g = grad J(theta) and the learning rate eta.

    Libraries: torch, keras and optax ``SGD``/``sgd`` without momentum are this rule.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.gd(eta=0.25), start=[1.0], steps=3).theta
    array([2.75])
    """
    return theta - eta * grad(theta)


@published(m=0)
def momentum(theta, m, *, grad, eta=0.01, beta=0.9):
    """Momentum, the heavy ball (Polyak 1964).

    m <- beta*m - eta*g;  theta <- theta + m, with g = grad J(theta); beta is the share of the last
    step that is kept.

    Libraries: keras ``SGD(momentum)`` is this rule. torch and optax keep the sum without eta,
    B <- beta*B + g, theta <- theta - eta*B: the same while eta is constant.

    References
    ----------
    Polyak, Some methods of speeding up the convergence of iteration methods, 1964,
    doi:10.1016/0041-5553(64)90137-5.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.momentum(eta=0.25), start=[1.0], steps=2).theta
    array([3.4])
    """
    m = beta * m - eta * grad(theta)
    return theta + m, m


@published(m=0)
def nesterov(theta, m, *, grad, eta=0.01, beta=0.9, shifted=False):
    """Nesterov accelerated gradient (Nesterov 1983; in this form Sutskever et al. 2013).

    m <- beta*m - eta*grad J(theta + beta*m);  theta <- theta + m: momentum whose gradient is
    taken where the momentum is about to lead. With ``shifted=True`` theta is the point looked
    ahead to, phi = theta + beta*m (Bengio et al. 2013): one trajectory read at two points, while
    beta and eta are constant.

    Libraries: torch, keras and optax keep phi as their parameters; torch and optax keep m without
    eta, the same while eta is constant.

    References
    ----------
    Nesterov, A method for solving the convex programming problem with convergence rate O(1/k^2),
    1983; Sutskever et al., On the importance of initialization and momentum in deep learning, 2013,
    proceedings.mlr.press/v28/sutskever13.html; Bengio, Boulanger-Lewandowski and Pascanu,
    Advances in optimizing recurrent networks, 2013, arXiv:1212.0901.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.nesterov(eta=0.25), start=[1.0], steps=2).theta
    array([2.95])
    """
    if shifted:
        step = eta * grad(theta)
        m = beta * m - step
        return theta + beta * m - step, m
    m = beta * m - eta * grad(theta + beta * m)
    return theta + m, m


@published(m=0)
def qhm(theta, m, *, grad, eta=0.01, beta=0.9, nu=0.7):
    """Quasi-hyperbolic momentum (Ma and Yarats 2018).

    m <- beta*m + (1 - beta)*g;  theta <- theta - eta*((1 - nu)*g + nu*m): between gradient descent
    (nu = 0) and momentum whose buffer is an average (nu = 1); nu = beta is Nesterov's, shifted,
    with eta*(1 - beta) for its eta.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.qhm(eta=0.25), start=[1.0], steps=1).theta
    array([1.37])
    """
    g = grad(theta)
    m = beta * m + (1 - beta) * g
    return theta - eta * ((1 - nu) * g + nu * m), m


@published()
def signsgd(theta, *, grad, eta=0.01):
    """Sign descent, signSGD (Bernstein et al. 2018).

    theta <- theta - eta*sign(g), element by element: every coordinate moves by eta.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("(x-3)^2 + y^2")
    >>> so.minimize(J, so.signsgd(eta=0.25), start=[1.0, 1.0], steps=2).theta
    array([1.5, 0.5])
    """
    return theta - eta * sp.sign(grad(theta))


@published(m=0)
def lion(theta, m, *, grad, eta=0.0001, beta1=0.9, beta2=0.99, weight_decay=0.0):
    """Lion, evolved sign momentum (Chen et al. 2023).

    theta <- theta - eta*(sign(beta1*m + (1 - beta1)*g) + weight_decay*theta);
    m <- beta2*m + (1 - beta2)*g.

    Libraries: optax, keras, lion-pytorch and pytorch_optimizer are this rule; optax has
    weight_decay 0.001.

    Examples
    --------
    >>> import symopt as so
    >>> so.minimize(so.parse("(x-3)^2"), so.lion(eta=0.25), start=[1.0], steps=2).theta
    array([1.5])
    """
    g = grad(theta)
    step = sp.sign(beta1 * m + (1 - beta1) * g)
    return theta - eta * (step + weight_decay * theta), beta2 * m + (1 - beta2) * g
