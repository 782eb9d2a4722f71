"""The hot loop of a block runs on vector instructions: the machine code says so (the clock: experiments/speed)."""

import pytest
import sympy as sp

import symopt as so
from symopt.compiler.codegen.kernels.select import Options, write_kernel
from symopt.compiler.diagnostics import packed_instructions


def chained(n):
    """Return Rosenbrock's chain of n parameters, written out."""
    z = sp.symbols(f"z:{n}", real=True)
    return so.Cost(
        sp.Add(*(100 * (z[i + 1] - z[i] ** 2) ** 2 + (1 - z[i]) ** 2 for i in range(n - 1))),
        params=z,
    )


def kernel_of(cost, lanes, rule=so.adam):
    return write_kernel(cost.program, rule.update, cost.size, Options(lanes=lanes))


@pytest.mark.filterwarnings(
    "ignore:the cost has .* operations written out"
)  # which are what is measured
@pytest.mark.parametrize("n", [2, 10, 26, 100])
def test_packed_square_roots_and_fma(n):
    cost = chained(n)
    counts = packed_instructions(kernel_of(cost, 128 if n == 2 else 32))
    assert counts["sqrt"] >= 1
    assert counts["fma"] >= max(4, 4 * (n - 1))  # most of the cost's own, too


def test_transcendental_functions_vectorise_too():
    cost = so.parse("exp(sin(x)*y) + log(1 + x^2) + tanh(y)*cos(x) + sqrt(1 + y^2) + (1+x^2)^y")
    # exp, log, sin and cos, tanh and a power are about a hundred fused operations
    assert packed_instructions(kernel_of(cost, 32))["fma"] >= 100
