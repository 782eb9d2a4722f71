"""An experiment runs; what goes wrong in one of its parts is a row, and the rest is kept."""

import os
import signal
import threading
import time

import pytest

from symopt.compiler.runtime.blocks import BlockBatch
from symopt.harness.discovery import read
from symopt.harness.runner import execute
from symopt.runs.interrupt import raising, stop_on_ctrl_c


def test_a_finding_holds_everything(write):
    found = execute(read(write("small")), quick=True)
    assert [row.verdict for row in found.rows] == ["agrees"]
    assert list(found.equations) == ["two", "in words"]
    assert str(found.settings["J"]) == "x**2"
    assert list(found.pictures) == ["squares"]
    assert found.seconds > 0
    assert not found.troubles


def test_quick_is_handed_on(write):
    path = write("quick", run='return Outcome([Row("quick", 1, float(quick))], {"y": [1, 2, 3]})')
    assert [execute(read(path), quick).rows[0].verdict for quick in (True, False)] == [
        "agrees",
        "failed",
    ]


BROKEN = {
    "import": (
        {"top": "import nonsense"},
        1,
        "ModuleNotFoundError: No module named 'nonsense' (broken.py, line 13)",
    ),
    "theory()": (
        {"theory": "return 1 / 0"},
        2,
        "ZeroDivisionError: division by zero (broken.py, line 17)",
    ),
    "run()": ({"run": "raise SystemExit('enough')"}, 1, "SystemExit: enough (broken.py, line"),
    "plot()": ({"plot": "return {'a': sp}"}, 2, "TypeError: plot() gave"),
}


@pytest.mark.parametrize("part", BROKEN)
def test_a_part_that_raises_is_a_row(write, part):
    parts, rows, message = BROKEN[part]
    found = execute(read(write("broken", **parts)))
    assert len(found.rows) == rows
    last = found.rows[-1]
    assert (last.quantity, last.verdict, last.n) == (f"{part} runs to its end", "not measured", 0)
    assert message in last.note
    assert len(found.troubles) == 1
    assert "Traceback" in found.troubles[0].trace
    assert (part in {"import", "theory()"}) == (not found.equations)
    assert (part == "theory()") == bool(found.pictures)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"run": "return [Row('a', 1, 1)]"}, "gave a list; expected an Outcome"),
        ({"run": "return Outcome([1])"}, "gave a int among its rows"),
        ({"run": "return Outcome(3)"}, "not iterable"),
        ({"run": "return Outcome([Row('a', 1, 1, n='many')])"}, "many"),
        ({"run": "return Outcome([], {}, 'eta')"}, "ValueError"),
        ({"theory": "return sp.Symbol('x')"}, "expected a mapping"),
        (
            {"plot": "figure = Figure()\nfigure.suptitle('$\\\\nonsense{$')\nreturn {'a': figure}"},
            "ValueError",
        ),
        ({"plot": "return Figure()"}, "gave a Figure; expected a mapping"),
        ({"run": "def deep():\n    return deep()\ndeep()"}, "RecursionError"),
    ],
)
def test_what_is_no_outcome_is_the_experiments_error(write, parts, message):
    found = execute(read(write("wrong", **parts)))
    assert found.rows[-1].verdict == "not measured"
    assert message in found.rows[-1].note


def test_rows_may_be_any_iterable(write):
    path = write(
        "lazy", run='return Outcome((Row(str(k), 1, 1) for k in range(3)), {"y": [1, 2, 3]})'
    )
    assert len(execute(read(path)).rows) == 3


def test_ctrl_c_is_no_result(write):
    path = write("stopped", run="raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        execute(read(path))


def test_ctrl_c_ends_a_sweep_instead_of_cutting_it_short(write, monkeypatch):
    """A sweep returns what it has at Ctrl-C; an experiment must not measure that."""
    run = """
        import symopt as so
        so.sweep(so.parse("x^2"), so.gd(eta=1e-9), [[1.0]] * 8, 10**11)
        return Outcome([Row("whole", 1, 1)], {"y": [1, 2, 3]})"""
    before = signal.getsignal(signal.SIGINT)
    chunk, pressed = BlockBatch._chunk, []

    def told(*arguments):
        chunk(*arguments)
        if not pressed:  # the first steps are made
            pressed.append(time.perf_counter())
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(BlockBatch, "_chunk", told)
    with pytest.raises(KeyboardInterrupt), stop_on_ctrl_c() as stop, raising(stop):
        execute(read(write("long", run=run)))
    assert time.perf_counter() - pressed[0] < 60
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_have_no_signals():
    done = []

    def work():
        with stop_on_ctrl_c() as stop, raising(stop):
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
