"""Nesterov against momentum near Rosenbrock's minimum, where no cost is a quadratic."""

import numpy as np
import sympy as sp

import symopt as so
from symopt.harness import Outcome, Row, drawing, linear_rules, main, stats

CLAIM = (
    "Near the minimum of a cost that is no quadratic, rates, oscillations and the largest stable "
    "eta of both rules are those of the quadratic with the same Hessian."
)

x, y = sp.symbols("x y")
J = so.parse("100*(y-x^2)^2 + (1-x)^2")
RULES = {"momentum": so.momentum, "nesterov": so.nesterov}
PAIRS = [(1e-3, 0.9), (2e-4, 0.99)]  # eta and beta
CURVATURES, DIRECTIONS = np.linalg.eigh(J.hessian([1, 1]))
STEEP, ACROSS = CURVATURES[-1], DIRECTIONS[:, -1]


def theory():
    """The eigenvalues of the Hessian stand for lambda in the rules' matrices."""
    hessian = sp.hessian(100 * (y - x**2) ** 2 + (1 - x) ** 2, (x, y)).subs({x: 1, y: 1})
    matrices = {f"matrix, {name}": so.theory.linearize(rule) for name, rule in RULES.items()}
    return {"Hessian at the minimum": hessian} | matrices


def run(quick=False):
    """Go down the valley; then swing across it; then look for the limit."""
    etas, rows = np.geomspace(1e-3, 5e-3, 800 if quick else 4000), []
    for name, rule in RULES.items():
        rows += [valley_row(name, rule(eta=eta, beta=beta)) for eta, beta in PAIRS]
        rows.append(crossing_row(name, rule(eta=1e-4, beta=0.9)))
        rows.append(limit_row(name, rule(beta=0.9), etas))
    return Outcome(rows, {}, {"J": J.expression, "eta, beta": PAIRS})


def valley_row(name, rule):
    """The rate near the minimum, after the way along the valley."""
    rate = so.measure.rate(so.minimize(J, rule, [-1.2, 1.0], 8000))
    where = f"Rosenbrock, {name}, eta = {rule.values['eta']:g}, beta = {rule.values['beta']:g}"
    predicted = so.theory.predict(J, rule, at=[1, 1]).rate
    return stats.fitted(f"{where}: factor per step", predicted, rate)


def swings(rule, steps=100):
    """Return how far a run is across the valley, from a start on its steep side."""
    path = so.minimize(J, rule, 1 + 1e-4 * ACROSS, steps).history["theta"].values
    return (path - 1) @ ACROSS


def crossing_row(name, rule):
    """Sign changes across the valley, near the minimum."""
    turn = linear_rules.leading_eigenvalue(rule, STEEP)
    return Row.within(
        f"Rosenbrock, {name}, eta = 0.0001, beta = 0.9: sign changes in 100 steps",
        predicted=100 * abs(np.angle(turn)) / np.pi,
        measured=np.count_nonzero(np.diff(np.sign(swings(rule)))),
        absolute=1,
        note="one sign change",
    )


def limit_row(name, rule, etas):
    """The last learning rate at which J falls, and the next on the grid."""
    start, record = 1 + 1e-6 * ACROSS, [0, 500, 1000]
    study = so.sweep(J, rule(eta=etas), start, 1000, record=record, best=False)
    first, middle, end = study[name]["history_loss"].transpose("step", "eta").values
    return Row.between(
        f"Rosenbrock, {name}, beta = 0.9: largest stable eta",
        so.theory.stability_limit(rule, STEEP),
        stats.bracket(etas, (end <= middle) | (end < 1e-12 * first)),
        n=len(etas),
        note="between two learning rates of the grid",
    )


def plot(outcome):
    """Swings across the valley; dashed: those of the quadratic with the same Hessian."""
    figure, ax = drawing.panels(1, (6.4, 4.4))
    for k, (name, rule) in enumerate(RULES.items()):
        chosen = rule(eta=1e-4, beta=0.9)
        ax.plot(swings(chosen), label=name, **so.plot.line_style(k))
        predicted = 1e-4 * linear_rules.path_from_rest(chosen, STEEP, 100)
        drawing.draw_predicted(ax, np.arange(101), predicted, "" if k else "predicted")
    ax.set(xlabel="step", ylabel="distance across the valley", title="η = 10⁻⁴, β = 0.9")
    ax.legend(frameon=False, loc="upper right")
    return {"swings": figure}


if __name__ == "__main__":
    main(__file__)
