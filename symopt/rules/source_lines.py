"""The lines of a rule's source that an error is about."""

from __future__ import annotations

import ast
import inspect
import linecache
import re
import textwrap
import traceback
from collections.abc import Callable
from typing import Any

TOGETHER = "a rule is written for one coordinate: norm, dot and mean take all of them together"
ADVICE = {
    "for @": (
        "a rule is written for one coordinate: dot(u, v) is the inner product, hvp(point, v) the "
        "Hessian times a vector; they are filled in when asked for by keyword"
    ),
    "attribute 'T'": "a rule is written for one coordinate: dot(u, v) is the inner product",
    **dict.fromkeys(("attribute 'dot'", "attribute 'sum'", "attribute 'mean'"), TOGETHER),
    **dict.fromkeys(("attribute 'norm'", "attribute 'max'", "attribute 'min'"), TOGETHER),
    "interpreted as an integer": (
        "a whole number that the function counts with is an int among its arguments, as K: int = 3"
    ),
    "has no len()": "a rule is written for one coordinate: n is how many there are",
    "truth value": (
        "the rule runs once, on symbols: use sp.Piecewise, sp.Max or sp.Min; a whole number that "
        "chooses among equations is an int among the arguments, as k: int = 2"
    ),
    "FunctionClass": "grad is a function: write grad(theta)",
    "ufunc": "use SymPy's functions, as sp.sqrt",
    "Cannot convert expression to float": "use SymPy's functions, as sp.sqrt",
    "loop of ufunc": "use SymPy's functions, as sp.sqrt",
    "'Symbol' and 'function'": "a function is called: write norm(u)",
    "'function' and": "a function is called: write norm(u)",
    "not iterable": TOGETHER,
    "not subscriptable": TOGETHER,
}


def advice(error: Exception) -> str:
    """Return how to mend a common mistake."""
    return next((f"; {words}" for sign, words in ADVICE.items() if sign in str(error)), "")


def failing_line(error: Exception, function: Callable[..., Any]) -> str:
    """Return the function's own line at which an error arose."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return "while reading it"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == code.co_filename and frame.name == code.co_name:
            text = linecache.getline(frame.filename, frame.lineno or 0).strip() or frame.line
            if text:
                return f"line {frame.lineno}, {text!r}"
            return f"line {frame.lineno}"
    return "while reading it"


def definition_line(function: Callable[..., Any]) -> str:
    """Return where a function's arguments begin, as ``, line 3, 'def ...'``."""
    tree, lines, first = parse_source(function)
    if tree is None:
        return ""
    return line_of(lines, first, tree.lineno)


def return_line(function: Callable[..., Any], wanted: int | None = None) -> str:
    """Return the line of the return statement without ``wanted`` values, or the last."""
    tree, lines, first = parse_source(function)
    if tree is None:
        return ""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Return)]
    wrong = [node.lineno for node in found if wanted and _count(node) != wanted]
    return line_of(lines, first, (wrong or [node.lineno for node in found] or [tree.lineno])[-1])


def line_with(function: Callable[..., Any], name: str) -> str:
    """Return the last line of a function that holds a name; nothing if none does."""
    _, lines, first = parse_source(function)
    found = [
        number for number, text in enumerate(lines, 1) if re.search(rf"\b{re.escape(name)}\b", text)
    ]
    if found:
        return line_of(lines, first, found[-1])
    return ""


def parse_source(function: Callable[..., Any]) -> tuple[ast.FunctionDef | None, list[str], int]:
    """Return a function's syntax, its lines, and the number of the first of them."""
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return None, [], 0
    definition = tree.body[0]
    return (definition if isinstance(definition, ast.FunctionDef) else None), lines, first


def _count(node: ast.Return) -> int:
    """Return how many values a return statement gives."""
    if isinstance(node.value, ast.Tuple):
        return len(node.value.elts)
    return 1


def line_of(lines: list[str], first: int, number: int) -> str:
    """Return a line of a function by its number there, as ``, line 3, 'def ...'``."""
    return f", line {first + number - 1}, {lines[number - 1].strip()!r}"
