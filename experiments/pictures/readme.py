"""The picture of the README: the textbook's seven rules on Rosenbrock, each at its best learning rate."""

from pathlib import Path

from matplotlib.figure import Figure

import symopt as so
from symopt.race import tuned

J = so.parse("100*(y-x^2)^2 + (1-x)^2")
START, STEPS = [-1.2, 1.0], 5000

rules = tuned(J, START, STEPS)
runs = {f"{name}, η = {rule.values['eta']:.2g}": so.minimize(J, rule, START, STEPS) for name, rule in rules.items()}

figure = Figure(figsize=(13.2, 4.6), layout="constrained")
left, right = figure.subplots(1, 2)
so.plot.convergence(runs, ax=left).get_legend().remove()
so.plot.trajectory(runs, ax=right)
figure.savefig(Path(__file__).parent / "race.png", dpi=110)
