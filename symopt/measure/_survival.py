"""Survival: the share of runs that have not arrived, with censoring."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from symopt.errors import RunError
from symopt.measure._proportions import two_sided
from symopt.measure._trajectories import Times
from symopt.validation import Array, check_number, read_numbers

if TYPE_CHECKING:
    import xarray as xr

Interval = tuple[float, float]


@dataclass(frozen=True, repr=False, kw_only=True)
class Survival:
    """The Kaplan-Meier estimate of S(t) = P(T > t).

    Attributes
    ----------
    step, share, low, high
        Steps, S from each of them on, and its band; before the first of them S is 1.
    n, events
        Runs, and how many of them arrived.
    median, median_interval
        The first step with S <= 1/2, and those at which the ends of the band are; inf where they
        never are.
    restricted_mean, restricted_interval
        The mean of min(T, horizon), the area under S up to it, and its interval.
    horizon, level
        In steps; the confidence of all intervals.
    left_out
        Runs without a time, as those that were never near a saddle.
    """

    step: Array = field(repr=False)
    share: Array = field(repr=False)
    low: Array = field(repr=False)
    high: Array = field(repr=False)
    n: int
    events: int
    median: float
    median_interval: Interval
    restricted_mean: float
    restricted_interval: Interval
    horizon: float
    level: float
    left_out: int = 0

    def at(self, step: float) -> tuple[float, float, float]:
        """Return S, and the lower and the upper end of its band, at a step from 0 on."""
        k = int(np.searchsorted(self.step, check_number(step, "step", least=0), side="right")) - 1
        return float(self.share[k]), float(self.low[k]), float(self.high[k])

    def to_xarray(self) -> xr.Dataset:
        """Return the curve over ``step``."""
        import xarray as xr

        variables = {name: ("step", getattr(self, name)) for name in ("share", "low", "high")}
        attrs = {"n": self.n, "events": self.events, "level": self.level}
        return xr.Dataset(variables, coords={"step": self.step}, attrs=attrs)

    def __repr__(self) -> str:
        low, high = self.median_interval
        if math.isinf(self.median):
            middle = f"fewer than half arrived within {self.step[-1]:g} steps"
        else:
            middle = f"median {self.median:g} [{low:g}, {high:g}]"
        low_mean, high_mean = self.restricted_interval
        mean = f"mean up to {self.horizon:g}: {self.restricted_mean:.4g} "
        mean += f"[{low_mean:.4g}, {high_mean:.4g}]"
        out = ""
        if self.left_out:
            out = f"; {self.left_out} left out"
        return f"Survival({self.events} of {self.n} arrived; {middle}; {mean}{out})"


@dataclass(frozen=True, repr=False)
class LogRank:
    """The log-rank test of two sets of times.

    Attributes
    ----------
    chi2
        The statistic, with one degree of freedom.
    pvalue
        How likely one as large is where both sets are from one distribution.
    n
        How many times each set holds.
    """

    chi2: float
    pvalue: float
    n: tuple[int, int]

    def __repr__(self) -> str:
        a, b = self.n
        return f"LogRank(chi2 = {self.chi2:.4g}, p = {self.pvalue:.3g}; {a} against {b} runs)"


def survival(times: Times, *, horizon: float | None = None, level: float = 0.95) -> Survival:
    """Return the Kaplan-Meier estimate (1958) of the share that has not arrived.

    S(t) is the product of 1 - d_i/n_i over the steps t_i <= t, with d_i of the n_i runs that were
    still watched arriving.

    Parameters
    ----------
    times
        What ``hitting``, ``plateau`` or ``saddle_escape`` return, or a pair (time, observed): a run
        that was not observed to arrive was watched until then. NaN is left out, and counted.
    horizon
        Of the restricted mean, in steps; the last time if left out.
    level
        The confidence of the band and of the other intervals.

    Raises
    ------
    RunError
        If there are no times, or they are negative, or S is not known at the horizon.

    Notes
    -----
    The band is that of Greenwood's variance on the scale of log(-log S) (Kalbfleisch and Prentice
    1980), which is not defined where S is 1 or 0. While none of the n_i runs that are still watched
    has arrived, its lower end is Wilson's, n_i/(n_i + z^2); once all of the last n_i have, its
    upper end is z^2/(n_i + z^2), or what it was before.

    The variance of the restricted mean is the sum of A_i^2 d_i/(n_i (n_i - d_i)), with A_i the area
    under S right of t_i (Klein and Moeschberger 2003, section 4.5); its interval is normal, cut to
    [0, horizon]. Where no run arrived the lower end is horizon times that of the band; one run
    tells nothing of the variance: NaN.

    Examples
    --------
    >>> import symopt as so
    >>> so.measure.survival(([2, 3, 3, 5, 8], [True, True, False, True, False]))
    Survival(3 of 5 arrived; median 5 [2, inf]; mean up to 8: 4.9 [2.759, 7.041])
    """
    z = two_sided(level)
    time, observed, left_out = _pair(times)
    end = _horizon(time, observed, horizon)
    step, share, low, high = _curve(time, observed, level)
    mean, deviation = _restricted_mean(time, observed, end)
    if not (observed & (time < end)).any():
        around = (end * float(low[max(int(np.searchsorted(step, end)) - 1, 0)]), end)
    elif len(time) == 1:
        around = (math.nan, math.nan)
    else:
        around = (max(mean - z * deviation, 0.0), min(mean + z * deviation, end))
    median, between = _fall(step, share), (_fall(step, low), _fall(step, high))
    return Survival(
        step=step,
        share=share,
        low=low,
        high=high,
        n=len(time),
        events=int(observed.sum()),
        median=median,
        median_interval=between,
        restricted_mean=mean,
        restricted_interval=around,
        horizon=end,
        level=level,
        left_out=left_out,
    )


def logrank(a: Times, b: Times) -> LogRank:
    """Test whether two sets of times are from one distribution (Mantel 1966).

    Parameters
    ----------
    a, b
        As for :func:`survival`.

    Raises
    ------
    RunError
        If a set is empty, or no run of either arrived.

    Examples
    --------
    >>> import symopt as so
    >>> never = [False] * 5
    >>> so.measure.logrank(([1, 2, 3, 4, 5], [True] * 5), ([9] * 5, never)).pvalue < 0.01
    True
    """
    (time, observed, _), (other, seen, _) = _pair(a), _pair(b)
    if not observed.any() and not seen.any():
        raise RunError("no run of either set arrived; the log-rank test compares arrivals")
    sets = [
        stats.CensoredData(uncensored=x[o], right=x[~o])
        for x, o in ((time, observed), (other, seen))
    ]
    with np.errstate(invalid="ignore"):
        result = stats.logrank(*sets)
    if np.isnan(result.statistic):  # 0/0: at no step did some of both sets arrive and some not
        return LogRank(0.0, 1.0, (len(time), len(other)))
    return LogRank(float(result.statistic) ** 2, float(result.pvalue), (len(time), len(other)))


def _pair(times: Any) -> tuple[Array, npt.NDArray[np.bool_], int]:
    """Return times and whether they were observed, without NaN, and how many were NaN."""
    if hasattr(times, "data_vars"):
        if not {"time", "observed"} <= set(times.data_vars):
            raise RunError(
                f"a Dataset of {', '.join(map(str, times.data_vars))} was given; expected time and "
                "observed"
            )
        times = times["time"].values, times["observed"].transpose(*times["time"].dims).values
    if not (isinstance(times, tuple | list) and len(times) == 2):
        raise RunError(
            f"times are given as {type(times).__name__}; expected what hitting, plateau or "
            "saddle_escape return, "
            "or a pair (time, observed)"
        )
    time = np.ravel(read_numbers(times[0], "the times", "steps, finite or NaN", finite=False))
    marks = np.ravel(np.asarray(times[1]))
    if not np.isin(marks, (0, 1)).all():
        raise RunError(
            "observed holds other values than True and False; expected whether each run arrived"
        )
    observed = marks.astype(bool)
    if time.shape != observed.shape:
        raise RunError(
            f"{time.size} times and {observed.size} marks of observing; expected as many"
        )
    known = ~np.isnan(time)
    time, observed = time[known], observed[known]
    if not len(time):
        raise RunError(f"there are no times ({(~known).sum()} are NaN); expected at least one run")
    if (time < 0).any() or np.isinf(time).any():
        raise RunError(
            "times have to be finite, 0 or more; a run that never arrived is watched until its "
            "last step"
        )
    return time, observed, int((~known).sum())


def _horizon(time: Array, observed: npt.NDArray[np.bool_], horizon: float | None) -> float:
    last = float(time.max())
    if horizon is None:
        return last
    end = check_number(horizon, "horizon", least=0)
    if end > last and not observed[time == last].all():
        raise RunError(
            f"horizon={end:g}: no run was watched beyond step {last:g}; expected at most that"
        )
    return end


def _curve(
    time: Array, observed: npt.NDArray[np.bool_], level: float
) -> tuple[Array, Array, Array, Array]:
    """Return the steps, S from each of them on, and the ends of its band."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where S is 0 or 1: see below
        curve = stats.ecdf(stats.CensoredData(uncensored=time[observed], right=time[~observed])).sf
        band = curve.confidence_interval(level, method="log-log")
    step, share = np.asarray(curve.quantiles, dtype=np.float64), np.asarray(curve.probabilities)
    low, high = (np.asarray(side.probabilities) for side in (band.low, band.high))
    if step[0] > 0:
        step, share, low, high = (
            np.concatenate([[start], x])
            for start, x in ((0, step), (1, share), (1, low), (1, high))
        )
    at_risk, z = len(time) - np.searchsorted(np.sort(time), step), two_sided(level)
    before = np.concatenate([[1.0], high[:-1]])
    low = np.where(share == 1, at_risk / (at_risk + z**2), np.where(share == 0, 0.0, low))
    high = np.where(
        share == 0, np.fmin(before, z**2 / (at_risk + z**2)), np.where(share == 1, 1.0, high)
    )
    return step, share, low, high


def _fall(step: Array, share: Array) -> float:
    """Return the first step at which a curve is at most 1/2."""
    below = np.flatnonzero(share <= 0.5)
    if len(below):
        return float(step[below[0]])
    return math.inf


def _restricted_mean(
    time: Array, observed: npt.NDArray[np.bool_], end: float
) -> tuple[float, float]:
    """Return the area under S up to ``end`` and its deviation (Klein, Moeschberger 2003)."""
    events = np.unique(time[observed & (time <= end)])
    at_risk = np.array([(time >= t).sum() for t in events], dtype=np.float64)
    deaths = np.array([(observed & (time == t)).sum() for t in events], dtype=np.float64)
    share = np.concatenate([[1.0], np.cumprod(1 - deaths / at_risk)])
    widths = np.diff(np.concatenate([[0.0], events, [end]]))
    area = share * widths
    after = area.sum() - np.cumsum(area)[:-1]  # what lies right of each event
    left = at_risk - deaths
    variance = (after**2 * deaths / (at_risk * np.where(left > 0, left, np.inf))).sum()
    return float(area.sum()), math.sqrt(variance)
