"""Long bowl: AdaGrad heads for the minimum where gradient descent heads across."""

import numpy as np
import sympy as sp
from matplotlib.figure import Figure
from scipy.optimize import brentq
from scipy.special import zeta

import symopt as so
from symopt.harness import Outcome, Row, main
from symopt.plot._style import PREDICTED, line_style

CLAIM = (
    "On an elongated bowl AdaGrad points more directly towards the minimum than gradient descent; "
    "on a long way its steps shrink so far that it stops early."
)

x, y, kappa = sp.symbols("x y kappa")
BOWL = so.Cost((x**2 + kappa * y**2) / 2, params=[x, y])
SLOPE = so.Cost(x, params=[x])
KAPPA, START, ETA = 100.0, (10.0, 4.0), 0.1
GD = {
    "gd, 2/(1 + κ)": so.gd(eta=2 / (1 + KAPPA)),
    "gd, 1/κ": so.gd(eta=1 / KAPPA),
}  # the fastest, and a safe one
LENGTH = 5.0  # of the slope
EULER = -float(zeta(0.5))  # 1.46: 1 + 1/sqrt(2) + ... + 1/sqrt(k) is about 2*sqrt(k) - 1.46


def theory():
    """First steps; AdaGrad along one coordinate of a bowl, whose curvature drops out."""
    w, w0, R, r, D, eta, c = sp.symbols("w w0 R r D eta c", positive=True)
    R_end = w0**2 / 4 + c * w0 / 2
    return {
        "first step from (x, y), gradient descent, angle to the x axis": sp.atan(kappa * y / x),
        "first step, AdaGrad, angle to the x axis": sp.pi / 4,
        "AdaGrad along y, with w = y/eta and R = sqrt(s)/(eta*kappa)": sp.Eq(
            sp.Symbol("w'"), w - w / R
        ),
        "what it keeps, but for log(w0)": sp.Eq(4 * R + w**2, w0**2 + 2 * c * w0),
        "where c is": sp.Eq(c, -sp.zeta(sp.S.Half)),
        "its effective rate eta/sqrt(s) in the end": 1 / (kappa * R_end),
        "its steps until w = r*w0": R_end * sp.log(1 / r) - w0**2 * (1 - r**2) / 8,
        "step t on a slope, AdaGrad": so.theory.velocity(so.adagrad),
        "step t on a slope, RMSProp": so.theory.velocity(so.rmsprop),
        "steps down a slope of length D, AdaGrad, about": (D / (2 * eta)) ** 2,
        "steps down a slope of length D, RMSProp, about": D / eta,
        "step in the end, AdaGrad": so.theory.terminal_velocity(so.adagrad),
    }


def rest(w0):
    """Return R in the end; what is neglected is about log(w0)/2."""
    return w0**2 / 4 + EULER * w0 / 2


def steps_to(share, w0):
    """Return AdaGrad's steps until a share of a coordinate is left."""
    return rest(w0) * np.log(1 / share) - w0**2 * (1 - share**2) / 8


def first_angles(direction):
    """Return the angles between the first step and the way to the minimum: gd's, AdaGrad's."""
    return np.arctan2(KAPPA * np.sin(direction), np.cos(direction)) - direction, np.abs(
        np.pi / 4 - direction
    )


def run(quick=False):
    """Head for the minimum from all directions; then go far, at several learning rates."""
    rules = GD | {"adagrad": so.adagrad(eta=ETA), "rmsprop": so.rmsprop(eta=ETA)}
    paths = {
        name: so.minimize(BOWL, rule, START, 15_000 if name == "adagrad" else 1000, kappa=KAPPA)
        for name, rule in rules.items()
    }
    directions = (np.arange(n := 100 if quick else 1000) + 0.5) / n * np.pi / 2
    around = 10 * np.stack([np.cos(directions), np.sin(directions)], axis=-1)
    study = so.sweep(
        BOWL, GD | {"adagrad": so.adagrad(eta=1.0)}, around, 500, record=True, kappa=KAPPA
    )
    headings = {name: heading_means(data) for name, data in study.items()}
    etas, goal = (
        np.geomspace(0.05, 2, 12 if quick else 60),
        BOWL.value([START[0] / 100, 0], kappa=KAPPA),
    )
    hits = so.sweep(BOWL, so.adagrad(eta=etas), START, 60_000, targets=goal, kappa=KAPPA)[
        "adagrad"
    ]["hit"].isel(target=0)
    rows = (
        first_rows(paths)
        + heading_rows(headings)
        + rate_rows(paths["adagrad"])
        + slope_rows()
        + far_rows(paths)
    )
    rows.append(equal_row(hits, arrival(paths["gd, 1/κ"])))
    settings = {"kappa": KAPPA, "start": START, "eta": ETA, "directions": len(directions)}
    return Outcome(
        rows,
        {"paths": paths, "directions": directions, "headings": headings, "hits": hits},
        settings,
    )


def heading_means(data):
    """Return the first angle of every run, and its means up to 90 % of the way."""
    angle, length = so.measure.heading(data, [0, 0]), so.measure.speed_along(data)["step_length"]
    left = np.linalg.norm(data["history_theta"].values, axis=-1)
    going = np.logical_and.accumulate(left[:, :-1] > 0.1 * left[:, :1], axis=1)
    return {
        "first step": angle.values[:, 0],
        "mean over steps": np.average(np.nan_to_num(angle.values), axis=1, weights=going),
        "mean along the path": np.average(
            np.nan_to_num(angle.values), axis=1, weights=going * length.values
        ),
    }


def first_rows(paths):
    """The angle of the first step; the guard epsilon and the digits of theta are its resolution."""
    predicted, rows = np.degrees(first_angles(np.arctan2(START[1], START[0]))), []
    for name, angle in zip(("gd, 1/κ", "adagrad"), predicted, strict=True):
        measured = np.degrees(float(so.measure.heading(paths[name], [0, 0])[0]))
        rows.append(
            Row.within(
                f"{name}: first step, degrees off the minimum", angle, measured, relative=1e-6
            )
        )
    return rows


def heading_rows(headings):
    """From how many directions AdaGrad heads for the minimum more directly."""
    equal = [
        brentq(lambda a: np.subtract(*first_angles(a)), *bracket)
        for bracket in ((1e-4, 0.5), (0.5, 1.5))
    ]
    rows = []
    for name in GD:
        for what, angles in headings[name].items():
            if what == "first step" and rows:  # which is the same for any learning rate
                continue
            won = headings["adagrad"][what] < angles
            reach = np.count_nonzero(np.diff(won)) / len(won)
            exact = what == "first step"
            predicted, relation = (
                ((equal[1] - equal[0]) / (np.pi / 2), "=") if exact else (0.5, ">=")
            )
            other = "gd" if exact else name
            quantity = f"{what}: share of directions in which adagrad is more direct than {other}"
            note = "every change is known to a spacing"
            if what == "mean over steps" and name == "gd, 1/κ":
                note += (
                    "; gd falls to the axis in a step, and creeps straight along it for hundreds"
                )
            rows.append(
                Row.within(
                    quantity, predicted, won.mean(), reach, n=len(won), relation=relation, note=note
                )
            )
    return rows


def rate_rows(path):
    """The effective rates eta/sqrt(s) after all steps, from the recorded path."""
    rows, note = [], "twice what the formula neglects of sqrt(s)/(eta*lambda), log(w0)/2"
    for k, curvature in enumerate((1, KAPPA)):
        w0, measured = START[k] / ETA, effective_rates(path)[-1, k]
        R = 1 / (curvature * measured)
        low, high = (1 / (curvature * (R + sign * np.log(w0))) for sign in (1, -1))
        what = f"adagrad: effective rate along {'xy'[k]} in the end"
        rows.append(Row(what, 1 / (curvature * rest(w0)), measured, low, high, note=note))
    return rows


def effective_rates(path):
    """Return eta/sqrt(s) of every step, over (step, coordinate)."""
    slopes = path.history["theta"].values[:-1] * [1, KAPPA]
    return ETA / np.sqrt(np.cumsum(slopes**2, axis=0))


def slope_rows():
    """Down a steady slope; the prediction adds up the velocities."""
    rows, rules = [], {"adagrad": so.adagrad(eta=ETA), "rmsprop": so.rmsprop(eta=ETA)}
    study = so.sweep(SLOPE, rules, [0.0], 2000, targets=-LENGTH)
    for name, rule in rules.items():
        formula = so.theory.velocity(rule)
        way = np.cumsum([so.theory.evaluate(formula, rule, g=1, t=k) for k in range(1, 1000)])
        what = f"slope of length {LENGTH / ETA:g} eta, {name}: steps"
        rows.append(
            Row.within(
                what, 1 + np.argmax(way <= -LENGTH), float(study[name]["hit"][0]), absolute=1
            )
        )
    return rows


def arrival(run):
    """Return the first step with 1 % of x left."""
    return float(
        so.measure.hitting(abs(run.history["theta"].isel(param=0)), START[0] / 100)["time"]
    )


def far_rows(paths):
    """When 1 % of x is left; and how much AdaGrad has left when gradient descent is there."""
    w0, gd, own = START[0] / ETA, arrival(paths["gd, 1/κ"]), arrival(paths["adagrad"])
    share = abs(float(paths["adagrad"].history["theta"][int(gd), 0])) / START[0]
    predicted = brentq(lambda r: steps_to(r, w0) - gd, 1e-6, 1)
    R = rest(w0) - (share * w0) ** 2 / 4
    note = "twice what the formula neglects, log(w0)/2 in sqrt(s)/(eta*lambda)"
    reach, left = np.log(w0) * np.log(100), share * np.log(w0) * np.log(1 / share) / R
    larger = f"with eta = {ETA:g}: see the learning rate at which they are equal"
    return [
        Row.within(
            "gd, 1/κ: steps to 1 % of x",
            np.ceil(np.log(100) / -np.log1p(-1 / KAPPA)),
            gd,
            absolute=1,
        ),
        Row.within(
            "adagrad: steps to 1 % of x", steps_to(0.01, w0), own, absolute=reach, note=note
        ),
        Row.within(
            "adagrad: share of x left when gd has 1 %", predicted, share, absolute=left, note=note
        ),
        Row("adagrad: steps to 1 % of x, over gd's", 1, own / gd, relation=">=", note=larger),
        Row(
            "rmsprop: steps to 1 % of x, over gd's",
            1,
            arrival(paths["rmsprop"]) / gd,
            relation="<=",
        ),
    ]


def equal_row(hits, gd):
    """The learning rate at which AdaGrad takes as many steps as gradient descent."""
    faster = int((hits.values <= gd).argmax())
    low, high = hits["eta"].values[[faster - 1, faster]] if faster else (np.nan, np.nan)
    predicted = brentq(lambda eta: steps_to(0.01, START[0] / eta) - gd, 0.05, 5)
    what, note = (
        "adagrad: eta that takes gd's steps to 1 %",
        "between two learning rates of the sweep",
    )
    return Row(what, predicted, (low + high) / 2, low, high, note=note)


def plot(outcome):
    """Paths, headings, effective rates; and what the way's length costs."""
    return {"paths": path_picture(outcome), "length": length_picture(outcome)}


def path_picture(outcome):
    """Paths over contours, headings over steps, effective rates."""
    figure = Figure(figsize=(12.5, 4.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.25, 1, 1))
    paths = {name: run for name, run in outcome.data["paths"].items() if name != "rmsprop"}
    so.plot.trajectory(paths, ax=left)
    left.set_title(f"κ = {KAPPA:g}")
    for k, (name, run) in enumerate(paths.items()):
        angle = so.measure.heading(run, [0, 0])[sparse(len(run.recorded) - 1)]
        middle.plot(angle["step"], np.degrees(angle), label=name, **line_style(k))
    middle.set(
        xscale="log", xlabel="step", ylabel="angle to the minimum (degrees)", title="heading"
    )
    middle.set(xlim=(1, 10_000), ylim=(-2, 92), yticks=np.arange(0, 91, 15))
    rates = effective_rates(paths["adagrad"])
    k = sparse(len(rates))
    for c, curvature in enumerate((1, KAPPA)):
        right.plot(k + 1, rates[k, c], color=line_style(3 + c)["color"], label=f"along {'xy'[c]}")
        early = k[k < 300] + 1
        right.plot(early, ETA / (curvature * START[c] * np.sqrt(early)), "k:", lw=1.2)
        right.axhline(1 / (curvature * rest(START[c] / ETA)), **PREDICTED)
    right.plot([], [], "k:", lw=1.2, label="predicted, constant gradient: η/(g√k)")
    right.plot([], [], label="predicted, in the end", **PREDICTED)
    right.set(
        xscale="log", yscale="log", xlabel="step k", ylabel="η/√s", title=f"AdaGrad, η = {ETA:g}"
    )
    right.set_ylim(top=0.1)
    right.legend(frameon=False, fontsize="small")
    return figure


def sparse(count):
    """Return places to draw, as many in every decade."""
    return np.unique(np.geomspace(1, count, 400).astype(int)) - 1


def length_picture(outcome):
    """The first heading over the direction of the start; steps to 1 % over the learning rate."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    directions, headings, hits = (outcome.data[name] for name in ("directions", "headings", "hits"))
    predicted = first_angles(directions)
    for k, name in enumerate(("gd, 1/κ", "adagrad")):
        thin = slice(None, None, max(1, len(directions) // 50))
        measured = np.degrees(headings[name]["first step"])
        left.plot(
            np.degrees(directions)[thin],
            measured[thin],
            "os"[k],
            ms=4,
            label=name,
            color=line_style(k)["color"],
        )
        left.plot(
            np.degrees(directions),
            np.degrees(predicted[k]),
            label="predicted" if k else None,
            **PREDICTED,
        )
    left.set(
        xlabel="direction of the start from the long axis (degrees)",
        ylabel="first step's angle to the minimum (degrees)",
    )
    left.legend(frameon=False)
    right.plot(hits["eta"], hits, "s", ms=4, color=line_style(1)["color"], label="adagrad")
    right.plot(hits["eta"], steps_to(0.01, START[0] / hits["eta"]), label="predicted", **PREDICTED)
    right.axhline(
        arrival(outcome.data["paths"]["gd, 1/κ"]), color=line_style(0)["color"], label="gd, 1/κ"
    )
    right.set(
        xscale="log",
        yscale="log",
        xlabel="η of AdaGrad",
        ylabel=f"steps from x = {START[0]:g} to 1 %",
    )
    right.legend(frameon=False)
    return figure


if __name__ == "__main__":
    main(__file__)
