"""Refuses Python branches on traced values: they would be taken once, at trace time.

A rule is called once, with symbols. ``if m > 0`` raises an error then, but ``t == 1`` is just False
and ``if m`` just True, so that one branch would be taken for ever.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from symopt.errors import RuleError
from symopt.rules.source_lines import line_of, parse_source

EQUAL = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)
INSTEAD = (
    "it is decided once, on symbols; use sp.Piecewise((a, sp.Eq(t, 1)), (b, True)) or sp.Max, "
    "sp.Min; a whole number that chooses among equations is an int among the arguments, as "
    "k: int = 2"
)


def check_tests(function: Callable[..., Any], symbols: Iterable[str], name: str) -> None:
    """Refuse a function that compares symbols by == or in, or asks whether one is true.

    Parameters
    ----------
    function
        The rule's; without its source nothing is found.
    symbols
        Its arguments that are symbols, or give them.
    name
        The rule, for the message.

    Raises
    ------
    RuleError
        With the line concerned.
    """
    tree, lines, first = parse_source(function)
    if tree is None:
        return
    known = symbolic_names(tree, set(symbols))
    for node in ast.walk(tree):
        for test in _tests(node):
            if _asks(test, known):
                words = ast.unparse(test)
                raise RuleError(
                    f"rule {name}{line_of(lines, first, test.lineno)}: {words} holds symbols, so "
                    f"that {INSTEAD}"
                )


def symbolic_names(tree: ast.AST, known: set[str]) -> set[str]:
    """Return the names that symbols reach by assignment."""
    assigned = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign)
    ]
    while True:
        found = set(known)
        for node in assigned:
            if node.value is not None and names_in(node.value) & found:
                if isinstance(node, ast.Assign):
                    targets = node.targets
                else:
                    targets = [node.target]
                found |= {name for target in targets for name in names_in(target)}
        if found == known:
            return known
        known = found


def names_in(node: ast.AST) -> set[str]:
    """Return the names that stand in a part of a function."""
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _tests(node: ast.AST) -> Iterator[ast.expr]:
    """Give what a node asks the truth of, and what it compares."""
    if isinstance(node, ast.If | ast.IfExp | ast.While | ast.Assert):
        yield node.test
    elif isinstance(node, ast.BoolOp):
        yield from node.values[:-1]
    elif isinstance(node, ast.comprehension):
        yield from node.ifs
    elif isinstance(node, ast.Compare):
        yield node


def _asks(test: ast.expr, known: set[str]) -> bool:
    """Return whether a test is about symbols, and would be decided without an error."""
    if isinstance(test, ast.BoolOp):
        return any(_asks(part, known) for part in test.values)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return _asks(test.operand, known)
    if isinstance(test, ast.Compare):
        equal = any(isinstance(operator, EQUAL) for operator in test.ops)
        return equal and bool(names_in(test) & known)
    return isinstance(test, ast.Name | ast.BinOp) and bool(names_in(test) & known)
