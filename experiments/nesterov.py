"""Nesterov against momentum: at equal learning rate and momentum one damps, the other endures."""

import numpy as np
import sympy as sp
from matplotlib.figure import Figure

import symopt as so
from symopt.harness import Outcome, Row, main
from symopt.plot._style import PREDICTED

CLAIM = (
    "At equal eta and beta Nesterov's rule damps oscillations that momentum keeps; "
    "but its largest stable eta shrinks with beta, where momentum's grows."
)

x, lam, beta = sp.symbols("x lambda beta")
BOWL = so.Cost(x**2 / 2, params=[x])
ROSENBROCK = so.parse("100*(y-x^2)^2 + (1-x)^2")
RULES = {"momentum": so.momentum, "nesterov": so.nesterov}
BETAS = [0.0, 0.5, 0.9, 0.99]
ON_BOWL = [
    (0.002, 0.9),
    (0.1, 0.9),
    (0.9, 0.9),
    (1.35, 0.9),
    (1.5, 0.9),
    (0.5, 0.5),
]  # eta*lambda and beta
IN_VALLEY = [(1e-3, 0.9), (2e-4, 0.99)]  # eta and beta on Rosenbrock
DIGITS = 1e-6  # relative, of a factor


def theory():
    """What the rules' equations say on J = lambda*theta**2/2."""
    return {
        **{
            f"largest stable eta, {name}": so.theory.stability_limit(rule)
            for name, rule in RULES.items()
        },
        **{f"matrix, {name}": so.theory.linearize(rule) for name, rule in RULES.items()},
        "factor per step": "the largest modulus of an eigenvalue of the matrix",
        "sign changes per step": "the angle of that eigenvalue over pi",
        "theta after k steps from rest": (
            "the first entry of the matrix to the power k, times the start"
        ),
    }


def matrix(rule, eigenvalue=1.0):
    """Return the matrix of a rule's step with its own numbers."""
    known = {sp.Symbol(name): value for name, value in rule.hyperparameters.items()} | {
        lam: eigenvalue
    }
    return np.array(so.theory.linearize(rule).subs(known).tolist(), dtype=float)


def run(quick=False):
    """Measure limits on a fine grid of learning rates, rates by fits, oscillations by counting."""
    rows, n = [], 800 if quick else 4000
    for name, rule in RULES.items():
        rows += limit_rows(f"{name}, ", BOWL, rule, [1.0], np.geomspace(1, 4.5, n), BETAS)
    for eta, b in ON_BOWL:
        rows += [
            row for name, rule in RULES.items() for row in bowl_rows(name, rule(eta=eta, beta=b))
        ]
    rows += [overshoot_row(name, rule(eta=0.1, beta=0.9)) for name, rule in RULES.items()]
    for name, rule in RULES.items():
        rows += [valley_row(name, rule(eta=eta, beta=b)) for eta, b in IN_VALLEY]
        rows.append(crossing_row(name, rule(eta=1e-4, beta=0.9)))
        near, etas = stiff(1e-6)[0], np.geomspace(1e-3, 5e-3, n)
        rows += limit_rows(f"Rosenbrock, {name}, ", ROSENBROCK, rule, near, etas, [0.9], steps=1000)
    planes = {name: plane(rule, 34 if quick else 100) for name, rule in RULES.items()}
    rows += [plane_row(name, planes[name]) for name in RULES]
    settings = {
        "J": "x^2/2 (lambda = 1), and Rosenbrock's valley",
        "beta": BETAS,
        "eta*lambda, beta": ON_BOWL,
    }
    return Outcome(rows, {"planes": planes}, settings)


def stiff(distance):
    """Return a point on the steep side of Rosenbrock's minimum, and the direction from there."""
    values, vectors = np.linalg.eigh(ROSENBROCK.hessian([1, 1]))
    return 1 + distance * vectors[:, -1], vectors[:, -1], values[-1]


def limit_rows(where, cost, rule, start, etas, betas, steps=4000):
    """The last learning rate at which J falls, and the next on the grid."""
    record = [0, steps // 2, steps]
    study = so.sweep(
        cost, rule(eta=etas, beta=betas), start, steps, record=record, paths=False, best=False
    )
    first, middle, end = study[rule.name]["history_loss"].transpose("step", "beta", "eta").values
    rows, eigenvalue = [], np.linalg.eigvalsh(cost.hessian(np.round(start)))[-1]
    for b, stable in zip(betas, (end <= middle) | (end < 1e-12 * first), strict=True):
        low, high = etas[stable.argmin() - 1], etas[stable.argmin()]
        limit = so.theory.stability_limit(rule(beta=b), eigenvalue)
        what, note = (
            f"{where}beta = {b:g}: largest stable eta",
            "between two learning rates of the grid",
        )
        rows.append(Row(what, limit, (low + high) / 2, low, high, len(etas), note=note))
    return rows


def fitted(quantity, predicted, rate):
    """A factor per step with the fit's interval; for errors that grow there is none, but digits."""
    low, high = np.nan_to_num(rate.interval, nan=rate.factor) * [1 - DIGITS, 1 + DIGITS]
    note = f"{rate.regime} in {rate.n} points; the fit's interval, and 1e-6 of it"
    return Row(f"{quantity}: factor per step", predicted, rate.factor, low, high, note=note)


def bowl_rows(name, rule):
    """Rate and sign changes on the bowl."""
    z = max(np.linalg.eigvals(matrix(rule)), key=abs)
    steps = min(4000, int(300 / abs(np.log10(abs(z)))))
    path = so.minimize(BOWL, rule, [1.0], steps, limit=1e300).history["theta"].values[:, 0]
    where = f"{name}, eta*lambda = {rule.values['eta']:g}, beta = {rule.values['beta']:g}"
    first = fitted(where, so.theory.rate(rule, 1.0), so.measure.rate(np.abs(path)))
    changes = np.count_nonzero(np.diff(np.sign(path[path != 0]))) / steps
    what, note = f"{where}: sign changes per step", f"one in {steps} steps"
    return [
        first,
        Row.within(what, abs(np.angle(z)) / np.pi, changes, absolute=1 / steps, note=note),
    ]


def overshoot_row(name, rule):
    """How far the first swing goes beyond the minimum."""
    predicted = -min(np.linalg.matrix_power(matrix(rule), k)[0, 0] for k in range(60))
    path = so.minimize(BOWL, rule, [1.0], 60).history["theta"].values
    what = f"{name}, eta*lambda = 0.1, beta = 0.9: overshoot, in units of the start"
    return Row.within(what, predicted, -float(path.min()), absolute=1e-12, note="rounding")


def valley_row(name, rule):
    """The rate near Rosenbrock's minimum, after the way along the valley."""
    rate = so.measure.rate(so.minimize(ROSENBROCK, rule, [-1.2, 1.0], 8000))
    where = f"Rosenbrock, {name}, eta = {rule.values['eta']:g}, beta = {rule.values['beta']:g}"
    return fitted(where, so.theory.predict(ROSENBROCK, rule, at=[1, 1]).rate, rate)


def crossing_row(name, rule, steps=100):
    """Sign changes across the valley, near the minimum."""
    start, direction, eigenvalue = stiff(1e-4)
    across = (so.minimize(ROSENBROCK, rule, start, steps).history["theta"].values - 1) @ direction
    z = max(np.linalg.eigvals(matrix(rule, eigenvalue)), key=abs)
    what = (
        f"Rosenbrock, {name}, eta = {rule.values['eta']:g}, beta = 0.9: sign changes in {steps} "
        "steps"
    )
    changes = np.count_nonzero(np.diff(np.sign(across)))
    return Row.within(
        what, steps * abs(np.angle(z)) / np.pi, changes, absolute=1, note="one sign change"
    )


def plane(rule, n):
    """Return the factor per step over learning rate and momentum; 2 where the run diverged.

    It is that of the largest |theta| of fifty steps, between steps 100 and 300.
    """
    axes, early = (
        {"eta": np.linspace(0.03, 4.2, n), "beta": np.linspace(0, 0.99, n)},
        np.arange(51, 101),
    )
    record = [*early, *(early + 200)]
    data = so.sweep(BOWL, rule(**axes), [1.0], 300, record=record, limit=1e300, best=False)[
        rule.name
    ]
    size = abs(data["history_theta"].isel(param=0))
    first, last = (size.sel(step=steps).max("step") for steps in (early, early + 200))
    return (
        ((last / first.where(first > 0)) ** (1 / 200))
        .fillna(0.0)
        .where(data["status"] != "diverged", 2.0)
    )


def plane_row(name, factors):
    """How many cells lie on the wrong side of the predicted limit."""
    limit = sp.lambdify(beta, so.theory.stability_limit(RULES[name]).subs(lam, 1))(factors["beta"])
    wrong = int(((factors > 1) != (factors["eta"] > limit)).sum())
    return Row(
        f"{name}: cells of the plane on the wrong side of the limit", 0, wrong, n=factors.size
    )


def plot(outcome):
    """The planes of learning rate and momentum, with the limit; then where each rule wins."""
    planes = outcome.data["planes"]
    first, second = (Figure(figsize=(11, 4.4), layout="constrained") for _ in range(2))
    for ax, (name, factors) in zip(first.subplots(1, 2), planes.items(), strict=True):
        so.plot.stability(factors, boundary=RULES[name], ax=ax).get_legend().set_loc("lower right")
        ax.set(title=name, xlabel="learning rate η (λ = 1)")
    left, right = second.subplots(1, 2)
    for k, (name, rule) in enumerate(RULES.items()):
        draw_path(left, name, rule(eta=0.1, beta=0.9), so.plot.line_style(k))
        draw_factors(
            right, name, rule, planes[name].sel(beta=0.9, method="nearest"), so.plot.line_style(k)
        )
    left.plot([], [], label="predicted decay", **PREDICTED)
    right.plot([], [], label="predicted", **PREDICTED)
    left.set(xlabel="step", ylabel="θ", title="η λ = 0.1, β = 0.9", ylim=(-1, 1.4))
    right.axhline(1, color="0.7", linewidth=0.8, zorder=0)
    right.set(xlabel="η λ", ylabel="factor per step", ylim=(0, 1.3), title="β = 0.9")
    for ax in (left, right):
        ax.legend(frameon=False, loc="upper right" if ax is left else "lower right")
    return {"planes": first, "damping": second}


def draw_path(ax, name, rule, style):
    """Draw a path on the bowl, and its predicted decay through the crest of the second swing."""
    path = so.minimize(BOWL, rule, [1.0], 60).history["theta"].values[:, 0]
    ax.plot(path, label=name, **style)
    k, crest = np.arange(5, 61), 15 + int(np.argmax(path[15:]))
    decay = path[crest] * so.theory.rate(rule, 1.0) ** (k - crest)
    for sign in (1, -1):
        ax.plot(k, sign * decay, **PREDICTED)


def draw_factors(ax, name, rule, factors, style):
    """Draw measured factors and the predicted curve over the learning rate."""
    seen = factors.where(factors < 2)[:: max(1, factors.size // 33)]
    ax.plot(seen["eta"], seen, "o", ms=4, color=style["color"], label=name)
    eta = np.linspace(1e-3, 4.2, 300)
    predicted = [so.theory.rate(rule(eta=e, beta=float(factors["beta"])), 1.0) for e in eta]
    ax.plot(eta, predicted, **PREDICTED)


if __name__ == "__main__":
    main(__file__)
