"""Saddle: how long a run stays near one, by how near it starts; and why Adam does not care."""

from functools import cache

import numpy as np
import sympy as sp
from matplotlib.figure import Figure
from scipy import stats

import symopt as so
from symopt.harness import Outcome, Row, main
from symopt.plot._style import PREDICTED, line_style

CLAIM = (
    "At a saddle each factor of ten nearer to it costs gradient descent, momentum and Nesterov the "
    "same number of "
    "steps; Adam leaves in a time that does not depend on the distance, until its gradient is "
    "about epsilon."
)

x, y, gamma = sp.symbols("x y gamma")
J = so.Cost((x**2 - gamma * y**2) / 2, params=[x, y])
GAMMA, DELTA, WIDTH, ETA, SLOW = (
    1.0,
    1.0,
    0.01,
    0.05,
    0.01,
)  # |y0| < WIDTH is random; SLOW is Adam's eta
EXIT = -GAMMA * DELTA**2 / 2  # J at y = Delta
RULES = {name: so.optimizers[name](eta=ETA) for name in ("gd", "momentum", "nesterov")}
NEAR = 10.0 ** -np.arange(2, 12.25, 0.25)  # |y0|
TINY = np.append(NEAR, 10.0 ** -np.arange(15, 301, 5.0))
GUARDS, GUARD = [1e-8, 1e-4, 1e-2], 1e-4  # epsilon; the one that is looked at below it
DEEP = -GAMMA * (GUARD / 100) ** 2 / 2  # J where the gradient is a hundredth of GUARD
LATE = {"gd": 150, "momentum": 40, "nesterov": 40}  # the step at which one share is read off


def theory():
    """On the ridge every rule but Adam is a matrix M; y grows by its largest eigenvalue G."""
    G, C, far, y0, a, k, eta = sp.symbols("G C Delta y0 a t eta", positive=True)
    T, second, M = sp.Symbol("T"), sp.Symbol("G_2"), sp.IndexedBase("M")
    return {
        **{f"G, {name}": so.theory.escape(rule) for name, rule in RULES.items()},
        "steps from |y0| to Delta": sp.Eq(T, (sp.log(far / y0) - sp.log(C)) / sp.log(G)),
        "C, the share of the start that grows (gd: 1)": (M[0, 0] - second) / (G - second),
        "y0 drawn evenly from -a to a": sp.Eq(sp.Symbol("P(T > t)"), far * G**-k / (a * C)),
        "mean of T, and 1/2 for rounding up": (sp.log(far / (a * C)) + 1) / sp.log(G) + sp.S.Half,
        "Adam, at most, from where its gradient is epsilon": far / eta,
        "Adam, at least: y = eta*p*t has the mean square y^2/3": far / (sp.sqrt(3) * eta),
        "G, Adam while the gradient is far below epsilon (v = 0)": so.theory.escape(
            so.adam, held="v"
        ),
    }


@cache
def growth(name, steps=2000):
    """Return abs(y) after 0, 1, ... steps from y = 1 at rest, by powers of the rule's matrix."""
    values = {**RULES[name].hyperparameters, "lambda": -GAMMA}
    M = so.theory.linearize(RULES[name]).subs(
        {sp.Symbol(key): value for key, value in values.items()}
    )
    M = np.array(M, dtype=float)
    powers = [np.eye(len(M))]
    for _ in range(steps):
        powers.append(M @ powers[-1])
    return np.array([power[0, 0] for power in powers])


@cache
def law(name):
    """Return G and C of y = C*G**k."""
    G = so.theory.escape(RULES[name], GAMMA)
    return G, growth(name)[400] / G**400


def below(guard, steps=5000):
    """Return ln(y) after 0, 1, ... steps of Adam from y = 1, far below epsilon, where v is 0."""
    beta1, m, factors = so.adam.hyperparameters["beta1"], 0.0, [1.0]  # m over y
    for k in range(1, steps + 1):
        m = beta1 * m + (1 - beta1)
        factors.append(1 + SLOW * GAMMA / guard * m / (1 - beta1**k))
        m /= factors[-1]
    return np.cumsum(np.log(factors))


def most(guard):
    """Return Adam's steps at most: until its gradient is epsilon, and Delta/eta from there."""
    return DELTA / SLOW + np.searchsorted(below(guard), np.log(guard / (GAMMA * TINY)))


def beside(distances):
    """Return starts on the ridge but for a distance."""
    return np.stack([np.zeros_like(distances), distances], axis=-1)


def place(decades, distances=NEAR):
    """Return where 10**-decades is among the distances."""
    return int(abs(np.log10(distances) + decades).argmin())


def run(quick=False):
    """Start at given distances, at random ones, and with Adam far below its epsilon."""
    n, near = 10_000 if quick else 100_000, J(gamma=GAMMA)
    study = so.sweep(near, RULES, beside(NEAR), 700, record=True)
    times = {
        name: so.measure.saddle_escape(data, [0, 0], radius=DELTA, cost=near)
        for name, data in study.items()
    }
    times = {name: data["time"].values for name, data in times.items()}
    starts, slow = so.uniform([0, -WIDTH], [0, WIDTH], size=n, rng=0), so.adam(eta=SLOW)
    drawn = so.sweep(near, RULES | {"adam": slow}, starts, 700, targets=EXIT, best=False)
    curves = {
        name: so.measure.survival(so.measure.hitting(data, EXIT)) for name, data in drawn.items()
    }
    adam = so.sweep(
        near, slow(epsilon=GUARDS), beside(TINY), 5000, targets=[EXIT, DEEP], best=False
    )["adam"]
    out, deep = (so.measure.hitting(adam, level)["time"] for level in (EXIT, DEEP))
    rows = [row for name in RULES for row in distance_rows(name, times[name])]
    rows += [row for name in RULES for row in random_rows(name, curves[name], drawn[name])]
    rows += adam_rows(out, deep)
    settings = {
        "gamma": GAMMA,
        "Delta": DELTA,
        "eta": ETA,
        "eta of Adam": SLOW,
        "a": WIDTH,
        "starts": n,
    }
    return Outcome(rows, {"times": times, "curves": curves, "adam": out}, settings)


def distance_rows(name, time):
    """From one distance, over eight decades, and over all; times are whole steps."""
    (G, _), x = law(name), np.log(DELTA / NEAR)
    first, last = place(2), place(10)
    exact = int(np.argmax(growth(name) * NEAR[last] >= DELTA))
    what = f"{name}, |y0| = 1e-10: steps (ln(Delta/|y0|)/ln G is {x[last] / np.log(G):.1f})"
    slope, spread = np.polyfit(x, time, 1)[0], x - x.mean()
    reach, note = (
        abs(spread).sum() / (spread**2).sum() / 2,
        "the most that rounding up to whole steps can tilt a line",
    )
    return [
        Row.within(what, exact, time[last], absolute=1),
        Row.within(
            f"{name}: steps for 8 decades",
            np.log(1e8) / np.log(G),
            time[last] - time[first],
            1,
            n=2,
        ),
        Row.within(
            f"{name}: steps for a factor e", 1 / np.log(G), slope, reach, n=len(time), note=note
        ),
    ]


def random_rows(name, curve, data):
    """The distribution for random starts: its mean, its median, all of it, a late share."""
    G, C = law(name)
    time, share = data["hit"].values[:, 0], np.minimum(1, DELTA / (WIDTH * growth(name)))
    mean = stats.bootstrap(
        (time,), np.mean, n_resamples=999, method="percentile", rng=0, batch=50
    ).confidence_interval
    about = (np.log(DELTA / (WIDTH * C)) + 1) / np.log(G) + 0.5
    what = f"{name}, random y0: mean of T (the law says {about:.2f})"
    note = "95 % bootstrap; predicted: the sum of P(T > t)"
    rows = [Row(what, share.sum(), time.mean(), *mean, n=curve.n, note=note)]
    what, predicted = f"{name}, random y0: median of T", np.argmax(share <= 0.5)
    rows.append(Row(what, predicted, curve.median, *curve.median_interval, n=curve.n))
    steps = np.arange(len(share))
    away = np.abs(1 - np.searchsorted(np.sort(time), steps, side="right") / len(time) - share).max()
    bound, note = (
        np.sqrt(np.log(2 / 0.05) / (2 * len(time))),
        "95 % for all t at once: Massart 1990",
    )
    what = f"{name}, random y0: largest distance of P(T > t) from the prediction, over all t"
    rows.append(Row(what, bound, away, n=curve.n, relation="<=", note=note))
    k = LATE[name]
    return [
        *rows,
        Row(f"{name}, random y0: P(T > {k})", share[k], *curve.at(k), curve.n, note="95 %"),
    ]


def adam_rows(out, deep):
    """Adam at the distances of the other rules, and where its gradient is far below epsilon."""
    time = out.sel(epsilon=GUARDS[0]).values[: len(NEAR)]
    far, near = time[0], time[-1]
    most, fewest = "adam: most steps from |y0| = 1e-2 to 1e-12", "adam: fewest of them"
    rows = [
        Row(
            "adam: steps from |y0| = 1e-2 over those from 1e-12",
            1,
            far / near,
            (far - 1) / (near + 1),
            (far + 1) / (near - 1),
            n=2,
            note="each is known to a step",
        ),
        Row(most, DELTA / SLOW, time.max(), n=len(time), relation="<="),
        Row(fewest, DELTA / SLOW / np.sqrt(3), time.min(), n=len(time), relation=">="),
    ]
    G = so.theory.evaluate(
        so.theory.escape(so.adam, held="v"), so.adam(eta=SLOW, epsilon=GUARD), gamma=GAMMA, v=0
    )
    ends = [place(300, TINY), place(200, TINY)]
    more = -float(np.diff(deep.sel(epsilon=GUARD).values[ends])[0])
    what = f"adam, epsilon = {GUARD:g}: steps for a factor e while |g| < epsilon/100"
    rows.append(
        Row.within(
            what, 1 / np.log(G), more / np.log(1e100), 1 / np.log(1e100), n=2, note="a step in all"
        )
    )
    predicted = int(np.argmax(below(GUARD) >= np.log(GUARD / 100 / (GAMMA * TINY[ends[0]]))))
    what, measured = (
        f"adam, epsilon = {GUARD:g}: steps from |y0| = 1e-300 to there",
        deep.sel(epsilon=GUARD)[ends[0]],
    )
    rows.append(Row.within(what, predicted, float(measured), absolute=1))
    ratios = [(out.sel(epsilon=guard) / most(guard)).max() for guard in GUARDS]
    what, note = "adam, all epsilon and |y0|: largest share of the steps at most", "see theory()"
    return [*rows, Row(what, 1, float(max(ratios)), n=out.size, relation="<=", note=note)]


def plot(outcome):
    """Times over distances, their distribution, and Adam's; predictions are dashed."""
    figure = Figure(figsize=(13, 4.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    laws, adam = {}, outcome.data["adam"]
    for k, name in enumerate(RULES):
        G, C = law(name)
        laws[name] = lambda t, G=G, C=C: np.minimum(1, DELTA / (WIDTH * C) * G**-t)
        left.plot(
            NEAR,
            np.log(DELTA / (C * NEAR)) / np.log(G),
            label=None if k else "predicted",
            **PREDICTED,
        )
        left.plot(
            NEAR,
            outcome.data["times"][name],
            "osD"[k],
            ms=4,
            color=line_style(k)["color"],
            label=name,
        )
    adams = adam.sel(epsilon=GUARDS[0])[: len(NEAR)]
    left.plot(NEAR, adams, "^", ms=4, color=line_style(3)["color"], label=f"adam, η = {SLOW:g}")
    left.set(xscale="log", ylim=(0, None), xlabel="|y₀|, start", ylabel=f"steps to |y| = {DELTA:g}")
    so.plot.survival(outcome.data["curves"], ax=middle, predicted=laws)
    middle.get_legend().remove()
    middle.set(
        yscale="log",
        ylim=(3 / outcome.settings["starts"], 1.5),
        title=f"y₀ ~ U(−{WIDTH:g}, {WIDTH:g})",
    )
    adam_panel(right, adam)
    left.set_title(f"curvature −γ = −{GAMMA:g}, η = {ETA:g}")
    figure.legend(
        *left.get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False
    )
    return {"saddle": figure}


def adam_panel(ax, times):
    """Adam's times; predicted: the steps until its gradient is epsilon, then Delta/eta at most."""
    for k, guard in enumerate(GUARDS):
        ax.plot(TINY, most(guard), label=None if k else "predicted, at most", **PREDICTED)
        colour = line_style((3, 4, 5)[k])["color"]
        ax.plot(
            TINY, times.sel(epsilon=guard), "^os"[k], ms=3, color=colour, label=f"ε = {guard:g}"
        )
    ax.set(xscale="log", yscale="log", xlabel="|y₀|, start", ylabel=f"steps to |y| = {DELTA:g}")
    ax.set(
        xticks=10.0 ** -np.arange(0, 301, 100),
        ylim=(60, 12_000),
        title=f"Adam, η = {SLOW:g}, far below ε too",
    )
    ax.legend(frameon=False)


if __name__ == "__main__":
    main(__file__)
