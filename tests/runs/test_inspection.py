"""Every stage of a cost, a rule and a run can be read, and says what the stage is."""

import numpy as np
import pytest

import symopt as so
from symopt.compiler.runtime.interpreter import evaluate
from symopt.runs.inspection import STAGES

ROSENBROCK = so.parse("100*(y-x^2)^2 + (1-x)^2")
CHAIN = so.parse("sum((x[i+1]-x[i]^2)^2, i, 0, n-2)")


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("cost", [ROSENBROCK, CHAIN], ids=["closed form", "loops"])
def test_a_run_has_every_stage(cost, stage):
    run = so.minimize(cost, so.momentum(eta=1e-3), np.full(2, 0.5), steps=3)
    text = so.inspect(run, stage)
    assert isinstance(text, str)
    assert text.strip()
    assert repr(text) == str(text)


def test_the_source_of_a_run_is_the_kernel_that_ran():
    run = so.minimize(ROSENBROCK, "gd", [0.0, 0.0], steps=3)
    assert so.inspect(run, "source") == run.source
    assert "def kernel" in so.inspect(ROSENBROCK, "source")


def test_three_address_lines_compute_what_the_program_does():
    """Run as Python, the lines give the bits of the interpreter."""
    names = {"x": np.float64(-0.7), "y": np.float64(1.3)}
    from symopt.compiler.library.primitives import fma

    scope = {**names, "fma": fma}
    lines = so.inspect(ROSENBROCK, "gradient").splitlines()
    for line in lines:
        left, _, right = line.partition(" = ")
        scope[left] = eval(right, {}, scope)
    known = evaluate(ROSENBROCK.program, {("x", 0): names["x"], ("x", 1): names["y"]})
    assert scope["J"] == known["J"]
    assert [scope["dJ/dx"], scope["dJ/dy"]] == [known["g", 0], known["g", 1]]


def test_loops_are_written_with_their_ranges():
    text = so.inspect(CHAIN, "gradient")
    assert "over i = 0 .. n - 2" in text
    assert "dJ/dx[i] += " in text


def test_a_notebook_shows_it_highlighted_and_escaped():
    assert "<span" in so.inspect(ROSENBROCK, "source")._repr_html_()
    relation = so.inspect(so.parse("max(x, 1)"), "program")
    assert "&lt;=" in relation._repr_html_()


@pytest.mark.parametrize(
    ("what", "stage", "words"),
    [
        (ROSENBROCK, "step", "it has expression, program, gradient, source, llvm, assembly"),
        (so.gd, "llvm", "it has expression, step"),
        (ROSENBROCK, "asm", "expected one of expression, program"),
        (ROSENBROCK, None, "expected one of expression, program"),
        ("x^2", "program", "expected a Cost, a Rule, or what so.minimize returns"),
    ],
)
def test_what_cannot_be_looked_at_is_refused_with_what_can(what, stage, words):
    with pytest.raises(so.RunError, match=words):
        so.inspect(what, stage)


def test_a_run_of_scipy_has_no_step():
    run = so.scipy(ROSENBROCK, "BFGS", start=[0.0, 0.0])
    assert so.inspect(run, "gradient") == so.inspect(ROSENBROCK, "gradient")
    with pytest.raises(so.RuleError, match="SciPy's code, without equations"):
        so.inspect(run, "step")
