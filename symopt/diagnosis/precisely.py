"""The operations of a program in 50 digits, and node by node beside those of compiled code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np

from symopt.compiler.runtime import interpreter
from symopt.diagnosis.truth import (
    DIGITS,
    atan2,
    below,
    exp,
    real_loggamma,
    sinc_curvature,
    sinc_slope,
)
from symopt.ir.program import Node


def _select(condition: Any, yes: Any, no: Any) -> Any:
    if condition:
        return yes
    return no


def _xlogx(a: Any) -> Any:
    if a == 0:
        return a
    return a * mp.log(a)


def _log1mexp(a: Any) -> Any:
    if a > -1:
        return mp.log(-mp.expm1(a))
    return mp.log1p(-mp.exp(a))


def _sigmoid_slope(a: Any) -> Any:
    small = mp.exp(-abs(a))
    return small / (1 + small) ** 2


def _erfcx(a: Any) -> Any:
    if a < 1e10:
        return mp.exp(a * a) * mp.erfc(a)
    return (
        (1 - 1 / (2 * a**2) + 3 / (4 * a**4) - 15 / (8 * a**6) + 105 / (16 * a**8))
        / a
        / mp.sqrt(mp.pi)
    )


def _erfcx_slope(a: Any) -> Any:
    if a < 1e10:
        with mp.extradps(20 + 2 * int(mp.log10(1 + abs(a)))):
            return 2 * a * _erfcx(a) - 2 / mp.sqrt(mp.pi)
    return -(1 / a**2 - 3 / (2 * a**4) + 15 / (4 * a**6) - 105 / (8 * a**8)) / mp.sqrt(mp.pi)


def _log_erfc(a: Any) -> Any:
    if a > 1:
        return mp.log(_erfcx(a)) - a * a
    return mp.log1p(-mp.erf(a))


EXACT: dict[str, Callable[..., Any]] = {
    "exp": exp,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "fma": lambda a, b, c: a * b + c,
    "abs": abs,
    "pow": mp.power,
    "pow_less": lambda a, p: mp.power(a, p - 1),
    "root_less": lambda a, b: mp.sqrt(a + b) - mp.sqrt(b),
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "select": _select,
    "xlogx": _xlogx,
    "log1mexp": _log1mexp,
    "log_erfc": _log_erfc,
    "erfcx": _erfcx,
    "gauss": lambda a: mp.exp(-a * a),
    "sech2": lambda a: mp.sech(a) ** 2,
    "log_cosh": lambda a: mp.log(mp.cosh(a)),
    "sigmoid": lambda a: 1 / (1 + mp.exp(-a)),
    "softplus": lambda a: mp.log1p(mp.exp(a)),
    "mod": lambda a, b: a - b * mp.floor(a / b),
    "atan2": atan2,
    "sinc_slope": sinc_slope,
    "sinc_curvature": sinc_curvature,
    "loggamma": real_loggamma,
    "digamma": lambda a: mp.psi(0, a),
    "trigamma": lambda a: mp.psi(1, a),
    "tetragamma": lambda a: mp.psi(2, a),
    "pentagamma": lambda a: mp.psi(3, a),
    "log_slope": lambda a: 1 / a,
    "log1p_slope": lambda a: 1 / (1 + a),
    "xlogx_slope": lambda a: 1 + mp.log(a),
    "sigmoid_slope": _sigmoid_slope,
    "log1mexp_slope": lambda a: mp.exp(a) / mp.expm1(a),
    "sech_slope": lambda a: -mp.sech(a) * mp.tanh(a),
    "csch_slope": lambda a: -mp.csch(a) * mp.coth(a),
    "coth_slope": lambda a: -(mp.csch(a) ** 2),
    "tan_slope": lambda a: mp.sec(a) ** 2,
    "cot_slope": lambda a: -(mp.csc(a) ** 2),
    "sec_slope": lambda a: mp.sec(a) * mp.tan(a),
    "csc_slope": lambda a: -mp.csc(a) * mp.cot(a),
    "asin_slope": lambda a: 1 / mp.sqrt(1 - a * a),
    "atanh_slope": lambda a: 1 / (1 - a * a),
    "atan_slope": lambda a: 1 / (1 + a * a),
    "asinh_slope": lambda a: 1 / mp.sqrt(1 + a * a),
    "acosh_slope": lambda a: 1 / mp.sqrt(a * a - 1),
    "gauss_slope": lambda a: -2 * a * mp.exp(-a * a),
    "erfcx_slope": _erfcx_slope,
    "log_erfc_slope": lambda a: -2 / mp.sqrt(mp.pi) / _erfcx(a),
    "log_erfc_curvature": lambda a: 2 / mp.sqrt(mp.pi) * _erfcx_slope(a) / _erfcx(a) ** 2,
}
"""Those whose names are not mpmath's own."""
PERIODIC = (
    "sin",
    "cos",
    "tan",
    "sec",
    "csc",
    "cot",
    "tan_slope",
    "cot_slope",
    "sec_slope",
    "csc_slope",
    "sinc",
    "sinc_slope",
    "sinc_curvature",
)
HYPERBOLIC = ("sinh", "cosh", "sech", "csch", "sech_slope", "csch_slope", "coth_slope", "sech2")
EXACT |= {name: below(EXACT.get(name) or getattr(mp, name)) for name in (*PERIODIC, *HYPERBOLIC)}


def exactly(node: Node, args: list[Any]) -> Any:
    """Return the value of a node in 50 digits, NaN where it has no real one."""
    with mp.workdps(DIGITS):
        if node.op == "const":
            return mp.mpf(node.payload)
        try:
            value = (EXACT.get(node.op) or getattr(mp, node.op))(*args)
        except (ValueError, ZeroDivisionError, OverflowError):
            return mp.nan
        if value is None or isinstance(value, mp.mpc):
            return mp.nan
        return value


def in_doubles(node: Node, args: list[Any]) -> Any:
    """Return the value of a node with the bits of compiled code."""
    with np.errstate(all="ignore"):
        if node.op == "const":
            return np.float64(node.payload)  # type: ignore[arg-type]
        return interpreter.value_of(node.op)(*args)


def both(node: Node, args: list[tuple[Any, Any]]) -> tuple[Any, Any]:
    """Return the value of a node in doubles and in 50 digits."""
    return in_doubles(node, [one for one, _ in args]), exactly(node, [other for _, other in args])
