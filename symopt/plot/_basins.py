"""The plane of starts, coloured by where the runs end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from symopt.costs.cost import Cost
from symopt.errors import RunError
from symopt.plot._inputs import not_empty
from symopt.plot._stability import add_legend_patch, cell_edges, fill_cells
from symopt.plot._style import COLOURS, drawn_on, legend, lighten, limits_kept
from symopt.plot._trajectory import contours
from symopt.validation import Array

if TYPE_CHECKING:
    import xarray as xr

AREAS = [
    colour for colour in COLOURS if colour != "#000000"
]  # seven: a tint of black would be the grey of the others
MARKS = {"minimum": "o", "saddle": "X", "maximum": "^", "degenerate": "s"}


@dataclass(frozen=True)
class _Group:
    """Runs of one colour; those of an attractor have a place to mark."""

    label: str
    colour: Any
    runs: npt.NDArray[np.bool_]
    place: Array | None = None
    mark: str = "s"


def basins(
    found: xr.Dataset,
    start: npt.ArrayLike | xr.DataArray | None = None,
    ax: Axes | None = None,
    *,
    cost: Cost | None = None,
) -> Axes:
    """Draw the plane of starts, coloured by the attractor at which the run from each start ends.

    Parameters
    ----------
    found
        What ``so.measure.basin`` returns of runs on a cost of two parameters.
    start
        Where the runs started: shape (N, 2), or a DataArray over the dimensions of the runs and
        ``param``. It may be left out where the runs lie on a grid whose dimensions are named as the
        parameters, such as x and y or x0 and y0, with the starts as their coordinates.
    ax
        Where to draw; a new figure if left out.
    cost
        J, to draw its contours too.

    Returns
    -------
    matplotlib.axes.Axes
        A grid of starts is drawn as cells, scattered ones as points. Attractors are marked by what
        they are: minima by a disc, saddles by a cross, maxima by a triangle. The seven with the
        most runs have colours of their own; white are runs that diverged, grey those that did not
        come to rest. Shares of the runs stand in the legend.

    Raises
    ------
    RunError
        If the starts are not points of a plane, or no run came to rest.

    Examples
    --------
    >>> import numpy as np, symopt as so, xarray as xr
    >>> J = so.parse("(x^2 - 1)^2 + y^2")
    >>> side = np.linspace(-2, 2, 20)
    >>> x, y = (xr.DataArray(side, dims=d, coords={d: side}) for d in "xy")
    >>> starts = xr.concat(xr.broadcast(x, y), "param").transpose("x", "y", "param")
    >>> study = so.sweep(J, so.gd(eta=0.02), starts, steps=500)
    >>> ax = so.plot.basins(so.measure.basin(J, study["gd"]))
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['minimum (-1, 0): 50 %', 'minimum (1, 0): 50 %']
    """
    label, names = _check_ends(found)
    if start is None:
        points = _grid(label, names)
    else:
        points = _points(label, start)
    groups = _groups(found, label.values)
    with drawn_on(ax, 7.2) as axes:
        _cells_or_points(axes, points, groups)
        with limits_kept(axes):
            if cost is not None:
                contours(cost, (*axes.get_xlim(), *axes.get_ylim()), axes, colour="0.45", zorder=1)
            for group in groups:
                _mark(axes, group)
        axes.set_xlabel(f"{names[0]} at the start")
        axes.set_ylabel(f"{names[1]} at the start")
        legend(axes, beside=True)
    return axes


def _check_ends(ends: Any) -> tuple[xr.DataArray, list[str]]:
    """Return the labels of the runs, and the names of the two parameters."""
    if not hasattr(ends, "data_vars") or not {"label", "kind", "point"} <= set(ends.data_vars):
        raise RunError(
            f"basins was given a {type(ends).__name__}; expected what so.measure.basin(cost, "
            "theta) returns"
        )
    if ends.sizes["param"] != 2:
        raise RunError(
            f"basins are drawn for two parameters; these runs have {ends.sizes['param']}"
        )
    not_empty(ends["label"], "the runs")
    if not (ends["label"] >= 0).any():
        kinds, counts = np.unique(ends["kind"].values, return_counts=True)
        found = ", ".join(f"{count} {kind}" for kind, count in zip(kinds, counts, strict=True))
        raise RunError(
            f"no run came to rest at an attractor ({found}); give more steps or a smaller learning "
            "rate"
        )
    if "param" in ends.coords:
        names = [str(name) for name in ends["param"].values]
    else:
        names = ["θ₀", "θ₁"]
    return ends["label"], names


def _grid(label: xr.DataArray, names: list[str]) -> Array:
    """Return the starts, shape (..., 2), from dimensions that are named as the parameters."""
    plain = {
        re.sub(r"^start_?|_?(0|start)$", "", str(dim)): dim
        for dim in label.dims
        if dim in label.coords
    }
    if label.ndim != 2 or set(plain) != set(names):
        raise RunError(
            f"the runs have the dimensions {', '.join(map(str, label.dims)) or 'none'}; expected a "
            "grid over "
            f"{names[0]} and {names[1]} with coordinates, or start=, of shape (N, 2)"
        )
    import xarray as xr

    chosen = [
        label.coords[plain[name]].broadcast_like(label).transpose(*label.dims) for name in names
    ]
    return np.asarray(
        xr.concat([one.drop_vars(one.coords) for one in chosen], "param").values
    ).transpose(1, 2, 0)


def _points(label: xr.DataArray, starts: Any) -> Array:
    """Return starts that were given, shape (..., 2), in the order of the runs."""
    if hasattr(starts, "dims") and {*label.dims, "param"} == set(starts.dims):
        starts = starts.transpose(*label.dims, "param").values
    try:
        points = np.asarray(starts, dtype=np.float64)
    except (TypeError, ValueError):
        raise RunError(
            f"start is a {type(starts).__name__}; expected numbers of shape {(*label.shape, 2)}"
        ) from None
    if points.shape != (*label.shape, 2):
        raise RunError(
            f"start has shape {points.shape}; expected {(*label.shape, 2)}, a point for each run "
            "over "
            f"{', '.join(map(str, label.dims))}: choose one place along other dimensions, as in "
            ".isel(eta=0)"
        )
    return points


def _groups(ends: xr.Dataset, label: npt.NDArray[Any]) -> list[_Group]:
    """Return the runs by where they ended, in the order of the legend."""
    counts = np.bincount(label[label >= 0], minlength=ends.sizes["attractor"])
    shown = sorted(np.argsort(-counts, kind="stable")[: len(AREAS)])
    kinds = ends["kind"].values
    groups = []
    for colour, k in zip(AREAS, shown, strict=False):
        runs, place = label == k, ends["point"].values[k]
        if runs.any():
            kind = str(kinds[runs][0])
            name = f"{kind} ({', '.join(_short(x) for x in place)})"
            groups.append(
                _Group(f"{name}: {_percent(runs)}", colour, runs, place, MARKS.get(kind, "s"))
            )
    rest = (label >= 0) & ~np.isin(label, shown)
    others = [
        ("other attractors", "0.55", rest),
        *((kind, colour, kinds == kind) for kind, colour in LOST.items()),
    ]
    return groups + [
        _Group(f"{name}: {_percent(runs)}", colour, runs)
        for name, colour, runs in others
        if runs.any()
    ]


LOST = {"not at rest": "0.85", "diverged": "1.0"}


def _percent(runs: npt.NDArray[np.bool_]) -> str:
    share = 100 * runs.mean()
    if share >= 1:
        return f"{share:.0f} %"
    return f"{share:.1g} %"


def _short(x: float) -> str:
    if abs(x) > 1e-6:
        return f"{x + 0.0:.3g}"
    return "0"


def _cells_or_points(ax: Axes, points: Array, groups: list[_Group]) -> None:
    sides = _sides(points)
    area = float(np.clip(2e4 / points[..., 0].size, 4, 40))
    for group in groups:
        if sides is not None:
            # so that marks show
            if group.place is None:
                colour = group.colour
            else:
                colour = lighten(group.colour)
            fill_cells(ax, sides[:2], group.runs.T if sides[2] else group.runs, colour=colour)
        else:
            edge = "0.5"
            if group.place is not None:
                edge = "none"
            x, y = points[group.runs].T
            ax.scatter(
                x, y, s=area, color=[group.colour], edgecolors=edge, linewidths=0.4, zorder=1
            )


def _sides(points: Array) -> tuple[Array, Array, bool] | None:
    """Return the borders of cells along x and y, or None for scattered starts."""
    if points.ndim != 3 or min(points.shape[:2]) < 2:
        return None
    for turned in (True, False):
        if turned:
            x, y = (points[:, 0, 0], points[0, :, 1])
        else:
            x, y = (points[0, :, 0], points[:, 0, 1])
        grid = np.stack(np.meshgrid(x, y, indexing="ij" if turned else "xy"), axis=-1)
        if np.array_equal(grid, points) and (np.diff(x) > 0).all() and (np.diff(y) > 0).all():
            return cell_edges(x), cell_edges(y), turned
    return None


def _mark(ax: Axes, group: _Group) -> None:
    """Mark an attractor, and enter the group into the legend."""
    if group.place is None:
        add_legend_patch(ax, group.colour, group.label)
        return
    look: dict[str, Any] = {
        "color": group.colour,
        "markeredgecolor": "black",
        "markeredgewidth": 0.8,
        "markersize": 8,
    }
    ax.plot(*group.place, group.mark, linestyle="", label=group.label, zorder=5, **look)
