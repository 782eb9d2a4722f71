"""The kernel of a run: cost and rule printed as one loop over steps, lanes and coordinates.

A block holds everything one call changes, as one flat array: rows of ``lanes`` numbers (the
coordinates of theta and of each state, loss, status, ...), then single cells. One base pointer
with constant offsets lets LLVM see that no two rows overlap. The kernel advances one block by a
chunk of steps; ``plan`` is (first step, last step, steps to record ..., -1).

In step t a lane stands at theta of step t - 1: its loss is computed and observed first, then the
update. The update is kept only where the new theta is within the limit; a lane that fails stays
at its last finite theta for good, with a status. The step after the last one only observes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from symopt.autodiff.program import Graph, Key, Program
from symopt.autodiff.update import LATE, VECTOR, Stage, Update, find_states
from symopt.compiler import vecmath
from symopt.compiler.printer import CONSTANT, FOOTER, HEADER, LANE, STEP, Printer, indented, loop

RUNNING, CONVERGED, DIVERGED, NONFINITE = 0.0, 1.0, 2.0, 3.0
"""The numbers of a lane's status row."""
UNROLLED = 4  # up to this many parameters the coordinates are written out
SMALLEST_NORMAL = "2.2250738585072014e-308"
CADENCE = 16  # the gradient tolerance is tested every so many steps
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
    """

    lanes: int = 1
    swept: frozenset[Key] = frozenset()
    best: bool = True
    targets: int = 0
    tolerance: bool = False


class Layout:
    """Where everything lies in a block: rows of one number a lane, then single cells."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.rows: dict[Key, tuple[int, int]] = {}
        self.cells: dict[Key, int] = {}
        self.height = 0

    def row(self, key: Key, count: int = 1) -> None:
        """Add ``count`` rows."""
        self.rows[key] = (self.height, count)
        self.height += count

    def cell(self, key: Key) -> None:
        """Add a cell."""
        self.cells[key] = len(self.cells)

    @property
    def size(self) -> int:
        """Numbers in a block."""
        return self.height * self.lanes + max(len(self.cells), 1)

    def at(self, key: Key, k: int = 0) -> int:
        """Return where row ``k`` of ``key`` begins, or where the cell is."""
        if key in self.rows:
            return (self.rows[key][0] + k) * self.lanes
        return self.height * self.lanes + self.cells[key]


@dataclass(frozen=True)
class Kernel:
    """A kernel's source, and what a driver must know to fill and read its blocks."""

    source: str
    layout: Layout
    update: Update
    options: Options
    size: int


class Writer:
    """Writes one kernel."""

    def __init__(self, cost: Program, update: Update, size: int, options: Options) -> None:
        self.cost, self.update, self.n, self.options = cost, update, size, options
        self.unrolled = size <= UNROLLED
        self.graph = Graph()
        self.vector = {state.name for state in update.states if state.vector}
        late = find_states(update.program, {s.name: s.initial for s in update.states}, LATE)
        self.swept_hypers = self._swept_hypers()
        self.lane_states = {
            s.name for s in update.states if s.name in late or self._is_swept_state(s.name)
        } - self.vector
        self.layout = self._layout()
        self.printer = Printer(self.graph, self._level, self._leaf)
        self.constants: list[str] = []
        self.step: list[str] = []
        self.body: list[str] = []

    # What varies over lanes

    def _reaches_swept(self, program: Program, outputs: list[Key], more: set[Key]) -> bool:
        present = [key for key in outputs if key in program.outputs]
        return any(key in self.options.swept or key in more for key in program.only(present).inputs)

    def _swept_hypers(self) -> set[Key]:
        """Return the powers and scheduled hyperparameters that differ from lane to lane."""
        swept: set[Key] = set()
        for k in range(self.update.powers):
            if self._reaches_swept(self.update.hypers, [("base", k), ("rate", k), ("offset", k)], swept):
                swept.add(("power", k))
        for key in self.update.hypers.outputs:
            if isinstance(key, tuple) and key[0] == "hyper" and self._reaches_swept(self.update.hypers, [key], swept):
                swept.add(key)
        return swept

    def _is_swept_state(self, name: str) -> bool:
        """Return whether a scalar state depends on swept values, now or through other states."""
        swept: set[Key] = self.swept_hypers | {("hyper", key[1]) for key in self.options.swept if key[0] == "given"}
        reached: set[str] = set()
        while True:
            more = swept | {("state", other) for other in reached}
            found = {
                s.name
                for s in self.update.states
                if self._reaches_swept(self.update.program, [("new", s.name)], more) or ("hyper", s.initial) in swept
            }
            if found <= reached:
                return name in reached
            reached |= found

    def _layout(self) -> Layout:
        layout, update, options, n = Layout(self.options.lanes), self.update, self.options, self.n
        layout.row("theta", n)
        for state in update.states:
            if state.vector:
                layout.row(("state", state.name), n)
            elif state.name in self.lane_states:
                layout.row(("state", state.name))
            else:
                layout.cell(("state", state.name))
        for k in range(update.powers):
            place = layout.row if ("power", k) in self.swept_hypers else layout.cell
            place(("power", k))
            place(("factor", k))
        constants = [key for key in self.cost.inputs if key[0] == "c"]
        for key in [*(("given", name) for name in update.given), *constants]:
            (layout.row if key in options.swept else layout.cell)(key)
        for name in ("loss", "status", "steps"):
            layout.row(name)
        if options.best:
            layout.row("best_loss")
            layout.row("best", n)
        for j in range(options.targets):
            layout.row(("hit", j))
            layout.cell(("target", j))
        for name in ("limit", "T", "n", "tolerance"):
            layout.cell(name)
        if not self.unrolled:
            self._working_rows(layout)
        return layout

    def _working_rows(self, layout: Layout) -> None:
        for stage in self.update.stages:
            if stage.kind == "grad":
                layout.row(("grad", stage.number), self.n)
            else:
                layout.row(("sum", stage.number))
        layout.row("point", self.n)
        for name in ("theta", *sorted(self.vector)):
            layout.row(("before", name), self.n)
        for name in ("going", "better", "bad"):
            layout.row(name)

    # Inputs of the graph

    def _level(self, key: Key) -> int:
        if key == "t" or (key[0] == "power" and key not in self.swept_hypers):
            return STEP
        if key[0] == "state" and key[1] not in self.lane_states | self.vector:
            return STEP
        return CONSTANT if key in self.layout.cells else LANE

    def _leaf(self, key: Key) -> str:
        if key == "t":
            return "t"
        if key in self.layout.cells:
            return self._cell_name(key)
        if key[0] == "at":  # one coordinate, written out
            return self._at(*key[1:])
        if key[0] == "each":  # the coordinate of the loop around
            return f"block[row + {self.layout.at(key[1])} + i]"
        return self._at(key)

    def _cell_name(self, key: Key) -> str:
        return f"c{self.layout.cells[key]}"

    def _hyper(self, name: Key) -> int:
        key: Key = ("hyper", name)
        if key in self.update.hypers.outputs:
            return self.graph.splice(self.update.hypers.only([key]), self.graph.input)[key]
        return self.graph.input(("given", name))

    def _constant_or_hyper(self, key: Key) -> int:
        return self._hyper(key[1]) if key[0] == "hyper" else self.graph.input(key)

    # Printing

    def _write(self, numbers: list[int], lines: list[str], known: dict[int, tuple[str, int]]) -> list[str]:
        return self.printer.write(numbers, (self.constants, self.step, lines), known)

    def kernel(self) -> Kernel:
        """Write the whole kernel."""
        self.body += self._record_theta() + self._advance_powers()
        if self.options.tolerance:
            self.body += self._probe()
        self.body += self._unrolled_step() if self.unrolled else self._looped_step()
        self.body += self._record_loss()
        return Kernel(self._source(), self.layout, self.update, self.options, self.n)

    def _source(self) -> str:
        ends = self._scalar_states()
        scalars = [key for key in self.layout.cells if key[0] in ("state", "power")]
        powers = [key for key in scalars if key[0] == "power"]
        advance = [
            "first = plan[0]",
            "last = plan[1]",
            "slot = 2",
            *(f"{self._cell_name(key)} = block[{self.layout.at(key)}]" for key in self.layout.cells),
            *self.constants,
            "for step in range(first, last + 1):",
            "    t = float64(step)",
            "    before = t - 1.0",
            *indented(line for key in powers for line in self._power(key)),
            *indented(self.step),
            *indented(self.body),
            *indented(ends),
            *(f"block[{self.layout.at(key)}] = {self._cell_name(key)}" for key in scalars),
        ]
        functions = vecmath.source(sorted(self.printer.functions))
        parts = [HEADER, *([functions] if functions else [])]
        text = "\n".join(["def advance(block, plan, out):", *indented(advance)])
        return "\n\n".join([*parts, text]) + "\n\n" + FOOTER.format(name="advance")

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
        lines = [f"n{k} = {text}" for k, text in enumerate(texts)]
        return lines + [f"{self._cell_name(('state', name))} = n{k}" for k, name in enumerate(names)]

    # The step, coordinates written out

    def _update(self, wanted: list[Key], own: dict[Key, int]) -> dict[Key, int]:
        """Build outputs of the rule's program; ``own`` gives the inputs that depend on the coordinate."""

        def given(key: Key) -> int:
            return own[key] if key in own else self._constant_or_hyper(key)

        return self.graph.splice(self.update.program.only(wanted), given)

    def _cost(self, point: list[int], wanted: list[Key]) -> dict[Key, int]:
        """Build the cost and derivatives at a point."""

        def given(key: Key) -> int:
            return point[key[1]] if key[0] == "x" else self.graph.input(key)  # type: ignore[index]

        return self.graph.splice(self.cost.only(wanted), given)

    @property
    def _gradient(self) -> list[Key]:
        return [("g", k) for k in range(self.n)]

    @property
    def _iterate(self) -> Key:
        """The rows that are observed."""
        return "theta" if self.update.iterate == "theta" else ("state", self.update.iterate)

    def _rows(self, name: Key) -> list[int]:
        return [self.graph.input(("at", name, k)) for k in range(self.n)]

    def _unrolled_inputs(self) -> list[dict[Key, int]]:
        """Return, for each coordinate, the inputs of the rule's program, stage after stage."""
        own: list[dict[Key, int]] = [{"theta": node} for node in self._rows("theta")]
        for name in self.vector:
            for k, node in enumerate(self._rows(("state", name))):
                own[k]["state", name] = node
        for stage in self.update.stages:
            key: Key = ("point" if stage.kind == "grad" else "summand", stage.number)
            parts = [self._update([key], own[k])[key] for k in range(self.n)]
            if stage.kind == "grad":
                slopes = self._cost(parts, self._gradient)
                values = [slopes["g", k] for k in range(self.n)]
            else:
                values = [self._total(parts)] * self.n
            for k in range(self.n):
                own[k][stage.kind, stage.number] = values[k]
        return own

    def _total(self, parts: list[int]) -> int:
        total = self.graph.const(0.0)
        for part in parts:
            total = self.graph.op("add", total, part)
        return total

    def _unrolled_step(self) -> list[str]:
        own = self._unrolled_inputs()
        loss = self._cost(self._rows(self._iterate), ["J"])["J"]
        lanes = [s.name for s in self.update.states if s.name in self.lane_states]
        vectors: list[Key] = ["theta", *(s.name for s in self.update.states if s.vector)]
        new = [[self._update([("new", name)], own[k])["new", name] for k in range(self.n)] for name in vectors]
        scalar = [self._update([("new", name)], own[0])["new", name] for name in lanes]
        lines: list[str] = []
        texts = self._write([loss, *chain.from_iterable(new), *scalar], lines, {})
        theta = texts[1 : 1 + self.n]
        lines += ["loss = " + texts[0], *self._observe("loss"), *self._best_theta()]
        within = [f"(fabs({text}) <= {self._cell_name('limit')})" for text in ("loss", *theta)]
        finite = [f"(fabs({text}) < {INFINITY})" for text in ("loss", *theta)]
        places = [(name if name == "theta" else ("state", name), k) for name in vectors for k in range(self.n)]
        places += [(("state", name), 0) for name in lanes]
        lines += [
            f"ok = going & {' & '.join(within)}",
            f"finite = {' & '.join(finite)}",
            *self._commit([(self._at(key, k), text) for (key, k), text in zip(places, texts[1:], strict=True)]),
        ]
        return loop("i", self.options.lanes, lines)

    def _at(self, key: Key, k: int = 0) -> str:
        return f"block[{self.layout.at(key, k)} + i]"

    def _commit(self, pairs: list[tuple[str, str]]) -> list[str]:
        """Return the end of a step: new values where it succeeded, a status where it failed.

        In a block by selects, which vectorise; alone by a branch, which need not wait for the test.
        """
        pairs = [*pairs, (self._at("steps"), "t")]
        status, failed = self._at("status"), "2.0 if finite else 3.0"
        if self.options.lanes > 1:
            return [
                *(f"{place} = {new} if ok else {place}" for place, new in pairs),
                f"{status} = ({failed}) if going ^ ok else status",
            ]
        stores = indented(f"{place} = {new}" for place, new in pairs)
        return ["if ok:", *stores, "if going ^ ok:", *indented([f"{status} = {failed}"])]

    def _kept(self, key: Key, k: int, new: str) -> str:
        at = self._at(key, k)
        return f"{at} = {new} if ok else {at}"

    def _advance_powers(self) -> list[str]:
        """Return the loop that takes the running products of each lane one step further."""
        lines = []
        for key in (key for key in self.layout.rows if key[0] == "power"):
            at = self._at(key)
            lines.append(f"power = {at}*{self._at(('factor', key[1]))}")
            lines.append(f"{at} = 0.0 if fabs(power) < {SMALLEST_NORMAL} else power")
        return loop("i", self.options.lanes, lines) if lines else []

    def _observe(self, loss: str) -> list[str]:
        """Return the statements that look at the loss of the theta at which the step begins."""
        lines = [
            f"status = {self._at('status')}",
            f"steps = {self._at('steps')}",
            "seen = (steps == before)",
            f"going = seen & (status == {RUNNING}) & (t <= {self._cell_name('T')})",
            f"{self._at('loss')} = {loss}",
        ]
        if self.options.best:
            best = self._at("best_loss")
            lines += [f"better = seen & ({loss} < {best})", f"{best} = {loss} if better else {best}"]
        for j in range(self.options.targets):
            hit, target = self._at(("hit", j)), self._cell_name(("target", j))
            lines.append(f"{hit} = before if seen & ({hit} < 0.0) & ({loss} <= {target}) else {hit}")
        return lines

    def _best_theta(self) -> list[str]:
        if not self.options.best:
            return []
        pairs = [(self._at("best", k), self._at(self._iterate, k)) for k in range(self.n)]
        return [f"{best} = {theta} if better else {best}" for best, theta in pairs]

    # The step, coordinates in loops

    def _looped_step(self) -> list[str]:
        """Return one pass over lanes for each evaluation of the cost, one over coordinates for each stage."""
        first = self.update.stages[0] if self.update.stages else None
        at_theta = first is not None and first.kind == "grad" and self._is_plain(first) and self._iterate == "theta"
        lines = self._observing_pass(first if at_theta else None)
        for stage in self.update.stages[1 if at_theta else 0 :]:
            lines += self._gradient_pass(stage) if stage.kind == "grad" else self._sum_pass(stage)
        return [*lines, *self._updating_pass(), *self._closing_pass(), *self._undo_pass()]

    def _is_plain(self, stage: Stage) -> bool:
        program = self.update.program
        return program.nodes[program.outputs["point", stage.number]].payload == "theta"

    def _observing_pass(self, gradient: Stage | None) -> list[str]:
        nodes = self._cost(self._rows(self._iterate), ["J", *(self._gradient if gradient else [])])
        lines: list[str] = []
        texts = self._write(list(nodes.values()), lines, {})
        for k, text in enumerate(texts[1:]):
            lines.append(f"{self._at(('grad', gradient.number), k)} = {text}")  # type: ignore[union-attr]
        lines += [
            f"loss = {texts[0]}",
            *self._observe("loss"),
            f"ok = going & (fabs(loss) <= {self._cell_name('limit')})",
            f"{self._at('status')} = (2.0 if fabs(loss) < {INFINITY} else 3.0) if going ^ ok else status",
            f"{self._at('going')} = 1.0 if ok else 0.0",
            f"{self._at('bad')} = 0.0",
            *([f"{self._at('better')} = 1.0 if better else 0.0"] if self.options.best else []),
        ]
        return loop("i", self.options.lanes, lines)

    def _each(self, key: Key) -> str:
        return self._leaf(("each", key))

    def _coordinates(self, body: list[str]) -> list[str]:
        lanes = self.options.lanes
        return loop("k", self.n, [f"row = k*{lanes}", *loop("i", lanes, body)])

    def _coordinate_inputs(self) -> dict[Key, int]:
        own: dict[Key, int] = {"theta": self.graph.input(("each", "theta"))}
        for name in self.vector:
            own["state", name] = self.graph.input(("each", ("state", name)))
        for stage in self.update.stages:
            key: Key = (stage.kind, stage.number)
            own[key] = self.graph.input(("each", key) if stage.kind == "grad" else key)
        return own

    def _stage_text(self, output: Key, lines: list[str]) -> str:
        return self._write([self._update([output], self._coordinate_inputs())[output]], lines, {})[0]

    def _gradient_pass(self, stage: Stage) -> list[str]:
        point: list[str] = []
        text = self._stage_text(("point", stage.number), point)
        point.append(f"{self._each('point')} = {text}")
        lines: list[str] = []
        slopes = self._cost(self._rows("point"), self._gradient)
        for k, slope in enumerate(self._write([slopes[key] for key in self._gradient], lines, {})):
            lines.append(f"{self._at(('grad', stage.number), k)} = {slope}")
        return [*self._coordinates(point), *loop("i", self.options.lanes, lines)]

    def _sum_pass(self, stage: Stage) -> list[str]:
        total = self._at(("sum", stage.number))
        lines: list[str] = []
        text = self._stage_text(("summand", stage.number), lines)
        lines.append(f"{total} = {total} + {text}")
        return [*loop("i", self.options.lanes, [f"{total} = 0.0"]), *self._coordinates(lines)]

    def _updating_pass(self) -> list[str]:
        names: list[Key] = ["theta", *(s.name for s in self.update.states if s.vector)]
        outputs: list[Key] = [("new", name) for name in names]
        nodes = self._update(outputs, self._coordinate_inputs())
        lines: list[str] = []
        texts = self._write([nodes[key] for key in outputs], lines, {})
        lines.append(f"going = ({self._at('going')} == 1.0)")
        if self.options.best:
            best, iterate = self._each("best"), self._each(self._iterate)
            lines.append(f"{best} = {iterate} if {self._at('better')} == 1.0 else {best}")
        for name, text in zip(names, texts, strict=True):
            place = self._each(name if name == "theta" else ("state", name))
            lines += [f"{self._each(('before', name))} = {place}", f"{place} = {text} if going else {place}"]
        bad = self._at("bad")
        lines.append(f"{bad} = {bad} if fabs({texts[0]}) <= {self._cell_name('limit')} else 1.0")
        return self._coordinates(lines)

    def _closing_pass(self) -> list[str]:
        """Return the end of the step: what has one value a lane, and whether any lane failed."""
        names = [s.name for s in self.update.states if s.name in self.lane_states]
        own: dict[Key, int] = {
            (stage.kind, stage.number): self.graph.input((stage.kind, stage.number)) for stage in self.update.stages
        }
        nodes = [self._update([("new", name)], own)["new", name] for name in names]
        lines: list[str] = []
        texts = self._write(nodes, lines, {})
        lines += [
            f"going = ({self._at('going')} == 1.0)",
            f"fails = going & ({self._at('bad')} == 1.0)",
            "ok = going ^ fails",
            *(self._kept(("state", name), 0, text) for name, text in zip(names, texts, strict=True)),
            f"{self._at('steps')} = t if ok else {self._at('steps')}",
            "failed = 1.0 if fails else failed",
        ]
        return ["failed = 0.0", *loop("i", self.options.lanes, lines)]

    def _undo_pass(self) -> list[str]:
        """Return the rare way back: lanes whose new theta is beyond the limit take the old one again."""
        restore = []
        for name in ("theta", *(s.name for s in self.update.states if s.vector)):
            place, before = self._each(name if name == "theta" else ("state", name)), self._each(("before", name))
            if name == "theta":
                restore.append(f"finite = finite if fabs({place}) < {INFINITY} else 0.0")
            restore.append(f"{place} = {before}")
        lane = [
            "finite = 1.0",
            *loop("k", self.n, [f"row = k*{self.options.lanes}", *restore]),
            f"{self._at('status')} = 2.0 if finite == 1.0 else 3.0",
        ]
        test = f"if ({self._at('going')} == 1.0) & ({self._at('bad')} == 1.0):"
        return ["if failed == 1.0:", *indented(loop("i", self.options.lanes, [test, *indented(lane)]))]

    # Looking on

    def _record_theta(self) -> list[str]:
        size = self.n * self.options.lanes
        copy = loop("i", size, [f"out[at + i] = block[{self.layout.at(self._iterate)} + i]"])
        return [
            "kept = (plan[slot] == step - 1)",
            f"at = (slot - 2)*{size + self.options.lanes}",
            "if kept:",
            *indented(copy),
        ]

    def _record_loss(self) -> list[str]:
        lanes = self.options.lanes
        copy = loop("i", lanes, [f"out[at + {self.n * lanes} + i] = block[{self.layout.at('loss')} + i]"])
        return ["if kept:", *indented([*copy, "slot = slot + 1"])]

    def _probe(self) -> list[str]:
        """Return the test of the gradient's largest component, at a fixed cadence in steps."""
        lines: list[str] = []
        slopes = self._cost(self._rows(self._iterate), self._gradient)
        texts = self._write([slopes[key] for key in self._gradient], lines, {})
        flat = " & ".join(f"(fabs({text}) <= {self._cell_name('tolerance')})" for text in texts)
        status = self._at("status")
        lines += [
            f"seen = ({self._at('steps')} == before) & ({status} == {RUNNING})",
            f"{status} = {CONVERGED} if seen & {flat} else {status}",
        ]
        when = f"if (((step - 1) & {CADENCE - 1}) == 0) | (t > {self._cell_name('T')}):"
        return [when, *indented(loop("i", self.options.lanes, lines))]


def write_kernel(cost: Program, update: Update, size: int, options: Options) -> Kernel:
    """Return the kernel of a cost's value and gradient with ``size`` parameters, and a rule."""
    return Writer(cost, update, size, options).kernel()


__all__ = ["CONVERGED", "DIVERGED", "NONFINITE", "RUNNING", "VECTOR", "Kernel", "Layout", "Options", "write_kernel"]
