"""The functions that a text may call: what each builds, and its value for numbers.

Nothing is simplified in what is built: it stays as it was written.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import sympy as sp

Build = Callable[..., sp.Expr]


class TextFunction(NamedTuple):
    """A function of one argument or more.

    Attributes
    ----------
    build
        Its expression, from those of its arguments.
    number
        Its value, from those of its arguments.
    least, most
        How many arguments it takes.
    """

    build: Build
    number: Callable[..., Any]
    least: int = 1
    most: int = 1


def plain(function: Any) -> Build:
    """Return what builds a function of SymPy without evaluating it."""
    return lambda *args: function(*args, evaluate=False)


def _power(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
    return sp.Pow(base, exponent, evaluate=False)


def _product(*factors: sp.Expr) -> sp.Expr:
    return sp.Mul(*factors, evaluate=False)


def _sum(*terms: sp.Expr) -> sp.Expr:
    return sp.Add(*terms, evaluate=False)


def _logarithm(x: sp.Expr, base: sp.Expr | None = None) -> sp.Expr:
    natural = sp.log(x, evaluate=False)
    if base is None:
        return natural
    return _product(natural, _power(sp.log(base, evaluate=False), sp.S.NegativeOne))


def _logarithm_to(base: int) -> Build:
    return lambda x: _logarithm(x, sp.Integer(base))


def _hypotenuse(*lengths: sp.Expr) -> sp.Expr:
    return _power(_sum(*(_power(one, sp.Integer(2)) for one in lengths)), sp.S.Half)


def _logistic(x: sp.Expr) -> sp.Expr:
    falling = sp.exp(_product(sp.S.NegativeOne, x), evaluate=False)
    return _power(_sum(sp.S.One, falling), sp.S.NegativeOne)


FUNCTIONS: dict[str, TextFunction] = {
    "sqrt": TextFunction(lambda x: _power(x, sp.S.Half), math.sqrt),
    "square": TextFunction(lambda x: _power(x, sp.Integer(2)), lambda x: x * x),
    "exp": TextFunction(plain(sp.exp), math.exp),
    "log": TextFunction(_logarithm, math.log, most=2),
    "ln": TextFunction(_logarithm, math.log),
    "log2": TextFunction(_logarithm_to(2), math.log2),
    "log10": TextFunction(_logarithm_to(10), math.log10),
    "log1p": TextFunction(lambda x: sp.log(_sum(sp.S.One, x), evaluate=False), math.log1p),
    "expm1": TextFunction(lambda x: _sum(sp.exp(x, evaluate=False), sp.S.NegativeOne), math.expm1),
    "abs": TextFunction(plain(sp.Abs), abs),
    "sign": TextFunction(plain(sp.sign), lambda x: (x > 0) - (x < 0)),
    "erf": TextFunction(plain(sp.erf), math.erf),
    "erfc": TextFunction(plain(sp.erfc), math.erfc),
    "floor": TextFunction(plain(sp.floor), math.floor),
    "ceil": TextFunction(plain(sp.ceiling), math.ceil),
    "sin": TextFunction(plain(sp.sin), math.sin),
    "cos": TextFunction(plain(sp.cos), math.cos),
    "tan": TextFunction(plain(sp.tan), math.tan),
    "asin": TextFunction(plain(sp.asin), math.asin),
    "acos": TextFunction(plain(sp.acos), math.acos),
    "atan": TextFunction(plain(sp.atan), math.atan),
    "atan2": TextFunction(plain(sp.atan2), math.atan2, 2, 2),
    "sinh": TextFunction(plain(sp.sinh), math.sinh),
    "cosh": TextFunction(plain(sp.cosh), math.cosh),
    "tanh": TextFunction(plain(sp.tanh), math.tanh),
    "asinh": TextFunction(plain(sp.asinh), math.asinh),
    "acosh": TextFunction(plain(sp.acosh), math.acosh),
    "atanh": TextFunction(plain(sp.atanh), math.atanh),
    "sec": TextFunction(plain(sp.sec), lambda x: 1 / math.cos(x)),
    "csc": TextFunction(plain(sp.csc), lambda x: 1 / math.sin(x)),
    "cot": TextFunction(plain(sp.cot), lambda x: 1 / math.tan(x)),
    "sech": TextFunction(plain(sp.sech), lambda x: 1 / math.cosh(x)),
    "csch": TextFunction(plain(sp.csch), lambda x: 1 / math.sinh(x)),
    "coth": TextFunction(plain(sp.coth), lambda x: 1 / math.tanh(x)),
    "sigmoid": TextFunction(_logistic, lambda x: 1 / (1 + math.exp(-x))),
    "hypot": TextFunction(_hypotenuse, math.hypot, 2, 8),
    "mod": TextFunction(plain(sp.Mod), lambda x, m: x - m * math.floor(x / m), 2, 2),
    "max": TextFunction(plain(sp.Max), max, most=1000),
    "min": TextFunction(plain(sp.Min), min, most=1000),
}
"""Each by the name that a text calls."""
MEANT = {
    "tg": "tan",
    "ctg": "cot",
    "cotan": "cot",
    "arctg": "atan",
    "sinus": "sin",
    "cosin": "cos",
    "cosine": "cos",
    "cosinus": "cos",
    "tangent": "tan",
    "sh": "sinh",
    "ch": "cosh",
    "th": "tanh",
    "lg": "log10 or log2",
    "sqr": "square or sqrt",
    "root": "sqrt or real_root(x, 3)",
    "norm": "sqrt(x^2 + y^2) or hypot",
    "modulus": "abs or mod",
    **dict.fromkeys(("heaviside", "Heaviside", "step"), "if(x < 0, 0, 1)"),
    "relu": "max(x, 0)",
    "softplus": "log(1 + exp(x))",
    "logit": "log(x/(1 - x))",
    "logistic": "sigmoid",
    "clip": "min(max(x, a), b)",
    "dot": "sum(x[i]*y[i], i, 0, n-1)",
    "mean": "sum(x[i], i, 0, n-1)/n",
    "round": "floor(x + 1/2)",
}
"""Functions of other languages that are written in another way here."""
