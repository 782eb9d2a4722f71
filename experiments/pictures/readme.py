"""The pictures of the README: the seven rules on Rosenbrock, and theory beside measurement."""

from pathlib import Path

from matplotlib.figure import Figure

import symopt as so
from symopt.cli.race import tune_rates
from symopt.harness import choose, execute, folder

HERE = Path(__file__).parent
J = so.parse("100*(y-x^2)^2 + (1-x)^2")
START, STEPS = [-1.2, 1.0], 5000

rules = tune_rates(so.optimizers.textbook, J, START, STEPS)
runs = {
    f"{name}, η = {rule.values['eta']:.2g}": so.minimize(J, rule, START, STEPS)
    for name, rule in rules.items()
}

figure = Figure(figsize=(13.2, 4.6), layout="constrained")
left, right = figure.subplots(1, 2)
so.plot.convergence(runs, ax=left).get_legend().remove()
so.plot.trajectory(runs, ax=right)
figure.savefig(HERE / "race.png", dpi=110)

(experiment,) = choose(["nesterov"], folder())
(HERE / "stability.png").write_bytes(execute(experiment).pictures["planes"].png)
