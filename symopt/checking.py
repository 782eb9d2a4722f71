"""What is checked of a cost at a point: its compiled numbers, and the user's own expression beside them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from symopt.at_point import runner
from symopt.autodiff.contract import contracted
from symopt.diagnosis.check import Check
from symopt.diagnosis.examine import Subject, examined
from symopt.diagnosis.expand import over_sums, written_out
from symopt.diagnosis.own import MOST_STEPS, Inputs, OwnExpression, TooLongError
from symopt.diagnosis.reference import MOST_CURVED, Reference
from symopt.errors import CostError, SymoptWarning
from symopt.floats import Array
from symopt.nonfinite import why_value
from symopt.points import Flat
from symopt.where import read_where

MOST_WATCHED = 50_000  # parts of J that are looked at for losses, one by one
MOST_EXPANDED = 500  # parts of J that are expanded along rays


def checked(cost: Any, at: Any, digits: float) -> Check:
    """Return the check of a cost whose constants are given.

    Raises
    ------
    CostError
        If the point is not one point of finite numbers, or the sums have too many terms.
    """
    point, sizes = cost.points(at)
    if point.ndim != 1 or not np.isfinite(point).all():
        raise CostError(f"at={at!r}; expected one point, with a finite number for each parameter")
    constants = {name: float(value) for name, value in _numbers(cost.check_constants({})).items()}
    reference = _reference(cost, point, sizes, constants)
    value = float(cost.value(Flat(point)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SymoptWarning)  # what they say stands in the table
        slopes = cost.grad(Flat(point))
        curvatures = cost.hessian(Flat(point)) if reference.curved else None
    subject = Subject(
        point=point,
        names=cost.labels(sizes),
        value=value,
        slopes=slopes,
        curvatures=curvatures,
        product=lambda v: cost.hvp(Flat(point), Flat(v)),
        reference=reference,
        program=contracted(cost._value),
        gradient=cost.program if reference.steps <= MOST_WATCHED else None,
        run=runner(cost, point, sizes, constants),
        expansion=_expansion(cost, point, sizes, constants) if reference.steps <= MOST_EXPANDED else None,
        remark="; ".join(_remarks(reference)),
        why="" if np.isfinite(value) else why_value(cost, point, sizes, constants),
    )
    return examined(subject, digits)


def _remarks(reference: Reference) -> list[str]:
    """Return what was not looked at, and why."""
    return []


def _numbers(constants: Mapping[str, Any]) -> Mapping[str, Any]:
    for name, value in constants.items():
        if np.ndim(value):
            raise CostError(f"constant {name} has shape {np.shape(value)}; a check takes one number")
    return constants


def _reference(cost: Any, point: Array, sizes: Any, constants: Mapping[str, float]) -> Reference:
    """Return the right numbers."""
    names = cost.labels(sizes)
    inputs = Inputs(
        point=point.tolist(),
        places={name: k for k, name in enumerate(names)},
        constants=constants,
        data={} if sizes is None else cost.data,
    )
    if sizes is None:
        return Reference(OwnExpression(cost.expression, {}, {}), inputs)
    definitions = {target: value for target, (value, _) in read_where(cost.ingredients.where).items()}
    return Reference(OwnExpression(cost.expression, definitions, sizes.sizes), inputs)


def _expansion(cost: Any, point: Array, sizes: Any, constants: Mapping[str, float]) -> Any:
    if sizes is None:
        return written_out(cost._value, point, constants)
    return over_sums(cost._value, point, constants, sizes, cost.data)
