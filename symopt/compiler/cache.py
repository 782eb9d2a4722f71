"""Kernels on disk: one self-contained file each, named by what it holds.

A module is named by a hash of its source and of the versions that made it, so that no two
kernels can be taken for each other (numba#10486) and a changed helper is never missed
(numba#1833). Files are written under another name and moved into place, with a fixed time stamp;
two processes may race. Where the folder cannot be written, kernels live in memory.

The folder is ``$SYMOPT_CACHE``, or symopt's folder in the user's cache directory;
``SYMOPT_CACHE=off`` keeps everything in memory. Numba reads what lies there as trusted code: the
folder is private to the user.
"""

from __future__ import annotations

import hashlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import pickle
import sys
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import llvmlite
import numba
import platformdirs

from symopt.errors import SymoptWarning

FORMAT = "1"  # change it when the meaning of a generated source changes
compiled = 0
"""How many kernels this process has compiled (not: found on disk or in memory)."""
_loaded: dict[str, ModuleType] = {}


def load(source: str) -> ModuleType:
    """Return the module of a generated source, compiled once for all time.

    Its ``kernel`` is the compiled entry; its other functions are the same in plain Python.
    """
    global compiled
    name = f"symopt_kernel_{key(source)}"
    if name not in _loaded:
        module = _import_safely(name, source)
        compiled += not module.kernel.stats.cache_hits
        _loaded[name] = module
    return _loaded[name]


def kernel(source: str) -> Callable[..., Any]:
    """Return the compiled entry of a generated source."""
    entry: Callable[..., Any] = load(source).kernel
    return entry


def load_in_memory(source: str) -> ModuleType:
    """Return the module of a source, compiled anew and kept nowhere."""
    return _import(f"symopt_fresh_{key(source)}", None, source)


def key(source: str) -> str:
    """Return what a source is known by: a hash of it and of all that turns it into machine code."""
    versions = (FORMAT, _own_sources(), numba.__version__, llvmlite.__version__, sys.version)
    return hashlib.sha256("\n".join([*versions, source]).encode()).hexdigest()[:32]


@cache
def _own_sources() -> str:
    """Return a hash of the modules that give a kernel's text its meaning."""
    here = Path(__file__).parent
    text = b"".join((here / name).read_bytes() for name in ("native.py", "language.py"))
    return hashlib.sha256(text).hexdigest()


@cache
def folder() -> Path | None:
    """Return the folder of the kernels, or None where there is none that can be written."""
    wish = os.environ.get("SYMOPT_CACHE")
    if wish == "off":
        return None
    path = Path(wish) if wish else platformdirs.user_cache_path("symopt") / "kernels"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path):
            pass
        if hasattr(os, "getuid") and path.stat().st_uid != os.getuid():
            raise PermissionError(0, "it belongs to somebody else, and what lies there is run as code")
    except OSError as error:
        _warn(f"kernels are kept in memory: {path} cannot be used ({error.strerror}); set SYMOPT_CACHE to a folder")
        return None
    return path


def _file(name: str, source: str) -> Path | None:
    """Write a source where it is absent, and return its path."""
    home = folder()
    if home is None:
        return None
    path = home / f"{name}.py"
    if path.exists() and path.read_text(encoding="utf-8") == source:
        return path
    made = None
    try:
        with tempfile.NamedTemporaryFile("w", dir=home, suffix=".tmp", delete=False, encoding="utf-8") as file:
            made = Path(file.name)
            file.write(source)
        os.utime(made, (0, 0))  # Numba compares the time: equal files must have equal times
        made.replace(path)
    except OSError as error:
        if made is not None:
            made.unlink(missing_ok=True)
        _warn(f"a kernel is kept in memory: {path} cannot be written ({error.strerror})")
        return None
    return path


def _import_safely(name: str, source: str) -> ModuleType:
    """Import from disk; make anew what was cut short there; do without a disk that takes nothing more."""
    path = _file(name, source)
    damaged = (EOFError, OSError, ValueError, pickle.UnpicklingError)
    for _ in range(2 if path else 0):
        try:
            return _import(name, path, source)
        except damaged as error:
            reason = error
            _forget(path)
    if path:
        _warn(f"a kernel is kept in memory: {path.parent} does not serve ({reason})")
    return _import(name, None, source)


def _warn(message: str) -> None:
    warnings.warn(message, SymoptWarning, stacklevel=2)


def _forget(path: Path | None) -> None:
    """Remove the machine code of a kernel."""
    if path is not None:
        for file in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
            file.unlink(missing_ok=True)


class _InMemory(importlib.abc.SourceLoader):
    """Loads a source that has no file."""

    def __init__(self, name: str, source: str) -> None:
        self.name, self.source = name, source

    def get_filename(self, fullname: str) -> str:
        """Return a name that is no file."""
        return f"<{fullname}>"

    def get_data(self, path: str | bytes) -> bytes:  # noqa: ARG002
        """Return the source."""
        return self.source.encode()


def _import(name: str, path: Path | None, source: str) -> ModuleType:
    if path is None:
        spec = importlib.util.spec_from_loader(name, _InMemory(name, source))
    else:
        spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # Numba's cache finds a function's module by name
    spec.loader.exec_module(module)
    return module
