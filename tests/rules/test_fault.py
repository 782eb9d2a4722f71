"""A run that leaves the finite numbers names the first operation of the rule's equations that did, with its arguments."""

import math
import re

import numpy as np
import pytest
import sympy as sp

import symopt as so
from symopt.interop import torch_rules

BOWL = so.parse("x^2 + y^2")


def slope(a):
    return so.parse("a*x", ["x"])(a=a)


def ended(cost, rule, start, steps=400):
    run = so.minimize(cost, rule, start, steps, limit=1e300)
    assert run.status == "non-finite", run.reason
    return run.reason


CENTRED = [
    so.rmsprop(centered=True),
    so.rmsprop(centered=True, rho=0.5),
    so.rmsprop(centered=True, momentum=0.5),
    torch_rules.rmsprop(centered=True, momentum=0.9),
]


def test_centred_rmsprop_names_the_root_of_a_negative_difference():
    """The mean of g*g less the squared mean of g is 0 but for rounding, of either sign, under a constant gradient."""
    runs = [
        so.minimize(slope(a), rule, [1.0], 1000, limit=1e300)
        for rule in CENTRED
        for a in (1e8, 123456789.1)
    ]
    failed = [run for run in runs if run.status == "non-finite"]
    assert len(failed) >= 4
    for run in failed:
        assert re.search(
            r"the root of -[\d.e+-]+ in sqrt\(-a'\*a' \+ v'|divided by 0 in .*-a'\*a'", run.reason
        ), run.reason


def test_centred_rmsprop_at_a_gradient_of_1e8():
    reason = ended(slope(1e8), so.rmsprop(centered=True), [1.0])
    assert "x is nan in step 329" in reason
    assert "the root of -0.079071 in sqrt(-a'*a' + v' + epsilon), for the next theta" in reason


@so.rule(v=0, a=0)
def deviation(theta, v, a, *, grad, eta=0.01, rho=0.9):
    """A rule of one's own that divides by the root of a difference."""
    g = grad(theta)
    v, a = rho * v + (1 - rho) * g**2, rho * a + (1 - rho) * g
    return theta - eta * g / (1 + sp.sqrt(v - a**2)), v, a


@so.rule(s=0)
def squared(theta, s, *, grad, eta=0.01):
    """The spread of the gradient about its own mean, as a difference."""
    g = grad(theta)
    s = (s + g) / 2
    return theta - eta * g * sp.sqrt(g**2 - s**2 - 1), s


def test_roots_of_differences_in_rules_of_one_s_own():
    assert "the root of -" in ended(slope(1e8), deviation, [1.0], 2000)
    reason = ended(slope(0.1), squared, [1.0])
    assert "the root of -" in reason
    assert "for the next theta" in reason


BY_NOTHING = {
    "adagrad": (so.adagrad(epsilon=0.0), "sqrt(s' + epsilon)", "theta"),
    "rmsprop": (so.rmsprop(epsilon=0.0), "sqrt(v' + epsilon)", "theta"),
    "adam": (so.adam(epsilon=0.0), "(epsilon + sqrt(v'", "theta"),
    "adamax": (so.adamax(epsilon=0.0), "/u'", "theta"),
    "amsgrad": (so.amsgrad(epsilon=0.0), "sqrt(top')", "theta"),
    "adabelief": (so.adabelief(epsilon=0.0, epsilon_root=0.0), "sqrt(s'", "theta"),
    "adadelta": (so.adadelta(epsilon=0.0), "/(v' + epsilon)", "d"),
    "schedule-free": (so.schedule_free_adamw(epsilon=0.0), "sqrt(v'", "z"),
}


@pytest.mark.parametrize("name", BY_NOTHING)
def test_a_zero_gradient_without_epsilon_is_zero_by_zero(name):
    rule, below, state = BY_NOTHING[name]
    reason = ended(BOWL, rule, [0.0, 1.0], 10)
    assert "0 divided by 0 in" in reason
    assert below in reason
    assert reason.endswith(f"for the next {state}")


@so.rule()
def normalised(theta, *, grad, norm, eta=0.1):
    g = grad(theta)
    return theta - eta * g / norm(g)


@so.rule(needs=("optimal_value",))
def polyak(theta, *, grad, value, dot, optimal_value, eta=1.0):
    g = grad(theta)
    return theta - eta * (value(theta) - optimal_value) / dot(g, g) * g


@so.rule()
def arc(theta, *, grad, eta=0.1):
    return theta - eta * sp.asin(grad(theta))


@so.rule(m=0)
def logarithmic(theta, m, *, grad, eta=0.1):
    m = sp.log(m - 1) + grad(theta)
    return theta - eta * m, m


def test_other_operations_are_named():
    assert "0 divided by 0 in g*eta/sqrt(sum), for the next theta" in ended(
        BOWL, normalised, [0.0, 0.0]
    )
    J = so.Cost(BOWL.expression, params=BOWL.params, optimal_value=0.0)
    assert re.search(r"0 divided by 0 in \(J .*optimal_value.*sum", ended(J, polyak, [0.0, 0.0]))
    assert "asin of 2 in asin(g), for the next theta" in ended(BOWL, arc, [1.0, 0.0])
    assert "log of -1" in ended(BOWL, logarithmic, [1.0, 0.0])
    assert "m of x is nan" in ended(BOWL, logarithmic, [1.0, 0.0])
    assert ended(BOWL, so.gd(eta=sp.sqrt(5 - so.t)), [1.0, 2.0]).endswith("eta is nan")


def test_a_singular_matrix_is_named():
    for text, at in (("x^3 + y", [0.0, 1.0]), ("(x - y)^4", [1.0, 1.0]), ("(x + y)^2", [1.0, 2.0])):
        assert "their matrix is singular: its eigenvalues are 0" in ended(
            so.parse(text), so.newton, at, 3
        )


def test_an_overflow_is_named():
    @so.rule(m=0)
    def steep(theta, m, *, grad, eta=0.1):
        m = m + grad(theta) ** 3
        return theta - eta * m, m

    reason = ended(so.parse("1e160*x + y"), steep, [0.0, 1.0], 10)
    assert "m of x is inf in step 1" in reason
    assert "1e+160 times 1e+160" in reason


def test_costs_with_sums_and_sweeps_say_so_too():
    n, i = sp.symbols("n i", integer=True)
    x = sp.IndexedBase("x")
    J = so.Cost(sp.Sum(x[i] ** 2, (i, 0, n - 1)), params=x)
    assert "x[1] is nan in step 1" in ended(J, so.adagrad(epsilon=0.0), [1.0, 0.0, 2.0], 5)
    study = so.sweep(BOWL, so.adagrad(epsilon=0.0), start=[[1.0, 1.0], [0.0, 1.0]], steps=5)
    assert "0 divided by 0 in g*eta/sqrt(s' + epsilon)" in study.reason("adagrad", start=1)


def test_the_origin_is_the_first_operation_that_failed():
    """What comes after a NaN is NaN too, and is not what is told."""

    @so.rule(u=1, w=0)
    def chained(theta, u, w, *, grad, eta=0.1):
        u = sp.sqrt(u - 3)
        w = sp.exp(u) / (1 + w)
        return theta - eta * grad(theta) * w, u, w

    reason = ended(BOWL, chained, [1.0, 0.0], 5)
    assert "the root of -2" in reason
    assert math.isfinite(np.sum(so.minimize(BOWL, chained, [1.0, 0.0], 5).theta))
