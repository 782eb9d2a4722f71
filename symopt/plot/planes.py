"""Pictures of planes: of starts, by where runs end; of hyperparameters, by how fast they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, Normalize

from symopt.errors import RunError
from symopt.plot.style import COLOURS, axes_or_new, legend
from symopt.rule import Rule

if TYPE_CHECKING:
    import xarray as xr

NOWHERE = "#DDDDDD"  # where runs end at no attractor, or diverge


def basins(found: xr.Dataset, start: Any, ax: Axes | None = None) -> Axes:
    """Draw where runs end, over the plane of their starts.

    Parameters
    ----------
    found
        What ``so.measure.basin`` returns for runs of two parameters.
    start
        Their starts, shape (N, 2) in the order of the runs, or a DataArray with ``param``.
    ax
        Where to draw; a new figure if left out.

    Returns
    -------
    matplotlib.axes.Axes
        Starts that lie on a grid fill the plane, others are dots; a star marks each minimum, a
        cross every other attractor. Grey starts end nowhere.

    Raises
    ------
    RunError
        If starts and runs are not as many, or the parameters are not two.

    Examples
    --------
    >>> import symopt as so
    >>> J, start = so.parse("(x^2 - 1)^2 + y^2"), [[-1, 1], [1, 1], [-1, -1], [1, -1]]
    >>> study = so.sweep(J, so.gd(eta=0.05), start=start, steps=300)
    >>> so.plot.basins(so.measure.basin(J, study["gd"]), start).get_ylabel()
    'y'
    """
    points = np.asarray(getattr(start, "values", start), dtype=np.float64).reshape(-1, np.shape(start)[-1])
    labels = found["label"].values.ravel()
    if points.shape[1] != 2 or len(points) != len(labels):
        raise RunError(
            f"{len(labels)} runs and starts of shape {points.shape}; expected one start of two parameters a run"
        )
    ax = axes_or_new(ax, 5.6, 5.0)
    colours = ListedColormap([NOWHERE, *(COLOURS[k % len(COLOURS)] for k in range(max(found.sizes["attractor"], 1)))])
    limits = Normalize(-1.5, colours.N - 1.5)
    x, y = (np.unique(points[:, k]) for k in (0, 1))
    if len(x) * len(y) == len(points):
        order = np.lexsort((points[:, 0], points[:, 1]))
        ax.pcolormesh(
            x,
            y,
            labels[order].reshape(len(y), len(x)),
            cmap=colours,
            norm=limits,
            shading="nearest",
            alpha=0.55,
            rasterized=True,
        )
    else:
        ax.scatter(points[:, 0], points[:, 1], c=labels, cmap=colours, norm=limits, s=6, linewidths=0)
    for kind, marker in (("minimum", "*"), ("other", "X")):
        chosen = (found["eigenvalues"].min("direction") > 0).values == (kind == "minimum")
        ax.plot(
            *found["point"].values[chosen].T,
            marker,
            color="white",
            markeredgecolor="black",
            markersize=11,
            linestyle="none",
            label=kind if chosen.any() else "_",
        )
    names = found["param"].values if "param" in found.coords else ("theta[0]", "theta[1]")
    ax.set(xlabel=names[0], ylabel=names[1], xlim=(x[0], x[-1]), ylim=(y[0], y[-1]))
    return ax


def stability(
    factor: xr.DataArray,
    ax: Axes | None = None,
    *,
    boundary: Any = None,
    eigenvalue: float = 1.0,
    x: str = "eta",
    y: str = "beta",
) -> Axes:
    """Draw the measured factor per step over the plane of learning rate and momentum.

    Parameters
    ----------
    factor
        Over ``x`` and ``y``: below 1 runs converge; NaN or above 1 they diverge, and are grey.
    ax
        Where to draw; a new figure if left out.
    boundary
        A rule, whose limit for ``eigenvalue`` is derived from its equations, or the limits of x as
        an array over y; drawn dashed.
    eigenvalue
        The largest of the Hessian.
    x, y
        The dimensions.

    Raises
    ------
    RunError
        If the dimensions are not there, or nothing converged.

    Examples
    --------
    >>> import numpy as np, symopt as so
    >>> study = so.sweep(so.parse("x^2/2"), so.momentum(eta=[0.5, 3.0, 5.0], beta=[0.0, 0.5]), start=[1.0], steps=100)
    >>> factor = study["momentum"]["best_loss"] ** (1 / 200)
    >>> so.plot.stability(factor, boundary=so.momentum).get_ylabel()
    'beta'
    """
    if not hasattr(factor, "dims") or set(factor.dims) != {x, y}:
        raise RunError(
            f"factor has the dimensions {getattr(factor, 'dims', type(factor).__name__)}; expected {x} and {y}"
        )
    turned = factor.transpose(y, x)
    values = np.where(turned.values < 1, turned.values, np.nan)
    if not np.isfinite(values).any():
        raise RunError("no factor is below 1: nothing converged; try smaller learning rates")
    ax = axes_or_new(ax, 6.2, 4.4)
    ax.set_facecolor(NOWHERE)
    mesh = ax.pcolormesh(
        turned[x], turned[y], np.ma.masked_invalid(values), shading="nearest", cmap="viridis_r", vmax=1, rasterized=True
    )
    ax.figure.colorbar(mesh, ax=ax, label="factor per step (grey: diverges)")
    if boundary is not None:
        ax.plot(
            _boundary(boundary, turned[y].values, eigenvalue, x, y),
            turned[y],
            "--",
            color="#D55E00",
            linewidth=1.8,
            label="predicted limit",
        )
        legend(ax)
    ax.set(xlabel=x, ylabel=y, xlim=(turned[x].min(), turned[x].max()), ylim=(turned[y].min(), turned[y].max()))
    return ax


def _boundary(given: Any, along: Any, eigenvalue: float, x: str, y: str) -> Any:
    if not isinstance(given, Rule):
        limits = np.asarray(given, dtype=np.float64)
        if limits.shape != along.shape:
            raise RunError(
                f"boundary has shape {limits.shape}; expected a rule, or one limit for each of {len(along)} {y}"
            )
        return limits
    from symopt.theory import evaluate, stability_limit

    limit = stability_limit(given, wrt=x)
    return [evaluate(limit, given(**{y: float(value)}), **{"lambda": eigenvalue}) for value in along]
