"""Finds the sizes of one call of a cost with loops, and remembers those of the last."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy.typing as npt

from symopt.costs.branches import refuse_reads_beside
from symopt.costs.data import Data
from symopt.costs.extents import warn_of_what_is_left_out
from symopt.costs.name_resolution import SumForm
from symopt.costs.shape_inference import Solver, accesses_of, axis_length
from symopt.costs.sizes import LARGEST, Sizes
from symopt.errors import CostError
from symopt.ir.program import Name
from symopt.validation import check_whole_number

LARGEST_STORED = 1 << 32  # numbers that a named intermediate may hold


class _Found(NamedTuple):
    """The sizes of the last call, and what they followed from."""

    asked: tuple[Any, ...]
    arrays: tuple[npt.NDArray[Any], ...]
    sizes: Sizes


class SizeFinder:
    """Infers the sizes of a call from data, from sizes given by name and from points."""

    def __init__(self, form: SumForm) -> None:
        self.form = form
        self.uses = accesses_of(form.value, form.declared)
        self._warned = False
        self._found: _Found | None = None

    def among(self, named: Mapping[str, Any]) -> dict[str, int]:
        """Return the sizes among values given by name, checked.

        Raises
        ------
        CostError
            If one is no whole number.
        """
        sizes = {name: value for name, value in named.items() if name in self.form.sizes}
        expected = "a whole number, 0 or more"
        return {
            name: check_whole_number(value, f"the size {name}", expected, error=CostError)
            for name, value in sizes.items()
        }

    def find(
        self,
        data: Data,
        given: Mapping[str, int],
        shapes: Mapping[str, tuple[int, ...]],
        total: int | None,
    ) -> Sizes:
        """Return the sizes that follow from data, names, shapes of parameters, or their number.

        Raises
        ------
        CostError
            If a size is unknown, or two lengths contradict each other.
        """
        asked = (tuple(given.items()), tuple(shapes.items()), total, tuple(data), _spans(data))
        arrays = tuple(data.values())
        found = self._found
        if found is None or found.asked != asked or not _are_the_same(found.arrays, arrays):
            found = _Found(asked, arrays, self._infer(data, given, shapes, total))
            self._found = found
        return found.sizes

    def _infer(
        self,
        data: Data,
        given: Mapping[str, int],
        shapes: Mapping[str, tuple[int, ...]],
        total: int | None,
    ) -> Sizes:
        solver = self._solver(data, given, shapes)
        solver.propagate()
        if total is not None and not shapes:
            self._solve_for_total(solver, total)
        self._refuse_unknown(solver)
        solver.check()
        refuse_reads_beside(self.form.value, solver, data)
        sizes = self._complete(solver)
        if total is not None and sizes.total != total:
            raise self._wrong_total(solver, sizes, total)
        if not self._warned:
            self._warned = True  # once for each cost
            warn_of_what_is_left_out(solver, self.form.value)
        return sizes

    def _refuse_unknown(self, solver: Solver) -> None:
        unknown = {name for name in self.form.sizes if name not in solver.sizes}
        for use in self.uses:
            unknown |= solver.unknown(use.at)
        if unknown:
            name = min(unknown)
            raise CostError(
                f"the size {name} is unknown; give it by name, as in {name}=10, by data, "
                "by a start for each parameter array, or by sympy.IndexedBase(name, shape=...)"
            )

    def _solver(
        self, data: Data, given: Mapping[str, int], shapes: Mapping[str, tuple[int, ...]]
    ) -> Solver:
        lengths: dict[tuple[Name, int], tuple[int, str]] = {}
        known: dict[Name, tuple[int, ...]] = {("data", n): a.shape for n, a in data.items()}
        known |= {("x", name): shape for name, shape in shapes.items()}
        for array, shape in known.items():
            for axis, n in enumerate(shape):
                lengths[array, axis] = (n, f"{array[1]} has shape {shape}")
        for array, declared in self.form.declared.items():
            for axis, length in enumerate(declared):
                if not length.terms:
                    words = (
                        f"the IndexedBase of {array[1]} states a length of {length.const} "
                        f"along axis {axis}"
                    )
                    lengths.setdefault((array, axis), (length.const, words))
        return Solver(
            uses=self.uses,
            lengths=lengths,
            ranges=dict(_spans(data)),
            declared=self.form.declared,
            sizes=dict(given),
            origins=dict.fromkeys(given, "given"),
        )

    def _solve_for_total(self, solver: Solver, total: int) -> None:
        """Find the one unknown size from the number of parameters, by bisection."""
        unknown: set[str] = set()
        for top in self._tops(solver):
            unknown |= solver.unknown(top)
        if len(unknown) != 1:
            return
        (name,) = unknown
        solver.origins[name] = f"{total} parameters are given"
        high = max(total, 1) + 1  # enough for most costs
        while high <= LARGEST and self._count(solver, name, high) <= total:
            high *= 2
        low = 0
        while low < high:  # the largest size that needs no more parameters
            middle = (low + high + 1) // 2
            if self._count(solver, name, middle) > total:
                high = middle - 1
            else:
                low = middle
        solver.sizes[name] = low
        solver.propagate()

    def _count(self, solver: Solver, name: str, size: int) -> int:
        """Return how many parameters there are if a size symbol stands for this number."""
        solver.sizes[name] = size
        shapes = [solver.shape(("x", name), axes) for name, axes in self.form.params.items()]
        return sum(math.prod(shape) for shape in shapes if shape is not None)

    def _tops(self, solver: Solver) -> list[Any]:
        """Return the largest indices along all axes of all parameters."""
        found = []
        for name, axes in self.form.params.items():
            for axis in range(axes):
                found += solver.upper_bounds(("x", name), axis)
        return found

    def _complete(self, solver: Solver) -> Sizes:
        """Return every size and shape of a solved call."""
        axes = {("x", name): count for name, count in self.form.params.items()}
        axes |= {s.array: len(s.at) for s in self.form.value.statements}
        sizes = dict(solver.sizes)
        shapes: dict[Name, tuple[int, ...]] = {}
        for array, count in axes.items():
            shape = solver.shape(array, count)
            assert shape is not None
            shapes[array] = shape
            _check_stored(array, shape)
            sizes = self._lengths_of(array, shape) | sizes
        shapes |= _data_shapes(solver)
        return Sizes(sizes, shapes, tuple(self.form.params), self.form.sizes)

    def _lengths_of(self, array: Name, shape: tuple[int, ...]) -> dict[str, int]:
        """Return the lengths of an array's axes under the names that programs have for them."""
        found: dict[str, int] = {}
        for axis, n in enumerate(shape):
            for atom, _ in axis_length(self.uses, array, axis).terms:
                found.setdefault(str(atom[0]), n)
        return found

    def _wrong_total(self, solver: Solver, sizes: Sizes, total: int) -> CostError:
        words = solver.reasons(self._tops(solver))
        where = ""
        if words:
            where = f", where {'; '.join(words)}"
        return CostError(
            f"{total} number(s) for the parameters; expected {sizes.total}: "
            f"{sizes.described()}{where}"
        )


def _check_stored(array: Name, shape: tuple[int, ...]) -> None:
    if array[0] == "where" and math.prod(shape) > LARGEST_STORED:
        raise CostError(
            f"{array[1]} is stored and would take {math.prod(shape) * 8 / 2**30:.0f} GiB, "
            f"of shape {shape}; expected at most {LARGEST_STORED} numbers"
        )


def _data_shapes(solver: Solver) -> dict[Name, tuple[int, ...]]:
    """Return the shapes of data, whose lengths are known."""
    found: dict[Name, tuple[int, ...]] = {}
    for (array, _), (length, _) in sorted(solver.lengths.items()):
        if array[0] == "data":
            found[array] = (*found.get(array, ()), length)
    return found


def _are_the_same(
    arrays: tuple[npt.NDArray[Any], ...], others: tuple[npt.NDArray[Any], ...]
) -> bool:
    """Tell whether the arrays are the very same objects."""
    return len(arrays) == len(others) and all(
        one is other for one, other in zip(arrays, others, strict=True)
    )


def _spans(data: Data) -> tuple[tuple[str, tuple[int, int]], ...]:
    """Return the least and the largest entry of all integer data."""
    whole = {name: array for name, array in data.items() if array.dtype.kind == "i"}
    return tuple((name, (int(array.min()), int(array.max()))) for name, array in whole.items())
