"""SymPy expression to program: one node for each operation, in forms that do not overflow.

What SymPy writes in a way that loses digits or overflows is recognised and written differently:
log(1 + exp(u)) as ``softplus``, 1/(1 + exp(u)) as ``sigmoid``, u*log(u) as ``xlogx`` (0 at 0),
log(1 + u) as ``log1p``, exp(u) - 1 as ``expm1``, u**(k/2) by square roots.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import sympy as sp
from sympy.core.relational import Relational

from symopt.autodiff.program import Graph
from symopt.autodiff.valuation import lowered as _valuation
from symopt.autodiff.valuation import valuation
from symopt.errors import UnsupportedError

LARGEST_PRODUCT = 64  # an integer power up to this is a product by repeated squaring

FUNCTIONS: dict[type[sp.Basic], str] = {
    sp.exp: "exp", sp.log: "log", sp.sin: "sin", sp.cos: "cos", sp.tan: "tan",
    sp.sinh: "sinh", sp.cosh: "cosh", sp.tanh: "tanh",
    sp.asin: "asin", sp.acos: "acos", sp.atan: "atan", sp.erf: "erf",
    sp.Abs: "abs", sp.sign: "sign", sp.floor: "floor",
}  # fmt: skip
RELATIONS = {
    sp.StrictLessThan: ("lt", False), sp.LessThan: ("le", False),
    sp.StrictGreaterThan: ("lt", True), sp.GreaterThan: ("le", True),
    sp.Equality: ("eq", False), sp.Unequality: ("ne", False),
}  # fmt: skip
HINTS = {
    sp.Derivative: "evaluate it with .doit() first",
    sp.Integral: "evaluate it with .doit() first",
    sp.Sum: "write the terms out with .doit()",
    sp.Product: "write the factors out with .doit()",
    sp.Order: "take it off with .removeO()",
}


def lower(graph: Graph, expression: sp.Basic, leaf: Callable[[sp.Basic], int]) -> int:
    """Build ``expression`` in ``graph`` and return its node; ``leaf`` gives the node of a symbol."""
    return Lowering(graph, leaf)(expression)


class Lowering:
    """Walks an expression once, arguments first, without recursion; equal parts are met once."""

    def __init__(self, graph: Graph, leaf: Callable[[sp.Basic], int]) -> None:
        self.graph, self.leaf = graph, leaf
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
        if type(part) in HINTS or isinstance(part, sp.core.function.AppliedUndef):
            raise unsupported(part)
        if isinstance(part, sp.Piecewise):
            return [piece for pair in part.args for piece in pair.args]
        if isinstance(part, sp.Pow) and part.exp.is_Rational:
            return [part.base]
        return list(part.args)

    def _node(self, part: sp.Basic) -> int:
        if part.is_Symbol:
            return self.leaf(part)
        if part.is_number and not part.args:
            return self.graph.const(number(part))
        if part in (sp.true, sp.false):
            return self.graph.const(float(bool(part)))
        for kind, build in BUILDERS:
            if isinstance(part, kind):
                return build(self, part)
        raise unsupported(part)

    def op(self, name: str, *parts: sp.Basic | int) -> int:
        """Return the node of an operation on parts that are lowered already."""
        return self.graph.op(name, *(part if isinstance(part, int) else self(part) for part in parts))

    def chain(self, name: str, nodes: Iterable[int]) -> int:
        """Return ``nodes`` joined from left to right."""
        first, *rest = nodes
        for node in rest:
            first = self.graph.op(name, first, node)
        return first

    def power(self, base: int, exponent: sp.Basic) -> int:
        """Return base**exponent for an exponent that is not negative."""
        if exponent.is_Integer and int(exponent) <= LARGEST_PRODUCT:
            return self._product(base, int(exponent))
        if exponent.is_Rational and exponent.q == 2 and int(exponent.p) <= LARGEST_PRODUCT:
            return self._product(self.graph.op("sqrt", base), int(exponent.p))
        return self.op("pow", base, exponent)

    def _product(self, base: int, times: int) -> int:
        result, square = None, base
        while times:
            if times & 1:
                result = square if result is None else self.graph.op("mul", result, square)
            times >>= 1
            square = self.graph.op("mul", square, square) if times else square
        return self.graph.const(1.0) if result is None else result

    # One method for each kind of SymPy node

    def add(self, part: sp.Add) -> int:
        terms = list(part.args)
        exponential = _lone_exponential(part)
        if exponential is None:
            return self.chain("add", (self(term) for term in terms))
        node = self.op("expm1", exponential.exp)
        rest = [term for term in terms if term not in (exponential, -exponential, sp.S.One, sp.S.NegativeOne)]
        node = node if exponential in terms else self.graph.op("neg", node)
        return self.chain("add", [node, *(self(term) for term in rest)])

    def mul(self, part: sp.Mul) -> int:
        above: list[int] = []
        below: list[int] = []
        coefficient, factors = part.as_coeff_mul()
        factors = self._stable_factors(list(factors), above)
        for factor in factors:
            base, exponent = factor.as_base_exp()
            if factor.is_Pow and exponent.is_number and exponent.is_negative:
                if (sigmoid := _one_plus_exponential(base)) is not None and exponent == -1:
                    above.append(self.op("sigmoid", self.op("neg", sigmoid)))
                else:
                    below.append(self.power(self(base), -exponent))
            else:
                above.append(self(factor))
        node = self.chain("mul", above) if above else self.graph.const(1.0)
        node = self.graph.op("mul", self.graph.const(number(coefficient)), node)
        return self.graph.op("div", node, self.chain("mul", below)) if below else node

    def _stable_factors(self, factors: list[sp.Basic], above: list[int]) -> list[sp.Basic]:
        """Take u*log(u) and exp(u)/(1 + exp(u)) out of the factors, into ``above``."""
        for factor in list(factors):
            argument = factor.args[0] if factor.args else None
            if isinstance(factor, sp.log) and argument in factors:
                factors = [other for other in factors if other not in (factor, argument)]
                above.append(self.op("xlogx", argument))
            elif isinstance(factor, sp.exp) and 1 / (1 + factor) in factors:
                factors = [other for other in factors if other not in (factor, 1 / (1 + factor))]
                above.append(self.op("sigmoid", argument))
        return factors

    def pow(self, part: sp.Pow) -> int:
        base, exponent = part.args
        if base == sp.E:
            return self.op("exp", exponent)
        if exponent.is_Rational and exponent.is_negative:
            sigmoid = _one_plus_exponential(base)
            if exponent == -1 and sigmoid is not None:
                return self.op("sigmoid", self.op("neg", sigmoid))
            return self.graph.op("div", self.graph.const(1.0), self.power(self(base), -exponent))
        return self.power(self(base), exponent)

    def log(self, part: sp.log) -> int:
        argument = part.args[0]
        exponent = _one_plus_exponential(argument)
        if exponent is not None:
            return self.op("softplus", exponent)
        if argument.is_Add and sp.S.One in argument.args:
            return self.op("log1p", argument - 1)
        return self.op("log", argument)

    def function(self, part: sp.Basic) -> int:
        return self.op(FUNCTIONS[type(part)], part.args[0])

    def extreme(self, part: sp.Max | sp.Min) -> int:
        node = self(part.args[0])
        for arg in part.args[1:]:
            other = self(arg)
            pair = (other, node) if isinstance(part, sp.Max) else (node, other)
            # ties go to the first; a NaN on either side is passed on
            first = self.op("or", self.op("le", *pair), self.op("ne", node, node))
            node = self.graph.op("select", first, node, other)
        return node

    def piecewise(self, part: sp.Piecewise) -> int:
        node = self.graph.const(float("nan"))  # outside every piece
        for expression, condition in reversed(part.args):
            if condition.is_Symbol:
                raise UnsupportedError(
                    f"the condition {condition} of {part} is a symbol; expected a comparison, as {condition} > 0"
                )
            node = self.op("select", condition, expression, node)
        return node

    def relation(self, part: Relational) -> int:
        name, swapped = RELATIONS[type(part)]
        left, right = part.args
        return self.op(name, right, left) if swapped else self.op(name, left, right)

    def composed(self, part: sp.Basic) -> int:
        return COMPOSED[type(part)](self.graph, *(self(arg) for arg in part.args))


def _lone_exponential(part: sp.Add) -> sp.exp | None:
    """Return e = exp(u) where the sum holds e - 1 or 1 - e and no second exponential."""
    exponentials = [term for term in part.args if isinstance(term, sp.exp) or isinstance(-term, sp.exp)]
    if len(exponentials) != 1:
        return None
    term = exponentials[0]
    positive = isinstance(term, sp.exp)
    wanted = sp.S.NegativeOne if positive else sp.S.One
    return (term if positive else -term) if wanted in part.args else None


def _one_plus_exponential(part: sp.Basic) -> sp.Basic | None:
    """Return u where ``part`` is 1 + exp(u)."""
    if part.is_Add and len(part.args) == 2 and sp.S.One in part.args:
        other = part - 1
        return other.exp if isinstance(other, sp.exp) else None
    return None


def number(part: sp.Basic) -> float:
    """Return the double nearest to a SymPy number."""
    if part.is_Rational:
        try:
            return int(part.p) / int(part.q)
        except OverflowError:
            raise UnsupportedError(f"the number {str(part)[:40]}... is beyond float64 (1.8e308)") from None
    try:
        value = float(part.evalf(40))
    except TypeError:
        raise UnsupportedError(f"{str(part)[:60]} is not a real number") from None
    if math.isinf(value) and part not in (sp.oo, -sp.oo):
        raise UnsupportedError(f"the number {str(part)[:40]} is beyond float64 (1.8e308)")
    return value


def unsupported(part: sp.Basic) -> UnsupportedError:
    """Return the error that names a function without machine code, and where it stands."""
    name = part.func.__name__
    text = str(part)
    hint = HINTS.get(type(part), f"supported: {', '.join(sorted(supported()))}")
    return UnsupportedError(f"{name} is not supported, in {text[:80]}{'...' if len(text) > 80 else ''}; {hint}")


def supported() -> set[str]:
    """Return the names of the functions that have machine code."""
    extra = ("sqrt", "Max", "Min", "Piecewise")
    return {kind.__name__ for kind in (*FUNCTIONS, *COMPOSED)} | set(extra)


def _inverse_of(name: str) -> Composed:
    return lambda g, x: g.op("div", g.const(1.0), g.op(name, x))


def _asinh(g: Graph, x: int) -> int:
    """sign(x)*log1p(|x| + x**2/(1 + sqrt(1 + x**2))): no cancellation on either side."""
    square = g.op("mul", x, x)
    root = g.op("add", g.const(1.0), g.op("sqrt", g.op("add", g.const(1.0), square)))
    return g.op("mul", g.op("sign", x), g.op("log1p", g.op("add", g.op("abs", x), g.op("div", square, root))))


def _acosh(g: Graph, x: int) -> int:
    one = g.const(1.0)
    roots = g.op("mul", g.op("sqrt", g.op("sub", x, one)), g.op("sqrt", g.op("add", x, one)))
    return g.op("log", g.op("add", x, roots))


def _atanh(g: Graph, x: int) -> int:
    inner = g.op("div", g.op("mul", g.const(2.0), x), g.op("sub", g.const(1.0), x))
    return g.op("mul", g.const(0.5), g.op("log1p", inner))


def _mod(g: Graph, x: int, y: int) -> int:
    return g.op("sub", x, g.op("mul", y, g.op("floor", g.op("div", x, y))))


def _heaviside(g: Graph, x: int, at_zero: int) -> int:
    zero = g.const(0.0)
    above = g.op("select", g.op("eq", x, zero), at_zero, g.const(1.0))
    return g.op("select", g.op("lt", x, zero), zero, above)


Composed = Callable[..., int]
COMPOSED: dict[type[sp.Basic], Composed] = {
    sp.sec: _inverse_of("cos"), sp.csc: _inverse_of("sin"), sp.cot: _inverse_of("tan"),
    sp.sech: _inverse_of("cosh"), sp.csch: _inverse_of("sinh"), sp.coth: _inverse_of("tanh"),
    sp.asinh: _asinh, sp.acosh: _acosh, sp.atanh: _atanh,
    sp.erfc: lambda g, x: g.op("sub", g.const(1.0), g.op("erf", x)),
    sp.ceiling: lambda g, x: g.op("neg", g.op("floor", g.op("neg", x))),
    sp.Mod: _mod, sp.Heaviside: _heaviside, valuation: _valuation,
}  # fmt: skip
"""Functions made of the others."""
BUILDERS: list[tuple[type | tuple[type, ...], Callable[[Lowering, sp.Basic], int]]] = [
    (sp.Add, Lowering.add),
    (sp.Mul, Lowering.mul),
    (sp.Pow, Lowering.pow),
    (sp.log, Lowering.log),
    (tuple(FUNCTIONS), Lowering.function),
    ((sp.Max, sp.Min), Lowering.extreme),
    (sp.Piecewise, Lowering.piecewise),
    (Relational, Lowering.relation),
    (sp.And, lambda low, part: low.chain("and", (low(arg) for arg in part.args))),
    (sp.Or, lambda low, part: low.chain("or", (low(arg) for arg in part.args))),
    (sp.ITE, lambda low, part: low(part.to_nnf(simplify=False))),
    (tuple(COMPOSED), Lowering.composed),
]
