"""The kernel of a run: cost and rule printed as one loop over steps, lanes and coordinates."""

from __future__ import annotations

from symopt.compiler.codegen.kernels.coordinate_loop import WrittenLooped
from symopt.compiler.codegen.kernels.fused import Fused, can_fuse
from symopt.compiler.codegen.kernels.indexed import Summed
from symopt.compiler.codegen.kernels.single_run import Alone
from symopt.compiler.codegen.kernels.unrolled import Unrolled
from symopt.compiler.codegen.layout import Kernel, LoopCost, Options
from symopt.ir.program import Program
from symopt.ir.update import Update

UNROLLED = 4  # up to this many parameters the coordinates are written out


def write_kernel(cost: Program | LoopCost, update: Update, size: int, options: Options) -> Kernel:
    """Return the kernel of a cost's value and gradient with ``size`` parameters, and a rule.

    The kernel of a cost with sums serves any number of parameters.
    """
    if isinstance(cost, LoopCost):
        kind = Summed if options.lanes > 1 else Fused if can_fuse(cost, update, options) else Alone
        return kind(cost, update, options).kernel()
    solves = any(stage.kind == "solve" for stage in update.stages)
    written = Unrolled if size <= UNROLLED and not solves else WrittenLooped
    return written(cost, update, size, options).kernel()


__all__ = ["Kernel", "LoopCost", "Options", "write_kernel"]
