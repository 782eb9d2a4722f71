"""What a cost cannot hold, said with what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef

from symopt.errors import UnsupportedError

TIME = "t"  # of dynamicsymbols
LONGEST = 80  # characters of an expression that is shown
SYMPY_NAMES = {
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arctan2": "atan2",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
    "ln": "log",
    "abs": "Abs",
    "fabs": "Abs",
    "max": "Max",
    "min": "Min",
    "mod": "Mod",
    "lgamma": "loggamma",
    "gammaln": "loggamma",
    "psi": "digamma",
    "ceil": "ceiling",
    "step": "Heaviside",
    "sgn": "sign",
}
"""What SymPy calls a function that others call by another name."""
BY_NODES = (
    "write its integral as a sum over nodes, sympy.Sum(w[k]*f(t[k]), (k, 0, n - 1)), with t and w "
    "of numpy.polynomial.legendre.leggauss as data"
)
BY_STEPS = "write a few steps of Newton's method out, from a start that is near"
BY_TERMS = "write the first terms of its series as a sum, as sympy.Sum(x**k/k**2, (k, 1, 60))"
CURES: dict[Any, str] = {
    sp.Integral: f"SymPy finds no closed form; {BY_NODES}",
    sp.Sum: "write the terms out with .doit()",
    sp.Product: "write the factors out with .doit()",
    sp.Order: "take it off with .removeO()",
    sp.besselj: "write its series, sympy.Sum((-1)**k*(x/2)**(2*k + n)/(factorial(k)*factorial(k + n"
    ")), (k, 0, 30)) of besselj(n, x) for |x| up to 8",
    sp.besseli: "write its series, sympy.Sum((x/2)**(2*k + n)/(factorial(k)*factorial(k + n)), (k, "
    "0, 30)) of besseli(n, x) for |x| up to 8",
    (sp.hyper, sp.meijerg, sp.polylog, sp.zeta, sp.dirichlet_eta, sp.lerchphi): BY_TERMS,
    (sp.LambertW, sp.erfinv, sp.erfcinv, sp.erf2inv): BY_STEPS,
    (
        *(sp.Si, sp.Ci, sp.Shi, sp.Chi, sp.Ei, sp.li, sp.Li, sp.expint, sp.erfi),
        *(sp.fresnels, sp.fresnelc, sp.lowergamma, sp.uppergamma),
        *(sp.elliptic_k, sp.elliptic_e, sp.elliptic_f, sp.elliptic_pi),
        *(sp.bessely, sp.besselk, sp.airyai, sp.airybi),
    ): BY_NODES,
}
"""What is written instead, by kind."""


def is_refused(part: Any) -> bool:
    """Return whether a part is refused before its arguments are looked at."""
    return isinstance(part, REFUSED) or type(part).__name__ in ARRAYS


def no_machine_code(part: Any, known: Iterable[str]) -> UnsupportedError:
    """Return the error that names a part without machine code, and where it stands."""
    if type(part).__name__ in ARRAYS:
        return UnsupportedError(_array(part))
    for kind, words in WORDS:
        if isinstance(part, kind):
            return UnsupportedError(words(part))
    text = _short(part)
    return UnsupportedError(
        f"{part.func.__name__} is not supported, in {text}; {_cure(part, known)}"
    )


def _cure(part: Any, known: Iterable[str]) -> str:
    if isinstance(part, sp.Function):
        expanded = sp.expand_func(part)
        if not expanded.has(type(part), sp.I):
            return f"sympy.expand_func writes it as {_short(expanded)}"
    for kinds, cure in CURES.items():
        if isinstance(part, kinds):
            return cure
    return f"supported: {', '.join(sorted(known))}"


def _short(part: Any) -> str:
    text = str(part)
    if len(text) <= LONGEST:
        return text
    return f"{text[:LONGEST]}..."


def _undefined(part: Any) -> str:
    """Say what an undefined function stands for, by its name and its arguments."""
    name, arguments = part.func.__name__, ", ".join(map(str, part.args))
    what = f"{part} is a function without a definition"
    own = SYMPY_NAMES.get(name)
    if own is not None:
        return f"{what}; SymPy calls it {own}: write sympy.{own}({arguments})"
    if arguments == TIME:
        return (
            f"{part} is a function of time, as dynamicsymbols gives; expected a number: put a "
            f"symbol in its place, expression.subs({part}, sympy.Symbol({name!r}))"
        )
    near = difflib.get_close_matches(name, [one for one in dir(sp) if one.islower()], n=1)
    if near and len(name) > 2 and not all(arg.is_integer for arg in part.args):
        return f"{what} (did you mean sympy.{near[0]}?)"
    return (
        f"{what}; for the entries of an array write {name} = sympy.IndexedBase({name!r}) and "
        f"{name}[{arguments}]; for a function write its formula"
    )


def _derivative(part: sp.Derivative) -> str:
    function = part.expr
    if not isinstance(function, AppliedUndef):
        return _not_worked_out(part)
    symbol = f"{function.func.__name__}_dot"
    return (
        f"{part} is the derivative of a function without a definition, as dynamicsymbols gives; "
        f"expected a number: put a symbol in its place, expression.subs({part}, "
        f"sympy.Symbol({symbol!r})), before one is put for {function}"
    )


def _not_worked_out(part: Any) -> str:
    return f"SymPy does not work out {_short(part)}; expected its formula"


def _array(part: Any) -> str:
    """Say how an ArraySymbol is written; an entry A[i, j] has it as its name."""
    array = part
    if type(part).__name__ == "ArrayElement":
        array = part.name
    return (
        f"{array} is a sympy ArraySymbol; expected an array with indices: {array} = "
        f"sympy.IndexedBase({str(array)!r}, shape={array.shape}), as in {array}[i, j]"
    )


WORDS: list[tuple[Any, Callable[[Any], str]]] = [
    (AppliedUndef, _undefined),
    (sp.Derivative, _derivative),
    (sp.Subs, _not_worked_out),
]
"""By kind: what has words of its own."""
REFUSED = (
    *(AppliedUndef, sp.Derivative, sp.Subs),
    *(sp.Integral, sp.Sum, sp.Product, sp.Order),
)
ARRAYS = ("ArraySymbol", "ArrayElement")
"""By name, for SymPy takes long to import them."""
