"""What is checked of a cost at a point: compiled numbers beside the user's expression."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from symopt.costs.intermediates import read_where
from symopt.costs.nonfinite import why_value
from symopt.costs.objective import BoundObjective
from symopt.costs.points import Flat
from symopt.diagnosis.check import Check
from symopt.diagnosis.examine import Subject, examine
from symopt.diagnosis.own import MOST_STEPS, Inputs, OwnExpression, TooLongError
from symopt.diagnosis.reference import MOST_CURVED, Reference
from symopt.diagnosis.truth import DIGITS
from symopt.errors import CostError, SymoptWarning
from symopt.passes.fma import form_fma
from symopt.validation import check_number

MOST_DIGITS = 17
MOST_EXPANDED = 500  # parts of J that are expanded along rays


def check_cost(cost: Any, at: Any, digits: float) -> Check:
    """Compare a cost at a point with its expression in many digits; its constants are given.

    Raises
    ------
    CostError
        If the point is not one point of finite numbers, or the sums have too many terms.
    """
    expected = f"a number from 0 to {MOST_DIGITS}, the digits of a double"
    digits = check_number(digits, "digits", expected, error=CostError, least=0, most=MOST_DIGITS)
    bound = cost.bind(at)
    point = bound.start
    if point.ndim != 1 or not np.isfinite(point).all():
        raise CostError(
            f"at={_short(at)}; expected one point, with a finite number for each parameter"
        )
    constants = _numbers(bound.given.constants)
    reference = _reference(cost, bound, constants)
    value = float(cost.value(Flat(point)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SymoptWarning)  # what they say stands in the table
        slopes = cost.grad(Flat(point))
        curvatures = None
        if reference.curved:
            curvatures = cost.hessian(Flat(point))
    expansion = None
    if reference.steps <= MOST_EXPANDED:
        expansion = bound.expansion(point, constants)
    why = ""
    if not np.isfinite(value):
        why = why_value(bound, point, constants)
    subject = Subject(
        point=point,
        names=bound.sizes.labels(),
        value=value,
        slopes=slopes,
        curvatures=curvatures,
        product=lambda v: cost.hvp(Flat(point), Flat(v)),
        reference=reference,
        program=form_fma(bound.form.value_program),
        gradient=bound.form.program,
        run=bound.interpreters(point, constants),
        expansion=expansion,
        remark=_remark(reference),
        why=why,
    )
    return examine(subject, digits)


def _remark(reference: Reference) -> str:
    """Say which comparison was left out, and why."""
    count = len(reference.inputs.point)
    why = "its sums are too long"
    if count > MOST_CURVED:
        why = f"there are {count} parameters"
    if reference.curved:
        return ""
    return f"the Hessian is compared only along two directions, as u.(H v): {why}"


def _short(at: Any) -> str:
    text = repr(at)
    if len(text) <= 100:
        return text
    return f"{text[:80]}..."


def _numbers(constants: Mapping[str, Any]) -> dict[str, float]:
    for name, value in constants.items():
        if np.ndim(value):
            raise CostError(
                f"constant {name} has shape {np.shape(value)}; expected one number: check one of "
                "them at a time"
            )
    return {name: float(value) for name, value in constants.items()}


def _reference(cost: Any, bound: BoundObjective, constants: Mapping[str, float]) -> Reference:
    """Make the reference of right numbers."""
    where = read_where(cost.as_arrays.where)
    definitions = {target: value for target, (value, _) in where.items()}
    own = OwnExpression(cost.objective.expression, definitions, bound.sizes.sizes)
    inputs = Inputs(
        point=bound.start.tolist(),
        places={name: k for k, name in enumerate(bound.sizes.labels())},
        constants=constants,
        data=cost.data,
    )
    try:
        return Reference(own, inputs)
    except TooLongError:
        raise CostError(
            f"sums of this length have more than {MOST_STEPS} parts, each worked out in {DIGITS} "
            "digits and more: "
            "expected fewer; check a part of the data, or fewer parameters"
        ) from None
