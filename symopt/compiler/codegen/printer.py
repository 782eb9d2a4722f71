"""Prints nodes as statements, each in the outermost loop that it can stand in."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from symopt.compiler.library import catalogue
from symopt.ir.index import Loop
from symopt.ir.keys import Key
from symopt.ir.ops import ATOM, OPERATIONS, SUM, Operation
from symopt.ir.program import Graph, demand_order

CONSTANT, STEP, UNIFORM, LANE = 0, 1, 2, 3
"""Binding times: the whole run, the step, loops that all lanes share, the lane."""

HEADER = """from symopt.compiler.library.primitives import bitcast_to_float, bitcast_to_int, empty
from symopt.compiler.library.primitives import fabs, float64, floor, fma, sqrt, vector_range, view
from symopt.compiler.jit.machine import entry
from symopt.compiler.jit.llvm import body
"""
FOOTER = """
@entry("{kinds}", {name})
def kernel({arguments}):
    body({arguments})
"""
RENAMED = {"abs": "fabs"}
PRIMITIVES = {"fma", "sqrt", "fabs", "floor"}
LONGEST = 60
Text = tuple[str, int]
"""An expression, and how tightly it binds."""


class Printer:
    """Prints nodes into scopes.

    Parameters
    ----------
    graph
        The nodes.
    level
        When an input is known, by its key.
    leaf
        The text of an input, by its key.
    """

    def __init__(
        self, graph: Graph, level: Callable[[Key], int], leaf: Callable[[Key], str]
    ) -> None:
        self.graph, self.leaf = graph, leaf
        self.functions: set[str] = set()
        self.levels: list[int] = []
        self._input_level = level
        self._count = 0
        self.outer: dict[int, tuple[str, int]] = {}

    def fresh(self, letter: str) -> str:
        """Return a name that is not in use."""
        self._count += 1
        return f"{letter}{self._count - 1}"

    def level(self, number: int) -> int:
        """Return when a node is known."""
        for node in self.graph.nodes[len(self.levels) :]:
            if node.op == "input":
                self.levels.append(self._input_level(node.payload))  # type: ignore[arg-type]
            else:
                below = max((self.levels[arg] for arg in node.args), default=CONSTANT)
                self.levels.append(max(below, UNIFORM) if isinstance(node.payload, Loop) else below)
        return self.levels[number]

    def write(
        self, wanted: Iterable[int], scopes: Sequence[list[str]], known: dict[int, tuple[str, int]]
    ) -> list[str]:
        """Print what ``wanted`` needs and return the texts that stand for it.

        ``scopes`` are the lines of the constants, the step, the loops that all lanes share and the
        loop over lanes; ``known`` holds the texts of the loops around and is added to.
        """
        wanted = list(wanted)
        order = demand_order(self.graph.nodes, wanted, {*known, *self.outer})
        named = self._named(order, wanted)
        for number in order:
            level = self.level(number)
            text = self._text(number, known)
            texts = self.outer
            if level >= UNIFORM:
                texts = known
            # an input is read before anything is stored: its place may be overwritten on the way
            if number in named or len(text[0]) > LONGEST or "[" in text[0]:
                name = self.fresh("t")
                scopes[level].append(f"{name} = {text[0]}")
                text = (name, 4)
            texts[number] = text
        return [(known.get(number) or self.outer[number])[0] for number in wanted]

    def _named(self, order: list[int], wanted: list[int]) -> set[int]:
        """Return the operations that need a name: used twice, asked for, or in a deeper loop."""
        uses: dict[int, int] = dict.fromkeys(wanted, 1)
        named = set(wanted)
        for number in order:
            for arg in self.graph.nodes[number].args:
                uses[arg] = uses.get(arg, 0) + 1
                if uses[arg] > 1 or self.level(arg) < self.level(number):
                    named.add(arg)
        return {number for number in named if self.graph.nodes[number].args}

    def _text(self, number: int, known: dict[int, tuple[str, int]]) -> tuple[str, int]:
        """Return a node's expression and how tightly it binds."""
        node = self.graph.nodes[number]
        if node.op == "const":
            return literal(node.payload)  # type: ignore[arg-type]
        if node.op == "input":
            return self.leaf(node.payload), 4  # type: ignore[arg-type]
        args = [known.get(arg) or self.outer[arg] for arg in node.args]
        operation = OPERATIONS[node.op]
        if operation.symbol:
            return _infix(operation, args)
        if node.op == "select":
            return f"({args[1][0]} if {args[0][0]} else {args[2][0]})", ATOM
        name = RENAMED.get(node.op, node.op)
        if name not in PRIMITIVES:
            self.functions.add(name)
        return f"{name}({', '.join(arg[0] for arg in args)})", ATOM


def _infix(operation: Operation, args: Sequence[Text]) -> Text:
    """Return an operation that is written with its symbol, with brackets where they are needed."""
    sign, binds = operation.symbol, operation.binds
    if operation.arity == 1:
        return f"{sign}{_wrap(args[0], ATOM)}", binds
    if operation.truth:
        return f"({_wrap(args[0], SUM)} {sign} {_wrap(args[1], SUM)})", ATOM
    space = ""
    if binds == SUM:
        space = " "
    left, right = _wrap(args[0], binds), _wrap(args[1], binds + 1)
    return f"{left}{space}{sign}{space}{right}", binds


def literal(value: float) -> tuple[str, int]:
    """Return a number as text, and how tightly it binds."""
    if math.isnan(value):
        return "bitcast_to_float(9221120237041090560)", 4
    if math.isinf(value):
        return f"bitcast_to_float({9218868437227405312 if value > 0 else -4503599627370496})", 4
    return repr(value), 4 if math.copysign(1, value) > 0 else 3


def label(key: Key) -> str:
    """Return what a row, a cell or an integer is, for a comment; names are escaped."""
    if isinstance(key, str):
        parts = [key]
    else:
        parts = [label(part) if isinstance(part, tuple) else str(part) for part in key]
    return ascii(" ".join(parts))[1:-1]


def _wrap(part: tuple[str, int], strength: int) -> str:
    if part[1] >= strength:
        return part[0]
    return f"({part[0]})"


def indent(lines: Iterable[str], by: int = 1) -> list[str]:
    """Return the lines moved to the right."""
    return ["    " * by + line for line in lines]


def loop(
    index: str, high: int | str, body: list[str], low: int | str = 0, iterator: str = "range"
) -> list[str]:
    """Return a loop over ``body``."""
    return [f"for {index} in {iterator}({low}, {high}):", *indent(body)]


def function_source(name: str, arguments: Iterable[str], body: list[str]) -> str:
    """Return a function of the kernel language."""
    return "\n".join([f"def {name}({', '.join(arguments)}):", *indent(body)])


def module_source(
    name: str, body: list[str], functions: Iterable[str], parts: Iterable[str] = (), data: str = ""
) -> str:
    """Return the file of a kernel: the functions it calls, its own, and the compiled entry.

    ``parts`` are functions that ``body`` is divided into; ``data`` are the kinds of the arrays
    d0, d1, ... that it reads.
    """
    called = catalogue.source(sorted(functions))
    arguments = ["block", "plan", "out", *(f"d{k}" for k in range(len(data)))]
    own = function_source(name, arguments, body)
    footer = FOOTER.format(name=name, kinds=data, arguments=", ".join(arguments))
    return (
        "\n\n\n".join([HEADER.rstrip(), *([called.strip()] if called else []), *parts, own])
        + "\n\n"
        + footer
    )
