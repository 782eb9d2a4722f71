"""Random expressions over every function that symopt takes: grown, or idioms that users write around grown parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import sympy as sp
from properties.idioms import IDIOMS
from sympy.codegen.cfunctions import hypot

from symopt.frontend.expressions import COMPOSED, FUNCTIONS
from symopt.frontend.valuation import valuation

APART = {
    valuation,
    sp.Mod,
    sp.Heaviside,
    sp.sinc,
    sp.gamma,
    sp.loggamma,
    sp.binomial,
    sp.atan2,
    hypot,
}
"""Of two arguments, or tested with files of their own (test_gamma, test_angles)."""
UNARY = [kind for kind in (*FUNCTIONS, *COMPOSED) if kind not in APART]
CONSTANTS = [
    sp.Integer(1), sp.Float(1.0), sp.Integer(2), sp.Float(0.5), sp.Rational(1, 3), sp.Rational(1, 2), sp.Integer(-3),
    sp.Float(0.1), sp.pi, sp.Integer(100), sp.Float(2.5), sp.Integer(0),
]  # fmt: skip
EXPONENTS = [
    *map(sp.Integer, (2, 2, 2, 3, 4, -1, -1, -2, -3, 5, 17, -60)), *(sp.Rational(p, 2) for p in (1, 3, 5, -1, -3)),
    *map(sp.Float, (0.5, 2.0, 1.5, -0.5, 0.1, 2.3, -0.7, 1.0)), sp.Rational(1, 3), sp.Rational(2, 3), sp.Rational(-4, 3),
]  # fmt: skip
RELATIONS = [sp.Lt, sp.Le, sp.Gt, sp.Ge, sp.Eq, sp.Ne]


class Grower:
    """Grows expressions of at most a depth from a source of chance."""

    def __init__(self, rng: np.random.Generator, symbols: Sequence[sp.Symbol]) -> None:
        self.rng, self.symbols = rng, list(symbols)

    def pick(self, items: Sequence) -> object:
        return items[int(self.rng.integers(len(items)))]

    def leaf(self) -> sp.Expr:
        return self.pick(CONSTANTS) if self.rng.random() < 0.25 else self.pick(self.symbols)

    def grow(self, depth: int) -> sp.Expr:
        """Return an expression of at most this depth."""
        if depth <= 0 or self.rng.random() < 0.1:
            return self.leaf()
        weights = np.array([weight for weight, _ in KINDS.values()], dtype=float)
        name = self.rng.choice(list(KINDS), p=weights / weights.sum())
        return KINDS[str(name)][1](self, depth - 1)

    def positive(self, depth: int) -> sp.Expr:
        """Return something that is mostly above 0."""
        inner = self.grow(depth)
        shapes = [
            lambda u: 1 + u**2,
            lambda u: sp.Abs(u),
            sp.exp,
            lambda u: u**2 + 0.1,
            lambda u: u,
            lambda u: u,
        ]
        return self.pick(shapes)(inner)

    def unary(self, depth: int) -> sp.Expr:
        kind = self.pick(UNARY)
        inner = self.positive(depth) if kind in (sp.log, sp.acosh) else self.grow(depth)
        if kind in (sp.asin, sp.acos, sp.atanh) and self.rng.random() < 0.5:
            inner = self.pick([sp.sin, sp.tanh, lambda u: u / (1 + u**2)])(inner)
        return kind(inner)

    def add(self, depth: int) -> sp.Expr:
        return sp.Add(
            *(self.pick([1, -1]) * self.grow(depth) for _ in range(self.rng.integers(2, 4)))
        )

    def mul(self, depth: int) -> sp.Expr:
        return sp.Mul(*(self.grow(depth) for _ in range(self.rng.integers(2, 4))))

    def quotient(self, depth: int) -> sp.Expr:
        below = self.positive(depth) if self.rng.random() < 0.5 else self.grow(depth)
        return self.grow(depth) / below

    def power(self, depth: int) -> sp.Expr:
        exponent = self.pick(EXPONENTS)
        return (self.grow(depth) if exponent.is_Integer else self.positive(depth)) ** exponent

    def symbolic_power(self, depth: int) -> sp.Expr:
        exponent = self.pick(self.symbols) if self.rng.random() < 0.7 else self.grow(min(depth, 1))
        return self.positive(depth) ** exponent

    def root(self, depth: int) -> sp.Expr:
        return sp.sqrt(self.positive(depth))

    def extreme(self, depth: int) -> sp.Expr:
        parts = [self.grow(min(depth, 2)) for _ in range(self.rng.integers(1, 3))]
        return self.pick([sp.Max, sp.Min])(
            *parts, self.pick([sp.Integer(0), sp.Integer(1), *self.symbols])
        )

    def relation(self, depth: int) -> sp.Basic:
        kind = self.pick(RELATIONS if self.rng.random() < 0.3 else RELATIONS[:4])
        return kind(self.grow(min(depth, 1)), self.leaf())

    def condition(self, depth: int) -> sp.Basic:
        first = self.relation(depth)
        if self.rng.random() < 0.6:
            return first
        return self.pick([sp.And, sp.Or])(first, self.relation(depth))

    def piecewise(self, depth: int) -> sp.Expr:
        return sp.Piecewise((self.grow(depth), self.condition(depth)), (self.grow(depth), True))

    def two(self, depth: int) -> sp.Expr:
        if self.rng.random() < 0.5:
            return sp.Mod(
                self.grow(depth), self.pick([sp.Integer(2), sp.Float(0.1), *self.symbols])
            )
        return sp.Heaviside(
            self.grow(depth), self.pick([sp.Rational(1, 2), sp.Integer(0), sp.Integer(1)])
        )

    def idiom(self, depth: int) -> sp.Expr:
        build = self.pick(list(IDIOMS.values()))
        return build(*(self.grow(min(depth, 2)) for _ in range(build.__code__.co_argcount)))


KINDS: dict[str, tuple[float, Callable[[Grower, int], sp.Expr]]] = {
    "unary": (5, Grower.unary), "add": (4, Grower.add), "mul": (3, Grower.mul), "quotient": (2, Grower.quotient),
    "power": (3, Grower.power), "symbolic power": (0.7, Grower.symbolic_power), "root": (1, Grower.root),
    "extreme": (0.5, Grower.extreme), "piecewise": (0.4, Grower.piecewise), "two": (0.3, Grower.two),
    "idiom": (1.5, Grower.idiom),
}  # fmt: skip
"""How often each kind of node is drawn, and what makes it."""


def random_expression(rng: np.random.Generator) -> sp.Expr:
    """Return an expression of 1 to 4 symbols, to depth 6, real and not constant: what SymPy makes of it."""
    for _ in range(1000):
        real = True if rng.random() < 0.5 else None
        grower = Grower(rng, sp.symbols(f"x:{rng.integers(1, 5)}", real=real))
        expression = _attempt(grower)
        if expression is not None:
            return expression
    raise AssertionError("no expression in a thousand attempts")


def _attempt(grower: Grower) -> sp.Expr | None:
    depth = int(grower.rng.integers(1, 7))
    try:
        made = grower.idiom(depth) if grower.rng.random() < 0.35 else grower.grow(depth)
    except (
        TypeError,
        ValueError,
        ArithmeticError,
        RecursionError,
        NotImplementedError,
        AttributeError,
    ):  # SymPy's own
        return None
    strange = (sp.nan, sp.zoo, sp.oo, -sp.oo, sp.I)
    usual = (
        isinstance(made, sp.Expr)
        and made.free_symbols
        and not made.has(*strange, sp.conjugate, sp.re, sp.im, sp.arg)
    )
    return made if usual and _operations(made) <= 60 else None


def _operations(expression: sp.Basic) -> int:
    return sum(1 for part in sp.preorder_traversal(expression) if part.args)
