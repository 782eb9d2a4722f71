"""Long bowl: AdaGrad heads for the minimum where gradient descent heads across."""

import numpy as np
import sympy as sp
from scipy.optimize import brentq

import symopt as so
from symopt.harness import Outcome, Row, drawing, main

CLAIM = (
    "On an elongated bowl AdaGrad points more directly towards the minimum than gradient descent."
)

x, y, kappa = sp.symbols("x y kappa")
J = so.Cost((x**2 + kappa * y**2) / 2, params=[x, y])
KAPPA, START = 100.0, (10.0, 4.0)
FASTEST, SAFE = "gd, 2/(1 + κ)", "gd, 1/κ"
GD = {FASTEST: so.gd(eta=2 / (1 + KAPPA)), SAFE: so.gd(eta=1 / KAPPA)}


def theory():
    """The direction of the first step, which has no memory yet."""
    return {
        "first step from (x, y), gradient descent, angle to the x axis": sp.atan(kappa * y / x),
        "first step, AdaGrad, angle to the x axis": sp.pi / 4,
    }


def first_angles(direction):
    """Return the angles between the first step and the way to the minimum: gd's, AdaGrad's."""
    gd = np.arctan2(KAPPA * np.sin(direction), np.cos(direction)) - direction
    return gd, np.abs(np.pi / 4 - direction)


def run(quick=False):
    """Head for the minimum from one start, then from all directions."""
    n = 100 if quick else 1000
    rules = GD | {"adagrad": so.adagrad(eta=0.1)}
    paths = {name: so.minimize(J, rule, START, 1000, kappa=KAPPA) for name, rule in rules.items()}
    directions = (np.arange(n) + 0.5) / n * np.pi / 2
    around = 10 * np.stack([np.cos(directions), np.sin(directions)], axis=-1)
    rules = GD | {"adagrad": so.adagrad(eta=1.0)}
    study = so.sweep(J, rules, around, 500, record=True, kappa=KAPPA)
    headings = {name: mean_headings(data) for name, data in study.items()}
    angles = first_angles(np.arctan2(START[1], START[0]))
    rows = [first_row(SAFE, angles[0], paths), first_row("adagrad", angles[1], paths)]
    rows += [directness_row("first step", SAFE, headings, "gd")]
    for name in GD:
        rows += [directness_row(f"mean {how}", name, headings) for how in HOW]
    settings = {"kappa": KAPPA, "start": START, "eta": 0.1, "directions": n}
    data = {"paths": paths, "directions": directions, "headings": headings}
    return Outcome(rows, data, settings)


HOW = ("over steps", "along the path")


def mean_headings(data):
    """Return the first angle of every run, and its means up to 90 % of the way."""
    angle = so.measure.heading(data, [0, 0]).values
    length = so.measure.speed_along(data)["step_length"].values
    left = np.linalg.norm(data["history_theta"].values, axis=-1)
    going = np.logical_and.accumulate(left[:, :-1] > 0.1 * left[:, :1], axis=1)
    known = np.nan_to_num(angle)
    return {
        "first step": angle[:, 0],
        "mean over steps": np.average(known, axis=1, weights=going),
        "mean along the path": np.average(known, axis=1, weights=going * length),
    }


def first_row(name, predicted, paths):
    """The angle of the first step; the guard epsilon and the digits of theta are its resolution."""
    measured = float(so.measure.heading(paths[name], [0, 0])[0])
    what = f"{name}: first step, degrees off the minimum"
    return Row.within(what, np.degrees(predicted), np.degrees(measured), relative=1e-6)


def directness_row(what, name, headings, other=""):
    """From how many directions AdaGrad heads for the minimum more directly."""
    won = headings["adagrad"][what] < headings[name][what]
    predicted, relation = 0.5, ">="
    if what == "first step":
        predicted, relation = predicted_share(), "="
    note = "every change is known to a spacing"
    if what == "mean over steps" and name == SAFE:
        note += "; gd falls to the axis in a step, and creeps straight along it for hundreds"
    return Row.within(
        f"{what}: share of directions in which adagrad is more direct than {other or name}",
        predicted=predicted,
        measured=won.mean(),
        absolute=np.count_nonzero(np.diff(won)) / len(won),
        n=len(won),
        relation=relation,
        note=note,
    )


def predicted_share():
    """Return the share of directions between the two at which both first steps are as direct."""

    def difference(angle):
        return np.subtract(*first_angles(angle))

    return (brentq(difference, 0.5, 1.5) - brentq(difference, 1e-4, 0.5)) / (np.pi / 2)


def plot(outcome):
    """Paths over contours, headings over steps, and the first heading over the start."""
    figure, (left, middle, right) = drawing.panels(3, (13, 4.2), width_ratios=(1.25, 1, 1))
    paths = outcome.data["paths"]
    so.plot.trajectory(paths, ax=left)
    left.set_title(f"κ = {KAPPA:g}")
    for k, (name, path) in enumerate(paths.items()):
        angle = so.measure.heading(path, [0, 0])
        middle.plot(angle["step"], np.degrees(angle), label=name, **so.plot.line_style(k))
    middle.set(xscale="log", xlabel="step", ylabel="angle to the minimum (degrees)")
    middle.set(title="heading", ylim=(-2, 92), yticks=np.arange(0, 91, 15))
    draw_first(right, outcome.data["directions"], outcome.data["headings"])
    return {"paths": figure}


def draw_first(ax, directions, headings):
    """Draw the first heading over the direction of the start."""
    thin = slice(None, None, max(1, len(directions) // 50))
    degrees = np.degrees(directions)
    for k, name in ((1, SAFE), (2, "adagrad")):
        measured = np.degrees(headings[name]["first step"])
        drawing.draw_measured(ax, degrees[thin], measured[thin], k, name)
        predicted = np.degrees(first_angles(directions)[k - 1])
        drawing.draw_predicted(ax, degrees, predicted, "predicted" if k == 1 else "")
    ax.set(xlabel="direction of the start from the long axis (degrees)")
    ax.set(ylabel="first step's angle to the minimum (degrees)", title="first step")
    ax.legend(frameon=False)


if __name__ == "__main__":
    main(__file__)
