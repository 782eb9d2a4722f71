"""A slow and simple reference for costs with sums: value, gradient and Hessian, in 50 digits.

It knows nothing of symopt. A tree of SymPy is walked with an environment of bound indices, as a reader
would: a Sum is a loop that starts at its lower limit and ends at its upper one (and adds nothing if the
upper is smaller), only the taken piece of a Piecewise is looked at, an index outside an array is an error,
``H[a, b]`` of ``where`` is its definition at (a, b). The numbers are second-order jets: a value, its slopes
and its second derivatives along the seeds. All that can be wrong in the calculus are three short rules:
``Jet.add``, ``Jet.__mul__`` and ``Jet.through``, and the table of functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp

DIGITS = 50


class Jet:
    """A number v with its slopes g[a] and second derivatives h[a, b], a <= b; what is not there is zero."""

    __slots__ = ("g", "h", "v")

    def __init__(
        self, v: Any, g: dict[int, Any] | None = None, h: dict[tuple[int, int], Any] | None = None
    ) -> None:
        self.v, self.g, self.h = v, g or {}, h or {}

    def add(self, other: Jet) -> None:
        """Add to this number, in place."""
        self.v = self.v + other.v
        _gather(self.g, other.g, 1)
        _gather(self.h, other.h, 1)

    def __mul__(self, other: Jet) -> Jet:
        g: dict[int, Any] = {}
        h: dict[tuple[int, int], Any] = {}
        for one, two in ((self, other), (other, self)):
            _gather(g, one.g, two.v)
            _gather(h, one.h, two.v)
        for a, left in self.g.items():
            for b, right in other.g.items():
                term = left * right
                _gather(h, {(min(a, b), max(a, b)): 2 * term if a == b else term}, 1)
        return Jet(self.v * other.v, g, h)

    def through(self, f: Any, slope: Any, curvature: Any) -> Jet:
        """Return f(self), of which value, first and second derivative at self.v are given."""
        g = {a: slope * left for a, left in self.g.items()}
        h = {ab: slope * second for ab, second in self.h.items()}
        for a, b in combinations_with_replacement(sorted(self.g), 2):
            _gather(h, {(a, b): self.g[a] * self.g[b]}, curvature)
        return Jet(f, g, h)


def _gather(into: dict[Any, Any], terms: dict[Any, Any], weight: Any) -> None:
    for key, term in terms.items():
        into[key] = into[key] + weight * term if key in into else weight * term


def _tan(x: Any) -> tuple[Any, Any, Any]:
    t = mp.tan(x)
    return t, 1 + t**2, 2 * t * (1 + t**2)


def _tanh(x: Any) -> tuple[Any, Any, Any]:
    t = mp.tanh(x)
    return t, 1 - t**2, -2 * t * (1 - t**2)


def _erf(x: Any) -> tuple[Any, Any, Any]:
    slope = 2 * mp.exp(-(x**2)) / mp.sqrt(mp.pi)
    return mp.erf(x), slope, -2 * x * slope


# x -> f(x), f'(x), f''(x)
FUNCTIONS: dict[str, Callable[[Any], tuple[Any, Any, Any]]] = {
    "exp": lambda x: (mp.exp(x),) * 3,
    "log": lambda x: (mp.log(x), 1 / x, -1 / x**2),
    "sin": lambda x: (mp.sin(x), mp.cos(x), -mp.sin(x)),
    "cos": lambda x: (mp.cos(x), -mp.sin(x), -mp.cos(x)),
    "tan": _tan,
    "tanh": _tanh,
    "erf": _erf,
    "sinh": lambda x: (mp.sinh(x), mp.cosh(x), mp.sinh(x)),
    "cosh": lambda x: (mp.cosh(x), mp.sinh(x), mp.cosh(x)),
    "atan": lambda x: (mp.atan(x), 1 / (1 + x**2), -2 * x / (1 + x**2) ** 2),
    "asinh": lambda x: (mp.asinh(x), 1 / mp.sqrt(1 + x**2), -x / (1 + x**2) / mp.sqrt(1 + x**2)),
    "Abs": lambda x: (abs(x), _sign(x), 0 * x),
    "sign": lambda x: (_sign(x) + 0 * x, 0 * x, 0 * x),
}


def _number(value: Any) -> Any:
    return mp.mpf(int(value) if isinstance(value, np.integer) else value)


def _sign(x: Any) -> int:
    return (x > 0) - (x < 0)


@dataclass
class Reference:
    """One cost with its sizes, data, constants and parameters given: arrays are keyed by IndexedBase."""

    expr: sp.Expr
    theta: Mapping[Any, Any]  # the parameters in order
    data: Mapping[Any, Any] = field(default_factory=dict)
    where: Mapping[Any, Any] = field(default_factory=dict)
    sizes: Mapping[Any, int] = field(default_factory=dict)
    constants: Mapping[str, float] = field(default_factory=dict)
    digits: int = DIGITS

    def full(self) -> tuple[float, np.ndarray, np.ndarray]:
        """Return value, gradient (P,) and Hessian (P, P)."""
        return self.along(None)

    def along(self, directions: Any) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the value, the slopes D @ gradient and D @ Hessian @ D.T, for the rows D of directions."""
        with mp.workdps(self.digits):
            jet = self._jet(None if directions is None else np.asarray(directions, float))
            count = self.size if directions is None else len(directions)
            slopes, second = np.zeros(count), np.zeros((count, count))
            for a, slope in jet.g.items():
                slopes[a] = float(slope)
            for (a, b), entry in jet.h.items():
                second[a, b] = second[b, a] = float(entry)
            return float(jet.v), slopes, second

    @property
    def size(self) -> int:
        return sum(np.size(array) for array in self.theta.values())

    def _jet(self, directions: np.ndarray | None) -> Jet:
        seeds = np.array([{k: _number(1)} for k in range(self.size)])
        if directions is not None:
            seeds = np.array(
                [{a: _number(row[k]) for a, row in enumerate(directions)} for k in range(self.size)]
            )
        self._arrays: dict[str, Any] = {}
        start = 0
        for param, array in self.theta.items():
            flat = np.ravel(array)
            jets = np.empty(flat.size, object)
            for k, value in enumerate(flat):
                jets[k] = Jet(_number(value), dict(seeds[start + k]))
            self._arrays[_name(param)] = jets.reshape(np.shape(array))
            start += flat.size
        self._data = {_name(base): np.asarray(array) for base, array in self.data.items()}
        self._rows = {
            _name(key): (key.indices, _definition(value)) for key, value in self.where.items()
        }
        self._known: dict[tuple[Any, ...], Jet] = {}
        self._outer = {s.name: value for s, value in self.sizes.items()}
        return self.walk(self.expr, {})

    def walk(self, e: sp.Basic, env: Mapping[sp.Symbol, int]) -> Jet:
        """Return an expression where the bound indices have the values of env."""
        match type(e).__name__:
            case "Symbol" | "Dummy":
                return self._symbol(e, env)
            case "Indexed":
                return self._indexed(e, env)
            case "Add":
                return self._sum(self.walk(a, env) for a in e.args)
            case "Mul":
                return self._product(self.walk(a, env) for a in e.args)
            case "Pow":
                return self._power(self.walk(e.base, env), e.exp, env)
            case "Sum":
                return self._sum(
                    self.walk(e.args[0], inner) for inner in self.loop(e.args[1:], env)
                )
            case "Product":
                return self._product(
                    self.walk(e.args[0], inner) for inner in self.loop(e.args[1:], env)
                )
            case "logsumexp":
                return self._logsumexp(
                    [self.walk(e.args[0], inner) for inner in self.loop(e.args[1:], env)]
                )
            case "Piecewise":
                return self.walk(
                    next(piece for piece, condition in e.args if self.holds(condition, env)), env
                )
            case "Max" | "Min":
                best = max if type(e).__name__ == "Max" else min
                return best((self.walk(a, env) for a in e.args), key=lambda jet: jet.v)
            case name if name in FUNCTIONS:
                (argument,) = e.args
                u = self.walk(argument, env)
                return u.through(*FUNCTIONS[name](u.v))
        if e.is_Rational:
            return Jet(mp.mpf(int(e.p)) / int(e.q))
        if e.is_Float:
            return Jet(mp.mpf(float(e)))
        if e.is_NumberSymbol:
            return Jet(mp.mpf(str(e.evalf(DIGITS + 5))))
        raise NotImplementedError(f"{type(e).__name__}: {e}")

    def loop(self, limits: Sequence[Any], env: Mapping[sp.Symbol, int]) -> Any:
        """Yield the environments of a loop. As in SymPy, the last limit is the outermost loop."""
        if not limits:
            yield env
            return
        *inner, (index, low, high) = limits
        for value in range(self.integer(low, env), self.integer(high, env) + 1):
            yield from self.loop(inner, {**env, index: value})

    def integer(self, e: sp.Expr, env: Mapping[sp.Symbol, int]) -> int:
        """Return an index or a limit."""
        if e.is_Integer:
            return int(e)
        if e in env:
            return env[e]
        value = self.walk(e, env)
        if value.g or value.h or value.v != int(value.v):
            raise TypeError(f"{e} is not an index")
        return int(value.v)

    def holds(self, condition: Any, env: Mapping[sp.Symbol, int]) -> bool:
        if condition in (sp.true, sp.false):
            return bool(condition)
        match type(condition).__name__:
            case "And":
                return all(self.holds(c, env) for c in condition.args)
            case "Or":
                return any(self.holds(c, env) for c in condition.args)
            case "Not":
                return not self.holds(condition.args[0], env)
        left, right = (self.walk(side, env).v for side in condition.args)
        compare = {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}
        return {**compare, "==": left == right, "!=": left != right}[condition.rel_op]

    def _symbol(self, e: sp.Symbol, env: Mapping[sp.Symbol, int]) -> Jet:
        if e in env:
            return Jet(_number(env[e]))
        if e.name in self._arrays:
            return self._arrays[e.name][()]
        known = self.constants if e.name in self.constants else self._outer
        return Jet(_number(known[e.name]))

    def _indexed(self, e: sp.Indexed, env: Mapping[sp.Symbol, int]) -> Jet:
        name, place = _name(e), tuple(self.integer(index, env) for index in e.indices)
        if name in self._rows:
            return self._defined(name, place)
        array = self._arrays[name] if name in self._arrays else self._data[name]
        if len(place) != array.ndim or not all(
            0 <= k < n for k, n in zip(place, array.shape, strict=True)
        ):
            raise IndexError(f"{e} at {place}, of an array of shape {array.shape}")
        entry = array[place]
        return entry if isinstance(entry, Jet) else Jet(_number(entry))

    def _defined(self, name: str, place: tuple[int, ...]) -> Jet:
        """Return an entry of a named intermediate; its definition sees its own indices and no others."""
        if (name, place) not in self._known:
            indices, (definition, ranges) = self._rows[name]
            env = dict(zip(indices, place, strict=True))
            for index, low, high in ranges:
                if (
                    not self.integer(sp.sympify(low), {})
                    <= env[index]
                    <= self.integer(sp.sympify(high), {})
                ):
                    raise IndexError(f"{name} at {place}, outside its range")
            self._known[name, place] = self.walk(definition, env)
        return self._known[name, place]

    def _sum(self, terms: Any) -> Jet:
        total = Jet(_number(0))
        for term in terms:
            total.add(term)
        return total

    def _product(self, factors: Any) -> Jet:
        total = Jet(_number(1))
        for factor in factors:
            total = total * factor
        return total

    def _logsumexp(self, terms: list[Jet]) -> Jet:
        # by its definition: an exponent of mpmath has no limit
        total = self._sum(term.through(*FUNCTIONS["exp"](term.v)) for term in terms)
        return total.through(*FUNCTIONS["log"](total.v))

    def _power(self, base: Jet, exponent: sp.Expr, env: Mapping[sp.Symbol, int]) -> Jet:
        x = base.v
        e = self.walk(exponent, env)
        if e.g or e.h:
            inner = base.through(*FUNCTIONS["log"](x)) * e
            return inner.through(*FUNCTIONS["exp"](inner.v))
        p: Any = int(e.v) if e.v == int(e.v) else e.v

        def power(q: Any) -> Any:
            return mp.sqrt(x) if q == 0.5 else x**q

        if not base.g and not base.h:  # a constant may stand where there is no slope: sqrt(i) at 0
            return Jet(power(p))
        slope = p * power(p - 1) if p else 0 * x
        curvature = p * (p - 1) * power(p - 2) if p not in {0, 1} else 0 * x
        return base.through(power(p), slope, curvature)


def _name(key: Any) -> str:
    if isinstance(key, sp.Indexed):
        key = key.base
    return str(key.label) if isinstance(key, sp.IndexedBase) else key.name


def _definition(value: Any) -> tuple[sp.Expr, tuple[Any, ...]]:
    if isinstance(value, (tuple, sp.Tuple)):
        definition, *ranges = value
        return sp.sympify(definition), tuple(ranges)
    return sp.sympify(value), ()
