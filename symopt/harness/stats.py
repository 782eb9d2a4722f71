"""Statistics that experiments share: fits, brackets, shares, medians of paired runs, bootstraps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from symopt.harness.claims import Row
from symopt.measure import Rate, success

Numbers = npt.NDArray[np.float64]
DIGITS = 1e-6
"""How far a fitted factor is trusted, as a share of it, where the fit's interval is narrower."""


def fitted(quantity: str, predicted: float, rate: Rate) -> Row:
    """Return a row for a factor per step, with the fit's interval widened by ``DIGITS``.

    Examples
    --------
    >>> import symopt as so
    >>> rate = so.measure.rate(0.9 ** np.arange(100))
    >>> fitted("factor", 0.9, rate).verdict
    'agrees'
    """
    low, high = fitted_interval(rate)
    note = f"{rate.regime} in {rate.n} points; the fit's interval, and {DIGITS:g} of it"
    return Row(quantity, predicted, rate.factor, low, high, note=note)


def fitted_interval(rate: Rate) -> Numbers:
    """Return the interval of a factor; errors that grow have none, but the digits of the fit."""
    interval = np.nan_to_num(np.array(rate.interval), nan=rate.factor)
    widened: Numbers = interval * [1 - DIGITS, 1 + DIGITS]
    return widened


def share(quantity: str, predicted: float, happened: npt.ArrayLike, **more: Any) -> Row:
    """Return a row for the share of runs in which something happened, with Wilson's interval.

    Examples
    --------
    >>> row = share("heads", 0.5, [True] * 48 + [False] * 52)
    >>> row.measured, row.n, row.verdict
    (0.48, 100, 'agrees')
    """
    found = success(np.asarray(happened, dtype=bool).ravel())
    return Row(quantity, predicted, found.share, found.low, found.high, found.n, **more)


def bracket(places: npt.ArrayLike, holds: npt.ArrayLike) -> tuple[float, float]:
    """Return the last place at which something holds, and the first at which it no longer does.

    Both are NaN where it holds at the first place no longer, or at all of them.

    Examples
    --------
    >>> bracket([0.1, 0.2, 0.3], [True, True, False])
    (0.2, 0.3)
    """
    ends = np.flatnonzero(~np.asarray(holds, dtype=bool))
    if len(ends) == 0 or ends[0] == 0:
        return np.nan, np.nan
    places = np.asarray(places, dtype=float)
    return float(places[ends[0] - 1]), float(places[ends[0]])


def median_interval(values: npt.ArrayLike) -> tuple[float, float]:
    """Return the order statistics that hold the median with 95 % confidence (sign test).

    Fewer than k of n values lie below the median with a probability of at most 0.025.

    Examples
    --------
    >>> median_interval(range(1, 11))
    (2.0, 9.0)
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    k = max(1, int(binom.ppf(0.025, len(ordered), 0.5)))
    return float(ordered[k - 1]), float(ordered[-k])


def steps_ratio(
    ours: npt.ArrayLike, theirs: npt.ArrayLike, budget: float
) -> tuple[float, float, float]:
    """Return the median ratio of steps, paired, and its 95 % interval by the sign test.

    A run that does not arrive (inf) takes longer than the budget, by how much is unknown: the
    interval holds all that may be. The median is NaN where neither arrives in most pairs.

    Examples
    --------
    >>> steps_ratio([10.0, 12.0, 9.0, 11.0], [20.0, 20.0, 20.0, np.inf], budget=100)
    (0.475, 0.0, 0.6)
    """
    ours, theirs = np.asarray(ours, dtype=float), np.asarray(theirs, dtype=float)
    at_most, least = np.minimum(ours, budget), np.minimum(theirs, budget)
    low, _ = median_interval(at_most / theirs)
    _, high = median_interval(ours / least)
    if np.isinf(np.minimum(ours, theirs)).mean() > 0.5:
        return np.nan, low, high
    return float(np.median(at_most / least)), low, high


def share_no_later(ours: Any, theirs: Any) -> float:
    """Return the share of pairs in which ours arrives no later; ties count half.

    Examples
    --------
    >>> share_no_later(np.array([1, 2, 3]), np.array([2, 2, 2]))
    0.5
    """
    return float(np.mean((ours < theirs) + 0.5 * (ours == theirs)))


def running_time(ends: Numbers, arrived: npt.NDArray[np.bool_]) -> Numbers:
    """Return the expected running time over the last axis (Hansen et al. 2010).

    It is the steps of all runs, until they arrive or end, for each that arrives; inf where none
    does.

    Examples
    --------
    >>> float(running_time(np.array([10.0, 20.0, 100.0]), np.array([True, True, False])))
    65.0
    """
    with np.errstate(divide="ignore"):
        times: Numbers = ends.sum(axis=-1) / arrived.sum(axis=-1)
    return times


def resampled(statistic: Callable[[Any], Any], n: int, draws: int) -> Numbers:
    """Return a statistic of bootstrap samples: it is given the places of n runs, drawn again.

    Examples
    --------
    >>> values = np.arange(10.0)
    >>> resampled(lambda k: values[k].mean(), n=10, draws=200).shape
    (200,)
    """
    rng = np.random.default_rng(0)
    return np.array([statistic(places) for places in rng.integers(0, n, (draws, n))])


def percentiles(values: Numbers) -> tuple[float, float]:
    """Return the interval that holds 95 % of what a bootstrap gave; NaN is left out.

    Examples
    --------
    >>> percentiles(np.arange(101.0))
    (2.5, 97.5)
    """
    low, high = np.nanquantile(values, [0.025, 0.975])
    return float(low), float(high)
