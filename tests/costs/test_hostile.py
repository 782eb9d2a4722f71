"""Hostile texts: only errors of parsing, nothing that takes long, nothing that runs."""

import signal
import sys
import warnings

import pytest
from hostile_texts import texts

import symopt as so

SECONDS, SHOWING = 1.0, 5.0  # of the process's own time: half a second and less on an idle machine


class TookLongError(BaseException):
    """A text took longer than it may."""


@pytest.fixture
def watch():
    """Raise where a text takes too long, counted in the process's own time: other processes do not matter."""

    def late(number, frame):
        raise TookLongError

    before = signal.signal(signal.SIGVTALRM, late)
    yield lambda seconds: signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.signal(signal.SIGVTALRM, before)


def attack(seed, count, watch, tmp_path, shown):
    """Read texts, and show what was read; return what went wrong."""
    wrong, read = [], 0
    executed = tmp_path / "executed"
    modules = set(sys.modules)
    for text in texts(seed, count, str(executed)):
        watch(SECONDS)
        try:
            cost = so.parse(text)
            read += 1
            if shown:
                watch(SHOWING)
                repr(cost), cost.latex()
        except so.SymoptError:
            pass
        except BaseException as error:  # noqa: BLE001  every other exception is what is looked for
            wrong.append((type(error).__name__, str(error)[:60], len(text), text[:200]))
        finally:
            watch(0)
    assert not executed.exists()
    assert not {"antigravity", "this"} & (set(sys.modules) - modules)
    assert read > count / 50  # some are harmless
    return wrong


@pytest.mark.filterwarnings("ignore::symopt.SymoptWarning")
def test_hundreds_of_hostile_texts(watch, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        assert attack(0, 250, watch, tmp_path, True) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(37))
@pytest.mark.filterwarnings("ignore::symopt.SymoptWarning")
def test_80000_more(seed, watch, tmp_path):
    assert attack(seed, 2209, watch, tmp_path, True) == []
