"""Files that are written whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path

from symopt.errors import RunError


def writable_folder(folder: Path, option: str = "folder") -> Path:
    """Make a folder where it is missing, and try to write there before anything runs.

    Raises
    ------
    RunError
        If nothing can be written there; ``option`` is what it is called in the message.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise RunError(
            f"{option} {folder}: cannot be written ({error.strerror}); name a folder that can"
        ) from None
    return folder


def write(path: Path, content: bytes) -> None:
    """Write a file: under a name of its own first, so that a reader never sees half of it.

    Raises
    ------
    RunError
        If it cannot be written; what stood there before still does.
    """
    made = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            made = Path(file.name)
            file.write(content)
        made.chmod(0o644)
        made.replace(path)
    except BaseException as error:
        if made is not None:
            made.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise RunError(f"{path}: cannot be written ({error.strerror})") from None
        raise
