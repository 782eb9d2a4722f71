"""Saddle: how long a run stays near one, by how near it starts."""

import numpy as np
import sympy as sp

import symopt as so
from symopt.harness import Outcome, Row, drawing, linear_rules, main

CLAIM = (
    "At a saddle each factor of ten nearer to it costs gradient descent, momentum and Nesterov's "
    "rule the same number of steps."
)

x, y = sp.symbols("x y")
J = so.Cost((x**2 - y**2) / 2, params=[x, y])
CURVATURE = -1.0  # of J along y
RULES = {name: so.optimizers[name](eta=0.05) for name in ("gd", "momentum", "nesterov")}
NEAR = 10.0 ** -np.arange(2, 12.25, 0.25)  # |y| at the start
GONE = 1.0  # |y| at which a run has left


def theory():
    """On the ridge a rule is a matrix M; y grows by its largest eigenvalue G."""
    G, C, far, y0 = sp.symbols("G C Delta y0", positive=True)
    T, second, M = sp.Symbol("T"), sp.Symbol("G_2"), sp.IndexedBase("M")
    return {
        **{f"G, {name}": so.theory.escape(rule) for name, rule in RULES.items()},
        "steps from |y0| to Delta": sp.Eq(T, (sp.log(far / y0) - sp.log(C)) / sp.log(G)),
        "C, the share of the start that grows (gd: 1)": (M[0, 0] - second) / (G - second),
    }


def run(quick=False):
    """Start on the ridge but for a distance; the steps are known exactly."""
    starts = np.stack([np.zeros_like(NEAR), NEAR], axis=-1)
    study = so.sweep(J, RULES, starts, 700, record=True)
    times = {name: steps_until_gone(data) for name, data in study.items()}
    rows = []
    for name, rule in RULES.items():
        rows += distance_rows(name, rule, times[name])
    return Outcome(rows, {"times": times}, {"J": J.expression, "eta": 0.05, "Delta": GONE})


def steps_until_gone(data):
    """Return the steps until |y| = Delta, for every start."""
    return so.measure.saddle_escape(data, [0, 0], radius=GONE, cost=J)["time"].values


def distance_rows(name, rule, times):
    """From one distance, over eight decades, and over all; times are whole steps."""
    first, last = np.searchsorted(-np.log10(NEAR), [2, 10])
    needed = 1 / np.log(so.theory.escape(rule, 1.0))  # steps for a factor e
    way = np.log(GONE / NEAR)
    path = linear_rules.path_from_rest(rule, CURVATURE, 700)
    exact = np.argmax(path * NEAR[last] >= GONE)
    apart = way - way.mean()
    return [
        Row.within(
            f"{name}, |y0| = 1e-10: steps (ln(Delta/|y0|)/ln G is {way[last] * needed:.1f})",
            predicted=exact,
            measured=times[last],
            absolute=1,
        ),
        Row.within(
            f"{name}: steps for 8 decades",
            predicted=needed * np.log(1e8),
            measured=times[last] - times[first],
            absolute=1,
            n=2,
        ),
        Row.within(
            f"{name}: steps for a factor e",
            predicted=needed,
            measured=np.polyfit(way, times, 1)[0],
            absolute=abs(apart).sum() / (apart**2).sum() / 2,
            n=len(times),
            note="the most that rounding up to whole steps can tilt a line",
        ),
    ]


def plot(outcome):
    """Times over distances; predictions are dashed."""
    figure, ax = drawing.panels(1, (6.4, 4.4))
    for k, (name, rule) in enumerate(RULES.items()):
        G = so.theory.escape(rule, 1.0)
        share = linear_rules.path_from_rest(rule, CURVATURE, 400)[400] / G**400
        predicted = np.log(GONE / (share * NEAR)) / np.log(G)
        drawing.draw_predicted(ax, NEAR, predicted, "" if k else "predicted")
        drawing.draw_measured(ax, NEAR, outcome.data["times"][name], k, name)
    ax.set(xscale="log", ylim=(0, None), title="curvature −1, η = 0.05")
    ax.set(xlabel="|y₀|, start", ylabel="steps to |y| = 1")
    ax.legend(frameon=False)
    return {"saddle": figure}


if __name__ == "__main__":
    main(__file__)
