"""How far J can still fall from a point, and how much of that is rounding.

Two parabolas are asked: the one along the gradient, and the one of Newton's step, which does not
change where the parameters are scaled: beside a steep direction the first sees nothing of a flat
one.
"""

from __future__ import annotations

import warnings
from typing import Final

import numpy as np
import numpy.typing as npt

from symopt.costs.cost import Cost
from symopt.costs.points import Flat
from symopt.validation import Array

ROUNDING: Final = 2.0**-52
LARGEST_MATRIX: Final = 500  # parameters up to which the Hessian is decomposed
PRODUCTS: Final = 200  # of the Hessian with vectors, for more parameters


def rounding(cost: Cost, theta: Array, *, sizes: Array, slope: Array, loss: float) -> float:
    """Bound the rounding of J: of its value, and of each component of theta.

    ``sizes`` are the largest sizes of the components on the way.
    """
    change = ROUNDING * sizes * np.sign(slope)
    with np.errstate(all="ignore"):
        beside = cost.value(Flat(theta + np.stack([change, -change])))
        return float(max(ROUNDING * abs(loss), *np.abs(beside - loss)))


def along_gradient(cost: Cost, theta: Array, sizes: Array, slope: Array) -> float:
    """Predict (g^T g)^2/(2 g^T H g), the fall of the parabola along -g."""
    k = int(np.abs(slope).argmax())
    largest = abs(float(slope[k]))
    unit = slope / largest  # so that no square leaves the numbers
    h = np.sqrt(ROUNDING) * (sizes[k] or 1.0)
    with np.errstate(all="ignore"):
        curvature = unit @ (cost.grad(Flat(theta + h * unit)) - slope) / h
        fall = largest * (unit @ unit)
        if not curvature > 0:
            return np.inf
        return float(fall / curvature * fall / 2)


def by_newton(
    cost: Cost, theta: Array, slope: Array, *, free: npt.NDArray[np.bool_] | None = None
) -> float:
    """Predict g^T H^-1 g/2, the fall of Newton's step, or a lower bound of it.

    Only entries that are free move; those that a box holds have no slope here. Eigenvalues count by
    their size, and none below its rounding. NaN where the Hessian has no numbers.
    """
    if free is None:
        free = np.full(len(theta), True)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if len(theta) <= LARGEST_MATRIX:
            return _by_eigenvalues(cost, theta, slope, free=free)
        return _by_conjugate_gradients(cost, theta, slope, free=free)


def _by_eigenvalues(
    cost: Cost, theta: Array, slope: Array, *, free: npt.NDArray[np.bool_]
) -> float:
    if not free.any():
        return 0.0
    columns = [cost.hvp(Flat(theta), Flat(direction)) for direction in np.eye(len(theta))[free]]
    hessian, slope, n = np.stack(columns)[:, free], slope[free], int(free.sum())
    if not np.isfinite(hessian).all():
        return np.nan
    diagonal = np.abs(np.diag(hessian))
    largest = diagonal.max(initial=0.0) or 1.0
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, largest))
    scaled = hessian * scale * scale[:, None]
    values, vectors = np.linalg.eigh((scaled + scaled.T) / 2)
    sizes = np.abs(values)
    parts = (scale * slope) @ vectors
    least = n * ROUNDING * sizes.max()
    return float(parts @ (parts / np.maximum(sizes, least))) / 2


def _by_conjugate_gradients(
    cost: Cost, theta: Array, slope: Array, *, free: npt.NDArray[np.bool_]
) -> float:
    """Lower slope^T p + p^T H p/2 by conjugate gradients, up to negative curvature."""
    residual, direction, fall = -slope, -slope, 0.0
    square = start = float(residual @ residual)
    for _ in range(PRODUCTS):
        bent = np.where(free, cost.hvp(Flat(theta), Flat(direction)), 0.0)
        curvature = float(direction @ bent)
        if not curvature > 0 or square <= ROUNDING**2 * start:
            break
        residual = residual - square / curvature * bent
        fall += square / curvature * square / 2
        square, before = float(residual @ residual), square
        direction = residual + square / before * direction
    return fall
