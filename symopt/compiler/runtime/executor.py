"""The run loop around a kernel: blocks of lanes, advanced by chunks of steps in a pool of threads.

Between chunks nothing is in flight, so progress, early ends and Ctrl-C all happen there, and the
numbers do not depend on where the chunks end, on the threads or on what else is in the block.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from threading import Event
from typing import Any

from symopt.compiler.codegen.kernel_spec import Kernel
from symopt.compiler.jit import cache
from symopt.compiler.runtime.blocks import BlockBatch
from symopt.compiler.runtime.job import Job, Outcome


def run(
    kernel: Kernel,
    job: Job,
    stop: Event,
    threads: int | None = None,
    report: Callable[[int], None] | None = None,
) -> tuple[Outcome, BlockBatch]:
    """Run a job and return what became of it.

    ``report`` is called in this thread with the number of block-steps taken so far. When ``stop``
    is set, the runs end at their next chunk.
    """
    cache.kernel(kernel.source)
    began = time.perf_counter()
    blocks = BlockBatch(kernel, job)
    taken: list[int] = []
    halt = _Halt(stop)
    with ThreadPoolExecutor(threads or os.cpu_count() or 1, thread_name_prefix="symopt") as pool:
        waiting = {
            _begin_work(pool, blocks.run_block, k, halt, taken.append)
            for k in range(len(blocks.blocks))
        }
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=0.1, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
                if report is not None:
                    report(sum(list(taken)))
        except (
            BaseException
        ):  # whatever ends this thread's waiting ends the workers, which the pool waits for
            halt.set()
            raise
    return blocks.outcome(stop.is_set(), time.perf_counter() - began), blocks


def _begin_work(
    pool: ThreadPoolExecutor, work: Callable[..., None], *arguments: Any
) -> Future[None]:
    """Begin work in the pool, or in this thread where the main program has ended."""
    try:
        return pool.submit(work, *arguments)
    except RuntimeError as error:
        if "interpreter shutdown" not in str(error):
            raise
    work(*arguments)
    done: Future[None] = Future()
    done.set_result(None)
    return done


class _Halt(Event):
    """What ends the workers of one run: the request to stop, or an error."""

    def __init__(self, stop: Event) -> None:
        super().__init__()
        self.stop = stop

    def is_set(self) -> bool:
        return super().is_set() or self.stop.is_set()
