"""The manual as HTML: one page for each rule, and a list of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup, escape

from symopt import schedules
from symopt.atomic_io import writable_folder, write
from symopt.manual.rule_info import card
from symopt.optim.registry import RULES
from symopt.optim.wrappers import WRAPPERS
from symopt.report.mathml import latex_to_mathml
from symopt.report.page import environment
from symopt.rules.rule import Rule

CODE = re.compile(r"``(.+?)``", re.DOTALL)


def write_pages(folder: Path) -> list[Path]:
    """Write index.html and a page for each rule, and return what was written.

    Raises
    ------
    RunError
        If the folder cannot be written to.
    """
    place = writable_folder(folder, "--out")
    rules, wrappers = ([card(name) for name in names] for names in (RULES, WRAPPERS))
    templates = _templates()
    page, index = (templates.get_template(name) for name in ("rule.html.j2", "index.html.j2"))
    pages = {
        f"{one.name}.html": page.render(card=one, title=one.title) for one in (*rules, *wrappers)
    }
    made = {
        name: (getattr(schedules, name).__doc__ or "").partition("\n")[0]
        for name in schedules.__all__
    }
    pages["index.html"] = index.render(
        cards=rules, wrappers=wrappers, schedules=made, title="symopt: the rules"
    )
    for name, text in pages.items():
        write(place / name, text.encode())
    return [place / name for name in pages]


def _templates() -> Environment:
    """Return what makes the pages."""
    made = environment(Path(__file__).parent)
    made.filters.update(equations=_equations, paragraphs=_paragraphs, range=_range)
    return made


def _equations(rule: Rule) -> list[Markup]:
    """Return a rule's equations as MathML."""
    return [
        latex_to_mathml(rf"{left} \leftarrow {right}", block=True)
        for left, right in rule.latex_sides
    ]


def _range(place: Any) -> str:
    """Return where a hyperparameter may lie, or the texts that an option may be."""
    if isinstance(place, tuple):
        return " or ".join(place)
    return str(place)


def _paragraphs(text: str) -> list[Markup]:
    """Return the paragraphs of a docstring, what stands in double backticks as code."""
    parts = [str(escape(part)) for part in text.split("\n\n") if part.strip()]
    return [Markup(CODE.sub(r"<code>\1</code>", part)) for part in parts]
