"""A rule's function as its equations: what travels of a rule that no other process can import."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import sympy as sp

from symopt.errors import RuleError
from symopt.frontend.written import read, write
from symopt.rules.bounds import Bound
from symopt.rules.hyperparameters import is_option
from symopt.rules.symbols import FILLED_IN, T, n, normal, t, theta
from symopt.rules.tracing import LET, trace

if TYPE_CHECKING:
    from symopt.rules.rule import Rule

MOST_CHOICES = 16
"""Combinations of options up to which the equations of all of them travel."""
Options = tuple[tuple[str, Any], ...]
"""The options of a rule, sorted by name."""


@dataclass(frozen=True)
class Equations:
    """The equations under one choice of the options.

    Attributes
    ----------
    new
        The next value of theta and of each state.
    named
        What was given a name on the way, in that order.
    """

    new: tuple[tuple[str, sp.Expr], ...]
    named: tuple[tuple[sp.Symbol, sp.Expr], ...]

    def __getstate__(self) -> dict[str, Any]:
        return {"new": write(self.new), "named": write(self.named)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(read(state))


@dataclass(frozen=True)
class TracedFunction:
    """A function of a rule that gives back the equations which were read from another one.

    Attributes
    ----------
    name, doc
        The name and the docstring of the other function.
    states
        The names of the states.
    choices
        The equations by the options.
    """

    name: str
    doc: str
    states: tuple[str, ...]
    choices: tuple[tuple[Options, Equations], ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "__name__", self.name)
        object.__setattr__(self, "__doc__", self.doc)

    @classmethod
    def of(cls, rule: Rule) -> TracedFunction:
        """Read the equations of a rule, under its options and under others that they may have."""
        found: dict[Options, Equations] = {}
        for options in _combinations(rule):
            values = {**rule.values, **options}
            try:
                new, named = trace(
                    rule.function,
                    rule.name,
                    rule.states,
                    values=values,
                    defaults=rule.defaults,
                    wanted=rule.wanted,
                )
            except RuleError:
                if not found:  # the rule's own options
                    raise
                continue
            found[_options(values, values)] = Equations(tuple(new.items()), tuple(named.items()))
        return cls(rule.function.__name__, rule.doc, tuple(rule.states), tuple(found.items()))

    def __call__(self, point: sp.Expr, *states: sp.Expr, **given: Any) -> tuple[sp.Expr, ...]:
        """Return the next values, with what is given in the place of what they were read with.

        Raises
        ------
        RuleError
            If the options are others than those that travelled.
        """
        equations = self._under(given)
        reader = _Reader({theta: point, **_symbols(self.states, states)}, given)
        for symbol, value in equations.named:
            reader.places[symbol] = given[LET](symbol.name, reader(value))
        return tuple(reader(value) for _, value in equations.new)

    def _under(self, given: Mapping[str, Any]) -> Equations:
        names = dict(self.choices[0][0])
        wanted = _options({name: given[name] for name in names}, names)
        for options, equations in self.choices:
            if options == wanted:
                return equations
        raise RuleError(
            f"{self.name} came from another process with {_shown(self.choices[0][0])}, and not "
            f"with the equations of {_shown(wanted)}; define it in a module, or give it these "
            "options before it is sent"
        )


class _Reader:
    """Writes equations with other expressions in the place of symbols and of what is filled in."""

    def __init__(self, places: dict[sp.Symbol, sp.Expr], given: Mapping[str, Any]) -> None:
        own = {t: "t", T: "T", n: "n"}
        values = {name: value for name, value in given.items() if name not in FILLED_IN}
        self.places = {
            sp.Symbol(name, real=True): value
            for name, value in values.items()
            if isinstance(value, sp.Basic)
        }
        self.places |= {symbol: given[name] for symbol, name in own.items() if name in given}
        self.places |= places
        self.calls = {
            FILLED_IN[name]: given[name]
            for name in given
            if isinstance(FILLED_IN.get(name), type) and given[name] is not FILLED_IN[name]
        }
        self.draws: dict[sp.Expr, sp.Expr] = {}

    def __call__(self, value: sp.Expr) -> sp.Expr:
        """Return an expression; one in which nothing changes is left as it is."""
        if not value.args:
            return self.places.get(value, value)
        if isinstance(value, normal) and normal in self.calls:
            return self._draw(value)
        args = [self(one) for one in value.args]
        if type(value) in self.calls:
            return self.calls[type(value)](*args)
        if all(new is old for new, old in zip(args, value.args, strict=True)):
            return value
        return value.func(*args)

    def _draw(self, value: sp.Expr) -> sp.Expr:
        """Return the draw that stands for one of the equations: each is taken once."""
        if value not in self.draws:
            self.draws[value] = self.calls[normal]()
        return self.draws[value]


def _symbols(names: tuple[str, ...], values: tuple[sp.Expr, ...]) -> dict[sp.Symbol, sp.Expr]:
    return {sp.Symbol(name, real=True): one for name, one in zip(names, values, strict=True)}


def _combinations(rule: Rule) -> Iterator[dict[str, Any]]:
    """Give the options of a rule, and then the others that they may be, unless these are many."""
    yield {}
    choices = {name: _possible(rule, name) for name in rule.defaults}
    open_ = {name: values for name, values in choices.items() if len(values) > 1}
    combinations = list(product(*open_.values()))
    if len(combinations) <= MOST_CHOICES:
        yield from (dict(zip(open_, values, strict=True)) for values in combinations)


def _possible(rule: Rule, name: str) -> tuple[Any, ...]:
    """Return what an option may be: truth values, texts, or none and a number."""
    default, place = rule.defaults[name], rule.ranges.get(name)
    if isinstance(default, bool):
        return (False, True)
    if isinstance(default, str) and isinstance(place, tuple):
        return place
    if default is None:
        return (None, 1.0)
    return (rule.values[name],)


def _options(values: Mapping[str, Any], names: Mapping[str, Any]) -> Options:
    """Return the options among values; a number is any number, and so is a bound."""
    chosen = {name: values[name] for name in sorted(names)}
    for name, value in chosen.items():
        if not is_option(value) or isinstance(value, Bound):
            chosen[name] = "a number"
    return tuple(chosen.items())


def _shown(options: Options) -> str:
    return ", ".join(f"{name}={value}" for name, value in options if value != "a number")
