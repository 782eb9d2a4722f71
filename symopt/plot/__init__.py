"""Pictures: every function takes ``ax=None`` and returns the Axes it drew on.

What was measured is drawn solid, with bands from the 10th to the 90th percentile of many runs;
what theory predicts is drawn dashed.
"""

from symopt.plot._basins import basins
from symopt.plot._convergence import convergence
from symopt.plot._schedule import schedule
from symopt.plot._sensitivity import sensitivity
from symopt.plot._stability import stability
from symopt.plot._style import PREDICTED, line_style, style
from symopt.plot._survival import survival
from symopt.plot._trajectory import trajectory
from symopt.plot._velocity import velocity

__all__ = [
    "PREDICTED",
    "basins",
    "convergence",
    "line_style",
    "schedule",
    "sensitivity",
    "stability",
    "style",
    "survival",
    "trajectory",
    "velocity",
]
