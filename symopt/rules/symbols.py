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


class GlobalReduction(sp.Function):  # type: ignore[misc]
    """A value that needs all parameters at once; stays unevaluated in the equations."""

    is_real = True
    nargs = 1


class grad(GlobalReduction):  # noqa: N801  it is called like a function
    """The gradient of the cost at a point, in a rule's equations."""

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = rf"\nabla J\left({printer._print(self.args[0])}\right)"
        if exp:
            return rf"\left({text}\right)^{{{exp}}}"
        return text


class _sum(GlobalReduction):  # noqa: N801
    """The sum over all parameters."""

    def _sympystr(self, printer: Any) -> str:
        return f"sum({printer._print(self.args[0])})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = rf"\textstyle\sum_i \left({printer._print(self.args[0])}\right)_i"
        if exp:
            return rf"\left({text}\right)^{{{exp}}}"
        return text


class value(GlobalReduction):  # noqa: N801
    """The cost at a point."""

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = rf"J\left({printer._print(self.args[0])}\right)"
        if exp:
            return rf"{text}^{{{exp}}}"
        return text


class Matrix(sp.Function):  # type: ignore[misc]
    """A matrix of all parameters, at a point; it stands in the first argument of ``solve`` only."""

    is_real = True
    nargs = 1


class hessian(Matrix):  # noqa: N801
    """The Hessian of the cost at a point."""

    def _latex(self, printer: Any, exp: str | None = None) -> str:  # noqa: ARG002
        return rf"\nabla^2 J\left({printer._print(self.args[0])}\right)"


class gauss_newton(Matrix):  # noqa: N801
    """The Gauss-Newton matrix 2*c*sum(r_i' r_i'^T) of the cost c*sum(r_i**2)."""

    def _latex(self, printer: Any, exp: str | None = None) -> str:  # noqa: ARG002
        return rf"2 c\, r'^{{T}} r'\left({printer._print(self.args[0])}\right)"


class solve(GlobalReduction):  # noqa: N801
    """The solution u of A u = v, with A = a*hessian(point) + b*identity + c*diagonal."""

    nargs = 2

    def __new__(cls, *arguments: Any, **options: Any) -> Any:
        """Refuse what is not called, as the matrix in solve(hessian, v)."""
        if any(isinstance(argument, type) for argument in arguments):
            raise TypeError("a function is not called; expected solve(hessian(theta), v)")
        return super().__new__(cls, *arguments, **options)

    def _latex(self, printer: Any, exp: str | None = None) -> str:  # noqa: ARG002
        matrix, right = (printer._print(arg) for arg in self.args)
        return rf"\left[{matrix}\right]^{{-1}} {right}"


class hvp(GlobalReduction):  # noqa: N801
    """The Hessian of the cost at a point, times a vector."""

    nargs = 2

    def __new__(cls, *arguments: Any, **options: Any) -> Any:
        """Refuse what is not called, as the gradient in hvp(theta, grad)."""
        if any(isinstance(argument, type) for argument in arguments):
            raise TypeError("a function is not called; expected hvp(theta, grad(theta))")
        return super().__new__(cls, *arguments, **options)

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        point, vector = (printer._print(arg) for arg in self.args)
        text = rf"\nabla^2 J\left({point}\right) \left[{vector}\right]"
        if exp:
            return rf"\left({text}\right)^{{{exp}}}"
        return text


class normal(sp.Function):  # type: ignore[misc]  # noqa: N801
    """Standard normal numbers, one a coordinate and step; each draw is independent."""

    is_real = True
    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = rf"\xi_{{{printer._print(self.args[0])}}}"
        if exp:
            return rf"{text}^{{{exp}}}"
        return text


def dot(u: sp.Expr, v: sp.Expr) -> sp.Expr:
    """Return the inner product over all parameters, for use in a rule."""
    return _sum(sp.sympify(u, strict=True) * v)


def norm(u: sp.Expr) -> sp.Expr:
    """Return the Euclidean norm over all parameters, for use in a rule."""
    return sp.sqrt(dot(u, u))


def mean(u: sp.Expr) -> sp.Expr:
    """Return the mean over all parameters, for use in a rule."""
    return _sum(sp.sympify(u, strict=True)) / n


identity, diagonal = sp.Symbol("I", real=True), sp.Symbol("diagonal", real=True)
"""The identity and the diagonal of a matrix, for damping it."""
optimal_value = sp.Symbol("J_*", real=True)
"""The smallest value of the cost."""

FILLED_IN = {
    "grad": grad,
    "t": t,
    "T": T,
    "n": n,
    "norm": norm,
    "dot": dot,
    "mean": mean,
    "value": value,
    "normal": normal,
    "hessian": hessian,
    "gauss_newton": gauss_newton,
    "solve": solve,
    "hvp": hvp,
    "identity": identity,
    "diagonal": diagonal,
    "optimal_value": optimal_value,
    "let": None,
}
"""What a rule's function may ask for by name; ``let`` and ``normal`` anew each time."""
NEEDS = ("hessian", "gauss_newton", "optimal_value")
"""What not every cost has: a rule that asks for one of these says so in ``needs``."""
