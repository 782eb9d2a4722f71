"""Pictures: every function takes ``ax=None`` and returns the Axes it drew on; pyplot is never touched."""

from symopt.plot.curves import convergence
from symopt.plot.motion import velocity
from symopt.plot.paths import trajectory
from symopt.plot.planes import basins, stability
from symopt.plot.sensitivity import sensitivity
from symopt.plot.style import style
from symopt.plot.survival import survival

__all__ = ["basins", "convergence", "sensitivity", "stability", "style", "survival", "trajectory", "velocity"]
