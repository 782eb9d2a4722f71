"""Nesterov against momentum: at equal learning rate and momentum one damps, the other endures."""

import numpy as np
import sympy as sp
from matplotlib.figure import Figure

import symopt as so
from symopt.laboratory import Outcome, Row, main

CLAIM = (
    "At equal eta and beta Nesterov's rule damps oscillations that momentum keeps; "
    "but its largest stable eta shrinks with beta, where momentum's grows."
)

x = sp.Symbol("x")
BOWL = so.Cost(x**2 / 2, params=[x])
ROSENBROCK = so.parse("100*(y-x^2)^2 + (1-x)^2")
RULES = {"momentum": so.momentum, "nesterov": so.nesterov}
BETAS = [0.0, 0.5, 0.9, 0.99]
SETTINGS = [(0.1, 0.9), (0.9, 0.9), (1.3, 0.9), (0.5, 0.5)]  # eta*lambda and beta on the bowl


def theory():
    """What the rules' equations say on J = lambda*theta**2/2."""
    return {
        **{f"largest stable eta, {name}": so.theory.stability_limit(rule) for name, rule in RULES.items()},
        **{f"matrix, {name}": so.theory.linearize(rule) for name, rule in RULES.items()},
        "factor per step": "the largest modulus of an eigenvalue of the matrix",
        "sign changes per step": "the angle of that eigenvalue over pi",
    }


def run(quick=False):
    """Measure limits by a fine grid of learning rates, rates by fits, oscillations by counting."""
    rows = [row for name, rule in RULES.items() for row in limit_rows(name, rule, quick)]
    for eta, beta in SETTINGS:
        for name, rule in RULES.items():
            rows += bowl_rows(name, rule(eta=eta, beta=beta))
    rows += [valley_row(name, rule(eta=1e-3, beta=0.9)) for name, rule in RULES.items()]
    planes = {name: plane(rule, 40 if quick else 120) for name, rule in RULES.items()}
    return Outcome(
        rows, {"planes": planes}, {"J": "x^2/2, and Rosenbrock's valley", "beta": BETAS, "eta, beta": SETTINGS}
    )


def limit_rows(name, rule, quick):
    """The largest learning rate at which |theta| has not grown, and the next on the grid."""
    etas, steps = np.linspace(0.005, 4.5, 900 if quick else 9000), 4000 if quick else 40_000
    study = so.sweep(BOWL, rule(eta=etas, beta=BETAS), [1.0], steps, best=False)[rule.name]
    stays = (study["loss"] < 0.5).transpose("beta", "eta")
    rows = []
    for beta, row in zip(BETAS, stays.values, strict=True):
        first = int(row.argmin())
        limit = so.theory.stability_limit(rule(beta=beta), 1.0)
        measured = (etas[first - 1] + etas[first]) / 2
        note = "between two learning rates of the grid"
        rows.append(
            Row(
                f"{name}, beta = {beta:g}: largest stable eta*lambda",
                limit,
                measured,
                etas[first - 1],
                etas[first],
                note=note,
            )
        )
    return rows


def bowl_rows(name, rule):
    """Rate and sign changes on the bowl."""
    eta, beta = rule.values["eta"], rule.values["beta"]
    matrix = so.theory.linearize(rule).subs({"eta": eta, sp.Symbol("beta"): beta, sp.Symbol("lambda"): 1})
    z = max(np.linalg.eigvals(np.array(matrix.tolist(), dtype=float)), key=abs)
    steps = min(4000, int(300 / -np.log10(abs(z)))) if 0 < abs(z) < 1 else 100
    path = so.minimize(BOWL, rule, [1.0], steps).history["theta"].values[:, 0]
    rate = so.measure.rate(np.abs(path))
    where = f"{name}, eta*lambda = {eta:g}, beta = {beta:g}"
    rows = [
        Row(
            f"{where}: factor per step",
            so.theory.rate(rule, 1.0),
            rate.factor,
            *rate.interval,
            rate.n,
            note=rate.regime,
        )
    ]
    changes = np.count_nonzero(np.diff(np.sign(path[path != 0]))) / steps
    what = f"{where}: sign changes per step"
    return [
        *rows,
        Row.within(what, abs(np.angle(z)) / np.pi, changes, absolute=1.5 / steps, note="one and a half in all steps"),
    ]


def valley_row(name, rule):
    """The rate near Rosenbrock's minimum."""
    rate = so.measure.rate(so.minimize(ROSENBROCK, rule, [-1.2, 1.0], 8000))
    predicted = so.theory.predict(ROSENBROCK, rule, at=[1, 1]).rate
    return Row(
        f"Rosenbrock, {name}, eta = 0.001, beta = 0.9: factor per step",
        predicted,
        rate.factor,
        *rate.interval,
        rate.n,
        note=rate.regime,
    )


def plane(rule, n):
    """Return the factor per step over learning rate and momentum; above 1 where |theta| grows."""
    etas, betas = np.linspace(0.02, 4.2, n), np.linspace(0, 0.98, n)
    steps = [299, 300]
    history = so.sweep(BOWL, rule(eta=etas, beta=betas), [1.0], 300, record=steps, limit=1e200)[rule.name][
        "history_theta"
    ]
    size = np.sqrt((history.isel(param=0) ** 2).sum("step", skipna=False)) + 1e-300
    return (size ** (1 / 300)).fillna(2.0)


def plot(outcome):
    """The planes of learning rate and momentum, with the limit from theory; and a run of each rule."""
    figure = Figure(figsize=(14, 4.2), layout="constrained")
    *planes, right = figure.subplots(1, 3)
    for ax, (name, factors) in zip(planes, outcome.data["planes"].items(), strict=True):
        so.plot.stability(factors, boundary=RULES[name], ax=ax, eigenvalue=1.0)
        ax.set_title(name)
    for k, (name, rule) in enumerate(RULES.items()):
        path = so.minimize(BOWL, rule(eta=0.1, beta=0.9), [1.0], 60).history["theta"].isel(param=0)
        right.plot(path["step"], path, label=name, **so.plot.line_style(k))
    right.axhline(0, color="0.7", linewidth=0.8, zorder=0)
    right.set(xlabel="step", ylabel="θ", title="η λ = 0.1, β = 0.9")
    right.legend(frameon=False)
    return {"planes": figure}


if __name__ == "__main__":
    main(__file__)
