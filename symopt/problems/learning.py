"""Models that are fitted to data: regression, classification, factorisation, small networks.

In every equation k counts the samples, the index that mini-batches draw from; j counts the
features. The sizes m (samples) and d (features) are those of the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symopt._typing import RandomLike
from symopt.costs.cost import Cost
from symopt.errors import CostError
from symopt.frontend.sums import logsumexp
from symopt.problems import data
from symopt.problems.data import iris, standardised, with_intercept
from symopt.problems.problem import Problem
from symopt.validation import Array, read_generator

__all__ = [
    "deep_linear_chain",
    "iris",
    "iris_logistic",
    "iris_softmax",
    "iris_two_layer",
    "linear",
    "logistic",
    "matrix_factorisation",
    "softmax",
    "standardised",
    "two_layer",
    "with_intercept",
]

# class or layer, feature or column, sample or row, unit or factor
i, j, k, q = sp.symbols("i j k q", integer=True)
m, n, d, L = sp.symbols("m n d L", integer=True)
X = sp.IndexedBase("X")
R = sp.IndexedBase("R")
t = sp.IndexedBase("t")
c = sp.IndexedBase("c")
theta = sp.IndexedBase("theta")
w = sp.IndexedBase("w")

IRIS = "iris: Anderson 1935, Fisher 1936"


# The models


def linear(
    inputs: npt.ArrayLike | None = None,
    targets: npt.ArrayLike | None = None,
    *,
    lam: npt.ArrayLike | None = None,
    n_samples: int = 100,
    n_features: int = 4,
    noise: float = 0.1,
    rng: RandomLike = 0,
) -> Problem:
    """Linear regression (Legendre 1805), with a ridge penalty (Hoerl and Kennard 1970).

    J(theta) = 1/(2*m) * sum_k (x_k . theta - t_k)**2  [+ lam/2 * |theta|**2]

    Parameters
    ----------
    inputs, targets
        X, shape (m, d), and t, shape (m,). Left out, they are drawn: x normal with a column of
        ones, theta normal, t = x . theta + noise*normal.
    lam
        The value of the constant lam; without it there is no penalty.
    n_samples, n_features, noise, rng
        Of the data that are drawn; rng is a seed or a Generator.

    Returns
    -------
    Problem
        With theta of shape (d,), to begin at 0.

    Examples
    --------
    >>> from symopt.problems import learning
    >>> J = learning.linear([[1, 1], [1, 2], [1, 3]], [1, 2, 3]).cost
    >>> J.value([0, 1]), J.grad([1, 1])
    (np.float64(0.0), array([1., 2.]))
    """
    inputs, targets, source = data.read_given(inputs, targets) or data.draw_line(
        n_samples, n_features, noise, rng
    )
    z = sp.Sum(X[k, j] * theta[j], (j, 0, d - 1))
    loss = sp.Sum((z - t[k]) ** 2, (k, 0, m - 1)) / (2 * m)
    square = sp.Sum(theta[j] ** 2, (j, 0, d - 1))
    J = _penalise(loss, square, lam, params=theta, data={X: inputs, t: targets}, samples=k)
    return Problem("linear", J, np.zeros(inputs.shape[1]), source)


def logistic(
    inputs: npt.ArrayLike | None = None,
    targets: npt.ArrayLike | None = None,
    *,
    lam: npt.ArrayLike | None = None,
    n_samples: int = 100,
    n_features: int = 4,
    rng: RandomLike = 0,
) -> Problem:
    """Logistic regression of two classes (Cox 1958).

    J(theta) = 1/m * sum_k log(1 + exp(-t_k * x_k . theta))  [+ lam/2 * |theta|**2]

    The penalty takes in the intercept. scikit-learn's ``LogisticRegression(C=1/(m*lam),
    fit_intercept=False)`` on the same columns has the same minimum.

    Parameters
    ----------
    inputs, targets
        X, shape (m, d), and the labels t, shape (m,), each -1 or 1. Left out, they are drawn: x
        normal with a column of ones, theta normal, t = 1 with probability 1/(1 + exp(-x . theta)).
    lam
        The value of the constant lam; without it there is no penalty, and there is no minimum
        either where a plane parts the classes.
    n_samples, n_features, rng
        Of the data that are drawn; rng is a seed or a Generator.

    Returns
    -------
    Problem
        With theta of shape (d,), to begin at 0.

    Examples
    --------
    >>> from symopt.problems import learning
    >>> problem = learning.logistic()
    >>> problem.cost.value(problem.start).round(6)  # log(2): both classes are as likely
    np.float64(0.693147)
    """
    inputs, targets, source = data.read_given(inputs, targets) or data.draw_labels(
        n_samples, n_features, rng
    )
    data.check_signs(targets)
    z = sp.Sum(X[k, j] * theta[j], (j, 0, d - 1))
    loss = sp.Sum(sp.log(1 + sp.exp(-t[k] * z)), (k, 0, m - 1)) / m
    square = sp.Sum(theta[j] ** 2, (j, 0, d - 1))
    J = _penalise(loss, square, lam, params=theta, data={X: inputs, t: targets}, samples=k)
    return Problem("logistic", J, np.zeros(inputs.shape[1]), source)


def softmax(
    inputs: npt.ArrayLike | None = None,
    classes: npt.ArrayLike | None = None,
    *,
    lam: npt.ArrayLike | None = None,
    n_samples: int = 120,
    n_features: int = 2,
    n_classes: int = 3,
    rng: RandomLike = 0,
) -> Problem:
    """Softmax regression, the multinomial logit (Theil 1969).

    J(W) = 1/m * sum_k (log(sum_i exp(z_ki)) - z_{k,c_k})  [+ lam/2 * |W|**2],  z_ki = w_i . x_k

    Without the penalty J does not change when one vector is added to every row of W.

    Parameters
    ----------
    inputs, classes
        X, shape (m, d), and the classes c, shape (m,), integers from 0 to K - 1. Left out, they
        are drawn: one normal cloud around a normal centre for each class, with a column of ones.
    lam
        The value of the constant lam; without it there is no penalty.
    n_samples, n_features, n_classes, rng
        Of the data that are drawn; rng is a seed or a Generator.

    Returns
    -------
    Problem
        With W of shape (K, d), to begin at 0.

    Examples
    --------
    >>> from symopt.problems import learning
    >>> problem = learning.softmax()
    >>> problem.cost.value(problem.start).round(6)  # log(3): all classes are as likely
    np.float64(1.098612)
    """
    inputs, classes, source = data.read_given(inputs, classes) or data.draw_clouds(
        n_samples, n_features, n_classes, rng
    )
    K = data.count_classes(classes)
    W = sp.IndexedBase("W", shape=(K, d))

    def z(i: sp.Expr) -> sp.Expr:
        return sp.Sum(W[i, j] * X[k, j], (j, 0, d - 1))

    loss = sp.Sum(logsumexp(z(i), (i, 0, K - 1)) - z(c[k]), (k, 0, m - 1)) / m
    square = sp.Sum(W[i, j] ** 2, (j, 0, d - 1), (i, 0, K - 1))
    J = _penalise(loss, square, lam, params=W, data={X: inputs, c: classes}, samples=k)
    return Problem("softmax", J, {"W": np.zeros((K, inputs.shape[1]))}, source)


def matrix_factorisation(
    ratings: npt.ArrayLike | None = None,
    *,
    rank: int = 3,
    n_rows: int = 30,
    n_columns: int = 20,
    noise: float = 0.0,
    rng: RandomLike = 0,
) -> Problem:
    """Matrix factorisation, R ~ U V^T (Eckart and Young 1936; Koren et al. 2009).

    J(U, V) = 1/2 * sum_kj (R_kj - sum_q U_kq*V_jq)**2

    At the minimum J is half the sum of the squared singular values of R beyond the rank (Eckart and
    Young); every local minimum is global (Baldi and Hornik 1989), and 0 is a saddle.

    Parameters
    ----------
    ratings
        R, shape (m, n). Left out, it is drawn: U V^T of normal factors, plus noise*normal.
    rank
        The number of columns of U and V.
    n_rows, n_columns, noise, rng
        Of R where it is drawn; rng is a seed or a Generator, for the start too.

    Returns
    -------
    Problem
        With U of shape (m, rank) and V of shape (n, rank), to begin near the saddle at 0.

    Examples
    --------
    >>> from symopt.problems import learning
    >>> J = learning.matrix_factorisation([[1, 2], [2, 4]], rank=1).cost
    >>> J.value({"U": [[1], [2]], "V": [[1], [2]]}), J.value([1, 2, 1, 1])
    (np.float64(0.0), np.float64(2.5))
    """
    rng = read_generator(rng, CostError)
    R_, source = data.read_or_draw_ratings(ratings, rank, (n_rows, n_columns), noise, rng)
    U = sp.IndexedBase("U", shape=(m, rank))
    V = sp.IndexedBase("V", shape=(n, rank))
    entry = sp.Sum(U[k, q] * V[j, q], (q, 0, rank - 1))
    J = Cost(
        sp.Sum((R[k, j] - entry) ** 2, (j, 0, n - 1), (k, 0, m - 1)) / 2,
        params=(U, V),
        data={R: R_},
        samples=k,
    )
    start = {
        "U": 0.1 * rng.normal(size=(len(R_), rank)),
        "V": 0.1 * rng.normal(size=(R_.shape[1], rank)),
    }
    return Problem("matrix_factorisation", J, start, source)


def two_layer(
    inputs: npt.ArrayLike | None = None,
    classes: npt.ArrayLike | None = None,
    *,
    hidden: int = 8,
    n_samples: int = 200,
    rng: RandomLike = 0,
) -> Problem:
    """A network of one tanh layer and a softmax output (Rumelhart, Hinton and Williams 1986).

    h_kq = tanh(w_q . x_k + a_q);  z_ki = v_i . h_k + b_i;
    J(W, a, V, b) = 1/m * sum_k (log(sum_i exp(z_ki)) - z_{k,c_k})

    Parameters
    ----------
    inputs, classes
        X, shape (m, d), and the classes c, shape (m,), integers from 0 to K - 1. Left out, they
        are drawn: x normal in the plane, its class whether the two coordinates agree in sign (XOR).
    hidden
        The number h of hidden units.
    n_samples, rng
        Of the data that are drawn; rng is a seed or a Generator, for the start too.

    Returns
    -------
    Problem
        With W (h, d), a (h,), V (K, h) and b (K,). The weights begin normal with variance
        2/(fan in + fan out) (Glorot and Bengio 2010), the biases at 0.

    Examples
    --------
    >>> import symopt as so
    >>> from symopt.problems import learning
    >>> problem = learning.two_layer()
    >>> run = so.minimize(problem.cost, so.adam(eta=0.1), problem.start, steps=300)
    >>> bool(run.loss < 0.1)  # a plane alone stays at log(2)
    True
    """
    rng = read_generator(rng, CostError)
    inputs, classes, source = data.read_given(inputs, classes) or data.draw_quadrants(
        n_samples, rng
    )
    K = data.count_classes(classes)
    W = sp.IndexedBase("W", shape=(hidden, d))
    a = sp.IndexedBase("a", shape=(hidden,))
    V = sp.IndexedBase("V", shape=(K, hidden))
    b = sp.IndexedBase("b", shape=(K,))
    H = sp.IndexedBase("H")
    layer = {H[k, q]: sp.tanh(sp.Sum(W[q, j] * X[k, j], (j, 0, d - 1)) + a[q])}

    def z(i: sp.Expr) -> sp.Expr:
        return sp.Sum(V[i, q] * H[k, q], (q, 0, hidden - 1)) + b[i]

    loss = sp.Sum(logsumexp(z(i), (i, 0, K - 1)) - z(c[k]), (k, 0, m - 1)) / m
    J = Cost(loss, params=(W, a, V, b), data={X: inputs, c: classes}, samples=k, where=layer)
    return Problem("two_layer", J, _network_start(inputs.shape[1], hidden, K, rng=rng), source)


def deep_linear_chain(depth: int = 7, *, rng: RandomLike = 0) -> Problem:
    """A deep linear network of width one, fitted to 1 (Shamir 2018).

    J(w) = 1/2 * (w_1*w_2*...*w_L - 1)**2

    From its start, gradient descent takes a number of steps that grows exponentially with the
    depth L: where many weights are below 1, all slopes are products of many small numbers.

    Parameters
    ----------
    depth
        The number L of weights of the start; the cost takes any.
    rng
        A seed or a Generator, for the start.

    Returns
    -------
    Problem
        With w of shape (L,), to begin normal with variance 1 (Glorot and Bengio 2010, at width
        one).

    Examples
    --------
    >>> from symopt.problems import learning
    >>> J = learning.deep_linear_chain().cost
    >>> J.value([2, 0.5, 1]), J.grad([1, 1, 2])
    (np.float64(0.0), array([2., 2., 1.]))
    """
    J = Cost((sp.Product(w[i], (i, 0, L - 1)) - 1) ** 2 / 2, params=w)
    return Problem(
        "deep_linear_chain", J, read_generator(rng, CostError).normal(size=depth), "Shamir 2018"
    )


# Iris


def iris_softmax(lam: npt.ArrayLike | None = 0.01) -> Problem:
    """Softmax regression of the three iris species.

    The features are standardised, behind a column of ones. Without the penalty there is no
    minimum: setosa is parted from the others by a plane.

    Parameters
    ----------
    lam
        The value of the constant lam.

    Examples
    --------
    >>> import symopt as so
    >>> from symopt.problems import learning
    >>> problem = learning.iris_softmax()
    >>> run = so.minimize(problem.cost, so.nesterov(eta=0.5), problem.start, steps=500)
    >>> round(run.loss, 6)
    0.266201
    """
    X, species = iris()
    problem = softmax(with_intercept(standardised(X)), species, lam=lam)
    return replace(problem, name="iris_softmax", source=IRIS)


def iris_logistic(lam: npt.ArrayLike | None = 0.01) -> Problem:
    """Logistic regression of the iris species versicolor (-1) against virginica (1).

    The features are standardised, behind a column of ones. No plane parts the two, so there is a
    minimum without the penalty too.

    Parameters
    ----------
    lam
        The value of the constant lam.

    Examples
    --------
    >>> import symopt as so
    >>> from symopt.problems import learning
    >>> problem = learning.iris_logistic()
    >>> run = so.minimize(problem.cost, so.nesterov(eta=0.5), problem.start, steps=500)
    >>> round(run.loss, 6)
    0.170329
    """
    X, species = iris()
    X, species = X[species > 0], species[species > 0]
    problem = logistic(with_intercept(standardised(X)), 2 * species - 3, lam=lam)
    return replace(problem, name="iris_logistic", source=IRIS)


def iris_two_layer(hidden: int = 8, *, rng: RandomLike = 0) -> Problem:
    """A network of one tanh layer that tells the three iris species apart.

    Parameters
    ----------
    hidden
        The number of hidden units.
    rng
        A seed or a Generator, for the start.

    Examples
    --------
    >>> from symopt.problems import learning
    >>> learning.iris_two_layer()
    Problem(iris_two_layer: 67 parameters; iris: Anderson 1935, Fisher 1936)
    """
    X, species = iris()
    problem = two_layer(standardised(X), species, hidden=hidden, rng=rng)
    return replace(problem, name="iris_two_layer", source=IRIS)


# Helpers


def _penalise(loss: sp.Expr, square: sp.Expr, lam: npt.ArrayLike | None, **roles: Any) -> Cost:
    """Make the cost loss + lam/2*square, with lam given, or the loss alone."""
    if lam is None:
        return Cost(loss, **roles)
    return Cost(loss + sp.Symbol("lam") / 2 * square, **roles)(lam=lam)


def _network_start(d: int, h: int, K: int, rng: np.random.Generator) -> Mapping[str, Array]:
    W = np.sqrt(2 / (d + h)) * rng.normal(size=(h, d))
    V = np.sqrt(2 / (h + K)) * rng.normal(size=(K, h))
    return {"W": W, "a": np.zeros(h), "V": V, "b": np.zeros(K)}
