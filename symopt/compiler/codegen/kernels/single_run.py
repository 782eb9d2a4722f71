"""Steps of one run of a cost with loops: it vectorises along its own sums and coordinates.

A step that fails leaves theta and the states as they became: the driver goes back to where the
chunk began and takes the steps before it again. So a step keeps no copies.
"""

from __future__ import annotations

from typing import Protocol

from symopt.compiler.codegen.kernels.context import KernelContext
from symopt.compiler.codegen.kernels.coordinate_update import CoordinateUpdate
from symopt.compiler.codegen.kernels.lane_block import check_loss
from symopt.compiler.codegen.kernels.observing import observe
from symopt.compiler.codegen.kernels.parts import CostEmitter
from symopt.compiler.codegen.layout import DIVERGED, INFINITY, NONFINITE, RUNNING
from symopt.compiler.codegen.printer import indent


class Passes(Protocol):
    """How a run's evaluation and update go over memory."""

    update: CoordinateUpdate

    def begin(self) -> list[str]:
        """Write what every step begins with."""

    def evaluate(self) -> tuple[list[str], str]:
        """Write the evaluation at theta, and return the text of the loss."""

    def keep_best(self) -> list[str]:
        """Keep theta as the best."""

    def advance(self) -> list[str]:
        """Give theta and the states their next values; ``worst`` holds the largest of theta."""

    def end(self) -> list[str]:
        """Write what every call of the kernel ends with."""


class SingleRunStep:
    """Writes a step of a single run."""

    def __init__(self, context: KernelContext, cost: CostEmitter, passes: Passes) -> None:
        self.context = context
        self.rows = context.rows
        self.cost = cost
        self.passes = passes

    def begin(self) -> list[str]:
        """Test whether the run goes on."""
        return [f"live = {self.rows.at('status')} == {RUNNING}", *self.passes.begin()]

    def end(self) -> list[str]:
        """Write what every call of the kernel ends with."""
        return self.passes.end()

    def step(self) -> list[str]:
        """Observe and update once."""
        evaluation, loss = self.passes.evaluate()
        lines = [
            *evaluation,
            f"loss = {loss}",
            *observe(self.context, "loss", self.cost.whole),
            *check_loss(self.context),
        ]
        if self.context.options.best:
            lines += ["if better:", *indent(self.passes.keep_best())]
        lines += ["if ok:", *indent([*self.passes.advance(), *self._commit()])]
        return [*self.cost.prelude(), "if live:", *indent(lines)]

    def _commit(self) -> list[str]:
        """End a step: what has one value a run, or the status of a step that failed."""
        lines: list[str] = []
        states = self.passes.update.next_lane_states(lines)
        status = self.rows.at("status")
        steps = self.rows.at("steps")
        failed = f"{DIVERGED} if largest < {INFINITY} else {NONFINITE}"
        return [
            *lines,
            *(f"{place} = {text}" for place, text in states.items()),
            "largest = bitcast_to_float(worst)",
            f"fine = largest <= {self.context.cell_name('limit')}",
            f"{status} = {RUNNING} if fine else ({failed})",
            f"{steps} = t if fine else {steps}",
        ]


class SeparatePasses:
    """Evaluation first, then the update in a pass of its own."""

    def __init__(self, context: KernelContext, cost: CostEmitter) -> None:
        self.context = context
        self.rows = context.rows
        self.cost = cost
        self.update = CoordinateUpdate(context, cost)

    def begin(self) -> list[str]:
        """Write nothing."""
        return []

    def end(self) -> list[str]:
        """Write nothing."""
        return []

    def evaluate(self) -> tuple[list[str], str]:
        """Write the evaluation at theta, and return the text of the loss."""
        gradient = self.update.observed_gradient()
        outside, _, loss = self.cost.evaluate(self.context.iterate, True, gradient)
        return [*outside, *self.update.add_noise(gradient)], loss

    def keep_best(self) -> list[str]:
        """Copy theta to the best."""
        each = self.rows.each
        return self.rows.coordinates([f"{each('best')} = {each(self.context.iterate)}"])

    def advance(self) -> list[str]:
        """Write the later stages, and the pass that gives theta and the states their values."""
        body: list[str] = []
        texts = self.update.next_values(body)
        body += [f"{self.rows.each(row)} = {text}" for row, text in texts.items()]
        body += track_largest(texts["theta"])
        return [*self.update.later_stages(), "worst = 0", *self.rows.coordinates(body)]


def track_largest(theta: str) -> list[str]:
    """Write a running maximum of abs(theta) on its bit pattern.

    As an integer NaN compares largest, and the loop vectorises.
    """
    return [f"size = bitcast_to_int(fabs({theta}))", "worst = size if size > worst else worst"]
