"""What the README and the documents show prints what it says; notebooks see equations."""

import subprocess
import sys
from pathlib import Path

import pytest
import sympy as sp

import symopt as so

ROOT = Path(__file__).parents[2]
SHOWN = {"README.md": 8, "docs/walkthrough.md": 12, "CONTRIBUTING.md": 25}
"""The documents with examples, and how many there are at least."""
TRY = "import doctest, sys; print(*doctest.testfile(sys.argv[1], module_relative=False))"


@pytest.mark.skipif(not (ROOT / "README.md").exists(), reason="tested without the checkout")
@pytest.mark.parametrize("name", SHOWN)
def test_a_document_prints_what_it_says(name):
    """In a process of its own: what a document registers stays there."""
    done = subprocess.run(
        [sys.executable, "-c", TRY, str(ROOT / name)], capture_output=True, text=True, check=False
    )
    failed, attempted = done.stdout.split()[-2:]
    assert failed == "0", done.stdout + done.stderr
    assert int(attempted) >= SHOWN[name]


def test_a_cost_shows_itself_and_its_gradient():
    x, y, beta = sp.symbols("x y beta")
    cost = so.Cost(beta * x**2 + sp.sin(y), params=(x, y))
    latex = cost._repr_latex_()
    assert r"J(x, y) &= \beta x^{2} + \sin{\left(y \right)}" in latex
    assert r"\frac{\partial J}{\partial x} &= 2 \beta x" in latex
    page = cost._repr_html_()
    assert "operations for value and gradient" in page
    assert "def evaluate(block, plan, out):" in page


def test_a_hostile_name_is_escaped_in_html_and_source():
    name = "<script>alert(1)</script>"
    cost = so.Cost(sp.Symbol(name) ** 2)
    assert "<script>" not in cost._repr_html_()
    assert cost.value([3.0]) == 9.0


def test_the_source_says_what_it_computes():
    source = so.parse("100*(y-x^2)^2 + (1-x)^2").source
    assert "# x" in source
    assert "# J" in source
    assert "# dJ/dy" in source


def test_symbols_are_real():
    x = sp.Symbol("x")
    assert so.Cost(sp.sqrt(x**2)).expression == sp.Abs(sp.Symbol("x", real=True))
    assert so.Cost(sp.sqrt(x**2)).grad([-2.0]) == -1.0
