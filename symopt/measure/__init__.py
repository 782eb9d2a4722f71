"""What runs did: rates, hitting and escape times, basins, survival; each number with its n and its interval."""

from symopt.measure.basins import basin
from symopt.measure.hitting import hitting
from symopt.measure.motion import heading, speed_along
from symopt.measure.plateau import plateau
from symopt.measure.rates import rate
from symopt.measure.regimes import Rate
from symopt.measure.saddle import saddle_escape
from symopt.measure.shares import Share, success
from symopt.measure.survival import LogRank, Survival, logrank, survival

__all__ = [
    "LogRank", "Rate", "Share", "Survival", "basin", "heading", "hitting", "logrank", "plateau", "rate",
    "saddle_escape", "speed_along", "success", "survival",
]  # fmt: skip
