"""What a cost was made from, so that another can be made with something else beside."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from symopt.costs.checks import mapping, scalar
from symopt.errors import CostError
from symopt.frontend.rewriting import rewritten
from symopt.frontend.written import read, write


@dataclass(frozen=True)
class Ingredients:
    """The arguments of a cost; ``params`` is None where all that is left is a parameter."""

    expression: Any
    params: list[Any] | None
    data: Mapping[Any, Any]
    where: Mapping[Any, Any]
    samples: Any

    @classmethod
    def of(cls, expression: Any, params: Any, data: Any, where: Any, samples: Any) -> Ingredients:
        """Read arguments: empty mappings for None, the parameters in a list."""
        return cls(
            expression,
            list_params(params),
            mapping(data, "data", "{X: array} with X a sympy.IndexedBase or its name"),
            mapping(where, "where", "{H[k, j]: expression}"),
            samples,
        )

    def rewritten(self) -> Ingredients:
        """Return the same in functions that programs know."""
        return dataclasses.replace(
            self,
            expression=rewritten(self.expression),
            where={target: _rewritten(value) for target, value in self.where.items()},
        )

    @property
    def empty(self) -> bool:
        """Whether nothing is said beside the expression."""
        return self.params is None and not self.data and not self.where and self.samples is None

    @property
    def parts(self) -> list[sp.Basic]:
        """The expressions and arrays of the named intermediates."""
        values = [
            value[0] if isinstance(value, tuple | list) and value else value
            for value in self.where.values()
        ]
        return [one for one in (*self.where, *values) if isinstance(one, sp.Basic)]

    def checked(self) -> Ingredients:
        """Return them with the expression of a scalar.

        Raises
        ------
        CostError
            If the expression is none.
        """
        return dataclasses.replace(self, expression=scalar(self.expression))

    def written(self) -> Ingredients:
        """Return them as they can be pickled."""
        return dataclasses.replace(self, expression=write(self.expression), where=write(self.where))

    def read(self) -> Ingredients:
        """Return what :meth:`written` was made from."""
        return dataclasses.replace(self, expression=read(self.expression), where=read(self.where))

    def on(self, other: Ingredients, data: Mapping[str, Any]) -> Ingredients:
        """Return these on top of those of another cost, whose data are ``data`` by now.

        An array that has become data or an intermediate is no longer a parameter.
        """
        named = {
            *map(_name, self.data),
            *(_name(target.base) for target in self.where if hasattr(target, "base")),
        }
        params, samples = self.params, self.samples
        if params is None and other.params is not None:
            params = [one for one in other.params if _name(one) not in named]
        if samples is None:
            samples = other.samples
        kept = {name: array for name, array in data.items() if name not in named}
        return dataclasses.replace(
            other,
            params=params,
            data={**kept, **self.data},
            where={**other.where, **self.where},
            samples=samples,
        )


def _rewritten(value: Any) -> Any:
    """Return the value of a named intermediate, alone or before its ranges, rewritten."""
    if isinstance(value, sp.Expr):
        return rewritten(value)
    if isinstance(value, tuple | list) and value and isinstance(value[0], sp.Expr):
        return (rewritten(value[0]), *value[1:])
    return value


class MatrixEntries(list[Any]):
    """The entries of a matrix of parameters, row by row, with the shape that points may have."""

    def __init__(self, matrix: sp.MatrixBase) -> None:
        super().__init__(matrix)
        self.shape = matrix.shape


def list_params(params: Any) -> list[Any] | None:
    """Return parameters in their order; one is a list too.

    Raises
    ------
    CostError
        If they have no order: that of a set is another in each process.
    """
    if params is None:
        return None
    if isinstance(params, set | frozenset | sp.Set):
        raise CostError(
            f"params={str(params)[:60]} is a set, which has no order; expected a list in the order "
            "of theta, "
            "as params=sorted(expression.free_symbols, key=str)"
        )
    if isinstance(params, sp.MatrixBase):
        return MatrixEntries(params)
    if isinstance(params, str):
        return split_names(params)
    if isinstance(params, sp.Basic):
        return [params]
    if not isinstance(params, Iterable):
        raise CostError(f"params={params!r}; expected symbols, arrays or their names, in order")
    return list(params)


def split_names(text: str) -> list[str]:
    """Split names that stand in one text, with commas or spaces between them.

    Examples
    --------
    >>> split_names("x, y z")
    ['x', 'y', 'z']
    """
    return text.replace(",", " ").split()


def _name(one: Any) -> str:
    if isinstance(one, str):
        return one
    return str(getattr(one, "name", one))
