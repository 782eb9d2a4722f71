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

from symopt.compiler.codegen.kernels.select import Kernel, LoopCost, Options, write_kernel
from symopt.compiler.jit import cache
from symopt.compiler.runtime import executor
from symopt.compiler.runtime.interpreter import evaluate
from symopt.compiler.runtime.minibatches import Batches
from symopt.costs.cost import Cost
from symopt.costs.nonfinite import why_slope, why_value
from symopt.costs.points import Flat
from symopt.costs.shape_inference import Sizes
from symopt.errors import CostError, RuleError, RunError
from symopt.ir.program import Key, Program
from symopt.ir.update import State, Update
from symopt.memory import check_runs
from symopt.optim.registry import RULES
from symopt.passes.minibatch import BATCH_SIZE
from symopt.rules.lowering import OPTIMAL_VALUE, floats_of
from symopt.rules.rule import Rule
from symopt.runs.compatibility import check_fit
from symopt.runs.options import LARGEST_HISTORY, Chance, Settings
from symopt.runs.status import AtPoint, reason, statuses
from symopt.validation import Array

COPIES = 3  # of what a run holds: as it is laid out, in blocks, and as it is read
LARGEST_IN_LANES = 500  # parameters of a cost with sums; with more, each run vectorises along its own sums


@dataclass(frozen=True)
class Finished:
    """The outcome of a job, with what is needed to explain it."""

    outcome: executor.Outcome
    status: npt.NDArray[np.str_]
    blocks: executor.Blocks
    cost: Cost
    gradient_evaluations: npt.NDArray[np.int64]
    compile_seconds: float
    sizes: Sizes | None = None

    def reason(self, run: int) -> str:
        """Return why a run ended."""
        cost = AtPoint(self.gradient, self.value, self.matrix, self.why_value, self.why_slope)
        return reason(str(self.status[run]), run, self.blocks, self.outcome, cost, self.labels)

    def labels(self) -> list[str]:
        """Return a name for each entry of theta."""
        return self.cost.labels(self.sizes)

    def gradient(self, point: Array, constants: Mapping[str, float]) -> Array:
        """Return the gradient at one point, with the bits of the kernel's; nothing is compiled for a plain cost."""
        if self.sizes is not None:
            return self.cost.grad(Flat(point), **constants, **self.sizes.given)
        keys: list[Key] = [("g", k) for k in range(len(point))]
        values = evaluate(self.cost.program.only(keys), _known(point, constants))
        return np.array([values[key] for key in keys])

    def value(self, point: Array, constants: Mapping[str, float]) -> float:
        """Return J at one point, with the bits of the kernel's."""
        if self.sizes is not None:
            return float(self.cost.value(point, **constants, **self.sizes.given))
        return float(evaluate(self.cost.program.only(["J"]), _known(point, constants))["J"])

    def why_value(self, point: Array, constants: Mapping[str, float]) -> str:
        """Return why J is not finite at one point."""
        return why_value(self.cost, point, self.sizes, constants)

    def why_slope(self, point: Array, constants: Mapping[str, float], entry: int) -> str:
        """Return why an entry of the gradient is not finite at one point."""
        return why_slope(self.cost, point, self.sizes, constants, entry)

    def matrix(self, kind: str, point: Array, constants: Mapping[str, float]) -> Array:
        """Return the "hessian" or "gauss_newton" matrix at one point; costs with sums have none in a kernel."""
        n = len(point)
        upper: list[Key] = [(kind, i, j) for j in range(n) for i in range(j + 1)]
        values = evaluate(self.cost.curved([kind]).only(upper), _known(point, constants))
        return np.array([[values[kind, min(i, j), max(i, j)] for j in range(n)] for i in range(n)])


def _known(point: Array, constants: Mapping[str, float]) -> dict[Key, float]:
    """Return the inputs of a cost's program."""
    given: dict[Key, float] = {("x", k): value for k, value in enumerate(point)}
    return given | {("c", name): value for name, value in constants.items()}


def launch(
    cost: Cost,
    rule: Rule,
    start: Array,
    hypers: Mapping[str, Any],
    constants: Mapping[str, Any],
    settings: Settings,
    stop: Event | None = None,
    report: Callable[[int], None] | None = None,
    streams: npt.NDArray[np.float64] | None = None,
) -> Finished:
    """Run ``rule`` on ``cost`` from N starts; arrays among the values have N entries.

    Setting ``stop`` ends the runs where they are; ``report`` is told how much is done; ``streams``
    says which stream of random numbers each run takes its noise from.
    """
    update, n = rule.update, start.shape[1]
    check_memory(len(start), n, settings, len(update.states))
    sizes = None if cost.sums is None else cost.sizes(constants, n)
    check_fit(rule, cost, settings)
    given, swept = _values(rule, cost, hypers, constants)
    chance = settings.chance
    options = Options(
        _lanes(len(start), n, rule, sizes), swept, settings.best, len(settings.targets),
        settings.tolerance is not None, settings.paths, chance.batch is not None, chance.noise > 0,
    )  # fmt: skip
    batches = _batches(cost, sizes, chance)
    began = time.perf_counter()
    kernel = _kernel(cost, update, options, n)
    cache.kernel(kernel.source)
    compile_seconds = time.perf_counter() - began
    initial = {state.name: _initial(state, hypers, cost, start, constants) for state in update.states}
    job = executor.Job(
        start, given, initial, settings.steps, settings.limit, settings.tolerance or 0.0, settings.targets,
        settings.record,
        {("seed",): chance.seed, **_integers(kernel, sizes, chance)},
        [] if cost.sums is None else cost.sums.ordered_data(cost.data),
        {name: sizes.stored(name) for name in kernel.stored} if sizes else {},
        batches, chance.noise, chance.stream + (np.zeros(len(start)) if streams is None else streams),
    )  # fmt: skip
    outcome, blocks = executor.run(kernel, job, stop or Event(), settings.threads if len(start) > 1 else 1, report)
    # a failed step has evaluated its gradients too
    tried = outcome.steps + (outcome.status >= 2)
    evaluations = tried * update.gradients + any(s.initial == "grad0" for s in update.states)
    status = statuses(outcome, settings.steps, settings.limit)
    return Finished(outcome, status, blocks, cost, evaluations.astype(np.int64), compile_seconds, sizes)


def _values(
    rule: Rule, cost: Cost, hypers: Mapping[str, Any], constants: Mapping[str, Any]
) -> tuple[dict[Key, Any], frozenset[Key]]:
    """Return what a kernel is given by its key, and the keys of what differs from run to run."""
    values = {**hypers, OPTIMAL_VALUE: cost.optimal_value}
    given: dict[Key, Any] = {("given", name): _given(rule, values, name) for name in rule.update.given}
    given |= {("c", name): constants[name] for name in cost.constants}
    starting = [str(state.initial) for state in rule.update.states if state.initial in hypers]
    swept = {key for key, value in given.items() if np.ndim(value)}
    return given, frozenset(swept | {("given", name) for name in starting if np.ndim(hypers[name])})


def _batches(cost: Cost, sizes: Sizes | None, chance: Chance) -> Batches | None:
    """Return what draws the mini-batches."""
    if chance.batch is None:
        return None
    if cost.sums is None or sizes is None:
        raise RunError("a mini-batch needs a cost that sums over samples: so.Cost(..., data={...}, samples=k)")
    cost.sums.batch  # noqa: B018  what cannot be drawn from is refused here
    count = cost.sums.samples(sizes)
    if chance.batch > count:
        raise RunError(f"batch={chance.batch} is more than the {count} samples; expected at most {count}")
    return Batches(count, chance.batch, chance.seed, chance.replace)


def _integers(kernel: Kernel, sizes: Sizes | None, chance: Chance) -> dict[Key, int]:
    """Return what a kernel wants to know of sizes."""
    if sizes is None:
        return {}
    asked = [key for key in kernel.integers if key[0] in ("size", "offset", "stride", "extent")]
    return {key: chance.batch or 0 if key == ("size", BATCH_SIZE) else sizes.integer(key) for key in asked}


def _kernel(cost: Cost, update: Update, options: Options, n: int) -> Kernel:
    """Return the kernel of a cost and an update, written once."""
    key = (id(update), options)
    if key not in cost.kernels:  # a kernel holds its update, so the id stays its own
        cost.kernels[key] = write_kernel(_program(cost, update, options), update, n, options)
    kernel: Kernel = cost.kernels[key]
    return kernel


def _program(cost: Cost, update: Update, options: Options) -> Program | LoopCost:
    """Return what a kernel evaluates of a cost."""
    if cost.sums is not None:
        return cost.sums.loops(options.batch)
    matrices = {stage.matrix for stage in update.stages if stage.kind == "solve"}
    return cost.curved(matrices) if matrices else cost.program


def as_rule(value: Any) -> Rule:
    """Return a rule given as such or by its name; its equations are read, so that mistakes show here."""
    if isinstance(value, str):
        return RULES[value]
    if isinstance(value, Rule):
        for state in value.update.states:
            if state.initial in value.schedules:
                raise RuleError(
                    f"{value.name}: {state.name} starts at {state.initial}, which then cannot be a schedule"
                )
        return value
    raise RuleError(
        f"{value!r} is a {type(value).__name__}; expected a rule such as so.adam(eta=0.02), or the name of one"
    )


def as_cost(value: Any) -> Cost:
    """Return a cost given as such, as a SymPy expression, or as what has one (a problem)."""
    value = getattr(value, "cost", value) if not isinstance(value, sp.Basic) else value
    return value if isinstance(value, Cost) else Cost(value)


def placed(cost: Cost, start: Any, dimensions: tuple[int, ...], constants: Mapping[str, Any]) -> tuple[Cost, Array]:
    """Return starts as floats, checked for shape and for NaN, and the cost with the sizes that follow from them."""
    names = ", ".join(p.name for p in cost.params)
    try:
        readings = cost.readings(start, constants)
    except CostError as error:
        raise RunError(f"start: {error}") from None
    array, sizes = readings[0]
    if len(readings) > 1 and 2 in dimensions:
        raise _ambiguous(names, readings[1][0].shape)
    if not (finite := np.isfinite(array)).all():
        raise RunError(f"start is not finite, {array[~finite][0]}; expected finite numbers for {names}")
    if sizes is not None:
        cost = cost(**sizes.given)
    size = len(cost.params) if sizes is None else sizes.total
    if array.ndim not in dimensions or array.shape[-1] != size:
        shapes = " or ".join({1: f"({size},)", 2: f"(N, {size})"}[d] for d in dimensions)
        raise RunError(f"start has shape {array.shape}; expected {shapes}, for {names}")
    return cost, array


def _ambiguous(name: str, shape: tuple[int, ...]) -> RunError:
    return RunError(
        f"start has shape {shape}, which {name} itself may have, and so may {shape[0]} starts of {shape[1]} number(s); "
        f"give one start as {{{name!r}: start}}, or {shape[0]} as {{{name!r}: array}} with one axis more"
    )


def _given(rule: Rule, hypers: Mapping[str, Any], name: str) -> Any:
    """Return the value of a hyperparameter, or of a number in a schedule (``eta[0]``)."""
    if name.endswith("]"):
        schedule, _, place = name.removesuffix("]").partition("[")
        return float(floats_of(rule.schedules[schedule])[int(place)])
    value = hypers[name]
    return float(value) if isinstance(value, sp.Expr) or np.ndim(value) == 0 else np.asarray(value, dtype=np.float64)


def _initial(state: State, hypers: Mapping[str, Any], cost: Cost, start: Array, constants: Mapping[str, Any]) -> Any:
    if isinstance(state.initial, float):
        return state.initial
    if state.initial == "theta0":
        return start
    if state.initial == "grad0":
        return cost.grad(Flat(start), **constants)
    return hypers[state.initial]


def _lanes(runs: int, n: int, rule: Rule, sizes: Sizes | None) -> int:
    """Return how many runs make a block: alone, or so many that a block stays in the nearest cache."""
    if runs == 1 or (sizes is not None and n > LARGEST_IN_LANES):
        return 1
    rows = n * (3 + len(rule.update.states)) + 6
    return 128 if rows <= 30 else (64 if rows <= 80 else 32)


def check_memory(runs: int, size: int, settings: Settings | None = None, states: int = 0) -> None:
    """Refuse runs that do not fit into memory, and recordings that are long.

    Parameters
    ----------
    runs, size
        How many there are, and of how many parameters.
    settings
        What they have in common; left out where it is not known yet.
    states
        How many states a rule has.

    Raises
    ------
    RunError
        With the number of bytes, and what would fit.
    """
    records = len(settings.record) if settings else 0
    width = size + 1 if settings and settings.paths else 1
    needed = records * runs * width * 8
    if needed > LARGEST_HISTORY:
        raise RunError(
            f"recording {records} steps of {runs} run(s) takes {needed / 2**30:.1f} GiB; "
            "record fewer, as in record=50 (log-spaced), none, or no paths (paths=False)"
        )
    numbers = COPIES * (size * (4 + states) + 8) + 2 * records * width  # as measured
    check_runs(runs, 8 * numbers, f"run of {size} parameter(s)")
