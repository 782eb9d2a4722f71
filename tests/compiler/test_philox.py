"""Philox: the published answers, normal numbers and where they come from, machine code against plain Python."""

import itertools
import math

import mpmath as mp
import numpy as np
import pytest

from symopt.compiler.codegen.printer import loop, module_source
from symopt.compiler.jit import cache
from symopt.compiler.library.philox import cos_turns, normal, philox, product, raised, uniform

KNOWN = {
    "zeros": ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    "ones": ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    "pi": (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344], [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
}  # fmt: skip
"""Counter, key and result, from the kat_vectors of Random123."""
ENDS = {
    "seed": (0, 1, 0x123456789ABCDEF, 2**63 - 1), "stream": (0, 1, 2**32, 2**48 - 1),
    "step": (0, 1, 2**32 - 1, 2**40 - 1), "draw": (0, 1, 128, 255), "number": (0, 1, 2**31, 2**32 - 1),
}  # fmt: skip
PLACES = np.array(list(itertools.product(*ENDS.values())), dtype=np.int64)
COUNT = 50_000


def pair(high, low):
    """Return two words as one signed integer."""
    value = (high << 32) | low
    return value - 2**64 if value >= 2**63 else value


def words(x, y):
    return [(int(z) >> shift) & 0xFFFFFFFF for z in (x, y) for shift in (32, 0)]


def textbook(counter, key):
    """Philox 4x32-10 as the paper has it, in integers without bounds."""
    (c0, c1, c2, c3), (k0, k1) = counter, key
    for _ in range(10):
        first, second = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1 = (second >> 32) ^ c1 ^ k0, second & 0xFFFFFFFF
        c2, c3 = (first >> 32) ^ c3 ^ k1, first & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return [c0, c1, c2, c3]


def textbook_normal(seed, stream, step, draw, number):
    """The module's packing, and Box and Muller in the C library's functions."""
    high = draw * 2**24 + step // 2**32 * 2**16 + stream // 2**32
    c0, c1, c2, c3 = textbook(
        [number, step % 2**32, high, stream % 2**32], [seed % 2**32, seed // 2**32]
    )
    u, v = ((c0 << 32 | c1) >> 11) / 2**53, ((c2 << 32 | c3) >> 11) / 2**53
    return math.sqrt(-2 * math.log(1 - u)) * math.cos(2 * math.pi * v)


def evaluate(text, rows, outputs=1):
    """Return what a compiled kernel makes of each row of integers, named a, b, c, d, e in ``text``."""
    rows = np.asarray(rows, dtype=np.int64).reshape(len(rows), -1)
    loads = [f"{'abcde'[k]} = plan[1 + {rows.shape[1]}*i + {k}]" for k in range(rows.shape[1])]
    stores = [f"out[{outputs}*i + {k}] = {text.replace('HALF', str(k))}" for k in range(outputs)]
    body = ["count = plan[0]", *loop("i", "count", [*loads, *stores])]
    out = np.empty(len(rows) * outputs)
    kernel = cache.kernel(
        module_source("evaluate", body, ["philox", "normal", "cos_turns", "uniform"])
    )
    kernel(np.empty(0), np.concatenate([[len(rows)], rows.ravel()]), out)
    return out.reshape(-1, outputs)


def normals(**ranges):
    """Return compiled normal numbers along an axis or two; the other coordinates are 1."""
    columns = np.broadcast_arrays(*(ranges.get(name, 1) for name in ENDS))
    return evaluate(
        "normal(a, b, c, d, e)", np.stack([np.ravel(column) for column in columns], axis=1)
    ).ravel()


@pytest.mark.parametrize("name", KNOWN)
def test_published_answers(name):
    counter, key, wanted = KNOWN[name]
    x, y, k = pair(*counter[:2]), pair(*counter[2:]), pair(key[1], key[0])
    assert textbook(counter, key) == wanted
    assert words(*(philox(x, y, k, half) for half in (0, 1))) == wanted
    compiled = evaluate("bitcast_to_float(philox(a, b, c, HALF))", [[x, y, k]], outputs=2)
    assert words(*compiled.view(np.int64)[0]) == wanted


def test_plain_and_compiled_words_are_the_textbook_s():
    rows = np.random.default_rng(0).integers(-(2**63), 2**63, (300, 3))
    compiled = evaluate("bitcast_to_float(philox(a, b, c, HALF))", rows, outputs=2).view(np.int64)
    for (x, y, k), found in zip(rows.tolist(), compiled, strict=True):
        low, high = words(k, 0)[1], words(k, 0)[0]
        wanted = textbook(words(x, y), [low, high])
        assert words(*found) == wanted
        assert words(*(philox(x, y, k, half) for half in (0, 1))) == wanted


@pytest.mark.parametrize("kind", [int, np.int64])
def test_no_step_in_plain_python_leaves_64_bits(kind):
    ends = [0, 1, 2**31 - 1, 2**31, 2**32 - 1]
    with np.errstate(all="raise"):
        for a, m in itertools.product(ends, ends):
            assert int(product(kind(a), kind(m))) % 2**64 == a * m
            assert int(raised(kind(a))) % 2**64 == a << 32
        for row in PLACES[::37]:
            x = philox(*(kind(part) for part in row[:3]), 0)
            assert -(2**63) <= x < 2**63


def test_uniform_numbers_are_the_upper_53_bits():
    assert uniform(0) == uniform(2**11 - 1) == 0.0
    assert uniform(2**11) == 2.0**-53
    assert uniform(-1) == 1 - 2.0**-53
    assert uniform(-(2**63)) == 0.5


def test_cosines_of_turns_are_accurate():
    raw = np.random.default_rng(1).integers(0, 2**53, 500)
    eighths = [k * 2**50 + d for k in range(8) for d in (-1, 0, 1)]
    u = np.concatenate([raw, np.arange(50), 2**53 - 1 - np.arange(50), eighths]) / 2.0**53
    found = evaluate("cos_turns(bitcast_to_float(a))", u.view(np.int64)).ravel()
    np.testing.assert_array_equal(found, [cos_turns(point) for point in u])
    with mp.workprec(200):
        for f, point in zip(found.tolist(), u.tolist(), strict=True):
            exact = mp.cospi(2 * mp.mpf(point))
            assert abs(f - exact) <= 1.5 * math.ulp(float(exact)) * (exact != 0)


def test_normals_are_the_textbook_s_at_every_end_of_their_range():
    wanted = [textbook_normal(*row) for row in PLACES.tolist()]
    np.testing.assert_allclose(
        evaluate("normal(a, b, c, d, e)", PLACES).ravel(), wanted, rtol=1e-13, atol=1e-15
    )


def test_machine_code_has_the_bits_of_plain_python():
    rng = np.random.default_rng(2)
    rows = np.concatenate(
        [PLACES[::7], np.stack([rng.integers(0, 2**k, 200) for k in (63, 48, 40, 8, 32)], axis=1)]
    )
    compiled = evaluate("normal(a, b, c, d, e)", rows).ravel()
    with np.errstate(over="raise"):
        np.testing.assert_array_equal(compiled, [normal(*row) for row in rows.tolist()])
        np.testing.assert_array_equal(compiled[:50], [normal(*row) for row in rows[:50]])


@pytest.mark.parametrize("axis", ["stream", "step", "number"])
def test_moments_and_distribution(axis):
    z = normals(**{axis: np.arange(COUNT)})
    for power, moment, spread in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs(np.mean(z**power) - moment) < 4 * math.sqrt(spread / COUNT)
    below = np.array([0.5 + 0.5 * math.erf(point / math.sqrt(2)) for point in np.sort(z)])
    ranks = np.arange(COUNT + 1) / COUNT
    distance = max(np.max(ranks[1:] - below), np.max(below - ranks[:-1]))
    assert distance * math.sqrt(COUNT) < 1.63  # Kolmogorov and Smirnov's one per cent


@pytest.mark.parametrize("along", ["stream", "step", "number"])
@pytest.mark.parametrize("across", ENDS)
def test_neighbours_are_independent(along, across):
    axis = np.arange(10_000)
    one = normals(**{along: axis})
    other = normals(**{along: axis, across: axis + 1 if across == along else 2})
    for f, g in ((one, other), (one**2, other**2), (np.abs(one), other)):
        assert abs(np.corrcoef(f, g)[0, 1]) < 4 / math.sqrt(len(axis))


def test_no_two_places_share_a_number():
    assert len(np.unique(normals(stream=np.arange(200)[:, None], step=np.arange(200)))) == 40_000
    assert len(np.unique(normals(number=np.arange(150)[:, None], draw=np.arange(256)))) == 38_400
    assert len(np.unique(evaluate("normal(a, b, c, d, e)", PLACES))) == len(PLACES)
