"""A rule's function called with symbols: its equations, checked, in the order of computing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from numbers import Real
from typing import Any

import numpy as np
import sympy as sp

from symopt.decided import check_tests
from symopt.errors import RuleError
from symopt.hyper import is_option
from symopt.lines import advice, failing_line, line_with, return_line
from symopt.symbols import FILLED_IN, T, identity, n, normal, optimal_value, t, theta

OWN = {t, T, n, identity, optimal_value}
"""Symbols that any rule may hold."""


def trace(
    function: Callable[..., Any],
    rule: str,
    states: Iterable[str],
    values: Mapping[str, Any],
    defaults: Mapping[str, Any],
    wanted: Iterable[str],
) -> dict[str, sp.Expr]:
    """Call a rule's function with symbols and return the next value of theta and each state.

    Raises
    ------
    RuleError
        With the line of the function that is wrong.
    """
    state = [sp.Symbol(name, real=True) for name in states]
    given = {name: value if is_option(value) else sp.Symbol(name, real=True) for name, value in values.items()}
    symbolic = [name for name, value in values.items() if not is_option(defaults[name])]
    check_tests(function, {"theta", *states, *symbolic, *wanted}, rule)
    filled = {name: FILLED_IN[name] for name in wanted}
    if "normal" in filled:
        draws = iter(range(1, 1 << 16))
        filled["normal"] = lambda: normal(next(draws))  # each call is a draw of its own
    try:
        result = function(theta, *state, **filled, **given)
    except RuleError:
        raise
    except Exception as error:
        line = failing_line(error, function)
        raise RuleError(f"rule {rule}: {line}: {error}{advice(error)}") from error
    names = ["theta", *states]
    new = {name: _expression(function, rule, name, value) for name, value in _by_name(function, rule, result, names)}
    known = {theta, *state, *(v for v in (*given.values(), *filled.values()) if isinstance(v, sp.Symbol))}
    _check_symbols(function, rule, new, known)
    return new


def _check_symbols(function: Callable[..., Any], rule: str, new: Mapping[str, sp.Expr], known: set[sp.Symbol]) -> None:
    """Refuse symbols that are none of the rule's, so.t, so.T or n."""
    for symbol in sorted({s for value in new.values() for s in value.free_symbols} - known - OWN, key=str):
        line = line_with(function, symbol.name)
        theirs = symbol.name in {known.name for known in known | OWN}
        raise RuleError(
            f"rule {rule}{line}: the equations hold a symbol {symbol} of your own; "
            + (
                f"the rule's {symbol} is an argument of its function"
                if theirs
                else "expected the states, hyperparameters, t and T"
            )
        )


def _by_name(function: Callable[..., Any], rule: str, result: Any, names: list[str]) -> Iterable[tuple[str, Any]]:
    """Return what a function returned, by what it is the next value of."""
    if isinstance(result, list):
        raise RuleError(
            f"rule {rule}{return_line(function)}: returns a list; expected a tuple, as in: return {', '.join(names)}"
        )
    values = list(result) if isinstance(result, tuple) else [result]
    if len(values) != len(names) and result is not None:
        raise RuleError(
            f"rule {rule}{return_line(function, len(names))}: returns {len(values)} value(s); expected "
            f"{len(names)}, the next {', '.join(names)}"
        )
    return zip(names, values, strict=False)


def _expression(function: Callable[..., Any], rule: str, name: str, value: Any) -> sp.Expr:
    """Return a next value as SymPy; a text is no expression, and is never read as one."""
    number = isinstance(value, Real) and not isinstance(value, bool | np.bool_ | sp.Basic)
    result = sp.sympify(float(value) if isinstance(value, np.floating) else value) if number else value
    if not isinstance(result, sp.Expr) or getattr(result, "is_Matrix", False):
        kind = "nothing" if value is None else f"{value!r}, a {type(value).__name__}"
        line = return_line(function)
        raise RuleError(f"rule {rule}{line}: returns {kind} as the next {name}; expected an expression")
    return result


def ordered(new: Mapping[str, sp.Expr], iterate: str) -> dict[sp.Symbol, sp.Expr]:
    """Return the next values as equations, in an order in which each only uses earlier ones.

    A next value that a later equation uses stands there as a symbol with a prime; states that the
    iterate does not depend on are left out.
    """
    live = _live_states(new, iterate)
    order = [name for name in new if name in live]
    primed = {name: sp.Symbol(f"{name}'", real=True) for name in order}
    known = sorted(
        ((new[name], primed[name]) for name in order if new[name].args), key=lambda pair: -pair[0].count_ops()
    )
    short = {
        name: value.subs([(e, symbol) for e, symbol in known if e != value or name == "theta"])
        for name, value in new.items()
    }
    order = _by_use(order, short, primed)
    return {**{primed[name]: short[name] for name in order}, sp.Symbol("theta'", real=True): short["theta"]}


def _live_states(new: Mapping[str, sp.Expr], iterate: str) -> set[str]:
    """Return the states that the iterate depends on; a rule's unused options leave others behind."""
    live, stack = set(), ["theta", iterate]
    while stack:
        for symbol in new[stack.pop()].free_symbols:
            if symbol.name in new and symbol.name not in live and symbol.name != "theta":
                live.add(symbol.name)
                stack.append(symbol.name)
    return live | ({iterate} - {"theta"})


def _by_use(names: list[str], new: Mapping[str, sp.Expr], primed: Mapping[str, sp.Symbol]) -> list[str]:
    """Return the states in an order in which each next value only uses earlier ones."""
    order: list[str] = []
    while len(order) < len(names):
        for name in names:
            uses = {other for other in names if primed[other] in new[name].free_symbols}
            if name not in order and uses <= set(order):
                order.append(name)
                break
    return order
