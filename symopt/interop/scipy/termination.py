"""How a run of SciPy ends: by the budget or a limit seen here, or by what SciPy says, judged."""

from __future__ import annotations

import warnings
from typing import Any, Final

import numpy as np

from symopt.interop.scipy.callback import End, RecordingObjective, StopRun
from symopt.interop.scipy.methods import Method
from symopt.interop.scipy.predicted_fall import along_gradient, by_newton, rounding
from symopt.runs.boxes import OPEN
from symopt.runs.termination import Status
from symopt.validation import Array

NOISE: Final = 100.0  # roundings of J within which a gain is not one
CALLS: Final = {"gradient": "jac", "hvp": "hessp", "hessian": "hess"}
"""SciPy's arguments for the derivatives of a cost."""


def run_scipy(
    objective: RecordingObjective, method: Method, start: Array, tolerance: float | None
) -> End:
    """Let SciPy work, and say how that ended."""
    try:
        found = _minimize(objective, method, start, tolerance=tolerance)
        if not np.array_equal(found.x, objective.theta):
            objective.step(found.x)  # what no step told, as the best corner of a first simplex
        success, message = bool(found.success), str(found.message).strip(": ")
    except StopRun as stopped:
        return stopped.end
    except (ArithmeticError, ValueError, RuntimeError) as error:
        # linear algebra that meets NaN, as in trust-exact
        success, message = False, f"{type(error).__name__}: {error}"
    end = classify_end(objective, method, tolerance, success=success)
    if end is not None:
        return end
    status, reason = classify_stop(objective)
    return End(status, f"{reason}; SciPy: {message}")


def _minimize(
    objective: RecordingObjective, method: Method, start: Array, tolerance: float | None
) -> Any:
    from scipy.optimize import minimize

    given = {CALLS[name]: getattr(objective, name) for name in method.asks}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # what they tell is told by the status
        return minimize(
            objective.value,
            start.copy(),
            method=method.name,
            callback=objective.step,
            options=method.settings(tolerance, objective.budget),
            bounds=_bounds(objective),
            **given,
        )


def _bounds(objective: RecordingObjective) -> Any:
    """Return the box as SciPy takes it."""
    from scipy.optimize import Bounds

    if objective.box is None:
        return None
    low, high = objective.box.low, objective.box.high
    return Bounds(np.where(low == -OPEN, -np.inf, low), np.where(high == OPEN, np.inf, high))


def classify_end(
    objective: RecordingObjective, method: Method, tolerance: float | None, success: bool
) -> End | None:
    """End by the gradient where SciPy stopped, or by the simplex; None where they do not tell."""
    gradient = objective.projected_gradient()
    finite = np.isfinite(gradient)
    if not finite.all():
        k = int(np.argmin(finite))
        slope = f"dJ/d{objective.label(k)} is {gradient[k]}"
        return End(Status.NONFINITE, f"{slope} {objective.position()}")
    steps = objective.steps
    largest = float(np.abs(gradient).max(initial=0.0))
    if tolerance is not None and method.asks and largest <= tolerance:
        return objective.end_converged(tolerance)
    if tolerance is not None and not method.asks and success:
        reason = f"the simplex is no larger than {tolerance:g} after {steps} steps"
        return End(Status.CONVERGED, reason)
    if largest == 0:
        what = "the projected gradient" if objective.box else "the gradient"
        return End(Status.CONVERGED, f"{what} is 0 after {steps} steps")
    return None


def classify_stop(objective: RecordingObjective) -> End:
    """End by how far J can still fall from where SciPy made no progress."""
    cost, theta, gradient = objective.cost, objective.theta, objective.projected_gradient()
    sizes, loss = objective.largest, objective.losses[-1]
    noise = NOISE * rounding(cost, theta, sizes=sizes, slope=gradient, loss=loss)
    if along_gradient(cost, theta, sizes, slope=gradient) <= noise:
        free = (gradient != 0) | (objective.gradient_here() == 0)
        return _classify_flat(objective, by_newton(cost, theta, gradient, free=free), noise)
    position = objective.position()
    if not objective.not_finite:
        return End(Status.STALLED, f"no progress {position}")
    reason = f"{objective.not_finite} where a step was sought, {position}"
    if objective.not_finite.startswith("J is"):
        why = objective.why(objective.not_finite_at)
        reason += f": {why}" if why else ""
    return End(Status.NONFINITE, reason)


def _classify_flat(objective: RecordingObjective, fall: float, noise: float) -> End:
    """End where J cannot fall along its gradient, by how far it falls in Newton's step."""
    flat = "along its gradient"
    if fall <= noise:
        reason = f"{flat} and by Newton's step J cannot fall beyond its rounding"
        return End(Status.CONVERGED, f"{reason} after {objective.steps} steps")
    position = objective.position()
    if np.isnan(fall):
        reason = "no progress, and the Hessian has no finite numbers,"
        return End(Status.STALLED, f"{reason} {position}")
    reason = f"{flat} J cannot fall beyond its rounding, but by Newton's step about {fall:.3g},"
    return End(Status.STALLED, f"{reason} {position}")
