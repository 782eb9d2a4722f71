"""Learning rate and momentum at once: where two rules are stable, and which is faster."""

import numpy as np
import sympy as sp

import symopt as so
from symopt.harness import Outcome, Row, drawing, main

CLAIM = (
    "In the plane of learning rate and momentum the border of Nesterov's stable region bends to "
    "smaller eta as beta grows, momentum's to larger: both where their matrices say."
)

x, lam, beta = sp.symbols("x lambda beta")
BOWL = so.Cost(x**2 / 2, params=[x])
RULES = {"momentum": so.momentum, "nesterov": so.nesterov}
EARLY = np.arange(51, 101)  # steps whose largest |theta| is compared with that 200 steps later


def theory():
    """The limits of both rules on J = lambda*theta**2/2."""
    limits = {
        f"largest stable eta, {name}": so.theory.stability_limit(RULES[name]) for name in RULES
    }
    return limits | {"factor per step": "the largest modulus of an eigenvalue of the matrix"}


def run(quick=False):
    """Run every cell of the plane."""
    n = 34 if quick else 100
    planes = {name: plane(rule, n) for name, rule in RULES.items()}
    rows = [plane_row(name, planes[name]) for name in RULES]
    return Outcome(rows, {"planes": planes}, {"J": BOWL.expression, "cells": n * n})


def plane(rule, n):
    """Return the factor per step over learning rate and momentum; 2 where the run diverged."""
    rule = rule(eta=np.linspace(0.03, 4.2, n), beta=np.linspace(0, 0.99, n))
    record = [*EARLY, *(EARLY + 200)]
    study = so.sweep(BOWL, rule, [1.0], 300, record=record, limit=1e300, best=False)
    size = abs(study[rule.name]["history_theta"].isel(param=0))
    first, last = (size.sel(step=steps).max("step") for steps in (EARLY, EARLY + 200))
    factors = (last / first.where(first > 0)) ** (1 / 200)
    return factors.fillna(0.0).where(study[rule.name]["status"] != "diverged", 2.0)


def plane_row(name, factors):
    """How many cells lie on the wrong side of the predicted limit."""
    limit = sp.lambdify(beta, so.theory.stability_limit(RULES[name]).subs(lam, 1))
    stable = factors["eta"] <= limit(factors["beta"])
    wrong = int(((factors <= 1) != stable).sum())
    what = f"{name}: cells of the plane on the wrong side of the limit"
    return Row(what, 0, wrong, n=factors.size)


def plot(outcome):
    """The planes with the limits; then the factors at one momentum."""
    planes = outcome.data["planes"]
    figure, axes = drawing.panels(2, (11, 4.4))
    for ax, (name, factors) in zip(axes, planes.items(), strict=True):
        so.plot.stability(factors, boundary=RULES[name], ax=ax).get_legend().set_loc("lower right")
        ax.set(title=name, xlabel="learning rate η (λ = 1)")
    second, ax = drawing.panels(1, (6.4, 4.4))
    for k, name in enumerate(RULES):
        draw_factors(ax, name, planes[name].sel(beta=0.9, method="nearest"), k)
    drawing.draw_predicted(ax, [], [], "predicted")
    ax.axhline(1, color="0.7", linewidth=0.8, zorder=0)
    ax.set(xlabel="η λ", ylabel="factor per step", ylim=(0, 1.3), title="β = 0.9")
    ax.legend(frameon=False, loc="lower right")
    return {"planes": figure, "factors": second}


def draw_factors(ax, name, factors, place):
    """Draw measured factors and the predicted curve over the learning rate."""
    seen = factors.where(factors < 2)[:: max(1, factors.size // 33)]
    drawing.draw_measured(ax, seen["eta"], seen, place, name)
    etas, momentum = np.linspace(1e-3, 4.2, 300), float(factors["beta"])
    rates = [so.theory.rate(RULES[name](eta=eta, beta=momentum), 1.0) for eta in etas]
    drawing.draw_predicted(ax, etas, rates)


if __name__ == "__main__":
    main(__file__)
