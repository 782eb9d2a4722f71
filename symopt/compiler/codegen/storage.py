"""What has a row, a cell or an array of its own in a block, for one cost, rule and sweep."""

from __future__ import annotations

from collections.abc import Sequence

from symopt.compiler.codegen.kernel_spec import Options
from symopt.compiler.codegen.layout import Layout
from symopt.compiler.codegen.printer import CONSTANT, LANE, STEP
from symopt.ir.dependence import LATE, find_dependent_states
from symopt.ir.keys import (
    Base,
    Before,
    Factor,
    Given,
    Hit,
    Hyper,
    Key,
    NewState,
    Offset,
    OldState,
    Power,
    Rate,
    SizeValue,
    Target,
)
from symopt.ir.program import Program
from symopt.ir.update import Update


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
        if isinstance(key, SizeValue):
            return CONSTANT
        if key == "t" or (isinstance(key, Power) and key not in self.swept_powers):
            return STEP
        if isinstance(key, OldState) and key.which not in self.lane_states | self.vector:
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
            if self._reaches_swept(self.update.hypers, [Base(k), Rate(k), Offset(k)], swept):
                swept.add(Power(k))
        return swept

    def _is_swept_state(self, name: str) -> bool:
        """Return whether a scalar state depends on swept values, now or through other states."""
        swept: set[Key] = self.swept_powers | {
            Hyper(key.which) for key in self.options.swept if isinstance(key, Given)
        }
        reached: set[str] = set()
        while True:
            more = swept | {OldState(other) for other in reached}
            found = {
                s.name
                for s in self.update.states
                if self._reaches_swept(self.update.program, [NewState(s.name)], more)
                or Hyper(s.initial) in swept
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
                self._each(layout, OldState(state.name))
            elif state.name in self.lane_states:
                layout.row(OldState(state.name))
            else:
                layout.cell(OldState(state.name))
        for k in range(self.update.powers):
            place = layout.cell
            if Power(k) in self.swept_powers:
                place = layout.row
            place(Power(k))
            place(Factor(k))

    def _given_places(self, layout: Layout) -> None:
        """Add hyperparameters and the cost's constants."""
        hypers: list[Key] = [Given(name) for name in self.update.given]
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
            layout.row(Hit(j))
            layout.cell(Target(j))
        for name in ("limit", "T", "n", "tolerance"):
            layout.cell(name)
        if options.noise or self.update.draws:
            layout.row("stream")
        if options.noise:
            layout.cell("noise")

    def _working_rows(self, layout: Layout) -> None:
        for stage in self.update.stages:
            if stage.per_coordinate:
                self._each(layout, stage.key)
            else:
                layout.row(stage.key)
        solves = any(stage.kind == "solve" for stage in self.update.stages)
        if solves:
            layout.row("factor")
        if solves and self.n is not None:
            layout.row("matrix", self.n**2)
        self._each(layout, "point")
        if "hvp" in self.update.curvature or (solves and self.n is None):
            self._each(layout, "direction")
        if self.n is None and self.options.lanes == 1:
            self._each(layout, "next")
        else:
            for name in ("theta", *sorted(self.vector)):
                self._each(layout, Before(name))
        for name in ("going", "better", "bad"):
            layout.row(name)
