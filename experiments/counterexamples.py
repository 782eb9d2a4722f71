"""Counter-examples: where momentum cycles, Adam walks away, and how slow the best first-order method has to be."""

import numpy as np
import sympy as sp
from matplotlib.figure import Figure

import symopt as so
from symopt.laboratory import Outcome, Row, main

CLAIM = (
    "Momentum tuned for quadratics cycles on a strongly convex function, Adam ends at the worst point of a linear one, "
    "and no first-order method beats Nesterov's worst function by more than a constant."
)

x, z, L = sp.symbols("x z L")
i, k, n, m = sp.symbols("i k n m", integer=True)
points, c = sp.IndexedBase("x", shape=(n,)), sp.IndexedBase("c")

# Lessard, Recht and Packard (2016): slope 25x, then x + 24, then 25x - 24; mu = 1, L = 25
BENT = so.Cost(
    sp.Piecewise((25 * x**2 / 2, x < 1), (x**2 / 2 + 24 * x - 12, x < 2), (25 * x**2 / 2 - 24 * x + 36, True)),
    params=[x],
)
POLYAK = {"eta": 1 / 9, "beta": 4 / 9}
CYCLING, HOMING = [3.07, 3.3, 3.46], [0.5, 3.0, 3.5, 10.0]
# Reddi, Kale and Kumar (2018): one slope of 1010 among a hundred of -10; the mean is positive, the best point is -1
SAMPLED = so.Cost(sp.Sum(c[k] * x, (k, 0, m - 1)) / m, params=[x], data={c: [1010.0] + [-10.0] * 100}, samples=k)
# Nesterov (2004, 2.1.2), with L = 1
square = points[0] ** 2 + sp.Sum((points[i + 1] - points[i]) ** 2, (i, 0, n - 2)) + points[n - 1] ** 2
WORST = so.Cost(square / 8 - points[0] / 4, params=points)
K, SIZE = 100, 201


@so.rule(m=0, v=0)
def projected_adam(theta, m, v, *, grad, eta=0.001, beta1=0.9, beta2=0.99):
    """Adam as in the proof: without bias correction, projected onto [-1, 1]."""
    m = beta1 * m + (1 - beta1) * grad(theta)
    v = beta2 * v + (1 - beta2) * grad(theta) ** 2
    return sp.Max(-1, sp.Min(1, theta - eta * m / sp.sqrt(v))), m, v


@so.rule(m=0, v=0, v_max=0)
def projected_amsgrad(theta, m, v, v_max, *, grad, eta=0.001, beta1=0.9, beta2=0.99):
    """AMSGrad: Adam that never forgets the largest v."""
    m = beta1 * m + (1 - beta1) * grad(theta)
    v = beta2 * v + (1 - beta2) * grad(theta) ** 2
    v_max = sp.Max(v_max, v)
    return sp.Max(-1, sp.Min(1, theta - eta * m / sp.sqrt(v_max))), m, v, v_max


def theory():
    """The cycle from three linear equations; the bounds of Nesterov (1983, 2004) and of Beck and Teboulle (2009)."""
    R, j = sp.symbols("R k")
    return {
        "the cycle of momentum": sp.Matrix(cycle()).T,
        "of gradient descent on log(cosh(x)) with eta = 3, at +-x": sp.Eq(2 * x, 3 * sp.tanh(x)),
        "no method in the span of its gradients has a gap below": 3 * L * R**2 / (32 * (j + 1) ** 2),
        "Nesterov's has at most": 2 * L * R**2 / (j + 1) ** 2,
        "Adam, with C = 1010 once among 101": "its average forgets the one large slope; AMSGrad's maximum does not",
    }


def cycle():
    """Return the points p, q, r of momentum's 3-cycle: two where the slope is 25x, one where it is 25x - 24."""
    p, q, r = sp.symbols("p q r")
    eta, beta = sp.Rational(1, 9), sp.Rational(4, 9)
    slopes = {p: 25 * p, q: 25 * q, r: 25 * r - 24}
    steps = [
        after - (now + beta * (now - before) - eta * slopes[now])
        for before, now, after in ((p, q, r), (q, r, p), (r, p, q))
    ]
    return [value for _, value in sorted(sp.solve(steps, [p, q, r]).items(), key=lambda pair: str(pair[0]))]


def run(quick=False):
    """Run each counter-example from its paper's start."""
    cycles, bent = bent_rows()
    adam, sampled = sampled_rows(quick)
    gaps, worst = worst_rows()
    settings = {"heavy ball": POLYAK, "Adam": "eta = 0.5/sqrt(t), beta = 0.9, 0.99", "worst function": f"n = {SIZE}"}
    return Outcome([*bent, two_cycle_row(), *sampled, *worst], {"cycles": cycles, "adam": adam, "gaps": gaps}, settings)


def bent_rows():
    """Where momentum is after 3000 steps, from each start."""
    study = so.sweep(BENT, so.momentum(**POLYAK), np.array(CYCLING + HOMING)[:, None], 3000, record=True)["momentum"]
    path = study["history_theta"].isel(param=0)
    expected = np.sort([float(value) for value in cycle()])
    rows = []
    for start, run in zip(CYCLING + HOMING, path, strict=True):
        last = np.sort(run.values[-3:])
        what = f"momentum from {start:g}: distance of the last three points from "
        target, name = (expected, "the cycle") if start in CYCLING else (np.zeros(3), "the minimum")
        rows.append(Row.within(what + name, 0, np.abs(last - target).max(), absolute=1e-6))
    return path, rows


def two_cycle_row():
    """Gradient descent past its limit 2/L on a convex function."""
    end = so.minimize(so.Cost(sp.log(sp.cosh(x)), params=[x]), so.gd(eta=3.0), [0.5], 500).theta[0]
    predicted = float(sp.nsolve(2 * x - 3 * sp.tanh(x), x, 1.3))
    return Row.within("gd on log(cosh(x)), eta = 3: |x| in the end", predicted, abs(end), absolute=1e-9)


def sampled_rows(quick):
    """Where Adam and AMSGrad are in the end, over shuffles of the samples; n is the number of shuffles."""
    steps = {"adam": 200_000, "amsgrad": 8_000_000}
    seeds = range(2 if quick else 8)
    eta = 0.5 / sp.sqrt(so.t)
    paths, rows = {}, []
    for rule, name, end in ((projected_adam, "adam", 1), (projected_amsgrad, "amsgrad", -1)):
        runs = [
            so.minimize(SAMPLED, rule(eta=eta), [0.0], steps[name], batch=1, rng=seed, record=300) for seed in seeds
        ]
        paths[name] = [run.history["theta"].isel(param=0) for run in runs]
        ends = np.array([path.values[-1] for path in paths[name]])
        relation, bound = (">=", 0.9) if end > 0 else ("<=", -0.9)
        what = f"projected {name}: x after {steps[name]} steps (the best point is -1)"
        note = f"the range over {len(ends)} shuffles; the theorem says {end:+d}"
        rows.append(Row(what, bound, ends.mean(), ends.min(), ends.max(), len(ends), relation, note))
    return paths, rows


def worst_rows():
    """The gap of two methods on Nesterov's worst function, between the bounds."""
    minimum = 1 - np.arange(1, SIZE + 1) / (SIZE + 1)
    lowest, distance = -SIZE / (8 * (SIZE + 1)), float(minimum @ minimum)
    sequence = (so.t - 1) / (so.t + 2)  # Nesterov's own, for convex functions
    rules = {
        "gd": so.gd(eta=1.0),
        "momentum": so.momentum(eta=1.0, beta=0.9),
        "nesterov": so.nesterov(eta=1.0, beta=sequence),
    }
    gaps = {name: so.minimize(WORST, rule, np.zeros(SIZE), K).history["loss"] - lowest for name, rule in rules.items()}
    low, high = 3 * distance / (32 * (K + 1) ** 2), 2 * distance / (K + 1) ** 2
    what = f"worst function, {{}}: gap after {K} steps"
    rows = [
        Row(what.format(name), low, float(gap[-1]), relation=">=", note="the lower bound for every first-order method")
        for name, gap in gaps.items()
    ]
    rows.append(
        Row(what.format("nesterov"), high, float(gaps["nesterov"][-1]), relation="<=", note="its own upper bound")
    )
    return {"gaps": gaps, "distance": distance}, rows


def plot(outcome):
    """The cycle on the graph of the function; x of Adam and AMSGrad; gaps between the bounds."""
    figure = Figure(figsize=(14, 4.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    draw_cycle(left, outcome.data["cycles"])
    for q, (name, paths) in enumerate(outcome.data["adam"].items()):
        for number, path in enumerate(paths):
            middle.plot(
                path["step"],
                path,
                label=None if number else name,
                linewidth=1,
                alpha=0.7,
                color=so.plot.line_style(q)["color"],
            )
    middle.set(
        xscale="symlog",
        xlabel="step",
        ylabel="x (the best is −1)",
        ylim=(-1.05, 1.05),
        title="a slope of 1010 among a hundred of −10",
    )
    middle.legend(frameon=False)
    steps, distance = np.arange(1, K + 1), outcome.data["gaps"]["distance"]
    for q, (name, gap) in enumerate(outcome.data["gaps"]["gaps"].items()):
        right.plot(gap["step"][1:], gap[1:], label=name, **so.plot.line_style(q))
    right.plot(steps, 2 * distance / (steps + 1) ** 2, "k--", linewidth=1, label="Nesterov's upper bound")
    right.plot(K, 3 * distance / (32 * (K + 1) ** 2), "k^", label=f"lower bound for all, k = {K}")
    right.set(xscale="log", yscale="log", xlabel="step", ylabel="J − J*", title="Nesterov's worst function")
    right.legend(frameon=False)
    return {"counterexamples": figure}


def draw_cycle(ax, paths):
    """Draw the function, and the last steps of a run that cycles and the first of one that does not."""
    grid = np.linspace(-2.6, 3.4, 300)
    ax.plot(grid, BENT.value(grid[:, None]), color="0.6")
    for q, (place, shown, label) in enumerate(
        ((1, slice(-7, None), "from 3.3, in the end"), (5, slice(0, 12), "from 3.5"))
    ):
        theta = paths.isel(start=place).values[shown]
        ax.plot(
            theta,
            BENT.value(theta[:, None]),
            "o-",
            label=label,
            linewidth=0.9,
            markersize=4,
            color=so.plot.line_style(q)["color"],
        )
    ax.set(xlabel="x", ylabel="J", title="momentum, η = 1/9, β = 4/9", xlim=(-2.6, 3.4), ylim=(-4, 90))
    ax.legend(frameon=False)


if __name__ == "__main__":
    main(__file__)
