"""Random costs with sums against the same sums worked out as they are written, in 40 digits."""

import warnings

import numpy as np
import pytest
from properties.random_sums import Case

import symopt as so

FEW, MANY, PARTS = 100, 10_000, 4
COMPILED = (40, 87, 97)  # of the few: sums that compile in seconds
STEPPED = 40  # one in so many of those is tried in a step of a run and of a sweep too
SHORT = (
    3003,
    3004,
    3014,
    3018,
    3022,
    3025,
    3027,
    3033,
)  # whose derivatives SymPy finds in less than a second


def agrees(found, want):
    """Check value, gradient and Hessian-vector product against what is right; at a kink there is no Hessian."""
    value, slopes, product = found
    assert value == pytest.approx(want.value, rel=1e-11, abs=1e-12 * (1 + want.largest))
    size = 1 + np.abs(want.gradient).max()
    np.testing.assert_allclose(slopes, want.gradient, rtol=1e-10, atol=1e-11 * size)
    if not want.kink:
        size += np.abs(want.product).max()
        np.testing.assert_allclose(product, want.product, rtol=1e-9, atol=1e-10 * size)


def drawn(seed):
    """Return the case of a seed, None where an index is below 0 at this size, or a branch may read beside an array."""
    try:
        return Case.of(seed)
    except so.CostError:
        return None


def tried(seeds, compiled):
    """Check every seed, those that are ``compiled`` in compiled code and, some, in a step of a run and of a sweep."""
    warnings.simplefilter("ignore", so.errors.SymoptWarning)
    for seed in seeds:
        case = drawn(seed)
        if case is None:
            continue
        try:
            checked(case, seed in compiled, seed % STEPPED == 0)
        except Exception as error:
            raise AssertionError(f"random sum {seed}: {error}") from error


def checked(case, compiled, stepped):
    want = case.truth()
    if want.undefined:  # as the logarithm of a sum without terms
        return
    found = case.interpreted()
    agrees(found if want.kink else case.completed(found), want)
    if compiled:
        agrees(case.compiled(), want)
    if compiled and stepped:
        steps(case, want.gradient)


def steps(case, gradient):
    rule, given = so.gd(eta=1e-3), {"n": case.size}
    want = case.point - 1e-3 * gradient
    close = {"rtol": 1e-11, "atol": 1e-13 * (1 + np.abs(gradient).max())}
    np.testing.assert_allclose(
        so.minimize(case.cost, rule, case.point, 1, **given).theta, want, **close
    )
    others = np.stack([case.point + 0.01, case.point, case.point - 0.01])
    lanes = so.sweep(case.cost, rule, others, 1, **given)["gd"]["theta"]
    np.testing.assert_allclose(lanes.isel(start=1).values, want, **close)


@pytest.mark.parametrize("part", range(PARTS))
def test_random_sums(part):
    tried(range(part, FEW, PARTS), compiled=COMPILED)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_ten_thousand_random_sums(part):
    tried(range(part, MANY, PARTS), compiled=range(0, MANY, 100))


@pytest.mark.parametrize("seed", SHORT)
def test_the_reference_has_the_derivatives_of_sympy(seed):
    case = Case.of(seed)
    want, (value, slopes, product) = case.truth(), case.by_sympy()
    assert not want.kink
    assert value == pytest.approx(want.value, rel=1e-15)
    np.testing.assert_allclose(slopes, want.gradient, rtol=1e-15, atol=1e-30)
    np.testing.assert_allclose(product, want.product, rtol=1e-15, atol=1e-30)
