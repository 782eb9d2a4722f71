"""Tells whether a kernel's hot loop vectorises, by its machine code and the clock."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping

import numpy as np

from symopt.compiler.codegen.kernels.select import Kernel, Options, write_kernel
from symopt.compiler.jit import cache, machine
from symopt.compiler.runtime.blocks import BlockBatch
from symopt.compiler.runtime.job import Job
from symopt.ir.keys import Given, Key
from symopt.ir.program import Program
from symopt.ir.update import Update

PACKED = {
    "sqrt": re.compile(r"\bv?sqrtpd\b|\bfsqrt\s+v\d+\.2d|\bfsqrt\s+z\d+\.d"),
    "fma": re.compile(r"\bvfn?m(?:add|sub)\d+pd\b|\bfml[as]\s+v\d+\.2d|\bfml[as]\s+z\d+\.d"),
}
"""Packed double-precision instructions, as x86 and ARM spell them."""


def packed_instructions(kernel: Kernel) -> dict[str, int]:
    """Return how many packed square roots and fused multiply-adds freshly compiled code holds."""
    listing = cache.entry_of(kernel.source).assembly()
    return {name: len(pattern.findall(listing)) for name, pattern in PACKED.items()}


def nanoseconds(kernel: Kernel, job: Job, repeats: int = 7) -> float:
    """Return the time of one step of one run in a full block: the least of several."""
    run = _timer(kernel, job)
    return min(run() for _ in range(repeats + 1))


def _timer(kernel: Kernel, job: Job) -> Callable[[], float]:
    entry = cache.kernel(kernel.source)
    blocks = BlockBatch(kernel, job)
    plan, out = np.array([1, job.steps, -1]), np.zeros(1)

    def run() -> float:
        block = blocks.block(0)
        began = time.perf_counter()
        entry(block, plan, out)
        return (time.perf_counter() - began) * 1e9 / (job.steps * kernel.options.lanes)

    return run


def report(cost: Program, update: Update, values: Mapping[str, float], lanes: int = 128) -> str:
    """Return in words whether a kernel of two parameters vectorises here."""
    if machine.is_switched_off():
        return "kernels run as plain Python: NUMBA_DISABLE_JIT is set"
    given: dict[Key, float] = {Given(name): values[name] for name in update.given}
    initial = {state.name: state.initial for state in update.states}
    kernels = {
        count: write_kernel(cost, update, 2, options=Options(lanes=count)) for count in (1, lanes)
    }
    times = {}
    for count, kernel in kernels.items():
        starts = np.random.default_rng(0).uniform(-2, 2, (count, 2))
        times[count] = nanoseconds(
            kernel, Job(starts, given, initial, steps=256_000 // (count + 12), limit=1e20)
        )
    packed = packed_instructions(kernels[lanes])
    faster = times[lanes] < times[1] / 1.5
    words = "kernels do not vectorise"
    if faster and all(packed.values()):
        words = "kernels vectorise"
    counts = ", ".join(f"{count} packed {name}" for name, count in packed.items())
    return (
        f"{words}: {counts}; {times[lanes]:.1f} ns a step in a block of {lanes}, {times[1]:.1f} ns "
        "alone"
    )
