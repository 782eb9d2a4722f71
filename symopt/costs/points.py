"""A point as a user gives it, for values, runs, sweeps, SciPy and the theory alike.

It is flat, one number after the other in the order of the parameters; or it has the shape of the
only parameter; or it is a list of one array for each parameter; or it is given by their names. What
carries labels (see :mod:`symopt.costs.labels`) is read by them and never by position. A label is
the name of a parameter, or of one entry of an array: ``x``, ``W``, ``W[0,2]``. What is given for a
parameter is broadcast to its shape, as NumPy does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import sympy as sp

from symopt.costs.labels import check_rows, is_data_array, read_labels, without_labels
from symopt.errors import CostError, did_you_mean
from symopt.validation import Array, read_numbers

ENTRY = re.compile(r"(.+)\[(\d+(?:,\d+)*)\]")
MOST_NAMED = 8  # labels in a message
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Flat:
    """Points that are known to be flat, shape (..., n), as the package's own parts hand them on."""

    numbers: Array


@dataclass(frozen=True)
class Layout:
    """The parameters that a point is given for.

    Attributes
    ----------
    axes
        How many indices each takes, in the order of theta.
    unit_axes
        The axis of length 1 that a vector has besides where it was written as a matrix, from the
        right: -1 for a column, -2 for a row.
    """

    axes: Mapping[str, int]
    unit_axes: Mapping[str, int] = field(default_factory=dict)

    @property
    def only(self) -> str | None:
        """The name of the only parameter, where there is one."""
        if len(self.axes) == 1:
            return next(iter(self.axes))
        return None


@dataclass(frozen=True)
class Point:
    """A point, or many along leading axes.

    Attributes
    ----------
    layout
        The parameters.
    flat
        The numbers in the order of the parameters, shape (..., n); None if they are given by name.
    arrays
        What is given for each parameter, with the leading axes; with fewer axes than the parameter
        has, it is broadcast.
    entries
        The arrays that are given entry by entry, which are not.
    known_flat
        Whether the numbers can mean nothing else.
    """

    layout: Layout
    flat: Array | None
    arrays: Mapping[str, Array] = field(default_factory=dict)
    entries: frozenset[str] = frozenset()
    known_flat: bool = False

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shape of each parameter of which all axes are given."""
        counts = self.layout.axes
        return {
            name: array.shape[array.ndim - counts[name] :]
            for name, array in self.arrays.items()
            if array.ndim >= counts[name]
        }

    def joined(self, shapes: Mapping[str, Shape]) -> Array:
        """Return the numbers, shape (..., n), with each array in the shape of its parameter.

        Raises
        ------
        CostError
            If they do not fit together.
        """
        if self.flat is not None:
            return self.flat
        leads = [
            self.arrays[name].shape[: max(self.arrays[name].ndim - len(shape), 0)]
            for name, shape in shapes.items()
        ]
        try:
            lead = np.broadcast_shapes(*leads)
            rows = [
                np.broadcast_to(self.arrays[name], (*lead, *shape))
                for name, shape in shapes.items()
            ]
        except ValueError:
            raise CostError(self._misfit(shapes)) from None
        return np.concatenate([row.reshape(*lead, -1) for row in rows], axis=-1)

    def _misfit(self, shapes: Mapping[str, Shape]) -> str:
        for name, own in self.shapes.items():
            if not _broadcasts(own, shapes[name]):
                return f"{name} has shape {own}; expected {shapes[name]}"
        for name, array in self.arrays.items():
            if array.ndim < len(shapes[name]) and not _broadcasts(array.shape, shapes[name]):
                return f"{name} has shape {array.shape}; expected {shapes[name]}"
        given = ", ".join(f"{name} {array.shape}" for name, array in self.arrays.items())
        return f"the parameters have shapes that do not fit together: {given}"

    def in_own_shape(self) -> Point | None:
        """Return flat numbers as the only parameter in its own shape, if they have its axes."""
        name = self.layout.only
        if self.flat is None or self.known_flat or name is None:
            return None
        count = self.layout.axes[name] + (name in self.layout.unit_axes)
        if count == 1 or self.flat.ndim < count:
            return None
        return _by_name({name: self.flat}, self.layout)

    def one_for_each(self) -> Point | None:
        """Return flat numbers as a row for each parameter, if there are as many rows."""
        names = list(self.layout.axes)
        if self.flat is None or self.known_flat or self.flat.ndim < 2:
            return None
        if not 1 < len(names) == len(self.flat) or not any(self.layout.axes.values()):
            return None  # rows of numbers are points
        return _by_name(dict(zip(names, self.flat, strict=True)), self.layout)


def _broadcasts(own: Shape, whole: Shape) -> bool:
    try:
        return np.broadcast_shapes(own, whole) == whole
    except ValueError:
        return False


def as_one_point(parts: Sequence[Any], names: Sequence[str]) -> Any:
    """Return the arguments of a call as one point: as it is, as entries, or one for each parameter.

    Raises
    ------
    CostError
        If there is none, or arrays among them are not as many as parameters.
    """
    if len(parts) == 1:
        return parts[0]
    shown = ", ".join(names)
    if not parts:
        by_name = ", ".join(f"{name!r}: ..." for name in names[:MOST_NAMED])
        raise CostError(
            f"the point is missing; expected numbers for {shown}, as in J.value([...]) or "
            f"J.value({{{by_name}}})"
        )
    if all(map(_is_a_number, parts)):
        return list(parts)
    if len(parts) != len(names):
        raise CostError(f"{len(parts)} arguments; expected one point, or one for each of {shown}")
    return dict(zip(names, parts, strict=True))


def _is_a_number(part: Any) -> bool:
    return not isinstance(part, Mapping | str | Flat) and np.ndim(part) == 0


def read_point(value: Any, layout: Layout, what: str = "a point") -> Point:
    """Return a point as floats; NaN and infinity are let through.

    Parameters
    ----------
    value
        As the user gives it.
    layout
        The parameters.
    what
        What it is called in an error.

    Raises
    ------
    CostError
        If it is not made of real numbers, or its labels are not those of the parameters.
    """
    if isinstance(value, Flat):
        return Point(layout, value.numbers, known_flat=True)
    axes = layout.axes
    parts = read_labels(value, axes)
    if parts is None:
        return _without_names(value, layout, what)
    whole = _entries_together(parts, axes)
    _check_names(whole, axes, what)
    check_rows(whole, "expected the same, as columns of one DataFrame have")
    placed = _dimensions_first(whole, axes)
    point = _by_name({name: _numbers(one, name, axes) for name, one in placed.items()}, layout)
    return replace(point, entries=frozenset(whole).difference(parts))


def _without_names(value: Any, layout: Layout, what: str) -> Point:
    """Read numbers by their positions; lists of arrays of unlike shapes are one for each."""
    if _is_ragged(value, layout):
        pairs = zip(layout.axes, value, strict=True)
        return _by_name({name: _numbers(one, name, layout.axes) for name, one in pairs}, layout)
    return Point(layout, _numbers(without_labels(value), what, layout.axes))


def _is_ragged(value: Any, layout: Layout) -> bool:
    if not isinstance(value, list | tuple) or not 1 < len(value) == len(layout.axes):
        return False
    if not any(layout.axes.values()):
        return False
    try:
        return len({np.shape(part) for part in value}) > 1
    except ValueError:
        return False  # a part is ragged itself, which is refused


def _numbers(value: Any, what: str, axes: Mapping[str, int]) -> Array:
    if isinstance(value, sp.MatrixBase) and 1 in value.shape:
        value = list(value)  # SymPy's vectors are matrices
    expected = f"numbers for {', '.join(axes)}"
    return read_numbers(value, what, expected, error=CostError, finite=False)


def _by_name(arrays: Mapping[str, Array], layout: Layout) -> Point:
    names = layout.axes
    return Point(layout, None, {name: _as_vector(name, arrays[name], layout) for name in names})


def _as_vector(name: str, array: Array, layout: Layout) -> Array:
    """Return a vector that has the shape of a matrix without its axis of length 1."""
    axis = layout.unit_axes.get(name)
    if axis is not None and array.ndim > 1 and array.shape[axis] == 1:
        return array.squeeze(axis)
    return array


def _check_names(given: Iterable[str], axes: Mapping[str, int], what: str) -> None:
    listed = list(given)
    unknown = [name for name in listed if name not in axes]
    missing = [name for name in axes if name not in listed]
    if not unknown and not missing:
        return
    near = ""
    if unknown:
        near = did_you_mean(unknown[0], axes)
    if unknown:
        wrong = f"{unknown[0]!r} is no parameter{near}"
    else:
        wrong = f"{', '.join(missing)} is missing"
    shown = ", ".join(listed[:MOST_NAMED]) + (", ..." if len(listed) > MOST_NAMED else "")
    raise CostError(
        f"{what} is given for {shown or 'nothing'}; expected {', '.join(axes)}: {wrong}. "
        "Labels are names of parameters; what has other labels is given without, as "
        "value.to_numpy()"
    )


def _entries_together(parts: Mapping[str, Any], axes: Mapping[str, int]) -> dict[str, Any]:
    """Return arrays in place of the entries that labels such as W[0,2] name one by one."""
    whole: dict[str, Any] = {}
    entries: dict[str, dict[Shape, Any]] = {}
    for label, value in parts.items():
        match = ENTRY.fullmatch(label)
        name = match[1] if match else label
        at = tuple(map(int, match[2].split(","))) if match else ()
        if label not in axes and len(at) == axes.get(name, 0) > 0:
            entries.setdefault(name, {})[at] = value
        else:
            whole[label] = value
    for name, values in entries.items():
        if name in whole:
            raise CostError(f"a point names a parameter twice: {name} and {name}[...]")
        whole[name] = _array_of(name, values, axes)
    return whole


def _array_of(name: str, values: Mapping[Shape, Any], axes: Mapping[str, int]) -> Array:
    shape = tuple(1 + max(at[axis] for at in values) for axis in range(axes[name]))
    if len(values) < np.prod(shape, dtype=object):
        missing = next(at for at in np.ndindex(*shape) if at not in values)
        raise CostError(
            f"a point names entries of {name} up to {shape}; {name}{list(missing)} is missing"
        )
    entries = _numbers([values[at] for at in np.ndindex(*shape)], f"the entries of {name}", axes)
    return np.moveaxis(entries, 0, -1).reshape(*entries.shape[1:], *shape)


def _dimensions_first(parts: Mapping[str, Any], axes: Mapping[str, int]) -> Mapping[str, Any]:
    """Return DataArrays as arrays whose leading axes are the same dimensions; the rest as it is."""
    labelled_ones = {name: value for name, value in parts.items() if is_data_array(value)}
    if not labelled_ones:
        return parts
    import xarray as xr

    own = {
        name: value.dims[max(value.ndim - axes[name], 0) :] for name, value in labelled_ones.items()
    }
    heads = [
        value.isel(dict.fromkeys(own[name], 0), drop=True) for name, value in labelled_ones.items()
    ]
    try:
        lead = xr.broadcast(*xr.align(*heads, join="exact"))[0].dims
    except ValueError as error:
        raise CostError(
            f"the parameters share a dimension that does not fit together: {error}"
        ) from None
    placed = {
        name: value.expand_dims([dim for dim in lead if dim not in value.dims])
        .transpose(*lead, *own[name])
        .values
        for name, value in labelled_ones.items()
    }
    return {**parts, **placed}
