"""A kernel's file: the loop over steps as the compiled entry, with the functions it calls."""

from __future__ import annotations

from collections.abc import Iterable

from symopt.compiler.codegen.kernel_spec import Kernel
from symopt.compiler.codegen.kernels.context import KernelContext
from symopt.compiler.codegen.kernels.rows import WideArrays, data_kinds
from symopt.compiler.codegen.printer import function_source, label, module_source
from symopt.ir.keys import Key, RowsOf, StoredArray


def closed_form_kernel(context: KernelContext, lines: list[str], n: int) -> Kernel:
    """Write the file of a kernel for a known number of parameters."""
    integers: tuple[Key, ...] = ()
    if context.draws:
        integers = ("seed",)
        lines = ["seed = plan[2]", *lines]
    return Kernel(
        source=module_source("advance", lines, context.printer.functions),
        layout=context.layout,
        update=context.update,
        options=context.options,
        size=n,
        integers=integers,
    )


def loop_kernel(
    context: KernelContext,
    wide: WideArrays,
    lines: list[str],
    functions: Iterable[str],
    rolls_back: bool,
) -> Kernel:
    """Write the file of a kernel for any number of parameters.

    What has a row for each parameter, and what a cost stores, are arrays of their own: the entry
    takes them from the block and calls ``steps``, in which LLVM knows that no two of them overlap.
    """
    arrays = wide.arrays
    if context.draws:
        lines = [f"seed = {arrays.integer('seed')}", *lines]
    loads = arrays.loads(3)
    places = _places(wide)
    data = [f"d{k}" for k in range(len(wide.data))]
    described = [f"# d{k}: {label(name)}" for k, name in enumerate(wide.data)]
    body = [*described, "header = plan[2]", *loads, *lines]
    steps = function_source("steps", ["block", "plan", "out", *places, *data], body)
    first = 3 + len(loads)
    parts = [f"view(block, plan[{first + k}])" for k in range(len(places))]
    call = f"steps({', '.join(['block', 'plan', 'out', *parts, *data])})"
    source = module_source(
        "advance",
        [call],
        context.printer.functions,
        parts=[*functions, steps],
        data=data_kinds(wide.data),
    )
    return Kernel(
        source=source,
        layout=context.layout,
        update=context.update,
        options=context.options,
        size=None,
        integers=(*arrays.integers, *places.values()),
        stored=tuple(wide.stored),
        rerun=rolls_back,
    )


def _places(wide: WideArrays) -> dict[str, Key]:
    """Return the arguments that lie in the block, by name, and the keys of where they begin."""
    places: dict[str, Key] = {wide.argument(key): RowsOf(key) for key in wide.layout.wide}
    places["cells"] = "cells"
    places |= {f"s{k}": StoredArray(name) for k, name in enumerate(wide.stored)}
    return places
