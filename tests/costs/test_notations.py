"""Texts as people write them: each is read as it is meant, or refused with what to write."""

import keyword
import math
import random

import numpy as np
import pytest
import sympy as sp

import symopt as so
from symopt.costs.parser import expression
from symopt.costs.text_functions import ALIASES, COMPOSED, FUNCTIONS, SPECIAL

SAME = [
    # bars
    ("|x|", "abs(x)"), ("||x| - 1|", "abs(abs(x) - 1)"), ("|x - |y||", "abs(x - abs(y))"), ("2|x|", "2*abs(x)"),
    ("|x||y|", "abs(x)*abs(y)"), ("|x|²", "abs(x)^2"), ("|2x - |y - 1||", "abs(2*x - abs(y - 1))"),
    ("|max(x, |y|)|", "abs(max(x, abs(y)))"), ("-|x|^3 + |y|", "-abs(x)^3 + abs(y)"),
    # signs of mathematics
    ("½x²", "1/2*x^2"), ("xⁿ", "x^n"), ("eˣ", "exp(x)"), ("x₁² + x₁₂", "x1^2 + x12"), ("√x + 2√(x+1)", "sqrt(x) + 2*sqrt(x+1)"),
    ("∛x", "cbrt(x)"), ("πr²", "pi*r^2"), ("2πx", "2*pi*x"), ("⌊x⌋ + ⌈y⌉", "floor(x) + ceil(y)"), ("x²y", "x^2*y"), ("x₁x₂", "x1*x2"), ("x^2 +\n y^2", "x^2 + y^2"),
    ("sum(xᵢ², i, 0, n-1)", "sum(x[i]^2, i, 0, n-1)"), ("sum((xᵢ₊₁ - xᵢ)², i=0…n-2)", "sum((x[i+1] - x[i])^2, i, 0, n-2)"),
    ("sum(xᵢ - x₀, i, 0, n-1)", "sum(x[i] - x[0], i, 0, n-1)"), ("（x＋1）*2", "(x+1)*2"), ("x ≤ 1 ∧ y ≠ 2 ? x : y", "if(x <= 1 and y != 2, x, y)"),
    # powers of functions, functions without brackets
    ("sin^2(x)", "sin(x)^2"), ("sin²(x) + cos²x", "sin(x)^2 + cos(x)^2"), ("log^2(x+1)^3", "(log(x+1)^2)^3"), ("2sin^3(x)y", "2*sin(x)^3*y"),
    ("sin^2(cos^2(x))", "sin(cos(x)^2)^2"), ("ln x + sin y", "ln(x) + sin(y)"), ("2 sin x", "2*sin(x)"),
    # products without their sign
    ("2x", "2*x"), ("3(x+1)", "3*(x+1)"), ("(x+1)(x-1)", "(x+1)*(x-1)"), ("2x^2", "2*x^2"), ("-2x", "-2*x"), ("1e-3x", "1e-3*x"),
    ("e^(2x)", "e^(2*x)"), ("1/(2x)", "1/(2*x)"), ("100(y-x^2)^2+(1-x)^2", "100*(y-x^2)^2+(1-x)^2"), ("2e^x", "2*e^x"), ("exp(-x)sin(y)", "exp(-x)*sin(y)"),
    # NumPy, MATLAB, C, SymPy, Mathematica
    ("np.sin(x)**2 + np.pi", "sin(x)^2 + pi"), ("math.sqrt(x)", "sqrt(x)"), ("np.arctan2(y, x)", "atan2(y, x)"), ("np.maximum(0, 1-x)", "max(0, 1-x)"),
    ("Max(x, Abs(y))", "max(x, abs(y))"), ("arcsin(x) + arsinh(y)", "asin(x) + asinh(y)"), ("fabs(x)", "abs(x)"), ("x.^2 + y.*z./x", "x^2 + y*z/x"),
    ("nthroot(x, 3)", "cbrt(x)"), ("log_2(x)", "log2(x)"), ("lg(x)", "log10(x)"), ("x[0][1]^2", "x[0, 1]^2"), ("power(x, 2)", "x^2"),
    # sums
    ("∑(x[i], i, 0, n) + Π (x[i], i=0..n)", "sum(x[i], i, 0, n) + prod(x[i], i, 0, n)"), ("SUM(x[i], i, 0, n)", "sum(x[i], i, 0, n)"), ("sum((x[i]-1)^2, i=0..n-1)", "sum((x[i]-1)^2, i, 0, n-1)"), ("sum(x[i]^2 for i in range(n))", "sum(x[i]^2, i, 0, n-1)"),
    ("sum(x[i]**2 for i in range(1, n))", "sum(x[i]^2, i, 1, n-1)"), ("sum(x[i], i = 1 to n)", "sum(x[i], i, 1, n)"), ("Sum(x[i], (i, 0, n))", "sum(x[i], i, 0, n)"),
    ("sum(W[i,j], i=0..n, j=0..m)", "sum(sum(W[i,j], i, 0, n), j, 0, m)"), ("product(x[i], i=1:n)", "prod(x[i], i, 1, n)"), ("np.sum(x[i] for i in range(3))", "sum(x[i], i, 0, 2)"),
    ("sum(i == 0 ? x[i] : 2x[i] for i in range(n))", "sum(if(i == 0, x[i], 2*x[i]), i, 0, n-1)"),
    # choices
    ("np.where(x < 0, x**2, x)", "if(x < 0, x^2, x)"), ("x**2 if x < 0 else x", "if(x < 0, x^2, x)"), ("x<0 ? x^2 : x", "if(x < 0, x^2, x)"),
    ("Piecewise((x, x < 0), (y, Ne(x, 1)), (2, True))", "if(x < 0, x, if(x != 1, y, 2))"), ("if((x < 0) | (y < 0), x, y)", "if(x<0 or y<0, x, y)"),
    ("if((x<0) & (y<>0), x, y)", "if(x<0 and y!=0, x, y)"), ("IF(x<0, x^2, x)", "if(x < 0, x^2, x)"), ("x<0 ? y<0 ? a : b : c", "if(x<0, if(y<0, a, b), c)"), ("x<0 ? a : y<0 ? b : c", "if(x<0, a, if(y<0, b, c))"),
    ("(x > 0)*x^2", "if(x > 0, 1, 0)*x^2"), ("x<0 && y<0 ? x : y", "if(x<0 and y<0, x, y)"), ("x < 0 || y < 0 ? x : y", "if(x<0 or y<0, x, y)"),
    ("if(not (x<0 or y>1), x, y)", "if(x>=0 and y<=1, x, y)"), ("if(0 < x < 1, x, y)", "if(0<x and x<1, x, y)"), ("if(1 < 2, x, y)", "x"), ("max(x, y<0 ? 1 : 2)", "max(x, if(y<0, 1, 2))"),
    # LaTeX
    (r"\frac{1}{2}x^2", "1/2*x^2"), (r"\frac{x-1}{\sqrt{x}}", "(x-1)/sqrt(x)"), (r"\sin^2 x + \ln(y)", "sin(x)^2 + ln(y)"), (r"e^{-x^2/2}", "e^(-x^2/2)"),
    (r"\theta_1^2 + \theta_{2}^{2}", "theta_1^2 + theta_2^2"), (r"\left|x\right| \cdot 2\pi y", "abs(x)*2*pi*y"), (r"\lambda x^2", "lambda*x^2"), (r"\alpha\beta x_{1}x_{2}", "alpha*beta*x_1*x_2"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "plain"), SAME, ids=[one for one, _ in SAME])
def test_a_notation_is_the_plain_expression(text, plain):
    assert expression(text) == expression(plain)


@pytest.mark.parametrize("text", [one for one, _ in SAME if one[:2] not in ("lo", "lg")])
def test_what_sympy_prints_of_it_is_read_back(text):
    printed = str(expression(text))
    assert str(expression(printed)) == printed


REFUSED = [
    # two meanings
    ("1/2x", r"\(1/2\)\*x or 1/\(2\*x\)"), ("1/2(x+1)", "two things"), ("x/2y", "two things"), ("e^2x", r"x\^2\*y or"), ("x^2y", "two things"),
    ("2^-2x", "two things"), ("x/(y)(z)", "two things"), ("1/x²y", "two things"), ("4/3πr³", "two things"), ("1/sin(x)cos(x)", "two things"),
    ("sin x^2", r"write sin\(x\)"), ("ln x / 2", r"write ln\(x\)"), ("sin x cos x", r"write sin\(x\)"), ("sin^-1(x)", r"asin\(x\), or 1/sin\(x\)"),
    ("sin⁻¹(x)", r"asin\(x\)"), ("2½*x", "2.5"), ("x|y|", r"x\*\|y\|"), ("||x||^2", "norm.*sqrt"), ("|x", "no partner"), ("(|x)|", "no partner"),
    ("|x - 2|y||", "bar"), ("gamma*gamma(x)", "rename"), ("1j*x", "not a real number"), ("1.0f*x", "not an expression"),
    # not read, with the cure
    ("x(1)^2", r"entries of arrays as x\[0\]"), ("x'*x", r"sum\(x\[i\]\*y"), ("x.T @ x", r"sum\(x\[i\]"), ("xᵀx", "sum"), ("norm(x)", "sqrt.sum"), ("np.linalg.norm(x)", "sqrt.sum"),
    ("‖x‖²", "sqrt.sum"), ("np.dot(x, y)", r"sum\(x\[i\]\*y"), ("mean(x)", "/n"), ("np.sum(x**2)", r"sum\(x\[i\]\^2"), ("x.sum()", r"sum\(x\[i\]"), ("x % 2", r"mod\(x, 2\)"),
    ("x // 2", "floor"), ("x!", "factorial"), ("0,5*x", "0.5"), ("[x+1]^2", "round"), ("Sin[x]", r"sin\(x\)"), ("x = 1", r"\(left - right\)\^2"),
    ("f(x) = x^2", "only what is minimised"), ("x == y", r"\(left - right\)\^2"), ("x > 0", r"if\(x > 0"), ("min x^2", "only the expression"), ("minimize x", "only the expression"),
    ("argmin_x x^2", "only the expression"), ("lambda x: x**2", "only the expression"), ("@(x) x.^2", "only the expression"), ("x -> x^2", "only the expression"),
    ("minimize (x-1)^2", "only the expression"), ("huber(x)", r"if\(\|x\| < 1"), ("sum_{i=0}^{n-1} x_i", r"sum\(x\[i\]"), ("PI()*x", "write pi"),
    ("sum(x_i^2, i, 0, n-1)", r"x\[i\]"), ("sum(xi^2, i, 0, n-1)", r"x\[i\]"), ("sinc(x)", r"sin\(x\)/x"), ("round(x)", r"floor\(x \+ 1/2\)"), ("sind(x)", "pi"), ("xsin(y)", r"x\*sin\(y\)"),
    ("max(x;y)", "commas"), ("tan(45°)*x", "pi/180"), ('"x^2"', "quotation"), ("∂x", "come to"), ("x ± y", r"\+ or -"), ("if(x, y, z)", "comparison"), ("x<0 ? y", "has no ':'"),
    ("if(x<0, y)", "3 argument"), ("if x<0 then 1 else x", r"if\(x > 0"), ("Piecewise((x, x<0), (y, x<1))", "last one with True"), ("=x^2", "minimised"), ("if((x>0)*y < 1, x, y)", "in each of its branches"), ("sum(x[2*i] for i in range(0, n, 2))", "step"), ("$x^2$", r"without \$"),
    (r"\sum_i x_i", r"sum\(x\[i\]"), (r"\frac12x", r"\{1\}\{2\}"), (r"x_{i+1}", r"x\[i\+1\]"), (r"\sqrt[3]{x}", "real_root"), (r"\foo", "not allowed"), ("x\\", "one line"),
    # what would silently be a name of its own
    ("x^2 + y^2 + xy", r"write x\*y"), ("x*sinx", r"write sin\(x\)"), ("cosy^2", r"cos\(y\)"), ("t*expt", r"exp\(t\)"), ("a*b + abc*c", r"a\*b\*c"),
    ("x^T*A*x", "transpose"), ("1d-3*x", "1e-3"), ("x_1x_2 + x_1", r"x_1\*x_2"), ("x₁2", "not an expression"), ("2.5D+3*x", "Fortran"), ("pi()*x", "write pi"),
    # infinite, by name
    ("inf*x", "inf is read neither"), ("-inf + x", "inf is read"), ("np.inf*x", "large number"), ("x*Infinity", "Infinity is read"), ("infty + x", "large number"), ("nan + x", "nan is read"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "cure"), REFUSED, ids=[text for text, _ in REFUSED])
def test_what_is_not_read_is_refused_with_the_cure(text, cure):
    with pytest.raises(so.ParseError, match=cure) as caught:
        so.parse(text)
    assert len(str(caught.value)) < 500


CHOOSING = [
    ("if(x < 0, -x, x^2)", lambda x, y: -x if x < 0 else x**2),
    ("x<0 ? y<0 ? 1 : 2y : x", lambda x, y: (1 if y < 0 else 2 * y) if x < 0 else x),
    ("(x > 0)*x^2 + (y <= 0)", lambda x, y: (x > 0) * x**2 + (y <= 0)),
    ("if(not (x < 0 or y > 1), x, y)", lambda x, y: x if not (x < 0 or y > 1) else y),
    ("if(-1 < x < y, x, 3)", lambda x, y: x if -1 < x < y else 3),
    ("|x - |y||", lambda x, y: abs(x - abs(y))),
    ("mod(x, 2) + cbrt(y)", lambda x, y: x % 2 + math.cbrt(y)),
    ("hypot(x, y)", lambda x, y: math.hypot(x, y)),
    ("log(x^2 + 1, 10) + log2(y^2 + 1)", lambda x, y: math.log10(x * x + 1) + math.log2(y * y + 1)),
    ("clip(x, -1, 1) + relu(y)", lambda x, y: min(max(x, -1), 1) + max(y, 0)),
]


@pytest.mark.parametrize(("text", "function"), CHOOSING, ids=[text for text, _ in CHOOSING])
def test_choices_and_functions_have_the_values_of_python_s(text, function):
    points = np.random.default_rng(5).uniform(-2, 2, (40, 2))
    wanted = [function(*point) for point in points]
    np.testing.assert_allclose(so.parse(f"{text} + 0*y", "x y").value(points), wanted, rtol=4e-15)


def test_a_choice_by_what_is_no_number_is_no_number():
    cost = so.parse("if(x < 0, 1, 2) + x^2")
    assert np.isnan(cost.value([np.nan]))


def nested(draw, depth):
    """Draw an expression twice: absolute values as bars, and as a function."""
    if depth == 0:
        leaf = draw.choice(["x", "y", "2", "x[0]"[:1]])
        return leaf, leaf
    kind = draw.choice(["bars", "sum", "brackets"])
    left, right = nested(draw, depth - 1), nested(draw, depth - 1)
    if kind == "sum":
        return tuple(f"{one} - {other}" for one, other in zip(left, right, strict=True))
    if kind == "brackets":
        return tuple(f"({one})*3" for one in left)
    return f"|1 + {left[0]}|", f"abs(1 + {left[1]})"


def test_bars_nested_at_random_are_absolute_values():
    draw = random.Random(4)
    for _ in range(300):
        bars, plain = nested(draw, draw.randint(1, 6))
        assert expression(bars) == expression(plain), bars


# Names


FREE = sorted(set(keyword.kwlist) - {"True", "False", "None", "and", "or", "not", "else"})
SINGLETONS = ["S", "N", "O", "Q", "C", "beta", "gamma", "zeta", "psi", "mod", "step", "where"]


@pytest.mark.parametrize("word", [*FREE, *SINGLETONS])
def test_words_of_python_and_sympy_are_names(word):
    cost = so.parse(f"{word}^2 + 3*{word}*x")
    assert {one.name for one in cost.params} == {word, "x"}
    symbol, x = sp.symbols([word, "x"], real=True)
    assert cost.expression.expand() == symbol**2 + 3 * symbol * x
    assert so.parse(f"{word}*x^2", params="x").constants == (word,)


def test_a_word_of_python_is_a_parameter_and_a_constant():
    cost = so.parse("lambda*x^2 + from", params=["from", "x"])
    assert cost.value([5.0, 2.0], **{"lambda": 3.0}) == 17.0


def test_a_word_of_python_may_be_an_array_an_index_and_data():
    cost = so.parse("sum((lambda[in] - class[in])^2, in, 0, n-1)", data={"class": [1.0, 2.0]})
    assert cost.value([0.0, 0.0]) == 5.0


def test_names_that_look_like_products_are_names_where_they_are_listed_or_stand_alone():
    assert {one.name for one in so.parse("xy^2 + z").params} == {"xy", "z"}
    assert so.parse("x + y + xy^2", params="x y xy").value([1.0, 2.0, 3.0]) == 12.0
    assert so.parse("cost^2 + x^(T)", params="cost, x, T").value([2.0, 3.0, 2.0]) == 13.0


# Functions misspelt

KNOWN = [name for name in (*FUNCTIONS, *COMPOSED, *SPECIAL) if name.isalpha() and len(name) > 2]


@pytest.mark.parametrize("name", KNOWN)
def test_a_function_with_a_slip_is_suggested(name):
    doubled = f"{name}{name[-1]}"
    exchanged = f"{name[:-2]}{name[-1]}{name[-2]}"
    for slip in {doubled, exchanged} - {*FUNCTIONS, *COMPOSED, *SPECIAL, *ALIASES}:
        with pytest.raises(so.ParseError, match=f"did you mean '{name}'"):
            so.parse(f"{slip}(x)")


STRANGERS = [
    "sinc",
    "mean",
    "norm",
    "tau",
    "phi",
    "eta",
    "beta",
    "zeta",
    "chi",
    "foo",
    "print",
    "sin2",
    "log3",
]
STRANGERS += ["softmax", "erfi", "round", "cost", "rand", "std", "f", "g", "x", "det", "argmax", "mu"]  # fmt: skip


@pytest.mark.parametrize("name", [one for one in STRANGERS if one != "cost"])
def test_another_function_is_never_suggested(name):
    with pytest.raises(so.ParseError) as caught:
        so.parse(f"{name}(x)")
    assert "did you mean" not in str(caught.value)


# Arrays, data, samples


def test_entries_need_no_sum():
    cost = so.parse("x[0]^2 + 3x[1] + W[0, 1]", params="x, W")
    assert cost.params == (sp.IndexedBase("x"), sp.IndexedBase("W"))
    assert cost.value({"x": [2.0, 1.0], "W": [[5.0, 7.0]]}) == 14.0


def test_data_parameters_and_samples_are_those_of_the_cost():
    t, y = np.arange(6.0), np.exp(-0.5 * np.arange(6.0))
    text = "sum((y[i] - a*exp(-b*t[i]))^2, i=0..n-1)/n"
    cost = so.parse(text, data={"t": t, "y": y}, params="b, a", samples="i")
    assert [one.name for one in cost.params] == ["b", "a"]
    assert cost.value([0.5, 1.0]) == 0
    run = so.minimize(cost, so.adam(eta=0.1), start=[0.0, 0.0], steps=400, batch=3)
    np.testing.assert_allclose(run.theta, [0.5, 1.0], atol=0.02)
    assert so.parse(text, data={"t": t, "y": y}).value([1.0, 0.5]) == 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"data": {"q": [1.0]}}, "q, which does not occur"), ({"samples": "k"}, "expected one of i"), ({"data": [1.0]}, "expected a mapping"),
        ({"params": "z"}, "'z' does not occur"), ({"data": {"x": [1.0]}}, "no parameters"),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_text_is_refused(given, words):
    with pytest.raises(so.CostError, match=words):
        so.parse("sum(x[i]^2, i, 0, n-1)", **given)


@pytest.mark.parametrize("piece", ["sin^2(", "|", "x ? ", "if(x<0,", "\\frac{", "2(", "x₁", "not "])
def test_a_notation_repeated_without_end_is_refused_soon(piece):
    with pytest.raises(so.SymoptError):
        so.parse(piece * (9_990 // len(piece)) + "x<")
