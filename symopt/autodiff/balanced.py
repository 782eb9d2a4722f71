"""Slopes of products that level off, such as x/(1 + x) and x/sqrt(1 + x**2).

Such a product q has a factor x**m and a factor B**-p, whose sum B has a term k*t with t ~ x**n and
m = p*n. Its slope by x, q*(m/x - p*B'/B), is a difference of two numbers that are equal far out.
Written as (q/x)*m*(B - k*t)/B nothing cancels, because B - k*t are the other terms of the sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from symopt.frontend.terms import Terms, scale, sum_of, terms_of
from symopt.ir.program import Graph

Slope = tuple[int, list[int]]
"""A node below a product, and the slope of the product by it as factors."""
Powers = Mapping[int, float]
MOST_FACTORS = 6
MOST_TERMS = 6


class Form(NamedTuple):
    """The function f(u) = (1 + u**inner)**-power."""

    inner: float
    power: float


FUNCTIONS = {"log1p_slope": Form(1.0, 1.0), "asinh_slope": Form(2.0, 0.5)}


@dataclass(frozen=True)
class Factors:
    """A node as constant * product of node**power.

    ``whole`` are powers below the line that stand as one.
    """

    graph: Graph
    root: int
    constant: float
    powers: Powers
    whole: frozenset[tuple[int, float]] = frozenset()

    def lowered(self, node: int) -> int:
        """Return the slope of the product by a factor that stands above the line."""
        graph, powers = self.graph, {**self.powers, node: self.powers[node] - 1.0}
        above = [
            graph.op("pow", factor, graph.const(power))
            for factor, power in powers.items()
            if power > 0.0
        ]
        below = [
            divisor
            for factor, power in powers.items()
            if power < 0.0
            for divisor in self._divisors(factor, -power)
        ]
        return self._in_turn(self.constant * self.powers[node], above, below)

    def _divisors(self, node: int, power: float) -> list[int]:
        if (node, -power) in self.whole:
            times = 1
        else:
            times = max(int(power), 1)
        return times * [self.graph.op("pow", node, self.graph.const(power / times))]

    def _in_turn(self, constant: float, above: list[int], below: list[int]) -> int:
        """Build a product that is divided after each factor, so that it stays in the doubles."""
        made = self.graph.const(constant)
        for place in range(max(len(above), len(below))):
            if place < len(above):
                made = self.graph.op("mul", made, above[place])
            if place < len(below):
                made = self.graph.op("div", made, below[place])
        return made


@dataclass(frozen=True)
class Level:
    """A factor B**-power of a product, where B is a sum of terms, and the factors of each term."""

    factors: Factors
    node: int
    power: float
    terms: Terms
    inside: tuple[Factors | None, ...]

    @property
    def graph(self) -> Graph:
        return self.factors.graph

    def balances(self, place: int, node: int) -> bool:
        """Return whether a factor of the product grows as the term at this place does."""
        inside = self.inside[place]
        within = None
        if inside is not None:
            within = inside.powers.get(node)
        return within is not None and self.factors.powers.get(node, 0.0) == self.power * within

    def opened(self, place: int) -> bool:
        """Return whether a term balances any factor."""
        inside = self.inside[place]
        return inside is not None and any(self.balances(place, node) for node in inside.powers)

    def slopes(self) -> Iterator[Slope]:
        """Build the slopes of the product by its factors, and by the terms of the sum."""
        for node, power in self.factors.powers.items():
            if node != self.node:
                if power > 0.0:
                    slope = self.factors.lowered(node)
                else:
                    slope = self._by_divisor(node, power)
                yield node, [slope, *self._rest(node)]
        for place, (constant, term) in enumerate(self.terms.parts):
            inside = self.inside[place]
            if inside is None or not self.opened(place):
                yield term, [self._share(constant)]
                continue
            for node in inside.powers:
                if not self.balances(place, node):
                    yield node, self._by_part(constant, inside, node)

    def _by_divisor(self, node: int, power: float) -> int:
        return self.graph.op("div", scale(self.graph, power, self.factors.root), node)

    def _rest(self, node: int) -> list[int]:
        """Return (B - k*t)/B for the terms k*t that balance a factor; nothing where none do."""
        others = [
            part for place, part in enumerate(self.terms.parts) if not self.balances(place, node)
        ]
        if len(others) == len(self.terms.parts):
            return []
        return [self._over(sum_of(self.graph, Terms(self.terms.constant, tuple(others))))]

    def _by_part(self, constant: float, inside: Factors, node: int) -> list[int]:
        """Return the slope by a factor of a term."""
        return [self._share(constant), inside.lowered(node)]

    def _share(self, constant: float) -> int:
        """Return the slope by a term that has this constant."""
        return self._over(scale(self.graph, -self.power * constant, self.factors.root))

    def _over(self, node: int) -> int:
        """Return node/B."""
        return self.graph.op("div", node, self.node)


class LevelOfFunction(Level):
    """A factor f(u) = (1 + u**n)**-power that is a function of its own.

    ``inside`` are the factors of u**n.
    """

    def _by_part(self, constant: float, inside: Factors, node: int) -> list[int]:  # noqa: ARG002
        """Build -power*n*f**(1/power)*u**(n - 1)*u' times the product, where u*f stays finite."""
        graph, (u,) = self.graph, self.graph.nodes[self.node].args
        inner = FUNCTIONS[graph.nodes[self.node].op].inner
        within = factors_below(graph, u)
        assert within is not None
        first = scale(graph, -self.power * inner, self.factors.root)
        grown = []
        if inner == 2.0:
            grown = [graph.op("mul", u, self.node)]
        return [first, *grown, self.node, within.lowered(node)]

    def _over(self, node: int) -> int:
        return self.graph.op(
            "mul", node, self.graph.op("pow", self.node, self.graph.const(1.0 / self.power))
        )


def balanced_slopes(graph: Graph, number: int) -> list[Slope] | None:
    """Return the slopes of a product that levels off, by nodes below it, or None."""
    factors = None
    if graph.nodes[number].op in ("mul", "div"):
        factors = factors_below(graph, number)
    if factors is None:
        return None
    for node, power in factors.powers.items():
        level = _level_of_function(factors, node, power) or _level_of_sum(factors, node, power)
        if level is not None and any(level.opened(place) for place in range(len(level.inside))):
            return list(level.slopes())
    return None


def _level_of_function(factors: Factors, node: int, power: float) -> Level | None:
    op, args, _ = factors.graph.nodes[node]
    inside = None
    if op in FUNCTIONS and power == 1.0:
        inside = factors_below(factors.graph, args[0])
    if inside is None:
        return None
    form = FUNCTIONS[op]
    raised = {factor: form.inner * within for factor, within in inside.powers.items()}
    return LevelOfFunction(
        factors, node, form.power, Terms(1.0, ((1.0, args[0]),)), (replace(inside, powers=raised),)
    )


def _level_of_sum(factors: Factors, node: int, power: float) -> Level | None:
    graph = factors.graph
    if (
        power > 0.0
        or graph.nodes[node].op not in ("add", "sub")
        or graph.loops(node) != graph.loops(factors.root)
    ):
        return None
    terms = terms_of(graph, [node])
    if terms is None or len(terms.parts) > MOST_TERMS:
        return None
    for factor in factors.powers:
        if factor != node:
            terms = _gather_terms(graph, terms, factor)
    return Level(
        factors, node, -power, terms, tuple(factors_below(graph, term) for _, term in terms.parts)
    )


def _gather_terms(graph: Graph, terms: Terms, factor: int) -> Terms:
    """Gather the terms of a factor that is itself a sum, as x + y in 1 + x + y, into one."""
    own = None
    if graph.nodes[factor].op in ("add", "sub"):
        own = terms_of(graph, [factor])
    if own is None or not own.parts or not set(own.parts) <= set(terms.parts):
        return terms
    rest = tuple(part for part in terms.parts if part not in own.parts)
    return Terms(terms.constant - own.constant, (*rest, (1.0, factor)))


def factors_below(graph: Graph, root: int) -> Factors | None:
    """Return a node as a product of powers, or None where it has too many factors."""
    constant, powers, whole = 1.0, dict[int, float](), set[tuple[int, float]]()
    stack = [(root, 1.0)]
    while stack:
        number, power = stack.pop()
        value, inner = graph.value(number), _parts(graph, number, power)
        if value is not None:
            if value == 0.0 or (value < 0.0 and power not in (1.0, -1.0)):
                return None
            constant *= value**power
        elif inner is not None:
            sign, parts = inner
            constant *= sign
            stack += parts
            whole |= set(parts)
        else:
            powers[number] = powers.get(number, 0.0) + power
        if len(powers) + len(stack) > MOST_FACTORS:
            return None
    powers = {node: power for node, power in powers.items() if power}
    usual = all(power < 0.0 or power == int(power) for power in powers.values())
    if usual:
        return Factors(graph, root, constant, powers, frozenset(whole))
    return None


def _parts(graph: Graph, number: int, power: float) -> tuple[float, list[tuple[int, float]]] | None:
    """Return a sign and the factors of a product, quotient or power, else None."""
    op, args, _ = graph.nodes[number]
    if op in ("mul", "div"):
        return 1.0, [(args[1], power if op == "mul" else -power), (args[0], power)]
    if op == "neg" and power in (1.0, -1.0):
        return -1.0, [(args[0], power)]
    if op == "select" and _is_slope_of_root(graph, number):
        return 1.0, [(args[2], power)]
    if op not in ("sqrt", "pow"):
        return None
    exponent = 0.5 if op == "sqrt" else graph.value(args[1])
    if exponent is None or (power * exponent > 0.0 and exponent != int(exponent)):
        return None
    return 1.0, [(args[0], power * exponent)]


def _is_slope_of_root(graph: Graph, number: int) -> bool:
    """Return whether a select is c/root, and 0 where the root is 0."""
    condition, zero, quotient = graph.nodes[number].args
    compared, divided = graph.nodes[condition], graph.nodes[quotient]
    at_zero = compared.op == "eq" and graph.value(zero) == 0.0 and divided.op == "div"
    return (
        at_zero and divided.args[1] in compared.args and graph.nodes[divided.args[1]].op == "sqrt"
    )
