"""Starts as a user gives them: one point, many, or a box to draw them from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy as sp

from symopt._typing import PointLike
from symopt.costs.cost import Cost
from symopt.errors import CostError, RunError
from symopt.validation import Array


def given_or_own(start: Any, cost: Any, example: str) -> Any:
    """Return the start that is given, or else that of the problem in the place of a cost.

    Raises
    ------
    RunError
        If there is none.
    """
    if start is not None:
        return start
    own = None
    if not isinstance(cost, Cost | sp.Basic):
        own = getattr(cost, "start", None)
    if own is None:
        raise RunError(f"start is missing; expected where to begin, as in {example}")
    return own


def read_start(
    cost: Cost, start: PointLike, dimensions: tuple[int, ...], constants: Mapping[str, Any]
) -> tuple[Cost, Array]:
    """Read starts as finite floats, and give the cost the sizes that follow from them."""
    names = ", ".join(p.name for p in cost.params)
    try:
        readings = cost.readings(start, constants)
    except CostError as error:
        raise RunError(f"start: {error}") from None
    array, sizes = readings[0]
    if len(readings) > 1 and 2 in dimensions:
        raise _ambiguous(names, readings[1][0].shape)
    if not (finite := np.isfinite(array)).all():
        raise RunError(
            f"start is not finite, {array[~finite][0]}; expected finite numbers for {names}"
        )
    cost = cost(**sizes.given)
    size = sizes.total
    if array.ndim not in dimensions or array.shape[-1] != size:
        shapes = " or ".join({1: f"({size},)", 2: f"(N, {size})"}[d] for d in dimensions)
        raise RunError(f"start has shape {array.shape}; expected {shapes}, for {names}")
    return cost, array


def _ambiguous(name: str, shape: tuple[int, ...]) -> RunError:
    return RunError(
        f"start has shape {shape}, which {name} itself may have, and so may {shape[0]} starts of "
        f"{shape[1]} number(s); "
        f"give one start as {{{name!r}: start}}, or {shape[0]} as {{{name!r}: array}} with one "
        "axis more"
    )
