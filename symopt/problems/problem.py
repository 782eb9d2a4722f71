"""Problem: a cost, where to begin, and where it is from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from symopt.costs.cost import Cost
from symopt.validation import Array, ComparedByParts


@dataclass(frozen=True, eq=False, repr=False)
class Problem(ComparedByParts):
    """A cost with a start and a source.

    Attributes
    ----------
    name
        The name of the function that made it.
    cost
        J(theta), with its data.
    start
        Where to begin: an array of shape (P,), or one array for each parameter array, by its name.
    source
        The paper, or where the data are from.

    Examples
    --------
    >>> import numpy as np, sympy as sp, symopt as so
    >>> from symopt.problems import Problem
    >>> x = sp.Symbol("x")
    >>> Problem("parabola", so.Cost(x**2), start=np.ones(1), source="a textbook")
    Problem(parabola: 1 parameter; a textbook)
    """

    name: str
    cost: Cost
    start: Mapping[str, Array] | Array
    source: str

    def __repr__(self) -> str:
        parts = self.start.values() if isinstance(self.start, Mapping) else [self.start]
        size = sum(np.size(part) for part in parts)
        return f"Problem({self.name}: {size} parameter{'s' * (size != 1)}; {self.source})"
