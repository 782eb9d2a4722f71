"""A kernel under construction: the graph of its numbers, how they are printed, and the rule's part.

In step t a lane stands at theta of step t - 1: its loss is computed and observed first, then the
update. The update is kept only where the new theta is within the limit; a lane that fails stays
at its last finite theta for good, with a status. The step after the last one only observes.
"""

from __future__ import annotations

from symopt.compiler.codegen.kernel_spec import Options
from symopt.compiler.codegen.kernels.parts import Rows
from symopt.compiler.codegen.printer import Printer
from symopt.compiler.codegen.storage import StorageAssignment
from symopt.ir.keys import Coordinate, Each, Given, Hyper, Key, Normal, OldState
from symopt.ir.program import Graph
from symopt.ir.update import MOST_DRAWS, Update

OWN_DRAWS = MOST_DRAWS
"""Of twice as many a step: the rule's are numbered from here on, gradients' noise from 0."""


class KernelContext:
    """What all parts of a kernel share.

    Attributes
    ----------
    update, options
        The rule's update, and what the kernel is compiled for.
    rows
        Where its numbers lie.
    vector, lane_states
        The states with a number for each coordinate, and those with one for each lane.
    constants, steps
        Statements that are hoisted before the loop over steps, and to the head of its body.
    """

    def __init__(self, places: StorageAssignment, rows: Rows) -> None:
        self.places = places
        self.rows = rows
        self.update: Update = places.update
        self.options: Options = places.options
        self.layout = places.layout
        self.vector = places.vector
        self.lane_states = places.lane_states
        self.graph = Graph()
        self.printer = Printer(self.graph, self._binding_time, self.leaf)
        self.constants: list[str] = []
        self.steps: list[str] = []

    @property
    def draws(self) -> bool:
        """Whether the kernel draws random numbers: for noise of gradients, or for the rule."""
        return self.options.noise or self.update.draws > 0

    @property
    def iterate(self) -> Key:
        """The rows that are observed."""
        if self.update.iterate == "theta":
            return "theta"
        return OldState(self.update.iterate)

    # Inputs

    def _binding_time(self, key: Key) -> int:
        own = self.rows.binding_time(key)
        if own is None:
            return self.places.level(key)
        return own

    def leaf(self, key: Key) -> str:
        """Return the text of an input."""
        if isinstance(key, Each):  # the coordinate of the loop around
            return self.rows.each(key.which)
        entry = self.rows.input(key)
        if entry is not None:
            return entry
        if key == "t":
            return "t"
        if key in self.layout.cells:
            return self.cell_name(key)
        if isinstance(key, Normal):
            return self.normal(*key[1:])
        if isinstance(key, Coordinate):  # one coordinate, written out
            return self.rows.at(*key[1:])
        return self.rows.at(key)

    def cell_name(self, key: Key) -> str:
        """Return the name of a number that all lanes share."""
        return f"c{self.layout.cells[key]}"

    def normal(self, stage: int, coordinate: int | str) -> str:
        """Return the text of a standard normal number of a step, a gradient and a coordinate."""
        self.printer.functions.add("normal")
        stream = _whole_number(self.rows.at("stream"))
        return f"normal(seed, {stream}, step, {stage}, {coordinate})"

    # The rule

    def hyperparameter(self, name: Key) -> int:
        """Build a hyperparameter, or what schedules and other hyperparameters make of it."""
        key: Key = Hyper(name)
        if key in self.update.hypers.outputs:
            return self.graph.inline(self.update.hypers.only([key]), self.graph.input)[key]
        return self.graph.input(Given(name))

    def build_update(self, wanted: list[Key], own: dict[Key, int]) -> dict[Key, int]:
        """Build outputs of the rule's program; ``own`` gives what depends on the coordinate."""

        def given(key: Key) -> int:
            if key in own:
                return own[key]
            if isinstance(key, Hyper):
                return self.hyperparameter(key.which)
            return self.graph.input(key)

        return self.graph.inline(self.update.program.only(wanted), given)

    # Statements

    def write(
        self, nodes: list[int], lines: list[str], known: dict[int, tuple[str, int]] | None = None
    ) -> list[str]:
        """Print nodes into ``lines``, hoisting what can be, and return the texts for them."""
        scopes = (self.constants, self.steps, lines, lines)
        return self.printer.write(nodes, scopes, {} if known is None else known)


def _whole_number(text: str) -> str:
    """Return a whole float from 0 to 2**52 as an integer: its lowest bits, beside 2**52."""
    return f"bitcast_to_int({text} + 4503599627370496.0) & 4503599627370495"
