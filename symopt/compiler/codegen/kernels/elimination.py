"""Linear equations in a kernel: Gaussian elimination with partial pivoting, for all lanes at once.

Each lane exchanges its own rows, by selects, so that the order of operations is the same in all.
A singular matrix gives values that are not finite, and with them a status.
"""

from __future__ import annotations

from symopt.compiler.codegen.printer import loop


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

    def rhs(row: str) -> str:
        return f"block[{right} + {row}*{lanes} + i]"

    room = f"block[{factor} + i]"
    larger = f"fabs({entry('below', 'pivot')}) > fabs({entry('pivot', 'pivot')})"
    exchange = [
        *loop("i", lanes, [f"{room} = 1.0 if {larger} else 0.0"]),
        *loop(
            "column",
            n,
            loop("i", lanes, _exchange(room, entry("pivot", "column"), entry("below", "column"))),
            low="pivot",
        ),
        *loop("i", lanes, _exchange(room, rhs("pivot"), rhs("below"))),
    ]
    subtract = [
        *loop("i", lanes, [f"{room} = {entry('below', 'pivot')}/{entry('pivot', 'pivot')}"]),
        *loop(
            "column",
            n,
            loop("i", lanes, [_less(entry("below", "column"), room, entry("pivot", "column"))]),
            low="pivot + 1",
        ),
        *loop("i", lanes, [_less(rhs("below"), room, rhs("pivot"))]),
    ]
    back = [
        f"pivot = {n - 1} - last",
        *loop(
            "column",
            n,
            loop("i", lanes, [_less(rhs("pivot"), entry("pivot", "column"), rhs("column"))]),
            low="pivot + 1",
        ),
        *loop("i", lanes, [f"{rhs('pivot')} = {rhs('pivot')}/{entry('pivot', 'pivot')}"]),
    ]
    down = [
        *loop("below", n, exchange, low="pivot + 1"),
        *loop("below", n, subtract, low="pivot + 1"),
    ]
    return [*loop("pivot", n, down), *loop("last", n, back)]


def _exchange(test: str, above: str, below: str) -> list[str]:
    """Return the statements that exchange two numbers where the test is 1."""
    return [
        f"swaps = ({test} == 1.0)",
        f"upper = {above}",
        f"lower = {below}",
        f"{above} = lower if swaps else upper",
        f"{below} = upper if swaps else lower",
    ]


def _less(place: str, factor: str, other: str) -> str:
    """Return the statement that subtracts a product, rounded once."""
    return f"{place} = fma(-{factor}, {other}, {place})"
