"""Cost: an objective in SymPy, and what is derived from it."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy.typing as npt
import sympy as sp

from symopt._typing import ConstantLike, PointLike
from symopt.costs import display
from symopt.costs.assumptions import check_symbols, check_values, warn_of_parameters
from symopt.costs.checks import optimum, read_constants, reject_impossible
from symopt.costs.closed_form import ClosedForm
from symopt.costs.indexed import Indexed
from symopt.costs.ingredients import Ingredients
from symopt.costs.matrices import has_matrices, unit_axes, without_matrices
from symopt.costs.name_resolution import has_sums
from symopt.costs.objective import BoundObjective, Given, Objective
from symopt.costs.points import as_one_point
from symopt.costs.repairs import repair
from symopt.costs.sizes import Sizes
from symopt.costs.sympy_failures import ask_sympy, refuse_failures
from symopt.errors import CostError, did_you_mean
from symopt.ir.program import Program
from symopt.lazy import cached_property
from symopt.validation import Array, equal

if TYPE_CHECKING:
    from symopt.diagnosis.check import Check

DEEPEST_PICKLED = 100  # levels of an expression


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

    ``sympy.MatrixSymbol`` stands for a matrix of any shape, as a parameter or as data: products,
    transposes, traces, inverses, determinants, slices, HadamardProduct and ``.applyfunc`` become
    loops over its entries, in the order that takes the fewest multiplications. log(Determinant(S))
    neither over- nor underflows. A matrix of shape (1, 1) is a number.

    Costs are equal where their expressions, parameters in order, data, intermediates, samples,
    given constants and known smallest values are.

    Parameters
    ----------
    expression
        A scalar SymPy expression, or another Cost: what is given beside it comes on top of what
        that was made from, and an array that data are given for is no longer a parameter.
    params
        The parameters, in the order of theta: symbols, arrays (``sympy.IndexedBase``, of one or two
        indices, or ``sympy.MatrixSymbol``) or their names, in a list, a tuple or one text, as
        ``"x, y"``. All that occur and are not data, sorted by name, if left out.
    data
        The values of the other arrays: ``{X: array, t: array}``, or a DataFrame whose columns they
        are. They are arguments of the compiled code, used where they lie if they are contiguous
        float64.
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
    >>> m, n = sp.symbols("m n", integer=True, positive=True)
    >>> A, x, b = sp.MatrixSymbol("A", m, n), sp.MatrixSymbol("x", n, 1), sp.MatrixSymbol("b", m, 1)
    >>> r = A*x - b
    >>> fit = so.Cost(r.T*r, params=x, data={A: [[1, 0], [1, 1], [1, 2]], b: [1, 3, 5]})
    >>> fit.value([1, 2]), fit.grad([0, 0])
    (np.float64(0.0), array([-18., -26.]))
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
        own = Ingredients.of(expression, params, data, where, samples)
        other = None
        if isinstance(expression, Cost):
            other = expression
        if other is not None and own.empty:
            self.__dict__.update(other.__dict__)
        else:
            self._make(own if other is None else own.on(other.ingredients, other.data))
        if other is not None:
            self._inherit(other, changed=bool(own.params or own.data))
        if optimal_value is not None:
            self.optimal_value = optimum(optimal_value)

    def _make(self, ingredients: Ingredients) -> None:
        self.ingredients = ingredients = ingredients.checked()
        self.optimal_value = None
        self.text: str | None = None  # what it was parsed from
        self.bound: dict[str, Any] = {}
        with refuse_failures(CostError, _this_cost):
            as_arrays = _as_arrays(ingredients)
            self.has_matrices = as_arrays is not ingredients
            self.as_arrays = ask_sympy(as_arrays.rewritten, as_arrays)
            reject_impossible(self.as_arrays.expression)
            self.objective = _read_objective(self.as_arrays, unit_axes(ingredients))
        self.data = self.objective.read_data(self.as_arrays.data)
        self._note_assumptions()
        with refuse_failures(CostError, _this_cost):
            self.objective.value_program  # noqa: B018  what cannot be lowered is refused here

    def _note_assumptions(self) -> None:
        """Keep what SymPy was told of constants and data; warn of parameters."""
        symbols = self.objective.symbols
        params = [symbols[p.name] for p in self.params]
        self.assumed = {name: symbols[name] for name in (*self.constants, *self.data)}
        check_symbols([*params, *self.assumed.values()])
        warn_of_parameters(params)
        check_values(self.assumed, self.data)

    def _inherit(self, other: Cost, changed: bool) -> None:
        """Take over what holds of another cost, its smallest value if parameters and data stay."""
        known = {*self.constants, *self.objective.size_symbols}
        self.text = other.text
        self.bound = {name: value for name, value in other.bound.items() if name in known}
        if changed:
            self.optimal_value = None
        else:
            self.optimal_value = other.optimal_value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Cost):
            return NotImplemented
        return equal(self._made_of, other._made_of)

    def __hash__(self) -> int:
        return hash(tuple(self._names))

    @property
    def _made_of(self) -> list[Any]:
        """What two equal costs have in common."""
        own = self.ingredients
        shared = [self.expression, self._names, self.data, own.where, str(own.samples)]
        return [*shared, dict(sorted(self.bound.items())), self.optimal_value]

    def __copy__(self) -> Cost:
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        return other

    def __deepcopy__(self, memo: dict[int, Any]) -> Cost:
        other = copy.copy(self)  # programs and kernels never change, so that they are shared
        other.data = copy.deepcopy(self.data, memo)
        other.bound = copy.deepcopy(self.bound, memo)
        kept = copy.deepcopy(dict(self.ingredients.data), memo)
        other.ingredients = dataclasses.replace(self.ingredients, data=kept)
        return other

    def __getstate__(self) -> dict[str, Any]:
        """Give the state that is pickled.

        Raises
        ------
        CostError
            If the expression is nested too deep for SymPy to be pickled.
        """
        depth = display.depth(self.expression)
        if depth > DEEPEST_PICKLED:
            raise CostError(
                f"the cost is nested {depth} deep; at most {DEEPEST_PICKLED} levels can be "
                "pickled: build it anew in each process"
            )
        written = {name: getattr(self, name).written() for name in ("ingredients", "as_arrays")}
        return {**vars(self), **written}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.ingredients = self.ingredients.read()
        self.as_arrays = self.as_arrays.read()

    @overload
    def __call__(self, /, **constants: ConstantLike) -> Cost: ...
    @overload
    def __call__(self, theta: PointLike, /, *more: PointLike, **constants: ConstantLike) -> Any: ...
    def __call__(self, /, *theta: PointLike, **constants: ConstantLike) -> Any:
        """Return J at a point, as :meth:`value` does; or the same cost with its constants given.

        A constant that is an array makes an axis of a sweep.

        Raises
        ------
        CostError
            If a name is not a constant of this cost, or the point does not fit.

        Examples
        --------
        >>> import symopt as so
        >>> J = so.parse("x^2 + kappa*y^2", params="x, y")
        >>> J(1, 2, kappa=50), J([1, 2], kappa=50), J(kappa=50)([1, 2])
        (np.float64(201.0), np.float64(201.0), np.float64(201.0))
        """
        if theta:
            return self.value(*theta, **constants)
        if not constants:
            return self
        self._check_names(constants)
        other = object.__new__(Cost)
        other.__dict__.update(self.__dict__)
        data = {name: constants.pop(name) for name in self.data if name in constants}
        if data:
            check_values(self.assumed, data)
            other.data = {**self.data, **self.objective.read_data(data)}
        other.bound = {**self.bound, **constants}
        return other

    def _check_names(self, given: Mapping[str, Any]) -> None:
        if not given:
            return
        known = [*self.constants, *sorted(self.objective.size_symbols), *self.data]
        for name in given:
            if name in self._names:
                raise CostError(
                    f"{name} is a parameter; give the point first, as in "
                    f"J.value({{{', '.join(f'{one!r}: ...' for one in self._names)}}})"
                )
            if name not in known:
                raise CostError(f"the cost has no constant {name!r}{did_you_mean(name, known)}")

    # Values

    def value(self, /, *theta: PointLike, **constants: ConstantLike) -> Any:
        """Return J at one point, shape (n,), as a number, or at many, shape (..., n), as an array.

        A point is flat, or it has labels and is read by them: a mapping from each parameter to its
        value (an array for an array, with leading axes for many points), pairs of both, a pandas
        Series, a DataFrame whose rows or columns are points, an xarray DataArray over ``param``.
        What is given for a parameter is broadcast to its shape, as NumPy does. Where there is one
        parameter, an array of its shape is that parameter, with leading axes for many points; where
        there are several, a list with an array for each is one point.

        ``J.value(1, 2)`` is ``J.value([1, 2])``; several arguments with arrays among them are one
        for each parameter, and broadcast, as coordinates of a grid do.

        Examples
        --------
        >>> import numpy as np, symopt as so
        >>> J = so.parse("x^2 + 3*y^2")
        >>> J.value(1, 2), J.value([1, 2]), J.value({"y": 2, "x": 1})
        (np.float64(13.0), np.float64(13.0), np.float64(13.0))
        >>> J.value({"x": [0, 1], "y": 2}), J.value(np.zeros((4, 1)), np.ones(3)).shape
        (array([12., 13.]), (4, 3))
        """
        bound = self.bind(as_one_point(theta, self._names), **constants)
        return bound.value(bound.start)[()]

    def grad(self, /, *theta: PointLike, **constants: ConstantLike) -> Array:
        """Return the gradient, shape (..., n), at points that are given as to :meth:`value`."""
        bound = self.bind(as_one_point(theta, self._names), **constants)
        return repair("gradient", bound.grad(bound.start), bound)

    def hvp(self, theta: PointLike, v: PointLike, /, **constants: ConstantLike) -> Array:
        """Return the Hessian times ``v``, by forward over reverse mode, shape (..., n)."""
        bound = self.bind(theta, **constants)
        direction = bound.direction(v)
        return repair("product", bound.hvp(bound.start, direction), bound, v=direction)

    def hessian(self, /, *theta: PointLike, **constants: ConstantLike) -> Array:
        """Return the Hessian, shape (..., n, n), at points that are given as to :meth:`value`.

        Raises
        ------
        CostError
            If a cost with sums has so many parameters that it would not fit; use :meth:`hvp`.
        """
        bound = self.bind(as_one_point(theta, self._names), **constants)
        return repair("hessian", bound.hessian(bound.start), bound)

    def check(self, at: PointLike, /, digits: float = 12, **constants: ConstantLike) -> Check:
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
            How many digits have to hold, from 0 to 17, beyond what the rounding of the inputs
            takes.
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
        from symopt.costs.checking import check_cost

        return check_cost(self(**constants), at, digits)

    def bind(self, theta: PointLike, /, **constants: ConstantLike) -> BoundObjective:
        """Bind the cost to points, constants, data and sizes: what values and runs work with.

        Raises
        ------
        CostError
            If a constant is missing or unknown, or the points do not fit.
        """
        # data may be among them
        cost = self
        if constants:
            cost = self(**constants)
        return cost.objective.bind(theta, cost._given({}))

    def _given(self, constants: Mapping[str, Any]) -> Given:
        return Given(
            constants=self.check_constants(constants),
            named={**self.bound, **constants},
            data=self.data,
        )

    @property
    def size(self) -> int:
        """How many parameters there are.

        Raises
        ------
        CostError
            If that depends on theta: a cost with sums over parameters serves any number of them.
        """
        return self.sizes({}, None).total

    def arrays(self, theta: PointLike) -> dict[str, Array]:
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
        return {name: array[()] for name, array in sizes.split(points).items()}

    def points(self, theta: PointLike) -> tuple[Array, Sizes]:
        """Return points as floats, shape (..., n), and the sizes that follow from them."""
        return self.readings(theta)[0]

    def readings(
        self, theta: PointLike, constants: Mapping[str, Any] | None = None
    ) -> Sequence[tuple[Array, Sizes]]:
        """Read points in every way that fits; :meth:`points` takes the first."""
        cost = self(**(constants or {}))
        return cost.objective.readings(theta, Given(named=cost.bound, data=cost.data))

    def sizes(self, constants: Mapping[str, Any], total: int | None) -> Sizes:
        """Return the sizes of a call with so many parameters; None where data say how many."""
        given = Given(named={**self.bound, **constants}, data=self.data)
        return self.objective.find_sizes(given, total)

    def check_constants(self, constants: Mapping[str, Any]) -> dict[str, Any]:
        """Return the value of every constant, given here or bound before.

        Raises
        ------
        CostError
            If one is missing or unknown, or is not finite.
        """
        self._check_names(constants)
        values = read_constants(self.constants, self._names, {**self.bound, **constants})
        check_values(self.assumed, values)
        return values

    def lacks(self, need: str) -> str:
        """Name what the cost lacks for a rule's need; empty where it lacks nothing."""
        if need == "optimal_value" and self.optimal_value is None:
            return (
                "the smallest value of J: give it to the cost, as in so.Cost(J, optimal_value=0.0)"
            )
        return self.objective.lacks(need)

    # What it is made of

    @property
    def params(self) -> tuple[Any, ...]:
        """The parameters, in the order of theta."""
        return self.objective.params

    @property
    def _names(self) -> list[str]:
        return [p.name for p in self.params]

    @property
    def constants(self) -> tuple[str, ...]:
        """The names of the constants, sorted."""
        return self.objective.constants

    @property
    def expression(self) -> sp.Expr:
        """The expression of J: with matrices, where it was given with matrices."""
        if self.has_matrices:
            return self.ingredients.expression
        return self.objective.expression

    @property
    def program(self) -> Program:
        """The program of J and its gradient that every kernel is made of."""
        return self.objective.program

    @property
    def squares(self) -> list[tuple[sp.Expr, sp.Expr]]:
        """The pairs (c, r) where J is a sum of c*r**2, c free of parameters; else none."""
        return list(self.objective.squares)

    @property
    def source(self) -> str:
        """The generated Python of value and gradient: the code that is compiled."""
        return self.objective.source

    @property
    def statements(self) -> int:
        """How many operations value and gradient take together; in loops, in one turn of each."""
        return self.objective.statements

    # How it is shown

    def __repr__(self) -> str:
        names = ", ".join(self._names)
        return display.line(self._text_of_expression, names, self.data)

    @cached_property
    def _text_of_expression(self) -> str:
        return display.text(self.expression)

    def _sympy_(self) -> sp.Expr:
        return self.expression

    def latex(self) -> str:
        """Return J in LaTeX, and its gradient where that is short."""
        return display.latex(self.expression, self.params, self.objective.shown_slopes)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def _repr_html_(self) -> str:
        return display.page(self.latex(), self.source, self.statements)


def _this_cost() -> str:
    return "this cost"


def _as_arrays(ingredients: Ingredients) -> Ingredients:
    """Return the ingredients with arrays and indices in the place of matrices."""
    if not has_matrices(ingredients):
        return ingredients
    return without_matrices(ingredients)


def _read_objective(ingredients: Ingredients, vectors: Mapping[str, int]) -> Objective:
    """Make a closed form or a cost with loops, as the expression asks for."""
    expression = ingredients.expression
    indexed = ingredients.data or ingredients.where or ingredients.samples is not None
    if indexed or has_sums(expression):
        return Indexed(expression, ingredients, vectors)
    return ClosedForm(expression, ingredients.params)
