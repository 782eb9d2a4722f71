"""Saddle and Adam: why it does not care how near it starts, and where that ends."""

import numpy as np
import sympy as sp

import symopt as so
from symopt.harness import Outcome, Row, drawing, main

CLAIM = "Adam leaves a saddle in one time at any distance, until its gradient is about epsilon."

x, y = sp.symbols("x y")
J = so.Cost((x**2 - y**2) / 2, params=[x, y])
ADAM = so.adam(eta=0.01)
ETA, BETA1 = ADAM.values["eta"], ADAM.values["beta1"]
NEAR = 10.0 ** -np.arange(2, 12.25, 0.25)  # |y| at the start, where the gradient is above epsilon
DISTANCES = np.append(NEAR, 10.0 ** -np.arange(15, 301, 5.0))
GUARDS, GUARD = [1e-8, 1e-4, 1e-2], 1e-4  # epsilon; the one that is looked at below it
LEFT, DEEP = -0.5, -((GUARD / 100) ** 2) / 2  # J at |y| = 1, and where |g| is GUARD/100


def theory():
    """The step is about eta while the gradient is above epsilon; far below it, y grows by G."""
    far, eta = sp.symbols("Delta eta", positive=True)
    return {
        "Adam, at most, from where its gradient is epsilon": far / eta,
        "Adam, at least: y = eta*p*t has the mean square y^2/3": far / (sp.sqrt(3) * eta),
        "G, while the gradient is far below epsilon (v = 0)": so.theory.escape(so.adam, held="v"),
    }


def run(quick=False):
    """Start beside the ridge, at distances down to 1e-300."""
    starts = np.stack([np.zeros_like(DISTANCES), DISTANCES], axis=-1)
    rule = ADAM(epsilon=GUARDS)
    data = so.sweep(J, rule, starts, 5000, targets=[LEFT, DEEP], best=False)["adam"]
    gone, deep = (so.measure.hitting(data, level)["time"] for level in (LEFT, DEEP))
    above = gone.sel(epsilon=GUARDS[0]).values[: len(NEAR)]
    rows = [*distance_rows(above), *deep_rows(deep.sel(epsilon=GUARD)), longest_row(gone)]
    settings = {"J": J.expression, "eta": ETA, "epsilon": GUARDS, "Delta": 1}
    return Outcome(rows, {"gone": gone}, settings)


def distance_rows(times):
    """At the distances at which other rules take ever longer; each time is known to a step."""
    far, near, n = times[0], times[-1], len(times)
    low, high = (far - 1) / (near + 1), (far + 1) / (near - 1)
    ratio, note = "adam: steps from |y0| = 1e-2 over those from 1e-12", "each is known to a step"
    most, fewest = "adam: most steps from |y0| = 1e-2 to 1e-12", "adam: fewest of them"
    return [
        Row(ratio, 1, far / near, low, high, n=2, note=note),
        Row(most, 1 / ETA, times.max(), n=n, relation="<="),
        Row(fewest, 1 / ETA / np.sqrt(3), times.min(), n=n, relation=">="),
    ]


def growth(epsilon, steps=5000):
    """Return ln(y) after 0, 1, ... steps from y = 1, far below epsilon, where v is 0."""
    m, factors = 0.0, [1.0]  # m over y
    for k in range(1, steps + 1):
        m = BETA1 * m + (1 - BETA1)
        factors.append(1 + ETA / epsilon * m / (1 - BETA1**k))
        m /= factors[-1]
    return np.cumsum(np.log(factors))


def deep_rows(times):
    """How fast y grows while the gradient is below a hundredth of epsilon."""
    where = -np.log10(DISTANCES)
    deepest, nearer = np.argmin(abs(where - 300)), np.argmin(abs(where - 200))
    G = so.theory.escape(so.adam, held="v")
    G = so.theory.evaluate(G, ADAM(epsilon=GUARD), gamma=1, v=0)
    predicted = np.argmax(growth(GUARD) >= np.log(GUARD / 100 / DISTANCES[deepest]))
    return [
        Row.within(
            f"adam, epsilon = {GUARD:g}: steps for a factor e while |g| < epsilon/100",
            predicted=1 / np.log(G),
            measured=float(times[deepest] - times[nearer]) / np.log(1e100),
            absolute=1 / np.log(1e100),
            n=2,
            note="a step in all",
        ),
        Row.within(
            f"adam, epsilon = {GUARD:g}: steps from |y0| = 1e-300 to there",
            predicted=predicted,
            measured=float(times[deepest]),
            absolute=1,
        ),
    ]


def most_steps(epsilon):
    """Return the steps at most: until the gradient is epsilon, and 1/eta from there."""
    return 1 / ETA + np.searchsorted(growth(epsilon), np.log(epsilon / DISTANCES))


def longest_row(gone):
    """No run takes longer than the steps at most."""
    shares = [(gone.sel(epsilon=guard) / most_steps(guard)).max() for guard in GUARDS]
    what = "adam, all epsilon and |y0|: largest share of the steps at most"
    return Row(what, 1, float(max(shares)), n=gone.size, relation="<=", note="see theory()")


def plot(outcome):
    """Times over distances for each epsilon; dashed: the steps at most."""
    figure, ax = drawing.panels(1, (6.4, 4.4))
    for k, guard in enumerate(GUARDS):
        drawing.draw_predicted(ax, DISTANCES, most_steps(guard), "" if k else "predicted, at most")
        times = outcome.data["gone"].sel(epsilon=guard)
        drawing.draw_measured(ax, DISTANCES, times, k + 3, f"ε = {guard:g}", ms=3)
    ax.set(xscale="log", yscale="log", xticks=10.0 ** -np.arange(0, 301, 100), ylim=(60, 12_000))
    ax.set(xlabel="|y₀|, start", ylabel="steps to |y| = 1", title=f"Adam, η = {ETA:g}")
    ax.legend(frameon=False)
    return {"saddle": figure}


if __name__ == "__main__":
    main(__file__)
