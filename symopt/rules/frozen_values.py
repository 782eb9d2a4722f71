"""Refuses values from outside that change: they would be frozen at trace time.

A rule that gives other equations when it is read again is refused. A generator with a seed of its
own gives the same ones, so that calls of what makes random numbers or tells the time are looked for
too.
"""

from __future__ import annotations

import ast
import inspect
import random
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import sympy as sp

from symopt.errors import RuleError
from symopt.rules.source_lines import line_of, parse_source, return_line

SOURCES = ("random", "numpy.random", "secrets", "time", "datetime", "uuid")
"""Modules whose functions give another value at each call."""
GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)
CURE = (
    "the function is called once, to read its equations, and this value would stay as it is for "
    "ever; for a normal "
    "random number in each step ask for it: def rule(theta, *, grad, normal, eta=0.1), and call "
    "normal()"
)
Equations = tuple[Mapping[str, sp.Expr], Mapping[sp.Symbol, sp.Expr]]


def check_calls(function: Callable[..., Any], rule: str) -> None:
    """Refuse a function whose source calls what makes random numbers or tells the time.

    Raises
    ------
    RuleError
        With the line concerned.
    """
    names = outside_names(function)
    if not any(_is_source(value) or _holds_sources(value) for value in names.values()):
        return
    tree, lines, first = parse_source(function)
    if tree is None:
        return
    names |= _imported_modules(tree)
    for node in _values(tree):
        if isinstance(node, ast.Call) and any(map(_is_source, called_values(node.func, names))):
            where = line_of(lines, first, node.lineno)
            raise RuleError(
                f"rule {rule}{where}: {ast.unparse(node)} is another value each time; {CURE}"
            )


def changing(
    function: Callable[..., Any], rule: str, one: Equations, other: Equations
) -> RuleError:
    """Return the error of a rule whose equations are others when it is read again."""
    now, after = (
        {str(name): value for part in both for name, value in part.items()} for both in (one, other)
    )
    name = next((name for name in now if now[name] != after.get(name)), "theta")
    shown = f"the next {name} is {str(now[name])[:60]}, then {str(after.get(name))[:60]}"
    return RuleError(
        f"rule {rule}{return_line(function)}: its equations change each time it is read: {shown}; "
        f"{CURE}"
    )


def outside_names(function: Callable[..., Any]) -> dict[str, Any]:
    """Return what the names in a function's code stand for outside it; none of equations."""
    function = inspect.unwrap(function)
    if not inspect.isfunction(function):
        return {}
    code = function.__code__
    cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
    known = {
        name: sys.modules[name]
        for name in code.co_names
        if name in (*SOURCES, "numpy") and name in sys.modules
    }
    known |= {
        name: function.__globals__[name] for name in code.co_names if name in function.__globals__
    }
    return known | {name: cell.cell_contents for name, cell in cells if cell != types.CellType()}


def _imported_modules(tree: ast.AST) -> dict[str, Any]:
    """Return the modules that a function imports, by the names that it gives them."""
    names = [
        alias for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    ]
    return {alias.asname or alias.name: sys.modules.get(alias.name) for alias in names}


def _values(tree: ast.AST) -> Iterator[ast.AST]:
    """Give the nodes of a function, less those whose value is dropped, as print(...)."""
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if not isinstance(node, ast.Expr):
            yield node
            stack.extend(reversed(list(ast.iter_child_nodes(node))))


def called_values(node: ast.expr, names: Mapping[str, Any]) -> Iterator[Any]:
    """Give what each part of a name with dots stands for; only modules are looked into."""
    dotted: list[str] = []
    while isinstance(node, ast.Attribute):
        dotted.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in names:
        return
    value = names[node.id]
    yield value
    for attribute in reversed(dotted):
        if not isinstance(value, types.ModuleType):
            return
        value = getattr(value, attribute, None)
        yield value


def _is_source(value: Any) -> bool:
    """Return whether a value is a source of random or changing numbers."""
    if isinstance(value, GENERATORS):
        return True
    if isinstance(value, types.ModuleType):
        return value.__name__ in SOURCES
    owner = getattr(value, "__self__", None)
    return isinstance(owner, GENERATORS) or (
        callable(value) and getattr(value, "__module__", None) in SOURCES
    )


def _holds_sources(value: Any) -> bool:
    return isinstance(value, types.ModuleType) and value.__name__ == "numpy"
