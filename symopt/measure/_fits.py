"""Regressions of log e on k: models, the choice among them, slopes, windows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from symopt.validation import Array

RESOLUTION: Final = (
    1e-8  # of log e: a residual below it is none, so that exact sequences can be compared at all
)
SMOOTHEST: Final = (
    0.9  # autocorrelation up to which a residual counts as noise, and beyond as lack of fit
)
JORDAN: Final = (
    0.5,
    10.0,
)  # powers of k before rho**k that are called defective; a Jordan block of size 2 has 1
FEW: Final = 5  # points of the shortest segment
CUTS: Final = (
    0.0,
    0.05,
    0.1,
    0.15,
    0.2,
    0.3,
    0.4,
    0.5,
    0.6,
    0.7,
    0.8,
)  # of the points: where a segment may end

TERMS: Final = {
    "plateau": "1",
    "linear": "1k",
    "power": "1l",
    "defective": "1kl",
    "transient": "1kq",
}
"""What log e is a sum of in each model: 1, k, l = log(k + k0) and q = k²."""


@dataclass(frozen=True)
class Points:
    """Steps k, log e there, and the size of what is rounding in log e."""

    k: Array
    log_e: Array
    resolution: float = RESOLUTION

    def __len__(self) -> int:
        return len(self.k)

    def __getitem__(self, places: Any) -> Points:
        return Points(self.k[places], self.log_e[places], self.resolution)


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Least squares of log e on the terms of one model.

    Attributes
    ----------
    model
        A key of ``TERMS``.
    shift
        k0 in log(k + k0).
    design
        The columns, shape (n, p).
    weights
        Their coefficients, shape (p,).
    residuals
        What is left, shape (n,).
    resolution
        As of the points.
    """

    model: str
    shift: float
    design: Array
    weights: Array
    residuals: Array
    resolution: float

    def weight(self, term: str) -> float:
        """Return the coefficient of a term, 0 where the model has none."""
        place = TERMS[self.model].find(term)
        if place >= 0:
            return float(self.weights[place])
        return 0.0

    @property
    def falling(self) -> bool:
        """Whether the coefficients are those of the model's name."""
        if self.model == "power":
            return self.weight("l") < 0
        return self.model != "defective" or (
            self.weight("k") < 0 and JORDAN[0] <= self.weight("l") <= JORDAN[1]
        )

    @property
    def parameters(self) -> int:
        """How many numbers were fitted."""
        return len(self.weights) + (self.shift > 0)

    @property
    def bic(self) -> float:
        """The criterion, infinite where the coefficients are not those of the model's name."""
        if self.falling:
            return bic(self.residuals, self.parameters, self.resolution)
        return np.inf

    @property
    def misfit(self) -> float:
        """The sum of the squared residuals."""
        return float(self.residuals @ self.residuals)


def bic(residuals: Array, parameters: int, resolution: float) -> float:
    """Return n ln s² + p ln n, where s² is the variance of the innovations of an AR(1) process.

    Residuals of one run are autocorrelated: with independent ones (Schwarz 1978) every slow swing
    of the noise would be a new segment. The AR(1) likelihood (Cochrane and Orcutt 1949) lets it
    pass, and as the autocorrelation is at most 0.9, does not let a curve pass.
    """
    before, after = residuals[:-1], residuals[1:]
    power = float(before @ before)
    phi = 0.0
    if power > 0:
        phi = min(max(float(before @ after) / power, 0.0), SMOOTHEST)
    innovations = after - phi * before
    variance = max(float(innovations @ innovations) / len(innovations), resolution**2)
    return len(residuals) * float(np.log(variance)) + parameters * float(np.log(len(residuals)))


def bic_of_segments(before: Fit, after: Fit) -> float:
    """Return the BIC of two segments with one variance; the place of the cut is a parameter too."""
    residuals = np.concatenate([before.residuals, after.residuals])
    if after.falling:
        return bic(residuals, before.parameters + after.parameters + 1, after.resolution)
    return np.inf


def fit_model(model: str, points: Points, shift: float = 0.0) -> Fit:
    """Fit one model by least squares."""
    columns: dict[str, Callable[[Array], Array]] = {
        "1": np.ones_like,
        "k": np.copy,
        "l": lambda k: np.log(k + shift),
        "q": np.square,
    }
    design = np.stack([columns[term](points.k) for term in TERMS[model]], axis=1)
    scale = (
        np.abs(design).max(axis=0) + 1e-300
    )  # steps may be large: columns of one size keep their digits
    weights = np.linalg.lstsq(design / scale, points.log_e)[0] / scale
    return Fit(
        model=model,
        shift=shift,
        design=design,
        weights=weights,
        residuals=points.log_e - design @ weights,
        resolution=points.resolution,
    )


def best(points: Points, shifts: tuple[float, ...] = (), refine: bool = False) -> Fit:
    """Return the fit with the least BIC.

    A power law is rarely exact from the first step, but as (k + k0)^-q: gradient descent on x⁴ has
    k0 = 1/(8 eta x0²). Some k0 up to a tenth of the last step are tried (far beyond the steps it
    would turn (1 + k/k0)^-q into an exponential), 0 where no step is 0, and ``shifts``; ``refine``
    finds it to the last digit.
    """
    k = points.k
    tried = (*shifts, *np.geomspace(1.0, max(1.0, 0.1 * k[-1]), 4), *([0.0] if k[0] > 0 else []))
    fits = [fit_model("plateau", points), fit_model("linear", points)]
    for model in ("power", "defective"):
        nearest = min(
            (fit_model(model, points, shift) for shift in tried),
            key=lambda fit: (fit.bic, fit.misfit),
        )
        fits.append(refine_shift(nearest, points) if refine else nearest)
    return min(fits, key=lambda fit: fit.bic)


def refine_shift(fit: Fit, points: Points) -> Fit:
    """Refine k0 of a fit by Gauss-Newton in log k0, with shortened steps."""
    damping = 1.0
    for _ in range(20):
        if fit.shift == 0 or damping < 1e-3:
            break
        step = np.linalg.lstsq(jacobian(fit, points.k), fit.residuals)[0][-1] / fit.shift
        shift = fit.shift * float(np.exp(np.clip(damping * step, -1, 1)))
        moved = fit_model(fit.model, points, min(shift, 0.1 * float(points.k[-1])))
        better = moved.misfit < 0.999 * fit.misfit and moved.bic <= fit.bic
        if better:
            fit = moved
            damping = 1.0
        else:
            damping /= 8
    return fit


def jacobian(fit: Fit, k: Array) -> Array:
    """Return the derivatives of a fit by its coefficients, and by k0 where it has one."""
    if fit.shift == 0:
        return fit.design
    return np.column_stack([fit.design, fit.weight("l") / (k + fit.shift)])


def theil_sen(x: Array, y: Array) -> float:
    """Return the median of the slopes of all pairs (Theil 1950; Sen 1968)."""
    i, j = np.triu_indices(len(x), 1)
    return float(np.median((y[j] - y[i]) / (x[j] - x[i])))


def window(points: Points, enough: npt.NDArray[np.bool_]) -> int:
    """Return where the transient ends: segmented regression, cut after cut while the BIC falls.

    Each cut leaves a parabola, or the model of the whole, before it and the best model after it,
    with one variance; the variance shrinks as segments go, so that a transient which dies out
    gradually is followed to where it no longer shows. This is binary segmentation (Scott and Knott
    1974).

    Parameters
    ----------
    points
        The sequence.
    enough
        Whether a window that begins at each point would be long enough.
    """
    start = 0
    for _ in range(12):
        rest = points[start:]
        whole = best(rest, refine=True)
        places = sorted({max(FEW, int(share * len(rest))) for share in CUTS})
        tried = [
            (_segments(rest, cut, whole), cut)
            for cut in places
            if cut <= len(rest) - FEW and enough[start + cut]
        ]
        if not tried or min(tried)[0] > whole.bic:
            break
        start += min(tried)[1]
    return start


def _segments(points: Points, cut: int, whole: Fit) -> float:
    models = sorted({("transient", 0.0), (whole.model, whole.shift)})
    before = min(
        (fit_model(model, points[:cut], shift) for model, shift in models),
        key=lambda fit: fit.misfit,
    )
    known = (whole.shift,) if whole.shift > 0 else ()
    return bic_of_segments(before, best(points[cut:], known))
