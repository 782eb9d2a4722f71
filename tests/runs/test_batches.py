"""Mini-batches and noise: the same steps as a plain NumPy loop, the right mean, and what is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sum_costs import ZOO

import symopt as so
from symopt.compiler.jit import cache
from symopt.compiler.runtime.minibatches import Batches

i, j, k, p, q, m, d, r, h, n = sp.symbols("i j k p q m d r h n", integer=True)
lam, x, y = sp.symbols("lam x y")
X, t, theta, U, V, R, W, v, H = map(
    sp.IndexedBase, ("X", "t", "theta", "U", "V", "R", "W", "v", "H")
)
RNG = np.random.default_rng(12)
M, D = 23, 3
X_, T_, SIGNS = RNG.normal(size=(M, D)), RNG.normal(size=M), RNG.choice([-1.0, 1.0], M)
R_ = RNG.normal(size=(M, 4))
Z = sp.Sum(X[k, j] * theta[j], (j, 0, d - 1))
SQUARE = sp.Sum(theta[j] ** 2, (j, 0, d - 1))
LINEAR = so.Cost(
    sp.Sum((Z - t[k]) ** 2, (k, 0, m - 1)) / (2 * m) + lam * SQUARE / 2,
    params=theta, data={X: X_, t: T_}, samples=k,
)(lam=0.1)  # fmt: skip
LOGISTIC = so.Cost(
    sp.Sum(sp.log(1 + sp.exp(-t[k] * Z)), (k, 0, m - 1)) / m,
    params=theta,
    data={X: X_, t: SIGNS},
    samples=k,
)
FACTORS = so.Cost(
    sp.Sum((R[k, i] - sp.Sum(U[k, q] * V[i, q], (q, 0, r - 1))) ** 2, (i, 0, n - 1), (k, 0, m - 1)) / 2
    + lam * sp.Sum(V[i, q] ** 2, (q, 0, r - 1), (i, 0, n - 1)),
    params=(U, V), data={R: R_}, samples=k,
)(r=2, lam=0.2)  # fmt: skip
NETWORK = so.Cost(
    sp.Sum((sp.Sum(v[i] * H[k, i], (i, 0, h - 1)) - t[k]) ** 2, (k, 0, m - 1)) / m,
    params=(W, v), data={X: X_, t: T_}, samples=k,
    where={H[k, i]: sp.tanh(sp.Sum(W[i, j] * X[k, j], (j, 0, d - 1)))},
)(h=4)  # fmt: skip

Gradient = Callable[[np.ndarray, np.ndarray], np.ndarray]


def linear(at: np.ndarray, s: np.ndarray) -> np.ndarray:
    return X_[s].T @ (X_[s] @ at - T_[s]) / len(s) + 0.1 * at


def logistic(at: np.ndarray, s: np.ndarray) -> np.ndarray:
    return X_[s].T @ (-SIGNS[s] / (1 + np.exp(SIGNS[s] * (X_[s] @ at)))) / len(s)


def factors(at: np.ndarray, s: np.ndarray) -> np.ndarray:
    u, w = at[: 2 * M].reshape(M, 2), at[2 * M :].reshape(4, 2)
    error = M / len(s) * (u[s] @ w.T - R_[s])
    slope = np.zeros_like(u)
    np.add.at(slope, s, error @ w)  # with replacement a sample may come twice
    return np.concatenate([slope.ravel(), (error.T @ u[s] + 2 * 0.2 * w).ravel()])


def network(at: np.ndarray, s: np.ndarray) -> np.ndarray:
    a, b = at[: 4 * D].reshape(4, D), at[4 * D :]
    hidden = np.tanh(X_[s] @ a.T)
    error = 2 * (hidden @ b - T_[s]) / len(s)
    inner = error[:, None] * b * (1 - hidden**2)
    return np.concatenate([(inner.T @ X_[s]).ravel(), hidden.T @ error])


MODELS = {
    "linear": (LINEAR, linear, D), "logistic": (LOGISTIC, logistic, D),
    "factors": (FACTORS, factors, 2 * M + 8), "network": (NETWORK, network, 5 * 4 - 4),
}  # fmt: skip


@pytest.mark.slow
def test_the_gradients_in_numpy_are_right():
    for cost, gradient, size in MODELS.values():
        at = np.random.default_rng(1).normal(size=size)
        np.testing.assert_allclose(
            gradient(at, np.arange(M)), cost.grad(at), rtol=1e-12, atol=1e-13
        )


def stepping(
    rule: str, gradient: Gradient, at: np.ndarray, batches: np.ndarray, eta: float
) -> np.ndarray:
    """Return the path of a rule with its default hyperparameters, as a plain loop."""
    a, b, path = np.zeros_like(at), np.zeros_like(at), [at]
    for step, batch in enumerate(batches, 1):
        g = gradient(at, batch)
        if rule == "gd":
            at = at - eta * g
        elif rule == "momentum":
            a = 0.9 * a - eta * g
            at = at + a
        else:
            a, b = 0.9 * a + 0.1 * g, 0.999 * b + 0.001 * g**2
            at = at - eta * (a / (1 - 0.9**step)) / (np.sqrt(b / (1 - 0.999**step)) + 1e-8)
        path.append(at)
    return np.array(path)


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize(
    ("model", "rule"),
    [
        ("linear", "gd"),
        ("linear", "momentum"),
        ("logistic", "adam"),
        ("factors", "momentum"),
        ("network", "adam"),
    ],
)
def test_a_run_is_the_loop_in_numpy(model, rule, replace):
    cost, gradient, size = MODELS[model]
    start = np.random.default_rng(2).normal(size=size) / 2
    eta = 0.001 if model == "factors" else 0.02
    run = so.minimize(
        cost, so.optimizers[rule](eta=eta), start, 60, record=True, batch=5, replace=replace, rng=9
    )
    drawn = Batches(M, 5, 9, replace).indices(1, 60)
    want = stepping(rule, gradient, start, drawn, eta)
    np.testing.assert_allclose(run.history["theta"], want, rtol=1e-12, atol=1e-12)
    assert run.gradient_evaluations == 60


# What a mini-batch gradient is the mean of


@so.rule(g=0, iterate="g")
def slope(theta, g, *, grad):
    """A rule that stays where it is, and whose iterate is the gradient."""
    return theta, grad(theta)


def slopes(cost: so.Cost, at: np.ndarray, steps: int, **how: Any) -> np.ndarray:
    """Return the gradient of each step, all taken at one point."""
    study = so.sweep(cost, slope, at, steps, record=np.arange(1, steps + 1), **how)
    assert study["slope"]["status"] == "budget spent"
    return study["slope"]["history_theta"].values


TWO_DOZEN = LINEAR(X=np.vstack([X_, X_[:1]]), t=np.append(T_, 0.5))


@pytest.mark.parametrize("batch", [1, 6, 24])  # of all 24, one alone is the full gradient
def test_the_gradients_of_an_epoch_have_the_full_one_as_their_mean(batch):
    at = np.random.default_rng(3).normal(size=D)
    epoch = 24 // batch
    found = slopes(TWO_DOZEN, at, 3 * epoch, batch=batch, rng=4).reshape(3, epoch, D)
    full = TWO_DOZEN.grad(at)
    np.testing.assert_allclose(found.mean(axis=1), np.tile(full, (3, 1)), rtol=1e-13, atol=1e-14)
    if epoch > 1:
        assert np.ptp(found, axis=1).min() > 0.1
        assert not np.array_equal(found[0], found[1])


def test_batches_that_straddle_epochs_see_every_sample_equally_often():
    """The cost is sum(k-th theta): its gradient counts how often a sample is drawn."""
    counts = so.Cost(
        sp.Sum(theta[k] * t[k], (k, 0, m - 1)), params=theta, data={t: np.ones(10)}, samples=k
    )
    found = slopes(counts, np.zeros(10), 30, batch=4, rng=5) * 4 / 10
    np.testing.assert_array_equal(found.sum(axis=1), 4)
    np.testing.assert_array_equal(found.sum(axis=0), 12)
    passed = np.cumsum(found, axis=0)
    assert (np.ptp(passed, axis=1) <= 1).all()  # every epoch draws all samples once
    twice = slopes(counts, np.zeros(10), 30, batch=4, rng=5, replace=True) * 4 / 10
    np.testing.assert_array_equal(twice.sum(axis=1), 4)
    assert np.ptp(twice.sum(axis=0)) > 0


def test_gradients_with_replacement_are_unbiased():
    at = np.random.default_rng(3).normal(size=D)
    found = slopes(TWO_DOZEN, at, 20_000, batch=3, replace=True, rng=6)
    error = found.std(axis=0) / np.sqrt(len(found))
    assert (np.abs(found.mean(axis=0) - TWO_DOZEN.grad(at)) < 4 * error).all()
    # the spread is that of the mean of 3 independent samples
    each = np.array(
        [linear(at, np.array([s])) for s in range(M)] + [X_[0] * (X_[0] @ at - 0.5) + 0.1 * at]
    )
    np.testing.assert_allclose(found.std(axis=0), each.std(axis=0) / np.sqrt(3), rtol=0.03)


def test_two_gradients_of_one_step_see_one_batch():
    @so.rule(a=0, b=0, iterate="b")
    def twice(theta, a, b, *, grad, eta=0.0):
        a = grad(theta)
        return theta, a, grad(theta + eta * a) - a

    study = so.sweep(LINEAR, twice, np.ones(D), 8, record=True, batch=2)["twice"]
    np.testing.assert_array_equal(study["history_theta"], 0)


# What is seen of the loss


@pytest.mark.parametrize(
    "rule", [so.momentum(eta=0.3), so.nesterov(eta=0.3)], ids=["at theta", "look-ahead"]
)
def test_the_loss_is_that_of_all_samples(rule):
    record = [0, 3, 4, 11, 39]
    run = so.minimize(LOGISTIC, rule, np.ones(D), 40, record=record, paths=True, batch=2, rng=1)
    np.testing.assert_array_equal(run.history["loss"], LOGISTIC.value(run.history["theta"].values))
    assert run.loss == LOGISTIC.value(run.theta)
    assert run.best_loss == min(*run.history["loss"].values, run.loss)
    assert run.best_loss == LOGISTIC.value(run.best_theta)
    every = so.minimize(LOGISTIC, rule, np.ones(D), 40, record=True, batch=2, rng=1)
    np.testing.assert_array_equal(every.theta, run.theta)  # looking changes nothing
    np.testing.assert_array_equal(every.history["loss"][record], run.history["loss"])
    assert every.best_loss <= run.best_loss
    assert every.best_loss == every.history["loss"].min()


def test_the_loss_in_a_sweep_with_targets():
    etas = [0.01, 0.3, 1.0]
    how = {"record": [0, 10, 20, 30], "batch": 3, "targets": [0.68, 0.3]}
    study = so.sweep(LOGISTIC, so.gd(eta=etas), np.ones((3, D)) * [[1], [0.5], [2]], 30, **how)[
        "gd"
    ]
    losses = LOGISTIC.value(study["history_theta"].values)
    np.testing.assert_array_equal(losses, study["history_loss"])
    np.testing.assert_array_equal(losses.min(axis=-1), study["best_loss"])
    np.testing.assert_array_equal(LOGISTIC.value(study["theta"].values), study["loss"])
    for j, target in enumerate(how["targets"]):  # among the steps at which all samples are seen
        reached = losses <= target
        first = np.where(
            reached.any(axis=-1), np.array(how["record"])[reached.argmax(axis=-1)], np.nan
        )
        np.testing.assert_array_equal(study["hit"].isel(target=j), first)


def test_a_tolerance_is_for_the_gradient_of_all_samples():
    run = so.minimize(
        LINEAR, so.gd(eta=2 / (10 + so.t)), np.ones(D), 4000, batch=8, tolerance=0.02, record=None
    )
    assert (run.status, run.steps % 16) == ("converged", 0)
    assert np.abs(LINEAR.grad(run.theta)).max() <= 0.02
    before = so.minimize(
        LINEAR, so.gd(eta=2 / (10 + so.t)), np.ones(D), run.steps - 16, batch=8, record=None
    )
    assert np.abs(LINEAR.grad(before.theta)).max() > 0.02


def test_a_state_that_starts_at_the_gradient_starts_at_that_of_all_samples():
    @so.rule(g=so.grad0, iterate="g")
    def first(theta, g, *, grad, eta=0.0):
        return theta - eta * grad(theta), g

    run = so.minimize(LINEAR, first(eta=0.1), np.ones(D), 3, batch=2)
    np.testing.assert_array_equal(run.theta, LINEAR.grad(np.ones(D)))
    assert run.gradient_evaluations == 4


def test_steps_that_are_not_recorded_are_not_seen():
    run = so.minimize(LOGISTIC, so.gd(), np.ones(D), 5, batch=2, record=None)
    assert run.history.sizes["step"] == 0
    assert run.best_loss == run.loss == LOGISTIC.value(run.theta)
    assert len(so.minimize(LOGISTIC, so.gd(), np.ones(D), 5000, batch=2).history["step"]) <= 100


# What is refused


def cost_of(expression: sp.Expr, samples: Any = k) -> so.Cost:
    return so.Cost(expression, params=theta, data={X: X_, t: T_}, samples=samples)


S = sp.Sum((Z - t[k]) ** 2, (k, 0, m - 1))
NONLINEAR = {
    "log": sp.log(S), "square": S**2, "root": sp.sqrt(S), "product": S * sp.Sum(Z * t[k], (k, 0, m - 1)),
    "quotient": SQUARE / S, "logsumexp": so.logsumexp(Z - t[k], (k, 0, m - 1)) + S,
    "a product over samples": sp.Product(1 + (Z - t[k]) ** 2, (k, 0, m - 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", NONLINEAR)
def test_a_sum_that_is_not_linear_is_refused(name):
    before = cache.compiled
    J = cost_of(NONLINEAR[name])
    with pytest.raises(
        so.CostError, match=r"mini-batch is refused: .* over the sample index k .* linearly"
    ):
        so.minimize(J, "gd", np.ones(D), 3, batch=2)
    with pytest.raises(so.CostError, match="linearly"):
        so.sweep(J, "gd", np.ones((4, D)), 3, batch=2)
    assert cache.compiled == before


TERM = (Z - t[k]) ** 2
STORED = {H[k]: Z}
LINEARLY = {
    "a range within": (sp.Sum(TERM, (k, 1, m - 2)), {}, M - 1),
    "inside another sum": (sp.Sum(sp.Sum((X[k, j] * theta[j] - t[k]) ** 2, (k, 0, m - 1)) * theta[j], (j, 0, d - 1)), {}, M),
    "by the index": (
        sp.Sum(sp.Piecewise((TERM * (k + 1) ** 2, k > 4), (theta[0] * t[m - 1 - k], True)), (k, 0, m - 1)) / m, {}, M
    ),
    "stored and used twice": (sp.Sum(H[k] ** 2 + t[k] * sp.sin(H[k]), (k, 0, m - 1)), STORED, M),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:no term of the cost reads")
@pytest.mark.parametrize("name", LINEARLY)
def test_other_sums_over_samples(name):
    assert mean_over_an_epoch(*LINEARLY[name]) == "right"


# What is stored for the samples of a batch is there for these alone; what a condition decides is not linear
ELSEWHERE = {
    "stored, read by another sum": (sp.Sum((H[k] - t[k]) ** 2, (k, 0, m - 1)) + sp.Sum(H[p] ** 2, (p, 0, m - 1)), STORED, M),
    "stored, read outside": (sp.Sum((H[k] - t[k]) ** 2, (k, 0, m - 1)) + H[0] ** 2, {H[k]: (Z, (k, 0, m - 1))}, M),
    "stored, read by what is stored": (
        sp.Sum(V[k] * t[k], (k, 0, m - 1)), {**STORED, V[p]: (H[p] ** 2, (p, 0, m - 1))}, M
    ),
    "a sum in a condition": (sp.Piecewise((SQUARE, sp.Sum(Z - t[k], (k, 0, m - 1)) > 0), (theta[1] ** 2, True)) + S, {}, M),
    "the end of a range": (sp.Sum(sp.Sum((theta[q] - t[k]) ** 2, (q, 0, k)), (k, 0, m - 1)), {}, M),
}  # fmt: skip


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_batch_is_right_or_refused(name):
    assert mean_over_an_epoch(*ELSEWHERE[name]) in {"right", "refused"}


def mean_over_an_epoch(expression: sp.Expr, where: dict[Any, Any], count: int) -> str:
    """Say whether the gradients of an epoch of single samples have the full gradient as their mean."""
    used = sp.Tuple(expression, *where.values()).atoms(sp.IndexedBase)
    given = {base: array for base, array in ((X, X_), (t, T_)) if base in used}
    J = so.Cost(expression, params=theta, data=given, samples=k, where=where)
    at = np.random.default_rng(3).normal(size=D if X in given else M)
    try:
        found = slopes(J, at, count, batch=1)
    except so.CostError as error:
        return "refused" if "mini-batch is refused" in str(error) else str(error)
    return (
        "right" if np.allclose(found.mean(axis=0), J.grad(at), rtol=1e-12, atol=1e-12) else "wrong"
    )


@so.rule(a=so.theta0)
def near(theta, a, *, grad, eta=0.01):
    """A rule that looks a little up the slope of where it began, so that J stays within the limit."""
    return a + eta * grad(a), a


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, cost in ZOO.items() if cost.samples is not None])
def test_the_zoo_has_unbiased_batches_or_refuses_them(name):
    one = ZOO[name].at(ZOO[name].sizes[-1])
    J = one.cost(**one.of.constants)
    at = one.theta / np.abs(one.theta).max()
    start, count = at if one.of.flat else one.mapping(at), one.sizes[m]
    try:
        study = so.sweep(J, near, start, count, record=np.arange(1, count + 1), batch=1)["near"]
    except so.CostError as error:
        if "mini-batch is refused" in str(error):
            return
        raise
    assert study["steps"] == count
    found = (study["history_theta"].mean("step") - at) / 0.01
    np.testing.assert_allclose(found, J.grad(start), rtol=1e-11, atol=1e-12)


def test_what_is_linear_is_not_refused():
    for J in (
        cost_of(S * SQUARE + S / m - 3 * S), cost_of(SQUARE * (SQUARE + S)),
        cost_of(sp.Sum((Z - t[k]) ** 2 / (1 + sp.Sum(X[k, j] ** 2, (j, 0, d - 1))), (k, 0, m - 1))),
    ):  # fmt: skip
        assert J.objective.batch


@pytest.mark.parametrize("samples", [k, "k"])
def test_an_index_of_samples_by_name(samples):
    assert cost_of(S, samples).objective.batch


def test_batches_need_samples():
    before = cache.compiled
    for J, error in ((cost_of(S, None), so.CostError), (so.Cost(x**2 + y**2), so.RunError)):
        with pytest.raises(error, match="samples=k"):
            so.minimize(
                J, "gd", np.ones(D if J.objective.size_symbols else len(J.params)), 3, batch=2
            )
    with pytest.raises(so.CostError, match=r"samples=.*no sum .* runs over"):
        cost_of(S, q)
    assert cache.compiled == before


@pytest.mark.parametrize("options", [
    {"batch": M + 1}, {"batch": 0}, {"batch": -1}, {"batch": 1.5}, {"batch": 2.0}, {"batch": True}, {"batch": "4"},
    {"batch": [2, 3]}, {"batch": np.nan}, {"rng": 1.5}, {"rng": -1}, {"rng": True}, {"rng": "0"}, {"rng": (1, 2, 3)},
    {"rng": (1, -1)}, {"rng": (1, None)}, {"rng": 1 << 63}, {"rng": (0, 1 << 48)}, {"rng": [1, 2]},
    {"rng": range}, {"noise": -0.1}, {"noise": np.nan}, {"noise": np.inf}, {"noise": "1"},
    {"noise": True}, {"noise": [0.1, 0.2]}, {"noise": None},
], ids=str)  # fmt: skip
def test_what_cannot_be_drawn_is_refused_before_anything_compiles(options):
    before = cache.compiled
    (name,) = options
    with pytest.raises(so.RunError, match=f"{name}=") as caught:
        so.minimize(LINEAR, "gd", np.ones(D), 3, **{"batch": 2, **options})
    assert "expected" in str(caught.value)
    with pytest.raises(so.RunError, match=f"{name}="):
        so.sweep(LINEAR, "gd", np.ones((4, D)), 3, **{"batch": 2, **options})
    assert cache.compiled == before


def test_more_than_all_samples_is_refused_with_replacement_too():
    with pytest.raises(so.RunError, match=f"batch={M + 1} is more than the {M} samples"):
        so.minimize(LINEAR, "gd", np.ones(D), 3, batch=M + 1, replace=True)


def test_whole_numbers_of_numpy_are_taken():
    one, other = (
        so.minimize(LINEAR, "gd", np.ones(D), 3, batch=number(2), rng=(number(3), number(4)))
        for number in (int, np.int32)
    )
    np.testing.assert_array_equal(one.theta, other.theta)
    assert so.minimize(LINEAR, "gd", np.ones(D), 3, batch=2, rng=None).status == "budget spent"


# Noise

CURVATURE, SIGMA, ETA = 2.0, 0.5, 0.2
BOWL = so.Cost(lam * x**2 / 2, params=(x,))(lam=CURVATURE)
ROW = so.Cost(lam * sp.Sum(theta[i] ** 2, (i, 0, n - 1)) / 2, params=theta)(lam=CURVATURE)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("cost", [BOWL, ROW], ids=["plain", "sums"])
def test_the_stationary_variance_of_noisy_momentum(cost, beta):
    """eta*sigma**2*(1 + beta)/(lambda*(1 - beta)*(2*(1 + beta) - eta*lambda)), exact for a quadratic."""
    runs, steps = (2000, 600) if cost is BOWL else (20, 600)
    each = 1 if cost is BOWL else 100
    rule = so.momentum(eta=ETA, beta=beta) if beta else so.gd(eta=ETA)
    ends = np.arange(300, steps + 1, 100)  # far apart: independent to 1e-4 of the variance
    study = so.sweep(
        cost, rule, np.zeros((runs, each)), steps, record=ends, noise=SIGMA, rng=2024, best=False
    )
    values = study[rule.name]["history_theta"].values.transpose(0, 2, 1).reshape(runs * each, -1)
    want = (
        ETA * SIGMA**2 * (1 + beta) / (CURVATURE * (1 - beta) * (2 * (1 + beta) - ETA * CURVATURE))
    )
    variance = (values**2).mean()
    assert abs(variance / want - 1) < 4 * np.sqrt(
        2 / values.size
    )  # the variance of a normal number's square is 2
    assert abs(values.mean()) < 4 * np.sqrt(want / values.size)


def test_the_mean_gradient_is_unbiased_and_its_spread_is_the_noise():
    found = slopes(ROW, np.arange(100.0), 400, noise=3.0, rng=8) - CURVATURE * np.arange(100)
    assert abs(found.mean()) < 4 * 3 / 200
    assert abs(found.var() / 9 - 1) < 4 * np.sqrt(2 / found.size)
    assert abs(np.corrcoef(found[:-1].ravel(), found[1:].ravel())[0, 1]) < 4 / 200
    assert abs(np.corrcoef(found[:, :-1].ravel(), found[:, 1:].ravel())[0, 1]) < 4 / 200


@pytest.mark.parametrize("cost", [BOWL, ROW], ids=["plain", "sums"])
def test_a_run_that_noise_drives_away_does_not_blame_another(cost):
    run = so.minimize(cost, so.gd(eta=0.1), [1.0], 5, noise=1e25)
    assert (run.status, run.steps) == ("diverged", 0)
    assert "a state" not in run.reason  # gd has none
    assert "limit" in run.reason


def test_noise_adds_to_the_gradient_of_a_batch():
    noise = slopes(ROW, np.zeros(D), 12, noise=0.3, rng=5)
    quiet, loud = (
        slopes(LINEAR, np.ones(D), 12, batch=4, noise=size, rng=5) for size in (0.0, 0.3)
    )
    np.testing.assert_allclose(loud - quiet, noise, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("cost", [BOWL, ROW, LOGISTIC], ids=["plain", "sums", "batch"])
def test_no_noise_changes_no_bit_whatever_the_stream(cost):
    start = [1.5] if cost is BOWL else np.ones(D)
    how = {"batch": 4} if cost is LOGISTIC else {}
    run = lambda **more: so.minimize(cost, so.momentum(eta=0.1), start, 30, **how, **more)
    quiet, none, other = run(), run(noise=0.0, rng=0), run(noise=0, rng=(0, 5))
    for one in (none, other):
        np.testing.assert_array_equal(one.history["theta"], quiet.history["theta"])
        np.testing.assert_array_equal(one.history["loss"], quiet.history["loss"])


@pytest.mark.parametrize("cost", [BOWL, ROW], ids=["plain", "sums"])
def test_streams_and_seeds_differ_and_repeat(cost):
    start = [1.0] if cost is BOWL else np.ones(D)
    run = lambda rng: so.minimize(cost, so.momentum(eta=0.1), start, 30, noise=0.1, rng=rng).theta
    ends = [run(rng) for rng in (0, (0, 1), (0, 2), 1, (1, 1), (0, (1 << 48) - 1), (1 << 63) - 1)]
    assert len(np.unique(ends, axis=0)) == len(ends)
    np.testing.assert_array_equal(run(0), run((0, 0)))
    np.testing.assert_array_equal(run((1, 1)), ends[4])
    assert not np.array_equal(run(None), run(None))


def test_the_runs_of_a_sweep_have_noise_of_their_own_and_batches_in_common():
    starts = np.ones((5, D))
    noisy = so.sweep(LOGISTIC, so.gd(eta=[0.1, 0.2]), starts, 5, noise=0.1)["gd"]["theta"].values
    assert len(np.unique(noisy[0], axis=0)) == 5
    drawn = so.sweep(LOGISTIC, so.gd(eta=[0.1, 0.2]), starts, 5, batch=2)["gd"]["theta"].values
    assert len(np.unique(drawn[0], axis=0)) == 1
    # the hyperparameter does not choose the noise: the first step differs by it alone
    first = so.sweep(LOGISTIC, so.gd(eta=[0.1, 0.2]), np.zeros((5, D)), 1, noise=0.1)["gd"][
        "theta"
    ].values
    np.testing.assert_allclose(first[1], 2 * first[0], rtol=1e-14)


@pytest.mark.parametrize("tolerance", [0.1, 0.3])
def test_a_run_that_converges_has_the_loss_of_all_samples(tolerance):
    """Alone, beside runs that go on, and beside runs that converge as well."""
    j, k, m, d = sp.symbols("j k m d", integer=True)
    A, y, th = (sp.IndexedBase(name) for name in ("A", "y", "theta"))
    random = np.random.default_rng(0)
    data = {A: random.normal(size=(12, 3)), y: random.choice([-1.0, 1.0], size=12)}
    square = (sp.Sum(A[k, j] * th[j], (j, 0, d - 1)) - y[k]) ** 2
    cost = so.Cost(sp.Sum(square, (k, 0, m - 1)) / m, params=th, data=data, samples=k)
    how = {"steps": 400, "batch": 4, "tolerance": tolerance, "rng": 0}
    alone = so.minimize(cost, so.gd(eta=0.05), np.zeros(3), **how)
    assert alone.status == "converged"
    assert alone.loss == cost.value(alone.theta)
    for etas in ([0.05, 0.0001], [0.05, 0.05]):
        beside = so.sweep(cost, so.gd(eta=etas), np.zeros(3), **how)["gd"].isel(eta=0)
        assert (beside["loss"].item(), beside["steps"].item()) == (alone.loss, alone.steps)
