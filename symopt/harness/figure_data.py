"""The numbers that a figure shows, read off what was drawn."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO
from itertools import count
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import Collection, LineCollection, PathCollection, QuadMesh
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle, StepPatch
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter
from numpy.typing import NDArray

COLUMNS = ("axes", "artist", "label", "x", "y", "value")
Points = tuple[Any, Any, Any]  # x, y, and a value or None


def table(figure: Figure) -> bytes:
    """Return what a figure shows as CSV, one point a line: axes, artist, label, x, y, value.

    Lines, areas, points, bars, meshes, images and contours are read. A coordinate that is not in
    the units of the axes is empty, as the height of a vertical line across them; a value is a
    colour's. Names that stand beside ticks are artists of their own.

    Examples
    --------
    >>> figure = Figure()
    >>> _ = figure.subplots().bar(["gd", "adam"], [30, 20])
    >>> print(table(figure).decode())
    axes,artist,label,x,y,value
    axes 1,bar 1,,0.0,30.0,
    axes 1,bar 2,,1.0,20.0,
    axes 1,x tick,gd,0.0,,
    axes 1,x tick,adam,1.0,,
    <BLANKLINE>
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for name, ax in _axes(figure):
        for artist, label, points in _artists(ax):
            writer.writerows((name, artist, label, *point) for point in _lines(points))
    return text.getvalue().encode()


def _axes(figure: Figure) -> Iterator[tuple[str, Any]]:
    """Yield axes by title, or by what stands beside them; colour bars show nothing of their own."""
    seen: set[str] = set()
    every: list[Any] = []
    for outer in figure.axes:
        every += [outer, *outer.child_axes]
    for k, ax in enumerate((ax for ax in every if ax.get_label() != "<colorbar>"), 1):
        beside = " / ".join(filter(None, (ax.get_xlabel(), ax.get_ylabel())))
        name = ax.get_title() or ax.get_title("left") or beside or f"axes {k}"
        if name in seen:
            name = f"{name} ({k})"
        seen.add(name)
        yield name, ax


def _artists(ax: Axes) -> Iterator[tuple[str, str, Points]]:
    """Yield every artist of the axes that shows data, with its label and its points."""
    numbers: dict[str, Iterator[int]] = {}
    for one in (*ax.lines, *ax.collections, *ax.patches, *ax.images):
        for kind, points in _read(one):
            label = str(one.get_label() or "")
            shown = _in_data_units(one, ax, points)
            if shown is not None:
                number = next(numbers.setdefault(kind, count(1)))
                yield f"{kind} {number}", "" if label.startswith("_") else label, shown
    yield from _tick_names(ax)


def _read(one: Artist) -> Iterator[tuple[str, Points]]:
    match one:
        case Collection():
            yield from _collection(one)
        case StepPatch():
            values, edges, _ = one.get_data()
            yield "stairs", (edges[:-1], values, None)
        case Rectangle():
            (left, bottom), width, height = one.get_xy(), one.get_width(), one.get_height()
            yield "bar", (left + width / 2, bottom + height, None)
        case Patch():
            yield "patch", (*one.get_patch_transform().transform(one.get_path().vertices).T, None)
        case AxesImage():
            yield "image", _image(one)
        case Line2D():
            yield "line", (one.get_xdata(orig=False), one.get_ydata(orig=False), None)


def _collection(one: Collection) -> Iterator[tuple[str, Points]]:
    """Yield levels, cells, segments, points, or the outlines of areas."""
    offsets = _filled(one.get_offsets())
    match one:
        case ContourSet():
            for level, path in zip(one.levels, one.get_paths(), strict=False):
                for piece in path.to_polygons(closed_only=False):
                    yield "contour", (*_filled(piece).T, level)
        case QuadMesh():
            yield "mesh", _mesh(one)
        case LineCollection():
            for segment in one.get_segments():
                yield "segment", (*np.asarray(segment).reshape(-1, 2).T, None)
        case _ if isinstance(one, PathCollection) or len(offsets) > 1:  # one outline at many places
            yield "points", (*offsets.T, one.get_array())
        case _:
            for path in one.get_paths():
                yield "area", (*_filled(path.vertices).T, None)


def _mesh(one: QuadMesh) -> Points:
    """Return the middles of the cells, or the corners where these have the colours."""
    corners, values = _filled(one.get_coordinates()), one.get_array()
    middles = (corners[:-1, :-1] + corners[1:, :-1] + corners[:-1, 1:] + corners[1:, 1:]) / 4
    places = middles
    if values is not None and values.size == corners[..., 0].size:
        places = corners
    return places[..., 0], places[..., 1], values


def _image(one: AxesImage) -> Points:
    values = _filled(one.get_array())
    rows, columns = values.shape[:2]
    left, right, bottom, top = one.get_extent()
    if one.origin == "upper":
        first, last = (top, bottom)
    else:
        first, last = (bottom, top)
    x = left + (np.arange(columns) + 0.5) / columns * (right - left)
    y = first + (np.arange(rows) + 0.5) / rows * (last - first)
    return x[None, :], y[:, None], values if values.ndim == 2 else None


def _in_data_units(one: Artist, ax: Axes, points: Points) -> Points | None:
    """Return points without a coordinate that is not the axes' own; None where no coordinate is."""
    x, y, value = points
    scattered = isinstance(one, PathCollection) or (
        isinstance(one, Collection) and np.size(one.get_offsets()) > 2
    )
    transform = one.get_offset_transform() if scattered else one.get_transform()  # type: ignore[attr-defined]
    along, up = transform.contains_branch_seperately(ax.transData)  # Matplotlib's spelling
    if not along and not up:
        return None
    if not along:
        x = None
    if not up:
        y = None
    return x, y, value


def _tick_names(ax: Axes) -> Iterator[tuple[str, str, Points]]:
    for kind, axis in (("x tick", ax.xaxis), ("y tick", ax.yaxis)):
        for place, name in _named(axis):
            yield kind, name, (place, None, None) if kind == "x tick" else (None, place, None)


def _named(axis: Axis) -> Iterator[tuple[float, str]]:
    """Yield where names stand instead of numbers: given ones, or categories."""
    formatter = axis.get_major_formatter()
    if isinstance(formatter, FixedFormatter | FuncFormatter) and isinstance(
        axis.get_major_locator(), FixedLocator
    ):
        places = axis.get_majorticklocs().tolist()
        yield from zip(places, formatter.format_ticks(places), strict=True)
    elif hasattr(axis.units, "_mapping"):
        yield from ((place, str(name)) for name, place in axis.units._mapping.items())


def _lines(points: Points) -> Iterator[tuple[str, ...]]:
    given = [None if part is None else _filled(part) for part in points]
    shape = np.broadcast_shapes(*(part.shape for part in given if part is not None))
    columns = [
        None if part is None else np.broadcast_to(part, shape).ravel().tolist() for part in given
    ]
    for k in range(int(np.prod(shape))):
        yield tuple("" if column is None else repr(column[k]) for column in columns)


def _filled(numbers: Any) -> NDArray[np.float64]:
    """Return numbers, NaN where they are masked."""
    return np.ma.filled(np.ma.asarray(numbers, float), np.nan)
