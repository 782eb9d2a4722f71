"""SciPy's minimisers on compiled costs, as references beside the rules."""

from symopt.reference.run import SciPyRun, scipy

__all__ = ["SciPyRun", "scipy"]
