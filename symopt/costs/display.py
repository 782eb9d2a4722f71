"""How a cost shows itself: as a line, in LaTeX, and as a piece of a notebook's page."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy.typing as npt
import sympy as sp

from symopt.costs.sympy_failures import ask_sympy

LONGEST = 200  # characters of an expression in a line
LARGEST, LARGEST_TEX = 3000, 400  # parts of an expression that is written out, as text and in LaTeX
TAME = (
    sp.Add,
    sp.Mul,
    sp.Pow,
    sp.Symbol,
    sp.Number,
    sp.NumberSymbol,
    sp.Abs,
    sp.exp,
    sp.log,
    sp.sin,
    sp.cos,
    sp.tan,
    sp.sinh,
    sp.cosh,
    sp.tanh,
    sp.asin,
    sp.acos,
    sp.atan,
    sp.asinh,
    sp.acosh,
    sp.atanh,
    sp.erf,
    sp.erfc,
    sp.atan2,
    sp.gamma,
    sp.loggamma,
    sp.polygamma,
)
"""What SymPy differentiates in no time, unlike Max and Min, which it compares."""


def line(expression: str, params: str, data: Mapping[str, npt.NDArray[Any]]) -> str:
    """Return a cost on one line, with the shapes of its data."""
    shapes = ", ".join(
        f"{name}: {' x '.join(map(str, array.shape))}" for name, array in data.items()
    )
    if len(expression) < LONGEST:
        shown = expression
    else:
        shown = expression[:LONGEST] + "..."
    if shapes:
        return f"Cost({shown}, params=({params}), data={{{shapes}}})"
    return f"Cost({shown}, params=({params}))"


def text(expression: sp.Basic) -> str:
    """Return an expression as text, or its size where it is too large or too deep."""
    written = _written(str, expression, LARGEST, instead="an expression of {} parts")
    return " ".join(written.split())  # a matrix is written in lines


def latex(expression: sp.Expr, params: Sequence[sp.Basic], by: Sequence[sp.Symbol]) -> str:
    """Return J in LaTeX, and its slopes where SymPy has them in no time."""
    lines = [f"J({', '.join(sp.latex(p) for p in params)}) &= {tex(expression)}"]
    lines += [
        rf"\frac{{\partial J}}{{\partial {sp.latex(p)}}} &= {slope}"
        for p, slope in _slopes(expression, by)
    ]
    return r"\begin{aligned} " + r" \\ ".join(lines) + r" \end{aligned}"


def tex(expression: sp.Basic) -> str:
    """Return an expression in LaTeX, or its size where it is too large or too deep."""
    return _written(
        sp.latex, expression, LARGEST_TEX, instead=r"\text{{an expression of {} parts}}"
    )


def _written(write: Callable[[Any], str], expression: sp.Basic, most: int, instead: str) -> str:
    parts = size(expression)
    described = instead.format(parts)
    if parts > most:
        return described
    return ask_sympy(lambda: write(expression), described)


def size(expression: sp.Basic) -> int:
    """Return how many parts an expression has when it is written out, without recursion.

    A part that occurs twice is written twice, so that a small expression may be endless on paper.

    >>> x = sp.Symbol("x")
    >>> size(x + sp.sin(x))
    4
    """
    return _bottom_up(expression, sum)


def depth(expression: sp.Basic) -> int:
    """Return how many levels an expression has, without recursion.

    >>> x = sp.Symbol("x")
    >>> depth(x + sp.sin(x))
    3
    """
    return _bottom_up(expression, lambda below: max(below, default=0))


def _bottom_up(expression: sp.Basic, joined: Callable[[list[int]], int]) -> int:
    """Return 1 and what is made of the arguments' numbers, of each part in turn."""
    found: dict[sp.Basic, int] = {}
    stack = [(expression, False)]
    while stack:
        part, ready = stack.pop()
        if ready:
            found[part] = 1 + joined([found[arg] for arg in part.args])
        elif part not in found:
            stack.append((part, True))
            stack.extend((arg, False) for arg in part.args)
    return found[expression]


def _slopes(expression: sp.Expr, by: Sequence[sp.Symbol]) -> list[tuple[sp.Symbol, str]]:
    if not by or size(expression) > LARGEST_TEX:
        return []
    parts = sp.preorder_traversal(expression)
    if not all(isinstance(part, TAME) and (part.free_symbols or not part.args) for part in parts):
        return []
    return ask_sympy(lambda: [(p, tex(expression.diff(p))) for p in by], [])


def page(equations: str, source: str, operations: int) -> str:
    """Return equations in LaTeX above the source, which opens on a click; names are escaped."""
    return (
        f"<div>$\\displaystyle {html.escape(equations, quote=False)}$"
        f"<details><summary>{operations} operations for value and gradient</summary>"
        f"<pre>{html.escape(source)}</pre></details></div>"
    )
