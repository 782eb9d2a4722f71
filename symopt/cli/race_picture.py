"""The picture of a race: J over the steps, and for two parameters the paths."""

from __future__ import annotations

import math
from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from symopt.cli.race import Outcome, Zero
from symopt.cli.race_rows import Finish, median
from symopt.runs.result import Run

if TYPE_CHECKING:
    import xarray as xr

DRAWN = 10  # curves, those that end lowest
PANEL = (6.6, 4.6)  # inches


def picture(outcomes: Mapping[str, Outcome], finishes: Mapping[str, Finish], zero: Zero) -> bytes:
    """Draw how J falls, and from one start for two parameters the paths, as PNG.

    From many starts the curves are medians over them, with the band from the 10th to the 90th
    percentile.
    """
    from matplotlib.figure import Figure

    from symopt.plot import convergence, trajectory

    names = drawable(finishes)
    runs = {name: run for name in names if isinstance(run := outcomes[name], Run)}
    panels = 2 if runs and len(next(iter(runs.values())).theta) == 2 else 1
    figure = Figure(figsize=(PANEL[0] * panels, PANEL[1]), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, panels))
    shown: Any = runs or {name: _dataset(finishes[name]) for name in names}
    convergence(shown, ax=axes[0], optimum=zero.loss if math.isfinite(zero.loss) else None)
    if not zero.known:
        axes[0].set_ylabel(axes[0].get_ylabel().replace("J*", "best J of all"))
    if panels == 2:
        axes[0].get_legend().remove()
        trajectory(runs, ax=axes[1])
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


def drawable(finishes: Mapping[str, Finish]) -> list[str]:
    """Return the rules whose curves can be drawn, at most those ten that end lowest."""
    finite = [
        name
        for name, one in finishes.items()
        if any(math.isfinite(median(losses)) for losses in one.losses.T)
    ]
    lowest = sorted(finite, key=lambda name: median(finishes[name].final))[:DRAWN]
    return [name for name in finite if name in lowest]


def _dataset(finish: Finish) -> xr.Dataset:
    """Return recorded losses as a study has them."""
    import xarray as xr

    return xr.Dataset(
        {"history_loss": (("start", "step"), finish.losses)}, coords={"step": finish.steps}
    )
