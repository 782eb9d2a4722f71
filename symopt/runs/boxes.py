"""Boxes that a run stays in: their numbers for the parameters at hand, and what is said of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from symopt.costs.labels import read_labels
from symopt.costs.sizes import Sizes
from symopt.errors import CostError, RunError, did_you_mean
from symopt.runs.termination import MOST_SHOWN
from symopt.validation import Array, is_real_number, read_numbers

OPEN = float(np.finfo(np.float64).max)
"""The bound of an open side, which no theta within the limit reaches."""


@dataclass(frozen=True)
class Box:
    """Bounds of every entry of theta, shape (n,); an open side is at -OPEN or OPEN."""

    low: Array
    high: Array

    @classmethod
    def of(cls, low: Any, high: Any, sizes: Sizes, where: str = "") -> Box:
        """Read both sides: numbers, None, or one of these for each parameter, perhaps by name.

        Raises
        ------
        RunError
            If they do not fit the parameters, or a lower bound is above the upper one.
        """
        box = cls(
            low=_side(f"{where}low", low, sizes, default=-OPEN),
            high=_side(f"{where}high", high, sizes, default=OPEN),
        )
        crossed = np.flatnonzero(box.low > box.high)
        if len(crossed):
            k = int(crossed[0])
            raise RunError(
                f"the bounds of {sizes.labels()[k]} are {box.low[k]:g} and {box.high[k]:g}; "
                "expected the lower one first"
            )
        return box

    def check_start(self, starts: Array, sizes: Sizes) -> None:
        """Refuse starts, shape (..., n), outside of the box.

        Raises
        ------
        RunError
            With the first entry that is.
        """
        outside = np.argwhere((starts < self.low) | (starts > self.high))
        if len(outside):
            at = tuple(outside[0])
            k, value = int(at[-1]), starts[at]
            between = f"from {_shown(self.low[k])} to {_shown(self.high[k])}"
            raise RunError(
                f"start: {sizes.labels()[k]} = {value:g} is outside of its bounds, {between}; "
                "expected a start in the box"
            )

    def projected(self, theta: Array, slope: Array) -> Array:
        """Return the gradient, without what points out of the box: 0 where theta cannot move on."""
        blocked = ((theta <= self.low) & (slope > 0)) | ((theta >= self.high) & (slope < 0))
        return np.where(blocked, 0.0, slope)

    def describe(self, theta: Array, sizes: Sizes) -> str:
        """Say which entries of theta are on a bound; nothing if none is."""
        on = np.flatnonzero((theta <= self.low) | (theta >= self.high))
        if not len(on):
            return ""
        labels = sizes.labels()
        named = [f"{labels[k]} = {theta[k]:g}" for k in islice(on.tolist(), MOST_SHOWN)]
        more = ""
        if len(on) > MOST_SHOWN:
            more = f" and {len(on) - MOST_SHOWN} more"
        return f"on the bound: {', '.join(named)}{more}"


def _shown(bound: float) -> str:
    return "open" if abs(bound) == OPEN else f"{bound:g}"


def _side(side: str, given: Any, sizes: Sizes, default: float) -> Array:
    """Return one side's bound of every entry of theta."""
    try:
        labels = read_labels(given)
    except CostError as error:
        raise RunError(f"{side}: {error}") from None
    if labels is None:
        return _spread(side, given, (sizes.total,), default=default, sizes=sizes)
    found = np.full(sizes.total, default)
    parts, entries = sizes.parts(), {}
    for label, value in labels.items():
        if label in parts:
            place, shape = parts[label]
            numbers = _spread(f"{side} of {label}", value, shape, default=default, sizes=sizes)
            found[place : place + math.prod(shape)] = numbers.reshape(-1)
        else:
            entries[label] = value
    known = {label: k for k, label in enumerate(sizes.labels())} if entries else {}
    for label, value in entries.items():
        if label not in known:
            raise RunError(f"{side}: {label!r} is no parameter{did_you_mean(label, sizes.params)}")
        found[known[label]] = _spread(f"{side} of {label}", value, (), default=default, sizes=sizes)
    return found


def _spread(
    what: str, given: Any, shape: tuple[int, ...], *, default: float, sizes: Sizes
) -> Array:
    """Return bounds of some shape: one for all, or one for each; None is open."""
    numbers = _numbers(what, given, default)
    own = [sizes.shapes["x", name] for name in sizes.params]
    if len(own) == 1 and numbers.shape == own[0]:
        numbers = numbers.reshape(shape)
    if numbers.shape not in ((), shape):
        raise RunError(
            f"{what} has shape {numbers.shape}; expected one number, or {shape} of them for "
            f"{sizes.described()}"
        )
    return np.broadcast_to(numbers, shape)


def _numbers(what: str, given: Any, default: float) -> Array:
    """Read numbers among which None is an open side, and so is infinity."""
    if given is None:
        return np.array(default)
    if not is_real_number(given):
        given = _without_none(given, default)
    numbers = read_numbers(given, what, "numbers, or None for an open side", finite=False)
    if np.isnan(numbers).any():
        raise RunError(f"{what} is NaN; expected numbers, or None for an open side")
    clipped: npt.NDArray[np.float64] = np.clip(numbers, -OPEN, OPEN)
    return clipped


def _without_none(given: Any, default: float) -> Any:
    if given is None:
        return default
    if isinstance(given, list | tuple):
        return [_without_none(entry, default) for entry in given]
    return given


def sides_of_pairs(bounds: Any) -> tuple[Any, Any]:
    """Return the lower and upper side of bounds as SciPy takes them.

    A pair (low, high) for all parameters, a list of pairs, a mapping from names to pairs, or a
    ``scipy.optimize.Bounds``.

    Raises
    ------
    RunError
        If they are none of these.
    """
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        return bounds.lb, bounds.ub
    if isinstance(bounds, Mapping):
        pairs = {name: _pair(name, pair) for name, pair in bounds.items()}
        return (
            {name: pair[0] for name, pair in pairs.items()},
            {name: pair[1] for name, pair in pairs.items()},
        )
    entries = list(bounds) if hasattr(bounds, "__iter__") and not isinstance(bounds, str) else []
    if len(entries) == 2 and all(entry is None or is_real_number(entry) for entry in entries):
        return entries[0], entries[1]
    if not entries:
        raise _no_pairs(bounds)
    sides = [_pair(k, entry) for k, entry in enumerate(entries)]
    return [low for low, _ in sides], [high for _, high in sides]


def _pair(which: Any, pair: Any) -> tuple[Any, Any]:
    if isinstance(pair, str) or not hasattr(pair, "__len__") or len(pair) != 2:
        raise _no_pairs(pair, f" of {which}")
    return pair[0], pair[1]


def _no_pairs(bounds: Any, which: str = "") -> RunError:
    return RunError(
        f"bounds{which}={bounds!r}; expected a pair (low, high), with None for an open side: one "
        "for all parameters, a list with one for each, or a mapping by name"
    )
