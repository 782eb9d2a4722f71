"""Random costs with sums against the same sums written out and differentiated by SymPy, in 40 digits."""

import warnings

import numpy as np
import pytest
from properties.random_sums import Case, TooLongError

import symopt as so

FEW, MANY, COMPILED = 18, 2_000, 12  # SymPy takes seconds for the derivatives of one


def agrees(found, want):
    value, slopes, product = found
    true, gradient, bent = want
    assert value == pytest.approx(true, rel=1e-11, abs=1e-12)
    np.testing.assert_allclose(slopes, gradient, rtol=1e-10, atol=1e-11 * (1 + np.abs(gradient).max()))
    np.testing.assert_allclose(product, bent, rtol=1e-9, atol=1e-10 * (1 + np.abs(bent).max()))


def tried(seeds, compiled):
    """Check every seed, each ``compiled``-th in compiled code and in a step of a run, alone and among others."""
    warnings.simplefilter("ignore", so.errors.SymoptWarning)
    for seed in seeds:
        try:
            case = Case.of(seed)
        except so.CostError:
            continue  # an index below 0 at this size, or data of no entries: refused in words
        try:
            want = case.truth()
        except TooLongError:
            continue
        try:
            if want is None:  # a branch that is taken reads beside an array
                assert np.isnan(case.interpreted()[0])
                continue
            agrees(case.interpreted(), want)
            if seed % compiled == 0:
                agrees(case.compiled(), want)
                steps(case, want[1])
        except Exception as error:
            raise AssertionError(f"random sum {seed}: {error}") from error


def steps(case, gradient):
    rule, given = so.gd(eta=1e-3), {"n": case.size}
    want = case.point - 1e-3 * gradient
    close = {"rtol": 1e-11, "atol": 1e-13 * (1 + np.abs(gradient).max())}
    np.testing.assert_allclose(so.minimize(case.cost, rule, case.point, 1, **given).theta, want, **close)
    others = np.stack([case.point + 0.01, case.point, case.point - 0.01])
    lanes = so.sweep(case.cost, rule, others, 1, **given)["gd"]["theta"]
    np.testing.assert_allclose(lanes.isel(start=1).values, want, **close)


@pytest.mark.parametrize("part", range(3))
def test_random_sums(part):
    tried(range(part * FEW // 3, (part + 1) * FEW // 3), compiled=12)


@pytest.mark.slow
def test_two_thousand_random_sums():
    tried(range(MANY), compiled=COMPILED)
