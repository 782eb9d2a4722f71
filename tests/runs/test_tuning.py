"""tune: the best learning rate by what is counted, on grids that grow, and said where they end."""

import numpy as np
import pytest

import symopt as so
from symopt.runs.tuning import rate_name

BOWL = so.Cost(so.parse("x^2 + 10*y^2"), optimal_value=0.0)


def test_the_best_rate_is_soonest_within_the_smallest_gap():
    found = so.tune(BOWL, "gd", [1.0, 1.0], steps=300)["gd"]
    steps = {
        rate: np.flatnonzero(
            so.minimize(BOWL, so.gd(eta=rate), [1.0, 1.0], 300).history["loss"] <= 1e-9
        )
        for rate in found.rates
    }
    soonest = min((int(first[0]), rate) for rate, first in steps.items() if len(first))
    assert found.rate == soonest[1]
    assert found.rule.values["eta"] == found.rate
    assert found.edge == ""


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [("1e-3*x^2", 200, 1000), ("1e9*x^2", 1e-10, 1e-9), ("1e-9*x^2", 1e6, 1e6)],
)
def test_a_grid_grows_where_its_last_rate_is_the_best(text, least, most):
    cost = so.parse(text)
    found = so.tune(cost, "gd", [1.0], steps=60)["gd"]
    assert least <= found.rate <= most  # 1/curvature, as far as grids go
    assert found.edge == ("larger" if text == "1e-9*x^2" else "")
    assert (found.rates[0] == found.rate) == (found.edge == "smaller")


def test_a_rate_that_jumps_and_ends_low_does_not_win():
    cost = so.parse("100*(y-x^2)^2+(1-x)^2")
    rule = so.tune(cost, "rmsprop", [-1.2, 1.0], steps=2000)["rmsprop"].rule
    late = so.minimize(cost, rule, [-1.2, 1.0], 2000).history["loss"].values[1000:]
    assert late.max() < 0.5


def test_a_box_of_starts_is_judged_by_its_median():
    starts = so.uniform(-2, 2, size=9, rng=0)
    found = so.tune(BOWL, ["gd"], starts, steps=100)["gd"]
    losses = so.sweep(BOWL, so.gd(eta=list(found.rates)), starts, 100)["gd"]["loss"].median("start")
    assert losses.sel(eta=found.rate) < 1e-9


def test_rules_without_a_rate_stay_and_functions_make_those_of_libraries():
    scheduled = so.adam(eta=0.1 / so.t)
    rules = {
        "fixed": scheduled,
        "torch": lambda rate: so.like("torch.optim.SGD", lr=rate, momentum=0.9, dampening=0.5),
    }
    found = so.tune(BOWL, rules, [1.0, 1.0], steps=50)
    assert list(found) == ["fixed", "torch"]
    assert found["fixed"].rule is scheduled
    assert found["fixed"].rate is None
    same = so.like("torch.optim.SGD", lr=found["torch"].rate, momentum=0.9, dampening=0.5)
    assert found["torch"].rule.values == same.values


def test_every_published_rule_has_a_rate_to_tune():
    assert {rate_name(rule) for rule in so.optimizers.values()} == {"eta"}


def test_a_start_where_j_is_no_number_is_not_called_an_edge():
    found = so.tune(so.parse("log(x)"), "gd", [-1.0], steps=20)["gd"]
    assert (found.edge, found.best_loss) == ("", np.inf)


def test_a_rate_stays_in_the_range_of_its_rule():
    @so.rule(ranges={"eta": so.Range(0, 0.5)})
    def careful(theta, *, grad, eta=0.1):
        return theta - eta * grad(theta)

    found = so.tune(so.parse("1e-3*x^2"), careful, [1.0], steps=20)["careful"]
    assert max(found.rates) <= 0.5
    assert found.edge == "larger"


def test_what_cannot_be_tuned_is_refused():
    with pytest.raises(so.RunError, match="per_decade=0"):
        so.tune(BOWL, "gd", [1.0, 1.0], per_decade=0)
    with pytest.raises(so.RuleError, match="no rule is given"):
        so.tune(BOWL, {}, [1.0, 1.0])
