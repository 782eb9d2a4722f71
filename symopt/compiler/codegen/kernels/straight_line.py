"""What kernels of a cost that is written out have in common: its program at one point, coordinate by coordinate."""

from __future__ import annotations

from symopt.compiler.codegen.kernels.base import Writer
from symopt.compiler.codegen.layout import Kernel, Options
from symopt.compiler.codegen.printer import module_source
from symopt.ir.program import Key, Program
from symopt.ir.update import Update


class WrittenOut(Writer):
    """A kernel whose cost is straight code for a known number of parameters."""

    def __init__(self, cost: Program, update: Update, size: int, options: Options) -> None:
        super().__init__([key for key in cost.inputs if key[0] == "c"], update, size, options)
        self.cost, self.n = cost, size

    def kernel(self) -> Kernel:
        """Write the whole kernel."""
        seed = ["seed = plan[2]"] if self.draws else []
        source = module_source("advance", [*seed, *self._advance()], self.printer.functions)
        integers: tuple[Key, ...] = (("seed",),) if self.draws else ()
        return Kernel(source, self.layout, self.update, self.options, self.n, integers)

    def _header(self) -> str:
        return "3" if self.draws else "2"

    def _cost(self, point: list[int], wanted: list[Key]) -> dict[Key, int]:
        """Build the cost and derivatives at a point."""

        def given(key: Key) -> int:
            return point[key[1]] if key[0] == "x" else self.graph.input(key)  # type: ignore[index]

        return self.graph.splice(self.cost.only(wanted), given)

    @property
    def _gradient(self) -> list[Key]:
        return [("g", k) for k in range(self.n)]

    def _rows(self, name: Key) -> list[int]:
        return [self.graph.input(("at", name, k)) for k in range(self.n)]

    def _numbers(self) -> tuple[str, str]:
        return str(self.n * self.options.lanes), self._at(self._iterate)

    def _is_flat(self) -> tuple[list[str], list[str], str]:
        lines: list[str] = []
        slopes = self._cost(self._rows(self._iterate), self._gradient)
        texts = self._write([slopes[key] for key in self._gradient], lines, {})
        return [], lines, " & ".join(f"(fabs({text}) <= {self._cell_name('tolerance')})" for text in texts)
