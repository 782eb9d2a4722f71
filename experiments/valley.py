"""Valley: how the condition number slows each rule down, at its best and at a textbook's."""

import numpy as np
import sympy as sp

import symopt as so
from symopt.harness import Outcome, Row, drawing, main, stats

CLAIM = (
    "In a valley of condition number kappa gradient descent needs about kappa steps a decade, "
    "momentum and Nesterov's rule about sqrt(kappa), if their parameters are chosen for that "
    "valley."
)

x, y = sp.symbols("x y", real=True)
kappa = sp.Symbol("kappa", positive=True)
J = so.Cost((x**2 + kappa * y**2) / 2, params=[x, y])
root, wide = sp.sqrt(kappa), sp.sqrt(3 * kappa + 1)
POLYAK = {"eta": 4 / (1 + root) ** 2, "beta": ((root - 1) / (root + 1)) ** 2}
NESTEROV = {"eta": 1 / kappa, "beta": (root - 1) / (root + 1)}
LESSARD = {"eta": 4 / (3 * kappa + 1), "beta": (wide - 2) / (wide + 2)}
BEST = {  # the rule, its parameters, and the factor per step that the papers give for them
    "gd, best": (so.gd, {"eta": 2 / (1 + kappa)}, (kappa - 1) / (kappa + 1)),
    "momentum, best": (so.momentum, POLYAK, (root - 1) / (root + 1)),
    "nesterov, standard": (so.nesterov, NESTEROV, 1 - 1 / root),
    "nesterov, best": (so.nesterov, LESSARD, 1 - 2 / wide),
}
TEXTBOOK = {  # eta = 1/kappa, one over the largest curvature, for all
    "gd, textbook": so.gd,
    "momentum, textbook": so.momentum(beta=0.9),
    "nesterov, textbook": so.nesterov(beta=0.9),
}
DECADES = 60  # where two eigenvalues have the same size, 12 decades tell a factor to 1e-5 only


def theory():
    """The papers' factors (Polyak 1964; Lessard, Recht and Packard 2016) and their matrices."""
    found = {}
    for name, (_, values, factor) in BEST.items():
        found |= {f"{p} of {name}": value for p, value in values.items()}
        found[f"factor per step, {name}"] = factor
    for rule in TEXTBOOK.values():
        found[f"matrix of {rule.name}"] = so.theory.linearize(rule)
    return found | {"factor per step, textbook": "the largest modulus of their eigenvalues"}


def rules(k):
    """Return every rule at condition number k, and its factor per step."""
    found = {}
    for name, (rule, values, factor) in BEST.items():
        numbers = {p: float(value.subs(kappa, k)) for p, value in values.items()}
        found[name] = rule(**numbers), float(factor.subs(kappa, k))
    for name, rule in TEXTBOOK.items():
        found[name] = rule(eta=1 / k), so.theory.rate(rule(eta=1 / k), [1, k])
    return found


def per_decade(factor):
    """Return the steps for a factor 10 in |theta|."""
    return -np.log(10) / np.log(factor)


def run(quick=False):
    """Fall by sixty decades along both axes, and fit the rate of |theta|."""
    conditions = [10.0**d for d in range(1, 5 if quick else 7)]
    rows, predicted, found = [], {}, {}
    for k in conditions:
        for name, (rule, factor) in rules(k).items():
            predicted[name, k] = per_decade(factor)
            found[name, k] = so.measure.rate(fall(rule, k, factor), minimum=[0, 0])
            rows.append(steps_row(name, k, predicted[name, k], found[name, k]))
    rows += [ratio_row("best", "about sqrt(kappa)", k, predicted, found) for k in conditions]
    rows.append(ratio_row("textbook", "about 1/(1 - beta) = 10", conditions[-1], predicted, found))
    settings = {"kappa": conditions, "start": [1, 1], "textbook": "eta = 1/kappa, beta = 0.9"}
    return Outcome(rows, {"found": found, "conditions": conditions}, settings)


def fall(rule, k, factor):
    """Run for as many steps as theory expects, and record 2000 of them."""
    steps = int(DECADES * per_decade(factor))
    record = np.unique(np.linspace(0, steps, 2001).astype(int))
    return so.minimize(J, rule, [1.0, 1.0], steps, record=record, kappa=k)


def interval(rate):
    """Return the fit's interval in steps a decade, and its digits."""
    return per_decade(np.array(rate.interval)) * [1 - stats.DIGITS, 1 + stats.DIGITS]


def steps_row(name, k, predicted, rate):
    """Steps a decade: the fit's interval is that of one run, from its residuals."""
    what = f"kappa = {k:g}, {name}: steps a decade"
    note = f"{rate.regime} in {rate.n} points; the fit's interval, and 1e-6"
    return Row(what, predicted, rate.per_decade, *interval(rate), note=note)


def ratio_row(setting, about, k, predicted, found):
    """What momentum saves."""
    gd, momentum = (f"gd, {setting}", k), (f"momentum, {setting}", k)
    (low, high), (least, most) = interval(found[gd]), interval(found[momentum])
    return Row(
        f"kappa = {k:g}, {setting}: steps of gd over those of momentum",
        predicted[gd] / predicted[momentum],
        found[gd].per_decade / found[momentum].per_decade,
        low / most,
        high / least,
        n=2,
        note=f"{about}; from both intervals",
    )


def plot(outcome):
    """Left steps a decade over kappa; right the fall in one valley. Predictions are dashed."""
    figure, (left, right) = drawing.panels(2, (11, 4.8))
    draw_steps(left, **outcome.data)
    runs, factors = {}, {}
    for name in BEST:
        rule, factor = rules(100.0)[name]
        runs[name] = so.minimize(J, rule, [1.0, 1.0], 400, kappa=100.0)
        factors[name] = factor**2
    so.plot.convergence(runs, ax=right, optimum=0.0, predicted=factors)
    right.set(title="κ = 100", ylim=(1e-21, 1e4))
    return {"valley": figure}


def draw_steps(ax, found, conditions):
    """Draw a colour for each rule, filled for its best parameters, open for the textbook's."""
    k = np.geomspace(conditions[0], conditions[-1], 40)
    lines = [rules(one) for one in k]
    places = {"gd": 0, "momentum": 1, "nesterov": 2}
    looks = {"best": {"marker": "o"}, "standard": {"marker": "^"}}
    looks["textbook"] = {"marker": "s", "mfc": "none"}
    for name in lines[0]:
        rule, setting = name.split(", ")
        size = 9 if name == "momentum, textbook" else 6  # Nesterov's lie within
        drawing.draw_predicted(ax, k, [per_decade(line[name][1]) for line in lines])
        measured = [found[name, c].per_decade for c in conditions]
        look = {**looks[setting], "ms": size}
        drawing.draw_measured(ax, conditions, measured, places[rule], name, **look)
    drawing.draw_predicted(ax, [], [], "predicted")
    ax.set(xscale="log", yscale="log", xlabel="condition number κ")
    ax.set_ylabel("steps for a factor 10 in |θ|")
    ax.legend(frameon=False)


if __name__ == "__main__":
    main(__file__)
