"""The race: seven rules on eight costs, each rule at its best learning rate of one grid."""

import numpy as np
import sympy as sp
from matplotlib.figure import Figure
from scipy.stats import binom

import symopt as so
from symopt.harness import Outcome, Row, main
from symopt.plot._style import line_style
from symopt.problems import learning

CLAIM = (
    "Momentum needs fewer steps than gradient descent, Nesterov at most momentum's, Nadam at most "
    "Adam's; "
    "and Adam forgives more learning rates than gradient descent."
)

i, n = sp.symbols("i n", integer=True)
x, curvature = sp.IndexedBase("theta"), sp.IndexedBase("lambda")
L = 100.0
QUADRATIC = so.Cost(
    sp.Sum(curvature[i] * x[i] ** 2, (i, 0, n - 1)) / 2,
    params=x,
    data={curvature: np.geomspace(1, L, 10)},
)
CHAIN = so.Cost(
    sp.Sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2, (i, 0, n - 2)), params=x
)
RASTRIGIN = so.Cost(sp.Sum(10 + x[i] ** 2 - 10 * sp.cos(2 * sp.pi * x[i]), (i, 0, n - 1)), params=x)
BEALE = so.parse("(1.5 - x + x*y)^2 + (2.25 - x + x*y^2)^2 + (2.625 - x + x*y^3)^2")
# the cost, its dimension, half the side of the box of starts, and the gap J - J* to reach
COSTS = {
    "quadratic, κ = 100": (QUADRATIC, 10, 2, 1e-3),
    "Rosenbrock": (so.parse("100*(y - x^2)^2 + (1 - x)^2"), 2, 2, 1e-3),
    "Rosenbrock's chain, 10-D": (CHAIN, 10, 1, 1e-3),
    "Beale": (BEALE, 2, 2, 1e-3),
    "Himmelblau": (so.parse("(x^2 + y - 11)^2 + (x + y^2 - 7)^2"), 2, 5, 1e-3),
    "Rastrigin, 10-D": (
        RASTRIGIN,
        10,
        5,
        85,
    ),  # 85 = 10 E[round(x)^2], the mean of the nearest local minima
    "logistic regression, iris": (learning.iris_logistic().cost, 5, 2, 1e-3),
    "network, XOR": (learning.two_layer(hidden=4, n_samples=60).cost, 22, 1, 0.1),
}
RULES = list(so.optimizers.textbook)
LIMITED = ("gd", "momentum", "nesterov")
CLAIMS = {
    "momentum": "gd",
    "nesterov": "momentum",
    "nadam": "adam",
}  # who needs at most whose steps


def theory():
    """What can be derived, and how arrivals are compared."""
    return {
        **{
            f"{name} is stable below eta =": so.theory.stability_limit(so.optimizers[name])
            for name in LIMITED
        },
        "momentum's floor": (
            "the eigenvalues of its matrix multiply to beta: no gap shrinks faster than beta a step"
        ),
        "ERT(eta)": "(steps of all runs, until arrival or their end) / (runs that arrive)",
        "tolerance width": "decades of eta around the best one with ERT at most twice its ERT",
        "fewer steps": (
            "the median over starts of steps(A)/steps(B) is at most 1; who does not arrive takes "
            "longer than the budget, by how much is unknown: the interval holds every possibility"
        ),
    }


def optimum(cost):
    """Return J*: 0, or by Newton's method for logistic regression; a bound for the network."""
    J, d, _, _ = COSTS[cost]
    if not cost.startswith("logistic"):
        return 0.0
    theta = np.zeros(d)
    for _ in range(20):
        theta = theta - np.linalg.solve(J.hessian(theta), J.grad(theta))
    return float(J.value(theta))


def run(quick=False):
    """Race from random starts: even ones choose the learning rates, odd ones compare."""
    etas, starts, steps = (
        (np.geomspace(1e-5, 1, 11), 12, 500) if quick else (np.geomspace(1e-5, 1, 21), 32, 2000)
    )
    studies = {}
    for cost, (J, d, reach, gap) in COSTS.items():
        start = np.random.default_rng(1).uniform(-reach, reach, (starts, d))
        rules = [rule(eta=etas) for rule in so.optimizers.textbook.values()]
        studies[cost] = so.sweep(J, rules, start, steps, targets=optimum(cost) + gap)
    hits = stacked(studies, "hit")
    ends = np.where(np.isnan(hits), stacked(studies, "steps"), hits)  # by cost, rule, eta, start
    late = np.where(np.isnan(hits), np.inf, hits)
    best = np.minimum(late, steps)[..., ::2].mean(axis=-1).argmin(axis=-1)
    odd = np.take_along_axis(late[..., 1::2], best[..., None, None], axis=2)[:, :, 0]
    arrivals = {(c, r): odd[k, q] for k, c in enumerate(COSTS) for q, r in enumerate(RULES)}
    rows = limit_rows(studies, etas) + claim_rows(arrivals, steps) + width_rows(ends, late, etas)
    rows += best_rows(arrivals, steps, etas[best])
    settings = {
        "etas": [float(f"{eta:.3g}") for eta in etas],
        "starts": starts,
        "steps": steps,
        "beta": 0.9,
    }
    return Outcome(rows, {"studies": studies}, settings)


def stacked(studies, variable):
    """Return a variable of all studies by cost, rule, eta and start."""
    pick = [
        [study[rule][variable].transpose("eta", "start", ...) for rule in RULES]
        for study in studies.values()
    ]
    return np.array(
        [[data.values.reshape(data.sizes["eta"], -1) for data in row] for row in pick], dtype=float
    )


def limit_rows(studies, etas):
    """On the quadratic every rule is stable up to a known learning rate; the grid brackets it."""
    rows = []
    for name in LIMITED:
        ends = studies["quadratic, κ = 100"][name]["status"]
        last = int((ends != "diverged").all("start").values.argmin()) - 1
        limit, (low, high) = (
            so.theory.stability_limit(so.optimizers[name](), L),
            etas[last : last + 2],
        )
        note = "between two learning rates of the grid"
        rows.append(
            Row(
                f"quadratic, {name}: the largest stable eta",
                limit,
                np.sqrt(low * high),
                low,
                high,
                note=note,
            )
        )
    return rows


def claim_rows(arrivals, budget):
    """Who needs fewer steps: the median ratio on every cost, and the share of starts."""
    rows = []
    for name, other in CLAIMS.items():
        pairs = [(arrivals[cost, name], arrivals[cost, other]) for cost in COSTS]
        for cost, (ours, theirs) in zip(COSTS, pairs, strict=True):
            low, high = (
                between(np.minimum(ours, budget) / theirs)[0],
                between(ours / np.minimum(theirs, budget))[1],
            )
            ratio = np.minimum(ours, budget) / np.minimum(theirs, budget)
            measured = (
                np.nan if np.isinf(np.minimum(ours, theirs)).mean() > 0.5 else np.median(ratio)
            )
            note = f"{no_later(ours, theirs):.0%} no later (ties half); sign interval of the median"
            what = f"{cost}: median ratio of steps, {name} / {other}"
            rows.append(Row(what, 1, measured, low, high, len(ours), "<=", note))
        draws = np.random.default_rng(0).integers(0, len(ours), (500, len(ours)))
        low, high = np.quantile(
            [np.mean([no_later(a[k], b[k]) for a, b in pairs]) for k in draws], [0.025, 0.975]
        )
        what = f"all costs: share of starts where {name} is no later than {other}"
        share = np.mean([no_later(*pair) for pair in pairs])
        rows.append(
            Row(
                what,
                0.5,
                share,
                low,
                high,
                len(ours) * len(COSTS),
                ">=",
                "ties half; bootstrap over starts",
            )
        )
    return rows


def no_later(ours, theirs):
    """Return the share of starts from which ours arrive no later; ties count half."""
    return np.mean((ours < theirs) + 0.5 * (ours == theirs))


def between(values):
    """Return the order statistics that hold the median with 95 % confidence (sign test)."""
    k = max(1, int(binom.ppf(0.025, len(values), 0.5)))
    return np.sort(values)[[k - 1, len(values) - k]]


def ert(ends, late):
    """Return the expected running time: inf where no run arrives."""
    with np.errstate(divide="ignore"):
        return ends.sum(axis=-1) / np.isfinite(late).sum(axis=-1)


def widths(ends, late, etas):
    """Return tolerance widths by cost and rule, in decades of the learning rate."""
    running = ert(ends, late)
    good, best = running <= 2 * running.min(axis=-1, keepdims=True), running.argmin(axis=-1)
    reach = [
        [np.cumprod(g[b:]).sum() + np.cumprod(g[b::-1]).sum() - 1 for g, b in zip(*r, strict=True)]
        for r in zip(good, best, strict=True)
    ]
    return np.where(np.isfinite(running.min(axis=-1)), reach, np.nan) * np.log10(etas[1] / etas[0])


def width_rows(ends, late, etas):
    """Adam's tolerance width beside gradient descent's, from the same starts."""
    draws = np.random.default_rng(0).integers(0, ends.shape[-1], (200, ends.shape[-1]))
    found, gd, adam = widths(ends, late, etas), RULES.index("gd"), RULES.index("adam")
    drawn = np.array([widths(ends[..., k], late[..., k], etas) for k in draws])
    known = np.isfinite(found[:, [gd, adam]]).all(axis=1)
    more, drawn_more = found[:, adam] - found[:, gd], drawn[..., adam] - drawn[..., gd]
    rows = []
    for what, chosen in [
        *((c, [k]) for k, c in enumerate(COSTS) if known[k]),
        ("mean of these costs", known),
    ]:
        means = drawn_more[:, chosen].mean(axis=1)  # NaN where a draw holds no run that arrives
        low, high = np.nanquantile(means, [0.025, 0.975])
        quantity = f"{what}: tolerance width of adam less gd's, in decades of eta"
        rows.append(
            Row(
                quantity,
                0,
                more[chosen].mean(),
                low,
                high,
                len(draws[0]),
                ">=",
                "bootstrap over starts",
            )
        )
    for name, width in zip(RULES, found[known].mean(axis=0), strict=True):
        rows.append(
            Row(f"mean of these costs: tolerance width of {name}, in decades of eta", None, width)
        )
    return rows


def best_rows(arrivals, budget, etas):
    """The fastest rule on each cost, without a prediction."""
    rows = []
    for k, cost in enumerate(COSTS):
        steps = [np.minimum(arrivals[cost, name], budget) for name in RULES]
        q = int(np.argmin(np.mean(steps, axis=1)))
        what = f"{cost}: median steps of the fastest rule, {RULES[q]} at eta = {etas[k, q]:.2g}"
        note = f"{(steps[q] < budget).sum()} of {len(steps[q])} arrive; sign interval of the median"
        rows.append(
            Row(what, None, np.median(steps[q]), *between(steps[q]), len(steps[q]), note=note)
        )
    return rows


def plot(outcome):
    """Sensitivity to the learning rate for each cost, with targets and predicted limits."""
    figure = Figure(figsize=(17, 7.6), layout="constrained")
    axes = figure.subplots(2, 4, sharex=True)
    for ax, (cost, study) in zip(axes.flat, outcome.data["studies"].items(), strict=True):
        so.plot.sensitivity(study, ax, optimum=optimum(cost), of="best_loss").set(
            xlabel=None, ylabel=None
        )
        ax.get_legend().remove()
        ax.axhline(COSTS[cost][3], color="0.4", lw=0.8, ls=":")
        ax.set_title(cost)
    for k, name in enumerate(LIMITED):  # the first three of the rules
        limit = so.theory.stability_limit(so.optimizers[name](), L)
        axes[0, 0].axvline(limit, color=line_style(k)["color"], lw=1, ls="--")
    for ax in axes[1]:
        ax.set_xlabel("learning rate η")
    for ax in axes[:, 0]:
        ax.set_ylabel("best J − J* within the budget")
    figure.legend(
        axes[0, 0].get_legend_handles_labels()[0],
        RULES,
        loc="outside lower center",
        ncols=7,
        frameon=False,
    )
    return {"sensitivity": figure}


if __name__ == "__main__":
    main(__file__)
