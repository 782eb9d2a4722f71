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
from symopt.autodiff.sums import SumLowering, Tables, logsumexp, lower_sums
from symopt.errors import CostError, did_you_mean
from symopt.floats import NotNumbersError, as_floats

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
    definitions = {_target(target): _definition(target, value) for target, value in where.items()}
    everything = [expression, *(value for value, _ in definitions.values())]
    names = _Names(everything, [limits for _, limits in definitions.values()], definitions)
    given = {_base_name(key, "data") for key in data}
    chosen = _chosen(names, params, given)
    sample = _sample(samples, names)
    arrays: dict[str, tuple[Name, int]] = {}
    for name, count in names.arrays.items():
        kind = "data" if name in given else "where" if name in names.where else "x"
        if kind != "x" or name in chosen:
            arrays[name] = ((kind, name), count)
    unknown = given - names.arrays.keys()
    if unknown:
        name = min(unknown)
        raise CostError(f"data is given for {name}, which does not occur in the cost{did_you_mean(name, names.arrays)}")
    scalars = frozenset(name for name in chosen if name not in arrays)
    tables = Tables(arrays, scalars, names.sizes)
    value = lower_sums(expression, tables, _with_limits(expression, definitions))
    constants = tuple(sorted(names.scalars - scalars))
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
                in_indices |= set().union(*(_symbols_of(bound) for bound in limit[1:]))
        for part in (part for one in expressions for part in _parts(one)):
            if isinstance(part, sp.Indexed):
                self._array(part, in_indices)
            elif isinstance(part, sp.Symbol | sp.Idx):
                plain.add(part)
        for symbol in plain | in_indices | self.bound:
            if symbols.setdefault(str(symbol), symbol) != symbol:
                raise CostError(
                    f"two different symbols are called {str(symbol)!r} (they differ in their assumptions); "
                    "make each symbol once and use it everywhere"
                )
        self.sizes = frozenset(str(symbol) for symbol in in_indices - self.bound)
        self.scalars = {str(symbol) for symbol in plain - in_indices - self.bound}
        both = sorted(self.arrays.keys() & (self.scalars | self.sizes | {str(symbol) for symbol in self.bound}))
        if both:
            raise CostError(f"{both[0]} is used both as an array and as a plain symbol; give one of them another name")

    def _array(self, part: sp.Indexed, in_indices: set[sp.Basic]) -> None:
        name, count = str(part.base.label), len(part.indices)
        if self.arrays.setdefault(name, count) != count:
            raise CostError(f"{name} is used with {self.arrays[name]} and with {count} indices")
        self.bases.setdefault(name, part.base)
        in_indices |= set().union(*(_symbols_of(index) for index in part.indices))
        in_indices |= set().union(*(_symbols_of(length) for length in part.base.shape or ()))


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


def _base_name(key: Any, what: str) -> str:
    if isinstance(key, sp.IndexedBase):
        return str(key.label)
    if isinstance(key, str | sp.Symbol):
        return str(key)
    raise CostError(f"{what}: {key!r} is a {type(key).__name__}; expected a sympy.IndexedBase or its name")


def _chosen(names: _Names, params: Any, data: set[str]) -> list[str]:
    """Return the names of the parameters, in order."""
    known = (names.arrays.keys() | names.scalars) - data - names.where
    if params is None:
        return sorted(known)
    if not isinstance(params, sp.Basic | str | Iterable):
        raise CostError(f"params={params!r}; expected arrays and symbols or their names, in order")
    listed = [params] if isinstance(params, sp.Basic | str) else list(params)
    result = [_base_name(one, "params") for one in listed]
    if not result:
        raise CostError("params is empty: name at least one parameter")
    for name in result:
        if result.count(name) > 1:
            raise CostError(f"the parameter {name!r} is given twice")
        if name in data | names.where:
            raise CostError(f"{name} is given as a parameter and {'as data' if name in data else 'in where'}")
        if name in names.sizes:
            raise CostError(f"the parameter {name!r} stands in a bound or an index of a sum: it is a size")
        if name not in known:
            raise CostError(f"the parameter {name!r} does not occur in the cost{did_you_mean(name, sorted(known))}")
    return result


def _sample(samples: Any, names: _Names) -> str | None:
    if samples is None:
        return None
    if samples not in names.bound and str(samples) not in {str(symbol) for symbol in names.bound}:
        raise CostError(f"samples={samples}: no sum of the cost runs over {samples}")
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
    return target


def _definition(target: sp.Indexed, value: Any) -> tuple[sp.Expr, Limits | None]:
    expression, *limits = value if isinstance(value, tuple | list) else (value,)
    if isinstance(expression, int | float):
        expression = sp.sympify(expression, strict=True)
    if not isinstance(expression, sp.Expr):
        raise CostError(f"where: {target} is {expression!r}; expected a SymPy expression")
    if not limits:
        return expression, None
    ranges = tuple(limit if isinstance(limit, sp.Tuple) else sp.Tuple(*limit) for limit in limits)
    missing = set(target.indices) - {limit[0] for limit in ranges}
    if missing or len(ranges) != len(target.indices) or any(len(limit) != 3 for limit in ranges):
        raise CostError(
            f"where: {target} needs a range for each of its indices, as in "
            f"{{{target}: (expression, {', '.join(f'({i}, first, last)' for i in target.indices)})}}"
        )
    return expression, ranges


def _with_limits(
    expression: sp.Expr, definitions: Mapping[sp.Indexed, tuple[sp.Expr, Limits | None]]
) -> dict[sp.Indexed, tuple[sp.Expr, Limits]]:
    """Return the definitions in an order in which they can be computed, each with its limits, the innermost first."""
    order = _dependencies_first(definitions)
    found: dict[sp.Indexed, tuple[sp.Expr, Limits]] = {}
    for target in reversed(order):
        value, limits = definitions[target]
        if limits is None:
            users = [(expression, {}), *((other, _scope(ranges)) for other, ranges in found.values())]
            limits = _inferred(target, [use for user, scope in users for use in _uses(user, target, scope)])
        else:
            limits = tuple(reversed(limits))
        found[target] = (value, limits)
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
        if isinstance(part, sp.Indexed) and part.base == target.base:
            yield part, around
        elif isinstance(part, RANGED):
            stack.append((part.function, {**around, **_scope(tuple(reversed(part.limits)))}))
        else:
            stack.extend((arg, around) for arg in part.args)


def _inferred(target: sp.Indexed, uses: list[tuple[sp.Indexed, Mapping[sp.Basic, sp.Tuple]]]) -> Limits:
    """Return limits that hold every index at which the sums use an array."""
    if not uses:
        raise CostError(f"where: {target} is not used in the cost")
    limits = []
    for axis, symbol in enumerate(target.indices):
        bounds = [(_end(use.indices[axis], around, -1), _end(use.indices[axis], around, 1)) for use, around in uses]
        low, high = _least([low for low, _ in bounds]), _least([-high for _, high in bounds])
        if low is None or high is None:
            raise CostError(
                f"where: the sums that use {target} have different ranges for {symbol}; give its own, as in "
                f"{{{target}: (expression, {', '.join(f'({i}, first, last)' for i in target.indices)})}}"
            )
        limits.append(sp.Tuple(symbol, low, -high))
    return tuple(reversed(limits))


def _end(index: sp.Expr, around: Mapping[sp.Basic, sp.Tuple], side: int) -> sp.Expr:
    """Return the least (``side`` -1) or greatest (1) value of an index inside limits, as a formula in sizes."""
    for symbol, low, high in reversed(list(around.values())):
        factor = sp.expand(index).coeff(symbol)
        index = index.xreplace({symbol: high if factor * side > 0 else low})
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
                f"data {name} has shape {result[name].shape}; the cost uses it with {indices[name]} index(es)"
            )
        if not result[name].size:
            raise CostError(f"data {name} is empty, of shape {result[name].shape}; expected at least one entry")
    return result


def _numbers(name: str, values: Any) -> npt.NDArray[Any]:
    if isinstance(values, np.ndarray) and values.dtype == np.float64 and values.flags.c_contiguous:
        if not np.isfinite(values).all():
            raise CostError(f"data {name} holds NaN or infinity; expected finite numbers")
        return values
    try:
        return np.ascontiguousarray(as_floats(values))
    except NotNumbersError as error:
        raise CostError(f"data {name}: {error}; expected an array of numbers") from None


def _integers(name: str, values: Any) -> npt.NDArray[Any]:
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise CostError(
            f"data {name} has dtype {array.dtype}; it chooses entries: expected whole numbers, as {name}.astype(int)"
        )
    return np.ascontiguousarray(array, dtype=np.int64)
