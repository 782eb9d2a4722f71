"""Elementary functions in the kernel language: branch-free, so that a loop over lanes vectorises.

Every function is a polynomial between a reduction of its argument and a reconstruction by bit
operations, made of correctly rounded steps only: the same bits on every processor and in plain
Python. ``ULP`` holds the largest error of each, in units in the last place, as
``tests/compiler/test_vecmath.py`` measures it against mpmath. ``experiments/speed/vecmath_fit.py``
made the coefficients. What composing would lose digits in has a function of its own, slopes too.

``catalogue`` copies what a kernel needs, with the functions that it calls, into the kernel's file.
"""

from __future__ import annotations

from symopt.compiler.library.exponential import (
    exp,
    expm1,
    log,
    log1mexp,
    log1mexp_slope,
    log1p,
    log1p_slope,
    log_slope,
    mod,
    pow,
    pow_less,
    root_less,
    sigmoid,
    sigmoid_slope,
    sign,
    softplus,
    xlogx,
    xlogx_slope,
)
from symopt.compiler.library.hyperbolic import (
    acosh,
    acosh_slope,
    asinh,
    asinh_slope,
    atanh,
    atanh_slope,
    cosh,
    coth,
    coth_slope,
    csch,
    csch_slope,
    log_cosh,
    sech,
    sech2,
    sech_slope,
    sinh,
    tanh,
)
from symopt.compiler.library.large_arguments import cos_far, cos_far_part, mod_far, sin_far, sin_far_part
from symopt.compiler.library.special import (
    erf,
    erfc,
    erfcx,
    erfcx_slope,
    gauss,
    gauss_slope,
    log_erfc,
    log_erfc_curvature,
    log_erfc_slope,
)
from symopt.compiler.library.trigonometric import (
    acos,
    asin,
    asin_slope,
    atan,
    atan_slope,
    cos,
    cot,
    cot_slope,
    csc,
    csc_slope,
    sec,
    sec_slope,
    sin,
    tan,
    tan_slope,
)

ULP = {
    "exp": 1.1, "expm1": 2.0, "log": 1.0, "log1p": 1.5, "log1mexp": 2.5, "pow": 2.0, "pow_less": 2.0, "root_less": 1.6,
    "softplus": 2.0, "sigmoid": 2.0, "xlogx": 2.0, "sign": 0.0,
    "sin": 2.0, "cos": 2.0, "tan": 3.0, "sec": 2.5, "csc": 3.0, "cot": 3.0,
    "asin": 2.7, "acos": 1.5, "atan": 2.0,
    "sinh": 2.7, "cosh": 2.7, "tanh": 2.6, "log_cosh": 3.0, "sech": 3.0, "csch": 2.5, "coth": 2.5,
    "asinh": 2.0, "acosh": 2.0, "atanh": 1.5,
    "erf": 2.0, "erfc": 2.5, "erfcx": 2.5, "log_erfc": 3.0, "gauss": 1.5,
    "log_slope": 0.5, "log1p_slope": 2.0, "log1mexp_slope": 3.0, "sigmoid_slope": 3.0, "xlogx_slope": 3.0,
    "tan_slope": 1.5, "cot_slope": 3.0, "sec_slope": 2.5, "csc_slope": 2.5,
    "asin_slope": 2.5, "atan_slope": 2.0,
    "sech2": 2.5, "sech_slope": 2.5, "csch_slope": 2.5, "coth_slope": 2.5,
    "asinh_slope": 2.0, "acosh_slope": 2.5, "atanh_slope": 2.5,
    "gauss_slope": 2.0, "erfcx_slope": 3.0, "log_erfc_slope": 3.0, "log_erfc_curvature": 6.0,
}  # fmt: skip
"""Largest error of each function that kernels can call, in ulp."""
