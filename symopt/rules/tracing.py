"""A rule's function called with symbols: its equations, checked, in the order of computing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import chain, count
from typing import Any

import numpy as np
import sympy as sp

from symopt.errors import RuleError
from symopt.rules.control_flow import check_tests
from symopt.rules.counts import list_arguments
from symopt.rules.frozen_values import changing, check_calls
from symopt.rules.hyperparameters import is_option
from symopt.rules.numpy_sums import check_sums
from symopt.rules.source_lines import advice, failing_line, line_with, return_line
from symopt.rules.symbols import (
    FILLED_IN,
    T,
    diagonal,
    identity,
    n,
    normal,
    optimal_value,
    t,
    theta,
)
from symopt.validation import is_real_number

LET = "let"
"""What names a value."""
OWN = {t, T, n, identity, diagonal, optimal_value}
"""Symbols that any rule may hold."""


def trace(
    function: Callable[..., Any],
    rule: str,
    states: Iterable[str],
    *,
    values: Mapping[str, Any],
    defaults: Mapping[str, Any],
    wanted: Iterable[str],
) -> tuple[dict[str, sp.Expr], dict[sp.Symbol, sp.Expr]]:
    """Call a rule's function with symbols and return the next value of theta and each state.

    Beside these, what was given a name on the way, by ``let(name, value)``, in that order.

    Raises
    ------
    RuleError
        With the line of the function that is wrong.
    """
    state = [sp.Symbol(name, real=True) for name in states]
    given = {
        name: value if is_option(value) else sp.Symbol(name, real=True)
        for name, value in values.items()
    }
    symbolic = [name for name, value in values.items() if not is_option(defaults[name])]
    lists = list_arguments(function, states)
    symbols = {"theta", *states, *lists, *symbolic, *wanted}
    check_tests(function, symbols, rule)
    check_calls(function, rule)
    check_sums(function, symbols, rule, lists=lists)
    read = partial(_call_once, function, rule, state, given, wanted)
    found, again = read(), read()
    if found != again:
        raise changing(function, rule, found, other=again)
    return found


def _call_once(
    function: Callable[..., Any],
    rule: str,
    state: list[sp.Symbol],
    given: Mapping[str, Any],
    wanted: Iterable[str],
) -> tuple[dict[str, sp.Expr], dict[sp.Symbol, sp.Expr]]:
    """Call the function once, and return what :func:`trace` does."""
    states = [symbol.name for symbol in state]
    filled = {name: FILLED_IN[name] for name in wanted if name != LET}
    named = NamingScope({"theta", *states, *given, *(symbol.name for symbol in OWN)})
    if LET in wanted:
        filled[LET] = named.let
    if "normal" in filled:
        draws = count(1)
        filled["normal"] = lambda: normal(next(draws))  # each call is a draw of its own
    try:
        result = function(theta, *state, **filled, **given)
    except RuleError:
        raise
    except Exception as error:
        line = failing_line(error, function)
        raise RuleError(f"rule {rule}: {line}: {error}{advice(error)}") from error
    names = ["theta", *states]
    new = {
        name: _expression(function, rule, name, value=value)
        for name, value in _by_name(function, rule, result, names=names)
    }
    known = {
        theta,
        *state,
        *(v for v in (*given.values(), *filled.values()) if isinstance(v, sp.Symbol)),
    }
    _check_symbols(
        function, rule, [*new.values(), *named.values.values()], known=known | set(named.values)
    )
    return new, named.values


class NamingScope:
    """Values that a wrapper gives a name, so that each is computed once."""

    def __init__(self, taken: set[str]) -> None:
        self.values: dict[sp.Symbol, sp.Expr] = {}
        self._taken = taken
        self._symbols: dict[sp.Expr, sp.Symbol] = {}

    def let(self, name: str, value: sp.Expr) -> sp.Symbol:
        """Return the symbol of a value; a symbol is its own."""
        if isinstance(value, sp.Symbol):
            return value
        if value not in self._symbols:
            free = chain([name], (f"{name}_{k}" for k in count(1)))
            symbol = sp.Symbol(next(other for other in free if other not in self._taken), real=True)
            self._taken.add(symbol.name)
            self._symbols[value], self.values[symbol] = symbol, value
        return self._symbols[value]


def _check_symbols(
    function: Callable[..., Any], rule: str, values: Iterable[sp.Expr], known: set[sp.Symbol]
) -> None:
    """Refuse symbols that are none of the rule's, so.t, so.T or n."""
    symbols = set().union(*(value.free_symbols for value in values))
    for symbol in sorted(symbols - known - OWN, key=str):
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


def _by_name(
    function: Callable[..., Any], rule: str, result: Any, names: list[str]
) -> Iterable[tuple[str, Any]]:
    """Return what a function returned, by what it is the next value of."""
    if isinstance(result, list):
        raise RuleError(
            f"rule {rule}{return_line(function)}: returns a list; expected a tuple, as in: return "
            f"{', '.join(names)}"
        )
    if isinstance(result, tuple):
        values = list(result)
    else:
        values = [result]
    if len(values) != len(names) and result is not None:
        raise RuleError(
            f"rule {rule}{return_line(function, len(names))}: returns {len(values)} value(s); "
            "expected "
            f"{len(names)}, the next {', '.join(names)}"
        )
    return zip(names, values, strict=False)


def _expression(function: Callable[..., Any], rule: str, name: str, value: Any) -> sp.Expr:
    """Return a next value as SymPy; a text is no expression, and is never read as one."""
    number = is_real_number(value) and not isinstance(value, sp.Basic)
    result = value
    if number:
        result = sp.sympify(float(value) if isinstance(value, np.floating) else value)
    if not isinstance(result, sp.Expr) or getattr(result, "is_Matrix", False):
        if value is None:
            kind = "nothing"
        else:
            kind = f"{value!r}, a {type(value).__name__}"
        line = return_line(function)
        raise RuleError(
            f"rule {rule}{line}: returns {kind} as the next {name}; expected an expression"
        )
    return result


def order_equations(
    new: Mapping[str, sp.Expr], named: Mapping[sp.Symbol, sp.Expr], iterate: str
) -> dict[sp.Symbol, sp.Expr]:
    """Return the next values as equations, in an order in which each only uses earlier ones.

    A next value that a later equation uses stands there as a symbol with a prime; states and named
    values that the iterate does not depend on are left out.
    """
    primed = {name: sp.Symbol(f"{name}'", real=True) for name in new}
    live = _live(new, named, iterate)
    values = {symbol: value for symbol, value in named.items() if symbol in live}
    values |= {
        primed[name]: new[name]
        for name in new
        if sp.Symbol(name, real=True) in live and name != "theta"
    }
    known = sorted(
        (
            (values[primed[name]], primed[name])
            for name in new
            if primed[name] in values and new[name].args
        ),
        key=lambda pair: -pair[0].count_ops(),
    )
    values[primed["theta"]] = _inline_single_uses(new["theta"], values)
    short = {
        symbol: value.subs(
            [(e, prime) for e, prime in known if e != value or symbol == primed["theta"]]
        )
        for symbol, value in values.items()
    }
    return _by_use(short)


def _inline_single_uses(theta: sp.Expr, values: dict[sp.Symbol, sp.Expr]) -> sp.Expr:
    """Return the next theta, without a name that nothing else uses."""
    used = theta in values and any(theta in value.free_symbols for value in values.values())
    if used or theta not in values:
        return theta
    return values.pop(theta)


def _live(
    new: Mapping[str, sp.Expr], named: Mapping[sp.Symbol, sp.Expr], iterate: str
) -> set[sp.Symbol]:
    """Return the states and named values that theta and the iterate depend on."""
    values = {**named, **{sp.Symbol(name, real=True): value for name, value in new.items()}}
    start = {sp.Symbol(name, real=True) for name in ("theta", iterate)}
    live, stack = set(start), list(start)
    while stack:
        found = {symbol for symbol in values[stack.pop()].free_symbols if symbol in values} - live
        live |= found
        stack += found
    return live


def _by_use(values: Mapping[sp.Symbol, sp.Expr]) -> dict[sp.Symbol, sp.Expr]:
    """Return equations in an order in which each only uses earlier ones, theta's last."""
    left, done = dict(values), {}
    while left:
        ready = [
            symbol
            for symbol, value in left.items()
            if not (value.free_symbols & left.keys()) - {symbol}
        ]
        first = next(symbol for symbol in ready if symbol.name != "theta'" or len(left) == 1)
        done[first] = left.pop(first)
    return done
