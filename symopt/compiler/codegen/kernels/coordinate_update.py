"""The rule's update as loops over coordinates: its stages, and the next theta and states.

Unrolled, Adam silently stops vectorising above some twenty coordinates. A step is one pass over
lanes for each evaluation of the cost and one over coordinates for each stage of the rule.
"""

from __future__ import annotations

from symopt.compiler.codegen.kernels.context import KernelContext
from symopt.compiler.codegen.kernels.parts import CostEmitter, Evaluation
from symopt.compiler.codegen.kernels.stage_inputs import (
    coordinate_inputs,
    is_at_iterate,
    is_observed_loss,
    lane_inputs,
)
from symopt.compiler.codegen.printer import loop
from symopt.ir.keys import Direction, GlobalSum, Gradient, Key, NewState, OldState, Summand
from symopt.ir.update import INPUTS, Stage


class CoordinateUpdate:
    """Writes the update once, for the coordinate of a loop."""

    def __init__(self, context: KernelContext, cost: CostEmitter) -> None:
        self.context = context
        self.rows = context.rows
        self.cost = cost

    # Stages

    def observed_gradient(self) -> Stage | None:
        """Return the first stage if it is the gradient at the iterate: loss and gradient in one."""
        stages = self.context.update.stages
        if stages and stages[0].kind == "grad" and is_at_iterate(self.context, stages[0]):
            return stages[0]
        return None

    def later_stages(self) -> list[str]:
        """Write the passes of the stages after the observed gradient."""
        passes = {
            "grad": self._gradient_pass,
            "value": self._value_pass,
            "sum": self._sum_pass,
            "solve": self._solve_pass,
            "hvp": self._product_pass,
        }
        first = 0
        if self.observed_gradient():
            first = 1
        lines: list[str] = []
        for stage in self.context.update.stages[first:]:
            lines += passes[stage.kind](stage)
        return lines

    def add_noise(self, stage: Stage | None) -> list[str]:
        """Write the pass that adds noise to a gradient, if there is any."""
        if stage is None or not self.context.options.noise:
            return []
        slope = self.rows.each(Gradient(stage.number))
        normal = self.context.normal(stage.number, "k")
        size = self.context.cell_name("noise")
        return self.rows.coordinates([f"{slope} = fma({size}, {normal}, {slope})"])

    def _gradient_pass(self, stage: Stage) -> list[str]:
        evaluation = self.cost.evaluate("point", False, stage)
        return [*self._point_pass(stage), *self._lanes(evaluation), *self.add_noise(stage)]

    def _product_pass(self, stage: Stage) -> list[str]:
        lines: list[str] = []
        text = self._output(Direction(stage.number), lines)
        direction = [*lines, f"{self.rows.each('direction')} = {text}"]
        evaluation = self.cost.product(stage)
        return [
            *self._point_pass(stage),
            *self.rows.coordinates(direction),
            *self._lanes(evaluation),
        ]

    def _lanes(self, evaluation: Evaluation) -> list[str]:
        """Write an evaluation whose result stands in rows, for all lanes."""
        outside, inside, _ = evaluation
        if not inside:
            return outside
        return [*outside, *loop("i", self.context.options.lanes, inside)]

    def _value_pass(self, stage: Stage) -> list[str]:
        if is_observed_loss(self.context, stage):
            return []
        outside, inside, text = self.cost.value_for_rule("point")
        keep = f"{self.rows.at(('value', stage.number))} = {text}"
        lanes = loop("i", self.context.options.lanes, [*inside, keep])
        return [*self._point_pass(stage), *outside, *lanes]

    def _sum_pass(self, stage: Stage) -> list[str]:
        total = self.rows.at(GlobalSum(stage.number))
        lines: list[str] = []
        summand = self._output(Summand(stage.number), lines)
        lines.append(f"{total} = {total} + {summand}")
        zero = loop("i", self.context.options.lanes, [f"{total} = 0.0"])
        return [*zero, *self.rows.coordinates(lines)]

    def _solve_pass(self, stage: Stage) -> list[str]:
        solution = self.cost.solve(stage)
        return [*self._point_pass(stage), *solution]

    def _point_pass(self, stage: Stage) -> list[str]:
        """Write the pass that finds where a stage evaluates the cost."""
        lines: list[str] = []
        point, *_ = INPUTS[stage.kind]
        text = self._output(point(stage.number), lines)
        return self.rows.coordinates([*lines, f"{self.rows.each('point')} = {text}"])

    def _output(self, key: Key, lines: list[str]) -> str:
        """Write one output of the rule's program in the coordinate of the loop around."""
        node = self.context.build_update([key], coordinate_inputs(self.context))[key]
        return self.context.write([node], lines)[0]

    # New values

    def next_values(self, lines: list[str]) -> dict[Key, str]:
        """Write the next theta and states of a coordinate; return their texts by their rows."""
        vectors = [state.name for state in self.context.update.states if state.vector]
        outputs: list[Key] = [NewState(name) for name in ("theta", *vectors)]
        nodes = self.context.build_update(outputs, coordinate_inputs(self.context))
        texts = self.context.write([nodes[key] for key in outputs], lines)
        rows: list[Key] = ["theta", *(OldState(name) for name in vectors)]
        return dict(zip(rows, texts, strict=True))

    def next_lane_states(self, lines: list[str]) -> dict[str, str]:
        """Write the next values of what has one value a lane; return their texts by places."""
        context = self.context
        names = [s.name for s in context.update.states if s.name in context.lane_states]
        own = lane_inputs(context)
        nodes = [context.build_update([NewState(name)], own)[NewState(name)] for name in names]
        texts = context.write(nodes, lines)
        places = [self.rows.at(OldState(name)) for name in names]
        return dict(zip(places, texts, strict=True))
