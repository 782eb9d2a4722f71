"""Derivatives of a program as programs: reverse mode for the gradient, forward mode on top of it.

The reverse sweep visits every node once, so a gradient costs a small multiple of the value for any
number of parameters. A branch of a select keeps its adjoint to itself: what leaves it is selected
by the same condition, because a zero seed times an infinite slope would be NaN. Where that cannot
be (the branch is used elsewhere too), and below functions of infinite slope (acos at 1), nothing
times infinity is nothing: ``ZeroSafe``.

At a kink the gradient is a fixed subgradient. Its own derivative does not exist there: ``forward``
makes it NaN where the sides of a comparison meet, and the sign of zero is asked.

Below a reduction an adjoint is a function of indices, and belongs to a domain: the loops that it
is to be summed over. A node that lies outside some of these loops gets the sum over them, if
they are the inner ones; else the adjoint keeps its domain, as the value recomputes the node there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from symopt.autodiff.balanced import balanced_slopes
from symopt.autodiff.partials import others_tangent, partials, steep_at
from symopt.autodiff.pullback import Changes, Passed, Pullback, reciprocal
from symopt.autodiff.steps import nan_at_jumps
from symopt.autodiff.zero_safe import ZeroSafe
from symopt.frontend.conditions import comparisons
from symopt.frontend.moving import Moving
from symopt.frontend.terms import add
from symopt.ir.index import Loop, bounds_of
from symopt.ir.ops import REDUCTIONS
from symopt.ir.program import Graph, Key, Load, Node, Program

Guards = tuple[tuple[int, bool], ...]
"""The selects around a node, outermost first: the condition, and the side the node is on."""
Domain = frozenset[Loop]
Adjoints = dict[int, dict[Domain, int]]
NOWHERE: Domain = frozenset()


def gradient(value: Program, by: Sequence[Key]) -> Program:
    """Return the program of ``"J"`` and of ``("g", k)``, its derivative by the k-th key.

    Parameters
    ----------
    value
        A program with the output ``"J"``.
    by
        Keys of its inputs.
    """
    graph = Graph()
    top = graph.inline(value, graph.input)["J"]
    adjoint = reverse(graph, top, {NOWHERE: graph.const(1.0)})
    outputs: dict[Key, int] = {"J": top}
    for k, key in enumerate(by):
        outputs["g", k] = adjoint.get(graph.input(key), {}).get(NOWHERE, graph.const(0.0))
    return graph.program(outputs)


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
    return graph.program({("d", key): dot for key, dot in found.items()})


def hessian(slopes: Program, by: Sequence[Key]) -> Program:
    """Return the program of the upper triangle of a Hessian, ``("hessian", i, j)`` for i <= j.

    ``slopes`` is a gradient by these keys.
    """
    graph = Graph()
    outputs: dict[Key, int] = {}
    for j, key in enumerate(by):
        column = graph.inline(tangent(slopes, {key: 1.0}), graph.input)
        outputs |= {("hessian", i, j): column["d", ("g", i)] for i in range(j + 1)}
    return graph.program(outputs)


def gauss_newton(residuals: Sequence[tuple[Program, Program]], by: Sequence[Key]) -> Program:
    """Return the program of sum(2*c*r_i*r_j), the Gauss-Newton matrix of residuals r."""
    graph = Graph()
    outputs: dict[Key, int] = {}
    for factor, residual in residuals:
        twice = graph.op("mul", graph.const(2.0), graph.inline(factor, graph.input)["J"])
        slope = graph.inline(gradient(residual, by), graph.input)
        for j in range(len(by)):
            scaled = graph.op("mul", twice, slope["g", j])
            for i in range(j + 1):
                key: Key = ("gauss_newton", i, j)
                term = graph.op("mul", scaled, slope["g", i])
                if key in outputs:
                    outputs[key] = graph.op("add", outputs[key], term)
                else:
                    outputs[key] = term
    return graph.program(outputs)


def reverse(
    graph: Graph, top: int, seeds: dict[Domain, int], kept: Mapping[int, int] | None = None
) -> Adjoints:
    """Return the adjoint of every node below ``top``, by domain.

    ``kept`` are nodes that hold the values of others, of ``top`` and its slope: they are read where
    ``top`` passes on, instead of computing these again.
    """
    guards, moving, safe = _guards(graph, top), Moving(graph), ZeroSafe(graph)
    pullback = Pullback(graph, moving)
    adjoint: Adjoints = {top: dict(seeds)}
    for number in range(top, -1, -1):
        if graph.nodes[number].op in ("const", "input"):
            continue
        for domain, seed in adjoint.get(number, {}).items():
            for arg, passed, around in _contributions(pullback, number, seed, guards[number]):
                if graph.nodes[arg].op == "const":
                    continue
                if kept is None or number != top:
                    term = passed
                else:
                    term = graph.substitute([passed], kept)[passed]
                term = safe.product(number, arg, seed, term)
                outside = around[len(guards[arg]) :]
                safe.pass_on(number, arg, masked=bool(outside))
                place = _sum_outside(
                    graph,
                    _domain(graph, number, domain),
                    _select_guarded(graph, term, outside),
                    arg,
                    guards[arg],
                )
                _add(graph, adjoint.setdefault(arg, {}), *place)
    return adjoint


def _add(graph: Graph, found: dict[Domain, int], domain: Domain, term: int) -> None:
    if domain in found:
        found[domain] = graph.op("add", found[domain], term)
    else:
        found[domain] = term


def _domain(graph: Graph, number: int, domain: Domain) -> Domain:
    """Return the domain of what a node passes on: the body of a reduction stands in its loop."""
    loop = graph.nodes[number].payload
    if isinstance(loop, Loop):
        return domain | {loop} | bounds_of(loop)
    return domain


def _sum_outside(
    graph: Graph, domain: Domain, term: int, arg: int, guards: Guards
) -> tuple[Domain, int]:
    """Sum a term over the loops that ``arg`` lies outside of, where they are the inner ones.

    Not inside a branch that is chosen in these loops: its condition is to select the term first.
    """
    own = graph.loops(arg)
    more = sorted(domain - own, reverse=True)
    chosen = any(not graph.loops(condition).isdisjoint(more) for condition, _ in guards)
    if not more or chosen or (own and more[-1] < max(own)):
        return domain, term
    for loop in more:
        term = graph.reduce("sum", loop, term)
    return own & domain, term


def _contributions(
    pullback: Pullback, number: int, seed: int, around: Guards
) -> list[tuple[int, int, Guards]]:
    """Return what a node passes on: (argument, term, the selects that the term stands in)."""
    graph = pullback.graph
    node = graph.nodes[number]
    if node.op == "select":
        condition, yes, no = node.args
        branches = [
            (yes, seed, (*around, (condition, True))),
            (no, seed, (*around, (condition, False))),
        ]
        return branches + [
            (arg, term, around) for arg, term in _at_exceptions(graph, condition, pullback.moving)
        ]
    if node.op in REDUCTIONS:
        return [(arg, term, around) for arg, term in _of_reduction(graph, number, seed)]
    return [(arg, term, around) for arg, term in pullback.passed_on(number, seed)]


def _of_reduction(graph: Graph, number: int, seed: int) -> list[Passed]:
    (arg,), (slope,) = graph.nodes[number].args, slopes_of(graph, number)
    if slope is None:
        return []
    return [(arg, graph.op("mul", seed, slope))]


def _at_exceptions(graph: Graph, condition: int, moving: Moving) -> list[Passed]:
    """Return NaN for what an equality compares, where it holds.

    The value that a Piecewise gives to a single point says nothing about the slope there.
    """
    passed = []
    for op, a, b in comparisons(graph, condition):
        if op in ("eq", "ne"):
            here = graph.op(
                "select", graph.op("eq", a, b), graph.const(float("nan")), graph.const(0.0)
            )
            passed += [(arg, here) for arg in (a, b) if arg in moving]
    return passed


def slopes_of(graph: Graph, number: int) -> list[int | None]:
    """Return the derivative of a node by each argument, of a reduction at one index."""
    op = graph.nodes[number].op
    if op == "sum":
        return [graph.const(1.0)]
    if op == "prod":
        return [graph.product_of_others(graph.nodes[number])]
    # log(sum(exp(u - peak))) + peak does not depend on the peak
    if op == "peak":
        return [None]
    return partials(graph, number)


def _select_guarded(graph: Graph, term: int, guards: Guards) -> int:
    zero = graph.const(0.0)
    for condition, side in reversed(guards):
        if side:
            term = graph.op("select", condition, term, zero)
        else:
            term = graph.op("select", condition, zero, term)
    return term


def _guards(graph: Graph, top: int) -> dict[int, Guards]:
    """Return, for every node below ``top``, the selects that every use of it stands in."""
    guards: dict[int, Guards] = {top: ()}
    for number in range(top, -1, -1):
        if number not in guards:
            continue
        node, around = graph.nodes[number], guards[number]
        for place, arg in enumerate(node.args):
            inner = around
            if node.op == "select" and place:
                inner = (*around, (node.args[0], place == 1))
            if arg in guards:
                guards[arg] = _common(guards[arg], inner)
            else:
                guards[arg] = inner
    # the slope by a parameter that only one branch uses is 0 in the other
    return {
        number: () if graph.nodes[number].op == "input" else around
        for number, around in guards.items()
    }


def _common(one: Guards, other: Guards) -> Guards:
    """Return the longest common beginning."""
    length = 0
    while length < min(len(one), len(other)) and one[length] == other[length]:
        length += 1
    return one[:length]


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
        return _unless_steep(graph, steep, total, dots[node.args[0]])
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
        return _nan_at_ties(graph, comparisons(graph, condition), change, dots)
    (arg,) = node.args
    if node.op == "floor":
        return _nan_at_ties(graph, [("eq", number, arg)], zero, dots)
    (slope,) = slopes_of(graph, number)
    change = zero
    if slope is not None:
        change = graph.op("mul", slope, dots[arg])
    return _nan_at_ties(graph, [("eq", arg, zero)], change, dots)


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
