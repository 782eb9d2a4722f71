"""Sizes before work: what does not fit into memory is refused before anything is done."""

from __future__ import annotations

import os
from pathlib import Path

from symopt.errors import RunError

GROUPS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Where Linux writes the limit of a container."""
UNKNOWN = 1 << 62
SMALL = 1 << 28  # bytes that any machine has: its memory is not asked for


def available() -> int:
    """Count the bytes of memory of the machine, or of its container where that has fewer."""
    return min(_physical(), *map(_limit, GROUPS))


def _physical() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # a system that does not tell
        return UNKNOWN


def _limit(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        return UNKNOWN


def check_runs(runs: int, bytes_each: int, what: str) -> None:
    """Refuse runs that do not fit.

    Parameters
    ----------
    runs, bytes_each
        How many there are, and what each takes.
    what
        How one of them is called in the message, as "run of 2 parameters".

    Raises
    ------
    RunError
        If they take more than there is; it says how many would fit.
    """
    if runs * bytes_each <= SMALL:
        return
    needed, there = runs * bytes_each, available()
    if needed > there:
        fit = there // bytes_each
        raise RunError(
            f"{runs} x a {what} takes {in_words(needed)} ({needed} bytes), and there are "
            f"{in_words(there)} of memory: "
            f"at most {fit} fit" + ("; ask for fewer, or in several parts" if fit else "")
        )


def in_words(size: int) -> str:
    """Write a number of bytes in GiB, or in MiB where it is small.

    >>> in_words(3 << 30), in_words(5 << 20)
    ('3.0 GiB', '5.0 MiB')
    """
    if size >= 1 << 30:
        return f"{size / 2**30:.1f} GiB"
    return f"{size / 2**20:.1f} MiB"
