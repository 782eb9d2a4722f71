"""What to expect of a rule on a cost near a point, from the eigenvalues of the Hessian there."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from symopt.cost import Cost
from symopt.errors import RuleError
from symopt.floats import Array, NotNumbersError, as_floats
from symopt.launch import as_cost
from symopt.rule import Rule
from symopt.theory.linear import escape, rate
from symopt.theory.stability import stability_limit
from symopt.theory.update_map import Held, check_rule

REST = 1e-2  # of the size of theta: how far a point may be from where the gradient is 0
FLAT = 1e-10  # eigenvalues below this share of the largest count as 0


@dataclass(frozen=True, repr=False)
class Prediction:
    """What the linear theory says of a rule on a cost at a stationary point.

    Attributes
    ----------
    kind
        "minimum", "saddle", "maximum", "degenerate" where an eigenvalue is 0, or "not at rest" where
        the gradient is not 0, and nothing is predicted.
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
        The growth per step away from a saddle or maximum; else NaN.
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
        numbers = {"condition": self.condition, "limit": self.limit, "rate": self.rate, "escape": self.escape}
        known = [f"{name} {value:.6g}" for name, value in numbers.items() if not math.isnan(value)]
        steps = [f"{self.per_decade:.4g} steps a decade"] if math.isfinite(self.per_decade) else []
        return f"Prediction({self.kind}: {', '.join([*known, *steps])}{'; ' + self.reason if self.reason else ''})"


def predict(cost: Cost, rule: Rule, at: npt.ArrayLike, *, held: Held = (), **constants: float) -> Prediction:
    """Predict the rate and the stability limit of a rule on a cost near a stationary point.

    Parameters
    ----------
    cost
        J(theta).
    rule
        With numbers for its hyperparameters.
    at
        The point, shape (n,).
    held
        As in :func:`linearize`.
    **constants
        The cost's constants.

    Returns
    -------
    Prediction
        Where the rule is not linear there (as Adam), the eigenvalues alone, and the reason.

    Raises
    ------
    CostError, RuleError
        If the point does not fit the cost, or a hyperparameter is a schedule or an array.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("100*(y-x^2)^2 + (1-x)^2")
    >>> so.theory.predict(J, so.momentum(eta=1e-3), at=[1, 1])
    Prediction(minimum: condition 2508.01, limit 0.00379393, rate 0.995851, 553.8 steps a decade)
    """
    bound: Any = as_cost(cost)(**constants)
    check_rule(rule)
    point = _point(at)
    hessian, gradient = bound.hessian(point), bound.grad(point)
    eigenvalues = np.linalg.eigvalsh(hessian)
    away = float(np.linalg.norm(np.linalg.lstsq(hessian, gradient)[0]))
    rests = away <= REST * (1 + float(np.linalg.norm(point)))
    kind = _kind(eigenvalues) if rests else "not at rest"
    numbers: dict[str, float] = dict.fromkeys(("limit", "rate", "escape"), math.nan)
    reason = "" if rests else f"the gradient is not 0 there: Newton's step to where it is has the length {away:.3g}"
    try:
        numbers |= _numbers(rule, eigenvalues, kind, held) if rests else {}
    except RuleError as error:
        reason = str(error)
    factor = numbers["rate"]
    return Prediction(
        kind,
        eigenvalues,
        condition=float(eigenvalues[-1] / eigenvalues[0]) if kind == "minimum" else math.nan,
        per_decade=-math.log(10) / math.log(factor) if 0 < factor < 1 else math.nan,
        gradient_norm=float(np.linalg.norm(gradient)),
        reason=reason,
        **numbers,
    )


def _point(at: Any) -> Array:
    try:
        point = as_floats(at)
    except NotNumbersError as error:
        raise RuleError(f"at={at!r}: {error}; expected one finite number for each parameter") from None
    if point.ndim != 1:
        raise RuleError(f"at has shape {point.shape}; expected one point, a list of numbers")
    return point


def _kind(eigenvalues: Array) -> str:
    size = np.abs(eigenvalues).max()
    if np.abs(eigenvalues).min() <= FLAT * size:
        return "degenerate"
    return "minimum" if eigenvalues[0] > 0 else "maximum" if eigenvalues[-1] < 0 else "saddle"


def _numbers(rule: Rule, eigenvalues: Array, kind: str, held: Held) -> dict[str, float]:
    found = {"rate": rate(rule, eigenvalues, held=held)} if kind == "minimum" else {}
    if eigenvalues[0] < 0:
        found["escape"] = float(escape(rule, -eigenvalues[0], held=held))
    if eigenvalues[-1] > 0 and "eta" in rule.hyperparameters:
        found["limit"] = float(stability_limit(rule, float(eigenvalues[-1]), held=held))
    return found
