"""A cost examined at one point: every number of compiled code beside the user's expression in 50 digits."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp

from symopt.autodiff.program import Key, Program
from symopt.diagnosis.check import Check, Row, moved, row
from symopt.diagnosis.looks import Run, largest_loss, special_places
from symopt.diagnosis.rays import Expansion, Rays
from symopt.diagnosis.truth import DIGITS, truth
from symopt.floats import Array

NO_VALUE = "J has no value at this point"
NOT_ONCE = "not differentiable as written at this point: a subgradient is taken"
NOT_TWICE = "not twice differentiable as written at this point"
BY_DEFINITION = "by its definition along the axes"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A cost at a point.

    Attributes
    ----------
    point
        The parameters, flat, and ``names`` of them.
    value, slopes, curvatures
        What compiled code gives; no curvatures where they are not asked for.
    product
        The Hessian times a direction, by compiled code.
    expression
        The user's own expression with every parameter in ``symbols``; None where it is too long.
    numbers
        What other symbols stand for.
    program, run
        The program of J, and its interpreter at the point.
    expansion
        J along rays.
    remark
        What was not looked at, and why.
    why
        Why J is not finite, in words.
    """

    point: Array
    names: Sequence[str]
    value: float
    slopes: Array
    curvatures: Array | None
    product: Callable[[Array], Array]
    expression: sp.Expr | None
    symbols: Sequence[sp.Symbol]
    numbers: Mapping[sp.Symbol, float]
    program: Program
    run: Run
    expansion: Expansion
    remark: str = ""
    why: str = ""


def examined(subject: Subject, digits: float) -> Check:
    """Return the digits that hold."""
    inputs: dict[Key, str] = {("x", k): name for k, name in enumerate(subject.names)}
    places = special_places(subject.program, subject.run, inputs)
    rays = Rays(subject.expansion, len(subject.point))
    rows = [*_rows(subject, rays, bool(places), digits), *_against_each_other(subject, rays, digits)]
    loss = largest_loss(subject.program, subject.run, inputs)
    return Check(tuple(rows), digits, loss, tuple(filter(None, [subject.why, *places])), subject.remark)


def _rows(subject: Subject, rays: Rays, special: bool, digits: float) -> Iterable[Row]:
    reference = _Reference(subject)
    true, changed = reference(reference.value)
    if subject.expression is None:
        true, changed = rays.value, mp.mpf(0)
    yield row("J", subject.value, true, changed, digits)
    nowhere = not (mp.isfinite(true) or np.isfinite(subject.value))

    def derivative(name: str, kernel: float, symbolic: sp.Expr | None, find: Callable[[], float], size: float) -> Row:
        true, changed = reference(symbolic)
        changed = changed if mp.isfinite(changed) else mp.mpf(size) * 2.0**-53
        words = NOT_ONCE if name.startswith("dJ") else NOT_TWICE
        if nowhere:
            return row(name, kernel, mp.nan, changed, digits, NO_VALUE)
        note = ""
        if special or not mp.isfinite(true):
            true, note = _by_definition(find(), true, words)
        return row(name, kernel, true, changed, digits, note)

    sizes = (
        np.zeros((len(subject.point),) * 2) if subject.curvatures is None else np.nan_to_num(np.abs(subject.curvatures))
    )
    for k, name in enumerate(subject.names):
        kernel, size = float(subject.slopes[k]), float(sizes[k] @ np.abs(subject.point))
        yield derivative(f"dJ/d{name}", kernel, reference.slope(k), partial(rays.gradient, k), size)
    if subject.curvatures is None:
        return
    for i, j in itertools.combinations_with_replacement(range(len(subject.names)), 2):
        one, other = subject.names[i], subject.names[j]
        name = f"d2J/d{one}d{other}" if i != j else f"d2J/d{one}2"
        kernel, size = float(subject.curvatures[i, j]), float(sizes[i].max())
        yield derivative(name, kernel, reference.curvature(i, j), partial(rays.hessian, i, j), size)


def _by_definition(found: float, symbolic: Any, words: str) -> tuple[Any, str]:
    """Return the derivative that the definition gives at a special place, and a note; SymPy's own where both agree."""
    if np.isnan(found):
        return mp.nan, words
    if mp.isfinite(symbolic) and abs(symbolic - found) <= 1e-12 * abs(symbolic):
        return symbolic, ""
    return mp.mpf(found), BY_DEFINITION


class _Reference:
    """The user's expression and SymPy's derivatives of it, at the point and a rounding beside it."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.value = subject.expression
        points = [subject.point.tolist(), moved(subject.point, 1), moved(subject.point, -1)]
        self._numbers = [
            {symbol: mp.mpf(float(number)) for symbol, number in subject.numbers.items()}
            | dict(zip(subject.symbols, map(mp.mpf, point), strict=True))
            for point in points
        ]

    def __call__(self, expression: sp.Expr | None) -> tuple[Any, Any]:
        """Return the value in 50 digits, and the most that it changes where inputs move by an ulp."""
        if expression is None:
            return mp.nan, mp.nan
        here, *beside = (truth(expression, numbers) for numbers in self._numbers)
        with mp.workdps(DIGITS):
            changes = [abs(other - here) for other in beside if mp.isfinite(other)]
        return here, max(changes, default=mp.nan)

    def slope(self, k: int) -> sp.Expr | None:
        """Return dJ/dx_k."""
        return self._derivative(self.subject.symbols[k])

    def curvature(self, i: int, j: int) -> sp.Expr | None:
        """Return d2J/dx_i dx_j."""
        return self._derivative(self.subject.symbols[i], self.subject.symbols[j])

    def _derivative(self, *symbols: sp.Symbol) -> sp.Expr | None:
        """Return SymPy's derivative, None where it finds none: of some remainders it recurs without end."""
        try:
            return None if self.value is None else self.value.diff(*symbols)
        except (RecursionError, ArithmeticError, AttributeError, NotImplementedError, TypeError, ValueError):
            return None


def _against_each_other(subject: Subject, rays: Rays, digits: float) -> Iterable[Row]:
    """Compare reverse mode with the definition, and the Hessian with its transpose, along fixed directions."""
    n = len(subject.point)
    u, v = 1.0 / np.arange(1.0, n + 1.0), np.cos(np.arange(float(n)))
    along = rays.slope(v)
    if np.isfinite(along) and np.isfinite(subject.slopes).all():
        size = float(np.abs(subject.slopes) @ np.abs(v)) * 2.0**-53
        yield row("v.grad J", float(subject.slopes @ v), mp.mpf(along), mp.mpf(size), digits, "beside its definition")
    if subject.curvatures is None or not np.isfinite(subject.curvatures).all():
        return
    one, other = subject.product(v), subject.product(u)
    size = float(np.abs(u) @ np.abs(subject.curvatures) @ np.abs(v)) * 2.0**-53
    yield row("u.(H v)", float(u @ one), mp.mpf(float(v @ other)), mp.mpf(size), digits, "beside v.(H u)")
