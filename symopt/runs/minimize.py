"""minimize: one trajectory."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from symopt.costs.cost import Cost
from symopt.costs.sizes import Sizes
from symopt.errors import RuleError
from symopt.lazy import cached_property
from symopt.rules.rule import Rule
from symopt.runs.inputs import as_cost, as_rule
from symopt.runs.interrupt import stop_on_ctrl_c
from symopt.runs.launch import Finished, launch
from symopt.runs.options import Record, check_run_options, check_sampling, check_steps
from symopt.runs.progress import progress_bar
from symopt.runs.starts import read_start
from symopt.runs.termination import LIMIT, Status
from symopt.validation import Array

if TYPE_CHECKING:
    import xarray as xr

RECORD_ALL = (
    1_000_000  # numbers in a history up to which every step is recorded unless asked otherwise
)
RECORD_SOME, RECORD_FEW = (
    1000,
    100,
)  # log-spaced steps otherwise; where each takes the loss over all samples
RECORD_PATHS = 8_000_000  # numbers of theta that are recorded unless asked otherwise
MOST_SHOWN = 12  # entries of theta in a line


@dataclass(frozen=True, repr=False)
class Run:
    """What became of one run.

    Attributes
    ----------
    theta, loss
        The last finite theta, shape (n,), and J there (over all samples).
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
    _sizes: Sizes = field(repr=False)

    @cached_property
    def history(self) -> xr.Dataset:
        """The recorded steps: ``loss`` over step, and ``theta`` over (step, param) where paths were recorded."""
        import xarray as xr

        variables: dict[str, Any] = {"loss": ("step", self._history[:, -1])}
        coords: dict[str, Any] = {"step": self.recorded}
        if self._history.shape[1] > 1:
            variables["theta"] = (("step", "param"), self._history[:, :-1])
            coords["param"] = self.labels
        attrs = {"rule": repr(self.rule), "status": str(self.status), "reason": self.reason}
        return xr.Dataset(variables, coords=coords, attrs=attrs)

    @cached_property
    def labels(self) -> list[str]:
        """A name for each entry of theta, as x, theta[3] or W[0,2]."""
        return self._sizes.labels()

    @cached_property
    def arrays(self) -> dict[str, Array]:
        """The last theta as arrays by the names of the parameters."""
        return {name: array[()] for name, array in self._sizes.split(self.theta).items()}

    @property
    def source(self) -> str:
        """The generated Python of the whole run."""
        return self._source

    def __repr__(self) -> str:
        few = self._sizes.labels(MOST_SHOWN)
        place = ", ".join(
            f"{name}={value:.6g}" for name, value in zip(few, self.theta, strict=False)
        )
        if len(place) < 120 and len(few) == len(self.theta):
            shown = place
        else:
            shown = place[:120] + "..."
        return (
            f"Run({self.rule.name}: J = {self.loss:.6g} at {shown}; {self.status}: {self.reason})"
        )


def minimize(
    cost: Any,
    rule: Any,
    start: Any,
    steps: int = 1000,
    *,
    record: Record | str = "auto",
    paths: bool | None = None,
    tolerance: float | None = None,
    limit: float = LIMIT,
    batch: int | None = None,
    replace: bool = False,
    noise: float = 0.0,
    rng: Any = 0,
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
        n numbers, or a mapping from parameters to numbers or arrays; never changed.
    steps
        The budget.
    record
        True for every step, a number of log-spaced steps, a list of steps, or None. By default
        every step, or 1000 of them where that would take over a million numbers, or 100 with
        ``batch``, where each takes the loss over all samples.
    paths
        Whether theta is recorded beside the loss; by default where that takes at most 64 MB.
    tolerance
        End when no component of the gradient is larger; tested every 16 steps. None: never.
    limit
        The run has diverged when |J| or a component of theta is larger.
    batch
        Take each gradient over so many samples, drawn from the index that the cost names in
        ``samples``: the sum over B of m samples times m/B, which has the full gradient as its mean.
        The loss of all samples is seen, for ``best_loss`` too, at the recorded steps and at the
        end.
    replace
        Draw samples with replacement; otherwise every epoch is a new shuffle of all.
    noise
        Add to each component of each gradient an independent normal number of this standard
        deviation.
    rng
        What batches and noise follow from: a seed, or a pair (seed, stream), whose stream tells
        the noise of runs with one seed apart; None for an arbitrary seed. Philox 4x32-10 (Salmon
        et al. 2011) makes the same numbers on every machine.
    progress
        Whether to draw a bar (on a terminal).
    **constants
        The cost's constants.

    A run takes O(n) memory for n parameters: theta, its next value, the best, the gradient and the
    states of the rule, three times over while it is laid out and to go back a chunk (at a million
    parameters 16 n numbers at most for gd, 22 n for Adam); beside that what it records, and what
    the cost stores.

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
    objective, point = read_start(objective(**constants), start, (1,), {})
    for kind, named in (("hyperparameter", optimizer.hyperparameters), ("constant", values)):
        for name, value in named.items():
            if np.ndim(value):
                raise RuleError(
                    f"the {kind} {name} is an array; minimize takes one number, use so.sweep for "
                    "many"
                )
    sampling = check_sampling(batch, replace, noise, rng)
    if isinstance(record, str) and record == "auto":
        few = (check_steps(steps) + 1) * (len(point) + 1) <= RECORD_ALL
        if batch is not None:
            record = RECORD_FEW
        elif few:
            record = True
        else:
            record = RECORD_SOME
    settings = check_run_options(steps, record, tolerance=tolerance, limit=limit, sampling=sampling)
    if paths is False or (paths is None and len(settings.record) * len(point) > RECORD_PATHS):
        settings = dataclasses.replace(settings, paths=False)
    with (
        stop_on_ctrl_c() as stop,
        progress_bar(settings.steps + 1, optimizer.name, progress) as report,
    ):
        finished = launch(
            objective,
            optimizer,
            point[None, :],
            hypers=optimizer.hyperparameters,
            constants=values,
            settings=settings,
            stop=stop,
            report=report,
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
        _sizes=finished.bound.sizes,
    )
