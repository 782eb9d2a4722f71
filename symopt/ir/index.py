"""Indices of arrays in sums: affine integer expressions in loop variables, sizes and integer data.

An index such as ``2*i + n - 1`` is a constant and terms of an atom and its factor. An atom is a
:class:`Loop` (the variable of a sum), a :class:`Size` (known when a kernel runs) or a
:class:`Ref` (an entry of integer data, as in ``theta[c[k]]``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import NamedTuple, Union


class Size(NamedTuple):
    """The number that a symbol such as n stands for when a kernel runs."""

    size: str

    def __str__(self) -> str:
        return self.size


class IndirectIndex(NamedTuple):
    """An entry of an integer array."""

    array: tuple[str, str]
    at: tuple[Affine, ...]

    def __str__(self) -> str:
        return f"{self.array[1]}[{', '.join(map(str, self.at))}]"


class Affine(NamedTuple):
    """const + sum of factor*atom, the terms in a fixed order."""

    const: int
    terms: tuple[tuple[Atom, int], ...] = ()

    def __str__(self) -> str:
        """Return the index as it is written in mathematics.

        >>> str(plus(times(variable(Size("n")), 2), constant(-1)))
        '2*n - 1'
        """
        text = ""
        for atom, factor in self.terms:
            text += _signed(factor, _variable_name(atom), bool(text))
        if self.const or not text:
            text += _signed(self.const, "", bool(text))
        return text


class Loop(NamedTuple):
    """A variable that runs from low to high, both included; an outer loop has the smaller order."""

    order: int
    name: str
    low: Affine
    high: Affine

    def __str__(self) -> str:
        return f"{_variable_name(self)} = {self.low} .. {self.high}"


Atom = Union[Loop, Size, IndirectIndex]  # noqa: UP007  a recursive alias is read at run time


def _variable_name(atom: Atom) -> str:
    """Return an atom by its name; a loop that was shifted is called after that, in brackets."""
    if not isinstance(atom, Loop):
        return str(atom)
    if atom.name.isidentifier():
        return atom.name
    return f"({atom.name})"


def _signed(factor: int, name: str, inside: bool) -> str:
    """Return a term with its sign, the first one without a plus."""
    size = abs(factor)
    if size == 1 and name:
        term = name
    else:
        term = f"{size}*{name}".rstrip("*")
    if inside:
        if factor < 0:
            return f" - {term}"
        return f" + {term}"
    if factor < 0:
        return f"-{term}"
    return term


def constant(value: int) -> Affine:
    """Return a whole number as an index."""
    return Affine(value)


def variable(atom: Atom) -> Affine:
    """Return an atom as an index."""
    return Affine(0, ((atom, 1),))


def plus(one: Affine, other: Affine, factor: int = 1) -> Affine:
    """Return one + factor*other."""
    factors = dict(one.terms)
    for atom, k in other.terms:
        factors[atom] = factors.get(atom, 0) + factor * k
    terms = sorted(((atom, k) for atom, k in factors.items() if k), key=_place)
    return Affine(one.const + factor * other.const, tuple(terms))


def times(one: Affine, factor: int) -> Affine:
    """Return factor*one."""
    return plus(Affine(0), one, factor)


def _place(term: tuple[Atom, int]) -> tuple[int, str]:
    atom = term[0]
    kinds = (Loop, Size, IndirectIndex)
    return next(k for k, kind in enumerate(kinds) if isinstance(atom, kind)), repr(atom)


def length(loop: Loop) -> Affine:
    """Return high - low + 1, which is below 1 where a sum is empty."""
    return plus(plus(loop.high, loop.low, -1), Affine(1))


@cache
def loops_of(index: Affine) -> frozenset[Loop]:
    """Return the loops that an index needs: those in it, and those that their bounds need."""
    found: set[Loop] = set()
    for atom, _ in index.terms:
        if isinstance(atom, Loop):
            found |= {atom} | bounds_of(atom)
        elif isinstance(atom, IndirectIndex):
            found |= all_loops(atom.at)
    return frozenset(found)


def bounds_of(loop: Loop) -> frozenset[Loop]:
    """Return the loops that the bounds of a loop need."""
    return loops_of(loop.low) | loops_of(loop.high)


def all_loops(indices: Iterable[Affine]) -> frozenset[Loop]:
    """Return the loops that any of the indices needs."""
    return frozenset().union(*(loops_of(index) for index in indices))


def substitute(index: Affine, new: Mapping[Loop, Affine]) -> Affine:
    """Return an index with loop variables replaced, in the data that it looks up too."""
    result = Affine(index.const)
    for atom, factor in index.terms:
        if isinstance(atom, IndirectIndex):
            atom = IndirectIndex(atom.array, tuple(substitute(part, new) for part in atom.at))  # noqa: PLW2901
        if isinstance(atom, Loop):
            replacement = new.get(atom, variable(atom))
        else:
            replacement = variable(atom)
        result = plus(result, replacement, factor)
    return result


def evaluate_index(index: Affine, value: Callable[[Atom], int]) -> int:
    """Return the number that an index is."""
    return index.const + sum(factor * value(atom) for atom, factor in index.terms)


def extreme(index: Affine, side: int, value: Callable[[Atom, int], int]) -> int:
    """Return the least (-1) or greatest (1) value of an index over its loops.

    ``value(atom, side)`` gives the number of a size, and the extreme of an entry of integer data.
    A loop is replaced by one of its bounds, the innermost first, so that triangles are exact.
    """
    while inner := [atom for atom, _ in index.terms if isinstance(atom, Loop)]:
        deepest = max(inner, key=lambda loop: loop.order)
        factor = dict(index.terms)[deepest]
        index = substitute(index, {deepest: deepest.high if factor * side > 0 else deepest.low})
    return index.const + sum(
        factor * value(atom, side * (1 if factor > 0 else -1)) for atom, factor in index.terms
    )
