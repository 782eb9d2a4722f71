"""A SymPy expression as a list of steps, for evaluation many times: arguments first, equal parts once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp
from sympy.core.relational import Relational


@dataclass(frozen=True)
class Step:
    """One operation: its kind, the numbers of its arguments, and what else belongs to it."""

    kind: str
    args: tuple[int, ...]
    payload: object = None


class Tape:
    """The steps of an expression in given symbols; the last is the whole."""

    def __init__(self, expression: sp.Basic, symbols: Sequence[sp.Symbol]) -> None:
        self.places = {symbol: k for k, symbol in enumerate(symbols)}
        self.steps: list[Step] = []
        self.parts: list[sp.Basic] = []
        self._known: dict[sp.Basic, int] = {}
        self.number(expression)

    def number(self, part: sp.Basic) -> int:
        """Return the number of a part's step."""
        if part not in self._known:
            step = self._step(part)
            self.steps.append(step)
            self.parts.append(part)
            self._known[part] = len(self.steps) - 1
        return self._known[part]

    def _numbers(self, parts: Sequence[sp.Basic]) -> tuple[int, ...]:
        return tuple(self.number(part) for part in parts)

    def _step(self, part: sp.Basic) -> Step:
        if part.is_Symbol:
            return Step("symbol", (), self.places[part])
        if part in (sp.true, sp.false):
            return Step("truth", (), bool(part))
        if part.is_number and not part.args:
            return Step("constant", (), part)
        if isinstance(part, sp.Pow):
            return self._power(part)
        if isinstance(part, sp.Mul):
            return self._product(part)
        if isinstance(part, sp.Piecewise):
            flat = [piece for pair in part.args for piece in pair.args]
            return Step("piecewise", self._numbers(flat))
        if isinstance(part, Relational):
            return Step("relation", self._numbers(part.args), type(part))
        return Step(type(part).__name__, self._numbers(part.args))

    def _power(self, part: sp.Pow) -> Step:
        base, exponent = part.args
        if base == sp.E:
            return Step("exp", self._numbers([exponent]))
        if exponent.is_Integer:
            return Step("whole power", self._numbers([base]), int(exponent))
        if exponent == sp.Rational(1, 2):
            return Step("sqrt", self._numbers([base]))
        return Step("power", self._numbers([base, exponent]))

    def _product(self, part: sp.Mul) -> Step:
        """Return a quotient where some factors are powers with negative numbers as exponents."""
        above = [factor for factor in part.args if not _is_below(factor)]
        below = [1 / factor for factor in part.args if _is_below(factor)]
        if not below or any(1 / factor not in part.args for factor in below):
            return Step("Mul", self._numbers(part.args))
        upper = (
            self.number(sp.Mul(*above, evaluate=False))
            if len(above) > 1
            else self._numbers(above or [sp.S.One])[0]
        )
        lower = (
            self.number(sp.Mul(*below, evaluate=False)) if len(below) > 1 else self.number(below[0])
        )
        return Step("quotient", (upper, lower))


def _is_below(factor: sp.Basic) -> bool:
    return bool(
        factor.is_Pow and factor.exp.is_number and factor.exp.is_negative and factor.base != sp.E
    )
