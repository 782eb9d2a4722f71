"""scipy: SciPy's methods on compiled costs, with every evaluation counted and every end told."""

import os
import signal

import matplotlib.pyplot as plt
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import symopt as so
from symopt.interop.scipy import SciPyRun, callback, scipy
from symopt.interop.scipy.methods import METHODS

J = so.parse("100*(y-x^2)^2 + (1-x)^2")
START = [-1.2, 1.0]
i, k, m, n, j, d = sp.symbols("i k m n j d", integer=True)
X, t, theta = map(sp.IndexedBase, ("X", "t", "theta"))
a = sp.Symbol("a")
CHAIN = so.Cost(
    sp.Sum(a * (theta[i + 1] - theta[i] ** 2) ** 2 + (1 - theta[i]) ** 2, (i, 0, n - 2)),
    params=theta,
)

GRADIENT = [name for name in METHODS if name != "Nelder-Mead"]
ANY = pytest.mark.parametrize("method", METHODS)
BY_GRADIENT = pytest.mark.parametrize("method", GRADIENT)


class Counted:
    """A cost in direct use by SciPy, with its calls counted by hand."""

    def __init__(self, cost):
        self.cost, self.calls, self.path = (
            cost,
            {"value": 0, "gradient": 0, "hvp": 0, "hessian": 0},
            [],
        )

    def __call__(self, what, name):
        def call(*arguments):
            self.calls[what] += 1
            return getattr(self.cost, name)(*arguments)

        return call

    def minimize(self, method, start, options, tolerance=None):
        def callback(x):
            self.path.append(np.array(x))
            if tolerance is not None and np.abs(self.cost.grad(x)).max() <= tolerance:
                raise Found

        jac = self("gradient", "grad") if method != "Nelder-Mead" else None
        hess = self("hessian", "hessian") if method == "trust-exact" else None
        hessp = self("hvp", "hvp") if method in ("Newton-CG", "trust-ncg") else None
        try:
            return minimize(
                self("value", "value"), np.array(start, dtype=float), method=method, jac=jac, hess=hess, hessp=hessp,
                callback=callback, options=options,
            )  # fmt: skip
        except Found:
            return None


class Found(Exception):
    pass


def counts(run):
    return {
        name: getattr(run, f"{name}_evaluations")
        for name in ("value", "gradient", "hvp", "hessian")
    }


# As SciPy alone

TOLERANCE = 1e-7
OPTIONS = {
    "BFGS": {"gtol": TOLERANCE},
    "L-BFGS-B": {"gtol": TOLERANCE, "ftol": 0.0},
    "CG": {"gtol": TOLERANCE},
    "Newton-CG": {"xtol": 0.0},
    "TNC": {"gtol": 0.0, "ftol": 0.0, "xtol": 0.0, "maxfun": 100_000},
    "trust-ncg": {"gtol": TOLERANCE},
    "trust-exact": {"gtol": TOLERANCE},
    "Nelder-Mead": {"xatol": TOLERANCE, "fatol": TOLERANCE},
}
CASES = [(J, START), (CHAIN(a=100.0), [-1.2, 1.0, 0.3, 0.7, -0.4])]


@pytest.mark.usefixtures("in_python")
@pytest.mark.parametrize(("cost", "start"), CASES, ids=["plain", "sum"])
@ANY
def test_the_same_steps_and_counts_as_scipy_alone(method, cost, start):
    direct = Counted(cost)
    found = direct.minimize(
        method, start, OPTIONS[method], TOLERANCE if method in ("Newton-CG", "TNC") else None
    )
    run = scipy(cost, method, start, tolerance=TOLERANCE)
    np.testing.assert_array_equal(run.history["theta"], [start, *direct.path])
    assert counts(run) == direct.calls
    assert run.status == so.Status.CONVERGED
    if found is not None:
        assert run.theta.tolist() == found.x.tolist()
        assert (run.steps, run.value_evaluations) == (
            found.nit - (method == "Nelder-Mead"),
            found.nfev,
        )
        assert run.gradient_evaluations == found.get("njev", run.gradient_evaluations)
        assert run.hvp_evaluations + run.hessian_evaluations >= found.get("nhev", 0) - 1


@pytest.mark.parametrize("steps", [1, 2, 7])
@ANY
def test_a_budget_is_scipys_maxiter(method, steps):
    run = scipy(J, method, START, steps)
    assert (run.status, run.reason, run.steps) == (
        so.Status.BUDGET,
        f"all {steps} steps made",
        steps,
    )
    assert run.history.sizes["step"] == steps + 1
    if method != "TNC":  # it has none
        options = OPTIONS[method] | {"maxiter": steps + (method == "Nelder-Mead")}
        direct = Counted(J)
        assert direct.minimize(method, START, options).x.tolist() == run.theta.tolist()
        # a trust region looks at the gradient of its last step before it counts it
        more = {"gradient": run.gradient_evaluations + 1}
        assert direct.calls in (counts(run), counts(run) | more)


@ANY
def test_no_steps(method):
    run = scipy(J, method, START, 0)
    assert (run.theta.tolist(), run.loss, run.steps) == (START, J.value(START), 0)
    assert (run.status, run.reason) == (so.Status.BUDGET, "all 0 steps made")
    assert counts(run) == {"value": 1, "gradient": 0, "hvp": 0, "hessian": 0}


# What they reach


@ANY
def test_the_minimum_of_rosenbrock(method):
    run = scipy(J, method, START, tolerance=1e-8)
    assert run.status == so.Status.CONVERGED
    np.testing.assert_allclose(run.theta, [1, 1], atol=1e-6)
    if method in GRADIENT:
        assert np.abs(J.grad(run.theta)).max() <= 1e-8


@pytest.mark.parametrize("size", [2, 5, 30])
@BY_GRADIENT
def test_the_minimum_of_a_chain(method, size):
    run = scipy(CHAIN, method, np.full(size, 0.8), tolerance=1e-8, a=100.0)
    assert run.status == so.Status.CONVERGED
    np.testing.assert_allclose(run.theta, 1, atol=1e-6)
    assert run.labels == [f"theta[{k}]" for k in range(size)]


def test_a_simplex_in_few_dimensions():
    run = scipy(CHAIN, "Nelder-Mead", np.full(4, 0.5), 5000, tolerance=1e-8, a=100.0)
    np.testing.assert_allclose(run.theta, 1, atol=1e-6)
    assert counts(run) == {"value": run.value_evaluations, "gradient": 0, "hvp": 0, "hessian": 0}


@ANY
def test_without_a_tolerance_until_no_progress(method):
    """Even with a minimum above 0, where J's rounding is all there is to gain."""
    run = scipy(so.parse("100*(y-x^2)^2 + (1-x)^2 + 7"), method, START)
    assert run.status == so.Status.CONVERGED
    assert "gradient" in run.reason
    np.testing.assert_allclose(run.theta, 1, atol=1e-5)
    assert abs(run.loss - 7) < 1e-14


def test_samples_and_mappings():
    rng = np.random.default_rng(0)
    data = {X: rng.normal(size=(40, 3)), t: rng.choice([-1.0, 1.0], 40)}
    Z = sp.Sum(X[k, j] * theta[j], (j, 0, d - 1))
    cost = so.Cost(
        sp.Sum(sp.log(1 + sp.exp(-t[k] * Z)), (k, 0, m - 1)) / m, params=theta, data=data, samples=k
    )
    run = scipy(cost, "L-BFGS-B", {theta: np.zeros(3)}, tolerance=1e-9)
    newton = scipy(cost, "Newton-CG", np.zeros(3), tolerance=1e-9)
    np.testing.assert_allclose(run.theta, newton.theta, atol=1e-6)
    assert run.arrays["theta"].shape == (3,)
    assert (
        scipy(J, start={"y": 1.0, "x": -1.2}).theta.tolist() == scipy(J, start=START).theta.tolist()
    )


def test_any_case_and_a_start_that_is_kept():
    start = np.array(START)
    assert scipy(J, "l-bfgs-b", start, 5).rule.name == "scipy L-BFGS-B"
    assert start.tolist() == START


# What is recorded


@pytest.mark.parametrize(("cost", "start"), CASES, ids=["plain", "sum"])
@ANY
def test_losses_are_the_cost_at_the_thetas(method, cost, start):
    run = scipy(cost, method, start, 200)
    path, losses = run.history["theta"].values, run.history["loss"].values
    assert path[0].tolist() == list(start)
    assert losses.tolist() == [cost.value(point) for point in path] == cost.value(path).tolist()
    assert (run.theta.tolist(), run.loss) == (path[-1].tolist(), losses[-1])
    assert (run.best_loss, run.best_theta.tolist()) == (
        losses.min(),
        path[losses.argmin()].tolist(),
    )
    assert (
        run.history["step"].values.tolist() == list(range(run.steps + 1)) == run.recorded.tolist()
    )


@ANY
def test_counts_at_the_steps(method):
    run = scipy(J, method, START, 30)
    for name, total in counts(run).items():
        column = run.history[f"{name}_evaluations"]
        assert column.dims == ("step",)
        assert column.values[0] == (name == "value")
        assert (np.diff(column.values) >= 0).all()
        assert column.values[-1] <= total
        for short in (3, 11):  # what it took until there is what a shorter run takes in all
            assert column.values[short] == counts(scipy(J, method, START, short))[name]


def test_paths_as_long_as_they_are_short(monkeypatch):
    whole = scipy(J, "BFGS", START)
    monkeypatch.setattr(callback, "RECORD_PATHS", 2 * whole.steps)
    run = scipy(J, "BFGS", START)
    assert "theta" not in run.history
    assert run.history["loss"].values.tolist() == whole.history["loss"].values.tolist()


@BY_GRADIENT
def test_a_run_for_all_that_takes_one(method):
    run = scipy(J, method, START, 60)
    assert isinstance(run, so.Run)
    assert isinstance(run, SciPyRun)
    assert (run.rule.name, repr(run.rule)) == (f"scipy {method}", f"scipy {method}")
    assert repr(run).startswith(f"Run(scipy {method}: J = ")
    ax = so.plot.convergence([run, so.minimize(J, so.adam(eta=0.02), START, 60)])
    assert {line.get_label() for line in ax.lines} >= {f"scipy {method}", "adam"}
    so.plot.trajectory({"reference": run})
    run.history["loss"].plot(x="gradient_evaluations")
    plt.close("all")
    assert so.measure.rate(run).regime
    assert so.measure.rate(run, optimum=0.0).error == "J - J*"
    assert "def " in run.source


def test_newton_beats_descent():
    """On a quadratic one Newton step does what gradient descent needs hundreds for."""
    cost, start = so.parse("x^2 + 50*y^2"), [50.0, 1.0]
    runs = [
        scipy(cost, "trust-exact", start, tolerance=1e-8),
        so.minimize(cost, so.gd(eta=1 / 51), start, 300),
    ]
    assert runs[0].steps < 12
    assert runs[0].loss < runs[1].loss


def test_it_stands_for_no_rule():
    rule = scipy(J, "BFGS", START, 1).rule
    assert rule.doc == "Broyden, Fletcher, Goldfarb, Shanno 1970"
    assert "scipy BFGS" in rule._repr_latex_()
    with pytest.raises(so.RuleError, match="without equations"):
        so.minimize(J, rule, START)


# How they end

ENDS = [
    ("log(x) + y^2", [-1.0, 1.0], "non-finite"),  # not a number at the start
    ("-exp(x^2) + y^2", [3.0, 1.0], ("non-finite", "diverged")),
    (
        "-x^4 - y^2",
        [1.0, 1.0],
        ("diverged", "stalled", "budget spent"),
    ),  # no line search is made for that
    ("x + exp(y^2)", [1.0, 1.0], ("diverged", "stalled", "budget spent", "non-finite")),
    ("x - log(x) + y^2", [5.0, 1.0], ("converged", "stalled", "non-finite", "budget spent")),
    ("abs(x) + abs(y)", [1.0, 0.3], ("converged", "stalled", "budget spent")),
]


@pytest.mark.parametrize(("text", "start", "status"), ENDS, ids=[text for text, *_ in ENDS])
@ANY
def test_every_end_is_a_status(method, text, start, status):
    cost = so.parse(text)
    run = scipy(cost, method, start, 100)
    assert run.status in status
    assert run.reason
    assert np.isfinite(run.theta).all()
    np.testing.assert_equal(run.loss, cost.value(run.theta))


def test_the_reasons():
    def end(text, method, start, **how):
        run = scipy(so.parse(text), method, start, **how)
        return run.status, run.reason

    status, reason = end("log(x)", "CG", [-1.0])
    assert status == "non-finite"
    assert reason.startswith("J is nan after 0 steps, at x = -1: log of -1, in log(x)")
    assert end("-exp(x)", "BFGS", [1.0])[1].startswith("J is -inf after 1 steps, at x = ")
    assert end("-x^2", "L-BFGS-B", [1.0])[1].startswith(
        "|J| = 4e+20 is beyond the limit 1e+20 after 1 steps"
    )
    status, reason = end("0.1*x", "TNC", [1.0])
    assert status == "diverged"
    assert reason.startswith("|x| = ")
    assert "is beyond the limit 1e+20 in step" in reason
    status, reason = end("abs(x) + y^2", "BFGS", [1.0, 1.0])
    assert (status, reason[:11]) == ("stalled", "no progress")
    assert reason.endswith("SciPy: Desired error not necessarily achieved due to precision loss.")
    assert end("x^2 - y^2", "CG", [1.0, 0.0]) == ("converged", "the gradient is 0 after 1 steps")
    want = "every component of the gradient is at most 0.001 after 0 steps"
    assert end("x^2", "trust-ncg", [1e-5], tolerance=1e-3) == ("converged", want)
    assert (
        end("x^2", "Nelder-Mead", [1.0], tolerance=10.0)[1]
        == "the simplex is no larger than 10 after 0 steps"
    )
    assert (
        end("x^2", "Nelder-Mead", [-1.0], tolerance=10.0)[1]
        == "the simplex is no larger than 10 after 0 steps"
    )


def test_the_best_corner_of_a_first_simplex_is_a_step():
    run = scipy(so.parse("(x-2)^2"), "Nelder-Mead", [1.0], tolerance=10.0)
    assert (run.steps, run.theta.tolist(), run.value_evaluations) == (1, [1.05], 2)
    assert run.history["loss"].values.tolist() == [1.0, run.cost.value([1.05])]


def test_a_wall_where_j_is_no_number():
    """The minimum over x > 0 lies at its edge: what is sought beyond it is not finite."""
    cost = so.parse("sqrt(x) + y^2")
    for method in METHODS:
        run = scipy(cost, method, [1.0, 1.0], 300)
        assert run.status in ("non-finite", "stalled", "converged", "budget spent")
        assert not run.best_loss > cost.value([1.0, 1.0])
    assert scipy(cost, "L-BFGS-B", [1.0, 1.0]).status == "non-finite"


def test_what_fails_inside_scipy_is_told(monkeypatch):
    monkeypatch.setattr(so.Cost, "hessian", lambda self, x: np.full((len(x), len(x)), np.nan))
    run = scipy(so.parse("x^2 + 3*y^2"), "trust-exact", [1.0, 1.0])
    assert run.status == "non-finite"
    assert run.reason.startswith(
        "the Hessian is not finite where a step was sought, after 0 steps, at x = 1, y = 1; "
    )


@BY_GRADIENT
def test_ctrl_c_returns_what_is_there(monkeypatch, method):
    value, left = so.Cost.value, [12]

    def pressed(self, *arguments):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGINT)
        return value(self, *arguments)

    monkeypatch.setattr(so.Cost, "value", pressed)
    run = scipy(J, method, START)
    assert run.status == so.Status.INTERRUPTED
    assert run.reason == f"interrupted after {run.steps} of 1000 steps"
    assert 0 < run.steps < 12


WILD = [
    "x*y",
    "log(x*y)",
    "1/(x^2 + y^2)",
    "sqrt(x) - y",
    "exp(x*y) + exp(-x*y)",
    "x^3 + y^2",
    "tanh(x) + sin(y)",
]
numbers = st.floats(-1e3, 1e3) | st.sampled_from([0.0, 1e-300, 1e18, -1e18])


@settings(max_examples=30)
@given(
    st.sampled_from(WILD),
    st.sampled_from([*METHODS]),
    st.tuples(numbers, numbers),
    st.sampled_from([None, 0.0, 1e-4]),
)
def test_nothing_is_raised(text, method, start, tolerance):
    cost = so.parse(text)
    run = scipy(cost, method, start, 40, tolerance=tolerance)
    assert run.status in set(so.Status)
    assert run.reason
    assert run.steps <= 40
    np.testing.assert_equal(run.loss, cost.value(run.theta))


# Refusals


def test_refusals(refused):
    cost = so.Cost(a * sp.Symbol("x") ** 2, params="x")
    refused(lambda: scipy(J, "BFSG", START), so.RunError, "BFSG", r"did you mean 'BFGS'\?")
    refused(lambda: scipy(J, "powell", START), so.RunError, "powell", "known: BFGS, L-BFGS-B")
    refused(lambda: scipy(J, START), so.RunError, "method=", "so.scipy")
    refused(lambda: scipy(J), so.RunError, "start is missing")
    refused(lambda: scipy(CHAIN, a=1.0), so.RunError, "start")
    refused(lambda: scipy(J, "CG", [1.0]), so.RunError, r"\(1,\)", r"\(2,\)", "x, y")
    refused(lambda: scipy(J, "CG", [START]), so.RunError, "shape")
    refused(lambda: scipy(J, "CG", [np.nan, 1.0]), so.RunError, "not finite")
    refused(
        lambda: scipy(J, "CG", START, tolerance=-1.0), so.RunError, "tolerance=-1.0", "0 or more"
    )
    refused(lambda: scipy(J, "CG", START, tolerance=np.nan), so.RunError, "tolerance")
    refused(lambda: scipy(J, "CG", START, 2.5), so.RunError, "steps=2.5")
    refused(lambda: scipy(J, "CG", START, -1), so.RunError, "steps=-1")
    refused(lambda: scipy(cost, "CG", [1.0]), so.CostError, "missing: a")
    refused(lambda: scipy(cost, "CG", [1.0], b=2.0), so.CostError, "no constant 'b'")
    refused(lambda: scipy(cost, "CG", [1.0], a=[1.0, 2.0]), so.CostError, "a is an array")
    refused(lambda: scipy("x^2", "CG", [1.0]), so.CostError)


@pytest.mark.parametrize("method", ["BFGS", "trust-exact", "Nelder-Mead"])
def test_matrices_that_are_too_large(refused, method):
    refused(
        lambda: scipy(CHAIN, method, np.zeros(6000), a=1.0),
        so.RunError,
        "6000 x 6000",
        "use L-BFGS-B",
    )


def test_a_hundred_thousand_parameters():
    run = scipy(CHAIN, "L-BFGS-B", np.linspace(-1, 1, 100_000), 5, a=100.0)
    assert run.steps == 5
    assert run.loss < run.history["loss"].values[0]


@pytest.mark.parametrize("method", METHODS)
def test_a_start_beyond_the_limit_is_a_status(method):
    run = scipy(so.parse("x^2 + y^2"), method, start=[1e200, 1.0])
    assert run.status in ("diverged", "non-finite")
    assert run.theta.tolist() == [1e200, 1.0]
    assert run.steps == 0
