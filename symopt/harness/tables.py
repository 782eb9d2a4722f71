"""Rows as JSON, as a table for a terminal, and counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table

from symopt.harness.claims import AGREES, FAILED, NO_PREDICTION, NOT_MEASURED, UNDECIDED, Row
from symopt.harness.runner import Finding
from symopt.report.number_format import format_apart, interval
from symopt.validation import finite_or_none

STYLES = {
    AGREES: "green",
    FAILED: "bold red",
    UNDECIDED: "yellow",
    NOT_MEASURED: "bold magenta",
    NO_PREDICTION: "dim",
}
SIGNS = {"=": "", "<=": "≤ ", ">=": "≥ "}


def as_json(findings: Iterable[Finding]) -> bytes:
    """Return all rows as a list of objects in strict JSON; what is not finite is null."""
    rows: list[dict[str, Any]] = []
    for finding in findings:
        rows += [record(finding, row) for row in finding.rows]
    return (json.dumps(rows, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode()


def record(finding: Finding, row: Row) -> dict[str, Any]:
    """Return a row as JSON holds it.

    Examples
    --------
    >>> from pathlib import Path
    >>> from symopt.harness.discovery import Experiment
    >>> made = record(Finding(Experiment("fall", Path("fall.py"))), Row("g", 9.8, float("inf")))
    >>> made["experiment"], made["predicted"], made["measured"], made["verdict"]
    ('fall', 9.8, None, 'failed')
    """
    return {
        "experiment": finding.experiment.name,
        "claim": finding.experiment.claim,
        "quantity": str(row.quantity),
        **{
            name: finite_or_none(getattr(row, name))
            for name in ("predicted", "measured", "low", "high")
        },
        "n": int(row.n),
        "verdict": row.verdict,
        "relation": row.relation,
        "note": str(row.note),
    }


def cells(row: Row) -> tuple[str, str, str, str]:
    """Return predicted, measured, interval and n as texts.

    Examples
    --------
    >>> cells(Row("steps", 100.0, 100.4, 99.4, 101.4, n=8))
    ('100', '100.4', '[99.4, 101.4]', '8')
    >>> cells(Row("gap", 0.1, 0.2, relation="<="))
    ('≤ 0.1', '0.2', '–', '1')
    """
    apart = (row.low, row.high, row.predicted)
    predicted, measured = format_apart(row.predicted, row.measured, apart=apart)
    if row.predicted is None:
        sign = ""
    else:
        sign = SIGNS[row.relation]
    return (
        sign + predicted,
        measured,
        interval(row.low, row.high, row.measured, digits_of=apart),
        str(row.n),
    )


def table(finding: Finding) -> Table:
    """Return the rows of one experiment as a table for a terminal."""
    title = f"[bold]{escape(finding.experiment.name)}[/] [dim]{finding.seconds:.1f} s[/]"
    result = Table(
        title=title, title_justify="left", title_style="", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    result.add_column("quantity", overflow="fold", ratio=1)
    for heading in ("predicted", "measured", "interval", "n"):
        result.add_column(heading, justify="right", no_wrap=True)
    result.add_column("verdict", no_wrap=True)
    for row in finding.rows:
        verdict = f"[{STYLES[row.verdict]}]{row.verdict}[/]"
        note = ""
        if row.note and row.verdict not in {AGREES, NO_PREDICTION}:
            note = f"\n[dim]{escape(str(row.note))}[/]"
        result.add_row(f"{escape(str(row.quantity))}{note}", *cells(row), verdict)
    return result


def all_rows(findings: Iterable[Finding]) -> list[Row]:
    """Return the rows of all findings."""
    return list(chain.from_iterable(finding.rows for finding in findings))


def summary(rows: Sequence[Row]) -> str:
    """Return how the claims fared.

    Examples
    --------
    >>> summary([Row("a", 1.0, 1.0), Row("b", 1.0, 2.0), Row("c", None, 2.0)])
    '2 claims: 1 agrees, 1 failed, 0 undecided, 0 not measured; 1 measured without a prediction'
    """
    counts = Counter(row.verdict for row in rows)
    claims = len(rows) - counts[NO_PREDICTION]
    agree = f"{counts[AGREES]} agree{'s' if counts[AGREES] == 1 else ''}"
    told = ", ".join(
        [agree, *(f"{counts[name]} {name}" for name in (FAILED, UNDECIDED, NOT_MEASURED))]
    )
    more = ""
    if counts[NO_PREDICTION]:
        more = f"; {counts[NO_PREDICTION]} measured without a prediction"
    return f"{claims} claim{'' if claims == 1 else 's'}: {told}{more}"
