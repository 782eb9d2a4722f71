"""Counter-example: Adam ends at the worst point of a linear function, AMSGrad at the best."""

import numpy as np
import sympy as sp

import symopt as so
from symopt.harness import Outcome, Row, drawing, main

CLAIM = (
    "Where a large gradient comes seldom and small ones of the other sign often, Adam ends at the "
    "worst point, AMSGrad at the best."
)

x = sp.Symbol("x")
k, m = sp.symbols("k m", integer=True)
c = sp.IndexedBase("c")
# Reddi, Kale and Kumar (2018): a slope of C once in a period, else a negative one; the mean is
# positive, -1 is best
ONLINE = so.Cost(x, params=[x])
SAMPLED = so.Cost(
    sp.Sum(c[k] * x, (k, 0, m - 1)) / m, params=[x], data={c: [1010.0] + [-10.0] * 100}, samples=k
)
CASES = {  # C, the other slope, the period, beta1 and beta2
    "C = 1010": (1010.0, -10.0, 101, 0.9, 0.99),
    "C = 3": (3.0, -1.0, 3, 0.0, 0.1),
}
ETA = 0.5 / sp.sqrt(so.t)
ENDS = (199_980, 200_000)  # 199980 steps are whole periods


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
    """Adam's averages over a period."""
    return {
        "m in step j of a period of p": (
            "(1 - beta1)*sum(beta1**i*g[(j-i) mod p] for i < p)/(1 - beta1**p); v likewise"
        ),
        "x in the end": (
            "steps -eta*m/sqrt(v) from the wall; AMSGrad's from the other wall, with the largest v"
        ),
    }


def settled(case, T, largest=False):
    """Return x after step T: near +1 for Adam, near -1 with the largest v."""
    C, rest, period, beta1, beta2 = CASES[case]
    ages = np.arange(period)
    g = np.array([C] + [rest] * (period - 1))
    past = g[np.subtract.outer(ages, ages) % period]  # [step, age]
    m = (1 - beta1) * past @ beta1**ages / (1 - beta1**period)
    v = (1 - beta2) * past**2 @ beta2**ages / (1 - beta2**period)
    position = 1.0
    if largest:
        position, v = -1.0, np.full(period, v.max())
    for t in range(T - 2 * period, T + 1):
        q = (t - 1) % period
        position -= 0.5 / np.sqrt(t) * m[q] / np.sqrt(v[q])
        position = min(1.0, max(-1.0, position))
    return position


def run(quick=False):
    """The order of the paper; then the same slopes as samples, each epoch a shuffle."""
    rows, online, shuffled = [], {}, {}
    for case in CASES:
        for rule in (adam, amsgrad):
            online[case, rule.name] = path = online_path(case, rule)
            rows += [online_row(case, rule, T, path) for T in ENDS]
    seeds = 2 if quick else 8
    for rule, steps, relation, bound in ((adam, ENDS[1], ">=", 0.9), (amsgrad, 10**7, "<=", -0.9)):
        runs = [
            so.minimize(SAMPLED, rule(eta=ETA), [0.0], steps, batch=1, rng=seed, record=300)
            for seed in range(seeds)
        ]
        shuffled[rule.name] = [run.history["theta"].isel(param=0) for run in runs]
        rows.append(shuffled_row(rule, steps, runs, relation, bound))
    settings = {"Adam": "eta = 0.5/sqrt(t), beta = 0.9 and 0.99", "shuffles": seeds}
    return Outcome(rows, {"online": online, "shuffled": shuffled}, settings)


def online_path(case, rule):
    """Return x over the steps: one large slope, then the small ones."""
    C, rest, period, beta1, beta2 = CASES[case]
    slope = sp.Piecewise((C, sp.Eq(sp.Mod(so.t - 1, period), 0)), (rest, True))
    made = rule(eta=ETA, beta1=beta1, beta2=beta2, slope=slope)
    record = np.union1d(ENDS, np.geomspace(1, ENDS[1], 2000).astype(int))
    return so.minimize(ONLINE, made, [0.0], ENDS[1], record=record).history["theta"].isel(param=0)


def online_row(case, rule, T, path):
    """Where x is at the end of a period, and somewhere in one."""
    predicted = settled(case, T, largest=rule is amsgrad)
    what = f"{rule.name}, {case}: x after {T} steps (the best point is -1)"
    return Row.within(what, predicted, float(path.sel(step=T)), absolute=1e-9, note="rounding")


def shuffled_row(rule, steps, runs, relation, bound):
    """Where x ends; the interval is over shuffles."""
    ends = np.array([run.theta[0] for run in runs])
    what = f"{rule.name}, C = 1010 shuffled: x after {steps} steps"
    note = "a tenth from the end; the range over shuffles"
    return Row(what, bound, ends.mean(), ends.min(), ends.max(), len(ends), relation, note)


def plot(outcome):
    """Left the order of the paper, right shuffles; dashed: the best and the worst point."""
    figure, (left, right) = drawing.panels(2, (11, 4.4), sharey=True)
    for q, rule in enumerate(("adam", "amsgrad")):
        look = {"lw": 1, "color": so.plot.line_style(q)["color"]}
        path = outcome.data["online"]["C = 1010", rule]
        left.plot(path["step"], path, label=rule, **look)
        for path in outcome.data["shuffled"][rule]:
            right.plot(path["step"][1:], path[1:], **look)
    left.set(ylabel="x (the best is −1)", title="1010 once, then −10 a hundred times")
    right.set_title("the same slopes, shuffled in every epoch")
    for ax in (left, right):
        for wall in (1, -1):
            ax.axhline(wall, label="predicted ends" if wall == 1 else None, **so.plot.PREDICTED)
        ax.set(xscale="log", xlabel="step", ylim=(-1.1, 1.1))
    left.legend(frameon=False, loc="center left")
    return {"adam": figure}


if __name__ == "__main__":
    main(__file__)
