"""Terminal velocity: how fast each rule goes down a steady slope."""

import numpy as np
import sympy as sp
from matplotlib.figure import Figure

import symopt as so
from symopt.harness import Outcome, Row, main

CLAIM = (
    "Under a constant gradient g momentum tends to the step eta*g/(1 - beta): ten times as fast at "
    "beta = 0.9."
)

G, ETA = 0.5, 0.01
BETAS = [0.0, 0.5, 0.8, 0.9, 0.95, 0.99]
x = sp.Symbol("x")
J = so.Cost(G * x, params=[x])
ADAPTIVE = {
    "rmsprop": so.rmsprop(eta=ETA),
    "adam": so.adam(eta=ETA),
    "adagrad": so.adagrad(eta=ETA),
}


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
    """Go down the slope; measurements are step lengths in units of gd's eta*g."""
    steps = 2_000 if quick else 10_000
    rules = {
        "momentum": so.momentum(eta=ETA, beta=BETAS),
        "nesterov": so.nesterov(eta=ETA, beta=BETAS),
    }
    study = so.sweep(J, rules | ADAPTIVE, start=[0.0], steps=steps, record=True)
    speeds = {
        name: so.measure.speed_along(study[name]["history_theta"])["step_length"] for name in study
    }
    rows = [row for name in rules for row in limits(name, speeds[name])]
    rows += [approach(k, speeds["momentum"]) for k in (1, 5, 10, 20, 40)] + adaptive(speeds)
    settings = {"J": J.expression, "eta": ETA, "beta": BETAS, "g": G, "steps": steps}
    return Outcome(rows, {"speeds": speeds}, settings)


def limits(name, speed):
    """The last step for every beta; the digits of a difference of two thetas are its resolution."""
    rule = so.optimizers[name](eta=ETA)
    velocity = so.theory.terminal_velocity(rule)
    return [
        Row.within(
            f"{name}, beta = {beta}: last step / (eta*g)",
            abs(so.theory.evaluate(velocity, rule(beta=beta), g=G)) / (ETA * G),
            float(speed.sel(beta=beta)[-1]) / (ETA * G),
            relative=1e-6,
        )
        for beta in BETAS
    ]


def approach(k, speed):
    """How much of the limit momentum has at step k: 1 - beta**k."""
    rule = so.momentum(eta=ETA, beta=0.9)
    predicted = so.theory.evaluate(
        so.theory.velocity(rule) / so.theory.terminal_velocity(rule), rule, g=G, t=k
    )
    measured = speed.sel(beta=0.9).isel(step=k - 1) / (ETA * G / (1 - 0.9))
    return Row.within(
        f"momentum, beta = 0.9: share of the limit at step {k}",
        predicted,
        float(measured),
        relative=1e-6,
    )


def adaptive(speeds):
    """Steps of the rules that divide by the size of the gradient, in units of eta."""
    rows = []
    for name, rule in ADAPTIVE.items():
        formula = so.theory.velocity(rule)
        for k in (1, 10, 1000):
            predicted = abs(so.theory.evaluate(formula, rule, g=G, t=k)) / ETA
            measured = float(speeds[name].isel(step=k - 1)) / ETA
            rows.append(Row.within(f"{name}: step {k} / eta", predicted, measured, relative=1e-5))
    return rows


def plot(outcome):
    """Left the way to the limit, right the limit for every beta; predictions are dashed."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    speeds = outcome.data["speeds"]
    chosen = {
        f"momentum, β = {beta}": so.momentum(eta=ETA, beta=beta) for beta in (0.8, 0.9)
    } | ADAPTIVE
    curves = {}
    for name, rule in chosen.items():
        speed = speeds[rule.name]
        curves[name] = (
            speed.sel(beta=rule.values["beta"]) if "beta" in speed.dims else speed
        ).isel(step=slice(60))
    limits = {
        name: so.theory.evaluate(so.theory.terminal_velocity(r), r, g=G)
        for name, r in chosen.items()
    }
    so.plot.velocity(curves, ax=left, predicted=limits).set(
        xscale="linear", yscale="linear", ylim=(0, 0.055)
    )
    beta = np.linspace(0, 0.992, 300)
    limit = sp.lambdify(sp.symbols("beta eta g"), so.theory.terminal_velocity(so.momentum))(
        beta, ETA, G
    )
    right.plot(beta, abs(limit) / (ETA * G), "k--", linewidth=1, label="predicted, 1/(1 − β)")
    for name, marker in (("momentum", "o"), ("nesterov", "x")):
        right.plot(BETAS, speeds[name].isel(step=-1) / (ETA * G), marker, label=f"{name}, measured")
    right.set(xlabel="β", ylabel="last step / (η g)", yscale="log")
    right.legend(frameon=False)
    return {"velocity": figure}


if __name__ == "__main__":
    main(__file__)
