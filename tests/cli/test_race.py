"""What a race tells of: from where its gaps are measured, whether its learning rates are the best, what to take."""

import json
import math
import re

import numpy as np
import pytest
from typer.testing import CliRunner

import symopt as so
from symopt.cli import race
from symopt.cli.app import app
from symopt.cli.race_rows import Finish
from symopt.cli.rules import read_rules

SLOW = so.parse("(x-1)^2 + 1e-4*(y-1)^2")
BOWL = ["x^2 + 10*y^2", "--start", "x=1,y=1", "--steps", "200"]


def raced(*words, folder=None):
    out = ["--out", str(folder)] if folder else []
    done = CliRunner().invoke(app, ["race", *words, *out], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found = json.loads((folder / "race.json").read_text()) if folder else None
    return " ".join(done.output.split()), found


def recommended(text):
    """Return the rules that the last line names, as --rule takes them."""
    return re.findall(r"--rule (\S+?)[,;]? ", text[text.index("recommended:") :])


def finishes(cost, *rules, steps=50):
    runs = [so.minimize(cost, rule, [0.0, 0.0], steps) for rule in rules]
    return [Finish.of(run, run.rule) for run in runs]


def zero_of(cost, found):
    return race.Zero.of(cost, [one.lowest for one in found])


def test_gaps_are_measured_from_a_minimum_that_is_known():
    cost = so.Cost(SLOW.expression, params=SLOW.params, optimal_value=0.0)
    found = finishes(cost, so.gd(eta=0.4), so.adam(eta=0.01))
    zero = zero_of(cost, found)
    assert (zero.loss, zero.known) == (0.0, True)
    assert zero.best > 1e-5
    row = found[0].row(zero.loss)
    assert row["steps_to"] == {"1e-3": row["steps_to"]["1e-3"], "1e-6": None, "1e-9": None}
    assert "from the known minimum of J, 0" in str(zero)


def test_gaps_from_the_best_of_all_runs_say_so():
    found = finishes(SLOW, so.gd(eta=0.4), so.adam(eta=0.01))
    zero = zero_of(SLOW, found)
    assert (zero.loss, zero.known) == (min(one.lowest for one in found), False)
    assert f"from the best J of all runs, {zero.loss:.4g}: the minimum is not known" in str(zero)


def test_a_minimum_that_is_none_is_told():
    cost = so.Cost(SLOW.expression, params=SLOW.params, optimal_value=0.5)
    zero = zero_of(cost, finishes(cost, so.gd(eta=0.4)))
    assert "a run went below it" in str(zero)
    assert "went below" not in str(race.Zero(1.0, True, 1.0 - 1e-15))


def test_no_finite_loss_is_no_zero():
    cost = so.parse("log(x) + 0*y", ["x", "y"])
    zero = zero_of(cost, finishes(cost, so.gd(eta=1.0), steps=2))
    assert math.isnan(zero.loss)
    assert str(zero) == "no run met a finite J"


def test_the_minimum_is_an_option_and_the_head_of_the_table_tells_from_where(tmp_path):
    text, found = raced(*BOWL, "--rule", "gd:eta=0.01", folder=tmp_path)
    best = found["rules"]["gd"]["best_loss"]
    assert f"from the best J of all runs, {best:.4g}: the minimum is not known" in text
    assert found["measured_from"] == {"loss": best, "known_minimum": False}
    text, found = raced(*BOWL, "--rule", "gd:eta=0.01", "--minimum", "0", folder=tmp_path)
    assert "from the known minimum of J, 0" in text
    assert found["measured_from"] == {"loss": 0.0, "known_minimum": True}


def test_the_best_of_all_runs_holds_those_that_tuned_rates(tmp_path):
    _, found = raced(*BOWL, "--rule", "momentum", "--rule", "gd:eta=0.001", folder=tmp_path)
    lowest = so.tune(so.parse(BOWL[0]), "momentum", [1.0, 1.0], 200)["momentum"].best_loss
    assert found["measured_from"]["loss"] == lowest
    assert lowest < found["rules"]["momentum"]["best_loss"]


def test_a_learning_rate_at_the_edge_is_marked(tmp_path):
    words = [
        "1e-9*x^2",
        "--start",
        "x=1",
        "--rule",
        "gd",
        "--rule",
        "momentum:eta=1",
        "--steps",
        "50",
    ]
    text, found = raced(*words, folder=tmp_path)
    assert found["rules"]["gd"]["eta_at_edge"] is True
    assert found["rules"]["momentum"]["eta_at_edge"] is False
    assert "1e+06 *" in text
    assert "* gd: the best learning rate is the last of the grid, 1e-05 to 1e+06" in text
    assert "a larger one may be better: give it, as in --rule gd:eta=3e+06" in text.replace(
        "3000000", "3e+06"
    )


@pytest.mark.parametrize(
    ("texts", "open_"),
    [
        (["gd"], {"gd": "eta"}),
        (["gd", "adam:beta1=0.8"], {"gd": "eta", "adam": "eta"}),
        (["gd:eta=0.1", "adam:beta1=0.8, eta=0.1"], {}),
        (["adam", "adam:eta=0.1"], {"adam": "eta"}),
        (["torch.optim.Adam:lr=0.1"], {}),
        (["torch.optim.Adam", "keras.optimizers.SGD"], {"torch.optim.Adam": "lr", "keras.optimizers.SGD": "learning_rate"}),
        (["scipy:bfgs"], {}),
    ],
)  # fmt: skip
def test_what_is_tuned_is_what_gives_no_learning_rate(texts, open_):
    found = read_rules(texts, {})
    assert {name: one.rate for name, one in found.items() if one.rate} == open_


def test_a_rule_alone_is_tuned_and_what_is_given_stays(tmp_path):
    _, found = raced("(x-3)^2", "--start", "x=0", "--rule", "gd", "--steps", "20", folder=tmp_path)
    assert found["rules"]["gd"]["final_loss"] < 1e-6
    _, given = raced(
        "(x-3)^2", "--start", "x=0", "--rule", "gd:eta=0.01", "--steps", "20", folder=tmp_path
    )
    assert given["rules"]["gd"]["final_loss"] == pytest.approx(9 * np.float64(0.98) ** 40)


def test_the_last_line_recommends_what_is_soonest_and_tells_what_second_best_costs(tmp_path):
    rules = ["--rule", "gd:eta=0.05", "--rule", "gd:eta=0.01", "--rule", "gd:eta=1"]
    text, found = raced(*BOWL, "--minimum", "0", *rules, folder=tmp_path)
    fast, slow = (found["rules"][f"gd:eta={eta}"]["steps_to"] for eta in ("0.05", "0.01"))
    assert slow["1e-9"] is None
    assert f"recommended: --rule gd:eta=0.05, {fast['1e-9']} steps to 1e-9; " in text
    assert "no other comes there; second best: --rule gd:eta=0.01" in text
    text, found = raced(*BOWL[:-1], "2000", "--minimum", "0", *rules[:4], folder=tmp_path)
    slow = found["rules"]["gd:eta=0.01"]["steps_to"]["1e-9"]
    assert f"{slow} steps, {slow / fast['1e-9']:.3g} times the cost" in text


def test_the_second_best_is_compared_at_the_next_gap_that_it_reaches(tmp_path):
    rules = ["--rule", "gd:eta=0.05", "--rule", "gd:eta=0.02"]
    text, found = raced(*BOWL, "--minimum", "0", *rules, folder=tmp_path)
    fast, slow = (found["rules"][f"gd:eta={eta}"]["steps_to"] for eta in ("0.05", "0.02"))
    assert slow["1e-9"] is None
    assert (
        f"second best: --rule gd:eta=0.02, {slow['1e-6']} steps to 1e-6, "
        f"{slow['1e-6'] / fast['1e-6']:.3g} times the cost" in text
    )


def test_a_gap_to_its_own_last_step_is_no_reason():
    words = ["x^2", "--start", "x=1e6", "--steps", "10", "--rule", "gd:eta=0.1"]
    assert "gd:eta=0.1, down to J = " in raced(*words)[0]
    assert "10 steps to 1e-9" not in raced(*words)[0]


@pytest.mark.parametrize("rule", ["momentum:beta=0.5", "torch.optim.SGD:momentum=0.5"])
def test_what_is_recommended_can_be_given_and_has_the_same_bits(rule, tmp_path):
    text, first = raced(*BOWL, "--rule", rule, folder=tmp_path)
    (spelled,) = recommended(text)
    _, again = raced(*BOWL, "--rule", spelled, folder=tmp_path)
    ((_, one),) = first["rules"].items()
    ((_, other),) = again["rules"].items()
    assert one["theta"] == other["theta"]


def test_work_is_compared_and_not_steps(tmp_path):
    text, found = raced(*BOWL, "--rule", "scipy:BFGS", "--rule", "newton:eta=1", folder=tmp_path)
    assert found["rules"]["newton"]["steps_to"]["1e-9"] == 1
    assert "--rule newton:eta=1, 1 step and the work of 3 gradients" in text  # 1 and a Hessian of 2
    assert found["rules"]["scipy:BFGS"]["status"] == "converged"


def test_where_no_gap_is_reached_the_lowest_is_recommended():
    text, _ = raced(
        "-x", "--start", "x=0", "--steps", "10", "--rule", "gd:eta=1", "--rule", "gd:eta=2"
    )
    assert "recommended: --rule gd:eta=2, " in text
    text, _ = raced("log(x)", "--start", "x=-1", "--steps", "10", "--rule", "gd")
    assert "no rule met a finite J" in text


# Many starts


def test_many_starts_tell_medians_and_shares(tmp_path):
    words = ["x^4/4 - x^2/2 + 0.3*x", "--starts", "40", "--box", "-2:2", "--seed", "3"]
    words += ["--rule", "gd:eta=0.1", "--rule", "scipy:BFGS", "--steps", "300"]
    text, found = raced(*words, folder=tmp_path)
    starts = so.uniform(-2, 2, size=40, rng=3)
    cost = so.parse(words[0])
    study = so.sweep(cost, so.gd(eta=0.1), starts, 300, record=True)["gd"]
    row = found["rules"]["gd"]
    losses = study["history_loss"].values
    arrived = (losses <= found["measured_from"]["loss"] + 1e-6).any(axis=1)
    assert row["starts"] == 40
    assert row["reached"]["1e-6"] == arrived.mean()
    assert 0.3 < arrived.mean() < 0.9
    first = (losses <= found["measured_from"]["loss"] + 1e-6).argmax(axis=1)[arrived]
    assert row["steps_to"]["1e-6"] == int(np.median(first))
    assert row["final_loss"] == pytest.approx(np.median(losses[:, -1]))
    assert f"({arrived.mean():.0%})" in text
    assert "40 budget spent" in text
    steps = found["rules"]["scipy:BFGS"]["steps_to"]["1e-9"]
    assert re.search(rf"--rule scipy:BFGS, {steps} steps from \d+% of the starts", text)
    assert (tmp_path / "race.png").read_bytes()[:4] == b"\x89PNG"


def test_an_arrival_costs_all_that_was_asked_for_it():
    finish = Finish(
        rule=so.gd,
        losses=np.array([[4.0, 1.0, 0.0], [4.0, 3.0, 2.0]]),
        steps=np.array([0, 1, 2]),
        work=np.array([[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]]),
        spent=np.array([2.0, 2.0]),
        final=np.array([0.0, 2.0]),
        best=np.array([0.0, 2.0]),
        status=["budget spent"] * 2,
        gradients=np.array([2, 2]),
        compile_seconds=0.0,
        run_seconds=0.0,
    )
    assert finish.cost_of(1.0) == 1 + 2  # of one that came in 1, and one that gave up after 2
    assert finish.cost_of(3.0) == (1 + 1) / 2
    assert finish.cost_of(-1.0) == math.inf


def test_a_box_by_names_leaves_the_other_starts_as_they_are(tmp_path):
    words = ["x^2+y^2", "--starts", "5", "--box", "x=1:2", "--start", "y=7", "--rule", "gd:eta=0"]
    _, found = raced(*words, "--steps", "1", folder=tmp_path)
    assert found["params"] == ["y", "x"]
    assert 50 < found["rules"]["gd"]["final_loss"] < 53


def test_batches_follow_the_seed(tmp_path):
    words = ["linear", "--batch", "10", "--steps", "20", "--rule", "gd:eta=0.1", "--seed"]
    losses = [
        raced(*words, seed, folder=tmp_path)[1]["rules"]["gd"]["final_loss"]
        for seed in ("1", "1", "2")
    ]
    assert losses[0] == losses[1] != losses[2]
