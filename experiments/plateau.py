"""Plateau: how long each rule takes to cross a shelf, and a tail that flattens out."""

from functools import cache

import numpy as np
import sympy as sp
from matplotlib.figure import Figure
from scipy.special import zeta

import symopt as so
from symopt.harness import Outcome, Row, main
from symopt.plot._style import PREDICTED, line_style

CLAIM = (
    "On a plateau the time of gradient descent and momentum grows as one over the slope; "
    "that of AdaGrad, RMSProp and Adam does not depend on it."
)

x, g, W, eta, beta, epsilon = sp.symbols("x g W eta beta epsilon")
c, s, x0, x1, lag, t = sp.symbols("c s x0 x1 b t", positive=True)
SHELF = so.Cost(g * x, params=[x])  # from x = W down to 0
TAIL = so.Cost(c * (1 - sp.exp(-s * x)) / s, params=[x])  # from x = x0 down to x1, or to 0
NUMBERS = {W: 1.0, eta: 0.01, beta: 0.9, epsilon: 1e-8}
ON_TAIL = {**NUMBERS, eta: 0.1, c: 1.0, s: 1.0, x0: 8.0, x1: 6.0}
SLOPES, SHOWN, BUDGET = 10.0 ** -np.arange(13), (1.0, 1e-3, 1e-6), 10**6
RULES = {name: rule(eta=NUMBERS[eta]) for name, rule in so.optimizers.textbook.items()}
ADAPTIVE = ("adagrad", "rmsprop", "adam", "nadam")
LAWS = {
    name: W / sp.Abs(so.theory.terminal_velocity(RULES[name]))
    for name in ("gd", "momentum", "nesterov")
}
LAWS |= {"adagrad": (W / (2 * eta)) ** 2} | dict.fromkeys(ADAPTIVE[1:], W / eta)
GUARDED = {
    name: W / sp.Abs(so.theory.terminal_velocity(RULES[name], epsilon=None)) for name in RULES
}
GUARDED["adagrad"] = LAWS["adagrad"] + W * sp.sqrt(epsilon) / (eta * g)
LEADING = (1 - beta) * (sp.exp(s * x0) - sp.exp(s * x1)) / (eta * c * s)
NEXT = (sp.S.Half + lag) * s * (x0 - x1) + beta / (1 - beta)
LAGS = {"gd": sp.S.Zero, "momentum": beta / (1 - beta), "nesterov": beta**2 / (1 - beta)}
FAR = x0 - float(zeta(0.5)) * eta  # 1 + 1/sqrt(2) + ... + 1/sqrt(k) is about 2*sqrt(k) + zeta(1/2)
ADAGRAD = (s * FAR - 1 + sp.exp(-s * FAR)) / (2 * (s * eta) ** 2) + s * x0
SHARE = 1 - sp.log(1 + eta * c * s * t) / (s * x0)


def theory():
    """The laws; the rows for shelves add up the rule's velocity step by step."""
    mu, after, P, P_after = sp.symbols("mu_t mu_{t+1} P_t P_{t+1}")
    look = after * (1 - beta**so.t) / (1 - P_after) + (1 - mu) / (1 - P)
    return {
        **{f"shelf of width W and slope g, {name}, about": law for name, law in LAWS.items()},
        **{f"the same with the guard epsilon, {name}": GUARDED[name] for name in ADAPTIVE},
        **{
            f"step t, {name}": so.theory.velocity(RULES[name], epsilon=None)
            for name in RULES
            if name != "nadam"
        },
        "step t, nadam, with P_t = mu_1*...*mu_t": -eta * look,
        "tail of slope c*exp(-s*x) from x0 to x1, about (gd: beta = 0)": LEADING,
        "and the next terms": NEXT,
        **{f"where b is, {name}": value for name, value in LAGS.items()},
        "the same to x1 = 0, AdaGrad": ADAGRAD,
        "the same, RMSProp, Adam and Nadam, at most": x0 / eta,
        "x0 drawn evenly from 0 to X, gd": sp.Eq(
            sp.Symbol("P(T > t)"), SHARE.subs(x0, sp.Symbol("X"))
        ),
    }


def number(formula, values=NUMBERS, **more):
    """Return a formula of theory() as a number."""
    return float(
        formula.subs({**values, **{sp.Symbol(name): value for name, value in more.items()}})
    )


@cache
def velocity(name):
    """Return the step t on a shelf of slope g, guards against dividing by 0 included."""
    rule = RULES[name]
    known = {sp.Symbol(key): value for key, value in rule.hyperparameters.items()}
    return sp.lambdify([so.t, g], so.theory.velocity(rule, epsilon=None).subs(known))


def velocities(name, slope, steps):
    """Return the lengths of the first steps on a shelf."""
    k, rule = np.arange(1.0, steps + 1), RULES[name]
    if name == "nadam":  # no closed form, as the product of all mu is in it
        beta1, decay = (rule.hyperparameters[key] for key in ("beta1", "momentum_decay"))
        mu = beta1 * (1 - 0.96 ** (decay * np.append(k, steps + 1)) / 2)
        P = np.cumprod(mu)
        look = mu[1:] * (1 - beta1**k) / (1 - P[1:]) + (1 - mu[:-1]) / (1 - P[:-1])
        return look * NUMBERS[W] / number(GUARDED[name], g=slope)
    return np.broadcast_to(abs(velocity(name)(k, slope)), k.shape)


def crossing(name, slope):
    """Return the first step at which the steps add up to W; None beyond the budget."""
    for steps in 10 ** np.arange(3, round(np.log10(BUDGET)) + 1):
        way = np.cumsum(velocities(name, slope, steps))
        if way[-1] >= NUMBERS[W]:
            return 1 + int(np.argmax(way >= NUMBERS[W] * (1 - 1e-12)))
    return None


def run(quick=False):
    """Cross shelves of all slopes; go down a tail from x0, and from random starts."""
    n = 2000 if quick else 10_000
    shelf = so.sweep(SHELF, RULES, [NUMBERS[W]], BUDGET, targets=0.0, best=False, g=SLOPES)
    times = {name: so.measure.hitting(data, 0.0) for name, data in shelf.items()}
    shelves = {name: one["time"].where(one["observed"]) for name, one in times.items()}
    guards = {name: {"epsilon": 0.0} if name in ADAPTIVE else {} for name in RULES}
    rules = {
        name: rule(eta=ON_TAIL[eta], **guards[name])
        for name, rule in so.optimizers.textbook.items()
    }
    part, constants = (
        TAIL.value([ON_TAIL[x1]], c=ON_TAIL[c], s=ON_TAIL[s]),
        {"c": ON_TAIL[c], "s": ON_TAIL[s]},
    )
    starts = np.append(ON_TAIL[x0], np.random.default_rng(0).uniform(0, ON_TAIL[x0], n))[:, None]
    tail = so.sweep(TAIL, rules, starts, 40_000, targets=[0.0, part], best=False, **constants)
    hits = {name: data["hit"].values[0] for name, data in tail.items()}
    times = {
        name: so.measure.hitting(data.isel(start=slice(1, None)), 0.0)
        for name, data in tail.items()
    }
    curves = {name: so.measure.survival(one) for name, one in times.items()}
    rows = shelf_rows(shelves) + ratio_rows(shelves) + tail_rows(hits) + random_rows(curves, times)
    settings = {str(symbol): value for symbol, value in ON_TAIL.items()} | {
        "eta on the shelf": NUMBERS[eta]
    }
    return Outcome(
        rows, {"shelves": shelves, "curves": curves}, settings | {"budget": BUDGET, "starts": n}
    )


def shelf_rows(shelves):
    """Three slopes for each rule, where they are crossed in the budget, to a step."""
    rows = []
    for name in RULES:
        for slope in SHOWN:
            law, predicted = number(LAWS[name], g=slope), crossing(name, slope)
            if predicted is not None:
                what = f"shelf, {name}, g = {slope:g}: steps (the law says {law:g})"
                rows.append(
                    Row.within(
                        what, predicted, float(shelves[name].sel({"cost.g": slope})), absolute=1
                    )
                )
    return rows


def ratio_rows(shelves):
    """What a slope a million times smaller costs; each time is known to a step."""
    rows, guard = (
        [],
        "epsilon = 1e-8 stands under the root: the independence ends at g = sqrt(epsilon) = 1e-4",
    )
    for name in ADAPTIVE:
        steep, flat = (float(shelves[name].sel({"cost.g": slope})) for slope in (1.0, 1e-6))
        low, high = (flat - 1) / (steep + 1), (flat + 1) / (steep - 1)
        what, note = (
            f"shelf, {name}: steps at g = 1e-6 over those at g = 1",
            "each is known to a step",
        )
        rows.append(
            Row(what, 1, flat / steep, low, high, n=2, note=guard if name in ADAPTIVE[:2] else note)
        )
    return rows


def tail_rows(hits):
    """Down the whole tail; for momentum to where the slope changes within 1/(1 - beta) steps."""
    rows, end, free = [], ON_TAIL | {x1: 0.0}, {beta: 0.0, lag: 0.0}
    rows.append(
        Row.within("tail, gd: steps", number(LEADING + NEXT, end | free), hits["gd"][0], absolute=1)
    )
    for name in ("momentum", "nesterov"):
        known, to_end = (
            values | {lag: LAGS[name].subs(beta, NUMBERS[beta])} for values in (ON_TAIL, end)
        )
        what = f"tail, {name}, from x = 8 to 6: steps"
        rows.append(Row.within(what, number(LEADING + NEXT, known), hits[name][1], absolute=1))
        what, neglected = f"tail, {name}, to the end: steps", number(NEXT, to_end)
        note = f"the formula is the leading term; the next ones add at most {neglected:.0f}"
        rows.append(
            Row(what, number(LEADING, to_end), hits[name][0], hits[name][0] - neglected, note=note)
        )
    rows.append(
        Row.within("tail, adagrad: steps", number(ADAGRAD, ON_TAIL), hits["adagrad"][0], absolute=1)
    )
    most = ON_TAIL[x0] / ON_TAIL[eta]
    return rows + [
        Row(f"tail, {name}: steps", most, hits[name][0], relation="<=") for name in ADAPTIVE[1:]
    ]


def random_rows(curves, times):
    """Random starts: shares and medians with 95 % confidence, on different starts."""
    rows, n = [], curves["gd"].n
    for k in (100, 1000, 10_000):
        share = number(SHARE, ON_TAIL | {t: k})
        rows.append(
            Row(f"random starts, gd: share beyond step {k}", share, *curves["gd"].at(k), n=n)
        )
    middle = ON_TAIL | {x0: ON_TAIL[x0] / 2, x1: 0.0, beta: 0.0, lag: 0.0}
    for name, formula in (("gd", LEADING + NEXT), ("adagrad", ADAGRAD)):
        predicted, curve = np.ceil(number(formula, middle)), curves[name]
        rows.append(
            Row(
                f"random starts, {name}: median",
                predicted,
                curve.median,
                *curve.median_interval,
                n=n,
            )
        )
    for name, other in (("gd", "momentum"), ("adagrad", "adam"), ("momentum", "nesterov")):
        halves = (
            times[name].isel(start=slice(0, None, 2)),
            times[other].isel(start=slice(1, None, 2)),
        )
        p, same = so.measure.logrank(*halves).pvalue, (name, other) == ("momentum", "nesterov")
        what, note = (
            f"random starts, {name} against {other}: log-rank p",
            "each rule has half of the starts",
        )
        rows.append(Row(what, None if same else 0.05, p, n=n, relation="<=", note=note))
    return rows


def plot(outcome):
    """Left the shelf over its slope, right the tail from random starts; predictions are dashed."""
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    slopes = np.geomspace(SLOPES[-1], SLOPES[0], 200)
    looks = {
        "momentum": ("s", 8, "none"),
        "adam": ("o", 9, "none"),
        "rmsprop": ("v", 9, "none"),
        "nadam": ("+", 7, None),
    }
    for k, (name, steps) in enumerate(outcome.data["shelves"].items()):
        law = sp.lambdify(g, GUARDED[name].subs(NUMBERS))(slopes) * np.ones_like(slopes)
        left.plot(slopes, law, label=None if k else "predicted", **PREDICTED)
        marker, size, face = looks.get(name, ("D", 4.5, None))
        left.plot(
            SLOPES,
            steps,
            marker,
            zorder=5,
            ms=size,
            mfc=face,
            color=line_style(k)["color"],
            label=name,
        )
    left.set(xscale="log", yscale="log", xlabel="slope g of the shelf", ylabel="steps to cross it")
    left.set(
        ylim=(50, 2 * BUDGET), title=f"shelf of width W = {NUMBERS[W]:g}, η = {NUMBERS[eta]:g}"
    )
    for guard, text in ((NUMBERS[epsilon], "ε"), (NUMBERS[epsilon] ** 0.5, "√ε")):
        left.axvline(guard, color="0.6", ls=":", lw=1)
        left.text(guard, 0.52, f" {text}", transform=left.get_xaxis_transform(), color="0.4")
    distance = np.linspace(0, ON_TAIL[x0], 200)
    steps = sp.lambdify(x0, ADAGRAD.subs({**ON_TAIL, x0: x0}))(distance)
    laws = {
        "gd": SHARE.subs(ON_TAIL),
        "adagrad": lambda k: 1 - np.interp(k, steps, distance, right=np.nan) / ON_TAIL[x0],
    }
    so.plot.survival(outcome.data["curves"], ax=right, predicted=laws)
    right.get_legend().remove()
    right.set_title(
        f"tail of slope $ce^{{-sx}}$, x₀ ~ U(0, {ON_TAIL[x0]:g}), ηc = "
        f"{ON_TAIL[eta] * ON_TAIL[c]:g}"
    )
    figure.legend(
        *left.get_legend_handles_labels(), loc="outside lower center", ncols=8, frameon=False
    )
    return {"plateau": figure}


if __name__ == "__main__":
    main(__file__)
