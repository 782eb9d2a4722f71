"""Types of what a user gives: costs, rules, points, seeds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import sympy as sp
    import xarray as xr

    from symopt.costs.cost import Cost
    from symopt.costs.points import Flat
    from symopt.rules.rule import Rule


class HasCost(Protocol):
    """An object with a cost, as a problem is."""

    @property
    def cost(self) -> Cost:
        """The cost."""


CostLike: TypeAlias = "Cost | HasCost | sp.Expr"
"""A cost as such, a problem, or an expression in SymPy."""

RuleLike: TypeAlias = "Rule | str"
"""A rule, or the name of a published one."""

RulesLike: TypeAlias = "RuleLike | Iterable[RuleLike] | Mapping[str, RuleLike]"
"""One rule or several, perhaps with names."""

PointLike: TypeAlias = "npt.ArrayLike | Mapping[Any, npt.ArrayLike] | xr.DataArray | Flat"
"""Points: n numbers, an array whose last axis has n, or arrays by the names of the parameters."""

ConstantLike: TypeAlias = "float | npt.ArrayLike | xr.DataArray"
"""The value of a constant: a number, or numbers over an axis; data."""

Seed: TypeAlias = "int | tuple[int, int] | None"
"""A seed for batches and noise, alone or with a stream; None for an arbitrary one."""

RandomLike: TypeAlias = "int | np.random.Generator | np.random.SeedSequence | None"
"""A Generator, or a seed for one; None for an arbitrary seed."""
