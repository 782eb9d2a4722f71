"""Whether results are right: by how much they may differ from the truth, and what kind of fault it is if they do.

Classes
-------
A
    Wrong by more than the running error of the expression as it is written.
B
    Wrong by more than the conditioning of its inputs alone explains: a stable form would do better.
B-zero
    The same where the truth is 0, as terms cancel, and the result is their rounding.
C
    NaN or infinite though the truth is finite, and no part as written leaves the doubles.
C-range
    The same where a part of the expression as written leaves the doubles.
C-rounding
    The same where a rounding of the expression as written leads to a kink, to a pole or out of its domain.
C-edge
    The same at a kink or removable point where the derivative exists; as written it is 0*inf or alike.
D
    Finite though the truth is undefined: a value (D-value), a second derivative at a kink, or where J jumps (D-jump).
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
from mpmath import mp
from properties.jets import Evaluation, Noise
from properties.slopes import TooLargeError
from properties.tape import Tape
from properties.truth import UNDEFINED, UNKNOWN, Truth, quick, truth

ULP = 2.0**-52
LARGEST, TINY = mpmath.mpf(10) ** 300, mpmath.mpf(10) ** -305
TRIALS = 12
MANY = 16  # so many times the largest change of the trials is allowed


@dataclass(frozen=True)
class Fault:
    """One entry of a result that is wrong: which, of what class, what it was and what it should be."""

    kind: str
    entry: str
    given: float
    right: str
    error: float  # relative

    def __str__(self) -> str:
        return f"[{self.kind}] {self.entry}: {self.given!r}, right: {self.right} (off by {self.error:.2g})"


def faults(
    tape: Tape, point: Sequence[float], v: Sequence[float], results: Sequence[float]
) -> tuple[list[Fault], str]:
    """Return what is wrong with value, slopes and curves, and a word for how the point was judged."""
    jet = quick(tape, point, v)
    if jet is not None:
        right = [
            jet.value,
            *(s or mpmath.mpf(0) for s in jet.slopes),
            *(c or mpmath.mpf(0) for c in jet.curves),
        ]
        if all(_good(r, t) for r, t in zip(results, right, strict=True)):
            return [], "good"
    known = truth(tape, point, v)
    names = [
        "value",
        *(f"grad[{k}]" for k in range(len(point))),
        *(f"hvp[{k}]" for k in range(len(point))),
    ]
    if known.value is UNKNOWN:
        return [], "unknown"
    limits = Limits(tape, point, v)
    found = []
    for k, (name, given) in enumerate(zip(names, results, strict=True)):
        fault = _fault(name, float(given), known, k, limits)
        found += [fault] if fault else []
    return found, "edge" if known.edge else "judged"


def _good(given: float, right: Any) -> bool:
    if not math.isfinite(given):
        return False
    return abs(mpmath.mpf(float(given)) - right) <= 16 * ULP * abs(right) + TINY


class Limits:
    """By how much entries change if inputs, or all operations, are changed by roundings."""

    def __init__(self, tape: Tape, point: Sequence[float], v: Sequence[float]) -> None:
        self.tape, self.point, self.v = tape, point, v
        self._known: dict[bool, list[list[Any]]] = {}

    def trials(self, everywhere: bool) -> list[list[Any]]:
        if everywhere not in self._known:
            rng = random.Random(1)
            noises = [Noise(mpmath.mpf(ULP), everywhere, rng) for _ in range(TRIALS)]
            self._known[everywhere] = [made for noise in noises if (made := self._perturbed(noise))]
        return self._known[everywhere]

    def _perturbed(self, noise: Noise) -> list[Any] | None:
        try:
            jet = Evaluation(self.tape, self.point, self.v, noise).result
        except (TooLargeError, OverflowError, ValueError, mpmath.libmp.NoConvergence):
            return None
        return [jet.value, *jet.slopes, *jet.curves]

    def change(self, entry: int, right: Any, everywhere: bool) -> Any:
        """Return the largest change of an entry, infinite where no trial has a value."""
        found = [trial[entry] for trial in self.trials(everywhere)]
        found = [mpmath.mpf(0) if one is None else one for one in found]
        changes = [abs(one - right) for one in found if mp.isfinite(one)]
        return max(changes) if changes else mpmath.inf

    def decided_by_rounding(self, entry: int, right: Any) -> bool:
        """Return whether roundings of the expression as written may lead to a kink, a pole or the end of a domain."""
        found = [trial[entry] for trial in self.trials(everywhere=True)]
        found = [mpmath.mpf(0) if one is None else one for one in found]
        near = [
            one for one in found if mp.isfinite(one) and abs(one - right) < 0.3 * abs(right) + TINY
        ]
        return len(near) < TRIALS


def _fault(name: str, given: float, known: Truth, k: int, limits: Limits) -> Fault | None:
    right = known.entries[k]
    if right is UNKNOWN:
        return None
    if right is UNDEFINED:
        return _of_undefined(name, given, known, limits)
    if abs(right) >= LARGEST:
        beyond = not math.isfinite(given) or abs(given) > 1e290
        return None if beyond else _made("A-range" if known.leaves else "A", name, given, right)
    if not math.isfinite(given):
        if known.edge and (name.startswith("hvp") or not known.as_written):
            return None
        if not known.edge and limits.decided_by_rounding(k, right):
            return _made("C-rounding", name, given, right)
        return _made(
            "C-edge" if known.edge else "C-range" if known.leaves else "C", name, given, right
        )
    if _good(given, right):
        return None
    return _wrong(name, given, right, known, k, limits)


def _of_undefined(name: str, given: float, known: Truth, limits: Limits) -> Fault | None:
    if not math.isfinite(given):
        return None
    if name == "value":
        if any(mp.isfinite(trial[0]) for trial in limits.trials(everywhere=True)):
            return None  # a rounding away from where it is defined
        return Fault("D-range" if known.leaves else "D-value", name, given, UNDEFINED, math.inf)
    if name.startswith("hvp"):
        return Fault("D-jump" if known.jumps else "D", name, given, UNDEFINED, math.inf)
    return None  # a subgradient, by convention


def _wrong(
    name: str, given: float, right: Any, known: Truth, k: int, limits: Limits
) -> Fault | None:
    error = abs(mpmath.mpf(given) - right)
    if known.edge:
        scale = max(
            [abs(e) for e in known.entries[1:] if not isinstance(e, str)], default=mpmath.mpf(0)
        )
        scale = max(abs(right), min(scale, abs(right) + 1))
        return (
            _made("A-range" if known.leaves else "A-edge", name, given, right)
            if error > 1e-7 * scale
            else None
        )
    with mp.workprec(400):
        naive = MANY * limits.change(k, right, everywhere=True) + 16 * ULP * abs(right) + TINY
        if error > naive and naive > abs(right):
            return None  # as written the result is noise
        if error > naive:
            return _made("A-range" if known.leaves else "A", name, given, right)
        inputs = MANY * limits.change(k, right, everywhere=False) + 64 * ULP * abs(right) + TINY
        if error > inputs:
            kind = "B-zero" if abs(right) < TINY else "B-range" if known.leaves else "B"
            return _made(kind, name, given, right)
    return None


def _made(kind: str, name: str, given: float, right: Any) -> Fault:
    error = (
        abs(mpmath.mpf(given) - right) / abs(right)
        if math.isfinite(given) and right
        else mpmath.inf
    )
    return Fault(kind, name, given, _text(right), float(min(error, mpmath.mpf(1e300))))


def _text(number: Any) -> str:
    return (
        mpmath.nstr(number, 17)
        if not number or mpmath.mpf(10) ** -4000 < abs(number) < mpmath.mpf(10) ** 4000
        else "0 or far too large"
    )
