"""The registry: order, names, and rules of installed packages."""

import importlib
import sys

import pytest
from typer.testing import CliRunner

import symopt as so
from symopt.cli.app import app
from symopt.cli.race import choose_rules
from symopt.optim import registry

PACKAGE = '''
import symopt as so

@so.rule()
def brave(theta, *, grad, eta=0.5):
    """Brave descent (Somebody 2026).

    theta <- theta - 2*eta*g.

    Examples
    --------
    >>> 1 + 1
    2
    """
    return theta - 2*eta*grad(theta)

NO_RULE = 3
'''


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Lay a package with entry points where installed packages are found, and start with a new registry."""
    (tmp_path / "brave_rules.py").write_text(PACKAGE)
    info = tmp_path / "brave_rules-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brave-rules\nVersion: 1.0\n")

    def points(*lines):
        (info / "entry_points.txt").write_text("\n".join(["[symopt.rules]", *lines, ""]))
        monkeypatch.syspath_prepend(str(tmp_path))
        importlib.invalidate_caches()
        so.optimizers.__dict__.pop("_rules", None)

    yield points
    sys.modules.pop("brave_rules", None)
    so.optimizers.__dict__.pop("_rules", None)


def test_a_rule_of_an_installed_package_is_known_everywhere(installed):
    installed("brave = brave_rules:brave")
    assert so.optimizers["brave"](eta=0.25).values == {"eta": 0.25}
    assert so.optimizers.brave is so.optimizers["brave"]
    assert "brave" in registry.compared_rules()
    assert so.minimize(so.parse("(x-3)^2"), "brave", [1.0], 1).theta[0] == 5.0
    shown = CliRunner().invoke(app, ["show", "brave"]).stdout
    assert "theta' = -2*eta*grad(theta) + theta" in shown
    assert "below eta = 1/lambda" in shown
    assert "Brave descent (Somebody 2026)." in CliRunner().invoke(app, ["show"]).stdout
    raced = CliRunner().invoke(app, ["race", "x^2", "--start", "x=1", "--steps", "20"])
    assert "brave" in raced.stdout


def test_one_of_its_own_name_stays_ours(installed):
    installed("adam = brave_rules:brave")
    with pytest.warns(so.SymoptWarning, match="symopt has a rule of this name"):
        assert so.optimizers["adam"] is so.adam


@pytest.mark.parametrize(
    ("line", "words"),
    [("no = brave_rules:NO_RULE", "is a int, expected a rule"), ("no = brave_rules:missing", "is left out"),
     ("no = not_there:rule", "No module named 'not_there'")],
)  # fmt: skip
def test_what_cannot_be_loaded_is_left_out_with_a_warning(installed, line, words):
    installed(line)
    with pytest.warns(so.SymoptWarning, match=words):
        assert "no" not in list(so.optimizers)
    assert "adam" in so.optimizers


def test_the_textbook_s_rules_come_first_and_are_raced():
    names = ["gd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "nadam"]
    assert (
        list(so.optimizers)[:7]
        == list(so.optimizers.textbook)
        == list(registry.compared_rules())
        == names
    )
    assert set(dir(so.optimizers)) > set(so.optimizers)
    assert "optimizers: gd, momentum" in repr(so.optimizers)
    with pytest.raises(AttributeError):
        so.optimizers.adm


def test_all_rules_but_those_whose_needs_the_cost_lacks_are_in_the_race():
    chosen, left_out = choose_rules(so.parse("exp(x) - x"), everyone=True)
    assert {"schedule_free_adamw", "triple_momentum", "newton"} <= set(chosen)
    assert any("without polyak_step: it needs the smallest value of J" in one for one in left_out)
    assert set(so.optimizers) - set(chosen) == {
        "polyak_step",
        "gauss_newton",
        "levenberg_marquardt",
    }


@pytest.mark.slow
def test_a_race_of_all_rules_leaves_out_what_the_cost_lacks():
    raced = CliRunner().invoke(
        app, ["race", "exp(x) - x", "--start", "x=1", "--steps", "20", "--all"]
    )
    assert all(
        name in raced.stdout for name in ("schedule_free_adamw", "triple_momentum", "newton")
    )
    text = " ".join(raced.stdout.split())
    assert "without polyak_step: it needs the smallest value of J" in text
    assert "without gauss_newton: it needs a cost that is written as a sum of squares" in text
    both = CliRunner().invoke(app, ["race", "x^2", "--start", "x=1", "--all", "--rule", "gd"])
    assert "--all and --rule do not go together" in str(both.exception)
