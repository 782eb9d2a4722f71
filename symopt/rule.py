"""Rule and @rule: an optimizer as an update map, read once from an ordinary function.

The function is called with symbols; what it returns is the update in SymPy, from which the
compiled step, the LaTeX and the theory are derived.
"""

from __future__ import annotations

import dataclasses
import inspect
import linecache
import math
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from symopt.autodiff.update import Initial, Update
from symopt.errors import RuleError, UnsupportedError, did_you_mean
from symopt.floats import NotNumbersError, as_floats
from symopt.reader import Reader, with_numbers_as_symbols
from symopt.symbols import FILLED_IN, T, grad0, t, theta, theta0

_updates: dict[Any, Update] = {}


def rule(*, iterate: str = "theta", **states: Any) -> Callable[[Callable[..., Any]], Rule]:
    """Make an optimizer of a function that maps (theta, state) to the next (theta, state).

    Parameters
    ----------
    iterate
        The state that is reported as the iterate, for methods that average.
    **states
        Where each state starts: a number, the name of a hyperparameter, ``so.theta0`` or
        ``so.grad0``.

    The function takes ``theta`` and the states by position; ``grad``, ``t``, ``T``, ``norm``,
    ``dot`` and ``mean`` are keyword-only without default and filled in; every other keyword-only
    argument has a default. Where the default is a number it is a hyperparameter (it may be given
    as a schedule in ``so.t`` and ``so.T``, or as an array: an axis of a sweep); where it is True,
    False, None or a text it is an option, which chooses among equations.

    Raises
    ------
    RuleError
        If the signature does not fit, with the line concerned.

    Examples
    --------
    >>> import symopt as so
    >>> @so.rule(m=0)
    ... def heavy_ball(theta, m, *, grad, eta=0.01, beta=0.9):
    ...     m = beta*m - eta*grad(theta)
    ...     return theta + m, m
    >>> heavy_ball(eta=0.1)
    heavy_ball(eta=0.1, beta=0.9)
    """

    def make(function: Callable[..., Any]) -> Rule:
        return Rule.of(function, states, iterate)

    return make


@dataclass(frozen=True, eq=False)
class Rule:
    """An optimizer: equations, and values for their hyperparameters.

    Made by :func:`rule`. Calling it gives the same rule with other values.

    Attributes
    ----------
    name
        The name of the function.
    states
        Where each state starts, in order.
    values, defaults
        The value of every hyperparameter and option, and what it is unless given.
    iterate
        What is reported as the iterate: ``"theta"`` or the name of a state.
    """

    function: Callable[..., Any] = field(repr=False)
    name: str
    states: Mapping[str, Initial]
    values: Mapping[str, Any]
    defaults: Mapping[str, Any]
    iterate: str = "theta"

    @classmethod
    def of(cls, function: Callable[..., Any], states: Mapping[str, Any], iterate: str) -> Rule:
        """Read the signature of a rule's function."""
        parameters = list(inspect.signature(function).parameters.values())
        positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        keyword = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
        where = _where(function)
        if len(positional) + len(keyword) != len(parameters):
            raise RuleError(
                f"{where}: *args and **kwargs are not allowed in a rule; name every state and hyperparameter"
            )
        if positional != ["theta", *states]:
            raise RuleError(
                f"{where}: the arguments before * are {', '.join(positional) or 'none'}; expected theta and then the "
                f"states of the decorator in its order: {', '.join(['theta', *states])}"
            )
        values: dict[str, Any] = {}
        given = [parameter.name for parameter in keyword if parameter.default is not parameter.empty]
        taken = [name for name in states if name in ("n", "t", "T")] + [n for n in given if n in (*FILLED_IN, "n")]
        if taken:
            raise RuleError(f"{where}: {taken[0]} is what symopt's own equations call something; choose another name")
        for parameter in keyword:
            if parameter.name in FILLED_IN:
                continue
            if parameter.default is parameter.empty:
                raise RuleError(f"{where}: {parameter.name} needs a default, as in {parameter.name}=0.9")
            values[parameter.name] = parameter.default
        initial = {name: _initial(name, start, values, where) for name, start in states.items()}
        if iterate != "theta" and iterate not in states:
            raise RuleError(f"{where}: iterate={iterate!r} is not a state{did_you_mean(iterate, states)}")
        name = function.__name__
        checked = {key: _checked(where, key, value, value) for key, value in values.items()}
        return cls(function, name, initial, checked, checked, iterate)

    def __call__(self, **values: Any) -> Rule:
        """Return the same rule with other hyperparameters or options.

        Raises
        ------
        RuleError
            If a name is not one of the rule's, or a value is not a number, schedule or array.
        """
        for name in values:
            if name not in self.values:
                raise RuleError(f"{self.name} has no hyperparameter {name!r}{did_you_mean(name, self.values)}")
        checked = {name: _checked(self.name, name, value, self.defaults[name]) for name, value in values.items()}
        return dataclasses.replace(self, values={**self.values, **checked})

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={_short(value)}' for name, value in self.values.items())})"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def latex(self) -> str:
        """Return the equations in LaTeX, one line each, with the hyperparameters as symbols."""
        lines = [rf"{sp.latex(left)} &\leftarrow {sp.latex(right)}" for left, right in self.equations.items()]
        return r"\begin{aligned} " + r" \\ ".join(lines) + r" \end{aligned}"

    @property
    def doc(self) -> str:
        """The rule's docstring."""
        return inspect.getdoc(self.function) or ""

    @cached_property
    def hyperparameters(self) -> dict[str, Any]:
        """The values that are numbers, schedules or arrays; the rest are options."""
        return {name: value for name, value in self.values.items() if not _is_option(value)}

    @cached_property
    def schedules(self) -> dict[str, sp.Expr]:
        """The hyperparameters that change with the step."""
        return {
            name: value
            for name, value in self.hyperparameters.items()
            if isinstance(value, sp.Expr) and value.free_symbols
        }

    @cached_property
    def equations(self) -> dict[sp.Symbol, sp.Expr]:
        """The update in SymPy: each state's and theta's next value, in the order of computing.

        A next value that a later equation uses stands there as a symbol with a prime.
        """
        new = self._trace()
        live = _live_states(new, self.iterate)
        order = [name for name in self.states if name in live]
        primed = {name: sp.Symbol(f"{name}'", real=True) for name in order}
        known = sorted(
            ((new[name], primed[name]) for name in order if new[name].args), key=lambda pair: -pair[0].count_ops()
        )
        new = {
            name: value.subs([(e, symbol) for e, symbol in known if e != value or name == "theta"])
            for name, value in new.items()
        }
        order = _by_use(order, new, primed)
        return {**{primed[name]: new[name] for name in order}, sp.Symbol("theta'", real=True): new["theta"]}

    @cached_property
    def update(self) -> Update:
        """The update as programs, for the compiler; one for all values of the hyperparameters."""
        structure = {name: with_numbers_as_symbols(name, value) for name, value in self.schedules.items()}
        options = {name: value for name, value in self.values.items() if name not in self.hyperparameters}
        key = (self.function, tuple(options.items()), tuple(structure.items()))
        if key not in _updates:
            try:
                _updates[key] = Reader(self).update()
            except UnsupportedError as error:
                raise RuleError(f"{_where(self.function)}: {error}") from None
        return _updates[key]

    def _trace(self) -> dict[str, sp.Expr]:
        """Call the function with symbols and return the next value of theta and each state."""
        where = _where(self.function)
        state = [sp.Symbol(name, real=True) for name in self.states]
        given = {
            name: value if _is_option(value) else sp.Symbol(name, real=True) for name, value in self.values.items()
        }
        wanted = inspect.signature(self.function).parameters
        filled = {name: value for name, value in FILLED_IN.items() if name in wanted}
        try:
            result = self.function(theta, *state, **filled, **given)
        except Exception as error:
            raise RuleError(f"{where}: {_line_of(error, self.function)}: {error}{_advice(error)}") from error
        if isinstance(result, list):
            raise RuleError(
                f"{where}: returns a list; expected a tuple, as in: return {', '.join(['theta', *self.states])}"
            )
        values = list(result) if isinstance(result, tuple) else [result]
        names = ["theta", *self.states]
        if len(values) != len(names) and result is not None:
            raise RuleError(
                f"{where}: returns {len(values)} value(s); expected {len(names)}, the next {', '.join(names)}"
            )
        return {name: self._expression(name, value) for name, value in zip(names, values, strict=False)}

    def _expression(self, name: str, value: Any) -> sp.Expr:
        """Return a next value as SymPy; a text is no expression, and is never read as one."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        result = sp.sympify(value, strict=True) if number else value
        if not isinstance(result, sp.Expr) or getattr(result, "is_Matrix", False):
            kind = "nothing" if value is None else f"{value!r}, a {type(value).__name__}"
            raise RuleError(f"{_where(self.function)}: returns {kind} as the next {name}; expected an expression")
        return result


def _live_states(new: Mapping[str, sp.Expr], iterate: str) -> set[str]:
    """Return the states that the iterate depends on; a rule's unused options leave others behind."""
    live, stack = set(), ["theta", iterate]
    while stack:
        for symbol in new[stack.pop()].free_symbols:
            if symbol.name in new and symbol.name not in live and symbol.name != "theta":
                live.add(symbol.name)
                stack.append(symbol.name)
    return live | ({iterate} - {"theta"})


def _by_use(names: list[str], new: Mapping[str, sp.Expr], primed: Mapping[str, sp.Symbol]) -> list[str]:
    """Return the states in an order in which each next value only uses earlier ones."""
    order: list[str] = []
    while len(order) < len(names):
        for name in names:
            uses = {other for other in names if primed[other] in new[name].free_symbols}
            if name not in order and uses <= set(order):
                order.append(name)
                break
    return order


def _initial(name: str, start: Any, values: Mapping[str, Any], where: str) -> Initial:
    if start is theta0 or start is grad0:
        return "theta0" if start is theta0 else "grad0"
    if isinstance(start, str) and start in values:
        return start
    if isinstance(start, int | float) and not isinstance(start, bool) and math.isfinite(start):
        return float(start)
    raise RuleError(
        f"{where}: the state {name} starts at {start!r}; expected a number, the name of a hyperparameter, "
        "so.theta0 or so.grad0"
    )


def _is_option(value: Any) -> bool:
    return value is None or isinstance(value, bool | str)


def _checked(rule: str, name: str, value: Any, default: Any) -> Any:
    """Return a value that fits its default: an option where that is one, else a number, schedule or array."""
    where = f"{rule}({name}={_short(value)})"
    if isinstance(default, bool | str):
        kind = bool if isinstance(default, bool) else str
        value = bool(value) if isinstance(value, np.bool_) else value
        if not isinstance(value, kind):
            raise RuleError(f"{where}: expected {'True or False' if kind is bool else 'a text'}")
        return value
    if default is None and value is None:
        return None
    if isinstance(value, sp.Basic) and getattr(value, "free_symbols", None):
        return _checked_schedule(where, value)
    try:
        array = as_floats(value)
    except NotNumbersError as error:
        raise RuleError(f"{where}: {error}; expected a number, a schedule in so.t, or an array of numbers") from None
    return float(array) if array.ndim == 0 else value


def _checked_schedule(where: str, value: sp.Basic) -> sp.Expr:
    if not isinstance(value, sp.Expr):
        raise RuleError(f"{where}: a {type(value).__name__}; expected a scalar expression in so.t and so.T")
    for symbol in sorted(value.free_symbols - {t, T}, key=str):
        own = f"a symbol {symbol} of your own: write so.{symbol}" if symbol.name in ("t", "T") else symbol
        raise RuleError(f"{where}: a schedule holds so.t and so.T only, not {own}")
    if value.has(sp.I, sp.zoo, sp.nan, sp.oo):
        raise RuleError(f"{where}: {value} is not real and finite")
    return value


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"<{' x '.join(map(str, value.shape))} values>" if value.ndim else f"{value:g}"
    return f"{value:g}" if isinstance(value, float) else repr(value) if isinstance(value, str) else str(value)


def _where(function: Callable[..., Any]) -> str:
    return f"rule {function.__name__}"


ADVICE = {
    "truth value": "the rule runs once, on symbols: use sp.Piecewise, sp.Max or sp.Min",
    "FunctionClass": "grad is a function: write grad(theta)",
    "ufunc": "use SymPy's functions, as sp.sqrt",
    "Cannot convert expression to float": "use SymPy's functions, as sp.sqrt",
    "loop of ufunc": "use SymPy's functions, as sp.sqrt",
}


def _advice(error: Exception) -> str:
    """Return how to mend a common mistake."""
    return next((f"; {advice}" for words, advice in ADVICE.items() if words in str(error)), "")


def _line_of(error: Exception, function: Callable[..., Any]) -> str:
    """Return the rule's own line at which an error arose."""
    code = function.__code__
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == code.co_filename and frame.name == code.co_name:
            text = linecache.getline(frame.filename, frame.lineno or 0).strip() or frame.line
            return f"line {frame.lineno}, {text!r}"
    return "while reading it"
