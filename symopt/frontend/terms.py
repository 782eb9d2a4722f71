"""A node as a sum of terms or as a product of powers: what the stable forms look at.

Constants are compared by value, so that 1, 1.0 and a constant that was folded are the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from symopt.ir.program import Graph

MOST_TERMS = 32  # longer sums and products are looked at from outside only
MOST_VISITED = (
    8 * MOST_TERMS
)  # nodes on the way to them: each level of a nested expression would visit all below it


class Terms(NamedTuple):
    """constant + sum of coefficient*node."""

    constant: float
    parts: tuple[tuple[float, int], ...]


class Factors(NamedTuple):
    """constant * product of node**power; a power is a number, or the node of an exponent."""

    constant: float
    parts: tuple[tuple[int, float], ...]
    powers: tuple[tuple[int, int], ...]


def terms_of(graph: Graph, nodes: Iterable[int]) -> Terms | None:
    """Return the sum of some nodes as terms; None where there are too many."""
    constant = 0.0
    parts: dict[int, float] = {}
    stack = [(1.0, node) for node in reversed(list(nodes))]
    visited = 0
    while stack:
        factor, number = stack.pop()
        visited += 1
        op, args, _ = graph.nodes[number]
        value = graph.value(number)
        found = split_scale(graph, number)
        if value is not None:
            constant += factor * value
        elif op in ("add", "sub"):
            stack += [(factor if op == "add" else -factor, args[1]), (factor, args[0])]
        elif found is not None:
            stack.append((factor * found[0], found[1]))
        else:
            parts[number] = parts.get(number, 0.0) + factor
        if len(parts) + len(stack) > MOST_TERMS or visited > MOST_VISITED:
            return None
    return Terms(constant, tuple((factor, number) for number, factor in parts.items()))


def split_scale(graph: Graph, number: int) -> tuple[float, int] | None:
    """Return c and u where a node is c*u."""
    op, args, _ = graph.nodes[number]
    if op == "neg":
        return -1.0, args[0]
    if op == "mul":
        for constant, rest in (args, args[::-1]):
            value = graph.value(constant)
            if value is not None:
                return value, rest
    return None


def fixed_exponent(graph: Graph, number: int) -> float | None:
    """Return the exponent of a root or of a fixed power; None of any other node."""
    op, args, _ = graph.nodes[number]
    if op == "sqrt":
        return 0.5
    if op == "pow":
        return graph.value(args[1])
    return None


def factors_of(graph: Graph, root: int) -> Factors | None:
    """Return a node as a product of powers; None where it has too many factors."""
    constant = 1.0
    parts: dict[int, float] = {}
    powers: list[tuple[int, int]] = []
    stack = [(root, 1.0)]
    while stack:
        number, power = stack.pop()
        op, args, _ = graph.nodes[number]
        value = graph.value(number)
        exponent = None
        if op == "pow":
            exponent = graph.value(args[1])
        if value is not None and value != 0.0 and power in (1.0, -1.0):
            if power > 0:
                constant = constant * value
            else:
                constant = constant / value
        elif op in ("mul", "div"):
            stack += [(args[1], power if op == "mul" else -power), (args[0], power)]
        elif op == "neg" and power in (1.0, -1.0):
            constant = -constant
            stack.append((args[0], power))
        elif exponent is not None and exponent == int(exponent):
            stack.append((args[0], power * exponent))
        elif op == "pow" and exponent is None and power == 1.0:
            powers.append((args[0], args[1]))
        else:
            parts[number] = parts.get(number, 0.0) + power
        if len(parts) + len(stack) + len(powers) > MOST_TERMS:
            return None
    return Factors(constant, tuple((n, p) for n, p in parts.items() if p), tuple(powers))


def scale(graph: Graph, factor: float, node: int) -> int:
    """Return factor*node."""
    return graph.op("mul", graph.const(factor), node)


def add(graph: Graph, nodes: Iterable[int]) -> int:
    """Return the sum of nodes from left to right, 0 of none."""
    total: int | None = None
    for node in nodes:
        if total is None:
            total = node
        else:
            total = graph.op("add", total, node)
    if total is None:
        return graph.const(0.0)
    return total


def multiply(graph: Graph, nodes: Iterable[int]) -> int:
    """Return the product of nodes from left to right, 1 of none."""
    total: int | None = None
    for node in nodes:
        if total is None:
            total = node
        else:
            total = graph.op("mul", total, node)
    if total is None:
        return graph.const(1.0)
    return total


def sum_of(graph: Graph, terms: Terms) -> int:
    """Return terms as a node."""
    nodes = [scale(graph, factor, node) for factor, node in terms.parts]
    return add(graph, [*nodes, *([graph.const(terms.constant)] if terms.constant else [])])
