"""Scales: what features of different units do to each rule, and what standardising them does."""

import numpy as np

import symopt as so
from symopt.harness import Outcome, Row, drawing, linear_rules, main, newton_minimum, stats
from symopt.problems import learning

CLAIM = (
    "On features of very different scale gradient descent suffers, the adaptive rules do not; "
    "standardising cures it."
)

ETAS = 10 ** np.arange(-6.75, 1.01, 0.25)  # one grid for all rules
GOAL = 1e-3  # the target: J - J* is this share of its value at the start
FEATURES, SAMPLES, BETA, SEEDS = 2, 24, 0.9, range(6)
LINEAR = {"gd": so.gd, "momentum": so.momentum(beta=BETA), "nesterov": so.nesterov(beta=BETA)}
ADAPTIVE = {"adagrad": so.adagrad, "rmsprop": so.rmsprop, "adam": so.adam, "nadam": so.nadam}
RULES = LINEAR | ADAPTIVE
TWICE = 2.0  # who suffers takes at least twice as long, who does not at most
MATRICES = {name: linear_rules.matrix_function(rule) for name, rule in LINEAR.items()}
ORIGIN = np.zeros(FEATURES)


def theory():
    """On a quadratic every eigenvector moves by the matrix A of its eigenvalue lambda."""
    matrices = {f"A, {name}": so.theory.linearize(rule) for name, rule in LINEAR.items()}
    return matrices | {
        "the gap after k steps": (
            "J_k - J* = sum_i lambda_i/2 * ((A(lambda_i)^k)_{theta,theta} * c_i)^2, "
            "c the start minus the minimum along the eigenvectors"
        ),
        "steps a decade of J - J*, in the end": (
            "-ln(10)/(2*ln(rho)), rho the largest modulus of an eigenvalue of A"
        ),
        "to suffer": "the median ratio of steps to those at the scales 1, 1 is at least 2",
    }


def draw_data(seed, spread):
    """Return features of scale 1 ... spread, and targets that do not depend on the spread."""
    rng = np.random.default_rng(seed)
    X, w = rng.normal(size=(SAMPLES, FEATURES)), rng.normal(size=FEATURES)
    linear = X @ w + 0.5 * rng.normal(size=SAMPLES)
    chance = 1 / (1 + np.exp(-X @ w))
    logistic = np.where(rng.random(SAMPLES) < chance, 1.0, -1.0)
    return X * np.geomspace(1, spread, FEATURES), {"linear": linear, "logistic": logistic}


def run(quick=False):
    """Steps to the target at the best learning rate, by model, scales, rule and data set."""
    spreads, cap = ([1, 10], 500) if quick else ([1, 10, 100, 1000], 12_000)
    cells = {}
    for kind in ("linear", "logistic"):
        for seed in SEEDS:
            for spread in spreads:
                steps = min(cap, 300 * spread)
                cells[kind, f"S = {spread}", seed] = race(kind, seed, spread, steps)
            standard = race(kind, seed, spreads[-1], 300, learning.standardised)
            cells[kind, "standardised", seed] = standard
    rows = exact_rows(cells) + decade_rows(cells)
    for kind in ("linear", "logistic"):
        rows += claim_rows(cells, kind, f"S = {spreads[-1]}")
    settings = {"features": FEATURES, "samples": SAMPLES, "spreads": spreads}
    settings |= {"data sets": len(SEEDS), "most steps": cap, "beta": BETA}
    return Outcome(rows, {"cells": cells, "spreads": spreads}, settings)


def race(kind, seed, spread, steps, prepared=lambda X: X):
    """Run all rules at all learning rates on one data set."""
    X, targets = draw_data(seed, spread)
    J = getattr(learning, kind)(prepared(X), targets[kind]).cost
    minimum = newton_minimum(J, ORIGIN)
    gap = J.value(ORIGIN) - J.value(minimum)
    goal = J.value(minimum) + GOAL * gap
    rules = {name: rule(eta=ETAS) for name, rule in RULES.items()}
    study = so.sweep(J, rules, ORIGIN, steps, targets=goal, best=False)
    best = {name: fastest(study[name], goal) for name in RULES}
    found = {"J": J, "theta": minimum, "hessian": J.hessian(minimum), "gap": gap}
    return found | {"budget": steps, "best": best}


def fastest(data, goal):
    """Return (steps, eta) of the learning rate that arrives first and is there at the end."""
    hits = data["hit"].isel(target=0).where(data["loss"] <= goal, np.inf).fillna(np.inf).values
    if np.isinf(hits).all():
        return np.inf, np.nan
    return hits.min(), ETAS[hits.argmin()]


@np.errstate(over="ignore", invalid="ignore")
def exact_steps(matrix, eta, made, steps):
    """Return the first of these steps at which the gap is GOAL of the first, by powers of A."""
    curvatures, directions = np.linalg.eigh(made["hessian"])
    along = directions.T @ made["theta"]
    gap = 0.0
    for curvature, start in zip(curvatures, along, strict=True):
        path = linear_rules.path_at(matrix(curvature, eta), steps)
        gap = gap + curvature / 2 * (start * path) ** 2
    arrived = gap <= GOAL * curvatures @ along**2 / 2
    return steps[np.argmax(arrived)] if arrived.any() else np.inf


def exact_rows(cells):
    """Linear regression is a quadratic: the steps are known to the step."""
    rows, off = [], []
    for (kind, features, seed), made in cells.items():
        for name in LINEAR:
            steps, eta = made["best"][name]
            if kind != "linear" or np.isinf(steps):
                continue
            exact = exact_steps(MATRICES[name], eta, made, np.arange(made["budget"] + 1))
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
        rule, J = so.gd(eta=eta), made["J"]
        predicted = so.theory.predict(J, rule, at=made["theta"]).per_decade / 2
        goals = J.value(made["theta"]) + made["gap"] * np.array([1e-8, 1e-11])
        steps = int(20 * predicted) + 100
        early, late = so.sweep(J, rule, ORIGIN, steps, targets=goals, best=False)["gd"][
            "hit"
        ].values
        what = f"logistic, {features}, gd at eta = {eta:.2g}: steps a decade of J - J*"
        note = "a step in three decades"
        rows.append(Row.within(what, predicted, (late - early) / 3, absolute=1 / 3, note=note))
    return rows


def claim_rows(cells, kind, widest):
    """The textbook's claims: ratios of steps, paired over the data sets."""
    plain, spread, cured = (steps_of(cells, kind, f) for f in ("S = 1", widest, "standardised"))
    rows = []
    for name in RULES:
        claim = {"relation": ">=", "bound": TWICE}
        if name in ADAPTIVE:
            claim = {"relation": "<=", "bound": TWICE, "more": "; one eta serves weights 1 and 1/S"}
        what = f"{kind}, {name}: steps at {widest} / at S = 1"
        rows.append(ratio_row(what, spread[name], plain[name], spread["budget"], **claim))
        what = f"{kind}, {name}: steps, standardised / at S = 1"
        rows.append(ratio_row(what, cured[name], plain[name], cured["budget"], bound=TWICE))
    for name in ADAPTIVE:
        what = f"{kind}, {widest}: steps, {name} / gd"
        rows.append(ratio_row(what, spread[name], spread["gd"], spread["budget"]))
    return rows


def steps_of(cells, kind, features):
    """Return the steps of every rule by data set, inf beyond the budget, and the budget."""
    chosen = [cells[kind, features, seed] for seed in SEEDS]
    steps = {name: np.array([made["best"][name][0] for made in chosen]) for name in RULES}
    return steps | {"budget": chosen[0]["budget"]}


def ratio_row(what, ours, theirs, budget, relation="<=", bound=1, more=""):
    """The median ratio, with the 95 % confidence of the sign test."""
    median, low, high = stats.steps_ratio(ours, theirs, budget)
    late = np.isinf(ours).sum()
    if late:
        more += f"; {late} of {len(ours)} did not arrive, and count as the budget"
    return Row(what, bound, median, low, high, len(ours), relation, "sign interval" + more)


def plot(outcome):
    """Steps against the spread of the scales; standardised apart."""
    figure, axes = drawing.panels(2, (11.5, 4.8), sharey=True)
    places = [*(f"S = {spread}" for spread in outcome.data["spreads"]), "standardised"]
    for ax, kind in zip(axes, ("linear", "logistic"), strict=True):
        draw_panel(ax, outcome.data["cells"], kind, places)
        ax.set(
            yscale="log", xlabel="scales of the two features: 1 and S", title=f"{kind} regression"
        )
    axes[0].set_ylabel("steps to 1/1000 of the first gap, at the best η")
    axes[1].legend(frameon=False, loc="center left", bbox_to_anchor=(1.01, 0.5))
    return {"scales": figure}


def draw_panel(ax, cells, kind, places):
    """Medians over the data sets; a triangle at the budget where most did not arrive."""
    found = [steps_of(cells, kind, features) for features in places]
    budgets, x = np.array([steps["budget"] for steps in found]), np.arange(len(places))
    for k, name in enumerate(RULES):
        medians = np.array([np.median(steps[name]) for steps in found])
        late, look = np.isinf(medians), {"color": so.plot.line_style(k)["color"]}
        ax.plot(x[:-1], np.where(late, np.nan, medians)[:-1], lw=1.2, **look)
        ax.plot(x[~late], medians[~late], "o", ms=5, label=name, **look)
        ax.plot(x[late], budgets[late], "^", ms=6 + 2 * k, mfc="none", **look)
        if name in LINEAR:
            known = [exact_median(cells, kind, features, name) for features in places[:-1]]
            ax.plot(x[:-1], known, "--", lw=1, label=f"{name}, predicted", **look)
    ax.plot([], [], "^", color="0.4", ms=9, mfc="none", label="longer than the budget")
    ax.set_xticks(x, [place.removeprefix("S = ") for place in places])
    ax.axvspan(x[-1] - 0.5, x[-1] + 0.5, color="0.94", zorder=0)


def exact_median(cells, kind, features, name):
    """Return the median over the data sets of the steps at the best learning rate, by powers."""
    steps, found = np.unique(np.geomspace(1, 1e7, 600).round()), []
    for seed in SEEDS:
        made = cells[kind, features, seed]
        found.append(min(exact_steps(MATRICES[name], eta, made, steps) for eta in ETAS))
    return np.median(found)


if __name__ == "__main__":
    main(__file__)
