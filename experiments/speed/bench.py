"""symopt against hand-written C, side by side in one run: ``python experiments/speed/bench.py [--quick]``.

Candidates take turns, every one from the same start; the numbers are medians over many turns. C is
``kernels.c`` with ``-O3 -march=native -ffast-math`` and libmvec, in two forms: bare, and with the
best loss and theta kept. symopt always sees the loss, and freezes lanes that diverge. Both end at
the same theta, or the script stops. Ratios carry over to other machines better than times do.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # where symopt is not installed
import symopt as so
from symopt.compiler import cache as kernels
from symopt.compiler import drive
from symopt.launch import check_settings, launch

ROSENBROCK = "100*(y-x^2)^2 + (1-x)^2"
ACKLEY = "20 + e - 20*exp(-sqrt((x^2+y^2)/2)/5) - exp((cos(2*pi*x)+cos(2*pi*y))/2)"
RASTRIGIN = "100 + " + " + ".join(f"x{k}^2 - 10*cos(2*pi*x{k})" for k in range(10))
QUARTIC = "x^4 + 3*x^2*y^2 + y^4 - 2*x*y + (x-{shift})^2"  # new with every shift
ADAM = {"eta": 1e-3, "beta1": 0.9, "beta2": 0.999}
MOMENTUM = {"eta": 1e-3, "beta": 0.9}
THREADS = 2


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    repeats: int = 31
    run_steps: int = 100_000
    starts: int = 10_000
    steps: int = 1000


QUICK = Sizes(repeats=5, starts=2048)


@dataclass(frozen=True)
class Candidate:
    """Something to time: ``prepare`` is not timed, ``work`` is; ``theta`` is where it ended."""

    work: Callable[[], Any]
    theta: Callable[[], np.ndarray] | None = None
    prepare: Callable[[], Any] = lambda: None


@dataclass
class Table:
    """Rows of (what, candidate, number, unit, ratios), printed as they come."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, work: str, candidate: str, value: float, unit: str, **ratios: float) -> None:
        """Add and print a row."""
        self.rows.append({"work": work, "candidate": candidate, "value": value, "unit": unit, **ratios})
        shown = "".join(f"   {ratio:6.2f} x {name.replace('_', ' ')}" for name, ratio in ratios.items())
        print(f"  {candidate:34s}{value:10.3f} {unit:22s}{shown}", flush=True)


def take_turns(candidates: Mapping[str, Candidate], repeats: int) -> dict[str, float]:
    """Return the median seconds of each candidate; the first turn of each is thrown away."""
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(repeats + 1):
        for name, candidate in candidates.items():
            candidate.prepare()
            began = time.perf_counter()
            candidate.work()
            seconds[name].append(time.perf_counter() - began)
    return {name: float(np.median(times[1:])) for name, times in seconds.items()}


def agree(candidates: Mapping[str, Candidate], tolerance: float = 1e-9) -> float:
    """Return the largest distance of any theta from the first candidate's; stop if it is above the tolerance."""
    ends = [candidate.theta() for candidate in candidates.values() if candidate.theta is not None]
    distance = max(float(np.abs(end - ends[0]).max()) for end in ends)
    assert distance <= tolerance, f"C and symopt end {distance} apart"
    return distance


@contextlib.contextmanager
def one_cpu() -> Iterator[None]:
    """Pin this thread, and those it starts, to one processor."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


# C


@cache
def library(lanes: int, best: bool) -> ctypes.CDLL:
    """Compile ``kernels.c`` and load it.

    It is linked without -ffast-math, whose start-up code would flush the denormals of the whole process.
    """
    source, place = Path(__file__).with_name("kernels.c"), Path(tempfile.mkdtemp())
    flags = ["-O3", "-march=native", "-ffast-math", "-fPIC", f"-DLANES={lanes}", f"-DBEST={int(best)}"]
    subprocess.run(["gcc", *flags, "-c", source, "-o", place / "k.o"], check=True)
    subprocess.run(["gcc", "-shared", place / "k.o", "-o", place / "k.so", "-lmvec", "-lm"], check=True)
    loaded = ctypes.CDLL(str(place / "k.so"))
    assert np.float64(5e-324) * np.float64(1.0) != 0, "the C library flushes denormals"
    return loaded


def c_numbers(values: Mapping[str, float]) -> list[ctypes.c_double]:
    """Return three hyperparameters as C takes them."""
    return [ctypes.c_double(value) for value in [*values.values(), 0.0][:3]]


def aligned(*shape: int) -> np.ndarray:
    """Return zeros that begin at a multiple of the cache line."""
    return drive._aligned(int(np.prod(shape))).reshape(shape)


def c_run(theta0: np.ndarray, steps: int, out: np.ndarray | None) -> Candidate:
    """Return Adam on Rosenbrock's function from one start, in C."""
    function, theta = library(128, False).rosenbrock_adam_run, theta0.copy()
    record = None if out is None else ctypes.c_void_p(out.ctypes.data)
    arguments = [ctypes.c_void_p(theta.ctypes.data), ctypes.c_long(steps), *c_numbers(ADAM), record]
    work = lambda kept=out: function(*arguments)  # noqa: E731, ARG005  out must outlive the call
    return Candidate(work, theta.copy, lambda: np.copyto(theta, theta0))


def c_blocks(
    name: str, start: np.ndarray, steps: int, values: Mapping[str, float], lanes: int, best: bool, threads: int
) -> Candidate:
    """Return an ensemble in C: one call a block, from a pool of threads."""
    runs, n = start.shape
    count = -(-runs // lanes)
    blocks = aligned(count, 4 * n + 2, lanes)
    padded = start[np.minimum(np.arange(count * lanes), runs - 1)].reshape(count, lanes, n).transpose(0, 2, 1)
    function, numbers = getattr(library(lanes, best), name), c_numbers(values)

    def prepare() -> None:
        blocks[:] = 0
        blocks[:, :n], blocks[:, -2] = padded, np.inf

    def call(number: int) -> None:
        function(ctypes.c_void_p(blocks[number].ctypes.data), ctypes.c_long(steps), *numbers)

    theta = lambda: blocks[:, :n].transpose(0, 2, 1).reshape(-1, n)[:runs]  # noqa: E731
    return Candidate(lambda: pooled(call, count, threads), theta, prepare)


def pooled(call: Callable[[int], Any], count: int, threads: int) -> None:
    """Call with every number below ``count``, each thread its own share."""
    share = lambda first: [call(number) for number in range(first, count, threads)]  # noqa: E731
    if threads == 1:
        share(0)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(share, range(threads)))


# symopt


def s_blocks(
    cost: so.Cost, rule: so.Rule, start: np.ndarray, steps: int, best: bool = True, threads: int = 1, record: Any = None
) -> Candidate:
    """Return symopt's kernel alone: every block from its start to the end in one call."""
    settings = check_settings(steps, record, None, 1e20, (), best, threads)
    made = launch(cost, rule, start, rule.hyperparameters, {}, settings).blocks
    blocks = drive.Blocks(made.kernel, made.job)
    entry, fresh = kernels.kernel(made.kernel.source), [block.copy() for block in blocks.blocks]
    plan = np.array([1, steps + 1, *made.job.record, -1], dtype=np.int64)
    out = aligned(max(len(made.job.record) * (cost.size + 1) * blocks.lanes, 1))

    def prepare() -> None:
        for block, values in zip(blocks.blocks, fresh, strict=True):
            block[:] = values

    work = lambda: pooled(lambda number: entry(blocks.blocks[number], plan, out), len(fresh), threads)  # noqa: E731
    return Candidate(work, lambda: blocks.read("theta"), prepare)


def s_sweep(cost: so.Cost, rule: so.Rule, start: np.ndarray, steps: int, best: bool = True, threads: int = 1) -> Candidate:
    """Return a whole call of sweep; its kernel is known already."""
    return Candidate(lambda: so.sweep(cost, rule, start, steps, best=best, threads=threads))


# What is measured


def one_run(table: Table, sizes: Sizes) -> None:
    """W1: Rosenbrock in 2-D from (-1.2, 1), Adam."""
    print(f"W1  one run: Rosenbrock 2-D, Adam, {sizes.run_steps} steps")
    cost, rule, start, steps = so.parse(ROSENBROCK), so.adam(**ADAM), np.array([-1.2, 1.0]), sizes.run_steps
    for few in (1000,):
        short = {"c": c_run(start, few, None), "s": s_blocks(cost, rule, start[None], few)}
        take_turns(short, 1)
        agree(short)
    candidates = {
        "C": c_run(start, steps, None),
        "C, every step recorded": c_run(start, steps, np.empty((steps, 3))),
        "symopt kernel": s_blocks(cost, rule, start[None], steps),
        "symopt kernel, best=False": s_blocks(cost, rule, start[None], steps, best=False),
        "symopt kernel, every step recorded": s_blocks(cost, rule, start[None], steps, record=True),
    }
    for label, record in (("none", None), ("every step", True)):
        candidates[f"minimize(), {label} recorded"] = Candidate(
            lambda record=record: so.minimize(cost, rule, start, steps, record=record)
        )
    with one_cpu():
        medians = take_turns(candidates, max(sizes.repeats // 2, 5))
    apart = agree(candidates, 1e-5)  # Adam amplifies rounding near the optimum
    for name, seconds in medians.items():
        table.add("W1", name, seconds / steps * 1e9, "ns/step", C=seconds / medians["C"])
    inside = so.minimize(cost, rule, start, steps, record=None).run_seconds
    table.add("W1", "minimize().run_seconds", inside / steps * 1e9, "ns/step", C=inside / medians["C"])
    print(f"  theta: {apart:.1e} apart\n")


def ensemble(table: Table, sizes: Sizes, work: str, problem: tuple[Any, ...], threads: int) -> None:
    """W2 and W3: one cost and rule from many starts."""
    function, cost, rule, values, box = problem
    start = np.random.default_rng(0).uniform(-box, box, (sizes.starts, cost.size))
    lanes = launch(cost, rule, start[:2], rule.hyperparameters, {}, check_settings(1, None, None, 1e20, (), True, 1)).blocks.lanes
    print(f"{work}  {function}, {cost.size}-D, {sizes.starts} starts x {sizes.steps} steps, {lanes} lanes, {threads} thread(s)")
    candidates = {
        "C": c_blocks(function, start, sizes.steps, values, lanes, False, threads),
        "C, best kept": c_blocks(function, start, sizes.steps, values, lanes, True, threads),
        "symopt kernel, best=False": s_blocks(cost, rule, start, sizes.steps, False, threads),
        "symopt kernel": s_blocks(cost, rule, start, sizes.steps, True, threads),
        "sweep(best=False)": s_sweep(cost, rule, start, sizes.steps, False, threads),
        "sweep()": s_sweep(cost, rule, start, sizes.steps, True, threads),
    }
    with one_cpu() if threads == 1 else contextlib.nullcontext():
        medians = take_turns(candidates, sizes.repeats)
    apart = agree(candidates)
    per = 1e9 / (sizes.starts * sizes.steps)
    for name, seconds in medians.items():
        same = "C" if "False" in name or name == "C" else "C, best kept"
        ratios = {"C": seconds / medians["C"], "C_of_its_kind": seconds / medians[same]}
        table.add(f"{work} {threads}T", name, seconds * per, "ns/trajectory-step", **ratios)
    print(f"  theta: {apart:.1e} apart\n")


def problems() -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield W2 and W3: C's name, cost, rule, hyperparameters, and half the box of starts."""
    yield "W2", ("rosenbrock_adam", so.parse(ROSENBROCK), so.adam(**ADAM), ADAM, 2.0)
    yield "W3", ("ackley_momentum", so.parse(ACKLEY), so.momentum(**MOMENTUM), MOMENTUM, 5.0)
    names = [f"x{k}" for k in range(10)]
    yield "W3", ("rastrigin_momentum", so.parse(RASTRIGIN, params=names), so.momentum(**MOMENTUM), MOMENTUM, 5.12)


if __name__ == "__main__":
    table=Table()
    sizes = QUICK if "--quick" in sys.argv else Sizes()
    one_run(table,sizes)
    for w,p in problems():
        ensemble(table,sizes,w,p,1)
        ensemble(table,sizes,w,p,2)
