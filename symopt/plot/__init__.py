"""Pictures: every function takes ``ax=None`` and returns the Axes it drew on; pyplot is never touched."""

from symopt.plot.curves import convergence
from symopt.plot.paths import trajectory

__all__ = ["convergence", "trajectory"]
