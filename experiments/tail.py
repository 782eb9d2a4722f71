"""Tail: how long each rule takes down a slope that flattens out, or steepens, exponentially."""

import numpy as np
import sympy as sp
from scipy.special import zeta

import symopt as so
from symopt.harness import Outcome, Row, drawing, main

CLAIM = (
    "Down an exponential tail gradient descent needs steps as one over the slope at its start, "
    "momentum 1 - beta of them; AdaGrad, RMSProp and Adam go at the speed of their own eta."
)

x, eta, beta = sp.symbols("x eta beta")
c, s, x0, x1, lag, t = sp.symbols("c s x0 x1 b t", positive=True)
J = so.Cost(c * (1 - sp.exp(-s * x)) / s, params=[x])  # from x = x0 down to x1, or to 0
NUMBERS = {eta: 0.1, beta: 0.9, c: 1.0, s: 1.0, x0: 8.0, x1: 6.0}
START, PART, ETA = NUMBERS[x0], NUMBERS[x1], NUMBERS[eta]
ADAPTIVE = ("adagrad", "rmsprop", "adam", "nadam")
LEADING = (1 - beta) * (sp.exp(s * x0) - sp.exp(s * x1)) / (eta * c * s)
NEXT = (sp.S.Half + lag) * s * (x0 - x1) + beta / (1 - beta)
LAGS = {"gd": sp.S.Zero, "momentum": beta / (1 - beta), "nesterov": beta**2 / (1 - beta)}
FAR = x0 - float(zeta(0.5)) * eta  # 1 + 1/sqrt(2) + ... + 1/sqrt(k) is about 2*sqrt(k) + zeta(1/2)
ADAGRAD = (s * FAR - 1 + sp.exp(-s * FAR)) / (2 * (s * eta) ** 2) + s * x0
SHARE = 1 - sp.log(1 + eta * c * s * t) / (s * x0)


def theory():
    """The laws; gradient descent is momentum with beta = 0."""
    return {
        "slope c*exp(-s*x) from x0 to x1, about (gd: beta = 0)": LEADING,
        "and the next terms": NEXT,
        **{f"where b is, {name}": value for name, value in LAGS.items()},
        "the same to x1 = 0, AdaGrad": ADAGRAD,
        "the same, RMSProp, Adam and Nadam, at most": x0 / eta,
        "x0 drawn evenly from 0 to X, gd": sp.Eq(
            sp.Symbol("P(T > t)"), SHARE.subs(x0, sp.Symbol("X"))
        ),
    }


def number(formula, **given):
    """Return a formula as a number; what is given stands for the numbers above."""
    symbols = {symbol.name: symbol for symbol in (beta, x0, x1, lag, t)}
    return float(formula.subs(NUMBERS | {symbols[name]: value for name, value in given.items()}))


def run(quick=False):
    """Go down from x0, and from random starts."""
    n = 2000 if quick else 10_000
    starts = np.append(START, np.random.default_rng(0).uniform(0, START, n))[:, None]
    rules = {}
    for name, rule in so.optimizers.textbook.items():
        guard = {"epsilon": 0.0} if name in ADAPTIVE else {}
        rules[name] = rule(eta=ETA, **guard)
    part = J.value([PART], c=1.0, s=1.0)
    study = so.sweep(J, rules, starts, 40_000, targets=[0.0, part], best=False, c=1.0, s=1.0)
    hits = {name: data["hit"].values[0] for name, data in study.items()}
    random = {name: data.isel(start=slice(1, None)) for name, data in study.items()}
    times = {name: so.measure.hitting(data, 0.0) for name, data in random.items()}
    curves = {name: so.measure.survival(found) for name, found in times.items()}
    rows = [gd_row(hits["gd"]), *momentum_rows("momentum", hits), *momentum_rows("nesterov", hits)]
    rows += [*adaptive_rows(hits), *share_rows(curves["gd"]), *median_rows(curves)]
    rows += [against_row(name, other, times) for name, other in RIVALS]
    settings = {str(symbol): value for symbol, value in NUMBERS.items()}
    return Outcome(rows, {"curves": curves}, settings | {"starts": n})


def gd_row(hits):
    """Down the whole tail."""
    predicted = number(LEADING + NEXT, x1=0.0, beta=0.0, b=0.0)
    return Row.within("tail, gd: steps", predicted, hits[0], absolute=1)


def momentum_rows(name, hits):
    """To where the slope changes within 1/(1 - beta) steps, and to the end."""
    whole, part = hits[name]
    behind = number(LAGS[name])
    predicted = number(LEADING + NEXT, b=behind)
    neglected = number(NEXT, x1=0.0, b=behind)
    return [
        Row.within(f"tail, {name}, from x = 8 to 6: steps", predicted, part, absolute=1),
        Row(
            f"tail, {name}, to the end: steps",
            predicted=number(LEADING, x1=0.0),
            measured=whole,
            low=whole - neglected,
            note=f"the formula is the leading term; the next ones add at most {neglected:.0f}",
        ),
    ]


def adaptive_rows(hits):
    """AdaGrad by its law; the others go eta a step, or faster."""
    steps = hits["adagrad"][0]
    first = Row.within("tail, adagrad: steps", number(ADAGRAD), steps, absolute=1)
    most = START / ETA
    return [first] + [
        Row(f"tail, {name}: steps", most, hits[name][0], relation="<=") for name in ADAPTIVE[1:]
    ]


def share_rows(curve):
    """Random starts: shares that are still on their way."""
    return [
        Row(
            f"random starts, gd: share beyond step {k}",
            number(SHARE, t=k),
            *curve.at(k),
            n=curve.n,
        )
        for k in (100, 1000, 10_000)
    ]


def median_rows(curves):
    """The time from the middle of the starts."""
    middle = {"x0": START / 2, "x1": 0.0, "beta": 0.0, "b": 0.0}
    rows = []
    for name, formula in (("gd", LEADING + NEXT), ("adagrad", ADAGRAD)):
        what, predicted = f"random starts, {name}: median", np.ceil(number(formula, **middle))
        curve = curves[name]
        rows.append(Row(what, predicted, curve.median, *curve.median_interval, n=curve.n))
    return rows


RIVALS = (("gd", "momentum"), ("adagrad", "adam"), ("momentum", "nesterov"))


def against_row(name, other, times):
    """Whether two rules take different times: each has half of the starts."""
    ours = times[name].isel(start=slice(0, None, 2))
    theirs = times[other].isel(start=slice(1, None, 2))
    p = so.measure.logrank(ours, theirs).pvalue
    bound = None if name == "momentum" else 0.05  # momentum and Nesterov are alike here
    what = f"random starts, {name} against {other}: log-rank p"
    n = times[name].sizes["start"]
    return Row(what, bound, p, n=n, relation="<=", note="each rule has half of the starts")


def plot(outcome):
    """Shares still on their way from random starts; predictions are dashed."""
    figure, ax = drawing.panels(1, (6.8, 4.8))
    distance = np.linspace(0, START, 200)
    steps = [number(ADAGRAD, x0=far) for far in distance]
    laws = {
        "gd": SHARE.subs(NUMBERS),
        "adagrad": lambda k: 1 - np.interp(k, steps, distance, right=np.nan) / START,
    }
    so.plot.survival(outcome.data["curves"], ax=ax, predicted=laws)
    ax.set_title(f"tail of slope $ce^{{-sx}}$, x₀ ~ U(0, {START:g}), ηc = {ETA:g}")
    return {"tail": figure}


if __name__ == "__main__":
    main(__file__)
