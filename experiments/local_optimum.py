"""Local optimum: whether rolling past local optima brings more runs to the global one."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import sympy as sp
from matplotlib.colors import ListedColormap
from scipy.integrate import solve_ivp
from scipy.stats import qmc

import symopt as so
from symopt.harness import Outcome, Row, drawing, main, stats

CLAIM = (
    "Momentum rolls past local optima, so that more runs end in the global minimum than with "
    "gradient descent."
)

x, i, n = sp.Symbol("x"), *sp.symbols("i n", integer=True)
points = sp.IndexedBase("theta")
BETAS = [0.0, 0.5, 0.8, 0.9, 0.95, 0.99]
NOTICED = 0.01  # momentum helps if it brings one in a hundred more to the global minimum
WELLS, RIPPLE = (x**2 - 1) ** 2 / 4 + x / 10, x**2 - 10 * sp.cos(2 * sp.pi * x)
BARRIER, RIDGE = (float(sp.nsolve(J.diff(x), x, near)) for J, near in ((WELLS, 0.1), (RIPPLE, 0.5)))
RASTRIGIN = so.Cost(sp.Sum(10 + RIPPLE.subs(x, points[i]), (i, 0, n - 1)), params=points)
WELL = {"along": WELLS, "reach": 2, "etas": [1e-3, 1e-2, 1e-1], "steps": 8000}
RIPPLES = {"along": RIPPLE, "reach": 5.12, "etas": [1e-4, 1e-3, 4e-3], "steps": 2000}
RIPPLES |= {"J": RASTRIGIN, "basin": (-RIDGE, RIDGE)}
WELL |= {"J": so.Cost(WELLS, params=[x]), "basin": (-9, BARRIER)}
LANDSCAPES = {
    "double well": SimpleNamespace(dimensions=1, **WELL),
    "Rastrigin, 2-D": SimpleNamespace(dimensions=2, **RIPPLES),
    "Rastrigin, 10-D": SimpleNamespace(dimensions=10, **RIPPLES),
}


def theory():
    """Momentum is a ball with friction (see barrier); what counts is where it comes to rest."""
    gain = "it helps if the share of runs rises by"
    return {
        gain: NOTICED,
        "share, gradient descent": (
            "for each coordinate the width of the global basin over that of the box"
        ),
        "share, momentum": (
            "for each coordinate the share of starts from which the ball comes to rest in that "
            "basin"
        ),
    }


def inside(theta, land):
    """Return which coordinates are in the global basin."""
    low, high = land.basin
    return (theta > low) & (theta < high)


@cache
def share_of_balls(name, beta, count=1001):
    """Return the share of the box that rolls into the global basin, by the equation of motion."""
    land = LANDSCAPES[name]
    if beta == 0:
        low, high = np.clip(land.basin, -land.reach, land.reach)
        return (high - low) / (2 * land.reach)
    eta = land.etas[0]
    mass, friction = (1 + beta) / 2, (1 - beta) / np.sqrt(eta)
    force = sp.lambdify(x, -land.along.diff(x))

    def motion(_, z):
        speed = z[count:]
        return np.concatenate([speed, (force(z[:count]) - friction * speed) / mass])

    start = land.reach * ((2 * np.arange(count) + 1) / count - 1)
    time = land.steps * np.sqrt(eta)
    ends = solve_ivp(motion, (0, time), [*start, *(0 * start)], rtol=1e-6).y[:count, -1]
    return inside(ends, land).mean()


def run(quick=False):
    """Drop balls anywhere on three landscapes."""
    rows, studies = [], {}
    for name, land in LANDSCAPES.items():
        drawn = qmc.Sobol(land.dimensions, seed=0).random(512 if quick else 4096)
        rules = [so.momentum(eta=land.etas, beta=BETAS), so.adam(eta=[0.1, 0.3])]
        starts = land.reach * (2 * drawn - 1)
        studies[name] = so.sweep(land.J, rules, starts, land.steps, best=False)
        for beta in (0.0, 0.9, 0.99):
            rows += share_rows(name, beta, studies[name]["momentum"])
        rows += claim_rows(name, studies[name])
    line = np.linspace(-2, 2, 161 if quick else 401)[:, None]
    rule = so.momentum(eta=1e-3, beta=1 - np.geomspace(1, 1e-3, 40 if quick else 120))
    bands = so.sweep(LANDSCAPES["double well"].J, rule, line, 20_000, best=False)
    settings = {"beta": BETAS, "starts": f"{len(drawn)} Sobol points, scrambled"}
    data = {"studies": studies, "bands": bands["momentum"]["theta"].isel(param=0)}
    return Outcome(rows, data, settings)


def share_rows(name, beta, data):
    """At the smallest eta, where momentum is the ball; in 10-D coordinates are counted."""
    land, rows = LANDSCAPES[name], []
    found = inside(data["theta"].isel(eta=0).sel(beta=beta), land)
    share = share_of_balls(name, beta)
    what = f"{name}, beta = {beta:g}, eta = {land.etas[0]:g}: share of %s in the global basin"
    note = "Wilson; Sobol points spread more evenly than its independent ones"
    if land.dimensions <= 2 or beta == 0:
        together = share**land.dimensions
        rows.append(stats.share(what % "runs", together, found.all("param"), note=note))
    if land.dimensions > 2:
        rows.append(stats.share(what % "coordinates", share, found, note=note))
    return rows


def claim_rows(name, study):
    """At the largest eta: how much oftener the global basin is reached than by gd."""
    land, unit = LANDSCAPES[name], "runs"
    found = {rule: inside(data["theta"].isel(eta=-1), land) for rule, data in study.items()}
    if land.dimensions > 2:
        unit = "coordinates"
    else:
        found = {rule: lucky.all("param") for rule, lucky in found.items()}
    plain = found["momentum"].sel(beta=0)
    rivals = {f"momentum, beta = {b}": found["momentum"].sel(beta=b) for b in (0.9, 0.99)}
    rows = []
    for rival, lucky in (rivals | {"adam": found["adam"]}).items():
        gain = lucky.values.astype(float) - plain.values
        where = f"{name}, {rival}, eta = {float(lucky['eta']):g}"
        note = f"1.96 standard errors, paired by start; gd's eta is {float(plain['eta']):g}"
        row = Row.within(
            f"{where}: share of {unit} in the global basin, less gd's",
            NOTICED,
            gain.mean(),
            absolute=1.96 * gain.std() / np.sqrt(gain.size),
            n=gain.size,
            relation=">=",
            note=note,
        )
        rows.append(row)
    return rows


def plot(outcome):
    """Which starts end where, and shares over beta."""
    figure, (first, *others) = drawing.panels(3, (11.5, 4.4), width_ratios=(1.15, 1, 1))
    draw_bands(first, outcome.data["bands"])
    for ax, name in zip(others, ("double well", "Rastrigin, 10-D"), strict=True):
        draw_shares(ax, name, outcome.data["studies"][name]["momentum"]["theta"])
    return {"shares": figure}


def draw_bands(ax, ends):
    """Draw which starts end in the deeper well, for every beta."""
    found = inside(ends, LANDSCAPES["double well"]).transpose("beta", "start")
    colours = ListedColormap(["0.85", so.plot.line_style(0)["color"]])
    starts = np.linspace(-2, 2, found.sizes["start"])
    look = {"cmap": colours, "shading": "nearest", "rasterized": True}
    ax.pcolormesh(starts, 1 - ends["beta"], found, **look)
    ax.axvline(BARRIER, **so.plot.PREDICTED)
    ax.set(yscale="log", xlabel="start (dashed: the barrier)", ylabel="1 − β")
    ax.set_title("double well, η = 0.001:\nblue ends in the deeper well")
    ax.invert_yaxis()


def draw_shares(ax, name, theta):
    """Draw the share of coordinates in the global basin over beta, with Wilson's intervals."""
    places, land = np.arange(len(BETAS)), LANDSCAPES[name]
    for k, eta in enumerate(land.etas):
        found = [inside(theta.sel(eta=eta, beta=beta), land) for beta in BETAS]
        rows = [stats.share("", 0.0, one) for one in found]
        shares, low, high = np.transpose([(row.measured, row.low, row.high) for row in rows])
        look = {"color": so.plot.line_style(k)["color"], "fmt": drawing.MARKS[k], "ms": 5, "lw": 1}
        reach = [shares - low, high - shares]
        ax.errorbar(places + 0.15 * (k - 1), shares, reach, label=f"η = {eta:g}", **look)
    predicted = [share_of_balls(name, beta) for beta in BETAS]
    drawing.draw_predicted(ax, places, predicted, f"predicted, η = {land.etas[0]:g}")
    ax.set_xticks(places, [f"{beta:g}" for beta in BETAS])
    unit = "runs" if land.dimensions == 1 else "coordinates"
    ax.set(xlabel="β", ylabel=f"share of {unit} in the global basin", title=name)
    ax.set_ylim(top=ax.get_ylim()[1] + 0.35 * np.ptp(ax.get_ylim()))
    ax.legend(frameon=False, loc="upper left")


if __name__ == "__main__":
    main(__file__)
