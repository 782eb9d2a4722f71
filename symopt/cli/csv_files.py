"""Reads numbers from files of values between commas: columns by name, or one array."""

from __future__ import annotations

import csv
import math
from collections.abc import Container
from pathlib import Path

import numpy as np

from symopt.errors import RunError
from symopt.validation import Array

ENDINGS = (".csv", ".tsv", ".txt", ".dat")
DELIMITERS = (",", ";", "\t")
MOST_SHOWN = 30  # characters of an entry
Row = tuple[int, list[str]]
"""The number of a line, and its entries."""


def is_table(text: str) -> bool:
    """Tell the name of a file from a number."""
    return text.lower().endswith(ENDINGS)


def read_columns(file: str, given: str, wanted: Container[str]) -> dict[str, Array]:
    """Read a file whose first line names its columns, and of it the columns that are wanted.

    Parameters
    ----------
    file
        Its path.
    given
        What messages begin with: the option, as the user wrote it.
    wanted
        The names that are used; other columns may hold anything.

    Returns
    -------
    dict
        The numbers of each column, by its name.

    Raises
    ------
    RunError
        If it cannot be read, has no names or none that is wanted, or an entry is no finite number;
        the message names line and column.
    """
    (_, names), *rows = _rows(file, given)
    if all(map(_is_number, names)):
        raise RunError(
            f"{given}: line 1 holds numbers; expected the names of the columns there, as in x,y; "
            "or take the whole file as an array, as in X=FILE.csv"
        )
    for name in names:
        if not name or names.count(name) > 1:
            wrong = f"the column {name!r} occurs twice" if name else "a column has no name"
            raise RunError(f"{given}: {wrong} in line 1; expected one name for each column")
    used = {place: name for place, name in enumerate(names) if name in wanted}
    if not used:
        raise RunError(
            f"{given}: none of its columns {', '.join(names)} occurs in the cost; a column y is "
            "written y[k], in a sum over k"
        )
    _check_lengths(rows, len(names), given)
    chosen = [(line, [row[place] for place in used]) for line, row in rows]
    numbers = _numbers(chosen, list(used.values()), given)
    return dict(zip(used.values(), np.ascontiguousarray(numbers.T), strict=True))


def read_array(file: str, given: str) -> Array:
    """Read a whole file as one array, with or without names in its first line.

    Returns
    -------
    numpy.ndarray
        Shape (rows, columns), or (rows,) where there is one column.
    """
    first, *rows = _rows(file, given)
    names = [str(k) for k in range(1, len(first[1]) + 1)]
    if any(map(_is_number, first[1])):
        rows = [first, *rows]
    else:
        names = first[1]
    _check_lengths(rows, len(names), given)
    numbers = _numbers(rows, names, given)
    if numbers.shape[1] == 1:
        return numbers[:, 0]
    return numbers


def _rows(file: str, given: str) -> list[Row]:
    """Read the lines that are not empty."""
    try:
        text = Path(file).expanduser().read_text(encoding="utf-8-sig")
    except OSError as error:
        raise RunError(f"{given}: {file} cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, ValueError):
        raise RunError(f"{given}: {file} is not a text file of numbers") from None
    lines = text.splitlines()
    reader = csv.reader(lines, delimiter=_delimiter(lines))
    try:
        rows = [(reader.line_num, [entry.strip() for entry in row]) for row in reader if any(row)]
    except csv.Error as error:
        raise RunError(f"{given}: {file}, line {reader.line_num}: {error}") from None
    if not rows:
        raise RunError(f"{given}: {file} is empty; expected numbers, a line for each row")
    return rows


def _delimiter(lines: list[str]) -> str:
    """Tell what stands between the entries by the first line."""
    first = next((line for line in lines if line.strip()), "")
    return max(DELIMITERS, key=first.count)


def _check_lengths(rows: list[Row], length: int, given: str) -> None:
    if not rows:
        raise RunError(
            f"{given}: there are no numbers below the names; expected a line for each row"
        )
    for line, row in rows:
        if len(row) != length:
            raise RunError(
                f"{given}: line {line} has {len(row)} entries, and the first has {length}; "
                "expected as many in each line"
            )


def _numbers(rows: list[Row], names: list[str], given: str) -> Array:
    return np.array(
        [
            [
                _number(entry, f"{given}: line {line}, column {name}")
                for entry, name in zip(row, names, strict=True)
            ]
            for line, row in rows
        ]
    )


def _number(entry: str, place: str) -> float:
    if _is_number(entry) and math.isfinite(float(entry)):
        return float(entry)
    shown = repr(entry[:MOST_SHOWN]) if entry else "nothing"
    comma = ""
    if "," in entry:
        comma = "; a decimal comma is written as a point, as in 1.5"
    raise RunError(f"{place}: {shown} is not a finite number{comma}")


def _is_number(entry: str) -> bool:
    if "_" in entry or not entry.isascii():
        return False
    try:
        float(entry)
    except ValueError:
        return False
    return True
