"""What a result should be: at ordinary points by jets, at kinks and removable points by limits of them.

``Truth`` has, for the value and each entry of the gradient and of the Hessian-vector product, a number, or
UNDEFINED (the limit does not exist), or UNKNOWN (it could not be told: nothing is judged by it).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
from mpmath import mp
from properties.jets import SURE, Evaluation, Jet
from properties.slopes import TooLargeError, size
from properties.tape import Tape

Number = Any
UNDEFINED, UNKNOWN = "undefined", "unknown"
PRECISIONS = (200, 330, 1100, 2200, SURE)
"""In bits: of 60 digits, of 100, and so on where digits are lost."""
WANTED = 80
"""Bits that must hold."""


@dataclass
class Truth:
    """Numbers, UNDEFINED or UNKNOWN; ``edge`` where they are limits; ``range`` where a part of J leaves the doubles."""

    value: Any
    slopes: list[Any]
    curves: list[Any]
    edge: bool = False
    leaves: bool = False
    as_written: bool = True  # the value is defined as written, not only as a limit
    jumps: bool = False  # J itself steps there

    @property
    def entries(self) -> list[Any]:
        return [self.value, *self.slopes, *self.curves]


def evaluated(
    tape: Tape, point: Sequence[Number], v: Sequence[Number], bits: int
) -> Evaluation | None:
    """Return an evaluation with so many bits, or None where numbers are too large for it."""
    with mp.workprec(bits):
        try:
            return Evaluation(tape, point, v)
        except (TooLargeError, OverflowError, ValueError, mpmath.libmp.NoConvergence):
            return None


def truth(tape: Tape, point: Sequence[float], v: Sequence[float]) -> Truth:
    """Return what is right at a point."""
    n = len(point)
    nothing = Truth(UNKNOWN, [UNKNOWN] * n, [UNKNOWN] * n)
    before: Jet | None = None
    for bits in PRECISIONS:
        made = evaluated(tape, point, v, bits)
        if made is None:
            return nothing
        jet = made.result
        if jet.doubtful:
            before = None
            continue
        if jet.edge:
            return _at_edge(tape, point, v, jet, _leaves(made))
        if not mp.isfinite(jet.value):
            return Truth(UNDEFINED, [UNKNOWN] * n, [UNKNOWN] * n, leaves=_leaves(made))
        last = bits == PRECISIONS[-1]
        if before is not None and _agree(before, jet) and (last or not made.cancelled):
            return Truth(jet.value, _zeros(jet.slopes), _zeros(jet.curves), leaves=_leaves(made))
        before = jet
    return nothing


def quick(tape: Tape, point: Sequence[float], v: Sequence[float]) -> Jet | None:
    """Return a jet of 60 digits if nothing speaks against it."""
    made = evaluated(tape, point, v, PRECISIONS[0])
    usable = (
        made is not None
        and not (made.result.edge or made.result.doubtful)
        and mp.isfinite(made.result.value)
    )
    return made.result if usable and made else None


def _zeros(numbers: Sequence[Number | None]) -> list[Any]:
    return [
        mpmath.mpf(0) if number is None else number if mp.isfinite(number) else UNKNOWN
        for number in numbers
    ]


def _agree(one: Jet, other: Jet) -> bool:
    if other.error is not None and other.error > size(other.value) - WANTED and other.error > -1200:
        return False
    pairs = zip(
        [*_zeros(one.slopes), *_zeros(one.curves)],
        [*_zeros(other.slopes), *_zeros(other.curves)],
        strict=True,
    )
    return all(a is UNKNOWN or b is UNKNOWN or _close(a, b) for a, b in pairs)


def _close(a: Number, b: Number) -> bool:
    return abs(a - b) <= mpmath.ldexp(abs(b), -WANTED) + mpmath.ldexp(1, -1200)


def _leaves(made: Evaluation) -> bool:
    """Return whether a part of the expression, as written, is beyond or below the doubles."""
    values = [jet.value for jet in made.jets if isinstance(jet, Jet) and mp.isfinite(jet.value)]
    return any(value != 0 and not -1021 <= size(value) <= 1024 for value in values)


# Kinks and removable points


def _at_edge(
    tape: Tape, point: Sequence[float], v: Sequence[float], here: Jet, leaves: bool
) -> Truth:
    beside = Beside(tape, point, v)
    with mp.workprec(beside.bits):
        n = len(point)
        written = bool(mp.isfinite(here.value))
        value = beside.value_again() if written else beside.limit_of_value()
        if isinstance(value, str):
            return Truth(value, [UNKNOWN] * n, [UNKNOWN] * n, True, leaves, written)
        jumps = any(beside.jumps(value, k, sign) for k in range(n) for sign in (1, -1))
        sides = [beside.one_sided(value, k) for k in range(n)]
        slopes = [UNDEFINED if UNDEFINED in both else _both(*both) for both in sides]
        return Truth(value, slopes, beside.curves(slopes), True, leaves, written, jumps)


def _both(right: Any, left: Any) -> Any:
    if UNKNOWN in (right, left):
        return UNKNOWN
    return (
        (right + left) / 2 if _alike(right, left) else UNDEFINED
    )  # the mean is right to the order of h**2


def _alike(a: Number, b: Number) -> bool:
    return abs(a - b) <= mpmath.ldexp(max(abs(a), abs(b)), -37) + mpmath.ldexp(1, -1100)


class Beside:
    """Limits at a point, from values at two distances that are small against all its coordinates."""

    def __init__(self, tape: Tape, point: Sequence[float], v: Sequence[float]) -> None:
        self.tape, self.v = tape, v
        near = -2 * max([abs(size(mpmath.mpf(c))) for c in point if c], default=0)
        self.steps = (mpmath.ldexp(1, near - 200), mpmath.ldexp(1, near - 320))
        self.bits = max(3 * (320 - near) + 200, SURE)
        self.at = [mpmath.mpf(c) for c in point]

    def _evaluated(self, at: Sequence[Number]) -> Any:
        made = evaluated(self.tape, at, self.v, self.bits)
        return None if made is None or made.result.doubtful else made.result

    def value_again(self) -> Any:
        """Return the value as written."""
        made = self._evaluated(self.at)
        return UNKNOWN if made is None else made.value

    def _value_at(self, k: int, by: Number) -> Any:
        """Return the value beside the point, UNDEFINED where it has none, UNKNOWN where it cannot be told."""
        made = self._evaluated([c + by if i == k else c for i, c in enumerate(self.at)])
        if made is None:
            return UNKNOWN
        return made.value if mp.isfinite(made.value) else UNDEFINED

    def limit_of_value(self) -> Any:
        """Return what the value tends to along all axes."""
        n = range(len(self.at))
        ends = [
            self._limit(lambda h, k=k, s=sign: self._value_at(k, s * h))
            for k in n
            for sign in (1, -1)
        ]
        defined = [end for end in ends if end is not UNDEFINED]
        if not defined:
            return UNDEFINED
        if UNKNOWN in defined or len(defined) < len(ends):
            return UNKNOWN
        return defined[0] if all(_alike(defined[0], end) for end in defined) else UNDEFINED

    def one_sided(self, value: Number, k: int) -> tuple[Any, Any]:
        """Return the slopes along an axis, from the right and from the left."""

        def quotient(h: Number, sign: int) -> Any:
            there = self._value_at(k, sign * h)
            if isinstance(there, str):
                return there
            lost = size(value) - self.bits - size(h) > -60
            return UNKNOWN if lost else sign * (there - value) / h

        sides = self._limit(lambda h: quotient(h, 1)), self._limit(lambda h: quotient(h, -1))
        outside = [isinstance(self._value_at(k, sign * self.steps[1]), str) for sign in (1, -1)]
        ends_here = outside[0] != outside[1] and not all(isinstance(side, str) for side in sides)
        return (
            (UNKNOWN, UNKNOWN) if ends_here else sides
        )  # a slope at the end of a domain is nobody's to judge

    def jumps(self, value: Number, k: int, sign: int) -> bool:
        """Return whether J differs beside the point by what does not shrink with the distance."""
        first, second = (self._value_at(k, sign * h) for h in self.steps)
        if isinstance(first, str) or isinstance(second, str):
            return False
        return first != value and _alike(first - value, second - value)

    def _limit(self, of: Callable[[Number], Any]) -> Any:
        """Return the limit for h to 0 from above, from two values of h."""
        first, second = (of(h) for h in self.steps)
        if UNDEFINED in (first, second):
            return UNDEFINED if first is second else UNKNOWN
        if UNKNOWN in (first, second):
            return UNKNOWN
        if _alike(first, second):
            return second
        if abs(second) < mpmath.ldexp(abs(first), -5):
            return mpmath.mpf(0)
        return UNDEFINED if abs(second) > mpmath.ldexp(abs(first), 5) else UNKNOWN

    def curves(self, slopes: Sequence[Any]) -> list[Any]:
        """Return what the slopes change by along v, where both sides agree."""
        beside = {(h, sign): self._slopes_along_v(sign * h) for h in self.steps for sign in (1, -1)}

        def side(k: int, sign: int) -> Any:
            def quotient(h: Number) -> Any:
                there = beside[h, sign][k]
                return there if isinstance(there, str) else sign * (there - slopes[k]) / h

            return self._limit(quotient)

        found = []
        for k, slope in enumerate(slopes):
            ends = (slope, slope) if isinstance(slope, str) else (side(k, 1), side(k, -1))
            found.append(UNDEFINED if UNDEFINED in ends else _both(*ends))
        return found

    def _slopes_along_v(self, h: Number) -> list[Any]:
        made = self._evaluated(
            [c + h * mpmath.mpf(d) for c, d in zip(self.at, self.v, strict=True)]
        )
        if made is None or made.edge:
            return [UNKNOWN] * len(self.at)
        return _zeros(made.slopes) if mp.isfinite(made.value) else [UNDEFINED] * len(self.at)
