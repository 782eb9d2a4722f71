"""A figure as files: SVG, PDF and PNG, and the numbers that it shows as CSV."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from symopt.harness.figure_data import table

DPI = 150
MANY = 3000  # shapes, beyond which they are pixels among vectors


@dataclass(frozen=True)
class Picture:
    """A figure in four forms, and its size in a page's pixels."""

    svg: bytes
    pdf: bytes
    png: bytes
    csv: bytes
    size: tuple[int, int]

    @property
    def files(self) -> dict[str, bytes]:
        """The contents by the ending of the file."""
        return {"svg": self.svg, "pdf": self.pdf, "png": self.png, "csv": self.csv}


def pictures(figures: Mapping[str, Any], salt: str = "") -> dict[str, Picture]:
    """Return figures as pictures, by names that can be names of files.

    Raises
    ------
    TypeError
        If what is given is no mapping of Matplotlib's figures.

    Examples
    --------
    >>> figure = Figure()
    >>> _ = figure.subplots().plot([1, 2], [3, 5], label="rise")
    >>> made = pictures({"up/down": figure})
    >>> print(made["up-down"].csv.decode())
    axes,artist,label,x,y,value
    axes 1,line 1,rise,1.0,3.0,
    axes 1,line 1,rise,2.0,5.0,
    <BLANKLINE>
    """
    if not isinstance(figures, Mapping) or not all(
        isinstance(figure, Figure) for figure in figures.values()
    ):
        raise TypeError(
            f"plot() gave a {type(figures).__name__}; expected a mapping from names to Figures"
        )
    made: dict[str, Picture] = {}
    for name, figure in figures.items():
        key = plain(str(name))
        while key in made:
            key += "-2"
        made[key] = picture(figure, f"{salt}-{key}")
    return made


def picture(figure: Figure, salt: str) -> Picture:
    """Return a figure in its four forms; ``salt`` keeps the ids of SVGs apart."""
    for artist in figure.findobj(_crowded):
        artist.set_rasterized(True)
    with mpl.rc_context({"svg.hashsalt": salt, "svg.fonttype": "path"}):
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once, not again for every form
        return Picture(
            svg=_saved(figure, format="svg", dpi=DPI, metadata={"Date": None}),
            pdf=_saved(figure, format="pdf", dpi=DPI, metadata={"CreationDate": None}),
            png=_saved(figure, format="png", dpi=DPI),
            csv=table(figure),
            size=(round(96 * figure.get_figwidth()), round(96 * figure.get_figheight())),
        )


def _crowded(artist: Artist) -> bool:
    """Tell whether an artist would be megabytes as vectors, and seconds to show."""
    if isinstance(artist, QuadMesh):
        return np.size(artist.get_coordinates()) > 2 * MANY
    if isinstance(artist, PathCollection):
        return np.size(artist.get_offsets()) > 2 * MANY
    if isinstance(artist, Line2D):
        return (
            artist.get_marker() not in {None, "None", "none", "", " "}
            and np.size(artist.get_xdata()) > MANY
        )
    return False


def plain(name: str) -> str:
    """Return a name that can be a file's on any system.

    Examples
    --------
    >>> plain("loss / step"), plain("../x")
    ('loss-step', 'x')
    """
    return re.sub(r"[^\w.]+", "-", name).strip("-.") or "figure"


def _saved(figure: Figure, **options: Any) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, facecolor="white", **options)
    return buffer.getvalue()
