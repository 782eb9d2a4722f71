"""Matrix expressions as entries of arrays and sums over indices."""

from symopt.frontend.matrices import entries  # noqa: F401  registers how entries are read
from symopt.frontend.matrices.reader import MatrixReader

__all__ = ["MatrixReader"]
