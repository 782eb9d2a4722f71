"""How well data determine the parameters of a fit."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from symopt.costs.objective import BoundObjective
from symopt.costs.points import Flat
from symopt.errors import RunError, SymoptWarning
from symopt.runs.result import Run
from symopt.validation import Array

if TYPE_CHECKING:
    import xarray as xr

SINGULAR = 1e-13  # of the largest eigenvalue, of the matrix with a unit diagonal
AT_REST = 1e-3  # of the variance: a larger fall that is still ahead is no minimum's


def standard_errors(run: Run) -> xr.Dataset:
    """Return the standard errors of the parameters of a least-squares fit.

    J is a sum of m squares c*r**2 of n parameters, each taken as a measurement of the same
    variance. With G = sum(2*c*r' r'^T) at the end of the run the covariance is
    2*J/(m - n)*G**-1, in which a factor of J cancels; a standard error is the root of a diagonal
    entry. They hold to first order in r, at a minimum. A penalty is a square too and counts as a
    measurement; a square whose weight c is 0 does not.

    Parameters
    ----------
    run
        What ``so.minimize`` or ``so.scipy`` returned, for a cost that is a sum of squares.

    Returns
    -------
    xarray.Dataset
        ``estimate`` and ``standard_error`` over ``param``, ``covariance`` over ``param`` and
        ``other``; ``degrees_of_freedom`` is m - n.

    Raises
    ------
    RunError
        If J is no sum of squares alone, m is not above n, or the squares do not determine all
        parameters.

    References
    ----------
    Seber and Wild, Nonlinear regression, 1989, chapter 2, doi:10.1002/0471725315.

    Examples
    --------
    >>> import symopt as so
    >>> line = so.parse(
    ...     "sum((a*x[k] + b - y[k])^2, k, 0, m-1)",
    ...     data={"x": [0.0, 1.0, 2.0, 3.0], "y": [1.0, 3.1, 4.9, 7.0]},
    ... )
    >>> run = so.minimize(line, so.gauss_newton(), start=[0.0, 0.0], steps=2)
    >>> so.measure.standard_errors(run).standard_error.values.round(4)
    array([0.0424, 0.0794])
    """
    if not isinstance(run, Run):
        raise RunError(
            f"{type(run).__name__} is given; expected one run, as so.minimize returns it"
        )
    bound = run.cost.bind(Flat(run.theta))
    m, n = _count(run, bound), len(run.theta)
    matrix = bound.exact_matrix("gauss_newton", run.theta, bound.given.constants)
    inverse = _inverse(matrix, bound)
    value = float(bound.value(run.theta))
    _warn_off_minimum(bound.grad(run.theta), inverse, value / (m - n))
    return _dataset(run, bound, 2 * value / (m - n) * inverse, m - n)


def _count(run: Run, bound: BoundObjective) -> int:
    """Return how many squares J is the sum of; more than there are parameters."""
    m, n = bound.count_squares(), len(run.theta)
    if np.isnan(m):
        raise RunError("a square is subtracted in J: it is no sum of squares of residuals")
    if not m and run.cost.lacks("gauss_newton"):
        raise RunError(f"standard errors need {run.cost.lacks('gauss_newton')}")
    if not m:
        raise RunError(
            "J holds a term without parameters, which is no residual: leave it out of the cost"
        )
    if m <= n:
        raise RunError(
            f"{m:.0f} square(s) for {n} parameter(s) leave no degree of freedom; expected more "
            "measurements than parameters"
        )
    return int(m)


def _inverse(matrix: Array, bound: BoundObjective) -> Array:
    """Invert a matrix whose parameters may have any units.

    Raises
    ------
    RunError
        If it is singular or no covariance.
    """
    if not np.isfinite(matrix).all():
        raise RunError("the slopes of the residuals are not finite where the run ended")
    scale = np.sqrt(np.diag(matrix))
    labels = bound.sizes.labels()
    for label, one in zip(labels, scale, strict=True):
        if one == 0:
            raise RunError(f"no square depends on {label} here: it has no standard error")
    scaled = matrix / np.outer(scale, scale)
    eigenvalues, vectors = np.linalg.eigh(scaled)
    if not eigenvalues[0] > SINGULAR * eigenvalues[-1]:
        free = np.abs(vectors[:, 0]) > np.abs(vectors[:, 0]).max() / 10
        names = ", ".join(label for label, one in zip(labels, free, strict=True) if one)
        raise RunError(
            f"the squares do not determine {names}: they may change together without a change of "
            "the residuals; fix one of them, or give more data"
        )
    whole: Array = (vectors / eigenvalues) @ vectors.T
    inverse: Array = whole / np.outer(scale, scale)
    return inverse


def _warn_off_minimum(slope: Array, inverse: Array, variance: float) -> None:
    fall = slope @ inverse @ slope / 2
    if fall > AT_REST * variance:
        warnings.warn(
            f"the run is not at a minimum: J would fall by {fall:.2g} more; its standard errors "
            "are those of the point where it ended",
            SymoptWarning,
            stacklevel=3,
        )


def _dataset(run: Run, bound: BoundObjective, covariance: Array, freedom: int) -> xr.Dataset:
    import xarray as xr

    labels = bound.sizes.labels()
    return xr.Dataset(
        {
            "estimate": ("param", np.array(run.theta)),
            "standard_error": ("param", np.sqrt(np.diag(covariance))),
            "covariance": (("param", "other"), covariance),
            "degrees_of_freedom": freedom,
        },
        coords={"param": labels, "other": labels},
    )
