"""Expressions that are nested deep, or wide: worked with all the same, and shown by their size."""

import pickle

import numpy as np
import pytest
import sympy as sp

import symopt as so
from symopt.costs import display

x, y = sp.symbols("x y", real=True)  # others would be replaced, and SymPy would simplify
pytestmark = pytest.mark.filterwarnings("ignore:the cost has:symopt.SymoptWarning")


def chain():
    """Return x, (x + y)/2, ((x + y)/2 + y)/2, ...; made once, for SymPy compares with what it made before."""
    made = [x]
    for _ in range(2000):
        made.append(sp.Mul(sp.Rational(1, 2), sp.Add(made[-1], y, evaluate=False), evaluate=False))
    return made


CHAIN = chain()


def nested(levels):
    """Return the square of x/2^k + y (1 - 2^-k), written as k levels."""
    return sp.Pow(CHAIN[levels], 2, evaluate=False)


@pytest.mark.parametrize("levels", [150, 500, 2000])
def test_nested_costs_have_values_and_slopes(levels):
    cost = so.Cost(nested(levels))
    share = 2.0**-levels
    inner = 3.0 * share + 2.0 * (1 - share)
    assert cost.value([3.0, 2.0]) == pytest.approx(inner**2, rel=1e-12)
    np.testing.assert_allclose(
        cost.grad([3.0, 2.0]), [2 * inner * share, 2 * inner * (1 - share)], rtol=1e-12, atol=1e-300
    )
    assert display.depth(cost.expression) > levels
    for shown in (repr(cost), cost.latex(), cost._repr_html_()):
        assert len(shown) < 5000 or "<pre>" in shown
    with pytest.raises(so.CostError, match=r"nested \d+ deep; at most 100 levels can be pickled"):
        pickle.dumps(cost)


def test_nested_costs_are_checked():
    assert so.Cost(nested(500)).check([3.0, 2.0]).ok


def test_a_finished_sweep_of_a_nested_cost_is_not_lost():
    data = so.sweep(so.Cost(nested(500)), so.gd(eta=[0.1, 0.2]), [3.0, 2.0], 5)["gd"]
    assert "an expression of" in data.attrs["cost"]
    assert np.isfinite(data["loss"].values).all()


def test_an_expression_that_is_endless_on_paper_is_shown_by_its_size():
    made = x
    for _ in range(60):
        made = sp.Add(sp.sin(made, evaluate=False), sp.cos(made, evaluate=False), evaluate=False)
    cost = so.Cost(made)
    assert "parts" in repr(cost)
    assert "parts" in cost.latex()
    assert display.size(made) > 2**60


def test_a_wide_sum_is_read_in_one_go():
    wide = sp.symbols("w:3000")
    cost = so.Cost(sp.Add(*[(one - 1) ** 2 for one in wide]))
    assert cost.size == 3000
    assert "parts" in repr(cost)


@pytest.mark.slow
def test_two_thousand_sines():
    wide = sp.symbols("w:2000")
    cost = so.Cost(sp.Add(*[sp.sin(one) ** 2 for one in wide]), params=wide)
    np.testing.assert_allclose(cost.grad(np.full(2000, 0.3)), np.sin(0.6), rtol=1e-15)


SLOW = [
    "erf(tanh(min(max(x,x),(7/13)-(2))))",
    "((cosh(erf(min(((3)/(1/3))^(min(x,7/13)),1/3))))^((pi)*((999)^(log(7/13)))))^(x)",
]
SLOW += ["min(pi,sqrt(-(max(pi,x))))", "/".join(["3", *["sin(x)", "y^2", "1e200"] * 200])]


@pytest.mark.parametrize("text", SLOW)
def test_latex_of_texts_that_sympy_works_on_for_long(text):
    assert so.parse(text).latex().startswith(r"\begin{aligned} J(")
