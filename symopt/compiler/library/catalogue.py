"""The functions that a kernel can call, copied into its file with all that they call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from symopt.compiler.library import (
    exponential,
    gamma_functions,
    hyperbolic,
    large_arguments,
    philox,
    shuffle,
    special,
    trigonometric,
)

FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: made
    for module in (
        exponential,
        trigonometric,
        hyperbolic,
        special,
        gamma_functions,
        large_arguments,
        philox,
        shuffle,
    )
    for name, made in vars(module).items()
    if inspect.isfunction(made) and made.__module__ == module.__name__
}
"""By name, callees first."""


def source(names: Iterable[str]) -> str:
    """Return the text of functions and of all that they call, in order."""
    needed: set[str] = set()
    stack = list(names)
    while stack:
        name = stack.pop()
        if name not in needed:
            needed.add(name)
            stack += [called for called in FUNCTIONS[name].__code__.co_names if called in FUNCTIONS]
    return "\n\n".join(
        inspect.getsource(made) for name, made in FUNCTIONS.items() if name in needed
    )
