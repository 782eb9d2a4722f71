"""What a race tells of: from where its gaps are measured, and whether its learning rates are the best."""

import json
import math

import numpy as np
import pytest
from typer.testing import CliRunner

import symopt as so
from symopt.cli import race
from symopt.cli.app import app

SLOW = so.parse("(x-1)^2 + 1e-4*(y-1)^2")


def raced(*words, folder=None):
    out = ["--out", str(folder)] if folder else []
    done = CliRunner().invoke(app, ["race", *words, *out], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found = json.loads((folder / "race.json").read_text()) if folder else None
    return " ".join(done.output.split()), found


def finished(cost, *rules, steps=50):
    return {repr(rule): so.minimize(cost, rule, [0.0, 0.0], steps) for rule in rules}


def test_gaps_are_measured_from_a_minimum_that_is_known():
    cost = so.Cost(SLOW.expression, params=SLOW.params, optimal_value=0.0)
    runs = finished(cost, so.gd(eta=0.4), so.adam(eta=0.01))
    zero = race.Zero.of(cost, runs)
    assert (zero.loss, zero.known) == (0.0, True)
    assert zero.best > 1e-5
    rows = [race.row(run, zero.loss) for run in runs.values()]
    assert rows[0]["steps_to"] == {"1e-3": rows[0]["steps_to"]["1e-3"], "1e-6": None, "1e-9": None}
    assert "from the minimum of J that the cost has, 0" in str(zero)


def test_gaps_from_the_best_of_a_race_say_so():
    runs = finished(SLOW, so.gd(eta=0.4), so.adam(eta=0.01))
    zero = race.Zero.of(SLOW, runs)
    assert (zero.loss, zero.known) == (min(run.best_loss for run in runs.values()), False)
    assert f"from the best J of this race, {zero.loss:.4g}: the minimum is not known" in str(zero)


def test_a_minimum_that_is_none_is_told():
    cost = so.Cost(SLOW.expression, params=SLOW.params, optimal_value=0.5)
    zero = race.Zero.of(cost, finished(cost, so.gd(eta=0.4)))
    assert "a run went below it" in str(zero)
    assert "went below" not in str(race.Zero(1.0, True, 1.0 - 1e-15))


def test_no_finite_loss_is_no_zero():
    cost = so.parse("log(x) + 0*y", ["x", "y"])
    zero = race.Zero.of(cost, finished(cost, so.gd(eta=1.0), steps=2))
    assert math.isnan(zero.loss)


def test_the_head_of_the_table_and_the_file_tell_from_where(tmp_path):
    text, found = raced(
        "100*(y-x^2)^2+(1-x)^2",
        "--start",
        "x=-1.2,y=1",
        "--rule",
        "gd:eta=1e-3",
        "--steps",
        "300",
        folder=tmp_path,
    )
    best = found["rules"]["gd"]["best_loss"]
    assert f"from the best J of this race, {best:.4g}: the minimum is not known" in text
    assert found["measured_from"] == {"loss": best, "known_minimum": False}


def test_a_learning_rate_at_the_edge_is_marked(tmp_path):
    text, found = raced(
        "1e-3*x^2",
        "--start",
        "x=1",
        "--rule",
        "gd",
        "--rule",
        "adam",
        "--steps",
        "50",
        folder=tmp_path,
    )
    assert found["rules"]["gd"]["eta_at_edge"] is True
    assert found["rules"]["adam"]["eta_at_edge"] is False
    assert "1 *" in text
    assert (
        "* gd: the best learning rate is the last of the grid, 1e-05 to 1; a larger one may be better"
        in text
    )
    assert "--rule gd:eta=3" in text


def test_the_other_edge_is_marked_too():
    found = race.at_edge(
        {"gd": so.gd(eta=1e-5), "mine": so.gd(eta=1.0), "middle": so.gd(eta=0.01)}, size=2
    )
    assert list(found) == ["gd", "mine"]
    assert "a smaller one" in found["gd"]
    assert "a larger one" in found["mine"]
    assert race.at_edge(
        {"polyak_step": so.polyak_step(), "none": so.nesterov(eta=0.3)}, size=2
    ).keys() == {"polyak_step"}


@pytest.mark.parametrize(
    ("texts", "open_"),
    [
        (["gd"], ["gd"]),
        (["gd", "adam:beta1=0.8"], ["gd", "adam"]),
        (["gd:eta=0.1", "adam:beta1=0.8, eta=0.1"], []),
        (["adam", "adam:eta=0.1"], ["adam"]),
        (["torch.optim.Adam:lr=0.1"], []),
    ],
)
def test_what_is_tuned_is_what_has_no_eta(texts, open_):
    assert list(race.without_rate(texts, race.read_rules(texts))) == open_


def test_a_rule_alone_is_tuned(tmp_path):
    _, found = raced("(x-3)^2", "--start", "x=0", "--rule", "gd", "--steps", "20", folder=tmp_path)
    assert "eta=0.5" in found["rules"]["gd"]["rule"] or found["rules"]["gd"]["final_loss"] < 1e-6
    _, given = raced(
        "(x-3)^2", "--start", "x=0", "--rule", "gd:eta=0.01", "--steps", "20", folder=tmp_path
    )
    assert given["rules"]["gd"]["final_loss"] == pytest.approx(9 * np.float64(0.98) ** 40)
