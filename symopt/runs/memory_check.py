"""Refuses runs and recordings that would not fit into memory, before they start."""

from __future__ import annotations

from symopt.errors import RunError
from symopt.memory import check_runs
from symopt.runs.options import LARGEST_HISTORY, RunOptions

COPIES = 3  # of what a run holds: as it is laid out, in blocks, and as it is read


def check_memory(runs: int, size: int, settings: RunOptions | None = None, states: int = 0) -> None:
    """Refuse runs that do not fit into memory, and recordings that are long.

    Parameters
    ----------
    runs, size
        How many there are, and of how many parameters.
    settings
        What they have in common; left out where it is not known yet.
    states
        How many states a rule has.

    Raises
    ------
    RunError
        With the number of bytes, and what would fit.
    """
    records = 0
    if settings:
        records = len(settings.record)
    width = 1
    if settings and settings.paths:
        width = size + 1
    needed = records * runs * width * 8
    if needed > LARGEST_HISTORY:
        raise RunError(
            f"recording {records} steps of {runs} run(s) takes {needed / 2**30:.1f} GiB; "
            "record fewer, as in record=50 (log-spaced), none, or no paths (paths=False)"
        )
    numbers = COPIES * (size * (4 + states) + 8) + 2 * records * width  # as measured
    check_runs(runs, 8 * numbers, f"run of {size} parameter(s)")
