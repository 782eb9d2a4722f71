"""One cost in many spellings: value and gradient beside 50 digits, however it is written and however large the numbers."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp

import symopt as so

pytestmark = pytest.mark.usefixtures("in_python")

x, y, s = sp.symbols("x y s", real=True)


def truly(function, at):
    """Return a function of mpmath numbers and its slopes at a point, in many digits, as floats."""
    with mp.workdps(900):
        point = [mp.mpf(float(value)) for value in at]
        slopes = [
            mp.diff(function, point, tuple(int(k == j) for j in range(len(at))))
            for k in range(len(at))
        ]
        return float(function(*point)), [float(slope) for slope in slopes]


def agrees(text, at, function, rel=4e-15):
    value, slopes = truly(function, at)
    cost = so.parse(text) if isinstance(text, str) else text
    assert cost.value(at) == pytest.approx(value, rel=rel)
    np.testing.assert_allclose(cost.grad(at), slopes, rtol=rel)


softplus = lambda u: mp.log(1 + mp.exp(u))
sigmoid = lambda u: 1 / (1 + mp.exp(-u))


@pytest.mark.parametrize("at", [-800.0, -700.0, -40.0, -1.0, 0.0, 1e-9, 3.0, 40.0, 800.0])
@pytest.mark.parametrize(
    "text",
    ["log(1+exp(x))", "log(1.0+exp(x))", "log(exp(x)+1)", "x+log(1+exp(-x))", "-log(1/(1+exp(x)))", "log(exp(0)+exp(x))",
     "-log(1-1/(1+exp(-x)))", "log(1+exp(x)^1.0)", "-log(1.0-exp(x)/(1+exp(x)))", "log(2+2*exp(x))-log(2)"],
)  # fmt: skip
def test_softplus_in_any_spelling(text, at):
    value, slopes = truly(softplus, [at])
    cost = so.parse(text)
    assert cost.value([at]) == pytest.approx(value, rel=1e-14, abs=2e-16 if "log(2)" in text else 0)
    np.testing.assert_allclose(cost.grad([at]), slopes, rtol=1e-14)


@pytest.mark.parametrize("at", [-800.0, -40.0, -1.0, 0.5, 40.0, 800.0])
@pytest.mark.parametrize(
    "text",
    ["1/(1+exp(-x))", "1.0/(1.0+exp(-x))", "exp(x)/(1+exp(x))", "1-1/(1+exp(x))", "(1+tanh(x/2))/2", "0.5*tanh(0.5*x)+0.5",
     "exp(x)/(exp(x)+exp(0))", "2/(2+2*exp(-x))", "exp(-log(1+exp(-x)))"],
)  # fmt: skip
def test_the_sigmoid_in_any_spelling(text, at):
    agrees(text, [at], sigmoid, rel=2e-14)


CROSS_ENTROPY = [0, 0, 0, 0, 1, 0, 1, 1, 1, 1]
A, B = sp.symbols("a b", real=True)


def _term(label, number, one):
    fitted = one / (one + sp.exp(-(A + B * number)))
    return fitted, -label * sp.log(fitted) - (one - label) * sp.log(one - fitted)


@pytest.mark.parametrize("one", [sp.Integer(1), sp.Float(1.0)])
def test_the_cross_entropy_of_the_textbook(one):
    cost = so.Cost(
        sum(_term(label, k + 1, one)[1] for k, label in enumerate(CROSS_ENTROPY)), params=(A, B)
    )
    assert cost.value([0, 5]) == pytest.approx(80.00676105536574, rel=1e-15)
    np.testing.assert_allclose(cost.grad([0, 5]), [4.99326144, 15.99321543], rtol=1e-8)
    assert np.isfinite(cost.grad([3, 400])).all()


def test_the_cross_entropy_as_a_sum_over_data_and_as_the_logarithm_of_a_likelihood():
    k, m = sp.symbols("k m", integer=True)
    X, Y = sp.IndexedBase("X"), sp.IndexedBase("Y")
    fitted = 1 / (1 + sp.exp(-(A + B * X[k])))
    data = {X: np.arange(1.0, 11.0), Y: np.array(CROSS_ENTROPY, dtype=float)}
    entropy = sp.Sum(-Y[k] * sp.log(fitted) - (1 - Y[k]) * sp.log(1 - fitted), (k, 0, m - 1))
    likelihood = sp.Product(fitted ** Y[k] * (1 - fitted) ** (1 - Y[k]), (k, 0, m - 1))
    for expression in (entropy, -sp.log(likelihood)):
        cost = so.Cost(expression, params=(A, B), data=data)
        assert cost.value([0, 5]) == pytest.approx(80.00676105536574, rel=1e-15)
        np.testing.assert_allclose(cost.grad([0, 5]), [4.99326144, 15.99321543], rtol=1e-8)
        assert cost.value([0, 5000]) == pytest.approx(5000 * 16, rel=1e-15)
    plain = so.Cost(likelihood, params=(A, B), data=data)
    assert plain.value([0, 5]) == pytest.approx(
        float(mp.exp(mp.mpf("-80.006761055365736"))), rel=1e-13
    )


@pytest.mark.parametrize("at", [[1000.0, 1001.0], [-1000.0, -1003.0], [1.0, 2.0], [800.0, -800.0]])
def test_sums_of_exponentials_and_their_quotients(at):
    lse = lambda a, b: mp.log(mp.exp(a) + mp.exp(b))
    agrees("log(exp(x)+exp(y))", at, lse)
    agrees(
        "log(exp(x)/3+2.0*exp(y))",
        at,
        lambda a, b: mp.log(mp.exp(a) / 3 + 2 * mp.exp(b)),
        rel=1e-14,
    )
    agrees("log(exp(x)+exp(y)+5)", at, lambda a, b: mp.log(mp.exp(a) + mp.exp(b) + 5), rel=1e-14)
    agrees(
        "exp(x)/(exp(x)+exp(y))", at, lambda a, b: mp.exp(a) / (mp.exp(a) + mp.exp(b)), rel=1e-12
    )
    agrees(
        "y*exp(x)/(exp(x)+exp(y))",
        at,
        lambda a, b: b * mp.exp(a) / (mp.exp(a) + mp.exp(b)),
        rel=1e-12,
    )


@pytest.mark.parametrize("at", [-800.0, -20.0, -1e-9, 1e-9, 0.3, 15.0, 20.0, 800.0])
@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("(exp(x)-exp(-x))/(exp(x)+exp(-x))", mp.tanh),
        ("(exp(2*x)-1)/(exp(2*x)+1)", mp.tanh),
        ("sinh(x)/cosh(x)", mp.tanh),
        ("1-tanh(x)^2", lambda u: mp.sech(u) ** 2),
        ("1-tanh(x)", lambda u: 2 / (1 + mp.exp(2 * u))),
        ("log(cosh(x))", lambda u: mp.log(mp.cosh(u))),
        ("log(exp(x)+exp(-x))", lambda u: mp.log(mp.exp(u) + mp.exp(-u))),
        ("1-cos(x)", lambda u: 2 * mp.sin(u / 2) ** 2),
        ("(1-cos(x))/x^2", lambda u: 2 * mp.sin(u / 2) ** 2 / u**2),
        ("cos(x)^2-1", lambda u: -(mp.sin(u) ** 2)),
    ],
)
def test_differences_that_cancel(text, function, at):
    with mp.workdps(400):
        value, slope = function(mp.mpf(at)), mp.diff(function, mp.mpf(at))
    cost = so.parse(text)
    assert cost.value([at]) == pytest.approx(float(value), rel=1e-14)
    if text != "(1-cos(x))/x^2":  # its slope cancels between two terms at small x
        assert cost.grad([at])[0] == pytest.approx(float(slope), rel=1e-14)


def test_what_leaves_the_doubles_before_its_logarithm():
    agrees("log(x^2)", [1e200], lambda u: mp.log(u**2))
    agrees("log(1/x^3)", [1e-150], lambda u: -3 * mp.log(u))
    agrees("log(x^100)", [1e5], lambda u: 100 * mp.log(u))
    agrees("log(x^4*y)", [1e-200, 3.0], lambda u, v: 4 * mp.log(u) + mp.log(v))
    agrees("log(x^3*y^3)", [-1e120, -1e110], lambda u, v: 3 * mp.log(u * v))
    agrees("log(exp(x)/y^2)", [900.0, 1e-100], lambda u, v: u - 2 * mp.log(v))
    agrees("log(sqrt(x)*exp(-x^2))", [40.0], lambda u: mp.log(u) / 2 - u**2)
    agrees("log((x+1)^4)", [-1.194], lambda u: 4 * mp.log(-(u + 1)))
    agrees("log((1-1/(x+1))^4)", [-0.549], lambda u: mp.log((1 - 1 / (u + 1)) ** 4), rel=1e-13)
    agrees(
        "log(x*y^2*log(x)/(1-y))",
        [0.5, 1.5],
        lambda u, v: mp.log(u * v**2 * mp.log(u) / (1 - v)),
        rel=1e-14,
    )
    agrees("-log(-exp(-x^2/2)/y)", [40.0, -2.0], lambda u, v: u**2 / 2 + mp.log(-v), rel=1e-14)
    assert np.isnan(so.parse("log(x^3*y^2)").value([-1.0, 2.0]))
    assert np.isnan(so.parse("log(x^3)").value([-2.0]))


def test_a_gaussian_likelihood_keeps_the_slope_by_its_width():
    cost = so.parse("-log(exp(-(x-3)^2/(2*s^2))/s^100)", params="x,s")
    function = lambda a, b: (a - 3) ** 2 / (2 * b**2) + 100 * mp.log(b)
    value, slopes = truly(function, [1, 50])
    assert cost.value([1, 50]) == pytest.approx(value, rel=1e-15)
    np.testing.assert_allclose(cost.grad([1, 50]), slopes, rtol=1e-14)
    assert cost.grad([1, 50])[1] == pytest.approx(1.999968, rel=1e-9)


def test_the_logarithm_of_a_product_over_data_minds_the_signs():
    k, m = sp.symbols("k m", integer=True)
    X = sp.IndexedBase("X")
    density = sp.exp(-((X[k] - x) ** 2) / (2 * s**2)) / (s * sp.sqrt(2 * sp.pi))
    cost = so.Cost(
        -sp.log(sp.Product(density, (k, 0, m - 1))),
        params=(x, s),
        data={X: np.linspace(-3, 3, 400)},
    )
    numbers = [mp.mpf(float(v)) for v in np.linspace(-3, 3, 400)]
    function = lambda a, b: (
        mp.fsum((v - a) ** 2 for v in numbers) / (2 * b**2)
        + 400 * (mp.log(b) + mp.log(2 * mp.pi) / 2)
    )
    value, slopes = truly(function, [0.5, 0.01])
    assert cost.value([0.5, 0.01]) == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(cost.grad([0.5, 0.01]), slopes, rtol=1e-12)
    odd = so.Cost(
        sp.log(sp.Product(x * X[k], (k, 0, m - 1))), params=[x], data={X: np.array([1.0, 2.0, 3.0])}
    )
    assert odd.value([2.0]) == pytest.approx(np.log(48.0), rel=1e-15)
    assert np.isnan(odd.value([-2.0]))
    even = so.Cost(
        sp.log(sp.Product(x * X[k], (k, 0, m - 1))), params=[x], data={X: np.array([1.0, 2.0])}
    )
    assert even.value([-2.0]) == pytest.approx(np.log(8.0), rel=1e-15)


@pytest.mark.parametrize("where", [0.0, -3.0, 700.0])
def test_logsumexp_of_a_sum_in_any_spelling(where):
    i, n = sp.symbols("i n", integer=True)
    th = sp.IndexedBase("th")
    plain = sp.log(sp.Sum(sp.exp(th[i]), (i, 0, n - 1)))
    point = np.array([1.0, 2.0, -1.5]) + where
    want, slopes = truly(lambda a, b, c: mp.log(mp.exp(a) + mp.exp(b) + mp.exp(c)), point)
    cost = so.Cost(plain, params=th)
    assert cost.value(point) == pytest.approx(want, rel=1e-14)
    np.testing.assert_allclose(cost.grad(point), slopes, rtol=1e-12)
    mean = so.Cost(sp.log(sp.Sum(3.0 * sp.exp(th[i]), (i, 0, n - 1)) / n), params=th)
    assert mean.value(point) == pytest.approx(want, rel=1e-13)  # three terms: log(3/3) = 0
    j = sp.Symbol("j", integer=True)
    softmax = sp.Sum(sp.exp(th[i]) / sp.Sum(sp.exp(th[j]), (j, 0, n - 1)) * i, (i, 0, n - 1))
    probabilities = np.exp(point - point.max())
    probabilities /= probabilities.sum()
    assert so.Cost(softmax, params=th).value(point) == pytest.approx(
        probabilities @ [0, 1, 2], rel=1e-13
    )


@pytest.mark.parametrize(
    ("text", "at", "value", "slope"),
    [
        ("x^2*log(x^2)", 0.0, 0.0, 0.0), ("x^2*log(abs(x))", 0.0, 0.0, 0.0), ("x^4*log(x^2)", 0.0, 0.0, 0.0),
        ("x*log(x)", 0.0, 0.0, -np.inf), ("x*log(x)+(1-x)*log(1-x)", 1.0, 0.0, np.inf),
        ("x*log(x)+(1.0-x)*log(1.0-x)", 0.5, -np.log(2.0), 0.0), ("sin(x)^2*log(sin(x)^2)", 0.0, 0.0, 0.0),
    ],
)  # fmt: skip
def test_entropies_at_the_edge(text, at, value, slope):
    cost = so.parse(text)
    assert cost.value([at]) == pytest.approx(value, abs=1e-16)
    assert cost.grad([at])[0] == pytest.approx(slope, abs=1e-15)


def test_labels_that_are_zero_take_no_logarithm():
    k, m = sp.symbols("k m", integer=True)
    Y = sp.IndexedBase("Y")
    cost = so.Cost(
        -sp.Sum(Y[k] * sp.log(x) + (1 - Y[k]) * sp.log(y), (k, 0, m - 1)),
        params=(x, y),
        data={Y: np.zeros(3)},
    )
    assert cost.value([0.0, 0.5]) == pytest.approx(3 * np.log(2.0), rel=1e-15)
    np.testing.assert_allclose(cost.grad([0.0, 0.5]), [0.0, -6.0])
