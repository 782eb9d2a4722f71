"""so.parse: what it reads, what it refuses and in which words, and that it evaluates nothing."""

import ast
import builtins
import contextlib
import json
import os
import signal
import subprocess
import sys
import warnings

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

import symopt as so
from symopt.compiler.jit import cache
from symopt.costs.parser import expression
from symopt.costs.text_functions import FUNCTIONS as TABLE

a, b, c, x, y, z = sp.symbols("a b c x y z", real=True)


def label(text):
    """Return a short name for a test on a text."""
    return f"{ascii(text)[1:30]} ({len(text)})"


# What is read


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-x^2", -(x**2)), ("(-x)^2", x**2), ("2^-x", 2 ** (-x)), ("x^-y", x ** (-y)), ("-x^-y", -(x ** (-y))),
        ("x^y^z", x ** (y**z)), ("x**y**z", x ** (y**z)), ("x^y**z", x ** (y**z)), ("(x^y)^z", (x**y) ** z),
        ("2^3^2*x", 512 * x), ("-2^2*x", -4 * x), ("x^2^3", x**8), ("2*x^2", 2 * x**2), ("x^2*y", x**2 * y),
        ("a-b-c", (a - b) - c), ("a-(b-c)", a - b + c), ("a/b/c", a / (b * c)), ("a/b*c", a * c / b),
        ("a/(b*c)", a / (b * c)),
        ("x+y*z^2", x + y * z**2), ("(x+y)*z", (x + y) * z), ("x*-y", -x * y), ("x - -y", x + y), ("--x", x),
        ("-+-x", x),
        ("+x", x), ("x^2+y", x**2 + y), ("x^(2+y)", x ** (2 + y)), ("1/x^2", x**-2), ("e^x", sp.exp(x)),
        ("e^-x", sp.exp(-x)),
        ("pow(x, y)^2", (x**y) ** 2), ("sin(x)^2", sp.sin(x) ** 2), ("sin(x^2)", sp.sin(x**2)), ("ln(x)", sp.log(x)),
        ("2*pi*x", 2 * sp.pi * x), ("e*x", sp.E * x), ("x/3", x / 3), ("1/3*x", x / 3), ("  x\n", x), ("x\t+ y", x + y),
        ("max(x, y, z)", sp.Max(x, y, z)), ("max(x)", x),
        ("(1-x)^2 + 100*(y-x^2)^2", (1 - x) ** 2 + 100 * (y - x**2) ** 2),
    ],
)  # fmt: skip
def test_precedence_is_that_of_mathematics(text, expected):
    assert so.parse(text).expression.doit() == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3*x", 1e-3), (".5*x", 0.5), ("5.*x", 5.0), ("1E3*x", 1e3), ("1.5e+3*x", 1.5e3), ("0.1*x", 0.1),
        ("3*x", 3.0),
        ("123456789012345678901234567890*x", 123456789012345678901234567890.0), ("1e308*x", 1e308),
        ("5e-324*x", 5e-324),
        ("0.1000000000000000055511151231257827*x", 0.1), ("2.2250738585072011e-308*x", 2.225073858507201e-308),
    ],
)  # fmt: skip
def test_numbers_are_the_nearest_doubles(text, value):
    assert so.parse(text).value([1.0]) == value


@pytest.mark.parametrize(
    ("text", "value"), [("pi*x", mp.pi), ("e*x", mp.e), ("x*pi^2/e", mp.pi**2 / mp.e)]
)
def test_constants(text, value):
    assert float(so.parse(text).value([1.0])) == pytest.approx(float(value), rel=3e-16)


INVERSES = {
    "asin": (-1, 1),
    "acos": (-1, 1),
    "atanh": (-1, 1),
    "acosh": (1, 4),
    "log": (0, 9),
    "ln": (0, 9),
    "sqrt": (0, 9),
}
REFERENCE = {"abs": mp.fabs, "max": max, "min": min, "pow": mp.power}


@pytest.mark.parametrize("name", [name for name in TABLE if name not in ("max", "min", "pow")])
def test_functions_of_one_argument_are_mpmath_s(name):
    points = np.random.default_rng(3).uniform(*INVERSES.get(name, (-3, 3)), 40)
    got = so.parse(f"{name}(x)").value(points[:, None])
    wanted = [
        float(REFERENCE.get(name, getattr(mp, name, None))(mp.mpf(point))) for point in points
    ]
    np.testing.assert_allclose(got, wanted, rtol=1e-14)


@pytest.mark.parametrize("name", ["max", "min", "pow"])
def test_functions_of_two_arguments_are_mpmath_s(name):
    points = np.random.default_rng(3).uniform(0.1, 3, (40, 2))
    got = so.parse(f"{name}(x, y)").value(points)
    wanted = [float(REFERENCE[name](mp.mpf(u), mp.mpf(v))) for u, v in points]
    np.testing.assert_allclose(got, wanted, rtol=1e-15)


def names(cost):
    return [p.name for p in cost.params]


def test_params_are_sorted_unless_given():
    assert names(so.parse("b + a*c")) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "params", [["y", "x"], ("y", "x"), "y,x", " y, x ", sp.symbols("y x", real=True)]
)
def test_params_give_the_order_of_theta(params):
    cost = so.parse("x + 10*y + 100*k", params=params)
    assert names(cost) == ["y", "x"]
    assert cost.constants == ("k",)
    assert cost.value([1.0, 2.0], k=3.0) == 312.0


@pytest.mark.parametrize("params", [["w"], "", "x,x", ["x", "x"], [1], ["x y"]])
def test_params_that_do_not_fit_are_refused(params):
    with pytest.raises(so.CostError, match="param"):
        so.parse("e*x + y", params=params)


WORDS = [
    "S",
    "N",
    "O",
    "Q",
    "C",
    "beta",
    "gamma",
    "zeta",
    "print",
    "eval",
    "exec",
    "os",
]
WORDS += [
    "self",
    "Symbol",
    "lambda_",
    "_",
    "_x",
    "x_1",
    "theta",
    "λ",
    "é",
    "Sin",
    "match",
    "type",
    "case",
]


@pytest.mark.parametrize("word", WORDS)
def test_names_that_python_or_sympy_know_are_plain_variables(word):
    cost = so.parse(f"2*{word} + unknown")
    assert word in names(cost)
    assert cost.expression.diff(sp.Symbol(word, real=True)) == 2


@pytest.mark.parametrize("word", ["E", "I", "oo", "zoo", "nan", "inf", "Pi"])
def test_names_of_numbers_are_read_only_where_they_are_declared(word):
    with pytest.raises(so.ParseError, match=f"{word} is read neither as .* nor as a parameter"):
        so.parse(f"2*{word} + unknown")
    assert so.parse(f"2*{word} + unknown", params=[word, "unknown"]).grad([1.0, 1.0]).tolist() == [
        2,
        1,
    ]


def test_the_text_is_kept():
    assert so.parse("  x^2 ").text == "x^2"


def test_a_cost_as_long_as_allowed_is_read():
    text = "+".join(f"x{k}^2" for k in range(1200))
    assert len(text) <= 10_000
    assert so.parse(text).size == 1200


def test_nesting_as_deep_as_allowed_is_read():
    assert so.parse("(" * 100 + "x" + ")" * 100).expression == x


# What is refused

REFUSED = [
    # code
    ("__import__('os').system('x')", "not allowed"), ("x.real", r"x\.real.* not allowed"),
    ("x.__class__.__base__", "not allowed"),
    ("x[::]", "cannot stand in an index"), ("lambda x: x", "write only the expression"),
    ("(lambda: x)()", "not an expression"),
    ("[x for x in y]", "not an expression"), ("(x for x in y)", "not an expression"),
    ("{x: y for x in z}", "not an expression"),
    ("[x]", "not allowed"),
    ("{x, y}", "not allowed"), ("(x, y)", "not allowed"), ("x, y", "not allowed"), ("f'{x}'", "not allowed"),
    ("f'{__import__(\"os\")}'", "not allowed"),
    ("(x := 1)", ":=.* not allowed"), ("x < 1", "x < 1.* not allowed"), ("x == y", "==.* not allowed"),
    ("x in y", "not an expression near 'in y'"),
    ("x if y else z", "y is no condition; expected a comparison"), ("x and y", "x is no condition"),
    ("not x", "x is no condition"),
    ("~x", "~x.* not allowed"),
    ("x % 2", "%.* not allowed"), ("x // 2", "//.* not allowed"), ("x @ y", "@.* not allowed"),
    ("x | y", r"\|.* not allowed"),
    ("x & y", "x is no condition"), ("x << 2", "<<.* not allowed"), ("sin(*x)", r"\*x.* not allowed"),
    ("sin(**x)", "not allowed"),
    ("sin(x=1)", "x=1.* not allowed"), ("await x", "not an expression"),
    ("__x", "__x.* not allowed"),
    ("__builtins__ + x", "__builtins__.* not allowed"), ("eval('1')", "not a real number|unknown function"),
    ("print(x)", "unknown function 'print'"),
    ("x; y", "not allowed"), ("x = 1", "=.* not allowed.*only what is minimised.*=="), ("import os", "not an expression"),
    ("yield x", "not an expression"),
    ("del x", "not an expression"),
    # what is no number
    ("'a'", "'a' is not a real number"), ('"a" + x', "'a' is not a real number"), ("b'a'*x", "not allowed"),
    ("True", "True. is not"),
    ("x + False", "False. is not"), ("None", "None. is not"), ("...", "Ellipsis. is not"), ("1j", "1j. is not"),
    ("x + 2.5J", "2.5j. is not"),
    # text that is malformed
    ("", "empty"), (" \n\t ", "empty"), ("x y", "'x y'.*near 'y'"), ("(x", "not an expression"),
    ("x)", "not an expression"), ("x+", "not an expression"), ("*x", "not an expression"), ("x***y",
    "not an expression"), ("x^^y", "not an expression"),
    ("1.2.3", "not an expression"), ("01*x", "not an expression"), ("x!", "'!'"), ("x\0", "not allowed"),
    ("\0", "not allowed"),
    ("x\0y", "not allowed"), ("x\ny", "not an expression"), ("#x", "not allowed"),
    ("\ufeffx", "a character that cannot be seen"),
    # functions
    ("sinn(x)", "unknown function 'sinn'.*did you mean 'sin'"), ("arctn(x)", "unknown function 'arctn'.*did you mean 'arctan'"),
    ("sqr(x)", "did you mean 'sqrt'"),
    ("Asb(x)", "did you mean 'abs'"), ("qqq(x)", "unknown function 'qqq'.*known: sqrt"),
    ("x(y+1)", "unknown function 'x'.*products with"),
    ("sin", r"sin is a function: write sin\(x\)"), ("sin + x", "sin is a function"), ("sin^2*x", "sin is a function"),
    ("sin()", "sin takes 1"),
    ("sin(x, y)", "sin takes 1 argument.*not 2"), ("max()", "max takes at least 1"), ("pow(x)", "pow takes 2"),
    ("pow(x, 2, 3)", "pow takes 2"),
    # numbers and exponents
    ("1/0", "division by zero"), ("x/0", "division by zero"),
    ("0^-1", "division by zero"), ("x*0.0^-2", "division by zero"),
    ("x/0.0", "division by zero"), ("9**9**9**9", "exponent"), ("9^9^9^9*x", "exponent"), ("x**1e9", "exponent"),
    ("x^1001", "exponent 1001 .*1000"),
    ("x^-1001", "exponent -1001"), ("x^(500+501)", "exponent 1001"), ("9^900*x", "1.8e308"),
    ("9" * 401 + "*x", "digits"),
    ("1e309*x", "beyond"), ("5", "no variables"), ("pi", "no variables"),
    # size
    ("x" * 10_001, "10001 characters"), ("(" * 10_000 + "x" + ")" * 10_000, "20001 characters"),
    ("(" * 4000 + "x" + ")" * 4000, "deep"),
    ("(" * 250 + "x" + ")" * 250, "deep"), ("sin(" * 101 + "x" + ")" * 101, "deep"),
    ("[" * 4000, "deep"),
    ("-" * 2000 + "x", "deep"), ("-" * 9000 + "x", "deep"), ("-+" * 4000 + "x", "deep"),
    ("not " * 2000 + "x", "deep|not allowed"),
]  # fmt: skip
NO_TEXT = [None, 5, 2.5, True, b"x", ["x"], ("x",), {"x": 1}, x**2, sp.Symbol("x"), np.str_]


@pytest.fixture(autouse=True)
def _nothing_is_compiled_by_a_refusal(request):
    before = cache.compiled
    yield
    if "refused" in request.node.name:
        assert cache.compiled == before


@pytest.mark.parametrize(("text", "words"), REFUSED, ids=[label(text) for text, _ in REFUSED])
def test_refused_with_words_that_say_why(text, words):
    with pytest.raises(so.ParseError, match=words) as caught:
        so.parse(text)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("value", NO_TEXT, ids=repr)
def test_what_is_no_text_is_refused(value):
    with pytest.raises(so.ParseError, match=f"expected text.*{type(value).__name__}"):
        so.parse(value)


@pytest.mark.parametrize("text", ["x # and y", "x^2 #", "(x # )\n)"])
def test_a_part_that_python_would_skip_is_refused(text):
    with pytest.raises(so.ParseError):
        so.parse(text)


@pytest.mark.parametrize("text", ["log(0) + x", "x + 1/sin(0)"])
def test_an_infinite_number_that_swallows_the_rest_is_named_and_refused(text):
    with pytest.raises(so.SymoptError, match=r"zero|infinite|zoo"):
        so.parse(text)


@pytest.mark.parametrize(
    "text", ["2.5^1000*x", "1e300*1e300*x", "x + (1e300)^2", "x/(1e300)^2", "x + 1" + "0" * 399]
)
def test_a_number_beyond_the_doubles_is_refused(text):
    with pytest.raises(so.SymoptError, match=r"beyond|1\.8e308"):
        so.parse(text)


@contextlib.contextmanager
def at_most(seconds):
    """Fail where the body takes longer."""

    def stop(_signal, _frame):
        raise AssertionError(f"took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# Sums and products

i, j, k, m, n = sp.symbols("i j k m n", integer=True)
X, Y, A, W = map(sp.IndexedBase, ["x", "y", "a", "W"])
PRODUCT = sp.Product(X[i], (i, 0, n - 1))
SQUARES = sp.Sum(X[i] ** 2, (i, 0, n - 1))
GOOD = [
    (
        "sum(100*(x[i+1]-x[i]^2)^2 + (1-x[i])^2, i, 0, n-2)",
        sp.Sum(100 * (X[i + 1] - X[i] ** 2) ** 2 + (1 - X[i]) ** 2, (i, 0, n - 2)),
    ),
    ("prod(x[i], i, 0, n-1)", PRODUCT),
    ("prod(prod(W[i, j], i, 0, n-1), j, 1, 2)", sp.Product(sp.Product(W[i, j], (i, 0, n - 1)), (j, 1, 2))),
    ("sum(sum(a[i,j]*x[j], j, 0, i), i, 0, n-1)", sp.Sum(sp.Sum(A[i, j] * X[j], (j, 0, i)), (i, 0, n - 1))),
    ("sum(prod(x[j]-k, j, 0, i-1), i, 1, n)", sp.Sum(sp.Product(X[j] - sp.Symbol("k", real=True), (j, 0, i - 1)), (i, 1, n))),
    (
        "sum(x[i]*(1 + sum(y[j], j, i, m)), i, 0, n-1)",
        sp.Sum(X[i] * (1 + sp.Sum(Y[j], (j, i, m))), (i, 0, n - 1)),
    ),
    ("sqrt(sum(x[i]^2, i, 0, n-1))", sp.sqrt(SQUARES)),
    ("sum(x[i]^2, i, 0, n-1)/n", SQUARES / n),
    ("n^2*sum(x[i]^2, i, 0, n-1)", n**2 * SQUARES),
    ("-sum(x[i]^2, i, 0, n-1) - prod(x[i], i, 0, n-1)", -SQUARES - PRODUCT),
    ("sum(x[i]^2, i, 0, n-1) + sum(i*y[i], i, 1, m)", SQUARES + sp.Sum(i * Y[i], (i, 1, m))),
    ("x[0]^2 + x[n-1] + sum(x[i]^2, i, 0, n-1)", X[0] ** 2 + X[n - 1] + SQUARES),
    ("sum(1, i, 0, n-1)*z", sp.Sum(1, (i, 0, n - 1)) * z),
    ("sum((z - i)^2, i, 0, n-1)", sp.Sum((z - i) ** 2, (i, 0, n - 1))),
    ("sum(pi*x[i]/e, i, -3, 10^2)", sp.Sum(sp.pi * X[i] / sp.E, (i, -3, 100))),
    ("max(sum(x[i], i, 0, n-1), 2)", sp.Max(sp.Sum(X[i], (i, 0, n - 1)), 2)),
    ("x[0] + sum(x[i+m], i, 0, n-m)", X[0] + sp.Sum(X[i + m], (i, 0, n - m))),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), GOOD, ids=str)
def test_a_sum_is_sympy_s(text, expected):
    difference = (expression(text) - expected).xreplace({n: sp.Integer(4), m: sp.Integer(3)})
    assert sp.expand(difference.doit()) == 0


def test_a_sum_stays_as_it_is_written():
    read = expression("sum(2*(x[i] + x[i])*(x[i]/x[i]), i, 0, n-1)")
    assert isinstance(read, sp.Sum)
    assert read.limits == (sp.Tuple(i, 0, n - 1),)
    assert read.function.count(X[i]) == 4
    assert expression("sum(1, i, 1, 3)*x") == sp.Mul(sp.Sum(1, (i, 1, 3)), x, evaluate=False)
    assert expression("sum(x, i, 1, 3)") == sp.Sum(x, (i, 1, 3))


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        ("i", i), ("i+1", i + 1), ("1+i", i + 1), ("2*i", 2 * i), ("i*2", 2 * i), ("-i", -i), ("+i", i), ("n-1-i", n - 1 - i),
        ("2*(i-1)+3*(n+1)", 2 * i + 3 * n + 1), ("i-i", 0), ("i+n-i", n), ("-(-(i))", i), ("2*3*i*2^2", 24 * i),
        ("0*i+7", 7), ("i+10^8-2^3^2", i + 10**8 - 512), ("(i-i+2)*n", 2 * n), ("3", 3), ("1_000", 1000),
    ],
)  # fmt: skip
def test_an_index_is_exact_and_canonical(index, expected):
    assert expression(f"sum(x[{index}], i, 0, n-1)") == sp.Sum(
        X[sp.sympify(expected)], (i, 0, n - 1)
    )
    assert expression(f"sum(sum(W[k, {index}], k, {index}, n), i, 0, n)") == sp.Sum(
        sp.Sum(W[k, sp.sympify(expected)], (k, expected, n)), (i, 0, n)
    )


def test_indices_and_sizes_are_whole_and_the_rest_is_real():
    read = expression("sum(q*x[i]*i, i, 0, n-1)/n + i2")
    assert read.atoms(sp.Symbol) - {sp.Symbol("x")} == {i, n, *sp.symbols("q i2", real=True)}


def parameters(monkeypatch, text, params=None):
    """Return what ``parse`` gives to Cost."""
    given = []
    module = sys.modules["symopt.costs.parser"]  # so.parse is the function
    monkeypatch.setattr(
        module, "Cost", lambda read, params, **_: given.append(params) or type("Fake", (), {})()
    )
    so.parse(text, params)
    return given[0]


def test_the_parameters_of_sums_are_arrays_and_names_sorted_without_indices_and_sizes(monkeypatch):
    text = "z*sum(W[i, 0]*x[i]*n*i, i, 0, n-1)/m + q + sum(q, j, 0, m)"
    assert sys.modules["symopt.costs.parser"]._read(text)[1].parameters == [
        W,
        sp.Symbol("q", real=True),
        X,
        z,
    ]
    assert parameters(monkeypatch, text) is None
    assert parameters(monkeypatch, text, ["x", "W"]) == ["x", "W"]
    assert parameters(monkeypatch, text, "x, W") == ["x", "W"]
    assert parameters(monkeypatch, "x + y") is None


def test_texts_without_sums_may_call_a_variable_sum():
    assert names(so.parse("2*sum + prod^2")) == ["prod", "sum"]


NO_SUMS = [
    ("sum(x)", r"sum takes 4 arguments, not 1.*as in sum\(x\[i\]\^2, i, 0, n-1\)"), ("sum()", "not 0"),
    ("prod(x[i], i, 0)", "prod takes 4 arguments, not 3"), ("sum(x[i], i, 0, 1, 2)", "not 5"),
    ("sum(x[i], i, 0, n=2)", "not 5"), ("sum(*x, i, 0, 1)", r"\*x.* not allowed"), ("sum(x, *i, 0, 1)", "plain name"),
    ("sum(x for x in y)", "not 3"), ("sum([x], i, 0, 1)", r"\[x\].* not allowed"),
    ("sum(x[i], 2*i, 0, n)", r"2 \* i.*not a plain name"), ("sum(x[i], 3, 0, n)", "3.*not a plain name"),
    ("sum(x[i], i[0], 0, n)", r"i\[0\].*not a plain name"), ("sum(x[i], (i, 0))", "not 2"),
    ("sum(x[i], e, 0, n)", "'e' is not allowed as the name of an index"), ("sum(x, sin, 0, n)", "'sin' is not allowed"),
    ("sum(x, sum, 0, n)", "'sum' is not allowed"), ("sum(x, __i, 0, n)", "'__i' is not allowed"),
    ("sum(e[i], i, 0, n)", r"'e' is not allowed as the name of an array, in 'e\[i\]'"),
    ("sum(sin[i], i, 0, n)", "'sin' is not allowed as the name of an array"), ("sum(__x[i], i, 0, n)", "'__x' is not"),
    ("sum(x[i], i, 0, pi)", "'pi' is not allowed as the name of a size"), ("sum(x[e], i, 0, n)", "'e' is not allowed"),
    ("sum + sum(x[i], i, 0, n)", "sum is a function"), ("sum(prod, i, 0, n)", "prod is a function"),
    # bounds and indices
    ("sum(x[i], i, 0, 1.5)", "'1.5'.*not a whole number"), ("sum(x[i], i, 0.0, 1)", "'0.0'.*not a whole number"),
    ("sum(x[i], i, 0, 1e6)", "not a whole number"), ("sum(x[1.0], i, 0, 1)", "not a whole number"),
    ("sum(x[True], i, 0, 1)", "True"), ("sum(x['a'], i, 0, 1)", "'a'"), ("sum(x[None], i, 0, 1)", "None"),
    ("sum(x[i], i, 0, n/2)", "n / 2.*divides"), ("sum(x[4/2], i, 0, n)", "4 / 2.*divides"),
    ("sum(x[i*i], i, 0, n)", r"i \* i.*multiplies names.*2\*i \+ n - 1"), ("sum(x[i*n], i, 0, n)", "multiplies"),
    ("sum(x[(i+1)*(n+1)], i, 0, n)", "multiplies"), ("sum(x[i^2], i, 0, n)", r"power 'i \^ 2'"),
    ("sum(x[2^i], i, 0, n)", r"power '2 \^ i'"), ("sum(x[2^-1], i, 0, n)", "power"), ("sum(x[2^101], i, 0, n)", "power"),
    ("sum(x[i], i, 0, 10^9)", r"below 10\^9"), ("sum(x[i], i, 0, 10^99)", r"below 10\^9"),
    ("sum(x[i], i, 0, 999999999+1)", r"below 10\^9"), ("sum(x[40000*40000*0], i, 0, 9)", r"below 10\^9"),
    ("sum(x[99999*(99999*i)], i, 0, 1)", r"below 10\^9"), ("sum(x[0x" + "f" * 5000 + "], i, 0, 1)", r"below 10\^9"),
    ("sum(x[i], i, 0, " + "9" * 40 + ")", r"below 10\^9"),
    ("sum(x[sin(i)], i, 0, n)", r"sin\(i\).* cannot stand in an index"), ("sum(x[c[i]], i, 0, n)", r"c\[i\].* cannot stand"),
    ("sum(x[i], i, 0, sum(1, j, 0, 2))", "cannot stand"), ("sum(x[i%2], i, 0, n)", "%.* not allowed"), ("sum(x[~i], i, 0, n)", "cannot"),
    ("sum(x[1:2], i, 0, n)", "1:2.* cannot stand"), ("sum(x[...], i, 0, n)", "not a whole number"),
    ("sum(x[i], i, 0, lambda: 1)", "not 5"), ("sum(x[i:=1], i, 0, n)", "cannot stand"),
    ("sum(x[*i], i, 0, n)", "cannot stand"), ("sum(x[-----" + "-" * 100 + "i], i, 0, 1)", "deep"),
    # names
    ("sum(x[i+k], i, 0, n-1)", r"k in 'x\[i \+ k\]' is neither.*here n"), ("x[k] + sum(y, i, 0, 9)", "k in 'x.*here none"),
    ("sum(x[x], i, 0, n)", "x in 'x.x.' is neither"),
    ("sum(x[i], i, 0, n-1) + i", r"i is the index of 'sum\(x.*stands outside it too"), ("sum(x, i, 0, 9) + y[i]", "outside"),
    ("sum(x[i], i, 0, i)", "outside it too"), ("sum(x[i], i, i, 9)", "outside it too"),
    ("sum(sum(x[j], j, 0, 9), i, 0, j)", "j is the index.*outside"),
    ("sum(sum(x[i], i, 0, n), i, 0, n)", "inside another sum or product over i; expected another name"),
    ("prod(sin(sum(x[i], i, 0, 3)), i, 0, 3)", "inside another"),
    ("sum(x[i]*x, i, 0, n)", r"x is an array in 'x\[i\]' and a name without indices too"), ("sum(x[i], i, 0, x)", "x is an array"),
    ("x + sum(x[i], i, 0, n)", "x is an array"), ("sum(n[i], i, 0, n)", "n is an array in.*and a size"),
    ("sum(i[0], i, 0, n)", "i is an array in.*and the index"), ("sum(sum(i[j], j, 0, 1), i, 0, n)", "i is an array"),
    ("sum(x[i]*x[i, i], i, 0, n)", "x has .* index.es.*same number"), ("sum(x[i, i, i], i, 0, n)", "one index or two"),
    ("sum(x[()], i, 0, n)", "one index or two"), ("sum(x[i][i][i], i, 0, n)", "expected a name with"), ("sum((x+y)[i], i, 0, n)", "expected a name with"),
    ("sum(x[i].T, i, 0, n)", "not allowed"), ("sum(x[i](2), i, 0, n)", "not allowed"), ("sum(x[], i, 0, n)", "not an expression"),
    ("prodd(x, i, 0, n)", "did you mean 'prod'"),
    ("sum(x/0, i, 0, n)", "division by zero"), ("sum(x[i]^1001, i, 0, n)", "exponent 1001"), ("sum(i, i, 0, n)", "no variables"),
    ("sum(" * 101 + "x" + ", i, 0, 1)" * 101, "deep|inside another"), ("sum(" + "-" * 101 + "x, i, 0, 1)", "deep"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), NO_SUMS, ids=[label(text) for text, _ in NO_SUMS])
def test_a_sum_refused_with_words_that_say_why(text, words):
    with at_most(2), pytest.raises(so.ParseError, match=words) as caught:
        so.parse(text)
    assert len(str(caught.value)) < 500


def test_sums_nest_as_deep_as_allowed():
    text = "x[0]"
    for level in range(99):
        text = f"{'prod' if level % 2 else 'sum'}({text}, i{level}, 0, n-1)"
    with at_most(2):
        assert expression(text).has(X[0])


BOMBS_IN_SUMS = {
    "coefficient": "(((7*x[i])^1000)^1000)^1000", "fraction": "(((3/7)^1000)^1000)^1000*x[i]",
    "powers of two": "((((2*x[i])^1000)^1000)^1000)^1000", "exponents": "((x[i]^1000)^1000)^1000",
    "wide maximum": "max(" + ",".join(f"x[i+{k}]" for k in range(300)) + ")", "wide": "+".join(f"x[{k}*i-{k}]" for k in range(300)),
    "sizes": "x[" + "+".join(f"n{k}" for k in range(700)) + "] + sum(1, j, 0," + "+".join(f"n{k}" for k in range(700)) + ")",
    "sums": "+".join(f"sum(x[j],j,0,{k})" for k in range(400)), "powers in an index": "x[0^99^99*" + "0^99*" * 1000 + "i]",
    "many terms": "*".join(["sqrt(abs(x[i])+1)"] * 450), "distances": "abs(1-" * 45 + "x[i]" + ")" * 45,
    "harmonic": "sqrt(sum(1/j, j, 1, 999999999))^0.3*x[i]",
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS_IN_SUMS)
def test_a_bomb_in_a_sum_is_read_in_bounded_time(name):
    with at_most(5), contextlib.suppress(so.ParseError):
        assert str(expression(f"sum({BOMBS_IN_SUMS[name]}, i, 0, n-1)"))


SUM_TOKENS = [
    "sum(",
    "prod(",
    "x[",
    "W[",
    "]",
    "]",
    ")",
    ")",
    ",",
    ",",
    "i",
    "j",
    "n",
    "x",
    "0",
    "1",
    "2",
    "1.5",
    "9999999999",
]
SUM_TOKENS += [
    "+",
    "-",
    "*",
    "/",
    "^",
    "(",
    ", i, 0, n-1)",
    ", j, 0, i)",
    "x[i+1]",
    "W[i,j]",
    "sum(x[i], i, 0, n-1)",
    "e",
    "sin(",
]


@settings(max_examples=600)
@given(st.lists(st.sampled_from(SUM_TOKENS), max_size=25).map("".join))
def test_any_row_of_tokens_of_sums_is_an_expression_or_a_parse_error(text):
    with at_most(5), contextlib.suppress(so.ParseError):
        assert isinstance(expression(text), sp.Expr)


@st.composite
def sums(draw, scope=(), depth=3):
    """Draw a well-formed text with sums, and what it is for arrays of functions and n = 3."""
    kind = draw(st.sampled_from(["sum", "prod", "add", "times", "leaf"] if depth else ["leaf"]))
    if kind in ("sum", "prod"):
        index = "ijkl"[len(scope)]
        low, high = draw(indices(scope)), draw(indices(scope))
        body, of_body = draw(sums((*scope, index), depth - 1))

        def value(place):
            terms = [of_body({**place, index: t}) for t in range(low[1](place), high[1](place) + 1)]
            return sum(terms) if kind == "sum" else int(np.prod([1, *terms], dtype=object))

        return f"{kind}({body}, {index}, {low[0]}, {high[0]})", value
    if kind in ("add", "times"):
        left, right = draw(sums(scope, depth - 1)), draw(sums(scope, depth - 1))
        if kind == "add":
            return f"({left[0]} - {right[0]})", lambda place: left[1](place) - right[1](place)
        return f"({left[0]} * {right[0]})", lambda place: left[1](place) * right[1](place)
    first, second = draw(indices(scope)), draw(indices(scope))
    return draw(
        st.sampled_from([
            (f"x[{first[0]}]", lambda place: entry(first[1](place))),
            (f"W[{first[0]}, {second[0]}]", lambda place: entry(first[1](place), second[1](place))),
            *[(name, lambda place, name=name: place[name]) for name in scope],
        ])
    )  # fmt: skip


def entry(*at):
    """Return some entry of an array."""
    return (7 * at[0] + 3 * at[-1]) % 5 - 2


@st.composite
def indices(draw, scope):
    """Draw an index or a bound, and what it is."""
    names = draw(st.lists(st.sampled_from([*scope, "n"]), max_size=2))
    factors = [draw(st.integers(-1, 2)) for _ in names]
    constant = draw(st.integers(-2, 2))
    text = " + ".join(
        [
            *(f"({factor})*{name}" for factor, name in zip(factors, names, strict=True)),
            f"({constant})",
        ]
    )
    return (
        text,
        lambda place: (
            constant + sum(f * place[name] for f, name in zip(factors, names, strict=True))
        ),
    )


def evaluated(node, place):
    """Work an expression out; an empty sum is 0, an empty product 1."""
    if isinstance(node, sp.Sum | sp.Product):
        term, (index, low, high), *_ = [node.function, *reversed(node.limits)]
        inner = node.func(term, *node.limits[:-1]) if len(node.limits) > 1 else term
        span = range(evaluated(low, place), evaluated(high, place) + 1)
        terms = [evaluated(inner, {**place, index.name: at}) for at in span]
        return sum(terms) if isinstance(node, sp.Sum) else int(np.prod([1, *terms], dtype=object))
    if isinstance(node, sp.Indexed):
        return entry(*(evaluated(at, place) for at in node.indices))
    if isinstance(node, sp.Symbol):
        return place[node.name]
    if isinstance(node, sp.Add | sp.Mul | sp.Pow):
        parts = [evaluated(part, place) for part in node.args]
        joined = {
            sp.Add: sum,
            sp.Mul: lambda p: int(np.prod(p, dtype=object)),
            sp.Pow: lambda p: p[0] ** p[1],
        }
        return joined[node.func](parts)
    return int(node)


@settings(max_examples=300, deadline=None)
@given(sums())
def test_what_is_read_is_worth_what_was_written(drawn):
    text, value = drawn
    text = f"{text} + 0*sum(n, z, 0, n)"  # n is a size everywhere
    assert evaluated(expression(text), {"n": 3}) == value({"n": 3})


# Nothing but a Cost or a SymoptError


def outcome(text):
    """Return what became of a text; any other exception passes."""
    try:
        cost = so.parse(text)
    except so.SymoptError as error:
        return error
    assert repr(cost)
    return cost


@pytest.mark.parametrize(
    "text",
    [
        "max(log(0), x)", "min(x, sqrt(-1))", "max(asin(2), x)", "x^(log(0)-log(0))", "x^tan(pi/2)", "x^atanh(9)",
        "exp(exp(exp(exp(9)))) + x",
        "x^exp(exp(exp(exp(9))))", "cosh(cosh(1e300))*x", "csc(cosh(1e300))*x", "asin(sin(10^300))*x",
        "x/ceil((1-1e300)*sec(1))",
        "((acos(1e300)^(4/(pi-10)+sqrt(2-e)))+x)", "(10^300*x)^100", "((3/7)^400)^400*x", "^".join("x" * 400),
        "^".join("x" * 990),
        "lambda: " * 1200 + "x", "x if x else " * 700 + "x", "log(1+" * 99 + "x" + ")" * 99, "x" + ".a" * 900,
        "x" + "()" * 900,
        "1or x", "0x1for x", "exp(sec(0*1e300-0*x))", "ceil(asinh(sinh(csc(asin(x)))))", "sqrt(-1)*x", "log(-1)*x", "log(0)*x",
    ],
    ids=label,
)  # fmt: skip
def test_what_sympy_stumbles_over_is_a_cost_or_a_symopt_error(text):
    assert isinstance(outcome(text), so.Cost | so.SymoptError)


TOKENS = [
    "x",
    "y",
    "x1",
    "0",
    "1",
    "2",
    "9",
    "-1",
    ".5",
    "1e9",
    "1e-9",
    "pi",
    "e",
    "j",
    "_",
    "lambda",
    "if",
    "else",
    "for",
    "in",
    "not",
    "None",
]
TOKENS += [
    "+",
    "-",
    "*",
    "/",
    "**",
    "^",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    ":",
    "=",
    "==",
    "<",
    ":=",
    "'",
    '"',
    "#",
    "\\",
    "\n",
    "\0",
    " ",
    "~",
]
TOKENS += [f"{name}(" for name in TABLE] + [")"] * 10
LEAVES = ["x", "y", "x", "0", "1", "2", "9", "-1", "pi", "e", "1e300", "1e-300", "0.5", "1/3", "10"]


@st.composite
def expressions(draw, depth=4):
    """Draw a well-formed expression, among them many that make no sense."""
    kind = draw(
        st.sampled_from(
            ["leaf", "sum", "sum", "sum", "minus", "call", "call"] if depth else ["leaf"]
        )
    )
    inner = expressions(depth=depth - 1) if depth else None
    if kind == "sum":
        return f"({draw(inner)}{draw(st.sampled_from('+-*/^'))}{draw(inner)})"
    if kind == "minus":
        return f"-{draw(inner)}"
    if kind == "call":
        name = draw(st.sampled_from(sorted(TABLE)))
        count = 2 if name == "pow" else (draw(st.integers(1, 3)) if name in ("max", "min") else 1)
        return f"{name}({','.join(draw(inner) for _ in range(count))})"
    return draw(st.sampled_from(LEAVES))


def check_fuzzed(text):
    with at_most(5), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert isinstance(outcome(text), so.Cost | so.SymoptError)


@settings(max_examples=400)
@given(st.text(max_size=60))
def test_any_text_is_a_cost_or_a_symopt_error(text):
    check_fuzzed(text)


@settings(max_examples=600)
@given(st.lists(st.sampled_from(TOKENS), max_size=25).map("".join))
@example("((((((((" * 10)
@example("'\\d'")
def test_any_row_of_tokens_is_a_cost_or_a_symopt_error(text):
    check_fuzzed(text)


@settings(
    max_examples=1000, report_multiple_bugs=False, phases=(Phase.explicit, Phase.generate)
)  # shrinking is slow
@given(expressions())
def test_any_expression_is_a_cost_or_a_symopt_error(text):
    check_fuzzed(text)


@pytest.mark.parametrize(
    "text",
    ["1or x", "0x1for x in y", "1if x else y", "'\\d'", "x is 1", "1(x)", "'a'[x]", "[x](y)"],
)
def test_python_s_own_warnings_do_not_reach_the_user(text):
    with warnings.catch_warnings(record=True) as seen, contextlib.suppress(so.ParseError):
        warnings.simplefilter("always")
        so.parse(text)
    assert not seen


# Bombs: short texts that would take minutes or gigabytes. Each is read in a process that can be killed.

BOMBS = {
    "coefficient": "(((7*x)^1000)^1000)^1000", "fraction": "(((3/7)^1000)^1000)^1000*x",
    "powers of two": "((((2*x)^1000)^1000)^1000)^1000", "exponents": "((x^1000)^1000)^1000",
    "many digits": "*".join(["9^300"] * 90) + "*x", "floor": "floor(exp(exp(15)))*x",
    "exponentials": "exp(" * 10 + "1" + ")" * 10 + "*x", "distances": "abs(1-" * 99 + "x" + ")" * 99,
    "negative tower": "x^-" * 300 + "x", "wide maximum": "max(" + ",".join(f"a{k}" for k in range(300)) + ")",
    "tan": "ceil(((1e300/sec(asin(pi)))-tan((sec(9)/pow(-1,pi)))))*x",
}  # fmt: skip
SCRIPT = """
import json, os, resource, signal, sys, time
import symopt as so
for name, text in json.load(sys.stdin).items():
    began = time.perf_counter()
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
        signal.alarm(2)  # its default is to kill, in the midst of machine code too
        try:
            word = "Cost " + repr(so.parse(text))[:20]
        except so.SymoptError as error:
            word = f"{type(error).__name__}: {error}"
        except BaseException as error:
            word = f"stray {type(error).__name__}"
        os.write(write, word[:300].encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    word = os.read(read, 300).decode() or "killed"
    print(json.dumps([name, word, time.perf_counter() - began]), flush=True)
"""


@pytest.fixture(scope="module")
def explosions():
    """What became of every bomb, and after how long."""
    environment = {
        **os.environ,
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(BOMBS),
        capture_output=True,
        text=True,
        env=environment,
        timeout=90,
        check=True,
    )
    return {
        name: (word, seconds) for name, word, seconds in map(json.loads, done.stdout.splitlines())
    }


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_or_read_in_bounded_time(explosions, name):
    word, seconds = explosions[name]
    assert word.startswith(("Cost", "ParseError", "UnsupportedError")), word
    assert seconds < 2.5


# Nothing is evaluated

HARMLESS = [
    "sum(x[i]^2, i, 0, 9)",
    "x^2 + sin(y)",
    "max(x, y)*pi",
    "(1-x)^2 + 100*(y-x^2)^2",
    "floor(2.5)*x",
    "erf(1)*x",
]


def only_trees(compile_it):
    """Wrap ``compile``: it may make syntax trees, never code."""

    def wrapped(source, filename, mode, flags=0, *args, **kwargs):
        assert flags & ast.PyCF_ONLY_AST, "something was compiled to code"
        return compile_it(source, filename, mode, flags, *args, **kwargs)

    return wrapped


def never(*args, **kwargs):
    raise AssertionError("something was evaluated")


@pytest.mark.parametrize(
    "text", [*HARMLESS, *(text for text, _ in REFUSED if len(text) < 100)], ids=label
)
def test_nothing_is_evaluated(monkeypatch, text):
    so.parse("x")  # whatever is imported at first use is imported now
    with monkeypatch.context() as patched:
        patched.setattr(builtins, "eval", never)
        patched.setattr(builtins, "exec", never)
        patched.setattr(builtins, "compile", only_trees(compile))
        patched.setattr(builtins, "open", never)
        patched.setattr(os, "system", never)
        patched.setattr(subprocess, "Popen", never)
        with contextlib.suppress(so.SymoptError):
            so.parse(text)


@pytest.mark.parametrize(
    "form",
    [
        "__import__('pathlib').Path({!r}).touch()", "open({!r}, 'w')", "x + open({!r}, 'w').close()",
        "f\"{{open({!r}, 'w')}}\"",
        "(lambda: open({!r}, 'w'))()", "[open({!r}, 'w') for x in 'a']", "exec('open({!r}, chr(119))')",
        "sin(open({!r}, 'w'))",
        "x if open({!r}, 'w') else y", "().__class__.__base__.__subclasses__(open({!r}, 'w'))",
    ],
)  # fmt: skip
def test_code_in_a_text_leaves_no_trace(tmp_path, form):
    target = tmp_path / "pwned"
    with pytest.raises(so.ParseError):
        so.parse(form.format(str(target)))
    assert not target.exists()


@pytest.mark.parametrize(
    "text",
    [
        "x + sin(floor(1e308)*floor(1e308))",
        "x + log(pow(floor(1e308), floor(2)))",
        "x + 1e308 + 1e308",
        "x - (1e308 + 1e308)",
        "x*(1e308 + 1e308 - 1e308 - 1e308)",
    ],
)
def test_numbers_that_add_up_to_more_than_a_double_are_refused(text):
    with pytest.raises(so.SymoptError):
        so.parse(text).value([1.0])
