"""A folder of machine code that is trusted only where it can be: one's own files, whole ones.

What lies there runs as code. So the folder and its files must belong to the user (or to root) and
be writable by nobody else; each is looked at after it is opened, so that nothing can be put in
its place between the look and the use. Each file begins with a checksum of the rest: machine
code with a wrong bit would end the process. Files are written under another name and moved
into place, so that processes may race.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
OURS_ALONE = 0o700
SAFE = hasattr(os, "getuid") and os.open in os.supports_dir_fd  # else there is nobody to tell apart


class UnsafeError(PermissionError):
    """A folder that somebody else could put code into; its ``strerror`` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(0, reason)


@dataclass(frozen=True)
class Store:
    """A folder of named pieces of code."""

    path: Path

    @classmethod
    def at(cls, path: Path) -> Store:
        """Return the store in a folder, which is made where it is missing.

        Raises
        ------
        OSError
            If it cannot be used; ``strerror`` says why.
        """
        path.mkdir(mode=OURS_ALONE, parents=True, exist_ok=True)
        store = cls(path.resolve())  # a link that is changed later leads nowhere
        with store._opened():
            return store

    def read(self, name: str) -> bytes | None:
        """Return a piece of code; None where there is none that is whole and one's own."""
        try:
            with self._opened() as folder:
                content = _read(name if SAFE else str(self.path / name), folder)
        except OSError:
            return None
        checksum, code = content[:32], content[32:]
        if checksum == _checksum(name, code):
            return code
        return None

    def write(self, name: str, code: bytes) -> None:
        """Keep a piece of code.

        Raises
        ------
        OSError
            If it cannot be written; what stood there before still does.
        """
        new = f"{name}.{secrets.token_hex(8)}.tmp"
        with self._opened() as folder:
            if SAFE:
                base = ""
            else:
                base = f"{self.path}{os.sep}"
            try:
                _write(base + new, _checksum(name, code) + code, folder)
                os.replace(base + new, base + name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(base + new, dir_fd=folder)
                raise

    @contextmanager
    def _opened(self) -> Iterator[int | None]:
        """Give the folder's descriptor, which stays the same folder whatever is moved about."""
        if not SAFE:
            yield None
            return
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _check(os.fstat(folder))
            yield folder
        finally:
            os.close(folder)


def _check(found: os.stat_result) -> None:
    """Refuse what somebody else could have written."""
    if found.st_uid not in (os.geteuid(), 0):
        raise UnsafeError("it belongs to somebody else, and what lies there is run as code")
    if found.st_mode & WRITABLE_BY_OTHERS:
        raise UnsafeError(
            "others may write there, and what lies there is run as code: chmod go-w makes it yours "
            "alone"
        )


def _read(path: str, folder: int | None) -> bytes:
    flags = (
        os.O_RDONLY
        | getattr(os, "O_NOFOLLOW", 0)
        | getattr(os, "O_NONBLOCK", 0)
        | getattr(os, "O_BINARY", 0)
    )
    with os.fdopen(os.open(path, flags, dir_fd=folder), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise UnsafeError("it is no file")
        if SAFE:
            _check(found)
        return file.read()


def _write(path: str, content: bytes, folder: int | None) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags, 0o600, dir_fd=folder), "wb") as file:
        file.write(content)


def _checksum(name: str, code: bytes) -> bytes:
    """Return what a file begins with; its name is in it, so that files cannot be exchanged."""
    return hashlib.sha256(name.encode() + b"\0" + code).digest()
