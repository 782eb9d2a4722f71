"""Planes: stability and basins, what is coloured how, and what is marked where."""

import numpy as np
import pytest
import sympy as sp
import xarray as xr
from pictured import dashed, labels, legend_is_on_the_figure, legend_is_outside, saved

import symopt as so

ETA, BETA = np.linspace(0.1, 4.0, 30), np.linspace(0.0, 0.9, 10)
eta, beta, lam = sp.symbols("eta beta lambda")


def factors(rule, steps=200):
    """The factor per step of |x| on x^2/2 over the plane."""
    dataset = so.sweep(so.parse("x^2/2"), rule(eta=ETA, beta=BETA), [1.0], steps)[rule.name]
    grown = np.abs(dataset["theta"].isel(param=0)) ** (1 / steps)
    return grown.where(dataset["status"] != "diverged", np.inf)


FACTORS = factors(so.momentum)


def cells(ax):
    """The numbers of each mesh, masked ones as NaN, over (y, x)."""
    return [
        np.ma.filled(mesh.get_array().astype(float), np.nan)
        for mesh in ax.collections
        if hasattr(mesh, "get_coordinates")
    ]


def test_cells_have_the_factors_and_diverged_ones_a_colour_of_their_own():
    ax = so.plot.stability(FACTORS)
    good, failed = cells(ax)
    values = FACTORS.transpose("beta", "eta").values
    np.testing.assert_array_equal(np.isfinite(good), values <= 1)
    np.testing.assert_array_equal(good[values <= 1], values[values <= 1])
    np.testing.assert_array_equal(np.isfinite(failed), values > 1)
    assert labels(ax) == ["diverged"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("learning rate η", "β")


@pytest.mark.parametrize("rule", [so.momentum, so.nesterov], ids=lambda rule: rule.name)
def test_the_predicted_limit_parts_the_cells_that_diverged_from_the_others(rule):
    table = factors(rule)
    (line,) = dashed(so.plot.stability(table, boundary=rule))
    limit = np.interp(BETA, line.get_ydata(), line.get_xdata())
    sure = np.abs(table["eta"] - xr.DataArray(limit, dims="beta")) > 0.1
    predicted = table["eta"] > xr.DataArray(limit, dims="beta")
    assert ((table > 1) == predicted).where(sure, True).all()


LIMITS = {
    "rule": so.momentum,
    "formula": 2 * (1 + beta) / lam,
    "function": lambda b: 2 * (1 + b),
    "array": 2 * (1 + BETA),
}


@pytest.mark.parametrize("kind", LIMITS)
def test_a_boundary_may_be_given_in_four_ways(kind):
    ax = so.plot.stability(FACTORS, boundary=LIMITS[kind])
    (line,) = dashed(ax)
    np.testing.assert_allclose(line.get_xdata(), 2 * (1 + line.get_ydata()), rtol=1e-12)
    assert labels(ax)[-1] == (
        "predicted limit, λ = 1" if kind in ("rule", "formula") else "predicted limit"
    )
    np.testing.assert_allclose(ax.get_xlim(), so.plot.stability(FACTORS).get_xlim())


def test_the_eigenvalue_scales_the_limit_and_stands_in_the_legend():
    ax = so.plot.stability(FACTORS, boundary=so.momentum, eigenvalue=2.5)
    (line,) = dashed(ax)
    np.testing.assert_allclose(line.get_xdata(), 2 * (1 + line.get_ydata()) / 2.5, rtol=1e-12)
    assert labels(ax)[-1] == "predicted limit, λ = 2.5"


def test_hyperparameters_that_are_not_drawn_are_those_of_the_rule():
    table = FACTORS.rename(beta="beta2")
    limit = so.theory.stability_limit(so.adam, held="v").subs({"v": 1, "beta1": 0.9, "epsilon": 0})
    (line,) = dashed(so.plot.stability(table, boundary=limit, y="beta2"))
    np.testing.assert_allclose(line.get_xdata(), 38.0)


def test_a_cell_without_a_factor_is_not_one_that_diverged():
    table = FACTORS.copy()
    table[3, 4] = np.nan
    ax = so.plot.stability(table)
    assert labels(ax) == ["diverged", "no factor"]
    assert np.isfinite(cells(ax)[2]).sum() == 1


def test_what_measure_rate_returns_is_drawn():
    study = so.sweep(so.parse("x^2/2"), so.gd(eta=[0.5, 1.5, 2.5]), [1.0], 60, record=True)
    errors = np.abs(study["gd"]["history_theta"].isel(param=0)).expand_dims(beta=[0.0, 1.0])
    ax = so.plot.stability(so.measure.rate(errors))
    np.testing.assert_allclose(cells(ax)[0][0], [0.5, 0.5, np.nan], atol=1e-6)


def test_learning_rates_that_grow_by_a_factor_make_a_log_axis_with_cells_around_them():
    rates = np.geomspace(0.01, 10, 13)
    table = xr.DataArray(np.full((13, 3), 0.5), coords={"eta": rates, "beta": [0.0, 0.5, 0.9]})
    ax = so.plot.stability(table)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "linear")
    borders = ax.collections[0].get_coordinates()[0, :, 0]
    np.testing.assert_allclose(borders[1:] * borders[:-1], rates**2)
    assert ax.get_legend() is None
    assert saved(ax)


def test_a_picture_of_stability_can_be_saved():
    assert saved(so.plot.stability(FACTORS, boundary=so.momentum))


# Basins

WELLS = so.parse("(x^2 - 1)^2 + y^2 + x/5")
SIDE = np.linspace(-2, 2, 21)


def grid(x="x", y="y", order=("x", "y")):
    """Starts over a plane of 21 times 15."""
    a, b = xr.DataArray(SIDE, coords={x: SIDE}), xr.DataArray(SIDE[:15], coords={y: SIDE[:15]})
    both = xr.concat(xr.broadcast(a, b), "param")
    return both.transpose(*({"x": x, "y": y}[name] for name in order), "param")


def ends(starts, cost=WELLS, eta=0.02, steps=2000):
    return so.measure.basin(cost, so.sweep(cost, so.gd(eta=eta), starts, steps)["gd"])


FOUND = ends(grid())


def discs(ax):
    return {
        tuple(np.round(line.get_xydata()[0], 2)) for line in ax.lines if line.get_marker() == "o"
    }


def test_cells_are_coloured_by_attractor_and_attractors_marked():
    ax = so.plot.basins(FOUND)
    left, right = cells(ax)
    label = FOUND["label"].values.T
    np.testing.assert_array_equal(np.isfinite(left), label == 0)
    np.testing.assert_array_equal(np.isfinite(right), label == 1)
    assert discs(ax) == {(-1.02, 0.0), (0.97, 0.0)}
    shares = 100 * FOUND["share"].values
    assert labels(ax) == [
        f"minimum (-1.02, 0): {shares[0]:.0f} %",
        f"minimum (0.974, 0): {shares[1]:.0f} %",
    ]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x at the start", "y at the start")
    np.testing.assert_allclose(ax.get_xlim(), [-2.1, 2.1])


def test_the_order_of_the_dimensions_and_their_names_do_not_matter():
    reference = cells(so.plot.basins(FOUND))
    for starts in (grid("x0", "y0"), grid("start_x", "start_y"), grid(order=("y", "x"))):
        for got, expected in zip(cells(so.plot.basins(ends(starts))), reference, strict=True):
            np.testing.assert_array_equal(got, expected)
    unnamed = so.plot.basins(ends(grid("a", "b")), grid("a", "b"))
    np.testing.assert_array_equal(cells(unnamed)[0], reference[0])


def test_scattered_starts_are_points_in_the_colours_of_their_ends():
    starts = so.uniform(-2, 2, 200, rng=0).draw(2)
    found = ends(starts)
    ax = so.plot.basins(found, starts)
    points = [one for one in ax.collections if len(one.get_offsets())]
    for k, one in enumerate(points):
        np.testing.assert_array_equal(one.get_offsets(), starts[found["label"].values == k])
    assert len({tuple(one.get_facecolor()[0]) for one in points}) == len(points) == 2
    assert saved(ax)


def test_runs_that_diverged_or_did_not_come_to_rest_have_their_own_colours():
    starts = np.array([[0.5, 0.0], [-0.5, 0.1], [40.0, 0.0], [41.0, 0.0], [0.0, 1.0]])
    found = ends(starts, eta=0.02)
    found["kind"][4], found["label"][4] = "not at rest", -1
    assert labels(so.plot.basins(found, starts))[-2:] == ["not at rest: 20 %", "diverged: 40 %"]


def test_many_attractors_share_a_colour_beyond_seven():
    waves = so.parse("sin(3*x)^2 + y^2")
    starts = xr.DataArray(
        np.stack(np.meshgrid(np.linspace(-6, 6, 60), [-1.0, 0.0, 1.0], indexing="ij"), -1),
        dims=("x", "y", "param"),
        coords={"x": np.linspace(-6, 6, 60), "y": [-1.0, 0.0, 1.0]},
    )
    ax = so.plot.basins(ends(starts, waves))
    names = labels(ax)
    assert sum(name.startswith("minimum") for name in names) == 7
    assert names[-1].startswith("other attractors: ")
    assert len({line.get_color() for line in ax.lines if line.get_marker() == "o"}) == 7
    assert legend_is_outside(ax)
    assert legend_is_on_the_figure(ax)


def test_contours_of_the_cost_and_an_attractor_outside_leave_the_window():
    starts = np.array([[0.2, 1.0], [0.5, 1.5], [0.3, 1.2], [-0.2, 1.1]])
    found = ends(starts)
    bare, full = so.plot.basins(found, starts), so.plot.basins(found, starts, cost=WELLS)
    assert bare.get_xlim() == full.get_xlim()
    assert bare.get_xlim()[1] < 0.9
    assert len(full.collections) == len(bare.collections) + 1
    assert saved(full)


STARTS = so.uniform(-2, 2, 6, rng=0).draw(2)
SCATTERED = ends(STARTS)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: so.plot.stability(3), "a int; expected a DataArray"),
        (lambda: so.plot.stability(FACTORS.expand_dims(start=2)), r"dimensions start, eta, beta; .*\.isel\(start=0\)"),
        (lambda: so.plot.stability(FACTORS.rename(beta="beta1")), "y='beta1'"),
        (lambda: so.plot.stability(FACTORS.isel(beta=[0])), r"1 place\(s\) along beta"),
        (lambda: so.plot.stability(FACTORS.isel(beta=[])), "empty along beta"),
        (lambda: so.plot.stability(FACTORS, boundary=[1.0, 2.0]), r"shape \(2,\); expected an eta for each of the 10"),
        (lambda: so.plot.stability(FACTORS, boundary=eta * beta), "has the symbols beta, eta; expected beta alone"),
        (lambda: so.plot.stability(FACTORS, boundary="two"), "expected"),
        (lambda: so.plot.stability(FACTORS, boundary=2 * eta / lam), "expected beta alone"),
        (lambda: so.plot.stability(FACTORS, boundary=so.adam), "adam"),
        (
            lambda: so.plot.stability(FACTORS.rename(beta="b"), boundary=so.momentum(beta=[0.1, 0.2]), y="b"),
            r"momentum: beta is an array; expected one number",
        ),
        (lambda: so.plot.basins(3), "a int; expected what so.measure.basin"),
        (lambda: so.plot.basins(SCATTERED), "the dimensions start; expected a grid over x and y .*or start="),
        (lambda: so.plot.basins(ends(grid("a", "b"))), "dimensions a, b; expected a grid over x and y"),
        (lambda: so.plot.basins(SCATTERED, STARTS[:3]), r"shape \(3, 2\); expected \(6, 2\)"),
        (lambda: so.plot.basins(SCATTERED, so.uniform(0, 1, 6)), "start is a Uniform; expected numbers"),
        (lambda: so.plot.basins(SCATTERED.isel(start=[]), STARTS), "empty along start"),
        (lambda: so.plot.basins(ends([[50.0, 0], [60, 0]]), [[50.0, 0], [60, 0]]), "no run came to rest .*2 diverged"),
        (lambda: so.plot.basins(ends([[1.0]], so.parse("x^2")), [[1.0]]), "two parameters; these runs have 1"),
    ],
    ids=[
        "factors", "three dimensions", "names", "one place", "empty plane", "shape", "symbols", "text", "another symbol", "no formula", "an array",
        "no basins", "no grid", "other names", "too few", "a box", "empty", "diverged", "one parameter",
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_said(call, words):
    with pytest.raises(so.SymoptError, match=words):
        call()
