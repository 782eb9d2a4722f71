"""Kernels of many parameters: the cost is written out, the update is a loop over coordinates.

Unrolled, Adam silently stops vectorising above some twenty coordinates. A step is one pass over
lanes for each evaluation of the cost and one over coordinates for each stage of the rule.
"""

from __future__ import annotations

from symopt.autodiff.program import Key
from symopt.autodiff.update import Stage
from symopt.compiler.layout import DIVERGED, NONFINITE
from symopt.compiler.printer import indented, loop
from symopt.compiler.writer import INFINITY, Writer


class Looped(Writer):
    """Writes the update once, for the coordinate of a loop."""

    looped = True

    def _steps(self) -> list[str]:
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
            f"ending = {DIVERGED} if fabs(loss) < {INFINITY} else {NONFINITE}",
            f"{self._at('status')} = ending if going ^ ok else status",
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
            *(self._kept(self._at(("state", name)), text) for name, text in zip(names, texts, strict=True)),
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
            *loop("k", self.n, [f"row = k*{self.options.lanes}", *restore]),
            f"{self._at('status')} = {DIVERGED} if finite == 1.0 else {NONFINITE}",
        ]
        test = f"if ({self._at('going')} == 1.0) & ({self._at('bad')} == 1.0):"
        return ["if failed == 1.0:", *indented(loop("i", self.options.lanes, [test, *indented(lane)]))]
