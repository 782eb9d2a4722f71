"""Where the entries of arrays lie in memory, spelled in the kernel language.

Sizes, strides and offsets are integers that a kernel is given when it runs: a source holds their
names only, so that one kernel serves arrays of any length.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from symopt.compiler.codegen.printer import label
from symopt.ir.index import Affine, Atom, IndirectIndex, Loop, Size
from symopt.ir.keys import ArrayOffset, Extent, Key, SizeValue, Stride
from symopt.ir.program import IndexValue, Load, Name

NAN = "bitcast_to_float(9221120237041090560)"


class Memory(NamedTuple):
    """An array as a kernel sees it.

    Attributes
    ----------
    variable
        The kernel's name of what it lies in.
    laned
        Whether each entry is a row of one number a lane.
    like
        The array whose shape it has, if that is not its own.
    offset
        Whether it begins somewhere inside.
    whole
        Whether it holds integers.
    single
        Whether it is no array: only one entry is in use at a time.
    """

    variable: str
    laned: bool = True
    like: Name | None = None
    offset: bool = False
    whole: bool = False
    single: bool = False


class Arrays:
    """The arrays of one kernel, and the integers that say where they lie.

    Attributes
    ----------
    integers
        What each integer is, and its name in the kernel; filled as they are met.
    """

    def __init__(self, memory: Mapping[Name, Memory], lanes: int) -> None:
        self.memory, self.lanes = dict(memory), lanes
        self.integers: dict[Key, str] = {}
        self.variables: dict[Loop, str] = {}

    def integer(self, key: Key) -> str:
        """Return the name of an integer."""
        return self.integers.setdefault(key, f"n{len(self.integers)}")

    def loads(self, first: int) -> list[str]:
        """Emit the loads of the integers of ``plan``, which begin at ``first``."""
        return [
            f"{name} = plan[{first + k}]  # {label(key)}"
            for k, (key, name) in enumerate(self.integers.items())
        ]

    def open(self, loops: Iterable[Loop], variable: str) -> None:
        """Call the variables of loops by one name from here on."""
        self.variables |= dict.fromkeys(loops, variable)

    def place(self, array: Name, at: tuple[Affine, ...], near: bool) -> str:
        """Return the text of an entry."""
        memory = self.memory[array]
        if memory.single:
            return memory.variable
        shaped = memory.like or array
        terms = []
        if memory.offset:
            terms = [self.integer(ArrayOffset(shaped))]
        for axis, index in enumerate(at):
            if near:
                text = self._clamped(shaped, axis, index)
            else:
                text = self.index(index)
            terms.append(
                text if axis == len(at) - 1 else f"({text})*{self.integer(Stride(shaped, axis))}"
            )
        flat = " + ".join(term for term in terms if term != "0") or "0"
        if not memory.laned or self.lanes == 1:
            return f"{memory.variable}[{flat}]"
        if flat != "0":
            return f"{memory.variable}[({flat})*{self.lanes} + i]"
        return f"{memory.variable}[i]"

    def _inside(self, read: Load) -> str:
        """Return the test that an index lies in its array, for a branch that may be taken."""
        array = self.memory[read.array].like or read.array
        indices = [
            (f"({self.index(index)})", self.integer(Extent(array, axis)))
            for axis, index in enumerate(read.at)
        ]
        return " & ".join(f"(-1 < {text}) & ({text} < {extent})" for text, extent in indices)

    def _clamped(self, array: Name, axis: int, index: Affine) -> str:
        """Return an index moved into the range of an axis."""
        text, last = f"({self.index(index)})", f"({self.integer(Extent(array, axis))} - 1)"
        return f"(0 if {text} < 0 else ({text} if {text} < {last} else {last}))"

    def index(self, index: Affine) -> str:
        """Return the text of an index."""
        text = ""
        if index.const or not index.terms:
            text = str(index.const)
        for atom, factor in reversed(index.terms):
            if abs(factor) == 1:
                part = self._atom(atom)
            else:
                part = f"{abs(factor)}*{self._atom(atom)}"
            sign = "+"
            if factor < 0:
                sign = "-"
            if not text:
                rest = ""
            elif text.startswith("-"):
                rest = f" - {text[1:]}"
            else:
                rest = f" + {text}"
            if sign == "+":
                text = f"{part}{rest}"
            else:
                text = f"{text or '0'} - {part}"
        return text

    def _atom(self, atom: Atom) -> str:
        if isinstance(atom, Size):
            return self.integer(SizeValue(atom.size))
        if isinstance(atom, IndirectIndex):
            return self.place(atom.array, atom.at, near=False)
        return self.variables[atom]

    def input(self, key: Key) -> str | None:
        """Return the text of an input that has to do with arrays or sizes, None of another."""
        if isinstance(key, Load):
            text = self.place(key.array, key.at, key.near)
            if self.memory[key.array].whole:
                text = f"float64({text})"
            if key.near:
                return f"({text} if {self._inside(key)} else {NAN})"
            return text
        if isinstance(key, IndexValue):
            return f"float64({self.index(key.value)})"
        if isinstance(key, SizeValue):
            return f"float64({self.integer(key)})"
        return None
