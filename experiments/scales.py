"""Scales: what features of different units do to each rule, and what standardising them does."""

import numpy as np
import sympy as sp
from matplotlib.figure import Figure
from scipy.stats import binom

import symopt as so
from symopt.harness import Outcome, Row, main
from symopt.plot._style import line_style
from symopt.problems import learning

CLAIM = (
    "On features of very different scale gradient descent suffers, the adaptive rules do not; "
    "standardising cures it."
)

ETAS = 10 ** np.arange(-6.75, 1.01, 0.25)  # one grid for all rules
SHARE = 1e-3  # the target: J - J* is this share of its value at the start
D, M, BETA, SEEDS = 2, 24, 0.9, range(6)
LINEAR = {"gd": so.gd, "momentum": so.momentum(beta=BETA), "nesterov": so.nesterov(beta=BETA)}
ADAPTIVE = {"adagrad": so.adagrad, "rmsprop": so.rmsprop, "adam": so.adam, "nadam": so.nadam}
RULES = LINEAR | ADAPTIVE
TWICE = 2.0  # who suffers takes at least twice as long, who does not at most


def theory():
    """On a quadratic every eigenvector moves by the matrix A of its eigenvalue lambda."""
    return {
        "the gap after k steps": (
            "J_k - J* = sum_i lambda_i/2 * ((A(lambda_i)^k)_{theta,theta} * c_i)^2, "
            "c the start minus the minimum along the eigenvectors"
        ),
        **{f"A, {name}": so.theory.linearize(rule) for name, rule in LINEAR.items()},
        "steps a decade of J - J*, in the end": (
            "-ln(10)/(2*ln(rho)), rho the largest modulus of an eigenvalue of A"
        ),
        "to suffer": (
            "the median ratio of steps to those at the scales 1, 1 is at least 2; not to suffer: "
            "at most 2"
        ),
    }


def drawn(seed, spread):
    """Return features of scale 1 ... spread, and targets that do not depend on the spread."""
    rng = np.random.default_rng(seed)
    X, w = rng.normal(size=(M, D)), rng.normal(size=D)
    t, chance = X @ w + 0.5 * rng.normal(size=M), 1 / (1 + np.exp(-X @ w))
    return X * np.geomspace(1, spread, D), {
        "linear": t,
        "logistic": np.where(rng.random(M) < chance, 1.0, -1.0),
    }


def minimum(kind, J, X, t):
    """Return the minimum: by least squares, or by Newton's method for logistic regression."""
    theta = np.linalg.lstsq(X, t)[0] if kind == "linear" else np.zeros(D)
    for _ in range(12 if kind == "logistic" else 0):
        theta = theta - np.linalg.solve(J.hessian(theta), J.grad(theta))
    return theta


def run(quick=False):
    """Steps to the target at the best learning rate, by model, scales, rule and data set."""
    spreads, cap = ([1, 10], 500) if quick else ([1, 10, 100, 1000], 12_000)
    cells = {}
    for kind in ("linear", "logistic"):
        for seed in SEEDS:
            for spread in spreads:
                cells[kind, f"S = {spread}", seed] = cell(
                    kind, seed, spread, min(cap, 300 * spread)
                )
            cells[kind, "standardised", seed] = cell(kind, seed, spreads[-1], 300, standard=True)
    rows = exact_rows(cells) + decade_rows(cells) + claim_rows(cells, f"S = {spreads[-1]}")
    settings = {
        "features": D,
        "samples": M,
        "spreads": spreads,
        "data sets": len(SEEDS),
        "most steps": cap,
    }
    return Outcome(
        rows,
        {"cells": cells, "spreads": spreads},
        settings | {"beta": BETA, "etas": "4 a decade, 1.8e-7 ... 10"},
    )


def cell(kind, seed, spread, steps, standard=False):
    """Run all rules at all learning rates on one data set."""
    X, targets = drawn(seed, spread)
    X = learning.standardised(X) if standard else X
    J = getattr(learning, kind)(X, targets[kind]).cost
    theta = minimum(kind, J, X, targets[kind])
    gap = J.value(np.zeros(D)) - J.value(theta)
    goal = J.value(theta) + SHARE * gap
    study = so.sweep(
        J, {k: r(eta=ETAS) for k, r in RULES.items()}, np.zeros(D), steps, targets=goal, best=False
    )
    best = {name: fastest(study[name], goal) for name in RULES}
    return {
        "J": J,
        "theta": theta,
        "hessian": J.hessian(theta),
        "gap": gap,
        "budget": steps,
        "best": best,
    }


def fastest(dataset, goal):
    """Return (steps, eta) of the learning rate that arrives first and is there at the end."""
    hits = (
        dataset["hit"].isel(target=0).where(dataset["loss"] <= goal, np.inf).fillna(np.inf).values
    )
    return (hits.min(), ETAS[hits.argmin()]) if np.isfinite(hits).any() else (np.inf, np.nan)


def matrices():
    """Return A(lambda, eta, beta) of rules that are linear near a minimum, as functions."""
    symbols = sp.symbols("lambda eta beta")
    return {name: sp.lambdify(symbols, so.theory.linearize(rule)) for name, rule in LINEAR.items()}


@np.errstate(over="ignore", invalid="ignore")
def exact_steps(A, eta, made, k):
    """Return the first step k at which the gap is SHARE of the first, by powers of A."""
    curvature, directions = np.linalg.eigh(made["hessian"])
    c = -directions.T @ made["theta"]
    gap = 0.0
    for lam, start in zip(curvature, c, strict=True):
        z, V = np.linalg.eig(A(lam, eta, BETA))
        weights = V[0] * np.linalg.solve(V, start * np.eye(len(z))[0])
        gap = gap + lam / 2 * ((z ** k[:, None]) @ weights).real ** 2
    arrived = gap <= SHARE * curvature @ c**2 / 2
    return k[np.argmax(arrived)] if arrived.any() else np.inf


def exact_rows(cells):
    """Linear regression is a quadratic: the steps are known to the step."""
    rows, off, A = [], [], matrices()
    for (kind, features, seed), made in cells.items():
        for name in LINEAR:
            steps, eta = made["best"][name]
            if kind != "linear" or np.isinf(steps):
                continue
            exact = exact_steps(A[name], eta, made, np.arange(made["budget"] + 1))
            off.append(exact - steps)
            if seed == 0:
                what = f"linear, {features}, {name} at eta = {eta:.2g}: steps to the target"
                rows.append(Row.within(what, exact, steps, absolute=1))
    what = "linear, all data sets, all three rules: largest difference from the exact steps"
    return [*rows, Row.within(what, 0, max(off, key=abs), absolute=1, n=len(off))]


def decade_rows(cells):
    """Near its minimum logistic regression is a quadratic: steps a decade, 1e-8 to 1e-11."""
    rows = []
    for (kind, features, seed), made in cells.items():
        eta = made["best"]["gd"][1]
        if kind != "logistic" or seed != 0 or np.isnan(eta):
            continue
        rule, J, theta = so.gd(eta=eta), made["J"], made["theta"]
        predicted = so.theory.predict(J, rule, at=theta).per_decade / 2
        goals = J.value(theta) + made["gap"] * np.array([1e-8, 1e-11])
        hits = so.sweep(J, rule, np.zeros(D), int(20 * predicted) + 100, targets=goals, best=False)[
            "gd"
        ]["hit"].values
        what = f"logistic, {features}, gd at eta = {eta:.2g}: steps a decade of J - J*"
        rows.append(
            Row.within(
                what,
                predicted,
                (hits[1] - hits[0]) / 3,
                absolute=1 / 3,
                note="a step in three decades",
            )
        )
    return rows


def claim_rows(cells, widest):
    """The textbook's claims: ratios of steps, paired over the data sets."""
    rows = []
    for kind in ("linear", "logistic"):
        plain, spreaded, cured = (
            counted(cells, kind, f) for f in ("S = 1", widest, "standardised")
        )
        for name in RULES:
            relation, note = (
                ("<=", "; one eta serves weights of size 1 and 1/S")
                if name in ADAPTIVE
                else (">=", "")
            )
            what = f"{kind}, {name}: steps at {widest} / at S = 1"
            rows.append(
                ratio(what, spreaded[name], plain[name], spreaded["budget"], relation, TWICE, note)
            )
        for name in ADAPTIVE:
            what = f"{kind}, {widest}: steps, {name} / gd"
            rows.append(ratio(what, spreaded[name], spreaded["gd"], spreaded["budget"], "<=", 1))
        for name in RULES:
            what = f"{kind}, {name}: steps, standardised / at S = 1"
            rows.append(ratio(what, cured[name], plain[name], cured["budget"], "<=", TWICE))
    return rows


def counted(cells, kind, features):
    """Return the steps of every rule by data set, inf beyond the budget, and the budget."""
    chosen = [cells[kind, features, seed] for seed in SEEDS]
    steps = {name: np.array([made["best"][name][0] for made in chosen]) for name in RULES}
    return steps | {"budget": chosen[0]["budget"]}


def ratio(what, ours, theirs, budget, relation, predicted, note=""):
    """Return a row for the median ratio, with the 95 % confidence of the sign test.

    Who does not arrive takes longer than the budget, by how much is unknown: the interval holds all
    that may be.
    """
    n, late = len(ours), int(np.isinf(ours).sum())
    k = max(
        1, int(binom.ppf(0.025, n, 0.5))
    )  # fewer than k of n lie below the median with probability 0.025 at most
    low, high = np.minimum(ours, budget) / theirs, ours / np.minimum(theirs, budget)
    median = np.median(np.minimum(ours, budget) / np.minimum(theirs, budget))
    note = (
        "sign interval"
        + note
        + (f"; {late} of {n} did not arrive, and count as the budget" if late else "")
    )
    return Row(
        what, predicted, median, np.sort(low)[k - 1], np.sort(high)[n - k], n, relation, note
    )


def plot(outcome):
    """Steps against the spread of the scales; standardised apart."""
    figure = Figure(figsize=(11.5, 4.8), layout="constrained")
    cells, spreads = outcome.data["cells"], outcome.data["spreads"]
    for ax, kind in zip(figure.subplots(1, 2, sharey=True), ("linear", "logistic"), strict=True):
        panel(ax, cells, kind, [*(f"S = {s}" for s in spreads), "standardised"])
        ax.set(
            yscale="log", xlabel="scales of the two features: 1 and S", title=f"{kind} regression"
        )
    figure.axes[0].set_ylabel("steps to 1/1000 of the first gap, at the best η")
    figure.axes[1].legend(frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return {"scales": figure}


def panel(ax, cells, kind, places):
    """Medians over the data sets; a triangle at the budget where most did not arrive."""
    found = [counted(cells, kind, f) for f in places]
    A, x, k = matrices(), np.arange(len(places)), np.unique(np.geomspace(1, 1e7, 600).round())
    for place, name in enumerate(RULES):
        colour, medians = (
            line_style(place)["color"],
            np.array([np.median(steps[name]) for steps in found]),
        )
        late, budgets = np.isinf(medians), np.array([steps["budget"] for steps in found])
        ax.plot(x[:-1], np.where(late, np.nan, medians)[:-1], color=colour, lw=1.2)
        ax.plot(x[~late], medians[~late], "o", color=colour, ms=5, label=name)
        ax.plot(x[late], budgets[late], "^", color=colour, ms=6 + 2 * place, mfc="none")
        if name in LINEAR:
            made = [[cells[kind, f, s] for s in SEEDS] for f in places[:-1]]
            known = [
                [min(exact_steps(A[name], eta, m, k) for eta in ETAS) for m in row] for row in made
            ]
            ax.plot(
                x[:-1],
                np.median(known, axis=1),
                "--",
                color=colour,
                lw=1,
                label=f"{name}, predicted",
            )
    ax.plot([], [], "^", color="0.4", ms=9, mfc="none", label="longer than the budget")
    ax.set_xticks(x, [place.removeprefix("S = ") for place in places])
    ax.axvspan(x[-1] - 0.5, x[-1] + 0.5, color="0.94", zorder=0)


if __name__ == "__main__":
    main(__file__)
