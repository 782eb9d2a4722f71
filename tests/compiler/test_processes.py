"""Kernels under force: threads, forks and spawns, a bounded number in memory, and no compiler at all."""

import gc
import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import symopt as so
from symopt.compiler.jit import cache
from symopt.compiler.jit.store import Store

STATM = Path("/proc/self/statm")
MINIMISE = """
import symopt as so
def job(k):
    J = so.parse(f"100*(y-x^2)^2 + (1-x)^2 + {k}.0625*x")
    return so.minimize(J, so.adam(eta=0.02), [-1.2, 1], 50).theta.tolist()
"""


def python(script, timeout=120, **env):
    """Run a script in a process of its own and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **env}, capture_output=True, text=True, check=False, timeout=timeout
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-1500:]
    return done.stdout.split("\n")[:-1]


def test_without_a_compiler_the_kernels_run_as_plain_python():
    script = (
        f"{MINIMISE}\nimport warnings\nwith warnings.catch_warnings(record=True) as caught:\n"
        "    warnings.simplefilter('always')\n    print(job(1), so.parse('x^2 + exp(y)').grad([3, 0]))\n"
        "print(len(caught), *[w.message for w in caught])"
    )
    plain, compiled = python(script, NUMBA_DISABLE_JIT="1"), python(script)
    assert plain[0] == compiled[0]
    assert plain[1].startswith("1 NUMBA_DISABLE_JIT is set")
    assert compiled[1] == "0"


def test_without_a_compiler_sums_and_the_command_run_too():
    words = ["race", "x^2+y^2", "--start", "x=1,y=2", "--rule", "gd:eta=0.1", "--steps", "20"]
    for script in (
        "import symopt as so; print(so.parse('sum(x[i]^2,i,0,n-1)').grad([1.0, 2.0, 3.0]).tolist())",
        f"import sys; from symopt.cli.app import main; sys.argv[1:] = {words}; main()",
        "import sys; from symopt.cli.app import main; sys.argv[1:] = ['config']; main()",
    ):
        found = python(script, NUMBA_DISABLE_JIT="1", PYTHONWARNINGS="ignore")
        assert any(
            "[2.0, 4.0, 6.0]" in line or "budget" in line or "plain Python" in line
            for line in found
        )


FORKS = f"""
import os, sys, threading, time
{MINIMISE}
want = job(0)
done = threading.Event()
def compile_for_ever(which):
    k = which
    while not done.is_set():
        so.parse(f"x^2 + {{k}}.5*x*exp(x) + y^2").grad([1, 2])
        k += 2
threads = [threading.Thread(target=compile_for_ever, args=(1000 + k,)) for k in range(2)]
for thread in threads: thread.start()
codes = []
for k in range(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT):
    time.sleep(0.013 * (k % 7))
    child = os.fork()
    if not child:
        try:
            ok = job(0) == want and len(job(k + 1)) == 2
        finally:
            os._exit(0 if ok else 1)
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        pid, code = os.waitpid(child, os.WNOHANG)
        if pid: break
        time.sleep(0.01)
    else:
        os.kill(child, 9); os.waitpid(child, 0); code = 'hangs'
    codes.append(code)
done.set()
for thread in threads: thread.join()
print(codes)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.parametrize("count", [8, pytest.param(100, marks=pytest.mark.slow)])
def test_children_forked_while_threads_compile(count):
    assert python(FORKS.replace("COUNT", str(count)), 600, PYTHONWARNINGS="ignore") == [
        str([0] * count)
    ]


@pytest.fixture
def empty(monkeypatch, tmp_path):
    """Give this process an empty cache."""
    monkeypatch.setattr(cache, "_loaded", {})
    monkeypatch.setattr(cache, "_store", lambda: Store.at(tmp_path / "kernels"))


@pytest.mark.usefixtures("empty")
def test_threads_that_ask_for_the_same_kernels_at_once():
    costs = [f"x^2 + y^2 + {k}.375*x*y" for k in range(3)]
    before, found = cache.compiled, []
    barrier = threading.Barrier(8)

    def work(k):
        barrier.wait()
        found.append(
            [(text, so.parse(text).value([1.0, 2.0])) for text in costs[k % 3 :] + costs[: k % 3]]
        )

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    want = {text: 5 + 2 * (k + 0.375) for k, text in enumerate(costs)}
    assert [dict(one) for one in found] == [want] * 8
    assert cache.compiled == before + 3


def _square(k):
    return so.parse(f"x^2 + {k}.4375*x").value([1.0])


def test_a_pool_of_spawned_processes():
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(_square, range(4)) == [k + 1.4375 for k in range(4)]


@pytest.mark.usefixtures("empty")
def test_a_bounded_number_of_kernels_stays_in_memory(monkeypatch):
    monkeypatch.setattr(cache, "KEPT", 8)
    costs = [so.parse(f"x^2 + {k}.28125*x") for k in range(11)]
    held = cache.kernel(costs[0].objective.value_function.source)
    before = cache.compiled
    for _ in range(2):
        assert [cost.value([1.0]) for cost in costs] == [k + 1.28125 for k in range(11)]
        assert len(cache._loaded) <= 8
    assert cache.compiled == before + 10  # what was forgotten is found on disk again
    out = np.zeros((1, 1))
    held(np.array([2.0]), np.array([1]), out.reshape(-1))  # and lives as long as somebody has it
    assert out[0, 0] == 4 + 2 * 0.28125
    modules = {name for name in sys.modules if name.startswith(cache.PREFIX)}
    assert modules >= {found.names.__name__ for found in cache._loaded.values()}


def _resident():
    """Return the memory of this process in MB."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.slow
@pytest.mark.skipif(not STATM.exists(), reason="needs /proc")
@pytest.mark.usefixtures("empty")
def test_the_memory_of_500_costs_is_bounded(monkeypatch):
    monkeypatch.setattr(cache, "KEPT", 16)
    sizes = []
    for k in range(500):
        so.parse(f"100*(y-x^2)^2 + (1-x)^2 + {k}.015625*x*y").grad([1.0, 2.0])
        if k % 100 == 99:
            gc.collect()
            sizes.append(_resident())
    assert sizes[-1] - sizes[0] < 0.1 * 400  # they took 0.9 MB each


@pytest.mark.slow
def test_thirty_processes_race_on_an_empty_cache(tmp_path):
    env = {**os.environ, "SYMOPT_CACHE": str(tmp_path / "kernels")}
    script = f"{MINIMISE}\nprint([job(k) for k in range(3)])"
    racing = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", script],
            env=env,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(30)
    ]
    found = {(process.communicate()[0], process.returncode) for process in racing}
    assert len(found) == 1
    assert {code for _, code in found} == {0}
    assert len(list((tmp_path / "kernels").iterdir())) == 3


DASK = f"""
{MINIMISE}
if __name__ == "__main__":
    import dask
    from dask.multiprocessing import get
    for scheduler in ("threads", "processes"):
        found = dask.compute(*[dask.delayed(job)(k) for k in range(4)], scheduler=scheduler)
        print(list(found) == [job(k) for k in range(4)])
"""


@pytest.mark.slow
def test_dask_with_threads_and_with_processes(tmp_path):
    (tmp_path / "script.py").write_text(DASK)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "True"]
