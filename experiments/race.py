"""The race: seven rules on eight costs, each rule at its best learning rate of one grid."""

import numpy as np
import sympy as sp

import symopt as so
from symopt.harness import Outcome, Row, drawing, main, newton_minimum, stats
from symopt.problems import learning

CLAIM = (
    "Momentum needs fewer steps than gradient descent, Nesterov at most momentum's, Nadam at most "
    "Adam's; and Adam forgives more learning rates than gradient descent."
)

i, n = sp.symbols("i n", integer=True)
x, curvature = sp.IndexedBase("theta"), sp.IndexedBase("lambda")
L = 100.0
SQUARES = sp.Sum(curvature[i] * x[i] ** 2, (i, 0, n - 1)) / 2
CHAIN = sp.Sum(100 * (x[i + 1] - x[i] ** 2) ** 2 + (1 - x[i]) ** 2, (i, 0, n - 2))
RASTRIGIN = sp.Sum(10 + x[i] ** 2 - 10 * sp.cos(2 * sp.pi * x[i]), (i, 0, n - 1))
QUADRATIC = so.Cost(SQUARES, params=x, data={curvature: np.geomspace(1, L, 10)})
ROSENBROCK = so.parse("100*(y - x^2)^2 + (1 - x)^2")
BEALE = so.parse("(1.5 - x + x*y)^2 + (2.25 - x + x*y^2)^2 + (2.625 - x + x*y^3)^2")
HIMMELBLAU = so.parse("(x^2 + y - 11)^2 + (x + y^2 - 7)^2")
NETWORK = learning.two_layer(hidden=4, n_samples=60).cost
NEAREST = 85  # 10 E[round(x)^2], the mean of the local minima of Rastrigin's nearest to the starts
COSTS = {  # the cost, its dimension, half the side of the box of starts, and the gap to reach
    "quadratic, κ = 100": (QUADRATIC, 10, 2, 1e-3),
    "Rosenbrock": (ROSENBROCK, 2, 2, 1e-3),
    "Rosenbrock's chain, 10-D": (so.Cost(CHAIN, params=x), 10, 1, 1e-3),
    "Beale": (BEALE, 2, 2, 1e-3),
    "Himmelblau": (HIMMELBLAU, 2, 5, 1e-3),
    "Rastrigin, 10-D": (so.Cost(RASTRIGIN, params=x), 10, 5, NEAREST),
    "logistic regression, iris": (learning.iris_logistic().cost, 5, 2, 1e-3),
    "network, XOR": (NETWORK, 22, 1, 0.1),
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
    limits = {
        f"{name} is stable below eta =": so.theory.stability_limit(so.optimizers[name])
        for name in LIMITED
    }
    return limits | {
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
    """Return J*: 0 but for logistic regression; a bound for the network."""
    J, dimension, _, _ = COSTS[cost]
    if not cost.startswith("logistic"):
        return 0.0
    return float(J.value(newton_minimum(J, np.zeros(dimension))))


def run(quick=False):
    """Race from random starts: even ones choose the learning rates, odd ones compare."""
    etas, starts, steps = np.geomspace(1e-5, 1, 21), 32, 2000
    if quick:
        etas, starts, steps = etas[::2], 12, 500
    studies = {}
    for cost, (J, dimension, reach, gap) in COSTS.items():
        start = np.random.default_rng(1).uniform(-reach, reach, (starts, dimension))
        rules = [rule(eta=etas) for rule in so.optimizers.textbook.values()]
        studies[cost] = so.sweep(J, rules, start, steps, targets=optimum(cost) + gap)
    hits = stacked(studies, "hit")
    ends = np.where(np.isnan(hits), stacked(studies, "steps"), hits)  # by cost, rule, eta, start
    late = np.where(np.isnan(hits), np.inf, hits)
    best = np.minimum(late, steps)[..., ::2].mean(axis=-1).argmin(axis=-1)
    odd = np.take_along_axis(late[..., 1::2], best[..., None, None], axis=2)[:, :, 0]
    arrivals = {(c, r): odd[k, q] for k, c in enumerate(COSTS) for q, r in enumerate(RULES)}
    rows = [limit_row(name, studies["quadratic, κ = 100"][name], etas) for name in LIMITED]
    rows += claim_rows(arrivals, steps) + width_rows(ends, late, etas)
    rows += [fastest_row(c, arrivals, steps, etas[best[k]]) for k, c in enumerate(COSTS)]
    settings = {"etas": etas.round(7).tolist(), "starts": starts, "steps": steps, "beta": 0.9}
    return Outcome(rows, {"studies": studies}, settings)


def stacked(studies, variable):
    """Return a variable of all studies by cost, rule, eta and start."""
    picked = []
    for study in studies.values():
        data = [study[rule][variable].transpose("eta", "start", ...) for rule in RULES]
        picked.append([one.values.reshape(one.sizes["eta"], -1) for one in data])
    return np.array(picked, dtype=float)


def limit_row(name, data, etas):
    """On the quadratic every rule is stable up to a known learning rate; the grid brackets it."""
    ends = stats.bracket(etas, (data["status"] != "diverged").all("start"))
    what = f"quadratic, {name}: the largest stable eta"
    limit = so.theory.stability_limit(so.optimizers[name](), L)
    return Row.between(what, limit, ends, note="between two learning rates of the grid")


def claim_rows(arrivals, budget):
    """Who needs fewer steps: the median ratio on every cost, and the share of starts."""
    rows = []
    for pair in CLAIMS.items():
        rows += [ratio_row(cost, *pair, arrivals, budget) for cost in COSTS]
        rows.append(share_row(*pair, arrivals))
    return rows


def ratio_row(cost, name, other, arrivals, budget):
    """The median ratio of steps on one cost."""
    ours, theirs = arrivals[cost, name], arrivals[cost, other]
    what = f"{cost}: median ratio of steps, {name} / {other}"
    share = stats.share_no_later(ours, theirs)
    note = f"{share:.0%} no later (ties half); sign interval of the median"
    return Row(what, 1, *stats.steps_ratio(ours, theirs, budget), len(ours), "<=", note)


def share_row(name, other, arrivals):
    """The share of all starts on all costs."""
    pairs = [(arrivals[cost, name], arrivals[cost, other]) for cost in COSTS]
    count = len(pairs[0][0])

    def mean(k):
        return np.mean([stats.share_no_later(ours[k], theirs[k]) for ours, theirs in pairs])

    return Row(
        f"all costs: share of starts where {name} is no later than {other}",
        0.5,
        mean(slice(None)),
        *stats.percentiles(stats.resampled(mean, count, draws=500)),
        n=count * len(COSTS),
        relation=">=",
        note="ties half; bootstrap over starts",
    )


def widths(ends, late, etas):
    """Return tolerance widths by cost and rule, in decades of the learning rate."""
    running = stats.running_time(ends, np.isfinite(late))
    good, best = running <= 2 * running.min(axis=-1, keepdims=True), running.argmin(axis=-1)
    reach = np.full(best.shape, np.nan)
    for place in zip(*np.nonzero(np.isfinite(running.min(axis=-1))), strict=True):
        above, below = good[place][best[place] :], good[place][best[place] :: -1]
        reach[place] = np.cumprod(above).sum() + np.cumprod(below).sum() - 1
    return reach * np.log10(etas[1] / etas[0])


def width_rows(ends, late, etas):
    """Adam's tolerance width beside gradient descent's, from the same starts."""
    gd, adam, count = RULES.index("gd"), RULES.index("adam"), ends.shape[-1]
    found = widths(ends, late, etas)
    drawn = stats.resampled(lambda k: widths(ends[..., k], late[..., k], etas), count, draws=200)
    more, drawn_more = found[:, adam] - found[:, gd], drawn[..., adam] - drawn[..., gd]
    known = np.isfinite(more)
    groups = {cost: [k] for k, cost in enumerate(COSTS) if known[k]}
    groups["mean of these costs"] = np.flatnonzero(known)
    rows = [
        Row(
            f"{group}: tolerance width of adam less gd's, in decades of eta",
            0,
            more[chosen].mean(),
            *stats.percentiles(drawn_more[:, chosen].mean(axis=1)),
            n=count,
            relation=">=",
            note="bootstrap over starts",
        )
        for group, chosen in groups.items()
    ]
    for name, width in zip(RULES, found[known].mean(axis=0), strict=True):
        what = f"mean of these costs: tolerance width of {name}, in decades of eta"
        rows.append(Row(what, None, width))
    return rows


def fastest_row(cost, arrivals, budget, etas):
    """The fastest rule on a cost, without a prediction."""
    steps = [np.minimum(arrivals[cost, name], budget) for name in RULES]
    q = int(np.argmin(np.mean(steps, axis=1)))
    what = f"{cost}: median steps of the fastest rule, {RULES[q]} at eta = {etas[q]:.2g}"
    count = len(steps[q])
    note = f"{(steps[q] < budget).sum()} of {count} arrive; sign interval of the median"
    ends = stats.median_interval(steps[q])
    return Row(what, None, np.median(steps[q]), *ends, n=count, note=note)


def plot(outcome):
    """Sensitivity to the learning rate for each cost, with targets and predicted limits."""
    figure, axes = drawing.panels(4, (17, 7.6), nrows=2, sharex=True)
    for ax, (cost, study) in zip(axes.flat, outcome.data["studies"].items(), strict=True):
        so.plot.sensitivity(study, ax, optimum=optimum(cost), of="best_loss")
        ax.set(xlabel=None, ylabel=None, title=cost)
        ax.get_legend().remove()
        ax.axhline(COSTS[cost][3], color="0.4", lw=0.8, ls=":")
    for k, name in enumerate(LIMITED):  # the first three of the rules
        limit = so.theory.stability_limit(so.optimizers[name](), L)
        axes[0, 0].axvline(limit, color=so.plot.line_style(k)["color"], lw=1, ls="--")
    for ax in axes[1]:
        ax.set_xlabel("learning rate η")
    for ax in axes[:, 0]:
        ax.set_ylabel("best J − J* within the budget")
    lines = axes[0, 0].get_legend_handles_labels()[0]
    figure.legend(lines, RULES, loc="outside lower center", ncols=7, frameon=False)
    return {"sensitivity": figure}


if __name__ == "__main__":
    main(__file__)
