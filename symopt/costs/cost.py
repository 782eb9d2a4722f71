"""Cost: an objective in SymPy, and what is derived from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symopt.autodiff.reverse import gauss_newton, gradient, hessian, tangent
from symopt.compiler.codegen.pointwise_function import Function
from symopt.costs import display
from symopt.costs.assumptions import check_symbols, check_values, symbols_by_name, warn_of_parameters
from symopt.costs.checking import checked
from symopt.costs.checks import (
    checked_constants,
    free_symbols,
    made_real,
    optimum,
    parameters,
    reject_impossible,
    scalar,
    sum_of_squares,
    warn_if_unrolled,
)
from symopt.costs.indexed import SumCost
from symopt.costs.ingredients import Ingredients
from symopt.costs.name_resolution import Data, has_sums, read_data, read_sums
from symopt.costs.points import Flat, read_point
from symopt.costs.shape_inference import Sizes
from symopt.diagnosis.check import Check
from symopt.diagnosis.expand import over_sums, written_out
from symopt.diagnosis.rays import Expansion
from symopt.diagnosis.repair import repaired
from symopt.errors import CostError, did_you_mean
from symopt.frontend.expressions import lower
from symopt.ir.program import Graph, Key, Program
from symopt.lazy import cached_property
from symopt.passes.fma import contracted
from symopt.validation import Array

DEEPEST_PICKLED = 100  # levels of an expression
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
        A scalar SymPy expression, or another Cost: what is given beside it comes on top of what that
        was made from, and an array that data are given for is no longer a parameter.
    params
        The parameters, in the order of theta: symbols, arrays (``sympy.IndexedBase``, of one or
        two indices) or their names, in a list or a tuple. All that occur and are not data, sorted by
        name, if left out.
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
        own = Ingredients.read(expression, params, data, where, samples)
        other = expression if isinstance(expression, Cost) else None
        if other is not None and own.empty:
            self.__dict__.update(other.__dict__)
        else:
            self._make(own if other is None else own.on(other.ingredients, other.data))
        if other is not None:
            self._inherit(other, changed=bool(own.params or own.data))
        if optimal_value is not None:
            self.optimal_value = optimum(optimal_value)

    def _make(self, ingredients: Ingredients) -> None:
        expression = scalar(ingredients.expression)
        self.ingredients = ingredients
        self.optimal_value = None
        self.text: str | None = None  # what it was parsed from
        self.bound: dict[str, Any] = {}
        self.kernels: dict[Any, Any] = {}  # those that were written for this cost, shared with its bound copies
        self.sums: SumCost | None = None
        self.data: Data = {}
        reject_impossible(expression)
        if ingredients.data or ingredients.where or ingredients.samples is not None or has_sums(expression):
            self._read_sums(expression, ingredients)
        else:
            self._read_closed_form(expression, ingredients.params)

    def _inherit(self, other: Cost, changed: bool) -> None:
        """Take over what holds of another cost; the smallest value holds for the same parameters and data alone."""
        known = {*self.constants, *(self.sums.form.sizes if self.sums is not None else ())}
        self.text = other.text
        self.bound = {name: value for name, value in other.bound.items() if name in known}
        self.optimal_value = None if changed else other.optimal_value

    def _read_closed_form(self, expression: sp.Expr, params: list[Any] | None) -> None:
        symbols = free_symbols(expression)
        self.params = parameters(symbols, params)
        self.constants = tuple(sorted(symbols.keys() - {p.name for p in self.params}))
        self._note_assumptions(symbols)
        self.expression: sp.Expr = made_real(expression, symbols)
        self._value  # noqa: B018  what cannot be lowered is refused here, before anything runs

    def _read_sums(self, expression: sp.Expr, ingredients: Ingredients) -> None:
        data = ingredients.data
        form = read_sums(expression, ingredients.params, data, ingredients.where, ingredients.samples)
        self.sums = SumCost(form)
        self.data = read_data(data, form.data, form.integer_data)
        self.params = tuple(sp.IndexedBase(name) if axes else sp.Symbol(name) for name, axes in form.params.items())
        self.constants = form.constants
        self.expression = expression
        self._note_assumptions(symbols_by_name([expression, *ingredients.parts]))
        check_values(self.assumed, self.data)

    def _note_assumptions(self, symbols: Mapping[str, Any]) -> None:
        """Keep what SymPy was told of constants and data, to check values by; warn of parameters."""
        params = [symbols[p.name] for p in self.params]
        self.assumed = {name: symbols[name] for name in (*self.constants, *self.data)}
        check_symbols([*params, *self.assumed.values()])
        warn_of_parameters(params)

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled.

        Raises
        ------
        CostError
            If the expression is nested too deep for SymPy to be pickled.
        """
        if display.depth(self.expression) > DEEPEST_PICKLED:
            raise CostError(
                f"the cost is nested {display.depth(self.expression)} deep; at most {DEEPEST_PICKLED} levels can be "
                "pickled: build it anew in each process"
            )
        return self.__dict__.copy()

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
            check_values(self.assumed, data)
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

    def value(self, theta: Any, /, **constants: Any) -> Any:
        """Return J at one point, shape (n,), as a number, or at many, shape (..., n), as an array.

        A point is flat, or it has labels and is read by them: a mapping from each parameter to its
        value (an array for an array, with leading axes for many points), a pandas Series, a DataFrame
        whose rows are points, an xarray DataArray over ``param``. Where the only parameter is an
        array of two indices, an array of its shape is that array.
        """
        if self.sums is not None:
            return self._over_sums("value", theta, constants)[0][()]
        return self._at(self._value_function, theta, constants)["J"][()]

    def grad(self, theta: Any, /, **constants: Any) -> Array:
        """Return the gradient, shape (..., n)."""
        if self.sums is not None:
            return self._repaired("gradient", self._over_sums("gradient", theta, constants)[1], theta, constants)
        slopes = np.stack(list(self._at(self._gradient_function, theta, constants).values()), axis=-1)
        return self._repaired("gradient", slopes, theta, constants)

    def hvp(self, theta: Any, v: Any, /, **constants: Any) -> Array:
        """Return the Hessian times ``v``, by forward over reverse mode, shape (..., n)."""
        if self.sums is not None:
            product = self._over_sums("tangent", theta, constants, v)[1]
            return self._repaired("product", product, theta, constants, v)
        direction = self._points(v, "the direction v")
        more: dict[Key, Any] = {("v", k): direction[..., k] for k in range(self.size)}
        product = np.stack(list(self._at(self._hvp_function, theta, constants, more).values()), axis=-1)
        return self._repaired("product", product, theta, constants, v)

    def hessian(self, theta: Any, /, **constants: Any) -> Array:
        """Return the Hessian, shape (..., n, n).

        Raises
        ------
        CostError
            If a cost with sums has so many parameters that it would not fit; use :meth:`hvp`.
        """
        if self.sums is not None:
            bound = self(**constants)
            found = self.sums.hessian(theta, bound.data, bound.bound, bound.check_constants({}))
            return self._repaired("hessian", found, theta, constants)
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
        return self._repaired("hessian", result, theta, constants)

    def _repaired(self, what: str, result: Array, theta: Any, constants: Mapping[str, Any], v: Any = None) -> Array:
        """Return derivatives with the entries that compiled code leaves NaN, where they exist."""
        if not np.isnan(result).any():
            return result
        bound = self(**constants)
        points, sizes = bound.points(theta)
        leading = result.shape[: -2 if what == "hessian" else -1]
        points = np.broadcast_to(points, (*leading, points.shape[-1]))
        flat = points.reshape(-1, points.shape[-1])
        columns = {
            name: np.broadcast_to(np.asarray(value, dtype=np.float64), leading).reshape(-1)
            for name, value in bound.check_constants({}).items()
        }

        def at(rows: Any) -> dict[str, Any]:
            return {name: column[rows] for name, column in columns.items()}

        def values(rows: Any) -> Array:
            return np.asarray(bound.value(Flat(flat[rows]), **at(rows)))

        def expansion(row: int) -> Expansion:
            if sizes is None:
                return written_out(self._value, flat[row], at(row))
            return over_sums(self._value, flat[row], at(row), sizes, bound.data)

        if v is None:
            return repaired(what, result, points, values, expansion)
        along = bound.sums.direction(v, sizes) if bound.sums is not None and sizes else self._points(v)
        return repaired(what, result, points, values, expansion, np.broadcast_to(along, points.shape))

    def check(self, at: Any, /, digits: float = 12, **constants: Any) -> Check:
        """Return how many digits of J, its gradient and its Hessian hold at a point.

        Each number of compiled code stands beside the value of the expression as it was written and
        of SymPy's own derivatives of it, in 50 digits, and in more until these change nothing. The
        gradient and the Hessian are compared besides with differences of such values of J along two
        directions, of a step too small to matter. Kinks and singular places at the point are named,
        and the operation that loses most digits. Beyond 40 parameters, or in very long sums, the
        Hessian is compared only along these directions, which the table says.

        Parameters
        ----------
        at
            One point, as :meth:`value` takes one.
        digits
            How many digits have to hold, from 0 to 17, beyond what the rounding of the inputs takes.
        **constants
            The cost's constants.

        Returns
        -------
        Check
            Shown as a table; ``ok`` says whether all hold, ``rows`` has the numbers.

        Raises
        ------
        CostError
            If it is no single point, if its numbers are not finite, or if sums have too many terms.

        Examples
        --------
        >>> import symopt as so
        >>> J = so.parse("log(1 + exp(x)) + (y - x^2)^2")
        >>> J.check([800, 1]).ok
        True
        """
        return checked(self(**constants), at, digits)

    @property
    def size(self) -> int:
        """How many parameters there are.

        Raises
        ------
        CostError
            If that depends on theta: a cost with sums over parameters serves any number of them.
        """
        return len(self.params) if self.sums is None else self.sizes({}, None).total

    def arrays(self, theta: Any) -> dict[str, Array]:
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
        return self.readings(theta, constants)[0]

    def readings(self, theta: Any, constants: Mapping[str, Any] | None = None) -> Sequence[tuple[Array, Sizes | None]]:
        """Return what :meth:`points` does, and behind it how an array could be read otherwise."""
        if self.sums is None:
            return [(self._points(theta), None)]
        bound = self(**(constants or {}))
        return self.sums.readings(theta, bound.data, self.sums.given(bound.bound))

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
        values = checked_constants(self.constants, [p.name for p in self.params], {**self.bound, **constants})
        check_values(self.assumed, values)
        return values

    # Programs

    @cached_property
    def _value(self) -> Program:
        if self.sums is not None:
            return self.sums.form.value
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
            if _fit_together(values.values()):
                raise  # it says something else
            shapes = {key[-1]: np.shape(value) for key, value in values.items() if key[0] == "c"}
            raise CostError(
                f"points of shape {points.shape} and constants of shapes {shapes} do not fit together"
            ) from None

    def _points(self, theta: Any, what: str = "a point") -> Array:
        points = read_point(theta, dict.fromkeys((p.name for p in self.params), 0), what).joined()
        if points.ndim == 0 or points.shape[-1] != self.size:
            raise CostError(
                f"{what} has shape {points.shape}; expected ({self.size},) or (..., {self.size}), for {self._names}"
            )
        return points

    @property
    def _names(self) -> str:
        return ", ".join(p.name for p in self.params)

    # Faces

    def __repr__(self) -> str:
        return display.line(self._text_of_expression, self._names, self.data)

    @cached_property
    def _text_of_expression(self) -> str:
        return display.text(self.expression)

    def _sympy_(self) -> sp.Expr:
        return self.expression

    def latex(self) -> str:
        """Return J in LaTeX, and its gradient where that is short: SymPy's own derivatives swell on large costs."""
        short = self.sums is None and len(self._value.nodes) <= 60 and len(self.params) <= 6
        return display.latex(self.expression, self.params, self.params if short else ())

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def _repr_html_(self) -> str:
        return display.page(self.latex(), self.source, self.statements)


def _fit_together(values: Iterable[Any]) -> bool:
    """Return whether values have shapes that broadcast."""
    try:
        np.broadcast_shapes(*map(np.shape, values))
    except ValueError:
        return False
    return True
