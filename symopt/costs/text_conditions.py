"""Comparisons in text, what is true of several, and choices by them."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from itertools import pairwise

import sympy as sp

from symopt.costs.text_arithmetic import Part
from symopt.errors import ParseError

RELATIONS: dict[type[ast.cmpop], tuple[type[sp.Rel], Callable[[float, float], bool]]] = {
    ast.Lt: (sp.StrictLessThan, operator.lt),
    ast.LtE: (sp.LessThan, operator.le),
    ast.Gt: (sp.StrictGreaterThan, operator.gt),
    ast.GtE: (sp.GreaterThan, operator.ge),
    ast.Eq: (sp.Equality, operator.eq),
    ast.NotEq: (sp.Unequality, operator.ne),
}
ONE, ZERO = Part(sp.S.One, 1.0), Part(sp.S.Zero, 0.0)


def compare(parts: list[Part], relations: list[ast.cmpop]) -> Part:
    """Return the condition that every pair of neighbours is related, as in 0 < x < 1."""
    found = [
        _related(left, right, relation)
        for (left, right), relation in zip(pairwise(parts), relations, strict=True)
    ]
    return together(found, sp.And)


def _related(left: Part, right: Part, relation: ast.cmpop) -> Part:
    if type(relation) not in RELATIONS:
        raise ParseError("'in' and 'is' compare no numbers; expected <, <=, >, >=, == or !=")
    kind, of_numbers = RELATIONS[type(relation)]
    if left.value is not None and right.value is not None:
        return Part(sp.true if of_numbers(left.value, right.value) else sp.false)
    if left.expression.has(sp.Piecewise) or right.expression.has(sp.Piecewise):
        raise ParseError(
            "a choice stands inside a comparison; compare in each of its branches, or join "
            "conditions by 'and' and 'or'"
        )
    return Part(kind(left.expression, right.expression, evaluate=False))


def together(parts: list[Part], joined: type[sp.And | sp.Or]) -> Part:
    """Return the condition that all of some hold, or any of them."""
    for part in parts:
        _check(part)
    return Part(joined(*(part.expression for part in parts)))


def opposite(part: Part) -> Part:
    """Return the condition that another does not hold."""
    return Part(_opposite(_check(part)))


def _opposite(condition: sp.Basic) -> sp.Basic:
    if condition in (sp.true, sp.false):
        return sp.false if condition == sp.true else sp.true
    if isinstance(condition, sp.And):
        return sp.Or(*map(_opposite, condition.args))
    if isinstance(condition, sp.Or):
        return sp.And(*map(_opposite, condition.args))
    return condition.negated


def choose(condition: Part, then: Part, otherwise: Part) -> Part:
    """Return one part where a condition holds, and another elsewhere."""
    met = _check(condition)
    if met == sp.true:
        return then
    if met == sp.false:
        return otherwise
    pairs = [(as_number(then).expression, met), (as_number(otherwise).expression, sp.true)]
    return Part(sp.Piecewise(*pairs, evaluate=False))


def as_number(part: Part) -> Part:
    """Return a condition as the number 1 where it holds and 0 elsewhere, a number as it is."""
    if part.is_condition:
        return choose(part, ONE, ZERO)
    return part


def _check(part: Part) -> sp.Basic:
    if not part.is_condition:
        raise ParseError(
            f"{str(part.expression)[:60]} is no condition; expected a comparison, as in "
            "if(x > 0, x^2, 0)"
        )
    condition: sp.Basic = part.expression
    return condition
