"""The same bits for costs with sums and for noise: compiled or plain Python, alone or in a sweep, threads, chunks."""

from itertools import cycle
from typing import Any

import numpy as np
import pytest
import sympy as sp
from sum_costs import ZOO, Instance, d, m

import symopt as so
from symopt.compiler.jit import cache
from symopt.compiler.runtime import blocks
from symopt.compiler.runtime.interpreter import evaluate
from symopt.costs import indexed
from symopt.ir.update import Update
from symopt.runs import launch

x, y, a = sp.symbols("x y a")
POLYNOMIAL = so.Cost(10 * (y - x**2) ** 2 + (a - x) ** 2, params=(x, y))(a=1.0)
WIDE = so.Cost(
    sum(
        sp.Symbol(f"z{k}") ** 4 / (k + 1) - sp.Symbol(f"z{k}") * sp.Symbol(f"z{k + 1}")
        for k in range(5)
    )
)
i, n = sp.symbols("i n", integer=True)
lam = sp.Symbol("lam")
theta = sp.IndexedBase("theta")
CHAIN = so.Cost(
    sp.Sum(lam * (theta[i + 1] - theta[i] ** 2) ** 2 + (1 - theta[i]) ** 2, (i, 0, n - 2)) / n,
    params=theta,
)


@so.rule(m=0, s=1, N=1)
def awkward(theta, m, s, N, *, grad, t, T, eta=0.05, beta=0.8, clip=1.0):
    """A rule with every feature: two gradients, sums, a scalar state, powers and kinks."""
    g = grad(theta + beta * m)
    g = g * sp.Min(1, clip / so.norm(g))
    s = s * (1 - beta**t / 2) + so.mean(sp.Abs(g)) / T
    m = beta * m - eta * (g + 0.1 * grad(theta)) / sp.sqrt(s)
    return theta + m, m, s, N * beta


@so.rule(z=so.theta0, v=0, iterate="z")
def averaged(theta, z, v, *, grad, t, eta=0.01):
    """A rule whose iterate is a state: the average of the path."""
    v = v + grad(theta) ** 2
    theta = theta - eta * grad(theta) / (1 + sp.sqrt(v))
    return theta, z + (theta - z) / t, v


SCHEDULED = so.adam(eta=0.1 * 0.99**so.t)
RULES = {
    "gd": so.gd(eta=1e-3), "momentum": so.momentum(eta=1e-3), "nesterov": so.nesterov(eta=1e-3),
    "nadam": so.nadam(eta=0.02), "adam": so.adam(eta=0.02), "scheduled": SCHEDULED, "awkward": awkward,
    "averaged": averaged,
}  # fmt: skip


def assert_same_bits(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    for key, values in one.items():
        np.testing.assert_array_equal(values, other[key], err_msg=key)


def arrays(study: so.Study, name: str) -> dict[str, Any]:
    """Return every numeric result of a study's rule."""
    return {
        key: variable.values
        for key, variable in study[name].variables.items()
        if variable.dtype.kind in "fi"
    }


def numbers(run: so.Run) -> dict[str, Any]:
    """Return the numbers of a run."""
    return {"theta": run.theta, "loss": run.loss, "best_theta": run.best_theta, "best_loss": run.best_loss,
            "steps": run.steps, "history": run._history}  # fmt: skip


def one_of(dataset: Any, **place: int) -> dict[str, Any]:
    """Return the numbers of one run of a sweep."""
    one = dataset.isel(place)
    history = np.column_stack([one["history_theta"], one["history_loss"]])
    names = ("theta", "loss", "best_theta", "best_loss", "steps")
    return {**{name: one[name].values for name in names}, "history": history}


# A kernel's own source in plain Python


def both(monkeypatch: pytest.MonkeyPatch, lanes: int, *args: Any, **options: Any) -> np.ndarray:
    """Run a sweep in blocks of so many lanes, compiled and as plain Python, and compare the blocks whole; return the steps made."""
    monkeypatch.setattr(launch, "_lanes", lambda *_, **__: lanes)
    compiled = so.sweep(*args, **options)
    (name,) = compiled
    assert compiled.finished[name].blocks.lanes == lanes
    with monkeypatch.context() as patch, np.errstate(all="ignore"):
        patch.setattr(cache, "kernel", lambda source: cache.load(source).advance)
        plain = so.sweep(*args, **options, threads=1)
    assert_same_bits(arrays(compiled, name), arrays(plain, name))
    one, other = (study.finished[name].blocks.blocks for study in (compiled, plain))
    for block, again in zip(one, other, strict=True):
        np.testing.assert_array_equal(block, again)
    return compiled[name]["steps"].values


def swept_over(one: Instance, count: int) -> Any:
    points = one.points(count) / 2
    return points if one.of.flat else one.mapping(points)


SHORT = {"steps": 17, "record": [0, 1, 5, 17], "targets": [1.0, 0.1], "tolerance": 0.05}
LONG = {**SHORT, "steps": 2, "record": [1, 2]}
CASES = [
    ("chain", "awkward", 1, {"noise": 0.1, "rng": (5, 2)}),
    ("chain", "adam", 1, {"tolerance": None}),
    ("chain", "nadam", 1, {"tolerance": None, "best": False}),
    ("logistic regression", "adam", 3, {"batch": 2}),
    pytest.param("softmax regression", "scheduled", 1, {}, marks=pytest.mark.slow),
    ("two layers, named", "momentum", 1, {"batch": 3, "replace": True, "noise": 0.2, "rng": 3}),
    pytest.param("lower triangle", "averaged", 1, {}, marks=pytest.mark.slow),
    pytest.param("Griewank", "nadam", 3, {}, marks=pytest.mark.slow),
    pytest.param("matrix factorisation", "gd", 1, {}, marks=pytest.mark.slow),
    ("a piece at one index", "nesterov", 3, {"paths": False, "best": False}),
]


@pytest.mark.parametrize(("cost", "rule", "lanes", "chance"), CASES, ids=lambda value: str(value))
def test_a_sum_kernel_s_own_source_in_plain_python_gives_its_bits(
    cost, rule, lanes, chance, monkeypatch
):
    of = ZOO[cost]
    small, large = of.at(of.sizes[-1]), of.at(of.large)
    for one, count, how in ((small, 4, SHORT), (large, min(lanes, 2), LONG)):
        start = swept_over(one, count)
        assert both(
            monkeypatch, lanes, one.cost, RULES[rule], start, **{**how, **chance}, **of.constants
        ).any()


NOT_BY_BATCHES = {
    "three layers, named, with ranges",
    "a name with a penalty",
}  # stored by k, and read by p


@pytest.mark.parametrize("cost", sorted(NOT_BY_BATCHES))
def test_what_is_stored_for_samples_is_not_read_for_others(cost):
    one = ZOO[cost].at(ZOO[cost].sizes[-1])
    with pytest.raises(
        so.CostError,
        match="H is stored for the samples of a batch, but read at another index than k",
    ):
        so.minimize(one.cost, "gd", one.mapping(one.theta), 3, batch=1, **one.of.constants)


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize(
    ("cost", "rule"), [*zip(ZOO, cycle(RULES)), *(("chain", rule) for rule in list(RULES)[1:])]
)
def test_every_cost_and_rule_in_plain_python(cost, rule, lanes, monkeypatch):
    one = ZOO[cost].at(ZOO[cost].sizes[-1])
    chance = (
        {"noise": 0.1, "batch": max(one.sizes[m] - 1, 1)}
        if one.of.samples and cost not in NOT_BY_BATCHES
        else {}
    )
    for how in ({}, chance) if chance else ({},):
        start = swept_over(one, 4)
        both(
            monkeypatch, lanes, one.cost, RULES[rule], start, **{**SHORT, **how}, **one.of.constants
        )


@pytest.mark.parametrize(
    ("cost", "rule", "lanes"),
    [(POLYNOMIAL, awkward, 1), (POLYNOMIAL, SCHEDULED, 3), (WIDE, awkward, 1), (WIDE, so.gd(), 3)],
)
def test_noise_of_a_plain_cost_in_plain_python(cost, rule, lanes, monkeypatch):
    starts = np.random.default_rng(1).uniform(-1, 1, (4, cost.size))
    both(monkeypatch, lanes, cost, rule, starts, **SHORT, noise=0.2, rng=(7, 1 << 40))


def test_swept_values_in_plain_python(monkeypatch):
    starts = np.random.default_rng(1).uniform(-1, 1, (2, 6))
    rule = so.adam(eta=[0.01, 0.1], beta1=[0.5, 0.9])
    both(monkeypatch, 3, CHAIN, rule, starts, **SHORT, noise=0.1, lam=[1.0, 100.0])


# Value, gradient and run


@pytest.mark.parametrize(
    "cost", ["chain", *(pytest.param(c, marks=pytest.mark.slow) for c in ZOO if c != "chain")]
)
def test_value_gradient_and_run_agree(cost):
    of = ZOO[cost]
    eta = 1e-4
    for one in (of.at(of.sizes[-1]), of.at(of.large)):
        J = one.cost(**of.constants)
        run = so.minimize(J, so.gd(eta=eta), one.theta if of.flat else one.mapping(one.theta), 6)
        path = run.history["theta"].values[: run.steps + 1]
        points = path if of.flat else one.mapping(path)
        np.testing.assert_array_equal(J.value(points), run.history["loss"][: run.steps + 1])
        np.testing.assert_array_equal(stepped(path, J.grad(points), eta)[:-1], path[1:])
        for k in (0, run.steps):
            assert J.value(path[k] if of.flat else one.mapping(path[k])) == run.history["loss"][k]


def stepped(points: np.ndarray, slopes: np.ndarray, eta: float) -> np.ndarray:
    """Return where gd goes, worked out in plain Python from the program of its update."""
    update: Update = so.gd.update
    new = [
        evaluate(update.program, {"theta": p, ("grad", 0): g, ("hyper", "eta"): eta})[
            "new", "theta"
        ]
        for p, g in zip(points.ravel(), slopes.ravel(), strict=True)
    ]
    return np.reshape(new, points.shape)


# Alone and together

LOGISTIC = ZOO["logistic regression"].at({**ZOO["logistic regression"].large, d: 5}).cost(lam=0.01)
STARTS = np.random.default_rng(0).normal(size=(70, 5))
RECORD = [0, 7, 40]
CHANCES = {
    "full": {},
    "drawn": {"batch": 16, "noise": 0.1, "rng": 5},
}


def together(chance: str, threads: int | None = None, etas: Any = (0.01, 0.1, 0.5)) -> so.Study:
    """Return a sweep over many starts and etas, in blocks of lanes."""
    rule = so.adam(eta=list(etas))
    return so.sweep(LOGISTIC, rule, STARTS, 40, record=RECORD, threads=threads, **CHANCES[chance])


@pytest.mark.parametrize("chance", CHANCES)
def test_a_run_alone_and_among_many_starts_and_etas(chance):
    study = together(chance)
    assert study.finished["adam"].blocks.lanes > 1
    options = dict(CHANCES[chance])
    seed = options.pop("rng", 0)
    for e, eta, k in ((0, 0.01, 0), (1, 0.1, 33), (2, 0.5, 69)):
        alone = so.minimize(
            LOGISTIC,
            so.adam(eta=eta),
            STARTS[k],
            40,
            record=RECORD,
            paths=True,
            **options,
            rng=(seed, k),
        )
        assert_same_bits(numbers(alone), one_of(study["adam"], eta=e, start=k))


@pytest.mark.parametrize("chance", CHANCES)
def test_threads_and_chunks(chance, monkeypatch):
    whole = arrays(together(chance), "adam")
    assert_same_bits(whole, arrays(together(chance, threads=1), "adam"))
    assert_same_bits(whole, arrays(together(chance, threads=2), "adam"))
    monkeypatch.setattr(blocks, "FIRST_CHUNK", 7)
    monkeypatch.setattr(blocks, "CHUNK_SECONDS", 0.0)
    assert_same_bits(whole, arrays(together(chance, threads=2), "adam"))
    monkeypatch.setattr(blocks, "LARGEST_BUFFER", 64)  # few records and few batches at a time
    assert_same_bits(whole, arrays(together(chance, threads=2), "adam"))


@pytest.mark.parametrize("chance", CHANCES)
def test_the_chunks_of_a_run_alone(chance, monkeypatch):
    run = lambda: numbers(
        so.minimize(LOGISTIC, so.adam(eta=0.1), STARTS[3], 40, record=RECORD, **CHANCES[chance])
    )
    whole = run()
    monkeypatch.setattr(blocks, "FIRST_CHUNK", 3)
    monkeypatch.setattr(blocks, "CHUNK_SECONDS", 0.0)
    monkeypatch.setattr(blocks, "LARGEST_BUFFER", 32)
    assert_same_bits(whole, run())


def test_the_neighbours_of_a_run_change_nothing():
    """A sweep of other runs beside it, of which some diverge."""
    many = so.sweep(
        CHAIN, so.momentum(eta=[1e-3, 5.0]), np.full((40, 6), 0.5), 40, record=RECORD, lam=10.0
    )["momentum"]
    assert set(many["status"].values[1]) <= {"diverged", "non-finite"}
    few = so.sweep(
        CHAIN, so.momentum(eta=[1e-3, 1e-4]), np.full((2, 6), 0.5), 40, record=RECORD, lam=10.0
    )["momentum"]
    assert_same_bits(one_of(many, eta=0, start=39), one_of(few, eta=0, start=1))


def test_swept_and_fixed_constants_and_hyperparameters():
    start = np.random.default_rng(2).uniform(-1, 1, 7)
    how = {"steps": 40, "record": RECORD, "noise": 0.3}
    rule = so.nadam(eta=[0.001, 0.01], beta1=[0.8, 0.9], momentum_decay=[0.004, 0.5])
    swept = so.sweep(CHAIN, rule, start, **how, lam=[1.0, 50.0])["nadam"]
    for e, b, f, c in ((0, 0, 0, 0), (1, 0, 1, 1), (0, 1, 1, 0)):
        values = {
            "eta": [0.001, 0.01][e],
            "beta1": [0.8, 0.9][b],
            "momentum_decay": [0.004, 0.5][f],
        }
        alone = so.minimize(CHAIN, so.nadam(**values), start, **how, lam=[1.0, 50.0][c])
        place = {"eta": e, "beta1": b, "momentum_decay": f, "cost.lam": c}
        assert_same_bits(numbers(alone), one_of(swept, **place))


def test_runs_of_many_parameters_which_are_not_in_lanes(monkeypatch):
    starts = np.random.default_rng(2).uniform(-1, 1, (3, indexed.LARGEST_IN_LANES + 133))
    how = {"steps": 20, "record": [0, 5, 20], "noise": 0.3, "lam": 10.0}
    rule = so.momentum(eta=[0.001, 0.01])
    study = so.sweep(CHAIN, rule, starts, **how)
    assert study.finished["momentum"].blocks.lanes == 1
    alone = so.minimize(CHAIN, so.momentum(eta=0.01), starts[2], **how, rng=(0, 2))
    assert_same_bits(numbers(alone), one_of(study["momentum"], eta=1, start=2))
    assert_same_bits(
        arrays(study, "momentum"),
        arrays(so.sweep(CHAIN, rule, starts, **how, threads=1), "momentum"),
    )
    monkeypatch.setattr(indexed, "LARGEST_IN_LANES", 10_000)
    laned = so.sweep(CHAIN, rule, starts, **how)
    assert laned.finished["momentum"].blocks.lanes > 1
    assert_same_bits(arrays(study, "momentum"), arrays(laned, "momentum"))


FAILING = {
    "gd": (so.gd(eta=[1e-3, 3.0, 6.0, 40.0]), {}),
    "awkward": (awkward(eta=[1e-3, 0.3, 2.0, 1e9]), {}),
    "noise": (so.momentum(eta=[1e-3, 0.5, 1.0, 40.0]), {"noise": 1.0, "tolerance": 1e-2}),
}


@pytest.mark.parametrize("limit", [9.0, 1e20])
@pytest.mark.parametrize("name", FAILING)
def test_a_step_that_fails_alone_and_in_lanes(name, limit, monkeypatch):
    """Alone, theta and states come back from the start of the chunk; in lanes, from the step before."""
    rule, how = FAILING[name]
    starts = np.random.default_rng(5).uniform(-1, 1, (3, 40))
    how = {"steps": 60, "record": True, "targets": [3.0, 1.0], "lam": 10.0, "limit": limit, **how}
    monkeypatch.setattr(launch, "_lanes", lambda *_, **__: 3)
    laned = so.sweep(CHAIN, rule, starts, **how)
    monkeypatch.setattr(launch, "_lanes", lambda *_, **__: 1)
    alone = so.sweep(CHAIN, rule, starts, **how)
    assert {"diverged", "budget spent"} <= set(laned[rule.name]["status"].values.ravel())
    assert len(np.unique(laned[rule.name]["steps"])) > 2
    for first in (1024, 7, 1):
        monkeypatch.setattr(blocks, "FIRST_CHUNK", first)
        monkeypatch.setattr(blocks, "CHUNK_SECONDS", 0.0)
        again = so.sweep(CHAIN, rule, starts, **how)
        for one in (alone, again):
            assert_same_bits(arrays(laned, rule.name), arrays(one, rule.name))
            np.testing.assert_array_equal(laned[rule.name]["status"], one[rule.name]["status"])
        states = (study.finished[rule.name].outcome.states for study in (laned, again))
        assert_same_bits(*states)


# Inverses and determinants


def gaussian() -> so.Cost:
    """The likelihood of a precision, by elimination."""
    size = sp.Symbol("d", integer=True, positive=True)
    S, A = (sp.MatrixSymbol(name, size, size) for name in "SA")
    spread = np.array([[2.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 3.0]])
    J = sp.log(sp.Determinant(S)) + sp.Trace(S.inv() * A) + sp.Determinant(A + S)
    return so.Cost(J, params=S, data={A: spread})


@pytest.mark.parametrize("lanes", [1, 3])
def test_inverses_have_the_bits_of_plain_python(lanes, monkeypatch):
    starts = np.eye(3).ravel() + np.random.default_rng(2).uniform(-0.4, 0.4, (5, 9))
    assert both(monkeypatch, lanes, gaussian(), so.momentum(eta=1e-3), starts, steps=20).all()


def test_inverses_alone_and_together():
    J, rule = gaussian(), so.adam(eta=1e-2)
    starts = np.eye(3).ravel() + np.random.default_rng(2).uniform(-0.4, 0.4, (40, 9))
    study = so.sweep(J, rule, starts, steps=30, record=True)
    for k in (0, 17, 39):
        alone = so.minimize(J, rule, starts[k], steps=30, record=True)
        assert_same_bits(numbers(alone), one_of(study["adam"], start=k))


# Noise of a cost without sums


@pytest.mark.parametrize(
    ("cost", "rule"), [(POLYNOMIAL, awkward), (WIDE, so.momentum())], ids=["written out", "looped"]
)
def test_noise_alone_and_together(cost, rule, monkeypatch):
    starts = np.random.default_rng(1).uniform(-1, 1, (200, cost.size))
    how = {"steps": 50, "record": RECORD, "noise": 0.2}
    run = lambda threads: so.sweep(cost, rule, starts, **how, rng=11, threads=threads)
    study = run(None)
    whole = arrays(study, rule.name)
    for k in (0, 131, 199):
        alone = so.minimize(cost, rule, starts[k], **how, rng=(11, k))
        assert_same_bits(numbers(alone), one_of(study[rule.name], start=k))
    monkeypatch.setattr(blocks, "FIRST_CHUNK", 7)
    monkeypatch.setattr(blocks, "CHUNK_SECONDS", 0.0)
    for threads in (1, 2):
        assert_same_bits(whole, arrays(run(threads), rule.name))


def test_a_sum_kernel_and_a_written_out_one_take_the_same_noise():
    """The normal numbers are those of seed, stream, step, gradient and coordinate, whichever kernel draws them."""
    steep = sp.Sum(theta[i], (i, 0, n - 1))
    start, how = np.zeros(3), {"steps": 12, "noise": 0.7, "rng": (8, 3)}
    summed = so.minimize(so.Cost(steep, params=theta), so.gd(eta=1.0), start, **how)
    plain = so.minimize(so.Cost(sum(sp.symbols("u v w"))), so.gd(eta=1.0), start, **how)
    np.testing.assert_array_equal(summed.history["theta"], plain.history["theta"])
    assert len(np.unique(np.diff(plain.history["theta"], axis=0))) == 36
