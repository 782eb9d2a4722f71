"""Examines a cost at a point: compiled numbers beside the user's own expression."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

from symopt.diagnosis.check import Check, Row, row
from symopt.diagnosis.looks import Run, special_places
from symopt.diagnosis.losses import largest_loss
from symopt.diagnosis.rays import Expansion, Rays
from symopt.diagnosis.reference import Place, Reference
from symopt.ir.keys import Key, Parameter
from symopt.ir.program import Program
from symopt.validation import Array

NO_VALUE = "J has no value at this point"
NOT_ONCE = "not differentiable as written at this point: a subgradient is taken"
NOT_TWICE = "not twice differentiable as written at this point"
BY_DEFINITION = "by its definition along the axes"
NOT_COMPARED = "not compared: a kink or a singular place in sums too long for its definition"
BY_VALUES = "from values of J"
MOST_WATCHED = 50_000  # parts of J that are looked at one by one: some ten seconds
NEARLY_ALL = 15.5  # digits: of numbers that hold more, no loss is told


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
    reference
        The right numbers.
    program, gradient, run
        The programs of J and of J with its gradient, and their interpreter at the point.
    expansion
        J along rays; None where it takes too long.
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
    reference: Reference
    program: Program
    gradient: Program
    run: Run
    expansion: Expansion | None
    remark: str = ""
    why: str = ""


def examine(subject: Subject, digits: float) -> Check:
    """Compare every number of a cost at a point, and name what was met there."""
    inputs: dict[Key, str] = {Parameter(k): name for k, name in enumerate(subject.names)}
    look = subject.reference.kinked or not subject.reference.long
    places = []
    if look:
        places = special_places(subject.program, subject.run, inputs)
    rows = list(_rows(subject, bool(places), digits))
    if not places:
        rows += _along(subject, digits)
    loss = None
    if _is_lossy(subject, rows):
        loss = largest_loss(subject.gradient, subject.run, inputs)
    told = tuple(filter(None, [subject.why, *places]))
    return Check(tuple(rows), digits, loss, places=told, remark=subject.remark)


def _is_lossy(subject: Subject, rows: Sequence[Row]) -> bool:
    """Tell whether some number has lost digits, so that the cause is worth finding."""
    if subject.reference.steps > MOST_WATCHED or not mp.isfinite(rows[0].true):
        return False
    return any(
        not one.ok or (one.digits < NEARLY_ALL and not subject.reference.long) for one in rows
    )


def _rows(subject: Subject, special: bool, digits: float) -> Iterable[Row]:
    if subject.expansion is None:
        rays = None
    else:
        rays = Rays(subject.expansion, len(subject.point))
    true, changed = subject.reference(())
    if not mp.isfinite(true) and rays is not None:
        true, changed = rays.value, mp.mpf(0)
    yield row("J", subject.value, true, changed=changed, digits=digits)
    nowhere = not (mp.isfinite(true) or np.isfinite(subject.value))
    for place, name, kernel in _derivatives(subject):
        true, changed = subject.reference(place)
        note = ""
        if nowhere:
            note = NO_VALUE
        if not nowhere and (special or not mp.isfinite(true)):
            true, note = _by_definition(rays, place, true)
        yield row(name, kernel, true, changed=changed, digits=digits, note=note)


def _derivatives(subject: Subject) -> Iterator[tuple[Place, str, float]]:
    """Give every derivative: where it stands, its name and what compiled code gives."""
    for k, name in enumerate(subject.names):
        yield (k,), f"dJ/d{name}", float(subject.slopes[k])
    if subject.curvatures is None:
        return
    for i, one in enumerate(subject.names):
        yield (i, i), f"d2J/d{one}2", float(subject.curvatures[i, i])
        for j, other in enumerate(subject.names[i + 1 :], start=i + 1):
            yield (i, j), f"d2J/d{one}d{other}", float(subject.curvatures[i, j])


def _by_definition(rays: Rays | None, place: Place, symbolic: Any) -> tuple[Any, str]:
    """Return the derivative by its definition, and a note; SymPy's own where both agree."""
    if rays is None:
        return mp.nan, NOT_COMPARED
    if len(place) == 1:
        words, found = NOT_ONCE, rays.gradient(*place)
    else:
        words, found = NOT_TWICE, rays.hessian(*place)
    if np.isnan(found):
        return mp.nan, words
    if mp.isfinite(symbolic) and (
        float(symbolic) == found or abs(symbolic - found) <= 1e-12 * abs(symbolic)
    ):
        return symbolic, ""
    return mp.mpf(found), BY_DEFINITION


def _along(subject: Subject, digits: float) -> Iterable[Row]:
    """Compare reverse mode with values of J alone, along fixed directions."""
    n = len(subject.point)
    u, v = 1.0 / np.arange(1.0, n + 1.0), np.cos(np.arange(float(n)))
    (along, noise), (between, curved_noise) = subject.reference.along(u, v)
    if not (mp.isfinite(along) and np.isfinite(subject.slopes).all()):
        return
    changes = [abs(weight) * subject.reference((k,))[1] for k, weight in enumerate(v.tolist())]
    size = float(np.abs(subject.slopes) @ np.abs(v)) * 2.0**-53
    changed = mp.fsum([size, noise, *filter(mp.isfinite, changes)])
    slope = float(subject.slopes @ v)
    if _is_told_from_zero(slope, along, noise):
        yield row("v.grad J", slope, along, changed=changed, digits=digits, note=BY_VALUES)
    product = subject.product(v)
    if np.isfinite(product).all() and mp.isfinite(between):
        size = float(np.abs(u) @ np.abs(product)) * 2.0**-53
        changed = mp.fsum([size, curved_noise, *_changes(subject, u, v)])
        curvature = float(u @ product)
        if _is_told_from_zero(curvature, between, curved_noise):
            yield row("u.(H v)", curvature, between, changed=changed, digits=digits, note=BY_VALUES)


def _is_told_from_zero(kernel: float, true: Any, noise: Any) -> bool:
    """Tell whether values of J are fine enough to tell a number from 0."""
    return bool(true != 0 or kernel == 0 or abs(kernel) > noise)


def _changes(subject: Subject, u: Array, v: Array) -> Iterable[Any]:
    """Return how far one ulp of the inputs moves the entries in u.(H v)."""
    if not subject.reference.curved:
        return []
    places = itertools.product(range(len(u)), range(len(v)))
    changes = (abs(u[i] * v[j]) * subject.reference((min(i, j), max(i, j)))[1] for i, j in places)
    return filter(mp.isfinite, changes)
