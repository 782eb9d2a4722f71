"""SciPy's minimisers on compiled costs, as references beside the rules."""

from symopt.interop.scipy.minimize import SciPyRun, scipy

__all__ = ["SciPyRun", "scipy"]
