"""Run: the result of one run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from symopt.costs.cost import Cost
from symopt.costs.sizes import Sizes
from symopt.lazy import cached_property
from symopt.rules.rule import Rule
from symopt.runs.launch import Finished
from symopt.runs.termination import Status
from symopt.validation import Array, ComparedByParts

if TYPE_CHECKING:
    import xarray as xr

MOST_SHOWN = 12  # entries of theta in a line
LONGEST = 120  # characters of theta in a line


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class Run(ComparedByParts):
    """The result of one run.

    Runs are equal where their costs, rules and all that came out are, NaN with NaN; how long they
    took does not count. They can be pickled and copied.

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
        Gradients taken by the rule; products with the Hessian are not among them.
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
    compile_seconds: float = field(compare=False)
    run_seconds: float = field(compare=False)
    recorded: npt.NDArray[np.int64] = field(repr=False)
    _history: Array = field(repr=False)
    _source: str = field(repr=False)
    _sizes: Sizes = field(repr=False)

    def __hash__(self) -> int:
        return hash((self.rule, self.status, self.steps, len(self.theta)))

    @cached_property
    def history(self) -> xr.Dataset:
        """The recorded steps: ``loss`` over step, and ``theta`` over (step, param)."""
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
        entries = zip(few, self.theta, strict=False)
        shown = ", ".join(f"{name}={value:.6g}" for name, value in entries)
        if len(shown) >= LONGEST or len(few) < len(self.theta):
            shown = shown[:LONGEST] + "..."
        end = f"{self.status}: {self.reason}"
        return f"Run({self.rule.name}: J = {self.loss:.6g} at {shown}; {end})"


def run_of(cost: Cost, rule: Rule, finished: Finished) -> Run:
    """Take the one run of a finished job."""
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
