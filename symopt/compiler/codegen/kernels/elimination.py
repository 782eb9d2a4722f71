"""The linear equations of a step, whose matrix and right side lie in the block of a kernel.

A singular matrix gives values that are not finite, and with them a status.
"""

from __future__ import annotations

from symopt.compiler.codegen.elimination import Equations


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
