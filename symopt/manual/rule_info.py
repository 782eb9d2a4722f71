"""What is known of a rule: equations, source, defaults, limit, counterparts."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import sympy as sp

from symopt import theory
from symopt.errors import RuleError
from symopt.interop.counterpart import LIBRARIES
from symopt.interop.like import find, like
from symopt.lazy import cached_property
from symopt.optim.registry import PUBLISHED, RULES
from symopt.optim.wrappers import WRAPPERS
from symopt.rules.hyperparameters import short
from symopt.rules.rule import Rule

ACCUMULATORS = ("v", "s", "u", "n_")
"""States that steps are divided by."""
EXAMPLES = "\nExamples\n--------\n"


@dataclass(frozen=True)
class Card:
    """What is known of a rule.

    Attributes
    ----------
    name
        The rule, or the class of a library.
    rule
        The rule itself.
    arguments
        The defaults of the class, if it is one.
    """

    name: str
    rule: Rule
    arguments: Mapping[str, Any]

    @property
    def title(self) -> str:
        """The first line of the docstring: what it is, and its source."""
        return headline(self.rule).removesuffix(".") or self.name

    @property
    def spelled(self) -> str:
        """How it is written in Python."""
        if self.name in LIBRARIES:
            return f"so.like({self.name!r}, ...)"
        if self.name in PUBLISHED or self.name in WRAPPERS:
            return f"so.{self.name}"
        return f"so.optimizers.{self.name}"

    @property
    def text(self) -> str:
        """The docstring between its first line and its examples."""
        return self.rule.doc.partition("\n")[2].partition(EXAMPLES)[0].strip()

    @property
    def example(self) -> str:
        """The examples of the docstring, as they are run and what they print."""
        return self.rule.doc.partition(EXAMPLES)[2].strip()

    @property
    def equations(self) -> dict[str, sp.Expr]:
        """The next value of each state and of theta; a prime marks the next value."""
        return {left.name: right for left, right in self.rule.equations.items()}

    @property
    def states(self) -> dict[str, Any]:
        """Where the states that are used start."""
        used = {name.removesuffix("'") for name in self.equations}
        return {name: start for name, start in self.rule.states.items() if name in used}

    @cached_property
    def limit(self) -> tuple[sp.Expr, str] | None:
        """The largest stable learning rate on lambda*theta**2/2, where a formula is known.

        With it the state that is held for that, if the rule divides by one that moves.
        """
        for held in ("", *(name for name in ACCUMULATORS if name in self.states)):
            try:
                formula = theory.stability_limit(self.rule, held=held or ())
            except RuleError:
                continue
            if isinstance(formula, sp.Expr):
                return formula, held
        return None

    @property
    def libraries(self) -> dict[str, Rule]:
        """The calls of other libraries that make this rule, or their own variant of it."""
        return {
            call: rule for call, rule in _rules_by_call().items() if rule.name == self.rule.name
        }


OTHERWISE: list[tuple[str, dict[str, Any]]] = [
    (name, given)
    for name in ("torch.optim.SGD", "optax.sgd", "keras.optimizers.SGD")
    for given in ({"momentum": 0.9}, {"momentum": 0.9, "nesterov": True})
] + [(name, {"amsgrad": True}) for name in ("torch.optim.Adam", "keras.optimizers.Adam")]
"""Calls that make another rule than the class does at its defaults."""


@cache
def _rules_by_call() -> dict[str, Rule]:
    """Make the rule of every class of a library, by the call that makes it."""
    calls: list[tuple[str, dict[str, Any]]] = [*((name, {}) for name in LIBRARIES), *OTHERWISE]
    full = [(name, {**LIBRARIES[name].rate(), **given}) for name, given in calls]
    return {_call(name, given): like(name, **given) for name, given in full}


def _call(name: str, given: Mapping[str, Any]) -> str:
    arguments = [repr(name), *(f"{key}={value}" for key, value in given.items())]
    return f"so.like({', '.join(arguments)}, ...)"


def card(name: str) -> Card:
    """Return what is known of a rule, a wrapper (around gd) or a class, by its name.

    Raises
    ------
    RuleError
        If there is neither.

    Examples
    --------
    >>> card("nesterov").limit
    (2*(beta + 1)/(lambda*(2*beta + 1)), '')
    >>> card("adam").limit
    (2*(beta1 + 1)*(epsilon + sqrt(v))/(lambda*(1 - beta1)), 'v')
    >>> card("keras.optimizers.Nadam").rule.name
    'nadam'
    """
    if name in WRAPPERS:
        return Card(name, WRAPPERS[name](RULES["gd"]), {})
    if name in RULES or "." not in name:
        return Card(name, RULES[name], {})
    found = find(name)
    arguments = {
        key: "required" if value is inspect.Parameter.empty else value
        for key, value in found.arguments.items()
    }
    return Card(found.name, like(found.name, **found.rate()), arguments)


def headline(rule: Rule) -> str:
    """Return the first line of a rule's docstring."""
    return rule.doc.partition("\n")[0]


def lines(found: Card) -> list[str]:
    """Return a card as lines of text."""
    rule = found.rule
    shown = [found.title, ""]
    if found.arguments:
        compared = f"Compared with version {LIBRARIES[found.name].version}"
        shown = [
            *str(rule).splitlines(),
            "",
            compared,
            "",
            "Arguments",
            *_pairs(found.arguments),
            "",
            *shown,
        ]
    shown += [*found.text.splitlines(), "", "Equations (a prime marks the next value)"]
    shown += [f"    {left} = {right}" for left, right in found.equations.items()]
    if found.limit is not None:
        formula, held = found.limit
        shown += [
            "",
            f"Stable on lambda*theta**2/2{f', while {held} is held,' * bool(held)}",
            f"    below eta = {formula}",
        ]
    shown += ["", "Values" if found.arguments else "Defaults", *_pairs(rule.values)]
    shown += [f"    {state} starts at {first}" for state, first in found.states.items()]
    if rule.needs:
        shown += ["", f"Needs of the cost: {', '.join(rule.needs)}"]
    if not found.arguments and found.libraries:
        shown += ["", "In other libraries"]
        for call, made in found.libraries.items():
            shown += [f"    {call}", *(f"    - {words}" for words in made.differences)]
    return shown


def _pairs(values: Mapping[str, Any]) -> list[str]:
    return [f"    {name} = {short(value)}" for name, value in values.items()]
