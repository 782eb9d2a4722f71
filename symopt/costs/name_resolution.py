"""What may be a cost with sums: its arrays, data and sizes, checked at the door."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

import sympy as sp

from symopt.costs.checks import RANGED, array_without_index, parts
from symopt.costs.data import base_name
from symopt.costs.intermediates import Definitions, Limits, read_where, with_limits
from symopt.costs.sizes import LARGEST
from symopt.errors import CostError, SymoptWarning, did_you_mean
from symopt.frontend.moving import is_parameter
from symopt.frontend.sums import SumLowering, Tables, lower_sums, outside
from symopt.ir.index import Affine, IndirectIndex
from symopt.ir.keys import Constant
from symopt.ir.program import Graph, Load, Name, Program


@dataclass(frozen=True, kw_only=True)
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
    """Tell whether an expression has sums, products or array entries: it is kept as loops."""
    return any(isinstance(part, (sp.Indexed, *RANGED)) for part in parts(expression))


def read_sums(
    expression: sp.Expr,
    params: list[Any] | None,
    data: Iterable[Any],
    where: Mapping[Any, Any],
    samples: Any,
) -> SumForm:
    """Read a cost with sums.

    Raises
    ------
    CostError
        If a name is used in two ways or is unknown, or an index does not stand in its sum.
    """
    definitions = read_where(where)
    everything = [expression, *(value for value, _ in definitions.values())]
    names = _Names(everything, [limits for _, limits in definitions.values()], definitions)
    _check_indexed(everything)
    given = _given(names, [base_name(key, "data") for key in data])
    chosen = _chosen(names, params, given)
    sample = _sample(samples, names)
    arrays = _classify_arrays(names, given, chosen)
    scalars = frozenset(name for name in chosen if name not in arrays)
    tables = Tables(arrays, scalars, names.sizes)
    value = lower_sums(expression, tables, with_limits(expression, definitions))
    _refuse_without_parameters(value, chosen)
    constants = tuple(sorted(names.scalars - scalars))
    for symbol in names.bound:
        if Constant(str(symbol)) in value.inputs and str(symbol) not in constants:
            raise outside(symbol)
    read = {name: names.arrays.get(name, 0) for name in chosen}
    return SumForm(
        params=read,
        constants=constants,
        value=value,
        declared=_declared(names, tables),
        sizes=names.sizes,
        data={n: names.arrays[n] for n in sorted(given)},
        integer_data=_integer_data(value),
        samples=sample,
    )


def _classify_arrays(
    names: _Names, given: Iterable[str], chosen: Iterable[str]
) -> dict[str, tuple[Name, int]]:
    """Sort arrays into data, named intermediates and parameters, each with its indices' count."""
    data, parameters = set(given), set(chosen)
    arrays: dict[str, tuple[Name, int]] = {}
    for name, count in names.arrays.items():
        if name in data:
            arrays[name] = (("data", name), count)
        elif name in names.where:
            arrays[name] = (("where", name), count)
        elif name in parameters:
            arrays[name] = (("x", name), count)
    return arrays


def _refuse_without_parameters(value: Program, chosen: Iterable[str]) -> None:
    if not any(is_parameter(key) for key in value.inputs):
        raise CostError(
            f"the cost does not depend on {', '.join(chosen)}: what holds it cancels, or lies in a "
            "sum over nothing, "
            "as over (i, n, n - 2); expected ranges that go up, as (i, 0, n - 1)"
        )


# Names


class _Names:
    """What every name in some expressions is used as."""

    def __init__(
        self, expressions: list[sp.Expr], more_limits: list[Limits | None], definitions: Definitions
    ) -> None:
        self.arrays: dict[str, int] = {}
        self.bases: dict[str, sp.IndexedBase] = {}
        self.bound: set[sp.Basic] = set()
        self.where = {str(target.base.label) for target in definitions}
        self._in_indices: set[sp.Basic] = set()
        self._in_lengths: set[sp.Basic] = set()
        self._plain: set[sp.Basic] = set()
        for target in definitions:
            self._array(target)
            self.bound |= set(target.indices)
        everything = list(chain.from_iterable(map(parts, expressions)))
        ranged = [part.limits for part in everything if isinstance(part, RANGED)]
        self._read_limits([*more_limits, *ranged])
        self._read_parts(everything)
        self._refuse_two_of_a_name()
        lengths = self._in_indices | self._in_lengths
        self.sizes = frozenset(map(str, lengths - self.bound))
        self.scalars = set(map(str, self._plain - lengths - self.bound))
        self._refuse_arrays_as_symbols()
        indices = {one for one in self._in_lengths if isinstance(one, sp.Idx)}
        _check_inside(self._in_indices - self._in_lengths | indices, self.bound)

    def _read_limits(self, ranges: Iterable[Limits | None]) -> None:
        """Note what sums run over, and what their bounds hold."""
        for limits in ranges:
            for limit in limits or ():
                self.bound.add(limit[0])
                _check_bounds(limit)
                self._in_lengths |= set().union(*map(_symbols_of, limit[1:]))

    def _read_parts(self, everything: Iterable[sp.Basic]) -> None:
        """Note arrays, with what their indices and shapes hold, and plain symbols."""
        for part in everything:
            if isinstance(part, sp.Indexed):
                self._array(part)
            elif isinstance(part, sp.Symbol | sp.Idx):
                self._plain.add(part)
        for base in self.bases.values():
            self._in_lengths |= set().union(*map(_symbols_of, base.shape or ()))

    def _refuse_two_of_a_name(self) -> None:
        symbols: dict[str, sp.Basic] = {}
        for symbol in self._plain | self._in_indices | self._in_lengths | self.bound:
            if symbols.setdefault(str(symbol), symbol) != symbol:
                raise CostError(
                    f"two different symbols are called {str(symbol)!r} (they differ in their "
                    "assumptions); make each symbol once and use it everywhere"
                )

    def _refuse_arrays_as_symbols(self) -> None:
        symbols = self.scalars | self.sizes | set(map(str, self.bound))
        both = sorted(self.arrays.keys() & symbols)
        if both:
            raise CostError(
                f"{both[0]} is used both as an array and as a plain symbol; give one of them "
                "another name"
            )

    def _array(self, part: sp.Indexed) -> None:
        name, count = str(part.base.label), len(part.indices)
        if self.arrays.setdefault(name, count) != count:
            raise CostError(f"{name} is used with {self.arrays[name]} and with {count} indices")
        shapes = {
            base.shape
            for base in (part.base, self.bases.get(name, part.base))
            if base.shape is not None
        }
        if len(shapes) > 1:
            raise CostError(
                f"{name} is used with the shapes {' and '.join(map(str, shapes))}; make each array "
                "once"
            )
        if shapes == {part.base.shape} or name not in self.bases:
            self.bases[name] = part.base
        self._in_indices |= set().union(*map(_symbols_of, part.indices))


def _check_indexed(expressions: Iterable[sp.Basic]) -> None:
    """Refuse arrays that stand in a value without an index."""
    for part in chain.from_iterable(map(parts, expressions)):
        if isinstance(part, sp.IndexedBase):
            raise array_without_index(part)


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
            f"{outside(symbol)}, or, if it is a size, in a bound of a sum or in IndexedBase(..., "
            f"shape=({symbol},))"
        )


def _check_bounds(limit: sp.Tuple) -> None:
    """Refuse bounds of a sum that are no whole numbers, or too large to be exact."""
    for bound in limit[1:]:
        if bound.has(sp.Indexed):
            raise CostError(
                f"the bound {bound} of the sum over {limit[0]} is looked up in an array; "
                "expected whole numbers, sizes and outer indices"
            )
    numbers = {number: bound for bound in limit[1:] for number in bound.atoms(sp.Number)}
    for number, bound in numbers.items():
        if not number.is_Integer:
            raise CostError(
                f"the sum over {limit[0]} has the bound {bound}; expected whole numbers, indices "
                "and sizes, as in "
                f"({limit[0]}, 0, h) with a size h of its own, given as in J.value(theta, h=2)"
            )
        if abs(number) > LARGEST:
            raise CostError(
                f"the sum over {limit[0]} has the bound {number}; expected at most {LARGEST}"
            )
    _warn_of_falling_bounds(limit)


def _warn_of_falling_bounds(limit: sp.Tuple) -> None:
    """Warn where a sum over nothing is one in SymPy over less than nothing (Karr 1981)."""
    if len(limit) != 3:
        return
    symbol, low, high = limit
    if low.is_Integer and high.is_Integer and high < low - 1:
        warnings.warn(
            f"the sum over {symbol} from {low} to {high} is over nothing, and 0 here; SymPy's own "
            "value of it is minus "
            f"the sum from {high + 1} to {low - 1}. Write ({symbol}, {high}, {low}) for a sum from "
            f"{high} to {low}",
            SymoptWarning,
            stacklevel=4,
        )


def _given(names: _Names, given: list[str]) -> set[str]:
    """Return the names of the data."""
    for name in given:
        if given.count(name) > 1:
            raise CostError(f"the data {name} are given twice")
        if name in names.where:
            raise CostError(f"{name} is given as data and in where; expected one of them")
        if name in names.scalars | names.sizes:
            raise CostError(
                f"data is given for {name}, which is no array; give its value as in J({name}=2)"
            )
        if name not in names.arrays:
            known = did_you_mean(name, names.arrays)
            raise CostError(f"data is given for {name}, which does not occur in the cost{known}")
    return set(given)


def _chosen(names: _Names, params: list[Any] | None, data: set[str]) -> list[str]:
    """Return the names of the parameters, in order."""
    known = (names.arrays.keys() | names.scalars) - data - names.where
    if params is None:
        if not known:
            raise CostError(
                "the cost has no parameters: no symbol or array is left beside data; there is "
                "nothing to optimise"
            )
        return sorted(known)
    result = [base_name(one, "params") for one in params]
    indices = {str(symbol) for symbol in names.bound}
    if not result:
        raise CostError("params is empty: name at least one parameter")
    for name in result:
        if result.count(name) > 1:
            raise CostError(f"the parameter {name!r} is given twice")
        if name in data | names.where:
            raise CostError(
                f"{name} is given as a parameter and {'as data' if name in data else 'in where'}"
            )
        if name in names.sizes:
            raise CostError(
                f"the parameter {name!r} stands in a bound or an index of a sum: it is a size"
            )
        if name in indices:
            raise CostError(
                f"the parameter {name!r} is the index of a sum; expected an array or a symbol"
            )
        if name not in known:
            raise CostError(
                f"the parameter {name!r} does not occur in the "
                f"cost{did_you_mean(name, sorted(known))}"
            )
    return result


def _sample(samples: Any, names: _Names) -> str | None:
    if samples is None:
        return None
    known = {str(symbol) for symbol in names.bound}
    if not isinstance(samples, str | sp.Symbol | sp.Idx) or str(samples) not in known:
        expected = "a cost with a sum"
        if known:
            expected = f"one of {', '.join(sorted(known))}"
        raise CostError(
            f"samples={samples!r}: no sum of the cost runs over it; expected {expected}"
        )
    return str(samples)


def _declared(names: _Names, tables: Tables) -> dict[Name, tuple[Affine, ...]]:
    reader = SumLowering(Graph(), tables)
    return {
        tables.arrays[name][0]: tuple(
            reader.index(length, ("the length", f" of {name}")) for length in base.shape
        )
        for name, base in names.bases.items()
        if base.shape is not None and name in tables.arrays
    }


def _integer_data(value: Program) -> frozenset[str]:
    """Return the names of the data in indices."""
    found: set[str] = set()
    reads = [node.payload.at for node in value.nodes if isinstance(node.payload, Load)]
    stack = list(chain.from_iterable([*reads, *(s.at for s in value.statements)]))
    while stack:
        for atom, _ in stack.pop().terms:
            if isinstance(atom, IndirectIndex):
                found.add(atom.array[1])
                stack.extend(atom.at)
    return frozenset(found)
