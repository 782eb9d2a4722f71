"""What a user may write, in the functions that programs know; done once, before a cost is read.

Derivatives, integrals and substitutions are worked out as if every symbol were real, conditions
lose their Not and Xor, |x + I*y| becomes a root, and functions that are others in disguise (acot,
KroneckerDelta, the beta function, log2) are written as those.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

import sympy as sp
from sympy.logic.boolalg import Boolean

from symopt.frontend.bounds import EXTREMES, within_affine_bounds
from symopt.frontend.complex_parts import COMPLEX, of_real_symbols, real_value
from symopt.frontend.unfamiliar import REWRITTEN

PASSES = 3  # a derivative may leave a delta, an integral a function that is rewritten
INTEGRALS = (sp.Integral, sp.Derivative, sp.Subs)
CONNECTIVES = (sp.Not, sp.Xor, sp.Implies, sp.Equivalent, sp.ITE)
RANGED = (sp.Sum, sp.Product)
NEEDS_REAL = (sp.I, *INTEGRALS, *COMPLEX)
"""What SymPy works out further where it knows that symbols are real."""


def rewritten(expression: sp.Expr) -> sp.Expr:
    """Return an expression in functions that programs know, itself where it is made of them.

    Examples
    --------
    >>> x, y = sp.symbols("x y")
    >>> rewritten(sp.Abs(x + sp.I*y)**2 + sp.Derivative(sp.sin(x), x))
    x**2 + y**2 + cos(x)
    """
    if not any(map(_is_unfamiliar, _walk(expression))):
        return expression
    real: dict[sp.Symbol, sp.Symbol] = {}
    if expression.has(*NEEDS_REAL):
        real = {symbol: _real(symbol) for symbol in _symbols(expression) if symbol.is_real is None}
    made = _bottom_up(expression, real)
    for _ in range(PASSES):
        if not any(map(_is_unfamiliar, _walk(made))):
            break
        made = _bottom_up(made, {})
    if made.has(sp.I):
        made = real_value(made)
    return made.xreplace({new: old for old, new in real.items()})


def _real(symbol: sp.Symbol) -> sp.Dummy:
    """Return a real symbol with all that is known of another."""
    known = {name: value for name, value in symbol._assumptions_orig.items() if name != "complex"}
    return sp.Dummy(symbol.name, **{**known, "real": True})


def _is_unfamiliar(part: sp.Basic) -> bool:
    if isinstance(part, RANGED):
        return any(limit.has(*EXTREMES, sp.oo) for limit in part.limits)
    return part == sp.I or isinstance(part, (*REWRITES, *REWRITTEN))


def _walk(expression: sp.Basic) -> Iterator[sp.Basic]:
    """Give every part that stands for a value, without recursion."""
    seen, stack = set(), [expression]
    while stack:
        part = stack.pop()
        if part not in seen:
            seen.add(part)
            yield part
            stack.extend(_children(part))


def _children(part: sp.Basic) -> tuple[sp.Basic, ...]:
    """Return the arguments of a part; what stands in an index stays as it is."""
    if isinstance(part, (sp.Indexed, sp.MatrixExpr, *INTEGRALS)):
        return ()
    return tuple(part.args)


def _symbols(expression: sp.Basic) -> set[sp.Symbol]:
    """Return the symbols, less the names of arrays."""
    labels = {base.label for base in expression.atoms(sp.IndexedBase)}
    inside = {symbol for idx in expression.atoms(sp.Idx) for symbol in idx.atoms(sp.Symbol)}
    return set(expression.atoms(sp.Symbol)) - labels - inside


def _bottom_up(expression: sp.Expr, symbols: Mapping[sp.Symbol, sp.Symbol]) -> sp.Expr:
    """Rewrite every part once its arguments are; nothing recurses."""
    made: dict[sp.Basic, Any] = dict(symbols)
    ranged = [part.limits for part in _walk(expression) if isinstance(part, RANGED)]
    indices = {symbols.get(limit[0], limit[0]) for limit in chain.from_iterable(ranged)}
    stack = [expression]
    while stack:
        part = stack[-1]
        missing = [arg for arg in _children(part) if arg not in made]
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        if part not in made:
            made[part] = _rewrite(_with_args(part, made, symbols), indices)
    return made[expression]


def _with_args(
    part: sp.Basic, made: Mapping[sp.Basic, Any], symbols: Mapping[sp.Symbol, sp.Symbol]
) -> sp.Basic:
    children = _children(part)
    if not children:
        return part.xreplace(symbols)
    args = tuple(made[arg] for arg in children)
    if args == part.args:
        return part
    return part.func(*args)


def _rewrite(part: sp.Basic, indices: set[sp.Basic]) -> sp.Basic:
    if isinstance(part, RANGED):
        return _of_range(part, indices)
    for kinds, rule in RULES:
        if isinstance(part, kinds):
            return rule(part)
    return part


def _worked_out(part: Any) -> sp.Basic:
    return part.doit()


def _of_range(part: Any, indices: set[sp.Basic]) -> sp.Basic:
    """Return a sum or product with plain bounds, or the value of an infinite one."""
    if not any(limit.has(sp.oo) for limit in part.limits):
        return within_affine_bounds(part, indices)
    value = part.doit()
    if value.has(sp.oo, *RANGED):
        return part
    return value


def _unwrapped(part: sp.UnevaluatedExpr) -> sp.Basic:
    return part.args[0]


def _without_connectives(part: Boolean) -> sp.Basic:
    """Return a condition of comparisons, And and Or."""
    return part.to_nnf(simplify=False)


def _member(part: sp.Contains) -> sp.Basic:
    """Return x in a set as comparisons."""
    element, members = part.args
    condition = members.contains(element)
    if isinstance(condition, sp.Contains):
        return part
    return condition


def _unfamiliar(part: sp.Basic) -> sp.Basic:
    return REWRITTEN[type(part)](*part.args)


REWRITES: tuple[type, ...] = (
    *INTEGRALS,
    *CONNECTIVES,
    *(kind for kind in COMPLEX if kind is not sp.Abs),  # |z| of a z with I, which is met itself
    sp.UnevaluatedExpr,
    sp.Contains,
)
RULES: list[tuple[Any, Callable[[Any], sp.Basic]]] = [
    (INTEGRALS, _worked_out),
    (sp.UnevaluatedExpr, _unwrapped),
    (CONNECTIVES, _without_connectives),
    (sp.Contains, _member),
    (COMPLEX, of_real_symbols),
    (tuple(REWRITTEN), _unfamiliar),
]
