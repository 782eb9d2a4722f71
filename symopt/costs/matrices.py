"""Costs that are written with matrices: the same costs with arrays and indices."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np
import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixElement

from symopt.costs.checks import parts, walk
from symopt.costs.ingredients import Ingredients
from symopt.frontend.matrices import MatrixReader
from symopt.validation import Array

KINDS = (sp.MatrixExpr, MatrixElement, sp.MatrixBase, sp.Trace, sp.Determinant, sp.DotProduct)


def has_matrices(ingredients: Ingredients) -> bool:
    """Tell whether a cost or one of its intermediates holds a matrix."""
    return any(isinstance(part, KINDS) for part in _everything(ingredients))


def _everything(ingredients: Ingredients) -> Iterable[sp.Basic]:
    for one in (ingredients.expression, *ingredients.parts):
        yield from parts(one)


def unit_axes(ingredients: Ingredients) -> dict[str, int]:
    """Return the axis of length 1 of each column (-1) and each row (-2), by name."""
    shapes = {
        symbol.name: symbol.shape
        for symbol in _everything(ingredients)
        if isinstance(symbol, sp.MatrixSymbol)
    }
    columns = {name: -1 for name, shape in shapes.items() if shape[1] == 1}
    return columns | {name: -2 for name, shape in shapes.items() if shape[0] == 1 != shape[1]}


def without_matrices(ingredients: Ingredients) -> Ingredients:
    """Return the ingredients with arrays and indices in the place of matrices.

    Raises
    ------
    CostError
        If a matrix stands where a number is expected, or is of a kind that is not known.
    """
    reader = MatrixReader(_names(ingredients))
    expression = reader.scalar(ingredients.expression)
    where = {target: _read(reader, value) for target, value in ingredients.where.items()}
    data = {key: _as_array(key, values) for key, values in ingredients.data.items()}
    numbers = {name: _numbers(matrix) for name, matrix in reader.numbers.items()}
    return dataclasses.replace(
        ingredients,
        expression=expression,
        data={**data, **numbers},
        where={**where, **reader.where},
    )


def _names(ingredients: Ingredients) -> set[str]:
    """Return the names of all symbols and arrays."""
    kinds = (sp.Symbol, sp.MatrixSymbol, sp.Idx)
    everything = chain.from_iterable(map(walk, (ingredients.expression, *ingredients.parts)))
    return {str(part) for part in everything if isinstance(part, kinds)}


def _read(reader: MatrixReader, value: Any) -> Any:
    if isinstance(value, tuple | list):
        expression, *limits = value
        return (reader.scalar(sp.sympify(expression, strict=True)), *limits)
    return reader.scalar(sp.sympify(value, strict=True))


def _as_array(key: Any, values: Any) -> Any:
    """Return the data of a matrix that has an axis of length 1 without this axis."""
    if not isinstance(key, sp.MatrixSymbol) or np.ndim(values) != 2:
        return values
    axes = tuple(axis for axis, extent in enumerate(key.shape) if extent == 1)
    array = np.asarray(values)
    if not axes or any(array.shape[axis] != 1 for axis in axes):
        return values
    return np.squeeze(array, axis=axes)


def _numbers(matrix: sp.MatrixBase) -> Array:
    array = np.array(matrix.evalf(25).tolist(), dtype=float)
    axes = tuple(axis for axis, extent in enumerate(array.shape) if extent == 1)
    return np.squeeze(array, axis=axes)
