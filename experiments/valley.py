"""Valley: how the condition number slows each rule down."""

import numpy as np
import sympy as sp
from matplotlib.figure import Figure

import symopt as so
from symopt.laboratory import Outcome, Row, main

CLAIM = (
    "In a valley of condition number kappa gradient descent needs about kappa steps a decade, "
    "momentum at its best parameters about sqrt(kappa)."
)

x, y, kappa = sp.symbols("x y kappa", positive=True)
J = so.Cost((x**2 + kappa * y**2) / 2, params=[x, y])
root, wide = sp.sqrt(kappa), sp.sqrt(3 * kappa + 1)
BEST = {  # each rule at its own best parameters, and the factor per step that its paper gives for them
    "gd": (so.gd, {"eta": 2 / (1 + kappa)}, (kappa - 1) / (kappa + 1)),
    "momentum": (
        so.momentum,
        {"eta": 4 / (1 + root) ** 2, "beta": ((root - 1) / (root + 1)) ** 2},
        (root - 1) / (root + 1),
    ),
    "nesterov, standard": (so.nesterov, {"eta": 1 / kappa, "beta": (root - 1) / (root + 1)}, 1 - 1 / root),
    "nesterov": (so.nesterov, {"eta": 4 / (3 * kappa + 1), "beta": (wide - 2) / (wide + 2)}, 1 - 2 / wide),
}
TEXTBOOK = {"gd": so.gd, "momentum": so.momentum(beta=0.9), "nesterov": so.nesterov(beta=0.9)}  # all with eta = 1/kappa
DECADES = 12
RESOLUTION = 1e-3  # what a run of so many decades tells of a limit: where roots rho and -rho meet, no law is exact


def per_decade(factor):
    """Return the steps for a factor 10 in |theta|."""
    return -np.log(10) / np.log(factor)


def theory():
    """The papers' factors (Polyak 1964; Lessard, Recht and Packard 2016), and the matrices they are the radii of."""
    matrices = {f"matrix of {name}": so.theory.linearize(rule) for name, rule in TEXTBOOK.items()}
    return {f"factor of {name}, best parameters": factor for name, (_, _, factor) in BEST.items()} | matrices


def rules(k):
    """Return every rule at condition number k, with the paper's factor where there is one."""
    at = {kappa: k}
    best = {
        f"{name}, best": (rule(**{p: float(v.subs(at)) for p, v in values.items()}), float(factor.subs(at)))
        for name, (rule, values, factor) in BEST.items()
    }
    return best | {f"{name}, textbook": (rule(eta=1 / k), None) for name, rule in TEXTBOOK.items()}


def run(quick=False):
    """Fall by twelve decades along both axes, and fit the rate."""
    conditions = [10.0**d for d in range(1, 5 if quick else 7)]
    rows, found = [], {}
    for k in conditions:
        for name, (rule, factor) in rules(k).items():
            derived = so.theory.rate(rule, [1, k])
            found[name, k] = rate = so.measure.rate(fall(rule, k, derived), minimum=[0, 0])
            low, high = per_decade(np.array(rate.interval)) * [1 - RESOLUTION, 1 + RESOLUTION]
            what, note = f"kappa = {k:g}, {name}: steps a decade", f"{rate.regime}; the fit's interval and 1 in 1000"
            rows.append(Row(what, per_decade(factor or derived), rate.per_decade, low, high, rate.n, note=note))
    settings = {"kappa": conditions, "start": [1, 1], "decades": DECADES}
    return Outcome(rows, {"found": found, "conditions": conditions}, settings)


def fall(rule, k, factor):
    """Run for as many steps as theory expects, and record 2000 of them."""
    steps = int(DECADES * np.log(10) / -np.log(factor))
    return so.minimize(J, rule, [1.0, 1.0], steps, record=np.unique(np.linspace(0, steps, 2001).astype(int)), kappa=k)


def plot(outcome):
    """Left steps a decade over kappa; right the fall in one valley. Predictions are dashed."""
    figure = Figure(figsize=(11.5, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    found, conditions = outcome.data["found"], outcome.data["conditions"]
    k = np.geomspace(conditions[0], conditions[-1], 60)
    for q, name in enumerate(rules(10.0)):
        style = so.plot.line_style(q)
        predicted = [per_decade(so.theory.rate(rules(one)[name][0], [1, one])) for one in k]
        left.plot(k, predicted, "--", color=style["color"], linewidth=1)
        left.plot(
            conditions, [found[name, c].per_decade for c in conditions], "os^vDP*"[q], color=style["color"], label=name
        )
    left.set(xscale="log", yscale="log", xlabel="condition number κ", ylabel="steps for a factor 10 in |θ|")
    left.legend(frameon=False)
    shown = {name: rule for name, (rule, _) in rules(100.0).items() if name.endswith("best")}
    runs = {name: so.minimize(J, rule, [1.0, 1.0], 400, kappa=100.0) for name, rule in shown.items()}
    slopes = {name: so.theory.rate(rule, [1, 100.0]) ** 2 for name, rule in shown.items()}
    so.plot.convergence(runs, ax=right, optimum=0.0, predicted=slopes)
    right.set_title("κ = 100")
    return {"valley": figure}


if __name__ == "__main__":
    main(__file__)
