"""Basins: to which stationary point each run went."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from symopt.cost import Cost
from symopt.errors import RunError
from symopt.floats import Array
from symopt.run import Run
from symopt.status import Status
from symopt.study import Study

if TYPE_CHECKING:
    import xarray as xr

POLISH = 60  # Newton steps: where the Hessian is 0 at the minimum, each takes a third off the error
LOST = (Status.DIVERGED, Status.NONFINITE)
SMALL = 1e-8  # of the largest slope or curvature seen: what counts as none
TOGETHER = 1e-4  # of the size of theta: how near polished points are one


def basin(cost: Cost, theta: Any, *, reach: float = 1.0) -> xr.Dataset:
    """Label where each run ended by the stationary point that it belongs to.

    Each end point is polished by Newton's steps on the symbolic Hessian, shortened until the
    gradient falls; polished points that lie together are one attractor; the signs of the Hessian's
    eigenvalues say what it is.

    Parameters
    ----------
    cost
        J, its constants given.
    theta
        The end points: a DataArray over (..., param) as ``study["gd"]["theta"]``, a study's
        Dataset, a Run, or an array of shape (N, n).
    reach
        How far polishing may move a point; one that would go farther had not come to rest.

    Returns
    -------
    xarray.Dataset
        Over the runs: ``label``, from 0 for the attractor with the smallest J, -1 for none; and
        ``kind``, "minimum", "saddle", "maximum", "degenerate" (an eigenvalue is 0), "not at rest"
        or "diverged". Over ``attractor``: ``point`` (with param), ``value`` of J, ``eigenvalues``
        (with direction), ``runs`` and their ``share`` of all.

    Raises
    ------
    RunError
        If theta does not fit the cost, or is empty.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("(x^2 - 1)^2 + x/5")
    >>> study = so.sweep(J, so.gd(eta=0.05), start=[[-2.0], [-0.5], [0.5], [2.0]], steps=500)
    >>> ends = so.measure.basin(J, study["gd"])
    >>> ends["label"].values.tolist(), ends["point"].values.ravel().round(3).tolist()
    ([0, 0, 1, 1], [-1.024, 0.974])
    """
    ends = _ends(theta)
    points = ends.values.reshape(-1, ends.sizes["param"])
    points = np.where(_lost(theta, len(points))[:, None], np.nan, points)
    polished, rested = _polished(cost, points, reach)
    labels, centres = _together(cost, polished, rested)
    values, eigenvalues = _facts(cost, centres, points)
    kinds = np.array(_kinds(eigenvalues), dtype=object)
    finite = np.isfinite(points).all(axis=1)
    lost = np.where(finite, "not at rest", "diverged").astype(object)
    found = np.where(labels >= 0, kinds[labels] if len(kinds) else "", lost).astype(str)
    return _dataset(ends, labels, found, centres, values, eigenvalues)


def _ends(theta: Any) -> xr.DataArray:
    import xarray as xr

    if isinstance(theta, Study):
        raise RunError(f'a Study was given; give one rule\'s Dataset: study["{next(iter(theta), "adam")}"]')
    if isinstance(theta, Run):
        theta = xr.DataArray(theta.theta, dims="param", coords={"param": theta.labels})
    if isinstance(theta, xr.Dataset):
        theta = theta["theta"]
    if not isinstance(theta, xr.DataArray):
        array = np.asarray(theta, dtype=np.float64)
        theta = xr.DataArray(array, dims=("run", "param")[-array.ndim :] if 0 < array.ndim < 3 else None)
    if "param" not in theta.dims or not theta.size:
        raise RunError(f"theta has the dimensions {theta.dims} and {theta.size} numbers; expected (..., param)")
    ends: xr.DataArray = theta.transpose(..., "param")
    return ends


def _lost(theta: Any, count: int) -> npt.NDArray[np.bool_]:
    """Return which runs diverged or left the finite numbers, where their status is known."""
    if isinstance(theta, Run):
        return np.array([theta.status in LOST])
    if hasattr(theta, "data_vars") and "status" in theta:
        return np.isin(theta["status"].values.ravel(), [status.value for status in LOST])
    return np.zeros(count, dtype=bool)


def _polished(cost: Cost, points: Array, reach: float) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Return the points after Newton's steps, and which have come to rest within reach."""
    theta, rested = points.copy(), np.zeros(len(points), dtype=bool)
    live = np.flatnonzero(np.isfinite(points).all(axis=1))
    if not len(live):
        return theta, rested
    slope = np.linalg.norm(cost.grad(theta[live]), axis=1)
    scale = max(float(np.abs(cost.hessian(theta[live])).max()), 1e-300)
    for _ in range(POLISH):
        moving = live[slope > 1e-15 * scale]
        if not len(moving):
            break
        theta[moving], slope[slope > 1e-15 * scale] = _step(cost, theta[moving])
    moved = np.linalg.norm(theta - points, axis=1)
    rested[live] = (slope <= SMALL * scale) & (moved[live] <= reach)
    return theta, rested


def _step(cost: Cost, theta: Array) -> tuple[Array, Array]:
    """Return the points after one Newton step, halved where the gradient would not fall, and its norms."""
    gradient = cost.grad(theta)
    before = np.linalg.norm(gradient, axis=1)
    curvature, directions = np.linalg.eigh(cost.hessian(theta))
    tiny = np.abs(curvature) <= 1e-14 * np.abs(curvature).max(axis=1, keepdims=True)
    along = np.einsum("kji,kj->ki", directions, gradient)
    step = np.einsum("kij,kj->ki", directions, np.where(tiny, 0.0, along / np.where(tiny, 1.0, curvature)))
    new, norms = theta.copy(), before.copy()
    left = np.arange(len(theta))
    for halvings in range(20):
        tried = theta[left] - step[left] / 2**halvings
        after = np.linalg.norm(cost.grad(tried), axis=1)
        better = after < before[left]
        new[left[better]], norms[left[better]] = tried[better], after[better]
        left = left[~better]
        if not len(left):
            break
    return new, norms


def _together(cost: Cost, theta: Array, rested: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], Array]:
    """Return the label of each point, and the attractors in the order of J: points linked by nearness are one."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    labels = np.full(len(theta), -1)
    kept = theta[rested]
    if not len(kept):
        return labels, np.empty((0, theta.shape[1]))
    pairs = cKDTree(kept).query_pairs(TOGETHER * (1 + np.abs(kept).max()), output_type="ndarray")
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(kept), len(kept)))
    count, group = connected_components(graph, directed=False)
    centres = np.stack([np.median(kept[group == k], axis=0) for k in range(count)])
    order = np.lexsort((*centres.T[::-1], cost.value(centres).round(12)))
    rank = np.empty(count, dtype=np.int64)
    rank[order] = np.arange(count)
    labels[rested] = rank[group]
    return labels, centres[order]


def _facts(cost: Cost, centres: Array, points: Array) -> tuple[Array, Array]:
    """Return J and the eigenvalues at the attractors; eigenvalues that are small beside those of the runs are 0."""
    if not len(centres):
        return np.empty(0), np.empty((0, centres.shape[1]))
    eigenvalues = np.linalg.eigvalsh(cost.hessian(centres))
    finite = points[np.isfinite(points).all(axis=1)]
    scale = max(float(np.abs(cost.hessian(finite)).max()), float(np.abs(eigenvalues).max()))
    return np.asarray(cost.value(centres)), np.where(np.abs(eigenvalues) <= SMALL * scale, 0.0, eigenvalues)


def _kinds(eigenvalues: Array) -> list[str]:
    return [
        "degenerate" if (row == 0).any() else "minimum" if row[0] > 0 else "maximum" if row[-1] < 0 else "saddle"
        for row in eigenvalues
    ]


def _dataset(
    ends: xr.DataArray, labels: npt.NDArray[np.int64], kinds: npt.NDArray[Any], centres: Array, values: Array,
    eigenvalues: Array,
) -> xr.Dataset:  # fmt: skip
    import xarray as xr

    shape = ends.isel(param=0, drop=True)
    count = np.bincount(labels[labels >= 0], minlength=len(centres))
    variables: dict[str, Any] = {
        "label": (shape.dims, labels.reshape(shape.shape)),
        "kind": (shape.dims, kinds.reshape(shape.shape)),
        "point": (("attractor", "param"), centres),
        "value": ("attractor", values),
        "eigenvalues": (("attractor", "direction"), eigenvalues),
        "runs": ("attractor", count),
        "share": ("attractor", count / max(len(labels), 1)),
    }
    result = xr.Dataset(variables, coords=shape.coords)
    return result.assign_coords(param=ends["param"]) if "param" in ends.coords else result
