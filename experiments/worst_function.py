"""Nesterov's worst function: no method that uses gradients only beats his lower bound."""

import numpy as np
import sympy as sp

import symopt as so
from symopt.harness import Outcome, Row, drawing, main

CLAIM = (
    "On Nesterov's worst function no rule beats the lower bound of all methods that use gradients "
    "only, at any learning rate."
)

L, R = sp.symbols("L R")
i, k, n = sp.symbols("i k n", integer=True)
x = sp.IndexedBase("x", shape=(n,))
# Nesterov (2004, 2.1.2), with L = 1
SQUARE = x[0] ** 2 + sp.Sum((x[i + 1] - x[i]) ** 2, (i, 0, n - 2)) + x[n - 1] ** 2
J = so.Cost(SQUARE / 8 - x[0] / 4, params=x)
SIZE, STEPS = 201, 100
LOWEST = -SIZE / (8 * (SIZE + 1))
DISTANCE = float(np.sum((1 - np.arange(1, SIZE + 1) / (SIZE + 1)) ** 2))  # R**2
NAG = so.nesterov(eta=1.0, beta=(so.t - 1) / (so.t + 2))  # his own sequence, for convex functions
LEAST = 3 * DISTANCE / (32 * (STEPS + 1) ** 2)
MOST = {"gd": DISTANCE / (4 * STEPS + 2), "nesterov": 2 * DISTANCE / (STEPS + 1) ** 2}


def theory():
    """Bounds on the gap after k steps, for a start at the distance R."""
    subspace = L / 8 * (1 / (k + 1) - 1 / (n + 1))
    return {
        "no method that stays in the span of its gradients has a gap below": (
            3 * L * R**2 / (32 * (k + 1) ** 2)
        ),
        "on this function, none that leaves coordinates beyond k at 0": subspace,
        "Nesterov's has at most": 2 * L * R**2 / (k + 1) ** 2,
        "gradient descent at most": L * R**2 / (4 * k + 2),
    }


def least_gap(steps):
    """Return the least gap of a method that has moved so many coordinates."""
    return (1 / (steps + 1) - 1 / (SIZE + 1)) / 8


def run(quick=False):
    """Run two methods between their bounds, then every rule at its best learning rate."""
    gaps, start = {}, np.zeros(SIZE)
    for name, rule in (("gd", so.gd(eta=1.0)), ("nesterov", NAG)):
        gaps[name] = so.minimize(J, rule, start, STEPS).history["loss"] - LOWEST
    etas = np.geomspace(1e-3, 10, 31)
    rules = {name: rule(eta=etas) for name, rule in so.optimizers.textbook.items()}
    study = so.sweep(J, rules, start, STEPS)
    best = {name: float(data["best_loss"].min()) - LOWEST for name, data in study.items()}
    rows = []
    for name, gap in gaps.items():
        rows += bound_rows(name, float(gap[-1]))
    rows += [best_row(name, gap, len(etas)) for name, gap in best.items()]
    return Outcome(rows, {"gaps": gaps, "best": best}, {"n": SIZE, "steps": STEPS})


def bound_rows(name, gap):
    """A method lies between the bound for all and its own."""
    what = f"worst function, {name}: gap after {STEPS} steps"
    return [
        Row(what, LEAST, gap, relation=">=", note="Nesterov's bound for all"),
        Row(what, MOST[name], gap, relation="<=", note="its own bound"),
    ]


def best_row(name, gap, count):
    """No rule is better than its subspace allows."""
    what = f"worst function, {name} at its best eta: gap after {STEPS} steps"
    note = "coordinates beyond k are still 0"
    return Row(what, least_gap(STEPS), gap, n=count, relation=">=", note=note)


def plot(outcome):
    """Two runs between the bounds, and where each rule comes at its best learning rate."""
    figure, ax = drawing.panels(1, (7, 4.4))
    steps, best = np.arange(1, STEPS + 1), list(outcome.data["best"].values())
    for q, (name, gap) in enumerate(outcome.data["gaps"].items()):
        ax.plot(gap["step"][1:], gap[1:], label=name, **so.plot.line_style(q))
    drawing.draw_predicted(ax, [], [], "predicted bounds")
    draw_bound(ax, "Nesterov's upper bound", 2 * DISTANCE / (steps + 1) ** 2, 1, (0, 5), "left")
    draw_bound(ax, "gd's upper bound", DISTANCE / (4 * steps + 2), 20, (0, 5), "left")
    draw_bound(ax, "lower bound for all", least_gap(steps), 12, (0, -12), "right")
    ax.plot([STEPS] * len(best), best, "k_", ms=9, label="each rule at its best η")
    ax.set(xscale="log", yscale="log", xlabel="step", ylabel="J − J*", ylim=(3e-4, 90))
    ax.set_title("Nesterov's worst function")
    ax.legend(frameon=False, loc="lower left")
    return {"worst": figure}


def draw_bound(ax, name, bound, step, shift, side):
    """Draw a bound over the steps, with its name beside it at one of them."""
    drawing.draw_predicted(ax, np.arange(1, STEPS + 1), bound)
    ax.annotate(name, (step, bound[step - 1]), shift, textcoords="offset points", ha=side)


if __name__ == "__main__":
    main(__file__)
