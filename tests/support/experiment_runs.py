"""Experiments in their quick form, each run once; some with fewer rules, costs or steps, where each is one more kernel."""

from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import symopt as so

FOLDER = Path(__file__).parents[2] / "experiments"


def fresh(name):
    """Return an experiment's module as it is."""
    spec = spec_from_file_location(f"experiment_{name}", FOLDER / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def loaded(name):
    module = fresh(name)
    REDUCED.get(name, lambda _: None)(module)
    return module


@cache
def quick(name):
    return loaded(name).run(quick=True)


def rows(name, *words):
    """Return the rows whose quantity holds all the words; there has to be one."""
    found = [row for row in quick(name).rows if all(word in row.quantity for word in words)]
    assert found, words
    return found


def verdicts(name, *words):
    return {row.verdict for row in rows(name, *words)}


def measured(name, *words):
    (row,) = rows(name, *words)
    return row.measured


def _plateau(module):
    module.BUDGET = 10**5


def _scales(module):
    module.SEEDS, module.ADAPTIVE = range(2), {"adam": so.adam}
    module.RULES = module.LINEAR | module.ADAPTIVE


def _race(module):
    """Costs that compile in a moment stand in the places of the others."""
    module.COSTS = {
        c: module.COSTS[c if c == "Rosenbrock" else "quadratic, κ = 100"] for c in module.COSTS
    }


REDUCED = {
    "plateau": _plateau,
    "scales": _scales,
    "race": _race,
}
