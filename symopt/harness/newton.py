"""The minimum of a convex cost to the last digits, for goals that are a gap above it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from symopt.costs.cost import Cost


def newton_minimum(J: Cost, start: npt.ArrayLike, steps: int = 20) -> npt.NDArray[np.float64]:
    """Return the minimum of a convex cost with few parameters, by Newton's method.

    Examples
    --------
    >>> import symopt as so
    >>> newton_minimum(so.parse("exp(x) - 2*x"), [0.0]).round(6)
    array([0.693147])
    """
    theta: Any = np.asarray(start, dtype=float)
    for _ in range(steps):
        theta = theta - np.linalg.solve(J.hessian(theta), J.grad(theta))
    found: npt.NDArray[np.float64] = theta
    return found
