"""What runs did: rates, times, basins, survival; each with its n and interval."""

from symopt.measure._basins import basin
from symopt.measure._hitting_time import hitting
from symopt.measure._plateau import plateau
from symopt.measure._proportions import Share, success
from symopt.measure._rate import rate
from symopt.measure._rate_models import Rate
from symopt.measure._saddle import saddle_escape
from symopt.measure._standard_errors import standard_errors
from symopt.measure._step_length import heading, speed_along
from symopt.measure._survival import LogRank, Survival, logrank, survival

__all__ = [
    "LogRank",
    "Rate",
    "Share",
    "Survival",
    "basin",
    "heading",
    "hitting",
    "logrank",
    "plateau",
    "rate",
    "saddle_escape",
    "speed_along",
    "standard_errors",
    "success",
    "survival",
]
