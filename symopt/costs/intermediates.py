"""Named intermediates of a cost with loops: what may be one, and their order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

import sympy as sp

from symopt.costs.checks import RANGED, parts, reject_impossible
from symopt.errors import CostError

Limits = tuple[sp.Tuple, ...]
Definitions = Mapping[sp.Indexed, tuple[sp.Expr, Limits | None]]


def read_where(where: Mapping[Any, Any]) -> Definitions:
    """Return every definition with the limits that it states, if it states any.

    Raises
    ------
    CostError
        If a target is no array at plain indices, or its value is no expression with a range for
        each of them.
    """
    return {_target(target): _definition(target, value) for target, value in where.items()}


def _target(target: Any) -> sp.Indexed:
    if not isinstance(target, sp.Indexed) or not all(
        isinstance(i, sp.Symbol | sp.Idx) for i in target.indices
    ):
        raise CostError(
            f"where: {target!r} cannot be defined; expected an array at plain indices, as in H[k, "
            "j]"
        )
    if len(set(target.indices)) < len(target.indices):
        raise CostError(
            f"where: {target} has an index twice; expected indices that differ, as in H[k, j]"
        )
    return target


def _definition(target: sp.Indexed, value: Any) -> tuple[sp.Expr, Limits | None]:
    if isinstance(value, tuple | list) and value:
        expression, *limits = value
    else:
        expression, *limits = (value,)
    if isinstance(expression, int | float):
        expression = sp.sympify(expression, strict=True)
    if not isinstance(expression, sp.Expr):
        raise CostError(f"where: {target} is {expression!r}; expected a SymPy expression")
    reject_impossible(expression)
    if not limits:
        return expression, None
    if any(not isinstance(limit, tuple | list | sp.Tuple) or len(limit) != 3 for limit in limits):
        raise CostError(
            f"where: {target} needs a range for each of its indices, as in {_with_ranges(target)}"
        )
    ranges = tuple(sp.Tuple(*limit) for limit in limits)
    if len(ranges) != len(target.indices) or set(target.indices) != {limit[0] for limit in ranges}:
        raise CostError(
            f"where: {target} needs a range for each of its indices, as in {_with_ranges(target)}"
        )
    reject_impossible(sp.Tuple(*ranges))
    return expression, ranges


def _with_ranges(target: sp.Indexed) -> str:
    return f"{{{target}: (expression, {', '.join(f'({i}, first, last)' for i in target.indices)})}}"


def with_limits(
    expression: sp.Expr, definitions: Definitions
) -> dict[sp.Indexed, tuple[sp.Expr, Limits]]:
    """Return definitions with their limits in an order in which they can be computed."""
    order = _dependencies_first(definitions)
    found: dict[sp.Indexed, tuple[sp.Expr, Limits]] = {}
    for target in reversed(order):
        value, limits = definitions[target]
        users = [(expression, {}), *((other, _scope(ranges)) for other, ranges in found.values())]
        uses = list(chain.from_iterable(_uses(user, target, scope) for user, scope in users))
        if not uses:
            raise CostError(
                f"where: {target} is not used in the cost; expected one of its sums to use it"
            )
        found[target] = (
            value,
            _infer_limits(target, uses) if limits is None else tuple(reversed(limits)),
        )
    return {target: found[target] for target in order}


def _dependencies_first(definitions: Definitions) -> list[sp.Indexed]:
    by_name = {str(target.base.label): target for target in definitions}
    if len(by_name) < len(definitions):
        raise CostError("where: an array is defined twice; give each its own name")
    uses = {
        name: {
            str(part.base.label)
            for part in parts(definitions[target][0])
            if isinstance(part, sp.Indexed)
        }
        for name, target in by_name.items()
    }
    order: list[str] = []
    waiting = list(by_name)
    while waiting:
        ready = [name for name in waiting if not uses[name] & set(waiting)]
        if not ready:
            name = next((name for name in waiting if name in uses[name]), waiting[0])
            if name in uses[name]:
                words = "itself"
            else:
                words = f"{', '.join(w for w in waiting if w != name)}, which refers to it"
            raise CostError(
                f"where: {by_name[name]} refers to {words}; expected what can be computed before it"
            )
        order += ready
        waiting = [name for name in waiting if name not in ready]
    return [by_name[name] for name in order]


def _scope(limits: Limits) -> dict[sp.Basic, sp.Tuple]:
    return {limit[0]: limit for limit in limits}


def _uses(
    expression: sp.Basic, target: sp.Indexed, scope: Mapping[sp.Basic, sp.Tuple]
) -> Iterator[tuple[sp.Indexed, Mapping[sp.Basic, sp.Tuple]]]:
    """Give every use of an array, with the limits around it."""
    stack = [(expression, scope)]
    seen = set()
    while stack:
        part, around = stack.pop()
        if (part, key := tuple(around.items())) in seen:
            continue
        seen.add((part, key))
        if isinstance(part, sp.Indexed) and part.base.label == target.base.label:
            yield part, around
        elif isinstance(part, RANGED):
            stack.append((part.function, {**around, **_scope(tuple(reversed(part.limits)))}))
        else:
            stack.extend((arg, around) for arg in part.args)


def _infer_limits(
    target: sp.Indexed, uses: list[tuple[sp.Indexed, Mapping[sp.Basic, sp.Tuple]]]
) -> Limits:
    """Return limits that hold every index at which the sums use an array."""
    limits = []
    for use, _ in uses:
        if any(index.has(sp.Indexed) for index in use.indices):
            raise CostError(
                f"where: {use} stands at entries of data; give {target} a range, as in "
                f"{_with_ranges(target)}"
            )
    for axis, symbol in enumerate(target.indices):
        bounds = [
            (_end(use.indices[axis], around, -1), _end(use.indices[axis], around, 1))
            for use, around in uses
        ]
        low, high = _least([low for low, _ in bounds]), _least([-high for _, high in bounds])
        if low is None or high is None:
            raise CostError(
                f"where: the sums that use {target} have different ranges for {symbol}; give its "
                "own, as in "
                f"{_with_ranges(target)}"
            )
        limits.append(sp.Tuple(symbol, low, -high))
    return tuple(reversed(limits))


def _end(index: sp.Expr, around: Mapping[sp.Basic, sp.Tuple], side: int) -> sp.Expr:
    """Return the least (-1) or greatest (1) value of an index inside limits, as a formula."""
    for symbol, low, high in reversed(list(around.values())):
        factor = sp.expand(index).coeff(symbol)
        index = index.xreplace({symbol: high if (factor * side).is_positive else low})
    return sp.expand(index)


def _least(ends: list[sp.Expr]) -> sp.Expr | None:
    """Return the least of some formulas in sizes, or None if none is known to be."""
    return next((one for one in ends if all(_is_above(other, one) for other in ends)), None)


def _is_above(one: sp.Expr, other: sp.Expr) -> bool:
    constant, rest = sp.expand(one - other).as_coeff_Add()
    return (
        all(term.as_coeff_Mul()[0] > 0 for term in sp.Add.make_args(rest))
        if rest
        else constant >= 0
    )
