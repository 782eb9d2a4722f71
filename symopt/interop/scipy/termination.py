"""How a run of SciPy ends: by the budget or a limit seen here, or by what SciPy says, judged."""

from __future__ import annotations

import warnings
from typing import Any, Final

import numpy as np

from symopt.interop.scipy.callback import EndError, Watch
from symopt.interop.scipy.methods import Method
from symopt.interop.scipy.predicted_fall import along_gradient, by_newton, rounding
from symopt.runs.termination import Status
from symopt.validation import Array

NOISE: Final = 100.0  # roundings of J within which a gain is not one


def ending(
    watch: Watch, method: Method, start: Array, tolerance: float | None
) -> tuple[Status, str]:
    """Let SciPy work, and return how that ended."""
    try:
        found = _work(watch, method, start, tolerance)
        if not np.array_equal(
            found.x, watch.theta
        ):  # what no step told, as the best corner of a first simplex
            watch.step(found.x)
        done, words = bool(found.success), str(found.message).strip(": ")
    except EndError as end:
        return end.status, end.reason
    except (
        ArithmeticError,
        ValueError,
        RuntimeError,
    ) as error:  # linear algebra that meets NaN, as in trust-exact
        done, words = False, f"{type(error).__name__}: {error}"
    return _judged(watch, method, tolerance, done, words)


def _work(watch: Watch, method: Method, start: Array, tolerance: float | None) -> Any:
    from scipy.optimize import minimize

    calls = {"gradient": "jac", "hvp": "hessp", "hessian": "hess"}
    given = {calls[name]: getattr(watch, name) for name in method.asks}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # what they tell is told by the status
        return minimize(
            watch.value,
            start.copy(),
            method=method.name,
            callback=watch.step,
            options=method.settings(tolerance, watch.budget),
            **given,
        )


def _judged(
    watch: Watch, method: Method, tolerance: float | None, done: bool, words: str
) -> tuple[Status, str]:
    """Classify the end of a run that SciPy ended; ``done`` and ``words`` are SciPy's."""
    slope = watch.slope_here()
    finite = np.isfinite(slope)
    if not finite.all():
        k = int(np.argmin(finite))
        return Status.NONFINITE, f"dJ/d{watch.label(k)} is {slope[k]} {watch.where()}"
    largest = float(np.abs(slope).max(initial=0.0))
    if tolerance is not None and method.asks and largest <= tolerance:
        return Status.CONVERGED, watch.flat(tolerance)
    if tolerance is not None and not method.asks and done:
        return (
            Status.CONVERGED,
            f"the simplex is no larger than {tolerance:g} after {watch.steps} steps",
        )
    if largest == 0:
        return Status.CONVERGED, f"the gradient is 0 after {watch.steps} steps"
    noise = NOISE * rounding(watch.cost, watch.theta, watch.size, slope, watch.losses[-1])
    if along_gradient(watch.cost, watch.theta, watch.size, slope) <= noise:
        left = by_newton(watch.cost, watch.theta, slope)
        if left <= noise:
            return Status.CONVERGED, (
                "along its gradient and by Newton's step J cannot fall beyond its rounding after "
                f"{watch.steps} steps; "
                f"SciPy: {words}"
            )
        return Status.STALLED, f"{_in_words(left)} {watch.where()}; SciPy: {words}"
    if watch.outside:
        found = ""
        if watch.outside.startswith("J is"):
            found = watch.why(watch.lost)
        why = ""
        if found:
            why = f": {found}"
        return (
            Status.NONFINITE,
            f"{watch.outside} where a step was sought, {watch.where()}{why}; SciPy: {words}",
        )
    return Status.STALLED, f"no progress {watch.where()}; SciPy: {words}"


def _in_words(left: float) -> str:
    if np.isnan(left):
        return "no progress, and the Hessian has no finite numbers,"
    return (
        "along its gradient J cannot fall beyond its rounding, but by Newton's step about "
        f"{left:.3g},"
    )
