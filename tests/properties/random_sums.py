"""Random costs with sums, and the same written out: nested, triangular, shifted, within functions and products."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp

import symopt as so
from symopt.diagnosis.interpreter import Interpreter
from symopt.diagnosis.precisely import in_doubles

n = sp.Symbol("n", integer=True)
INDICES = sp.symbols("i j k", integer=True)
x, W, X, c = (sp.IndexedBase(name) for name in ("x", "W", "X", "c"))
a, b = sp.symbols("a b", real=True)
AROUND: Sequence[Callable[[Any], Any]] = (
    lambda u: u, lambda u: u, lambda u: u**2, sp.sin, sp.tanh, lambda u: sp.exp(u / 4), lambda u: sp.sqrt(1 + u**2),
    lambda u: sp.log(2 + u**2), lambda u: 1 / (1 + u**2), lambda u: sp.log(1 + sp.exp(u)), lambda u: u**3 / 4,
)  # fmt: skip


LONGEST = 1_500  # parts of a sum written out, which SymPy differentiates in seconds


class TooLongError(Exception):
    """The sum written out is too long for SymPy."""


class Writer:
    """Writes random sums from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def cost(self) -> sp.Expr:
        """Return a cost: a few sums, functions of them, and their products.

        SymPy may take a condition out of the sum that binds its index; such an expression is written again.
        """
        while True:
            expression = self._cost()
            if not expression.free_symbols & set(INDICES):
                return expression

    def _cost(self) -> sp.Expr:
        parts = [self._around(self._reduction((), 2)) for _ in range(self.random.choice((1, 1, 2)))]
        if self.random.random() < 0.3:
            parts.append(parts[0] * self._around(self._reduction((), 1)))
        return sp.Add(*parts) + sp.Sum(x[INDICES[0]] ** 2, (INDICES[0], 0, n - 1))

    def _around(self, part: Any) -> Any:
        return self.random.choice(AROUND)(part)

    def _reduction(self, outer: tuple[sp.Symbol, ...], depth: int) -> Any:
        index = INDICES[len(outer)]
        limits = (index, *self._range(outer))
        body = self._term((*outer, index), depth - 1)
        kind = self.random.random()
        if kind < 0.12:
            return sp.Product(1 + self._small(body), limits)
        if kind < 0.24:
            return so.logsumexp(body, limits)
        return sp.Sum(body, limits)

    def _small(self, part: Any) -> Any:
        return sp.tanh(part) / 4

    def _range(self, outer: tuple[sp.Symbol, ...]) -> tuple[Any, Any]:
        free = [(0, n - 1), (0, n - 2), (1, n - 1), (0, 2)]
        tied = [(0, outer[-1]), (outer[-1], n - 1), (0, n - 1 - outer[-1])] if outer else []
        return self.random.choice(free + tied * 2)

    def _term(self, indices: tuple[sp.Symbol, ...], depth: int) -> Any:
        factors = [self._leaf(indices) for _ in range(self.random.choice((1, 2, 2, 3)))]
        if depth > 0 and len(indices) < len(INDICES) and self.random.random() < 0.6:
            factors.append(self._around(self._reduction(indices, depth)))
        term = factors[0]
        for factor in factors[1:]:
            term = self.random.choice((lambda u, v: u * v, lambda u, v: u * v, lambda u, v: u - v))(term, factor)
        return self._chosen(self._around(term), indices)

    def _chosen(self, term: Any, indices: tuple[sp.Symbol, ...]) -> Any:
        if self.random.random() > 0.12:
            return term
        return sp.Piecewise((term, indices[-1] > 0), (a * self._leaf(indices), True))

    def _leaf(self, indices: tuple[sp.Symbol, ...]) -> Any:
        i, other = indices[-1], self.random.choice(indices)
        leaves = [
            x[i], x[i + 1], x[i + 2], x[other], x[2 * i], x[2 * i + 1], x[n - 1 - i + self.random.choice((0, 1))], a, b,
            X[i], X[other] * x[i], x[c[i]], W[i, other], W[other, i + 1], i + 1,
        ]  # fmt: skip
        return self.random.choice(leaves)


@dataclass
class Case:
    """A random cost at a size, with data and a point."""

    expression: sp.Expr
    cost: so.Cost
    size: int
    point: np.ndarray[Any, Any]
    direction: np.ndarray[Any, Any]
    sizes: Any

    @classmethod
    def of(cls, seed: int) -> Case:
        """Return the case of a seed."""
        writer, numbers = Writer(seed), np.random.default_rng(seed)
        expression = writer.cost()
        size = writer.random.choice((1, 2, 2, 3))
        bases = {base.name for base in expression.atoms(sp.IndexedBase)}
        params = [one for one in (x, W, a, b) if one in expression.free_symbols or one.name in bases]
        data = {X: np.round(numbers.normal(size=40), 3), c: numbers.integers(0, 2, 40)}
        data = {base: values for base, values in data.items() if base.name in bases}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cost = so.Cost(expression, params=params, data=cut(expression, data, size))
            sizes = cost.sizes({"n": size}, None)
        point, direction = np.round(numbers.uniform(-1, 1, (2, sizes.total)), 3)
        return cls(expression, cost, size, point, direction, sizes)

    def entries(self) -> list[Any]:
        """Return the entry of theta that each parameter is, as SymPy has it."""
        found: list[Any] = []
        for name, (_, shape) in self.sizes.parts().items():
            base = sp.IndexedBase(name)
            found += [base[at] if shape else sp.Symbol(name, real=True) for at in np.ndindex(*shape)]
        return found

    def written_out(self) -> tuple[sp.Expr, list[sp.Symbol]]:
        """Return the sum written out by SymPy, with a symbol for each parameter and numbers for data."""
        done = self.expression.subs(n, self.size).doit()
        chosen = {entry: sp.Integer(int(self.cost.data["c"][int(entry.indices[0])])) for entry in _entries(done, c)}
        done = done.xreplace(chosen)
        numbers = {e: sp.Rational(float(self.cost.data["X"][int(e.indices[0])])) for e in _entries(done, X)}
        symbols = list(sp.symbols(f"z:{len(self.point)}", real=True))
        return done.xreplace(numbers).xreplace(dict(zip(self.entries(), symbols, strict=True))), symbols

    def truth(self) -> tuple[float, np.ndarray[Any, Any], np.ndarray[Any, Any]] | None:
        """Return value, gradient and Hessian-vector product, by SymPy's own derivatives; None beside an array.

        The last is a difference of gradients in 80 digits, which leaves more than 30 of them.
        """
        written, symbols = self.written_out()
        if written.atoms(sp.Indexed):
            return None
        if sum(1 for _ in sp.preorder_traversal(written)) > LONGEST:
            raise TooLongError
        function = sp.lambdify(symbols, [written, *(written.diff(s) for s in symbols)], modules="mpmath", cse=True)
        with mp.workdps(80):
            point, direction, step = list(map(mp.mpf, self.point)), list(map(mp.mpf, self.direction)), mp.mpf(10) ** -25
            here, ahead, back = (
                function(*(p + side * step * v for p, v in zip(point, direction, strict=True))) for side in (0, 1, -1)
            )
            bent = [(one - other) / (2 * step) for one, other in zip(ahead[1:], back[1:], strict=True)]
        return float(here[0]), np.array(here[1:], dtype=float), np.array(bent, dtype=float)

    def interpreted(self) -> tuple[float, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Return the same from the programs that compiled code is made of, worked out in plain Python."""
        value, slopes = self._run(self.cost.sums.gradient)
        return value, slopes, self._run(self.cost.sums.tangent)[1]

    def _run(self, program: Any) -> tuple[float, np.ndarray[Any, Any]]:
        arrays: dict[Any, Any] = {("x", name): array for name, array in self.sizes.split(self.point).items()}
        arrays |= {("v", name): array for name, array in self.sizes.split(self.direction).items()}
        arrays |= {("data", name): array for name, array in self.cost.data.items()}
        interpreter = Interpreter(program, in_doubles, {}, arrays, self.sizes.sizes)
        interpreter.carry_out()
        value = interpreter.output("J") if "J" in program.outputs else None
        gradient = np.zeros(len(self.point))
        for name, (start, shape) in self.sizes.parts().items():
            for k, at in enumerate(np.ndindex(*shape)):
                gradient[start + k] = interpreter.stored[("g", name), at]
        return float(value or 0.0), gradient

    def compiled(self) -> tuple[float, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """Return the same from compiled code."""
        given = {"n": self.size}
        cost, at = self.cost, self.point
        return float(cost.value(at, **given)), cost.grad(at, **given), cost.hvp(at, self.direction, **given)


def _entries(expression: sp.Expr, base: sp.IndexedBase) -> list[sp.Indexed]:
    return [entry for entry in expression.atoms(sp.Indexed) if entry.base == base]


def cut(expression: sp.Expr, data: dict[Any, Any], size: int) -> dict[Any, Any]:
    """Return data as long as symopt takes them to be: of the length that they would have as parameters."""
    looked_up = [e for e in _entries(expression, x) if e.indices[0].atoms(sp.Indexed)]
    plain = expression.xreplace({entry: x[0] * entry.indices[0] for entry in looked_up})
    shapes = so.Cost(plain).sizes({"n": size}, None).shapes
    return {base: values[: shapes["x", base.name][0]] for base, values in data.items()}
