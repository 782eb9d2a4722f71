"""Derivatives of a program as programs: reverse mode for the gradient, forward mode on top of it.

The reverse sweep visits every node once, so a gradient costs a small multiple of the value for
any number of parameters. A branch of a select keeps its adjoint to itself: what leaves it is
selected by the same condition, because a zero seed times an infinite slope would be NaN.
"""

from __future__ import annotations

from collections.abc import Sequence

from symopt.autodiff.partials import partials
from symopt.autodiff.program import Graph, Key, Program

Guards = tuple[tuple[int, bool], ...]
"""The selects around a node, outermost first: the condition, and the side the node is on."""


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
    top = graph.splice(value, graph.input)["J"]
    adjoint = _reverse(graph, top)
    outputs: dict[Key, int] = {"J": top}
    for k, key in enumerate(by):
        outputs["g", k] = adjoint.get(graph.input(key), graph.const(0.0))
    return graph.program(outputs)


def tangent(program: Program, seeds: dict[Key, Key | float]) -> Program:
    """Return the derivative of every output ``key`` in one direction, as output ``("d", key)``.

    ``seeds`` gives the direction: for an input, a number or the key of another input; inputs
    without a seed stand still.
    """
    graph = Graph()
    outputs = graph.splice(program, graph.input)
    dots = _forward(graph, seeds)
    return graph.program({("d", key): dots.get(number, graph.const(0.0)) for key, number in outputs.items()})


def _reverse(graph: Graph, top: int) -> dict[int, int]:
    """Return the adjoint of every node below ``top``."""
    guards = _guards(graph, top)
    adjoint = {top: graph.const(1.0)}
    for number in range(top, -1, -1):
        if number not in adjoint or graph.nodes[number].op in ("const", "input"):
            continue
        for arg, term, around in _contributions(graph, number, adjoint[number], guards[number]):
            if graph.nodes[arg].op != "const":
                kept = _selected(graph, term, around[len(guards[arg]) :])
                adjoint[arg] = graph.op("add", adjoint[arg], kept) if arg in adjoint else kept
    return adjoint


def _contributions(graph: Graph, number: int, seed: int, around: Guards) -> list[tuple[int, int, Guards]]:
    """Return what a node passes on: (argument, term, the selects that the term stands in)."""
    node = graph.nodes[number]
    if node.op == "select":
        condition, yes, no = node.args
        return [(yes, seed, (*around, (condition, True))), (no, seed, (*around, (condition, False)))]
    slopes = zip(node.args, partials(graph, number), strict=True)
    return [(arg, graph.op("mul", seed, slope), around) for arg, slope in slopes if slope is not None]


def _selected(graph: Graph, term: int, guards: Guards) -> int:
    zero = graph.const(0.0)
    for condition, side in reversed(guards):
        term = graph.op("select", condition, term, zero) if side else graph.op("select", condition, zero, term)
    return term


def _guards(graph: Graph, top: int) -> dict[int, Guards]:
    """Return, for every node below ``top``, the selects that every use of it stands in."""
    guards: dict[int, Guards] = {top: ()}
    for number in range(top, -1, -1):
        if number not in guards:
            continue
        node, around = graph.nodes[number], guards[number]
        for place, arg in enumerate(node.args):
            inner = (*around, (node.args[0], place == 1)) if node.op == "select" and place else around
            guards[arg] = _common(guards[arg], inner) if arg in guards else inner
    return guards


def _common(one: Guards, other: Guards) -> Guards:
    """Return the longest common beginning."""
    length = 0
    while length < min(len(one), len(other)) and one[length] == other[length]:
        length += 1
    return one[:length]


def _forward(graph: Graph, seeds: dict[Key, Key | float]) -> dict[int, int]:
    """Return the tangent of every node that moves."""
    dots: dict[int, int] = {}
    for number in range(len(graph.nodes)):
        node = graph.nodes[number]
        if node.op == "input" and node.payload in seeds:
            seed = seeds[node.payload]
            dots[number] = graph.const(seed) if isinstance(seed, float) else graph.input(seed)
        elif any(arg in dots for arg in node.args):
            dot = _dot(graph, number, dots)
            if graph.value(dot) != 0.0:
                dots[number] = dot
    return dots


def _dot(graph: Graph, number: int, dots: dict[int, int]) -> int:
    node, zero = graph.nodes[number], graph.const(0.0)
    if node.op == "select":
        condition, yes, no = node.args
        return graph.op("select", condition, dots.get(yes, zero), dots.get(no, zero))
    moving = [k for k, arg in enumerate(node.args) if arg in dots]
    slopes = partials(graph, number)
    total = zero
    for k in moving:
        slope = slopes[k]
        if slope is not None:
            total = graph.op("add", total, graph.op("mul", slope, dots[node.args[k]]))
    return total
