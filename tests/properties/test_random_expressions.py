"""Random expressions over the whole table of functions: value, gradient, Hessian-vector product against 50 digits."""

import mpmath
import numpy as np
import pytest
import sympy as sp
from mpmath import mp
from properties import slopes
from properties.fuzz import Case, print_report, run, try_case
from properties.idioms import IDIOMS
from properties.jets import Evaluation
from properties.judgement import faults
from properties.random_expressions import UNARY, random_expression
from properties.special_points import direction, random_point
from properties.tape import Tape
from properties.truth import UNDEFINED, UNKNOWN, quick, truth

x, y = sp.symbols("x y", real=True)
WRONG = ("class A", "class A-edge", "class C", "class D", "class D-value", "crash", "over 20 s")
OPEN = 0.01  # of the expressions: second derivatives next to 1e150 and below infinite slopes, docs/correctness.md


def wrong(report):
    """Return the counts of what must not be, and print all that was found."""
    print_report(report, worst=3, shrink=False)
    return {kind: report.counts[kind] for kind in WRONG if report.counts[kind]}


def test_random_expressions_are_right_or_nan():
    assert wrong(run(seed=12, number=25)) == {}


@pytest.mark.slow
def test_many_random_expressions_are_right_or_nan():
    found = wrong(run(seed=0, number=10_000, processes=2))
    assert "crash" not in found
    assert "over 20 s" not in found
    assert sum(found.values()) <= OPEN * 10_000


# The reference itself


def test_the_reference_knows_every_function_of_the_table():
    methods = {name.removeprefix("_") for name in dir(Evaluation)}
    missing = {kind.__name__ for kind in UNARY} - set(slopes.FUNCTIONS) - methods
    assert not missing


@pytest.mark.parametrize(
    "name", sorted(set(slopes.FUNCTIONS) - {"sign", "floor", "ceiling", "Abs"})
)
def test_slopes_of_the_reference_are_those_that_mpmath_finds_by_differences(name):
    at = mpmath.mpf("1.37") if name == "acosh" else mpmath.mpf("0.37")
    with mp.workdps(60):
        function = getattr(mp, name)
        value, first, second = slopes.FUNCTIONS[name](at)
        assert mp.almosteq(value, function(at), 1e-50)
        assert mp.almosteq(first, mp.diff(function, at), 1e-25)
        assert mp.almosteq(second, mp.diff(function, at, 2), 1e-25)


def sympys_own(expression, symbols, point, v):
    """Return gradient and Hessian-vector product as SymPy differentiates, in 40 digits; None where it cannot."""
    real = [sp.Symbol(f"r{k}", real=True) for k in range(len(symbols))]
    exact = {
        number: sp.Rational(float(number)) for number in expression.atoms(sp.Float)
    }  # a Float has 15 digits
    expression = expression.xreplace({**dict(zip(symbols, real, strict=True)), **exact})
    place = {symbol: sp.Rational(float(c)) for symbol, c in zip(real, point, strict=True)}
    gradient = [expression.diff(symbol) for symbol in real]
    along = [
        sum(g.diff(symbol) * sp.Rational(float(c)) for symbol, c in zip(real, v, strict=True))
        for g in gradient
    ]
    try:
        numbers = [entry.subs(place).evalf(40) for entry in (*gradient, *along)]
    except RecursionError:  # in the evaluation of a derivative that SymPy leaves as it is
        return None
    return (
        [number._mpf_ if number.is_Float else int(number) for number in numbers]
        if _plain(numbers)
        else None
    )


def _plain(numbers):
    return all(number.is_Float or number.is_Integer for number in numbers)


@pytest.mark.parametrize("seed", [0, 2, 3])
def test_the_reference_agrees_with_sympys_derivatives(seed):
    compared = 0
    for number in range(200):
        rng = np.random.default_rng([seed, number, 5])
        expression = random_expression(rng)
        symbols = sorted(expression.free_symbols, key=str)
        if sum(1 for _ in sp.preorder_traversal(expression)) > 14:
            continue
        point, v = random_point(rng, len(symbols)), direction(rng, len(symbols))
        jet = quick(Tape(expression, symbols), point, v)
        theirs = sympys_own(expression, symbols, point, v) if jet else None
        if theirs is None:
            continue
        compared += 1
        with mp.workprec(300):
            for own, other in zip([*jet.slopes, *jet.curves], map(mpmath.mpf, theirs), strict=True):
                assert abs((own or 0) - other) <= 1e-25 * abs(other) + mpmath.mpf(10) ** -400, (
                    expression,
                    point,
                )
        if compared == 12:
            break
    assert compared == 12


@pytest.mark.parametrize(
    ("expression", "slope", "curve"),
    [
        (x**2 * sp.log(x**2), 0, UNKNOWN),
        (sp.Piecewise((sp.sin(x) / x, sp.Ne(x, 0)), (1, True)), 0, -1 / 3),
        (sp.Abs(x) ** 3, 0, 0),
        (sp.Abs(x), UNDEFINED, UNDEFINED),
        (sp.cos(12 * sp.Abs(x)), 0, -144),
        (sp.exp(3 * x) + sp.Abs(x) ** 3, 3, 9),
        (sp.Max(x, 2 * x), UNDEFINED, UNDEFINED),
    ],
)
def test_limits_at_kinks_and_removable_points(expression, slope, curve):
    found = truth(Tape(expression, [x]), [0.0], [1.0])
    for own, right in ((found.slopes[0], slope), (found.curves[0], curve)):
        assert own == right if isinstance(right, str) else abs(own - right) < 1e-9


@pytest.mark.parametrize(
    ("expression", "point", "given", "kind"),
    [
        (x**2 + x, [3.0], [12.0, 7.0, 2.0 + 1e-12], "A"),
        (sp.log(1 + sp.exp(x)), [800.0], [np.inf, 1.0, 0.0], "C-range"),
        (sp.exp(x) - 1, [1e-10], [1.000000082740371e-10, 1.0000000001, 1.0000000001], "B"),
        (sp.Abs(x), [0.0], [0.0, 0.0, 0.0], "D"),
        (sp.log(x), [-1.0], [0.0, -1.0, -1.0], "D-value"),
        (sp.floor(x), [2.0], [2.0, 0.0, 0.0], "D-jump"),
    ],
)
def test_a_wrong_result_is_found(expression, point, given, kind):
    found, _ = faults(Tape(expression, [x]), point, [1.0], given)
    assert [fault.kind for fault in found] == [kind]


@pytest.mark.parametrize(
    "name", ["softplus", "norm squared", "huber", "gauss likelihood", "bernoulli likelihood"]
)
def test_idioms_at_ordinary_points(name):
    build = IDIOMS[name]
    symbols = [x, y][: build.__code__.co_argcount]
    case = Case(build(*symbols), np.array([0.7, 1.3])[: len(symbols)], np.ones(len(symbols)))
    assert try_case(case, compiled=True) == ([], "good")


def test_a_second_derivative_below_an_infinite_slope_is_right_or_nan():
    found, _ = try_case(Case(sp.acosh(sp.exp(x**4)), np.array([0.0]), np.array([1.0])))
    assert found == []
