"""What a kernel is to run, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from symopt.compiler.runtime.minibatches import Batches
from symopt.ir.keys import Key
from symopt.ir.program import Name
from symopt.validation import Array


@dataclass(frozen=True)
class Job:
    """What to run: N runs of one kernel.

    Attributes
    ----------
    start
        Where each run starts, shape (N, n).
    given
        The value of each hyperparameter and constant: one number, or N of them.
    initial
        Where each state starts, broadcast to (N, n), or to (N,) for one number a run.
    record
        The steps to record, increasing.
    integers
        What a kernel of a cost with sums asks for: sizes, offsets, strides, the seed of its noise.
    data
        The arrays that it reads.
    stored
        How many numbers each array that it stores holds.
    batches
        The samples of each step's mini-batch.
    noise, streams
        The size of the gradient's noise, and which stream of random numbers each run takes it from.
    """

    start: Array
    given: Mapping[Key, npt.ArrayLike]
    initial: Mapping[str, npt.ArrayLike]
    steps: int
    limit: float
    tolerance: float = 0.0
    targets: tuple[float, ...] = ()
    record: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    integers: Mapping[Key, int] = field(default_factory=dict)
    data: Sequence[npt.NDArray[Any]] = ()
    stored: Mapping[Name, int] = field(default_factory=dict)
    batches: Batches | None = None
    noise: float = 0.0
    streams: npt.ArrayLike = 0.0


@dataclass(frozen=True)
class Outcome:
    """What became of N runs, the run first; ended runs keep their last finite theta."""

    theta: Array
    iterate: Array
    loss: Array
    status: Array
    steps: Array
    best_loss: Array
    best_theta: Array
    hits: Array
    states: dict[str, Array]
    history_theta: Array | None
    history_loss: Array
    interrupted: bool
    seconds: float
