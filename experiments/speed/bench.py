"""symopt against hand-written C, side by side: ``python experiments/speed/bench.py``.

Candidates take turns, each from the same start every time; the numbers are medians over the turns.
C is ``kernels.c`` with ``-O3 -march=native -ffast-math`` and libmvec, in two forms: bare, and with
the best loss and its theta kept. symopt's kernels always look at the loss, and freeze lanes that
diverge. Both must end at the same theta. Ratios carry over to other machines better than times do.
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
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))  # for a checkout that is not installed
import symopt as so
from symopt.compiler.jit import cache as kernels
from symopt.compiler.runtime import executor
from symopt.runs.launch import Finished, launch
from symopt.runs.options import check_run_options

ROSENBROCK = "100*(y-x^2)^2 + (1-x)^2"
ACKLEY = "20 + e - 20*exp(-sqrt((x^2+y^2)/2)/5) - exp((cos(2*pi*x)+cos(2*pi*y))/2)"
RASTRIGIN = "100 + " + " + ".join(f"x{k}^2 - 10*cos(2*pi*x{k})" for k in range(10))
NEW = {"polynomial": "x^4 + 3*x^2*y^2 + y^4 - 2*x*y + (x-1)^2", "Ackley": ACKLEY}


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    repeats: int = 31
    run_steps: int = 100_000
    starts: int = 10_000
    steps: int = 1000


QUICK = Sizes(repeats=5, starts=2048)


@dataclass(frozen=True)
class Problem:
    """An ensemble: its function in ``kernels.c``, and half the side of the box of its starts."""

    name: str
    function: str
    cost: so.Cost
    rule: so.Rule
    box: float


@dataclass(frozen=True)
class Candidate:
    """Something to time: ``work`` is timed, ``prepare`` is not, ``theta`` tells the end."""

    work: Callable[[], Any]
    theta: Callable[[], np.ndarray] | None = None
    prepare: Callable[[], Any] = lambda: None


class Table(list[dict[str, Any]]):
    """The results, printed as they come."""

    def row(self, work: str, candidate: str, value: float, unit: str, **ratios: float) -> None:
        """Add and print one of them."""
        self.append({"work": work, "candidate": candidate, "value": value, "unit": unit, **ratios})
        shown = "".join(
            f"   {ratio:5.2f} x {name.replace('_', ' ')}" for name, ratio in ratios.items()
        )
        print(f"  {candidate:35s}{value:9.3f} {unit}{shown}", flush=True)


def take_turns(
    candidates: Mapping[str, Candidate],
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Return the median seconds of each candidate; everybody's first turn is thrown away.

    On a busy machine work of one thread is better timed by ``time.process_time``.
    """
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(repeats + 1):
        for name, candidate in candidates.items():
            candidate.prepare()
            began = clock()
            candidate.work()
            seconds[name].append(clock() - began)
    return {name: float(np.median(times[1:])) for name, times in seconds.items()}


def check(candidates: Mapping[str, Candidate], tolerance: float = 1e-9) -> None:
    """Print how far apart the candidates ended, and stop if that is too far."""
    ends = [candidate.theta() for candidate in candidates.values() if candidate.theta is not None]
    apart = max(float(np.abs(end - ends[0]).max()) for end in ends)
    print(f"  theta at most {apart:.0e} apart\n")
    assert apart <= tolerance, f"C and symopt end {apart} apart"


@contextlib.contextmanager
def pinned(threads: int) -> Iterator[None]:
    """Keep this thread, and those it starts, on as many processors."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:threads])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def pooled(call: Callable[[int], Any], count: int, threads: int) -> None:
    """Call with every number below ``count``, each thread its own share."""
    share = lambda first: [call(number) for number in range(first, count, threads)]  # noqa: E731
    if threads == 1:
        share(0)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(share, range(threads)))


# The two sides


@cache
def library(lanes: int, best: bool, name: str = "kernels") -> ctypes.CDLL:
    """Compile a C file and load it.

    It is linked without -ffast-math, whose start-up code would flush the whole process's denormals.
    """
    source, flags = (
        Path(__file__).with_name(f"{name}.c"),
        ["-O3", "-march=native", "-ffast-math", "-fPIC"],
    )
    with tempfile.TemporaryDirectory() as place:
        made, loadable = Path(place) / "made.o", Path(place) / "made.so"
        subprocess.run(
            ["gcc", *flags, f"-DLANES={lanes}", f"-DBEST={int(best)}", "-c", source, "-o", made],
            check=True,
        )
        subprocess.run(["gcc", "-shared", made, "-o", loadable, "-lmvec", "-lm"], check=True)
        loaded = ctypes.CDLL(str(loadable))
    assert np.float64(5e-324) * np.float64(1.0) != 0, "the library flushes denormals"
    return loaded


def c_numbers(rule: so.Rule) -> list[ctypes.c_double]:
    """Return the first three hyperparameters, or 0 where there is none, as C takes them."""
    return [ctypes.c_double(value) for value in [*rule.hyperparameters.values(), 0.0][:3]]


def c_run(start: np.ndarray, steps: int, out: np.ndarray | None = None) -> Candidate:
    """Return Adam on Rosenbrock's function from one start, in C; ``out`` records it."""
    function, theta = library(128, False).rosenbrock_adam_run, start.copy()
    record = None if out is None else ctypes.c_void_p(out.ctypes.data)
    arguments = [
        ctypes.c_void_p(theta.ctypes.data),
        ctypes.c_long(steps),
        *c_numbers(so.adam(eta=1e-3)),
        record,
    ]
    return Candidate(lambda: function(*arguments), theta.copy, lambda: np.copyto(theta, start))


def c_blocks(
    problem: Problem, start: np.ndarray, steps: int, *, lanes: int, best: bool, threads: int
) -> Candidate:
    """Return an ensemble in C, one call a block."""
    runs, n = start.shape
    count = -(-runs // lanes)
    blocks = executor._aligned_zeros(count * (4 * n + 2) * lanes).reshape(count, 4 * n + 2, lanes)
    filled = (
        start[np.minimum(np.arange(count * lanes), runs - 1)]
        .reshape(count, lanes, n)
        .transpose(0, 2, 1)
    )
    function, numbers = getattr(library(lanes, best), problem.function), c_numbers(problem.rule)

    def prepare() -> None:
        blocks[:] = 0
        blocks[:, :n], blocks[:, -2] = filled, np.inf

    def call(number: int) -> None:
        function(ctypes.c_void_p(blocks[number].ctypes.data), ctypes.c_long(steps), *numbers)

    theta = lambda: blocks[:, :n].transpose(0, 2, 1).reshape(-1, n)[:runs]  # noqa: E731
    return Candidate(lambda: pooled(call, count, threads), theta, prepare)


def finished(
    cost: so.Cost, rule: so.Rule, start: np.ndarray, steps: int, **options: Any
) -> Finished:
    """Return a job of symopt that has run once; ``rule`` may have an eta a run."""
    usual = {
        "record": None,
        "tolerance": None,
        "limit": 1e20,
        "targets": (),
        "best": True,
        "threads": 1,
    }
    settings = check_run_options(steps, **{**usual, **options})
    return launch(cost, rule, start, hypers=rule.hyperparameters, constants={}, settings=settings)


def symopt_blocks(made: Finished, threads: int = 1) -> Candidate:
    """Return a job's kernel alone: every block from its start to its end in one call."""
    blocks = executor.BlockBatch(made.blocks.kernel, made.blocks.job)
    entry, fresh = kernels.kernel(blocks.kernel.source), [block.copy() for block in blocks.blocks]
    steps = 1, blocks.job.steps + 1
    plan, inputs = blocks.plan(*steps, blocks.job.record), blocks.inputs(*steps)
    out = executor._aligned_zeros(max(len(blocks.job.record) * blocks.width * blocks.lanes, 1))

    def prepare() -> None:
        for block, values in zip(blocks.blocks, fresh, strict=True):
            block[:] = values

    def work() -> None:
        pooled(lambda number: entry(blocks.blocks[number], plan, out, *inputs), len(fresh), threads)

    return Candidate(work, lambda: blocks.read("theta"), prepare)


# What is measured


def one_run(table: Table, sizes: Sizes) -> None:
    """W1: Rosenbrock in 2-D from (-1.2, 1), Adam."""
    cost, rule, start, steps = (
        so.parse(ROSENBROCK),
        so.adam(eta=1e-3),
        np.array([-1.2, 1.0]),
        sizes.run_steps,
    )
    print(f"W1  one run: Rosenbrock 2-D, Adam, {steps} steps; after 1000 steps")
    few = {
        "C": c_run(start, 1000),
        "symopt": symopt_blocks(finished(cost, rule, start[None], 1000)),
    }
    take_turns(few, 1)
    check(few)
    out = np.empty((steps, 3))
    candidates = {
        "C": c_run(start, steps),
        "symopt kernel": symopt_blocks(finished(cost, rule, start[None], steps)),
        "minimize(record=None)": Candidate(
            partial(so.minimize, cost, rule, start, steps, record=None)
        ),
        "C, every step recorded": c_run(start, steps, out),
        "symopt kernel, every step recorded": symopt_blocks(
            finished(cost, rule, start[None], steps, record=True)
        ),
        "minimize(record=True)": Candidate(
            partial(so.minimize, cost, rule, start, steps, record=True)
        ),
    }
    with pinned(1):
        for name, seconds in (medians := take_turns(candidates, sizes.repeats)).items():
            table.row("W1", name, seconds / steps * 1e9, "ns/step", C=seconds / medians["C"])
        for record in (None, True):
            runs = [
                so.minimize(cost, rule, start, steps, record=record) for _ in range(sizes.repeats)
            ]
            inside = np.median([run.run_seconds for run in runs])
            name = f"minimize({record=}).run_seconds"
            table.row("W1", name, inside / steps * 1e9, "ns/step", C=inside / medians["C"])
    check(candidates, 1e-5)  # Adam amplifies rounding near an optimum


def problems() -> Iterator[Problem]:
    """Yield W2 and W3."""
    yield Problem("W2", "rosenbrock_adam", so.parse(ROSENBROCK), so.adam(eta=1e-3), 2.0)
    yield Problem("W3", "ackley_momentum", so.parse(ACKLEY), so.momentum(eta=1e-3), 5.0)
    yield Problem("W3", "rastrigin_momentum", so.parse(RASTRIGIN), so.momentum(eta=1e-3), 5.12)


def ensemble(table: Table, sizes: Sizes, problem: Problem, threads: int) -> None:
    """W2 and W3: one cost and rule from many starts, on one or two threads."""
    cost, rule, n, steps = problem.cost, problem.rule, problem.cost.size, sizes.steps
    start = np.random.default_rng(0).uniform(-problem.box, problem.box, (sizes.starts, n))
    made = {best: finished(cost, rule, start, steps, best=best) for best in (False, True)}
    lanes = made[True].blocks.lanes
    work = f"{problem.name}  {problem.function} {n}-D"
    print(f"{work}, {sizes.starts} starts x {steps} steps, {lanes} lanes, {threads} thread(s)")
    candidates: dict[str, Candidate] = {}
    for best in (False, True):
        candidates |= {
            f"C, {best=}": c_blocks(problem, start, steps, lanes=lanes, best=best, threads=threads),
            f"symopt kernel, {best=}": symopt_blocks(made[best], threads),
            f"sweep({best=})": Candidate(
                partial(so.sweep, cost, rule, start, steps, best=best, threads=threads)
            ),
        }
    with pinned(threads):
        medians = take_turns(candidates, sizes.repeats)
    for name, seconds in medians.items():
        same = seconds / medians[f"C, best={'True' in name}"]
        table.row(
            f"{work}, {threads}T",
            name,
            seconds / start.size * n / steps * 1e9,
            "ns/trajectory-step",
            C=same,
        )
    check(candidates)


def first_calls() -> dict[str, float]:
    """Return how long each rule's kernel for each new cost takes, in a warmed process."""
    so.minimize(so.parse("x^2"), "gd", [1.0], 1)
    seconds = {}
    for rule in so.optimizers.textbook:
        for name, text in NEW.items():
            seconds[f"{rule}, {name}"] = so.minimize(
                so.parse(text), rule, [0.5, 0.7], 1
            ).compile_seconds
    return seconds


def compiling(table: Table) -> None:
    """Measure the time to compile, and to load from disk in another process."""
    print("Compiling the kernel of minimize, and loading it in a second process")
    before = kernels.compiled
    seconds = first_calls()
    assert kernels.compiled - before >= len(seconds), "the cache was not empty"
    again = subprocess.run(
        [sys.executable, __file__, "--load"], check=True, capture_output=True, text=True
    )
    loaded = json.loads(again.stdout)
    for cost in NEW:
        mine = [name for name in seconds if name.endswith(cost)]
        for name in mine:
            table.row("compile", name, seconds[name], "s")
        table.row("compile", f"all, {cost}", sum(seconds[name] for name in mine), "s")
        table.row(
            "load",
            f"from disk, each, {cost}",
            float(np.median([loaded[name] for name in mine])),
            "s",
        )
    print()


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer turns and starts")
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    parser.add_argument("--load", action="store_true", help=argparse.SUPPRESS)  # the second process
    asked = parser.parse_args()
    if asked.load:
        print(json.dumps(first_calls()))
        assert kernels.compiled == 0, "a kernel on disk was not found"
        return
    about = {
        "cpu": llvmlite.binding.get_host_cpu_name(),
        "numba": numba.__version__,
        "symopt": so.__version__,
    }
    table, sizes = Table(), QUICK if asked.quick else Sizes()
    print(about, "\n")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SYMOPT_CACHE"] = folder
        compiling(table)
        one_run(table, sizes)
        for problem in problems():
            for threads in (1, 2):
                ensemble(table, sizes, problem, threads)
    if asked.json:
        asked.json.write_text(json.dumps({**about, "rows": table}, indent=1))


if __name__ == "__main__":
    main()
