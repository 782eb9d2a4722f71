"""Programs: arithmetic as a list of hash-consed nodes, each an operation on earlier ones.

A node is numbered by its place; its arguments have smaller numbers, so every walk is a plain
loop and no depth of nesting matters. Two equal nodes are one: common work is shared by
construction, and the order depends on the order of building alone, never on a hash seed.

Nothing here knows SymPy or Numba. Operations are named:

========================  =====================================================================
``const``, ``input``      a number; a named value given from outside
``add sub mul div neg``   correctly rounded arithmetic, ``fma`` (a*b + c, rounded once)
``sqrt abs floor sign``   correctly rounded functions (sign(0) = 0)
``exp log sin ...``       the elementary functions of ``symopt.compiler.vecmath``
``lt le eq ne``           comparisons, false of NaN (``ne``: true); ``and or`` on truth values
``select``                ``select(c, a, b)``: a where c holds, else b; both are computed
========================  =====================================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Key = tuple[Any, ...] | str
COMPARISONS = {"lt", "le", "eq", "ne"}
LOGIC = {"and", "or"}
COMMUTATIVE = {"add", "mul", "eq", "ne", "and", "or"}


class Node(NamedTuple):
    """One operation: its name, the numbers of its arguments, and the payload of a leaf."""

    op: str
    args: tuple[int, ...] = ()
    payload: float | Key | None = None


class Graph:
    """Nodes under construction. ``op`` folds what is known exactly and shares what is equal."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._number: dict[tuple[object, ...], int] = {}

    def _intern(self, node: Node) -> int:
        # repr tells 0.0 from -0.0, which compare equal
        key = (node.op, node.args, repr(node.payload))
        if key not in self._number:
            self._number[key] = len(self.nodes)
            self.nodes.append(node)
        return self._number[key]

    def const(self, value: float) -> int:
        """Return the node of a number."""
        return self._intern(Node("const", (), float(value)))

    def input(self, key: Key) -> int:
        """Return the node of a value given from outside, known by ``key``."""
        return self._intern(Node("input", (), key))

    def value(self, number: int) -> float | None:
        """Return the number that a node stands for, or None where it is not a constant."""
        node = self.nodes[number]
        return node.payload if node.op == "const" and isinstance(node.payload, float) else None

    def op(self, name: str, *args: int) -> int:
        """Return the node of an operation, after the simplifications that change no value."""
        known = SIMPLIFY.get(name)
        simpler = known(self, *args) if known else None
        if simpler is not None:
            return simpler
        if name in COMMUTATIVE and args[0] > args[1]:
            args = (args[1], args[0])
        return self._intern(Node(name, args))

    def splice(self, program: Program, given: Callable[[Key], int]) -> dict[Key, int]:
        """Build ``program`` again in this graph, with ``given(key)`` for its inputs; return its outputs."""
        made: list[int] = []
        for node in program.nodes:
            if node.op == "input":
                assert node.payload is not None
                assert not isinstance(node.payload, float)
                made.append(given(node.payload))
            elif node.op == "const":
                made.append(self._intern(node))
            else:
                # operations are taken over as they are: simplifying again could change bits
                made.append(self._intern(Node(node.op, tuple(made[arg] for arg in node.args))))
        return {key: made[number] for key, number in program.outputs.items()}

    def program(self, outputs: Mapping[Key, int]) -> Program:
        """Return what ``outputs`` need, in demand order (depth first), renumbered."""
        order = demand_order(self.nodes, outputs.values())
        number = {old: new for new, old in enumerate(order)}
        nodes = tuple(
            self.nodes[old]._replace(args=tuple(number[arg] for arg in self.nodes[old].args)) for old in order
        )
        return Program(nodes, {key: number[old] for key, old in outputs.items()})


@dataclass(frozen=True)
class Program:
    """Nodes in an order in which they can be computed, and the named ones among them."""

    nodes: tuple[Node, ...]
    outputs: dict[Key, int] = field(default_factory=dict)

    @property
    def inputs(self) -> list[Key]:
        """The keys of the values it needs, in order of first use."""
        return [node.payload for node in self.nodes if node.op == "input"]  # type: ignore[misc]

    def rebuilt(
        self,
        build: Callable[[Graph, int, Node, tuple[int, ...]], int | None],
        made: dict[int, int] | None = None,
    ) -> Program:
        """Return the program made anew, node by node, simplified.

        ``build(graph, number, node, args)`` gives the new node of an operation, or None to keep
        it; ``made`` is filled with the new node of each old one.
        """
        graph = Graph()
        made = {} if made is None else made
        for number, node in enumerate(self.nodes):
            args = tuple(made[arg] for arg in node.args)
            if node.op in ("input", "const"):
                made[number] = graph._intern(node)
            else:
                new = build(graph, number, node, args)
                made[number] = graph.op(node.op, *args) if new is None else new
        return graph.program({key: made[number] for key, number in self.outputs.items()})

    def only(self, keys: Iterable[Key]) -> Program:
        """Return the part that computes some of the outputs; the operations stay what they are."""
        graph = Graph()
        outputs = graph.splice(self, graph.input)
        return graph.program({key: outputs[key] for key in keys})


def demand_order(nodes: Sequence[Node], wanted: Iterable[int]) -> list[int]:
    """Return the numbers of all nodes that ``wanted`` need, arguments before users, depth first."""
    order: list[int] = []
    seen: set[int] = set()
    for root in wanted:
        stack = [(root, False)]
        while stack:
            number, ready = stack.pop()
            if ready:
                order.append(number)
            elif number not in seen:
                seen.add(number)
                stack.append((number, True))
                stack.extend((arg, False) for arg in reversed(nodes[number].args) if arg not in seen)
    return order


# Simplifications. Each returns the simpler node or None. They are exact for every finite value;
# 0*x is 0 also where x is infinite or NaN, as SymPy has it: a term that is absent stays absent.


def _add(g: Graph, a: int, b: int) -> int | None:
    if g.value(a) == 0.0:
        return b
    if g.value(b) == 0.0:
        return a
    if g.nodes[b].op == "neg":
        return g.op("sub", a, g.nodes[b].args[0])
    if g.nodes[a].op == "neg":
        return g.op("sub", b, g.nodes[a].args[0])
    return _fold(g, lambda x, y: x + y, a, b)


def _sub(g: Graph, a: int, b: int) -> int | None:
    if g.value(b) == 0.0:
        return a
    if g.value(a) == 0.0:
        return g.op("neg", b)
    if g.nodes[b].op == "neg":
        return g.op("add", a, g.nodes[b].args[0])
    return _fold(g, lambda x, y: x - y, a, b)


def _mul(g: Graph, a: int, b: int) -> int | None:
    for x, y in ((a, b), (b, a)):
        if g.value(x) == 0.0:
            return g.const(0.0)
        if g.value(x) == 1.0:
            return y
        if g.value(x) == -1.0:
            return g.op("neg", y)
    for x, y in ((a, b), (b, a)):
        factor = g.value(x)
        if factor is not None and g.nodes[y].op == "mul":
            for inner, rest in (g.nodes[y].args, g.nodes[y].args[::-1]):
                # exact, because multiplying by a power of two only moves the exponent
                if _is_power_of_two(g.value(inner)) or (g.value(inner) is not None and _is_power_of_two(factor)):
                    return g.op("mul", g.const(factor * g.value(inner)), rest)  # type: ignore[operator]
    for x, y in ((a, b), (b, a)):
        if g.nodes[x].op == "neg" and g.value(y) is None:
            return g.op("neg", g.op("mul", g.nodes[x].args[0], y))
    return _fold(g, lambda x, y: x * y, a, b)


def _is_power_of_two(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and abs(math.frexp(value)[0]) == 0.5


def _div(g: Graph, a: int, b: int) -> int | None:
    if g.value(a) == 0.0:
        return g.const(0.0)
    if g.value(b) == 1.0:
        return a
    if g.value(b) == 0.0:
        return None
    if g.nodes[a].op == "neg":
        return g.op("neg", g.op("div", g.nodes[a].args[0], b))
    return _fold(g, lambda x, y: x / y, a, b)


def _neg(g: Graph, a: int) -> int | None:
    if g.nodes[a].op == "neg":
        return g.nodes[a].args[0]
    return _fold(g, lambda x: -x, a)


def _select(g: Graph, condition: int, a: int, b: int) -> int | None:
    truth = g.value(condition)
    if truth is not None:
        return a if truth else b
    return a if a == b else None


def _sqrt(g: Graph, a: int) -> int | None:
    value = g.value(a)
    return g.const(math.sqrt(value)) if value is not None and value >= 0 else None


def _and(g: Graph, a: int, b: int) -> int | None:
    for x, y in ((a, b), (b, a)):
        if g.value(x) is not None:
            return y if g.value(x) else x
    return None


def _or(g: Graph, a: int, b: int) -> int | None:
    for x, y in ((a, b), (b, a)):
        if g.value(x) is not None:
            return x if g.value(x) else y
    return None


def _fold(g: Graph, function: Callable[..., float], *args: int) -> int | None:
    values = [g.value(arg) for arg in args]
    if any(value is None for value in values):
        return None
    result = function(*values)
    return g.const(result) if math.isfinite(result) else None


SIMPLIFY: dict[str, Callable[..., int | None]] = {
    "add": _add, "sub": _sub, "mul": _mul, "div": _div, "neg": _neg, "sqrt": _sqrt,
    "select": _select, "and": _and, "or": _or,
    "abs": lambda g, a: _fold(g, abs, a),
    "lt": lambda g, a, b: _fold(g, lambda x, y: float(x < y), a, b),
    "le": lambda g, a, b: _fold(g, lambda x, y: float(x <= y), a, b),
}  # fmt: skip
