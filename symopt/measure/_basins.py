"""Basins: to which stationary point each run went."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from symopt.costs.cost import Cost
from symopt.costs.points import Flat
from symopt.errors import RunError, SymoptWarning
from symopt.measure._proportions import wilson
from symopt.measure._trajectories import check_size, refuse_study
from symopt.runs.datasets import over_runs
from symopt.runs.result import Run
from symopt.runs.termination import Status
from symopt.validation import Array, check_number

if TYPE_CHECKING:
    import xarray as xr

POLISH = 60  # Newton steps: where the Hessian is 0 at the minimum, each takes a third off the error
HALVINGS = 20  # of a Newton step, until the gradient falls
LOST = (Status.DIVERGED.value, Status.NONFINITE.value)
SMALL = 1e-8  # of the largest curvature on the way: what counts as no slope, or as no curvature
ROUND = 1e-13  # of J: a rise that is rounding
AT_REST = 1e-13  # of the size of theta: a Newton step after which no further one is taken

Ends: TypeAlias = "Run | xr.Dataset | xr.DataArray | npt.ArrayLike"
"""Where runs ended: of a study's dataset, of a run, or points."""


def basin(cost: Cost, theta: Ends, *, reach: float = 1.0, apart: float = 1e-4) -> xr.Dataset:
    """Label where each run ended by the stationary point that it belongs to.

    Each end point is polished by Newton's steps on the symbolic Hessian, halved until |grad J|
    falls; polished points that lie together are one attractor; the signs of the Hessian's
    eigenvalues say what it is.

    Parameters
    ----------
    cost
        J, its constants given.
    theta
        The end points: a study's Dataset, whose ``theta`` and ``status`` are taken; a DataArray
        over (..., param); a Run; or an array of shape (N, n) or (n,).
    reach
        How far polishing may move a point, in the units of theta; one that would go farther had
        not come to rest.
    apart
        How far apart two polished points are, for each coordinate x relative to sqrt(1 + x^2),
        before they are two attractors (between one and two times this, either may be).

    Returns
    -------
    xarray.Dataset
        Over the runs: ``label``, from 0 for the attractor with the smallest J, -1 for none; and
        ``kind``, "minimum", "saddle", "maximum", "degenerate" (an eigenvalue is below 1e-8 of the
        largest curvature between end point and attractor), "not at rest" or "diverged". Over
        ``attractor``: ``point`` (with param), ``value`` of J, ``eigenvalues`` (with direction,
        ascending), ``runs``, and their ``share`` of all with Wilson's 95 % interval ``low`` to
        ``high``; ``n`` is how many runs there are.

    Raises
    ------
    RunError
        If theta does not fit the cost, or is empty.

    Notes
    -----
    Newton's steps go to a point without slope nearby, be it a maximum. A run belongs to it only
    where gradient flow could go there: not uphill (by more than J bends over the distance
    ``apart``), and not from beside a saddle or maximum, farther than ``apart`` along a direction in
    which J falls. So a saddle is the label of runs that stand on it or come to it along its stable
    manifold; those on their way from it are "not at rest", as are those at a kink, which has no
    Hessian. A continuum of minima falls into as many attractors as runs leave gaps in it that are
    wider than ``apart``; one minimum flatter than x^4 does too unless ``apart`` is 0.01 or so, as
    rounding hides its place.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("(x^2 - 1)^2 + x/5")
    >>> study = so.sweep(J, so.gd(eta=0.05), start=[[-2.0], [-0.5], [0.5], [2.0]], steps=500)
    >>> ends = so.measure.basin(J, study["gd"])
    >>> ends["label"].values.tolist(), ends["point"].values.ravel().round(3).tolist()
    ([0, 0, 1, 1], [-1.024, 0.974])
    """
    if not isinstance(cost, Cost):
        raise RunError(
            f"basin was given {type(cost).__name__} as the cost; expected a Cost, as in basin(J, "
            "theta)"
        )
    limits = check_number(reach, "reach", least=0), check_number(apart, "apart", above=0)
    ends = _ends(theta)
    check_size(ends, cost)
    known = np.isfinite(ends.values).all(axis=-1).ravel() & ~_lost(theta, ends)
    points = ends.values.reshape(len(known), -1)[known]
    polished = _polish(cost, points)
    rested = _came_to_rest(cost, points, polished, *limits)
    labels, kinds = np.full(len(known), -1), np.full(len(known), "diverged", dtype="<U11")
    attractors = _together(cost, polished.theta[rested], polished.scale[rested], apart=limits[1])
    kinds[known] = "not at rest"
    own = np.flatnonzero(known)[rested]
    labels[own] = attractors.labels
    kinds[own] = attractors.kinds[attractors.labels]
    return _dataset(ends, labels, kinds, found=attractors)


def _ends(theta: Any) -> xr.DataArray:
    import xarray as xr

    refuse_study(theta)
    if isinstance(theta, Run):
        theta = xr.DataArray(theta.theta, dims="param", coords={"param": theta.labels})
    if isinstance(theta, xr.Dataset):
        theta = theta.get("theta", xr.DataArray(np.empty(0)))
    if not isinstance(theta, xr.DataArray):
        try:
            array = np.asarray(theta, dtype=np.float64)
        except (TypeError, ValueError):
            raise RunError(
                f"theta={theta!r}; expected points, as numbers of shape (N, n)"
            ) from None
        theta = xr.DataArray(
            array, dims=("run", "param")[-array.ndim :] if 0 < array.ndim < 3 else None
        )
    if "param" not in theta.dims or not theta.size:
        raise RunError(
            f"theta has the dimensions {theta.dims} and {theta.size} numbers; expected (..., param)"
        )
    ends: xr.DataArray = theta.transpose(..., "param")
    return ends


def _lost(theta: Any, ends: xr.DataArray) -> npt.NDArray[np.bool_]:
    """Return which runs diverged or left the finite numbers, where their status is known."""
    if isinstance(theta, Run):
        return np.array([theta.status.value in LOST])
    if hasattr(theta, "data_vars") and "status" in theta:
        return np.isin(theta["status"].transpose(*ends.dims[:-1]).values.ravel(), LOST)
    return np.zeros(ends.size // ends.sizes["param"], dtype=bool)


@dataclass(frozen=True)
class _Polished:
    """Points after Newton's steps, |grad J| there, and the largest curvature on the way."""

    theta: Array
    slope: Array
    scale: Array


def _polish(cost: Cost, points: Array) -> _Polished:
    theta = points.copy()
    scale, moving = _curvature(cost, theta), np.arange(len(theta))
    for _ in range(POLISH):
        if not len(moving):
            break
        new = _step(cost, theta[moving])
        moved = np.abs(new - theta[moving]).max(axis=1)
        theta[moving] = new
        moving = moving[moved > AT_REST * (1 + np.abs(new).max(axis=1))]
    scale = np.maximum(scale, _curvature(cost, theta))
    return _Polished(theta, np.linalg.norm(cost.grad(Flat(theta)), axis=1), scale)


def _hessian(cost: Cost, theta: Any) -> Array:
    """Return the Hessians, NaN at kinks: there a run comes to no rest that is measured."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SymoptWarning)
        return cost.hessian(theta)


def _curvature(cost: Cost, theta: Array) -> Array:
    return np.asarray(np.abs(_hessian(cost, Flat(theta))).max(axis=(1, 2)))


def _step(cost: Cost, theta: Array) -> Array:
    """Take one Newton step from each point, halved until |grad J| falls."""
    gradient, hessian = cost.grad(Flat(theta)), _hessian(cost, Flat(theta))
    usable = np.flatnonzero(
        np.isfinite(gradient).all(axis=1) & np.isfinite(hessian).all(axis=(1, 2))
    )
    curvature, directions = np.linalg.eigh(hessian[usable])
    level = np.abs(curvature) <= 1e-14 * np.abs(curvature).max(
        axis=1, keepdims=True
    )  # no way to go along these
    along = np.einsum("kji,kj->ki", directions, gradient[usable])
    step = np.einsum(
        "kij,kj->ki", directions, np.where(level, 0.0, along / np.where(level, 1.0, curvature))
    )
    before, new = np.linalg.norm(gradient[usable], axis=1), theta.copy()
    left = np.arange(len(usable))
    for halvings in range(HALVINGS):
        tried = theta[usable[left]] - step[left] / 2**halvings
        better = np.linalg.norm(cost.grad(Flat(tried)), axis=1) < before[left]
        new[usable[left[better]]] = tried[better]
        left = left[~better]
        if not len(left):
            break
    return new


def _came_to_rest(
    cost: Cost, points: Array, polished: _Polished, reach: float, apart: float
) -> npt.NDArray[np.bool_]:
    """Return which points came to rest: no slope, near where they were, not uphill."""
    size = 1 + np.linalg.norm(points, axis=1)
    near = np.linalg.norm(polished.theta - points, axis=1) <= reach
    before, after = cost.value(Flat(points)), cost.value(Flat(polished.theta))
    uphill = after - before > polished.scale * (apart * size) ** 2 / 2 + ROUND * (
        1 + np.abs(before)
    )
    flat = polished.slope <= SMALL * polished.scale * size
    rested = np.asarray(flat & near & ~uphill & np.isfinite(polished.scale))  # NaN is in no order
    rested[rested] = ~_leaving(
        cost, points[rested], polished.theta[rested], allowed=apart * size[rested]
    )
    return rested


def _leaving(cost: Cost, points: Array, rests: Array, allowed: Array) -> npt.NDArray[np.bool_]:
    """Return which points are off a place of rest in a direction in which J falls."""
    curvature, directions = np.linalg.eigh(_hessian(cost, Flat(rests)))
    falling = curvature < -SMALL * np.abs(curvature).max(axis=1, keepdims=True)
    off = np.abs(np.einsum("kji,kj->ki", directions, points - rests))
    return np.asarray((np.where(falling, off, 0.0) > allowed[:, None]).any(axis=1))


@dataclass(frozen=True)
class _Attractors:
    """The attractors in the order of J, and the label of each point that went to one."""

    labels: npt.NDArray[np.int64]
    points: Array
    values: Array
    eigenvalues: Array

    @property
    def kinds(self) -> npt.NDArray[np.str_]:
        return np.array([_kind(row) for row in self.eigenvalues], dtype="<U11")


def _together(cost: Cost, theta: Array, scale: Array, apart: float) -> _Attractors:
    """Return the attractors: points linked by nearness are one."""
    if not len(theta):
        n = theta.shape[1]
        return _Attractors(
            np.empty(0, dtype=np.int64), np.empty((0, n)), np.empty(0), np.empty((0, n))
        )
    groups = _groups(theta, apart)
    by_group = np.argsort(groups, kind="stable")
    centres = np.stack(
        [_middle(own) for own in np.split(theta[by_group], np.cumsum(np.bincount(groups))[:-1])]
    )
    values = np.asarray(cost.value(Flat(centres)))
    # equal values and coordinates differ by rounding, which must not decide the order
    coarse = np.round(values / max(1.0, float(np.abs(values).max())), 12)
    order = np.lexsort((*np.round(np.arcsinh(centres) / apart).T[::-1], coarse))
    labels = np.argsort(order)[groups]
    largest = np.zeros(len(order))
    np.maximum.at(largest, labels, scale)
    eigenvalues = np.linalg.eigvalsh(_hessian(cost, Flat(centres[order])))
    zero = np.abs(eigenvalues) <= SMALL * largest[:, None]
    return _Attractors(labels, centres[order], values[order], np.where(zero, 0.0, eigenvalues))


def _middle(points: Array) -> Array:
    """Return the point nearest to the median, which lies on a curve of minima as they do."""
    away = np.linalg.norm(points - np.median(points, axis=0), axis=1)
    return np.asarray(points[away.argmin()])


def _groups(theta: Array, apart: float) -> npt.NDArray[np.int64]:
    """Number the groups of points: cells of side ``apart`` that touch are one group."""
    cells, inverse = np.unique(np.round(np.arcsinh(theta) / apart), axis=0, return_inverse=True)
    pairs = cKDTree(cells).query_pairs(1.0, p=np.inf, output_type="ndarray")
    graph = coo_array(
        (np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(cells), len(cells))
    )
    _, group = connected_components(graph, directed=False)
    return np.asarray(group[inverse.ravel()], dtype=np.int64)


def _kind(eigenvalues: Array) -> str:
    if (eigenvalues == 0).any():
        return "degenerate"
    if eigenvalues[0] > 0:
        return "minimum"
    if eigenvalues[-1] < 0:
        return "maximum"
    return "saddle"


def _dataset(
    ends: xr.DataArray,
    labels: npt.NDArray[np.int64],
    kinds: npt.NDArray[np.str_],
    found: _Attractors,
) -> xr.Dataset:
    import xarray as xr

    shape = ends.isel(param=0, drop=True)
    runs = np.bincount(labels[labels >= 0], minlength=len(found.values))
    low, high = wilson(runs, len(labels), 0.95)
    variables: dict[str, Any] = {
        "label": over_runs(shape, labels),
        "kind": over_runs(shape, kinds),
        "point": (("attractor", "param"), found.points),
        "value": ("attractor", found.values),
        "eigenvalues": (("attractor", "direction"), found.eigenvalues),
        "runs": ("attractor", runs),
        "share": ("attractor", runs / len(labels)),
        "low": ("attractor", low),
        "high": ("attractor", high),
        "n": len(labels),
    }
    result = xr.Dataset(variables, coords=shape.coords)
    if "param" in ends.coords:
        return result.assign_coords(param=ends["param"])
    return result
