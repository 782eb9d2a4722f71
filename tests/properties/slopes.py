"""First and second derivatives of elementary functions, in forms that do not cancel, for numbers of mpmath.

Each function gives f(u), f'(u), f''(u); NaN outside of its real domain. EDGES tells where f is not smooth.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
from mpmath import mp

Number = Any
NAN = mpmath.mpf("nan")
LARGEST_ARGUMENT = 2**12  # of exp, in bits of its exponent: beyond it exp is not worked out


class TooLargeError(ArithmeticError):
    """A number whose exponent alone would be thousands of digits."""


def size(u: Number) -> int:
    """Return the exponent of 2 just above |u|; of 0 a very low one."""
    _, mantissa, exponent, bits = u._mpf_
    return exponent + bits if mantissa else -(10**9)


def limited(u: Number) -> Number:
    if size(u) > LARGEST_ARGUMENT:
        raise TooLargeError
    return u


def _exp(u: Number) -> tuple[Number, ...]:
    e = mp.exp(limited(u))
    return e, e, e


def _log(u: Number) -> tuple[Number, ...]:
    return (mp.log(u), 1 / u, -1 / (u * u)) if u > 0 else (NAN, NAN, NAN)


def _sin(u: Number) -> tuple[Number, ...]:
    c, s = mp.cos_sin(limited(u))
    return s, c, -s


def _cos(u: Number) -> tuple[Number, ...]:
    c, s = mp.cos_sin(limited(u))
    return c, -s, -c


def _tan(u: Number) -> tuple[Number, ...]:
    c, s = mp.cos_sin(limited(u))
    return s / c, 1 / (c * c), 2 * s / (c * c * c)


def _cot(u: Number) -> tuple[Number, ...]:
    c, s = mp.cos_sin(limited(u))
    return c / s, -1 / (s * s), 2 * c / (s * s * s)


def _sec(u: Number) -> tuple[Number, ...]:
    c, s = mp.cos_sin(limited(u))
    return 1 / c, s / (c * c), (1 + s * s) / (c * c * c)


def _csc(u: Number) -> tuple[Number, ...]:
    c, s = mp.cos_sin(limited(u))
    return 1 / s, -c / (s * s), (1 + c * c) / (s * s * s)


def _both(u: Number) -> tuple[Number, Number]:
    """Return cosh and sinh."""
    e = mp.exp(limited(abs(u)))
    sinh = mp.sinh(abs(u)) if size(u) < 8 else (e - 1 / e) / 2
    return (e + 1 / e) / 2, (sinh if u >= 0 else -sinh)


def _sinh(u: Number) -> tuple[Number, ...]:
    c, s = _both(u)
    return s, c, s


def _cosh(u: Number) -> tuple[Number, ...]:
    c, s = _both(u)
    return c, s, c


def _tanh(u: Number) -> tuple[Number, ...]:
    c, s = _both(u)
    return s / c, 1 / (c * c), -2 * s / (c * c * c)


def _coth(u: Number) -> tuple[Number, ...]:
    c, s = _both(u)
    return c / s, -1 / (s * s), 2 * c / (s * s * s)


def _sech(u: Number) -> tuple[Number, ...]:
    c, s = _both(u)
    return 1 / c, -s / (c * c), (s * s - 1) / (c * c * c)


def _csch(u: Number) -> tuple[Number, ...]:
    c, s = _both(u)
    return 1 / s, -c / (s * s), (1 + c * c) / (s * s * s)


def _asin(u: Number) -> tuple[Number, ...]:
    if abs(u) > 1:
        return NAN, NAN, NAN
    root = mp.sqrt((1 - u) * (1 + u))
    return mp.asin(u), 1 / root, u / root**3


def _acos(u: Number) -> tuple[Number, ...]:
    if abs(u) > 1:
        return NAN, NAN, NAN
    root = mp.sqrt((1 - u) * (1 + u))
    return mp.acos(u), -1 / root, -u / root**3


def _atan(u: Number) -> tuple[Number, ...]:
    below = 1 + u * u
    return mp.atan(u), 1 / below, -2 * u / below**2


def _asinh(u: Number) -> tuple[Number, ...]:
    root = mp.sqrt(1 + u * u)
    value = mp.log(abs(u) + root) if size(u) > 2 else mp.asinh(abs(u))
    return (value if u >= 0 else -value), 1 / root, -u / root**3


def _acosh(u: Number) -> tuple[Number, ...]:
    if u < 1:
        return NAN, NAN, NAN
    root = mp.sqrt((u - 1) * (u + 1))
    value = mp.log(u + root) if size(u) > 2 else mp.acosh(u)
    return value, 1 / root, -u / root**3


def _atanh(u: Number) -> tuple[Number, ...]:
    if abs(u) > 1:
        return NAN, NAN, NAN
    below = (1 - u) * (1 + u)
    return mp.atanh(u), 1 / below, 2 * u / below**2


def _erf(u: Number) -> tuple[Number, ...]:
    slope = 2 / mp.sqrt(mp.pi) * mp.exp(-limited(u * u))
    value = mp.erf(u) if size(u) < 40 else mp.sign(u)
    return value, slope, -2 * u * slope


def _erfc(u: Number) -> tuple[Number, ...]:
    slope = -2 / mp.sqrt(mp.pi) * mp.exp(-limited(u * u))
    if size(u) < 40:
        return mp.erfc(u), slope, -2 * u * slope
    return (
        (mpmath.mpf(2) if u < 0 else -slope / (2 * u)),
        slope,
        -2 * u * slope,
    )  # to the order of 1/u**2


def _abs(u: Number) -> tuple[Number, ...]:
    return abs(u), mp.sign(u), mpmath.mpf(0)


def _sqrt(u: Number) -> tuple[Number, ...]:
    if u < 0:
        return NAN, NAN, NAN
    root = mp.sqrt(u)
    return root, 1 / (2 * root), -1 / (4 * root * u)


def _step(of: Callable[[Number], Number]) -> Callable[[Number], tuple[Number, ...]]:
    return lambda u: (of(u), mpmath.mpf(0), mpmath.mpf(0))


FUNCTIONS: dict[str, Callable[[Number], tuple[Number, ...]]] = {
    "exp": _exp, "log": _log, "sin": _sin, "cos": _cos, "tan": _tan, "cot": _cot, "sec": _sec, "csc": _csc,
    "sinh": _sinh, "cosh": _cosh, "tanh": _tanh, "coth": _coth, "sech": _sech, "csch": _csch,
    "asin": _asin, "acos": _acos, "atan": _atan, "asinh": _asinh, "acosh": _acosh, "atanh": _atanh,
    "erf": _erf, "erfc": _erfc, "Abs": _abs, "sqrt": _sqrt,
    "sign": _step(mp.sign), "floor": _step(mp.floor), "ceiling": _step(mp.ceil),
}  # fmt: skip
EDGES: dict[str, tuple[int, ...]] = {
    "log": (0,), "cot": (0,), "csc": (0,), "coth": (0,), "csch": (0,), "Abs": (0,), "sqrt": (0,), "sign": (0,),
    "asin": (-1, 1), "acos": (-1, 1), "acosh": (1,), "atanh": (-1, 1),
}  # fmt: skip
"""Arguments where a function has a kink, a pole or the end of its domain; floor and ceiling have it at every integer."""
