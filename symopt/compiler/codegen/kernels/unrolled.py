"""Kernels of few parameters: the coordinates are written out, a step is one loop over lanes."""

from __future__ import annotations

from itertools import chain

from symopt.compiler.codegen.kernels.base import INFINITY, OWN_DRAWS
from symopt.compiler.codegen.kernels.straight_line import WrittenOut
from symopt.compiler.codegen.layout import DIVERGED, NONFINITE
from symopt.compiler.codegen.printer import indented, loop
from symopt.ir.program import Key
from symopt.ir.update import INPUTS, Stage


class Unrolled(WrittenOut):
    """Writes every coordinate's equations, one after the other."""

    looped = False

    def _inputs(self) -> list[dict[Key, int]]:
        """Return, for each coordinate, the inputs of the rule's program, stage after stage."""
        own: list[dict[Key, int]] = [{"theta": node} for node in self._rows("theta")]
        for name in self.vector:
            for k, node in enumerate(self._rows(("state", name))):
                own[k]["state", name] = node
        for k in range(self.n):
            for draw in range(self.update.draws):
                own[k]["normal", draw] = self.graph.input(("normal", OWN_DRAWS + draw, k))
        for stage in self.update.stages:
            for k, value in enumerate(self._stage(stage, own)):
                own[k][stage.kind, stage.number] = value
        return own

    def _stage(self, stage: Stage, own: list[dict[Key, int]]) -> list[int]:
        """Return the results of a stage, one for each coordinate."""
        (output,) = INPUTS[stage.kind]
        key: Key = (output, stage.number)
        parts = [self._update([key], own[k])[key] for k in range(self.n)]
        if stage.kind == "value":
            return [self._cost(parts, ["J"])["J"]] * self.n
        if stage.kind == "sum":
            return [self._total(parts)] * self.n
        slopes = self._cost(parts, self._gradient)
        return [self._noisy(slopes["g", k], stage.number, k) for k in range(self.n)]

    def _noisy(self, slope: int, stage: int, k: int) -> int:
        """Return a slope with its noise, if there is any."""
        if not self.options.noise:
            return slope
        return self.graph.op("fma", self.graph.input("noise"), self.graph.input(("normal", stage, k)), slope)

    def _total(self, parts: list[int]) -> int:
        total = self.graph.const(0.0)
        for part in parts:
            total = self.graph.op("add", total, part)
        return total

    def _steps(self) -> list[str]:
        own = self._inputs()
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

    def _commit(self, pairs: list[tuple[str, str]]) -> list[str]:
        """Return the end of a step: new values where it succeeded, a status where it failed.

        In a block by selects, which vectorise; alone by a branch, which need not wait for the test.
        """
        pairs = [*pairs, (self._at("steps"), "t")]
        status, failed = self._at("status"), f"{DIVERGED} if finite else {NONFINITE}"
        if self.options.lanes > 1:
            return [
                *(self._kept(place, new) for place, new in pairs),
                f"{status} = ({failed}) if going ^ ok else status",
            ]
        stores = indented(f"{place} = {new}" for place, new in pairs)
        return ["if ok:", *stores, "if going ^ ok:", *indented([f"{status} = {failed}"])]

    def _best_theta(self) -> list[str]:
        if not self.options.best:
            return []
        pairs = [(self._at("best", k), self._at(self._iterate, k)) for k in range(self.n)]
        return [f"{best} = {theta} if better else {best}" for best, theta in pairs]
