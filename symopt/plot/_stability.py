"""Planes of cells: which learning rates are stable."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap

from symopt.errors import RunError
from symopt.plot._inputs import not_empty, values_of
from symopt.plot._style import COLOURS, PREDICTED, drawn_on, lighten, limits_kept
from symopt.validation import Array

if TYPE_CHECKING:
    import sympy as sp
    import xarray as xr

    from symopt.rules.rule import Rule

DIVERGED, UNKNOWN = lighten(COLOURS[1], 0.3), "0.88"
PLACES = 200  # of the predicted boundary

Boundary: TypeAlias = "Rule | sp.Expr | Callable[[Array], npt.ArrayLike] | npt.ArrayLike"
"""The largest stable x for each y."""


def stability(
    factor: xr.DataArray | xr.Dataset,
    ax: Axes | None = None,
    *,
    boundary: Boundary | None = None,
    eigenvalue: float = 1.0,
    x: str = "eta",
    y: str = "beta",
) -> Axes:
    """Draw which learning rates are stable: factors per step, and the predicted limit.

    Parameters
    ----------
    factor
        Measured factors over ``x`` and ``y``, or what ``so.measure.rate`` returns over them. A
        factor above 1 or infinite is that of a run that diverged; NaN stands where there is none.
    ax
        Where to draw; a new figure if left out. A colour bar takes a part of it.
    boundary
        The largest stable x for each y: a rule, whose ``so.theory.stability_limit`` it is; a SymPy
        expression in y, and in lambda; a function that maps an array of y to one of x; or an array
        over the y of the factors.
    eigenvalue
        lambda, the largest eigenvalue of the Hessian; where the boundary depends on it the legend
        says so.
    x, y
        The dimensions along the axes.

    Returns
    -------
    matplotlib.axes.Axes
        Cells that diverged have a colour of their own, and so have those without a factor; the
        predicted boundary is dashed. An axis is logarithmic where its values grow by one factor.

    Raises
    ------
    RunError
        If the factors are not over x and y, or the boundary does not fit.
    RuleError
        If there is no formula for the limit of the rule.

    Examples
    --------
    >>> import numpy as np, symopt as so
    >>> rule = so.momentum(eta=np.linspace(0.1, 4.0, 14), beta=np.linspace(0, 0.9, 10))
    >>> study = so.sweep(so.parse("x^2/2"), rule, start=[1.0], steps=60)
    >>> factor = (2 * study["momentum"]["loss"]) ** (1 / 120)  # of |x|
    >>> ax = so.plot.stability(factor, boundary=so.momentum)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['diverged', 'predicted limit, λ = 1']
    """
    table = _table(factor, x, y)
    across, up = (table[dim].values.astype(np.float64) for dim in (x, y))
    if boundary is None:
        limit = None
    else:
        limit = _limit(boundary, up, eigenvalue, x=x, y=y)
    with drawn_on(ax) as axes:
        _cells(axes, across, up, factors=table.values.T)
        if limit is not None:
            with limits_kept(axes):
                axes.plot(limit[0], limit[1], label=limit[2], **PREDICTED)
        axes.set_xlabel(_label(x))
        axes.set_ylabel(_label(y))
        if axes.get_legend_handles_labels()[1]:  # on cells letters need a ground of their own
            axes.legend(loc="upper right", frameon=True, framealpha=0.9, edgecolor="none")
    return axes


def _table(factor: Any, x: str, y: str) -> xr.DataArray:
    """Return the factors over (x, y), both increasing."""
    import xarray as xr

    found = factor
    if isinstance(factor, xr.Dataset) and "factor" in factor:
        found = factor["factor"]
    if not isinstance(found, xr.DataArray):
        raise RunError(
            f"stability was given a {type(factor).__name__}; expected a DataArray of factors over "
            f"{x} and {y}, or "
            "what so.measure.rate returns over them"
        )
    if set(found.dims) != {x, y}:
        raise RunError(
            f"the factors have the dimensions {', '.join(map(str, found.dims)) or 'none'}; "
            f"expected {x} and {y}: "
            "choose one place along others, as in .isel(start=0), or name the axes, as in "
            "stability(factor, y='beta1')"
        )
    not_empty(found, "the plane of factors")
    for dim in (x, y):
        if dim not in found.coords or found.sizes[dim] < 2:
            raise RunError(
                f"the factors have {found.sizes[dim]} place(s) along {dim}; expected values for "
                "two or more"
            )
    table: xr.DataArray = found.transpose(x, y).sortby([x, y])
    return table


def _cells(ax: Axes, x: Array, y: Array, factors: Array) -> None:
    """Colour the cells by their factors, and those without one apart."""
    sides = cell_edges(x), cell_edges(y)
    failed, none = factors > 1, np.isnan(factors)
    good = np.ma.masked_array(factors, failed | none)
    cells = ax.pcolormesh(
        *sides, good, cmap="cividis", vmin=0.0, vmax=1.0, rasterized=True, zorder=0
    )
    ax.figure.colorbar(cells, ax=ax, label="factor per step")
    for where, colour, label in ((failed, DIVERGED, "diverged"), (none, UNKNOWN, "no factor")):
        if where.any():
            fill_cells(ax, sides, where, colour=colour)
            add_legend_patch(ax, colour, label)
    scale_plane(ax, x, y)


def _limit(boundary: Any, up: Array, eigenvalue: float, x: str, y: str) -> tuple[Array, Array, str]:
    """Return the predicted boundary as x and y, and what it is called."""
    import sympy as sp

    from symopt.rules.rule import Rule

    if not isinstance(boundary, Rule | sp.Basic) and not callable(boundary):
        if np.shape(boundary) not in ((), up.shape):
            raise RunError(
                f"boundary has shape {np.shape(boundary)}; expected an {x} for each of the "
                f"{len(up)} {y}"
            )
        return values_of(boundary, up, "boundary"), up, "predicted limit"
    places = np.linspace(up[0], up[-1], PLACES)
    formula = boundary
    if isinstance(boundary, Rule):
        formula = _of_rule(boundary, x, y, ends=places[[1, -2]], eigenvalue=eigenvalue)
    found = [s for s in getattr(formula, "free_symbols", ()) if s.name == "lambda"]
    if not found:
        return values_of(formula, places, "boundary", y), places, "predicted limit"
    known: Any = formula.subs(dict.fromkeys(found, eigenvalue))
    return values_of(known, places, "boundary", y), places, f"predicted limit, λ = {eigenvalue:g}"


def _of_rule(rule: Rule, x: str, y: str, ends: Array, eigenvalue: float) -> Any:
    """Return the stability limit, with numbers for what is not drawn."""
    from symopt import theory

    limit: Any = theory.stability_limit(rule, wrt=x)
    needed: dict[Any, Any] = {
        symbol: rule.hyperparameters.get(symbol.name)
        for symbol in limit.free_symbols
        if symbol.name != y
    }
    for symbol, value in needed.items():
        if np.ndim(value):
            raise RunError(
                f"{rule.name}: {symbol} is an array; expected one number, as in "
                f"{rule.name}({symbol}=0.1)"
            )
    for end in ends if y in rule.hyperparameters else ():
        there = dataclasses.replace(rule, values={**rule.values, y: float(end)})
        theory.evaluate(limit, there, **{"lambda": eigenvalue})  # refused where it does not hold
    return limit.subs({symbol: value for symbol, value in needed.items() if value is not None})


GREEK = {
    "eta": "learning rate η",
    "beta": "β",
    "beta1": "β₁",
    "beta2": "β₂",
    "rho": "ρ",
    "epsilon": "ε",
}


def _label(name: str) -> str:
    return GREEK.get(name, name)


def evenly_in_logs(values: Array) -> bool:
    """Return whether values grow by one factor, as those of ``np.geomspace`` do.

    Examples
    --------
    >>> evenly_in_logs(np.geomspace(1e-3, 1, 7)), evenly_in_logs(np.linspace(1e-3, 1, 7))
    (True, False)
    """
    if len(values) < 3 or values[0] <= 0:
        return False
    factors, steps = values[1:] / values[:-1], np.diff(values)
    return bool(np.ptp(factors) / factors.min() < np.ptp(steps) / steps.min())


def cell_edges(values: Array) -> Array:
    """Return the borders of cells around values: their middles, geometric on a log axis.

    Examples
    --------
    >>> cell_edges(np.array([1.0, 2.0, 3.0])), cell_edges(np.array([1.0, 100.0, 1e4]))
    (array([0.5, 1.5, 2.5, 3.5]), array([1.e-01, 1.e+01, 1.e+03, 1.e+05]))
    """
    if evenly_in_logs(values):
        return np.exp(_middles(np.log(values))).round(15)
    return _middles(values)


def _middles(values: Array) -> Array:
    inner = (values[1:] + values[:-1]) / 2
    return np.concatenate([[2 * values[0] - inner[0]], inner, [2 * values[-1] - inner[-1]]])


def scale_plane(ax: Axes, x: Array, y: Array) -> None:
    """Make those axes of a plane logarithmic along which the values grow by one factor."""
    for set_scale, values in ((ax.set_xscale, x), (ax.set_yscale, y)):
        if evenly_in_logs(values):
            set_scale("log")


def fill_cells(
    ax: Axes, sides: tuple[Array, Array], where: npt.NDArray[np.bool_], colour: Any
) -> None:
    """Give cells of the plane one colour, as pixels, so that SVG and PDF stay small."""
    cells = np.ma.masked_array(np.ones(where.shape), ~where)
    ax.pcolormesh(*sides, cells, cmap=ListedColormap([colour]), rasterized=True, zorder=0)


def add_legend_patch(ax: Axes, colour: Any, label: str) -> None:
    """Add a square of a colour to the legend."""
    ax.plot(
        [],
        [],
        "s",
        markersize=8,
        color=colour,
        markeredgecolor="0.5",
        markeredgewidth=0.5,
        label=label,
    )
