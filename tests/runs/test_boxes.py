"""Runs in a box: at the constrained minimum, between the bounds at every step, and said in words."""

import numpy as np
import pytest
import sympy as sp
from scipy.optimize import lsq_linear

import symopt as so

i, n = sp.symbols("i n", integer=True)
th = sp.IndexedBase("theta")
CHAIN = so.Cost(
    sp.Sum((th[i] - 1) ** 2, (i, 0, n - 1)) + sp.Sum((th[i + 1] + th[i]) ** 2, (i, 0, n - 2)),
    params=th,
)
GD = so.gd(eta=0.1)
BOWL = so.parse("(x + 1)^2 + (y - 3)^2")


def written(size):
    z = sp.symbols(f"z:{size}")
    squares = sum((s - 1) ** 2 for s in z)
    return so.Cost(squares + sum((z[k + 1] + z[k]) ** 2 for k in range(size - 1)), params=z)


def constrained(size, low, high):
    """The minimum of the chain in a box, by SciPy's linear least squares."""
    sums = np.eye(size)[:-1] + np.eye(size)[1:]
    matrix, right = np.vstack([np.eye(size), sums]), np.r_[np.ones(size), np.zeros(size - 1)]
    return lsq_linear(matrix, right, (low, high), tol=1e-14).x


@pytest.mark.usefixtures("in_python")
@pytest.mark.parametrize(
    ("cost", "size"), [(written(3), 3), (written(6), 6), (CHAIN, 6)], ids=["3", "6", "sum"]
)
def test_the_minimum_in_the_box_is_found_and_alone_and_in_lanes_it_is_the_same(cost, size):
    low, high = [-0.1, None, *[0.7] * (size - 2)], [None, 0.1, *[0.9] * (size - 2)]
    want = constrained(
        size, [-np.inf if v is None else v for v in low], [np.inf if v is None else v for v in high]
    )
    starts = np.array([[0.5, 0.0, *[0.8] * (size - 2)], [0.2, 0.05, *[0.7] * (size - 2)]])
    rule = so.project(GD, low, high)
    run = so.minimize(cost, rule, starts[0], 110, tolerance=1e-9)
    assert run.status == "converged"
    assert "projected gradient is at most 1e-09" in run.reason
    np.testing.assert_allclose(run.theta, want, atol=1e-9)
    study = so.sweep(cost, rule, starts, 110, tolerance=1e-9)
    np.testing.assert_array_equal(study[rule.name]["theta"][0], run.theta)
    assert "on the bound" in study.reason(rule.name, start=1)


def test_machine_code_has_the_bits_of_its_source_in_plain_python():
    from properties.rule_cost_bits import in_plain_python

    for cost, size in ((written(3), 3), (CHAIN, 6), (CHAIN, 501)):
        rule, start = so.project(so.adam(eta=0.1), -0.2, 0.4), np.linspace(-0.2, 0.4, size)
        compiled = so.minimize(cost, rule, start, 33, tolerance=1e-3)
        with in_plain_python():
            plain = so.minimize(cost, rule, start, 33, tolerance=1e-3)
        np.testing.assert_array_equal(compiled.theta, plain.theta)
        assert compiled.reason == plain.reason


SIDES = {
    "numbers": ({"low": 0, "high": 2}, [0.0, 2.0]),
    "open below": ({"high": 2}, [-1.0, 2.0]),
    "open by None": ({"low": [None, None], "high": (None, 2)}, [-1.0, 2.0]),
    "infinite": ({"low": [0, -np.inf], "high": np.inf}, [0.0, 3.0]),
    "by name": ({"low": {"x": 0.5}, "high": {"y": 1}}, [0.5, 1.0]),
    "by symbol": ({"low": {sp.Symbol("x"): 0.5}, "high": {sp.Symbol("y"): None}}, [0.5, 3.0]),
    "an array": ({"low": np.array([0.25, 0.0]), "high": np.array([1, 1.5])}, [0.25, 1.5]),
    "equal": ({"low": 1, "high": 1}, [1.0, 1.0]),
}


@pytest.mark.usefixtures("in_python")
@pytest.mark.parametrize("case", SIDES)
def test_bounds_are_numbers_or_one_for_each_parameter(case):
    sides, want = SIDES[case]
    run = so.minimize(BOWL, so.project(so.gd(eta=0.5), **sides), [1.0, 1.0], 20, tolerance=1e-12)
    np.testing.assert_allclose(run.theta, want)
    assert run.status == "converged"


@pytest.mark.usefixtures("in_python")
def test_bounds_of_arrays_go_by_name_or_by_entry():
    for low, want in (({"theta": 0.75}, 0.75), ({"theta[2]": 0.75}, 0.75), (None, None)):
        run = so.minimize(CHAIN, so.project(GD, low=low), np.full(6, 0.8), 300)
        assert (run.theta.min() >= 0.75) == (low == {"theta": 0.75})
        assert ("on the bound" in run.reason) == (low is not None)
        assert low is None or run.theta[2] == want


@pytest.mark.usefixtures("in_python")
@pytest.mark.parametrize(
    "around",
    [
        lambda rule: so.lookahead(rule, k=2, alpha=0.3),
        lambda rule: so.weight_decay(rule, 0.5, decoupled=True),
        so.average,
        lambda rule: so.noisy(rule, 2.0),
        so.restart,
    ],
    ids=["lookahead", "decay", "average", "noise", "restart"],
)
def test_whatever_goes_around_theta_stays_in_the_box(around):
    rule = around(so.project(so.momentum(eta=0.004), low=0.1, high=[0.7, 0.3]))
    path = so.minimize(BOWL, rule, [0.6, 0.11], 60, rng=1).history["theta"].values
    assert (path >= 0.1).all()
    assert (path <= [0.7, 0.3]).all()
    assert len(np.unique(path)) > 3


def test_a_step_to_no_number_is_not_put_on_a_bound():
    @so.rule
    def lost(theta, *, grad):
        return theta - grad(theta) * sp.sqrt(0.5 - theta)

    for x in (1.0, 0.25):
        run = so.minimize(so.parse("x^2"), so.project(lost, low=0, high=2), [x], 1)
        assert run.status == ("non-finite" if x == 1.0 else "budget spent")


def test_a_run_that_ends_inside_names_no_bound():
    run = so.minimize(BOWL, so.project(GD, -5, 5), [0.0, 0.0], 500, tolerance=1e-9)
    assert run.status == "converged"
    assert "bound" not in run.reason


REFUSED = {
    "a start outside": ({"low": 0}, [-1.0, 1.0], "x = -1 is outside of its bounds, from 0 to open"),
    "crossed": ({"low": 2, "high": [3, 1]}, [2.5, 1], "the bounds of y are 2 and 1; expected the"),
    "too many": ({"low": [0, 0, 0]}, [1.0, 1.0], r"low has shape (3,); expected one number, or"),
    "an unknown name": ({"high": {"z": 1}}, [0.0, 0.0], "high: 'z' is no parameter"),
    "a text": ({"low": {"x": "zero"}}, [0.0, 0.0], "low of x: 'zero' is not made of real numbers"),
    "no number": ({"low": [np.nan, 0]}, [0.0, 0.0], "low is NaN"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bounds_that_do_not_fit_are_refused_before_the_run(case):
    sides, start, words = REFUSED[case]
    for ask in (so.minimize, so.sweep):
        with pytest.raises(so.RunError) as error:
            ask(BOWL, so.project(GD, **sides), start, 5)
        assert words in str(error.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: so.project(GD, low="0"), "a str; expected a number, None for an open side"),
        (lambda: so.project(GD, low=1 / so.t), "a schedule; expected a number"),
        (lambda: so.project(so.project(GD, low=0), high=1), "has bounds already; give both sides"),
        (lambda: so.project(so.average(GD), low=0), "expected the bounds inside"),
    ],
)
def test_sides_that_are_none_are_refused(make, words):
    with pytest.raises(so.RuleError, match=words):
        make()


def test_a_way_up_is_not_tested_by_what_points_out_of_the_box():
    hill = so.parse("-(x - 3)^2")
    rule = so.ascend(so.project(GD, 0, 2))
    with pytest.raises(so.RunError, match="climbs between bounds"):
        so.minimize(hill, rule, [0.0], 50, tolerance=1e-6)
    assert so.minimize(hill, rule, [0.0], 50).theta == pytest.approx([2.0])
