"""Steps of few parameters: the coordinates are written out, a step is one loop over lanes."""

from __future__ import annotations

from symopt.compiler.codegen.kernels.context import OWN_DRAWS, KernelContext
from symopt.compiler.codegen.kernels.observing import observe
from symopt.compiler.codegen.kernels.straight_line import StraightLine
from symopt.compiler.codegen.layout import DIVERGED, INFINITY, NONFINITE
from symopt.compiler.codegen.printer import indent, loop
from symopt.ir.keys import Key, NewState, Normal, OldState
from symopt.ir.update import INPUTS, Stage

Place = tuple[Key, int]
"""A row, and which of its coordinates."""


class UnrolledStep:
    """Writes every coordinate's equations, one after the other."""

    def __init__(self, context: KernelContext, cost: StraightLine) -> None:
        self.context = context
        self.cost = cost

    def begin(self) -> list[str]:
        """Write nothing: a step is one loop."""
        return []

    def end(self) -> list[str]:
        """Write nothing."""
        return []

    def step(self) -> list[str]:
        """Observe and update all lanes once."""
        own = self._inputs()
        value = self.cost.build(self.cost.coordinates_of(self.context.iterate), ["J"])["J"]
        places, nodes = self._next_values(own)
        lines: list[str] = []
        loss, *texts = self.context.write([value, *nodes], lines)
        theta = texts[: self.cost.n]
        lines += [f"loss = {loss}", *observe(self.context, "loss"), *self._keep_best()]
        limit = self.context.cell_name("limit")
        within = [f"(fabs({text}) <= {limit})" for text in ("loss", *theta)]
        finite = [f"(fabs({text}) < {INFINITY})" for text in ("loss", *theta)]
        lines += [f"ok = going & {' & '.join(within)}", f"finite = {' & '.join(finite)}"]
        at = self.context.rows.at
        lines += self._commit({at(*place): text for place, text in zip(places, texts, strict=True)})
        return loop("i", self.context.options.lanes, lines)

    def _next_values(self, own: list[dict[Key, int]]) -> tuple[list[Place], list[int]]:
        """Build the next theta and states, with the places they go to."""
        context = self.context
        states = context.update.states
        vectors = ["theta", *(s.name for s in states if s.vector)]
        lanes = [s.name for s in states if s.name in context.lane_states]
        places: list[Place] = []
        nodes: list[int] = []
        for name in vectors:
            row: Key = name if name == "theta" else OldState(name)
            for k in range(self.cost.n):
                places.append((row, k))
                nodes.append(self._output(NewState(name), own[k]))
        for name in lanes:
            places.append((OldState(name), 0))
            nodes.append(self._output(NewState(name), own[0]))
        return places, nodes

    def _output(self, key: Key, own: dict[Key, int]) -> int:
        """Build an output of the rule's program for one coordinate."""
        return self.context.build_update([key], own)[key]

    def _inputs(self) -> list[dict[Key, int]]:
        """Build, for each coordinate, the inputs of the rule's program, stage after stage."""
        own: list[dict[Key, int]] = [{"theta": x} for x in self.cost.coordinates_of("theta")]
        for name in self.context.vector:
            for k, node in enumerate(self.cost.coordinates_of(OldState(name))):
                own[k][OldState(name)] = node
        for k in range(self.cost.n):
            for draw in range(self.context.update.draws):
                key: Key = Normal(OWN_DRAWS + draw, k)
                own[k][Normal(draw)] = self.context.graph.input(key)
        for stage in self.context.update.stages:
            for k, value in enumerate(self._stage(stage, own)):
                own[k][stage.key] = value
        return own

    def _stage(self, stage: Stage, own: list[dict[Key, int]]) -> list[int]:
        """Build the results of a stage, one for each coordinate."""
        n = self.cost.n
        parts, *more = (
            [self._output(role(stage.number), own[k]) for k in range(n)]
            for role in INPUTS[stage.kind]
        )
        if stage.kind == "value":
            return [self.cost.build(parts, ["J"])["J"]] * n
        if stage.kind == "sum":
            return [self._total(parts)] * n
        if stage.kind == "hvp":
            products = self.cost.build(parts, self.cost.products, *more)
            return [products[key] for key in self.cost.products]
        slopes = self.cost.build(parts, self.cost.slopes)
        return [self._with_noise(slopes["g", k], stage.number, k) for k in range(n)]

    def _with_noise(self, slope: int, stage: int, k: int) -> int:
        """Build a slope with its noise, if there is any."""
        if not self.context.options.noise:
            return slope
        graph = self.context.graph
        normal = graph.input(Normal(stage, k))
        return graph.op("fma", graph.input("noise"), normal, slope)

    def _total(self, parts: list[int]) -> int:
        graph = self.context.graph
        total = graph.const(0.0)
        for part in parts:
            total = graph.op("add", total, part)
        return total

    def _commit(self, values: dict[str, str]) -> list[str]:
        """End a step: new values where it succeeded, a status where it failed.

        In a block by selects, which vectorise; alone by a branch, which need not wait for the test.
        """
        at = self.context.rows.at
        values = {**values, at("steps"): "t"}
        status = at("status")
        failed = f"{DIVERGED} if finite else {NONFINITE}"
        if self.context.options.lanes > 1:
            return [
                *(f"{place} = {new} if ok else {place}" for place, new in values.items()),
                f"{status} = ({failed}) if going ^ ok else status",
            ]
        stores = [f"{place} = {new}" for place, new in values.items()]
        return ["if ok:", *indent(stores), "if going ^ ok:", *indent([f"{status} = {failed}"])]

    def _keep_best(self) -> list[str]:
        if not self.context.options.best:
            return []
        lines = []
        for k in range(self.cost.n):
            best = self.context.rows.at("best", k)
            theta = self.context.rows.at(self.context.iterate, k)
            lines.append(f"{best} = {theta} if better else {best}")
        return lines
