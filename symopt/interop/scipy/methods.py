"""The methods of ``scipy.optimize.minimize``: their derivatives, and how they are told to end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

SMALLEST: Final = (
    5e-324  # a tolerance that only a gradient of 0 meets, where SciPy asks for less than it
)
MANY: Final = 2**31 - 1  # evaluations allowed to SciPy: the budget is counted in steps


@dataclass(frozen=True)
class Method:
    """One of SciPy's methods.

    Attributes
    ----------
    name, source
        What SciPy calls it, and where it was published.
    asks
        What it asks of the cost beside values.
    tolerances
        The options that take a tolerance; where there are none, the gradient is tested here.
    least
        What they are without a tolerance.
    options
        Options that keep SciPy from ending by another test; ``steps`` stands for the budget.
    dense
        Whether it holds an n x n matrix.
    bounded
        Whether it keeps theta between bounds.
    """

    name: str
    source: str
    asks: tuple[str, ...] = ("gradient",)
    tolerances: tuple[str, ...] = ("gtol",)
    least: float = 0.0
    options: Mapping[str, float | str] = field(default_factory=lambda: {"maxiter": "steps"})
    dense: bool = False
    bounded: bool = False

    def settings(self, tolerance: float | None, steps: int) -> dict[str, Any]:
        """Give SciPy's options; its own limit of iterations lies beyond the budget."""
        options = dict(self.options)
        if "maxiter" in options:
            options["maxiter"] = steps + 2
        return options | dict.fromkeys(self.tolerances, max(tolerance or 0.0, self.least))


_LISTED = (
    Method("BFGS", "Broyden, Fletcher, Goldfarb, Shanno 1970", dense=True),
    Method(
        "L-BFGS-B",
        "Byrd, Lu, Nocedal and Zhu 1995; Morales and Nocedal 2011",
        options={"maxiter": "steps", "maxfun": MANY, "ftol": 0.0},
        bounded=True,
    ),
    Method("CG", "Polak and Ribière 1969; Gilbert and Nocedal 1992"),
    Method(
        "Newton-CG",
        "Dembo and Steihaug 1983",
        asks=("gradient", "hvp"),
        tolerances=(),
        options={"maxiter": "steps", "xtol": 0.0},
    ),
    Method(
        "TNC",
        "Nash 1984",
        tolerances=(),
        options={"maxfun": MANY, "ftol": 0.0, "xtol": 0.0, "gtol": 0.0},
        bounded=True,
    ),
    Method("trust-ncg", "Steihaug 1983", asks=("gradient", "hvp"), least=SMALLEST),
    Method(
        "trust-exact",
        "Moré and Sorensen 1983",
        asks=("gradient", "hessian"),
        least=SMALLEST,
        dense=True,
    ),
    Method(
        "Nelder-Mead",
        "Nelder and Mead 1965",
        asks=(),
        tolerances=("xatol", "fatol"),
        dense=True,
        bounded=True,
    ),
)
METHODS: Final = {method.name: method for method in _LISTED}
"""SciPy's methods by their names."""
