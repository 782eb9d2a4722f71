"""Every test session compiles into a cache of its own, so that nothing outside can help or hurt."""

import functools
import os
import re
import signal
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

sys.path[:0] = [
    str(Path(__file__).parent),
    str(Path(__file__).parent / "support"),
]  # the tests' own helpers
os.environ.setdefault("SYMOPT_CACHE", tempfile.mkdtemp(prefix="symopt-tests-"))
settings.register_profile("symopt", derandomize=True, deadline=None)
settings.load_profile("symopt")


@pytest.fixture(autouse=True, scope="session")
def ctrl_c():
    """Let Ctrl-C reach the tests, and what they start, in a shell's background job too, where it is ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(params=["in Python", pytest.param("compiled", marks=pytest.mark.slow)])
def in_python(request, monkeypatch):
    """Let kernels run as the plain Python that their source is; as machine code among the slow tests.

    Both have the same bits (test_bits, test_sum_bits, test_function_errors), and nothing waits for a compiler.
    """
    from symopt.compiler.jit import cache

    @functools.cache
    def plain(source):
        return functools.partial(cache._plainly, cache._import(source).kernel.function)

    if request.param != "compiled":
        monkeypatch.setattr(cache, "kernel", plain)


@pytest.fixture
def refused(monkeypatch):
    """Check a refusal: its class, the words of its message, and that no kernel was asked for."""
    import symopt as so  # not before the cache has its place
    from symopt.compiler.jit import cache

    def forbidden(source):
        raise AssertionError("a kernel was compiled before the refusal")

    def check(call, kind, *words):
        before = cache.compiled
        with monkeypatch.context() as patched:
            patched.setattr(cache, "load", forbidden)
            with pytest.raises(so.SymoptError) as caught:
                call()
        assert isinstance(caught.value, kind)
        assert cache.compiled == before
        missing = [word for word in words if not re.search(word, str(caught.value))]
        assert not missing, f"{missing} not in: {caught.value}"

    return check
