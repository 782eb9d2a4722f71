"""The blocks of a job: filled from it, advanced by chunks of steps, read at the end.

Numbers do not depend on where the chunks end, nor on what else is in a block.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from threading import Event
from typing import Any

import numpy as np
import numpy.typing as npt

from symopt.compiler.codegen.kernel_spec import Kernel
from symopt.compiler.codegen.layout import CONVERGED, DIVERGED, NONFINITE, RUNNING
from symopt.compiler.jit import cache
from symopt.compiler.library import exponential
from symopt.compiler.runtime.interpreter import evaluate
from symopt.compiler.runtime.job import Job, Outcome
from symopt.ir.keys import (
    Base,
    Factor,
    Hit,
    Key,
    Offset,
    OldState,
    Power,
    Rate,
    RowsOf,
    StoredArray,
    Target,
)
from symopt.ir.program import Name
from symopt.validation import Array

CHUNK_SECONDS = 0.05  # how long a call into a kernel should last

FIRST_CHUNK = 1024

LARGEST_BUFFER = 1 << 21  # numbers recorded in one chunk

ALIGNMENT = 64


class BlockBatch:
    """The blocks of a job: filled before, read after."""

    def __init__(self, kernel: Kernel, job: Job) -> None:
        self.kernel, self.job = kernel, job
        self.runs, self.size = job.start.shape
        self.layout = kernel.layout.sized(self.size)
        self.lanes = kernel.options.lanes
        self.integers = [self._integer(key) for key in kernel.integers]
        count = -(-self.runs // self.lanes)
        self.rows = np.zeros((self.layout.height, count * self.lanes))
        self.cells = np.zeros(max(len(self.layout.cells), 1))
        self._fill()
        self.blocks = [self.block(number) for number in range(count)]
        self.width = self.size * kernel.options.paths + 1  # numbers of a run in a record
        self.history = np.full((len(job.record), self.runs, self.width), np.nan)
        self.chunk = (
            FIRST_CHUNK  # steps; what one block learns about the time they take serves the next
        )

    def _fill(self) -> None:
        """Lay out where all runs start; the spare lanes of the last block repeat the last run."""
        runs = np.minimum(np.arange(self.rows.shape[1]), self.runs - 1)
        for key, value in self._contents():
            values = np.asarray(value)
            if key in self.layout.rows:
                first, count = self.layout.rows[key]
                if values.ndim:
                    self.rows[first : first + count] = values[runs].T
                else:
                    self.rows[first : first + count] = values
            elif key in self.layout.cells:
                self.cells[self.layout.cells[key]] = values

    def block(self, number: int) -> Array:
        """Return a new block for the runs ``number*lanes ...``."""
        block = aligned_zeros(
            self.layout.size + sum(self._stored(name) for name in self.kernel.stored)
        )
        block[self._cells : self._cells + len(self.cells)] = self.cells
        rows = self.rows[:, number * self.lanes : (number + 1) * self.lanes]
        block[: rows.size].reshape(rows.shape)[...] = rows
        return block

    @property
    def _cells(self) -> int:
        """Where the cells begin."""
        return self.layout.height * self.lanes

    def _stored(self, name: Name) -> int:
        """Return how many numbers a stored array takes."""
        return self.job.stored[name] * self.lanes

    def _integer(self, key: Key) -> int:
        """Return what a kernel asks for."""
        if key == "n":
            return int(self.size)
        if key == "cells":
            return self._cells
        if isinstance(key, RowsOf):
            return int(self.layout.at(key.which))
        if isinstance(key, StoredArray):
            before = self.kernel.stored[: self.kernel.stored.index(key.which)]
            return self.layout.size + sum(self._stored(name) for name in before)
        return int(self.job.integers[key])

    def _contents(self) -> Iterator[tuple[Key, npt.ArrayLike]]:
        job = self.job
        yield "theta", job.start
        for name, value in job.initial.items():
            yield OldState(name), value
        yield from job.given.items()
        yield from self._factors().items()
        yield "best", job.start
        yield from (("loss", np.nan), ("status", RUNNING), ("steps", 0.0), ("best_loss", np.inf))
        for j, target in enumerate(job.targets):
            yield Target(j), target
            yield Hit(j), -1.0
        yield from (
            ("limit", job.limit),
            ("T", job.steps),
            ("n", self.size),
            ("tolerance", job.tolerance),
        )
        yield from (("noise", job.noise), ("stream", job.streams))

    def _factors(self) -> dict[Key, npt.ArrayLike]:
        """Return where each running product starts and what it is multiplied by at each step."""
        factors: dict[Key, npt.ArrayLike] = {}
        for k in range(self.kernel.update.powers):
            keys: list[Key] = [Base(k), Rate(k), Offset(k)]
            program = self.kernel.update.hypers.only(keys)
            names = [key for key in program.inputs if isinstance(key, tuple)]
            columns = np.atleast_2d(
                np.array(np.broadcast_arrays(*(self.job.given[key] for key in names), 0.0)[:-1]).T
            )
            rows, back = np.unique(columns, axis=0, return_inverse=True)
            fixed: dict[Key, float] = {"T": self.job.steps, "n": self.size}
            found = np.array(
                [
                    _power(evaluate(program, {**dict(zip(names, row, strict=True)), **fixed}), k)
                    for row in rows
                ]
            )
            values = found[back.ravel()]
            swept = Power(k) in self.layout.rows
            if swept:
                factors[Power(k)] = values[:, 0]
            else:
                factors[Power(k)] = values[0, 0]
            if swept:
                factors[Factor(k)] = values[:, 1]
            else:
                factors[Factor(k)] = values[0, 1]
        return factors

    def run_block(self, number: int, stop: Event, report: Callable[[int], None]) -> None:
        """Run one block to its end, chunk by chunk; when told to stop, only observe."""
        block, done = self.blocks[number], 0
        while done <= self.job.steps:
            if stop.is_set():
                block[self.layout.at("T")] = done
                self._chunk(number, done + 1, done + 1)
                return
            size = self.chunk
            last = min(done + size, self.job.steps + 1, self._last_with_room(done))
            began = time.perf_counter()
            self._chunk(number, done + 1, last)
            seconds = time.perf_counter() - began
            report(last - done)
            done = last
            if seconds < CHUNK_SECONDS / 2:
                self.chunk = max(self.chunk, 2 * size)
            if (self._rows("status", block) != RUNNING).all():
                report(self.job.steps + 1 - done)
                return

    def _last_with_room(self, done: int) -> int:
        """Return the last step of a chunk after ``done`` whose records fit into a buffer."""
        room = max(LARGEST_BUFFER // (self.width * self.lanes), 1)
        ahead = self.job.record[np.searchsorted(self.job.record, done) :]
        if len(ahead) > room:
            last = int(ahead[room])
        else:
            last = self.job.steps + 1
        if self.job.batches is None:
            return last
        return min(last, done + max(LARGEST_BUFFER // self.job.batches.batch, 1))

    def _chunk(self, number: int, first: int, last: int) -> None:
        """Take the steps ``first`` to ``last``, and put what they record in its place."""
        low, high = np.searchsorted(self.job.record, [first - 1, last])
        # one run records straight into its history
        alone = self.lanes == 1 and high > low and self.runs == 1
        if alone:
            out = self.history[low:high].reshape(-1)
        else:
            out = aligned_zeros(max((high - low) * self.width * self.lanes, 1))
        self._advance(self.blocks[number], first, last, self.job.record[low:high], out)
        if alone:
            return
        runs = slice(number * self.lanes, min((number + 1) * self.lanes, self.runs))
        seen = out[: (high - low) * self.width * self.lanes].reshape(
            high - low, self.width, self.lanes
        )
        self.history[low:high, runs] = seen.transpose(0, 2, 1)[:, : runs.stop - runs.start]

    def _advance(
        self, block: Array, first: int, last: int, record: npt.NDArray[np.int64], out: Array
    ) -> None:
        """Take steps; go back to the step before where a kernel leaves a failed one."""
        before = None
        if self.kernel.rerun:
            before = block[: self.layout.size].copy()
        self.call(block, first, last, record, out)
        status, made = (float(self._rows(key, block)[0, 0]) for key in ("status", "steps"))
        if before is None or status not in (DIVERGED, NONFINITE):
            return
        block[: self.layout.size] = before
        if made >= first:
            self.call(block, first, int(made), record, out)
        block[self.layout.at("T")] = made
        self.call(block, int(made) + 1, int(made) + 1, np.zeros(0, dtype=np.int64), np.zeros(1))
        self._rows("status", block)[...] = status

    def call(
        self, block: Array, first: int, last: int, record: npt.NDArray[np.int64], out: Array
    ) -> None:
        """Call the kernel for the steps ``first`` to ``last``."""
        cache.kernel(self.kernel.source)(
            block, self.plan(first, last, record), out, *self.inputs(first, last)
        )

    def plan(self, first: int, last: int, record: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return what a kernel is told to do."""
        header = [
            first,
            last,
            *([3 + len(self.integers)] if self.kernel.size is None else []),
            *self.integers,
        ]
        return np.concatenate([header, record, [-1]]).astype(np.int64, copy=False)

    def inputs(self, first: int, last: int) -> tuple[npt.NDArray[Any], ...]:
        """Return the arrays that a kernel reads: data, and the samples of each step."""
        drawn = (
            () if self.job.batches is None else (self.job.batches.indices(first, last).reshape(-1),)
        )
        return (*self.job.data, *drawn)

    def _rows(self, key: Key, block: Array) -> Array:
        first, count = self.layout.rows[key]
        return block[first * self.lanes : (first + count) * self.lanes].reshape(count, self.lanes)

    def read(self, key: Key) -> Array:
        """Return rows of all blocks, the run first: shape (N, rows)."""
        if key not in self.layout.rows:
            return np.zeros((self.runs, 0))
        return np.concatenate([self._rows(key, block).T for block in self.blocks])[: self.runs]

    def outcome(self, interrupted: bool, seconds: float) -> Outcome:
        """Return the results of all runs."""
        update, best = self.kernel.update, self.kernel.options.best
        steps = self.read("steps")[:, 0]
        if len(self.job.record):
            self.history[self.job.record[:, None] > steps] = np.nan
        theta = self.read("theta")
        if update.iterate == "theta":
            iterate = theta
        else:
            iterate = self.read(OldState(update.iterate))
        loss = best_loss = self.read("loss")[:, 0]
        best_theta, paths = iterate, None
        if best:
            best_loss, best_theta = self.read("best_loss")[:, 0], self.read("best")
        if self.kernel.options.paths:
            paths = self.history[:, :, :-1]
        hits = [self.read(Hit(j)) for j in range(len(self.job.targets))]
        return Outcome(
            theta=theta,
            iterate=iterate,
            loss=loss,
            status=self.read("status")[:, 0],
            steps=steps,
            best_loss=best_loss,
            best_theta=best_theta,
            hits=np.hstack([np.zeros((self.runs, 0)), *hits]),
            states={s.name: self.read(OldState(s.name)) for s in update.states},
            history_theta=paths,
            history_loss=self.history[:, :, -1],
            interrupted=interrupted,
            seconds=seconds,
        )

    def replay_scalars(self, run: int, step: int) -> dict[Key, float]:
        """Return what has one value a run, as it stood before a step: powers and scalar states.

        The block is run again from its start with every lane frozen, which costs next to nothing.
        """
        block = self.block(run // self.lanes)
        self._rows("status", block)[...] = CONVERGED
        few = self._last_with_room(0)
        for first in range(1, step, few):
            self.call(
                block, first, min(first + few, step) - 1, np.zeros(0, dtype=np.int64), np.zeros(1)
            )
        keys = [
            key
            for key in (*self.layout.rows, *self.layout.cells)
            if isinstance(key, Power | Factor | OldState)
        ]
        lane = run % self.lanes
        rows = self.layout.rows
        return {
            key: float(block[self.layout.at(key) + (lane if key in rows else 0)]) for key in keys
        }


def _power(parts: Mapping[Key, float], k: int) -> tuple[float, float]:
    """Return base**offset and base**rate."""
    base = np.float64(parts[Base(k)])
    with np.errstate(all="ignore"):
        # the common exponents need no function: plain Python takes its time
        offset, rate = (
            {0.0: 1.0, 1.0: base}.get(exponent) or exponential.pow(base, np.float64(exponent))
            for exponent in (float(parts[Offset(k)]), float(parts[Rate(k)]))
        )
    return float(offset), float(rate)


def aligned_zeros(size: int) -> Array:
    """Return zeros that begin at a multiple of the cache line."""
    raw = np.zeros(size + ALIGNMENT // 8)
    skip = (-raw.ctypes.data // 8) % (ALIGNMENT // 8)
    return raw[skip : skip + size]
