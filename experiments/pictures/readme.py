"""The pictures of the README: the seven rules on Rosenbrock, and theory beside measurement."""

from pathlib import Path

from matplotlib.figure import Figure

import symopt as so
from symopt.harness import choose, execute, folder

HERE = Path(__file__).parent
J = so.parse("100*(y-x^2)^2 + (1-x)^2")
START, STEPS = [-1.2, 1.0], 5000

tuned = so.tune(J, so.optimizers.textbook, START, STEPS)
runs = {
    f"{name}, η = {found.rate:.2g}": so.minimize(J, found.rule, START, STEPS)
    for name, found in tuned.items()
}

figure = Figure(figsize=(13.2, 4.6), layout="constrained")
left, right = figure.subplots(1, 2)
so.plot.convergence(runs, ax=left).get_legend().remove()
so.plot.trajectory(runs, ax=right)
figure.savefig(HERE / "race.png", dpi=110)

(experiment,) = choose(["nesterov"], folder())
(HERE / "stability.png").write_bytes(execute(experiment).pictures["planes"].png)
