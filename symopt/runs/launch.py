"""From a cost, a rule and values to a finished job: what one run and a sweep share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symopt.compiler.codegen.kernels.select import Kernel, Options, write_kernel
from symopt.compiler.jit import cache
from symopt.compiler.runtime import executor
from symopt.compiler.runtime.blocks import BlockBatch
from symopt.compiler.runtime.job import Job, Outcome
from symopt.compiler.runtime.minibatches import Batches
from symopt.costs.cost import Cost
from symopt.costs.objective import BoundObjective
from symopt.costs.points import Flat
from symopt.errors import RunError
from symopt.ir.keys import ArrayOffset, Constant, Extent, Given, Key, SizeValue, Stride
from symopt.ir.update import State, Update
from symopt.passes.minibatch import BATCH_SIZE
from symopt.rules.lowering import OPTIMAL_VALUE, floats_of
from symopt.rules.rule import Rule
from symopt.runs.boxes import Box
from symopt.runs.compatibility import check_fit, check_matrix
from symopt.runs.memory_check import check_memory
from symopt.runs.options import RunOptions, Sampling
from symopt.runs.replay import explain_end
from symopt.runs.termination import classify_runs
from symopt.validation import Array


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The outcome of a job, with what is needed to explain it."""

    outcome: Outcome
    status: npt.NDArray[np.str_]
    blocks: BlockBatch
    bound: BoundObjective
    gradient_evaluations: npt.NDArray[np.int64]
    compile_seconds: float

    def reason(self, run: int) -> str:
        """Return why a run ended."""
        status = str(self.status[run])
        return explain_end(status, run, self.blocks, outcome=self.outcome, bound=self.bound)

    def labels(self) -> list[str]:
        """Return a name for each entry of theta."""
        return self.bound.sizes.labels()


def launch(
    cost: Cost,
    rule: Rule,
    start: Array,
    *,
    hypers: Mapping[str, Any],
    constants: Mapping[str, Any],
    settings: RunOptions,
    stop: Event | None = None,
    report: Callable[[int], None] | None = None,
    streams: npt.NDArray[np.float64] | None = None,
) -> Finished:
    """Run ``rule`` on ``cost`` from N starts; arrays among the values have N entries.

    Setting ``stop`` ends the runs where they are; ``report`` is told how much is done; ``streams``
    says which stream of random numbers each run takes its noise from.
    """
    count, n = start.shape
    check_memory(count, n, settings, states=len(rule.update.states))
    bound = cost.bind(Flat(start), **constants)
    check_fit(rule, cost, settings)
    check_matrix(rule, n)
    box = _read_box(rule, bound)
    given, swept = _values(rule, cost, hypers, constants=constants)
    options = _options(rule, bound, swept, settings=settings)
    batches = _batches(bound, settings.sampling)
    began = time.perf_counter()
    kernel = _kernel(bound, rule.update, options)
    cache.kernel(kernel.source)
    compile_seconds = time.perf_counter() - began
    own = np.zeros(count) if streams is None else streams
    initial = {
        s.name: _initial(s, hypers, cost, start=start, constants=constants)
        for s in rule.update.states
        if s.name not in (rule.box or ())
    }
    if rule.box and box:
        sides = (np.broadcast_to(side, start.shape) for side in (box.low, box.high))
        initial |= dict(zip(rule.box, sides, strict=True))
    job = Job(
        start=start,
        given=given,
        initial=initial,
        steps=settings.steps,
        limit=settings.limit,
        tolerance=settings.tolerance or 0.0,
        targets=settings.targets,
        record=settings.record,
        integers=_integers(kernel, bound, settings.sampling),
        data=bound.data(),
        stored={name: bound.sizes.stored(name) for name in kernel.stored},
        batches=batches,
        noise=settings.sampling.noise,
        streams=settings.sampling.stream + own,
    )
    threads = settings.threads if count > 1 else 1
    outcome, blocks = executor.run(kernel, job, stop or Event(), threads, report)
    return Finished(
        outcome=outcome,
        status=classify_runs(outcome, settings.steps, settings.limit),
        blocks=blocks,
        bound=bound,
        gradient_evaluations=_count_gradients(rule.update, outcome),
        compile_seconds=compile_seconds,
    )


def _read_box(rule: Rule, bound: BoundObjective) -> Box | None:
    """Return the bounds of theta, if a rule has any, once the starts were found within."""
    if rule.box is None:
        return None
    low, high = (rule.values[str(rule.states[name])].given for name in rule.box)
    box = Box.of(low, high, bound.sizes)
    box.check_start(bound.start, bound.sizes)
    return box


def _options(
    rule: Rule, bound: BoundObjective, swept: frozenset[Key], settings: RunOptions
) -> Options:
    """Return what kind of kernel is needed."""
    count, n = bound.start.shape
    return Options(
        lanes=_lanes(count, n, rule, bound=bound),
        swept=swept,
        best=settings.best,
        targets=len(settings.targets),
        tolerance=settings.tolerance is not None,
        paths=settings.paths,
        batch=settings.sampling.batch is not None,
        noise=settings.sampling.noise > 0,
    )


def _count_gradients(update: Update, outcome: Outcome) -> npt.NDArray[np.int64]:
    """Return how many gradients the rule took in each run."""
    tried = outcome.steps + (outcome.status >= 2)  # a failed step has taken its gradients too
    first = any(state.initial == "grad0" for state in update.states)
    return (tried * update.gradients + first).astype(np.int64)


def _values(
    rule: Rule, cost: Cost, hypers: Mapping[str, Any], constants: Mapping[str, Any]
) -> tuple[dict[Key, Any], frozenset[Key]]:
    """Return what a kernel is given by its key, and the keys of what differs from run to run."""
    values = {**hypers, OPTIMAL_VALUE: cost.optimal_value}
    given: dict[Key, Any] = {
        Given(name): _find_hyperparameter(rule, values, name) for name in rule.update.given
    }
    given |= {Constant(name): constants[name] for name in cost.constants}
    starting = [str(state.initial) for state in rule.update.states if state.initial in hypers]
    swept = {key for key, value in given.items() if np.ndim(value)}
    return given, frozenset(swept | {Given(name) for name in starting if np.ndim(hypers[name])})


def _batches(bound: BoundObjective, sampling: Sampling) -> Batches | None:
    """Return what draws the mini-batches, if there are any."""
    if sampling.batch is None:
        return None
    count = bound.samples
    if sampling.batch > count:
        raise RunError(
            f"batch={sampling.batch} is more than the {count} samples; expected at most {count}"
        )
    return Batches(count, sampling.batch, sampling.seed, sampling.replace)


def _integers(kernel: Kernel, bound: BoundObjective, sampling: Sampling) -> dict[Key, int]:
    """Return the whole numbers that a kernel is given: the seed, and sizes."""
    found: dict[Key, int] = {"seed": sampling.seed}
    for key in kernel.integers:
        if key == SizeValue(BATCH_SIZE):
            found[key] = sampling.batch or 0
        elif isinstance(key, SizeValue | ArrayOffset | Stride | Extent):
            found[key] = bound.sizes.integer(key)
    return found


def _kernel(bound: BoundObjective, update: Update, options: Options) -> Kernel:
    """Return the kernel of a cost and an update, written once."""
    kernels = bound.form.kernels
    key = (id(update), options)
    if key not in kernels:  # a kernel holds its update, so the id stays its own
        program = bound.form.kernel_program(update.curvature, options.batch)
        kernels[key] = write_kernel(program, update, bound.sizes.total, options=options)
    kernel: Kernel = kernels[key]
    return kernel


def _find_hyperparameter(rule: Rule, hypers: Mapping[str, Any], name: str) -> Any:
    """Return the value of a hyperparameter, or of a number in a schedule (``eta[0]``)."""
    if name.endswith("]"):
        schedule, _, place = name.removesuffix("]").partition("[")
        return float(floats_of(rule.schedules[schedule])[int(place)])
    value = hypers[name]
    if isinstance(value, sp.Expr) or np.ndim(value) == 0:
        return float(value)
    return np.asarray(value, dtype=np.float64)


def _initial(
    state: State,
    hypers: Mapping[str, Any],
    cost: Cost,
    start: Array,
    *,
    constants: Mapping[str, Any],
) -> Any:
    """Return the value that a state starts with."""
    if isinstance(state.initial, float):
        return state.initial
    if state.initial == "theta0":
        return start
    if state.initial == "grad0":
        return cost.grad(Flat(start), **constants)
    return hypers[state.initial]


def _lanes(runs: int, n: int, rule: Rule, bound: BoundObjective) -> int:
    """Return how many runs make a block: alone, or so many that it stays in the nearest cache."""
    if runs == 1 or bound.vectorises_alone:
        return 1
    rows = n * (3 + len(rule.update.states)) + 6
    if rows <= 30:
        return 128
    if rows <= 80:
        return 64
    return 32
