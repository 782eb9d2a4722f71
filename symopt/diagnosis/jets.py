"""Numbers with their first and second derivatives, in as many digits as mpmath is set to."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import mpmath as mp

Slopes = Mapping[Any, Any]
"""By parameter, or by a pair of them: what is not in it is 0."""
NOTHING: Slopes = {}


class Jet(NamedTuple):
    """A number, its slopes by parameters i and its curvatures by (i, j), i <= j."""

    value: Any
    slopes: Slopes = NOTHING
    curvatures: Slopes = NOTHING


Jets = Sequence[Jet]


class TooCurvedError(Exception):
    """Second derivatives take too many products."""


class Arithmetic:
    """The rules of derivatives.

    Parameters
    ----------
    most
        How many products of slopes second derivatives may take; 0 where they are not followed.

    Raises
    ------
    TooCurvedError
        If they take more.
    """

    def __init__(self, most: int) -> None:
        self.most, self._pairs = most, 0

    def add(self, terms: Iterable[Jet]) -> Jet:
        """Return a sum."""
        values: list[Any] = []
        slopes: dict[Any, Any] = {}
        curvatures: dict[Any, Any] = {}
        for value, first, second in terms:
            values.append(value)
            _gather(slopes, first)
            _gather(curvatures, second)
        if len(values) == 2:
            total = values[0] + values[1]
        else:
            total = mp.fsum(values)
        return Jet(total, slopes, curvatures)

    def multiply(self, factors: Jets) -> Jet:
        """Return a product."""
        still: Any = 1
        for factor in factors:
            if not factor.slopes:
                still = still * factor.value
        moving = [factor for factor in factors if factor.slopes]
        if not moving:
            return Jet(mp.mpf(still))
        result, *others = moving
        for other in others:
            pair = (result, other)
            slope = (other.value, result.value)
            result = self.chain(
                result.value * other.value,
                pair,
                slope.__getitem__,
                lambda k, other: int(k != other),
            )
        if still == 1:
            return result
        return self.chain(still * result.value, (result,), lambda _: still, lambda *_: 0)

    def chain(
        self, value: Any, args: Jets, first: Callable[[int], Any], second: Callable[[int, int], Any]
    ) -> Jet:
        """Apply the chain rule: a slope for each argument, a curvature for each two."""
        moving = [k for k, arg in enumerate(args) if arg.slopes]
        slopes: dict[Any, Any] = {}
        curvatures: dict[Any, Any] = {}
        for k in moving:
            slope = first(k)
            _gather(slopes, _times(slope, args[k].slopes))
            if self.most:
                _gather(curvatures, _times(slope, args[k].curvatures))
        if not self.most:
            return Jet(value, slopes, curvatures)
        for k, other in itertools.combinations_with_replacement(moving, 2):
            beside = None
            if k != other:
                beside = args[other].slopes
            self._curve(curvatures, second(k, other), args[k].slopes, beside)
        return Jet(value, slopes, curvatures)

    def _curve(
        self, curvatures: dict[Any, Any], factor: Any, one: Slopes, other: Slopes | None
    ) -> None:
        """Add factor*(one*other^T + other*one^T), or factor*one*one^T where there is no other."""
        if factor == 0:
            return
        pairs = len(one) ** 2
        if other is not None:
            pairs = len(one) * len(other)
        self._pairs += pairs
        if self._pairs > self.most:
            raise TooCurvedError
        if other is None:
            _gather_squares(curvatures, factor, one)
        else:
            _gather_both(curvatures, factor, one, other=other)


def _times(factor: Any, slopes: Slopes) -> Slopes:
    return {place: factor * slope for place, slope in slopes.items()}


def _gather(total: dict[Any, Any], slopes: Slopes) -> None:
    for place, slope in slopes.items():
        if place in total:
            total[place] = total[place] + slope
        else:
            total[place] = slope


def _gather_squares(total: dict[Any, Any], factor: Any, one: Slopes) -> None:
    """Add factor*one*one^T, above the diagonal."""
    for i, a in one.items():
        products = {(i, j): a * b for j, b in one.items() if i <= j}
        _gather(total, _times(factor, products))


def _gather_both(total: dict[Any, Any], factor: Any, one: Slopes, other: Slopes) -> None:
    """Add factor*(one*other^T + other*one^T), above the diagonal."""
    for i, a in one.items():
        products = {(min(i, j), max(i, j)): b for j, b in other.items()}
        if i in other:
            products[i, i] = 2 * other[i]
        _gather(total, _times(factor * a, products))
