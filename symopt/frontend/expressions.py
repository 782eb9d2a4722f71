"""SymPy expression to program, in the forms of ``frontend/stable.py``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import chain

import sympy as sp
from sympy.codegen.cfunctions import hypot
from sympy.core.relational import Relational

from symopt.errors import UnsupportedError
from symopt.frontend.conditions import nan_condition
from symopt.frontend.moving import Moving
from symopt.frontend.refusals import is_refused, no_machine_code
from symopt.frontend.removable import continued_piece
from symopt.frontend.stable import operation, product, total
from symopt.frontend.valuation import build_valuation as _valuation
from symopt.frontend.valuation import valuation
from symopt.ir.program import Graph

FUNCTIONS: dict[type[sp.Basic], str] = {
    sp.exp: "exp",
    sp.log: "log",
    sp.sin: "sin",
    sp.cos: "cos",
    sp.tan: "tan",
    sp.sec: "sec",
    sp.csc: "csc",
    sp.cot: "cot",
    sp.sinh: "sinh",
    sp.cosh: "cosh",
    sp.tanh: "tanh",
    sp.sech: "sech",
    sp.csch: "csch",
    sp.coth: "coth",
    sp.asin: "asin",
    sp.acos: "acos",
    sp.atan: "atan",
    sp.asinh: "asinh",
    sp.acosh: "acosh",
    sp.atanh: "atanh",
    sp.sinc: "sinc",
    sp.erf: "erf",
    sp.erfc: "erfc",
    sp.gamma: "gamma",
    sp.loggamma: "loggamma",
    sp.Abs: "abs",
    sp.sign: "sign",
    sp.floor: "floor",
}
RELATIONS = {
    sp.StrictLessThan: ("lt", False),
    sp.LessThan: ("le", False),
    sp.StrictGreaterThan: ("lt", True),
    sp.GreaterThan: ("le", True),
    sp.Equality: ("eq", False),
    sp.Unequality: ("ne", False),
}


def lower(graph: Graph, expression: sp.Basic, leaf: Callable[[sp.Basic], int]) -> int:
    """Build ``expression`` in ``graph``; ``leaf`` gives the nodes of symbols."""
    return Lowering(graph, leaf)(expression)


class Lowering:
    """Walks an expression once, arguments first, without recursion; equal parts are met once."""

    def __init__(self, graph: Graph, leaf: Callable[[sp.Basic], int]) -> None:
        self.graph, self.leaf = graph, leaf
        self.moving = Moving(graph)
        self.made: dict[sp.Basic, int] = {}

    def __call__(self, expression: sp.Basic) -> int:
        stack = [(expression, False)]
        while stack:
            part, ready = stack.pop()
            if part in self.made:
                continue
            if ready or not part.args:
                self.made[part] = self._node(part)
            else:
                stack.append((part, True))
                stack.extend((arg, False) for arg in reversed(self._children(part)))
        return self.made[expression]

    def _children(self, part: sp.Basic) -> list[sp.Basic]:
        if is_special_number(part):
            return []
        if is_refused(part):
            raise no_machine_code(part, known_functions())
        if isinstance(part, sp.Piecewise):
            return list(chain.from_iterable(pair.args for pair in part.args))
        if isinstance(part, sp.Pow) and _is_plain(part.exp):
            return [part.base]
        return list(part.args)

    def _node(self, part: sp.Basic) -> int:
        if part.is_Symbol:
            return self.leaf(part)
        if not part.args and part.is_number:
            return self.graph.const(number(part))
        if part in (sp.true, sp.false):
            return self.graph.const(float(bool(part)))
        if is_special_number(part):
            return self.graph.const(number(part))
        if type(part) in FUNCTIONS:
            return self.function(part)
        for kind, build in BUILDERS:
            if isinstance(part, kind):
                return build(self, part)
        raise no_machine_code(part, known_functions())

    def op(self, name: str, *parts: sp.Basic | int) -> int:
        """Return the node of an operation on parts that are lowered already."""
        return operation(
            self.graph, name, *(part if isinstance(part, int) else self(part) for part in parts)
        )

    def chain(self, name: str, nodes: Iterable[int]) -> int:
        """Return ``nodes`` joined from left to right."""
        first, *rest = nodes
        for node in rest:
            first = self.graph.op(name, first, node)
        return first

    # One method for each kind of SymPy node

    def add(self, part: sp.Add) -> int:
        return total(self.graph, [self(term) for term in part.args])

    def mul(self, part: sp.Mul) -> int:
        above: list[int] = []
        below: list[int] = []
        coefficient, factors = part.as_coeff_mul()
        for factor in factors:
            base, exponent = factor.as_base_exp()
            if factor.is_Pow and exponent.is_number and exponent.is_negative:
                below.append(self.op("pow", base, self.graph.const(-number(exponent))))
            else:
                above.append(self(factor))
        return product(self.graph, number(coefficient), above, below, self.moving)

    def pow(self, part: sp.Pow) -> int:
        base, exponent = part.args
        if base == sp.E:
            return self.op("exp", exponent)
        if _is_plain(exponent):
            power = self.graph.const(number(exponent))
        else:
            power = self(exponent)
        return self.op("pow", base, power)

    def function(self, part: sp.Basic) -> int:
        return self.op(FUNCTIONS[type(part)], part.args[0])

    def extreme(self, part: sp.Max | sp.Min) -> int:
        node = self(part.args[0])
        for arg in part.args[1:]:
            other = self(arg)
            if isinstance(part, sp.Max):
                pair = (other, node)
            else:
                pair = (node, other)
            # ties go to the first; a NaN on either side is passed on
            first = self.op("or", self.op("le", *pair), self.op("ne", node, node))
            node = self.graph.op("select", first, node, other)
        return node

    def piecewise(self, part: sp.Piecewise) -> int:
        continued = continued_piece(part)
        if continued is not None:
            gap, piece, at_zero = (self(one) for one in continued)
            beside = self.op("lt", self.graph.const(0.0), self.op("abs", gap))
            return self.op("select", beside, piece, at_zero)
        node = self.graph.const(float("nan"))  # outside every piece
        for expression, condition in reversed(part.args):
            if condition.is_Symbol:
                raise UnsupportedError(
                    f"the condition {condition} of {part} is a symbol; expected a comparison, as "
                    f"{condition} > 0"
                )
            node = self.op("select", condition, expression, node)
            unknown = nan_condition(self.graph, self(condition))
            if unknown is not None:
                node = self.graph.op("select", unknown, self.graph.const(float("nan")), node)
        return node

    def relation(self, part: Relational) -> int:
        name, swapped = RELATIONS[type(part)]
        left, right = part.args
        if swapped:
            return self.op(name, right, left)
        return self.op(name, left, right)

    def polygamma(self, part: sp.polygamma) -> int:
        order, argument = part.args
        if order not in POLYGAMMAS:
            raise UnsupportedError(
                f"{part} is a polygamma function of order {order}; expected order 0 or 1, as in "
                f"digamma({argument}) and trigamma({argument})"
            )
        return self.op(POLYGAMMAS[order], argument)

    def composed(self, part: sp.Basic) -> int:
        return COMPOSED[type(part)](self.graph, *(self(arg) for arg in part.args))


def _is_plain(part: sp.Basic) -> bool:
    """Return whether this is a number as it stands, however it was typed: 2, 2.0, 1/2."""
    return bool(part.is_Rational or part.is_Float)


def number(part: sp.Basic) -> float:
    """Return the double nearest to a SymPy number."""
    if part.is_Rational:
        try:
            return int(part.p) / int(part.q)
        except OverflowError:
            raise UnsupportedError(
                f"the number {str(part)[:40]}... is beyond float64 (1.8e308)"
            ) from None
    try:
        value = float(part.evalf(40))
    except TypeError:
        raise UnsupportedError(f"{str(part)[:60]} is not a real number") from None
    if math.isinf(value) and part not in (sp.oo, -sp.oo):
        raise UnsupportedError(f"the number {str(part)[:40]} is beyond float64 (1.8e308)")
    return value


def is_special_number(part: sp.Basic) -> bool:
    """Return whether this is a number that is worked out once, as gamma(1/3) or besselj(0, 1)."""
    special = isinstance(part, sp.Function | sp.Integral) and type(part) not in ELEMENTARY
    return special and bool(part.is_number)


def known_functions() -> set[str]:
    """Return the names of the functions that have machine code."""
    extra = ("sqrt", "Max", "Min", "Piecewise", "digamma", "trigamma", "factorial")
    return {kind.__name__ for kind in (*FUNCTIONS, *COMPOSED)} | set(extra)


def _heaviside(g: Graph, x: int, at_zero: int) -> int:
    zero = g.const(0.0)
    at_zero = g.op("select", g.op("eq", x, zero), at_zero, x)  # NaN of NaN
    above = g.op("select", g.op("lt", zero, x), g.const(1.0), at_zero)
    return g.op("select", g.op("lt", x, zero), zero, above)


Composed = Callable[..., int]
COMPOSED: dict[type[sp.Basic], Composed] = {
    sp.ceiling: lambda g, x: g.op("neg", g.op("floor", g.op("neg", x))),
    sp.Mod: lambda g, x, y: g.op("mod", x, y),
    sp.atan2: lambda g, y, x: g.op("atan2", y, x),
    hypot: lambda g, x, y: g.op("hypot", x, y),
    sp.binomial: lambda g, n, k: g.op("binomial", n, k),
    sp.Heaviside: _heaviside,
    valuation: _valuation,
}
"""Functions made of the others."""
POLYGAMMAS = {0: "digamma", 1: "trigamma"}
ONCE = {sp.gamma, sp.loggamma, sp.binomial}
"""Functions that are worked out once where they are of numbers."""
ELEMENTARY = frozenset((*FUNCTIONS, *COMPOSED, sp.Max, sp.Min, sp.Piecewise)) - ONCE
"""Functions that kernels compute of numbers too."""
BUILDERS: list[tuple[type | tuple[type, ...], Callable[[Lowering, sp.Basic], int]]] = [
    (sp.Add, Lowering.add),
    (sp.Mul, Lowering.mul),
    (sp.Pow, Lowering.pow),
    ((sp.Max, sp.Min), Lowering.extreme),
    (sp.Piecewise, Lowering.piecewise),
    (sp.polygamma, Lowering.polygamma),
    (Relational, Lowering.relation),
    (sp.And, lambda low, part: low.chain("and", (low(arg) for arg in part.args))),
    (sp.Or, lambda low, part: low.chain("or", (low(arg) for arg in part.args))),
    (sp.ITE, lambda low, part: low(part.to_nnf(simplify=False))),
    (tuple(COMPOSED), Lowering.composed),
]
