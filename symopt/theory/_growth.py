"""The growth per step along a direction of negative curvature."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import chain, count

import numpy as np
import numpy.typing as npt
import sympy as sp

from symopt.errors import RuleError
from symopt.rules.rule import Rule
from symopt.theory._formulas import holds_where, refuse_unless_same
from symopt.theory._linear import CURVATURE, characteristic_of, factors_in_z, matrix_seen_by_theta
from symopt.theory._spectrum import rate
from symopt.theory._trials import number_at, numbers_to_try
from symopt.theory._update_map import (
    Held,
    cache_derivation,
    names_of,
    number,
    symbol,
    without_assumptions,
    z,
)
from symopt.validation import Array


def escape(
    rule: Rule, curvature: float | sp.Expr | None = None, *, held: Held = ()
) -> sp.Expr | float:
    """Return the growth per step along a direction of curvature -gamma, away from a saddle.

    The largest modulus G of an eigenvalue of the rule's matrix at lambda = -gamma. From the
    distance y0 a run reaches Delta after ln(Delta/abs(y0))/ln(G) steps, where G is above 1.

    Parameters
    ----------
    rule
        Any rule whose step is differentiable at the saddle.
    curvature
        gamma > 0: a number, and G is one too, for the rule's own hyperparameters; or a symbol of
        your own for gamma.
    held
        As in :func:`linearize`, with a value for each where a curvature is given.

    Returns
    -------
    sympy.Expr or float
        In the symbol gamma and the hyperparameters, if no curvature is given; then for
        hyperparameters in their ranges, and between 0 and 1 where they have none. Where the rule
        has a gamma of its own, the curvature's is gamma_1.

    Raises
    ------
    RuleError
        As :func:`linearize`; also if the formula has no closed form: give a number then.

    Examples
    --------
    >>> import symopt as so
    >>> so.theory.escape(so.gd)
    eta*gamma + 1
    >>> round(so.theory.escape(so.momentum(eta=0.01, beta=0.9), 1.0), 6)
    1.064659
    """
    if curvature is None or (isinstance(curvature, sp.Expr) and curvature.free_symbols):
        formula, name = _growth(rule, held), _curvature_name(rule)
        holds_where(formula, rule, partial(_check, formula, held=held, name=name))
        if curvature is None:
            return formula
        return formula.subs(sp.Symbol(name), curvature)
    if (size := number("curvature", curvature)) <= 0:
        raise RuleError(
            f"curvature={size:g}; expected the size gamma of a negative curvature, a number above 0"
        )
    return rate(rule, [-size], held=held)


def _curvature_name(rule: Rule) -> str:
    """Return what the size of a negative curvature is called in a formula: gamma, if it is free."""
    names = chain(["gamma"], (f"gamma_{k}" for k in count(1)))
    return next(name for name in names if name not in {*rule.values, *rule.states})


@cache_derivation
def _growth(rule: Rule, held: Held) -> sp.Expr:
    """Return the growth per step in closed form, in the symbol gamma."""
    gamma = symbol(_curvature_name(rule))
    matrix, back = matrix_seen_by_theta(rule, held)
    uphill = characteristic_of(matrix).subs(CURVATURE, -gamma)
    factors = [sp.Poly(factor, z) for factor in factors_in_z(uphill)]
    if any(factor.degree() > 2 for factor in factors):
        raise RuleError(
            f"{rule.name}: its growth has no short closed form; give the curvature, as in "
            "escape(rule, 1.0)"
        )
    roots = list(chain.from_iterable(map(sp.roots, factors)))
    wide = {gamma, *back}
    trials = numbers_to_try(rule, uphill.free_symbols - {z}, wide)
    values = np.array([[number_at(root, trial) for root in roots] for trial in trials])
    chosen = _largest(np.abs(values))
    sizes = [roots[k] if _positive(values[:, k]) else sp.Abs(roots[k]) for k in chosen]
    return without_assumptions(sp.Max(*(sp.simplify(size).xreplace(back) for size in sizes)))


def _largest(sizes: Array) -> list[int]:
    """Return the column that is the largest in every row, or all that are in some row."""
    top = sizes >= sizes.max(1, keepdims=True) * (1 - 1e-9)
    always = np.flatnonzero(top.all(0))
    if len(always):
        return [int(always[0])]
    return [int(k) for k in np.flatnonzero(top.any(0))]


def _positive(values: npt.NDArray[np.complex128]) -> bool:
    return bool((values.real > 0).all() and (np.abs(values.imag) <= 1e-9 * np.abs(values)).all())


def _check(
    formula: sp.Expr,
    rule: Rule,
    held: Held,
    name: str,
    known: Mapping[str, float],
    result: float,
) -> None:
    """Refuse the formula at hyperparameters where the growth, by numbers, is another."""
    right = rate(
        rule,
        [-known.get(name, 1.0)],
        held={name: known.get(name, 0.0) for name in names_of(held)},
    )
    instead = "escape(rule, curvature)"
    refuse_unless_same(formula, rule, known, result=result, right=right, instead=instead)
