"""Scales and the race: what is derived agrees to the step, claims are compared as stated, pictures are complete."""

import numpy as np
import pytest
import sympy as sp
from experiment_runs import fresh, loaded, quick, rows

import symopt as so

RULES = ["gd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "nadam"]


def test_linear_regression_takes_the_steps_that_are_predicted():
    found = rows("scales", "steps to the target") + rows("scales", "largest difference")
    assert {row.verdict for row in found} == {"agrees"}
    assert max(row.measured for row in found) > 100
    assert found[-1].n > 10


def test_logistic_regression_has_the_steps_a_decade_of_its_hessian():
    found = rows("scales", "steps a decade")
    assert {row.verdict for row in found} == {"agrees"}
    assert len({row.predicted for row in found}) == 3


def test_gradient_descent_suffers_and_standardised_features_have_no_scale():
    for kind in ("linear", "logistic"):
        assert rows("scales", f"{kind}, gd", "at S = 10 / at S = 1")[0].verdict == "agrees"
    scales = loaded("scales")
    plain, spreaded = (
        so.problems.learning.standardised(scales.draw_data(3, spread)[0]) for spread in (1, 1000)
    )
    assert np.allclose(plain, spreaded)


def test_exact_steps_are_those_of_a_simulation():
    scales = loaded("scales")
    made = {"hessian": np.diag([1.0, 20.0]), "theta": np.array([1.0, -2.0])}
    theta, m, gaps = np.zeros(2), 0.0, []
    for _ in range(200):
        e = theta - made["theta"]
        gaps.append(e @ made["hessian"] @ e / 2)
        m = 0.9 * m - 0.01 * made["hessian"] @ (e + 0.9 * m)
        theta = theta + m
    first = int(np.argmax(np.array(gaps) <= 1e-3 * gaps[0]))
    assert first > 10
    matrix = scales.MATRICES["nesterov"]
    assert scales.exact_steps(matrix, 0.01, made, np.arange(200)) == first


def test_what_is_censored_widens_the_interval_and_cannot_agree():
    scales = loaded("scales")
    never = np.full(6, np.inf)
    soon = np.full(6, 10.0)
    assert scales.ratio_row("both", never, never, 100, bound=1).verdict == "not measured"
    assert scales.ratio_row("ours", never, soon, 100, bound=2).verdict == "failed"
    assert scales.ratio_row("theirs", soon, never, 100, bound=1).verdict == "agrees"
    race = loaded("race")
    arrivals = {(cost, rule): never for cost in race.COSTS for rule in RULES}
    found = race.claim_rows(arrivals, 100)
    assert {row.verdict for row in found if "median" in row.quantity} == {"not measured"}
    assert {row.measured for row in found if "share" in row.quantity} == {0.5}


def test_stability_limits_lie_where_the_grid_says():
    found = rows("race", "the largest stable eta")
    assert [row.verdict for row in found] == ["agrees"] * 3
    assert [row.predicted for row in found] == pytest.approx([0.02, 0.038, 2 * 1.9 / 280])


def test_every_claim_has_a_row_for_every_cost():
    race, outcome = loaded("race"), quick("race")
    for name, other in race.CLAIMS.items():
        assert len(rows("race", f"{name} / {other}")) == 8
    assert len(rows("race", "the fastest rule")) == 8
    assert rows("race", "quadratic", "momentum / gd")[0].verdict == "agrees"
    assert all(list(study) == RULES for study in outcome.data["studies"].values())
    assert all(
        row.low <= row.measured <= row.high for row in outcome.rows if row.measured is not None
    )


def test_the_width_counts_learning_rates_around_the_best():
    race, etas = loaded("race"), np.geomspace(1e-4, 1, 5)
    steps = np.array([[[100.0, 100], [15, 25], [10, 10], [30, 30], [10, 14]]])[None]
    late = np.where(steps < 100, steps, np.inf)
    assert race.widths(steps, late, etas).tolist() == [[2.0]]
    assert np.isnan(race.widths(steps, np.full_like(late, np.inf), etas)).all()


@pytest.mark.parametrize("name", ["scales", "race"])
def test_the_picture_and_the_theory_are_complete(name):
    module = loaded(name)
    assert module.__doc__.splitlines()[0].endswith(".")
    assert all(
        isinstance(value, sp.Basic | sp.MatrixBase | str) for value in module.theory().values()
    )
    (figure,) = module.plot(quick(name)).values()
    panels = figure.axes
    assert len(panels) == {"scales": 2, "race": 8}[name]
    assert all(ax.get_title() for ax in panels)
    legend = figure.legends[0] if figure.legends else panels[1].get_legend()
    assert set(module.RULES) <= {text.get_text() for text in legend.get_texts()}
    assert [line.get_linestyle() for line in panels[0].lines].count("--") == 3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scales", "race"])
def test_the_whole_experiment_runs_quickly(name):
    outcome = fresh(name).run(quick=True)
    assert {row.verdict for row in outcome.rows if row.relation == "="} <= {
        "agrees",
        "no prediction",
    }
    assert {
        row.n for row in outcome.rows if row.relation == "<=" and "decades" not in row.quantity
    } == {6}


@pytest.mark.slow
def test_minima_are_minima():
    race = fresh("race")
    for cost, (J, d, _, _) in race.COSTS.items():
        draws = np.random.default_rng(0).uniform(-2, 2, (200, d))
        assert min(J.value(theta) for theta in draws) >= race.optimum(cost)
    assert race.optimum("logistic regression, iris") == pytest.approx(0.170329, abs=1e-6)
