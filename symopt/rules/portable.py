"""Rules on the way to other processes: by name where they can be imported, else by equations.

A rule's function is called once, to read its equations, so that these are all that a rule needs:
one of ``__main__``, of a notebook or of another function is sent with them. A rule in a module that
can be imported is looked up there by its name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from importlib import import_module
from typing import TYPE_CHECKING, Any

from symopt.frontend.written import read, write
from symopt.rules.traced import TracedFunction

if TYPE_CHECKING:
    from symopt.rules.rule import Rule

HERE_ALONE = ("__main__", "__mp_main__")
"""Modules that are others in each process."""
MADE_OF = "made_of"
"""The attribute of a function that says what it was made of."""


@dataclass(frozen=True)
class Name:
    """A function by its module and its name there."""

    module: str
    name: str

    def find(self) -> Any:
        """Return what stands there: of a rule its function, of a wrapper the whole of it."""
        found: Any = import_module(self.module)
        for part in self.name.split("."):
            found = getattr(found, part)
        return getattr(found, "function", vars(found).get(MADE_OF, found))


@dataclass(frozen=True)
class Wrapped:
    """The function of a wrapped rule by what it is made of."""

    make: Callable[..., Any]
    arguments: tuple[Any, ...]

    def find(self) -> Any:
        """Return the function, the same one for the same parts."""
        wrapper, inner, *rest = self.arguments
        return self.make(wrapper, inner.find(), *rest)


def name_of(function: Callable[..., Any], value: Any = None) -> Name | None:
    """Return the name by which another process finds a function, or what was made of it.

    None where it finds none: in ``__main__``, in a notebook, inside of another function.
    """
    module, name = function.__module__, getattr(function, "__qualname__", "<none>")
    if module in HERE_ALONE or "<" in name or not _can_be_imported(module):
        return None
    found = Name(module, name)
    try:
        known = found.find()
    except (AttributeError, ImportError, TypeError):
        return None
    if known is (value or function):
        return found
    return None


def _can_be_imported(module: str) -> bool:
    """Tell whether a search finds a module's package: not one that was made or loaded by path."""
    if module not in sys.modules:
        return False
    package = module.partition(".")[0]
    return any(finder.find_spec(package, None) is not None for finder in sys.meta_path)


def _way_of(function: Callable[..., Any]) -> Name | Wrapped | None:
    """Return how a function is found elsewhere; None if it is not."""
    made_of = vars(function).get(MADE_OF)
    if made_of is None:
        return name_of(function)
    make, wrapper, inner, *rest = made_of
    within = _way_of(inner)
    if within is None or name_of(wrapper.function, wrapper) is None:
        return None
    return Wrapped(make, (wrapper, within, *rest))


def take_apart(rule: Rule) -> tuple[Callable[..., Rule], tuple[Any, ...]]:
    """Return what a pickle holds of a rule."""
    kept = {one.name: getattr(rule, one.name) for one in fields(rule) if one.name != "function"}
    way: Any = None
    if not isinstance(rule.function, TracedFunction):
        way = _way_of(rule.function)
    if way is None:
        way = rule.function
        kept = _without_words(rule, kept)
    if not isinstance(way, Name | Wrapped | TracedFunction):
        way = TracedFunction.of(rule)
    return put_together, (type(rule), way, {**kept, "values": write(rule.values)})


def put_together(
    kind: type[Rule], way: Name | Wrapped | TracedFunction, kept: dict[str, Any]
) -> Rule:
    """Return the rule that :func:`take_apart` took apart."""
    function: Any = way
    if not isinstance(way, TracedFunction):
        function = way.find()
    return kind(function=function, **{**kept, "values": read(kept["values"])})


def _without_words(rule: Rule, kept: dict[str, Any]) -> dict[str, Any]:
    """Return the parts with what is said of a rule in place of the functions that say it."""
    said = {f"said {k}": words for k, words in enumerate(rule.told(rule))}
    return {name: value for name, value in kept.items() if name != "told"} | {
        "notes": {**said, **rule.notes}
    }
