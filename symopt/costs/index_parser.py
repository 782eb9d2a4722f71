"""Sums in text: what each name is, and the whole numbers in indices and bounds.

A name is one thing in a whole text: an array (``x[i]``), the index of sums, a size (a name in their
bounds) or a plain number. Indices and bounds are sums of whole multiples of names, as 2*i + n - 1.
"""

from __future__ import annotations

import ast
import itertools
import math
import re
from typing import Any

import sympy as sp

from symopt.errors import ParseError

SUMMED = {"sum": sp.Sum, "prod": sp.Product}
SUMS, PRODUCTS, POWERS = (ast.Add, ast.Sub), (ast.Mult, ast.Div), (ast.Pow, ast.BitXor)
DEEPEST = 100  # nested operations; a sum or a product of any length is one
LARGEST_INTEGER = 10**9  # in an index or a bound
LARGEST_POWER = 100
MOST_INDICES = 2
EXPECTED = "expected whole multiples of names and a whole number, as in 2*i + n - 1"
UNBRACKETED = ("sinh", "cosh", "tanh", "sin", "cos", "tan", "exp", "log", "ln", "sqrt", "abs")
JOINED = re.compile(r"(?:[^\W\d_]_\d+){2,}")
LIKELY = frozenset("xyz")  # arguments of functions, though they stand nowhere else
KINDS = {
    "index": "the index of a sum",
    "size": "a size, in the bounds of a sum,",
    "value": "a name without indices",
}

Scope = frozenset[str]  # the indices of the sums around a place
Whole = dict[str, int]  # the factor of each name, and the constant at ""


class Names:
    """The names of a text and their uses, noted while it is walked from the outside."""

    def __init__(
        self, root: ast.expr, reserved: frozenset[str], declared: frozenset[str] = frozenset()
    ) -> None:
        self.has_sums = any(sum_name(node) for node in ast.walk(root))
        if self.has_sums:
            self.reserved = reserved | SUMMED.keys()
        else:
            self.reserved = reserved
        self.declared = declared  # the parameters that a user names
        self.seen: dict[str, dict[str, ast.expr]] = {}  # where each name was first met as what
        self.ranks: dict[str, int] = {}  # how many indices each array has
        self.read: dict[
            int, tuple[str, list[sp.Expr]]
        ] = {}  # array and indices, or index and bounds, by a node's id

    def meet(self, node: ast.expr, scope: Scope, depth: int) -> Scope:
        """Note the names of a node, and return the indices that its children see."""
        match node:
            case ast.Name(id=name) if name not in scope and name not in self.reserved:
                self._note(name, "value", node)
            case ast.Subscript():
                self._meet_entry(node, scope, depth)
            case ast.Call() if sum_name(node):
                return scope | {self._meet_sum(node, scope, depth)}
        return scope

    def _meet_entry(self, node: ast.Subscript, scope: Scope, depth: int) -> None:
        if isinstance(node.slice, ast.Tuple):
            indices = node.slice.elts
        else:
            indices = [node.slice]
        if not isinstance(node.value, ast.Name) or not 1 <= len(indices) <= MOST_INDICES:
            raise ParseError(
                f"{quote(node)!r}: expected a name with one index or two, as x[i] or W[k, j]"
            )
        name = self._check_name(node.value.id, "an array", node)
        self._note(name, "array", node)
        if self.ranks.setdefault(name, len(indices)) != len(indices):
            raise ParseError(
                f"{name} has {self.ranks[name]} index(es) in {quote(self.seen[name]['array'])!r} "
                f"and {len(indices)} in "
                f"{quote(node)!r}; expected the same number everywhere"
            )
        self._meet_integers(node, name, indices, kind="offset", scope=scope, depth=depth)

    def _meet_sum(self, node: ast.Call, scope: Scope, depth: int) -> str:
        word, example = sum_name(node), f"{sum_name(node)}(x[i]^2, i, 0, n-1)"
        if len(node.args) != 4:
            raise ParseError(
                f"{word} takes 4 arguments, not {len(node.args)}: a term, its index, the first and "
                "the last value of "
                f"the index, as in {example}"
            )
        if not isinstance(node.args[1], ast.Name):
            raise ParseError(
                f"{word}: the index {quote(node.args[1])!r} is not a plain name, such as i in "
                f"{example}"
            )
        name = self._check_name(node.args[1].id, "an index", node)
        if name in scope:
            raise ParseError(
                f"{quote(node)!r} is inside another sum or product over {name}; expected another "
                "name for each, "
                "as in sum(sum(a[i, j], j, 0, n-1), i, 0, n-1)"
            )
        self._note(name, "index", node)
        bounds = node.args[2:]
        self._meet_integers(node, name, bounds, kind="size", scope=scope, depth=depth)
        return name

    def _meet_integers(
        self,
        node: ast.expr,
        head: str,
        parts: list[ast.expr],
        *,
        kind: str,
        scope: Scope,
        depth: int,
    ) -> None:
        read = [whole(part, DEEPEST - depth - 1) for part in parts]
        for name in itertools.chain.from_iterable(read):
            if name and name not in scope:
                self._note(self._check_name(name, "a size", node), kind, node)
        self.read[id(node)] = head, [affine(one) for one in read]

    def _check_name(self, name: str, role: str, node: ast.expr) -> str:
        if name in self.reserved or name.startswith("__"):
            raise ParseError(
                f"{name!r} is not allowed as the name of {role}, in {quote(node)!r}; choose "
                "another name"
            )
        return name

    def _note(self, name: str, kind: str, node: ast.expr) -> None:
        self.seen.setdefault(name, {}).setdefault(kind, node)

    def settle(self) -> None:
        """Refuse a name that is two things, or unknown in an index.

        Raises
        ------
        ParseError
            With the place where the name stands.
        """
        for name, places in self.seen.items():
            other = next((KINDS[kind] for kind in ("index", "size", "value") if kind in places), "")
            if "array" in places and other:
                raise ParseError(
                    f"{name} is an array in {quote(places['array'])!r} and {other} too; give one "
                    "of them another name"
                )
            if "index" in places and len(places) > 1:
                raise ParseError(
                    f"{name} is the index of {quote(places['index'])!r} and stands outside it too; "
                    "expected an "
                    "index in its own sum or product only: give one of them another name"
                )
            if "offset" in places and "size" not in places:
                raise ParseError(
                    f"{name} in {quote(places['offset'])!r} is neither the index of a sum around "
                    "it nor a size; sizes "
                    "are names in the bounds of sums, here "
                    f"{', '.join(self._all('size')) or 'none'}"
                )
        self._refuse_written_indices()
        self._refuse_joined_names()

    def _refuse_written_indices(self) -> None:
        """Refuse x_i in a sum over i: it would be a name of its own."""
        for name in self._all("value"):
            word, _, index = name.rpartition("_")
            if word and name not in self.declared and "index" in self.seen.get(index, {}):
                raise ParseError(
                    f"{name} is a name of its own, though {index} is the index of a sum; write "
                    f"{word}[{index}], or rename one of them"
                )

    def _refuse_joined_names(self) -> None:
        """Refuse xy beside x and y, and sinx beside x: each would be a name of its own."""
        plain = set(self._all("value"))
        for name in sorted(plain - self.declared):
            function = next((one for one in UNBRACKETED if name.startswith(one)), "")
            meant = ""
            if function and name[len(function) :] in plain | LIKELY:
                meant = f"{function}({name[len(function) :]})"
            elif name.isalpha() and 2 <= len(name) <= 3 and set(name) <= plain:
                meant = "*".join(name)
            elif JOINED.fullmatch(name):
                meant = "*".join(re.findall(r"[^\W\d_]_\d+", name))
            if meant:
                raise ParseError(
                    f"{name} is a name of its own; write {meant} if that is meant, or list it as "
                    f"in so.parse(text, params='{name}, ...')"
                )

    def refuse_called_name(self, name: str, known: bool) -> None:
        """Refuse the name of a function that is a name of a number too.

        Raises
        ------
        ParseError
            With both ways to write it.
        """
        if known and (name in self.declared or "value" in self.seen.get(name, {})):
            raise ParseError(
                f"{name} is a function in {name}(...) and a name elsewhere; write {name}*(...) for "
                "a product, or rename the one that is no function"
            )

    def _all(self, kind: str) -> list[str]:
        return sorted(name for name, places in self.seen.items() if kind in places)

    def symbol(self, name: str) -> sp.Symbol:
        """Return the symbol of a name: whole for an index or a size, else real."""
        if self.seen[name].keys() & {"index", "size"}:
            return integer(name)
        return sp.Symbol(name, real=True)

    @property
    def parameters(self) -> list[Any]:
        """The arrays, and the names that are neither index nor size, sorted by name."""
        names = sorted({*self._all("array"), *self._all("value")} - {*self._all("size")})
        return [sp.IndexedBase(name) if name in self.ranks else self.symbol(name) for name in names]

    def entry(self, node: ast.Subscript) -> sp.Expr:
        """Return the entry of an array."""
        name, indices = self.read[id(node)]
        return sp.Indexed(sp.IndexedBase(name), *indices)

    def total(self, node: ast.Call, term: sp.Expr) -> sp.Expr:
        """Return a sum or a product of a term, which stays as it is."""
        name, bounds = self.read[id(node)]
        self._refuse_index_in_a_name(term, name)
        return SUMMED[sum_name(node)](term, (integer(name), *bounds))

    def _refuse_index_in_a_name(self, term: sp.Expr, index: str) -> None:
        """Refuse xi in a sum over i that holds no other i."""
        names = {symbol.name for symbol in term.atoms(sp.Symbol)}
        close = sorted(
            name for name in names - {index} if name[1:] == index and name not in self.ranks
        )
        if close and index not in names:
            raise ParseError(
                f"the sum over {index} holds {close[0]} and no {index}; write "
                f"{close[0][0]}[{index}] for an entry of {close[0][0]}"
            )


def sum_name(node: ast.AST) -> str:
    """Return ``sum`` or ``prod`` if a node is a call of it, else nothing."""
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in SUMMED:
            return name
    return ""


def integer(name: str) -> sp.Symbol:
    """Return the symbol of an index or a size."""
    return sp.Symbol(name, integer=True)


def affine(one: Whole) -> sp.Expr:
    """Return a whole number in SymPy's own form."""
    return sp.Add(
        *(factor * integer(name) if name else sp.Integer(factor) for name, factor in one.items())
    )


def whole(node: ast.expr, levels: int) -> Whole:
    """Read an index or a bound, nested so many levels deep at most."""
    if levels < 0:
        raise ParseError(f"operations are nested more than {DEEPEST} deep")
    result = {name: factor for name, factor in _whole(node, levels - 1).items() if factor}
    if any(abs(factor) >= LARGEST_INTEGER for factor in result.values()):
        raise ParseError(
            f"{quote(node)!r}: whole numbers in an index or a bound must be below 10^9"
        )
    return result


def _whole(node: ast.expr, levels: int) -> Whole:
    match node:
        case ast.Constant(value=int(value)) if not isinstance(value, bool):
            return {"": value}
        case ast.Name(id=name):
            return {name: 1}
        case ast.UnaryOp(op=ast.UAdd() | ast.USub() as op, operand=operand):
            return _add_wholes([(whole(operand, levels), isinstance(op, ast.USub))])
        case ast.BinOp(op=op) if isinstance(op, SUMS):
            return _add_wholes([(whole(term, levels), minus) for term, minus in chain(node, SUMS)])
        case ast.BinOp(op=op) if isinstance(op, PRODUCTS):
            return _multiply_wholes(node, levels)
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, POWERS):
            return _raise_whole(node, whole(left, levels), whole(right, levels))
        case ast.Constant():
            raise ParseError(
                f"{quote(node)!r} in an index or a bound is not a whole number, which has no point "
                "or e"
            )
    raise ParseError(f"{quote(node)!r} cannot stand in an index or a bound; {EXPECTED}")


def _add_wholes(terms: list[tuple[Whole, bool]]) -> Whole:
    result: Whole = {}
    for term, minus in terms:
        for name, factor in term.items():
            result[name] = result.get(name, 0) + (-factor if minus else factor)
    return result


def _multiply_wholes(node: ast.expr, levels: int) -> Whole:
    number, names = 1, None
    for part, below in chain(node, PRODUCTS):
        factor = whole(part, levels)
        if below:
            raise ParseError(
                f"{quote(node)!r} divides in an index or a bound, which may not be whole; "
                f"{EXPECTED}"
            )
        if factor.keys() <= {""}:
            number *= factor.get("", 0)
        elif names is None:
            names = factor
        else:
            raise ParseError(f"{quote(node)!r} multiplies names in an index or a bound; {EXPECTED}")
        if abs(number) >= LARGEST_INTEGER:
            raise ParseError(
                f"{quote(node)!r}: whole numbers in an index or a bound must be below 10^9"
            )
    return {name: number * factor for name, factor in (names or {"": 1}).items()}


def _raise_whole(node: ast.expr, base: Whole, exponent: Whole) -> Whole:
    power = exponent.get("", 0)
    if not base.keys() | exponent.keys() <= {""} or not 0 <= power <= LARGEST_POWER:
        raise ParseError(
            f"the power {quote(node)!r} cannot stand in an index or a bound; {EXPECTED}"
        )
    return {"": math.prod([base.get("", 0)] * power)}


def chain(node: ast.expr, kinds: tuple[type[ast.operator], ...]) -> list[tuple[ast.expr, bool]]:
    """Return the terms of a sum, or factors of a product, and which are inverted."""
    parts: list[tuple[ast.expr, bool]] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, kinds):
        parts.append((node.right, isinstance(node.op, kinds[1])))
        node = node.left
    return [(node, False), *reversed(parts)]


def quote(node: ast.expr) -> str:
    """Return the beginning of what a node was written as."""
    return write_source(node).replace("**", "^")[:60]


def write_source(node: ast.expr) -> str:
    """Write a node as text; name its kind where it is too deep or long."""
    try:
        return ast.unparse(node)
    except (RecursionError, ValueError):
        return type(node).__name__
