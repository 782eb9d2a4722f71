"""What all kernels have in common: the loop over steps, and what is looked at in each.

In step t a lane stands at theta of step t - 1: its loss is computed and observed first, then the
update. The update is kept only where the new theta is within the limit; a lane that fails stays
at its last finite theta for good, with a status. The step after the last one only observes.
``plan`` is (first step, last step, integers the kernel asks for ..., steps to record ..., -1).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from symopt.compiler.codegen.layout import CONVERGED, RUNNING, Kernel, Options, Places
from symopt.compiler.codegen.printer import Printer, indented, label, loop
from symopt.ir.program import Graph, Key
from symopt.ir.update import MOST_DRAWS, Update

SMALLEST_NORMAL = "2.2250738585072014e-308"
OWN_DRAWS = MOST_DRAWS  # of twice as many a step: the rule's are numbered from here on, the noise of gradients from 0
CADENCE = 16  # the gradient tolerance is tested every so many steps
PROBED = f"(((step - 1) & {CADENCE - 1}) == 0)"
"""The test of whether the gradient is looked at in a step."""
INFINITY = "from_bits(9218868437227405312)"


class Writer(ABC):
    """Writes one kernel; how the coordinates of a step are written is left to its kinds."""

    looped: bool

    def __init__(self, constants: Sequence[Key], update: Update, size: int | None, options: Options) -> None:
        self.update, self.options = update, options
        self.places = Places(constants, update, size, options, self.looped)
        self.layout, self.vector, self.lane_states = self.places.layout, self.places.vector, self.places.lane_states
        self.graph = Graph()
        self.printer = Printer(self.graph, self._level, self._leaf)
        self.constants: list[str] = []
        self.step: list[str] = []
        self.body: list[str] = []

    @property
    def draws(self) -> bool:
        """Whether the kernel draws random numbers: noise of its gradients, or numbers that the rule asks for."""
        return self.options.noise or self.update.draws > 0

    @abstractmethod
    def _steps(self) -> list[str]:
        """Return the statements of observing and updating all lanes once."""

    @abstractmethod
    def _is_flat(self) -> tuple[list[str], list[str], str]:
        """Return the test of the gradient: statements outside and inside the loop over lanes, and its text."""

    @abstractmethod
    def kernel(self) -> Kernel:
        """Write the whole kernel."""

    def _advance(self) -> list[str]:
        """Return the statements of taking steps."""
        self.body += self._begin() + self._record_theta() + self._advance_powers()
        if self.options.tolerance:
            self.body += self._probe()
        self.body += self._steps()
        self.body += self._record_loss()
        ends = self._scalar_states()
        scalars = [key for key in self.layout.cells if key[0] in ("state", "power")]
        powers = [key for key in scalars if key[0] == "power"]
        return [
            *self._map(),
            "first = plan[0]",
            "last = plan[1]",
            f"slot = {self._header()}",
            *(f"{self._cell_name(key)} = {self._cell(key)}  # {label(key)}" for key in self.layout.cells),
            *self.constants,
            "for step in range(first, last + 1):",
            "    t = float64(step)",
            "    before = t - 1.0",
            *indented(line for key in powers for line in self._power(key)),
            *indented(self.step),
            *indented(self.body),
            *indented(ends),
            *(f"{self._cell(key)} = {self._cell_name(key)}" for key in scalars),
            *self._end(),
        ]

    def _begin(self) -> list[str]:
        """Return what every step begins with."""
        return []

    def _end(self) -> list[str]:
        """Return what every call ends with."""
        return []

    @abstractmethod
    def _header(self) -> str:
        """Return how many integers of the plan come before the steps to record."""

    def _level(self, key: Key) -> int:
        """Return when an input is known."""
        return self.places.level(key)

    def _cell(self, key: Key) -> str:
        """Return where a cell lies."""
        return f"block[{self.layout.at(key)}]"

    def _map(self) -> list[str]:
        """Return comments that say what lies where in a block."""
        lanes = self.layout.lanes
        rows = [
            (key, self.layout.at(key), self.layout.at(key) + rows * lanes)
            for key, (_, rows) in self.layout.rows.items()
        ]
        return [f"# block[{start}:{stop}]: {label(key)}" for key, start, stop in rows]

    def _power(self, key: Key) -> list[str]:
        """Return the statements of a running product; a denormal would never reach 0, and is slow."""
        name = self._cell_name(key)
        product = f"{name} = {name}*{self._cell_name(('factor', key[1]))}"
        return [product, f"{name} = 0.0 if fabs({name}) < {SMALLEST_NORMAL} else {name}"]

    def _scalar_states(self) -> list[str]:
        """Return the statements that give the states with one value a block their next values."""
        names = [s.name for s in self.update.states if s.name not in self.vector | self.lane_states]
        nodes = [self._update([("new", name)], {})["new", name] for name in names]
        texts = self._write(nodes, [], {})
        lines = [f"next{k} = {text}" for k, text in enumerate(texts)]
        return lines + [f"{self._cell_name(('state', name))} = next{k}" for k, name in enumerate(names)]

    # The graph

    def _leaf(self, key: Key) -> str:
        if key == "t":
            return "t"
        if key in self.layout.cells:
            return self._cell_name(key)
        if key[0] == "normal":
            return self._normal(*key[1:])
        if key[0] == "at":  # one coordinate, written out
            return self._at(*key[1:])
        if key[0] == "each":  # the coordinate of the loop around
            return f"block[row + {self.layout.at(key[1])} + i]"
        return self._at(key)

    def _normal(self, stage: int, coordinate: int | str) -> str:
        """Return the text of a standard normal number of a step, a gradient and a coordinate."""
        self.printer.functions.add("normal")
        return f"normal(seed, {self._whole(self._at('stream'))}, step, {stage}, {coordinate})"

    @staticmethod
    def _whole(text: str) -> str:
        """Return a whole float from 0 to 2**52 as an integer: its lowest bits, beside 2**52."""
        return f"bits({text} + 4503599627370496.0) & 4503599627370495"

    def _cell_name(self, key: Key) -> str:
        return f"c{self.layout.cells[key]}"

    def _hyper(self, name: Key) -> int:
        key: Key = ("hyper", name)
        if key in self.update.hypers.outputs:
            return self.graph.splice(self.update.hypers.only([key]), self.graph.input)[key]
        return self.graph.input(("given", name))

    def _constant_or_hyper(self, key: Key) -> int:
        return self._hyper(key[1]) if key[0] == "hyper" else self.graph.input(key)

    def _update(self, wanted: list[Key], own: dict[Key, int]) -> dict[Key, int]:
        """Build outputs of the rule's program; ``own`` gives the inputs that depend on the coordinate."""

        def given(key: Key) -> int:
            return own[key] if key in own else self._constant_or_hyper(key)

        return self.graph.splice(self.update.program.only(wanted), given)

    @property
    def _iterate(self) -> Key:
        """The rows that are observed."""
        return "theta" if self.update.iterate == "theta" else ("state", self.update.iterate)

    # Statements

    def _write(self, numbers: list[int], lines: list[str], known: dict[int, tuple[str, int]]) -> list[str]:
        return self.printer.write(numbers, (self.constants, self.step, lines, lines), known)

    def _at(self, key: Key, k: int = 0) -> str:
        return f"block[{self.layout.at(key, k)} + i]"

    def _advance_powers(self) -> list[str]:
        """Return the loop that takes the running products of each lane one step further."""
        lines = []
        for key in (key for key in self.layout.rows if key[0] == "power"):
            at = self._at(key)
            lines.append(f"power = {at}*{self._at(('factor', key[1]))}")
            lines.append(f"{at} = 0.0 if fabs(power) < {SMALLEST_NORMAL} else power")
        return loop("i", self.options.lanes, lines) if lines else []

    def _observe(self, loss: str, whole: str = "") -> list[str]:
        """Return the statements that look at the loss of the theta at which the step begins.

        ``whole`` is the test of whether the loss is of all samples, where it can be another.
        """
        test, last = f"seen & {whole}" if whole else "seen", self._at("loss")
        lines = [
            f"status = {self._at('status')}",
            f"steps = {self._at('steps')}",
            "seen = (steps == before)",
            f"going = seen & (status == {RUNNING}) & (t <= {self._cell_name('T')})",
            # a run that has ended keeps its loss, which a later batch would not give
            f"{last} = {f'({loss} if seen else {last})' if whole else loss}",
        ]
        if self.options.best:
            best = self._at("best_loss")
            lines += [f"better = {test} & ({loss} < {best})", f"{best} = {loss} if better else {best}"]
        for j in range(self.options.targets):
            hit, target = self._at(("hit", j)), self._cell_name(("target", j))
            lines.append(f"{hit} = before if {test} & ({hit} < 0.0) & ({loss} <= {target}) else {hit}")
        return lines

    def _kept(self, place: str, new: str) -> str:
        """Return the statement that takes a new value where the step succeeded."""
        return f"{place} = {new} if ok else {place}"

    @abstractmethod
    def _numbers(self) -> tuple[str, str]:
        """Return how many numbers theta holds, and the text of number i of the iterate."""

    def _record_theta(self) -> list[str]:
        size, number = self._numbers()
        lanes = self.options.lanes
        lines = ["kept = (plan[slot] == step - 1)", f"at = (slot - {self._header()})*{lanes}"]
        if not self.options.paths:
            return lines
        lines[1] = f"at = (slot - {self._header()})*({size} + {lanes})"
        return [*lines, "if kept:", *indented(loop("i", size, [f"out[at + i] = {number}"]))]

    def _record_loss(self) -> list[str]:
        place = f"out[at + {self._numbers()[0]} + i]" if self.options.paths else "out[at + i]"
        copy = loop("i", self.options.lanes, [f"{place} = {self._at('loss')}"])
        return ["if kept:", *indented([*copy, "slot = slot + 1"])]

    def _probe(self) -> list[str]:
        """Return the test of the gradient's largest component, at a fixed cadence in steps."""
        outside, lines, flat = self._is_flat()
        status = self._at("status")
        lines += [
            f"seen = ({self._at('steps')} == before) & ({status} == {RUNNING})",
            f"{status} = {CONVERGED} if seen & {flat} else {status}",
        ]
        when = f"if {PROBED} | (t > {self._cell_name('T')}):"
        return [when, *indented([*outside, *loop("i", self.options.lanes, lines)])]
