"""AdaGrad on a long way: its steps shrink so far that it stops early."""

import numpy as np
import sympy as sp
from scipy.optimize import brentq
from scipy.special import zeta

import symopt as so
from symopt.harness import Outcome, Row, drawing, main, stats

CLAIM = "On a long way AdaGrad's steps shrink so far that it stops early, where RMSProp goes on."

x, y, kappa = sp.symbols("x y kappa")
BOWL = so.Cost((x**2 + kappa * y**2) / 2, params=[x, y])
SLOPE = so.Cost(x, params=[x])
KAPPA, START, ETA, LENGTH = 100.0, (10.0, 4.0), 0.1, 5.0  # the length of the slope
RULES = {"adagrad": so.adagrad(eta=ETA), "rmsprop": so.rmsprop(eta=ETA)}
EULER = -float(zeta(0.5))  # 1 + 1/sqrt(2) + ... + 1/sqrt(k) is about 2*sqrt(k) - 1.46
NEGLECTED = "twice what the formula neglects of sqrt(s)/(eta*lambda), log(w0)/2"


def theory():
    """AdaGrad along one coordinate of a bowl, whose curvature drops out; and down a slope."""
    w, w0, R, r, D, eta, c = sp.symbols("w w0 R r D eta c", positive=True)
    R_end = w0**2 / 4 + c * w0 / 2
    return {
        "AdaGrad along y, with w = y/eta and R = sqrt(s)/(eta*kappa)": sp.Eq(
            sp.Symbol("w'"), w - w / R
        ),
        "what it keeps, but for log(w0)": sp.Eq(4 * R + w**2, w0**2 + 2 * c * w0),
        "where c is": sp.Eq(c, -sp.zeta(sp.S.Half)),
        "its effective rate eta/sqrt(s) in the end": 1 / (kappa * R_end),
        "its steps until w = r*w0": R_end * sp.log(1 / r) - w0**2 * (1 - r**2) / 8,
        "step t on a slope, AdaGrad": so.theory.velocity(so.adagrad),
        "steps down a slope of length D, AdaGrad, about": (D / (2 * eta)) ** 2,
        "steps down a slope of length D, RMSProp, about": D / eta,
    }


def rest(w0):
    """Return R in the end; what is neglected is about log(w0)/2."""
    return w0**2 / 4 + EULER * w0 / 2


def steps_to(share, w0):
    """Return AdaGrad's steps until a share of a coordinate is left."""
    return rest(w0) * np.log(1 / share) - w0**2 * (1 - share**2) / 8


def run(quick=False):
    """Go down the bowl and a slope; then look for the rate that equals gradient descent."""
    gd = so.minimize(BOWL, so.gd(eta=1 / KAPPA), START, 1000, kappa=KAPPA)
    paths = {
        name: so.minimize(BOWL, rule, START, 15_000, kappa=KAPPA) for name, rule in RULES.items()
    }
    times = {name: arrival(path) for name, path in (paths | {"gd": gd}).items()}
    etas = np.geomspace(0.05, 2, 12 if quick else 60)
    goal = BOWL.value([START[0] / 100, 0], kappa=KAPPA)
    study = so.sweep(BOWL, so.adagrad(eta=etas), START, 60_000, targets=goal, kappa=KAPPA)
    hits = study["adagrad"]["hit"].isel(target=0)
    rows = [rate_row(k, paths["adagrad"]) for k in range(2)]
    rows += [*slope_rows(), *far_rows(times, paths["adagrad"]), equal_row(hits, times["gd"])]
    settings = {"kappa": KAPPA, "start": START, "eta": ETA}
    return Outcome(rows, {"path": paths["adagrad"], "hits": hits, "gd": times["gd"]}, settings)


def arrival(path):
    """Return the first step with 1 % of x left."""
    along = abs(path.history["theta"].isel(param=0))
    return float(so.measure.hitting(along, START[0] / 100)["time"])


def effective_rates(path):
    """Return eta/sqrt(s) of every step, over (step, coordinate)."""
    slopes = path.history["theta"].values[:-1] * [1, KAPPA]
    return ETA / np.sqrt(np.cumsum(slopes**2, axis=0))


def rate_row(k, path):
    """The effective rate eta/sqrt(s) along a coordinate after all steps."""
    curvature, w0 = (1, KAPPA)[k], START[k] / ETA
    measured = effective_rates(path)[-1, k]
    R = 1 / (curvature * measured)
    low, high = 1 / (curvature * (R + np.log(w0))), 1 / (curvature * (R - np.log(w0)))
    what = f"adagrad: effective rate along {'xy'[k]} in the end"
    return Row(what, 1 / (curvature * rest(w0)), measured, low, high, note=NEGLECTED)


def slope_rows():
    """Down a steady slope; the prediction adds up the velocities."""
    rows, study = [], so.sweep(SLOPE, RULES, [0.0], 2000, targets=-LENGTH)
    for name, rule in RULES.items():
        formula = so.theory.velocity(rule)
        way = np.cumsum([so.theory.evaluate(formula, rule, g=1, t=k) for k in range(1, 1000)])
        what = f"slope of length {LENGTH / ETA:g} eta, {name}: steps"
        measured = float(study[name]["hit"][0])
        rows.append(Row.within(what, 1 + np.argmax(way <= -LENGTH), measured, absolute=1))
    return rows


def far_rows(times, path):
    """When 1 % of x is left; and how much AdaGrad has left when gradient descent is there."""
    w0, gd, own = START[0] / ETA, times["gd"], times["adagrad"]
    share = abs(float(path.history["theta"][int(gd), 0])) / START[0]
    left = share * np.log(w0) * np.log(1 / share) / (rest(w0) - (share * w0) ** 2 / 4)
    about = "twice what the formula neglects, log(w0)/2 in sqrt(s)/(eta*lambda)"
    larger = f"with eta = {ETA:g}: see the learning rate at which they are equal"
    steps = np.ceil(np.log(100) / -np.log1p(-1 / KAPPA))
    predicted = brentq(lambda r: steps_to(r, w0) - gd, 1e-6, 1)
    quick, slow = "rmsprop: steps to 1 % of x, over gd's", "adagrad: steps to 1 % of x, over gd's"
    return [
        Row.within("gd, 1/κ: steps to 1 % of x", steps, gd, absolute=1),
        Row.within(
            "adagrad: steps to 1 % of x",
            steps_to(0.01, w0),
            own,
            absolute=np.log(w0) * np.log(100),
            note=about,
        ),
        Row.within(
            "adagrad: share of x left when gd has 1 %", predicted, share, absolute=left, note=about
        ),
        Row(slow, 1, own / gd, relation=">=", note=larger),
        Row(quick, 1, times["rmsprop"] / gd, relation="<="),
    ]


def equal_row(hits, gd):
    """The learning rate at which AdaGrad takes as many steps as gradient descent."""
    predicted = brentq(lambda eta: steps_to(0.01, START[0] / eta) - gd, 0.05, 5)
    ends = stats.bracket(hits["eta"], ~(hits.values <= gd))
    what = "adagrad: eta that takes gd's steps to 1 %"
    return Row.between(what, predicted, ends, note="between two learning rates of the sweep")


def plot(outcome):
    """Left the effective rates, right steps over the learning rate; predictions are dashed."""
    figure, (left, right) = drawing.panels(2, (11, 4.2))
    draw_rates(left, effective_rates(outcome.data["path"]))
    hits = outcome.data["hits"]
    drawing.draw_measured(right, hits["eta"], hits, 1, "adagrad")
    drawing.draw_predicted(right, hits["eta"], steps_to(0.01, START[0] / hits["eta"]), "predicted")
    right.axhline(outcome.data["gd"], color=so.plot.line_style(0)["color"], label="gd, 1/κ")
    right.set(xscale="log", yscale="log", xlabel="η of AdaGrad")
    right.set(ylabel=f"steps from x = {START[0]:g} to 1 %", title=f"κ = {KAPPA:g}")
    right.legend(frameon=False)
    return {"length": figure}


def draw_rates(ax, rates):
    """Draw eta/sqrt(s): first as on a slope, in the end as derived."""
    k = np.unique(np.geomspace(1, len(rates), 400).astype(int)) - 1
    early = k[k < 300] + 1
    for c, curvature in enumerate((1, KAPPA)):
        look = {"color": so.plot.line_style(3 + c)["color"], "label": f"along {'xy'[c]}"}
        ax.plot(k + 1, rates[k, c], **look)
        ax.plot(early, ETA / (curvature * START[c] * np.sqrt(early)), "k:", lw=1.2)
        ax.axhline(1 / (curvature * rest(START[c] / ETA)), **so.plot.PREDICTED)
    ax.plot([], [], "k:", lw=1.2, label="predicted, constant gradient: η/(g√k)")
    drawing.draw_predicted(ax, [], [], "predicted, in the end")
    ax.set(xscale="log", yscale="log", xlabel="step k", ylabel="η/√s")
    ax.set(title=f"AdaGrad, η = {ETA:g}", ylim=(None, 0.1))
    ax.legend(frameon=False, fontsize="small")


if __name__ == "__main__":
    main(__file__)
