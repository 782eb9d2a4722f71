"""The page: claims and verdicts, then each experiment's pictures and code."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from symopt.report.mathml import formula

HERE = Path(__file__).parent
LARGEST_SVG = 400_000  # bytes, beyond which a raster is shown
SIGNS = {"agrees": "✓", "failed": "✗", "undecided": "?", "not measured": "!", "no prediction": "–"}
"""A verdict is told by its word and its sign; its colour only helps."""


@dataclass(frozen=True)
class Line:
    """A row of the table of claims, its numbers written out."""

    quantity: str
    predicted: str
    measured: str
    interval: str
    n: str
    verdict: str
    note: str = ""


@dataclass(frozen=True)
class Image:
    """A picture as vectors and as pixels, its size, and its files."""

    name: str
    svg: bytes
    png: bytes
    width: int
    height: int
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The picture as an address: vectors, or pixels where these are fewer."""
        vectors = len(self.svg) <= max(LARGEST_SVG, len(self.png))
        if vectors:
            kind, data = ("svg+xml", self.svg)
        else:
            kind, data = ("png", self.png)
        return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


@dataclass(frozen=True)
class Section:
    """What the page tells of one experiment.

    Attributes
    ----------
    name, title, claim
        A short name without spaces, a headline, and a sentence.
    lines
        Its rows in the table of claims.
    equations, settings
        SymPy's expressions, or anything that has a text, by what they are called.
    images
        The pictures.
    code, command
        The source that was run, and how to run it.
    errors
        Tracebacks of what went wrong.
    """

    name: str
    title: str
    claim: str
    lines: Sequence[Line] = ()
    equations: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    images: Sequence[Image] = ()
    code: str = ""
    command: str = ""
    errors: Sequence[str] = ()

    @property
    def tally(self) -> list[tuple[str, int]]:
        """How often each verdict occurs, of those that do."""
        counts = Counter(line.verdict for line in self.lines)
        return [(verdict, counts[verdict]) for verdict in SIGNS if counts[verdict]]


def render(
    sections: Sequence[Section],
    title: str,
    summary: str = "",
    notice: str = "",
    facts: Mapping[str, str] | None = None,
) -> str:
    """Return a page of HTML that needs nothing but itself.

    Parameters
    ----------
    sections
        The experiments.
    title, summary, notice
        The headline; one line of how the claims fared; what a reader must know before anything
        else.
    facts
        When, where and with what it was made.

    Examples
    --------
    >>> lines = [Line("speed", "1", "1", "–", "1", "agrees")]
    >>> page = render([Section("fall", "A <fall>", "It falls.", lines)], "Found")
    >>> "A &lt;fall&gt;" in page, "✓" in page, "://" in page
    (True, True, False)
    """
    template = environment(HERE).get_template("page.html.j2")
    return template.render(
        sections=sections, title=title, summary=summary, notice=notice, facts=facts or {}
    )


def environment(folder: Path) -> Environment:
    """Return what makes pages of templates; what is put in is escaped."""
    loader = FileSystemLoader(folder)
    made = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["formula"] = formula
    made.globals.update(SIGNS=SIGNS, css=_raw("page.css"), js=_raw("page.js"))
    return made


def _raw(name: str) -> Markup:
    return Markup((HERE / name).read_text(encoding="utf-8"))
