"""Inverses and determinants of numbers with derivatives: the reference for those of kernels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import mpmath as mp

from symopt.diagnosis.elimination import Eliminator, Entries
from symopt.diagnosis.jets import Arithmetic, Jet

MINUS = Jet(-1)


def eliminate_jets(
    arithmetic: Arithmetic, kind: str, matrix: Sequence[Sequence[Jet | None]]
) -> Entries:
    """Return the entries of an inverse or of a determinant, None where there is no real value."""
    eliminator = Eliminator(partial(_apply, arithmetic), lambda number: Jet(mp.mpf(number)))
    return eliminator.entries(kind, matrix)


def _apply(arithmetic: Arithmetic, op: str, args: list[Any]) -> Any:
    if op == "select":
        condition, yes, no = args
        if condition:
            return yes
        return no
    if None in args:
        return None
    return OPERATIONS[op](arithmetic, *args)


def _negative(arithmetic: Arithmetic, one: Jet) -> Jet:
    return arithmetic.multiply([MINUS, one])


def _difference(arithmetic: Arithmetic, one: Jet, other: Jet) -> Jet:
    return arithmetic.add([one, _negative(arithmetic, other)])


def _quotient(arithmetic: Arithmetic, one: Jet, other: Jet) -> Jet | None:
    x = other.value
    if x == 0:
        return None
    inverse = arithmetic.chain(1 / x, [other], lambda _: -1 / x**2, lambda *_: 2 / x**3)
    return arithmetic.multiply([one, inverse])


def _absolute(arithmetic: Arithmetic, one: Jet) -> Jet:
    if one.value < 0:
        return _negative(arithmetic, one)
    return one


def _logarithm(arithmetic: Arithmetic, one: Jet) -> Jet | None:
    x = one.value
    if x == 0:
        return None
    return arithmetic.chain(mp.log(x), [one], lambda _: 1 / x, lambda *_: -1 / x**2)


OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": lambda arithmetic, one, other: arithmetic.add([one, other]),
    "sub": _difference,
    "mul": lambda arithmetic, one, other: arithmetic.multiply([one, other]),
    "neg": _negative,
    "div": _quotient,
    "abs": _absolute,
    "log": _logarithm,
    "sign": lambda _, one: Jet(mp.sign(one.value)),
    "lt": lambda _, one, other: one.value < other.value,
    "eq": lambda _, one, other: one.value == other.value,
}
