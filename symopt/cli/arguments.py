"""Reads what options hold: numbers, names with values, arrays, boxes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from symopt.cli.csv_files import is_table, read_array
from symopt.costs.parser import expression
from symopt.errors import ParseError, RunError
from symopt.validation import Array

LARGEST = 10**8  # numbers in a start
MOST_DIGITS = 20  # of a count
BRACKETS = {"(": 1, "[": 1, ")": -1, "]": -1}
NAME = re.compile(r"[^\W\d]\w*")
DRAWN = re.compile(r"(?:(?P<scale>[^*]+)\*)?\s*normal\s*\((?P<counts>[^()]*)\)")
START_FORMS = "x=-1.2,y=1 or x[100]=-1.2 or P=points.csv or P=normal(7,2)"


def number(text: str, given: str) -> float:
    """Read one finite number: digits, or a formula without names such as 1/3 or pi/2.

    Raises
    ------
    RunError
        If it is none; ``given`` says in the message where it stands.
    """
    try:
        value = _float(text)
    except ValueError:
        raise RunError(
            f"{given}: {text!r} is not a number; expected digits or a formula of them, as in -1.2, "
            "1e-3 or pi/2"
        ) from None
    if not math.isfinite(value):
        raise RunError(f"{given}: {text!r} is not a finite number")
    return value


def _float(text: str) -> float:
    """Read a number; without the underscores that Python allows in one."""
    if "_" in text or not text.isascii():
        raise ValueError(text)
    try:
        return float(text)
    except ValueError:
        pass
    try:
        found = expression(text)
    except ParseError:
        raise ValueError(text) from None
    if found.free_symbols or not found.is_number:
        raise ValueError(text)
    value = complex(found)
    return value.real if not value.imag else math.nan


def whole_number(text: str | None, option: str, *, least: int, example: int) -> int | None:
    """Read the whole number of an option, None where it is not given."""
    if text is None:
        return None
    digits = text.strip()
    if digits.isascii() and digits.isdigit() and len(digits) < MOST_DIGITS:
        value = int(digits)
        if value >= least:
            return value
    raise RunError(
        f"{option} {text}: expected a whole number from {least}, as in {option} {example}"
    )


def number_from_0(text: str | None, option: str, example: str) -> float | None:
    """Read a number that is not negative, None where it is not given."""
    if text is None:
        return None
    value = number(text, option)
    if value < 0:
        raise RunError(f"{option} {text}: expected a number from 0, as in {option} {example}")
    return value


def split(text: str) -> Iterator[str]:
    """Split at commas, but not at those in brackets."""
    depth, part = 0, ""
    for character in text:
        depth += BRACKETS.get(character, 0)
        if character == "," and depth <= 0:
            yield part.strip()
            part = ""
        else:
            part += character
    yield part.strip()


def assignments(text: str, option: str, example: str) -> dict[str, str]:
    """Read ``x=-1.2,y=1``: names, and what is behind their signs.

    Raises
    ------
    RunError
        If a part has no name or no value, or a name occurs twice.
    """
    found: dict[str, str] = {}
    for part in filter(None, split(text)):
        name, _, value = (piece.strip() for piece in part.partition("="))
        if not NAME.match(name) or not value:
            raise RunError(
                f"{option} {text!r}: cannot read {part!r}; expected name=number, as in {example}"
            )
        if "=" in value:
            raise RunError(
                f"{option} {text!r}: {part!r} has two signs of equality; expected commas between "
                f"the names, as in {example}"
            )
        if name in found:
            raise RunError(f"{option} {text!r}: {name} is given twice")
        found[name] = value
    return found


def constants(text: str, option: str = "--constant") -> dict[str, float]:
    """Read numbers by their names."""
    return {
        name: number(value, f"{option} {text!r}")
        for name, value in assignments(text, option, "kappa=50").items()
    }


def start(text: str, option: str = "--start", *, seed: int = 0) -> dict[str, Any]:
    """Read where parameters begin: numbers, and arrays in five forms.

    ``x=-1.2``, ``x[100]=-1.2`` or ``W[3,4]=0.5`` (equal entries), ``x=[1,2,3]``, ``P=points.csv``,
    ``P=normal(7,2)`` or ``P=0.1*normal(7,2)`` (drawn with a seed, one after the other).

    Raises
    ------
    RunError
        If a part is none of these, a name occurs twice, or there are more than 10**8 numbers.
    """
    rng = np.random.default_rng(seed)
    point: dict[str, Any] = {}
    left = LARGEST
    for key, value in assignments(text, option, START_FORMS).items():
        name, bracket, counts = (piece.strip() for piece in key.partition("["))
        given = f"{option} {text!r}"
        if name in point:
            raise RunError(f"{given}: {name} is given twice")
        if bracket:
            shape = _shape(counts.removesuffix("]"), counts[-1:] == "]", f"{given}: {key!r}", left)
            point[name] = np.full(shape, number(value, given))
        else:
            point[name] = _array_or_number(value, given, left, rng=rng)
        left -= np.size(point[name])
    if not point:
        raise RunError(f"{option} is empty; expected name=number, as in {START_FORMS}")
    return point


def _array_or_number(value: str, given: str, most: int, rng: np.random.Generator) -> Any:
    """Read what stands behind a name."""
    if is_table(value):
        return read_array(value, given)
    if value.startswith("["):
        return _listed(value, given)
    if drawn := DRAWN.fullmatch(value):
        shape = _shape(drawn["counts"], True, f"{given}: {value!r}", most)
        scale = number(drawn["scale"] or "1", given)
        return scale * rng.standard_normal(shape)
    if re.fullmatch(r"[^\W\d]\w*\s*\(.*", value) and "," in value:
        raise RunError(
            f"{given}: cannot read {value!r}; expected a number or an array, as in {START_FORMS}"
        )
    return number(value, given)


def _listed(value: str, given: str) -> Array:
    """Read [1, 2, 3] or [[1, 2], [3, 4]]."""
    try:
        array = np.array(json.loads(value), dtype=np.float64)
    except (ValueError, TypeError):
        array = np.array(math.nan)
    if not np.isfinite(array).all() or not array.size:
        raise RunError(
            f"{given}: cannot read {value!r}; expected numbers in brackets, as in x=[1,2.5,-3] or "
            "W=[[1,2],[3,4]]"
        )
    return array


def _shape(counts: str, closed: bool, given: str, most: int) -> tuple[int, ...]:
    """Read 100 or 3,4."""
    parts = [piece.strip() for piece in counts.split(",")]
    whole = all(part.isascii() and part.isdigit() and part.strip("0") for part in parts)
    if not (closed and whole and len(parts) <= 2):
        raise RunError(
            f"{given}; expected one count in the brackets or two, whole numbers from 1, as in "
            "x[100] or W[3,4]"
        )
    shape = tuple(int(part) if len(part) < MOST_DIGITS else LARGEST + 1 for part in parts)
    if math.prod(shape) > most:
        raise RunError(f"{given} makes more than {LARGEST} numbers in all; expected fewer")
    return shape


def box(text: str) -> dict[str, tuple[float, float]]:
    """Read ``-2:2`` or ``x=-2:2,y=0:1``: lowest and highest values, for all under no name.

    Raises
    ------
    RunError
        If a part has no two ends, or they are in the wrong order.
    """
    if "=" not in text:
        return {"": _ends(text, f"--box {text}")}
    return {
        name: _ends(value, f"--box {text}")
        for name, value in assignments(text, "--box", "x=-2:2,y=0:1").items()
    }


def _ends(text: str, given: str) -> tuple[float, float]:
    low, colon, high = text.partition(":")
    if not colon:
        raise RunError(
            f"{given}: cannot read {text!r}; expected the lowest and the highest value, as in "
            "--box -2:2 or --box x=-2:2,y=0:1"
        )
    ends = number(low.strip(), given), number(high.strip(), given)
    if ends[0] > ends[1]:
        raise RunError(f"{given}: {ends[0]:g} is above {ends[1]:g}; expected the lower one first")
    return ends
