"""Mini-batches: permutations, uniformity, and the same samples however the steps are cut into calls."""

import itertools
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from symopt.compiler.jit import cache
from symopt.compiler.runtime import minibatches
from symopt.compiler.runtime.minibatches import Batches

SEED = 20111112


def textbook(c0, c1, c2, c3, key):
    """Philox 4x32-10 as the paper has it; the result as two uniform numbers of 53 bits."""
    k0, k1 = key % 2**32, key >> 32
    for _ in range(10):
        first, second = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1 = (second >> 32) ^ c1 ^ k0, second & 0xFFFFFFFF
        c2, c3 = (first >> 32) ^ c3 ^ k1, first & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return [(c0 << 32 | c1) // 2**11 / 2**53, (c2 << 32 | c3) // 2**11 / 2**53]


def number(seed, epoch, position):
    """Return the uniform number of a position: two share a counter, and seeds have their top bit set."""
    pair, epoch = position // 2, epoch % 2**64
    counter = [pair >> 32, pair % 2**32, epoch >> 32, epoch % 2**32]
    return textbook(*counter, seed | 2**63)[position % 2]


def permutation(count, seed, epoch):
    """Fisher and Yates, as Knuth has it."""
    order = list(range(count))
    for i in range(count - 1, 0, -1):
        j = int(number(seed, epoch, i) * (i + 1))
        order[i], order[j] = order[j], order[i]
    return order


def plain(replace, count, seed, start, stop):
    """Run a kernel's source as plain Python."""
    plan = np.zeros(minibatches.HEAD + minibatches.CHOICES + count, dtype=np.int64)
    plan[:7] = count, seed - 2**63, start, stop, start // count, -(-stop // count), -1
    out = np.empty(stop - start, dtype=np.int64)
    with np.errstate(all="raise"):
        cache.load(minibatches.source(replace)).draw(np.empty(0), plan, out.view(np.float64))
    return out


@pytest.mark.parametrize("count", [1, 2, 3, 10, 257, 1023, 1024, 1025, 2049])
def test_an_epoch_is_the_textbook_s_permutation(count):
    for epoch in (0, 1, 5):
        found = Batches(count, count, SEED).indices(epoch + 1, epoch + 1)[0]
        np.testing.assert_array_equal(found, permutation(count, SEED, epoch))


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32, 2**63 - 1])
def test_seeds_and_late_epochs_reach_every_bit(seed):
    late = 2**40 - 1
    found = Batches(9, 9, seed).indices(late, late)[0]
    np.testing.assert_array_equal(found, permutation(9, seed, late - 1))


def test_samples_with_replacement_are_the_textbook_s():
    wanted = [int(number(SEED, -1, position) * 1000) for position in range(35)]
    np.testing.assert_array_equal(
        Batches(1000, 5, SEED, replace=True).indices(1, 7).ravel(), wanted
    )
    late = 2**40
    wanted = [int(number(SEED, -1, 3 * (late - 1) + k) * 1000) for k in range(3)]
    np.testing.assert_array_equal(
        Batches(1000, 3, SEED, replace=True).indices(late, late), [wanted]
    )


@pytest.mark.parametrize(("replace", "count", "start", "stop"), [
    (False, 7, 0, 40), (False, 1025, 1030, 1050), (False, 1, 3, 9), (True, 10, 0, 40), (True, 3, 10**12, 10**12 + 8),
])  # fmt: skip
def test_machine_code_draws_what_plain_python_draws(replace, count, start, stop):
    compiled = Batches(count, 1, SEED, replace).indices(start + 1, stop).ravel()
    np.testing.assert_array_equal(plain(replace, count, SEED, start, stop), compiled)


@pytest.mark.parametrize("count", [1, 2, 5, 100, 3000])
@pytest.mark.parametrize("batch", [1, 3, 32])
def test_every_epoch_is_a_permutation(count, batch):
    steps = -(-4 * count // batch)
    samples = Batches(count, batch, SEED).indices(1, steps).ravel()[: 4 * count]
    np.testing.assert_array_equal(
        np.sort(samples.reshape(4, count), axis=1), np.tile(np.arange(count), (4, 1))
    )


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize(("count", "batch"), [(10, 3), (7, 7), (4, 9), (50, 1), (1500, 64), (1, 2)])
def test_cutting_the_steps_into_calls_changes_nothing(replace, count, batch):
    whole = Batches(count, batch, SEED, replace).indices(1, 60)
    assert whole.shape == (60, batch)
    assert whole.dtype == np.int64
    held = Batches(count, batch, SEED, replace)
    for cuts in ([0, 60], [0, 1, 2, 3, 17, 18, 59, 60], range(61)):
        parts = [held.indices(low + 1, high) for low, high in itertools.pairwise(cuts)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)
    for step in (60, 1, 31, 30, 1):  # in any order
        np.testing.assert_array_equal(held.indices(step, step)[0], whole[step - 1])


def test_no_steps_are_no_rows():
    assert Batches(10, 4, SEED).indices(5, 4).shape == (0, 4)
    assert Batches(10, 3, SEED, replace=True).indices(6, 5).shape == (0, 3)


@pytest.mark.parametrize("replace", [False, True])
def test_what_was_returned_is_never_written_again(replace):
    held = Batches(10, 10, SEED, replace)
    first = held.indices(1, 1)
    before = first.copy()
    held.indices(2, 2)
    np.testing.assert_array_equal(first, before)


@pytest.mark.parametrize("replace", [False, True])
def test_the_batch_only_cuts_the_sequence(replace):
    one, other = (
        Batches(20, batch, SEED, replace).indices(1, 60 // batch).ravel() for batch in (3, 20)
    )
    np.testing.assert_array_equal(one, other)


def test_every_permutation_is_as_frequent_as_any_other():
    epochs = 24_000
    found = Counter(map(tuple, Batches(4, 4, SEED).indices(1, epochs).tolist()))
    assert len(found) == 24
    assert (
        sum((n - epochs / 24) ** 2 for n in found.values()) / (epochs / 24) < 41.6
    )  # chi-square, 23: one per cent


def test_every_sample_comes_at_every_position_equally_often():
    count, epochs = 9, 9_000
    rows = Batches(count, count, SEED).indices(1, epochs)
    table = np.stack([np.bincount(column, minlength=count) for column in rows.T])
    wanted = epochs / count
    assert (
        (table - wanted) ** 2
    ).sum() / wanted < 93.2  # chi-square, 64 degrees of freedom: one per cent


def test_epochs_follow_each_other_independently():
    rows = Batches(3, 3, SEED).indices(1, 20_001).tolist()
    found = Counter((*one, *other) for one, other in itertools.pairwise(rows))
    wanted = 20_000 / 36
    assert (
        sum((n - wanted) ** 2 for n in found.values()) / wanted < 57.3
    )  # chi-square, 35: one per cent
    assert len(found) == 36


@pytest.mark.parametrize("count", [1, 2, 7, 100])
def test_samples_with_replacement_are_uniform(count):
    samples = Batches(count, 10, SEED, replace=True).indices(1, 10_000).ravel()
    assert samples.min() == 0
    assert samples.max() == count - 1
    wanted = samples.size / count
    squares = ((np.bincount(samples, minlength=count) - wanted) ** 2).sum() / wanted
    assert squares <= count - 1 + 2.6 * np.sqrt(2 * (count - 1)) + 2
    if count > 1:
        centred = samples - samples.mean()
        assert abs(centred[1:] @ centred[:-1] / (centred @ centred)) < 4 / np.sqrt(samples.size)


def test_a_batch_with_replacement_repeats_samples():
    rows = np.sort(Batches(10, 10, SEED, replace=True).indices(1, 100), axis=1)
    assert (np.diff(rows, axis=1) == 0).any()


def test_seeds_epochs_and_kinds_differ():
    orders = [Batches(50, 50, seed).indices(1, 3) for seed in (0, 1, 2**32)]
    orders.append(Batches(50, 50, 0, replace=True).indices(1, 3))
    assert len({tuple(row) for rows in orders for row in rows.tolist()}) == 12


@pytest.mark.parametrize("replace", [False, True])
def test_threads_share_one_object(replace):
    whole, shared, start = (
        Batches(500, 7, SEED, replace).indices(1, 400),
        Batches(500, 7, SEED, replace),
        threading.Barrier(8),
    )

    def draw(worker):
        start.wait()
        steps = np.random.default_rng(worker).integers(1, 380, 200).tolist()
        return all(np.array_equal(shared.indices(s, s + 20), whole[s - 1 : s + 20]) for s in steps)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(draw, range(8)))


def test_other_numbers_compile_nothing():
    for replace in (False, True):
        Batches(10, 3, 0, replace).indices(1, 2)
    before = cache.compiled
    for replace in (False, True):
        Batches(5000, 64, 9, replace).indices(3, 900)
    assert cache.compiled == before
