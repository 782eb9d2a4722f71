"""Experiments are found, and what their files claim is read without running them."""

from pathlib import Path

import pytest

import symopt as so
from symopt.harness import discovery, execute


def test_a_file_is_read_without_being_run(write):
    one = discovery.read(
        write("bomb", claim='("Two " \n "is two.")', top='raise SystemExit("was run")')
    )
    assert (one.name, one.title, one.claim, one.fault) == (
        "bomb",
        "Small: a small experiment.",
        "Two is two.",
        "",
    )
    assert one.source.startswith('"""Small')


def test_a_folder_lists_its_python_files(samples):
    for name in ("_helper.py", ".hidden.py", "notes.txt"):
        (samples / name).write_text("")
    (samples / "speed").mkdir()
    (samples / "speed" / "bench.py").write_text("")
    assert list(discovery.experiments(samples)) == ["agrees", "crashes", "fails", "odd"]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"""Small: a small experiment.', '"""', "lacks a docstring"),
        ("CLAIM =", "CLAIMS =", "lacks CLAIM"),
        ("def plot", "def plots", "lacks plot"),
        ("def run", "def walk", "lacks run"),
        ("def theory", "def theories", "lacks theory"),
        ('"Two is two."', '["Two"]', "CLAIM that is no plain text"),
        ('"Two is two."', 'f"{2}"', "CLAIM that is no plain text"),
        ('"Two is two."', '" "', "CLAIM that is no plain text"),
        ("def run", "def run(", "cannot be read"),
        ("def run", "\0", "cannot be read"),
    ],
)
def test_what_a_file_lacks_is_named(write, old, new, fault):
    path = write("lame")
    text = path.read_text().replace(old, new)
    path.write_text(text.replace("\nMore about it.\n", "") if "docstring" in fault else text)
    assert fault in discovery.read(path).fault
    with pytest.raises(so.RunError, match=r"lame\.py") as caught:
        discovery.choose(["lame"], path.parent)
    assert fault in str(caught.value)


def test_bytes_that_are_no_text(write):
    path = write("latin")
    path.write_bytes('"""é"""'.encode("latin-1"))
    assert "cannot be read" in discovery.read(path).fault


def test_parts_may_be_assigned_annotated_or_imported(write):
    path = write("other")
    text = path.read_text().replace("CLAIM =", "CLAIM: str =").replace("def plot", "def draw")
    path.write_text(text + "\nplot = draw\n")
    assert not discovery.read(path).fault
    path.write_text(text + "\nfrom somewhere import plot\n")
    assert not discovery.read(path).fault


def test_names_are_chosen_once_in_their_order(samples):
    assert [one.name for one in discovery.choose(["odd", "agrees", "odd"], samples)] == [
        "odd",
        "agrees",
    ]
    assert len(discovery.choose(["odd", "all"], samples)) == 4


def test_one_bad_file_hinders_only_itself(samples):
    (samples / "bad.py").write_text("")
    assert discovery.choose(["odd"], samples)
    with pytest.raises(so.RunError, match=r"bad\.py lacks"):
        discovery.choose(["bad"], samples)
    found = {
        one.name: execute(one, quick=True)
        for one in discovery.choose(["all"], samples)
        if one.name in ("bad", "agrees")
    }
    assert found["agrees"].rows[0].verdict == "agrees"
    assert [row.verdict for row in found["bad"].rows] == ["not measured"]
    assert "lacks a docstring, CLAIM" in found["bad"].rows[0].note


def test_what_does_not_exist_is_named(samples, tmp_path):
    with pytest.raises(so.RunError, match="did you mean 'agrees'"):
        discovery.choose(["agres"], samples)
    with pytest.raises(so.RunError, match="known: agrees, crashes, fails, odd"):
        discovery.choose(["zzz"], samples)
    with pytest.raises(so.RunError, match=r"no folder .*nowhere.*--from"):
        discovery.folder(tmp_path / "nowhere")
    with pytest.raises(so.RunError, match="holds no experiments"):
        discovery.choose(["all"], tmp_path)


def test_where_experiments_lie(monkeypatch, tmp_path):
    checkout = Path(so.__file__).parent.parent / "experiments"
    if checkout.is_dir():
        assert discovery.folder() == checkout
    package = tmp_path / "site-packages" / "symopt"
    monkeypatch.setattr(so, "__file__", str(package / "__init__.py"))
    with pytest.raises(so.RunError, match="no folder"):
        discovery.folder()
    foreign, own = package.parent / "experiments", package / "experiments"
    foreign.mkdir(parents=True)
    own.mkdir(parents=True)
    assert discovery.folder() == own  # not what some other package left beside it


def test_modules_have_names_of_their_own(write):
    top = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass One:\n    a: int = 1"
    path = write("json")  # a name that the library has
    path.write_text(path.read_text().replace("import sympy", top + "\nimport sympy"))
    module = discovery.load(discovery.read(path))
    assert module.One(3).a == 3
    assert module.__name__ == "symopt_experiment_json"
