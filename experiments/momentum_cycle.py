"""Counter-example: momentum tuned for quadratics cycles on a strongly convex function."""

import numpy as np
import sympy as sp

import symopt as so
from symopt.harness import Outcome, Row, drawing, main, stats

CLAIM = (
    "Momentum with the parameters that are best on quadratics can cycle for ever on a function "
    "that is strongly convex and smooth."
)

x = sp.Symbol("x")
# Lessard, Recht and Packard (2016): slope 25x, then x + 24, then 25x - 24; mu = 1, L = 25
MIDDLE, RIGHT = x**2 / 2 + 24 * x - 12, 25 * x**2 / 2 - 24 * x + 36
BENT = so.Cost(sp.Piecewise((25 * x**2 / 2, x < 1), (MIDDLE, x < 2), (RIGHT, True)), params=[x])
ETA, BETA = sp.Rational(1, 9), sp.Rational(4, 9)
# 4/(sqrt(L) + sqrt(mu))**2 and ((sqrt(kappa) - 1)/(sqrt(kappa) + 1))**2
POLYAK = so.momentum(eta=1 / 9, beta=4 / 9)
CYCLING, HOMING, STEP = [3.07, 3.3, 3.46], [0.5, 3.0, 3.5, 10.0], 1e-3
GRID = np.arange(2.9, 3.6, STEP)


def theory():
    """The cycle from linear equations, and how fast it is neared."""
    return {
        "the cycle of momentum": sp.Matrix(cycle()).T,
        "rate to cycle and minimum: momentum at lambda = 25": so.theory.linearize(so.momentum),
    }


def cycle():
    """Return momentum's 3-cycle, increasing: two points of slope 25x, one of 25x - 24."""
    p, q, r = sp.symbols("p q r")
    slopes = {p: 25 * p, q: 25 * q, r: 25 * r - 24}
    turns = ((p, q, r), (q, r, p), (r, p, q))
    steps = [b + BETA * (b - a) - ETA * slopes[b] - after for a, b, after in turns]
    return sorted(sp.solve(steps, [p, q, r]).values())


POINTS = np.array(cycle(), dtype=float)


def run(quick=False):
    """Start where the paper does, and at seven hundred places around."""
    starts = np.concatenate([CYCLING, HOMING, GRID])[:, None]
    data = so.sweep(BENT, POLYAK, starts, 3000, record=[2998, 2999, 3000])["momentum"]
    last = np.sort(data["history_theta"].isel(param=0).transpose("start", "step").values)
    rows = [cycling_row(start, ends) for start, ends in zip(CYCLING, last[:3], strict=True)]
    rows += [homing_row(start, ends) for start, ends in zip(HOMING, last[3:7], strict=True)]
    rows += [point_row(*pair) for pair in zip(cycle(), last[1], strict=True)]
    rows += border_rows(last[7:])
    rows += [nearing_row(3.3, "cycle", POINTS), nearing_row(0.5, "minimum", np.zeros(1))]
    return Outcome(rows, {}, {"J": BENT.expression, "rule": POLYAK})


def cycling_row(start, ends):
    """Where the last three points are, from a start that cycles."""
    what = f"momentum from {start:g}: distance of its last three points from the 3-cycle"
    return Row.within(what, 0, np.abs(ends - POINTS).max(), absolute=1e-12, note="rounding")


def homing_row(start, ends):
    """The same from a start that comes home."""
    what = f"momentum from {start:g}: distance of its last three points from the minimum"
    return Row.within(what, 0, np.abs(ends).max(), absolute=1e-12, note="rounding")


def point_row(exact, measured):
    """A point of the cycle."""
    what = f"momentum from 3.3: point {exact} of the cycle"
    return Row.within(what, exact, measured, absolute=1e-12)


def border_rows(last):
    """The first and the last start around 3.3 that cycles."""
    cycling = np.abs(last - POINTS).max(axis=1) <= 1e-9
    right, left = GRID > 3.3, GRID < 3.3
    before, first = -np.array(stats.bracket(-GRID[left][::-1], cycling[left][::-1]))[::-1]
    end, after = stats.bracket(GRID[right], cycling[right])
    more = {"n": len(GRID), "note": "the grid's step"}
    what = "momentum: the {} start around 3.3 that cycles"
    return [
        Row(what.format("first"), 3.07, first, before, first, relation="<=", **more),
        Row(what.format("last"), 3.46, end, end, after, relation=">=", **more),
    ]


def nearing_row(start, name, target):
    """How fast momentum tends to its cycle or minimum: all points have curvature 25."""
    path = so.minimize(BENT, POLYAK, [start], 200).history["theta"].values
    rate = so.measure.rate(np.abs(path - target).min(axis=1))
    known = {sp.Symbol("eta"): ETA, sp.Symbol("beta"): BETA, sp.Symbol("lambda"): 25}
    exact = so.theory.linearize(so.momentum).subs(known)
    predicted = max(abs(z) for z in exact.eigenvals())
    return stats.fitted(f"momentum from {start:g}: factor per step to the {name}", predicted, rate)


def plot(outcome):
    """The function, the predicted cycle, and two runs."""
    figure, ax = drawing.panels(1, (7, 4.4))
    grid = np.linspace(-2.6, 4, 300)
    ax.plot(grid, BENT.value(grid[:, None]), color="0.6", label="J")
    for k, start in enumerate((3.3, 3.5)):
        path = so.minimize(BENT, POLYAK, [start], 40).history["theta"].values
        look = {"ms": 4, "lw": 0.9, "color": so.plot.line_style(k)["color"]}
        ax.plot(path, BENT.value(path), "o-", label=f"from {start:g}", **look)
    ring = POINTS[[0, 1, 2, 0]]
    drawing.draw_predicted(ax, ring, BENT.value(ring[:, None]), "predicted cycle")
    ax.set(xlabel="x", ylabel="J", title="momentum, η = 1/9, β = 4/9")
    ax.set(xlim=(-2.6, 4), ylim=(-4, 110))
    ax.legend(frameon=False)
    return {"cycle": figure}


if __name__ == "__main__":
    main(__file__)
