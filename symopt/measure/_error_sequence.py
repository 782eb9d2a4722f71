"""Prepares one sequence of errors for a fit: its floor, order and envelope."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from symopt.measure._fits import FEW, Points, best, bic_of_segments, fit_model
from symopt.validation import Array

MARGIN: Final = 10.0  # how far above its floor an error is used at all
MARGINS: Final = ((1000.0, 40, 4.0), (100.0, 30, 3.0), (MARGIN, 0, 0.0))
"""How far above its floor e is fitted: rounding bends log e by 1/margin."""
POINTS: Final = 256  # that a fit looks at; more are thinned out
SPAN: Final = 9  # points of a running median
LOOK: Final = 4096  # points in which dips are looked for
NEARLY_ONE: Final = 1.2  # order below which errors as 1/k! are the likelier
FLAT: Final = 1e-3  # fall of log e over a tail that still is level


@dataclass(frozen=True)
class Superlinear:
    """Where a sequence is superlinear: its order, and between which of its points."""

    order: float
    low: float
    high: float
    first: int
    last: int


def is_growing(k: Array, e: Array) -> bool:
    """Return whether errors grow still at the end: above where they began, and in the last half."""
    if len(e) < 8:
        return bool(e[-1] / 10 > e[0])
    quarter = len(e) // 4
    if e[-quarter:].max() / 2 < max(e[:quarter].max(), e.max() / 2):
        return False
    used = thinned_places(len(e))
    used = used[(used >= len(e) // 2) & (e[used] > 0)]
    if len(used) < FEW:
        return False
    points = Points(k[used], np.log(e[used]))
    line = fit_model("linear", points)
    return line.weight("k") > 0 and line.bic < fit_model("plateau", points).bic


def superlinear(k: Array, e: Array) -> Superlinear | None:
    """Return the order of convergence where e_{k+1}/e_k tends to 0 over at least four points.

    With l_k = ln(e_{k+1}/e_k) the order is p = l_{k+1}/l_k, its last value (Weerakoon and Fernando
    2000). What follows the steepest fall is rounding, and what precedes the last stretch in which
    every fall is steeper than the one before is transient. The interval reaches as far to both
    sides as p moved in the last step: for an order above 3/2 the distance of p from its limit
    halves at least.
    """
    positive = e > 0
    e, k, where = e[positive], k[positive], np.flatnonzero(positive)
    if len(e) < 4:
        return None
    l = np.diff(np.log(e))  # noqa: E741
    last = int(np.argmin(l))
    first = last
    while first > 0 and l[first] < l[first - 1] < 0:
        first -= 1
    falls = l[first : last + 1]
    if (
        len(falls) < 3
        or (np.diff(k[first : last + 2]) != 1).any()
        or _comes_back(e, last)
        or not _steeper(falls)
    ):
        return None
    orders = falls[1:] / falls[:-1]
    p, moved = float(orders[-1]), abs(float(orders[-1] - orders[-2])) + 1e-12
    if p < NEARLY_ONE:
        low = min(p - moved, 1.0)
    else:
        low = p - moved
    return Superlinear(p, low, p + moved, int(where[first]), int(where[last + 1]))


def _steeper(falls: Array) -> bool:
    """Return whether ratios go to 0 at an order that settles."""
    order, before = falls[-1] / falls[-2], falls[-2] / falls[-3]
    middle = falls[(len(falls) - 1) // 2]
    return bool(
        falls[-1] < np.log(0.1) and falls[-1] < 1.2 * middle and abs(order - before) < 0.25 * order
    )


def _comes_back(e: Array, last: int) -> bool:
    """Return whether errors rise again after the steepest fall, or fall on too far."""
    rest = np.log(e[last:])
    return bool(rest[1:].max() > rest[0] or rest[1] - rest.min() > 3 * (rest[0] - rest[1]))


def count_above(e: Array, floor: Array) -> int:
    """Return how many errors come before they stay at a floor."""
    high = np.flatnonzero(e > floor)
    if len(high):
        return int(high[-1]) + 1
    return 0


def count_clear_of(e: Array, floor: Array) -> int:
    """Return how many errors are well above a floor, as far above as leaves enough of them."""
    for margin, fewest, decades in MARGINS:
        count = count_above(e, margin * floor)
        if count >= fewest and count and e[0] / 10**decades >= e[count - 1]:
            return count
    return count


def thinned_places(n: int) -> npt.NDArray[np.intp]:
    """Return the places of at most ``POINTS`` points of n, evenly, with both ends."""
    return np.unique(np.linspace(0, n - 1, min(n, POINTS)).round().astype(np.intp))


def spread_places(n: int) -> npt.NDArray[np.intp]:
    """Return at most ``POINTS`` places of n, half of them even and half log-spaced."""
    if n <= POINTS:
        return np.arange(n)
    half = POINTS // 2
    return (
        np.unique([np.linspace(0, n - 1, half), np.geomspace(1, n, half) - 1])
        .round()
        .astype(np.intp)
    )


def detect_floor(points: Points) -> tuple[float, int] | None:
    """Return the log of a noisy floor, and a place within it: a tail in which log e stops falling.

    By segmented regression: the tail is a floor where a model of its own before it is worth its
    parameters by BIC, and its last half does not fall: a slow phase after a fast one is no floor.
    """
    n = len(points)
    cuts = sorted(
        {cut for share in np.arange(0.05, 0.96, 0.05) if FEW <= (cut := int(share * n)) <= n - FEW}
    )
    tried = [
        (bic_of_segments(best(points[:cut]), fit_model("plateau", points[cut:])), cut)
        for cut in cuts
    ]
    if not tried or min(tried)[0] > best(points).bic:
        return None
    cut = min(tried)[1]
    half = points[(cut + n) // 2 :]
    line, flat = fit_model("linear", half), fit_model("plateau", half)
    fall = -line.weight("k") * (half.k[-1] - half.k[0])
    if line.bic < flat.bic and fall > FLAT:
        return None
    return float(np.median(points.log_e[cut:])), min(cut + n // 20, n - 1)


def envelope(k: Array, e: Array) -> tuple[Array, Array] | None:
    """Return the upper envelope (k, log E) of errors with dips; None where there is none.

    The vertices are the peaks of E_k = max over j >= k of e_j, the points that neither a neighbour
    nor any later point exceeds; between them log E is linear, without the stairs of E_k. Noise
    lies on both sides of a trend, and fits are unbiased without an envelope; the dips of an
    oscillation lie on one side, and log e is skewed.
    """
    if len(e) <= SPAN or (np.diff(e) < 0).all() or not _dips(e):
        return None
    records = e >= np.maximum.accumulate(e[::-1])[::-1]
    around = np.concatenate([[0.0], e, [np.inf]])
    peaks = np.flatnonzero(records & (e >= around[:-2]) & (e >= around[2:]))
    if len(peaks) < 3:
        return None
    gap = int(np.diff(peaks).max())
    # a cut oscillation, or a fall without any more
    if len(e) - peaks[-1] <= 2 * gap:
        stop = peaks[-1] + 1
    else:
        stop = len(e)
    places = np.arange(peaks[0], stop)
    with np.errstate(divide="ignore"):
        raw = np.log(e[places])
    upper = np.maximum(np.interp(k[places], *_summits(k, e, peaks), right=-np.inf), raw)
    return k[places[np.isfinite(upper)]], upper[np.isfinite(upper)]


def _dips(e: Array) -> bool:
    """Return whether the residuals of log e are skewed left beyond sampling noise."""
    if (e == 0).any():
        return True
    log_e = np.log(e[:LOOK])
    running = np.median(sliding_window_view(log_e, SPAN), axis=1)
    return _skewness(log_e[SPAN // 2 : -(SPAN // 2)] - running) < -1 - 4 / math.sqrt(len(log_e))


def _summits(k: Array, e: Array, peaks: npt.NDArray[np.intp]) -> tuple[Array, Array]:
    """Return where peaks would be between the steps, by parabolas."""
    inner = np.clip(peaks, 1, len(e) - 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        left, middle, right = np.log(e[inner - 1]), np.log(e[inner]), np.log(e[inner + 1])
        bend, tilt = left - 2 * middle + right, (right - left) / 2
        round_ = (inner == peaks) & (k[inner + 1] - k[inner - 1] == 2) & (bend < 0)
        round_ &= np.minimum(left, right) > middle - math.log(2)
        shift = np.where(round_, -tilt / bend, 0.0)
        return k[peaks] + shift, np.log(e[peaks]) + np.where(round_, tilt * shift / 2, 0.0)


def _skewness(values: Array) -> float:
    centred = values - values.mean()
    spread_places = float(centred.std())
    if spread_places > 0:
        return float((centred**3).mean()) / spread_places**3
    return 0.0


def is_smooth(residuals: Array) -> bool:
    """Return whether residuals are far smoother than white noise (von Neumann 1941)."""
    bends = np.diff(residuals, 2)
    return bool((bends**2).mean() / 6 < 0.01 * residuals.var())
