"""Expressions on which SymPy itself fails: the cost works, or the error is symopt's and says what to do."""

import random

import numpy as np
import pytest
import sympy as sp
from hostile_texts import nested_text

import symopt as so
from symopt.costs.sympy_failures import ask_sympy, refuse_failures

ODD = [
    "(tanh(cosh(((pi)/(cosh(y)))*(((y)^(x))^(tanh(0))))))-(1/3)",  # GeneratorsNeeded in a slope
    "asin((sin(pow((cosh(1/3))/(2), min((0.1)-(1/3), abs(1e308)))))+(exp(erf(cosh(pow(1e308, y))))))",
    "x + max(sec(1/3), (999)/(x))",
]
NOT_COMPARABLE = "tanh(min(min((0)/(1/3), (1e308)/((0)*(y))) - 1e308, y))"


def with_plain_symbols(expression):
    """Build an expression anew from symbols without assumptions, unevaluated."""
    if isinstance(expression, sp.Symbol):
        return sp.Symbol(expression.name)
    if not expression.args:
        return expression
    return expression.func(*map(with_plain_symbols, expression.args), evaluate=False)


@pytest.mark.parametrize("text", ODD)
def test_a_cost_that_sympy_cannot_differentiate_or_print_shows_itself(text):
    J = so.parse(text)
    assert repr(J).startswith("Cost(")
    assert "J(" in J.latex()
    assert J.squares == []


def test_slopes_that_sympy_cannot_work_out_are_not_shown_but_computed():
    J = so.parse(ODD[0])
    assert "partial" not in J.latex()
    y = 2.0
    inner = np.pi / np.cosh(y)
    slope = -np.sinh(inner) * inner * np.tanh(y) / np.cosh(np.cosh(inner)) ** 2
    np.testing.assert_allclose(J.grad([1.0, y]), [0.0, slope], rtol=1e-13)


def test_arguments_that_sympy_cannot_compare_stay_as_they_are_written():
    parsed = so.parse(NOT_COMPARABLE)
    plain = with_plain_symbols(parsed.expression)
    with pytest.raises(ValueError, match=r"not comparable"):
        plain.xreplace({sp.Symbol("y"): sp.Symbol("y", real=True)})
    J = so.Cost(plain)
    assert J.params == (sp.Symbol("y", real=True),)
    np.testing.assert_equal(J.value([2.0]), parsed.value([2.0]))
    np.testing.assert_equal(J.grad([2.0]), parsed.grad([2.0]))


def test_nested_texts_make_costs_with_plain_symbols_too():
    draw = random.Random(102)
    read = 0
    for _ in range(400):
        try:
            J = so.parse(nested_text(draw))
            so.Cost(with_plain_symbols(J.expression)).latex()
            read += 1
        except so.SymoptError:
            pass
    assert read > 40


@pytest.mark.parametrize(
    "failure",
    [
        ValueError("The argument 'zoo' is not comparable."),
        TypeError("cannot determine truth value of Relational"),
        OverflowError("too many digits in integer"),
        NotImplementedError("no algorithm"),
        RecursionError("maximum recursion depth exceeded"),
        sp.polys.polyerrors.GeneratorsNeeded("no generators"),
    ],
)
def test_a_failure_of_sympy_becomes_an_error_with_a_cure_or_a_gap(failure):
    def fail():
        raise failure

    assert ask_sympy(fail, "nothing") == "nothing"
    with (
        pytest.raises(so.ParseError, match=r"SymPy cannot work with 'x'.*write it in another form"),
        refuse_failures(so.ParseError, lambda: "'x'"),
    ):
        fail()


def test_errors_of_symopt_pass_unchanged():
    with (
        pytest.raises(so.CostError, match=r"^as it was$"),
        refuse_failures(so.ParseError, lambda: "x"),
    ):
        raise so.CostError("as it was")
