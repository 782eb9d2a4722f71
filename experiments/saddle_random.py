"""Saddle from random starts: the time at it is a shifted exponential."""

import numpy as np
import sympy as sp
from scipy.stats import bootstrap

import symopt as so
from symopt.harness import Outcome, Row, drawing, linear_rules, main

CLAIM = (
    "From starts drawn evenly about the ridge the time at a saddle is a shifted exponential: a "
    "constant wait, then the same chance of leaving in every step."
)

x, y = sp.symbols("x y")
J = so.Cost((x**2 - y**2) / 2, params=[x, y])
CURVATURE, WIDTH = -1.0, 0.01  # y at the start is between -WIDTH and WIDTH
LEFT = -0.5  # J at |y| = 1
RULES = {name: so.optimizers[name](eta=0.05) for name in ("gd", "momentum", "nesterov")}
LATE = {"gd": 150, "momentum": 40, "nesterov": 40}  # the step at which one share is read off
STEPS = 700


def theory():
    """P(T > t) is the share of starts so near that t steps do not bring them to Delta."""
    G, C, far, a, t = sp.symbols("G C Delta a t", positive=True)
    return {
        "y0 drawn evenly from -a to a": sp.Eq(sp.Symbol("P(T > t)"), far * G**-t / (a * C)),
        "mean of T, and 1/2 for rounding up": (sp.log(far / (a * C)) + 1) / sp.log(G) + sp.S.Half,
        **{f"G, {name}": so.theory.escape(rule) for name, rule in RULES.items()},
    }


def run(quick=False):
    """Start at random places about the ridge."""
    n = 10_000 if quick else 100_000
    starts = so.uniform([0, -WIDTH], [0, WIDTH], size=n, rng=0)
    study = so.sweep(J, RULES, starts, STEPS, targets=LEFT, best=False)
    rows, curves = [], {}
    for name, data in study.items():
        curves[name] = so.measure.survival(so.measure.hitting(data, LEFT))
        rows += mean_rows(name, curves[name], data["hit"].values[:, 0])
        rows += distribution_rows(name, curves[name], data["hit"].values[:, 0])
    settings = {"J": J.expression, "eta": 0.05, "a": WIDTH, "Delta": 1, "starts": n}
    return Outcome(rows, {"curves": curves}, settings)


def law(rule):
    """Return G and C of |y| = C*G**t."""
    G = so.theory.escape(rule, 1.0)
    return G, linear_rules.path_from_rest(rule, CURVATURE, 400)[400] / G**400


def still_there(rule):
    """Return P(T > t) for t = 0, 1, ..., by powers of the rule's matrix."""
    return np.minimum(1, 1 / (WIDTH * linear_rules.path_from_rest(rule, CURVATURE, STEPS)))


def mean_rows(name, curve, times):
    """The mean, which is the sum of P(T > t), and the median."""
    G, C = law(RULES[name])
    shares = still_there(RULES[name])
    about = (np.log(1 / (WIDTH * C)) + 1) / np.log(G) + 0.5
    drawn = bootstrap((times,), np.mean, n_resamples=999, method="percentile", rng=0, batch=50)
    return [
        Row(
            f"{name}, random y0: mean of T (the law says {about:.2f})",
            shares.sum(),
            times.mean(),
            *drawn.confidence_interval,
            n=curve.n,
            note="95 % bootstrap; predicted: the sum of P(T > t)",
        ),
        Row(
            f"{name}, random y0: median of T",
            np.argmax(shares <= 0.5),
            curve.median,
            *curve.median_interval,
            n=curve.n,
        ),
    ]


def distribution_rows(name, curve, times):
    """All of the distribution at once, and a late share."""
    shares, late = still_there(RULES[name]), LATE[name]
    arrived = np.searchsorted(np.sort(times), np.arange(len(shares)), side="right") / curve.n
    return [
        Row(
            f"{name}, random y0: largest distance of P(T > t) from the prediction, over all t",
            predicted=np.sqrt(np.log(2 / 0.05) / (2 * curve.n)),
            measured=np.abs(1 - arrived - shares).max(),
            n=curve.n,
            relation="<=",
            note="95 % for all t at once: Massart 1990",
        ),
        Row(
            f"{name}, random y0: P(T > {late})", shares[late], *curve.at(late), curve.n, note="95 %"
        ),
    ]


def plot(outcome):
    """The shares of runs that are still at the saddle; predictions are dashed."""
    figure, ax = drawing.panels(1, (6.4, 4.4))
    laws = {}
    for name, rule in RULES.items():
        G, C = law(rule)
        laws[name] = lambda t, G=G, C=C: np.minimum(1, G**-t / (WIDTH * C))
    so.plot.survival(outcome.data["curves"], ax=ax, predicted=laws)
    ax.set(yscale="log", ylim=(3 / outcome.settings["starts"], 1.5))
    ax.set_title(f"y₀ ~ U(−{WIDTH:g}, {WIDTH:g}), η = 0.05")
    return {"saddle": figure}


if __name__ == "__main__":
    main(__file__)
