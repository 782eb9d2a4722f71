"""scipy: SciPy's minimisers on the compiled cost, counted, as references beside the rules.

SciPy does the steps; what it asks of the cost is counted, and every step is looked at as minimize
does: recorded, checked against the limits, and stopped at the budget.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import numpy.typing as npt

from symopt._typing import ConstantLike, CostLike, PointLike
from symopt.costs.cost import Cost
from symopt.costs.indexed import LARGEST_DENSE
from symopt.costs.objective import BoundObjective
from symopt.costs.points import Flat
from symopt.errors import CostError, RuleError, RunError, did_you_mean
from symopt.interop.scipy.callback import COUNTED, End, RecordingObjective
from symopt.interop.scipy.methods import METHODS, Method
from symopt.interop.scipy.termination import run_scipy
from symopt.ir.update import Update
from symopt.lazy import cached_property
from symopt.rules.rule import Rule
from symopt.runs.boxes import Box, sides_of_pairs
from symopt.runs.inputs import as_cost
from symopt.runs.interrupt import stop_on_ctrl_c
from symopt.runs.keywords import refuse_words_of_others
from symopt.runs.options import check_run_options
from symopt.runs.result import Run
from symopt.runs.starts import given_or_own, read_start
from symopt.runs.termination import Status
from symopt.validation import Array

if TYPE_CHECKING:
    import xarray as xr


class SciPyRule(Rule):
    """A method of SciPy in place of a rule: a name, without equations."""

    @classmethod
    def named(cls, method: Method) -> SciPyRule:
        """Make the stand-in for a method."""
        return cls(function=scipy, name=f"scipy {method.name}", states={}, values={}, defaults={})

    def __repr__(self) -> str:
        return self.name

    @property
    def doc(self) -> str:
        """Where the method was published."""
        return METHODS[self.name.removeprefix("scipy ")].source

    @property
    def equations(self) -> NoReturn:
        """There are none."""
        raise RuleError(
            f"{self.name} is SciPy's code, without equations; expected a rule such as so.adam()"
        )

    @property
    def update(self) -> Update:
        """There is none."""
        return self.equations

    def latex(self) -> str:
        """Write the name as text."""
        return rf"\text{{{self.name}}}"


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class SciPyRun(Run):
    """The result of a run of SciPy: a Run, with all evaluations counted.

    Attributes
    ----------
    value_evaluations, gradient_evaluations, hvp_evaluations, hessian_evaluations
        How often the method asked for J, its gradient, its Hessian times a vector, its Hessian.
    """

    value_evaluations: int
    hvp_evaluations: int
    hessian_evaluations: int
    _counts: npt.NDArray[np.int64] = field(repr=False)

    @cached_property
    def history(self) -> xr.Dataset:
        """The steps of the run, with counts of evaluations as coordinates over step."""
        columns = zip(COUNTED, self._counts.T, strict=True)
        return super().history.assign_coords(
            {f"{name}_evaluations": ("step", column) for name, column in columns}
        )


def scipy(
    cost: CostLike,
    method: str = "BFGS",
    start: PointLike | None = None,
    steps: int = 1000,
    *,
    tolerance: float | None = None,
    bounds: Any = None,
    **constants: ConstantLike,
) -> SciPyRun:
    """Run a method of ``scipy.optimize.minimize`` on a cost from one start.

    With g the gradient, H the Hessian and alpha from a line search (Moré and Thuente 1994)::

        BFGS         theta' = theta - alpha B g    s = theta' - theta, y = g' - g, r = s y^T/y^T s,
                                                   B' = (I - r) B (I - r^T) + s s^T/y^T s
                                                   (Broyden, Fletcher, Goldfarb, Shanno 1970)
        L-BFGS-B     the same, from the last 10 pairs (s, y) alone  (Byrd, Lu, Nocedal and Zhu 1995;
                                                   Morales and Nocedal 2011)
        CG           theta' = theta + alpha p      p' = -g' + max(0, y^T g'/g^T g) p
                                                   (Polak and Ribière 1969; Gilbert and Nocedal
                                                   1992)
        Newton-CG    theta' = theta + alpha p      H p = -g by conjugate gradients, to the residual
                                                   min(1/2, |g|^(1/2)) |g|
                                                   (Dembo and Steihaug 1983)
        TNC          the same, with H p by differences of gradients  (Nash 1984)
        trust-ncg    theta' = theta + p            p lowers g^T p + p^T H p/2 where |p| <= Delta, by
                                                   conjugate gradients  (Steihaug 1983)
        trust-exact  the same, by factorising H + lambda I  (Moré and Sorensen 1983)
        Nelder-Mead  a simplex of n + 1 points, by values alone  (Nelder and Mead 1965)

    Parameters
    ----------
    cost
        A Cost, a SymPy expression, or a problem.
    method
        One of the names above, in any case.
    start
        n numbers, or a mapping from parameters to numbers or arrays, as ``J.value`` takes a point;
        never changed. That of a problem, if left out.
    steps
        The budget of iterations, which take several evaluations each. SciPy's own budgets
        (15000 for L-BFGS-B, 200 n for others) do not hold.
    tolerance
        End when no component of the gradient is larger: SciPy's ``gtol``, for trust-ncg and
        trust-exact on the gradient's norm. Newton-CG and TNC, whose own tests are others, are
        stopped from here. Nelder-Mead ends when its simplex is no larger and J differs no more in
        it (``xatol``, ``fatol``). None: a method runs until its budget, or until it makes no
        progress. SciPy's defaults (1e-5 for BFGS) and further tests (``ftol``, ``xtol``) do not
        hold.
    bounds
        For L-BFGS-B, TNC and Nelder-Mead: a pair (low, high) for all parameters, a list with a pair
        for each, a mapping from names to pairs, or a ``scipy.optimize.Bounds``; None stands for an
        open side. A run that ends on a bound says so in its reason, and *converged* means the
        projected gradient, without what points out of the box.
    **constants
        The cost's constants.

    Returns
    -------
    SciPyRun
        A Run for all that takes one, with every step recorded, and theta beside the loss as long
        as that takes at most 64 MB. Whatever happens inside the run is told by its status, never
        by an exception; Ctrl-C returns what is there.

        ``value_evaluations``, ``gradient_evaluations``, ``hvp_evaluations`` (Hessian times vector)
        and ``hessian_evaluations`` count what the method asked of the cost, as SciPy's ``nfev``,
        ``njev`` and ``nhev`` do. What is asked here to compile, and to judge the last theta, does
        not count. ``history`` has the counts until each step's loss was known as coordinates: the
        start has 1 value and no gradient.

        Where a method makes no progress, the reason ends in SciPy's words. The status is
        *converged* if the gradient is 0, or if what J can fall along it, (g^T g)^2/(2 g^T H g), and
        by Newton's step, g^T H^-1 g/2, is within 100 roundings of J; *non-finite* if J or the
        gradient was not finite where a step was sought; *stalled* otherwise, as at a kink, or where
        the parameters are so unlike in size that a method no longer moves in some of them. (SciPy's
        Newton-CG takes p^T H p below 7e-16 for 0, and ends so where the gradient is near 1e-8.)

    Raises
    ------
    CostError, RunError
        Before anything runs, if an argument does not fit: an unknown method, a negative tolerance,
        or more than 5000 parameters for a method that holds a matrix (BFGS, trust-exact,
        Nelder-Mead).

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("100*(y-x^2)^2 + (1-x)^2")
    >>> run = so.scipy(J, "BFGS", start=[-1.2, 1], tolerance=1e-6)
    >>> run.theta.round(4), str(run.status), run.steps < run.gradient_evaluations < 60
    (array([1., 1.]), 'converged', True)
    >>> run.history["gradient_evaluations"].values[:5]
    array([0, 3, 5, 6, 7])
    """
    chosen = _method(method)
    objective = as_cost(cost)
    refuse_words_of_others(scipy, constants, objective)
    begin = given_or_own(start, cost, f"so.scipy(J, {chosen.name!r}, start=[1.0, 2.0])")
    _check_single(objective.check_constants(constants))
    objective, point = read_start(objective(**constants), begin, (1,), constants={})
    settings = check_run_options(steps, None, tolerance=tolerance)
    if chosen.dense and len(point) > LARGEST_DENSE:
        raise RunError(
            f"{chosen.name} holds a matrix of {len(point)} x {len(point)} numbers; expected at "
            "most "
            f"{LARGEST_DENSE} parameters: use L-BFGS-B, CG or Newton-CG"
        )
    bound = objective.bind(Flat(point))
    box = _read_box(bounds, chosen, bound)
    compile_seconds = _compile(objective, point, chosen)
    own_test = None
    if not chosen.tolerances:
        own_test = settings.tolerance
    with stop_on_ctrl_c() as stop:
        recording = RecordingObjective(
            objective,
            bound,
            budget=settings.steps,
            tolerance=own_test,
            stop=stop,
            box=box,
        )
        began = time.perf_counter()
        end = _with_place(run_scipy(recording, chosen, point, settings.tolerance), recording)
        run_seconds = time.perf_counter() - began
    return _result(
        recording,
        chosen,
        end,
        compile_seconds=compile_seconds,
        run_seconds=run_seconds,
    )


def _method(name: Any) -> Method:
    if not isinstance(name, str):
        raise RunError(
            f"method={name!r}; expected the name of a method, as in so.scipy(J, 'BFGS', "
            "start=[1.0, 2.0])"
        )
    by_name = {known.lower(): method for known, method in METHODS.items()}
    if name.lower() not in by_name:
        raise RunError(
            f"SciPy's method {name!r} is not one of those here{did_you_mean(name, METHODS)}"
        )
    return by_name[name.lower()]


def _read_box(bounds: Any, method: Method, bound: BoundObjective) -> Box | None:
    """Read bounds, and refuse a method that takes none, or a start outside of them."""
    if bounds is None:
        return None
    if not method.bounded:
        able = ", ".join(name for name, known in METHODS.items() if known.bounded)
        raise RunError(f"{method.name} takes no bounds; expected one of {able}")
    low, high = sides_of_pairs(bounds)
    box = Box.of(low, high, bound.sizes, where="bounds, ")
    box.check_start(bound.start, bound.sizes)
    return box


def _with_place(end: End, recording: RecordingObjective) -> End:
    """Add to the reason which entries of theta are on a bound, where the run is not lost."""
    if recording.box is None or end.status in (Status.DIVERGED, Status.NONFINITE):
        return end
    place = recording.box.describe(recording.theta, recording.bound.sizes)
    ours, sign, theirs = end.reason.partition("; SciPy:")
    return End(end.status, ", ".join(filter(None, (ours, place))) + sign + theirs)


def _check_single(constants: dict[str, Any]) -> None:
    for name, value in constants.items():
        if np.ndim(value):
            raise CostError(f"the constant {name} is an array; a run of SciPy takes one number")


def _compile(cost: Cost, point: Array, method: Method) -> float:
    """Compile what a method asks for, by asking for it once, and return how long that took."""
    began = time.perf_counter()
    cost.value(point)
    cost.grad(point)  # for the last theta, where the method does not ask
    if "hvp" in method.asks:
        cost.hvp(point, point)
    if "hessian" in method.asks:
        cost.hessian(point)
    return time.perf_counter() - began


def _result(
    recording: RecordingObjective,
    method: Method,
    end: End,
    *,
    compile_seconds: float,
    run_seconds: float,
) -> SciPyRun:
    losses = np.array(recording.losses)
    history = losses[:, None]
    if recording.paths is not None:
        history = np.column_stack([np.array(recording.paths), losses])
    return SciPyRun(
        cost=recording.cost,
        rule=SciPyRule.named(method),
        theta=recording.theta,
        loss=recording.losses[-1],
        best_theta=recording.best_theta,
        best_loss=recording.best_loss,
        status=end.status,
        reason=end.reason,
        steps=recording.steps,
        compile_seconds=compile_seconds,
        run_seconds=run_seconds,
        recorded=np.arange(len(losses)),
        **{f"{name}_evaluations": count for name, count in recording.counts.items()},
        _counts=np.array(recording.evaluations, dtype=np.int64),
        _history=history,
        _source=recording.cost.source,
        _sizes=recording.bound.sizes,
    )
