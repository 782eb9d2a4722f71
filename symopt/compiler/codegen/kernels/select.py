"""The kernel of a run: cost and rule as one loop over steps, put together from its parts."""

from __future__ import annotations

from symopt.compiler.codegen.kernel_spec import Kernel, LoopCost, Options
from symopt.compiler.codegen.kernels.context import KernelContext
from symopt.compiler.codegen.kernels.fused import BUFFERS, FusedPass, can_fuse
from symopt.compiler.codegen.kernels.kernel_file import closed_form_kernel, loop_kernel
from symopt.compiler.codegen.kernels.lane_block import LaneBlockStep
from symopt.compiler.codegen.kernels.loops import Loops
from symopt.compiler.codegen.kernels.parts import StepEmitter
from symopt.compiler.codegen.kernels.rows import BlockRows, LaneArrays, RunArrays, WideArrays
from symopt.compiler.codegen.kernels.single_run import SeparatePasses, SingleRunStep
from symopt.compiler.codegen.kernels.step_loop import write_step_loop
from symopt.compiler.codegen.kernels.straight_line import StraightLine
from symopt.compiler.codegen.kernels.unrolled import UnrolledStep
from symopt.compiler.codegen.storage import StorageAssignment
from symopt.ir.keys import Constant
from symopt.ir.program import Program
from symopt.ir.update import Update

UNROLLED = 4  # up to this many parameters the coordinates are written out


def write_kernel(cost: Program | LoopCost, update: Update, size: int, options: Options) -> Kernel:
    """Write the kernel of a cost's value and gradient with ``size`` parameters, and a rule.

    The kernel of a cost with loops serves any number of parameters.
    """
    if isinstance(cost, Program):
        return _write_closed_form(cost, update, size, options=options)
    if options.lanes > 1:
        return _write_lanes(cost, update, options)
    if can_fuse(cost, update, options):
        return _write_fused(cost, update, options)
    return _write_single_run(cost, update, options)


def _write_closed_form(cost: Program, update: Update, n: int, options: Options) -> Kernel:
    solves = any(stage.kind == "solve" for stage in update.stages)
    unrolled = n <= UNROLLED and not solves
    constants = [key for key in cost.inputs if isinstance(key, Constant)]
    places = StorageAssignment(constants, update, n, options, looped=not unrolled)
    draws = options.noise or update.draws > 0
    context = KernelContext(places, BlockRows(places.layout, n, header="3" if draws else "2"))
    emitter = StraightLine(context, cost, n)
    step: StepEmitter = LaneBlockStep(context, emitter, skips_ended=False)
    if unrolled:
        step = UnrolledStep(context, emitter)
    return closed_form_kernel(context, write_step_loop(context, emitter, step), n)


def _write_lanes(cost: LoopCost, update: Update, options: Options) -> Kernel:
    places = StorageAssignment(cost.constants, update, None, options, looped=True)
    wide = WideArrays(places.layout, cost, options.batch)
    context = KernelContext(places, LaneArrays(wide))
    emitter = Loops(context, cost, wide)
    step = LaneBlockStep(context, emitter, skips_ended=True)
    lines = write_step_loop(context, emitter, step)
    return loop_kernel(context, wide, lines, functions=[], rolls_back=False)


def _write_single_run(cost: LoopCost, update: Update, options: Options) -> Kernel:
    places = StorageAssignment(cost.constants, update, None, options, looped=True)
    wide = WideArrays(places.layout, cost, options.batch)
    context = KernelContext(places, RunArrays(wide))
    emitter = Loops(context, cost, wide)
    step = SingleRunStep(context, emitter, SeparatePasses(context, emitter))
    lines = write_step_loop(context, emitter, step)
    return loop_kernel(context, wide, lines, functions=[], rolls_back=True)


def _write_fused(cost: LoopCost, update: Update, options: Options) -> Kernel:
    places = StorageAssignment(cost.constants, update, None, options, looped=True)
    wide = WideArrays(places.layout, cost, options.batch, BUFFERS)
    context = KernelContext(places, RunArrays(wide))
    emitter = Loops(context, cost, wide)
    fused = FusedPass(context, emitter)
    step = SingleRunStep(context, emitter, fused)
    lines = write_step_loop(context, emitter, step)
    return loop_kernel(context, wide, lines, functions=fused.functions, rolls_back=True)


__all__ = ["Kernel", "LoopCost", "Options", "write_kernel"]
