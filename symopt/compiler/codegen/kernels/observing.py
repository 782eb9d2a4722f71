"""What is looked at in every step: the loss, the best, targets, the gradient, what is recorded."""

from __future__ import annotations

from collections.abc import Callable

from symopt.compiler.codegen.kernels.context import KernelContext
from symopt.compiler.codegen.kernels.parts import Evaluation
from symopt.compiler.codegen.layout import CONVERGED, RUNNING
from symopt.compiler.codegen.printer import indent, loop
from symopt.ir.keys import Hit, Key, OldState

CADENCE = 16  # the gradient tolerance is tested every so many steps
PROBED = f"(((step - 1) & {CADENCE - 1}) == 0)"
"""The test of whether the gradient is looked at in a step."""


def observe(context: KernelContext, loss: str, whole: str = "") -> list[str]:
    """Observe the loss of the theta at which the step begins.

    ``whole`` is the test of whether the loss is of all samples, where it can be of a batch.
    """
    at = context.rows.at
    last = at("loss")
    # a run that has ended keeps its loss, which a later batch would not give
    kept = loss
    if whole:
        kept = f"({loss} if seen else {last})"
    lines = [
        f"status = {at('status')}",
        f"steps = {at('steps')}",
        "seen = (steps == before)",
        f"going = seen & (status == {RUNNING}) & (t <= {context.cell_name('T')})",
        f"{last} = {kept}",
    ]
    test = "seen"
    if whole:
        test = f"seen & {whole}"
    if context.options.best:
        best = at("best_loss")
        lines.append(f"better = {test} & ({loss} < {best})")
        lines.append(f"{best} = {loss} if better else {best}")
    for j in range(context.options.targets):
        hit = at(Hit(j))
        reached = f"({hit} < 0.0) & ({loss} <= {context.cell_name(('target', j))})"
        lines.append(f"{hit} = before if {test} & {reached} else {hit}")
    return lines


def is_flat(context: KernelContext, slope: str, place: Callable[[Key], str]) -> str:
    """Return the test of whether a component of the gradient is within the tolerance.

    ``place`` gives a row in the coordinate at hand. On a bound of theta, what points out of the box
    counts as nothing: the projected gradient is tested.
    """
    within = f"(fabs({slope}) <= {context.cell_name('tolerance')})"
    if context.update.box is None:
        return within
    low, high = (place(OldState(name)) for name in context.update.box)
    theta = place(context.iterate)
    below, above = f"({theta} <= {low}) & ({slope} > 0.0)", f"({theta} >= {high}) & ({slope} < 0.0)"
    return f"({within} | ({below}) | ({above}))"


def probe_gradient(context: KernelContext, flatness: Evaluation) -> list[str]:
    """End runs whose gradient is within the tolerance, at a fixed cadence in steps."""
    at = context.rows.at
    status = at("status")
    lines = [
        *flatness.inside,
        f"seen = ({at('steps')} == before) & ({status} == {RUNNING})",
        f"{status} = {CONVERGED} if seen & {flatness.text} else {status}",
    ]
    body = [*flatness.outside, *loop("i", context.options.lanes, lines)]
    return [f"if {PROBED} | (t > {context.cell_name('T')}):", *indent(body)]


def record_theta(context: KernelContext) -> list[str]:
    """Record theta where the step is one to record."""
    size, number = context.rows.numbers(context.iterate)
    lanes = context.options.lanes
    slot = f"(slot - {context.rows.header})"
    kept = "kept = (plan[slot] == step - 1)"
    if not context.options.paths:
        return [kept, f"at = {slot}*{lanes}"]
    copy = loop("i", size, [f"out[at + i] = {number}"])
    return [kept, f"at = {slot}*({size} + {lanes})", "if kept:", *indent(copy)]


def record_loss(context: KernelContext) -> list[str]:
    """Record the loss behind theta, and go on to the next step to record."""
    place = "out[at + i]"
    if context.options.paths:
        size, _ = context.rows.numbers(context.iterate)
        place = f"out[at + {size} + i]"
    copy = loop("i", context.options.lanes, [f"{place} = {context.rows.at('loss')}"])
    return ["if kept:", *indent([*copy, "slot = slot + 1"])]
