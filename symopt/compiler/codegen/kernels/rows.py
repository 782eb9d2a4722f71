"""Where a block's numbers lie: in the block itself, or in arrays of their own.

In a closed form everything is a row of the block. Where a kernel serves any number of parameters,
what has a row for each of them is a wide array, taken in lanes or by a single run.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from symopt.compiler.codegen.kernel_spec import LoopCost
from symopt.compiler.codegen.layout import Layout
from symopt.compiler.codegen.memory import Arrays, Memory
from symopt.compiler.codegen.printer import LANE, UNIFORM, loop
from symopt.ir.keys import Key
from symopt.ir.program import IndexValue, Load, Name
from symopt.passes.minibatch import BATCH

MATRIX: Name = ("matrix", "of a step")


class BlockRows:
    """All numbers lie in the block; the number of coordinates is known."""

    def __init__(self, layout: Layout, n: int, header: str) -> None:
        self.layout = layout
        self.n = n
        self.header = header

    def at(self, key: Key, k: int = 0) -> str:
        """Return the text of row k of a key, in the lane of the loop around."""
        return f"block[{self.layout.at(key, k)} + i]"

    def each(self, key: Key) -> str:
        """Return the text of a row in the coordinate and the lane of the loops around."""
        return f"block[row + {self.layout.at(key)} + i]"

    def cell(self, key: Key) -> str:
        """Return the text of a number that all lanes share."""
        return f"block[{self.layout.at(key)}]"

    def count(self) -> str:
        """Return the text of the number of coordinates."""
        return str(self.n)

    def numbers(self, iterate: Key) -> tuple[str, str]:
        """Return how many numbers the iterate holds, and the text of its number i."""
        return str(self.n * self.layout.lanes), self.at(iterate)

    def coordinates(self, body: list[str]) -> list[str]:
        """Write a loop over coordinates and lanes."""
        lanes = self.layout.lanes
        return loop("k", self.count(), [f"row = k*{lanes}", *loop("i", lanes, body)])

    def input(self, key: Key) -> str | None:  # noqa: ARG002  the protocol's
        """Return None: there are no arrays."""
        return None

    def binding_time(self, key: Key) -> int | None:  # noqa: ARG002
        """Return None: there are no arrays."""
        return None


class WideArrays:
    """The arrays of a kernel for any number of parameters, and their names in it.

    Parameters
    ----------
    layout
        Of the block; what is wide in it has an array of its own.
    cost
        The cost, whose data and stored arrays lie beside.
    batch
        Whether samples are drawn.
    buffers
        Wide parts that change their roles: as arguments they are called after their places.
    """

    def __init__(
        self, layout: Layout, cost: LoopCost, batch: bool, buffers: tuple[str, ...] = ()
    ) -> None:
        self.layout = layout
        self.buffers = buffers
        self.data: dict[Name, str] = dict(cost.data) | ({BATCH: "i"} if batch else {})
        self.stored = _stored(cost, batch)
        self.arrays = Arrays(self._memory(cost.arrays), layout.lanes)

    def variable(self, key: Key) -> str:
        """Return the name of a wide part of the block."""
        if isinstance(key, str):
            return key
        return f"w{self.layout.wide.index(key)}"

    def argument(self, key: Key) -> str:
        """Return what a wide part is called as an argument."""
        name = self.variable(key)
        if name in self.buffers:
            return f"{name}_buffer"
        return name

    def cell(self, key: Key) -> str:
        """Return the text of a number that all lanes share."""
        return f"cells[{self.layout.cells[key]}]"

    def count(self) -> str:
        """Return the text of the number of coordinates."""
        return self.arrays.integer("n")

    def input(self, key: Key) -> str | None:
        """Return the text of an entry of an array or of a size, else None."""
        return self.arrays.input(key)

    def is_shared(self, key: Key) -> bool:
        """Return whether an entry is the same for all lanes: data, or the index itself."""
        if isinstance(key, IndexValue):
            return True
        return isinstance(key, Load) and not self.arrays.memory[key.array].laned

    def matrix_entry(self, row: str, column: str) -> str:
        """Return the text of an entry of the matrix of a step's equations."""
        place = f"s{self.stored.index(MATRIX)}[({row}*{self.count()} + {column})"
        if self.layout.lanes == 1:
            return f"{place}]"
        return f"{place}*{self.layout.lanes} + i]"

    def entry_of(self, key: Key, row: str) -> str:
        """Return the text of a row of a wide part."""
        if self.layout.lanes == 1:
            return f"{self.variable(key)}[{row}]"
        return f"{self.variable(key)}[{row}*{self.layout.lanes} + i]"

    def batch_array(self) -> str:
        """Return the name of the array that holds the samples of all steps."""
        return f"d{list(self.data).index(BATCH)}"

    def _memory(self, parameters: tuple[Name, ...]) -> dict[Name, Memory]:
        """Say where each array lies; those of parameters are called after the rows they lie in."""
        memory: dict[Name, Memory] = {}
        for key in self.layout.wide:
            for like in parameters:
                place = Memory(self.variable(key), like=like, offset=True)
                memory[array_kind(key), like[1]] = place
        for k, name in enumerate(self.stored):
            memory[name] = Memory(f"s{k}", like=("where", name[1]))
        for k, (name, kind) in enumerate(self.data.items()):
            if name == BATCH:
                variable = "batch"
            else:
                variable = f"d{k}"
            memory[name] = Memory(variable, laned=False, whole=kind == "i")
        return memory


class LaneArrays:
    """Rows of a block of lanes whose wide parts are arrays."""

    header = "header"

    def __init__(self, wide: WideArrays) -> None:
        self.wide = wide
        self.layout = wide.layout
        self.cell = wide.cell
        self.count = wide.count
        self.input = wide.input

    def at(self, key: Key, k: int = 0) -> str:
        """Return the text of row k of a key, in the lane of the loop around."""
        return f"block[{self.layout.at(key, k)} + i]"

    def each(self, key: Key) -> str:
        """Return the text of a row in the coordinate and the lane of the loops around."""
        return f"{self.wide.variable(key)}[row + i]"

    def numbers(self, iterate: Key) -> tuple[str, str]:
        """Return how many numbers the iterate holds, and the text of its number i."""
        return f"{self.count()}*{self.layout.lanes}", f"{self.wide.variable(iterate)}[i]"

    def coordinates(self, body: list[str]) -> list[str]:
        """Write a loop over coordinates and lanes."""
        lanes = self.layout.lanes
        return loop("k", self.count(), [f"row = k*{lanes}", *loop("i", lanes, body)])

    def binding_time(self, key: Key) -> int | None:
        """Return when an entry is known: in the loops that all lanes share, or in the lane."""
        if self.wide.is_shared(key):
            return UNIFORM
        if isinstance(key, Load):
            return LANE
        return None


class RunArrays:
    """Rows of a single run whose wide parts are arrays: it vectorises along them."""

    header = "header"

    def __init__(self, wide: WideArrays) -> None:
        self.wide = wide
        self.layout = wide.layout
        self.cell = wide.cell
        self.count = wide.count
        self.input = wide.input

    def at(self, key: Key, k: int = 0) -> str:
        """Return the text of a number of the run."""
        return f"block[{self.layout.at(key, k)}]"

    def each(self, key: Key) -> str:
        """Return the text of a row in the coordinate of the loop around."""
        return f"{self.wide.variable(key)}[k]"

    def numbers(self, iterate: Key) -> tuple[str, str]:
        """Return how many numbers the iterate holds, and the text of its number i."""
        return self.count(), f"{self.wide.variable(iterate)}[i]"

    def coordinates(self, body: list[str]) -> list[str]:
        """Write a loop over coordinates."""
        return loop("k", self.count(), body)

    def binding_time(self, key: Key) -> int | None:
        """Return when an entry is known: always in the innermost loop, which is vectorised."""
        if isinstance(key, Load | IndexValue):
            return LANE
        return None


def array_kind(key: Key) -> str:
    """Return what the arrays that lie in some rows are called."""
    if isinstance(key, str):
        return key
    return " ".join(str(part) for part in key)


def _stored(cost: LoopCost, batch: bool) -> list[Name]:
    """Return the arrays that a cost stores on the way, once each."""
    programs = [cost.gradient]
    if batch and cost.batch is not None:
        programs.append(cost.batch)
    if cost.product is not None:
        programs.append(cost.product)
    programs += cost.matrices.values()
    statements = chain.from_iterable(program.statements for program in programs)
    stored = list(dict.fromkeys(s.array for s in statements if s.array[0] != "g"))
    if cost.matrices:
        stored.append(MATRIX)
    return stored


def data_kinds(data: Mapping[Name, str]) -> str:
    """Return the kinds of data arrays, a letter each."""
    return "".join(data.values())
