"""Cost: an objective in SymPy, and what is derived from it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symopt.autodiff.contract import contracted
from symopt.autodiff.derive import gradient, tangent
from symopt.autodiff.lower import lower
from symopt.autodiff.program import Graph, Key, Program
from symopt.compiler.function import Function
from symopt.door import free_symbols, made_real, parameters, reject_impossible, scalar
from symopt.errors import CostError, did_you_mean
from symopt.floats import Array, NotNumbersError, as_floats

LARGEST_HESSIAN = 20_000  # nodes of a Hessian that is written out; beyond, it is made of columns


class Cost:
    """A cost function J(theta), to be minimised.

    Symbols are taken as real numbers. Those that are not parameters are constants: given at run
    time, compiled once for all values.

    At a kink the gradient is a fixed subgradient: sign(0) = 0, a tie of Max or Min belongs to its
    first argument (in SymPy's order), the slope of sqrt at 0 is 0. log(1 + exp(x)), 1/(1 + exp(x)),
    x*log(x), log(1 + x) and exp(x) - 1 are computed in forms that neither overflow nor cancel.

    Parameters
    ----------
    expression
        A scalar SymPy expression, or another Cost.
    params
        The parameters, in the order of theta: symbols or their names. All free symbols, sorted by
        name, if left out.

    Raises
    ------
    CostError
        If a parameter does not occur, two symbols share a name, or the expression is not real.
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
    """

    def __init__(self, expression: Any, params: Iterable[Any] | sp.Symbol | str | None = None) -> None:
        if isinstance(expression, Cost) and params is None:
            self.__dict__.update(expression.__dict__)
            return
        given = scalar(expression.expression if isinstance(expression, Cost) else expression)
        symbols = free_symbols(given)
        reject_impossible(given)
        self.params = parameters(symbols, params)
        self.constants = tuple(name for name in sorted(symbols) if name not in {p.name for p in self.params})
        self.expression: sp.Expr = made_real(given, symbols)
        self.text: str | None = None  # what it was parsed from
        self.bound: dict[str, Any] = {}
        self.kernels: dict[Any, Any] = {}  # those that were written for this cost, shared with its bound copies
        self._value  # noqa: B018  what cannot be lowered is refused here, before anything runs

    def __call__(self, /, **constants: Any) -> Cost:
        """Return the same cost with its constants given; an array makes an axis of a sweep.

        Raises
        ------
        CostError
            If a name is not a constant of this cost.
        """
        for name in constants:
            if name not in self.constants:
                raise CostError(f"the cost has no constant {name!r}{did_you_mean(name, self.constants)}")
        other = object.__new__(Cost)
        other.__dict__.update(self.__dict__)
        other.bound = {**self.bound, **constants}
        return other

    # Values

    def value(self, theta: npt.ArrayLike | Mapping[Any, float], /, **constants: Any) -> Any:
        """Return J at one point, shape (n,), as a number, or at many, shape (..., n), as an array."""
        return self._at(self._value_function, theta, constants)["J"][()]

    def grad(self, theta: npt.ArrayLike | Mapping[Any, float], /, **constants: Any) -> Array:
        """Return the gradient, shape (..., n)."""
        return np.stack(list(self._at(self._gradient_function, theta, constants).values()), axis=-1)

    def hvp(self, theta: npt.ArrayLike | Mapping[Any, float], v: npt.ArrayLike, /, **constants: Any) -> Array:
        """Return the Hessian times ``v``, by forward over reverse mode, shape (..., n)."""
        direction = self._points(v)
        more: dict[Key, Any] = {("v", k): direction[..., k] for k in range(self.size)}
        return np.stack(list(self._at(self._hvp_function, theta, constants, more).values()), axis=-1)

    def hessian(self, theta: npt.ArrayLike | Mapping[Any, float], /, **constants: Any) -> Array:
        """Return the Hessian, shape (..., n, n)."""
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
        """How many parameters there are."""
        return len(self.params)

    @property
    def source(self) -> str:
        """The generated Python of value and gradient: the code that is compiled."""
        return self._function(self.program).source

    @property
    def statements(self) -> int:
        """How many operations value and gradient take together."""
        return sum(bool(node.args) for node in self.program.nodes)

    def check_constants(self, constants: Mapping[str, Any]) -> dict[str, Any]:
        """Return the value of every constant, given here or bound before.

        Raises
        ------
        CostError
            If one is missing or unknown, or is not finite.
        """
        values = {**self.bound, **constants}
        for name in constants:
            if name not in self.constants:
                raise CostError(f"the cost has no constant {name!r}{did_you_mean(name, self.constants)}")
        missing = [name for name in self.constants if name not in values]
        if missing:
            names = ", ".join(missing)
            raise CostError(
                f"missing: {names}. Give a value, as in J({missing[0]}=1.0); "
                f"or name it among params={[p.name for p in self.params]} if it is to be optimised"
            )
        for name in self.constants:
            try:
                as_floats(values[name])
            except NotNumbersError as error:
                raise CostError(f"constant {name}: {error}; expected a number or an array of numbers") from None
        return {name: values[name] for name in self.constants}

    # Programs

    @cached_property
    def _value(self) -> Program:
        graph = Graph()
        place: dict[str, Key] = {p.name: ("x", k) for k, p in enumerate(self.params)}
        place |= {name: ("c", name) for name in self.constants}
        node = lower(graph, self.expression, lambda symbol: graph.input(place[symbol.name]))
        return graph.program({"J": node})

    @cached_property
    def _raw_gradient(self) -> Program:
        return gradient(self._value, [("x", k) for k in range(self.size)])

    @cached_property
    def program(self) -> Program:
        """The program of J and ("g", k) that every kernel is made of."""
        return contracted(self._raw_gradient)

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
        graph = Graph()
        outputs: dict[Key, int] = {}
        for j in range(self.size):
            column = graph.splice(tangent(self._raw_gradient, {("x", j): 1.0}), graph.input)
            outputs |= {("h", i, j): column["d", ("g", i)] for i in range(j + 1)}
        return self._function(contracted(graph.program(outputs)))

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
        text = self._shown_text
        return f"Cost({text if len(text) < 200 else text[:200] + '...'}, params=({self._names}))"

    @cached_property
    def _shown_text(self) -> str:
        return str(self.expression)

    def _sympy_(self) -> sp.Expr:
        return self.expression

    def latex(self) -> str:
        """Return J and its gradient in LaTeX."""
        names = ", ".join(sp.latex(p) for p in self.params)
        lines = [f"J({names}) &= {sp.latex(self.expression)}"]
        lines += [
            rf"\frac{{\partial J}}{{\partial {sp.latex(p)}}} &= {sp.latex(self.expression.diff(p))}"
            for p in self._shown
        ]
        return r"\begin{aligned} " + r" \\ ".join(lines) + r" \end{aligned}"

    @property
    def _shown(self) -> Sequence[sp.Symbol]:
        """The parameters whose slopes a notebook shows: SymPy's own derivatives swell on large costs."""
        small = len(self._value.nodes) <= 60 and self.size <= 6
        return self.params if small else ()

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def _repr_html_(self) -> str:
        source = html.escape(self.source)
        return (
            f"<div>$\\displaystyle {html.escape(self.latex(), quote=False)}$"
            f"<details><summary>{self.statements} operations for value and gradient</summary>"
            f"<pre>{source}</pre></details></div>"
        )
