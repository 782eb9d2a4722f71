"""The command, as a user types it."""

import json
import math
import os
import subprocess
import sys

import pytest

ROSENBROCK = "100*(y-x^2)^2+(1-x)^2"


def symopt(*words, code=0, **env):
    """Run the command in a process of its own and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "symopt", *words],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stderr if code else done.stdout


def test_race(tmp_path):
    out = tmp_path / "new" / "folder"
    rules = ["--rule", "adam:eta=0.02", "--rule", "nesterov:eta=1e-3,beta=0.9", "--rule", "gd:eta=1"]
    text = symopt("race", ROSENBROCK, "--start", "x=-1.2,y=1", *rules, "--steps", "5000", "--out", str(out))
    assert all(word in text for word in ("adam", "nesterov", "diverged", "budget spent", "race.png"))
    found = json.loads((out / "race.json").read_text())
    assert found["cost"] == ROSENBROCK
    assert list(found["rules"]) == ["adam", "nesterov", "gd"]
    row = found["rules"]["nesterov"]
    assert row["theta"] == pytest.approx([1, 1], abs=1e-6)
    assert row["final_loss"] < 1e-12
    assert row["best_loss"] <= row["final_loss"]
    assert row["gradient_evaluations"] == 5000
    assert row["status"] == "budget spent"
    assert row["reason"] == "all 5000 steps made"
    assert 0 < row["steps_to"]["1e-3"] < row["steps_to"]["1e-6"] < row["steps_to"]["1e-9"] <= 5000
    assert row["compile_seconds"] >= 0
    assert row["run_seconds"] > 0
    assert found["rules"]["gd"]["status"] == "diverged"
    assert found["rules"]["gd"]["steps_to"]["1e-3"] is None
    assert (out / "race.png").read_bytes()[:4] == b"\x89PNG"
    assert sorted(path.name for path in out.iterdir()) == ["race.json", "race.png"]


def test_race_without_rules_runs_all_with_tuned_rates(tmp_path):
    symopt("race", "x^2 + 10*y^2", "--start", "x=1,y=-1", "--steps", "300", "--out", str(tmp_path))
    found = json.loads((tmp_path / "race.json").read_text())["rules"]
    assert list(found) == ["gd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "nadam"]
    assert all(row["final_loss"] < 1e-3 for row in found.values())


def test_race_with_constants_one_parameter_a_schedule_and_the_same_rule_twice(tmp_path):
    rules = ["--rule", "gd:eta=0.1/sqrt(t)", "--rule", "gd:eta=0.1", "--rule", "rmsprop:centered=true"]
    symopt(
        "race", "kappa*x^2", "--start", "x=2", "--constant", "kappa=3", *rules, "--steps", "100", "--out", str(tmp_path)
    )
    found = json.loads((tmp_path / "race.json").read_text())["rules"]
    assert list(found) == ["gd:eta=0.1/sqrt(t)", "gd:eta=0.1", "rmsprop"]
    assert found["gd:eta=0.1"]["theta"][0] == pytest.approx(2 * 0.4**100)
    assert "centered=True" in found["rmsprop"]["rule"]


def test_losses_that_are_no_numbers_are_null_in_json(tmp_path):
    symopt("race", "log(x)", "--start", "x=1", "--rule", "gd:eta=3", "--steps", "10", "--out", str(tmp_path))
    row = json.loads((tmp_path / "race.json").read_text(), parse_constant=lambda word: pytest.fail(word))["rules"]["gd"]
    assert row["final_loss"] is None
    assert row["status"] == "non-finite"
    assert math.isfinite(row["theta"][0])


def test_show():
    text = symopt("show", "nesterov")
    assert "Nesterov 1983" in text
    assert "m' = beta*m - eta*grad(beta*m + theta)" in text
    assert "beta = 0.9" in text
    listed = symopt("show")
    assert all(name in listed for name in ("gd ", "nadam"))


def test_config():
    text = symopt("config")
    assert all(
        word in text for word in ("numba", "sympy", "cache", os.environ["SYMOPT_CACHE"], "vectorise", "ns a step")
    )


def test_no_progress_bar_and_no_colour_where_no_terminal_is():
    text = symopt("race", "x^2", "--start", "x=1", "--rule", "gd", "--steps", "10")
    assert "\x1b" not in text
    assert "━" not in text


BAD = {
    "unknown rule": (["race", "x^2", "--start", "x=1", "--rule", "adma"], "did you mean 'adam'"),
    "unknown hyperparameter": (["race", "x^2", "--start", "x=1", "--rule", "adam:lr=1"], "no hyperparameter 'lr'"),
    "no value": (["race", "x^2", "--start", "x=1", "--rule", "adam:eta"], "expected name=value"),
    "value that is none": (
        ["race", "x^2", "--start", "x=1", "--rule", "adam:eta=__import__('os')"],
        "not a real number",
    ),
    "schedule of something else": (
        ["race", "x^2", "--start", "x=1", "--rule", "adam:eta=1/z"],
        "so.t and so.T only, not z",
    ),
    "hostile": (["race", "__import__('os').system('x')", "--start", "x=1"], "not allowed in a cost"),
    "start without a name": (["race", "x^2", "--start", "1"], "expected name=number"),
    "start that is none": (["race", "x^2", "--start", "x=one"], "expected name=number"),
    "start not finite": (["race", "x^2", "--start", "x=nan"], "not a finite number"),
    "empty start": (["race", "x^2", "--start", ""], "expected name=number"),
    "another parameter": (["race", "x^2", "--start", "y=1"], "'y' does not occur"),
    "missing constant": (["race", "x^2 + a", "--start", "x=1"], "missing: a"),
    "negative steps": (["race", "x^2", "--start", "x=1", "--steps", "-3"], "steps=-3"),
    "unwritable folder": (
        ["race", "x^2", "--start", "x=1", "--rule", "gd", "--out", "/proc/nowhere"],
        "cannot be written",
    ),
    "unknown to show": (["show", "nesterof"], "did you mean 'nesterov'"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_is_one_line_and_exit_code_2(case):
    words, message = BAD[case]
    text = symopt(*words, code=2)
    assert message in text
    assert len(text.strip().splitlines()) == 1
    assert "Traceback" not in text


def test_usage_mistakes_exit_with_2_too():
    symopt("race", code=2)
    symopt("rase", code=2)
    symopt("race", "x^2", "--start", "x=1", "--steps", "many", code=2)
