"""What SymPy was told of symbols, which it has used before symopt sees the cost.

An assumption such as integer=True makes cos(2*pi*x) the number 1, and positive=True makes
sqrt(x**2) the symbol x. For a parameter, which may go anywhere, that is worth a warning; a value
that is given must fit.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symopt.errors import CostError, SymoptWarning
from symopt.validation import Array, as_floats

FITS: dict[str, Callable[[Array], npt.NDArray[np.bool_]]] = {
    "integer": lambda values: values == np.floor(values),
    "positive": lambda values: values > 0,
    "negative": lambda values: values < 0,
    "nonnegative": lambda values: values >= 0,
    "nonpositive": lambda values: values <= 0,
    "nonzero": lambda values: values != 0,
}
"""What can be assumed of a real number, and which numbers it holds of, strongest first."""
IMPLIED = {
    "nonnegative": {"positive"},
    "nonpositive": {"negative"},
    "nonzero": {"positive", "negative"},
}
IMPOSSIBLE = {"zero": True, "commutative": False, "real": False, "finite": False}
"""Assumptions under which a symbol cannot stand for a real number."""


def list_assumptions(symbol: Any) -> list[str]:
    """List the assumptions of a symbol beside being real, less those implied by others."""
    known = [
        name for name in FITS if True in (_fact(symbol, name), _fact(symbol, f"extended_{name}"))
    ]
    return [name for name in known if not IMPLIED.get(name, set()) & set(known)]


def check_symbols(symbols: Iterable[Any]) -> None:
    """Refuse symbols that cannot stand for a real number.

    Raises
    ------
    CostError
        With the assumption that says so.
    """
    for symbol in symbols:
        for name, value in IMPOSSIBLE.items():
            if _fact(symbol, name) is value:
                raise CostError(
                    f"the symbol {symbol} is assumed to be {name}={value}, but stands for a real "
                    "number; "
                    f"make it anew, as sympy.Symbol({str(symbol)!r}, real=True)"
                )


def warn_of_parameters(parameters: Iterable[Any]) -> None:
    """Say that SymPy may have simplified the cost by what it was told of parameters."""
    if found := {str(one): words for one in parameters if (words := list_assumptions(one))}:
        shown = ", ".join(
            f"{name} ({', '.join(f'{word}=True' for word in words)})"
            for name, words in found.items()
        )
        whole = any("integer" in words for words in found.values())
        example = "sqrt(x**2) is x or -x"
        if whole:
            example = "cos(2*pi*x) is 1"
        warnings.warn(
            "a run takes parameters through all real numbers, but SymPy has simplified by "
            f"{shown}: {example}; "
            "make the symbols with real=True",
            SymoptWarning,
            stacklevel=6,
        )


def check_values(symbols: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Refuse values that contradict what SymPy was told of the constants or data.

    Raises
    ------
    CostError
        With the value and the assumption.
    """
    for name, value in values.items():
        for word in list_assumptions(symbols[name]) if name in symbols else ():
            numbers = as_floats(value)
            if not (fits := FITS[word](numbers)).all():
                raise CostError(
                    f"{name} is {numbers[~fits].ravel()[0]:g}, but its symbol was made with "
                    f"{word}=True, by which "
                    f"SymPy simplifies; make it with real=True, or give {name} values that are "
                    f"{word}"
                )


def symbols_by_name(expressions: Iterable[sp.Basic]) -> dict[str, Any]:
    """Return the symbols and arrays in expressions by their names."""
    found: dict[str, Any] = {}
    for expression in expressions:
        bases = {str(base.label): base for base in expression.atoms(sp.IndexedBase)}
        found |= {
            symbol.name: symbol
            for symbol in expression.atoms(sp.Symbol)
            if symbol.name not in bases
        }
        found |= bases
    return found


def _fact(symbol: Any, name: str) -> bool | None:
    return getattr(symbol, f"is_{name}", None)
