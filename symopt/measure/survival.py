"""Survival: how many runs have not arrived yet, with those that never did counted as what they are."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from symopt.errors import RunError
from symopt.floats import Array

if TYPE_CHECKING:
    import xarray as xr

Interval = tuple[float, float]


@dataclass(frozen=True, repr=False)
class Survival:
    """The Kaplan-Meier estimate of S(t) = P(T > t).

    Attributes
    ----------
    step, share, low, high
        Where S falls, S from there on, and its band; the first entry is step 0 with S = 1.
    n, events
        Runs, and how many of them arrived.
    median, median_interval
        The first step with S <= 1/2, inf where S never is; the steps at which the band is.
    restricted_mean, restricted_interval
        The mean of min(T, horizon), the area under S up to it, and its normal interval.
    horizon, level
        In steps; the confidence of all intervals.
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

    def at(self, step: float) -> tuple[float, float, float]:
        """Return S, and the lower and the upper end of its band, at a step."""
        k = int(np.searchsorted(self.step, step, side="right")) - 1
        return float(self.share[k]), float(self.low[k]), float(self.high[k])

    def to_xarray(self) -> xr.Dataset:
        """Return the curve over ``step``."""
        import xarray as xr

        variables = {name: ("step", getattr(self, name)) for name in ("share", "low", "high")}
        return xr.Dataset(variables, coords={"step": self.step}, attrs={"n": self.n, "events": self.events})

    def __repr__(self) -> str:
        low, high = self.median_interval
        if math.isinf(self.median):
            middle = f"fewer than half arrived within {self.horizon:g} steps"
        else:
            middle = f"median {self.median:g} [{low:g}, {high:g}]"
        mean = f"mean up to {self.horizon:g}: {self.restricted_mean:.4g} [{self.restricted_interval[0]:.4g}, "
        return f"Survival({self.events} of {self.n} arrived; {middle}; {mean}{self.restricted_interval[1]:.4g}])"


@dataclass(frozen=True)
class LogRank:
    """The log-rank test of two sets of times; ``chi2`` has one degree of freedom."""

    chi2: float
    pvalue: float
    n: tuple[int, int]


@dataclass(frozen=True, repr=False)
class Share:
    """A share of n runs with Wilson's interval."""

    share: float
    low: float
    high: float
    k: int
    n: int

    @property
    def interval(self) -> Interval:
        """The lower and the upper end."""
        return self.low, self.high

    def __repr__(self) -> str:
        return f"Share({self.share:.3g} [{self.low:.3g}, {self.high:.3g}], {self.k} of {self.n})"


def survival(times: Any, *, horizon: float | None = None, level: float = 0.95) -> Survival:
    """Return the Kaplan-Meier estimate (1958) of the share of runs that have not arrived by each step.

    Parameters
    ----------
    times
        What ``hitting``, ``plateau`` or ``saddle_escape`` return, or a pair (time, observed): a run
        that was not observed to arrive was watched until then. NaN is left out.
    horizon
        Of the restricted mean, in steps; the last time if left out.
    level
        The confidence of the band, on the log(-log) scale of Greenwood's variance (Kalbfleisch and
        Prentice 1980), and of the other intervals.

    Raises
    ------
    RunError
        If there are no times, or they are negative.

    Examples
    --------
    >>> import symopt as so
    >>> so.measure.survival(([2, 3, 3, 5, 8], [True, True, False, True, False]))
    Survival(3 of 5 arrived; median 5 [2, inf]; mean up to 8: 4.9 [2.759, 7.041])
    """
    time, observed = _pair(times)
    end = float(time.max()) if horizon is None else float(horizon)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where S is 0 or 1: see below
        curve = stats.ecdf(stats.CensoredData(uncensored=time[observed], right=time[~observed])).sf
        band = curve.confidence_interval(level, method="log-log")
    step, share = np.asarray(curve.quantiles, dtype=np.float64), np.asarray(curve.probabilities)
    low, high = (np.asarray(side.probabilities) for side in (band.low, band.high))
    # the band of log(-log(S)) is not defined where S is 0 or 1: no more is known there than S itself
    low, high = np.where(np.isnan(low), share, low), np.where(np.isnan(high), share, high)
    step, share, low, high = (np.concatenate([[start], x]) for start, x in ((0, step), (1, share), (1, low), (1, high)))
    mean, deviation = _restricted(time, observed, end)
    z = float(stats.norm.ppf((1 + level) / 2))
    median, between = _fall(step, share), (_fall(step, low), _fall(step, high))
    return Survival(
        step, share, low, high, len(time), int(observed.sum()), median, between,
        mean, (mean - z * deviation, min(mean + z * deviation, end)), end, level,
    )  # fmt: skip


def logrank(a: Any, b: Any) -> LogRank:
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
    (time, observed), (other, seen) = _pair(a), _pair(b)
    if not observed.any() and not seen.any():
        raise RunError("no run of either set arrived; the log-rank test compares arrivals")
    sets = [stats.CensoredData(uncensored=x[o], right=x[~o]) for x, o in ((time, observed), (other, seen))]
    result = stats.logrank(*sets)
    return LogRank(float(result.statistic) ** 2, float(result.pvalue), (len(time), len(other)))


def success(k: Any, n: int | None = None, *, dim: str = "start", level: float = 0.95) -> Share | xr.Dataset:
    """Return the share of runs that did something, with Wilson's interval (1927).

    Its middle is (p + z^2/(2n))/(1 + z^2/n), and it reaches
    z/(1 + z^2/n)*sqrt(p*(1 - p)/n + z^2/(4*n^2)) to both sides (Brown, Cai and DasGupta 2001).

    Parameters
    ----------
    k, n
        k of n runs; or k alone, an array of True and False, or a DataArray of them.
    dim
        The dimension over which a DataArray holds the runs.
    level
        The confidence.

    Returns
    -------
    Share or xarray.Dataset
        For a DataArray with further dimensions ``share``, ``low``, ``high`` and ``n`` over them.

    Raises
    ------
    RunError
        If there are no runs, or k is not between 0 and n.

    Examples
    --------
    >>> import symopt as so
    >>> so.measure.success(18, 20)
    Share(0.9 [0.699, 0.972], 18 of 20)
    """
    if hasattr(k, "dims"):
        return _over(k, dim, level)
    if n is None:
        array = np.asarray(k)
        if array.dtype != bool or array.ndim != 1:
            raise RunError(f"success was given {k!r}; expected k and n, or an array of True and False")
        k, n = int(array.sum()), array.size
    if n < 1 or not 0 <= k <= n:
        raise RunError(f"success: {k} of {n} runs; expected at least one run, and k between 0 and n")
    low, high = (float(end) for end in _wilson(np.float64(k), n, level))
    return Share(k / n, low, high, int(k), int(n))


def _over(happened: xr.DataArray, dim: str, level: float) -> Share | xr.Dataset:
    import xarray as xr

    if happened.dtype != bool or dim not in happened.dims or not happened.sizes[dim]:
        raise RunError(
            f"success was given {happened.dtype} over {happened.dims}; expected True and False over {dim!r} "
            "(dim= names another) with at least one run"
        )
    n, k = happened.sizes[dim], happened.sum(dim)
    if not k.dims:
        return success(int(k), n, level=level)
    low, high = _wilson(k.values, n, level)
    ends = {"share": k / n, "low": k.copy(data=low), "high": k.copy(data=high)}
    return xr.Dataset({**ends, "n": n}, coords=k.coords)


def _wilson(k: Any, n: int, level: float) -> tuple[Any, Any]:
    z, p = float(stats.norm.ppf((1 + level) / 2)), k / n
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    # at the ends the formula is exact, but for rounding
    return np.where(k == 0, 0.0, middle - reach), np.where(k == n, 1.0, middle + reach)


def _pair(times: Any) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Return times and whether they were observed, as flat arrays without NaN."""
    if hasattr(times, "data_vars"):
        if not {"time", "observed"} <= set(times.data_vars):
            raise RunError(f"a Dataset of {', '.join(map(str, times.data_vars))} was given; expected time and observed")
        times = times["time"].values, times["observed"].values
    if not (isinstance(times, tuple | list) and len(times) == 2):
        raise RunError(f"times={times!r}; expected a Dataset with time and observed, or a pair of arrays")
    time, observed = np.ravel(np.asarray(times[0], dtype=np.float64)), np.ravel(np.asarray(times[1], dtype=bool))
    if time.shape != observed.shape:
        raise RunError(f"{time.size} times and {observed.size} marks of observing; expected as many")
    known = ~np.isnan(time)
    time, observed = time[known], observed[known]
    if not len(time):
        raise RunError("there are no times; expected at least one run")
    if (time < 0).any() or np.isinf(time).any():
        raise RunError("times have to be finite, 0 or more; a run that never arrived is watched until its last step")
    return time, observed


def _fall(step: Array, share: Array) -> float:
    """Return the first step at which a curve is at most 1/2."""
    below = np.flatnonzero(share <= 0.5)
    return float(step[below[0]]) if len(below) else math.inf


def _restricted(time: Array, observed: npt.NDArray[np.bool_], end: float) -> tuple[float, float]:
    """Return the area under S up to ``end`` and its standard deviation (Klein and Moeschberger 2003, 4.5)."""
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
