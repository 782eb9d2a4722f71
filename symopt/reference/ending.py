"""How a run of SciPy ends: by the budget or a limit seen here, or by what SciPy says, judged."""

from __future__ import annotations

import warnings
from typing import Any, Final

import numpy as np

from symopt.floats import Array
from symopt.reference.methods import Method
from symopt.reference.watch import EndError, Watch
from symopt.status import Status

ROUNDING: Final = 2.0**-52
NOISE: Final = 100.0  # roundings of J within which a gain is not one


def ending(watch: Watch, method: Method, start: Array, tolerance: float | None) -> tuple[Status, str]:
    """Let SciPy work, and return how that ended."""
    try:
        found = _work(watch, method, start, tolerance)
        if not np.array_equal(found.x, watch.theta):  # what no step told, as the best corner of a first simplex
            watch.step(found.x)
        done, words = bool(found.success), str(found.message).strip(": ")
    except EndError as end:
        return end.status, end.reason
    except (ArithmeticError, ValueError, RuntimeError) as error:  # linear algebra that meets NaN, as in trust-exact
        done, words = False, f"{type(error).__name__}: {error}"
    return _judged(watch, method, tolerance, done, words)


def _work(watch: Watch, method: Method, start: Array, tolerance: float | None) -> Any:
    from scipy.optimize import minimize

    calls = {"gradient": "jac", "hvp": "hessp", "hessian": "hess"}
    given = {calls[name]: getattr(watch, name) for name in method.asks}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # what they tell is told by the status
        return minimize(
            watch.value, start.copy(), method=method.name, callback=watch.step,
            options=method.settings(tolerance, watch.budget), **given,
        )  # fmt: skip


def _judged(watch: Watch, method: Method, tolerance: float | None, done: bool, words: str) -> tuple[Status, str]:
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
    return Status.STALLED, f"no progress {watch.where()}; SciPy: {words}"


def _at_rounding(watch: Watch, slope: Array) -> bool:
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
