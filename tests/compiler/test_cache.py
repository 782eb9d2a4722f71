"""What is compiled, what is found again, and what happens when the folder fails."""

import errno
import os
import stat
import subprocess
import sys

import numpy as np
import pytest
import sympy as sp
from spread import spread

import symopt as so
from symopt.compiler.jit import cache, store

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


SOME = spread(so.optimizers, every=6)


@pytest.mark.parametrize("rule", SOME)
def test_other_values_compile_nothing(rule):
    one = so.optimizers[rule]
    whole = (
        (x - 1) ** 2 + a * (y - x**2) ** 2
        if "gauss_newton" in one.needs
        else (x**2 + a * y**2) * (1 + 0.125 * x)
    )
    cost = so.Cost(whole, params=(x, y), optimal_value=-1e3)
    so.minimize(cost, one, [1.0, 2.0], 10, a=3.0)
    so.sweep(cost, one(eta=[0.1, 0.2]), [[1.0, 2.0]] * 3, 10, a=3.0)
    other = {
        name: one.ranges[name].low + 0.37
        for name, value in one.values.items()
        if isinstance(value, float)
    }
    again = lambda: (
        so.minimize(cost, one(**other), [5.0, -2.0], 77, a=0.5, limit=1e9),
        so.sweep(
            cost,
            one(**{**other, "eta": [0.5, 0.1, 0.3]}),
            [[0.0, 1.0]] * 200,
            20,
            a=1.5,
            threads=1,
            record=5,
        ),
    )
    assert counted(again) == 0


def test_other_numbers_in_a_schedule_compile_nothing():
    cost = so.parse("x^2 + 0.3*x")
    run = lambda eta, rate: so.minimize(
        cost, so.gd(eta=eta * rate**so.t / sp.sqrt(so.t)), [1.0], 5
    ).theta[0]
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
from symopt.compiler.jit import cache, store
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
        subprocess.Popen([sys.executable, "-c", SCRIPT], env=env, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [process.communicate()[0].split()[1:] for process in racing] == [want] * 3


def test_a_filled_cache_that_cannot_be_written_is_read(tmp_path):
    first = python(SCRIPT, SYMOPT_CACHE=str(tmp_path))
    read_only = f"import errno\nfrom symopt.compiler.jit import store\n{READ_ONLY}\nstore._write = refused\n{SCRIPT}"
    assert python(read_only, SYMOPT_CACHE=str(tmp_path)).split() == ["0", *first.split()[1:]]


READ_ONLY = """
def refused(*_):
    raise OSError(errno.EROFS, "Read-only file system")
"""


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
    assert (
        python(SCRIPT, SYMOPT_CACHE="off", HOME=str(home), XDG_CACHE_HOME=str(home)).split()[0]
        == "2"
    )
    assert not any(path.suffix == ".py" for path in home.rglob("*"))


def test_a_kernel_s_source_holds_what_it_needs():
    source = so.parse("x^2 + exp(x)*sin(x)").source
    imports = [line for line in source.splitlines() if "import" in line]
    assert imports
    assert all(line.startswith("from symopt.compiler.") for line in imports)


def test_a_kernel_is_one_file_that_nobody_else_can_read_or_write(tmp_path):
    home = tmp_path / "deep" / "er"
    python(SCRIPT, SYMOPT_CACHE=str(home))
    assert [(path.name[:14], len(path.name), path.suffix) for path in home.iterdir()] == 2 * [
        ("symopt_kernel_", 46, "")
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()} == {0o600}
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@pytest.mark.parametrize("call", ["write", "replace"])
def test_a_full_disk(monkeypatch, tmp_path, call):
    """The kernel is kept in memory, with a warning, and nothing is left behind."""
    cache._warn.cache_clear()

    def full(*_arguments, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    mine = store.Store.at(tmp_path)  # other tests write into the session's folder at the same time
    with monkeypatch.context() as patched:
        patched.setattr(cache, "_store", lambda: mine)
        patched.setattr(store, "_write", full) if call == "write" else patched.setattr(
            store.os, "replace", full
        )
        with pytest.warns(so.SymoptWarning, match="No space left"):
            assert so.parse(f"x^2 + 0.8125*x + {len(call)}").value([1.0]) == 1.8125 + len(call)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_while_a_file_is_written(tmp_path):
    """The limit on the size of a file is what a process can set itself."""
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nresource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
    quiet = "import warnings; warnings.simplefilter('ignore')\n"
    assert python(quiet + limit + SCRIPT, SYMOPT_CACHE=str(tmp_path)) == python(
        SCRIPT, SYMOPT_CACHE="off"
    )
    assert list(tmp_path.iterdir()) == []
