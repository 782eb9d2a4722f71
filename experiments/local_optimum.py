"""Local optimum: how high a barrier momentum rolls over, and whether that helps."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import sympy as sp
import xarray as xr
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from scipy.integrate import solve_ivp
from scipy.optimize import brentq
from scipy.stats import qmc

import symopt as so
from symopt.harness import Outcome, Row, main
from symopt.plot._style import PREDICTED, line_style

CLAIM = (
    "Momentum rolls past local optima, so that more runs end in the global minimum than with "
    "gradient descent."
)

x, h, i, n = sp.Symbol("x"), sp.Symbol("h"), *sp.symbols("i n", integer=True)
points = sp.IndexedBase("theta")
TILT, SMALL, BALLS, ASIDE = (
    1.0,
    1e-5,
    [0.99, 0.995, 0.998, 0.999],
    1e-3,
)  # f, eta, beta, start beside a top
WASHBOARD = so.Cost(h * (1 - sp.cos(2 * sp.pi * x)) / 2 - TILT * x, params=[x])
HILL = 3.0  # the barriers of the picture
BETAS = [0.0, 0.5, 0.8, 0.9, 0.95, 0.99]
NOTICED = 0.01  # momentum helps if it brings one in a hundred more to the global minimum
WELLS, RIPPLE = (x**2 - 1) ** 2 / 4 + x / 10, x**2 - 10 * sp.cos(2 * sp.pi * x)
BARRIER, RIDGE = (float(sp.nsolve(J.diff(x), x, near)) for J, near in ((WELLS, 0.1), (RIPPLE, 0.5)))
RASTRIGIN = so.Cost(sp.Sum(10 + RIPPLE.subs(x, points[i]), (i, 0, n - 1)), params=points)
RIPPLES = {
    "along": RIPPLE,
    "reach": 5.12,
    "etas": [1e-4, 1e-3, 4e-3],
    "steps": 2000,
    "basin": (-RIDGE, RIDGE),
}
WELL = {
    "along": WELLS,
    "reach": 2,
    "etas": [1e-3, 1e-2, 1e-1],
    "steps": 8000,
    "basin": (-9, BARRIER),
}
LANDSCAPES = {
    "double well": SimpleNamespace(J=so.Cost(WELLS, params=[x]), dimensions=1, **WELL),
    "Rastrigin, 2-D": SimpleNamespace(J=RASTRIGIN, dimensions=2, **RIPPLES),
    "Rastrigin, 10-D": SimpleNamespace(J=RASTRIGIN, dimensions=10, **RIPPLES),
}


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
        "it helps if the share of runs rises by": NOTICED,
        "share, gradient descent": (
            "for each coordinate the width of the global basin over that of the box"
        ),
        "share, momentum": (
            "for each coordinate the share of starts from which the ball comes to rest in that "
            "basin"
        ),
    }


def ball(beta, eta=SMALL):
    """Return mass and friction."""
    return (1 + beta) / 2, (1 - beta) / np.sqrt(eta)


def top(height):
    """Return where the washboard has a barrier; or, if it has none, where it is least steep."""
    return 0.5 - np.arcsin(np.minimum(1, TILT / (np.pi * height))) / (2 * np.pi)


def kinetic(height, beta, places):
    """Return the kinetic energy of a ball that starts at rest at the first place.

    It is below 0 where the ball stops.
    """
    mass, friction = ball(beta)

    def gain(z, K):
        return (
            TILT
            - np.pi * height * np.sin(2 * np.pi * z)
            - friction * np.sqrt(2 * np.maximum(K, 0) / mass)
        )

    span = places[[0, -1]]
    return solve_ivp(gain, span, [0.0], method="LSODA", t_eval=places, rtol=1e-8, atol=1e-12).y[0]


@cache
def highest(beta):
    """Return the highest barrier that the ball clears.

    Where friction wins, it stops at any.
    """

    def left(height):
        return kinetic(height, beta, top(height) + np.array([ASIDE, 1]))[-1]

    flat = TILT / np.pi * (1 + 1e-6)
    return brentq(left, flat, 200) if left(flat) > 0 else TILT / np.pi


@cache
def share_of_balls(name, beta, count=1001):
    """Return the share of the box that rolls into the global basin, by the equation of motion."""
    land = LANDSCAPES[name]
    if beta == 0:
        return (min(land.basin[1], land.reach) - max(land.basin[0], -land.reach)) / (2 * land.reach)
    (mass, friction), force = ball(beta, land.etas[0]), sp.lambdify(x, -land.along.diff(x))

    def motion(_, z):
        return np.concatenate([z[count:], (force(z[:count]) - friction * z[count:]) / mass])

    start = land.reach * ((2 * np.arange(count) + 1) / count - 1)
    time = land.steps * np.sqrt(land.etas[0])
    return inside(
        solve_ivp(motion, (0, time), [*start, *(0 * start)], rtol=1e-6).y[:count, -1], name
    ).mean()


def run(quick=False):
    """Raise the barriers of a washboard under balls; drop balls anywhere on three landscapes."""
    cleared, studies = washboard(np.geomspace(0.25, 20, 300 if quick else 4000)), {}
    rows = [barrier_row(name, clear) for name, clear in cleared.items()]
    for name, land in LANDSCAPES.items():
        starts = land.reach * (
            2 * qmc.Sobol(land.dimensions, seed=0).random(512 if quick else 4096) - 1
        )
        rules = [so.momentum(eta=land.etas, beta=BETAS), so.adam(eta=[0.1, 0.3])]
        studies[name] = so.sweep(land.J, rules, starts, land.steps, best=False)
        rows += share_rows(name, studies[name]["momentum"]) + claim_rows(name, studies[name])
    beta, line = (
        1 - np.geomspace(1, 1e-3, 40 if quick else 120),
        np.linspace(-2, 2, 161 if quick else 401)[:, None],
    )
    bands = so.sweep(
        LANDSCAPES["double well"].J, so.momentum(eta=1e-3, beta=beta), line, 20_000, best=False
    )
    settings = {
        "washboard": f"eta = {SMALL:g}",
        "beta": BETAS,
        "starts": f"{len(starts)} Sobol points, scrambled",
    }
    return Outcome(
        rows,
        {"cleared": cleared, "studies": studies, "bands": bands["momentum"]["theta"]},
        settings,
    )


def washboard(heights):
    """Return which barriers a ball clears that starts at rest beside a top, for each rule."""
    height = xr.DataArray(heights, dims="h", coords={"h": heights})
    start = (top(height) + ASIDE).expand_dims("param")
    rules = {"gd": so.gd(eta=1e-2), "momentum": so.momentum(eta=SMALL, beta=BALLS)}
    study = so.sweep(WASHBOARD, rules, start, 40_000, h=height, best=False)
    past = {name: data["theta"].isel(param=0) > top(height) + 1 for name, data in study.items()}
    return {"gd": past["gd"]} | {
        f"momentum, beta = {b}": past["momentum"].sel(beta=b) for b in BALLS
    }


def barrier_row(name, clear):
    """The highest barrier that was cleared, and the next."""
    predicted = TILT / np.pi if name == "gd" else highest(float(clear["beta"]))
    last = int(clear.values.argmin())  # the lowest that stops it
    low, high = clear["h"].values[[last - 1, last]] if last > 0 else (np.nan, np.nan)
    note = "between two heights of the sweep"
    return Row(
        f"washboard, {name}: highest barrier cleared",
        predicted,
        (low + high) / 2,
        low,
        high,
        note=note,
    )


def inside(theta, name):
    """Return which coordinates are in the global basin."""
    low, high = LANDSCAPES[name].basin
    return (theta > low) & (theta < high)


def wilson(hits):
    """Return a share, its interval and n."""
    found = so.measure.success(int(hits.sum()), hits.size)
    return found.share, found.low, found.high, found.n


def share_rows(name, data):
    """At the smallest eta, where momentum is the ball; in 10-D coordinates are counted."""
    rows, land, note = (
        [],
        LANDSCAPES[name],
        "Wilson; Sobol points spread more evenly than its independent ones",
    )
    for beta in (0.0, 0.9, 0.99):
        found, share = (
            inside(data["theta"].isel(eta=0).sel(beta=beta), name),
            share_of_balls(name, beta),
        )
        what = f"{name}, beta = {beta:g}, eta = {land.etas[0]:g}: share of %s in the global basin"
        if land.dimensions <= 2 or beta == 0:
            rows.append(
                Row(what % "runs", share**land.dimensions, *wilson(found.all("param")), note=note)
            )
        if land.dimensions > 2:
            rows.append(Row(what % "coordinates", share, *wilson(found), note=note))
    return rows


def claim_rows(name, study):
    """At the largest eta: how much oftener the global basin is reached than by gd."""
    rows, unit = [], "coordinates" if LANDSCAPES[name].dimensions > 2 else "runs"
    lucky = {rule: inside(data["theta"].isel(eta=-1), name) for rule, data in study.items()}
    lucky = {
        rule: found if unit == "coordinates" else found.all("param")
        for rule, found in lucky.items()
    }
    momentum = lucky["momentum"]
    plain, rivals = (
        momentum.sel(beta=0),
        {f"momentum, beta = {b}": momentum.sel(beta=b) for b in (0.9, 0.99)},
    )
    for rival, found in (rivals | {"adam": lucky["adam"]}).items():
        gain = found.values.astype(float) - plain.values
        what = (
            f"{name}, {rival}, eta = {float(found['eta']):g}: share of {unit} in the global basin, "
            "less gd's"
        )
        note = f"1.96 standard errors, paired by start; gd's eta is {float(plain['eta']):g}"
        reach = 1.96 * gain.std() / np.sqrt(gain.size)
        rows.append(
            Row.within(
                what, NOTICED, gain.mean(), absolute=reach, n=gain.size, relation=">=", note=note
            )
        )
    return rows


def plot(outcome):
    """The ball and its barriers; which starts roll where; shares over beta."""
    return {"barrier": barrier_picture(outcome), "shares": share_picture(outcome)}


def barrier_picture(outcome):
    """The energy of balls on their way, and the highest barrier over beta."""
    figure = Figure(figsize=(11.5, 4.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(z := np.linspace(0.3, 3.6, 400), hill(z), color="0.6", label="J")
    for k, beta in enumerate((0.995, 0.998, 0.999)):
        energies(left, beta, z[-1], line_style(k)["color"])
    left.plot([], [], label="predicted", **PREDICTED)
    left.set(
        xlabel="x",
        ylabel="J and energy",
        title=f"washboard with barriers of h = {HILL:g}, η = 10⁻⁵",
    )
    left.legend(frameon=False)
    rows = [row for row in outcome.rows if row.quantity.startswith("washboard, momentum")]
    right.plot(
        [1 - beta for beta in BALLS],
        [row.measured for row in rows],
        "o",
        label="momentum, measured",
    )
    beta = np.array([0.99, 0.9925, 0.994, 0.995, 0.9965, 0.998, 0.999])
    right.plot(
        1 - beta, [highest(b) for b in beta], label="predicted: energy along the way", **PREDICTED
    )
    mass, friction = ball(beta)
    right.plot(
        1 - beta,
        mass / 2 * (np.pi * TILT / 2 / friction) ** 2,
        "k:",
        lw=1,
        label="predicted: little friction",
    )
    right.axhline(TILT / np.pi, color=line_style(1)["color"], label="gradient descent, f/π")
    right.set(
        xscale="log",
        yscale="log",
        xlabel="1 − β",
        ylabel="highest barrier cleared, h",
        title="η = 10⁻⁵",
    )
    right.legend(frameon=False)
    return figure


def hill(z):
    """Return the height of the washboard of the picture."""
    return HILL * (1 - np.cos(2 * np.pi * z)) / 2 - TILT * z


def energies(ax, beta, end, colour):
    """Draw the energy of a ball over its place, and what is predicted until it turns back."""
    start = top(HILL) + ASIDE
    theta = (
        so.minimize(WASHBOARD, so.momentum(eta=SMALL, beta=beta), [start], 20_000, h=HILL)
        .history["theta"]
        .values
    )
    speed, theta = np.diff(theta[:, 0]) / np.sqrt(SMALL), (theta[1:, 0] + theta[:-1, 0]) / 2
    theta, speed = theta[theta < end][::10], speed[theta < end][::10]
    ax.plot(
        theta, ball(beta)[0] * speed**2 / 2 + hill(theta), color=colour, label=f"ball, β = {beta}"
    )
    K = kinetic(HILL, beta, places := np.linspace(start, end, 300))
    stop = np.append(np.flatnonzero(K < -1e-9), len(K))[0]
    ax.plot(places[:stop], (K + hill(places))[:stop], **PREDICTED)


def share_picture(outcome):
    """Which starts end where, and shares over beta."""
    figure = Figure(figsize=(11.5, 4.4), layout="constrained")
    first, *others = figure.subplots(1, 3, width_ratios=(1.15, 1, 1))
    found = inside(bands := outcome.data["bands"].isel(param=0), "double well").transpose(
        "beta", "start"
    )
    colours = ListedColormap(["0.85", line_style(0)["color"]])
    x0 = np.linspace(-2, 2, found.sizes["start"])
    first.pcolormesh(x0, 1 - bands["beta"], found, cmap=colours, shading="nearest", rasterized=True)
    first.axvline(BARRIER, **PREDICTED)
    first.set(yscale="log", xlabel="start (dashed: the barrier)", ylabel="1 − β")
    first.set_title("double well, η = 0.001:\nblue ends in the deeper well")
    first.invert_yaxis()
    for ax, name in zip(others, ("double well", "Rastrigin, 10-D"), strict=True):
        panel(ax, name, outcome.data["studies"][name]["momentum"]["theta"])
    return figure


def panel(ax, name, theta):
    """The share of coordinates in the global basin over beta, with Wilson's intervals."""
    place = np.arange(len(BETAS))
    for k, eta in enumerate(theta["eta"].values):
        share, low, high, _ = np.transpose(
            [wilson(inside(theta.sel(eta=eta, beta=beta), name)) for beta in BETAS]
        )
        style = {"fmt": "os^"[k], "color": line_style(k)["color"], "ms": 5, "lw": 1}
        ax.errorbar(
            place + 0.15 * (k - 1),
            share,
            [share - low, high - share],
            label=f"η = {eta:g}",
            **style,
        )
    predicted = [share_of_balls(name, beta) for beta in BETAS]
    ax.plot(place, predicted, **PREDICTED, label=f"predicted, η = {theta['eta'].values[0]:g}")
    ax.set_xticks(place, [f"{beta:g}" for beta in BETAS])
    unit = "coordinates" if theta.sizes["param"] > 1 else "runs"
    ax.set(xlabel="β", ylabel=f"share of {unit} in the global basin", title=name)
    ax.set_ylim(top=ax.get_ylim()[1] + 0.35 * np.ptp(ax.get_ylim()))
    ax.legend(frameon=False, loc="upper left")


if __name__ == "__main__":
    main(__file__)
