"""Derivatives that compiled code leaves NaN, found by their definition where they exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symopt.costs.objective import BoundObjective
from symopt.validation import Array

if TYPE_CHECKING:
    from symopt.diagnosis.rays import Expansion


def repair(what: str, result: Array, bound: BoundObjective, v: Array | None = None) -> Array:
    """Return derivatives with the NaN entries that have a value filled in.

    Parameters
    ----------
    what
        "gradient", "hessian" or "product".
    result
        What compiled code gave at the points that the cost is bound to.
    bound
        The cost.
    v
        The direction of a product.
    """
    if not np.isnan(result).any():
        return result
    n = bound.start.shape[-1]
    lead = result.shape[: -2 if what == "hessian" else -1]
    points = np.broadcast_to(bound.start, (*lead, n))
    flat = points.reshape(-1, n)
    constants = {
        name: np.broadcast_to(np.asarray(value, dtype=np.float64), lead).reshape(-1)
        for name, value in bound.given.constants.items()
    }

    def values(rows: Any) -> Array:
        each = {name: column[rows] for name, column in constants.items()}
        return bound.with_constants(each).value(flat[rows])

    def at(row: int) -> dict[str, float]:
        return {name: float(column[row]) for name, column in constants.items()}

    def expansion(row: int) -> Expansion:
        return bound.expansion(flat[row], at(row))

    if v is None:
        directions = None
    else:
        directions = np.broadcast_to(v, points.shape)
    from symopt.diagnosis.repair import fill_missing

    return fill_missing(
        what, result, points, values=values, expansion=expansion, directions=directions
    )
