"""Costs as people write them, equal to the plain formula that they stand for: value, slopes and J.check."""

import numpy as np
import pytest
import sympy as sp
from sympy.codegen import cfunctions
from sympy.codegen.numpy_nodes import logaddexp

import symopt as so
from symopt.frontend.bounds import within_affine_bounds
from symopt.frontend.rewriting import rewritten

pytestmark = pytest.mark.usefixtures("in_python")

x, y, z, t, w = sp.symbols("x y z t w")
i, j, k, n = sp.symbols("i j k n", integer=True)
X, SHAPED = sp.IndexedBase("X"), sp.IndexedBase("X", shape=(n,))
POINT = {"x": 0.7, "y": -1.3, "z": 0.4}
Z = x + sp.I * y
CLOSED = {
    "modulus": (sp.Abs(Z) ** 2, x**2 + y**2),
    "conjugate": (Z * sp.conjugate(Z), x**2 + y**2),
    "product with a conjugate": (sp.re(Z * sp.conjugate(z + sp.I)), x * z + y),
    "difference of phases": (sp.Abs(sp.exp(sp.I * x) - sp.exp(sp.I * y)) ** 2, 2 - 2 * sp.cos(x - y)),
    "reflection": (sp.Abs((1 - Z) / (1 + Z)) ** 2, ((1 - x) ** 2 + y**2) / ((1 + x) ** 2 + y**2)),
    "power": (sp.im(Z**3), 3 * x**2 * y - y**3),
    "substitution": (sp.Subs(t**2 + t, t, x) + y, x**2 + x + y),
    "derivative": (sp.Derivative(sp.sin(x) * y, x) ** 2, (sp.cos(x) * y) ** 2),
    "integral": (sp.Integral((t - x) ** 2, (t, 0, 1)) + y, sp.Rational(1, 3) - x + x**2 + y),
    "integral to infinity": (sp.Integral(sp.exp(-(t**2)) * x, (t, -sp.oo, sp.oo)), sp.sqrt(sp.pi) * x),
    "unevaluated": (sp.UnevaluatedExpr(x + 1) ** 2 * y, (x + 1) ** 2 * y),
    "infinite sum": ((x - sp.Sum(1 / k**2, (k, 1, sp.oo))) ** 2, (x - sp.pi**2 / 6) ** 2),
    "not": (sp.Piecewise((x**2, ~((x > 0) & (y > 0))), (y, True)), x**2),
    "xor": (sp.Piecewise((x**2, sp.Xor(x > 0, y > 0, z > 0)), (y * x, True)), x * y),
    "nested": (sp.Piecewise((x, sp.Or(sp.And(x < 0, ~(y > 1)), sp.Xor(x > 2, y > 2, x > y))), (y, True)), x),
    "implies": (sp.Piecewise((x, sp.Implies(x > 0, y > 0)), (y, True)), y),
    "equivalent": (sp.Piecewise((x, sp.Equivalent(x > 0, y < 0)), (y, True)), x),
    "in an interval": (sp.Piecewise((x**3, sp.Contains(x, sp.Interval(0, 1))), (y, True)), x**3),
    "delta of numbers": (sp.KroneckerDelta(z, 1) * y + x, x),
    "acot": (sp.acot(x), sp.atan(1 / x)), "asec": (sp.asec(1 / x), sp.acos(x)), "acsc": (sp.acsc(1 / x), sp.asin(x)),
    "asech": (sp.asech(x), sp.acosh(1 / x)), "acsch": (sp.acsch(x), sp.asinh(1 / x)), "acoth": (sp.acoth(2 - x), sp.atanh(1 / (2 - x))),
    "frac": (sp.frac(y), y + 2), "remainder": (sp.Rem(5 * y, 2), 5 * y + 6), "erf2": (sp.erf2(x, y), sp.erf(y) - sp.erf(x)),
    "hypot": (cfunctions.hypot(x, y), sp.sqrt(x**2 + y**2)), "Cbrt": (cfunctions.Cbrt(y), -((-y) ** sp.Rational(1, 3))),
    "real_root": (sp.real_root(y, 5), -((-y) ** sp.Rational(1, 5))), "exp2": (cfunctions.exp2(x), 2**x),
    "expm1": (cfunctions.expm1(x), sp.exp(x) - 1), "log1p": (cfunctions.log1p(x), sp.log(1 + x)), "fma": (cfunctions.fma(x, y, z), x * y + z),
    "log2": (cfunctions.log2(x), sp.log(x) / sp.log(2)), "log10": (cfunctions.log10(x), sp.log(x) / sp.log(10)),
    "logaddexp": (logaddexp(x, y), sp.log(sp.exp(x) + sp.exp(y))),
}  # fmt: skip
NUMBERS = [
    sp.gamma(sp.Rational(1, 3)), sp.zeta(3), sp.besselj(0, 1), sp.LambertW(1), sp.erfinv(sp.Rational(1, 2)), sp.Ei(1), sp.airyai(1),
    sp.loggamma(sp.Rational(1, 3)), sp.polygamma(2, sp.Rational(1, 3)), sp.Integral(sp.exp(-(t**4)), (t, 0, 1)), sp.elliptic_k(sp.Rational(1, 3)),
]  # fmt: skip


@pytest.mark.parametrize("name", CLOSED)
def test_a_form_is_worth_its_formula(name):
    written, formula = CLOSED[name]
    point = [POINT[symbol.name] for symbol in sorted(formula.free_symbols, key=str)]
    J = so.Cost(written, params=sorted(formula.free_symbols | written.free_symbols - {t}, key=str))
    point = [POINT[p.name] for p in J.params]
    values = dict(zip(sp.symbols([p.name for p in J.params]), point, strict=True))
    slopes = [float(formula.diff(symbol).subs(values)) for symbol in values]
    assert J.value(point) == pytest.approx(float(formula.subs(values)), rel=1e-14)
    np.testing.assert_allclose(J.grad(point), slopes, rtol=1e-13, atol=1e-15)
    assert J.check(point).ok


@pytest.mark.parametrize("special", NUMBERS, ids=str)
def test_a_special_number_is_the_nearest_double(special):
    J = so.Cost(x * special)
    assert J.value([1.0]) == float(special.evalf(40))
    assert J.check([0.3]).ok


OVER_SUMS = {
    "a window": (
        sp.Sum((X[i] - X[j]) ** 2, (j, sp.Max(0, i - 1), sp.Min(n - 1, i + 1)), (i, 0, n - 1)),
        lambda v: sum((v[a] - v[b]) ** 2 for a in range(len(v)) for b in range(max(0, a - 1), min(len(v), a + 2))),
    ),
    "a window of one array": (
        sp.Sum(X[j] ** 2, (j, sp.Max(0, i - 1), sp.Min(n - 1, i + 1)), (i, 0, n - 1)),
        lambda v: sum(v[b] ** 2 for a in range(len(v)) for b in range(max(0, a - 1), min(len(v), a + 2))),
    ),
    "a window of an array of a stated shape": (
        sp.Sum(SHAPED[j] ** 2, (j, sp.Max(0, i - 1), sp.Min(n - 1, i + 1)), (i, 0, n - 1)),
        lambda v: sum(v[b] ** 2 for a in range(len(v)) for b in range(max(0, a - 1), min(len(v), a + 2))),
    ),
    "a short window that begins at 0": (
        sp.Sum(X[j] ** 2 * (i + 1), (j, 0, sp.Min(n - 1, 1)), (i, 0, n - 1)),
        lambda v: (v[0] ** 2 + v[1] ** 2) * 6,
    ),
    "a product over a window": (
        sp.Sum(sp.Product(X[j], (j, sp.Max(0, i - 1), i)), (i, 0, n - 1)),
        lambda v: v[0] + sum(v[a - 1] * v[a] for a in range(1, len(v))),
    ),
    "a shifted minimum": (
        sp.Sum(X[i] * X[j], (j, i, sp.Min(i + 3, n) - 1), (i, 0, n - 1)),
        lambda v: sum(v[a] * v[b] for a in range(len(v)) for b in range(a, min(a + 3, len(v)))),
    ),
    "deltas": (sp.Sum(sp.KroneckerDelta(i, j) * X[i] * X[j], (i, 0, n - 1), (j, 0, n - 1)), lambda v: v @ v),
    "a derivative by an entry": (sp.Derivative(sp.Sum(X[i] ** 3, (i, 0, n - 1)), X[1]), lambda v: 3 * v[1] ** 2),
    "a spectrum": (
        sp.Abs(sp.Sum(X[k] * sp.exp(-2 * sp.pi * sp.I * k / n), (k, 0, n - 1))) ** 2,
        lambda v: abs(np.fft.fft(v)[1]) ** 2,
    ),
    "orientations": (
        sp.Sum(sp.LeviCivita(i, j, k) * X[i] * X[j] ** 2 * X[k] ** 3, (i, 0, 2), (j, 0, 2), (k, 0, 2)),
        lambda v: np.linalg.det([v[:3], v[:3] ** 2, v[:3] ** 3]),
    ),
    "real roots": (sp.Sum(sp.real_root(X[i], 3), (i, 0, n - 1)), lambda v: np.cbrt(v).sum()),
    "alternatives": (
        sp.Sum(sp.Piecewise((X[i], sp.Xor(X[i] > 0, i > 1)), (-X[i], True)), (i, 0, n - 1)),
        lambda v: sum(e if (e > 0) != (a > 1) else -e for a, e in enumerate(v)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OVER_SUMS)
def test_a_form_within_sums_is_worth_its_formula(name):
    written, formula = OVER_SUMS[name]
    v = np.array([0.4, -1.1, 0.9])
    J = so.Cost(written, params=X)
    assert J.value(v) == pytest.approx(formula(v), rel=1e-13)
    h = 1e-6
    numeric = [(formula(v + h * e) - formula(v - h * e)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(J.grad(v), numeric, rtol=1e-7, atol=1e-7)
    assert J.check(v).ok


def test_forms_in_named_intermediates_are_rewritten():
    H = sp.IndexedBase("H")
    J = so.Cost(sp.Sum(H[i], (i, 0, n - 1)), params=X, where={H[i]: sp.UnevaluatedExpr(X[i]) ** 2})
    assert J.value([1.0, 2.0]) == 5.0


def test_what_needs_no_rewriting_is_left_as_it_was_written():
    expression = sp.log(1.0 + sp.exp(x, evaluate=False)) + sp.Abs(x) + sp.Max(x, y, evaluate=False)
    assert rewritten(expression) is expression


def test_the_shorter_range_is_the_one_that_is_summed_over():
    window = (j, sp.Max(0, i - 2), sp.Min(n - 1, i + 2))
    for term in (X[i] * X[j], SHAPED[j]):
        assert within_affine_bounds(sp.Sum(term, window)).limits == (sp.Tuple(j, i - 2, i + 2),)


def test_a_complex_cost_is_refused(refused):
    refused(lambda: so.Cost(x + sp.I * y), so.CostError, "imaginary unit")


def test_a_maximum_above_is_refused_with_what_can_be_a_bound(refused):
    written = sp.Sum(X[j], (j, 0, sp.Max(i, 2)), (i, 0, n - 1))
    refused(lambda: so.Cost(written, params=X), so.CostError, r"Max\(2, i\)", "Min")
