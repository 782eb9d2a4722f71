"""Values, gradients and Hessians against SymPy's diff, evaluated by mpmath in 50 digits."""

import os
import subprocess
import sys

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import symopt as so
from symopt.autodiff.reverse import gradient
from symopt.compiler.runtime.interpreter import evaluate
from symopt.frontend.expressions import lower
from symopt.frontend.terms import terms_of
from symopt.ir.program import Graph

X = x, y, z = sp.symbols("x y z", real=True)
UNARY = (
    sp.exp, sp.sin, sp.cos, sp.tanh, sp.atan, sp.erf, sp.sinh, sp.cosh, sp.Abs, sp.asinh,
    lambda u: sp.log(1 + u**2), lambda u: sp.sqrt(1 + u**2), lambda u: sp.log(1 + sp.exp(u)),
    lambda u: 1 / (1 + sp.exp(-u)), lambda u: sp.exp(u) - 1, lambda u: 1 / (2 + sp.sin(u)),
    lambda u: sp.asin(u / (1 + u**2)), lambda u: sp.acos(u / (1 + u**2)), lambda u: sp.tan(u / 3),
    lambda u: (1 + u**2) ** sp.Rational(3, 2), lambda u: (1 + u**2) ** sp.Rational(1, 3), lambda u: u**3,
    lambda u: (1 + u**2) * sp.log(1 + u**2), lambda u: sp.Piecewise((u**2, u > 0), (sp.sin(u), True)),
    lambda u: sp.sign(u) * u**2, lambda u: sp.floor(u) * 0 + u, lambda u: sp.atanh(u / (1 + u**2)),
)  # fmt: skip
BINARY = (
    lambda u, v: u + v, lambda u, v: u - v, lambda u, v: u * v, lambda u, v: u / (1 + v**2),
    sp.Max, sp.Min, lambda u, v: (1 + u**2) ** sp.tanh(v),
    lambda u, v: sp.Piecewise((u, (u > v) & (v > -1)), (v * u, True)),
)  # fmt: skip
LEAVES = st.sampled_from([*X, *X, sp.Integer(2), sp.Rational(1, 3), sp.pi])
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda f, u: f(u), st.sampled_from(UNARY), inner),
        st.builds(lambda f, u, v: f(u, v), st.sampled_from(BINARY), inner, inner),
    ),
    max_leaves=8,
)
POINTS = st.lists(
    st.floats(-1.5, 1.5).map(lambda v: round(v, 3) + 0.0007), min_size=3, max_size=3, unique=True
)


def exact(expression, point):
    """Return an expression at a point in 50 digits, as a float; NaN where it is not real."""
    value = expression.subs(
        {s: sp.Float(repr(v), 50) for s, v in zip(X, point, strict=True)}
    ).evalf(50)
    return float(value) if value.is_real else float("nan")


def plainly(cost, point, v):
    """Return value, gradient, Hessian and Hessian times v, of the programs in plain Python."""
    given = {("x", k): value for k, value in enumerate(point)}
    first = evaluate(cost.program, given)
    second = evaluate(cost.objective.hessian_function.program, given)
    product = evaluate(
        cost.objective.hvp_function.program, given | {("v", k): value for k, value in enumerate(v)}
    )
    hessian = np.array(
        [[second["hessian", min(i, j), max(i, j)] for j in range(3)] for i in range(3)]
    )
    return (
        first["J"],
        [first["g", k] for k in range(3)],
        hessian,
        [product["g", k] for k in range(3)],
    )


@settings(max_examples=120, suppress_health_check=list(HealthCheck))
@given(EXPRESSIONS, POINTS)
def test_value_gradient_and_hessian(expression, point):
    check(expression, point)


@pytest.mark.slow
@settings(max_examples=1000, suppress_health_check=list(HealthCheck))
@given(EXPRESSIONS, POINTS)
def test_value_gradient_and_hessian_of_many_more(expression, point):
    check(expression, point)


def check(expression, point):
    """Compare the programs of an expression with SymPy's derivatives in 50 digits."""
    expression = expression + x * y + z**2
    value = exact(expression, point)
    assume(np.isfinite(value) and abs(value) < 1e8)
    slopes = [expression.diff(s) for s in X]
    assume(
        not any(slope.has(sp.Derivative, sp.DiracDelta, sp.Subs, sp.Heaviside) for slope in slopes)
    )
    assume(set(X) <= expression.free_symbols)
    v = np.array([0.3, -1.1, 0.7])
    got, slope, hessian, product = plainly(so.Cost(expression, params=X), point, v)
    assert got == pytest.approx(value, rel=1e-11, abs=1e-11)
    want = [exact(slope, point) for slope in slopes]
    assume(np.isfinite(want).all())
    scale = 1 + max(map(abs, want))
    np.testing.assert_allclose(slope, want, rtol=1e-9, atol=1e-11 * scale)
    second = [[slope.diff(s) for s in X] for slope in slopes]
    assume(
        not any(
            entry.has(sp.Derivative, sp.DiracDelta, sp.Subs, sp.Heaviside)
            for row in second
            for entry in row
        )
    )
    wanted = np.array([[exact(entry, point) for entry in row] for row in second])
    assume(np.isfinite(wanted).all())
    scale = 1 + np.abs(wanted).max()
    np.testing.assert_allclose(hessian, wanted, rtol=1e-8, atol=1e-10 * scale)
    np.testing.assert_allclose(product, wanted @ v, rtol=1e-8, atol=1e-10 * scale)


@pytest.mark.parametrize(
    ("expression", "point", "value", "slope"),
    [
        (sp.log(1 + sp.exp(x)), 1000.0, 1000.0, 1.0),
        (sp.log(1 + sp.exp(x)), -1000.0, 0.0, 0.0),
        (sp.log(1 + sp.exp(-2 * x)), -700.0, 1400.0, -2.0),
        (1 / (1 + sp.exp(-x)), -1000.0, 0.0, 0.0),
        (1 / (1 + sp.exp(-x)), 1000.0, 1.0, 0.0),
        (sp.exp(x) / (1 + sp.exp(x)), 1000.0, 1.0, 0.0),
        (3 / (1 + sp.exp(-x)), 0.0, 1.5, 0.75),
        (x * sp.log(x), 0.0, 0.0, -np.inf),
        (x * sp.log(x), 1.0, 0.0, 1.0),
        (sp.sqrt(x), 0.0, 0.0, 0.0),
        (sp.sqrt(x**2), 0.0, 0.0, 0.0),
        (sp.Abs(x), 0.0, 0.0, 0.0),
        (sp.Max(x, 0), 0.0, 0.0, 0.0),
        (sp.sqrt(sp.Max(x, 0)), -1.0, 0.0, 0.0),
        (sp.exp(x) - 1, 1e-20, 1e-20, 1.0),
        (sp.log(1 + x), 1e-20, 1e-20, 1.0),
        (sp.sign(x) * x, 0.0, 0.0, 0.0),
        (sp.Heaviside(x) * x**2, -1.0, 0.0, 0.0),
        (x**x, 1.0, 1.0, 1.0),
        (sp.tanh(x), 1000.0, 1.0, 0.0),
    ],
)
@pytest.mark.usefixtures("in_python")
def test_stable_forms_and_kinks(expression, point, value, slope):
    cost = so.Cost(expression, params=x)
    assert cost.value([point]) == value
    assert cost.grad([point])[0] == slope


def test_a_tie_of_max_belongs_to_the_first():
    first, second = sp.Max(x, 2 * y).args
    cost = so.Cost(sp.Max(x, 2 * y), params=(x, y))
    want = {x: (1.0, 0.0), 2 * y: (0.0, 2.0)}[first]
    assert tuple(cost.grad([2.0, 1.0])) == want
    assert second in (x, 2 * y)


AROUND = {
    "alone": lambda u: u,
    "squared": lambda u: u**2 + y,
    "exp": lambda u: sp.exp(u) * y,
    "sum": lambda u: u + sp.log(y),
}


@pytest.mark.parametrize("combine", AROUND)
@pytest.mark.parametrize(
    "branch",
    [sp.sqrt(x), sp.log(x), 1 / x, sp.sqrt(x) * sp.log(x), x ** sp.Rational(1, 3), sp.acos(2 - x)],
)
@pytest.mark.usefixtures("in_python")
def test_an_untaken_branch_leaks_nowhere(branch, combine):
    """The untaken piece is NaN or infinite at x <= 0, its derivatives too."""
    around = lambda u: AROUND[combine](u) + y
    cost = so.Cost(
        around(sp.Piecewise((branch, x > sp.Rational(3, 2)), (x**2, True))), params=(x, y)
    )
    plain = so.Cost(around(x**2), params=(x, y))
    for point in ([-1.0, 0.5], [0.0, 0.5], [-0.0, 2.0]):
        np.testing.assert_allclose(cost.value(point), plain.value(point), rtol=1e-15)
        np.testing.assert_allclose(cost.grad(point), plain.grad(point), rtol=1e-14, atol=1e-300)
        np.testing.assert_allclose(
            cost.hessian(point), plain.hessian(point), rtol=1e-14, atol=1e-300
        )


def test_nested_branches_and_shared_parts():
    inner = sp.Piecewise((sp.log(x), x > 1), (y / x, x > 0), (0, True))
    cost = so.Cost(sp.Piecewise((inner + sp.sqrt(y), y > 0), (inner * 2 + x, True)), params=(x, y))
    assert cost.grad([0.0, -1.0]).tolist() == [1.0, 0.0]
    assert cost.grad([2.0, -1.0]).tolist() == [2.0, 0.0]
    np.testing.assert_allclose(cost.grad([0.5, 4.0]), [-16.0, 2.25])


def chain(n):
    z = sp.symbols(f"z:{n}", real=True)
    return sp.Add(*(100 * (z[i + 1] - z[i] ** 2) ** 2 + (1 - z[i]) ** 2 for i in range(n - 1)))


@pytest.mark.filterwarnings("ignore:the cost has")
def test_the_gradient_is_linear_in_the_size():
    sizes = [len(so.Cost(chain(n)).program.nodes) for n in (50, 100, 200)]
    assert sizes[2] - sizes[1] == 2 * (sizes[1] - sizes[0])
    value = len(so.Cost(chain(200)).objective.value_program.nodes)
    assert sizes[2] < 4 * value


def test_no_depth_is_too_deep():
    graph = Graph()
    node = graph.input(("x", 0))
    for _ in range(10_000):
        node = graph.op("sin", node)
    program = gradient(graph.program({"J": node}), [("x", 0)])
    assert len(program.nodes) > 30_000 - 10


@pytest.mark.filterwarnings("ignore:the cost has")
def test_a_deep_expression_of_sympy():
    expression = x
    for _ in range(150):
        expression = sp.sin(expression) + x
    cost = so.Cost(expression)
    step = 1e-6
    slope = (cost.value([0.3 + step]) - cost.value([0.3 - step])) / (2 * step)
    assert cost.grad([0.3])[0] == pytest.approx(slope, rel=1e-4)


@pytest.mark.filterwarnings("ignore:the cost has")
def test_large_gradient_and_hessian_against_central_differences():
    cost = so.Cost(chain(60))
    rng = np.random.default_rng(0)
    theta, v = rng.uniform(-1, 1, 60), rng.normal(size=60)
    step = 1e-5
    slope = (cost.value(theta + step * v) - cost.value(theta - step * v)) / (2 * step)
    assert cost.grad(theta) @ v == pytest.approx(slope, rel=1e-7)
    change = (cost.grad(theta + step * v) - cost.grad(theta - step * v)) / (2 * step)
    np.testing.assert_allclose(cost.hvp(theta, v), change, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(cost.hessian(theta) @ v, cost.hvp(theta, v), rtol=1e-12, atol=1e-9)


def test_a_hessian_too_large_to_write_out_is_made_of_columns(monkeypatch):
    expression = chain(8)
    whole = so.Cost(expression).hessian(np.linspace(-1, 1, 8))
    monkeypatch.setattr("symopt.costs.closed_form.LARGEST_HESSIAN", 0)
    np.testing.assert_allclose(
        so.Cost(expression).hessian(np.linspace(-1, 1, 8)), whole, rtol=1e-13, atol=1e-12
    )


SCRIPT = """
import sympy as sp, symopt as so
x, y, b, a = sp.symbols("x y b a")
J = so.Cost(sp.sin(x*y)*a + sp.exp(-b*x**2) + sp.Max(x, y, a) + (x + y + a + b)**3, params=(x, y))
print(J.source)
print(so.minimize(J, so.nadam(eta=0.1/sp.sqrt(so.t) + 0.5*0.9**so.t), [1, 2], 1, a=1, b=2).source)
i, j, k, n = sp.symbols("i j k n", integer=True)
u, v, w, H = (sp.IndexedBase(name) for name in "uvwH")
inner = sp.Sum(v[i, j]*H[j]*w[j], (j, 0, 2))
K = so.Cost(so.logsumexp(a*inner + u[i], (i, 0, n)) + sp.Sum(inner*w[i + 1]**2, (i, 0, 1)), where={H[j]: sp.tanh(w[j])})
print(K.params, K.source, K.objective.compiled("hessian").source)
"""


def test_the_source_does_not_depend_on_the_hash_seed():
    seen = set()
    for seed in "0", "1":
        env = {**os.environ, "PYTHONHASHSEED": seed}
        seen.add(
            subprocess.run(
                [sys.executable, "-c", SCRIPT], env=env, check=True, capture_output=True
            ).stdout
        )
    assert len(seen) == 1


def test_common_work_is_shared_between_value_and_gradient():
    cost = so.Cost(sp.exp(sp.sin(x) * y), params=(x, y))
    ops = [node.op for node in cost.program.nodes]
    assert ops.count("exp") == 1
    assert ops.count("sin") == 1


def test_lowering_walks_a_wide_sum_once():
    graph = Graph()
    many = sp.symbols("z:2000", real=True)
    node = lower(graph, sp.Add(*(s**2 for s in many)), lambda s: graph.input(s.name))
    assert len(graph.nodes) == 3 * 2000  # an input, a square and a sum each, and the number 2
    assert node == len(graph.nodes) - 1


def test_a_nested_sum_is_not_walked_to_its_bottom_at_every_level():
    graph = Graph()
    node, other = (graph.input(("x", k)) for k in range(2))
    for _ in range(1000):
        node = graph.op("mul", graph.const(0.5), graph.op("add", node, other))
    assert terms_of(graph, [node]) is None


def test_mpmath_is_the_reference_for_numbers():
    with mp.workdps(50):
        want = float(mp.pi / 3 + mp.e + mp.mpf(1) / 7)
    assert so.Cost(x * (sp.pi / 3 + sp.E + sp.Rational(1, 7))).value([1.0]) == pytest.approx(
        want, rel=3e-16
    )


def test_the_slope_by_a_parameter_of_an_untaken_branch_is_zero():
    """y stands in one branch only: nothing selects it later."""
    cost = so.Cost(sp.Piecewise((y**2, x > 0), (x**2, True)), params=(x, y))
    assert cost.grad([-1.0, 3.0]).tolist() == [-2.0, 0.0]
    assert cost.grad([1.0, 3.0]).tolist() == [0.0, 6.0]
    assert cost.hessian([-1.0, 3.0]).tolist() == [[2.0, 0.0], [0.0, 0.0]]
