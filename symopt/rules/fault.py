"""Which operation of a rule's equations left the finite numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symopt.compiler.runtime.interpreter import evaluate
from symopt.diagnosis.domain import describe_failure
from symopt.ir.keys import (
    BasePoint,
    CostValue,
    Direction,
    Given,
    Gradient,
    Hyper,
    Key,
    NewState,
    Normal,
    OldState,
    Place,
    Point,
    TypedKey,
)
from symopt.ir.program import Program

LONGEST = 90  # letters of an expression that is shown
SUMS = {"add": " + ", "sub": " - "}
STEMS: dict[type[TypedKey], str] = {Gradient: "g", CostValue: "J", Normal: "xi"}


def fault(program: Program, key: Key, inputs: Mapping[Key, float]) -> str:
    """Return where an output that is not finite comes from, in words.

    Examples
    --------
    >>> from symopt import adagrad
    >>> known = {"theta": 1.0, OldState("s"): 0.0, Gradient(0): 0.0}
    >>> known |= {Hyper("eta"): 0.1, Hyper("epsilon"): 0.0}
    >>> fault(adagrad.update.program, NewState("theta"), known)
    "0 divided by 0 in g*eta/sqrt(s' + epsilon), for the next theta"
    """
    others = [
        other
        for other in program.outputs
        if isinstance(other, NewState) and _ready(program, other, inputs)
    ]
    whole = program.only([key, *others])
    values = evaluate(
        Program(whole.nodes, {("node", k): k for k in range(len(whole.nodes))}), inputs
    )
    numbers = [float(values["node", k]) for k in range(len(whole.nodes))]
    origin = _origin(whole, numbers, whole.outputs[key])
    node = whole.nodes[origin]
    if node.op == "input":
        return f"{_name(node.payload)} is {numbers[origin]:g}"
    given = [numbers[arg] for arg in node.args]
    shown = _Text(whole, key).of(origin)
    place = ""
    if len(shown) <= LONGEST:
        place = f" in {shown}"
    return f"{describe_failure(node.op, given, numbers[origin])}{place}, for {_equation(key)}"


def _ready(program: Program, key: Key, inputs: Mapping[Key, float]) -> bool:
    return set(program.only([key]).inputs) <= inputs.keys()


def _origin(program: Program, numbers: list[float], number: int) -> int:
    """Follow what is not finite to the node all of whose own arguments are."""
    while True:
        node = program.nodes[number]
        if node.op != "select":
            args = node.args
        else:
            args = (node.args[1 if numbers[node.args[0]] else 2],)
        bad = [arg for arg in args if not np.isfinite(numbers[arg])]
        worse = [arg for arg in bad if np.isnan(numbers[arg])]
        if not bad or (np.isnan(numbers[number]) and not worse and len(args) > 1):
            return number
        number = (worse or bad)[0]


def _equation(key: Key) -> str:
    if isinstance(key, NewState):
        return f"the next {key.which}"
    if isinstance(key, Point):
        return "the point of a gradient"
    if isinstance(key, Place):
        return "the point of a value"
    if isinstance(key, BasePoint):
        return "the point of a Hessian times a vector"
    if isinstance(key, Direction):
        return "the vector that a Hessian is multiplied by"
    return "a sum over all"


def _name(key: Any) -> str:
    """Return what an input is called: a hyperparameter or state by its name, the gradient g."""
    if isinstance(key, str):
        return key
    if isinstance(key, Hyper | OldState | Given):
        return str(key.which)
    stem = STEMS.get(type(key), key.kind)
    return f"{stem}{key.which or ''}"


class _Text:
    """A program as text, with a prime for the next value of a state."""

    def __init__(self, program: Program, key: Key) -> None:
        self.program = program
        self.named = {
            number: f"{out[1]}'"
            for out, number in program.outputs.items()
            if out != key and isinstance(out, NewState)
        }
        self.left = 4 * LONGEST  # nodes that are looked at

    def of(self, number: int, inside: bool = False) -> str:
        """Return the text of a node, in brackets where it is a sum inside a product."""
        node = self.program.nodes[number]
        self.left -= 1
        if number in self.named or node.op in ("input", "const") or self.left < 0:
            return self._leaf(number)
        if node.op in (*SUMS, "fma"):
            text = self._sum(node.op, node.args)
            if inside:
                return f"({text})"
            return text
        if node.op in ("mul", "div"):
            return ("*" if node.op == "mul" else "/").join(
                self.of(arg, inside=True) for arg in node.args
            )
        if node.op == "neg":
            return f"-{self.of(node.args[0], inside=True)}"
        return f"{node.op}({', '.join(map(self.of, node.args))})"

    def _sum(self, op: str, args: tuple[int, ...]) -> str:
        if op == "fma":
            a, b = (self.of(arg, inside=True) for arg in args[:2])
            return f"{a}*{b} + {self.of(args[2])}"
        return f"{self.of(args[0])}{SUMS[op]}{self.of(args[1], inside=op == 'sub')}"

    def _leaf(self, number: int) -> str:
        node = self.program.nodes[number]
        if number in self.named:
            return self.named[number]
        if node.op == "input":
            return _name(node.payload)
        if node.op == "const":
            return f"{node.payload:g}"
        return "..."
