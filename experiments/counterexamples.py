"""Counter-examples: momentum that cycles, Adam at the worst point, the slowest function."""

import numpy as np
import sympy as sp
from matplotlib.figure import Figure

import symopt as so
from symopt.harness import Outcome, Row, main
from symopt.plot._style import PREDICTED

CLAIM = (
    "Momentum tuned for quadratics can cycle on a strongly convex function, Adam can end at the "
    "worst point of a "
    "linear one where AMSGrad finds the best, and on Nesterov's worst function no method beats his "
    "lower bound."
)

x, L, R = sp.symbols("x L R")
i, k, n, m = sp.symbols("i k n m", integer=True)
points, c = sp.IndexedBase("x", shape=(n,)), sp.IndexedBase("c")

# Lessard, Recht and Packard (2016): slope 25x, then x + 24, then 25x - 24; mu = 1, L = 25
BENT = so.Cost(
    sp.Piecewise(
        (25 * x**2 / 2, x < 1), (x**2 / 2 + 24 * x - 12, x < 2), (25 * x**2 / 2 - 24 * x + 36, True)
    ),
    params=[x],
)
POLYAK = so.momentum(
    eta=1 / 9, beta=4 / 9
)  # 4/(sqrt(L) + sqrt(mu))**2 and ((sqrt(kappa) - 1)/(sqrt(kappa) + 1))**2
CYCLING, HOMING, STEP = [3.07, 3.3, 3.46], [0.5, 3.0, 3.5, 10.0], 1e-3
# Reddi, Kale and Kumar (2018): a slope of C once in a period, else a negative one; the mean is
# positive, -1 is best
ONLINE = so.Cost(x, params=[x])
SAMPLED = so.Cost(
    sp.Sum(c[k] * x, (k, 0, m - 1)) / m, params=[x], data={c: [1010.0] + [-10.0] * 100}, samples=k
)
CASES = {
    "C = 1010": (1010.0, -10.0, 101, 0.9, 0.99),
    "C = 3": (3.0, -1.0, 3, 0.0, 0.1),
}  # with beta1 and beta2
ETA = 0.5 / sp.sqrt(so.t)
# Nesterov (2004, 2.1.2), with L = 1
square = (
    points[0] ** 2 + sp.Sum((points[i + 1] - points[i]) ** 2, (i, 0, n - 2)) + points[n - 1] ** 2
)
WORST = so.Cost(square / 8 - points[0] / 4, params=points)
K, SIZE, RULES = 100, 201, so.optimizers.textbook
NAG = so.nesterov(
    eta=1.0, beta=(so.t - 1) / (so.t + 2)
)  # Nesterov's own sequence, for convex functions


@so.rule(m=0, v=0)
def adam(theta, m, v, *, grad, eta=0.001, beta1=0.9, beta2=0.99, slope=1):
    """Adam as in the proof: without bias correction, projected onto [-1, 1]."""
    g = slope * grad(theta)
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    return sp.Max(-1, sp.Min(1, theta - eta * m / sp.sqrt(v))), m, v


@so.rule(m=0, v=0, v_max=0)
def amsgrad(theta, m, v, v_max, *, grad, eta=0.001, beta1=0.9, beta2=0.99, slope=1):
    """AMSGrad: Adam that divides by the largest v so far."""
    g = slope * grad(theta)
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    v_max = sp.Max(v_max, v)
    return sp.Max(-1, sp.Min(1, theta - eta * m / sp.sqrt(v_max))), m, v, v_max


def theory():
    """The cycle from linear equations, Adam's averages over a period, and Nesterov's bounds."""
    return {
        "the cycle of momentum": sp.Matrix(cycle()).T,
        "rate to cycle and minimum: momentum at lambda = 25": so.theory.linearize(so.momentum),
        "gd on log(cosh(x)) with eta = 3 ends at x and -x": sp.Eq(2 * x, 3 * sp.tanh(x)),
        "m in step j of a period of p": (
            "(1 - beta1)*sum(beta1**i*g[(j-i) mod p] for i < p)/(1 - beta1**p); v likewise"
        ),
        "x in the end": (
            "steps -eta*m/sqrt(v) from the wall; AMSGrad's from the other wall, with the largest v"
        ),
        "no method that stays in the span of its gradients has a gap below": 3
        * L
        * R**2
        / (32 * (k + 1) ** 2),
        "on this function, none that leaves coordinates beyond k at 0": L
        / 8
        * (1 / (k + 1) - 1 / (n + 1)),
        "Nesterov's has at most": 2 * L * R**2 / (k + 1) ** 2,
        "gradient descent at most": L * R**2 / (4 * k + 2),
    }


def cycle():
    """Return momentum's 3-cycle, increasing: two points of slope 25x, one of 25x - 24."""
    p, q, r = sp.symbols("p q r")
    eta, beta = sp.Rational(1, 9), sp.Rational(4, 9)
    slopes = {p: 25 * p, q: 25 * q, r: 25 * r - 24}
    turns = ((p, q, r), (q, r, p), (r, p, q))
    steps = [
        after - (now + beta * (now - before) - eta * slopes[now]) for before, now, after in turns
    ]
    return sorted(sp.solve(steps, [p, q, r]).values())


def settled(C, rest, period, beta1, beta2, T, keep=False):
    """Return x after step T, from averages over a period.

    It is near +1 for Adam, near -1 if the largest v is kept.
    """
    g = np.array([C] + [rest] * (period - 1))
    past = g[np.subtract.outer(np.arange(period), np.arange(period)) % period]  # [step, age]
    m, v = (
        ((1 - b) * past**p @ b ** np.arange(period)) / (1 - b**period)
        for b, p in ((beta1, 1), (beta2, 2))
    )
    position = -1.0 if keep else 1.0
    for t in range(T - 2 * period, T + 1):
        q = (t - 1) % period
        position -= 0.5 / np.sqrt(t) * m[q] / np.sqrt(v.max() if keep else v[q])
        position = min(1.0, max(-1.0, position))
    return position


def run(quick=False):
    """Run each counter-example from its paper's start."""
    paths, online = online_rows()
    shuffles, shuffled = shuffled_rows(2 if quick else 8)
    gaps, worst = worst_rows()
    settings = {
        "momentum": POLYAK,
        "Adam": "eta = 0.5/sqrt(t), beta = 0.9 and 0.99",
        "worst function": f"n = {SIZE}",
    }
    data = {"online": paths, "shuffled": shuffles, "gaps": gaps}
    return Outcome([*bent_rows(), two_cycle_row(), *online, *shuffled, *worst], data, settings)


def bent_rows():
    """Where momentum ends from the paper's starts and from a thousand others, and how fast."""
    grid = np.arange(2.9, 3.6, STEP)
    starts = np.concatenate([CYCLING, HOMING, grid])[:, None]
    study = so.sweep(BENT, POLYAK, starts, 3000, record=[2998, 2999, 3000])["momentum"]
    last = np.sort(study["history_theta"].isel(param=0).transpose("start", "step").values)
    expected, rows = np.array(cycle(), dtype=float), []
    for start, found in zip(CYCLING + HOMING, last, strict=False):
        name, target = ("3-cycle", expected) if start in CYCLING else ("minimum", np.zeros(3))
        what = f"momentum from {start:g}: distance of its last three points from the {name}"
        rows.append(
            Row.within(what, 0, np.abs(found - target).max(), absolute=1e-12, note="rounding")
        )
    for value, point in zip(cycle(), last[1], strict=True):
        rows.append(
            Row.within(
                f"momentum from 3.3: point {value} of the cycle", value, point, absolute=1e-12
            )
        )
    homing = grid[np.abs(last[-len(grid) :] - expected).max(axis=1) > 1e-9]
    low, high = homing[homing < 3.3].max(), homing[homing > 3.3].min()
    what, more = (
        "momentum: the {} start around 3.3 that cycles",
        {"n": len(grid), "note": "the grid's step"},
    )
    rows.append(Row(what.format("first"), 3.07, low + STEP, low, low + STEP, relation="<=", **more))
    rows.append(
        Row(what.format("last"), 3.46, high - STEP, high - STEP, high, relation=">=", **more)
    )
    return [*rows, nearing_row(3.3, "cycle", expected), nearing_row(0.5, "minimum", np.zeros(1))]


def nearing_row(start, name, target):
    """How fast momentum tends to its cycle or minimum: all points have curvature 25."""
    path = so.minimize(BENT, POLYAK, [start], 200).history["theta"].values
    rate = so.measure.rate(np.abs(path - target).min(axis=1))
    known = {"eta": sp.Rational(1, 9), "beta": sp.Rational(4, 9), "lambda": 25}
    exact = so.theory.linearize(so.momentum).subs(
        {sp.Symbol(name): value for name, value in known.items()}
    )
    low, high = np.array(rate.interval) * [1 - 1e-6, 1 + 1e-6]
    what, note = (
        f"momentum from {start:g}: factor per step to the {name}",
        f"{rate.regime}; the fit's interval, and 1e-6",
    )
    return Row(what, max(abs(z) for z in exact.eigenvals()), rate.factor, low, high, note=note)


def two_cycle_row():
    """Gradient descent past its limit 2/L on a convex function."""
    end = so.minimize(so.Cost(sp.log(sp.cosh(x)), params=[x]), so.gd(eta=3.0), [0.5], 500).theta[0]
    predicted = float(sp.nsolve(2 * x - 3 * sp.tanh(x), x, 1.3))
    return Row.within(
        "gd on log(cosh(x)), eta = 3: |x| in the end", predicted, abs(end), absolute=1e-12
    )


def online_rows(ends=(199_980, 200_000)):
    """The order of the paper: one large slope, then the small ones; 199980 steps are periods."""
    paths, rows = {}, []
    record = np.union1d(ends, np.geomspace(1, ends[-1], 2000).astype(int))
    for case, (C, rest, period, beta1, beta2) in CASES.items():
        slope = sp.Piecewise((C, sp.Eq(sp.Mod(so.t - 1, period), 0)), (rest, True))
        for rule in (adam, amsgrad):
            made = rule(eta=ETA, beta1=beta1, beta2=beta2, slope=slope)
            history = so.minimize(ONLINE, made, [0.0], ends[-1], record=record).history
            paths[case, rule.name] = path = history["theta"].isel(param=0)
            for T in ends:
                predicted = settled(C, rest, period, beta1, beta2, T, keep=rule is amsgrad)
                what = f"{rule.name}, {case}: x after {T} steps (the best point is -1)"
                rows.append(
                    Row.within(
                        what, predicted, float(path.sel(step=T)), absolute=1e-9, note="rounding"
                    )
                )
    return paths, rows


def shuffled_rows(seeds):
    """The same slopes as samples, each epoch a shuffle; the interval is over shuffles."""
    paths, rows = {}, []
    for rule, T, relation, bound in ((adam, 200_000, ">=", 0.9), (amsgrad, 10_000_000, "<=", -0.9)):
        runs = [
            so.minimize(SAMPLED, rule(eta=ETA), [0.0], T, batch=1, rng=seed, record=300)
            for seed in range(seeds)
        ]
        paths[rule.name] = [run.history["theta"].isel(param=0) for run in runs]
        ends = np.array([run.theta[0] for run in runs])
        what, note = (
            f"{rule.name}, C = 1010 shuffled: x after {T} steps",
            "a tenth from the end; the range over shuffles",
        )
        rows.append(Row(what, bound, ends.mean(), ends.min(), ends.max(), seeds, relation, note))
    return paths, rows


def worst_rows():
    """Gaps on Nesterov's worst function after 100 steps, between bounds and at the best eta."""
    minimum = 1 - np.arange(1, SIZE + 1) / (SIZE + 1)
    lowest, square = -SIZE / (8 * (SIZE + 1)), float(minimum @ minimum)
    runs = {"gd": so.gd(eta=1.0), "nesterov": NAG}
    gaps = {
        name: so.minimize(WORST, rule, np.zeros(SIZE), K).history["loss"] - lowest
        for name, rule in runs.items()
    }
    most = {"gd": square / (4 * K + 2), "nesterov": 2 * square / (K + 1) ** 2}
    what, least = f"worst function, {{}}: gap after {K} steps", 3 * square / (32 * (K + 1) ** 2)
    rows = [
        Row(what.format(name), bound, float(gap[-1]), relation=relation, note=note)
        for name, gap in gaps.items()
        for relation, bound, note in (
            (">=", least, "Nesterov's bound for all"),
            ("<=", most[name], "its own bound"),
        )
    ]
    rules = {name: rule(eta=np.geomspace(1e-3, 10, 31)) for name, rule in RULES.items()}
    found = so.sweep(WORST, rules, np.zeros(SIZE), K)
    best = {name: float(data["best_loss"].min()) - lowest for name, data in found.items()}
    note = "coordinates beyond k are still 0"
    rows += [
        Row(
            f"worst function, {name} at its best eta: gap after {K} steps",
            least_gap(K),
            gap,
            n=31,
            relation=">=",
            note=note,
        )
        for name, gap in best.items()
    ]
    return {"gaps": gaps, "best": best, "square": square}, rows


def least_gap(steps):
    """Return the least gap on the worst function of a method that has moved so many coordinates."""
    return (1 / (steps + 1) - 1 / (SIZE + 1)) / 8


def plot(outcome):
    """The cycle on the graph of the function; x of Adam and AMSGrad; gaps between the bounds."""
    figures = {
        name: Figure(figsize=(size, 4.4), layout="constrained")
        for name, size in (("cycle", 7), ("adam", 11), ("worst", 7))
    }
    draw_cycle(figures["cycle"].subplots())
    draw_adam(*figures["adam"].subplots(1, 2, sharey=True), outcome.data)
    draw_gaps(figures["worst"].subplots(), **outcome.data["gaps"])
    return figures


def draw_cycle(ax):
    """Draw the function, the predicted cycle, and two runs."""
    grid = np.linspace(-2.6, 4, 300)
    ax.plot(grid, BENT.value(grid[:, None]), color="0.6", label="J")
    for q, start in enumerate((3.3, 3.5)):
        theta = so.minimize(BENT, POLYAK, [start], 40).history["theta"].values
        look = {"ms": 4, "lw": 0.9, "color": so.plot.line_style(q)["color"]}
        ax.plot(theta, BENT.value(theta), "o-", label=f"from {start:g}", **look)
    ring = np.array(cycle(), dtype=float)[[0, 1, 2, 0]]
    ax.plot(ring, BENT.value(ring[:, None]), label="predicted cycle", **PREDICTED)
    ax.set(
        xlabel="x", ylabel="J", title="momentum, η = 1/9, β = 4/9", xlim=(-2.6, 4), ylim=(-4, 110)
    )
    ax.legend(frameon=False)


def draw_adam(left, right, data):
    """Left the order of the paper, right shuffles; the walls are the best and the worst point."""
    for q, rule in enumerate(("adam", "amsgrad")):
        look = {"lw": 1, "color": so.plot.line_style(q)["color"]}
        path = data["online"]["C = 1010", rule]
        left.plot(path["step"], path, label=rule, **look)
        for number, path in enumerate(data["shuffled"][rule]):
            right.plot(path["step"][1:], path[1:], label=None if number else rule, **look)
    for ax, order in (
        (left, "1010 once, then −10 a hundred times"),
        (right, "the same slopes, shuffled in every epoch"),
    ):
        for wall, label in ((1, "predicted ends"), (-1, None)):
            ax.axhline(wall, label=label, **PREDICTED)
        ax.set(xscale="log", xlabel="step", title=order, ylim=(-1.1, 1.1))
    left.set_ylabel("x (the best is −1)")
    right.legend(frameon=False, loc="center left")


def draw_gaps(ax, gaps, best, square):
    """Draw two runs between the bounds, and where each rule comes at its best learning rate."""
    steps = np.arange(1, K + 1)
    for q, (name, gap) in enumerate(gaps.items()):
        ax.plot(gap["step"][1:], gap[1:], label=name, **so.plot.line_style(q))
    bounds = {  # where each is named: at this step, above or below
        ("Nesterov's upper bound", 1, 5, "left"): 2 * square / (steps + 1) ** 2,
        ("gd's upper bound", 20, 5, "left"): square / (4 * steps + 2),
        ("lower bound for all", 12, -12, "right"): least_gap(steps),
    }
    for (name, step, shift, side), bound in bounds.items():
        ax.plot(steps, bound, label="predicted bounds" if step == 1 else None, **PREDICTED)
        ax.annotate(name, (step, bound[step - 1]), (0, shift), textcoords="offset points", ha=side)
    ax.plot([K] * len(best), list(best.values()), "k_", ms=9, label="each rule at its best η")
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="step",
        ylabel="J − J*",
        title="Nesterov's worst function",
        ylim=(3e-4, 90),
    )
    ax.legend(frameon=False, loc="lower left")


if __name__ == "__main__":
    main(__file__)
