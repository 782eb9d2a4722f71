"""Refuses NumPy's sums and products of vectors: a rule is written for one coordinate."""

from __future__ import annotations

import ast
import types
from collections.abc import Callable, Collection
from itertools import chain
from typing import Any

import numpy as np

from symopt.errors import RuleError
from symopt.rules.control_flow import names_in, symbolic_names
from symopt.rules.frozen_values import called_values, outside_names
from symopt.rules.source_lines import line_of, parse_source

INSTEAD = {
    "dot(u, v)": (np.dot, np.vdot, np.inner, np.matmul, np.tensordot, np.einsum),
    "dot(u, 1)": (np.sum, np.nansum),
    "mean(u)": (np.mean, np.average, np.nanmean),
    "norm(u)": (np.linalg.norm,),
    "norm, dot and mean": (np.max, np.min, np.prod, np.std, np.var, np.median, np.outer),
}
"""What takes all coordinates together, by what would only see one."""
LISTS = (ast.List, ast.Tuple, ast.ListComp, ast.GeneratorExp)
"""Of these NumPy sees the entries, each of one coordinate."""


def check_sums(
    function: Callable[..., Any],
    symbols: Collection[str],
    rule: str,
    lists: Collection[str] = (),
) -> None:
    """Refuse a function that has NumPy sum or multiply what is one coordinate; lists it may sum.

    Raises
    ------
    RuleError
        With the line concerned, and what to ask for instead.
    """
    names = outside_names(function)
    if not any(_is_numpy(value) for value in names.values()):
        return
    tree, lines, first = parse_source(function)
    if tree is None:
        return
    known, lists = symbolic_names(tree, set(symbols)), {*lists, *_list_names(tree)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not _takes(node, known, lists):
            continue
        *_, called = (None, *called_values(node.func, names))
        instead = next((use for use, those in INSTEAD.items() if _is_among(called, those)), None)
        if instead:
            raise RuleError(
                f"rule {rule}{line_of(lines, first, node.lineno)}: {ast.unparse(node)} sees one "
                f"coordinate, for which the rule is written; expected {instead}, which is filled "
                "in when asked for by keyword"
            )


def _is_numpy(value: Any) -> bool:
    where = getattr(value, "__module__", "")
    if isinstance(value, types.ModuleType):
        where = value.__name__
    return str(where).startswith("numpy")


def _is_among(value: Any, functions: tuple[Any, ...]) -> bool:
    return any(value is function for function in functions)


def _takes(call: ast.Call, known: set[str], lists: set[str]) -> bool:
    """Return whether a call takes a symbol, and no list of them."""
    given = [argument for argument in call.args if not _is_list(argument, lists)]
    return any(names_in(argument) & known for argument in given)


def _is_list(node: ast.expr, lists: set[str]) -> bool:
    return isinstance(node, LISTS) or (isinstance(node, ast.Name) and node.id in lists)


def _list_names(tree: ast.AST) -> set[str]:
    """Return the names that lists are given."""
    lists = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, LISTS)
    )
    targets = chain.from_iterable(node.targets for node in lists)
    return {target.id for target in targets if isinstance(target, ast.Name)}
