"""A cost with sums: its programs, its compiled functions, and the sizes of each call."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from symopt.autodiff.loops import Shape, loop_gradient, loop_tangent
from symopt.compiler.codegen.layout import LoopCost
from symopt.compiler.codegen.loop_function import LoopFunction
from symopt.costs.branches import refuse_reads_beside
from symopt.costs.extents import warn_of_what_is_left_out
from symopt.costs.name_resolution import Data, SumForm
from symopt.costs.points import Point, read_point
from symopt.costs.shape_inference import LARGEST, Sizes, Solver, axis_length, uses_of
from symopt.errors import CostError
from symopt.ir.index import evaluated, length
from symopt.ir.program import Name, Program
from symopt.lazy import cached_property
from symopt.passes.bandwidth import half_width
from symopt.passes.fma import contracted
from symopt.passes.gather import gathered
from symopt.passes.minibatch import batched, sample_loop
from symopt.validation import Array, whole_number

LARGEST_DENSE = 5_000  # parameters of a cost whose Hessian is made at all
LARGEST_STORED = 1 << 32  # numbers that a named intermediate may hold


class _Found(NamedTuple):
    """The sizes of the last call, and what they followed from."""

    asked: tuple[Any, ...]
    arrays: tuple[npt.NDArray[Any], ...]
    sizes: Sizes


class SumCost:
    """What is derived from a cost with sums; the same for all data and sizes."""

    def __init__(self, form: SumForm) -> None:
        self.form = form
        self._told = False
        self._found: _Found | None = None
        self.uses = uses_of(form.value, form.declared)
        self.arrays: list[Name] = [("x", name) for name in form.params]
        self.kinds: dict[Name, str] = {("data", name): "i" if name in form.integer_data else "f" for name in form.data}

    # Programs

    @cached_property
    def value(self) -> Program:
        """The program of J alone."""
        return contracted(self.form.value)

    @cached_property
    def _raw_gradient(self) -> Program:
        return loop_gradient(self.form.value, self._shapes)

    @cached_property
    def _shapes(self) -> dict[Name, Shape]:
        return {
            ("x", name): tuple(axis_length(self.uses, ("x", name), axis) for axis in range(axes))
            for name, axes in self.form.params.items()
        }

    @cached_property
    def gradient(self) -> Program:
        """The program of J and its gradient."""
        return contracted(gathered(self._raw_gradient))

    @cached_property
    def tangent(self) -> Program:
        """The program of the Hessian times a direction."""
        return contracted(gathered(loop_tangent(self._raw_gradient, self.arrays)))

    @cached_property
    def batch(self) -> Program:
        """The program of J and its gradient over a mini-batch.

        Raises
        ------
        CostError
            If no index of samples is named, or the sum over it does not enter the cost linearly.
        """
        if self.form.samples is None:
            raise CostError("a mini-batch needs the index that it draws from: so.Cost(..., samples=k)")
        return contracted(gathered(loop_gradient(batched(self.form.value, self.form.samples), self._shapes)))

    def loops(self, batch: bool) -> LoopCost:
        """Return the cost as kernels take it."""
        constants = tuple(("c", name) for name in self.form.constants)
        drawn = self.batch if batch else None
        return LoopCost(self.gradient, drawn, tuple(self.arrays), constants, self.kinds)

    def samples(self, sizes: Sizes) -> int:
        """Return how many samples there are."""
        assert self.form.samples is not None
        terms = length(sample_loop(self.form.value, self.form.samples))
        return evaluated(terms, lambda atom: sizes.sizes[str(atom[0])])

    def function(self, program: Program) -> LoopFunction:
        """Return a program as a compiled function."""
        return LoopFunction(program, self.arrays, self.form.constants, self.kinds)

    @cached_property
    def functions(self) -> dict[str, LoopFunction]:
        """The compiled functions: "value", "gradient" and "tangent"."""
        return {name: self.function(getattr(self, name)) for name in ("value", "gradient", "tangent")}

    # Sizes

    def given(self, named: Mapping[str, Any]) -> dict[str, int]:
        """Return the sizes among values given by name, checked."""
        sizes = {name: value for name, value in named.items() if name in self.form.sizes}
        for name, value in sizes.items():
            if whole_number(value) is None:
                raise CostError(f"the size {name}={value!r}; expected a whole number, 0 or more")
        return {name: int(value) for name, value in sizes.items()}

    def sizes(
        self, data: Data, given: Mapping[str, int], shapes: Mapping[str, tuple[int, ...]], total: int | None
    ) -> Sizes:
        """Return the sizes of a call, from data, from sizes given by name, from shapes of parameters or their number.

        Raises
        ------
        CostError
            If a size is unknown, or two lengths contradict each other.
        """
        asked = (tuple(given.items()), tuple(shapes.items()), total, tuple(data), _spans(data))
        arrays = tuple(data.values())
        found = self._found
        if found is None or found.asked != asked or not _same(found.arrays, arrays):
            found = self._found = _Found(asked, arrays, self._find_sizes(data, given, shapes, total))
        return found.sizes

    def _find_sizes(
        self, data: Data, given: Mapping[str, int], shapes: Mapping[str, tuple[int, ...]], total: int | None
    ) -> Sizes:
        solver = self._solver(data, given, shapes)
        solver.settle()
        if total is not None and not shapes:
            self._settle_total(solver, total)
        unknown = sorted(set().union(*(solver.unknown(use.at) for use in self.uses), self._unsettled(solver)))
        if unknown:
            raise CostError(
                f"the size {unknown[0]} is unknown; give it by name, as in {unknown[0]}=10, by data, "
                "by a start for each parameter array, or by sympy.IndexedBase(name, shape=...)"
            )
        solver.check()
        refuse_reads_beside(self.form.value, solver, data)
        finished = self._finished(solver, total)
        if not self._told:
            self._told = True  # once for each cost
            warn_of_what_is_left_out(solver, self.form.value)
        return finished

    def _unsettled(self, solver: Solver) -> set[str]:
        return {name for name in self.form.sizes if name not in solver.sizes}

    def _solver(self, data: Data, given: Mapping[str, int], shapes: Mapping[str, tuple[int, ...]]) -> Solver:
        lengths: dict[tuple[Name, int], tuple[int, str]] = {}
        for kind, known in (("data", {name: array.shape for name, array in data.items()}), ("x", shapes)):
            for name, shape in known.items():
                for axis, n in enumerate(shape):
                    lengths[(kind, name), axis] = (n, f"{name} has shape {shape}")
        for array, shape in self.form.declared.items():
            for axis, n in enumerate(shape):
                if not n.terms:
                    words = f"the IndexedBase of {array[1]} states a length of {n.const} along axis {axis}"
                    lengths.setdefault((array, axis), (n.const, words))
        origins = dict.fromkeys(given, "given")
        return Solver(self.uses, lengths, dict(_spans(data)), self.form.declared, dict(given), origins)

    def _settle_total(self, solver: Solver, total: int) -> None:
        """Find the one unknown size from the number of parameters."""
        unknown = {
            name
            for array, axes in self.form.params.items()
            for axis in range(axes)
            for top in solver.tops(("x", array), axis)
            for name in solver.unknown(top)
        }
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
            low, high = (low, middle - 1) if self._count(solver, name, middle) > total else (middle, high)
        solver.sizes[name] = low
        solver.settle()

    def _count(self, solver: Solver, name: str, size: int) -> int:
        """Return how many parameters there are if a size symbol stands for this number."""
        solver.sizes[name] = size
        shapes = [solver.shape(("x", name), axes) for name, axes in self.form.params.items()]
        return sum(math.prod(shape) for shape in shapes if shape is not None)

    def _finished(self, solver: Solver, total: int | None) -> Sizes:
        counts = {("x", name): axes for name, axes in self.form.params.items()}
        counts |= {s.array: len(s.at) for s in self.form.value.statements}
        shapes: dict[Name, tuple[int, ...]] = {}
        sizes = dict(solver.sizes)
        for array, axes in counts.items():
            shape = solver.shape(array, axes)
            assert shape is not None
            shapes[array] = shape
            self._check_stored(array, shape)
        for array, axis in ((array, axis) for array, axes in counts.items() for axis in range(axes)):
            length = axis_length(self.uses, array, axis)
            for atom, _ in length.terms:
                if atom[0] not in sizes:
                    sizes[str(atom[0])] = shapes[array][axis]
        for (kind, name), axis in solver.lengths:
            if kind == "data":
                known = {a: n for ((k, other), a), (n, _) in solver.lengths.items() if (k, other) == (kind, name)}
                shapes[kind, name] = tuple(known[a] for a in sorted(known))
                assert axis in known
        result = Sizes(sizes, shapes, tuple(self.form.params), self.form.sizes)
        if total is not None and result.total != total:
            words = self._reasons(solver)
            raise CostError(
                f"{total} number(s) for the parameters; expected {result.total}: {self.described(result)}{words}"
            )
        return result

    def _reasons(self, solver: Solver) -> str:
        """Return where the lengths of the parameters come from, in words."""
        arrays = self.form.params.items()
        tops = [top for name, axes in arrays for axis in range(axes) for top in solver.tops(("x", name), axis)]
        words = solver.reasons(tops)
        return f", where {'; '.join(words)}" if words else ""

    def _check_stored(self, array: Name, shape: tuple[int, ...]) -> None:
        if array[0] == "where" and math.prod(shape) > LARGEST_STORED:
            raise CostError(
                f"{array[1]} is stored and would take {math.prod(shape) * 8 / 2**30:.0f} GiB, of shape {shape}; "
                f"expected at most {LARGEST_STORED} numbers"
            )

    def described(self, sizes: Sizes) -> str:
        """Return the parameters with their shapes, in words."""
        shapes = {name: " x ".join(map(str, sizes.shapes["x", name])) for name in self.form.params}
        return ", ".join(f"{name} ({shape})" if shape else name for name, shape in shapes.items())

    # Points

    def points(self, theta: Any, data: Data, given: Mapping[str, int]) -> tuple[Array, Sizes]:
        """Return points as an array of shape (..., P), and the sizes that follow."""
        return self.readings(theta, data, given)[0]

    def readings(self, theta: Any, data: Data, given: Mapping[str, int]) -> list[tuple[Array, Sizes]]:
        """Return every way in which points can be read, each as an array of shape (..., P) with its sizes.

        There are two where numbers without names have the shape of the one parameter there is, first,
        and are many flat points as well.
        """
        point = read_point(theta, self.form.params)
        whole = point.as_array(self.form.params)
        if whole is None:
            return [self._placed(point, data, given)]
        found: list[tuple[Array, Sizes]] = []
        errors: list[CostError] = []
        for one in (whole, point):
            try:
                found.append(self._placed(one, data, given))
            except CostError as error:
                errors.append(error)
        if not found:
            raise errors[0]
        same = len(found) == 2 and found[0][1].total == found[1][1].total
        return found[1:] if same else found

    def _placed(self, point: Point, data: Data, given: Mapping[str, int]) -> tuple[Array, Sizes]:
        points = np.atleast_1d(point.joined())
        if point.flat is not None:
            return points, self.sizes(data, given, {}, points.shape[-1])
        sizes = self.sizes(data, given, point.shapes, None)
        for name, shape in point.shapes.items():
            if shape != sizes.shapes["x", name]:
                raise CostError(f"{name} has shape {shape}; expected {sizes.shapes['x', name]}")
        return points, sizes

    def direction(self, v: Any, sizes: Sizes) -> Array:
        """Return directions, given like points, as an array of shape (..., P)."""
        point = read_point(v, self.form.params, "the direction v")
        whole = point.as_array(self.form.params)
        shapes = {name: sizes.shapes["x", name] for name in self.form.params}
        if whole is not None and whole.shapes == shapes:
            return whole.joined()
        directions = np.atleast_1d(point.joined())
        if directions.shape[-1] != sizes.total or (point.flat is None and point.shapes != shapes):
            shown = directions.shape if point.flat is not None else dict(point.shapes)
            raise CostError(
                f"the direction v has shape {shown}; expected {sizes.total} number(s), for {self.described(sizes)}"
            )
        return directions

    # Values

    def at(
        self, which: str, theta: Any, data: Data, named: Mapping[str, Any], constants: Mapping[str, Any], v: Any
    ) -> tuple[Array, Array]:
        """Return what :meth:`evaluate` does, from points and a direction as a user gives them; ``named`` has sizes."""
        points, sizes = self.points(theta, data, self.given(named))
        direction = self.direction(v, sizes) if which == "tangent" else None
        return self.evaluate(which, points, sizes, constants, data, direction)

    def evaluate(
        self, which: str, points: Array, sizes: Sizes, constants: Mapping[str, Any], data: Data, v: Array | None = None
    ) -> tuple[Array, Array]:
        """Return values, shape (...), and gradients or Hessian-vector products, shape (..., P)."""
        function = self.functions[which]
        leading = points.shape[:-1]
        columns = [np.asarray(constants[name], dtype=np.float64) for name in self.form.constants]
        try:
            leading = np.broadcast_shapes(leading, *(c.shape for c in columns), *(() if v is None else (v.shape[:-1],)))
        except ValueError:
            shapes = {name: column.shape for name, column in zip(self.form.constants, columns, strict=True)}
            others = f"constants of shapes {shapes}" if v is None else f"v of shape {v.shape}, constants {shapes}"
            raise CostError(f"points of shape {points.shape} and {others} do not fit together") from None
        count = math.prod(leading)
        flat = self._rows(points, leading, count)
        numbers = (
            np.stack([np.broadcast_to(c, leading).ravel() for c in columns], axis=1)
            if columns
            else np.zeros((count, 0))
        )
        direction = None if v is None else self._rows(v, leading, count)
        integers = {key: sizes.integer(key) for key in function.integers}
        stored = {name: sizes.stored(name) for name in function.stored}
        values, slopes = function(flat, direction, numbers, integers, stored, self.ordered_data(data))
        return values.reshape(leading), slopes.reshape(*leading, -1)

    def _rows(self, points: Array, leading: tuple[int, ...], count: int) -> Array:
        return np.broadcast_to(points, (*leading, points.shape[-1])).reshape(count, points.shape[-1])

    def ordered_data(self, data: Data) -> list[npt.NDArray[Any]]:
        """Return the data arrays, flat, in the order in which kernels take them."""
        return [data[name].reshape(-1) for name in self.form.data]

    # Hessians

    def hessian(self, theta: Any, data: Data, named: Mapping[str, Any], constants: Mapping[str, Any]) -> Array:
        """Return the Hessian, shape (..., P, P), made of columns."""
        points, sizes = self.points(theta, data, self.given(named))
        n = points.shape[-1]
        if n > LARGEST_DENSE:
            raise CostError(
                f"the Hessian of {n} parameters would take {n * n * 8 / 2**30:.0f} GiB; at most {LARGEST_DENSE} are "
                "allowed: use J.hvp(theta, v) instead"
            )
        seeds, band = self.seeds(n)
        numbers = {name: np.asarray(value)[..., None] for name, value in constants.items()}
        columns = self.evaluate("tangent", points[..., None, :], sizes, numbers, data, seeds)[1]
        return self.dense(columns, n, band)

    def seeds(self, n: int) -> tuple[Array, int | None]:
        """Return directions whose Hessian-vector products hold a whole Hessian, and its half-width if it is a band.

        Columns of a band of half-width b do not overlap if they are 2b + 1 apart: one direction
        serves them all (Curtis, Powell and Reid 1974).
        """
        band = half_width(self.form.value) if list(self.form.params.values()) == [1] else None
        if band is None or 2 * band + 1 >= n:
            return np.eye(n), None
        columns = np.arange(n)
        return (columns % (2 * band + 1) == np.arange(2 * band + 1)[:, None]).astype(np.float64), band

    @staticmethod
    def dense(products: Array, n: int, band: int | None) -> Array:
        """Return the symmetric Hessian, shape (..., n, n), from products with the directions of :meth:`seeds`."""
        if band is None:
            return (products + np.swapaxes(products, -1, -2)) / 2
        result = np.zeros((*products.shape[:-2], n, n))
        for offset in range(-band, band + 1):
            rows = np.arange(max(0, -offset), min(n, n - offset))
            result[..., rows, rows + offset] = products[..., (rows + offset) % (2 * band + 1), rows]
        return (result + np.swapaxes(result, -1, -2)) / 2


def _same(arrays: tuple[npt.NDArray[Any], ...], others: tuple[npt.NDArray[Any], ...]) -> bool:
    """Return whether the arrays are the very same."""
    return len(arrays) == len(others) and all(one is other for one, other in zip(arrays, others, strict=True))


def _spans(data: Data) -> tuple[tuple[str, tuple[int, int]], ...]:
    """Return the least and the largest entry of all integer data."""
    whole = {name: array for name, array in data.items() if array.dtype.kind == "i"}
    return tuple((name, (int(array.min()), int(array.max()))) for name, array in whole.items())
