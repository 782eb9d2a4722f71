"""From a cost, a rule and values to a finished job: what one run and a sweep share."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symopt.autodiff.batched import BATCH_SIZE
from symopt.autodiff.program import Key
from symopt.autodiff.update import State, Update
from symopt.compiler import cache, drive
from symopt.compiler.draws import Batches
from symopt.compiler.kernel import Kernel, Options, write_kernel
from symopt.compiler.plain import evaluate
from symopt.cost import Cost
from symopt.errors import CostError, RuleError, RunError
from symopt.floats import Array, NotNumbersError, as_floats
from symopt.optimizers import RULES
from symopt.reader import floats_of
from symopt.rule import Rule
from symopt.shapes import Sizes
from symopt.status import reason, statuses

LARGEST_HISTORY = 4 << 30  # bytes
LARGEST_IN_LANES = 500  # parameters of a cost with sums; with more, each run vectorises along its own sums
Record = bool | int | Sequence[int] | npt.NDArray[Any] | None


@dataclass(frozen=True)
class Chance:
    """What is drawn at random in a run.

    Attributes
    ----------
    batch
        How many samples a gradient is taken over; None for all.
    replace
        Whether they are drawn with replacement, or from a new shuffle each epoch.
    noise
        The standard deviation of what is added to each component of a gradient.
    seed, stream
        What the numbers follow from. Batches depend on the seed alone, noise on the stream too.
    """

    batch: int | None = None
    replace: bool = False
    noise: float = 0.0
    seed: int = 0
    stream: int = 0


@dataclass(frozen=True)
class Settings:
    """What all runs of a call have in common.

    Attributes
    ----------
    steps
        The budget of each run.
    record
        The steps to record, increasing.
    tolerance
        A run ends when no component of the gradient is larger (tested every 16 steps); None: never.
    limit
        A run has diverged when |J| or a component of theta is larger.
    targets
        Losses whose first step at or below is kept.
    best
        Whether the best loss and its theta are kept.
    threads
        How many threads work on blocks of runs; as many as there are processors if None.
    paths
        Whether theta is recorded beside the loss.
    chance
        What is drawn: mini-batches, noise.
    """

    steps: int
    record: npt.NDArray[np.int64]
    tolerance: float | None = None
    limit: float = 1e20
    targets: tuple[float, ...] = ()
    best: bool = True
    threads: int | None = None
    paths: bool = True
    chance: Chance = Chance()


@dataclass(frozen=True)
class Finished:
    """The outcome of a job, with what is needed to explain it."""

    outcome: drive.Outcome
    status: npt.NDArray[np.str_]
    blocks: drive.Blocks
    cost: Cost
    gradient_evaluations: npt.NDArray[np.int64]
    compile_seconds: float
    sizes: Sizes | None = None

    def reason(self, run: int) -> str:
        """Return why a run ended."""
        return reason(str(self.status[run]), run, self.blocks, self.outcome, self.gradient, self.labels)

    def labels(self) -> list[str]:
        """Return a name for each entry of theta."""
        return self.cost.labels(self.sizes)

    def gradient(self, point: Array, constants: Mapping[str, float]) -> Array:
        """Return the gradient at one point, with the bits of the kernel's; nothing is compiled for a plain cost."""
        if self.sizes is not None:
            return self.cost.grad(point, **constants, **self.sizes.given)
        keys: list[Key] = [("g", k) for k in range(len(point))]
        given: dict[Key, float] = {("x", k): value for k, value in enumerate(point)}
        given |= {("c", name): value for name, value in constants.items()}
        values = evaluate(self.cost.program.only(keys), given)
        return np.array([values[key] for key in keys])


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
    _check_memory(len(settings.record), len(start), n * settings.paths)
    sizes = None if cost.sums is None else cost.sizes(constants, n)
    given: dict[Key, Any] = {("given", name): _given(rule, hypers, name) for name in update.given}
    given |= {("c", name): constants[name] for name in cost.constants}
    swept = frozenset(key for key, value in given.items() if np.ndim(value))
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
    job = drive.Job(
        start,
        given,
        initial,
        settings.steps,
        settings.limit,
        settings.tolerance or 0.0,
        settings.targets,
        settings.record,
        {("seed",): chance.seed, **_integers(kernel, sizes, chance)},
        [] if cost.sums is None else cost.sums.ordered_data(cost.data),
        {name: sizes.stored(name) for name in kernel.stored} if sizes else {},
        batches,
        chance.noise,
        chance.stream + (np.zeros(len(start)) if streams is None else streams),
    )
    outcome, blocks = drive.run(kernel, job, stop or Event(), settings.threads if len(start) > 1 else 1, report)
    # a failed step has evaluated its gradients too
    tried = outcome.steps + (outcome.status >= 2)
    evaluations = tried * update.gradients + any(s.initial == "grad0" for s in update.states)
    status = statuses(outcome, settings.steps, settings.limit)
    return Finished(outcome, status, blocks, cost, evaluations.astype(np.int64), compile_seconds, sizes)


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
        program = cost.program if cost.sums is None else cost.sums.loops(options.batch)
        cost.kernels[key] = write_kernel(program, update, n, options)
    kernel: Kernel = cost.kernels[key]
    return kernel


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


def check_chance(batch: Any, replace: bool, noise: Any, rng: Any) -> Chance:
    """Return checked settings of what is drawn.

    Raises
    ------
    RunError
        If a number is of the wrong kind or out of range.
    """
    if batch is not None and (isinstance(batch, bool) or not isinstance(batch, int | np.integer) or batch < 1):
        raise RunError(f"batch={batch!r}; expected how many samples to draw, or None for all")
    if not (_is_number(noise) and noise >= 0):
        raise RunError(f"noise={noise!r}; expected a standard deviation, 0 or more")
    seed, stream = rng if isinstance(rng, tuple) and len(rng) == 2 else (rng, 0)
    if seed is None:
        seed = int(np.random.default_rng().integers(1 << 62))
    for value, most in ((seed, 1 << 63), (stream, 1 << 48)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not 0 <= value < most:
            raise RunError(f"rng={rng!r}; expected a seed (a whole number), a pair of seed and stream, or None")
    return Chance(None if batch is None else int(batch), bool(replace), float(noise), int(seed), int(stream))


def check_settings(
    steps: Any, record: Any, tolerance: Any, limit: Any, targets: Any, best: bool, threads: int | None,
    paths: bool = True, chance: Chance | None = None,
) -> Settings:  # fmt: skip
    """Return checked settings.

    Raises
    ------
    RunError
        If a number is of the wrong kind or out of range.
    """
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 0:
        raise RunError(f"steps={steps!r}; expected a whole number of steps, 0 or more")
    if tolerance is not None and not (_is_number(tolerance) and tolerance >= 0):
        raise RunError(f"tolerance={tolerance!r}; expected a number, 0 or more, or None for no test")
    if not (_is_number(limit) and limit > 0):
        raise RunError(f"limit={limit!r}; expected a positive number")
    if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
        raise RunError(f"threads={threads!r}; expected a whole number from 1, or None for one a processor")
    try:
        values = np.atleast_1d(as_floats(targets, finite=False))
    except NotNumbersError as error:
        raise RunError(f"targets={targets!r}: {error}; expected a list of losses") from None
    if values.ndim != 1 or np.isnan(values).any():
        raise RunError(f"targets={targets!r}; expected a list of losses")
    return Settings(
        int(steps), record_steps(record, int(steps)), tolerance, float(limit), tuple(values.tolist()), best, threads,
        paths, chance or Chance(),
    )  # fmt: skip


def record_steps(record: Record, steps: int) -> npt.NDArray[np.int64]:
    """Return the steps to record: all (True), so many log-spaced ones, the given ones, or none.

    The start is step 0. Log-spaced steps hold 0, 1 and the last.
    """
    if record is None or record is False:
        return np.zeros(0, dtype=np.int64)
    if record is True or (isinstance(record, int | np.integer) and record > steps):
        if (steps + 1) * 8 > LARGEST_HISTORY:
            needed = (steps + 1) * 8 / 2**30
            raise RunError(f"recording {steps + 1} steps takes over {needed:.0f} GiB; record fewer, as in record=1000")
        return np.arange(steps + 1)
    if isinstance(record, int | np.integer):
        if record < 1:
            raise RunError(f"record={record!r}; expected True, None, a positive number of steps, or a list of steps")
        spaced = np.unique(np.round(np.geomspace(1, max(steps, 1), max(int(record) - 1, 1))).astype(np.int64))
        return np.unique([0, *spaced[spaced <= steps], steps])
    wrong = RunError(
        f"record={record!r}; expected True, None, a number of steps, or whole numbers from 0 to steps={steps}"
    )
    try:
        listed = np.asarray(record)
    except ValueError:
        raise wrong from None
    whole = listed.ndim == 1 and (np.issubdtype(listed.dtype, np.integer) or not listed.size)
    if not whole or (listed.size and not 0 <= listed.min() <= listed.max() <= steps):
        raise wrong
    return np.unique(listed).astype(np.int64)


def placed(cost: Cost, start: Any, dimensions: tuple[int, ...], constants: Mapping[str, Any]) -> tuple[Cost, Array]:
    """Return starts as floats, checked for shape and for NaN, and the cost with the sizes that follow from them."""
    names = ", ".join(p.name for p in cost.params)
    if cost.sums is None:
        array, size = _points(cost, start, names), len(cost.params)
    else:
        array, sizes = _points_over_sums(cost, start, constants, names)
        cost, size = cost(**sizes.given), sizes.total
    if array.ndim not in dimensions or array.shape[-1] != size:
        shapes = " or ".join({1: f"({size},)", 2: f"(N, {size})"}[d] for d in dimensions)
        raise RunError(f"start has shape {array.shape}; expected {shapes}, for {names}")
    return cost, array


def _points(cost: Cost, start: Any, names: str) -> Array:
    size = len(cost.params)
    try:
        if isinstance(start, Mapping):
            start = np.stack(np.broadcast_arrays(*map(as_floats, cost.ordered(start))), axis=-1)
        return as_floats(start)
    except NotNumbersError as error:
        raise RunError(f"start: {error}; expected {size} finite number(s), for {names}") from None
    except CostError as error:
        raise RunError(f"start: {error}") from None
    except ValueError:
        raise RunError(f"start: the values for {names} have shapes that do not fit together") from None


def _points_over_sums(cost: Cost, start: Any, constants: Mapping[str, Any], names: str) -> tuple[Array, Sizes]:
    try:
        points, sizes = cost.points(start, constants)
    except CostError as error:
        raise RunError(f"start: {error}") from None
    if not np.isfinite(points).all():
        raise RunError(f"start is not finite; expected finite numbers for {names}")
    assert sizes is not None
    return points, sizes


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, int | float | np.integer | np.floating)
        and not isinstance(value, bool)
        and bool(np.isfinite(value))
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
        return cost.grad(start, **constants)
    return hypers[state.initial]


def _lanes(runs: int, n: int, rule: Rule, sizes: Sizes | None) -> int:
    """Return how many runs make a block: alone, or so many that a block stays in the nearest cache."""
    if runs == 1 or (sizes is not None and n > LARGEST_IN_LANES):
        return 1
    rows = n * (3 + len(rule.update.states)) + 6
    return 128 if rows <= 30 else (64 if rows <= 80 else 32)


def _check_memory(records: int, runs: int, size: int) -> None:
    needed = records * runs * (size + 1) * 8
    if needed > LARGEST_HISTORY:
        raise RunError(
            f"recording {records} steps of {runs} run(s) takes {needed / 2**30:.1f} GiB; "
            "record fewer, as in record=50 (log-spaced), none, or no paths (paths=False)"
        )
