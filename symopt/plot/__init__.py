"""Pictures: every function takes ``ax=None`` and returns the Axes it drew on; pyplot is never touched.

What was measured is drawn solid, with bands from the 10th to the 90th percentile of many runs;
what theory predicts is drawn dashed.
"""

from symopt.plot.basins import basins
from symopt.plot.curves import convergence
from symopt.plot.motion import velocity
from symopt.plot.paths import trajectory
from symopt.plot.planes import stability
from symopt.plot.schedules import schedule
from symopt.plot.sensitivity import sensitivity
from symopt.plot.style import line_style, style
from symopt.plot.survival import survival

__all__ = [
    "basins", "convergence", "line_style", "schedule", "sensitivity", "stability", "style", "survival", "trajectory",
    "velocity",
]  # fmt: skip
