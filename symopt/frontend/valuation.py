"""The 2-adic valuation: how often a whole number can be halved."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symopt.ir.program import Graph


class valuation(sp.Function):  # type: ignore[misc]  # noqa: N801
    """The exponent of 2 in a whole number up to 2**53: 0, 1, 0, 2, 0, 1, 0, 3, ...

    Examples
    --------
    >>> from symopt.frontend.valuation import valuation
    >>> [valuation(k) for k in range(1, 9)]
    [0, 1, 0, 2, 0, 1, 0, 3]
    """

    is_real = True
    nargs = 1

    @classmethod
    def eval(cls, number: sp.Expr) -> sp.Expr | None:
        """Return the value for a number."""
        if number.is_Integer and number > 0:
            return sp.Integer(sp.multiplicity(2, number))
        return None

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = rf"\nu_2\left({printer._print(self.args[0])}\right)"
        if exp:
            return rf"{text}^{{{exp}}}"
        return text


def build_valuation(graph: Graph, number: int) -> int:
    """Build the valuation: it is halved 32, 16, ... times at once where that leaves it whole."""
    count, zero = graph.const(0.0), graph.const(0.0)
    for times in (32, 16, 8, 4, 2, 1):
        part = graph.op("mul", number, graph.const(2.0**-times))
        whole = graph.op("eq", part, graph.op("floor", part))
        number = graph.op("select", whole, part, number)
        count = graph.op("add", count, graph.op("select", whole, graph.const(float(times)), zero))
    return count
