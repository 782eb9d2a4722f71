"""Whatever carries labels, read by them: mappings, named tuples, structured arrays, tables, xarray.

pandas, polars and pyarrow are recognised by what they offer and are never imported.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from symopt.errors import CostError

NAMES = "param"
"""The dimension of an xarray.DataArray that runs over the parameters."""
PLAIN = (list, tuple, float, int)


def read_labels(value: Any, names: Iterable[str] = ()) -> dict[str, Any] | None:
    """Return the parts of a value by their labels; None if it has none and is read by position.

    A DataFrame has a column for each of ``names``, or a row for each.

    Raises
    ------
    CostError
        If a label stands twice, is no name, or the labels are numbers that are not in order.
    """
    if type(value) in PLAIN:
        return _of_pairs(value)
    if isinstance(value, np.ndarray):
        if value.dtype.names:
            return {name: value[name] for name in value.dtype.names}
        return None
    if isinstance(value, Mapping):
        return _by_name(value.keys(), value.values())
    if hasattr(value, "_asdict"):
        return dict(value._asdict())
    if is_data_array(value):
        return _of_data_array(value)
    return _of_table(value, set(names))


def without_labels(value: Any) -> Any:
    """Read a value without its labels as an array: of a DataArray, the parameters last."""
    if is_data_array(value) and NAMES in value.dims:
        return value.transpose(..., NAMES).values
    return value


def is_data_array(value: Any) -> bool:
    """Tell whether a value is an xarray.DataArray."""
    xarray = sys.modules.get("xarray")  # where it was never imported there is none
    return xarray is not None and isinstance(value, xarray.DataArray)


def index_of(value: Any) -> list[Any] | None:
    """Return the labels of the rows of a pandas Series or DataFrame; None for anything else."""
    known = hasattr(value, "to_numpy") and not callable(getattr(value, "index", len))
    if known:
        return list(value.index)
    return None


def check_rows(values: Mapping[str, Any], cure: str) -> None:
    """Refuse tables with as many rows but other labels, which would be paired by position.

    Raises
    ------
    CostError
        If two of them differ.
    """
    known = {name: rows for name, value in values.items() if (rows := index_of(value)) is not None}
    for (one, first), (other, second) in pairwise(known.items()):
        if len(first) == len(second) and first != second:
            raise CostError(
                f"the rows of {one} and of {other} have different labels or another order; {cure}, "
                "or numbers without labels, as value.to_numpy()"
            )


def parameter_dimension(value: Any) -> Any:
    """Return the dimension of a DataArray that runs over the parameters.

    Raises
    ------
    CostError
        If several have names.
    """
    if NAMES in value.dims:
        return NAMES
    named = [dim for dim in value.dims if dim in value.coords and _are_names(value[dim].values)]
    if len(named) > 1:
        raise CostError(
            f"the dimensions {' and '.join(map(str, named))} both have names as labels; "
            f"expected the parameters along {NAMES!r}, or {{name: array}}"
        )
    return next(iter(named), None)


def _of_data_array(value: Any) -> dict[str, Any] | None:
    dim = parameter_dimension(value)
    if dim is None or dim not in value.coords or not _has_names(value[dim].values):
        return None
    return _by_name(value[dim].values.tolist(), value.transpose(dim, ...).values)


def _of_pairs(value: Any) -> dict[str, Any] | None:
    """Return the parts of a list of pairs (name, value), as SymPy's ``subs`` takes them."""
    if not isinstance(value, list | tuple) or not value:
        return None
    if not all(type(pair) is tuple and len(pair) == 2 and _is_name(pair[0]) for pair in value):
        return None
    return _by_name((name for name, _ in value), (one for _, one in value))


def _of_table(value: Any, names: set[str]) -> dict[str, Any] | None:
    """Return the columns of a DataFrame or a table, or the entries of a Series."""
    columns = getattr(value, "column_names", None)  # pyarrow
    if columns is None:
        columns = getattr(value, "columns", None)
    if columns is not None:
        if _stand_in_rows(value, columns, names):
            return _of_table(value.T, set())
        if _has_names(columns):
            return _by_name(columns, (value[name] for name in columns))
        return None
    labels = index_of(value)
    if labels is None or not _has_names(value.index):
        return None
    return _by_name(labels, value.to_numpy())


def _stand_in_rows(value: Any, columns: Any, names: set[str]) -> bool:
    """Tell whether the rows of a DataFrame have the given names, and its columns have not."""
    rows = index_of(value)
    return rows is not None and _bases(rows) <= names and not _bases(columns) & names and bool(rows)


def _bases(labels: Iterable[Any]) -> set[str]:
    """Return labels without the indices of entries: W of W[0,2]."""
    return {str(getattr(label, "name", label)).partition("[")[0] for label in labels}


def _has_names(labels: Any) -> bool:
    """Tell whether labels are names; numbers must increase, as positions do."""
    if getattr(labels, "nlevels", 1) > 1:
        raise CostError(
            "the labels have several levels (a MultiIndex); expected one name for each parameter"
        )
    listed = list(labels)
    if _are_names(listed):
        return True
    try:
        increase = all(bool(one < after) for one, after in pairwise(listed))
    except TypeError:
        increase = False
    if not increase:
        shown = ", ".join(map(str, listed[:6]))
        raise CostError(
            f"the labels {shown} are neither names of parameters nor numbers in order; "
            "expected the names, or numbers without labels, as value.to_numpy()"
        )
    return False


def _are_names(labels: Iterable[Any]) -> bool:
    listed = list(labels)
    return bool(listed) and all(_is_name(label) for label in listed)


def _is_name(label: Any) -> bool:
    return isinstance(label, str) or isinstance(getattr(label, "name", None), str)


def _by_name(labels: Iterable[Any], values: Iterable[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for label, value in zip(labels, values, strict=True):
        if not _is_name(label):
            raise CostError(
                f"a point is given for {label!r}; expected the symbols of the parameters or their "
                "names"
            )
        name = str(label if isinstance(label, str) else label.name).replace(" ", "")
        if name in found:
            raise CostError(f"a point names a parameter twice: {name}, {label}")
        found[name] = value
    return found
