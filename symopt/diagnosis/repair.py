"""Fills in derivatives that compiled code leaves NaN, by their definition."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from symopt.diagnosis.rays import Expansion, Rays
from symopt.errors import SymoptWarning
from symopt.validation import Array

Finder = Callable[[Rays, tuple[int, ...], Array], float]
"""An entry, by its indices, of what is asked for at a point; a direction is given too."""
FINDERS: dict[str, Finder] = {
    "gradient": lambda rays, at, _: rays.gradient(*at),
    "hessian": lambda rays, at, _: rays.hessian(*at),
    "product": lambda rays, at, v: rays.product(v, *at),
}
MOST_SHOWN = 8  # coordinates of a point, in a warning
WORDS = {
    "gradient": "not differentiable",
    "hessian": "not twice differentiable",
    "product": "not twice differentiable",
}


def fill_missing(
    what: str,
    result: Array,
    points: Array,
    *,
    values: Callable[[npt.NDArray[Any]], Array],
    expansion: Callable[[int], Expansion],
    directions: Array | None = None,
) -> Array:
    """Return gradients, Hessians or products with the NaN entries that have a value filled in.

    Parameters
    ----------
    what
        "gradient", shape (..., n), "hessian", shape (..., n, n), or "product", shape (..., n).
    result
        What compiled code gave.
    points
        Where, shape (..., n).
    values
        Called with the numbers of points, counted flat: J there. Where J is not finite, nothing is
        filled in.
    expansion
        Called with the number of a point: the series of J along rays from it.
    directions
        The directions of the products, shape (..., n).
    """
    n = points.shape[-1]
    entries = result.shape[points.ndim - 1 :]
    rows = result.reshape(-1, *entries)
    missing = np.flatnonzero(np.isnan(rows).reshape(len(rows), -1).any(axis=1))
    if len(missing):
        missing = missing[np.isfinite(values(missing))]
    if not len(missing):
        return result
    rows = rows.copy()
    if directions is None:
        along = np.zeros((len(rows), n))
    else:
        along = directions.reshape(-1, n)
    for number in missing:
        _fill(FINDERS[what], rows[number], Rays(expansion(int(number)), n), direction=along[number])
    _say_what_is_missing(what, rows[missing], points.reshape(-1, n)[missing])
    return rows.reshape(result.shape)


def _fill(find: Finder, row: Array, rays: Rays, direction: Array) -> None:
    for at in np.argwhere(np.isnan(row)):
        place = tuple(map(int, at))
        row[place] = find(rays, place, direction)


def _say_what_is_missing(what: str, rows: Array, points: Array) -> None:
    left = np.isnan(rows).reshape(len(rows), -1).any(axis=1)
    if not left.any():
        return
    first = points[int(np.flatnonzero(left)[0])]
    place = ", ".join(f"{value:g}" for value in first[:MOST_SHOWN])
    if len(first) > MOST_SHOWN:
        place += ", ..."
    more = ""
    if left.sum() > 1:
        more = f" and {left.sum() - 1} other points"
    entries = f"{int(np.isnan(rows).sum())} entries of it are NaN"
    warnings.warn(
        f"J is {WORDS[what]} as written at this point ({place}){more}; {entries}. J.check(at) "
        "shows where",
        SymoptWarning,
        stacklevel=5,
    )
