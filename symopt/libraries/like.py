"""like: an optimizer of another library, as a rule."""

from __future__ import annotations

import dataclasses
from typing import Any

from symopt.errors import RuleError, did_you_mean
from symopt.hyper import short
from symopt.libraries import keras, optax, packages, torch
from symopt.libraries.counterpart import LIBRARIES, Counterpart
from symopt.rule import Rule

MODULES = (torch, optax, keras, packages)
ALIASES = {"tf.keras.": "keras.", "tensorflow.keras.": "keras."}


def like(name: Any, /, **arguments: Any) -> Rule:
    """Return the rule whose theta is what another library keeps in its parameter variable.

    Parameters
    ----------
    name
        The class, as that library spells it, or the class itself: ``"torch.optim.Adam"``,
        ``"keras.optimizers.SGD"``, ``"optax.nadam"``, ``"schedulefree.AdamWScheduleFree"``.
    **arguments
        That library's own keyword arguments; its defaults stand for the rest. A learning rate may be
        a schedule in ``so.t``, and numbers may be arrays: axes of a sweep.

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
    >>> print(so.like("keras.optimizers.SGD", learning_rate=0.001, momentum=0.9, nesterov=True))
    keras.optimizers.SGD(learning_rate=0.001, momentum=0.9, nesterov=True)
    is nesterov(eta=0.001, beta=0.9, shifted=True, eta_inside=True)
    and differs from the paper:
    - theta is the point looked ahead to, at which the gradient is taken: the same trajectory while beta \
and eta are constant, read the share beta of a step further on
    """
    found = find(name)
    rule = found(**arguments)
    given = ", ".join(f"{key}={short(value)}" for key, value in arguments.items())
    return dataclasses.replace(rule, origin=f"{found.name}({given})")


def find(name: Any) -> Counterpart:
    """Return the counterpart of a class, given by its name or as such.

    Raises
    ------
    RuleError
        If there is none.
    """
    if not isinstance(name, str):
        name = _spelled(name)
    for alias, proper in ALIASES.items():
        name = proper + name.removeprefix(alias) if name.startswith(alias) else name
    if name in LIBRARIES:
        return LIBRARIES[name]
    near = did_you_mean(name, LIBRARIES) or f"; known: {', '.join(LIBRARIES)}"
    raise RuleError(f"there is no counterpart of {name!r}{near}")


def _spelled(given: Any) -> str:
    """Return how a class or function is spelled among the known ones: by its library and its own name."""
    own, library = getattr(given, "__name__", ""), getattr(given, "__module__", "").partition(".")[0]
    matches = [name for name in LIBRARIES if name.split(".")[0] == library and name.split(".")[-1] == own]
    if not matches:
        raise RuleError(f'{given!r} has no counterpart; expected a class such as "torch.optim.Adam", or its name')
    return matches[0]
