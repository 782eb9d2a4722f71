"""Sizes before work: what does not fit is refused with its bytes and with what would; whole numbers are whole."""

import re

import numpy as np
import pytest
import sympy as sp

import symopt as so
from symopt import memory
from symopt.runs import memory_check

J = so.parse("x^2 + y^2")
SUM = so.parse("sum(x[i]^2,i,0,n-1)")
KAPPA = so.Cost(sp.Symbol("kappa") * sp.Symbol("x") ** 2, params="x")
GIB = 1 << 30


@pytest.fixture
def eight(monkeypatch):
    """Let the machine have 8 GiB."""
    monkeypatch.setattr(memory, "available", lambda: 8 * GIB)


ETA = np.linspace(0, 0.9, 32000)
REFUSED = {
    "starts": (lambda: so.uniform(-2, 2, size=10**12), "1000000000000 x", "bytes"),
    "starts of two parameters": (
        lambda: so.sweep(J, "gd", so.uniform(-2, 2, size=25_000_000), 10),
        "25000000 x",
        "2 para",
    ),
    "axes": (
        lambda: so.sweep(J, so.momentum(eta=ETA, beta=ETA), [1, 2], 10),
        "1024000000 x",
        "2 parameter",
    ),
    "an axis and starts": (
        lambda: so.sweep(J, so.gd(eta=ETA), so.uniform(0, 1, 10**6), 10),
        "32000000000 x",
        "bytes",
    ),
    "parameters": (
        lambda: so.sweep(SUM, "gd", so.uniform(np.zeros(10**6), 1, 1000), 10),
        "1000 x",
        "1000000 para",
    ),
    "constants": (
        lambda: so.sweep(KAPPA, so.gd(eta=ETA), [1.0], 9, kappa=ETA),
        "1024000000 x",
        "1 para",
    ),
}


@pytest.mark.usefixtures("eight")
@pytest.mark.parametrize("what", REFUSED)
def test_runs_that_do_not_fit_are_refused_before_any_work(what, monkeypatch):
    monkeypatch.setattr("symopt.runs.launch.executor.run", lambda *_: pytest.fail("it ran"))
    call, *words = REFUSED[what]
    with pytest.raises(
        so.RunError, match=r"and there are 8.0 GiB of memory: at most \d+ fit"
    ) as refused:
        call()
    assert all(word in str(refused.value) for word in words)


@pytest.mark.usefixtures("eight")
def test_how_many_fit_is_what_is_taken():
    with pytest.raises(so.RunError) as refused:
        so.sweep(J, "gd", so.uniform(-2, 2, size=25_000_000), 10)
    most = int(re.search(r"at most (\d+) fit", str(refused.value))[1])
    memory_check.check_memory(most, 2)
    with pytest.raises(so.RunError):
        memory_check.check_memory(most + 1, 2)


@pytest.mark.parametrize(
    ("group", "physical", "want"), [("max\n", 5, 5), ("3\n", 5, 3), ("7\n", 5, 5), (None, 5, 5)]
)
def test_the_memory_of_a_container_counts(monkeypatch, tmp_path, group, physical, want):
    limit = tmp_path / "memory.max"
    if group:
        limit.write_text(group)
    monkeypatch.setattr(memory, "GROUPS", (limit,))
    monkeypatch.setattr(memory, "_physical", lambda: physical)
    assert memory.available() == want


def test_this_machine_has_memory():
    assert 1 << 28 < memory.available() < 1 << 50


def recorded(record):
    """Return how many steps are recorded of 100000."""
    return len(so.minimize(J, so.gd(eta=1e-9), [1, 2], 100_000, record=record).recorded)


TAKEN = {
    "steps": lambda value: so.minimize(J, "gd", [1, 2], steps=value, record=None).steps,
    "steps of a sweep": lambda value: so.sweep(J, "gd", [1, 2], steps=value)["gd"].attrs["steps"],
    "size": lambda value: so.uniform(0, 1, size=value).size,
    "record": recorded,
    "threads": lambda value: so.sweep(J, "gd", [[1, 2]] * 5, 3, threads=value)["gd"].sizes["start"],
    "rng": lambda value: so.minimize(J, "gd", [1, 2], 5, noise=0.1, rng=value).steps,
    "a size of a cost": lambda value: int(SUM.value(np.ones(5), n=value)),
}
OTHERS = {
    "steps": [None],
    "steps of a sweep": [None],
    "size": [None, 0],
    "record": [0],
    "threads": [0],
    "a size of a cost": [],
}


@pytest.mark.parametrize("what", TAKEN)
def test_a_whole_number_of_any_kind_is_taken(what):
    assert {TAKEN[what](kind(5)) for kind in (int, np.int8, np.int64, np.uint32)} == {5}


@pytest.mark.parametrize("what", TAKEN)
def test_anything_else_is_refused(what):
    values = [5.0, 1e4, "5", 2.5, np.float64(5), float("nan"), -1, *OTHERS.get(what, [])]
    values += [] if what == "record" else [True, np.True_]  # every step
    for value in values:
        with pytest.raises(so.SymoptError, match="expected"):
            TAKEN[what](value)


def test_every_step_is_recorded_for_a_truth_value_of_either_kind():
    assert recorded(True) == recorded(np.True_) == 100_001


def test_more_steps_than_can_be_counted_are_refused():
    with pytest.raises(so.RunError, match="at most 2\\^53"):
        so.minimize(J, "gd", [1, 2], steps=1 << 60)


def test_many_steps_of_any_kind_are_one_number():
    for steps in (10**9, np.int64(10**9)):
        run = so.minimize(J, so.gd(eta=1e100), [1, 2], steps=steps)
        assert run.status == "diverged"
        assert len(run.recorded) < 1001


def test_sizes_of_one_call_are_not_those_of_the_next():
    cost = so.parse("sum(x[j]*x[j+1], j, 0, n-2)^2")
    for length in (4, 3, 5, 4):
        point = np.arange(1.0, length + 1)
        whole = (point[1:] * point[:-1]).sum()
        assert cost.value(point) == whole**2
        assert cost.value({"x": point}) == whole**2


def test_data_that_are_changed_in_place_or_exchanged_are_read_anew():
    x, c = sp.IndexedBase("x"), sp.IndexedBase("c")
    k, m = sp.symbols("k m", integer=True)
    picks = np.array([0, 1, 2])
    cost = so.Cost(sp.Sum(x[c[k]] ** 2, (k, 0, m - 1)), params=x, data={c: picks})
    assert cost(c=picks).grad([1.0, 2.0, 3.0]) == pytest.approx([2.0, 4.0, 6.0])
    picks[2] = 1
    assert cost(c=picks).grad([1.0, 2.0]) == pytest.approx([2.0, 8.0])
    assert cost(c=np.array([1, 1])).grad([1.0, 2.0]) == pytest.approx([0.0, 8.0])
