"""The inverse and the determinant of an array, as values of intermediates.

Both come from Gaussian elimination with partial pivoting, for which a part of the intermediate is
work space (see :mod:`symopt.ir.elimination`).
"""

from __future__ import annotations

import sympy as sp

from symopt.ir.elimination import DETERMINANT, INVERSE, RESULTS


class Eliminated(sp.Expr):  # type: ignore[misc]
    """What elimination of a square array leaves: its arguments are its last entry and n."""

    is_commutative = True
    kind: str
    more: int

    @property
    def source(self) -> sp.Indexed:
        """The last entry of the array that is eliminated."""
        return self.args[0]

    @property
    def size(self) -> sp.Expr:
        """Its number of rows, n."""
        return self.args[1]

    @property
    def rows(self) -> sp.Expr:
        """How many rows the intermediate has."""
        return 2 * self.size + self.more


class InverseOf(Eliminated):
    """The inverse, in the first n rows."""

    kind, more = INVERSE, 0


class DeterminantOf(Eliminated):
    """The determinant, log|determinant| and its sign, first in the rows 2*n and on."""

    kind, more = DETERMINANT, RESULTS
