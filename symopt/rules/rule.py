"""Rule and @rule: an optimizer as an update map, read once from an ordinary function.

The function is called with symbols; what it returns is the update in SymPy, from which the
compiled step, the LaTeX and the theory are derived.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
import sympy as sp

from symopt.errors import RuleError, UnsupportedError, did_you_mean
from symopt.ir.update import Initial, Update
from symopt.lazy import cached_property
from symopt.rules.bounds import Bound
from symopt.rules.counts import Repeat, lay_out_states, with_lists
from symopt.rules.foreign_names import suggest
from symopt.rules.hyperparameters import (
    Ranges,
    check_hyperparameter,
    check_ranges,
    in_range,
    is_option,
    short,
)
from symopt.rules.lowering import Reader, with_numbers_as_symbols
from symopt.rules.portable import take_apart
from symopt.rules.signature import Signature, read_signature
from symopt.rules.tracing import order_equations, trace
from symopt.validation import equal

_updates: dict[Any, Update] = {}
WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")
"""A word in LaTeX, which is no command."""
BACKSLASH = "\\"
CHANGED = " with other values"
"""What is said behind the call of another library, once the rule has got values of its own."""


@overload
def rule(function: Callable[..., Any], /) -> Rule: ...
@overload
def rule(
    *,
    iterate: str = "theta",
    needs: Iterable[str] = (),
    ranges: Ranges | None = None,
    **states: float | str | sp.Expr,
) -> Callable[[Callable[..., Any]], Rule]: ...
def rule(
    function: Callable[..., Any] | None = None,
    /,
    *,
    iterate: str = "theta",
    needs: Iterable[str] = (),
    ranges: Ranges | None = None,
    **states: Any,
) -> Rule | Callable[[Callable[..., Any]], Rule]:
    """Make an optimizer of a function that maps (theta, state) to the next (theta, state).

    Parameters
    ----------
    iterate
        The state that is reported as the iterate, for methods that average.
    needs
        What not every cost has and this rule needs: "hessian", "gauss_newton", "optimal_value".
        A function that asks for one of them by name needs it anyway.
    ranges
        Where hyperparameters may lie, by name: ``so.Range(0, 1, open_above=True)``, or the texts
        that an option may be. A value outside is refused when it is given; anywhere unless stated.
    **states
        Where each state starts: a number, the name of a hyperparameter, ``so.theta0`` or
        ``so.grad0``; or ``so.repeat(0, "K")`` for a list of K states.

    The function takes ``theta`` and the states by position. What it asks for by keyword, without
    default, is filled in: ``grad(point)``, ``value(point)``, ``t``, ``T``, ``norm(u)``, ``dot(u,
    v)``, ``mean(u)``, ``n`` (how many parameters there are), ``normal()`` (standard normal numbers,
    another draw at each call), ``let(name, value)`` (a value with an equation of its own),
    ``optimal_value``, ``hvp(point, v)`` (the Hessian at a point times a vector, of the mini-batch
    where there is one), and ``solve(A, v)``, whose A is ``hessian(point)`` or
    ``gauss_newton(point)``, perhaps times a number and plus numbers times ``identity`` and its
    ``diagonal``. Every other keyword-only argument has a default. Where the default is a number
    it is a hyperparameter (it may be given as a schedule in ``so.t`` and ``so.T``, or as an
    array: an axis of a sweep); where it is True, False, None or a text it is an option, which
    chooses among equations. So does a whole number that is annotated with ``int`` or that the
    function counts with, as ``K`` in ``range(K)``: the function is called with it as Python's
    own.  Raises ------ RuleError If the signature does not fit, with the line concerned.

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
        return Rule.of(function, states, iterate, needs, ranges or {})

    if function is None:
        return make
    return make(function)


def _nothing(rule: Rule) -> list[str]:  # noqa: ARG001  what says nothing of any rule
    return []


@dataclass(frozen=True, eq=False)
class Rule:
    """An optimizer: equations, and values for their hyperparameters.

    Made by :func:`rule`. Calling it gives the same rule with other values.

    Rules are equal where their names, equations, starts of states, values and reported iterates
    are. They can be pickled: one of a module that can be imported travels by its name there, one of
    ``__main__``, of a notebook or of another function by its equations, those of up to 16
    combinations of its options.

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
    needs
        What a cost must have: "hessian", "gauss_newton", "optimal_value".
    ranges
        Where hyperparameters may lie.
    inner
        The rule that this one is wrapped around, if any.
    origin
        The call of another library that this rule was made from, if any.
    averages
        Whether the rule's own iterate is a state.
    initial
        Where the arguments of the function for states start, lists of them among these.
    told
        What says how a rule departs from its paper.
    notes
        Other departures of a library from the paper, in words, by the hyperparameters that they are
        about.
    """

    function: Callable[..., Any] = field(repr=False)
    name: str
    states: Mapping[str, Initial]
    values: Mapping[str, Any]
    defaults: Mapping[str, Any]
    iterate: str = "theta"
    needs: tuple[str, ...] = ()
    ranges: Ranges = field(default_factory=dict, repr=False)
    wanted: tuple[str, ...] = field(default=(), repr=False)
    inner: Rule | None = None
    origin: str = ""
    averages: bool = False
    notes: Mapping[str, str] = field(default_factory=dict, repr=False)
    initial: Mapping[str, Initial | Repeat] = field(default_factory=dict, repr=False)
    told: Callable[[Rule], list[str]] = field(default=_nothing, repr=False)

    @classmethod
    def of(
        cls,
        function: Callable[..., Any],
        states: Mapping[str, Any],
        iterate: str = "theta",
        needs: Iterable[str] = (),
        ranges: Ranges | None = None,
    ) -> Rule:
        """Read the signature of a rule's function."""
        signature: Signature = read_signature(function, states, iterate, needs=needs)
        own = check_ranges(ranges or {}, signature.values, signature.name)
        values = {
            key: in_range(signature.name, key, value, ranges=own)
            for key, value in signature.values.items()
        }
        return cls(
            function=with_lists(function, signature.initial),
            name=signature.name,
            states=lay_out_states(signature.name, signature.initial, values),
            values=values,
            defaults=values,
            iterate=iterate,
            needs=signature.needs,
            ranges=own,
            wanted=signature.wanted,
            averages=iterate != "theta",
            initial=signature.initial,
        )

    def __call__(self, /, *unnamed: Any, **values: Any) -> Rule:
        """Return the same rule with other hyperparameters or options, given by name.

        Raises
        ------
        RuleError
            If a name is not one of the rule's, or a value is not a number, schedule or array, or
            not in its range.
        """
        if unnamed:
            raise RuleError(
                f"{self.name} takes its values by name, as in "
                f"{self.name}({next(iter(self.values), 'eta')}=0.1)"
            )
        for name in values:
            if name not in self.values:
                near = suggest(name, self.name, self.values, ranges=self.ranges)
                raise RuleError(f"{self.name} has no hyperparameter {name!r}{near}")
        good = {
            name: check_hyperparameter(self.name, name, value, default=self.defaults[name])
            for name, value in values.items()
        }
        good = {
            name: in_range(self.name, name, value, ranges=self.ranges)
            for name, value in good.items()
        }
        all_values = {**self.values, **good}
        states = self.states
        if self.counts & good.keys():
            states = self._lay_out_states(all_values)
        origin = self.origin and f"{self.origin.removesuffix(CHANGED)}{CHANGED}"
        notes = {name: text for name, text in self.notes.items() if name not in values}
        return dataclasses.replace(
            self, values=all_values, states=states, origin=origin, notes=notes
        )

    @property
    def counts(self) -> set[str]:
        """The options that say how many states there are."""
        own = {str(start.count) for start in self.initial.values() if isinstance(start, Repeat)}
        if self.inner is not None:
            return own | self.inner.counts
        return own

    def _lay_out_states(self, values: Mapping[str, Any]) -> Mapping[str, Initial]:
        """Return the states that there are with other values of the options."""
        if self.inner is None:
            return lay_out_states(self.name, self.initial, values)
        changed = [name for name in self.inner.counts if values[name] != self.values[name]]
        if changed:
            raise RuleError(
                f"{self.name}: {changed[0]} says how many states {self.inner.name} has; give it "
                f"there, as in so.{self.name.partition('(')[0]}({self.inner.name}({changed[0]}=2))"
            )
        return self.states

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rule):
            return NotImplemented
        if (self.name, self.iterate) != (other.name, other.iterate):
            return False
        if not equal(self.states, other.states) or not equal(self.values, other.values):
            return False
        return self.function == other.function or equal(self.equations, other.equations)

    def __hash__(self) -> int:
        return hash((self.name, self.iterate, *self.states))

    def __reduce__(self) -> tuple[Callable[..., Rule], tuple[Any, ...]]:
        return take_apart(self)

    def __copy__(self) -> Rule:
        return dataclasses.replace(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Rule:
        return dataclasses.replace(self, values=copy.deepcopy(self.values, memo))

    def reporting(self, iterate: str) -> Rule:
        """Return the same rule with another iterate to report: "theta", or a state.

        Raises
        ------
        RuleError
            If it has no such state.
        """
        if iterate != "theta" and iterate not in self.states:
            raise RuleError(
                f"{self.name} has no state {iterate!r}{did_you_mean(iterate, self.states)}"
            )
        return dataclasses.replace(self, iterate=iterate)

    def __repr__(self) -> str:
        parts, own = [], dict(self.values)
        if self.inner is not None:
            parts.append(repr(self.within))
            own = {name: value for name, value in own.items() if name not in self.inner.values}
        parts += [f"{name}={short(value)}" for name, value in own.items()]
        return f"{self.name.partition('(')[0]}({', '.join(parts)})"

    def __str__(self) -> str:
        if not self.origin:
            return repr(self)
        lines = [self.origin, f"is {self!r}"]
        if self.differences:
            lines += ["and differs from the paper:", *(f"- {words}" for words in self.differences)]
        return "\n".join(lines)

    @property
    def differences(self) -> list[str]:
        """How the equations chosen depart from the paper's, in words.

        Examples
        --------
        >>> import symopt as so
        >>> so.nadam(momentum_schedule=False).differences
        ['mu_t = beta1 is constant: there is no momentum schedule']
        """
        return [*self.told(self), *self.notes.values()]

    @property
    def within(self) -> Rule:
        """The inner rule of a wrapped one, with the values that it has here."""
        assert self.inner is not None
        values = {name: self.values[name] for name in self.inner.values}
        return dataclasses.replace(self.inner, values=values)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"

    def latex(self) -> str:
        """Return the equations in LaTeX, one line each, with the hyperparameters as symbols."""
        lines = [rf"{left} &\leftarrow {right}" for left, right in self.latex_sides]
        return r"\begin{aligned} " + r" \\ ".join(lines) + r" \end{aligned}"

    @property
    def latex_sides(self) -> list[tuple[str, str]]:
        """The left and right side of each equation in LaTeX."""
        symbols = set(self.equations)
        symbols = symbols.union(*(right.free_symbols for right in self.equations.values()))
        names = {symbol: _latex_name(symbol.name) for symbol in symbols}
        return [
            (names[left], sp.latex(right, symbol_names=names, mul_symbol=r"\,"))
            for left, right in self.equations.items()
        ]

    @property
    def doc(self) -> str:
        """The rule's docstring."""
        return inspect.getdoc(self.function) or ""

    @cached_property
    def hyperparameters(self) -> dict[str, Any]:
        """The values that are numbers, schedules or arrays; the rest are options."""
        return {name: value for name, value in self.values.items() if not is_option(value)}

    @property
    def box(self) -> tuple[str, str] | None:
        """The states that hold the lower and the upper bounds of theta, if it has any."""
        sides = {
            bound.side: name
            for name, start in self.states.items()
            if isinstance(bound := self.values.get(str(start)), Bound)
        }
        if not sides:
            return None
        return sides["low"], sides["high"]

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

        A next value that a later equation uses stands there as a symbol with a prime; what a
        wrapper makes on the way, as a clipped gradient, has a symbol and an equation of its own.
        """
        new, named = trace(
            self.function,
            self.name,
            self.states,
            values=self.values,
            defaults=self.defaults,
            wanted=self.wanted,
        )
        return order_equations(new, named, self.iterate)

    @cached_property
    def update(self) -> Update:
        """The update as programs, for the compiler; one for all values of the hyperparameters."""
        structure = {
            name: with_numbers_as_symbols(name, value) for name, value in self.schedules.items()
        }
        options = {
            name: value
            for name, value in self.values.items()
            if name not in self.hyperparameters and not isinstance(value, Bound)
        }
        key = (self.function, self.iterate, tuple(options.items()), tuple(structure.items()))
        if key not in _updates:
            try:
                _updates[key] = Reader(self).update()
            except UnsupportedError as error:
                raise RuleError(f"rule {self.name}: {error}") from None
        return _updates[key]


def _latex_name(name: str) -> str:
    """Return a symbol's name in LaTeX: words upright, a prime behind its stem."""
    stem = name.removesuffix("'")
    written = sp.latex(sp.Symbol(stem))
    if "_" in stem and not written.startswith("\\") and WORD.search(written):
        return rf"\text{{{stem.replace('_', BACKSLASH + '_')}}}" + name[len(stem) :]
    return WORD.sub(lambda word: rf"\text{{{word[0]}}}", written) + name[len(stem) :]


def same(one: Any, other: Any) -> bool:
    """Return whether two values are one number, schedule or option."""
    return one is other or (np.ndim(one) == 0 == np.ndim(other) and bool(one == other))
