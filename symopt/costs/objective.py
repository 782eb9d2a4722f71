"""What a cost is to all that works with it: one protocol, which both kinds of cost answer.

A *closed form* is one straight line of operations; an *indexed* cost has loops over arrays. Bound
to a start, constants and data, either gives whatever values, runs, sweeps and SciPy ask for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import sympy as sp

from symopt.compiler.codegen.kernel_spec import LoopCost
from symopt.costs.data import Data
from symopt.costs.sizes import Sizes
from symopt.errors import CostError
from symopt.frontend.written import write
from symopt.ir.keys import Key
from symopt.ir.program import Program
from symopt.validation import Array

if TYPE_CHECKING:
    from symopt.diagnosis.interpreter import Interpreter
    from symopt.diagnosis.looks import Run
    from symopt.diagnosis.rays import Expansion


LARGEST_MATRIX = 100  # parameters of a cost whose Hessian a kernel makes in each step


def matrix_too_large(n: int) -> str:
    """Say that a matrix of n rows is beyond what a kernel makes."""
    return f"a matrix of {n} x {n} numbers; expected at most {LARGEST_MATRIX} parameters"


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a call brings beside its points.

    Attributes
    ----------
    constants
        The value of each constant: a number, or an array beside many points.
    named
        All values given by name, sizes among them.
    data
        The data arrays.
    """

    constants: Mapping[str, Any] = field(default_factory=dict)
    named: Mapping[str, Any] = field(default_factory=dict)
    data: Data = field(default_factory=dict)


class BoundObjective(Protocol):
    """A cost whose start, constants, data and sizes are known: everything that a run asks for."""

    @property
    def form(self) -> Objective:
        """The cost itself."""

    @property
    def start(self) -> Array:
        """The points that it is bound to, shape (..., n)."""

    @property
    def sizes(self) -> Sizes:
        """The sizes and shapes that follow from points and data."""

    @property
    def given(self) -> Given:
        """The constants, and data."""

    def with_constants(self, constants: Mapping[str, Any]) -> BoundObjective:
        """Return the same with other values of the constants."""

    # Derivatives in compiled code, at points of shape (..., n)

    def value(self, points: Array) -> Array:
        """Return J, shape (...)."""

    def grad(self, points: Array) -> Array:
        """Return the gradient, shape (..., n)."""

    def hvp(self, points: Array, v: Array) -> Array:
        """Return the Hessian times v, shape (..., n)."""

    def hessian(self, points: Array) -> Array:
        """Return the Hessian, shape (..., n, n)."""

    def direction(self, v: Any) -> Array:
        """Return directions that a user gives like points, shape (..., n)."""

    # What a kernel is given

    @property
    def vectorises_alone(self) -> bool:
        """Whether one run fills the vector lanes with its own sums."""

    @property
    def samples(self) -> int:
        """How many samples mini-batches draw from."""

    def data(self) -> list[npt.NDArray[Any]]:
        """Return the data arrays, flat, in the order in which kernels take them."""

    # One point, to explain what happened there

    def exact_value(self, point: Array, constants: Mapping[str, float]) -> float:
        """Return J with the bits of the kernel's."""

    def exact_gradient(self, point: Array, constants: Mapping[str, float]) -> Array:
        """Return the gradient with the bits of the kernel's."""

    def exact_product(self, point: Array, v: Array, constants: Mapping[str, float]) -> Array:
        """Return the Hessian times v with the bits of the kernel's."""

    def count_squares(self) -> float:
        """Return of how many squares J is the sum: 0 if of none, NaN if one is subtracted."""

    def exact_matrix(self, kind: str, point: Array, constants: Mapping[str, float]) -> Array:
        """Return the "hessian" or the "gauss_newton" matrix with the bits of the kernel's."""

    def interpreters(self, point: Array, constants: Mapping[str, float]) -> Run:
        """Give a maker of interpreters of programs at the point."""

    def expansion(self, point: Array, constants: Mapping[str, float]) -> Expansion:
        """Return J along rays from the point, as series."""

    def slope(self, interpreter: Interpreter, entry: int) -> Any:
        """Return an entry of the gradient that an interpreter works out."""


class Objective(Protocol):
    """A cost as its programs: the same for all points, constants, data and sizes."""

    params: tuple[Any, ...]
    """The parameters, in the order of theta."""
    constants: tuple[str, ...]
    """The names of the constants, sorted."""
    expression: sp.Expr
    symbols: Mapping[str, Any]
    """The symbols and arrays as the user made them, with their assumptions."""
    size_symbols: frozenset[str]
    """The names that stand for lengths."""
    kernels: dict[Any, Any]
    """The kernels that were written for this cost, by rule and options."""
    probes_gradient: bool
    """Whether a kernel takes a gradient for the tolerance where the rule takes none."""

    @property
    def value_program(self) -> Program:
        """The program of J."""

    @property
    def program(self) -> Program:
        """The program of J and its gradient that every kernel is made of."""

    @property
    def squares(self) -> Sequence[tuple[sp.Expr, sp.Expr]]:
        """The pairs (c, r) where J is written as a sum of c*r**2; else none."""

    @property
    def shown_slopes(self) -> tuple[sp.Symbol, ...]:
        """The parameters by which the slope is short enough to be shown."""

    @property
    def input_names(self) -> Mapping[Key, str]:
        """What the inputs of the programs are called."""

    @property
    def source(self) -> str:
        """The generated Python of value and gradient."""

    @property
    def statements(self) -> int:
        """How many operations value and gradient take together."""

    def lacks(self, need: str) -> str:
        """Name what the cost lacks for a rule's need; empty where it lacks nothing."""

    def read_data(self, data: Mapping[Any, Any]) -> Data:
        """Check and read data arrays."""

    def find_sizes(self, given: Given, total: int | None) -> Sizes:
        """Return the sizes of a call with so many parameters, or of any call."""

    def readings(self, theta: Any, given: Given) -> Sequence[tuple[Array, Sizes]]:
        """Return every way in which points can be read, the first one first."""

    def bind(self, start: Any, given: Given) -> BoundObjective:
        """Bind the cost to points, as a user gives them, and to constants and data."""

    def kernel_program(self, curvature: Iterable[str], batch: bool) -> Program | LoopCost:
        """Give the program that a kernel evaluates, with what a rule asks of the curvature."""


def state_of(objective: Objective) -> dict[str, Any]:
    """Return what is pickled of a cost.

    Kernels are left out, which are known by the updates of this process alone, and so is what is
    found anew from the expression.
    """
    state = {name: value for name, value in vars(objective).items() if name != "squares"}
    return state | {"kernels": {}, "expression": write(objective.expression)}


def broadcast_leading(points: Array, given: Given, v: Array | None = None) -> tuple[int, ...]:
    """Return the leading axes that points, constants and directions share.

    Raises
    ------
    CostError
        If their shapes do not fit together.
    """
    constants = {name: np.shape(value) for name, value in given.constants.items()}
    shapes = [points.shape[:-1], *constants.values()]
    if v is not None:
        shapes.append(v.shape[:-1])
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        others = f"constants of shapes {constants}"
        if v is not None:
            others = f"v of shape {v.shape}, constants {constants}"
        raise CostError(
            f"points of shape {points.shape} and {others} do not fit together"
        ) from None
