"""The version stands in symopt/__init__.py; everything else takes it from there or agrees with it."""

import re
import tomllib
from pathlib import Path

import symopt as so

ROOT = Path(__file__).parents[1]


def test_the_build_reads_the_version_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    source = ROOT / project["tool"]["hatch"]["version"]["path"]
    assert project["project"]["dynamic"] == ["version"]
    assert re.findall(r'^__version__ = "(.*)"$', source.read_text(), re.MULTILINE) == [
        so.__version__
    ]


def test_the_citation_is_of_this_version():
    citation = (ROOT / "CITATION.cff").read_text()
    assert re.findall(r"^version: (.*)$", citation, re.MULTILINE) == [so.__version__]
