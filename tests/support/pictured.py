"""What was drawn, read off the axes."""

import warnings
from io import BytesIO


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def dashed(ax):
    """Lines that are dashed, without those of the legend."""
    return [line for line in ax.lines if line.is_dashed()]


def solid(ax):
    return [line for line in ax.lines if line.get_linestyle() == "-" and line.get_label()[0] != "_"]


def saved(ax):
    """Save the picture in all formats; a warning is an error."""
    sizes = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for form in ("svg", "pdf", "png"):
            buffer = BytesIO()
            ax.figure.savefig(buffer, format=form)
            sizes.append(buffer.tell())
    return min(sizes) > 2000


def legend_is_outside(ax):
    ax.figure.draw_without_rendering()
    return ax.get_legend().get_window_extent().x0 >= ax.get_window_extent().x1


def legend_is_on_the_figure(ax):
    ax.figure.draw_without_rendering()
    box, paper = ax.get_legend().get_window_extent(), ax.figure.bbox
    return box.x0 >= 0 and box.x1 <= paper.x1 and box.y0 >= 0 and box.y1 <= paper.y1
