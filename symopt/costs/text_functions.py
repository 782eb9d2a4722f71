"""The functions that a text may call, other names of them, and what to write for others."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from itertools import takewhile
from typing import Any

import mpmath
import sympy as sp
from sympy.codegen.cfunctions import hypot

from symopt.costs.text_arithmetic import (
    Part,
    applied,
    check_value,
    inverted,
    negative,
    power,
    product,
    real_root,
    total,
    work_out,
)
from symopt.costs.text_conditions import as_number, choose, compare
from symopt.errors import ParseError

ONE, TWO, THREE = (Part(sp.Integer(k), float(k)) for k in (1, 2, 3))
LOG_TWO, LOG_TEN = (Part(sp.log(k), math.log(k)) for k in (2, 10))

FUNCTIONS: dict[str, tuple[Callable[..., sp.Expr], Callable[[float], Any]]] = {
    "sqrt": (lambda x, evaluate: sp.Pow(x, sp.S.Half, evaluate=evaluate), math.sqrt),
    "exp": (sp.exp, math.exp),
    "log": (sp.log, math.log),
    "ln": (sp.log, math.log),
    "abs": (sp.Abs, abs),
    "sign": (sp.sign, lambda x: (x > 0) - (x < 0)),
    "erf": (sp.erf, math.erf),
    "erfc": (sp.erfc, math.erfc),
    "floor": (sp.floor, math.floor),
    "ceil": (sp.ceiling, math.ceil),
    "sin": (sp.sin, math.sin),
    "cos": (sp.cos, math.cos),
    "tan": (sp.tan, math.tan),
    "asin": (sp.asin, math.asin),
    "acos": (sp.acos, math.acos),
    "atan": (sp.atan, math.atan),
    "sinh": (sp.sinh, math.sinh),
    "cosh": (sp.cosh, math.cosh),
    "tanh": (sp.tanh, math.tanh),
    "asinh": (sp.asinh, math.asinh),
    "acosh": (sp.acosh, math.acosh),
    "atanh": (sp.atanh, math.atanh),
    "sec": (sp.sec, lambda x: 1 / math.cos(x)),
    "csc": (sp.csc, lambda x: 1 / math.sin(x)),
    "cot": (sp.cot, lambda x: 1 / math.tan(x)),
    "sech": (sp.sech, lambda x: 1 / math.cosh(x)),
    "csch": (sp.csch, lambda x: 1 / math.sinh(x)),
    "coth": (sp.coth, lambda x: 1 / math.tanh(x)),
}
"""Functions of one argument: SymPy's, and that of a number."""


def _trigamma(x: float) -> Any:
    return mpmath.fp.psi(1, x)


SPECIAL: dict[str, tuple[int, Callable[..., sp.Expr], Callable[..., Any]]] = {
    "atan2": (2, sp.atan2, math.atan2),
    "hypot": (2, hypot, math.hypot),
    "mod": (2, sp.Mod, lambda x, y: x % y),
    "gamma": (1, sp.gamma, math.gamma),
    "loggamma": (1, sp.loggamma, math.lgamma),
    "digamma": (1, sp.digamma, mpmath.fp.digamma),
    "trigamma": (1, lambda x, evaluate: sp.polygamma(1, x, evaluate=evaluate), _trigamma),
    "factorial": (1, sp.factorial, lambda x: math.gamma(x + 1)),
    "binomial": (2, sp.binomial, mpmath.fp.binomial),
    "heaviside": (1, sp.Heaviside, lambda x: ((x > 0) - (x < 0) + 1) / 2),
}
"""Functions with their number of arguments, which may be names of variables as well."""
SEVERAL: dict[str, tuple[Any, Any]] = {"max": (sp.Max, max), "min": (sp.Min, min)}
"""Functions of any number of arguments."""


def _of(name: str, *parts: Part) -> Part:
    return applied(*FUNCTIONS[name], *parts)


def _add(*parts: Part) -> Part:
    return total(list(parts), [False] * len(parts))


def _quotient(above: Part, below: Part) -> Part:
    return product([above, below], [False, True])


def _extreme(name: str, *parts: Part) -> Part:
    """Return the largest or the smallest of some."""
    if all(part.value is not None for part in parts):
        number: Part = SEVERAL[name][1](parts, key=lambda part: part.value)
        return number
    return Part(SEVERAL[name][0](*(part.expression for part in parts), evaluate=False))


COMPOSED: dict[str, tuple[int, Callable[..., Part]]] = {
    "pow": (2, power),
    "real_root": (2, real_root),
    "cbrt": (1, lambda x: real_root(x, THREE)),
    "square": (1, lambda x: power(x, TWO)),
    "log2": (1, lambda x: _quotient(_of("log", x), LOG_TWO)),
    "log10": (1, lambda x: _quotient(_of("log", x), LOG_TEN)),
    "log1p": (1, lambda x: _of("log", _add(ONE, x))),
    "expm1": (1, lambda x: _add(_of("exp", x), negative(ONE))),
    "exp2": (1, lambda x: power(TWO, x)),
    "softplus": (1, lambda x: _of("log", _add(ONE, _of("exp", x)))),
    "sigmoid": (1, lambda x: inverted(_add(ONE, _of("exp", negative(x))))),
    "relu": (1, lambda x: _extreme("max", x, Part(sp.S.Zero, 0.0))),
    "clip": (3, lambda x, low, high: _extreme("min", _extreme("max", x, low), high)),
}
"""Functions made of the others, with their number of arguments."""
ALIASES = {
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "arcsinh": "asinh",
    "arccosh": "acosh", "arctanh": "atanh", "arsinh": "asinh", "arcosh": "acosh",
    "artanh": "atanh", "arctg": "atan", "tg": "tan", "ctg": "cot", "cosec": "csc",
    "absolute": "abs", "fabs": "abs", "sgn": "sign", "signum": "sign", "ceiling": "ceil",
    "power": "pow", "maximum": "max", "minimum": "min", "fmax": "max", "fmin": "min",
    "nthroot": "real_root", "log_2": "log2", "log_e": "log", "log_10": "log10", "lb": "log2",
    "lg": "log10", "logistic": "sigmoid", "expit": "sigmoid", "clamp": "clip",
    "lgamma": "loggamma", "gammaln": "loggamma", "psi": "digamma", "comb": "binomial",
    "nchoosek": "binomial",
}  # fmt: skip
"""Other names of functions, from NumPy, MATLAB, C and books."""
CHOICES = frozenset({"if", "where", "ifelse", "iif"})
"""Names of a choice, as in if(x > 0, a, b)."""
COMPARISONS: dict[str, ast.cmpop] = {"Eq": ast.Eq(), "Ne": ast.NotEq()}
"""How SymPy prints = and ≠."""
MODULES = frozenset(
    {
        "np",
        "numpy",
        "math",
        "sp",
        "sympy",
        "jnp",
        "jax",
        "torch",
        "tf",
        "scipy",
        "special",
        "linalg",
    }
)
"""Names before a dot that are left out."""
_NORM = "write sqrt(sum(x[i]^2, i, 0, n-1)), its square without sqrt"
_SUM = "write sum(x[i], i, 0, n-1)"
INSTEAD = {
    **dict.fromkeys(("norm", "norm2"), _NORM),
    **dict.fromkeys(("dot", "inner", "vdot", "matmul"), "write sum(x[i]*y[i], i, 0, n-1)"),
    **dict.fromkeys(("mean", "average", "avg"), f"{_SUM}/n"),
    **dict.fromkeys(("sumsq", "ssq"), "write sum(x[i]^2, i, 0, n-1)"),
    **dict.fromkeys(("var", "std", "median", "cumsum"), "write it with sums over x[i]"),
    "softmax": "write exp(x[k])/sum(exp(x[i]), i, 0, n-1)",
    "logsumexp": "write log(sum(exp(x[i]), i, 0, n-1))",
    "sinc": "two functions have that name: write if(x == 0, 1, sin(x)/x), or pi*x in place of x",
    **dict.fromkeys(("round", "rint", "nint"), "write floor(x + 1/2)"),
    **dict.fromkeys(("trunc", "fix", "int"), "write sign(x)*floor(abs(x))"),
    **dict.fromkeys(("fmod", "rem", "remainder"), "write mod(x, y), or x - y*floor(x/y)"),
    **dict.fromkeys(("sind", "cosd", "tand"), "write sin(pi*x/180)"),
    **dict.fromkeys(("asec", "arcsec"), "write acos(1/x)"),
    **dict.fromkeys(("acsc", "arccsc"), "write asin(1/x)"),
    **dict.fromkeys(("acot", "arccot"), "write atan(1/x), or pi/2 - atan(x)"),
    **dict.fromkeys(("acoth", "arcoth"), "write atanh(1/x)"),
    **dict.fromkeys(("diff", "grad", "derivative", "integrate"), "write what it comes to"),
    **dict.fromkeys(("rand", "randn", "random", "normal"), "a cost has one value at a point"),
    **dict.fromkeys(("det", "trace", "inv", "transpose"), "give so.Cost a sympy.MatrixSymbol"),
    **dict.fromkeys(("float", "double", "real"), "write the number itself"),
    **dict.fromkeys(
        ("range", "len", "size", "linspace"), "write the bounds in sum(x[i], i, 0, n-1)"
    ),
    **dict.fromkeys(("erfi", "erfinv", "erfcx", "zeta", "besselj", "lambertw"), ""),
    "logit": "write log(x/(1 - x))",
    "sq": "write x^2",
    **dict.fromkeys(("sqroot", "squareroot"), "write sqrt(x)"),
    **dict.fromkeys(("root", "nroot", "surd"), "write real_root(x, 3), or x^(1/3) for x > 0"),
    **dict.fromkeys(("argmin", "argmax", "sort"), "write the expression that is minimised"),
    "pi": "write pi",
    "huber": "write if(|x| < 1, x^2/2, |x| - 1/2)",
    **dict.fromkeys(("minimize", "minimise", "function"), "write only the expression"),
    "exp10": "write 10^x",
    "logaddexp": "write log(exp(x) + exp(y))",
}
"""Functions of other places that are not read, and what to write."""
APPLIED = frozenset({*FUNCTIONS, "log2", "log10", "cbrt", "arcsin", "arccos", "arctan"})
"""Functions that may stand without brackets, as in ``sin x`` and ``sin^2(x)``."""
RESERVED = frozenset(
    {*FUNCTIONS, *SEVERAL, "pow", "cbrt", "real_root", "log2", "log10", "hypot", "atan2"}
)
"""Names that are functions wherever they stand; those of all others may be variables."""
GREEK = frozenset({
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda",
    "mu", "nu", "xi", "omicron", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi",
    "omega",
})  # fmt: skip
"""Names that are no misspelt functions."""
FAR = 3  # the slip of words that have nothing to do with each other


def called(name: str) -> str:
    """Return the name in the tables of a function, however it is written: ``arctan``, ``Abs``."""
    lower = name.lower()
    return ALIASES.get(lower, lower)


def is_function(name: str) -> bool:
    """Tell whether a name is one of a function here."""
    tables = (FUNCTIONS, SPECIAL, SEVERAL, COMPOSED, CHOICES)
    return any(called(name) in table for table in tables)


def call(name: str, parts: list[Part]) -> Part:
    """Return a function of some parts.

    Raises
    ------
    ParseError
        If there is none of that name, with what to write; or it takes another number of arguments.
    """
    wanted = called(name)
    if wanted in CHOICES:
        _check_count(name, parts, 3)
        return choose(*parts)
    parts = [as_number(part) for part in parts]
    if name in COMPARISONS:
        _check_count(name, parts, 2)
        return compare(parts, [COMPARISONS[name]])
    if wanted in SEVERAL:
        if not parts:
            raise ParseError(f"{name} takes at least 1 argument, not 0")
        return _extreme(wanted, *parts)
    if wanted == "log" and len(parts) == 2:
        return _quotient(_of("log", parts[0]), _of("log", parts[1]))
    if wanted in COMPOSED:
        count, build = COMPOSED[wanted]
        _check_count(name, parts, count)
        return build(*parts)
    if wanted in SPECIAL:
        _check_count(name, parts, SPECIAL[wanted][0])
        return _special(wanted, parts)
    if wanted not in FUNCTIONS:
        raise _unknown(name)
    _check_count(name, parts, 1)
    return _of(wanted, parts[0])


def _special(name: str, parts: list[Part]) -> Part:
    _, function, of_numbers = SPECIAL[name]
    values = [part.value for part in parts]
    if None not in values:
        return check_value(work_out(lambda: of_numbers(*values)))
    return Part(function(*(part.expression for part in parts), evaluate=False))


def _check_count(name: str, parts: list[Part], wanted: int) -> None:
    if len(parts) != wanted:
        raise ParseError(f"{name} takes {wanted} argument(s), not {len(parts)}")


def _unknown(name: str) -> ParseError:
    """Return the error of a function that is not known: what to write, or what may be meant."""
    lower = name.lower()
    if lower in INSTEAD:
        instead = f"; {INSTEAD[lower]}".removesuffix("; ")
        return ParseError(f"the function {name!r} is not read in a text{instead}")
    known = [*FUNCTIONS, *SEVERAL, *COMPOSED, *SPECIAL, "sum", "prod", *ALIASES]
    factor, hint = f"{name}*(y+1)", ""
    if name[1:] in known:
        factor = f"{name[0]}*{name[1:]}(y)"
    elif len(name) > 2 and lower not in GREEK:
        hint = _suggestion(lower, known)
    return ParseError(
        f"unknown function {name!r}{hint}; write products with *, as in {factor}, and "
        f"entries of arrays as {name}[0]"
    )


def _suggestion(word: str, known: list[str]) -> str:
    """Return the functions that a word is nearest to, or the functions there are."""
    slips = {one: _slip(word, one) for one in known}
    least = min(slips.values())
    near = [repr(one) for one, slip in slips.items() if slip == least < FAR]
    if near:
        return f" (did you mean {' or '.join(near[:3])}?)"
    return f" (known: {', '.join([*FUNCTIONS, *SEVERAL])}, ...)"


def _slip(word: str, known: str) -> int:
    """Say how far a word is from another one.

    0 for letters exchanged or doubled, 1 for a letter too many or too few, 2 for another letter in
    a word of at least four; a digit is no slip.
    """
    same = len(list(takewhile(lambda pair: pair[0] == pair[1], zip(word, known, strict=False))))
    left, right = word[same:], known[same:]
    if left[:1].isdigit() or right[:1].isdigit():
        return FAR
    if len(left) > 1 and left[1::-1] + left[2:] == right:
        return 0
    if left[1:] == right and left:
        return int(word[same - 1 : same] != left[0])
    if left == right[1:]:
        return 1
    if left[1:] == right[1:] and len(word) > 3:
        return 2
    return FAR
