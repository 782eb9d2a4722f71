"""Costs with sums that cannot be used are refused in words that name the culprit, before anything compiles or runs."""

import math
import re

import numpy as np
import pytest
import sympy as sp

import symopt as so
from symopt.costs import size_finder

i, j, k, m, n, d = sp.symbols("i j k m n d", integer=True)
a = sp.Symbol("a")
th, X, t, c, W, H, G = (sp.IndexedBase(name) for name in ("theta", "X", "t", "c", "W", "H", "G"))
Sum, NAN, INF = sp.Sum, math.nan, math.inf
ROWS, TARGETS = np.arange(15.0).reshape(5, 3), np.ones(5)
CHAIN = so.Cost(Sum((th[i + 1] - th[i]) ** 2, (i, 0, n - 2)), params=th)
SCALED = so.Cost(a * Sum(th[i] ** 2, (i, 0, n - 1)), params=th)


def fit(**changes):
    """Return least squares over 5 rows of 3 columns, with some of its arguments changed."""
    residual = Sum(X[k, j] * th[j], (j, 0, d - 1)) - t[k]
    arguments = {"params": th, "data": {X: ROWS, t: TARGETS}, **changes}
    return so.Cost(Sum(residual**2, (k, 0, m - 1)), **arguments)


def over(body, *limits, params=th, **roles):
    return so.Cost(Sum(body, *limits or [(k, 0, m - 1)]), params=params, **roles)


# Ranges


@pytest.mark.parametrize(
    ("cost", "theta", "words"),
    [
        (over(th[i - 1] ** 2, (i, 0, n - 1)), [1, 2, 3], ["theta", "index -1", "begin at 0"]),
        (over(th[i - 1] ** 2, (i, 0, 3)), [1, 2, 3], ["theta", "index -1"]),
        (so.Cost(th[-1] ** 2 + th[0], params=th), [1, 2, 3], ["theta", "index -1"]),
        (over(th[i] * t[i - 1], (i, 0, n - 1), data={t: TARGETS}), [1] * 6, [r"\bt\b", "index -1"]),
        (over(th[0] * t[i], (i, 0, 9), data={t: TARGETS}), [1], [r"t has shape \(5,\)", "index is 9", "expected 10"]),
        (over(th[i] * t[i + 1], (i, 0, n - 1), data={t: TARGETS}), [1] * 5, ["5 number", r"theta \(4\)", "n = 4", r"t has shape \(5,\)"]),
        (over(th[0] * t[i], (i, 0, 10**12), data={t: TARGETS}), [1], [r"t has shape \(5,\)", "index is 1000000000000;"]),
        (over(th[i] ** 2, (i, 0, 10**12)), [1], [r"1 number", "expected 1000000000001"]),
    ],
)  # fmt: skip
def test_indices_outside_of_their_array(refused, cost, theta, words):
    for method in (
        cost.value,
        cost.grad,
        cost.hessian,
        lambda point: so.minimize(cost, "gd", point, 3),
    ):
        refused(lambda method=method: method(theta), so.SymoptError, *words)


@pytest.mark.parametrize("theta", [[1, 2], [1, 2, 3, 4], [], 1.0, np.ones((2, 3, 4))])
def test_points_that_do_not_fit_the_data(refused, theta):
    words = ["number", r"theta \(3\)", "d = 3", r"X has shape \(5, 3\)"]
    refused(lambda: fit().value(theta), so.CostError, *words)
    refused(lambda: so.minimize(fit(), "gd", theta, 3), so.RunError, *words)
    refused(lambda: so.sweep(fit(), "gd", theta, 3), so.RunError, *words)


POWER = Sum(a**i, (i, 0, n - 1))


@pytest.mark.parametrize(
    "ask",
    [
        lambda: so.Cost(POWER, params=[a]).value([1]),
        lambda: so.minimize(so.Cost(POWER, params=[a]), "gd", [1], 3),
        lambda: so.sweep(so.Cost(POWER, params=[a]), "gd", [1], 3),
        lambda: CHAIN.size,
    ],
    ids=["value", "minimize", "sweep", "size"],
)
def test_sums_over_an_unknown_size(refused, ask):
    refused(ask, so.SymoptError, "size n is unknown", "n=10")


def test_the_remedies_for_an_unknown_size_work(refused):
    cost = over(W[i, j] ** 2, (i, 0, n - 1), (j, 0, m - 1), params=W)
    refused(
        lambda: cost.value(np.ones(6)),
        so.CostError,
        "size m is unknown",
        "m=10",
        "start for each",
        "shape=",
    )
    stated = sp.IndexedBase("W", shape=(2, 3))
    assert cost.value(np.ones(6), m=3) == cost.value({W: np.ones((2, 3))}) == 6
    assert (
        over(stated[i, j] ** 2, (i, 0, n - 1), (j, 0, m - 1), params=stated).value(np.ones(6)) == 6
    )


# Sizes that contradict each other

STATED, NARROW = sp.IndexedBase("W", shape=(5, 3)), sp.IndexedBase("X", shape=(5, 4))


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: fit(data={X: ROWS, t: np.ones(4)}).value([1, 2, 3]), [r"t has shape \(4,\)", "m = 5", r"X has shape \(5, 3\)", "expected 5"]),
        (lambda: fit()(X=np.ones((6, 3))).value([1, 2, 3]), [r"t has shape \(5,\)", "m = 6", r"X has shape \(6, 3\)"]),
        (lambda: fit()(X=np.ones((5, 4))).value([1, 2, 3]), ["3 number", r"theta \(4\)", "d = 4", r"X has shape \(5, 4\)"]),
        (lambda: so.minimize(fit(), "gd", [1, 2, 3], 3, X=np.ones((5, 2))), ["3 number", r"theta \(2\)", "d = 2", r"X has shape \(5, 2\)"]),
        (lambda: fit().value({th: [1, 2]}), [r"theta has shape \(2,\)", "d = 3", r"X has shape \(5, 3\)"]),
        (lambda: fit().value([1, 2, 3], m=7), [r"X has shape \(5, 3\)", "m = 7, as given"]),
        (lambda: fit().value([1, 2, 3], m=2), [r"X has shape \(5, 3\)", "m = 2, as given"]),
        (lambda: CHAIN.value([1, 2, 3], n=7), ["3 number", r"theta \(7\)", "n = 7, as given"]),
        (lambda: CHAIN(n=2).value([1, 2, 3]), ["3 number", r"theta \(2\)", "n = 2, as given"]),
        (lambda: over(W[i, j] ** 2, (i, 0, n - 1), (j, 0, n - 1), params=W).value({W: np.ones((2, 3))}), [r"W has shape \(2, 3\)", "n = 2", "axis 1"]),
        (lambda: over(STATED[k, j] ** 2, (k, 0, 4), (j, 0, 2), params=STATED).value({"W": np.ones((3, 5))}), [r"W has shape \(3, 5\)", "length of 5"]),
        (lambda: over(STATED[k, j] ** 2, (k, 0, 4), (j, 0, 2), params=STATED).value(np.ones(14)), ["14", "expected 15", "5 x 3"]),
        (lambda: over(STATED[k, j] ** 2, (k, 0, 7), (j, 0, 2), params=STATED).value(np.ones(24)), ["W is read at index 7", "length of 5", "up to 4"]),
        (lambda: over(NARROW[k, j] * th[j], (k, 0, m - 1), (j, 0, d - 1), data={NARROW: ROWS}).value([1, 2, 3]), [r"X has shape \(5, 3\)", "length of 4"]),
        (lambda: over(STATED[k, 0] + sp.IndexedBase("W", shape=(4, 3))[k, 0], params="W"), ["W", r"\(5, 3\)", r"\(4, 3\)"]),
    ],
)  # fmt: skip
def test_sizes_that_contradict_each_other(refused, ask, words):
    refused(ask, so.SymoptError, *words)


@pytest.mark.parametrize("size", [3.0, "3", True, -1, None, [3], np.array([3]), NAN, np.float64(4)])
def test_sizes_that_are_no_whole_numbers(refused, size):
    words = [f"n={re.escape(repr(size))}", "whole number"]
    refused(lambda: CHAIN.value([1, 2, 3], n=size), so.CostError, *words)
    refused(lambda: CHAIN(n=size).grad([1, 2, 3]), so.CostError, *words)


def test_sizes_of_a_run_that_are_no_whole_numbers(refused):
    refused(
        lambda: so.minimize(CHAIN, "gd", [1, 2, 3], 3, n=3.0),
        so.RunError,
        r"n=3\.0",
        "whole number",
    )
    refused(
        lambda: so.sweep(CHAIN, "gd", [1, 2, 3], 3, n=[3, 4]),
        so.RunError,
        r"n=\[3, 4\]",
        "whole number",
    )


@pytest.mark.parametrize(
    "ask",
    [
        lambda: so.Cost(POWER, params=[a]).value([0.5], n=10**30),
        lambda: over(th[0] * i, (i, 0, 10**30)),
        lambda: over(th[0] * t[i], (i, -(10**30), 2), data={t: TARGETS}),
        lambda: over(th[10**30] + th[i], (i, 0, 2)).value([1, 2, 3]),
        lambda: over(H[i], (i, 0, 10**30), where={H[i]: th[0] * i}),
    ],
    ids=["size", "high", "low", "index", "where"],
)
def test_sizes_beyond_what_a_machine_counts(refused, ask):
    refused(ask, so.CostError, "10{30}|10{29}1")


def test_intermediates_that_no_memory_holds(refused, monkeypatch):
    named = over(H[k] ** 2, (k, 0, 10**12), where={H[k]: th[0] * k})
    refused(lambda: named.value([1]), so.CostError, r"\bH\b", "7451 GiB", "1000000000001")
    softmax = so.Cost(so.logsumexp(Sum(th[j], (j, 0, 2)) * k, (k, 0, 10**12)), params=th)
    refused(lambda: softmax.value([1, 1, 1]), so.CostError, "logsumexp", "7451 GiB")
    monkeypatch.setattr(size_finder, "LARGEST_STORED", 3)
    refused(
        lambda: over(H[k], data={t: TARGETS}, where={H[k]: th[0] * t[k]}).value([1]),
        so.CostError,
        r"\(5,\)",
    )


# Indices

INDICES = {
    "i**2": i**2, "i*j": i * j, r"floor\(i/2\)": sp.floor(i / 2), "i/2": i / 2, r"1\.0\*i": 1.0 * i, r"2\.5": sp.Float(2.5), "1/2": sp.Rational(1, 2),
    r"Mod\(i, 2\)": sp.Mod(i, 2), r"Abs\(i\)": sp.Abs(i), r"2\*\*i": 2**i, "i*m": m * i, "sin": sp.sin(i),
}  # fmt: skip


@pytest.mark.parametrize("words", INDICES)
def test_indices_that_are_not_affine(refused, words):
    index, limits = INDICES[words], [(i, 0, 3), (j, 0, m)]
    words = words.replace("*", r"\*").replace(r"\\*", r"\*")
    refused(
        lambda: over(th[index], *limits), so.CostError, words, "not affine", r"2\*i \+ 1", r"c\[k\]"
    )
    refused(
        lambda: over(th[j] * t[index], *limits, data={t: TARGETS}),
        so.CostError,
        words,
        "not affine",
    )
    refused(
        lambda: over(th[j] * H[index], *limits, where={H[i]: th[i]}), so.CostError, "not affine"
    )


def test_parameters_do_not_choose_entries(refused):
    refused(lambda: over(th[W[k]], params=[th, W]), so.CostError, r"W\[k\]", "only integer data")


CHOICES = {
    "float64": [0.0, 1.0], "float32": np.ones(2, np.float32), "bool": [True, False], "<U1": ["a", "b"], "complex128": [0, 1j], "object": [object(), 1],
    "datetime64": np.array(["2020-01-01"], "datetime64[D]"), "lengths": [[1], [1, 2]], r"empty.*\(0,\)": [], r"\(1, 2\).*expected 1 ax": [[1, 2]],
    r"\(\).*expected 1 ax": 3, "9223372036854775809": np.array([2**63 + 1], np.uint64), "4611686018427387904": [2**62],
}  # fmt: skip


@pytest.mark.parametrize("words", CHOICES)
def test_data_that_cannot_choose_entries(refused, words):
    refused(lambda: over(th[c[k]], data={c: CHOICES[words]}), so.CostError, "data c", words)


def test_the_remedy_for_floats_that_choose_entries_works(refused):
    floats = np.array([0.0, 1.0, 1.0])
    refused(lambda: over(th[c[k]], data={c: floats}), so.CostError, "float64", r"c\.astype\(int\)")
    assert over(th[c[k]] ** 2, data={c: floats.astype(int)}).value([1, 2]) == 9


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: over(th[c[k]], data={c: [0, -1]}).value([1, 2]), ["theta is read at index -1", "entries of c go from -1 to 0"]),
        (lambda: over(th[c[k]], data={c: [0, 10]}).value([1, 2]), ["2 number", "expected 11", "entries of c go from 0 to 10"]),
        (lambda: over(th[0] * X[c[k], 0], data={c: [0, 10], X: ROWS}).value([1]), [r"X has shape \(5, 3\)", "entries of c go from 0 to 10", "axis 0"]),
        (lambda: over(th[0] * X[c[k], 0], data={c: [0, -9], X: ROWS}).value([1]), ["X is read at index -9", "entries of c go from -9 to 0"]),
        (lambda: over(STATED[c[k], j], (k, 0, m - 1), (j, 0, 2), params=STATED, data={c: [0, 10]}).value(np.ones(33)), ["W is read at index 10", "entries of c go", "length of 5"]),
        (lambda: so.minimize(over(th[c[k]] ** 2, data={c: [0, -1]}), "gd", [1, 2], 3), ["theta is read at index -1", "entries of c"]),
    ],
)  # fmt: skip
def test_entries_that_choose_what_is_not_there(refused, ask, words):
    refused(ask, so.SymoptError, *words)


# Data

NUMBERS = {
    "not finite": [1, NAN], "inf.*not finite": [1, INF], "'a'.*real numbers": ["a", "b"], "1j.*real numbers": [1j, 2], "True.*real numbers": [True, False],
    "object.*real numbers": [object(), 1], r"\(1, 2\).*expected 1 ax": [[1, 2]], r"\(\).*expected 1 ax": 3.0, "empty": [], "None": None,
    r"\[1, 2\]\].*real numbers": [[1], [1, 2]], "a, 1": [a, 1], "beyond float64": [10**400, 1], "abc": "abc", "masked": np.ma.masked_array([1.0, 2.0], [0, 1]),
}  # fmt: skip


@pytest.mark.parametrize("words", NUMBERS)
def test_data_that_are_no_numbers_of_the_right_shape(refused, words):
    refused(lambda: over(th[k] * t[k], data={t: NUMBERS[words]}), so.CostError, "data t", words)
    refused(lambda: fit()(t=NUMBERS[words]), so.CostError, "data t", words)
    refused(
        lambda: so.minimize(fit(), "gd", [1, 2, 3], 3, t=NUMBERS[words]),
        so.SymoptError,
        r"\bt\b",
        words,
    )


def test_float64_data_that_would_be_used_where_they_lie_are_looked_at_too(refused):
    for bad in (np.array([1.0, NAN]), np.array([-INF, 1.0])):
        refused(
            lambda bad=bad: over(th[k] * t[k], data={t: bad}),
            so.CostError,
            "data t",
            "NaN or infinity",
        )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({t: TARGETS, W: TARGETS}, ["W", "does not occur"]), ({"tt": TARGETS}, ["tt", "did you mean 't'"]), ({"a": TARGETS}, ["a, which is no array", r"J\(a=2\)"]),
        ({"m": 3}, ["m, which is no array"]), ({"k": 3}, ["k, which does not occur"]), ({th: TARGETS, t: TARGETS}, ["theta", "parameter", "data"]),
        ({t: TARGETS, "t": TARGETS}, ["t are given twice"]), ([TARGETS], ["a list; expected a mapping", "IndexedBase"]), ({1: TARGETS}, ["1 is a int", "IndexedBase"]),
        ({t[k]: TARGETS}, [r"t\[k\]", "IndexedBase"]), ({}, [r"t\[k\]", "neither a parameter nor data", "data={t: array}"]),
    ],
)  # fmt: skip
def test_data_for_other_names(refused, data, words):
    refused(lambda: over(a * th[k] * t[k], data=data), so.CostError, *words)


def test_data_beside_no_array(refused):
    refused(lambda: so.Cost(a**2, data={t: TARGETS}), so.CostError, "t, which does not occur")
    refused(lambda: fit()(Y=ROWS), so.CostError, "'Y'", "X")


# Names


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ([th, W], "'W' does not occur"), ("tehta", "'tehta' does not occur.*did you mean 'theta'"), ([th, sp.Symbol("b")], "'b' does not occur"),
        ([th, k], "'k' is the index of a sum"), ([th, m], "'m'.*size"), ([th, th], "'theta' is given twice"), ([th, "theta"], "twice"), ([th, 5], "5 is a int"),
        (5, "params=5"), ([], "empty"), ([th[k]], r"theta\[k\] is a Indexed"), ([None], "None"), ([th, H], "H is given as a parameter and in where"),
    ],
)  # fmt: skip
def test_parameters_that_do_not_fit(refused, params, words):
    refused(
        lambda: over(th[k] * H[k], params=params, where={H[k]: sp.sin(th[k])}), so.CostError, words
    )


def test_a_cost_of_data_alone(refused):
    refused(
        lambda: so.Cost(Sum(t[k], (k, 0, m - 1)), data={t: TARGETS}), so.CostError, "no parameters"
    )
    refused(lambda: so.Cost(Sum(k, (k, 0, 3))), so.CostError, "no parameters")


@pytest.mark.parametrize(
    ("expression", "name"),
    [
        (th[i] + Sum(th[i], (i, 0, n - 1)), "i"), (th[i], "i"), (i * Sum(th[i], (i, 0, n - 1)), "i"), (Sum(th[j] ** 2, (i, 0, n - 1)), "j"),
        (Sum(th[i] * Sum(th[j], (j, 0, 2)), (i, 0, j)), "j"), (Sum(th[i], (i, 0, i)), "i"), (Sum(th[i] * th[j], (j, 0, n - 1), (i, 0, j)), "j"),
        (th[sp.Idx("ii")] ** 2 + th[0], "ii"), (Sum(th[i], (i, 0, sp.Idx("ii"))), "ii"), (Sum(th[n * i], (i, 0, 3)), "n"), (th[n - 1] ** 2, "n"),
    ],
)  # fmt: skip
def test_an_index_outside_its_sum(refused, expression, name):
    refused(
        lambda: so.Cost(expression, params=th),
        so.CostError,
        rf"^{name} is used as an index outside",
        rf"Sum\(..., \({name}, first, last\)\)",
    )


def test_the_remedy_for_a_size_that_stands_in_an_index_alone_works(refused):
    refused(lambda: so.Cost(th[n - 1] ** 2, params=th), so.CostError, r"shape=\(n,\)")
    stated = sp.IndexedBase("theta", shape=(n,))
    assert so.Cost(stated[n - 1] ** 2, params=stated).value([1, 2, 3]) == 9


@pytest.mark.parametrize("limit", [i, (i, 5), (i, None, 5)])
def test_a_sum_without_a_range_is_refused_by_sympy(limit):
    for kind in (Sum, sp.Product, so.logsumexp):
        with pytest.raises(ValueError, match=r"bounds|range"):
            so.Cost(kind(th[i], limit), params=th)


@pytest.mark.parametrize(
    ("high", "words"),
    [
        (sp.oo, "oo"), (-sp.oo, "oo"), (sp.Float(3.5), r"sum over i has the bound 3\.5"), (sp.Float(3.0), r"bound 3\.0"), (sp.Rational(5, 2), "bound 5/2"),
        (n / 2, "bound n/2.*size h"), (sp.floor(n / 2), r"bound floor\(n/2\)"), (1.0 * a, r"bound 1\.0\*a"), (n**2, r"n\*\*2"), (sp.I, "I"), (sp.zoo, "zoo"),
        (sp.nan, "nan"), (th[0], r"the bound theta\[0\] of the sum over \w+ is looked up in an array"), (t[0], r"t\[0\]"), (sp.sin(a), r"sin\(a\)"), (Sum(j, (j, 0, 2)), "Sum"),
    ],
)  # fmt: skip
def test_bounds_that_are_no_whole_numbers(refused, high, words):
    for kind in (Sum, sp.Product, so.logsumexp):
        refused(
            lambda kind=kind: so.Cost(kind(th[i], (i, 0, high)), params=th), so.CostError, words
        )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (th[i] + th[i, 0], "theta is used with .* indices"), (th[i] + sp.Symbol("theta"), "theta is used both"), (sp.IndexedBase("i")[i] + th[i], "i is used both"),
        (sp.IndexedBase("n")[i] * th[n], "n is used both"), (th * th[i], "theta is used both"), (th[i] * a + sp.Symbol("a", positive=True), "called 'a'.*assumptions"),
        (th[i] + sp.Symbol("i"), "called 'i'.*assumptions"), (th[i] + Sum(th[j], (j, 0, sp.Symbol("i"))), "called 'i'.*assumptions"), (th[sp.Idx("i")] * th[i], "'i'.*assumptions"),
    ],
)  # fmt: skip
def test_names_that_are_used_in_two_ways(refused, body, words):
    refused(lambda: over(body, (i, 0, 2)), so.CostError, words)


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (sp.besselj(0, th[i]), so.UnsupportedError, r"besselj\(0, theta\[i\]\).*factorial"), (sp.Function("y")(i) * th[i], so.UnsupportedError, r"IndexedBase\('y'\) and y\[i\]"),
        (sp.Derivative(sp.Function("f")(a), a) * th[i], so.UnsupportedError, r"f\(a\).*symbol"), (sp.I * th[i], so.CostError, "imaginary"),
        (sp.sqrt(-2) * th[i], so.CostError, "imaginary|real"), (sp.zoo * th[i], so.CostError, "zoo|nan"),
    ],
)  # fmt: skip
def test_bodies_without_machine_code(refused, body, kind, words):
    refused(lambda: over(body, (i, 0, 2)), kind, words)


# Named intermediates

USED = Sum((H[k] - t[k]) ** 2, (k, 0, m - 1))
RANGES = r"needs a range.*\(k, first, last\)"


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({H[k]: H[k] * th[k]}, r"H\[k\] refers to itself"), ({H[k]: G[k] * th[k], G[k]: H[k]}, r"H\[k\] refers to G, which refers to it"),
        ({H[k]: G[k] * th[k], G[k]: W[k], W[k]: H[k]}, "refers to G, W"), ({H[k]: th[k], G[k]: th[k]}, r"G\[k\] is not used"),
        ({H[k]: th[k], G[k]: (th[k], (k, 0, m - 1))}, r"G\[k\] is not used"), ({H[k]: th[k], H[j]: th[j]}, "defined twice"),
        ({H[k + 1]: th[k]}, r"H\[k \+ 1\].*plain indices"), ({H[0]: th[k]}, r"H\[0\].*plain indices"), ({H: th[k]}, "H .*plain indices"), ({"H": th[k]}, "'H'.*plain indices"),
        ({H[k]: (th[k], (k, 0))}, RANGES), ({H[k]: (th[k], (j, 0, 3))}, RANGES), ({H[k]: (th[k], 5)}, RANGES), ({H[k]: (th[k], k)}, RANGES),
        ({H[k]: (th[k], (k, 0, 3), (j, 0, 3))}, RANGES), ({H[k]: (th[k], (k, 0, sp.oo))}, "oo"), ({H[k]: (th[k], (k, 0, 2.5))}, r"bound 2\.5"),
        ({H[k]: ()}, r"H\[k\] is \(\)"), ({H[k]: "th"}, "'th'.*expected a SymPy"), ({H[k]: None}, "None"), ({H[k]: True}, "True"), ({H[k]: th[k] > 0}, "theta.* > 0"),
        ({H[k]: sp.Matrix([1, 2])}, "Matrix"), ({H[k]: 1j}, "1j"), ({H[k]: th[k] + sp.nan}, "nan"), ({H[k]: th[k] - sp.oo}, "oo"), ({H[k]: sp.I * th[k]}, "imaginary"),
        ({H[k]: sp.besselj(0, th[k])}, "besselj"), ({H[k]: th[j]}, "j is used as an index outside"), ({H[k, j]: th[k] + th[j]}, "H is used with .* indices"),
        ({t[k]: th[k], H[k]: th[k]}, "t is given as data and in where"), ([H], "where="), ({H[k]: th[k] * sp.Symbol("k")}, "'k'.*assumptions"),
    ],
)  # fmt: skip
def test_intermediates_that_cannot_be_computed(refused, where, words):
    refused(lambda: so.Cost(USED, params=th, data={t: TARGETS}, where=where), so.CostError, words)


@pytest.mark.parametrize(
    ("body", "where", "words"),
    [
        (H[k, k] * t[k], {H[k, k]: th[k]}, r"H\[k, k\] has an index twice"), (H[k] * H[j] * t[0], {H[k]: th[k]}, "different ranges for k.*first, last"),
        (H[c[k]] * t[k], {H[k]: th[k]}, r"H\[c\[k\]\].*entries of data.*first, last"), (H[k**2] * t[k], {H[k]: th[k]}, "not affine"), (H[d * k] * t[k], {H[k]: th[k]}, "affine"),
    ],
)  # fmt: skip
def test_intermediates_whose_range_does_not_follow(refused, body, where, words):
    data = {t: TARGETS} | ({c: [1, 0, 0, 1, 1]} if body.has(c) else {})
    refused(
        lambda: over(body, (k, 0, m - 1), (j, 0, d), data=data, where=where), so.CostError, words
    )


def test_an_intermediate_that_is_used_where_it_is_not_computed(refused):
    for high, theta in ((m - 3, 3), (m - 2, 4)):
        cost = so.Cost(USED, params=th, data={t: TARGETS}, where={H[k]: (th[k], (k, 0, high))})
        refused(
            lambda cost=cost, theta=theta: cost.value(np.ones(theta)),
            so.CostError,
            rf"H is computed .* 0 to {theta - 1}",
            "from 0 to 4",
            "m = 5",
        )
    late = so.Cost(USED, params=th, data={t: TARGETS}, where={H[k]: (th[k], (k, 1, m - 1))})
    refused(lambda: late.grad(np.ones(5)), so.CostError, "H is computed from index 1 to 4")
    below = so.Cost(USED, params=th, data={t: TARGETS}, where={H[k]: (th[k + 3], (k, -2, m - 1))})
    refused(lambda: below.grad(np.ones(8)), so.CostError, "H .*index -2")
    chosen = over(H[c[k]] ** 2, data={c: [0, 4, 2]}, where={H[k]: (th[k], (k, 0, 3))})
    refused(
        lambda: chosen.value(np.ones(4)),
        so.CostError,
        "H is computed from index 0 to 3",
        "from 0 to 4",
    )


# Samples


@pytest.mark.parametrize("samples", [d, "zz", 5, [k], th, (k, j), 2.5, k + 1])
def test_samples_that_are_no_index(refused, samples):
    refused(lambda: fit(samples=samples), so.CostError, "samples=", "expected one of j, k")
    refused(lambda: so.Cost(a**2, samples=k), so.CostError, "samples=k", "a cost with a sum")


@pytest.mark.parametrize(
    ("samples", "batch", "kind", "words"),
    [
        (j, 2, so.CostError, "linearly"), (None, 2, so.CostError, "samples=k"), (k, 0, so.RunError, "batch=0"), (k, 6, so.RunError, "batch=6.*5 samples"),
        (k, 2.0, so.RunError, r"batch=2\.0"), (k, True, so.RunError, "batch=True"), (k, "2", so.RunError, "batch='2'"),
    ],
)  # fmt: skip
def test_batches_that_cannot_be_drawn(refused, samples, batch, kind, words):
    refused(
        lambda: so.minimize(fit(samples=samples), "gd", [1, 1, 1], 2, batch=batch, rng=0),
        kind,
        words,
    )


# Points, directions, constants


@pytest.mark.parametrize(
    ("theta", "words"),
    [
        (None, "None"), ("abc", "'abc'"), ([[1], [1, 2]], r"\[1, 2\]"), ([1j, 1, 1], "1j"), ([10**400, 1, 1], "beyond float64"), ({"zz": [1, 2, 3]}, "given for zz; expected theta"),
        ({th: [1.0, 2.0]}, r"theta has shape \(2,\)"), ({th: "abc"}, "'abc'"), ({th: None}, "None"), ({th: [1, 2, 3], "q": 1}, "given for theta, q"),
        ({th: [1, 2, 3], "theta": [1, 2, 3]}, "theta, theta"), ({th[0]: 1}, r"theta has shape \(1,\)"), ({th[0]: 1, th[2]: 1}, r"theta\[1\] is missing"), ({th[0]: 1, th: [1, 2, 3]}, "twice"), ({1: [1, 2, 3]}, "given for 1"), ({th: [[1], [1, 2]]}, r"\[1, 2\]"), ({}, "expected theta"),
    ],
)  # fmt: skip
def test_points_that_are_none(refused, theta, words):
    refused(lambda: fit().value(theta), so.CostError, words)
    refused(lambda: fit().hessian(theta), so.CostError, words)
    if theta is not None:
        refused(lambda: so.minimize(fit(), "gd", theta, 2), so.RunError, "start", words)
        refused(lambda: so.sweep(fit(), "gd", theta, 2), so.RunError, "start", words)


@pytest.mark.parametrize("theta", [[1, NAN, 2], {th: [1, INF, 2]}])
def test_starts_that_are_not_finite(refused, theta):
    refused(lambda: so.minimize(fit(), "gd", theta, 2), so.RunError, "start", "finite", "theta")
    refused(lambda: so.sweep(fit(), "gd", theta, 2), so.RunError, "start", "finite", "theta")


@pytest.mark.parametrize(
    "v", [[1, 2], [1, 2, 3, 4], 1.0, [], None, "a", {"zz": [1, 2, 3]}, [[1], [1, 2]]]
)
def test_directions_that_do_not_fit(refused, v):
    refused(lambda: fit().hvp([1, 2, 3], v), so.CostError, "3|theta")
    refused(lambda: SCALED.hvp([1, 2, 3], v, a=1), so.CostError, "3|theta")


def test_points_directions_and_constants_that_do_not_fit_together(refused):
    refused(
        lambda: SCALED.value(np.ones((4, 2)), a=np.ones(3)),
        so.CostError,
        r"\(4, 2\)",
        r"'a': \(3,\)",
    )
    refused(
        lambda: SCALED.hvp(np.ones((4, 2)), np.ones((3, 2)), a=1),
        so.CostError,
        r"\(4, 2\)",
        r"v of shape \(3, 2\)",
    )
    refused(
        lambda: SCALED.hessian(np.ones((4, 2)), a=np.ones(3)), so.CostError, "do not fit together"
    )
    refused(
        lambda: so.minimize(SCALED, "gd", [1, 2], 2, a=[1, 2]),
        so.SymoptError,
        r"\ba\b",
        r"so\.sweep",
    )
    refused(
        lambda: so.sweep(SCALED, "gd", [1, 2], 2, a=np.ones((2, 2))),
        so.RunError,
        r"cost\.a",
        r"\(2, 2\)",
    )


@pytest.mark.parametrize(
    ("constants", "words"),
    [({}, ["missing: a", r"J\(a=1\.0\)"]), ({"a": 1, "b": 2}, ["'b'"]), ({"a": NAN}, ["a", "finite"]), ({"a": "x"}, ["'x'"]), ({"a": None}, ["None"])],
)  # fmt: skip
def test_constants_that_do_not_fit(refused, constants, words):
    refused(lambda: SCALED.value([1, 2], **constants), so.CostError, *words)
    refused(lambda: so.minimize(SCALED, "gd", [1, 2], 2, **constants), so.SymoptError, *words)


def test_a_hessian_of_too_many_parameters(refused):
    square = over(th[i] ** 2, (i, 0, n - 1))
    refused(
        lambda: square.hessian(np.ones(10**5)),
        so.CostError,
        "100000 parameters",
        "75 GiB",
        r"J\.hvp",
    )


# Sums that were written out

LONG = "operations written out"


def written_out(terms=100):
    z = sp.symbols(f"z:{terms}", real=True)
    return so.Cost(
        sp.Add(*(100 * (z[q + 1] - z[q] ** 2) ** 2 + (1 - z[q]) ** 2 for q in range(terms - 1))),
        params=z,
    )


def test_a_long_cost_that_is_written_out_names_the_sum_once():
    cost = written_out()
    with pytest.warns(so.SymoptWarning, match=LONG) as caught:
        cost.program  # compiles nothing
    assert len(caught) == 1
    cost.program
    written_out(10).program  # a warning would be an error here
    _, assignment, expression = re.split(r"number of terms: |; (?=so\.)", str(caught[0].message))
    names = {"sp": sp, "so": so}
    exec(assignment, names)
    chain = eval(expression, names)
    assert chain.value([1.0, 2.0, 4.0]) == 5
    assert chain.grad([1.0, 2.0, 4.0]).tolist() == [-2, -2, 4]


def test_new_data_by_name_count_wherever_a_point_is_evaluated():
    J, point, other = fit(), np.array([1.0, 2.0, 3.0]), ROWS[::-1] / 7
    bound = J(X=other)
    assert J.value(point, X=other) == bound.value(point) != J.value(point)
    for name in ("grad", "hessian"):
        np.testing.assert_array_equal(getattr(J, name)(point, X=other), getattr(bound, name)(point))
    np.testing.assert_array_equal(J.hvp(point, point, X=other), bound.hvp(point, point))


def test_mappings_that_are_none(refused):
    for name in ("data", "where"):
        refused(
            lambda name=name: over(th[k] ** 2, **{name: np.ones(3)}),
            so.CostError,
            name,
            "expected a mapping",
        )


def test_a_logsumexp_without_range(refused):
    refused(
        lambda: so.logsumexp(th[i], i),
        so.CostError,
        "the sum over i has no range",
        r"\(i, first, last\)",
    )
    refused(lambda: so.logsumexp(th[i], (i, 0)), so.CostError, "the sum over i has no range")


def test_a_bound_that_is_not_affine(refused):
    refused(
        lambda: so.Cost(Sum(th[i], (i, 0, n**2)), params=th),
        so.CostError,
        r"the bound n\*\*2 of the sum over i is not",
    )


def test_arrays_without_index(refused):
    refused(
        lambda: so.Cost(th**2, params=th),
        so.CostError,
        r"theta is an array: give it an index, as in theta\[i\]",
    )


def test_a_direction_of_another_size(refused):
    refused(lambda: CHAIN.hvp(np.ones(4), np.ones(3)), so.CostError, r"\bv\b")


def test_a_bound_that_is_looked_up(refused):
    looked_up = Sum(Sum(th[j], (j, 0, c[k])), (k, 0, m - 1))
    refused(
        lambda: so.Cost(looked_up, params=th, data={c: [1, 2]}),
        so.CostError,
        r"the bound c\[k\] of the sum over j",
    )
