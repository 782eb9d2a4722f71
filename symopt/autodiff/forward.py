"""Forward mode: how every node changes, in one direction.

At a kink the gradient is a fixed subgradient. Its own derivative does not exist there: it is NaN
where the sides of a comparison meet, and the sign of zero is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from symopt.autodiff.balanced import balanced_slopes
from symopt.autodiff.partials import others_tangent, steep_at
from symopt.autodiff.pullback import Changes, reciprocal
from symopt.autodiff.reverse import slopes_of
from symopt.autodiff.steps import nan_at_jumps
from symopt.frontend.conditions import comparisons
from symopt.frontend.terms import add
from symopt.ir.index import Loop
from symopt.ir.keys import Key, Tangent
from symopt.ir.program import Graph, Load, Node, Program


def tangent(program: Program, seeds: Mapping[Key, Key | float]) -> Program:
    """Return the derivative of every output ``key`` in one direction, as output ``("d", key)``.

    ``seeds`` gives the direction: for an input, a number or the key of another input; inputs
    without a seed stand still. Where J jumps all are NaN.
    """
    graph = Graph()
    outputs = graph.inline(program, graph.input)
    dots = forward(graph, seeds)
    found = {key: dots.get(number, graph.const(0.0)) for key, number in outputs.items()}
    jumps = None
    if "J" in outputs:
        jumps = nan_at_jumps(graph, outputs["J"])
    if jumps is not None:
        found = {key: graph.op("add", dot, jumps) for key, dot in found.items()}
    return graph.program({Tangent(key): dot for key, dot in found.items()})


def forward(graph: Graph, seeds: Mapping[Key, Key | float]) -> dict[int, int]:
    """Return the tangent of every node that moves; an array has one seed for all entries."""
    dots: dict[int, int] = {}
    changes = Changes(graph)
    for number in range(len(graph.nodes)):
        node = graph.nodes[number]
        if node.op == "input":
            seed = _seed(graph, node.payload, seeds)  # type: ignore[arg-type]
            if seed is not None:
                dots[number] = seed
        elif _moves(graph, node, dots):
            dot = _dot(changes, number, dots)
            if graph.value(dot) != 0.0:
                dots[number] = dot
    return dots


def _moves(graph: Graph, node: Node, dots: Mapping[int, int]) -> bool:
    """Return whether the arguments of a node move, or what chooses between them."""
    if any(arg in dots for arg in node.args):
        return True
    compared = []
    if node.op == "select":
        compared = comparisons(graph, node.args[0])
    return any(a in dots or b in dots for _, a, b in compared)


def _seed(graph: Graph, key: Key, seeds: Mapping[Key, Key | float]) -> int | None:
    if isinstance(key, Load):
        array: Any = seeds.get(key.array)
        if array is None:
            return None
        return graph.input(key._replace(array=array))
    if key not in seeds:
        return None
    seed = seeds[key]
    if isinstance(seed, float):
        return graph.const(seed)
    return graph.input(seed)


def _dot(changes: Changes, number: int, dots: dict[int, int]) -> int:
    """Build the change of a node, from the changes of its arguments."""
    graph = changes.graph
    node = graph.nodes[number]
    if node.op in ("select", "floor", "sign", "abs"):
        return _dot_at_kinks(graph, number, dots)
    if node.op == "others":
        return others_tangent(graph, node, dots[node.args[0]])
    if (slopes := balanced_slopes(graph, number)) is not None:
        return add(
            graph, [changes.times_all(dots[arg], slope) for arg, slope in slopes if arg in dots]
        )
    if node.op == "div":
        return _dot_of_quotient(changes, number, dots)
    if node.op == "vanishing":
        return _dot_of_vanishing(graph, node, dots)
    if node.op in ("guarded", "steep"):
        return _dot_of_guarded(graph, node, dots)
    if (bases := reciprocal(graph, number)) is not None:
        return add(
            graph, [changes.by_base(number, b, power, dots[b]) for b, power in bases if b in dots]
        )
    return _dot_by_slopes(changes, number, dots)


def _dot_by_slopes(changes: Changes, number: int, dots: dict[int, int]) -> int:
    """Build the sum of slopes times changes; NaN where an infinite slope counts as 0."""
    graph = changes.graph
    node = graph.nodes[number]
    total = graph.const(0.0)
    for arg, slope in zip(node.args, slopes_of(graph, number), strict=True):
        if arg in dots and slope is not None:
            total = graph.op("add", total, changes.times(number, dots[arg], slope))
    if node.op in ("sqrt", "pow") and node.args[0] in dots:
        steep = steep_at(graph, number, fixed=node.args[-1] not in dots)
        return _unless_steep(graph, steep, total, dot=dots[node.args[0]])
    if isinstance(node.payload, Loop):
        return graph.reduce("sum", node.payload, total)
    return total


def _dot_at_kinks(graph: Graph, number: int, dots: dict[int, int]) -> int:
    """Build the change of a branch, a step or an absolute value; NaN at kinks and jumps."""
    node = graph.nodes[number]
    zero = graph.const(0.0)
    if node.op == "select":
        condition, yes, no = node.args
        change = graph.op("select", condition, dots.get(yes, zero), dots.get(no, zero))
        return _nan_at_ties(graph, comparisons(graph, condition), change, dots=dots)
    (arg,) = node.args
    if node.op == "floor":
        return _nan_at_ties(graph, [("eq", number, arg)], zero, dots=dots)
    (slope,) = slopes_of(graph, number)
    change = zero
    if slope is not None:
        change = graph.op("mul", slope, dots[arg])
    return _nan_at_ties(graph, [("eq", arg, zero)], change, dots=dots)


def _dot_of_vanishing(graph: Graph, node: Node, dots: dict[int, int]) -> int:
    """Build the change of a product that is 0 where its factor is, whatever the logarithm is."""
    factor, log = node.args
    parts = []
    if factor in dots:
        parts.append(graph.op("vanishing", dots[factor], log))
    if log in dots:
        parts.append(graph.op("vanishing", factor, dots[log]))
    return add(graph, parts)


def _dot_of_guarded(graph: Graph, node: Node, dots: Mapping[int, int]) -> int:
    """Build the change of a product that stays 0 with its factor; NaN below a steep slope."""
    factor, product = node.args
    zero = graph.const(0.0)
    rests = graph.op("eq", factor, zero)
    if node.op == "steep":
        return graph.op("select", rests, graph.const(float("nan")), dots.get(product, zero))
    if factor in dots:
        rests = graph.op("and", rests, graph.op("eq", dots[factor], zero))
    return graph.op("select", rests, zero, dots.get(product, zero))


def _unless_steep(graph: Graph, steep: int | None, change: int, dot: int) -> int:
    """Build the change of a root or power; NaN where its slope is infinite and it moves."""
    if steep is None:
        return change
    moves = graph.op("ne", dot, graph.const(0.0))
    return graph.op("select", graph.op("and", steep, moves), graph.const(float("nan")), change)


def _dot_of_quotient(changes: Changes, number: int, dots: dict[int, int]) -> int:
    """Return (da - (a/b)*db)/b."""
    graph = changes.graph
    (a, b), zero = graph.nodes[number].args, graph.const(0.0)
    if b not in dots:
        return graph.op("mul", dots[a], graph.op("div", graph.const(1.0), b))
    change = graph.op("sub", dots.get(a, zero), graph.op("mul", number, dots[b]))
    return changes.wait("div", change, b)


def _nan_at_ties(
    graph: Graph, compared: Sequence[tuple[str, int, int]], change: int, dots: Mapping[int, int]
) -> int:
    """Build a change that is NaN where the sides of a comparison are equal: at a kink."""
    for _, a, b in compared:
        if a in dots or b in dots:
            change = graph.op("select", graph.op("eq", a, b), graph.const(float("nan")), change)
    return change
