"""Rules around rules: the equations of one rule within those of another.

A wrapper is a function like that of a rule, whose first argument stands for the inner rule:
``step(theta)`` is the theta that it moves to. What the inner rule sees can be replaced, as in
``step(theta, grad=clipped)``, and so can the states that it starts from or leaves behind.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, wraps
from itertools import count
from typing import Any

import sympy as sp

from symopt.errors import RuleError
from symopt.ir.update import Initial
from symopt.rules.bounds import Bound, put_between
from symopt.rules.counts import Repeat
from symopt.rules.foreign_names import own_names
from symopt.rules.hyperparameters import Ranges, short
from symopt.rules.numpy_sums import check_sums
from symopt.rules.portable import MADE_OF, Name, name_of
from symopt.rules.rule import Rule
from symopt.rules.signature import Signature, read_signature
from symopt.rules.tracing import LET


class Step:
    """One step of the inner rule, for use in the equations of a wrapper.

    Attributes
    ----------
    let
        ``let(name, value)`` gives a value a name: it is an equation of its own then.
    asked
        What the inner rule asks for, by name, as it would see it: grad, value, hessian, ...
    states
        The inner rule's states before the step, by name.
    next
        Its states after the step, once it was called; a wrapper may change them.
    """

    def __init__(self, inner: Rule, states: tuple[sp.Expr, ...], given: Mapping[str, Any]) -> None:
        self._inner, self.let = inner, given[LET]
        self._given = {
            name: given[name] for name in (*inner.wanted, *inner.values) if name in given
        }
        self.asked: dict[str, Any] = {name: given[name] for name in inner.wanted if name != LET}
        self.states: dict[str, sp.Expr] = dict(zip(inner.states, states, strict=True))
        self.next: dict[str, sp.Expr] = dict(self.states)
        self.landed: sp.Expr | None = None

    def __call__(
        self, theta: sp.Expr, states: Mapping[str, sp.Expr] | None = None, **replaced: Any
    ) -> sp.Expr:
        """Return the theta that the inner rule moves to; what it asks for may be replaced."""
        given = {
            **self._given,
            **{name: _memoise(value) for name, value in replaced.items() if name in self._given},
        }
        result = self._inner.function(theta, *(states or self.states).values(), **given)
        if isinstance(result, tuple):
            new, *after = result
        else:
            new, *after = (result,)
        self.next = dict(zip(self.states, after, strict=True))
        self.landed = self.let("theta", new)  # by itself: what is added changes none of its bits
        return self.landed

    def kept_in_box(self, point: sp.Expr) -> sp.Expr:
        """Return a point that a wrapper made of theta, put between the inner rule's bounds again.

        That is the point itself where there are none, or where it is the inner rule's theta.
        """
        sides = {
            bound.side: self.states[name]
            for name, start in self._inner.states.items()
            if isinstance(bound := self._given.get(str(start)), Bound)
        }
        if not sides or point == self.landed:
            return point
        return put_between(point, sides["low"], sides["high"])

    def of_another_cost(
        self, theta: sp.Expr, wrapper: str, **changed: Callable[[Any], Any]
    ) -> sp.Expr:
        """Return the step on another cost: ``changed`` gives what each of its parts becomes.

        Raises
        ------
        RuleError
            If the inner rule needs the smallest value, which is another then.
        """
        if "optimal_value" in self.asked:
            raise RuleError(
                f"{wrapper} changes the cost that {self._inner.name} sees, whose smallest value is "
                "not known then"
            )
        return self(
            theta,
            **{
                name: change(self.asked[name])
                for name, change in changed.items()
                if name in self.asked
            },
        )

    def hyper(self, name: str, wrapper: str) -> sp.Expr:
        """Return a hyperparameter of the inner rule."""
        if name not in self._inner.values:
            raise RuleError(
                f"{wrapper} multiplies by {name}, which {self._inner.name} does not have; expected "
                "times_eta=False"
            )
        return self._given[name]

    def restarted(
        self, where: Any, states: Mapping[str, sp.Expr], theta: sp.Expr
    ) -> dict[str, sp.Expr]:
        """Reset states where the condition holds, at ``theta`` if they start there."""
        fresh = {
            name: self._start(name, start, theta) for name, start in self._inner.states.items()
        }
        return {
            name: sp.Piecewise((fresh[name], where), (value, True))
            for name, value in states.items()
        }

    def _start(self, name: str, start: Initial, theta: sp.Expr) -> Any:
        if start == "theta0":
            return theta
        if start == "grad0":
            raise RuleError(
                f"{self._inner.name}: {name} starts at a gradient, which a restart would have to "
                "take anew"
            )
        if isinstance(start, str) and isinstance(self._given[start], Bound):
            return self.states[name]  # a bound stays what it is
        if isinstance(start, str):
            return self._given[start]
        return sp.nsimplify(start)


@dataclass(frozen=True, eq=False)
class Wrapper:
    """The equations around an inner rule."""

    function: Callable[..., Any]
    signature: Signature
    iterate: str
    ranges: Ranges
    words: Callable[..., str] | None

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Name]]:
        name = name_of(self.function, self)
        if name is None:
            raise RuleError(
                f"the wrapper {self.name} cannot be pickled: no other process can import it; "
                "define it in a module"
            )
        return Name.find, (name,)

    def told(self, rule: Rule) -> list[str]:
        """Return how the inner rule departs from its paper, and what this wrapper adds to that."""
        own = [value for name, value in rule.values.items() if name not in rule.within.values]
        return [*rule.within.differences, *([self.words(*map(short, own))] if self.words else [])]

    @property
    def name(self) -> str:
        """Its name."""
        return self.signature.name

    def around(self, inner: Rule, values: Mapping[str, Any]) -> Rule:
        """Return the whole as a rule."""
        if not isinstance(inner, Rule):
            raise RuleError(
                f"{self.name}({inner!r}): a {type(inner).__name__}; expected a rule, as in "
                f"{self.example}"
            )
        inner.equations  # noqa: B018  its mistakes show here, with its own lines
        own = self.signature
        if any(isinstance(value, Bound) for value in own.values.values()):
            _check_fits_box(self.name, inner)
        taken = {*inner.states, *inner.values}
        states, values_ = (
            _deduplicate_names(own.initial, taken),
            _deduplicate_names(own.values, taken),
        )
        start = {
            states[k]: values_.get(v, v) if isinstance(v, str) else v
            for k, v in _single_states(own).items()
        }
        defaults = {values_[name]: value for name, value in own.values.items()}
        rule = Rule(
            function=_function(
                self,
                inner.function,
                tuple(inner.states.items()),
                inner.wanted,
                tuple(inner.values),
                *values_.values(),
            ),
            name=f"{self.name}({inner.name})",
            states={**inner.states, **start},
            values={**inner.values, **defaults},
            defaults={**inner.defaults, **defaults},
            iterate=states[self.iterate] if self.iterate != "theta" else inner.iterate,
            needs=tuple(dict.fromkeys((*inner.needs, *own.needs))),
            ranges={
                **inner.ranges,
                **{values_[name]: place for name, place in self.ranges.items()},
            },
            wanted=tuple(dict.fromkeys((*inner.wanted, *own.wanted, LET))),
            inner=inner,
            averages=inner.averages or self.iterate != "theta",
            told=self.told,
        )
        return rule(**{values_[name]: value for name, value in values.items()})

    def hint(self, name: str, inner: Any) -> str:
        """Return what to write for a value that this wrapper does not take."""
        if isinstance(inner, Rule):
            theirs = [name]
            if name not in inner.values:
                theirs = own_names(name, inner.values, inner.ranges)
            if theirs:
                given = ", ".join(f"{own}=..." for own in theirs)
                return f"; the rule inside does: so.{self.name}({inner.name}({given}))"
        if found := own_names(name, self.signature.values, self.ranges):
            return f" (did you mean {' or '.join(map(repr, found))}?)"
        return f"; beside a rule it takes {', '.join(self.signature.values) or 'nothing'}"

    @property
    def example(self) -> str:
        """How it is called."""
        return f"so.{self.name}(so.adam(eta=0.01))"


def wrapper(
    *,
    iterate: str = "theta",
    ranges: Ranges | None = None,
    words: Callable[..., str] | None = None,
    **states: Any,
) -> Callable[[Callable[..., Any]], Callable[..., Rule]]:
    """Make a function that takes a rule and gives a rule, of equations that call ``step(theta)``.

    Parameters
    ----------
    iterate, ranges, **states
        As in :func:`symopt.rule`, for the wrapper's own.
    words
        What is said of it where a rule's departures from its paper are listed, given its own values
        as text.

    The function takes ``step``, ``theta`` and its states by position, and asks for the rest by
    keyword as a rule's does. ``step(theta)`` is where the inner rule moves to; ``step(theta,
    grad=other)`` is that on another gradient, and ``step.let(name, value)`` gives a value a name of
    its own.

    Raises
    ------
    RuleError
        If the signature does not fit, with the line concerned.

    Examples
    --------
    >>> import symopt as so
    >>> @so.wrapper()
    ... def scaled(step, theta, *, grad, by=2.0):
    ...     return step(theta, grad=lambda point: step.let("g", by*grad(point)))
    >>> scaled(so.gd(eta=0.1), by=3.0)
    scaled(gd(eta=0.1), by=3)
    >>> so.minimize(so.parse("(x-3)^2"), scaled(so.gd(eta=0.1)), start=[1.0], steps=1).theta
    array([1.8])
    """

    def make(function: Callable[..., Any]) -> Callable[..., Rule]:
        signature = read_signature(function, states, iterate, needs=(), first=("step", "theta"))
        _single_states(signature)
        check_sums(function, {"theta", *states, *signature.wanted}, signature.name)
        whole = Wrapper(function, signature, iterate, ranges or {}, words)

        @wraps(function)
        def wrap(rule: Rule, *values: Any, **named: Any) -> Rule:
            if len(values) > len(signature.values):
                raise RuleError(
                    f"{whole.name} takes a rule and {len(signature.values)} value(s): "
                    f"{', '.join(signature.values)}"
                )
            given = dict(zip(signature.values, values, strict=False))
            if twice := [name for name in named if name in given]:
                raise RuleError(f"{whole.name}: {twice[0]} is given twice")
            for name in named:
                if name not in signature.values:
                    raise RuleError(
                        f"{whole.name} has no hyperparameter {name!r}{whole.hint(name, rule)}"
                    )
            return whole.around(rule, {**given, **named})

        del wrap.__wrapped__  # its arguments are not those of the equations
        vars(wrap)[MADE_OF] = whole
        return wrap

    return make


def _check_fits_box(name: str, inner: Rule) -> None:
    """Refuse a box around a box, or around what reports another iterate than theta."""
    if inner.box:
        raise RuleError(
            f"{name}({inner!r}): the rule has bounds already; give both sides at once, as in "
            f"so.{name}(so.gd(eta=0.01), low=0, high=1)"
        )
    if inner.iterate != "theta":
        raise RuleError(
            f"{name}({inner.name}): the iterate that is reported is the state {inner.iterate}, "
            "which bounds of theta do not hold; expected the bounds inside, as in "
            f"so.average(so.{name}(so.gd(eta=0.01), low=0)), or a rule's reporting('theta')"
        )


def _single_states(signature: Signature) -> dict[str, Initial]:
    """Return where the states of a wrapper start; none is a list."""
    found: dict[str, Initial] = {}
    for name, start in signature.initial.items():
        if isinstance(start, Repeat):
            raise RuleError(
                f"{signature.name}: {name} is a list of states, which a rule may have and a "
                "wrapper may not; expected single states"
            )
        found[name] = start
    return found


def _memoise(value: Any) -> Any:
    """Memoise a function of a point, such as a gradient with its noise."""
    if callable(value) and not isinstance(value, type | sp.Basic):
        return cache(value)
    return value


def _deduplicate_names(own: Iterable[str], theirs: Container[str]) -> dict[str, str]:
    """Deduplicate a wrapper's names against the inner rule's: weight_decay_2."""
    names = {}
    for name in own:
        free = (f"{name}_{k}" for k in count(2))
        if name not in theirs:
            names[name] = name
        else:
            names[name] = next(other for other in free if other not in theirs)
    return names


def _in_box(whole: Wrapper, step: Step, after: list[Any]) -> list[Any]:
    """Return the next states of a wrapper, with what it reports between the bounds of theta."""
    names = list(whole.signature.initial)
    if whole.iterate not in names or len(after) != len(names):
        return after
    k = names.index(whole.iterate)
    return [*after[:k], step.kept_in_box(after[k]), *after[k + 1 :]]


@cache
def _function(
    whole: Wrapper,
    inner: Callable[..., Any],
    states: tuple[tuple[str, Initial], ...],
    wanted: tuple[str, ...],
    names: tuple[str, ...],
    *own_names: str,
) -> Callable[..., Any]:
    """Return the function of a wrapped rule, one for one inner rule.

    So nothing compiles again.
    """
    within = Rule(inner, inner.__name__, dict(states), dict.fromkeys(names), {}, wanted=wanted)

    def stepped(theta: sp.Expr, *state: sp.Expr, **given: Any) -> tuple[Any, ...]:
        step = Step(within, state[: len(states)], given)
        own = {name: given[name] for name in whole.signature.wanted}
        own |= {
            name: given[public]
            for name, public in zip(whole.signature.values, own_names, strict=True)
        }
        result = whole.function(step, theta, *state[len(states) :], **own)
        if isinstance(result, tuple):
            new, *after = result
        else:
            new, *after = (result,)
        return (step.kept_in_box(new), *step.next.values(), *_in_box(whole, step, after))

    stepped.__name__ = f"{whole.name}({inner.__name__})"
    stepped.__doc__ = whole.function.__doc__
    vars(stepped)[MADE_OF] = (_function, whole, inner, states, wanted, names, *own_names)
    return stepped
