"""Points as people give them mean the same for values, derivatives, runs, sweeps and SciPy."""

import numpy as np
import pandas as pd
import pytest
import sympy as sp
import xarray as xr

import symopt as so

x, y = sp.symbols("x y")
i, j, n = sp.symbols("i j n", integer=True)
W, b, c, th = (sp.IndexedBase(name) for name in ("W", "b", "c", "th"))
J = so.Cost(x**2 + 3 * y**2, params=(x, y))
ONE = so.Cost((x - 3) ** 2)
FREE = so.Cost(sp.Sum((i + 1) * th[i] ** 2, (i, 0, n - 1)), params=th)
LAYER = so.Cost(
    sp.Sum((1 + i + 3 * j) * W[i, j] ** 2, (i, 0, 2), (j, 0, 1)) + sp.Sum(b[i] ** 2, (i, 0, 2)),
    params=(W, b),
)
TWINS = so.Cost(sp.Sum((1 + i) * b[i] ** 2 + c[i] ** 4, (i, 0, 2)), params=(b, c))
v, u = sp.MatrixSymbol("v", 3, 1), sp.MatrixSymbol("u", 1, 3)
COLUMN = so.Cost((v.T * v)[0, 0], params=v)
ROW = so.Cost((u * u.T)[0, 0], params=u)
WS = np.arange(6.0).reshape(3, 2)
SAME = {
    "positions": (J, {"x": 1, "y": 2}, [1, 2]),
    "pairs": (J, [(y, 2), (x, 1)], [1, 2]),
    "a frame by its rows": (J, pd.DataFrame([[2.0, 1.0]], columns=["y", "x"]).T[0], [1, 2]),
    "a SymPy vector": (J, sp.Matrix([1, 2]), [1, 2]),
    "a number for one parameter": (ONE, 2, [2]),
    "a number for an array": (LAYER, {"W": 1, b: 0}, [1] * 6 + [0] * 3),
    "a row for a matrix": (LAYER, {W: [1, 2], b: [3]}, [1, 2] * 3 + [3] * 3),
    "a column for a matrix": (LAYER, {W: [[1], [2], [3]], b: [1, 2, 3]}, [1, 1, 2, 2, 3, 3, 1, 2, 3]),
    "a list of arrays": (LAYER, [WS, np.ones(3)], [*range(6), 1, 1, 1]),
    "a list of arrays and numbers": (LAYER, (WS, 2), [*range(6), 2, 2, 2]),
    "arrays of one shape": (TWINS, [np.ones(3), np.arange(3)], [1, 1, 1, 0, 1, 2]),
    "a labelled array": (LAYER, {W: xr.DataArray(WS, dims=("out", "in")), b: 1}, [*range(6), 1, 1, 1]),
    "a column vector": (COLUMN, np.array([[1.0], [2.0], [3.0]]), [1, 2, 3]),
    "a column by its name": (COLUMN, {v: sp.Matrix([1, 2, 3])}, [1, 2, 3]),
    "a row vector": (ROW, np.array([[1.0, 2.0, 3.0]]), [1, 2, 3]),
    "an array of no fixed length": (FREE, {th: sp.Matrix([1, 2, 3])}, [1, 2, 3]),
}  # fmt: skip


@pytest.mark.parametrize("kind", SAME)
def test_a_point_means_the_same_everywhere(kind, in_python):
    cost, point, flat = SAME[kind]
    assert cost.value(point) == cost.value(flat)
    assert cost(point) == cost.value(flat)
    assert np.array_equal(cost.grad(point), cost.grad(flat))
    assert np.array_equal(cost.hvp(flat, point), cost.hvp(flat, flat))
    assert np.array_equal(cost.hessian(point), cost.hessian(flat))
    assert so.minimize(cost, "gd", point, 0).theta.tolist() == flat
    assert so.sweep(cost, "gd", point, 0)["gd"]["theta"].values.ravel().tolist() == flat
    assert so.scipy(cost, "CG", point, 0).theta.tolist() == flat


def test_many_points_along_leading_axes_are_broadcast():
    grid = np.meshgrid([0.0, 1.0, 2.0], [1.0, 3.0])
    assert np.array_equal(J(*grid), grid[0] ** 2 + 3 * grid[1] ** 2)
    assert np.array_equal(J({"x": [0, 1], "y": 2}), [12, 13])
    assert np.array_equal(ONE([1.0, 2.0, 4.0]), [4, 1, 1])
    assert ONE.grad([1.0, 2.0]).shape == (2, 1)
    assert COLUMN.value(np.ones((4, 3, 1))).tolist() == [3] * 4
    assert LAYER.value({W: np.ones((5, 3, 2)), b: 0}).tolist() == [LAYER.value({W: 1, b: 0})] * 5
    columns = pd.DataFrame({"first": [1.0, 2.0], "second": [3.0, 4.0]}, index=["x", "y"])
    assert J.value(columns).tolist() == [J(1, 2), J(3, 4)]


def test_arguments_of_a_call_are_numbers_or_one_for_each_parameter():
    assert J(1, 2) == J.value(1, 2) == J.value([1, 2]) == 13
    assert J.grad(1, 2).tolist() == [2, 12]
    assert J.hessian(1, 2).shape == (2, 2)
    assert LAYER(WS, 1) == LAYER(WS, np.ones(3)) == LAYER({W: WS, b: 1})
    assert FREE(1, 2, 3) == FREE([1, 2, 3])
    scaled = so.parse("x^2 + k*y^2", params="x y")
    assert scaled(1, 2, k=5) == scaled(k=5)([1, 2]) == 21
    assert isinstance(scaled(k=5), so.Cost)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: J.value(), "the point is missing.*'x': "), (lambda: J.value(x=1, y=2), "the point is missing"),
        (lambda: J(x=1, y=2), "x is a parameter; give the point first"), (lambda: J(1, 2, 3), r"shape \(3,\)"),
        (lambda: LAYER(WS, 1, 2), "3 arguments; expected one point, or one for each of W, b"),
        (lambda: LAYER({W: np.ones((2, 2)), b: 1}), "W has shape"), (lambda: LAYER({W: [1, 2, 3], b: 1}), r"W has shape \(3,\); expected \(3, 2\)"),
        (lambda: FREE({th: 1}), "the size n is unknown"), (lambda: FREE({th[0]: 1}, n=3), r"th"), (lambda: J({"x": 1}), "y is missing"),
        (lambda: COLUMN(np.ones((2, 1))), "v"), (lambda: J([(x, 1), (x, 2)]), "twice"),
    ],
)  # fmt: skip
def test_points_that_do_not_fit_are_refused(refused, call, words):
    refused(call, so.CostError, words)


@pytest.mark.parametrize("text", ["x y", "x, y", " x,y ", "x ,  y"])
def test_parameters_in_one_text_are_split(text):
    for cost in (so.Cost(x**2 + y, params=text), so.parse("x^2+y", params=text)):
        assert [p.name for p in cost.params] == ["x", "y"]
