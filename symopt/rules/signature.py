"""What a rule's function says before it is called: states, hyperparameters, needs."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from symopt.errors import RuleError, did_you_mean
from symopt.ir.update import Initial
from symopt.rules.counts import Repeat, check_count, find_counts
from symopt.rules.hyperparameters import check_hyperparameter
from symopt.rules.source_lines import definition_line
from symopt.rules.symbols import FILLED_IN, NEEDS, grad0, theta0
from symopt.validation import is_real_number

RESULTS = {
    "param",
    "start",
    "step",
    "target",
    "loss",
    "theta",
    "best_loss",
    "best_theta",
    "status",
    "steps",
    "gradient_evaluations",
    "hit",
    "history_loss",
    "history_theta",
}
"""What the axes and variables of a sweep's results are called, which an axis cannot be."""


@dataclass(frozen=True)
class Signature:
    """A rule's function from outside.

    Attributes
    ----------
    name
        What it is called.
    initial
        Where each state starts, or all states of a list.
    values
        The default of each hyperparameter and option.
    needs, wanted
        What a cost must have, and what is to be filled in.
    """

    name: str
    initial: dict[str, Initial | Repeat]
    values: dict[str, Any]
    needs: tuple[str, ...]
    wanted: tuple[str, ...]


class Place:
    """Where a function is defined, in words; its source is looked up only if they are asked for."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __str__(self) -> str:
        return f"rule {self.function.__name__}{definition_line(self.function)}"


def read_signature(
    function: Callable[..., Any],
    states: Mapping[str, Any],
    iterate: str,
    needs: Iterable[str],
    first: tuple[str, ...] = ("theta",),
) -> Signature:
    """Return a function's signature, checked; ``first`` are its arguments before the states.

    Raises
    ------
    RuleError
        With the line in which the function is defined.
    """
    if not inspect.isfunction(function):
        raise RuleError(
            f"rule: {function!r} is a {type(function).__name__}; expected a function made by def"
        )
    parameters = list(inspect.signature(function).parameters.values())
    where = Place(function)
    _check_kinds(parameters, [*first, *states], where)
    keyword = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    counts = find_counts(function, keyword, states)
    values = {
        key: _default(f"rule {function.__name__}", key, value, counts=counts)
        for key, value in _values(keyword, states, where).items()
    }
    initial = {name: _initial(name, start, values, where=where) for name, start in states.items()}
    if iterate != "theta" and iterate not in states:
        raise RuleError(
            f"{where}: iterate={iterate!r} is not a state{did_you_mean(str(iterate), states)}"
        )
    wanted = tuple(p.name for p in keyword if p.name in FILLED_IN)
    return Signature(function.__name__, initial, values, _needs(needs, wanted, where), wanted)


def _check_kinds(parameters: list[inspect.Parameter], expected: list[str], where: Place) -> None:
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    if any(p.kind is p.POSITIONAL_ONLY for p in parameters):
        raise RuleError(f"{where}: a / among the arguments is not allowed; leave it out")
    if any(p.kind not in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) for p in parameters):
        raise RuleError(
            f"{where}: *args and **kwargs are not allowed; name every state and hyperparameter"
        )
    if positional != expected:
        raise RuleError(
            f"{where}: the arguments before * are {', '.join(positional) or 'none'}; expected "
            "theta and then the "
            f"states of the decorator in its order: {', '.join(expected)}"
        )


def _values(
    keyword: list[inspect.Parameter], states: Mapping[str, Any], where: Place
) -> dict[str, Any]:
    """Return the defaults of what is not filled in."""
    given = [p.name for p in keyword if p.default is not p.empty]
    taken = [name for name in states if name in ("n", "t", "T")] + [
        n for n in given if n in FILLED_IN
    ]
    if taken:
        raise RuleError(
            f"{where}: {taken[0]} is what symopt's own equations call something; choose another "
            "name"
        )
    if named := [name for name in given if name in RESULTS]:
        raise RuleError(
            f"{where}: {named[0]} is what the results of a sweep call something; choose another "
            "name"
        )
    for parameter in keyword:
        if parameter.name not in FILLED_IN and parameter.default is parameter.empty:
            near = did_you_mean(parameter.name, FILLED_IN)
            asks = ""
            if "did you mean" in near:
                asks = near
            raise RuleError(
                f"{where}: {parameter.name} needs a default, as in {parameter.name}=0.9{asks}"
            )
    return {p.name: p.default for p in keyword if p.name not in FILLED_IN}


def _default(rule: str, name: str, value: Any, counts: set[str]) -> Any:
    """Return the default of a hyperparameter or an option, checked."""
    if name in counts:
        return check_count(f"{rule}({name}={value!r})", value)
    if type(value) is int:  # a number as any other
        value = float_or_inf(value)
    return check_hyperparameter(rule, name, value, default=value)


def _needs(stated: Iterable[str], wanted: Iterable[str], where: Place) -> tuple[str, ...]:
    if isinstance(stated, str) or not isinstance(stated, Iterable):
        names = [stated]
    else:
        names = list(stated)
    for name in names:
        if name not in NEEDS:
            raise RuleError(f"{where}: needs={name!r}{did_you_mean(str(name), NEEDS)}")
    return tuple(name for name in NEEDS if name in names or name in wanted)


def float_or_inf(value: Any) -> float:
    """Return a number as a float, infinite where it is beyond float64."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _initial(name: str, start: Any, values: Mapping[str, Any], where: Place) -> Initial | Repeat:
    if isinstance(start, Repeat):
        return _repeated(name, start, values, where=where)
    return _single(name, start, values, where=where)


def _repeated(name: str, start: Repeat, values: Mapping[str, Any], where: Place) -> Repeat:
    """Return where all states of a list start."""
    count: Any = start.count
    if isinstance(count, str):
        count = values.get(count)
    if type(count) is not int or count < 0:
        raise RuleError(
            f"{where}: the state {name} is repeated {start.count!r} times; expected a whole number "
            f"or the name of a whole-number option, as in so.repeat(0, 'K') with K: int = 3"
        )
    return Repeat(_single(name, start.start, values, where=where), start.count)


def _single(name: str, start: Any, values: Mapping[str, Any], where: Place) -> Initial:
    if start is theta0 or start is grad0:
        if start is theta0:
            return "theta0"
        return "grad0"
    if isinstance(start, str) and start in values:
        return start
    if is_real_number(start) and abs(float_or_inf(start)) < math.inf:
        return float(start)
    raise RuleError(
        f"{where}: the state {name} starts at {start!r}; expected a number, the name of a "
        "hyperparameter, so.theta0, so.grad0, or several states as in so.repeat(0, 3)"
    )
