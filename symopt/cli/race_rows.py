"""What a race tells of each rule, in numbers: losses, steps to a gap, and what they cost."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from symopt.cli.race import LISTED, Outcome
from symopt.interop.scipy.callback import COUNTED
from symopt.interop.scipy.minimize import SciPyRun
from symopt.rules.rule import Rule
from symopt.runs.result import Run
from symopt.runs.study import Study
from symopt.validation import Array, finite_or_none

GAPS = {"1e-3": 1e-3, "1e-6": 1e-6, "1e-9": 1e-9}
SOLVES = ("hessian", "gauss_newton")
"""What a rule needs that solves equations with a matrix of second derivatives."""


@dataclass(frozen=True, kw_only=True)
class Finish:
    """What became of a rule, from N starts.

    Attributes
    ----------
    rule
        The rule.
    losses, steps
        J at the recorded steps, shape (N, steps).
    work
        What had been asked of the cost by then, in gradients, shape (N, steps); a Hessian counts as
        many as there are parameters.
    spent
        The same at the end of each run, shape (N,).
    final, best, status
        The last and the lowest J, and how each run ended, shape (N,).
    gradients
        Gradients in each run, shape (N,).
    compile_seconds, run_seconds
        Times in all.
    more
        What is told of a single run beside.
    """

    rule: Rule
    losses: Array
    steps: npt.NDArray[np.int64]
    work: Array
    spent: Array
    final: Array
    best: Array
    status: list[str]
    gradients: npt.NDArray[np.int64]
    compile_seconds: float
    run_seconds: float
    more: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, outcome: Outcome, rule: Rule) -> Finish:
        """Take it from what runs return."""
        if isinstance(outcome, Study):
            return _of_study(outcome, rule)
        if isinstance(outcome, Run):
            return _of_run(outcome)
        return _of_runs(outcome)

    def row(self, zero: float) -> dict[str, Any]:
        """Return what is told, ready for JSON: None for what is not finite.

        ``steps_to`` are the first recorded steps at which J is within a gap of ``zero``: from many
        starts the median over those that come there, whose share is ``reached``. Losses are then
        the median at the end and the lowest of all.
        """
        levels = {name: zero + gap for name, gap in GAPS.items()}
        shared = {
            "final_loss": finite_or_none(median(self.final)),
            "best_loss": finite_or_none(self.lowest),
            "steps_to": {name: self.steps_to(level) for name, level in levels.items()},
            "gradient_evaluations": int(np.median(self.gradients)),
            "status": self.ends,
            "compile_seconds": round(self.compile_seconds, 4),
            "run_seconds": round(self.run_seconds, 4),
            "rule": repr(self.rule),
        }
        if len(self.final) > 1:
            shares = {name: self.share(level) for name, level in levels.items()}
            return {"starts": len(self.final), "reached": shares, **shared}
        return {**self.more, **shared}

    @property
    def lowest(self) -> float:
        """The lowest J that was met; infinity where none was finite."""
        return float(np.min(self.best, initial=math.inf, where=np.isfinite(self.best)))

    @property
    def ends(self) -> str:
        """How the runs ended, and from many starts how many."""
        counts = Counter(self.status)
        if len(self.status) == 1:
            return self.status[0]
        return ", ".join(f"{count} {word}" for word, count in counts.most_common())

    def arrivals(self, clock: npt.NDArray[Any], level: float) -> Array:
        """Return when each run was first at or below a level, by a clock; infinity where never."""
        reached = self.losses <= level
        times = np.broadcast_to(clock, reached.shape)
        first = np.take_along_axis(times, reached.argmax(axis=1)[:, None], axis=1)[:, 0]
        return np.where(reached.any(axis=1), first, math.inf).astype(np.float64)

    def steps_to(self, level: float) -> int | None:
        """Return the steps to a level, the median over the runs that come there."""
        arrivals = self.arrivals(self.steps, level)
        some = arrivals[np.isfinite(arrivals)]
        if not len(some):
            return None
        return int(np.median(some))

    def share(self, level: float) -> float:
        """Return the share of the runs that come to a level."""
        return float(np.isfinite(self.arrivals(self.steps, level)).mean())

    def cost_of(self, level: float) -> float:
        """Return what an arrival costs: all work until arrivals or ends, per arrival.

        It is the expected running time with restarts (Hansen, Auger, Ros, Mersmann, Tusar and
        Brockhoff 2021, doi:10.1080/10556788.2020.1808977); infinity where no run arrives.
        """
        arrived = self.arrivals(self.work, level)
        some = np.isfinite(arrived)
        if not some.any():
            return math.inf
        return float(np.where(some, arrived, self.spent).sum() / some.sum())


def _of_run(run: Run) -> Finish:
    theta = None
    if len(run.theta) <= LISTED:
        theta = [finite_or_none(value) for value in run.theta]
    return Finish(
        rule=run.rule,
        losses=run.history["loss"].values[None],
        steps=run.recorded,
        work=_work_of_run(run)[None],
        spent=_work_of_run(run)[-1:],
        final=np.array([run.loss]),
        best=np.array([run.best_loss]),
        status=[str(run.status)],
        gradients=np.array([run.gradient_evaluations]),
        compile_seconds=run.compile_seconds,
        run_seconds=run.run_seconds,
        more={"theta": theta, "reason": run.reason},
    )


def _work_of_run(run: Run) -> Array:
    """Return what had been asked of the cost at the recorded steps, in gradients."""
    n = len(run.theta)
    if not isinstance(run, SciPyRun):
        return np.asarray(run.recorded * _work_per_step(run.rule, n), dtype=np.float64)
    asked = {name: run.history[f"{name}_evaluations"].values for name in COUNTED}
    points = np.maximum(asked["value"], asked["gradient"])
    return np.asarray(points + asked["hvp"] + n * asked["hessian"], dtype=np.float64)


def _work_per_step(rule: Rule, n: int) -> float:
    solves = any(need in SOLVES for need in rule.needs)
    return float(rule.update.gradients + n * solves)


def _of_study(study: Study, rule: Rule) -> Finish:
    (dataset,) = study.values()
    losses = dataset["history_loss"].transpose("start", "step").values
    steps, each = dataset["step"].values, _work_per_step(rule, dataset.sizes["param"])
    return Finish(
        rule=rule,
        losses=losses,
        steps=steps,
        work=np.broadcast_to(steps * each, losses.shape),
        spent=dataset["steps"].values * each,
        final=dataset["loss"].values,
        best=dataset["best_loss"].values,
        status=[str(word) for word in dataset["status"].values],
        gradients=dataset["gradient_evaluations"].values,
        compile_seconds=dataset.attrs["compile_seconds"],
        run_seconds=dataset.attrs["run_seconds"],
    )


def _of_runs(runs: list[Run]) -> Finish:
    """Put runs of unlike lengths side by side: each stays where it ended."""
    length = max(len(run.recorded) for run in runs)
    losses = [_extended(run.history["loss"].values, length) for run in runs]
    work = [_extended(_work_of_run(run), length) for run in runs]
    return Finish(
        rule=runs[0].rule,
        losses=np.array(losses),
        steps=np.arange(length),
        work=np.array(work),
        spent=np.array([one[-1] for one in work]),
        final=np.array([run.loss for run in runs]),
        best=np.array([run.best_loss for run in runs]),
        status=[str(run.status) for run in runs],
        gradients=np.array([run.gradient_evaluations for run in runs]),
        compile_seconds=sum(run.compile_seconds for run in runs),
        run_seconds=sum(run.run_seconds for run in runs),
    )


def _extended(values: npt.NDArray[Any], length: int) -> Array:
    return np.pad(values.astype(np.float64), (0, length - len(values)), mode="edge")


def median(values: Array) -> float:
    """Return the median, where what is no number is worst."""
    return float(np.median(np.where(np.isfinite(values), values, math.inf)))
