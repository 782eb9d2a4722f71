"""symopt: cost functions and optimizers as equations, compiled into one loop and measured.

>>> import symopt as so
>>> J = so.parse("(1-x)^2 + 100*(y-x^2)^2")
>>> so.minimize(J, so.adam(eta=0.02), start=[-1.2, 1], steps=500)
Run(adam: J = 1.8317 at x=-0.353003, y=0.127894; budget spent: all 500 steps made)
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from symopt.cost import Cost
from symopt.errors import (
    CostError,
    ParseError,
    RuleError,
    RunError,
    SymoptError,
    SymoptWarning,
    UnsupportedError,
    did_you_mean,
)
from symopt.hyper import Range
from symopt.optimizers import *
from symopt.parse import parse
from symopt.registry import PUBLISHED as _PUBLISHED
from symopt.registry import RULES as optimizers
from symopt.rule import Rule, rule
from symopt.run import Run, minimize
from symopt.status import Status
from symopt.study import Study
from symopt.sums import logsumexp
from symopt.sweep import sweep, uniform
from symopt.symbols import T, dot, grad0, mean, norm, t, theta0
from symopt.wrappers import *
from symopt.wrappers import WRAPPERS as _WRAPPERS
from symopt.wrapping import wrapper

try:
    __version__ = version("symopt-lab")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0.1.0"


globals().update(_PUBLISHED)  # those that a user wrote into optimizers.py too
LAZY = {"measure", "plot", "problems", "schedules", "theory"}
"""Modules that are imported when first used: they bring xarray, scipy, matplotlib."""
ELSEWHERE = {"like": "symopt.libraries.like", "scipy": "symopt.reference"}
"""Functions that are, with the modules they are in. ``scipy`` is not in ``__all__``: it would hide the package."""


def __getattr__(name: str) -> Any:
    if name in LAZY:
        return import_module(f"symopt.{name}")
    if name in ELSEWHERE:
        return getattr(import_module(ELSEWHERE[name]), name)
    near = did_you_mean(name, __all__) if not name.startswith("_") else ""
    raise AttributeError(f"module 'symopt' has no attribute {name!r}{near if 'did you mean' in near else ''}")


__all__ = [
    "Cost",
    "CostError",
    "ParseError",
    "Range",
    "Rule",
    "RuleError",
    "Run",
    "RunError",
    "Status",
    "Study",
    "SymoptError",
    "SymoptWarning",
    "T",
    "UnsupportedError",
    "dot",
    "grad0",
    "like",
    "logsumexp",
    "mean",
    "measure",
    "minimize",
    "norm",
    "optimizers",
    "parse",
    "plot",
    "problems",
    "rule",
    "schedules",
    "sweep",
    "t",
    "theory",
    "theta0",
    "uniform",
    "wrapper",
    *_PUBLISHED,
    *_WRAPPERS,
]
