"""Counter-example: gradient descent past its limit swings for ever on a convex function."""

import sympy as sp

import symopt as so
from symopt.harness import Outcome, Row, drawing, main

CLAIM = (
    "Past the learning rate 2/L gradient descent need not diverge on a convex function: it can "
    "swing between two points for ever."
)

x = sp.Symbol("x")
J = so.Cost(sp.log(sp.cosh(x)), params=[x])  # L = 1
RULE, START = so.gd(eta=3.0), [0.5]
SWING = 2 * x - 3 * sp.tanh(x)  # 0 where a step leads from x to -x


def theory():
    """A step leads from x to -x where eta*J'(x) = 2*x."""
    limit = so.theory.stability_limit(so.gd)
    return {"largest stable eta": limit, "it ends at x and -x": sp.Eq(SWING, 0)}


def run(quick=False):
    """Start between the two points."""
    end = abs(so.minimize(J, RULE, START, 500).theta[0])
    predicted = float(sp.nsolve(SWING, x, 1.3))
    what = "gd on log(cosh(x)), eta = 3: |x| in the end"
    row = Row.within(what, predicted, end, absolute=1e-12)
    return Outcome([row], {}, {"J": J.expression, "rule": RULE})


def plot(outcome):
    """The path to the two points; dashed: where they are."""
    figure, ax = drawing.panels(1, (6.4, 4.4))
    path = so.minimize(J, RULE, START, 40).history["theta"].values[:, 0]
    ax.plot(path, "o-", ms=3, lw=0.9, label="gd, η = 3")
    end = outcome.rows[0].predicted
    for k, wall in enumerate((end, -end)):
        drawing.draw_predicted(ax, [0, 40], [wall, wall], "" if k else "predicted")
    ax.set(xlabel="step", ylabel="x", title="J = log cosh x", ylim=(-2.4, 1.9))
    ax.legend(frameon=False, loc="lower center", ncols=2)
    return {"swing": figure}


if __name__ == "__main__":
    main(__file__)
