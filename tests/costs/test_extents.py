"""What sums leave out is told: entries that no term reads, sums over nothing, ranges that fall."""

import warnings

import numpy as np
import pytest
import sympy as sp

import symopt as so
from symopt.errors import CostError, SymoptWarning

pytestmark = pytest.mark.usefixtures("in_python")

i, j, k, n, m = sp.symbols("i j k n m", integer=True)
a, b = sp.symbols("a b")
X, Y, x, c, W = (sp.IndexedBase(name) for name in "XYxcW")


def quietly(cost, *at, **constants):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return cost.value(*at, **constants)


def test_a_regression_that_sums_from_1_is_told_that_it_leaves_out_the_first_row():
    rows = {X: np.arange(1.0, 6.0), Y: np.array([5.0, -60.0, 90.0, -40.0, 30.0])}
    from_one = so.Cost(sp.Sum((Y[i] - a * X[i] - b) ** 2, (i, 1, n)), params=(a, b), data=rows)
    with pytest.warns(
        SymoptWarning, match=r"reads [XY]\[0\], of 5; indices begin at 0 here"
    ) as told:
        from_one.value([1.0, 1.0])
    assert len(told) == 2
    quietly(from_one, [1.0, 2.0])  # once for each cost
    for right in (
        sp.Sum((Y[i] - a * X[i] - b) ** 2, (i, 0, n - 1)),
        sp.Sum((Y[i - 1] - a * X[i - 1] - b) ** 2, (i, 1, n)),
    ):
        assert quietly(so.Cost(right, params=(a, b), data=rows), [1.0, 1.0]) == np.sum(
            (rows[Y] - rows[X] - 1) ** 2
        )


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        (sp.Sum(x[i] ** 2, (i, 1, n)), r"x\[0\], of 4"),
        (sp.Sum(x[i] ** 2, (i, 2, n)), r"x\[0\] to x\[1\], of 4"),
        (sp.Sum(x[i] * x[i + 1], (i, 1, n)), r"x\[0\], of 4"),
        (sp.Sum(x[2 * i + 1], (i, 0, n)), r"x\[0\], of 4"),
    ],
)
def test_a_parameter_that_nothing_uses_is_told(expression, words):
    with pytest.warns(SymoptWarning, match=words):
        so.Cost(expression, params=x).value([1.0, 2.0, 3.0, 4.0])


def test_the_end_of_data_that_nothing_reads_is_told():
    cost = so.Cost(sp.Sum((Y[i] - a) ** 2, (i, 0, 2)), params=a, data={Y: [1.0, 2.0, 3.0, 4.0]})
    with pytest.warns(SymoptWarning, match=r"Y\[3\] to Y\[3\], of 4: the largest index is 2"):
        cost.value([1.0])


@pytest.mark.parametrize(
    "expression",
    [
        sp.Sum(x[i] ** 2, (i, 1, n)) + x[0],
        sp.Sum(x[2 * i] + x[2 * i + 1], (i, 0, n)),
        sp.Sum(sp.Sum(x[j], (j, 0, i)) ** 2, (i, 1, n)),
        sp.Sum(x[n - i] ** 2, (i, 0, n)),
        sp.Sum(x[i + 1] - x[i], (i, 0, n)),
    ],
)
def test_what_is_read_elsewhere_is_not(expression):
    quietly(so.Cost(expression, params=x), [1.0, 2.0, 3.0, 4.0])


def test_entries_that_data_choose_are_not():
    cost = so.Cost(sp.Sum(x[c[k]] ** 2, (k, 0, m - 1)), params=x, data={c: [1, 2, 2]})
    assert quietly(cost, [5.0, 1.0, 2.0]) == 9.0


def test_a_cost_whose_sums_are_all_empty_is_told():
    chain = so.Cost(sp.Sum((x[i + 1] - x[i]) ** 2, (i, 0, n - 2)), params=x)
    with pytest.warns(SymoptWarning, match="every sum of the cost is over nothing.*n = 1"):
        assert chain.value([3.0]) == 0.0
    some = so.Cost(
        sp.Sum((x[i + 1] - x[i]) ** 2, (i, 0, n - 2)) + sp.Sum(x[i] ** 2, (i, 0, n - 1)), params=x
    )
    assert quietly(some, [3.0]) == 9.0


def test_falling_bounds_are_told_in_both_conventions():
    with pytest.warns(
        SymoptWarning,
        match="over nothing, and 0 here; SymPy's own value of it is minus the sum from 2 to 4",
    ):
        so.Cost(sp.Sum(a * k, (k, 5, 1)) + a**2, params=a)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert so.Cost(sp.Sum(a * k, (k, 5, 4)) + a**2, params=a).value([2.0]) == 4.0


@pytest.mark.parametrize("text", ["sum(x[3]^2,i,n,n-2)", "sum(x[3],i,4,3)", "x[0]*sum(1,i,n,n-3)"])
def test_a_cost_that_depends_on_nothing_is_refused(text):
    with pytest.raises(CostError, match="does not depend on x"):
        so.parse(text)


@pytest.mark.parametrize("body", ["y", "2", "y*z"])
@pytest.mark.parametrize("kind", ["prod", "sum"])
def test_a_reduction_of_what_does_not_depend_on_its_index(kind, body):
    cost = so.parse(f"sum({kind}({body},k,i,2*i),i,0,n-1)+sum(x[i]^2,i,0,n-1)+y*z")
    y, z, three = 1.5, 0.5, [1.0, 2.0, 3.0]
    value = {"y": y, "2": 2.0, "y*z": y * z}[body]
    want = (
        sum(value ** (q + 1) if kind == "prod" else value * (q + 1) for q in range(3)) + 14 + y * z
    )
    point = {"x": three, "y": y, "z": z}
    assert cost.value(point) == pytest.approx(want, rel=1e-15)
    step = 1e-6
    slope = (cost.value({**point, "y": y + step}) - cost.value({**point, "y": y - step})) / (
        2 * step
    )
    at = [str(name) for name in cost.params].index("y")
    assert cost.grad(point)[
        at if at == 0 else at + (2 if str(cost.params[0]) == "x" else 0)
    ] == pytest.approx(slope, rel=1e-8)
    assert isinstance(cost.source, str)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("sum(x[i]^2,i,0,n-3)", 14.0),
        ("sum(x[i]^2,i,0,n-3)+sum(n,i,0,n-1)", 39.0),
        ("sum(x[i]^2,i,0,n-20)", 14.0),
    ],
)
def test_a_size_is_the_same_flat_and_by_name(text, value):
    cost = so.parse(text)
    assert cost.value([1.0, 2.0, 3.0]) == cost.value({"x": [1.0, 2.0, 3.0]}) == value
