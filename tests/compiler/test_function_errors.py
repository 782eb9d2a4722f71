"""Every function that a cost may hold, and its slope: the largest error over all binades and next to every edge."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from spread import spread
from sympy.codegen.cfunctions import hypot

from symopt.compiler.runtime.interpreter import evaluate
from symopt.frontend.expressions import COMPOSED, FUNCTIONS
from symopt.frontend.valuation import valuation

SCRIPT = Path(__file__).parents[2] / "experiments" / "speed" / "vecmath_errors.py"
LIMIT = {
    "erfcx": 3.5,  # only Hessians of log(erfc(x)) need its slope
    "gamma": 6.0,  # the slope is a product of two functions
}
"""In ulp; 3 of all others."""


def _loaded():
    spec = spec_from_file_location("vecmath_errors", SCRIPT)
    module = sys.modules["vecmath_errors"] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


E = _loaded()


def assert_within_the_limit(name, count, seed):
    for what, (error, place) in zip(("value", "slope"), E.largest(name, count, seed), strict=True):
        assert error <= LIMIT.get(name, 3.0), (
            f"the {what} of {name} is {error:.2f} ulp off at {place!r}"
        )


def test_every_function_of_the_table_is_measured():
    measured = {type(case.made) for case in E.CASES.values()}
    apart = {valuation, sp.binomial, sp.atan2, hypot}  # of whole numbers, and of two
    assert {*FUNCTIONS, *COMPOSED} - measured == apart


@pytest.mark.parametrize("name", spread(E.CASES, every=2))
def test_value_and_slope_are_right_to_3_ulp_everywhere(name):
    assert_within_the_limit(name, 60, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", E.CASES)
def test_value_and_slope_are_right_to_3_ulp_at_many_points(name):
    assert_within_the_limit(name, 100_000, seed=2)


@pytest.mark.parametrize("name", E.CASES)
def test_plain_python_gives_the_bits_of_machine_code(name):
    function = E.compiled(name)
    at = E.points(E.CASES[name], 100, seed=3)[::4]
    made = function({("x", 0): at})
    for k, point in enumerate(at):
        plain = evaluate(function.program, {("x", 0): point})
        for key, values in made.items():
            assert np.array_equal(
                values[k : k + 1].view(np.int64), np.array([plain[key]]).view(np.int64)
            ) or (np.isnan(values[k]) and np.isnan(plain[key])), (
                f"{key} of {name} at {point!r}: {values[k]!r} and {plain[key]!r}"
            )
