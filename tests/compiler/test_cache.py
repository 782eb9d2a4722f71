"""What is compiled, what is found again, and what happens when the folder fails."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import symopt as so
from symopt.compiler import cache

x, y, a, b = sp.symbols("x y a b")


def counted(action):
    """Return how many kernels an action compiles."""
    before = cache.compiled
    action()
    return cache.compiled - before


def python(script, **env):
    """Run a script in a process of its own and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("rule", so.optimizers)
def test_other_values_compile_nothing(rule):
    one = so.optimizers[rule]
    whole = (x - 1) ** 2 + a * (y - x**2) ** 2 if rule == "gauss_newton" else (x**2 + a * y**2) * (1 + 0.125 * x)
    cost = so.Cost(whole, params=(x, y), optimal_value=-1e3)
    so.minimize(cost, one, [1.0, 2.0], 10, a=3.0)
    so.sweep(cost, one(eta=[0.1, 0.2]), [[1.0, 2.0]] * 3, 10, a=3.0)
    other = {name: one.ranges[name].low + 0.37 for name, value in one.values.items() if isinstance(value, float)}
    again = lambda: (
        so.minimize(cost, one(**other), [5.0, -2.0], 77, a=0.5, limit=1e9),
        so.sweep(cost, one(**{**other, "eta": [0.5, 0.1, 0.3]}), [[0.0, 1.0]] * 200, 20, a=1.5, threads=1, record=5),
    )
    assert counted(again) == 0


def test_other_numbers_in_a_schedule_compile_nothing():
    cost = so.parse("x^2 + 0.3*x")
    run = lambda eta, rate: so.minimize(cost, so.gd(eta=eta * rate**so.t / sp.sqrt(so.t)), [1.0], 5).theta[0]
    first = run(0.1, 0.99)
    assert counted(lambda: run(0.2, 0.5)) == 0
    assert run(0.2, 0.5) != first


def test_equal_structure_never_shares_numbers():
    costs = [so.Cost(c * (x - c) ** 2 + sp.exp(-c * x)) for c in (1.5, 2.5, -2.5, 1e-300)]
    for cost, c in zip(costs, (1.5, 2.5, -2.5, 1e-300), strict=True):
        assert cost.value([0.7]) == pytest.approx(c * (0.7 - c) ** 2 + np.exp(-c * 0.7), rel=1e-15)


def test_zero_and_minus_zero_are_two_numbers():
    positive, negative = (so.Cost(sp.Max(x, sp.Float(zero)) + y) for zero in ("0.0", "-0.0"))
    assert positive.value([-1.0, 2.0]) == negative.value([-1.0, 2.0]) == 2.0


SCRIPT = """
import symopt as so
from symopt.compiler import cache
J = so.parse("100*(y-x^2)^2 + (1-x)^2 + 0.0625*x")
run = so.minimize(J, so.adam(eta=0.02), [-1.2, 1], 100)
value = J.value([1, 2])
print(cache.compiled, run.theta.tolist(), value)
"""


def test_a_second_process_finds_the_kernels_on_disk(tmp_path):
    first, second = (python(SCRIPT, SYMOPT_CACHE=str(tmp_path)) for _ in range(2))
    assert first.split()[0] == "2"
    assert second.split()[0] == "0"
    assert first.split()[1:] == second.split()[1:]


def test_two_processes_race_on_an_empty_cache(tmp_path):
    want = python(SCRIPT, SYMOPT_CACHE="off").split()[1:]
    env = {**os.environ, "SYMOPT_CACHE": str(tmp_path / "deep" / "er")}
    racing = [
        subprocess.Popen([sys.executable, "-c", SCRIPT], env=env, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert [process.communicate()[0].split()[1:] for process in racing] == [want] * 3


def test_a_damaged_source_on_disk_is_written_anew(tmp_path):
    python(SCRIPT, SYMOPT_CACHE=str(tmp_path))
    for path in tmp_path.glob("*.py"):
        path.write_text("")
    assert python(SCRIPT, SYMOPT_CACHE=str(tmp_path)).split()[1:] == python(SCRIPT, SYMOPT_CACHE="off").split()[1:]


def test_a_damaged_kernel_on_disk_is_compiled_anew(tmp_path):
    want = python(SCRIPT, SYMOPT_CACHE=str(tmp_path)).split()[1:]
    for path in (tmp_path / "__pycache__").glob("*.nb*"):
        path.write_bytes(b"")
    assert python(SCRIPT, SYMOPT_CACHE=str(tmp_path)).split()[1:] == want


UNWRITABLE = """
import warnings
import symopt as so
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    run = so.minimize(so.parse("x^2"), so.gd(eta=0.25), [1.0], 3)
    so.minimize(so.parse("x^4"), so.gd(eta=0.25), [1.0], 3)
print(run.theta[0], len(caught), caught[0].category.__name__, caught[0].message)
"""


def test_an_unwritable_folder_falls_back_to_memory_with_one_warning(tmp_path):
    (tmp_path / "file").write_text("a file where the folder should be")
    words = python(UNWRITABLE, SYMOPT_CACHE=str(tmp_path / "file" / "kernels")).split()
    assert words[:3] == ["0.125", "1", "SymoptWarning"]
    assert "SYMOPT_CACHE" in words


def test_the_cache_can_be_switched_off(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    assert python(SCRIPT, SYMOPT_CACHE="off", HOME=str(home), XDG_CACHE_HOME=str(home)).split()[0] == "2"
    assert not any(path.suffix == ".py" for path in home.rglob("*"))


def test_a_kernel_is_one_file_that_holds_what_it_needs(tmp_path):
    python(SCRIPT, SYMOPT_CACHE=str(tmp_path))
    for path in tmp_path.glob("*.py"):
        imports = [line for line in path.read_text().splitlines() if "import" in line]
        assert all(line.startswith("from symopt.compiler.") for line in imports)
        assert cache.key(path.read_text()) in path.name
    assert oct(Path(tmp_path / "k").parent.stat().st_mode)[-3:] == "700"


def test_a_disk_that_takes_no_machine_code(monkeypatch):
    """As when it is full: the kernel is kept in memory, with a warning."""

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("numba.core.caching.IndexDataCacheFile.save", full)
    with pytest.warns(so.SymoptWarning, match="No space left"):
        assert so.parse("x^2 + 0.8125*x").value([1.0]) == 1.8125


def test_a_disk_that_takes_no_source(monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("symopt.compiler.cache.os.utime", full)
    before = list(cache.folder().glob("*.tmp"))
    with pytest.warns(so.SymoptWarning, match="No space left"):
        assert so.parse("x^2 + 0.8126*x").value([1.0]) == 1.8126
    assert list(cache.folder().glob("*.tmp")) == before
