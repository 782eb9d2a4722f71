"""Changes times slopes, in an order that stays within the doubles.

A node passes seed*slope on to its arguments in reverse mode, and slope*dot to its users in forward
mode. Either may be an ordinary number although a part of it is none:

- The slope -a/b**2 of a quotient may leave the doubles although seed*a/b, the change of J by the
  logarithm of b, does not. So seed*(a/b) is formed first, and 1/b *waits*: it is multiplied after
  the slopes of b. At x = 1e150 the slope of x/(x**2 + 1) by its denominator is 1e-450, by x it is
  not.
- Powers below the line pass on to their base at once, as (1/x**3)' = -3*(1/x**3)/x, where x**3 may
  be infinite. The division waits too.
- A slope that is a product, as -2*x*f**2 of f = 1/(1 + x**2), is multiplied factor by factor, and
  the last factor waits.
- The slope 1/(2*s) of a root s = sqrt(u**2 + 1) meets 2*u first, and then the change of J.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from symopt.autodiff.balanced import balanced_slopes
from symopt.autodiff.partials import partials
from symopt.frontend.moving import Moving
from symopt.frontend.terms import fixed_exponent, multiply
from symopt.ir.program import Graph

Passed = tuple[int, int]
"""An argument, or a node below it, and what it is passed."""
PRODUCTS = {
    "atan",
    "log_slope",
    "log1p_slope",
    "asin_slope",
    "atan_slope",
    "asinh_slope",
    "acosh_slope",
    "atanh_slope",
    "sech2",
    "sech_slope",
    "csch_slope",
    "coth_slope",
    "tan_slope",
    "cot_slope",
    "sec_slope",
    "csc_slope",
    "sigmoid_slope",
}
"""Functions whose slope is a product of functions."""
RELATIVE = {"sqrt", "log"}
"""Functions whose change waits until the slopes of both parts have met.

Their slope times that of their argument is an ordinary number.
"""
MOST_BASES = 6  # of a product below the line that is taken factor by factor: each costs a division
VANISHING = {"erfc", "gauss", "sech", "sech2", "csch", "gauss_slope"}
"""Functions that become so small that a division by them does not wait."""


class Changes:
    """Multiplies changes by slopes, and knows which changes have a part that waits."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._waiting: dict[int, tuple[str, int, int]] = {}

    def times(self, number: int, change: int, slope: int) -> int:
        """Return change*slope for a slope of a node."""
        sign, factors = self._factors(number, slope)
        if self.graph.nodes[number].op in RELATIVE:
            return self.wait("mul", slope, change)
        return self.times_all(change, factors if sign > 0 else [self.graph.const(-1.0), *factors])

    def times_all(self, change: int, factors: Sequence[int]) -> int:
        """Return change*slope for a slope in factors; the last of several waits."""
        if change in self._waiting:
            op, first, last = self._waiting[change]
            first = multiply(self.graph, [first, *factors])
            constant = all(self.graph.value(factor) is not None for factor in factors)
            if constant:
                return self.wait(op, first, last)
            return self.graph.op(op, first, last)
        first = multiply(self.graph, [change, *factors[:-1]])
        if len(factors) > 1:
            return self.wait("mul", first, factors[-1])
        return self.graph.op("mul", first, factors[-1])

    def wait(self, op: str, first: int, last: int) -> int:
        """Return a product or quotient whose second part waits for the next slope."""
        made = self.graph.op(op, first, last)
        self._waiting[made] = op, first, last
        return made

    def by_base(self, number: int, base: int, power: int, change: int) -> int:
        """Return change*power*node/base, the change by the base of a multiple of base**power."""
        graph, inverse = self.graph, self.graph.nodes[number]
        op, before, last = self._waiting.get(change, ("mul", change, graph.const(1.0)))
        first = graph.op(op, graph.op("mul", graph.op("mul", before, number), power), last)
        if inverse.op == "div" and graph.value(inverse.args[0]) == 1.0 and inverse.args[1] == base:
            return self.wait("mul", first, number)
        if graph.nodes[base].op in VANISHING:
            return graph.op("div", first, base)
        return self.wait("div", first, base)

    def _factors(self, number: int, slope: int) -> tuple[int, list[int]]:
        """Return a slope as a sign and factors, several where it is a product."""
        op, args, _ = self.graph.nodes[slope]
        node = self.graph.nodes[number]
        bounded = set(args) == {number, *node.args}  # u*f(u), where u alone is too large
        if node.op not in PRODUCTS or op not in ("neg", "mul") or bounded:
            return 1, [slope]
        parts = [self._factors(number, arg) for arg in args]
        if op == "mul":
            sign = parts[0][0]
        else:
            sign = -parts[0][0]
        return sign, list(chain.from_iterable(factors for _, factors in parts))


class Pullback:
    """What a node passes on in reverse mode."""

    def __init__(self, graph: Graph, moving: Moving) -> None:
        self.graph, self.moving, self.changes = graph, moving, Changes(graph)

    def passed_on(self, number: int, seed: int) -> list[Passed]:
        """Return what a node of known slopes passes on to those that depend on parameters."""
        node, changes = self.graph.nodes[number], self.changes
        if (balanced := balanced_slopes(self.graph, number)) is not None:
            return [
                (arg, changes.times_all(seed, slope))
                for arg, slope in balanced
                if arg in self.moving
            ]
        if node.op == "div" and node.args[1] in self.moving:
            return self._of_quotient(number, seed)
        if (bases := reciprocal(self.graph, number)) is not None:
            return [
                (base, changes.by_base(number, base, power, seed))
                for base, power in bases
                if base in self.moving
            ]
        slopes = zip(node.args, partials(self.graph, number), strict=True)
        moving = [(arg, slope) for arg, slope in slopes if slope is not None and arg in self.moving]
        return [(arg, changes.times(number, seed, slope)) for arg, slope in moving]

    def _of_quotient(self, number: int, seed: int) -> list[Passed]:
        graph = self.graph
        a, b = graph.nodes[number].args
        bases = _bases(graph, b, -1.0)
        quotient = graph.op("div", seed, b)
        passed = []
        if a in self.moving:
            passed = [(a, quotient)]
        if a in self.moving and bases == [(b, graph.const(-1.0))]:
            # the quotient is there already: no second division
            return [*passed, (b, self.changes.wait("mul", graph.op("neg", number), quotient))]
        moving = [(base, power) for base, power in bases if base in self.moving]
        return passed + [
            (base, self.changes.by_base(number, base, power, seed)) for base, power in moving
        ]


def reciprocal(graph: Graph, number: int) -> list[tuple[int, int]] | None:
    """Return bases and exponents, where a node is a power with a fixed negative exponent."""
    op, args, _ = graph.nodes[number]
    power = None
    if op in ("pow", "pow_less"):
        power = graph.value(args[1])
    if power is None or power - (op == "pow_less") >= 0.0:
        return None
    return _bases(graph, args[0], power - (op == "pow_less"))


def _bases(graph: Graph, number: int, power: float) -> list[tuple[int, int]]:
    """Return the factors of node**power, roots and fixed powers of others, with their exponents."""
    found: list[tuple[int, int]] = []
    stack = [(number, power)]
    while stack:
        factor, exponent = stack.pop()
        op, args, _ = graph.nodes[factor]
        inner = fixed_exponent(graph, factor)
        if inner is not None:
            stack.append((args[0], exponent * inner))
        elif op == "mul" and args[0] != args[1]:
            stack += [(args[1], exponent), (args[0], exponent)]
        else:
            found.append((factor, graph.const(exponent)))
        if len(found) + len(stack) > MOST_BASES:
            return [(number, graph.const(power))]
    return found
