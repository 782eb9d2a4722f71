"""A cost that is written out: one straight line of operations for value and derivatives."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symopt.autodiff.forward import tangent
from symopt.autodiff.reverse import gradient
from symopt.autodiff.second_order import gauss_newton, hessian
from symopt.compiler.codegen.pointwise_function import Function
from symopt.compiler.runtime.interpreter import evaluate
from symopt.costs.at_point import scalar_interpreters
from symopt.costs.checks import (
    free_symbols,
    has_constant_term,
    make_real,
    parameters,
    sum_of_squares,
    warn_if_unrolled,
)
from symopt.costs.data import Data
from symopt.costs.objective import (
    LARGEST_MATRIX,
    Given,
    broadcast_leading,
    matrix_too_large,
    state_of,
)
from symopt.costs.points import Layout, read_point
from symopt.costs.sizes import Sizes
from symopt.errors import CostError, RunError
from symopt.frontend.expressions import lower
from symopt.frontend.written import read
from symopt.ir.keys import Constant, Key, Parameter, Slope, Tangent
from symopt.ir.program import Graph, Program
from symopt.lazy import cached_property
from symopt.passes.fma import form_fma
from symopt.validation import Array

if TYPE_CHECKING:
    from symopt.diagnosis.interpreter import Interpreter
    from symopt.diagnosis.looks import Run
    from symopt.diagnosis.rays import Expansion

LARGEST_HESSIAN = 20_000  # nodes of a Hessian that is written out; beyond, it is made of columns
"""Parameters of a rule that solves linear equations in each step; its kernel compiles for 8 s."""
LONGEST_SHOWN = 60  # operations of a cost whose slopes are shown
MOST_SLOPES = 6  # of them


class ClosedForm:
    """A cost without loops.

    Parameters
    ----------
    expression
        What J is.
    params
        The parameters in the order of theta; None for all symbols, sorted by name.

    Raises
    ------
    CostError
        If a parameter does not occur, two symbols share a name, or there are none.
    """

    size_symbols: frozenset[str] = frozenset()
    probes_gradient = True

    def __init__(self, expression: sp.Expr, params: list[Any] | None) -> None:
        self.symbols: Mapping[str, Any] = free_symbols(expression)
        self.params = parameters(dict(self.symbols), params)
        names = [p.name for p in self.params]
        self.constants = tuple(sorted(self.symbols.keys() - set(names)))
        self.expression: sp.Expr = make_real(expression, dict(self.symbols))
        self.kernels: dict[Any, Any] = {}
        self.matrix_shape: tuple[int, ...] | None = getattr(params, "shape", None)
        self._sizes = Sizes.of_scalars(names)

    def __getstate__(self) -> dict[str, Any]:
        return state_of(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, expression=read(state["expression"]))

    # Programs

    @cached_property
    def value_program(self) -> Program:
        """The program of J."""
        return self._lower(self.expression)

    @cached_property
    def program(self) -> Program:
        """The program of J and its gradient."""
        made = form_fma(self._raw_gradient)
        warn_if_unrolled(sum(bool(node.args) for node in made.nodes))
        return made

    @cached_property
    def _raw_gradient(self) -> Program:
        return gradient(self.value_program, self._keys)

    @property
    def _keys(self) -> list[Key]:
        return [Parameter(k) for k in range(len(self.params))]

    def _lower(self, expression: sp.Expr) -> Program:
        graph = Graph()
        place: dict[str, Key] = {p.name: Parameter(k) for k, p in enumerate(self.params)}
        place |= {name: Constant(name) for name in self.constants}
        node = lower(graph, expression, lambda symbol: graph.input(place[symbol.name]))
        return graph.program({"J": node})

    def kernel_program(self, curvature: Iterable[str], batch: bool) -> Program:  # noqa: ARG002  a loop's
        """Return the program of J, its gradient and "hessian", "gauss_newton", "hvp"."""
        matrices = {kind for kind in curvature if kind != "hvp"}
        program = self.program
        if matrices:
            program = self._with_matrices(matrices)
        if "hvp" in curvature:
            return _beside(program, self.product)
        return program

    def _with_matrices(self, matrices: set[str]) -> Program:
        programs = [self._raw_gradient]
        if "hessian" in matrices:
            programs.append(hessian(self._raw_gradient, self._keys))
        if "gauss_newton" in matrices:
            residuals = [(self._lower(c), self._lower(r)) for c, r in self.squares]
            programs.append(gauss_newton(residuals, self._keys))
        return form_fma(_beside(*programs))

    @cached_property
    def product(self) -> Program:
        """The program of the Hessian times a direction, outputs ``Tangent(Slope(k))``."""
        along: dict[Key, Key] = {Parameter(k): ("v", k) for k in range(len(self.params))}
        keys: list[Key] = [Tangent(key) for key in self._slope_keys]
        return form_fma(tangent(self._raw_gradient, along)).only(keys)

    @cached_property
    def squares(self) -> list[tuple[sp.Expr, sp.Expr]]:
        """The pairs (c, r) of a sum of c*r**2, with c free of parameters; else none."""
        return sum_of_squares(self.expression, self.params)

    # Compiled functions

    @cached_property
    def value_function(self) -> Function:
        """J at many points."""
        return self._function(self.program.only(["J"]))

    @cached_property
    def gradient_function(self) -> Function:
        """The gradient at many points."""
        return self._function(self.program.only(self._slope_keys))

    @cached_property
    def hvp_function(self) -> Function:
        """The Hessian times a direction."""
        outputs = {key[1]: node for key, node in self.product.outputs.items()}
        return self._function(Program(self.product.nodes, outputs))

    @cached_property
    def hessian_function(self) -> Function | None:
        """The upper triangle of the Hessian; None where it would be too long to compile."""
        if len(self.params) * len(self._raw_gradient.nodes) > LARGEST_HESSIAN:
            return None
        return self._function(form_fma(hessian(self._raw_gradient, self._keys)))

    @property
    def _slope_keys(self) -> list[Key]:
        return [Slope(k) for k in range(len(self.params))]

    def _function(self, program: Program) -> Function:
        names: dict[Key, str] = {key: f"x{k}" for k, key in enumerate(self._keys)}
        labels: dict[Key, str] = dict(self.input_names)
        for k, name in enumerate(self.constants):
            names[Constant(name)] = f"c{k}"
            labels[Constant(name)] = name
        present = set(program.inputs)
        for k, parameter in enumerate(self.params):
            if ("v", k) in present:
                names["v", k] = f"v{k}"
                labels["v", k] = f"direction {parameter.name}"
        return Function(program, names, labels)

    # What is shown

    @property
    def source(self) -> str:
        """The generated Python of value and gradient."""
        return self._function(self.program).source

    @property
    def statements(self) -> int:
        """How many operations value and gradient take together."""
        return sum(bool(node.args) for node in self.program.nodes)

    @property
    def shown_slopes(self) -> tuple[sp.Symbol, ...]:
        """The parameters, where the slopes are short enough to be shown."""
        short = len(self.value_program.nodes) <= LONGEST_SHOWN and len(self.params) <= MOST_SLOPES
        if short:
            return self.params
        return ()

    @property
    def input_names(self) -> Mapping[Key, str]:
        """The names of the parameters."""
        return {Parameter(k): p.name for k, p in enumerate(self.params)}

    def lacks(self, need: str) -> str:
        """Name what the cost lacks for a rule's need; empty where it lacks nothing."""
        if need not in ("hessian", "gauss_newton"):
            return ""
        n = len(self.params)
        if n > LARGEST_MATRIX:
            return matrix_too_large(n)
        if need == "gauss_newton" and not self.squares:
            return (
                "a cost that is written as a sum of squares, as in (1 - x)**2 + 100*(y - x**2)**2"
            )
        return ""

    # Calls

    def read_data(self, data: Mapping[Any, Any]) -> Data:  # noqa: ARG002
        """Return no data: a closed form has none."""
        return {}

    def find_sizes(self, given: Given, total: int | None) -> Sizes:  # noqa: ARG002
        """Return the sizes, which are the same for all calls."""
        return self._sizes

    def readings(self, theta: Any, given: Given) -> Sequence[tuple[Array, Sizes]]:  # noqa: ARG002
        """Return the one way in which points can be read."""
        return [(self.read_points(theta, "a point"), self._sizes)]

    def read_points(self, theta: Any, what: str) -> Array:
        """Return points, shape (..., n).

        Raises
        ------
        CostError
            If they have another number of coordinates.
        """
        n = len(self.params)
        names = [p.name for p in self.params]
        scalars: dict[str, tuple[int, ...]] = dict.fromkeys(names, ())
        point = read_point(theta, Layout(dict.fromkeys(names, 0)), what)
        points = point.joined(scalars)
        fits = points.ndim > 0 and points.shape[-1] == n
        if not fits and points.shape[-2:] == self.matrix_shape:
            return points.reshape(*points.shape[:-2], n)
        if not fits and (values := point.in_own_shape()):
            return values.joined(scalars)
        if not fits:
            raise CostError(
                f"{what} has shape {points.shape}; expected ({n},) or (..., {n}), "
                f"for {', '.join(names)}"
            )
        return points

    def bind(self, start: Any, given: Given) -> BoundClosedForm:
        """Bind the cost to points and constants."""
        return BoundClosedForm(self, self.read_points(start, "a point"), self._sizes, given)


def _beside(*programs: Program) -> Program:
    """Return one program with the outputs of several."""
    graph = Graph()
    outputs: dict[Key, int] = {}
    for program in programs:
        outputs |= graph.inline(program, graph.input)
    return graph.program(outputs)


@dataclass(frozen=True)
class BoundClosedForm:
    """A closed form at points, with its constants."""

    form: ClosedForm
    start: Array
    sizes: Sizes
    given: Given

    def with_constants(self, constants: Mapping[str, Any]) -> BoundClosedForm:
        """Return the same with other values of the constants."""
        return replace(self, given=replace(self.given, constants=constants))

    def value(self, points: Array) -> Array:
        """Return J, shape (...)."""
        return self._at(self.form.value_function, points)["J"]

    def grad(self, points: Array) -> Array:
        """Return the gradient, shape (..., n)."""
        return self._stacked(self.form.gradient_function, points)

    def hvp(self, points: Array, v: Array) -> Array:
        """Return the Hessian times v, shape (..., n)."""
        return self._stacked(self.form.hvp_function, points, v)

    def hessian(self, points: Array) -> Array:
        """Return the Hessian, shape (..., n, n), written out or made of columns."""
        if self.form.hessian_function is None:
            return self._hessian_of_columns(points)
        entries = self._at(self.form.hessian_function, points)
        n = self.sizes.total
        shape = next(iter(entries.values())).shape
        result = np.zeros((*shape, n, n))
        for (_, i, j), entry in entries.items():
            result[..., i, j] = entry
            result[..., j, i] = entry
        return result

    def _hessian_of_columns(self, points: Array) -> Array:
        constants = {n: np.asarray(value)[..., None] for n, value in self.given.constants.items()}
        columns = self.with_constants(constants).hvp(points[..., None, :], np.eye(self.sizes.total))
        return (columns + np.swapaxes(columns, -1, -2)) / 2

    def direction(self, v: Any) -> Array:
        """Return directions that a user gives like points, shape (..., n)."""
        return self.form.read_points(v, "the direction v")

    def _stacked(self, function: Function, points: Array, v: Array | None = None) -> Array:
        return np.stack(list(self._at(function, points, v).values()), axis=-1)

    def _at(self, function: Function, points: Array, v: Array | None = None) -> dict[Any, Array]:
        broadcast_leading(points, self.given, v)
        inputs: dict[Key, Any] = {Parameter(k): points[..., k] for k in range(self.sizes.total)}
        inputs |= {Constant(name): value for name, value in self.given.constants.items()}
        if v is not None:
            inputs |= {("v", k): v[..., k] for k in range(self.sizes.total)}
        return function(inputs)

    # What a kernel is given

    @property
    def vectorises_alone(self) -> bool:
        """No: a straight line has nothing to vectorise along but other runs."""
        return False

    @property
    def samples(self) -> int:
        """How many samples there are.

        Raises
        ------
        RunError
            Always: a closed form has no index of samples.
        """
        raise RunError(
            "a mini-batch needs a cost that sums over samples: so.Cost(..., data={...}, samples=k)"
        )

    def data(self) -> list[npt.NDArray[Any]]:
        """Return no data arrays."""
        return []

    # One point

    def exact_value(self, point: Array, constants: Mapping[str, float]) -> float:
        """Return J with the bits of the kernel's; nothing is compiled."""
        return float(self._evaluate(self.form.program, ["J"], point, constants)[0])

    def exact_gradient(self, point: Array, constants: Mapping[str, float]) -> Array:
        """Return the gradient with the bits of the kernel's; nothing is compiled."""
        keys: list[Key] = [Slope(k) for k in range(len(point))]
        return np.array(self._evaluate(self.form.program, keys, point, constants))

    def exact_product(self, point: Array, v: Array, constants: Mapping[str, float]) -> Array:
        """Return the Hessian times v with the bits of the kernel's; nothing is compiled."""
        program = self.form.product
        along: dict[Key, float] = {("v", k): float(entry) for k, entry in enumerate(v)}
        keys = list(program.outputs)
        return np.array(self._evaluate(program, keys, point, constants=constants, along=along))

    def count_squares(self) -> float:
        """Return of how many squares J is the sum: 0 if of none, NaN if one is subtracted."""
        squares = self.form.squares
        if not squares or has_constant_term(self.form.expression, self.form.params):
            return 0
        known = {sp.Symbol(name, real=True): one for name, one in self.given.constants.items()}
        factors = [float(factor.xreplace(known)) for factor, _ in squares]
        if min(factors) < 0:
            return math.nan
        return float(np.count_nonzero(factors))

    def exact_matrix(self, kind: str, point: Array, constants: Mapping[str, float]) -> Array:
        """Return the "hessian" or "gauss_newton" matrix with the bits of the kernel's."""
        n = len(point)
        columns, rows = np.tril_indices(n)
        keys: list[Key] = [(kind, int(i), int(j)) for i, j in zip(rows, columns, strict=True)]
        program = self.form.kernel_program([kind], batch=False)
        result = np.empty((n, n))
        result[rows, columns] = self._evaluate(program, keys, point, constants)
        result[columns, rows] = result[rows, columns]
        return result

    def _evaluate(
        self,
        program: Program,
        keys: list[Key],
        point: Array,
        constants: Mapping[str, float],
        along: Mapping[Key, float] | None = None,
    ) -> list[float]:
        inputs: dict[Key, float] = {Parameter(k): value for k, value in enumerate(point)}
        inputs |= {Constant(name): value for name, value in constants.items()}
        inputs |= along or {}
        values = evaluate(program.only(keys), inputs)
        return [values[key] for key in keys]

    def interpreters(self, point: Array, constants: Mapping[str, float]) -> Run:
        """Give a maker of interpreters of programs at the point."""
        return scalar_interpreters(point, constants)

    def expansion(self, point: Array, constants: Mapping[str, float]) -> Expansion:
        """Return J along rays from the point, as series."""
        from symopt.diagnosis.expand import expand_closed_form

        return expand_closed_form(self.form.value_program, point, constants)

    def slope(self, interpreter: Interpreter, entry: int) -> Any:
        """Return an entry of the gradient that an interpreter works out."""
        return interpreter.output(Slope(entry))
