"""Small experiments: files as an author writes them."""

import textwrap

import pytest

PARTS = {
    "title": "Small: a small experiment.",
    "claim": '"Two is two."',
    "top": "",
    "theory": 'return {"two": x + x, "in words": "a text"}',
    "run": 'return Outcome([Row.within("two", 2, 2.0, absolute=0.1, n=3)], {"y": [1, 4, 9]}, {"eta": 0.1, "J": x**2})',
    "plot": """
        figure = Figure(figsize=(4, 3))
        figure.subplots().plot([1, 2, 3], outcome.data["y"], label="squares")
        return {"squares": figure}""",
}
TEMPLATE = '''"""{title}

More about it.
"""

import sympy as sp
from matplotlib.figure import Figure

from symopt.harness import Outcome, Row, main

CLAIM = {claim}
x = sp.Symbol("x")
{top}


def theory():
{theory}


def run(quick=False):
{run}


def plot(outcome):
{plot}


if __name__ == "__main__":
    main(__file__)
'''
ODD = """'a < b & "c" > d, <script>alert(1)</script> and 5 %'"""
SAMPLES = {
    "agrees": {},
    "fails": {
        "run": 'return Outcome([Row("three", 3, 2.0, 1.9, 2.1, note="<b>not</b> three")], {"y": [1, 2, 3]})'
    },
    "crashes": {"run": 'return Outcome([Row("ratio", 1, 1 / 0)])'},
    "odd": {
        "title": 'Odd: <i>"characters"</i> & more.',
        "claim": ODD,
        "run": """
            rows = [Row("x < 1 & y > 'a'", None, float("nan"), note="<&>"), Row("gap", 1, float("inf"), relation=">=")]
            return Outcome(rows, {"y": [1, 2, 3]}, {"<key>": "<value>"})""",
    },
}


def text(**parts):
    parts = PARTS | parts
    bodies = {
        name: textwrap.indent(textwrap.dedent(parts[name]).strip(), "    ")
        for name in ("theory", "run", "plot")
    }
    return TEMPLATE.format(**parts | bodies)


@pytest.fixture
def write(tmp_path):
    """Write an experiment into a folder of its own, with some of its parts replaced, and return its path."""
    return writer(tmp_path)


@pytest.fixture
def samples(write):
    """A folder of four experiments: one agrees, one fails, one crashes, one has odd characters."""
    return sampled(write)


@pytest.fixture(scope="session")
def samples_and(tmp_path_factory):
    """Make a folder of the four experiments and more of them, for tests that share it."""

    def make(more):
        write = writer(tmp_path_factory.mktemp("shared"))
        for name, parts in more.items():
            write(name, **parts)
        return sampled(write)

    return make


def writer(place):
    folder = place / "experiments"
    folder.mkdir()

    def one(name, **parts):
        path = folder / f"{name}.py"
        path.write_text(text(**parts), encoding="utf-8")
        return path

    return one


def sampled(write):
    paths = [write(name, **parts) for name, parts in SAMPLES.items()]
    return paths[0].parent
