"""A barrier in an expression: what stands inside is a number of its own."""

from __future__ import annotations

import sympy as sp


class rounded(sp.Function):  # type: ignore[misc]  # noqa: N801
    """The same value, which SymPy does not merge with what is around it.

    So the operations inside are rounded as they would be without the rest: adding 0 to it, or
    taking it times 1, changes no bit.
    """

    is_real = True
    nargs = 1


def bare(expression: sp.Expr) -> sp.Expr:
    """Return an expression without its barriers."""
    return expression.replace(rounded, lambda part: part)
