"""The symbols and functions that a rule's equations are written in."""

from __future__ import annotations

from typing import Any

import sympy as sp

t = sp.Symbol("t", real=True)
"""The step, counted from 1."""
T = sp.Symbol("T", real=True)
"""The number of steps of the run."""
theta0, grad0 = sp.Symbol("theta_0", real=True), sp.Symbol("g_0", real=True)
"""Where a state may start: at the start of the run, or at its gradient (one more evaluation)."""
theta, n = sp.Symbol("theta", real=True), sp.Symbol("n", real=True)


class OfAllParameters(sp.Function):  # type: ignore[misc]
    """A value that needs all parameters at once; stays unevaluated in the equations."""

    is_real = True
    nargs = 1


class grad(OfAllParameters):  # noqa: N801  it is called like a function
    """The gradient of the cost at a point, in a rule's equations."""

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = rf"\nabla J\left({printer._print(self.args[0])}\right)"
        return rf"\left({text}\right)^{{{exp}}}" if exp else text


class _sum(OfAllParameters):  # noqa: N801
    """The sum over all parameters."""

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = rf"\textstyle\sum_i \left({printer._print(self.args[0])}\right)_i"
        return rf"\left({text}\right)^{{{exp}}}" if exp else text


def dot(u: sp.Expr, v: sp.Expr) -> sp.Expr:
    """Return the inner product over all parameters, for use in a rule."""
    return _sum(sp.sympify(u, strict=True) * v)


def norm(u: sp.Expr) -> sp.Expr:
    """Return the Euclidean norm over all parameters, for use in a rule."""
    return sp.sqrt(dot(u, u))


def mean(u: sp.Expr) -> sp.Expr:
    """Return the mean over all parameters, for use in a rule."""
    return _sum(sp.sympify(u, strict=True)) / n


FILLED_IN = {"grad": grad, "t": t, "T": T, "norm": norm, "dot": dot, "mean": mean}
"""What a rule's function may ask for by name."""
