"""rate against sequences whose law is known, and against theory on quadratics."""

import mpmath as mp
import numpy as np
import pytest
import xarray as xr

import symopt as so
from symopt.measure import Rate, rate

LINEAR = [0.3, 0.5, 0.9, 0.99]


def over_steps(e, k):
    return xr.DataArray(np.asarray(e), dims="step", coords={"step": k})


def falling(rho):
    return rho ** np.arange(int(25 / -np.log(rho)))


def heavy_ball(alpha, beta, steps, curvature=1.0):
    """Return theta_k of Polyak's momentum on curvature*theta**2/2 from 1."""
    theta, v = [1.0], 0.0
    for _ in range(steps):
        v = beta * v + curvature * theta[-1]
        theta.append(theta[-1] - alpha * v)
    return np.array(theta)


def autoregressive(n, phi, sigma, rng):
    """Return n numbers of a stationary AR(1) process with standard deviation sigma."""
    x = [rng.normal()]
    for u in rng.normal(size=n - 1):
        x.append(phi * x[-1] + np.sqrt(1 - phi**2) * u)
    return sigma * np.array(x)


def inside(found, truth):
    return found.interval[0] <= truth <= found.interval[1]


class TestLaws:
    @pytest.mark.parametrize("rho", LINEAR)
    def test_linear(self, rho):
        found = rate(falling(rho))
        assert (found.regime, found.order, found.interval_kind, found.error) == (
            "linear",
            1,
            "within-run",
            "given",
        )
        assert found.factor == pytest.approx(rho, rel=1e-10)
        assert inside(found, rho)
        assert found.interval[1] - found.interval[0] < 1e-7
        assert found.per_decade == pytest.approx(-np.log(10) / np.log(rho))
        assert not found.envelope

    @pytest.mark.parametrize("rho", LINEAR)
    def test_linear_with_gaps_is_a_factor_per_step(self, rho):
        last = 35 / -np.log(rho)
        k = np.unique(np.geomspace(1, last, 60).round()) if last > 100 else np.arange(0, last, 1)
        k = np.delete(k, [3, 4, 9])
        found = rate(over_steps(rho**k, k))
        assert found.regime == "linear"
        assert found.factor == pytest.approx(rho, rel=1e-10)
        assert inside(found, rho)

    @pytest.mark.parametrize("q", [1, 1.5, 2])
    @pytest.mark.parametrize("shift", [0, 1, 12.5])
    def test_power(self, q, shift):
        k = np.arange(1, 2001)
        found = rate(over_steps((k + shift) ** -float(q), k))
        assert (found.regime, found.factor, found.per_decade) == ("power", 1, np.inf)
        assert found.order == pytest.approx(q, rel=1e-5)
        assert inside(found, q)

    def test_power_with_gaps(self):
        k = np.unique(np.geomspace(1, 1e6, 100).round())
        assert rate(over_steps(k**-0.5, k)).order == pytest.approx(0.5, rel=1e-6)

    @pytest.mark.parametrize("rho", [0.5, 0.9, 0.97])
    def test_defective(self, rho):
        k = np.arange(1, int(25 / -np.log(rho)))
        found = rate(over_steps(k * rho**k, k))
        assert found.regime == "defective"
        assert found.factor == pytest.approx(rho, rel=1e-7)
        assert inside(found, rho)
        plain = np.exp(np.polyfit(k, np.log(k * rho**k), 1)[0])
        assert abs(plain - rho) > 1e-3  # what a line in k alone would say

    def test_plateau(self):
        rng = np.random.default_rng(1)
        for e in (np.ones(50), 1 + 0.01 * rng.normal(size=100), np.exp(0.5 * rng.normal(size=300))):
            assert rate(e).regime == "plateau"
        assert "stay at 1" in rate(np.ones(50)).reason

    def test_a_fall_of_less_than_two_decades_to_a_level_is_a_plateau(self):
        rng = np.random.default_rng(2)
        found = rate(np.maximum(0.9 ** np.arange(200), 0.2) * np.exp(0.02 * rng.normal(size=200)))
        assert found.regime == "plateau"
        assert "stop falling" in found.reason

    def test_divergent(self):
        assert rate(1.1 ** np.arange(200)).factor == pytest.approx(1.1)
        for e in (
            1.01 ** np.arange(200.0),
            [1, 2e6, 3e25],
            [1, 0.5, np.inf],
            [1, 10, 1e3, np.nan, np.nan],
        ):
            found = rate(e)
            assert found.regime == "divergent"
            assert "grow" in found.reason or "overflow" in found.reason
            assert np.isnan(found.order)
            assert np.isnan(found.per_decade)


class TestSuperlinear:
    def test_newton_on_the_root_of_two_in_float64(self):
        e, x = [], 1.0
        for _ in range(8):
            e.append(abs(x - 2**0.5))
            x -= (x * x - 2) / (2 * x)
        found = rate(e)
        assert (found.regime, found.factor, found.per_decade) == ("superlinear", 0, 0)
        assert found.order == pytest.approx(2, abs=1e-3)
        assert inside(found, 2)

    @pytest.mark.parametrize("start", [1, 2, 0.1])
    def test_newton_with_400_digits(self, start):
        with mp.workdps(400):
            e, x = [], mp.mpf(start)
            for _ in range(12):
                e.append(float(abs(x - mp.sqrt(2))))
                x -= (x * x - 2) / (2 * x)
        found = rate(e)
        assert found.order == pytest.approx(2, abs=6e-3)
        assert inside(found, 2)

    def test_secant(self):
        with mp.workdps(400):
            e, x, y = [], mp.mpf(1), mp.mpf(2)
            for _ in range(13):
                e.append(float(abs(x - mp.sqrt(2))))
                x, y = y, y - (y * y - 2) * (y - x) / (y * y - x * x)
        found = rate(e)
        golden = (1 + 5**0.5) / 2
        assert found.order == pytest.approx(golden, abs=2e-3)
        assert inside(found, golden)

    def test_one_over_factorial_has_order_one(self):
        e = np.array([1 / float(mp.factorial(k)) for k in range(25)])
        found = rate(e)
        assert found.regime == "superlinear"
        assert found.order == pytest.approx(1, abs=0.02)
        assert inside(found, 1)

    def test_three_points_do_not_tell(self):
        assert rate([1e-1, 1e-2, 1e-4]).regime == "not identifiable"

    def test_passing_zero_is_not_superlinear(self):
        assert rate(np.abs(heavy_ball(0.05, 0.95, 202))).regime == "linear"


class TestOscillation:
    @pytest.mark.parametrize("alpha", [0.05, 0.3, 0.7, 1.0, 2.0, 3.0])
    def test_under_damped_heavy_ball_has_the_root_factor_sqrt_beta(self, alpha):
        found = rate(np.abs(heavy_ball(alpha, 0.95, 400)))
        assert found.regime == "linear"
        assert found.factor == pytest.approx(0.974679, abs=3e-4)
        assert inside(found, 0.95**0.5)

    def test_the_mean_of_ratios_says_nothing(self):
        e = np.abs(heavy_ball(1.1, 0.95, 300))
        ratios = e[1:] / e[:-1]
        assert ratios.min() < 0.1
        assert ratios.max() > 10
        assert ratios.mean() > 1  # it would call the run divergent
        found = rate(e)
        assert found.envelope
        assert found.factor == pytest.approx(0.974679, abs=3e-4)

    def test_heavy_ball_at_its_optimum_is_defective(self):
        alpha, beta = 4 / 11**2, (9 / 11) ** 2  # kappa = 100: 9/11 = 0.81818
        e = np.hypot(heavy_ball(alpha, beta, 150, 1.0), heavy_ball(alpha, beta, 150, 100.0))
        found = rate(e)
        assert found.regime == "defective"
        assert found.factor == pytest.approx(9 / 11, abs=1e-5)
        assert inside(found, 9 / 11)

    def test_noise_needs_no_envelope(self):
        e = 0.95 ** np.arange(200) * np.exp(0.3 * np.random.default_rng(3).normal(size=200))
        found = rate(e)
        assert (found.regime, found.envelope) == ("linear", False)
        assert inside(found, 0.95)


class TestWindow:
    @pytest.mark.parametrize("additive", [True, False])
    def test_a_noisy_floor_is_left_out(self, additive):
        rng = np.random.default_rng(4)
        clean, noise = 0.8 ** np.arange(200), 1e-8 * np.exp(0.3 * rng.normal(size=200))
        found = rate(clean + noise if additive else np.maximum(clean, noise))
        assert found.regime == "linear"
        assert found.factor == pytest.approx(0.8, abs=2e-4)
        assert found.window[1] < 83  # where the floor is met
        assert "floor at 1" in found.reason or "floor at 9" in found.reason

    def test_a_long_floor_after_a_short_fall(self):
        rng = np.random.default_rng(5)
        found = rate(0.8 ** np.arange(1e5) + 1e-8 * np.abs(rng.normal(size=100_000)))
        assert found.factor == pytest.approx(0.8, abs=2e-4)

    def test_an_exact_floor(self):
        assert rate(np.maximum(0.9 ** np.arange(400), 1e-9)).factor == pytest.approx(0.9, rel=1e-6)

    def test_a_slow_phase_before_is_left_out(self):
        found = rate(np.concatenate([np.linspace(1, 0.9, 60), 0.9 * 0.85 ** np.arange(100)]))
        assert found.factor == pytest.approx(0.85, rel=1e-6)
        assert 58 <= found.window[0] <= 75

    @pytest.mark.parametrize("fast", [0.5, 0.7, 0.8])
    def test_the_slowest_eigenvalue_remains(self, fast):
        found = rate(fast ** np.arange(300) + 0.1 * 0.9 ** np.arange(300))
        assert found.factor == pytest.approx(0.9, rel=2e-6)
        assert inside(found, 0.9)

    def test_a_fast_phase_before_a_slow_one_is_no_rate(self):
        found = rate(0.5 ** np.arange(200) + 1e-5 * 0.999 ** np.arange(200))
        assert found.regime == "not identifiable"

    def test_too_few_points(self):
        found = rate(0.1 ** np.arange(10))
        assert found.regime == "not identifiable"
        assert "10 points" in found.reason
        assert "20" in found.reason

    def test_too_few_decades(self):
        found = rate(0.99 ** np.arange(100))
        assert found.regime == "not identifiable"
        assert "0.4 decades" in found.reason

    def test_short_sequences_get_an_answer(self):
        for n in range(1, 25):
            for e in (
                0.9 ** np.arange(n),
                np.ones(n),
                1 / np.arange(1, n + 1),
                np.arange(n, 0, -1) - 1.0,
            ):
                assert rate(e).regime in {"not identifiable", "plateau", "linear"}

    @pytest.mark.parametrize("seed", range(60))
    def test_any_errors_get_an_answer(self, seed):
        """Denormal, huge, zero, missing and infinite ones, without a warning."""
        rng = np.random.default_rng(seed)
        n = int(rng.choice([5, 9, 25, 100, 1000]))
        e = [
            10.0 ** rng.uniform(-320, 300, n),
            rng.random() ** np.arange(n),
            rng.random(n),
            np.full(n, 1e308),
        ][seed % 4]
        e[rng.integers(n)] = rng.choice([0, np.nan, np.inf, 1e308, 5e-324])
        found = rate(e)
        if found.interval_kind:
            assert inside(
                found, found.factor if found.regime in {"linear", "defective"} else found.order
            )
        assert repr(found)
        assert rate(np.zeros(n)).regime == "not identifiable"

    def test_noise_that_hides_a_fall_is_said(self):
        rng = np.random.default_rng(6)
        found = [rate(np.exp(autoregressive(400, 0.99, 3, rng))) for _ in range(10)]
        assert all(
            not one.interval_kind or one.interval[1] < 1 or one.interval[0] > 0 for one in found
        )

    def test_nan_and_zeros_are_left_out(self):
        e = falling(0.9)
        e[[5, 17]] = np.nan
        e[40] = 0.0
        assert rate(e).factor == pytest.approx(0.9, rel=1e-3)
        assert rate(np.concatenate([falling(0.9), np.zeros(100)])).factor == pytest.approx(
            0.9, rel=1e-9
        )

    def test_negative_rounding_shows_the_floor(self):
        e = 0.8 ** np.arange(200) + 1e-15 * np.resize([1, -1], 200)
        assert rate(e).factor == pytest.approx(0.8, rel=1e-3)


class TestRuns:
    J = so.parse("x^2/2 + 50*(y - 1)^2")
    kappa, eta = 100, 2 / 101

    def run(self, steps=1500, **options):
        return so.minimize(self.J, so.gd(eta=self.eta), start=[1.0, 1.02], steps=steps, **options)

    def test_gradient_descent_has_the_factor_of_theory_by_each_error(self):
        rho, run = (self.kappa - 1) / (self.kappa + 1), self.run()
        for found, truth, name in (
            (rate(run), rho, "|grad J|"),
            (rate(run, minimum=[0.0, 1.0]), rho, "|theta - theta*|"),
            (rate(run, optimum=0.0), rho**2, "J - J*"),
        ):
            assert (found.regime, found.error) == ("linear", name)
            assert found.factor == pytest.approx(truth, rel=1e-6)
            assert inside(found, truth)

    def test_recorded_with_gaps(self):
        found = rate(self.run(record=100))
        assert found.factor == pytest.approx(99 / 101, rel=1e-6)

    def test_a_gap_to_a_large_optimum_ends_at_rounding(self):
        J = so.parse("1000 + x^2")
        run = so.minimize(J, so.gd(eta=0.1), start=[1.0], steps=400)
        found = rate(run, optimum=1000.0)
        assert found.factor == pytest.approx(0.64, rel=2e-3)
        assert 0.64 ** found.window[1] > 10 * 2**-52 * 1000
        assert rate(run).factor == pytest.approx(0.8, rel=1e-9)  # the gradient knows no such floor

    def test_a_minimum_that_is_not_at_zero_has_a_floor(self):
        run = so.minimize(so.parse("(x - 3)^2"), so.gd(eta=0.1), start=[1.0], steps=1000)
        for found in (rate(run), rate(run, minimum=[3.0])):
            assert found.factor == pytest.approx(0.8, rel=1e-6)
            assert inside(found, 0.8)

    def test_momentum(self):
        run = so.minimize(
            so.parse("x^2/2"), so.momentum(eta=1.0, beta=0.95), start=[1.0], steps=400
        )
        assert rate(run).factor == pytest.approx(0.974679, abs=3e-4)

    def test_a_quartic_is_a_power(self):
        run = so.minimize(so.parse("x^4"), so.gd(eta=0.05), start=[1.0], steps=5000)
        found = rate(run)  # theta ~ k^-1/2, so that the gradient goes as k^-3/2 and J as k^-2
        assert found.regime == "power"
        assert found.order == pytest.approx(1.5, abs=0.01)
        assert rate(run, optimum=0.0).order == pytest.approx(2, abs=0.01)

    def test_a_diverged_run(self):
        run = so.minimize(so.parse("x^4"), so.gd(eta=10.0), start=[1.0], steps=50)
        found = rate(run)
        assert found.regime == "divergent"
        assert found.reason == run.reason

    def test_a_run_down_to_minus_infinity(self):
        run = so.minimize(so.parse("x^3"), so.gd(eta=0.1), start=[-1.0], steps=500)
        assert rate(run, optimum=0.0).regime == "divergent"

    def test_what_is_not_recorded_is_refused(self, refused):
        run = self.run(paths=False)
        refused(lambda: rate(run), so.RunError, "no recorded theta", "optimum=", "paths=True")
        refused(lambda: rate(run, minimum=[0, 1]), so.RunError, "no recorded theta")
        assert rate(run, optimum=0.0).factor == pytest.approx((99 / 101) ** 2, rel=1e-6)
        run = self.run(record=None)
        refused(lambda: rate(run, optimum=0.0), so.RunError, "no history", "record=True")

    def test_wrong_references(self, refused):
        run = self.run()
        refused(lambda: rate(run, optimum=0.5), so.RunError, "negative", "too high")
        refused(lambda: rate(run, optimum="low"), so.RunError, "optimum", "low")
        refused(lambda: rate(run, optimum=np.nan), so.RunError, "optimum=nan", "finite")
        refused(lambda: rate(run, minimum=[0.0]), so.RunError, r"shape \(1,\)", "2 finite")
        refused(lambda: rate(run, minimum="origin"), so.RunError, "minimum", "origin")
        refused(lambda: rate(run, optimum=0.0, minimum=[0, 1]), so.RunError, "both", "one")


class TestManyRuns:
    def errors(self, runs=12, steps=150, seed=0):
        rng = np.random.default_rng(seed)
        factors = 0.8 * np.exp(0.01 * rng.normal(size=runs))
        k = np.arange(steps)
        return xr.DataArray(
            factors[:, None] ** k, dims=("start", "step"), coords={"step": k}
        ), factors

    def test_the_median_of_runs_with_an_interval_across_them(self):
        x, factors = self.errors()
        found = rate(x)
        assert (found.regime, found.interval_kind, found.n) == ("linear", "across runs", 12)
        assert found.factor == pytest.approx(np.median(factors), rel=1e-9)
        assert inside(found, 0.8)
        assert factors.min() < found.interval[0] < found.interval[1] < factors.max()
        assert repr(found.reason).startswith("'12 of 12 runs;")

    def test_the_commonest_regime_decides(self):
        x, _ = self.errors()
        x[3] = np.nan
        x[5] = 1.2 ** x["step"]
        found = rate(x)
        assert (found.regime, found.n) == ("linear", 10)
        assert "1 divergent" in found.reason
        assert "1 not identifiable" in found.reason

    def test_all_diverged(self):
        k = np.arange(50)
        found = rate(xr.DataArray([1.1**k, 1.3**k, 2.0**k], dims=("start", "step")))
        assert (found.regime, found.n, found.interval_kind) == ("divergent", 3, "")
        assert found.factor == pytest.approx(1.3)
        assert "3 of 3 runs" in found.reason

    def test_few_runs_say_so(self):
        found = rate(self.errors(runs=3)[0])
        assert "fewer than 6 runs" in found.reason

    def test_another_name_for_runs_and_any_order_of_dimensions(self):
        x, _ = self.errors()
        assert rate(x.rename(start="seed").T, runs="seed") == rate(x)

    def test_one_run_is_judged_within(self):
        x, _ = self.errors(runs=1)
        assert rate(x) == rate(x[0]) == rate(x[0].values)

    def test_a_sweep(self):
        J = so.parse("x^2/2 + 5*y^2")
        study = so.sweep(
            J,
            so.gd(eta=[0.1, 0.15, 0.3]),
            start=so.uniform(1, 2, size=8, rng=0),
            steps=300,
            record=True,
        )
        found = rate(study["gd"]["history_loss"] - 0.0)
        assert set(found) == {"regime", "factor", "order", "low", "high", "n", "reason"}
        assert found["regime"].dims == ("eta",)
        assert found["eta"].values.tolist() == [0.1, 0.15, 0.3]
        assert found["regime"].values.tolist() == ["linear", "linear", "divergent"]
        assert found["n"].values.tolist() == [8, 8, 8]
        assert found["factor"].values[:2] == pytest.approx([0.81, 0.7225], rel=1e-6)
        assert found.sel(eta=0.1).reason.item().startswith("8 of 8 runs")

    def test_a_cell_does_not_depend_on_its_neighbours(self):
        x, _ = self.errors(runs=4)
        noisy = x * np.exp(0.1 * np.random.default_rng(0).normal(size=x.shape))
        grid = rate(noisy, runs="none")
        alone = rate(noisy[2])
        assert (grid["low"][2], grid["high"][2], grid["n"][2]) == (*alone.interval, alone.n)


class TestIntervals:
    """In 500 simulated sets 90 to 99 % of the 95 % intervals hold the truth."""

    CASES = (
        pytest.param("linear", 60, 0.8, 0.0, 0.1, id="white"),
        pytest.param("linear", 100, 0.9, 0.5, 0.3, id="autocorrelated"),
        pytest.param("linear", 200, 0.9, 0.8, 0.3, id="strongly autocorrelated"),
        pytest.param("power", 150, 1.5, 0.5, 0.1, id="power"),
    )

    def within(self, law, n, truth, phi, sigma, sets):
        k = np.arange(1, n + 1)
        log_e = k * np.log(truth) if law == "linear" else -truth * np.log(k)
        held = []
        for seed in range(sets):
            noise = autoregressive(n, phi, sigma, np.random.default_rng([seed, n]))
            found = rate(over_steps(np.exp(log_e + noise), k))
            held.append(found.regime == law and inside(found, truth))
        return np.mean(held)

    def across(self, runs, sets):
        k, held = np.arange(40), []
        for seed in range(sets):
            rng = np.random.default_rng([seed, runs])
            factors = 0.8 * np.exp(0.02 * rng.normal(size=runs))
            e = factors[:, None] ** k * np.exp(0.05 * rng.normal(size=(runs, 40)))
            held.append(inside(rate(xr.DataArray(e, dims=("start", "step"))), 0.8))
        return np.mean(held)

    def test_within_a_run(self):
        assert 0.87 <= self.within("linear", 60, 0.8, 0.5, 0.1, 50) <= 1

    def test_across_runs(self):
        assert 0.87 <= self.across(8, 20) <= 1

    @pytest.mark.slow
    @pytest.mark.parametrize(("law", "n", "truth", "phi", "sigma"), CASES)
    def test_within_a_run_500(self, law, n, truth, phi, sigma):
        assert 0.90 <= self.within(law, n, truth, phi, sigma, 500) <= 0.99

    @pytest.mark.slow
    @pytest.mark.parametrize("runs", [8, 20])
    def test_across_runs_500(self, runs):
        assert 0.90 <= self.across(runs, 500) <= 0.99

    def test_one_seed_gives_one_answer(self):
        e = 0.9 ** np.arange(100) * np.exp(0.2 * np.random.default_rng(0).normal(size=100))
        assert rate(e) == rate(e, rng=0) == rate(e, rng=np.random.default_rng(0))
        assert rate(e).interval != rate(e, rng=1).interval
        assert rate(e).factor == rate(e, rng=1).factor

    def test_a_higher_level_is_wider(self):
        e = 0.9 ** np.arange(100) * np.exp(0.2 * np.random.default_rng(0).normal(size=100))
        low, high = rate(e, level=0.8).interval, rate(e, level=0.99).interval
        assert high[0] < low[0] < low[1] < high[1]


def test_a_line_says_it_all():
    found = rate(falling(0.5))
    assert repr(found).startswith(
        "Rate(given: linear, factor 0.5 [0.5, 0.5] within-run; n = 36, steps 0 to 35; log e"
    )
    assert "\n" not in repr(found)
    assert isinstance(found, Rate)
    with pytest.raises(AttributeError):
        found.factor = 1.0


def test_a_long_run():
    assert rate(0.9999 ** np.arange(100_000)).factor == pytest.approx(0.9999, rel=1e-10)


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ([], ["no errors", "recorded"]),
        ([np.nan] * 30, ["only NaN"]),
        (np.ones((3, 30)), [r"shape \(3, 30\)", "DataArray"]),
        (1.0, [r"shape \(\)", "sequence"]),
        ([1.0, -0.5, 0.1], ["negative, -0.5", "optimum"]),
        ("fast", ["'fast'", "not made of real numbers", "expected a Run"]),
        (None, ["None", "expected a Run"]),
        ([1j, 2j], ["real numbers"]),
        (xr.DataArray([1.0, 0.5], dims="epoch"), [r"\(epoch\)", "dimension step"]),
        (xr.DataArray(np.ones((5, 2)), dims=("step", "param")), ["param", "norm"]),
        (xr.DataArray(["a", "b"], dims="step"), ["real numbers"]),
        (xr.DataArray([np.nan, np.nan], dims="step"), ["only NaN"]),
        (over_steps([1.0, 0.5, 0.2], [0, 2, 1]), ["step is not increasing"]),
        (over_steps([1.0, 0.5], ["a", "b"]), ["step"]),
    ],
)
def test_bad_errors(x, words, refused):
    refused(lambda: rate(x), so.RunError, *words)


def test_bad_options(refused):
    e = falling(0.9)
    refused(lambda: rate(e, optimum=0.0), so.RunError, "optimum", "ndarray", "subtract")
    refused(lambda: rate(e, minimum=[0.0]), so.RunError, "minimum", "only a Run")
    refused(lambda: rate(e, level=95), so.RunError, "level=95", "0.95")
    refused(lambda: rate(e, level="high"), so.RunError, "level='high'")
    refused(lambda: rate(e, rng="seed"), so.RunError, "rng='seed'")
    study = so.sweep(so.parse("x^2"), "gd", start=[1.0], steps=5)
    refused(lambda: rate(study), so.RunError, "Study", r'study\["gd"\]\["history_loss"\]')
