"""Sums, choices and entries as other languages write them, brought into one form in the tree.

A sum is sum(term, i, first, last), one for each index, the first one innermost; a choice is
if(condition, a, b); an entry is W[k, j].
"""

from __future__ import annotations

import ast

from symopt.errors import ParseError

WORDS = {"sum": "sum", "prod": "prod", "product": "prod"}
"""Names of sums and products, in small letters or others."""


def usual_forms(root: ast.expr) -> None:
    """Rewrite, in place, several indices in a sum, ``range(n)``, ``Piecewise`` and W[k][j]."""
    for node in ast.walk(root):
        match node:
            case ast.Call(func=ast.Name(id=word), args=[term, *rest], keywords=[]) if (
                word.lower() in WORDS
            ):
                node.func = ast.Name(WORDS[word.lower()])
                node.args = _nested(node, [term, *_bounds(rest)])
            case ast.Call(func=ast.Name(id="Piecewise" | "piecewise"), args=pairs, keywords=[]):
                node.args = _choice(pairs)
                node.func = ast.Name("if")
            case ast.Subscript(value=ast.Subscript(value=ast.Name() as array, slice=first)):
                node.value, node.slice = array, ast.Tuple([first, node.slice])


def _bounds(parts: list[ast.expr]) -> list[ast.expr]:
    """Return indices and bounds in a row."""
    found: list[ast.expr] = []
    for part in parts:
        match part:
            case ast.Tuple(elts=elements) | ast.Set(elts=elements) if len(elements) == 3:
                found += elements
            case ast.Call(func=ast.Name(id="range"), args=[last], keywords=[]):
                found += [ast.Constant(0), _before(last)]
            case ast.Call(func=ast.Name(id="range"), args=[first, last], keywords=[]):
                found += [first, _before(last)]
            case ast.Call(func=ast.Name(id="range")):
                raise ParseError(
                    "range with a step is not read; write the step in the indices, as in "
                    "sum(x[2*i], i, 0, n-1)"
                )
            case _:
                found.append(part)
    return found


def _before(last: ast.expr) -> ast.expr:
    return ast.BinOp(last, ast.Sub(), ast.Constant(1))


def _nested(node: ast.Call, parts: list[ast.expr]) -> list[ast.expr]:
    """Return the arguments of the outermost of several sums, with the others in its term."""
    term, *bounds = parts
    while len(bounds) > 3 and len(bounds) % 3 == 0:
        term, bounds = ast.Call(node.func, [term, *bounds[:3]], []), bounds[3:]
    return [term, *bounds]


def _choice(pairs: list[ast.expr]) -> list[ast.expr]:
    """Return the arguments of a choice by pairs of a value and a condition, the last one True."""
    if not pairs:
        raise _no_pairs()
    *others, last = map(_pair, pairs)
    match last:
        case (ast.expr() as otherwise, ast.Constant(value=True)) if others:
            value, condition = others.pop(0)
            for other, holds in reversed(others):
                otherwise = ast.Call(ast.Name("if"), [holds, other, otherwise], [])
            return [condition, value, otherwise]
    raise _no_pairs()


def _pair(pair: ast.expr) -> tuple[ast.expr, ast.expr]:
    match pair:
        case ast.Tuple(elts=[value, condition]):
            return value, condition
    raise _no_pairs()


def _no_pairs() -> ParseError:
    return ParseError(
        "piecewise takes pairs of a value and a condition, the last one with True; write "
        "if(x > 0, a, b), and another if in place of b for more"
    )
