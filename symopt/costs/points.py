"""A point as a user gives it, for values, runs, sweeps, SciPy and the theory alike.

It is flat, one number after the other in the order of the parameters, or it is given by their
names. What carries labels (see :mod:`symopt.costs.labels`) is read by them and never by position. A
label is the name of a parameter, or of one entry of an array: ``x``, ``W``, ``W[0,2]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

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
class Point:
    """A point, or many along leading axes.

    Attributes
    ----------
    flat
        The numbers in the order of the parameters, shape (..., n); None if they are given by name.
    arrays
        The array of each parameter, with the leading axes.
    shapes
        The shape of each parameter itself.
    """

    flat: Array | None
    arrays: Mapping[str, Array]
    shapes: Mapping[str, Shape]

    def joined(self) -> Array:
        """Return the numbers, shape (..., n)."""
        if self.flat is not None:
            return self.flat
        leads = [_lead(self.arrays[name], shape) for name, shape in self.shapes.items()]
        try:
            lead = np.broadcast_shapes(*leads)
        except ValueError:
            shapes = ", ".join(f"{name} {array.shape}" for name, array in self.arrays.items())
            raise CostError(
                f"the parameters have shapes that do not fit together: {shapes}"
            ) from None
        rows = (
            np.broadcast_to(self.arrays[name], (*lead, *shape))
            for name, shape in self.shapes.items()
        )
        return np.concatenate([row.reshape(*lead, -1) for row in rows], axis=-1)

    def as_array(self, axes: Mapping[str, int]) -> Point | None:
        """Return flat numbers as the one parameter array that has as many axes."""
        if self.flat is None or len(axes) != 1:
            return None
        ((name, count),) = axes.items()
        if 1 < count <= self.flat.ndim:
            return _by_name({name: self.flat}, axes)
        return None


def read_point(value: Any, axes: Mapping[str, int], what: str = "a point") -> Point:
    """Return a point as floats; NaN and infinity are let through.

    Parameters
    ----------
    value
        As the user gives it.
    axes
        How many indices each parameter takes, in the order of theta.
    what
        What it is called in an error.

    Raises
    ------
    CostError
        If it is not made of real numbers, or its labels are not those of the parameters.
    """
    if isinstance(value, Flat):
        return Point(value.numbers, {}, {})
    parts = read_labels(value)
    if parts is None:
        return Point(_numbers(without_labels(value), what, axes), {}, {})
    whole = _entries_together(parts, axes)
    _check_names(whole, axes, what)
    check_rows(whole, "expected the same, as columns of one DataFrame have")
    return _by_name(
        {name: _numbers(one, name, axes) for name, one in _dimensions_first(whole, axes).items()},
        axes,
    )


def _numbers(value: Any, what: str, axes: Mapping[str, int]) -> Array:
    expected = f"numbers for {', '.join(axes)}"
    return read_numbers(value, what, expected, error=CostError, finite=False)


def _by_name(arrays: Mapping[str, Array], axes: Mapping[str, int]) -> Point:
    for name, count in axes.items():
        if arrays[name].ndim < count:
            raise CostError(
                f"{name} has shape {arrays[name].shape}; expected {count} axis(es), or more for "
                "many points"
            )
    shapes = {name: arrays[name].shape[arrays[name].ndim - count :] for name, count in axes.items()}
    return Point(None, {name: arrays[name] for name in axes}, shapes)


def _lead(array: Array, shape: Shape) -> Shape:
    return array.shape[: array.ndim - len(shape)]


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
