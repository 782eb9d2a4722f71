"""The number of a formula of the theory, refused where the formula does not hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import sympy as sp

from symopt.errors import RuleError
from symopt.rules.rule import Rule
from symopt.theory._update_map import OWN, check_rule, number, numbers_of

SAME = 1e-6  # relative, within which a formula agrees with what is found by numbers
Check = Callable[..., None]
_checks: dict[tuple[sp.Expr, Any], Check] = {}


def evaluate(expression: sp.Expr, rule: Rule, **values: float) -> float:
    """Return the number that a formula of the theory gives for a rule's own hyperparameters.

    Parameters
    ----------
    expression
        What a function of this package returned.
    rule
        Where the values of eta, beta, ... are from.
    **values
        Values of the other symbols, by name; the eigenvalue is ``**{"lambda": 2.0}``.

    Raises
    ------
    RuleError
        If a symbol is left without a value, a name is none of the formula's, a hyperparameter is a
        schedule or an array, the result is not real, or the formula does not hold at these values.

    Examples
    --------
    >>> import symopt as so
    >>> velocity = so.theory.terminal_velocity(so.momentum)
    >>> so.theory.evaluate(velocity, so.momentum(eta=0.25, beta=0.5), g=2.0)
    -1.0
    """
    if not isinstance(expression, sp.Expr):
        raise RuleError(
            f"{expression!r} is a {type(expression).__name__}; expected a formula of so.theory"
        )
    check_rule(rule)
    names = {s.name: s for s in expression.free_symbols}
    if unknown := [name for name in values if name not in names and name not in OWN]:
        raise RuleError(
            f"the formula {expression} holds no {', '.join(unknown)}; its symbols are "
            f"{', '.join(sorted(names))}"
        )
    result, known = value_of(
        expression, rule, {name: number(name, value) for name, value in values.items()}
    )
    if check := _checks.get((expression, rule.function)):
        check(rule=rule, known=known, result=result)
    return result


def value_of(
    expression: sp.Expr, rule: Rule, values: Mapping[str, float]
) -> tuple[float, dict[str, float]]:
    """Return the number of a formula wherever it may hold, and the values of its symbols."""
    names = {s.name: s for s in expression.free_symbols}
    known = numbers_of(rule, names, values)
    result = expression.xreplace(
        {names[name]: _exact(value) for name, value in known.items()}
    ).doit()
    if not result.is_number or not result.is_extended_real or result is sp.nan:
        raise RuleError(
            f"{rule.name}: {expression} is {result} at these values, and no real number"
        )
    return float(result), known


def _exact(value: float) -> sp.Expr:
    """Return a number, a whole one as such: some functions of the step are of whole numbers."""
    if float(value).is_integer():
        return sp.Integer(int(value))
    return sp.Float(value)


def holds_where(formula: sp.Expr, rule: Rule, check: Check) -> None:
    """Have a formula checked by ``check(rule=, known=, result=)`` when it is evaluated."""
    _checks[formula, rule.function] = check


def refuse_unless_same(
    formula: sp.Expr,
    rule: Rule,
    known: Mapping[str, float],
    *,
    result: float,
    right: float,
    instead: str,
) -> None:
    """Refuse what a formula gave at some values where numbers find something else.

    Raises
    ------
    RuleError
        With both, and what to ask instead.
    """
    if result == right or math.isclose(result, right, rel_tol=SAME):
        return
    where = ", ".join(f"{name} = {value:g}" for name, value in sorted(known.items()))
    raise RuleError(
        f"{rule.name}: the formula {formula} does not hold at {where}: it gives {result:.6g}, and "
        "right is "
        f"{right:.6g}. It holds for hyperparameters in their ranges, or between 0 and 1 where they "
        "have none; "
        f"ask for the number, as in {instead}"
    )
