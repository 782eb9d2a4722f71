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

from symopt.autodiff.program import Key
from symopt.autodiff.update import State, Update
from symopt.compiler import cache, drive
from symopt.compiler.function import Array
from symopt.compiler.kernel import Kernel, Options, write_kernel
from symopt.cost import Cost
from symopt.errors import RuleError, RunError
from symopt.optimizers import RULES
from symopt.reader import floats_of
from symopt.rule import Rule
from symopt.status import reason, statuses

LARGEST_HISTORY = 4 << 30  # bytes
Record = bool | int | Sequence[int] | npt.NDArray[Any] | None


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
    """

    steps: int
    record: npt.NDArray[np.int64]
    tolerance: float | None = None
    limit: float = 1e20
    targets: tuple[float, ...] = ()
    best: bool = True
    threads: int | None = None


@dataclass(frozen=True)
class Finished:
    """The outcome of a job, with what is needed to explain it."""

    outcome: drive.Outcome
    status: npt.NDArray[np.str_]
    blocks: drive.Blocks
    cost: Cost
    gradient_evaluations: npt.NDArray[np.int64]
    compile_seconds: float

    def reason(self, run: int) -> str:
        """Return why a run ended."""
        names = [p.name for p in self.cost.params]
        return reason(str(self.status[run]), run, self.blocks, self.outcome, self.cost.program, names)


def launch(
    cost: Cost,
    rule: Rule,
    start: Array,
    hypers: Mapping[str, Any],
    constants: Mapping[str, Any],
    settings: Settings,
    stop: Event | None = None,
    report: Callable[[int], None] | None = None,
) -> Finished:
    """Run ``rule`` on ``cost`` from N starts; arrays among the values have N entries.

    Setting ``stop`` ends the runs where they are; ``report`` is told how much is done.
    """
    update = rule.update
    given: dict[Key, Any] = {("given", name): _given(rule, hypers, name) for name in update.given}
    given |= {("c", name): value for name, value in constants.items()}
    swept = frozenset(key for key, value in given.items() if np.ndim(value))
    options = Options(
        _lanes(len(start), cost.size, rule), swept, settings.best, len(settings.targets), settings.tolerance is not None
    )
    began = time.perf_counter()
    kernel = _kernel(cost, update, options)
    cache.kernel(kernel.source)
    compile_seconds = time.perf_counter() - began
    initial = {state.name: _initial(rule, state, hypers, cost, start, constants) for state in update.states}
    job = drive.Job(
        start,
        given,
        initial,
        settings.steps,
        settings.limit,
        settings.tolerance or 0.0,
        settings.targets,
        settings.record,
    )
    _check_memory(job, cost.size)
    outcome, blocks = drive.run(kernel, job, stop or Event(), settings.threads if len(start) > 1 else 1, report)
    # a failed step has evaluated its gradients too
    tried = outcome.steps + (outcome.status >= 2)
    evaluations = tried * update.gradients + any(s.initial == "grad0" for s in update.states)
    status = statuses(outcome, settings.steps, settings.limit)
    return Finished(outcome, status, blocks, cost, evaluations.astype(np.int64), compile_seconds)


def _kernel(cost: Cost, update: Update, options: Options) -> Kernel:
    """Return the kernel of a cost and an update, written once."""
    key = (id(update), options)
    if key not in cost.kernels:  # a kernel holds its update, so the id stays its own
        cost.kernels[key] = write_kernel(cost.program, update, cost.size, options)
    kernel: Kernel = cost.kernels[key]
    return kernel


def as_rule(value: Any) -> Rule:
    """Return a rule given as such or by its name."""
    if isinstance(value, Rule):
        return value
    if isinstance(value, str):
        return RULES[value]
    raise RuleError(
        f"{value!r} is a {type(value).__name__}; expected a rule such as so.adam(eta=0.02), or the name of one"
    )


def as_cost(value: Any) -> Cost:
    """Return a cost given as such or as a SymPy expression."""
    return value if isinstance(value, Cost) else Cost(value)


def check_settings(
    steps: Any, record: Any, tolerance: Any, limit: Any, targets: Any, best: bool, threads: int | None
) -> Settings:
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
    values = np.atleast_1d(np.asarray(targets, dtype=np.float64))
    if values.ndim != 1 or np.isnan(values).any():
        raise RunError(f"targets={targets!r}; expected a list of losses")
    return Settings(
        int(steps), record_steps(record, int(steps)), tolerance, float(limit), tuple(values.tolist()), best, threads
    )


def record_steps(record: Record, steps: int) -> npt.NDArray[np.int64]:
    """Return the steps to record: all (True), so many log-spaced ones, the given ones, or none.

    The start is step 0. Log-spaced steps hold 0, 1 and the last.
    """
    if record is None or record is False:
        return np.zeros(0, dtype=np.int64)
    if record is True:
        return np.arange(steps + 1)
    if isinstance(record, int | np.integer):
        if record < 1:
            raise RunError(f"record={record!r}; expected True, None, a positive number of steps, or a list of steps")
        spaced = np.unique(np.round(np.geomspace(1, max(steps, 1), max(int(record) - 1, 1))).astype(np.int64))
        return np.unique([0, *spaced[spaced <= steps], steps])
    listed = np.asarray(record)
    if (
        listed.ndim != 1
        or not np.issubdtype(listed.dtype, np.integer)
        or (len(listed) and not 0 <= listed.min() <= listed.max() <= steps)
    ):
        raise RunError(f"record={record!r}; expected whole numbers from 0 to steps={steps}")
    return np.unique(listed).astype(np.int64)


def single_start(cost: Cost, start: Any) -> Array:
    """Return one start as an array of shape (n,)."""
    return check_start(cost, start, (1,))


def check_start(cost: Cost, start: Any, dimensions: tuple[int, ...]) -> Array:
    """Return starts as floats, checked for shape and for NaN."""
    names = ", ".join(p.name for p in cost.params)
    if isinstance(start, Mapping):
        start = np.stack(np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in cost.ordered(start))), axis=-1)
    try:
        array = np.array(start, dtype=np.float64)
    except (TypeError, ValueError):
        raise RunError(f"start={start!r}; expected {cost.size} number(s), for {names}") from None
    if array.ndim not in dimensions or array.shape[-1] != cost.size:
        shapes = " or ".join({1: f"({cost.size},)", 2: f"(N, {cost.size})"}[d] for d in dimensions)
        raise RunError(f"start has shape {array.shape}; expected {shapes}, for {names}")
    if not np.isfinite(array).all():
        raise RunError(f"start={start!r} is not finite; expected {cost.size} finite number(s), for {names}")
    return array


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


def _initial(
    rule: Rule, state: State, hypers: Mapping[str, Any], cost: Cost, start: Array, constants: Mapping[str, Any]
) -> Any:
    if isinstance(state.initial, float):
        return state.initial
    if state.initial == "theta0":
        return start
    if state.initial == "grad0":
        return cost.grad(start, **constants)
    if state.initial in rule.schedules:
        raise RuleError(
            f"{rule.name}: the state {state.name} starts at {state.initial}, which cannot be a schedule then"
        )
    return hypers[state.initial]


def _lanes(runs: int, size: int, rule: Rule) -> int:
    """Return how many runs make a block: alone, or so many that a block stays in the nearest cache."""
    rows = size * (3 + len(rule.update.states)) + 6
    return 1 if runs == 1 else (128 if rows <= 30 else (64 if rows <= 80 else 32))


def _check_memory(job: drive.Job, size: int) -> None:
    needed = len(job.record) * len(job.start) * (size + 1) * 8
    if needed > LARGEST_HISTORY:
        raise RunError(
            f"recording {len(job.record)} steps of {len(job.start)} run(s) takes {needed / 2**30:.1f} GiB; "
            "record fewer, as in record=50 (log-spaced), or none"
        )
