"""The largest stable learning rate, in closed form from the characteristic polynomial."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise
from typing import Any

import numpy as np
import sympy as sp

from symopt.errors import RuleError
from symopt.rules.rule import Rule
from symopt.theory._formulas import evaluate, holds_where, refuse_unless_same, value_of
from symopt.theory._linear import (
    CURVATURE,
    characteristic_of,
    factors_in_z,
    factors_with,
    linear_step,
)
from symopt.theory._spectrum import held_values
from symopt.theory._trials import number_at, numbers_to_try
from symopt.theory._update_map import (
    Held,
    Substitution,
    cache_derivation,
    check_rule,
    names_of,
    number,
    numbers_of,
    symbol,
    without_assumptions,
    z,
)

NEAR = 1e-6  # relative, within which one limit is taken for another
LARGEST = 2  # degree in the learning rate up to which an equation is solved in closed form


def stability_limit(
    rule: Rule, eigenvalue: float | None = None, *, held: Held = (), wrt: str = "eta"
) -> sp.Expr | float:
    """Return the learning rate below which a rule is stable on J = lambda*theta**2/2.

    A root of the characteristic polynomial p leaves the unit circle at z = 1, at z = -1 or as a
    pair exp(+-i*phi): where p(1) = 0, p(-1) = 0, or the product of 1 - z_i*z_j over all pairs of
    roots is 0, which is a determinant of p's coefficients (Jury 1964). Each is solved for eta, and
    the smallest solution at which stability is indeed lost is the limit.

    Parameters
    ----------
    rule
        Any rule whose step is differentiable at the minimum.
    eigenvalue
        lambda, the largest eigenvalue of the Hessian; then the limit is a number for the rule's
        own hyperparameters.
    held
        As in :func:`linearize`, with a value for each where an eigenvalue is given, as in
        ``held={"v": 0.25}``.
    wrt
        The hyperparameter whose limit is asked for.

    Returns
    -------
    sympy.Expr or float
        In the symbol lambda and the hyperparameters, if no eigenvalue is given; then for
        hyperparameters in their ranges, and between 0 and 1 where they have none: it is refused at
        others where it does not hold. A number holds for the rule's own hyperparameters: 0 if
        even small learning rates are unstable, inf if none is. Modes that do not depend on eta, as
        an accumulator that forgets nothing, do not count.

    Raises
    ------
    RuleError
        As :func:`linearize`; also if there is no single closed form: give the eigenvalue then.

    Examples
    --------
    >>> import symopt as so
    >>> so.theory.stability_limit(so.momentum)
    2*(beta + 1)/lambda
    >>> so.theory.stability_limit(so.nesterov)
    2*(beta + 1)/(lambda*(2*beta + 1))
    >>> so.theory.stability_limit(so.adam, held="v")
    2*(beta1 + 1)*(epsilon + sqrt(v))/(lambda*(1 - beta1))
    >>> so.theory.stability_limit(so.gd, 100.0)
    0.02
    """
    check_rule(rule)
    if wrt not in rule.hyperparameters:
        raise RuleError(
            f"{rule.name} has no hyperparameter {wrt!r}; its are {', '.join(rule.hyperparameters)}"
        )
    if eigenvalue is None:
        return _that_holds(_formula(rule, held, wrt), rule, held, wrt=wrt)
    if (curvature := number("eigenvalue", eigenvalue)) <= 0:
        raise RuleError(
            f"eigenvalue={curvature:g}; expected the largest eigenvalue of a Hessian, above 0"
        )
    boundary = _boundary(rule, held, wrt)
    return boundary.limit(boundary.values(rule, {"lambda": curvature, **held_values(held)}))


@dataclass(frozen=True)
class Boundary:
    """Where stability can be lost: polynomials in the learning rate, or in its root.

    Attributes
    ----------
    p
        The characteristic polynomial, in z, without the modes that the learning rate does not move.
    crossings
        The irreducible factors of p(1), p(-1) and of the determinant, in ``root``.
    root
        The symbol w with eta = w**power.
    power
        2 where the equations hold sqrt(eta), else 1.
    back
        What the symbols of held states stand for.
    """

    p: sp.Poly
    crossings: tuple[sp.Poly, ...]
    root: sp.Symbol
    power: int
    back: Substitution

    def values(self, rule: Rule, given: Mapping[str, float]) -> dict[sp.Symbol, float]:
        """Return the numbers of all symbols but the learning rate."""
        held = {P: _value(without_assumptions(e), rule, given) for P, e in self.back.items()}
        names = {s.name: s for s in self.p.as_expr().free_symbols - {z, self.root, *held}}
        return held | {names[name]: value for name, value in numbers_of(rule, names, given).items()}

    def limit(self, values: Mapping[sp.Symbol, float]) -> float:
        """Return the limit at numbers: inf for none, 0 where small rates are unstable."""
        tried = [
            0.0,
            *sorted(chain.from_iterable(_positive_roots(one, values) for one in self.crossings)),
            math.inf,
        ]
        for low, high in pairwise(tried):
            if high < math.inf:
                inside = (low + high) / 2
            else:
                inside = 2 * low or 1.0
            if not self._stable(inside, values):
                return float(low**self.power)
        return math.inf

    def _stable(self, w: float, values: Mapping[sp.Symbol, float]) -> bool:
        coefficients = [number_at(c, {**values, self.root: w}) for c in self.p.all_coeffs()]
        return bool(np.abs(np.roots(coefficients)).max(initial=0.0) < 1)


@cache_derivation
def _boundary(rule: Rule, held: Held, wrt: str) -> Boundary:
    rate, w = symbol(wrt), sp.Dummy("w", positive=True)
    matrix, back = linear_step(rule, held)
    whole = characteristic_of(matrix).subs(CURVATURE, symbol("lambda"))
    if whole.has(sp.Piecewise):
        raise RuleError(
            f"{rule.name}: its hyperparameters decide between cases, so that there is no one limit"
        )
    power = 1
    if any(part.base == rate and not part.exp.is_integer for part in whole.atoms(sp.Pow)):
        power = 2
    moving = [
        factor for factor in factors_in_z(sp.expand(whole.subs(rate, w**power))) if factor.has(w)
    ]
    if not moving:
        raise RuleError(f"{rule.name}: its map does not depend on {wrt}, so that there is no limit")
    p = sp.Poly(sp.prod(moving), z)
    numerators = [sp.together(condition).as_numer_denom()[0] for condition in _conditions(p)]
    factors = set(chain.from_iterable(factors_with(w, above) for above in numerators))
    return Boundary(
        p, tuple(sp.Poly(factor, w) for factor in sorted(factors, key=str)), w, power, back
    )


def _conditions(p: sp.Poly) -> list[sp.Expr]:
    """Return p(1), p(-1), and the product of 1 - z_i*z_j over pairs of roots (Jury 1964)."""
    a, n = p.all_coeffs(), p.degree()
    ends = [p.eval(1), p.eval(-1)]
    if n < 2:
        return ends
    X = sp.Matrix(n - 1, n - 1, lambda i, j: a[j - i] if j >= i else 0)
    Y = sp.Matrix(n - 1, n - 1, lambda i, j: a[n - (i + j - (n - 2))] if i + j >= n - 2 else 0)
    return [*ends, (X - Y).det(method="berkowitz")]


@cache_derivation
def _formula(rule: Rule, held: Held, wrt: str) -> sp.Expr:
    """Return the solution that is the limit wherever it was tried, or the smallest of several."""
    boundary = _boundary(rule, held, wrt)
    unclear = RuleError(
        f"{rule.name}: no one formula of the limit was found; give the eigenvalue, as in (rule, "
        "1.0)"
    )
    solved = [
        w
        for c in boundary.crossings
        if c.degree() <= LARGEST
        for w in sp.solve(c.as_expr(), boundary.root)
    ]
    candidates = [sp.factor(w**boundary.power) for w in dict.fromkeys(solved)]
    trials = _trials(rule, boundary)
    limits = [boundary.limit(values) for values in trials]
    if all(math.isinf(limit) for limit in limits):
        return sp.oo
    numbers = [[number_at(c, values) for c in candidates] for values in trials]
    places = [_place(row, limit) for row, limit in zip(numbers, limits, strict=True)]
    chosen = sorted(set(places))
    if -1 in chosen or (len(chosen) > 1 and not _smallest(chosen, numbers, limits)):
        raise unclear
    return without_assumptions(sp.Min(*(candidates[k].xreplace(boundary.back) for k in chosen)))


def _place(row: list[complex], limit: float) -> int:
    """Return which candidate is the limit; -1 for none."""
    found = [k for k, value in enumerate(row) if abs(value - limit) <= 1e-8 * limit]
    if found and 0 < limit < math.inf:
        return found[0]
    return -1


def _smallest(chosen: list[int], numbers: list[list[complex]], limits: list[float]) -> bool:
    """Return whether the limit is the smallest of the chosen candidates everywhere."""
    return all(
        abs(row[k].imag) < 1e-12 and row[k].real >= limit * (1 - NEAR)
        for row, limit in zip(numbers, limits, strict=True)
        for k in chosen
    )


def _trials(rule: Rule, boundary: Boundary) -> list[dict[sp.Symbol, Any]]:
    symbols = boundary.p.as_expr().free_symbols - {z, boundary.root}
    return numbers_to_try(rule, symbols, {symbol("lambda"), *boundary.back})


def _that_holds(formula: sp.Expr, rule: Rule, held: Held, wrt: str) -> sp.Expr:
    """Check a formula at the rule's own hyperparameters, and whenever it is evaluated.

    Raises
    ------
    RuleError
        If it does not.
    """
    check = partial(_check, formula, held=held, wrt=wrt)
    holds_where(formula, rule, check)
    others = {"lambda": 1.0, **dict.fromkeys(names_of(held), 1.0), **held_values(held)}
    try:
        result, known = value_of(formula, rule, others)
        _boundary(rule, held, wrt).values(rule, others)
    except RuleError:  # a schedule, an array
        return formula
    check(rule=rule, known=known, result=result)
    return formula


def _check(
    formula: sp.Expr, rule: Rule, held: Held, wrt: str, known: Mapping[str, float], result: float
) -> None:
    """Refuse the formula at hyperparameters where stability, by numbers, is lost elsewhere."""
    boundary = _boundary(rule, held, wrt)
    others = dict.fromkeys(["lambda", *names_of(held)], 1.0) | {
        k: v for k, v in known.items() if k != wrt
    }
    right = boundary.limit(boundary.values(rule, others))
    instead = "stability_limit(rule, eigenvalue)"
    refuse_unless_same(formula, rule, known, result=result, right=right, instead=instead)


def _positive_roots(crossing: sp.Poly, values: Mapping[sp.Symbol, float]) -> list[float]:
    roots = np.roots([number_at(c, values) for c in crossing.all_coeffs()])
    return [float(w.real) for w in roots if abs(w.imag) <= 1e-9 * abs(w) and w.real > 0]


def _value(expression: sp.Expr, rule: Rule, given: Mapping[str, float]) -> float:
    names = {s.name for s in expression.free_symbols}
    return evaluate(
        expression, rule, **{name: value for name, value in given.items() if name in names}
    )
