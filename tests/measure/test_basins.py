"""Basins: labels and kinds against landscapes whose stationary points are known."""

import resource

import numpy as np
import pytest
import sympy as sp
import xarray as xr

import symopt as so
from symopt.measure import basin

WELLS = so.parse("(x^2 - 1)^2/4 + x/20 + (y^2 - 1)^2/4")
"""Four minima near (+-1, +-1), four saddles, a maximum near 0; x = -1 is the lower side."""


def roots():
    """Return the stationary x of the tilted well, from the left."""
    return np.sort(np.roots([1, 0, -1, 0.05]).real)


def kinds_of(cost, points, **more):
    return basin(so.parse(cost), points, **more)["kind"].values.tolist()


class TestDoubleWells:
    points = np.array([[-0.9, 0.9], [1.1, -1.2], [0.9, 0.8], [-1.0, -1.0], [-1.1, -0.9]])

    def test_labels_are_in_the_order_of_J_then_of_the_coordinates(self):
        found = basin(WELLS, self.points)
        left, _, right = roots()
        np.testing.assert_allclose(
            found["point"], [[left, -1], [left, 1], [right, -1], [right, 1]], atol=1e-12
        )
        np.testing.assert_allclose(found["value"], WELLS.value(found["point"].values))
        assert found["label"].values.tolist() == [1, 2, 3, 0, 0]
        assert found["runs"].values.tolist() == [2, 1, 1, 1]
        assert set(found["kind"].values) == {"minimum"}

    def test_eigenvalues(self):
        left = roots()[0]
        np.testing.assert_allclose(
            basin(WELLS, self.points)["eigenvalues"][0], [2, 3 * left**2 - 1]
        )

    def test_shares_have_wilsons_interval(self):
        found, expected = basin(WELLS, self.points), so.measure.success(2, 5)
        assert (found["share"][0].item(), found["n"].item()) == (0.4, 5)
        assert (found["low"][0].item(), found["high"][0].item()) == pytest.approx(expected.interval)

    def test_the_order_of_runs_does_not_matter(self):
        rng = np.random.default_rng(0)
        points = np.sign(rng.uniform(-1, 1, (200, 2))) + rng.normal(0, 0.05, (200, 2))
        shuffle = rng.permutation(200)
        found, shuffled = basin(WELLS, points), basin(WELLS, points[shuffle])
        np.testing.assert_array_equal(found["label"][shuffle], shuffled["label"])
        np.testing.assert_allclose(found["point"], shuffled["point"], atol=1e-12)

    def test_saddle_and_maximum_where_runs_start_on_them_or_come_down_to_them(self):
        study = so.sweep(
            WELLS, so.gd(eta=0.1), start=[[1.2, 0.0], [roots()[1], 0.0], [1.2, 1e-3]], steps=300
        )
        found = basin(WELLS, study["gd"])
        assert found["kind"].values.tolist() == ["saddle", "maximum", "minimum"]
        assert np.sign(found["eigenvalues"][found["label"].values]).values.tolist() == [
            [-1, 1],
            [-1, -1],
            [1, 1],
        ]

    def test_a_run_on_its_way_from_a_saddle_is_not_at_it(self):
        study = so.sweep(WELLS, so.gd(eta=0.1), start=[[1.0, 0.01]], steps=20)
        assert abs(study["gd"]["theta"].sel(param="y").item()) < 0.1
        found = basin(WELLS, study["gd"])
        assert (found["label"].item(), found["kind"].item()) == (-1, "not at rest")

    def test_nor_is_one_that_is_higher_still_but_beside_its_stable_manifold(self):
        found = basin(WELLS, [[1.5, 0.3], [1.5, 1e-6]])
        assert WELLS.value([1.5, 0.3]) > WELLS.value([roots()[2], 0.0])
        assert found["kind"].values.tolist() == ["not at rest", "saddle"]

    def test_equal_minima_are_in_the_order_of_their_coordinates(self):
        found = basin(
            so.parse("(x^2 - 1)^2 + (y^2 - 1)^2"), [[1, 0.9], [-1, 1.1], [0.9, -1], [-1.1, -1]]
        )
        assert found["point"].values.round(9).tolist() == [[-1, -1], [-1, 1], [1, -1], [1, 1]]


class TestKinds:
    @pytest.mark.parametrize(("power", "apart"), [(4, 1e-4), (6, 1e-2)])
    def test_a_minimum_without_curvature(self, power, apart):
        found = basin(
            so.parse(f"x^{power} + y^2"), [[0.1, 1e-3], [-0.2, 0.0], [0.0, 0.0]], apart=apart
        )
        assert found["kind"].values.tolist() == ["degenerate"] * 3
        assert found["label"].values.tolist() == [0, 0, 0]
        assert found["eigenvalues"].values.tolist() == [[0, 2]]

    def test_expanded_so_that_rounding_hides_it(self):
        cost = so.Cost(sp.expand(so.parse("(x - 1)^4 + 100*(y - x)^2").expression))
        found = basin(cost, np.random.default_rng(0).normal(1, 0.1, (50, 2)))
        assert set(found["kind"].values) == {"degenerate"}
        np.testing.assert_allclose(found["point"], np.ones((1, 2)), atol=1e-4)

    def test_condition_numbers_up_to_ten_millions_are_not_degenerate(self):
        assert kinds_of("x^2 + 10^7*y^2", [[0.1, 1e-5]]) == ["minimum"]

    def test_diverged(self):
        study = so.sweep(so.parse("x^2"), so.gd(eta=[0.1, 1.5]), start=[1.0], steps=200)
        found = basin(so.parse("x^2"), study["gd"])
        assert found["label"].values.tolist() == [0, -1]
        assert found["kind"].values.tolist() == ["minimum", "diverged"]
        assert kinds_of("x^2", [[np.nan], [np.inf], [0.1]]) == ["diverged", "diverged", "minimum"]
        run = so.minimize(so.parse("x^2"), so.gd(eta=1.5), start=[1.0], steps=200)
        assert basin(so.parse("x^2"), run)["kind"].item() == "diverged"

    def test_all_diverged(self):
        found = basin(so.parse("x^2"), [[np.nan], [np.nan]])
        assert (found.sizes["attractor"], found["label"].values.tolist()) == (0, [-1, -1])

    def test_not_at_rest(self):
        assert kinds_of("exp(-x)", [[3.0], [300.0]]) == ["not at rest"] * 2  # no minimum
        assert kinds_of("abs(x)", [[0.1]]) == ["not at rest"]  # a kink
        assert kinds_of("x^3", [[-0.1], [0.1]]) == [
            "not at rest",
            "degenerate",
        ]  # below, above an inflection
        assert kinds_of("x^3 + y^2", [[-0.1, 0.0], [0.1, 0.0]]) == ["not at rest", "degenerate"]
        assert kinds_of("-x^4", [[0.1]]) == ["not at rest"]
        assert kinds_of("(x^2 - 1)^2", [[0.4]]) == ["not at rest"]  # Newton's steps climb to 0

    def test_reach(self):
        assert kinds_of("x^2", [[3.0], [0.3]]) == ["not at rest", "minimum"]
        assert kinds_of("x^2", [[3.0], [0.3]], reach=5) == ["minimum", "minimum"]

    @pytest.mark.parametrize("turn", [2 * np.pi, 0.05])  # many attractors; few, of many runs each
    def test_a_continuum_of_minima_is_degenerate_all_along(self, turn):
        angle = turn * np.random.default_rng(0).random(1000)
        arc = np.stack([np.cos(angle), np.sin(angle)], axis=1) * 1.1
        found = basin(so.parse("(x^2 + y^2 - 1)^2"), arc)
        assert set(found["kind"].values) == {"degenerate"}
        assert (found.sizes["attractor"] < 100) == (turn < 1)
        np.testing.assert_allclose(np.hypot(*found["point"].values.T), 1, atol=1e-12)


class TestRunsDoNotDisturbEachOther:
    """Every point has scales of its own: a run far out decides nothing about the others."""

    good = np.array([[1.02], [-0.97]])

    @pytest.mark.parametrize("outlier", [1e6, np.nan])
    def test_an_outlier(self, outlier):
        alone = basin(so.parse("(x^2 - 1)^2"), self.good)
        found = basin(so.parse("(x^2 - 1)^2"), np.vstack([self.good, [[outlier]]]))
        assert found["kind"].values[:2].tolist() == ["minimum", "minimum"]
        np.testing.assert_array_equal(found["point"], alone["point"])

    def test_a_point_outside_of_the_domain(self):
        assert kinds_of("x - log(x)", [[1.1], [-1.0], [0.9]]) == [
            "minimum",
            "not at rest",
            "minimum",
        ]

    def test_far_attractors_are_told_apart_by_their_own_size(self):
        cost = so.parse("(x - 1)^2*(x - 1.01)^2*(x - 10^5)^2/10^10")
        found = basin(cost, [[1.0001], [1.0099], [1e5]])
        assert found["label"].values.tolist() == [0, 1, 2]

    def test_apart(self):
        cost, points = so.parse("(x - 1)^2*(x - 1.01)^2"), [[1.0001], [1.0099]]
        assert basin(cost, points)["label"].values.tolist() == [0, 1]
        assert basin(cost, points, apart=0.1)["label"].values.tolist() == [0, 0]


class TestForms:
    def test_all_give_the_same(self):
        J = so.parse("(x^2 - 1)^2 + y^2")
        study = so.sweep(
            J, so.gd(eta=[0.05, 0.1]), start=[[1.5, 1.0], [-1.5, 1.0], [0.3, 0.0]], steps=300
        )
        data = study["gd"]
        found = basin(J, data)
        assert found["label"].dims == ("eta", "start")
        assert found["param"].values.tolist() == ["x", "y"]
        assert found["label"].values.tolist() == [[1, 0, 1]] * 2
        xr.testing.assert_identical(found, basin(J, data["theta"]))
        xr.testing.assert_equal(
            found["label"], basin(J, data["theta"].transpose("param", "start", "eta"))["label"].T
        )
        flat = basin(J, data["theta"].values.reshape(-1, 2))
        assert flat["label"].values.tolist() == found["label"].values.ravel().tolist()
        turned = data.transpose("param", "start", "eta")
        xr.testing.assert_equal(basin(J, turned)["kind"].T, found["kind"])

    def test_one_run(self):
        run = so.minimize(so.parse("x^2"), so.gd(eta=0.1), start=[1.0], steps=50)
        assert (
            basin(run.cost, run)["label"].item(),
            basin(run.cost, run.theta)["label"].item(),
        ) == (0, 0)

    def test_a_cost_that_is_a_sum(self):
        i, n = sp.symbols("i n", integer=True)
        theta = sp.IndexedBase("theta")
        J = so.Cost(sp.Sum((theta[i] ** 2 - 1) ** 2, (i, 0, n - 1)), params=theta)
        found = basin(J, np.random.default_rng(0).normal(1, 0.1, (10, 3)))
        assert found["kind"].values.tolist() == ["minimum"] * 10
        np.testing.assert_allclose(found["point"], np.ones((1, 3)))


@pytest.mark.parametrize("dimensions", [2, 10])
def test_ten_thousand_runs_take_little_memory(dimensions):
    J = so.parse("+".join(f"(x{k}^2 - 1)^2" for k in range(dimensions)))
    rng = np.random.default_rng(0)
    points = 1 + 0.05 * rng.normal(size=(10_000, dimensions))
    points[:, 0] *= rng.choice([-1, 1], 10_000)
    basin(J, points[:2])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = basin(J, points)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # kB
    assert found["runs"].values.tolist() == [(points[:, 0] < 0).sum(), (points[:, 0] > 0).sum()]


class TestBadInput:
    J = so.parse("x^2 + y^2")

    @pytest.mark.parametrize("theta", [np.empty((0, 2)), np.ones((2, 2, 2)), 1.0])
    def test_shapes(self, theta):
        with pytest.raises(so.RunError, match=r"expected \(..., param\)"):
            basin(self.J, theta)

    def test_other_parameters(self):
        with pytest.raises(so.RunError, match=r"points of 3 number\(s\) for a cost of 2, x, y"):
            basin(self.J, np.ones((4, 3)))

    def test_dimensions(self):
        with pytest.raises(so.RunError, match=r"dimensions \('start', 'n'\)"):
            basin(self.J, xr.DataArray(np.ones((2, 2)), dims=("start", "n")))

    def test_other_things(self):
        with pytest.raises(so.RunError, match="a Study was given"):
            basin(self.J, so.sweep(self.J, so.gd(eta=0.1), start=[1.0, 1.0], steps=1))
        with pytest.raises(so.RunError, match="expected points, as numbers"):
            basin(self.J, [["a", "b"]])
        with pytest.raises(so.RunError, match="expected a Cost"):
            basin("x^2", [[1.0]])

    @pytest.mark.parametrize("wrong", [{"reach": -1}, {"apart": 0}, {"apart": np.nan}])
    def test_numbers(self, wrong):
        with pytest.raises(so.RunError, match="expected a finite number"):
            basin(self.J, [[0.1, 0.1]], **wrong)
