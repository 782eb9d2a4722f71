"""What the sums of a cost leave out: entries that no term reads, sums over nothing.

SymPy's sums often run from 1, arrays begin at 0: the first entry is then left out without a word.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from itertools import chain

from symopt.costs.shape_inference import Access, Solver, is_looked_up
from symopt.errors import SymoptWarning
from symopt.ir.index import Atom, Loop, Size, bounds_of, evaluate_index, extreme, length, loops_of
from symopt.ir.program import Name, Program

STACK = 6  # calls between a user's and the warning


def warn_of_what_is_left_out(solver: Solver, program: Program) -> None:
    """Warn of entries at the ends of arrays that no term reads, and of a cost without terms."""
    words = [line for array, axis in _axes(solver) if (line := _unread(solver, array, axis))]
    if _has_no_terms(solver, program):
        sizes = ", ".join(f"{name} = {size}" for name, size in sorted(solver.sizes.items()))
        words.append(f"every sum of the cost is over nothing, and J is what is left: {sizes}")
    for line in words:
        warnings.warn(line, SymoptWarning, stacklevel=STACK)


def _axes(solver: Solver) -> list[tuple[Name, int]]:
    return sorted({(use.array, use.axis) for use in solver.uses if use.array[0] in ("x", "data")})


def _unread(solver: Solver, array: Name, axis: int) -> str:
    """Return a line about an axis whose ends no term reads; none where data choose entries."""
    uses = [use for use in solver.uses if (use.array, use.axis) == (array, axis)]
    if array[0] == "x":
        size = solver.length(array, axis)
    else:
        size = solver.lengths[array, axis][0]
    if not any(loops_of(use.at) for use in uses):
        return ""  # single entries, named one by one
    if (
        any(is_looked_up(use.at) for use in uses)
        or size is None
        or any(solver.unknown(use.at) for use in uses)
    ):
        return ""
    first, last = _span(solver, uses)
    if first > last or (first <= 0 and last >= size - 1):
        return ""
    name = array[1]
    where = ""
    if axis:
        where = f" along axis {axis}"
    if first > 0:
        if first == 1:
            entries = f"{name}[0]"
        else:
            entries = f"{name}[0] to {name}[{first - 1}]"
        cure = (
            "indices begin at 0 here, where SymPy's sums often run from 1: write (i, 0, n - 1), or "
            "the index i - 1"
        )
        return f"no term of the cost reads {entries}{where}, of {size}; {cure}"
    return (
        f"no term of the cost reads {name}[{last + 1}] to {name}[{size - 1}]{where}, of {size}: "
        "the largest index is "
        f"{last}; expected bounds that reach {size - 1}, or shorter arrays"
    )


def _span(solver: Solver, uses: Iterable[Access]) -> tuple[int, int]:
    """Return the least and the greatest index of an axis."""
    spans = [(extreme(use.at, -1, solver.value), extreme(use.at, 1, solver.value)) for use in uses]
    return min(low for low, _ in spans), max(high for _, high in spans)


def _has_no_terms(solver: Solver, program: Program) -> bool:
    """Tell whether the cost has sums and every outermost one is empty."""
    loops = {node.payload for node in program.nodes if isinstance(node.payload, Loop)}
    loops |= set(chain.from_iterable(statement.loops for statement in program.statements))
    outermost = [loop for loop in loops if not bounds_of(loop) and length(loop).terms]
    return bool(outermost) and all(
        evaluate_index(length(loop), _sizes(solver)) <= 0 for loop in outermost
    )


def _sizes(solver: Solver) -> Callable[[Atom], int]:
    def value(atom: Atom) -> int:
        assert isinstance(atom, Size)
        return solver.sizes[atom.size]

    return value
