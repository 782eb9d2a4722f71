"""Numbers at which a formula is tried before it is given."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import sympy as sp

from symopt.rules.hyperparameters import Range
from symopt.rules.rule import Rule

TRIALS = 16  # points in the space of the hyperparameters at which a formula has to hold


def numbers_to_try(
    rule: Rule, symbols: Iterable[sp.Symbol], wide: Collection[sp.Symbol]
) -> list[dict[sp.Symbol, Any]]:
    """Return trial numbers: of all sizes for symbols in ``wide``, else in their range.

    Where it has none, a share between 0 and 1.
    """
    rng = np.random.default_rng(0)
    ordered = sorted(symbols, key=str)
    return [
        {
            s: _of_any_size(rng) if s in wide else _in_range(rng, rule.ranges.get(s.name))
            for s in ordered
        }
        for _ in range(TRIALS)
    ]


def _of_any_size(rng: np.random.Generator) -> float:
    return float(10 ** rng.uniform(-2, 2))


def _in_range(rng: np.random.Generator, place: Any) -> float:
    share = float(rng.uniform(0.05, 0.95))
    if not isinstance(place, Range):
        return share
    if np.isinf(place.high):
        return max(place.low, 0.0) + _of_any_size(rng)
    return place.low + share * (place.high - place.low)


def number_at(expression: sp.Expr, values: Mapping[sp.Symbol, float]) -> complex:
    """Evaluate an expression at numbers for all its symbols, put in at once."""
    return complex(expression.xreplace({s: sp.Float(value) for s, value in values.items()}))
