"""Costs written as sums: every way in which a sum, an index or an array may be used, each in a few lines.

A cost of the zoo carries its SymPy expression, the shapes of its parameters and the makers of its data in
terms of size symbols, sizes at which a reference in 50 digits is quick, and a larger one, beyond the blocks
of 32 in which a loop may run. ``plain`` is the same cost written a second time, by hand, in NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from types import SimpleNamespace
from typing import Any

import numpy as np
import sympy as sp

import symopt as so

i, j, k, p, q = sp.symbols("i j k p q", integer=True)
n, m, d, h, g, r, K, M, N = sp.symbols("n m d h g r K M N", integer=True)
x, y, z, w, th, X, t, c, e = (
    sp.IndexedBase(name) for name in ("x", "y", "z", "w", "theta", "X", "t", "c", "e")
)
U, V, W, A, B, b, v, R, F, H, G, mu = (
    sp.IndexedBase(name) for name in ("U", "V", "W", "A", "B", "b", "v", "R", "F", "H", "G", "mu")
)
s, u, kappa, lam = sp.symbols("s u kappa lam")
sin, cos, exp, log, tanh, sqrt, Sum, Product, Piecewise = (
    sp.sin,
    sp.cos,
    sp.exp,
    sp.log,
    sp.tanh,
    sp.sqrt,
    sp.Sum,
    sp.Product,
    sp.Piecewise,
)

Shape = tuple[Any, ...]
Maker = Callable[[Callable[[Any], int], np.random.Generator], np.ndarray]


def normal(*shape: Any) -> Maker:
    return lambda size, rng: rng.normal(size=[size(a) for a in shape])


def signs(*shape: Any) -> Maker:
    return lambda size, rng: rng.choice([-1.0, 1.0], size=[size(a) for a in shape])


def labels(count: Any, *shape: Any) -> Maker:
    """Make integers below count, of which the last is count - 1: every array has the length its indices ask for."""

    def make(size: Callable[[Any], int], rng: np.random.Generator) -> np.ndarray:
        array = rng.integers(0, size(count), size=[size(a) for a in shape])
        array[(-1,) * array.ndim] = size(count) - 1
        return array

    return make


@dataclass(frozen=True)
class SumCost:
    """One cost of the zoo."""

    expr: Any
    params: dict[Any, Shape]  # the shape of each, () for a symbol
    sizes: tuple[dict[Any, int], ...]  # small
    large: dict[Any, int]
    plain: Callable[[SimpleNamespace], Any]
    data: dict[Any, Maker] = field(default_factory=dict)
    where: dict[Any, Any] = field(default_factory=dict)
    samples: Any = None
    constants: dict[str, float] = field(default_factory=dict)
    start: Callable[[np.random.Generator, int], np.ndarray] = lambda rng, count: rng.normal(
        size=count
    )
    tolerance: float = 1e-12  # relative; larger where exp takes the difference of large arguments
    flat: bool = True  # whether the sizes follow from a theta without shapes

    def at(self, sizes: Mapping[Any, int], seed: int = 0) -> Instance:
        rng = np.random.default_rng(seed + 1000 * sum(sizes.values()))
        size = lambda a: int(sp.sympify(a).subs(sizes))
        data = {base: make(size, rng) for base, make in self.data.items()}
        shapes = {param: tuple(map(size, shape)) for param, shape in self.params.items()}
        theta = self.start(rng, sum(int(np.prod(shape)) for shape in shapes.values()))
        return Instance(self, dict(sizes), data, shapes, theta)


@dataclass(frozen=True)
class Instance:
    """A cost at given sizes, with data and one point."""

    of: SumCost
    sizes: dict[Any, int]
    data: dict[Any, np.ndarray]
    shapes: dict[Any, tuple[int, ...]]
    theta: np.ndarray

    @property
    def cost(self) -> so.Cost:
        params = tuple(self.of.params)
        given = {"data": self.data, "where": self.of.where, "samples": self.of.samples}
        return so.Cost(
            self.of.expr, params=params, **{name: value for name, value in given.items() if value}
        )

    def points(self, count: int, seed: int = 7) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return np.array([self.of.start(rng, self.theta.size) for _ in range(count)])

    def mapping(self, theta: np.ndarray) -> dict[Any, np.ndarray]:
        """Return a point, or many along leading axes, as arrays by parameter."""
        result, start = {}, 0
        for param, shape in self.shapes.items():
            stop = start + int(np.prod(shape))
            result[param] = theta[..., start:stop].reshape((*theta.shape[:-1], *shape))
            start = stop
        return result

    def plain(self, theta: np.ndarray) -> float:
        """Return the cost as it is written in NumPy."""
        named = {**self.mapping(theta), **self.data, **self.sizes}
        by_name = {str(getattr(key, "label", key)): value for key, value in named.items()}
        return self.of.plain(SimpleNamespace(**by_name, **self.of.constants))


def near(centre: float, spread: float) -> Callable[[np.random.Generator, int], np.ndarray]:
    return lambda rng, count: centre + spread * rng.normal(size=count)


def with_zeros(*places: int) -> Callable[[np.random.Generator, int], np.ndarray]:
    def start(rng: np.random.Generator, count: int) -> np.ndarray:
        theta = rng.uniform(0.9, 1.1, count)
        theta[[place % count for place in places]] = 0
        return theta

    return start


def of_n(*values: int) -> tuple[dict[Any, int], ...]:
    return tuple({n: value} for value in values)


def lse(a: Any, axis: Any = None) -> Any:
    top = np.max(a, axis=axis, keepdims=True)
    return np.log(np.sum(np.exp(a - top), axis=axis)) + np.squeeze(top, axis=axis)


ZOO: dict[str, SumCost] = {}

# One index

ZOO["chain"] = SumCost(
    Sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2, (i, 0, n - 2)),
    {x: (n,)},
    of_n(2, 3, 5, 33),
    {n: 101},
    lambda a: np.sum(100 * (a.x[1:] - a.x[:-1] ** 2) ** 2 + (1 - a.x[:-1]) ** 2),
)
ZOO["separable"] = SumCost(
    Sum(x[i] ** 4 - 3 * x[i] ** 2 + x[i] / 3, (i, 0, n - 1)),
    {x: (n,)},
    of_n(1, 2, 7),
    {n: 97},
    lambda a: np.sum(a.x**4 - 3 * a.x**2 + a.x / 3),
)
ZOO["weights by the index"] = SumCost(
    Sum((i + 1) * x[i] ** 2 + sin(i * x[i]) / (i + 2) + sqrt(i) * x[i], (i, 0, n - 1)),
    {x: (n,)},
    of_n(1, 2, 6),
    {n: 75},
    lambda a: sum(
        (k + 1) * v**2 + np.sin(k * v) / (k + 2) + np.sqrt(k) * v for k, v in enumerate(a.x)
    ),
)
ZOO["pairs by a stride"] = SumCost(
    Sum(100 * (x[2 * i + 1] - x[2 * i] ** 2) ** 2 + (1 - x[2 * i]) ** 2, (i, 0, n - 1)),
    {x: (2 * n,)},
    of_n(1, 2, 5),
    {n: 49},
    lambda a: np.sum(100 * (a.x[1::2] - a.x[::2] ** 2) ** 2 + (1 - a.x[::2]) ** 2),
)
ZOO["holes between strides"] = SumCost(
    Sum(exp(x[2 * i]) - x[2 * i], (i, 0, n - 1)) + Sum(x[3 * i + 1] ** 4, (i, 0, 2)) + x[2 * n - 2],
    {x: (2 * n - 1,)},
    of_n(5, 6),
    {n: 41},
    lambda a: np.sum(np.exp(a.x[::2]) - a.x[::2]) + np.sum(a.x[1:8:3] ** 4) + a.x[-1],
)
ZOO["reversed"] = SumCost(
    Sum(x[i] * x[n - 1 - i] ** 2 + cos(x[n - 1 - i]) * (i + 1), (i, 0, n - 1)),
    {x: (n,)},
    of_n(1, 2, 3, 6),
    {n: 77},
    lambda a: np.sum(a.x * a.x[::-1] ** 2 + np.cos(a.x[::-1]) * np.arange(1, a.n + 1)),
)
ZOO["offsets behind"] = SumCost(
    Sum(x[i - 2] * x[i] ** 2 + sin(x[i - 1] * x[i]), (i, 2, n - 1)) + x[0] ** 2 + x[1] ** 2,
    {x: (n,)},
    of_n(2, 3, 4, 6),
    {n: 99},
    lambda a: (
        np.sum(a.x[:-2] * a.x[2:] ** 2 + np.sin(a.x[1:-1] * a.x[2:])) + a.x[0] ** 2 + a.x[1] ** 2
    ),
)
ZOO["stencil"] = SumCost(
    Sum((x[i - 1] - 2 * x[i] + x[i + 1] + exp(x[i]) / (n + 1) ** 2) ** 2, (i, 1, n - 2))
    + x[0] ** 2
    + x[n - 1] ** 2,
    {x: (n,)},
    of_n(2, 3, 5, 34),
    {n: 103},
    lambda a: (
        np.sum((a.x[:-2] - 2 * a.x[1:-1] + a.x[2:] + np.exp(a.x[1:-1]) / (a.n + 1) ** 2) ** 2)
        + a.x[0] ** 2
        + a.x[-1] ** 2
    ),
)
ZOO["ends and a sum"] = SumCost(
    x[0] ** 2
    + 5 * x[n - 1] ** 2
    + x[0] * x[n - 1]
    + Sum((x[i] - x[i + 1]) ** 4, (i, 0, n - 2)) / 4,
    {x: (n,)},
    of_n(1, 2, 3, 5),
    {n: 75},
    lambda a: (
        a.x[0] ** 2 + 5 * a.x[-1] ** 2 + a.x[0] * a.x[-1] + np.sum((a.x[:-1] - a.x[1:]) ** 4) / 4
    ),
)
ZOO["several ranges"] = SumCost(
    Sum(x[i] ** 2, (i, 0, n - 1))
    + Sum(sin(x[i]), (i, 1, n - 1))
    - Sum(x[j] * x[j + 2], (j, 0, n - 3))
    + Sum(x[i] ** 4, (i, 2, n - 2)),
    {x: (n,)},
    of_n(3, 4, 6),
    {n: 98},
    lambda a: (
        np.sum(a.x**2)
        + np.sum(np.sin(a.x[1:]))
        - np.sum(a.x[:-2] * a.x[2:])
        + np.sum(a.x[2:-1] ** 4)
    ),
)
ZOO["ranges of numbers"] = SumCost(
    Sum((x[i] - i) ** 2 * x[i + 1], (i, 0, 3)) + Sum(exp(-x[i]), (i, 2, 4)) + x[1] ** 3,
    {x: (5,)},
    ({},),
    {},
    lambda a: (
        np.sum((a.x[:4] - np.arange(4)) ** 2 * a.x[1:]) + np.sum(np.exp(-a.x[2:])) + a.x[1] ** 3
    ),
)
ZOO["a regulariser"] = SumCost(
    lam * Sum(x[i] ** 2, (i, 0, n - 1)) / n
    + Sum(cos(kappa * x[i]), (i, 0, n - 1))
    + n * x[0] / (n + 1),
    {x: (n,)},
    of_n(1, 2, 5),
    {n: 75},
    lambda a: a.lam * np.mean(a.x**2) + np.sum(np.cos(a.kappa * a.x)) + a.n * a.x[0] / (a.n + 1),
    constants={"lam": 0.7, "kappa": 1.3},
)

# Sums inside functions

ZOO["log and root of a sum"] = SumCost(
    log(1 + Sum(x[i] ** 2, (i, 0, n - 1))) + sqrt(1 + Sum((x[i] - 1) ** 2, (i, 0, n - 1))),
    {x: (n,)},
    of_n(1, 2, 5),
    {n: 75},
    lambda a: np.log(1 + np.sum(a.x**2)) + np.sqrt(1 + np.sum((a.x - 1) ** 2)),
)
ZOO["products of sums"] = SumCost(
    Sum(x[i], (i, 0, n - 1)) ** 2
    + Sum(x[i] ** 3, (i, 0, n - 1)) * Sum(sin(x[j]), (j, 0, n - 1))
    + Sum(x[i], (i, 0, n - 1)) * x[0],
    {x: (n,)},
    of_n(1, 2, 5),
    {n: 75},
    lambda a: np.sum(a.x) ** 2 + np.sum(a.x**3) * np.sum(np.sin(a.x)) + np.sum(a.x) * a.x[0],
)
ZOO["a quotient of sums"] = SumCost(
    Sum(Sum(A[i, j] * x[i] * x[j], (j, 0, n - 1)), (i, 0, n - 1)) / Sum(x[i] ** 2, (i, 0, n - 1)),
    {x: (n,)},
    of_n(1, 2, 5),
    {n: 45},
    lambda a: a.x @ a.A @ a.x / (a.x @ a.x),
    data={A: normal(n, n)},
)
ZOO["exp of minus a sum"] = SumCost(
    -exp(-Sum(x[i] ** 2, (i, 0, n - 1)) / n)
    - 20 * exp(-sqrt(Sum(x[i] ** 2, (i, 0, n - 1)) / n) / 5),
    {x: (n,)},
    of_n(1, 2, 5),
    {n: 75},
    lambda a: -np.exp(-np.mean(a.x**2)) - 20 * np.exp(-np.sqrt(np.mean(a.x**2)) / 5),
)
ZOO["a sum inside a sum that does not move"] = SumCost(
    Sum(
        exp(x[i] * Sum(x[j], (j, 0, n - 1)) / n) + (x[i] - Sum(x[j], (j, 0, n - 1)) / n) ** 2,
        (i, 0, n - 1),
    ),
    {x: (n,)},
    of_n(1, 2, 5),
    {n: 45},
    lambda a: np.sum(np.exp(a.x * np.mean(a.x)) + (a.x - np.mean(a.x)) ** 2),
)
ZOO["a deep chain of scalars"] = SumCost(
    reduce(lambda f, at: sin(f + s / (at + 1)) * 2, range(40), Sum(x[i] ** 2, (i, 0, n - 1)) / n),
    {x: (n,), s: ()},
    of_n(1, 4),
    {n: 75},
    lambda a: reduce(lambda f, at: np.sin(f + a.s / (at + 1)) * 2, range(40), np.mean(a.x**2)),
)
ZOO["a deep chain in a sum"] = SumCost(
    Sum(reduce(lambda f, at: tanh(f * s + x[i]) + sin(f), range(5), x[i] * y[i]), (i, 0, n - 1)),
    {x: (n,), s: ()},
    of_n(1, 4),
    {n: 75},
    lambda a: np.sum(reduce(lambda f, at: np.tanh(f * a.s + a.x) + np.sin(f), range(5), a.x * a.y)),
    data={y: normal(n)},
)

# Nests

ZOO["lower triangle"] = SumCost(
    Sum(x[i] * Sum(x[j] ** 2 * (i - j + 1), (j, 0, i)), (i, 0, n - 1)),
    {x: (n,)},
    of_n(1, 2, 5),
    {n: 65},
    lambda a: sum(a.x[i] * a.x[j] ** 2 * (i - j + 1) for i in range(a.n) for j in range(i + 1)),
)
ZOO["upper triangle, repulsion"] = SumCost(
    Sum(Sum(1 / (1 + (x[i] - x[j]) ** 2), (j, i + 1, n - 1)), (i, 0, n - 1))
    + Sum(x[i] ** 2, (i, 0, n - 1)) / 2,
    {x: (n,)},
    of_n(1, 2, 5),
    {n: 66},
    lambda a: (
        sum(np.sum(1 / (1 + (a.x[i] - a.x[i + 1 :]) ** 2)) for i in range(a.n)) + np.sum(a.x**2) / 2
    ),
)
ZOO["empty at the first"] = SumCost(
    Sum(
        (x[i] - Sum(sin(x[j]), (j, 0, i - 1))) ** 2 * exp(-Sum(x[j] ** 2, (j, 0, i - 1)) / n),
        (i, 0, n - 1),
    ),
    {x: (n,)},
    of_n(1, 2, 5),
    {n: 50},
    lambda a: sum(
        (a.x[i] - np.sum(np.sin(a.x[:i]))) ** 2 * np.exp(-np.sum(a.x[:i] ** 2) / a.n)
        for i in range(a.n)
    ),
)
ZOO["empty for the last three"] = SumCost(
    Sum(cos(Sum(x[i] * x[j], (j, i + 3, n - 1))) + x[i] ** 2, (i, 0, n - 1)),
    {x: (n,)},
    of_n(3, 4, 6),
    {n: 50},
    lambda a: sum(np.cos(a.x[i] * np.sum(a.x[i + 3 :])) + a.x[i] ** 2 for i in range(a.n)),
)
ZOO["two indices in one sum"] = SumCost(
    Sum(x[i] * x[j] ** 2 / (i + j + 1), (j, 0, i), (i, 0, n - 1)),
    {x: (n,)},
    of_n(1, 2, 5),
    {n: 65},
    lambda a: sum(a.x[i] * a.x[j] ** 2 / (i + j + 1) for i in range(a.n) for j in range(i + 1)),
)
ZOO["three levels"] = SumCost(
    Sum(x[i] * Sum(x[j] * Sum(sin(x[k] + j) * x[i], (k, 0, j)), (j, i, n - 1)), (i, 0, n - 1)),
    {x: (n,)},
    of_n(1, 2, 4),
    {n: 35},
    lambda a: sum(
        a.x[i] ** 2 * a.x[j] * np.sum(np.sin(a.x[: j + 1] + j))
        for i in range(a.n)
        for j in range(i, a.n)
    ),
)
ZOO["functions between three levels"] = SumCost(
    Sum(
        tanh(
            Sum(x[j] * exp(-(Sum(A[j, k] * x[k] * x[i], (k, 0, n - 1)) ** 2)), (j, 0, n - 1)) + y[i]
        )
        * x[i],
        (i, 0, n - 1),
    ),
    {x: (n,)},
    of_n(1, 2, 4),
    {n: 34},
    lambda a: sum(
        np.tanh(a.x @ np.exp(-((a.A @ a.x * a.x[i]) ** 2)) + a.y[i]) * a.x[i] for i in range(a.n)
    ),
    data={A: normal(n, n), y: normal(n)},
)
ZOO["a convolution"] = SumCost(
    Sum((Sum(w[j] * x[i + j], (j, 0, K - 1)) - z[i]) ** 2, (i, 0, n - 1)),
    {w: (K,), x: (n + K - 1,)},
    ({n: 1, K: 1}, {n: 2, K: 3}, {n: 4, K: 2}),
    {n: 75, K: 35},
    lambda a: np.sum((np.correlate(a.x, a.w, "valid") - a.z) ** 2),
    data={z: normal(n)},
)
ZOO["sums along the diagonals"] = SumCost(
    Sum(sin(x[i + j]) * y[i] * x[j], (j, 0, n - 1), (i, 0, n - 1))
    + Sum(x[i + j] ** 2, (j, 0, i), (i, 0, n - 1)),
    {x: (2 * n - 1,)},
    of_n(1, 2, 4),
    {n: 42},
    lambda a: (
        sum(np.sin(a.x[i + j]) * a.y[i] * a.x[j] for i in range(a.n) for j in range(a.n))
        + sum(a.x[i + j] ** 2 for i in range(a.n) for j in range(i + 1))
    ),
    data={y: normal(n)},
)
ZOO["one symbol, two ranges"] = SumCost(
    Sum(x[i] ** 2, (i, 0, n - 1)) * Sum(x[i], (i, 1, n - 2))
    + Sum(Sum(x[i] * x[j], (i, j, n - 1)), (j, 0, n - 1)),
    {x: (n,)},
    of_n(2, 3, 5),
    {n: 66},
    lambda a: (
        np.sum(a.x**2) * np.sum(a.x[1:-1]) + sum(a.x[j] * np.sum(a.x[j:]) for j in range(a.n))
    ),
)
ZOO["a symbol bound twice"] = SumCost(
    Sum(i * x[i] + x[i] * Sum(sin(x[i]) * i, (i, 0, n - 2)) + x[i] ** 2, (i, 0, n - 1))
    + Sum(x[i] * Sum(x[i] ** 3, (i, 0, i)), (i, 0, n - 1)),
    {x: (n,)},
    of_n(2, 3, 5),
    {n: 50},
    lambda a: (
        np.sum(np.arange(a.n) * a.x + a.x * np.sum(np.sin(a.x[:-1]) * np.arange(a.n - 1)) + a.x**2)
        + np.sum(a.x * np.cumsum(a.x**3))
    ),
)

# Products

ZOO["Griewank"] = SumCost(
    1 + Sum(x[i] ** 2, (i, 0, n - 1)) / 4000 - Product(cos(x[i] / sqrt(i + 1)), (i, 0, n - 1)),
    {x: (n,)},
    of_n(1, 2, 6),
    {n: 75},
    lambda a: 1 + np.sum(a.x**2) / 4000 - np.prod(np.cos(a.x / np.sqrt(np.arange(1, a.n + 1)))),
    start=near(0, 0.4),
)
ZOO["a product with one zero"] = SumCost(
    Product(x[i], (i, 0, n - 1)) + Sum(x[i] ** 2, (i, 0, n - 1)),
    {x: (n,)},
    of_n(1, 2, 5),
    {n: 70},
    lambda a: np.prod(a.x) + np.sum(a.x**2),
    start=with_zeros(1),
)
ZOO["a product with two zeros"] = SumCost(
    Product(x[i] * (2 - x[i]), (i, 0, n - 1)) + Sum(x[i] ** 4, (i, 0, n - 1)),
    {x: (n,)},
    of_n(2, 3, 5),
    {n: 70},
    lambda a: np.prod(a.x * (2 - a.x)) + np.sum(a.x**4),
    start=with_zeros(0, 1),
)
ZOO["products in a sum"] = SumCost(
    Sum(y[i] * Product(1 - x[j] * x[i], (j, 0, i - 1)), (i, 0, n - 1))
    + Sum(Product(x[j], (j, 0, i)), (i, 0, n - 1)),
    {x: (n,)},
    of_n(1, 2, 5),
    {n: 45},
    lambda a: (
        sum(a.y[i] * np.prod(1 - a.x[:i] * a.x[i]) for i in range(a.n)) + np.sum(np.cumprod(a.x))
    ),
    data={y: normal(n)},
    start=with_zeros(2),
)

# Log of a sum of exponentials

ZOO["logsumexp"] = SumCost(
    so.logsumexp(x[k], (k, 0, n - 1)) - x[0] + so.logsumexp(-k * x[k] / 7, (k, 1, n - 1)) ** 2 / n,
    {x: (n,)},
    of_n(2, 3, 6),
    {n: 75},
    lambda a: lse(a.x) - a.x[0] + lse(-np.arange(1, a.n) * a.x[1:] / 7) ** 2 / a.n,
)
ZOO["logsumexp of large numbers"] = SumCost(
    so.logsumexp(kappa * x[k], (k, 0, n - 1)) / kappa + so.logsumexp(-2 * x[k], (k, 0, n - 1)),
    {x: (n,)},
    of_n(2, 3, 6),
    {n: 75},
    lambda a: lse(a.kappa * a.x) / a.kappa + lse(-2 * a.x),
    constants={"kappa": 1.25},
    start=lambda rng, count: rng.uniform(900, 903, count),
    tolerance=1e-11,
)
ZOO["logsumexp over two indices"] = SumCost(
    so.logsumexp(U[i, j] * y[j] + x[i], (j, 0, n - 1), (i, 0, m - 1))
    - Sum(U[i, 0], (i, 0, m - 1)) / m,
    {U: (m, n), x: (m,)},
    ({m: 1, n: 1}, {m: 2, n: 3}),
    {m: 41, n: 3},
    lambda a: lse(a.U * a.y + a.x[:, None]) - np.mean(a.U[:, 0]),
    data={y: normal(n)},
)
ZOO["softmax regression"] = SumCost(
    -Sum(
        Sum(W[c[k], j] * X[k, j], (j, 0, d - 1))
        + b[c[k]]
        - so.logsumexp(Sum(W[q, j] * X[k, j], (j, 0, d - 1)) + b[q], (q, 0, K - 1)),
        (k, 0, m - 1),
    )
    / m,
    {W: (K, d), b: (K,)},
    ({m: 1, d: 1, K: 2}, {m: 5, d: 2, K: 3}),
    {m: 77, d: 3, K: 4},
    lambda a: np.mean(lse(a.X @ a.W.T + a.b, -1) - (a.X @ a.W.T + a.b)[np.arange(a.m), a.c]),
    data={X: normal(m, d), c: labels(K, m)},
    samples=k,
)
ZOO["logistic regression"] = SumCost(
    Sum(log(1 + exp(-t[k] * Sum(X[k, j] * th[j], (j, 0, d - 1)))), (k, 0, m - 1)) / m
    + lam * Sum(th[j] ** 2, (j, 0, d - 1)) / 2,
    {th: (d,)},
    ({m: 1, d: 1}, {m: 6, d: 3}, {m: 3, d: 5}),
    {m: 99, d: 35},
    lambda a: np.mean(np.logaddexp(0, -a.t * (a.X @ a.theta))) + a.lam * np.sum(a.theta**2) / 2,
    data={X: normal(m, d), t: signs(m)},
    samples=k,
    constants={"lam": 0.01},
)
ZOO["logistic regression, far out"] = SumCost(
    Sum(log(1 + exp(-t[k] * Sum(X[k, j] * th[j], (j, 0, d - 1)))), (k, 0, m - 1)),
    {th: (d,)},
    ({m: 6, d: 3},),
    {m: 75, d: 5},
    lambda a: np.sum(np.logaddexp(0, -a.t * (a.X @ a.theta))),
    data={X: normal(m, d), t: signs(m)},
    samples=k,
    start=near(0, 1000),
    tolerance=1e-11,
)
ZOO["a mixture of Gaussians"] = SumCost(
    m * so.logsumexp(w[q], (q, 0, K - 1))
    - Sum(
        so.logsumexp(w[q] - Sum((X[k, j] - mu[q, j]) ** 2, (j, 0, d - 1)) / 2, (q, 0, K - 1)),
        (k, 0, m - 1),
    ),
    {w: (K,), mu: (K, d)},
    ({m: 1, d: 1, K: 1}, {m: 4, d: 2, K: 3}),
    {m: 70, d: 2, K: 3},
    lambda a: a.m * lse(a.w) - np.sum(lse(a.w - np.sum((a.X[:, None] - a.mu) ** 2, -1) / 2, -1)),
    data={X: normal(m, d)},
    samples=k,
)

# Pieces, kinks

RESIDUAL = Sum(X[k, j] * th[j], (j, 0, d - 1)) - t[k]

ZOO["a boundary piece on the left"] = SumCost(
    Sum((x[i] - Piecewise((x[i - 1] ** 2, i > 0), (0, True))) ** 2, (i, 0, n - 1)),
    {x: (n,)},
    of_n(1, 2, 5),
    {n: 75},
    lambda a: np.sum((a.x - np.append(0, a.x[:-1] ** 2)) ** 2),
)
ZOO["boundary pieces on both sides"] = SumCost(
    Sum(
        (
            Piecewise((x[i - 1], i > 0), (0, True))
            - 2 * x[i]
            + Piecewise((x[i + 1], i < n - 1), (1, True))
            - y[i]
        )
        ** 2
        + exp(x[i]) / n,
        (i, 0, n - 1),
    ),
    {x: (n,)},
    of_n(1, 2, 3, 5),
    {n: 75},
    lambda a: np.sum(
        (np.append(0, a.x[:-1]) - 2 * a.x + np.append(a.x[1:], 1) - a.y) ** 2 + np.exp(a.x) / a.n
    ),
    data={y: normal(n)},
)
ZOO["a piece at one index"] = SumCost(
    Sum(
        Piecewise(
            (3 * x[i] ** 2, sp.Eq(i, 0)), (sin(x[i]), (i > 2) & (i < n - 1)), (x[i] ** 4, True)
        ),
        (i, 0, n - 1),
    ),
    {x: (n,)},
    of_n(1, 3, 6),
    {n: 75},
    lambda a: 3 * a.x[0] ** 2 + np.sum(a.x[1:] ** 4) + np.sum(np.sin(a.x[3:-1]) - a.x[3:-1] ** 4),
)
ZOO["Huber"] = SumCost(
    Sum(
        Piecewise(
            (RESIDUAL**2 / 2, sp.Abs(RESIDUAL) <= 1), (sp.Abs(RESIDUAL) - sp.Rational(1, 2), True)
        ),
        (k, 0, m - 1),
    ),
    {th: (d,)},
    ({m: 1, d: 1}, {m: 7, d: 3}),
    {m: 101, d: 4},
    lambda a: np.sum(
        np.where(
            abs(a.X @ a.theta - a.t) <= 1,
            (a.X @ a.theta - a.t) ** 2 / 2,
            abs(a.X @ a.theta - a.t) - 0.5,
        )
    ),
    data={X: normal(m, d), t: normal(m)},
    samples=k,
)
ZOO["a parameter in a condition"] = SumCost(
    Sum(
        Piecewise(
            (s * x[i] ** 2, x[i] > s),
            (log(x[i] ** 2 + 1) - s, x[i] * y[i] < 0),
            (sqrt(2 - s), True),
        ),
        (i, 0, n - 1),
    ),
    {x: (n,), s: ()},
    of_n(1, 3, 7),
    {n: 75},
    lambda a: np.sum(
        np.where(
            a.x > a.s,
            a.s * a.x**2,
            np.where(a.x * a.y < 0, np.log(a.x**2 + 1) - a.s, np.sqrt(2 - a.s)),
        )
    ),
    data={y: normal(n)},
    start=near(0, 0.6),
)
ZOO["Max, Min and Abs"] = SumCost(
    Sum(sp.Max(0, 1 - t[k] * Sum(X[k, j] * th[j], (j, 0, d - 1))) ** 2, (k, 0, m - 1))
    + lam * Sum(sp.Abs(th[j]) + sp.Min(th[j], 2 * th[j], 1) ** 3, (j, 0, d - 1)),
    {th: (d,)},
    ({m: 1, d: 1}, {m: 6, d: 3}),
    {m: 75, d: 5},
    lambda a: (
        np.sum(np.maximum(0, 1 - a.t * (a.X @ a.theta)) ** 2)
        + a.lam * np.sum(abs(a.theta) + np.minimum(np.minimum(a.theta, 2 * a.theta), 1) ** 3)
    ),
    data={X: normal(m, d), t: signs(m)},
    samples=k,
    constants={"lam": 0.3},
)
ZOO["Max of neighbours"] = SumCost(
    Sum(sp.Max(x[i] ** 2, x[i + 1], 0) + sp.Abs(x[i] - x[i + 1]), (i, 0, n - 2)),
    {x: (n,)},
    of_n(2, 3, 6),
    {n: 75},
    lambda a: np.sum(np.maximum(a.x[:-1] ** 2, a.x[1:]) + abs(np.diff(a.x))),
)

# Data

ZOO["scalars fitted to data"] = SumCost(
    Sum((y[k] - s * exp(-u * z[k] ** 2)) ** 2, (k, 0, m - 1)) + s**2 * u / m,
    {u: (), s: ()},
    ({m: 1}, {m: 2}, {m: 5}),
    {m: 99},
    lambda a: np.sum((a.y - a.s * np.exp(-a.u * a.z**2)) ** 2) + a.s**2 * a.u / a.m,
    data={y: normal(m), z: normal(m)},
    samples=k,
)
ZOO["a scalar times sums"] = SumCost(
    s * Sum(x[i] ** 2, (i, 0, n - 1)) + Sum(s**2 * x[i] * y[i] + u, (i, 0, n - 1)) + s * u,
    {s: (), x: (n,), u: ()},
    of_n(1, 2, 5),
    {n: 75},
    lambda a: a.s * np.sum(a.x**2) + np.sum(a.s**2 * a.x * a.y + a.u) + a.s * a.u,
    data={y: normal(n)},
)
ZOO["sums without a parameter"] = SumCost(
    Sum(y[i] ** 2, (i, 0, n - 1)) * x[0]
    + Sum(3, (i, 0, n - 1))
    + Sum(i * kappa, (i, 0, n - 1))
    + Sum((x[i] - Sum(y[j], (j, 0, i))) ** 2, (i, 0, n - 1)),
    {x: (n,)},
    of_n(1, 2, 5),
    {n: 75},
    lambda a: (
        a.x[0] * np.sum(a.y**2)
        + 3 * a.n
        + a.kappa * a.n * (a.n - 1) / 2
        + np.sum((a.x - np.cumsum(a.y)) ** 2)
    ),
    data={y: normal(n)},
    constants={"kappa": 0.3},
)
ZOO["means of groups"] = SumCost(
    Sum((y[k] - th[c[k]]) ** 2 + sin(th[c[k]]) * z[c[k]], (k, 0, m - 1)),
    {th: (K,)},
    ({m: 1, K: 1}, {m: 6, K: 3}),
    {m: 99, K: 7},
    lambda a: np.sum((a.y - a.theta[a.c]) ** 2 + np.sin(a.theta[a.c]) * a.z[a.c]),
    data={y: normal(m), c: labels(K, m), z: normal(K)},
    samples=k,
)
ZOO["recommendations"] = SumCost(
    Sum((y[k] - s - Sum(U[c[k], j] * V[e[k], j], (j, 0, r - 1))) ** 2, (k, 0, m - 1))
    + lam
    * (
        Sum(U[p, j] ** 2, (j, 0, r - 1), (p, 0, M - 1))
        + Sum(V[q, j] ** 2, (j, 0, r - 1), (q, 0, N - 1))
    ),
    {U: (M, r), V: (N, r), s: ()},
    ({m: 3, M: 2, N: 1, r: 1}, {m: 7, M: 3, N: 2, r: 2}),
    {m: 120, M: 7, N: 5, r: 3},
    lambda a: (
        np.sum((a.y - a.s - np.sum(a.U[a.c] * a.V[a.e], -1)) ** 2)
        + a.lam * (np.sum(a.U**2) + np.sum(a.V**2))
    ),
    data={y: normal(m), c: labels(M, m), e: labels(N, m)},
    samples=k,
    constants={"lam": 0.1},
    flat=False,
)
ZOO["matrix factorisation"] = SumCost(
    Sum((R[i, j] - Sum(U[i, k] * V[j, k], (k, 0, r - 1))) ** 2, (j, 0, n - 1), (i, 0, m - 1))
    + lam
    * (
        Sum(U[i, k] ** 2, (k, 0, r - 1), (i, 0, m - 1))
        + Sum(V[j, k] ** 2, (k, 0, r - 1), (j, 0, n - 1))
    ),
    {U: (m, r), V: (n, r)},
    ({m: 1, n: 1, r: 1}, {m: 3, n: 2, r: 2}),
    {m: 35, n: 9, r: 2},
    lambda a: np.sum((a.R - a.U @ a.V.T) ** 2) + a.lam * (np.sum(a.U**2) + np.sum(a.V**2)),
    data={R: normal(m, n)},
    constants={"lam": 0.1},
)
ZOO["a symmetric factorisation"] = SumCost(
    Sum((R[i, j] - Sum(U[i, k] * U[j, k], (k, 0, r - 1))) ** 2, (j, 0, i), (i, 0, m - 1)),
    {U: (m, r)},
    ({m: 1, r: 1}, {m: 3, r: 2}),
    {m: 35, r: 2},
    lambda a: np.sum(np.tril((a.R - a.U @ a.U.T) ** 2)),
    data={R: normal(m, m)},
)
ZOO["a matrix and its transpose"] = SumCost(
    Sum((U[i, j] - U[j, i] ** 2) ** 2, (j, 0, n - 1), (i, 0, n - 1))
    + Sum(U[i, i] ** 3 - U[n - 1 - i, i], (i, 0, n - 1)),
    {U: (n, n)},
    of_n(1, 2, 3),
    {n: 11},
    lambda a: np.sum((a.U - a.U.T**2) ** 2) + np.sum(np.diag(a.U) ** 3) - np.trace(a.U[::-1]),
    flat=False,
)
ZOO["a minimal surface"] = SumCost(
    Sum(
        sqrt(1 + (U[i + 1, j] - U[i, j]) ** 2 + (U[i, j + 1] - U[i, j]) ** 2),
        (j, 0, n - 2),
        (i, 0, m - 2),
    )
    + lam * Sum((U[i, j] - F[i, j]) ** 2, (j, 0, n - 1), (i, 0, m - 1)),
    {U: (m, n)},
    ({m: 2, n: 2}, {m: 3, n: 4}),
    {m: 3, n: 41},
    lambda a: (
        np.sum(np.sqrt(1 + np.diff(a.U, axis=0)[:, :-1] ** 2 + np.diff(a.U, axis=1)[:-1] ** 2))
        + a.lam * np.sum((a.U - a.F) ** 2)
    ),
    data={F: normal(m, n)},
    constants={"lam": 0.5},
)

# Networks, and named intermediates

HIDDEN = tanh(Sum(W[j, i] * X[k, i], (i, 0, d - 1)) + b[j])
TWO = {
    "params": {W: (h, d), b: (h,), v: (h,), s: ()},
    "sizes": ({m: 1, d: 1, h: 1}, {m: 4, d: 2, h: 3}),
    "large": {m: 45, d: 3, h: 4},
    "plain": lambda a: np.mean((np.tanh(a.X @ a.W.T + a.b) @ a.v + a.s - a.t) ** 2),
    "data": {X: normal(m, d), t: normal(m)},
    "samples": k,
}
ZOO["two layers"] = SumCost(
    Sum((Sum(v[j] * HIDDEN, (j, 0, h - 1)) + s - t[k]) ** 2, (k, 0, m - 1)) / m, **TWO
)
OUT = Sum((Sum(v[j] * H[k, j], (j, 0, h - 1)) + s - t[k]) ** 2, (k, 0, m - 1)) / m
ZOO["two layers, named"] = SumCost(OUT, where={H[k, j]: HIDDEN}, **TWO)
THREE = {
    "params": {W: (h, d), b: (h,), A: (g, h), y: (g,), v: (g,), s: ()},
    "sizes": ({m: 1, d: 1, h: 1, g: 1}, {m: 3, d: 2, h: 3, g: 2}),
    "large": {m: 41, d: 2, h: 4, g: 3},
    "plain": lambda a: np.mean(
        (np.tanh(np.tanh(a.X @ a.W.T + a.b) @ a.A.T + a.y) @ a.v + a.s - a.t) ** 2
    ),
    "data": {X: normal(m, d), t: normal(m)},
    "samples": k,
    "flat": False,
}
SECOND = tanh(Sum(A[i, j] * H[k, j], (j, 0, h - 1)) + y[i])
TOP = Sum((Sum(v[i] * G[k, i], (i, 0, g - 1)) + s - t[k]) ** 2, (k, 0, m - 1)) / m
ZOO["three layers, named"] = SumCost(TOP, where={H[k, j]: HIDDEN, G[k, i]: SECOND}, **THREE)
ZOO["three layers, named, with ranges"] = SumCost(
    TOP,
    where={
        H[k, j]: (HIDDEN, (k, 0, m - 1), (j, 0, h - 1)),
        G[p, q]: (SECOND.xreplace({k: p, i: q}), (p, 0, m - 1), (q, 0, g - 1)),
    },
    **THREE,
)
ZOO["a name with a penalty"] = SumCost(
    OUT
    + lam * Sum(H[p, q] ** 2 + (H[p, q] - H[p, 0]) ** 4, (q, 0, h - 1), (p, 0, m - 1)) / (m * h),
    where={H[k, j]: HIDDEN},
    constants={"lam": 0.4},
    **{
        **TWO,
        "plain": lambda a: (
            TWO["plain"](a)
            + a.lam * np.mean((f := np.tanh(a.X @ a.W.T + a.b)) ** 2 + (f - f[:, :1]) ** 4)
        ),
    },
)
ZOO["a name at shifted indices"] = SumCost(
    Sum((H[k + 1] - H[k] ** 2) ** 2, (k, 0, n - 2)) + H[n - 1] * H[0],
    {x: (n,)},
    of_n(2, 3, 5),
    {n: 75},
    lambda a: (
        np.sum(((f := a.x * np.tanh(a.x) + np.arange(a.n))[1:] - f[:-1] ** 2) ** 2) + f[-1] * f[0]
    ),
    where={H[i]: x[i] * tanh(x[i]) + i},
)
ZOO["a name for running sums"] = SumCost(
    Sum((y[i] - s * B[i]) ** 2 + B[n - 1 - i] * x[i], (i, 0, n - 1)),
    {x: (n,), s: ()},
    of_n(1, 2, 5),
    {n: 70},
    lambda a: np.sum(
        (a.y - a.s * np.cumsum(np.sin(a.x))) ** 2 + np.cumsum(np.sin(a.x))[::-1] * a.x
    ),
    data={y: normal(n)},
    where={B[i]: (Sum(sin(x[j]), (j, 0, i)), (i, 0, n - 1))},
)
ZOO["names of names, centred"] = SumCost(
    Sum(R[k, j] ** 4 / (1 + B[j]), (j, 0, d - 1), (k, 0, m - 1))
    + lam * Sum(log(1 + B[j]) - mu[j], (j, 0, d - 1)),
    {U: (d, d)},
    ({m: 1, d: 1}, {m: 3, d: 2}),
    {m: 45, d: 3},
    lambda a: (
        np.sum((f := a.X @ a.U - np.mean(a.X @ a.U, 0)) ** 4 / (1 + np.mean(f**2, 0)))
        + a.lam * np.sum(np.log(1 + np.mean(f**2, 0)) - np.mean(a.X @ a.U, 0))
    ),
    data={X: normal(m, d)},
    where={
        H[k, j]: Sum(X[k, i] * U[i, j], (i, 0, d - 1)),
        mu[j]: Sum(H[k, j], (k, 0, m - 1)) / m,
        R[k, j]: H[k, j] - mu[j],
        B[j]: Sum(R[k, j] ** 2, (k, 0, m - 1)) / m,
    },
    constants={"lam": 0.4},
)
