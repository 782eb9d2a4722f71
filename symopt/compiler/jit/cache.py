"""Kernels in memory and on disk, known by a hash of all that makes them.

The name of a kernel is a hash of its source, of the versions that turn it into machine code and
of the processor, so that no two kernels can be taken for each other (numba#10486) and a changed
helper is never missed (numba#1833). A generated source is run as it is; what lies on disk is its
machine code alone, which :mod:`~symopt.compiler.jit.store` looks at before it is loaded. Where it
cannot be written, kernels live in memory.

The folder is ``$SYMOPT_CACHE``, or symopt's folder in the user's cache directory;
``SYMOPT_CACHE=off`` keeps everything in memory.
"""

from __future__ import annotations

import gc
import hashlib
import importlib.abc
import importlib.util
import itertools
import os
import sys
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import llvmlite
import numba
import numpy as np
import platformdirs
from llvmlite.binding import ffi
from numba.core.compiler_lock import global_compiler_lock

from symopt.compiler.jit import machine
from symopt.compiler.jit.store import Store
from symopt.errors import SymoptWarning

FORMAT = "2"  # change it when the meaning of a generated source, or of a file, changes
PREFIX = "symopt_kernel_"
KEPT = 512  # kernels in memory; beyond, the quarter that was used longest ago is forgotten
MEANING = (
    "jit/llvm.py",
    "library/primitives.py",
    "jit/machine.py",
)  # modules that give a kernel's text its meaning
compiled = 0
"""How many kernels this process has compiled (not: found on disk or in memory)."""


@dataclass
class _Loaded:
    """A kernel in memory: its module's names, its compiled entry, and its last use."""

    names: SimpleNamespace
    used: int = 0


_loaded: dict[str, _Loaded] = {}
_clock = itertools.count()
_lock = threading.RLock()


def load(source: str) -> SimpleNamespace:
    """Return what the module of a generated source holds, compiled once for all time.

    Its ``kernel`` is the compiled entry; its other functions are the same in plain Python.
    """
    found = _loaded.get(source) or _load(source)
    found.used = next(_clock)
    return found.names


def kernel(source: str) -> Callable[..., Any]:
    """Return the compiled entry of a generated source."""
    entry: Callable[..., Any] = load(source).kernel
    return entry


def entry_of(source: str) -> machine.Entry:
    """Return the entry of a generated source, not yet compiled: for its LLVM IR and assembly."""
    entry: machine.Entry = _import(source).kernel
    return entry


def _load(source: str) -> _Loaded:
    with _lock:
        if source not in _loaded:
            module = _import(source)
            made = _entry(module, source)
            _forget_some()
            # not into the module: what is compiled refers to it, and Numba holds that for as long
            # as its entry
            _loaded[source] = _Loaded(SimpleNamespace(**{**vars(module), "kernel": made}))
        return _loaded[source]


def _entry(module: ModuleType, source: str) -> Callable[..., Any]:
    """Return the entry of a module as a function: from disk, else compiled."""
    entry: machine.Entry = module.kernel
    if machine.is_switched_off():
        _warn(
            "NUMBA_DISABLE_JIT is set: kernels run as plain Python, some hundred times slower; "
            "unset it for speed"
        )
        return partial(_plainly, entry.function)
    store, name = _store(), key(source)
    code = None
    if store:
        code = store.read(PREFIX + name)
    return entry.load(_compile(entry, store, PREFIX + name) if code is None else code)


def _compile(entry: machine.Entry, store: Store | None, name: str) -> bytes:
    global compiled
    code = entry.compile()
    compiled += 1
    if store:
        try:
            store.write(name, code)
        except OSError as error:
            _warn(f"kernels are kept in memory: {store.path} cannot be written ({error.strerror})")
    return code


def _plainly(function: Callable[..., Any], *arrays: Any) -> None:
    with np.errstate(all="ignore"):
        function(*arrays)


def _forget_some() -> None:
    """Forget some kernels: whoever uses one keeps it, and it is loaded again when asked for."""
    if len(_loaded) < KEPT:
        return
    for source in sorted(_loaded, key=lambda source: _loaded[source].used)[: KEPT // 4 + 1]:
        sys.modules.pop(_loaded.pop(source).names.__name__, None)
    gc.collect()  # what was forgotten refers to itself, and is large


def key(source: str) -> str:
    """Return what a source is known by: a hash of it and of all that turns it into machine code."""
    return hashlib.sha256("\n".join([*_makers(), source]).encode()).hexdigest()[:32]


@cache
def _makers() -> tuple[str, ...]:
    """Return what turns a source into machine code: our own modules, versions, the processor."""
    here = Path(__file__).parents[1]
    text = b"".join((here / name).read_bytes() for name in MEANING)
    versions = (FORMAT, numba.__version__, llvmlite.__version__, sys.version)
    return (*versions, hashlib.sha256(text).hexdigest(), machine.processor())


def folder() -> Path | None:
    """Return the folder of the kernels, or None where there is none that can be used."""
    store = _store()
    if store:
        return store.path
    return None


@cache
def _store() -> Store | None:
    wish = os.environ.get("SYMOPT_CACHE")
    if wish == "off":
        return None
    if wish:
        path = Path(wish).expanduser()
    else:
        path = platformdirs.user_cache_path("symopt") / "kernels"
    try:
        return Store.at(path)
    except (OSError, RuntimeError) as error:  # a home that nobody knows is a RuntimeError
        reason = getattr(error, "strerror", None) or error
        _warn(
            f"kernels are kept in memory: {path} cannot be used ({reason}); set SYMOPT_CACHE to a "
            "folder of your own"
        )
    return None


@cache
def _warn(message: str) -> None:
    """Say something once."""
    warnings.warn(message, SymoptWarning, stacklevel=2)


class _InMemory(importlib.abc.SourceLoader):
    """Loads a source that has no file."""

    def __init__(self, source: str) -> None:
        self.source = source

    def get_filename(self, fullname: str) -> str:
        """Return a name that is no file."""
        return f"<{fullname}>"

    def get_data(self, path: str | bytes) -> bytes:  # noqa: ARG002
        """Return the source."""
        return self.source.encode()


def _import(source: str) -> ModuleType:
    """Return the module of a source, its entry not yet compiled."""
    name = PREFIX + key(source)
    spec = importlib.util.spec_from_loader(name, _InMemory(source))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # Numba finds a function's module by name
    spec.loader.exec_module(module)
    return module


LOCKS = (_lock, global_compiler_lock, ffi.lib._lock)
"""What compiling holds, in the order in which it is taken."""


def _hold() -> None:
    """Wait until nobody compiles: a child would wait for ever for a lock that it inherits."""
    for lock in LOCKS:
        lock.__enter__()


def _release() -> None:
    for lock in reversed(LOCKS):
        lock.__exit__(None, None, None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_hold, after_in_parent=_release, after_in_child=_release)
