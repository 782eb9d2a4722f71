"""What may be a cost: its symbols and numbers, checked and made real at the door."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import sympy as sp

from symopt.costs.sympy_failures import FAILURES, ask_sympy
from symopt.errors import CostError, SymoptWarning, did_you_mean
from symopt.frontend.sums import logsumexp
from symopt.validation import read_numbers

LONGEST_SUM = 5000  # terms of a sum that is looked at for squares
DEEPEST_NUMBER = 30  # levels of an expression without symbols that SymPy is asked about
LONG = 600  # operations of an unrolled cost and its gradient above which the Sum form is named
EVALUATED = (sp.Add, sp.Mul, sp.Pow, sp.Function, sp.Max, sp.Min, sp.core.relational.Relational)
"""Kinds that can be built without evaluation."""
RANGED = (sp.Sum, sp.Product, logsumexp)
IMPOSSIBLE = {
    sp.I: "the imaginary unit I (as sqrt(-1) gives it): costs are real",
    sp.zoo: "zoo, a division by zero",
    sp.oo: "oo, an infinite number",
    sp.nan: "nan, a value that does not exist",
}


def scalar(expression: Any) -> sp.Expr:
    """Check that a cost is a scalar SymPy expression."""
    if isinstance(expression, str):
        raise CostError(
            f"the cost is the text {expression[:60]!r}; use so.parse(text), which reads text safely"
        )
    if isinstance(expression, sp.MatrixBase) and expression.shape == (1, 1):
        return expression[0, 0]
    if isinstance(expression, bool | int | float) or not isinstance(expression, sp.Expr):
        raise CostError(
            f"the cost is {expression!r}, a {type(expression).__name__}; expected a scalar SymPy "
            "expression"
        )
    return expression


def walk(expression: sp.Basic) -> Iterable[sp.Basic]:
    """Give every different part of an expression, without recursion."""
    seen, stack = set(), [expression]
    while stack:
        part = stack.pop()
        if part not in seen:
            seen.add(part)
            yield part
            stack.extend(part.args)


def parts(expression: sp.Basic) -> Iterator[sp.Basic]:
    """Give every part of an expression that stands for a value: no bounds, no plain indices."""
    seen, stack = set(), [expression]
    while stack:
        part = stack.pop()
        if part in seen:
            continue
        seen.add(part)
        yield part
        if isinstance(part, sp.Indexed):
            for index in part.indices:
                stack.extend(index.atoms(sp.Indexed))
        elif isinstance(part, RANGED):
            stack.append(part.function)
        else:
            stack.extend(part.args)


def mapping(value: Any, what: str, example: str) -> Mapping[Any, Any]:
    """Check that a value is a mapping; None is an empty one, a DataFrame one of its columns."""
    if value is None:
        return {}
    if hasattr(value, "columns") and hasattr(value, "to_numpy"):  # a DataFrame
        return {str(name): value[name] for name in value.columns}
    if not isinstance(value, Mapping):
        raise CostError(
            f"{what}={repr(value)[:80]}, a {type(value).__name__}; expected a mapping, as in "
            f"{example}"
        )
    return value


def array_without_index(base: sp.IndexedBase) -> CostError:
    """Return the error of an array that stands where a number is expected."""
    return CostError(f"{base} is an array: give it an index, as in {base}[i]")


def free_symbols(expression: sp.Expr) -> dict[str, sp.Symbol]:
    """Return the free symbols by name."""
    found: dict[str, sp.Symbol] = {}
    for part in walk(expression):
        if isinstance(part, sp.IndexedBase):
            raise array_without_index(part)
        if isinstance(part, sp.Symbol) and found.setdefault(part.name, part) != part:
            raise CostError(
                f"two different symbols are called {part.name!r} (they differ in their "
                "assumptions); "
                "make each symbol once and use it everywhere"
            )
    if not found:
        raise CostError(f"the cost {expression} has no symbols: there is nothing to optimise")
    return found


def reject_impossible(expression: sp.Expr) -> None:
    """Refuse what is not real and finite."""
    numbers = _numbers(expression)
    for part in walk(expression):
        for value, words in IMPOSSIBLE.items():
            if part in (value, -value):
                raise CostError(f"the cost holds {words}; in {str(expression)[:80]}")
        if isinstance(part, sp.Pow | sp.Function) and part in numbers and _is_not_real(part):
            raise CostError(f"the cost holds {part}, which is not a real number; costs are real")


def _is_not_real(number: sp.Basic) -> bool:
    """Ask SymPy whether a number is known not to be real; where it fails, nothing is known."""
    return ask_sympy(lambda: number.is_extended_real is False, False)


def _numbers(expression: sp.Basic) -> set[sp.Basic]:
    """Return the parts without a symbol, but those nested too deep for SymPy."""
    heights: dict[sp.Basic, float] = {}  # infinite where there is a symbol
    stack = [(expression, False)]
    while stack:
        part, ready = stack.pop()
        if ready:
            alone = part.is_Symbol or isinstance(
                part, sp.Indexed | sp.IndexedBase | sp.MatrixSymbol
            )
            if alone:
                heights[part] = math.inf
            else:
                heights[part] = 1 + max((heights[arg] for arg in part.args), default=0)
        elif part not in heights:
            stack.append((part, True))
            stack.extend((arg, False) for arg in part.args)
    return {part for part, height in heights.items() if height <= DEEPEST_NUMBER}


def parameters(symbols: dict[str, sp.Symbol], params: list[Any] | None) -> tuple[sp.Symbol, ...]:
    """Return the parameters as real symbols, checked against what occurs."""
    if params is None:
        names = sorted(symbols)
    else:
        if not params:
            raise CostError("params is empty: name at least one parameter")
        names = [_parameter_name(p, symbols) for p in params]
    for name, count in Counter(names).items():
        if count > 1:
            raise CostError(f"the parameter {name!r} is given twice")
    return tuple(sp.Symbol(name, real=True) for name in names)


def _parameter_name(parameter: Any, symbols: dict[str, sp.Symbol]) -> str:
    if isinstance(parameter, str):
        name = parameter
    elif isinstance(parameter, sp.Symbol):
        name = parameter.name
        if name in symbols and symbols[name] != parameter:
            raise CostError(
                f"the parameter {name!r} and the symbol {name!r} in the cost differ in their "
                "assumptions; "
                "make the symbol once and use it in both"
            )
    elif isinstance(parameter, sp.IndexedBase):
        raise array_without_index(parameter)
    else:
        raise CostError(
            f"the parameter {parameter!r} is a {type(parameter).__name__}; expected a symbol or "
            "its name"
        )
    if name not in symbols:
        raise CostError(
            f"the parameter {name!r} does not occur in the cost{did_you_mean(name, symbols)}"
        )
    return name


def make_real(expression: sp.Expr, symbols: dict[str, sp.Symbol]) -> sp.Expr:
    """Replace every symbol by a real one of the same name."""
    real = {symbol: sp.Symbol(name, real=True) for name, symbol in symbols.items()}
    if all(symbol == new for symbol, new in real.items()):
        return expression  # replacing would let SymPy rewrite what was meant to stay as it is
    try:
        result = expression.xreplace(real)
    except RecursionError:
        return expression  # nested more deeply than SymPy can rebuild; the programs do not mind
    except FAILURES:  # of what SymPy works out anew, as 1/(x - x) in a Max that was not evaluated
        result = _replace_as_written(expression, real)
    reject_impossible(result)
    return result


def _replace_as_written(expression: sp.Expr, new: Mapping[sp.Symbol, sp.Symbol]) -> sp.Expr:
    """Replace symbols bottom up; SymPy evaluates nothing in what holds them."""
    made: dict[sp.Basic, Any] = dict(new)
    stack: list[sp.Basic] = [expression]
    while stack:
        part = stack[-1]
        missing = [arg for arg in part.args if arg not in made]
        if missing and part not in made:
            stack.extend(missing)
            continue
        stack.pop()
        if part not in made:
            made[part] = _with_args(part, [made[arg] for arg in part.args])
    return made[expression]


def _with_args(part: sp.Basic, args: list[sp.Basic]) -> sp.Basic:
    """Give a part other arguments, without evaluation where its kind has that choice."""
    if tuple(args) == part.args:
        return part
    if isinstance(part, EVALUATED):
        return part.func(*args, evaluate=False)
    return part.func(*args)


def read_constants(
    wanted: Iterable[str], params: Iterable[str], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Read the values of the wanted constants; each is given and finite."""
    missing = [name for name in wanted if name not in values]
    if missing:
        raise CostError(
            f"missing: {', '.join(missing)}. Give a value, as in J({missing[0]}=1.0); "
            f"or name it among params={list(params)} if it is to be optimised"
        )
    for name in wanted:
        expected = "a number or an array of numbers"
        read_numbers(values[name], f"constant {name}", expected, error=CostError)
    return {name: values[name] for name in wanted}


def optimum(value: Any) -> float:
    """Check the smallest value of a cost, one finite number."""
    array = read_numbers(value, "optimal_value", "a number", error=CostError)
    if array.ndim:
        raise CostError(f"optimal_value has shape {array.shape}; expected a number")
    return float(array)


def sum_of_squares(
    expression: sp.Expr, params: Iterable[sp.Symbol]
) -> list[tuple[sp.Expr, sp.Expr]]:
    """Return the pairs (c, r) of a sum of c*r**2, c free of parameters; else none."""
    free = set(params)
    return ask_sympy(lambda: _squares(expression, free), [])


def has_constant_term(expression: sp.Expr, params: Iterable[sp.Symbol]) -> bool:
    """Return whether an expression is a sum of which a term holds no parameter."""
    terms = sp.Add.make_args(sp.expand_mul(expression, deep=False))
    return any(not term.has(*params) for term in terms)


def _squares(expression: sp.Expr, free: set[sp.Symbol]) -> list[tuple[sp.Expr, sp.Expr]]:
    pairs: list[tuple[sp.Expr, sp.Expr]] = []
    if _terms(expression) > LONGEST_SUM:
        return pairs
    for term in sp.Add.make_args(sp.expand_mul(expression, deep=False)):
        factor, moving = term.as_independent(*free, as_Add=False)
        powers = [part.as_base_exp() for part in sp.Mul.make_args(moving) if part != 1]
        if not all(
            exponent.is_Integer and exponent.is_even and exponent > 0 for _, exponent in powers
        ):
            return []
        if powers:  # a constant term has no slope
            pairs.append((factor, sp.Mul(*(base ** (exponent / 2) for base, exponent in powers))))
    return pairs


def _terms(expression: sp.Expr) -> int:
    """Return how many terms a sum has once its outermost products are multiplied out."""
    return sum(
        math.prod(len(sp.Add.make_args(factor)) for factor in sp.Mul.make_args(term))
        for term in sp.Add.make_args(expression)
    )


def warn_if_unrolled(operations: int) -> None:
    """Say once how an expression that is long because it was written out can be a loop."""
    if operations > LONG:
        warnings.warn(
            f"the cost has {operations} operations written out, which compile slowly; a sum can "
            "stay a loop for any "
            'number of terms: x, i, n = sp.IndexedBase("x"), *sp.symbols("i n", integer=True); '
            "so.Cost(sp.Sum((x[i + 1] - x[i])**2, (i, 0, n - 2)), params=x)",
            SymoptWarning,
            stacklevel=3,
        )
