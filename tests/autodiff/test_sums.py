"""Costs with sums against a reference in 50 digits, and against themselves written in NumPy."""

from functools import cache
from typing import Any

import numpy as np
import pytest
import sympy as sp
from spread import spread
from sum_costs import ZOO, Instance, i, k, n, x
from sums_reference import Reference

import symopt as so

pytestmark = pytest.mark.filterwarnings(
    "ignore:every sum of the cost is over nothing", "ignore:no term of the cost reads"
)

SMALL = [(name, at) for name, cost in ZOO.items() for at in range(len(cost.sizes))]
LARGE = len(
    max(ZOO.values(), key=lambda cost: len(cost.sizes)).sizes
)  # stands for the large size of any cost


@cache
def instance(name: str, at: int) -> Instance:
    cost = ZOO[name]
    return cost.at(cost.large if at == LARGE else cost.sizes[at])


@cache
def built(name: str, at: int) -> so.Cost:
    return instance(name, at).cost


def cost_at(name: str, at: int) -> so.Cost:
    """Return the cost; without data, one and the same object for all sizes."""
    return built(name, at if ZOO[name].data else 0)


@cache
def derivatives(name: str, at: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Return value, gradient and Hessian in 50 digits."""
    return reference(instance(name, at)).full()


def reference(one: Instance, digits: int = 50) -> Reference:
    return Reference(
        one.of.expr,
        one.mapping(one.theta),
        one.data,
        one.of.where,
        one.sizes,
        one.of.constants,
        digits=digits,
    )


def given(one: Instance, theta: np.ndarray) -> Any:
    """Return a point as a cost takes it: without shapes where the sizes follow from its length."""
    return theta if one.of.flat else one.mapping(theta)


def close(got: Any, want: Any, tolerance: float, scale: float | None = None) -> None:
    """Compare elementwise, and by the largest element where terms cancel."""
    want = np.asarray(want)
    assert np.shape(got) == want.shape
    scale = max(np.max(np.abs(want)) if scale is None else scale, 0.01)
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance / 10 * scale)


SOME = spread(ZOO, every=3)
"""Every third cost, for what is compiled; the rest is among the slow tests."""


@pytest.mark.usefixtures("in_python")
@pytest.mark.parametrize(("name", "at"), SMALL)
def test_value_gradient_and_hessian(name, at):
    one, J = instance(name, at), cost_at(name, at)
    theta, constants, tolerance = given(one, one.theta), one.of.constants, one.of.tolerance
    value, slopes, hessian = derivatives(name, at)
    v = np.random.default_rng(3).normal(size=one.theta.size)
    close(J.value(theta, **constants), value, tolerance)
    close(J.grad(theta, **constants), slopes, tolerance)
    close(J.hvp(theta, v, **constants), hessian @ v, 10 * tolerance, np.abs(hessian).max())
    close(J.hessian(theta, **constants), hessian, 10 * tolerance)


@pytest.mark.parametrize("name", spread(ZOO, every=14))
def test_at_a_large_size(name):
    one, J = instance(name, LARGE), cost_at(name, LARGE)
    theta, constants, tolerance = given(one, one.theta), one.of.constants, one.of.tolerance
    u, v = D = np.random.default_rng(4).normal(size=(2, one.theta.size))
    value, slopes, second = reference(one, digits=30).along(D)
    got = J.value(theta, **constants)
    close(got, value, tolerance)
    close(got, one.plain(one.theta), tolerance)

    gradient = J.grad(theta, **constants)
    close(D @ gradient, slopes, tolerance, np.linalg.norm(gradient) * np.linalg.norm(D))
    step = 1e-5 * max(1, np.linalg.norm(one.theta) ** 0.5) / np.linalg.norm(v)
    ahead, behind = (
        J.value(given(one, one.theta + move * v), **constants) for move in (step, -step)
    )
    error = 1e-6 * np.linalg.norm(gradient) * np.linalg.norm(v) + 1e-15 * abs(value) / step
    assert (ahead - behind) / (2 * step) == pytest.approx(v @ gradient, rel=1e-6, abs=error)

    along = J.hvp(theta, v, **constants)
    scale = np.linalg.norm(along) * np.linalg.norm(u)
    close([u @ along, v @ along], second[:, 1], 10 * tolerance, scale)
    close(J.hessian(theta, **constants) @ v, along, 10 * tolerance, np.abs(along).max())


@pytest.mark.parametrize("name", spread(ZOO, every=7))
def test_many_points_are_what_one_by_one_gives(name):
    """Bit for bit: a point does not depend on its neighbours."""
    at = len(ZOO[name].sizes) - 1
    one, J = instance(name, at), cost_at(name, at)
    points, directions = one.points(37), np.random.default_rng(5).normal(size=(37, one.theta.size))
    constants = one.of.constants
    values = J.value(given(one, points), **constants)
    slopes = J.grad(given(one, points), **constants)
    products = J.hvp(given(one, points), directions, **constants)
    hessians = J.hessian(given(one, points[:4]), **constants)
    assert values.shape == (37,)
    assert slopes.shape == products.shape == points.shape
    assert hessians.shape == (4, one.theta.size, one.theta.size)
    for at, (point, direction) in enumerate(zip(points, directions, strict=True)):
        theta = given(one, point)
        np.testing.assert_array_equal(J.value(theta, **constants), values[at])
        np.testing.assert_array_equal(J.grad(theta, **constants), slopes[at])
        np.testing.assert_array_equal(J.hvp(theta, direction, **constants), products[at])
        if at < 4:
            np.testing.assert_array_equal(J.hessian(theta, **constants), hessians[at])


@pytest.mark.parametrize("name", spread([name for name in ZOO if ZOO[name].flat], every=8))
def test_a_point_may_be_flat_or_arrays_by_parameter_or_by_name(name):
    at = len(ZOO[name].sizes) - 1
    one, J = instance(name, at), cost_at(name, at)
    constants = one.of.constants
    arrays = one.mapping(one.theta)
    named = {str(getattr(param, "label", param)): array for param, array in arrays.items()}
    turned = dict(reversed(arrays.items()))  # the order is that of params
    many = one.points(4)
    for theta in (arrays, named, turned):
        np.testing.assert_array_equal(J.value(theta, **constants), J.value(one.theta, **constants))
        np.testing.assert_array_equal(J.grad(theta, **constants), J.grad(one.theta, **constants))
    np.testing.assert_array_equal(
        J.value(one.mapping(many), **constants), J.value(many, **constants)
    )
    np.testing.assert_array_equal(J.grad(one.mapping(many), **constants), J.grad(many, **constants))


# The reference itself


@pytest.mark.parametrize("name", spread(ZOO, every=3))
def test_reference_against_numpy(name):
    for at in (*range(len(ZOO[name].sizes)), LARGE):
        one = instance(name, at)
        v = np.random.default_rng(6).normal(size=one.theta.size)
        v /= np.linalg.norm(v)
        step = 1e-5 * max(1, np.linalg.norm(one.theta) ** 0.5)
        value, (slope,), _ = reference(one, digits=30).along([v])
        behind, here, ahead = (one.plain(one.theta + move * v) for move in (-step, 0, step))
        close(here, value, 1e-13)
        largest = abs(slope) if at == LARGE else np.linalg.norm(derivatives(name, at)[1])
        error = 1e-6 * largest + 1e-15 * abs(value) / step + 1e-9
        assert (ahead - behind) / (2 * step) == pytest.approx(slope, rel=1e-6, abs=error)


@pytest.mark.parametrize(
    "name",
    [
        "chain", "weights by the index", "reversed", "stencil", "a quotient of sums", "empty at the first",
        "three levels", "a convolution", "products in a sum", "a piece at one index", "two layers", "Griewank",
        "a product with two zeros",
    ],
)  # fmt: skip
def test_reference_against_sympy(name):
    """The sums written out and differentiated by SymPy."""
    one = instance(name, min(2, len(ZOO[name].sizes) - 1))
    values = {
        base[place]: value
        for base, array in one.data.items()
        for place, value in np.ndenumerate(array)
    }
    symbols = [
        base[place] if shape else base
        for base, shape in one.shapes.items()
        for place in np.ndindex(shape)
    ]
    plain = sp.symbols(f"P:{len(symbols)}", real=True)
    written = (
        one.of.expr.subs(one.sizes).doit().xreplace(values | dict(zip(symbols, plain, strict=True)))
    )
    point = {s: sp.Float(value, 40) for s, value in zip(plain, one.theta, strict=True)}
    number = lambda e: float(e.xreplace(point).evalf(40))
    value, slopes, hessian = reference(one).full()
    assert number(written) == pytest.approx(value, rel=1e-14)
    first = [written.diff(s) for s in plain]
    close([number(e) for e in first], slopes, 1e-14)
    close([[number(e.diff(s)) for s in plain] for e in first], hessian, 1e-14)


def test_reference_refuses_what_lies_outside():
    ones = np.ones(3)
    for index in (i - 1, i + 1):
        with pytest.raises(IndexError, match="shape"):
            Reference(sp.Sum(x[index], (i, 0, n - 1)), {x: ones}, sizes={n: 3}).full()
    H = sp.IndexedBase("H")
    with pytest.raises(IndexError, match="range"):
        Reference(H[2], {x: ones}, where={H[k]: (x[k], (k, 0, n - 2))}, sizes={n: 3}).full()
    value, slopes, _ = Reference(H[2] * H[0], {x: ones}, where={H[k]: 2 * x[k]}).full()
    assert value == 4
    assert slopes.tolist() == [4, 0, 4]
