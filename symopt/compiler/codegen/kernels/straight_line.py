"""Evaluations of a closed form: straight code for a known number of parameters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from symopt.compiler.codegen.kernels.context import KernelContext
from symopt.compiler.codegen.kernels.elimination import MatrixOfStage, elimination, right_side
from symopt.compiler.codegen.kernels.observing import is_flat
from symopt.compiler.codegen.kernels.parts import Evaluation
from symopt.compiler.codegen.printer import loop
from symopt.ir.keys import (
    Coordinate,
    Key,
    Parameter,
    Slope,
    Solution,
    Tangent,
)
from symopt.ir.program import Program
from symopt.ir.update import Stage


class StraightLine:
    """Writes evaluations of a closed form, coordinate by coordinate."""

    whole = ""

    def __init__(self, context: KernelContext, cost: Program, n: int) -> None:
        self.context = context
        self.cost = cost
        self.n = n
        self.slopes: list[Key] = [Slope(k) for k in range(n)]
        self.products: list[Key] = [Tangent(key) for key in self.slopes]

    def build(
        self, point: list[int], wanted: list[Key], direction: Sequence[int] = ()
    ) -> dict[Key, int]:
        """Build the cost and its derivatives at a point, along a direction."""
        graph = self.context.graph
        own: dict[Key, int] = {Parameter(k): node for k, node in enumerate(point)}
        own |= {("v", k): node for k, node in enumerate(direction)}

        def given(key: Key) -> int:
            if key in own:
                return own[key]
            return graph.input(key)

        return graph.inline(self.cost.only(wanted), given)

    def coordinates_of(self, row: Key) -> list[int]:
        """Build the inputs that are the coordinates in a row."""
        return [self.context.graph.input(Coordinate(row, k)) for k in range(self.n)]

    def evaluate(self, point: Key, value: bool, stage: Stage | None) -> Evaluation:
        """Evaluate at rows of points: the value, and the gradient for a stage."""
        wanted: list[Key] = ["J"] if value else []
        if stage is not None:
            wanted += self.slopes
        lines: list[str] = []
        nodes = self.build(self.coordinates_of(point), wanted)
        written = self.context.write(list(nodes.values()), lines)
        texts = dict(zip(wanted, written, strict=True))
        if stage is not None:
            lines += self._into_rows(stage, [texts[key] for key in self.slopes])
        return Evaluation([], lines, texts.get("J", ""))

    def product(self, stage: Stage) -> Evaluation:
        """Evaluate the Hessian at rows of points, times rows of directions, for a stage."""
        lines: list[str] = []
        point, direction = self.coordinates_of("point"), self.coordinates_of("direction")
        nodes = self.build(point, self.products, direction)
        texts = self.context.write([nodes[key] for key in self.products], lines)
        return Evaluation([], [*lines, *self._into_rows(stage, texts)], "")

    def _into_rows(self, stage: Stage, texts: list[str]) -> list[str]:
        """Write the result of a stage, a number for each coordinate, into its rows."""
        at = self.context.rows.at
        return [f"{at(stage.key, k)} = {text}" for k, text in enumerate(texts)]

    def value_for_rule(self, point: Key) -> Evaluation:
        """Evaluate the value that the rule sees."""
        return self.evaluate(point, True, None)

    def flatness(self) -> Evaluation:
        """Test whether no component of the gradient is beyond the tolerance."""
        context = self.context
        lines: list[str] = []
        nodes = self.build(self.coordinates_of(context.iterate), self.slopes)
        texts = context.write([nodes[key] for key in self.slopes], lines)
        tests = [
            is_flat(context, text, partial(context.rows.at, k=k)) for k, text in enumerate(texts)
        ]
        return Evaluation([], lines, " & ".join(tests))

    def prelude(self) -> list[str]:
        """Write nothing: there are no samples to find."""
        return []

    def solve(self, stage: Stage) -> list[str]:
        """Solve A u = v by elimination, where A is the stage's matrix, scaled and shifted."""
        context = self.context
        lines: list[str] = []
        texts = self._matrix(stage, lines)
        for i in range(self.n):
            for j in range(self.n):
                text = texts[stage.matrix, min(i, j), max(i, j)]
                lines.append(f"{context.rows.at('matrix', i * self.n + j)} = {text}")
        places = [context.layout.at(key) for key in ("matrix", Solution(stage.number), "factor")]
        lanes = context.options.lanes
        return [
            *loop("i", lanes, lines),
            *right_side(context, stage),
            *elimination(self.n, lanes, *places),
        ]

    def _matrix(self, stage: Stage, lines: list[str]) -> dict[Key, str]:
        """Write the upper triangle of the scaled and shifted matrix."""
        context = self.context
        upper: list[Key] = [(stage.matrix, i, j) for j in range(self.n) for i in range(j + 1)]
        entries = self.build(self.coordinates_of("point"), upper)
        matrix = MatrixOfStage(context, stage)
        nodes = {key: matrix.beside(node) for key, node in entries.items()}
        for k in range(self.n):
            diagonal: Key = (stage.matrix, k, k)
            nodes[diagonal] = matrix.diagonal(entries[diagonal])
        return dict(zip(nodes, context.write(list(nodes.values()), lines), strict=True))
