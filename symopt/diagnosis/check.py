"""How many digits of compiled numbers hold, beside the user's own expression."""

from __future__ import annotations

import html
import math
import textwrap
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import mpmath as mp

from symopt.diagnosis.losses import Loss

EXACT = 17.0  # digits of a double that is the nearest one
LARGEST_EXPONENT = 1e6  # of 2, of numbers that are shown
Cells = tuple[str, str, str, str, str, str]
"""Name, compiled value, true value, digits, digits that the input takes, a note."""
HEAD = ("", "compiled", "true", "digits", "taken", "")
MARK = "<--"  # a number that does not hold
WIDTH = 80  # of a table
MOST_ROWS = 60  # that a table shows of those that hold
SLACK = 64.0  # ulps of the inputs and of the result that any evaluation may lose


@dataclass(frozen=True)
class Row:
    """One number beside its true value.

    Attributes
    ----------
    name
        J, dJ/dx, d2J/dxdy, or a check of derivatives against each other.
    kernel
        What compiled code gives.
    true
        The value in 50 digits or more; NaN where there is none.
    digits
        Decimal digits that hold, up to 17; NaN where there is nothing to compare.
    condition
        How much the true value changes where every input moves by one ulp.
    ok
        Whether the digits asked for hold, or all that the condition leaves.
    note
        What is to be said.
    """

    name: str
    kernel: float
    true: Any
    digits: float
    condition: float
    ok: bool
    note: str = ""

    @property
    def taken(self) -> float:
        """How many digits rounding the inputs takes; NaN where it is not known."""
        if not mp.isfinite(self.true) or self.true == 0 or not math.isfinite(self.condition):
            return math.nan
        ulps = mp.mpf(self.condition) / abs(self.true) * 2.0**53
        if ulps:
            return max(0.0, float(mp.log10(ulps)))
        return 0.0


def row(name: str, kernel: float, true: Any, *, changed: Any, digits: float, note: str = "") -> Row:
    """Compare a compiled number with its true value and how far an ulp of the inputs moves it."""
    condition = 0.0  # nothing that could excuse a loss
    if mp.isfinite(changed):
        condition = float(abs(changed))
    make = partial(Row, name, kernel, true)
    if not mp.isfinite(true):
        ok = not math.isfinite(kernel) or bool(note)
        note = note or "no value at this point"
        return make(digits=math.nan, condition=math.nan, ok=ok, note=note)
    if not math.isfinite(kernel):
        beyond = math.isinf(float(true)) and kernel != -float(true)  # NaN is no wrong number
        if beyond:
            note = note or "beyond 1.8e308"
            return make(digits=math.nan, condition=condition, ok=True, note=note)
        note = note or "compiled code gives no number"
        return make(digits=0.0, condition=condition, ok=False, note=note)
    error = abs(mp.mpf(kernel) - true)
    hold = EXACT
    if kernel != float(true):
        hold = _digits(error, true)
    allowed = SLACK * (condition + float(abs(true)) * 2.0**-53) + 5e-324
    ok = hold >= digits or float(error) <= allowed
    return make(digits=hold, condition=condition, ok=ok, note=note)


def _digits(error: Any, true: Any) -> float:
    if true == 0:
        return 0.0
    return float(min(EXACT, max(0.0, -mp.log10(error / abs(true)))))


@dataclass(frozen=True)
class Check:
    """What :meth:`symopt.Cost.check` found; shown as a table.

    Attributes
    ----------
    rows
        The numbers, one after the other.
    digits
        How many digits were asked for.
    loss
        The operation that loses most digits, if one loses any.
    places
        Kinks and singular places at the point, in words.
    remark
        What was not looked at, and why.
    """

    rows: tuple[Row, ...]
    digits: float
    loss: Loss | None
    places: tuple[str, ...]
    remark: str = ""

    @property
    def ok(self) -> bool:
        """Whether every row holds the digits asked for, or all that its condition leaves."""
        return all(one.ok for one in self.rows)

    def table(self) -> list[Cells]:
        """Return the rows as text: name, compiled, true, digits held, digits taken, a note."""
        return [_cells(one) for one in self.rows]

    def __str__(self) -> str:
        shown = [one for k, one in enumerate(self.rows) if k < MOST_ROWS or not one.ok]
        lines = [HEAD, *map(_cells, shown)]
        widths = [max(len(line[k]) for line in lines) for k in range(5)]
        text = list(chain.from_iterable(_aligned(cells, widths) for cells in lines))
        hidden = len(self.rows) - len(shown)
        more = []
        if hidden:
            more = [f"{hidden} more numbers hold: all stand in .rows"]
        below = chain.from_iterable(map(_wrapped, [*more, *self._below()]))
        return "\n".join([*text, *below])

    def __repr__(self) -> str:
        return str(self)

    def _below(self) -> list[str]:
        bad = sum(not one.ok for one in self.rows)
        if not bad:
            verdict = "all hold"
        else:
            verdict = f"{bad} of {len(self.rows)} do not hold"
        if not bad and all(math.isnan(one.digits) for one in self.rows):
            verdict = "there is nothing to compare"
        lines = [f"{self.digits:g} digits asked for: {verdict}"]
        if self.loss is not None:
            lines.append(f"most is lost where {self.loss}")
        lines += [f"at this point: {place}" for place in self.places]
        if any(one.taken >= 1 for one in self.rows):
            lines.append("taken: digits that rounding the inputs to doubles takes already")
        if self.remark:
            lines.append(self.remark)
        return lines

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def _aligned(line: Cells, widths: list[int]) -> list[str]:
    """Return the cells of a row, and its note beside them or, where there is no room, below."""
    text = "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=False))
    *_, note = line
    if len(text) + 2 + len(note) <= WIDTH:
        return [f"{text}  {note}".rstrip()]
    if note.startswith(MARK):
        mark, rest = (MARK, note.removeprefix(MARK).strip())
    else:
        mark, rest = ("", note)
    return [f"{text}  {mark}".rstrip(), *_wrapped(rest, " " * (widths[0] + 2))]


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=indent or "  ", break_long_words=False
    )


def _cells(one: Row) -> Cells:
    if math.isnan(one.digits):
        digits = ""
    elif one.digits == EXACT:
        digits = "exact"
    else:
        digits = f"{one.digits:.1f}"
    if math.isnan(one.taken):
        taken = ""
    elif one.taken:
        taken = f"{one.taken:.1f}"
    else:
        taken = "0"
    if one.ok:
        mark = one.note
    else:
        mark = f"{MARK} {one.note}".rstrip()
    return one.name, repr(float(one.kernel)), _text(one.true), digits, taken, mark


def _size_in_words(value: Any) -> str:
    sign = ""
    if value < 0:
        sign = "-"
    if mp.mag(value) > 0:
        return f"{sign}huge"
    return f"{sign}tiny"


def _text(value: Any) -> str:
    """Write a number of many digits, in words where its exponent would not end."""
    if not mp.isfinite(value):
        return "none"
    if value and abs(mp.mag(value)) > LARGEST_EXPONENT:
        return _size_in_words(value)
    return str(mp.nstr(value, 17))
