"""First and second derivatives by their definition, where slopes are not numbers.

Along a ray, J(theta + t*d) = c0 + c1*t + c2*t**2 + ... for t > 0. A partial derivative is c1 along
an axis, if the ray in the other direction agrees; an entry of the Hessian follows from c2 along
sums and differences of axes, if these are one quadratic form. If they are not, J is not
differentiable (twice) there, and the entry stays NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath as mp
import numpy as np

from symopt.diagnosis.series import DIGITS, NoSeriesError, Series
from symopt.validation import Array

TOLERANCE = 1e-10
"""How near two values are taken for the same: costs hold doubles, series 50 digits."""
ROUNDING = 2.0**-53
"""Up to which J at the point may differ from its limit: a number that fills a hole is a double."""
Expansion = Callable[[Array], Series]
"""The series of J(theta + t*d) by d."""


class Rays:
    """The derivatives of J at one point, by its series along rays."""

    def __init__(self, expansion: Expansion, size: int) -> None:
        self.expansion, self.size = expansion, size
        self._series: dict[bytes, Series | None] = {}

    @property
    def value(self) -> Any:
        """J at the point in 50 digits, NaN where it has none."""
        here = self._expanded(np.zeros(self.size))
        if here is None:
            return mp.nan
        return here.value

    def gradient(self, axis: int) -> float:
        """Return a partial derivative, NaN where there is none."""
        with mp.workdps(DIGITS):
            return float(self._slope(self._axis(axis)))

    def hessian(self, i: int, j: int) -> float:
        """Return an entry of the Hessian, NaN where J is not twice differentiable."""
        return self.product(self._axis(i), j)

    def product(self, v: Array, axis: int) -> float:
        """Return an entry of the Hessian times ``v``."""
        with mp.workdps(DIGITS):
            return float(self._bilinear(v, self._axis(axis)))

    def _axis(self, axis: int) -> Array:
        direction = np.zeros(self.size)
        direction[axis] = 1.0
        return direction

    def _slope(self, direction: Array) -> Any:
        """Return c1, NaN where the two sides of the point do not agree."""
        ahead, back = (self._coefficient(d, 1) for d in (direction, -direction))
        if same(ahead, -back, abs(ahead)):
            return ahead
        return mp.nan

    def _curvature(self, direction: Array) -> Any:
        """Return 2*c2, NaN where the two sides of the point do not agree."""
        if not direction.any():
            return mp.mpf(0)
        ahead, back = (self._coefficient(d, 2) for d in (direction, -direction))
        smooth = same(ahead, back, abs(ahead)) and not mp.isnan(self._slope(direction))
        if smooth:
            return 2 * ahead
        return mp.nan

    def _bilinear(self, u: Array, v: Array) -> Any:
        """Return u*H*v of the quadratic form that is 2*c2 along u, v, u + v, u - v and 2*u + v."""
        if (u == v).all():
            return self._curvature(u)
        found = [self._curvature(d) for d in (u, v, u + v, u - v, 2 * u + v)]
        of_u, of_v, of_sum, of_difference, of_other = found
        between = (of_sum - of_difference) / 4
        size = max(abs(value) for value in found)
        is_form = same(of_sum + of_difference, 2 * (of_u + of_v), size)
        if is_form and same(of_other, 4 * of_u + of_v + 4 * between, size):
            return between
        return mp.nan

    def _coefficient(self, direction: Array, power: int) -> Any:
        """Return the coefficient of t**power; NaN behind a power that is not whole."""
        series, here = self._expanded(direction), self._expanded(np.zeros(self.size))
        if (
            series is None
            or series.order <= power
            or any(k or e != int(e) or e < 0 for e, k in series.until(power))
        ):
            return mp.nan
        if here is not None and not same(
            series.value, here.value, abs(series.value) + abs(here.value), tolerance=ROUNDING
        ):
            return mp.nan  # J jumps at the point itself
        return series.terms.get((Fraction(power), 0), mp.mpf(0))

    def _expanded(self, direction: Array) -> Series | None:
        key = direction.tobytes()
        if key not in self._series:
            try:
                self._series[key] = self.expansion(direction)
            except NoSeriesError:
                self._series[key] = None
        return self._series[key]


def same(one: Any, other: Any, size: Any, tolerance: float = TOLERANCE) -> bool:
    """Tell whether two numbers agree relative to a third; NaN agrees with nothing."""
    return bool(abs(one - other) <= tolerance * size)
