"""Rule and @rule: an optimizer as an update map, read once from an ordinary function.

The function is called with symbols; what it returns is the update in SymPy, from which the
compiled step, the LaTeX and the theory are derived.
"""

from __future__ import annotations

import dataclasses
import inspect
import linecache
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import sympy as sp

from symopt.autodiff.update import Initial, Update
from symopt.errors import RuleError, did_you_mean
from symopt.reader import Reader, with_numbers_as_symbols
from symopt.symbols import FILLED_IN, grad0, theta, theta0

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
    values
        The value of every hyperparameter and option.
    iterate
        What is reported as the iterate: ``"theta"`` or the name of a state.
    """

    function: Callable[..., Any] = field(repr=False)
    name: str
    states: Mapping[str, Initial]
    values: Mapping[str, Any]
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
        for parameter in keyword:
            if parameter.name in FILLED_IN:
                continue
            if parameter.default is parameter.empty:
                raise RuleError(f"{where}: {parameter.name} needs a default, as in {parameter.name}=0.9")
            values[parameter.name] = parameter.default
        initial = {name: _initial(name, start, values, where) for name, start in states.items()}
        if iterate != "theta" and iterate not in states:
            raise RuleError(f"{where}: iterate={iterate!r} is not a state{did_you_mean(iterate, states)}")
        return cls(function, function.__name__, initial, values, iterate)

    def __call__(self, **values: Any) -> Rule:
        """Return the same rule with other hyperparameters or options.

        Raises
        ------
        RuleError
            If a name is not one of the rule's, or a value is not a number, schedule or array.
        """
        for name, value in values.items():
            if name not in self.values:
                raise RuleError(f"{self.name} has no hyperparameter {name!r}{did_you_mean(name, self.values)}")
            _check_value(self.name, name, value)
        return dataclasses.replace(self, values={**self.values, **values})

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
            _updates[key] = Reader(self).update()
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
            raise RuleError(f"{where}: {_line_of(error, self.function)}: {error}") from error
        values = list(result) if isinstance(result, tuple) else [result]
        names = ["theta", *self.states]
        if len(values) != len(names):
            raise RuleError(
                f"{where}: returns {len(values)} value(s); expected {len(names)}, the next {', '.join(names)}"
            )
        return {name: sp.sympify(value) for name, value in zip(names, values, strict=True)}


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
    if isinstance(start, int | float) and not isinstance(start, bool):
        return float(start)
    raise RuleError(
        f"{where}: the state {name} starts at {start!r}; expected a number, the name of a hyperparameter, "
        "so.theta0 or so.grad0"
    )


def _is_option(value: Any) -> bool:
    return value is None or isinstance(value, bool | str)


def _check_value(rule: str, name: str, value: Any) -> None:
    if _is_option(value) or isinstance(value, sp.Expr):
        return
    try:
        numbers = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise RuleError(
            f"{rule}({name}=...): {value!r} is not a number, a schedule in so.t, or an array of numbers"
        ) from None
    if not np.isfinite(numbers).all():
        raise RuleError(f"{rule}({name}=...): {_short(value)} is not finite")


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"<{' x '.join(map(str, value.shape))} values>" if value.ndim else f"{value:g}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _where(function: Callable[..., Any]) -> str:
    return f"rule {function.__name__}"


def _line_of(error: Exception, function: Callable[..., Any]) -> str:
    """Return the rule's own line at which an error arose."""
    code = function.__code__
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == code.co_filename and frame.name == code.co_name:
            text = linecache.getline(frame.filename, frame.lineno or 0).strip() or frame.line
            return f"line {frame.lineno}, {text!r}"
    return "while reading it"
