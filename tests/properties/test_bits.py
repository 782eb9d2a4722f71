"""The same bits: compiled or plain Python, alone or in a batch, for any threads and chunks."""

from itertools import cycle, product

import numpy as np
import pytest
import sympy as sp

import symopt as so
from symopt.compiler.codegen.kernels.select import Options, write_kernel
from symopt.compiler.jit import cache
from symopt.compiler.runtime import blocks
from symopt.compiler.runtime.blocks import BlockBatch
from symopt.compiler.runtime.interpreter import evaluate
from symopt.compiler.runtime.job import Job
from symopt.ir.keys import Constant, Given

x, y, a = sp.symbols("x y a")
POLYNOMIAL = so.Cost(100 * (y - x**2) ** 2 + (a - x) ** 2, params=(x, y))(a=1.0)
ACKLEY = so.parse("-20*exp(-0.2*sqrt((x^2+y^2)/2)) - exp((cos(2*pi*x)+cos(2*pi*y))/2) + e + 20")
ODD = so.Cost(
    sp.log(1 + sp.exp(x * y)) + sp.Abs(x - y) ** sp.Rational(3, 2) + sp.Piecewise((sp.sqrt(x), x > 0), (sp.tanh(y), True))
    + sp.Max(x, y) ** 2 + sp.atan(x) * sp.erf(y) + (x**2 + 1) ** y
)  # fmt: skip
WIDE = so.Cost(
    sum(
        sp.Symbol(f"z{k}") ** 4 / (k + 1) - sp.sin(sp.Symbol(f"z{k}") * sp.Symbol(f"z{k + 1}"))
        for k in range(6)
    )
)
COSTS = {
    name: so.Cost(cost, optimal_value=-1.0)
    for name, cost in {"polynomial": POLYNOMIAL, "ackley": ACKLEY, "odd": ODD, "wide": WIDE}.items()
}


@so.rule(m=0, s=1, N=1)
def awkward(theta, m, s, N, *, grad, t, T, eta=0.05, beta=0.8, clip=1.0):
    """A rule with every feature: two gradients, sums, a scalar state, powers and kinks."""
    g = grad(theta + beta * m)
    g = g * sp.Min(1, clip / so.norm(g))
    s = s * (1 - beta**t / 2) + so.mean(sp.Abs(g)) / T
    m = beta * m - eta * (g + 0.1 * grad(theta)) / sp.sqrt(s)
    return theta + m, m, s, N * beta


WRAPPED = so.noisy(so.clip_norm(so.lookahead(so.restart(so.nesterov(eta=0.02)), k=3), 5.0), 0.1)
MIXED = {
    "awkward": awkward,
    "scheduled": so.adam(eta=0.1 * 0.99**so.t),
    "wrapped": so.average(WRAPPED),
}
RULES = {**so.optimizers, **MIXED}
MOST = ["adam", "awkward", "wrapped"]  # on every cost


def pairs(turns):
    """Return every cost with every rule: the rules but for those above on one cost by turns, the rest slow."""
    turn = dict(zip([name for name in RULES if name not in MOST], cycle(turns), strict=False))
    for cost, rule in product(COSTS, RULES):
        often = rule in MOST or turn[rule] == cost
        if "gauss_newton" not in RULES[rule].needs or cost == "polynomial":
            yield pytest.param(cost, rule, marks=[] if often else pytest.mark.slow)


def arrays(study, name):
    """Return every numeric result of a study's rule."""
    return {
        key: variable.values
        for key, variable in study[name].variables.items()
        if variable.dtype.kind in "fi"
    }


def assert_same_bits(one, other):
    for key, values in one.items():
        np.testing.assert_array_equal(values, other[key], err_msg=key)


@pytest.mark.parametrize(("cost", "rule"), list(pairs(["polynomial", "none", "wide", "none"])))
def test_a_kernel_s_own_source_in_plain_python_gives_its_bits(cost, rule):
    objective, optimizer = COSTS[cost], RULES[rule]
    update = optimizer.update
    options = Options(lanes=3, targets=1, tolerance=True)
    matrices = {stage.matrix for stage in update.stages if stage.kind == "solve"}
    program = objective.objective.kernel_program(matrices, batch=False)
    kernel = write_kernel(program, update, objective.size, options)
    given = {Given(name): _value(optimizer, name) for name in update.given} | {Constant("a"): 1.0}
    starts = np.random.default_rng(1).uniform(-1.5, 1.5, (3, objective.size))
    values = {**optimizer.values, "theta0": starts}
    initial = {
        s.name: s.initial if isinstance(s.initial, float) else values[s.initial]
        for s in update.states
    }
    job = Job(
        starts, given, initial, steps=17, limit=1e20, tolerance=0.3, targets=(1.0,), record=np.arange(0, 18, 3),
        integers={"seed": 5}, streams=np.arange(3.0),
    )  # fmt: skip
    block = BlockBatch(kernel, job).block(0)
    seed = [5] if kernel.integers else []
    plan, size = (
        np.array([1, 18, *seed, *job.record, -1]),
        len(job.record) * 3 * (objective.size + 1),
    )
    compiled, plain = (block.copy(), np.zeros(size)), (block.copy(), np.zeros(size))
    module = cache.load(kernel.source)
    module.kernel(compiled[0], plan, compiled[1])
    with np.errstate(all="ignore"):
        module.advance(plain[0], plan, plain[1])
    np.testing.assert_array_equal(compiled[0], plain[0])
    np.testing.assert_array_equal(compiled[1], plain[1])
    assert not np.array_equal(compiled[0], block)


def _value(rule, name):
    return {"eta[0]": 0.1, "eta[1]": 0.99, "optimal_value": -1.0}.get(name) or rule.values[name]


STARTS = np.random.default_rng(0).uniform(-2, 2, (1000, WIDE.size))


@pytest.mark.parametrize(
    ("cost", "rule"), list(pairs(["none", "polynomial", "none", "none", "wide"]))
)
def test_a_run_alone_and_in_a_batch_of_a_thousand(cost, rule):
    starts = STARTS[:, : COSTS[cost].size]
    together = so.sweep(COSTS[cost], RULES[rule], starts, 60, record=[0, 7, 60], targets=[1.0])[
        RULES[rule].name
    ]
    for k in (0, 130, 999):
        alone = so.minimize(COSTS[cost], RULES[rule], starts[k], 60, record=[0, 7, 60], rng=(0, k))
        one = together.isel(start=k)
        np.testing.assert_array_equal(alone.theta, one["theta"])
        np.testing.assert_array_equal(alone.best_theta, one["best_theta"])
        np.testing.assert_array_equal(alone.history["theta"], one["history_theta"])
        np.testing.assert_array_equal(
            [alone.loss, alone.best_loss, alone.steps],
            [one["loss"], one["best_loss"], one["steps"]],
        )
        assert alone.status == one["status"]


def test_a_swept_value_and_a_fixed_one():
    """A lane's bits do not depend on which of its inputs are axes."""
    etas, betas = [0.001, 0.01], [0.8, 0.9]
    swept = so.sweep(
        ODD, so.nadam(eta=etas, beta1=betas, momentum_decay=[0.004, 0.5]), [0.3, 0.4], 50
    )["nadam"]
    for i, eta in enumerate(etas):
        alone = so.minimize(ODD, so.nadam(eta=eta, beta1=0.9, momentum_decay=0.5), [0.3, 0.4], 50)
        np.testing.assert_array_equal(
            alone.theta, swept["theta"].isel(eta=i, beta1=1, momentum_decay=1)
        )


def test_swept_and_fixed_constants():
    cost = so.Cost(100 * (y - x**2) ** 2 + (a - x) ** 2, params=(x, y))
    swept = so.sweep(cost, so.adam(eta=0.02), [-1.2, 1.0], 100, a=[0.5, 1.0])["adam"]
    assert swept["theta"].dims == ("cost.a", "param")
    np.testing.assert_array_equal(
        so.minimize(cost, so.adam(eta=0.02), [-1.2, 1.0], 100, a=0.5).theta, swept["theta"][0]
    )


@pytest.mark.parametrize("cost", COSTS)
def test_one_and_two_threads(cost):
    starts = np.random.default_rng(3).uniform(-1, 1, (300, COSTS[cost].size))
    one, two = (so.sweep(COSTS[cost], awkward, starts, 40, threads=threads) for threads in (1, 2))
    assert_same_bits(arrays(one, "awkward"), arrays(two, "awkward"))


@pytest.mark.parametrize("cost", ["odd", "wide"])
def test_one_chunk_and_many(cost, monkeypatch):
    starts = np.random.default_rng(4).uniform(-1, 1, (5, COSTS[cost].size))
    run = lambda: so.sweep(
        COSTS[cost], [so.nadam(), awkward], starts, 300, record=40, targets=[0.5], tolerance=1e-3
    )
    whole = run()
    monkeypatch.setattr(blocks, "FIRST_CHUNK", 7)
    monkeypatch.setattr(blocks, "CHUNK_SECONDS", 0.0)
    pieces = run()
    for name in ("nadam", "awkward"):
        assert_same_bits(arrays(whole, name), arrays(pieces, name))


def test_a_small_buffer_for_records_changes_nothing(monkeypatch):
    run = lambda: so.minimize(ACKLEY, so.adam(eta=0.1), [2.0, 1.0], 500).history["loss"].values
    whole = run()
    monkeypatch.setattr(blocks, "LARGEST_BUFFER", 64)
    np.testing.assert_array_equal(whole, run())


def test_value_gradient_and_run_agree():
    run = so.minimize(ACKLEY, so.gd(eta=0.01), [2.0, 1.0], 30)
    path = run.history["theta"].values
    np.testing.assert_array_equal(ACKLEY.value(path), run.history["loss"])
    step = [float(evaluate(so.gd.update.program, {"theta": p, ("grad", 0): g, ("hyper", "eta"): 0.01})["new", "theta"])
            for p, g in zip(path[:-1].ravel(), ACKLEY.grad(path[:-1]).ravel(), strict=True)]  # fmt: skip
    np.testing.assert_array_equal(np.reshape(step, (-1, 2)), path[1:])


def test_importing_symopt_leaves_denormals_alone():
    assert np.float64(5e-324) * 1.0 != 0.0
    assert so.parse("x*2").value([5e-324]) == 1e-323
