"""The linear map that a rule is on a quadratic: its matrix, its spectrum, its rate, its escape."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symopt.errors import RuleError
from symopt.rules.rule import Rule
from symopt.theory._update_map import (
    Held,
    Substitution,
    UpdateMap,
    cache_derivation,
    refuse_reserved,
    symbol,
    without_assumptions,
    z,
)

CURVATURE = sp.Symbol("lambda", real=True, nonzero=True)
KINKS = (sp.sign, sp.Abs, sp.Max, sp.Min, sp.Heaviside, sp.floor, sp.ceiling)


def linearize(rule: Rule, *, held: Held = ()) -> sp.Matrix:
    """Return the matrix of a rule's step on J = lambda*theta**2/2, after many steps.

    The update (theta, state) -> (theta', state') is differentiated at theta = 0, state = 0, where
    beta**t has become 0. On a cost with the Hessian H every eigenvector of H moves by the matrix of
    its own eigenvalue lambda.

    Parameters
    ----------
    rule
        Any rule whose step is differentiable there.
    held
        States that are held at a positive value of their own name: with ``held="v"`` Adam is
        momentum with a preconditioner that changes slowly (Cohen et al. 2022, arXiv:2207.14484).

    Returns
    -------
    sympy.Matrix
        Over theta and the states that move, in the order of the decorator.

    Raises
    ------
    RuleError
        If the step is not differentiable there, naming what is not; if it takes a norm or mean
        over all parameters; if it never settles, or 0 is not where it rests; if it depends on a
        state that keeps what it has gathered, as AdaGrad's, and that is not held.

    Examples
    --------
    >>> import symopt as so
    >>> so.theory.linearize(so.momentum)
    Matrix([
    [-eta*lambda + 1, beta],
    [    -eta*lambda, beta]])
    """
    matrix, back = linear_step(rule, held)
    return without_assumptions(matrix.xreplace(back))


def characteristic(rule: Rule, *, held: Held = ()) -> sp.Poly:
    """Return the characteristic polynomial of :func:`linearize`, in z.

    Examples
    --------
    >>> import symopt as so
    >>> so.theory.characteristic(so.gd).as_expr()
    eta*lambda + z - 1
    """
    refuse_reserved(rule, "z")
    matrix, back = linear_step(rule, held)
    return sp.Poly(without_assumptions(characteristic_of(matrix).xreplace(back)), sp.Symbol("z"))


def characteristic_of(matrix: sp.Matrix) -> sp.Expr:
    """Return det(z - matrix)."""
    return matrix.charpoly().as_expr(z)


def factors_in_z(expression: sp.Expr) -> list[sp.Expr]:
    """Return the factors of a characteristic polynomial, each once."""
    return factors_with(z, sp.together(expression).as_numer_denom()[0])


def factors_with(variable: sp.Symbol, expression: sp.Expr) -> list[sp.Expr]:
    """Return the irreducible factors that hold a variable, each once.

    SymPy is asked for those of a sum alone: of a product such as w*sqrt(epsilon) it makes none.
    """
    parts = [
        part.base if isinstance(part, sp.Pow) and part.exp.is_Integer else part
        for part in sp.Mul.make_args(expression)
    ]
    found = [
        f
        for part in parts
        if part.has(variable)
        for f in ([part] if part.is_Symbol else [f for f, _ in sp.factor_list(part)[1]])
    ]
    return list(dict.fromkeys(f for f in found if f.has(variable)))


def linear_step(rule: Rule, held: Held) -> tuple[sp.Matrix, Substitution]:
    """Return the matrix with a symbol for each held preconditioner, and their meanings."""
    _, matrix, back = _derive_matrix(rule, held)
    return matrix, back


def matrix_seen_by_theta(rule: Rule, held: Held) -> tuple[sp.Matrix, Substitution]:
    """Return the part of the matrix that theta depends on.

    An average that fades beside it has no part in its rate.
    """
    names, matrix, back = _derive_matrix(rule, held)
    found, new = set(), {k for k, name in enumerate(names) if name in ("theta", rule.iterate)}
    while new:
        found |= new
        new = {k for k in range(len(names)) if any(matrix[row, k] != 0 for row in found)} - found
    return matrix.extract(sorted(found), sorted(found)), back


@cache_derivation
def _derive_matrix(rule: Rule, held: Held) -> tuple[list[str], sp.Matrix, Substitution]:
    """Return what moves, its matrix, and the symbols of held preconditioners."""
    step, back = (
        UpdateMap.of(rule, lambda point: CURVATURE * point, held, one_parameter=False)
        .in_the_limit()
        .abbreviate()
    )
    rest = dict.fromkeys(step.variables.values(), sp.Integer(0))
    for name, expression in step.next.items():
        _check_smooth(rule, name, expression, rest=rest)
        if sp.simplify(expression.subs(rest)) != 0:
            raise RuleError(
                f"{rule.name}: {name} does not rest where theta and the states are 0: it moves to "
                f"{expression}"
            )
    rows = [[sp.diff(e, v) for v in step.variables.values()] for e in step.next.values()]
    matrix = sp.Matrix([[entry.subs(rest) for entry in row] for row in rows]).applyfunc(sp.simplify)
    _check_forgets(rule, step, matrix, rows=rows)
    return list(step.next), matrix, back


def check_rests(rule: Rule, held: Held, point: Any) -> None:
    """Refuse a rule that does not stay where the gradient is 0, as with weight decay.

    Raises
    ------
    RuleError
        With the state that moves on.
    """
    if any(point) and (moved := _find_moving(rule, held)):
        raise RuleError(
            f"{rule.name} does not rest at such a point, where the gradient is 0 and theta is not: "
            f"{moved} moves on, "
            "as under weight decay; no rate belongs to that point"
        )


@cache_derivation
def _find_moving(rule: Rule, held: Held) -> str:
    """Return what moves on at a minimum, if anything does."""
    place = sp.Dummy("c", real=True)
    step = UpdateMap.of(
        rule, lambda point: CURVATURE * (point - place), held, one_parameter=False
    ).in_the_limit()
    there = {
        name: place if name == "theta" or rule.states[name] == "theta0" else sp.Integer(0)
        for name in step.variables
    }
    at_rest = {step.variables[name]: value for name, value in there.items()}
    left = (
        name for name, e in step.next.items() if sp.simplify(e.subs(at_rest) - there[name]) != 0
    )
    return next(left, "")


def _check_forgets(
    rule: Rule, step: UpdateMap, matrix: sp.Matrix, rows: list[list[sp.Expr]]
) -> None:
    """Refuse a state that keeps its value for ever where the step depends on it."""
    names = list(step.next)
    for k, name in enumerate(names):
        if name == "theta" or matrix.row(k) != sp.eye(len(names)).row(k):
            continue
        own, others = (
            step.variables[name],
            {v: 0 for other, v in step.variables.items() if other != name},
        )
        if any(sp.simplify(entry.subs(others)).has(own) for row in rows for entry in row):
            raise RuleError(
                f"{rule.name}: {name} keeps for ever what it has gathered, and the step depends on "
                "it; give what it is "
                f'worth, as in held={{"{name}": 0.25}}, or held="{name}" for a formula'
            )


def _check_smooth(
    rule: Rule, name: str, expression: sp.Expr, rest: dict[sp.Symbol, sp.Expr]
) -> None:
    """Refuse a kink or a pole at the point of rest, by name."""
    for part in sp.preorder_traversal(expression):
        if not part.free_symbols & rest.keys():
            continue
        at_rest = part
        if part.args:
            at_rest = part.subs(rest)
        root = isinstance(part, sp.Pow) and not (part.exp.is_integer and part.exp.is_nonnegative)
        kink = isinstance(part, KINKS) and _at_kink(part, rest)
        if (
            at_rest.has(sp.nan, sp.zoo, sp.oo)
            or (root and part.base.subs(rest) == 0)
            or kink
            or _branches(part, rest)
        ):
            raise RuleError(
                f"{rule.name} is not differentiable at the minimum: {without_assumptions(part)}, "
                f"in the next {name}, has no slope where theta and the states are 0"
                f"{_hint(rule, part)}"
            )


def _at_kink(part: sp.Expr, rest: dict[sp.Symbol, sp.Expr]) -> bool:
    values = [argument.subs(rest) for argument in part.args]
    if isinstance(part, sp.Max | sp.Min):
        extreme = part.func(*values)
        return values.count(extreme) > 1 or not any(value == extreme for value in values)
    return values[0] == 0 or not isinstance(part, sp.sign | sp.Abs)


def _branches(part: sp.Expr, rest: dict[sp.Symbol, sp.Expr]) -> bool:
    """Tell whether a Piecewise asks for theta or a state."""
    return isinstance(part, sp.Piecewise) and any(
        condition.free_symbols & rest.keys() for _, condition in part.args
    )


def _hint(rule: Rule, part: sp.Expr) -> str:
    """Return how a rule that divides by what it has seen can be studied."""
    for name in rule.states:
        if symbol(name, positive=False) in part.free_symbols and part.has(sp.Pow):
            return f'; hold a state that changes slowly, as in held="{name}"'
    return ""
