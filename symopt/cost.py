"""Cost: an objective in SymPy, and what is derived from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symopt import faces
from symopt.autodiff.contract import contracted
from symopt.autodiff.derive import gauss_newton, gradient, hessian, tangent
from symopt.autodiff.lower import lower
from symopt.autodiff.program import Graph, Key, Program
from symopt.compiler.function import Function
from symopt.door import (
    checked_constants,
    free_symbols,
    made_real,
    mapping,
    optimum,
    parameters,
    reject_impossible,
    scalar,
    sum_of_squares,
    warn_if_unrolled,
)
from symopt.errors import CostError, did_you_mean
from symopt.floats import Array, NotNumbersError, as_floats
from symopt.shapes import Sizes
from symopt.sumcost import SumCost
from symopt.sums import Data, has_sums, read_data, read_sums

LARGEST_HESSIAN = 20_000  # nodes of a Hessian that is written out; beyond, it is made of columns


class Cost:
    """A cost function J(theta), to be minimised.

    Symbols are taken as real numbers. Those that are not parameters are constants: given at run
    time, compiled once for all values.

    At a kink the gradient is a fixed subgradient: sign(0) = 0, a tie of Max or Min belongs to its
    first argument (in SymPy's order), the slope of sqrt at 0 is 0. log(1 + exp(x)), 1/(1 + exp(x)),
    x*log(x), log(1 + x) and exp(x) - 1 are computed in forms that neither overflow nor cancel.

    ``sympy.Sum``, ``sympy.Product`` and ``so.logsumexp`` over arrays stay loops: one kernel serves
    any number of terms and any data. theta is then flat: the parameter arrays one after the other,
    each in row order. Size symbols follow from data and from theta, since the largest index of
    an array is its last.

    Parameters
    ----------
    expression
        A scalar SymPy expression, or another Cost.
    params
        The parameters, in the order of theta: symbols, arrays (``sympy.IndexedBase``, of one or
        two indices) or their names. All that occur and are not data, sorted by name, if left out.
    data
        The values of the other arrays: ``{X: array, t: array}``. They are arguments of the compiled
        code, used where they lie if they are contiguous float64.
    where
        Named intermediates, computed once and stored: ``{H[k, j]: expression}``, over the ranges
        of the sums that use it, or ``{H[k, j]: (expression, (k, 0, m - 1), (j, 0, h - 1))}``.
    samples
        The index that mini-batches draw from, as in ``minimize(..., batch=64)``.
    optimal_value
        The smallest value of J, where it is known: some rules need it, as ``so.polyak_step``.

    Raises
    ------
    CostError
        If a parameter does not occur, two symbols share a name, the expression is not real, an
        index stands outside its sum or is not affine, or data do not fit.
    UnsupportedError
        If it holds a function that has no machine code.

    Examples
    --------
    >>> import sympy as sp, symopt as so
    >>> x, y, kappa = sp.symbols("x y kappa")
    >>> J = so.Cost((x**2 + kappa*y**2)/2, params=(x, y))
    >>> J.value([1, 1], kappa=50)
    np.float64(25.5)
    >>> J.grad([1, 1], kappa=50)
    array([ 1., 50.])
    >>> J.hessian([1, 1], kappa=50)
    array([[ 1.,  0.],
           [ 0., 50.]])
    >>> i, n = sp.symbols("i n", integer=True)
    >>> theta = sp.IndexedBase("theta")
    >>> chain = so.Cost(sp.Sum((theta[i + 1] - theta[i])**2, (i, 0, n - 2)), params=theta)
    >>> chain.value([0, 1, 3]), chain.grad([0, 1, 3])
    (np.float64(5.0), array([-2., -2.,  4.]))
    """

    optimal_value: float | None

    def __init__(
        self,
        expression: Any,
        params: Iterable[Any] | sp.Symbol | sp.IndexedBase | str | None = None,
        *,
        data: Mapping[Any, npt.ArrayLike] | None = None,
        where: Mapping[Any, Any] | None = None,
        samples: Any = None,
        optimal_value: float | None = None,
    ) -> None:
        known = None if optimal_value is None else optimum(optimal_value)
        if isinstance(expression, Cost) and params is None:
            self.__dict__.update(expression.__dict__)
            self.optimal_value = expression.optimal_value if known is None else known
            return
        self.optimal_value = known
        given = scalar(expression.expression if isinstance(expression, Cost) else expression)
        self.text: str | None = None  # what it was parsed from
        self.bound: dict[str, Any] = {}
        self.kernels: dict[Any, Any] = {}  # those that were written for this cost, shared with its bound copies
        self.sums: SumCost | None = None
        self.data: Data = {}
        reject_impossible(given)
        data = mapping(data, "data", "{X: array} with X a sympy.IndexedBase or its name")
        where = mapping(where, "where", "{H[k, j]: expression}")
        if data or where or samples is not None or has_sums(given):
            self._read_sums(given, params, data, where, samples)
            return
        symbols = free_symbols(given)
        self.params = parameters(symbols, params)
        self.constants = tuple(name for name in sorted(symbols) if name not in {p.name for p in self.params})
        self.expression: sp.Expr = made_real(given, symbols)
        self._value  # noqa: B018  what cannot be lowered is refused here, before anything runs

    def _read_sums(
        self, expression: sp.Expr, params: Any, data: Mapping[Any, Any], where: Mapping[Any, Any], samples: Any
    ) -> None:
        form = read_sums(expression, params, data, where, samples)
        self.sums = SumCost(form)
        self.data = read_data(data, form.data, form.integer_data)
        self.params = tuple(sp.IndexedBase(name) if axes else sp.Symbol(name) for name, axes in form.params.items())
        self.constants = form.constants
        self.expression = expression

    def __call__(self, /, **constants: Any) -> Cost:
        """Return the same cost with its constants given; an array makes an axis of a sweep.

        Raises
        ------
        CostError
            If a name is not a constant of this cost.
        """
        self._check_names(constants)
        other = object.__new__(Cost)
        other.__dict__.update(self.__dict__)
        if self.sums is not None:
            data = {name: constants.pop(name) for name in self.data if name in constants}
            other.data = {**self.data, **read_data(data, self.sums.form.data, self.sums.form.integer_data)}
        other.bound = {**self.bound, **constants}
        return other

    def _check_names(self, given: Mapping[str, Any]) -> None:
        sizes = sorted(self.sums.form.sizes) if self.sums is not None else ()
        known = [*self.constants, *sizes, *self.data]
        for name in given:
            if name not in known:
                raise CostError(f"the cost has no constant {name!r}{did_you_mean(name, known)}")

    # Values

    def value(self, theta: npt.ArrayLike | Mapping[Any, float], /, **constants: Any) -> Any:
        """Return J at one point, shape (n,), as a number, or at many, shape (..., n), as an array.

        A point is flat, or a mapping from each parameter to its value (an array for an array, with
        leading axes for many points).
        """
        if self.sums is not None:
            return self._over_sums("value", theta, constants)[0][()]
        return self._at(self._value_function, theta, constants)["J"][()]

    def grad(self, theta: npt.ArrayLike | Mapping[Any, float], /, **constants: Any) -> Array:
        """Return the gradient, shape (..., n)."""
        if self.sums is not None:
            return self._over_sums("gradient", theta, constants)[1]
        return np.stack(list(self._at(self._gradient_function, theta, constants).values()), axis=-1)

    def hvp(self, theta: npt.ArrayLike | Mapping[Any, float], v: npt.ArrayLike, /, **constants: Any) -> Array:
        """Return the Hessian times ``v``, by forward over reverse mode, shape (..., n)."""
        if self.sums is not None:
            return self._over_sums("tangent", theta, constants, v)[1]
        direction = self._points(v)
        more: dict[Key, Any] = {("v", k): direction[..., k] for k in range(self.size)}
        return np.stack(list(self._at(self._hvp_function, theta, constants, more).values()), axis=-1)

    def hessian(self, theta: npt.ArrayLike | Mapping[Any, float], /, **constants: Any) -> Array:
        """Return the Hessian, shape (..., n, n).

        Raises
        ------
        CostError
            If a cost with sums has so many parameters that it would not fit; use :meth:`hvp`.
        """
        if self.sums is not None:
            bound = self(**constants)
            return self.sums.hessian(theta, bound.data, bound.bound, bound.check_constants({}))
        n = self.size
        if self._hessian_function is None:
            points = self._points(theta)[..., None, :]
            columns = self.hvp(points, np.eye(n), **constants)
            return (columns + np.swapaxes(columns, -1, -2)) / 2
        entries = self._at(self._hessian_function, theta, constants)
        shape = next(iter(entries.values())).shape
        result = np.zeros((*shape, n, n))
        for key, entry in entries.items():
            i, j = int(key[1]), int(key[2])
            result[..., i, j] = result[..., j, i] = entry
        return result

    @property
    def size(self) -> int:
        """How many parameters there are.

        Raises
        ------
        CostError
            If that depends on theta: a cost with sums over parameters serves any number of them.
        """
        return len(self.params) if self.sums is None else self.sizes({}, None).total

    def arrays(self, theta: npt.ArrayLike) -> dict[str, Array]:
        """Return points, shape (..., n), as arrays by the names of the parameters.

        Examples
        --------
        >>> import sympy as sp, symopt as so
        >>> i, j = sp.symbols("i j", integer=True)
        >>> W = sp.IndexedBase("W", shape=(2, 2))
        >>> J = so.Cost(sp.Sum(W[i, j]**2, (i, 0, 1), (j, 0, 1)), params=W)
        >>> J.arrays([1.0, 2.0, 3.0, 4.0])["W"]
        array([[1., 2.],
               [3., 4.]])
        """
        points, sizes = self.points(theta)
        return sizes.split(points) if sizes is not None else {p.name: points[..., k] for k, p in enumerate(self.params)}

    def labels(self, sizes: Sizes | None) -> list[str]:
        """Return a name for each entry of theta."""
        return [p.name for p in self.params] if sizes is None else sizes.labels()

    def points(self, theta: Any, constants: Mapping[str, Any] | None = None) -> tuple[Array, Sizes | None]:
        """Return points as floats, shape (..., n), and for a cost with sums the sizes that follow from them."""
        if self.sums is None:
            return self._points(theta), None
        bound = self(**(constants or {}))
        return self.sums.points(theta, bound.data, self.sums.given(bound.bound))

    def sizes(self, constants: Mapping[str, Any], total: int | None) -> Sizes:
        """Return the sizes of a cost with sums that has so many parameters."""
        assert self.sums is not None
        return self.sums.sizes(self.data, self.sums.given({**self.bound, **constants}), {}, total)

    def _over_sums(
        self, which: str, theta: Any, constants: Mapping[str, Any], v: npt.ArrayLike | None = None
    ) -> tuple[Array, Array]:
        bound = self(**constants)  # data may be among them
        assert bound.sums is not None
        return bound.sums.at(which, theta, bound.data, bound.bound, bound.check_constants({}), v)

    @property
    def source(self) -> str:
        """The generated Python of value and gradient: the code that is compiled."""
        if self.sums is not None:
            return self.sums.functions["gradient"].source
        return self._function(self.program).source

    @property
    def statements(self) -> int:
        """How many operations value and gradient take together; in loops, in one turn of each."""
        return sum(bool(node.args) for node in self.program.nodes)

    def check_constants(self, constants: Mapping[str, Any]) -> dict[str, Any]:
        """Return the value of every constant, given here or bound before.

        Raises
        ------
        CostError
            If one is missing or unknown, or is not finite.
        """
        self._check_names(constants)
        return checked_constants(self.constants, [p.name for p in self.params], {**self.bound, **constants})

    # Programs

    @cached_property
    def _value(self) -> Program:
        if self.sums is not None:
            return self.sums.value
        return self._lowered(self.expression)

    def _lowered(self, expression: sp.Expr) -> Program:
        graph = Graph()
        place: dict[str, Key] = {p.name: ("x", k) for k, p in enumerate(self.params)}
        place |= {name: ("c", name) for name in self.constants}
        return graph.program({"J": lower(graph, expression, lambda symbol: graph.input(place[symbol.name]))})

    @property
    def _keys(self) -> list[Key]:
        return [("x", k) for k in range(self.size)]

    @cached_property
    def _raw_gradient(self) -> Program:
        return gradient(self._value, self._keys)

    @cached_property
    def program(self) -> Program:
        """The program of J and its gradient that every kernel is made of."""
        if self.sums is not None:
            return self.sums.gradient
        made = contracted(self._raw_gradient)
        warn_if_unrolled(sum(bool(node.args) for node in made.nodes))
        return made

    def curved(self, matrices: Iterable[str]) -> Program:
        """Return the program of J, its gradient and some matrices: "hessian", "gauss_newton"."""
        graph = Graph()
        programs = [self._raw_gradient]
        if "hessian" in matrices:
            programs.append(hessian(self._raw_gradient, self._keys))
        if "gauss_newton" in matrices:
            residuals = [(self._lowered(c), self._lowered(r)) for c, r in self.squares]
            programs.append(gauss_newton(residuals, self._keys))
        outputs = {key: node for one in programs for key, node in graph.splice(one, graph.input).items()}
        return contracted(graph.program(outputs))

    @cached_property
    def squares(self) -> list[tuple[sp.Expr, sp.Expr]]:
        """The pairs (c, r) where J is written as a sum of c*r**2, with c free of parameters; else none."""
        return [] if self.sums is not None else sum_of_squares(self.expression, self.params)

    @cached_property
    def _value_function(self) -> Function:
        return self._function(self.program.only(["J"]))

    @cached_property
    def _gradient_function(self) -> Function:
        return self._function(self.program.only([("g", k) for k in range(self.size)]))

    @cached_property
    def _hvp_function(self) -> Function:
        program = tangent(self._raw_gradient, {("x", k): ("v", k) for k in range(self.size)})
        keys: list[Key] = [("d", ("g", k)) for k in range(self.size)]
        only = contracted(program).only(keys)
        return self._function(Program(only.nodes, {("g", k): only.outputs[key] for k, key in enumerate(keys)}))

    @cached_property
    def _hessian_function(self) -> Function | None:
        if self.size * len(self._raw_gradient.nodes) > LARGEST_HESSIAN:
            return None
        return self._function(contracted(hessian(self._raw_gradient, self._keys)))

    def _function(self, program: Program) -> Function:
        names: dict[Key, str] = {("x", k): f"x{k}" for k in range(self.size)}
        labels: dict[Key, str] = {("x", k): p.name for k, p in enumerate(self.params)}
        for k, name in enumerate(self.constants):
            names["c", name], labels["c", name] = f"c{k}", name
        present = set(program.inputs)
        for k, p in enumerate(self.params):
            if ("v", k) in present:
                names["v", k], labels["v", k] = f"v{k}", f"direction {p.name}"
        return Function(program, names, labels)

    def _at(
        self, function: Function, theta: Any, constants: Mapping[str, Any], more: Mapping[Key, Any] | None = None
    ) -> dict[Key, Array]:
        points = self._points(theta)
        values: dict[Key, Any] = {("x", k): points[..., k] for k in range(self.size)}
        values |= {("c", name): value for name, value in self.check_constants(constants).items()}
        try:
            return function({**values, **(more or {})})
        except ValueError:
            shapes = {key[-1]: np.shape(value) for key, value in values.items() if key[0] == "c"}
            raise CostError(
                f"points of shape {points.shape} and constants of shapes {shapes} do not fit together"
            ) from None

    def _points(self, theta: Any) -> Array:
        if isinstance(theta, Mapping):
            theta = self.ordered(theta)
        try:
            points = as_floats(theta, finite=False)
        except NotNumbersError as error:
            raise CostError(f"{error}; a point has {self.size} number(s), for {self._names}") from None
        if points.ndim == 0 or points.shape[-1] != self.size:
            raise CostError(f"a point of shape {points.shape}; expected {self.size} number(s), for {self._names}")
        return points

    def ordered(self, theta: Mapping[Any, Any]) -> list[Any]:
        """Return the values of a mapping from parameters or their names, in order."""
        by_name = {getattr(key, "name", key): value for key, value in theta.items()}
        if len(by_name) < len(theta):
            raise CostError(f"a point names a parameter twice: {', '.join(map(str, theta))}")
        wanted = [p.name for p in self.params]
        for name in [*by_name, *wanted]:
            if name not in wanted or name not in by_name:
                raise CostError(f"a point is given for {', '.join(map(str, by_name))}; expected {self._names}")
        return [by_name[name] for name in wanted]

    @property
    def _names(self) -> str:
        return ", ".join(p.name for p in self.params)

    # Faces

    def __repr__(self) -> str:
        return faces.line(self._text_of_expression, self._names, self.data)

    @cached_property
    def _text_of_expression(self) -> str:
        return str(self.expression)

    def _sympy_(self) -> sp.Expr:
        return self.expression

    def latex(self) -> str:
        """Return J in LaTeX, and its gradient where that is short: SymPy's own derivatives swell on large costs."""
        short = self.sums is None and len(self._value.nodes) <= 60 and len(self.params) <= 6
        return faces.latex(self.expression, self.params, self.params if short else ())

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def _repr_html_(self) -> str:
        return faces.page(self.latex(), self.source, self.statements)
