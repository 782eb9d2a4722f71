"""What may be drawn: runs, the datasets of a study, curves over the steps; each by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from symopt.errors import RunError, did_you_mean
from symopt.runs.result import Run
from symopt.runs.termination import Status
from symopt.validation import Array

if TYPE_CHECKING:
    import numpy.typing as npt
    import sympy as sp
    import xarray as xr

Runs: TypeAlias = "Run | Iterable[Run] | Mapping[str, Run]"
"""Runs to draw: one, a list, or by name."""
Drawable: TypeAlias = "Runs | Mapping[str, xr.Dataset] | xr.Dataset"
"""What may be drawn: runs, a study, or one of its datasets."""
Curve: TypeAlias = (
    "float | sp.Expr | xr.DataArray | npt.ArrayLike | Callable[[Array], npt.ArrayLike]"
)
"""A prediction over the horizontal axis."""
Predicted: TypeAlias = "Curve | Mapping[str, Curve] | None"
"""One prediction, or one by the name of each curve."""

FAILED = (Status.DIVERGED, Status.NONFINITE)


def check_recorded(run: Run, name: str) -> Run:
    """Return a run that recorded steps."""
    if not len(run.recorded):
        raise RunError(
            f"the run of {name} recorded no steps; ask for them, as in minimize(..., record=True)"
        )
    return run


def runs_by_name(result: Any) -> dict[str, Run]:
    """Return one run, a list of runs or a mapping of runs as a mapping from names."""
    if isinstance(result, Run):
        return {result.rule.name: result}
    if (
        isinstance(result, Mapping)
        and result
        and all(isinstance(run, Run) for run in result.values())
    ):
        return {str(name): run for name, run in result.items()}
    if isinstance(result, Iterable) and not isinstance(result, str | Mapping):
        runs = list(result)
        if runs and all(isinstance(run, Run) for run in runs):
            names = [run.rule.name for run in runs]
            return {
                name if names.count(name) == 1 else repr(run.rule): run
                for name, run in zip(names, runs, strict=True)
            }
    raise RunError(
        f"a {type(result).__name__} cannot be drawn here; "
        "expected a run of so.minimize, a list of runs, or a mapping of them"
    )


def datasets_by_name(result: Any) -> dict[str, xr.Dataset] | None:
    """Return a study, a dataset or a mapping of them by names; None for anything else."""
    import xarray as xr

    if isinstance(result, xr.Dataset):
        return {str(result.attrs.get("rule", "study")).partition("(")[0]: result}
    if (
        isinstance(result, Mapping)
        and result
        and all(isinstance(one, xr.Dataset) for one in result.values())
    ):
        return {str(name): dataset for name, dataset in result.items()}
    return None


def not_empty(data: Any, name: str) -> None:
    """Refuse arrays without numbers, as a selection may leave them."""
    if 0 in data.sizes.values():
        empty = ", ".join(str(dim) for dim, size in data.sizes.items() if not size)
        raise RunError(
            f"{name} is empty along {empty}; expected at least one value: what was selected from "
            "it?"
        )


def for_each(predicted: Any, names: Iterable[str]) -> dict[str, Any]:
    """Return a prediction by the name of its curve: from a mapping, or one for all."""
    known = list(names)
    if predicted is None:
        return {}
    if not isinstance(predicted, Mapping):
        return dict.fromkeys(known, predicted)
    for name in predicted:
        if name not in known:
            raise RunError(
                f"predicted names {name!r}, which is not drawn{did_you_mean(str(name), known)}"
            )
    return dict(predicted)


def values_of(predicted: Any, x: Array, what: str, variable: str | None = None) -> Array:
    """Return a prediction at the places x.

    Parameters
    ----------
    predicted
        A number, a function that maps an array to one of its shape, or a SymPy expression.
    x
        The places.
    what
        What it is called in an error.
    variable
        The symbol of an expression that stands for x; None for any one symbol.
    """
    import sympy as sp

    if isinstance(predicted, sp.Basic):
        return _of_formula(predicted, x, what, variable=variable)
    try:
        values = predicted
        if callable(predicted):
            values = predicted(x)
        return np.broadcast_to(np.asarray(values, dtype=np.float64), x.shape)
    except (TypeError, ValueError) as error:
        raise RunError(
            f"{what}={predicted!r}: {error}; expected a number, a SymPy expression, or a function "
            "that maps "
            "an array to one of the same shape"
        ) from None


def _of_formula(formula: Any, x: Array, what: str, variable: str | None) -> Array:
    import sympy as sp

    free = sorted(formula.free_symbols, key=str)
    if variable:
        others = [symbol.name for symbol in free if symbol.name != variable]
    else:
        others = [s.name for s in free][1:]
    if others:
        raise RunError(
            f"{what}={formula} has the symbols {', '.join(map(str, free))}; expected "
            f"{variable or 'one'} alone: "
            f"give the others numbers, as in formula.subs({others[0]!r}, 0.1)"
        )
    try:
        numbers = [
            float(formula.xreplace({symbol: sp.Float(float(place)) for symbol in free}))
            for place in x
        ]
    except TypeError:
        raise RunError(
            f"{what}={formula} is not a real number everywhere; expected one that is"
        ) from None
    return np.array(numbers)
