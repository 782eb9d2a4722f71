r"""SymPy's expressions as MathML that browsers draw.

SymPy prints MathML too, but writes J(X) as j(x), minus as a hyphen and Piecewise as a call, and
lets the name of a symbol be markup. So its LaTeX is printed, and converted.
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import sympy as sp
from latex2mathml.converter import convert
from markupsafe import Markup, escape

WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")
PLAIN_NAME = re.compile(r"[A-Za-z0-9_{}^\\]+")
NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
ELEMENTS = {
    "math",
    "mrow",
    "mi",
    "mn",
    "mo",
    "mtext",
    "mspace",
    "mfrac",
    "msqrt",
    "mroot",
    "mstyle",
    "mpadded",
}
ELEMENTS |= {
    "msub",
    "msup",
    "msubsup",
    "munder",
    "mover",
    "munderover",
    "mmultiscripts",
    "mtable",
    "mtr",
    "mtd",
}


def formula(value: Any, block: bool = False) -> Markup:
    """Return a value as markup: an expression as MathML, anything else as its text.

    Examples
    --------
    >>> formula("a < b")
    Markup('a &lt; b')
    >>> x = sp.Symbol("x")
    >>> print(formula(x**2).partition(">")[2])
    <mrow><msup><mi>x</mi><mrow><mn>2</mn></mrow></msup></mrow></math>
    """
    if isinstance(value, list | tuple) and any(isinstance(part, sp.Basic) for part in value):
        return Markup(", ").join(formula(part, block) for part in value)
    if not isinstance(value, sp.Basic | sp.MatrixBase):
        return escape(_text(value))
    try:
        return latex_to_mathml(latex(value), block)
    except Exception:  # noqa: BLE001  two printers, any of which may not know a node
        return Markup("<code>{}</code>").format(str(value))


def latex_to_mathml(text: str, block: bool = False) -> Markup:
    """Return LaTeX as MathML.

    Raises
    ------
    ValueError
        If an element of it is not one that browsers draw.
    """
    made = convert(text.replace(r"\_", "_"), display="block" if block else "inline")
    if (
        unknown := {node.tag.removeprefix(NAMESPACE) for node in ET.fromstring(made).iter()}
        - ELEMENTS
    ):
        raise ValueError(f"unknown elements of MathML: {', '.join(sorted(unknown))}")
    return Markup(made)


def latex(value: Any) -> str:
    r"""Return LaTeX in which a name of several letters is upright, not a product of letters.

    Examples
    --------
    >>> latex(sp.Symbol("ERT") + sp.Symbol("lambda_max") + sp.Symbol("beta1"))
    '\\text{ERT} + \\beta_{1} + \\lambda_{\\text{max}}'
    """
    if hasattr(value, "atoms"):
        symbols = value.atoms(sp.Symbol)
    else:
        symbols = set()
    return str(sp.latex(value, symbol_names={symbol: _name(symbol) for symbol in symbols}))


def _name(symbol: sp.Symbol) -> str:
    printed = str(sp.latex(symbol))
    if PLAIN_NAME.fullmatch(printed):
        return WORD.sub(lambda word: rf"\text{{{word[0]}}}", printed)
    return r"\text{" + re.sub(r"[\\{}$&#%^_~]", " ", symbol.name) + "}"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} = {_text(one)}" for key, one in value.items())
    return str(value)
