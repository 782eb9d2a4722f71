"""sweep: ensembles of runs over starts, hyperparameters and constants, all through one kernel a rule."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from symopt.costs.cost import Cost
from symopt.costs.labels import parameter_dimension
from symopt.errors import CostError, RuleError, RunError
from symopt.rules.rule import Rule
from symopt.runs.inputs import as_cost, as_rule
from symopt.runs.interrupt import stop_on_ctrl_c
from symopt.runs.launch import Finished, launch
from symopt.runs.memory_check import check_memory
from symopt.runs.options import Record, RunOptions, check_run_options, check_sampling
from symopt.runs.progress import progress_bar
from symopt.runs.starts import read_start
from symopt.runs.study import Study
from symopt.runs.termination import LIMIT
from symopt.validation import Array, as_floats, check_whole_number, read_generator

if TYPE_CHECKING:
    import xarray as xr


RESERVED = {"param", "step", "target"}
"""Dimensions of the results, which no axis may be called."""


@dataclass(frozen=True)
class Uniform:
    """Starts drawn uniformly from a box, made by :func:`uniform`."""

    low: Any
    high: Any
    size: int
    rng: Any

    def draw(self, dimensions: int) -> Array:
        """Return the starts, shape (size, dimensions)."""
        check_memory(self.size, dimensions)
        for name, bound in (("low", self.low), ("high", self.high)):
            if np.shape(bound) not in ((), (dimensions,)):
                raise RunError(
                    f"uniform: {name} has shape {np.shape(bound)}; expected a number or "
                    f"{dimensions} of them"
                )
        return read_generator(self.rng).uniform(self.low, self.high, (self.size, dimensions))


def uniform(low: npt.ArrayLike, high: npt.ArrayLike, size: int, rng: Any = None) -> Uniform:
    """Return ``size`` random starts in the box from ``low`` to ``high`` (numbers, or one per parameter).

    Examples
    --------
    >>> import symopt as so
    >>> study = so.sweep(so.parse("x^2 + y^2"), "gd", start=so.uniform(-2, 2, size=5, rng=0), steps=10)
    >>> study["gd"].sizes["start"]
    5
    """
    count = check_whole_number(size, "size", "how many starts to draw", least=1)
    check_memory(count, 1)  # as far as can be known here: the number of parameters is not
    try:
        box = as_floats(low), as_floats(high)
        fits = (box[0] <= box[1]).all()
    except ValueError as error:
        raise RunError(f"uniform from low={low!r} to high={high!r}: {error}") from None
    if not fits:
        raise RunError(f"low={low!r} is above high={high!r}")
    return Uniform(box[0], box[1], count, rng)


def sweep(
    cost: Any,
    rules: Any,
    start: Any,
    steps: int = 1000,
    *,
    record: Record = None,
    targets: npt.ArrayLike = (),
    tolerance: float | None = None,
    limit: float = LIMIT,
    best: bool = True,
    threads: int | None = None,
    paths: bool = True,
    batch: int | None = None,
    replace: bool = False,
    noise: float = 0.0,
    rng: Any = 0,
    progress: bool = False,
    **constants: Any,
) -> Study:
    """Run optimizers from many starts, for many hyperparameters and constants.

    An array where a number could stand is an axis of the sweep, named after the hyperparameter
    or ``cost.`` and the constant; a start of shape (N, n) is the axis ``start``. Axes multiply;
    xarray.DataArrays that share a dimension go together. A run has the same bits alone and in
    any sweep, for any number of threads.

    Parameters
    ----------
    cost
        A Cost or a SymPy expression.
    rules
        A rule or a list of them, or a mapping from names to rules where one occurs twice.
    start
        n numbers, an array of shape (N, n), ``so.uniform(...)``, a DataArray with a dimension
        ``param``, or a mapping from parameters to arrays, with a leading axis for the starts.
    steps
        The budget of each run.
    record
        As in :func:`minimize`; None by default.
    targets
        Losses: the first step with J at or below each is kept as ``hit``.
    tolerance, limit, progress
        As in :func:`minimize`.
    best
        Whether the best loss and theta of each run are kept (else the last ones stand there).
    threads
        As many as there are processors if left out.
    paths
        Whether theta is recorded beside the loss, where ``record`` asks for steps.
    batch, replace, noise, rng
        As in :func:`minimize`. All runs see the same batches, so that they differ in nothing else;
        the noise of a run has the number of its start as the stream.
    **constants
        The cost's constants, numbers or arrays.

    Returns
    -------
    Study
        Ctrl-C returns what is there.

    Raises
    ------
    CostError, RuleError, RunError
        Before anything is compiled, if an argument does not fit.

    Examples
    --------
    >>> import numpy as np, symopt as so
    >>> J = so.parse("x^2 + 10*y^2")
    >>> study = so.sweep(J, so.gd(eta=[0.01, 0.05, 0.2]), start=[1.0, 1.0], steps=200)
    >>> study["gd"]["status"].values.tolist()
    ['budget spent', 'budget spent', 'diverged']
    """
    objective = as_cost(cost)
    named = _named(rules)
    sampling = check_sampling(batch, replace, noise, rng)
    settings = check_run_options(
        steps,
        record,
        tolerance=tolerance,
        limit=limit,
        targets=targets,
        best=best,
        threads=threads,
        paths=paths,
        sampling=sampling,
    )
    values = objective.check_constants(constants)
    if others := {
        name: value for name, value in constants.items() if name not in values
    }:  # sizes and data
        objective = objective(**others)
    objective, starts = _starts(objective, start)
    plans = {name: _plan(rule, values, starts, settings) for name, rule in named.items()}
    datasets, finished = {}, {}
    with stop_on_ctrl_c() as stop:
        for name, rule in named.items():
            axes = plans[name]
            total = -(-axes.runs // 32) * (settings.steps + 1)
            with progress_bar(total, name, progress) as report:
                finished[name] = launch(
                    objective,
                    rule,
                    axes.start,
                    hypers=axes.hypers,
                    constants=axes.constants,
                    settings=settings,
                    stop=stop,
                    report=report,
                    streams=axes.streams,
                )
            datasets[name] = _dataset(finished[name], axes, objective, rule, settings)
            if stop.is_set():
                break
    return Study(datasets, finished, stop.is_set())


@dataclass(frozen=True)
class _Axes:
    """Every combination of the axes, laid out as N runs; ``shape`` is a DataArray over the axes."""

    shape: xr.DataArray
    start: Array
    hypers: dict[str, Any]
    constants: dict[str, Any]
    streams: Array

    @property
    def runs(self) -> int:
        return len(self.start)


def _named(rules: Any) -> dict[str, Rule]:
    if isinstance(rules, Mapping) and rules:
        return {str(name): as_rule(rule) for name, rule in rules.items()}
    if isinstance(rules, Iterable) and not isinstance(rules, str):
        listed = list(rules)
    else:
        listed = [rules]
    made = [as_rule(rule) for rule in listed]
    names = [rule.name for rule in made]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RuleError(
            f"{twice[0]} is given twice; name them, as in {{'fast': so.{twice[0]}(...), 'slow': "
            f"so.{twice[0]}(...)}}"
        )
    if not made:
        raise RuleError("no rule is given; expected at least one, such as so.adam(eta=0.02)")
    return dict(zip(names, made, strict=True))


def _starts(cost: Cost, start: Any) -> tuple[Cost, xr.DataArray]:
    """Return the starts with the dimension ``param`` last, and the cost with the sizes that follow from them."""
    import xarray as xr

    if isinstance(start, xr.DataArray):
        dim = parameter_dimension(start)
        if dim is None:
            raise RunError(f"the start has the dimensions {start.dims}; one must be 'param'")
        turned = start.rename({} if dim == "param" else {dim: "param"}).transpose(..., "param")
        if not turned.size:
            raise RunError("start is empty; expected at least one start")
        labels = {}
        if "param" in turned.coords:
            labels = {"param": turned["param"]}
        rows = xr.DataArray(
            turned.values.reshape(-1, turned.sizes["param"]), labels, ("start", "param")
        )
        cost, checked = read_start(cost, rows, (2,), {})
        return cost, turned.drop_vars("param", errors="ignore").copy(
            data=checked.reshape(turned.shape)
        )
    array = start
    if isinstance(start, Uniform):
        array = start.draw(_dimensions(cost, start))
    cost, array = read_start(cost, array, (1, 2), {})
    if not array.size:
        raise RunError("start is empty; expected at least one start")
    return cost, xr.DataArray(array, dims=("start", "param")[-array.ndim :])


def _dimensions(cost: Cost, box: Uniform) -> int:
    """Return how many parameters a start has: those of the cost, or of the box where the cost serves any number."""
    corner = max((np.asarray(bound) for bound in (box.low, box.high)), key=lambda bound: bound.ndim)
    if corner.ndim == 1 and cost.objective.size_symbols:
        return len(corner)
    try:
        return cost.size
    except CostError as error:
        raise RunError(
            f"uniform: {error}; or give low or high one number for each parameter"
        ) from None


def _plan(
    rule: Rule, constants: Mapping[str, Any], starts: xr.DataArray, settings: RunOptions
) -> _Axes:
    import xarray as xr

    swept: dict[str, xr.DataArray] = {}
    for prefix, values in (("", rule.hyperparameters), ("cost.", constants)):
        for name, value in values.items():
            if np.ndim(value):
                swept[prefix + name] = _axis(prefix + name, value)
    try:
        aligned = xr.align(*swept.values(), starts.isel(param=0, drop=True), join="exact")
    except ValueError as error:
        raise RunError(f"axes that share a dimension do not fit together: {error}") from None
    sizes = dict(chain.from_iterable(one.sizes.items() for one in aligned))
    runs = math.prod(sizes.values())
    check_memory(runs, starts.sizes["param"], settings, len(rule.update.states))
    shape = xr.broadcast(*aligned)[0] * 0.0

    def laid_out(value: xr.DataArray) -> npt.NDArray[Any]:
        return value.broadcast_like(shape).transpose(*shape.dims).values.ravel().astype(np.float64)

    number = starts.isel(param=0, drop=True)
    place = laid_out(
        number.copy(data=np.arange(number.size, dtype=np.float64).reshape(number.shape))
    )
    rows = starts.transpose(*number.dims, "param").values.reshape(number.size, -1)[
        place.astype(np.int64)
    ]
    hypers = {n: laid_out(swept[n]) if n in swept else v for n, v in rule.hyperparameters.items()}
    fixed = {
        n: laid_out(swept["cost." + n]) if "cost." + n in swept else v for n, v in constants.items()
    }
    return _Axes(shape, rows, hypers, fixed, place)


def _axis(name: str, value: Any) -> xr.DataArray:
    import xarray as xr

    if isinstance(value, xr.DataArray):
        taken = RESERVED & set(value.dims)
        if taken:
            raise RunError(
                f"{name} has the dimension {taken.pop()!r}, which the results use; call it "
                "something else"
            )
        if not value.size:
            raise RunError(f"{name} is empty; expected at least one value")
        return value
    array = np.asarray(value, dtype=np.float64)
    if array.ndim != 1 or not array.size:
        raise RunError(
            f"{name} has shape {array.shape}; expected a number, a list of numbers, "
            "or an xarray.DataArray with named dimensions"
        )
    return xr.DataArray(array, dims=name, coords={name: array})


def _dataset(
    finished: Finished, axes: _Axes, cost: Cost, rule: Rule, settings: RunOptions
) -> xr.Dataset:
    import xarray as xr

    outcome, dims, shape = finished.outcome, axes.shape.dims, axes.shape.shape

    def over(values: npt.NDArray[Any], *more: str) -> tuple[tuple[Any, ...], npt.NDArray[Any]]:
        return ((*dims, *more), values.reshape((*shape, *values.shape[1:])))

    hits = np.where(outcome.hits < 0, np.nan, outcome.hits)
    variables: dict[str, Any] = {
        "loss": over(outcome.loss),
        "theta": over(outcome.iterate, "param"),
        "best_loss": over(outcome.best_loss),
        "best_theta": over(outcome.best_theta, "param"),
        "status": over(finished.status),
        "steps": over(outcome.steps.astype(np.int64)),
        "gradient_evaluations": over(finished.gradient_evaluations),
    }
    coords: dict[str, Any] = {"param": finished.labels()}
    if settings.targets:
        variables["hit"] = over(hits, "target")
        coords["target"] = list(settings.targets)
    if len(settings.record):
        variables["history_loss"] = over(outcome.history_loss.T, "step")
        if outcome.history_theta is not None:
            variables["history_theta"] = over(
                outcome.history_theta.transpose(1, 0, 2), "step", "param"
            )
        coords["step"] = settings.record
    attrs = {
        "rule": repr(rule),
        "cost": repr(cost),
        "steps": settings.steps,
        "interrupted": int(outcome.interrupted),
    }
    attrs |= {"compile_seconds": finished.compile_seconds, "run_seconds": outcome.seconds}
    return xr.Dataset(variables, coords={**axes.shape.coords, **coords}, attrs=attrs)
