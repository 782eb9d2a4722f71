"""The hot loop of a block runs on vector instructions: the machine code says so, and the clock."""

import numpy as np
import pytest
import sympy as sp

import symopt as so
from symopt.compiler.drive import Job
from symopt.compiler.kernel import Options, write_kernel
from symopt.compiler.vectorised import nanoseconds, packed_instructions


def chained(n):
    """Return Rosenbrock's chain of n parameters, written out."""
    z = sp.symbols(f"z:{n}", real=True)
    return so.Cost(sp.Add(*(100 * (z[i + 1] - z[i] ** 2) ** 2 + (1 - z[i]) ** 2 for i in range(n - 1))), params=z)


def kernel_and_job(cost, lanes, rule=so.adam, steps=400):
    kernel = write_kernel(cost.program, rule.update, cost.size, Options(lanes=lanes))
    starts = np.random.default_rng(0).uniform(-1, 1, (lanes, cost.size))
    given = {("given", name): rule.values[name] for name in rule.update.given}
    job = Job(starts, given, {s.name: s.initial for s in rule.update.states}, steps, 1e20)
    return kernel, job


@pytest.mark.filterwarnings("ignore:the cost has .* operations written out")  # which are what is measured
@pytest.mark.parametrize("n", [2, 10, 26, 100])
def test_packed_square_roots_and_fma(n):
    cost = chained(n)
    lanes = 128 if n == 2 else 32
    block, alone = kernel_and_job(cost, lanes), kernel_and_job(cost, 1)
    counts = packed_instructions(block[0])
    assert counts["sqrt"] >= 1
    assert counts["fma"] >= 4
    # a mere listing can deceive: a run in a block must take much less time than a run alone
    assert nanoseconds(*block) < nanoseconds(*alone) / 1.4


def test_transcendental_functions_vectorise_too():
    cost = so.parse("exp(sin(x)*y) + log(1 + x^2) + tanh(y)*cos(x) + sqrt(1 + y^2) + (1+x^2)^y")
    block, alone = kernel_and_job(cost, 32), kernel_and_job(cost, 1)
    assert nanoseconds(*block) < nanoseconds(*alone) / 1.5
