"""What is checked of a cost at a point: its compiled numbers, and the user's own expression beside them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy as sp

from symopt.at_point import runner
from symopt.autodiff.contract import contracted
from symopt.diagnosis.check import Check
from symopt.diagnosis.examine import Subject, examined
from symopt.diagnosis.expand import over_sums, written_out
from symopt.diagnosis.writing_out import MOST_TERMS, TooLongError, WritingOut
from symopt.errors import CostError, SymoptWarning
from symopt.floats import Array
from symopt.nonfinite import why_value
from symopt.points import Flat
from symopt.where import read_where

MOST_CHECKED = 40  # parameters: a Hessian of them has 820 entries


def checked(cost: Any, at: Any, digits: float) -> Check:
    """Return the check of a cost whose constants are given.

    Raises
    ------
    CostError
        If the point is not one point of at most ``MOST_CHECKED`` finite numbers.
    """
    point, sizes = cost.points(at)
    if point.ndim != 1 or not np.isfinite(point).all():
        raise CostError(f"at={at!r}; expected one point, with a finite number for each parameter")
    if len(point) > MOST_CHECKED:
        raise CostError(f"at has {len(point)} parameters; expected at most {MOST_CHECKED}: check a smaller size")
    constants = {name: float(value) for name, value in _numbers(cost.check_constants({})).items()}
    expression, numbers, remark = _own_expression(cost, sizes, constants)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SymoptWarning)  # what they say stands in the table
        slopes, curvatures = cost.grad(Flat(point)), cost.hessian(Flat(point))
    names, value = cost.labels(sizes), float(cost.value(Flat(point)))
    subject = Subject(
        point=point,
        names=names,
        value=value,
        slopes=slopes,
        curvatures=curvatures,
        product=lambda v: cost.hvp(Flat(point), Flat(v)),
        expression=expression,
        symbols=[sp.Symbol(name, real=True) for name in names],
        numbers=numbers,
        program=contracted(cost._value),
        run=runner(cost, point, sizes, constants),
        expansion=_expansion(cost, point, sizes, constants),
        remark=remark,
        why="" if np.isfinite(value) else why_value(cost, point, sizes, constants),
    )
    return examined(subject, digits)


def _numbers(constants: Mapping[str, Any]) -> Mapping[str, Any]:
    for name, value in constants.items():
        if np.ndim(value):
            raise CostError(f"constant {name} has shape {np.shape(value)}; a check takes one number")
    return constants


def _own_expression(
    cost: Any, sizes: Any, constants: Mapping[str, float]
) -> tuple[sp.Expr | None, dict[sp.Symbol, float], str]:
    """Return the user's expression, sums written out, what its symbols stand for, and what cannot be had."""
    numbers = {sp.Symbol(name, real=True): value for name, value in constants.items()}
    if sizes is None:
        return cost.expression, numbers, ""
    definitions = {target: value for target, (value, _) in read_where(cost.ingredients.where).items()}
    writing = WritingOut(definitions, cost.data, sizes.sizes)
    try:
        expression = writing(cost.expression)
    except (TooLongError, RecursionError):
        words = f"written out, the sums have more than {MOST_TERMS} terms: derivatives are checked by their definition"
        return None, numbers, words
    return expression, {**numbers, **writing.numbers}, ""


def _expansion(cost: Any, point: Array, sizes: Any, constants: Mapping[str, float]) -> Any:
    if sizes is None:
        return written_out(cost._value, point, constants)
    return over_sums(cost._value, point, constants, sizes, cost.data)
