"""Plateau and saddle: times agree to the step, distributions within their bands, and epsilon ends independence."""

import numpy as np
import pytest
import sympy as sp
from experiment_runs import loaded, measured, quick, rows, verdicts

from symopt.harness import linear_rules


def test_shelves_are_crossed_at_the_step_that_is_predicted():
    assert verdicts("plateau", "shelf", "the law says") == {"agrees"}
    assert {row.high - row.low for row in rows("plateau", "shelf", "the law says")} == {2.0}
    assert measured("plateau", "momentum, g = 0.001") > 500 * measured(
        "plateau", "momentum, g = 1:"
    )


def test_a_shelf_that_is_not_crossed_within_the_budget_has_no_row():
    slopes = [row.quantity for row in quick("plateau").rows if "shelf, gd" in row.quantity]
    assert len(slopes) == 1
    assert "g = 1:" in slopes[0]
    assert np.isnan(quick("plateau").data["shelves"]["gd"][-1])


def test_adam_does_not_mind_a_gentle_slope_but_a_guard_under_the_root_does():
    found = {
        row.quantity.split()[1].strip(":"): row.verdict
        for row in rows("plateau", "over those at g = 1")
    }
    assert found == {"adagrad": "failed", "rmsprop": "failed", "adam": "agrees", "nadam": "agrees"}


def test_the_tail_takes_the_steps_of_the_closed_forms():
    assert measured("tail", "tail, gd: steps") == 29804
    assert measured("tail", "tail, momentum, to the end") == 3043
    assert verdicts("tail", "tail,") == {"agrees"}
    assert verdicts("tail", "random starts, gd:") == {"agrees"}
    assert verdicts("tail", "log-rank") == {"agrees", "no prediction"}


def test_the_law_of_a_shelf_is_where_the_steps_add_up():
    plateau = loaded("plateau")
    for name in plateau.RULES:
        law, exact = plateau.number(plateau.GUARDED[name], 0.1), plateau.crossing(name, 0.1)
        assert law == pytest.approx(exact, rel=0.15)


def test_escape_takes_as_many_steps_for_every_decade():
    assert verdicts("saddle", "|y0| = 1e-10") == verdicts("saddle", "8 decades") == {"agrees"}
    assert verdicts("saddle", "steps for a factor e") == {"agrees"}
    assert [round(row.predicted, 1) for row in rows("saddle", "8 decades")] == [377.5, 101.0, 92.2]


def test_random_starts_escape_as_a_shifted_exponential():
    assert verdicts("saddle_random", "mean of T") == {"agrees"}
    assert verdicts("saddle_random", "median of T") == {"agrees"}
    assert verdicts("saddle_random", "gd, random y0: P(T > 150)") == {"agrees"}
    (mean,) = rows("saddle_random", "gd, random y0: mean of T")
    assert mean.predicted == pytest.approx(115.38, abs=0.02)
    assert mean.low < mean.measured < mean.high
    assert mean.n == 10_000


def test_the_growth_at_a_saddle_is_that_of_the_derived_eigenvalue():
    saddle = loaded("saddle_random")
    for name, rule in saddle.RULES.items():
        steps = linear_rules.path_from_rest(rule, saddle.CURVATURE, 400)
        G, C = saddle.law(rule)
        assert steps[0] == 1
        assert steps[1] == pytest.approx(1 + 0.05)
        assert steps[300] / steps[299] == pytest.approx(G, rel=1e-12)
        assert abs(C - (1 if name == "gd" else 0.64)) < (1e-12 if name == "gd" else 0.05)


def test_adam_leaves_in_one_time_until_its_gradient_is_far_below_epsilon():
    assert verdicts("saddle_adam", "adam") == {"agrees"}
    saddle, times = loaded("saddle_adam"), quick("saddle_adam").data["gone"]
    near = times.isel(start=slice(0, len(saddle.NEAR)))
    assert float(near.sel(epsilon=1e-8).max() - near.sel(epsilon=1e-8).min()) <= 2
    assert float(near.sel(epsilon=1e-2).max() - near.sel(epsilon=1e-2).min()) > 50
    assert (times.sel(epsilon=1e-2) >= times.sel(epsilon=1e-8)).all()


PICTURES = [("plateau", 7), ("tail", 2), ("saddle", 3), ("saddle_random", 3), ("saddle_adam", 3)]


@pytest.mark.parametrize(("name", "dashed"), PICTURES)
def test_the_picture_and_the_theory_are_complete(name, dashed):
    module = loaded(name)
    assert module.__doc__.splitlines()[0].endswith(".")
    assert all(isinstance(value, sp.Basic | str) for value in module.theory().values())
    (figure,) = module.plot(quick(name)).values()
    (ax,) = figure.axes
    assert all([ax.get_xlabel(), ax.get_ylabel(), ax.get_title()])
    assert sum(line.get_linestyle() == "--" for line in ax.lines) == dashed
    legend = figure.legends[0] if figure.legends else ax.get_legend()
    labels = {text.get_text() for text in legend.get_texts()}
    assert any("predicted" in label for label in labels)
    assert len(labels) > min(dashed, 3)
