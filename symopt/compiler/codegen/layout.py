"""A block: everything one call of a kernel changes, as one flat array.

Rows of ``lanes`` numbers (the coordinates of theta and of each state, loss, status, ...), then
single cells. One base pointer with constant offsets lets LLVM see that no two rows overlap. Where
the number of parameters is known only when a kernel runs, what has a row for each of them is wide:
it lies behind the other rows, and a kernel takes it as an array of its own.
"""

from __future__ import annotations

from symopt.ir.keys import Key

CACHE_LINE = 8  # numbers

RUNNING, CONVERGED, DIVERGED, NONFINITE = 0.0, 1.0, 2.0, 3.0
"""The numbers of a lane's status row."""

INFINITY = "bitcast_to_float(9218868437227405312)"


class Layout:
    """Where everything lies in a block: rows of one number a lane, then single cells."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.rows: dict[Key, tuple[int, int]] = {}
        self.wide: list[Key] = []
        self.cells: dict[Key, int] = {}
        self.height = 0

    def row(self, key: Key, count: int = 1) -> None:
        """Add ``count`` rows."""
        self.rows[key] = (self.height, count)
        self.height += count

    def cell(self, key: Key) -> None:
        """Add a cell."""
        self.cells[key] = len(self.cells)

    def sized(self, n: int) -> Layout:
        """Return the layout for ``n`` parameters; wide parts begin at cache lines."""
        if not self.wide:
            return self
        result = Layout(self.lanes)
        result.rows, result.cells, result.height = dict(self.rows), self.cells, self.height
        rows = -(-CACHE_LINE // self.lanes)
        for key in self.wide:
            result.height = -(-result.height // rows) * rows
            result.row(key, n)
        return result

    @property
    def size(self) -> int:
        """Numbers in a block."""
        return self.height * self.lanes + max(len(self.cells), 1)

    def at(self, key: Key, k: int = 0) -> int:
        """Return where row ``k`` of ``key`` begins, or where the cell is."""
        if key in self.rows:
            return (self.rows[key][0] + k) * self.lanes
        return self.height * self.lanes + self.cells[key]
