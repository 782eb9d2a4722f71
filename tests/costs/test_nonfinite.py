"""A run that leaves the finite numbers says which function did, at which argument, and what to write instead."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import symopt as so
from symopt.diagnosis import origin
from symopt.diagnosis.domain import CASES, SMALLER, cure, describe_failure
from symopt.diagnosis.precisely import in_doubles
from symopt.errors import ParseError
from symopt.frontend.expressions import FUNCTIONS
from symopt.ir.program import Node

pytestmark = pytest.mark.usefixtures("in_python")

OUTSIDE = {
    "x^(1/3)": ([-8.0], "(-8)^0.333333 is a root of a negative number, in x^0.333333", "real_root(x, 3)"),
    "y + (x-y)^(2/5)": ([-8.0, 1.0], "(-9)^0.4 is a root of a negative number", "real_root(x - y, 5)**2"),
    "x^1.3": ([-2.0], "(-2)^1.3 is a root of a negative number", "Abs(x)"),
    "log(x)": ([-2.0], "log of -2, in log(x)", "keep x above 0"),
    "log(x - y) + y": ([1.0, 3.0], "log of -2, in log(x - y)", "exp(x - y)"),
    "sqrt(x)": ([-1e-3], "the root of -0.001", "Max(x, 0)"),
    "acos(x)": ([1.2], "acos of 1.2", "Min(1, x)"),
    "asin(2*x)": ([-0.7], "asin of -1.4", "Max(-1"),
    "atanh(x)": ([2.0], "atanh of 2", "tanh(x)"),
    "acosh(x)": ([0.5], "acosh of 0.5", "Max(1, x)"),
    "x/y": ([0.0, 0.0], "0 divided by 0, in x/y", "keep y away from 0"),
    "x*log(x)": ([-1.0], "u*log(u) of -1", "0 or above"),
    "exp(x) - exp(2*x)": ([1000.0], "exp of 1000 is beyond 1.8e308", "smaller steps"),
    "sin(1e200*x*y)": ([1e200, 1.0], "times 1e+200 is beyond 1.8e308", "scale J"),
}  # fmt: skip


def reason(cost, at):
    """Return why a run that begins where J is no number ends."""
    run = so.minimize(cost, so.gd(eta=0.1), at, 3)
    assert run.status == "non-finite"
    return run.reason


@pytest.mark.parametrize("text", OUTSIDE)
def test_a_run_names_the_function_the_argument_and_the_cure(text):
    at, words, cure = OUTSIDE[text]
    told_of = reason(so.parse(text), at)
    assert words in told_of
    assert cure in told_of


def test_a_run_says_so_of_the_step_that_left():
    run = so.minimize(so.parse("log(x)"), so.gd(eta=0.1), [0.05], 9)
    assert run.reason.startswith("J is nan after 1 steps, at x = -1.95: log of -1.95, in log(x);")
    assert "1 divided by 0" in so.minimize(so.parse("1/x"), so.gd(eta=1.0), [0.0], 3).reason
    assert (
        "exp of 1000 is beyond 1.8e308"
        in so.minimize(so.parse("exp(x)"), so.gd(eta=1.0), [1000.0], 3).reason
    )
    study = so.sweep(so.parse("log(x)"), so.gd(eta=0.1), start=[[1.0], [0.05]], steps=3)
    assert "log of -1.95" in study.reason("gd", start=1)


def test_scipy_says_so_too():
    for method in ("BFGS", "Nelder-Mead", "L-BFGS-B"):
        assert "log of -2, in log(x)" in so.scipy(so.parse("log(x)"), method, [-2.0]).reason
    assert "log of -" in so.scipy(so.parse("log(x) + x^2"), "L-BFGS-B", [0.05]).reason


def test_sums_name_the_term():
    i, j, n, m = sp.symbols("i j n m", integer=True)
    th, X, H = (sp.IndexedBase(name) for name in ("th", "X", "H"))
    roots = so.Cost(sp.Sum(sp.sqrt(th[i]) + th[i] ** 2, (i, 0, n - 1)), params=th)
    assert "the root of -3, in sqrt(th[i]), in the term i = 2" in reason(
        roots, [1.0, 2.0, -3.0, 4.0]
    )
    pairs = so.Cost(
        sp.Sum(sp.log(th[j] - X[i]), (i, 0, m - 1), (j, 0, n - 1)), params=th, data={X: [1.0, 2.0]}
    )
    told_of = reason(pairs, [5.0, 1.5, 6.0])
    assert "log of -0.5" in told_of
    assert "in the term j = 1, i = 1" in told_of
    kept = so.Cost(
        sp.Sum(H[i] ** 2, (i, 0, m - 1)),
        params=th,
        where={H[i]: sp.acos(X[i] * th[0])},
        data={X: [0.1, 2]},
    )
    told_of = reason(kept, [0.7])
    assert "acos of 1.4" in told_of
    assert "in the term i = 1" in told_of
    product = so.Cost(sp.Product(th[i], (i, 0, n - 1)) + sp.Sum(th[i], (i, 0, n - 1)), params=th)
    assert "1e+200 times 1e+200 is beyond 1.8e308" in reason(product, [1e200, 1e200])


def test_what_is_not_taken_is_not_told():
    """A root in the other branch, and an infinity that the next operation makes finite."""
    x, y = sp.symbols("x y")
    told_of = reason(
        so.Cost(sp.Piecewise((sp.sqrt(x), x > 0), (sp.log(y), True)), params=(x, y)), [-2.0, -3.0]
    )
    assert "log of -3" in told_of
    assert "root" not in told_of
    assert "log of -3" in reason(so.parse("1/(1 + exp(x)^2) + log(y)"), [500.0, -3.0])


def test_slopes_and_matrices_that_are_no_numbers_are_named():
    run = so.minimize(so.parse("abs(x)*y + x^2 + y^2"), so.newton(), [0.0, 1.0], 3)
    assert "the entry of x and x in their matrix is nan" in run.reason
    assert "not twice differentiable" in run.reason
    i, n = sp.symbols("i n", integer=True)
    th = sp.IndexedBase("th")
    steep = so.Cost(sp.Sum(sp.exp(sp.exp(th[i])) / sp.exp(600), (i, 0, n - 1)), params=th)
    told_of = so.minimize(steep, so.gd(eta=0.1), [0.0, 6.562], 3).reason
    assert "beyond" in told_of


ARGUMENTS = [0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 710.0, -710.0, 1e5, -1e5]


@pytest.mark.parametrize(
    "op", sorted({*FUNCTIONS.values(), "pow", "div", "mod", "xlogx", "log1p", "log1mexp"})
)
def test_every_function_has_words_for_what_lies_outside(op):
    """Where it is NaN, something else is said than that it is too large, and a cure that fits."""
    places = (
        [(u, v) for u in ARGUMENTS for v in ARGUMENTS]
        if op in ("pow", "div", "mod")
        else [(u,) for u in ARGUMENTS]
    )
    for args in places:
        value = in_doubles(Node(op), [np.float64(arg) for arg in args])
        if np.isnan(value):
            assert op in CASES
            assert "beyond" not in describe_failure(op, args, float(value))
            assert cure(op, args) != SMALLER
        elif np.isinf(value) and 0.0 not in args and max(map(abs, args)) > 1:
            assert "is beyond 1.8e308" in describe_failure(op, args, float(value))


ROOTS = {
    "real_root(x, 3)": lambda x: mp.sign(x) * mp.root(abs(x), 3),
    "cbrt(x)": lambda x: mp.sign(x) * mp.root(abs(x), 3),
    "x^2 + cbrt(x - 3)^2": lambda x: x**2 + mp.root(abs(x - 3), 3) ** 2,
    "real_root(2*x, 5)^3": lambda x: (mp.sign(x) * mp.root(abs(2 * x), 5)) ** 3,
    "real_root(x, 7)*x": lambda x: abs(x) * mp.root(abs(x), 7),
}  # fmt: skip


@pytest.mark.parametrize("text", ROOTS)
def test_real_roots_are_right(text):
    cost = so.parse(text)
    for at in (-8.0, -0.3, 0.7, 27.0, 1e5):
        with mp.workdps(40):
            f = ROOTS[text]
            wanted = [float(mp.diff(f, mp.mpf(at), k)) for k in (0, 1, 2)]
        found = [cost.value([at]), cost.grad([at])[0], cost.hessian([at])[0, 0]]
        assert found == pytest.approx(wanted, rel=1e-13)


def test_the_cure_for_a_root_of_a_negative_number_holds():
    x = sp.Symbol("x")
    for cost in (
        so.Cost(sp.real_root(x, 3)),
        so.Cost(sp.real_root(sp.Symbol("x", real=True), 3)),
        so.parse("cbrt(x)"),
    ):
        assert cost.value([-8.0]) == -2.0
        assert cost.grad([-8.0]) == pytest.approx([1 / 12])
        assert cost.grad([0.0]) == [0.0]  # infinite: as of the square root
        assert (
            so.minimize(
                so.Cost(cost.expression**4 + cost.expression), so.gd(eta=0.05), [-1.0], 200
            ).loss
            < -0.47
        )
    assert so.parse("x + real_root(-27, 3)").value([1.0]) == -2.0
    with pytest.raises(ParseError, match="odd whole number"):
        so.parse("real_root(x, 2)")
    with pytest.raises(ParseError, match="odd whole number"):
        so.parse("real_root(x, y)")


def test_a_program_that_is_long_is_told_without_its_reason(monkeypatch):
    i, n = sp.symbols("i n", integer=True)
    th = sp.IndexedBase("th")
    cost = so.Cost(sp.Sum(sp.log(th[i]), (i, 0, n - 1)), params=th)
    start = np.append(np.ones(2000), -1.0)
    assert "log of -1, in log(th[i]), in the term i = 2000" in reason(cost, start)
    monkeypatch.setattr(origin, "MOST_OPERATIONS", 1000)
    assert reason(cost, start).endswith("th[7] = 1, ...")
