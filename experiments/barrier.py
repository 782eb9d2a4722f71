"""Barrier: how high a hill momentum rolls over, as a ball with friction does."""

from functools import cache

import numpy as np
import sympy as sp
import xarray as xr
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

import symopt as so
from symopt.harness import Outcome, Row, drawing, main, stats

CLAIM = (
    "Momentum rolls over barriers that stop gradient descent, up to the height that a ball of its "
    "mass and friction has the energy for."
)

x, h = sp.symbols("x h")
TILT, ETA, BETAS = 1.0, 1e-5, [0.99, 0.995, 0.998, 0.999]
ASIDE = 1e-3  # from a top, where a ball starts
HILL = 3.0  # the barriers of the picture
J = so.Cost(h * (1 - sp.cos(2 * sp.pi * x)) / 2 - TILT * x, params=[x])  # a washboard


def theory():
    """Momentum is a second-order scheme for a ball with friction, in the time sqrt(eta)*k."""
    beta, eta, f, gamma, mu = sp.symbols("beta eta f gamma mu", positive=True)
    X, K, (s, z) = sp.Function("X"), sp.Function("K"), sp.symbols("s z")
    force = -sp.Function("J")(z).diff(z)
    return {
        "mass": sp.Eq(mu, (1 + beta) / 2),
        "friction": sp.Eq(gamma, (1 - beta) / sp.sqrt(eta)),
        "motion": sp.Eq(mu * X(s).diff(s, 2) + gamma * X(s).diff(s), force.subs(z, X(s))),
        "kinetic energy along the way": sp.Eq(K(z).diff(z), force - gamma * sp.sqrt(2 * K(z) / mu)),
        "highest barrier, little friction": sp.Eq(h, mu / 2 * (sp.pi * f / (2 * gamma)) ** 2),
        "highest barrier, gradient descent": sp.Eq(h, f / sp.pi),
    }


def ball(beta):
    """Return mass and friction."""
    return (1 + beta) / 2, (1 - beta) / np.sqrt(ETA)


def top(height):
    """Return where the washboard has a barrier; or, if it has none, where it is least steep."""
    return 0.5 - np.arcsin(np.minimum(1, TILT / (np.pi * height))) / (2 * np.pi)


def kinetic(height, beta, places):
    """Return the energy of a ball from rest at the first place; below 0 where it has stopped."""
    mass, friction = ball(beta)

    def gain(z, K):
        speed = np.sqrt(2 * np.maximum(K, 0) / mass)
        return TILT - np.pi * height * np.sin(2 * np.pi * z) - friction * speed

    ends = places[[0, -1]]
    return solve_ivp(gain, ends, [0.0], method="LSODA", t_eval=places, rtol=1e-8, atol=1e-12).y[0]


@cache
def highest(beta):
    """Return the highest barrier that the ball clears; where friction wins, it stops at any."""

    def left(height):
        return kinetic(height, beta, top(height) + np.array([ASIDE, 1]))[-1]

    flat = TILT / np.pi * (1 + 1e-6)
    if left(flat) <= 0:
        return TILT / np.pi
    return brentq(left, flat, 200)


def run(quick=False):
    """Raise the barriers under balls that start at rest beside a top."""
    heights = np.geomspace(0.25, 20, 300 if quick else 4000)
    height = xr.DataArray(heights, dims="h", coords={"h": heights})
    start = (top(height) + ASIDE).expand_dims("param")
    rules = {"gd": so.gd(eta=1e-2), "momentum": so.momentum(eta=ETA, beta=BETAS)}
    study = so.sweep(J, rules, start, 40_000, h=height, best=False)
    past = {name: data["theta"].isel(param=0) > top(height) + 1 for name, data in study.items()}
    rows = [barrier_row("gd", TILT / np.pi, past["gd"])]
    for beta in BETAS:
        name = f"momentum, beta = {beta}"
        rows.append(barrier_row(name, highest(beta), past["momentum"].sel(beta=beta)))
    return Outcome(rows, {}, {"J": J.expression, "eta": ETA, "beta": BETAS})


def barrier_row(name, predicted, cleared):
    """The highest barrier that was cleared, and the next."""
    ends = stats.bracket(cleared["h"], cleared)
    what = f"washboard, {name}: highest barrier cleared"
    return Row.between(what, predicted, ends, note="between two heights of the sweep")


def plot(outcome):
    """Left the energy of balls on their way, right the highest barrier over beta."""
    figure, (left, right) = drawing.panels(2, (11.5, 4.4))
    places = np.linspace(0.3, 3.6, 400)
    left.plot(places, hill(places), color="0.6", label="J")
    for k, beta in enumerate((0.995, 0.998, 0.999)):
        draw_energy(left, beta, so.plot.line_style(k)["color"])
    drawing.draw_predicted(left, [], [], "predicted")
    left.set(xlabel="x", ylabel="J and energy", title=f"barriers of h = {HILL:g}, η = 10⁻⁵")
    left.legend(frameon=False)
    draw_heights(right, [row.measured for row in outcome.rows[1:]])
    return {"barrier": figure}


def hill(z):
    """Return the height of the washboard of the picture."""
    return HILL * (1 - np.cos(2 * np.pi * z)) / 2 - TILT * z


def draw_energy(ax, beta, colour):
    """Draw the energy of a ball over its place, and what is predicted until it turns back."""
    start, rule = top(HILL) + ASIDE, so.momentum(eta=ETA, beta=beta)
    path = so.minimize(J, rule, [start], 20_000, h=HILL).history["theta"].values[:, 0]
    speed, path = np.diff(path) / np.sqrt(ETA), (path[1:] + path[:-1]) / 2
    shown = np.flatnonzero(path < 3.6)[::10]
    energy = ball(beta)[0] * speed[shown] ** 2 / 2 + hill(path[shown])
    ax.plot(path[shown], energy, color=colour, label=f"ball, β = {beta}")
    places = np.linspace(start, 3.6, 300)
    K = kinetic(HILL, beta, places)
    stop = np.append(np.flatnonzero(K < -1e-9), len(K))[0]
    drawing.draw_predicted(ax, places[:stop], (K + hill(places))[:stop])


def draw_heights(ax, measured):
    """Draw the highest barrier over beta."""
    drawing.draw_measured(ax, 1 - np.array(BETAS), measured, 0, "momentum, measured", ms=6)
    beta = np.array([0.99, 0.9925, 0.994, 0.995, 0.9965, 0.998, 0.999])
    heights = [highest(b) for b in beta]
    drawing.draw_predicted(ax, 1 - beta, heights, "predicted: energy along the way")
    mass, friction = ball(beta)
    free = mass / 2 * (np.pi * TILT / 2 / friction) ** 2
    ax.plot(1 - beta, free, "k:", lw=1, label="predicted: little friction")
    colour = so.plot.line_style(1)["color"]
    ax.axhline(TILT / np.pi, color=colour, label="gradient descent, f/π")
    ax.set(xscale="log", yscale="log", xlabel="1 − β", ylabel="highest barrier cleared, h")
    ax.set_title("η = 10⁻⁵")
    ax.legend(frameon=False)


if __name__ == "__main__":
    main(__file__)
