"""The linear equations of a step, whose matrix and right side lie in the block of a kernel.

A singular matrix gives values that are not finite, and with them a status.
"""

from __future__ import annotations

from symopt.compiler.codegen.elimination import Equations
from symopt.compiler.codegen.kernels.context import KernelContext
from symopt.compiler.codegen.kernels.stage_inputs import coordinate_inputs, lane_inputs
from symopt.ir.keys import Key, RightSide, Scale, Shift, Stretch
from symopt.ir.update import Stage


class MatrixOfStage:
    """The matrix of a stage: scale*M + shift*identity + stretch*diagonal of M, as nodes."""

    def __init__(self, context: KernelContext, stage: Stage) -> None:
        self.graph = context.graph
        factors: list[Key] = [role(stage.number) for role in (Scale, Shift, Stretch)]
        made = context.build_update(factors, lane_inputs(context))
        self.scale, self.shift, self.stretch = made.values()

    def beside(self, entry: int) -> int:
        """Build an entry that is not on the diagonal, from that of M."""
        return self.graph.op("mul", self.scale, entry)

    def diagonal(self, entry: int) -> int:
        """Build an entry of the diagonal, from that of M."""
        scaled = self.beside(entry)
        if self.graph.value(self.stretch) != 0.0:
            stretched = self.graph.op("mul", self.stretch, entry)
            scaled = self.graph.op("add", scaled, stretched)
        return self.graph.op("add", scaled, self.shift)


def right_side(context: KernelContext, stage: Stage) -> list[str]:
    """Write the right side of the equations of a stage into the rows of their solution."""
    lines: list[str] = []
    output: Key = RightSide(stage.number)
    node = context.build_update([output], coordinate_inputs(context))[output]
    (text,) = context.write([node], lines)
    return context.rows.coordinates([*lines, f"{context.rows.each(stage.key)} = {text}"])


def elimination(n: int, lanes: int, matrix: int, right: int, factor: int) -> list[str]:
    """Return the statements that solve A u = v; u takes the place of v, and A is used up.

    Parameters
    ----------
    n, lanes
        Unknowns, and how many such equations stand side by side.
    matrix, right, factor
        Where in the block A lies (row by row), where v, and one row of room.
    """

    def entry(row: str, column: str) -> str:
        return f"block[{matrix} + ({row}*{n} + {column})*{lanes} + i]"

    def side(row: str) -> str:
        return f"block[{right} + {row}*{lanes} + i]"

    room = f"block[{factor} + i]"
    equations = Equations(str(n), lanes, entry, side=side, sides="1", room=room)
    return [*equations.triangularize(), *equations.substitute_back()]
