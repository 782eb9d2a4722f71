"""Valley: how the condition number slows each rule down, at its best and at a textbook's."""

import numpy as np
import sympy as sp
from matplotlib.figure import Figure

import symopt as so
from symopt.harness import Outcome, Row, main
from symopt.plot._style import PREDICTED

CLAIM = (
    "In a valley of condition number kappa gradient descent needs about kappa steps a decade, "
    "momentum and Nesterov's rule about sqrt(kappa), if their parameters are chosen for that "
    "valley."
)

x, y = sp.symbols("x y", real=True)
kappa = sp.Symbol("kappa", positive=True)
J = so.Cost((x**2 + kappa * y**2) / 2, params=[x, y])
root, wide = sp.sqrt(kappa), sp.sqrt(3 * kappa + 1)
BEST = {  # the rule, its parameters, and the factor per step that the papers give for them
    "gd, best": (so.gd, {"eta": 2 / (1 + kappa)}, (kappa - 1) / (kappa + 1)),
    "momentum, best": (
        so.momentum,
        {"eta": 4 / (1 + root) ** 2, "beta": ((root - 1) / (root + 1)) ** 2},
        (root - 1) / (root + 1),
    ),
    "nesterov, standard": (
        so.nesterov,
        {"eta": 1 / kappa, "beta": (root - 1) / (root + 1)},
        1 - 1 / root,
    ),
    "nesterov, best": (
        so.nesterov,
        {"eta": 4 / (3 * kappa + 1), "beta": (wide - 2) / (wide + 2)},
        1 - 2 / wide,
    ),
}
TEXTBOOK = {  # eta = 1/kappa, one over the largest curvature, for all
    "gd, textbook": so.gd,
    "momentum, textbook": so.momentum(beta=0.9),
    "nesterov, textbook": so.nesterov(beta=0.9),
}
# where two eigenvalues have the same size no law is exact: 12 decades tell a factor to 1e-5 only
DECADES = 60
DIGITS = 1e-6  # relative, of steps a decade


def per_decade(factor):
    """Return the steps for a factor 10 in |theta|."""
    return -np.log(10) / np.log(factor)


def theory():
    """The papers' factors (Polyak 1964; Lessard, Recht and Packard 2016) and their matrices."""
    chosen = {
        f"{p} of {name}": value
        for name, (_, values, _) in BEST.items()
        for p, value in values.items()
    }
    factors = {f"factor per step, {name}": factor for name, (_, _, factor) in BEST.items()}
    matrices = {f"matrix of {rule.name}": so.theory.linearize(rule) for rule in TEXTBOOK.values()}
    return (
        chosen
        | factors
        | matrices
        | {"factor per step, textbook": "the largest modulus of their eigenvalues"}
    )


def rules(k):
    """Return every rule at condition number k, and its factor per step."""
    best = {
        name: (
            rule(**{p: float(v.subs(kappa, k)) for p, v in values.items()}),
            float(factor.subs(kappa, k)),
        )
        for name, (rule, values, factor) in BEST.items()
    }
    textbook = {name: rule(eta=1 / k) for name, rule in TEXTBOOK.items()}
    return best | {name: (rule, so.theory.rate(rule, [1, k])) for name, rule in textbook.items()}


def run(quick=False):
    """Fall by sixty decades along both axes, and fit the rate of |theta|."""
    conditions = [10.0**d for d in range(1, 5 if quick else 7)]
    cases = [
        (k, name, rule, factor) for k in conditions for name, (rule, factor) in rules(k).items()
    ]
    predicted = {(name, k): per_decade(factor) for k, name, _, factor in cases}
    found = {
        (name, k): so.measure.rate(fall(rule, k, factor), minimum=[0, 0])
        for k, name, rule, factor in cases
    }
    rows = [steps_row(name, k, predicted[name, k], found[name, k]) for k, name, _, _ in cases]
    rows += [ratio_row("best", "about sqrt(kappa)", k, predicted, found) for k in conditions]
    rows.append(ratio_row("textbook", "about 1/(1 - beta) = 10", conditions[-1], predicted, found))
    settings = {
        "kappa": conditions,
        "start": [1, 1],
        "decades": DECADES,
        "textbook": "eta = 1/kappa, beta = 0.9",
    }
    return Outcome(rows, {"found": found, "conditions": conditions}, settings)


def fall(rule, k, factor):
    """Run for as many steps as theory expects, and record 2000 of them."""
    steps = int(DECADES * per_decade(factor))
    return so.minimize(
        J,
        rule,
        [1.0, 1.0],
        steps,
        record=np.unique(np.linspace(0, steps, 2001).astype(int)),
        kappa=k,
    )


def interval(rate):
    """Return the fit's interval in steps a decade, and its digits."""
    return per_decade(np.array(rate.interval)) * [1 - DIGITS, 1 + DIGITS]


def steps_row(name, k, predicted, rate):
    """Steps a decade: the fit's interval is that of one run, from its residuals."""
    what, note = (
        f"kappa = {k:g}, {name}: steps a decade",
        f"{rate.regime} in {rate.n} points; the fit's interval, and 1e-6",
    )
    return Row(what, predicted, rate.per_decade, *interval(rate), note=note)


def ratio_row(setting, about, k, predicted, found):
    """What momentum saves."""
    gd, momentum = (f"{rule}, {setting}" for rule in ("gd", "momentum"))
    (low, high), (least, most) = interval(found[gd, k]), interval(found[momentum, k])
    ratio = found[gd, k].per_decade / found[momentum, k].per_decade
    what, note = (
        f"kappa = {k:g}, {setting}: steps of gd over those of momentum",
        f"{about}; from both intervals",
    )
    return Row(
        what,
        predicted[gd, k] / predicted[momentum, k],
        ratio,
        low / most,
        high / least,
        n=2,
        note=note,
    )


def plot(outcome):
    """Left steps a decade over kappa; right the fall in one valley. Predictions are dashed."""
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    draw_steps(left, **outcome.data)
    shown = {name: pair for name, pair in rules(100.0).items() if name in BEST}
    runs = {
        name: so.minimize(J, rule, [1.0, 1.0], 400, kappa=100.0)
        for name, (rule, _) in shown.items()
    }
    so.plot.convergence(
        runs,
        ax=right,
        optimum=0.0,
        predicted={name: factor**2 for name, (_, factor) in shown.items()},
    )
    right.set(title="κ = 100", ylim=(1e-21, 1e4))
    return {"valley": figure}


def draw_steps(ax, found, conditions):
    """Draw a colour for each rule, filled for its best parameters, open for the textbook's."""
    k = np.geomspace(conditions[0], conditions[-1], 40)
    lines = [rules(one) for one in k]
    colours = {
        rule: so.plot.line_style(q)["color"]
        for q, rule in enumerate(("gd", "momentum", "nesterov"))
    }
    for name in lines[0]:
        rule, setting = name.split(", ")
        marker = {"best": "o", "standard": "^", "textbook": "s"}[setting]
        face = "none" if setting == "textbook" else colours[rule]
        size = 9 if name == "momentum, textbook" else 6  # Nesterov's lie within
        ax.plot(k, [per_decade(line[name][1]) for line in lines], **PREDICTED)
        measured = [found[name, c].per_decade for c in conditions]
        ax.plot(conditions, measured, marker, ms=size, mfc=face, color=colours[rule], label=name)
    ax.plot([], [], label="predicted", **PREDICTED)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="condition number κ",
        ylabel="steps for a factor 10 in |θ|",
    )
    ax.legend(frameon=False)


if __name__ == "__main__":
    main(__file__)
