"""Kaplan-Meier and the log-rank test against hand formulas, textbook data, and samples of known laws."""

import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import symopt as so
from symopt.measure import logrank, survival

Z = 1.959963984540054

# Remission of leukaemia in weeks (Freireich et al. 1963), as in Klein and Moeschberger (2003), section 1.2
DRUG = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSED = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]
TREATED, UNTREATED = (DRUG, RELAPSED), (PLACEBO, [1] * 21)


def kaplan_meier(time, observed):
    """Return rows (t, S, Greenwood's sum of d/(n(n - d))) by the textbook's formula, one event time after the other."""
    rows, share, greenwood = [], 1.0, 0.0
    for t in sorted({t for t, o in zip(time, observed, strict=True) if o}):
        n = sum(u >= t for u in time)
        d = sum(u == t and o for u, o in zip(time, observed, strict=True))
        share *= 1 - d / n
        greenwood += d / (n * (n - d)) if n > d else math.inf
        rows.append((t, share, greenwood))
    return rows


def log_rank(a, b):
    """Return Mantel's chi-squared: (O - E)^2/V over the event times of both."""
    expected = variance = 0.0
    for t in sorted({t for time, seen in (a, b) for t, o in zip(time, seen, strict=True) if o}):
        n1, n2 = (sum(u >= t for u in time) for time, _ in (a, b))
        d = sum(u == t and o for time, seen in (a, b) for u, o in zip(time, seen, strict=True))
        n = n1 + n2
        expected += d * n1 / n
        variance += d * n1 * n2 * (n - d) / (n**2 * (n - 1)) if n > 1 else 0
    return (sum(a[1]) - expected) ** 2 / variance


times = st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=2, max_size=40)


class TestTextbook:
    found = survival(TREATED)

    @pytest.mark.parametrize(
        ("week", "share"),
        [
            (5, 1),
            (6, 0.857),
            (7, 0.807),
            (10, 0.753),
            (13, 0.690),
            (16, 0.627),
            (22, 0.538),
            (23, 0.448),
        ],
    )
    def test_survival(self, week, share):
        assert self.found.at(week)[0] == pytest.approx(share, abs=5e-4)

    def test_median(self):
        assert (self.found.median, survival(UNTREATED).median) == (23, 8)
        assert (self.found.n, self.found.events) == (21, 9)

    def test_log_rank(self):
        found = logrank(TREATED, UNTREATED)
        assert found.chi2 == pytest.approx(16.79, abs=5e-3)
        assert found.pvalue == pytest.approx(math.erfc(math.sqrt(found.chi2 / 2)))
        assert found.n == (21, 21)
        assert repr(found) == "LogRank(chi2 = 16.79, p = 4.17e-05; 21 against 21 runs)"

    def test_band(self):
        for week, share, greenwood in kaplan_meier(*TREATED):
            reach = Z * math.sqrt(greenwood) / abs(math.log(share))
            expected = (share, share ** math.exp(reach), share ** math.exp(-reach))
            assert self.found.at(week) == pytest.approx(expected, rel=1e-9)

    def test_median_interval_is_where_the_band_is_a_half(self):
        low, high = self.found.median_interval
        assert self.found.at(low)[1] <= 0.5 < self.found.at(low - 1)[1]
        assert high == math.inf
        assert self.found.high[-1] > 0.5


class TestFormulas:
    @given(times)
    def test_survival(self, runs):
        time, observed = zip(*runs, strict=True)
        found = survival((time, observed))
        for t, share, _ in kaplan_meier(time, observed):
            assert found.at(t)[0] == pytest.approx(share)
        assert found.events == sum(observed)
        assert (np.diff(found.share) <= 0).all()
        assert ((found.low <= found.share) & (found.share <= found.high)).all()

    @given(times)
    def test_restricted_mean_is_the_area(self, runs):
        found = survival(tuple(zip(*runs, strict=True)))
        for horizon in (0, found.horizon / 2, found.horizon):
            cut = survival(tuple(zip(*runs, strict=True)), horizon=horizon)
            ends = np.minimum(np.append(found.step, horizon), horizon)
            assert cut.restricted_mean == pytest.approx(
                (found.share * np.maximum(np.diff(ends), 0)).sum()
            )
            low, high = cut.restricted_interval
            assert (
                low <= cut.restricted_mean + 1e-12 and cut.restricted_mean <= high + 1e-12
            ) or math.isnan(low)

    @given(st.lists(st.integers(1, 12), min_size=2, max_size=40), st.integers(1, 12))
    def test_without_censoring_all_is_that_of_plain_samples(self, time, horizon):
        found, cut = (
            survival((time, [True] * len(time)), horizon=horizon),
            np.minimum(time, horizon),
        )
        assert found.at(horizon)[0] == pytest.approx(np.mean(np.array(time) > horizon))
        assert found.median == np.sort(time)[(len(time) + 1) // 2 - 1]
        assert found.restricted_mean == pytest.approx(cut.mean())
        if (cut < horizon).any():
            reach = Z * cut.std() / math.sqrt(len(cut))
            expected = max(cut.mean() - reach, 0), min(cut.mean() + reach, horizon)
            assert found.restricted_interval == pytest.approx(expected)

    @given(times, times)
    def test_log_rank(self, a, b):
        a, b = (tuple(zip(*runs, strict=True)) for runs in (a, b))
        if not any(a[1]) and not any(b[1]):
            return
        try:
            expected = log_rank(a, b)
        except ZeroDivisionError:  # at no step did some arrive, of both sets, and some not
            expected = 0
        found = logrank(a, b)
        assert found.chi2 == pytest.approx(expected, abs=1e-9)
        assert logrank(b, a).chi2 == pytest.approx(expected, abs=1e-9)
        assert 0 <= found.pvalue <= 1

    def test_log_rank_of_many_runs(self):  # n^4 is beyond 64 bits
        rng = np.random.default_rng(0)
        a, b = ((rng.integers(1, 20, 100_000), np.ones(100_000, dtype=bool)) for _ in range(2))
        assert logrank(a, b).chi2 < 12


HORIZON = 1.0


@pytest.fixture(scope="module")
def estimates():
    """Of 400 samples of exponential times, with censoring."""
    rng = np.random.default_rng(0)
    drawn = [(rng.exponential(size=40), rng.uniform(0.5, 3, 40)) for _ in range(400)]
    return [survival((np.minimum(t, c), t <= c), horizon=HORIZON) for t, c in drawn]


class TestLaws:
    """The intervals hold the truth as often as they say."""

    def test_of_the_band(self, estimates):
        for t in (0.1, 0.5, 1.0):
            ends = np.array([found.at(t)[1:] for found in estimates])
            assert 0.92 <= np.mean((ends[:, 0] <= np.exp(-t)) & (np.exp(-t) <= ends[:, 1])) <= 0.985

    def test_of_the_median(self, estimates):
        ends = np.array([found.median_interval for found in estimates])
        assert 0.92 <= np.mean((ends[:, 0] <= np.log(2)) & (np.log(2) <= ends[:, 1])) <= 0.985

    def test_of_the_restricted_mean(self, estimates):
        ends, truth = (
            np.array([found.restricted_interval for found in estimates]),
            1 - np.exp(-HORIZON),
        )
        assert 0.92 <= np.mean((ends[:, 0] <= truth) & (truth <= ends[:, 1])) <= 0.985

    def test_of_the_log_rank_test(self):
        rng = np.random.default_rng(1)
        pairs = [
            [(rng.exponential(size=30), rng.random(30) < 0.8) for _ in range(2)] for _ in range(400)
        ]
        assert 0.02 <= np.mean([logrank(a, b).pvalue < 0.05 for a, b in pairs]) <= 0.08


class TestEdges:
    def test_no_event(self):
        found = survival(([50] * 20, [False] * 20))
        assert (found.median, found.median_interval[1], found.restricted_mean) == (
            math.inf,
            math.inf,
            50,
        )
        # 0 of 20 arrived: Wilson's interval of that share ends at 0.161
        assert found.at(49) == (1, pytest.approx(0.839, abs=5e-4), 1)
        assert found.restricted_interval == (pytest.approx(50 * 0.839, abs=0.05), 50)
        assert repr(found).startswith(
            "Survival(0 of 20 arrived; fewer than half arrived within 50 steps; mean up to 50: 50 ["
        )

    def test_all_arrive_at_once(self):
        found = survival(([5] * 20, [True] * 20))
        assert (found.median, found.median_interval, found.restricted_mean) == (5, (5, 5), 5)
        assert found.at(4) == (1, pytest.approx(0.839, abs=5e-4), 1)
        assert found.at(5) == (0, 0, pytest.approx(0.161, abs=5e-4))

    def test_all_arrive(self):
        found = survival(UNTREATED)
        assert (found.events, found.share[-1], found.low[-1]) == (21, 0, 0)
        assert found.high[-2] >= found.high[-1] > 0
        assert np.isfinite(found.median_interval).all()

    def test_one_run(self):
        found = survival(([5], [True]), horizon=8)
        assert (found.median, found.restricted_mean) == (5, 5)
        assert found.median_interval == (0, math.inf)
        assert np.isnan(found.restricted_interval).all()
        assert survival(([5], [False])).median == math.inf

    def test_arrivals_at_step_0(self):
        found = survival(([0, 0, 3, 4], [True] * 4))
        assert (found.step.tolist(), found.at(0)[0]) == ([0, 3, 4], 0.5)
        assert found.median == 0
        assert survival(([0, 0], [True, True])).restricted_interval == (0, 0)

    def test_log_rank_where_nothing_can_be_compared(self):
        found = logrank(([5, 5], [True, True]), ([5], [True]))
        assert (found.chi2, found.pvalue) == (0, 1)

    def test_the_curve(self):
        curve = survival(TREATED, level=0.9).to_xarray()
        assert curve["share"].sel(step=6).item() == pytest.approx(18 / 21)
        assert (curve.attrs["n"], curve.attrs["events"], curve.attrs["level"]) == (21, 9, 0.9)


def test_of_times_of_a_sweep():
    J = so.parse("x^2")
    data = so.sweep(
        J, so.gd(eta=[0.1, 1.5]), start=so.uniform(0.5, 1, 10, rng=0), steps=50, targets=[1e-3]
    )["gd"]
    found = so.measure.hitting(data, 1e-3)
    both, slow = survival(found), survival(found.sel(eta=1.5))
    assert (both.n, both.events, slow.events, slow.restricted_mean) == (20, 10, 0, 50)
    turned = found.assign(observed=found["observed"].T)
    assert survival(turned).restricted_mean == both.restricted_mean
    assert logrank(found.sel(eta=0.1), found.sel(eta=1.5)).pvalue < 1e-3


class TestBadInput:
    @pytest.mark.parametrize("time", [[], [np.nan, np.nan]])
    def test_no_times(self, time):
        with pytest.raises(so.RunError, match=rf"there are no times \({len(time)} are NaN\)"):
            survival((time, [True] * len(time)))

    @pytest.mark.parametrize("time", [[-1, 2], [np.inf, 2]])
    def test_times(self, time):
        with pytest.raises(so.RunError, match="times have to be finite, 0 or more"):
            survival((time, [True, True]))

    def test_forms(self):
        with pytest.raises(so.RunError, match="2 times and 3 marks"):
            survival(([1, 2], [True] * 3))
        with pytest.raises(
            so.RunError, match="a Dataset of loss was given; expected time and observed"
        ):
            survival(xr.Dataset({"loss": 1.0}))
        with pytest.raises(so.RunError, match=r"or a pair \(time, observed\)"):
            survival([1, 2, 3])

    def test_horizon(self):
        with pytest.raises(
            so.RunError,
            match="horizon=40: no run was watched beyond step 35; expected at most that",
        ):
            survival(TREATED, horizon=40)
        assert survival(UNTREATED, horizon=40).restricted_mean == pytest.approx(
            np.mean(PLACEBO)
        )  # S is 0 from step 23 on
        with pytest.raises(so.RunError, match="horizon=-1; expected a finite number, at least 0"):
            survival(TREATED, horizon=-1)

    def test_level(self):
        with pytest.raises(so.RunError, match="expected a confidence between 0 and 1"):
            survival(TREATED, level=95)

    def test_log_rank_of_no_events(self):
        with pytest.raises(so.RunError, match="no run of either set arrived"):
            logrank(([1, 2], [False] * 2), ([3], [False]))
