"""A cost with loops over arrays: its programs, its compiled functions and their calls."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symopt.autodiff.least_squares import count_program, has_squares, loop_gauss_newton
from symopt.autodiff.loops import Shape, loop_gradient, loop_tangent
from symopt.compiler.codegen.kernel_spec import LoopCost
from symopt.compiler.codegen.loop_function import LoopFunction
from symopt.costs.assumptions import symbols_by_name
from symopt.costs.at_point import array_interpreters
from symopt.costs.data import Data, read_data
from symopt.costs.ingredients import Ingredients
from symopt.costs.name_resolution import read_sums
from symopt.costs.objective import Given, broadcast_leading, state_of
from symopt.costs.points import Layout, Point, read_point
from symopt.costs.shape_inference import axis_length
from symopt.costs.size_finder import SizeFinder
from symopt.costs.sizes import Sizes
from symopt.errors import CostError
from symopt.frontend.written import read
from symopt.ir.index import evaluate_index, length
from symopt.ir.keys import Constant, Key
from symopt.ir.program import Name, Program
from symopt.lazy import cached_property
from symopt.passes.bandwidth import half_width
from symopt.passes.fma import form_fma
from symopt.passes.gather import gather_additions
from symopt.passes.minibatch import estimate_from_batch, sample_loop
from symopt.validation import Array

if TYPE_CHECKING:
    from symopt.diagnosis.interpreter import Interpreter
    from symopt.diagnosis.looks import Run
    from symopt.diagnosis.rays import Expansion

MATRICES = ("hessian", "gauss_newton")
LARGEST_DENSE = 5_000  # parameters of a cost whose Hessian is made at all
LARGEST_IN_LANES = 500  # parameters up to which runs share vector lanes; more fill them alone


class Indexed:
    """A cost with loops; one for any number of terms and any data.

    Parameters
    ----------
    expression
        What J is.
    ingredients
        What is said beside it: parameters, data, named intermediates, the index of samples.
    unit_axes
        The axis of length 1 of vectors that were written as matrices, as a Layout has it.

    Raises
    ------
    CostError
        If an index stands outside its sum or is not affine, or names contradict each other.
    """

    probes_gradient = False

    def __init__(
        self, expression: sp.Expr, ingredients: Ingredients, unit_axes: Mapping[str, int]
    ) -> None:
        form = read_sums(
            expression,
            ingredients.params,
            ingredients.data,
            where=ingredients.where,
            samples=ingredients.samples,
        )
        self.form = form
        self.expression = expression
        self.symbols: Mapping[str, Any] = symbols_by_name([expression, *ingredients.parts])
        self.params = tuple(_symbol(name, axes) for name, axes in form.params.items())
        vectors = {name: axis for name, axis in unit_axes.items() if form.params.get(name) == 1}
        self.layout = Layout(form.params, vectors)
        self.constants = form.constants
        self.size_symbols = form.sizes
        self.kernels: dict[Any, Any] = {}
        self._functions: dict[str, LoopFunction] = {}
        self.finder = SizeFinder(form)
        self.arrays: list[Name] = [("x", name) for name in form.params]
        self.kinds: dict[Name, str] = {
            ("data", name): "i" if name in form.integer_data else "f" for name in form.data
        }

    def __getstate__(self) -> dict[str, Any]:
        return state_of(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, expression=read(state["expression"]))

    # Programs

    @cached_property
    def value_program(self) -> Program:
        """The program of J, as it was read."""
        return self.form.value

    @cached_property
    def value(self) -> Program:
        """The program of J alone, as it is compiled."""
        return form_fma(self.form.value)

    @cached_property
    def program(self) -> Program:
        """The program of J and its gradient."""
        return form_fma(gather_additions(self._raw_gradient))

    @cached_property
    def tangent(self) -> Program:
        """The program of the Hessian times a direction."""
        return form_fma(gather_additions(loop_tangent(self._raw_gradient, self.arrays)))

    @cached_property
    def batch_tangent(self) -> Program:
        """The program of the Hessian over a mini-batch, times a direction."""
        return form_fma(gather_additions(loop_tangent(self._raw_batch, self.arrays)))

    @cached_property
    def batch(self) -> Program:
        """The program of J and its gradient over a mini-batch.

        Raises
        ------
        CostError
            If no index of samples is named, or the sum over it does not enter the cost linearly.
        """
        if self.form.samples is None:
            raise CostError(
                "a mini-batch needs the index that it draws from: so.Cost(..., samples=k)"
            )
        return form_fma(gather_additions(self._raw_batch))

    @cached_property
    def _raw_batch(self) -> Program:
        assert self.form.samples is not None
        value = estimate_from_batch(self.form.value, self.form.samples)
        return loop_gradient(value, self._shapes)

    @cached_property
    def _raw_gradient(self) -> Program:
        return loop_gradient(self.form.value, self._shapes)

    @cached_property
    def _shapes(self) -> dict[Name, Shape]:
        uses = self.finder.uses
        return {
            ("x", name): tuple(axis_length(uses, ("x", name), axis) for axis in range(axes))
            for name, axes in self.form.params.items()
        }

    @cached_property
    def counting(self) -> Program | None:
        """The program of the number of squares; None where J is no sum of squares alone."""
        return count_program(self.form.value)

    def matrix(self, kind: str, batch: bool = False) -> Program:
        """Return the program of a matrix of curvature times a direction."""
        if kind == "hessian":
            return self.batch_tangent if batch else self.tangent
        value = self.form.value
        if batch:
            assert self.form.samples is not None
            value = estimate_from_batch(value, self.form.samples)
        return form_fma(gather_additions(loop_gauss_newton(value, self._shapes)))

    def kernel_program(self, curvature: Iterable[str], batch: bool) -> LoopCost:
        """Return the cost as kernels take it."""
        constants = tuple(Constant(name) for name in self.constants)
        drawn, product = None, None
        if batch:
            drawn = self.batch
        if "hvp" in curvature:
            product = self.batch_tangent if batch else self.tangent
        return LoopCost(
            gradient=self.program,
            batch=drawn,
            matrices={kind: self.matrix(kind, batch) for kind in MATRICES if kind in curvature},
            arrays=tuple(self.arrays),
            constants=constants,
            data=self.kinds,
            product=product,
        )

    squares: Sequence[tuple[sp.Expr, sp.Expr]] = ()
    """None: they are looked for in costs that are written out."""

    # Compiled functions

    def compiled(self, which: str) -> LoopFunction:
        """Return a compiled function: "value", "gradient", or that of a matrix times v."""
        if which not in self._functions:
            self._functions[which] = self.function(self._program_of(which))
        return self._functions[which]

    def _program_of(self, which: str) -> Program:
        if which == "value":
            return self.value
        if which == "gradient":
            return self.program
        if which == "count":
            assert self.counting is not None
            return self.counting
        return self.matrix(which)

    def function(self, program: Program) -> LoopFunction:
        """Return a program as a compiled function."""
        return LoopFunction(program, self.arrays, self.constants, self.kinds)

    # What is shown

    @property
    def source(self) -> str:
        """The generated Python of value and gradient."""
        return self.compiled("gradient").source

    @property
    def statements(self) -> int:
        """How many operations value and gradient take, in one iteration of each loop."""
        return sum(bool(node.args) for node in self.program.nodes)

    shown_slopes: tuple[sp.Symbol, ...] = ()
    """None: slopes by entries of arrays are no short formula."""

    @property
    def input_names(self) -> Mapping[Key, str]:
        """None: entries of arrays are named where they are read."""
        return {}

    def lacks(self, need: str) -> str:
        """Name what the cost lacks for a rule's need; empty where it lacks nothing."""
        if need != "gauss_newton" or has_squares(self.form.value):
            return ""
        return (
            "a cost that is written as a sum of squares, as in "
            "sympy.Sum((a*x[k] + b - y[k])**2, (k, 0, m - 1))"
        )

    # Calls

    def read_data(self, data: Mapping[Any, Any]) -> Data:
        """Check and read data arrays."""
        return read_data(data, self.form.data, self.form.integer_data)

    def find_sizes(self, given: Given, total: int | None) -> Sizes:
        """Return the sizes of a call with so many parameters, or of any call.

        Raises
        ------
        CostError
            If a size is unknown, or two lengths contradict each other.
        """
        return self.finder.find(given.data, self.finder.among(given.named), {}, total)

    def readings(self, theta: Any, given: Given) -> Sequence[tuple[Array, Sizes]]:
        """Return every way in which points can be read, each as an array (..., P) with its sizes.

        There are two where numbers without names have the shape of the one parameter there is,
        first, and are many flat points as well.
        """
        point = read_point(theta, self.layout)
        found: list[tuple[Array, Sizes]] = []
        errors: list[CostError] = []
        for one in self._meanings(point):
            try:
                found.append(self._place(one, given))
            except CostError as error:
                errors.append(error)
        if not found:
            raise errors[0]
        return self._in_order(found)

    def _meanings(self, point: Point) -> list[Point]:
        """Return what numbers may mean; what has names means one thing."""
        whole = point.in_own_shape()
        if whole is None:
            return [point]
        if self.layout.axes[whole.layout.only or ""]:
            return [whole, point]
        return [point, whole]

    def _in_order(self, found: list[tuple[Array, Sizes]]) -> list[tuple[Array, Sizes]]:
        """Return one reading of two that differ in a leading axis of length 1 alone."""
        same = len(found) == 2 and found[0][1].total == found[1][1].total
        if not same:
            return found
        if list(self.layout.axes.values()) == [1] or 0 in self.layout.axes.values():
            return found[:1]
        return found[1:]

    def _place(self, point: Point, given: Given) -> tuple[Array, Sizes]:
        """Return points as an array of shape (..., P), and the sizes that follow."""
        if point.flat is None:
            sizes = self._sizes_of(point, given)
            return np.atleast_1d(point.joined(self._shapes_in(sizes))), sizes
        points = np.atleast_1d(point.flat)
        rows = point.one_for_each()
        try:
            return points, self.find_sizes(given, points.shape[-1])
        except CostError:
            if rows is None:
                raise
        return self._place(rows, given)

    def _sizes_of(self, point: Point, given: Given) -> Sizes:
        """Return the sizes that follow from arrays; an axis of length 1 may be broadcast."""
        named, shapes = self.finder.among(given.named), point.shapes
        sure = {name: own for name, own in shapes.items() if 1 not in own or name in point.entries}
        try:
            return self.finder.find(given.data, named, shapes, None)
        except CostError:
            if len(sure) == len(shapes):
                raise
        return self.finder.find(given.data, named, sure, None)

    def _shapes_in(self, sizes: Sizes) -> dict[str, tuple[int, ...]]:
        return {name: sizes.shapes["x", name] for name in self.form.params}

    def bind(self, start: Any, given: Given) -> BoundIndexed:
        """Bind the cost to points, constants, data and the sizes that follow from them."""
        points, sizes = self.readings(start, given)[0]
        return BoundIndexed(self, points, sizes, given)


def _symbol(name: str, axes: int) -> sp.Basic:
    if axes:
        return sp.IndexedBase(name)
    return sp.Symbol(name)


@dataclass(frozen=True)
class BoundIndexed:
    """A cost with loops at points, with its constants, data and sizes."""

    form: Indexed
    start: Array
    sizes: Sizes
    given: Given

    def with_constants(self, constants: Mapping[str, Any]) -> BoundIndexed:
        """Return the same with other values of the constants."""
        return replace(self, given=replace(self.given, constants=constants))

    def value(self, points: Array) -> Array:
        """Return J, shape (...)."""
        return self._at("value", points)[0]

    def grad(self, points: Array) -> Array:
        """Return the gradient, shape (..., P)."""
        return self._at("gradient", points)[1]

    def hvp(self, points: Array, v: Array) -> Array:
        """Return the Hessian times v, shape (..., P)."""
        return self.times("hessian", points, v)

    def times(self, matrix: str, points: Array, v: Array) -> Array:
        """Return the "hessian" or "gauss_newton" matrix times v, shape (..., P)."""
        return self._at(matrix, points, v)[1]

    def hessian(self, points: Array) -> Array:
        """Return the Hessian, shape (..., P, P), made of columns.

        Raises
        ------
        CostError
            If it would not fit.
        """
        n = points.shape[-1]
        if n > LARGEST_DENSE:
            raise CostError(
                f"the Hessian of {n} parameters would take {n * n * 8 / 2**30:.0f} GiB; "
                f"at most {LARGEST_DENSE} are allowed: use J.hvp(theta, v) instead"
            )
        seeds, band = self.seeds(n)
        constants = {n: np.asarray(value)[..., None] for n, value in self.given.constants.items()}
        each = self.with_constants(constants)
        return self.dense(each.hvp(points[..., None, :], seeds), n, band)

    def seeds(self, n: int) -> tuple[Array, int | None]:
        """Return directions whose products hold a whole Hessian, and the half-width of a band.

        Columns of a band of half-width b do not overlap if they are 2b + 1 apart: one direction
        serves them all (Curtis, Powell and Reid 1974).
        """
        is_a_vector = list(self.form.form.params.values()) == [1]
        band = None
        if is_a_vector:
            band = half_width(self.form.value_program)
        if band is None or 2 * band + 1 >= n:
            return np.eye(n), None
        columns = np.arange(n)
        rows = np.arange(2 * band + 1)[:, None]
        return (columns % (2 * band + 1) == rows).astype(np.float64), band

    @staticmethod
    def dense(products: Array, n: int, band: int | None) -> Array:
        """Return the symmetric Hessian, shape (..., n, n), from products with the seeds."""
        if band is None:
            return (products + np.swapaxes(products, -1, -2)) / 2
        result = np.zeros((*products.shape[:-2], n, n))
        for offset in range(-band, band + 1):
            rows = np.arange(max(0, -offset), min(n, n - offset))
            entries = products[..., (rows + offset) % (2 * band + 1), rows]
            result[..., rows, rows + offset] = entries
        return (result + np.swapaxes(result, -1, -2)) / 2

    def direction(self, v: Any) -> Array:
        """Return directions, given like points, shape (..., P)."""
        point = read_point(v, self.form.layout, "the direction v")
        shapes = {name: self.sizes.shapes["x", name] for name in self.form.layout.axes}
        whole = point.in_own_shape() or point.one_for_each()
        if whole is not None and whole.shapes == shapes:
            return whole.joined(shapes)
        directions = np.atleast_1d(point.joined(shapes))
        if directions.shape[-1] == self.sizes.total:
            return directions
        raise CostError(
            f"the direction v has shape {directions.shape}; expected {self.sizes.total} number(s), "
            f"for {self.sizes.described()}"
        )

    def _at(self, which: str, points: Array, v: Array | None = None) -> tuple[Array, Array]:
        """Return values, shape (...), and gradients or products, shape (..., P)."""
        function = self.form.compiled(which)
        leading = broadcast_leading(points, self.given, v)
        count = math.prod(leading)
        values, slopes = function(
            _rows(points, leading, count),
            None if v is None else _rows(v, leading, count),
            self._columns(leading, count),
            integers={key: self.sizes.integer(key) for key in function.integers},
            stored={name: self.sizes.stored(name) for name in function.stored},
            data=self.data(),
        )
        return values.reshape(leading), slopes.reshape(*leading, -1)

    def _columns(self, leading: tuple[int, ...], count: int) -> Array:
        """Return the constants of each point, shape (count, C)."""
        columns = np.zeros((count, len(self.form.constants)))
        for k, name in enumerate(self.form.constants):
            value = np.asarray(self.given.constants[name], dtype=np.float64)
            columns[:, k] = np.broadcast_to(value, leading).ravel()
        return columns

    # What a kernel is given

    @property
    def vectorises_alone(self) -> bool:
        """Whether the sums are so long that one run fills the vector lanes."""
        return self.sizes.total > LARGEST_IN_LANES

    @property
    def samples(self) -> int:
        """How many samples there are.

        Raises
        ------
        CostError
            If there is nothing that mini-batches could be drawn from.
        """
        self.form.batch  # noqa: B018  what cannot be drawn from is refused here
        assert self.form.form.samples is not None
        terms = length(sample_loop(self.form.value_program, self.form.form.samples))
        return evaluate_index(terms, lambda atom: self.sizes.sizes[str(atom[0])])

    def data(self) -> list[npt.NDArray[Any]]:
        """Return the data arrays, flat, in the order in which kernels take them."""
        return [self.given.data[name].reshape(-1) for name in self.form.form.data]

    # One point

    def exact_value(self, point: Array, constants: Mapping[str, float]) -> float:
        """Return J with the bits of the kernel's."""
        return float(self.with_constants(constants).value(point))

    def exact_gradient(self, point: Array, constants: Mapping[str, float]) -> Array:
        """Return the gradient with the bits of the kernel's."""
        return self.with_constants(constants).grad(point)

    def exact_product(self, point: Array, v: Array, constants: Mapping[str, float]) -> Array:
        """Return the Hessian times v with the bits of the kernel's."""
        return self.with_constants(constants).hvp(point, v)

    def count_squares(self) -> float:
        """Return of how many squares J is the sum: 0 if of none, NaN if one is subtracted."""
        if self.form.counting is None:
            return 0
        return float(self._at("count", self.start)[0])

    def exact_matrix(self, kind: str, point: Array, constants: Mapping[str, float]) -> Array:
        """Return the "hessian" or "gauss_newton" matrix with the bits of the kernel's."""
        bound = self.with_constants(constants)
        return np.column_stack([bound.times(kind, point, v) for v in np.eye(len(point))])

    def interpreters(self, point: Array, constants: Mapping[str, float]) -> Run:
        """Give a maker of interpreters of programs at the point."""
        arrays: dict[Name, npt.NDArray[Any]] = {}
        arrays |= {("x", name): array for name, array in self.sizes.split(point).items()}
        arrays |= {("data", name): array for name, array in self.given.data.items()}
        return array_interpreters(arrays, self.sizes.sizes, constants)

    def expansion(self, point: Array, constants: Mapping[str, float]) -> Expansion:
        """Return J along rays from the point, as series."""
        from symopt.diagnosis.expand import expand_sums

        return expand_sums(
            self.form.value_program, point, constants, sizes=self.sizes, data=self.given.data
        )

    def slope(self, interpreter: Interpreter, entry: int) -> Any:
        """Return an entry of the gradient that an interpreter works out."""
        interpreter.output("J")  # and with it the statements
        name, at = self.sizes.place(entry)
        return interpreter.stored[("g", name), at]


def _rows(points: Array, leading: tuple[int, ...], count: int) -> Array:
    n = points.shape[-1]
    return np.broadcast_to(points, (*leading, n)).reshape(count, n)
