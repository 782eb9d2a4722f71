"""Whole numbers that a rule counts with: Python's own, which may say how many states there are."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import wraps
from itertools import islice
from typing import Any

from symopt.errors import RuleError
from symopt.ir.update import Initial
from symopt.rules.control_flow import names_in, symbolic_names
from symopt.rules.source_lines import parse_source, return_line
from symopt.validation import is_real_number, whole_number

LARGEST = 1 << 31
"""What counts equations is smaller."""


@dataclass(frozen=True)
class Repeat:
    """As many states as an option says, made by :func:`repeat`."""

    start: Any
    count: str | int


def repeat(start: Any, count: str | int) -> Repeat:
    """Give a rule several states that start alike; its function takes and returns them as a list.

    Parameters
    ----------
    start
        Where each of them starts, as a single state does: a number, the name of a hyperparameter,
        ``so.theta0`` or ``so.grad0``.
    count
        How many there are: the name of a whole-number option, or a whole number. A whole-number
        option has the annotation ``int``, or a whole default that the function counts with, as in
        ``range(K)``.

    The states of a list ``v`` are called v0, v1, ...

    Examples
    --------
    Aggregated momentum (Lucas, Sun, Zemel and Grosse 2019, arXiv:1804.00325):

    >>> import symopt as so
    >>> @so.rule(v=so.repeat(0, "K"))
    ... def aggmo(theta, v, *, grad, eta=0.1, a=0.1, K: int = 3):
    ...     g = grad(theta)
    ...     v = [(1 - a**i)*v[i] - g for i in range(K)]
    ...     return theta + eta/K*sum(v), v
    >>> list(aggmo.states), list(aggmo(K=2).states)
    (['v0', 'v1', 'v2'], ['v0', 'v1'])
    >>> so.minimize(so.parse("x^2 + 10*y^2"), aggmo(eta=0.02), [1, 1], 500).loss < 1e-12
    True
    """
    return Repeat(start, count)


def find_counts(
    function: Callable[..., Any], keyword: Iterable[inspect.Parameter], states: Mapping[str, Any]
) -> set[str]:
    """Return the arguments that are whole numbers: by annotation, or because they count."""
    counting = {start.count for start in states.values() if isinstance(start, Repeat)}
    whole = {p.name for p in keyword if type(p.default) is int}
    stated = {p.name for p in keyword if p.annotation in (int, "int") and _is_number(p.default)}
    if whole - stated - counting:
        counting |= _counted(function, whole)
    return stated | (whole & counting)


def _is_number(value: Any) -> bool:
    return value is not inspect.Parameter.empty and is_real_number(value)


def _counted(function: Callable[..., Any], names: Iterable[str]) -> set[str]:
    """Return the names that a function counts with: in range(...), as an index, as [0]*k."""
    tree, _, _ = parse_source(function)
    if tree is None:
        return set()
    counting = set().union(*(names_in(part) for part in _counting_parts(tree)))
    return {name for name in names if symbolic_names(tree, {name}) & counting}


def _counting_parts(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "range":
            yield from node.args
        elif isinstance(node, ast.Subscript):
            yield node.slice
        elif isinstance(node, ast.BinOp) and {type(node.left), type(node.right)} & {ast.List}:
            yield node


def check_count(where: str, value: Any) -> int:
    """Return a whole number, which chooses among equations.

    Raises
    ------
    RuleError
        If it is none.
    """
    if not is_real_number(value) or not abs(value) < LARGEST or int(value) != value:
        raise RuleError(
            f"{where}: expected one whole number: it chooses among equations, so that a sweep over "
            "it takes a rule for each"
        )
    return int(value)


def lay_out_states(
    rule: str, initial: Mapping[str, Initial | Repeat], values: Mapping[str, Any]
) -> dict[str, Initial]:
    """Return every single state with its start, those of a list v as v0, v1, ...

    Raises
    ------
    RuleError
        If a number of states is none, or a name is taken.
    """
    found: dict[str, Initial] = {}
    for name, start in initial.items():
        if not isinstance(start, Repeat):
            found[name] = start
            continue
        for k in range(_length(rule, name, start, values=values)):
            entry = f"{name}{k}"
            if entry in {*initial, *values, *found}:
                raise RuleError(
                    f"{rule}: the states of {name} are called {name}0, {name}1, ..., and {entry} "
                    "is the name of something else; choose another name"
                )
            found[entry] = start.start
    return found


def _length(rule: str, name: str, start: Repeat, values: Mapping[str, Any]) -> int:
    """Return how many states a list holds."""
    count = start.count
    if isinstance(count, str):
        count = values[count]
    number = whole_number(count)
    if number is None:
        raise RuleError(f"{rule}: {name} has {count} states; expected a whole number, 0 or more")
    return number


def with_lists(
    function: Callable[..., Any], initial: Mapping[str, Initial | Repeat]
) -> Callable[..., Any]:
    """Return a function of single states that calls one of lists of states."""
    if not any(isinstance(start, Repeat) for start in initial.values()):
        return function
    name = function.__name__

    @wraps(function)
    def flat(theta: Any, *states: Any, **given: Any) -> Any:
        left = iter(states)
        lists = [_take(left, name, key, start, given) for key, start in initial.items()]
        result = function(theta, *lists, **given)
        if not isinstance(result, tuple) or len(result) != 1 + len(lists):
            raise RuleError(
                f"rule {name}{return_line(function, 1 + len(lists))}: expected a tuple of the next "
                f"{', '.join(['theta', *initial])}"
            )
        new, *after = result
        pairs = zip(initial, lists, after, strict=True)
        return (new, *(entry for pair in pairs for entry in _entries(function, *pair)))

    return flat


def _take(
    states: Iterator[Any], rule: str, name: str, start: Initial | Repeat, given: Mapping[str, Any]
) -> Any:
    """Take the next state, or the states of the next list."""
    if not isinstance(start, Repeat):
        return next(states)
    return list(islice(states, _length(rule, name, start, values=given)))


def list_arguments(function: Callable[..., Any], states: Iterable[str]) -> set[str]:
    """Return the arguments of a function that are lists of states."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD,)
    arguments = inspect.signature(function).parameters.values()
    return {p.name for p in arguments if p.kind in kinds} - {"theta", *states}


def _entries(function: Callable[..., Any], name: str, before: Any, after: Any) -> Iterator[Any]:
    """Give the next values of a state, or of each state of a list."""
    if not isinstance(before, list):
        yield after
        return
    if not isinstance(after, list | tuple) or len(after) != len(before):
        given = f"{len(after)} values" if isinstance(after, list | tuple) else f"{after!r}"
        raise RuleError(
            f"rule {function.__name__}{return_line(function)}: returns {given} as the next "
            f"{name}; expected a list of {len(before)}"
        )
    yield from after
