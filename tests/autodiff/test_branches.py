"""Branches of a Piecewise in a sum: what they may read, and that a name that a sum binds stays bound in them."""

import numpy as np
import pytest
import sympy as sp

import symopt as so

pytestmark = pytest.mark.usefixtures("in_python")

i, j, n = sp.symbols("i j n", integer=True)
x, c, t = (sp.IndexedBase(name) for name in "xct")
SQUARES = sp.Sum(x[i] ** 2, (i, 0, n - 1))


def chosen(*pieces, more=()):
    return sp.Sum(sp.Piecewise(*pieces), (i, 0, n - 1), *more) + SQUARES


BESIDE = {
    "above the end": (
        chosen((x[i + 1] ** 2, i < n), (0, True)),
        r"at i = 2 reads x at index 3, of 0 to 2",
    ),
    "entered linearly": (chosen((x[i + 1], i < n), (0, True)), r"at i = 2 reads x at index 3"),
    "below the beginning": (chosen((x[i - 1], i >= 0), (0, True)), r"at i = 0 reads x at index -1"),
    "in the last branch": (
        chosen((x[i] ** 3, sp.Ne(i, 2)), (x[i + 1], True)),
        r"at i = 2 reads x at index 3",
    ),
    "on another index": (
        chosen((x[i - j], i >= j - 1), (0, True), more=[(j, 0, n - 1)]),
        r"reads x at index -1",
    ),
    "on a parameter": (
        chosen((x[i + 1], x[i] > 0), (0, True)),
        r"may be taken at i = 2 reads x at index 3",
    ),
    "in a branch of a branch": (
        chosen((x[i - 1], i > 0), (sp.Piecewise((x[i + 3], i < 2), (1, True)), True)),
        r"at i = 0 reads x at index 3",
    ),
}


@pytest.mark.parametrize("name", BESIDE)
def test_a_branch_that_may_be_taken_and_reads_beside_an_array_is_refused(name, refused):
    expression, words = BESIDE[name]
    cost = so.Cost(expression, params=x)
    for ask in (cost.value, cost.grad, lambda at: so.minimize(cost, so.gd(), at, 1)):
        refused(
            lambda ask=ask: ask([1.0, 2.0, 3.0]),
            so.SymoptError,
            words,
            "expected a range or a condition",
        )


def test_data_in_a_condition_are_looked_at(refused):
    point, kept = [1.0, 2.0, 3.0], chosen((x[c[i] + 1], c[i] < 2), (0, True))
    assert so.Cost(kept, params=x, data={c: [0, 1, 2]}).value(point) == 19
    signed = so.Cost(chosen((x[i + 1], t[i] > 0), (0, True)), params=x, data={t: [1.0, 1.0, -1.0]})
    assert signed.value(point) == 19
    refused(
        lambda: signed.value(point, t=[1.0, -1.0, 1.0]), so.CostError, "at i = 2 reads x at index 3"
    )
    assert signed.value(point) == 19


INSIDE = {
    "the ends of a stencil": (
        sp.Sum(
            (
                sp.Piecewise((x[i - 1], i > 0), (0, True))
                - sp.Piecewise((x[i + 1], i < n - 1), (0, True))
            )
            ** 2,
            (i, 0, n - 1),
        )
        + SQUARES,
        lambda a: sum((([0, *a, 0])[k] - ([0, *a, 0])[k + 2]) ** 2 for k in range(len(a))),
    ),
    "a lower triangle": (
        chosen((x[i - j] * x[j], i >= j), (0, True), more=[(j, 0, n - 1)]),
        lambda a: sum(a[p - q] * a[q] for p in range(len(a)) for q in range(p + 1)),
    ),
    "two conditions": (
        chosen((x[i + 1] * x[i - 1], (i > 0) & (i < n - 1)), (1, True)),
        lambda a: 2 + sum(a[k + 1] * a[k - 1] for k in range(1, len(a) - 1)),
    ),
    "on a parameter too": (
        chosen((x[i + 1], (i < n - 1) & (x[i] > 0)), (0, True)),
        lambda a: sum(a[k + 1] for k in range(len(a) - 1) if a[k] > 0),
    ),
}


@pytest.mark.parametrize("name", INSIDE)
def test_a_branch_that_is_not_taken_may_be_written_with_any_index(name):
    expression, plain = INSIDE[name]
    point = np.array([0.5, -1.5, 2.0, 0.25])
    assert so.Cost(expression, params=x).value(point) == pytest.approx(
        plain(point) + np.sum(point**2), rel=1e-15
    )


@pytest.mark.parametrize(
    "inner",
    [sp.Sum(x[i] ** 2, (i, 0, 2)), sp.Product(x[i], (i, 0, 2)), so.logsumexp(x[i], (i, 0, 2))],
    ids=["sum", "product", "logsumexp"],
)
@pytest.mark.parametrize("condition", [sp.Ne(i, 1), sp.Eq(i, 1)])
def test_an_index_bound_again_in_a_branch_has_nothing_to_do_with_the_condition(inner, condition):
    cost = so.Cost(chosen((x[i] * inner, condition), (x[i], True)), params=x)
    point = np.array([0.5, 1.5, 2.0])
    within = so.Cost(inner, params=x).value(point)
    first = np.array([bool(condition.subs(i, k)) for k in range(3)])
    want = np.sum(point**2) + np.sum(np.where(first, point * within, point))
    assert cost.value(point) == pytest.approx(want, rel=1e-14)
