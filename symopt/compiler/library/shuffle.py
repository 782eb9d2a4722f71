"""Samples without and with replacement, in the kernel language.

``plan`` is where both kernels find what to do:

======  =============================================================
0       count: samples are 0 ... count - 1
1       key of Philox, its top bit set
2, 3    the part of the endless sequence of samples to write to ``out``
4, 5    the epochs in which it lies
6       the epoch whose order is held, -1 for none
8 ...   1024 choices
1032    the order of the epoch that is held, ``count`` samples
======  =============================================================

Samples are written to ``out`` as the bits of integers. The counter of Philox is (pair, epoch), 64
bits each; of its two numbers the first is for position 2*pair, the second for the one after it.
What is drawn with replacement reads epoch -1. Arrays are called lists here, because a kernel's file
imports no types.
"""

from __future__ import annotations

from symopt.compiler.library.philox import philox, uniform
from symopt.compiler.library.primitives import bitcast_to_float, bitcast_to_int, float64, floor


def below(n: int, word: int) -> int:
    """Return floor(u*n) for a uniform u, at most 1 - 2**-53, so that it is below n."""
    return bitcast_to_int(floor(uniform(word) * float64(n)) + 4503599627370496.0) & 0xFFFFFFFFFFFFF


def choose(plan: list[int], low: int, high: int, key: int, epoch: int) -> int:
    """Choose, for each position i from the even ``low`` to ``high``, one that is not above it."""
    for pair in range(low >> 1, (high + 1) >> 1):
        i = 2 * pair
        plan[8 + i - low] = below(i + 1, philox(pair, epoch, key, 0))
        plan[9 + i - low] = below(i + 2, philox(pair, epoch, key, 1))
    return high


def shuffle(plan: list[int], epoch: int) -> int:
    """Shuffle samples into the order of an epoch (Fisher and Yates)."""
    count = plan[0]
    for i in range(0, count):  # noqa: PIE808  the language has no shorter form
        plan[1032 + i] = i
    high = count
    for part in range(0, (count + 1023) >> 10):  # noqa: PIE808
        low = (((count - 1) >> 10) - part) << 10
        chosen = choose(plan, low, high, plan[1], epoch)
        for k in range(low, chosen):
            i = 1032 + high - 1 + low - k
            j = 1032 + plan[8 - 1032 + i - low]
            sample = plan[i]
            plan[i] = plan[j]
            plan[j] = sample
        high = low
    return epoch


def without_replacement(plan: list[int], out: list[float]) -> int:
    """Write a part of the sequence that has every sample once in each epoch."""
    count = plan[0]
    start = plan[2]
    stop = plan[3]
    for epoch in range(plan[4], plan[5]):
        if plan[6] != epoch:
            plan[6] = shuffle(plan, epoch)
        begin = epoch * count
        low = begin if begin > start else start  # noqa: FURB136  selects are conditional expressions
        high = begin + count if begin + count < stop else stop  # noqa: FURB136
        for i in range(low, high):
            out[i - start] = bitcast_to_float(plan[1032 + i - begin])
    return stop


def with_replacement(plan: list[int], out: list[float]) -> int:
    """Write a part, with even ends, of the sequence of independent samples."""
    count = plan[0]
    key = plan[1]
    start = plan[2]
    for pair in range(start >> 1, plan[3] >> 1):
        at = 2 * pair - start
        out[at] = bitcast_to_float(below(count, philox(pair, -1, key, 0)))
        out[at + 1] = bitcast_to_float(below(count, philox(pair, -1, key, 1)))
    return start
