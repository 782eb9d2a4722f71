"""The command ``symopt race``: from options to table, files and a recommendation."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from symopt.atomic_io import writable_folder, write
from symopt.cli import arguments, options
from symopt.cli.messages import in_shell_words
from symopt.cli.problem import Given, read_box, read_problem
from symopt.cli.race import Race, Zero, budget, choose_rules, size_of_start
from symopt.cli.race_picture import DRAWN, drawable, picture
from symopt.cli.race_rows import Finish
from symopt.cli.race_table import edge_lines, recommendation, table
from symopt.cli.rules import Entrant, import_rules, read_rules
from symopt.costs.cost import Cost
from symopt.errors import RunError
from symopt.rules.rule import Rule
from symopt.runs.interrupt import ENDING, Stop, stop_on_ctrl_c
from symopt.validation import finite_or_none

NOT_RECOMMENDED = "recommended: none, as the race was interrupted"
WIDTH = 140  # of a table where no terminal tells its own


def race(
    text: options.Expr,
    start: options.Start = "",
    constant: options.Constants = "",
    data: options.Data = None,
    samples: Annotated[
        str | None,
        typer.Option(metavar="K", help="The index of a sum whose terms --batch draws from."),
    ] = None,
    minimum: Annotated[
        str | None,
        typer.Option(metavar="VALUE", help="The smallest value of the cost, where it is known."),
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULE",
            help="A rule, with values or without: adam, nesterov:eta=1e-3,beta=0.9, "
            "torch.optim.Adam:lr=0.01, scipy:L-BFGS-B. May be given more than once.",
        ),
    ] = None,
    own: options.Import = None,
    everyone: Annotated[bool, typer.Option("--all", help="Every rule that is known.")] = False,
    steps: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="The budget of each rule; if left out 5000, and for n > 10000 parameters "
            "50000000/n, at least 200.",
        ),
    ] = None,
    tolerance: Annotated[
        str | None, typer.Option(metavar="SIZE", help="End when no slope is larger.")
    ] = None,
    batch: Annotated[
        str | None,
        typer.Option(metavar="N", help="Take each gradient over so many samples of the data."),
    ] = None,
    starts: Annotated[
        str | None, typer.Option(metavar="N", help="Begin at so many random points of --box.")
    ] = None,
    box: Annotated[
        str | None,
        typer.Option(metavar="LOW:HIGH", help="Where they lie: -2:2, or x=-2:2,y=0:1."),
    ] = None,
    seed: options.Seed = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write race.png and race.json there.")
    ] = None,
) -> None:
    """Run optimizers on one cost, and compare them.

    EXPR is the cost, as in '100*(y-x^2)^2+(1-x)^2', or the name of a problem; symopt problems lists
    them. What is in it must have a start, or a value by --constant or --data.

    Without --rule the textbook's rules and your own run; with --all every rule, sorted. The last
    line recommends one, with its values.

    A rule that is given without its learning rate gets the best of a grid from 1e-5 to 1, with 6
    rates from one to ten times it (2 for more than 1000 parameters). Where the best is the last of
    the grid, the grid grows, to 1e-11 and 1e6 at most. Best is what comes within 1e-9 of the
    smallest value soonest, else within 1e-6 or 1e-3, else what is lowest at its worst late step.

    Steps are counted until the cost is within 1e-3, 1e-6 and 1e-9 of its smallest value: that of a
    named problem or of --minimum, else the lowest of all runs. Rules are compared by how often they
    ask for a gradient; a Hessian of n parameters counts as n.

    At Ctrl-C the race ends, the rules that had begun are shown and written, marked as interrupted,
    and the exit code is 130; a second Ctrl-C ends it at once.
    """
    number = arguments.whole_number(seed, "--seed", least=0, example=0) or 0
    given = Given(
        text=text,
        start=start,
        constant=constant,
        data=tuple(data or ()),
        samples=samples,
        minimum=minimum,
        seed=number,
    )
    size = arguments.whole_number(batch, "--batch", least=1, example=32)
    slope = arguments.number_from_0(tolerance, "--tolerance", "1e-8")
    budgeted = arguments.whole_number(steps, "--steps", least=0, example=5000)
    with stop_on_ctrl_c(ENDING) as stop:
        cost, begin = _begin(given, starts, box)
        rules, notes = _entrants(cost, rule or [], import_rules(own), everyone=everyone)
        folder = None
        if out is not None:
            folder = writable_folder(out, "--out")
        one = Race(
            cost=cost,
            start=begin,
            steps=budget(size_of_start(begin)) if budgeted is None else budgeted,
            entrants=rules,
            tolerance=slope,
            batch=size,
            seed=number,
        )
        one.run(stop)
        notes += _interruption(stop, one.missing())
        if one.outcomes:
            Report.of(one, text, everyone=everyone, stopped=stop.is_set()).show(notes, folder)
        else:
            typer.echo(f"symopt: {notes[-1]}; nothing is written", err=True)
    if stop.is_set():
        raise typer.Exit(stop.code)


def _begin(given: Given, starts: str | None, box: str | None) -> tuple[Cost, Any]:
    """Return the cost, and where the rules begin: at one point, or at random ones."""
    count = arguments.whole_number(starts, "--starts", least=1, example=100)
    if count is None and box is None:
        return read_problem(given)
    if count is None:
        raise RunError(f"--box {box}: say how many starts to draw there, as in --starts 100")
    if box is None:
        raise RunError(f"--starts {starts}: say where they lie, as in --box -2:2")
    return read_box(given, count, box)


def _entrants(
    cost: Cost, named: list[str], own: Mapping[str, Rule], *, everyone: bool
) -> tuple[Mapping[str, Entrant], list[str]]:
    """Return the rules that run, and notes on those left out."""
    if named and everyone:
        raise RunError(
            "--all and --rule do not go together: either every rule, or those that are named"
        )
    if named:
        return read_rules(named, own), []
    return choose_rules(cost, everyone, own)


def _interruption(stop: Stop, missing: list[str]) -> list[str]:
    """Return a line about what a race lacks that was told to stop."""
    if not stop.is_set():
        return []
    if missing:
        return [f"interrupted; not run: {', '.join(missing)}"]
    return ["interrupted in the last rule's run"]


@dataclass(frozen=True)
class Report:
    """What a race shows and writes.

    Attributes
    ----------
    race
        The race.
    finishes
        What became of each rule that ran.
    zero
        What gaps are measured from.
    content
        What the file holds beside the rules.
    sort
        Whether the lowest come first.
    """

    race: Race
    finishes: Mapping[str, Finish]
    zero: Zero
    content: dict[str, Any] = field(default_factory=dict)
    sort: bool = False

    @classmethod
    def of(cls, race: Race, text: str, *, everyone: bool, stopped: bool) -> Report:
        """Take it from a race that has run."""
        finishes = {
            name: Finish.of(outcome, race.rule(name)) for name, outcome in race.outcomes.items()
        }
        losses = [one.lowest for one in finishes.values()]
        losses += [one.best_loss for one in race.tuned.values()]
        content: dict[str, Any] = {"cost": text, "params": [p.name for p in race.cost.params]}
        if stopped:
            content |= {"interrupted": True, "not_run": race.missing()}
        return cls(race, finishes, Zero.of(race.cost, losses), content, everyone)

    def rows(self) -> dict[str, Any]:
        """Return what is told of each rule."""
        marked = edge_lines(self.race)
        rows = {
            name: {**one.row(self.zero.loss), "eta_at_edge": name in marked}
            for name, one in self.finishes.items()
        }
        if not self.sort:
            return rows
        return dict(sorted(rows.items(), key=lambda row: _or_infinity(row[1]["final_loss"])))

    def show(self, notes: list[str], folder: Path | None) -> None:
        """Print the table and the lines below it, and write both files."""
        console = Console(width=None if sys.stdout.isatty() else WIDTH)
        rows, rules = self.rows(), {name: one.rule for name, one in self.finishes.items()}
        marked, last = edge_lines(self.race), NOT_RECOMMENDED
        if "interrupted" not in self.content:
            last = recommendation(self.race, self.finishes, self.zero)
        title = f"J = {self.content['cost']}"
        console.print(table(title, rows, rules, zero=self.zero, edge=marked), markup=False)
        for line in [*marked.values(), *notes]:
            console.print(in_shell_words(line), markup=False, highlight=False, soft_wrap=True)
        if folder is not None:
            self._write(folder, rows, last)
        console.print(last, markup=False, highlight=False, soft_wrap=True)

    def _write(self, folder: Path, rows: Mapping[str, Any], last: str) -> None:
        measured = {"loss": finite_or_none(self.zero.loss), "known_minimum": self.zero.known}
        written = {
            **self.content,
            "measured_from": measured,
            "recommendation": last,
            "rules": rows,
        }
        write(folder / "race.json", json.dumps(written, indent=1, allow_nan=False).encode())
        if not drawable(self.finishes):
            typer.echo(f"wrote {folder / 'race.json'}; there is nothing to draw: J is not finite")
            return
        write(folder / "race.png", picture(self.race.outcomes, self.finishes, self.zero))
        if len(self.finishes) > DRAWN:
            typer.echo(f"the picture holds the {DRAWN} that end lowest")
        typer.echo(f"wrote {folder / 'race.png'} and {folder / 'race.json'}")


def _or_infinity(loss: float | None) -> float:
    if loss is None:
        return math.inf
    return loss
