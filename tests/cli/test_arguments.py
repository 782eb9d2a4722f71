"""What the shell is given: costs, points, files, boxes, rules; read as meant, or refused in its own words."""

import re
import subprocess
import sys
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import symopt as so
from symopt.cli import arguments
from symopt.cli.app import app, main
from symopt.cli.csv_files import read_array, read_columns
from symopt.cli.messages import in_shell_words
from symopt.cli.problem import Given, read_box, read_problem
from symopt.cli.race import choose_rules
from symopt.cli.rules import import_rules, read_rules

LINE = "sum((a*x[k] + b - y[k])^2, k, 0, m-1)"
OWN_RULES = """import symopt as so
from symopt import adam
@so.rule(m=0)
def mine(theta, m, *, grad, eta=0.01, beta=0.9):
    m = beta*m + (1 - beta)*grad(theta)
    return theta - eta*m, m
clipped = so.clip_norm(so.adam(eta=0.1), 1.0)
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Work in a folder of its own, with some files."""
    files = {
        "line.csv": "\ufeffx,y,who did it\n0,1,Ann\n1,3,\n\n2,5,Bob\n",
        "semicolon.csv": "x;y\n0.5;1\n1;2e0\n",
        "matrix.csv": "1,2\n3,4\n5,6\n",
        "column.csv": "z\n1\n2\n",
        "row.csv": "1,2,3\n",
        "rules.py": OWN_RULES,
    }
    monkeypatch.chdir(tmp_path)
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def said(*words):
    """Run the command and return what it says of a mistake."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", so.SymoptWarning)
        done = CliRunner().invoke(app, list(words))
    assert done.exit_code
    if isinstance(done.exception, SystemExit):
        return done.output.replace("{EXPR}", "EXPR")
    assert isinstance(done.exception, so.SymoptError), done.exception
    return in_shell_words(str(done.exception))


# Costs


@pytest.mark.parametrize(("text", "first"), [("-x^2 + x^4", True), ("-(x-1)*x", False), ("--x^2", True), ("-x", False)])  # fmt: skip
def test_a_cost_may_begin_with_a_minus_sign(text, first):
    words = [text, "--at", "x=-1.5"] if first else ["--at", "x=-1.5", text]
    done = CliRunner().invoke(app, ["check", *words])
    assert not done.exit_code, done.output
    assert f"{so.parse(text).value([-1.5]):.6g}" in done.output


@pytest.mark.parametrize(
    "text", ["linaer", "Iris-Two-Layer", "iris two layer", "logistics", "softmaks", "two.layer"]
)
@pytest.mark.parametrize("start", [[], ["--start", "x=1"]])
def test_a_near_miss_of_a_problem_is_no_expression(text, start):
    text = said("race", text, *start)
    assert "is no problem's name (did you mean '" in text


def test_words_that_are_parameters_are_an_expression():
    cost, point = read_problem(Given(text="linea", start="linea=2"))
    assert cost.value(point) == 2


def test_a_problem_may_begin_elsewhere():
    cost, point = read_problem(Given(text="linear", start="theta=normal(5)", seed=4))
    np.testing.assert_array_equal(point["theta"], np.random.default_rng(4).standard_normal(5))
    assert np.isfinite(cost.value(point))


def test_an_expression_without_a_start_is_told_its_own_names():
    assert "as in --start x=1,y=1" in said("race", "x^2+y^2")
    assert "as in --at x[10]=1" in said("check", "sum(x[i]^2, i, 0, n-1)")


# Points


@pytest.mark.parametrize(
    ("text", "value"),
    [("x=pi/2", np.pi / 2), ("x=-1/3", -1 / 3), ("x=2^-3", 0.125), ("x=sqrt(2)", 2**0.5), ("x=1e-3", 1e-3)],
)  # fmt: skip
def test_a_number_may_be_a_formula(text, value):
    assert arguments.start(text) == {"x": value}


@pytest.mark.parametrize("text", ["x=1_0", "x=١", "x=inf", "x=1e999", "x=y", "x=i", "x=sqrt(-1)", "x=1/0", "x=True", "x=__import__('os')"])  # fmt: skip
def test_what_is_no_number_is_none_although_python_may_take_it(text):
    with pytest.raises(so.RunError, match="number"):
        arguments.start(text)


def test_arrays_are_listed_read_and_drawn():
    point = arguments.start("a=[1,-2.5], B=[[1,2],[3,4]],P=matrix.csv,c=column.csv, k=3", seed=1)
    assert list(point) == ["a", "B", "P", "c", "k"]
    np.testing.assert_array_equal(point["a"], [1, -2.5])
    np.testing.assert_array_equal(point["B"], [[1, 2], [3, 4]])
    np.testing.assert_array_equal(point["P"], [[1, 2], [3, 4], [5, 6]])
    np.testing.assert_array_equal(point["c"], [1, 2])
    drawn = arguments.start("P=normal(7,2),q=0.1*normal(3)", seed=5)
    rng = np.random.default_rng(5)
    np.testing.assert_array_equal(drawn["P"], rng.standard_normal((7, 2)))
    np.testing.assert_array_equal(drawn["q"], 0.1 * rng.standard_normal(3))
    with pytest.raises(so.RunError, match="makes more than"):
        arguments.start("P=normal(99999,99999)")


def test_a_file_is_laid_as_the_cost_takes_it():
    vector, matrix = "sum(x[i]^2, i, 0, n-1)", "sum(sum(W[i,j]^2, j, 0, m-1), i, 0, n-1)"
    for text, start, value in [
        (vector, "x=row.csv", 14),
        (matrix, "W=column.csv", 5),
        (matrix, "W=row.csv", 14),
    ]:
        cost, point = read_problem(Given(text=text, start=start))
        assert cost.value(point) == value
    text = said("race", vector, "--start", "x=matrix.csv")
    assert "x[3,2] has more indices than in the cost" in text
    assert "x is one number in the cost; expected x=1" in said("race", "x^2", "--start", "x[3]=1")


# Data


def test_columns_are_data_by_their_names_and_others_are_left(here):
    cost, point = read_problem(Given(text=LINE, start="a=2,b=1", data=("line.csv",)))
    assert cost.value(point) == 0
    assert sorted(cost.data) == ["x", "y"]
    assert list(read_columns("semicolon.csv", "--data", "y")) == ["y"]
    assert read_array("matrix.csv", "--data").shape == (3, 2)


def test_a_whole_file_is_an_array_and_batches_draw_from_its_rows(here):
    text = "sum((a*X[k,0] - y[k])^2, k, 0, m-1)"
    cost, point = read_problem(Given(text=text, start="a=1", data=("line.csv", "X=matrix.csv")))
    assert cost.value(point) == 0
    words = ["--start", "a=0,b=0", "--data", "line.csv", "--samples", "k", "--batch", "2"]
    words += ["--steps", "20", "--rule", "gd:eta=0.1"]
    done = CliRunner().invoke(app, ["race", f"{LINE}/m", *words], catch_exceptions=False)
    assert "budget spent" in done.output


BAD_FILES = {
    "x,y\n0,1\n1,two\n": "line 3, column y: 'two' is not a finite number",
    "x,y\n0,1\n\n1\n": "line 4 has 1 entries, and the first has 2",
    "x,y\n1,\n": "line 2, column y: nothing is not a finite number",
    "x,y\n1,nan\n": "line 2, column y: 'nan'",
    "x,y\n1,1_0\n": "line 2, column y: '1_0'",
    "x;y\n1,5;2\n": "line 2, column x: '1,5' is not a finite number; a decimal comma is written as a point",
    "1,2\n3,4\n": "line 1 holds numbers; expected the names of the columns",
    "": "is empty",
    "x,y\n": "no numbers below the names",
    "x,x\n1,2\n": "'x' occurs twice in line 1",
    "x,\n1,2\n": "a column has no name",
    "u,v\n1,2\n": "none of its columns u, v occurs in the cost",
}


@pytest.mark.parametrize("content", BAD_FILES, ids=lambda text: repr(text[:12]))
def test_a_file_that_cannot_be_used_is_refused_with_its_place(content, here):
    (here / "bad.csv").write_text(content)
    text = said("race", LINE, "--start", "a=1,b=1", "--data", "bad.csv")
    assert BAD_FILES[content] in text
    assert text.startswith("--data bad.csv")


# Boxes


def test_a_box_is_drawn_for_the_names_that_have_no_value():
    given = Given(text="x^2 + c*y^2", constant="c=3", seed=7)
    cost, starts = read_box(given, 20, "-2:2")
    assert [p.name for p in cost.params] == ["x", "y"]
    np.testing.assert_array_equal(starts.draw(2), so.uniform([-2, -2], [2, 2], 20, 7).draw(2))
    cost, starts = read_box(Given(text="x^2+y^2", start="x=5"), 4, "y=0:1/2")
    drawn = starts.draw(2)
    assert (drawn[:, 0] == 5).all()
    assert ((drawn[:, 1] >= 0) & (drawn[:, 1] <= 0.5)).all()
    cost, starts = read_box(Given(text="sum(x[i]^2,i,0,n-1)+k", start="x[3]=0"), 4, "x=-1:1,k=2:2")
    assert starts.draw(4)[:, 3].tolist() == [2] * 4


# Rules


def test_the_user_s_own_file_has_rules(here):
    own = import_rules("rules.py")
    assert list(own) == ["mine", "clipped"]
    found = read_rules(["mine:beta=0.5", "clipped", "gd"], own)
    assert found["mine"].rule.values["beta"] == 0.5
    assert [one.rate for one in found.values()] == ["eta", "", "eta"]  # clipped says its own
    raced, _ = choose_rules(so.parse("x^2"), everyone=False, own=own)
    assert list(raced) == [*so.optimizers.textbook, "mine", "clipped"]
    words = ["--steps", "9", "--import", "rules.py", "--rule", "mine"]
    done = CliRunner().invoke(app, ["race", "x^2", "--start", "x=1", *words])
    assert "recommended: --rule mine:eta=" in done.output


BAD_RULES = {
    "def f(:\n": "line 1: invalid syntax",
    "x = 1\n1/0\n": "line 2: ZeroDivisionError",
    "x = 1\n": "defines no rule",
    "import sys\nsys.exit(3)\n": "line 2: SystemExit: 3",
    "import symopt as so\n@so.rule\ndef f(theta):\n    return theta, 1\nf.update\n": "f",
}


@pytest.mark.parametrize("content", BAD_RULES, ids=lambda text: repr(text[:12]))
def test_a_file_without_rules_is_refused_with_its_line(content, here):
    (here / "bad.py").write_text(content)
    text = said("race", "x^2", "--start", "x=1", "--import", "bad.py")
    assert text.startswith("--import bad.py")
    assert BAD_RULES[content] in text


def test_methods_of_scipy_and_groups_of_numbers_are_read():
    texts = [
        "SciPy:l-bfgs-b",
        "torch.optim.Adam:betas=(0.8,0.99)",
        "gd:eta=0.1/sqrt(t)",
        "adam:eta=1/8",
    ]
    found = read_rules(texts, {})
    assert list(found) == ["scipy:L-BFGS-B", "torch.optim.Adam", "gd", "adam"]
    assert found["torch.optim.Adam"].rule.values["beta1"] == 0.8
    assert found["adam"].rule.values["eta"] == 0.125
    for text in texts:
        (one,) = read_rules([text], {}).values()
        (again,) = read_rules([one.spelled()], {}).values()
        assert repr(again.rule) == repr(one.rule)


# Words

PYTHON = re.compile(r"\bso\.(?!clip|weight|rule)|params=|data=|start=|record=|steps=|samples=|\bNone\b|\bTrue\b|J\(|\{|Traceback|minimize|sweep")  # fmt: skip
X = ["--start", "x=1"]
WORDS = {
    "expected a whole number from 0": ["x^2", *X, "--steps", "many"],
    "--steps -3: expected": ["x^2", *X, "--steps", "-3"],
    "--batch 0: expected a whole number from 1": ["x^2", *X, "--batch", "0"],
    "--samples k": ["x^2", *X, "--batch", "4", "--rule", "gd"],
    "--tolerance -1: expected a number from 0": ["x^2", *X, "--tolerance", "-1"],
    "--constant a=1": ["x^2 + a", *X],
    "x is a parameter": ["x^2", *X, "--constant", "x=1"],
    "the cost has no constant 'b'": ["x^2 + a", *X, "--constant", "a=1,b=1"],
    "n is a size; expected a whole number": ["sum(x[i],i,0,n-1)", "--start", "x[2]=1", "--constant", "n=2.5"],
    "give X a start, as in --start X[10]=0, or its values, as in --data X=FILE.csv": ["sum(x[i]*X[i],i,0,n-1)", "--start", "x[2]=1"],
    "write it with an index, y[k]": ["sum((a*x[k]-y)^2,k,0,m-1)", "--start", "a=1", "--data", "line.csv"],
    "--minimum 0": ["x^2", *X, "--rule", "polyak_step"],
    "did you mean 'scipy:L-BFGS-B'": ["x^2", *X, "--rule", "lbfgs"],
    "--rule scipy:L-BFGS-B is near to it": ["x^2", *X, "--rule", "torch.optim.LBFGS"],
    "did you mean 'Nelder-Mead'": ["x^2", *X, "--rule", "scipy:nelder"],
    "a method takes no values": ["x^2", *X, "--rule", "scipy:BFGS:gtol=1"],
    "takes gradients over all samples": ["x^2", *X, "--rule", "scipy:BFGS", "--batch", "3"],
    "did you mean 'lr'": ["x^2", *X, "--rule", "torch.optim.Adam:eta=1"],
    "expected true or false": ["x^2", *X, "--rule", "rmsprop:centered=maybe"],
    "a schedule holds t and T only": ["x^2", *X, "--rule", "gd:eta=1/z"],
    "is more than one number": ["x^2", *X, "--rule", "gd:eta=[0.1,0.2]"],
    "a number, or a schedule in t": ["x^2", *X, "--rule", "gd:eta=none"],
    "--import": ["x^2", *X, "--rule", "gd:weight_decay=0.1"],
    "'gd' is given twice": ["x^2", *X, "--rule", "gd", "--rule", "gd"],
    "symopt show lists the rules": ["x^2", *X, "--rule", "whatever"],
    "say where they lie, as in --box -2:2": ["x^2", "--starts", "3"],
    "as in --starts 100": ["x^2", "--box", "-2:2"],
    "expected the lower one first": ["x^2", "--starts", "3", "--box", "2:-2"],
    "expected the lowest and the highest value": ["x^2", "--starts", "3", "--box", "2"],
    "say how long it is, as in --start x[10]=0": ["sum(x[i],i,0,n-1)", "--starts", "3", "--box", "0:1"],
    "--seed -1: expected a whole number": ["x^2", *X, "--seed", "-1"],
    "missing.csv cannot be read": ["x^2", "--start", "x=missing.csv"],
    "expected a file that ends in .csv": ["x^2", *X, "--data", "rules.py"],
    "expected numbers in brackets": ["x^2", "--start", "x=[1,a]"],
    "the problem linear has its own": ["linear", "--data", "line.csv"],
    "there is no such file": ["x^2", *X, "--import", "nothing.py"],
    "expected commas between the names": ["x^2+y^2", "--start", "x=1;y=2"],
    "a colon before its values, as in adam:eta=0.02": ["x^2", *X, "--rule", "adam(eta=0.1)"],
    "did you mean 'adam'": ["x^2", *X, "--rule", "symopt.adam"],
    "--rule scipy:Newton-CG is near to it": ["sum(x[i]^2,i,0,n-1)", "--start", "x[101]=1", "--rule", "newton"],
    "No such option: --strat": ["x^2", *X, "--strat", "x=1"],
}  # fmt: skip


@pytest.mark.parametrize("words", WORDS, ids=lambda text: text[:24])
def test_mistakes_are_told_in_the_words_of_the_shell(words):
    text = said("race", *WORDS[words])
    assert words in text
    assert not PYTHON.search(text), text


def test_the_version_is_an_option():
    assert CliRunner().invoke(app, ["--version"]).output == f"symopt {so.__version__}\n"


@pytest.mark.parametrize("columns", [80, 140])
@pytest.mark.parametrize("command", ["race", "check", "show", "docs", "config", "problems", "experiments", "experiments run", ""])  # fmt: skip
def test_paragraphs_of_help_are_filled_to_the_width(command, columns, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "argv", ["symopt", *command.split(), "--help"])
    with pytest.raises(SystemExit):
        main()
    text = capsys.readouterr().out
    widest = min(columns, 100)
    lines = text.splitlines()
    assert max(map(len, lines)) <= widest
    assert not re.search(r"<\w+>|list\[", text)  # types of Python
    for line, after in pairwise(lines):
        inside = line.startswith("  ") and after.startswith("  ") and not after.startswith("  -")
        if inside and len(line) - len(line.lstrip()) == len(after) - len(after.lstrip()):
            assert len(line) + 1 + len(after.split()[0]) > widest - 3 or "  " in line.strip(), line


def test_a_warning_is_a_line_of_the_command_and_no_fault_shows_python(monkeypatch, capsys):
    words = ["symopt", "race", "x^2", "--start", "x=1", "--rule", "gd:eta=-0.1", "--steps", "2"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit):
        main()
    assert "symopt: gd(eta=-0.1): a negative eta climbs J" in capsys.readouterr().err
    monkeypatch.setattr("symopt.cli.race_command.read_problem", lambda given: 1 / 0)
    with pytest.raises(SystemExit) as end:
        main()
    told = capsys.readouterr().err
    assert end.value.code == 70
    assert told.startswith("symopt: this is a fault of symopt itself (ZeroDivisionError")
    file = re.search(r"the file (\S+)", told)[1]
    assert "ZeroDivisionError" in Path(file).read_text()
    Path(file).unlink()


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of a POSIX shell")
def test_a_reader_that_has_seen_enough_ends_the_command_quietly():
    done = subprocess.run(
        f"{sys.executable} -m symopt show | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("gd ")
    assert not done.stderr
