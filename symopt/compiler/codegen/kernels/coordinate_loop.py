"""Kernels of many parameters: the update is a loop over coordinates.

Unrolled, Adam silently stops vectorising above some twenty coordinates. A step is one pass over
lanes for each evaluation of the cost and one over coordinates for each stage of the rule.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from symopt.compiler.codegen.kernels.base import INFINITY, OWN_DRAWS, Writer
from symopt.compiler.codegen.kernels.elimination import elimination
from symopt.compiler.codegen.kernels.straight_line import WrittenOut
from symopt.compiler.codegen.layout import DIVERGED, NONFINITE
from symopt.compiler.codegen.printer import indented, loop
from symopt.ir.program import Key
from symopt.ir.update import INPUTS, Stage


class Looped(Writer):
    """Writes the update once, for the coordinate of a loop; how the cost is evaluated is left to its kinds."""

    looped = True
    whole = ""
    """The test of whether the loss is of all samples, where it can be another."""

    @abstractmethod
    def _count(self) -> str:
        """Return the number of coordinates, as text."""

    @abstractmethod
    def _evaluated(self, point: Key, value: bool, stage: Stage | None) -> tuple[list[str], list[str], str]:
        """Return the evaluation of the cost at rows of points: its value, and its gradient for a stage.

        Statements outside and inside the loop over lanes, and the text of the value.
        """

    def _steps(self) -> list[str]:
        """Return one pass over lanes for each evaluation of the cost, one over coordinates for each stage."""
        lines = [*self._observing_pass(self._first_at_theta()), *self._later_stages()]
        return [*lines, *self._updating_pass(), *self._closing_pass(), *self._undo_pass()]

    def _first_at_theta(self) -> Stage | None:
        """Return the first stage if it is a gradient where the loss is looked at: one evaluation serves both."""
        first = self.update.stages[0] if self.update.stages else None
        at_theta = first is not None and first.kind == "grad" and self._is_plain(first) and self._iterate == "theta"
        return first if at_theta else None

    def _later_stages(self) -> list[str]:
        """Return the passes of the stages after that."""
        passes = self._passes()
        lines: list[str] = []
        for stage in self.update.stages[1 if self._first_at_theta() else 0 :]:
            lines += passes[stage.kind](stage)
        return lines

    def _passes(self) -> dict[str, Callable[[Stage], list[str]]]:
        """Return what writes each kind of stage."""
        return {"grad": self._gradient_pass, "value": self._value_pass, "sum": self._sum_pass}

    def _is_plain(self, stage: Stage) -> bool:
        program, (output, *_) = self.update.program, INPUTS[stage.kind]
        return program.nodes[program.outputs[output, stage.number]].payload == "theta"

    def _is_loss(self, stage: Stage) -> bool:
        """Return whether a stage is the value that is looked at anyway."""
        return stage.kind == "value" and self._is_plain(stage) and self._iterate == "theta" and not self.options.batch

    def _observing_pass(self, gradient: Stage | None) -> list[str]:
        outside, lines, value = self._evaluated(self._iterate, True, gradient)
        lines += [
            f"loss = {value}",
            *self._observe("loss", self.whole),
            f"ok = going & (fabs(loss) <= {self._cell_name('limit')})",
            f"ending = {DIVERGED} if fabs(loss) < {INFINITY} else {NONFINITE}",
            f"{self._at('status')} = ending if going ^ ok else status",
            f"{self._at('going')} = 1.0 if ok else 0.0",
            f"{self._at('bad')} = 0.0",
            *([f"{self._at('better')} = 1.0 if better else 0.0"] if self.options.best else []),
        ]
        noise = self._noise_pass(gradient) if gradient else []
        return [*outside, *loop("i", self.options.lanes, lines), *noise]

    def _noise_pass(self, stage: Stage) -> list[str]:
        """Return the pass that adds noise to a gradient."""
        if not self.options.noise:
            return []
        slope = self._each(("grad", stage.number))
        return self._coordinates(
            [f"{slope} = fma({self._cell_name('noise')}, {self._normal(stage.number, 'k')}, {slope})"]
        )

    def _each(self, key: Key) -> str:
        return self._leaf(("each", key))

    def _coordinates(self, body: list[str]) -> list[str]:
        lanes = self.options.lanes
        return loop("k", self._count(), [f"row = k*{lanes}", *loop("i", lanes, body)])

    def _coordinate_inputs(self) -> dict[Key, int]:
        own: dict[Key, int] = {"theta": self.graph.input(("each", "theta"))}
        for name in self.vector:
            own["state", name] = self.graph.input(("each", ("state", name)))
        for draw in range(self.update.draws):
            own["normal", draw] = self.graph.input(("normal", OWN_DRAWS + draw, "k"))
        for stage in self.update.stages:
            key: Key = (stage.kind, stage.number)
            own[key] = self.graph.input(("each", key) if stage.kind in ("grad", "solve") else self._lane_key(stage))
        return own

    def _lane_key(self, stage: Stage) -> Key:
        """Return the key of a result that has one value a lane."""
        return "loss" if self._is_loss(stage) else (stage.kind, stage.number)

    def _stage_text(self, output: Key, lines: list[str]) -> str:
        return self._write([self._update([output], self._coordinate_inputs())[output]], lines, {})[0]

    def _point_pass(self, stage: Stage) -> list[str]:
        """Return the pass that finds where a stage evaluates the cost."""
        lines: list[str] = []
        text = self._stage_text((INPUTS[stage.kind][0], stage.number), lines)
        return self._coordinates([*lines, f"{self._each('point')} = {text}"])

    def _gradient_pass(self, stage: Stage) -> list[str]:
        outside, lines, _ = self._evaluated("point", False, stage)
        evaluation = [*outside, *(loop("i", self.options.lanes, lines) if lines else [])]
        return [*self._point_pass(stage), *evaluation, *self._noise_pass(stage)]

    def _value_pass(self, stage: Stage) -> list[str]:
        if self._is_loss(stage):
            return []
        outside, lines, text = self._value("point")
        keep = f"{self._at(('value', stage.number))} = {text}"
        return [*self._point_pass(stage), *outside, *loop("i", self.options.lanes, [*lines, keep])]

    def _value(self, point: Key) -> tuple[list[str], list[str], str]:
        """Return the evaluation of the cost that the rule sees."""
        return self._evaluated(point, True, None)

    def _sum_pass(self, stage: Stage) -> list[str]:
        total = self._at(("sum", stage.number))
        lines: list[str] = []
        text = self._stage_text(("summand", stage.number), lines)
        lines.append(f"{total} = {total} + {text}")
        return [*loop("i", self.options.lanes, [f"{total} = 0.0"]), *self._coordinates(lines)]

    def _next(self, lines: list[str]) -> dict[Key, str]:
        """Return the texts of the next theta and states of a coordinate, by the rows they lie in."""
        names = ["theta", *(s.name for s in self.update.states if s.vector)]
        outputs: list[Key] = [("new", name) for name in names]
        nodes = self._update(outputs, self._coordinate_inputs())
        texts = self._write([nodes[key] for key in outputs], lines, {})
        rows: list[Key] = [name if name == "theta" else ("state", name) for name in names]
        return dict(zip(rows, texts, strict=True))

    def _lane_inputs(self) -> dict[Key, int]:
        """Return the results of the stages that have one value a lane."""
        return {(stage.kind, stage.number): self.graph.input(self._lane_key(stage)) for stage in self.update.stages}

    def _lane_states_next(self, lines: list[str]) -> dict[str, str]:
        """Return the texts of the next values of what has one value a lane, by their places."""
        names = [s.name for s in self.update.states if s.name in self.lane_states]
        own = self._lane_inputs()
        texts = self._write([self._update([("new", name)], own)["new", name] for name in names], lines, {})
        return {self._at(("state", name)): text for name, text in zip(names, texts, strict=True)}

    def _updating_pass(self) -> list[str]:
        lines: list[str] = []
        texts = self._next(lines)
        lines.append(f"going = ({self._at('going')} == 1.0)")
        if self.options.best:
            best, iterate = self._each("best"), self._each(self._iterate)
            lines.append(f"{best} = {iterate} if {self._at('better')} == 1.0 else {best}")
        for row, text in texts.items():
            place, before = self._each(row), self._each(("before", row if row == "theta" else row[1]))
            lines += [f"{before} = {place}", f"{place} = {text} if going else {place}"]
        bad = self._at("bad")
        lines.append(f"{bad} = {bad} if fabs({texts['theta']}) <= {self._cell_name('limit')} else 1.0")
        return self._coordinates(lines)

    def _closing_pass(self) -> list[str]:
        """Return the end of the step: what has one value a lane, and whether any lane failed."""
        lines: list[str] = []
        states = self._lane_states_next(lines)
        lines += [
            f"going = ({self._at('going')} == 1.0)",
            f"fails = going & ({self._at('bad')} == 1.0)",
            "ok = going ^ fails",
            *(self._kept(place, text) for place, text in states.items()),
            self._kept(self._at("steps"), "t"),
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
            *loop("k", self._count(), [f"row = k*{self.options.lanes}", *restore]),
            f"{self._at('status')} = {DIVERGED} if finite == 1.0 else {NONFINITE}",
        ]
        test = f"if ({self._at('going')} == 1.0) & ({self._at('bad')} == 1.0):"
        return ["if failed == 1.0:", *indented(loop("i", self.options.lanes, [test, *indented(lane)]))]


class WrittenLooped(Looped, WrittenOut):
    """A looped kernel whose cost is straight code."""

    def _count(self) -> str:
        return str(self.n)

    def _evaluated(self, point: Key, value: bool, stage: Stage | None) -> tuple[list[str], list[str], str]:
        wanted: list[Key] = [*(["J"] if value else []), *(self._gradient if stage else [])]
        nodes = self._cost(self._rows(point), wanted)
        lines: list[str] = []
        texts = dict(zip(wanted, self._write(list(nodes.values()), lines, {}), strict=True))
        for k, key in enumerate(self._gradient if stage else []):
            lines.append(f"{self._at(('grad', stage.number), k)} = {texts[key]}")  # type: ignore[union-attr]
        return [], lines, texts.get("J", "")

    def _passes(self) -> dict[str, Callable[[Stage], list[str]]]:
        return {**super()._passes(), "solve": self._solve_pass}

    def _solve_pass(self, stage: Stage) -> list[str]:
        """Return the passes of A u = v: the matrix, the right side, and Gaussian elimination in place of both."""
        lanes, size = self.options.lanes, range(self.n)
        entries = self._cost(self._rows("point"), [(stage.matrix, i, j) for j in size for i in range(j + 1)])
        factors: list[Key] = [("scale", stage.number), ("shift", stage.number)]
        scale, shift = self._update(factors, self._lane_inputs()).values()
        nodes = {key: self.graph.op("mul", scale, node) for key, node in entries.items()}
        for k in size:
            nodes[stage.matrix, k, k] = self.graph.op("add", nodes[stage.matrix, k, k], shift)
        lines: list[str] = []
        texts = dict(zip(nodes, self._write(list(nodes.values()), lines, {}), strict=True))
        for i in size:
            for j in size:
                text = texts[stage.matrix, min(i, j), max(i, j)]
                lines.append(f"{self._at('matrix', i * self.n + j)} = {text}")
        right: list[str] = []
        text = self._stage_text(("right", stage.number), right)
        solution: Key = ("solve", stage.number)
        right.append(f"{self._each(solution)} = {text}")
        places = [self.layout.at(key) for key in ("matrix", solution, "factor")]
        return [
            *self._point_pass(stage), *loop("i", lanes, lines), *self._coordinates(right),
            *elimination(self.n, lanes, *places),
        ]  # fmt: skip
