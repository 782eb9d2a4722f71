"""Reads what is to be minimised, and from where: EXPR, --start, --constant, --data, --starts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp

from symopt.cli import arguments
from symopt.cli.csv_files import is_table, read_array, read_columns
from symopt.costs.cost import Cost
from symopt.costs.parser import parse
from symopt.errors import CostError, RunError, did_you_mean, suggestion
from symopt.problems import NAMED
from symopt.runs.ensemble import Uniform, uniform
from symopt.validation import Array

NAME = re.compile(r"[^\W\d]\w*")
WORDS = re.compile(r"[^\W\d]\w*([\s_.-]+[^\W\d]\w*)*")
SHORTEST = 4  # letters of what may be a problem's name, mistyped


@dataclass(frozen=True, kw_only=True)
class Given:
    """What the user wrote, as it stands.

    Attributes
    ----------
    text
        The cost, or the name of a problem.
    start, option
        The parameters and where they begin, and the option that says so.
    constant, data, samples, minimum
        Values of other names, files, the index of samples, the smallest value of J.
    seed
        What random starts follow from.
    """

    text: str
    start: str = ""
    option: str = "--start"
    constant: str = ""
    data: tuple[str, ...] = ()
    samples: str | None = None
    minimum: str | None = None
    seed: int = 0


def read_problem(given: Given) -> tuple[Cost, Any]:
    """Return a cost and the point that is given for it.

    Raises
    ------
    SymoptError
        If anything in it cannot be used.
    """
    point = _point(given)
    if not point and given.text not in NAMED:
        raise _without_start(given)
    cost, begin = _cost(given, point, list(point))
    return cost, _fitting(cost, begin, given)


def _point(given: Given) -> dict[str, Any]:
    if not given.start.strip():
        return {}
    return arguments.start(given.start, given.option, seed=given.seed)


def _without_start(given: Given) -> RunError:
    """Return what to say of an expression without a start, with its own names."""
    _refuse_near_miss(given.text, ())
    hint = ""
    if NAME.fullmatch(given.text):
        hint = did_you_mean(given.text, NAMED)
    cost = parse(given.text, data=_data(given) or None)
    example = ",".join(
        f"{p.name}[10]=1" if isinstance(p, sp.IndexedBase) else f"{p.name}=1" for p in cost.params
    )
    return RunError(
        f"{given.option} is empty, and {given.text!r} is no problem's name{hint}; for an "
        f"expression give a point, as in {given.option} {example}"
    )


def read_box(given: Given, size: int, box: str) -> tuple[Cost, Uniform]:
    """Return a cost and random starts; those of parameters that the box leaves out are fixed.

    Raises
    ------
    SymoptError
        If anything in it cannot be used, or a parameter has neither start nor box.
    """
    ends = arguments.box(box)
    point = _point(given)
    constants = arguments.constants(given.constant)
    names = list(point)
    names += [name for name in ends if name and name not in point]
    if not names and given.text not in NAMED:
        names = _free_names(given, constants)
    cost, begin = _cost(given, point, names)
    if not isinstance(begin, Mapping):
        begin = {cost.params[0].name: begin}
    lows, highs = [], []
    for param in cost.params:
        low, high = _corner(param, begin, ends)
        lows.append(low)
        highs.append(high)
    for name in ends:
        if name and name not in [p.name for p in cost.params]:
            known = [p.name for p in cost.params]
            raise RunError(f"--box: {name} is no parameter{did_you_mean(name, known)}")
    low, high = np.concatenate(lows), np.concatenate(highs)
    return cost, uniform(low, high, size, given.seed)


def _free_names(given: Given, constants: Mapping[str, float]) -> list[str]:
    """Return the names that have no value, which are the parameters then."""
    _refuse_near_miss(given.text, ())
    whole = parse(given.text, data=_data(given) or None)
    return [p.name for p in whole.params if p.name not in constants]


def _corner(
    param: Any, begin: Mapping[str, Any], ends: Mapping[str, tuple[float, float]]
) -> tuple[Array, Array]:
    """Return the lowest and the highest values of one parameter."""
    name = param.name
    value = begin.get(name)
    if value is None and isinstance(param, sp.IndexedBase):
        raise RunError(f"{name} is an array: say how long it is, as in --start {name}[10]=0")
    pair = ends.get(name, ends.get(""))
    if pair is None and value is None:
        raise RunError(
            f"--box says nothing of {name}; expected {name}=-2:2 there, or where it begins, as in "
            f"--start {name}=1"
        )
    flat = np.ravel(np.asarray(0.0 if value is None else value, dtype=np.float64))
    if pair is None:
        return flat, flat
    return np.full(flat.shape, pair[0]), np.full(flat.shape, pair[1])


def _cost(given: Given, point: Mapping[str, Any], params: list[str]) -> tuple[Cost, Any]:
    """Return the cost with its values, and where it begins."""
    begin: Any = point
    if given.text in NAMED and given.text not in point:
        cost, begin = _named(given, point)
    else:
        _refuse_near_miss(given.text, point)
        cost = parse(given.text, params=params, data=_data(given) or None, samples=given.samples)
    cost = _with_constants(cost, given)
    if given.minimum is not None:
        smallest = arguments.number(given.minimum, "--minimum")
        cost = Cost(cost, optimal_value=smallest)
    return cost, begin


def _named(given: Given, point: Mapping[str, Any]) -> tuple[Cost, Any]:
    """Return a problem that has a name, with the start of the user where there is one."""
    if given.data or given.samples:
        option = "--data" if given.data else "--samples"
        raise RunError(f"{option}: the problem {given.text} has its own; it is for an expression")
    problem = NAMED[given.text]()
    begin: Any = problem.start
    if point and isinstance(begin, Mapping):
        begin = {**begin, **point}
    elif point:
        begin = dict(point)
    return problem.cost, begin


def _refuse_near_miss(text: str, point: Any) -> None:
    """Refuse words that are nearly a problem's name, and no parameters.

    Raises
    ------
    RunError
        With the name that is near.
    """
    words = NAME.findall(text)
    if not WORDS.fullmatch(text.strip()) or any(word in point for word in words):
        return
    spelled = re.sub(r"[\s_.-]+", "_", text.strip()).lower()
    near = suggestion(spelled, NAMED)
    if near and len(spelled) >= SHORTEST:
        raise RunError(
            f"{text!r} is no problem's name (did you mean {near!r}?), and as an expression it has "
            "no number and no parameter that --start names; symopt problems lists the names"
        )


def _with_constants(cost: Cost, given: Given) -> Cost:
    """Give a cost its constants, and refuse one that lacks any."""
    values = arguments.constants(given.constant)
    params = [p.name for p in cost.params]
    known = [*cost.constants, *sorted(cost.objective.size_symbols)]
    for name in values:
        if name in params:
            raise RunError(f"--constant {name}: {name} is a parameter; leave out one of both")
        if name not in known:
            raise RunError(
                f"--constant {name}: the cost has no constant {name!r}{did_you_mean(name, known)}"
            )
    sizes = cost.objective.size_symbols
    cost = cost(
        **{name: _whole(value, name) if name in sizes else value for name, value in values.items()}
    )
    if lacking := [name for name in cost.constants if name not in cost.bound]:
        first = lacking[0]
        said = f"{given.option} {given.start!r}" if given.start else "the command"
        raise RunError(
            f"{said} says nothing of {', '.join(lacking)}; expected a value for each name, as in "
            f"--constant {first}=1, or {first}=1 in {given.option}"
        )
    return cost


def _whole(value: float, name: str) -> int:
    if value != int(value):
        raise RunError(f"--constant {name}={value:g}: {name} is a size; expected a whole number")
    return int(value)


def _data(given: Given) -> dict[str, Any]:
    """Read the files of --data: FILE.csv, whose columns have names, or X=FILE.csv."""
    used = set(NAME.findall(given.text))
    found: dict[str, Any] = {}
    for text in given.data:
        name, sign, file = (piece.strip() for piece in text.rpartition("="))
        where = f"--data {text}"
        if not is_table(file):
            raise RunError(f"{where}: expected a file that ends in .csv, as in --data points.csv")
        if sign:
            arrays = {name: read_array(file, where)}
        else:
            arrays = read_columns(file, where, used)
        for column, values in arrays.items():
            if column in found:
                raise RunError(f"{where}: {column} is given twice")
            found[column] = values
    return found


def _fitting(cost: Cost, point: Any, given: Given) -> Any:
    """Return a point in the shape that the cost takes.

    Raises
    ------
    RunError
        If it is not one point.
    """
    refused = []
    for one in (point, _laid_otherwise(point)):
        try:
            if cost.points(one)[0].ndim == 1:
                return one
        except CostError as error:
            refused.append(str(error))
    reason = refused[0] if refused else _other_indices(cost, point)
    if given.start and NAME.findall(reason)[0] in point:  # and not data
        reason = f"{given.option} {given.start!r}: {reason}"
    raise RunError(reason)


def _other_indices(cost: Cost, point: Any) -> str:
    """Say which array has another number of indices in the cost."""
    arrays = {name: np.shape(value) for name, value in point.items() if np.ndim(value)}
    for param in cost.params:
        if param.name in arrays and isinstance(param, sp.Symbol):
            return f"{param.name} is one number in the cost; expected {param.name}=1"
    shapes = ", ".join(f"{name}[{','.join(map(str, shape))}]" for name, shape in arrays.items())
    return f"{shapes} has more indices than in the cost; expected as many, as in x[10]=0"


def _laid_otherwise(point: Any) -> Any:
    """Return columns as matrices and single rows as columns, as a file may have them."""
    if not isinstance(point, Mapping):
        return point
    return {name: _otherwise(value) for name, value in point.items()}


def _otherwise(value: Any) -> Any:
    if np.ndim(value) == 2 and 1 in np.shape(value):
        return np.ravel(value)
    if np.ndim(value) == 1:
        return np.reshape(value, (-1, 1))
    return value
