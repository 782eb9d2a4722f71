"""How fast a rule goes where the gradient is constant: on a slope, a shelf, a plateau."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import sympy as sp

from symopt.errors import RuleError
from symopt.rules.rule import Rule
from symopt.rules.symbols import t, theta
from symopt.theory._formulas import holds_where, value_of
from symopt.theory._trials import number_at
from symopt.theory._update_map import (
    UpdateMap,
    check_rule,
    number,
    refuse_reserved,
    symbol,
    without_assumptions,
)

SLOPE = sp.Dummy("g", real=True, nonzero=True)


def velocity(rule: Rule, *, epsilon: float | None = 0) -> sp.Expr:
    """Return the step theta' - theta that a rule makes as its t-th under a constant gradient g.

    The state's recurrence is solved where it is x' = a*x + b with a and b that do not change:
    x_t = a**t*x_0 + b*(1 - a**t)/(1 - a).

    Parameters
    ----------
    rule
        Any rule whose states follow such recurrences under a constant gradient.
    epsilon
        What the hyperparameters that guard against dividing by 0 (those whose name begins with
        epsilon) are taken as; None leaves them as symbols.

    Returns
    -------
    sympy.Expr
        In the symbols g, the hyperparameters, and the step ``so.t``, from 1.

    Raises
    ------
    RuleError
        If there is no such closed form.

    Examples
    --------
    >>> import symopt as so
    >>> so.theory.velocity(so.momentum)
    -eta*g*(1 - beta**t)/(1 - beta)
    >>> so.theory.velocity(so.adam)
    -eta*sign(g)
    """
    step = _under_slope(rule, epsilon)
    known: dict[sp.Symbol, sp.Expr] = {}
    for name in _in_order(rule, step):
        own = symbol(name, positive=False)
        a, b = _affine(step.next[name].xreplace(known), own)
        if a is None or a.has(t) or b.has(t):
            raise RuleError(
                f"{rule.name}: {name} has no closed form under a constant gradient; see "
                "terminal_velocity"
            )
        first = _first(rule, name)
        if a == 1:
            after = first + b * (t - 1)
        else:
            after = a ** (t - 1) * first + b * (1 - a ** (t - 1)) / (1 - a)
        known[own] = after
    move = _tidy((step.next["theta"] - theta).xreplace(known))
    if move.has(sp.zoo, sp.nan, sp.oo):
        raise RuleError(
            f"{rule.name}: its step under a constant gradient is no finite number: it divides by "
            "what is 0 there, as the curvature is"
        )
    return move


def terminal_velocity(rule: Rule, *, epsilon: float | None = 0) -> sp.Expr:
    """Return the step to which a rule tends under a constant gradient g (for momentum: Goh 2017).

    The states are taken where they rest; one that grows for ever is taken at infinity.

    Parameters
    ----------
    rule
        Any rule.
    epsilon
        As in :func:`velocity`.

    Returns
    -------
    sympy.Expr
        theta' - theta in the symbols g and the hyperparameters.

    Raises
    ------
    RuleError
        If the equations do not settle, a state neither rests nor grows evenly, or the step has no
        limit.

    Examples
    --------
    >>> import symopt as so
    >>> so.theory.terminal_velocity(so.momentum)
    -eta*g/(1 - beta)
    >>> so.theory.terminal_velocity(so.adam)
    -eta*sign(g)
    >>> so.theory.terminal_velocity(so.adagrad)
    0
    """
    step = _under_slope(rule, epsilon).in_the_limit()
    known: dict[sp.Symbol, sp.Expr] = {}
    kept: dict[str, sp.Expr] = {}
    for name in _in_order(rule, step):
        own = symbol(name, positive=False)
        a, b = _affine(step.next[name].xreplace(known), own)
        if a is None or (a == 1 and b.has(t)):
            raise RuleError(
                f"{rule.name}: {name} follows no linear recurrence with fixed coefficients: no "
                "limit is known"
            )
        if a == 1:
            known[own] = _first(rule, name) + b * t
        else:
            _check_attracts(rule, name, a)
            known[own], kept[name] = sp.simplify(b / (1 - a)), without_assumptions(a)
    result = _in_the_end(rule, (step.next["theta"] - theta).xreplace(known))
    holds_where(result, rule, partial(_check_rest, kept))
    return result


def _check_rest(
    kept: Mapping[str, sp.Expr], rule: Rule, known: Mapping[str, float], result: float
) -> None:
    """Refuse a velocity at hyperparameters where a state does not come to rest."""
    for name, a in kept.items():
        given = {
            key: value for key, value in known.items() if key in {s.name for s in a.free_symbols}
        }
        if not abs(share := value_of(a, rule, given)[0]) < 1:
            raise RuleError(
                f"{rule.name}: each step multiplies {name} by {share:g}, so that it does not come "
                f"to rest, and the formula's {result:g} does not hold"
            )


def _check_attracts(rule: Rule, name: str, a: sp.Expr) -> None:
    """Refuse a state that does not come to rest: x' = a*x + b does where abs(a) < 1."""
    shares = [dict.fromkeys(a.free_symbols, share) for share in (0.1, 0.5, 0.9)]
    own = {symbol(n): v for n, v in rule.hyperparameters.items() if isinstance(v, float)}
    slopes = [{**own, SLOPE: slope} for slope in (1.0, -1.0)]
    for values in [*shares, *(slopes if a.free_symbols <= slopes[0].keys() else [])]:
        if not abs(number_at(a, values)) < 1:
            raise RuleError(
                f"{rule.name}: {name} does not come to rest under a constant gradient: "
                f"each step multiplies it by {without_assumptions(a)}"
            )


def _in_the_end(rule: Rule, move: sp.Expr) -> sp.Expr:
    """Return the limit of a step for large t, for slopes of either sign, as one formula in g."""
    size = sp.Dummy("g", positive=True)
    up, down = (_tidy_limit(move.subs(SLOPE, sign * size)) for sign in (1, -1))
    if any(side.has(sp.Limit, sp.AccumBounds, sp.zoo, sp.nan, sp.oo) for side in (up, down)):
        raise RuleError(
            f"{rule.name}: its step under a constant gradient has no limit: "
            f"{without_assumptions(up)} for g > 0"
        )
    if not up.has(size) and sp.simplify(up + down) == 0:
        return without_assumptions(up * sp.sign(SLOPE))
    result = up.subs(size, SLOPE)
    if sp.simplify(result.subs(SLOPE, -size) - down) == 0:
        return _tidy(result)
    result = _tidy(move)
    if result.has(t):
        raise RuleError(
            f"{rule.name}: its step tends to {without_assumptions(up)} for g > 0 and to "
            f"{without_assumptions(down)} for g < 0"
        )
    return result


def _tidy_limit(move: sp.Expr) -> sp.Expr:
    return sp.simplify(sp.limit(move, t, sp.oo) if move.has(t) else move)


def _under_slope(rule: Rule, epsilon: float | None) -> UpdateMap:
    """Return the map under a constant gradient g, with ``epsilon`` for the guards."""
    check_rule(rule)
    refuse_reserved(rule, "g")
    step = UpdateMap.of(rule, lambda _: SLOPE)
    if any(
        theta in sp.expand(e - (theta if name == "theta" else 0)).free_symbols
        for name, e in step.next.items()
    ):
        raise RuleError(
            f"{rule.name}: its step depends on theta itself, so that no velocity belongs to a "
            "gradient g"
        )
    if epsilon is None:
        return step
    value = sp.nsimplify(number("epsilon", epsilon, least=0.0))
    guards = {symbol(name): value for name in rule.hyperparameters if name.startswith("epsilon")}
    return UpdateMap(rule, {name: e.xreplace(guards) for name, e in step.next.items()}, step.held)


def _in_order(rule: Rule, step: UpdateMap) -> list[str]:
    """Return the states so that each next value uses itself and earlier ones only."""
    left = {
        name: {s.name for s in e.free_symbols} - {name}
        for name, e in step.next.items()
        if name != "theta"
    }
    order: list[str] = []
    while left:
        ready = [name for name, uses in left.items() if not uses & left.keys()]
        if not ready:
            raise RuleError(
                f"{rule.name}: the states {', '.join(left)} depend on each other: they have no "
                "closed form"
            )
        order += ready
        left = {name: uses for name, uses in left.items() if name not in ready}
    return order


def _affine(expression: sp.Expr, own: sp.Symbol) -> tuple[sp.Expr | None, sp.Expr]:
    """Return a and b of a*x + b; a is None for what is no such expression."""
    wide = sp.expand(expression)
    a, b = wide.coeff(own, 1), wide.coeff(own, 0)
    if not (a * own + b - wide).expand() and own not in a.free_symbols | b.free_symbols:
        return (a, b)
    return (None, b)


def _first(rule: Rule, name: str) -> sp.Expr:
    """Return where a state starts."""
    start = rule.states[name]
    if start == "grad0":
        return SLOPE
    if start == "theta0":
        raise RuleError(
            f"{rule.name}: {name} starts at theta, so that no velocity belongs to a gradient g"
        )
    if isinstance(start, str):
        return symbol(start)
    return sp.nsimplify(start)


def _tidy(expression: sp.Expr) -> sp.Expr:
    """Simplify, with sign(g) for g/abs(g) where nothing else of g is left."""
    simple, direction = sp.simplify(expression), sp.Dummy("s")
    signed = sp.simplify(simple.xreplace({sp.Abs(SLOPE): SLOPE / direction})).replace(
        1 / direction, direction
    )
    return without_assumptions(
        simple if SLOPE in signed.free_symbols else signed.xreplace({direction: sp.sign(SLOPE)})
    )
