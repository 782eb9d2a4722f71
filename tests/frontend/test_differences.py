"""Differences that are small beside their parts: of roots, and of cosh and exp from 1, against 60 digits."""

import mpmath as mp
import pytest
from properties.fuzz import PlainCost

import symopt as so

SMALL = [1e-3, 1e-9, -1e-20, 0.7, 1e8]
CASES = {
    "sqrt(1 + x^2) - 1": lambda x: mp.sqrt(1 + x**2) - 1,
    "1.5^2*(sqrt(1.0 + (x/1.5)^2) - 1)": lambda x: (
        mp.mpf(1.5) ** 2 * (mp.sqrt(1 + (x / mp.mpf(1.5)) ** 2) - 1)
    ),
    "sqrt(x^2 + 0.0625) - 0.25": lambda x: mp.sqrt(x**2 + 0.0625) - 0.25,
    "3 - 3*sqrt(1 + exp(x)*x^4)": lambda x: 3 - 3 * mp.sqrt(1 + mp.exp(x) * x**4),
    "acosh(1 + x^2)": lambda x: mp.acosh(1 + x**2),
    "atanh(tanh(x))": lambda x: x,
    "asinh(sinh(x))": lambda x: x,
}


@pytest.mark.parametrize("text", CASES)
def test_values_slopes_and_curvatures_keep_their_digits(text):
    cost = so.parse(text)
    plain = PlainCost(cost.expression, params=cost.params)
    for at in SMALL:
        if at > 1 and "exp" in text:
            continue  # beyond the doubles
        with mp.workdps(250):
            want = [mp.diff(CASES[text], mp.mpf(at), order) for order in range(3)]
        found = [plain.value([at]), *plain.grad([at]), *plain.hvp([at], [1.0])]
        for got, right in zip(found, want, strict=True):
            assert abs(mp.mpf(float(got)) - right) <= mp.mpf(1e-14) * abs(right) + mp.mpf(
                "1e-90"
            ), (at, found, want)


def test_roots_with_a_parameter_in_common():
    found = so.parse("sqrt(x^2 + c^2 + c) - sqrt(c + c^2)", params="x, c").grad([1e-7, 2.0])
    with mp.workdps(60):
        whole, part = mp.sqrt(mp.mpf(1e-7) ** 2 + 6), mp.sqrt(mp.mpf(6))
        want = [mp.mpf(1e-7) / whole, (1 / whole - 1 / part) * 5 / 2]
    assert found == pytest.approx([float(one) for one in want], rel=1e-14, abs=0)


def test_acosh_of_an_exponential():
    cost = so.parse("acosh(exp(x))")
    assert cost.value([1e-20]) == pytest.approx(2**0.5 * 1e-10, rel=1e-15)
    assert cost.grad([1e-20]) == pytest.approx([0.5**0.5 * 1e10], rel=1e-15)


def test_two_zeros_have_no_difference():
    assert so.parse("sqrt(x^2 + c) - sqrt(c)", params="x, c").value([0.0, 0.0]) == 0.0
