"""like: an optimizer of another library, as a rule."""

from __future__ import annotations

import dataclasses
import difflib
from typing import Any

import numpy as np

from symopt.errors import RuleError
from symopt.interop.counterpart import LIBRARIES, Counterpart
from symopt.interop.library_rule import WORDS
from symopt.rules.hyperparameters import short
from symopt.rules.rule import Rule

ALIASES = {"tf.keras.": "keras.", "tensorflow.keras.": "keras."}


def like(name: Any, /, **arguments: Any) -> Rule:
    """Return the rule whose theta is what another library keeps in its parameter variable.

    Parameters
    ----------
    name
        The class, as that library spells it, or the class itself: ``"torch.optim.Adam"``,
        ``"keras.optimizers.SGD"``, ``"optax.nadam"``, ``"schedulefree.AdamWScheduleFree"``.
    **arguments
        That library's own keyword arguments; its defaults stand for the rest. A learning rate may
        be a schedule in ``so.t``, and numbers may be arrays: axes of a sweep.

    Returns
    -------
    Rule
        Printing it says in words how it differs from the paper.

    Raises
    ------
    RuleError
        If the class is not known, or an argument is unknown, missing, or has no counterpart here.

    Examples
    --------
    >>> import symopt as so
    >>> print(so.like("torch.optim.Adagrad", lr=0.1))
    torch.optim.Adagrad(lr=0.1)
    is adagrad(eta=0.1, epsilon=1e-10, initial_accumulator=0, epsilon_inside=False)
    and differs from the paper:
    - epsilon is added to the root, not under it
    - epsilon is 1e-10 by default, 1e-08 in the paper
    """
    found = find(name)
    rule = found(**arguments)
    given = ", ".join(f"{key}={short(value)}" for key, value in arguments.items())
    return dataclasses.replace(
        rule, origin=f"{found.name}({given})", notes=_other_defaults(found, rule)
    )


def _other_defaults(found: Counterpart, rule: Rule) -> dict[str, str]:
    """Return the defaults of a class that differ from the paper's, where the rule has them."""
    rates = found.rate()
    usual = found(**rates)
    if usual.function is not rule.function:
        return {}
    numbers = {
        key: value for key, value in usual.hyperparameters.items() if isinstance(value, float)
    }
    kept = {
        key: value
        for key, value in numbers.items()
        if np.ndim(rule.values[key]) == 0 and rule.values[key] == value
    }
    return {
        key: f"{key} is {value:g} by default, {rule.defaults[key]:g} in the paper"
        for key, value in kept.items()
        if _is_other(rule.defaults[key], value)
        and key not in WORDS
        and not (key == "eta" and rates)
    }


def _is_other(paper: Any, value: float) -> bool:
    return isinstance(paper, float) and value != paper


def find(name: Any) -> Counterpart:
    """Return the counterpart of a class, given by its name or as such.

    Raises
    ------
    RuleError
        If there is none.
    """
    if not isinstance(name, str):
        name = _known_spelling(name)
    for alias, proper in ALIASES.items():
        if name.startswith(alias):
            name = proper + name.removeprefix(alias)
    if name in LIBRARIES:
        return LIBRARIES[name]
    raise RuleError(f"there is no counterpart of {name!r}{_near(name)}")


def _near(name: str) -> str:
    """Return the classes that may be meant: those with near names, else the library's."""
    library, _, own = name.rpartition(".")
    classes = [
        known.rpartition(".")[2] for known in LIBRARIES if known.rpartition(".")[0] == library
    ]
    if near := difflib.get_close_matches(own, classes, n=1, cutoff=0.75):
        return f" (did you mean {f'{library}.{near[0]}'!r}?)"
    if own in ("LBFGS", "lbfgs"):
        return '; so.scipy(J, "L-BFGS-B", start=...) is near to it'
    known = [f"{library}.{known}" for known in classes] or list(LIBRARIES)
    return f"; known: {', '.join(known)}"


def _known_spelling(given: Any) -> str:
    """Return the known spelling of a class: its library and its own name."""
    own, library = (
        getattr(given, "__name__", ""),
        getattr(given, "__module__", "").partition(".")[0],
    )
    matches = [
        name for name in LIBRARIES if name.split(".")[0] == library and name.split(".")[-1] == own
    ]
    if not matches:
        raise RuleError(
            f"{given!r} has no counterpart; "
            'expected a class such as "torch.optim.Adam", or its name'
        )
    return matches[0]
