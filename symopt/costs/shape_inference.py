"""Infers the lengths of a cost's arrays from data, declared shapes and theta.

The largest index of an axis plus one is its length. Where a length is known, the size symbol in
that index follows from it; what contradicts is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from symopt.costs.sizes import LARGEST
from symopt.errors import CostError
from symopt.ir.elimination import KINDS
from symopt.ir.index import (
    Affine,
    Atom,
    IndirectIndex,
    Loop,
    Size,
    bounds_of,
    constant,
    extreme,
    loops_of,
    plus,
    substitute,
    variable,
)
from symopt.ir.program import Load, Name, Program, Statement


class Access(NamedTuple):
    """An axis of an array and an index that occurs in it.

    ``near`` says that it may lie outside, ``defines`` that the entry is computed there.
    """

    array: Name
    axis: int
    at: Affine
    near: bool
    defines: bool = False


def _atoms(indices: Iterable[Affine]) -> list[Atom]:
    """List what some indices are made of."""
    found: list[Atom] = []
    for index in indices:
        found += [atom for atom, _ in index.terms]
    return found


def sizes_in(indices: Iterable[Affine]) -> set[str]:
    """Name the sizes that stand in some indices."""
    return {atom.size for atom in _atoms(indices) if isinstance(atom, Size)}


def accesses_of(program: Program, declared: Mapping[Name, Sequence[Affine]]) -> list[Access]:
    """Return every index of every array, and the last ones that declared shapes state."""
    reads = [node.payload for node in program.nodes if isinstance(node.payload, Load)]
    found = dict.fromkeys(
        Access(r.array, axis, index, r.near) for r in reads for axis, index in enumerate(r.at)
    )
    found |= dict.fromkeys(
        Access(s.array, axis, index, s.near, True)
        for s in program.statements
        for axis, last in enumerate(s.at)
        for index in _ends(s, last)
    )
    for use in list(found):
        stack = [use.at]
        while stack:  # the look-ups in an index are uses too
            for atom, _ in stack.pop().terms:
                if isinstance(atom, IndirectIndex):
                    found |= dict.fromkeys(
                        Access(atom.array, axis, index, False) for axis, index in enumerate(atom.at)
                    )
                    stack += atom.at
    for array, shape in declared.items():
        found |= dict.fromkeys(
            Access(array, axis, plus(n, constant(-1)), False) for axis, n in enumerate(shape)
        )
    return list(found)


def _ends(statement: Statement, index: Affine) -> tuple[Affine, ...]:
    """Return the index of a statement; of elimination, the first and the last that it fills."""
    if statement.kind in KINDS:
        return constant(0), index
    return (index,)


def largest_value(index: Affine) -> Affine:
    """Return the greatest value of an index, in terms of sizes and look-ups."""
    while inner := [atom for atom, _ in index.terms if isinstance(atom, Loop)]:
        deepest = max(inner, key=lambda loop: loop.order)
        factor = dict(index.terms)[deepest]
        index = substitute(index, {deepest: deepest.high if factor > 0 else deepest.low})
    return index


def axis_length(uses: Iterable[Access], array: Name, axis: int) -> Affine:
    """Return the length of an axis as a formula, or as a size of its own."""
    tops = [
        largest_value(use.at)
        for use in uses
        if (use.array, use.axis) == (array, axis) and not use.near
    ]
    if tops and all(top.terms == tops[0].terms and not is_looked_up(top) for top in tops):
        return plus(max(tops, key=lambda top: top.const), constant(1))
    return variable(Size(axis_name(array, axis)))


def axis_name(array: Name, axis: int) -> str:
    """Return the name of an axis's length among the sizes, which no symbol has."""
    return f"length of {array[1]}, axis {axis}"


def is_looked_up(index: Affine) -> bool:
    """Tell whether integer data choose an index."""
    return any(isinstance(atom, IndirectIndex) for atom, _ in index.terms)


@dataclass
class Solver:
    """Finds the sizes of one call.

    Attributes
    ----------
    uses
        Every index that occurs.
    lengths
        Known lengths by array and axis, with what they come from in words.
    ranges
        The least and the greatest entry of each integer array.
    declared
        The shapes that ``IndexedBase(shape=...)`` states.
    """

    uses: Sequence[Access]
    lengths: dict[tuple[Name, int], tuple[int, str]]
    ranges: Mapping[str, tuple[int, int]]
    declared: Mapping[Name, Sequence[Affine]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)

    def value(self, atom: Atom, side: int) -> int:
        """Return a size, or an extreme entry of integer data."""
        if isinstance(atom, IndirectIndex):
            return self.ranges[atom.array[1]][0 if side < 0 else 1]
        assert isinstance(atom, Size)
        return self.sizes[atom.size]

    def unknown(self, index: Affine) -> set[str]:
        """Return the sizes in an index that are not known yet."""
        return {
            atom.size
            for atom, _ in index.terms
            if isinstance(atom, Size) and atom.size not in self.sizes
        }

    def propagate(self) -> None:
        """Find what follows from the lengths that are known."""
        progress = True
        while progress:
            progress = False
            for (array, axis), (length, words) in self.lengths.items():
                found = self._from_axis(array, axis, length)
                if found is not None:
                    self.sizes[found[0]], self.origins[found[0]] = found[1], words
                    progress = True

    def _from_axis(self, array: Name, axis: int, length: int) -> tuple[str, int] | None:
        """Return the one unknown size of an axis, such that the largest index is the last."""
        tops = [top for top in self.upper_bounds(array, axis) if self.unknown(top)]
        names = set().union(*(self.unknown(top) for top in tops))
        if len(names) != 1:
            return None
        (name,) = names
        candidates = []
        for top in tops:
            factor = dict(top.terms)[Size(name)]
            rest = plus(top, variable(Size(name)), -factor)
            if factor > 0:
                candidates.append((length - 1 - extreme(rest, 1, self.value)) // factor)
        if candidates:
            return (name, min(candidates))
        return None

    def upper_bounds(self, array: Name, axis: int) -> list[Affine]:
        """Return the greatest value of each index of an axis."""
        mine = [use for use in self.uses if (use.array, use.axis) == (array, axis)]
        inside = [use for use in mine if not use.near]
        # where all may lie outside, those at a loop's own variable are taken to lie inside
        plain = [use for use in mine if len(use.at.terms) == 1 and not use.at.const]
        alone = [use for use in plain if not any(map(bounds_of, loops_of(use.at)))]
        return [largest_value(use.at) for use in (inside or alone or plain or mine)]

    def length(self, array: Name, axis: int) -> int | None:
        """Return the length of an axis, or None where a size in it is unknown."""
        tops = self.upper_bounds(array, axis)
        if any(self.unknown(top) for top in tops):
            return None
        return max((extreme(top, 1, self.value) + 1 for top in tops), default=0)

    def shape(self, array: Name, axes: int) -> tuple[int, ...] | None:
        """Return the shape of an array, or None where it is unknown."""
        lengths = [self.length(array, axis) for axis in range(axes)]
        if None in lengths:
            return None
        return tuple(max(n, 0) for n in lengths if n is not None)

    def check(self) -> None:
        """Compare every length that is known with the indices that occur.

        Raises
        ------
        CostError
            If an index lies outside its array, or two lengths contradict each other.
        """
        for name, size in self.sizes.items():
            if not 0 <= size <= LARGEST:
                origin = self.origins.get(name, "the lengths given ask for")
                raise CostError(
                    f"the size {name} would be {size}, as {origin}; expected 0 to {LARGEST}"
                )
        self._check_declared()
        self._check_lengths()
        self._check_indices()

    def _check_declared(self) -> None:
        lengths = [
            (array, *one) for array, shape in self.declared.items() for one in enumerate(shape)
        ]
        for array, axis, n in lengths:
            stated = extreme(n, 1, self.value)
            known, words = self.lengths.get((array, axis), (stated, ""))
            if known != stated:
                raise CostError(
                    f"{words}, but its IndexedBase states a length of {stated} along axis "
                    f"{axis}{self._why([n])}"
                )
            for use in self._inside(array, axis):
                if (top := extreme(use.at, 1, self.value)) >= stated:
                    raise CostError(
                        f"{array[1]} is read at index {top} along axis "
                        f"{axis}{self._why([largest_value(use.at)])}, but its "
                        f"IndexedBase states a length of {stated} there; expected indices up to "
                        f"{stated - 1}"
                    )

    def _inside(self, array: Name, axis: int, defines: bool = False) -> list[Access]:
        """Return the indices of an axis that must lie inside, read or computed."""
        return [
            use
            for use in self.uses
            if use[:2] == (array, axis) and not use.near and use.defines == defines
        ]

    def _check_lengths(self) -> None:
        for (array, axis), (length, words) in self.lengths.items():
            needed = self.length(array, axis)
            if needed is None or needed == length:
                continue
            tops = self.upper_bounds(array, axis)
            sizes = sizes_in(tops)
            if needed < length and not sizes:
                continue  # numbers in a bound may leave entries of data unused
            raise CostError(
                f"{words}, but its largest index is {needed - 1}{self._why(tops)}; expected "
                f"{needed} along axis {axis}"
            )

    def _check_indices(self) -> None:
        for use in self.uses:
            if use.near:
                continue
            low, high = (extreme(use.at, side, self.value) for side in (-1, 1))
            if low < 0 or high > LARGEST:
                index = high
                if low < 0:
                    index = low
                raise CostError(
                    f"{use.array[1]} is read at index {index}{self._why([use.at])}; indices begin "
                    "at 0"
                )
            if use.array[0] == "where":
                self._check_computed(use, low, high)

    def inside(self, array: Name, axis: int) -> tuple[int, int]:
        """Return the first and the last index of an axis that can be read."""
        made = [use.at for use in self._inside(array, axis, defines=True)]
        if made:
            return min(extreme(at, -1, self.value) for at in made), max(
                extreme(at, 1, self.value) for at in made
            )
        length = (
            self.lengths[array, axis][0]
            if (array, axis) in self.lengths
            else self.length(array, axis)
        )
        return 0, (length or 0) - 1

    def _check_computed(self, use: Access, low: int, high: int) -> None:
        """Refuse an entry of a named intermediate that nothing computes."""
        first, last = self.inside(use.array, use.axis)
        if low < first or high > last:
            made = [one.at for one in self._inside(use.array, use.axis, defines=True)]
            raise CostError(
                f"where: {use.array[1]} is computed from index {first} to {last} along axis "
                f"{use.axis}"
                f"{self._why([largest_value(at) for at in made])}, but used from {low} to {high}; "
                "expected a range that holds every use"
            )

    def _why(self, indices: Sequence[Affine]) -> str:
        words = self.reasons(indices)
        if words:
            return f" ({'; '.join(words)})"
        return ""

    def reasons(self, indices: Sequence[Affine]) -> list[str]:
        """Return where the sizes and entries in some indices come from, in words."""
        words = []
        for name in sorted(sizes_in(indices)):
            reason = f"{name} = {self.sizes[name]}"
            if name in self.origins:
                reason += f", as {self.origins[name]}"
            words.append(reason)
        atoms = _atoms(indices)
        looked_up = sorted({atom.array[1] for atom in atoms if isinstance(atom, IndirectIndex)})
        spans = {name: self.ranges[name] for name in looked_up}
        return words + [
            f"the entries of {name} go from {low} to {high}" for name, (low, high) in spans.items()
        ]
