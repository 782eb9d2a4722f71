"""A block: everything one call of a kernel changes, as one flat array.

Rows of ``lanes`` numbers (the coordinates of theta and of each state, loss, status, ...), then
single cells. One base pointer with constant offsets lets LLVM see that no two rows overlap. Where
the number of parameters is known only when a kernel runs, what has a row for each of them is wide:
it lies behind the other rows, and a kernel takes it as an array of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from symopt.compiler.codegen.printer import CONSTANT, LANE, STEP
from symopt.ir.program import Key, Name, Program
from symopt.ir.update import LATE, Update, find_dependent_states

CACHE_LINE = 8  # numbers
RUNNING, CONVERGED, DIVERGED, NONFINITE = 0.0, 1.0, 2.0, 3.0
"""The numbers of a lane's status row."""
INFINITY = "from_bits(9218868437227405312)"


@dataclass(frozen=True)
class Options:
    """What a kernel is compiled for, besides cost and rule.

    Attributes
    ----------
    lanes
        Runs in one block.
    swept
        Keys of the hyperparameters (``("given", name)``) and constants (``("c", name)``) that
        have one value a lane; the others have one value a block.
    best
        Whether the best loss and its theta are kept.
    targets
        For how many losses the first step at or below them is kept.
    tolerance
        Whether a small gradient ends a run.
    paths
        Whether theta is recorded beside the loss.
    batch
        Whether gradients are taken over mini-batches.
    noise
        Whether gradients are noisy.
    """

    lanes: int = 1
    swept: frozenset[Key] = frozenset()
    best: bool = True
    targets: int = 0
    tolerance: bool = False
    paths: bool = True
    batch: bool = False
    noise: bool = False


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


class StorageAssignment:
    """What has a row and what has a cell, for one cost, rule and set of swept values.

    Attributes
    ----------
    vector
        States with a row for each coordinate.
    lane_states
        States with one number a lane; all other states have one number a block.
    swept_powers
        Powers that differ from lane to lane.
    """

    def __init__(
        self,
        constants: Sequence[Key],
        update: Update,
        size: int | None,
        options: Options,
        looped: bool,
    ) -> None:
        self.constants, self.update, self.n, self.options = constants, update, size, options
        self.vector = {state.name for state in update.states if state.vector}
        late = find_dependent_states(
            update.program, {s.name: s.initial for s in update.states}, LATE
        )
        self.swept_powers = self._swept_powers()
        touched = {s.name for s in update.states if s.name in late or self._is_swept_state(s.name)}
        self.lane_states = touched - self.vector
        self.layout = self._layout()
        if looped:
            self._working_rows(self.layout)

    def _each(self, layout: Layout, key: Key) -> None:
        """Add a row for each parameter."""
        if self.n is None:
            layout.wide.append(key)
        else:
            layout.row(key, self.n)

    def level(self, key: Key) -> int:
        """Return when an input is known."""
        if key[0] == "size":
            return CONSTANT
        if key == "t" or (key[0] == "power" and key not in self.swept_powers):
            return STEP
        if key[0] == "state" and key[1] not in self.lane_states | self.vector:
            return STEP
        if key in self.layout.cells:
            return CONSTANT
        return LANE

    def _reaches_swept(self, program: Program, outputs: list[Key], more: set[Key]) -> bool:
        present = [key for key in outputs if key in program.outputs]
        return any(key in self.options.swept or key in more for key in program.only(present).inputs)

    def _swept_powers(self) -> set[Key]:
        """Return the powers that differ from lane to lane; those of schedules never do."""
        swept: set[Key] = set()
        for k in range(self.update.powers):
            if self._reaches_swept(
                self.update.hypers, [("base", k), ("rate", k), ("offset", k)], swept
            ):
                swept.add(("power", k))
        return swept

    def _is_swept_state(self, name: str) -> bool:
        """Return whether a scalar state depends on swept values, now or through other states."""
        swept: set[Key] = self.swept_powers | {
            ("hyper", key[1]) for key in self.options.swept if key[0] == "given"
        }
        reached: set[str] = set()
        while True:
            more = swept | {("state", other) for other in reached}
            found = {
                s.name
                for s in self.update.states
                if self._reaches_swept(self.update.program, [("new", s.name)], more)
                or ("hyper", s.initial) in swept
            }
            if found <= reached:
                return name in reached
            reached |= found

    def _layout(self) -> Layout:
        layout = Layout(self.options.lanes)
        self._each(layout, "theta")
        self._state_places(layout)
        self._given_places(layout)
        self._observed_places(layout)
        return layout

    def _state_places(self, layout: Layout) -> None:
        """Add states and running products."""
        for state in self.update.states:
            if state.vector:
                self._each(layout, ("state", state.name))
            elif state.name in self.lane_states:
                layout.row(("state", state.name))
            else:
                layout.cell(("state", state.name))
        for k in range(self.update.powers):
            place = layout.cell
            if ("power", k) in self.swept_powers:
                place = layout.row
            place(("power", k))
            place(("factor", k))

    def _given_places(self, layout: Layout) -> None:
        """Add hyperparameters and the cost's constants."""
        hypers: list[Key] = [("given", name) for name in self.update.given]
        for key in (*hypers, *self.constants):
            if key in self.options.swept:
                layout.row(key)
            else:
                layout.cell(key)

    def _observed_places(self, layout: Layout) -> None:
        """Add what is observed, and what it is compared with."""
        options = self.options
        for name in ("loss", "status", "steps"):
            layout.row(name)
        if options.best:
            layout.row("best_loss")
            self._each(layout, "best")
        for j in range(options.targets):
            layout.row(("hit", j))
            layout.cell(("target", j))
        for name in ("limit", "T", "n", "tolerance"):
            layout.cell(name)
        if options.noise or self.update.draws:
            layout.row("stream")
        if options.noise:
            layout.cell("noise")

    def _working_rows(self, layout: Layout) -> None:
        for stage in self.update.stages:
            if stage.kind in ("grad", "solve"):
                self._each(layout, (stage.kind, stage.number))
            else:
                layout.row((stage.kind, stage.number))
        if self.n is not None and any(stage.kind == "solve" for stage in self.update.stages):
            layout.row("matrix", self.n**2)
            layout.row("factor")
        self._each(layout, "point")
        if self.n is None and self.options.lanes == 1:
            self._each(layout, "next")
        else:
            for name in ("theta", *sorted(self.vector)):
                self._each(layout, ("before", name))
        for name in ("going", "better", "bad"):
            layout.row(name)


@dataclass(frozen=True)
class Kernel:
    """A kernel's source, and what a driver must know to fill and read its blocks.

    Attributes
    ----------
    size
        The number of parameters, or None where the kernel serves any number.
    integers
        What the kernel wants to know when it runs, in the order of ``plan``.
    stored
        The arrays it stores on the way, which lie behind the cells.
    rerun
        Whether a step that fails leaves the block as it became, for the driver to go back.
    """

    source: str
    layout: Layout
    update: Update
    options: Options
    size: int | None
    integers: tuple[Key, ...] = ()
    stored: tuple[Name, ...] = ()
    rerun: bool = False


@dataclass(frozen=True)
class LoopCost:
    """A cost with sums, as kernels take it.

    Attributes
    ----------
    gradient
        The program of J and its gradient, over all samples.
    batch
        The program of J and its gradient over a mini-batch.
    arrays
        The parameter arrays, in the order of theta.
    constants
        The keys of the constants.
    data
        The data arrays and their kinds: f for numbers, i for integers.
    """

    gradient: Program
    batch: Program | None
    arrays: tuple[Name, ...]
    constants: tuple[Key, ...]
    data: Mapping[Name, str]
