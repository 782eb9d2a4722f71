"""The table of operations: what a node may be, how it is written, and what it is worth.

Whatever works on programs looks here: printers take symbols and how tightly they bind, the
interpreter takes ``evaluate``, passes ask what is commutative or a step. Partial derivatives are
registered by name in ``autodiff.partials``; the elementary functions have their code, and with it
their value, under the same name in ``compiler.library``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

SUM, PRODUCT, SIGN, ATOM = 1, 2, 3, 4
"""How tightly an expression binds: a sum, a product, a sign, and what needs no brackets."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation of programs.

    Attributes
    ----------
    name, arity
        What it is called, and how many arguments it takes.
    symbol
        What is written between two arguments or before one; without it, it is called by name.
    binds
        How tightly it binds where it is written with a symbol.
    evaluate
        Its value, of float64 arguments; None for the functions of the library.
    truth
        Whether it gives a truth value.
    commutative
        Whether its arguments may be exchanged, bit by bit.
    step
        Whether it is constant between jumps, so that its derivative is 0 where it has one.
    composed
        Whether it is written out by others before code is made, and has none of its own.
    """

    name: str
    arity: int
    symbol: str = ""
    binds: int = ATOM
    evaluate: Callable[..., Any] | None = None
    truth: bool = False
    commutative: bool = False
    step: bool = False
    composed: bool = False


def _arithmetic() -> Iterable[Operation]:
    yield Operation(
        name="add", arity=2, symbol="+", binds=SUM, evaluate=operator.add, commutative=True
    )
    yield Operation(name="sub", arity=2, symbol="-", binds=SUM, evaluate=operator.sub)
    yield Operation(
        name="mul", arity=2, symbol="*", binds=PRODUCT, evaluate=operator.mul, commutative=True
    )
    yield Operation(name="div", arity=2, symbol="/", binds=PRODUCT, evaluate=operator.truediv)
    yield Operation(name="neg", arity=1, symbol="-", binds=SIGN, evaluate=operator.neg)
    yield Operation(name="select", arity=3, evaluate=lambda test, a, b: a if test else b)


def _relations() -> Iterable[Operation]:
    comparisons = {
        "lt": ("<", operator.lt),
        "le": ("<=", operator.le),
        "eq": ("==", operator.eq),
        "ne": ("!=", operator.ne),
    }
    logic = {"and": ("&", operator.and_), "or": ("|", operator.or_)}
    for name, (symbol, evaluate) in {**comparisons, **logic}.items():
        yield Operation(
            name=name,
            arity=2,
            symbol=symbol,
            binds=ATOM,  # always in brackets
            evaluate=evaluate,
            truth=True,
            commutative=name not in ("lt", "le"),
            step=True,
        )


FUNCTIONS = {
    1: (
        "sqrt abs floor sign exp expm1 log log1p log1mexp softplus sigmoid xlogx "
        "sin cos tan sec csc cot asin acos atan sinh cosh tanh sech csch coth "
        "asinh acosh atanh log_cosh erf erfc erfcx log_erfc gauss sech2 "
        "sin_far cos_far sin_far_part cos_far_part "
        "log_slope log1p_slope log1mexp_slope sigmoid_slope xlogx_slope tan_slope cot_slope "
        "sec_slope csc_slope asin_slope atan_slope sech_slope csch_slope coth_slope "
        "asinh_slope acosh_slope atanh_slope gauss_slope erfcx_slope log_erfc_slope "
        "log_erfc_curvature "
        "sinc sinc_slope sinc_curvature "
        "gamma loggamma digamma trigamma tetragamma pentagamma"
    ),
    2: "atan2 hypot binomial pow pow_less root_less mod mod_far logaddexp vanishing guarded steep",
    3: "fma",
}
"""What is called by name, by the number of arguments."""
STEPS = {"floor", "sign"}
COMPOSED = {"logaddexp", "vanishing", "guarded", "steep"}


def _functions() -> Iterable[Operation]:
    for arity, names in FUNCTIONS.items():
        for name in names.split():
            yield Operation(name=name, arity=arity, step=name in STEPS, composed=name in COMPOSED)


OPERATIONS = {one.name: one for one in (*_arithmetic(), *_relations(), *_functions())}
"""By name; reductions over loops are not among them, since they bind a variable."""

LOGIC = {"and", "or"}
COMPARISONS = {one.name for one in OPERATIONS.values() if one.truth} - LOGIC
COMMUTATIVE = {one.name for one in OPERATIONS.values() if one.commutative}
REDUCTIONS = {"sum", "prod", "peak"}
