"""Quotients of exponentials that overflow in both halves: sigmoids, softmax, tanh."""

from __future__ import annotations

from collections.abc import Sequence

from symopt.frontend.logarithms import (
    exponential_factor,
    is_exponential,
    log_of,
    log_of_exponentials,
)
from symopt.frontend.terms import Terms, split_scale, terms_of
from symopt.ir.program import Graph

Quotient = tuple[float, list[int], list[int]]
"""A number, the factors above the line, and those below."""


def without_overflow(graph: Graph, above: Sequence[int], below: Sequence[int]) -> Quotient:
    """Return a quotient with sums of exponentials below taken up by what is above."""
    constant, over = _split_constant(graph, above)
    divisor, under = _split_constant(graph, below)
    rest, changed = [], False
    for number in under:
        taken = _take_up(graph, over, number)
        if taken is None:
            rest.append(number)
        else:
            over = taken
            changed = True
    if changed:
        return (constant / divisor, over, rest)
    return (1.0, list(above), list(below))


def _split_constant(graph: Graph, numbers: Sequence[int]) -> tuple[float, list[int]]:
    """Return the constant factor of a product and the rest of its factors."""
    constant, rest = 1.0, []
    for number in numbers:
        factor, node = split_scale(graph, number) or (1.0, number)
        constant *= factor
        rest.append(node)
    return constant, rest


def _take_up(graph: Graph, above: list[int], divisor: int) -> list[int] | None:
    """Return the factors above with a divisor taken up by them, or None."""
    base, power = _power(graph, divisor)
    op = graph.nodes[base].op
    if op == "cosh" and power == 1.0:
        return _over_cosh(graph, above, base)
    if op == "sum":
        return _over_sum(graph, above, base, power=power)
    terms = None
    if op == "add":
        terms = terms_of(graph, [base])
    if terms is None or not is_exponential(graph, terms):
        return None
    if power == 1.0:
        return _over_two(graph, above, terms) or _over(
            graph, above, log_of_exponentials(graph, terms), power=1.0
        )
    return _over(graph, above, log_of_exponentials(graph, terms), power=power)


def _power(graph: Graph, number: int) -> tuple[int, float]:
    op, args, _ = graph.nodes[number]
    power = None
    if op == "pow":
        power = graph.value(args[1])
    if power is None:
        return (number, 1.0)
    return (args[0], power)


def _over_cosh(graph: Graph, above: list[int], cosh: int) -> list[int] | None:
    (u,) = graph.nodes[cosh].args
    sinh = graph.op("sinh", u)
    if sinh in above:
        return [*_without(above, sinh), graph.op("tanh", u)]
    return None


def _over_sum(graph: Graph, above: list[int], total: int, power: float) -> list[int] | None:
    """Return factors over a sum over a loop of exponentials."""
    body = total
    while graph.nodes[body].op == "sum":
        (body,) = graph.nodes[body].args
    weight, exponent = exponential_factor(graph, body)
    positive = graph.value(weight)
    if exponent is None or positive is None or positive <= 0.0:
        return None
    return _over(graph, above, log_of(graph, total), power=power)


def _over_two(graph: Graph, above: list[int], terms: Terms) -> list[int] | None:
    """Return factors over 1 + exp(u), or over exp(u) + exp(v) where one of these is above."""
    exponents = [graph.nodes[node].args[0] for _, node in terms.parts]
    if terms.constant:
        exponents.append(graph.const(0.0))
    if len(exponents) != 2 or any(
        factor != 1.0 for factor in (*(f for f, _ in terms.parts), terms.constant or 1.0)
    ):
        return None
    for u, v in (exponents, exponents[::-1]):
        gap = graph.op("sub", u, v)
        exponential, doubled = graph.op("exp", u), graph.op("expm1", u)
        if exponential in above:
            return [*_without(above, exponential), graph.op("sigmoid", gap)]
        if doubled in above and graph.value(v) == 0.0:
            return [
                *_without(above, doubled),
                graph.op("tanh", graph.op("mul", graph.const(0.5), u)),
            ]
    if not terms.constant or _exponential(graph, above) is not None:
        return None
    return [*above, graph.op("sigmoid", graph.op("neg", exponents[0]))]


def _over(graph: Graph, above: list[int], log: int, power: float) -> list[int]:
    """Return factors over e**(power*log), in the exponential that is above, if there is one."""
    shift = graph.op("mul", graph.const(-power), log)
    place = _exponential(graph, above)
    if place is None:
        return [*above, graph.op("exp", shift)]
    joined = graph.op("exp", graph.op("add", graph.nodes[above[place]].args[0], shift))
    return [*above[:place], *above[place + 1 :], joined]


def _exponential(graph: Graph, above: list[int]) -> int | None:
    return next(
        (place for place, number in enumerate(above) if graph.nodes[number].op == "exp"), None
    )


def _without(numbers: list[int], one: int) -> list[int]:
    place = numbers.index(one)
    return [*numbers[:place], *numbers[place + 1 :]]
