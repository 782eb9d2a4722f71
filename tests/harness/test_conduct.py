"""Experiments from the shell to their files."""

import errno
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time

import pytest

import symopt as so
from symopt.harness import choose, conduct
from symopt.harness.claims import Row
from symopt.harness.tables import cells, summary

KEYS = [
    "experiment",
    "claim",
    "quantity",
    "predicted",
    "measured",
    "low",
    "high",
    "n",
    "verdict",
    "relation",
    "note",
]


def rows_of(out):
    return json.loads(
        (out / "results.json").read_text(), parse_constant=lambda word: pytest.fail(word)
    )


def test_all_is_written(samples, tmp_path, capsys):
    out = tmp_path / "new" / "out"
    assert conduct(choose(["all"], samples), out) == 1  # one crashed
    rows = rows_of(out)
    assert all(list(row) == KEYS for row in rows)
    told = {(row["experiment"], row["quantity"]): row["verdict"] for row in rows}
    assert told == {
        ("agrees", "two"): "agrees",
        ("crashes", "run() runs to its end"): "not measured",
        ("fails", "three"): "failed",
        ("odd", "x < 1 & y > 'a'"): "not measured",
        ("odd", "gap"): "agrees",
    }
    assert rows[0] == {
        "experiment": "agrees", "claim": "Two is two.", "quantity": "two", "predicted": 2.0, "measured": 2.0, "low": 1.9,
        "high": 2.1, "n": 3, "verdict": "agrees", "relation": "=", "note": "",
    }  # fmt: skip
    assert [rows[-1][key] for key in ("measured", "low", "high")] == [None] * 3
    assert sorted(path.name for path in out.iterdir()) == [
        "agrees", "crashes", "fails", "odd", "report.html", "results.json",
    ]  # fmt: skip
    assert sorted(path.name for path in (out / "agrees").iterdir()) == [
        f"squares.{end}" for end in ("csv", "pdf", "png", "svg")
    ]
    assert "ZeroDivisionError" in (out / "crashes" / "errors.txt").read_text()
    shown = capsys.readouterr()
    assert "4 claims" not in shown.out
    assert "5 claims: 2 agree, 1 failed, 0 undecided, 2 not measured" in shown.out
    assert re.search(
        r"crashes: run\(\) failed: ZeroDivisionError: division by zero \(crashes.py, line \d+\)",
        shown.err,
    )


def test_a_claim_that_fails_is_a_result(samples, tmp_path):
    assert conduct(choose(["fails"], samples), tmp_path / "out") == 0
    assert rows_of(tmp_path / "out")[0]["verdict"] == "failed"


def test_an_error_mended_leaves_no_trace(write, tmp_path):
    path = write("mended", run="return 1")
    assert conduct(choose(["mended"], path.parent), tmp_path / "out") == 1
    assert (tmp_path / "out" / "mended" / "errors.txt").exists()
    write("mended")
    assert conduct(choose(["mended"], path.parent), tmp_path / "out") == 0
    assert not (tmp_path / "out" / "mended" / "errors.txt").exists()


def test_a_folder_that_cannot_be_written_is_refused_before_anything_runs(write, tmp_path):
    mark = tmp_path / "was-run"
    path = write("costly", top=f"open({str(mark)!r}, 'w').close()")
    (tmp_path / "file").write_text("")
    for out in ("/proc/nowhere", tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(so.RunError, match=r"--out .*cannot be written"):
            conduct(choose(["costly"], path.parent), type(tmp_path)(out))
    assert not mark.exists()


def test_a_full_disk_is_one_error_and_the_rows_are_still_printed(
    samples, tmp_path, monkeypatch, capsys
):
    import tempfile

    real = tempfile.NamedTemporaryFile

    def full(*args, **options):
        file = real(*args, **options)
        if not options.get("delete", True):

            def write(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            file.write = write
        return file

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", full)
    with pytest.raises(so.RunError, match="No space left on device"):
        conduct(choose(["agrees", "fails"], samples), tmp_path / "out")
    assert "two" in capsys.readouterr().out
    assert not list((tmp_path / "out").rglob("*.*"))


def test_what_is_finished_is_written_before_the_next_begins(write, tmp_path):
    out = tmp_path / "out"
    write("a_first")
    run = f"""
        import json, pathlib
        rows = json.loads(pathlib.Path({str(out)!r}, "results.json").read_text())
        return Outcome([Row("rows so far", 1, len(rows))], {{"y": [1, 2, 3]}})"""
    path = write("b_second", run=run)
    assert conduct(choose(["all"], path.parent), out) == 0
    assert [row["verdict"] for row in rows_of(out)] == ["agrees", "agrees"]


# As programs

SLOW = {"run": "import time, sys\nprint('begun', flush=True)\ntime.sleep(600)\nreturn Outcome([])"}


def program(*words, **options):
    return subprocess.Popen(
        [sys.executable, "-W", "error", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def test_ctrl_c_keeps_what_was_finished(write, tmp_path):
    path, out = write("a_first"), tmp_path / "out"
    write("b_second", **SLOW)
    write("c_third")
    running = program(
        "-m", "symopt", "experiments", "run", "all", "--from", path.parent, "--out", out
    )
    assert running.stdout.readline() == "begun\n"
    running.send_signal(signal.SIGINT)
    shown, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert [row["experiment"] for row in rows_of(out)] == ["a_first"]
    page = (out / "report.html").read_text()
    assert "interrupted before the end of: b_second, c_third" in page
    assert "1 claim: 1 agrees" in shown
    assert "not finished: b_second, c_third" in said
    assert "Traceback" not in said


def test_ctrl_c_while_files_are_written_tears_none(write, tmp_path, monkeypatch):
    from symopt.harness import session

    def interrupted(path, content):
        if path.name == "squares.svg":
            os.kill(os.getpid(), signal.SIGINT)
        real(path, content)

    real = session.write
    monkeypatch.setattr(session, "write", interrupted)
    write("a_first")
    path, out = write("b_second"), tmp_path / "out"
    assert conduct(choose(["all"], path.parent), out) == 130
    assert [row["experiment"] for row in rows_of(out)] == ["a_first"]
    assert len(list((out / "a_first").iterdir())) == 4
    assert not (out / "b_second").exists()


def test_a_file_runs_alone(write, tmp_path):
    path = write("alone", top="print('loaded')")
    running = program(path, "--quick", cwd=tmp_path)
    shown, said = running.communicate(timeout=60)
    assert running.returncode == 0, said
    assert shown.count("loaded") == 1  # the running file is not loaded again
    assert "two" in shown
    assert "agrees" in shown
    out = tmp_path / "out" / "experiments"
    assert rows_of(out)[0]["experiment"] == "alone"
    assert (out / "alone" / "squares.svg").exists()
    assert (out / "report.html").exists()


@pytest.mark.parametrize(
    ("parts", "words", "code", "message"),
    [
        ({"claim": "3"}, [], 2, "has a CLAIM that is no plain text"),
        ({}, ["--out", "/proc/nowhere"], 2, "--out /proc/nowhere: cannot be written"),
        ({"run": "return 1"}, [], 1, "TypeError: run() gave a int"),
    ],
)
def test_a_file_that_fails_alone(write, tmp_path, parts, words, code, message):
    running = program(write("alone", **parts), *words, cwd=tmp_path)
    _, said = running.communicate(timeout=60)
    assert running.returncode == code
    assert message in said
    assert "Traceback" not in said


def test_a_bar_on_a_terminal_only(samples, tmp_path):
    ours, theirs = pty.openpty()
    command = [
        "-m",
        "symopt",
        "experiments",
        "run",
        "agrees",
        "--from",
        str(samples),
        "--out",
        str(tmp_path / "out"),
    ]
    running = subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(theirs)
    seen = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            part = os.read(ours, 4096)
        except OSError:  # closed at the other end
            break
        if not part:
            break
        seen += part
    assert running.wait(60) == 0
    os.close(ours)
    running.stdout.close()
    assert "━" in seen.decode()
    assert "0/1" in seen.decode()


# Texts


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (Row("a", 100, 100.4, 99.4, 101.4, n=8), ("100", "100.4", "[99.4, 101.4]", "8")),
        (Row("a", 1.0, 1.0, 0.9999999, 1.0000001), ("1", "1", "[0.9999999, 1.0000001]", "1")),
        (Row("a", 0.1, 0.2, relation="<="), ("≤ 0.1", "0.2", "–", "1")),
        (Row("a", None, 1234567.0, relation=">="), ("–", "1234567", "–", "1")),
        (Row("a", 2.0, 5.0, 3.0, float("inf")), ("2", "5", "[3, ∞]", "1")),
        (Row("a", 2.0, float("nan")), ("2", "–", "–", "1")),
        (Row("a", 12345678.0, 1.3e9), ("12345678", "1.3e+09", "–", "1")),
        (Row("a", 0.0, -0.0), ("0", "0", "–", "1")),
    ],
)
def test_numbers_have_the_digits_that_tell_them_apart(row, expected):
    assert cells(row) == expected


def test_claims_are_counted():
    rows = [
        Row("a", 1, 1),
        Row("a", 1, 1),
        Row("a", 1, 2),
        Row("a", 1, 1, 0, 2, relation="<="),
        Row("a", 1, None),
    ]
    assert summary(rows) == "5 claims: 2 agree, 1 failed, 1 undecided, 1 not measured"
    assert summary([]) == "0 claims: 0 agree, 0 failed, 0 undecided, 0 not measured"
