"""The race: rules on one cost from one start, their learning rates, table and picture."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from rich import box
from rich.markup import escape
from rich.table import Table

from symopt.costs.cost import Cost
from symopt.costs.parser import expression
from symopt.errors import ParseError, RuleError
from symopt.interop.like import like
from symopt.optim.registry import RULES, compared_rules
from symopt.rules.rule import Rule
from symopt.rules.symbols import T, t
from symopt.runs.result import Run
from symopt.runs.sweep import sweep
from symopt.validation import finite_or_none

GAPS = {"1e-3": 1e-3, "1e-6": 1e-6, "1e-9": 1e-9}
LEARNING_RATES = np.geomspace(1e-5, 1.0, 31)
FEW_LEARNING_RATES = LEARNING_RATES[::3]  # for many parameters
AT_EDGE = " *"
"""Stands behind a learning rate that is the best of its grid and its last."""
LATE = (0.5, 0.7, 0.8, 0.9, 0.95, 1.0)
"""The shares of the budget at which a learning rate is judged by its worst loss."""
MANY = 1000  # parameters, beyond which a race makes fewer steps
DRAWN = 10  # curves in a picture, the lowest at the end
LISTED = 100  # parameters up to which every step is recorded and theta is written out


def size_of_start(start: Any) -> int:
    """Return how many numbers a start holds."""
    if isinstance(start, Mapping):
        return sum(int(np.size(value)) for value in start.values())
    return len(start)


def budget(size: int) -> int:
    """Return the steps of a race that is told none, fewer for many parameters."""
    return max(200, min(5000, 50_000_000 // size))


def recorded_steps(size: int) -> bool | int:
    """Return which steps of a race are recorded: all, or some of them for many parameters."""
    if size <= LISTED:
        return True
    return 1000


def choose_rules(cost: Cost, everyone: bool) -> tuple[dict[str, Rule], list[str]]:
    """Return the rules to compare on a cost, and a line about each that is left out."""
    if everyone:
        rules = dict(RULES)
    else:
        rules = compared_rules()
    lacks = {
        name: [lack for need in rule.needs if (lack := cost.lacks(need))]
        for name, rule in rules.items()
    }
    left_out = [f"without {name}: it needs {lack[0]}" for name, lack in lacks.items() if lack]
    return {name: rule for name, rule in rules.items() if not lacks[name]}, left_out


def tune_rates(
    rules: Mapping[str, Rule],
    cost: Cost,
    start: Any,
    steps: int,
    *,
    progress: bool = False,
    batch: int | None = None,
) -> dict[str, Rule]:
    """Return rules with the best learning rate of a grid each.

    The best is lowest at the worst of several late steps, so that a rate that jumps about and
    happens to end low does not win. For many parameters there are fewer rates, and at most the
    steps of ``budget``. At Ctrl-C those are returned whose rate was found.
    """
    size = size_of_start(start)
    many = size > MANY
    rates = LEARNING_RATES
    if many:
        rates = FEW_LEARNING_RATES
    if many:
        steps = min(steps, budget(size))
    record = sorted({round(share * steps) for share in LATE})
    best_of: dict[str, Rule] = {}
    for name, rule in rules.items():
        best_of[name] = rule
        if "eta" in rule.values:
            study = sweep(
                cost,
                rule(eta=rates),
                start,
                steps=steps,
                record=record,
                paths=False,
                batch=batch,
                progress=progress,
            )
            if study.interrupted:
                del best_of[name]
                break
            dataset = study[rule.name]
            worst = dataset["history_loss"].max("step", skipna=False).values
            best = int(np.argmin(np.where(np.isfinite(worst), worst, np.inf)))
            best_of[name] = rule(eta=float(f"{rates[best]:.4g}"))
    return best_of


def at_edge(rules: Mapping[str, Rule], size: int) -> dict[str, str]:
    """Return a line on each rule whose learning rate is at the edge of its grid."""
    rates = LEARNING_RATES
    if size > MANY:
        rates = FEW_LEARNING_RATES
    ends = {
        float(f"{rates[0]:.4g}"): ("smaller", 1 / 3),
        float(f"{rates[-1]:.4g}"): ("larger", 3.0),
    }
    found = {}
    for name, rule in rules.items():
        eta = rule.values.get("eta")
        if eta in ends:
            which, factor = ends[eta]
            found[name] = (
                f"* {name}: the best learning rate is the last of the grid, {rates[0]:g} to "
                f"{rates[-1]:g}; a {which} "
                f"one may be better: give it, as in --rule {rule.name}:eta={eta * factor:.1g}"
            )
    return found


def without_rate(texts: list[str], rules: Mapping[str, Rule]) -> dict[str, Rule]:
    """Return the rules whose learning rate is left open, to be tuned.

    A class of another library has that library's.
    """
    pairs = zip(texts, rules.items(), strict=True)
    return {
        name: rule
        for text, (name, rule) in pairs
        if not re.search(r"[:,]\s*eta\s*=", text) and "." not in name
    }


def read_rules(texts: list[str]) -> dict[str, Rule]:
    """Read rules such as ``adam:eta=0.02``; one that occurs twice is named by its text.

    Raises
    ------
    RuleError
        If a text is no rule, or does not fit it.
    """
    names = [text.partition(":")[0].strip() for text in texts]
    return {
        (name if names.count(name) == 1 else text): _rule(text)
        for name, text in zip(names, texts, strict=True)
    }


def _rule(text: str) -> Rule:
    name, _, values = text.partition(":")
    given: dict[str, Any] = {}
    for part in filter(None, (piece.strip() for piece in values.split(","))):
        key, sign, value = part.partition("=")
        if not sign:
            raise RuleError(
                f"--rule {text!r}: cannot read {part!r}; expected name=value, as in "
                "adam:eta=0.02,beta1=0.9"
            )
        if key.strip() in given:
            raise RuleError(f"--rule {text!r}: {key.strip()} is given twice")
        given[key.strip()] = _value(value.strip(), text)
    if "." in name:
        return like(name.strip(), **given)
    return RULES[name.strip()](**given)


def _value(value: str, text: str) -> Any:
    """Read a number, an option, or a schedule in t and T."""
    words = {"true": True, "false": False, "none": None}
    if value.lower() in words:
        return words[value.lower()]
    try:
        return float(value)
    except ValueError:
        pass
    try:
        schedule = expression(value)
    except ParseError as error:
        raise RuleError(f"--rule {text!r}: {error}") from None
    return schedule.xreplace(
        {symbol: {"t": t, "T": T}.get(symbol.name, symbol) for symbol in schedule.free_symbols}
    )


def _final(run: Run) -> float:
    if math.isfinite(run.loss):
        return run.loss
    return math.inf


def lowest_loss(runs: Mapping[str, Run]) -> float:
    """Return the lowest loss that any run met; NaN where there is none."""
    return min(
        (run.best_loss for run in runs.values() if math.isfinite(run.best_loss)), default=math.nan
    )


@dataclass(frozen=True)
class Zero:
    """What the gaps of a race are measured from.

    Attributes
    ----------
    loss
        J there; NaN where no run met a finite one.
    known
        Whether it is the smallest value of J, as the cost has it, and not the best of the race.
    best
        The lowest loss that any run met.
    """

    loss: float
    known: bool
    best: float

    @classmethod
    def of(cls, cost: Cost, runs: Mapping[str, Run]) -> Zero:
        """Return the smallest value of the cost, or the lowest loss that any run met."""
        best = lowest_loss(runs)
        known = cost.optimal_value is not None
        return cls(best if cost.optimal_value is None else float(cost.optimal_value), known, best)

    def __str__(self) -> str:
        if not self.known:
            return f"from the best J of this race, {self.loss:.4g}: the minimum is not known"
        below = self.best < self.loss - 1e-12 * max(1.0, abs(self.loss))
        text = f"from the minimum of J that the cost has, {self.loss:.4g}"
        return text + BELOW.format(self.best) if below else text


BELOW = "; a run went below it, to {:.10g}, so that it is no minimum"


def row(run: Run, zero: float) -> dict[str, Any]:
    """Return what the race tells of one run, ready for JSON: None for what is not finite.

    ``steps_to`` are the first recorded steps at which J is within a gap of ``zero``; theta is None
    where it is long.
    """
    losses = run.history["loss"].values
    reached = {name: np.flatnonzero(losses - zero <= gap) for name, gap in GAPS.items()}
    theta = None
    if len(run.theta) <= LISTED:
        theta = [finite_or_none(value) for value in run.theta]
    return {
        "theta": theta,
        "final_loss": finite_or_none(run.loss),
        "best_loss": finite_or_none(run.best_loss),
        "steps_to": {
            name: int(run.recorded[steps[0]]) if len(steps) else None
            for name, steps in reached.items()
        },
        "gradient_evaluations": run.gradient_evaluations,
        "status": str(run.status),
        "reason": run.reason,
        "compile_seconds": round(run.compile_seconds, 4),
        "run_seconds": round(run.run_seconds, 4),
        "rule": repr(run.rule),
    }


def table(
    title: str,
    rows: Mapping[str, Any],
    runs: Mapping[str, Run],
    zero: Zero | None = None,
    edge: Container[str] = (),
) -> Table:
    """Return the rows as a table for a terminal; ``edge`` marks learning rates."""
    gaps = [f"to {gap}" for gap in GAPS]
    title += f"\n{gaps[0]} ... {gaps[-1]}: steps, {zero}" if zero else ""
    result = Table(
        title=escape(title), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for heading in (
        "rule",
        "eta",
        "final J",
        "best J",
        *gaps,
        "gradients",
        "status",
        "compile s",
        "run s",
    ):
        looks: dict[str, Any] = {"justify": "right", "overflow": "ellipsis"}
        if heading in ("rule", "status"):
            looks = {"justify": "left", "overflow": "fold"}
        result.add_column(heading, no_wrap=heading != "rule", **looks)
    for name, one in rows.items():
        reached = ["-" if steps is None else str(steps) for steps in one["steps_to"].values()]
        losses = [
            "-" if one[key] is None else f"{one[key]:.4g}" for key in ("final_loss", "best_loss")
        ]
        times = [f"{one[key]:.3f}" for key in ("compile_seconds", "run_seconds")]
        ending = [str(one["gradient_evaluations"]), one["status"]]
        eta = runs[name].rule.values.get("eta", "")
        if isinstance(eta, float):
            shown = f"{eta:.3g}"
        else:
            shown = str(eta)
        shown += AT_EDGE if name in edge else ""
        result.add_row(*[name, shown, *losses, *reached, *ending, *times])
    return result


def picture(runs: Mapping[str, Run], zero: float, known: bool = False) -> bytes:
    """Draw the convergence curves above ``zero``, and for two parameters the paths, as PNG.

    ``zero`` is the known minimum, or the best J of all.
    """
    from matplotlib.figure import Figure

    from symopt.plot import convergence, trajectory

    panels = 1
    if len(next(iter(runs.values())).theta) == 2:
        panels = 2
    shown = dict(sorted(runs.items(), key=lambda item: _final(item[1]))[:DRAWN])
    runs = {name: run for name, run in runs.items() if name in shown}
    figure = Figure(figsize=(6.6 * panels, 4.6), layout="constrained")
    axes = np.atleast_1d(figure.subplots(1, panels))
    convergence(runs, ax=axes[0], optimum=zero if math.isfinite(zero) else None)
    if not known:
        axes[0].set_ylabel(axes[0].get_ylabel().replace("J*", "best J of all"))
    if panels == 2:
        axes[0].get_legend().remove()
        trajectory(runs, ax=axes[1])
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()
