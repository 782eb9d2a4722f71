"""minimize: one trajectory."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from symopt.cost import Cost
from symopt.errors import RuleError
from symopt.floats import Array
from symopt.interrupt import stop_on_ctrl_c
from symopt.launch import Finished, Record, as_cost, as_rule, check_settings, launch, single_start
from symopt.progress import progress_bar
from symopt.rule import Rule
from symopt.status import Status

if TYPE_CHECKING:
    import xarray as xr

RECORD_ALL = 1_000_000  # numbers in a history up to which every step is recorded unless asked otherwise


@dataclass(frozen=True, repr=False)
class Run:
    """What became of one run.

    Attributes
    ----------
    theta, loss
        The last finite theta, shape (n,), and J there.
    best_theta, best_loss
        Where J was smallest among all steps.
    status, reason
        How the run ended, and why in words.
    steps
        Steps made.
    gradient_evaluations
        Gradients taken by the rule.
    compile_seconds, run_seconds
        Time for the kernel (near 0 where it was known) and for the run.
    """

    cost: Cost
    rule: Rule
    theta: Array
    loss: float
    best_theta: Array
    best_loss: float
    status: Status
    reason: str
    steps: int
    gradient_evaluations: int
    compile_seconds: float
    run_seconds: float
    recorded: npt.NDArray[np.int64] = field(repr=False)
    _history: Array = field(repr=False)
    _source: str = field(repr=False)

    @cached_property
    def history(self) -> xr.Dataset:
        """The recorded steps: ``loss`` over step, ``theta`` over (step, param)."""
        import xarray as xr

        names = [p.name for p in self.cost.params]
        return xr.Dataset(
            {"loss": ("step", self._history[:, -1]), "theta": (("step", "param"), self._history[:, :-1])},
            coords={"step": self.recorded, "param": names},
            attrs={"rule": repr(self.rule), "status": str(self.status), "reason": self.reason},
        )

    @property
    def source(self) -> str:
        """The generated Python of the whole run."""
        return self._source

    def __repr__(self) -> str:
        place = ", ".join(f"{p.name}={value:.6g}" for p, value in zip(self.cost.params, self.theta, strict=True))
        shown = place if len(place) < 120 else place[:120] + "..."
        return f"Run({self.rule.name}: J = {self.loss:.6g} at {shown}; {self.status}: {self.reason})"


def minimize(
    cost: Any,
    rule: Any,
    start: Any,
    steps: int = 1000,
    *,
    record: Record | str = "auto",
    tolerance: float | None = None,
    limit: float = 1e20,
    progress: bool = False,
    **constants: float,
) -> Run:
    """Run an optimizer on a cost from one start.

    Parameters
    ----------
    cost
        A Cost or a SymPy expression.
    rule
        A rule, such as ``so.adam(eta=0.02)``, or the name of one.
    start
        n numbers, or a mapping from parameters to numbers; never changed.
    steps
        The budget.
    record
        True for every step, a number of log-spaced steps, a list of steps, or None. By default
        every step, or 1000 of them where that would take over a million numbers.
    tolerance
        End when no component of the gradient is larger; tested every 16 steps. None: never.
    limit
        The run has diverged when |J| or a component of theta is larger.
    progress
        Whether to draw a bar (on a terminal).
    **constants
        The cost's constants.

    Returns
    -------
    Run
        Whatever happens inside the run is told by its status, never by an exception. Ctrl-C
        returns what is there.

    Raises
    ------
    CostError, RuleError, RunError
        Before anything is compiled, if an argument does not fit.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("100*(y-x^2)^2 + (1-x)^2")
    >>> run = so.minimize(J, so.adam(eta=0.02), start=[-1.2, 1], steps=5000)
    >>> run.theta.round(4), str(run.status)
    (array([1., 1.]), 'budget spent')
    """
    objective, optimizer = as_cost(cost), as_rule(rule)
    values = objective.check_constants(constants)
    objective = objective(**values)
    point = single_start(objective, start)
    for kind, named in (("hyperparameter", optimizer.hyperparameters), ("constant", values)):
        for name, value in named.items():
            if np.ndim(value):
                raise RuleError(f"the {kind} {name} is an array; minimize takes one number, use so.sweep for many")
    if isinstance(record, str) and record == "auto":
        few = (steps + 1) * (objective.size + 1) <= RECORD_ALL if isinstance(steps, int) else True
        record = True if few else 1000
    settings = check_settings(steps, record, tolerance, limit, (), True, 1)
    with stop_on_ctrl_c() as stop, progress_bar(settings.steps + 1, optimizer.name, progress) as report:
        finished = launch(
            objective, optimizer, point[None, :], optimizer.hyperparameters, values, settings, stop, report
        )
    return _run(objective, optimizer, finished)


def _run(cost: Cost, rule: Rule, finished: Finished) -> Run:
    outcome = finished.outcome
    return Run(
        cost=cost,
        rule=rule,
        theta=outcome.iterate[0],
        loss=float(outcome.loss[0]),
        best_theta=outcome.best_theta[0],
        best_loss=float(outcome.best_loss[0]),
        status=Status(str(finished.status[0])),
        reason=finished.reason(0),
        steps=int(outcome.steps[0]),
        gradient_evaluations=int(finished.gradient_evaluations[0]),
        compile_seconds=finished.compile_seconds,
        run_seconds=outcome.seconds,
        recorded=finished.blocks.job.record,
        _history=finished.blocks.history[:, 0],
        _source=finished.blocks.kernel.source,
    )
