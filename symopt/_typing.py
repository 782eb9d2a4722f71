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
    """What has a cost, as a problem has."""

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
"""What batches and noise follow from: a seed, a seed and a stream, or None for an arbitrary one."""

RandomLike: TypeAlias = "int | np.random.Generator | np.random.SeedSequence | None"
"""What numbers are drawn from: a seed, a Generator, or None for an arbitrary seed."""
