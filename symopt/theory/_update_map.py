"""A rule's equations as one map of (theta, state) on a gradient that is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import numpy as np
import sympy as sp

from symopt.errors import RuleError, did_you_mean
from symopt.rules.rule import Rule
from symopt.rules.symbols import (
    GlobalReduction,
    Matrix,
    diagonal,
    grad,
    hvp,
    identity,
    n,
    normal,
    solve,
    t,
    theta,
)
from symopt.rules.symbols import value as cost_value
from symopt.validation import check_number

z = sp.Dummy("z")
OWN = {"lambda", "g", "gamma", "t"}  # what a formula of the theory may hold, beside hyperparameters
Derived = TypeVar("Derived")
Substitution = dict[sp.Symbol, sp.Expr]
Held = str | Iterable[str] | Mapping[str, float]
"""States that are held fixed: by name, with a value each where a number is asked for."""


@dataclass(frozen=True)
class UpdateMap:
    """The next value of theta and of each state, in terms of the values before the step.

    Hyperparameters are positive symbols in here, so that sqrt(eta**2) is eta;
    :func:`without_assumptions` turns what is derived into symbols as ``sp.symbols`` makes them.

    Attributes
    ----------
    rule
        Where it is from.
    next
        By name, theta first; ``t`` may stand in it.
    held
        The states that are held fixed.
    """

    rule: Rule
    next: Mapping[str, sp.Expr]
    held: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        rule: Rule,
        gradient: Callable[[sp.Expr], sp.Expr],
        held: Iterable[str] = (),
        one_parameter: bool = True,
    ) -> UpdateMap:
        """Trace the map where grad(point) is ``gradient(point)``, ``held`` states frozen."""
        fixed = names_of(held)
        for name in fixed:
            if name not in rule.states:
                raise RuleError(
                    f"{rule.name} has no state {name!r} to hold{did_you_mean(name, rule.states)}"
                )
        known: dict[sp.Expr, sp.Expr] = {
            symbol(name, positive=False): symbol(name) for name in rule.hyperparameters
        }
        known |= {symbol(name, positive=False): symbol(name) for name in fixed} | {n: sp.Integer(1)}
        made: dict[str, sp.Expr] = {}
        for primed, expression in rule.equations.items():
            name = primed.name.removesuffix("'")
            if not one_parameter and (mixed := _sums(expression)):
                raise RuleError(
                    f"{rule.name}: {mixed} takes all parameters together, so that eigenvectors do "
                    "not part"
                )
            exact = expression.replace(
                lambda part: part.is_Float, lambda part: sp.nsimplify(part, rational=True)
            )
            if name in fixed:
                value = symbol(name)
            else:
                value = _with_gradient(exact.xreplace(known), gradient)
            known[primed] = value
            if name != primed.name:  # what has no prime is on the way to a next value
                made[name] = value
        order = ["theta", *(name for name in made if name not in ("theta", *fixed))]
        return cls(rule, {name: made[name] for name in order}, fixed)

    @property
    def variables(self) -> dict[str, sp.Symbol]:
        """The symbol of theta and of each state that moves."""
        return {
            name: theta if name == "theta" else symbol(name, positive=False) for name in self.next
        }

    def abbreviate(self) -> tuple[UpdateMap, Substitution]:
        """Abbreviate every subexpression of frozen states by a symbol; return both.

        A preconditioner such as epsilon + sqrt(v) is then one number to the algebra.
        """
        held = {symbol(name) for name in self.held}
        guards = {symbol(name) for name in self.rule.hyperparameters if name.startswith("epsilon")}
        found: dict[sp.Expr, sp.Symbol] = {}
        for expression in self.next.values():
            walk = sp.preorder_traversal(expression)
            for part in walk:
                if not isinstance(part, sp.Expr) or part.is_Mul:
                    continue  # a case of a Piecewise, or a product
                if part.free_symbols & held and part.free_symbols <= held | guards:
                    inner = part
                    if isinstance(part, sp.Pow) and part.exp == -1:
                        inner = part.base
                    found.setdefault(inner, sp.Dummy("P", positive=True))
                    walk.skip()
        short = {name: expression.xreplace(found) for name, expression in self.next.items()}
        return UpdateMap(self.rule, short, self.held), {made: part for part, made in found.items()}

    def in_the_limit(self) -> UpdateMap:
        """Return the map after many steps: beta**t is 0, the first steps are over.

        Raises
        ------
        RuleError
            If the equations still change with the step then.
        """
        after = {name: _limit_expression(expression) for name, expression in self.next.items()}
        for name, expression in after.items():
            if expression.has(t):
                raise RuleError(
                    f"{self.rule.name}: the next {name} depends on the step t for ever; expected "
                    "equations that settle"
                )
        return UpdateMap(self.rule, after, self.held)


def cache_derivation(derive: Callable[..., Derived]) -> Callable[..., Derived]:
    """Cache what ``derive(rule, held, ...)`` gives, by equations and not by values."""
    known: dict[Any, Derived] = {}

    @wraps(derive)
    def ask(rule: Rule, held: Held = (), *more: Any) -> Derived:
        check_rule(rule)
        options = tuple(
            (name, value) for name, value in rule.values.items() if name not in rule.hyperparameters
        )
        fixed = names_of(held)
        key = (rule.function, options, tuple(rule.hyperparameters), fixed, more)
        if key not in known:
            known[key] = derive(rule, fixed, *more)
        return known[key]

    return ask


def symbol(name: str, positive: bool = True) -> sp.Symbol:
    """Return the symbol of a hyperparameter (positive) or of a state."""
    if positive:
        return sp.Symbol(name, positive=True)
    return sp.Symbol(name, real=True)


def check_rule(rule: Any) -> None:
    """Refuse what is no rule."""
    if not isinstance(rule, Rule):
        raise RuleError(
            f"{rule!r} is a {type(rule).__name__}; expected a rule, as so.momentum or "
            "so.momentum(eta=0.01)"
        )


def names_of(held: Any) -> tuple[str, ...]:
    """Return the names of the states that are held.

    Raises
    ------
    RuleError
        If they are no names, or a value is no positive number.
    """
    if isinstance(held, str):
        return (held,)
    try:
        names = tuple(held)
    except TypeError:
        names = (held,)
    if not all(isinstance(name, str) for name in names):
        raise RuleError(
            f'held={held!r}; expected the names of states, as in held="v" or held={{"v": 0.25}}'
        )
    for name, value in held.items() if isinstance(held, Mapping) else ():
        number(f"held[{name!r}]", value, least=0.0)
    return names


def number(name: str, value: Any, least: float = -math.inf) -> float:
    """Return one finite number, at least ``least``.

    Raises
    ------
    RuleError
        If it is none.
    """
    bound = ""
    if least > -math.inf:
        bound = f", at least {least:g}"
    return check_number(value, name, f"one number{bound}", error=RuleError, least=least)


def refuse_reserved(rule: Rule, name: str) -> None:
    """Refuse a rule whose own name would be taken for a symbol of the theory in a formula."""
    if name in rule.values:
        raise RuleError(
            f"{rule.name} has a {name} of its own, which the formula uses for itself; give it "
            "another name"
        )


def without_assumptions(expression: Any) -> Any:
    """Return an expression or matrix whose symbols have no assumptions; the step stays ``so.t``.

    A factor 1/(beta - 1) is written as -1/(1 - beta).
    """
    without = expression.xreplace({s: sp.Symbol(s.name) for s in expression.free_symbols - {t}})
    return without.replace(_is_negative_part, lambda part: -((-part.base) ** part.exp))


def _is_negative_part(part: sp.Basic) -> bool:
    return isinstance(part, sp.Pow) and part.exp == -1 and bool(part.base.as_coeff_Add()[0] < 0)


def numbers_of(rule: Rule, names: Iterable[str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value for each of some names: of the rule's hyperparameters, or as given.

    Raises
    ------
    RuleError
        If a hyperparameter is a schedule or an array, or a name has no value.
    """
    wanted = set(names)
    numbers = {name: rule.hyperparameters[name] for name in wanted if name in rule.hyperparameters}
    for name, value in numbers.items():
        if isinstance(value, sp.Expr) or np.ndim(value):
            kind = "an array"
            if isinstance(value, sp.Expr):
                kind = "a schedule"
            raise RuleError(
                f"{rule.name}: {name} is {kind}; expected one number, as in {rule.name}({name}=0.1)"
            )
    numbers |= {name: value for name, value in given.items() if name in wanted}
    missing = sorted(wanted - numbers.keys())
    if state := next((name for name in missing if name in rule.states), None):
        raise RuleError(
            f"{rule.name}: {state} is held and has no value; a number needs what it is worth where "
            "the rule is looked "
            f'at, as in held={{"{state}": 0.25}}'
        )
    if missing:
        raise RuleError(
            f"{rule.name}: {', '.join(missing)} has no value here; a formula's symbols are given "
            "by name, "
            "as in evaluate(formula, rule, g=1.0)"
        )
    return numbers


def _sums(expression: sp.Expr) -> sp.Expr | None:
    return next(
        (
            part
            for part in expression.atoms(GlobalReduction)
            if not isinstance(part, grad | solve | hvp)
        ),
        None,
    )


def _with_gradient(expression: sp.Expr, gradient: Callable[[sp.Expr], sp.Expr]) -> sp.Expr:
    """Replace grad(point), innermost first, and sums and noise by one term and the mean.

    Raises
    ------
    RuleError
        If the value of the cost itself, or linear equations without a solution, stand in it.
    """

    def known(part: sp.Expr) -> sp.Expr:
        if isinstance(part, cost_value):
            raise RuleError(
                f"the equations hold {part}: with the value of the cost in them they have no "
                "linear theory"
            )
        if isinstance(part, solve):
            slope = sp.diff(gradient(z), z)
            along = {identity: 1, diagonal: part.args[0].find(Matrix).pop()}
            matrix = part.args[0].subs(along).replace(Matrix, lambda point: slope.subs(z, point))
            if matrix == 0:
                raise RuleError(f"the equations hold {part}, and the curvature there is 0")
            return part.args[1] / matrix
        if isinstance(part, hvp):
            point, v = part.args
            return sp.diff(gradient(z), z).subs(z, point) * v
        if isinstance(part, grad):
            return gradient(part.args[0])
        return part.args[0]

    quiet = expression.replace(normal, lambda _: sp.Integer(0))
    return quiet.replace(lambda part: isinstance(part, GlobalReduction), known)


def _limit_expression(expression: sp.Expr) -> sp.Expr:
    """Return an expression for large t: what decays is 0, a case that asks for t is decided."""
    faded = {power: sp.Integer(0) for power in expression.atoms(sp.Pow) if _fades(power)}
    return expression.xreplace(faded).replace(
        sp.Piecewise,
        lambda *cases: sp.Piecewise(
            *((value, _at_the_end(condition)) for value, condition in cases)
        ),
    )


def _fades(power: sp.Pow) -> bool:
    """Return whether base**exponent goes to 0 with t."""
    base, exponent = power.args
    share = base.is_Symbol or (base.is_number and 0 < base < 1)
    return bool(share and sp.diff(exponent, t).is_positive)


def _at_the_end(condition: Any) -> Any:
    """Return a condition on t as it is for large t, where that is known."""
    if isinstance(condition, sp.And | sp.Or | sp.Not):
        return condition.func(*(_at_the_end(part) for part in condition.args))
    if not condition.has(t) or not isinstance(condition, sp.core.relational.Relational):
        return condition
    difference = sp.expand(condition.lhs - condition.rhs)
    if not difference.is_polynomial(t) or not (leading := sp.Poly(difference, t).LC()).is_number:
        return condition
    return condition.func(sp.oo if leading > 0 else -sp.oo, 0)
