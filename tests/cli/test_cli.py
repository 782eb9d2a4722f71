"""The command, as a user types it."""

import json
import math
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import numpy as np
import pytest

import symopt as so
from symopt.cli import race as racing
from symopt.cli.app import main
from symopt.cli.arguments import start as read_start
from symopt.cli.race_picture import picture
from symopt.cli.race_rows import Finish
from symopt.cli.rules import entrant
from symopt.runs.interrupt import Stop

ROSENBROCK = "100*(y-x^2)^2+(1-x)^2"


def symopt(*words, code=0):
    """Run the command, in this process, and return what it printed."""
    with (
        pytest.MonkeyPatch.context() as patched,
        redirect_stdout(StringIO()) as out,
        redirect_stderr(StringIO()) as err,
    ):
        patched.setattr(sys, "argv", ["symopt", *words])
        with pytest.raises(SystemExit) as end:
            main()
    assert (end.value.code or 0) == code, err.getvalue()
    return err.getvalue() if code else out.getvalue()


def process(*words, code=0):
    """Run the command in a process of its own and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "symopt", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stderr if code else done.stdout


def test_race(tmp_path):
    out = tmp_path / "new" / "folder"
    rules = [
        "--rule",
        "adam:eta=0.02",
        "--rule",
        "nesterov:eta=1e-3,beta=0.9",
        "--rule",
        "gd:eta=1",
    ]
    text = process(
        "race", ROSENBROCK, "--start", "x=-1.2,y=1", *rules, "--steps", "5000", "--out", str(out)
    )
    assert all(
        word in text for word in ("adam", "nesterov", "diverged", "budget spent", "race.png")
    )
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
    rules = [
        "--rule",
        "gd:eta=0.1/sqrt(t)",
        "--rule",
        "gd:eta=0.1",
        "--rule",
        "rmsprop:centered=true",
    ]
    symopt(
        "race",
        "kappa*x^2",
        "--start",
        "x=2",
        "--constant",
        "kappa=3",
        *rules,
        "--steps",
        "100",
        "--out",
        str(tmp_path),
    )
    found = json.loads((tmp_path / "race.json").read_text())["rules"]
    assert list(found) == ["gd:eta=0.1/sqrt(t)", "gd:eta=0.1", "rmsprop"]
    assert found["gd:eta=0.1"]["theta"][0] == pytest.approx(2 * 0.4**100)
    assert "centered=True" in found["rmsprop"]["rule"]


def test_losses_that_are_no_numbers_are_null_in_json(tmp_path):
    symopt(
        "race",
        "log(x)",
        "--start",
        "x=1",
        "--rule",
        "gd:eta=3",
        "--steps",
        "10",
        "--out",
        str(tmp_path),
    )
    row = json.loads(
        (tmp_path / "race.json").read_text(), parse_constant=lambda word: pytest.fail(word)
    )["rules"]["gd"]
    assert row["final_loss"] is None
    assert row["status"] == "non-finite"
    assert math.isfinite(row["theta"][0])


# Starts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x=-1.2,y=1", {"x": -1.2, "y": 1.0}),
        (" x = 1e-3 , y=2,", {"x": 1e-3, "y": 2.0}),
        ("x[3]=-1.2", {"x": np.full(3, -1.2)}),
        ("W[2,3]=0.5", {"W": np.full((2, 3), 0.5)}),
        (
            " W [ 2 , 3 ] = 0.5 , x[1]=4,k=-1",
            {"W": np.full((2, 3), 0.5), "x": np.full(1, 4.0), "k": -1.0},
        ),
        ("k=2,x[100000]=0", {"k": 2.0, "x": np.zeros(100_000)}),
        ("x[007]=1", {"x": np.ones(7)}),
    ],
)
def test_a_start_is_numbers_and_arrays(text, expected):
    start = read_start(text)
    assert list(start) == list(expected)
    for name, value in expected.items():
        assert np.ndim(start[name]) == np.ndim(value)
        np.testing.assert_array_equal(start[name], value)
        assert not np.ndim(value) or start[name].dtype == np.float64


WRONG_STARTS = {
    "x[0]=1": "whole numbers from 1", "x[-3]=1": "whole numbers from 1", "x[2.5]=1": "whole numbers from 1",
    "x[1e3]=1": "whole numbers from 1", "x[n]=1": "whole numbers from 1", "x[]=1": "whole numbers from 1", "x[3,]=1": "from 1",
    "x[3,0]=1": "from 1", "x[2,2,2]=1": "one count in the brackets or two", "x[3=1": "from 1", "x[3]]=1": "from 1", "x[²]=1": "from 1",
    "x[3][4]=1": "from 1", "x[3]y=1": "from 1", "x[+3]=1": "from 1", "x[3]": "cannot read 'x[3]'", "x[3]=one": "'one' is not a number", "x[2,3]=": "cannot read",
    "x[3]=nan": "not a finite number", "x[3]=1,x[3]=2": "given twice", "x[3]=1,x[4]=2": "x is given twice", "x=1,x[4]=2": "x is given twice",
    "x[100000001]=1": "more than 100000000 numbers", "x[20000,20000]=1": "more than 100000000", "x[" + "9" * 5000 + "]=1": "more than",
    "x[99999999]=1,y[2]=1": "'y[2]' makes more than", "": "--start is empty", " , ": "--start is empty", "x[3,y=1": "from 1",
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG_STARTS, ids=lambda text: text[:20])
def test_a_start_that_is_none_is_refused(text, monkeypatch):
    monkeypatch.setattr(np, "full", lambda shape, value: np.broadcast_to(value, shape))
    with pytest.raises(so.RunError, match="--start") as caught:
        read_start(text)
    assert WRONG_STARTS[text] in str(caught.value)


def test_the_budget_shrinks_with_the_parameters():
    assert [racing.budget(n) for n in (1, 10_000, 10_001, 100_000, 250_000, 10**8)] == [
        5000,
        5000,
        4999,
        500,
        200,
        200,
    ]
    assert [racing.recorded_steps(n) for n in (1, 100)] == [True, True]
    assert [racing.recorded_steps(n) for n in (101, 20_000, 100_000, 10**8)] == [
        1000,
        1000,
        1000,
        1000,
    ]
    assert racing.size_of_start([1.0, 2.0]) == 2
    assert racing.size_of_start(read_start("x[3]=1,W[2,5]=1,k=1")) == 14


def test_a_row_of_a_run_that_recorded_some_steps():
    size = 101
    cost = so.parse("+".join(f"x{k}^2" for k in range(size)))
    run = so.minimize(cost, so.gd(eta=0.1), [1.0] * size, 200, record=20)
    finish = Finish.of(run, run.rule)
    row = finish.row(0.0)
    assert row["theta"] is None
    reached = row["steps_to"]["1e-6"]
    assert reached in run.recorded
    assert (
        cost.value([0.8**reached] * size)
        <= 1e-6
        < cost.value([0.8 ** run.recorded[run.recorded < reached][-1]] * size)
    )
    zero = racing.Zero(0.0, True, 0.0)
    assert picture({"gd": run}, {"gd": finish}, zero)[:4] == b"\x89PNG"


def test_rates_of_many_parameters_are_tuned_on_the_budget_only(monkeypatch):
    asked = []

    def tune(cost, makers, start, steps, per_decade, **options):
        asked.append((per_decade, steps))
        raise InterruptedError

    monkeypatch.setattr(racing, "tune", tune)
    rules = {"gd": entrant("gd", so.gd)}
    for start in ([1.0] * 1000, {"x": np.ones(20_000)}, {"x": np.ones((1000, 1000)), "k": 1.0}):
        with pytest.raises(InterruptedError):
            racing.Race(None, start, 9000, rules).run(Stop())
    assert asked == [(6, 9000), (2, 2500), (2, 200)]


# Sums

CHAIN = "sum(100*(x[i+1]-x[i]^2)^2 + (1-x[i])^2, i, 0, n-2)"


def test_race_on_a_sum(tmp_path):
    rules = ["--rule", "adam:eta=0.02", "--rule", "gd:eta=1e-3"]
    symopt("race", CHAIN, "--start", "x[4]=-1.2", *rules, "--steps", "3000", "--out", str(tmp_path))
    found = json.loads((tmp_path / "race.json").read_text())
    assert found["params"] == ["x"]
    assert len(found["rules"]["adam"]["theta"]) == 4
    assert (
        found["rules"]["gd"]["gradient_evaluations"]
        == found["rules"]["adam"]["gradient_evaluations"]
        == 3000
    )
    losses = [found["rules"][name]["final_loss"] for name in ("adam", "gd")]
    points = [np.array(found["rules"][name]["theta"]) for name in ("adam", "gd")]
    wanted = [float(np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)) for x in points]
    assert losses == pytest.approx(wanted, rel=1e-9, abs=1e-25)


ALL_SEVEN = ["gd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "nadam"]


@pytest.mark.parametrize(
    ("size", "asked", "steps", "names"),
    [(20_000, ["--steps", "100", "--rule", "adam"], 100, ["adam"]),
     pytest.param(100_000, [], 500, ALL_SEVEN, marks=pytest.mark.slow)],
)  # fmt: skip
def test_race_on_a_sum_of_many_parameters(size, asked, steps, names, tmp_path):
    symopt("race", CHAIN, "--start", f"x[{size}]=-1.2", *asked, "--out", str(tmp_path))
    found = json.loads((tmp_path / "race.json").read_text())["rules"]
    assert list(found) == names
    assert all(row["theta"] is None for row in found.values())
    assert found["adam"]["gradient_evaluations"] == steps
    assert found["adam"]["final_loss"] < 0.1 * (size - 1) * (100 * 2.64**2 + 2.2**2)
    assert (tmp_path / "race.json").stat().st_size < 10_000


def test_race_on_arrays_of_two_indices_and_numbers(tmp_path):
    text = "sum(sum((W[i,j] - k*i)^2, j, 0, m-1), i, 0, n-1)/n + (k - 2)^2"
    symopt(
        "race",
        text,
        "--start",
        "W[2,3]=0.5,k=1",
        "--rule",
        "gd:eta=0.1",
        "--steps",
        "3000",
        "--out",
        str(tmp_path),
    )
    found = json.loads((tmp_path / "race.json").read_text())
    assert found["params"] == ["W", "k"]
    assert found["rules"]["gd"]["theta"] == pytest.approx([0, 0, 0, 2, 2, 2, 2], abs=1e-5)


def test_race_on_an_array_of_two_numbers_draws_what_it_can(tmp_path):
    symopt(
        "race",
        "sum(x[i]^2, i, 0, n-1)",
        "--start",
        "x[2]=1",
        "--rule",
        "gd",
        "--steps",
        "20",
        "--out",
        str(tmp_path),
    )
    assert (tmp_path / "race.png").read_bytes()[:4] == b"\x89PNG"


def test_check_shows_digits_and_exits_with_1_where_they_do_not_hold():
    text = symopt("check", ROSENBROCK, "--at", "x=-1.2,y=1")
    assert all(
        word in text for word in ("dJ/dx", "-215.59999999999994", "d2J/dxdy", "exact", "all hold")
    )
    done = subprocess.run(
        [sys.executable, "-m", "symopt", "check", "kappa*(x-sin(x))", "--at", "x=1e-12", "--constant", "kappa=2"],
        capture_output=True, text=True, check=False, env=os.environ,
    )  # fmt: skip
    assert done.returncode == 1
    assert "(x - sin(x)) loses 16.0 digits" in " ".join(done.stdout.split())
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert not done.stderr


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
        word in text
        for word in (
            "numba",
            "sympy",
            "cache",
            os.environ["SYMOPT_CACHE"],
            "vectorise",
            "ns a step",
        )
    )


EXPERIMENT = '''"""Small: a small experiment."""
from symopt.harness import Outcome, Row
CLAIM = "Two is [bold]two[/bold]."
def theory(): return {}
def run(quick=False): return Outcome([Row("two [1]", 2, 2.0 if quick else 3.0)])
def plot(outcome): return {}
'''


def test_experiments_are_listed_and_run(tmp_path):
    (tmp_path / "small.py").write_text(EXPERIMENT)
    (tmp_path / "lame.py").write_text('"""Lame."""')
    listed = symopt("experiments", "--from", str(tmp_path))
    assert "small                  Two is [bold]two[/bold].\n" in listed
    assert "lacks CLAIM, theory, run, plot" in listed
    out = tmp_path / "new" / "out"
    words = ["experiments", "run", "small", "--from", str(tmp_path), "--out", str(out)]
    text = symopt(*words, "--quick")
    assert all(
        word in text
        for word in ("two [1]", "agrees", "1 claim: 1 agrees", "report.html", "results.json")
    )
    assert "\x1b" not in text
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "results.json"]
    assert json.loads((out / "results.json").read_text())[0]["verdict"] == "agrees"
    assert "1 failed" in symopt(*words)  # a claim that fails is a result
    (tmp_path / "small.py").write_text(EXPERIMENT.replace("2.0 if quick", "1 / 0 if quick"))
    assert "symopt: small: run() failed: ZeroDivisionError" in symopt(*words, "--quick", code=1)


def test_symopts_own_experiments_are_whole():
    listed = symopt("experiments")
    assert "terminal_velocity      Under a constant gradient" in listed
    assert "[" not in listed  # a fault


def test_no_progress_bar_and_no_colour_where_no_terminal_is():
    text = process("race", "x^2", "--start", "x=1", "--rule", "gd", "--steps", "10")
    assert "\x1b" not in text
    assert "━" not in text


BAD = {
    "unknown rule": (["race", "x^2", "--start", "x=1", "--rule", "adm"], "did you mean 'adam'"),
    "unknown hyperparameter": (
        ["race", "x^2", "--start", "x=1", "--rule", "adam:lr=1"],
        "no hyperparameter 'lr'",
    ),
    "no value": (["race", "x^2", "--start", "x=1", "--rule", "adam:eta"], "expected name=value"),
    "value that is none": (
        ["race", "x^2", "--start", "x=1", "--rule", "adam:eta=__import__('os')"],
        "not a real number",
    ),
    "schedule of something else": (
        ["race", "x^2", "--start", "x=1", "--rule", "adam:eta=1/z"],
        "t and T only, not z",
    ),
    "count that is none": (["race", "x^2", "--start", "x[0]=1"], "whole numbers from 1"),
    "index that is unknown": (
        ["race", "sum(x[i+k]^2, i, 0, n-1)", "--start", "x[3]=1"],
        "k in 'x[i + k]' is neither the index",
    ),
    "hostile": (
        ["race", "__import__('os').system('x')", "--start", "x=1"],
        "not allowed in a cost",
    ),
    "start without a name": (["race", "x^2", "--start", "1"], "expected name=number"),
    "start that is none": (["race", "x^2", "--start", "x=one"], "'one' is not a number"),
    "start not finite": (["race", "x^2", "--start", "x=nan"], "not a finite number"),
    "empty start": (["race", "x^2", "--start", ""], "--start is empty"),
    "no such problem": (["race", "iris_two_layr"], "did you mean 'iris_two_layer'"),
    "another parameter": (["race", "x^2", "--start", "y=1"], "'y' does not occur"),
    "missing constant": (["race", "x^2 + a", "--start", "x=1"], "says nothing of a"),
    "negative steps": (
        ["race", "x^2", "--start", "x=1", "--steps", "-3"],
        "--steps -3: expected a whole number from 0",
    ),
    "unwritable folder": (
        ["race", "x^2", "--start", "x=1", "--rule", "gd", "--out", "/proc/nowhere"],
        "cannot be written",
    ),
    "unknown to show": (["show", "nesterof"], "did you mean 'nesterov'"),
    "no such experiment": (
        ["experiments", "run", "terminal_velocty"],
        "did you mean 'terminal_velocity'",
    ),
    "no folder of experiments": (["experiments", "--from", "nowhere"], "no folder nowhere"),
    "a parameter without a value to check": (
        ["check", "x*z", "--at", "x=1"],
        "--at 'x=1' says nothing of z",
    ),
    "a point of no number": (["check", "x", "--at", "x=q"], "'q' is not a number"),
    "a point of another parameter": (
        ["check", "x", "--at", "w=1"],
        "the parameter 'w' does not occur",
    ),
    "a point that is given twice": (["check", "x", "--at", "x=1,x=2"], "x is given twice"),
    "a point that is not finite": (
        ["check", "x", "--at", "x=nan"],
        "'nan' is not a finite number",
    ),
    "no experiments in it": (
        ["experiments", "run", "all", "--from", "/proc/self/fd"],
        "holds no experiments",
    ),
    "unwritable report": (
        ["experiments", "run", "terminal_velocity", "--quick", "--out", "/proc/nowhere"],
        "--out /proc/nowhere: cannot be written",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_is_one_line_and_exit_code_2(case):
    words, message = BAD[case]
    text = symopt(*words, code=2)
    assert message in text
    assert len(text.strip().splitlines()) == 1
    assert "Traceback" not in text


def test_a_mistake_ends_a_process_with_2():
    words, message = BAD["hostile"]
    text = process(*words, code=2)
    assert text.startswith("symopt: ")
    assert message in text


def test_usage_mistakes_exit_with_2_too():
    symopt("race", code=2)
    symopt("rase", code=2)
    symopt("race", "x^2", "--start", "x=1", "--steps", "many", code=2)
    symopt("experiments", "run", code=2)
