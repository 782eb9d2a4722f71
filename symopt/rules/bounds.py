"""Bounds of theta as a user gives them to a rule: one number, one for each parameter, or none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from symopt.errors import RuleError
from symopt.validation import ComparedByParts, is_real_number

MOST_SHOWN = 8  # bounds in a repr


@dataclass(frozen=True, eq=False)
class Bound(ComparedByParts):
    """One side of a box; which numbers it has is known once the parameters are.

    Attributes
    ----------
    side
        "low" or "high".
    given
        A number, None for an open side, or one of these for each parameter, perhaps by its name.
    """

    side: str
    given: Any = None

    def read(self, where: str, value: Any) -> Bound:
        """Return the same side with another value, as far as that can be checked here.

        Raises
        ------
        RuleError
            If it is no number, and holds none.
        """
        if isinstance(value, Bound):
            return value
        if isinstance(value, np.ndarray):
            return Bound(self.side, value.copy() if value.ndim else value[()])
        single = isinstance(value, str | bool) or not hasattr(value, "__len__")
        number = is_real_number(value) and not math.isnan(value)
        if single and value is not None and not number:
            kind = "a schedule" if isinstance(value, sp.Basic) else f"a {type(value).__name__}"
            raise RuleError(
                f"{where}: {kind}; expected a number, None for an open side, or one of these for "
                "each parameter, in order or by name as {'x': 0}"
            )
        return Bound(self.side, value)

    def __str__(self) -> str:
        if isinstance(self.given, Mapping):
            return "{" + ", ".join(f"{key}: {value}" for key, value in self.given.items()) + "}"
        if is_real_number(self.given):
            return f"{float(self.given):g}"
        if self.given is not None and len(self.given) > MOST_SHOWN:
            return f"<{len(self.given)} values>"
        if isinstance(self.given, np.ndarray):
            return str(self.given.tolist())
        return str(self.given)


def put_between(point: sp.Expr, low: sp.Expr, high: sp.Expr) -> sp.Expr:
    """Return the nearest point between two bounds; what is no number stays none."""
    return sp.Piecewise((low, point < low), (high, point > high), (point, True))


LOW, HIGH = Bound("low"), Bound("high")
"""Sides that are open."""
