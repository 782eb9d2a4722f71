"""The reference for costs with sums: value, gradient and Hessian-vector product in 40 digits.

SymPy's tree is worked out as it stands, sum by sum, with numbers for the indices. Every number carries its slope
along the direction; one way back over all operations then gives the gradient and its slope along the direction. It
shares no code with symopt. A sum from 1 to 0, or to anything less than its start, has no terms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import mpmath
import numpy as np
import sympy as sp
from mpmath import mp
from properties.jets import COMPARE
from properties.slopes import FUNCTIONS, NAN
from sympy.core.relational import Relational

import symopt as so

DIGITS = 40
Number = Any
Place = dict[sp.Basic, int]
"""What the sizes stand for, and where the indices of the sums around stand."""
ZERO, ONE = mpmath.mpf(0), mpmath.mpf(1)


@dataclass(slots=True)
class Dual:
    """A number with its slope along the direction; ``at`` is its operation, None for one that no parameter moves."""

    value: Number
    along: Number = ZERO
    at: int | None = None


@dataclass
class Truth:
    """What is right at a point; where ``kink``, the slopes are one-sided, and where ``undefined`` there are none."""

    value: float
    gradient: np.ndarray[Any, Any]
    product: np.ndarray[Any, Any]
    kink: bool
    undefined: bool
    largest: float  # of the numbers on the way: roundings are measured by it


@dataclass
class SumTruth:
    """Works out an expression with sums.

    ``places`` holds, for each parameter, where its entries stand in the point, and ``where`` the indices and the terms
    of named intermediates.
    """

    point: Sequence[float]
    direction: Sequence[float]
    places: Mapping[str, np.ndarray[Any, Any]]
    data: Mapping[str, np.ndarray[Any, Any]]
    where: Mapping[str, tuple[Sequence[sp.Basic], sp.Expr]] = field(default_factory=dict)
    kink: bool = False
    undefined: bool = False
    largest: float = 0.0
    operations: list[tuple[tuple[int, Number, Number], ...]] = field(default_factory=list)
    known: dict[Any, Dual] = field(default_factory=dict)
    indices: dict[sp.Basic, tuple[sp.Basic, ...]] = field(default_factory=dict)
    sizes: Place = field(default_factory=dict)

    def __post_init__(self) -> None:
        numbers = zip(self.point, self.direction, strict=True)
        self.inputs = [
            Dual(mpmath.mpf(one), mpmath.mpf(v), k) for k, (one, v) in enumerate(numbers)
        ]
        self.operations = [() for _ in self.inputs]

    def truth(self, expression: sp.Expr, sizes: Place) -> Truth:
        """Return what is right."""
        self.sizes = sizes
        with mp.workdps(DIGITS):
            found = self(expression, sizes)
            slopes, bent = self._back(found)
        arrays = (np.array([float(one) for one in line]) for line in (slopes, bent))
        return Truth(float(found.value), *arrays, self.kink, self.undefined, self.largest)

    def _back(self, found: Dual) -> tuple[list[Number], list[Number]]:
        """Return the slope of the result by each parameter, and along the direction of each slope."""
        slopes, bent = [ZERO] * len(self.operations), [ZERO] * len(self.operations)
        if found.at is not None:
            slopes[found.at] = ONE
        for k in range(len(self.operations) - 1, len(self.inputs) - 1, -1):
            slope, curve = slopes[k], bent[k]
            for at, first, second in self.operations[k]:
                slopes[at] += slope * first
                bent[at] += curve * first + slope * second
        return slopes[: len(self.inputs)], bent[: len(self.inputs)]

    def _made(self, value: Number, *steps: tuple[Dual, Number, Number]) -> Dual:
        """Return the result of an operation: with each argument its derivative by it, and how that moves along."""
        self.largest = max(self.largest, min(abs(float(value)), 1e300))
        moved = [(arg.at, first, second) for arg, first, second in steps if arg.at is not None]
        if not moved:
            return Dual(value)
        along = sum((first * arg.along for arg, first, _ in steps), ZERO)
        self.operations.append(tuple(moved))
        return Dual(value, along, len(self.operations) - 1)

    # The tree

    def __call__(self, part: sp.Basic, place: Place) -> Dual:
        """Return a part of the expression where the indices stand."""
        key = (part, *(place[one] for one in self._indices(part, place)))
        if key not in self.known:
            self.known[key] = self._worked_out(part, place)
        return self.known[key]

    def _indices(self, part: sp.Basic, place: Place) -> tuple[sp.Basic, ...]:
        """Return the sizes and indices of sums around a part that it names."""
        if part not in self.indices:
            self.indices[part] = tuple(one for one in part.atoms(sp.Symbol, sp.Idx) if one in place)
        return self.indices[part]

    def _worked_out(self, part: sp.Basic, place: Place) -> Dual:
        if part.is_Symbol:
            return (
                Dual(mpmath.mpf(place[part]))
                if part in place
                else self.inputs[int(self.places[part.name])]
            )
        if not part.args and part.is_number:
            return Dual(_constant(part))
        for kind, method in METHODS.items():
            if isinstance(part, kind):
                return method(self, part, place)
        return self._function(type(part).__name__, self(part.args[0], place))

    def _entry(self, part: sp.Indexed, place: Place) -> Dual:
        """Return an entry of an array; symopt is to refuse a cost that reads beside it."""
        name, at = part.base.name, tuple(self._whole(index, place) for index in part.indices)
        if name in self.where:
            indices, body = self.where[name]
            return self(body, {**self.sizes, **dict(zip(indices, at, strict=True))})
        array = self.places[name] if name in self.places else self.data[name]
        if any(not 0 <= k < length for k, length in zip(at, array.shape, strict=True)):
            raise IndexError(f"{part} is read at {at}, beside its array of shape {array.shape}")
        return (
            self.inputs[int(array[at])]
            if name in self.places
            else Dual(mpmath.mpf(float(array[at])))
        )

    def _whole(self, index: sp.Basic, place: Place) -> int:
        found = self(index, place)
        assert found.at is None, f"the index {index} depends on parameters"
        return int(found.value)

    # Sums and products

    def _terms(self, part: Any, place: Place) -> Iterator[Dual]:
        """Give the terms of a sum; SymPy has the innermost index first."""
        for inside in self._places(list(reversed(part.limits)), place):
            yield self(part.function, inside)

    def _places(self, limits: Sequence[sp.Tuple], place: Place) -> Iterator[Place]:
        if not limits:
            yield place
            return
        (index, low, high), *others = limits
        for k in range(self._whole(low, place), self._whole(high, place) + 1):
            yield from self._places(others, {**place, index: k})

    def _sum(self, part: sp.Sum, place: Place) -> Dual:
        return self._added(self._terms(part, place))

    def _added(self, terms: Iterable[Dual]) -> Dual:
        terms = list(terms)
        return self._made(
            sum((term.value for term in terms), ZERO), *((term, ONE, ZERO) for term in terms)
        )

    def _multiplied(self, factors: Iterable[Dual]) -> Dual:
        total = Dual(ONE)
        for one in factors:
            total = self._made(
                total.value * one.value,
                (total, one.value, one.along),
                (one, total.value, total.along),
            )
        return total

    def _logsumexp(self, part: so.logsumexp, place: Place) -> Dual:
        powers = [self._function("exp", term) for term in self._terms(part, place)]
        if not powers:
            self.undefined = True
            return Dual(mp.ninf)
        return self._function("log", self._added(powers))

    # Functions

    def _function(self, name: str, arg: Dual) -> Dual:
        if name == "Abs":
            return self._size(arg)
        value, first, second = FUNCTIONS[name](arg.value)
        self.undefined = self.undefined or not mp.isfinite(value) or not mp.isfinite(arg.value)
        return self._made(value, (arg, first, second * arg.along))

    def _size(self, arg: Dual) -> Dual:
        self.kink = self.kink or (arg.value == 0 and arg.at is not None)
        return self._made(abs(arg.value), (arg, mp.sign(arg.value), ZERO))

    def _power(self, part: sp.Pow, place: Place) -> Dual:
        base, exponent = self(part.base, place), self(part.exp, place)
        if part.base == sp.E:
            return self._function("exp", exponent)
        if exponent.at is None and mp.isint(exponent.value):
            return self._whole_power(base, int(exponent.value))
        if exponent.value == 0.5 and exponent.at is None:
            return self._function("sqrt", base)
        if base.value == 0:
            return self._root_of_zero(base, exponent)
        return self._function("exp", self._multiplied([exponent, self._function("log", base)]))

    def _whole_power(self, base: Dual, p: int) -> Dual:
        u = base.value
        if p < 0 and u == 0:
            self.undefined = True
            return Dual(NAN)
        first = p * u ** (p - 1) if p else ZERO
        second = p * (p - 1) * u ** (p - 2) if p not in (0, 1) else ZERO
        return self._made(u**p, (base, first, second * base.along))

    def _root_of_zero(self, base: Dual, exponent: Dual) -> Dual:
        """Return 0 to a power that is not whole, or that moves: smooth by the base above 2 alone."""
        self.undefined = self.undefined or exponent.value <= 0
        self.kink = self.kink or exponent.value <= 2 or exponent.at is not None
        return Dual(ZERO)

    # Choices

    def _extreme(self, part: sp.Max | sp.Min, place: Place) -> Dual:
        """Return the largest or least; of equal ones the first."""
        args = [self(arg, place) for arg in part.args]
        best = (max if isinstance(part, sp.Max) else min)(args, key=lambda arg: arg.value)
        self.kink = self.kink or len({arg.at for arg in args if arg.value == best.value}) > 1
        return best

    def _piecewise(self, part: sp.Piecewise, place: Place) -> Dual:
        for piece, condition in part.args:
            if self._holds(condition, place):
                return self(piece, place)
        self.undefined = True
        return Dual(NAN)

    def _holds(self, condition: sp.Basic, place: Place) -> bool:
        if condition in (sp.true, sp.false):
            return bool(condition)
        if isinstance(condition, Relational):
            one, other = (self(arg, place) for arg in condition.args)
            moved = one.at is not None or other.at is not None
            self.kink = self.kink or (moved and one.value == other.value)
            return bool(COMPARE[type(condition)](one.value, other.value))
        return LOGIC[type(condition)](self._holds(arg, place) for arg in condition.args)


Method = Callable[[SumTruth, Any, Place], Dual]
METHODS: dict[type, Method] = {
    sp.Indexed: SumTruth._entry, sp.Sum: SumTruth._sum, so.logsumexp: SumTruth._logsumexp,
    sp.Product: lambda truth, part, place: truth._multiplied(truth._terms(part, place)),
    sp.Add: lambda truth, part, place: truth._added(truth(arg, place) for arg in part.args),
    sp.Mul: lambda truth, part, place: truth._multiplied(truth(arg, place) for arg in part.args),
    sp.Pow: SumTruth._power, sp.Max: SumTruth._extreme, sp.Min: SumTruth._extreme, sp.Piecewise: SumTruth._piecewise,
}  # fmt: skip
"""How each kind of part is worked out; the others are functions of one argument."""
LOGIC: dict[type, Callable[[Iterator[bool]], bool]] = {
    sp.And: all,
    sp.Or: any,
    sp.Not: lambda one: not next(one),
}


def _constant(number: sp.Basic) -> Number:
    if number.is_Rational:
        return mpmath.mpf(int(number.p)) / int(number.q)
    return mpmath.mpf(number._to_mpmath(mp.prec))


def places(sizes: Mapping[str, tuple[int, tuple[int, ...]]]) -> dict[str, np.ndarray[Any, Any]]:
    """Return where each entry of parameters stands in the point, from the start and the shape of each."""
    return {
        name: np.arange(start, start + math.prod(shape)).reshape(shape)
        for name, (start, shape) in sizes.items()
    }
