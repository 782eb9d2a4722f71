"""True values, slopes and curvatures of J, and how far an ulp of the inputs moves them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import mpmath as mp
import numpy as np
import numpy.typing as npt

from symopt.diagnosis.jets import TooCurvedError
from symopt.diagnosis.own import Evaluation, Inputs, OwnExpression
from symopt.diagnosis.truth import DIGITS
from symopt.validation import Array

MOST_DIGITS = 800  # that are tried where digits cancel
LONG = 5_000  # parts in one evaluation, beyond which 200 digits have to do
MOST_PAIRS = 200_000  # products of slopes for a Hessian: some seconds for each evaluation
MOST_CURVED = 40  # parameters whose Hessian is shown: it has 820 entries
AGREED = mp.mpf(10) ** -25  # of two values with 50 digits and more
Place = tuple[int, ...]
"""() for J, (i,) for a slope, (i, j) for a curvature."""
Found = Mapping[Place, Any]


class Reference:
    """The right numbers: digits are raised until more of them change nothing.

    Attributes
    ----------
    curved
        Whether second derivatives are found.
    steps
        How many parts one evaluation works out.
    kinked
        Whether a kink, a step or a tie was met.
    """

    def __init__(self, own: OwnExpression, inputs: Inputs) -> None:
        self.own, self.inputs, self.curved = own, inputs, len(inputs.point) <= MOST_CURVED
        try:
            self._first, evaluation = self._evaluated(inputs, DIGITS)
        except TooCurvedError:
            self.curved = False
            self._first, evaluation = self._evaluated(inputs, DIGITS)
        self.steps, self.kinked = evaluation.steps, evaluation.kinked
        self._digits = DIGITS

    @property
    def long(self) -> bool:
        """Whether an evaluation takes a second."""
        return self.steps > LONG

    def __call__(self, place: Place) -> tuple[Any, Any]:
        """Return a number, or NaN, and the most that it changes where inputs move by an ulp."""
        here = _at(self._here, place)
        with mp.workdps(self._digits):
            moved = [_at(one, place) for one in self._beside]
            return here, max(
                (abs(other - here) for other in moved if mp.isfinite(other)), default=mp.nan
            )

    @cached_property
    def _here(self) -> Found:
        found, unsettled = self._first, set(self._first)
        most = MOST_DIGITS
        if self.long:
            most = MOST_DIGITS // 4
        while unsettled and self._digits < most:
            self._digits *= 2
            (found, _), before = self._evaluated(self.inputs, self._digits), found
            with mp.workdps(self._digits):
                unsettled = {
                    place
                    for place, value in found.items()
                    if not _is_settled(value, _at(before, place))
                }
        least = mp.mpf(10) ** (-self._digits // 2)
        vanishing = {
            place: mp.mpf(0) for place in unsettled if abs(found[place]) < least
        }  # falls on with the digits
        return {**found, **vanishing}

    @cached_property
    def _beside(self) -> list[Found]:
        _ = self._here  # says how many digits it takes
        draws = 4
        if self.long:
            draws = 1
        return [self._evaluated(one, self._digits)[0] for one in nudge(self.inputs, draws)]

    def _evaluated(self, inputs: Inputs, digits: int) -> tuple[Found, Evaluation]:
        """Return J, its slopes and curvatures that are not 0 by form, and how they were found."""
        with mp.workdps(digits):
            most_pairs = 0
            if self.curved:
                most_pairs = MOST_PAIRS
            evaluation = Evaluation(self.own, inputs, most_pairs=most_pairs)
            jet = evaluation(self.own.expression, {})
        if jet is None:
            return {(): mp.nan}, evaluation
        return {
            (): jet.value,
            **{(k,): slope for k, slope in jet.slopes.items()},
            **jet.curvatures,
        }, evaluation

    def along(self, u: Array, v: Array) -> list[tuple[Any, Any]]:
        """Return v.grad J and u.(H v) from values of J alone, each with its error."""
        digits, step = self._stepping
        with mp.workdps(digits):
            ahead, back, right, left = (
                self._value(step * one) for one in _exactly(u + v, -u - v, u - v, v - u)
            )
            noise = 1000 * (abs(ahead) + abs(right)) * mp.mpf(10) ** -digits
            once = ahead - back - right + left
            twice = ahead + back - right - left
            return [
                _quotient(once, noise, 4 * step),
                _quotient(twice, noise, 4 * step**2),
            ]

    @property
    def _stepping(self) -> tuple[int, Any]:
        """Digits, and a step so far below the point's own numbers that it is no question."""
        _ = self._here  # says how many digits it takes
        sizes = [abs(x) for x in self.inputs.point if x] or [1.0]
        least = min(1.0, *sizes)
        orders = int(np.log10(max(1.0, *sizes)) - np.log10(least))
        return self._digits + 2 * orders + DIGITS, mp.mpf(10) ** (-self._digits // 2) * least

    def _value(self, by: Any) -> Any:
        moved = [mp.mpf(x) + d for x, d in zip(self.inputs.point, by, strict=True)]
        jet = Evaluation(self.own, replace(self.inputs, point=moved), slopes=False)(
            self.own.expression, {}
        )
        if jet is None:
            return mp.nan
        return jet.value


def _quotient(difference: Any, noise: Any, steps: Any) -> tuple[Any, Any]:
    """Divide a difference of values, 0 below its noise, and the noise by the steps taken."""
    if abs(difference) < noise:
        difference = mp.mpf(0)
    return difference / steps, noise / steps


def _exactly(*directions: Array) -> Iterator[Any]:
    return (np.array([mp.mpf(x) for x in one.tolist()], dtype=object) for one in directions)


def _at(found: Found, place: Place) -> Any:
    """Return one number; without J there are no slopes."""
    if mp.isfinite(found[()]):
        return found.get(place, mp.mpf(0))
    return mp.nan


def _is_settled(value: Any, before: Any) -> bool:
    """Tell whether a value has converged in the digits; a 0 may lie below all of them."""
    if not mp.isfinite(value):
        return True
    return bool(value != 0 and abs(value - before) <= AGREED * abs(value))


def nudge(inputs: Inputs, draws: int) -> Iterator[Inputs]:
    """Give inputs moved by an ulp each; zeros and whole numbers of data stay."""
    for seed in range(draws):
        rows = np.random.default_rng(seed)
        yield replace(
            inputs,
            point=_moved(np.asarray(inputs.point), rows).tolist(),
            constants={
                name: float(_still(np.asarray(value), rows))
                for name, value in inputs.constants.items()
            },
            data={name: _still(array, rows) for name, array in inputs.data.items()},
        )


def _moved(numbers: Array, rows: np.random.Generator) -> Array:
    towards = np.where(rows.random(numbers.shape) < 0.5, np.inf, -np.inf)
    return np.where(numbers == 0, 0.0, np.nextafter(numbers, towards))


def _still(numbers: npt.NDArray[Any], rows: np.random.Generator) -> npt.NDArray[Any]:
    if numbers.dtype.kind != "f":
        return numbers
    return np.where(numbers == np.rint(numbers), numbers, _moved(numbers, rows))
