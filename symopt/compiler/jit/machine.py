"""Machine code: made by Numba, kept as bytes, loaded into an engine that can be freed.

Numba has one LLVM engine, which holds what it compiled for as long as the process lives: most of
a megabyte a kernel. Here code is compiled in an engine that is thrown away, and runs in one of
its own, so that a kernel that nobody holds any more is freed.
"""

from __future__ import annotations

import pickle
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from llvmlite.binding import ffi
from llvmlite.binding.newpassmanagers import ModulePassManager, NewPassManager
from numba import config, njit, types
from numba.core.codegen import JITCPUCodegen
from numba.core.compiler import CompileResult
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.core.serialize import dumps

from symopt.compiler.jit.llvm import COMPILING

ARRAYS = {"f": types.float64[::1], "i": types.int64[::1]}
OPTIONS = {
    "nogil": True,
    "error_model": "numpy",
    "no_cfunc_wrapper": True,
}  # the one place that decides them


@dataclass(frozen=True)
class Entry:
    """The entry of a kernel before it is compiled.

    Attributes
    ----------
    call
        What Numba compiles: a call of ``function``.
    function
        The same in the kernel language.
    arguments
        The types of its arguments.
    """

    call: Callable[..., Any]
    function: Callable[..., Any]
    arguments: tuple[Any, ...]

    def compile(self) -> bytes:
        """Return the machine code, for this processor."""
        with self._compiled() as result:
            return bytes(dumps(result._reduce()))

    def assembly(self) -> str:
        """Return the machine code of a new compilation as text."""
        with self._compiled() as result:
            return str(result.library.get_asm_str())

    def llvm(self) -> str:
        """Return the optimised LLVM IR of a new compilation."""
        with self._compiled() as result:
            return str(result.library.get_llvm_str())

    def load(self, code: bytes) -> Callable[..., Any]:
        """Return machine code as a function of arrays; it must come from :meth:`compile`."""
        with _own_engine() as context:
            made = njit(**OPTIONS)(self.call)
            result = CompileResult._rebuild(context, *pickle.loads(code))
            result.library._shared_module = (
                None  # LLVM's form of the code, which nothing needs any more
            )
            made.add_overload(result)
            made.disable_compile()
        loaded: Callable[..., Any] = made
        return loaded

    @contextmanager
    def _compiled(self) -> Iterator[Any]:
        """Give the result of compiling, which is forgotten afterwards."""
        compiling = COMPILING.set(self.function)
        try:
            with _own_engine() as context:
                result = njit(**OPTIONS)(self.call)._compiler.compile(self.arguments, types.void)
                context.remove_user_function(result.entry_point)
                yield result
        finally:
            COMPILING.reset(compiling)


def entry(data: str, function: Callable[..., Any]) -> Callable[[Callable[..., Any]], Entry]:
    """Return what makes the entry of a generated function.

    Every kernel begins with ``block`` (numbers it changes), ``plan`` (integers that say what to
    do) and ``out`` (numbers it only writes); ``data`` names the arrays that it only reads after
    them, a letter each: f for numbers, i for integers.
    """
    kinds = [ARRAYS[letter] for letter in "fif"] + [
        ARRAYS[letter].copy(readonly=True) for letter in data
    ]
    return lambda call: Entry(call, function, tuple(kinds))


def processor() -> str:
    """Return what machine code depends on beside its source: the processor and its instructions."""
    return repr(cpu_target.target_context.codegen().magic_tuple())


def is_switched_off() -> bool:
    """Return whether Numba was told to compile nothing (``NUMBA_DISABLE_JIT=1``)."""
    return bool(config.DISABLE_JIT)


@contextmanager
def _own_engine() -> Iterator[Any]:
    """Give Numba's context with an engine that lives as long as what is compiled in it."""
    context = cpu_target.target_context
    with global_compiler_lock:
        context.refresh()
        shared = context._internal_codegen
        context._internal_codegen = _Codegen("symopt")
        try:
            yield context
        finally:
            context._internal_codegen = shared


class _Codegen(JITCPUCodegen):  # type: ignore[misc]
    """Numba's code generator, which frees what it sets up for each compilation."""

    def _function_pass_manager(self, *arguments: Any, **options: Any) -> Any:
        return _free_with_object(super()._function_pass_manager(*arguments, **options))

    def _module_pass_manager(self, *arguments: Any, **options: Any) -> Any:
        return _free_with_object(super()._module_pass_manager(*arguments, **options))

    def _get_host_cpu_features(self) -> str:
        return _features()


def _free_with_object(made: Any) -> Any:
    """Return pass managers that end with their objects, which llvmlite's own hook does not."""
    for part in made if isinstance(made, tuple) else ():
        if isinstance(part, NewPassManager) and type(part)._dispose is ffi.ObjectRef._dispose:
            kind = "Function"
            if isinstance(part, ModulePassManager):
                kind = "Module"
            weakref.finalize(
                part, getattr(ffi.lib, f"LLVMPY_DisposeNew{kind}PassManger"), part._ptr
            )
    return made


@cache
def _features() -> str:
    return str(cpu_target.target_context.codegen()._tm_features)
