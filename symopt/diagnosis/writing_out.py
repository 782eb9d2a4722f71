"""Sums written out for the sizes of one call: every entry of an array becomes a symbol of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy.typing as npt
import sympy as sp

from symopt.autodiff.sums import logsumexp

MOST_TERMS = 200  # that SymPy differentiates in a few seconds


class TooLongError(Exception):
    """There are too many terms."""


class WritingOut:
    """Writes out sums.

    Parameters
    ----------
    definitions
        The named intermediates: H[k, j] and its expression.
    data
        The arrays that are given; whole numbers choose entries.
    sizes
        The number that each size symbol stands for.
    """

    def __init__(
        self, definitions: Mapping[sp.Indexed, sp.Expr], data: Mapping[str, npt.NDArray[Any]], sizes: Mapping[str, int]
    ) -> None:
        self.definitions = {str(target.base.label): (target, value) for target, value in definitions.items()}
        self.data, self.sizes = data, sizes
        self.entries: dict[tuple[str, tuple[int, ...]], sp.Symbol] = {}
        self.numbers: dict[sp.Symbol, float] = {}
        self._terms = 0
        self._made: dict[Any, sp.Basic] = {}

    def __call__(self, part: sp.Basic, at: Mapping[sp.Basic, int] | None = None) -> sp.Basic:
        """Return a part of the expression with indices standing at ``at``."""
        at = at or {}
        key = (part, tuple(sorted(((str(k), v) for k, v in at.items() if part.has(k) or self.definitions))))
        if key not in self._made:
            self._made[key] = self._written(part, at)
        return self._made[key]

    def _written(self, part: sp.Basic, at: Mapping[sp.Basic, int]) -> sp.Basic:
        if isinstance(part, sp.Sum | sp.Product | logsumexp):
            terms = [self(part.function, place) for place in self._places(part.limits, at)]
            if isinstance(part, sp.Sum):
                return sp.Add(*terms)
            return sp.Mul(*terms) if isinstance(part, sp.Product) else sp.log(sp.Add(*map(sp.exp, terms)))
        if isinstance(part, sp.Indexed):
            return self._entry(part, at)
        if part in at:
            return sp.Integer(at[part])
        if isinstance(part, sp.Symbol):
            return self._symbol(part)
        if isinstance(part, sp.Piecewise):
            return self._piecewise(part, at)
        return part.func(*(self(arg, at) for arg in part.args)) if part.args else part

    def _symbol(self, symbol: sp.Symbol) -> sp.Basic:
        if symbol.name in self.sizes:
            return sp.Integer(self.sizes[symbol.name])
        return sp.Symbol(symbol.name, real=True)

    def _piecewise(self, part: sp.Piecewise, at: Mapping[sp.Basic, int]) -> sp.Basic:
        """Return the pieces up to the first that holds at these indices: later ones may read outside an array."""
        pieces: list[tuple[sp.Basic, sp.Basic]] = []
        for piece, condition in part.args:
            chosen = self(condition, at)
            if chosen == sp.false:
                continue
            pieces.append((self(piece, at), chosen))
            if chosen == sp.true:
                break
        return sp.Piecewise(*pieces)

    def _places(self, limits: Any, at: Mapping[sp.Basic, int]) -> Iterator[dict[sp.Basic, int]]:
        """Give every stand of the indices, the last limit outermost, as SymPy has it."""
        *inner, (symbol, low, high) = limits
        for k in range(self._whole(low, at), self._whole(high, at) + 1):
            self._terms += 1
            if self._terms > MOST_TERMS:
                raise TooLongError
            place = {**at, symbol: k}
            if inner:
                yield from self._places(inner, place)
            else:
                yield place

    def _whole(self, index: sp.Basic, at: Mapping[sp.Basic, int]) -> int:
        value = self(index, at)
        return int(self.numbers[value] if isinstance(value, sp.Symbol) else value)

    def _entry(self, part: sp.Indexed, at: Mapping[sp.Basic, int]) -> sp.Basic:
        name, place = str(part.base.label), tuple(self._whole(index, at) for index in part.indices)
        if name in self.definitions:
            target, value = self.definitions[name]
            return self(value, dict(zip(target.indices, place, strict=True)))
        if (name, place) not in self.entries:
            symbol = sp.Symbol(f"{name}[{','.join(map(str, place))}]", real=True)
            self.entries[name, place] = symbol
            if name in self.data:
                self.numbers[symbol] = float(self.data[name][place])
        return self.entries[name, place]
