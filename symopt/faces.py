"""How a cost shows itself: as a line, in LaTeX, and as a piece of a notebook's page."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
import sympy as sp

LONGEST = 200  # characters of an expression in a line


def line(expression: str, params: str, data: Mapping[str, npt.NDArray[Any]]) -> str:
    """Return a cost on one line, with the shapes of its data."""
    shapes = ", ".join(f"{name}: {' x '.join(map(str, array.shape))}" for name, array in data.items())
    shown = expression if len(expression) < LONGEST else expression[:LONGEST] + "..."
    return f"Cost({shown}, params=({params}){f', data={{{shapes}}}' if shapes else ''})"


def latex(expression: sp.Expr, params: Sequence[sp.Basic], by: Sequence[sp.Symbol]) -> str:
    """Return J in LaTeX, and its slopes by some of its parameters."""
    lines = [f"J({', '.join(sp.latex(p) for p in params)}) &= {sp.latex(expression)}"]
    lines += [rf"\frac{{\partial J}}{{\partial {sp.latex(p)}}} &= {sp.latex(expression.diff(p))}" for p in by]
    return r"\begin{aligned} " + r" \\ ".join(lines) + r" \end{aligned}"


def page(equations: str, source: str, operations: int) -> str:
    """Return equations in LaTeX above the generated source, which opens on a click; names are escaped."""
    return (
        f"<div>$\\displaystyle {html.escape(equations, quote=False)}$"
        f"<details><summary>{operations} operations for value and gradient</summary>"
        f"<pre>{html.escape(source)}</pre></details></div>"
    )
