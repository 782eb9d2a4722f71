"""Ctrl-C: a request that is never lost, never halves a number, and ends a command with its code."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

import symopt as so
from symopt.runs import tuning
from symopt.runs.interrupt import Stop, raising, stop_on_ctrl_c

RACE = ["race", "100*(y-x^2)^2+(1-x)^2", "--start", "x=-1.2,y=1", "--steps"]
INTERRUPTED = (130, -signal.SIGINT)  # of the command, or of Python itself while it still imports


def press():
    """Send Ctrl-C to this process."""
    os.kill(os.getpid(), signal.SIGINT)


def started(*words):
    """Start Python on some words."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


TELLING = """
import sys
from symopt.cli import app
from symopt.compiler.runtime.blocks import BlockBatch
chunk = BlockBatch._chunk
def told(*arguments):
    chunk(*arguments)
    BlockBatch._chunk = chunk
    print("under way", file=sys.stderr, flush=True)
BlockBatch._chunk = told
app.main()
"""


def under_way(words, presses=1, number=signal.SIGINT):
    """Run the command, send it signals once the first steps are made, and return its code and what it said."""
    running = started("-c", TELLING, *words)
    assert running.stderr.readline() == "under way\n"
    for _ in range(presses):
        running.send_signal(number)
        time.sleep(0.0005)
    shown, said = running.communicate(timeout=600)
    return running.returncode, shown, said


def command(words, presses, number=signal.SIGINT):
    """Run the command, send it a signal at each of some times (seconds), and return its code and what it said."""
    running = started("-m", "symopt", *words)
    before = 0.0
    for moment in presses:
        time.sleep(moment - before)
        before = moment
        running.send_signal(number)
    shown, said = running.communicate(timeout=600)
    return running.returncode, shown, said


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the race as it is when nobody interrupts it, and how long it takes once its kernels are compiled."""
    out = tmp_path_factory.mktemp("whole")
    for _ in range(2):
        begin = time.perf_counter()
        code, _, said = command([*RACE, "3000", "--out", str(out)], [])
        seconds = time.perf_counter() - begin
        assert code == 0, said
    return json.loads((out / "race.json").read_text())["rules"], seconds


def check_race(whole, code, out):
    """Check that a race that was interrupted wrote nothing, or what is whole and says so."""
    files = sorted(path.name for path in out.iterdir()) if out.exists() else []
    assert files in ([], ["race.json"], ["race.json", "race.png"])
    if not files:
        assert code
        return
    found = json.loads((out / "race.json").read_text())
    assert code or "interrupted" not in found
    rows = found["rules"]
    assert all(
        one["rule"] == whole[name]["rule"] for name, one in rows.items()
    )  # no learning rate is a wrong one
    for name, one in rows.items():
        if one["status"] != "interrupted":
            assert {key: one[key] for key in ("final_loss", "theta")} == {
                key: whole[name][key] for key in ("final_loss", "theta")
            }
    cut = [name for name, one in rows.items() if one["status"] == "interrupted"]
    assert found.get("interrupted", False) or (not cut and set(rows) == set(whole))
    assert set(rows) | set(found.get("not_run", [])) == set(whole)


def test_ctrl_c_while_learning_rates_are_tuned_leaves_no_wrong_one(monkeypatch):
    calls = []

    def interrupted(*arguments, **options):
        calls.append(arguments)
        if len(calls) == 2:
            press()
        return so.sweep(*arguments, **options)

    monkeypatch.setattr(tuning, "sweep", interrupted)
    with stop_on_ctrl_c() as stop:
        cost = so.parse("100*(y-x^2)^2+(1-x)^2")
        assert so.tune(cost, ["gd", "momentum", "adam"], [-1.2, 1.0], 300) == {}
        assert stop.is_set()
    assert len(calls) == 2


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(28))
def test_ctrl_c_at_28_moments_of_a_race(whole, tmp_path, moment):
    rules, seconds = whole
    begin, pressed = time.perf_counter(), (moment + 0.5) / 28 * seconds
    code, _, said = command([*RACE, "3000", "--out", str(tmp_path / "out")], [pressed])
    at_its_end = (
        time.perf_counter() - begin < pressed + 1
    )  # or before: then it was quicker than the first time
    assert code in INTERRUPTED or (code == 0 and at_its_end)
    assert code != 130 or "Traceback" not in said
    check_race(rules, code, tmp_path / "out")


LONG = ["race", "sum((x[i]-1)^2,i,0,n-1)", "--start", "x[200]=2", "--steps", "2000000000"]
LONG += ["--rule", "adam:eta=1e-9", "--rule", "gd:eta=1e-9"]


def test_a_run_that_is_interrupted_is_shown_and_marked(tmp_path):
    code, shown, _ = under_way([*LONG, "--out", str(tmp_path)])
    assert code == 130
    assert "interrupted; not run: gd" in shown
    assert "recommended: none" in shown
    found = json.loads((tmp_path / "race.json").read_text())
    assert found["interrupted"] is True
    assert found["not_run"] == ["gd"]
    assert found["rules"]["adam"]["status"] == "interrupted"


@pytest.mark.slow
def test_two_in_a_row_end_at_once_and_a_queue_s_signal_does_the_same(tmp_path):
    assert under_way([*LONG, "--out", str(tmp_path / "two")], presses=2)[0] in INTERRUPTED
    code, shown, _ = under_way([*LONG, "--out", str(tmp_path / "term")], number=signal.SIGTERM)
    assert code == 143
    assert "interrupted" in shown
    assert sorted(path.name for path in (tmp_path / "term").iterdir()) == ["race.json", "race.png"]


THREAD = """
import os, signal, threading, time
import symopt as so
from symopt.compiler.runtime.blocks import BlockBatch
chunk, under_way = BlockBatch._chunk, threading.Event()
def told(*arguments):
    chunk(*arguments)
    under_way.set()
BlockBatch._chunk = told
def work():
    run = so.minimize(so.parse("(1-x)^2"), so.gd(eta=1e-12), [3.0], 10**12, record=None)
    print(run.status, flush=True)
thread = threading.Thread(target=work)
thread.start()
under_way.wait()
os.kill(os.getpid(), signal.SIGINT)
while thread.is_alive():
    time.sleep(0.1)
"""


def test_ctrl_c_ends_a_run_in_a_thread_when_it_ends_the_program():
    done = subprocess.run(
        [sys.executable, "-c", THREAD], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == -signal.SIGINT
    assert done.stdout == "interrupted\n"


ENDED = """
import threading
import symopt as so
def work():
    threading.main_thread().join()  # until it has nothing left to do but to wait for this thread
    print(so.minimize(so.parse("x^2"), so.gd(eta=0.25), [1.0], 3).theta[0])
threading.Thread(target=work).start()
"""


def test_a_run_begins_in_a_thread_that_outlives_the_main_program():
    done = subprocess.run(
        [sys.executable, "-c", ENDED], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.stderr == ""
    assert done.stdout == "0.125\n"


# The request itself


def test_a_request_that_nobody_noticed_is_not_lost():
    with pytest.raises(KeyboardInterrupt), stop_on_ctrl_c():
        press()
    with stop_on_ctrl_c() as stop:
        press()
        assert stop.is_set()
    assert stop.code == 130
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_call_inside_another_shares_its_request():
    with stop_on_ctrl_c() as stop:
        with stop_on_ctrl_c() as inner:
            assert inner is stop
        press()
        run = so.minimize(so.parse("x^2"), so.gd(eta=0.1), [1.0], 1000)
        assert run.status == "interrupted"
        assert so.sweep(so.parse("x^2"), so.gd(eta=[0.1, 0.2]), [1.0], 1000).interrupted


def test_a_second_one_raises_and_so_does_the_first_where_work_cannot_be_cut_short():
    def twice():
        press()
        press()

    with pytest.raises(KeyboardInterrupt), stop_on_ctrl_c():
        twice()
    with stop_on_ctrl_c() as stop:
        with pytest.raises(KeyboardInterrupt), raising(stop):
            press()
        assert stop.is_set()


def test_a_program_s_own_handler_is_left_alone():
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(True))
    try:
        with stop_on_ctrl_c() as stop:
            press()
            assert not stop.is_set()
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [True]


def test_an_error_in_one_run_does_not_ask_the_others_to_stop(monkeypatch):
    from symopt.compiler.runtime.blocks import BlockBatch

    def broken(*_arguments):
        raise MemoryError

    with stop_on_ctrl_c() as stop:
        with monkeypatch.context() as patched:
            patched.setattr(BlockBatch, "call", broken)
            with pytest.raises(MemoryError):
                so.minimize(so.parse("x^2"), so.gd(eta=0.1), [1.0], 10)
        assert not stop.is_set()


def test_other_threads_take_no_signals():
    found = []

    def work():
        with stop_on_ctrl_c() as stop:
            found.append((isinstance(stop, Stop), stop.is_set()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(True, False)]
