"""Programs: arithmetic as a list of hash-consed nodes, each an operation on earlier ones.

A node is numbered by its place; its arguments have smaller numbers, so every walk is a plain
loop and no depth of nesting matters. Two equal nodes are one: common work is shared by
construction, and the order depends on the order of building alone, never on a hash seed.

Nothing here knows SymPy or Numba. Operations are named:

========================  =====================================================================
``const``, ``input``      a number; a named value given from outside
``add sub mul div neg``   correctly rounded arithmetic, ``fma`` (a*b + c, rounded once)
``sqrt abs floor sign``   correctly rounded functions (sign(0) = 0)
``pow``                   a power; one of a fixed whole or half exponent becomes products and a root
``exp log sin ...``       the elementary functions of ``symopt.compiler.library``
``lt le eq ne``           comparisons, false of NaN (``ne``: true); ``and or`` on truth values
``select``                ``select(c, a, b)``: a where c holds, else b; both are computed
``logaddexp``             ``logaddexp(a, b)``: log(e**a + e**b)
``vanishing``             ``vanishing(a, l)``: a*l, and 0 where a is, whatever l is there
``guarded``               ``guarded(f, p)``: the product p, and 0 where its factor f is
``steep``                 the same below an infinite slope: its own derivative is NaN there
``sum prod peak``         a reduction of its argument over the loop that is its payload
``others``                of each factor of a product over a loop, the product of all others
========================  =====================================================================

A node below a reduction depends on the variables of its loops: a graph with reductions holds
functions of indices, and what is written once is computed in the outermost loop that it can stand
in. Its inputs are entries of arrays (``Load``) and values of indices (``IndexValue``) beside plain
keys. A program with arrays has statements: what is stored in them, or added to them, over loops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from symopt.ir.index import Affine, Loop, all_loops, bounds_of, length, loops_of
from symopt.ir.keys import Key
from symopt.ir.listing import listing
from symopt.ir.ops import COMMUTATIVE
from symopt.ir.simplify import SIMPLIFY

Name = tuple[str, str]
"""An array: its kind ("x" parameters, "data", "where", "g" gradient, ...) and its name."""


class Load(NamedTuple):
    """An entry of an array as an input.

    ``near`` is NaN where the index is outside, as in a branch that is not taken.
    """

    array: Name
    at: tuple[Affine, ...]
    near: bool = False


class IndexValue(NamedTuple):
    """An input: an index as a number."""

    value: Affine


class LoopOf(NamedTuple):
    """The loop of ``others``, which are a function of its variable."""

    loop: Loop


class Node(NamedTuple):
    """One operation: its name, the numbers of its arguments, and the payload of a leaf."""

    op: str
    args: tuple[int, ...] = ()
    payload: float | Key | Loop | LoopOf | None = None


class Statement(NamedTuple):
    """What is done with an array.

    ``array[at] = node`` ("define") or ``array[at] += node`` ("add") over loops, or elimination:
    "inverse" and "determinant", whose node is the last entry of the square array that they read
    and ``at`` the last entry of the array that they fill (see :mod:`symopt.ir.elimination`).
    """

    kind: str
    array: Name
    at: tuple[Affine, ...]
    loops: tuple[Loop, ...]
    key: Key
    near: bool = False


class Graph:
    """Nodes under construction. ``op`` folds what is known exactly and shares what is equal."""

    def __repr__(self) -> str:
        return f"Graph({len(self.nodes)} nodes)"

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._number: dict[tuple[object, ...], int] = {}
        self._loops: list[frozenset[Loop]] = []

    def _intern(self, node: Node) -> int:
        # repr tells 0.0 from -0.0, which compare equal
        key = (node.op, node.args, repr(node.payload) if node.op == "const" else node.payload)
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
        if node.op == "const" and isinstance(node.payload, float):
            return node.payload
        return None

    def op(self, name: str, *args: int) -> int:
        """Return the node of an operation, after the simplifications that change no value."""
        known = SIMPLIFY.get(name)
        simpler = None
        if known:
            simpler = known(self, *args)
        if simpler is not None:
            return simpler
        if name in COMMUTATIVE and args[0] > args[1]:
            args = (args[1], args[0])
        return self._intern(Node(name, args))

    def reduce(self, op: str, loop: Loop, body: int) -> int:
        """Return the reduction of ``body`` over a loop."""
        if loop in self.loops(body):
            return self._intern(Node(op, (body,), loop))
        if op == "peak":
            return body
        if op == "sum":
            return self.op("mul", self._count(loop), body)
        return self.op("pow", body, self._count(loop))

    def product_of_others(self, product: Node) -> int:
        """Return, for each factor of a product over a loop, the product of all others."""
        assert isinstance(product.payload, Loop)
        return self._intern(Node("others", product.args, LoopOf(product.payload)))

    def _count(self, loop: Loop) -> int:
        """Return how many terms a sum has, 0 where its range is empty."""
        terms, zero = length(loop), self.const(0.0)
        if not terms.terms:
            return self.const(float(max(terms.const, 0)))
        count = self.input(IndexValue(terms))
        return self.op("select", self.op("lt", zero, count), count, zero)

    def loops(self, number: int) -> frozenset[Loop]:
        """Return the loops whose variables a node depends on."""
        for node in self.nodes[len(self._loops) :]:
            below = frozenset().union(*(self._loops[arg] for arg in node.args))
            if isinstance(node.payload, Load):
                below = all_loops(node.payload.at)
            elif isinstance(node.payload, IndexValue):
                below = loops_of(node.payload.value)
            elif isinstance(node.payload, Loop):
                below = (below - {node.payload}) | bounds_of(node.payload)
            self._loops.append(below)
        return self._loops[number]

    def reachable(self, *roots: int) -> list[Node]:
        """Return all nodes that some nodes need, themselves included."""
        return [self.nodes[number] for number in demand_order(self.nodes, roots)]

    def replace(self, root: int, new: Mapping[int, int]) -> int:
        """Return a node with other nodes in the place of some below it."""
        return self.substitute([root], new)[root]

    def substitute(
        self, roots: Iterable[int], new: Mapping[int, int], leaf: Callable[[Key], int] | None = None
    ) -> dict[int, int]:
        """Return nodes made anew, with ``new`` in the place of some and ``leaf(key)`` of inputs."""
        made = dict(new)
        for number in demand_order(self.nodes, roots):
            node = self.nodes[number]
            if number in made:
                continue
            if node.op == "input" and leaf is not None:
                made[number] = leaf(node.payload)  # type: ignore[arg-type]
            else:
                args = tuple(made[arg] for arg in node.args)
                if args == node.args:
                    made[number] = number
                else:
                    made[number] = self.rebuild(node, args)
        return made

    def rebuild(self, node: Node, args: tuple[int, ...]) -> int:
        """Return an operation with other arguments, simplified."""
        if isinstance(node.payload, Loop):
            return self.reduce(node.op, node.payload, *args)
        if node.payload is not None:
            return self._intern(node._replace(args=args))
        return self.op(node.op, *args)

    def inline(self, program: Program, given: Callable[[Key], int]) -> dict[Key, int]:
        """Inline ``program`` in this graph, with ``given(key)`` for inputs; return its outputs."""
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
                made.append(self._intern(node._replace(args=tuple(made[arg] for arg in node.args))))
        return {key: made[number] for key, number in program.outputs.items()}

    def program(self, outputs: Mapping[Key, int], statements: Iterable[Statement] = ()) -> Program:
        """Return what ``outputs`` need, in demand order (depth first), renumbered."""
        order = demand_order(self.nodes, outputs.values())
        number = {old: new for new, old in enumerate(order)}
        nodes = tuple(
            self.nodes[old]._replace(args=tuple(number[arg] for arg in self.nodes[old].args))
            for old in order
        )
        return Program(nodes, {key: number[old] for key, old in outputs.items()}, tuple(statements))


@dataclass(frozen=True)
class Program:
    """Nodes in an order in which they can be computed, and the named ones among them.

    ``statements`` say what is done over loops with some of the outputs, in this order.
    """

    nodes: tuple[Node, ...]
    outputs: dict[Key, int] = field(default_factory=dict)
    statements: tuple[Statement, ...] = ()

    def __str__(self) -> str:
        """Return the program as three-address lines."""
        return listing(self)

    @property
    def inputs(self) -> list[Key]:
        """The keys of the values it needs, in order of first use."""
        return [node.payload for node in self.nodes if node.op == "input"]  # type: ignore[misc]

    def rewrite(
        self,
        build: Callable[[Graph, int, Node, tuple[int, ...]], int | None],
        made: dict[int, int] | None = None,
    ) -> Program:
        """Return the program made anew, node by node, simplified.

        ``build(graph, number, node, args)`` gives the new node of an operation, or None to keep
        it; ``made`` is filled with the new node of each old one.
        """
        graph = Graph()
        if made is None:
            made = {}
        for number, node in enumerate(self.nodes):
            args = tuple(made[arg] for arg in node.args)
            if node.op in ("input", "const"):
                made[number] = graph._intern(node)
            else:
                new = build(graph, number, node, args)
                if new is None:
                    made[number] = graph.rebuild(node, args)
                else:
                    made[number] = new
        return graph.program(
            {key: made[number] for key, number in self.outputs.items()}, self.statements
        )

    def only(self, keys: Iterable[Key]) -> Program:
        """Return the part that computes some of the outputs; the operations stay what they are."""
        graph = Graph()
        outputs = graph.inline(self, graph.input)
        return graph.program({key: outputs[key] for key in keys})


def demand_order(
    nodes: Sequence[Node], wanted: Iterable[int], known: Iterable[int] = ()
) -> list[int]:
    """Return all nodes that ``wanted`` need beyond ``known``, arguments before users."""
    order: list[int] = []
    seen = set(known)
    for root in wanted:
        stack = [(root, False)]
        while stack:
            number, ready = stack.pop()
            if ready:
                order.append(number)
            elif number not in seen:
                seen.add(number)
                stack.append((number, True))
                stack.extend(
                    (arg, False) for arg in reversed(nodes[number].args) if arg not in seen
                )
    return order
