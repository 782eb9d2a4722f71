"""What the documents name is there."""

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
FOLDERS = {
    path.name
    for path in (ROOT / "symopt").iterdir()
    if path.is_dir() and path.name != "__pycache__"
}


def named():
    """Return what stands in backticks as folder.module, perhaps with a name in it."""
    dotted = re.findall(r"`(\w+(?:\.\w+)+)`", ARCHITECTURE)
    return sorted({name for name in dotted if name.split(".")[0] in FOLDERS})


@pytest.mark.parametrize("name", named())
def test_a_module_that_the_architecture_names_is_there(name):
    parts = name.split(".")
    try:
        import_module(f"symopt.{name}")
    except ModuleNotFoundError:
        assert hasattr(import_module(f"symopt.{'.'.join(parts[:-1])}"), parts[-1])


def test_every_folder_has_a_row():
    rows = re.findall(r"^\| (.*?) \|", ARCHITECTURE, re.MULTILINE)
    assert set(re.findall(r"`(\w+)/`", " ".join(rows))) == FOLDERS


@pytest.mark.parametrize("path", sorted({*re.findall(r"`((?:\w+/)+\w+\.py)`", ARCHITECTURE)}))
def test_a_file_that_the_architecture_names_is_there(path):
    assert (ROOT / "symopt" / path).is_file()
