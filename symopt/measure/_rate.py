"""rate: how fast the errors of a run, or of many runs, fall."""

from __future__ import annotations

import copy
import dataclasses
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, overload

import numpy as np
import numpy.typing as npt

from symopt._typing import PointLike, RandomLike
from symopt.costs.points import Flat
from symopt.errors import RunError
from symopt.measure._bootstrap import across_runs
from symopt.measure._rate_models import NOWHERE, REGIMES, Rate, classify, divergent
from symopt.runs.result import Run
from symopt.runs.study import Study
from symopt.runs.termination import Status
from symopt.validation import Array, check_number, read_generator, read_numbers

if TYPE_CHECKING:
    import xarray as xr

ROUNDING: Final = 2.0**-52
NEGATIVE: Final = (
    2.0**-26
)  # of the largest error: a negative one no larger is rounding, and shows where that lies
FEW: Final = 5  # runs that are judged alone too
FEW_RUNS: Final = 6  # below which no interval for a median covers with 95 %


@overload
def rate(
    x: Run,
    *,
    optimum: float | None = None,
    minimum: PointLike | None = None,
    level: float = 0.95,
    rng: RandomLike = 0,
) -> Rate: ...
@overload
def rate(
    x: xr.DataArray, *, runs: str = "start", level: float = 0.95, rng: RandomLike = 0
) -> Rate | xr.Dataset: ...
@overload
def rate(x: npt.ArrayLike, *, level: float = 0.95, rng: RandomLike = 0) -> Rate: ...
def rate(
    x: Any,
    *,
    optimum: float | None = None,
    minimum: PointLike | None = None,
    runs: str = "start",
    level: float = 0.95,
    rng: RandomLike = 0,
) -> Rate | xr.Dataset:
    """Return how fast errors e_k fall: the law, its factor or order, its interval.

    ::

        linear       log e = a + b k                     factor rho = exp(b)
        defective    log e = a + b k + c log(k + k0)     the same; c is 1 for a 2 x 2 Jordan block
        power        log e = a - q log(k + k0)           order q
        superlinear  e_{k+1}/e_k tends to 0              order p = ln(e_{k+1}/e_k)/ln(e_k/e_{k-1})
        plateau      log e = a

    Parameters
    ----------
    x
        A Run; a DataArray of errors over ``step``, whose coordinate is the number of each step; or
        a sequence of errors e_0, e_1, ...
    optimum
        For a Run: J*, so that J - J* is fitted.
    minimum
        For a Run: theta*, shape (n,), so that |theta - theta*| is fitted. Without either it is the
        norm of the gradient, which needs to know neither.
    runs
        The dimension over which a DataArray holds runs of one kind: they give one rate, the median
        of those in the commonest regime, and an interval across runs.
    level
        The confidence of intervals.
    rng
        Where resamples are drawn from: a seed or a Generator. One seed gives one answer.

    Returns
    -------
    Rate or xarray.Dataset
        For a DataArray with further dimensions a Dataset over them, of ``regime``, ``factor``,
        ``order``, ``low``, ``high``, ``n`` and ``reason``.

    Raises
    ------
    RunError
        If x holds no errors; if they are negative; if a Run has no recorded theta to take
        gradients at.

    Notes
    -----
    1. Errors within 10 times rounding, or a level tail after a fall, are cut off: 100 or 1000
       times, where enough are left.
    2. Where log e has the one-sided dips of an oscillation, its upper envelope is fitted: the
       ratios e_{k+1}/e_k of such a run say nothing about its factor.
    3. The transient is dropped by segmented regression. 20 points over 2 decades must be left.
    4. The model is chosen by BIC; the slope is Theil's (1950) and Sen's (1968), on at most 256
       points. The factor is the root factor R1 = limsup e_k^(1/k) (Ortega and Rheinboldt 1970,
       chapter 9). J - J* has the square of the factor of |theta - theta*|.
    5. The interval is a moving-block bootstrap within one run (Künsch 1989), whose residuals are
       autocorrelated, and a bootstrap of runs across runs (Efron 1979). In 500 simulated sets
       with AR(1) noise 90 to 99 % of the 95 % intervals cover.

    A superlinear rate with noise, as of a quasi-Newton method, is not told from a linear one.

    Examples
    --------
    >>> import symopt as so
    >>> J = so.parse("x^2 + 10*y^2")
    >>> run = so.minimize(J, so.gd(eta=1/11), start=[1.0, 1.0], steps=200)
    >>> found = so.measure.rate(run)
    >>> found.regime, round(found.factor, 6)                      # (kappa - 1)/(kappa + 1) = 9/11
    ('linear', 0.818182)
    >>> round(so.measure.rate(run, optimum=0.0).factor, 6)        # its square
    0.669421
    """
    if isinstance(x, Study):
        example = next(iter(x), "adam")
        raise RunError(
            "rate was given a Study; give it errors of one rule: "
            f'study["{example}"]["history_loss"] - J*'
        )
    if hasattr(x, "data_vars"):
        raise RunError(
            'rate was given a Dataset; give it the errors in it, as dataset["history_loss"] - J*'
        )
    if not isinstance(level, float) or not 0 < level < 1:
        raise RunError(
            f"level={level!r}; expected the confidence of intervals, between 0 and 1, as 0.95"
        )
    generator = read_generator(rng)
    if isinstance(x, Run):
        return _of_run(x, optimum, minimum, level=level, rng=generator)
    for name, value in (("optimum", optimum), ("minimum", minimum)):
        if value is not None:
            raise RunError(
                f"{name} was given with {type(x).__name__}; only a Run needs it: subtract it from "
                "x instead"
            )
    if hasattr(x, "dims") and hasattr(x, "transpose"):
        return _of_dataarray(x, runs, level, rng=generator)
    expected = "a Run, a DataArray over step, or a sequence of errors"
    e = read_numbers(x, "the errors", expected, finite=False)
    if e.ndim != 1:
        raise RunError(
            f"rate was given an array of shape {e.shape}; expected one sequence of errors, "
            "or a DataArray that names its dimensions, such as (start, step)"
        )
    return _one(np.arange(len(e), dtype=np.float64), _some(e), level, rng=generator)


def _some(e: Array) -> Array:
    """Return errors if there are any."""
    if np.isnan(e).all():
        what = "no errors"
        if e.size:
            what = "only NaN"
        raise RunError(
            f"rate was given {what}; expected at least one number: was the run recorded?"
        )
    return e


def _one(
    k: Array, e: Array, level: float, rng: np.random.Generator | None, floor: Array | float = 0.0
) -> Rate:
    known = ~np.isnan(e)
    k, e, floors = k[known], e[known], np.broadcast_to(floor, e.shape)[known]
    lowest = float(e.min(initial=0.0))
    if lowest < 0:
        if lowest < -NEGATIVE * float(e[np.isfinite(e)].max(initial=0.0)):
            raise RunError(
                f"an error is negative, {lowest:.6g}; expected errors that are 0 or more: is the "
                "optimum too high?"
            )
        e, floors = np.maximum(e, 0.0), np.maximum(floors, -lowest)
    return classify(k, e, floors, level=level, rng=rng)


def _of_run(
    run: Run, optimum: float | None, minimum: Any, level: float, rng: np.random.Generator
) -> Rate:
    if optimum is not None and minimum is not None:
        raise RunError(
            "rate was given both an optimum and a minimum; expected one: J - J* or |theta - theta*|"
        )
    if not len(run.recorded):
        raise RunError(
            "the run has no history; expected one that was recorded: minimize(..., record=True)"
        )
    if optimum is not None:
        k, e, floor = _gaps(run, optimum)
        name = "J - J*"
    else:
        if minimum is not None:
            k, e, floor = _distances(run, minimum)
        else:
            k, e, floor = _gradients(run)
        name = "|theta - theta*|"
        if minimum is None:
            name = "|grad J|"
    if run.status in (Status.DIVERGED, Status.NONFINITE):
        return dataclasses.replace(divergent(k, e), error=name, reason=run.reason)
    return dataclasses.replace(_one(k, _some(e), level, rng=rng, floor=floor), error=name)


def _gaps(run: Run, optimum: float) -> tuple[Array, Array, Array]:
    value = check_number(optimum, "optimum", "the least value of J, a finite number")
    loss = run.history["loss"].values
    return (
        run.recorded.astype(np.float64),
        loss - value,
        ROUNDING * np.maximum(np.abs(value), np.abs(loss)),
    )


def _path(run: Run) -> tuple[Array, Array]:
    """Return the steps at which theta is recorded and finite, and theta there."""
    if "theta" not in run.history:
        raise RunError(
            "the run has no recorded theta to take gradients at; give optimum=J*, or record the "
            "path: "
            "minimize(..., paths=True)"
        )
    theta = run.history["theta"].values
    known = np.isfinite(theta).all(axis=1)
    return run.recorded[known].astype(np.float64), theta[known]


def _distances(run: Run, minimum: Any) -> tuple[Array, Array, Array]:
    k, theta = _path(run)
    end = read_numbers(minimum, "minimum", "one number per parameter", finite=False)
    if end.shape != theta.shape[1:] or not np.isfinite(end).all():
        raise RunError(
            f"minimum has shape {end.shape} and "
            f"{'finite' if np.isfinite(end).all() else 'non-finite'} numbers; "
            f"expected theta*, {theta.shape[1]} finite numbers"
        )
    size = np.maximum(np.linalg.norm(end), _norms(theta))
    return k, _norms(theta - end), ROUNDING * size


def _gradients(run: Run) -> tuple[Array, Array, Array]:
    """Return gradient norms and their rounding floor, by moving theta by one ulp."""
    k, theta = _path(run)
    if not len(theta):
        return k, k, k
    last = theta[-1]
    ends = run.cost.grad(Flat(np.stack([last, last * (1 + ROUNDING)])))
    return k, _norms(run.cost.grad(Flat(theta))), np.nan_to_num(_norms(ends[1] - ends[0]))


def _norms(vectors: Array) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(np.linalg.norm(vectors, axis=-1))


def _of_dataarray(
    x: xr.DataArray, runs: str, level: float, rng: np.random.Generator
) -> Rate | xr.Dataset:
    """Judge errors over (step), (runs, step) or more."""
    dims = [str(dim) for dim in x.dims]
    if "step" not in dims:
        raise RunError(
            f"rate was given a DataArray over ({', '.join(dims)}); expected the dimension step "
            "among them"
        )
    if "param" in dims:
        raise RunError(
            "rate was given a DataArray over param; expected errors: take the norm over param first"
        )
    others = [dim for dim in dims if dim not in ("step", runs)]
    turned = x.transpose(*others, *([runs] if runs in dims else []), "step")
    e = _some(read_numbers(turned.values, "the errors", "numbers", finite=False)).reshape(
        *turned.shape[: len(others)], -1, turned.shape[-1]
    )
    k = _steps(x)
    if not others:
        return _many(k, e, level, rng=rng)
    places = list(np.ndindex(e.shape[:-2]))
    return _dataset(
        x, others, [_many(k, e[place], level, rng=copy.deepcopy(rng)) for place in places]
    )


def _steps(x: xr.DataArray) -> Array:
    """Return the numbers of the steps."""
    k = read_numbers(x["step"].values, "the coordinate step", "steps", finite=False)
    if not np.isfinite(k).all() or (np.diff(k) <= 0).any() or (len(k) and k[0] < 0):
        raise RunError(
            "the coordinate step is not increasing from 0 or later; expected the number of each "
            "step"
        )
    return k


def _many(k: Array, e: Array, level: float, rng: np.random.Generator) -> Rate:
    """Return one rate for runs e, shape (runs, steps)."""
    if len(e) == 1:
        return _one(k, e[0], level, rng=rng)
    found = [_one(k, run, level, rng=None) for run in e]
    counts = Counter(rate.regime for rate in found)
    regime = max(REGIMES, key=lambda name: counts[name])
    alike = [rate for rate in found if rate.regime == regime]
    if doubt := _individual_check(k, e[[rate.regime == regime for rate in found]], level, rng=rng):
        return doubt
    others = [f"{count} {name}" for name, count in counts.items() if name != regime]
    reason = f"{len(alike)} of {len(found)} runs" + (f" ({', '.join(others)})" if others else "")
    return _across(alike, f"{reason}; {alike[0].reason}", level, rng=rng)


def _individual_check(k: Array, e: Array, level: float, rng: np.random.Generator) -> Rate | None:
    """Return why most of a few runs tell nothing when each is judged alone."""
    alone = [_one(k, run, level, rng=copy.deepcopy(rng)) for run in e[:FEW]]
    silent = [rate for rate in alone if rate.regime == "not identifiable"]
    if 2 * len(silent) <= len(alone):
        return None
    reason = f"{len(silent)} of {len(alone)} runs alone: {silent[0].reason}"
    return dataclasses.replace(silent[0], n=len(e), reason=reason)


def _across(alike: list[Rate], reason: str, level: float, rng: np.random.Generator) -> Rate:
    """Return the median of the rates of runs in one regime, and its interval."""
    first = alike[0]
    factors, orders = (
        np.array([getattr(rate, name) for rate in alike]) for name in ("factor", "order")
    )
    values = {"linear": factors, "defective": factors, "power": orders, "superlinear": orders}.get(
        first.regime
    )
    interval, kind, few = NOWHERE, "", ""
    if values is not None and len(alike) > 1:
        interval, kind = across_runs(values, level, rng), "across runs"
        if len(alike) < FEW_RUNS:
            few = f"; the interval is the range of fewer than {FEW_RUNS} runs"
    return dataclasses.replace(
        first,
        factor=float(np.median(factors)),
        order=float(np.median(orders)),
        interval=interval,
        interval_kind=kind,
        n=len(alike),
        reason=reason + few,
        window=(min(rate.window[0] for rate in alike), max(rate.window[1] for rate in alike)),
        envelope=any(rate.envelope for rate in alike),
    )


def _dataset(x: xr.DataArray, dims: list[str], rates: list[Rate]) -> xr.Dataset:
    import xarray as xr

    shape = tuple(x.sizes[dim] for dim in dims)
    columns: dict[str, list[Any]] = {
        name: [getattr(rate, name) for rate in rates]
        for name in ("regime", "factor", "order", "n", "reason")
    }
    columns["low"], columns["high"] = (
        [rate.interval[0] for rate in rates],
        [rate.interval[1] for rate in rates],
    )
    variables = {name: (dims, np.array(column).reshape(shape)) for name, column in columns.items()}
    coords = {dim: x.coords[dim] for dim in dims if dim in x.coords}
    return xr.Dataset(variables, coords=coords, attrs={"error": "given"})
