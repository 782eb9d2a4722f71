"""Evaluations of a cost with loops: they serve any number of parameters and any data."""

from __future__ import annotations

from collections.abc import Callable

from symopt.compiler.codegen.elimination import Equations
from symopt.compiler.codegen.kernel_spec import LoopCost
from symopt.compiler.codegen.kernels.context import KernelContext
from symopt.compiler.codegen.kernels.elimination import MatrixOfStage, right_side
from symopt.compiler.codegen.kernels.observing import PROBED, is_flat
from symopt.compiler.codegen.kernels.parts import Evaluation
from symopt.compiler.codegen.kernels.rows import WideArrays, array_kind
from symopt.compiler.codegen.loop_nest import Nest
from symopt.compiler.codegen.printer import indent, loop
from symopt.ir.keys import Each, Gradient, Key, SizeValue
from symopt.ir.program import Load, Program, Statement
from symopt.ir.update import Stage
from symopt.passes.minibatch import BATCH_SIZE


class Loops:
    """Writes evaluations of a cost as loops over its indices."""

    def __init__(self, context: KernelContext, cost: LoopCost, wide: WideArrays) -> None:
        self.context = context
        self.cost = cost
        self.wide = wide
        self.program = cost.gradient
        self.whole = ""
        if context.options.batch:
            self.program = cost.batch or cost.gradient
            self.whole = "whole"

    def evaluate(self, point: Key, value: bool, stage: Stage | None) -> Evaluation:
        """Evaluate at rows of points: the value, and the gradient for a stage.

        The value is that of all samples where the loss is looked at, else that of the batch.
        """
        lines, text = self.loops(self.program, point, value, stage)
        if not (value and self.context.options.batch):
            return Evaluation(lines, [], text)
        lanes = self.context.options.lanes
        name = self.context.printer.fresh("f")
        self.context.constants.append(f"{name} = empty({lanes})")
        whole, of_all = self.loops(self.cost.gradient, point, True, None)
        if lanes > 1:
            whole += loop("i", lanes, [f"{name}[i] = {of_all}"])
            loss = f"({name}[i] if whole else {text})"
        else:
            whole += [f"{name}[0] = {of_all}"]
            loss = f"({name}[0] if whole else {text})"
        return Evaluation([*lines, "if whole:", *indent(whole)], [], loss)

    def value_for_rule(self, point: Key) -> Evaluation:
        """Evaluate the value that the rule sees, which may be of a batch."""
        lines, text = self.loops(self.program, point, True, None)
        return Evaluation(lines, [], text)

    def flatness(self) -> Evaluation:
        """Test whether no component of the gradient, over all samples, is beyond the tolerance."""
        context = self.context
        lanes = context.options.lanes
        stage = next(stage for stage in context.update.stages if stage.kind == "grad")
        lines, _ = self.loops(self.cost.gradient, context.iterate, False, stage)
        context.constants.append(f"flat = empty({lanes})")
        slope = context.rows.each(Gradient(stage.number))
        within = is_flat(context, slope, context.rows.each)
        lines += loop("i", lanes, ["flat[i] = 1.0"])
        lines += context.rows.coordinates([f"flat[i] = flat[i] if {within} else 0.0"])
        return Evaluation(lines, [], "(flat[i] == 1.0)")

    def prelude(self) -> list[str]:
        """Find the samples of the step, and whether its loss is of all samples."""
        options = self.context.options
        if not options.batch:
            return []
        size = self.wide.arrays.integer(SizeValue(BATCH_SIZE))
        tests = ["kept"]
        if options.tolerance:
            tests.append(PROBED)  # where a run may end, its loss is that of all samples
        tests.append(f"(t > {self.context.cell_name('T')})")
        return [
            f"batch = view({self.wide.batch_array()}, (step - first)*{size})",
            f"whole = {' | '.join(tests)}",
        ]

    def solve(self, stage: Stage) -> list[str]:
        """Solve A u = v by elimination, where A is the stage's matrix, scaled and shifted.

        A is found column by column, as the matrix times each unit vector.
        """
        context, entry = self.context, self.wide.matrix_entry
        lines, _ = self.loops(self.cost.matrices[stage.matrix], "point", False, stage)
        unit = f"{context.rows.each('direction')} = 1.0 if k == column else 0.0"
        columns = loop(
            "column",
            self.wide.count(),
            [*context.rows.coordinates([unit]), *lines, *self._keep_column(stage)],
        )
        equations = Equations(
            self.wide.count(),
            context.options.lanes,
            entry,
            side=lambda row: self.wide.entry_of(stage.key, row),
            sides="1",
            room=f"block[{context.layout.at('factor')} + i]",
        )
        return [
            *columns,
            *right_side(context, stage),
            *equations.triangularize(),
            *equations.substitute_back(),
        ]

    def _keep_column(self, stage: Stage) -> list[str]:
        """Write a column of the matrix, scaled and shifted, into its place."""
        context, matrix = self.context, MatrixOfStage(self.context, stage)
        lines: list[str] = []
        entry = context.graph.input(Each(stage.key))
        beside, diagonal = context.write([matrix.beside(entry), matrix.diagonal(entry)], lines)
        place = self.wide.matrix_entry("k", "column")
        kept = f"{place} = {diagonal} if k == column else {beside}"
        return context.rows.coordinates([*lines, kept])

    def product(self, stage: Stage) -> Evaluation:
        """Evaluate the Hessian at rows of points, times rows of directions, for a stage."""
        assert self.cost.product is not None
        lines, _ = self.loops(self.cost.product, "point", False, stage)
        return Evaluation(lines, [], "")

    def loops(
        self, program: Program, point: Key, value: bool, stage: Stage | None
    ) -> tuple[list[str], str]:
        """Write the loops that evaluate a program at rows of points, and the text of its value."""
        context = self.context
        nodes = context.graph.inline(program, self.inputs_at(array_kind(point)))
        statements = _statements(program, stage)
        nest = self.nest()
        lines = nest.write(statements, nodes, [nodes["J"]] if value else [])
        return lines, nest.text(nodes["J"]) if value else ""

    def inputs_at(self, kind: str) -> Callable[[Key], int]:
        """Return what builds the inputs of the cost at the arrays that lie in some rows."""
        rows = {"x": kind, "v": array_kind("direction")}

        def given(key: Key) -> int:
            if isinstance(key, Load) and key.array[0] in rows:
                key = key._replace(array=(rows[key.array[0]], key.array[1]))
            return self.context.graph.input(key)

        return given

    def nest(self) -> Nest:
        """Return what writes loops in loops."""
        context = self.context
        lanes = context.options.lanes
        scopes = (context.constants, context.steps)
        return Nest(context.printer, self.wide.arrays, *scopes, lanes)


def _statements(program: Program, stage: Stage | None) -> list[Statement]:
    """Return the statements of an evaluation, its gradient stored in the rows of a stage."""
    if stage is None:
        return [s for s in program.statements if s.array[0] == "where"]
    kind = array_kind(stage.key)
    return [
        s._replace(array=(kind, s.array[1])) if s.array[0] == "g" else s for s in program.statements
    ]
