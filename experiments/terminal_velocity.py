"""Terminal velocity: how fast each rule goes down a steady slope."""

import numpy as np
import sympy as sp

import symopt as so
from symopt.harness import Outcome, Row, drawing, main

CLAIM = (
    "Under a constant gradient g momentum tends to the step eta*g/(1 - beta): ten times as fast at "
    "beta = 0.9."
)

G, ETA = 0.5, 0.01
BETAS = [0.0, 0.5, 0.8, 0.9, 0.95, 0.99]
x = sp.Symbol("x")
J = so.Cost(G * x, params=[x])
WITH_BETA = {name: so.optimizers[name](eta=ETA, beta=BETAS) for name in ("momentum", "nesterov")}
ADAPTIVE = {name: so.optimizers[name](eta=ETA) for name in ("rmsprop", "adam", "adagrad")}


def theory():
    """What the rules' own equations say of the step number t, and of its limit."""
    of = so.theory
    return {
        "momentum, step t": of.velocity(so.momentum),
        "momentum, in the end": of.terminal_velocity(so.momentum),
        "Nesterov, in the end": of.terminal_velocity(so.nesterov),
        "RMSProp, step t": of.velocity(so.rmsprop),
        "RMSProp, in the end": of.terminal_velocity(so.rmsprop),
        "Adam, every step": of.velocity(so.adam),
        "AdaGrad, step t": of.velocity(so.adagrad),
    }


def run(quick=False):
    """Go down the slope; measurements are step lengths in units of gd's eta*g, or of eta."""
    steps = 2_000 if quick else 10_000
    study = so.sweep(J, WITH_BETA | ADAPTIVE, start=[0.0], steps=steps, record=True)
    speeds = {}
    for name, data in study.items():
        speeds[name] = so.measure.speed_along(data["history_theta"])["step_length"]
    rows = [limit_row(name, beta, speeds[name]) for name in WITH_BETA for beta in BETAS]
    rows += [approach_row(k, speeds["momentum"]) for k in (1, 5, 10, 20, 40)]
    rows += [adaptive_row(name, k, speeds[name]) for name in ADAPTIVE for k in (1, 10, 1000)]
    settings = {"J": J.expression, "eta": ETA, "beta": BETAS, "g": G, "steps": steps}
    return Outcome(rows, {"speeds": speeds}, settings)


def limit_of(rule):
    """Return the length of the rule's step in the end."""
    return abs(so.theory.evaluate(so.theory.terminal_velocity(rule), rule, g=G))


def limit_row(name, beta, speed):
    """The last step; the digits of a difference of two thetas are its resolution."""
    return Row.within(
        f"{name}, beta = {beta}: last step / (eta*g)",
        predicted=limit_of(WITH_BETA[name](beta=beta)) / (ETA * G),
        measured=float(speed.sel(beta=beta)[-1]) / (ETA * G),
        relative=1e-6,
    )


def approach_row(k, speed):
    """How much of the limit momentum has at step k: 1 - beta**k."""
    rule = so.momentum(eta=ETA, beta=0.9)
    share = so.theory.velocity(rule) / so.theory.terminal_velocity(rule)
    return Row.within(
        f"momentum, beta = 0.9: share of the limit at step {k}",
        predicted=so.theory.evaluate(share, rule, g=G, t=k),
        measured=float(speed.sel(beta=0.9)[k - 1] / (ETA * G / (1 - 0.9))),
        relative=1e-6,
    )


def adaptive_row(name, k, speed):
    """A step of a rule that divides by the size of the gradient, in units of eta."""
    rule = ADAPTIVE[name]
    predicted = so.theory.evaluate(so.theory.velocity(rule), rule, g=G, t=k)
    measured = float(speed[k - 1]) / ETA
    return Row.within(f"{name}: step {k} / eta", abs(predicted) / ETA, measured, relative=1e-5)


def plot(outcome):
    """Left the way to the limit, right the limit for every beta; predictions are dashed."""
    figure, (left, right) = drawing.panels(2, (11, 4.2), width_ratios=(3, 2))
    draw_way(left, outcome.data["speeds"])
    beta = np.linspace(0, 0.992, 300)
    limit = sp.lambdify(sp.Symbol("beta"), 1 / (1 - sp.Symbol("beta")))(beta)
    drawing.draw_predicted(right, beta, limit, "predicted, 1/(1 − β)")
    for k, name in enumerate(WITH_BETA):
        last = outcome.data["speeds"][name].isel(step=-1) / (ETA * G)
        drawing.draw_measured(right, BETAS, last, k, f"{name}, measured", ms=8 - 3 * k)
    right.set(xlabel="β", ylabel="last step / (η g)", yscale="log")
    right.legend(frameon=False)
    return {"velocity": figure}


def draw_way(ax, speeds):
    """Draw the first steps, and what they tend to."""
    curves = {name: speeds[name][:60] for name in ADAPTIVE}
    limits = {name: limit_of(rule) for name, rule in ADAPTIVE.items()}
    for beta in (0.8, 0.9):
        curves[f"momentum, β = {beta}"] = speeds["momentum"].sel(beta=beta)[:60]
        limits[f"momentum, β = {beta}"] = limit_of(so.momentum(eta=ETA, beta=beta))
    so.plot.velocity(curves, ax=ax, predicted=limits)
    ax.set(xscale="linear", yscale="linear", ylim=(0, 0.055))


if __name__ == "__main__":
    main(__file__)
