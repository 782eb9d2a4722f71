"""Points, data and numbers are read as what they are, or refused."""

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import sympy as sp
import xarray as xr

import symopt as so

x, y = sp.symbols("x y")
i, j, n, k, m = sp.symbols("i j n k m", integer=True)
W, th = sp.IndexedBase("W"), sp.IndexedBase("th")
J = so.Cost(x**2 + 3 * y**2, params=(x, y))
SPREAD = so.Cost(sp.Sum((i + 1) * (W[i, 0] - i) ** 2 + W[i, 1] ** 4, (i, 0, n - 1)), params=W)
CHAIN = so.Cost(sp.Sum((th[i] - i) ** 2, (i, 0, n - 1)), params=th)


class Pair(NamedTuple):
    y: float
    x: float


ONE = {
    "mapping": {"y": 2.0, x: 1.0}, "series": pd.Series({"y": 2.0, "x": 1.0}), "named tuple": Pair(2.0, 1.0),
    "structured": np.array((2.0, 1.0), dtype=[("y", float), ("x", float)]),
    "param": xr.DataArray([2.0, 1.0], dims="param", coords={"param": ["y", "x"]}),
    "other dimension": xr.DataArray([2.0, 1.0], dims="name", coords={"name": ["y", "x"]}),
    "dataset": xr.Dataset({"y": 2.0, "x": 1.0}), "row of a frame": pd.DataFrame({"y": [2.0], "x": [1.0]}).iloc[0],
    "symbols": pd.Series([2.0, 1.0], index=[y, x]),
}  # fmt: skip
MANY = {
    "mapping": {"x": [1.0, 2.0], "y": [3.0, 4.0]}, "frame": pd.DataFrame({"y": [3.0, 4.0], "x": [1.0, 2.0]}),
    "param": xr.DataArray([[3.0, 4.0], [1.0, 2.0]], dims=("param", "run"), coords={"param": ["y", "x"]}),
    "dataset": xr.Dataset({"y": ("run", [3.0, 4.0]), "x": ("run", [1.0, 2.0])}),
    "structured": np.array([(3.0, 1.0), (4.0, 2.0)], dtype=[("y", float), ("x", float)]),
}  # fmt: skip


@pytest.mark.parametrize("kind", ONE)
def test_a_point_with_labels_is_read_by_them_everywhere(kind):
    point = ONE[kind]
    assert J.value(point) == 13
    assert J.grad(point).tolist() == [2, 12]
    assert J.hvp([0, 0], point).tolist() == [2, 12]
    assert J.hessian(point).tolist() == [[2, 0], [0, 6]]
    assert so.minimize(J, "gd", point, 0).theta.tolist() == [1, 2]
    assert so.sweep(
        J, "gd", point.expand_dims("run") if isinstance(point, xr.DataArray) else point, 0
    )["gd"]["theta"].values.ravel().tolist() == [1, 2]
    assert so.scipy(J, "BFGS", point, 0).theta.tolist() == [1, 2]
    assert so.theory.predict(J, so.gd(eta=0.1), point).gradient_norm == pytest.approx(
        np.hypot(2, 12)
    )


@pytest.mark.parametrize("kind", MANY)
def test_many_points_with_labels_are_read_by_them_everywhere(kind):
    points = MANY[kind]
    assert J.value(points).tolist() == [28, 52]
    assert J.grad(points).tolist() == [[2, 18], [4, 24]]
    assert J.hvp(points, {"y": 0, "x": 1}).tolist() == [[2, 0], [2, 0]]
    assert J.hessian(points).shape == (2, 2, 2)
    assert so.sweep(J, "gd", points, 0)["gd"]["theta"].values.tolist() == [[1, 3], [2, 4]]


def test_results_of_a_sweep_are_points_again():
    study = so.sweep(J, so.gd(eta=0.01), MANY["frame"], 3)
    assert np.array_equal(J.value(study["gd"]["theta"]), study["gd"]["loss"])
    run = so.minimize(CHAIN, so.gd(eta=0.01), [1.0, 2.0, 3.0], 3)
    assert np.array_equal(CHAIN.value(run.history["theta"]), run.history["loss"])
    assert CHAIN.value({th[2]: 3.0, th[0]: 1.0, th[1]: 2.0}) == 3


@pytest.mark.parametrize(
    ("point", "words"),
    [
        (pd.Series({"y": 1.0, "z": 2.0}), "'z' is no parameter"), (pd.Series({"x": 1.0}), "y is missing"),
        (pd.DataFrame({"x": [1.0], "y": [1.0], "loss": [3.0]}), "'loss' is no parameter"),
        (pd.Series([1.0, 2.0], index=[1, 0]), "nor numbers in order"),
        (pd.Series([1.0, 2.0], index=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])), "MultiIndex"),
        (pd.DataFrame([[1.0, 2.0, 3.0]], columns=["x", "x", "y"]), "twice"),
        (xr.DataArray([1.0, 2.0], dims="param", coords={"param": ["x", "q"]}), "'q' is no parameter"),
        ({"x": pd.Series([1.0, 2.0]), "y": pd.Series([1.0, 2.0], index=[1, 0])}, "another order"),
        (xr.Dataset({"x": ("a", [1.0, 2.0], )}), "y is missing"),
        ({"x": [1.0, 2.0], "y": [1.0, 2.0, 3.0]}, "do not fit together"),
    ],
)  # fmt: skip
def test_labels_that_are_not_those_of_the_parameters_are_refused(refused, point, words):
    refused(lambda: J.value(point), so.CostError, words)
    refused(lambda: so.minimize(J, "gd", point, 1), so.RunError, words)


def test_numbers_without_names_are_read_by_position():
    for point in (
        pd.Series([1.0, 2.0]),
        pd.Series([1.0, 2.0], index=[3, 7]),
        xr.DataArray([1.0, 2.0], dims="a"),
    ):
        assert J.value(point) == 13
    assert J.value(pd.DataFrame([[1.0, 2.0], [1.0, 3.0]])).tolist() == [13, 28]


def test_an_array_of_the_shape_of_the_parameter_is_that_parameter(refused):
    whole = np.arange(14.0).reshape(7, 2)
    assert SPREAD.value(whole) == SPREAD.value({W: whole}) == SPREAD.value(whole.ravel(), n=7)
    assert np.array_equal(SPREAD.grad(whole), SPREAD.grad({W: whole}))
    assert np.array_equal(SPREAD.hvp(whole, whole), SPREAD.hvp(whole.ravel(), whole.ravel(), n=7))
    assert so.minimize(SPREAD, "gd", whole, 0).theta.tolist() == whole.ravel().tolist()
    assert SPREAD.value(np.arange(4.0).reshape(1, 4), n=2).shape == (1,)
    refused(lambda: so.sweep(SPREAD, "gd", whole, 0), so.RunError, "W itself", "7 starts of 2")
    assert so.sweep(SPREAD, "gd", {W: whole[None]}, 0)["gd"].sizes["start"] == 1


@pytest.mark.parametrize(
    "value",
    [
        np.array(["1", "2"], dtype=object), [True, 1.0], np.array([True, 1.0], dtype=object), [1j, 1], {1.0, 2.0},
        (v for v in (1.0, 2.0)), np.ma.masked_array([1.0, 2.0], [False, True]), [[1.0], [1.0, 2.0]], [None, 1.0],
        np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]"), [10**400, 1],
    ],
)  # fmt: skip
def test_what_is_no_array_of_real_numbers_is_refused(refused, value):
    refused(lambda: J.value(value), so.CostError)


class Metres(list):
    """A quantity as pint has them."""

    units, magnitude = "metre", 1.0


def test_units_are_refused_and_not_dropped(refused):
    refused(lambda: J.value(Metres([1.0, 2.0])), so.CostError, "unit metre")
    refused(
        lambda: so.Cost(
            sp.Sum((th[0] - W[i, 0]) ** 2, (i, 0, n - 1)), params=th, data={W: Metres([[1.0]])}
        ),
        so.CostError,
        "unit",
    )


def test_numbers_of_other_kinds_become_the_nearest_floats():
    for point in (
        [Fraction(1, 3), Decimal("0.1")], [sp.Rational(1, 3), sp.Rational(1, 10)], np.array([1 / 3, 0.1])[::-1][::-1],
        np.asfortranarray([[1 / 3, 0.1]])[0],
    ):  # fmt: skip
        assert J.value(point) == J.value([1 / 3, 0.1])
    assert J.value(np.array([0.1, 0.2], dtype=np.float32)) == J.value(
        [float(np.float32(0.1)), float(np.float32(0.2))]
    )
    frozen = np.array([1.0, 2.0])
    frozen.flags.writeable = False
    assert J.value(frozen) == J.value([sp.Integer(1), 2]) == 13


def test_rows_of_data_that_are_in_another_order_are_refused(refused):
    X, t, a = sp.IndexedBase("X"), sp.IndexedBase("t"), sp.Symbol("a")
    fit = sp.Sum((a * X[k] - t[k]) ** 2, (k, 0, m - 1))
    rows = pd.Series([1.0, 2.0, 3.0])
    refused(
        lambda: so.Cost(fit, params=a, data={X: rows, t: rows.sort_values(ascending=False)}),
        so.CostError,
        "order",
    )
    assert so.Cost(fit, params=a, data={X: rows, t: rows}).value([1.0]) == 0


# What is given beside a Cost, and parameters without an order


def test_what_is_given_beside_a_cost_is_applied():
    read = so.parse("sum((A*t[k]-y[k])^2,k,0,m-1)")
    t = np.array([1.0, 2.0, 3.0])
    fit = so.Cost(read, data={"t": t, "y": 2 * t}, samples="k")
    assert [p.name for p in fit.params] == ["A"]
    assert fit.value([1.0]) == 14
    assert so.minimize(fit, so.gd(eta=0.01), [0.0], 500, batch=2).theta == pytest.approx([2.0])
    assert so.Cost(fit, data={"y": 3 * t}).value([3.0]) == 0
    assert so.Cost(fit).value([1.0]) == 14
    assert (
        so.Cost(so.parse("x^2 + k*y^2", params="x,y")(k=50), params=["y", "x"]).value([1, 2]) == 54
    )
    H = sp.IndexedBase("H")
    named = so.Cost(so.Cost(sp.Sum(H[k] ** 2, (k, 0, 1)), params=H), where={H[k]: x + k}, params=x)
    assert named.value([1.0]) == 5
    known = so.Cost(x**2 + y**2, params=(x, y), optimal_value=0)
    assert so.Cost(known).optimal_value == 0
    assert so.Cost(known, params=x).optimal_value is None


@pytest.mark.parametrize(
    "params", [{x, y}, frozenset({"x", "y"}), (x + y).free_symbols, sp.FiniteSet(x, y)]
)
def test_parameters_without_an_order_are_refused(refused, params):
    refused(lambda: so.Cost(x**2 + y, params=params), so.CostError, "no order", "sorted")
    refused(lambda: so.parse("x^2+y", params=params), so.CostError, "no order")
    assert so.Cost(x**2 + y, params=dict.fromkeys([y, x]).keys()).params[0].name == "y"


# Assumptions


@pytest.mark.parametrize(
    "word", ["integer", "even", "prime", "positive", "nonnegative", "negative"]
)
def test_assumptions_on_parameters_are_warned_about(word):
    p = sp.Symbol("p", **{word: True})
    with pytest.warns(so.SymoptWarning, match=r"p \(.*=True"):
        so.Cost(sp.cos(2 * sp.pi * p) + sp.sqrt(p**2) + x**2)
    array = sp.IndexedBase("p", **{word: True})
    with pytest.warns(so.SymoptWarning, match=r"p \(.*=True"):
        so.Cost(sp.Sum(array[i] ** 2, (i, 0, n - 1)))


@pytest.mark.parametrize(
    "wrong", [{"zero": True}, {"imaginary": True}, {"commutative": False}, {"real": False}]
)
def test_symbols_that_are_no_real_numbers_are_refused(refused, wrong):
    refused(lambda: so.Cost(sp.Symbol("p", **wrong) + x**2, params=x), so.CostError)


def test_values_that_contradict_an_assumption_are_refused(refused):
    c, a = sp.Symbol("c", positive=True), sp.IndexedBase("a", positive=True)
    scaled = so.Cost(c * x**2, params=x)
    assert scaled.value([1.0], c=2) == 2
    refused(lambda: scaled.value([1.0], c=-2), so.CostError, "c is -2", "positive=True")
    refused(lambda: so.sweep(scaled, "gd", [1.0], 1, c=[1.0, -1.0]), so.CostError, "c is -1")
    refused(
        lambda: so.Cost(sp.Sum(a[i] * x**2, (i, 0, n - 1)), params=x, data={a: [1, -2]}),
        so.CostError,
        "a is -2",
    )


def test_the_columns_of_a_frame_are_data():
    frame = pd.DataFrame({"t": [0.0, 1.0, 2.0], "y": [4.0, 2.0, 1.0]})
    text = "sum((a*exp(-b*t[i]) - y[i])^2, i, 0, n-1)"
    fit = so.parse(text, params="a, b", data=frame)
    by_name = so.parse(text, params="a, b", data={"t": [0.0, 1.0, 2.0], "y": [4.0, 2.0, 1.0]})
    assert fit.value([3.0, 0.5]) == by_name.value([3.0, 0.5])
