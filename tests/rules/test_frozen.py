"""Values that would be frozen when a rule is read are refused."""

import datetime
import itertools
import random
import time

import numpy as np
import pytest
import sympy as sp

import symopt as so

GENERATOR = np.random.default_rng(0)
DRAWN = GENERATOR.normal()
COUNTER, LOG, STATE = itertools.count(1), [], [0]


def helper():
    return np.random.randn()  # noqa: NPY002


def listed():
    LOG.append(1)
    return len(LOG)


def counted():
    STATE[0] += 1
    return STATE[0]


CHANGES = {
    "a global generator": helper, "a list": listed, "a counter": counted, "an iterator": lambda: next(COUNTER),
    "a generator": lambda: GENERATOR.normal(), "random": lambda: random.gauss(0, 1), "a clock": time.perf_counter,
    "the date": lambda: datetime.datetime.now().timestamp(),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGES)
def test_a_value_that_changes_is_refused_behind_any_call(kind):
    change = CHANGES[kind]

    @so.rule()
    def moved(theta, *, grad, eta=0.1):
        return theta - eta * grad(theta) + change()

    with pytest.raises(so.RuleError, match=r"each time.*normal\(\)"):
        so.minimize(so.parse("x^2"), moved, [1.0], 2)


def test_generators_with_a_seed_are_refused_with_their_line():
    @so.rule()
    def seeded(theta, *, grad, eta=0.1):
        return theta - eta * grad(theta) + np.random.default_rng(0).normal()

    @so.rule()
    def reseeded(theta, *, grad, eta=0.1):
        np.random.seed(0)  # noqa: NPY002
        return theta - eta * grad(theta) + np.random.randn()  # noqa: NPY002

    @so.rule()
    def imported(theta, *, grad, eta=0.1):
        import random as other

        other.seed(1)
        return theta - eta * grad(theta) + other.random()

    for rule in (seeded, reseeded, imported):
        with pytest.raises(so.RuleError, match=r"line \d+, 'return .*another value each time"):
            so.minimize(so.parse("x^2"), rule, [1.0], 2)


def test_what_stays_the_same_is_read():
    @so.rule()
    def steady(theta, *, grad, normal, eta=0.1):
        print(time.time())  # noqa: T201
        return (
            theta
            - eta * DRAWN**2 * np.sqrt(2) * grad(theta)
            + 0 * normal()
            + sp.Piecewise((0, theta > 0), (0, True))
        )

    assert so.minimize(so.parse("x^2"), steady, [1.0], 2).steps == 2
