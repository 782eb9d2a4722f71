"""How far J can still fall from a point, and how much of that is rounding.

Two parabolas are asked: the one along the gradient, and the one of Newton's step, which does not
change where the parameters are scaled: beside a steep direction the first sees nothing of a flat
one.
"""

from __future__ import annotations

import warnings
from typing import Final

import numpy as np

from symopt.costs.cost import Cost
from symopt.costs.points import Flat
from symopt.validation import Array

ROUNDING: Final = 2.0**-52
LARGEST_MATRIX: Final = 500  # parameters up to which the Hessian is decomposed
PRODUCTS: Final = 200  # of the Hessian with vectors, for more parameters


def rounding(cost: Cost, theta: Array, size: Array, slope: Array, loss: float) -> float:
    """Return the rounding of J: of its value, and of each component of theta.

    ``size`` is that of the components on the way.
    """
    change = ROUNDING * size * np.sign(slope)
    with np.errstate(all="ignore"):
        return float(
            max(
                ROUNDING * abs(loss),
                *np.abs(cost.value(Flat(theta + np.stack([change, -change]))) - loss),
            )
        )


def along_gradient(cost: Cost, theta: Array, size: Array, slope: Array) -> float:
    """Return (g^T g)^2/(2 g^T H g), the fall of the parabola along -g."""
    k = int(np.abs(slope).argmax())
    largest = abs(float(slope[k]))
    unit = slope / largest  # so that no square leaves the numbers
    h = np.sqrt(ROUNDING) * (size[k] or 1.0)
    with np.errstate(all="ignore"):
        curvature = unit @ (cost.grad(Flat(theta + h * unit)) - slope) / h
        fall = largest * (unit @ unit)
        if curvature > 0:
            return float(fall / curvature * fall / 2)
        return np.inf


def by_newton(cost: Cost, theta: Array, slope: Array) -> float:
    """Return g^T H^-1 g/2, the fall of Newton's step, or a lower bound of it.

    Eigenvalues count by their size, and none below its rounding. NaN where the Hessian has no
    numbers.
    """
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if len(theta) <= LARGEST_MATRIX:
            return _decomposed(cost, theta, slope)
        return _conjugate(cost, theta, slope)


def _decomposed(cost: Cost, theta: Array, slope: Array) -> float:
    hessian = np.stack([cost.hvp(Flat(theta), Flat(direction)) for direction in np.eye(len(theta))])
    if not np.isfinite(hessian).all():
        return np.nan
    diagonal = np.abs(np.diag(hessian))
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, diagonal.max(initial=0.0) or 1.0))
    scaled = hessian * scale * scale[:, None]
    values, vectors = np.linalg.eigh((scaled + scaled.T) / 2)
    sizes = np.abs(values)
    parts = (scale * slope) @ vectors
    return float(parts @ (parts / np.maximum(sizes, len(theta) * ROUNDING * sizes.max()))) / 2


def _conjugate(cost: Cost, theta: Array, slope: Array) -> float:
    """Return the fall that conjugate gradients find; infinite at negative curvature."""
    residual, direction, fall = -slope, -slope, 0.0
    square = start = float(residual @ residual)
    for _ in range(PRODUCTS):
        bent = cost.hvp(Flat(theta), Flat(direction))
        curvature = float(direction @ bent)
        if not curvature > 0 or square <= ROUNDING**2 * start:
            break
        residual = residual - square / curvature * bent
        fall += square / curvature * square / 2
        square, before = float(residual @ residual), square
        direction = residual + square / before * direction
    return fall
