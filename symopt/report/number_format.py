"""Numbers as short as can be told apart."""

from __future__ import annotations

import math

FEWEST, MOST = 4, 12  # digits
LONGEST = 1e8  # below which no number is written with a power of ten
NONE = "–"


def format_apart(*values: float | None, apart: tuple[float | None, ...] = ()) -> list[str]:
    """Return numbers with as many digits as the ones of ``apart`` need to differ where they do.

    Examples
    --------
    >>> format_apart(100.0, None, 1e-7)
    ['100', '–', '1e-07']
    >>> format_apart(0.9958512, apart=(0.99581, 0.99584))
    ['0.99585']
    >>> format_apart(float("inf"), -1234567.0)
    ['∞', '-1234567']
    """
    different = {value for value in apart if value is not None and math.isfinite(value)}
    digits = FEWEST
    while digits < MOST and len({f"{value:.{digits}g}" for value in different}) < len(different):
        digits += 1
    return [_one(value, digits) for value in values]


def interval(
    low: float | None,
    high: float | None,
    measured: float | None,
    digits_of: tuple[float | None, ...],
) -> str:
    """Return an interval, or a dash where it is no wider than the measurement.

    Examples
    --------
    >>> interval(1.0, 2.0, 1.5, (1.0, 2.0)), interval(3.0, 3.0, 3.0, (3.0,))
    ('[1, 2]', '–')
    """
    if measured is None or low is None or high is None or low == high == measured:
        return NONE
    return "[{}, {}]".format(*format_apart(low, high, apart=digits_of))


def _one(value: float | None, digits: int) -> str:
    if value is None or math.isnan(value):
        return NONE
    if math.isinf(value):
        if value > 0:
            return "∞"
        return "-∞"
    text = f"{value + 0.0:.{digits}g}"  # and no -0
    if "e+" in text and abs(value) < LONGEST:
        return f"{value:.0f}"
    return text
