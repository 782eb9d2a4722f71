"""What a program meets at a point: kinks and singular places, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from symopt.diagnosis.interpreter import Interpreter
from symopt.diagnosis.precisely import in_doubles
from symopt.frontend.moving import Moving
from symopt.ir.index import Loop
from symopt.ir.keys import Key
from symopt.ir.program import Graph, IndexValue, Load, Node, Program

DEEPEST = 4  # operations within operations that are written in words
SIGNS = {
    "add": " + ",
    "sub": " - ",
    "mul": "*",
    "div": "/",
    "pow": "^",
    "lt": " < ",
    "le": " <= ",
    "eq": " = ",
    "ne": " != ",
}
Run = Callable[[Program, Any, Any], Interpreter]
"""An interpreter of a program at the point, by its arithmetic and who watches."""


TESTS: dict[str, tuple[Callable[..., bool], str]] = {
    "abs": (lambda u: u == 0, "a kink of |u| at u = 0"),
    "sign": (lambda u: u == 0, "the sign of 0, a jump"),
    "floor": (lambda u: u == np.floor(u), "a jump of floor"),
    "sqrt": (lambda u: u == 0, "the square root of 0: its slope is infinite, and counts as 0"),
    "log": (lambda u: u == 0, "the logarithm of 0"),
    "xlogx": (lambda u: u == 0, "u*log(u) at 0: its slope is infinite"),
    "log1p": (lambda u: u == -1, "the logarithm of 0"),
    "asin": (lambda u: abs(u) == 1, "asin at an end of its range: its slope is infinite"),
    "acos": (lambda u: abs(u) == 1, "acos at an end of its range: its slope is infinite"),
    "acosh": (lambda u: u == 1, "acosh at 1: its slope is infinite"),
    "atanh": (lambda u: abs(u) == 1, "atanh at an end of its range"),
    "div": (lambda _, v: v == 0, "a division by 0"),
    "pow": (lambda u, p: u == 0 and p < 1, "a power of 0 below 1: an infinite slope counts as 0"),
}
"""By operation: whether a place is special, and what it is called."""
TIES = ("lt", "le", "eq", "ne")


def special_places(program: Program, run: Run, names: Mapping[Key, str]) -> list[str]:
    """Return the kinks and singular places that the value of a cost meets, in words."""
    found: dict[str, None] = {}
    moving: set[int] = set()

    def text(number: int) -> str:
        return text_of(interpreter.nodes, number, names)

    def watch(number: int, args: list[Any], value: Any, place: Any) -> None:  # noqa: ARG001
        if number not in moving:
            return
        node = interpreter.nodes[number]
        if _is_tie(node, args):
            found.setdefault(f"a tie: both sides are {float(args[0]):.6g} in {text(number)}")
        elif node.op in TESTS and TESTS[node.op][0](*args):
            found.setdefault(f"{TESTS[node.op][1]}, in {text(number)}")

    interpreter = run(program, in_doubles, watch)
    moving |= _moving(interpreter.nodes)
    interpreter.output("J")
    return list(found)


def _is_tie(node: Node, args: list[Any]) -> bool:
    """Tell whether a comparison of two different nodes finds the same value on both sides."""
    return bool(node.op in TIES and node.args[0] != node.args[1] and args[0] == args[1])


def _moving(nodes: list[Node]) -> set[int]:
    """Return the nodes that depend on parameters."""
    graph = Graph()
    graph.nodes = nodes
    moving = Moving(graph)
    return {number for number in range(len(nodes)) if number in moving}


def text_of(nodes: list[Node], number: int, names: Mapping[Key, str], depth: int = DEEPEST) -> str:
    """Write a node as an expression of a few operations."""
    node = nodes[number]
    if node.op == "const":
        return f"{node.payload:.6g}"
    if node.op == "input":
        return _name(node.payload, names)
    if depth == 0:
        return "..."
    args = [text_of(nodes, arg, names, depth=depth - 1) for arg in node.args]
    if node.op == "add" and args[1].startswith("-"):
        return f"({args[0]} - {args[1][1:]})"
    if node.op in SIGNS:
        return f"({args[0]}{SIGNS[node.op]}{args[1]})"
    if node.op == "neg":
        return f"-{args[0]}"
    if node.op == "fma":
        return f"({args[0]}*{args[1]} + {args[2]})"
    inside = []
    if isinstance(node.payload, Loop):
        inside = [node.payload.name]
    return f"{node.op}({', '.join([*map(bare, args), *inside])})"


def bare(text: str) -> str:
    """Strip the brackets around all of an expression."""
    inside = text[1:-1]
    balanced = text.startswith("(") and all(
        inside[:k].count("(") >= inside[:k].count(")") for k in range(len(text))
    )
    if balanced:
        return inside
    return text


def _name(key: Any, names: Mapping[Key, str]) -> str:
    if isinstance(key, Load) and key.at:
        return f"{key.array[1]}[{', '.join(map(_index, key.at))}]"
    if isinstance(key, Load):
        return key.array[1]
    if isinstance(key, IndexValue):
        return _index(key.value)
    return names.get(key, str(key[1]))


def _index(index: Any) -> str:
    parts: list[str] = []
    for atom, factor in index.terms:
        name = str(getattr(atom, "name", atom[0]))
        if factor != 1:
            name = f"{factor}*{name}"
        parts.append(name)
    if index.const or not parts:
        parts.append(str(index.const))
    return " + ".join(parts)
