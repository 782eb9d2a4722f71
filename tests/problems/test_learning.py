"""Models on data: the data themselves, every equation against NumPy, every minimum against scikit-learn."""

from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import linprog
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, Ridge
from spread import spread

import symopt as so
from symopt.problems import learning

RNG = np.random.default_rng(1)
X = RNG.normal(size=(7, 3))
T = RNG.normal(size=7)
SIGNS = np.array([1, -1, -1, 1, -1, 1, 1])
CLASSES = np.array([2, 0, 1, 1, 0, 2, 0])
RATINGS = RNG.normal(size=(4, 3))


# Each equation a second time, in NumPy; complex theta gives its slopes, exact to rounding


def linear(theta):
    return np.sum((X @ theta - T) ** 2) / 14 + 0.3 / 2 * theta @ theta


def logistic(theta):
    return np.mean(np.log(1 + np.exp(-SIGNS * (X @ theta)))) + 0.3 / 2 * theta @ theta


def cross_entropy(z):
    return np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(7), CLASSES])


def softmax(theta):
    return cross_entropy(X @ theta.reshape(3, 3).T) + 0.3 / 2 * theta @ theta


def matrix_factorisation(theta):
    U, V = theta[:8].reshape(4, 2), theta[8:].reshape(3, 2)
    return np.sum((RATINGS - U @ V.T) ** 2) / 2


def two_layer(theta):
    W, a, V, b = np.split(theta, [12, 16, 28])
    H = np.tanh(X @ W.reshape(4, 3).T + a)
    return cross_entropy(H @ V.reshape(3, 4).T + b)


def deep_linear_chain(theta):
    return (np.prod(theta) - 1) ** 2 / 2


MODELS = {
    "linear": (linear, lambda: learning.linear(X, T, lam=0.3)),
    "logistic": (logistic, lambda: learning.logistic(X, SIGNS, lam=0.3)),
    "softmax": (softmax, lambda: learning.softmax(X, CLASSES, lam=0.3)),
    "matrix_factorisation": (
        matrix_factorisation,
        lambda: learning.matrix_factorisation(RATINGS, rank=2),
    ),
    "two_layer": (two_layer, lambda: learning.two_layer(X, CLASSES, hidden=4)),
    "deep_linear_chain": (deep_linear_chain, lambda: learning.deep_linear_chain(4)),
}


def slopes(f, theta):
    """Return the gradient of an analytic f by complex steps."""
    return np.array([f(theta + 1e-30j * unit).imag / 1e-30 for unit in np.eye(theta.size)])


def anywhere(start):
    """Return a random point of the form of a start."""
    if isinstance(start, Mapping):
        return {name: anywhere(part) for name, part in start.items()}
    return np.random.default_rng(2).normal(size=start.shape)


def flat(start):
    return (
        np.concatenate([np.ravel(part) for part in start.values()])
        if isinstance(start, Mapping)
        else start
    )


# The data


def test_iris_is_the_iris_of_scikit_learn():
    flowers, species = learning.iris()
    want = load_iris()
    assert (flowers.dtype, species.dtype) == (np.float64, np.int64)
    np.testing.assert_array_equal(flowers, want.data)
    np.testing.assert_array_equal(species, want.target)


def test_iris_is_read_anew():
    learning.iris()[0][:] = 0
    assert learning.iris()[0].min() > 0


def a_plane_parts(inputs, signs):
    """Return whether some theta has signs*(inputs @ theta) >= 1."""
    inputs = learning.with_intercept(inputs)
    return linprog(
        np.zeros(5), A_ub=-signs[:, None] * inputs, b_ub=-np.ones(len(signs)), bounds=(None, None)
    ).success


def test_virginica_is_not_separable_and_setosa_is():
    flowers, species = learning.iris()
    assert a_plane_parts(flowers, np.where(species == 0, 1, -1))
    assert not a_plane_parts(flowers[species > 0], 2 * species[species > 0] - 3)


def test_standardised():
    columns = learning.standardised(learning.iris()[0])
    np.testing.assert_allclose(columns.mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(columns.std(axis=0), 1)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: learning.linear(X), "alone"),
        (lambda: learning.linear(X, T[:-1]), r"\(7, 3\) with targets of shape \(6,\)"),
        (lambda: learning.logistic(X, (SIGNS + 1) // 2), r"expected -1 and 1"),
        (lambda: learning.softmax(X, CLASSES - 1), r"classes \[-1  0  1\]; expected integers 0, 1"),
        (lambda: learning.softmax(X, CLASSES / 2), r"expected integers 0, 1"),
        (lambda: learning.matrix_factorisation(T), r"expected a matrix"),
    ],
)
def test_data_that_do_not_fit_are_refused(make, match):
    with pytest.raises(so.CostError, match=match):
        make()


def test_data_and_start_follow_the_seed():
    for make in (learning.two_layer, learning.matrix_factorisation, learning.deep_linear_chain):
        np.testing.assert_array_equal(flat(make(rng=3).start), flat(make(rng=3).start))
        assert (flat(make(rng=3).start) != flat(make(rng=4).start)).any()


# The equations, written out by SymPy alone


class Recorded(SimpleNamespace):
    """Stands in for Cost: keeps what it is given."""

    def __init__(self, expression, **roles):
        super().__init__(
            **{
                "expression": expression,
                "data": {},
                "where": {},
                "samples": None,
                "lam": 0,
                **roles,
            }
        )

    def __call__(self, lam):
        return Recorded(**{**vars(self), "lam": lam})


def written_out(cost, start):
    """Return J at the start: every sum expanded by SymPy, every entry replaced by its number."""
    arrays = {base.name: values for base, values in cost.data.items()}
    params = cost.params if isinstance(cost.params, tuple) else (cost.params,)
    arrays |= start if isinstance(start, Mapping) else {params[0].name: start}
    rows, columns = next(iter(arrays.values())).shape if cost.data else (0, 0)
    sizes = {learning.m: rows, learning.d: columns, learning.n: columns, learning.L: np.size(start)}
    expanded = cost.expression.xreplace(cost.where).subs(sizes).doit()

    def number(entry):
        return sp.sympify(arrays[entry.base.name][tuple(int(at) for at in entry.indices)].item())

    return float(
        expanded.replace(lambda e: isinstance(e, sp.Indexed), number).subs("lam", cost.lam)
    )


@pytest.mark.parametrize("name", MODELS)
def test_the_expression_is_the_equation(name, monkeypatch):
    monkeypatch.setattr(learning, "Cost", Recorded)
    monkeypatch.setattr(learning, "logsumexp", lambda f, limits: sp.log(sp.Sum(sp.exp(f), limits)))
    formula, make = MODELS[name]
    problem = make()
    point = anywhere(problem.start)
    assert written_out(problem.cost, point) == pytest.approx(formula(flat(point)), rel=1e-12)
    assert problem.cost.samples == (learning.k if problem.cost.data else None)


# The engine


@pytest.mark.parametrize("name", MODELS)
def test_value_and_gradient(name):
    formula, make = MODELS[name]
    J = make().cost
    for theta in np.random.default_rng(3).normal(size=(5, flat(make().start).size)):
        np.testing.assert_allclose(J.value(theta), formula(theta), rtol=1e-13)
        want = slopes(formula, theta)
        np.testing.assert_allclose(J.grad(theta), want, rtol=1e-12, atol=1e-13 * abs(want).max())


@pytest.mark.parametrize("name", MODELS)
def test_a_start_is_a_point(name):
    problem = MODELS[name][1]()
    assert problem.cost.value(problem.start) == problem.cost.value(flat(problem.start))


def test_the_penalty_is_a_constant_of_the_cost():
    theta = np.ones(3)
    J, without = learning.logistic(X, SIGNS, lam=0.3).cost, learning.logistic(X, SIGNS).cost
    assert J(lam=0.5).value(theta) - J.value(theta) == pytest.approx(0.1 * 3)
    assert J(lam=0).value(theta) == pytest.approx(without.value(theta), rel=1e-15)


# The minima

LAM = 0.01
IRIS = {"iris_softmax": learning.iris_softmax, "iris_logistic": learning.iris_logistic}


def scikit_learn(name):
    """Return its minimiser of C*sum(loss) + |theta|**2/2: with C = 1/(m*lam), J/lam; the intercept is a column."""
    flowers, species = learning.iris()
    if name == "iris_logistic":
        flowers, species = flowers[species > 0], species[species > 0]
    C = 1 / (len(species) * LAM)
    model = LogisticRegression(
        C=C, fit_intercept=False, solver="newton-cholesky", tol=1e-12, max_iter=1000
    )
    return model.fit(learning.with_intercept(learning.standardised(flowers)), species).coef_.ravel()


OPTIMIZERS = {
    "adam": lambda: so.adam(eta=0.1),
    "momentum": lambda: so.momentum(eta=0.5, beta=0.9),
    "nesterov": lambda: so.nesterov(eta=0.5, beta=0.9),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", spread(IRIS, every=2))
def test_first_order_runs_reach_scikit_learns_coefficients(name, optimizer):
    problem = IRIS[name](lam=LAM)
    run = so.minimize(problem.cost, OPTIMIZERS[optimizer](), problem.start, steps=1000)
    np.testing.assert_allclose(np.ravel(run.theta), scikit_learn(name), atol=1e-4)


@pytest.mark.parametrize("name", IRIS)
def test_newton_steps_reach_scikit_learns_coefficients(name):
    problem = IRIS[name](lam=LAM)
    J = problem.cost
    theta = np.ravel(so.minimize(J, so.momentum(eta=0.5, beta=0.9), problem.start, steps=100).theta)
    for _ in range(4):
        theta = theta - np.linalg.solve(J.hessian(theta), J.grad(theta))
    np.testing.assert_allclose(theta, scikit_learn(name), atol=1e-8)
    assert abs(J.grad(theta)).max() < 1e-14


def test_one_newton_step_solves_ridge_regression():
    problem = learning.linear(X, T, lam=0.3)
    theta = problem.start - np.linalg.solve(
        problem.cost.hessian(problem.start), problem.cost.grad(problem.start)
    )
    want = Ridge(alpha=7 * 0.3, fit_intercept=False, solver="cholesky").fit(X, T).coef_
    np.testing.assert_allclose(theta, want, rtol=1e-12)


def test_factorisation_reaches_the_bound_of_eckart_and_young():
    problem = learning.matrix_factorisation(RATINGS, rank=2)
    run = so.minimize(problem.cost, so.momentum(eta=0.02, beta=0.9), problem.start, steps=5000)
    assert run.loss == pytest.approx(
        np.linalg.svd(RATINGS, compute_uv=False)[2] ** 2 / 2, rel=1e-10
    )


def accuracy(theta):
    W, a, V, b = np.split(np.ravel(theta), [32, 40, 64])
    flowers, species = learning.iris()
    H = np.tanh(learning.standardised(flowers) @ W.reshape(8, 4).T + a)
    return np.mean(np.argmax(H @ V.reshape(3, 8).T + b, axis=1) == species)


@pytest.mark.parametrize("batch", [{}, {"batch": 32, "rng": 0}])
def test_a_network_learns_iris(batch):
    problem = learning.iris_two_layer()
    run = so.minimize(problem.cost, so.adam(eta=0.02), problem.start, steps=500, **batch)
    assert accuracy(flat(problem.start)) < 0.9
    assert accuracy(run.theta) > 0.95
