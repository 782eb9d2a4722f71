"""What runs did: rates, hitting and escape times, basins, survival; each number with its n and its interval."""

from symopt.measure.rates import rate
from symopt.measure.regimes import Rate

__all__ = ["Rate", "rate"]
