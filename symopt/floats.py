"""What a user gives, as float64: real numbers and nothing else."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class NotNumbersError(ValueError):
    """What was given is not an array of real, finite float64 numbers; the message says why."""


def as_floats(value: Any, finite: bool = True) -> Array:
    """Return a new float64 array, or say why there is none.

    Integers become floats; truth values, texts, None, complex numbers, ragged lists and numbers
    beyond float64 are refused, and so are NaN and infinity unless ``finite`` is False.
    """
    try:
        raw = np.asarray(value)
        result = np.array(_converted(raw), dtype=np.float64)
    except OverflowError:
        raise NotNumbersError(f"{_shown(value)} is beyond float64 (1.8e308)") from None
    except (TypeError, ValueError):
        raise NotNumbersError(f"{_shown(value)} is not made of real numbers") from None
    if finite and not np.isfinite(result).all():
        raise NotNumbersError(f"{_shown(value)} is not finite")
    return result


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 80 else text[:80] + "..."


def _converted(raw: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if raw.dtype.kind == "O":  # SymPy's numbers, and integers of any length
        return np.array([float(part) for part in raw.ravel()]).reshape(raw.shape)
    if raw.dtype.kind not in "iuf":
        raise TypeError
    return raw


def finite_or_none(value: float | None) -> float | None:
    """Return a number as JSON can hold it: None for what is not finite."""
    return float(value) if value is not None and math.isfinite(value) else None
