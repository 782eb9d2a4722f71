"""The rules by name: the published ones, and those of installed packages."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from typing import Any

from symopt.errors import RuleError, SymoptWarning, did_you_mean
from symopt.lazy import cached_property
from symopt.optim import catalogue
from symopt.rules.rule import Rule

GROUP = "symopt.rules"
"""The group of entry points that packages register rules in."""
TEXTBOOK = ("gd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "nadam")
"""The rules of the textbook chapter."""
STANDING = {name: rule for name, rule in vars(catalogue).items() if isinstance(rule, Rule)}
PUBLISHED: dict[str, Rule] = {name: STANDING[name] for name in (*TEXTBOOK, *STANDING)}
"""The rules of symopt itself, the textbook's first."""


class Registry(Mapping[str, Rule]):
    """The rules by name: iterate over the names, get one by ``[name]`` or as an attribute."""

    @cached_property
    def _rules(self) -> dict[str, Rule]:
        return {**_load_installed(), **PUBLISHED}

    @property
    def textbook(self) -> dict[str, Rule]:
        """The rules of the textbook chapter, by name: gradient descent, momentum, ... Nadam."""
        return {name: self._rules[name] for name in TEXTBOOK}

    def __getitem__(self, name: str) -> Rule:
        try:
            return self._rules[name]
        except KeyError:
            raise RuleError(
                f"there is no optimizer {name!r}{did_you_mean(name, self._rules)}"
            ) from None

    def __getattr__(self, name: str) -> Rule:
        if name.startswith("_") or name not in self._rules:
            near = ""
            if not name.startswith("_"):
                near = did_you_mean(name, self._rules)
            raise AttributeError(f"there is no optimizer {name!r}{near}")
        return self._rules[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return a rule by its name, or the default."""
        return self._rules.get(name, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def __contains__(self, name: object) -> bool:
        return name in self._rules

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._rules]

    def __repr__(self) -> str:
        return f"optimizers: {', '.join(self._rules)}"


def _load_installed() -> dict[str, Rule]:
    """Load the rules that installed packages register, those that can be loaded."""
    found = {}
    for point in entry_points(group=GROUP):
        try:
            rule = point.load()
        except Exception as error:  # noqa: BLE001  whatever another package does when it is imported
            warnings.warn(
                f"the rule {point.name} of {point.value} is left out: {error}",
                SymoptWarning,
                stacklevel=2,
            )
            continue
        reason = _unfit(point.name, rule)
        if reason:
            warnings.warn(
                f"the rule {point.name} of {point.value} is left out: {reason}",
                SymoptWarning,
                stacklevel=2,
            )
        else:
            found[point.name] = rule
    return found


def _unfit(name: str, rule: Any) -> str:
    """Return why a rule of a package cannot be listed, or nothing."""
    if not isinstance(rule, Rule):
        return f"it is a {type(rule).__name__}, expected a rule"
    if name in PUBLISHED:
        return "symopt has a rule of this name"
    try:
        rule.update  # noqa: B018  its equations are read
    except RuleError as error:
        return str(error)
    return ""


def is_published(rule: Rule) -> bool:
    """Return whether a rule stands in symopt itself, not in a user's catalogue."""
    module = rule.function.__module__
    return module.startswith("symopt.optim.") and module != "symopt.optim.catalogue"


def compared_rules() -> dict[str, Rule]:
    """Return the rules that a race compares: the textbook's, and the user's."""
    own = [name for name, rule in RULES.items() if not is_published(rule)]
    return {**RULES.textbook, **{name: RULES[name] for name in own}}


RULES = Registry()
"""Every rule, by its name."""
