"""Intervals by resampling: within one run, whose residuals are autocorrelated, and across runs."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from scipy.special import ndtr, ndtri, stdtrit

from symopt.validation import Array

RESAMPLES: Final = 999
BURN_IN: Final = 50
STATIONARY: Final = (-0.9, 0.95)  # where phi is kept


def within_run(
    design: Array, residuals: Array, place: int, level: float, rng: np.random.Generator
) -> Array:
    """Return (low, high) for the error of a coefficient, by a moving-block bootstrap.

    The residuals are whitened by the AR(1) process nearest to them, blocks of innovations are drawn
    (Künsch 1989), and the process is run on them again ("post-blackening", Davison and Hinkley
    1997, section 8.2): blocks of the residuals themselves would have to be far longer than their
    memory, which a window of 60 points has no room for. Every resample has a phi of its own, drawn
    about the estimate, as intervals that take it as known are too narrow for few points; and the
    quantiles lie further out as Student's t does, with n (1 - phi)/(1 + phi) independent points.

    Parameters
    ----------
    design
        The columns of the regression, shape (n, p).
    residuals
        What it leaves, shape (n,).
    place
        Which coefficient.
    level
        The confidence, as 0.95.
    rng
        Where blocks are drawn from.
    """
    n, p = design.shape
    phi = autocorrelation(residuals, p)
    drawn_phi = phi + math.sqrt((1 - phi**2) / n) * rng.standard_normal(RESAMPLES)
    innovations = residuals[1:] - phi * residuals[:-1]
    block = block_length(innovations)
    innovations = (innovations - innovations.mean()) * math.sqrt(n / max(n - p - block, 1))
    drawn = _blocks(innovations, block, n + BURN_IN, rng=rng)
    paths = _autoregressive(np.clip(drawn_phi, *STATIONARY), drawn)[:, BURN_IN:]
    scale = np.abs(design).max(axis=0)
    row = np.linalg.pinv(design / scale)[place] / scale[place]
    spread = np.quantile(paths @ row, [(1 - level) / 2, (1 + level) / 2])
    freedom = max(n * (1 - phi) / (1 + phi) - p, 2.0)
    return np.asarray(
        spread * _theil_sen(design[:, place]) * _beyond_normal(level, freedom), dtype=np.float64
    )


def autocorrelation(residuals: Array, parameters: int) -> float:
    """Return the residuals' autocorrelation at lag 1, less its bias for p fitted terms.

    The bias is Kendall's (1954) for p = 1, where only a mean was fitted.
    """
    n, power = len(residuals), float(residuals @ residuals)
    if power == 0:
        return 0.0
    phi = float(residuals[1:] @ residuals[:-1]) / power
    return min(max(phi + (parameters + (2 + parameters) * phi) / n, STATIONARY[0]), STATIONARY[1])


def block_length(values: Array) -> int:
    """Return the best block length for AR(1): (sqrt(6) phi/(1 - phi²))^(2/3) n^(1/3).

    That is the rule of Politis and White (2004) with the spectrum of the process; white noise has
    1.
    """
    n, phi = len(values), abs(autocorrelation(values - values.mean(), 1))
    best = math.cbrt(6 * phi**2 / (1 - phi**2) ** 2 * n)
    return min(max(1, round(best)), n // 3)


def _autoregressive(phi: Array, innovations: Array) -> Array:
    """Run x_k = phi x_{k-1} + u_k along each row."""
    paths = innovations.T.copy()
    for k in range(1, len(paths)):
        paths[k] += phi * paths[k - 1]
    return np.asarray(paths.T)


def _blocks(values: Array, block: int, length: int, rng: np.random.Generator) -> Array:
    """Return resamples, shape (RESAMPLES, length), put together from blocks of neighbours."""
    starts = rng.integers(0, len(values) - block + 1, (RESAMPLES, -(-length // block), 1))
    places = (starts + np.arange(block)).reshape(RESAMPLES, -1)[:, :length]
    return np.asarray(values[places])


def _theil_sen(x: Array) -> float:
    """Return how much wider Theil-Sen's slope spreads than least squares' (Sen 1968)."""
    return math.sqrt(math.pi / 3) / float(np.corrcoef(x, np.arange(len(x)))[0, 1])


def _beyond_normal(level: float, freedom: float) -> float:
    tail = (1 - level) / 2
    return float(stdtrit(freedom, tail) / ndtri(tail))


def across_runs(values: Array, level: float, rng: np.random.Generator) -> tuple[float, float]:
    """Return (low, high) for the median over runs, by resampling runs.

    The percentiles lie further out for few runs, as a percentile interval is too narrow by
    sqrt((N - 1)/N) and by the quantile of Student's t (Hesterberg 2015, section 4.2). At most the
    whole range comes out, which covers with probability 1 - 2^(1 - N).
    """
    n = len(values)
    tail = float(ndtr(math.sqrt(n / (n - 1)) * stdtrit(n - 1, (1 - level) / 2)))
    medians = np.median(values[rng.integers(0, n, (RESAMPLES, n))], axis=1)
    low, high = np.quantile(medians, [tail, 1 - tail])
    return float(low), float(high)
