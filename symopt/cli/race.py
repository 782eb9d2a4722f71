"""The race: rules on one cost from one start, or from many, and what became of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from symopt.cli.rules import Entrant, entrant
from symopt.costs.cost import Cost
from symopt.errors import RunError
from symopt.interop.scipy import scipy
from symopt.interop.scipy.minimize import SciPyRule
from symopt.optim.registry import RULES, compared_rules
from symopt.rules.rule import Rule
from symopt.runs.ensemble import Uniform
from symopt.runs.interrupt import Stop
from symopt.runs.minimize import minimize
from symopt.runs.result import Run
from symopt.runs.study import Study
from symopt.runs.sweep import sweep
from symopt.runs.tuning import PER_DECADE, Tuned, tune

FEW_PER_DECADE = 2  # learning rates, for many parameters
MANY = 1000  # parameters, beyond which a race makes fewer steps
LISTED = 100  # parameters up to which every step is recorded and theta is written out
RECORDED = 1000  # steps beyond
RECORD_ALL = 1_000_000  # losses of many starts up to which every step is recorded
MOST_TUNED = 100  # of many starts, those that learning rates are tuned on
Outcome = Run | Study | list[Run]
"""One run; runs from many starts; such runs by SciPy."""


def size_of_start(start: Any) -> int:
    """Return how many numbers a start holds."""
    if isinstance(start, Uniform):
        return int(max(start.low.size, start.high.size))
    if isinstance(start, Mapping):
        return sum(int(np.size(value)) for value in start.values())
    return len(start)


def budget(size: int) -> int:
    """Return the steps of a race that is told none, fewer for many parameters."""
    return max(200, min(5000, 50_000_000 // size))


def recorded_steps(size: int, starts: int = 1, steps: int = 0) -> bool | int:
    """Return which steps of a race are recorded: all, or some for many parameters or starts."""
    if size <= LISTED and (starts == 1 or starts * steps <= RECORD_ALL):
        return True
    return RECORDED


def choose_rules(
    cost: Cost, everyone: bool, own: Mapping[str, Rule] | None = None
) -> tuple[dict[str, Entrant], list[str]]:
    """Return the rules to compare on a cost, and a line about each that is left out."""
    rules = dict(RULES) if everyone else compared_rules()
    rules |= own or {}
    lacks = {
        name: [lack for need in rule.needs if (lack := cost.lacks(need))]
        for name, rule in rules.items()
    }
    left_out = [f"without {name}: it needs {lack[0]}" for name, lack in lacks.items() if lack]
    chosen = {name: entrant(name, rule) for name, rule in rules.items() if not lacks[name]}
    return chosen, left_out


@dataclass
class Race:
    """A race: what is run, and what came of it.

    Attributes
    ----------
    cost, start, steps, tolerance, batch, seed
        What all rules have in common; ``start`` is one, or ``so.uniform(...)``.
    entrants
        The rules.
    tuned
        Those whose learning rate was looked for.
    outcomes
        What became of each rule.
    """

    cost: Cost
    start: Any
    steps: int
    entrants: Mapping[str, Entrant]
    tolerance: float | None = None
    batch: int | None = None
    seed: int = 0
    tuned: dict[str, Tuned] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many parameters there are."""
        return size_of_start(self.start)

    @property
    def starts(self) -> int:
        """How many starts there are."""
        if isinstance(self.start, Uniform):
            return self.start.size
        return 1

    def run(self, stop: Stop) -> None:
        """Tune the learning rates that are open, then run the rules; to the end or a request."""
        self.check()
        self.tune()
        for name, one in self.entrants.items():
            if stop.is_set():
                return
            self.outcomes[name] = self.outcome(self.rule(name), one.family)

    def check(self) -> None:
        """Refuse what cannot run together, before anything is compiled."""
        for name, one in self.entrants.items():
            if isinstance(one.rule, SciPyRule) and self.batch is not None:
                raise RunError(
                    f"--batch: {name} takes gradients over all samples; leave out one of both"
                )
            for need in one.rule.needs:
                if lack := self.cost.lacks(need):
                    raise RunError(f"--rule {name}: it needs {lack}")

    def tune(self) -> None:
        """Find the learning rates that are open."""
        makers = {name: one.maker for name, one in self.entrants.items() if one.rate}
        if not makers:
            return
        steps, per_decade, start = self.steps, PER_DECADE, self.start
        if self.size > MANY:
            steps, per_decade = min(steps, budget(self.size)), FEW_PER_DECADE
        if isinstance(start, Uniform) and start.size > MOST_TUNED:
            start = replace(start, size=MOST_TUNED)
        self.tuned = tune(
            self.cost,
            makers,
            start,
            steps,
            per_decade=per_decade,
            batch=self.batch,
            rng=self.seed,
            progress=True,
        )

    def rule(self, name: str) -> Rule:
        """Return a rule with its learning rate."""
        if name in self.tuned:
            return self.tuned[name].rule
        return self.entrants[name].rule

    def spelled(self, name: str) -> str:
        """Write a rule with its values, as --rule takes it."""
        rate = None
        if name in self.tuned:
            rate = self.tuned[name].rate
        return self.entrants[name].spelled(rate)

    def outcome(self, rule: Rule, family: str) -> Outcome:
        """Run one rule."""
        if isinstance(rule, SciPyRule):
            return self._by_scipy(family.partition(":")[2])
        record = recorded_steps(self.size, self.starts, self.steps)
        if isinstance(self.start, Uniform):
            return sweep(
                self.cost,
                {rule.name: rule},
                self.start,
                self.steps,
                record=record,
                paths=False,
                tolerance=self.tolerance,
                batch=self.batch,
                rng=self.seed,
                progress=True,
            )
        return minimize(
            self.cost,
            rule,
            self.start,
            self.steps,
            tolerance=self.tolerance,
            batch=self.batch,
            rng=self.seed,
            record="auto" if self.batch else record,
            progress=True,
        )

    def _by_scipy(self, method: str) -> Outcome:
        """Run a method of SciPy, from one start after the other."""
        if not isinstance(self.start, Uniform):
            return scipy(self.cost, method, self.start, self.steps, tolerance=self.tolerance)
        return [
            scipy(self.cost, method, point, self.steps, tolerance=self.tolerance)
            for point in self.start.draw(self.size)
        ]

    def missing(self) -> list[str]:
        """Return the rules that did not run."""
        return [name for name in self.entrants if name not in self.outcomes]


@dataclass(frozen=True)
class Zero:
    """What the gaps of a race are measured from.

    Attributes
    ----------
    loss
        J there; NaN where no run met a finite one.
    known
        Whether it is the smallest value of J, as the cost has it, and not the best of all runs.
    best
        The lowest loss that any run met, those that tuned learning rates among them.
    """

    loss: float
    known: bool
    best: float

    @classmethod
    def of(cls, cost: Cost, losses: Iterable[float]) -> Zero:
        """Return the smallest value of the cost, or the lowest of some losses."""
        best = min((loss for loss in losses if math.isfinite(loss)), default=math.nan)
        known = cost.optimal_value is not None
        return cls(best if cost.optimal_value is None else float(cost.optimal_value), known, best)

    def __str__(self) -> str:
        if not self.known:
            if math.isnan(self.loss):
                return "no run met a finite J"
            return f"from the best J of all runs, {self.loss:.4g}: the minimum is not known"
        below = self.best < self.loss - 1e-12 * max(1.0, abs(self.loss))
        text = f"from the known minimum of J, {self.loss:.4g}"
        return text + BELOW.format(self.best) if below else text


BELOW = "; a run went below it, to {:.10g}, so that it is no minimum"
