"""Sums against hand-written C and JAX: ``python experiments/speed/sums.py [--quick]``.

W4 is the chained Rosenbrock function, W6 logistic regression with mini-batches, float64 on one
processor. As in ``bench.py``, candidates take turns and must end at the same theta. C is
``sums.c``: "C" is the straightforward version, the others say what they do beyond it. Everybody is
given the same batches. JAX and optax are jitted, their steps in ``lax.scan``, their ensembles in
``vmap``; they are left out where they are not installed.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

os.environ["XLA_FLAGS"] = (
    "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"  # before JAX starts
)
os.environ |= {"JAX_ENABLE_X64": "1", "JAX_PLATFORMS": "cpu", "JAX_CPU_ENABLE_ASYNC_DISPATCH": "0"}

import llvmlite.binding
import numpy as np
import sympy as sp
from bench import (
    Candidate,
    Table,
    check,
    drive,
    finished,
    kernels,
    library,
    pinned,
    so,
    symopt_blocks,
    take_turns,
)

from symopt.compiler.runtime.minibatches import Batches
from symopt.runs.options import Sampling

LANES = 64
BETAS = 0.9, 0.999
ETA = 1e-3
HAVE_JAX = bool(importlib.util.find_spec("jax") and importlib.util.find_spec("optax"))
SCALES = {"ns": 1e9, "us": 1e6}

Candidates = dict[str, Candidate]


@dataclass(frozen=True)
class Regression:
    """Logistic regressions, one for each eta and start; without ``index`` over all samples."""

    X: np.ndarray
    t: np.ndarray
    index: np.ndarray | None
    etas: np.ndarray
    starts: np.ndarray
    steps: int

    @property
    def batches(self) -> np.ndarray:
        """The samples of every step, or all of them once."""
        return np.arange(len(self.X))[None] if self.index is None else self.index[: self.steps]

    def runs(self) -> tuple[np.ndarray, np.ndarray]:
        """Return eta and the start of every run."""
        return np.repeat(self.etas, len(self.starts)), np.tile(self.starts, (len(self.etas), 1))


@dataclass(frozen=True)
class Workload:
    """What one row group measures: makers of candidates from the number of steps."""

    title: str
    unit: str
    items: int  # that a step is divided by
    steps: int
    others: Callable[[int], Candidates]
    symopt: Callable[[int], Candidates]


# symopt


def chain() -> so.Cost:
    """Return the chained Rosenbrock function, of any length."""
    i, n = sp.symbols("i n", integer=True)
    th = sp.IndexedBase("theta")
    return so.Cost(
        sp.Sum(100 * (th[i + 1] - th[i] ** 2) ** 2 + (1 - th[i]) ** 2, (i, 0, n - 2)), params=th
    )


def logistic(problem: Regression) -> so.Cost:
    """Return logistic regression on the problem's data."""
    j, k, d, m = sp.symbols("j k d m", integer=True)
    th, X, t = sp.IndexedBase("theta"), sp.IndexedBase("X"), sp.IndexedBase("t")
    z = sp.Sum(X[k, j] * th[j], (j, 0, d - 1))
    mean = sp.Sum(sp.log(1 + sp.exp(-t[k] * z)), (k, 0, m - 1)) / m
    return so.Cost(mean, params=th, data={X: problem.X, t: problem.t}, samples=k)


def symopt_gradient(start: np.ndarray, times: int) -> Candidates:
    """Return the value and gradient of the chain: the kernel alone, again and again."""
    n, made = len(start), chain().objective.functions["gradient"]
    sizes = {("size", "n"): n}
    block, out = np.concatenate([start, start]), np.empty(n + 1)
    plan = np.array([times, n, 0, 0, *(sizes.get(key, 0) for key in made.integers)])
    entry = kernels.kernel(made.source)
    return {
        "symopt kernel": Candidate(
            lambda: entry(block, plan, out), lambda: np.append(out[1:], out[0] / n)
        )
    }


def symopt_chain(start: np.ndarray, steps: int) -> Candidates:
    """Return Adam on the chain: the kernel alone, and what a user calls."""
    cost, rule = chain(), so.adam(eta=ETA)
    return {
        "symopt kernel, best=False": symopt_blocks(
            finished(cost, rule, start[None], steps, best=False)
        ),
        "symopt kernel": symopt_blocks(finished(cost, rule, start[None], steps)),
        "minimize(record=None)": Candidate(
            partial(so.minimize, cost, rule, start, steps, record=None)
        ),
    }


def symopt_regression(problem: Regression) -> Candidates:
    """Return the kernel alone, given the batches, and what a user calls, which draws them."""
    cost, steps = logistic(problem), problem.steps
    batch = None if problem.index is None else problem.index.shape[1]
    rule, start = so.adam(eta=float(problem.etas[0])), problem.starts[:1]
    call = partial(so.minimize, cost, rule, start[0], steps, record=None, batch=batch)
    if len(problem.starts) > 1:
        eta, start = problem.runs()
        rule = so.adam(eta=eta)
        call = partial(
            so.sweep,
            cost,
            so.adam(eta=problem.etas),
            problem.starts,
            steps,
            batch=batch,
            best=False,
            threads=1,
        )
    return {
        "symopt kernel": symopt_blocks(
            finished(cost, rule, start, steps, best=False, sampling=Sampling(batch=batch))
        ),
        call.func.__name__: Candidate(call),
    }


# C


def c_call(name: str, *arguments: np.ndarray | float) -> Callable[[], Any]:
    """Return a call of a function in C; it keeps its arrays alive."""
    kinds: dict[type, Any] = {int: ctypes.c_long, float: ctypes.c_double}
    given = [
        value.ctypes if isinstance(value, np.ndarray) else kinds[type(value)](value)
        for value in arguments
    ]
    return partial(getattr(library(LANES, False, "sums"), name), *given)


def aligned(*shape: int) -> np.ndarray:
    """Return zeros that begin at a multiple of 64 bytes."""
    return drive._aligned(int(np.prod(shape))).reshape(shape)


def losses(name: str, steps: int) -> list[np.ndarray]:
    """Return the array for the losses, for a function that takes one."""
    return [np.empty(steps)] if name.endswith("losses") else []


def c_gradient(name: str, start: np.ndarray, times: int) -> Candidate:
    """Return the value and gradient of the chain, so many times."""
    x, g, value = aligned(len(start)), aligned(len(start)), aligned(1)
    x[:] = start
    return Candidate(c_call(name, x, g, value, len(x), times), lambda: np.append(g, value / len(x)))


def c_chain(name: str, start: np.ndarray, steps: int) -> Candidate:
    """Return Adam on the chain."""
    block = [
        aligned(len(start)) for _ in range(4)
    ]  # theta, m, v, and the gradient or the next theta

    def prepare() -> None:
        for row, first in zip(block, (start, 0, 0, 0), strict=True):
            row[:] = first

    call = c_call(name, *block, len(start), steps, ETA, *BETAS, *losses(name, steps))
    return Candidate(call, block[0].copy, prepare)


def c_regression(name: str, problem: Regression, lanes: int = 1) -> Candidate:
    """Return Adam on logistic regressions, ``lanes`` of them in one call."""
    eta, start = problem.runs()
    (runs, d), (_, batch) = start.shape, problem.batches.shape
    assert batch % 8 == 0, "sums.c takes eight samples at a time"
    padded = np.minimum(np.arange(-(-runs // lanes) * lanes), runs - 1).reshape(-1, lanes)
    blocks, s, rows = aligned(len(padded), 4, d, lanes), aligned(batch, lanes), aligned(batch, d)
    stride = 0 if problem.index is None else batch
    data = [problem.X, problem.t, problem.batches, d, batch, stride, problem.steps]

    def prepare() -> None:
        blocks[:] = 0
        blocks[:, 0] = start[padded].transpose(0, 2, 1)

    def call(block: np.ndarray, rates: np.ndarray) -> Callable[[], Any]:
        own = [s] if lanes == 1 else [s, rows]
        rate = float(rates[0]) if lanes == 1 else rates
        return c_call(name, *block, *own, *data, rate, *BETAS, *losses(name, problem.steps))

    calls = [
        call(block, eta[numbers].copy()) for block, numbers in zip(blocks, padded, strict=True)
    ]
    theta = lambda: blocks[:, 0].transpose(0, 2, 1).reshape(-1, d)[:runs]  # noqa: E731
    return Candidate(lambda: [made() for made in calls], theta, prepare)


# JAX and optax


def jax_candidate(
    function: Callable[..., Any], *arguments: np.ndarray, name: str = "optax"
) -> Candidates:
    """Return a jitted function, its arguments on JAX's side; its result is theta."""
    import jax

    compiled = jax.jit(function)
    given, last = jax.device_put(arguments), [np.empty(0)]

    def work() -> None:
        last[0] = jax.block_until_ready(compiled(*given))

    return {name: Candidate(work, lambda: np.asarray(last[0]))}


def jax_chain(theta: Any) -> Any:
    """Return the chain's value."""
    return (100 * (theta[1:] - theta[:-1] ** 2) ** 2 + (1 - theta[:-1]) ** 2).sum()


def jax_gradient(start: np.ndarray, times: int) -> Candidates:
    """Return the value and gradient of the chain, often; a barrier keeps them in the loop."""
    import jax
    import jax.numpy as jnp

    def again(step: int, carry: Any) -> Any:
        theta = jax.lax.optimization_barrier((carry[0], step))[0]
        return theta, *jax.value_and_grad(jax_chain)(theta)

    def repeated(theta: Any) -> Any:
        _, value, gradient = jax.lax.fori_loop(0, times, again, (theta, 0.0, theta))
        return jnp.append(gradient, value / theta.size)

    return jax_candidate(repeated, start, name="JAX")


def optax_adam(loss: Callable[..., Any], eta: Any, start: Any, batches: Any, steps: int) -> Any:
    """Return where Adam ends."""
    import jax
    import optax

    rule = optax.adam(eta, *BETAS, eps=1e-8)

    def step(carry: Any, batch: Any) -> Any:
        theta, state = carry
        updates, state = rule.update(jax.grad(loss)(theta, batch), state)
        return (optax.apply_updates(theta, updates), state), None

    (theta, _), _ = jax.lax.scan(step, (start, rule.init(start)), batches, length=steps)
    return theta


def optax_chain(start: np.ndarray, steps: int) -> Candidates:
    """Return Adam on the chain."""
    return jax_candidate(
        lambda x: optax_adam(lambda theta, _: jax_chain(theta), ETA, x, None, steps), start
    )


def optax_regression(problem: Regression) -> Candidates:
    """Return Adam on logistic regressions, over eta and starts by vmap."""
    import jax
    import jax.numpy as jnp

    def loss(X: Any, t: Any, theta: Any, batch: Any) -> Any:
        X, t = (X, t) if batch is None else (X[batch], t[batch])
        return jnp.log1p(jnp.exp(-t * (X @ theta))).mean()

    def every(X: Any, t: Any, index: Any, etas: Any, starts: Any) -> Any:
        run = lambda eta, start: optax_adam(partial(loss, X, t), eta, start, index, problem.steps)  # noqa: E731
        if len(problem.starts) == 1:
            return run(etas[0], starts[0])[None]
        ends = jax.vmap(jax.vmap(run, (None, 0)), (0, None))(etas, starts)
        return ends.reshape(-1, starts.shape[1])

    index = None if problem.index is None else problem.batches
    return jax_candidate(every, problem.X, problem.t, index, problem.etas, problem.starts)


def with_jax(
    candidates: Candidates, make: Callable[..., Candidates], *arguments: Any
) -> Candidates:
    """Add JAX's candidates, where it is installed."""
    return candidates | (make(*arguments) if HAVE_JAX else {})


# What is measured


def gradients(n: int, times: int) -> Workload:
    """W4a."""
    start = np.random.default_rng(0).uniform(-2, 2, n)
    names = {"C": "chain_gradient_times", "C, 32 partial sums": "chain_gradient_parts_times"}

    def others(times: int) -> Candidates:
        made = {title: c_gradient(name, start, times) for title, name in names.items()}
        return with_jax(made, jax_gradient, start, times)

    title = f"W4a  chained Rosenbrock, value and gradient, n = {n}"
    return Workload(title, "ns/element", n, times, others, partial(symopt_gradient, start))


def chains(n: int, steps: int) -> Workload:
    """W4b."""
    start = np.random.default_rng(0).uniform(-2, 2, n)
    names = {
        "C": "chain_adam",
        "C, fused": "chain_adam_fused",
        "C, fused, and the loss": "chain_adam_losses",
    }

    def others(steps: int) -> Candidates:
        made = {title: c_chain(name, start, steps) for title, name in names.items()}
        return with_jax(made, optax_chain, start, steps)

    title = f"W4b  chained Rosenbrock, Adam, n = {n}, {steps} steps"
    return Workload(title, "ns/element-step", n, steps, others, partial(symopt_chain, start))


def regressions(problem: Regression, title: str, names: dict[str, str], unit: str) -> Workload:
    """Return one of those below."""

    def others(steps: int) -> Candidates:
        few = replace(problem, steps=steps)
        lanes = {name: LANES if name.endswith("lanes") else 1 for name in names.values()}
        made = {title: c_regression(name, few, lanes[name]) for title, name in names.items()}
        return with_jax(made, optax_regression, few)

    symopt = lambda steps: symopt_regression(replace(problem, steps=steps))  # noqa: E731
    runs = len(problem.etas) * len(problem.starts)
    return Workload(f"{title}, {problem.steps} steps", unit, runs, problem.steps, others, symopt)


def made_up(
    m: int, d: int, batch: int | None, *, etas: np.ndarray, starts: int, steps: int
) -> Regression:
    """Return a problem with random samples."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((m, d))
    t = np.where(X @ rng.standard_normal(d) + rng.standard_normal(m) > 0, 1.0, -1.0)
    index = None if batch is None else Batches(m, batch, seed=0).indices(1, steps + 1)
    return Regression(X, t, index, etas, 0.1 * rng.standard_normal((starts, d)), steps)


def one_regression() -> Workload:
    """W6."""
    problem = made_up(10_000, 50, 64, etas=np.array([1e-2]), starts=1, steps=2000)
    names = {
        "C": "logistic_adam",
        "C, exp of a vector": "logistic_adam_batched",
        "C, that, and 8 rows at a time": "logistic_adam_rows",
        "C, both, and the batch's loss": "logistic_adam_losses",
    }
    return regressions(
        problem, "W6   logistic regression 10000 x 50, batch 64, Adam", names, "us/step"
    )


def ensemble(m: int, d: int, batch: int | None) -> Workload:
    """Return W6 for 10 eta and 100 starts."""
    problem = made_up(m, d, batch, etas=np.geomspace(1e-3, 1e-1, 10), starts=100, steps=200)
    names = {
        "C": "logistic_adam",
        "C, 8 rows": "logistic_adam_rows",
        f"C, {LANES} lanes": "logistic_adam_lanes",
    }
    title = f"W6e  1000 logistic regressions {m} x {d}, batch {batch or 'full'}"
    return regressions(problem, title, names, "us/run-step")


def measure(table: Table, workload: Workload, repeats: int) -> None:
    """Check that all candidates agree after a few steps, then time many."""
    print(workload.title)
    made = lambda steps: workload.others(steps) | workload.symopt(steps)  # noqa: E731
    few = made(20)
    take_turns(few, 1)
    check(few, 1e-8)
    medians = take_turns(made(workload.steps), repeats, time.process_time)
    best = min(seconds for name, seconds in medians.items() if name.startswith("C"))
    scale = SCALES[workload.unit[:2]] / workload.steps / workload.items
    for name, seconds in medians.items():
        table.row(
            workload.title,
            name,
            seconds * scale,
            workload.unit,
            C=seconds / medians["C"],
            best_C=seconds / best,
        )
    print()


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer turns")
    parser.add_argument("--only", default="", help="workloads whose title holds this")
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    asked = parser.parse_args()
    about = {"cpu": llvmlite.binding.get_host_cpu_name(), "symopt": so.__version__}
    table, repeats = Table(), 5 if asked.quick else 31
    with pinned(1):  # and all threads that JAX starts
        if HAVE_JAX:
            import jax
            import optax

            about |= {"jax": jax.__version__, "optax": optax.__version__}
        print(about, "\n" if HAVE_JAX else "\nJAX or optax is not installed: without their rows\n")
        workloads = [
            gradients(1000, 2000),
            gradients(100_000, 20),
            chains(1000, 2000),
            chains(100_000, 40),
        ]
        workloads += [one_regression(), ensemble(10_000, 50, 64), ensemble(200, 10, None)]
        for workload in (one for one in workloads if asked.only in one.title):
            measure(table, workload, repeats)
    if asked.json:
        asked.json.write_text(json.dumps({**about, "rows": table}, indent=1))


if __name__ == "__main__":
    main()
