"""scipy: SciPy's minimisers on the compiled cost, counted, as references beside the rules.

SciPy does the steps; what it asks of the cost is counted here, and every step is looked at as
minimize does: recorded, checked against the limits, and stopped at the budget.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from threading import Event
from typing import TYPE_CHECKING, Any, Final, NoReturn

import numpy as np
import numpy.typing as npt

from symopt.autodiff.update import Update
from symopt.cost import Cost
from symopt.errors import CostError, RuleError, RunError, did_you_mean
from symopt.floats import Array
from symopt.interrupt import stop_on_ctrl_c
from symopt.launch import as_cost, placed
from symopt.rule import Rule
from symopt.run import RECORD_PATHS, Run
from symopt.settings import check_settings
from symopt.shapes import Sizes
from symopt.status import Status
from symopt.sumcost import LARGEST_DENSE

if TYPE_CHECKING:
    import xarray as xr

LIMIT: Final = 1e20  # of |J| and of the components of theta, as in minimize
STALLED: Final = Status.INTERRUPTED  # the method gave up away from a minimum: the word of what ended too early
COUNTED: Final = ("value", "gradient", "hvp", "hessian")
SMALLEST: Final = 5e-324  # a tolerance that only a gradient of 0 meets, where SciPy asks for less than it
MANY: Final = 2**31 - 1  # evaluations allowed to SciPy: the budget is counted in steps
ROUNDING: Final = 2.0**-52
NOISE: Final = 100.0  # roundings of J within which a gain is not one
MOST_SHOWN = 8  # coordinates of theta in a sentence


@dataclass(frozen=True)
class Method:
    """One of SciPy's methods.

    Attributes
    ----------
    name, source
        What SciPy calls it, and where it was published.
    asks
        What it asks of the cost beside values.
    tolerances
        The options that a tolerance is given to; where there are none, the gradient is looked at here.
    least
        What they are without a tolerance.
    options
        Options that keep SciPy from ending by another test; ``steps`` stands for the budget.
    dense
        Whether it holds an n x n matrix.
    """

    name: str
    source: str
    asks: tuple[str, ...] = ("gradient",)
    tolerances: tuple[str, ...] = ("gtol",)
    least: float = 0.0
    options: Mapping[str, float | str] = field(default_factory=lambda: {"maxiter": "steps"})
    dense: bool = False

    def settings(self, tolerance: float | None, steps: int) -> dict[str, Any]:
        """Return SciPy's options; its own limit of iterations lies beyond the budget."""
        fixed = {name: steps + 2 if value == "steps" else value for name, value in self.options.items()}
        return fixed | dict.fromkeys(self.tolerances, max(tolerance or 0.0, self.least))


METHODS: Final = {
    method.name: method
    for method in (
        Method("BFGS", "Broyden, Fletcher, Goldfarb, Shanno 1970", dense=True),
        Method(
            "L-BFGS-B", "Byrd, Lu, Nocedal and Zhu 1995; Morales and Nocedal 2011",
            options={"maxiter": "steps", "maxfun": MANY, "ftol": 0.0},
        ),
        Method("CG", "Polak and Ribière 1969; Gilbert and Nocedal 1992"),
        Method("Newton-CG", "Dembo and Steihaug 1983", ("gradient", "hvp"), (),
               options={"maxiter": "steps", "xtol": 0.0}),
        Method("TNC", "Nash 1984", tolerances=(), options={"maxfun": MANY, "ftol": 0.0, "xtol": 0.0, "gtol": 0.0}),
        Method("trust-ncg", "Steihaug 1983", ("gradient", "hvp"), least=SMALLEST),
        Method("trust-exact", "Moré and Sorensen 1983", ("gradient", "hessian"), least=SMALLEST, dense=True),
        Method("Nelder-Mead", "Nelder and Mead 1965", (), ("xatol", "fatol"), dense=True),
    )
}  # fmt: skip
"""SciPy's methods by their names."""


class SciPyRule(Rule):
    """What stands for a rule in a run of SciPy: a name, without equations."""

    @classmethod
    def named(cls, method: Method) -> SciPyRule:
        """Return what stands for a method."""
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
        raise RuleError(f"{self.name} is SciPy's code, without equations; expected a rule such as so.adam()")

    @property
    def update(self) -> Update:
        """There is none."""
        return self.equations

    def latex(self) -> str:
        """Return the name as text."""
        return rf"\text{{{self.name}}}"


@dataclass(frozen=True, repr=False, kw_only=True)
class SciPyRun(Run):
    """What became of a run of SciPy: a Run, with all evaluations counted.

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
        """The steps as of any Run, with ``value_evaluations`` and so on until each as coordinates over step."""
        columns = zip(COUNTED, self._counts.T, strict=True)
        return super().history.assign_coords({f"{name}_evaluations": ("step", column) for name, column in columns})


def scipy(
    cost: Any,
    method: str = "BFGS",
    start: Any = None,
    steps: int = 1000,
    *,
    tolerance: float | None = None,
    **constants: float,
) -> SciPyRun:
    """Run a method of ``scipy.optimize.minimize`` on a cost from one start, as a reference for rules.

    With g the gradient, H the Hessian and alpha from a line search (Moré and Thuente 1994)::

        BFGS         theta' = theta - alpha B g    B' = (I - s y^T/y^T s) B (I - y s^T/y^T s) + s s^T/y^T s,
                                                   s = theta' - theta, y = g' - g    (Broyden, Fletcher,
                                                   Goldfarb, Shanno 1970)
        L-BFGS-B     the same, from the last 10 pairs (s, y) alone  (Byrd, Lu, Nocedal and Zhu 1995;
                                                   Morales and Nocedal 2011)
        CG           theta' = theta + alpha p      p' = -g' + max(0, y^T g'/g^T g) p
                                                   (Polak and Ribière 1969; Gilbert and Nocedal 1992)
        Newton-CG    theta' = theta + alpha p      H p = -g by conjugate gradients, until the residual
                                                   is min(1/2, |g|^(1/2)) |g|  (Dembo and Steihaug 1983)
        TNC          the same, with H p by differences of gradients  (Nash 1984)
        trust-ncg    theta' = theta + p            p lowers g^T p + p^T H p/2 where |p| <= Delta, by
                                                   conjugate gradients  (Steihaug 1983)
        trust-exact  the same, by factorising H + lambda I  (Moré and Sorensen 1983)
        Nelder-Mead  a simplex of n + 1 points, by values alone  (Nelder and Mead 1965)

    Parameters
    ----------
    cost
        A Cost or a SymPy expression.
    method
        One of the names above, in any case.
    start
        n numbers, or a mapping from parameters to numbers or arrays; never changed. Required.
    steps
        The budget of iterations, which take several evaluations each. SciPy's own budgets
        (15000 for L-BFGS-B, 200 n for others) do not hold.
    tolerance
        End when no component of the gradient is larger: SciPy's ``gtol``, for trust-ncg and
        trust-exact on the gradient's norm. Newton-CG and TNC, whose own tests are others, are
        stopped from here. Nelder-Mead ends when its simplex is no larger and J differs no more in
        it (``xatol``, ``fatol``). None: a method runs until its budget, or until it makes no
        progress. SciPy's defaults (1e-5 for BFGS) and further tests (``ftol``, ``xtol``) do not hold.
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
        *converged* if the gradient is 0, or if what J can fall along it, (g^T g)^2/(2 g^T H g), is
        within 100 roundings of J; *non-finite* if J or the gradient was not finite where a step was
        sought; *interrupted* otherwise, as at a kink. (SciPy's Newton-CG takes p^T H p below 7e-16
        for 0, and ends so where the gradient is near 1e-8.)

    Raises
    ------
    CostError, RunError
        Before anything runs, if an argument does not fit: an unknown method, a negative tolerance,
        or more than 5000 parameters for a method that holds a matrix (BFGS, trust-exact,
        Nelder-Mead).

    Examples
    --------
    >>> import symopt as so
    >>> from symopt.scipy_methods import scipy
    >>> J = so.parse("100*(y-x^2)^2 + (1-x)^2")
    >>> run = scipy(J, "BFGS", start=[-1.2, 1], tolerance=1e-6)
    >>> run.theta.round(4), str(run.status), run.steps < run.gradient_evaluations < 60
    (array([1., 1.]), 'converged', True)
    >>> run.history["gradient_evaluations"].values[:5]
    array([0, 3, 5, 6, 7])
    """
    chosen = _method(method)
    objective = as_cost(cost)
    values = _single(objective.check_constants(constants))
    objective, point = placed(objective(**constants), start, (1,), {})
    settings = check_settings(steps, None, tolerance, LIMIT, (), best=True, threads=1)
    if chosen.dense and len(point) > LARGEST_DENSE:
        raise RunError(f"{chosen.name} holds a matrix of {len(point)} x {len(point)} numbers; expected at most "
                       f"{LARGEST_DENSE} parameters: use L-BFGS-B, CG or Newton-CG")  # fmt: skip
    sizes = None if objective.sums is None else objective.sizes(values, len(point))
    compile_seconds = _compiled(objective, point, chosen)
    with stop_on_ctrl_c() as stop:
        watch = _Watch(objective, sizes, settings.steps, None if chosen.tolerances else settings.tolerance, stop)
        began = time.perf_counter()
        status, reason = _ending(watch, chosen, point, settings.tolerance)
        run_seconds = time.perf_counter() - began
    return _result(watch, chosen, status, reason, compile_seconds, run_seconds)


def _method(name: Any) -> Method:
    if not isinstance(name, str):
        raise RunError(f"method={name!r}; expected the name of a method, as in so.scipy(J, 'BFGS', start=[1.0, 2.0])")
    by_name = {known.lower(): method for known, method in METHODS.items()}
    if name.lower() not in by_name:
        raise RunError(f"SciPy's method {name!r} is not one of those here{did_you_mean(name, METHODS)}")
    return by_name[name.lower()]


def _single(constants: dict[str, Any]) -> dict[str, Any]:
    for name, value in constants.items():
        if np.ndim(value):
            raise CostError(f"the constant {name} is an array; a run of SciPy takes one number")
    return constants


def _compiled(cost: Cost, point: Array, method: Method) -> float:
    """Compile what a method asks for, by asking for it once, and return how long that took."""
    began = time.perf_counter()
    cost.value(point)
    cost.grad(point)  # for the last theta, where the method does not ask
    if "hvp" in method.asks:
        cost.hvp(point, point)
    if "hessian" in method.asks:
        cost.hessian(point)
    return time.perf_counter() - began


class _EndError(Exception):
    """Ends SciPy's work from inside: all there is to tell has been recorded."""

    def __init__(self, status: Status, reason: str) -> None:
        self.status, self.reason = status, reason


class _Watch:
    """The cost as SciPy asks for it: counted, with every step recorded and looked at."""

    def __init__(self, cost: Cost, sizes: Sizes | None, budget: int, tolerance: float | None, stop: Event) -> None:
        self.cost, self.sizes, self.budget, self.stop = cost, sizes, budget, stop
        self.tolerance = tolerance  # where SciPy has no test of its gradient
        self.counts = dict.fromkeys(COUNTED, 0)
        self.paths: list[Array] | None = []  # None once they are too long to keep
        self.losses: list[float] = []
        self.tallies: list[list[int]] = []
        self.theta = self.best_theta = self.size = self.seen = self.sloped = self.slope = np.zeros(0)
        self.best_loss = self.seen_loss = np.nan  # J at the last point where it was asked for; as slope at sloped
        self.outside = ""  # what was not finite since the last step

    @property
    def steps(self) -> int:
        return len(self.losses) - 1

    # What SciPy calls

    def value(self, x: Array) -> float:
        self._count("value")
        self.seen, self.seen_loss = x.copy(), float(self.cost.value(x))
        if not self.losses:  # every method begins with J at the start
            self.step(x)
        if not np.isfinite(self.seen_loss):
            self.outside = f"J is {self.seen_loss}"
        return self.seen_loss

    def gradient(self, x: Array) -> Array:
        self._count("gradient")
        self.sloped, self.slope = x.copy(), self._noted("the gradient", self.cost.grad(x))
        return self.slope.copy()

    def hvp(self, x: Array, v: Array) -> Array:
        self._count("hvp")
        return self._noted("the Hessian times a vector", self.cost.hvp(x, v))

    def hessian(self, x: Array) -> Array:
        self._count("hessian")
        return self._noted("the Hessian", self.cost.hessian(x))

    def step(self, x: Array) -> None:
        """Record where a step led, and end the run if it is to end there."""
        theta = np.array(x, dtype=np.float64)
        if not (np.abs(theta) <= LIMIT).all():
            raise self._left(theta)
        # in most methods the point that was asked for last; else J is looked up for the record
        loss = self.seen_loss if np.array_equal(theta, self.seen) else float(self.cost.value(theta))
        self._record(theta, loss)
        if not np.isfinite(loss):
            raise _EndError(Status.NONFINITE, f"J is {loss} {self.where()}")
        if abs(loss) > LIMIT:
            raise _EndError(Status.DIVERGED, f"|J| = {abs(loss):g} is beyond the limit {LIMIT:g} {self.where()}")
        if self.tolerance is not None and self.steps and np.abs(self.slope_here()).max() <= self.tolerance:
            raise _EndError(Status.CONVERGED, self.flat(self.tolerance))
        if self.steps == self.budget:
            raise _EndError(Status.BUDGET, f"all {self.steps} steps made")

    def slope_here(self) -> Array:
        """Return the gradient at theta: the last that was asked for, or one that does not count."""
        return self.slope if np.array_equal(self.sloped, self.theta) else self.cost.grad(self.theta)

    # What it does with that

    def _count(self, what: str) -> None:
        if self.stop.is_set():
            raise _EndError(Status.INTERRUPTED, f"interrupted after {max(self.steps, 0)} of {self.budget} steps")
        self.counts[what] += 1

    def _noted(self, what: str, numbers: Array) -> Array:
        if not np.isfinite(numbers).all():
            self.outside = f"{what} is not finite"
        return numbers

    def _record(self, theta: Array, loss: float) -> None:
        if not self.losses or loss < self.best_loss:
            self.best_theta, self.best_loss = theta, loss
        self.size = np.maximum(self.size, np.abs(theta)) if self.losses else np.abs(theta)
        self.theta, self.outside = theta, ""
        self.losses.append(loss)
        self.tallies.append(list(self.counts.values()))
        if self.paths is not None:
            self.paths.append(theta)
            self.paths = self.paths if len(self.losses) * len(theta) <= RECORD_PATHS else None

    def _left(self, theta: Array) -> _EndError:
        k = int(np.argmin(np.abs(theta) <= LIMIT))
        name, place = self.label(k), f"in step {self.steps + 1}, {self.where()}"
        if not np.isfinite(theta).all():
            k = int(np.argmin(np.isfinite(theta)))
            return _EndError(Status.NONFINITE, f"{self.label(k)} is {theta[k]} {place}")
        return _EndError(Status.DIVERGED, f"|{name}| = {abs(theta[k]):g} is beyond the limit {LIMIT:g} {place}")

    # Words

    def label(self, k: int) -> str:
        return self.cost.labels(self.sizes)[k]

    def flat(self, tolerance: float) -> str:
        return f"every component of the gradient is at most {tolerance:g} after {self.steps} steps"

    def where(self) -> str:
        few = self.sizes.labels(MOST_SHOWN) if self.sizes else self.cost.labels(None)[:MOST_SHOWN]
        place = ", ".join(f"{name} = {value:g}" for name, value in zip(few, self.theta, strict=False))
        more = ", ..." if len(self.theta) > len(few) else ""
        return f"after {self.steps} steps, at {place}{more}"


def _ending(watch: _Watch, method: Method, start: Array, tolerance: float | None) -> tuple[Status, str]:
    """Let SciPy work, and return how that ended."""
    try:
        found = _work(watch, method, start, tolerance)
        if not np.array_equal(found.x, watch.theta):  # what no step told, as the best corner of a first simplex
            watch.step(found.x)
        done, words = bool(found.success), str(found.message).strip(": ")
    except _EndError as end:
        return end.status, end.reason
    except (ArithmeticError, ValueError, RuntimeError) as error:  # linear algebra that meets NaN, as in trust-exact
        done, words = False, f"{type(error).__name__}: {error}"
    return _judged(watch, method, tolerance, done, words)


def _work(watch: _Watch, method: Method, start: Array, tolerance: float | None) -> Any:
    from scipy.optimize import minimize

    calls = {"gradient": "jac", "hvp": "hessp", "hessian": "hess"}
    given = {calls[name]: getattr(watch, name) for name in method.asks}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # what they tell is told by the status
        return minimize(
            watch.value, start.copy(), method=method.name, callback=watch.step,
            options=method.settings(tolerance, watch.budget), **given,
        )  # fmt: skip


def _judged(watch: _Watch, method: Method, tolerance: float | None, done: bool, words: str) -> tuple[Status, str]:
    """Return a status for a run that SciPy ended, from where it ended; ``done`` and ``words`` are SciPy's."""
    slope = watch.slope_here()
    finite = np.isfinite(slope)
    if not finite.all():
        k = int(np.argmin(finite))
        return Status.NONFINITE, f"dJ/d{watch.label(k)} is {slope[k]} {watch.where()}"
    largest = float(np.abs(slope).max(initial=0.0))
    if tolerance is not None and method.asks and largest <= tolerance:
        return Status.CONVERGED, watch.flat(tolerance)
    if tolerance is not None and not method.asks and done:
        return Status.CONVERGED, f"the simplex is no larger than {tolerance:g} after {watch.steps} steps"
    if largest == 0:
        return Status.CONVERGED, f"the gradient is 0 after {watch.steps} steps"
    if _at_rounding(watch, slope):
        return Status.CONVERGED, (
            f"along its gradient J cannot fall beyond its rounding after {watch.steps} steps; SciPy: {words}"
        )
    if watch.outside:
        return Status.NONFINITE, f"{watch.outside} where a step was sought, {watch.where()}; SciPy: {words}"
    return STALLED, f"no progress {watch.where()}; SciPy: {words}"


def _at_rounding(watch: _Watch, slope: Array) -> bool:
    """Whether J cannot fall, along its gradient, by more than its rounding.

    Along -g a parabola with the slope and the curvature of J falls by (g'g)^2/(2 g'Hg). The rounding
    of J is that of its value, and what it changes by where each component of theta does by one of
    its own, at the size that it had on the way.
    """
    theta, loss = watch.theta, watch.losses[-1]
    k = int(np.abs(slope).argmax())
    largest = abs(float(slope[k]))
    unit = slope / largest  # so that no square leaves the numbers
    h = np.sqrt(ROUNDING) * (watch.size[k] or 1.0)
    change = ROUNDING * watch.size * np.sign(slope)
    with np.errstate(all="ignore"):
        curvature = unit @ (watch.cost.grad(theta + h * unit) - slope) / h
        noise = max(ROUNDING * abs(loss), *np.abs(watch.cost.value(theta + np.stack([change, -change])) - loss))
        fall = largest * (unit @ unit)
        return bool(curvature > 0 and fall / curvature * fall <= 2 * NOISE * noise)


def _result(
    watch: _Watch, method: Method, status: Status, reason: str, compile_seconds: float, run_seconds: float
) -> SciPyRun:
    losses = np.array(watch.losses)
    history = losses[:, None] if watch.paths is None else np.column_stack([np.array(watch.paths), losses])
    return SciPyRun(
        cost=watch.cost,
        rule=SciPyRule.named(method),
        theta=watch.theta,
        loss=watch.losses[-1],
        best_theta=watch.best_theta,
        best_loss=watch.best_loss,
        status=status,
        reason=reason,
        steps=watch.steps,
        compile_seconds=compile_seconds,
        run_seconds=run_seconds,
        recorded=np.arange(len(losses)),
        **{f"{name}_evaluations": count for name, count in watch.counts.items()},
        _counts=np.array(watch.tallies, dtype=np.int64),
        _history=history,
        _source=watch.cost.source,
        _sizes=watch.sizes,
    )
