"""The largest stable learning rate, in closed form from the characteristic polynomial."""

from __future__ import annotations

import numpy as np
import sympy as sp

from symopt.errors import RuleError
from symopt.rule import Rule
from symopt.theory.linear import CURVATURE, factors_in_z, held_values, linear_step
from symopt.theory.update_map import Held, evaluate, plain, remembered, symbol, z

TRIALS = 12  # points in the space of the other hyperparameters where a formula has to hold
NEAR = 1e-6  # how far to both sides of a limit stability is looked at


def stability_limit(
    rule: Rule, eigenvalue: float | None = None, *, held: Held = (), wrt: str = "eta"
) -> sp.Expr | float:
    """Return the learning rate below which a rule is stable on J = lambda*theta**2/2.

    A root of the characteristic polynomial p leaves the unit circle at z = 1, at z = -1 or as a
    pair exp(+-i*phi); each time p and its reversed polynomial z**k*p(1/z) share a root. Their
    resultant is solved for eta, and the smallest solution at which stability is indeed lost is the
    limit. It holds for hyperparameters between 0 and 1 and lambda > 0.

    Parameters
    ----------
    rule
        Any rule whose step is differentiable at the minimum.
    eigenvalue
        lambda, the largest eigenvalue of the Hessian; then the limit is a number for the rule's
        own hyperparameters.
    held
        As in :func:`linearize`, with values as in ``held={"v": 0.25}``; 1 where none is given.
    wrt
        The hyperparameter whose limit is asked for.

    Returns
    -------
    sympy.Expr or float
        In the symbol lambda and the hyperparameters, if no eigenvalue is given. Modes that do not
        depend on eta, as an accumulator that forgets nothing, do not count.

    Raises
    ------
    RuleError
        As :func:`linearize`; also if there is no closed form.

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
    if wrt not in rule.hyperparameters:
        raise RuleError(f"{rule.name} has no hyperparameter {wrt!r}; its are {', '.join(rule.hyperparameters)}")
    limit = _limit(rule, held, wrt)
    return limit if eigenvalue is None else evaluate(limit, rule, **{"lambda": eigenvalue}, **held_values(held))


@remembered
def _limit(rule: Rule, held: Held, wrt: str) -> sp.Expr:
    rate = symbol(wrt)
    matrix, back = linear_step(rule, held)
    moving = _moving(matrix.charpoly(z).as_expr().subs(CURVATURE, symbol("lambda")), rate)
    if moving is None:
        raise RuleError(f"{rule.name}: its map does not depend on {wrt}, so that there is no limit")
    p = sp.Poly(moving, z)
    return plain(_smallest(rule, p, rate, _candidates(p, rate)).xreplace(back))


def _moving(expression: sp.Expr, rate: sp.Symbol) -> sp.Expr | None:
    """Return the factors of the characteristic polynomial that depend on the learning rate."""
    chosen = [factor for factor in factors_in_z(expression) if factor.has(rate)]
    return sp.prod(chosen) if chosen else None


def _candidates(p: sp.Poly, rate: sp.Symbol) -> list[sp.Expr]:
    """Return the learning rates at which p shares a root with its reversed polynomial."""
    back = sp.Poly(list(reversed(p.all_coeffs())), z)
    crossing = sp.factor_list(sp.resultant(p, back))[1]
    solutions = [solution for factor, _ in crossing if factor.has(rate) for solution in sp.solve(factor, rate)]
    return [sp.factor(solution) for solution in dict.fromkeys(solutions)]


def _smallest(rule: Rule, p: sp.Poly, rate: sp.Symbol, candidates: list[sp.Expr]) -> sp.Expr:
    """Return the candidate that is the limit at every point tried, or the smallest of those that are somewhere."""
    others = sorted(p.free_symbols_in_domain - {rate}, key=str)
    rng = np.random.default_rng(0)
    found = {
        _limit_at(p, rate, candidates, dict(zip(others, rng.uniform(0.05, 0.95, len(others)), strict=True)))
        for _ in range(TRIALS)
    }
    if None in found:
        raise RuleError(
            f"{rule.name}: no closed form of the limit was found; so.theory.rate tells of each learning rate"
        )
    return sp.Min(*(sp.oo if k < 0 else candidates[k] for k in found if k is not None))


def _limit_at(p: sp.Poly, rate: sp.Symbol, candidates: list[sp.Expr], values: dict[sp.Symbol, float]) -> int | None:
    """Return which candidate is the limit at some hyperparameters: -1 for none, None where it cannot be told."""
    numbers = [complex(candidate.subs(values)) for candidate in candidates]
    real = sorted((c.real, k) for k, c in enumerate(numbers) if abs(c.imag) < 1e-12 and c.real > 0)

    def stable(eta: float) -> bool:
        coefficients = [complex(c.subs({**values, rate: eta})) for c in p.all_coeffs()]
        return bool(np.abs(np.roots(coefficients)).max() < 1)

    for value, k in real:
        if not stable(value * (1 - NEAR)):
            return None
        if not stable(value * (1 + NEAR)):
            return k
    return -1 if stable(1e3) else None
