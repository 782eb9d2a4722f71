"""The loop over steps around one step: what is known before it, running products, and records.

``plan`` is (first step, last step, integers the kernel asks for ..., steps to record ..., -1).
"""

from __future__ import annotations

from itertools import chain

from symopt.compiler.codegen.kernels.context import KernelContext
from symopt.compiler.codegen.kernels.observing import probe_gradient, record_loss, record_theta
from symopt.compiler.codegen.kernels.parts import CostEmitter, StepEmitter
from symopt.compiler.codegen.printer import indent, label, loop
from symopt.ir.keys import Factor, NewState, OldState, Power

SMALLEST_NORMAL = "2.2250738585072014e-308"


def write_step_loop(context: KernelContext, cost: CostEmitter, emitter: StepEmitter) -> list[str]:
    """Write the statements of taking steps."""
    body = [*emitter.begin(), *record_theta(context), *_advance_lane_powers(context)]
    if context.options.tolerance:
        body += probe_gradient(context, cost.flatness())
    body += [*emitter.step(), *record_loss(context)]
    ends = _advance_scalar_states(context)
    cells = {key: (context.cell_name(key), context.rows.cell(key)) for key in context.layout.cells}
    scalars = [key for key in cells if isinstance(key, OldState | Power)]
    powers = [key for key in scalars if isinstance(key, Power)]
    return [
        *_describe_rows(context),
        "first = plan[0]",
        "last = plan[1]",
        f"slot = {context.rows.header}",
        *(f"{name} = {place}  # {label(key)}" for key, (name, place) in cells.items()),
        *context.constants,
        "for step in range(first, last + 1):",
        "    t = float64(step)",
        "    before = t - 1.0",
        *indent(chain.from_iterable(_advance_power(context, key) for key in powers)),
        *indent(context.steps),
        *indent(body),
        *indent(ends),
        *(f"{cells[key][1]} = {cells[key][0]}" for key in scalars),
        *emitter.end(),
    ]


def _describe_rows(context: KernelContext) -> list[str]:
    """Write comments that say what lies where in a block."""
    layout = context.layout
    lines = []
    for key, (_, rows) in layout.rows.items():
        start = layout.at(key)
        lines.append(f"# block[{start}:{start + rows * layout.lanes}]: {label(key)}")
    return lines


def _advance_power(context: KernelContext, key: Power) -> list[str]:
    """Advance a running product; a denormal would never reach 0, and is slow."""
    name = context.cell_name(key)
    factor = context.cell_name(Factor(key.which))
    return [
        f"{name} = {name}*{factor}",
        f"{name} = 0.0 if fabs({name}) < {SMALLEST_NORMAL} else {name}",
    ]


def _advance_lane_powers(context: KernelContext) -> list[str]:
    """Advance the running products of each lane."""
    at = context.rows.at
    lines = []
    for key in context.layout.rows:
        if isinstance(key, Power):
            lines.append(f"power = {at(key)}*{at(Factor(key.which))}")
            lines.append(f"{at(key)} = 0.0 if fabs(power) < {SMALLEST_NORMAL} else power")
    if lines:
        return loop("i", context.options.lanes, lines)
    return []


def _advance_scalar_states(context: KernelContext) -> list[str]:
    """Give the states with one value a block their next values."""
    own = context.vector | context.lane_states
    names = [state.name for state in context.update.states if state.name not in own]
    nodes = [context.build_update([NewState(name)], {})[NewState(name)] for name in names]
    texts = context.write(nodes, [])  # nothing of them depends on a lane
    lines = [f"next{k} = {text}" for k, text in enumerate(texts)]
    lines += [f"{context.cell_name(('state', name))} = next{k}" for k, name in enumerate(names)]
    return lines
