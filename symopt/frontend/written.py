"""Expressions on the way to other processes: as they are written, and never simplified anew.

SymPy's own pickles make every sum and product again, which sorts and simplifies what was kept as it
was written: the order of additions, and so the last digits, would be others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

Step = tuple[Any, tuple[int, ...] | None]
"""A leaf and None, or the class of a node and the places of its arguments among earlier steps."""


@dataclass(frozen=True)
class Written:
    """An expression as the steps in which it is made."""

    steps: tuple[Step, ...]

    def read(self) -> Any:
        """Return the expression."""
        made: list[Any] = []
        for what, places in self.steps:
            if places is None:
                made.append(what)
            else:
                made.append(_make(what, [made[place] for place in places]))
        return made[-1]


def write(value: Any) -> Any:
    """Return a value with the expressions in it written out, so that it can be pickled.

    Examples
    --------
    >>> x, y = sp.symbols("x y")
    >>> made = sp.Add(y, x, evaluate=False)
    >>> read(write({"a": made}))["a"].args
    (y, x)
    """
    if isinstance(value, sp.Basic):
        return _written(value)
    if isinstance(value, Mapping):
        return {key: write(one) for key, one in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(write, value))
    return value


def read(value: Any) -> Any:
    """Return what :func:`write` was given."""
    if isinstance(value, Written):
        return value.read()
    if isinstance(value, Mapping):
        return {key: read(one) for key, one in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(read, value))
    return value


def _written(expression: sp.Basic) -> Any:
    """Return the steps of an expression; itself where SymPy makes it in no other way."""
    steps: list[Step] = []
    places: dict[int, int] = {}
    stack = [(expression, False)]
    while stack:
        part, visited = stack.pop()
        if id(part) in places:
            continue
        if _is_leaf(part):
            steps.append((part, None))
        elif visited:
            steps.append((part.func, tuple(places[id(arg)] for arg in part.args)))
        else:
            stack.append((part, True))
            stack += [(arg, False) for arg in reversed(part.args)]
            continue
        places[id(part)] = len(steps) - 1
    found = Written(tuple(steps))
    try:
        same = bool(found.read() == expression)
    except (TypeError, ValueError, AttributeError):
        same = False
    if same:
        return found
    return expression


def _is_leaf(part: Any) -> bool:
    return not getattr(part, "args", ()) or isinstance(part, sp.IndexedBase)


def _make(kind: Any, arguments: list[Any]) -> Any:
    if kind in (sp.Add, sp.Mul):
        return kind._from_args(arguments)
    if kind is sp.Pow or issubclass(kind, sp.Function):
        return kind(*arguments, evaluate=False)
    return kind(*arguments)
