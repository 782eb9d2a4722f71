"""Nesterov against momentum on a bowl: one damps, the other endures."""

import numpy as np
import sympy as sp

import symopt as so
from symopt.harness import Outcome, Row, drawing, linear_rules, main, stats

CLAIM = (
    "At equal eta and beta Nesterov's rule damps oscillations that momentum keeps; but its largest "
    "stable eta shrinks with beta, where momentum's grows."
)

x = sp.Symbol("x")
BOWL = so.Cost(x**2 / 2, params=[x])
RULES = {"momentum": so.momentum, "nesterov": so.nesterov}
BETAS = [0.0, 0.5, 0.9, 0.99]
PAIRS = [(0.002, 0.9), (0.1, 0.9), (0.9, 0.9), (1.35, 0.9), (1.5, 0.9), (0.5, 0.5)]  # eta, beta


def theory():
    """What the rules' equations say on J = lambda*theta**2/2."""
    found = {}
    for name, rule in RULES.items():
        found[f"largest stable eta, {name}"] = so.theory.stability_limit(rule)
        found[f"matrix, {name}"] = so.theory.linearize(rule)
    return found | {
        "factor per step": "the largest modulus of an eigenvalue of the matrix",
        "sign changes per step": "the angle of that eigenvalue over pi",
        "theta after k steps from 1 at rest": "the first entry of the matrix to the power k",
    }


def run(quick=False):
    """Measure limits on a fine grid of learning rates, rates by fits, oscillations by counting."""
    etas, rows = np.geomspace(1, 4.5, 800 if quick else 4000), []
    for name, rule in RULES.items():
        rows += limit_rows(name, rule, etas)
    for eta, beta in PAIRS:
        for name, rule in RULES.items():
            rows += bowl_rows(name, rule(eta=eta, beta=beta))
    rows += [overshoot_row(name, rule(eta=0.1, beta=0.9)) for name, rule in RULES.items()]
    settings = {"J": "x^2/2 (lambda = 1)", "beta": BETAS, "eta*lambda, beta": PAIRS}
    return Outcome(rows, {}, settings)


def limit_rows(name, rule, etas):
    """The last learning rate at which J falls, and the next on the grid."""
    rule_on_grid, record = rule(eta=etas, beta=BETAS), [0, 2000, 4000]
    study = so.sweep(BOWL, rule_on_grid, [1.0], 4000, record=record, best=False)
    losses = study[name]["history_loss"].transpose("step", "beta", "eta").values
    falls = (losses[2] <= losses[1]) | (losses[2] < 1e-12 * losses[0])
    return [
        Row.between(
            f"{name}, beta = {beta:g}: largest stable eta",
            so.theory.stability_limit(rule(beta=beta), 1.0),
            stats.bracket(etas, stable),
            n=len(etas),
            note="between two learning rates of the grid",
        )
        for beta, stable in zip(BETAS, falls, strict=True)
    ]


def bowl_rows(name, rule):
    """The factor per step, and how often theta changes its sign."""
    turn = linear_rules.leading_eigenvalue(rule, 1.0)
    steps = min(4000, int(300 / abs(np.log10(abs(turn)))))
    path = so.minimize(BOWL, rule, [1.0], steps, limit=1e300).history["theta"].values[:, 0]
    where = f"{name}, eta*lambda = {rule.values['eta']:g}, beta = {rule.values['beta']:g}"
    rate = so.measure.rate(np.abs(path))
    changes = np.count_nonzero(np.diff(np.sign(path[path != 0])))
    return [
        stats.fitted(f"{where}: factor per step", so.theory.rate(rule, 1.0), rate),
        Row.within(
            f"{where}: sign changes per step",
            predicted=abs(np.angle(turn)) / np.pi,
            measured=changes / steps,
            absolute=1 / steps,
            note=f"one in {steps} steps",
        ),
    ]


def overshoot_row(name, rule):
    """How far the first swing goes beyond the minimum."""
    predicted = -linear_rules.path_from_rest(rule, 1.0, 59).min()
    path = so.minimize(BOWL, rule, [1.0], 60).history["theta"].values
    what = f"{name}, eta*lambda = 0.1, beta = 0.9: overshoot, in units of the start"
    return Row.within(what, predicted, -float(path.min()), absolute=1e-12, note="rounding")


def plot(outcome):
    """Two paths between their predicted decays."""
    figure, ax = drawing.panels(1, (6.4, 4.4))
    for k, (name, rule) in enumerate(RULES.items()):
        draw_path(ax, name, rule(eta=0.1, beta=0.9), so.plot.line_style(k))
    drawing.draw_predicted(ax, [], [], "predicted decay")
    ax.set(xlabel="step", ylabel="θ", title="η λ = 0.1, β = 0.9", ylim=(-1, 1.4))
    ax.legend(frameon=False, loc="upper right")
    return {"damping": figure}


def draw_path(ax, name, rule, style):
    """Draw a path on the bowl, and its predicted decay through the crest of the second swing."""
    path = so.minimize(BOWL, rule, [1.0], 60).history["theta"].values[:, 0]
    ax.plot(path, label=name, **style)
    crest = 15 + int(np.argmax(path[15:]))
    steps = np.arange(5, 61)
    decay = path[crest] * so.theory.rate(rule, 1.0) ** (steps - crest)
    drawing.draw_predicted(ax, steps, decay)
    drawing.draw_predicted(ax, steps, -decay)


if __name__ == "__main__":
    main(__file__)
