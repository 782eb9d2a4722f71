"""Whole numbers of a rule that are Python's: range(k), branches, and lists of states."""

import numpy as np
import pytest
import sympy as sp

import symopt as so

J = so.parse("(x^2 + 10*y^2)/2 + x*y/3")


@so.rule(v=so.repeat(0, "K"))
def aggmo(theta, v, *, grad, eta=0.02, a=0.1, K=3):
    """Aggregated momentum (Lucas, Sun, Zemel and Grosse 2019)."""
    g = grad(theta)
    v = [(1 - a**i) * v[i] - g for i in range(K)]
    return theta + eta / K * sum(v), v


@so.rule(s=so.repeat(0, "m"), y=so.repeat(0, "m"), last=so.theta0, before=0)
def lbfgs(theta, s, y, last, before, *, grad, dot, t, m: int = 2):
    """L-BFGS with unit steps (Nocedal 1980), from m pairs."""

    def share(u, v):
        return sp.Piecewise((u / v, v > 0), (0, True))

    g = grad(theta)
    s, y = [theta - last, *s[:-1]], [g - before, *y[:-1]]
    q, alphas = g, []
    for i in range(m):
        alphas.append(share(dot(s[i], q), dot(y[i], s[i])))
        q = q - alphas[i] * y[i]
    r = q * sp.Piecewise((share(dot(s[0], y[0]), dot(y[0], y[0])), t > 1), (0.05, True))
    for i in reversed(range(m)):
        r = r + s[i] * (alphas[i] - share(dot(y[i], r), dot(y[i], s[i])))
    return theta - r, s, y, theta, g


@pytest.mark.usefixtures("in_python")
@pytest.mark.parametrize("K", [1, 2, 4])
def test_aggregated_momentum_is_that_of_its_paper(K):
    theta, v = np.array([1.0, -2.0]), np.zeros((K, 2))
    for _ in range(12):
        v = (1 - 0.1 ** np.arange(K))[:, None] * v - J.grad(theta)
        theta = theta + 0.02 * v.mean(0)
    run = so.minimize(J, aggmo(K=K), [1.0, -2.0], 12)
    np.testing.assert_allclose(run.theta, theta, rtol=1e-13)
    study = so.sweep(J, aggmo(K=K, eta=[0.01, 0.02]), [[1.0, -2.0], [0.0, 1.0]], 12)
    np.testing.assert_array_equal(study["aggmo"]["theta"].sel(eta=0.02, start=0), run.theta)


@pytest.mark.usefixtures("in_python")
def test_two_lists_of_states_make_a_limited_memory_method():
    run = so.minimize(J, lbfgs(m=2), [1.0, -2.0], 12)
    assert np.abs(run.theta).max() < 1e-12
    first = so.minimize(J, lbfgs(m=1), [1.0, -2.0], 1)
    np.testing.assert_allclose(first.theta, [1.0, -2.0] - 0.05 * J.grad([1.0, -2.0]), rtol=1e-15)


def test_the_number_of_states_follows_the_option():
    assert list(aggmo.states) == ["v0", "v1", "v2"]
    assert list(aggmo(K=1).states) == ["v0"]
    assert list(lbfgs(m=1).states) == ["s0", "y0", "last", "before"]
    assert list(so.clip_norm(aggmo(K=2), 1.0).states) == ["v0", "v1"]
    assert aggmo(K=np.int64(4)).values["K"] == aggmo(K=4.0).values["K"] == 4


def test_theory_takes_the_list_apart():
    eta, a, lam = sp.symbols("eta a lambda")
    matrix = so.theory.linearize(aggmo(K=2))
    assert matrix == sp.Matrix([[1 - eta * lam, eta * (1 - a) / 2], [-lam, 1 - a]])


@pytest.mark.usefixtures("in_python")
def test_steps_within_a_step_and_branches_on_a_whole_number():
    @so.rule
    def inner(theta, *, grad, eta=0.1, k=2, p: int = 1):
        for _ in range(k):
            slope = grad(theta) if p == 1 else sp.sign(grad(theta))
            theta = theta - eta * slope
        return theta

    plain = so.minimize(J, so.gd(eta=0.1), [1.0, -2.0], 6)
    np.testing.assert_allclose(so.minimize(J, inner(k=3), [1.0, -2.0], 2).theta, plain.theta)
    assert inner(k=3).update.gradients == 3
    assert so.minimize(J, inner(p=2), [1.0, -2.0], 1).theta == pytest.approx([0.8, -1.8])


def test_a_whole_default_that_does_not_count_stays_a_number():
    @so.rule
    def scaled(theta, *, grad, eta=0.1, k=2):
        return theta - eta * grad(theta) / k

    study = so.sweep(J, scaled(k=[1.5, 2.0]), [1.0, 1.0], 3)
    assert study["scaled"].sizes["k"] == 2


REFUSED = {
    "a half": (lambda: aggmo(K=2.5), r"aggmo\(K=2.5\): expected one whole number"),
    "an axis": (lambda: aggmo(K=[1, 2]), "a sweep over it takes a rule for each"),
    "a schedule": (lambda: aggmo(K=so.t), "expected one whole number"),
    "below 0": (lambda: aggmo(K=-1), "v has -1 states; expected a whole number, 0 or more"),
    "inside": (
        lambda: so.clip_norm(aggmo)(K=2),
        r"give it there, as in so.clip_norm\(aggmo\(K=2\)\)",
    ),
    "no such option": (
        lambda: so.rule(v=so.repeat(0, "L"))(lambda theta, v, *, grad: (theta - grad(theta), v)),
        r"repeated 'L' times; expected a whole number or the name of a whole-number option",
    ),
    "a name that is taken": (
        lambda: so.rule(v=so.repeat(0, 2))(lambda theta, v, *, grad, v1=0.5: (theta - v1, v)),
        "v1 is the name of something else",
    ),
    "too few": (
        lambda: so.rule(v=so.repeat(0, 2))(lambda theta, v, *, grad: (theta, v[:1])).equations,
        "returns 1 values as the next v; expected a list of 2",
    ),
    "theta alone": (
        lambda: so.rule(v=so.repeat(0, 2))(lambda theta, v, *, grad: theta - v[0]).equations,
        "expected a tuple of the next theta, v",
    ),
    "not whole": (
        lambda: so.rule(lambda theta, *, k=2.0: theta - sum(range(k))).equations,
        "is an int among its arguments, as K: int = 3",
    ),
    "a list in a wrapper": (
        lambda: so.wrapper(v=so.repeat(0, 2))(lambda step, theta, v: (step(theta), v)),
        "v is a list of states, which a rule may have and a wrapper may not",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_counts_nothing_is_refused_with_the_cure(case):
    ask, words = REFUSED[case]
    with pytest.raises(so.RuleError, match=words):
        ask()


def test_a_branch_on_a_number_names_the_whole_number_that_it_may_be():
    @so.rule
    def branched(theta, *, grad, p=2.0):
        return theta if p == 1 else theta - grad(theta)

    with pytest.raises(so.RuleError, match="is an int among the arguments, as k: int = 2"):
        so.inspect(branched, "expression")


def test_a_state_of_a_list_is_no_condition():
    @so.rule(v=so.repeat(0, 2))
    def branched(theta, v, *, grad):
        return (theta if v[0] == 0 else theta - grad(theta)), v

    with pytest.raises(so.RuleError, match=r"v\[0\] == 0 holds symbols"):
        so.inspect(branched, "expression")
