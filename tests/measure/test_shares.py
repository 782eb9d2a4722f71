"""Wilson's interval against published values and its own definition."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import symopt as so
from symopt.measure import Share, success


@pytest.mark.parametrize(("k", "low", "high"), [(0, 0, 0.161), (18, 0.699, 0.972), (20, 0.839, 1)])
def test_anchors(k, low, high):
    found = success(k, 20)
    assert (found.share, found.k, found.n) == (k / 20, k, 20)
    assert found.interval == (pytest.approx(low, abs=5e-4), pytest.approx(high, abs=5e-4))


@given(
    st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.floats(0.5, 0.999),
)
def test_the_ends_are_where_the_score_test_just_rejects(counts, level):
    k, n = counts
    found, z = success(k, n, level=level), stats.norm.ppf((1 + level) / 2)
    for end in found.interval:  # |p - end| = z sqrt(end (1 - end)/n)
        assert (k / n - end) ** 2 == pytest.approx(z**2 * end * (1 - end) / n, abs=1e-12)
    other = stats.binomtest(k, n).proportion_ci(level, method="wilson")
    assert found.interval == (
        pytest.approx(other.low, abs=1e-12),
        pytest.approx(other.high, abs=1e-12),
    )


def test_forms_of_the_same():
    happened = [True, True, False]
    assert (
        success(happened)
        == success(np.array(happened))
        == success(2, 3)
        == success(np.int64(2), np.int64(3))
    )
    assert isinstance(success(2, 3), Share)
    assert repr(success(2, 3)) == "Share(0.667 [0.208, 0.939], 2 of 3)"


def test_over_a_dimension():
    happened = xr.DataArray(
        np.arange(20) < [[0], [18]], dims=("eta", "start"), coords={"eta": [0.1, 0.2]}
    )
    found = success(happened)
    assert (found["share"].dims, found["n"].item()) == (("eta",), 20)
    assert found["share"].sel(eta=0.2).item() == 0.9
    np.testing.assert_allclose(found["low"], [0, 0.699], atol=5e-4)
    np.testing.assert_allclose(found["high"], [0.161, 0.972], atol=5e-4)
    xr.testing.assert_equal(found, success(happened.rename(start="run").T, dim="run"))
    assert success(happened.isel(eta=1))["low"].item() == success(18, 20).low


def test_of_a_sweep():
    study = so.sweep(
        so.parse("x^2"), so.gd(eta=[0.1, 1.5]), start=so.uniform(-1, 1, 20, rng=0), steps=200
    )
    assert success(study["gd"]["loss"] < 1e-6)["share"].values.tolist() == [1, 0]


class TestBadInput:
    @pytest.mark.parametrize("counts", [(3, 2), (-1, 2), (0, 0), (0.5, 2), (1, 2.5)])
    def test_counts(self, counts):
        with pytest.raises(
            so.RunError, match="expected whole numbers, at least one run, and k between 0 and n"
        ):
            success(*counts)

    @pytest.mark.parametrize("given", [[0.1, 0.2], 3, [[True]], "yes"])
    def test_lists(self, given):
        with pytest.raises(so.RunError, match="expected k and n, or a list of True and False"):
            success(given)

    def test_no_runs(self):
        with pytest.raises(so.RunError, match="at least one run"):
            success(np.zeros(0, dtype=bool))
        with pytest.raises(so.RunError, match="at least one run"):
            success(xr.DataArray(np.zeros((2, 0), dtype=bool), dims=("eta", "start")))

    def test_arrays(self):
        with pytest.raises(so.RunError, match="expected True and False over 'start'"):
            success(xr.DataArray([1.0, 0.0], dims="start"))
        with pytest.raises(
            so.RunError, match=r"over \('run',\); expected True and False over 'start' \(dim= names"
        ):
            success(xr.DataArray([True], dims="run"))

    @pytest.mark.parametrize("level", [0, 1, 95, np.nan, [0.9, 0.95]])
    def test_level(self, level):
        with pytest.raises(so.RunError, match="expected a confidence between 0 and 1"):
            success(1, 2, level=level)
