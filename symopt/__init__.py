"""symopt: cost functions and optimizers as equations, compiled into one loop and measured.

>>> import symopt as so
>>> J = so.parse("(1-x)^2 + 100*(y-x^2)^2")
>>> so.minimize(J, so.adam(eta=0.02), start=[-1.2, 1], steps=500)
Run(adam: J = 1.8317 at x=-0.353003, y=0.127894; budget spent: all 500 steps made)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from symopt.costs.cost import Cost
from symopt.costs.parser import parse
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
from symopt.frontend.sums import logsumexp
from symopt.optim.catalogue import *
from symopt.optim.registry import PUBLISHED as _PUBLISHED
from symopt.optim.registry import RULES as optimizers
from symopt.optim.wrappers import *
from symopt.optim.wrappers import WRAPPERS as _WRAPPERS
from symopt.rules.counts import repeat
from symopt.rules.hyperparameters import Range
from symopt.rules.rule import Rule, rule
from symopt.rules.symbols import T, dot, grad0, mean, norm, t, theta0
from symopt.rules.wrapper import wrapper
from symopt.runs.ensemble import uniform
from symopt.runs.inspection import inspect
from symopt.runs.minimize import minimize
from symopt.runs.result import Run
from symopt.runs.study import Study
from symopt.runs.sweep import sweep
from symopt.runs.termination import Status
from symopt.runs.tuning import tune

if TYPE_CHECKING:  # what __getattr__ gives, for editors and type checkers
    from symopt import measure, plot, problems, schedules, theory
    from symopt.interop.like import like
    from symopt.interop.scipy import scipy as scipy

__version__ = "0.1.0"

globals().update(_PUBLISHED)  # those that a user wrote into optim/catalogue.py too
LAZY = {"measure", "plot", "problems", "schedules", "theory"}
"""Modules that are imported when first used: they bring xarray, scipy, matplotlib."""
ELSEWHERE = {"like": "symopt.interop.like", "scipy": "symopt.interop.scipy"}
"""Functions, with their modules; ``scipy`` is not in ``__all__``: it would hide the package."""


def _find(name: str) -> Any:
    """Import what is asked for first now, or say what the name may have been meant as."""
    if name in LAZY:
        return import_module(f"symopt.{name}")
    if name in ELSEWHERE:
        return getattr(import_module(ELSEWHERE[name]), name)
    missing = f"module 'symopt' has no attribute {name!r}"
    near = did_you_mean(name, __all__)
    if name.startswith("_") or "did you mean" not in near:
        raise AttributeError(missing)
    raise AttributeError(missing + near)


if not TYPE_CHECKING:  # a type checker would take every name for one that there is
    __getattr__ = _find


def __dir__() -> list[str]:
    return sorted({*__all__, *ELSEWHERE, "__version__"})


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
    "inspect",
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
    "repeat",
    "rule",
    "schedules",
    "sweep",
    "t",
    "theory",
    "theta0",
    "tune",
    "uniform",
    "wrapper",
    *_PUBLISHED,
    *_WRAPPERS,
]
