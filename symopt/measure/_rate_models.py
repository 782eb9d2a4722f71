"""Rate, and how one sequence of errors is judged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from symopt.measure import _error_sequence
from symopt.measure._bootstrap import within_run
from symopt.measure._fits import (
    FEW,
    RESOLUTION,
    Fit,
    Points,
    best,
    fit_model,
    jacobian,
    refine_shift,
    theil_sen,
    window,
)
from symopt.validation import Array

FEWEST: Final = 20
DECADES: Final = 2.0
NOWHERE: Final = (math.nan, math.nan)
WHY: Final = {
    "linear": "log e is a line in k",
    "power": "log e is a line in log(k + {k0:.3g})",
    "defective": "log e is a line in k and {c:.2g} log(k + {k0:.3g}), as of a Jordan block",
}
REGIMES: Final = (
    "linear",
    "power",
    "defective",
    "superlinear",
    "plateau",
    "divergent",
    "not identifiable",
)


@dataclass(frozen=True, repr=False, kw_only=True)
class Rate:
    """How fast errors e_k fall, as :func:`symopt.measure.rate` found it.

    Attributes
    ----------
    regime
        "linear" (rho^k), "power" (k^-q), "defective" (k^c rho^k: a Jordan block), "superlinear"
        (e_{k+1}/e_k tends to 0), "plateau", "divergent" or "not identifiable".
    factor
        The root factor R1 = limsup e_k^(1/k) per step (Ortega and Rheinboldt 1970): 1 for "power"
        and "plateau", 0 for "superlinear", above 1 for "divergent".
    order
        q of k^-q, the order p of superlinear convergence, 1 for "linear" and "defective"; else NaN.
    interval
        (low, high) for the factor ("linear", "defective") or the order ("power", "superlinear").
    interval_kind
        "within-run": from the residuals of one run; "across runs": from resampled runs; "" for
        none.
    n
        How many points, or runs, were used.
    window
        First and last step of the fit.
    envelope
        Whether the upper envelope of the errors was fitted, as they dip.
    error
        Which error: "|grad J|", "J - J*", "|theta - theta*|" or "given". J - J* has the square of
        the factor of the others near a regular minimum.
    reason
        Why this regime, in words.
    """

    regime: str
    factor: float
    order: float
    interval: tuple[float, float]
    n: int
    reason: str
    window: tuple[int, int]
    interval_kind: str = ""
    envelope: bool = False
    error: str = "given"

    @property
    def per_decade(self) -> float:
        """Steps that it takes to divide the error by ten: -ln 10/ln factor."""
        if not 0 < self.factor < 1:
            return {0.0: 0.0, 1.0: math.inf}.get(self.factor, math.nan)
        return -math.log(10) / math.log(self.factor)

    def __repr__(self) -> str:
        low, high = self.interval
        said = {
            "linear": f"factor {self.factor:.6g}",
            "defective": f"factor {self.factor:.6g}",
            "power": f"k^-{self.order:.4g}",
            "superlinear": f"order {self.order:.4g}",
            "divergent": f"factor {self.factor:.6g}",
        }.get(self.regime, "")
        bounds = ""
        if self.interval_kind:
            bounds = f" [{low:.6g}, {high:.6g}] {self.interval_kind}"
        counted = f"n = {self.n}, steps {self.window[0]} to {self.window[1]}"
        head = f"{self.regime}{', ' if said else ''}{said}{bounds}"
        return f"Rate({self.error}: {head}; {counted}; {self.reason})"


def classify(
    k: Array, e: Array, floor: Array, level: float, rng: np.random.Generator | None
) -> Rate:
    """Return the rate of one sequence.

    Parameters
    ----------
    k, e
        Steps and errors, without NaN; an infinite error is a divergence.
    floor
        What each error would be by rounding alone.
    level, rng
        Of the interval; there is none without rng.
    """
    if not len(e):
        return _without("not identifiable", k, "no error is finite")
    if np.isinf(e).any() or _error_sequence.is_growing(k, e):
        return divergent(k, e)
    count = _error_sequence.count_above(e, _error_sequence.MARGIN * floor)
    k, e, floor, total = k[:count], e[:count], floor[:count], len(e)
    if found := _error_sequence.superlinear(k, e):
        return _superlinear(k, found)
    if count < total and count < FEWEST:
        return _without(
            "not identifiable", k, f"{count} points above rounding; {FEWEST} are needed"
        )
    if np.count_nonzero(e) < FEW:
        return _without("not identifiable", k, f"{count} points; {FEWEST} are needed")
    return _fit(k, e, floor, level=level, rng=rng)


def _without(regime: str, k: Array, reason: str, factor: float = math.nan) -> Rate:
    if len(k):
        ends = (int(k[0]), int(k[-1]))
    else:
        ends = (0, 0)
    return Rate(
        regime=regime,
        factor=factor,
        order=math.nan,
        interval=NOWHERE,
        n=len(k),
        reason=reason,
        window=ends,
    )


def divergent(k: Array, e: Array) -> Rate:
    """Return the rate of errors that grow."""
    finite = (e > 0) & np.isfinite(e)
    k, e = k[finite], e[finite]
    places = _error_sequence.thinned_places(len(e))
    slope = 0.0
    if len(e) > 1:
        slope = theil_sen(k[places], np.log(e[places]))
    if slope <= 0:
        return _without("divergent", k, "errors overflow")
    return _without(
        "divergent",
        k,
        f"errors grow from {e[0]:.3g} to {e.max():.3g}",
        factor=math.exp(min(slope, 700.0)),
    )


def _superlinear(k: Array, found: _error_sequence.Superlinear) -> Rate:
    ends = (int(k[found.first]), int(k[found.last]))
    return Rate(
        regime="superlinear",
        factor=0.0,
        order=found.order,
        interval=(found.low, found.high),
        n=found.last - found.first + 1,
        reason="each error divides the next more than the one before",
        window=ends,
        interval_kind="within-run",
    )


def _fit(k: Array, e: Array, floor: Array, level: float, rng: np.random.Generator | None) -> Rate:
    known, count = _level(k, e)
    if known >= e[0] / 10**DECADES:
        return _without("plateau", k, f"errors stop falling at {known:.3g}", factor=1.0)
    floor = np.maximum(floor, known)[:count]
    count = _error_sequence.count_clear_of(e[:count], floor)
    k, e, floor = k[:count], e[:count], floor[:count]
    if np.count_nonzero(e) < FEW:
        return _without(
            "not identifiable",
            k,
            f"{count} points above a floor at {known:.2g}; {FEWEST} are needed",
        )
    upper = _error_sequence.envelope(k, e)
    k, log_e = upper or (k[e > 0], np.log(e[e > 0]))
    points = Points(k, log_e, max(RESOLUTION, float(floor[-1] / e[-1])))
    points = points[_start(points) :]
    fit = best(points[_error_sequence.thinned_places(len(points))], refine=True)
    note = ""
    if known:
        note = f"; the floor at {known:.2g} is left out"
    refused = _refused(fit, points, note)
    if refused:
        return refused
    return _measured(fit, points, note, envelope=upper is not None, level=level, rng=rng)


def _refused(fit: Fit, points: Points, note: str) -> Rate | None:
    decades = float(points.log_e[0] - points.log_e[-1]) / math.log(10)
    if fit.model == "plateau" and decades < DECADES and not note:
        return _without(
            "plateau",
            points.k,
            f"errors stay at {math.exp(float(np.median(points.log_e))):.3g}",
            factor=1.0,
        )
    if fit.model == "plateau":
        return _without("not identifiable", points.k, f"errors fall by no law for long{note}")
    if len(points) < FEWEST or decades < DECADES:
        known = (
            f"{len(points)} points over {decades:.1f} decades; {FEWEST} over {DECADES:g} are needed"
        )
        return _without("not identifiable", points.k, known + note)
    return None


def _level(k: Array, e: Array) -> tuple[float, int]:
    """Return a noisy floor, 0 for none, and how many errors to use."""
    known, count = 0.0, len(e)
    while count >= FEWEST:
        positive = np.flatnonzero(e[:count] > 0)
        places = positive[_error_sequence.spread_places(len(positive))]
        found = _error_sequence.detect_floor(Points(k[places], np.log(e[places])))
        if found is None:
            break
        floor, place = math.exp(found[0]), int(places[found[1]])
        if known and floor > known * _error_sequence.MARGIN:
            break
        seen_all = len(places) == len(positive) or place + 1 == count
        known, count = floor, place + 1
        if seen_all:
            break
    return known, count


def _start(points: Points) -> int:
    """Return where the transient ends, so that enough points and decades are left."""
    places = _error_sequence.spread_places(len(points))
    seen = points[places]
    enough = (len(points) - places >= FEWEST) & (
        seen.log_e - seen.log_e[-1] >= DECADES * math.log(10)
    )
    return int(places[window(seen, enough)])


def _measured(
    fit: Fit,
    points: Points,
    note: str,
    *,
    envelope: bool,
    level: float,
    rng: np.random.Generator | None,
) -> Rate:
    points = points[_error_sequence.thinned_places(len(points))]
    k, log_e = points.k, points.log_e
    logs = k
    if fit.model != "linear":
        logs = np.log(k + fit.shift)
    if fit.model == "power":
        x, y = (logs, log_e)
    else:
        x, y = (k, log_e - fit.weight("l") * logs * (fit.model == "defective"))
    slope = theil_sen(x, y)
    low = high = math.nan
    if rng is not None:
        off = within_run(jacobian(fit, k), fit.residuals, 1, level=level, rng=rng)
        slack = 4 * RESOLUTION / float(x[-1] - x[0]) + _lack_of_fit(fit, points)
        low, high = slope + float(off[0]) - slack, slope + float(off[1]) + slack
    if slope >= 0 or high >= 0:
        return _without(
            "not identifiable", k, f"noise hides whether errors fall, as {fit.model} would{note}"
        )
    factor, order, interval = math.exp(slope), 1.0, (math.exp(low), math.exp(high))
    if fit.model == "power":
        factor, order, interval = 1.0, -slope, (-high, -low)
    kind = ""
    if rng is not None:
        kind = "within-run"
    return Rate(
        regime=fit.model,
        factor=factor,
        order=order,
        interval=interval,
        n=len(k),
        reason=WHY[fit.model].format(c=fit.weight("l"), k0=fit.shift) + note,
        window=(int(k[0]), int(k[-1])),
        interval_kind=kind,
        envelope=envelope,
    )


def _lack_of_fit(fit: Fit, points: Points) -> float:
    """Return a margin for lack of fit: twice the change of slope, if residuals are smooth.

    A transient bends the slope by D in the first half of the window and by D q in the last, so that
    the fit is off by D (1 + q)/2 and changes by D (1 - q)/2: twice that is enough for q <= 1/3.
    """
    if not _error_sequence.is_smooth(fit.residuals):
        return 0.0
    half = points[len(points) // 2 :]
    return 2 * abs(
        float(refine_shift(fit_model(fit.model, half, fit.shift), half).weights[1] - fit.weights[1])
    )
