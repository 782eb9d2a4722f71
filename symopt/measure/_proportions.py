"""Shares of runs, each with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from symopt.errors import RunError
from symopt.validation import Array

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True, repr=False)
class Share:
    """A share of n runs with Wilson's interval.

    Attributes
    ----------
    share, low, high
        k/n, and the ends of the interval.
    k, n
        How many runs did it, of how many.
    """

    share: float
    low: float
    high: float
    k: int
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        """The lower and the upper end."""
        return self.low, self.high

    def __repr__(self) -> str:
        return f"Share({self.share:.3g} [{self.low:.3g}, {self.high:.3g}], {self.k} of {self.n})"


@overload
def success(k: int, n: int, *, level: float = 0.95) -> Share: ...
@overload
def success(k: xr.DataArray, *, dim: str = "start", level: float = 0.95) -> xr.Dataset: ...
@overload
def success(k: Sequence[bool] | npt.NDArray[np.bool_], *, level: float = 0.95) -> Share: ...
def success(
    k: Any, n: int | None = None, *, dim: str = "start", level: float = 0.95
) -> Share | xr.Dataset:
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
        For a DataArray a Dataset of ``share``, ``low``, ``high`` and ``n`` over its other
        dimensions.

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
    two_sided(level)
    if hasattr(k, "data_vars"):
        raise RunError(
            "success was given a Dataset; expected True and False for each run, as ends['label'] "
            "== 0"
        )
    if hasattr(k, "dims"):
        return _over(k, dim, level)
    if n is None:
        array = np.asarray(k)
        if array.dtype != bool or array.ndim != 1:
            raise RunError(
                f"success was given {k!r}; expected k and n, or a list of True and False"
            )
        k, n = int(array.sum()), array.size
    if (
        not all(isinstance(number, int | np.integer) for number in (k, n))
        or n < 1
        or not 0 <= k <= n
    ):
        raise RunError(
            f"success: {k} of {n} runs; expected whole numbers, at least one run, and k between 0 "
            "and n"
        )
    low, high = (float(end) for end in wilson(np.asarray(k), n, level))
    return Share(int(k) / int(n), low, high, int(k), int(n))


def wilson(k: npt.NDArray[Any], n: int, level: float) -> tuple[Array, Array]:
    """Return both ends of Wilson's interval for each of the counts k of n."""
    z, p = two_sided(level), k / n
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    # at the ends the formula is exact, but for rounding
    return np.where(k == 0, 0.0, middle - reach), np.where(k == n, 1.0, middle + reach)


def two_sided(level: float) -> float:
    """Return the normal quantile of a two-sided share ``level``."""
    if not (np.ndim(level) == 0 and 0 < level < 1):
        raise RunError(f"level={level!r}; expected a confidence between 0 and 1, as 0.95")
    return float(ndtri((1 + level) / 2))


def _over(happened: xr.DataArray, dim: str, level: float) -> xr.Dataset:
    import xarray as xr

    if happened.dtype != bool or dim not in happened.dims or not happened.size:
        raise RunError(
            f"success was given {happened.dtype} over {happened.dims}; expected True and False "
            f"over {dim!r} "
            "(dim= names another), with at least one run"
        )
    n, k = happened.sizes[dim], happened.sum(dim)
    low, high = wilson(k.values, n, level)
    return xr.Dataset({"share": k / n, "low": k.copy(data=low), "high": k.copy(data=high), "n": n})
