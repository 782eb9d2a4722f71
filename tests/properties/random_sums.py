"""Random costs with sums, and the same written out: nested, triangular, shifted, within functions and products."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np
import sympy as sp
from properties.sums_truth import SumTruth, Truth, places
from sympy.functions.elementary.piecewise import ExprCondPair

import symopt as so
from symopt.diagnosis.expand import expand_sums
from symopt.diagnosis.interpreter import Interpreter
from symopt.diagnosis.precisely import in_doubles
from symopt.diagnosis.repair import fill_missing

n = sp.Symbol("n", integer=True)
INDICES = sp.symbols("i j k l", integer=True)
x, W, X, D, c, H = (sp.IndexedBase(name, real=True) for name in ("x", "W", "X", "D", "c", "H"))
a, b = sp.symbols("a b", real=True)


AROUND: Sequence[Callable[[Any], Any]] = (
    lambda u: u, lambda u: u, lambda u: u**2, sp.sin, sp.tanh, lambda u: sp.exp(u / 4), lambda u: sp.sqrt(1 + u**2),
    lambda u: sp.log(2 + u**2), lambda u: 1 / (1 + u**2), lambda u: sp.log(1 + sp.exp(u)), lambda u: u**3 / 4,
)  # fmt: skip
KINKED: Sequence[Callable[[Any, Any], Any]] = (
    lambda u, v: sp.Abs(u), sp.Max, lambda u, v: sp.Min(u, v, 0), lambda u, v: sp.Piecewise((u, v > 0), (v, True)),
    lambda u, v: sp.Piecewise((u, u < v), (v, True)),
)  # fmt: skip
LONGEST = 1_500  # parts of a sum written out, which SymPy differentiates in seconds
VALUES = (0.0, 0.0, 0.0, 0.5, -0.5, 1.0, -1.0)  # that make zero factors and ties


class TooLongError(Exception):
    """The sum written out is too long for SymPy."""


class Writer:
    """Writes random sums from a seed.

    While it writes, a symbol stands for each sum: SymPy would look through all of it at every step.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.sums: dict[sp.Basic, sp.Basic] = {}
        self.where: dict[sp.Indexed, Any] = {}

    def cost(self) -> sp.Expr:
        """Return a cost: a few sums, functions of them, and their products; its ``where`` is written with it."""
        parts = [
            self._around(self._reduction((), self._chosen(2, 2, 3)))
            for _ in range(self._chosen(1, 1, 2))
        ]
        if self.random.random() < 0.3:
            parts.append(parts[0] * self._around(self._reduction((), 1)))
        square = self._sum(sp.Sum, x[INDICES[0]] ** 2, (INDICES[0], 0, n - 1))
        expression = replaced(sp.Add(*parts) + square, self.sums)
        if expression.has(H):
            self._define()
        return expression

    def _define(self) -> None:
        """Define the named intermediate."""
        index, inner = INDICES[:2]
        term = self._chosen(x[index] * x[inner], x[inner] + X[index], W[inner, index], a * x[index])
        body = self._around(self._sum(sp.Sum, term, (inner, *self._range((index,)))))
        self.where = {H[index]: (replaced(body, self.sums), (index, 0, n + 1))}

    def _sum(self, kind: Any, body: sp.Basic, limits: Any) -> sp.Symbol:
        """Return the symbol that stands for a sum, a product or a logsumexp."""
        symbol = sp.Symbol(f"s{len(self.sums)}", real=True)
        self.sums[symbol] = replaced(kind(body, limits), self.sums)
        return symbol

    def _chosen(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def _around(self, part: Any) -> Any:
        return self.random.choice(AROUND)(part)

    def _reduction(self, outer: tuple[sp.Symbol, ...], depth: int) -> Any:
        index = INDICES[len(outer)]
        limits = (index, *self._range(outer))
        body = self._term((*outer, index), depth - 1)
        kind = self.random.random()
        if kind < 0.08:
            return self._sum(sp.Product, 1 + self._small(body), limits)
        if kind < 0.12:
            return self._sum(sp.Product, body, limits)
        if kind < 0.24:
            return self._sum(so.logsumexp, body, limits)
        return self._sum(sp.Sum, body, limits)

    def _small(self, part: Any) -> Any:
        return sp.tanh(part) / 4

    def _range(self, outer: tuple[sp.Symbol, ...]) -> tuple[Any, Any]:
        free = [(0, n - 1), (0, n - 2), (1, n - 1), (0, 2)]
        tied = (
            [(0, outer[-1]), (outer[-1], n - 1), (0, n - 1 - outer[-1]), (outer[-1] + 1, n - 1)]
            if outer
            else []
        )
        return self.random.choice(free + tied * 2)

    def _term(self, indices: tuple[sp.Symbol, ...], depth: int) -> Any:
        factors = [self._leaf(indices) for _ in range(self._chosen(1, 2, 2, 3))]
        if depth > 0 and len(indices) < len(INDICES) and self.random.random() < 0.6:
            factors.append(self._around(self._reduction(indices, depth)))
        term = factors[0]
        for factor in factors[1:]:
            term = self._chosen(lambda u, v: u * v, lambda u, v: u * v, lambda u, v: u - v)(
                term, factor
            )
        return self._branched(self._around(term), indices)

    def _branched(self, term: Any, indices: tuple[sp.Symbol, ...]) -> Any:
        kind, i = self.random.random(), indices[-1]
        if kind < 0.12:
            condition = self._chosen(
                i > 0, sp.Ne(i, indices[0]), sp.Le(i, n - 2), sp.Eq(i, 0), i < indices[0] + 1
            )
            return sp.Piecewise((term, condition), (a * self._leaf(indices), True))
        if kind < 0.2:
            return self.random.choice(KINKED)(term, self._leaf(indices))
        return term

    def _leaf(self, indices: tuple[sp.Symbol, ...]) -> Any:
        i, other = indices[-1], self.random.choice(indices)
        leaves = [
            x[i], x[i + 1], x[i + 2], x[other], x[2 * i], x[2 * i + 1], x[n - 1 - i + self._chosen(0, 1)], a, b,
            X[i], X[other] * x[i], x[c[i]], W[i, other], W[other, i + 1], i + 1,
        ]  # fmt: skip
        return self.random.choice(leaves if self.random.random() < 0.6 else self._richer(i, other))

    def _richer(self, i: sp.Symbol, other: sp.Symbol) -> list[Any]:
        """Return parts of one array at several offsets, of powers by the index, and of look-ups."""
        return [
            x[i] * x[i + 1], x[i] * x[i + 2], x[i] - x[i + 1], x[i] * x[n - 1 - i], W[i, other] * W[i + 1, other],
            W[other, i] * W[i, other], W[other, i], W[i, i], x[i] ** (i + 1), x[i] ** i, x[other] ** c[i],
            (1 + x[i] ** 2) ** i, x[c[i] + i], x[i + 1 - c[i]], W[c[i], i], D[c[i]] * x[i], x[c[i]] * x[i], H[i],
            H[other] * x[i], x[i + other], x[i] ** 2 / (1 + other), b**2 * x[i],
        ]  # fmt: skip


QUICK: Mapping[str, Callable[..., Any]] = {
    "add": lambda u, v: u + v, "sub": lambda u, v: u - v, "mul": lambda u, v: u * v, "div": lambda u, v: u / v,
    "neg": lambda u: -u, "fma": lambda u, v, w: u * v + w, "abs": abs, "sqrt": np.sqrt, "exp": np.exp, "log": np.log,
    "sin": np.sin, "cos": np.cos, "tanh": np.tanh, "log1p": np.log1p, "expm1": np.expm1, "pow": np.float64.__pow__,
    "logaddexp": np.logaddexp, "softplus": lambda u: np.logaddexp(0.0, u),
    "sech2": lambda u: 1 / np.cosh(u) ** 2, "sigmoid": lambda u: 1 / (1 + np.exp(-u)),
    "pow_less": lambda u, v: u ** (v - 1), "select": lambda c, u, v: u if c else v, "lt": lambda u, v: u < v,
    "le": lambda u, v: u <= v, "eq": lambda u, v: u == v, "ne": lambda u, v: u != v,
}  # fmt: skip
"""Operations in NumPy's doubles: those of compiled code are worked out bit by bit in Python, ten times slower."""


def quickly(node: Any, args: list[Any]) -> Any:
    """Return the value of a node to a few last digits."""
    if node.op == "const":
        return np.float64(node.payload)
    return QUICK[node.op](*args) if node.op in QUICK else in_doubles(node, args)


Slopes = tuple[float, np.ndarray[Any, Any], np.ndarray[Any, Any]]
"""Value, gradient and Hessian-vector product."""


@dataclass
class Case:
    """A random cost at a size, with data and a point."""

    expression: sp.Expr
    where: dict[sp.Indexed, Any]
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
        return cls.made(expression, writer.where, writer.random.choice((1, 2, 2, 3)), numbers)

    @classmethod
    def made(
        cls,
        expression: sp.Expr,
        where: dict[sp.Indexed, Any],
        size: int,
        numbers: np.random.Generator,
    ) -> Case:
        """Return the case of an expression with random data and a random point."""
        whole = sp.Tuple(expression, *(body for body, _ in where.values()))
        bases = {base.name for base in whole.atoms(sp.IndexedBase)}
        symbols = whole.atoms(sp.Symbol)
        params = [one for one in (x, W, a, b) if one in symbols or one.name in bases]
        data = {X: np.round(numbers.normal(size=40), 3), D: np.round(numbers.normal(size=2), 3)}
        data |= {c: numbers.integers(0, 2, 40)}
        data = {base: values for base, values in data.items() if base.name in bases}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            given = cut(whole, data, size, params, where)
            cost = so.Cost(expression, params=params, data=given, where=where or None)
            sizes = cost.sizes({"n": size}, None)
        point, direction = np.round(numbers.uniform(-1, 1, (2, sizes.total)), 3)
        if numbers.random() < 0.4:
            point = np.where(
                numbers.random(sizes.total) < 0.5, numbers.choice(VALUES, sizes.total), point
            )
        return cls(expression, where, cost, size, point, direction, sizes)

    def truth(self) -> Truth:
        """Return what is right, from the sums worked out as they are written."""
        where = {
            target.base.name: (target.indices, body) for target, (body, _) in self.where.items()
        }
        parts = places(self.sizes.parts())
        return SumTruth(self.point, self.direction, parts, self.cost.data, where).truth(
            self.expression, {n: self.size}
        )

    # By SymPy, which takes seconds

    def entries(self) -> list[Any]:
        """Return the entry of theta that each parameter is, as SymPy has it."""
        found: list[Any] = []
        for name, (_, shape) in self.sizes.parts().items():
            base = sp.IndexedBase(name, real=True)
            found += [
                base[at] if shape else sp.Symbol(name, real=True) for at in np.ndindex(*shape)
            ]
        return found

    def written_out(self) -> tuple[sp.Expr, list[sp.Symbol]]:
        """Return the sum written out by SymPy, with a symbol for each parameter and numbers for data."""
        done = self.expression.subs(n, self.size).doit()
        chosen = {
            entry: sp.Integer(int(self.cost.data["c"][int(entry.indices[0])]))
            for entry in _entries(done, c)
        }
        done = done.xreplace(chosen)
        for base in (D, X):
            numbers = self.cost.data.get(base.name)
            done = done.xreplace(
                {e: sp.Rational(float(numbers[int(e.indices[0])])) for e in _entries(done, base)}
            )
        symbols = list(sp.symbols(f"z:{len(self.point)}", real=True))
        return done.xreplace(dict(zip(self.entries(), symbols, strict=True))), symbols

    def by_sympy(self) -> Slopes | None:
        """Return value, gradient and Hessian-vector product, by SymPy's own derivatives; None beside an array.

        The last is a difference of gradients in 80 digits, which leaves more than 30 of them.
        """
        written, symbols = self.written_out()
        if written.atoms(sp.Indexed):
            return None
        if sum(1 for _ in sp.preorder_traversal(written)) > LONGEST:
            raise TooLongError
        function = sp.lambdify(
            symbols, [written, *(written.diff(s) for s in symbols)], modules="mpmath", cse=True
        )
        with mp.workdps(80):
            point, direction, step = (
                list(map(mp.mpf, self.point)),
                list(map(mp.mpf, self.direction)),
                mp.mpf(10) ** -25,
            )
            here, ahead, back = (
                function(*(p + side * step * v for p, v in zip(point, direction, strict=True)))
                for side in (0, 1, -1)
            )
            bent = [
                (one - other) / (2 * step) for one, other in zip(ahead[1:], back[1:], strict=True)
            ]
        return float(here[0]), np.array(here[1:], dtype=float), np.array(bent, dtype=float)

    # By symopt

    def interpreted(self, operation: Callable[[Any, list[Any]], Any] = quickly) -> Slopes:
        """Return the same from the programs that compiled code is made of, worked out in plain Python."""
        with np.errstate(all="ignore"):
            value, slopes = self._run(self.cost.program, operation)
            return value, slopes, self._run(self.cost.objective.tangent, operation)[1]

    def completed(self, found: Slopes) -> Slopes:
        """Return what is found with its NaN by their definition, as symopt completes what compiled code gives."""
        value, slopes, product = found
        return (
            value,
            self._repaired("gradient", value, slopes),
            self._repaired("product", value, product),
        )

    def _repaired(
        self, what: str, value: float, found: np.ndarray[Any, Any]
    ) -> np.ndarray[Any, Any]:
        def expansion(_: int) -> Any:
            return expand_sums(
                self.cost.objective.value_program, self.point, {}, self.sizes, self.cost.data
            )

        along, at = self.direction[None], self.point[None]
        return fill_missing(
            what,
            found[None],
            at,
            values=lambda rows: np.full(len(rows), value),
            expansion=expansion,
            directions=along,
        )[0]

    def _run(
        self, program: Any, operation: Callable[[Any, list[Any]], Any]
    ) -> tuple[float, np.ndarray[Any, Any]]:
        arrays: dict[Any, Any] = {
            ("x", name): array for name, array in self.sizes.split(self.point).items()
        }
        arrays |= {("v", name): array for name, array in self.sizes.split(self.direction).items()}
        arrays |= {("data", name): array for name, array in self.cost.data.items()}
        interpreter = Interpreter(program, operation, {}, arrays, self.sizes.sizes)
        interpreter.carry_out()
        value = interpreter.output("J") if "J" in program.outputs else None
        gradient = np.zeros(len(self.point))
        for name, (start, shape) in self.sizes.parts().items():
            for k, at in enumerate(np.ndindex(*shape)):
                gradient[start + k] = interpreter.stored[("g", name), at]
        return float(value or 0.0), gradient

    def compiled(self) -> Slopes:
        """Return the same from compiled code."""
        given = {"n": self.size}
        cost, at = self.cost, self.point
        return (
            float(cost.value(at, **given)),
            cost.grad(at, **given),
            cost.hvp(at, self.direction, **given),
        )


def _entries(expression: sp.Basic, base: sp.IndexedBase) -> list[sp.Indexed]:
    return [entry for entry in expression.atoms(sp.Indexed) if entry.base == base]


def replaced(part: sp.Basic, others: Mapping[sp.Basic, sp.Basic]) -> Any:
    """Return an expression with parts replaced, which SymPy is not to simplify: that may take it minutes."""
    if part in others or isinstance(part, sp.Indexed) or not part.args:
        return others.get(part, part)
    if isinstance(part, sp.Sum | sp.Product | so.logsumexp):
        return _as_it_stands(part.func, replaced(part.function, others), *part.limits)
    args = [replaced(arg, others) for arg in part.args]
    return (
        part.func(*args)
        if isinstance(part, sp.Tuple | ExprCondPair)
        else part.func(*args, evaluate=False)
    )


def _as_it_stands(kind: type[sp.Expr], *args: sp.Basic) -> sp.Expr:
    """Return a sum of which SymPy is to take no Piecewise out: it would do so from under the index of the condition."""
    made = sp.Expr.__new__(kind, *args)
    made.is_commutative = True
    return made


def cut(
    whole: sp.Tuple,
    data: dict[Any, Any],
    size: int,
    params: Sequence[Any],
    where: Mapping[Any, Any],
) -> dict[Any, Any]:
    """Return data as long as symopt takes them to be: of the length that they would have as parameters."""
    looked_up = [
        e for e in whole.atoms(sp.Indexed) if any(index.atoms(sp.Indexed) for index in e.indices)
    ]
    plain = replaced(whole, {entry: sp.Mul(*entry.indices) * x[0] for entry in looked_up})
    names = {base.name for base in plain.atoms(sp.IndexedBase)}
    if not names & {"X", "c"}:
        return data
    body = {target: (plain[1], limits) for target, (_, limits) in where.items()}
    shapes = so.Cost(plain[0], where=body or None).sizes({"n": size}, None).shapes
    return {
        base: values[: shapes["x", base.name][0]] if ("x", base.name) in shapes else values
        for base, values in data.items()
    }
