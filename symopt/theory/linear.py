"""The linear map that a rule is on a quadratic: its matrix, its spectrum, its rate, its escape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symopt.errors import RuleError
from symopt.floats import Array, NotNumbersError, as_floats
from symopt.rule import Rule
from symopt.theory.update_map import (
    Back,
    Held,
    UpdateMap,
    names_of,
    number,
    numbers_of,
    plain,
    remembered,
    reserved,
    symbol,
    z,
)

CURVATURE = sp.Symbol("lambda", real=True, nonzero=True)
KINKS = (sp.sign, sp.Abs, sp.Max, sp.Min, sp.Heaviside, sp.floor, sp.ceiling)


def linearize(rule: Rule, *, held: Held = ()) -> sp.Matrix:
    """Return the matrix of a rule's step on J = lambda*theta**2/2, at the minimum and after many steps.

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
        over all parameters; if it never settles, or 0 is not where it rests.

    Examples
    --------
    >>> import symopt as so
    >>> so.theory.linearize(so.momentum)
    Matrix([
    [-eta*lambda + 1, beta],
    [    -eta*lambda, beta]])
    """
    matrix, back = linear_step(rule, held)
    return plain(matrix.xreplace(back))


def characteristic(rule: Rule, *, held: Held = ()) -> sp.Poly:
    """Return the characteristic polynomial of :func:`linearize`, in z.

    Examples
    --------
    >>> import symopt as so
    >>> so.theory.characteristic(so.gd).as_expr()
    eta*lambda + z - 1
    """
    reserved(rule, "z")
    matrix, back = linear_step(rule, held)
    return sp.Poly(plain(characteristic_of(matrix).xreplace(back)), sp.Symbol("z"))


def rate(rule: Rule, eigenvalues: npt.ArrayLike, *, held: Held = ()) -> float:
    """Return the factor per step by which theta tends to a minimum, with the rule's own hyperparameters.

    The largest modulus of an eigenvalue of the rule's matrix over all eigenvalues lambda of the
    Hessian: the root factor R1 of the error (Ortega and Rheinboldt 1970). Above 1 the run diverges.

    Parameters
    ----------
    rule
        With numbers for its hyperparameters.
    eigenvalues
        Of the Hessian at the minimum, shape (n,) or one number.
    held
        As in :func:`linearize`, with values as in ``held={"v": 0.25}``; 1 where none is given.

    Raises
    ------
    RuleError
        As :func:`linearize`; also if a hyperparameter is a schedule or an array.

    Examples
    --------
    >>> import symopt as so
    >>> so.theory.rate(so.gd(eta=2/101), [1, 100])  # (kappa - 1)/(kappa + 1)
    0.9801980198019802
    """
    matrices = _numeric(rule, _eigenvalues(eigenvalues), held)
    return float(np.abs(np.linalg.eigvals(matrices)).max())


def escape(rule: Rule, curvature: float | sp.Expr | None = None, *, held: Held = ()) -> sp.Expr | float:
    """Return the growth per step along a direction of curvature -gamma, away from a saddle.

    The largest eigenvalue G of the rule's matrix at lambda = -gamma. From the distance y0 a run
    reaches Delta after ln(Delta/abs(y0))/ln(G) steps.

    Parameters
    ----------
    rule
        Any rule whose step is differentiable at the saddle.
    curvature
        gamma > 0: a number, and G is one too, for the rule's own hyperparameters; or a symbol of
        your own for gamma.
    held
        As in :func:`linearize`.

    Returns
    -------
    sympy.Expr or float
        In the symbol gamma and the hyperparameters, if no curvature is given.

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
    if curvature is None:
        return _growth(rule, held)
    if isinstance(curvature, sp.Expr) and curvature.free_symbols:
        return _growth(rule, held).subs(sp.Symbol("gamma"), curvature)
    if (size := number("curvature", curvature)) <= 0:
        raise RuleError(f"curvature={size:g}; expected the size gamma of a negative curvature, a number above 0")
    return rate(rule, [-size], held=held)


@remembered
def _growth(rule: Rule, held: Held) -> sp.Expr:
    """Return the growth per step in closed form, in the symbol gamma."""
    reserved(rule, "gamma")
    matrix, back = linear_step(rule, held)
    uphill = characteristic_of(matrix).subs(CURVATURE, -symbol("gamma"))
    factors = [sp.Poly(factor, z) for factor in factors_in_z(uphill)]
    if any(factor.degree() > 2 for factor in factors):
        raise RuleError(
            f"{rule.name}: its growth has no short closed form; give the curvature, as in escape(rule, 1.0)"
        )
    largest = _largest([root for factor in factors for root in sp.roots(factor)])
    return plain(sp.simplify(largest).xreplace(back))


def characteristic_of(matrix: sp.Matrix) -> sp.Expr:
    """Return det(z - matrix)."""
    return matrix.charpoly().as_expr(z)


def factors_in_z(expression: sp.Expr) -> list[sp.Expr]:
    """Return the factors of a characteristic polynomial, each once."""
    numerator = sp.together(expression).as_numer_denom()[0]
    return [factor for factor, _ in sp.factor_list(numerator)[1] if factor.has(z)]


@remembered
def linear_step(rule: Rule, held: Held) -> tuple[sp.Matrix, Back]:
    """Return the matrix with one symbol for each preconditioner that is held, and what these stand for."""
    step, back = UpdateMap.of(rule, lambda point: CURVATURE * point, held, one_parameter=False).settled().shortened()
    rest = dict.fromkeys(step.variables.values(), sp.Integer(0))
    for name, expression in step.next.items():
        _check_smooth(rule, name, expression, rest)
        if sp.simplify(expression.subs(rest)) != 0:
            raise RuleError(
                f"{rule.name}: {name} does not rest where theta and the states are 0: it moves to {expression}"
            )
    rows = [[sp.diff(e, v).subs(rest) for v in step.variables.values()] for e in step.next.values()]
    return sp.Matrix(rows).applyfunc(sp.simplify), back


def _check_smooth(rule: Rule, name: str, expression: sp.Expr, rest: dict[sp.Symbol, sp.Expr]) -> None:
    """Refuse a kink or a pole at the point of rest, by name."""
    for part in sp.preorder_traversal(expression):
        if not part.free_symbols & rest.keys():
            continue
        at_rest = part.subs(rest) if part.args else part
        root = isinstance(part, sp.Pow) and not (part.exp.is_integer and part.exp.is_nonnegative)
        kink = isinstance(part, KINKS) and _at_kink(part, rest)
        if at_rest.has(sp.nan, sp.zoo, sp.oo) or (root and part.base.subs(rest) == 0) or kink or _branches(part, rest):
            raise RuleError(
                f"{rule.name} is not differentiable at the minimum: {plain(part)}, in the next {name}, has no slope "
                f"where theta and the states are 0{_hint(rule, part)}"
            )


def _at_kink(part: sp.Expr, rest: dict[sp.Symbol, sp.Expr]) -> bool:
    values = [argument.subs(rest) for argument in part.args]
    if isinstance(part, sp.Max | sp.Min):
        extreme = part.func(*values)
        return values.count(extreme) > 1 or not any(value == extreme for value in values)
    return values[0] == 0 or not isinstance(part, sp.sign | sp.Abs)


def _branches(part: sp.Expr, rest: dict[sp.Symbol, sp.Expr]) -> bool:
    """Tell whether a Piecewise asks for theta or a state."""
    return isinstance(part, sp.Piecewise) and any(condition.free_symbols & rest.keys() for _, condition in part.args)


def _hint(rule: Rule, part: sp.Expr) -> str:
    """Return how a rule that divides by what it has seen can be studied."""
    for name in rule.states:
        if symbol(name, positive=False) in part.free_symbols and part.has(sp.Pow):
            return f'; hold a state that changes slowly, as in held="{name}"'
    return ""


def held_values(held: Held) -> dict[str, float]:
    """Return the value of each state that is held, 1 where none is given."""
    if isinstance(held, Mapping):
        return {name: float(value) for name, value in held.items()}
    return dict.fromkeys(names_of(held), 1.0)


def _numeric(rule: Rule, eigenvalues: Array, held: Held) -> Array:
    """Return the matrix for each eigenvalue, shape (len(eigenvalues), k, k)."""
    names, entries = _entries(rule, held)
    values = numbers_of(rule, names, held_values(held) | {"lambda": eigenvalues})
    shape = eigenvalues.shape
    return np.stack(
        [
            np.stack([np.broadcast_to(entry(*(values[n] for n in names)), shape) for entry in row], -1)
            for row in entries
        ],
        -2,
    )


@remembered
def _entries(rule: Rule, held: Held) -> tuple[list[str], list[list[Callable[..., Any]]]]:
    """Return the names that the matrix holds, and its entries as functions of their values."""
    matrix = linearize(rule, held=held)
    symbols = sorted(matrix.free_symbols, key=str)
    rows = [[sp.lambdify(symbols, entry) for entry in matrix.row(k)] for k in range(matrix.rows)]
    return [s.name for s in symbols], rows


def _eigenvalues(values: npt.ArrayLike) -> Array:
    try:
        array = np.atleast_1d(as_floats(values))
    except NotNumbersError as error:
        raise RuleError(f"eigenvalues={values!r}: {error}; expected the eigenvalues of a Hessian") from None
    if array.ndim != 1 or not array.size:
        raise RuleError(f"eigenvalues has shape {array.shape}; expected one number or a list of them")
    return array


def _largest(roots: list[sp.Expr]) -> sp.Expr:
    """Return the root of largest modulus where every hyperparameter is 0.3, as is gamma."""
    return max(roots, key=lambda root: abs(complex(root.subs(dict.fromkeys(root.free_symbols, sp.Rational(3, 10))))))
