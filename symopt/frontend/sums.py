"""Sums as loops: SymPy's Sum, Product and Indexed as reductions and reads of arrays.

The range of a sum stays a range: nothing is unrolled, so a program has the same length for any
number of terms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import sympy as sp
from sympy.concrete.expr_with_limits import ExprWithLimits

from symopt.errors import CostError, did_you_mean
from symopt.frontend.eliminated import Eliminated
from symopt.frontend.expressions import Lowering
from symopt.frontend.logarithms import log_over_loops
from symopt.ir.index import Affine, IndirectIndex, Loop, Size, constant, plus, times, variable
from symopt.ir.keys import Constant, Key, SizeValue
from symopt.ir.program import Graph, IndexValue, Load, Name, Program, Statement

Scope = Mapping[sp.Basic, Loop]
"""The sums around a part of the expression: their symbols and loops."""

Role = tuple[str, str]
"""What an index expression stands for, in words before and after it."""


class logsumexp(ExprWithLimits):  # type: ignore[misc]  # noqa: N801  it is called like a function
    """log(sum(exp(expr))) over a range, without overflow.

    Computed as M + log(sum(exp(expr - M))) with M the largest expr; its derivative is the softmax.
    Where ``expr`` holds a sum, its values are stored and computed once.

    Parameters
    ----------
    expr
        What is exponentiated.
    *limits
        As in ``sympy.Sum``: (k, 0, K - 1).

    Examples
    --------
    >>> import sympy as sp, symopt as so
    >>> k, K = sp.symbols("k K", integer=True)
    >>> x = sp.IndexedBase("x")
    >>> J = so.Cost(so.logsumexp(x[k], (k, 0, K - 1)), params=x)
    >>> J.value([1000.0, 1000.0]).round(4), J.grad([1000.0, 1000.0])
    (np.float64(1000.6931), array([0.5, 0.5]))
    """

    is_real = True

    def __new__(cls, expr: Any, *limits: Any, **assumptions: Any) -> Self:
        """Return it with its limits as SymPy keeps them, or say which of them has no range."""
        try:
            return super().__new__(cls, expr, *limits, **assumptions)  # type: ignore[no-any-return]
        except sp.SympifyError:
            raise
        except ValueError:
            raise _without_range(expr, limits) from None

    def doit(self, **hints: Any) -> sp.Expr:
        """Return it written out by its definition."""
        return sp.log(sp.Sum(sp.exp(self.function), *self.limits).doit(**hints))

    def _latex(self, printer: Any) -> str:
        return printer._print(sp.log(sp.Sum(sp.exp(self.function, evaluate=False), *self.limits)))  # type: ignore[no-any-return]


def _without_range(expression: Any, limits: Sequence[Any]) -> CostError:
    for limit in limits:
        if isinstance(limit, tuple | list | sp.Tuple) and len(limit):
            symbol, *bounds = limit
        else:
            symbol, *bounds = (limit,)
        if len(bounds) != 2 or None in bounds:
            return CostError(
                f"the sum over {symbol} has no range; expected ({symbol}, first, last)"
            )
    given = ", ".join(map(str, (expression, *limits)))
    return CostError(
        f"logsumexp({given}): expected a range for each index, as in logsumexp(x[i], (i, first, "
        "last))"
    )


RANGES = {sp.Sum: "sum", sp.Product: "prod"}


@dataclass
class Tables:
    """What the names in an expression stand for.

    Attributes
    ----------
    arrays
        Every array by the name of its ``IndexedBase``: its kind and name, and how many indices it
        takes.
    scalars
        Parameters that are plain symbols.
    sizes
        The names of symbols that stand for lengths.
    loops
        Every loop met, by what it is known by; filled while lowering.
    stored
        Statements that fill ``where`` arrays, in the order of computing; filled while lowering.
    """

    arrays: Mapping[str, tuple[Name, int]]
    scalars: frozenset[str]
    sizes: frozenset[str]
    loops: dict[Any, Loop] = field(default_factory=dict)
    stored: list[tuple[Statement, int]] = field(default_factory=list)

    def loop(self, symbol: sp.Basic, low: Affine, high: Affine, scope: Scope) -> Loop:
        """Return the loop of a sum: one for all sums over the same symbol and range.

        Another one where that stands outside a loop of the scope elsewhere, so that an inner loop
        always has the greater order.
        """
        depth = 0
        while True:
            key = (str(symbol), low, high, depth)
            if key not in self.loops:
                self.loops[key] = Loop(len(self.loops), f"{symbol}{depth or ''}", low, high)
            if all(outer < self.loops[key] for outer in scope.values()):
                return self.loops[key]
            depth += 1


class SumLowering(Lowering):
    """Lowers what stands inside the same sums.

    ``near`` reads NaN beside an array, in branches that are not taken.
    """

    def __init__(
        self, graph: Graph, tables: Tables, scope: Scope | None = None, near: bool = False
    ) -> None:
        super().__init__(graph, self._symbol)
        self.tables, self.scope, self.near = tables, dict(scope or {}), near
        self.inner: dict[Any, SumLowering] = {}

    def within(self, scope: Scope, near: bool) -> SumLowering:
        """Return the lowering of what stands in other sums."""
        key = (tuple(scope.items()), near)
        if key not in self.inner:
            self.inner[key] = SumLowering(self.graph, self.tables, scope, near)
        return self.inner[key]

    def _children(self, part: sp.Basic) -> list[sp.Basic]:
        if isinstance(part, (*RANGES, logsumexp, sp.Indexed)) or self._is_choice_of_index(part):
            return []
        return super()._children(part)

    def _node(self, part: sp.Basic) -> int:
        if isinstance(part, sp.Indexed):
            return self.graph.input(self._read(part))
        if isinstance(part, logsumexp):
            return self._logsumexp(part)
        if part.func in RANGES:
            return self._reduction(RANGES[part.func], part.function, part.limits)
        if self._is_choice_of_index(part):
            return self.within(self.scope, near=True)(part)
        if part in self.scope:  # an Idx, which is no Symbol
            return self._symbol(part)
        return super()._node(part)

    def _is_choice_of_index(self, part: sp.Basic) -> bool:
        """Return whether a Piecewise chooses by an index, so that it may read outside."""
        if self.near or not isinstance(part, sp.Piecewise):
            return False
        return any(
            condition.atoms(sp.Symbol, sp.Idx) & set(self.scope) for _, condition in part.args
        )

    def _symbol(self, symbol: sp.Basic) -> int:
        name = str(symbol)
        if symbol in self.scope:
            return self.graph.input(IndexValue(variable(self.scope[symbol])))
        if name in self.tables.sizes:
            return self.graph.input(SizeValue(name))
        if name in self.tables.scalars:
            return self.graph.input(Load(("x", name), ()))
        if isinstance(symbol, sp.Idx):
            raise outside(symbol)
        return self.graph.input(Constant(name))

    # Sums

    def _reduction(self, op: str, body: sp.Expr, limits: Sequence[sp.Tuple]) -> int:
        scope, loops = self._opened(limits)
        node = self.within(scope, self.near)(body)
        for loop in reversed(loops):
            node = self.graph.reduce(op, loop, node)
        return node

    def _opened(self, limits: Sequence[sp.Tuple]) -> tuple[Scope, list[Loop]]:
        """Return the scope inside limits, and the loops from outside in."""
        scope, loops = dict(self.scope), []
        for limit in reversed(limits):
            if len(limit) != 3:
                raise CostError(
                    f"the sum over {limit[0]} has no range; expected ({limit[0]}, first, last)"
                )
            symbol, low, high = limit
            inside = self.within(dict(scope), self.near)
            role = ("the bound", f" of the sum over {symbol}")
            scope[symbol] = self.tables.loop(
                symbol, inside.index(low, role), inside.index(high, role), scope
            )
            loops.append(scope[symbol])
        return scope, loops

    def _logsumexp(self, part: logsumexp) -> int:
        scope, loops = self._opened(part.limits)
        body = self.within(scope, self.near)(part.function)
        if any(node.op in ("sum", "prod") for node in self.graph.reachable(body)):
            body = self._kept(body)
        return log_over_loops(self.graph, self.graph.const(1.0), body, loops=loops)

    def _kept(self, body: int) -> int:
        """Return a read of an array that stores the values of a node for all its loops."""
        loops = tuple(sorted(self.graph.loops(body)))
        at = tuple(
            plus(variable(loop), loop.low, -1) if not loop.low.terms else variable(loop)
            for loop in loops
        )
        name = ("where", f"logsumexp {len(self.tables.stored)}")
        self.tables.stored.append((Statement("define", name, at, loops, ("where", name[1])), body))
        return self.graph.input(Load(name, at))

    # Indices

    def _read(self, part: sp.Indexed) -> Load:
        label = str(part.base.label)
        if label not in self.tables.arrays:
            raise CostError(
                f"{part} is neither a parameter nor data{did_you_mean(label, self.tables.arrays)}; "
                f"name {label} in params, or give its values as in data={{{label}: array}}"
            )
        name, indices = self.tables.arrays[label]
        if len(part.indices) != indices:
            raise CostError(f"{part} has {len(part.indices)} index(es); {label} takes {indices}")
        return Load(name, tuple(self.index(index) for index in part.indices), self.near)

    def index(self, expression: sp.Basic, role: Role = ("the index", "")) -> Affine:
        """Return an index expression, or what has another role, as an affine one.

        Raises
        ------
        CostError
            If it is not affine, or holds a symbol that is no index here.
        """
        if expression in self.scope:
            return variable(self.scope[expression])
        if expression.is_Integer:
            return constant(int(expression))
        if isinstance(expression, sp.Indexed):
            return self._lookup(expression, role)
        if expression.is_Symbol or isinstance(expression, sp.Idx):
            if str(expression) not in self.tables.sizes:
                raise outside(expression)
            return variable(Size(str(expression)))
        if expression.is_Add:
            result = constant(0)
            for term in expression.args:
                result = plus(result, self.index(term, role))
            return result
        return self._multiple(expression, role)

    def _multiple(self, expression: sp.Basic, role: Role) -> Affine:
        factor, rest = expression.as_coeff_Mul()
        if not factor.is_Integer or rest == expression:
            if isinstance(expression, sp.Max | sp.Min):
                raise _extreme_index(expression, role)
            raise CostError(
                f"{role[0]} {expression}{role[1]} is not affine; expected whole multiples of "
                "indices and sizes, "
                "as in 2*i + 1, or a look-up in integer data, as in c[k]"
            )
        return times(self.index(rest, role), int(factor))

    def _lookup(self, part: sp.Indexed, role: Role) -> Affine:
        name, at, _ = self._read(part)
        if name[0] != "data":
            raise CostError(
                f"{role[0]} {part}{role[1]} is not data: only integer data can choose an entry"
            )
        return variable(IndirectIndex(name, at))


def outside(symbol: sp.Basic) -> CostError:
    """Return the error of an index that no sum around it runs over."""
    return CostError(
        f"{symbol} is used as an index outside a sum over {symbol}; "
        f"expected it inside sympy.Sum(..., ({symbol}, first, last))"
    )


def _extreme_index(expression: sp.Basic, role: Role) -> CostError:
    return CostError(
        f"{role[0]} {expression}{role[1]} is not affine; expected Max(...) only as the first and "
        "Min(...) only as the last of a Sum or Product; elsewhere write conditions, as in "
        "sympy.Piecewise((x[i], i < n), (0, True))"
    )


def _eliminate(
    lowering: SumLowering, target: sp.Indexed, value: Eliminated
) -> tuple[Statement, int]:
    """Return the statement of an inverse or a determinant, and what it reads."""
    name = lowering.tables.arrays[str(target.base.label)][0]
    source = lowering.graph.input(lowering._read(value.source))
    last = (lowering.index(value.rows - 1), lowering.index(value.size - 1))
    return Statement(value.kind, name, last, (), ("where", name[1])), source


def lower_sums(expression: sp.Expr, tables: Tables, where: Mapping[sp.Indexed, Any]) -> Program:
    """Return the program of a cost with sums: ``"J"``, and what fills its ``where`` arrays.

    ``where`` maps H[k, j] to its expression and limits, in an order in which they can be computed.
    """
    graph = Graph()
    lowering = SumLowering(graph, tables)
    for target, (value, limits) in where.items():
        if isinstance(value, Eliminated):
            tables.stored.append(_eliminate(lowering, target, value))
            continue
        scope, loops = lowering._opened(limits)
        inside = lowering.within(scope, near=False)
        name = tables.arrays[str(target.base.label)][0]
        at = tuple(inside.index(index) for index in target.indices)
        body = inside(value)
        tables.stored.append(
            (Statement("define", name, at, tuple(loops), ("where", name[1])), body)
        )
    outputs: dict[Key, int] = {"J": lowering(expression)}
    outputs |= {statement.key: node for statement, node in tables.stored}
    return graph.program(outputs, [statement for statement, _ in tables.stored])
