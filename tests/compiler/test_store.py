"""Machine code on disk: what is trusted, what is refused, and what is damaged."""

import os
import random
import stat
import subprocess
import sys

import pytest

from symopt.compiler.jit.store import Store, UnsafeError

CODE = bytes(range(256)) * 40
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")

SCRIPT = """
import sys, warnings
import symopt as so
from symopt.compiler.jit import cache
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    J = so.parse("x^2 + 0.0625*x")
    print(J.value([1.5]), so.parse("x^2 + 0.125*x").value([1.5]), cache.compiled)
print(len(caught), *[w.message for w in caught])
"""


def python(cache, **env):
    """Run the script with a cache and return its two lines: what it compiled and found, and its warnings."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env={**os.environ, "SYMOPT_CACHE": str(cache), **env}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-800:]
    return done.stdout.splitlines()


RIGHT = "2.34375 2.4375"


@pytest.fixture
def filled(tmp_path):
    """Return a store with one entry."""
    store = Store.at(tmp_path / "kernels")
    store.write("name", CODE)
    return store


def test_what_was_written_is_read(filled):
    assert filled.read("name") == CODE
    assert filled.read("other") is None
    filled.write("name", b"new")
    assert filled.read("name") == b"new"


def test_a_flipped_bit_anywhere_is_seen(filled):
    path = filled.path / "name"
    whole = path.read_bytes()
    draw = random.Random(0)
    for place in [0, 31, 32, len(whole) - 1, *(draw.randrange(len(whole)) for _ in range(200))]:
        bad = bytearray(whole)
        bad[place] ^= 1 << draw.randrange(8)
        path.write_bytes(bad)
        assert filled.read("name") is None


def test_a_file_that_is_cut_short_or_longer_or_something_else(filled):
    path = filled.path / "name"
    whole = path.read_bytes()
    for content in (
        b"",
        whole[:20],
        whole[:32],
        whole[:-1],
        whole + b"\0",
        "é".encode("utf-16"),
        b"\0" * len(whole),
    ):
        path.write_bytes(content)
        assert filled.read("name") is None


def test_an_entry_under_another_name_is_not_taken(filled):
    (filled.path / "other").write_bytes((filled.path / "name").read_bytes())
    assert filled.read("other") is None


@pytest.mark.parametrize("kind", ["folder", "link", "fifo"])
def test_something_else_in_the_place_of_a_file(filled, kind, tmp_path):
    path = filled.path / "name"
    path.rename(tmp_path / "moved")
    {
        "folder": path.mkdir,
        "link": lambda: path.symlink_to(tmp_path / "moved"),
        "fifo": lambda: os.mkfifo(path),
    }[kind]()
    assert filled.read("name") is None


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o720, 0o702, 0o1777, 0o775])
def test_a_folder_that_others_may_write_is_refused(filled, mode):
    filled.path.chmod(mode)
    assert filled.read("name") is None
    for use in (lambda: Store.at(filled.path), lambda: filled.write("name", b"")):
        with pytest.raises(UnsafeError, match=r"others may write there.*run as code.*chmod go-w"):
            use()


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o500, 0o711])
def test_a_folder_that_others_may_read_is_used(filled, mode):
    filled.path.chmod(mode)
    assert Store.at(filled.path).read("name") == CODE


@pytest.mark.parametrize("mode", [0o666, 0o620, 0o602])
def test_a_file_that_others_may_write_is_not_taken(filled, mode):
    (filled.path / "name").chmod(mode)
    assert filled.read("name") is None


@as_root
def test_what_belongs_to_somebody_else_is_not_taken(filled):
    os.chown(filled.path / "name", NOBODY, NOBODY)
    assert filled.read("name") is None
    os.chown(filled.path, NOBODY, NOBODY)
    with pytest.raises(UnsafeError, match="belongs to somebody else"):
        Store.at(filled.path)


def test_a_link_that_is_turned_to_another_folder_later_is_not_followed(filled, tmp_path):
    link, planted = tmp_path / "link", Store.at(tmp_path / "planted")
    link.symlink_to(filled.path)
    store = Store.at(link)
    planted.write("name", b"planted")
    link.unlink()
    link.symlink_to(planted.path)
    assert store.read("name") == CODE


def test_a_folder_that_is_put_in_its_place_is_looked_at_again(filled, tmp_path):
    filled.path.rename(tmp_path / "moved")
    filled.path.mkdir()
    filled.path.chmod(0o777)
    (filled.path / "name").write_bytes((tmp_path / "moved" / "name").read_bytes())
    assert filled.read("name") is None


# The same through the whole of symopt, in processes of their own


@pytest.mark.parametrize("where", ["shared", "sticky"])
def test_a_cache_that_others_may_write_is_refused_with_one_warning(tmp_path, where):
    home = tmp_path / where
    home.mkdir()
    home.chmod(0o777 if where == "shared" else 0o1777)
    found, warned = python(home)
    assert found == f"{RIGHT} 2"
    assert warned.startswith("1 kernels are kept in memory")
    assert all(
        word in warned for word in (str(home), "others may write", "chmod go-w", "SYMOPT_CACHE")
    )
    assert list(home.iterdir()) == []


def test_a_folder_of_one_s_own_in_a_shared_temporary_folder_is_used(tmp_path):
    tmp_path.chmod(0o1777)
    assert python(tmp_path / "own") == [f"{RIGHT} 2", "0"]
    assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o700
    assert python(tmp_path / "own")[0] == f"{RIGHT} 0"


def test_a_cache_with_damaged_entries_heals(tmp_path):
    python(tmp_path)
    draw = random.Random(1)
    for path in tmp_path.iterdir():
        bad = bytearray(path.read_bytes())
        for place in range(40, len(bad), 50):
            bad[place] ^= 1 << draw.randrange(8)
        path.write_bytes(bad)
    assert python(tmp_path) == [f"{RIGHT} 2", "0"]
    assert python(tmp_path)[0] == f"{RIGHT} 0"


def test_a_folder_in_the_place_of_every_entry(tmp_path):
    python(tmp_path)
    for path in list(tmp_path.iterdir()):
        path.unlink()
        path.mkdir()
    found, warned = python(tmp_path)
    assert found == f"{RIGHT} 2"
    assert warned.startswith("1 kernels are kept in memory")


def test_a_tilde_is_the_home(tmp_path):
    assert python("~/kernels", HOME=str(tmp_path))[0] == f"{RIGHT} 2"
    assert len(list((tmp_path / "kernels").iterdir())) == 2
