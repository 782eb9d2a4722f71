"""What to expect of a rule on a cost near a point, from the eigenvalues of the Hessian there."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symopt._typing import ConstantLike, CostLike, PointLike
from symopt.costs.cost import Cost
from symopt.costs.points import Flat
from symopt.errors import CostError, RuleError
from symopt.rules.rule import Rule
from symopt.runs.inputs import as_cost
from symopt.theory._linear import check_rests
from symopt.theory._preconditioner import solve_preconditioner
from symopt.theory._spectrum import rate
from symopt.theory._stability import stability_limit
from symopt.theory._update_map import Held, check_rule
from symopt.validation import Array, ComparedByParts

REST = 1e-2  # of the size of theta: how far a point may be from where the gradient is 0
FLAT = 1e-10  # eigenvalues below this share of the largest count as 0
FLAT_WORDS = (
    "an eigenvalue of the Hessian is 0 there, and along it the linear theory decides nothing"
)


@dataclass(frozen=True, repr=False, eq=False)
class Prediction(ComparedByParts):
    """What the linear theory says of a rule on a cost at a stationary point.

    Attributes
    ----------
    kind
        "minimum", "saddle", "maximum", "degenerate" where an eigenvalue is 0, or "not at rest"
        where the gradient is not 0, and nothing is predicted.
    eigenvalues
        Of the Hessian, increasing, shape (n,).
    condition
        The largest over the smallest, at a minimum; else NaN.
    limit
        The learning rate below which the rule is stable there; NaN where there is no formula.
    rate
        The factor per step by which theta tends to a minimum; J - J* has its square.
    per_decade
        Steps for a factor 10 in theta.
    escape
        The growth per step away from a saddle or maximum, along the direction of negative curvature
        in which it is largest; else NaN.
    gradient_norm
        Of J at the point; the theory holds where it is about 0.
    reason
        Why a number is missing.
    """

    kind: str
    eigenvalues: Array = field(repr=False)
    condition: float
    limit: float
    rate: float
    per_decade: float
    escape: float
    gradient_norm: float
    reason: str = ""

    def __repr__(self) -> str:
        numbers = {
            "condition": self.condition,
            "limit": self.limit,
            "rate": self.rate,
            "escape": self.escape,
        }
        known = [f"{name} {value:.6g}" for name, value in numbers.items() if not math.isnan(value)]
        steps = []
        if math.isfinite(self.per_decade):
            steps = [f"{self.per_decade:.4g} steps a decade"]
        parts = [", ".join([*known, *steps]), self.reason]
        return f"Prediction({self.kind}: {'; '.join(filter(None, parts)) or 'nothing is known'})"


def predict(
    cost: CostLike, rule: Rule, at: PointLike, *, held: Held = (), **constants: ConstantLike
) -> Prediction:
    """Predict the rate and the stability limit of a rule on a cost near a stationary point.

    Parameters
    ----------
    cost
        J(theta).
    rule
        With numbers for its hyperparameters.
    at
        The point, as :meth:`symopt.Cost.value` takes one.
    held
        As in :func:`linearize`, with a value for each, as in ``held={"v": 0.25}``: a state such as
        Adam's v has no value of its own at a point.
    **constants
        The cost's constants.

    Returns
    -------
    Prediction
        Where the rule is not linear there (as Adam), the eigenvalues alone, and the reason. A rule
        that solves with the Gauss-Newton matrix G is taken with the cost's own G at the point.

    Raises
    ------
    CostError, RuleError
        If the point does not fit the cost, J is not twice differentiable there, or a hyperparameter
        is a schedule or an array.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("100*(y-x^2)^2 + (1-x)^2")
    >>> so.theory.predict(J, so.momentum(eta=1e-3), at=[1, 1])
    Prediction(minimum: condition 2508.01, limit 0.00379393, rate 0.995851, 553.8 steps a decade)
    """
    bound: Any = as_cost(cost)(**constants)
    check_rule(rule)
    point = _point(bound, at)
    hessian, gradient = _curvature(bound, point)
    eigenvalues = np.asarray(np.linalg.eigvalsh(hessian), dtype=np.float64)
    away = float(np.linalg.norm(np.linalg.lstsq(hessian, gradient)[0]))
    rests = away <= REST * (1 + float(np.linalg.norm(point)))
    kind = "not at rest"
    if rests:
        kind = _kind(eigenvalues)
    numbers: dict[str, float] = dict.fromkeys(("limit", "rate", "escape"), math.nan)
    reasons = []
    if kind == "degenerate":
        reasons = [FLAT_WORDS]
    try:
        if rests:
            check_rests(rule, held, point)
            found, why = _numbers(
                *solve_preconditioner(rule, bound, point, hessian=hessian), kind, held
            )
            numbers, reasons = numbers | found, [*reasons, *why]
        else:
            step = f"Newton's step to where it is has the length {away:.3g}"
            reasons = [f"the gradient is not 0 there: {step}"]
    except RuleError as error:
        reasons += [str(error)]
    factor, condition, per_decade = numbers["rate"], math.nan, math.nan
    if kind == "minimum":
        condition = float(eigenvalues[-1] / eigenvalues[0])
    if 0 < factor < 1:
        per_decade = -math.log(10) / math.log(factor)
    return Prediction(
        kind,
        eigenvalues,
        condition=condition,
        per_decade=per_decade,
        gradient_norm=float(np.linalg.norm(gradient)),
        reason="; ".join(dict.fromkeys(reasons)),
        **numbers,
    )


def _curvature(cost: Any, point: Array) -> tuple[Array, Array]:
    """Return the Hessian and the gradient at a point."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a NaN is warned of is an error here
        hessian, gradient = cost.hessian(Flat(point)), cost.grad(Flat(point))
    place = f"at={point.tolist()}"
    if not np.isfinite(gradient).all():
        raise RuleError(
            f"{place}: J has no finite slope there, and no rate follows; expected a stationary "
            "point"
        )
    if not np.isfinite(hessian).all():
        raise RuleError(
            f"{place}: J is not twice differentiable as written at this point, and no rate "
            "follows; expected a point "
            "at which its Hessian is finite, or J in a smooth form"
        )
    return hessian, gradient


def _point(cost: Cost, at: Any) -> Array:
    try:
        point = cost.points(at)[0]
    except CostError as error:
        raise RuleError(f"at={at!r}: {error}") from None
    if point.ndim != 1 or not np.isfinite(point).all():
        raise RuleError(
            f"at={at!r} of shape {point.shape}; expected one point, with a finite number for each "
            "parameter"
        )
    return point


def _kind(eigenvalues: Array) -> str:
    size = np.abs(eigenvalues).max()
    if np.abs(eigenvalues).min() <= FLAT * size:
        return "degenerate"
    if eigenvalues[0] > 0:
        return "minimum"
    if eigenvalues[-1] < 0:
        return "maximum"
    return "saddle"


def _numbers(
    rule: Rule, eigenvalues: Array, kind: str, held: Held
) -> tuple[dict[str, float], list[str]]:
    """Return what is known of a rule at the eigenvalues of its map, and why something is not."""
    size = FLAT * np.abs(eigenvalues).max()
    down, up = eigenvalues[eigenvalues < -size], eigenvalues[eigenvalues > size]
    asked: dict[str, Callable[[], float]] = {}
    if kind == "minimum":
        asked["rate"] = lambda: rate(rule, eigenvalues, held=held)
    if len(down):
        asked["escape"] = lambda: rate(rule, down, held=held)
    if len(up) and "eta" in rule.hyperparameters:
        asked["limit"] = lambda: _limit(rule, up, held)
    found, reasons = {}, []
    for name, ask in asked.items():
        try:
            found[name] = ask()
        except RuleError as error:
            reasons.append(str(error))
    return found, reasons


def _limit(rule: Rule, eigenvalues: Array, held: Held) -> float:
    """Return the limit at the largest eigenvalue, or at the one where it is smallest."""
    limit = float(stability_limit(rule, float(eigenvalues[-1]), held=held))
    inside = rule
    if 0 < limit < math.inf:
        inside = rule(eta=limit * (1 - 1e-6))
    if math.isinf(limit) or rate(inside, eigenvalues, held=held) > 1:
        return min(
            float(stability_limit(rule, float(one), held=held)) for one in np.unique(eigenvalues)
        )
    return limit
