"""tune: the best learning rate of each rule, by what a comparison counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from symopt._typing import CostLike, PointLike, RulesLike, Seed
from symopt.costs.cost import Cost
from symopt.rules.foreign_names import RATE
from symopt.rules.hyperparameters import Range
from symopt.rules.rule import Rule
from symopt.runs.ensemble import Uniform
from symopt.runs.inputs import as_cost, as_rule
from symopt.runs.options import check_steps
from symopt.runs.sweep import name_rules, sweep
from symopt.validation import Array, check_whole_number

GAPS = (1e-9, 1e-6, 1e-3)
"""The gaps to the smallest J that are aimed at, one after the other."""
PER_DECADE = 6  # learning rates
FIRST, LAST = -5, 0  # the decades of the first grid
LEAST, MOST = -11, 6  # where grids end that grow
GROWTH = 2  # decades at once
LATE = np.linspace(0.5, 1.0, 51)
"""The shares of the budget at which a learning rate is judged by its worst loss."""
RECORDED = 300  # steps, spaced as logarithms
Maker = Callable[[Any], Rule]
"""From learning rates to a rule."""


@dataclass(frozen=True)
class Tuned:
    """A rule with its best learning rate.

    Attributes
    ----------
    rule
        The rule with that rate.
    rate
        The rate; None for a rule that has none to be tuned.
    rates
        All that were tried, increasing.
    best_loss
        The lowest J that any of its runs met; infinity where none was finite.
    edge
        "smaller" or "larger" where the best rate is the last on that side of all that were tried,
        so that one beyond it may be better; else empty.
    """

    rule: Rule
    rate: float | None = None
    rates: tuple[float, ...] = ()
    best_loss: float = np.inf
    edge: str = ""


def tune(
    cost: CostLike,
    rules: RulesLike | Mapping[str, Any],
    start: PointLike | Uniform,
    steps: int = 1000,
    *,
    per_decade: int = PER_DECADE,
    batch: int | None = None,
    rng: Seed = 0,
    progress: bool = False,
) -> dict[str, Tuned]:
    """Find the best learning rate of each rule, on grids that grow where their last is the best.

    A grid has the rates 10**(k/6) from 1e-5 to 1, and grows by two decades at a time, to 1e-11 and
    1e6 at most. J* is the smallest value of J if the cost has it, else the lowest of all runs of
    all rules. The best rate is the one that is soonest within 1e-9 of J*, among those that are
    there from half the budget on; where there are none, within 1e-6, or 1e-3. Where none comes
    near, it is the one whose worst late loss is lowest, so that a rate that jumps about and happens
    to end low does not win. From many starts, medians over them are judged.

    Parameters
    ----------
    cost, start, steps, batch, rng, progress
        As in :func:`sweep`.
    rules
        A rule or a list of them, or a mapping from names to rules. In the mapping a function from
        learning rates to a rule may stand too: ``lambda rate: so.like("torch.optim.Adam",
        lr=rate)``.
    per_decade
        How many rates there are from one to ten times as much.

    Returns
    -------
    dict
        A :class:`Tuned` for each rule, by its name. A rule without a learning rate, or with a
        schedule for it, stays as it is. Empty after Ctrl-C: no rate would be known to be the best.

    Raises
    ------
    CostError, RuleError, RunError
        Before anything is compiled, if an argument does not fit.

    Examples
    --------
    >>> import symopt as so
    >>> found = so.tune(so.parse("x^2 + 10*y^2"), ["gd", "momentum"], [1.0, 1.0], steps=200)
    >>> found["gd"].rule, found["gd"].edge
    (gd(eta=0.06813), '')
    """
    objective, named = as_cost(cost), _by_name(rules)
    check_whole_number(per_decade, "per_decade", "how many rates to try in a decade", least=1)
    trial = partial(
        sweep,
        objective,
        start=start,
        steps=steps,
        record=_recorded(check_steps(steps)),
        paths=False,
        batch=batch,
        rng=rng,
        progress=progress,
    )
    grids = {
        name: _grid(one, per_decade)
        for name, one in named.items()
        if not isinstance(one, Rule) or rate_name(one)
    }
    if not _fill(grids, trial, objective):
        return {}
    smallest = _smallest(grids.values(), objective)
    return {
        name: grids[name].tuned(smallest) if name in grids else Tuned(one)
        for name, one in named.items()
    }


def _fill(grids: Mapping[str, Grid], trial: Callable[..., Any], cost: Cost) -> bool:
    """Try all rates of the first grids, and those beyond; False after Ctrl-C."""
    for grid in grids.values():
        if not grid.try_out(grid.first(), trial):
            return False
    for grid in grids.values():
        while more := grid.beyond(_smallest(grids.values(), cost)):
            if not grid.try_out(more, trial):
                return False
    return True


def _smallest(grids: Iterable[Grid], cost: Cost) -> float:
    """Return J*, or the lowest J that was met."""
    if cost.optimal_value is not None:
        return float(cost.optimal_value)
    return min((grid.best_loss for grid in grids), default=np.inf)


def _recorded(steps: int) -> list[int]:
    """Return the steps at which J is looked at: as logarithms, and late ones."""
    spaced = np.geomspace(1, max(steps, 1), RECORDED).round().astype(int)
    return sorted({0, *spaced.tolist(), *_late(steps)} & set(range(steps + 1)))


def _late(steps: int) -> list[int]:
    return [round(float(share) * steps) for share in LATE]


def _by_name(rules: Any) -> dict[str, Any]:
    """Return rules, and functions that make them of learning rates, by name."""
    if not isinstance(rules, Mapping) or not rules:
        return dict(name_rules(rules))
    return {
        str(name): one if callable(one) and not isinstance(one, Rule) else as_rule(one)
        for name, one in rules.items()
    }


def _grid(one: Any, per_decade: int) -> Grid:
    """Return an empty grid for a rule, or for what makes one of learning rates."""
    if not isinstance(one, Rule):
        return Grid(one, None, per_decade)
    name = rate_name(one)
    allowed = one.ranges.get(name)
    if not isinstance(allowed, Range):
        allowed = None
    return Grid(lambda rates: one(**{name: rates}), allowed, per_decade)


def rate_name(rule: Rule) -> str:
    """Return what a rule calls its learning rate, where that is a number; else nothing.

    Examples
    --------
    >>> import symopt as so
    >>> rate_name(so.adam), rate_name(so.adam(eta=0.1/so.t))
    ('eta', '')
    """
    name = next((name for name in RATE if name in rule.hyperparameters), "")
    if name in rule.schedules:
        return ""
    return name


@dataclass
class Grid:
    """The learning rates of one rule that were tried, as 10**(k/per_decade), and what came of them.

    Attributes
    ----------
    make, allowed, per_decade
        From rates to the rule, where they may lie, and how many there are in a decade.
    curves
        By k, the losses at the recorded steps, shape (starts, steps).
    steps
        The recorded steps.
    best_loss
        The lowest J that any run met.
    """

    make: Maker
    allowed: Range | None
    per_decade: int
    curves: dict[int, Array] = field(default_factory=dict)
    steps: Array = field(default_factory=lambda: np.zeros(1))
    best_loss: float = np.inf

    def rate(self, k: int) -> float:
        """Return a rate, as it is written in four digits."""
        return float(f"{10 ** (k / self.per_decade):.4g}")

    def first(self) -> list[int]:
        """Return the numbers of the first grid."""
        return self._within(FIRST * self.per_decade, LAST * self.per_decade)

    def beyond(self, smallest: float) -> list[int]:
        """Return numbers to add where the best rate is the last on one side."""
        width = GROWTH * self.per_decade
        match self.edge(self.choose(smallest)):
            case "smaller":
                return self._within(min(self.curves) - width, min(self.curves) - 1)
            case "larger":
                return self._within(max(self.curves) + 1, max(self.curves) + width)
        return []

    def _within(self, first: int, last: int) -> list[int]:
        """Return numbers whose rates a grid may have."""
        ends = range(max(first, LEAST * self.per_decade), min(last, MOST * self.per_decade) + 1)
        return [k for k in ends if self.allowed is None or self.allowed.holds(self.rate(k))]

    def try_out(self, numbers: list[int], trial: Callable[..., Any]) -> bool:
        """Run the rule with more rates; False where that was interrupted."""
        import xarray as xr

        rates = xr.DataArray([self.rate(k) for k in numbers], dims="rate")
        study = trial({"tuned": self.make(rates)})
        if study.interrupted:
            return False
        dataset = study["tuned"]
        losses = dataset["history_loss"].transpose("rate", ..., "step").values
        losses = np.where(np.isfinite(losses), losses, np.inf)
        self.steps = dataset["step"].values
        self.curves |= dict(
            zip(numbers, losses.reshape(len(numbers), -1, len(self.steps)), strict=True)
        )
        best = dataset["best_loss"].values
        self.best_loss = float(np.min(best, initial=self.best_loss, where=np.isfinite(best)))
        return True

    def choose(self, smallest: float) -> int:
        """Return the number of the best rate; of the middle one where several are as good."""
        numbers = sorted(self.curves)
        scores = self._scores(numbers, smallest)
        if not np.isfinite(scores).any():
            return numbers[0]  # only smaller rates may do
        best = np.flatnonzero(scores == scores.min())
        return numbers[int(best[len(best) // 2])]

    def _scores(self, numbers: list[int], smallest: float) -> Array:
        """Return what is best where it is least: the time to the smallest gap, or the late loss."""
        late = np.isin(self.steps, _late(int(self.steps[-1])))
        worst = np.array([np.median(self.curves[k][:, late].max(axis=1)) for k in numbers])
        for gap in GAPS:
            near = worst <= smallest + gap
            if near.any() and self._start > smallest + gap:
                times = [self._time(k, smallest + gap) for k in numbers]
                return np.where(near, times, np.inf)
        return worst

    @property
    def _start(self) -> float:
        """J at the start, the median over starts; infinity where it is no number."""
        return float(np.median(next(iter(self.curves.values()))[:, 0]))

    def _time(self, k: int, level: float) -> float:
        """Return the first recorded step with J at or below a level, the median over starts."""
        reached = self.curves[k] <= level
        first = np.where(reached.any(axis=1), self.steps[reached.argmax(axis=1)], np.inf)
        return float(np.median(first))

    def edge(self, k: int) -> str:
        """Return on which side a rate is the last; nothing where J is no number at the start."""
        if not np.isfinite(self._start):
            return ""
        if k == min(self.curves):
            return "smaller"
        if k == max(self.curves):
            return "larger"
        return ""

    def tuned(self, smallest: float) -> Tuned:
        """Return the rule with its best rate."""
        best = self.choose(smallest)
        return Tuned(
            rule=self.make(self.rate(best)),
            rate=self.rate(best),
            rates=tuple(self.rate(k) for k in sorted(self.curves)),
            best_loss=self.best_loss,
            edge=self.edge(best),
        )
