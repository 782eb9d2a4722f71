"""Plateau: how long each rule takes to cross a shelf, by its slope."""

import numpy as np
import sympy as sp

import symopt as so
from symopt.harness import Outcome, Row, drawing, main

CLAIM = (
    "On a plateau the time of gradient descent and momentum grows as one over the slope; that of "
    "AdaGrad, RMSProp and Adam does not depend on it."
)

x, g, W, eta, epsilon = sp.symbols("x g W eta epsilon")
J = so.Cost(g * x, params=[x])  # from x = W down to 0
WIDTH, ETA, GUARD = 1.0, 0.01, 1e-8
SLOPES, SHOWN, BUDGET = 10.0 ** -np.arange(13), (1.0, 1e-3, 1e-6), 10**6
RULES = {name: rule(eta=ETA) for name, rule in so.optimizers.textbook.items()}
LINEAR = ("gd", "momentum", "nesterov")
ADAPTIVE = ("adagrad", "rmsprop", "adam", "nadam")
LAWS = {name: W / sp.Abs(so.theory.terminal_velocity(RULES[name])) for name in LINEAR}
LAWS |= {"adagrad": (W / (2 * eta)) ** 2} | dict.fromkeys(ADAPTIVE[1:], W / eta)
GUARDED = {
    name: W / sp.Abs(so.theory.terminal_velocity(RULES[name], epsilon=None)) for name in RULES
}
GUARDED["adagrad"] = LAWS["adagrad"] + W * sp.sqrt(epsilon) / (eta * g)


def theory():
    """The laws; the rows add up the rule's velocity step by step."""
    mu, after, P, P_after, beta = sp.symbols("mu_t mu_{t+1} P_t P_{t+1} beta1")
    look = after * (1 - beta**so.t) / (1 - P_after) + (1 - mu) / (1 - P)
    found = {f"width W, slope g, {name}, about": law for name, law in LAWS.items()}
    found |= {f"the same with the guard epsilon, {name}": GUARDED[name] for name in ADAPTIVE}
    for name in (*LINEAR, *ADAPTIVE[:3]):
        found[f"step t, {name}"] = so.theory.velocity(RULES[name], epsilon=None)
    return found | {"step t, nadam, with P_t = mu_1*...*mu_t": -eta * look}


def number(formula, slope):
    """Return a formula of theory() as a number."""
    known = {W: WIDTH, eta: ETA, epsilon: GUARD, g: slope, sp.Symbol("beta"): 0.9}
    return float(formula.subs(known))


def velocities(name, slope):
    """Return the lengths of the steps on a shelf, guards against dividing by 0 included."""
    t, values = np.arange(1.0, BUDGET + 1), RULES[name].values
    if name != "nadam":
        known = {sp.Symbol(key): value for key, value in RULES[name].hyperparameters.items()}
        formula = so.theory.velocity(RULES[name], epsilon=None).subs(known | {g: slope})
        return np.broadcast_to(abs(sp.lambdify(so.t, formula)(t)), t.shape)
    beta1 = values["beta1"]
    mu = beta1 * (1 - 0.96 ** (values["momentum_decay"] * np.append(t, BUDGET + 1)) / 2)
    P = np.cumprod(mu)  # which is why Nadam's velocity has no closed form
    look = mu[1:] * (1 - beta1**t) / (1 - P[1:]) + (1 - mu[:-1]) / (1 - P[:-1])
    return look * WIDTH / number(GUARDED[name], slope)


def crossing(name, slope):
    """Return the first step at which the steps add up to W; None beyond the budget."""
    way = np.cumsum(velocities(name, slope))
    if way[-1] < WIDTH:
        return None
    return 1 + int(np.argmax(way >= WIDTH * (1 - 1e-12)))


def run(quick=False):
    """Cross shelves of all slopes."""
    study = so.sweep(J, RULES, [WIDTH], BUDGET, targets=0.0, best=False, g=SLOPES)
    shelves = {}
    for name, data in study.items():
        found = so.measure.hitting(data, 0.0)
        shelves[name] = found["time"].where(found["observed"])
    rows = [shelf_row(name, slope, shelves[name]) for name in RULES for slope in SHOWN]
    rows += [ratio_row(name, shelves[name]) for name in ADAPTIVE]
    settings = {"J": J.expression, "W": WIDTH, "eta": ETA, "epsilon": GUARD, "budget": BUDGET}
    return Outcome([row for row in rows if row], {"shelves": shelves}, settings)


def shelf_row(name, slope, times):
    """A shelf that is crossed within the budget, to a step."""
    predicted = crossing(name, slope)
    if predicted is None:
        return None
    what = f"shelf, {name}, g = {slope:g}: steps (the law says {number(LAWS[name], slope):g})"
    return Row.within(what, predicted, float(times.sel({"cost.g": slope})), absolute=1)


def ratio_row(name, times):
    """What a slope a million times smaller costs; each time is known to a step."""
    steep, flat = (float(times.sel({"cost.g": slope})) for slope in (1.0, 1e-6))
    low, high = (flat - 1) / (steep + 1), (flat + 1) / (steep - 1)
    note = "each is known to a step"
    if name in ("adagrad", "rmsprop"):
        note = "epsilon stands under the root: the independence ends at g = sqrt(epsilon) = 1e-4"
    what = f"shelf, {name}: steps at g = 1e-6 over those at g = 1"
    return Row(what, 1, flat / steep, low, high, n=2, note=note)


def plot(outcome):
    """Steps over the slope; predictions are dashed."""
    figure, ax = drawing.panels(1, (6.8, 4.8))
    slopes = np.geomspace(SLOPES[-1], SLOPES[0], 200)
    sizes = {"momentum": 8, "adam": 9, "rmsprop": 9, "nadam": 7}  # where marks lie on each other
    for k, (name, times) in enumerate(outcome.data["shelves"].items()):
        law = [number(GUARDED[name], slope) for slope in slopes]
        drawing.draw_predicted(ax, slopes, law, "" if k else "predicted")
        drawing.draw_measured(ax, SLOPES, times, k, name, ms=sizes.get(name, 4.5), mfc="none")
    for guard, text in ((GUARD, "ε"), (GUARD**0.5, "√ε")):
        ax.axvline(guard, color="0.6", ls=":", lw=1)
        ax.text(guard, 0.52, f" {text}", transform=ax.get_xaxis_transform(), color="0.4")
    ax.set(xscale="log", yscale="log", xlabel="slope g of the shelf", ylabel="steps to cross it")
    ax.set(ylim=(50, 2 * BUDGET), title=f"shelf of width W = {WIDTH:g}, η = {ETA:g}")
    drawing.name_below(figure, ax, columns=4)
    return {"plateau": figure}


if __name__ == "__main__":
    main(__file__)
