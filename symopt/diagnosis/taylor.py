"""Taylor coefficients of the error functions, by their differential equations."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import mpmath as mp


def gauss(center: Any, count: int) -> list[Any]:
    """Return the coefficients of g = exp(-u**2), from g' = -2*u*g.

    Examples
    --------
    >>> [float(c) for c in gauss(0, 4)]
    [1.0, 0.0, -1.0, 0.0, 0.5]
    """
    found = [mp.exp(-(mp.mpf(center) ** 2))]
    before: Any = 0
    for n in range(count):
        found.append(-2 * (center * found[n] + before) / (n + 1))
        before = found[n]
    return found


def erf(center: Any, count: int) -> list[Any]:
    """Return the coefficients of erf, from erf' = 2/sqrt(pi)*g."""
    slopes = [2 / mp.sqrt(mp.pi) * slope for slope in gauss(center, count)]
    return [mp.erf(center), *(slopes[n] / (n + 1) for n in range(count))]


def erfc(center: Any, count: int) -> list[Any]:
    """Return the coefficients of erfc = 1 - erf."""
    return [at_erfc(center), *(-coefficient for coefficient in erf(center, count)[1:])]


def erfcx(center: Any, count: int) -> list[Any]:
    """Return the coefficients of f = exp(u**2)*erfc(u), from f' = 2*u*f - 2/sqrt(pi)."""
    found = [mp.exp(center**2) * at_erfc(center)]
    for n in range(count):
        if n:
            before = found[n - 1]
        else:
            before = -1 / mp.sqrt(mp.pi)
        found.append(2 * (center * found[n] + before) / (n + 1))
    return found


def at_erfc(center: Any) -> Any:
    """Return erfc, cached: far out it takes mpmath a tenth of a second."""
    return _erfc(center, mp.mp.dps)


@lru_cache(maxsize=256)
def _erfc(center: Any, digits: int) -> Any:  # noqa: ARG001  the value depends on the precision
    return mp.erfc(center)
