"""Finds the first operation whose value is not finite though its arguments are.

A program is worked out in pairs: a double, and the operation that it lost the finite numbers in.
What is computed from such a value passes the operation on, so that branches that are not taken, and
infinities that a later operation makes finite, name nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from symopt.diagnosis.domain import cure, describe_failure
from symopt.diagnosis.interpreter import Interpreter
from symopt.diagnosis.looks import Run, bare, text_of
from symopt.diagnosis.precisely import in_doubles
from symopt.ir.index import Loop
from symopt.ir.keys import Key
from symopt.ir.program import Node, Program

MOST_OPERATIONS = 100_000  # that are looked at: two seconds
QUICK: dict[str, Callable[..., Any]] = {
    "fma": lambda a, b, c: a * b + c,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "pow": np.power,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
}
"""Operations finite where compiled ones are, with other bits: a hundred times as fast."""
LONGEST, SHORT = 90, 30  # letters of an expression that is shown, and of one that is shown again


@dataclass
class Origin:
    """The first operation that gave no finite number.

    Attributes
    ----------
    op
        What it is called.
    args, value
        The values of its arguments, and its own.
    number
        Its node; None until it is known.
    place
        Where the loops around it stand.
    """

    op: str
    args: tuple[float, ...]
    value: float
    number: int | None = None
    place: Mapping[Loop, int] = field(default_factory=dict)


class Traced(NamedTuple):
    """A value, and where it lost the finite numbers."""

    value: Any
    origin: Origin | None = None


class TooLongError(Exception):
    """A program takes more operations than are looked at."""


def why(
    program: Program, wanted: Callable[[Interpreter], Any], run: Run, names: Mapping[Key, str]
) -> str:
    """Return which operation left the finite numbers, at which argument, and the cure.

    Parameters
    ----------
    program
        What is worked out.
    wanted
        Returns the value from the interpreter.
    run
        Makes the interpreter.
    names
        What inputs are called.

    Returns
    -------
    str
        Empty where the value is finite, or where that takes too long to find out.
    """
    count = 0

    def watch(number: int, args: list[Any], traced: Any, place: Mapping[Loop, int]) -> None:  # noqa: ARG001
        nonlocal count
        count += 1
        if count > MOST_OPERATIONS:
            raise TooLongError
        if traced.origin is not None and traced.origin.number is None:
            traced.origin.number, traced.origin.place = number, dict(place)

    interpreter = run(program, operation, watch)
    try:
        origin = wanted(interpreter).origin
    except TooLongError:
        return ""
    if origin is None:
        return ""
    return _sentence(origin, interpreter.nodes, names)


def operation(node: Node, args: list[Traced]) -> Traced:
    """Return the value of a node in doubles, or the origin of what is not finite."""
    values = [arg.value for arg in args]
    with np.errstate(all="ignore"):
        if node.op in QUICK:
            value = QUICK[node.op](*values)
        else:
            value = in_doubles(node, values)
    if node.op == "const" or isinstance(value, bool | np.bool_) or np.isfinite(value):
        return Traced(value)
    used = args
    if node.op == "select":
        condition, yes, no = args
        used = [no]
        if condition.value:
            used = [yes]
    lost = sorted(
        (arg for arg in used if arg.origin is not None), key=lambda arg: not np.isnan(arg.value)
    )
    if lost:
        return Traced(value, lost[0].origin)
    given = tuple(float(arg.value) for arg in args)
    if not np.isfinite(given).all():
        return Traced(value)
    return Traced(value, Origin(node.op, given, float(value)))


def _sentence(origin: Origin, nodes: list[Node], names: Mapping[Key, str]) -> str:
    assert origin.number is not None
    text = bare(text_of(nodes, origin.number, names))
    words = describe_failure(origin.op, origin.args, origin.value)
    if len(text) <= LONGEST:
        words += f", in {text}"
    if origin.place:
        stands = ", ".join(f"{loop.name} = {k}" for loop, k in sorted(origin.place.items()))
        words += f", in the term {stands}"
    return f"{words}; {_cure(origin, nodes, names)}"


def _cure(origin: Origin, nodes: list[Node], names: Mapping[Key, str]) -> str:
    own = nodes[origin.number or 0].args
    given = list("uvw")
    if len(own) == len(origin.args):  # else a sum over a loop, and this one of its additions
        texts = [bare(text_of(nodes, arg, names)) for arg in own]
        given[: len(texts)] = map(_shorter, texts, given)
    return cure(origin.op, origin.args, given)


def _shorter(text: str, letter: str) -> str:
    """Keep a short text; a letter stands for a long one."""
    if len(text) <= SHORT:
        return text
    return letter
