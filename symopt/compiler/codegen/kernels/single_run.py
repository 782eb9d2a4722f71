"""Kernels of one run of a cost with sums: it vectorises along its own sums and coordinates.

A step that fails leaves theta and the states as they became: the driver goes back to where the
chunk began and takes the steps before it again. So a step keeps no copies.
"""

from __future__ import annotations

from symopt.compiler.codegen.kernels.base import INFINITY
from symopt.compiler.codegen.kernels.indexed import Summed
from symopt.compiler.codegen.layout import DIVERGED, NONFINITE, RUNNING
from symopt.compiler.codegen.printer import indented, loop
from symopt.ir.program import Key


class Alone(Summed):
    """Writes the kernel of a single run."""

    rerun = True

    def _each(self, key: Key) -> str:
        return f"{self._variable(key)}[k]"

    def _leaf(self, key: Key) -> str:
        return self._each(key[1]) if key[0] == "each" else super()._leaf(key)

    def _at(self, key: Key, k: int = 0) -> str:
        return f"block[{self.layout.at(key, k)}]"

    def _coordinates(self, body: list[str]) -> list[str]:
        return loop("k", self._count(), body)

    def _begin(self) -> list[str]:
        return [f"live = {self._at('status')} == {RUNNING}"]

    def _steps(self) -> list[str]:
        evaluation, loss = self._evaluation()
        lines = [
            *evaluation,
            f"loss = {loss}",
            *self._observe("loss", self.whole),
            f"ok = going & (fabs(loss) <= {self._cell_name('limit')})",
            f"ending = {DIVERGED} if fabs(loss) < {INFINITY} else {NONFINITE}",
            f"{self._at('status')} = ending if going ^ ok else status",
            *(["if better:", *indented(self._keep_best())] if self.options.best else []),
            "if ok:",
            *indented([*self._updating(), *self._committing()]),
        ]
        return self._with_batch(["if live:", *indented(lines)])

    def _evaluation(self) -> tuple[list[str], str]:
        """Return the evaluation at theta, and the text of the loss."""
        at_theta = self._first_at_theta()
        outside, _, loss = self._evaluated(self._iterate, True, at_theta)
        return [*outside, *(self._noise_pass(at_theta) if at_theta else [])], loss

    def _keep_best(self) -> list[str]:
        return self._coordinates([f"{self._each('best')} = {self._each(self._iterate)}"])

    def _updating(self) -> list[str]:
        """Return the stages after the first, and the pass that gives theta and the states their next values."""
        body: list[str] = []
        texts = self._next(body)
        body += [f"{self._each(row)} = {text}" for row, text in texts.items()]
        return [*self._later_stages(), "worst = 0", *self._coordinates([*body, *self._tests(texts["theta"])])]

    def _tests(self, theta: str) -> list[str]:
        """Return what keeps the largest new coordinate: as an integer, where NaN is largest, and which vectorises."""
        return [f"size = bits(fabs({theta}))", "worst = size if size > worst else worst"]

    def _committing(self) -> list[str]:
        """Return the end of a step: what has one value a run, or the status of a step that failed."""
        lines: list[str] = []
        states = self._lane_states_next(lines)
        return [
            *lines,
            *(f"{place} = {text}" for place, text in states.items()),
            "largest = from_bits(worst)",
            f"fine = largest <= {self._cell_name('limit')}",
            f"{self._at('status')} = {RUNNING} if fine else ({DIVERGED} if largest < {INFINITY} else {NONFINITE})",
            f"{self._at('steps')} = t if fine else {self._at('steps')}",
        ]
