"""Gauss-Newton at a point where its matrix is not the Hessian.

At a stationary point the step theta - eta*solve(A, grad(theta)) has the slope I - eta*A**-1*H.
Where all gradients are under such a solve, the eigenvectors of A**-1*H part, as those of H do for
other rules.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

import numpy as np
import sympy as sp

from symopt.costs.cost import Cost
from symopt.errors import RuleError
from symopt.rules.rule import Rule
from symopt.rules.symbols import Matrix, diagonal, gauss_newton, grad, hvp, identity, solve
from symopt.theory._formulas import value_of
from symopt.validation import Array

MATRIX = sp.Dummy("G")


class Solved(Rule):
    """A rule whose equations are solved: solve(A, v) is v, gradients are of A**-1*H."""

    @classmethod
    def of_rule(cls, rule: Rule) -> Solved:
        """Return a rule with its equations solved."""
        same = {field.name: getattr(rule, field.name) for field in dataclasses.fields(rule)}
        return cls(**{**same, "function": _twin(rule.function)})

    @cached_property
    def equations(self) -> dict[sp.Symbol, sp.Expr]:
        """The equations without ``solve``."""
        return {
            left: right.replace(solve, lambda _, v: v)
            for left, right in Rule.equations.work(self).items()
        }


@cache
def _twin(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return another function that does the same: what is derived from equations is known by it."""

    def twin(*arguments: Any, **named: Any) -> Any:
        return function(*arguments, **named)

    return twin


def solve_preconditioner(
    rule: Rule, cost: Cost, point: Array, hessian: Array
) -> tuple[Rule, Array]:
    """Return the rule and the eigenvalues of its map at a point: of A**-1*H, or H.

    Raises
    ------
    RuleError
        If the cost has no Gauss-Newton matrix, A is not definite, or eigenvectors do not part.
    """
    if "gauss_newton" not in rule.needs:
        return rule, np.asarray(np.linalg.eigvalsh(hessian), dtype=np.float64)
    if lack := cost.lacks("gauss_newton"):
        raise RuleError(f"{rule.name} needs {lack}")
    a, b = _matrix(rule)
    A = a * _gauss_newton(cost, point) + b * np.eye(len(point))
    sizes, vectors = np.linalg.eigh(A)
    sign = np.sign(sizes[np.abs(sizes).argmax()])
    if (sign * sizes).min() <= len(point) * 2.0**-52 * np.abs(sizes).max():
        raise RuleError(
            f"{rule.name}: the matrix that it solves with has the eigenvalues {sizes[0]:.3g} to "
            f"{sizes[-1]:.3g} there: "
            "it is singular or indefinite; expected a larger damping"
        )
    half = vectors / np.sqrt(sign * sizes)
    found = sign * np.linalg.eigvalsh(half.T @ hessian @ half)
    return Solved.of_rule(rule), np.sort(np.asarray(found, dtype=np.float64))


def _matrix(rule: Rule) -> tuple[float, float]:
    """Return a and b of the one matrix a*G + b*I that a rule solves with."""
    known: dict[sp.Expr, sp.Expr] = {}
    for left, right in rule.equations.items():
        known[left] = right.xreplace(known)
    parts = set().union(*(expression.atoms(solve) for expression in known.values()))
    matrices = {part.args[0].replace(gauss_newton, lambda _: MATRIX) for part in parts}
    outside = any(e.replace(solve, lambda *_: sp.Integer(0)).has(grad, hvp) for e in known.values())
    inside = any(
        sp.simplify(part.args[1].replace(grad, lambda _: sp.Integer(0))) != 0 for part in parts
    )
    if any(matrix.has(diagonal) for matrix in matrices):
        raise RuleError(
            f"{rule.name}: the diagonal of a matrix stands in it, whose eigenvectors are others, "
            "and no rate is known"
        )
    if len(matrices) > 1 or outside or inside or any(matrix.has(Matrix) for matrix in matrices):
        raise RuleError(
            f"{rule.name}: gradients and Gauss-Newton matrices stand in it so that the "
            "eigenvectors at a point do not "
            "part, and no rate is known"
        )
    (matrix,) = matrices
    a, b = sp.expand(matrix).coeff(MATRIX), sp.expand(matrix).coeff(identity)
    return value_of(a, rule, {})[0], value_of(b, rule, {})[0]


def _gauss_newton(cost: Cost, point: Array) -> Array:
    """Return G = sum(2*c*r' r'^T) at a point."""
    values: dict[Any, Any] = dict(zip(cost.params, map(sp.Float, point), strict=True))
    values |= {
        s: sp.Float(cost.bound[s.name])
        for s in cost.expression.free_symbols
        if s.name in cost.bound
    }
    total = np.zeros((len(point), len(point)))
    for c, r in cost.squares:
        slope = np.array([float(r.diff(p).xreplace(values)) for p in cost.params])
        total += 2 * float(c.xreplace(values)) * np.outer(slope, slope)
    return total
