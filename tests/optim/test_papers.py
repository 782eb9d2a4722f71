"""What the papers say of their own rules, in numbers: each rule against its paper's rate, bound or example."""

import inspect
from functools import cache

import numpy as np
import pytest
import sympy as sp
import xarray as xr

import symopt as so

x, y, L, mu, tau = sp.symbols("x y L mu tau")
i, k, n, m = sp.symbols("i k n m", integer=True)
X, c = sp.IndexedBase("x", shape=(n,)), sp.IndexedBase("c")
RHO = 1 + np.sqrt(2)  # the silver ratio
RADIUS, SMOOTH = (
    2.0,
    3.0,
)  # |x_0 - x*| and L of the worst cases: neither is 1, so that a lost factor shows
KAPPAS = [10.0, 100.0, 1000.0]

# the worst function of a method with few steps: it pulls with L*tau from afar, and L is its curvature near 0
HUBER = so.Cost(
    L * sp.Piecewise((x**2 / 2, sp.Abs(x) <= tau), (tau * sp.Abs(x) - tau**2 / 2, True)), params=[x]
)
PLACES = sp.symbols("x:3")
ENTRIES = {name: sp.Symbol(name) for name in ("a00", "a01", "a02", "a11", "a12", "a22")}
HESSIAN = sp.Matrix(3, 3, lambda p, q: ENTRIES[f"a{min(p, q)}{max(p, q)}"])
BOWL = (sp.Matrix([PLACES]) * HESSIAN * sp.Matrix(PLACES))[0] / 2
QUADRATIC = so.Cost(BOWL, params=PLACES)
# eigenvalues mu, and from mu (far from x = y) to L (on it): no quadratic, and its minimum is 0
VALLEY = so.Cost(mu * (x**2 + y**2) / 2 + (L - mu) / 2 * sp.log(sp.cosh(x - y)), params=[x, y])
# Lessard, Recht and Packard (2016): slope 25x, then x + 24, then 25x - 24; mu = 1, L = 25
BENT = so.Cost(
    sp.Piecewise(
        (25 * x**2 / 2, x < 1), (x**2 / 2 + 24 * x - 12, x < 2), (25 * x**2 / 2 - 24 * x + 36, True)
    ),
    params=[x],
)


def hessian(matrix):
    """Return the constants of QUADRATIC."""
    return {name: float(matrix[int(name[1]), int(name[2])]) for name in ENTRIES}


def random_hessians(draws, seed=0):
    """Return the constants of random quadratics with largest curvature L, the others log-uniform down to 1e-4 of it."""
    rng = np.random.default_rng(seed)
    turns = np.linalg.qr(rng.normal(size=(draws, 3, 3)))[0]
    spectra = SMOOTH * np.c_[np.ones(draws), 10 ** rng.uniform(-4, 0, (draws, 2))]
    matrices = np.einsum("dij,dj,dkj->dik", turns, spectra, turns)
    return {
        name: xr.DataArray(matrices[:, int(name[1]), int(name[2])], dims="draw") for name in ENTRIES
    }


def on_huber(rule, steps, thresholds):
    """Return f_N - f* after so many steps from RADIUS, over thresholds."""
    study = so.sweep(HUBER, rule, [RADIUS], steps, L=SMOOTH, tau=np.atleast_1d(thresholds))
    return study[rule.name]["loss"].values


def on_quadratics(rule, steps):
    """Return the largest f_N - f* on 300 random convex quadratics from distance RADIUS."""
    study = so.sweep(
        QUADRATIC, rule, RADIUS * np.ones((1, 3)) / np.sqrt(3), steps, **random_hessians(300)
    )
    return float(study[rule.name]["loss"].max())


def ogm_theta(steps):
    """Return theta_N of OGM, whose last step has an 8 where the others have a 4."""
    value = 1.0
    for step in range(1, steps + 1):
        value = (1 + np.sqrt(1 + (8 if step == steps else 4) * value**2)) / 2
    return value


# worst cases: gd, OGM, silver


@pytest.mark.parametrize("steps", [1, 2, 5, 20, 100])
def test_gradient_descent_attains_drori_and_teboulles_bound(steps):
    """f_N - f* <= L*R**2/(4N + 2), tight on a Huber function (Drori and Teboulle 2014)."""
    rule, bound = so.gd(eta=1 / SMOOTH), SMOOTH * RADIUS**2 / (4 * steps + 2)
    worst = RADIUS / (2 * steps + 1)
    assert on_huber(rule, steps, worst) == pytest.approx(bound, rel=1e-12)
    assert on_huber(rule, steps, RADIUS * np.geomspace(1e-4, 2, 500)).max() <= bound
    assert on_quadratics(rule, steps) < bound


@pytest.mark.parametrize("steps", [1, 2, 5, 20, 100])
def test_ogm_attains_its_bound(steps):
    """f_N - f* <= L*R**2/(2*theta_N**2) (Kim and Fessler 2016); tight on a Huber function and on L*x**2/2 (2017)."""
    rule, theta = so.ogm(eta=1 / SMOOTH), ogm_theta(steps)
    bound = SMOOTH * RADIUS**2 / (2 * theta**2)
    assert on_huber(rule, steps, RADIUS / theta**2) == pytest.approx(bound, rel=1e-11)
    assert on_huber(rule, steps, 10 * RADIUS) == pytest.approx(bound, rel=1e-11)  # that is L*x**2/2
    assert on_huber(rule, steps, RADIUS * np.geomspace(1e-4, 2, 500)).max() <= bound * (1 + 1e-11)
    assert on_quadratics(rule, steps) <= bound
    assert bound <= SMOOTH * RADIUS**2 / ((steps + 1) * (steps + 1 + np.sqrt(2))) * (1 + 1e-12)


def silver_bound(k):
    """Return the paper's bound after 2**k - 1 steps."""
    return SMOOTH * RADIUS**2 / (1 + np.sqrt(4 * RHO ** (2 * k) - 3))


@pytest.mark.parametrize("k", range(1, 7))
def test_silver_steps_keep_their_bound(k):
    """f_n - f* <= L*R**2/(1 + sqrt(4*rho**(2k) - 3)) for n = 2**k - 1 (Altschuler and Parrilo 2023, II).

    No function here attains it. The steps sum to rho**k - 1, so that on Huber functions f_n - f* is at most
    L*R**2/(4*rho**k - 2): less than the bound by a factor that grows from 1.39 to 2.
    """
    rule, steps, bound = so.silver(eta=1 / SMOOTH), 2**k - 1, silver_bound(k)
    reached = SMOOTH * RADIUS**2 / (4 * RHO**k - 2)
    assert on_huber(rule, steps, RADIUS / (2 * RHO**k - 1)) == pytest.approx(reached, rel=1e-11)
    assert on_huber(rule, steps, RADIUS * np.geomspace(1e-4, 2, 2000)).max() <= reached * (
        1 + 1e-11
    )
    assert 1.39 * reached < bound < 2 * reached
    assert on_quadratics(rule, steps) < reached


def test_silver_steps_are_the_papers():
    """The first seven are sqrt2, 2, sqrt2, 2 + sqrt2, sqrt2, 2, sqrt2; the bound goes as n**-1.2716."""
    run = so.minimize(HUBER, so.silver(eta=0.5), [1000.0], 7, L=2.0, tau=0.5)  # the slope is 1
    root = np.sqrt(2)
    assert -np.diff(run.history["theta"].values[:, 0]) == pytest.approx(
        np.array([root, 2, root, 2 + root, root, 2, root]) / 2
    )
    assert np.log2(silver_bound(29) / silver_bound(30)) == pytest.approx(1.2716, abs=1e-4)


# linear rates: heavy ball, triple momentum


@pytest.mark.parametrize("kappa", KAPPAS)
def test_heavy_ball_has_polyaks_rate_on_quadratics(kappa):
    """(sqrt(kappa) - 1)/(sqrt(kappa) + 1), with the parameters that are best for quadratics (Polyak 1964)."""
    root = np.sqrt(kappa)
    steps = int(14 * root)
    spectrum = hessian(np.diag([1.0, root, kappa]))
    runs = [
        so.minimize(QUADRATIC, rule, [1.0, 1.0, 1.0], steps, **spectrum)
        for rule in (
            so.heavy_ball(eta=1 / kappa, kappa=kappa),
            so.momentum(eta=4 / (root + 1) ** 2, beta=((root - 1) / (root + 1)) ** 2),
        )
    ]
    found = so.measure.rate(runs[0])
    assert found.regime in ("linear", "defective")  # the roots at both ends are double
    assert found.factor == pytest.approx((root - 1) / (root + 1), rel=2e-3 if kappa < 50 else 1e-3)
    paths = [run.history["theta"].values for run in runs]
    assert paths[0] == pytest.approx(paths[1], rel=1e-6, abs=1e-9)


def test_momentum_with_polyaks_parameters_cycles():
    """Period 3 on a strongly convex function with kappa = 25, from 3.3 (Lessard, Recht and Packard 2016)."""
    p, q, r = 792 / 1225, -2208 / 1225, 2592 / 1225  # the paper's 0.65, -1.80 and 2.12
    for rule in (so.momentum(eta=1 / 9, beta=4 / 9), so.heavy_ball(eta=1 / 25, kappa=25.0)):
        last = so.minimize(BENT, rule, [3.3], 900).history["theta"].values[-300:, 0]
        assert last[3:] == pytest.approx(last[:-3], abs=1e-12)
        assert sorted(last[:3]) == pytest.approx([q, p, r], abs=1e-12)
        assert sorted([p, q, r]) == pytest.approx([-1.80, 0.65, 2.12], abs=5e-3)
        assert so.minimize(BENT, rule, [0.5], 200).theta == pytest.approx(
            0, abs=1e-12
        )  # within one quadratic


def test_triple_momentum_does_not_cycle():
    """It converges where heavy ball does not, by at least 1 - 1/sqrt(kappa) a step (Van Scoy et al. 2018)."""
    run = so.minimize(BENT, so.triple_momentum(eta=1 / 25, kappa=25.0), [3.3], 300)
    assert run.theta == pytest.approx(0, abs=1e-12)
    assert so.measure.rate(run, minimum=[0.0]).factor <= 0.8 * (1 + 1e-3)


@pytest.mark.parametrize("kappa", KAPPAS)
def test_triple_momentum_has_its_rate(kappa):
    """1 - 1/sqrt(kappa) on every smooth strongly convex function (Van Scoy, Freeman and Lynch 2018)."""
    rule, root = so.triple_momentum(eta=1 / kappa, kappa=kappa), np.sqrt(kappa)
    steps = int(28 * root)
    runs = [
        so.minimize(
            QUADRATIC, rule, [1.0, 1.0, 1.0], steps, **hessian(np.diag([1.0, root, kappa]))
        ),
        so.minimize(VALLEY, rule, [5.0, -2.0], steps, L=kappa, mu=1.0),
    ]
    for run in runs:
        found = so.measure.rate(run, minimum=np.zeros(len(run.theta)))
        assert found.regime in ("linear", "defective")
        assert found.factor == pytest.approx(1 - 1 / root, rel=2e-3 if kappa < 50 else 5e-4)
    first = runs[0].history["theta"].values[1]  # of x, not of xi: a step of sqrt(kappa)/L
    assert first == pytest.approx(
        1 - root / kappa * np.array([1.0, root, kappa]), rel=1e-9, abs=1e-12
    )
    assert (
        (root - 1) / (root + 1) < 1 - 1 / root < np.sqrt(1 - 1 / root)
    )  # heavy ball on quadratics, it, Nesterov


# Polyak's step


@cache
def absolute():
    return so.Cost(sp.Sum(sp.Abs(X[i]), (i, 0, n - 1)), params=X, optimal_value=0.0)


@pytest.mark.parametrize("start", [-7.0, 0.001, 3.0, 1e9])
def test_polyaks_step_solves_a_distance_in_one_step(start):
    """|x|: (f - f*)/|g|**2 is the distance itself (Polyak 1969); at the minimum nothing moves."""
    run = so.minimize(absolute(), so.polyak_step(), [start], 3)
    assert run.history["theta"].values[1:, 0] == pytest.approx(0, abs=1e-12 * abs(start))
    assert run.status != so.Status.NONFINITE


@pytest.mark.parametrize("seed", range(3))
def test_polyaks_step_comes_nearer_in_every_step(seed):
    """|x_t - x*| falls, and the best of t + 1 values is at most G*R/sqrt(t + 1) (Polyak 1969)."""
    start = np.random.default_rng(seed).normal(size=10) * np.geomspace(0.01, 100, 10)
    history = so.minimize(absolute(), so.polyak_step(), start, 300).history
    distance, loss = np.linalg.norm(history["theta"], axis=1), history["loss"].values
    moving = loss[:-1] > 1e-9 * loss[0]
    assert moving.sum() > 5
    assert (np.diff(distance)[moving] < 0).all()
    # each step takes off the squared distance at least (f - f*)**2/|g|**2, and |g| <= G = sqrt(10)
    assert (-np.diff(distance**2)[moving] >= loss[:-1][moving] ** 2 / 10 * (1 - 1e-6)).all()
    bound = np.sqrt(10) * distance[0] / np.sqrt(np.arange(1, len(loss) + 1))
    assert (np.minimum.accumulate(loss) <= bound).all()


@pytest.mark.parametrize("kappa", KAPPAS)
def test_polyaks_step_is_linear_on_quadratics(kappa):
    """|x - x*|**2 falls by a factor of at most 1 - 1/kappa a step, without knowing mu or L (Polyak 1969).

    Hazan and Kakade (2019) have 1 - 1/(4*kappa) for all smooth strongly convex functions. On quadratics Kantorovich's
    inequality gives 1 - 3*kappa/(1 + kappa)**2, which the first step from (sqrt(kappa), 0, 1) attains.
    """
    cost = so.Cost(BOWL, params=PLACES, optimal_value=0.0)
    constants = hessian(np.diag([1.0, np.sqrt(kappa), kappa]))
    sharp = 1 - 3 * kappa / (1 + kappa) ** 2
    for start in ([np.sqrt(kappa), 0.0, 1.0], [1.0, 1.0, 1.0], [5.0, -1.0, 0.3]):
        path = so.minimize(cost, so.polyak_step(), start, 200, **constants).history["theta"].values
        square = (path**2).sum(axis=1)
        square = square[square > 1e-20]
        factors = square[1:] / square[:-1]
        assert factors.max() <= min(sharp, 1 - 1 / kappa) + 1e-9
        if start[1] == 0:
            assert factors[0] == pytest.approx(sharp, rel=1e-9)


# Newton, QHM


def test_newton_solves_a_quadratic_in_one_step():
    """Newton's method is exact on a quadratic, whatever its condition (here 1e4)."""
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    matrix = turn @ np.diag([1.0, 1e2, 1e4]) @ turn.T
    run = so.minimize(QUADRATIC, so.newton(), [3.0, -40.0, 0.5], 1, **hessian(matrix))
    assert run.theta == pytest.approx(0, abs=1e-8)


def test_newton_squares_the_error():
    """On x - log(x) the next error is the square of the last (Kantorovich 1948 gives order 2 near any minimum)."""
    run = so.minimize(so.Cost(x - sp.log(x), params=[x]), so.newton(), [0.01], 14)
    errors = 1 - run.history["theta"].values[:, 0]
    seen = errors > 1e-6
    assert errors[seen] == pytest.approx(0.99 ** (2.0 ** np.arange(seen.sum())), rel=1e-6)
    found = so.measure.rate(run, minimum=[1.0])
    assert found.regime == "superlinear"
    assert found.order == pytest.approx(2, abs=0.05)


BENDS = so.Cost((1 - x) ** 2 + 5 * (y - x**2) ** 2, params=[x, y])


@pytest.mark.parametrize(
    ("nu", "known"),
    [
        (0.0, so.gd(eta=0.01)),
        (1.0, so.momentum(eta=0.01 * 0.1, beta=0.9)),  # the average of the gradients, not their sum
        (0.9, so.nesterov(eta=0.01 * 0.1, beta=0.9, shifted=True)),
    ],
)
def test_qhm_is_gd_momentum_and_nesterov(nu, known):
    """nu = 0, nu = 1 and nu = beta (Ma and Yarats 2018)."""
    paths = [
        so.minimize(BENDS, rule, [-1.2, 1.0], 300).history["theta"].values
        for rule in (so.qhm(eta=0.01, beta=0.9, nu=nu), known)
    ]
    assert paths[0] == pytest.approx(paths[1], rel=1e-10, abs=1e-12)


# Adam and AMSGrad


def online(rule, **values):
    """Return a rule of symopt as the online example has it: the slope changes with t, theta is projected onto [-1, 1].

    The equations are the rule's own; symopt has neither costs that change nor a projection.
    """

    def projected(theta, *state, grad, slope, **given):
        new = rule.function(theta, *state, grad=lambda point: slope * grad(point), **given)
        return (sp.Max(-1, sp.Min(1, new[0])), *new[1:])

    signature = inspect.signature(rule.function)
    slope = inspect.Parameter("slope", inspect.Parameter.KEYWORD_ONLY, default=1.0)
    projected.__signature__ = signature.replace(parameters=[*signature.parameters.values(), slope])
    return so.rule(**rule.states)(projected)(**values)


@pytest.mark.parametrize("name", ["adam", "amsgrad"])
def test_adam_ends_at_the_worst_point_and_amsgrad_at_the_best(name):
    """f_t = C*x if t mod 3 = 1, else -x, on [-1, 1], C = 3, beta1 = 0, beta2 = 1/(1 + C**2) (Reddi et al. 2018).

    From 1 Adam is back at 1 after every period, and each costs it 2C - 4 more than -1 would have (theorem 1).
    """
    C, steps = 3.0, 6000
    slope = sp.Piecewise((C, sp.Eq(sp.Mod(so.t, 3), 1)), (-1, True))
    values = {"eta": 0.5 / sp.sqrt(so.t), "beta1": 0.0, "beta2": 1 / (1 + C**2), "epsilon": 0.0}
    made = online(so.optimizers[name], slope=slope, **values)
    theta = so.minimize(so.Cost(x, params=[x]), made, [1.0], steps).history["theta"].values[:, 0]
    periods = theta[:-1].reshape(-1, 3)
    regret = periods @ [C, -1, -1] - (2 - C)  # of each period, over that of -1
    if name == "adam":
        assert (periods[:, 0] == 1).all()
        assert (theta > 0).all()
        assert (regret >= 2 * C - 4).all()
    else:
        assert (theta[-100:] < -0.97).all()
        assert abs(regret[-100:]).max() < 0.05
        assert regret.mean() < 0.15 * (2 * C - 4)


def test_adam_climbs_a_line_whose_slopes_are_shuffled():
    """Slopes C, -1, -1 in random order, C = 3: the mean is positive, and Adam goes up (Reddi et al. 2018, theorem 3).

    Without the interval, so that nothing but the sign of the drift is compared.
    """
    cost = so.Cost(
        sp.Sum(c[k] * x, (k, 0, m - 1)) / m, params=[x], data={c: [3.0, -1.0, -1.0]}, samples=k
    )
    values = {"eta": 0.01, "beta1": 0.0, "beta2": 0.1}
    drift = {
        rule.name: np.array(
            [
                so.minimize(cost, rule(**values), [0.0], 3000, batch=1, rng=s).theta[0]
                for s in range(4)
            ]
        )
        for rule in (so.adam, so.amsgrad)
    }
    assert (drift["adam"] > 1).all()
    assert drift["amsgrad"] == pytest.approx(-0.01 * 1000 / 3, rel=0.05)
