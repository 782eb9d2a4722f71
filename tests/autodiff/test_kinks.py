"""Slopes and curvatures at points where an expression has a kink, a root of zero, or a hole that can be filled."""

import warnings

import numpy as np
import pytest
import sympy as sp

import symopt as so
from symopt.errors import SymoptWarning

pytestmark = pytest.mark.usefixtures("in_python")

x, y, p, a = sp.symbols("x y p a", real=True)
NOT_TWICE = "not twice differentiable as written at this point"
nan = np.nan


def cost_of(expression):
    return (
        so.parse(expression)
        if isinstance(expression, str)
        else so.Cost(expression, params=sorted(expression.free_symbols, key=str))
    )


def piecewise(piece, condition, value):
    return sp.Piecewise((piece, condition), (value, True))


r = sp.sqrt(x**2 + y**2)


@pytest.mark.parametrize(
    ("expression", "at", "hessian"),
    [
        ("abs(x)^2 + y^2", [0, 0], [[2, 0], [0, 2]]),
        ("abs(x)^2.0 + y^2", [0, 0], [[2, 0], [0, 2]]),
        ("sqrt(x^2+y^2)^2", [0, 0], [[2, 0], [0, 2]]),
        ("(x^2+y^2)^1.5", [0, 0], [[0, 0], [0, 0]]),
        ("abs(x)^3", [0], [[0]]),
        ("max(x, 0)^3", [0], [[0]]),
        ("x^2*abs(x)", [0], [[0]]),
        ("-(1+cos(12*sqrt(x^2+y^2)))/(0.5*(x^2+y^2)+2)", [0, 0], [[72.5, 0], [0, 72.5]]),
        ("sqrt(x^2+y^2)*tanh(sqrt(x^2+y^2))", [0, 0], [[2, 0], [0, 2]]),
        ("exp(-abs(x)^2)", [0], [[-2]]),
        ("log(cosh(abs(x)))", [0], [[1]]),
        ("abs(x)*sin(abs(x))", [0], [[2]]),
        ("acosh(exp(x^4))", [0], [[2 * np.sqrt(2)]]),
        ("x^4*log(x^2)", [0], [[0]]),
        ("abs(x - y)^2", [1, 1], [[2, -2], [-2, 2]]),
        (1 - piecewise(sp.sin(x) / x, sp.Ne(x, 0), 1), [0], [[1 / 3]]),
        (piecewise((1 - sp.cos(x)) / x**2, sp.Ne(x, 0), sp.Rational(1, 2)), [0], [[-1 / 12]]),
        (piecewise(sp.sin(r) / r, sp.Ne(x**2 + y**2, 0), 1), [0, 0], [[-1 / 3, 0], [0, -1 / 3]]),
        (sp.Piecewise((0, sp.Eq(x, 0)), (x**4 * sp.sin(1 / (1 + x**2)) / x, True)), [0], [[0]]),
    ],
)  # fmt: skip
def test_curvature_where_a_kink_is_none(expression, at, hessian):
    cost = cost_of(expression)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(cost.hessian(at), hessian, rtol=1e-14, atol=1e-300)
        for k, direction in enumerate(np.eye(len(at))):
            np.testing.assert_allclose(
                cost.hvp(at, direction), np.array(hessian)[k], rtol=1e-14, atol=1e-300
            )


@pytest.mark.parametrize(
    ("expression", "at", "hessian"),
    [
        ("abs(x) + y^2", [0, 1], [[nan, 0], [0, 2]]),
        ("x*abs(x)", [0], [[nan]]),
        ("max(x, 0)^2", [0], [[nan]]),
        ("sqrt(x^2+y^2)", [0, 0], [[nan, nan], [nan, nan]]),
        ("abs(x)*abs(y)", [0, 0], [[0, nan], [nan, 0]]),
        ("max(x, y)", [1, 1], [[nan, nan], [nan, nan]]),
        ("x^3*y/(x^2+y^2) + 0*x", [0, 0], None),
        ("sqrt(x)", [0], [[nan]]),
        ("x^1.5", [0], [[nan]]),
        ("x^2*log(x^2)", [0], [[nan]]),
        (piecewise(x**2, x > 1, 2 * x - 1), [1], [[nan]]),
        (
            sp.Piecewise((x**2 / 2, sp.Abs(x) <= 1), (sp.Abs(x) - sp.Rational(1, 2), True)),
            [1],
            [[nan]],
        ),
    ],
)
def test_curvature_at_a_kink_is_nan_and_says_so(expression, at, hessian):
    cost = cost_of(expression)
    if hessian is None:  # J itself is 0/0 there
        assert np.isnan(cost.value(at))
        return
    with pytest.warns(SymoptWarning, match=NOT_TWICE):
        np.testing.assert_allclose(cost.hessian(at), hessian)
    beside = np.array(at) + [0.25, 0.5][: len(at)]
    assert np.isfinite(cost.hessian(beside)).all()


def test_many_points_are_repaired_one_by_one():
    cost = so.parse("abs(x)^3 + abs(y)")
    points = [[0.0, 1.0], [2.0, 0.0], [0.0, 0.0], [1.0, 1.0]]
    with pytest.warns(SymoptWarning, match="and 1 other points"):
        found = cost.hessian(points)
    np.testing.assert_allclose(found[:, 0, 0], [0, 12, 0, 6])
    np.testing.assert_allclose(found[:, 1, 1], [0, nan, nan, 0])


POWERS = {
    "literal": lambda q: sp.sympify(q),
    "float": sp.Float,
    "parameter": None,
    "constant": None,
}


@pytest.mark.parametrize("typed", POWERS)
@pytest.mark.parametrize(
    ("power", "at", "slope"),
    [
        (0, 0.0, 0.0),
        (1, 0.0, 1.0),
        (2, 0.0, 0.0),
        (0.5, 0.0, 0.0),
        (1.5, 0.0, 0.0),
        (0.25, 0.0, 0.0),
        (3, -2.0, 12.0),
        (-2, 2.0, -0.25),
    ],
)
def test_a_power_has_one_convention_at_zero_however_it_is_typed(typed, power, at, slope):
    if typed in ("literal", "float"):
        exponent = sp.nsimplify(power) if typed == "literal" else sp.Float(power)
        if power == 0:
            return  # SymPy takes it away
        assert so.Cost(x**exponent).grad([at])[0] == pytest.approx(slope, rel=1e-15)
    elif typed == "constant":
        assert so.Cost(x**p, params=[x]).grad([at], p=power)[0] == pytest.approx(slope, rel=1e-15)
    elif at >= 0:  # of a negative base there is no slope by the power
        assert so.Cost(x**p, params=(x, p)).grad([at, power])[0] == pytest.approx(slope, rel=1e-15)


@pytest.mark.parametrize(
    ("power", "curvature"), [(0, 0), (1, 0), (2, 2), (3, 0), (0.5, nan), (1.5, np.inf)]
)
def test_the_curvature_of_a_power_at_zero_needs_no_definition(monkeypatch, power, curvature):
    """Compiled code has it, also where the exponent is known only when it runs."""
    monkeypatch.setattr("symopt.costs.cost.repair", lambda what, result, *_, **__: result)
    np.testing.assert_array_equal(so.Cost(x**p, params=[x]).hvp([0.0], [1.0], p=power), [curvature])
    k, xs, data = sp.Symbol("k", integer=True), sp.IndexedBase("xs"), sp.IndexedBase("data")
    cost = so.Cost(sp.Sum(xs[k] ** data[k], (k, 0, 1)), params=xs, data={data: [power, 2.0]})
    np.testing.assert_array_equal(cost.hvp([0.0, 0.0], [1.0, 1.0]), [curvature, 2.0])


def test_a_power_whose_exponent_moves_has_no_curvature_at_zero(monkeypatch):
    monkeypatch.setattr("symopt.costs.cost.repair", lambda what, result, *_, **__: result)
    assert np.isnan(so.Cost(x**p, params=(x, p)).hvp([0.0, 0.0], [1.0, 0.0])).any()


def test_powers_of_zero_in_norms_and_sums():
    k = sp.Symbol("k", integer=True)
    assert so.Cost((x**2 + y**2) ** 0.5).grad([0, 0]).tolist() == [0, 0]
    assert so.Cost((x**2 + y**2) ** sp.Rational(1, 4)).grad([0, 0]).tolist() == [0, 0]
    assert so.Cost((x**2 + y**2) ** p, params=(x, y)).grad([0, 0], p=0.3).tolist() == [0, 0]
    assert so.Cost(sp.Sum(x**k, (k, 0, 2)), params=[x]).grad([0.0]).tolist() == [1]
    assert so.Cost(sp.Sum(a * x**k, (k, 0, 3)), params=(x, a)).grad([0.0, 2.0]).tolist() == [2, 1]


@pytest.mark.parametrize(
    ("expression", "at", "gradient"),
    [
        ("1/x^3", [1e160], [0]),
        ("x^(-60)", [1e-3], [-6e184]),
        ("y/x^3", [1e160, 1.0], [0, 0]),
        ("1/(x*y)^2", [1e-60, 1e40], [-2e100, -2.0]),
        ("x/y", [1e200, 1e250], [1e-250, -1e-300]),
        ("min(x, exp(x))", [1000], [1]),
        ("min(x, exp(x)) + min(x, 2*exp(x))", [1000], [2]),
        ("max(-x, -exp(x))", [1000], [-1]),
        ("min(x, x*exp(x), x*sinh(x))", [1000], [1]),
        ("y*acos(x)/sqrt(y^2+1)", [1, 0], [0, 0]),
        ("y*asin(x)", [-1, 0], [0, -np.pi / 2]),
        ("y*acosh(x)", [1, 0], [0, 0]),
        ("y^2*acos(x)^2", [1, 0], [0, 0]),
        ("acos(1 - x^4)^2", [0], [0]),
        ("asinh(x)", [0], [1]),
        ("sign(x)*abs(x)", [0], [1]),
        ("sin(x)^2*log(sin(x)^2)", [0], [0]),
        (piecewise((sp.exp(x) - 1) / x, sp.Ne(x, 0), 1), [0], [0.5]),
        (piecewise(sp.log(x) / (x - 1), sp.Ne(x, 1), 1), [1], [-0.5]),
        (sp.Piecewise((1, sp.Eq(x, 0)), ((sp.exp(x) - 1) / x, True)) ** 2, [0], [1]),
        (piecewise(sp.sin(x * y) / x, sp.Ne(x, 0), y), [0, 2], [0, 1]),
    ],
)
def test_slopes_that_are_products_of_nothing_and_infinity(expression, at, gradient):
    np.testing.assert_allclose(cost_of(expression).grad(at), gradient, rtol=1e-14, atol=1e-300)


def test_a_slope_that_does_not_exist_at_a_single_point_is_nan():
    jump = so.Cost(piecewise(sp.sin(x) / x, sp.Ne(x, 0), 3))
    with pytest.warns(SymoptWarning, match="not differentiable as written at this point"):
        assert np.isnan(jump.grad([0.0])[0])
    wild = so.Cost(piecewise(x**2 * sp.sin(1 / x), sp.Ne(x, 0), 0))
    with pytest.warns(SymoptWarning, match="not differentiable"):
        assert np.isnan(wild.grad([0.0])[0])


def test_outside_its_domain_a_gradient_is_nan_without_a_search():
    cost = so.parse("log(x) + y")
    grid = np.stack([np.linspace(-2, -1, 5000), np.ones(5000)], axis=1)
    assert np.isnan(cost.value(grid)).all()
    assert np.isnan(cost.grad(grid)[:, 0]).all()


@pytest.mark.parametrize(
    "test", [sp.log(x) > 0, sp.sqrt(x) > 1, (x > -9) & (sp.asin(x) < 1), 1 / sp.sqrt(x) < 2]
)
def test_a_condition_without_a_value_chooses_no_branch(test):
    cost = so.Cost(piecewise(x**2, test, 2 * x) + x)
    assert np.isnan(cost.value([-2.0]))
    assert np.isfinite(cost.value([0.5]))


@pytest.mark.parametrize(
    ("text", "at", "v"),
    [("floor(x) + x^2", [3.0], [1.0]), ("floor(x)", [1e15], [1.0]), ("x*ceil(x)", [-2.0], [1.0]), ("pow(x - floor(x/2)*2, 2)", [4.0], [1.0]), ("sign(x)*y + y^2", [0.0, 2.0], [1.0, 0.0])],
)  # fmt: skip
def test_where_j_jumps_it_has_no_second_derivative(text, at, v):
    cost = so.parse(text)
    with pytest.warns(so.SymoptWarning, match="not twice differentiable"):
        assert np.isnan(cost.hvp(at, v)).any()
    beside = [coordinate + 0.25 for coordinate in at]  # at 1e15 a double too
    assert np.isfinite(cost.hvp(beside, v)).all()


def test_branches_that_do_not_meet_are_a_jump_and_those_that_do_are_none():
    x, y = sp.symbols("x y", real=True)
    apart = so.Cost(sp.Piecewise((sp.Integer(3), x <= y), (x**2, True)) + y**2, params=[x, y])
    with pytest.warns(so.SymoptWarning, match="not twice differentiable"):
        assert np.isnan(apart.hvp([1.0, 1.0], [1.0, 0.5])).all()
    assert apart.hvp([2.0, 1.0], [1.0, 0.5]) == pytest.approx([2.0, 1.0])
    meeting = so.Cost(sp.Piecewise((x**2, x <= 0), (x**2 + x**4, True)), params=[x])
    assert meeting.hvp([0.0], [1.0]) == [2.0]


def test_a_step_in_a_branch_that_is_not_taken_is_none():
    x = sp.Symbol("x", real=True)
    cost = so.Cost(sp.Piecewise((sp.floor(x), x < 0), (x**2, True)), params=[x])
    assert cost.hvp([3.0], [1.0]) == [2.0]
