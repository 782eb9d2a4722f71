"""The settings that all runs of a call have in common, checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from symopt._typing import Seed
from symopt.errors import RunError
from symopt.runs.termination import LIMIT
from symopt.validation import check_number, check_whole_number, read_numbers, whole_number

LARGEST_HISTORY = 4 << 30  # bytes
SEEDS = 1 << 63
STREAMS = 1 << 48  # exact as float64, also after the number of a start is added
MOST_STEPS = 1 << 53  # a step is counted as a float64 too
RECORD_ALL = 1_000_000  # numbers in a history up to which every step is recorded by default
RECORD_SOME = 1000  # log-spaced steps that are recorded else
RECORD_FEW = 100  # and where each takes the loss over all samples
RECORD_PATHS = 8_000_000  # numbers of theta up to which it is recorded by default
Record = bool | int | Sequence[int] | npt.NDArray[Any] | None


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """The randomness of a run: its mini-batches and its noise.

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


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The options that all runs of a call share.

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
    sampling
        What is drawn: mini-batches, noise.
    """

    steps: int
    record: npt.NDArray[np.int64]
    tolerance: float | None = None
    limit: float = LIMIT
    targets: tuple[float, ...] = ()
    best: bool = True
    threads: int | None = None
    paths: bool = True
    sampling: Sampling = Sampling()

    def without_paths(self) -> RunOptions:
        """Record the loss alone."""
        return dataclasses.replace(self, paths=False)


def check_sampling(batch: int | None, replace: bool, noise: float, rng: Seed) -> Sampling:
    """Check what is drawn at random.

    Raises
    ------
    RunError
        If a number is of the wrong kind or out of range.
    """
    if batch is not None:
        batch = check_whole_number(
            batch, "batch", "how many samples to draw, or None for all", least=1
        )
    noise = check_number(noise, "noise", "a standard deviation, 0 or more", least=0)
    if replace and batch is None:
        raise RunError(
            "replace=True draws a mini-batch with replacement; give its size too, as in batch=64"
        )
    seed, stream = _read_seed(rng)
    return Sampling(batch=batch, replace=bool(replace), noise=noise, seed=seed, stream=stream)


def _read_seed(rng: Seed) -> tuple[int, int]:
    """Read a seed and a stream from a seed, a pair of both, or None for an arbitrary seed."""
    if rng is None:
        return int(np.random.default_rng().integers(1 << 62)), 0
    given: Any = rng
    if not isinstance(rng, tuple) or len(rng) != 2:
        given = (rng, 0)
    if given[0] is None:
        given = (_read_seed(None)[0], given[1])
    seed, stream = whole_number(given[0], 0, SEEDS), whole_number(given[1], 0, STREAMS)
    if seed is None or stream is None:
        raise RunError(
            f"rng={rng!r}; expected a seed (a whole number), a pair of seed and stream, or None"
        )
    return seed, stream


def check_run_options(
    steps: int,
    record: Record | str,
    *,
    tolerance: float | None = None,
    limit: float = LIMIT,
    targets: npt.ArrayLike = (),
    best: bool = True,
    threads: int | None = 1,
    paths: bool = True,
    sampling: Sampling | None = None,
) -> RunOptions:
    """Check what all runs of a call have in common.

    Raises
    ------
    RunError
        If a number is of the wrong kind or out of range.
    """
    steps = check_steps(steps)
    if tolerance is not None:
        tolerance = check_number(
            tolerance, "tolerance", "a number, 0 or more, or None for no test", least=0
        )
    limit = check_number(limit, "limit", "a positive number", above=0)
    if threads is not None:
        expected = "a whole number from 1, or None for one a processor"
        threads = check_whole_number(threads, "threads", expected, least=1)
    read = read_numbers(targets, f"targets={targets!r}", "a list of losses", finite=False)
    values = np.atleast_1d(read)
    if values.ndim != 1 or np.isnan(values).any():
        raise RunError(f"targets={targets!r}; expected a list of losses")
    return RunOptions(
        steps=steps,
        record=record_steps(record, steps),
        tolerance=tolerance,
        limit=limit,
        targets=tuple(values.tolist()),
        best=best,
        threads=threads,
        paths=paths,
        sampling=sampling or Sampling(),
    )


def check_steps(steps: int) -> int:
    """Check a number of steps.

    Raises
    ------
    RunError
        If it is no whole number, or one that no run could make.
    """
    expected = "a whole number of steps, 0 or more, at most 2^53"
    return check_whole_number(steps, "steps", expected, below=MOST_STEPS + 1)


def choose_record(steps: int, *, size: int, sampling: Sampling) -> Record:
    """Record every step by default, or as many as take no more memory or time than the run."""
    if sampling.batch is not None:
        return RECORD_FEW
    if (check_steps(steps) + 1) * (size + 1) <= RECORD_ALL:
        return True
    return RECORD_SOME


def record_steps(record: Record | str, steps: int) -> npt.NDArray[np.int64]:
    """List the steps to record: all (True), so many log-spaced ones, the given ones, or none.

    The start is step 0. Log-spaced steps hold 0, 1 and the last.
    """
    if isinstance(record, np.bool_):
        record = bool(record)
    if record is None or record is False:
        return np.zeros(0, dtype=np.int64)
    if record is True:
        return _every_step(steps)
    if isinstance(record, int | np.integer):
        return _space_steps(int(record), steps)
    return _list_steps(record, steps)


def _every_step(steps: int) -> npt.NDArray[np.int64]:
    needed = (steps + 1) * 8
    if needed > LARGEST_HISTORY:
        raise RunError(
            f"recording {steps + 1} steps takes over {needed / 2**30:.0f} GiB; record fewer, as in "
            "record=1000"
        )
    return np.arange(steps + 1)


def _space_steps(count: int, steps: int) -> npt.NDArray[np.int64]:
    """List so many steps with equal ratios, among them 0, 1 and the last."""
    if count > steps:
        return _every_step(steps)
    if count < 1:
        raise RunError(
            f"record={count!r}; expected True, None, a positive number of steps, or a list of steps"
        )
    exact = np.geomspace(1, max(steps, 1), max(count - 1, 1))
    spaced = np.unique(np.round(exact).astype(np.int64))
    return np.unique([0, *spaced[spaced <= steps], steps])


def _list_steps(
    record: Sequence[int] | npt.NDArray[Any] | str, steps: int
) -> npt.NDArray[np.int64]:
    wrong = RunError(
        f"record={record!r}; expected True, None, a number of steps, or whole numbers from 0 to "
        f"steps={steps}"
    )
    try:
        listed = np.asarray(record)
    except ValueError:
        raise wrong from None
    if listed.ndim == 1 and not listed.size:
        return np.zeros(0, dtype=np.int64)
    if listed.ndim != 1 or not np.issubdtype(listed.dtype, np.integer):
        raise wrong
    if listed.min() < 0 or listed.max() > steps:
        raise wrong
    return np.unique(listed).astype(np.int64)
