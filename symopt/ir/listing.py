"""Programs as text: three-address lines, one operation each, with the loops they stand in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from symopt.ir.index import Affine, Loop
from symopt.ir.ops import OPERATIONS

if TYPE_CHECKING:
    from symopt.ir.keys import Key
    from symopt.ir.program import Name, Node, Program, Statement

REDUCTIONS = {"sum": "sum", "prod": "product", "peak": "maximum"}
KINDS = {"x": "", "c": "", "data": "", "where": "", "given": "", "hyper": "", "g": "dJ/d"}
"""What stands before the name of an input or an array; other kinds stand there themselves."""


def listing(program: Program, name: Callable[[Key], str] | None = None) -> str:
    """Write a program line by line.

    Parameters
    ----------
    program
        What is written.
    name
        What inputs and outputs are called, by their keys; by default as :func:`key_text` has it.

    Examples
    --------
    >>> from symopt.ir.program import Graph
    >>> graph = Graph()
    >>> x, y = graph.input("x"), graph.input("y")
    >>> square = graph.op("mul", x, x)
    >>> print(listing(graph.program({"J": graph.op("add", square, graph.op("sin", y))})))
    v0 = x
    v1 = v0 * v0
    v2 = y
    v3 = sin(v2)
    v4 = v1 + v3
    J = v4
    """
    call = name or key_text
    numbers: dict[int, str] = {}
    lines: list[str] = []
    for number, node in enumerate(program.nodes):
        if node.op == "const":
            numbers[number] = f"{node.payload:.17g}"
            continue
        text = _operation(node, [numbers[arg] for arg in node.args], call)
        numbers[number] = f"v{len(lines)}"
        lines.append(f"{numbers[number]} = {text}")
    stored = {statement.key for statement in program.statements}
    for key, number in program.outputs.items():
        if key not in stored:
            lines.append(f"{call(key)} = {numbers[number]}")
    for statement in program.statements:
        value = numbers[program.outputs[statement.key]]
        lines.append(_statement(statement, value))
    return "\n".join(lines)


def key_text(key: Any) -> str:
    """Return what an input or output is called.

    >>> from symopt.ir.keys import Gradient, Key, OldState, Slope
    >>> key_text(OldState("m")), key_text(Gradient(0)), key_text(Slope(1)), key_text("t")
    ('state m', 'grad 0', 'dJ/dx1', 't')
    """
    if isinstance(key, str):
        return key
    kind, *rest = key
    if kind in ("x", "g") and isinstance(rest[0], int):
        return f"{KINDS[kind]}x{rest[0]}"
    before = KINDS.get(kind, f"{kind} ")
    return before + ", ".join(
        key_text(part) if isinstance(part, tuple) else str(part) for part in rest
    )


def _operation(node: Node, args: list[str], call: Callable[[Key], str]) -> str:
    if node.op == "input":
        return _input(node.payload, call)
    if node.op in REDUCTIONS:
        return f"{REDUCTIONS[node.op]} of {args[0]} over {node.payload}"
    if node.op == "others":
        return f"product of all {args[0]} but this one over {node.payload.loop}"  # type: ignore[union-attr]
    operation = OPERATIONS[node.op]
    if operation.symbol and operation.arity == 2:
        return f"{args[0]} {operation.symbol} {args[1]}"
    if operation.symbol:
        return f"{operation.symbol}{args[0]}"
    return f"{node.op}({', '.join(args)})"


def _input(key: Any, call: Callable[[Key], str]) -> str:
    """Return an entry of an array, an index as a number, or an input by its name."""
    if hasattr(key, "array"):
        inside = ""
        if key.near:
            inside = ", where that is"
        return _entry(key.array, key.at) + inside
    if hasattr(key, "value"):
        return str(key.value)
    return call(key)


def _entry(array: Name, at: tuple[Affine, ...]) -> str:
    kind, name = array
    before = KINDS.get(kind, f"{kind} ")
    if at:
        return f"{before}{name}[{', '.join(map(str, at))}]"
    return f"{before}{name}"


def _statement(statement: Statement, value: str) -> str:
    sign = {"define": "=", "add": "+="}.get(statement.kind, f"= ({statement.kind})")
    loops: tuple[Loop, ...] = statement.loops
    over = ""
    if loops:
        over = f"  for {', '.join(map(str, loops))}"
    return f"{_entry(statement.array, statement.at)} {sign} {value}{over}"
