"""A prediction beside a measurement, and the verdict that follows from the two."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

AGREES, FAILED, UNDECIDED = "agrees", "failed", "undecided"
NO_PREDICTION, NOT_MEASURED = "no prediction", "not measured"
RELATIONS = ("=", "<=", ">=")


@dataclass(frozen=True)
class Row:
    """One quantity, as predicted and as measured.

    Attributes
    ----------
    quantity
        What it is, with its unit.
    predicted, measured
        Numbers; None where there is none.
    low, high
        The interval of the measurement: of confidence where runs were drawn, of resolution (one
        step, the digits of a fit) where they were not. Both are ``measured`` if left out.
    n
        The number of runs behind the measurement.
    relation
        What is claimed: that the measured quantity is "=" the predicted one, or "<=" or ">=" it.
    note
        Where the interval comes from, or why the claim fails.

    Examples
    --------
    >>> Row("steps", predicted=100.0, measured=100.4, low=99.4, high=101.4).verdict
    'agrees'
    >>> Row("gap", predicted=0.1, measured=0.2, relation="<=").verdict
    'failed'
    """

    quantity: str
    predicted: float | None
    measured: float | None
    low: float | None = None
    high: float | None = None
    n: int = 1
    relation: str = "="
    note: str = ""

    def __post_init__(self) -> None:
        if self.relation not in RELATIONS:
            raise ValueError(f"relation={self.relation!r}; expected one of {', '.join(RELATIONS)}")
        for name in ("predicted", "measured", "low", "high"):
            value = getattr(self, name)
            object.__setattr__(
                self, name, None if value is None or math.isnan(value) else float(value)
            )
        for name in ("low", "high"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, self.measured)

    @classmethod
    def within(
        cls,
        quantity: str,
        predicted: float | None,
        measured: float,
        absolute: float = 0.0,
        relative: float = 0.0,
        **more: Any,
    ) -> Row:
        """Return a row whose interval reaches so far to both sides of the measurement.

        Parameters
        ----------
        quantity, predicted, measured
            As in the class.
        absolute, relative
            The interval is measured -+ (absolute + relative*abs(measured)); none may be negative.
        **more
            ``n``, ``relation``, ``note``.

        Raises
        ------
        ValueError
            If the interval would be inside out.

        Examples
        --------
        >>> row = Row.within("steps", predicted=100.2, measured=100, absolute=1)
        >>> row.low, row.high, row.verdict
        (99.0, 101.0, 'agrees')
        """
        if absolute < 0 or relative < 0:
            raise ValueError(
                f"absolute={absolute!r}, relative={relative!r}; expected numbers from 0"
            )
        reach = absolute + relative * abs(measured)
        return cls(quantity, predicted, measured, measured - reach, measured + reach, **more)

    @classmethod
    def between(
        cls, quantity: str, predicted: float | None, ends: tuple[float, float], **more: Any
    ) -> Row:
        """Return a row for what lies between two numbers; the middle stands for the measurement.

        Parameters
        ----------
        quantity, predicted
            As in the class.
        ends
            The lower and the upper number; NaN where none was found.
        **more
            ``n``, ``relation``, ``note``.

        Examples
        --------
        >>> row = Row.between("largest stable eta", predicted=2.0, ends=(1.9, 2.1))
        >>> row.measured, row.verdict
        (2.0, 'agrees')
        """
        low, high = ends
        return cls(quantity, predicted, (low + high) / 2, low, high, **more)

    @property
    def verdict(self) -> str:
        """What follows: "agrees", "failed", "undecided", or what is missing."""
        if self.measured is None or self.low is None or self.high is None:
            return NOT_MEASURED
        if self.predicted is None:
            return NO_PREDICTION
        if self.relation == "=":
            if self.low <= self.predicted <= self.high:
                return AGREES
            return FAILED
        at_most = self.relation == "<="
        if self.high <= self.predicted if at_most else self.low >= self.predicted:
            return AGREES
        if self.low > self.predicted if at_most else self.high < self.predicted:
            return FAILED
        return UNDECIDED


@dataclass(frozen=True)
class Outcome:
    """What an experiment's ``run`` gives.

    Attributes
    ----------
    rows
        The predictions and measurements.
    data
        What ``plot`` draws.
    settings
        What was run, in words and numbers, for the report.
    """

    rows: Sequence[Row]
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)
