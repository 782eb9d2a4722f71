"""The reference: value, gradient and Hessian-vector product of a SymPy expression, in as many digits as wanted.

Forward mode in mpmath on SymPy's tree as it is written; it shares no code with symopt, and is tested against
SymPy's own derivatives. Every value carries a bound of its rounding, so that lost digits are known.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import mpmath
import sympy as sp
from mpmath import mp
from properties.slopes import EDGES, FUNCTIONS, NAN, TooLargeError, size
from properties.tape import Step, Tape

Number = Any
ZERO = mpmath.mpf(0)
SURE = 3300  # bits: numbers that differ by 0 in so many are taken as equal
AT_EDGE = {
    "Abs": abs,
    "sqrt": abs,
    "sign": abs,
    "asin": mp.asin,
    "acos": mp.acos,
    "acosh": lambda u: u - u,
}
"""Values at an edge; others have none there."""
COMPARE = {
    sp.StrictLessThan: lambda a, b: a < b, sp.LessThan: lambda a, b: a <= b, sp.StrictGreaterThan: lambda a, b: a > b,
    sp.GreaterThan: lambda a, b: a >= b, sp.Equality: lambda a, b: a == b, sp.Unequality: lambda a, b: a != b,
}  # fmt: skip


@dataclass
class Jet:
    """A number with its slopes by each parameter, along v, and along v of each slope; None is no slope at all.

    ``error`` is the exponent of 2 above the error of the value, None where that is exact.
    """

    value: Number
    slopes: list[Number | None]
    along: Number | None
    curves: list[Number | None]
    error: int | None = None
    edge: bool = False  # at a kink, a pole or the end of a domain
    doubtful: bool = False  # so near to one that rounding decides


@dataclass
class Noise:
    """Relative changes of what is worked out: of inputs alone, or of every operation."""

    size: Number
    everywhere: bool
    rng: random.Random = field(default_factory=lambda: random.Random(0))

    def apply(self, number: Number) -> Number:
        return number * (1 + self.size * self.rng.choice((-1, 1, self.rng.uniform(-1, 1))))


class Evaluation:
    """Works out a tape at a point and a direction, at the precision that mpmath has now."""

    def __init__(
        self, tape: Tape, point: Sequence[Number], v: Sequence[Number], noise: Noise | None = None
    ) -> None:
        self.tape, self.v, self.noise = tape, [mpmath.mpf(c) for c in v], noise
        self.n, self.bits = len(point), mp.prec
        self.inputs = [mpmath.mpf(c) for c in point]
        if noise is not None:
            self.inputs = [noise.apply(c) for c in self.inputs]
        self.jets: list[Any] = []
        self.cancelled = False  # half of the digits of a sum were lost
        for step in tape.steps:
            self.jets.append(self._jet(step))

    @property
    def result(self) -> Jet:
        return self.jets[-1]

    def _round(self, number: Number | None) -> Number | None:
        if number is None or self.noise is None or not self.noise.everywhere:
            return number
        return self.noise.apply(number)

    def _jet(self, step: Step) -> Any:
        if step.kind == "symbol":
            return self._symbol(int(step.payload))
        if step.kind == "truth":
            return step.payload, False, False
        if step.kind == "constant":
            return self._constant(step.payload)
        args = [self.jets[k] for k in step.args]
        method = getattr(self, "_" + step.kind.replace(" ", "_").lower(), None)
        jet = method(step, args) if method else self._function(step.kind, args[0])
        if isinstance(jet, Jet):
            jet.value = self._round(jet.value)
            jet.edge = jet.edge or (
                step.kind != "piecewise" and any(a.edge for a in args if isinstance(a, Jet))
            )
            jet.doubtful = jet.doubtful or (
                step.kind != "piecewise" and any(a.doubtful for a in args if isinstance(a, Jet))
            )
        return jet

    # Leaves

    def _symbol(self, k: int) -> Jet:
        slopes: list[Number | None] = [None] * self.n
        slopes[k] = mpmath.mpf(1)
        return Jet(self.inputs[k], slopes, self.v[k], [None] * self.n)

    def _constant(self, number: sp.Basic) -> Jet:
        none: list[Number | None] = [None] * self.n
        if number.is_Rational:
            value, exact = (
                mpmath.mpf(int(number.p)) / int(number.q),
                int(number.q) & (int(number.q) - 1) == 0,
            )
        elif number.is_Float:
            value, exact = mpmath.mpf(number._mpf_), True
        else:
            value, exact = mpmath.mpf(number._to_mpmath(mp.prec + 10)), False
        if not exact and self.noise is not None:
            value = self.noise.apply(value)
        return Jet(value, none, None, list(none), None if exact else size(value) - self.bits)

    # Sums and products

    def _sum(self, numbers: Sequence[Number | None]) -> Number | None:
        total = None
        for number in numbers:
            if number is not None:
                total = number if total is None else self._round(self._plus(total, number))
        return total

    def _plus(self, a: Number, b: Number) -> Number:
        total = a + b
        lost = size(total) < max(size(a), size(b)) - self.bits // 2
        self.cancelled = self.cancelled or (lost and bool(a) and bool(b))
        return total

    def _times(self, a: Number | None, b: Number | None) -> Number | None:
        return None if a is None or b is None else self._round(a * b)

    def _add(self, step: Step, args: list[Jet]) -> Jet:
        value = self._sum([a.value for a in args])
        slopes = [self._sum([a.slopes[k] for a in args]) for k in range(self.n)]
        curves = [self._sum([a.curves[k] for a in args]) for k in range(self.n)]
        top = max(size(a.value) for a in args)
        low = min((a.value._mpf_[2] for a in args if a.value), default=0)
        exact = all(a.error is None for a in args) and top - low + 4 <= self.bits
        error = (
            None
            if exact
            else 2 + max([top - self.bits, *(a.error for a in args if a.error is not None)])
        )
        return Jet(value, slopes, self._sum([a.along for a in args]), curves, error)

    def _mul(self, step: Step, args: list[Jet]) -> Jet:
        total = args[0]
        for other in args[1:]:
            total = self._product(total, other)
        return total

    def _product(self, a: Jet, b: Jet) -> Jet:
        slopes = [
            self._sum([self._times(a.slopes[k], b.value), self._times(b.slopes[k], a.value)])
            for k in range(self.n)
        ]
        along = self._sum([self._times(a.along, b.value), self._times(b.along, a.value)])
        curves = [
            self._sum([
                self._times(a.curves[k], b.value), self._times(b.curves[k], a.value),
                self._times(a.slopes[k], b.along), self._times(b.slopes[k], a.along),
            ])
            for k in range(self.n)
        ]  # fmt: skip
        bits = a.value._mpf_[3] + b.value._mpf_[3]
        exact = a.error is None and b.error is None and bits <= self.bits
        value = a.value * b.value
        errors = [size(value) - self.bits]
        errors += [] if a.error is None else [a.error + max(size(b.value), b.error or -(10**9))]
        errors += [] if b.error is None else [b.error + size(a.value)]
        return Jet(value, slopes, along, curves, None if exact else 2 + max(errors), a.edge or b.edge,
                   a.doubtful or b.doubtful)  # fmt: skip

    def _quotient(self, step: Step, args: list[Jet]) -> Jet:
        return self._product(args[0], self._whole_power(Step("whole power", (), -1), [args[1]]))

    # Functions of one argument

    def _chain(
        self, a: Jet, value: Number, first: Number, second: Number, error: int | None
    ) -> Jet:
        first, second = self._round(first), self._round(second)
        slopes = [self._times(first, s) for s in a.slopes]
        bent = self._times(second, a.along)
        curves = [
            self._sum([self._times(bent, s), self._times(first, c)])
            for s, c in zip(a.slopes, a.curves, strict=True)
        ]
        return Jet(value, slopes, self._times(first, a.along), curves, error)

    def _at_edge(self, a: Jet, value: Number) -> Jet:
        none = [None if s is None else NAN for s in a.slopes]
        return Jet(value, none, None if a.along is None else NAN, list(none), a.error, edge=True)

    def _meets(self, a: Jet, edge: Number) -> tuple[bool, bool]:
        """Return whether a value is at an edge, and whether that is in doubt."""
        distance = a.value - edge
        if distance == 0:
            return True, a.error is not None and self.bits < SURE
        return False, a.error is not None and size(distance) <= a.error + 1

    def _function(self, name: str, a: Jet) -> Jet:
        if not mp.isfinite(a.value):
            return self._at_edge(a, NAN)
        met, doubtful = False, False
        for edge in EDGES.get(name, ()):
            here, near = self._meets(a, edge)
            met, doubtful = met or here, doubtful or near
        if name in ("floor", "ceiling"):
            met, doubtful = self._meets(a, mp.nint(a.value))
        if met:
            value = AT_EDGE.get(name, lambda u: u if name in ("floor", "ceiling") else NAN)(a.value)
            jet = self._at_edge(a, value)
        else:
            try:
                value, first, second = FUNCTIONS[name](a.value)
            except ZeroDivisionError:
                value, first, second = NAN, NAN, NAN
            jet = self._chain(a, value, first, second, self._error_of(value, first, a))
        jet.doubtful = doubtful
        return jet

    def _error_of(self, value: Number, first: Number, a: Jet) -> int:
        own = size(value) - self.bits if mp.isfinite(value) else 0
        if a.error is None or not mp.isfinite(first):
            return own + 3
        return 3 + max(own, a.error + size(first))

    def _sqrt(self, step: Step, args: list[Jet]) -> Jet:
        return self._function("sqrt", args[0])

    def _whole_power(self, step: Step, args: list[Jet]) -> Jet:
        (a,), p = args, int(step.payload)
        if not mp.isfinite(a.value):
            return self._at_edge(a, NAN)
        if p < 0 and a.value == 0:
            jet = self._at_edge(a, NAN)
            jet.doubtful = self._meets(a, ZERO)[1]
            return jet
        u = a.value
        first = p * u ** (p - 1) if p != 0 else ZERO
        second = p * (p - 1) * u ** (p - 2) if p not in (0, 1) else ZERO
        jet = self._chain(a, u**p, first, second, self._error_of(u**p, first, a))
        bits = u._mpf_[3] * p
        if a.error is None and p >= 0 and bits <= self.bits:
            jet.error = None
        jet.doubtful = p < 0 and self._meets(a, ZERO)[1]
        return jet

    def _power(self, step: Step, args: list[Jet]) -> Jet:
        base, exponent = args
        if not (mp.isfinite(base.value) and mp.isfinite(exponent.value)):
            return self._at_edge(base, NAN)
        met, doubtful = self._meets(base, ZERO)
        fixed = all(s is None for s in exponent.slopes)
        if fixed and exponent.value == mp.nint(exponent.value):  # a Float
            return self._whole_power(Step("", (), int(exponent.value)), [base])
        if met or base.value < 0:
            jet = self._power_at_zero(base, exponent, met)
            jet.doubtful = doubtful
            return jet
        log = self._function("log", base)
        jet = self._function("exp", self._product(exponent, log))
        if fixed:
            jet = self._fixed_power(base, exponent.value, jet)
        jet.doubtful = doubtful
        return jet

    def _fixed_power(self, base: Jet, p: Number, made: Jet) -> Jet:
        first = p * made.value / base.value
        second = p * (p - 1) * made.value / base.value**2
        return self._chain(base, made.value, first, second, made.error)

    def _power_at_zero(self, base: Jet, exponent: Jet, at_zero: bool) -> Jet:
        p, u = exponent.value, base.value
        if at_zero:
            value = NAN if p < 0 else mpmath.mpf(1 if p == 0 else 0)
        else:
            value = u ** int(p) if p == mp.nint(p) and abs(p) < 1000 else NAN  # whole by chance
        jet = self._at_edge(base, value)
        jet.slopes = [
            NAN if s is not None or t is not None else None
            for s, t in zip(base.slopes, exponent.slopes, strict=True)
        ]
        jet.curves, jet.along = list(jet.slopes), NAN
        jet.error = None if base.error is None else size(value) - self.bits
        return jet

    # Choices

    def _max(self, step: Step, args: list[Jet]) -> Jet:
        return self._extreme(args, 1)

    def _min(self, step: Step, args: list[Jet]) -> Jet:
        return self._extreme(args, -1)

    def _extreme(self, args: list[Jet], side: int) -> Jet:
        best = args[0]
        for other in args[1:]:
            if not mp.isfinite(other.value) or not mp.isfinite(best.value):
                return self._at_edge(other, NAN)
            edge, doubt = self._tie(best, other)
            chosen = best if side * best.value >= side * other.value else other
            best = Jet(chosen.value, chosen.slopes, chosen.along, chosen.curves, chosen.error,
                       chosen.edge or edge, chosen.doubtful or doubt)  # fmt: skip
            if edge:
                best = self._at_edge(self._add(Step("", ()), [best, other]), best.value)
                best.doubtful = doubt
        return best

    def _tie(self, a: Jet, b: Jet) -> tuple[bool, bool]:
        errors = [e for e in (a.error, b.error) if e is not None]
        if a.value == b.value:
            return True, bool(errors) and self.bits < SURE
        return False, bool(errors) and size(a.value - b.value) <= max(errors) + 2

    def _relation(self, step: Step, args: list[Jet]) -> tuple[bool, bool, bool]:
        a, b = args
        if not (mp.isfinite(a.value) and mp.isfinite(b.value)):
            raise TooLargeError
        edge, doubt = self._tie(a, b)
        if (
            step.payload in (sp.Equality, sp.Unequality) and not edge
        ):  # rounding of doubles may make them equal
            doubt = doubt or size(a.value - b.value) < max(size(a.value), size(b.value)) - 45
        return (
            COMPARE[step.payload](a.value, b.value),
            edge or a.edge or b.edge,
            doubt or a.doubtful or b.doubtful,
        )

    def _and(self, step: Step, args: list[Any]) -> tuple[bool, bool, bool]:
        return all(a[0] for a in args), any(a[1] for a in args), any(a[2] for a in args)

    def _or(self, step: Step, args: list[Any]) -> tuple[bool, bool, bool]:
        return any(a[0] for a in args), any(a[1] for a in args), any(a[2] for a in args)

    def _not(self, step: Step, args: list[Any]) -> tuple[bool, bool, bool]:
        return not args[0][0], args[0][1], args[0][2]

    def _ite(self, step: Step, args: list[Any]) -> tuple[bool, bool, bool]:
        chosen = args[1] if args[0][0] else args[2]
        return chosen[0], args[0][1] or chosen[1], args[0][2] or chosen[2]

    def _piecewise(self, step: Step, args: list[Any]) -> Jet:
        edge = doubtful = False
        for piece, condition in zip(args[::2], args[1::2], strict=True):
            edge, doubtful = edge or condition[1], doubtful or condition[2]
            if condition[0]:
                return Jet(piece.value, piece.slopes, piece.along, piece.curves, piece.error,
                           edge or piece.edge, doubtful or piece.doubtful)  # fmt: skip
        return self._at_edge(args[0], NAN)

    def _mod(self, step: Step, args: list[Jet]) -> Jet:
        a, b = args
        if not (mp.isfinite(a.value) and mp.isfinite(b.value)) or b.value == 0:
            return self._at_edge(a, NAN)
        if size(a.value) - size(b.value) > self.bits // 2:
            raise TooLargeError
        ratio = self._product(a, self._whole_power(Step("", (), -1), [b]))
        turns = mp.floor(ratio.value)
        whole = mp.nint(ratio.value)
        if a.error is None and b.error is None and whole * b.value == a.value:
            turns = whole
            edge, doubt = True, False
        else:
            edge, doubt = False, self._meets(ratio, whole)[1]
        jet = self._add(step, [a, self._product(self._plain(-turns), b)])
        jet.edge, jet.doubtful = edge, doubt
        return jet

    def _plain(self, number: Number) -> Jet:
        none: list[Number | None] = [None] * self.n
        return Jet(number, none, None, list(none))

    def _heaviside(self, step: Step, args: list[Jet]) -> Jet:
        a, at_zero = args
        met, doubt = self._meets(a, ZERO) if mp.isfinite(a.value) else (True, False)
        jet = self._plain(mpmath.mpf(1 if a.value > 0 else 0))
        if met:
            jet = self._at_edge(a, at_zero.value if mp.isfinite(a.value) else NAN)
        jet.doubtful = doubt
        return jet
