"""A class of another library, its arguments and defaults, and the rule they make."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symopt.errors import RuleError, did_you_mean
from symopt.optim.wrappers import ascend, weight_decay
from symopt.rules.hyperparameters import short
from symopt.rules.rule import Rule


@dataclass(frozen=True)
class Counterpart:
    """How one class of a library is written here.

    Attributes
    ----------
    name
        The class, as the library spells it.
    version
        The version whose trajectories this was compared with.
    make
        From keyword arguments as the library has them to the rule.
    fixed
        Arguments without a counterpart, with the only value that is taken.
    renamed
        Old names of arguments.
    """

    name: str
    version: str
    make: Callable[..., Rule]
    fixed: Mapping[str, Any]
    renamed: Mapping[str, str]

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments that have a counterpart, with their defaults."""
        return {name: p.default for name, p in inspect.signature(self.make).parameters.items()}

    def rate(self) -> dict[str, float]:
        """Return a learning rate for a class that has none of its own."""
        missing = (None, inspect.Parameter.empty)
        if self.arguments.get("learning_rate", 0.0) in missing:
            return {"learning_rate": 0.001}
        return {}

    def __call__(self, **given: Any) -> Rule:
        """Return the rule.

        Raises
        ------
        RuleError
            If an argument is unknown, missing or has no counterpart.
        """
        named = self._named(given)
        for name, default in self.arguments.items():
            if default is inspect.Parameter.empty and name not in named:
                raise RuleError(
                    f"{self.name} needs {name}, as in so.like({self.name!r}, {name}=0.01)"
                )
        for name, value in named.items():
            self._check_kind(name, value, self.arguments[name])
        try:
            return self.make(**named)
        except RuleError as error:
            raise RuleError(f"{self.name}: {str(error).removeprefix(f'{self.name}: ')}") from None

    def _named(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments that have a counterpart, by their present names."""
        named = {}
        for old, value in given.items():
            name = self.renamed.get(old, old)
            if name in self.fixed:
                self._check_fixed(name, value)
            elif name not in self.arguments:
                known = [*self.arguments, *self.fixed]
                raise RuleError(f"{self.name} has no argument {name!r}{did_you_mean(name, known)}")
            elif name in named:
                twice = ", ".join(
                    other for other in given if self.renamed.get(other, other) == name
                )
                raise RuleError(f"{self.name}: {name} is given twice, as {twice}")
            else:
                named[name] = value
        return named

    def _check_kind(self, name: str, value: Any, default: Any) -> None:
        """Refuse what is no flag where one is asked for, and groups of another length."""
        where = f"{self.name}({name}={short(value)})"
        if isinstance(default, bool) and not isinstance(value, bool | np.bool_):
            raise RuleError(f"{where}: expected True or False")
        if isinstance(default, tuple) and not (
            isinstance(value, tuple | list) and len(value) == len(default)
        ):
            raise RuleError(f"{where}: expected {len(default)} values, as in {name}={default}")

    def _check_fixed(self, name: str, value: Any) -> None:
        default = self.fixed[name]
        if value is not default and value != default:
            raise RuleError(
                f"{self.name}({name}={short(value)}): {name} has no counterpart in symopt; leave "
                "it out, or at "
                f"{short(default)}"
            )


LIBRARIES: dict[str, Counterpart] = {}
"""Every class that has a counterpart, by its name."""


def counterpart(
    name: str, version: str, fixed: Mapping[str, Any], renamed: Mapping[str, str] | None = None
) -> Callable[[Callable[..., Rule]], Callable[..., Rule]]:
    """Register how a class of a library is written here."""

    def register(make: Callable[..., Rule]) -> Callable[..., Rule]:
        LIBRARIES[name] = Counterpart(name, version, make, fixed, renamed or {})
        return make

    return register


def with_more(
    make: Callable[..., Rule], more: Mapping[str, Any], finish: Callable[..., Rule]
) -> Callable[..., Rule]:
    """Add arguments that all classes of a library take, for ``finish(rule, ...)``.

    What ``make`` takes itself under one of their names stays its own.
    """
    own = inspect.signature(make)
    added = {name: default for name, default in more.items() if name not in own.parameters}

    def whole(**given: Any) -> Rule:
        rest = {name: given.pop(name, default) for name, default in added.items()}
        return finish(make(**given), **rest)

    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter(name, keyword, default=default) for name, default in added.items()
    ]
    whole.__signature__ = own.replace(parameters=[*own.parameters.values(), *parameters])  # type: ignore[attr-defined]
    return whole


def or_none(value: Any) -> Any:
    """Return an argument, None where it is off."""
    if is_off(value):
        return None
    return value


def is_off(value: Any) -> bool:
    """Return whether an argument is None, False or the number 0."""
    return value is None or (np.ndim(value) == 0 and bool(value == 0))


def add_decay(rule: Rule, decay: Any, decoupled: bool = False, fixed: bool = False) -> Rule:
    """Return a rule with weight decay, where it is not 0; ``fixed``: not multiplied by eta."""
    if is_off(decay):
        return rule
    return weight_decay(rule, decay, decoupled=decoupled, times_eta=not fixed)


def choose_direction(rule: Rule, maximize: bool) -> Rule:
    """Return a rule that climbs if it is told to."""
    if maximize:
        return ascend(rule)
    return rule
