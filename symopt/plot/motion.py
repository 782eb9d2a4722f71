"""Velocity along the steps of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes

from symopt.errors import RunError
from symopt.plot.style import axes_or_new, legend, line_style

if TYPE_CHECKING:
    import xarray as xr


def velocity(
    lengths: xr.DataArray | xr.Dataset | Mapping[str, Any], ax: Axes | None = None,
    predicted: float | Mapping[str, float] | None = None,
) -> Axes:  # fmt: skip
    """Draw the length of each step.

    Parameters
    ----------
    lengths
        What ``so.measure.speed_along`` returns, or its ``step_length`` over step, or several by
        name.
    ax
        Where to draw; a new figure if left out.
    predicted
        A terminal velocity, or one by name for some of the lines; drawn dashed.

    Raises
    ------
    RunError
        If there is nothing over ``step`` alone.

    Examples
    --------
    >>> import symopt as so
    >>> run = so.minimize(so.parse("3*x"), so.momentum(eta=0.1), start=[0.0], steps=60)
    >>> so.plot.velocity(so.measure.speed_along(run), predicted=3.0).get_ylabel()
    'step length'
    """
    several = isinstance(lengths, Mapping) and not hasattr(lengths, "data_vars")
    named: dict[str, Any] = dict(lengths) if several else {"": lengths}  # type: ignore[arg-type]
    expected: Mapping[str, Any] = predicted if isinstance(predicted, Mapping) else dict.fromkeys(named, predicted)
    if not named:
        raise RunError("velocity was given nothing; expected what so.measure.speed_along returns, or several by name")
    ax = axes_or_new(ax)
    for k, (name, given) in enumerate(named.items()):
        line = given["step_length"] if hasattr(given, "data_vars") else given
        dims = getattr(line, "dims", type(line).__name__)
        if dims != ("step",):
            raise RunError(f"{name or 'velocity'} is over {dims}; expected step alone: choose a run, as .isel(start=0)")
        ax.plot(line["step"], line, label=name or None, linewidth=1.6, **line_style(k))
        if (limit := expected.get(name)) is not None:
            ax.axhline(abs(limit), color=line_style(k)["color"], linestyle="--", linewidth=1)
    ax.set(xlabel="step", ylabel="step length", xlim=(0, None), ylim=(0, None))
    ax.grid(alpha=0.25)
    legend(ax)
    return ax
