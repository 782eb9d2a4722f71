"""J.check finds old faults that are planted again, at a point where they show, in the rows that they spoil."""

from functools import partial

import numpy as np
import pytest
import sympy as sp

import symopt as so
from symopt.autodiff import partials, pullback
from symopt.frontend import complements, logarithms, stable, sums
from symopt.ir.index import substitute
from symopt.passes import gather

pytestmark = pytest.mark.usefixtures("in_python")

i, j, k, n, m = sp.symbols("i j k n m", integer=True)
th, X = sp.IndexedBase("th"), sp.IndexedBase("X")
x = sp.Symbol("x", real=True)


def local(patch, op, slopes):
    patch.setitem(partials.LOCAL, op, slopes)


def by_inverse(self, number, seed):
    """a/b with -a*((1/b)/b), where the square of 1/b leaves the doubles."""
    g, moving = self.graph, self.moving
    above, below = g.nodes[number].args
    square = g.op("div", g.op("div", g.const(1.0), below), below)
    slopes = {
        above: g.op("div", seed, below),
        below: g.op("neg", g.op("mul", g.op("mul", seed, above), square)),
    }
    return [(arg, slope) for arg, slope in slopes.items() if arg in moving]


def still_at_zero(g, number):
    """A power of 0 as if it had the slope 0 whatever the exponent."""
    base, exponent = g.nodes[number].args
    at_zero = g.op("eq", base, g.const(0.0))
    slopes = [partials._by_base(g, base, exponent), g.op("mul", number, g.op("log", base))]
    return [g.op("select", at_zero, g.const(0.0), slope) for slope in slopes]


def everywhere(graph, node, new):
    """The shift that went into sums over the same index too."""
    moved = lambda key: key._replace(at=tuple(substitute(index, new) for index in key.at))
    return graph.substitute([node], {}, lambda key: graph.input(moved(key)))[node]


def without_peak(graph, weight, exponent, loops):
    total = graph.op("mul", weight, graph.op("exp", exponent))
    for loop in reversed(loops):
        total = graph.reduce("sum", loop, total)
    return graph.op("log", total)


def text(cost):
    return lambda: so.parse(cost)


def chain():
    return so.Cost(sp.Sum(th[j] * th[j + 1], (j, 0, n - 2)) ** 2, params=th)


FAULTS = {
    "erfc as 1 - erf": (
        lambda patch: patch.setitem(stable.FORMS, "erfc", lambda g, u: g.op("sub", g.const(1.0), g.op("erf", u))),
        text("erfc(x)*y"), [5.0, 1.0], {"J", "dJ/dy"},
    ),
    "the slope of tanh as 1 - tanh^2": (
        partial(local, op="tanh", slopes=lambda g, n: [g.op("sub", g.const(1.0), g.op("mul", n, n))]),
        text("tanh(x) + y^2"), [15.0, 1.0], {"dJ/dx"},
    ),
    "a wrong slope": (
        partial(local, op="sin", slopes=lambda g, n: [g.const(1.0)]), text("sin(x)*y"), [0.5, 2.0], {"dJ/dx", "v.grad J"},
    ),
    "a wrong curvature": (
        partial(local, op="sech2", slopes=partials._times("tanh", 2.0)), text("tanh(x)"), [0.5], {"d2J/dx2", "u.(H v)"},
    ),
    "a kink with one slope": (
        partial(local, op="abs", slopes=lambda g, n: [g.const(1.0)]), text("abs(x)*y"), [-2.0, 3.0], {"dJ/dx"},
    ),
    "softplus as log(1 + exp)": (
        lambda patch: patch.setattr(logarithms, "_of_sum", lambda *_: None),
        text("log(1 + exp(x))"), [800.0], {"J"},
    ),
    "log1p as log(1 + x)": (
        lambda patch: patch.setattr(logarithms, "_of_sum", lambda *_: None), text("log(1 + x)"), [1e-20], {"J"},
    ),
    "logsumexp without its largest": (
        lambda patch: patch.setattr(sums, "log_over_loops", without_peak),
        lambda: so.Cost(so.logsumexp(th[k], (k, 0, n - 1)), params=th), [1000.0, 1000.0, 3.0], {"J"},
    ),
    "a quotient by (1/b)/b": (
        lambda patch: patch.setattr(pullback.Pullback, "_of_quotient", by_inverse), text("x/y"), [1e-200, 1e-170], {"dJ/dy"},
    ),
    "a product that levels off as a quotient": (
        lambda patch: patch.setattr(pullback, "balanced_slopes", lambda *_: None), text("x/sqrt(1 + x^2)"), [1e8], {"dJ/dx"},
    ),
    "a power of 0 without a slope": (
        partial(local, op="pow", slopes=still_at_zero), text("x^y"), [0.0, 1.0], {"dJ/dx"},
    ),
    "1 - cos as it stands": (
        lambda patch: patch.setattr(complements, "ONE_MINUS", {}), text("1 - cos(x)"), [1e-6], {"J"},
    ),
    "a shift of a sum's own index": (
        lambda patch: patch.setattr(gather, "with_indices", everywhere), chain, [1.0, 2.0, 3.0, 4.0], {"v.grad J"},
    ),
    "a wrong slope in a long sum": (
        partial(local, op="sin", slopes=lambda g, n: [g.const(1.0)]),
        lambda: so.Cost(sp.Sum(sp.sin(X[k] * th[0]), (k, 0, m - 1)), params=th, data={X: np.linspace(0, 1, 800)}),
        [0.5], {"dJ/dth[0]", "v.grad J"},
    ),
    "a wrong slope of 50 parameters": (
        partial(local, op="sin", slopes=lambda g, n: [g.const(1.0)]),
        lambda: so.Cost(sp.Sum(sp.sin(th[i]), (i, 0, n - 1)), params=th), np.linspace(1, 2, 50), {"dJ/dth[7]", "u.(H v)"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_planted_faults_are_found_and_right_costs_are_not(name, monkeypatch):
    plant, make, at, rows = FAULTS[name]
    found = make().check(at)
    assert found.ok, str(found)
    plant(monkeypatch)
    found = make().check(at)
    assert {row.name for row in found.rows if not row.ok} >= rows, str(found)
