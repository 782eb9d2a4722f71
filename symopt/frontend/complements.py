"""Sums that cancel as functions that do not: 1 - sigmoid(u), exp(u) - 1, 1 - cos(u)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from symopt.frontend.terms import Terms, add, scale, sum_of, terms_of
from symopt.ir.program import Graph

Complement = Callable[[Graph, int], int]


def _of(name: str, sign: int = 1, result: int = 1) -> Complement:
    """Return u -> result*name(sign*u)."""

    def build(graph: Graph, u: int) -> int:
        node = graph.op(name, u if sign > 0 else graph.op("neg", u))
        if result > 0:
            return node
        return graph.op("neg", node)

    return build


def _twice_square(name: str, result: float = 2.0) -> Complement:
    """Return u -> result*name(u/2)**2."""

    def build(graph: Graph, u: int) -> int:
        return scale(graph, result, _square(graph, graph.op(name, scale(graph, 0.5, u))))

    return build


def _square_of(name: str, result: int = 1) -> Complement:
    return lambda graph, u: scale(graph, float(result), _square(graph, graph.op(name, u)))


def _twice_sigmoid(sign: float) -> Complement:
    return lambda graph, u: scale(graph, 2.0, graph.op("sigmoid", scale(graph, sign, u)))


def _square(graph: Graph, node: int) -> int:
    return graph.op("pow", node, graph.const(2.0))


ONE_MINUS: dict[str, Complement] = {
    "exp": _of("expm1", result=-1),
    "sigmoid": _of("sigmoid", -1),
    "tanh": _twice_sigmoid(-2.0),
    "erf": _of("erfc"),
    "erfc": _of("erf"),
    "cos": _twice_square("sin"),
    "cosh": _twice_square("sinh", -2.0),
}
"""1 - f(u)."""
ONE_PLUS: dict[str, Complement] = {
    "tanh": _twice_sigmoid(2.0),
    "erf": _of("erfc", -1),
    "cos": _twice_square("cos"),
}
"""1 + f(u)."""
ONE_MINUS_SQUARE: dict[str, Complement] = {
    "tanh": _of("sech2"),
    "sin": _square_of("cos"),
    "cos": _square_of("sin"),
    "cosh": _square_of("sinh", -1),
}
"""1 - f(u)**2."""


def without_cancellation(graph: Graph, nodes: Sequence[int]) -> int | None:
    """Return a sum whose constant is taken up by complements, or None where there are none."""
    terms = terms_of(graph, nodes)
    if terms is None:
        return None
    known = (
        _hyperbolic(graph, terms)
        or _mirror_softplus(graph, terms)
        or _mirror_erfc(graph, terms)
        or _difference_of_roots(graph, terms)
    )
    if known is not None:
        return known
    places = [
        place
        for place, (factor, node) in enumerate(terms.parts)
        if _complement(graph, terms, factor, node=node)
    ]
    if not places or not terms.constant:
        return None
    share = [abs(terms.parts[place][0]) for place in places]
    if sum(share) != abs(terms.constant):
        return None
    return add(
        graph,
        [
            _replace_terms(graph, terms, place, completes=place in places)
            for place in range(len(terms.parts))
        ],
    )


def _replace_terms(graph: Graph, terms: Terms, place: int, completes: bool) -> int:
    factor, node = terms.parts[place]
    if not completes:
        return scale(graph, factor, node)
    made = _complement(graph, terms, factor, node=node)
    assert made is not None
    build, u = made
    return scale(graph, abs(factor) if terms.constant > 0 else -abs(factor), build(graph, u))


def _complement(
    graph: Graph, terms: Terms, factor: float, node: int
) -> tuple[Complement, int] | None:
    """Return what 1 - f(u), or 1 + f(u) where the signs are the same, is, and u."""
    if abs(factor) > abs(terms.constant):
        return None
    same = factor * terms.constant > 0
    op, args, _ = graph.nodes[node]
    if op == "pow" and graph.value(args[1]) == 2.0 and not same:
        op, args, _ = graph.nodes[args[0]]
        table = ONE_MINUS_SQUARE
    else:
        table = ONE_MINUS
        if same:
            table = ONE_PLUS
    if op in table:
        return (table[op], args[0])
    return None


def _mirror_softplus(graph: Graph, terms: Terms) -> int | None:
    """Return u + softplus(-u) as softplus(u), among other terms."""
    for factor, node in terms.parts:
        if graph.nodes[node].op != "softplus":
            continue
        (minus_u,) = graph.nodes[node].args
        inner = terms_of(graph, [minus_u])
        rest = {number: f for f, number in terms.parts if number != node}
        if (
            inner is None
            or not inner.parts
            or any(rest.get(n) != -factor * f for f, n in inner.parts)
        ):
            continue
        mirrored = scale(graph, factor, graph.op("softplus", graph.op("neg", minus_u)))
        others = [(f, n) for n, f in rest.items() if n not in {n for _, n in inner.parts}]
        return add(
            graph,
            [
                mirrored,
                sum_of(graph, Terms(terms.constant + factor * inner.constant, tuple(others))),
            ],
        )
    return None


def _mirror_erfc(graph: Graph, terms: Terms) -> int | None:
    """Return 2 - erfc(u), as SymPy writes erfc(-u), as erfc(-u), among other terms."""
    for place, (factor, node) in enumerate(terms.parts):
        if graph.nodes[node].op != "erfc" or terms.constant != -2.0 * factor:
            continue
        mirrored = graph.op("erfc", graph.op("neg", *graph.nodes[node].args))
        others = terms.parts[:place] + terms.parts[place + 1 :]
        return sum_of(graph, Terms(0.0, ((-factor, mirrored), *others)))
    return None


def _hyperbolic(graph: Graph, terms: Terms) -> int | None:
    """Return exp(u) - exp(-u) as 2*sinh(u), and exp(u) + exp(-u) as 2*cosh(u)."""
    if terms.constant or len(terms.parts) != 2:
        return None
    (first, one), (second, other) = terms.parts
    if graph.nodes[one].op != "exp" or graph.nodes[other].op != "exp" or abs(first) != abs(second):
        return None
    u, minus_u = graph.nodes[one].args[0], graph.nodes[other].args[0]
    if graph.op("neg", u) != minus_u:
        return None
    if graph.nodes[u].op == "neg":
        u, first, second = minus_u, second, first
    name = "sinh"
    if first == second:
        name = "cosh"
    return scale(graph, 2.0 * first, graph.op(name, u))


def _difference_of_roots(graph: Graph, terms: Terms) -> int | None:
    """Return sqrt(x + y) - sqrt(y) among terms as one function of x and y."""
    for factor, whole in terms.parts:
        inside = None
        if graph.nodes[whole].op == "sqrt":
            inside = terms_of(graph, graph.nodes[whole].args)
        if inside is None:
            continue
        if _is_root_of(terms.constant, -factor, inside.constant):
            rest = Terms(0.0, tuple(part for part in terms.parts if part[1] != whole))
            return _with_difference(
                graph, rest, factor, x=Terms(0.0, inside.parts), y=graph.const(inside.constant)
            )
        for other, minus in terms.parts:
            within = None
            if graph.nodes[minus].op == "sqrt":
                within = terms_of(graph, graph.nodes[minus].args)
            if within is None or other != -factor or not set(within.parts) < set(inside.parts):
                continue
            more = tuple(part for part in inside.parts if part not in within.parts)
            rest = Terms(
                terms.constant, tuple(part for part in terms.parts if part[1] not in (whole, minus))
            )
            x = Terms(inside.constant - within.constant, more)
            return _with_difference(graph, rest, factor, x, *graph.nodes[minus].args)
    return None


def _is_root_of(constant: float, factor: float, square: float) -> bool:
    """Return whether a constant is factor*sqrt(square), but for roundings."""
    return (
        square > 0.0
        and constant != 0.0
        and abs(constant - factor * math.sqrt(square)) <= 2.0**-51 * abs(constant)
    )


def _with_difference(graph: Graph, rest: Terms, factor: float, x: Terms, y: int) -> int:
    difference = scale(graph, factor, graph.op("root_less", sum_of(graph, x), y))
    return graph.op("add", sum_of(graph, rest), difference)
