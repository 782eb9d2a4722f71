"""Philox 4x32-10 in the kernel language: random numbers as a pure function of where they are used.

Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011). A counter of
128 bits and a key of 64 give 128 random bits, so a number needs no state: it is the same on every
processor, in any order, alone or in a batch, and in plain Python.

Four 32-bit words lie in two integers, the earlier word in the high half: (c0, c1) in ``x`` and
(c2, c3) in ``y``. A 64-bit product is then half of a round's result as it stands.

The key is a seed, 0 <= seed < 2**63; its low word is k0. The top bit of the key says what the
words are for: it is clear for normal numbers, and set for the samples of a batch (``shuffle``),
so that the two never share a word. The counter of a normal number is

====  ======================================================
c0    number                                 (below 2**32)
c1    step modulo 2**32
c2    draw * 2**24 + step // 2**32 * 2**16 + stream // 2**32
c3    stream modulo 2**32
====  ======================================================

for draw < 2**8, step < 2**40 and stream < 2**48.
"""

from __future__ import annotations

from symopt.compiler.library.exponential import log
from symopt.compiler.library.primitives import bitcast_to_int, float64, fma, sqrt
from symopt.compiler.library.trigonometric import cos_reduced, sin_reduced


def raised(x: int) -> int:
    """Return the low word of x in the high half; as a signed number, so that no step overflows."""
    return (((x & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000) << 32


def product(a: int, m: int) -> int:
    """Return the 64 bits of a*m for two words.

    A signed integer holds (a - 2**31)*m and a*m - 2**63, so no step overflows; then the top bit
    is turned. LLVM makes one multiplication of it.
    """
    return ((a - 0x80000000) * m + ((m - 0x100000000) << 31)) ^ -0x8000000000000000


def half_round(x: int, y: int, m: int, k: int) -> int:
    """Return the high word of y0*m mixed with the low words of x and k, and its low word."""
    return product((y >> 32) & 0xFFFFFFFF, m) ^ raised(x ^ k)


def philox(x: int, y: int, key: int, half: int) -> int:
    """Return two words of ten rounds: the first (half 0) or the last (half 1)."""
    k0 = key & 0xFFFFFFFF
    k1 = (key >> 32) & 0xFFFFFFFF
    for _ in range(0, 10):  # noqa: PIE808  the language has no shorter form
        left = half_round(x, y, 0xCD9E8D57, k0)
        y = half_round(y, x, 0xD2511F53, k1)
        x = left
        k0 = k0 + 0x9E3779B9
        k1 = k1 + 0xBB67AE85
    return x if half == 0 else y


def uniform(word: int) -> float:
    """Return the upper 53 of 64 bits as a number in [0, 1)."""
    return float64((word >> 11) & 0x1FFFFFFFFFFFFF) * 1.1102230246251565e-16


def cos_turns(u: float) -> float:
    """cos(2*pi*u) for |u| < 2**50: a quarter turn is the unit, so what is left of u is exact."""
    q = fma(4.0, u, 6755399441055744.0)
    r = fma(4.0, u, 6755399441055744.0 - q) * 1.5707963267948966
    k = bitcast_to_int(q)
    size = cos_reduced(r) if (k & 1) == 0 else sin_reduced(r)
    return size if ((k + 1) & 2) == 0 else -size


def normal(seed: int, stream: int, step: int, draw: int, number: int) -> float:
    """Return a standard normal number, by Box and Muller's cosine of two uniform numbers."""
    x = raised(number) ^ (step & 0xFFFFFFFF)
    y = raised((draw << 24) ^ ((step >> 32) << 16) ^ (stream >> 32)) ^ (stream & 0xFFFFFFFF)
    distance = sqrt(-2.0 * log(1.0 - uniform(philox(x, y, seed, 0))))
    return distance * cos_turns(uniform(philox(x, y, seed, 1)))
