"""The operations of a program in 50 digits, and node by node beside those of compiled code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np

from symopt.autodiff.program import Node
from symopt.compiler import plain, vecmath
from symopt.diagnosis.truth import DIGITS

EXACT: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "div": lambda a, b: a / b,
    "neg": lambda a: -a, "fma": lambda a, b, c: a * b + c, "abs": abs, "pow": mp.power,
    "lt": lambda a, b: a < b, "le": lambda a, b: a <= b, "eq": lambda a, b: a == b, "ne": lambda a, b: a != b,
    "and": lambda a, b: a and b, "or": lambda a, b: a or b, "select": lambda c, a, b: a if c else b,
    "xlogx": lambda a: a * mp.log(a) if a else a, "log1mexp": lambda a: mp.log(-mp.expm1(a)),
    "log_erfc": lambda a: mp.log(mp.erfc(a)), "erfcx": lambda a: mp.exp(a * a) * mp.erfc(a),
    "gauss": lambda a: mp.exp(-a * a), "sech2": lambda a: mp.sech(a) ** 2, "log_cosh": lambda a: mp.log(mp.cosh(a)),
    "sigmoid": lambda a: 1 / (1 + mp.exp(-a)), "softplus": lambda a: mp.log1p(mp.exp(a)),
    "mod": lambda a, b: a - b * mp.floor(a / b),
}  # fmt: skip
"""Those whose names are not mpmath's own."""


def exactly(node: Node, args: list[Any]) -> Any:
    """Return the value of a node in 50 digits, NaN where it has no real one."""
    with mp.workdps(DIGITS):
        if node.op == "const":
            return mp.mpf(node.payload)
        try:
            value = (EXACT.get(node.op) or getattr(mp, node.op))(*args)
        except (ValueError, ZeroDivisionError, OverflowError):
            return mp.nan
        return mp.nan if isinstance(value, mp.mpc) else value


def in_doubles(node: Node, args: list[Any]) -> Any:
    """Return the value of a node with the bits of compiled code."""
    with np.errstate(all="ignore"):
        if node.op == "const":
            return np.float64(node.payload)  # type: ignore[arg-type]
        return (plain.OPERATIONS.get(node.op) or getattr(vecmath, node.op))(*args)


def both(node: Node, args: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    """Return the value of a node in doubles and in 50 digits."""
    return in_doubles(node, [one for one, _ in args]), exactly(node, [other for _, other in args])
