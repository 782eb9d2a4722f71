"""What experiments share: intervals hold what they should, censored runs widen them, matrices are the runs'."""

import numpy as np
import pytest

import symopt as so
from symopt.harness import linear_rules, newton_minimum, stats


@pytest.mark.parametrize("n", [6, 10, 16, 25])
def test_order_statistics_hold_the_median_with_95_percent(n):
    drawn = np.random.default_rng(0).normal(size=(4000, n))
    held = [low <= 0 <= high for low, high in map(stats.median_interval, drawn)]
    assert 0.945 <= np.mean(held) <= 0.995


def test_a_ratio_holds_all_that_censored_runs_may_have_been():
    rng = np.random.default_rng(1)
    for _ in range(200):
        ours, theirs = rng.uniform(1, 200, (2, 12))
        seen = [np.where(steps > 100, np.inf, steps) for steps in (ours, theirs)]
        median, low, high = stats.steps_ratio(*seen, budget=100)
        whole = stats.steps_ratio(ours, theirs, budget=np.inf)
        assert low <= whole[1] <= whole[2] <= high
        if (np.minimum(ours, theirs) <= 100).mean() >= 0.5:
            assert low <= median <= high


def test_a_bracket_is_where_something_ends():
    assert stats.bracket([1, 2, 3, 4], [True, True, False, True]) == (2.0, 3.0)
    assert np.isnan(stats.bracket([1, 2], [True, True])).all()
    assert np.isnan(stats.bracket([1, 2], [False, True])).all()


def test_a_bootstrap_of_the_mean_covers_it():
    rng, held = np.random.default_rng(2), []
    for values in rng.exponential(size=(200, 40)):
        drawn = stats.resampled(lambda k, values=values: values[k].mean(), 40, draws=200)
        low, high = stats.percentiles(drawn)
        held.append(low <= 1 <= high)
    assert 0.87 <= np.mean(held) <= 0.99


def test_the_running_time_of_runs_that_never_arrive_is_infinite():
    ends, arrived = np.full((2, 3), 10.0), np.array([[True, False, True], [False] * 3])
    assert stats.running_time(ends, arrived).tolist() == [15.0, np.inf]


def test_errors_that_grow_have_no_interval_but_their_digits():
    rate = so.measure.rate(1.1 ** np.arange(60))
    row = stats.fitted("factor", 1.1, rate)
    assert row.low <= row.measured <= row.high
    assert row.verdict == "agrees"


@pytest.mark.parametrize("name", ["gd", "momentum", "nesterov"])
@pytest.mark.parametrize("curvature", [1.0, -0.5, 30.0])
def test_powers_of_the_matrix_are_the_run(name, curvature):
    rule = so.optimizers[name](eta=0.05)
    J = so.parse("c*x^2/2", ["x"])(c=curvature)
    run = so.minimize(J, rule, [1.0], 60, limit=1e300).history["theta"].values[:, 0]
    path = linear_rules.path_from_rest(rule, curvature, 60)
    by_eigenvalues = linear_rules.path_at(
        linear_rules.matrix_function(rule)(curvature, 0.05), np.arange(61)
    )
    assert path == pytest.approx(run, rel=1e-9, abs=1e-12)
    assert by_eigenvalues == pytest.approx(run, rel=1e-6, abs=1e-9)
    turn = linear_rules.leading_eigenvalue(rule, curvature)
    assert abs(turn) == pytest.approx(so.theory.rate(rule, curvature))


def test_newton_s_minimum_has_no_slope():
    J = so.parse("log(1 + exp(2*x - 1)) - 0.3*x + x^2/100")
    assert abs(J.grad(newton_minimum(J, [0.0]))[0]) < 1e-15
