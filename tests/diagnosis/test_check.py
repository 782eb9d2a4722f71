"""J.check: right costs pass, planted faults are found where they are."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import symopt as so
from symopt.autodiff import complements, gather, partials
from symopt.autodiff.index import substituted
from symopt.errors import CostError

i, j, k, n, m, d = sp.symbols("i j k n m d", integer=True)
th, X, t, H = (sp.IndexedBase(name) for name in ("th", "X", "t", "H"))
x, y, a = sp.symbols("x y a", real=True)


def logistic():
    rows = np.random.default_rng(0)
    z = sp.Sum(X[k, j] * th[j], (j, 0, d - 1))
    data = {X: rows.normal(size=(6, 3)), t: rows.choice([-1.0, 1.0], 6)}
    return so.Cost(sp.Sum(sp.log(1 + sp.exp(-t[k] * z)), (k, 0, m - 1)) / m, params=th, data=data, samples=k)


RIGHT = {
    "Rosenbrock": (lambda: so.parse("(1-x)^2 + 100*(y-x^2)^2"), [-1.2, 1.0]),
    "a logistic regression": (logistic, [0.5, -20.0, 300.0]),
    "a chain": (
        lambda: so.Cost(sp.Sum((th[i + 1] - th[i] ** 2) ** 2, (i, 0, n - 2)), params=th),
        [0.5, 1.0, -2.0, 3.0],
    ),
    "softmax": (lambda: so.parse("-log(exp(x)/(exp(x)+exp(y)+exp(z)))"), [1.0, 2.0, -3.0]),
    "named": (
        lambda: so.Cost(
            sp.Sum(H[k] ** 2, (k, 0, m - 1)), params=th, where={H[k]: sp.tanh(X[k] * th[0])}, data={X: [1.0, 2.0]}
        ),
        [0.3],
    ),
    "tails": (lambda: so.Cost(sp.log(sp.erfc(x)) + sp.tanh(y)), [6.0, 20.0]),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_costs_hold_their_digits(name):
    make, at = RIGHT[name]
    found = make().check(at)
    assert found.ok, str(found)
    assert {"J", "v.grad J", "u.(H v)"} <= {row.name for row in found.rows}
    assert min(row.digits for row in found.rows if row.true) > 12


def bad_rows(found):
    return {row.name for row in found.rows if not row.ok}


def test_a_wrong_slope_is_found(monkeypatch):
    monkeypatch.setitem(partials.LOCAL, "tanh", lambda g, n: [g.op("sub", g.const(1.0), g.op("mul", n, n))])
    found = so.Cost(sp.tanh(x) + y**2).check([15.0, 1.0])
    assert bad_rows(found) >= {"dJ/dx"}
    assert "dJ/dy" not in bad_rows(found)
    monkeypatch.setitem(partials.LOCAL, "sin", lambda g, n: [g.const(1.0)])
    assert "dJ/dx" in bad_rows(so.Cost(sp.sin(x) * y).check([0.5, 2.0]))


def test_a_form_that_cancels_is_found_and_the_operation_named(monkeypatch):
    monkeypatch.setattr(complements, "ONE_MINUS", {})
    found = so.Cost(1 - sp.cos(x)).check([1e-6])
    assert not found.ok
    assert "cos(x)" in str(found.loss)
    assert found.loss.digits > 3


def test_a_wrong_shift_is_found(monkeypatch):
    def everywhere(graph, node, new):
        """The shift that went into sums over the same index too."""
        moved = lambda key: key._replace(at=tuple(substituted(index, new) for index in key.at))
        return graph.mapped([node], {}, lambda key: graph.input(moved(key)))[node]

    monkeypatch.setattr(gather, "with_indices", everywhere)
    cost = so.Cost(sp.Sum(th[j] * th[j + 1], (j, 0, n - 2)) ** 2, params=th)
    assert bad_rows(cost.check([1.0, 2.0, 3.0, 4.0]))


def test_digits_that_the_input_takes_are_not_held_against_the_code():
    found = so.Cost(sp.sin(x) * 1e3).check([1e15])
    assert found.ok
    with mp.workdps(40):
        assert float(found.rows[0].true) == pytest.approx(858.27279317023584, rel=1e-15)
    lossy = so.parse("(exp(x)-1-x)/x^2").check([1e-5])
    assert not lossy.ok
    assert bad_rows(lossy) >= {"J", "dJ/dx"}


def test_kinks_and_singular_places_are_said_in_words():
    found = so.parse("abs(x) + sqrt(x^2+y^2)^3 + max(x, y)").check([0.0, 0.0])
    assert found.ok
    text = str(found)
    for words in ("a kink of |u| at u = 0, in abs(x)", "the square root of 0", "a tie: both sides are 0"):
        assert words in text
    assert "not twice differentiable as written at this point" in text
    assert "not differentiable as written at this point: a subgradient is taken" in text


def test_constants_and_points_by_name():
    cost = so.Cost((x**2 + a * y**2) / 2, params=(x, y))
    assert cost.check({"y": 1.0, "x": 2.0}, a=50).rows[0].kernel == 27.0
    with pytest.raises(CostError, match="one point"):
        cost.check([[1.0, 2.0]], a=50)
    with pytest.raises(CostError, match="missing: a"):
        cost.check([1.0, 2.0])
    with pytest.raises(CostError, match="at most 40"):
        so.Cost(sp.Sum(th[i] ** 2, (i, 0, n - 1)), params=th).check(np.ones(41))


def test_long_sums_are_checked_by_the_definition():
    rows = np.random.default_rng(0).normal(size=3000)
    cost = so.Cost(sp.Sum((X[k] - th[0]) ** 2, (k, 0, m - 1)), params=th, data={X: rows})
    found = cost.check([0.5])
    assert found.ok
    assert "more than 200 terms" in str(found)
