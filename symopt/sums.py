"""What may be a cost with sums: its arrays, data, sizes and named intermediates, checked at the door."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from symopt.autodiff.index import Affine, Ref
from symopt.autodiff.program import Graph, Name, Program, Read
from symopt.autodiff.sums import SumLowering, Tables, logsumexp, lower_sums, outside
from symopt.door import reject_impossible
from symopt.errors import CostError, did_you_mean
from symopt.floats import NotNumbersError, as_floats
from symopt.shapes import LARGEST

__all__ = ["Data", "SumForm", "has_sums", "logsumexp", "read_data", "read_sums"]

RANGED = (sp.Sum, sp.Product, logsumexp)
Limits = tuple[sp.Tuple, ...]
Data = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class SumForm:
    """A cost with sums, read.

    Attributes
    ----------
    params
        The parameters in the order of theta: name and how many indices each takes.
    constants
        The names of the constants, sorted.
    value
        The program of J.
    declared
        The shapes that ``IndexedBase(shape=...)`` states, by array.
    sizes
        The names of the symbols that stand for lengths.
    integer_data
        The names of the data that choose entries.
    samples
        The name of the index that mini-batches draw from, if there is one.
    """

    params: dict[str, int]
    constants: tuple[str, ...]
    value: Program
    declared: dict[Name, tuple[Affine, ...]]
    sizes: frozenset[str]
    data: dict[str, int]
    integer_data: frozenset[str]
    samples: str | None


def has_sums(expression: sp.Basic) -> bool:
    """Return whether an expression is to be kept as loops."""
    return bool(expression.has(sp.Indexed, *RANGED))


def read_sums(expression: sp.Expr, params: Any, data: Iterable[Any], where: Mapping[Any, Any], samples: Any) -> SumForm:
    """Read a cost with sums.

    Raises
    ------
    CostError
        If a name is used in two ways or is unknown, or an index does not stand in its sum.
    """
    if not isinstance(where, Mapping):
        raise CostError(f"where={where!r}; expected {{H[k, j]: expression}}")
    definitions = {_target(target): _definition(target, value) for target, value in where.items()}
    everything = [expression, *(value for value, _ in definitions.values())]
    names = _Names(everything, [limits for _, limits in definitions.values()], definitions)
    given = _given(names, [_base_name(key, "data") for key in data])
    chosen = _chosen(names, params, given)
    sample = _sample(samples, names)
    arrays: dict[str, tuple[Name, int]] = {}
    for name, count in names.arrays.items():
        kind = "data" if name in given else "where" if name in names.where else "x"
        if kind != "x" or name in chosen:
            arrays[name] = ((kind, name), count)
    scalars = frozenset(name for name in chosen if name not in arrays)
    tables = Tables(arrays, scalars, names.sizes)
    value = lower_sums(expression, tables, _with_limits(expression, definitions))
    constants = tuple(sorted(names.scalars - scalars))
    for symbol in names.bound:
        if ("c", str(symbol)) in value.inputs and str(symbol) not in constants:
            raise outside(symbol)
    read = {name: names.arrays.get(name, 0) for name in chosen}
    return SumForm(
        read, constants, value, _declared(names, tables), names.sizes, {n: names.arrays[n] for n in sorted(given)},
        _integer_data(value), sample,
    )  # fmt: skip


# Names


class _Names:
    """What every name in some expressions is used as."""

    def __init__(
        self, expressions: list[sp.Expr], more_limits: list[Limits | None], definitions: Mapping[sp.Indexed, Any]
    ) -> None:
        self.arrays: dict[str, int] = {}
        self.bases: dict[str, sp.IndexedBase] = {}
        self.bound: set[sp.Basic] = set()
        self.where = {str(target.base.label) for target in definitions}
        in_indices: set[sp.Basic] = set()
        in_lengths: set[sp.Basic] = set()
        symbols: dict[str, sp.Basic] = {}
        plain: set[sp.Basic] = set()
        for target in definitions:
            self._array(target, in_indices)
            self.bound |= set(target.indices)
        for limits in [
            *more_limits,
            *(part.limits for one in expressions for part in _parts(one) if isinstance(part, RANGED)),
        ]:
            for limit in limits or ():
                self.bound.add(limit[0])
                _check_bounds(limit)
                in_lengths |= set().union(*(_symbols_of(bound) for bound in limit[1:]))
        for part in (part for one in expressions for part in _parts(one)):
            if isinstance(part, sp.Indexed):
                self._array(part, in_indices)
            elif isinstance(part, sp.Symbol | sp.Idx):
                plain.add(part)
        in_lengths |= {symbol for base in self.bases.values() for n in base.shape or () for symbol in _symbols_of(n)}
        for symbol in plain | in_indices | in_lengths | self.bound:
            if symbols.setdefault(str(symbol), symbol) != symbol:
                raise CostError(
                    f"two different symbols are called {str(symbol)!r} (they differ in their assumptions); "
                    "make each symbol once and use it everywhere"
                )
        self.sizes = frozenset(str(symbol) for symbol in (in_indices | in_lengths) - self.bound)
        self.scalars = {str(symbol) for symbol in plain - in_indices - in_lengths - self.bound}
        both = sorted(self.arrays.keys() & (self.scalars | self.sizes | {str(symbol) for symbol in self.bound}))
        if both:
            raise CostError(f"{both[0]} is used both as an array and as a plain symbol; give one of them another name")
        _check_inside(in_indices - in_lengths | {one for one in in_lengths if isinstance(one, sp.Idx)}, self.bound)

    def _array(self, part: sp.Indexed, in_indices: set[sp.Basic]) -> None:
        name, count = str(part.base.label), len(part.indices)
        if self.arrays.setdefault(name, count) != count:
            raise CostError(f"{name} is used with {self.arrays[name]} and with {count} indices")
        shapes = {base.shape for base in (part.base, self.bases.get(name, part.base)) if base.shape is not None}
        if len(shapes) > 1:
            raise CostError(f"{name} is used with the shapes {' and '.join(map(str, shapes))}; make each array once")
        if shapes == {part.base.shape} or name not in self.bases:
            self.bases[name] = part.base
        in_indices |= set().union(*(_symbols_of(index) for index in part.indices))


def _parts(expression: sp.Basic) -> Iterator[sp.Basic]:
    """Give every different part of an expression that stands for a value: no bounds, no plain indices."""
    seen, stack = set(), [expression]
    while stack:
        part = stack.pop()
        if part in seen:
            continue
        seen.add(part)
        yield part
        if isinstance(part, sp.Indexed):
            stack.extend(inner for index in part.indices for inner in index.atoms(sp.Indexed))
        elif isinstance(part, RANGED):
            stack.append(part.function)
        else:
            stack.extend(part.args)


def _symbols_of(index: sp.Basic) -> set[sp.Basic]:
    """Return the symbols of an index expression, less the names of arrays in it."""
    labels = {base.label for base in index.atoms(sp.IndexedBase)}
    plain = {symbol for idx in index.atoms(sp.Idx) for symbol in idx.atoms(sp.Symbol)}
    return {symbol for symbol in index.atoms(sp.Symbol, sp.Idx) if symbol not in labels | plain}


def _check_inside(symbols: set[sp.Basic], bound: set[sp.Basic]) -> None:
    """Refuse symbols of indices that no sum runs over, and that are the length of nothing."""
    if stray := symbols - bound:
        symbol = min(stray, key=str)
        raise CostError(
            f"{outside(symbol)}, or, if it is a size, in a bound of a sum or in IndexedBase(..., shape=({symbol},))"
        )


def _check_bounds(limit: sp.Tuple) -> None:
    """Refuse bounds of a sum that are no whole numbers, or beyond those that floats hold exactly."""
    for bound, number in ((part, number) for part in limit[1:] for number in part.atoms(sp.Number)):
        if not number.is_Integer:
            raise CostError(
                f"the sum over {limit[0]} has the bound {bound}; expected whole numbers, indices and sizes, as in "
                f"({limit[0]}, 0, h) with a size h of its own, given as in J.value(theta, h=2)"
            )
        if abs(number) > LARGEST:
            raise CostError(f"the sum over {limit[0]} has the bound {number}; expected at most {LARGEST}")


def _base_name(key: Any, what: str) -> str:
    if isinstance(key, sp.IndexedBase):
        return str(key.label)
    if isinstance(key, str | sp.Symbol):
        return str(key)
    raise CostError(f"{what}: {key!r} is a {type(key).__name__}; expected a sympy.IndexedBase or its name")


def _given(names: _Names, given: list[str]) -> set[str]:
    """Return the names of the data."""
    for name in given:
        if given.count(name) > 1:
            raise CostError(f"the data {name} are given twice")
        if name in names.where:
            raise CostError(f"{name} is given as data and in where; expected one of them")
        if name in names.scalars | names.sizes:
            raise CostError(f"data is given for {name}, which is no array; give its value as in J({name}=2)")
        if name not in names.arrays:
            known = did_you_mean(name, names.arrays)
            raise CostError(f"data is given for {name}, which does not occur in the cost{known}")
    return set(given)


def _chosen(names: _Names, params: Any, data: set[str]) -> list[str]:
    """Return the names of the parameters, in order."""
    known = (names.arrays.keys() | names.scalars) - data - names.where
    if params is None:
        if not known:
            raise CostError(
                "the cost has no parameters: no symbol or array is left beside data; there is nothing to optimise"
            )
        return sorted(known)
    if not isinstance(params, sp.Basic | str | Iterable):
        raise CostError(f"params={params!r}; expected arrays and symbols or their names, in order")
    listed = [params] if isinstance(params, sp.Basic | str) else list(params)
    result = [_base_name(one, "params") for one in listed]
    indices = {str(symbol) for symbol in names.bound}
    if not result:
        raise CostError("params is empty: name at least one parameter")
    for name in result:
        if result.count(name) > 1:
            raise CostError(f"the parameter {name!r} is given twice")
        if name in data | names.where:
            raise CostError(f"{name} is given as a parameter and {'as data' if name in data else 'in where'}")
        if name in names.sizes:
            raise CostError(f"the parameter {name!r} stands in a bound or an index of a sum: it is a size")
        if name in indices:
            raise CostError(f"the parameter {name!r} is the index of a sum; expected an array or a symbol")
        if name not in known:
            raise CostError(f"the parameter {name!r} does not occur in the cost{did_you_mean(name, sorted(known))}")
    return result


def _sample(samples: Any, names: _Names) -> str | None:
    if samples is None:
        return None
    known = {str(symbol) for symbol in names.bound}
    if not isinstance(samples, str | sp.Symbol | sp.Idx) or str(samples) not in known:
        expected = f"one of {', '.join(sorted(known))}" if known else "a cost with a sum"
        raise CostError(f"samples={samples!r}: no sum of the cost runs over it; expected {expected}")
    return str(samples)


def _declared(names: _Names, tables: Tables) -> dict[Name, tuple[Affine, ...]]:
    reader = SumLowering(Graph(), tables)
    return {
        tables.arrays[name][0]: tuple(reader.index(length) for length in base.shape)
        for name, base in names.bases.items()
        if base.shape is not None and name in tables.arrays
    }


def _integer_data(value: Program) -> frozenset[str]:
    """Return the names of the data in indices."""
    found: set[str] = set()
    reads = [node.payload.at for node in value.nodes if isinstance(node.payload, Read)]
    stack = [index for at in [*reads, *(s.at for s in value.statements)] for index in at]
    while stack:
        for atom, _ in stack.pop().terms:
            if isinstance(atom, Ref):
                found.add(atom.array[1])
                stack.extend(atom.at)
    return frozenset(found)


# Named intermediates


def _target(target: Any) -> sp.Indexed:
    if not isinstance(target, sp.Indexed) or not all(isinstance(i, sp.Symbol | sp.Idx) for i in target.indices):
        raise CostError(f"where: {target!r} cannot be defined; expected an array at plain indices, as in H[k, j]")
    if len(set(target.indices)) < len(target.indices):
        raise CostError(f"where: {target} has an index twice; expected indices that differ, as in H[k, j]")
    return target


def _definition(target: sp.Indexed, value: Any) -> tuple[sp.Expr, Limits | None]:
    expression, *limits = value if isinstance(value, tuple | list) and value else (value,)
    if isinstance(expression, int | float):
        expression = sp.sympify(expression, strict=True)
    if not isinstance(expression, sp.Expr):
        raise CostError(f"where: {target} is {expression!r}; expected a SymPy expression")
    reject_impossible(expression)
    if not limits:
        return expression, None
    if any(not isinstance(limit, tuple | list | sp.Tuple) or len(limit) != 3 for limit in limits):
        raise CostError(f"where: {target} needs a range for each of its indices, as in {_with_ranges(target)}")
    ranges = tuple(sp.Tuple(*limit) for limit in limits)
    if len(ranges) != len(target.indices) or set(target.indices) != {limit[0] for limit in ranges}:
        raise CostError(f"where: {target} needs a range for each of its indices, as in {_with_ranges(target)}")
    reject_impossible(sp.Tuple(*ranges))
    return expression, ranges


def _with_ranges(target: sp.Indexed) -> str:
    return f"{{{target}: (expression, {', '.join(f'({i}, first, last)' for i in target.indices)})}}"


def _with_limits(
    expression: sp.Expr, definitions: Mapping[sp.Indexed, tuple[sp.Expr, Limits | None]]
) -> dict[sp.Indexed, tuple[sp.Expr, Limits]]:
    """Return the definitions in an order in which they can be computed, each with its limits, the innermost first."""
    order = _dependencies_first(definitions)
    found: dict[sp.Indexed, tuple[sp.Expr, Limits]] = {}
    for target in reversed(order):
        value, limits = definitions[target]
        users = [(expression, {}), *((other, _scope(ranges)) for other, ranges in found.values())]
        uses = [use for user, scope in users for use in _uses(user, target, scope)]
        if not uses:
            raise CostError(f"where: {target} is not used in the cost; expected one of its sums to use it")
        found[target] = (value, _inferred(target, uses) if limits is None else tuple(reversed(limits)))
    return {target: found[target] for target in order}


def _dependencies_first(definitions: Mapping[sp.Indexed, tuple[sp.Expr, Limits | None]]) -> list[sp.Indexed]:
    by_name = {str(target.base.label): target for target in definitions}
    if len(by_name) < len(definitions):
        raise CostError("where: an array is defined twice; give each its own name")
    uses = {
        name: {str(part.base.label) for part in _parts(definitions[target][0]) if isinstance(part, sp.Indexed)}
        for name, target in by_name.items()
    }
    order: list[str] = []
    waiting = list(by_name)
    while waiting:
        ready = [name for name in waiting if not uses[name] & set(waiting)]
        if not ready:
            name = next((name for name in waiting if name in uses[name]), waiting[0])
            words = (
                "itself" if name in uses[name] else f"{', '.join(w for w in waiting if w != name)}, which refers to it"
            )
            raise CostError(f"where: {by_name[name]} refers to {words}; expected what can be computed before it")
        order += ready
        waiting = [name for name in waiting if name not in ready]
    return [by_name[name] for name in order]


def _scope(limits: Limits) -> dict[sp.Basic, sp.Tuple]:
    return {limit[0]: limit for limit in limits}


def _uses(
    expression: sp.Basic, target: sp.Indexed, scope: Mapping[sp.Basic, sp.Tuple]
) -> Iterator[tuple[sp.Indexed, Mapping[sp.Basic, sp.Tuple]]]:
    """Give every use of an array, with the limits around it."""
    stack = [(expression, scope)]
    seen = set()
    while stack:
        part, around = stack.pop()
        if (part, key := tuple(around.items())) in seen:
            continue
        seen.add((part, key))
        if isinstance(part, sp.Indexed) and part.base.label == target.base.label:
            yield part, around
        elif isinstance(part, RANGED):
            stack.append((part.function, {**around, **_scope(tuple(reversed(part.limits)))}))
        else:
            stack.extend((arg, around) for arg in part.args)


def _inferred(target: sp.Indexed, uses: list[tuple[sp.Indexed, Mapping[sp.Basic, sp.Tuple]]]) -> Limits:
    """Return limits that hold every index at which the sums use an array."""
    limits = []
    for use, _ in uses:
        if any(index.has(sp.Indexed) for index in use.indices):
            raise CostError(
                f"where: {use} stands at entries of data; give {target} a range, as in {_with_ranges(target)}"
            )
    for axis, symbol in enumerate(target.indices):
        bounds = [(_end(use.indices[axis], around, -1), _end(use.indices[axis], around, 1)) for use, around in uses]
        low, high = _least([low for low, _ in bounds]), _least([-high for _, high in bounds])
        if low is None or high is None:
            raise CostError(
                f"where: the sums that use {target} have different ranges for {symbol}; give its own, as in "
                f"{_with_ranges(target)}"
            )
        limits.append(sp.Tuple(symbol, low, -high))
    return tuple(reversed(limits))


def _end(index: sp.Expr, around: Mapping[sp.Basic, sp.Tuple], side: int) -> sp.Expr:
    """Return the least (``side`` -1) or greatest (1) value of an index inside limits, as a formula in sizes."""
    for symbol, low, high in reversed(list(around.values())):
        factor = sp.expand(index).coeff(symbol)
        index = index.xreplace({symbol: high if (factor * side).is_positive else low})
    return sp.expand(index)


def _least(ends: list[sp.Expr]) -> sp.Expr | None:
    """Return the least of some formulas in sizes, where a size is taken to be more than a number; None if none is."""
    return next((one for one in ends if all(_is_above(other, one) for other in ends)), None)


def _is_above(one: sp.Expr, other: sp.Expr) -> bool:
    constant, rest = sp.expand(one - other).as_coeff_Add()
    return all(term.as_coeff_Mul()[0] > 0 for term in sp.Add.make_args(rest)) if rest else constant >= 0


# Data


def read_data(data: Mapping[Any, Any], indices: Mapping[str, int], integer: frozenset[str]) -> Data:
    """Return data as contiguous arrays of float64, or of int64 where they choose entries.

    Raises
    ------
    CostError
        If an array has another number of axes, another kind of numbers, or NaN.
    """
    result: Data = {}
    for key, values in data.items():
        name = _base_name(key, "data")
        result[name] = _integers(name, values) if name in integer else _numbers(name, values)
        if result[name].ndim != indices[name]:
            raise CostError(
                f"data {name} has shape {result[name].shape}; the cost uses it with {indices[name]} index(es): "
                f"expected {indices[name]} axis(es)"
            )
        if not result[name].size:
            raise CostError(f"data {name} is empty, of shape {result[name].shape}; expected at least one entry")
    return result


def _numbers(name: str, values: Any) -> npt.NDArray[Any]:
    if np.ma.is_masked(values):
        raise CostError(f"data {name} has masked entries; expected numbers everywhere, as {name}.filled(0) makes them")
    if isinstance(values, np.ndarray) and values.dtype == np.float64 and values.flags.c_contiguous:
        if not np.isfinite(values).all():
            raise CostError(f"data {name} holds NaN or infinity; expected finite numbers")
        return values
    try:
        return np.asarray(as_floats(values), order="C")
    except NotNumbersError as error:
        raise CostError(f"data {name}: {error}; expected an array of numbers") from None


def _integers(name: str, values: Any) -> npt.NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError:
        raise CostError(f"data {name} has rows of different lengths; it chooses entries: expected an array") from None
    if array.dtype.kind not in "iu" and array.size:
        raise CostError(
            f"data {name} has dtype {array.dtype}; it chooses entries: expected whole numbers, as {name}.astype(int)"
        )
    if array.size and int(array.max()) > LARGEST:
        raise CostError(f"data {name} holds {array.max()}; it chooses entries: expected at most {LARGEST}")
    return np.asarray(array, dtype=np.int64, order="C")
