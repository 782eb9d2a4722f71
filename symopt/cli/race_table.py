"""The table of a race in a terminal, and the lines below it."""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table

from symopt.cli.race import Race, Zero
from symopt.cli.race_rows import GAPS, Finish
from symopt.rules.rule import Rule
from symopt.runs.tuning import Tuned, rate_name

AT_EDGE = " *"
"""Stands behind a learning rate that is the best of its grid and its last."""
LEFT = ("rule", "status")
EDGES = {"smaller": (0, 1 / 3), "larger": (-1, 3.0)}
"""For each side its last rate among all, and what a rate beyond may be times it."""


def table(
    title: str, rows: Mapping[str, Any], rules: Mapping[str, Rule], zero: Zero, edge: Container[str]
) -> Table:
    """Return the rows as a table; ``edge`` has the names whose learning rate is marked."""
    gaps = [f"to {gap}" for gap in GAPS]
    many = any("starts" in row for row in rows.values())
    head = f"{title}\n{gaps[0]} ... {gaps[-1]}: steps, {zero}"
    if many:
        head += "; the median over starts, and the share of them that come there"
    result = Table(
        title=escape(head), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    losses = ("median J", "best J") if many else ("final J", "best J")
    for heading in ("rule", "eta", *losses, *gaps, "gradients", "status", "compile s", "run s"):
        looks: dict[str, Any] = {"justify": "right", "overflow": "ellipsis"}
        if heading in LEFT:
            looks = {"justify": "left", "overflow": "fold"}
        result.add_column(heading, no_wrap=heading not in LEFT, **looks)
    for name, row in rows.items():
        result.add_row(*_cells(name, row, rules[name], marked=name in edge))
    return result


def _cells(name: str, row: Mapping[str, Any], rule: Rule, marked: bool) -> list[str]:
    losses = ["-" if row[key] is None else f"{row[key]:.4g}" for key in ("final_loss", "best_loss")]
    times = [f"{row[key]:.3f}" for key in ("compile_seconds", "run_seconds")]
    eta = rule.values.get(rate_name(rule) or "eta", "")
    shown = f"{eta:.3g}" if isinstance(eta, float) else str(eta)
    ends = [str(row["gradient_evaluations"]), row["status"]]
    return [escape(name), shown + AT_EDGE * marked, *losses, *_arrivals(row), *ends, *times]


def _arrivals(row: Mapping[str, Any]) -> list[str]:
    """Return the steps to each gap, and from many starts the share that arrives."""
    cells = ["-" if steps is None else str(steps) for steps in row["steps_to"].values()]
    if "reached" not in row:
        return cells
    return [
        cell if cell == "-" else f"{cell} ({share:.0%})"
        for cell, share in zip(cells, row["reached"].values(), strict=True)
    ]


def edge_lines(race: Race) -> dict[str, str]:
    """Return a line on each rule whose best learning rate is the last that was tried."""
    return {name: _edge_line(name, race, found) for name, found in race.tuned.items() if found.edge}


def _edge_line(name: str, race: Race, found: Tuned) -> str:
    assert found.rate is not None
    _, factor = EDGES[found.edge]
    beyond = float(f"{found.rate * factor:.1g}")
    return (
        f"* {name}: the best learning rate is the last of the grid, {found.rates[0]:g} to "
        f"{found.rates[-1]:g}; a {found.edge} one may be better: give it, as in --rule "
        f"{race.entrants[name].spelled(beyond)}"
    )


def recommendation(race: Race, finishes: Mapping[str, Finish], zero: Zero) -> str:
    """Return which rule to take, its values and steps, and what the second best costs.

    Rules are compared at the smallest gap that one of them reaches, by what they ask of the cost
    until then. A gap that is there at the start says nothing; nor does one to the best J of all
    runs that is reached in the last step alone. Where no gap is left, the lowest J wins.
    """
    gaps = {
        name: zero.loss + gap
        for name, gap in reversed(GAPS.items())
        if _tells(finishes.values(), zero.loss + gap, zero.known)
    }
    if not gaps:
        return _by_loss(race, finishes)
    first = _ranked(finishes, next(iter(gaps.values())))[0]
    (gap, level), *_ = gaps.items()
    line = f"recommended: --rule {race.spelled(first)}, {_steps(finishes[first], level)} to {gap}"
    others = {name: one for name, one in finishes.items() if name != first}
    if not others:
        return line
    return f"{line}; {_second(race, finishes[first], others, gaps)}"


def _tells(finishes: Iterable[Finish], level: float, known: bool) -> bool:
    """Tell whether a level is reached, not at the start, and not by ending there."""
    costs = [one.cost_of(level) for one in finishes]
    ends = [bool((one.arrivals(one.steps, level) < one.steps[-1]).any()) for one in finishes]
    reached = [cost for cost in costs if math.isfinite(cost)]
    return bool(reached) and max(reached) > 0 and (known or any(ends))


def _ranked(finishes: Mapping[str, Finish], level: float) -> list[str]:
    """Return the rules that reach a level, the cheapest first."""
    costs = {name: one.cost_of(level) for name, one in finishes.items()}
    return sorted(filter(lambda name: costs[name] < math.inf, costs), key=costs.__getitem__)


def _second(
    race: Race, first: Finish, others: Mapping[str, Finish], gaps: Mapping[str, float]
) -> str:
    """Say what the second best costs: at the same gap, or at the next that it reaches."""
    alone = ""
    for gap, level in gaps.items():
        if ranked := _ranked(others, level):
            one = others[ranked[0]]
            times = one.cost_of(level) / max(first.cost_of(level), 1)
            where = f" to {gap}" if alone else ""
            failures = ", with the starts that fail" if len(one.final) > 1 else ""
            return (
                f"{alone}second best: --rule {race.spelled(ranked[0])}, "
                f"{_steps(one, level)}{where}, {times:.3g} times the cost{failures}"
            )
        alone = "no other comes there; "
    lowest = min(others, key=lambda name: others[name].lowest)
    above = others[lowest].lowest - next(iter(gaps.values()))
    return f"{alone}second best: --rule {race.spelled(lowest)}, ends {above:.3g} above that"


def _steps(finish: Finish, level: float) -> str:
    """Say how many steps it takes, and gradients where these are others."""
    steps, share, work = finish.steps_to(level), finish.share(level), finish.cost_of(level)
    text = "1 step" if steps == 1 else f"{steps} steps"
    if len(finish.final) > 1:
        return f"{text} from {share:.0%} of the starts"
    if work != steps:
        text += f" and the work of {work:.0f} gradients"
    return text


def _by_loss(race: Race, finishes: Mapping[str, Finish]) -> str:
    """Return the rule with the lowest J, where no gap says more."""
    ranked = sorted(finishes, key=lambda name: finishes[name].lowest)
    lowest = finishes[ranked[0]].lowest
    if not math.isfinite(lowest):
        return "recommended: none; no rule met a finite J: begin elsewhere"
    line = f"recommended: --rule {race.spelled(ranked[0])}, down to J = {lowest:.6g}"
    line += f" in {race.steps} steps"
    if len(ranked) == 1:
        return line
    behind = finishes[ranked[1]].lowest - lowest
    return f"{line}; second best: --rule {race.spelled(ranked[1])}, {behind:.3g} above it"
