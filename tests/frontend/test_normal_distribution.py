"""The logarithm of a normal distribution keeps its digits in both tails, however it is written."""

import mpmath as mp
import numpy as np
import pytest
import sympy as sp
from sympy.stats import Normal, cdf

import symopt as so

pytestmark = pytest.mark.usefixtures("in_python")

x = sp.Symbol("x")
ROOT = sp.sqrt(2)
FORMS = {
    "erf": sp.log((1 + sp.erf(x / ROOT)) / 2), "erfc": sp.log(sp.erfc(-x / ROOT) / 2), "less erfc": sp.log(1 - sp.erfc(x / ROOT) / 2),
    "of the other side": sp.log(sp.erfc(x / ROOT) / 2).subs(x, -x), "sympy.stats": sp.log(cdf(Normal("Z", 0, 1))(x)),
    "in doubles": sp.log(0.5 * sp.erfc(-x / 2**0.5)),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_both_tails(name):
    J = so.Cost(FORMS[name])
    for at in (-300.0, -38.0, -5.0, -0.1, 0.0, 0.1, 3.0, 8.0, 30.0):
        with mp.workdps(60):
            tail = mp.erfc(abs(mp.mpf(at)) / mp.sqrt(2)) / 2
            exact = mp.log1p(-tail) if at > 0 else mp.log(tail)
            slope = mp.exp(-(mp.mpf(at) ** 2) / 2 - exact) / mp.sqrt(2 * mp.pi)
        tolerance = 1e-13 * (1 + at * at * (name == "in doubles"))  # its 1/sqrt(2) is rounded
        np.testing.assert_allclose(
            [J.value([at]), J.grad([at])[0]], [float(exact), float(slope)], rtol=tolerance
        )


def test_two_less_erfc_is_erfc_of_the_other_side():
    J = so.Cost(2 - sp.erfc(x))
    assert J.value([-20.0]) == pytest.approx(float(mp.erfc(20)), rel=1e-15)
