"""Works out a user's own expression at a point, with SymPy's derivatives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

import mpmath as mp
import numpy as np
import numpy.typing as npt
import sympy as sp
from sympy.codegen.cfunctions import hypot

from symopt.diagnosis.jet_elimination import eliminate_jets
from symopt.diagnosis.jets import Arithmetic, Jet
from symopt.diagnosis.truth import apply, number, sinc_curvature, sinc_slope, truth
from symopt.frontend.eliminated import Eliminated
from symopt.frontend.expressions import is_special_number
from symopt.frontend.sums import logsumexp

Indices = Mapping[sp.Basic, int]
"""Where the sums around a part stand."""
RANGED = (sp.Sum, sp.Product, logsumexp)
STEPS = (sp.sign, sp.floor, sp.ceiling, sp.Heaviside)


MOST_STEPS = 500_000  # parts of J, sums written out: about a minute


class TooLongError(Exception):
    """The sums have too many terms."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What the symbols of an expression stand for.

    Attributes
    ----------
    point
        The parameters, by the place of each name in ``places``: x, or th[0, 1].
    constants, data
        Numbers and arrays.
    """

    point: Sequence[Any]
    places: Mapping[str, int]
    constants: Mapping[str, float]
    data: Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Tape:
    """The parts of an expression, each behind its arguments, up to the sums in it.

    Attributes
    ----------
    parts, args, rules
        What each is, the numbers of its arguments, and how it is worked out.
    loose
        The numbers of those that depend on an index.
    """

    parts: list[sp.Basic]
    args: list[tuple[int, ...]]
    rules: list[Callable[..., Any]]
    loose: list[int]


class OwnExpression:
    """An expression as it was written.

    Parameters
    ----------
    expression
        J.
    definitions
        The named intermediates: H[k, j] and its expression.
    sizes
        The number that each size symbol stands for.
    """

    def __init__(
        self,
        expression: sp.Expr,
        definitions: Mapping[sp.Indexed, sp.Expr],
        sizes: Mapping[str, int],
    ) -> None:
        self.expression, self.sizes = expression, sizes
        self.definitions = {
            str(target.base.label): (target, value) for target, value in definitions.items()
        }
        parts = _parts([expression, *definitions.values()])
        ranged = [part.limits for part in parts if isinstance(part, RANGED)]
        self.indices = {limit[0] for limit in chain.from_iterable(ranged)}
        self.indices |= set(chain.from_iterable(target.indices for target in definitions))
        self._tapes: dict[sp.Basic, Tape] = {}

    def tape(self, body: sp.Basic) -> Tape:
        """Return the parts of a body in an order in which they can be computed."""
        if body not in self._tapes:
            self._tapes[body] = self._taped(body)
        return self._tapes[body]

    def _taped(self, body: sp.Basic) -> Tape:
        numbers: dict[sp.Basic, int] = {}
        tape, loose, stack = Tape([], [], [], []), set(), [(body, False)]
        while stack:
            part, ready = stack.pop()
            if part in numbers:
                continue
            args = self._args(part)
            if args and not ready:
                stack += [(part, True), *((arg, False) for arg in args)]
                continue
            numbers[part] = len(tape.parts)
            tape.parts.append(part)
            tape.args.append(tuple(numbers[arg] for arg in args))
            tape.rules.append(_rule(part))
            if isinstance(part, RANGED):
                bound = part.free_symbols
            else:
                bound = {part, *getattr(part, "indices", ())}
            if bound & self.indices or any(arg in loose for arg in args):
                loose.add(part)
                tape.loose.append(numbers[part])
        return tape

    def _args(self, part: sp.Basic) -> Sequence[sp.Basic]:
        if isinstance(part, RANGED) or part in self.indices or is_special_number(part):
            return ()
        if isinstance(part, sp.Piecewise):
            return list(chain.from_iterable(pair.args for pair in part.args))
        if isinstance(part, sp.Indexed):
            if self.indices.issuperset(part.indices):
                return ()
            return part.indices  # type: ignore[no-any-return]
        return part.args  # type: ignore[no-any-return]


class Evaluation:
    """One evaluation of an expression, in the digits that mpmath is set to.

    Parameters
    ----------
    own, inputs
        The expression and its numbers.
    slopes
        Whether derivatives are followed.
    most_pairs
        How many products of slopes second derivatives may take; 0 where they are not followed.

    Attributes
    ----------
    steps
        How many parts were worked out.
    kinked
        Whether a kink, a step or a tie was met.

    Raises
    ------
    TooLongError
        If more than ``MOST_STEPS`` parts are to be worked out.
    """

    def __init__(
        self, own: OwnExpression, inputs: Inputs, slopes: bool = True, most_pairs: int = 0
    ) -> None:
        self.own, self.inputs, self.slopes = own, inputs, slopes
        self.arithmetic, self.steps, self.kinked = Arithmetic(most_pairs), 0, False
        self._entries: dict[tuple[str, tuple[int, ...]], Jet | None] = {}
        self._fixed: dict[sp.Basic, list[Jet | None]] = {}

    def __call__(self, body: sp.Basic, at: Indices) -> Jet | None:
        """Return a body with indices standing at ``at``, None where it has no real value."""
        tape = self.own.tape(body)
        if body not in self._fixed:
            loose = set(tape.loose)
            self._fixed[body] = [None] * len(tape.parts)
            self._work(
                tape, [k for k in range(len(tape.parts)) if k not in loose], self._fixed[body], {}
            )
        if tape.loose:
            known = self._fixed[body].copy()
        else:
            known = self._fixed[body]
        self._work(tape, tape.loose, known, at)
        return known[-1]

    def _work(
        self, tape: Tape, numbers: Sequence[int], known: list[Jet | None], at: Indices
    ) -> None:
        self.steps += len(numbers)
        if self.steps > MOST_STEPS:
            raise TooLongError
        for k in numbers:
            known[k] = tape.rules[k](self, tape.parts[k], [known[arg] for arg in tape.args[k]], at)

    def whole(self, index: sp.Basic, at: Indices) -> int:
        """Return an index or the end of a range."""
        found = self(index, at)
        assert found is not None
        return int(mp.nint(found.value))

    def symbol(self, symbol: sp.Symbol, at: Indices) -> Jet:
        """Give the value of a symbol: an index, a size, a parameter or a constant."""
        if symbol in at:
            return Jet(mp.mpf(at[symbol]))
        if symbol.name in self.own.sizes:
            return Jet(mp.mpf(self.own.sizes[symbol.name]))
        if symbol.name in self.inputs.places:
            return self._parameter(symbol.name)
        return Jet(mp.mpf(self.inputs.constants[symbol.name]))

    def _parameter(self, name: str) -> Jet:
        place = self.inputs.places[name]
        value = mp.mpf(self.inputs.point[place])
        if self.slopes:
            return Jet(value, {place: mp.mpf(1)})
        return Jet(value)

    def entry(self, name: str, place: tuple[int, ...]) -> Jet | None:
        """Return an entry of an array, None beside it."""
        if (name, place) not in self._entries:
            self._entries[name, place] = self._read(name, place)
        return self._entries[name, place]

    def _read(self, name: str, place: tuple[int, ...]) -> Jet | None:
        if name in self.own.definitions:
            target, value = self.own.definitions[name]
            if isinstance(value, Eliminated):
                return self._eliminated(name, value, place)
            return self(value, dict(zip(target.indices, place, strict=True)))
        if name in self.inputs.data:
            array = self.inputs.data[name]
            inside = all(0 <= k < size for k, size in zip(place, array.shape, strict=True))
            if inside:
                return Jet(_exact(array[place]))
            return None
        label = f"{name}[{','.join(map(str, place))}]"
        if label in self.inputs.places:
            return self._parameter(label)
        return None

    def _eliminated(self, name: str, value: Eliminated, place: tuple[int, ...]) -> Jet | None:
        """Return an entry of an inverse or of a determinant; all are worked out at once."""
        every = range(self.whole(value.size, {}))
        source = value.source.base.label.name
        matrix = [[self.entry(source, (i, j)) for j in every] for i in every]
        for at, entry in eliminate_jets(self.arithmetic, value.kind, matrix).items():
            self._entries[name, at] = entry
        return self._entries[name, place]

    def ranged(self, part: Any, at: Indices) -> Jet | None:
        """Evaluate a sum, a product or logsumexp."""
        terms = [self(part.function, place) for place in self._places(part.limits, at)]
        if isinstance(part, logsumexp):
            inside = _each(terms, lambda term: _function(self, sp.exp(U), [term], at))
            total = _of_all(inside, self.arithmetic.add)
            if total is None:
                return None
            if not terms:
                return Jet(mp.ninf)
            return _function(self, sp.log(U), [total], at)
        if isinstance(part, sp.Sum):
            return _of_all(terms, self.arithmetic.add)
        return _of_all(terms, self.arithmetic.multiply)

    def _places(self, limits: Any, at: Indices) -> Iterator[Indices]:
        """Give every stand of the indices, the last limit outermost, as SymPy has it."""
        *inner, (symbol, low, high) = limits
        for k in range(self.whole(low, at), self.whole(high, at) + 1):
            place = {**at, symbol: k}
            if inner:
                yield from self._places(inner, place)
            else:
                yield place


def _parts(expressions: Sequence[sp.Basic]) -> set[sp.Basic]:
    """Return every part of some expressions; nothing recurses."""
    seen, stack = set(expressions), list(expressions)
    while stack:
        new = set(stack.pop().args) - seen
        seen |= new
        stack += new
    return seen


def _exact(entry: Any) -> Any:
    if isinstance(entry, np.integer | np.bool_):
        return mp.mpf(int(entry))
    return mp.mpf(float(entry))


def _each(terms: Sequence[Jet | None], function: Callable[[Jet], Jet | None]) -> list[Jet | None]:
    return [None if term is None else function(term) for term in terms]


def _of_all(terms: Sequence[Jet | None], rule: Callable[[Any], Jet]) -> Jet | None:
    if None in terms:
        return None
    return rule(terms)


# Rules: of an evaluation, a part, its arguments and the indices

Args = Sequence[Any]


def _add(e: Evaluation, _: sp.Basic, args: Args, __: Indices) -> Jet | None:
    return _of_all(args, e.arithmetic.add)


def _multiply(e: Evaluation, _: sp.Basic, args: Args, __: Indices) -> Jet | None:
    return _of_all(args, e.arithmetic.multiply)


def _piecewise(_: Evaluation, __: sp.Basic, args: Args, ___: Indices) -> Jet | None:
    """Return the first piece whose condition holds; the others need no value."""
    for piece, condition in zip(args[::2], args[1::2], strict=True):
        if condition is None:
            return None
        if condition.value:
            return piece  # type: ignore[no-any-return]
    return None


def _extreme(e: Evaluation, part: sp.Basic, args: Args, _: Indices) -> Jet | None:
    if None in args:
        return None
    choose: Callable[..., Jet] = min
    if isinstance(part, sp.Max):
        choose = max
    found = choose(args, key=lambda jet: jet.value)
    e.kinked |= sum(arg.value == found.value for arg in args) > 1
    return found


def _still(e: Evaluation, part: sp.Basic, args: Args, _: Indices) -> Jet | None:
    """Evaluate a step, a comparison or a condition: it has no slope."""
    value = apply(part.func, [None if arg is None else arg.value for arg in args])
    if value is None:
        return None
    e.kinked |= any(arg.slopes for arg in args) and _is_edge(part, args, value)
    return Jet(value)


def _is_edge(part: sp.Basic, args: Args, value: Any) -> bool:
    """Tell whether a step or a comparison changes at the point."""
    if isinstance(part, sp.core.relational.Relational):
        return bool(args[0].value == args[1].value)
    edge: Any = 0
    if isinstance(part, sp.floor | sp.ceiling):
        edge = value
    return bool(args[0].value == edge)


def _absolute(e: Evaluation, part: sp.Basic, args: Args, at: Indices) -> Jet | None:
    e.kinked |= args[0] is not None and args[0].value == 0 and bool(args[0].slopes)
    return _function(e, part, args, at)


def _remainder(e: Evaluation, _: sp.Basic, args: Args, __: Indices) -> Jet | None:
    """Return a - b*floor(a/b)."""
    if None in args or args[1].value == 0:
        return None
    turns = mp.floor(args[0].value / args[1].value)
    e.kinked |= turns * args[1].value == args[0].value
    return e.arithmetic.add([args[0], e.arithmetic.multiply([Jet(-turns), args[1]])])


def _power(e: Evaluation, part: sp.Basic, args: Args, at: Indices) -> Jet | None:
    if None in args:
        return None
    base, exponent = args
    if exponent.slopes:
        return _function(e, part, args, at)
    p, value = exponent.value, apply(sp.Pow, [base.value, exponent.value])
    if value is None:
        return None

    def slope(factor: Any, less: int) -> Any:
        return factor and _or_nan(apply(sp.Pow, [base.value, p - less]), factor)

    return e.arithmetic.chain(value, args, lambda _: slope(p, 1), lambda *_: slope(p * (p - 1), 2))


def _or_nan(value: Any, factor: Any = 1) -> Any:
    if value is None:
        return mp.nan
    return factor * value


U = sp.Dummy("u", real=True)
V = sp.Dummy("v", real=True)


@cache
def _slopes(kind: type, count: int) -> tuple[sp.Basic, list[sp.Basic], list[list[sp.Basic]]]:
    """Return a function of dummies, and SymPy's own slopes and curvatures of it."""
    args = [U, V][:count]
    function = kind(*args)
    first = [function.diff(arg) for arg in args]
    return function, first, [[slope.diff(arg) for arg in args] for slope in first]


def _function(e: Evaluation, part: sp.Basic, args: Args, _: Indices) -> Jet | None:
    if None in args or len(args) > 2:
        return None
    value = apply(part.func, [arg.value for arg in args])
    if value is None:
        return None
    if not any(arg.slopes for arg in args):
        return Jet(value)
    function, first, second = _slopes(part.func, len(args))
    known = {**dict(zip([U, V], (arg.value for arg in args), strict=False)), function: value}
    return e.arithmetic.chain(
        value,
        args,
        lambda k: _or_nan(truth(first[k], known)),
        lambda k, other: _or_nan(truth(second[k][other], known)),
    )


def _sinc(e: Evaluation, part: sp.Basic, args: Args, _: Indices) -> Jet | None:
    """Return sin(u)/u by its own derivatives; SymPy's are of two pieces."""
    if None in args:
        return None
    u = args[0].value
    value = apply(part.func, [u])
    return e.arithmetic.chain(value, args, lambda _: sinc_slope(u), lambda *_: sinc_curvature(u))


def _angle(e: Evaluation, part: sp.Basic, args: Args, at: Indices) -> Jet | None:
    """Return atan2, which steps by 2*pi on the left of the origin."""
    if None not in args:
        y, x = args
        e.kinked |= y.value == 0 and x.value < 0 and bool(y.slopes)
    return _function(e, part, args, at)


def _length(e: Evaluation, part: sp.Basic, args: Args, at: Indices) -> Jet | None:
    """Return hypot, which has a kink at the origin."""
    e.kinked |= None not in args and args[0].value == args[1].value == 0
    return _function(e, part, args, at)


def _number(_: Evaluation, part: sp.Basic, __: Args, ___: Indices) -> Jet | None:
    value = number(part)
    if value is None:
        return None
    return Jet(value)


def _entry(e: Evaluation, part: Any, args: Args, at: Indices) -> Jet | None:
    if None in args:
        return None
    if args:
        place = [int(mp.nint(arg.value)) for arg in args]
    else:
        place = [at[index] for index in part.indices]
    return e.entry(part.base.label.name, tuple(place))


RULES: list[tuple[Any, Callable[..., Any]]] = [
    (RANGED, lambda e, part, _, at: e.ranged(part, at)),
    (sp.Indexed, _entry),
    (sp.Piecewise, _piecewise),
    ((sp.Symbol, sp.Idx), lambda e, part, _, at: e.symbol(part, at)),
    (sp.Add, _add),
    (sp.Mul, _multiply),
    (sp.Pow, _power),
    ((sp.Max, sp.Min), _extreme),
    (sp.Mod, _remainder),
    (sp.Abs, _absolute),
    (sp.sinc, _sinc),
    (sp.atan2, _angle),
    (hypot, _length),
    (STEPS, _still),
    (sp.logic.boolalg.BooleanAtom, _number),
    (sp.logic.boolalg.Boolean, _still),
    ((sp.Number, sp.NumberSymbol), _number),
]


def _rule(part: sp.Basic) -> Callable[..., Any]:
    if is_special_number(part):
        return _number
    return next((rule for kinds, rule in RULES if isinstance(part, kinds)), _function)
