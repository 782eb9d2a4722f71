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

from symopt.autodiff.partials import partials
from symopt.autodiff.pullback import Passed, Pullback
from symopt.autodiff.zero_safe import ZeroSafe
from symopt.frontend.conditions import comparisons
from symopt.frontend.moving import Moving
from symopt.ir.index import Loop, bounds_of
from symopt.ir.keys import Key, Slope
from symopt.ir.ops import REDUCTIONS
from symopt.ir.program import Graph, Program

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
        outputs[Slope(k)] = adjoint.get(graph.input(key), {}).get(NOWHERE, graph.const(0.0))
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
            for arg, passed, around in _contributions(
                pullback, number, seed, around=guards[number]
            ):
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
                    arg=arg,
                    guards=guards[arg],
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
